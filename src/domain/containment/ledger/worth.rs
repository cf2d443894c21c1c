//! What the records tell of a password or link that a reset made to be handed over: whether it opens the account.
//!
//! What must not live here: the words for it (`ui`), keeping it (`app`).

use super::{ActionView, Ledger};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;

impl Ledger {
    /// Tells whether a later reset that the provider accepted took the place of what a reset made.
    pub fn is_superseded(&self, reset: &ActionView) -> bool {
        let mut later = self.on(&reset.account);
        later.any(|other| {
            other.kind == ActionKind::ResetPassword
                && other.sent_n > reset.sent_n
                && other.acknowledged
                && other.may_have_had_effect()
        })
    }
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
    /// Most likely it is not: the provider refused the reset, or it was not there when it was read back.
    Void,
}

impl ActionView {
    /// Tells what a password or link that it made is worth.
    pub fn worth(&self) -> Worth {
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
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{aid, confirmed, entry, intent, outcome, planned};

    /// What was recorded after the intent.
    #[derive(Clone, Copy, Debug)]
    enum Then {
        Ack,
        Refused,
        Unknown,
        Adopted,
        Closed,
        Word(OutcomeState),
    }
    use Then::{Ack, Adopted, Closed, Refused, Unknown, Word};

    fn body(then: Then) -> Body {
        let aid = aid(1);
        match then {
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
            Word(state) => outcome(1, state),
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
        assert_eq!(action.worth(), expected);
    }

    #[rstest]
    #[case::accepted(&[Ack], true)]
    #[case::refused(&[Refused], false)]
    #[case::refuted(&[Ack, Word(OutcomeState::NotEffective)], false)]
    #[case::unanswered(&[Unknown], false)]
    fn a_later_reset_that_was_accepted_takes_the_place_of_the_one_before(
        #[case] then: &[Then],
        #[case] superseded: bool,
    ) {
        let kind = ActionKind::ResetPassword;
        let mut ledger = Ledger::default();
        let first = [planned(2, 0, kind), confirmed(2, false), intent(2, Some(0))];
        let second = [
            planned(1, 0, kind),
            confirmed(1, false),
            intent(1, Some(10)),
        ];
        let then = then.iter().map(|then| body(*then));
        let all = first.into_iter().chain(second).chain(then);
        for (body, n) in all.zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let judged = |number| {
            let action = ledger.get(&aid(number)).expect("it is on record");
            ledger.is_superseded(action)
        };
        assert_eq!((judged(2), judged(1)), (superseded, false));
    }
}
