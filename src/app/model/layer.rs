//! Dialogs: a stack of layers, the top one gets the key first.

use chrono::{DateTime, Utc};
use ratatui_textarea::TextArea;

use super::activity::asking::{EventText, FilterLine, PivotRow};
use super::closing::CloseDialog;
use super::list::{GateAsk, PhaseRef, RunbookRow, StepRef};
use crate::app::command::Context;
use crate::app::message::Handed;
use crate::domain::containment::confirm::Confirmation;
use crate::domain::containment::consent::Consent;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::Item;
use crate::domain::ids::{AccountId, ActionId, CaseId};
use crate::domain::report::Target;
use crate::domain::runbook::Phase;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::finding::FindingKey;

/// One dialog.
#[derive(Clone, Debug)]
pub enum Layer {
    /// The keys of a context.
    Help {
        /// Of which context.
        context: Context,
        /// First line shown.
        scroll: usize,
    },
    /// A text: a record in full, a paragraph of the runbook.
    Reading {
        /// Heading.
        title: Safe,
        /// The text.
        text: Safe,
        /// First line shown.
        scroll: usize,
    },
    /// The message log, newest first.
    Messages {
        /// First line shown.
        scroll: usize,
    },
    /// Every action of the open case with its proof.
    Response {
        /// First line shown.
        scroll: usize,
    },
    /// The escalation path, and who is next for the open case.
    Escalation {
        /// First line shown.
        scroll: usize,
    },
    /// The filter of the queue is being typed.
    Filter {
        /// What it was before.
        before: String,
        /// Whether Esc was pressed once.
        esc: bool,
    },
    /// The filter of the activity is being typed.
    EventFilter(Box<FilterLine>),
    /// What can be looked at from an event.
    Pivot {
        /// What there is.
        rows: Vec<PivotRow>,
        /// Row under the cursor.
        cursor: usize,
    },
    /// The actions, one letter each.
    Contain {
        /// Row under the cursor.
        cursor: usize,
    },
    /// What may be left in the account of the open case.
    Left {
        /// Row under the cursor.
        cursor: usize,
    },
    /// The likelihood is being judged.
    Likelihood {
        /// Row under the cursor.
        cursor: usize,
    },
    /// The user of the case is being chosen.
    ChooseUser {
        /// The names.
        names: Vec<Untrusted>,
        /// Row under the cursor.
        cursor: usize,
    },
    /// A runbook is being chosen: for the case, or of those that a step leads to.
    Runbooks {
        /// The runbooks.
        rows: Vec<RunbookRow>,
        /// Row under the cursor.
        cursor: usize,
        /// Whether the list of the chosen one is opened from the step under the cursor.
        nested: bool,
    },
    /// The inputs of the runbook.
    Inputs {
        /// Row under the cursor.
        cursor: usize,
    },
    /// A gate is being asked.
    Gate(GateAsk),
    /// A plan is being made.
    Planning {
        /// What it will do.
        kinds: Vec<ActionKind>,
        /// What it will remove.
        items: Vec<Item>,
        /// For which case, to whom.
        of: Box<Held>,
    },
    /// A plan is being confirmed.
    Confirm {
        /// The dialog's state.
        confirmation: Box<Confirmation>,
        /// What the last key did.
        said: Option<Safe>,
        /// First line shown, where not all of them fit.
        scroll: usize,
    },
    /// The requests for an approval in the open case.
    Approvals {
        /// Row under the cursor.
        cursor: usize,
    },
    /// A request is being read anew, with its account.
    ReadingRequest {
        /// The comment that asks.
        comment: Untrusted,
    },
    /// A request of somebody else is being answered.
    Approve {
        /// The dialog's state.
        consent: Box<Consent>,
        /// What the last key did.
        said: Option<Safe>,
        /// First line shown, where not all of them fit.
        scroll: usize,
    },
    /// A reason or a note is being written.
    Writing {
        /// For what.
        purpose: Purpose,
        /// The text.
        area: Box<TextArea<'static>>,
        /// Whether Esc was pressed once.
        esc: bool,
    },
    /// The phase to document is being chosen.
    Documents {
        /// Row under the cursor.
        cursor: usize,
    },
    /// The text of a report is being opened.
    OpeningDraft {
        /// Which.
        of: Box<Target>,
    },
    /// A report as it will be posted; its text lies below.
    Preview {
        /// Which.
        of: Box<Target>,
        /// The text as typed.
        text: Untrusted,
        /// Who stands under it.
        by: Safe,
        /// The comment, in Markdown.
        shown: Safe,
        /// How many questions have no answer.
        empty: usize,
        /// What was known when it was last looked at, and is not in the text.
        known: Vec<Safe>,
        /// First line shown.
        scroll: usize,
    },
    /// The unfinished actions.
    Unfinished {
        /// Row under the cursor.
        cursor: usize,
        /// The action the cursor stands on; `None` once it has its final word and no other was chosen.
        aid: Option<ActionId>,
    },
    /// Everything contained.
    Contained {
        /// Row under the cursor.
        cursor: usize,
    },
    /// Until when an account is contained, or watched, is being chosen.
    HoldEnd {
        /// Which containment, or whose watch.
        of: Box<Held>,
        /// Whether it is the end of the watch after an enabling.
        watch: bool,
        /// Row under the cursor.
        cursor: usize,
    },
    /// All commands are searched.
    Search {
        /// What was typed.
        typed: String,
        /// Row under the cursor.
        cursor: usize,
    },
    /// Cases are being closed.
    Close(Box<CloseDialog>),
    /// Something is asked that is answered by y or n.
    Ask(Box<Question>),
    /// For how long cases are not shown is being chosen.
    Snooze {
        /// Which.
        cases: Vec<CaseId>,
        /// Row under the cursor.
        cursor: usize,
    },
    /// The open case, or the one under the cursor, in full.
    Card {
        /// First line shown.
        scroll: usize,
    },
    /// The other cases of the user and of what was seen.
    Related {
        /// Row under the cursor.
        cursor: usize,
    },
    /// A secret is shown, this once.
    Secret(Box<Handed>),
    /// Quitting while something runs is being asked.
    QuitAnyway,
    /// The word that ends READ ONLY after an idle time is being typed.
    Rearm {
        /// What was typed.
        typed: String,
    },
}

/// A question that y answers with yes; everything else is no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Heading.
    pub title: &'static str,
    /// What is asked.
    pub text: Safe,
    /// What follows a yes.
    pub then: Asked,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether a case of somebody else is claimed; whose it was when it was asked.
    TakeOver(CaseId, Untrusted),
    /// Whether cases become one.
    Merge(Vec<CaseId>),
}

/// For how long a case can be hidden: minutes, and the words for it.
pub const SNOOZES: [(i64, &str); 6] = [
    (15, "15 minutes"),
    (30, "30 minutes"),
    (60, "1 hour"),
    (120, "2 hours"),
    (240, "4 hours"),
    (720, "12 hours"),
];

/// A containment whose end is being decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The case it was done for.
    pub case: CaseId,
    /// The account.
    pub account: AccountId,
    /// Its login.
    pub login: Untrusted,
}

/// What has to be typed after an idle time.
pub const REARM_WORD: &str = "arm";

/// What a text is written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Why the account is only watched.
    MonitorOnly,
    /// Why nothing is done.
    NoAction,
    /// Why a step is skipped.
    Skip(Box<StepRef>),
    /// Why a step does not apply.
    NotApplicable(Box<StepRef>),
    /// A note on a step.
    StepNote(Box<StepRef>),
    /// Why a phase is closed while mandatory steps are open.
    Waive(Box<PhaseRef>),
    /// The value of an input of the runbook.
    Input(CaseId, Untrusted),
    /// Why an unfinished action is closed.
    Close(ActionId),
    /// A note for the case.
    Note(CaseId),
    /// A report for the case.
    Document(Box<Target>),
    /// Why an account stays contained until somebody decides.
    Keep(Box<Held>),
    /// Why an account that was enabled again is not watched any more.
    EndWatch(Box<Held>),
    /// Why a finding means nothing; or, with `false`, why it counts again.
    Dismiss(Box<FindingKey>, bool),
    /// Something for the activity: a tag, a note, an event by hand, the window.
    Event(Box<EventText>),
    /// A note for the case that documents a phase.
    PhaseNote(CaseId, Phase),
    /// Why cases are not shown until then.
    Snooze(Vec<CaseId>, DateTime<Utc>),
    /// From when to when an account was in other hands.
    Window(CaseId),
}

impl Purpose {
    /// Gives the heading of the dialog.
    pub fn title(&self) -> &'static str {
        match self {
            Self::MonitorOnly => "Monitor only: why?",
            Self::NoAction => "No action: why?",
            Self::Skip(_) => "Skip the step: why?",
            Self::NotApplicable(_) => "Not applicable: why?",
            Self::Close(_) => "Close the unfinished action: why?",
            Self::Note(_) | Self::PhaseNote(..) => "Note for the case",
            Self::StepNote(_) => "Note on the step",
            Self::Waive(_) => "Close the phase with open steps: why?",
            Self::Document(_) => "Report for the case",
            Self::Keep(_) => "Keep it contained until somebody decides: why?",
            Self::EndWatch(_) => "End the watch before its time: why?",
            Self::Input(..) => "Input of the runbook",
            Self::Event(text) => text.title(),
            Self::Dismiss(_, true) => "Dismiss the finding: why?",
            Self::Dismiss(_, false) => "Let the finding count again: why?",
            Self::Snooze(..) => "Do not show it for a while: why?",
            Self::Window(_) => "Compromised from, and to where it is over (UTC)",
        }
    }

    /// Gives what it is about: labels of steps, the name of an input.
    pub fn about(&self) -> Vec<Untrusted> {
        match self {
            Self::Skip(step) | Self::NotApplicable(step) | Self::StepNote(step) => {
                vec![step.label.clone()]
            }
            Self::Waive(phase) => phase.open.iter().map(|(_, label)| label.clone()).collect(),
            Self::Input(_, name) => vec![name.clone()],
            _ => Vec::new(),
        }
    }

    /// Tells whether Enter makes a new line instead of finishing.
    pub fn many_lines(&self) -> bool {
        matches!(
            self,
            Self::Note(_) | Self::PhaseNote(..) | Self::Document(_)
        )
    }
}

impl Layer {
    /// Tells whether it waits to be on the screen before it takes keys.
    pub fn waits_for_screen(&self) -> bool {
        match self {
            Self::Confirm { confirmation, .. } => !confirmation.was_drawn(),
            Self::Approve { consent, .. } => !consent.was_drawn(),
            _ => false,
        }
    }

    /// Tells whether it says something by the log of this host, to which other consoles append.
    pub fn is_of_log(&self) -> bool {
        match self {
            Self::Contained { .. }
            | Self::Unfinished { .. }
            | Self::Response { .. }
            | Self::Approvals { .. }
            | Self::Documents { .. }
            | Self::Preview { .. }
            | Self::HoldEnd { .. } => true,
            Self::Writing { purpose, .. } => {
                matches!(purpose, Purpose::Keep(_) | Purpose::EndWatch(_))
            }
            _ => false,
        }
    }

    /// Gives the context its keys are looked up in; `None` when it takes letters itself.
    pub fn context(&self) -> Option<Context> {
        match self {
            Self::Help { .. }
            | Self::Reading { .. }
            | Self::Messages { .. }
            | Self::Response { .. }
            | Self::Card { .. }
            | Self::Escalation { .. } => Some(Context::Reading),
            Self::Likelihood { .. }
            | Self::ChooseUser { .. }
            | Self::Documents { .. }
            | Self::HoldEnd { .. }
            | Self::Approvals { .. }
            | Self::Runbooks { .. }
            | Self::Snooze { .. }
            | Self::Related { .. }
            | Self::Inputs { .. }
            | Self::Pivot { .. } => Some(Context::Choosing),
            Self::Contained { .. } => Some(Context::Contained),
            Self::Left { .. } => Some(Context::Left),
            Self::Preview { .. } => Some(Context::Preview),
            Self::Contain { .. } => Some(Context::Contain),
            Self::Unfinished { .. } => Some(Context::Unfinished),
            Self::Filter { .. }
            | Self::EventFilter(_)
            | Self::Planning { .. }
            | Self::Gate(_)
            | Self::Confirm { .. }
            | Self::ReadingRequest { .. }
            | Self::OpeningDraft { .. }
            | Self::Approve { .. }
            | Self::Writing { .. }
            | Self::Search { .. }
            | Self::Close(_)
            | Self::Ask(_)
            | Self::Secret(_)
            | Self::QuitAnyway
            | Self::Rearm { .. } => None,
        }
    }
}
