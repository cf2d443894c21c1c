//! What the records of a log leave to whoever goes on with it: how much of each kind is not over.
//!
//! For logs that this console does not go on with. What must not live here: finding and reading them.

use chrono::{DateTime, Utc};

use super::ledger::Ledger;
use super::state::ActionState;
use crate::domain::text::Safe;
use crate::safe;

/// How much of a log is not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Actions without their last word.
    pub unfinished: usize,
    /// Plans that wait for a second person.
    pub waiting: usize,
    /// Responses that are not documented in their case.
    pub undocumented: usize,
    /// Accounts that are disabled from there.
    pub contained: usize,
    /// Accounts that were enabled again and are watched.
    pub watched: usize,
    /// Texts, alarms and ends of watches that no case was told.
    pub untold: usize,
}

impl Holding {
    /// Counts what is not over at a time.
    pub fn of(ledger: &Ledger, now: DateTime<Utc>) -> Self {
        let (outbox, untold) = (ledger.outbox(), ledger.untold(now));
        let texts =
            outbox.notes().len() + outbox.changes().len() + ledger.documents().pending().len();
        Self {
            unfinished: ledger.unfinished().count(),
            waiting: ledger.asked().open().count(),
            undocumented: ledger.undocumented().len(),
            contained: ledger
                .disabled(now)
                .into_iter()
                .filter(|action| action.state != ActionState::Drifted)
                .count(),
            watched: ledger.recoveries().running().count(),
            untold: texts + untold.alarms + untold.ends,
        }
    }

    /// Says it, as `1 unfinished, 2 contained`; `None` where all is over.
    pub fn words(&self) -> Option<Safe> {
        let counts: [(usize, &'static str); 6] = [
            (self.unfinished, "unfinished"),
            (self.waiting, "waiting for a second person"),
            (self.undocumented, "not documented"),
            (self.contained, "contained"),
            (self.watched, "watched since they were enabled"),
            (self.untold, "not told to a case"),
        ];
        let open = counts.into_iter().filter(|(count, _)| *count > 0);
        let said: Vec<Safe> = open
            .map(|(count, word)| safe!("{} {}", count, word))
            .collect();
        (!said.is_empty()).then(|| Safe::join(said, &Safe::fixed(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::samples::{
        aid, at, case, confirmed, entry, intent, outcome, pid, planned, proven,
    };

    fn said(ledger: &Ledger) -> Option<String> {
        let words = Holding::of(ledger, at(3_000)).words();
        words.map(|words| words.to_string())
    }

    fn documented(ledger: &mut Ledger, n: u64, number: u128) {
        let body = Body::ActionDoc {
            pid: pid(1),
            aids: vec![aid(number)],
            case: case(),
            comment: "~7".into(),
        };
        ledger.apply(&entry(n, 60, body));
    }

    #[test]
    fn what_is_not_over_is_counted_until_it_is() {
        let mut ledger = Ledger::default();
        assert_eq!(said(&ledger), None);
        let disable = planned(1, 0, ActionKind::DisableAccount);
        ledger.apply(&entry(1, 0, disable));
        assert_eq!(said(&ledger), None, "a plan that nobody confirmed");
        for (n, body) in (2..).zip([confirmed(1, false), intent(1, Some(0))]) {
            ledger.apply(&entry(n, 0, body));
        }
        assert_eq!(said(&ledger).as_deref(), Some("1 unfinished"));
        ledger.apply(&entry(4, 4, outcome(1, OutcomeState::Verified)));
        let both = "1 not documented, 1 contained";
        assert_eq!(said(&ledger).as_deref(), Some(both));
        documented(&mut ledger, 5, 1);
        assert_eq!(said(&ledger).as_deref(), Some("1 contained"));
        proven(&mut ledger, 2, ActionKind::EnableAccount, 6, 1_000);
        documented(&mut ledger, 12, 2);
        assert_eq!(said(&ledger), None);
    }

    #[test]
    fn what_others_undid_is_not_contained_and_is_to_be_told() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 0);
        documented(&mut ledger, 6, 1);
        ledger.apply(&entry(7, 90, outcome(1, OutcomeState::Drifted)));
        assert_eq!(said(&ledger).as_deref(), Some("1 not told to a case"));
    }
}
