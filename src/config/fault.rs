//! A fault of the configuration with its place, and the collector that gathers all of them.
//!
//! What must not live here: rules of single fields; those are in the modules named after their subject.

use std::fmt;
use std::ops::Range;

use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// One thing that is wrong in a configuration, or worth a warning.
///
/// Printed as `FILE:LINE: FIELD: what`, and the hint on a line of its own. Values of fields that may hold
/// a secret are never part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named to the parser.
    pub file: Safe,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1; `None` where the whole section is meant.
    pub column: Option<u32>,
    /// Which field, as a dotted path: `connection.okta-prod.url`; `syntax` where there is no field yet.
    pub field: Safe,
    /// What is wrong: one lower-case fragment.
    pub what: Safe,
    /// What can be done about it.
    pub hint: Option<Safe>,
}

impl Fault {
    /// Gives the whole fault as text that may be shown: one line, and one more for the hint.
    pub fn shown(&self) -> Safe {
        match &self.hint {
            Some(hint) => safe!("{}\nhint: {}", self.line_shown(), hint),
            None => self.line_shown(),
        }
    }

    /// Gives the same without the hint, on one line.
    pub fn line_shown(&self) -> Safe {
        safe!("{}:{}: {}: {}", self.file, self.line, self.field, self.what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown().as_str())
    }
}

impl std::error::Error for Fault {}

/// Finds line and column of a byte offset.
struct Lines<'t> {
    text: &'t str,
    /// Byte offsets at which the lines start, ascending; the first is 0.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    fn line(&self, offset: usize) -> u32 {
        let line = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(line.max(1)).unwrap_or(u32::MAX)
    }

    fn column(&self, offset: usize) -> u32 {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset.max(start)).unwrap_or_default();
        u32::try_from(before.chars().count())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }
}

/// Gathers the faults and warnings of one text.
pub(super) struct Faults<'t> {
    file: Safe,
    lines: Lines<'t>,
    /// Lines that do not read as TOML: what seems wrong or missing there is only a consequence.
    broken: Vec<u32>,
    found: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl<'t> Faults<'t> {
    /// Starts with nothing found in a text.
    pub(super) fn new(text: &'t str, file: &str) -> Self {
        Self {
            file: Untrusted::new(file).ident(),
            lines: Lines::new(text),
            broken: Vec::new(),
            found: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Gives the line of a place.
    pub(super) fn line(&self, span: &Range<usize>) -> u32 {
        self.lines.line(span.start)
    }

    /// Notes that the text is not TOML at a place.
    pub(super) fn syntax(&mut self, span: &Range<usize>, message: &str) {
        self.broken.push(self.line(span));
        let what = Untrusted::new(message.replace('\n', ", ")).line();
        let fault = self.at(span, Safe::fixed("syntax"), what, None);
        self.found.push(fault);
    }

    /// Notes a fault.
    pub(super) fn fault(
        &mut self,
        span: &Range<usize>,
        field: &Safe,
        what: Safe,
        hint: Option<Safe>,
    ) {
        if !self.broken.contains(&self.line(span)) {
            let fault = self.at(span, field.clone(), what, hint);
            self.found.push(fault);
        }
    }

    /// Notes that a field is missing from the section at a place.
    ///
    /// Not where the text is broken anywhere: then the field may stand in the part that could not be read.
    pub(super) fn missing(&mut self, span: &Range<usize>, field: &Safe, hint: Safe) {
        if self.broken.is_empty() {
            let mut fault = self.at(span, field.clone(), Safe::fixed("is missing"), Some(hint));
            fault.column = None;
            self.found.push(fault);
        }
    }

    /// Notes a warning.
    pub(super) fn warn(
        &mut self,
        span: &Range<usize>,
        field: &Safe,
        what: Safe,
        hint: Option<Safe>,
    ) {
        let warning = self.at(span, field.clone(), what, hint);
        self.warnings.push(warning);
    }

    /// Gives the warnings, or all faults; both in the order of the text.
    pub(super) fn finish(mut self) -> Result<Vec<Fault>, Vec<Fault>> {
        self.found.sort_by_key(|fault| (fault.line, fault.column));
        self.warnings
            .sort_by_key(|fault| (fault.line, fault.column));
        if self.found.is_empty() {
            Ok(self.warnings)
        } else {
            Err(self.found)
        }
    }

    fn at(&self, span: &Range<usize>, field: Safe, what: Safe, hint: Option<Safe>) -> Fault {
        let (line, column) = (self.lines.line(span.start), self.lines.column(span.start));
        Fault {
            file: self.file.clone(),
            line,
            column: Some(column),
            field,
            what,
            hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let lines = Lines::new("a\n\u{e4}\u{f6} = 1\n\nend");
        let places = [0, 2, 6, 11, 12, 14, 99].map(|at| (lines.line(at), lines.column(at)));
        assert_eq!(
            places,
            [(1, 1), (2, 1), (2, 3), (3, 1), (4, 1), (4, 3), (4, 1)]
        );
        assert_eq!((Lines::new("").line(0), Lines::new("").column(0)), (1, 1));
    }

    #[test]
    fn a_fault_is_printed_with_its_place_and_hint_and_without_controls() {
        let mut faults = Faults::new("x = 1", "/etc/qu\u{1b}ell.toml");
        faults.fault(
            &(4..5),
            &"x".into(),
            "is not text".into(),
            Some("write it in quotes".into()),
        );
        let all = faults.finish().expect_err("there is a fault");
        let text = all[0].to_string();
        assert!(
            text.ends_with(":1: x: is not text\nhint: write it in quotes"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
