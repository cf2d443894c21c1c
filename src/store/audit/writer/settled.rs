//! What is known to be on the disk: syncs, where the log was left, what others had put there, and a sync that failed, which
//! ends all trust in its segment.
//!
//! What a disk holds after a failed sync nobody knows, and a second sync may say that all is well. So this writer takes no
//! action any more, and the next one goes on in a new segment: a mark beside the file tells it. What must not live here:
//! what is written.

use std::fs::{self, OpenOptions};
use std::sync::{Arc, PoisonError};

use super::Writer;
use crate::store::audit::end::End;
use crate::store::audit::error::StoreError;
use crate::store::audit::mark::Mark;
use crate::store::audit::{opened, segments};

impl Writer {
    /// Syncs what was written; a failure is latched.
    pub(in crate::store::audit) fn sync(&mut self) {
        if self.unsynced && self.sync_current().is_ok() {
            self.settled();
        }
    }

    pub(super) fn sync_current(&mut self) -> Result<(), StoreError> {
        let synced = self.ground.disk.sync_data(&self.current.file);
        self.unsynced = false;
        synced.map_err(|error| {
            let failed = StoreError::Failed {
                source: Arc::new(error),
            };
            self.latch(&failed);
            self.mark_failure();
            failed
        })
    }

    /// Keeps in mind where the log was left; only what was acknowledged, with nothing torn behind it.
    pub(super) fn leave(&mut self, end: End) {
        self.mark = Mark::of(&end);
        self.left = Some(end);
    }

    /// Says that the log is on the disk as far as it was left; not once a sync failed, whatever a later one says, also not
    /// where an earlier writer's did in this segment.
    pub(super) fn settled(&self) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let is_doubtful = self.left_failed == Some(self.current.seg);
        if let (Some(mark), None, false) = (&self.mark, &health.failed, is_doubtful) {
            health.durable = Some(mark.record());
        }
    }

    /// Says of a failed write or sync that the records may be in the log, unless the file is as long as it was before.
    pub(super) fn in_part(&self, size: u64, error: StoreError) -> StoreError {
        let file = self.current.file.metadata();
        if file.is_ok_and(|file| file.len() == size) {
            error
        } else {
            error.perhaps()
        }
    }

    /// Counts the bytes that were named just now, where no crash leaves such.
    pub(super) fn count_foreign(&self, before: &End) {
        if let Some(bytes) = before.torn.as_ref().and_then(|torn| torn.foreign) {
            let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
            health.foreign += bytes;
        }
    }

    /// Says for good that this writer cannot go on. A log that was changed outweighs a failed sync: nothing is taken then.
    pub(super) fn latch(&self, failed: &StoreError) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if health.failed.is_none() || matches!(failed, StoreError::Changed { .. }) {
            health.failed = Some(failed.clone());
        }
    }

    /// Marks the segment for the next writer. Best effort: on such a disk that may fail too.
    fn mark_failure(&self) {
        let path = segments::failure(&self.dir, &self.log, self.current.seg);
        let mut how = OpenOptions::new();
        drop(opened::with(
            &path,
            how.write(true).create(true).truncate(false),
        ));
    }

    /// Takes the mark away once the log goes on behind the segment. On a full disk it may still be in it: then the mark is
    /// for the next append, or the next writer.
    pub(super) fn forget_failure(&mut self) {
        let current = self.current.seg;
        if let Some(seg) = self.left_failed.take_if(|seg| *seg < current) {
            // One that stays is of a segment that is not the last any more: nobody looks at it.
            drop(fs::remove_file(segments::failure(
                &self.dir, &self.log, seg,
            )));
        }
    }
}
