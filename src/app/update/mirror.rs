//! Tasks of the case system beside the list: what is done here completes its task, what is completed there is ticked here.
//!
//! What was changed last is followed: a task that changed since it was last on record speaks first, then the list. What
//! must not live here: sending and searching (`engine`).

use super::list::{phase_record, text_of};
use crate::app::checklist;
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::list::{PhaseRef, StepRef};
use crate::app::model::{Load, Model};
use crate::config::settings::Mode;
use crate::domain::audit::{Body, ChecklistTick, Entry, TaskState, TickState};
use crate::domain::case::Task;
use crate::domain::fault::Fault;
use crate::domain::ids::CaseId;
use crate::domain::mirror::{
    self, CANCEL, COMPLETED, IN_PROGRESS, Known, Mirror, NewTask, by_task, reopened,
};
use crate::domain::runbook::checklist::{Checklist, ItemState, ListId, ListState, Section};
use crate::domain::text::{Safe, Untrusted, sink};
use crate::safe;

/// Most tasks of one case; a longer list is mirrored up to there.
const MOST: usize = 120;

/// What one task stands for.
struct Unit {
    new: NewTask,
    of: Of,
    /// Status its side of the list asks for; `None` while it is open.
    settled: Option<&'static str>,
    /// Whether a person or evidence ever changed it, so that open means open again.
    touched: bool,
}

enum Of {
    Step { item: Box<StepRef>, gate: bool },
    Phase { phase: Box<PhaseRef>, open: usize },
}

/// Tells whether the lists of cases are mirrored now.
fn is_on(model: &Model) -> bool {
    model.settings.runbooks.mirror != Mirror::Off
        && model.mode() == Mode::Live
        && model.audit_fault.is_none()
}

/// Asks for the tasks of the open case.
pub(super) fn look(model: &Model) -> Option<Effect> {
    let open = model.open.as_ref().filter(|_| is_on(model))?;
    matches!(open.file, Load::Ready(..)).then(|| Effect::ReadTasks(open.id.clone()))
}

/// Takes the tasks of the open case: makes those that are missing, follows those that changed.
pub(super) fn tasks_read(
    model: &mut Model,
    case: &CaseId,
    result: Result<Vec<Task>, Fault>,
) -> Vec<Effect> {
    let tasks = match result {
        Ok(tasks) => tasks,
        Err(fault) => {
            let line = safe!("the tasks of the case were not read: {}", fault.what);
            if model.log.back().is_none_or(|last| last.text != line) {
                model.say(Level::Warning, line, fault.hint);
            }
            return Vec::new();
        }
    };
    let Some(open) = model.open.as_mut().filter(|open| open.id == *case) else {
        return Vec::new();
    };
    if let Load::Ready(file, _) = &mut open.file {
        file.tasks.clone_from(&tasks);
    }
    if !is_on(model) {
        return Vec::new();
    }
    let mut effects = Vec::new();
    let mut new = Vec::new();
    for unit in units(model) {
        let mirrored = model.ledger.outbox().mirrored();
        let Some(known) = mirrored.get(case, &unit.new.marker).cloned() else {
            new.push(unit.new);
            continue;
        };
        let task = tasks.iter().find(|task| task.id == known.task);
        if let Some(task) = task.filter(|task| is_news(task, &known)) {
            effects.extend(follow(model, case, &unit, task));
        }
    }
    if !new.is_empty() {
        let case = case.clone();
        effects.push(Effect::MakeTasks { case, tasks: new });
    }
    effects.extend(wishes(model));
    effects
}

fn is_news(task: &Task, known: &Known) -> bool {
    known.wish.is_none() && task.status != known.status && task.changed_ms() >= known.changed_ms
}

/// Does to an item what was done to its task.
fn follow(model: &mut Model, case: &CaseId, unit: &Unit, task: &Task) -> Vec<Effect> {
    let marker = &unit.new.marker;
    if !model.tasks_asked.insert(marker.clone()) {
        return Vec::new();
    }
    let mut bodies = vec![Body::TaskState(mirror::seen(case, marker, task))];
    let completed = task.status.raw() == COMPLETED;
    let left_out = task.status.raw() == CANCEL;
    match &unit.of {
        Of::Step { item, gate } => {
            let tick = |state, evidence| {
                let tick = ChecklistTick {
                    case: item.case.clone(),
                    runbook: item.runbook.clone(),
                    step: Untrusted::new(item.step.as_str()),
                    state,
                    evidence: Some(evidence),
                    reason: None,
                    said: Some(item.said.clone()),
                    answer: None,
                };
                text_of(item).into_iter().chain([Body::ChecklistTick(tick)])
            };
            if completed && unit.settled.is_none() && *gate {
                let line = safe!(
                    "the task of {} is completed; the gate is answered here",
                    item.label.field()
                );
                model.say(Level::Warning, line, None);
            } else if completed && unit.settled.is_none() {
                bodies.extend(tick(TickState::Done, by_task(task)));
            } else if !completed && !left_out && unit.settled == Some(COMPLETED) {
                bodies.extend(tick(TickState::Open, reopened(task)));
            }
        }
        Of::Phase { phase, open } => {
            if completed && unit.settled.is_none() && *open > 0 {
                let line = safe!(
                    "the task of {} is completed, but {} of its steps are open",
                    phase.phase.field(),
                    *open
                );
                model.say(Level::Warning, line, None);
            } else if completed && unit.settled.is_none() {
                bodies.push(phase_record(phase, true, Some(by_task(task))));
            } else if !completed && !left_out && unit.settled == Some(COMPLETED) {
                bodies.push(phase_record(phase, false, Some(reopened(task))));
            }
        }
    }
    vec![Effect::Record(bodies)]
}

/// Gives what tasks are to become for what is done, or not done any more, in the list.
pub(super) fn wishes(model: &mut Model) -> Vec<Effect> {
    if !is_on(model) {
        return Vec::new();
    }
    let Some(case) = model.open.as_ref().map(|open| open.id.clone()) else {
        return Vec::new();
    };
    let mut wished = Vec::new();
    for unit in units(model) {
        let marker = unit.new.marker.clone();
        let known = model.ledger.outbox().mirrored().get(&case, &marker);
        let Some(known) = known else {
            continue;
        };
        // What it is to become counts where that waits: a later wish takes its place.
        let waits = known.wish.as_ref().map(|(wished, _)| wished.raw());
        let now = waits.unwrap_or(known.status.raw());
        let was = [COMPLETED, CANCEL].contains(&now);
        // What somebody cancelled there is theirs; what was completed is followed by the list as long as it stays so.
        let again = waits.is_some() || known.ours || (unit.touched && now == COMPLETED);
        let status = match unit.settled {
            // What was left out there is settled too.
            Some(status) if !was => status,
            None if was && again => IN_PROGRESS,
            _ => continue,
        };
        if !model.tasks_asked.contains(&marker) {
            wished.push(TaskState {
                case: case.clone(),
                marker,
                task: known.task.clone(),
                status: status.into(),
                by: None,
                changed_ms: known.changed_ms,
                wished: true,
            });
        }
    }
    let asked = wished.iter().map(|state| state.marker.clone());
    model.tasks_asked.extend(asked);
    (!wished.is_empty())
        .then_some(Effect::SetTasks(wished))
        .into_iter()
        .collect()
}

/// Takes note that something of a task is on record.
pub(super) fn recorded(model: &mut Model, entry: &Entry) {
    if let Body::TaskState(state) = &entry.body {
        model.tasks_asked.remove(&state.marker);
    }
}

/// Lists what is mirrored of the list of the open case's own runbook.
fn units(model: &Model) -> Vec<Unit> {
    let (checklist, list) = match model.checklist_above.first() {
        Some(frame) => (&*frame.checklist, &frame.list),
        None => (&*model.checklist, &model.checklist_list),
    };
    let state = checklist::state_of(model, checklist, list);
    let mut units = match model.settings.runbooks.mirror {
        Mirror::Off => Vec::new(),
        Mirror::Phases => phases(model, checklist, list, &state),
        Mirror::Steps => steps(model, checklist, list, &state),
    };
    units.truncate(MOST);
    units
}

fn steps(model: &Model, checklist: &Checklist, list: &ListId, state: &ListState) -> Vec<Unit> {
    let unit = |(section, step): (&Section, &crate::domain::runbook::Step)| {
        let item = checklist::step_ref_in(model, (checklist, list), section, step)?;
        let view = state.of(&step.key);
        let settled = match &view.state {
            _ if view.is_unsure() => None,
            ItemState::Done { .. } => Some(COMPLETED),
            ItemState::Skipped { .. } | ItemState::NotApplicable { .. } => Some(CANCEL),
            ItemState::Open | ItemState::Refuted { .. } | ItemState::Stopped { .. } => None,
        };
        let parts = ["step", list.runbook.raw(), step.key.as_str()];
        let new = new_task(
            &item.case,
            &parts,
            (&step.label.field(), section),
            &step.text.line(),
        );
        Some(Unit {
            new,
            of: Of::Step {
                item: Box::new(item),
                gate: step.gate,
            },
            settled,
            touched: view.touched && !step.gate,
        })
    };
    checklist.items().filter_map(unit).collect()
}

fn phases(model: &Model, checklist: &Checklist, list: &ListId, state: &ListState) -> Vec<Unit> {
    let Some(case) = model.open.as_ref().map(|open| open.id.clone()) else {
        return Vec::new();
    };
    let unit = |section: &Section| {
        let done = state.is_closed(section) || section.progress(state).is_whole();
        let words = Safe::join(
            section.steps.iter().map(|step| step.label.field()),
            &Safe::fixed("; "),
        );
        let parts = ["phase", list.runbook.raw(), section.name.raw()];
        let phase = PhaseRef {
            case: case.clone(),
            list: list.clone(),
            phase: section.name.clone(),
            open: Vec::new(),
        };
        Unit {
            new: new_task(&case, &parts, (&section.name.field(), section), &words),
            of: Of::Phase {
                phase: Box::new(phase),
                open: section.open_mandatory(state).len(),
            },
            settled: done.then_some(COMPLETED),
            touched: false,
        }
    };
    let sections = checklist.sections.iter();
    sections
        .filter(|section| !section.steps.is_empty())
        .map(unit)
        .collect()
}

fn new_task(case: &CaseId, parts: &[&str; 3], of: (&Safe, &Section), words: &Safe) -> NewTask {
    let marker = mirror::marker(case, parts);
    let body = sink::markdown(words);
    let [_, runbook, _] = parts;
    let runbook = sink::markdown(&Untrusted::new(*runbook).field());
    NewTask {
        title: short(of.0.as_str(), 120),
        group: short(of.1.name.field().as_str(), 60),
        description: format!("{body}\n\nfrom the list of {runbook}\n{marker}\n"),
        marker,
    }
}

/// Cuts what a field of the case system cannot hold; never gives nothing.
fn short(text: &str, most: usize) -> String {
    let cut: String = text.trim().chars().take(most).collect();
    if cut.is_empty() { "list".into() } else { cut }
}
