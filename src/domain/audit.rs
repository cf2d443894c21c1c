//! The audit log as bytes and rules: what a record is, how records are chained, how a log is verified.
//!
//! A log is lines of ASCII JSON. Every line carries the hash of the line before (`prev`) and its own (`h`), so an
//! edit, an insertion, a deletion, a swap or a repetition anywhere shows. What the chain alone cannot show is the
//! loss of records at the end; that needs a copy of the head outside the log, an anchor. Every session signs
//! checkpoints with a key of its own, so that records of a past session cannot be written anew in its name.
//!
//! What must not live here: files, locks, clocks (see `store::audit`); what records mean for the state of an action.

mod after;
mod anchor;
mod body;
mod casework;
mod entry;
mod fault;
mod filter;
mod hash;
mod json;
mod listed;
mod long;
mod observed;
mod pruned;
mod recovery;
mod removal;
mod report;
#[cfg(test)]
mod samples;
mod seal;
mod sessions;
mod tail;
mod timeline;
mod verify;
mod words;

pub use after::{FindingDismissed, HoldSet, SecretSaid, SecretState, WatchCursor, WatchSuccess};
pub use anchor::{Anchor, find_anchors};
pub use body::Body;
pub use casework::{CaseChanged, CaseLeft, CaseSnoozed, CompromiseWindow, Decided, SearchRun};
pub use entry::{Draft, EncodeError, Entry, MAX_LINE, SUFFIX, encode_line, parse_line};
pub use fault::{Fault, Reason, Warning};
pub use filter::{Filter, data_of};
pub use hash::{ChainHash, PREFIX, hex, sha256_hex};
pub use json::{MAX_DEPTH, MAX_INT, ValueError, ascii as ascii_json};
pub use listed::{
    CaseRead, ChecklistNote, ChecklistOpen, ChecklistPhase, ChecklistText, ChecklistTick,
    RunbookChoose, RunbookInput, StepSaid, TaskState,
};
pub use observed::Observed;
pub use pruned::SegmentPruned;
pub use recovery::{
    AttackSign, RecoverySaid, RecoveryWord, SignKind, WatchLooked, WatchOver, WatchSeen, WatchUntil,
};
pub use removal::{ItemNamed, ItemPart};
pub use report::{DocumentPosted, DocumentWritten};
pub use seal::{PublicKey, Standing};
pub use sessions::{EVERY, GAP_MINUTES};
pub use tail::{LogRecovered, Tail, has_begun, holds_foreign_lines, last_record, name_torn};
pub use timeline::{LikelihoodSet, Saying, TimelineSaid};
pub use verify::{Expectations, Report, Verifier};
pub use words::{Class, DecisionKind, OutcomeState, TYPES, TickState};
