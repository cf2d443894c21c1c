//! What the watches recorded for a case that the case was not told.
//!
//! What must not live here: telling it (`engine::watch`).

use chrono::{DateTime, Utc};

use super::Ledger;
use crate::domain::containment::hold::{drift_marker, success_marker};
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
}

impl Ledger {
    /// Counts what the watches recorded and no case was told: for the words of a console that tells none.
    pub fn untold(&self, now: DateTime<Utc>) -> Untold {
        let is_open = |marker: &String| !self.holds.is_told(marker);
        let drifted = self.actions().filter(|action| {
            action.kind == ActionKind::DisableAccount && action.state == ActionState::Drifted
        });
        let drifted = drifted.map(|action| drift_marker(&action.aid));
        let succeeded = self.disabled(now).into_iter().filter(|action| {
            let since = action.watched_from();
            since.is_some_and(|since| {
                let mut seen = self.holds.successes(&action.account, since);
                seen.next().is_some()
            })
        });
        let succeeded = succeeded.map(|action| success_marker(&action.aid));
        let returned = self.recoveries.all();
        let returned = returned.filter(|watch| !watch.seen.is_empty());
        let returned = returned.map(|watch| seen_marker(&watch.aid));
        let ended = self.recoveries.all().filter(|watch| watch.over.is_some());
        Untold {
            alarms: drifted
                .chain(succeeded)
                .chain(returned)
                .filter(is_open)
                .count(),
            ends: ended
                .map(RecoveryWatch::over_marker)
                .filter(is_open)
                .count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, OutcomeState, WatchSuccess};
    use crate::domain::containment::samples::{
        account, aid, at, case, connection, entry, outcome, proven,
    };
    use crate::domain::ids::RecordId;

    fn counted(alarms: usize) -> Untold {
        Untold { alarms, ends: 0 }
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
        let success = Body::WatchSuccess(WatchSuccess {
            case: case(),
            account: account().id,
            connection: connection(),
            event: "e1".into(),
            at: at(40),
            action: "user.session.start".into(),
            address: None,
        });
        ledger.apply(&entry(10, 40, success));
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
        let success = Body::WatchSuccess(WatchSuccess {
            case: case(),
            account: account().id,
            connection: connection(),
            event: "e1".into(),
            at: at(40),
            action: "user.session.start".into(),
            address: None,
        });
        ledger.apply(&entry(40, 40, success));
        assert_eq!(ledger.untold(at(60)), counted(0));
    }
}
