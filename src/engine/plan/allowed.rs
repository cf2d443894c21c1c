//! Whether an intent may be written, asked with the log locked, and which rule refused it.
//!
//! What must not live here: the guards, which are asked before (`plan`).

use std::sync::{Arc, OnceLock};

use super::cap;
use crate::domain::audit::Body;
use crate::domain::containment::confirm::{ConfirmedAction, ConfirmedPlan};
use crate::domain::containment::counted::Counted;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::rival;
use crate::domain::ids::{CaseId, PlanId};
use crate::domain::text::Safe;
use crate::engine::World;
use crate::safe;

/// Which rule refused an intent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) enum Rule {
    /// The approval that is among the records was used up.
    Spent,
    /// The action has its final word.
    Closed,
    /// Another plan is at the same.
    Rival,
    /// The case was closed as a false positive, or merged, or is about to be.
    CaseOver,
    /// The caps, or a log that they cannot be counted in.
    #[default]
    Caps,
}

/// Makes the question that decides under the lock of the log whether records that hold an intent may be written: nobody
/// can act on one more account between the count and the record, do the same to this one, close this very action or its
/// case, or use up the approval that is among them. Which rule refused stands in `by` then: what this console folded may lag behind.
pub(in crate::engine) fn allows(
    world: &World,
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    bodies: &[Body],
    by: &Arc<OnceLock<Rule>>,
) -> impl FnOnce(&Counted) -> Option<Safe> + Send + use<> {
    let uses = bodies
        .iter()
        .any(|body| matches!(body, Body::Approval { .. }));
    let grant = plan.grant().filter(|_| uses).cloned();
    let (kind, item) = (action.kind(), action.item().cloned());
    let asked = cap(world, &plan.account().id, &[kind]);
    let may_exceed = world.settings.policy.approval.over_cap && plan.grant().is_some();
    let named = plan.plan().campaign.clone();
    let (pid, account) = (plan.pid().clone(), plan.account().id.clone());
    let case = plan.case().clone();
    let (aid, by) = (action.aid().clone(), Arc::clone(by));
    move |counted| {
        let ledger = counted.ledger();
        let of = |rule: Rule| move |reason: Safe| (rule, reason);
        let spent = grant.and_then(|grant| ledger.asked().spent(&grant));
        let is_over = || ledger.get(&aid).and_then(closed);
        let at_it = || rival::refusal(ledger, &pid, &account, (kind, item.as_ref()));
        let is_case_over = || case_over(ledger, &pid, &case, kind);
        let over = || asked(counted).refusal(may_exceed, named.as_deref());
        let refused = spent
            .map(of(Rule::Spent))
            .or_else(|| is_over().map(of(Rule::Closed)))
            .or_else(|| at_it().map(of(Rule::Rival)))
            .or_else(|| is_case_over().map(of(Rule::CaseOver)))
            .or_else(|| over().map(of(Rule::Caps)));
        refused.map(|(rule, reason)| {
            // It is asked once.
            by.get_or_init(|| rule);
            reason
        })
    }
}

/// Says why an action must not be sent any more: it has its final word.
fn closed(action: &ActionView) -> Option<Safe> {
    action.ended?;
    let said = action.evidence.clone().unwrap_or_default();
    Some(safe!("it was closed meanwhile: {}", said.line()))
}

/// Says why a plan must not begin: whoever closes its case as a false positive, or merges it, or did so meanwhile, did not
/// see that it was about to.
fn case_over(ledger: &Ledger, plan: &PlanId, case: &CaseId, kind: ActionKind) -> Option<Safe> {
    let (own, outbox) = (ledger.plan(plan), ledger.outbox());
    let planned = own.first().map_or(0, |own| own.planned_n);
    // Closing asks about what has begun, and an enabling goes with it.
    let begun = own.iter().any(|action| action.sent_n > 0);
    if kind == ActionKind::EnableAccount || begun {
        return None;
    }
    let of = [case, outbox.home_of(case)];
    if of.iter().any(|case| outbox.is_ending(case)) {
        return Some("the case is being closed as a false positive, or merged, and what came of that is not known yet: look at it, then plan again".into());
    }
    let is_over = of.iter().any(|case| outbox.is_over_since(case, planned));
    is_over.then(|| {
        "the case was closed as a false positive, or merged, after this plan was made: look at it, then plan again".into()
    })
}
