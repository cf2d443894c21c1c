//! The view of what may be left: opening it, reading it anew, marking, asking for a plan that removes
//! what is marked or what the cursor is on.
//!
//! What must not live here: drawing, the rows (see `app::left`).

use super::{panes, planning};
use crate::app::command::Command;
use crate::app::effect::Effect;
use crate::app::left::{self, Row, is_marked, refusal, rows, unmarked};
use crate::app::message::Level;
use crate::app::model::{Layer, Load, Model};
use crate::domain::containment::caps;
use crate::domain::containment::confirm::ConfirmedPlan;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, LeftBehind, Mark, Remnant, in_turn};
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
        Ok(left) => {
            let lost = keep_marks(&mut open.left_marked, &left);
            open.left = Load::Ready(left, now);
            for line in lost {
                model.say(Level::Warning, line, None);
            }
        }
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

/// Takes away the marks that do not stand on what was read now, and says of each why.
fn keep_marks(marked: &mut Vec<Item>, left: &LeftBehind) -> Vec<Safe> {
    let mut lost = Vec::new();
    marked.retain(|item| {
        let reason = unmarked(left, item);
        let said = reason.map(|why| safe!("{} is not marked any more: {}", item.word(), why));
        let stays = said.is_none();
        lost.extend(said);
        stays
    });
    lost
}

/// Takes away the marks of what a confirmed plan removes.
pub(super) fn confirmed(model: &mut Model, plan: &ConfirmedPlan) {
    unmark(model, &plan.plan().items());
}

/// Does what a key asks for in the view.
pub(super) fn command(model: &mut Model, command: Command) -> Vec<Effect> {
    let Some(Layer::Left { cursor }) = model.layers.last() else {
        return Vec::new();
    };
    let cursor = *cursor;
    match command {
        Command::RemoveLeft => return remove(model, cursor),
        Command::MarkLeft => mark(model, cursor),
        Command::MarkNewLeft => mark_new(model),
        Command::Refresh => return read(model),
        Command::ReadLeft => open_full(model, cursor),
        Command::CompromiseWindow => panes::compromise_window(model),
        Command::ShowResponse => return super::open_case::show_response(model),
        _ => {}
    }
    Vec::new()
}

/// Gives what the cursor is on, or says why it cannot be removed; `None` where there is no row.
fn at_cursor(model: &Model, cursor: usize) -> Option<Result<Item, Safe>> {
    Some(match rows(model).get(cursor)? {
        Row::There(remnant, _) => removable(model, remnant),
        _ => Err("nothing on this line can be removed from here".into()),
    })
}

fn removable(model: &Model, remnant: &Remnant) -> Result<Item, Safe> {
    match refusal(model, remnant) {
        None => Ok(remnant.item.clone()),
        Some(reason) => Err(safe!("{}: {}", remnant.item.word(), reason)),
    }
}

/// Marks what the cursor is on, or takes its mark away; what cannot be removed is not marked.
fn mark(model: &mut Model, cursor: usize) {
    let there = match rows(model).get(cursor) {
        Some(Row::There(remnant, _)) => Some(remnant.item.clone()),
        _ => None,
    };
    if let Some(item) = there.filter(|item| is_marked(model, item)) {
        unmark(model, &[item]);
        return;
    }
    match at_cursor(model, cursor) {
        None => {}
        Some(Ok(item)) => add_marks(model, vec![item]),
        Some(Err(reason)) => model.say(Level::Warning, reason, None),
    }
}

/// Marks all that is new or later and can be removed; where they all are marked, takes these marks away.
fn mark_new(model: &mut Model) {
    let (mut items, mut kept) = (Vec::new(), Vec::new());
    for row in rows(model) {
        if let Row::There(remnant, Mark::New | Mark::Later) = row {
            match removable(model, remnant) {
                Ok(item) => items.push(item),
                Err(reason) => kept.push(reason),
            }
        }
    }
    let whole = items.len();
    let missing: Vec<Item> = items
        .iter()
        .filter(|item| !is_marked(model, item))
        .cloned()
        .collect();
    let line = if whole == 0 && kept.is_empty() {
        "nothing here is NEW or LATER".into()
    } else if missing.is_empty() && whole > 0 {
        unmark(model, &items);
        safe!("{} marks were taken away", whole)
    } else {
        add_marks(model, missing);
        safe!("{} NEW or LATER are marked", whole)
    };
    let line = match kept.as_slice() {
        [] => line,
        [one] => safe!("{}; not {}", line, one),
        [first, rest @ ..] => safe!("{}; not {}, and not {} more", line, first, rest.len()),
    };
    let level = if kept.is_empty() {
        Level::Info
    } else {
        Level::Warning
    };
    model.say(level, line, None);
}

fn add_marks(model: &mut Model, items: Vec<Item>) {
    if let Some(open) = &mut model.open {
        open.left_marked.extend(items);
    }
}

fn unmark(model: &mut Model, items: &[Item]) {
    if let Some(open) = &mut model.open {
        open.left_marked
            .retain(|one| !items.iter().any(|item| item.is_same(one)));
    }
}

/// Asks for a plan that removes all that is marked, or what the cursor is on where nothing is; or says why not.
fn remove(model: &mut Model, cursor: usize) -> Vec<Effect> {
    let marked: Result<Vec<Item>, Safe> = left::marked(model)
        .into_iter()
        .map(|remnant| removable(model, remnant))
        .collect();
    let chosen = match marked {
        Ok(items) if items.is_empty() => match at_cursor(model, cursor) {
            Some(chosen) => chosen.map(|item| vec![item]),
            None => return Vec::new(),
        },
        Ok(items) => match caps::beyond_plan(items.len()) {
            Some(reason) => Err(reason),
            None => Ok(in_turn(&items)),
        },
        Err(reason) => Err(safe!("it is marked, and cannot be removed now: {}", reason)),
    };
    match chosen {
        Ok(items) => planning::plan(model, vec![ActionKind::RemoveItem], items),
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
        lines.push(safe!("{}: {}\n", act.what(), act.word()));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::containment::remnant::RemnantKind;

    const KINDS: [RemnantKind; 2] = [RemnantKind::OauthGrant, RemnantKind::Session];

    fn item(kind: usize, id: usize, name: &str) -> Item {
        Item::new(KINDS[kind % 2], id.to_string(), name)
    }

    proptest! {
        /// Whatever is read anew: what stays marked is there, under its name, and can be removed; what does not is told.
        #[test]
        fn a_mark_stands_for_something_that_can_be_removed(
            marks in prop::collection::btree_set((0usize..2, 0usize..5), 0..8),
            there in prop::collection::btree_map((0usize..2, 0usize..5), (any::<bool>(), any::<bool>()), 0..8),
            unread in any::<[bool; 2]>(),
        ) {
            let mut left = LeftBehind::default();
            for (kind, is_unread) in unread.into_iter().enumerate() {
                let of_kind = there.iter().filter(|((of, _), _)| *of == kind);
                let all = of_kind.map(|((kind, id), (renamed, kept))| Remnant {
                    kept: kept.then(|| "not from here".into()),
                    ..Remnant::new(item(*kind, *id, if *renamed { "b" } else { "a" }), &json!({}))
                });
                let read = if is_unread { Err("403".into()) } else { Ok(all.collect()) };
                left.add(KINDS[kind], read);
            }
            let mut marked: Vec<Item> = marks.iter().map(|(kind, id)| item(*kind, *id, "a")).collect();
            let before = marked.len();
            let lost = keep_marks(&mut marked, &left);
            prop_assert_eq!(lost.len() + marked.len(), before);
            for one in &marked {
                let now = left.find(one);
                prop_assert!(now.is_some_and(|now| now.kept.is_none()));
                prop_assert!(!one.kind.has_name() || now.is_some_and(|now| now.item.name == one.name));
            }
            // Nothing more is read: nothing more is lost.
            prop_assert!(keep_marks(&mut marked, &left).is_empty());
        }
    }
}
