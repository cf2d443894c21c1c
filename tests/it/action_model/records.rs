//! What is shown of an action after any order of records that a real log could hold: several consoles write, each may die
//! between two records, and a person may close an action while another console waits for its answer or reads it back.
//!
//! The model knows words and flags. Beside it stand rules that need no model, see [`legal`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use quell::domain::audit::{
    Body, ChainHash, Draft, Entry, ItemNamed, Observed, OutcomeState, encode_line,
};
use quell::domain::containment::approval::Ask;
use quell::domain::containment::campaign::{Campaign, CampaignNamed};
use quell::domain::containment::caps::{self, CapWord};
use quell::domain::containment::counted::Counted;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::{ActionView, Ledger};
use quell::domain::containment::remnant::{Item, RemnantKind};
use quell::domain::containment::state::ActionState;
use quell::domain::ids::{AccountId, ActionId, CaseId, LogId, PlanId, SessionId};
use quell::domain::text::Untrusted;

use super::{CAPS, connection, uid, user};

const ACCOUNTS: usize = 5;

/// The campaign of the host: accounts that may be acted on beyond the caps in its name.
const CAMPAIGN: &str = "phish-11";
const ROOM: u32 = 2;

/// Every word that may be shown; each must have been in a run.
const WORDS: [&str; 16] = [
    "planned",
    "needs a second person",
    "confirmed",
    "requested",
    "not sent",
    "accepted",
    "rejected",
    "unknown: may have happened",
    "proven",
    "refuted",
    "undone",
    "cannot be proven",
    "dry run",
    "abandoned",
    "denied",
    "expired",
];

const UNKNOWN: &str = "unknown: may have happened";
const AWAITING: &str = "needs a second person";

/// What is written next; a number beside it chooses among those that it may be about.
#[derive(Clone, Copy, Debug)]
enum What {
    /// A plan of one kind, or of two where the second number names one.
    Plan(usize, usize),
    /// A plan names the campaign.
    Name,
    /// A second person is asked, once more after a restart, approves, denies; nobody answers; the request is void.
    Ask,
    AskAgain,
    Approve(Then),
    Deny,
    NobodyAnswers,
    Void,
    /// The next console ends what an approval was used up for and nobody confirmed.
    EndTorn,
    Confirm(Then),
    Intend,
    Answer(Said),
    /// The console that waits for the answer ends.
    Die,
    /// Another console finds an action whose owner is gone: sent, closed by a person at that moment, or never sent.
    Adopt,
    AdoptClosed,
    EndUnsent,
    Observe(Option<bool>),
    /// At the deadline nothing could be read.
    Unread,
    Conclude,
    /// Others undo what was proven.
    Undo,
    /// A person closes an unfinished action; or one that has its last word, for the screen was late.
    Close,
    CloseLate,
    Document,
    Refuse,
    Wait(i64),
}

/// What follows a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Live,
    Dry,
    /// The guards refuse before the send.
    GiveUp,
    /// The console dies in the middle of the write.
    Torn,
}

/// What comes of a send.
#[derive(Clone, Copy, Debug)]
enum Said {
    Yes,
    No,
    /// Refused for the state it is in, which is read back.
    NoForItsState,
    NotSent,
    /// The same, and the console dies before the final word.
    NotSentTorn,
    Nothing,
    /// Not executed for the rate: once more, later.
    Later,
}

type Event = (What, usize);

fn events() -> impl Strategy<Value = Vec<Event>> {
    // The one that others may undo comes oftener than the rest.
    let first = prop::sample::select(vec![0usize, 1, 1, 1, 2, 3, 4, 5, 6, 7]);
    let then = || {
        prop::sample::select(vec![
            Then::Live,
            Then::Live,
            Then::Live,
            Then::Live,
            Then::Dry,
            Then::GiveUp,
            Then::Torn,
        ])
    };
    let said = prop::sample::select(vec![
        Said::Yes,
        Said::Yes,
        Said::Yes,
        Said::No,
        Said::NoForItsState,
        Said::NotSent,
        Said::NotSentTorn,
        Said::Nothing,
        Said::Later,
    ]);
    let matches = prop::sample::select(vec![Some(true), Some(true), Some(false), None]);
    let what = prop_oneof![
        7 => (first, 0..16usize).prop_map(|(first, second)| What::Plan(first, second)),
        1 => Just(What::Name),
        3 => Just(What::Ask),
        1 => Just(What::AskAgain),
        2 => then().prop_map(What::Approve),
        1 => Just(What::Deny),
        1 => Just(What::NobodyAnswers),
        1 => Just(What::Void),
        1 => Just(What::EndTorn),
        7 => then().prop_map(What::Confirm),
        10 => Just(What::Intend),
        10 => said.prop_map(What::Answer),
        1 => Just(What::Die),
        2 => Just(What::Adopt),
        1 => Just(What::AdoptClosed),
        1 => Just(What::EndUnsent),
        7 => matches.prop_map(What::Observe),
        1 => Just(What::Unread),
        6 => Just(What::Conclude),
        3 => Just(What::Undo),
        2 => Just(What::Close),
        1 => Just(What::CloseLate),
        2 => Just(What::Document),
        1 => Just(What::Refuse),
        3 => prop::sample::select(vec![0i64, 1, 30, 200, 400, 3_700]).prop_map(What::Wait),
    ];
    // Of three events one has something that it may be about.
    prop::collection::vec((what, 0..1_000usize), 180)
}

/// Who said the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Said,
    /// A person closed it, and a console that does not know may still write of it.
    Closed,
}

/// One action, as the model has it.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own: a state for all of them would be the code once more"
)]
struct Act {
    aid: ActionId,
    plan: usize,
    kind: ActionKind,
    word: &'static str,
    approved: bool,
    confirmed: bool,
    dry: bool,
    attempt: u32,
    /// The second of its latest intent.
    sent: Option<i64>,
    /// An answer may still come.
    waits: bool,
    /// The provider said that it was not executed, and to send it once more.
    again: bool,
    /// Nobody will send it any more.
    gone: bool,
    /// It is read back, or was.
    read: bool,
    accepted: bool,
    refused: bool,
    matches: Option<bool>,
    used: Option<String>,
    ended: Option<End>,
    told: bool,
}

impl Act {
    fn is_unfinished(&self) -> bool {
        self.confirmed && self.ended.is_none()
    }

    fn may_be_sent(&self) -> bool {
        let live = self.confirmed && !self.dry && !self.gone;
        live && (self.attempt == 0 || self.again) && self.ended != Some(End::Said)
    }

    /// Something may follow that opens it again.
    fn may_open(&self) -> bool {
        self.ended == Some(End::Closed) && (self.may_be_sent() || self.waits || self.read)
    }

    /// Others may undo it, and are seen: it was proven, or read as done to its end.
    fn stands_as_disabled(&self) -> bool {
        let is_late = matches!(self.word, "rejected" | "cannot be proven")
            && self.matches == Some(true)
            && self.ended == Some(End::Said);
        self.word == "proven" || is_late
    }

    fn is_read(&self) -> bool {
        self.read && self.ended != Some(End::Said)
    }

    /// No byte of it left, for certain: it counts against no cap.
    fn never_left(&self) -> bool {
        self.word == "not sent" && self.ended.is_some() && self.attempt <= 1
    }

    fn may_have_had_effect(&self) -> bool {
        // A copy of a refused enabling may have been executed.
        let is_enabled = self.kind == ActionKind::EnableAccount && self.matches == Some(true);
        let denied = match self.word {
            "not sent" | "refuted" => true,
            "rejected" => !is_enabled,
            _ => false,
        };
        self.sent.is_some() && !self.dry && !(self.ended.is_some() && denied)
    }
}

struct Planned {
    pid: PlanId,
    user: usize,
    account: usize,
    acts: Range<usize>,
    /// The plan that asked first, and whether its request is open.
    asked: Option<usize>,
    open: bool,
    named: bool,
}

#[derive(Default)]
struct World {
    ledger: Ledger,
    entries: Vec<Entry>,
    now: i64,
    plans: Vec<Planned>,
    acts: Vec<Act>,
    /// Which action an entry of the vendor's log proves: the first that claimed it.
    claims: BTreeMap<String, usize>,
}

fn account(number: usize) -> AccountId {
    AccountId::new(connection(), format!("00u{number}"))
}

fn case() -> CaseId {
    CaseId::new(connection(), "~1")
}

fn word_of(state: OutcomeState) -> &'static str {
    match state {
        OutcomeState::Verified => "proven",
        OutcomeState::NotEffective => "refuted",
        OutcomeState::Drifted => "undone",
        OutcomeState::Unverifiable => "cannot be proven",
        OutcomeState::Rejected => "rejected",
        OutcomeState::NotSent => "not sent",
        OutcomeState::DryRun => "dry run",
        OutcomeState::Expired => "expired",
        OutcomeState::Abandoned => "abandoned",
    }
}

/// What is written.
impl World {
    fn utc(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + self.now)
    }

    fn record(&mut self, who: usize, body: Body) {
        let at = DateTime::UNIX_EPOCH;
        let entry = Entry {
            log: LogId::from_parts(at, 1),
            seg: 1,
            n: self.entries.len() as u64 + 1,
            ts: self.utc(),
            boot_us: 0,
            host: "bastion".into(),
            uid: uid(who),
            user: user(who),
            pid: 1,
            sess: SessionId::from_parts(at, who as u128),
            body,
            prev: ChainHash::GENESIS,
            h: ChainHash::GENESIS,
        };
        self.ledger.apply(&entry);
        self.entries.push(entry);
    }

    fn pick(&self, which: usize, fits: impl Fn(&Act) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.acts.len())
            .filter(|place| fits(&self.acts[*place]))
            .collect();
        all.get(which % all.len().max(1)).copied()
    }

    fn pick_plan(&self, which: usize, fits: impl Fn(&Planned, &[Act]) -> bool) -> Option<usize> {
        let fits = |plan: &Planned| fits(plan, &self.acts[plan.acts.clone()]);
        let all: Vec<usize> = (0..self.plans.len())
            .filter(|place| fits(&self.plans[*place]))
            .collect();
        all.get(which % all.len().max(1)).copied()
    }

    fn aids(&self, plan: usize) -> Vec<ActionId> {
        let acts = &self.acts[self.plans[plan].acts.clone()];
        acts.iter().map(|act| act.aid.clone()).collect()
    }

    fn plan(&mut self, which: usize, kinds: &[ActionKind]) {
        let at = DateTime::UNIX_EPOCH;
        let plan = self.plans.len();
        let (who, target) = (which % 2, which / 2 % ACCOUNTS);
        let pid = PlanId::from_parts(at, plan as u128 + 1);
        let from = self.acts.len();
        self.plans.push(Planned {
            pid: pid.clone(),
            user: who,
            account: target,
            acts: from..from + kinds.len(),
            asked: None,
            open: false,
            named: false,
        });
        for (kind, order) in kinds.iter().zip(1..) {
            let aid = ActionId::from_parts(at, self.acts.len() as u128 + 1);
            let body = Body::ActionPlan {
                pid: pid.clone(),
                aid: aid.clone(),
                order,
                kind: kind.key().to_owned(),
                case: case(),
                account: account(target),
                login: "mara.lind@acme.example".into(),
                snapshot: serde_json::Value::Null,
                server_date: None,
                guards: Vec::new(),
                plan_hash: "ab".to_owned(),
                expires: self.utc(),
            };
            self.record(who, body);
            if *kind == ActionKind::RemoveItem {
                let named = ItemNamed {
                    pid: pid.clone(),
                    aid: aid.clone(),
                    item: Item::new(RemnantKind::OauthGrant, "a", "Mail Sync"),
                    since: None,
                    before: "{}".into(),
                };
                self.record(who, Body::ActionItem(named));
            }
            self.acts.push(Act {
                aid,
                plan,
                kind: *kind,
                word: "planned",
                approved: false,
                confirmed: false,
                dry: false,
                attempt: 0,
                sent: None,
                waits: false,
                again: false,
                gone: false,
                read: false,
                accepted: false,
                refused: false,
                matches: None,
                used: None,
                ended: None,
                told: false,
            });
        }
    }

    /// Asks for a plan; where another plan asked the same before, that one waits no more.
    fn ask(&mut self, plan: usize, first: usize) {
        let (pid, aids) = (self.plans[plan].pid.clone(), self.aids(plan));
        let login = Untrusted::new("mara.lind@acme.example");
        let body = Body::ApprovalRequested {
            pid,
            aids,
            ask: Ask::new(
                self.plans[first].pid.clone(),
                "ab",
                "~1",
                "acme.okta.example",
                ("00u", &login),
                vec![ActionKind::RevokeSessions],
            ),
            reasons: Vec::new(),
            requester: "~u1".into(),
            requester_login: "jo".into(),
            expires: self.utc() + TimeDelta::minutes(15),
        };
        self.record(self.plans[plan].user, body);
        for other in 0..self.plans.len() {
            let one = &self.plans[other];
            if other != plan && one.open && one.asked == Some(first) {
                self.close_request(other, "abandoned");
            }
        }
        let one = &mut self.plans[plan];
        (one.asked, one.open) = (Some(first), true);
        for act in &mut self.acts[one.acts.clone()] {
            act.word = AWAITING;
        }
    }

    /// The model alone: what waits in a plan has its last word.
    fn close_request(&mut self, plan: usize, word: &'static str) {
        self.plans[plan].open = false;
        for act in &mut self.acts[self.plans[plan].acts.clone()] {
            (act.word, act.ended, act.gone) = (word, Some(End::Said), true);
        }
    }

    /// Ends every action of a plan that waits.
    fn end_request(&mut self, plan: usize, state: OutcomeState) {
        for place in self.plans[plan].acts.clone() {
            self.end(place, state);
        }
    }

    fn end(&mut self, place: usize, state: OutcomeState) {
        let act = &mut self.acts[place];
        (act.word, act.ended) = (word_of(state), Some(End::Said));
        (act.waits, act.again, act.gone) = (false, false, true);
        let (aid, plan) = (act.aid.clone(), act.plan);
        self.plans[plan].open = false;
        let body = Body::ActionOutcome {
            aid,
            state,
            evidence: "read".into(),
            seconds: None,
        };
        self.record(plan, body);
    }

    fn approve(&mut self, plan: usize, then: Then) {
        let (pid, first) = (self.plans[plan].pid.clone(), self.plans[plan].asked);
        let asked = first.map_or(pid.clone(), |first| self.plans[first].pid.clone());
        let body = Body::Approval {
            pid,
            asked,
            plan_hash: "ab".to_owned(),
            approver: "~u2".into(),
            approver_login: "kim".into(),
            comment: Untrusted::new(format!("~c{plan}")),
            at: self.utc(),
        };
        self.record(plan, body);
        self.plans[plan].open = false;
        for act in &mut self.acts[self.plans[plan].acts.clone()] {
            act.approved = true;
        }
        match then {
            // Used up, and nothing confirmed: nobody waits for it any more, and nothing of it leaves.
            Then::Torn => {
                for act in &mut self.acts[self.plans[plan].acts.clone()] {
                    act.gone = true;
                }
            }
            // A dry run asks nobody.
            Then::Dry => self.confirm(plan, Then::Live),
            then => self.confirm(plan, then),
        }
    }

    fn confirm(&mut self, plan: usize, then: Then) {
        let pid = self.plans[plan].pid.clone();
        let most = if then == Then::Torn { 1 } else { usize::MAX };
        let acts: Vec<usize> = self.plans[plan].acts.clone().take(most).collect();
        for place in &acts {
            let act = &mut self.acts[*place];
            (act.word, act.confirmed) = ("confirmed", true);
            (act.dry, act.gone) = (then == Then::Dry, then == Then::Torn);
            let body = Body::ActionConfirm {
                pid: pid.clone(),
                aid: act.aid.clone(),
                how: "typed name and y".to_owned(),
                plan_hash: "ab".to_owned(),
                dry_run: act.dry,
                operator: None,
            };
            self.record(plan, body);
        }
        let state = match then {
            Then::Live | Then::Torn => return,
            Then::Dry => OutcomeState::DryRun,
            Then::GiveUp => OutcomeState::Abandoned,
        };
        for place in acts {
            self.end(place, state);
        }
    }

    fn intend(&mut self, place: usize) {
        let (deadline, now) = (self.utc(), self.now);
        let act = &mut self.acts[place];
        act.attempt += 1;
        (act.word, act.sent) = ("requested", Some(now));
        (act.waits, act.again) = (true, false);
        (act.accepted, act.refused) = (false, false);
        // Whoever sends it did not know that it was closed: it is unfinished again.
        act.ended = None;
        let body = Body::ActionIntent {
            aid: act.aid.clone(),
            attempt: act.attempt,
            method: "POST".to_owned(),
            host: "acme.okta.example".to_owned(),
            path: "/suspend".into(),
            body_sha256: String::new(),
            request_id: "r".to_owned(),
            server_date: None,
            password_changed: None,
            valid_from: None,
            deadline,
        };
        self.record(place, body);
    }

    fn answer(&mut self, place: usize, said: Said) {
        let act = &mut self.acts[place];
        let (aid, attempt, reason) = (act.aid.clone(), act.attempt, "no".into());
        act.waits = false;
        match said {
            Said::Yes => {
                (act.word, act.accepted, act.read, act.ended) = ("accepted", true, true, None);
                let body = Body::ActionAck {
                    aid,
                    attempt,
                    status: 200,
                    request_id: None,
                    server_date: None,
                };
                self.record(place, body);
            }
            Said::No | Said::NoForItsState => {
                (act.word, act.refused, act.ended) = ("rejected", true, None);
                act.read = true;
                let body = Body::ActionRejected {
                    aid,
                    attempt,
                    status: 403,
                    reason,
                };
                self.record(place, body);
                if matches!(said, Said::No) {
                    self.end(place, OutcomeState::Rejected);
                }
            }
            Said::NotSent | Said::NotSentTorn => {
                // Certain, whoever closed it before.
                (act.word, act.gone) = ("not sent", true);
                let body = Body::ActionNotSent {
                    aid,
                    attempt,
                    reason,
                };
                self.record(place, body);
                if matches!(said, Said::NotSent) {
                    // That the second send never left takes nothing back of the first, which was put off.
                    let word = match attempt {
                        1 => OutcomeState::NotSent,
                        _ => OutcomeState::Rejected,
                    };
                    self.end(place, word);
                }
            }
            Said::Nothing => {
                (act.word, act.read, act.ended) = (UNKNOWN, true, None);
                let body = Body::ActionUnknown {
                    aid,
                    attempt,
                    reason,
                };
                self.record(place, body);
            }
            Said::Later => {
                (act.matches, act.again, act.refused) = (None, attempt == 1, true);
                let put_off = Body::ActionObserve(Observed {
                    aid,
                    evidence: "sending once more".into(),
                    matches: None,
                    reads: 0,
                    used: None,
                    effect_at: None,
                });
                self.record(place, put_off);
                if attempt > 1 {
                    self.end(place, OutcomeState::Rejected);
                }
            }
        }
    }

    fn observe(&mut self, place: usize, which: usize, matches: Option<bool>) {
        let act = &mut self.acts[place];
        act.matches = matches;
        let claims = act.kind == ActionKind::RevokeSessions && matches == Some(true);
        let used = claims.then(|| format!("event-{}", which % 3));
        if let Some(used) = &used {
            act.used = Some(used.clone());
            self.claims.entry(used.clone()).or_insert(place);
        }
        let aid = act.aid.clone();
        self.record(place, observed(aid, matches, used));
    }

    /// Says the last word that the last reading allows.
    fn conclude(&mut self, place: usize, which: usize) {
        let act = &self.acts[place];
        let state = match act.matches {
            _ if act.again || act.refused => OutcomeState::Rejected,
            Some(true) if which.is_multiple_of(3) => OutcomeState::Unverifiable,
            Some(true) => OutcomeState::Verified,
            Some(false) => OutcomeState::NotEffective,
            None => OutcomeState::Unverifiable,
        };
        self.end(place, state);
    }

    fn close(&mut self, place: usize) {
        let act = &mut self.acts[place];
        if act.ended.is_none() {
            (act.word, act.ended) = ("abandoned", Some(End::Closed));
        }
        let body = Body::ActionResolve {
            aid: act.aid.clone(),
            how: "closed".to_owned(),
            reason: "seen elsewhere".into(),
        };
        self.record(place, body);
    }

    fn document(&mut self, plan: usize) {
        for act in &mut self.acts[self.plans[plan].acts.clone()] {
            act.told = true;
        }
        let body = Body::ActionDoc {
            pid: self.plans[plan].pid.clone(),
            aids: self.aids(plan),
            case: case(),
            comment: "~7".into(),
        };
        self.record(plan, body);
    }

    /// Writes what comes next, if there is anything that it may be about.
    fn step(&mut self, what: What, which: usize) -> Option<()> {
        let fresh = |_: &Planned, acts: &[Act]| acts.iter().all(|act| act.word == "planned");
        match what {
            What::Plan(first, second) => {
                let mut kinds = vec![ActionKind::ALL[first % ActionKind::ALL.len()]];
                kinds.extend(ActionKind::ALL.get(second));
                self.plan(which, &kinds);
            }
            What::Name => {
                let plan = self.pick_plan(which, |plan, acts| {
                    !plan.named && acts.iter().all(|act| act.attempt == 0)
                })?;
                self.plans[plan].named = true;
                let named = CampaignNamed {
                    pid: self.plans[plan].pid.clone(),
                    campaign: CAMPAIGN.to_owned(),
                };
                self.record(plan, Body::ActionCampaign(named));
            }
            What::Ask => {
                let plan = self.pick_plan(which, |plan, acts| {
                    plan.asked.is_none() && fresh(plan, acts)
                })?;
                self.ask(plan, plan);
            }
            What::AskAgain => {
                let before = self.pick_plan(which, |plan, _| plan.open)?;
                let first = self.plans[before].asked?;
                let plan = self.pick_plan(which, |plan, acts| {
                    plan.asked.is_none() && fresh(plan, acts)
                })?;
                self.ask(plan, first);
            }
            What::Approve(then) => {
                let plan = self.pick_plan(which, |plan, _| plan.open)?;
                self.approve(plan, then);
            }
            What::Deny => {
                let plan = self.pick_plan(which, |plan, _| plan.open)?;
                let body = Body::ApprovalDenied {
                    pid: self.plans[plan].pid.clone(),
                    aids: self.aids(plan),
                    by: "kim".into(),
                    comment: "~3".into(),
                };
                self.close_request(plan, "denied");
                self.record(plan, body);
            }
            What::NobodyAnswers => {
                let plan = self.pick_plan(which, |plan, _| plan.open)?;
                self.end_request(plan, OutcomeState::Expired);
            }
            What::Void => {
                let plan = self.pick_plan(which, |plan, _| plan.open)?;
                self.end_request(plan, OutcomeState::Abandoned);
            }
            What::EndTorn => {
                let plan = self.pick_plan(which, |plan, acts| {
                    !plan.open && acts.iter().all(|act| act.word == AWAITING)
                })?;
                self.end_request(plan, OutcomeState::Abandoned);
            }
            What::Confirm(then) => {
                let plan = self.pick_plan(which, |plan, acts| {
                    plan.asked.is_none() && fresh(plan, acts)
                })?;
                self.confirm(plan, then);
            }
            What::Refuse => {
                let body = Body::Refusal {
                    case: case(),
                    account: Some(account(which % ACCOUNTS)),
                    login: "mara.lind@acme.example".into(),
                    kinds: vec!["disable_account".to_owned()],
                    guard: "caps".to_owned(),
                    reason: "cap reached".into(),
                };
                self.record(which, body);
            }
            What::Wait(seconds) => self.now += seconds,
            What::Document => {
                let plan = self.pick_plan(which, |_, acts| {
                    is_worth(acts) && !acts.iter().any(Act::may_open)
                })?;
                self.document(plan);
            }
            what => self.step_of_act(what, which)?,
        }
        Some(())
    }

    /// The same for what is about one action.
    fn step_of_act(&mut self, what: What, which: usize) -> Option<()> {
        let is_left = |act: &Act| act.confirmed && !act.dry && act.attempt > 0 && !act.waits;
        match what {
            What::Intend => {
                let place = self.pick(which, Act::may_be_sent)?;
                self.intend(place);
            }
            What::Answer(said) => {
                let place = self.pick(which, |act| act.waits)?;
                self.answer(place, said);
            }
            What::Die => {
                let place = self.pick(which, |act| act.waits)?;
                (self.acts[place].waits, self.acts[place].gone) = (false, true);
            }
            What::Adopt => {
                let place = self.pick(which, |act| is_left(act) && act.ended.is_none())?;
                let act = &mut self.acts[place];
                (act.word, act.read) = (UNKNOWN, true);
                (act.again, act.gone) = (false, true);
                let (aid, owner_pid) = (act.aid.clone(), 7);
                self.record(place, Body::ActionAdopt { aid, owner_pid });
            }
            // It was closed after this console had looked: that changes nothing.
            What::AdoptClosed => {
                let place =
                    self.pick(which, |act| is_left(act) && act.ended == Some(End::Closed))?;
                let act = &mut self.acts[place];
                (act.again, act.gone) = (false, true);
                let (aid, owner_pid) = (act.aid.clone(), 7);
                self.record(place, Body::ActionAdopt { aid, owner_pid });
            }
            What::EndUnsent => {
                let place = self.pick(which, |act| {
                    let unsent = act.confirmed && !act.dry && act.attempt == 0;
                    unsent && act.ended != Some(End::Said)
                })?;
                self.end(place, OutcomeState::Abandoned);
            }
            What::Observe(matches) => {
                let place = self.pick(which, Act::is_read)?;
                self.observe(place, which, matches);
            }
            What::Unread => {
                let place = self.pick(which, Act::is_read)?;
                let act = &mut self.acts[place];
                // Whoever reads it did not know that it was closed: it is unfinished again.
                (act.word, act.ended) = (UNKNOWN, None);
                let body = Body::ActionUnknown {
                    aid: act.aid.clone(),
                    attempt: act.attempt,
                    reason: "could not be read back".into(),
                };
                self.record(place, body);
            }
            What::Conclude => {
                let place = self.pick(which, |act| {
                    let ends = act.again && act.ended != Some(End::Said);
                    act.is_read() || ends
                })?;
                self.conclude(place, which);
            }
            What::Undo => {
                let place = self.pick(which, |act| {
                    act.kind == ActionKind::DisableAccount && act.stands_as_disabled()
                })?;
                self.end(place, OutcomeState::Drifted);
            }
            What::Close => {
                let place = self.pick(which, Act::is_unfinished)?;
                self.close(place);
            }
            What::CloseLate => {
                let place =
                    self.pick(which, |act| act.confirmed && act.ended == Some(End::Said))?;
                self.close(place);
            }
            other => unreachable!("{other:?} is about no action"),
        }
        Some(())
    }
}

/// Tells whether a plan has something to tell its case, and all of it that was confirmed, or waited, has its last word.
fn is_worth(acts: &[Act]) -> bool {
    acts.iter()
        .any(|act| (act.confirmed || act.approved) && !act.dry && !act.told)
        && !acts
            .iter()
            .any(|act| act.is_unfinished() || act.word == AWAITING)
}

fn observed(aid: ActionId, matches: Option<bool>, used: Option<String>) -> Body {
    Body::ActionObserve(Observed {
        aid,
        evidence: "status".into(),
        matches,
        reads: 1,
        used: used.map(Untrusted::new),
        effect_at: None,
    })
}

/// What is shown.
impl World {
    fn agree(&self) -> Result<(), TestCaseError> {
        for (place, act) in self.acts.iter().enumerate() {
            let view = self.ledger.get(&act.aid);
            let view = view.ok_or_else(|| TestCaseError::fail(format!("{place} is lost")))?;
            prop_assert_eq!(view.state.word(), act.word, "{}: {:?}", place, act);
            let shown = (
                view.kind,
                view.is_unfinished(),
                view.ended.is_some(),
                view.attempt,
                view.acknowledged,
                view.refused.is_some(),
                view.matches,
                view.may_have_had_effect(),
            );
            let meant = (
                act.kind,
                act.is_unfinished(),
                act.ended.is_some(),
                act.attempt,
                act.accepted,
                act.refused,
                act.matches,
                act.may_have_had_effect(),
            );
            prop_assert_eq!(shown, meant, "{}: {:?}", place, act);
            let used = view.used.as_ref().map(Untrusted::raw);
            prop_assert_eq!(used, act.used.as_deref(), "{}: {:?}", place, act);
            let is_item = act.kind == ActionKind::RemoveItem;
            prop_assert_eq!(view.item.is_some(), is_item);
            legal(view)?;
        }
        prop_assert_eq!(self.ledger.actions().count(), self.acts.len());
        let shown: Vec<&ActionId> = self.ledger.unfinished().map(|one| &one.aid).collect();
        let unfinished = self.acts.iter().filter(|act| act.is_unfinished());
        let meant: Vec<&ActionId> = unfinished.map(|act| &act.aid).collect();
        prop_assert_eq!(shown, meant, "the unfinished");
        let shown: BTreeSet<&PlanId> = self.ledger.asked().open().map(|one| &one.pid).collect();
        let open = self.plans.iter().filter(|plan| plan.open);
        let meant: BTreeSet<&PlanId> = open.map(|plan| &plan.pid).collect();
        prop_assert_eq!(shown, meant, "who waits for a second person");
        let worth = self.plans.iter();
        let worth = worth.filter(|plan| is_worth(&self.acts[plan.acts.clone()]));
        let meant: BTreeSet<PlanId> = worth.map(|plan| plan.pid.clone()).collect();
        let shown: BTreeSet<PlanId> = self.ledger.undocumented().into_iter().collect();
        prop_assert_eq!(shown, meant, "what is to be told");
        for plan in &self.plans {
            let shown = self.ledger.asked().campaign(&plan.pid);
            prop_assert_eq!(shown, plan.named.then_some(CAMPAIGN));
        }
        for (entry, place) in &self.claims {
            let shown = self
                .ledger
                .outbox()
                .owner_of(&Untrusted::new(entry.as_str()));
            prop_assert_eq!(shown, Some(&self.acts[*place].aid));
        }
        Ok(())
    }

    /// Asks the caps about one more account, and the model, which counts for itself.
    fn caps_agree(&self, which: usize) -> Result<(), TestCaseError> {
        let (who, target) = (which % 2, which / 2 % ACCOUNTS);
        let kind = ActionKind::ALL[which % ActionKind::ALL.len()];
        let campaign = Campaign {
            name: CAMPAIGN.to_owned(),
            until: self.utc() + TimeDelta::hours(1),
            accounts: ROOM,
        };
        let asked = (&account(target), &[kind][..]);
        let shown = caps::judge(
            CAPS,
            Some(&campaign),
            &self.ledger,
            uid(who),
            asked,
            self.utc(),
        );
        let of = |plan: usize| &self.plans[plan];
        let within = |window: i64, most: u32, person: Option<usize>| {
            let counts = |act: &&Act| {
                let is_young = act.sent.is_some_and(|sent| sent > self.now - window);
                let is_undo = act.kind == ActionKind::EnableAccount;
                let by = person.is_none_or(|person| of(act.plan).user == person);
                is_young && !is_undo && by && !act.never_left()
            };
            let hit = self.acts.iter().filter(counts);
            let hit: BTreeSet<usize> = hit.map(|act| of(act.plan).account).collect();
            hit.contains(&target) || hit.len() < most as usize
        };
        let is_undo = kind == ActionKind::EnableAccount;
        let fits = within(600, CAPS.per_person, Some(who)) && within(3_600, CAPS.per_host, None);
        if is_undo || fits {
            prop_assert_eq!(shown, CapWord::Within);
            return Ok(());
        }
        let in_its_name = |with_unsent: bool| {
            let hit = self.acts.iter().filter(|act| {
                act.sent.is_some() && of(act.plan).named && (with_unsent || !act.never_left())
            });
            let hit: BTreeSet<usize> = hit.map(|act| of(act.plan).account).collect();
            hit.into_iter().filter(|one| *one != target).count()
        };
        // What never left may count in a campaign or not: it is looked at by a person in either case.
        let room = ROOM as usize;
        match shown {
            CapWord::Campaign(name) => {
                prop_assert_eq!(name, CAMPAIGN);
                prop_assert!(in_its_name(false) < room, "the campaign is full");
            }
            CapWord::Over(_) => prop_assert!(in_its_name(true) >= room, "the campaign has room"),
            other => return Err(TestCaseError::fail(format!("{other:?} beyond the caps"))),
        }
        Ok(())
    }

    /// A console that starts now, and reads the log as it was written, shows the same.
    fn same_after_a_restart(&self) -> Result<(), TestCaseError> {
        let (mut counted, mut prev) = (Counted::default(), ChainHash::GENESIS);
        for entry in &self.entries {
            let written = encode_line(&Draft {
                log: &entry.log,
                seg: entry.seg,
                n: entry.n,
                ts: entry.ts,
                boot_us: entry.boot_us,
                host: &entry.host,
                uid: entry.uid,
                user: &entry.user,
                pid: entry.pid,
                sess: &entry.sess,
                body: &entry.body,
                prev,
            });
            let (line, made) = written.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prev = made.h;
            counted.feed(&line);
        }
        prop_assert!(counted.refusal(self.utc()).is_none());
        let read: Vec<&ActionView> = counted.ledger().actions().collect();
        let known: Vec<&ActionView> = self.ledger.actions().collect();
        prop_assert_eq!(read, known);
        Ok(())
    }
}

/// What no order of records may ever show of an action.
fn legal(view: &ActionView) -> Result<(), TestCaseError> {
    use ActionState::{
        Abandoned, Acked, Denied, Drifted, DryRun, Expired, Intent, NotEffective, Unknown,
        Unverifiable, Verified,
    };
    let state = view.state;
    let of_proof = matches!(state, Verified | NotEffective | Drifted | Unverifiable);
    let of_send = matches!(state, Intent | Acked | Unknown);
    let was_sent = view.sent.is_some() && view.attempt > 0 && view.confirmed.is_some();
    prop_assert!(
        was_sent || !(of_proof || of_send),
        "sent by nobody: {:?}",
        view
    );
    prop_assert!(
        view.sent.is_none() || was_sent,
        "sent unconfirmed: {:?}",
        view
    );
    let of_end = of_proof || matches!(state, DryRun | Abandoned | Denied | Expired);
    prop_assert!(
        view.ended.is_some() || !of_end,
        "a last word without an end: {:?}",
        view
    );
    prop_assert!(
        view.ended.is_none() || state.is_final(),
        "an end without a last word: {:?}",
        view
    );
    let touched = view.sent.is_some() || view.may_have_had_effect();
    prop_assert!(
        !(view.dry_run && touched),
        "a dry run that acts: {:?}",
        view
    );
    Ok(())
}

/// What one sequence came to.
struct Made {
    world: World,
    transitions: u64,
    words: BTreeSet<&'static str>,
}

fn unfinished(ledger: &Ledger) -> BTreeSet<ActionId> {
    ledger.unfinished().map(|one| one.aid.clone()).collect()
}

fn run(events: &[Event]) -> Result<Made, TestCaseError> {
    let mut made = Made {
        world: World::default(),
        transitions: 0,
        words: BTreeSet::new(),
    };
    for (what, which) in events {
        let world = &mut made.world;
        let before = unfinished(&world.ledger);
        if world.step(*what, *which).is_none() {
            continue;
        }
        made.transitions += 1;
        world.agree()?;
        world.caps_agree(*which)?;
        for aid in before.difference(&unfinished(&world.ledger)) {
            let view = world.ledger.get(aid);
            let is_over = view.is_some_and(|one| one.ended.is_some() && one.state.is_final());
            prop_assert!(
                is_over,
                "gone from the list without a last word: {:?}",
                view
            );
        }
        let shown = world.ledger.actions().map(|one| one.state.word());
        made.words.extend(shown);
    }
    Ok(made)
}

/// What all sequences came to.
#[derive(Default)]
struct Tally {
    cases: u64,
    transitions: u64,
    records: usize,
    words: BTreeSet<&'static str>,
}

#[test]
fn no_order_of_records_shows_what_is_not_so() {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let asked = config.cases;
    let tally = RefCell::new(Tally::default());
    let told = TestRunner::new(config).run(&events(), |events| {
        let made = run(&events)?;
        // Written and read again it takes ten times as long, and is the same machine.
        let again = tally.borrow().cases.is_multiple_of(8);
        if again {
            made.world.same_after_a_restart()?;
        }
        let mut tally = tally.borrow_mut();
        tally.cases += 1;
        tally.transitions += made.transitions;
        tally.records += made.world.entries.len();
        tally.words.extend(made.words);
        Ok(())
    });
    told.unwrap_or_else(|error| panic!("{error}"));
    let tally = tally.into_inner();
    println!(
        "{} sequences of records: {} transitions, {} records, {} of {} words shown",
        tally.cases,
        tally.transitions,
        tally.records,
        tally.words.len(),
        WORDS.len()
    );
    if asked >= 256 {
        let never: Vec<&&str> = WORDS
            .iter()
            .filter(|word| !tally.words.contains(**word))
            .collect();
        assert!(never.is_empty(), "never shown: {never:?}");
        assert!(tally.transitions > u64::from(asked) * 70, "too few of them");
    }
}

/// Runs a story of one action, all of which must happen, and gives its word and whether it is unfinished.
fn story(whats: &[What]) -> (&'static str, bool) {
    let start = [What::Plan(1, usize::MAX), What::Confirm(Then::Live)];
    let events: Vec<Event> = start.iter().chain(whats).map(|what| (*what, 1)).collect();
    let made = run(&events).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(made.transitions, events.len() as u64, "all of it happens");
    let view = made.world.ledger.actions().next();
    let view = view.unwrap_or_else(|| panic!("one action"));
    (view.state.word(), view.is_unfinished())
}

#[test]
fn what_is_sent_or_answered_after_it_was_closed_is_unfinished_again() {
    use What::{Answer, Close, Conclude, Intend, Observe, Unread};
    assert_eq!(story(&[Close]), ("abandoned", false));
    assert_eq!(story(&[Close, Intend]), ("requested", true));
    let yes = Answer(Said::Yes);
    assert_eq!(story(&[Intend, Close, yes]), ("accepted", true));
    assert_eq!(story(&[Intend, yes, Close, Unread]), (UNKNOWN, true));
    let read = [Intend, yes, Close, Observe(Some(true)), Conclude];
    assert_eq!(story(&read), ("proven", false));
    let late = [Intend, yes, Observe(Some(true)), Conclude, What::CloseLate];
    assert_eq!(story(&late), ("proven", false));
    assert_eq!(
        story(&[Intend, yes, Observe(Some(true)), Conclude, What::Undo]),
        ("undone", false)
    );
}

#[test]
fn what_a_person_closed_is_not_opened_by_a_console_that_takes_it_over() {
    let died = [What::Intend, What::Die, What::Close, What::AdoptClosed];
    assert_eq!(story(&died), ("abandoned", false));
    assert_eq!(
        story(&[What::Intend, What::Die, What::Adopt]),
        (UNKNOWN, true)
    );
}

#[test]
fn what_never_left_takes_no_place_of_the_caps() {
    let send = |account: usize, said: Said| {
        let which = 2 * account;
        // Each plan is the only one that may be confirmed, sent and answered at its time.
        [
            What::Plan(1, usize::MAX),
            What::Confirm(Then::Live),
            What::Intend,
            What::Answer(said),
        ]
        .map(|what| (what, which))
    };
    let sent = |said: Said| {
        let all: Vec<Event> = (0..3).flat_map(|account| send(account, said)).collect();
        let made = run(&all).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(made.transitions, all.len() as u64, "all of it happens");
        let world = made.world;
        let kinds = [ActionKind::DisableAccount];
        let asked = (&account(4), &kinds[..]);
        caps::judge(CAPS, None, &world.ledger, uid(0), asked, world.utc())
    };
    assert_eq!(sent(Said::NotSent), CapWord::Within);
    assert!(matches!(sent(Said::Yes), CapWord::Over(_)));
    // Without its final word nobody knows.
    assert!(matches!(sent(Said::NotSentTorn), CapWord::Over(_)));
}
