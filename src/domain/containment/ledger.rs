//! Folds audit records into the state of every action; the screen shows nothing else, so a restart shows the same.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::kind::ActionKind;
use super::state::ActionState;
use crate::domain::audit::{Body, Entry, OutcomeState};
use crate::domain::ids::{AccountId, ActionId, CaseId, PlanId, SessionId};
use crate::domain::text::Untrusted;

/// Everything the records say about one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionView {
    /// Its id.
    pub aid: ActionId,
    /// The plan it belongs to.
    pub pid: PlanId,
    /// Its place in the plan, from 0.
    pub order: u32,
    /// What it does.
    pub kind: ActionKind,
    /// The case it was done for.
    pub case: CaseId,
    /// The target.
    pub account: AccountId,
    /// The target's login.
    pub login: Untrusted,
    /// Where it stands.
    pub state: ActionState,
    /// Hash of its plan.
    pub plan_hash: String,
    /// Whether its plan was a dry run.
    pub dry_run: bool,
    /// Who planned it (OS user) and in which process.
    pub user: Untrusted,
    /// Process that last wrote about it.
    pub pid_os: u32,
    /// Session that last wrote about it.
    pub sess: SessionId,
    /// The latest attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// When it was confirmed.
    pub confirmed: Option<DateTime<Utc>>,
    /// When the latest intent was recorded, by our clock.
    pub sent: Option<DateTime<Utc>>,
    /// Number of the latest intent's record: the order of the log, which no clock can change; 0 before the first.
    pub sent_n: u64,
    /// The request as recorded: method, host, path.
    pub call: Option<(String, String, Untrusted)>,
    /// The provider's clock before the send.
    pub server_before: Option<DateTime<Utc>>,
    /// The provider's clock in its answer.
    pub server_answer: Option<DateTime<Utc>>,
    /// Until when an answer is waited for.
    pub deadline: Option<DateTime<Utc>>,
    /// The provider's id of the request.
    pub request_id: Option<Untrusted>,
    /// The last reading, in words.
    pub evidence: Option<Untrusted>,
    /// Whether the last reading agreed.
    pub matches: Option<bool>,
    /// How many reads were recorded.
    pub reads: u32,
    /// The vendor's log entry that proves it.
    pub used: Option<Untrusted>,
    /// When the final word was said.
    pub ended: Option<DateTime<Utc>>,
    /// Seconds from the intent to the final word.
    pub seconds: Option<u32>,
    /// Comment that documents it, once posted.
    pub comment: Option<Untrusted>,
}

/// All actions, in the order of their planning.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    actions: Vec<ActionView>,
    places: HashMap<ActionId, usize>,
}

impl Ledger {
    /// Folds one record; those that say nothing about actions change nothing.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            Body::ActionPlan {
                pid,
                aid,
                order,
                kind,
                case,
                account,
                login,
                plan_hash,
                ..
            } => {
                let Some(kind) = ActionKind::from_key(kind) else {
                    return;
                };
                self.insert(ActionView {
                    aid: aid.clone(),
                    pid: pid.clone(),
                    order: *order,
                    kind,
                    case: case.clone(),
                    account: account.clone(),
                    login: login.clone(),
                    state: ActionState::Planned,
                    plan_hash: plan_hash.clone(),
                    dry_run: false,
                    user: entry.user.clone(),
                    pid_os: entry.pid,
                    sess: entry.sess.clone(),
                    attempt: 0,
                    confirmed: None,
                    sent: None,
                    sent_n: 0,
                    call: None,
                    server_before: None,
                    server_answer: None,
                    deadline: None,
                    request_id: None,
                    evidence: None,
                    matches: None,
                    reads: 0,
                    used: None,
                    ended: None,
                    seconds: None,
                    comment: None,
                });
            }
            Body::ActionDoc { aids, comment, .. } => {
                for aid in aids {
                    if let Some(action) = self.get_mut(aid) {
                        action.comment = Some(comment.clone());
                    }
                }
            }
            body => {
                if let Some(action) = about(body).and_then(|aid| self.get_mut(aid)) {
                    action.pid_os = entry.pid;
                    action.sess = entry.sess.clone();
                    action.apply(body, entry.ts, entry.n);
                }
            }
        }
    }

    /// A plan recorded twice (it never is) keeps what was folded since.
    fn insert(&mut self, action: ActionView) {
        if !self.places.contains_key(&action.aid) {
            self.places.insert(action.aid.clone(), self.actions.len());
            self.actions.push(action);
        }
    }

    fn get_mut(&mut self, aid: &ActionId) -> Option<&mut ActionView> {
        self.places
            .get(aid)
            .and_then(|place| self.actions.get_mut(*place))
    }

    /// Gives one action.
    pub fn get(&self, aid: &ActionId) -> Option<&ActionView> {
        self.places
            .get(aid)
            .and_then(|place| self.actions.get(*place))
    }

    /// Gives all actions, oldest first.
    pub fn actions(&self) -> impl DoubleEndedIterator<Item = &ActionView> {
        self.actions.iter()
    }

    /// Gives the actions of one plan, in their order.
    pub fn plan(&self, pid: &PlanId) -> Vec<&ActionView> {
        let mut all: Vec<_> = self.actions.iter().filter(|a| a.pid == *pid).collect();
        all.sort_by_key(|action| action.order);
        all
    }

    /// Gives the actions on one account that were at least confirmed, oldest first.
    pub fn on<'a>(
        &'a self,
        account: &'a AccountId,
    ) -> impl DoubleEndedIterator<Item = &'a ActionView> {
        self.actions
            .iter()
            .filter(move |a| a.account == *account && a.state != ActionState::Planned && !a.dry_run)
    }

    /// Gives the actions without a final word, oldest first.
    pub fn unfinished(&self) -> impl Iterator<Item = &ActionView> {
        self.actions.iter().filter(|action| action.is_unfinished())
    }

    /// Gives the plans that have something to document and are not documented, oldest first.
    ///
    /// A plan counts once every action of it has its final word, and something was sent or refused.
    pub fn undocumented(&self) -> Vec<PlanId> {
        let mut pids: Vec<PlanId> = Vec::new();
        for action in &self.actions {
            let worth = action.confirmed.is_some() && !action.dry_run && action.comment.is_none();
            if worth && !pids.contains(&action.pid) {
                pids.push(action.pid.clone());
            }
        }
        pids.retain(|pid| self.plan(pid).iter().all(|action| action.ended.is_some()));
        pids
    }

    /// Lists the vendor log entries that already prove an action.
    pub fn used(&self) -> Vec<Untrusted> {
        self.actions
            .iter()
            .filter_map(|action| action.used.clone())
            .collect()
    }
}

fn about(body: &Body) -> Option<&ActionId> {
    match body {
        Body::ActionConfirm { aid, .. }
        | Body::ActionIntent { aid, .. }
        | Body::ActionAck { aid, .. }
        | Body::ActionRejected { aid, .. }
        | Body::ActionNotSent { aid, .. }
        | Body::ActionUnknown { aid, .. }
        | Body::ActionObserve { aid, .. }
        | Body::ActionOutcome { aid, .. }
        | Body::ActionAdopt { aid, .. }
        | Body::ActionResolve { aid, .. } => Some(aid),
        _ => None,
    }
}

impl ActionView {
    fn apply(&mut self, body: &Body, at: DateTime<Utc>, n: u64) {
        match body {
            Body::ActionConfirm { dry_run, .. } => {
                self.state = ActionState::Confirmed;
                self.confirmed = Some(at);
                self.dry_run = *dry_run;
            }
            Body::ActionIntent {
                attempt,
                method,
                host,
                path,
                server_date,
                deadline,
                ..
            } => {
                self.state = ActionState::Intent;
                self.attempt = *attempt;
                self.sent = Some(at);
                self.sent_n = n;
                self.call = Some((method.clone(), host.clone(), path.clone()));
                self.server_before = *server_date;
                self.deadline = Some(*deadline);
            }
            Body::ActionAck {
                request_id,
                server_date,
                ..
            } => {
                self.state = ActionState::Acked;
                self.request_id.clone_from(request_id);
                self.server_answer = *server_date;
            }
            Body::ActionRejected { reason, .. } => {
                self.state = ActionState::Rejected;
                self.evidence = Some(reason.clone());
            }
            Body::ActionNotSent { reason, .. } => {
                self.state = ActionState::NotSent;
                self.evidence = Some(reason.clone());
            }
            Body::ActionUnknown { reason, .. } => {
                self.state = ActionState::Unknown;
                self.evidence = Some(reason.clone());
            }
            Body::ActionAdopt { .. } => self.state = ActionState::Unknown,
            Body::ActionObserve {
                evidence,
                matches,
                reads,
                used,
                ..
            } => {
                self.evidence = Some(evidence.clone());
                self.matches = *matches;
                self.reads = *reads;
                if used.is_some() {
                    self.used.clone_from(used);
                }
            }
            Body::ActionOutcome {
                state,
                evidence,
                seconds,
                ..
            } => {
                self.state = match state {
                    OutcomeState::Verified => ActionState::Verified,
                    OutcomeState::NotEffective => ActionState::NotEffective,
                    OutcomeState::Drifted => ActionState::Drifted,
                    OutcomeState::Unverifiable => ActionState::Unverifiable,
                    OutcomeState::Rejected => ActionState::Rejected,
                    OutcomeState::NotSent => ActionState::NotSent,
                    OutcomeState::DryRun => ActionState::DryRun,
                    OutcomeState::Expired | OutcomeState::Abandoned => ActionState::Abandoned,
                };
                self.evidence = Some(evidence.clone());
                self.ended = Some(at);
                self.seconds = *seconds;
            }
            Body::ActionResolve { reason, .. } => {
                self.state = ActionState::Abandoned;
                self.evidence = Some(reason.clone());
                self.ended = Some(at);
            }
            _ => {}
        }
    }

    /// Tells whether it was confirmed and no final word was said; a refusal that is still being read back is not final.
    pub fn is_unfinished(&self) -> bool {
        self.confirmed.is_some() && self.ended.is_none()
    }

    /// Gives the provider's time of the act as well as it is known, for comparing with its own log.
    pub fn effective_at(&self) -> Option<DateTime<Utc>> {
        self.server_answer.or(self.server_before).or(self.sent)
    }
}
