//! The short list of the runbook with its ticks.
//!
//! What must not live here: what is said of the step under the cursor (`detail`).

mod detail;

use ratatui::layout::Rect;

use super::layout::{below, first_row, narrowed};
use super::paint::{Canvas, Words};
use super::theme::Role;
use super::words;
use crate::app::checklist::judged;
use crate::app::checklist::{self, CheckRow};
use crate::app::model::{Model, Pane};
use crate::domain::runbook::Step;
use crate::domain::runbook::checklist::{ItemState, ItemView, ListState, Progress};
use crate::domain::runbook::condition::Verdict;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Height from which on the step under the cursor is spelled out below the list.
const ROOMY: u16 = 14;
/// Least cells a label keeps beside what is said of it.
const LABEL_MIN: usize = 14;

/// Gives what stands beside the title.
pub(super) fn facts(model: &Model) -> Words {
    if model.open.is_none() {
        return Words::empty();
    }
    let state = checklist::state(model);
    let sections = model.checklist.sections.iter();
    let all = sections
        .map(|section| section.progress(&state))
        .fold(Progress::default(), Progress::plus);
    Words::new(Role::Title, safe!("{} of {}", all.settled(), all.total))
}

/// Draws the list.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Rect) {
    canvas.row(narrowed(area, 0, 1), 0, breadcrumb(canvas, model));
    if model.checklist.sections.is_empty() {
        let text = safe!("the runbook {} has no steps", model.checklist.file.field());
        canvas.text(narrowed(below(area, 1), 2, 1), Role::Dim, &text);
        return;
    }
    let state = checklist::state(model);
    let mut list = narrowed(below(area, 1), 0, 1);
    if area.height >= ROOMY {
        let height = (area.height / 4).max(5);
        list.height -= height;
        let under = Rect {
            y: list.bottom(),
            height,
            ..list
        };
        detail::draw(canvas, model, &state, narrowed(under, 1, 1));
    }
    let rows = checklist::rows_in(model, &state);
    let first = first_row(model.checklist_cursor, rows.len(), usize::from(list.height));
    let focused = model.focus == Pane::Checklist && model.layers.is_empty();
    let current = checklist::current(model, &state);
    for ((index, row), line) in rows.iter().enumerate().skip(first).zip(0..list.height) {
        let is_cursor = index == model.checklist_cursor;
        let gutter = words::gutter(canvas, is_cursor, focused);
        let lead = |own| words::lead_role(is_cursor, focused, own);
        let (left, right) = match row {
            CheckRow::Inputs => inputs_row(canvas, model, lead(Role::Dim)),
            CheckRow::Section(at) => section_row(canvas, model, &state, (*at, lead(Role::Strong))),
            CheckRow::Step(section, place) => {
                let is_current = current == Some((*section, *place));
                match checklist::step_at(model, *row) {
                    Some((section, step)) => {
                        let closed = state.is_closed(section);
                        let (left, wide) = step_row(canvas, &state, step, (is_current, lead));
                        let room = usize::from(list.width).saturating_sub(wide + LABEL_MIN);
                        let right = if closed && state.of(&step.key).state == ItemState::Open {
                            waived(state.of(&step.key))
                        } else {
                            aside(model, step, state.of(&step.key))
                        };
                        (left, right.whole(room))
                    }
                    None => continue,
                }
            }
            CheckRow::Gone => gone_head(canvas, model, &state, lead(Role::Strong)),
            CheckRow::GoneStep(at) => match state.gone.get(*at) {
                Some((_, item)) => gone_row(item, lead),
                None => continue,
            },
        };
        canvas.ends(list, line, gutter.chain(left), right);
    }
}

/// The title; inside another list also where it was opened from.
fn breadcrumb(canvas: &Canvas<'_>, model: &Model) -> Words {
    let mut words = Words::new(Role::Text, " ");
    for frame in &model.checklist_above {
        let title = frame.checklist.title.field().fit(16);
        words = words
            .add(Role::Dim, title)
            .add(Role::Dim, canvas.sign(" › ", " > "));
    }
    words.add(Role::Strong, model.checklist.title.field())
}

fn fold_sign(canvas: &Canvas<'_>, unfolded: bool) -> Safe {
    if unfolded {
        canvas.sign("▾ ", "v ")
    } else {
        canvas.sign("▸ ", "> ")
    }
}

fn inputs_row(canvas: &Canvas<'_>, model: &Model, lead: Role) -> (Words, Words) {
    let inputs = checklist::inputs(model);
    let missing: Vec<Safe> = inputs
        .iter()
        .filter(|input| input.is_missing())
        .map(|input| input.name.field())
        .collect();
    let left = Words::new(lead, fold_sign(canvas, false)).add(Role::Dim, "inputs ");
    let known = inputs
        .iter()
        .filter(|input| !input.value.is_empty())
        .count();
    let right = Words::new(Role::Dim, safe!("{}/{}", known, inputs.len()));
    if missing.is_empty() {
        let shown = inputs
            .iter()
            .filter(|input| !input.value.is_empty())
            .map(|input| input.value.field());
        return (
            left.add(Role::Text, Safe::join(shown, &Safe::fixed(", "))),
            right,
        );
    }
    let names = Safe::join(missing, &Safe::fixed(", "));
    let left = left
        .add(Role::LevelWarning, "missing ")
        .add(Role::LevelWarning, names);
    (left, right)
}

fn section_row(
    canvas: &Canvas<'_>,
    model: &Model,
    state: &ListState,
    (index, lead): (usize, Role),
) -> (Words, Words) {
    let Some(section) = model.checklist.sections.get(index) else {
        return (Words::empty(), Words::empty());
    };
    let unfolded = checklist::is_unfolded(model, state, index);
    let left = Words::new(Role::Dim, fold_sign(canvas, unfolded)).add(lead, section.name.field());
    let progress = section.progress(state);
    let role = if progress.is_whole() {
        Role::StateProven
    } else {
        Role::Dim
    };
    let mut right = Words::empty();
    if let Some(closed) = state.closed(section) {
        let open = section
            .open_mandatory(state)
            .into_iter()
            .filter(|step| !closed.waived.contains(&step.key))
            .count();
        right = if open > 0 {
            Words::new(Role::StateRefuted, safe!("closed, {} open again ", open))
        } else {
            Words::new(Role::StateProven, "closed ")
        };
    }
    let count = safe!("{}/{}", progress.settled(), progress.total);
    (left, right.add(role, count))
}

fn step_row(
    canvas: &Canvas<'_>,
    state: &ListState,
    step: &Step,
    (is_current, lead): (bool, impl Fn(Role) -> Role),
) -> (Words, usize) {
    let view = state.of(&step.key);
    let (role, mark) = mark(view, is_current);
    let mut left = Words::new(Role::Text, " ")
        .add(lead(role), mark)
        .add(Role::Text, " ");
    if !step.runbooks.is_empty() {
        left = left.add(Role::Key, canvas.sign("» ", ">>"));
    }
    let wide = left.width() + 1;
    (
        left.add(label_role(view, is_current), step.label.field()),
        wide,
    )
}

/// Gives the mark of an item: ASCII, in the same three cells everywhere.
fn mark(view: &ItemView, is_current: bool) -> (Role, &'static str) {
    if view.is_unsure() {
        return (Role::StateUnknown, "[~]");
    }
    match &view.state {
        ItemState::Open if view.waived => (Role::StateUnknown, "[w]"),
        ItemState::Open if is_current => (Role::Key, "[>]"),
        ItemState::Open => (Role::Dim, "[ ]"),
        ItemState::Done { .. } => (Role::StateProven, "[x]"),
        ItemState::Skipped { .. } => (Role::StateUnknown, "[-]"),
        ItemState::NotApplicable { .. } => (Role::Dim, "[0]"),
        ItemState::Refuted { .. } | ItemState::Stopped { .. } => (Role::StateRefuted, "[!]"),
    }
}

fn label_role(view: &ItemView, is_current: bool) -> Role {
    match view.state {
        _ if view.is_unsure() => Role::Text,
        ItemState::Refuted { .. } | ItemState::Stopped { .. } => Role::Strong,
        ItemState::Open if is_current => Role::Strong,
        ItemState::Open => Role::Text,
        _ => Role::Dim,
    }
}

fn waived(view: &ItemView) -> Words {
    if view.waived {
        Words::new(Role::StateUnknown, "waived")
    } else {
        Words::empty()
    }
}

/// What stands at the end of the row: who did it, or what holds of it while it is open.
fn aside(model: &Model, step: &Step, view: &ItemView) -> Words {
    if view.changed.is_some() {
        return Words::new(Role::StateUnknown, "changed");
    }
    if view.alike > 0 {
        return Words::new(Role::StateUnknown, "this one?");
    }
    let noted = if view.notes.is_empty() {
        Words::empty()
    } else {
        Words::new(Role::Dim, "note ")
    };
    let word = match &view.state {
        ItemState::Open => return noted.chain(ahead(model, step)),
        ItemState::Refuted { .. } => Words::new(Role::StateRefuted, "refuted"),
        ItemState::Stopped { .. } => Words::new(Role::StateRefuted, "no"),
        ItemState::Skipped { .. } => Words::new(Role::StateUnknown, "skipped"),
        ItemState::NotApplicable { .. } => Words::new(Role::Dim, "n/a"),
        ItemState::Done {
            evidence: Some(_), ..
        } => Words::new(Role::StateProven, "auto"),
        ItemState::Done { by, .. } => Words::new(Role::Dim, safe!("{:.8}", by_word(model, by))),
    };
    noted.chain(word)
}

/// What holds of an open step: how far its list is, its time, its condition, whether it asks.
fn ahead(model: &Model, step: &Step) -> Words {
    let mut words = Words::empty();
    if let Some(nested) = checklist::nested(model, step).first() {
        let text = match &nested.runbook {
            Some(_) => safe!("{}/{}", nested.progress.settled(), nested.progress.total),
            None => "no file".into(),
        };
        words = words.add(Role::Dim, text);
    }
    match checklist::minutes_left(model, step) {
        Some(left) if left < 0 => {
            words = words.gap(Role::StateRefuted, safe!("{}m late", -left));
        }
        Some(left) => words = words.gap(Role::LevelWarning, safe!("{}m left", left)),
        None => {
            if let Some(limit) = &step.time_limit {
                words = words.gap(Role::Dim, safe!("{}m", limit.minutes));
            }
        }
    }
    match judged::condition(model, step) {
        Some((Verdict::Holds, _)) => words = words.gap(Role::Dim, "if: yes"),
        Some((Verdict::DoesNotHold, _)) => words = words.gap(Role::StateUnknown, "if: no"),
        Some((Verdict::CannotKnow, _)) => {
            words = words.gap(Role::Dim, "if: ?");
        }
        None if step.optional && words.is_empty() => words = Words::new(Role::Dim, "optional"),
        None => {}
    }
    if step.gate {
        words = words.gap(Role::Dim, "ask");
    }
    words
}

fn by_word(model: &Model, by: &Untrusted) -> Safe {
    if *by == model.operator.os_user {
        "you".into()
    } else {
        words::owner(model, by)
    }
}

fn gone_head(canvas: &Canvas<'_>, model: &Model, state: &ListState, lead: Role) -> (Words, Words) {
    let unfolded = model.checklist_folds.get(&checklist::GONE) == Some(&true);
    let left =
        Words::new(Role::Dim, fold_sign(canvas, unfolded)).add(lead, "No longer in the text");
    (left, Words::new(Role::Dim, safe!("{}", state.gone.len())))
}

fn gone_row(
    item: &crate::domain::runbook::checklist::Item,
    lead: impl Fn(Role) -> Role,
) -> (Words, Words) {
    let view = ItemView {
        state: item.state.clone(),
        ..ItemView::default()
    };
    let (role, mark) = mark(&view, false);
    let said = item.said.as_ref().map(|said| said.words.field());
    let left = Words::new(Role::Text, " ")
        .add(lead(role), mark)
        .add(Role::Text, " ")
        .add(
            Role::Dim,
            said.unwrap_or_else(|| "a step of an older text".into()),
        );
    (left, Words::empty())
}
