//! Reading one table of the file field by field: types, lists, words, durations, unknown names.
//!
//! What must not live here: which fields a section has; the modules named after the sections know that.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration::{parse_duration, show_duration};
use super::fault::Faults;
use super::nearest::nearest;
use super::secret;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Longest text of one value, in bytes.
const MAX_TEXT: usize = 4096;

/// One value with its place and its name.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    value: &'a DeValue<'a>,
    pub(super) span: Range<usize>,
    pub(super) field: Safe,
}

/// One table with its place and its name.
pub(super) struct Section<'a> {
    table: &'a DeTable<'a>,
    pub(super) span: Range<usize>,
    pub(super) field: Safe,
}

impl<'a> Section<'a> {
    /// Takes the table of the whole file.
    pub(super) fn whole(table: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            table: table.get_ref(),
            span: 0..0,
            field: Safe::default(),
        }
    }

    /// Gives the value of a field.
    pub(super) fn get(&self, key: &'static str) -> Option<Entry<'a>> {
        let value = self.table.get(key)?;
        let field = self.path(Safe::fixed(key));
        Some(Entry {
            value: value.get_ref(),
            span: value.span(),
            field,
        })
    }

    /// Gives the value of a field that must be there.
    pub(super) fn need(
        &self,
        faults: &mut Faults<'_>,
        key: &'static str,
        hint: Safe,
    ) -> Option<Entry<'a>> {
        let entry = self.get(key);
        if entry.is_none() {
            faults.missing(&self.span, &self.path(Safe::fixed(key)), hint);
        }
        entry
    }

    /// Gives every field in the order of the text: its name, where the name stands, its value.
    pub(super) fn entries(&self) -> Vec<(&'a str, Range<usize>, Entry<'a>)> {
        let mut all: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| {
                let field = self.path(Untrusted::new(key.get_ref().as_ref()).ident());
                let entry = Entry {
                    value: value.get_ref(),
                    span: value.span(),
                    field,
                };
                (key.get_ref().as_ref(), key.span(), entry)
            })
            .collect();
        all.sort_by_key(|(_, span, _)| span.start);
        all
    }

    /// Refuses fields that are not known, with the nearest known name; a written-out secret gets its own words.
    pub(super) fn refuse_unknown(&self, faults: &mut Faults<'_>, known: &[&'static str]) {
        for (key, span, entry) in self.entries() {
            if known.contains(&key) {
                continue;
            }
            if secret::is_secret_name(key) {
                secret::refuse_inline(faults, &span, &entry.field);
                continue;
            }
            let hint = nearest(key, known).map_or_else(
                || safe!("known here: {}", words(known)),
                |name| safe!("did you mean {}?", name),
            );
            faults.fault(
                &span,
                &entry.field,
                "is not a known field".into(),
                Some(hint),
            );
        }
    }

    pub(super) fn path(&self, key: Safe) -> Safe {
        if self.field.is_empty() {
            key
        } else {
            safe!("{}.{}", self.field, key)
        }
    }
}

impl<'a> Entry<'a> {
    /// Notes a fault of this value.
    pub(super) fn fault(&self, faults: &mut Faults<'_>, what: Safe, hint: Option<Safe>) {
        faults.fault(&self.span, &self.field, what, hint);
    }

    /// Gives it as a table.
    pub(super) fn section(&self, faults: &mut Faults<'_>) -> Option<Section<'a>> {
        let Some(table) = self.value.as_table() else {
            self.wrong_type(faults, "a table");
            return None;
        };
        Some(Section {
            table,
            span: self.span.clone(),
            field: self.field.clone(),
        })
    }

    /// Tells whether it is text, good or bad.
    pub(super) fn is_text(&self) -> bool {
        self.value.is_str()
    }

    /// Gives it as text: neither empty nor too long, without control characters.
    pub(super) fn text(&self, faults: &mut Faults<'_>) -> Option<&'a str> {
        let Some(text) = self.value.as_str() else {
            self.wrong_type(faults, "text in quotes");
            return None;
        };
        let what = if text.trim().is_empty() {
            "is empty"
        } else if text.len() > MAX_TEXT {
            "is longer than 4096 bytes"
        } else if text.chars().any(char::is_control) {
            "contains a control character"
        } else {
            return Some(text);
        };
        self.fault(faults, what.into(), None);
        None
    }

    /// Gives it as a list; the parts are named by their place, counted from 1.
    pub(super) fn list(&self, faults: &mut Faults<'_>) -> Option<Vec<Entry<'a>>> {
        let Some(array) = self.value.as_array() else {
            self.wrong_type(faults, "a list in square brackets");
            return None;
        };
        let entry = |(at, value): (usize, &'a Spanned<DeValue<'a>>)| Entry {
            value: value.get_ref(),
            span: value.span(),
            field: safe!("{}[{}]", self.field, at + 1),
        };
        Some(array.iter().enumerate().map(entry).collect())
    }

    /// Gives it as a list of texts; those that are good, where some are not.
    pub(super) fn texts(&self, faults: &mut Faults<'_>) -> Option<Vec<String>> {
        let list = self.list(faults)?;
        Some(
            list.iter()
                .filter_map(|part| part.text(faults))
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Gives it as one of a few words.
    pub(super) fn one_of<T: Copy>(
        &self,
        faults: &mut Faults<'_>,
        choice: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(faults)?;
        let found = choice
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&'static str> = choice.iter().map(|(word, _)| *word).collect();
            let hint = nearest(text, &known).map(|word| safe!("did you mean \"{}\"?", word));
            let what = safe!(
                "\"{}\" is none of {}",
                Untrusted::new(text).field(),
                words(&known)
            );
            self.fault(faults, what, hint);
        }
        found
    }

    /// Gives it as a whole number within a range.
    pub(super) fn number(
        &self,
        faults: &mut Faults<'_>,
        range: &RangeInclusive<u32>,
    ) -> Option<u32> {
        let Some(integer) = self.value.as_integer() else {
            self.wrong_type(faults, "a whole number");
            return None;
        };
        let digits = integer.as_str().replace('_', "");
        let number = u32::from_str_radix(&digits, integer.radix()).ok();
        let fits = number.filter(|number| range.contains(number));
        if fits.is_none() {
            let what = safe!("is not within {} to {}", range.start(), range.end());
            self.fault(faults, what, None);
        }
        fits
    }

    /// Gives it as true or false.
    pub(super) fn flag(&self, faults: &mut Faults<'_>) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.wrong_type(faults, "true or false");
        }
        flag
    }

    /// Gives it as a duration within a range.
    pub(super) fn duration(
        &self,
        faults: &mut Faults<'_>,
        range: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let text = self.text(faults)?;
        let hint = Some("write a whole number and a unit: 15s, 10m, 2h, 1d".into());
        match parse_duration(text) {
            Ok(duration) if range.contains(&duration) => return Some(duration),
            Ok(_) => {
                let (low, high) = (show_duration(*range.start()), show_duration(*range.end()));
                self.fault(faults, safe!("is not within {} to {}", low, high), None);
            }
            Err(fault) => {
                let why = match fault {
                    super::duration::DurationError::Form => "is not a duration",
                    super::duration::DurationError::TooLong => "is too long a duration",
                };
                let what = safe!("\"{}\" {}", Untrusted::new(text).field(), why);
                self.fault(faults, what, hint);
            }
        }
        None
    }

    fn wrong_type(&self, faults: &mut Faults<'_>, expected: &'static str) {
        let found = match self.value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fault(faults, safe!("is {}, not {}", found, expected), None);
    }
}

/// Joins known words with commas.
pub(super) fn words(known: &[&'static str]) -> Safe {
    Safe::join(
        known.iter().map(|word| Safe::fixed(word)),
        &Safe::fixed(", "),
    )
}
