//! What polls bring: freshness, the queue, and whom its cases are about.

use std::collections::HashSet;

use super::{open_case, work};
use crate::app::effect::Effect;
use crate::app::message::{Level, Polled};
use crate::app::model::{Load, Model};
use crate::config::settings::Role;
use crate::domain::case::{Case, CaseFile, UserSource};
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::severity::Severity;
use crate::domain::text::Safe;
use crate::safe;

pub(super) fn polled(
    model: &mut Model,
    source: &ConnectionName,
    seq: u64,
    result: Result<Polled, Fault>,
) -> Vec<Effect> {
    let boot = model.now.boot;
    let Some(place) = model.sources.iter().position(|known| known.name == *source) else {
        return Vec::new();
    };
    if seq <= model.sources[place].seq {
        return Vec::new();
    }
    model.sources[place].seq = seq;
    match result {
        Err(fault) => {
            let first = model.sources[place].fault.is_none();
            if first {
                let line = safe!("{}: {}", model.sources[place].label, fault.what);
                model.say(Level::Warning, line, fault.hint.clone());
            }
            model.sources[place].fault = Some(fault);
            Vec::new()
        }
        Ok(polled) => {
            let was_down = model.sources[place].fault.take().is_some();
            model.sources[place].heard.good = Some(boot);
            if was_down {
                let line = safe!("{} answers again", model.sources[place].label);
                model.say(Level::Info, line, None);
            }
            let mut again = try_again(model, place);
            again.extend(match polled {
                Polled::Cases {
                    cases,
                    faults,
                    truncated,
                } => {
                    model.sources[place].bad_records = faults.len();
                    model.queue.truncated = truncated;
                    let mut effects = cases_polled(model, source, cases, truncated);
                    effects.extend(comments_again(model, source));
                    effects.extend(super::mirror::look(model));
                    effects
                }
                Polled::Alerts { faults, .. } => {
                    model.sources[place].bad_records = faults.len();
                    Vec::new()
                }
                Polled::Alive => Vec::new(),
            });
            again
        }
    }
}

/// Reads again what failed while the source that answers now did not: nobody should have to ask for it.
fn try_again(model: &mut Model, place: usize) -> Vec<Effect> {
    let (Some(source), Some(open)) = (model.sources.get(place), &model.open) else {
        return Vec::new();
    };
    let role = source.role;
    match role {
        Role::Cases
            if open.id.connection == source.name && matches!(open.file, Load::Failed(..)) =>
        {
            vec![Effect::ReadCase(open.id.clone())]
        }
        Role::Identity if matches!(open.account, Load::Failed(..)) => open_case::look_up(model),
        _ => Vec::new(),
    }
}

/// Looks at the comments of the open case again: somebody may ask for an approval, or have answered one.
fn comments_again(model: &Model, source: &ConnectionName) -> Option<Effect> {
    let open = model.open.as_ref()?;
    let there = open.id.connection == *source && open.file.ready().is_some();
    there.then(|| Effect::ReadComments(open.id.clone()))
}

fn cases_polled(
    model: &mut Model,
    source: &ConnectionName,
    mut cases: Vec<Case>,
    truncated: bool,
) -> Vec<Effect> {
    // One source says nothing about the cases of another.
    cases.retain(|case| case.id.connection == *source);
    model.queue.correct(source, &mut cases);
    work::say_losses(model, &cases);
    work::forget_closed(model, &cases);
    if model
        .open
        .as_ref()
        .is_some_and(|open| open.id.connection == *source)
    {
        work::say_gone(model, &cases, truncated);
    }
    let mut effects = work::wake_worse(model, &cases);
    let mut critical: Vec<Safe> = Vec::new();
    let known: HashSet<CaseId> = model.queue.all().iter().map(|old| old.id.clone()).collect();
    for case in &cases {
        let fresh = model.queue.heard && !known.contains(&case.id);
        if fresh && case.severity >= Severity::Critical && case.status.is_open() {
            critical.push(safe!("#{}", case.number.unwrap_or_default()));
        }
        if !model.queue.subjects.contains_key(&case.id) {
            let sources = user_sources(model, &case.id);
            let subject = bare(case).subject(&sources);
            model.queue.subjects.insert(case.id.clone(), subject);
        }
    }
    // Thousands at once are one line and one bell.
    if let Some(first) = critical.first() {
        let line = match critical.len() {
            1 => safe!("new critical case {}", first),
            count => safe!("{} new critical cases, such as {}", count, first),
        };
        model.say(Level::Alarm, line, None);
        effects.push(Effect::Bell);
    }
    let others = model.queue.all().iter();
    cases.extend(others.filter(|old| old.id.connection != *source).cloned());
    // The open case may have changed under us; its row is taken from the poll, its file when it is re-read.
    model.queue.take(cases);
    effects.extend(work::wake_due(model));
    effects
}

/// A case as the list knows it: no observables, no alerts.
fn bare(case: &Case) -> CaseFile {
    CaseFile {
        case: case.clone(),
        observables: Vec::new(),
        alerts: Vec::new(),
        tasks: Vec::new(),
        comments: Vec::new(),
        faults: Vec::new(),
    }
}

pub(super) fn user_sources(model: &Model, case: &CaseId) -> Vec<UserSource> {
    model
        .settings
        .connections
        .iter()
        .find(|connection| connection.name == case.connection)
        .map(|connection| connection.case_user.clone())
        .unwrap_or_default()
}
