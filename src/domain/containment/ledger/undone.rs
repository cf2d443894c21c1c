//! An account that was contained from several cases: one enabling undoes it for all of them, and each is to hear of it.
//!
//! What must not live here: telling a case (`engine::watch`), the words of it (`hold`).

use chrono::{DateTime, Utc};

use super::{ActionView, Ledger};
use crate::domain::containment::hold::undone_marker;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::{AccountId, CaseId};

impl Ledger {
    /// Lists the disablings that still hold an account for other cases than this one, the last of each case.
    pub fn contained_elsewhere(
        &self,
        account: &AccountId,
        case: &CaseId,
        now: DateTime<Utc>,
    ) -> Vec<&ActionView> {
        let turns = self.turns(now).remove(account).unwrap_or_default();
        let (mut open, _) = self.spans(turns);
        open.retain(|act| act.still_disables() && !self.is_one_case(&act.case, case));
        open
    }

    /// Lists the disablings that were undone from here for another case and whose own case was not told of that, each with the
    /// enabling.
    ///
    /// What others undid before was told as that.
    pub fn undone_elsewhere(&self, now: DateTime<Utc>) -> Vec<(&ActionView, &ActionView)> {
        let turns = self.turns(now).into_values();
        let all = turns.flat_map(|turns| self.spans(turns).1);
        let is_new = |(act, by): &(&ActionView, &ActionView)| {
            act.still_disables()
                && !self.is_one_case(&act.case, &by.case)
                && !self.holds.is_told(&undone_marker(&act.aid))
        };
        all.filter(is_new).collect()
    }

    /// Gives the last disabling of each case that no enabling followed, and those that a proven one did, with that.
    fn spans<'a>(
        &self,
        turns: Vec<&'a ActionView>,
    ) -> (Vec<&'a ActionView>, Vec<(&'a ActionView, &'a ActionView)>) {
        let (mut open, mut undone) = (Vec::<&ActionView>::new(), Vec::new());
        for act in turns {
            if act.stands_as_disabled() {
                open.retain(|known| !self.is_one_case(&known.case, &act.case));
                open.push(act);
            } else if act.state == ActionState::Verified {
                undone.extend(open.drain(..).map(|held| (held, act)));
            }
        }
        (open, undone)
    }

    fn is_one_case(&self, one: &CaseId, other: &CaseId) -> bool {
        self.outbox.home_of(one) == self.outbox.home_of(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::samples::{
        account, aid, at, case, confirmed, entry, intent, outcome, planned,
    };
    use crate::domain::ids::{ActionId, RecordId};

    const D: ActionKind = ActionKind::DisableAccount;
    const E: ActionKind = ActionKind::EnableAccount;

    fn other() -> CaseId {
        CaseId::new(case().connection, "~other")
    }

    /// An action for a case with its last word; the number orders them.
    fn act(ledger: &mut Ledger, number: u128, kind: ActionKind, of: &CaseId, word: OutcomeState) {
        let n = u64::try_from(number).unwrap_or_default() * 10;
        let second = i64::try_from(n).unwrap_or_default();
        let mut plan = planned(number, 0, kind);
        if let Body::ActionPlan { case, .. } = &mut plan {
            *case = of.clone();
        }
        let all = [
            plan,
            confirmed(number, false),
            intent(number, Some(second)),
            outcome(number, word),
        ];
        for (body, n) in all.into_iter().zip(n..) {
            ledger.apply(&entry(n, second, body));
        }
    }

    fn elsewhere(ledger: &Ledger, of: &CaseId) -> Vec<ActionId> {
        let all = ledger.contained_elsewhere(&account().id, of, at(600));
        all.into_iter().map(|act| act.aid.clone()).collect()
    }

    fn untold(ledger: &Ledger) -> Vec<(ActionId, ActionId)> {
        let all = ledger.undone_elsewhere(at(600)).into_iter();
        all.map(|(act, by)| (act.aid.clone(), by.aid.clone()))
            .collect()
    }

    #[test]
    fn every_case_but_the_one_that_undid_it_hears_of_an_undo_once() {
        let mut ledger = Ledger::default();
        act(&mut ledger, 1, D, &case(), OutcomeState::Verified);
        act(&mut ledger, 2, D, &case(), OutcomeState::Verified);
        act(&mut ledger, 3, D, &other(), OutcomeState::Verified);
        assert_eq!(elsewhere(&ledger, &other()), [aid(2)], "the last of it");
        assert_eq!(elsewhere(&ledger, &case()), [aid(3)]);
        assert_eq!(untold(&ledger), []);
        act(&mut ledger, 4, E, &other(), OutcomeState::Verified);
        assert_eq!(untold(&ledger), [(aid(2), aid(4))]);
        assert_eq!(elsewhere(&ledger, &other()), []);
        let rid = RecordId::from_parts(at(0), 9);
        let promise = Body::RecordIntent {
            rid: rid.clone(),
            kind: "comment".to_owned(),
            case: case(),
            marker: undone_marker(&aid(2)),
            sha256: String::new(),
            phase: None,
        };
        ledger.apply(&entry(90, 90, promise));
        assert_eq!(untold(&ledger), [(aid(2), aid(4))], "it may have failed");
        let done = Body::RecordDone {
            rid,
            id: "~7".into(),
        };
        ledger.apply(&entry(91, 91, done));
        assert_eq!(untold(&ledger), []);
    }

    #[test]
    fn an_enabling_that_nobody_proved_undoes_nothing() {
        let mut ledger = Ledger::default();
        act(&mut ledger, 1, D, &case(), OutcomeState::Verified);
        act(&mut ledger, 2, E, &other(), OutcomeState::Unverifiable);
        assert_eq!(untold(&ledger), []);
        act(&mut ledger, 3, E, &other(), OutcomeState::Verified);
        assert_eq!(untold(&ledger), [(aid(1), aid(3))]);
    }

    #[test]
    fn what_others_undid_and_what_its_own_case_undid_is_no_news() {
        let mut ledger = Ledger::default();
        act(&mut ledger, 1, D, &case(), OutcomeState::Drifted);
        act(&mut ledger, 2, E, &other(), OutcomeState::Verified);
        assert_eq!(untold(&ledger), []);
        act(&mut ledger, 3, D, &case(), OutcomeState::Verified);
        act(&mut ledger, 4, E, &case(), OutcomeState::Verified);
        assert_eq!(untold(&ledger), []);
        assert_eq!(elsewhere(&ledger, &other()), []);
    }
}
