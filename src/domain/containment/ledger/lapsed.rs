//! What waits for a second person and gets no answer any more: its time is over, or a record ended its request and
//! those behind that one were lost with their console.
//!
//! What must not live here: who waits (its lease says that), recording the word (`engine::approval`).

use chrono::{DateTime, Utc};

use super::{ActionView, Ledger};
use crate::domain::audit::OutcomeState;
use crate::domain::containment::asked::AskedView;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::{ActionId, PlanId};

/// Said of what nobody approved in time, by the console that looked for an answer until the end.
pub const UNANSWERED: &str = "nobody approved within 15 minutes: nothing was sent";

/// Said by the console that finds it after that: whether an answer came in time nobody looked.
const UNSEEN: &str =
    "its console ended before an answer was seen, and its 15 minutes are over: nothing was sent";

/// Said of what an answer or a last word was written for, of which only a part got to the disk.
const TORN: &str = "never sent: its console ended before all of it was on record";

/// The last word of what waited for a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapsed {
    /// The plan that waited.
    pub pid: PlanId,
    /// The plan that asked first: whoever waits holds the lease of its name.
    pub asked: PlanId,
    /// The actions that get the word.
    pub aids: Vec<ActionId>,
    /// The word.
    pub state: OutcomeState,
    /// What it is said by.
    pub evidence: String,
}

impl Ledger {
    /// Lists what waits and gets no answer any more, oldest plan first. A console that lives may be about to say so
    /// itself; it holds the lease.
    pub fn lapsed(&self, now: DateTime<Utc>) -> Vec<Lapsed> {
        let all = self.asked.all();
        all.filter_map(|view| self.lapse(view, now)).collect()
    }

    fn lapse(&self, view: &AskedView, now: DateTime<Utc>) -> Option<Lapsed> {
        if !view.ended && now < view.expires {
            return None;
        }
        let waits = |aid: &&ActionId| {
            // One whose plan is not in the log any more gets the word that ends its request.
            self.get(aid)
                .map_or(!view.ended, |action| action.state == ActionState::Awaiting)
        };
        let aids: Vec<ActionId> = view.aids.iter().filter(waits).cloned().collect();
        if aids.is_empty() {
            return None;
        }
        let (state, evidence) = if view.ended {
            self.torn(view)
        } else {
            (OutcomeState::Expired, UNSEEN.to_owned())
        };
        Some(Lapsed {
            pid: view.pid.clone(),
            asked: view.ask.plan.clone(),
            aids,
            state,
            evidence,
        })
    }

    /// Gives the word for the rest of a plan of which a part has one: all of a plan expires at once, and whatever else
    /// ended its request was no silence.
    fn torn(&self, view: &AskedView) -> (OutcomeState, String) {
        let of_plan = view.aids.iter().filter_map(|aid| self.get(aid));
        let expired = |action: &&ActionView| action.state == ActionState::Expired;
        let said = of_plan
            .filter(expired)
            .find_map(|action| action.evidence.as_ref());
        match said {
            Some(said) => (OutcomeState::Expired, said.raw().to_owned()),
            None => (OutcomeState::Abandoned, TORN.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::Body;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::samples::{
        aid, ask, at, case, confirmed, entry, intent, outcome, pid, planned,
    };

    const UNTIL: i64 = 900;

    /// A request for a plan, and for what was asked by the first one.
    fn asked(plan: u128, aids: &[u128]) -> Body {
        Body::ApprovalRequested {
            pid: pid(plan),
            aids: aids.iter().map(|number| aid(*number)).collect(),
            ask: ask(),
            reasons: Vec::new(),
            requester: "u1".into(),
            requester_login: "jo".into(),
            expires: at(UNTIL),
        }
    }

    fn approved() -> Body {
        Body::Approval {
            pid: pid(1),
            asked: pid(1),
            plan_hash: "ab".to_owned(),
            approver: "u2".into(),
            approver_login: "kim".into(),
            comment: "~2".into(),
            at: at(10),
        }
    }

    fn denied() -> Body {
        Body::ApprovalDenied {
            pid: pid(1),
            aids: vec![aid(1), aid(2)],
            by: "kim".into(),
            comment: "~3".into(),
        }
    }

    /// The same two actions in the plan of a console that was started again.
    fn planned_again() -> [Body; 2] {
        [3, 4].map(|number| {
            let mut body = planned(number, 0, ActionKind::RevokeSessions);
            if let Body::ActionPlan { pid: of, .. } = &mut body {
                *of = pid(2);
            }
            body
        })
    }

    /// A log with two plans that hold two actions each, and what follows.
    fn folded(bodies: &[Body]) -> Ledger {
        let mut all = vec![
            planned(1, 0, ActionKind::RevokeSessions),
            planned(2, 1, ActionKind::DisableAccount),
        ];
        all.extend(planned_again());
        all.extend(bodies.iter().cloned());
        let mut ledger = Ledger::default();
        for (body, n) in all.into_iter().zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        ledger
    }

    /// Gives up what was confirmed and never intended, as the next console does first.
    fn take_over(ledger: &mut Ledger) {
        let left = ledger.unfinished();
        let left = left.filter(|action| action.state == ActionState::Confirmed);
        let left: Vec<ActionId> = left.map(|action| action.aid.clone()).collect();
        for aid in left {
            let word = Body::ActionOutcome {
                aid,
                state: A,
                evidence: "never sent".into(),
                seconds: None,
            };
            ledger.apply(&entry(90, 20, word));
        }
    }

    /// Records every word that is due, as a sweep does.
    fn sweep(ledger: &mut Ledger, now: i64) -> usize {
        let mut said = 0;
        for one in ledger.lapsed(at(now)) {
            for aid in one.aids {
                let word = Body::ActionOutcome {
                    aid,
                    state: one.state,
                    evidence: one.evidence.as_str().into(),
                    seconds: None,
                };
                ledger.apply(&entry(100, now, word));
                said += 1;
            }
        }
        said
    }

    fn awaiting(ledger: &Ledger) -> usize {
        let waits = |action: &&ActionView| action.state == ActionState::Awaiting;
        ledger.actions().filter(waits).count()
    }

    const A: OutcomeState = OutcomeState::Abandoned;
    const X: OutcomeState = OutcomeState::Expired;

    /// What a request may be followed by. Each is cut off behind every record, as a crash does: first of all behind the
    /// request itself, before its comment is in the case.
    #[rstest]
    #[case::sent(vec![approved(), confirmed(1, false), confirmed(2, false), intent(1, None)])]
    #[case::given_up(vec![approved(), confirmed(1, false), confirmed(2, false), outcome(1, A), outcome(2, A)])]
    #[case::one_left_out(vec![approved(), confirmed(1, false), confirmed(2, false), outcome(1, A), intent(2, None)])]
    #[case::approval_used_up(vec![confirmed(1, false), confirmed(2, false), outcome(1, A), outcome(2, A)])]
    #[case::denied(vec![denied()])]
    #[case::unanswered(vec![outcome(1, X), outcome(2, X)])]
    #[case::void(vec![outcome(1, A), outcome(2, A)])]
    #[case::asked_again(vec![asked(2, &[3, 4]), outcome(3, X), outcome(4, X)])]
    fn wherever_its_records_are_torn_nothing_waits_beyond_its_end(#[case] bodies: Vec<Body>) {
        for cut in 0..=bodies.len() {
            let mut all = vec![asked(1, &[1, 2])];
            all.extend(bodies[..cut].iter().cloned());
            let mut ledger = folded(&all);
            take_over(&mut ledger);
            let waited = awaiting(&ledger);
            assert!(cut > 0 || waited == 2, "a request waits");
            let known: Vec<ActionState> = ledger.actions().map(|action| action.state).collect();
            assert_eq!(sweep(&mut ledger, UNTIL), waited, "cut {cut}");
            assert_eq!(awaiting(&ledger), 0, "cut {cut}");
            // Whatever did not wait keeps its word.
            for (action, before) in ledger.actions().zip(known) {
                let is_kept = before == action.state;
                assert!(before == ActionState::Awaiting || is_kept, "cut {cut}");
            }
            assert_eq!(sweep(&mut ledger, UNTIL), 0, "once, cut {cut}");
            assert_eq!(ledger.asked().open().count(), 0, "cut {cut}");
        }
    }

    #[rstest]
    #[case::before_its_end(vec![], UNTIL - 1, &[], None)]
    #[case::at_its_end(vec![], UNTIL, &[1, 2], Some((X, UNSEEN)))]
    // Nobody can use the answer any more, so there is nothing to wait for.
    #[case::approved(vec![approved()], 20, &[1, 2], Some((A, TORN)))]
    #[case::half_confirmed(vec![approved(), confirmed(1, false)], 20, &[2], Some((A, TORN)))]
    #[case::whole(vec![approved(), confirmed(1, false), confirmed(2, false)], UNTIL, &[], None)]
    #[case::half_expired(vec![outcome(1, X)], 20, &[2], Some((X, "read back")))]
    #[case::half_given_up(vec![outcome(1, A)], 20, &[2], Some((A, TORN)))]
    #[case::denied(vec![denied()], UNTIL, &[], None)]
    fn what_lapses_gets_the_word_of_its_end(
        #[case] bodies: Vec<Body>,
        #[case] now: i64,
        #[case] aids: &[u128],
        #[case] word: Option<(OutcomeState, &str)>,
    ) {
        let mut all = vec![asked(1, &[1, 2])];
        all.extend(bodies);
        let ledger = folded(&all);
        let expected = word.map(|(state, evidence)| Lapsed {
            pid: pid(1),
            asked: pid(1),
            aids: aids.iter().map(|number| aid(*number)).collect(),
            state,
            evidence: evidence.to_owned(),
        });
        assert_eq!(ledger.lapsed(at(now)), Vec::from_iter(expected));
    }

    #[test]
    fn what_goes_on_waiting_after_a_restart_lapses_by_the_lease_of_the_first() {
        let ledger = folded(&[asked(1, &[1, 2]), asked(2, &[3, 4])]);
        let lapsed = ledger.lapsed(at(UNTIL));
        let told: Vec<_> = lapsed.iter().map(|one| (&one.pid, &one.asked)).collect();
        assert_eq!(told, [(&pid(2), &pid(1))]);
    }

    #[test]
    fn a_request_whose_plan_was_pruned_is_ended_as_well() {
        let mut ledger = folded(&[asked(1, &[8, 9])]);
        assert_eq!(sweep(&mut ledger, UNTIL), 2);
        assert_eq!(ledger.asked().open().count(), 0);
        assert_eq!(sweep(&mut ledger, UNTIL), 0);
    }

    /// Whoever approved it takes it for sent, so the case is told also where nothing was confirmed.
    #[rstest]
    #[case::torn_before_its_confirmation(vec![approved()], 2)]
    #[case::torn_within_it(vec![approved(), confirmed(1, false), outcome(1, A)], 1)]
    fn a_plan_of_which_a_part_still_waits_is_not_told_to_its_case_yet(
        #[case] bodies: Vec<Body>,
        #[case] waits: usize,
    ) {
        let mut all = vec![asked(1, &[1, 2])];
        all.extend(bodies);
        let mut ledger = folded(&all);
        assert!(ledger.undocumented().is_empty());
        assert_eq!(sweep(&mut ledger, 20), waits);
        assert_eq!(ledger.undocumented(), [pid(1)]);
        let told = Body::ActionDoc {
            pid: pid(1),
            aids: vec![aid(1), aid(2)],
            case: case(),
            comment: "~7".into(),
        };
        ledger.apply(&entry(200, 30, told));
        assert!(ledger.undocumented().is_empty());
    }

    #[rstest]
    #[case::unanswered(vec![], UNTIL)]
    #[case::half_expired(vec![outcome(1, X)], 20)]
    #[case::half_given_up(vec![outcome(1, A)], 20)]
    #[case::denied(vec![denied()], 20)]
    fn what_nobody_approved_is_told_to_no_case(#[case] bodies: Vec<Body>, #[case] now: i64) {
        let mut all = vec![asked(1, &[1, 2])];
        all.extend(bodies);
        let mut ledger = folded(&all);
        sweep(&mut ledger, now);
        assert_eq!(awaiting(&ledger), 0);
        assert!(ledger.undocumented().is_empty());
    }
}
