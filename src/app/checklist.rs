//! The checklist as rows: phases with their progress, and the steps of the phases that are unfolded.

use super::model::Model;
use crate::domain::runbook::Step;
use crate::domain::runbook::checklist::{CaseTicks, ItemState, Progress, Section};

/// One row of the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckRow {
    /// A phase, by its index.
    Section(usize),
    /// A step, by the index of its phase and its own.
    Step(usize, usize),
}

/// Gives the ticks of the open case; none when no case is open.
pub fn ticks(model: &Model) -> CaseTicks {
    model
        .open
        .as_ref()
        .map(|open| model.casework.ticks(&open.id))
        .unwrap_or_default()
}

/// Gives how far a phase is.
pub fn progress(section: &Section, ticks: &CaseTicks) -> Progress {
    let mut progress = Progress {
        total: section.steps.len(),
        ..Progress::default()
    };
    for step in &section.steps {
        match ticks.state(&step.key) {
            ItemState::Open => {}
            ItemState::Done { .. } => progress.done += 1,
            ItemState::Skipped { .. } => progress.skipped += 1,
            ItemState::NotApplicable { .. } => progress.not_applicable += 1,
        }
    }
    progress
}

/// Gives the current step: the first open one of the first phase that is not folded away by the runbook.
pub fn current(model: &Model, ticks: &CaseTicks) -> Option<(usize, usize)> {
    let sections = model.checklist.sections.iter().enumerate();
    let find = |folded: bool| {
        sections
            .clone()
            .filter(|(_, section)| section.folded == folded)
            .find_map(|(index, section)| {
                let step = section
                    .steps
                    .iter()
                    .position(|step| ticks.state(&step.key).is_open())?;
                Some((index, step))
            })
    };
    find(false).or_else(|| find(true))
}

/// Tells whether the steps of a phase are shown: the current phase is, the others by hand.
pub fn is_unfolded(model: &Model, ticks: &CaseTicks, section: usize) -> bool {
    let natural = current(model, ticks).is_some_and(|(index, _)| index == section);
    natural != model.checklist_toggled.contains(&section)
}

/// Lists the rows as they are shown.
pub fn rows(model: &Model) -> Vec<CheckRow> {
    let ticks = ticks(model);
    let mut rows = Vec::new();
    for (index, section) in model.checklist.sections.iter().enumerate() {
        rows.push(CheckRow::Section(index));
        if is_unfolded(model, &ticks, index) {
            rows.extend((0..section.steps.len()).map(|step| CheckRow::Step(index, step)));
        }
    }
    rows
}

/// Gives the step under the cursor, if the cursor is on one.
pub fn selected(model: &Model) -> Option<&Step> {
    match rows(model).get(model.checklist_cursor)? {
        CheckRow::Section(_) => None,
        CheckRow::Step(section, step) => model.checklist.sections.get(*section)?.steps.get(*step),
    }
}
