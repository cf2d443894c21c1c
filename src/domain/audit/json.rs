//! The narrow JSON of the log: printable ASCII, whole numbers below 2^53, no repeated keys, at most 8 levels.
//!
//! There is one way to write a value: no spaces, `\"` and `\\`, everything outside 0x20..0x7E as `\u` with four
//! lower-case digits. The reader takes that and nothing else, so two spellings of one key cannot hide a repetition.
//!
//! What must not live here: what the values mean.

use std::fmt::Write as _;

use serde_json::Value;

/// Greatest number that may stand in a record, and its negative the least.
pub const MAX_INT: u64 = (1 << 53) - 1;
/// Levels of objects and arrays, the line itself being the first.
pub const MAX_DEPTH: u32 = 8;

/// Says why a value cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A number with a fraction or an exponent.
    #[error("a number is not whole")]
    Float,
    /// A number of 2^53 or more.
    #[error("a number is 2^53 or more")]
    Range,
    /// More than 8 levels.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
}

/// Says why bytes are not the narrow JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Where in the line.
    pub at: usize,
}

/// Writes a value; `depth` is the level it stands on.
pub(super) fn write(value: &Value, depth: u32, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::String(text) => write_string(text, out),
        Value::Number(number) => {
            let size = match (number.as_u64(), number.as_i64()) {
                (Some(size), _) => size,
                (None, Some(negative)) => negative.unsigned_abs(),
                (None, None) => return Err(ValueError::Float),
            };
            if size > MAX_INT {
                return Err(ValueError::Range);
            }
            let _infallible = write!(out, "{number}");
        }
        Value::Array(items) => {
            check_depth(depth)?;
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            check_depth(depth)?;
            out.push('{');
            for (i, (key, item)) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(item, depth + 1, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn check_depth(depth: u32) -> Result<(), ValueError> {
    if depth > MAX_DEPTH {
        Err(ValueError::Depth)
    } else {
        Ok(())
    }
}

/// Writes a text between quotes.
pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            _ => push_escaped(c, out),
        }
    }
    out.push('"');
}

/// Gives the bytes a text takes between the quotes.
pub(super) fn escaped_len(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => 2,
            ' '..='~' => 1,
            _ => 6 * c.len_utf16(),
        })
        .sum()
}

/// Writes any JSON value as printable ASCII in one line, for output that a terminal may meet.
///
/// The limits of the log do not hold here: fractions and deeper levels are written as they are.
pub fn ascii(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            ' '..='~' => out.push(c),
            // Outside of strings JSON is ASCII, so an escape can only fall into a string.
            _ => push_escaped(c, &mut out),
        }
    }
    out
}

fn push_escaped(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _infallible = write!(out, "\\u{unit:04x}");
    }
}

/// Reads the narrow JSON from the start of a line; every step says where it failed.
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

type Step<T> = Result<T, Malformed>;

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// Gives the place reached.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn fail<T>(&self) -> Step<T> {
        Err(Malformed { at: self.at })
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn since(&self, start: usize) -> &'a [u8] {
        self.line.get(start..self.at).unwrap_or_default()
    }

    fn rest(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Takes exactly these bytes.
    pub(super) fn literal(&mut self, expected: &[u8]) -> Step<()> {
        if self.rest().starts_with(expected) {
            self.at += expected.len();
            return Ok(());
        }
        // Something else: how far it goes along says where.
        for byte in expected {
            if self.peek() != Some(*byte) {
                return self.fail();
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Takes the end of the line.
    pub(super) fn end(&self) -> Step<()> {
        if self.at == self.line.len() {
            Ok(())
        } else {
            self.fail()
        }
    }

    /// Takes a string and gives what stands between the quotes, still escaped.
    pub(super) fn string(&mut self) -> Step<&'a [u8]> {
        self.literal(b"\"")?;
        let start = self.at;
        loop {
            self.at += plain_from(self.rest());
            match self.peek() {
                Some(b'"') => {
                    let inner = self.since(start);
                    self.at += 1;
                    return Ok(inner);
                }
                Some(b'\\') => self.escape()?,
                _ => return self.fail(),
            }
        }
    }

    fn escape(&mut self) -> Step<()> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                let fits = match self.unit()? {
                    0x20..=0x7E | 0xDC00..=0xDFFF => false,
                    0xD800..=0xDBFF => {
                        self.literal(b"\\u")?;
                        (0xDC00..=0xDFFF).contains(&self.unit()?)
                    }
                    _ => true,
                };
                if fits {
                    Ok(())
                } else {
                    Err(Malformed { at: start })
                }
            }
            _ => self.fail(),
        }
    }

    fn unit(&mut self) -> Step<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(digit @ b'0'..=b'9') => digit - b'0',
                Some(digit @ b'a'..=b'f') => digit - b'a' + 10,
                _ => return self.fail(),
            };
            unit = (unit << 4) | u16::from(digit);
            self.at += 1;
        }
        Ok(unit)
    }

    /// Takes a whole number from 0 to 2^53-1 without leading zeros.
    pub(super) fn number(&mut self) -> Step<u64> {
        let start = self.at;
        let mut number: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number * 10 + u64::from(digit - b'0');
            if number > MAX_INT {
                return Err(Malformed { at: start });
            }
            self.at += 1;
        }
        match self.since(start) {
            [] | [b'0', _, ..] => Err(Malformed { at: start }),
            _ => Ok(number),
        }
    }

    /// Takes an object standing on level `depth` and gives its bytes.
    pub(super) fn object(&mut self, depth: u32) -> Step<&'a [u8]> {
        let start = self.at;
        if depth > MAX_DEPTH {
            return self.fail();
        }
        self.literal(b"{")?;
        let mut keys = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(self.since(start));
        }
        loop {
            keys.push(self.string()?);
            self.literal(b":")?;
            self.value(depth + 1)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.fail(),
            }
        }
        if repeats(&mut keys) {
            return self.fail();
        }
        self.at += 1;
        Ok(self.since(start))
    }

    fn array(&mut self, depth: u32) -> Step<()> {
        if depth > MAX_DEPTH {
            return self.fail();
        }
        self.literal(b"[")?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.fail(),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: u32) -> Step<()> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(depth).map(drop),
            Some(b'[') => self.array(depth),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-') => {
                self.at += 1;
                if self.number()? == 0 {
                    self.fail()
                } else {
                    Ok(())
                }
            }
            _ => self.number().map(drop),
        }
    }
}

/// Counts the bytes at the beginning that stand for themselves in a string.
fn plain_from(bytes: &[u8]) -> usize {
    const WIDTH: usize = 16;
    // Numbers and no branches, so that sixteen are judged at once: most of a log is strings.
    let other = |byte: &u8| {
        let is_ascii = (b' '..=b'~').contains(byte);
        u8::from(!is_ascii) | u8::from(*byte == b'"') | u8::from(*byte == b'\\')
    };
    let (wide, _) = bytes.as_chunks::<WIDTH>();
    let plain = |chunk: &&[u8; WIDTH]| chunk.iter().fold(0, |all, byte| all | other(byte)) == 0;
    let sure = wide.iter().take_while(plain).count() * WIDTH;
    let rest = bytes.get(sure..).unwrap_or_default();
    sure + rest.iter().take_while(|byte| other(byte) == 0).count()
}

/// Tells whether a key stands twice. Sorting keeps a hostile line of thousands of keys cheap.
fn repeats(keys: &mut [&[u8]]) -> bool {
    if keys.len() <= 16 {
        let mut rest = &*keys;
        while let [first, others @ ..] = rest {
            if others.contains(first) {
                return true;
            }
            rest = others;
        }
        return false;
    }
    keys.sort_unstable();
    keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(b"{}", true)]
    #[case(br#"{"a":1,"b":[true,false,null,-5,"x"]}"#, true)]
    #[case(br#"{"a":1,"a":2}"#, false)]
    #[case(br#"{"a":1,"\u0061":2}"#, false)]
    #[case(br#"{"a": 1}"#, false)]
    #[case(br#"{"a":1.5}"#, false)]
    #[case(br#"{"a":1e3}"#, false)]
    #[case(br#"{"a":01}"#, false)]
    #[case(br#"{"a":-0}"#, false)]
    #[case(br#"{"a":9007199254740991}"#, true)]
    #[case(br#"{"a":9007199254740992}"#, false)]
    #[case(br#"{"a":99999999999999999999999999}"#, false)]
    #[case(br#"{"a":"\ud83d\ude00"}"#, true)]
    #[case(br#"{"a":"\ud83d"}"#, false)]
    #[case(br#"{"a":"\ude00"}"#, false)]
    #[case(br#"{"a":"\u001B"}"#, false)]
    #[case(br#"{"a":"\n"}"#, false)]
    #[case(br#"{"a":"\/"}"#, false)]
    #[case(b"{\"a\":\"\x7f\"}", false)]
    #[case(b"{\"a\":\"\x1b\"}", false)]
    #[case(br#"{"a":}"#, false)]
    #[case(br#"{"a":1,}"#, false)]
    #[case(br#"{"a":[1,]}"#, false)]
    #[case(br#"{"a":tru}"#, false)]
    #[case(br#"{"a"#, false)]
    fn the_reader_takes_one_spelling(#[case] text: &[u8], #[case] fits: bool) {
        let mut cursor = Cursor::new(text);
        let read = cursor.object(2).and_then(|_| cursor.end());
        assert_eq!(read.is_ok(), fits);
    }

    #[test]
    fn many_keys_are_checked_for_repetition_too() {
        let keys: Vec<String> = (0..40).map(|i| format!("\"k{i}\":{i}")).collect();
        let good = format!("{{{}}}", keys.join(","));
        let bad = format!("{{{},\"k7\":0}}", keys.join(","));
        assert!(Cursor::new(good.as_bytes()).object(2).is_ok());
        assert!(Cursor::new(bad.as_bytes()).object(2).is_err());
    }

    #[test]
    fn depth_ends_at_eight_for_writer_and_reader() {
        let mut value = json!(1);
        for _ in 0..7 {
            value = json!([value]);
        }
        let mut out = String::new();
        assert_eq!(
            write(&json!({ "a": value }), 2, &mut out),
            Err(ValueError::Depth)
        );
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(7), "]".repeat(7));
        assert!(Cursor::new(deep.as_bytes()).object(2).is_err());
        let fits = format!("{{\"a\":{}1{}}}", "[".repeat(6), "]".repeat(6));
        assert!(Cursor::new(fits.as_bytes()).object(2).is_ok());
    }

    #[rstest]
    #[case(json!(1.5), ValueError::Float)]
    #[case(json!(1e300), ValueError::Float)]
    #[case(json!(1_u64 << 53), ValueError::Range)]
    #[case(json!(-(1_i64 << 53)), ValueError::Range)]
    fn what_cannot_be_written_is_refused(#[case] value: Value, #[case] why: ValueError) {
        assert_eq!(write(&value, 2, &mut String::new()), Err(why));
    }

    proptest! {
        #[test]
        fn any_text_is_written_in_ascii_and_reads_back(text in any::<String>()) {
            let mut out = String::new();
            write_string(&text, &mut out);
            prop_assert!(out.bytes().all(|b| (0x20..=0x7e).contains(&b)));
            prop_assert_eq!(out.len(), escaped_len(&text) + 2);
            let mut cursor = Cursor::new(out.as_bytes());
            prop_assert!(cursor.string().is_ok() && cursor.end().is_ok());
            prop_assert_eq!(serde_json::from_str::<String>(&out)?, text);
        }

        #[test]
        fn what_stands_for_itself_ends_at_the_first_byte_that_does_not(plain in "[ !#-\\[\\]-~]{0,50}", other in any::<u8>()) {
            let stands = matches!(other, b' '..=b'~') && other != b'"' && other != b'\\';
            let bytes = [plain.as_bytes(), &[other], plain.as_bytes()].concat();
            let expected = if stands { bytes.len() } else { plain.len() };
            prop_assert_eq!(plain_from(&bytes), expected);
        }

        #[test]
        fn the_reader_never_panics_and_accepts_only_json(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut cursor = Cursor::new(&bytes);
            if let Ok(object) = cursor.object(2) {
                prop_assert!(serde_json::from_slice::<Value>(object).is_ok());
            }
        }
    }
}
