//! The end of a segment as a writer finds it on disk.
//!
//! What must not live here: writing; the rule of what a whole record is (`domain::audit::tail`).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::error::StoreError;
use crate::domain::audit::{
    Body, ChainHash, has_begun, holds_foreign_lines, last_record, name_torn,
};

/// Bytes read from the end of a file to find the last record; twice as many each time none is found.
const TAIL: u64 = 128 << 10;

/// A segment longer than this has its first record: only torn writes can stand before it.
const FIRST: u64 = 4 << 20;

/// Where the chain ends, as found under the lock.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub size: u64,
    pub n: u64,
    pub h: ChainHash,
    /// The last line has no line feed.
    pub lacks_line_feed: bool,
    /// The torn bytes, if there are any.
    pub torn: Option<Torn>,
    /// The segment is new, or nothing in it is whole: it must begin with `segment.start`.
    pub must_start: bool,
    /// The last record ended the segment.
    pub ended: bool,
}

/// Bytes behind the last whole record.
#[derive(Clone, Debug)]
pub(super) struct Torn {
    /// Names them.
    pub name: Body,
    /// How many they are, where whole lines are among them that no crash leaves there.
    pub foreign: Option<u64>,
}

impl Torn {
    /// Looks at the bytes; `None` when there are none.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let foreign = holds_foreign_lines(bytes).then_some(bytes.len() as u64);
        name_torn(bytes).map(|name| Self { name, foreign })
    }
}

/// Finds the last whole record of a segment, reading back from its end; `None` when there is none.
pub(super) fn find_end(
    file: &File,
    seg: u64,
    size: u64,
    path: &Path,
) -> Result<Option<End>, StoreError> {
    let mut window = TAIL;
    loop {
        let from = size.saturating_sub(window);
        let bytes = read_at(file, from, size - from, path)?;
        if let Some(tail) = last_record(&bytes, from == 0) {
            let torn = bytes.get(tail.end..).unwrap_or_default();
            // A writer that found nothing whole here may have been cut off while it began anew: its first record is lost.
            let must_start = tail.names_torn
                && seg > 1
                && size <= FIRST
                && !has_begun(&read_at(file, 0, size, path)?);
            return Ok(Some(End {
                size,
                n: tail.n,
                h: tail.h,
                lacks_line_feed: bytes.last() != Some(&b'\n'),
                torn: Torn::of(torn),
                must_start,
                ended: tail.ends_segment && torn.is_empty(),
            }));
        }
        if from == 0 {
            return Ok(None);
        }
        window *= 2;
    }
}

pub(super) fn read_at(
    file: &File,
    from: u64,
    len: u64,
    path: &Path,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, from)
        .map_err(StoreError::io("read", path))?;
    Ok(bytes)
}
