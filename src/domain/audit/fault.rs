//! What can be wrong with a log, and what is only worth saying.

use super::sessions::GAP_MINUTES;
use crate::domain::text::{Safe, Shown};
use crate::safe;

/// Something that proves a log was altered or damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which segment; `None` for a line read alone.
    pub segment: Option<u64>,
    /// First bad byte in that segment (or line), from 0.
    pub offset: u64,
    /// Number of the record, where it can be told.
    pub n: Option<u64>,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a line, or with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not the one form a record has.
    #[error("not a record")]
    Malformed,
    /// More than 64 KiB.
    #[error("a line longer than 64 KiB")]
    TooLong,
    /// The line does not have the hash it carries.
    #[error("the record does not have the hash it carries")]
    Hash,
    /// A field of the envelope has an impossible value.
    #[error("the field {0} has an impossible value")]
    Field(&'static str),
    /// It does not name the record before it.
    #[error("it does not follow from the record before it")]
    Prev,
    /// Its number skips records.
    #[error("records before it are missing")]
    Gap,
    /// Its number was there already.
    #[error("it is repeated or out of its place")]
    Order,
    /// It belongs to another log.
    #[error("it belongs to another log")]
    OtherLog,
    /// It belongs to another segment.
    #[error("it belongs to another segment")]
    OtherSegment,
    /// It names torn bytes that are not there, or others.
    #[error("it names torn bytes that are not the ones before it")]
    Recovered,
    /// A record stands after the one that ended its segment.
    #[error("it stands after the end of its segment")]
    AfterEnd,
    /// A segment does not begin as one must.
    #[error("the segment does not begin with segment.start")]
    SegmentStart,
    /// A segment does not end as one must.
    #[error("the segment before does not end with segment.end")]
    SegmentEnd,
    /// A checkpoint says something else of the chain than what stands before it.
    #[error("the checkpoint does not say what stands before it")]
    Checkpoint,
    /// A checkpoint's signature is not one by the key of its session.
    #[error("the checkpoint is not signed with the key of its session")]
    Signature,
    /// A checkpoint of a session that is not open, or has no key.
    #[error("a checkpoint of a session that is not open or has no key")]
    NoSession,
    /// Checkpoints are required, and one is missing.
    #[error("a checkpoint is required and missing")]
    Unsealed,
    /// Checkpoints are required, and those of a session ended before the session did.
    #[error(
        "the session of it was killed, or what followed was taken out: it has no end, and no checkpoint for more than {GAP_MINUTES} minutes"
    )]
    Silent,
    /// A record has another hash than an anchor outside the log says.
    #[error("an anchor outside of the log names another record of this number")]
    Anchor,
    /// An anchor names a record after the last one.
    #[error("records are missing at the end: an anchor outside of the log names this one")]
    Truncated,
    /// The log says that a segment was removed whose end is not the one this segment follows.
    #[error("the segments before were not removed as the log says")]
    Pruned,
    /// The first segments are not here, and the log does not say that they were removed.
    #[error("the segments before it are not here, and the log does not say that they were removed")]
    StartsLate,
    /// A segment in the middle is not there.
    #[error("the segment before it is missing")]
    SegmentMissing,
    /// A file has the name of a segment, and a number that no record carries.
    #[error("a file behind it is named as a segment, under a number that no segment has")]
    SegmentNumber,
}

impl Reason {
    /// Tells whether it is only that a required checkpoint is missing: the records that are there follow all the same.
    pub fn is_of_seals(self) -> bool {
        matches!(self, Self::Unsealed | Self::Silent)
    }
}

impl Fault {
    /// Says where and what in one sentence that may be shown.
    pub fn shown(&self) -> Safe {
        let segment = self
            .segment
            .map_or_else(Safe::default, |seg| safe!("segment {}, ", seg));
        let record = self
            .n
            .map_or_else(Safe::default, |n| safe!(" (record {})", n));
        safe!("{}byte {}{}: {}", segment, self.offset, record, self.reason)
    }
}

impl Shown for Reason {}
impl Shown for Warning {}

/// Something that is no proof of an alteration, but worth saying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A write was torn, and the next writer named the torn bytes.
    #[error(
        "segment {segment}, byte {offset}: {len} torn bytes, named by the writer that found them"
    )]
    Recovered {
        /// Which segment.
        segment: u64,
        /// Where in it.
        offset: u64,
        /// How many bytes.
        len: u64,
    },
    /// The end of the log is torn and no writer came since.
    #[error(
        "segment {segment}, byte {offset}: the last {len} bytes are a torn write; the next writer will name them"
    )]
    TornTail {
        /// Which segment.
        segment: u64,
        /// Where in it.
        offset: u64,
        /// How many bytes.
        len: u64,
    },
    /// The last record is whole but for its line feed.
    #[error("the last record lacks its line feed")]
    NoFinalLineFeed,
    /// There is no record at all, though every log begins with one.
    #[error("there is no record at all: a log is never empty, so all of it may have been cut off")]
    Empty,
    /// The last record says that another segment follows, which is not here.
    #[error(
        "segment {segment} should follow and is not here: removed, or its writer was killed before making it"
    )]
    NextMissing {
        /// The segment that should follow.
        segment: u64,
    },
    /// Sessions that are still running, or ended without saying so.
    #[error("{count} sessions have no end: still running, or killed")]
    SessionsOpen {
        /// How many.
        count: u64,
    },
    /// Records that no checkpoint of their session covers.
    #[error(
        "{count} records of one session, from record {from} on, are under no checkpoint: still running, or killed"
    )]
    UnsealedTail {
        /// The first of them.
        from: u64,
        /// How many, those of other sessions left out.
        count: u64,
    },
    /// A session without a key: it can have no checkpoints.
    #[error("{count} sessions have no key, so nothing of them is under a checkpoint")]
    NoKey {
        /// How many.
        count: u64,
    },
    /// Too long a time between two checkpoints of one session.
    #[error("record {n}: {minutes} minutes since the checkpoint before, more than {GAP_MINUTES}")]
    CheckpointGap {
        /// The later checkpoint.
        n: u64,
        /// How long.
        minutes: u64,
    },
    /// Checkpoints whose session began in a part of the log that is not here.
    #[error("{count} checkpoints cannot be checked: the start of their session is not here")]
    KeyNotHere {
        /// How many.
        count: u64,
    },
    /// Anchors of records before the first one here.
    #[error("{count} anchors name records before the first one here, and cannot be checked")]
    AnchorsBefore {
        /// How many.
        count: u64,
    },
    /// The wall clock went back without a record of it.
    #[error("record {n}: the wall clock went back")]
    TimeWentBack {
        /// The later record.
        n: u64,
    },
}

impl Warning {
    /// Says it in one sentence that may be shown.
    pub fn shown(&self) -> Safe {
        safe!("{}", *self)
    }
}
