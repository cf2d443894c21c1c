//! The short list: derived from the runbook, never written twice, with the ticks folded over it.
//!
//! What lives here: the order of the list and what follows from the states of its items. The states are in
//! [`ticks`], how they are found again in an edited text in [`found`]. What must not: layout, and where ticks are
//! stored (they are records of the audit log).

pub mod found;
pub mod ticks;

pub use found::{ItemView, ListState};
pub use ticks::{CaseTicks, Item, ItemId, ItemState, ListId, Note, PhaseClosed, Tick};

use super::{Phase, Runbook, Step, StepKey};
use crate::domain::text::Untrusted;

/// Most steps of a list whose keys are recorded with its ticks.
const MOST_KEYS: usize = 1_500;

/// The short list of one runbook, in the order in which it is shown.
///
/// During an incident preparation and feedback are of little use: the phases of the response come first,
/// preparation, lessons learned and feedback last and folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checklist {
    /// The title of the runbook.
    pub title: Untrusted,
    /// The file name of the runbook.
    pub file: Untrusted,
    /// The phases in the order of display.
    pub sections: Vec<Section>,
}

/// One phase of the short list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The runbook's own name for it, else its title.
    pub name: Untrusted,
    /// The phase of the model it stands for.
    pub picerl: Option<Phase>,
    /// Whether it starts folded.
    pub folded: bool,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// How far a phase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Progress {
    /// Items done.
    pub done: usize,
    /// Items skipped with a reason.
    pub skipped: usize,
    /// Items that do not apply.
    pub not_applicable: usize,
    /// All items.
    pub total: usize,
}

impl Progress {
    /// Counts the items that are no longer open.
    pub fn settled(self) -> usize {
        self.done + self.skipped + self.not_applicable
    }

    /// Tells whether there are items and none of them is open.
    pub fn is_whole(self) -> bool {
        self.total > 0 && self.settled() == self.total
    }

    /// Adds another count.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            skipped: self.skipped + other.skipped,
            not_applicable: self.not_applicable + other.not_applicable,
            total: self.total + other.total,
        }
    }
}

impl Checklist {
    /// Derives the short list from the runbook.
    pub fn derive(runbook: &Runbook) -> Self {
        let mut order: Vec<usize> = (0..runbook.phases.len()).collect();
        let rank = |i: &usize| {
            runbook
                .phases
                .get(*i)
                .map_or(0, |phase| display_rank(phase.picerl, phase.feedback))
        };
        order.sort_by_key(rank);
        let sections = order
            .iter()
            .filter_map(|i| runbook.phases.get(*i))
            .map(|phase| Section {
                name: phase.name.clone().unwrap_or_else(|| runbook.title.clone()),
                picerl: phase.picerl,
                folded: display_rank(phase.picerl, phase.feedback) > 0,
                steps: phase.steps.clone(),
            })
            .collect();
        Self {
            title: runbook.title.clone(),
            file: runbook.file.clone(),
            sections,
        }
    }

    /// Goes through the items with the phase they stand in.
    pub fn items(&self) -> impl Iterator<Item = (&Section, &Step)> {
        self.sections
            .iter()
            .flat_map(|section| section.steps.iter().map(move |step| (section, step)))
    }

    /// Names the text by its items: two texts with the same items in the same phases have the same name.
    ///
    /// `None` for a list so long that its keys are not recorded.
    pub fn text_id(&self) -> Option<String> {
        let keys = self.keys()?;
        Some(StepKey::of("list", &keys.join(" "), 1).as_str().to_owned())
    }

    /// Gives the keys of all items in their order; `None` for a list so long that they are not recorded.
    pub fn keys(&self) -> Option<Vec<String>> {
        let keys: Vec<String> = self
            .items()
            .take(MOST_KEYS + 1)
            .map(|(_, step)| step.key.as_str().to_owned())
            .collect();
        (keys.len() <= MOST_KEYS).then_some(keys)
    }

    /// Finds the step that is to be done now: the first open one of the first phase that is not complete.
    ///
    /// Gives the index of the section and of the step in it. Folded sections come into it when everything
    /// before them is complete.
    pub fn current(&self, state: &ListState) -> Option<(usize, usize)> {
        self.sections
            .iter()
            .enumerate()
            .filter(|(_, section)| !section.is_complete(state) && !state.is_closed(section))
            .find_map(|(i, section)| Some((i, section.first_open(state)?)))
    }

    /// Counts over all sections that are not folded.
    pub fn progress(&self, state: &ListState) -> Progress {
        self.sections
            .iter()
            .filter(|section| !section.folded)
            .fold(Progress::default(), |sum, section| {
                sum.plus(section.progress(state))
            })
    }

    /// Tells whether no mandatory item of a phase of the response is open.
    pub fn is_complete(&self, state: &ListState) -> bool {
        self.sections
            .iter()
            .filter(|section| !section.folded)
            .all(|section| section.is_complete(state) || state.is_closed(section))
    }
}

impl Section {
    /// Counts the states of its steps of the first level.
    pub fn progress(&self, state: &ListState) -> Progress {
        let mut progress = Progress {
            total: self.steps.len(),
            ..Progress::default()
        };
        for step in &self.steps {
            let view = state.of(&step.key);
            if view.is_open() {
                continue;
            }
            match view.state {
                ItemState::Done { .. } => progress.done += 1,
                ItemState::Skipped { .. } => progress.skipped += 1,
                ItemState::NotApplicable { .. } => progress.not_applicable += 1,
                ItemState::Open | ItemState::Refuted { .. } | ItemState::Stopped { .. } => {}
            }
        }
        progress
    }

    /// Lists the open steps that block closing the phase: all but the optional ones.
    pub fn open_mandatory(&self, state: &ListState) -> Vec<&Step> {
        self.steps
            .iter()
            .filter(|step| !step.optional && state.of(&step.key).is_open())
            .collect()
    }

    /// Tells whether no mandatory step is open.
    pub fn is_complete(&self, state: &ListState) -> bool {
        self.open_mandatory(state).is_empty()
    }

    fn first_open(&self, state: &ListState) -> Option<usize> {
        self.steps
            .iter()
            .position(|step| state.of(&step.key).is_open())
    }
}

/// 0 for the response itself, then preparation, lessons learned and feedback.
fn display_rank(picerl: Option<Phase>, feedback: bool) -> u8 {
    match picerl {
        Some(Phase::Preparation) => 1,
        Some(Phase::LessonsLearned) => 2,
        _ if feedback => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
