//! Text that may be shown, with the parts of it that stand for something that may not.
//!
//! What must not live here: ways to make it from outside text (those are `show` and its contexts).

use std::fmt::{self, Write as _};
use std::ops::Range;

use super::{escape, scalar};

/// Text that may be shown: on the screen, in a log line, in a note, in an export.
///
/// It knows which parts are escapes (see [`segments`](Self::segments)): a screen draws those in one fixed
/// style, so that an escape differs from the same letters sent by an attacker.
///
/// ```
/// use quell::domain::text::{Untrusted, safe};
/// let login = Untrusted::new("mara\u{202E}");
/// assert_eq!(safe!("user {}", login.field()).as_str(), "user mara<U+202E>");
/// ```
///
/// Nothing else makes one from text of outside:
///
/// ```compile_fail,E0308
/// let text = String::from("from outside");
/// let _: quell::domain::text::Safe = quell::domain::text::Safe::fixed(text);
/// ```
/// ```compile_fail,E0597
/// let text = String::from("from outside");
/// let _ = quell::domain::text::Safe::fixed(text.as_str());
/// ```
/// ```compile_fail,E0277
/// let text = String::from("from outside");
/// let _ = quell::safe!("{}", text);
/// ```
/// ```compile_fail,E0277
/// let _ = quell::safe!("{}", quell::domain::text::Untrusted::new("from outside"));
/// ```
/// ```compile_fail,E0080
/// let name = "from outside";
/// let _ = quell::safe!("{name}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Safe {
    text: String,
    /// Byte ranges in ascending order, never empty, each one escape.
    escapes: Vec<Range<usize>>,
}

impl Safe {
    /// Takes text of our own, written in the source.
    pub fn fixed(text: &'static str) -> Self {
        escape::own(text)
    }

    /// Puts texts one after another.
    pub fn concat(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.push(&part);
        }
        all
    }

    /// Puts texts one after another with a separator between them.
    pub fn join(parts: impl IntoIterator<Item = Self>, separator: &Self) -> Self {
        let mut all = Self::default();
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                all.push(separator);
            }
            all.push(&part);
        }
        all
    }

    /// Adds a text at the end.
    pub fn push(&mut self, more: &Self) {
        let offset = self.text.len();
        self.text.push_str(&more.text);
        self.escapes.extend(
            more.escapes
                .iter()
                .map(|range| range.start + offset..range.end + offset),
        );
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Gives the width in cells, of the widest line where there are several.
    ///
    /// Counted character by character as terminals do, not by the ligatures of a script.
    pub fn width(&self) -> usize {
        self.text.split('\n').map(cells).max().unwrap_or(0)
    }

    /// Tells whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Gives the parts in order: whether it is an escape, and its text. One escape is one part.
    pub fn segments(&self) -> Segments<'_> {
        Segments {
            safe: self,
            at: 0,
            next: 0,
        }
    }

    /// Gives the lines of a block, without their line feeds; at least one.
    pub fn lines(&self) -> Lines<'_> {
        Lines {
            safe: self,
            at: Some(0),
            next: 0,
        }
    }

    /// Cuts to at most `width` cells on one line; what was cut off is marked with `…`.
    ///
    /// Never cuts inside an escape or between a base and its marks. A line feed ends the line, and
    /// counts as cut off.
    #[must_use]
    pub fn fit(&self, width: usize) -> Self {
        if self.width() <= width && !self.text.contains('\n') {
            return self.clone();
        }
        let mut short = Self::default();
        if width == 0 {
            return short;
        }
        let mut free = width - 1;
        'parts: for (is_escape, part) in self.segments() {
            if is_escape {
                let need = cells(part);
                if need > free {
                    break;
                }
                free -= need;
                short.push_escape(part);
                continue;
            }
            for unit in Units(part) {
                let need = cells(unit);
                if need > free || unit == "\n" {
                    break 'parts;
                }
                free -= need;
                short.text.push_str(unit);
            }
        }
        short.text.push('…');
        short
    }

    /// Gives the number of escapes.
    pub(super) fn escapes(&self) -> usize {
        self.escapes.len()
    }

    /// Takes text that is known to hold nothing but characters that may be drawn and line feeds.
    pub(super) fn plain(text: String) -> Self {
        Self {
            text,
            escapes: Vec::new(),
        }
    }

    pub(super) fn push_plain(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn push_char(&mut self, c: char) {
        self.text.push(c);
    }

    pub(super) fn push_escape(&mut self, text: &str) {
        self.push_escape_args(format_args!("{text}"));
    }

    /// Adds an escape and gives its length in bytes.
    pub(super) fn push_escape_args(&mut self, text: fmt::Arguments<'_>) -> usize {
        let start = self.text.len();
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(text);
        let end = self.text.len();
        if start < end {
            self.escapes.push(start..end);
        }
        end - start
    }

    pub(super) fn truncate(&mut self, bytes: usize, escapes: usize) {
        self.text.truncate(bytes);
        self.escapes.truncate(escapes);
    }
}

impl fmt::Display for Safe {
    /// Writes the text; a width (`{:>8}`) is measured in cells.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = f.width().unwrap_or(0).saturating_sub(self.width());
        let left = match f.align() {
            Some(fmt::Alignment::Right) => free,
            Some(fmt::Alignment::Center) => free / 2,
            _ => 0,
        };
        let fill = f.fill();
        for _ in 0..left {
            f.write_char(fill)?;
        }
        f.write_str(&self.text)?;
        for _ in left..free {
            f.write_char(fill)?;
        }
        Ok(())
    }
}

impl From<&'static str> for Safe {
    fn from(text: &'static str) -> Self {
        Self::fixed(text)
    }
}

impl AsRef<str> for Safe {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl serde::Serialize for Safe {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// The parts of a [`Safe`]: `(is_escape, text)`.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    safe: &'a Safe,
    at: usize,
    next: usize,
}

impl<'a> Iterator for Segments<'a> {
    type Item = (bool, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let all = self.safe.text.as_str();
        if self.at >= all.len() {
            return None;
        }
        let (is_escape, end) = match self.safe.escapes.get(self.next) {
            Some(range) if range.start <= self.at => {
                self.next += 1;
                (true, range.end)
            }
            Some(range) => (false, range.start),
            None => (false, all.len()),
        };
        let part = all.get(self.at..end)?;
        self.at = end;
        Some((is_escape, part))
    }
}

/// The lines of a [`Safe`].
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    safe: &'a Safe,
    at: Option<usize>,
    next: usize,
}

impl Iterator for Lines<'_> {
    type Item = Safe;

    fn next(&mut self) -> Option<Safe> {
        let start = self.at?;
        let rest = self.safe.text.get(start..)?;
        let line = rest.split('\n').next().unwrap_or_default();
        let end = start + line.len();
        self.at = (line.len() < rest.len()).then_some(end + 1);
        let mut escapes = Vec::new();
        // An escape never holds a line feed, so each one lies in one line.
        while let Some(range) = self.safe.escapes.get(self.next)
            && range.end <= end
        {
            escapes.push(range.start - start..range.end - start);
            self.next += 1;
        }
        Some(Safe {
            text: line.to_owned(),
            escapes,
        })
    }
}

/// The bases of a text, each with the marks on it.
struct Units<'a>(&'a str);

impl<'a> Iterator for Units<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let mut chars = self.0.char_indices();
        chars.next()?;
        let end = chars
            .find(|(_, c)| {
                !matches!(
                    scalar::class(*c),
                    scalar::Class::Mark | scalar::Class::SpacingMark
                )
            })
            .map_or(self.0.len(), |(at, _)| at);
        let (unit, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(unit)
    }
}

fn cells(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|byte| *byte != b'\n').count();
    }
    text.chars().map(|c| scalar::class(c).cells()).sum()
}
