//! The checklist as rows: phases with their progress, the steps of those that are unfolded, and what holds of them.
//!
//! What must not live here: what keys do (`update`), layout.

pub mod judged;

use std::sync::Arc;

use super::model::list::StepRef;
use super::model::{Load, Model};
use crate::domain::audit::StepSaid;
use crate::domain::runbook::checklist::{Checklist, ListId, ListState, Progress, Section};
use crate::domain::runbook::filled::{Filled, Sources, fill};
use crate::domain::runbook::{Runbook, Step};
use crate::domain::text::Untrusted;

/// One row of the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckRow {
    /// The inputs of the runbook, folded into one line.
    Inputs,
    /// A phase, by its index.
    Section(usize),
    /// A step, by the index of its phase and its own.
    Step(usize, usize),
    /// What is on record of steps that are no longer in the text.
    Gone,
    /// One of them, by its index.
    GoneStep(usize),
}

/// The list of another runbook that a step leads to.
#[derive(Clone, Debug)]
pub struct Nested {
    /// As the step writes it.
    pub written: Untrusted,
    /// The runbook; `None` when there is none of that name.
    pub runbook: Option<Arc<Runbook>>,
    /// How far its list is.
    pub progress: Progress,
    /// Whether no mandatory item of its list is open.
    pub complete: bool,
}

/// Gives what became of the shown list in the open case; nothing when no case is open.
pub fn state(model: &Model) -> ListState {
    state_of(model, &model.checklist, &model.checklist_list)
}

/// Gives what became of any list in the open case.
pub fn state_of(model: &Model, checklist: &Checklist, list: &ListId) -> ListState {
    let case = model.open.as_ref().map(|open| &open.id);
    match case.and_then(|case| model.casework.ticks(case)) {
        Some(ticks) => ListState::new(checklist, list, ticks),
        None => ListState::default(),
    }
}

/// Gives how far a list is, over the phases of the response.
pub fn whole_progress(checklist: &Checklist, state: &ListState) -> Progress {
    let all = checklist.progress(state);
    if all.total > 0 {
        return all;
    }
    let sections = checklist.sections.iter();
    sections.fold(all, |sum, section| sum.plus(section.progress(state)))
}

/// Gives the current step: the first open one of the first phase that is neither complete nor folded away.
pub fn current(model: &Model, state: &ListState) -> Option<(usize, usize)> {
    model.checklist.current(state)
}

/// Tells whether the steps of a phase are shown: the current phase is, the others by hand.
pub fn is_unfolded(model: &Model, state: &ListState, section: usize) -> bool {
    match model.checklist_folds.get(&section) {
        Some(unfolded) => *unfolded,
        None => current(model, state).is_some_and(|(index, _)| index == section),
    }
}

/// The index under which the rows that are gone from the text are folded.
pub const GONE: usize = usize::MAX;

/// Lists the rows as they are shown.
pub fn rows(model: &Model) -> Vec<CheckRow> {
    rows_in(model, &state(model))
}

/// Lists the rows as they are shown, of a state that is at hand.
pub fn rows_in(model: &Model, state: &ListState) -> Vec<CheckRow> {
    let mut rows = Vec::new();
    if model.open.is_some() && !model.runbook.inputs.is_empty() {
        rows.push(CheckRow::Inputs);
    }
    for (index, section) in model.checklist.sections.iter().enumerate() {
        rows.push(CheckRow::Section(index));
        if is_unfolded(model, state, index) {
            rows.extend((0..section.steps.len()).map(|step| CheckRow::Step(index, step)));
        }
    }
    if !state.gone.is_empty() {
        rows.push(CheckRow::Gone);
        if model.checklist_folds.get(&GONE) == Some(&true) {
            rows.extend((0..state.gone.len()).map(CheckRow::GoneStep));
        }
    }
    rows
}

/// Gives the row under the cursor.
pub fn selected_row(model: &Model) -> Option<CheckRow> {
    rows(model).get(model.checklist_cursor).copied()
}

/// Gives the step of a row.
pub fn step_at(model: &Model, row: CheckRow) -> Option<(&Section, &Step)> {
    let CheckRow::Step(section, step) = row else {
        return None;
    };
    let section = model.checklist.sections.get(section)?;
    Some((section, section.steps.get(step)?))
}

/// Gives the step under the cursor, if the cursor is on one.
pub fn selected(model: &Model) -> Option<(&Section, &Step)> {
    step_at(model, selected_row(model)?)
}

/// Gives the phase under the cursor, else the current one.
pub fn selected_section(model: &Model) -> Option<&Section> {
    let index = match selected_row(model) {
        Some(CheckRow::Section(index) | CheckRow::Step(index, _)) => index,
        _ => current(model, &state(model))?.0,
    };
    model.checklist.sections.get(index)
}

/// Names an item of the shown list for a record; `None` while no case is open.
pub fn step_ref(model: &Model, section: &Section, step: &Step) -> Option<StepRef> {
    let shown = (&*model.checklist, &model.checklist_list);
    step_ref_in(model, shown, section, step)
}

/// Names an item of any list for a record.
pub fn step_ref_in(
    model: &Model,
    (checklist, list): (&Checklist, &ListId),
    section: &Section,
    step: &Step,
) -> Option<StepRef> {
    let case = model.open.as_ref()?.id.clone();
    let state = state_of(model, checklist, list);
    let recorded = state.of(&step.key).recorded.as_ref();
    let text = checklist.text_id();
    let fresh = text.clone().filter(|text| !model.casework.knows_text(text));
    Some(StepRef {
        case,
        runbook: list.runbook.clone(),
        step: step.key.clone(),
        said: StepSaid {
            phase: section.name.clone(),
            words: step.text.clone(),
            text,
            within: list.within_text(),
            instead_of: recorded.map(|key| key.as_str().to_owned()),
        },
        label: step.label.clone(),
        text: fresh.zip(checklist.keys()),
    })
}

/// Names the list of a runbook opened from a step of the shown list.
pub fn nested_id(list: &ListId, state: &ListState, step: &Step, runbook: &Runbook) -> ListId {
    let recorded = state.of(&step.key).recorded.clone();
    let mut within = list.within.clone();
    // The key it is on record under: what was done in the list stays when the step's text changes.
    within.push(recorded.unwrap_or_else(|| step.key.clone()));
    ListId {
        runbook: runbook.file.clone(),
        within,
    }
}

/// Lists the runbooks a step leads to, with how far their lists are.
pub fn nested(model: &Model, step: &Step) -> Vec<Nested> {
    if step.runbooks.is_empty() {
        return Vec::new();
    }
    let state = state(model);
    nested_in(model, (&model.runbook, &model.checklist_list, &state), step)
}

/// Lists the runbooks a step of any list leads to.
pub fn nested_in(
    model: &Model,
    (from, list, state): (&Runbook, &ListId, &ListState),
    step: &Step,
) -> Vec<Nested> {
    let one = |written: &Untrusted| {
        let runbook = model.runbooks.linked(from, written);
        let (progress, complete) = runbook.as_ref().map_or_else(Default::default, |runbook| {
            let checklist = Checklist::derive(runbook);
            let id = nested_id(list, state, step, runbook);
            let state = state_of(model, &checklist, &id);
            let progress = whole_progress(&checklist, &state);
            (
                progress,
                progress.total > 0 && checklist.is_complete(&state),
            )
        });
        Nested {
            written: written.clone(),
            runbook,
            progress,
            complete,
        }
    };
    step.runbooks.iter().map(one).collect()
}

/// Gives the gate that must be answered before a step: an open one before it in its phase, or one that was answered
/// with no in a phase before.
pub fn gate_before(model: &Model, state: &ListState, row: CheckRow) -> Option<(usize, usize)> {
    let CheckRow::Step(section, place) = row else {
        return None;
    };
    let sections = model
        .checklist
        .sections
        .iter()
        .enumerate()
        .take(section + 1);
    for (index, phase) in sections {
        let before = if index == section {
            place
        } else {
            phase.steps.len()
        };
        let asks = |step: &Step| {
            let view = state.of(&step.key);
            let stopped = matches!(
                view.state,
                crate::domain::runbook::checklist::ItemState::Stopped { .. }
            );
            step.gate
                && !step.optional
                && view.is_open()
                && !view.waived
                && (index == section || stopped)
        };
        if let Some(at) = phase.steps.iter().take(before).position(asks) {
            return Some((index, at));
        }
    }
    None
}

/// Gives the inputs of the shown runbook, filled.
pub fn inputs(model: &Model) -> Vec<Filled> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let sources = Sources {
        file: match &open.file {
            Load::Ready(file, _) => Some(file),
            _ => None,
        },
        user: open.user.as_ref(),
        account: open.the_account(),
    };
    let work = model.casework.case(&open.id);
    let typed = work.map(|work| work.inputs.clone()).unwrap_or_default();
    fill(&model.runbook, sources, &typed)
}

/// Gives how many minutes are left of a step's time limit, counted from the time the case was opened at the case
/// system; negative when it is over.
pub fn minutes_left(model: &Model, step: &Step) -> Option<i64> {
    let limit = step.time_limit.as_ref()?;
    let file = model.open.as_ref()?.file.ready()?;
    let gone = (model.now.utc - file.case.created).num_minutes();
    Some(i64::from(limit.minutes) - gone)
}
