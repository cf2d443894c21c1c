//! How far this host remembers the log to reach: a log that ends before that, or with another record, was cut or rewritten
//! under a console that did not see it.
//!
//! A head is written only after its record is durable. So with the lock held no head of the log names a record behind its
//! end, also none that another console wrote and this one never read. One that was found so at the start is said there
//! (see `remembered`), and the console goes on. What must not live here: what this process wrote (see `mark`) or read
//! (see `seen`), what follows from a log that was changed (see `writer`).

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::end::End;
use super::error::StoreError;
use super::remembered::remembered;
use crate::domain::audit::Anchor;
use crate::domain::ids::LogId;

/// What tells that a file is the one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    file: (u64, u64),
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Shape {
    fn of(found: &Metadata) -> Self {
        Self {
            file: (found.dev(), found.ino()),
            size: found.size(),
            written: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// The heads that are remembered, read anew where their file changed.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// The file; `None` where nothing is remembered.
    path: Option<PathBuf>,
    /// What was read last, and of which file; `None` where it could not be read, and then nothing follows from it.
    heads: Option<(Option<Shape>, Vec<Anchor>)>,
    /// Those that did not fit when the log was looked at first; `None` before.
    unfit: Option<Vec<Anchor>>,
}

impl Reach {
    /// Reads from a file, or nowhere.
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }

    /// Reads what is remembered; the lock must be held. Before the end is looked for: it only goes on from there.
    pub(super) fn look(&mut self) {
        let Some(path) = &self.path else {
            return;
        };
        let found = fs::symlink_metadata(path).ok();
        let shape = found.as_ref().map(Shape::of);
        let known = self.heads.as_ref();
        if !known.is_some_and(|(known, _)| *known == shape) {
            self.heads = remembered(path).ok().map(|heads| (shape, heads));
        }
    }

    /// Checks that a log with this end has all that is remembered of it; the lock must be held.
    pub(super) fn check(&mut self, log: &LogId, end: &End, path: &Path) -> Result<(), StoreError> {
        // It goes on in the next segment.
        if end.ended {
            return Ok(());
        }
        let Some((_, heads)) = &self.heads else {
            return Ok(());
        };
        let is_other = |head: &Anchor| head.n == end.n && head.h != end.h;
        let behind = |head: &&Anchor| head.log == *log && (head.n > end.n || is_other(head));
        let Some(unfit) = &self.unfit else {
            self.unfit = Some(heads.iter().filter(behind).cloned().collect());
            return Ok(());
        };
        let mut fresh = heads.iter().filter(behind);
        match fresh.find(|head| !unfit.contains(head)) {
            Some(head) if self.is_still(head) => Err(StoreError::Changed {
                path: path.to_owned(),
                n: head.n,
            }),
            _ => Ok(()),
        }
    }

    /// Tells whether a head stands in the file: on a full disk it is written over, and one was read in the middle of it.
    fn is_still(&self, head: &Anchor) -> bool {
        let heads = self.path.as_deref().and_then(|path| remembered(path).ok());
        heads.is_some_and(|heads| heads.contains(head))
    }
}

#[cfg(test)]
mod tests;
