//! Keeping requests of a plan apart where only a time tells what one of them did: the time that it moved, or that of an entry
//! of the log which names no request.
//!
//! The clock of a provider is told in whole seconds. What was answered, the network may have delivered twice: a revocation
//! that is sent in a second after its answer, and after that of the disabling, is not proven by a copy of before. What a
//! request without an answer did before the first look, it did in the second of that look or earlier: an action that is sent
//! after a look of a later second is not proven by it. What comes later still comes after all that was answered before, the
//! disabling too: the sessions of before the disabling have ended then, whoever ended them.
//!
//! What must not live here: sending.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Halt, Seen, look_in_time};
use crate::connect::capability::Identity;
use crate::domain::containment::confirm::{ConfirmedAction, ConfirmedPlan};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::plan::Expected;
use crate::domain::ids::{ActionId, PlanId};
use crate::engine::World;

/// How finely the clock of a provider is told.
const SECOND: TimeDelta = TimeDelta::seconds(1);

/// How long the next second is waited for at once, and how often at most.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSES: usize = 3;

/// Looks at the account as [`look_in_time`] does, and again until the provider's clock is past what was sent before.
/// Gives when that was, by the boot clock, and what was seen.
pub(super) async fn look_apart(
    world: &World,
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    expected: &Expected,
    identity: &dyn Identity,
) -> Result<(Duration, Seen), Halt> {
    let by_time = identity.proves_by_time(action.kind());
    let own = (action.aid(), action.kind(), action.call().path.as_str());
    let earlier = world
        .journal
        .with(|ledger| Earlier::of(ledger, plan.pid(), own, by_time));
    let mut looked = world.clock.now().boot;
    let mut seen = look_in_time(world, plan, action, expected, identity).await?;
    let first = seen.server_date;
    for _ in 0..PAUSES {
        if !earlier.mixes(first, seen.server_date) || !world.pause_by_the_clock(PAUSE).await {
            break;
        }
        looked = world.clock.now().boot;
        seen = look_in_time(world, plan, action, expected, identity).await?;
    }
    if earlier.is_silent && earlier.mixes(first, seen.server_date) {
        // It is sent all the same, but by a clock that stands still nothing tells what is its own: nothing proves it.
        seen.server_date = None;
    }
    Ok((looked, seen))
}

/// What a plan sent before an action that leaves the same trace, or that has to come before it.
struct Earlier {
    /// When the last of it was answered, where a time alone proves the action.
    answered: Option<DateTime<Utc>>,
    /// Whether some of it may have had its effect, and no answer tells when.
    is_silent: bool,
}

impl Earlier {
    /// `by_time` tells whether a time alone proves this kind; elsewhere an answer names its own entry of the log, or a state
    /// is read.
    fn of(
        ledger: &Ledger,
        pid: &PlanId,
        (aid, kind, path): (&ActionId, ActionKind, &str),
        by_time: bool,
    ) -> Self {
        let mut earlier = Self {
            answered: None,
            is_silent: false,
        };
        let all = ledger.plan(pid).into_iter();
        let mixes = |other: &ActionView| {
            let call = other.call.as_ref();
            let is_same = other.kind == kind && call.is_some_and(|call| call.2.raw() == path);
            // A new password refuses tokens of before as well, and what ends sessions in the second of the disabling may have
            // ended them before it.
            let is_before = matches!(
                other.kind,
                ActionKind::ResetPassword | ActionKind::DisableAccount
            );
            is_same || (by_time && is_before)
        };
        for other in all.filter(|other| other.aid != *aid && mixes(other)) {
            let answered = other.server_answer.filter(|_| by_time);
            earlier.answered = earlier.answered.max(answered);
            // Every other kind that is sent leaves a state that can be read, or is sent once.
            earlier.is_silent |= kind == ActionKind::RevokeSessions
                && other.server_answer.is_none()
                && other.may_have_had_effect();
        }
        earlier
    }

    /// Tells whether some of it may be of the second that the provider's clock shows now. `first` is what it showed at
    /// the first look, which came after all of it was sent.
    fn mixes(&self, first: Option<DateTime<Utc>>, now: Option<DateTime<Utc>>) -> bool {
        // Without the clock nothing is proven by it.
        let Some(now) = now else { return false };
        let answered = self.answered.is_some_and(|answered| answered >= now);
        let silent = self.is_silent && first.is_none_or(|first| now - first < SECOND);
        answered || silent
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::samples::{
        aid, at, confirmed, entry, intent, outcome, pid, planned,
    };

    const R: ActionKind = ActionKind::RevokeSessions;

    fn answer(server: Option<i64>) -> Body {
        Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: server.map(at),
        }
    }

    fn lost() -> Body {
        Body::ActionUnknown {
            aid: aid(1),
            attempt: 1,
            reason: "the connection broke".into(),
        }
    }

    /// A plan that sent one action at second 37, with what is known of it, and has another one to send.
    fn ledger(kind: ActionKind, word: Option<Body>) -> Ledger {
        let mut ledger = Ledger::default();
        let plans = [planned(1, 0, kind), planned(2, 1, kind)];
        let sent = [
            confirmed(1, false),
            confirmed(2, false),
            intent(1, Some(37)),
        ];
        for (body, n) in plans.into_iter().chain(sent).chain(word).zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        ledger
    }

    /// The path of each request of the samples.
    const PATH: &str = "/suspend";

    /// Seconds of the first look and of now.
    type Looks = (Option<i64>, Option<i64>);

    fn mixes(ledger: &Ledger, kind: ActionKind, by_time: bool, (first, now): Looks) -> bool {
        let earlier = Earlier::of(ledger, &pid(1), (&aid(2), kind, PATH), by_time);
        earlier.mixes(first.map(at), now.map(at))
    }

    #[rstest]
    #[case::answered_in_this_second(Some(answer(Some(38))), (Some(38), Some(38)), true)]
    #[case::answered_before(Some(answer(Some(37))), (Some(38), Some(38)), false)]
    #[case::a_clock_that_lags(Some(answer(Some(40))), (Some(38), Some(39)), true)]
    #[case::answered_without_a_clock(Some(answer(None)), (Some(38), Some(38)), true)]
    #[case::lost(Some(lost()), (Some(38), Some(38)), true)]
    #[case::lost_and_a_second_later(Some(lost()), (Some(38), Some(39)), false)]
    #[case::lost_and_the_clock_goes_back(Some(lost()), (Some(38), Some(37)), true)]
    #[case::lost_and_first_without_a_clock(Some(lost()), (None, Some(39)), true)]
    #[case::lost_and_no_clock(Some(lost()), (Some(38), None), false)]
    #[case::no_word_yet(None, (Some(38), Some(38)), true)]
    #[case::never_left(Some(outcome(1, OutcomeState::NotSent)), (Some(38), Some(38)), false)]
    #[case::refused(Some(outcome(1, OutcomeState::Rejected)), (Some(38), Some(38)), false)]
    fn what_may_be_of_the_same_second_is_waited_for(
        #[case] word: Option<Body>,
        #[case] looks: Looks,
        #[case] waits: bool,
    ) {
        assert_eq!(mixes(&ledger(R, word), R, true, looks), waits);
    }

    #[rstest]
    // The answer names its entry of the log.
    #[case::answered(Some(answer(Some(38))), false)]
    #[case::lost(Some(lost()), true)]
    fn where_a_log_proves_it_only_a_lost_answer_is_waited_for(
        #[case] word: Option<Body>,
        #[case] waits: bool,
    ) {
        let looks = (Some(38), Some(38));
        assert_eq!(mixes(&ledger(R, word), R, false, looks), waits);
    }

    #[rstest]
    // It ends tokens as well.
    #[case(ActionKind::ResetPassword, true)]
    #[case(ActionKind::ExpirePassword, false)]
    #[case(ActionKind::DisableAccount, true)]
    fn what_has_to_come_before_a_revocation_is_of_an_earlier_second(
        #[case] before: ActionKind,
        #[case] waits: bool,
    ) {
        let looks = (Some(38), Some(38));
        for word in [answer(Some(38)), lost()] {
            let ledger = ledger(before, Some(word));
            assert_eq!(mixes(&ledger, R, true, looks), waits);
            // Where a time alone proves nothing, the status and the log tell which was first.
            assert!(!mixes(&ledger, R, false, looks));
        }
    }

    #[test]
    fn what_ends_something_else_is_not_waited_for() {
        // The token of each app is ended by a request of its own.
        for word in [answer(Some(38)), lost()] {
            let ledger = ledger(R, Some(word));
            let own = (&aid(2), R, "/tokens/mail");
            let earlier = Earlier::of(&ledger, &pid(1), own, true);
            assert!(!earlier.mixes(Some(at(38)), Some(at(38))));
        }
    }

    #[test]
    fn what_leaves_a_state_and_other_plans_are_not_waited_for() {
        const X: ActionKind = ActionKind::RemoveItem;
        let looks = (Some(38), Some(38));
        assert!(!mixes(&ledger(X, Some(lost())), X, false, looks));
        let clearing = ledger(R, Some(lost()));
        assert!(!mixes(&clearing, ActionKind::DisableAccount, true, looks));
        let elsewhere = Earlier::of(&clearing, &pid(2), (&aid(3), R, PATH), true);
        assert!(!elsewhere.mixes(Some(at(38)), Some(at(38))));
    }
}
