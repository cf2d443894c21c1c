//! Why a plan stops, and what the records then say of the action it was stopped at.
//!
//! What must not live here: sending.

use super::{Halt, outcome, own};
use crate::app::message::Level;
use crate::domain::audit::{Body, OutcomeState};
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::fault::Fault;
use crate::domain::ids::ActionId;
use crate::domain::text::Safe;
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
    if !halt.ended && !has_ended(world, action) {
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

/// Tells whether an action has its final word on record: somebody closed it, or another console took it for given up.
pub(super) fn has_ended(world: &World, action: &ConfirmedAction) -> bool {
    let known = world.journal.action(action.aid());
    known.is_some_and(|known| known.ended.is_some())
}

/// Ends an action whose intent is on disk and whose request never left; `attempt` is that request.
pub(super) fn unsent(action: &ConfirmedAction, attempt: u32, halt: Halt) -> Halt {
    let aid = action.aid();
    let evidence = format!("not sent: {}", halt.reason);
    let mut bodies = halt.bodies;
    bodies.push(Body::ActionNotSent {
        aid: aid.clone(),
        attempt,
        reason: own(evidence.clone()),
    });
    bodies.push(never_left(aid, attempt, &halt.reason, evidence));
    Halt {
        bodies,
        reason: halt.reason,
        ended: true,
        left: attempt > 1,
        alone: halt.alone,
    }
}

/// Makes the last that is said of an action whose latest request never left: of a second one that says nothing of the first,
/// which left and was put off. `evidence` is what is said of a first one.
pub(super) fn never_left(aid: &ActionId, attempt: u32, reason: &Safe, evidence: String) -> Body {
    if attempt > 1 {
        not_again(aid, attempt, reason)
    } else {
        outcome(aid, OutcomeState::NotSent, evidence, None)
    }
}

/// Says that the provider put an action off and that it is not sent again; what became of the request is read back.
pub(super) fn not_again(aid: &ActionId, attempt: u32, reason: &Safe) -> Body {
    let reason = format!("the provider put it off with 429; not sent again: {reason}");
    Body::ActionRejected {
        aid: aid.clone(),
        attempt,
        status: 429,
        reason: own(reason),
    }
}

/// Ends the sending of an action that was sent once, was put off by the provider, and cannot be sent again; `attempt` is the
/// one that is not made.
pub(super) fn refused_once(action: &ConfirmedAction, attempt: u32, halt: Halt) -> Halt {
    if attempt == 1 || halt.ended {
        return halt;
    }
    let mut bodies = halt.bodies;
    bodies.push(not_again(action.aid(), attempt - 1, &halt.reason));
    Halt {
        bodies,
        reason: halt.reason,
        ended: true,
        left: true,
        alone: halt.alone,
    }
}
