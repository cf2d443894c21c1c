//! What the records of a log leave to whoever goes on with it: how much of each kind is not over, and whether any work was
//! done with it at all.
//!
//! For logs that this console does not go on with. What must not live here: finding and reading them.

use chrono::{DateTime, Utc};

use super::ledger::Ledger;
use super::state::ActionState;
use crate::domain::audit::{Body, Entry};
use crate::domain::freshness::time_word;
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
        let reports = ledger.documents().pending().len();
        let texts = outbox.notes().len() + outbox.changes().len() + reports;
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
            untold: texts + untold.alarms + untold.ends + untold.undone,
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

/// What was done with a log, over or not: all that would be told as work on the systems of whoever goes on with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Actions that somebody confirmed, dry runs among them.
    actions: usize,
    /// When the last of them was confirmed.
    confirmed: Option<DateTime<Utc>>,
    /// Records about cases and accounts, those of actions among them.
    records: usize,
    /// When the last of them was made.
    last: Option<DateTime<Utc>>,
}

impl Work {
    /// Folds one record; those of sessions and of the log itself are no work.
    pub fn apply(&mut self, entry: &Entry) {
        if is_of_the_log(&entry.body) {
            return;
        }
        self.records += 1;
        self.last = self.last.max(Some(entry.ts));
        if let Body::ActionConfirm { .. } = &entry.body {
            self.actions += 1;
            self.confirmed = self.confirmed.max(Some(entry.ts));
        }
    }

    /// Says it, as `3 actions, the last 2026-11-30 01:59:12Z`; `None` where nothing was done.
    pub fn words(&self) -> Option<Safe> {
        if let Some(at) = self.confirmed {
            let what: &'static str = if self.actions == 1 {
                "action"
            } else {
                "actions"
            };
            return Some(safe!(
                "{} {}, the last {}",
                self.actions,
                what,
                time_word(at)
            ));
        }
        self.last.map(|at| {
            let what: &'static str = if self.records == 1 {
                "record"
            } else {
                "records"
            };
            safe!(
                "{} {} about cases, the last {}",
                self.records,
                what,
                time_word(at)
            )
        })
    }
}

/// Tells whether a record says nothing of a case or an account. One that only a newer quell knows may.
fn is_of_the_log(body: &Body) -> bool {
    matches!(
        body,
        Body::SessionOpen { .. }
            | Body::SessionClose { .. }
            | Body::Checkpoint { .. }
            | Body::SegmentStart { .. }
            | Body::SegmentEnd { .. }
            | Body::SegmentPruned(_)
            | Body::LogRecovered(_)
            | Body::ClockJump { .. }
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, CaseChanged, OutcomeState};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::outbox;
    use crate::domain::containment::samples::{
        aid, at, case, confirmed, entry, intent, outcome, pid, planned, proven,
    };
    use crate::domain::ids::{CaseId, RecordId};
    use crate::domain::report::documents::records;
    use crate::domain::report::{Subject, Target};
    use crate::domain::text::Untrusted;

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

    #[test]
    fn what_another_case_undid_is_to_be_told() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 0);
        documented(&mut ledger, 6, 1);
        let mut plan = planned(2, 0, ActionKind::EnableAccount);
        if let Body::ActionPlan { case: of, .. } = &mut plan {
            *of = CaseId::new(case().connection, "~other");
        }
        let rest = [
            confirmed(2, false),
            intent(2, Some(1_000)),
            outcome(2, OutcomeState::Verified),
        ];
        for (body, n) in [plan].into_iter().chain(rest).zip(7..) {
            ledger.apply(&entry(n, 1_000, body));
        }
        documented(&mut ledger, 12, 2);
        assert_eq!(said(&ledger).as_deref(), Some("1 not told to a case"));
    }

    #[test]
    fn what_no_case_was_told_is_counted_each() {
        let mut ledger = Ledger::default();
        // An undoing by others, that no case was told of.
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 0);
        documented(&mut ledger, 6, 1);
        ledger.apply(&entry(7, 90, outcome(1, OutcomeState::Drifted)));
        let rid = |number| RecordId::from_parts(at(0), number);
        let note = |number| outbox::records(&rid(number), &case(), &"call her".into(), None, None);
        let change = |number| {
            Body::CaseChanged(CaseChanged {
                rid: rid(number),
                case: case(),
                kind: "claim".to_owned(),
                from: Untrusted::default(),
                to: "kim".into(),
                comment: None,
            })
        };
        let changes = vec![change(3), change(4), change(5)];
        let all = [note(1), note(2), changes].concat();
        let target = Target {
            case: case(),
            subject: Subject::of_phase(&"Containment".into(), None),
        };
        let report = records(&rid(6), &target, &"ana".into(), &"done".into());
        for (body, n) in all.into_iter().chain(report).zip(8..) {
            ledger.apply(&entry(n, 100, body));
        }
        assert_eq!(said(&ledger).as_deref(), Some("7 not told to a case"));
    }

    fn opened() -> Body {
        Body::CaseOpened { case: case() }
    }

    fn session() -> Vec<Body> {
        let reason = "x".to_owned();
        let jump = Body::ClockJump { seconds: 1 };
        vec![jump, Body::SessionClose { reason }]
    }

    fn newer() -> Body {
        Body::Unknown {
            r#type: "case.newer".into(),
            data: serde_json::Value::Null,
        }
    }

    #[rstest]
    #[case::sessions(Vec::new(), None)]
    #[case::a_case_was_opened(vec![opened()], Some("1 record about cases, the last "))]
    #[case::a_newer_record(vec![newer()], Some("1 record about cases, the last "))]
    #[case::only_planned(
        vec![opened(), planned(1, 0, ActionKind::RevokeSessions)],
        Some("2 records about cases, the last ")
    )]
    #[case::over_and_nothing_contained(
        vec![
            planned(1, 0, ActionKind::RevokeSessions),
            confirmed(1, false),
            intent(1, Some(0)),
            outcome(1, OutcomeState::Verified),
        ],
        Some("1 action, the last ")
    )]
    #[case::two(vec![confirmed(1, false), confirmed(2, true)], Some("2 actions, the last "))]
    fn work_is_whatever_is_about_a_case_also_when_it_is_over(
        #[case] bodies: Vec<Body>,
        #[case] begins: Option<&str>,
    ) {
        let mut work = Work::default();
        let all = session().into_iter().chain(bodies).chain(session());
        for (body, n) in all.zip(1..) {
            work.apply(&entry(n, 0, body));
        }
        let words = work.words().map(|words| words.to_string());
        let expected = begins.map(|begins| format!("{begins}{}", time_word(at(0))));
        assert_eq!(words, expected);
    }
}
