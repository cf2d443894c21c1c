//! Our other requests on an account, as far as a proof has to know of them.
//!
//! What must not live here: reading back.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::state::ActionState;
use crate::domain::text::Untrusted;
use crate::engine::World;

/// How long after the last word on a request without an answer its entry may still come.
const ENTRY_LATE: TimeDelta = TimeDelta::minutes(5);

/// How finely the clock of a provider's answers is told.
const SECOND: TimeDelta = TimeDelta::seconds(1);

/// Gives the path of a request, as it was recorded.
fn path(action: &ActionView) -> Option<&Untrusted> {
    action.call.as_ref().map(|call| &call.2)
}

/// Counts our earlier requests on the account, to the same path, that may have an entry in the provider's log which
/// nothing is proven by yet.
pub(super) fn ahead(world: &World, action: &ActionView) -> usize {
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

/// Gives the provider's time from which on an entry that names no request is of none of those that were answered before this
/// one was sent, to the same path: the network may have delivered one of them twice, and each copy has an entry.
pub(super) fn after(world: &World, action: &ActionView) -> Option<DateTime<Utc>> {
    world.journal.with(|ledger| past_answers(ledger, action))
}

fn past_answers(ledger: &Ledger, action: &ActionView) -> Option<DateTime<Utc>> {
    let is_earlier = |other: &&ActionView| {
        other.aid != action.aid
            && other.sent.is_some()
            && (other.sent_n, other.order) < (action.sent_n, action.order)
    };
    let earlier: Vec<&ActionView> = ledger.on(&action.account).filter(is_earlier).collect();
    // What a plan revokes after its disabling is what there was until then.
    let is_disabling = |one: &&ActionView| {
        action.kind == ActionKind::RevokeSessions
            && one.kind == ActionKind::DisableAccount
            && one.pid == action.pid
    };
    let disabling = earlier.iter().copied().find(is_disabling);
    // When that began is told more finely than any answer, and what was answered before it was sent is older.
    let began = disabling.and_then(|one| one.effect_at.filter(|at| one.began_at() == Some(*at)));
    let is_before_it = |other: &ActionView| {
        let times = other.answered.zip(disabling.and_then(|one| one.sent));
        began.is_some() && times.is_some_and(|(answered, sent)| answered <= sent)
    };
    let same = earlier.iter().copied().filter(|other| {
        other.kind == action.kind && path(other) == path(action) && !is_before_it(other)
    });
    let answers = same.filter_map(|other| other.server_answer);
    let disabled = disabling
        .filter(|_| began.is_none())
        .and_then(|one| one.server_answer);
    let answered = answers.chain(disabled).max();
    let answered = answered.map(|at| at.checked_add_signed(SECOND).unwrap_or(at));
    answered.max(began)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed};
    use crate::domain::containment::samples::{
        account, aid, at, confirmed, entry, intent, pid, planned,
    };

    const D: ActionKind = ActionKind::DisableAccount;
    const R: ActionKind = ActionKind::RevokeSessions;

    /// One that was sent: its kind, its plan, the second of its answer, the milliseconds of its effect as it was read.
    type Sent = (ActionKind, u128, Option<i64>, Option<i64>);

    fn ms(milliseconds: i64) -> DateTime<Utc> {
        at(0) + TimeDelta::milliseconds(milliseconds)
    }

    /// What was sent one after another in second 10 by the provider's clock, seen from the last one.
    fn seen(all: &[Sent]) -> Option<DateTime<Utc>> {
        let mut ledger = Ledger::default();
        let mut n = 0;
        for ((kind, plan, answer, effect), number) in all.iter().zip(1u32..) {
            let mut own = planned(number.into(), number, *kind);
            if let Body::ActionPlan { pid: of, .. } = &mut own {
                *of = pid(*plan);
            }
            let mut left = intent(number.into(), Some(10));
            if let Body::ActionIntent { path, .. } = &mut left {
                *path = kind.key().into();
            }
            let answer = answer.map(|second| Body::ActionAck {
                aid: aid(number.into()),
                attempt: 1,
                status: 200,
                request_id: None,
                server_date: Some(at(second)),
            });
            let read = effect.map(|effect| {
                Body::ActionObserve(Observed {
                    aid: aid(number.into()),
                    evidence: "read".into(),
                    matches: Some(true),
                    reads: 1,
                    used: None,
                    effect_at: Some(ms(effect)),
                })
            });
            let sent = [own, confirmed(number.into(), false), left];
            for body in sent.into_iter().chain(answer).chain(read) {
                n += 1;
                ledger.apply(&entry(n, number.into(), body));
            }
        }
        let account = account();
        let last = ledger.on(&account.id).next_back()?;
        past_answers(&ledger, last)
    }

    const LAST: Sent = (R, 1, None, None);

    #[rstest]
    #[case::alone(&[LAST], None)]
    #[case::after_one(&[(R, 1, Some(10), None), LAST], Some(11_000))]
    #[case::of_another_plan(&[(R, 2, Some(10), None), LAST], Some(11_000))]
    // Whoever sends it waits until that is of an earlier second.
    #[case::after_one_without_an_answer(&[(R, 1, None, None), LAST], None)]
    #[case::after_the_disabling(&[(R, 1, Some(10), None), (D, 1, Some(12), None), LAST], Some(13_000))]
    #[case::whose_time_is_told(&[(R, 1, Some(10), None), (D, 1, Some(10), Some(10_042)), LAST], Some(10_042))]
    // That is of another act.
    #[case::of_another_time(&[(R, 1, Some(10), None), (D, 1, Some(10), Some(19_042)), LAST], Some(11_000))]
    #[case::a_disabling_of_another_plan(&[(R, 1, Some(10), None), (D, 2, Some(12), Some(12_042)), LAST], Some(11_000))]
    #[case::and_one_more_after_it(
        &[(D, 1, Some(10), Some(10_042)), (R, 2, Some(10), None), LAST],
        Some(11_000)
    )]
    #[case::a_disabling(&[(R, 1, Some(10), None), (D, 1, None, None)], None)]
    fn what_was_answered_before_is_older(#[case] all: &[Sent], #[case] after: Option<i64>) {
        assert_eq!(seen(all), after.map(ms));
    }
}
