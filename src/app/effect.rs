//! Everything the console may ask of the world, as orders; the engine performs them and answers with messages.

use chrono::{DateTime, Utc};

use crate::app::decision::Decision;
use crate::app::model::activity::asking::Trace;
use crate::domain::audit::{Body, TaskState, TimelineSaid};
use crate::domain::containment::confirm::ConfirmedPlan;
use crate::domain::containment::consent::Given;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::Item;
use crate::domain::ids::{AccountId, ActionId, CaseId, PlanId};
use crate::domain::mirror::NewTask;
use crate::domain::phase::Phase;
use crate::domain::report::Target;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::verdict::CaseChange;

/// One order to the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// End the console; what must finish finishes first.
    Quit,
    /// Draw everything anew.
    Redraw,
    /// Ring the bell.
    Bell,
    /// Give the terminal back and stop until the shell says to go on.
    Suspend,
    /// Put a text into the terminal's clipboard, where that is switched on.
    Copy(Safe),
    /// Ask every source now.
    PollNow,
    /// Read a case in full.
    ReadCase(CaseId),
    /// Find the account of a name.
    ReadAccount {
        /// For which case.
        case: CaseId,
        /// The name, exactly as the case gave it.
        name: Untrusted,
    },
    /// Load the activity of a user and go on looking for newer events.
    SearchActivity(Search),
    /// Load the events of a search that are older than those it has.
    SearchOlder {
        /// The search.
        search: Search,
        /// Before when, exclusive.
        until: DateTime<Utc>,
    },
    /// Ask what all users did from one address or device.
    SearchSource(SourceSearch),
    /// Stop a search and its looking for newer events.
    StopSearch(u64),
    /// Read what may be left in an account.
    ReadLeft {
        /// For which case.
        case: CaseId,
        /// The account.
        account: AccountId,
    },
    /// Resolve, snapshot, guard: make a plan.
    MakePlan {
        /// For which case.
        case: CaseId,
        /// The target.
        account: AccountId,
        /// The name the case gave.
        asked_for: Untrusted,
        /// What to do, in the order asked for.
        kinds: Vec<ActionKind>,
        /// What to remove, where that is what is done.
        items: Vec<Item>,
        /// From when to when the account was in other hands, as far as it is known; open where there is no end.
        window: Option<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    },
    /// Carry out what was confirmed.
    Contain(Box<ConfirmedPlan>),
    /// Read the comments of a case again.
    ReadComments(CaseId),
    /// Read the tasks of a case again.
    ReadTasks(CaseId),
    /// Make tasks in the case that are not there, each exactly once.
    MakeTasks {
        /// In which case.
        case: CaseId,
        /// The tasks.
        tasks: Vec<NewTask>,
    },
    /// Record that tasks are to get a status, and give it to them.
    SetTasks(Vec<TaskState>),
    /// Change cases in their case system, one after another.
    ChangeCases {
        /// Which.
        cases: Vec<CaseId>,
        /// How.
        change: CaseChange,
    },
    /// Make one case of several.
    MergeCases(Vec<CaseId>),
    /// Ask the case system which cases are similar to one.
    ReadSimilar(CaseId),
    /// Read what other consoles of this log recorded, sooner than that is read by itself.
    CatchUp,
    /// Read which tasks would stay open in cases that are to be closed.
    LookBeforeClosing(Vec<CaseId>),
    /// Read one request for an approval anew, with its account.
    ReadRequest {
        /// In which case.
        case: CaseId,
        /// The comment that asks.
        comment: Untrusted,
    },
    /// Post the answer to a request.
    Answer(Box<Given>),
    /// Read the provider back once more.
    CheckAgain(ActionId),
    /// Write records.
    Record(Vec<Body>),
    /// Do what puts a text on record, and say whether it is: the console keeps the text until then.
    Written {
        /// The number of the answer.
        number: u64,
        /// What does.
        effect: Box<Effect>,
    },
    /// Post the comment of a plan, if it is not there.
    Document(PlanId),
    /// Open the text of a report: what was left of it.
    OpenDraft(Target),
    /// Keep the text of a report as it is now.
    SaveDraft {
        /// Which.
        target: Target,
        /// The text as typed.
        text: Untrusted,
    },
    /// Nobody writes this text any more; what was typed stays.
    CloseDraft(Target),
    /// Post a report that was confirmed, exactly once.
    PostDocument {
        /// Which.
        target: Target,
        /// The text as typed.
        text: Untrusted,
        /// Who stands under it, as it was previewed.
        by: Untrusted,
    },
    /// Post an event into the case, exactly once, however often and wherever it is asked for.
    PostEvent {
        /// Into which case.
        case: CaseId,
        /// The comment's text.
        text: Untrusted,
        /// The record that says so.
        said: Box<TimelineSaid>,
    },
    /// Post a note of the analyst, exactly once.
    PostNote {
        /// Into which case.
        case: CaseId,
        /// The text as typed.
        text: Untrusted,
        /// The phase it documents, if it is about one.
        phase: Option<Phase>,
        /// Whether it was kept on disk while it was typed, until it is on record: then all of what is there is in it.
        drafted: bool,
        /// The decision that it tells of, recorded in the same write where it still fits what is on record by then.
        decided: Option<Box<Decision>>,
    },
}

/// One question about all users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSearch {
    /// Its number.
    pub number: u64,
    /// From where.
    pub trace: Trace,
    /// From when.
    pub since: DateTime<Utc>,
    /// Most events wanted.
    pub limit: usize,
}

/// One search for the activity of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Its number; answers to older numbers are dropped.
    pub number: u64,
    /// The account, for the record.
    pub account: Option<AccountId>,
    /// Every name the account is known by.
    pub names: Vec<Untrusted>,
    /// From when.
    pub since: DateTime<Utc>,
    /// Window in hours, for the record.
    pub window_hours: u32,
    /// Most events to load.
    pub limit: usize,
}
