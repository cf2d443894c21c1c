//! What the watches recorded for a case that the case was not told.
//!
//! What must not live here: telling it (`engine::watch`).

use chrono::{DateTime, Utc};

use super::{ActionView, Ledger};
use crate::domain::containment::hold::{Success, drift_marker, success_marker};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::recovery_watch::{RecoveryWatch, seen_marker};
use crate::domain::containment::state::ActionState;

/// What no case was told yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Untold {
    /// Containments undone by others, successes after a containment, things seen after an enabling.
    pub alarms: usize,
    /// Watches over enabled accounts that ended.
    pub ends: usize,
    /// Containments that were undone from another case.
    pub undone: usize,
}

impl Ledger {
    /// Counts what the watches recorded and no case was told: for the words of a console that tells none.
    pub fn untold(&self, now: DateTime<Utc>) -> Untold {
        let is_open = |marker: &String| !self.holds.is_told(marker);
        let drifted = self.actions().filter(|action| {
            action.kind == ActionKind::DisableAccount && action.state == ActionState::Drifted
        });
        let drifted = drifted.map(|action| drift_marker(&action.aid));
        let succeeded = self.untold_successes(now).len();
        let returned = self.recoveries.all();
        let returned = returned.filter(|watch| !watch.seen.is_empty());
        let returned = returned.map(|watch| seen_marker(&watch.aid));
        let ended = self.recoveries.all().filter(|watch| watch.over.is_some());
        Untold {
            alarms: succeeded + drifted.chain(returned).filter(is_open).count(),
            ends: ended
                .map(RecoveryWatch::over_marker)
                .filter(is_open)
                .count(),
            undone: self.undone_elsewhere(now).len(),
        }
    }

    /// Lists the disablings after which the account succeeded in something that their cases were not told, each with that:
    /// also those that were undone since, from here or by others, or followed by another.
    ///
    /// What came after the next disabling or enabling is that one's, and told under one of them only.
    pub fn untold_successes(&self, now: DateTime<Utc>) -> Vec<(&ActionView, Vec<&Success>)> {
        let mut all = Vec::new();
        for turns in self.turns(now).into_values() {
            let nexts = turns.iter().copied().skip(1).map(Some).chain([None]);
            for (action, next) in turns.iter().copied().zip(nexts) {
                if !action.stands_as_disabled() || self.holds.is_told(&success_marker(&action.aid))
                {
                    continue;
                }
                let seen = self.successes_until(action, next, now);
                if !seen.is_empty() {
                    all.push((action, seen));
                }
            }
        }
        all
    }

    /// Lists what an account succeeded in after a disabling and before the one that followed.
    fn successes_until<'a>(
        &'a self,
        action: &'a ActionView,
        next: Option<&'a ActionView>,
        now: DateTime<Utc>,
    ) -> Vec<&'a Success> {
        let Some(since) = action.watched_from() else {
            return Vec::new();
        };
        let mut seen: Vec<&Success> = self.holds.successes(&action.account, since).collect();
        if seen.is_empty() {
            return seen;
        }
        // Once it is proven, what came after a disabling that is on its way is told under that.
        let open = self.on(&action.account).filter(|one| {
            one.kind == ActionKind::DisableAccount
                && one.sent_n > action.sent_n
                && one.is_on_its_way(now)
        });
        let later = next.into_iter().chain(open);
        let until = later.filter_map(ActionView::watched_from).min();
        seen.retain(|one| until.is_none_or(|until| one.at <= until));
        seen
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, OutcomeState, WatchSuccess};
    use crate::domain::containment::samples::{
        account, aid, at, case, confirmed, connection, entry, intent, outcome, planned, proven,
    };
    use crate::domain::ids::{ActionId, RecordId};

    const D: ActionKind = ActionKind::DisableAccount;
    const E: ActionKind = ActionKind::EnableAccount;

    fn counted(alarms: usize) -> Untold {
        Untold {
            alarms,
            ..Untold::default()
        }
    }

    fn success(second: i64) -> Body {
        Body::WatchSuccess(WatchSuccess {
            case: case(),
            account: account().id,
            connection: connection(),
            event: "e1".into(),
            at: at(second),
            action: "user.session.start".into(),
            address: None,
        })
    }

    /// Whose case is to be told of successes in which seconds.
    type Told = Vec<(ActionId, Vec<DateTime<Utc>>)>;

    fn untold(ledger: &Ledger, now: i64) -> Told {
        let all = ledger.untold_successes(at(now)).into_iter();
        let all = all.map(|(action, seen)| {
            let seen = seen.into_iter().map(|one| one.at).collect();
            (action.aid.clone(), seen)
        });
        all.collect()
    }

    /// What the cases of the first and of the second disabling are to be told of.
    fn expected(first: &[i64], second: &[i64]) -> Told {
        let all = [(1, first), (2, second)].into_iter();
        let all = all.filter(|(_, seen)| !seen.is_empty());
        let all = all.map(|(number, seen)| (aid(number), seen.iter().copied().map(at).collect()));
        all.collect()
    }

    fn told(ledger: &mut Ledger, marker: String, number: u128) {
        let rid = RecordId::from_parts(at(0), number);
        let intent = Body::RecordIntent {
            rid: rid.clone(),
            kind: "comment".to_owned(),
            case: case(),
            marker,
            sha256: String::new(),
            phase: None,
        };
        let done = Body::RecordDone {
            rid,
            id: "~7".into(),
        };
        for (body, n) in [intent, done].into_iter().zip(60..) {
            ledger.apply(&entry(n, 60, body));
        }
    }

    #[test]
    fn an_alarm_counts_until_its_case_was_told() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 0);
        assert_eq!(ledger.untold(at(60)), counted(0));
        ledger.apply(&entry(10, 40, success(40)));
        assert_eq!(ledger.untold(at(60)), counted(1));
        ledger.apply(&entry(11, 50, outcome(1, OutcomeState::Drifted)));
        assert_eq!(ledger.untold(at(60)), counted(2));
        told(&mut ledger, drift_marker(&aid(1)), 1);
        assert_eq!(ledger.untold(at(60)), counted(1));
        told(&mut ledger, success_marker(&aid(1)), 2);
        assert_eq!(ledger.untold(at(60)), counted(0));
    }

    #[rstest]
    #[case::proven(OutcomeState::Verified)]
    #[case::not_provable(OutcomeState::Unverifiable)]
    #[case::given_up(OutcomeState::Abandoned)]
    fn a_success_after_an_enabling_from_here_is_no_alarm(#[case] word: OutcomeState) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 0);
        proven(&mut ledger, 2, ActionKind::EnableAccount, 20, 20);
        ledger.apply(&entry(30, 20, outcome(2, word)));
        ledger.apply(&entry(40, 40, success(40)));
        assert_eq!(ledger.untold(at(60)), counted(0));
    }

    /// Successes in the seconds 10, 20 and 30; what follows the disabling comes in second 20.
    #[rstest]
    #[case::stands(None, &[10, 20, 30], &[])]
    #[case::enabled_from_here(Some((E, OutcomeState::Verified)), &[10, 20], &[])]
    #[case::perhaps_enabled(Some((E, OutcomeState::Unverifiable)), &[10, 20], &[])]
    #[case::not_enabled_after_all(Some((E, OutcomeState::NotEffective)), &[10, 20, 30], &[])]
    #[case::contained_anew(Some((D, OutcomeState::Verified)), &[10, 20], &[30])]
    #[case::contained_anew_and_undone(Some((D, OutcomeState::Drifted)), &[10, 20], &[30])]
    #[case::not_contained_anew(Some((D, OutcomeState::NotEffective)), &[10, 20, 30], &[])]
    fn a_success_is_told_under_the_containment_in_whose_time_it_was(
        #[case] then: Option<(ActionKind, OutcomeState)>,
        #[case] first: &[i64],
        #[case] second: &[i64],
        #[values(false, true)] by_others: bool,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 1, 0);
        if by_others {
            ledger.apply(&entry(9, 15, outcome(1, OutcomeState::Drifted)));
        }
        if let Some((kind, word)) = then {
            proven(&mut ledger, 2, kind, 20, 20);
            ledger.apply(&entry(30, 20, outcome(2, word)));
        }
        for (second, n) in [10, 20, 30].into_iter().zip(40..) {
            ledger.apply(&entry(n, 35, success(second)));
        }
        assert_eq!(untold(&ledger, 60), expected(first, second));
        // Each once.
        told(&mut ledger, success_marker(&aid(1)), 1);
        assert_eq!(untold(&ledger, 60), expected(&[], second));
        told(&mut ledger, success_marker(&aid(2)), 2);
        assert_eq!(untold(&ledger, 60), expected(&[], &[]));
    }

    /// It would be told again once the newer one is proven.
    #[test]
    fn what_came_after_a_newer_containment_on_its_way_waits_for_its_word() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 1, 0);
        let sent = [planned(2, 0, D), confirmed(2, false), intent(2, Some(20))];
        for (body, n) in sent.into_iter().zip(20..) {
            ledger.apply(&entry(n, 20, body));
        }
        ledger.apply(&entry(30, 30, success(10)));
        ledger.apply(&entry(31, 30, success(30)));
        assert_eq!(untold(&ledger, 60), expected(&[10], &[]));
        // Nobody can read it for long.
        assert_eq!(untold(&ledger, 6_000), expected(&[10, 30], &[]));
        ledger.apply(&entry(40, 40, outcome(2, OutcomeState::Verified)));
        assert_eq!(untold(&ledger, 60), expected(&[10], &[30]));
    }
}
