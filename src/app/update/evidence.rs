//! Steps of the checklist that tick themselves: the facts that hold now, and the records they make.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::{Load, Model, OpenCase};
use crate::domain::audit::{Body, TickState};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::standing::Standing;
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::clock_word;
use crate::domain::runbook::Phase;
use crate::domain::runbook::binding::{Capability, Evidence, EvidenceKind, ticked_by};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// How long a contained account must stay silent before the watch is done.
pub const WATCH: Duration = Duration::from_secs(5 * 60);

/// Gives the records for every open step of the open case that evidence has settled.
pub(super) fn tick_by_evidence(model: &mut Model) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let mut asked = Vec::new();
    // A step a person opened again stays open: evidence ticks a step once.
    let facts = facts(model, open);
    let mut bodies = Vec::new();
    for section in &model.checklist.sections {
        for step in &section.steps {
            let key = (open.id.clone(), step.key.clone());
            if model.casework.touched(&open.id, &step.key) || model.evidence_asked.contains(&key) {
                continue;
            }
            if let Some(by) = ticked_by(section.picerl, step, &facts) {
                asked.push(key);
                bodies.push(Body::ChecklistTick {
                    case: open.id.clone(),
                    runbook: model.checklist.file.clone(),
                    step: Untrusted::new(step.key.as_str()),
                    state: TickState::Done,
                    evidence: Some(by),
                    reason: None,
                });
            }
        }
    }
    if bodies.is_empty() || model.audit_fault.is_some() {
        return Vec::new();
    }
    model.evidence_asked.extend(asked);
    vec![Effect::Record(bodies)]
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
    if let Some(record) = model.casework.case(&open.id) {
        if let Some((value, at)) = record.likelihood {
            add(
                EvidenceKind::LikelihoodDecided,
                at,
                &safe!("likelihood {}", value.word()),
                None,
            );
        }
        if let Some((_, _, at)) = record.decision {
            add(
                EvidenceKind::ContainmentDecided,
                at,
                &"decision recorded".into(),
                None,
            );
        }
    }
    facts.extend(actions(model, open));
    facts
}

fn actions(model: &Model, open: &OpenCase) -> Vec<Evidence> {
    let mut facts = Vec::new();
    let Some(account) = open.the_account() else {
        return facts;
    };
    let mut fact = |kind, at, source: Safe, phase| {
        facts.push(Evidence {
            kind,
            at,
            source: Untrusted::new(source.as_str()),
            phase,
        });
    };
    for action in model
        .ledger
        .on(&account.id)
        .filter(|action| action.case == open.id)
    {
        let Some(at) = action.effective_at() else {
            continue;
        };
        let done = safe!("{} {}", action.kind.word(), action.state.word());
        fact(
            EvidenceKind::ContainmentDecided,
            at,
            "a plan was confirmed".into(),
            None,
        );
        if action.state == ActionState::Verified {
            let capability = match action.kind {
                ActionKind::RevokeSessions => Capability::RevokeSessions,
                ActionKind::DisableAccount => Capability::DisableAccount,
                ActionKind::EnableAccount => Capability::EnableAccount,
            };
            fact(EvidenceKind::ActionProven(capability), at, done, None);
        }
        if action.comment.is_some() {
            let phase = match action.kind {
                ActionKind::EnableAccount => Phase::Recovery,
                _ => Phase::Containment,
            };
            fact(
                EvidenceKind::CommentPosted,
                at,
                "comment posted".into(),
                Some(phase),
            );
        }
    }
    if let Some(Standing::Contained { since }) = model.standings.get(&account.id) {
        let quiet = open.activity.heard.is_some_and(|heard| {
            (heard.utc - *since)
                .to_std()
                .is_ok_and(|silence| silence >= WATCH)
        });
        if quiet && open.activity.fault.is_none() {
            let source = safe!("no activity since {}", clock_word(*since));
            fact(
                EvidenceKind::NoActivityAfterContainment,
                model.now.utc,
                source,
                Some(Phase::Containment),
            );
        }
    }
    facts
}
