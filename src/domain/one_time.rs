//! A secret that a person hands over once: a new password, or the link to choose one.
//!
//! It is kept in memory until it was shown, and nowhere else. What must not live here: drawing random numbers, vendors.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::text::{Safe, Untrusted};

/// Random bytes that a password is made of.
pub const RANDOM: usize = 2 * SIGNS;

/// Signs of a password, dashes not counted.
const SIGNS: usize = 20;
/// Signs between two dashes.
const GROUP: usize = 5;

// No sign that is taken for another one when it is read out: none of 0 1 I L O.
const UPPER: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
const DIGITS: &[u8] = b"23456789";
const ANY: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// What a one-time secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneTimeKind {
    /// A password that works until its holder has chosen another.
    Password,
    /// A link that lets whoever opens it first choose a password.
    Link,
}

impl OneTimeKind {
    /// Gives the words shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Password => "temporary password",
            Self::Link => "one-time link",
        }
    }

    /// Says how to get another one: an account that waits for its link to be used is reset once more at the provider alone.
    pub fn again(self) -> &'static str {
        match self {
            Self::Password => "reset it again",
            Self::Link => "reset it again at the provider (from here it must be ACTIVE)",
        }
    }
}

/// A secret that is shown once. It has no `Display`, no `Serialize` and no `Clone`; its `Debug` is one fixed word.
///
/// ```compile_fail
/// let secret = quell::domain::one_time::OneTime::link("https://example.com".to_owned());
/// println!("{secret}");
/// ```
pub struct OneTime {
    text: SecretString,
    kind: OneTimeKind,
}

impl OneTime {
    /// Makes a password of random bytes: 20 signs in four groups, with letters of both cases, a digit and a dash, so that
    /// it passes the usual policies and can be read out.
    pub fn password(random: &[u8; RANDOM]) -> Self {
        let mut text = String::with_capacity(SIGNS + SIGNS / GROUP);
        for (place, pair) in random.chunks_exact(2).enumerate() {
            let signs = match place {
                0 => UPPER,
                1 => LOWER,
                _ if place + 1 == SIGNS => DIGITS,
                _ => ANY,
            };
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            // Of two bytes no sign is likelier than another by more than one in two thousand.
            let drawn = pair
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            text.extend(signs.get(drawn % signs.len()).map(|sign| char::from(*sign)));
        }
        Self {
            text: SecretString::from(text),
            kind: OneTimeKind::Password,
        }
    }

    /// Takes the link that a provider gave.
    pub fn link(text: String) -> Self {
        Self {
            text: SecretString::from(text),
            kind: OneTimeKind::Link,
        }
    }

    /// Says what it is.
    pub fn kind(&self) -> OneTimeKind {
        self.kind
    }

    /// Tells whether a text contains it, so that the text must not be shown or recorded.
    pub fn appears_in(&self, text: &str) -> bool {
        text.contains(self.text.expose_secret())
    }

    /// Gives it as it is drawn; the one place where it leaves on the way to the screen.
    pub fn shown(&self) -> Safe {
        Untrusted::new(self.text.expose_secret()).ident()
    }

    /// Gives it as it is sent; the one place where it leaves on the way to the provider.
    pub fn sent(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for OneTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTime(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neither_debug_nor_the_kind_shows_it() {
        let secret = OneTime::link("https://acme.example/reset/canary".to_owned());
        assert_eq!(format!("{secret:?}"), "OneTime(..)");
        assert_eq!(secret.kind().word(), "one-time link");
        assert!(secret.appears_in("see https://acme.example/reset/canary"));
        assert!(!secret.appears_in("see https://acme.example/reset/"));
    }

    proptest! {
        #[test]
        fn a_password_has_every_class_and_reads_well(random: [u8; RANDOM]) {
            let secret = OneTime::password(&random);
            let text = secret.sent();
            prop_assert_eq!(text.len(), SIGNS + SIGNS / GROUP - 1);
            for class in [UPPER, LOWER, DIGITS, b"-".as_slice()] {
                prop_assert!(text.bytes().any(|sign| class.contains(&sign)), "{}", text);
            }
            let known = |sign: u8| [UPPER, ANY, b"-".as_slice()].iter().any(|all| all.contains(&sign));
            prop_assert!(text.bytes().all(known), "{}", text);
            let shown = secret.shown();
            prop_assert_eq!(shown.as_str(), text);
        }
    }

    #[test]
    fn other_bytes_make_another_password() {
        let mut random = [7; RANDOM];
        let first = OneTime::password(&random);
        random[RANDOM - 4] = 8;
        assert!(!first.appears_in(OneTime::password(&random).sent()));
    }
}
