//! The filter language of the activity: terms that must all hold, read from one line and printed back as one.
//!
//! A term is a text, or `field:value`, and a minus before it turns it round. A value is a word, a text in quotation marks
//! or a regular expression between strokes; upper and lower case are the same everywhere. What must not live here: which
//! rows pass (see `activity::matching`), what completes a term (see `completion`).

mod completion;
mod reading;
#[cfg(test)]
mod tests;

use std::fmt;

use regex::{Regex, RegexBuilder};

use super::activity::Outcome;
use super::event::{Act, Term as _};
use super::finding::Rule;
use super::lane::Lane;
use crate::domain::text::{Safe, Untrusted};

pub use completion::completions;

/// Most bytes a compiled expression and its cache may take each; matching is linear in the text whatever the expression.
const EXPRESSION_MAX: usize = 1 << 20;
/// How deep an expression may be nested.
const NESTED_MAX: u32 = 50;

/// Makes the fields with their names.
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $key:literal;)+) => {
        /// What of an event a term looks at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field {
            $($(#[$doc])* $name,)+
        }

        impl Field {
            /// Lists all fields.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Gives the name as typed before the colon.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key,)+
                }
            }
        }
    };
}

fields! {
    /// Who acted or whom it was done to: id, login, mail.
    User = "user";
    /// The source address: one address, a network such as `10.0.0.0/8`, or a part.
    Ip = "ip";
    /// City and country of the source.
    Place = "place";
    /// Who runs the network of the source.
    Network = "network";
    /// The user agent.
    Agent = "agent";
    /// The device.
    Device = "device";
    /// The session.
    Session = "session";
    /// What it was done to.
    Object = "object";
    /// The vendor's word for what was done.
    Action = "action";
    /// Where the record comes from.
    Provider = "provider";
    /// The lane, by the beginning of its name.
    Lane = "lane";
    /// The outcome, by the beginning of its name.
    Outcome = "outcome";
    /// What was done, by the beginning of the word that is the same for every vendor.
    Act = "act";
    /// The rule of a finding that rests on the event, by the beginning of its id.
    Finding = "finding";
    /// What somebody tagged it with.
    Tag = "tag";
    /// What it is beside its fields.
    Is = "is";
    /// The whole record as it came.
    Raw = "raw";
}

/// What an event can be beside its fields.
pub const STATES: [&str; 6] = ["finding", "marked", "noted", "tagged", "posted", "other"];

impl Field {
    /// Finds a field by its name.
    pub fn named(name: &str) -> Option<Self> {
        let same = |field: &&Self| field.key().eq_ignore_ascii_case(name);
        Self::ALL.iter().find(same).copied()
    }

    /// Gives the words it takes, where these are a closed list.
    pub fn words(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Lane => Some(Lane::ALL.into_iter().map(Lane::key).collect()),
            Self::Outcome => {
                let all = [Outcome::Success, Outcome::Failure, Outcome::Unknown];
                // What the list of events shows is a word for it too.
                Some(all.map(Outcome::key).into_iter().chain(["ok"]).collect())
            }
            Self::Act => Some(Act::ALL.iter().map(|act| act.key()).collect()),
            Self::Finding => Some(Rule::ALL.iter().map(|rule| rule.id()).collect()),
            Self::Is => Some(STATES.to_vec()),
            _ => None,
        }
    }
}

/// A regular expression that is compiled; two are the same when they are written the same.
#[derive(Clone, Debug)]
pub struct Expression {
    source: String,
    regex: Regex,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

impl Expression {
    /// Compiles an expression of the `regex` crate's syntax; the error says why it is none.
    pub fn new(source: &str) -> Result<Self, Safe> {
        let built = RegexBuilder::new(source)
            .case_insensitive(true)
            .size_limit(EXPRESSION_MAX)
            .dfa_size_limit(EXPRESSION_MAX)
            .nest_limit(NESTED_MAX)
            .build();
        match built {
            Ok(regex) => Ok(Self {
                source: source.to_owned(),
                regex,
            }),
            Err(regex::Error::CompiledTooBig(_)) => Err("the expression is too large".into()),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                let why = last.strip_prefix("error: ").unwrap_or(last);
                Err(Untrusted::new(why).field())
            }
        }
    }

    /// Gives the compiled expression.
    pub(super) fn compiled(&self) -> &Regex {
        &self.regex
    }

    /// Tells whether it is found in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// It stands somewhere in the text; of a closed list of words it is the beginning of one.
    Part(String),
    /// It is the whole text.
    Whole(String),
    /// It is found in the text.
    Regex(Expression),
}

impl Pattern {
    /// Tells whether it means a word of a closed list; there, a blank and a minus are an underscore.
    pub fn means(&self, word: &str) -> bool {
        let plain = |text: &str| text.to_lowercase().replace([' ', '-'], "_");
        match self {
            Self::Part(part) => word.starts_with(&plain(part)),
            Self::Whole(whole) => word == plain(whole),
            Self::Regex(expression) => expression.is_in(word),
        }
    }
}

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whether it must not hold.
    pub not: bool,
    /// What it looks at; `None` is every field that is shown.
    pub field: Option<Field>,
    /// The value.
    pub value: Pattern,
}

impl Term {
    /// Makes the term that a field is exactly this text.
    pub fn whole(field: Field, text: impl Into<String>) -> Self {
        Self {
            not: false,
            field: Some(field),
            value: Pattern::Whole(text.into()),
        }
    }
}

/// Terms that must all hold; without any, everything passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The terms, as typed.
    pub terms: Vec<Term>,
}

impl Filter {
    /// Reads a line; the error names the place.
    pub fn parse(line: &str) -> Result<Self, FilterError> {
        reading::read(line)
    }

    /// Tells whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

/// Why a line is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// At which character, from 1.
    pub at: usize,
    /// What is wrong there.
    pub what: Safe,
}

impl FilterError {
    /// Gives it as one line.
    pub fn line(&self) -> Safe {
        crate::safe!("at {}: {}", self.at, self.what)
    }
}

impl fmt::Display for Filter {
    /// Prints the line that reads back as the same filter. The text may hold anything: it is shown through `Untrusted`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, term) in self.terms.iter().enumerate() {
            let gap = if place == 0 { "" } else { " " };
            write!(out, "{gap}{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not {
            out.write_str("-")?;
        }
        if let Some(field) = self.field {
            write!(out, "{}:", field.key())?;
        }
        match &self.value {
            Pattern::Part(text) if self.field.is_none() && !reading::is_plain(text) => {
                quoted(out, text)
            }
            Pattern::Part(text) => out.write_str(text),
            Pattern::Whole(text) => quoted(out, text),
            Pattern::Regex(expression) => {
                write!(out, "/{}/", expression.source.replace('/', "\\/"))
            }
        }
    }
}

fn quoted(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    write!(out, "\"{escaped}\"")
}
