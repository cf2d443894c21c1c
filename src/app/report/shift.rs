//! The handover of a shift: the open cases of whoever works here, and whether those are all.
//!
//! What must not live here: its wording (`domain::report`).

use chrono::{DateTime, TimeDelta, Utc};

use super::known::{beside, unread};
use crate::app::model::{Model, Source};
use crate::config::settings::Role;
use crate::domain::case::Case;
use crate::domain::report::facts::{Facts, Shift};
use crate::domain::report::handover;
use crate::domain::text::Safe;
use crate::safe;

/// Composes the handover of a shift over the open cases of whoever works here.
pub fn shift(model: &Model) -> String {
    let own = |case: &&Case| {
        case.status.is_open() && case.assignee.is_some() && case.assignee == model.operator.login
    };
    let own = model.queue.all().iter().filter(own);
    let cases: Vec<Facts> = own.map(|case| super::facts(model, &case.id)).collect();
    let of = Shift {
        now: model.now.utc,
        by: model.operator.signed(),
        log: model.log_word(),
        beside: beside(model),
        unread: unread(model),
        queue: queue_read(model),
        unknown: unknown(model),
    };
    handover::shift(&cases, &of)
}

fn sources(model: &Model) -> impl Iterator<Item = &Source> {
    let all = model.sources.iter();
    all.filter(|source| source.role == Role::Cases)
}

/// Gives when the queue was read; of several case systems that of the one that answered the longest ago.
fn queue_read(model: &Model) -> Option<DateTime<Utc>> {
    let oldest = sources(model)
        .filter_map(|source| source.heard.good)
        .min()?;
    let ago = model.now.boot.saturating_sub(oldest);
    let ago = TimeDelta::from_std(ago).ok()?;
    model.now.utc.checked_sub_signed(ago)
}

/// Says why there may be cases of whoever works here that are not known.
fn unknown(model: &Model) -> Vec<Safe> {
    let mut why: Vec<Safe> = Vec::new();
    if model.operator.login.is_none() {
        why.push("the case system did not say your login yet".into());
    }
    for source in sources(model) {
        if let Some(fault) = &source.fault {
            why.push(safe!("{} fails: {}", source.name, fault.what));
        } else if source.heard.good.is_none() {
            why.push(safe!("{} did not answer yet", source.name));
        }
        if source.bad_records > 0 {
            let bad = source.bad_records;
            let line = safe!("cases of {} that could not be read: {}", source.name, bad);
            why.push(line);
        }
    }
    if model.queue.truncated {
        why.push("the case system has more cases than were read".into());
    }
    if !model.queue.heard && why.is_empty() {
        why.push("the queue was not read yet".into());
    }
    why
}
