//! What can be done to the account of the open case, and why not.

use ratatui::layout::Rect;

use super::layout::{below, narrowed};
use super::paint::{Canvas, Words};
use super::theme::Role;
use super::words;
use crate::app::actions::{Choice, Readiness, pane_rows};
use crate::app::command::Context;
use crate::app::model::{Model, Pane};
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::standing::Standing;
use crate::domain::freshness::clock_word;
use crate::domain::text::Safe;
use crate::safe;

/// Gives what stands beside the title.
pub(super) fn facts(model: &Model) -> Words {
    match model.open.as_ref().and_then(|open| open.the_account()) {
        Some(account) => Words::new(Role::Title, account.login.field()),
        None => Words::empty(),
    }
}

/// Draws the pane.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Rect) {
    let mut area = area;
    if let Some(standing) = model.standing() {
        let used = draw_standing(canvas, standing, narrowed(area, 2, 1));
        area = below(area, used);
    }
    let focused = model.focus == Pane::Actions && model.layers.is_empty();
    let rows = pane_rows(model);
    let cursor = model.actions_cursor.min(rows.len().saturating_sub(1));
    let used = draw_choices(canvas, model, area, &rows, (cursor, focused));
    draw_documentation(canvas, model, below(area, used));
}

fn draw_standing(canvas: &mut Canvas<'_>, standing: &Standing, area: Rect) -> u16 {
    let role = match standing {
        Standing::Contained { .. } => Role::StateProven,
        Standing::Partly { .. } => Role::StateUnknown,
        Standing::Free => Role::Dim,
    };
    canvas.text(area, role, &standing.since_word(clock_word))
}

/// Draws the choices, each with its letter and how it stands; gives the rows it took.
pub(super) fn draw_choices(
    canvas: &mut Canvas<'_>,
    model: &Model,
    area: Rect,
    rows: &[(Choice, Readiness)],
    (cursor, focused): (usize, bool),
) -> u16 {
    let common = common_reason(rows);
    let mut line = 0;
    if let Some(reason) = &common {
        line += canvas.text(narrowed(area, 2, 1), Role::Dim, reason);
    }
    for (index, (choice, readiness)) in rows.iter().enumerate() {
        let is_cursor = cursor == index;
        let hides = common.is_some() && matches!(readiness, Readiness::No(_));
        let left = choice_words(canvas, model, *choice, readiness, (is_cursor, focused));
        let right = if hides {
            Words::empty()
        } else {
            state_words(readiness)
        };
        let row = narrowed(area, 0, 1);
        if left.width() + right.width() < usize::from(row.width) {
            canvas.ends(row, line, left, right);
            line += 1;
        } else {
            canvas.row(area, line, left);
            let rest = narrowed(below(area, line + 1), 6, 1);
            let (role, text) = state_text(readiness);
            line += 1 + canvas.text(
                Rect {
                    height: rest.height.min(2),
                    ..rest
                },
                role,
                &text,
            );
        }
    }
    line
}

/// Gives the reason when several choices are refused for the same one: it is said once.
fn common_reason(rows: &[(Choice, Readiness)]) -> Option<Safe> {
    let mut reasons = rows.iter().filter_map(|(_, readiness)| match readiness {
        Readiness::No(reason) => Some(reason),
        Readiness::Ready(_) => None,
    });
    let first = reasons.next()?;
    let mut others = 0;
    for reason in reasons {
        if reason != first {
            return None;
        }
        others += 1;
    }
    (others > 0).then(|| first.clone())
}

fn choice_words(
    canvas: &Canvas<'_>,
    model: &Model,
    choice: Choice,
    readiness: &Readiness,
    (is_cursor, focused): (bool, bool),
) -> Words {
    let (key_role, word_role) = match readiness {
        Readiness::Ready(_) => (Role::Key, Role::Text),
        Readiness::No(_) => (Role::Dim, Role::Dim),
    };
    let letter = words::key_of(model, choice.command(), Context::Contain);
    words::gutter(canvas, is_cursor, focused)
        .add(
            words::lead_role(is_cursor, focused, key_role),
            safe!("{}", letter),
        )
        .add(word_role, safe!(" {}", choice.word()))
}

fn state_text(readiness: &Readiness) -> (Role, Safe) {
    match readiness {
        Readiness::No(reason) => (Role::Dim, reason.clone()),
        Readiness::Ready(None) => (Role::StatePending, "ready".into()),
        Readiness::Ready(Some((state, word))) => (words::state_role(*state), word.clone()),
    }
}

fn state_words(readiness: &Readiness) -> Words {
    let (role, text) = state_text(readiness);
    Words::new(role, text)
}

/// Says how the record of the response stands: documented in the case, not yet, or not any more.
fn draw_documentation(canvas: &mut Canvas<'_>, model: &Model, area: Rect) {
    let Some(open) = &model.open else { return };
    // What was done to another user of the case says nothing of the chosen one.
    let chosen = open.the_account().map(|account| &account.id);
    let mine = || {
        model.ledger.actions().filter(|action| {
            action.case == open.id && chosen.is_none_or(|id| *id == action.account)
        })
    };
    let waiting = model
        .ledger
        .undocumented()
        .iter()
        .any(|pid| mine().any(|action| action.pid == *pid));
    let gone = |action: &ActionView| open.comments.gone(action.comment.as_ref()?);
    if let (false, Some(at)) = (waiting, mine().find_map(gone)) {
        let text = safe!(
            "documented; its comment was deleted, seen {}",
            clock_word(at)
        );
        canvas.text(narrowed(below(area, 1), 2, 1), Role::LevelWarning, &text);
        return;
    }
    let (role, text): (Role, Safe) = if waiting {
        (Role::LevelWarning, "not documented in the case".into())
    } else if mine().any(|action| action.comment.is_some()) {
        (Role::StateProven, "documented in the case".into())
    } else {
        return;
    };
    let key = words::key_of_id(model, "document");
    let line = Words::new(Role::Text, "  ").add(role, text);
    let line = if waiting {
        line.gap(Role::Key, key).add(Role::Dim, " documents")
    } else {
        line
    };
    canvas.row(below(area, 1), 0, line);
}
