//! Folds audit records into the state of every action; the screen shows nothing else, so a restart shows the same.

mod disabled;
mod effect;
mod lapsed;
mod of_case;
mod undone;
mod unread;
mod untold;
mod worth;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

pub use lapsed::{Lapsed, UNANSWERED};
pub use untold::Untold;
pub use worth::Worth;

use super::asked::Asked;
use super::hold::Holds;
use super::kind::ActionKind;
use super::outbox::Outbox;
use super::plan::what;
use super::recovery_watch::Recoveries;
use super::remnant::Item;
use super::state::ActionState;
use crate::domain::audit::{Body, Entry, Observed, SecretSaid, SecretState};
use crate::domain::ids::{AccountId, ActionId, CaseId, PlanId, SessionId};
use crate::domain::report::documents::Documents;
use crate::domain::text::{Safe, Untrusted};

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
    /// What it removes.
    pub item: Option<Item>,
    /// The case it was done for.
    pub case: CaseId,
    /// The target.
    pub account: AccountId,
    /// The target's login.
    pub login: Untrusted,
    /// Where it stands.
    pub state: ActionState,
    /// Number of its plan's record.
    pub planned_n: u64,
    /// Hash of its plan.
    pub plan_hash: String,
    /// Whether its plan was a dry run.
    pub dry_run: bool,
    /// Who planned it (OS user) and in which process.
    pub user: Untrusted,
    /// The number of that user, by which the caps count: a name can be given anew.
    pub uid: u32,
    /// Process that last wrote about it.
    pub pid_os: u32,
    /// Session that last wrote about it.
    pub sess: SessionId,
    /// The latest attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// When it was confirmed.
    pub confirmed: Option<DateTime<Utc>>,
    /// Login of who confirmed it, as the case system said it then.
    pub operator: Option<Untrusted>,
    /// When the latest intent was recorded, by our clock.
    pub sent: Option<DateTime<Utc>>,
    /// Number of the latest intent's record: the order of the log, which no clock can change; 0 before the first.
    pub sent_n: u64,
    /// The request as recorded: method, host, path.
    pub call: Option<(String, String, Untrusted)>,
    /// The provider's clock before the send.
    pub server_before: Option<DateTime<Utc>>,
    /// The provider's time of the last such act, as read before the send: when the password was last changed, from when on
    /// tokens were good.
    pub before: Option<DateTime<Utc>>,
    /// The provider's clock in its answer.
    pub server_answer: Option<DateTime<Utc>>,
    /// When the answer to the latest attempt was recorded, by our clock.
    pub answered: Option<DateTime<Utc>>,
    /// Whether the provider accepted the latest attempt.
    pub acknowledged: bool,
    /// What the provider said when it refused the latest attempt, or put it off.
    pub refused: Option<Untrusted>,
    /// Until when an answer is waited for.
    pub deadline: Option<DateTime<Utc>>,
    /// The provider's id of the request.
    pub request_id: Option<Untrusted>,
    /// The last reading, in words.
    pub evidence: Option<Untrusted>,
    /// Whether the last reading agreed.
    pub matches: Option<bool>,
    /// When a reading since the latest intent agreed last, by our clock.
    pub agreed: Option<DateTime<Utc>>,
    /// When a reading said otherwise after one that agreed, by our clock.
    pub broken: Option<DateTime<Utc>>,
    /// The last reading: whether it agreed, and its words.
    pub observed: Option<(Option<bool>, Untrusted)>,
    /// Why there is no reading, as it was said last.
    pub unread: Option<Untrusted>,
    /// How many reads were recorded.
    pub reads: u32,
    /// The vendor's log entry that proves it.
    pub used: Option<Untrusted>,
    /// When the effect began, as it was read back last.
    pub effect_at: Option<DateTime<Utc>>,
    /// When the effect began, as it was read back first since the latest intent.
    pub effect_first: Option<DateTime<Utc>>,
    /// When the final word was said.
    pub ended: Option<DateTime<Utc>>,
    /// Seconds from the intent to the final word.
    pub seconds: Option<u32>,
    /// Whether the last word is that of a person who closed it.
    pub closed: bool,
    /// Comment that documents it, once posted.
    pub comment: Option<Untrusted>,
    /// What came of the secret it made to be handed over; `None` while none came.
    pub secret: Option<SecretState>,
}

/// All actions, in the order of their planning.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    actions: Vec<ActionView>,
    places: HashMap<ActionId, usize>,
    asked: Asked,
    holds: Holds,
    recoveries: Recoveries,
    outbox: Outbox,
    documents: Documents,
}

impl Ledger {
    /// Folds one record; those that say nothing about actions change nothing.
    pub fn apply(&mut self, entry: &Entry) {
        self.outbox.apply(entry);
        self.documents.apply(entry);
        if let Some(replaced) = self.asked.apply(&entry.body) {
            let evidence = Untrusted::new("asked again");
            self.settle(&replaced, ActionState::Abandoned, &evidence, entry.ts);
        }
        match &entry.body {
            Body::ApprovalRequested { aids, .. } => {
                for aid in aids {
                    if let Some(action) = self.get_mut(aid) {
                        action.state = ActionState::Awaiting;
                        action.pid_os = entry.pid;
                        action.sess = entry.sess.clone();
                    }
                }
            }
            Body::ApprovalDenied { pid, by, .. } => {
                let evidence = Untrusted::new(format!("denied by {}", by.raw()));
                self.settle(pid, ActionState::Denied, &evidence, entry.ts);
            }
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
                    item: None,
                    case: case.clone(),
                    account: account.clone(),
                    login: login.clone(),
                    state: ActionState::Planned,
                    planned_n: entry.n,
                    plan_hash: plan_hash.clone(),
                    dry_run: false,
                    user: entry.user.clone(),
                    uid: entry.uid,
                    pid_os: entry.pid,
                    sess: entry.sess.clone(),
                    attempt: 0,
                    confirmed: None,
                    operator: None,
                    sent: None,
                    sent_n: 0,
                    call: None,
                    server_before: None,
                    before: None,
                    server_answer: None,
                    answered: None,
                    acknowledged: false,
                    refused: None,
                    deadline: None,
                    request_id: None,
                    evidence: None,
                    matches: None,
                    agreed: None,
                    broken: None,
                    observed: None,
                    unread: None,
                    reads: 0,
                    used: None,
                    effect_at: None,
                    effect_first: None,
                    ended: None,
                    seconds: None,
                    closed: false,
                    comment: None,
                    secret: None,
                });
            }
            Body::ActionDoc { aids, comment, .. } => {
                for aid in aids {
                    if let Some(action) = self.get_mut(aid) {
                        action.comment = Some(comment.clone());
                    }
                }
            }
            Body::ActionItem(named) => {
                if let Some(action) = self.get_mut(&named.aid) {
                    action.item = Some(named.item.clone());
                }
            }
            // Who owns the action stays as it was: this is about what it left in a console.
            Body::ActionSecret(SecretSaid { aid, state }) => {
                if let Some(action) = self.get_mut(aid) {
                    action.secret = Some(*state);
                }
            }
            Body::Recovery(said) => self.recoveries.apply(said, entry),
            body => {
                if let Some(action) = body.about().and_then(|aid| self.get_mut(aid)) {
                    action.pid_os = entry.pid;
                    action.sess = entry.sess.clone();
                    action.apply(body, entry.ts, entry.n);
                    if matches!(
                        body,
                        Body::ActionOutcome { .. } | Body::ActionResolve { .. }
                    ) {
                        let action = action.clone();
                        self.holds.follow(&action);
                        self.recoveries.follow(&action, entry.ts);
                    }
                }
                self.holds.apply(entry);
            }
        }
    }

    /// Ends what waits for a second person.
    fn settle(
        &mut self,
        pid: &PlanId,
        state: ActionState,
        evidence: &Untrusted,
        at: DateTime<Utc>,
    ) {
        let waiting = self
            .actions
            .iter_mut()
            .filter(|action| action.pid == *pid && action.state == ActionState::Awaiting);
        for action in waiting {
            action.state = state;
            action.evidence = Some(evidence.clone());
            action.ended = Some(at);
        }
    }

    /// Gives what the records say about approvals.
    pub fn asked(&self) -> &Asked {
        &self.asked
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

    /// Gives what follows a containment: its end, what the watch saw, what the case was told.
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Gives the watches over accounts that were enabled again.
    pub fn recoveries(&self) -> &Recoveries {
        &self.recoveries
    }

    /// Gives the reports that were written for cases.
    pub fn documents(&self) -> &Documents {
        &self.documents
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

    /// Gives what is to be written into cases, and which log entry proves which action.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Gives the actions without a final word, oldest first.
    pub fn unfinished(&self) -> impl Iterator<Item = &ActionView> {
        self.actions.iter().filter(|action| action.is_unfinished())
    }
}

impl ActionView {
    /// Says what it does, with what it removes.
    pub fn what(&self) -> Safe {
        what(self.kind, self.item.as_ref())
    }

    fn apply(&mut self, body: &Body, at: DateTime<Utc>, n: u64) {
        match body {
            Body::ActionConfirm {
                dry_run, operator, ..
            } => {
                self.state = ActionState::Confirmed;
                self.operator.clone_from(operator);
                self.confirmed = Some(at);
                self.dry_run = *dry_run;
            }
            Body::ActionIntent {
                attempt,
                method,
                host,
                path,
                server_date,
                password_changed,
                valid_from,
                deadline,
                ..
            } => {
                self.state = ActionState::Intent;
                self.attempt = *attempt;
                self.sent = Some(at);
                self.sent_n = n;
                self.call = Some((method.clone(), host.clone(), path.clone()));
                self.server_before = *server_date;
                self.before = password_changed.or(*valid_from);
                self.deadline = Some(*deadline);
                self.acknowledged = false;
                self.answered = None;
                (self.agreed, self.broken, self.effect_first) = (None, None, None);
                self.refused = None;
                self.reopen();
            }
            Body::ActionAck {
                request_id,
                server_date,
                ..
            } => {
                self.state = ActionState::Acked;
                self.reopen();
                self.was_sent(n, at);
                self.acknowledged = true;
                self.request_id.clone_from(request_id);
                self.server_answer = *server_date;
                self.answered = Some(at);
            }
            Body::ActionRejected { reason, .. } => {
                self.state = ActionState::Rejected;
                self.reopen();
                self.evidence = Some(reason.clone());
                self.refused = Some(reason.clone());
                self.answered = Some(at);
            }
            Body::ActionNotSent { reason, .. } => {
                self.state = ActionState::NotSent;
                self.evidence = Some(reason.clone());
            }
            Body::ActionUnknown { reason, .. } => {
                self.state = ActionState::Unknown;
                self.reopen();
                self.evidence = Some(reason.clone());
                self.unread = Some(reason.clone());
            }
            // Whoever closed it meanwhile said its last word.
            Body::ActionAdopt { .. } if self.ended.is_none() => self.state = ActionState::Unknown,
            Body::ActionObserve(Observed {
                evidence,
                matches,
                reads,
                used,
                effect_at,
                ..
            }) => {
                // The word of whoever closed it stays until another final one is said.
                if self.ended.is_none() {
                    self.evidence = Some(evidence.clone());
                }
                if *reads == 0 && matches.is_none() {
                    // Put off by the provider: what is read, if nothing more is sent, is not credited to it.
                    self.refused = Some(evidence.clone());
                }
                self.matches = *matches;
                if self.agreed.is_some() && *matches == Some(false) {
                    self.broken = Some(at);
                }
                self.agreed = Some(at).filter(|_| *matches == Some(true)).or(self.agreed);
                self.observed = Some((*matches, evidence.clone()));
                self.reads = *reads;
                if used.is_some() {
                    self.used.clone_from(used);
                }
                self.effect_at = effect_at.or(self.effect_at);
                self.effect_first = self.effect_first.or(*effect_at);
            }
            Body::ActionOutcome {
                state,
                evidence,
                seconds,
                ..
            } => {
                self.state = ActionState::from(*state);
                if self.state == ActionState::Verified {
                    self.was_sent(n, at);
                }
                self.evidence = Some(evidence.clone());
                self.ended = Some(at);
                self.closed = false;
                self.seconds = *seconds;
            }
            // What has its final word is not closed any more.
            Body::ActionResolve { reason, .. } if self.ended.is_none() => {
                self.state = ActionState::Abandoned;
                self.evidence = Some(reason.clone());
                self.ended = Some(at);
                self.closed = true;
            }
            _ => {}
        }
    }

    /// What was sent, or answered, after somebody closed the action is read back all the same.
    fn reopen(&mut self) {
        self.ended = None;
        self.closed = false;
        self.seconds = None;
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{DocumentWritten, HoldSet, OutcomeState};
    use crate::domain::containment::outbox;
    use crate::domain::containment::samples::{
        self, account, aid, at, case, confirmed, entry, intent, outcome, pid, planned,
    };
    use crate::domain::ids::RecordId;

    const D: ActionKind = ActionKind::DisableAccount;

    #[test]
    fn a_console_that_takes_over_what_was_closed_meanwhile_opens_nothing() {
        for closed in [false, true] {
            let mut ledger = Ledger::default();
            let closing = Body::ActionResolve {
                aid: aid(1),
                how: "closed by a person".to_owned(),
                reason: "seen by hand".into(),
            };
            let adopted = Body::ActionAdopt {
                aid: aid(1),
                owner_pid: 7,
            };
            let sent = [planned(1, 0, D), confirmed(1, false), intent(1, Some(0))];
            let closing = closed.then_some(closing);
            for (body, n) in sent.into_iter().chain(closing).chain([adopted]).zip(1..) {
                ledger.apply(&entry(n, 0, body));
            }
            let word = if closed {
                ActionState::Abandoned
            } else {
                ActionState::Unknown
            };
            let action = ledger
                .get(&aid(1))
                .map(|one| (one.state, one.is_unfinished()));
            assert_eq!(action, Some((word, !closed)));
        }
    }

    #[test]
    fn an_action_says_what_it_does() {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, D)));
        let what = ledger.get(&aid(1)).map(ActionView::what);
        assert_eq!(what, Some(D.word().into()));
    }

    fn folded(bodies: Vec<Body>) -> Ledger {
        let mut ledger = Ledger::default();
        for (body, n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, n.cast_signed(), body));
        }
        ledger
    }

    fn rejected() -> Body {
        Body::ActionRejected {
            aid: aid(1),
            attempt: 1,
            status: 403,
            reason: "no".into(),
        }
    }

    #[rstest]
    #[case(vec![planned(1, 0, D)], ActionState::Planned, false, false)]
    #[case(vec![planned(1, 0, D), confirmed(1, false)], ActionState::Confirmed, true, false)]
    #[case(vec![planned(1, 0, D), confirmed(1, false), intent(1, None)], ActionState::Intent, true, false)]
    // Refused by the provider, not read back yet: neither done nor to be documented.
    #[case(vec![planned(1, 0, D), confirmed(1, false), intent(1, None), rejected()], ActionState::Rejected, true, false)]
    #[case(
        vec![planned(1, 0, D), confirmed(1, false), intent(1, None), rejected(), outcome(1, OutcomeState::Rejected)],
        ActionState::Rejected, false, true
    )]
    #[case(
        vec![planned(1, 0, D), confirmed(1, false), intent(1, None), outcome(1, OutcomeState::Verified)],
        ActionState::Verified, false, true
    )]
    #[case(vec![planned(1, 0, D), confirmed(1, true), outcome(1, OutcomeState::DryRun)], ActionState::DryRun, false, false)]
    fn records_fold_into_where_an_action_stands(
        #[case] bodies: Vec<Body>,
        #[case] state: ActionState,
        #[case] unfinished: bool,
        #[case] to_document: bool,
    ) {
        let ledger = folded(bodies);
        assert_eq!(ledger.get(&aid(1)).map(|a| a.state), Some(state));
        assert_eq!(ledger.unfinished().count(), usize::from(unfinished));
        assert_eq!(ledger.undocumented() == [pid(1)], to_document);
    }

    #[test]
    fn a_plan_is_documented_once_all_of_it_ended() {
        let mut ledger = folded(vec![
            planned(1, 0, D),
            planned(2, 1, ActionKind::RevokeSessions),
            confirmed(1, false),
            confirmed(2, false),
            outcome(1, OutcomeState::Verified),
        ]);
        assert!(ledger.undocumented().is_empty());
        ledger.apply(&entry(9, 9, outcome(2, OutcomeState::Abandoned)));
        assert_eq!(ledger.undocumented(), [pid(1)]);
        let done = Body::ActionDoc {
            pid: pid(1),
            aids: vec![aid(1), aid(2)],
            case: crate::domain::containment::samples::case(),
            comment: "~7".into(),
        };
        ledger.apply(&entry(10, 10, done));
        assert!(ledger.undocumented().is_empty());
    }

    #[test]
    fn an_end_of_a_containment_is_forgotten_by_a_proven_enabling_alone() {
        let hold = Body::HoldSet(HoldSet {
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            until: Some(at(60)),
            how: "confirmed".to_owned(),
            reason: None,
        });
        let held = |kind, last: Option<OutcomeState>| {
            let mut bodies = vec![
                hold.clone(),
                planned(1, 0, kind),
                confirmed(1, false),
                intent(1, None),
            ];
            bodies.extend(last.map(|state| outcome(1, state)));
            folded(bodies).holds().hold(&account().id).is_some()
        };
        for kind in [D, ActionKind::RevokeSessions, ActionKind::ResetPassword] {
            assert!(held(kind, Some(OutcomeState::Verified)), "{kind:?}");
        }
        let enable = ActionKind::EnableAccount;
        assert!(held(enable, None));
        for state in [
            OutcomeState::NotEffective,
            OutcomeState::Unverifiable,
            OutcomeState::Rejected,
        ] {
            assert!(held(enable, Some(state)), "{state:?}");
        }
        assert!(!held(enable, Some(OutcomeState::Verified)));
    }

    fn asked(plan: u128, aids: &[u128], ask: u128) -> Body {
        let mut said = samples::ask();
        said.plan = pid(ask);
        Body::ApprovalRequested {
            pid: pid(plan),
            aids: aids.iter().map(|number| aid(*number)).collect(),
            ask: said,
            reasons: Vec::new(),
            requester: "u1".into(),
            requester_login: "jo".into(),
            expires: at(900),
        }
    }

    fn of(plan: u128, mut body: Body) -> Body {
        if let Body::ActionPlan { pid: of, .. } = &mut body {
            *of = pid(plan);
        }
        body
    }

    #[test]
    fn a_no_ends_what_waits_for_it_and_nothing_else() {
        let mut ledger = folded(vec![
            planned(1, 0, D),
            planned(2, 1, ActionKind::RevokeSessions),
            of(2, planned(3, 0, D)),
            asked(1, &[1], 1),
            asked(2, &[3], 2),
        ]);
        let denied = Body::ApprovalDenied {
            pid: pid(1),
            aids: vec![aid(1)],
            by: "kim".into(),
            comment: "~3".into(),
        };
        ledger.apply(&entry(9, 9, denied));
        let stands = |number| {
            let action = ledger.get(&aid(number)).cloned();
            let action = action.unwrap_or_else(|| panic!("it is there"));
            (action.state, action.evidence, action.ended)
        };
        let said = Some("denied by kim".into());
        assert_eq!(stands(1), (ActionState::Denied, said, Some(at(9))));
        // Of the same plan, but it does not wait; and of another plan, which still does.
        assert_eq!(stands(2), (ActionState::Planned, None, None));
        assert_eq!(stands(3), (ActionState::Awaiting, None, None));
    }

    #[test]
    fn what_waited_for_the_same_answer_before_a_restart_is_given_up() {
        let ledger = folded(vec![
            planned(1, 0, D),
            asked(1, &[1], 1),
            of(2, planned(2, 0, D)),
            asked(2, &[2], 1),
        ]);
        let state = |number| ledger.get(&aid(number)).map(|action| action.state);
        assert_eq!(state(1), Some(ActionState::Abandoned));
        assert_eq!(state(2), Some(ActionState::Awaiting));
    }

    #[test]
    fn notes_and_reports_on_record_are_folded_with_the_actions() {
        let rid = RecordId::from_parts(at(0), 1);
        let mut all = outbox::records(&rid, &case(), &"call her".into(), None, None);
        let report = Body::DocumentWritten(DocumentWritten {
            rid,
            case: case(),
            kind: "handover".to_owned(),
            name: "".into(),
            by: "jo".into(),
            part: 0,
            parts: 1,
            text: "all quiet".into(),
        });
        all.push(report);
        let ledger = folded(all);
        assert_eq!(ledger.outbox().notes().len(), 1);
        assert_eq!(ledger.documents().pending().len(), 1);
    }

    #[rstest]
    #[case::not_sent(vec![planned(1, 0, D), confirmed(1, false)], false)]
    #[case::dry(vec![planned(1, 0, D), confirmed(1, true), intent(1, None)], false)]
    #[case::dry_not_sent(vec![planned(1, 0, D), confirmed(1, true)], false)]
    #[case::sent(vec![planned(1, 0, D), confirmed(1, false), intent(1, None)], true)]
    // No final word yet: a second look may find it done.
    #[case::refused(vec![planned(1, 0, D), confirmed(1, false), intent(1, None), rejected()], true)]
    #[case::given_up_before(
        vec![planned(1, 0, D), confirmed(1, false), outcome(1, OutcomeState::Abandoned)], false
    )]
    #[case::given_up_after(
        vec![planned(1, 0, D), confirmed(1, false), intent(1, None), outcome(1, OutcomeState::Abandoned)], true
    )]
    #[case::never_arrived(
        vec![planned(1, 0, D), confirmed(1, false), intent(1, None), outcome(1, OutcomeState::NotSent)], false
    )]
    fn only_what_was_sent_and_not_denied_may_have_had_an_effect(
        #[case] bodies: Vec<Body>,
        #[case] expected: bool,
    ) {
        let ledger = folded(bodies);
        let action = ledger.get(&aid(1)).map(ActionView::may_have_had_effect);
        assert_eq!(action, Some(expected));
    }

    fn closed() -> Body {
        Body::ActionResolve {
            aid: aid(1),
            how: "closed by a person".to_owned(),
            reason: "not ours".into(),
        }
    }

    fn acked() -> Body {
        Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: None,
        }
    }

    fn unknown() -> Body {
        Body::ActionUnknown {
            aid: aid(1),
            attempt: 1,
            reason: "no answer".into(),
        }
    }

    fn second() -> Body {
        let mut body = intent(1, None);
        if let Body::ActionIntent { attempt, .. } = &mut body {
            *attempt = 2;
        }
        body
    }

    fn never_left() -> Body {
        Body::ActionNotSent {
            aid: aid(1),
            attempt: 1,
            reason: "no route".into(),
        }
    }

    #[rstest]
    #[case::sent(vec![closed(), intent(1, None)], ActionState::Intent)]
    #[case::accepted(vec![intent(1, None), closed(), acked()], ActionState::Acked)]
    #[case::refused_for_its_state(vec![intent(1, None), closed(), rejected()], ActionState::Rejected)]
    #[case::unanswered(vec![intent(1, None), closed(), unknown()], ActionState::Unknown)]
    fn what_is_sent_or_answered_after_it_was_closed_is_read_back(
        #[case] then: Vec<Body>,
        #[case] state: ActionState,
    ) {
        let before = vec![planned(1, 0, D), confirmed(1, false)];
        let ledger = folded([before, then].concat());
        let action = ledger.get(&aid(1)).unwrap_or_else(|| panic!("it is there"));
        assert_eq!((action.state, action.ended), (state, None));
        assert!(action.is_unfinished() && action.may_have_had_effect());
    }

    #[test]
    fn a_word_of_a_person_stays_until_another_final_one_is_said() {
        let waits = Body::ActionObserve(Observed {
            aid: aid(1),
            evidence: "429, sending once more".into(),
            matches: None,
            reads: 0,
            used: None,
            effect_at: None,
        });
        let mut ledger = folded(vec![
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, None),
            closed(),
            waits,
        ]);
        let said = |ledger: &Ledger| {
            let action = ledger.get(&aid(1)).unwrap_or_else(|| panic!("it is there"));
            (action.state, action.evidence.clone().unwrap_or_default())
        };
        assert_eq!(said(&ledger), (ActionState::Abandoned, "not ours".into()));
        ledger.apply(&entry(9, 9, outcome(1, OutcomeState::Verified)));
        let proven = (ActionState::Verified, "read back".into());
        assert_eq!(said(&ledger), proven);
        // Whoever closed it had not seen that yet.
        ledger.apply(&entry(10, 10, closed()));
        assert_eq!(said(&ledger), proven);
    }

    #[rstest]
    #[case::waits(vec![], false)]
    #[case::on_its_way(vec![intent(1, None)], true)]
    #[case::never_left(vec![intent(1, None), never_left(), outcome(1, OutcomeState::NotSent)], false)]
    // Its final word was lost with its process: it is taken over and read back.
    #[case::never_left_without_a_final_word(vec![intent(1, None), never_left()], true)]
    // The first one left, and was put off; the second one never did.
    #[case::only_the_second_never_left(
        vec![intent(1, None), second(), never_left(), outcome(1, OutcomeState::NotSent)], true
    )]
    #[case::closed_and_only_the_second_never_left(
        vec![intent(1, None), second(), closed(), never_left()], true
    )]
    #[case::refused(vec![intent(1, None), outcome(1, OutcomeState::Rejected)], true)]
    #[case::closed_before(vec![closed()], false)]
    #[case::closed_after(vec![intent(1, None), closed()], true)]
    fn only_a_proof_that_nothing_left_takes_a_sending_back(
        #[case] then: Vec<Body>,
        #[case] left: bool,
    ) {
        let before = vec![planned(1, 0, D), confirmed(1, false)];
        let ledger = folded([before, then].concat());
        let action = ledger.get(&aid(1)).map(ActionView::may_have_left);
        assert_eq!(action, Some(left));
    }

    #[test]
    fn records_about_an_unknown_action_change_nothing() {
        let ledger = folded(vec![
            confirmed(5, false),
            intent(5, None),
            outcome(5, OutcomeState::Verified),
        ]);
        assert_eq!(ledger.actions().count(), 0);
        assert_eq!(ledger.on(&account().id).count(), 0);
    }

    #[test]
    fn a_plan_recorded_twice_keeps_what_was_folded() {
        let ledger = folded(vec![
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, Some(3)),
            planned(1, 0, D),
        ]);
        let action = ledger.get(&aid(1));
        assert_eq!(action.map(|a| a.state), Some(ActionState::Intent));
        assert_eq!(
            action.and_then(super::ActionView::effective_at),
            Some(at(3))
        );
        assert_eq!(action.map(|a| a.sent_n), Some(3));
    }

    /// The clock before the send is at second 5, the answer's at 7.
    #[rstest]
    #[case::nothing_told(None, 7_000)]
    #[case::in_the_request(Some(6_250), 6_250)]
    #[case::in_the_second_of_the_answer(Some(7_999), 7_999)]
    #[case::in_the_second_before_the_send(Some(5_000), 5_000)]
    #[case::before_it(Some(4_999), 7_000)]
    #[case::long_after_it(Some(8_000), 7_000)]
    fn an_effect_begins_when_the_provider_says_if_that_was_in_the_request(
        #[case] told: Option<i64>,
        #[case] expected: i64,
    ) {
        let when = |ms| at(0) + TimeDelta::milliseconds(ms);
        let observed = |effect_at| {
            Body::ActionObserve(Observed {
                aid: aid(1),
                evidence: "status SUSPENDED".into(),
                matches: Some(true),
                reads: 1,
                used: None,
                effect_at,
            })
        };
        let ack = Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: Some(at(7)),
        };
        let ledger = folded(vec![
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, Some(5)),
            ack,
            observed(told.map(when)),
            // A later reading that tells none takes nothing back.
            observed(None),
        ]);
        let action = ledger.get(&aid(1)).unwrap_or_else(|| panic!("it is there"));
        assert_eq!(action.began_at(), Some(when(expected)));
        assert_eq!(action.effective_at(), Some(at(7)));
    }

    #[test]
    fn each_record_about_an_action_says_its_part() {
        let mut ledger = folded(vec![planned(1, 0, D), confirmed(1, false), intent(1, None)]);
        let mut tell = |body: Body| {
            ledger.apply(&entry(9, 9, body));
            let action = ledger.get(&aid(1)).cloned();
            action.unwrap_or_else(|| panic!("it is there"))
        };
        let said = |action: &ActionView| action.evidence.clone().unwrap_or_default();
        let now = tell(Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: Some("req-1".into()),
            server_date: Some(at(7)),
        });
        assert_eq!(now.state, ActionState::Acked);
        assert_eq!(
            (now.request_id, now.server_answer),
            (Some("req-1".into()), Some(at(7)))
        );
        for used in [Some("event-1".into()), None] {
            let now = tell(Body::ActionObserve(Observed {
                aid: aid(1),
                evidence: "one session".into(),
                matches: Some(false),
                reads: 2,
                used,
                effect_at: None,
            }));
            assert_eq!(
                (now.matches, now.reads, now.state),
                (Some(false), 2, ActionState::Acked)
            );
            assert_eq!(
                (said(&now), now.used),
                ("one session".into(), Some("event-1".into()))
            );
        }
        let (aid_of, reason) = (aid(1), Untrusted::new("reset"));
        let now = tell(Body::ActionUnknown {
            aid: aid_of,
            attempt: 1,
            reason,
        });
        assert_eq!(
            (now.state, said(&now)),
            (ActionState::Unknown, "reset".into())
        );
        let (aid_of, reason) = (aid(1), Untrusted::new("no route"));
        let now = tell(Body::ActionNotSent {
            aid: aid_of,
            attempt: 1,
            reason,
        });
        assert_eq!(
            (now.state, said(&now)),
            (ActionState::NotSent, "no route".into())
        );
        let now = tell(Body::ActionAdopt {
            aid: aid(1),
            owner_pid: 3,
        });
        assert_eq!((now.state, now.ended), (ActionState::Unknown, None));
        let (aid_of, reason) = (aid(1), Untrusted::new("seen by hand"));
        let now = tell(Body::ActionResolve {
            aid: aid_of,
            how: "closed".to_owned(),
            reason,
        });
        assert_eq!(
            (now.state, now.ended),
            (ActionState::Abandoned, Some(at(9)))
        );
        assert_eq!(said(&now), "seen by hand".into());
    }
}
