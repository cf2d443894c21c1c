//! Untrusted bytes on one side, text that may be shown on the other, and the one way across.
//!
//! [`Untrusted`] holds what came from outside; [`show`] is the only function that turns it into [`Safe`].
//! The rule itself is in [`mod@escape`], the facts about single scalar values in [`scalar`], look-alike
//! identities in [`identity`], own wording in the macro [`safe!`](crate::safe), and the further encodings
//! that a spreadsheet, a case comment or a window title need in [`sink`].
//!
//! What must not live here: layout, colours, io.

pub mod escape;
pub mod identity;
mod safe;
pub mod scalar;
pub mod sink;
pub mod template;

use std::fmt;

pub use self::identity::{Badge, Skeleton, look_alike};
pub use self::safe::{Lines, Safe, Segments};
pub use self::template::Shown;
pub use crate::safe;

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

    /// Gives the pure ASCII form of an identity, for the line under [`ident`](Self::ident).
    ///
    /// `None` where the text is ASCII already, so that the second line would say nothing new.
    pub fn ident_escaped(&self) -> Option<Safe> {
        identity::escaped(self)
    }

    /// Gives the badges of an identity taken alone, without other identities to compare with.
    pub fn badges(&self) -> Vec<Badge> {
        identity::badges(self.0.as_bytes())
    }

    /// Gives the UTS #39 skeleton, equal for texts that a reader may take for one another.
    pub fn skeleton(&self) -> Skeleton {
        Skeleton::of(self)
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
    /// One table cell: one line, at most 256 cells.
    Field,
    /// One line of at most 4,096 cells.
    Line,
    /// Several lines, at most 64 KiB; keeps line feeds, turns a tabulator into four spaces.
    Block,
    /// An identity that a person compares letter by letter: one line, never cut, with badges.
    Ident,
}

/// What the place of showing can draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Turns everything that is not ASCII into `<U+XXXX>` (serial line, mosh, screen, wall).
    pub ascii_only: bool,
}

/// Makes bytes from outside safe to show.
///
/// Nothing of the input vanishes: each character is visible as itself, visible as an escape, or counted
/// in a tail `…(+n)` or in `<+n>` for stacked combining marks.
pub fn show(raw: &[u8], context: Context) -> Safe {
    show_with(raw, context, Options::default())
}

/// Makes bytes from outside safe to show at a place with the given abilities.
pub fn show_with(raw: &[u8], context: Context, options: Options) -> Safe {
    let mut shown = escape::escape(raw, context, options);
    if context == Context::Ident {
        for badge in identity::badges(raw) {
            shown.push_escape(badge.label());
        }
    }
    shown
}
