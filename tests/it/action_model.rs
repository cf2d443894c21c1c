//! A model of the action machine: random sequences of what people, processes and providers do, against the real
//! confirmation, guards, caps and fold of records. The model knows only plain numbers; where it and the code differ, one lies.
//! What follows a send, and every kind, is in `records`.
//!
//! Long form: `PROPTEST_CASES=100000 cargo test --release --test it action_model -- --nocapture`.

mod records;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use quell::domain::account::{Account, AccountStatus, Group};
use quell::domain::audit::{Body, ChainHash, Draft, OutcomeState, encode_line};
use quell::domain::containment::caps::Caps;
use quell::domain::containment::confirm::{Confirmation, ConfirmedPlan, DialogKey, Step};
use quell::domain::containment::counted::Counted;
use quell::domain::containment::guard::{GuardInput, GuardResult, judge};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::plan::{
    ActionFacts, Expected, LIFETIME, Plan, PlannedStep, PreparedCall, changed_since,
};
use quell::domain::freshness::Moment;
use quell::domain::ids::{AccountId, ActionId, CaseId, ConnectionName, LogId, PlanId, SessionId};
use quell::domain::text::{Safe, Untrusted};

const ACCOUNTS: usize = 8;
const PROCESSES: usize = 4;
const CAPS: Caps = Caps {
    per_person: 2,
    per_host: 3,
};
const KIND: ActionKind = ActionKind::DisableAccount;

/// What happens next; numbers choose a process or an account.
#[derive(Clone, Debug)]
enum Event {
    Plan(usize, usize),
    Type(usize, bool),
    Key(usize, DialogKey),
    Confirm(usize),
    LookAgain(usize),
    Send(usize, Answer),
    Restart(usize),
    Wait(u32),
    Change(usize, Change),
    Protect(usize),
    Freeze(bool),
    Close(usize),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Accepted,
    Refused,
    Silent,
    DiedBefore,
    DiedAfter,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Role,
    Groups,
    Name,
    Status,
    Unreadable,
}

fn events() -> impl Strategy<Value = Event> {
    let (process, account) = (0..PROCESSES, 0..ACCOUNTS);
    let answer = prop::sample::select(vec![
        Answer::Accepted,
        Answer::Accepted,
        Answer::Refused,
        Answer::Silent,
        Answer::DiedBefore,
        Answer::DiedAfter,
    ]);
    let key = prop::sample::select(vec![
        DialogKey::Tab,
        DialogKey::Enter,
        DialogKey::Paste,
        DialogKey::Esc,
        DialogKey::Backspace,
        DialogKey::Char('y'),
        DialogKey::Char('a'),
        DialogKey::Other,
    ]);
    let change = prop::sample::select(vec![
        Change::Role,
        Change::Groups,
        Change::Name,
        Change::Status,
        Change::Unreadable,
    ]);
    prop_oneof![
        9 => (process.clone(), account.clone()).prop_map(|(p, a)| Event::Plan(p, a)),
        9 => (process.clone(), prop::bool::weighted(0.9)).prop_map(|(p, right)| Event::Type(p, right)),
        2 => (process.clone(), key).prop_map(|(p, key)| Event::Key(p, key)),
        9 => process.clone().prop_map(Event::Confirm),
        9 => process.clone().prop_map(Event::LookAgain),
        9 => (process.clone(), answer).prop_map(|(p, answer)| Event::Send(p, answer)),
        1 => process.clone().prop_map(Event::Restart),
        6 => prop::sample::select(vec![0u32, 1, 1, 2, 30, 200, 299, 400, 3_700]).prop_map(Event::Wait),
        1 => (account.clone(), change).prop_map(|(a, change)| Event::Change(a, change)),
        1 => account.prop_map(Event::Protect),
        1 => prop::bool::weighted(0.3).prop_map(Event::Freeze),
        2 => process.prop_map(Event::Close),
    ]
}

/// One event, or all that a person does to send something, one after another: single events rarely get that far.
fn stretches() -> impl Strategy<Value = Vec<Event>> {
    let answer = prop::sample::select(vec![
        Answer::Accepted,
        Answer::Refused,
        Answer::Silent,
        Answer::DiedBefore,
        Answer::DiedAfter,
    ]);
    let whole = (0..PROCESSES, 0..ACCOUNTS, answer).prop_map(|(p, account, answer)| {
        vec![
            Event::Plan(p, account),
            Event::Wait(1),
            Event::Type(p, true),
            Event::Confirm(p),
            Event::LookAgain(p),
            Event::Send(p, answer),
        ]
    });
    prop_oneof![12 => events().prop_map(|event| vec![event]), 1 => whole]
}

/// One console: what it counted, its dialog, what it is about to send.
#[derive(Default)]
struct Process {
    counted: Counted,
    read: usize,
    dialog: Option<Dialog>,
    confirmed: Option<Box<ConfirmedPlan>>,
    looked: bool,
    /// Which account, and what the model thinks of its plan.
    target: usize,
}

struct Dialog {
    confirmation: Confirmation,
    opened: Duration,
    /// What the model says: the right name stands there, and no guard refused.
    typed: bool,
    clean: bool,
    refused: bool,
}

struct World {
    accounts: Vec<Account>,
    /// What each account was when the model last saw it changed: a plan made before is void.
    version: Vec<u32>,
    planned: Vec<u32>,
    protected: BTreeSet<usize>,
    frozen: bool,
    log: Vec<u8>,
    n: u64,
    head: ChainHash,
    now: Duration,
    processes: Vec<Process>,
    /// The oracle: what reached the provider.
    effects: Vec<(Duration, usize)>,
    /// What the model says of each action.
    words: BTreeMap<ActionId, &'static str>,
    number: u128,
}

fn connection() -> ConnectionName {
    ConnectionName::parse("okta").unwrap_or_else(|error| panic!("{error}"))
}

fn login(number: usize) -> String {
    format!("user.{number}@acme.example")
}

fn account(number: usize) -> Account {
    Account {
        id: AccountId::new(connection(), format!("00u{number}")),
        login: Untrusted::new(login(number)),
        name: "Somebody".into(),
        mail: None,
        status: AccountStatus::Active,
        vendor_status: "ACTIVE".into(),
        status_changed: None,
        last_sign_in: None,
        password_changed: None,
        tokens_valid_from: None,
        source: None,
        groups: Some(Vec::new()),
        roles: Some(Vec::new()),
        factors: Some(Vec::new()),
        token_clients: None,
        sessions: None,
        required: None,
        risk: None,
        gaps: Vec::new(),
        zone: None,
        aliases: Vec::new(),
        server_date: None,
    }
}

impl World {
    fn new() -> Self {
        Self {
            accounts: (0..ACCOUNTS).map(account).collect(),
            version: vec![0; ACCOUNTS],
            planned: vec![0; PROCESSES],
            protected: BTreeSet::new(),
            frozen: false,
            log: Vec::new(),
            n: 0,
            head: ChainHash::GENESIS,
            now: Duration::from_secs(10_000),
            processes: (0..PROCESSES).map(|_| Process::default()).collect(),
            effects: Vec::new(),
            words: BTreeMap::new(),
            number: 0,
        }
    }

    fn utc(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
            + TimeDelta::seconds(1_700_000_000)
            + TimeDelta::from_std(self.now).unwrap_or_default()
    }

    fn record(&mut self, process: usize, body: &Body) {
        let at = DateTime::UNIX_EPOCH;
        let (log, sess) = (
            LogId::from_parts(at, 1),
            SessionId::from_parts(at, process as u128),
        );
        let (line, entry) = encode_line(&Draft {
            log: &log,
            seg: 1,
            n: self.n + 1,
            ts: self.utc(),
            boot_us: 0,
            host: &"bastion".into(),
            uid: uid(process),
            user: &user(process),
            pid: 1,
            sess: &sess,
            body,
            prev: self.head,
        })
        .unwrap_or_else(|error| panic!("{error}"));
        self.log.extend_from_slice(&line);
        (self.n, self.head) = (entry.n, entry.h);
    }

    /// Reads on, as every count does, under the lock or not.
    fn catch_up(&mut self, process: usize) {
        let one = &mut self.processes[process];
        one.counted.feed(&self.log[one.read..]);
        one.read = self.log.len();
    }

    fn guards(&mut self, process: usize, target: usize) -> Vec<GuardResult> {
        self.catch_up(process);
        let protected: Vec<String> = self.protected.iter().map(|number| login(*number)).collect();
        let own = (AccountId::new(connection(), "00uOwn"), "own".into());
        let now = &self.accounts[target];
        let mut results = judge(&GuardInput {
            account: now,
            own: Some(&own),
            own_logins: &[],
            protected: &protected,
            protected_groups: &["Break-Glass".to_owned()],
            allow_administrators: false,
            others: &quell::domain::containment::administrators::Others::NotAsked,
            kinds: &[KIND],
            asked_for: &Untrusted::new(login(target)),
        });
        results.push(GuardResult {
            guard: "caps",
            refusal: self.cap(process, target),
        });
        results.push(GuardResult {
            guard: "freeze",
            refusal: self.frozen.then(|| Safe::from("frozen")),
        });
        results
    }

    fn cap(&self, process: usize, target: usize) -> Option<Safe> {
        let asked = (&self.accounts[target].id, &[KIND][..]);
        self.processes[process]
            .counted
            .judge(CAPS, None, uid(process), asked, self.utc())
            .refusal(false, None)
    }

    /// What the model says of the caps: distinct accounts of the person in ten minutes, of the host in an hour.
    fn cap_holds(
        &self,
        process: usize,
        target: usize,
        intents: &[(Duration, usize, usize)],
    ) -> bool {
        let within = |window: u64, person: Option<usize>| {
            let accounts: BTreeSet<usize> = intents
                .iter()
                .filter(|(at, _, _)| *at + Duration::from_secs(window) > self.now)
                .filter(|(_, by, _)| person.is_none_or(|person| by % 2 == person % 2))
                .map(|(_, _, account)| *account)
                .collect();
            if accounts.contains(&target) {
                0
            } else {
                accounts.len()
            }
        };
        within(600, Some(process)) < CAPS.per_person as usize
            && within(3_600, None) < CAPS.per_host as usize
    }

    fn allowed(&self, target: usize) -> bool {
        let now = &self.accounts[target];
        !self.frozen
            && !self.protected.contains(&target)
            && now.roles.as_ref().is_some_and(Vec::is_empty)
            && now.groups.as_ref().is_some_and(Vec::is_empty)
            && now.status == AccountStatus::Active
    }
}

/// Two people share two consoles each.
fn uid(process: usize) -> u32 {
    u32::try_from(process % 2).unwrap_or_default()
}

/// What the records call them.
fn user(process: usize) -> Untrusted {
    Untrusted::new(format!("user{}", process % 2))
}

fn plan(world: &mut World, process: usize, target: usize) -> Plan {
    let guards = world.guards(process, target);
    world.number += 1;
    let at = DateTime::UNIX_EPOCH;
    let facts = ActionFacts {
        effect: "e".into(),
        undo: "u".into(),
        limits: "l".into(),
        proof: "p".into(),
    };
    Plan {
        pid: PlanId::from_parts(at, world.number),
        case: CaseId::new(connection(), "~1"),
        account: world.accounts[target].clone(),
        steps: vec![PlannedStep {
            aid: ActionId::from_parts(at, world.number),
            kind: KIND,
            call: PreparedCall {
                method: "POST",
                host: "acme.okta.example".to_owned(),
                path: "/suspend".to_owned(),
                body_sha256: String::new(),
            },
            facts,
            item: None,
        }],
        guards,
        warnings: Vec::new(),
        made: Moment {
            utc: world.utc(),
            boot: world.now,
        },
        hash: "ab".to_owned(),
        dry_run: false,
        need: None,
        campaign: None,
    }
}

fn planned(plan: &Plan) -> Body {
    Body::ActionPlan {
        pid: plan.pid.clone(),
        aid: plan.steps[0].aid.clone(),
        order: 0,
        kind: KIND.key().to_owned(),
        case: plan.case.clone(),
        account: plan.account.id.clone(),
        login: plan.account.login.clone(),
        snapshot: serde_json::Value::Null,
        server_date: None,
        guards: Vec::new(),
        plan_hash: plan.hash.clone(),
        expires: plan.made.utc,
    }
}

fn outcome(aid: &ActionId, state: OutcomeState) -> Body {
    Body::ActionOutcome {
        aid: aid.clone(),
        state,
        evidence: "read".into(),
        seconds: None,
    }
}

/// Runs one sequence; gives how many sends there were.
fn run(events: &[Event]) -> Result<usize, TestCaseError> {
    let mut world = World::new();
    let mut intents: Vec<(Duration, usize, usize)> = Vec::new();
    for event in events {
        match event.clone() {
            Event::Plan(p, target) => {
                let clean = world.allowed(target) && world.cap_holds(p, target, &intents);
                let plan = plan(&mut world, p, target);
                prop_assert_eq!(!plan.refused(), clean, "guards at plan: {:?}", plan.guards);
                world.record(p, &planned(&plan));
                world.words.insert(plan.steps[0].aid.clone(), "planned");
                let (now, version) = (world.now, world.version[target]);
                world.planned[p] = version;
                let one = &mut world.processes[p];
                (one.target, one.confirmed, one.looked) = (target, None, false);
                let mut confirmation = Confirmation::open(plan);
                confirmation.drawn(now);
                one.dialog = Some(Dialog {
                    confirmation,
                    opened: now,
                    typed: false,
                    clean: true,
                    refused: !clean,
                });
            }
            Event::Type(p, right) => {
                let now = world.now;
                let Process { dialog, target, .. } = &mut world.processes[p];
                if let Some(dialog) = dialog {
                    let early = now < dialog.opened + Duration::from_millis(500);
                    let name = if right {
                        login(*target)
                    } else {
                        login(*target + 1)
                    };
                    for letter in name.chars() {
                        dialog.confirmation.key(DialogKey::Char(letter), now);
                    }
                    if !early {
                        dialog.typed = right && dialog.clean;
                        dialog.clean = false;
                    }
                }
            }
            Event::Key(p, key) => press(&mut world, p, key)?,
            Event::Confirm(p) => {
                press(&mut world, p, DialogKey::Tab)?;
                press(&mut world, p, DialogKey::Char('y'))?;
            }
            Event::LookAgain(p) => {
                let target = world.processes[p].target;
                let Some(confirmed) = world.processes[p].confirmed.clone() else {
                    continue;
                };
                let guards = world.guards(p, target);
                let same = changed_since(
                    confirmed.account(),
                    &world.accounts[target],
                    &Expected {
                        statuses: vec![AccountStatus::Active],
                        password: false,
                        removed: false,
                        risk: false,
                        since: None,
                    },
                )
                .is_none();
                let passes = same && !guards.iter().any(GuardResult::refuses);
                let expected = world.allowed(target)
                    && world.version[target] == world.planned[p]
                    && world.cap_holds(p, target, &intents);
                prop_assert_eq!(passes, expected, "guards at send: {:?}", guards);
                let aid = confirmed.actions()[0].aid().clone();
                if passes {
                    world.processes[p].looked = true;
                } else {
                    world.processes[p].confirmed = None;
                    confirm(&mut world, p, &confirmed);
                    world.record(p, &outcome(&aid, OutcomeState::Abandoned));
                    world.words.insert(aid, "abandoned");
                }
            }
            Event::Send(p, answer) => {
                if world.processes[p].looked {
                    send(&mut world, p, answer, &mut intents)?;
                }
            }
            Event::Restart(p) => world.processes[p] = Process::default(),
            Event::Wait(seconds) => {
                // A little more than a dead time, at least.
                world.now += Duration::from_millis(u64::from(seconds) * 1_000 + 1);
            }
            Event::Change(target, change) => {
                let one = &mut world.accounts[target];
                let before = one.clone();
                match change {
                    Change::Role => one.roles = Some(vec!["SUPER_ADMIN".into()]),
                    Change::Groups => {
                        one.groups = Some(vec![Group {
                            id: "00g9".into(),
                            name: "break-glass".into(),
                        }]);
                    }
                    Change::Name => one.name = Untrusted::new(format!("{}x", before.name.raw())),
                    Change::Status => one.status = AccountStatus::Disabled,
                    Change::Unreadable => one.roles = None,
                }
                if *one != before {
                    world.version[target] += 1;
                }
            }
            Event::Protect(target) => {
                world.protected.insert(target);
            }
            Event::Freeze(on) => world.frozen = on,
            Event::Close(p) => {
                let open = world
                    .words
                    .iter()
                    .find(|(_, word)| word.starts_with("unknown"));
                if let Some((aid, _)) = open.map(|(aid, word)| (aid.clone(), *word)) {
                    let reason = "seen elsewhere".into();
                    let aid_of = aid.clone();
                    world.record(
                        p,
                        &Body::ActionResolve {
                            how: "closed".to_owned(),
                            aid: aid_of,
                            reason,
                        },
                    );
                    world.words.insert(aid, "abandoned");
                }
            }
        }
        agree(&mut world)?;
    }
    caps_were_kept(&world)?;
    Ok(world.effects.len())
}

/// Presses a key in the dialog of a process: a confirmation comes only where the model allows one.
fn press(world: &mut World, p: usize, key: DialogKey) -> Result<(), TestCaseError> {
    let now = world.now;
    let one = &mut world.processes[p];
    let Some(dialog) = &mut one.dialog else {
        return Ok(());
    };
    let early = now < dialog.opened + Duration::from_millis(500);
    let made = dialog.confirmation.plan().made.boot;
    let before = dialog.confirmation.typed().to_owned();
    let focused =
        dialog.confirmation.focus() == quell::domain::containment::confirm::Focus::Contain;
    match dialog.confirmation.key(key, now) {
        Step::Confirmed(plan) => {
            prop_assert!(!early && focused && key == DialogKey::Char('y'));
            prop_assert_eq!(before, login(one.target));
            prop_assert!(!dialog.refused, "a refused plan was confirmed");
            prop_assert!(
                now < made + LIFETIME,
                "a plan older than 5 minutes was confirmed"
            );
            one.dialog = None;
            one.confirmed = Some(plan);
        }
        Step::Cancelled => {
            prop_assert!(!early);
            one.dialog = None;
        }
        Step::Stay(_) => {
            let ready = !early && focused && before == login(one.target);
            let must = ready && !dialog.refused && now < made + LIFETIME;
            prop_assert!(
                !(must && key == DialogKey::Char('y')),
                "it should have been confirmed"
            );
            if early {
                prop_assert_eq!(dialog.confirmation.typed(), before);
            }
            if dialog.confirmation.typed() != login(one.target) {
                dialog.typed = false;
            }
        }
    }
    Ok(())
}

fn confirm(world: &mut World, p: usize, plan: &ConfirmedPlan) {
    let body = Body::ActionConfirm {
        pid: plan.pid().clone(),
        aid: plan.actions()[0].aid().clone(),
        how: "typed name and y".to_owned(),
        plan_hash: plan.hash().to_owned(),
        dry_run: false,
        operator: None,
    };
    world.record(p, &body);
}

/// Counts and records under the lock, then sends, as `engine::respond` does.
fn send(
    world: &mut World,
    p: usize,
    answer: Answer,
    intents: &mut Vec<(Duration, usize, usize)>,
) -> Result<(), TestCaseError> {
    let target = world.processes[p].target;
    world.processes[p].looked = false;
    let Some(plan) = world.processes[p].confirmed.take() else {
        return Ok(());
    };
    let aid = plan.actions()[0].aid().clone();
    world.catch_up(p);
    let refused = world.cap(p, target);
    prop_assert_eq!(
        refused.is_none(),
        world.cap_holds(p, target, intents),
        "{:?}",
        refused
    );
    confirm(world, p, &plan);
    if refused.is_some() {
        world.record(p, &outcome(&aid, OutcomeState::Abandoned));
        world.words.insert(aid, "abandoned");
        return Ok(());
    }
    let intent = Body::ActionIntent {
        aid: aid.clone(),
        attempt: 1,
        method: "POST".to_owned(),
        host: "acme.okta.example".to_owned(),
        path: "/suspend".into(),
        body_sha256: String::new(),
        request_id: "r".to_owned(),
        server_date: None,
        password_changed: None,
        valid_from: None,
        deadline: world.utc(),
    };
    world.record(p, &intent);
    if world.frozen {
        // No byte of it leaves, so it takes no place of the caps.
        world.record(p, &outcome(&aid, OutcomeState::NotSent));
        world.words.insert(aid, "not sent");
        return Ok(());
    }
    intents.push((world.now, p, target));
    if matches!(answer, Answer::DiedBefore) {
        world.processes[p] = Process::default();
        world.words.insert(aid, "requested");
        return Ok(());
    }
    world.effects.push((world.now, target));
    let (body, word) = match answer {
        Answer::Accepted => (
            Body::ActionAck {
                aid: aid.clone(),
                attempt: 1,
                status: 200,
                request_id: None,
                server_date: None,
            },
            "accepted",
        ),
        Answer::Refused => (outcome(&aid, OutcomeState::Rejected), "rejected"),
        Answer::Silent => (
            Body::ActionUnknown {
                aid: aid.clone(),
                attempt: 1,
                reason: "no answer".into(),
            },
            "unknown: may have happened",
        ),
        Answer::DiedBefore | Answer::DiedAfter => {
            world.processes[p] = Process::default();
            world.words.insert(aid, "requested");
            return Ok(());
        }
    };
    world.record(p, &body);
    world.words.insert(aid, word);
    Ok(())
}

/// A console that has read the log shows exactly the model's word for every action.
fn agree(world: &mut World) -> Result<(), TestCaseError> {
    let reader = usize::try_from(world.n).unwrap_or(0) % PROCESSES;
    world.catch_up(reader);
    let ledger = world.processes[reader].counted.ledger();
    let shown: BTreeMap<ActionId, &str> = ledger
        .actions()
        .map(|action| (action.aid.clone(), action.state.word()))
        .collect();
    prop_assert_eq!(&shown, &world.words);
    Ok(())
}

/// No window of an hour, wherever it begins, holds more accounts than the cap of the host.
fn caps_were_kept(world: &World) -> Result<(), TestCaseError> {
    for (from, _) in &world.effects {
        let until = *from + Duration::from_secs(3_600);
        let accounts: BTreeSet<usize> = world
            .effects
            .iter()
            .filter(|(at, _)| at >= from && *at < until)
            .map(|(_, account)| *account)
            .collect();
        prop_assert!(accounts.len() <= CAPS.per_host as usize, "{:?}", accounts);
    }
    Ok(())
}

/// No sequence beats a cap, confirms a refused or an old plan, or shows another word than the model's.
#[test]
fn no_sequence_of_events_beats_the_guards() {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let (cases, transitions, sent) = (Cell::new(0u64), Cell::new(0), Cell::new(0));
    let sequences = prop::collection::vec(stretches(), 60).prop_map(|all| all.concat());
    let told = TestRunner::new(config).run(&sequences, |events| {
        sent.set(sent.get() + run(&events)?);
        transitions.set(transitions.get() + events.len());
        cases.set(cases.get() + 1);
        Ok(())
    });
    told.unwrap_or_else(|error| panic!("{error}"));
    println!(
        "{} sequences of events: {} transitions, {} sends, no cap passed",
        cases.get(),
        transitions.get(),
        sent.get()
    );
    assert!(
        cases.get() < 256 || sent.get() > 64,
        "hardly anything was ever sent, so no cap was tested"
    );
}

/// The model is not satisfied by sending nothing: the plain story sends, and a cap of two sends two.
#[test]
fn the_plain_story_sends_up_to_the_cap() {
    let story = |account: usize| {
        [
            Event::Plan(0, account),
            Event::Wait(1),
            Event::Type(0, true),
            Event::Confirm(0),
            Event::LookAgain(0),
            Event::Send(0, Answer::Accepted),
        ]
    };
    let all: Vec<Event> = (0..5).flat_map(story).collect();
    assert_eq!(run(&all).unwrap_or_else(|error| panic!("{error}")), 2);
    // Restarted after each one, in five processes one after another: still two.
    let all: Vec<Event> = (0..5)
        .flat_map(|account| story(account).into_iter().chain([Event::Restart(0)]))
        .collect();
    assert_eq!(run(&all).unwrap_or_else(|error| panic!("{error}")), 2);
}
