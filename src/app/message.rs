//! Everything that can happen, as facts; the time of each stands in the [`Moment`] that comes with it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::app::keymap::Chord;
use crate::app::model::activity::SourceSeen;
use crate::app::model::activity::asking::Trace;
use crate::domain::account::Account;
use crate::domain::audit::Entry;
use crate::domain::case::{Alert, Case, CaseFile, Comment, RecordFault, Task};
use crate::domain::containment::consent::Asked;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::plan::{ActionFacts, Plan};
use crate::domain::containment::remnant::{Item, LeftBehind};
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, ActionId, CaseId, ConnectionName};
use crate::domain::one_time::OneTime;
use crate::domain::operator::Operator;
use crate::domain::report::Target;
use crate::domain::report::trouble::Trouble;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::Event;
use crate::domain::verdict::CaseChange;

#[cfg(doc)]
use crate::domain::freshness::Moment;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Chord),
    /// A key came in one piece with others: in one read of the terminal, or so soon after another that no hand pressed
    /// both.
    Bunched {
        /// The key.
        chord: Chord,
        /// Whether the piece begins with it.
        first: bool,
    },
    /// Text was pasted; it is only counted, never used.
    Pasted,
    /// The terminal has another size.
    Resized {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// Time went by.
    Tick,
    /// What the model says is on the screen now.
    Drawn,
    /// A source answered a poll, or did not.
    SourcePolled {
        /// Which connection.
        source: ConnectionName,
        /// Counts up per source; an older one than the last is dropped.
        seq: u64,
        /// What it said.
        result: Result<Polled, Fault>,
    },
    /// The case system said who is working.
    OperatorKnown(Operator),
    /// What the identity provider offers.
    OffersKnown(Vec<Offer>),
    /// A case was read in full, or not.
    CaseRead {
        /// Which case.
        case: CaseId,
        /// The file.
        result: Result<Box<CaseFile>, Fault>,
    },
    /// The identity provider was asked for the user of a case.
    AccountRead {
        /// For which case.
        case: CaseId,
        /// The name it was asked for.
        asked: Untrusted,
        /// Every account that carries the name.
        result: Result<Vec<Account>, Fault>,
    },
    /// What may be left in an account was read, or could not be.
    LeftRead {
        /// For which case.
        case: CaseId,
        /// The account.
        account: AccountId,
        /// All of it, with what could not be read.
        result: Result<Box<LeftBehind>, Fault>,
    },
    /// The alerts of an identity provider were read, or could not be.
    AlertsRead {
        /// Whose.
        source: ConnectionName,
        /// All of them, or why not.
        result: Result<AlertsRead, NoAlerts>,
    },
    /// A page of events came.
    ActivityPage {
        /// Which search.
        search: u64,
        /// The events.
        events: Vec<Event>,
        /// Records that could not be read.
        faults: Vec<RecordFault>,
    },
    /// A search, or one look for newer events, ended.
    ActivityEnded {
        /// Which search.
        search: u64,
        /// How.
        result: Result<SearchEnd, Fault>,
    },
    /// The load of an older slice ended.
    SliceEnded {
        /// Of which search.
        search: u64,
        /// How.
        result: Result<SearchEnd, Fault>,
    },
    /// The sources of the SIEM were looked at.
    SourcesSeen {
        /// For which search.
        search: u64,
        /// Each with its newest record.
        result: Result<Vec<SourceSeen>, Fault>,
    },
    /// What all users did from one address or device.
    SourceSearched {
        /// Which question.
        number: u64,
        /// From what.
        of: Trace,
        /// The events, and whether there are more.
        result: Result<(Vec<Event>, bool), Fault>,
    },
    /// A plan was made, or could not be.
    PlanMade(Result<Box<Plan>, Box<NoPlan>>),
    /// The comments of the open case were read again.
    CommentsRead {
        /// Which case.
        case: CaseId,
        /// All of them, oldest first.
        result: Result<Vec<Comment>, Fault>,
    },
    /// The tasks of the open case were read again.
    TasksRead {
        /// Which case.
        case: CaseId,
        /// All of them.
        result: Result<Vec<Task>, Fault>,
    },
    /// A case was changed in its case system, or was not.
    CaseChanged {
        /// Which case.
        case: CaseId,
        /// What was asked for.
        change: CaseChange,
        /// How it went.
        result: Result<Changed, Fault>,
    },
    /// Several cases became one, or did not.
    CasesMerged {
        /// The old ones.
        cases: Vec<CaseId>,
        /// The new one.
        result: Result<Box<Case>, Fault>,
    },
    /// The case system named the cases that are similar to one, or could not.
    SimilarRead {
        /// To which.
        case: CaseId,
        /// The similar ones, most alike first.
        result: Result<Vec<Case>, Fault>,
    },
    /// The tasks that would stay open in a case that is to be closed: id and title.
    OpenTasksRead {
        /// Which case.
        case: CaseId,
        /// The open ones.
        result: Result<Vec<(Untrusted, Untrusted)>, Fault>,
    },
    /// Something was put into the clipboard, or could not be.
    Copied(bool),
    /// A signal asks to stop for a while.
    Stopped,
    /// The console was not stopped: nobody waits behind it who could bring it back.
    NotStopped,
    /// A request for an approval was read for the person who may answer it.
    ApprovalReady(Result<Box<Asked>, Fault>),
    /// The text of a report is open, or cannot be.
    DraftOpened {
        /// Which.
        target: Target,
        /// What was left of it.
        result: Result<Opened, Fault>,
    },
    /// Nobody writes the text of a report or a note any more.
    DraftLeft {
        /// Which.
        target: Target,
        /// What is on disk of it, or why that is not what was typed.
        result: Result<Option<Untrusted>, Fault>,
    },
    /// What puts a text on record was done, or could not be.
    Written {
        /// The number it was asked for under.
        number: u64,
        /// Why it is not known to be on record, if so.
        refused: Option<Refused>,
    },
    /// A request to a connection failed; counted for the review.
    Troubled {
        /// Which connection.
        source: ConnectionName,
        /// How.
        how: Trouble,
    },
    /// Records of this process became durable.
    Recorded(Vec<Entry>),
    /// What other consoles of this log recorded was read, as it was asked for, or could not be.
    CaughtUp(bool),
    /// The audit log can not be written; no action will run.
    AuditFailed(Fault),
    /// How the audit log is, when that is not what was told last.
    AuditLooked {
        /// Why no action can be recorded, if so.
        fault: Option<Fault>,
        /// That its disk is nearly full, if so.
        low: Option<Fault>,
    },
    /// What a reading of the whole audit log found: that it is broken, or not what this host remembers of it.
    AuditBroken(Option<Fault>),
    /// The watch looked at a contained account, or at one that was enabled again.
    Watched {
        /// Which.
        account: AccountId,
        /// For what.
        of: WatchOf,
        /// Why it could not be read, if so.
        fault: Option<Fault>,
    },
    /// An action made something that a person hands over.
    Handed(Handed),
    /// Something to say in the message line.
    Noticed {
        /// How much it matters.
        level: Level,
        /// What.
        fault: Fault,
    },
    /// The terminal is gone or a signal asks to end.
    Ended,
}

/// What the watch looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchOf {
    /// Whether somebody enabled the account again.
    Status,
    /// Whether the account succeeded in anything.
    Successes,
    /// Whether anything of an account that was enabled again should not be: in the logs, and of the account itself.
    Recovery,
    /// Whether anything new was left in it.
    Left,
}

/// The text of a report as it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What was typed and not posted, and when it was last changed.
    pub left: Option<(Untrusted, DateTime<Utc>)>,
}

/// How a change of a case went.
#[derive(Clone, Debug)]
pub enum Changed {
    /// It was read back as it should be.
    Done(Box<Case>),
    /// It was so already.
    Already(Box<Case>),
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchEnd {
    /// How many events came.
    pub events: usize,
    /// Whether the SIEM has more than were asked for.
    pub truncated: bool,
}

/// What a poll brought.
#[derive(Clone, Debug)]
pub enum Polled {
    /// Cases, newest first.
    Cases {
        /// The cases that could be read.
        cases: Vec<Case>,
        /// The records that could not.
        faults: Vec<RecordFault>,
        /// Whether there are more.
        truncated: bool,
    },
    /// Alerts of the SIEM.
    Alerts {
        /// The alerts that could be read.
        alerts: Vec<Alert>,
        /// The records that could not.
        faults: Vec<RecordFault>,
    },
    /// It is there.
    Alive,
}

/// The alerts of an identity provider, as they are now.
#[derive(Clone, Debug)]
pub struct AlertsRead {
    /// The newest open ones that could be read.
    pub alerts: Vec<Alert>,
    /// The records that could not.
    pub faults: Vec<RecordFault>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Why alerts could not be read.
#[derive(Clone, Debug)]
pub struct NoAlerts {
    /// What failed.
    pub fault: Fault,
    /// Whether they may not be read at all, which is no failure.
    pub refused: bool,
}

/// A secret that waits to be shown once; dropping it forgets it.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The action that made it.
    pub aid: ActionId,
    /// Whose it is.
    pub login: Untrusted,
    /// The secret.
    pub secret: Arc<OneTime>,
}

/// What could not be planned, so that an answer that comes late is not taken for that to a later wish.
#[derive(Clone, Debug)]
pub struct NoPlan {
    /// For which case.
    pub case: CaseId,
    /// The target.
    pub account: AccountId,
    /// What was to be done.
    pub kinds: Vec<ActionKind>,
    /// What was to be removed.
    pub items: Vec<Item>,
    /// Why not.
    pub fault: Fault,
}

/// What one action kind is at the identity provider.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The kind.
    pub kind: ActionKind,
    /// Its facts, or why it is not offered.
    pub facts: Result<ActionFacts, Safe>,
}

/// Why a text is not known to be on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// What it is for does not fit any more; nothing was written.
    Unfit(Fault),
    /// The log failed before anything of it was written.
    Failed(Fault),
    /// The log failed after its bytes were handed to the disk: it may be on record all the same.
    Unknown(Fault),
}

impl Refused {
    /// Gives it as a message that somebody reads.
    pub fn notice(self) -> (Level, Fault) {
        match self {
            Self::Unfit(fault) => (Level::Warning, fault),
            Self::Failed(fault) | Self::Unknown(fault) => (Level::Error, fault),
        }
    }
}

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
    /// Somebody must look now.
    Alarm,
}
