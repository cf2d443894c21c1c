//! The last looks, between an intent that is on disk and its request: a disk that hangs, or a process that was stopped, may
//! have made minutes of it.
//!
//! What must not live here: sending, and what a look at the account judges.

use std::time::Duration;

use super::halt::has_ended;
use super::{Halt, because, look_in_time};
use crate::connect::capability::Identity;
use crate::domain::containment::administrators::must_be_counted;
use crate::domain::containment::confirm::{ConfirmedAction, ConfirmedPlan};
use crate::domain::containment::plan::Expected;
use crate::engine::{World, plan};

/// How old what was read of the account may be when the request leaves; the guards passed on that.
const FRESH: Duration = Duration::from_secs(5);

/// How often the account is looked at again until a look is that young.
const LOOKS: usize = 2;

/// Looks at what may have changed since the intent: the log, the freeze switch and, where the last look at the account (by the
/// boot clock) is too old, the account. Passes when nothing speaks against the request and all of it was seen just now.
///
/// # Errors
/// With what speaks against it; nothing was sent.
pub(super) async fn looks(
    world: &World,
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    (expected, mut looked): (&Expected, Duration),
    identity: &dyn Identity,
) -> Result<(), Halt> {
    let allowed = world.settings.policy.allow_administrators;
    // Of two consoles that disable two administrators at once, the later intent sees the earlier one only now.
    let mut again = must_be_counted(plan.account(), &[action.kind()], allowed);
    // A provider whose looks take that long twice is slow: none younger is to be had, and the next counts from its answer.
    let mut is_slow = is_old(world, looked);
    for left in (0..=LOOKS).rev() {
        // Nothing but the request itself may take time after the last look.
        let ready = identity.ready(action).await;
        ready.map_err(|error| because(error.what))?;
        if let Some(halt) = called_off(world, action).await {
            return Err(halt);
        }
        if !again && !is_old(world, looked) {
            return Ok(());
        }
        if left > 0 {
            looked = world.clock.now().boot;
            look_in_time(world, plan, action, expected, identity).await?;
            if is_old(world, looked) && std::mem::replace(&mut is_slow, true) {
                looked = world.clock.now().boot;
            }
            again = false;
        }
    }
    Err(because(
        "what was read of the account was too old each time before it could be sent".into(),
    ))
}

/// Tells whether a time of the boot clock is too long ago for a request to leave on what was read then.
fn is_old(world: &World, at: Duration) -> bool {
    world.clock.now().boot.saturating_sub(at) > FRESH
}

/// Says why an action is not sent although its intent is on disk: whoever closed it meanwhile was told that it is not sent.
/// The switch has the last word.
async fn called_off(world: &World, action: &ConfirmedAction) -> Option<Halt> {
    if !world.journal.catch_up().await {
        return Some(because(
            "the audit log could not be read right before the request".into(),
        ));
    }
    if has_ended(world, action) {
        let closed = because("it was closed meanwhile".into());
        return Some(Halt {
            alone: true,
            ..closed
        });
    }
    plan::frozen(&world.freeze).map(because)
}
