//! Random keys, pastes, answers, restarts and second consoles through the pure `app::update`, with an engine that only
//! counts: no sequence makes more effects than the caps allow.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use quell::app::effect::Effect;
use quell::app::keymap::{Chord, Key};
use quell::app::message::Message;
use quell::app::model::{Found, Layer, Load, Model};
use quell::app::update::update;
use quell::domain::account::{Account, AccountStatus};
use quell::domain::audit::{Body, ChainHash, Draft, Entry, OutcomeState, encode_line};
use quell::domain::containment::caps::Caps;
use quell::domain::containment::confirm::ConfirmedPlan;
use quell::domain::containment::counted::Counted;
use quell::domain::containment::guard::GuardResult;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::plan::Plan;
use quell::domain::freshness::Moment;
use quell::domain::ids::{AccountId, ActionId, LogId, PlanId, SessionId};
use quell::domain::text::Untrusted;

use crate::scene;

const CONSOLES: usize = 4;
const RESTARTS: usize = 5;
const CAPS: Caps = Caps {
    per_person: 3,
    per_host: 4,
};
const HOUR: TimeDelta = TimeDelta::hours(1);

/// The log that all consoles share, and the provider behind it.
struct Shared {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    n: u64,
    head: ChainHash,
    number: u128,
    /// The oracle: each request that reached the provider.
    effects: Vec<(DateTime<Utc>, AccountId)>,
    /// Each plan that was carried out: none is twice.
    carried: BTreeSet<PlanId>,
    met: Met,
}

/// How often the caps had something to say; without it nothing was tested.
#[derive(Clone, Copy, Default)]
struct Met {
    sent: usize,
    at_plan: usize,
    at_send: usize,
}

struct Console {
    model: Model,
    counted: Counted,
    read: usize,
    told: usize,
}

impl Console {
    fn start(shared: &Shared) -> Self {
        let mut model = scene::open((120, 40));
        let _ = update(
            &mut model,
            scene::now(),
            Message::Recorded(shared.entries.clone()),
        );
        Self {
            model,
            counted: Counted::default(),
            read: 0,
            told: shared.entries.len(),
        }
    }
}

fn account(number: u8) -> Account {
    let connection = scene::account().id.connection;
    Account {
        id: AccountId::new(connection, format!("00u{number}")),
        login: Untrusted::new(format!("u{number}@a.example")),
        status: AccountStatus::Active,
        ..scene::account()
    }
}

impl Shared {
    fn record(&mut self, console: usize, now: Moment, body: &Body) -> Entry {
        let at = DateTime::UNIX_EPOCH;
        let (line, entry) = encode_line(&Draft {
            log: &LogId::from_parts(at, 1),
            seg: 1,
            n: self.n + 1,
            ts: now.utc,
            boot_us: 0,
            host: &"bastion".into(),
            uid: 1,
            user: &"ana".into(),
            pid: 1,
            sess: &SessionId::from_parts(at, console as u128),
            body,
            prev: self.head,
        })
        .unwrap_or_else(|error| panic!("{error}"));
        self.bytes.extend_from_slice(&line);
        (self.n, self.head) = (entry.n, entry.h);
        self.entries.push(entry.clone());
        entry
    }
}

/// Plans as the engine does: the guard of the caps alone, for the other guards have tables of their own.
fn plan(
    shared: &mut Shared,
    console: &mut Console,
    who: usize,
    now: Moment,
    effect: Effect,
) -> Message {
    let Effect::MakePlan {
        case,
        account: id,
        kinds,
        ..
    } = effect
    else {
        panic!("a plan is asked for")
    };
    let mut plan: Plan = scene::plan(false);
    let step = plan.steps.remove(0);
    shared.number += 1;
    plan.pid = PlanId::from_parts(now.utc, shared.number);
    plan.steps = kinds
        .iter()
        .map(|kind| {
            shared.number += 1;
            let mut step = step.clone();
            (step.kind, step.aid) = (*kind, ActionId::from_parts(now.utc, shared.number));
            step
        })
        .collect();
    let login = console
        .model
        .open
        .as_ref()
        .and_then(|open| open.the_account())
        .map(|a| a.login.clone());
    plan.account = Account {
        id: id.clone(),
        login: login.unwrap_or_else(|| "nobody".into()),
        ..scene::account()
    };
    (plan.case, plan.made) = (case.clone(), now);
    plan.guards = vec![GuardResult {
        guard: "caps",
        refusal: cap(shared, console, &id, &kinds, now),
    }];
    shared.met.at_plan += usize::from(plan.refused());
    for (step, order) in plan.steps.iter().zip(0u32..) {
        let body = Body::ActionPlan {
            pid: plan.pid.clone(),
            aid: step.aid.clone(),
            order,
            kind: step.kind.key().to_owned(),
            case: case.clone(),
            account: id.clone(),
            login: plan.account.login.clone(),
            snapshot: serde_json::Value::Null,
            server_date: None,
            guards: Vec::new(),
            plan_hash: "ab".to_owned(),
            expires: now.utc,
        };
        shared.record(who, now, &body);
    }
    Message::PlanMade(Ok(Box::new(plan)))
}

fn cap(
    shared: &Shared,
    console: &mut Console,
    id: &AccountId,
    kinds: &[ActionKind],
    now: Moment,
) -> Option<quell::domain::text::Safe> {
    console.counted.feed(&shared.bytes[console.read..]);
    console.read = shared.bytes.len();
    console
        .counted
        .judge(CAPS, None, 1, (id, kinds), now.utc)
        .refusal(false, None)
}

fn carry_out(
    shared: &mut Shared,
    console: &mut Console,
    who: usize,
    now: Moment,
    plan: &ConfirmedPlan,
) {
    // The count before the send would hide that a refused plan, or an old one, could be confirmed.
    assert!(!plan.plan().refused(), "a refused plan was confirmed");
    assert!(!plan.plan().expired(now.boot), "an old plan was confirmed");
    assert!(
        shared.carried.insert(plan.pid().clone()),
        "one confirmation was carried out twice"
    );
    for action in plan.actions() {
        let refused = cap(shared, console, &plan.account().id, &[action.kind()], now);
        let aid = action.aid().clone();
        let confirm = Body::ActionConfirm {
            pid: plan.pid().clone(),
            aid: aid.clone(),
            how: "typed name and y".to_owned(),
            plan_hash: plan.hash().to_owned(),
            dry_run: false,
            operator: None,
        };
        shared.record(who, now, &confirm);
        let state = if refused.is_some() {
            shared.met.at_send += 1;
            OutcomeState::Abandoned
        } else {
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
                deadline: now.utc,
            };
            shared.record(who, now, &intent);
            shared.effects.push((now.utc, plan.account().id.clone()));
            OutcomeState::Verified
        };
        let outcome = Body::ActionOutcome {
            aid,
            state,
            evidence: "read".into(),
            seconds: None,
        };
        shared.record(who, now, &outcome);
    }
}

/// What a person might do: mostly what leads to a send, for this is to break it.
fn messages(dice: &mut fastrand::Rng, model: &Model) -> Vec<Message> {
    let key = |key: Key| Message::Key(Chord::plain(key));
    let typed = |text: &str| {
        text.chars()
            .map(|c| Message::Key(Chord::char(c)))
            .collect::<Vec<_>>()
    };
    if let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() {
        return match dice.u8(0..10) {
            0..4 => typed(confirmation.wanted()),
            4..6 => vec![key(Key::Tab), Message::Key(Chord::char('y'))],
            6 => vec![Message::Pasted],
            7 => vec![key(Key::Enter)],
            8 => vec![key(Key::Backspace)],
            _ => vec![key(Key::Esc)],
        };
    }
    match dice.u8(0..10) {
        0..4 => typed("cc"),
        4 => typed("cs"),
        5 => vec![key(Key::Esc)],
        6 => vec![Message::Tick],
        7 => typed("arm"),
        8 => vec![Message::Key(Chord::char(char::from(dice.u8(33..112))))],
        _ => vec![key(Key::Esc), key(Key::Esc)],
    }
}

/// Shows another account in the open case, as a case with another user would.
fn turn_to(model: &mut Model, number: u8) {
    if model.layers.is_empty()
        && let Some(open) = &mut model.open
    {
        open.account = Load::Ready(Found::One(Box::new(account(number))), model.now);
    }
}

fn run(seed: u64, events: usize) -> Met {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut shared = Shared {
        bytes: Vec::new(),
        entries: Vec::new(),
        n: 0,
        head: ChainHash::GENESIS,
        number: 0,
        effects: Vec::new(),
        carried: BTreeSet::new(),
        met: Met::default(),
    };
    let mut consoles: Vec<Console> = (0..CONSOLES).map(|_| Console::start(&shared)).collect();
    let mut now = scene::now();
    for event in 0..events {
        let who = dice.usize(0..CONSOLES);
        if event % (events / (RESTARTS + 1)) == 1 {
            consoles[who] = Console::start(&shared);
        }
        let wait = Duration::from_millis(dice.u64(0..1_500));
        now = Moment {
            utc: now.utc + TimeDelta::from_std(wait).unwrap_or_default(),
            boot: now.boot + wait,
        };
        let console = &mut consoles[who];
        if dice.u8(0..6) == 0 {
            turn_to(&mut console.model, dice.u8(0..12));
        }
        // What others recorded arrives late, and what is on the screen was drawn some time ago.
        if dice.bool() {
            let fresh = shared.entries[console.told..].to_vec();
            console.told = shared.entries.len();
            let _ = update(&mut console.model, now, Message::Recorded(fresh));
        }
        if dice.bool() {
            let _ = update(&mut console.model, now, Message::Drawn);
        }
        for message in messages(&mut dice, &console.model) {
            let mut effects = update(&mut console.model, now, message);
            while let Some(effect) = effects.pop() {
                match effect {
                    Effect::MakePlan { .. } => {
                        let made = plan(&mut shared, console, who, now, effect);
                        effects.extend(update(&mut console.model, now, made));
                    }
                    Effect::Contain(plan) => carry_out(&mut shared, console, who, now, &plan),
                    _ => {}
                }
            }
        }
        console.model.ending = false;
    }
    for (from, _) in &shared.effects {
        let hour = shared
            .effects
            .iter()
            .filter(|(at, _)| at >= from && *at < *from + HOUR);
        let hit: BTreeSet<&AccountId> = hour.map(|(_, account)| account).collect();
        assert!(hit.len() <= CAPS.per_host as usize, "seed {seed}: {hit:?}");
        let window = TimeDelta::minutes(10);
        let hour = shared
            .effects
            .iter()
            .filter(|(at, _)| at >= from && *at < *from + window);
        let hit: BTreeSet<&AccountId> = hour.map(|(_, account)| account).collect();
        assert!(
            hit.len() <= CAPS.per_person as usize,
            "seed {seed}: {hit:?}"
        );
    }
    Met {
        sent: shared.effects.len(),
        ..shared.met
    }
}

#[test]
fn ten_thousand_random_events_in_four_consoles_never_beat_a_cap() {
    let seeds = std::env::var("QUELL_UI_SEEDS").ok();
    let seeds: u64 = seeds.and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut all = Met::default();
    for seed in 0..seeds {
        let met = run(seed, 10_000);
        all.sent += met.sent;
        all.at_plan += met.at_plan;
        all.at_send += met.at_send;
    }
    println!(
        "{seeds} x 10,000 events in {CONSOLES} consoles with {RESTARTS} restarts: {} sends, {} plans refused by a cap, {} \
         sends refused after the plan was not; no cap passed",
        all.sent, all.at_plan, all.at_send
    );
    assert!(all.sent > 0, "nothing was ever sent, so nothing was tested");
    assert!(all.at_plan > 0, "no cap was ever reached");
    // Another console must take the last place between a plan and its confirmation: one seed may not have that.
    assert!(seeds < 10 || all.at_send > 0, "no send was ever refused");
}
