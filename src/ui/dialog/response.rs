//! The response: every action of the open case with its proof; and the actions nobody has finished.

use ratatui::layout::Rect;

use super::{heading, inner_width, open_box, open_sheet};
use crate::app::approvals;
use crate::app::command::{Command, Context};
use crate::app::model::{Load, Model};
use crate::app::report;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::{age_word, time_word};
use crate::domain::ids::ActionId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::layout::{below, first_row};
use crate::ui::paint::{Canvas, Words, wrap};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 104;

/// Draws the response of the open case.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, room: Rect, scroll: usize) {
    let sheet = sheet(model, inner_width(room, MOST));
    open_sheet(canvas, room, heading("Response"), &sheet, MOST, scroll);
}

/// Gives the lines of the response.
pub(in crate::ui) fn sheet(model: &Model, width: u16) -> Sheet {
    let mut sheet = Sheet::new(width);
    let Some(open) = &model.open else {
        sheet.line(Words::new(Role::Dim, "no case is open"));
        return sheet;
    };
    let mut all: Vec<&ActionView> = model
        .ledger
        .actions()
        .filter(|action| action.case == open.id)
        .filter(|action| action.state != ActionState::Planned || model.going.contains(&action.aid))
        .collect();
    all.sort_by_key(|action| (action.confirmed, action.order));
    if let Some((account, standing)) = open.the_account().zip(model.standing()) {
        // The list has what was done to every user of the case.
        let text = if all.iter().all(|action| action.account == account.id) {
            safe!("The account is {}.", standing.word())
        } else {
            safe!("{} is {}.", account.login.ident(), standing.word())
        };
        sheet.text(0, Role::Strong, &text);
        sheet.gap();
    }
    if all.is_empty() {
        let text = safe!("in {} nothing was done for this case", model.log_word());
        // One that is cut would deny too much.
        let text = model.log_gap().unwrap_or(text);
        sheet.text(0, Role::Dim, &text);
    }
    for action in all {
        add_action(&mut sheet, model, action);
    }
    let is_coming = matches!(open.file, Load::Loading(_));
    let others = report::others(model, open).filter(|_| !is_coming);
    let beyond = others.into_iter().chain(report::beside(model));
    for line in beyond {
        sheet.gap();
        sheet.text(0, Role::LevelWarning, &line);
    }
    sheet
}

/// Adds one action: its word first, then what it rests on.
fn add_action(sheet: &mut Sheet, model: &Model, action: &ActionView) {
    sheet.gap();
    let state = shown_state(action.state);
    let word = if state == action.state {
        action.word()
    } else {
        state.word()
    };
    let left = Words::new(Role::Strong, action.what()).gap(words::state_role(state), word);
    let left = if action.dry_run {
        left.gap(Role::ModeDryRun, " DRY RUN ")
    } else {
        left
    };
    let timing = timing(model, action);
    if left.width() + timing.width() < usize::from(sheet.width()) {
        sheet.ends(left, Words::new(Role::Dim, timing));
    } else {
        sheet.line(left);
        sheet.fact("sent", Role::Dim, &timing);
    }
    sheet.fact(
        "account",
        Role::Text,
        &safe!(
            "{}  id {}",
            action.login.ident(),
            action.account.with_connection()
        ),
    );
    if let Some((method, host, path)) = &action.call {
        let call = safe!(
            "{} {}{}",
            Untrusted::new(method.as_str()).field(),
            Untrusted::new(host.as_str()).ident(),
            path.ident()
        );
        sheet.fact("request", Role::Text, &call);
    }
    let evidence = action.evidence.as_ref().map_or_else(
        || {
            let fails = model.audit_fault.is_some();
            waiting_for(action.state, fails, model.audit_broken.is_some())
        },
        Untrusted::line,
    );
    sheet.fact("evidence", words::state_role(action.state), &evidence);
    if action.attempt > 1 {
        let text = safe!(
            "attempt {}; the provider put off the one before",
            action.attempt
        );
        sheet.fact("", Role::Dim, &text);
    }
    let documented = match &action.comment {
        Some(comment) => safe!("comment {}", comment.field()),
        None if action.dry_run => "a dry run is not documented".into(),
        None => "not yet".into(),
    };
    sheet.fact("documented", Role::Dim, &documented);
    sheet.fact("action", Role::Dim, &safe!("{}", action.aid));
}

/// Gives the state to show: what is planned is shown here only once it is confirmed.
fn shown_state(state: ActionState) -> ActionState {
    if state == ActionState::Planned {
        ActionState::Confirmed
    } else {
        state
    }
}

/// Says what comes next where nothing was read back yet.
fn waiting_for(state: ActionState, log_fails: bool, in_doubt: bool) -> Safe {
    match state {
        // A record of it may be among what is missing.
        ActionState::Confirmed if in_doubt => {
            "whether it was sent is not known: no send is on record, and the audit log is not whole"
                .into()
        }
        // What goes on without a record would be lost: a plan stops there.
        ActionState::Planned | ActionState::Confirmed if log_fails => {
            "nothing was sent: the audit log cannot be written, and without it nothing is".into()
        }
        ActionState::Planned => "the account is read again first; nothing was sent yet".into(),
        ActionState::Awaiting => "asked in the case; silence is a no, nothing was sent yet".into(),
        ActionState::Confirmed => "waits for its turn; nothing was sent yet".into(),
        _ => "nothing read back yet".into(),
    }
}

/// Says since when or how long: seconds when it is over, the deadline of the answer until it came, then how long it
/// has been read back.
fn timing(model: &Model, action: &ActionView) -> Safe {
    let sent = action.sent.filter(|_| action.may_have_left());
    if let (Some(seconds), Some(at)) = (action.seconds, sent) {
        return safe!("{}, {} s", time_word(at), seconds);
    }
    match (sent, action.deadline) {
        (None, _) if model.audit_broken.is_some() => "no send on record".into(),
        (None, _) if action.state.is_final() => "not sent".into(),
        (None, _) => "not sent yet".into(),
        (Some(sent), None) => time_word(sent),
        (Some(sent), Some(_)) if !action.state.is_unfinished() => time_word(sent),
        (Some(sent), Some(_)) if action.state != ActionState::Intent => {
            let ago = (model.now.utc - sent).to_std().unwrap_or_default();
            safe!("{}, {} ago", time_word(sent), age_word(ago))
        }
        (Some(sent), Some(deadline)) => {
            let left = (deadline - model.now.utc).num_seconds();
            if left > 0 {
                safe!("{}, {} s left for an answer", time_word(sent), left)
            } else {
                safe!("{}, no answer on record", time_word(sent))
            }
        }
    }
}

/// Draws the actions without a final word.
pub(super) fn unfinished(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    (cursor, aid): (usize, Option<&ActionId>),
) {
    let all: Vec<&ActionView> = model.ledger.unfinished().collect();
    let width = room.width.min(MOST);
    let beside = report::beside(model).filter(|_| all.is_empty());
    let beside = beside.map(|text| wrap(&text, usize::from(width.saturating_sub(4))));
    let beside = beside.unwrap_or_default();
    let height = u16::try_from(all.len().max(1) * 3 + beside.len() + 2).unwrap_or(u16::MAX);
    let inside = open_box(
        canvas,
        room,
        (width, height),
        heading("Unfinished actions"),
        Words::new(Role::Dim, safe!("{}", all.len())),
    );
    if all.is_empty() {
        let awaited = approvals::awaited(model).count();
        let (role, text) = if awaited > 0 {
            let key = words::key_of(model, Command::Approvals, Context::Everywhere);
            let text = safe!(
                "nothing that was sent; awaiting approval: {}, {} shows them",
                awaited,
                key
            );
            (Role::StatePending, text)
        } else {
            let text = safe!("in {} every action has its final word", model.log_word());
            (Role::StateProven, text)
        };
        let text = words::nothing_in_log(model, role, text);
        canvas.row(inside, 0, text);
        canvas.wrapped(below(inside, 2), Role::LevelWarning, &beside);
        return;
    }
    let seen = usize::from(inside.height / 3);
    let first = first_row(cursor, all.len(), seen);
    for (place, action) in (0u16..).zip(all.iter().skip(first).take(seen)) {
        let area = below(inside, place * 3);
        let is_cursor = aid == Some(&action.aid);
        let left = words::gutter(canvas, is_cursor, true)
            .add(
                words::lead_role(is_cursor, true, Role::Strong),
                action.what(),
            )
            .gap(words::state_role(action.state), action.word());
        canvas.ends(area, 0, left, Words::new(Role::Dim, timing(model, action)));
        let who = Words::new(Role::Text, "  ")
            .add(Role::Text, action.login.ident())
            .gap(Role::Dim, safe!("id {}", action.account.with_connection()))
            .gap(
                Role::Dim,
                safe!("case {}", words::case_name(model, &action.case)),
            )
            .gap(Role::Dim, safe!("by {}", action.user.field()));
        canvas.row(area, 1, who);
        let evidence = action
            .evidence
            .as_ref()
            .map_or_else(|| "nothing read back yet".into(), Untrusted::line);
        canvas.row(
            area,
            2,
            Words::new(Role::Text, "  ").add(Role::Dim, evidence),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_waits_for_its_turn_where_no_turn_comes() {
        let told = |state, log_fails, in_doubt| {
            let words = waiting_for(state, log_fails, in_doubt);
            words.as_str().to_owned()
        };
        let said = |state, log_fails| told(state, log_fails, false);
        assert!(said(ActionState::Confirmed, false).starts_with("waits for its turn"));
        for state in [ActionState::Planned, ActionState::Confirmed] {
            assert!(said(state, true).starts_with("nothing was sent: the audit log"));
        }
        // What was sent is read back all the same.
        assert_eq!(
            said(ActionState::Acked, true),
            said(ActionState::Acked, false)
        );
        // A record of its send may be among what is missing.
        for log_fails in [false, true] {
            let words = told(ActionState::Confirmed, log_fails, true);
            assert!(
                words.starts_with("whether it was sent is not known"),
                "{words}"
            );
        }
    }
}
