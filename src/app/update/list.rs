//! What keys do to the items and phases of a list: ticks, gates, reasons, notes, closing.
//!
//! What must not live here: running a step (`run_step`), which list is shown (`runbooks`).

use super::panes::write;
use super::runbooks;
use crate::app::checklist::{self, CheckRow};
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::list::{GateAsk, PhaseRef, StepRef};
use crate::app::model::{Layer, Model, Purpose};
use crate::domain::audit::{Body, ChecklistPhase, ChecklistText, ChecklistTick, TickState};
use crate::domain::runbook::Step;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// `Enter`: folds a phase, opens a list, ticks a step.
pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    match checklist::selected_row(model) {
        Some(CheckRow::Inputs) => {
            model.layers.push(Layer::Inputs { cursor: 0 });
            Vec::new()
        }
        Some(CheckRow::Step(..)) => {
            let leads = checklist::selected(model).is_some_and(|(_, step)| {
                checklist::nested(model, step)
                    .iter()
                    .any(|n| n.runbook.is_some())
            });
            if leads {
                runbooks::open_linked(model)
            } else {
                tick(model)
            }
        }
        _ => tick(model),
    }
}

/// Folds a phase, or ticks a step and opens it again.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    match checklist::selected_row(model) {
        Some(CheckRow::Section(section)) => fold(model, section),
        Some(CheckRow::Gone) => fold(model, checklist::GONE),
        Some(CheckRow::Inputs) => model.layers.push(Layer::Inputs { cursor: 0 }),
        Some(row @ CheckRow::Step(..)) => return tick_step(model, row),
        Some(CheckRow::GoneStep(_)) => {
            model.say(
                Level::Info,
                "the step is no longer in the runbook; its record stays",
                None,
            );
        }
        None => {}
    }
    Vec::new()
}

fn fold(model: &mut Model, section: usize) {
    let unfolded = match section {
        checklist::GONE => model.checklist_folds.get(&section) == Some(&true),
        _ => checklist::is_unfolded(model, &checklist::state(model), section),
    };
    model.checklist_folds.insert(section, !unfolded);
}

fn tick_step(model: &mut Model, row: CheckRow) -> Vec<Effect> {
    let state = checklist::state(model);
    let Some((section, step)) = checklist::step_at(model, row) else {
        return Vec::new();
    };
    if state.is_closed(section) {
        return refuse_closed(model);
    }
    let Some(item) = checklist::step_ref(model, section, step) else {
        model.say(Level::Warning, "tick: no case is open", None);
        return Vec::new();
    };
    if !state.of(&step.key).is_open() {
        return record(&item, TickState::Open, None, None);
    }
    let itself = step.gate.then(|| ask_for(&item, step, None));
    if ask_gate_before(model, row) {
        return Vec::new();
    }
    if let Some(gate) = itself {
        model.layers.push(Layer::Gate(gate));
        return Vec::new();
    }
    record(&item, TickState::Done, None, None)
}

fn refuse_closed(model: &mut Model) -> Vec<Effect> {
    let key = key_of(model, "close-phase");
    model.say(
        Level::Warning,
        safe!("the phase is closed; {} opens it again", key),
        None,
    );
    Vec::new()
}

/// Gives the first key of a command, as a hint names it.
pub(super) fn key_of(model: &Model, id: &str) -> Safe {
    let chord = model.keymap.keys_of(id).first();
    chord.map_or_else(
        || "its key".into(),
        |chord| Untrusted::new(chord.to_string()).field(),
    )
}

fn ask_for(item: &StepRef, step: &Step, before: Option<Untrusted>) -> GateAsk {
    GateAsk {
        step: Box::new(item.clone()),
        words: step.text.line(),
        before,
    }
}

/// Asks the gate that must be answered before a step; tells whether there was one.
pub(super) fn ask_gate_before(model: &mut Model, row: CheckRow) -> bool {
    let state = checklist::state(model);
    let waiting = checklist::step_at(model, row).map(|(_, step)| step.label.clone());
    let Some((section, place)) = checklist::gate_before(model, &state, row) else {
        return false;
    };
    let Some((section, gate)) = checklist::step_at(model, CheckRow::Step(section, place)) else {
        return false;
    };
    let Some(item) = checklist::step_ref(model, section, gate) else {
        return false;
    };
    let ask = ask_for(&item, gate, waiting);
    model.layers.push(Layer::Gate(ask));
    true
}

/// Takes the answer to a gate.
pub(super) fn answered(model: &mut Model, gate: &GateAsk, yes: bool) -> Vec<Effect> {
    let (state, word) = if yes {
        (TickState::Done, "yes")
    } else {
        (TickState::Open, "no: what follows waits")
    };
    model.say(
        Level::Info,
        safe!("{}: {}", gate.step.label.field(), word),
        None,
    );
    record_with(&gate.step, |said| {
        Body::ChecklistTick(ChecklistTick {
            case: gate.step.case.clone(),
            runbook: gate.step.runbook.clone(),
            step: Untrusted::new(gate.step.step.as_str()),
            state,
            evidence: None,
            reason: None,
            said: Some(said),
            answer: Some(yes),
        })
    })
}

/// Gives the records of a change of an item.
pub(super) fn record(
    item: &StepRef,
    state: TickState,
    evidence: Option<Untrusted>,
    reason: Option<Untrusted>,
) -> Vec<Effect> {
    record_with(item, |said| {
        Body::ChecklistTick(ChecklistTick {
            case: item.case.clone(),
            runbook: item.runbook.clone(),
            step: Untrusted::new(item.step.as_str()),
            state,
            evidence,
            reason,
            said: Some(said),
            answer: None,
        })
    })
}

/// Gives a record about an item, after that of the keys of its text where those are not on record yet.
pub(super) fn record_with(
    item: &StepRef,
    body: impl FnOnce(crate::domain::audit::StepSaid) -> Body,
) -> Vec<Effect> {
    let mut bodies: Vec<Body> = text_of(item).into_iter().collect();
    bodies.push(body(item.said.clone()));
    vec![Effect::Record(bodies)]
}

/// Gives the record of the keys of an item's text, where those are not on record yet.
pub(super) fn text_of(item: &StepRef) -> Option<Body> {
    let (text, steps) = item.text.clone()?;
    Some(Body::ChecklistText(ChecklistText {
        runbook: item.runbook.clone(),
        text,
        steps,
    }))
}

/// Asks for the reason of a skip, or for a note.
pub(super) fn ask(model: &mut Model, purpose: fn(Box<StepRef>) -> Purpose) -> Vec<Effect> {
    let state = checklist::state(model);
    let selected = checklist::selected(model);
    let closed = selected.is_some_and(|(section, _)| state.is_closed(section));
    let item = selected.and_then(|(section, step)| checklist::step_ref(model, section, step));
    match item {
        Some(item) => {
            let purpose = purpose(Box::new(item));
            if closed && !matches!(purpose, Purpose::StepNote(_)) {
                return refuse_closed(model);
            }
            write(model, purpose);
        }
        None => model.say(Level::Warning, "no step of an open case is selected", None),
    }
    Vec::new()
}

/// Closes the phase under the cursor, or opens it again.
pub(super) fn close_phase(model: &mut Model) -> Vec<Effect> {
    let state = checklist::state(model);
    let (Some(section), Some(open)) = (checklist::selected_section(model), &model.open) else {
        model.say(
            Level::Warning,
            "close the phase: no phase of an open case is selected",
            None,
        );
        return Vec::new();
    };
    let left = section.open_mandatory(&state);
    let phase = PhaseRef {
        case: open.id.clone(),
        list: model.checklist_list.clone(),
        phase: section.name.clone(),
        open: left
            .iter()
            .map(|step| (step.key.clone(), step.label.clone()))
            .collect(),
    };
    if state.is_closed(section) {
        model.say(
            Level::Info,
            safe!("{} is open again", phase.phase.field()),
            None,
        );
        return vec![Effect::Record(vec![phase_record(&phase, false, None)])];
    }
    if !phase.open.is_empty() {
        write(model, Purpose::Waive(Box::new(phase)));
        return Vec::new();
    }
    closed(model, &phase, None)
}

/// Records that a phase is closed.
pub(super) fn closed(
    model: &mut Model,
    phase: &PhaseRef,
    reason: Option<Untrusted>,
) -> Vec<Effect> {
    model.say(
        Level::Info,
        safe!("{} is closed", phase.phase.field()),
        None,
    );
    vec![Effect::Record(vec![phase_record(phase, true, reason)])]
}

/// Gives the record of a phase that is closed, or open again.
pub(super) fn phase_record(phase: &PhaseRef, closed: bool, reason: Option<Untrusted>) -> Body {
    let waived = phase.open.iter().filter(|_| closed);
    Body::ChecklistPhase(ChecklistPhase {
        case: phase.case.clone(),
        runbook: phase.list.runbook.clone(),
        within: phase.list.within_text(),
        phase: phase.phase.clone(),
        closed,
        waived: waived.map(|(key, _)| key.as_str().to_owned()).collect(),
        reason,
    })
}

/// Keeps the cursor on its row while records change what is folded: a key pressed now must not hit another row.
pub(super) fn anchored<T>(model: &mut Model, change: impl FnOnce(&mut Model) -> T) -> T {
    let (list, row) = (model.checklist_list.clone(), checklist::selected_row(model));
    let result = change(model);
    if let Some(row) = row.filter(|_| list == model.checklist_list) {
        if let CheckRow::Step(section, _) = row {
            model.checklist_folds.entry(section).or_insert(true);
        }
        if let Some(place) = checklist::rows(model).iter().position(|one| *one == row) {
            model.checklist_cursor = place;
        }
    }
    result
}
