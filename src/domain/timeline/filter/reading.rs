//! Reading a filter from a line, character by character; every error names its place.
//!
//! What must not live here: printing it.

use super::{Expression, Field, Filter, FilterError, Pattern, Term};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Reads all terms of a line.
pub(super) fn read(line: &str) -> Result<Filter, FilterError> {
    let mut reader = Reader {
        chars: line.chars().collect(),
        at: 0,
    };
    let mut terms = Vec::new();
    loop {
        while reader.peek().is_some_and(char::is_whitespace) {
            reader.at += 1;
        }
        if reader.peek().is_none() {
            return Ok(Filter { terms });
        }
        terms.push(reader.term()?);
    }
}

/// Tells whether a text reads as itself where a text is looked for.
pub(super) fn is_plain(text: &str) -> bool {
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
    };
    let begins = !matches!(reader.peek(), None | Some('"' | '/' | '-'));
    begins && !text.contains(char::is_whitespace) && reader.name().is_none()
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    /// Tells whether a term ends here.
    fn is_end(&self) -> bool {
        self.peek().is_none_or(char::is_whitespace)
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        let not = self.peek() == Some('-');
        if not {
            self.at += 1;
            if self.is_end() {
                return Err(error(self.at - 1, "nothing follows the minus"));
            }
        }
        let start = self.at;
        let field = match self.name() {
            Some(name) => Some(Field::named(&name).ok_or_else(|| no_field(start, &name))?),
            None => None,
        };
        let start = self.at;
        let value = self.value(field)?;
        if let Some((field, words)) = field.and_then(|field| Some((field, field.words()?)))
            && !words.iter().any(|word| value.means(word))
        {
            return Err(no_word(start, field, &words));
        }
        Ok(Term { not, field, value })
    }

    /// Reads the letters before a colon, and the colon; without a colon it reads nothing.
    fn name(&mut self) -> Option<String> {
        let rest = self.chars.get(self.at..)?;
        let letters = rest.iter().take_while(|c| c.is_ascii_alphabetic()).count();
        if letters == 0 || rest.get(letters) != Some(&':') {
            return None;
        }
        self.at += letters + 1;
        Some(rest.iter().take(letters).collect())
    }

    fn value(&mut self, field: Option<Field>) -> Result<Pattern, FilterError> {
        if self.is_end() {
            let name = field.map_or("the term", Field::key);
            return Err(error(self.at, safe!("{} needs a value", name)));
        }
        match self.peek() {
            Some('"') => {
                let text = self.quoted()?;
                Ok(match field {
                    Some(_) => Pattern::Whole(text),
                    None => Pattern::Part(text),
                })
            }
            Some('/') => self.expression().map(Pattern::Regex),
            _ => {
                let mut text = String::new();
                while !self.is_end() {
                    text.extend(self.next());
                }
                Ok(Pattern::Part(text))
            }
        }
    }

    fn quoted(&mut self) -> Result<String, FilterError> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => break,
                Some('\\') => match self.next() {
                    Some(c) => text.push(c),
                    None => return Err(error(open, "the quotation mark is not closed")),
                },
                Some(c) => text.push(c),
                None => return Err(error(open, "the quotation mark is not closed")),
            }
        }
        if text.is_empty() {
            return Err(error(open, "nothing stands between the quotation marks"));
        }
        self.ended("the quotation mark")?;
        Ok(text)
    }

    fn expression(&mut self) -> Result<Expression, FilterError> {
        let open = self.at;
        self.at += 1;
        let mut source = String::new();
        loop {
            match self.next() {
                Some('/') => break,
                Some('\\') => match self.next() {
                    Some('/') => source.push('/'),
                    Some(c) => source.extend(['\\', c]),
                    None => return Err(error(open, "the stroke is not closed")),
                },
                Some(c) => source.push(c),
                None => return Err(error(open, "the stroke is not closed")),
            }
        }
        if source.is_empty() {
            return Err(error(open, "nothing stands between the strokes"));
        }
        self.ended("the stroke")?;
        Expression::new(&source).map_err(|why| error(open, safe!("no expression: {}", why)))
    }

    fn ended(&self, sign: &'static str) -> Result<(), FilterError> {
        if self.is_end() {
            Ok(())
        } else {
            Err(error(self.at, safe!("a blank must follow {}", sign)))
        }
    }
}

/// Makes an error at the character with an index.
fn error(index: usize, what: impl Into<Safe>) -> FilterError {
    FilterError {
        at: index + 1,
        what: what.into(),
    }
}

fn no_field(index: usize, name: &str) -> FilterError {
    let all = Field::ALL.iter().map(|field| Safe::fixed(field.key()));
    let what = safe!(
        "no field is called {}; a text with a colon stands in quotation marks; there are {}",
        Untrusted::new(name).field(),
        Safe::join(all, &Safe::fixed(" "))
    );
    error(index, what)
}

fn no_word(index: usize, field: Field, words: &[&'static str]) -> FilterError {
    let all = words.iter().copied().map(Safe::fixed);
    let what = safe!(
        "no such {}; there are {}",
        field.key(),
        Safe::join(all, &Safe::fixed(" "))
    );
    error(index, what)
}
