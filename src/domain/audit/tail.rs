//! The end of a log as a writer finds it: the last whole record, and torn bytes after it.
//!
//! What must not live here: reading files (see `store::audit`).

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
    /// Where in the bytes the record ends, its line feed included if it has one.
    pub end: usize,
    /// Whether it lacks its line feed; everything else of it is there.
    pub lacks_line_feed: bool,
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
                end: if lacks_line_feed { end } else { end + 1 },
                lacks_line_feed,
            });
        }
        end = start?.checked_sub(1)?;
        lacks_line_feed = false;
    }
}

/// Names the torn bytes between the last whole record and the end of the file; `None` when there are none.
///
/// A final line feed is not counted: it may have been added by a writer that died before it could name them.
pub fn name_torn(torn: &[u8]) -> Option<Body> {
    if torn.is_empty() {
        return None;
    }
    let named = torn.strip_suffix(b"\n").unwrap_or(torn);
    Some(Body::LogRecovered {
        len: named.len() as u64,
        sha256: sha256_hex(named),
    })
}
