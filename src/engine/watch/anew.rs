//! An account that still reads as disabled, but since later than by the act on record: others enabled it and disabled it
//! again between two looks. Only a provider that tells when a status began shows that.
//!
//! What must not live here: accounts that read enabled (see the module above).

use chrono::{DateTime, Utc};

use super::super::World;
use super::rings_first;
use crate::app::message::Level;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::fault::Fault;
use crate::domain::freshness::clock_word;
use crate::domain::text::Untrusted;
use crate::safe;

/// Rings once where an account is disabled since later than by an act, and no other act from here explains that.
pub(super) async fn look(world: &World, action: &ActionView, account: &Account) {
    let explained = world.journal.with(|ledger| {
        ledger.on(&action.account).any(|other| {
            let decides = matches!(
                other.kind,
                ActionKind::DisableAccount | ActionKind::EnableAccount
            );
            decides && other.sent_n > action.sent_n
        })
    });
    let Some((ours, since)) = later(action, account).filter(|_| !explained) else {
        return;
    };
    // By the time that was read: another time is another such act.
    let key = Untrusted::new(since.to_rfc3339());
    if !rings_first(world, &action.aid, &key) {
        return;
    }
    let what = safe!(
        "{} (id {} at {}) is disabled since {}, not since {} as by the act on record: others enabled and disabled it in between",
        action.login.field(),
        action.account.shown(),
        action.account.connection,
        clock_word(since),
        clock_word(ours)
    );
    let hint = "it may have been used in between: look at its activity, and revoke its sessions";
    let fault = Fault::new(what).hint(hint);
    world.notice(Level::Alarm, fault).await;
}

/// Gives since when the act is on record as having its effect, and since when it reads so, where that is clearly later.
fn later(action: &ActionView, account: &Account) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    // Another word for being kept out, as of an account that was deactivated, began later without letting anybody in.
    let is_disabled = account.status == AccountStatus::Disabled;
    let (ours, since) = action.effect_at.zip(account.status_changed)?;
    (is_disabled && action.is_clearly_before(since)).then_some((ours, since))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed};
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{
        account, aid, at, confirmed, entry, intent, planned,
    };

    #[rstest]
    #[case::as_on_record(Some(3), AccountStatus::Disabled, Some(3), false)]
    #[case::within_two_clocks(Some(3), AccountStatus::Disabled, Some(5), false)]
    #[case::clearly_later(Some(3), AccountStatus::Disabled, Some(6), true)]
    #[case::an_old_copy(Some(3), AccountStatus::Disabled, Some(1), false)]
    #[case::in_another_way(Some(3), AccountStatus::Other("DEPROVISIONED".into()), Some(60), false)]
    #[case::without_a_time_now(Some(3), AccountStatus::Disabled, None, false)]
    #[case::without_a_time_on_record(None, AccountStatus::Disabled, Some(60), false)]
    fn only_a_status_that_began_anew_is_the_work_of_others(
        #[case] effect: Option<i64>,
        #[case] status: AccountStatus,
        #[case] since: Option<i64>,
        #[case] rings: bool,
    ) {
        let mut ledger = Ledger::default();
        let read = Observed {
            aid: aid(1),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: effect.map(at),
        };
        let bodies = [
            planned(1, 0, ActionKind::DisableAccount),
            confirmed(1, false),
            intent(1, Some(0)),
            Body::ActionObserve(read),
        ];
        for (body, n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        let mut account = account();
        (account.status, account.status_changed) = (status, since.map(at));
        assert_eq!(later(action, &account).is_some(), rings);
    }
}
