//! The short list of the runbook with its ticks.

use ratatui::layout::Rect;

use super::layout::{first_row, narrowed};
use super::paint::{Canvas, Words, wrap};
use super::theme::Role;
use super::words;
use crate::app::checklist::{self, CheckRow};
use crate::app::model::{Model, Pane};
use crate::domain::freshness::clock_word;
use crate::domain::runbook::Step;
use crate::domain::runbook::checklist::{CaseTicks, ItemState, Progress, Section};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Height from which on the step under the cursor is spelled out below the list.
const ROOMY: u16 = 14;

/// Gives what stands beside the title.
pub(super) fn facts(model: &Model) -> Words {
    if model.open.is_none() {
        return Words::empty();
    }
    let ticks = checklist::ticks(model);
    let all = model
        .checklist
        .sections
        .iter()
        .map(|section| checklist::progress(section, &ticks))
        .fold(Progress::default(), Progress::plus);
    Words::new(Role::Title, safe!("{} of {}", all.settled(), all.total))
}

/// Draws the list.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Rect) {
    if model.checklist.sections.is_empty() {
        let text = safe!("the runbook {} has no steps", model.checklist.file.field());
        canvas.text(narrowed(area, 2, 1), Role::Dim, &text);
        return;
    }
    let ticks = checklist::ticks(model);
    let current = checklist::current(model, &ticks);
    let title = Words::new(Role::Text, " ").add(Role::Strong, model.checklist.title.field());
    canvas.row(narrowed(area, 0, 1), 0, title);
    let mut list = narrowed(super::layout::below(area, 1), 0, 1);
    if area.height >= ROOMY {
        let detail = 5.min(area.height / 4);
        list.height -= detail;
        let below = Rect {
            y: list.bottom(),
            height: detail,
            ..list
        };
        draw_detail(canvas, model, &ticks, narrowed(below, 1, 1));
    }
    let rows = checklist::rows(model);
    let height = usize::from(list.height);
    let first = first_row(model.checklist_cursor, rows.len(), height);
    for ((index, row), line) in rows.iter().enumerate().skip(first).zip(0..list.height) {
        let is_cursor = index == model.checklist_cursor;
        let focused = model.focus == Pane::Checklist && model.layers.is_empty();
        match row {
            CheckRow::Section(index) => {
                if let Some(section) = model.checklist.sections.get(*index) {
                    let unfolded = checklist::is_unfolded(model, &ticks, *index);
                    let left = words::gutter(canvas, is_cursor, focused)
                        .add(Role::Dim, fold_sign(canvas, unfolded))
                        .add(
                            words::lead_role(is_cursor, focused, Role::Strong),
                            section_name(section),
                        );
                    let progress = checklist::progress(section, &ticks);
                    canvas.ends(list, line, left, progress_words(progress));
                }
            }
            CheckRow::Step(section, place) => {
                let step = model
                    .checklist
                    .sections
                    .get(*section)
                    .and_then(|section| section.steps.get(*place));
                if let Some(step) = step {
                    let is_current = current == Some((*section, *place));
                    let state = ticks.state(&step.key);
                    let (mark_role, mark) = mark(state, is_current);
                    let left = words::gutter(canvas, is_cursor, focused)
                        .add(Role::Text, " ")
                        .add(words::lead_role(is_cursor, focused, mark_role), mark)
                        .add(Role::Text, " ")
                        .add(label_role(state, is_current), step.label.field());
                    canvas.ends(list, line, left, who(model, step, state));
                }
            }
        }
    }
}

fn fold_sign(canvas: &Canvas<'_>, unfolded: bool) -> Safe {
    if unfolded {
        canvas.sign("▾ ", "v ")
    } else {
        canvas.sign("▸ ", "> ")
    }
}

fn section_name(section: &Section) -> Safe {
    match section.picerl {
        Some(phase) => phase.name().into(),
        None => section.name.field(),
    }
}

fn progress_words(progress: Progress) -> Words {
    let role = if progress.total > 0 && progress.settled() == progress.total {
        Role::StateProven
    } else {
        Role::Dim
    };
    Words::new(role, safe!("{}/{}", progress.settled(), progress.total))
}

fn mark(state: &ItemState, is_current: bool) -> (Role, &'static str) {
    match state {
        ItemState::Open if is_current => (Role::Key, "[>]"),
        ItemState::Open => (Role::Dim, "[ ]"),
        ItemState::Done { .. } => (Role::StateProven, "[x]"),
        ItemState::Skipped { .. } => (Role::StateUnknown, "[-]"),
        ItemState::NotApplicable { .. } => (Role::Dim, "[0]"),
    }
}

fn label_role(state: &ItemState, is_current: bool) -> Role {
    match state {
        ItemState::Open if is_current => Role::Strong,
        ItemState::Open => Role::Text,
        _ => Role::Dim,
    }
}

fn who(model: &Model, step: &Step, state: &ItemState) -> Words {
    let by = match state {
        ItemState::Open => {
            return match &step.time_limit {
                Some(limit) => Words::new(Role::Dim, safe!("{}m", limit.minutes)),
                None if step.gate => Words::new(Role::Dim, "ask"),
                None if step.optional => Words::new(Role::Dim, "optional"),
                None => Words::empty(),
            };
        }
        ItemState::Skipped { .. } => return Words::new(Role::StateUnknown, "skipped"),
        ItemState::NotApplicable { .. } => return Words::new(Role::Dim, "n/a"),
        ItemState::Done { by, evidence, .. } => {
            if evidence.is_some() {
                return Words::new(Role::StateProven, "auto");
            }
            by
        }
    };
    Words::new(Role::Dim, safe!("{:.8}", by_word(model, by)))
}

fn by_word(model: &Model, by: &Untrusted) -> Safe {
    if *by == model.operator.os_user {
        "you".into()
    } else {
        words::owner(model, by)
    }
}

/// Spells out the step under the cursor: its words, what became of it, when and by whom.
fn draw_detail(canvas: &mut Canvas<'_>, model: &Model, ticks: &CaseTicks, area: Rect) {
    let head = Rect { height: 1, ..area };
    canvas.rule(head, "─", "-", Role::Border);
    let area = super::layout::below(area, 1);
    let Some(step) = checklist::selected(model) else {
        let text = safe!(
            "from {}; {} ticks, {} reads the paragraph",
            model.checklist.file.field(),
            words::key_of_id(model, "tick"),
            words::key_of_id(model, "read")
        );
        canvas.text(area, Role::Dim, &text);
        return;
    };
    let (role, outcome) = outcome(model, ticks.state(&step.key));
    let lines = wrap(&outcome, usize::from(area.width));
    let used = if outcome.is_empty() {
        0
    } else {
        u16::try_from(lines.len())
            .unwrap_or(area.height)
            .min(area.height)
    };
    let text = Rect {
        height: area.height - used,
        ..area
    };
    let text_used = canvas.text(text, Role::Text, &step.text.line());
    let rest = super::layout::below(area, text_used);
    if used > 0 {
        canvas.wrapped(rest, role, &lines);
    }
}

fn outcome(model: &Model, state: &ItemState) -> (Role, Safe) {
    match state {
        ItemState::Open => (Role::Dim, Safe::default()),
        ItemState::Done { by, at, evidence } => {
            let what = match evidence {
                Some(evidence) => safe!(": {}", evidence.line()),
                None => Safe::default(),
            };
            let text = safe!("done {} by {}{}", clock_word(*at), by_word(model, by), what);
            (Role::StateProven, text)
        }
        ItemState::Skipped { reason, by, at } => (
            Role::StateUnknown,
            safe!(
                "skipped {} by {}: {}",
                clock_word(*at),
                by_word(model, by),
                reason.line()
            ),
        ),
        ItemState::NotApplicable { reason, by, at } => (
            Role::Dim,
            safe!(
                "not applicable {} by {}: {}",
                clock_word(*at),
                by_word(model, by),
                reason.line()
            ),
        ),
    }
}
