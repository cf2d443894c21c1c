//! Identities that are not what they look like.
//!
//! What must not live here: comparing identities for equality (that is on raw bytes, by `Untrusted`).

use unicode_normalization::UnicodeNormalization;
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

/// Tells whether two names are written alike: in any case, composed or not, in any width, with any blanks, and whatever
/// draws nothing in them.
///
/// For lists that protect: a name that a person would read as the one in the list is meant by it. Normal form KC of Unicode
/// (UAX #15), before and after the case is folded.
pub fn is_written_alike(a: &str, b: &str) -> bool {
    written(a) == written(b)
}

fn written(name: &str) -> String {
    let spaced: String = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain: String = visible(&spaced).nfkc().collect();
    // By way of the capitals, which `ß` and the last letter of a Greek word share with what they stand for.
    let folded: String = plain.to_uppercase().to_lowercase().nfkc().collect();
    let words: Vec<&str> = folded.split_whitespace().collect();
    words.join(" ").replace('ς', "σ")
}

/// The text without what draws nothing or names no letter: a joiner inside a login hides a difference.
fn visible(text: &str) -> String {
    text.chars().filter(|c| !scalar::is_hidden(*c)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::letters("Tier 0", "tier 0", true)]
    #[case::composed_or_not("Gesch\u{fc}tzt", "Geschu\u{308}tzt", true)]
    #[case::capitals_first("GESCHU\u{308}TZT", "gesch\u{fc}tzt", true)]
    #[case::wide("Ｔｉｅｒ ０", "Tier 0", true)]
    #[case::sharp_s("GROSSE", "Große", true)]
    #[case::end_of_a_greek_word("ΑΓΙΟΣ", "αγιος", true)]
    #[case::end_of_a_greek_word_before_more("ΑΓΙΟΣ 0", "αγιος 0", true)]
    #[case::blank_at_the_end("Tier 0 ", "Tier 0", true)]
    #[case::another_blank("Tier\u{a0}0", "Tier 0", true)]
    #[case::tabulator("Tier\t0", "Tier 0", true)]
    #[case::two_blanks("Tier  0", "Tier 0", true)]
    #[case::what_draws_nothing("Tier 0\u{200b}", "Tier 0", true)]
    #[case::no_blank("Tier0", "Tier 0", false)]
    #[case::another_letter("Tier O", "Tier 0", false)]
    #[case::another_script("\u{430}dmins", "admins", false)]
    #[case::without_its_mark("Geschutzt", "Gesch\u{fc}tzt", false)]
    fn names_are_alike_however_they_are_written(
        #[case] one: &str,
        #[case] other: &str,
        #[case] alike: bool,
    ) {
        assert_eq!(is_written_alike(one, other), alike);
        assert_eq!(is_written_alike(other, one), alike);
    }
}
