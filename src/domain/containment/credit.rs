//! Whose work a state is that reads as wanted: evidence belongs to the action that caused it.
//!
//! A log entry is claimed by one action ([`outbox`](super::outbox)); a status has no author, so it is given to whom the
//! provider's answers leave. What must not live here: reading.

use super::kind::ActionKind;
use super::ledger::{ActionView, Ledger};
use super::state::ActionState;
use crate::domain::ids::PlanId;

/// To whom a state that reads as wanted belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credit {
    /// To this action.
    Own,
    /// Not to this one: the provider refused its request, or put it off and it was not sent again.
    Refused,
    /// To an action of another plan, whose request the provider acknowledged while this one has no answer.
    Another(PlanId),
    /// Not proven to be of this request: it began anew, or too late to be its effect, or was read as done so late that it may
    /// have.
    Elsewhen,
    /// Perhaps to somebody else: it read otherwise in between.
    Broken,
    /// Nobody can tell: a password is set, and this request has no answer.
    Unanswered,
}

/// Tells to whom the wanted state of an action's account belongs.
pub fn credit(ledger: &Ledger, action: &ActionView) -> Credit {
    let is_revoke = action.kind == ActionKind::RevokeSessions;
    // The entry of a clearing is claimed by one action, so what was found is its own.
    if is_revoke && action.used.is_some() {
        return Credit::Own;
    }
    if action.refused.is_some() {
        return Credit::Refused;
    }
    // An entry of the log that proves it is its own, whenever others were read first.
    if !is_revoke && action.used.is_none() && action.is_of_another_time() {
        return Credit::Elsewhen;
    }
    let is_state = matches!(
        action.kind,
        ActionKind::DisableAccount | ActionKind::EnableAccount
    );
    // Where the provider tells when the state began, and that did not move, a copy lagged.
    let is_of_one_time = action.effect_at.is_some() && action.effect_at == action.effect_first;
    if is_state && action.broken.is_some() && !is_of_one_time {
        return Credit::Broken;
    }
    // Sessions that have ended are a fact of now, whoever ended them.
    if action.acknowledged || is_revoke {
        return Credit::Own;
    }
    let undo = match action.kind {
        ActionKind::EnableAccount => Some(ActionKind::DisableAccount),
        // Nothing brings back what was removed.
        ActionKind::RemoveItem => None,
        ActionKind::ConfirmCompromised => Some(ActionKind::DismissRisk),
        ActionKind::DismissRisk => Some(ActionKind::ConfirmCompromised),
        _ => Some(ActionKind::EnableAccount),
    };
    // The last acknowledged act of the same kind that nothing may have undone before this one was sent.
    let mut others: Vec<_> = ledger
        .on(&action.account)
        .filter(|other| other.aid != action.aid && other.sent.is_some())
        .collect();
    others.sort_by_key(|other| other.sent_n);
    let mut author = None;
    for other in others {
        // A password is judged by what it was before: an earlier change of it is not what is read now.
        let is_earlier = action.kind.is_of_password() && other.before != action.before;
        if is_earlier {
            continue;
        }
        let is_same = other.kind == action.kind
            && match (&other.item, &action.item) {
                (Some(other), Some(own)) => other.is_same(own),
                (other, own) => other == own,
            };
        // What others undid before this one was sent is not its author either.
        let is_undone = other.state == ActionState::Drifted
            && other
                .ended
                .zip(action.sent)
                .is_some_and(|(ended, sent)| ended <= sent);
        if is_same && is_undone {
            author = None;
        } else if is_same && other.acknowledged && other.may_have_had_effect() {
            author = Some(other.pid.clone());
        } else if Some(other.kind) == undo
            && other.may_have_had_effect()
            && other.sent_n < action.sent_n
        {
            author = None;
        }
    }
    match author {
        Some(author) => Credit::Another(author),
        None if action.kind == ActionKind::ResetPassword => Credit::Unanswered,
        None if is_unseen_in_time(action) => Credit::Elsewhen,
        None => Credit::Own,
    }
}

/// Tells whether nothing says of an effect without an answer that it was there soon after the request: no time of it is told,
/// and it was read late.
fn is_unseen_in_time(action: &ActionView) -> bool {
    let is_timed = action.effect_at.is_some() || action.used.is_some();
    // A word on the risk without a time is read by its own reason.
    !is_timed && !action.kind.is_of_risk() && action.is_read_late()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed, OutcomeState};
    use crate::domain::containment::remnant::{Item, RemnantKind};
    use crate::domain::containment::samples::{
        account, aid, at, confirmed, entry, intent, outcome, pid, planned,
    };

    const D: ActionKind = ActionKind::DisableAccount;
    const R: ActionKind = ActionKind::RevokeSessions;
    const E: ActionKind = ActionKind::EnableAccount;
    const P: ActionKind = ActionKind::ResetPassword;
    const M: ActionKind = ActionKind::ConfirmCompromised;
    const N: ActionKind = ActionKind::DismissRisk;

    /// What was answered to an action.
    #[derive(Clone, Copy, Debug)]
    enum Answer {
        Ack,
        /// An answer without clock and id, as some vendors give it.
        Bare,
        Refused,
        Silent,
    }
    use Answer::{Ack, Bare, Refused, Silent};

    fn attempt(aid: u128, attempt: u32) -> Body {
        match intent(aid, Some(0)) {
            Body::ActionIntent {
                aid,
                method,
                host,
                path,
                body_sha256,
                request_id,
                server_date,
                password_changed,
                valid_from,
                deadline,
                ..
            } => Body::ActionIntent {
                aid,
                attempt,
                method,
                host,
                path,
                body_sha256,
                request_id,
                server_date,
                password_changed,
                valid_from,
                deadline,
            },
            other => other,
        }
    }

    fn answered(number: u128, answer: Answer) -> Option<Body> {
        let aid = aid(number);
        Some(match answer {
            Ack => Body::ActionAck {
                aid,
                attempt: 1,
                status: 200,
                request_id: None,
                server_date: Some(at(1)),
            },
            Bare => Body::ActionAck {
                aid,
                attempt: 1,
                status: 204,
                request_id: None,
                server_date: None,
            },
            Refused => Body::ActionRejected {
                aid,
                attempt: 1,
                status: 400,
                reason: "not active".into(),
            },
            Silent => return None,
        })
    }

    /// Folds acts in the order of their sending, each its own plan, and judges the one asked for.
    fn judged(acts: &[(ActionKind, Answer)], asked: u128) -> Credit {
        let mut ledger = Ledger::default();
        for ((kind, answer), number) in acts.iter().zip(1u128..) {
            let mut plan = planned(number, 0, *kind);
            if let Body::ActionPlan { pid: of, .. } = &mut plan {
                *of = pid(number);
            }
            let bodies = [plan, confirmed(number, false), intent(number, Some(0))];
            let n = u64::try_from(number).unwrap_or_default() * 10;
            for (body, n) in bodies.into_iter().chain(answered(number, *answer)).zip(n..) {
                ledger.apply(&entry(n, 0, body));
            }
        }
        let action = ledger.get(&aid(asked)).cloned();
        action.map_or_else(
            || panic!("no such action"),
            |action| credit(&ledger, &action),
        )
    }

    #[rstest]
    #[case(&[(D, Ack)], 1, Credit::Own)]
    #[case(&[(D, Silent)], 1, Credit::Own)]
    #[case(&[(D, Bare)], 1, Credit::Own)]
    #[case(&[(D, Bare), (D, Ack)], 1, Credit::Own)]
    #[case(&[(D, Refused)], 1, Credit::Refused)]
    #[case(&[(E, Refused)], 1, Credit::Refused)]
    // A clearing is proven by its own entry of the log; where there is none, a refused one did nothing.
    #[case(&[(R, Refused)], 1, Credit::Refused)]
    #[case(&[(R, Ack), (R, Silent)], 2, Credit::Own)]
    // Two consoles at once: the acknowledged one did it.
    #[case(&[(D, Ack), (D, Silent)], 2, Credit::Another(pid(1)))]
    #[case(&[(D, Silent), (D, Ack)], 1, Credit::Another(pid(2)))]
    #[case(&[(D, Ack), (D, Refused)], 2, Credit::Refused)]
    // Both looked at the same password before.
    #[case(&[(P, Ack), (P, Silent)], 2, Credit::Another(pid(1)))]
    #[case(&[(P, Silent), (P, Ack)], 1, Credit::Another(pid(2)))]
    #[case(&[(D, Ack), (D, Ack)], 2, Credit::Own)]
    #[case(&[(D, Silent), (D, Silent)], 2, Credit::Own)]
    #[case(&[(D, Refused), (D, Silent)], 2, Credit::Own)]
    #[case(&[(E, Ack), (E, Silent)], 2, Credit::Another(pid(1)))]
    #[case(&[(M, Ack), (M, Silent)], 2, Credit::Another(pid(1)))]
    #[case(&[(M, Ack), (N, Ack), (M, Silent)], 3, Credit::Own)]
    #[case(&[(N, Ack), (M, Ack), (N, Silent)], 3, Credit::Own)]
    // Enabling takes no word on the risk back.
    #[case(&[(M, Ack), (E, Ack), (M, Silent)], 3, Credit::Another(pid(1)))]
    // What was undone before this one was sent is not its author.
    #[case(&[(D, Ack), (E, Ack), (D, Silent)], 3, Credit::Own)]
    #[case(&[(D, Ack), (E, Silent), (D, Silent)], 3, Credit::Own)]
    #[case(&[(E, Ack), (D, Ack), (E, Silent)], 3, Credit::Own)]
    #[case(&[(D, Ack), (R, Ack), (D, Silent)], 3, Credit::Another(pid(1)))]
    #[case(&[(D, Ack), (D, Silent), (E, Ack)], 2, Credit::Another(pid(1)))]
    #[case(&[(E, Ack), (D, Silent)], 2, Credit::Own)]
    fn a_state_belongs_to_whom_the_answers_leave(
        #[case] acts: &[(ActionKind, Answer)],
        #[case] asked: u128,
        #[case] expected: Credit,
    ) {
        assert_eq!(judged(acts, asked), expected);
    }

    #[test]
    fn an_act_on_another_account_or_a_dry_run_did_nothing_here() {
        let mut ledger = Ledger::default();
        let mut elsewhere = planned(1, 0, D);
        if let Body::ActionPlan { account: on, .. } = &mut elsewhere {
            *on = crate::domain::ids::AccountId::new(account().id.connection, "00uOther");
        }
        let all = [
            elsewhere,
            confirmed(1, false),
            intent(1, Some(0)),
            planned(2, 0, D),
            confirmed(2, true),
            intent(2, Some(0)),
            planned(3, 0, D),
            confirmed(3, false),
            intent(3, Some(0)),
        ];
        let answers = [answered(1, Ack), answered(2, Ack)].into_iter().flatten();
        for (body, n) in all.into_iter().chain(answers).zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(3)).cloned();
        assert_eq!(
            action.map(|action| credit(&ledger, &action)),
            Some(Credit::Own)
        );
    }

    #[rstest]
    #[case::before_it_was_sent(10, Credit::Own)]
    #[case::after_it_was_sent(30, Credit::Another(pid(1)))]
    fn what_others_undid_before_is_not_the_author(#[case] undone: i64, #[case] expected: Credit) {
        let mut ledger = Ledger::default();
        let first = [planned(1, 0, D), confirmed(1, false), intent(1, Some(0))];
        for (body, n) in first.into_iter().chain(answered(1, Ack)).zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let mut plan = planned(2, 0, D);
        if let Body::ActionPlan { pid: of, .. } = &mut plan {
            *of = pid(2);
        }
        for (body, n) in [plan, confirmed(2, false), intent(2, Some(20))]
            .into_iter()
            .zip(20..)
        {
            ledger.apply(&entry(n, 20, body));
        }
        ledger.apply(&entry(30, undone, outcome(1, OutcomeState::Drifted)));
        let action = ledger.get(&aid(2)).expect("it is on record");
        assert_eq!(credit(&ledger, action), expected);
    }

    #[rstest]
    #[case::done_again_after_it_read_otherwise(D, &[Some(true), Some(false), Some(true)], Credit::Broken)]
    #[case::late_but_never_otherwise(D, &[Some(false), Some(true)], Credit::Own)]
    #[case::enabled_again(E, &[Some(true), Some(false), Some(true)], Credit::Broken)]
    // A list that flaps is no state that others set.
    #[case::another_kind(P, &[Some(true), Some(false), Some(true)], Credit::Own)]
    fn what_read_otherwise_in_between_is_perhaps_of_others(
        #[case] kind: ActionKind,
        #[case] reads: &[Option<bool>],
        #[case] expected: Credit,
    ) {
        let mut ledger = Ledger::default();
        let acts = [planned(1, 0, kind), confirmed(1, false), intent(1, Some(0))];
        let reads = reads.iter().map(|matches| observed(*matches, None));
        let all = acts.into_iter().chain(answered(1, Ack)).chain(reads);
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(credit(&ledger, action), expected);
    }

    #[rstest]
    #[case::a_copy_that_lagged(1, 1, Credit::Own)]
    #[case::begun_anew(1, 5, Credit::Elsewhen)]
    fn where_the_time_of_a_state_is_told_it_says_whether_it_was_another_in_between(
        #[case] first: i64,
        #[case] last: i64,
        #[case] expected: Credit,
    ) {
        let mut ledger = Ledger::default();
        let acts = [planned(1, 0, D), confirmed(1, false), intent(1, Some(0))];
        let reads = [
            observed(Some(true), Some(first)),
            observed(Some(false), None),
            observed(Some(true), Some(last)),
        ];
        let all = acts.into_iter().chain(answered(1, Ack)).chain(reads);
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 1, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(credit(&ledger, action), expected);
    }

    #[rstest]
    #[case::a_password_set_anew(P, &[10, 12], Credit::Elsewhen)]
    #[case::a_password_set_once(P, &[10, 10], Credit::Own)]
    fn a_password_that_moves_is_of_others(
        #[case] kind: ActionKind,
        #[case] times: &[i64],
        #[case] expected: Credit,
    ) {
        let mut ledger = Ledger::default();
        let acts = [planned(1, 0, kind), confirmed(1, false), intent(1, Some(0))];
        let reads = times
            .iter()
            .map(|second| observed(Some(true), Some(*second)));
        let all = acts.into_iter().chain(answered(1, Ack)).chain(reads);
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 1, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(credit(&ledger, action), expected);
    }

    #[rstest]
    #[case::its_own(D, 1, Credit::Own)]
    #[case::too_late(D, 60, Credit::Elsewhen)]
    // Set by another clock than that of the answers: it was read in time.
    #[case::a_password(P, 60, Credit::Own)]
    #[case::another_one_asked_for(ActionKind::ExpirePassword, 60, Credit::Elsewhen)]
    // Sessions that have ended are a fact of now, whoever ended them.
    #[case::sessions(R, 60, Credit::Own)]
    fn what_began_after_the_request_was_over_is_of_others(
        #[case] kind: ActionKind,
        #[case] second: i64,
        #[case] expected: Credit,
    ) {
        let mut ledger = Ledger::default();
        let acts = [planned(1, 0, kind), confirmed(1, false), intent(1, Some(0))];
        let read = observed(Some(true), Some(second));
        let all = acts.into_iter().chain(answered(1, Ack)).chain([read]);
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(credit(&ledger, action), expected);
    }

    /// The clock of the provider's answers is behind ours, and the effect is stamped by a right one.
    #[rstest]
    #[case::accepted(-20, true, Credit::Own)]
    #[case::without_an_answer(-40, false, Credit::Elsewhen)]
    fn what_fits_our_clock_is_of_a_request_that_was_accepted(
        #[case] server: i64,
        #[case] is_accepted: bool,
        #[case] expected: Credit,
    ) {
        let mut ledger = Ledger::default();
        let acts = [
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, Some(server)),
        ];
        let ack = Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: Some(at(server)),
        };
        let read = observed(Some(true), Some(0));
        let all = acts
            .into_iter()
            .chain(is_accepted.then_some(ack))
            .chain([read]);
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(credit(&ledger, action), expected);
    }

    /// Sent in second 0, with a deadline in second 20 and with an answer or none, and read as done in a second.
    #[rstest]
    #[case::soon(D, Silent, None, 30, Credit::Own)]
    #[case::late(D, Silent, None, 31, Credit::Elsewhen)]
    #[case::enabled(E, Silent, None, 31, Credit::Elsewhen)]
    #[case::another_password_asked_for(
        ActionKind::ExpirePassword,
        Silent,
        None,
        31,
        Credit::Elsewhen
    )]
    // A copy that lags for minutes.
    #[case::accepted(D, Ack, None, 200, Credit::Own)]
    // It tells when it began.
    #[case::timed(D, Silent, Some(1), 200, Credit::Own)]
    // Read by its own reason.
    #[case::marked(M, Silent, None, 200, Credit::Own)]
    // Sessions that have ended are a fact of now, whoever ended them.
    #[case::sessions(R, Silent, None, 200, Credit::Own)]
    #[case::a_password(P, Silent, None, 200, Credit::Unanswered)]
    fn what_was_read_as_done_long_after_a_request_without_an_answer_may_be_of_others(
        #[case] kind: ActionKind,
        #[case] answer: Answer,
        #[case] began: Option<i64>,
        #[case] seen: i64,
        #[case] expected: Credit,
    ) {
        let mut ledger = Ledger::default();
        let acts = [planned(1, 0, kind), confirmed(1, false), intent(1, Some(0))];
        let before = acts.into_iter().chain(answered(1, answer));
        let all = before.map(|body| (body, 0));
        let read = [(observed(Some(true), began), seen)];
        for ((body, second), n) in all.chain(read).zip(1..) {
            ledger.apply(&entry(n, second, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(credit(&ledger, action), expected);
    }

    fn observed(matches: Option<bool>, second: Option<i64>) -> Body {
        Body::ActionObserve(Observed {
            aid: aid(1),
            evidence: "read".into(),
            matches,
            reads: 1,
            used: None,
            effect_at: second.map(at),
        })
    }

    #[test]
    fn an_earlier_reset_is_not_the_author_of_a_later_change() {
        let mut ledger = Ledger::default();
        let mut later = intent(2, Some(0));
        if let Body::ActionIntent {
            password_changed, ..
        } = &mut later
        {
            *password_changed = Some(at(7));
        }
        let mut plan = planned(2, 0, P);
        if let Body::ActionPlan { pid: of, .. } = &mut plan {
            *of = pid(2);
        }
        let first = [planned(1, 0, P), confirmed(1, false), intent(1, Some(0))];
        let second = [plan, confirmed(2, false), later];
        let all = first.into_iter().chain(answered(1, Ack)).chain(second);
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(2)).cloned();
        assert_eq!(
            action.map(|action| credit(&ledger, &action)),
            Some(Credit::Unanswered)
        );
    }

    #[rstest]
    #[case(Refused, Credit::Refused)]
    #[case(Ack, Credit::Own)]
    fn an_answer_outlives_the_console_that_got_it(
        #[case] answer: Answer,
        #[case] credited: Credit,
    ) {
        let mut ledger = Ledger::default();
        let adopted = Body::ActionAdopt {
            aid: aid(1),
            owner_pid: 7,
        };
        let all = [planned(1, 0, D), confirmed(1, false), intent(1, Some(0))];
        let all = all.into_iter().chain(answered(1, answer)).chain([adopted]);
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(1)).cloned();
        assert_eq!(
            action.map(|action| credit(&ledger, &action)),
            Some(credited)
        );
    }

    /// An acknowledged disabling, then an enabling by record 20; a second disabling has no answer.
    #[rstest]
    #[case::one_before(19, Credit::Another(pid(1)))]
    #[case::in_the_same(20, Credit::Another(pid(1)))]
    #[case::one_after(21, Credit::Own)]
    fn only_what_was_sent_before_this_one_may_have_undone_the_work_of_another(
        #[case] n: u64,
        #[case] expected: Credit,
    ) {
        let mut ledger = Ledger::default();
        for (number, kind, n, answer) in [(1, D, 10, Ack), (2, E, 20, Ack), (3, D, n, Silent)] {
            let mut plan = planned(number, 0, kind);
            if let Body::ActionPlan { pid: of, .. } = &mut plan {
                *of = pid(number);
            }
            let bodies = [plan, confirmed(number, false), intent(number, Some(0))];
            for body in bodies.into_iter().chain(answered(number, answer)) {
                ledger.apply(&entry(n, 0, body));
            }
        }
        let action = ledger.get(&aid(3)).cloned();
        assert_eq!(
            action.map(|action| credit(&ledger, &action)),
            Some(expected)
        );
    }

    #[test]
    fn nothing_brings_back_what_was_removed() {
        const X: ActionKind = ActionKind::RemoveItem;
        // An enabling in between makes the removal no less the work of the first.
        let acts = [(X, Ack), (E, Ack), (X, Silent)];
        assert_eq!(judged(&acts, 3), Credit::Another(pid(1)));
    }

    /// Of two removals the later has no answer: it is the earlier one's work only where it was the same thing.
    #[rstest]
    #[case("opf1", false)]
    #[case("opf2", true)]
    fn the_removal_of_another_thing_is_no_authors(#[case] second: &str, #[case] is_own: bool) {
        const X: ActionKind = ActionKind::RemoveItem;
        let named = |number: u128, id: &str| {
            Body::ActionItem(crate::domain::audit::ItemNamed {
                pid: pid(number),
                aid: aid(number),
                item: Item::new(RemnantKind::MfaMethod, id, "push"),
                since: None,
                before: "{}".into(),
            })
        };
        let mut ledger = Ledger::default();
        let all = [
            planned(1, 0, X),
            named(1, "opf1"),
            confirmed(1, false),
            intent(1, Some(0)),
        ];
        let then = [
            planned(2, 0, X),
            named(2, second),
            confirmed(2, false),
            intent(2, Some(5)),
        ];
        let bodies = all.into_iter().chain(answered(1, Ack)).chain(then);
        for (body, n) in bodies.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(2)).cloned();
        let word = action.map(|action| credit(&ledger, &action) == Credit::Own);
        assert_eq!(word, Some(is_own));
    }

    #[test]
    fn a_second_attempt_that_is_refused_is_not_credited_with_what_is_read() {
        let mut ledger = Ledger::default();
        let all = [
            planned(1, 0, D),
            confirmed(1, false),
            attempt(1, 1),
            attempt(1, 2),
        ];
        for (body, n) in all.into_iter().chain(answered(1, Refused)).zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(1)).cloned();
        assert_eq!(
            action.map(|action| credit(&ledger, &action)),
            Some(Credit::Refused)
        );
    }
}
