//! Finding the records in a text: JSON lines, one array, an envelope with a list in it, values one after the other,
//! JSON as text inside JSON, and the whole records of a text that was cut off.
//!
//! What must not live here: a vendor's fields, except the names of lists in envelopes.

use serde_json::Deserializer;

use super::Source;
use super::tree::Value;

/// Names of lists in envelopes: CloudTrail (a file, and `LookupEvents`), Event Hub, Microsoft Graph, Google, Auth0 and Duo, `OneLogin`, Elasticsearch.
const LISTS: [&str; 12] = [
    "Records",
    "Events",
    "records",
    "value",
    "items",
    "logs",
    "authlogs",
    "data",
    "response",
    "events",
    "hits",
    "udm_events",
];
/// Most envelopes inside one another.
const DEPTH: usize = 6;

/// One record with the line where it, or the envelope around it, begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found<'t> {
    /// From 1.
    pub line: u32,
    /// The record.
    pub value: Value<'t>,
    /// The record as it stands in the text, where it stands there alone.
    pub raw: Option<&'t str>,
}

/// A place of the text that is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    /// From 1.
    pub line: u32,
    /// Why.
    pub reason: String,
}

/// Tells whether each line of a text is a value of its own.
pub(crate) fn is_lines(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    // Inside a text that is laid out over several lines, values are indented.
    let whole = |line: &str| {
        line.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
    };
    match lines.next() {
        None => false,
        Some(first) if whole(first) => true,
        Some(first) if first.trim_start().starts_with('[') => false,
        // A bad first line must not hide that the others are lines.
        Some(_) => lines.take(2).any(whole),
    }
}

/// Hands over every record of a text, in order; `first` is the number of its first line.
pub(crate) fn records(text: &str, first: u32, sink: &mut dyn FnMut(Result<Found<'_>, Unread>)) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_lines(text) {
        lines(text, first, sink);
    } else {
        values(text, first, sink);
    }
}

/// Reads each line by itself, so that a bad one costs only itself.
pub(crate) fn lines(text: &str, first: u32, sink: &mut dyn FnMut(Result<Found<'_>, Unread>)) {
    for (line, number) in text.split('\n').zip(first..) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        match Value::read(line) {
            Ok(value) => unpack(value, Some(line), number, DEPTH, sink),
            Err(error) => sink(Err(unread(number, &error))),
        }
    }
}

/// Reads values that may run over many lines.
fn values(text: &str, first: u32, sink: &mut dyn FnMut(Result<Found<'_>, Unread>)) {
    let mut rest = text;
    let mut line = first;
    loop {
        let trimmed = rest.trim_start();
        line = line.saturating_add(line_feeds(rest) - line_feeds(trimmed));
        rest = trimmed;
        if rest.is_empty() {
            return;
        }
        let mut stream = Deserializer::from_str(rest).into_iter::<Value<'_>>();
        match stream.next() {
            Some(Ok(value)) => {
                let (own, after) = rest.split_at(stream.byte_offset());
                unpack(value, Some(own), line, DEPTH, sink);
                line = line.saturating_add(line_feeds(own));
                rest = after;
            }
            Some(Err(error)) => {
                salvage(rest, line, sink);
                let at = u32::try_from(error.line()).unwrap_or(1);
                sink(Err(unread(
                    line.saturating_add(at.saturating_sub(1)),
                    &error,
                )));
                return;
            }
            None => return,
        }
    }
}

fn unread(line: u32, error: &serde_json::Error) -> Unread {
    let reason = if error.is_eof() {
        "the text ends in the middle of a record".to_owned()
    } else {
        // The place inside the line is serde's; the line of the file is ours.
        format!("no JSON: {error}")
    };
    Unread { line, reason }
}

fn line_feeds(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

/// Takes an envelope off; whatever looks like a vendor's record is one.
fn unpack<'t>(
    value: Value<'t>,
    raw: Option<&'t str>,
    line: u32,
    depth: usize,
    sink: &mut dyn FnMut(Result<Found<'_>, Unread>),
) {
    match value {
        Value::Array(all) if depth > 0 => {
            for one in all {
                unpack(one, None, line, depth - 1, sink);
            }
        }
        Value::String(text) if depth > 0 && text.trim_start().starts_with(['{', '[']) => {
            match Value::read(&text) {
                Ok(inner) => unpack(inner, Some(&text), line, depth - 1, sink),
                Err(error) => sink(Err(unread(line, &error))),
            }
        }
        Value::Object(mut fields) => {
            let list = LISTS
                .iter()
                .find(|name| fields.get(name).is_some_and(holds_records));
            let inner = list.and_then(|name| Some((*name, fields.take(name)?)));
            match inner {
                Some((name, (place, inner))) if depth > 0 => {
                    let whole = Value::Object(fields);
                    if Source::detect(&whole).is_none() {
                        return unpack(inner, None, line, depth - 1, sink);
                    }
                    // A record of a vendor that has a list of its own: put it back.
                    let Value::Object(mut fields) = whole else {
                        return;
                    };
                    fields.put(place, name, inner);
                    found(Value::Object(fields), raw, line, sink);
                }
                Some(_) => sink(Err(Unread {
                    line,
                    reason: "too many envelopes inside one another".to_owned(),
                })),
                None => found(Value::Object(fields), raw, line, sink),
            }
        }
        other => sink(Err(Unread {
            line,
            reason: format!("{} where a record should be", kind(&other)),
        })),
    }
}

fn found<'t>(
    value: Value<'t>,
    raw: Option<&'t str>,
    line: u32,
    sink: &mut dyn FnMut(Result<Found<'_>, Unread>),
) {
    sink(Ok(Found { line, value, raw }));
}

/// Tells whether a value may hold records: a list that is not of plain values, or an envelope around one.
fn holds_records(value: &Value<'_>) -> bool {
    match value {
        Value::Array(all) => all
            .iter()
            .all(|one| one.is_object() || one.as_str().is_some_and(|text| text.starts_with('{'))),
        Value::Object(fields) => LISTS
            .iter()
            .any(|name| fields.get(name).is_some_and(Value::is_array)),
        _ => false,
    }
}

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a flag",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Finds the whole records in a text that was cut off or has a broken one in it: every balanced object directly in
/// the first list.
fn salvage(text: &str, first: u32, sink: &mut dyn FnMut(Result<Found<'_>, Unread>)) {
    let mut line = first;
    let mut open: Vec<char> = Vec::new();
    let mut list = None;
    let mut start = None;
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        if letter == '\n' {
            line = line.saturating_add(1);
        }
        if quoted {
            (quoted, escaped) = match letter {
                _ if escaped => (true, false),
                '\\' => (true, true),
                '"' => (false, false),
                _ => (true, false),
            };
            continue;
        }
        match letter {
            '"' => quoted = true,
            '[' | '{' => {
                open.push(letter);
                if list.is_none() && letter == '[' {
                    list = Some(open.len());
                } else if list.is_some_and(|depth| open.len() == depth + 1) && letter == '{' {
                    start = Some((at, line));
                }
            }
            ']' | '}' => {
                open.pop();
                let ended = start.filter(|_| list == Some(open.len()));
                if let Some((from, line)) = ended {
                    let own = text.get(from..=at).unwrap_or_default();
                    if let Ok(value) = Value::read(own) {
                        unpack(value, Some(own), line, 1, sink);
                    }
                    start = None;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn read(text: &str) -> (Vec<(u32, String)>, Vec<u32>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        records(text, 1, &mut |one| match one {
            Ok(found) => good.push((found.line, found.value.written())),
            Err(unread) => bad.push(unread.line),
        });
        (good, bad)
    }

    #[rstest]
    #[case::lines("{\"a\":1}\n\n{\"a\":2}\n", &[1, 3], &[])]
    #[case::bom("\u{feff}{\"a\":1}\r\n{\"a\":2}", &[1, 2], &[])]
    #[case::a_bad_line("{\"a\":1}\n{\"a\":\n{\"a\":3}\n", &[1, 3], &[2])]
    #[case::a_bad_first_line("{\"a\":\n{\"a\":2}\n", &[2], &[1])]
    #[case::array("[{\"a\":1},\n {\"a\":2}]", &[1, 1], &[])]
    #[case::pretty("{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", &[1, 4], &[])]
    #[case::cloudtrail("{\"Records\":[{\"a\":1},{\"a\":2}]}", &[1, 1], &[])]
    #[case::graph("{\"@odata.context\":\"x\",\"value\":[{\"a\":1}]}", &[1], &[])]
    #[case::duo("{\"response\":{\"authlogs\":[{\"a\":1}]},\"stat\":\"OK\"}", &[1], &[])]
    #[case::elastic("{\"took\":1,\"hits\":{\"total\":1,\"hits\":[{\"a\":1}]}}", &[1], &[])]
    #[case::text_in_json("\"{\\\"a\\\":1}\"\n", &[1], &[])]
    #[case::lines_of_text("[\"{\\\"a\\\":1}\"]", &[1], &[])]
    #[case::cut_array("[{\"a\":1},\n{\"a\":2},\n{\"a\":", &[1, 2], &[3])]
    #[case::cut_envelope("{\"x\":{\"y\":1},\"Records\":[{\"a\":[{}]},\n{\"a\":\"]}\"},{\"a", &[1, 2], &[2])]
    #[case::numbers("[1,2]", &[], &[1, 1])]
    #[case::no_json("hello\nworld", &[], &[1])]
    #[case::empty("", &[], &[])]
    #[case::an_empty_list("{\"Records\":[]}", &[], &[])]
    #[case::a_list_of_words("{\"data\":[\"x\"]}", &[1], &[])]
    fn envelopes(#[case] text: &str, #[case] good: &[u32], #[case] bad: &[u32]) {
        let (records, faults) = read(text);
        let lines: Vec<u32> = records.iter().map(|(line, _)| *line).collect();
        assert_eq!((lines.as_slice(), faults.as_slice()), (good, bad));
    }

    #[test]
    fn deep_nesting_is_a_fault() {
        let text = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let (good, bad) = read(&text);
        assert_eq!((good.len(), bad.len()), (0, 1));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(?s)[\\[\\]{}\",:a1\\\\\n ]{0,80}") {
            read(&text);
        }

        /// Cutting a list anywhere gives the whole records before the cut.
        #[test]
        fn a_cut_list_keeps_its_whole_records(count in 1_usize..6, cut in 0.0_f64..1.0) {
            let whole: Vec<String> = (0..count).map(|i| format!("{{\"n\":{i},\"t\":\"]}}{{\"}}")).collect();
            let text = format!("[\n{}\n]", whole.join(",\n"));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a short text")]
            let at = (text.len() as f64 * cut) as usize;
            let short = text.get(..at).unwrap_or_default();
            let expected = whole.iter().scan(2, |start, one| { let end = *start + one.len(); *start = end + 2; Some(end) }).filter(|end| *end <= at).count();
            prop_assert_eq!(read(short).0.len(), expected);
        }
    }
}
