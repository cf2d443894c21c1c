//! The hash that chains records.

use std::fmt;

use sha2::{Digest, Sha256};

/// What a record's hash starts with, so that it cannot be mistaken for a hash of anything else.
pub const PREFIX: &[u8] = b"quell-audit/1\0";

/// The SHA-256 by which one record names itself and the next names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// What the first record of a log names as the one before.
    pub const GENESIS: Self = Self([0; 32]);

    /// Hashes the bytes of a line that stand before `,"h":`.
    pub fn of(line_before_h: &[u8]) -> Self {
        let mut sha = Sha256::new();
        sha.update(PREFIX);
        sha.update(line_before_h);
        Self(sha.finalize().into())
    }

    /// Reads 64 lower-case hex digits; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        bytes_of_hex(text).map(Self)
    }

    /// Gives the bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl crate::domain::text::Shown for ChainHash {}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

/// Reads 64 lower-case hex digits; `None` for anything else.
pub(super) fn bytes_of_hex(text: &[u8]) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut out = [0; 32];
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = (nibble(*high)? << 4) | nibble(*low)?;
    }
    Some(out)
}

/// Writes bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|b| [b >> 4, b & 15])
        .map(digit)
        .collect()
}

/// Gives the SHA-256 of bytes as 64 lower-case hex digits, as it stands in fields named `sha256`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_reads_back_and_upper_case_does_not() {
        let hash = ChainHash::of(b"x");
        let text = hash.to_string();
        assert_eq!(ChainHash::parse(text.as_bytes()), Some(hash));
        assert_eq!(ChainHash::parse(text.to_uppercase().as_bytes()), None);
        assert_eq!(ChainHash::parse(b"00"), None);
        assert_eq!(ChainHash::GENESIS.to_string(), "0".repeat(64));
    }

    #[test]
    fn the_prefix_is_part_of_the_hash() {
        assert_eq!(
            ChainHash::of(b"a").to_string(),
            sha256_hex(b"quell-audit/1\0a")
        );
    }
}
