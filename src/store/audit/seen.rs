//! The furthest record that this process read: what a console shows and acts upon must still be there when it writes.
//!
//! Others of the same user write while a console waits, and it reads their records long before it appends again: the end
//! that its writer left says nothing of a log that was cut back behind them. What must not live here: what this process
//! wrote itself (see `mark`), what follows from a log that was changed (see `writer`).

use std::cmp::Ordering;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::end::End;
use super::error::StoreError;
use super::follow::Place;
use super::mark::Mark;
use super::writer::Segment;
use super::{opened, segments};
use crate::domain::audit::Entry;
use crate::domain::ids::LogId;

/// A record, and the segment that it is in.
#[derive(Clone, Copy, Debug)]
struct Furthest {
    seg: u64,
    mark: Mark,
}

/// The furthest record that was read; shared by those who read and the one who writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Option<Furthest>>>);

impl Seen {
    /// Takes note of records that were read, of which the last ends at a place.
    ///
    /// Records that do not go on from those that were read before are another log's under the same name: what was read
    /// before is then what must be there.
    pub(super) fn note(&self, entries: &[Entry], end: Place) {
        let Some(last) = entries.last() else {
            return;
        };
        let mut furthest = self.furthest();
        if let Some(known) = &*furthest {
            let (n, h) = known.mark.record();
            let goes_on = |entry: &Entry| {
                (entry.n, entry.h) == (n, h)
                    || (entry.n.checked_sub(1) == Some(n) && entry.prev == h)
            };
            if last.n < n || !entries.iter().any(goes_on) {
                return;
            }
        }
        *furthest = Some(Furthest {
            seg: end.seg,
            mark: Mark::at(last.n, last.h, end.at),
        });
    }

    /// Takes note of the last record of all, read without knowing where it ends: better than nothing.
    pub(super) fn note_last(&self, last: &Entry) {
        let mut furthest = self.furthest();
        if furthest.is_none() {
            *furthest = Some(Furthest {
                seg: last.seg,
                mark: Mark::at(last.n, last.h, 0),
            });
        }
    }

    /// Checks that the record still stands in a log whose current segment has this end; the lock must be held.
    ///
    /// `left` is the end that the writer left in this segment: what was read before that stands in front of it. So nothing
    /// is read here but after others wrote.
    pub(super) fn check(
        &self,
        left: Option<&Mark>,
        (dir, log): (&Path, &LogId),
        current: &Segment,
        end: &End,
    ) -> Result<(), StoreError> {
        let Some(Furthest { seg, mark }) = *self.furthest() else {
            return Ok(());
        };
        let (n, h) = mark.record();
        if left.is_some_and(|left| left.record().0 >= n) {
            return Ok(());
        }
        let path = segments::path(dir, log, seg);
        let is_cut = match seg.cmp(&current.seg) {
            // Whoever went on in a later segment ended this one first.
            Ordering::Greater => !end.ended,
            Ordering::Equal | Ordering::Less => end.n < n || (end.n == n && end.h != h),
        };
        if is_cut {
            return Err(mark.changed(&path));
        }
        let file = match opened::to_read(&path) {
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                // A segment that is ended and followed may be removed, and with it all before it.
                return if seg < current.seg {
                    Ok(())
                } else {
                    Err(mark.changed(&path))
                };
            }
            opened => opened?,
        };
        let found = file.metadata().map_err(StoreError::io("look at", &path))?;
        mark.check(&file, found.len(), &path)
    }

    fn furthest(&self) -> MutexGuard<'_, Option<Furthest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
