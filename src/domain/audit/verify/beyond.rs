//! What a log must fit that is not in its lines: anchors outside of it, and segments that were removed on purpose.
//!
//! What must not live here: finding anchors in a text (see `anchor`), the chain.

use chrono::{DateTime, Utc};

use super::Verifier;
use crate::domain::audit::anchor::Anchor;
use crate::domain::audit::body::Body;
use crate::domain::audit::entry::{self, Raw};
use crate::domain::audit::fault::{Reason, Warning};
use crate::domain::audit::hash::ChainHash;
use crate::domain::audit::pruned::SegmentPruned;
use crate::domain::ids::LogId;

/// What a verifier is told beside the log. The chain alone cannot say what is missing at its end, nor that it was
/// written anew as a whole.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// Records of this log that are named outside of it.
    pub anchors: Vec<Anchor>,
    /// Whether a checkpoint that the writer's rules ask for and that is missing is a fault.
    pub require_checkpoints: bool,
    /// When the log is verified: a session that has been silent until then for too long makes no checkpoint any more.
    /// Without it only what stands in the log tells that time went on.
    pub now: Option<DateTime<Utc>>,
}

impl Verifier {
    /// Says which log the files are named after: a record of another one is a fault.
    #[must_use]
    pub fn of_log(mut self, log: &LogId) -> Self {
        self.report.log = Some(log.as_str().to_owned());
        self
    }

    /// Says of a log that does not begin with its first segment whether it says so itself.
    pub(super) fn end_of_beginning(&mut self) {
        if self.first_segment <= 1 {
            return;
        }
        match (self.pruned, self.first) {
            (Some((n, h)), Some((first, prev))) if n + 1 == first && h == prev => {
                self.report.pruned = Some((self.first_segment - 1, n));
            }
            (Some(_), Some(_)) => self.late(Reason::Pruned),
            _ => self.late(Reason::StartsLate),
        }
    }

    /// Counts the fault of a beginning that is not here for no good reason: no anchor behind it says that all is here.
    fn late(&mut self, reason: Reason) {
        self.fault(self.first_segment, 0, None, reason);
        self.report.anchored = None;
    }

    /// Says which anchors were not met: later ones prove that the end is missing.
    pub(super) fn end_of_anchors(&mut self) {
        let head = self.report.head.map_or(0, |(n, _)| n);
        let later = self.anchors.split_off(&(head + 1));
        if let Some(n) = later.keys().next_back() {
            self.report.truncated = Some(*n);
            self.fault(self.segment, self.start, Some(*n), Reason::Truncated);
        }
        // Numbers in the middle that are not here have made their fault already.
        let first = self.first.map_or(1, |(n, _)| n);
        for (n, hashes) in self.anchors.range(first..).chain(&later) {
            self.report.unmet.extend(hashes.iter().map(|h| (*n, *h)));
        }
        for (n, hashes) in self.anchors.range(..first) {
            let earlier = hashes.iter().map(|h| (*n, *h));
            self.report.earlier.extend(earlier);
        }
        let count = self.report.earlier.len() as u64;
        if count > 0 {
            self.warn(Warning::AnchorsBefore { count });
        }
    }

    pub(super) fn check_anchor(&mut self, raw: &Raw<'_>) {
        let Some(hashes) = self.anchors.remove(&raw.n) else {
            return;
        };
        for hash in hashes {
            if hash == raw.h {
                self.report.anchors += 1;
                // Behind a fault it only says that this record is here.
                if self.report.faults_total == self.report.unsealed {
                    self.report.anchored = self.report.anchored.max(Some(raw.n));
                }
            } else {
                self.report.unmet.push((raw.n, hash));
                self.fault(self.segment, self.start, Some(raw.n), Reason::Anchor);
            }
        }
    }

    pub(super) fn check_pruned(&mut self, raw: &Raw<'_>) {
        self.first.get_or_insert((raw.n, raw.prev));
        if raw.kind == b"segment.pruned"
            && let Some(Body::SegmentPruned(SegmentPruned { segment, n, h })) = entry::body(raw)
            && segment + 1 == self.first_segment
        {
            self.pruned = ChainHash::parse(h.as_bytes()).map(|h| (n, h));
        }
    }
}
