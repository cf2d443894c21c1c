//! What records of a case's reading, checklists and runbooks say: the fields of those variants of a body.
//!
//! What must not live here: what follows from them (`domain::runbook::checklist`).

use serde::{Deserialize, Serialize};

use super::long;
use super::words::TickState;
use crate::domain::ids::CaseId;
use crate::domain::text::Untrusted;

/// What a runbook said of a step when something was recorded of it, and where the step stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSaid {
    /// Name of its phase.
    #[serde(with = "long")]
    pub phase: Untrusted,
    /// Its words.
    #[serde(with = "long")]
    pub words: Untrusted,
    /// Name of the whole text, see `checklist.text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Keys of the steps through which its list was opened, joined by `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// The key it was on record under before its text changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

/// A step of a checklist changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecklistTick {
    /// The case.
    pub case: CaseId,
    /// The runbook.
    #[serde(with = "long")]
    pub runbook: Untrusted,
    /// The step.
    #[serde(with = "long")]
    pub step: Untrusted,
    /// Its state now.
    pub state: TickState,
    /// Evidence, if any.
    #[serde(with = "long::option")]
    pub evidence: Option<Untrusted>,
    /// Reason, if any.
    #[serde(with = "long::option")]
    pub reason: Option<Untrusted>,
    /// What the runbook said of it, and which list it is in; missing in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<StepSaid>,
    /// The answer to a gate: whether it was yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<bool>,
}

/// A note on a step of a checklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecklistNote {
    /// The case.
    pub case: CaseId,
    /// The runbook.
    #[serde(with = "long")]
    pub runbook: Untrusted,
    /// The step.
    pub step: String,
    /// The note.
    #[serde(with = "long")]
    pub text: Untrusted,
    /// What the runbook said of the step.
    pub said: StepSaid,
}

/// The list of another runbook was opened from a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecklistOpen {
    /// The case.
    pub case: CaseId,
    /// The runbook of the step.
    #[serde(with = "long")]
    pub runbook: Untrusted,
    /// The step.
    pub step: String,
    /// The runbook that was opened.
    #[serde(with = "long")]
    pub opened: Untrusted,
    /// What the runbook said of the step.
    pub said: StepSaid,
}

/// The keys of all steps of a text, by the name that ticks carry: tells which steps stood in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecklistText {
    /// The runbook.
    #[serde(with = "long")]
    pub runbook: Untrusted,
    /// Name of the text.
    pub text: String,
    /// The keys.
    pub steps: Vec<String>,
}

/// A phase of a checklist was closed or opened again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecklistPhase {
    /// The case.
    pub case: CaseId,
    /// The runbook.
    #[serde(with = "long")]
    pub runbook: Untrusted,
    /// The steps through which the list was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// Name of the phase.
    #[serde(with = "long")]
    pub phase: Untrusted,
    /// Whether it is closed now.
    pub closed: bool,
    /// Mandatory steps that were open.
    pub waived: Vec<String>,
    /// Why they were waived.
    #[serde(with = "long::option")]
    pub reason: Option<Untrusted>,
}

/// The runbook of a case was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunbookChoose {
    /// The case.
    pub case: CaseId,
    /// The runbook.
    #[serde(with = "long")]
    pub runbook: Untrusted,
    /// Why.
    #[serde(with = "long")]
    pub why: Untrusted,
    /// Whether a person chose it.
    pub by_hand: bool,
}

/// An input of a runbook was typed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunbookInput {
    /// The case.
    pub case: CaseId,
    /// Name of the input.
    #[serde(with = "long")]
    pub name: Untrusted,
    /// Its value.
    #[serde(with = "long")]
    pub value: Untrusted,
}

/// A task that stands for a phase or a step was seen with a status, or is to get one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    /// The case.
    pub case: CaseId,
    /// The mark by which the task is found in the case.
    pub marker: String,
    /// The vendor's id.
    #[serde(with = "long")]
    pub task: Untrusted,
    /// The vendor's word for the status.
    #[serde(with = "long")]
    pub status: Untrusted,
    /// Who changed it last, if that is known.
    #[serde(with = "long::option")]
    pub by: Option<Untrusted>,
    /// When it was changed last, by the vendor's clock, in milliseconds.
    pub changed_ms: i64,
    /// Whether it is to get this status; else it was seen with it.
    pub wished: bool,
}

/// A case was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRead {
    /// The case.
    pub case: CaseId,
    /// How many alerts.
    pub alerts: u64,
    /// How many observables.
    pub observables: u64,
    /// How many comments.
    pub comments: u64,
}
