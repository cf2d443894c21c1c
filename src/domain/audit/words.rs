//! The closed sets of words in records, and what holds for a type of record as a whole.
//!
//! What must not live here: the fields of a record (see `body`).

use serde::{Deserialize, Serialize};

use super::Observed;
use super::body::Body;
use crate::domain::ids::ActionId;

/// The types of records this version knows.
pub const TYPES: [&str; 58] = [
    "session.open",
    "session.close",
    "log.recovered",
    "segment.end",
    "segment.start",
    "clock.jump",
    "case.opened",
    "search.run",
    "case.read",
    "case.change",
    "case.snooze",
    "case.window",
    "case.left",
    "decision",
    "likelihood",
    "refusal",
    "checklist.tick",
    "checklist.note",
    "checklist.open",
    "checklist.text",
    "checklist.phase",
    "runbook.choose",
    "runbook.input",
    "task.state",
    "action.plan",
    "action.confirm",
    "action.intent",
    "action.ack",
    "action.rejected",
    "action.not_sent",
    "action.unknown",
    "action.observe",
    "action.outcome",
    "action.adopt",
    "action.resolve",
    "action.doc",
    "action.secret",
    "record.intent",
    "record.done",
    "record.failed",
    "checkpoint",
    "segment.pruned",
    "note",
    "action.approval_requested",
    "action.approval",
    "action.approval_denied",
    "approval.given",
    "action.campaign",
    "action.item",
    "action.before",
    "hold.set",
    "watch.success",
    "watch.cursor",
    "recovery.watch",
    "document.written",
    "document.posted",
    "finding.dismissed",
    "timeline.said",
];

/// When a record must be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Durable before the writer answers.
    A,
    /// Written before the writer answers, durable within a second.
    B,
}

/// What an analyst decided about a case without touching the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// Watch the account and do nothing else.
    MonitorOnly,
    /// Do nothing.
    NoAction,
}

/// The state of one step of a checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TickState {
    /// Done.
    Done,
    /// Skipped, with a reason.
    Skipped,
    /// Does not apply to this case.
    NotApplicable,
    /// Open (again).
    Open,
}

/// The final word on an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeState {
    /// Read back and proven.
    Verified,
    /// Read back and refuted.
    NotEffective,
    /// It had its effect and somebody undid it.
    Drifted,
    /// No evidence can be read.
    Unverifiable,
    /// The provider refused it.
    Rejected,
    /// No byte of the request left.
    NotSent,
    /// Only recorded, on purpose.
    DryRun,
    /// The plan's time was over before it was sent.
    Expired,
    /// A person gave it up.
    Abandoned,
}

impl Body {
    /// Tells when the record must be on disk.
    pub fn class(&self) -> Class {
        match self {
            Self::CaseOpened { .. }
            | Self::SearchRun { .. }
            | Self::CaseRead(_)
            | Self::CaseLeft(_)
            | Self::ClockJump { .. }
            | Self::WatchCursor { .. }
            | Self::TimelineSaid(_)
            | Self::Unknown { .. } => Class::B,
            _ => Class::A,
        }
    }

    /// Tells whether the record starts something at a vendor, or arms it: refused when the disk is nearly full,
    /// so that the rest of what has been started still fits.
    pub fn starts_action(&self) -> bool {
        matches!(
            self,
            Self::ActionPlan { .. }
                | Self::ApprovalRequested { .. }
                | Self::ApprovalGiven { .. }
                | Self::ActionConfirm { .. }
                | Self::ActionIntent { .. }
                | Self::RecordIntent { .. }
        )
    }

    /// Tells whether a checkpoint must follow at once: the last word on an action, or the end of a session.
    pub fn asks_for_checkpoint(&self) -> bool {
        matches!(
            self,
            Self::ActionOutcome { .. } | Self::ActionResolve { .. } | Self::SessionClose { .. }
        )
    }

    /// Gives the action whose state the record changes, if it changes one.
    pub fn about(&self) -> Option<&ActionId> {
        match self {
            Self::ActionConfirm { aid, .. }
            | Self::ActionIntent { aid, .. }
            | Self::ActionAck { aid, .. }
            | Self::ActionRejected { aid, .. }
            | Self::ActionNotSent { aid, .. }
            | Self::ActionUnknown { aid, .. }
            | Self::ActionObserve(Observed { aid, .. })
            | Self::ActionOutcome { aid, .. }
            | Self::ActionAdopt { aid, .. }
            | Self::ActionResolve { aid, .. } => Some(aid),
            _ => None,
        }
    }

    /// Gives the record's `type`.
    pub fn type_name(&self) -> &str {
        match self {
            Self::SessionOpen { .. } => "session.open",
            Self::SessionClose { .. } => "session.close",
            Self::LogRecovered { .. } => "log.recovered",
            Self::SegmentEnd { .. } => "segment.end",
            Self::SegmentStart { .. } => "segment.start",
            Self::ClockJump { .. } => "clock.jump",
            Self::CaseOpened { .. } => "case.opened",
            Self::SearchRun { .. } => "search.run",
            Self::CaseRead(_) => "case.read",
            Self::CaseChanged(_) => "case.change",
            Self::CaseSnoozed(_) => "case.snooze",
            Self::CompromiseWindow(_) => "case.window",
            Self::CaseLeft(_) => "case.left",
            Self::Decision(_) => "decision",
            Self::Likelihood(_) => "likelihood",
            Self::Refusal { .. } => "refusal",
            Self::ChecklistTick(_) => "checklist.tick",
            Self::ChecklistNote(_) => "checklist.note",
            Self::ChecklistOpen(_) => "checklist.open",
            Self::ChecklistText(_) => "checklist.text",
            Self::ChecklistPhase(_) => "checklist.phase",
            Self::RunbookChoose(_) => "runbook.choose",
            Self::RunbookInput(_) => "runbook.input",
            Self::TaskState(_) => "task.state",
            Self::ActionPlan { .. } => "action.plan",
            Self::ActionConfirm { .. } => "action.confirm",
            Self::ActionIntent { .. } => "action.intent",
            Self::ActionAck { .. } => "action.ack",
            Self::ActionRejected { .. } => "action.rejected",
            Self::ActionNotSent { .. } => "action.not_sent",
            Self::ActionUnknown { .. } => "action.unknown",
            Self::ActionObserve(_) => "action.observe",
            Self::ActionOutcome { .. } => "action.outcome",
            Self::ActionAdopt { .. } => "action.adopt",
            Self::ActionResolve { .. } => "action.resolve",
            Self::ActionDoc { .. } => "action.doc",
            Self::ActionSecret(_) => "action.secret",
            Self::RecordIntent { .. } => "record.intent",
            Self::RecordDone { .. } => "record.done",
            Self::RecordFailed { .. } => "record.failed",
            Self::Checkpoint { .. } => "checkpoint",
            Self::SegmentPruned { .. } => "segment.pruned",
            Self::Note { .. } => "note",
            Self::ApprovalRequested { .. } => "action.approval_requested",
            Self::Approval { .. } => "action.approval",
            Self::ApprovalDenied { .. } => "action.approval_denied",
            Self::ApprovalGiven { .. } => "approval.given",
            Self::ActionCampaign(..) => "action.campaign",
            Self::ActionItem(..) => "action.item",
            Self::ActionBefore(..) => "action.before",
            Self::HoldSet { .. } => "hold.set",
            Self::WatchSuccess { .. } => "watch.success",
            Self::WatchCursor { .. } => "watch.cursor",
            Self::Recovery(_) => "recovery.watch",
            Self::DocumentWritten(..) => "document.written",
            Self::DocumentPosted(..) => "document.posted",
            Self::FindingDismissed { .. } => "finding.dismissed",
            Self::TimelineSaid(_) => "timeline.said",
            Self::Unknown { r#type, .. } => r#type.raw(),
        }
    }

    /// Tells whether a record of a type this version knows has a form it does not know: what it says is lost to this
    /// program, so nothing may be concluded from its absence.
    pub fn is_misread(&self) -> bool {
        matches!(self, Self::Unknown { r#type, .. } if TYPES.contains(&r#type.raw()))
    }
}
