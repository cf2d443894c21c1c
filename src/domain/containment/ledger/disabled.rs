//! Which accounts are disabled from here, as far as the records tell: whom the watch looks at.
//!
//! One rule for the watch, for the console and for what waits for a case. What must not live here: whether an account is
//! contained (`standing`), looking at it (`engine::watch`).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{ActionView, Ledger};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::AccountId;

/// How long after it was sent an enabling without a final word is taken for one on its way: longer than any reads it back.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(15);

impl Ledger {
    /// Lists the latest disabling of each account that was proven, undone by others since or not, and that no enabling from
    /// here takes back; by account.
    ///
    /// The latest is the one that was sent last: what was planned first may have waited for a second person. One more that
    /// nobody could prove takes an earlier proof from nobody.
    pub fn disabled(&self, now: DateTime<Utc>) -> Vec<&ActionView> {
        let tells = |action: &&ActionView| {
            !action.dry_run && (action.is_proven_disabling() || action.takes_back(now))
        };
        let mut latest: BTreeMap<&AccountId, &ActionView> = BTreeMap::new();
        for action in self.actions().filter(tells) {
            let known = latest.entry(&action.account).or_insert(action);
            if action.sending() >= known.sending() {
                *known = action;
            }
        }
        let latest = latest.into_values();
        latest
            .filter(|action| action.is_proven_disabling())
            .collect()
    }
}

impl ActionView {
    /// Tells whether it is a disabling that was proven, undone by others since or not.
    pub fn is_proven_disabling(&self) -> bool {
        self.kind == ActionKind::DisableAccount
            && matches!(self.state, ActionState::Verified | ActionState::Drifted)
    }

    /// Tells whether it is an enabling that ends the watch over what was disabled before it: it is proven, cannot be, was
    /// closed by hand after it was sent, or is on its way.
    ///
    /// After the first three the account is watched as one that was enabled again: two watches with opposite premises would
    /// ring for each other. One that nobody can read back for long may never have happened.
    pub fn takes_back(&self, now: DateTime<Utc>) -> bool {
        let sent = self.sent.filter(|_| self.ended.is_none());
        self.kind == ActionKind::EnableAccount
            && match self.state {
                ActionState::Verified | ActionState::Unverifiable => true,
                ActionState::Abandoned => self.may_have_left(),
                _ => sent.is_some_and(|sent| now - sent < ON_ITS_WAY),
            }
    }

    /// Gives its place in the order of sending, which no clock can change.
    fn sending(&self) -> (u64, u32) {
        (self.sent_n, self.order)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::samples::{
        aid, at, confirmed, connection, entry, intent, outcome, planned, proven,
    };
    use crate::domain::ids::ActionId;

    const D: ActionKind = ActionKind::DisableAccount;
    const E: ActionKind = ActionKind::EnableAccount;

    fn disabled(ledger: &Ledger, now: DateTime<Utc>) -> Vec<ActionId> {
        let all = ledger.disabled(now).into_iter();
        all.map(|action| action.aid.clone()).collect()
    }

    fn unknown() -> Body {
        Body::ActionUnknown {
            aid: aid(2),
            attempt: 1,
            reason: "no answer".into(),
        }
    }

    fn closed() -> Body {
        Body::ActionResolve {
            aid: aid(2),
            how: "closed".to_owned(),
            reason: "asked by phone".into(),
        }
    }

    /// A proven disabling, then another action that was sent a minute later.
    fn then_sent(kind: ActionKind, last: Option<Body>) -> Ledger {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 0);
        let bodies = [
            planned(2, 0, kind),
            confirmed(2, false),
            intent(2, Some(60)),
        ];
        for (body, n) in bodies.into_iter().chain(last).zip(20..) {
            ledger.apply(&entry(n, 60, body));
        }
        ledger
    }

    #[rstest]
    #[case::on_its_way(None, 1, false)]
    #[case::never_answered(None, 16, true)]
    #[case::perhaps_done(Some(unknown()), 1, false)]
    #[case::not_readable_for_long(Some(unknown()), 16, true)]
    #[case::proven(Some(outcome(2, OutcomeState::Verified)), 6_000, false)]
    #[case::not_provable(Some(outcome(2, OutcomeState::Unverifiable)), 6_000, false)]
    #[case::refuted(Some(outcome(2, OutcomeState::NotEffective)), 1, true)]
    #[case::refused(Some(outcome(2, OutcomeState::Rejected)), 1, true)]
    #[case::given_up(Some(outcome(2, OutcomeState::Abandoned)), 1, false)]
    #[case::closed_by_hand(Some(closed()), 6_000, false)]
    fn only_an_enabling_that_is_done_or_closed_or_on_its_way_ends_the_watch(
        #[case] last: Option<Body>,
        #[case] minutes: i64,
        #[case] watched: bool,
    ) {
        let ledger = then_sent(E, last);
        let all = disabled(&ledger, at(60) + TimeDelta::minutes(minutes));
        let expected: &[ActionId] = if watched { &[aid(1)] } else { &[] };
        assert_eq!(all, expected);
    }

    #[rstest]
    #[case::unknown(None)]
    #[case::given_up(Some(closed()))]
    #[case::not_provable(Some(outcome(2, OutcomeState::Unverifiable)))]
    #[case::refuted(Some(outcome(2, OutcomeState::NotEffective)))]
    fn a_second_disabling_without_a_proof_takes_the_first_out_of_no_watch(
        #[case] last: Option<Body>,
    ) {
        let ledger = then_sent(D, last);
        assert_eq!(disabled(&ledger, at(61)), [aid(1)]);
    }

    #[test]
    fn one_that_others_undid_stands_for_the_account_once_it_was_sent_after_the_first() {
        let ledger = then_sent(D, Some(outcome(2, OutcomeState::Drifted)));
        assert_eq!(disabled(&ledger, at(61)), [aid(2)]);
    }

    #[rstest]
    #[case::waiting(None)]
    #[case::closed_by_hand(Some(closed()))]
    fn one_that_was_not_sent_ends_nothing(#[case] last: Option<Body>) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 0);
        let bodies = [planned(2, 0, E), confirmed(2, false)];
        for (body, n) in bodies.into_iter().chain(last).zip(20..) {
            ledger.apply(&entry(n, 60, body));
        }
        assert_eq!(disabled(&ledger, at(61)), [aid(1)]);
    }

    #[rstest]
    // The enabling waited for a second person, and was sent after the disabling that was planned later.
    #[case::enabled_last(&[(1, D), (2, E), (3, D)], &[1, 3, 2], None)]
    // The disabling waited, and was sent after the enabling.
    #[case::disabled_last(&[(1, D), (2, E)], &[2, 1], Some(1))]
    #[case::disabled_last_and_before(&[(1, D), (2, D), (3, E)], &[1, 3, 2], Some(2))]
    #[case::the_earlier_plan_last(&[(1, D), (2, D)], &[2, 1], Some(1))]
    #[case::as_planned(&[(1, D), (2, E), (3, D)], &[1, 2, 3], Some(3))]
    fn what_was_sent_last_counts_and_not_what_was_planned_last(
        #[case] plans: &[(u128, ActionKind)],
        #[case] sent: &[u128],
        #[case] stands: Option<u128>,
    ) {
        let plan = |(number, kind): &(u128, ActionKind)| planned(*number, 0, *kind);
        let plans = plans.iter().map(plan);
        let sent = sent.iter().flat_map(|number| {
            [
                confirmed(*number, false),
                intent(*number, Some(0)),
                outcome(*number, OutcomeState::Verified),
            ]
        });
        let mut ledger = Ledger::default();
        for (body, n) in plans.chain(sent).zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let expected: Vec<ActionId> = stands.map(aid).into_iter().collect();
        assert_eq!(disabled(&ledger, at(6_000)), expected);
    }

    #[test]
    fn each_account_counts_for_itself_and_a_dry_run_for_none() {
        let mut ledger = Ledger::default();
        let acts = [
            (1, "b", D, false),
            (2, "a", D, false),
            (3, "b", E, true),
            (4, "c", D, true),
            (5, "a", E, false),
        ];
        let mut n = 0;
        for (number, id, kind, dry_run) in acts {
            let mut plan = planned(number, 0, kind);
            if let Body::ActionPlan { account, .. } = &mut plan {
                *account = AccountId::new(connection(), id);
            }
            for body in [
                plan,
                confirmed(number, dry_run),
                intent(number, Some(0)),
                outcome(number, OutcomeState::Verified),
            ] {
                n += 1;
                ledger.apply(&entry(n, 0, body));
            }
        }
        assert_eq!(disabled(&ledger, at(60)), [aid(1)]);
    }
}
