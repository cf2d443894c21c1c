//! What was done in a case beside actions on the account, in the order of time; and an event as a comment says it.
//!
//! What must not live here: where it is drawn.

use chrono::{DateTime, Utc};

use super::model::activity::{Deed, DeedKind};
use super::model::{Model, OpenCase};
use crate::domain::audit::DecisionKind;
use crate::domain::freshness::time_word;
use crate::domain::runbook::StepKey;
use crate::domain::runbook::checklist::{Item, ItemState};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Cells of the label of a step: several stand on one line.
const LABEL: usize = 48;

/// Gives what was done in the open case: ticks, decisions on its account, comments, events by hand.
pub(super) fn of_open(model: &Model, open: &OpenCase) -> Vec<Deed> {
    let case = &open.id;
    let mut deeds = Vec::new();
    if let Some(ticks) = model.casework.ticks(case) {
        for (step, item) in ticks.all() {
            deeds.extend(tick(model, step, item));
        }
    }
    if let Some(work) = model.casework.case(case) {
        let operator = &model.operator.os_user;
        let mut decided = |at: DateTime<Utc>, what: Safe| {
            deeds.push(Deed {
                at,
                by: operator.clone(),
                kind: DeedKind::Decision,
                what,
            });
        };
        if let Some(made) = model.decision_in(open) {
            let word = match made.kind {
                DecisionKind::MonitorOnly => "decided: monitor only",
                DecisionKind::NoAction => "decided: no action",
            };
            decided(made.at, safe!("{}: {}", word, made.reason.field()));
        }
        if let Some((value, at)) = model.likelihood_in(open) {
            decided(at, safe!("likelihood judged: {}", value.word()));
        }
        for (phase, at) in work.documented.values() {
            decided(*at, safe!("documented: {}", phase.name()));
        }
        deeds.extend(work.annotations.manual().map(|event| Deed {
            at: event.at,
            by: event.by.clone(),
            kind: DeedKind::Manual(event.key.clone()),
            what: event.text.field(),
        }));
    }
    deeds.sort_by_key(|deed| deed.at);
    deeds
}

fn tick(model: &Model, step: &StepKey, item: &Item) -> Option<Deed> {
    let (by, at, word) = match &item.state {
        ItemState::Done {
            at,
            evidence: Some(_),
            ..
        } => (Untrusted::new("quell"), *at, None),
        ItemState::Done { by, at, .. } => (by.clone(), *at, None),
        ItemState::Skipped { by, at, .. } => (by.clone(), *at, Some("skipped")),
        ItemState::NotApplicable { by, at, .. } => (by.clone(), *at, Some("not applicable")),
        ItemState::Stopped { by, at } => (by.clone(), *at, Some("answered no")),
        ItemState::Open | ItemState::Refuted { .. } => return None,
    };
    let mut steps = model.checklist.sections.iter().flat_map(|one| &one.steps);
    let own = steps.find(|own| own.key == *step);
    let said = item.said.as_ref().map(|said| &said.words);
    let label = own.map(|own| &own.label).or(said);
    let label = label.map(|label| label.field().fit(LABEL));
    let label = label.unwrap_or_else(|| Untrusted::new(step.as_str()).field());
    // What was not done never stands among the ticks, and a row that is too short cuts its end, not this word.
    let (kind, what) = match word {
        None => (DeedKind::Tick, label),
        Some(word) => (DeedKind::Decision, safe!("{}: {}", word, label)),
    };
    Some(Deed { at, by, kind, what })
}

/// Writes the event under the cursor as a comment for the case, with what was said of it.
pub(super) fn comment_of_event(model: &Model) -> Option<Safe> {
    let pane = &model.open.as_ref()?.activity;
    let row = pane.activity.row(pane.cursor_event()?)?;
    let mut text = safe!(
        "Event {}\n{}: {}\n",
        time_word(row.at()),
        row.lane().word(),
        row.outcome().key()
    );
    let user = row.user();
    let target = row.target();
    let facts: [(&'static str, Option<&Untrusted>); 9] = [
        ("action", row.action()),
        ("user", user.best()),
        ("done to", target.best()),
        ("object", row.object()),
        ("address", row.ip()),
        ("place", row.place()),
        ("user agent", row.agent()),
        ("provider", row.provider()),
        ("event id", row.id()),
    ];
    for (label, value) in facts {
        if let Some(value) = value {
            text.push(&safe!("{}: {}\n", label, value.field()));
        }
    }
    for finding in pane
        .standing_findings()
        .filter(|one| one.row == row.index())
    {
        let technique = finding.rule.technique();
        text.push(&safe!("finding: {} ({})\n", finding.reason, technique));
    }
    if let Some(said) = pane.said.of(&row.key()) {
        for tag in &said.tags {
            text.push(&safe!("tag: {}\n", tag.field()));
        }
        for note in &said.notes {
            text.push(&safe!(
                "note of {}: {}\n",
                note.by.field(),
                note.text.line()
            ));
        }
    }
    Some(text)
}
