//! Steps of the checklist that tick themselves: the facts that hold now, and the records they make.

mod acts;

use std::sync::Arc;
use std::time::Duration;

use acts::actions;

use super::list::text_of;
use super::own_comments::{comment, documented};
use crate::app::checklist;
use crate::app::effect::Effect;
use crate::app::model::list::StepRef;
use crate::app::model::{Load, Model, OpenCase};
use crate::domain::audit::{Body, ChecklistTick, Entry, StepSaid, TickState};
use crate::domain::freshness::clock_word;
use crate::domain::ids::CaseId;
use crate::domain::mirror;
use crate::domain::runbook::binding::{
    Capability, Evidence, EvidenceKind, capabilities, refuted_by, ticked_by,
};
use crate::domain::runbook::checklist::{Checklist, ItemId, ItemState, ListId, ListState};
use crate::domain::runbook::{Runbook, Step, StepKey};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// How long a contained account must stay silent before the watch is done.
pub const WATCH: Duration = Duration::from_secs(5 * 60);

/// Gives the records for every step of the open lists that evidence has settled, or refuted.
///
/// A step a person opened again stays open: evidence ticks a step once. What it ticked and others undid is opened
/// again, and ticks itself again once the act is proven anew.
pub(super) fn tick_by_evidence(model: &mut Model) -> Vec<Effect> {
    if model.open.is_none() || model.audit_fault.is_some() {
        return Vec::new();
    }
    let facts = of_open(model);
    let mut asked = Vec::new();
    let mut bodies = Vec::new();
    let above = model.checklist_above.iter();
    let lists = above.map(|frame| (&frame.runbook, &frame.checklist, &frame.list));
    let shown = (&model.runbook, &model.checklist, &model.checklist_list);
    for list in lists.chain([shown]) {
        for (item, found) in changes(model, list, &facts) {
            let id = ItemId {
                list: list.2.clone(),
                step: item.step.clone(),
            };
            if model
                .evidence_asked
                .contains(&(item.case.clone(), id.clone()))
            {
                continue;
            }
            asked.push((item.case.clone(), id));
            bodies.extend(text_of(&item).filter(|text| !bodies.contains(text)));
            let (state, evidence) = match found {
                Change::Settled(by) => (TickState::Done, by),
                Change::Refuted(by) => (TickState::Open, by),
            };
            bodies.push(Body::ChecklistTick(ChecklistTick {
                case: item.case,
                runbook: item.runbook,
                step: Untrusted::new(item.step.as_str()),
                state,
                evidence: Some(evidence),
                reason: None,
                said: Some(item.said),
                answer: None,
            }));
        }
    }
    if bodies.is_empty() {
        return Vec::new();
    }
    model.evidence_asked.extend(asked);
    vec![Effect::Record(bodies)]
}

/// Takes note that a tick is on record.
pub(super) fn recorded(model: &mut Model, entry: &Entry) {
    let Body::ChecklistTick(ChecklistTick {
        case,
        runbook,
        step,
        said,
        ..
    }) = &entry.body
    else {
        return;
    };
    let within = said.as_ref().and_then(|said| said.within.as_deref());
    let list = ListId::read(runbook.clone(), within);
    if let (Some(list), Ok(step)) = (list, StepKey::try_from(step.raw().to_owned())) {
        let id = ItemId { list, step };
        model.evidence_asked.remove(&(case.clone(), id));
    }
}

/// What evidence says of an item.
enum Change {
    /// It is done, by this.
    Settled(Untrusted),
    /// It is not done any more, by this.
    Refuted(Untrusted),
}

fn changes(
    model: &Model,
    (runbook, checklist, list): (&Arc<Runbook>, &Arc<Checklist>, &ListId),
    facts: &[Evidence],
) -> Vec<(StepRef, Change)> {
    let state = checklist::state_of(model, checklist, list);
    let mut found = Vec::new();
    for (section, step) in checklist.items() {
        let view = state.of(&step.key);
        let change = match &view.state {
            ItemState::Done { at, .. } if !view.is_unsure() => {
                let refuted =
                    refuted_by(section.picerl, step, facts).filter(|(_, since)| since > at);
                refuted.map(|(by, _)| Change::Refuted(by))
            }
            ItemState::Refuted { evidence, .. } if mirror::is_reopening(evidence) => None,
            ItemState::Refuted { at, .. } => {
                // What was there before it was refuted does not tick it again.
                let old = |fact: &Evidence| {
                    matches!(
                        fact.kind,
                        EvidenceKind::ActionProven(_) | EvidenceKind::CommentPosted
                    ) && fact.at <= *at
                };
                let fresh: Vec<Evidence> =
                    facts.iter().filter(|fact| !old(fact)).cloned().collect();
                ticked_by(section.picerl, step, &fresh).map(Change::Settled)
            }
            ItemState::Open if !view.touched => ticked_by(section.picerl, step, facts)
                .or_else(|| by_lists(model, (runbook, list, &state), step))
                .map(Change::Settled),
            _ => None,
        };
        let Some(change) = change else { continue };
        if let Some(item) = checklist::step_ref_in(model, (checklist, list), section, step) {
            found.push((item, change));
        }
    }
    found
}

/// A step that is nothing but other runbooks is done when their lists are.
fn by_lists(
    model: &Model,
    from: (&Arc<Runbook>, &ListId, &ListState),
    step: &Step,
) -> Option<Untrusted> {
    if step.runbooks.is_empty() || step.gate || !step.tools.is_empty() {
        return None;
    }
    let nested = checklist::nested_in(model, (from.0, from.1, from.2), step);
    let said: Option<Vec<Safe>> = nested
        .iter()
        .map(|one| {
            let runbook = one.runbook.as_ref().filter(|_| one.complete)?;
            let (settled, total) = (one.progress.settled(), one.progress.total);
            Some(safe!("{} {}/{}", runbook.title.field(), settled, total))
        })
        .collect();
    Some(Untrusted::new(
        Safe::join(said?, &Safe::fixed("; ")).as_str(),
    ))
}

/// Opens the steps of a case again that said that the account was quiet: it was not.
pub(super) fn refute_watch(model: &Model, case: &CaseId) -> Vec<Effect> {
    let Some(ticks) = model.casework.ticks(case) else {
        return Vec::new();
    };
    let chosen = model
        .casework
        .case(case)
        .and_then(|work| work.runbook.as_ref());
    let runbook = chosen
        .and_then(|chosen| model.runbooks.find(chosen.path.raw()))
        .unwrap_or_else(|| model.runbooks.fallback());
    let checklist = Checklist::derive(&runbook);
    let list = ListId::root(runbook.file.clone());
    let state = ListState::new(&checklist, &list, ticks);
    let mut bodies = Vec::new();
    for (section, step) in checklist.items() {
        let view = state.of(&step.key);
        let watches = capabilities(step).contains(&Capability::WatchAccount);
        if watches && matches!(view.state, ItemState::Done { .. }) {
            bodies.push(Body::ChecklistTick(ChecklistTick {
                case: case.clone(),
                runbook: list.runbook.clone(),
                step: Untrusted::new(step.key.as_str()),
                state: TickState::Open,
                evidence: Some("success after containment".into()),
                reason: None,
                said: Some(StepSaid {
                    phase: section.name.clone(),
                    words: step.text.clone(),
                    text: checklist
                        .text_id()
                        .filter(|text| model.casework.knows_text(text)),
                    within: None,
                    instead_of: view.recorded.as_ref().map(|key| key.as_str().to_owned()),
                }),
                answer: None,
            }));
        }
    }
    if bodies.is_empty() {
        return Vec::new();
    }
    vec![Effect::Record(bodies)]
}

/// Gives the facts of the open case.
pub(super) fn of_open(model: &Model) -> Vec<Evidence> {
    model
        .open
        .as_ref()
        .map(|open| facts(model, open))
        .unwrap_or_default()
}

fn facts(model: &Model, open: &OpenCase) -> Vec<Evidence> {
    let mut facts = Vec::new();
    let mut add = |kind, at, source: &Safe, phase| {
        facts.push(Evidence {
            kind,
            at,
            source: Untrusted::new(source.as_str()),
            phase,
        });
    };
    let now = model.now.utc;
    if model
        .sources
        .iter()
        .all(|source| source.fault.is_none() && source.heard.good.is_some())
    {
        add(
            EvidenceKind::ConnectionsChecked,
            now,
            &"all sources answer".into(),
            None,
        );
    }
    if let Load::Ready(_, at) = &open.file {
        let read = safe!("case read {}", clock_word(at.utc));
        add(EvidenceKind::CaseRead, at.utc, &read, None);
    }
    if let Load::Ready(file, at) = &open.file
        && !file.case.status.is_open()
    {
        let closed = safe!("the case is {}", file.case.vendor_status.field());
        add(EvidenceKind::CaseClosed, at.utc, &closed, None);
    }
    if let Some(at) = open.related_seen {
        let seen = safe!("shown {}", clock_word(at.utc));
        add(EvidenceKind::RelatedCasesShown, at.utc, &seen, None);
    }
    if let (Some(account), Load::Ready(_, at)) = (open.the_account(), &open.account) {
        let read = safe!("account read {}", clock_word(at.utc));
        add(EvidenceKind::AccountShown, at.utc, &read, None);
        if account.gaps.is_empty() {
            add(EvidenceKind::EntitySummaryShown, at.utc, &read, None);
        }
    }
    if let (Some(end), Some(heard)) = (open.activity.ended, open.activity.heard) {
        // A truncated answer is not the whole window.
        if !end.truncated {
            let hours = open.activity.window_hours;
            let source = safe!(
                "{} h searched, {} events",
                hours,
                open.activity.activity.len()
            );
            add(
                EvidenceKind::ActivityLoaded { hours },
                heard.utc,
                &source,
                None,
            );
        }
    }
    if let Some((value, at)) = model.likelihood_in(open) {
        let source = safe!("likelihood {}", value.word());
        add(EvidenceKind::LikelihoodDecided, at, &source, None);
    }
    if let Some(made) = model.decision_in(open) {
        let source: Safe = "decision recorded".into();
        add(EvidenceKind::ContainmentDecided, made.at, &source, None);
    }
    if let Some(record) = model.casework.case(&open.id) {
        facts.extend(record.documented.iter().map(|(rid, (phase, at))| {
            let id = record.comments.get(rid).and_then(Option::as_ref);
            comment(open, id, *at, *phase)
        }));
    }
    facts.extend(documented(model, open));
    facts.extend(actions(model, open));
    facts
}
