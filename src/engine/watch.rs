//! Watching what was proven: an account that somebody enables again is a lost proof, and says so. And watching the
//! audit log, without which nothing more can be done: its disk may fill, and may be emptied again.
//!
//! An account that was enabled again is watched on for a while (`recovery`).

mod recovery;
mod success;
mod told;

pub(super) use recovery::recoveries;
pub(super) use success::{look_now, successes};

use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::respond::outcome;
use crate::app::message::{Level, Message, WatchOf};
use crate::domain::audit::OutcomeState;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::safe;

/// How often the contained accounts and the log are looked at.
const EVERY: Duration = Duration::from_secs(30);

/// Rounds after which all of the log is read once more: a quarter of an hour.
const WHOLE: u32 = 30;

/// Most accounts looked at in one round; where there are more they take turns.
const ACCOUNTS_MAX: usize = 20;

/// Looks for ever at the accounts whose disabling was proven and not taken back from here.
pub(super) async fn drift(world: Arc<World>) {
    for round in 0usize.. {
        tokio::time::sleep(world.pace.of(EVERY)).await;
        let disabled = disabled(&world, |state| state == ActionState::Verified);
        for action in turn(&disabled, round) {
            look(&world, action).await;
        }
    }
}

/// Chooses whom a round looks at, so that nobody is left out for ever.
fn turn<T>(all: &[T], round: usize) -> impl Iterator<Item = &T> {
    let first = round.wrapping_mul(ACCOUNTS_MAX) % all.len().max(1);
    all.iter()
        .cycle()
        .skip(first)
        .take(all.len().min(ACCOUNTS_MAX))
}

/// Looks for ever at the audit log, before anybody plans an action that could not be recorded; and from time to time at
/// all of it, for what is appended shows nothing of an edit far above.
pub(super) async fn log(world: Arc<World>) {
    for round in 1u32.. {
        world.journal.look().await;
        tokio::time::sleep(world.pace.of(EVERY)).await;
        if round.is_multiple_of(WHOLE)
            && let Some(fault) = world.journal.broken().await
        {
            world.notice(Level::Error, fault).await;
        }
    }
}

/// Lists the latest disabling of each account that is not followed by an enabling that may have happened.
fn disabled(world: &World, counts_as: impl Fn(ActionState) -> bool) -> Vec<ActionView> {
    world.journal.with(|ledger| {
        let mut latest: Vec<ActionView> = Vec::new();
        for action in ledger.actions().rev().filter(|action| !action.dry_run) {
            let counts = matches!(
                action.kind,
                ActionKind::DisableAccount | ActionKind::EnableAccount
            ) && action.may_have_had_effect();
            if counts && latest.iter().all(|seen| seen.account != action.account) {
                latest.push(action.clone());
            }
        }
        latest
            .retain(|action| action.kind == ActionKind::DisableAccount && counts_as(action.state));
        latest
    })
}

async fn look(world: &World, action: &ActionView) {
    let Some(identity) = world.identity(&action.account.connection) else {
        let name = &action.account.connection;
        let told = Message::Watched {
            account: action.account.clone(),
            of: WatchOf::Status,
            fault: Some(Fault::new(safe!(
                "no identity provider is named {} now",
                name
            ))),
        };
        world.tell(told).await;
        return;
    };
    // A provider that does not answer says nothing about the account; that nobody looks at it is said.
    let read = identity.account(&action.account).await;
    let told = Message::Watched {
        account: action.account.clone(),
        of: WatchOf::Status,
        fault: read
            .as_ref()
            .err()
            .map(|error| Fault::new(error.what.clone())),
    };
    world.tell(told).await;
    let Ok(account) = read else {
        return;
    };
    // Any status that lets the holder back in counts, not only ACTIVE: a helpdesk enables and resets the password at once.
    if identity.keeps_out(&account.status) {
        return;
    }
    // Two readings, so that one answer of a replica that lags does not take a proof away.
    if !world.pause(Duration::from_secs(5)).await {
        return;
    }
    let account = match identity.account(&action.account).await {
        Ok(again) if !identity.keeps_out(&again.status) => again,
        _ => return,
    };
    // Another console of this user may have enabled it, or have said that the proof is lost.
    world.journal.catch_up().await;
    let undone_here = world.journal.with(|ledger| {
        ledger.on(&action.account).any(|other| {
            other.kind == ActionKind::EnableAccount
                && other.sent_n > action.sent_n
                && other.may_have_had_effect()
        })
    });
    let proven = world
        .journal
        .action(&action.aid)
        .is_some_and(|now| now.state == ActionState::Verified);
    if undone_here || !proven {
        return;
    }
    let status = account.vendor_status.field();
    let evidence = format!("status {status} now, not by this console");
    let lost = outcome(&action.aid, OutcomeState::Drifted, evidence, None);
    // The journal tells the console, which rings; when it fails, the next round finds it again.
    let _ = world.journal.record(vec![lost]).await;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::proven;

    #[test]
    fn nobody_is_left_out_for_ever() {
        let mut ledger = Ledger::default();
        for number in 1..=53u64 {
            proven(
                &mut ledger,
                number.into(),
                ActionKind::DisableAccount,
                number * 10,
                0,
            );
        }
        let all: Vec<ActionView> = ledger.actions().cloned().collect();
        let seen: BTreeSet<_> = (0..3)
            .flat_map(|round| turn(&all, round))
            .map(|action| action.aid.clone())
            .collect();
        assert_eq!((all.len(), seen.len()), (53, 53));
        assert_eq!(turn(&all, 1).count(), ACCOUNTS_MAX);
        assert_eq!(turn::<ActionView>(&[], 7).count(), 0);
    }
}
