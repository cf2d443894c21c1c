//! Identities that are not what they look like.
//!
//! What must not live here: comparing identities for equality (that is on raw bytes, by `Untrusted`).

use unicode_security::{MixedScript, skeleton};

use super::{Context, Options, Safe, Untrusted, escape, scalar};

/// What is to be known about an identity besides its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Badge {
    /// It holds a character outside ASCII, or bytes that are no text.
    NonAscii,
    /// It mixes scripts, or all of it can be taken for an ASCII text.
    LookAlike,
}

impl Badge {
    /// Gives the badge as it is appended to an identity, with the blank before it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::NonAscii => " [non-ASCII]",
            Self::LookAlike => " [look-alike]",
        }
    }

    /// Gives the badge alone.
    pub fn shown(self) -> Safe {
        Safe::fixed(self.label().trim_start())
    }
}

/// Gives the badges of an identity taken alone.
pub(super) fn badges(raw: &[u8]) -> Vec<Badge> {
    if raw.is_ascii() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(raw);
    let mut badges = vec![Badge::NonAscii];
    let reads_as_ascii = skeleton(&visible(&text)).all(|c| c.is_ascii());
    if reads_as_ascii || !text.as_ref().is_single_script() {
        badges.push(Badge::LookAlike);
    }
    badges
}

/// Gives the pure ASCII form, or `None` where the text is ASCII already.
pub(super) fn escaped(identity: &Untrusted) -> Option<Safe> {
    let raw = identity.raw();
    (!raw.is_ascii())
        .then(|| escape::escape(raw.as_bytes(), Context::Ident, Options { ascii_only: true }))
}

/// What a text looks like, after UTS #39: equal for texts that a reader may take for one another.
///
/// Only for comparing; it is neither the text nor fit to be shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Skeleton(String);

impl Skeleton {
    /// Works out the skeleton; characters that draw nothing do not count.
    pub fn of(identity: &Untrusted) -> Self {
        Self(skeleton(&visible(identity.raw())).collect())
    }
}

impl std::fmt::Debug for Skeleton {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Skeleton({:?})", escape::own(&self.0).as_str())
    }
}

/// Tells whether two different texts can be taken for one another.
pub fn look_alike(a: &Untrusted, b: &Untrusted) -> bool {
    a != b && Skeleton::of(a) == Skeleton::of(b)
}

/// The text without what draws nothing or names no letter: a joiner inside a login hides a difference.
fn visible(text: &str) -> String {
    text.chars().filter(|c| !scalar::is_hidden(*c)).collect()
}
