//! The lists of runbooks that are open: the one shown, and those it was opened from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::audit::StepSaid;
use crate::domain::ids::CaseId;
use crate::domain::runbook::checklist::{Checklist, ListId};
use crate::domain::runbook::{Runbook, StepKey};
use crate::domain::text::{Safe, Untrusted};

/// A list that another was opened from, as it is found again.
#[derive(Clone, Debug)]
pub struct ListFrame {
    /// Its runbook.
    pub runbook: Arc<Runbook>,
    /// Its items.
    pub checklist: Arc<Checklist>,
    /// Which list of the case it is.
    pub list: ListId,
    /// Where its cursor was.
    pub cursor: usize,
    /// Phases folded or unfolded by hand.
    pub folds: BTreeMap<usize, bool>,
}

/// An item that something is about to be recorded of: what it is must not change while a dialog is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRef {
    /// The case.
    pub case: CaseId,
    /// The runbook.
    pub runbook: Untrusted,
    /// The step.
    pub step: StepKey,
    /// What the runbook says, and where.
    pub said: StepSaid,
    /// Its label.
    pub label: Untrusted,
    /// Names the text and the keys in it, where they are not on record yet.
    pub text: Option<(String, Vec<String>)>,
}

/// A phase that is about to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseRef {
    /// The case.
    pub case: CaseId,
    /// Which list.
    pub list: ListId,
    /// Name of the phase.
    pub phase: Untrusted,
    /// Mandatory items that are open, with their labels.
    pub open: Vec<(StepKey, Untrusted)>,
}

/// A runbook to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunbookRow {
    /// Its path.
    pub path: Untrusted,
    /// Its title.
    pub title: Untrusted,
    /// Why it is or would be the one; empty for the others.
    pub why: Safe,
}

/// A gate that is being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateAsk {
    /// The gate.
    pub step: Box<StepRef>,
    /// Its words.
    pub words: Safe,
    /// The step that waits for it, when that is another.
    pub before: Option<Untrusted>,
}
