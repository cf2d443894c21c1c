//! The view of what may be left: opening it, reading it anew, asking for a plan that removes what the cursor is on.
//!
//! What must not live here: drawing, the rows (see `app::left`).

use super::{panes, planning};
use crate::app::command::Command;
use crate::app::effect::Effect;
use crate::app::left::{self, Row, refusal, rows};
use crate::app::message::Level;
use crate::app::model::{Layer, Load, Model};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::LeftBehind;
use crate::domain::fault::Fault;
use crate::domain::freshness::time_word;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Opens the view, and reads what is there.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    if let Some(reason) = left::closed(model) {
        model.say(Level::Warning, safe!("what may be left: {}", reason), None);
        return Vec::new();
    }
    model.layers.push(Layer::Left { cursor: 0 });
    read(model)
}

/// Asks what is there; what is known already stays on the screen meanwhile.
pub(super) fn read(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    let Some(open) = &mut model.open else {
        return Vec::new();
    };
    let Some(account) = open.the_account().map(|account| account.id.clone()) else {
        return Vec::new();
    };
    if open.left.ready().is_none() {
        open.left = Load::Loading(now);
    }
    vec![Effect::ReadLeft {
        case: open.id.clone(),
        account,
    }]
}

/// Reads it anew where it was read before: something was done to the account.
pub(super) fn read_again(model: &mut Model) -> Vec<Effect> {
    let was_read = model
        .open
        .as_ref()
        .is_some_and(|open| !matches!(open.left, Load::Idle));
    if was_read { read(model) } else { Vec::new() }
}

/// Takes note of what is there.
pub(super) fn taken(
    model: &mut Model,
    case: &CaseId,
    account: &AccountId,
    result: Result<Box<LeftBehind>, Fault>,
) {
    let now = model.now;
    let Some(open) = model.open.as_mut().filter(|open| {
        open.id == *case && open.the_account().is_some_and(|here| here.id == *account)
    }) else {
        return;
    };
    match result {
        Ok(left) => open.left = Load::Ready(left, now),
        Err(fault) => {
            let line = safe!("what may be left could not be read: {}", fault.what);
            let hint = fault.hint.clone();
            // An old list must not pass for a new one.
            open.left = Load::Failed(fault, now);
            model.say(Level::Error, line, hint);
        }
    }
    let count = rows(model).len();
    for layer in &mut model.layers {
        if let Layer::Left { cursor } = layer {
            *cursor = (*cursor).min(count.saturating_sub(1));
        }
    }
}

/// Does what a key asks for in the view.
pub(super) fn command(model: &mut Model, command: Command) -> Vec<Effect> {
    let Some(Layer::Left { cursor }) = model.layers.last() else {
        return Vec::new();
    };
    let cursor = *cursor;
    match command {
        Command::RemoveLeft => return remove(model, cursor),
        Command::Refresh => return read(model),
        Command::ReadLeft => open_full(model, cursor),
        Command::CompromiseWindow => panes::compromise_window(model),
        Command::ShowResponse => model.layers.push(Layer::Response { scroll: 0 }),
        _ => {}
    }
    Vec::new()
}

/// Asks for a plan that removes what the cursor is on, or says why not.
fn remove(model: &mut Model, cursor: usize) -> Vec<Effect> {
    let rows = rows(model);
    let chosen = match rows.get(cursor) {
        Some(Row::There(remnant, _)) => match refusal(model, remnant) {
            None => Ok(remnant.item.clone()),
            Some(reason) => Err(safe!("{}: {}", remnant.item.word(), reason)),
        },
        Some(_) => Err("nothing on this line can be removed from here".into()),
        None => return Vec::new(),
    };
    match chosen {
        Ok(item) => planning::plan(model, vec![ActionKind::RemoveItem], vec![item]),
        Err(reason) => {
            model.say(Level::Warning, reason, None);
            Vec::new()
        }
    }
}

/// Shows what the cursor is on in full, with the record that would be kept.
fn open_full(model: &mut Model, cursor: usize) {
    let rows = rows(model);
    let Some(Row::There(remnant, mark)) = rows.get(cursor) else {
        return;
    };
    let when = |at: Option<_>| at.map_or_else(|| "not told".into(), time_word);
    let mut lines: Vec<Safe> = vec![
        safe!("{}\n", remnant.item.named()),
        safe!("since {}  {}\n", when(remnant.since), mark.word()),
    ];
    if remnant.last_used.is_some() {
        lines.push(safe!("last used {}\n", when(remnant.last_used)));
    }
    lines.extend(remnant.details.iter().map(|one| safe!("{}\n", one.line())));
    if let Some(reason) = refusal(model, remnant) {
        lines.push(safe!("not to be removed now: {}\n", reason));
    }
    if let Some(act) = left::last_act(model, &remnant.item) {
        lines.push(safe!("{}: {}\n", act.what(), act.state.word()));
    }
    lines.push("\n".into());
    lines.push(pretty(&remnant.before));
    let (title, text) = (remnant.item.kind.word().into(), Safe::concat(lines));
    model.layers.push(Layer::Reading {
        title,
        text,
        scroll: 0,
    });
}

/// Lays a JSON record out over lines; anything else stays as it came.
fn pretty(raw: &Untrusted) -> Safe {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(raw.raw());
    match parsed.and_then(|value| serde_json::to_string_pretty(&value)) {
        Ok(text) => Untrusted::new(text).block(),
        Err(_) => raw.block(),
    }
}
