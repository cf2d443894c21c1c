//! Folds the records of approvals: what was asked and is still open, which answers are used up, which plan names a
//! campaign.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::approval::{Ask, Grant};
use super::campaign::CampaignNamed;
use crate::domain::audit::Body;
use crate::domain::ids::{ActionId, PlanId};
use crate::domain::text::{Safe, Untrusted};

/// One plan that waits, or waited, for a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedView {
    /// The plan that waits.
    pub pid: PlanId,
    /// Its actions.
    pub aids: Vec<ActionId>,
    /// What was asked; its plan is an earlier one where the same was asked before a restart.
    pub ask: Ask,
    /// The case system's id of who asks.
    pub by: Untrusted,
    /// Until when, by our clock.
    pub expires: DateTime<Utc>,
    /// Whether it was approved, denied, or given up.
    pub ended: bool,
}

/// What the records say about approvals.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    plans: BTreeMap<PlanId, AskedView>,
    used: BTreeSet<Untrusted>,
    /// The requests of which an approval was used up.
    answered: BTreeSet<PlanId>,
    /// The plans for which one was.
    approved: BTreeSet<PlanId>,
    campaigns: BTreeMap<PlanId, String>,
}

impl Asked {
    /// Folds one record; gives the plan whose waiting was taken over by another one.
    pub(super) fn apply(&mut self, body: &Body) -> Option<PlanId> {
        match body {
            Body::ApprovalRequested {
                pid,
                aids,
                ask,
                requester,
                expires,
                ..
            } => {
                let mut replaced = None;
                for view in self.plans.values_mut() {
                    if view.ask.plan == ask.plan && !view.ended && view.pid != *pid {
                        view.ended = true;
                        replaced = Some(view.pid.clone());
                    }
                }
                let view = AskedView {
                    pid: pid.clone(),
                    aids: aids.clone(),
                    ask: ask.clone(),
                    by: requester.clone(),
                    expires: *expires,
                    ended: false,
                };
                self.plans.insert(pid.clone(), view);
                return replaced;
            }
            Body::Approval {
                pid,
                asked,
                comment,
                ..
            } => {
                self.used.insert(comment.clone());
                self.answered.insert(asked.clone());
                self.approved.insert(pid.clone());
                self.end(pid);
            }
            Body::ApprovalDenied { pid, .. } => self.end(pid),
            Body::ActionOutcome { aid, .. } => {
                let pid = self
                    .plans
                    .values()
                    .find(|view| view.aids.contains(aid))
                    .map(|view| view.pid.clone());
                if let Some(pid) = pid {
                    self.end(&pid);
                }
            }
            Body::ActionCampaign(CampaignNamed { pid, campaign }) => {
                self.campaigns.insert(pid.clone(), campaign.clone());
            }
            _ => {}
        }
        None
    }

    fn end(&mut self, pid: &PlanId) {
        if let Some(view) = self.plans.get_mut(pid) {
            view.ended = true;
        }
    }

    /// Gives every plan that waits, or waited, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &AskedView> {
        self.plans.values()
    }

    /// Gives what still waits, oldest plan first.
    pub fn open(&self) -> impl Iterator<Item = &AskedView> {
        self.plans.values().filter(|view| !view.ended)
    }

    /// Gives one plan.
    pub fn get(&self, pid: &PlanId) -> Option<&AskedView> {
        self.plans.get(pid)
    }

    /// Finds an open request of the same person for exactly the same plan.
    pub fn same(&self, hash: &str, by: &Untrusted, now: DateTime<Utc>) -> Option<PlanId> {
        self.open()
            .find(|view| view.ask.hash == hash && view.by == *by && now < view.expires)
            .map(|view| view.ask.plan.clone())
    }

    /// Gives the comments that were used up as approvals.
    pub fn used(&self) -> &BTreeSet<Untrusted> {
        &self.used
    }

    /// Tells whether an approval was used up for a plan, whatever became of the plan.
    pub fn is_approved(&self, pid: &PlanId) -> bool {
        self.approved.contains(pid)
    }

    /// Says why an approval may not be used any more, if so: neither one comment nor one request counts twice.
    pub fn spent(&self, grant: &Grant) -> Option<Safe> {
        (self.used.contains(grant.comment()) || self.answered.contains(&grant.ask().plan))
            .then(|| "the approval was used up by another console".into())
    }

    /// Gives the campaign a plan was made in the name of.
    pub fn campaign(&self, pid: &PlanId) -> Option<&str> {
        self.campaigns.get(pid).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::OutcomeState;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::samples::{self, aid, at, outcome, pid};

    fn requested(plan: u128, asked: u128) -> Body {
        let ask = Ask::new(
            pid(asked),
            "ab",
            "~1",
            "idp",
            ("00u", &"mara".into()),
            vec![ActionKind::RevokeSessions],
        );
        Body::ApprovalRequested {
            pid: pid(plan),
            aids: vec![aid(plan)],
            ask,
            reasons: Vec::new(),
            requester: "~u1".into(),
            requester_login: "jo".into(),
            expires: at(900),
        }
    }

    fn approval(plan: u128) -> Body {
        Body::Approval {
            pid: pid(plan),
            asked: pid(plan),
            plan_hash: "ab".to_owned(),
            approver: "~u2".into(),
            approver_login: "kim".into(),
            comment: "~c9".into(),
            at: at(10),
        }
    }

    fn folded(bodies: &[Body]) -> Asked {
        let mut asked = Asked::default();
        for body in bodies {
            asked.apply(body);
        }
        asked
    }

    #[test]
    fn a_request_waits_until_it_is_answered_or_given_up() {
        let open = |bodies: &[Body]| folded(bodies).open().count();
        assert_eq!(open(&[requested(1, 1)]), 1);
        assert_eq!(open(&[requested(1, 1), approval(1)]), 0);
        assert_eq!(open(&[requested(1, 1), approval(2)]), 1);
        let denied = Body::ApprovalDenied {
            pid: pid(1),
            aids: vec![aid(1)],
            by: "kim".into(),
            comment: "~c1".into(),
        };
        assert_eq!(open(&[requested(1, 1), denied]), 0);
        assert_eq!(
            open(&[requested(1, 1), outcome(1, OutcomeState::Expired)]),
            0
        );
        assert_eq!(
            open(&[requested(1, 1), outcome(2, OutcomeState::Expired)]),
            1
        );
        assert_eq!(open(&[approval(1)]), 0);
    }

    #[test]
    fn a_used_answer_is_remembered() {
        let asked = folded(&[requested(1, 1), approval(1)]);
        assert!(asked.used().contains(&"~c9".into()));
        assert!(asked.get(&pid(1)).is_some_and(|view| view.ended));
        assert!(folded(&[requested(1, 1)]).used().is_empty());
    }

    #[test]
    fn an_approval_is_of_the_plan_that_used_it_up_and_of_no_earlier_one() {
        let mut after_restart = approval(2);
        if let Body::Approval { asked, .. } = &mut after_restart {
            *asked = pid(1);
        }
        let asked = folded(&[requested(1, 1), requested(2, 1), after_restart]);
        assert!(asked.is_approved(&pid(2)));
        assert!(!asked.is_approved(&pid(1)));
        assert!(!folded(&[requested(2, 1)]).is_approved(&pid(2)));
    }

    #[test]
    fn neither_a_comment_nor_a_request_counts_twice() {
        let grant = |plan: u128, comment: &str| {
            let mut ask = samples::ask();
            ask.plan = pid(plan);
            let by = samples::author("u2");
            Grant::sample(ask, comment, by, at(10))
        };
        let asked = folded(&[requested(1, 1), approval(1)]);
        for (plan, comment, spent) in [
            (1, "~c9", true),
            (1, "~c8", true),
            (2, "~c9", true),
            (2, "~c8", false),
        ] {
            let said = asked.spent(&grant(plan, comment));
            assert_eq!(said.is_some(), spent, "{plan} {comment}");
        }
        assert_eq!(folded(&[requested(1, 1)]).spent(&grant(1, "~c9")), None);
    }

    #[test]
    fn the_same_plan_of_the_same_person_finds_its_open_request() {
        let asked = folded(&[requested(1, 1)]);
        let by = Untrusted::new("~u1");
        assert_eq!(asked.same("ab", &by, at(899)), Some(pid(1)));
        assert_eq!(asked.same("ab", &by, at(900)), None);
        assert_eq!(asked.same("ac", &by, at(0)), None);
        assert_eq!(asked.same("ab", &"~u2".into(), at(0)), None);
        assert_eq!(
            folded(&[requested(1, 1), approval(1)]).same("ab", &by, at(0)),
            None
        );
    }

    #[test]
    fn a_plan_that_goes_on_waiting_takes_the_earlier_ones_place() {
        let mut asked = folded(&[requested(1, 1)]);
        assert_eq!(asked.apply(&requested(1, 1)), None);
        assert_eq!(asked.apply(&requested(2, 1)), Some(pid(1)));
        let open: Vec<_> = asked.open().map(|view| view.pid.clone()).collect();
        assert_eq!(open, [pid(2)]);
        assert_eq!(asked.same("ab", &"~u1".into(), at(0)), Some(pid(1)));
        assert_eq!(asked.apply(&requested(3, 3)), None);
        assert_eq!(asked.open().count(), 2);
    }

    #[test]
    fn a_plan_names_its_campaign() {
        let named = Body::ActionCampaign(CampaignNamed {
            pid: pid(1),
            campaign: "phish".to_owned(),
        });
        assert_eq!(
            folded(std::slice::from_ref(&named)).campaign(&pid(1)),
            Some("phish")
        );
        assert_eq!(folded(&[named]).campaign(&pid(2)), None);
    }
}
