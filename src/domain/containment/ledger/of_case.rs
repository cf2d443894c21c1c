//! What was done for a case and stands, is not over, or is not documented in it.
//!
//! What must not live here: the words for it, and what a person was shown of it (`app::update::closing`).

use chrono::{DateTime, Utc};

use super::{ActionView, Ledger};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::{CaseId, PlanId};

impl Ledger {
    /// Lists the disablings of a case that stand, and what may still disable or enable an account for it.
    pub fn open_of(&self, case: &CaseId, now: DateTime<Utc>) -> Vec<&ActionView> {
        let stands = self.disabled(now).into_iter();
        let stands = stands.filter(|action| action.still_disables());
        let is_open = |action: &ActionView| action.is_to_come() || action.is_closed_by_hand();
        let open = self.actions().filter(|action| {
            let decides = matches!(
                action.kind,
                ActionKind::DisableAccount | ActionKind::EnableAccount
            );
            decides && !action.dry_run && is_open(action)
        });
        let all = stands.chain(open);
        all.filter(|action| action.case == *case || self.outbox.home_of(&action.case) == case)
            .collect()
    }

    /// Gives the plans that have something to document and are not documented, oldest first.
    ///
    /// A plan counts once every action of it has its final word, and it was confirmed or approved: whoever approved it
    /// takes it for sent.
    pub fn undocumented(&self) -> Vec<PlanId> {
        let mut pids: Vec<PlanId> = Vec::new();
        for action in &self.actions {
            let was_decided = action.confirmed.is_some() || self.asked.is_approved(&action.pid);
            let worth = was_decided && !action.dry_run && action.comment.is_none();
            if worth && !pids.contains(&action.pid) {
                pids.push(action.pid.clone());
            }
        }
        // A confirmation that was torn in the middle leaves some of a plan that nobody will ever take further; what waited
        // for a second person gets its word all the same.
        let is_over = |action: &&ActionView| {
            let is_left = action.confirmed.is_none() && action.state != ActionState::Awaiting;
            action.ended.is_some() || is_left
        };
        pids.retain(|pid| self.plan(pid).iter().all(is_over));
        pids
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::samples::{
        aid, at, case, confirmed, entry, intent, outcome, planned,
    };

    const D: ActionKind = ActionKind::DisableAccount;
    const R: ActionKind = ActionKind::RevokeSessions;

    #[rstest]
    #[case::only_planned(D, vec![], 0)]
    #[case::confirmed(D, vec![confirmed(1, false)], 1)]
    #[case::in_a_dry_run(D, vec![confirmed(1, true)], 0)]
    #[case::sent(D, vec![confirmed(1, false), intent(1, Some(0))], 1)]
    #[case::of_sessions(R, vec![confirmed(1, false), intent(1, Some(0))], 0)]
    #[case::stands(
        D,
        vec![confirmed(1, false), intent(1, Some(0)), outcome(1, OutcomeState::Verified)],
        1
    )]
    #[case::undone(
        D,
        vec![
            confirmed(1, false),
            intent(1, Some(0)),
            outcome(1, OutcomeState::Verified),
            outcome(1, OutcomeState::Drifted),
        ],
        0
    )]
    #[case::refuted(
        D,
        vec![confirmed(1, false), intent(1, Some(0)), outcome(1, OutcomeState::NotEffective)],
        0
    )]
    fn what_a_case_is_not_closed_over_unseen(
        #[case] kind: ActionKind,
        #[case] then: Vec<Body>,
        #[case] open: usize,
    ) {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, kind)));
        for (body, n) in then.into_iter().zip(2..) {
            ledger.apply(&entry(n, 0, body));
        }
        let found = ledger.open_of(&case(), at(60));
        assert_eq!(found.len(), open);
        assert!(found.iter().all(|action| action.aid == aid(1)));
        let elsewhere = CaseId::new(case().connection, "~other");
        assert!(ledger.open_of(&elsewhere, at(60)).is_empty());
    }
}
