//! Anchors: heads of a log that stand outside of it, in comments of cases or in the system's log.
//!
//! What must not live here: reading them from anywhere, what follows from one that does not fit (see `verify`).

use std::fmt;

use super::hash::ChainHash;
use crate::domain::ids::LogId;

/// A record of a log, named outside of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// Which log.
    pub log: LogId,
    /// Number of the record.
    pub n: u64,
    /// Its hash.
    pub h: ChainHash,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "audit {} n={} h={}", self.log, self.n, self.h)
    }
}

/// Finds every `audit <logid> n=<n> h=<64 hex digits>` in a text, wherever it stands in a line.
///
/// Escapes of an exported comment are passed over: `\n` of JSON, backslashes of Markdown.
pub fn find_anchors(text: &str) -> Vec<Anchor> {
    let mut plain = text.to_owned();
    for escape in ["\\n", "\\r", "\\t"] {
        plain = plain.replace(escape, " ");
    }
    let plain = plain.replace('\\', "");
    let words: Vec<&str> = plain
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '='))
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(4)
        .filter_map(|four| match four {
            // What stands before the word does not matter: `(audit`, `>audit`.
            ["audit", log, n, h] => Some(Anchor {
                log: LogId::parse(log).ok()?,
                n: number(n.strip_prefix("n=")?)?,
                h: ChainHash::parse(h.strip_prefix("h=")?.as_bytes())?,
            }),
            _ => None,
        })
        .collect()
}

fn number(text: &str) -> Option<u64> {
    let n: u64 = text.parse().ok()?;
    (n > 0 && n.to_string() == text).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const LOG: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    #[rstest]
    #[case("audit {LOG} n=12 h={H}", 1)]
    #[case("| 5 | quell:x audit {LOG} n=12 h={H} |", 1)]
    #[case("{\"message\":\"a\\naudit {LOG} n=12 h={H}\\n\"}", 1)]
    #[case("(audit {LOG} n=12 h={H})\r\naudit {LOG} n=12 h={H}", 2)]
    #[case("audit {LOG} n\\=12 h\\={H}", 1)]
    #[case("audit {LOG} n=012 h={H}", 0)]
    #[case("audit {LOG} n=0 h={H}", 0)]
    #[case("audit {LOG} n=12 h={H}0", 0)]
    #[case("audit {LOG}X n=12 h={H}", 0)]
    #[case("xaudit {LOG} n=12 h={H}", 0)]
    #[case("", 0)]
    fn anchors_are_found_anywhere(#[case] text: &str, #[case] count: usize) {
        let h = ChainHash::of(b"x");
        let text = text.replace("{LOG}", LOG).replace("{H}", &h.to_string());
        let found = find_anchors(&text);
        assert_eq!(found.len(), count, "{text}");
        for anchor in found {
            assert_eq!((anchor.log.as_str(), anchor.n, anchor.h), (LOG, 12, h));
            assert_eq!(find_anchors(&anchor.to_string()), [anchor]);
        }
    }
}
