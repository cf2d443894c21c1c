//! The phases of the shown runbook and what became of their items, as facts of a report.
//!
//! What must not live here: anything else of a report.

use crate::app::checklist;
use crate::app::model::Model;
use crate::domain::freshness::time_word;
use crate::domain::ids::CaseId;
use crate::domain::report::Subject;
use crate::domain::report::facts::{ItemFact, ItemWord, PhaseFacts};
use crate::domain::runbook::Step;
use crate::domain::runbook::checklist::{Checklist, ItemState, ItemView, ListId, ListState};
use crate::domain::text::Safe;
use crate::safe;

/// Gives the list of the case itself, also while a runbook it leads to is shown.
pub fn root(model: &Model) -> (&Checklist, &ListId) {
    match model.checklist_above.first() {
        Some(frame) => (&frame.checklist, &frame.list),
        None => (&model.checklist, &model.checklist_list),
    }
}

/// Gives every phase, in the order of the list.
pub(super) fn phases(model: &Model, case: &CaseId) -> Vec<(Subject, PhaseFacts)> {
    let (checklist, list) = root(model);
    let ticks = model.casework.ticks(case);
    let state = ticks.map_or_else(ListState::default, |ticks| {
        ListState::new(checklist, list, ticks)
    });
    checklist
        .sections
        .iter()
        .map(|section| {
            let items = section.steps.iter();
            let items = items.map(|step| fact(step, state.of(&step.key)));
            (
                Subject::of_phase(&section.name, section.picerl),
                PhaseFacts {
                    name: section.name.line(),
                    items: items.collect(),
                },
            )
        })
        .collect()
}

/// Gives the index of the phase that is worked on.
pub(super) fn current(model: &Model) -> usize {
    let (list, id) = root(model);
    let state = checklist::state_of(model, list, id);
    list.current(&state).map_or(0, |(section, _)| section)
}

fn fact(step: &Step, item: &ItemView) -> ItemFact {
    let (word, mut detail): (ItemWord, Safe) = match &item.state {
        ItemState::Open => (ItemWord::Open, Safe::default()),
        ItemState::Done { by, at, evidence } => {
            let detail = if let Some(what) = evidence {
                safe!("{}, by evidence: {}", time_word(*at), what.line())
            } else {
                safe!("by {}, {}", by.field(), time_word(*at))
            };
            (ItemWord::Done, detail)
        }
        ItemState::Skipped { reason, by, at } => (
            ItemWord::Skipped,
            safe!("{}; by {}, {}", reason.line(), by.field(), time_word(*at)),
        ),
        ItemState::NotApplicable { reason, by, at } => (
            ItemWord::NotApplicable,
            safe!("{}; by {}, {}", reason.line(), by.field(), time_word(*at)),
        ),
        ItemState::Refuted { evidence, at } => (
            ItemWord::Open,
            safe!("refuted {}: {}", time_word(*at), evidence.line()),
        ),
        ItemState::Stopped { by, at } => (
            ItemWord::Open,
            safe!("answered no by {}, {}", by.field(), time_word(*at)),
        ),
    };
    if item.changed.is_some() {
        detail = join(&detail, "the text of the runbook changed since".into());
    }
    if item.alike > 0 {
        let which = safe!(
            "one of {} steps with these words; it may have been another",
            item.alike
        );
        detail = join(&detail, which);
    }
    if item.waived {
        detail = join(&detail, "waived when the phase was closed".into());
    }
    for note in &item.notes {
        detail = join(&detail, safe!("note: {}", note.text.line()));
    }
    ItemFact {
        label: step.label.line(),
        word,
        detail,
        optional: step.optional || item.waived,
    }
}

fn join(detail: &Safe, more: Safe) -> Safe {
    if detail.is_empty() {
        more
    } else {
        safe!("{}; {}", detail, more)
    }
}
