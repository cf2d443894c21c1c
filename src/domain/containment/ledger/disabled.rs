//! Which accounts are disabled from here, or read as disabled after one of our requests, as far as the records tell: whom
//! the watch looks at.
//!
//! One rule for the watch, for the console and for what waits for a case. What must not live here: whether an account is
//! contained (`standing`), looking at it (`engine::watch`).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{ActionView, Ledger};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::AccountId;

/// For how long an account is watched whose disabling ended without a proof that it is ours: what is older is for whoever did
/// it to watch.
const LATE: TimeDelta = TimeDelta::days(7);

/// How long after it was sent an action without a final word is taken for one on its way: longer than any reads it back.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(15);

impl Ledger {
    /// Lists the latest disabling of each account after which it stands as disabled, undone by others since or not, and that
    /// no enabling from here takes back; by account.
    ///
    /// The latest is the one that was sent last: what was planned first may have waited for a second person. One more that
    /// nobody could prove takes an earlier proof from nobody, unless the account was found enabled after that proof and reads
    /// as disabled again.
    pub fn disabled(&self, now: DateTime<Utc>) -> Vec<&ActionView> {
        let turns = self.turns(now).into_values();
        let latest = turns.filter_map(|turns| turns.last().copied());
        let is_fresh = |action: &ActionView| action.ended.is_some_and(|ended| now - ended < LATE);
        latest
            .filter(|action| {
                action.is_proven_disabling() || (action.is_late_disabling() && is_fresh(action))
            })
            .collect()
    }

    /// Lists, account by account, the disablings after which it stood as disabled and the enablings that took them back, in
    /// the order of sending: each decides until the next.
    pub(super) fn turns(&self, now: DateTime<Utc>) -> BTreeMap<&AccountId, Vec<&ActionView>> {
        let tells = |action: &&ActionView| {
            !action.dry_run && (action.stands_as_disabled() || action.takes_back(now))
        };
        let mut all: Vec<&ActionView> = self.actions().filter(tells).collect();
        all.sort_by_key(|action| action.sending());
        let mut turns: BTreeMap<&AccountId, Vec<&ActionView>> = BTreeMap::new();
        for action in all {
            let of_account = turns.entry(&action.account).or_default();
            let last = of_account.last();
            if last.is_none_or(|known| !action.came_too_late_for(known)) {
                of_account.push(action);
            }
        }
        turns
    }
}

impl ActionView {
    /// Tells whether it is a disabling that was proven, undone by others since or not.
    pub fn is_proven_disabling(&self) -> bool {
        self.kind == ActionKind::DisableAccount
            && matches!(self.state, ActionState::Verified | ActionState::Drifted)
    }

    /// Tells whether it is a disabling that ended without a proof though the account read as disabled: by others, by another
    /// act of ours, or by a copy of its own request, of which the refused one was answered.
    pub fn is_late_disabling(&self) -> bool {
        self.kind == ActionKind::DisableAccount
            && self.ended.is_some()
            && self.matches == Some(true)
            && matches!(
                self.state,
                ActionState::Rejected | ActionState::Unverifiable
            )
    }

    /// Tells whether it is a disabling after which the account was read as disabled to the end, proven to be ours or not,
    /// undone by others since or not.
    pub fn stands_as_disabled(&self) -> bool {
        self.is_proven_disabling() || self.is_late_disabling()
    }

    /// Tells whether it stands so, and nobody saw that others undid it.
    pub fn still_disables(&self) -> bool {
        self.stands_as_disabled() && self.state != ActionState::Drifted
    }

    /// Tells whether it leaves an earlier disabling its proof though it has none: that one took effect after this one had
    /// found the account enabled. What others undo then is undone of the earlier one.
    ///
    /// The rule is that of `standing`.
    pub fn came_too_late_for(&self, earlier: &Self) -> bool {
        let took_effect = earlier.effective_at().zip(self.server_before);
        self.is_late_disabling()
            && earlier.is_proven_disabling()
            && took_effect.is_some_and(|(at, looked)| at >= looked)
    }

    /// Tells whether it is an enabling that ends the watch over what was disabled before it: it is proven, cannot be, was
    /// closed by hand after it was sent, is on its way, or was refused while the account reads as enabled.
    ///
    /// After the first three the account is watched as one that was enabled again: two watches with opposite premises would
    /// ring for each other. One that nobody can read back for long may never have happened.
    pub fn takes_back(&self, now: DateTime<Utc>) -> bool {
        self.kind == ActionKind::EnableAccount
            && match self.state {
                ActionState::Verified | ActionState::Unverifiable => true,
                ActionState::Rejected => self.matches == Some(true),
                ActionState::Abandoned => self.may_have_left(),
                _ => self.is_on_its_way(now),
            }
    }

    /// Tells whether it was sent a short time ago and has no final word yet.
    pub(super) fn is_on_its_way(&self, now: DateTime<Utc>) -> bool {
        let sent = self.sent.filter(|_| self.ended.is_none());
        sent.is_some_and(|sent| now - sent < ON_ITS_WAY)
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
    use crate::domain::audit::{Body, Observed, OutcomeState};
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

    fn read(number: u128, matches: Option<bool>) -> Body {
        Body::ActionObserve(Observed {
            aid: aid(number),
            evidence: "status".into(),
            matches,
            reads: 1,
            used: None,
            effect_at: None,
        })
    }

    /// A disabling that found the account enabled at a second, what was read after it, and its last word, if it has one.
    fn sent_late(
        ledger: &mut Ledger,
        number: u128,
        n: u64,
        (looked, matches): (Option<i64>, Option<bool>),
        word: Option<OutcomeState>,
    ) {
        let refused = Body::ActionRejected {
            aid: aid(number),
            attempt: 1,
            status: 400,
            reason: "not active".into(),
        };
        let bodies = [
            planned(number, 0, D),
            confirmed(number, false),
            intent(number, looked),
            refused,
            read(number, matches),
        ];
        let word = word.map(|word| outcome(number, word));
        for (body, n) in bodies.into_iter().chain(word).zip(n..) {
            ledger.apply(&entry(n, 60, body));
        }
    }

    #[rstest]
    // The first took effect after the second had found the account enabled.
    #[case::looked_before(Some(4), Some(true), OutcomeState::Rejected, 1)]
    #[case::of_the_same_second(Some(5), Some(true), OutcomeState::Rejected, 1)]
    #[case::another_plans(Some(4), Some(true), OutcomeState::Unverifiable, 1)]
    // Found enabled after the first, and disabled again by whomever.
    #[case::looked_after(Some(6), Some(true), OutcomeState::Rejected, 2)]
    #[case::not_provable(Some(6), Some(true), OutcomeState::Unverifiable, 2)]
    #[case::no_clock(None, Some(true), OutcomeState::Rejected, 2)]
    #[case::proven(Some(4), Some(true), OutcomeState::Verified, 2)]
    // It does not read as disabled: what is watched is that which was proven.
    #[case::reads_otherwise(Some(6), Some(false), OutcomeState::Rejected, 1)]
    #[case::unreadable(Some(6), None, OutcomeState::Unverifiable, 1)]
    #[case::refuted(Some(6), Some(true), OutcomeState::NotEffective, 1)]
    fn one_more_without_a_proof_counts_where_the_account_reads_disabled_and_no_proof_holds(
        #[case] looked: Option<i64>,
        #[case] matches: Option<bool>,
        #[case] word: OutcomeState,
        #[case] stands: u128,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 5);
        sent_late(&mut ledger, 2, 20, (looked, matches), Some(word));
        assert_eq!(disabled(&ledger, at(61)), [aid(stands)]);
    }

    #[rstest]
    #[case::refused(Some(true), Some(OutcomeState::Rejected), true)]
    #[case::not_provable(Some(true), Some(OutcomeState::Unverifiable), true)]
    #[case::reads_otherwise(Some(false), Some(OutcomeState::Rejected), false)]
    #[case::unreadable(None, Some(OutcomeState::Unverifiable), false)]
    #[case::closed_by_hand(Some(true), Some(OutcomeState::Abandoned), false)]
    // Its own readings are not over: they say what follows.
    #[case::refused_and_still_read(Some(true), None, false)]
    fn what_reads_disabled_to_the_end_stands_without_a_proof(
        #[case] matches: Option<bool>,
        #[case] word: Option<OutcomeState>,
        #[case] stands: bool,
    ) {
        let mut ledger = Ledger::default();
        sent_late(&mut ledger, 1, 10, (Some(5), matches), word);
        let expected: &[ActionId] = if stands { &[aid(1)] } else { &[] };
        assert_eq!(disabled(&ledger, at(61)), expected);
        let still = ledger.get(&aid(1)).map(ActionView::still_disables);
        assert_eq!(still, Some(stands));
        // Others undid it: it counts for a success after it, and is not looked at for that again.
        ledger.apply(&entry(30, 70, outcome(1, OutcomeState::Drifted)));
        assert_eq!(disabled(&ledger, at(71)), [aid(1)]);
        let still = ledger.get(&aid(1)).map(ActionView::still_disables);
        assert_eq!(still, Some(false));
        // Enabled from here it is no more looked at.
        proven(&mut ledger, 9, E, 40, 80);
        assert!(disabled(&ledger, at(81)).is_empty());
    }

    /// Nobody rings twice for one enabling by others.
    #[test]
    fn what_others_undid_of_the_first_is_not_waited_for_with_the_second() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 5);
        let late = (Some(5), Some(true));
        sent_late(&mut ledger, 2, 20, late, Some(OutcomeState::Rejected));
        ledger.apply(&entry(30, 70, outcome(1, OutcomeState::Drifted)));
        let all = ledger.disabled(at(71));
        let all: Vec<_> = all
            .iter()
            .map(|one| (&one.aid, one.still_disables()))
            .collect();
        assert_eq!(all, [(&aid(1), false)]);
        // Disabled anew after that, it is watched for what follows.
        let late = (Some(80), Some(true));
        sent_late(&mut ledger, 3, 40, late, Some(OutcomeState::Rejected));
        assert_eq!(disabled(&ledger, at(90)), [aid(3)]);
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
