//! The last look before a change of a case leaves: a disk that hangs, or a process that was stopped, may have made minutes of
//! the time since the case was read and the change promised.
//!
//! What must not live here: what is promised and sent (see the module above).

use std::time::Duration;

use super::{read, unread};
use crate::connect::capability::{Cases, PreparedClose};
use crate::domain::case::Case;
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::ids::CaseId;
use crate::domain::text::Safe;
use crate::domain::verdict::Closing;
use crate::engine::World;
use crate::engine::plan::frozen;
use crate::safe;

/// How old what was read of a case may be when a change of it leaves, and how old its promise: whoever settles it by reading
/// counts from the promise.
pub(in crate::engine) const FRESH: Duration = Duration::from_secs(5);

/// A case as it was read before its change, and when, by the clock that no stop stops.
pub(super) struct Looked {
    pub(super) case: Case,
    at: Duration,
}

/// Reads a case that is to be changed; once more where that took long: a process that was stopped meanwhile takes an old
/// answer for a slow one, and the second tells them apart.
pub(super) async fn look_at(
    world: &World,
    source: &dyn Cases,
    id: &CaseId,
) -> Result<Looked, Fault> {
    let mut began = world.clock.now().boot;
    let mut case = read(world, source, id).await?;
    if is_old(world, began) {
        began = world.clock.now().boot;
        case = read(world, source, id).await?;
    }
    let at = dated(world, began);
    Ok(Looked { case, at })
}

/// Gives from when on a look counts: from its question, but where the case system answers slowly, from its answer, since none
/// younger is to be had.
fn dated(world: &World, began: Duration) -> Duration {
    let now = world.clock.now().boot;
    if now.saturating_sub(began) > FRESH {
        now
    } else {
        began
    }
}

/// Reads a case that is to be closed, once more where that took long, and gives the request that closes it as it was read.
pub(super) async fn prepare(
    world: &World,
    source: &dyn Cases,
    (case, closing): (&CaseId, &Closing),
) -> Result<(Looked, PreparedClose), Fault> {
    let mut began = world.clock.now().boot;
    let mut read = source.prepare_close(case, closing).await;
    if read.is_ok() && is_old(world, began) {
        began = world.clock.now().boot;
        read = source.prepare_close(case, closing).await;
    }
    match read {
        Ok((case, request)) => {
            let at = dated(world, began);
            Ok((Looked { case, at }, request))
        }
        Err(error) => Err(unread(world, case, error).await),
    }
}

/// Says right before a promised change is sent why it must not be: the cases are not as they were read, the switch was set,
/// `ask` has a reason by all that is on record now, or too much time went by since it was promised, by the boot clock.
///
/// Each case is read again until all of them were read a moment ago: one read that hangs makes the others old.
pub(super) async fn still(
    world: &World,
    source: &dyn Cases,
    (looked, promised): (&[Looked], Duration),
    ask: impl FnOnce(&Ledger) -> Option<Safe> + Send,
) -> Result<(), Fault> {
    world.probe.pass("case.before").await;
    let mut read_at: Vec<Duration> = looked.iter().map(|before| before.at).collect();
    loop {
        for (before, at) in looked.iter().zip(&mut read_at) {
            if !is_old(world, *at) {
                continue;
            }
            let again = look_at(world, source, &before.case.id).await?;
            if !is_same(&again.case, &before.case) {
                return Err(changed(&again.case));
            }
            *at = again.at;
        }
        if !world.journal.catch_up().await {
            return Err(Fault::new(
                "the audit log could not be read right before it was sent; nothing was sent",
            ));
        }
        // The age of the promise ends it: it grows with every round.
        if is_old(world, promised) || !read_at.iter().any(|at| is_old(world, *at)) {
            break;
        }
    }
    let refusal = frozen(&world.freeze).or_else(|| world.journal.with(ask));
    if let Some(what) = refusal {
        return Err(Fault::new(what));
    }
    if is_old(world, promised) {
        let what = safe!(
            "more than {} seconds went by after it was recorded; nothing was sent",
            FRESH.as_secs()
        );
        let hint = "the case system or the disk is slow; try it again";
        return Err(Fault::new(what).hint(hint));
    }
    Ok(())
}

/// Tells whether a time of the boot clock is too long ago for a change to leave on it.
fn is_old(world: &World, at: Duration) -> bool {
    world.clock.now().boot.saturating_sub(at) > FRESH
}

fn changed(now: &Case) -> Fault {
    let number = now.number.map(|number| safe!("#{}", number));
    let name = number.unwrap_or_else(|| now.id.shown());
    let what = safe!("{} was changed since it was read; nothing was sent", name);
    Fault::new(what).hint("nothing of theirs was overwritten")
}

/// Tells whether a case has the owner and the status that it had, and the time of its last change.
fn is_same(now: &Case, before: &Case) -> bool {
    let of = |case: &Case| {
        (
            case.assignee.clone(),
            case.status,
            case.vendor_status.clone(),
            // What a closing keeps of its summary was read with it.
            case.updated,
        )
    };
    of(now) == of(before)
}
