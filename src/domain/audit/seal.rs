//! Checkpoints: what a session signs of the chain, as a signed note, and how the signature is checked.
//!
//! The note has four lines: `quell audit chain v1 <logid>`, the number of the last record, its hash in base 64, and the
//! length of the segment's file up to it in bytes. Then come an empty line and one line with the signature, in the
//! envelope of C2SP's signed notes. The key is made for one session and its public half stands in `session.open`.
//!
//! What must not live here: making and keeping keys (see `store::audit`), when a checkpoint is due.

use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::body::Body;
use super::hash::{ChainHash, bytes_of_hex, hex};

/// Ed25519 in the key ids of signed notes.
const ALGORITHM: u8 = 1;

/// The public half of a session's Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Reads 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        bytes_of_hex(text.as_bytes()).map(Self)
    }

    /// Gives 64 lower-case hex digits, as they stand in `session.open`.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// Where a chain stands: what a checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// Id of the log.
    pub log: &'a str,
    /// Id of the session that says it.
    pub session: &'a str,
    /// Number of the last record.
    pub n: u64,
    /// Its hash.
    pub h: ChainHash,
    /// Length of the segment's file up to and with that record, bytes.
    pub size: u64,
}

impl Standing<'_> {
    /// Gives the text that is signed.
    pub fn text(&self) -> String {
        format!(
            "quell audit chain v1 {}\n{}\n{}\n{}\n",
            self.log,
            self.n,
            base64(&self.h.bytes()),
            self.size
        )
    }

    fn key_name(&self) -> String {
        format!("quell/{}", self.session)
    }

    fn signature_line(&self, key: &PublicKey, signature: &[u8; 64]) -> String {
        let name = self.key_name();
        let mut sha = Sha256::new();
        sha.update(name.as_bytes());
        sha.update([b'\n', ALGORITHM]);
        sha.update(key.0);
        let id: [u8; 32] = sha.finalize().into();
        let named: Vec<u8> = id.iter().take(4).chain(signature).copied().collect();
        format!("\u{2014} {name} {}\n", base64(&named))
    }

    /// Makes the checkpoint with a signature over [`Self::text`].
    pub fn checkpoint(&self, key: &PublicKey, signature: &[u8; 64]) -> Body {
        Body::Checkpoint {
            n: self.n,
            h: self.h.to_string(),
            size: self.size,
            note: format!("{}\n{}", self.text(), self.signature_line(key, signature)),
        }
    }
}

/// The data of a record of type `checkpoint`, as read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    n: u64,
    h: String,
    size: u64,
    note: String,
}

impl Checkpoint {
    /// Tells whether it says exactly this, leaving its signature aside.
    pub(super) fn says(&self, standing: &Standing<'_>) -> bool {
        self.n == standing.n
            && self.h == standing.h.to_string()
            && self.size == standing.size
            && self.note.starts_with(&standing.text())
    }

    /// Tells whether its note is the one that the holder of this key signed.
    pub(super) fn is_signed_by(&self, key: &PublicKey, standing: &Standing<'_>) -> bool {
        let text = standing.text();
        let Some(signature) = self.signature(&text) else {
            return false;
        };
        // Written again and compared, so that there is one spelling of a note.
        let whole = format!("{text}\n{}", standing.signature_line(key, &signature));
        whole == self.note
            && UnparsedPublicKey::new(&ED25519, key.0)
                .verify(text.as_bytes(), &signature)
                .is_ok()
    }

    fn signature(&self, text: &str) -> Option<[u8; 64]> {
        let line = self.note.strip_prefix(text)?.strip_prefix('\n')?;
        let (_, encoded) = line.strip_suffix('\n')?.rsplit_once(' ')?;
        let named = from_base64(encoded)?;
        named.get(4..)?.try_into().ok()
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes in base 64 with padding.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = (at(0) << 16) | (at(1) << 8) | at(2);
        for place in 0..4_usize {
            if place > chunk.len() {
                out.push('=');
                continue;
            }
            let six = usize::try_from((bits >> (18 - 6 * place)) & 63).unwrap_or(0);
            out.push(char::from(DIGITS.get(six).copied().unwrap_or(b'A')));
        }
    }
    out
}

/// Reads base 64; whoever needs one spelling writes it again and compares.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let six = DIGITS.iter().position(|known| *known == digit)?;
        bits = ((bits << 6) | u32::try_from(six).ok()?) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xFF).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{key, sign};
    use super::*;
    use proptest::prelude::*;

    fn standing() -> Standing<'static> {
        Standing {
            log: "00000000000000000000000001",
            session: "00000000000000000000000002",
            n: 12,
            h: ChainHash::of(b"x"),
            size: 4711,
        }
    }

    fn read(body: &Body) -> Option<Checkpoint> {
        let written = serde_json::to_value(body).ok()?;
        serde_json::from_value(written.get("data")?.clone()).ok()
    }

    #[test]
    fn a_note_has_the_pinned_text() {
        // The base 64 was computed by another program.
        let text = "quell audit chain v1 00000000000000000000000001\n12\n";
        assert!(standing().text().starts_with(text));
        assert!(standing().text().ends_with("=\n4711\n"));
        assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
        assert_eq!(base64(b"any carnal pleasu"), "YW55IGNhcm5hbCBwbGVhc3U=");
        assert_eq!(base64(b"any carnal pleasur"), "YW55IGNhcm5hbCBwbGVhc3Vy");
    }

    #[test]
    fn a_signature_counts_for_its_key_session_log_and_standing_only() {
        let signed = standing().checkpoint(&key(1), &sign(1, &standing().text()));
        let checkpoint = read(&signed);
        let fits = |key: &PublicKey, standing: &Standing<'_>| {
            checkpoint
                .as_ref()
                .is_some_and(|read| read.says(standing) && read.is_signed_by(key, standing))
        };
        assert!(fits(&key(1), &standing()));
        assert!(!fits(&key(2), &standing()));
        for other in [
            Standing {
                n: 13,
                ..standing()
            },
            Standing {
                size: 1,
                ..standing()
            },
            Standing {
                h: ChainHash::GENESIS,
                ..standing()
            },
            Standing {
                log: "00000000000000000000000003",
                ..standing()
            },
            Standing {
                session: "00000000000000000000000003",
                ..standing()
            },
        ] {
            assert!(!fits(&key(1), &other), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn base_64_reads_back(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(from_base64(&base64(&bytes)), Some(bytes));
        }

        #[test]
        fn a_changed_note_is_not_signed(at in any::<prop::sample::Index>(), with in "[ -~]") {
            let signed = standing().checkpoint(&key(1), &sign(1, &standing().text()));
            let Some(mut checkpoint) = read(&signed) else { return Err(TestCaseError::fail("unread")) };
            let chars: Vec<char> = checkpoint.note.chars().collect();
            let at = at.index(chars.len());
            prop_assume!(!with.starts_with(chars[at]));
            checkpoint.note = chars
                .iter()
                .enumerate()
                .map(|(i, c)| if i == at { with.clone() } else { c.to_string() })
                .collect();
            prop_assert!(!(checkpoint.says(&standing()) && checkpoint.is_signed_by(&key(1), &standing())));
        }
    }
}
