//! Records that wait for a reading: an action of theirs was closed by hand after it was sent, and what is read soon is
//! what the case is to be told.
//!
//! What must not live here: reading back (`engine::recover`), posting.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::{document_now, hidden, unposted};
use crate::app::message::Level;
use crate::domain::containment::note::marker;
use crate::domain::fault::Fault;
use crate::domain::ids::PlanId;
use crate::engine::World;

/// How long after it was closed an action is read back before its case is told that nobody knows: most providers that do
/// not answer do so again by then.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Tells whether the record of a plan waits for a reading.
pub(super) fn waits(world: &World, pid: &PlanId) -> bool {
    let now = world.clock.now().utc;
    let patience = TimeDelta::from_std(world.pace.of(PATIENCE)).unwrap_or_default();
    world
        .journal
        .with(|ledger| ledger.waits_for_reading(pid, now, patience))
}

/// Documents a plan on a person's word, also over a log that is in doubt, or says what its record waits for.
pub(in crate::engine) async fn asked(world: Arc<World>, pid: PlanId) {
    if unposted(&world).is_some() || !waits(&world, &pid) {
        hidden::say_again(&world, &marker(&pid));
        document_now(world, pid).await;
        return;
    }
    let line = "the record waits: an action was closed by hand before it was read back, and is read back still";
    let hint = "the case is told what is read, or 15 minutes after the closing that nobody knows";
    world.notice(Level::Info, Fault::new(line).hint(hint)).await;
}
