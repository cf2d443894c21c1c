//! The end of the log as this writer acknowledged it, and whether it still stands where it was left.
//!
//! Others of the same user append behind it, end the segment and remove segments that are ended; nobody shortens a file,
//! puts another in its place or writes a record anew. A writer that took such an end for its own would sign it.
//!
//! What must not live here: what others wrote and this process read (see `seen`), what follows from a log that was changed
//! (see `writer`).

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::end::{End, find_end, read_at};
use super::error::StoreError;
use super::writer::Segment;
use super::{opened, segments};
use crate::domain::audit::{ChainHash, MAX_LINE, Tail, last_record};
use crate::domain::ids::LogId;

/// Bytes read back from the end of the record: few, as most lines are short, then enough for the longest and the line feed
/// before it.
const WINDOWS: [u64; 2] = [4 << 10, MAX_LINE as u64 + 1];

/// The last record this writer knows to be in the log, and the size of the current segment behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    n: u64,
    h: ChainHash,
    /// 0 in a segment that has no record yet: then the record is in the one before.
    size: u64,
}

impl Mark {
    /// Marks an end with nothing torn behind its last record; `None` while the log has no record.
    pub(super) fn of(end: &End) -> Option<Self> {
        (end.n > 0).then_some(Self {
            n: end.n,
            h: end.h,
            size: end.size,
        })
    }

    /// Marks a record that ends a file of this size; 0 where that is not known, and then nothing is read back of it.
    pub(super) fn at(n: u64, h: ChainHash, size: u64) -> Self {
        Self { n, h, size }
    }

    /// Gives number and hash of the record.
    pub(super) fn record(&self) -> (u64, ChainHash) {
        (self.n, self.h)
    }

    /// Checks that the record still ends where it did in a file of this size; the lock must be held.
    ///
    /// The whole line is hashed: its hash may have been left alone while the rest of it was written anew. What is before it
    /// is covered by that hash, for whoever verifies.
    pub(super) fn check(&self, file: &File, size: u64, path: &Path) -> Result<(), StoreError> {
        if self.size == 0 {
            return Ok(());
        }
        if size < self.size {
            return Err(self.changed(path));
        }
        for window in WINDOWS {
            let from = self.size.saturating_sub(window);
            let bytes = read_at(file, from, self.size - from, path)?;
            let is_left = |tail: Tail| {
                let ends_there = tail.end == bytes.len() && !tail.lacks_line_feed;
                ends_there && (tail.n, tail.h) == (self.n, self.h)
            };
            if last_record(&bytes, from == 0).is_some_and(is_left) {
                return Ok(());
            }
        }
        Err(self.changed(path))
    }

    /// Checks that what stands behind the record comes after it: a record of before, written once more, goes on with nothing.
    pub(super) fn check_behind(&self, end: &End, path: &Path) -> Result<(), StoreError> {
        let grew = self.size > 0 && end.size > self.size;
        if grew && end.torn.is_none() && end.n <= self.n {
            return Err(self.changed(path));
        }
        Ok(())
    }

    /// Checks a segment that its path does not lead to any more: only one that was ended and followed may be removed.
    pub(super) fn check_removed(
        &self,
        dir: &Path,
        log: &LogId,
        segment: &Segment,
    ) -> Result<(), StoreError> {
        let Segment { seg, path, file } = segment;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(StoreError::io("look at", path)(error)),
            Ok(found) if found.is_file() => return Err(self.changed(path)),
            // What is no file is named.
            Ok(_) => return opened::to_read(path).and(Err(self.changed(path))),
        }
        if segments::last(dir, log)? <= *seg {
            return Err(self.changed(path));
        }
        let size = file
            .metadata()
            .map_err(StoreError::io("look at", path))?
            .len();
        self.check(file, size, path)?;
        let end = find_end(file, *seg, size, path)?;
        if end.is_some_and(|end| end.ended) {
            Ok(())
        } else {
            Err(self.changed(path))
        }
    }

    pub(super) fn changed(&self, path: &Path) -> StoreError {
        StoreError::Changed {
            path: path.to_owned(),
            n: self.n,
        }
    }
}

#[cfg(test)]
mod tests;
