//! What is said of the step under the cursor, below the list and before its paragraph.
//!
//! What must not live here: the rows of the list.

use ratatui::layout::Rect;

use super::super::layout::below;
use super::super::paint::{Canvas, wrap};
use super::super::theme::Role;
use super::super::words;
use super::by_word;
use crate::app::checklist::{self, CheckRow, judged};
use crate::app::model::Model;
use crate::domain::freshness::clock_word;
use crate::domain::runbook::Step;
use crate::domain::runbook::checklist::{ItemState, ItemView, ListState, Section};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Spells out the row under the cursor: its words, what became of it, when and by whom.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, state: &ListState, area: Rect) {
    let head = Rect { height: 1, ..area };
    canvas.rule(head, "─", "-", Role::Border);
    let area = below(area, 1);
    let row = checklist::rows_in(model, state)
        .get(model.checklist_cursor)
        .copied();
    let (text, facts) = match row {
        Some(row @ CheckRow::Step(..)) => match checklist::step_at(model, row) {
            Some((_, step)) => (step.text.line(), of_step(model, state, step)),
            None => return,
        },
        Some(CheckRow::Section(index)) => match model.checklist.sections.get(index) {
            Some(section) if state.is_closed(section) => {
                let key = words::key_of_id(model, "close-phase");
                let text = safe!("{} opens the phase again", key);
                (text, of_section(model, state, section))
            }
            Some(section) => (hint(model), of_section(model, state, section)),
            None => return,
        },
        Some(CheckRow::GoneStep(at)) => match state.gone.get(at) {
            Some((_, item)) => {
                let view = ItemView {
                    state: item.state.clone(),
                    notes: item.notes.clone(),
                    ..ItemView::default()
                };
                let said = item.said.as_ref().map(|said| said.words.line());
                (said.unwrap_or_default(), outcomes(model, &view))
            }
            None => return,
        },
        _ => (hint(model), Vec::new()),
    };
    // What became of it matters more than its words: those stand in full behind `v`.
    let width = usize::from(area.width);
    let lines: Vec<_> = facts
        .iter()
        .map(|(role, fact)| (*role, wrap(fact, width)))
        .collect();
    let wanted: usize = lines.iter().map(|(_, lines)| lines.len()).sum();
    let room = usize::from(area.height.saturating_sub(1));
    let kept = u16::try_from(wanted.min(room)).unwrap_or(0);
    let upper = Rect {
        height: area.height - kept,
        ..area
    };
    let used = canvas.text(upper, Role::Text, &text);
    let mut rest = below(area, used);
    for (role, lines) in lines {
        canvas.wrapped(rest, role, &lines);
        rest = below(rest, u16::try_from(lines.len()).unwrap_or(rest.height));
    }
}

fn hint(model: &Model) -> Safe {
    safe!(
        "from {}; {} ticks, {} reads the paragraph",
        model.checklist.file.field(),
        words::key_of_id(model, "tick"),
        words::key_of_id(model, "read")
    )
}

fn of_section(model: &Model, state: &ListState, section: &Section) -> Vec<(Role, Safe)> {
    let Some(closed) = state.closed(section) else {
        return Vec::new();
    };
    let mut text = safe!(
        "closed {} by {}",
        clock_word(closed.at),
        by_word(model, &closed.by)
    );
    if let Some(reason) = &closed.reason {
        text.push(&match closed.waived.len() {
            0 => safe!(", {}", reason.line()),
            waived => safe!(", {} waived: {}", waived, reason.line()),
        });
    }
    vec![(Role::StateProven, text)]
}

/// Says all that holds of a step, what became of it first.
fn of_step(model: &Model, state: &ListState, step: &Step) -> Vec<(Role, Safe)> {
    let view = state.of(&step.key);
    let mut facts = outcomes(model, view);
    if view.waived
        && let Some(closed) = model
            .checklist
            .sections
            .iter()
            .filter_map(|section| state.closed(section))
            .find(|closed| closed.waived.contains(&step.key))
    {
        let reason = closed.reason.as_ref().map(Untrusted::line);
        let text = safe!(
            "waived {} by {}: {}",
            clock_word(closed.at),
            by_word(model, &closed.by),
            reason.unwrap_or_default()
        );
        facts.push((Role::StateUnknown, text));
    }
    if let Some((verdict, why)) = judged::condition(model, step) {
        let words = step.condition.as_ref().map(Untrusted::line);
        let text = safe!("{}: {}, {}", words.unwrap_or_default(), verdict.word(), why);
        facts.push((Role::Dim, text));
    }
    if let Some(limit) = &step.time_limit {
        facts.push((Role::Dim, limit.text.line()));
    }
    if let Some(role) = &step.role {
        facts.push((Role::Dim, safe!("for {}", role.line())));
    }
    for nested in checklist::nested(model, step) {
        let text = if let Some(runbook) = &nested.runbook {
            safe!(
                "list {} {}/{}",
                runbook.title.field(),
                nested.progress.settled(),
                nested.progress.total
            )
        } else {
            safe!("there is no runbook {}", nested.written.field())
        };
        facts.push((Role::Dim, text));
    }
    facts
}

fn outcomes(model: &Model, view: &ItemView) -> Vec<(Role, Safe)> {
    let mut facts = Vec::new();
    if let Some(said) = &view.changed {
        let text = safe!("the text changed since; it said: {}", said.line());
        facts.push((Role::StateUnknown, text));
    }
    if view.alike > 0 {
        let text = safe!(
            "{} steps had these words and one was removed; whether this one was done is not known",
            view.alike
        );
        facts.push((Role::StateUnknown, text));
    }
    let outcome = outcome(model, &view.state);
    if !outcome.1.is_empty() {
        facts.push(outcome);
    }
    for note in view.notes.iter().rev() {
        let text = safe!(
            "note {} by {}: {}",
            clock_word(note.at),
            by_word(model, &note.by),
            note.text.line()
        );
        facts.push((Role::Text, text));
    }
    facts
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
        ItemState::Refuted { evidence, at } => (
            Role::StateRefuted,
            safe!("open again {}: {}", clock_word(*at), evidence.line()),
        ),
        ItemState::Stopped { by, at } => (
            Role::StateRefuted,
            safe!("answered no {} by {}", clock_word(*at), by_word(model, by)),
        ),
    }
}
