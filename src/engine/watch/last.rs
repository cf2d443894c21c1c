//! The last reading of an account, right before the record of what was done to it is composed.
//!
//! What must not live here: what the record says of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::success::{AT_ONCE, newest};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::PlanId;
use crate::domain::text::Safe;
use crate::engine::World;

/// How long the account may be read: twice, where it is not disabled any more.
const READ_TWICE: Duration = Duration::from_secs(15);

/// How old a final word is of which the account is read again. Others may have acted since, but not right after that.
const OLD: TimeDelta = TimeDelta::seconds(2);

/// What was read otherwise than the record says, or not to the end.
pub(in crate::engine) enum Last {
    /// It could not be read to the end; when it read as disabled last.
    Unread(DateTime<Utc>),
    /// It did not read as disabled, which no second reading confirmed; when it read so last.
    Otherwise(DateTime<Utc>),
    /// It reads as disabled, by this status, though the plan enabled it.
    Shut(Safe),
}

/// Reads the account of a plan once more, where its last word is old enough; `None` where the record says what is so.
pub(in crate::engine) async fn read_now(world: &Arc<World>, pid: &PlanId) -> Option<Last> {
    match newest(world, pid) {
        Some(action) => held(world, pid, action).await,
        None => shut(world, pid).await,
    }
}

/// Tells whether the last word of an action is too young for others to have acted since.
fn is_fresh(world: &World, action: &ActionView) -> bool {
    let now = world.clock.now().utc;
    action.ended.is_some_and(|ended| now - ended < OLD)
}

/// Reads an account that a disabling holds, and records that others undid it where that is so.
async fn held(world: &Arc<World>, pid: &PlanId, action: ActionView) -> Option<Last> {
    if action.pid == *pid && is_fresh(world, &action) {
        return None;
    }
    let last = action.agreed.or(action.ended)?;
    let otherwise = Arc::new(AtomicBool::new(false));
    let (shared, first) = (Arc::clone(world), Arc::clone(&otherwise));
    let looks = world.tasks.spawn(async move {
        tokio::select! {
            () = shared.stop.cancelled() => false,
            is_read = super::look_at_status(&shared, &action, first) => is_read,
        }
    });
    match tokio::time::timeout(READ_TWICE, looks).await {
        Ok(Ok(true)) => None,
        _ if otherwise.load(Ordering::SeqCst) => Some(Last::Otherwise(last)),
        _ => Some(Last::Unread(last)),
    }
}

/// Reads an account that a plan enabled. Where it cannot be read the record has the time of the proof.
async fn shut(world: &World, pid: &PlanId) -> Option<Last> {
    let plan = world.journal.plan(pid);
    let is_enabling = |act: &&ActionView| {
        act.kind == ActionKind::EnableAccount && act.state == ActionState::Verified
    };
    let enabling = plan.iter().rfind(is_enabling)?;
    if is_fresh(world, enabling) {
        return None;
    }
    let identity = world.identity(&enabling.account.connection)?;
    let read = tokio::time::timeout(AT_ONCE, identity.account(&enabling.account)).await;
    let account = read.ok()?.ok()?;
    let is_shut = identity.keeps_out(&account.status);
    is_shut.then(|| Last::Shut(account.vendor_status.field()))
}
