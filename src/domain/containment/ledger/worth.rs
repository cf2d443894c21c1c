//! What is known of a password or link that a reset made to be handed over: whether it opens the account.
//!
//! What must not live here: the words for it (`ui`), keeping it (`app`).

use chrono::{DateTime, Utc};

use super::{ActionView, Ledger};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;

impl Ledger {
    /// Tells what a password or link that a reset made is worth, by its own records, those of later resets, and the time at
    /// which the password of the account was set, where that was read.
    pub fn worth(&self, reset: &ActionView, password: Option<DateTime<Utc>>) -> Worth {
        if self.later_resets(reset).any(is_accepted) {
            return Worth::Replaced;
        }
        let may_replace = |other: &ActionView| {
            // A copy of a refused one may have been carried out: the password reads as set anew.
            let is_read = other.effect_first;
            other.may_have_had_effect() || is_read.is_some_and(|at| reset.is_before_password(at))
        };
        let is_in_doubt = self.later_resets(reset).any(may_replace);
        match reset.own_worth() {
            Worth::Proven | Worth::Accepted | Worth::Unproven if is_in_doubt => {
                Worth::PerhapsReplaced
            }
            own @ (Worth::Proven | Worth::Accepted) => password
                .filter(|set| reset.is_before_password(*set))
                .map_or(own, Worth::Changed),
            own => own,
        }
    }

    fn later_resets<'a>(&'a self, reset: &'a ActionView) -> impl Iterator<Item = &'a ActionView> {
        self.on(&reset.account).filter(move |other| {
            other.kind == ActionKind::ResetPassword && other.sent_n > reset.sent_n
        })
    }
}

fn is_accepted(reset: &ActionView) -> bool {
    reset.acknowledged && reset.may_have_had_effect()
}

/// Whether what a reset made is that of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It is: the reset is proven.
    Proven,
    /// It should be: the provider accepted the reset, which is being read back.
    Accepted,
    /// Nobody knows: no answer to the reset is on record.
    Unanswered,
    /// Nobody can tell: the provider accepted the reset, which ended without a proof.
    Unproven,
    /// Nobody can tell: a later reset may have taken its place.
    PerhapsReplaced,
    /// It is not: the provider accepted a later reset.
    Replaced,
    /// It is not any more: the password was set anew at this time, by the user or others.
    Changed(DateTime<Utc>),
    /// Most likely it is not: the provider refused the reset, or it was not there when it was read back.
    Void,
}

impl Worth {
    /// Tells whether it opens the account, or will once its reset is proven.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Proven | Self::Accepted)
    }
}

impl ActionView {
    /// Tells what a password or link that it made is worth by its own records alone.
    fn own_worth(&self) -> Worth {
        let is_proven = self.state == ActionState::Verified && self.acknowledged;
        let is_void = matches!(
            self.state,
            ActionState::Rejected | ActionState::NotSent | ActionState::NotEffective
        );
        if is_proven {
            Worth::Proven
        } else if is_void || self.refused.is_some() {
            Worth::Void
        } else if !self.acknowledged {
            Worth::Unanswered
        } else if self.ended.is_none() {
            Worth::Accepted
        } else {
            Worth::Unproven
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed, OutcomeState};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{
        aid, at, confirmed, entry, intent, outcome, planned,
    };

    /// What was recorded after the intent.
    #[derive(Clone, Copy, Debug)]
    enum Then {
        Ack,
        Refused,
        Unknown,
        Adopted,
        Closed,
        /// Read back as the password of this second.
        Read(i64),
        Word(OutcomeState),
    }
    use Then::{Ack, Adopted, Closed, Read, Refused, Unknown, Word};

    fn body(then: Then) -> Body {
        body_of(1, then)
    }

    fn body_of(number: u128, then: Then) -> Body {
        let aid = aid(number);
        match then {
            Read(second) => Body::ActionObserve(Observed {
                aid,
                evidence: format!("password set at {second}").into(),
                matches: Some(true),
                reads: 1,
                used: None,
                effect_at: Some(at(second)),
            }),
            Ack => Body::ActionAck {
                aid,
                attempt: 1,
                status: 204,
                request_id: None,
                server_date: None,
            },
            Refused => Body::ActionRejected {
                aid,
                attempt: 1,
                status: 409,
                reason: "Conflict".into(),
            },
            Unknown => Body::ActionUnknown {
                aid,
                attempt: 1,
                reason: "no answer in time".into(),
            },
            Adopted => Body::ActionAdopt { aid, owner_pid: 7 },
            Closed => Body::ActionResolve {
                aid,
                how: "closed".to_owned(),
                reason: "by hand".into(),
            },
            Word(state) => outcome(number, state),
        }
    }

    #[rstest]
    #[case(&[], Worth::Unanswered)]
    #[case(&[Unknown], Worth::Unanswered)]
    #[case(&[Unknown, Word(OutcomeState::Unverifiable)], Worth::Unanswered)]
    // Its console ended before the answer came: whoever set the password that was found, nobody knows.
    #[case(&[Adopted, Word(OutcomeState::Verified)], Worth::Unanswered)]
    #[case(&[Ack], Worth::Accepted)]
    #[case(&[Ack, Adopted], Worth::Accepted)]
    #[case(&[Ack, Unknown], Worth::Accepted)]
    #[case(&[Ack, Word(OutcomeState::Verified)], Worth::Proven)]
    #[case(&[Ack, Word(OutcomeState::Unverifiable)], Worth::Unproven)]
    #[case(&[Ack, Closed], Worth::Unproven)]
    #[case(&[Ack, Word(OutcomeState::NotEffective)], Worth::Void)]
    #[case(&[Unknown, Word(OutcomeState::NotEffective)], Worth::Void)]
    // Refused for the state it is in, which is being read back.
    #[case(&[Refused], Worth::Void)]
    #[case(&[Refused, Word(OutcomeState::Rejected)], Worth::Void)]
    #[case(&[Refused, Closed], Worth::Void)]
    #[case(&[Word(OutcomeState::NotSent)], Worth::Void)]
    fn what_a_reset_made_is_worth_what_the_records_tell(
        #[case] then: &[Then],
        #[case] expected: Worth,
    ) {
        let mut ledger = Ledger::default();
        let first = [
            planned(1, 0, ActionKind::ResetPassword),
            confirmed(1, false),
            intent(1, Some(0)),
        ];
        let all = first.into_iter().chain(then.iter().copied().map(body));
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(ledger.worth(action, None), expected);
    }

    const PROVEN: [Then; 3] = [Ack, Read(5), Word(OutcomeState::Verified)];

    /// A reset, number 2, and a later act of a kind on the same account, number 1, with what was recorded of each.
    fn two(first: &[Then], kind: ActionKind, later: &[Then]) -> Ledger {
        let reset = ActionKind::ResetPassword;
        let mut all = vec![
            planned(2, 0, reset),
            confirmed(2, false),
            intent(2, Some(0)),
        ];
        all.extend(first.iter().map(|then| body_of(2, *then)));
        all.extend([planned(1, 0, kind), confirmed(1, false)]);
        all.push(intent(1, Some(10)));
        all.extend(later.iter().map(|then| body(*then)));
        let mut ledger = Ledger::default();
        for (body, n) in all.into_iter().zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        ledger
    }

    fn judged(ledger: &Ledger, number: u128, password: Option<i64>) -> Worth {
        let action = ledger.get(&aid(number)).expect("it is on record");
        ledger.worth(action, password.map(at))
    }

    #[rstest]
    #[case::on_its_way(&[], Worth::PerhapsReplaced)]
    #[case::unanswered(&[Unknown], Worth::PerhapsReplaced)]
    #[case::unanswered_to_its_end(&[Unknown, Word(OutcomeState::Unverifiable)], Worth::PerhapsReplaced)]
    #[case::closed(&[Unknown, Closed], Worth::PerhapsReplaced)]
    #[case::accepted(&[Ack], Worth::Replaced)]
    #[case::proven(&[Ack, Read(10), Word(OutcomeState::Verified)], Worth::Replaced)]
    #[case::accepted_and_not_proven(&[Ack, Word(OutcomeState::Unverifiable)], Worth::Replaced)]
    #[case::accepted_and_closed(&[Ack, Closed], Worth::Replaced)]
    // Refused, and not read back to its end: a copy of it may have been carried out.
    #[case::refused(&[Refused], Worth::PerhapsReplaced)]
    #[case::refused_and_read(&[Refused, Word(OutcomeState::Rejected)], Worth::Proven)]
    #[case::refused_and_set_anew(&[Refused, Read(10), Word(OutcomeState::Rejected)], Worth::PerhapsReplaced)]
    #[case::refused_and_still_the_first(&[Refused, Read(5), Word(OutcomeState::Rejected)], Worth::Proven)]
    #[case::refuted(&[Ack, Word(OutcomeState::NotEffective)], Worth::Proven)]
    #[case::not_sent(&[Word(OutcomeState::NotSent)], Worth::Proven)]
    fn a_later_reset_takes_the_place_of_the_one_before_or_may_have(
        #[case] later: &[Then],
        #[case] expected: Worth,
    ) {
        let ledger = two(&PROVEN, ActionKind::ResetPassword, later);
        assert_eq!(judged(&ledger, 2, None), expected);
        // What the later one set is no work of others.
        assert_ne!(judged(&ledger, 1, Some(10)), Worth::Changed(at(10)));
    }

    #[rstest]
    #[case::unanswered(&[Unknown], &[Unknown], Worth::Unanswered)]
    #[case::unanswered_and_replaced(&[Unknown], &[Ack], Worth::Replaced)]
    #[case::void(&[Refused], &[Unknown], Worth::Void)]
    #[case::accepted(&[Ack], &[Unknown], Worth::PerhapsReplaced)]
    fn what_was_in_doubt_before_is_told_by_its_own_records(
        #[case] first: &[Then],
        #[case] later: &[Then],
        #[case] expected: Worth,
    ) {
        let ledger = two(first, ActionKind::ResetPassword, later);
        assert_eq!(judged(&ledger, 2, None), expected);
    }

    #[test]
    fn an_expiry_of_the_password_replaces_nothing() {
        let ledger = two(&PROVEN, ActionKind::ExpirePassword, &[Ack]);
        assert_eq!(judged(&ledger, 2, None), Worth::Proven);
        assert_eq!(judged(&ledger, 2, Some(5)), Worth::Proven);
        // Its holder chose another one, as it asks for.
        assert_eq!(judged(&ledger, 2, Some(60)), Worth::Changed(at(60)));
    }

    #[rstest]
    #[case::its_own(&PROVEN, Some(5), Worth::Proven)]
    #[case::of_a_replica_that_lags(&PROVEN, Some(-900), Worth::Proven)]
    #[case::not_told(&PROVEN, None, Worth::Proven)]
    #[case::as_far_as_clocks_may_differ(&PROVEN, Some(7), Worth::Proven)]
    #[case::later(&PROVEN, Some(8), Worth::Changed(at(8)))]
    #[case::later_than_what_was_read_so_far(&[Ack, Read(5)], Some(60), Worth::Changed(at(60)))]
    // It may be the password of the reset itself, by whatever clock.
    #[case::its_effect_was_not_read(&[Ack], Some(60), Worth::Accepted)]
    #[case::its_effect_has_no_time(&[Ack, Word(OutcomeState::Verified)], Some(60), Worth::Proven)]
    #[case::in_doubt_already(&[Ack, Read(5), Word(OutcomeState::Unverifiable)], Some(60), Worth::Unproven)]
    fn a_password_that_was_set_clearly_later_is_another_one(
        #[case] then: &[Then],
        #[case] password: Option<i64>,
        #[case] expected: Worth,
    ) {
        let mut ledger = Ledger::default();
        let reset = ActionKind::ResetPassword;
        let first = [
            planned(1, 0, reset),
            confirmed(1, false),
            intent(1, Some(0)),
        ];
        let all = first.into_iter().chain(then.iter().copied().map(body));
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        assert_eq!(judged(&ledger, 1, password), expected);
    }
}
