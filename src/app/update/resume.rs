//! Coming back to a case: where the cursors stood, and what happened since.
//!
//! What must not live here: opening a case (`open_case`).

use crate::app::checklist::{self, CheckRow};
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::{ListRow, Model};
use crate::domain::audit::{Body, CaseLeft};
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::clock_word;
use crate::domain::text::Safe;
use crate::safe;

/// Gives the record of where the open case is left.
pub(super) fn leave(model: &Model) -> Option<Effect> {
    let open = model.open.as_ref()?;
    let pane = &open.activity;
    let event = match pane.rows.get(pane.cursor) {
        // At the end the cursor stays at the end.
        _ if pane.at_end => None,
        Some(ListRow::Event(index)) => pane.activity.row(*index).and_then(|row| row.id()),
        Some(ListRow::Finding(index)) => pane
            .findings
            .get(*index)
            .and_then(|finding| pane.activity.row(finding.row))
            .and_then(|row| row.id()),
        _ => None,
    };
    let step = checklist::selected(model).map(|(_, step)| step.key.as_str().to_owned());
    let left = CaseLeft {
        case: open.id.clone(),
        event: event.cloned(),
        step,
    };
    Some(Effect::Record(vec![Body::CaseLeft(left)]))
}

/// Takes what is on record of the last visit when a case is opened.
pub(super) fn come_back(model: &mut Model) {
    let Some(open) = &mut model.open else { return };
    let left = model
        .casework
        .case(&open.id)
        .and_then(|work| work.left.clone());
    open.back = left;
}

/// Puts the cursor of the list where it stood; the list of the case must be shown.
pub(super) fn step_again(model: &mut Model) {
    let step = model
        .open
        .as_ref()
        .and_then(|open| open.back.as_ref())
        .and_then(|(left, _)| left.step.clone());
    let Some(step) = step else { return };
    let rows = checklist::rows(model);
    let there = |row: &CheckRow| {
        checklist::step_at(model, *row).is_some_and(|(_, one)| one.key.as_str() == step)
    };
    if let Some(place) = rows.iter().position(there) {
        model.checklist_cursor = place;
    }
}

/// Puts the cursor of the events where it stood, and says what happened since; once, when the events are there.
pub(super) fn events_again(model: &mut Model) {
    let Some(open) = &mut model.open else { return };
    let Some((left, at)) = open.back.take() else {
        return;
    };
    let pane = &mut open.activity;
    let place = left.event.as_ref().and_then(|event| {
        pane.rows.iter().position(|row| match row {
            ListRow::Event(index) => {
                pane.activity.row(*index).and_then(|row| row.id()) == Some(event)
            }
            _ => false,
        })
    });
    if let Some(place) = place {
        pane.move_to(place);
    }
    let events = pane.activity.len() - pane.activity.first_at_or_after(at);
    let case = open.id.clone();
    let comments = open.file.ready().map_or(0, |file| {
        let own = model.operator.login.as_ref();
        let theirs = |author| Some(author) != own;
        file.comments
            .iter()
            .filter(|comment| comment.at > at && theirs(&comment.author))
            .count()
    });
    let proofs = model
        .ledger
        .actions()
        .filter(|action| action.case == case && action.state == ActionState::Verified)
        .filter(|action| action.ended.is_some_and(|ended| ended > at))
        .count();
    let counted = |count: usize, one: &'static str, many: &'static str| {
        (count > 0).then(|| safe!("{} {}", count, if count == 1 { one } else { many }))
    };
    let parts: Vec<Safe> = [
        counted(events, "event", "events"),
        counted(proofs, "proof", "proofs"),
        counted(comments, "comment", "comments"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let what = if parts.is_empty() {
        "nothing new".into()
    } else {
        Safe::join(parts, &Safe::fixed(", "))
    };
    model.say(
        Level::Info,
        safe!("since you left {}: {}", clock_word(at), what),
        None,
    );
}
