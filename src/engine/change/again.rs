//! The last look before a change of a case leaves: a disk that hangs, or a process that was stopped, may have made minutes of
//! the time since the case was read and the change promised.
//!
//! What must not live here: what is promised and sent (see the module above).

use std::time::Duration;

use super::read;
use crate::connect::capability::Cases;
use crate::domain::case::Case;
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::ids::CaseId;
use crate::domain::text::Safe;
use crate::engine::World;
use crate::engine::plan::frozen;
use crate::safe;

/// How old what was read of a case may be when a change of it leaves.
const FRESH: Duration = Duration::from_secs(5);

/// A case as it was read before its change, and when, by the clock that no stop stops.
pub(super) struct Looked {
    pub(super) case: Case,
    at: Duration,
}

/// Reads a case that is to be changed.
pub(super) async fn look_at(
    world: &World,
    source: &dyn Cases,
    case: &CaseId,
) -> Result<Looked, Fault> {
    let at = world.clock.now().boot;
    let case = read(world, source, case).await?;
    Ok(Looked { case, at })
}

/// Says right before a promised change is sent why it must not be: the cases are not as they were read, the switch was set, or
/// `ask` has a reason by all that is on record now.
pub(super) async fn still(
    world: &World,
    source: &dyn Cases,
    looked: &[Looked],
    ask: impl FnOnce(&Ledger) -> Option<Safe> + Send,
) -> Result<(), Fault> {
    world.probe.pass("case.before").await;
    for before in looked {
        if world.clock.now().boot.saturating_sub(before.at) <= FRESH {
            continue;
        }
        let now = read(world, source, &before.case.id).await?;
        if !is_same(&now, &before.case) {
            let number = now.number.map(|number| safe!("#{}", number));
            let name = number.unwrap_or_else(|| now.id.shown());
            let what = safe!("{} was changed since it was read; nothing was sent", name);
            return Err(Fault::new(what).hint("nothing of theirs was overwritten"));
        }
    }
    world.journal.catch_up().await;
    let refusal = frozen(&world.freeze).or_else(|| world.journal.with(ask));
    refusal.map_or(Ok(()), |what| Err(Fault::new(what)))
}

/// Tells whether a case has the owner and the status that it had.
fn is_same(now: &Case, before: &Case) -> bool {
    let of = |case: &Case| {
        (
            case.assignee.clone(),
            case.status,
            case.vendor_status.clone(),
        )
    };
    of(now) == of(before)
}
