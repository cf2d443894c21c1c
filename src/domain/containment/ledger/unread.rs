//! What a person closed after it was sent, and of which nobody read to an end what became of it.
//!
//! What must not live here: reading it back (`engine::recover`), the words for it (`note`, `standing`).

use chrono::{DateTime, TimeDelta, Utc};

use super::{ActionView, Ledger};
use crate::domain::ids::PlanId;

impl Ledger {
    /// Tells whether a plan has an action that was closed less than a time ago, after it was sent, and that no reading had
    /// a word for since: what is read until then is what its case is to be told.
    pub fn waits_for_reading(&self, pid: &PlanId, now: DateTime<Utc>, patience: TimeDelta) -> bool {
        self.plan(pid).into_iter().any(|action| {
            // A clock that was set back by more keeps nothing waiting.
            let is_fresh = |at: DateTime<Utc>| (now - at).abs() < patience;
            action.is_closed_unread() && action.ended.is_some_and(is_fresh)
        })
    }
}

impl ActionView {
    /// Tells whether the last word on it is that of a person who closed it after it was sent: it may have had its effect,
    /// and no reading says so or denies it.
    pub fn is_closed_by_hand(&self) -> bool {
        self.closed && self.may_have_had_effect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed, OutcomeState};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::samples::{
        aid, at, case, confirmed, entry, intent, outcome, pid, planned,
    };

    const PATIENCE: TimeDelta = TimeDelta::minutes(15);

    /// A disabling that was closed by hand in second 10, sent before or not, and what follows.
    fn closed(sent: bool, then: Option<Body>) -> Ledger {
        let closing = Body::ActionResolve {
            aid: aid(1),
            how: "closed by a person".to_owned(),
            reason: "not ours".into(),
        };
        let first = [
            planned(1, 0, ActionKind::DisableAccount),
            confirmed(1, false),
        ];
        let sent = sent.then(|| intent(1, Some(0)));
        let mut ledger = Ledger::default();
        for (body, n) in first.into_iter().chain(sent).zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        for (body, n) in [closing].into_iter().chain(then).zip(10..) {
            ledger.apply(&entry(n, 10, body));
        }
        ledger
    }

    fn read() -> Body {
        Body::ActionObserve(Observed {
            aid: aid(1),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: None,
        })
    }

    fn told() -> Body {
        Body::ActionDoc {
            pid: pid(1),
            aids: vec![aid(1)],
            case: case(),
            comment: "~7".into(),
        }
    }

    #[rstest]
    #[case::at_once(0, true)]
    #[case::in_time(899, true)]
    #[case::over(900, false)]
    #[case::by_a_clock_that_was_corrected(-2, true)]
    #[case::by_a_clock_that_was_set_back(-900, false)]
    fn a_case_waits_some_time_for_a_reading_of_what_was_closed(
        #[case] after: i64,
        #[case] waits: bool,
    ) {
        let ledger = closed(true, None);
        let now = at(10 + after);
        assert_eq!(ledger.waits_for_reading(&pid(1), now, PATIENCE), waits);
        assert!(!ledger.waits_for_reading(&pid(2), now, PATIENCE));
        assert_eq!(ledger.undocumented(), [pid(1)], "it is to be told");
    }

    #[rstest]
    #[case::closed(true, None, true, true)]
    // A reading is no word yet.
    #[case::read_once(true, Some(read()), true, true)]
    #[case::told(true, Some(told()), false, true)]
    #[case::refuted(true, Some(outcome(1, OutcomeState::NotEffective)), false, false)]
    #[case::proven(true, Some(outcome(1, OutcomeState::Verified)), false, false)]
    #[case::never_sent(false, None, false, false)]
    fn nothing_waits_once_there_is_a_word_or_the_case_was_told(
        #[case] sent: bool,
        #[case] then: Option<Body>,
        #[case] waits: bool,
        #[case] by_hand: bool,
    ) {
        let ledger = closed(sent, then);
        assert_eq!(ledger.waits_for_reading(&pid(1), at(11), PATIENCE), waits);
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(action.is_closed_by_hand(), by_hand);
    }
}
