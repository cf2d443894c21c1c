//! What may be left in the account of the open case, as rows: what is new first, then what could not be read.
//!
//! What must not live here: drawing, recording, a vendor's words.

use super::model::{Load, Model};
use super::window;
use crate::config::settings::Mode;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::remnant::{Item, LeftBehind, Mark, Remnant, RemnantKind, Unread};
use crate::domain::text::Safe;
use crate::safe;

/// One row of the view.
#[derive(Clone, Debug)]
pub enum Row<'a> {
    /// Something that is there, and how its time stands to the window.
    There(&'a Remnant, Mark),
    /// Something that was to be taken away from here, newest act first.
    Acted(&'a ActionView, &'a Item),
    /// A kind that was not read, or not whole.
    Unread(&'a Unread),
    /// Kinds that the provider has no list of.
    Elsewhere(Vec<RemnantKind>),
}

/// Gives what was read of the account of the open case.
pub fn read(model: &Model) -> Option<&LeftBehind> {
    model.open.as_ref()?.left.ready().map(Box::as_ref)
}

/// Tells why the view cannot be opened, if so.
pub fn closed(model: &Model) -> Option<Safe> {
    match &model.open {
        None => Some("no case is open".into()),
        Some(open) if open.the_account().is_none() => Some("the account is not known".into()),
        Some(_) => None,
    }
}

/// Lists the rows in the order they are shown; none before anything was read.
pub fn rows(model: &Model) -> Vec<Row<'_>> {
    let Some(left) = read(model) else {
        return Vec::new();
    };
    let span = window::span(model);
    let mut there: Vec<(&Remnant, Mark)> = left
        .remnants
        .iter()
        .map(|one| (one, Mark::of(one.since, span)))
        .collect();
    // By kind as they are listed, the newest of a kind first; what is new or later before all others.
    there.sort_by_key(|(one, mark)| {
        let is_old = !matches!(mark, Mark::New | Mark::Later);
        (is_old, one.item.kind, std::cmp::Reverse(one.since))
    });
    let mut rows: Vec<Row<'_>> = there
        .into_iter()
        .map(|(one, mark)| Row::There(one, mark))
        .collect();
    rows.extend(left.unread.iter().map(Row::Unread));
    let elsewhere = left.elsewhere();
    if !elsewhere.is_empty() {
        rows.push(Row::Elsewhere(elsewhere));
    }
    rows.extend(acted(model).filter_map(|act| Some(Row::Acted(act, act.item.as_ref()?))));
    rows
}

/// Lists what was to be taken away from the account, newest first.
fn acted(model: &Model) -> impl Iterator<Item = &ActionView> {
    let account = model.open.as_ref().and_then(|open| open.the_account());
    let acts = account.map(|account| model.ledger.on(&account.id));
    acts.into_iter()
        .flatten()
        .filter(|act| act.kind == ActionKind::RemoveItem)
        .rev()
}

/// Counts what is there, what of it is new or later, and the kinds that were not read.
pub fn counts(rows: &[Row<'_>]) -> (usize, usize, usize) {
    let mut all = (0, 0, 0);
    for row in rows {
        match row {
            Row::There(_, mark) => {
                all.0 += 1;
                all.1 += usize::from(matches!(mark, Mark::New | Mark::Later));
            }
            Row::Unread(_) => all.2 += 1,
            Row::Acted(..) | Row::Elsewhere(_) => {}
        }
    }
    all
}

/// Gives the latest act on an item from here, if there was one.
pub fn last_act<'a>(model: &'a Model, item: &Item) -> Option<&'a ActionView> {
    acted(model).find(|act| act.item.as_ref().is_some_and(|one| one.is_same(item)))
}

/// Tells why something that is there cannot be removed now, if so.
pub fn refusal(model: &Model, remnant: &Remnant) -> Option<Safe> {
    if let Some(fault) = &model.audit_fault {
        return Some(safe!("the audit log cannot be written: {}", fault.what));
    }
    if model.mode() == Mode::ReadOnly {
        return Some("READ ONLY".into());
    }
    if let Some(reason) = &remnant.kept {
        return Some(reason.clone());
    }
    let offer = model
        .offers
        .iter()
        .find(|offer| offer.kind == ActionKind::RemoveItem);
    match offer.map(|offer| &offer.facts) {
        None => return Some("provider not asked yet".into()),
        Some(Err(reason)) => return Some(reason.clone()),
        Some(Ok(_)) => {}
    }
    last_act(model, &remnant.item)
        .filter(|act| act.is_unfinished())
        .map(|act| act.word().into())
}

/// Tells whether a thing is marked.
pub fn is_marked(model: &Model, item: &Item) -> bool {
    let mut marked = model.open.iter().flat_map(|open| &open.left_marked);
    marked.any(|one| one.is_same(item))
}

/// Lists what is there and marked, in the order it is shown.
pub fn marked(model: &Model) -> Vec<&Remnant> {
    let there = rows(model).into_iter().filter_map(|row| match row {
        Row::There(one, _) => Some(one),
        _ => None,
    });
    there.filter(|one| is_marked(model, &one.item)).collect()
}

/// Tells why a mark does not stand any more on what was read now, if so: the thing is gone, another, or not to be removed.
pub fn unmarked(left: &LeftBehind, item: &Item) -> Option<Safe> {
    match left.lists(item) {
        Err(reason) => Some(safe!("it could not be read again: {}", reason)),
        Ok(None) => Some("it is not listed any more".into()),
        Ok(Some(now)) if item.kind.has_name() && now.item.name != item.name => {
            Some(safe!("it is called {} now", now.item.name.field()))
        }
        Ok(Some(now)) => now.kept.clone(),
    }
}

/// Says how reading stands where there are no rows; `None` where they are there.
pub fn waiting(model: &Model) -> Option<Safe> {
    let open = model.open.as_ref()?;
    match &open.left {
        Load::Idle => Some("nobody asked yet".into()),
        Load::Loading(_) => Some("reading what is there; nothing is changed".into()),
        Load::Failed(fault, _) => Some(safe!("it could not be read: {}", fault.what)),
        Load::Ready(..) => None,
    }
}
