//! Which list is shown: the runbook of the case, the lists opened from its steps, the inputs.
//!
//! What must not live here: what happens to items (`list`), the rules (`domain::runbook::choice`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::list::record_with;
use super::panes::write;
use crate::app::checklist::{self, CheckRow};
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::list::RunbookRow;
use crate::app::model::{Layer, ListFrame, Model, Purpose};
use crate::domain::audit::{Body, ChecklistOpen, RunbookChoose};
use crate::domain::runbook::Runbook;
use crate::domain::runbook::checklist::{Checklist, ListId};
use crate::domain::runbook::choice::Chosen;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most lists inside one another.
const DEEPEST: usize = 8;

/// Shows the runbook of the case that was just opened: the one on record, else the one the rules choose.
pub(super) fn for_opened(model: &mut Model) {
    let runbook = match on_record(model) {
        Some(runbook) => runbook,
        None => match by_rules(model) {
            Some(chosen) => chosen.runbook,
            None => model.runbooks.fallback(),
        },
    };
    show(model, runbook);
}

/// Chooses anew once the case is read, unless it was chosen already, and records the choice.
pub(super) fn for_read(model: &mut Model) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let case = open.id.clone();
    if let Some(known) = model
        .casework
        .case(&case)
        .and_then(|work| work.runbook.clone())
    {
        if model.runbooks.find(known.path.raw()).is_some() {
            return Vec::new();
        }
        let line = safe!(
            "the runbook {} of this case is not there any more",
            known.path.field()
        );
        let hint = "the rules choose another; what was ticked stays on record";
        model.say(Level::Warning, line, Some(hint.into()));
    }
    let Some(Chosen { runbook, why }) = by_rules(model) else {
        return Vec::new();
    };
    let path = runbook.file.clone();
    let root = model
        .checklist_above
        .first()
        .map_or(&model.runbook, |frame| &frame.runbook);
    if root.file != path {
        show(model, runbook);
    }
    vec![Effect::Record(vec![Body::RunbookChoose(RunbookChoose {
        case,
        runbook: path,
        why: Untrusted::new(why.as_str()),
        by_hand: false,
    })])]
}

fn on_record(model: &Model) -> Option<Arc<Runbook>> {
    let open = model.open.as_ref()?;
    let chosen = model.casework.case(&open.id)?.runbook.as_ref()?;
    model.runbooks.find(chosen.path.raw())
}

fn by_rules(model: &Model) -> Option<Chosen> {
    let open = model.open.as_ref()?;
    if let Some(file) = open.file.ready() {
        return Some(model.runbooks.for_case(&file.case, &file.alerts));
    }
    let mut queue = model.queue.all().iter();
    let case = queue.find(|case| case.id == open.id)?;
    Some(model.runbooks.for_case(case, &[]))
}

/// Shows a runbook as the one of the case.
fn show(model: &mut Model, runbook: Arc<Runbook>) {
    model.checklist_above.clear();
    let list = ListId::root(runbook.file.clone());
    set(model, runbook, list);
}

fn set(model: &mut Model, runbook: Arc<Runbook>, list: ListId) {
    model.checklist = Arc::new(Checklist::derive(&runbook));
    model.runbook = runbook;
    model.checklist_list = list;
    model.checklist_folds = BTreeMap::new();
    model.checklist_cursor = 0;
    let state = checklist::state(model);
    let current = checklist::current(model, &state);
    let row = current.map(|(section, step)| CheckRow::Step(section, step));
    let rows = checklist::rows_in(model, &state);
    model.checklist_cursor = rows
        .iter()
        .position(|one| Some(*one) == row)
        .unwrap_or_default();
}

/// Opens the list of all runbooks to choose another for the case.
pub(super) fn choose(model: &mut Model) {
    let Some(open) = &model.open else {
        model.say(Level::Warning, "runbook: no case is open", None);
        return;
    };
    let record = model
        .casework
        .case(&open.id)
        .and_then(|work| work.runbook.as_ref());
    let root = model
        .checklist_above
        .first()
        .map_or(&model.runbook, |frame| &frame.runbook);
    let rules = by_rules(model);
    let why = |runbook: &Runbook| -> Safe {
        let suggested = rules
            .as_ref()
            .filter(|chosen| chosen.runbook.file == runbook.file);
        match (runbook.file == root.file, record, suggested) {
            (true, Some(chosen), _) if chosen.by_hand => safe!("now: {}", chosen.why.field()),
            (true, _, Some(chosen)) => safe!("now: {}", chosen.why),
            (true, Some(chosen), None) => safe!("now: {}", chosen.why.field()),
            (true, None, None) => "now".into(),
            (false, _, Some(chosen)) => safe!("by the rules: {}", chosen.why),
            (false, _, None) => Safe::default(),
        }
    };
    let library = model.runbooks.library();
    let rows: Vec<RunbookRow> = library
        .paths()
        .filter_map(|path| library.get(path))
        .map(|runbook| RunbookRow {
            path: runbook.file.clone(),
            title: runbook.title.clone(),
            why: why(&runbook),
        })
        .collect();
    let cursor = rows
        .iter()
        .position(|row| row.path == root.file)
        .unwrap_or_default();
    model.layers.push(Layer::Runbooks {
        rows,
        cursor,
        nested: false,
    });
}

/// Takes the runbook that was chosen in the layer.
pub(super) fn chosen(model: &mut Model, row: &RunbookRow, nested: bool) -> Vec<Effect> {
    let Some(runbook) = model.runbooks.find(row.path.raw()) else {
        return Vec::new();
    };
    if nested {
        return enter(model, runbook);
    }
    let root = model
        .checklist_above
        .first()
        .map_or(&model.runbook, |frame| &frame.runbook);
    let (Some(open), false) = (&model.open, root.file == runbook.file) else {
        return Vec::new();
    };
    let record = Body::RunbookChoose(RunbookChoose {
        case: open.id.clone(),
        runbook: runbook.file.clone(),
        why: "chosen by hand".into(),
        by_hand: true,
    });
    let line = safe!(
        "runbook {}; what was ticked in the other stays",
        runbook.file.field()
    );
    model.say(Level::Info, line, None);
    show(model, runbook);
    vec![Effect::Record(vec![record])]
}

/// Opens the list of the runbook that the step under the cursor names.
pub(super) fn open_linked(model: &mut Model) -> Vec<Effect> {
    let Some((_, step)) = checklist::selected(model) else {
        return Vec::new();
    };
    let nested = checklist::nested(model, step);
    let found: Vec<Arc<Runbook>> = nested
        .iter()
        .filter_map(|one| one.runbook.clone())
        .collect();
    let mut distinct: Vec<Arc<Runbook>> = Vec::new();
    for runbook in found {
        if distinct.iter().all(|one| one.file != runbook.file) {
            distinct.push(runbook);
        }
    }
    match distinct.as_slice() {
        [] => {
            let line = nested.first().map_or_else(
                || "the step names no other runbook".into(),
                |one| safe!("there is no runbook {}", one.written.field()),
            );
            model.say(Level::Warning, line, None);
            Vec::new()
        }
        [one] => enter(model, Arc::clone(one)),
        several => {
            let rows = several
                .iter()
                .map(|runbook| RunbookRow {
                    path: runbook.file.clone(),
                    title: runbook.title.clone(),
                    why: Safe::default(),
                })
                .collect();
            model.layers.push(Layer::Runbooks {
                rows,
                cursor: 0,
                nested: true,
            });
            Vec::new()
        }
    }
}

/// Shows the list of a runbook inside the step under the cursor; a runbook inside itself is refused.
fn enter(model: &mut Model, runbook: Arc<Runbook>) -> Vec<Effect> {
    let above = model.checklist_above.iter().map(|frame| &frame.runbook);
    let mut way: Vec<Safe> = above.map(|one| one.file.field()).collect();
    way.push(model.runbook.file.field());
    if way.contains(&runbook.file.field()) {
        let way = Safe::join(way, &Safe::fixed(" > "));
        let line = safe!("a loop: {} is open already ({})", runbook.file.field(), way);
        model.say(Level::Warning, line, None);
        return Vec::new();
    }
    if way.len() > DEEPEST {
        model.say(Level::Warning, "too many lists inside one another", None);
        return Vec::new();
    }
    let state = checklist::state(model);
    let Some((section, step)) = checklist::selected(model) else {
        return Vec::new();
    };
    let list = checklist::nested_id(&model.checklist_list, &state, step, &runbook);
    let item = checklist::step_ref(model, section, step);
    let known = model
        .open
        .as_ref()
        .and_then(|open| model.casework.ticks(&open.id));
    let known = known.is_some_and(|ticks| {
        ticks
            .items(&model.checklist_list)
            .any(|(key, item)| Some(key) == list.within.last() && item.said.is_some())
    });
    let effects = match item.filter(|_| !known) {
        // On record, so that the list is found again when the text of the step changes.
        Some(item) => record_with(&item, |said| {
            Body::ChecklistOpen(ChecklistOpen {
                case: item.case.clone(),
                runbook: item.runbook.clone(),
                step: item.step.as_str().to_owned(),
                opened: runbook.file.clone(),
                said,
            })
        }),
        None => Vec::new(),
    };
    let frame = ListFrame {
        runbook: Arc::clone(&model.runbook),
        checklist: Arc::clone(&model.checklist),
        list: model.checklist_list.clone(),
        cursor: model.checklist_cursor,
        folds: std::mem::take(&mut model.checklist_folds),
    };
    model.checklist_above.push(frame);
    set(model, runbook, list);
    effects
}

/// Goes back to the step a list was opened from; tells whether there was one.
pub(super) fn leave(model: &mut Model) -> bool {
    let Some(frame) = model.checklist_above.pop() else {
        return false;
    };
    model.runbook = frame.runbook;
    model.checklist = frame.checklist;
    model.checklist_list = frame.list;
    model.checklist_cursor = frame.cursor;
    model.checklist_folds = frame.folds;
    true
}

/// Asks for the value of the input under the cursor of the layer.
pub(super) fn type_input(model: &mut Model, cursor: usize) {
    let inputs = checklist::inputs(model);
    if let (Some(open), Some(input)) = (&model.open, inputs.get(cursor)) {
        let purpose = Purpose::Input(open.id.clone(), input.name.clone());
        model.layers.push(Layer::Inputs { cursor });
        write(model, purpose);
    }
}
