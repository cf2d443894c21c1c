//! The end of a log as a writer finds it: the last whole record, and torn bytes after it.
//!
//! What must not live here: reading files (see `store::audit`).

use serde::{Deserialize, Serialize};

use super::body::Body;
use super::entry;
use super::hash::{ChainHash, sha256_hex};

/// The last whole record in some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Number of the record.
    pub n: u64,
    /// Its hash.
    pub h: ChainHash,
    /// Whether it ended its segment.
    pub ends_segment: bool,
    /// Whether it only names torn bytes before it.
    pub names_torn: bool,
    /// Where in the bytes the record ends, its line feed included if it has one.
    pub end: usize,
    /// Whether it lacks its line feed; everything else of it is there.
    pub lacks_line_feed: bool,
}

/// Beginning of every record, and so of every piece of one.
const BEGINNING: &[u8] = b"{\"v\":1,\"log\":\"";

/// What a record says of torn bytes before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecovered {
    /// How many bytes stand between the last whole record and the line feed before this one.
    pub len: u64,
    /// Their SHA-256, hex.
    pub sha256: String,
}

/// Finds the last whole record. `from_start` tells whether the bytes begin where a line begins.
pub fn last_record(bytes: &[u8], from_start: bool) -> Option<Tail> {
    let mut end = bytes.len();
    let mut lacks_line_feed = true;
    loop {
        let before = bytes.get(..end)?;
        let start = before.iter().rposition(|b| *b == b'\n').map(|at| at + 1);
        if start.is_none() && !from_start {
            return None;
        }
        let line = bytes.get(start.unwrap_or(0)..end)?;
        if let Ok(raw) = entry::scan(line) {
            return Some(Tail {
                n: raw.n,
                h: raw.h,
                ends_segment: raw.kind == b"segment.end",
                names_torn: raw.kind == b"log.recovered",
                end: if lacks_line_feed { end } else { end + 1 },
                lacks_line_feed,
            });
        }
        end = start?.checked_sub(1)?;
        lacks_line_feed = false;
    }
}

/// Tells whether some bytes from the start of a segment hold a record that does more than name torn bytes.
pub fn has_begun(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| entry::scan(line).ok())
        .any(|raw| raw.kind != b"log.recovered")
}

/// Names the torn bytes between the last whole record and the end of the file; `None` when there are none.
///
/// A final line feed is not counted: it may have been added by a writer that died before it could name them.
pub fn name_torn(torn: &[u8]) -> Option<Body> {
    if torn.is_empty() {
        return None;
    }
    let named = torn.strip_suffix(b"\n").unwrap_or(torn);
    Some(Body::LogRecovered(LogRecovered {
        len: named.len() as u64,
        sha256: sha256_hex(named),
    }))
}

/// Tells whether there are whole lines among torn bytes that no writer which was cut off leaves there.
///
/// One that is cut off leaves a piece of a record, and one that is cut off while it names that leaves a line feed behind it
/// and another piece. What a power cut took of a block is zeros.
pub fn holds_foreign_lines(torn: &[u8]) -> bool {
    let is_piece = |line: &[u8]| {
        line.starts_with(BEGINNING)
            || (!line.is_empty() && BEGINNING.starts_with(line))
            || line.contains(&0)
    };
    let mut lines = torn.split_inclusive(|byte| *byte == b'\n');
    lines.any(|line| line.strip_suffix(b"\n").is_some_and(|line| !is_piece(line)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::samples::{bytes, chain, twenty};
    use super::*;

    #[test]
    fn the_last_whole_record_is_found_at_every_cut() {
        let lines = chain(&twenty());
        let log = bytes(&lines);
        let mut ends = Vec::new();
        let mut at = 0;
        for (line, _) in &lines {
            at += line.len();
            ends.push(at);
        }
        for cut in 0..=log.len() {
            // A record is whole when at most its line feed is missing.
            let whole = ends.iter().filter(|end| **end <= cut + 1).count();
            let found = last_record(&log[..cut], true);
            assert_eq!(
                found.map(|tail| tail.n),
                (whole > 0).then_some(whole as u64),
                "cut {cut}"
            );
            if let Some(tail) = found {
                assert_eq!(tail.lacks_line_feed, ends[whole - 1] == cut + 1);
                assert_eq!(tail.end, ends[whole - 1].min(cut));
            }
        }
    }

    #[test]
    fn a_window_that_begins_inside_a_line_does_not_use_that_line() {
        let lines = chain(&twenty()[..2]);
        let log = bytes(&lines);
        assert_eq!(last_record(&log[1..], false).map(|tail| tail.n), Some(2));
        assert_eq!(last_record(&lines[0].0, false), None);
        assert_eq!(last_record(b"", true), None);
    }

    #[test]
    fn a_segment_with_nothing_but_torn_bytes_and_their_names_has_not_begun() {
        let recovered = Body::LogRecovered(LogRecovered {
            len: 0,
            sha256: sha256_hex(b""),
        });
        let named = chain(std::slice::from_ref(&recovered));
        assert!(last_record(&bytes(&named), true).is_some_and(|tail| tail.names_torn));
        assert!(!has_begun(&[b"torn\n", &bytes(&named)[..]].concat()));
        assert!(!has_begun(b""));
        assert!(has_begun(&bytes(&chain(&[recovered, twenty().remove(0)]))));
    }

    #[rstest]
    #[case::nothing(b"", false)]
    #[case::no_line(b"hello", false)]
    #[case::a_line(b"hello\n", true)]
    #[case::lines(b"hello\nyou\n", true)]
    #[case::an_empty_line(b"\n", true)]
    #[case::a_line_behind_a_piece(b"{\"v\":1,\"log\":\"01\nhello\n", true)]
    #[case::a_line_before_a_piece(b"hello\n{\"v\":1,\"log\":\"01", true)]
    #[case::other_json(b"{\"v\":2}\n", true)]
    #[case::cut_while_a_piece_was_ended(b"{\"v\":1,\"log\":\"01\n", false)]
    #[case::cut_while_a_piece_was_named(b"{\"v\":1,\"log\":\"01\n{\"v\":1,\"l", false)]
    #[case::cut_twice(b"{\"v\n{\"v\":1,\n{", false)]
    #[case::a_block_that_was_lost(b"\0\0\0,\"h\":\"0\"}\n", false)]
    fn lines_that_no_crash_leaves_are_told_from_pieces_that_one_does(
        #[case] torn: &[u8],
        #[case] foreign: bool,
    ) {
        assert_eq!(holds_foreign_lines(torn), foreign);
    }

    #[test]
    fn every_record_begins_as_a_piece_of_one_does() {
        for (line, _) in chain(&twenty()) {
            assert!(line.starts_with(BEGINNING));
        }
    }

    #[test]
    fn torn_bytes_are_named_without_a_final_line_feed() {
        assert_eq!(name_torn(b""), None);
        assert_eq!(name_torn(b"ab\n"), name_torn(b"ab"));
        assert_ne!(name_torn(b"ab\n\n"), name_torn(b"ab"));
        assert_eq!(
            name_torn(b"\n"),
            Some(Body::LogRecovered(LogRecovered {
                len: 0,
                sha256: sha256_hex(b"")
            }))
        );
    }
}
