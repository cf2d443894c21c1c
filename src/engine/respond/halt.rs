//! Why a plan stops, and what the records then say of the action it was stopped at.
//!
//! What must not live here: sending.

use super::{Halt, Seen, outcome, own};
use crate::app::message::Level;
use crate::domain::audit::{Body, OutcomeState};
use crate::domain::containment::confirm::{ConfirmedAction, ConfirmedPlan};
use crate::domain::fault::Fault;
use crate::engine::World;
use crate::safe;

/// Ends one action that is not sent, and says so; the others go on. What was confirmed and is not on record yet waits for
/// the next intent: one write confirms, ends and intends.
pub(super) async fn skip(
    world: &World,
    action: &ConfirmedAction,
    halt: Halt,
    confirmed: &mut Vec<Body>,
) {
    let line = safe!("{} is not sent: {}", action.what(), halt.reason);
    let mut bodies = halt.bodies;
    if !halt.ended {
        let evidence = format!("not sent: {}", halt.reason);
        bodies.push(outcome(
            action.aid(),
            OutcomeState::Abandoned,
            evidence,
            None,
        ));
    }
    if confirmed.is_empty() {
        // The journal tells the console when it fails; nothing was sent in any case.
        let _ = world.journal.record(bodies).await;
    } else {
        confirmed.extend(bodies);
    }
    world.notice(Level::Warning, Fault::new(line)).await;
}

/// Ends an action whose intent is on disk and whose request never left.
pub(super) fn unsent(action: &ConfirmedAction, attempt: u32, halt: Halt) -> Halt {
    let aid = action.aid();
    let evidence = format!("not sent: {}", halt.reason);
    let mut bodies = halt.bodies;
    bodies.push(Body::ActionNotSent {
        aid: aid.clone(),
        attempt,
        reason: own(evidence.clone()),
    });
    bodies.push(outcome(aid, OutcomeState::NotSent, evidence, None));
    Halt {
        bodies,
        reason: halt.reason,
        ended: true,
        alone: halt.alone,
    }
}

/// Ends an action that was sent once, was not executed by the provider's word, and cannot be sent again.
pub(super) fn refused_once(action: &ConfirmedAction, halt: Halt) -> Halt {
    let evidence = format!(
        "the provider said 429, not executed; not sent again: {}",
        halt.reason
    );
    let mut bodies = halt.bodies;
    bodies.push(outcome(
        action.aid(),
        OutcomeState::Rejected,
        evidence,
        None,
    ));
    Halt {
        bodies,
        reason: halt.reason,
        ended: true,
        alone: halt.alone,
    }
}

/// Tells whether the plan sent the same before, in the second that the provider's clock shows now.
pub(super) fn is_of_the_same_second(
    world: &World,
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    seen: Seen,
) -> bool {
    world.journal.with(|ledger| {
        let mut all = ledger.plan(plan.pid()).into_iter();
        all.any(|other| {
            other.aid != *action.aid()
                && other.kind == action.kind()
                && other.server_answer.is_some()
                && other.server_answer >= seen.server_date
        })
    })
}
