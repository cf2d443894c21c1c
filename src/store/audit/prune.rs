//! Removing closed segments: recorded and synced first.
//!
//! What must not live here: which segments may go (`cli::audit`).

use std::fs::{self, File};

use chrono::{DateTime, Utc};

use super::error::StoreError;
use super::{AuditLog, Checked, read, segments};
use crate::domain::audit::{Body, ChainHash, Entry, SegmentPruned};

/// A segment that is not the last, with its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Its number.
    pub segment: u64,
    /// Number of its last record.
    pub n: u64,
    /// Hash of its last record.
    pub h: ChainHash,
}

impl Closed {
    /// Gives the first segments whose every record is older than a moment, out of all records of a log. The last
    /// segment is never among them.
    pub fn before(entries: &[Entry], before: DateTime<Utc>) -> Vec<Self> {
        let last = entries.last().map_or(0, |entry| entry.seg);
        let mut old = Vec::new();
        for segment in entries.chunk_by(|a, b| a.seg == b.seg) {
            let Some(end) = segment.last() else { break };
            if end.seg == last || segment.iter().any(|entry| entry.ts >= before) {
                break;
            }
            old.push(Self {
                segment: end.seg,
                n: end.n,
                h: end.h,
            });
        }
        old
    }
}

impl AuditLog {
    /// Reads and verifies all records of this log.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn check(&self) -> Result<Checked, StoreError> {
        read::read_log(&self.dir, &self.log)
    }

    /// Records that segments are removed, and removes them; they must be the first ones, in order. The record is remembered
    /// outside of the directory before, where anything is remembered of the log.
    ///
    /// # Errors
    /// Nothing was removed when the record failed, or is not remembered; after other errors some of them may have been.
    pub fn prune(&self, closed: &[Closed]) -> Result<(), StoreError> {
        let recorded = closed.iter().map(|closed| {
            Body::SegmentPruned(SegmentPruned {
                segment: closed.segment,
                n: closed.n,
                h: closed.h.to_string(),
            })
        });
        self.append_blocking(recorded.collect())?;
        let last = closed.last().map_or(0, |closed| closed.n);
        self.heads.check_behind(last)?;
        for Closed { segment, .. } in closed {
            let path = segments::path(&self.dir, &self.log, *segment);
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        let dir = File::open(&*self.dir).map_err(StoreError::io("open", &self.dir))?;
        dir.sync_all().map_err(StoreError::io("sync", &self.dir))
    }
}
