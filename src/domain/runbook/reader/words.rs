//! The words of one step, gathered from its blocks.
//!
//! What must not live here: what the words say.

use super::blocks::Inline;
use super::conditions;

/// The words of one step before they are read for marks.
pub(super) struct Words<'a> {
    /// The first paragraph, which gives the label.
    pub first: &'a Inline,
    /// All own words, without sub-steps.
    pub all: String,
    /// Own words and fences: what the key is made of.
    pub exact: String,
    pub codes: Vec<&'a str>,
    pub links: Vec<&'a str>,
    /// The first thing below its first paragraph when that is an aside: `(Requires email tools)`.
    pub aside: Option<&'a str>,
    /// How many paragraphs it has so far.
    paragraphs: usize,
}

impl<'a> Words<'a> {
    pub fn of(first: &'a Inline) -> Self {
        Self {
            first,
            all: String::new(),
            exact: String::new(),
            codes: Vec::new(),
            links: Vec::new(),
            aside: None,
            paragraphs: 0,
        }
    }

    pub fn add(&mut self, inline: &'a Inline, own: &str) {
        if self.paragraphs == 1 {
            self.aside = conditions::whole_aside(&inline.text);
        }
        self.paragraphs += 1;
        if !self.all.is_empty() {
            self.all.push(' ');
        }
        self.all.push_str(own.trim());
        self.exact.push_str(own);
        self.exact.push('\n');
        self.codes
            .extend(inline.codes.iter().map(|(code, _)| code.as_str()));
        self.links
            .extend(inline.links.iter().map(|(link, _)| link.as_str()));
    }

    pub fn add_code(&mut self, code: &'a str) {
        self.exact.push_str(code);
        self.codes.extend(code.lines().map(str::trim));
    }
}

/// Splits `Monitor for: a. this b. that` on hard breaks into the words and the lettered sub-steps with their line offset.
pub(super) fn split_lettered(text: &str) -> (String, Vec<(usize, String)>) {
    let mut own = String::new();
    let mut lettered: Vec<(usize, String)> = Vec::new();
    for (offset, line) in text.split('\n').enumerate() {
        match letter_of(line.trim()) {
            Some(rest) => lettered.push((offset, rest.to_owned())),
            None if lettered.is_empty() => {
                if !own.is_empty() {
                    own.push(' ');
                }
                own.push_str(line.trim());
            }
            None => {
                if let Some((_, last)) = lettered.last_mut() {
                    last.push(' ');
                    last.push_str(line.trim());
                }
            }
        }
    }
    (own, lettered)
}

/// `a. Unusual login` gives its words.
fn letter_of(line: &str) -> Option<&str> {
    let (mark, rest) = line.split_once(' ')?;
    let letter = mark.strip_suffix(['.', ')'])?;
    let single = letter.chars().count() == 1 && letter.chars().all(|c| c.is_ascii_lowercase());
    single.then_some(rest)
}
