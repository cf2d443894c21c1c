//! The same action on the same account by two plans: whoever comes second must have seen the first.
//!
//! Asked with the log locked, right before an intent is written: of two consoles that confirm at once one is told, and
//! sends nothing. Sending again what is UNKNOWN stays a person's decision: a plan that was made after it may.

use super::kind::ActionKind;
use super::ledger::{ActionView, Ledger};
use super::remnant::Item;
use crate::domain::ids::{AccountId, PlanId};
use crate::domain::text::Safe;
use crate::safe;

/// Name of the guard, as refusals carry it.
pub const GUARD: &str = "another plan";

/// Says why a plan must not do something to an account now: another plan is at it, or did it unseen by this one.
pub fn refusal(
    ledger: &Ledger,
    plan: &PlanId,
    account: &AccountId,
    (kind, item): (ActionKind, Option<&Item>),
) -> Option<Safe> {
    let own = ledger.plan(plan);
    // A plan that is not in the records has seen nothing of them.
    let planned = own.first().map_or(0, |own| own.planned_n);
    // Two removals are the same where they take away the same thing, whatever it was called at the time.
    let takes = |other: &ActionView, item| other.item.as_ref().is_some_and(|one| one.is_same(item));
    let is_same =
        |other: &ActionView| other.kind == kind && item.is_none_or(|item| takes(other, item));
    // An undo that waited in a dialog must not lift a containment that was made since.
    let is_undone = |other: &ActionView| {
        kind == ActionKind::EnableAccount
            && other.kind == ActionKind::DisableAccount
            && other.sent_n > planned
            && (other.is_unfinished() || other.may_have_had_effect())
    };
    let rival = ledger
        .on(account)
        .filter(|other| other.pid != *plan && other.sent.is_some())
        .rfind(|other| {
            let is_rival = is_same(other) && is_in_the_way(other, planned);
            is_rival || is_undone(other)
        })?;
    Some(safe!(
        "{} of this account stands as {} by the plan {}, of which this plan knew nothing: look at it, then plan again",
        rival.kind.word(),
        rival.word(),
        rival.pid
    ))
}

fn is_in_the_way(other: &ActionView, planned: u64) -> bool {
    let unseen = other.sent_n > planned;
    if other.is_unfinished() {
        return unseen || other.state.is_running();
    }
    // A second reset voids the password that the first one handed out.
    unseen && other.kind.is_of_password() && other.may_have_had_effect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, ItemNamed, OutcomeState};
    use crate::domain::containment::remnant::RemnantKind;
    use crate::domain::containment::samples::{
        account, aid, confirmed, entry, intent, outcome, pid, planned,
    };
    use crate::domain::ids::AccountId;

    const D: ActionKind = ActionKind::DisableAccount;
    const R: ActionKind = ActionKind::RevokeSessions;
    const P: ActionKind = ActionKind::ResetPassword;
    const X: ActionKind = ActionKind::RemoveItem;

    fn item(id: &str) -> Item {
        Item::new(RemnantKind::OauthGrant, id, "Mail Sync")
    }

    /// The plan of another console, number 2, and of this one, number 1, whose records come before or after.
    fn ledger(theirs: Vec<Body>, kind: ActionKind, seen: bool) -> Ledger {
        let mut all = vec![of_plan(2, planned(2, 0, kind))];
        let own = planned(1, 0, kind);
        if seen {
            all.extend(theirs);
            all.push(own);
        } else {
            all.push(own);
            all.extend(theirs);
        }
        let mut ledger = Ledger::default();
        for (body, n) in all.into_iter().zip(1..) {
            ledger.apply(&entry(n, n.cast_signed(), body));
        }
        ledger
    }

    fn of_plan(number: u128, mut body: Body) -> Body {
        if let Body::ActionPlan { pid: of, .. } | Body::ActionConfirm { pid: of, .. } = &mut body {
            *of = pid(number);
        }
        body
    }

    fn sent() -> Vec<Body> {
        vec![of_plan(2, confirmed(2, false)), intent(2, None)]
    }

    fn then(body: Body) -> Vec<Body> {
        let mut all = sent();
        all.push(body);
        all
    }

    fn acked() -> Body {
        Body::ActionAck {
            aid: aid(2),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: None,
        }
    }

    fn unknown() -> Body {
        Body::ActionUnknown {
            aid: aid(2),
            attempt: 1,
            reason: "reset".into(),
        }
    }

    #[rstest]
    #[case::only_planned(vec![], D, false, false)]
    #[case::only_confirmed(vec![of_plan(2, confirmed(2, false))], D, false, false)]
    #[case::sent(sent(), D, true, true)]
    #[case::accepted(then(acked()), D, true, true)]
    // What is UNKNOWN may be sent again by a plan that was made after it, and by no other.
    #[case::unknown(then(unknown()), D, true, false)]
    #[case::proven(then(outcome(2, OutcomeState::Verified)), D, false, false)]
    #[case::revoked(then(outcome(2, OutcomeState::Verified)), R, false, false)]
    #[case::reset(then(outcome(2, OutcomeState::Verified)), P, true, false)]
    #[case::reset_refused(then(outcome(2, OutcomeState::Rejected)), P, false, false)]
    #[case::reset_unknown(then(unknown()), P, true, false)]
    fn what_another_plan_did_unseen_is_in_the_way(
        #[case] theirs: Vec<Body>,
        #[case] kind: ActionKind,
        #[case] unseen: bool,
        #[case] seen: bool,
    ) {
        let judged = |is_seen: bool, kind, account: &AccountId| {
            let ledger = ledger(theirs.clone(), kind, is_seen);
            refusal(&ledger, &pid(1), account, (kind, None))
        };
        let here = account().id;
        let reason = judged(false, kind, &here);
        assert_eq!(reason.is_some(), unseen, "{reason:?}");
        assert_eq!(judged(true, kind, &here).is_some(), seen);
        assert!(reason.is_none_or(|said| said.as_str().contains(kind.word())));
        // Nothing of it touches another account.
        let other = AccountId::new(here.connection.clone(), "00uOther");
        assert_eq!(judged(false, kind, &other), None);
    }

    #[rstest]
    #[case::on_its_way(sent(), true)]
    #[case::proven(then(outcome(2, OutcomeState::Verified)), true)]
    #[case::refuted(then(outcome(2, OutcomeState::NotEffective)), false)]
    fn a_disabling_that_an_undo_did_not_see_is_in_its_way(
        #[case] theirs: Vec<Body>,
        #[case] unseen: bool,
    ) {
        let judged = |seen| {
            let ledger = ledger(theirs.clone(), D, seen);
            refusal(
                &ledger,
                &pid(1),
                &account().id,
                (ActionKind::EnableAccount, None),
            )
        };
        let said = judged(false);
        assert_eq!(said.is_some(), unseen);
        assert!(said.is_none_or(|said| said.as_str().contains(D.word())));
        assert_eq!(judged(true), None);
    }

    #[test]
    fn another_thing_that_is_removed_is_in_nobodys_way() {
        let named = |n: u128, id: &str| {
            Body::ActionItem(ItemNamed {
                pid: pid(n),
                aid: aid(n),
                item: item(id),
                since: None,
                before: "{}".into(),
            })
        };
        let mut theirs = sent();
        theirs.insert(0, named(2, "a"));
        // This plan removes two things; the other one is at the first of them.
        let ledger = ledger(theirs, X, false);
        let judged = |id: &str| refusal(&ledger, &pid(1), &account().id, (X, Some(&item(id))));
        assert!(judged("a").is_some());
        assert_eq!(judged("b"), None);
    }

    #[test]
    fn another_kind_its_own_plan_and_a_dry_run_are_in_nobodys_way() {
        let there = ledger(sent(), D, false);
        assert_eq!(refusal(&there, &pid(1), &account().id, (R, None)), None);
        assert_eq!(refusal(&there, &pid(2), &account().id, (D, None)), None);
        let dry = ledger(
            vec![of_plan(2, confirmed(2, true)), intent(2, None)],
            D,
            false,
        );
        assert_eq!(refusal(&dry, &pid(1), &account().id, (D, None)), None);
        // A plan that is in no record has seen nothing.
        let before = ledger(then(unknown()), D, true);
        assert_eq!(refusal(&before, &pid(1), &account().id, (D, None)), None);
        assert!(refusal(&before, &pid(9), &account().id, (D, None)).is_some());
    }
}
