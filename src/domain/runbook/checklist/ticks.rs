//! What became of the items of the lists of one case, folded from records.
//!
//! An item is named by its list and the key of its step. What must not live here: how records look in the log
//! (`domain::audit`), and how an item is found again in a text that was edited (see `found`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::super::StepKey;
use crate::domain::text::Untrusted;

/// Which list of a case: a runbook, and the steps through which it was opened from the runbook of the case.
///
/// The same runbook opened from two steps is two lists: what was documented in one phase is not in the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ListId {
    /// The runbook's path.
    pub runbook: Untrusted,
    /// Keys of the steps, the outermost first; none for the runbook of the case itself.
    pub within: Vec<StepKey>,
}

impl ListId {
    /// Names the list of the runbook of the case.
    pub fn root(runbook: Untrusted) -> Self {
        Self {
            runbook,
            within: Vec::new(),
        }
    }

    /// Gives the steps as one text for a record; `None` for the list of the case's own runbook.
    pub fn within_text(&self) -> Option<String> {
        let keys: Vec<&str> = self.within.iter().map(StepKey::as_str).collect();
        (!keys.is_empty()).then(|| keys.join("/"))
    }

    /// Reads a list as a record names it; `None` when the steps are none.
    pub fn read(runbook: Untrusted, within: Option<&str>) -> Option<Self> {
        let keys = within.map(|text| text.split('/').map(str::to_owned));
        let within = keys
            .into_iter()
            .flatten()
            .map(StepKey::try_from)
            .collect::<Result<_, _>>()
            .ok()?;
        Some(Self { runbook, within })
    }
}

/// One item of one list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId {
    /// The list.
    pub list: ListId,
    /// The step.
    pub step: StepKey,
}

/// What has become of an item of the list.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ItemState {
    /// Nothing yet.
    #[default]
    Open,
    /// Done, by whom and when, and the evidence when it ticked itself.
    Done {
        /// The operator, or `quell` when evidence ticked it.
        by: Untrusted,
        /// When.
        at: DateTime<Utc>,
        /// What ticked it.
        evidence: Option<Untrusted>,
    },
    /// Left out, for a reason.
    Skipped {
        /// Why.
        reason: Untrusted,
        /// The operator.
        by: Untrusted,
        /// When.
        at: DateTime<Utc>,
    },
    /// Does not apply to this case, for a reason.
    NotApplicable {
        /// Why.
        reason: Untrusted,
        /// The operator.
        by: Untrusted,
        /// When.
        at: DateTime<Utc>,
    },
    /// It was done and is so no longer: what showed it was refuted, for instance undone by others. Open again.
    Refuted {
        /// What refuted it.
        evidence: Untrusted,
        /// When.
        at: DateTime<Utc>,
    },
    /// A gate that was answered with no. Open, and what follows waits.
    Stopped {
        /// The operator.
        by: Untrusted,
        /// When.
        at: DateTime<Utc>,
    },
}

impl ItemState {
    /// Tells whether the item is still open.
    pub fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Open | Self::Refuted { .. } | Self::Stopped { .. }
        )
    }
}

/// A note on an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The note.
    pub text: Untrusted,
    /// The operator.
    pub by: Untrusted,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the runbook said of an item when something was recorded of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Said {
    /// Name of the phase.
    pub phase: Untrusted,
    /// The step's words.
    pub words: Untrusted,
    /// Name of the whole text, by which the keys of all its items are known.
    pub text: Option<String>,
}

/// One change of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The item.
    pub item: ItemId,
    /// What it became; `None` when only its list was opened.
    pub state: Option<ItemState>,
    /// A note that was added.
    pub note: Option<Note>,
    /// What the runbook said; `None` in records of older versions.
    pub said: Option<Said>,
    /// The key of the item as it was before its text changed: what was known of it is known of this one.
    pub instead_of: Option<StepKey>,
}

/// All that is known of one item.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Item {
    /// What became of it.
    pub state: ItemState,
    /// Notes, oldest first.
    pub notes: Vec<Note>,
    /// What the runbook said of it.
    pub said: Option<Said>,
    /// Whether anybody or anything ever changed its state.
    pub touched: bool,
}

impl Item {
    /// Tells whether there is anything that must not be lost when the text changes.
    pub fn is_worth_keeping(&self) -> bool {
        self.state != ItemState::Open || !self.notes.is_empty() || self.said.is_some()
    }
}

/// A phase that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseClosed {
    /// The operator.
    pub by: Untrusted,
    /// When.
    pub at: DateTime<Utc>,
    /// Mandatory items that were open.
    pub waived: BTreeSet<StepKey>,
    /// Why they were waived; `None` when none was.
    pub reason: Option<Untrusted>,
}

/// What became of the items and phases of all lists of one case.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CaseTicks {
    items: BTreeMap<ListId, BTreeMap<StepKey, Item>>,
    closed: BTreeMap<ListId, BTreeMap<String, PhaseClosed>>,
    /// Keys of all items of a text, by its name.
    texts: BTreeMap<String, BTreeSet<StepKey>>,
}

impl CaseTicks {
    /// Folds one record in; the last record of an item holds.
    pub fn apply(&mut self, tick: Tick) {
        let items = self.items.entry(tick.item.list).or_default();
        let before = tick.instead_of.and_then(|old| items.remove(&old));
        let item = items.entry(tick.item.step).or_default();
        if let Some(before) = before {
            item.notes.splice(0..0, before.notes);
            if !item.touched {
                item.touched = before.touched;
                item.state = before.state;
            }
        }
        if let Some(state) = tick.state {
            item.state = state;
            item.touched = true;
        }
        item.notes.extend(tick.note);
        item.said = tick.said.or(item.said.take());
    }

    /// Learns the keys of all items of a text.
    pub fn learn(&mut self, text: String, keys: impl IntoIterator<Item = StepKey>) {
        self.texts.insert(text, keys.into_iter().collect());
    }

    /// Tells whether the keys of a text are known.
    pub fn knows(&self, text: &str) -> bool {
        self.texts.contains_key(text)
    }

    /// Gives the keys of all items of a text.
    pub fn keys_of(&self, text: &str) -> Option<&BTreeSet<StepKey>> {
        self.texts.get(text)
    }

    /// Closes a phase.
    pub fn close(&mut self, list: ListId, phase: &Untrusted, closed: PhaseClosed) {
        let phases = self.closed.entry(list).or_default();
        phases.insert(phase_key(phase), closed);
    }

    /// Opens a phase again.
    pub fn reopen(&mut self, list: &ListId, phase: &Untrusted) {
        if let Some(phases) = self.closed.get_mut(list) {
            phases.remove(&phase_key(phase));
        }
    }

    /// Gives the closed phases of a list, by the key of their name.
    pub fn closed(&self, list: &ListId) -> BTreeMap<String, PhaseClosed> {
        self.closed.get(list).cloned().unwrap_or_default()
    }

    /// Goes through the items of a list of which anything is known.
    pub fn items(&self, list: &ListId) -> impl Iterator<Item = (&StepKey, &Item)> {
        self.items.get(list).into_iter().flatten()
    }

    /// Goes through the items of all lists.
    pub fn all(&self) -> impl Iterator<Item = (&StepKey, &Item)> {
        self.items.values().flatten()
    }

    /// Tells whether anybody or anything ever changed the state of an item.
    pub fn touched(&self, item: &ItemId) -> bool {
        self.items
            .get(&item.list)
            .and_then(|items| items.get(&item.step))
            .is_some_and(|item| item.touched)
    }
}

/// What of a phase's name counts: neither case nor spaces.
pub(super) fn phase_key(name: &Untrusted) -> String {
    super::super::normalised(name.raw())
}
