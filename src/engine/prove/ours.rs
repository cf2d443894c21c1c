//! Our other requests on an account, as far as a proof has to know of them.
//!
//! What must not live here: reading back.

use chrono::TimeDelta;

use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::state::ActionState;
use crate::domain::text::Untrusted;
use crate::engine::World;

/// How long after the last word on a request without an answer its entry may still come.
const ENTRY_LATE: TimeDelta = TimeDelta::minutes(5);

/// Counts our earlier requests on the account, to the same path, that may have an entry in the provider's log which
/// nothing is proven by yet.
pub(super) fn ahead(world: &World, action: &ActionView) -> usize {
    let path = |one: &ActionView| one.call.as_ref().map(|call| call.2.clone());
    // Without an answer, and read to the end in vain: its entry may still come.
    let may_be_late = |other: &ActionView| {
        let gap = action
            .sent
            .zip(other.ended)
            .map(|(sent, ended)| sent - ended);
        let is_silent = !other.acknowledged && other.state != ActionState::Rejected;
        is_silent && other.may_have_left() && gap.is_some_and(|gap| gap < ENTRY_LATE)
    };
    let is_ahead = |other: &&ActionView| {
        // What was refused left no entry, or one too many: that is its own where the accepted ones have theirs.
        let waits = if action.refused.is_some() {
            other.acknowledged || other.is_unfinished()
        } else {
            (other.sent_n, other.order) < (action.sent_n, action.order)
                && (other.is_unfinished() || may_be_late(other))
        };
        other.kind == action.kind
            && other.aid != action.aid
            && other.sent.is_some()
            && waits
            && other.refused.is_none()
            && other.used.is_none()
            && path(other) == path(action)
    };
    world
        .journal
        .with(|ledger| ledger.on(&action.account).filter(is_ahead).count())
}

/// Lists the provider's ids of our other requests on the account.
pub(super) fn others(world: &World, action: &ActionView) -> Vec<Untrusted> {
    world.journal.with(|ledger| {
        ledger
            .on(&action.account)
            .filter(|other| other.aid != action.aid)
            .filter_map(|other| other.request_id.clone())
            .collect()
    })
}
