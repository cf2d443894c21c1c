//! Killed at every step of a containment: the servers' ledger says what really happened, never our log.
//!
//! A first run that is stopped at the last step lists the steps as they are passed. Every later run is stopped at one of
//! them for good: at a point that the engine passes, in the middle of writing a record, or in the middle of a request. Its
//! whole runtime is thrown away, and a second console starts on what is left on disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use quell::app::model::{Layer, Model};
use quell::connect::http::Limits;
use quell::domain::audit::{Body, Entry};
use quell::domain::containment::ledger::Ledger;
use quell::domain::containment::state::ActionState;
use quell::domain::ids::ActionId;
use quell::drill::Drill;
use quell::drill::ledger::Effect;
use quell::drill::wire::Server;
use quell::engine::clock::Pace;
use quell::engine::probe::Probe;
use quell::store::audit::Ground;
use tokio::sync::{Notify, Semaphore};

use crate::harness::app::{Setting, TestApp, company, records};
use crate::harness::disk::torn;
use crate::harness::line::{Choose, Line, Phase, Stop};
use crate::harness::screen;

const LOGIN: &str = "mara.lind@acme.example";

/// Steps that are asked for: each is a way for a console to die in the middle of an action.
const STEPS: usize = 27;

/// Records that are torn: those of the action, of its reading back and of its comment.
const TORN: [&str; 9] = [
    "action.plan",
    "action.confirm",
    "action.intent",
    "action.ack",
    "action.observe",
    "action.outcome",
    "record.intent",
    "record.done",
    "action.doc",
];

/// Effects that a containment has at the provider.
const EFFECTS: [&str; 2] = ["suspend", "clear_sessions"];

/// Runs at the same time.
const AT_ONCE: usize = 4;

/// The same where each waits as long as it really does, which costs nothing but time.
const AT_ONCE_UNSCALED: usize = 24;

/// How long the form of every run goes on once each step had its kill, and with how many rounds at most.
const GOES_ON: (Duration, usize) = (Duration::from_secs(60), 10);

/// Until when the first screen says of each action that it may have happened, on a machine that does nothing else.
const SHOWN: Duration = Duration::from_secs(2);

/// The same on one that runs other tests at the same time.
const SHOWN_AMONG_OTHERS: Duration = Duration::from_secs(10);

/// Notes every point that is passed, and stops the console at one of them.
#[derive(Default)]
pub struct Trap {
    pub passed: Mutex<Vec<String>>,
    /// The point, and which time it is passed, from 1.
    pub at: Option<(String, usize)>,
    pub sprung: Notify,
}

#[async_trait]
impl Probe for Trap {
    async fn pass(&self, point: &str) {
        let times = {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.push(point.to_owned());
            passed.iter().filter(|one| *one == point).count()
        };
        if self
            .at
            .as_ref()
            .is_some_and(|(at, nth)| at == point && *nth == times)
        {
            self.sprung.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

impl Trap {
    /// Tells how often a point was passed.
    fn times(&self, point: &str) -> usize {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.iter().filter(|one| *one == point).count()
    }
}

/// Lets no read-back begin until it is opened: until then every action stands as the start found it.
struct Held(Semaphore);

impl Held {
    fn new() -> Arc<Self> {
        Arc::new(Self(Semaphore::new(0)))
    }

    fn open(&self) {
        self.0.add_permits(1);
    }
}

#[async_trait]
impl Probe for Held {
    async fn pass(&self, point: &str) {
        if point == "read.before" {
            drop(self.0.acquire().await);
        }
    }
}

/// Tells the points of an action from those of what goes on beside it: searches, lists, the watch.
fn is_of_an_action(point: &str) -> bool {
    let step = point.strip_prefix("before ");
    let step = step.or_else(|| point.strip_prefix("after "));
    let step = step.unwrap_or(point);
    ["action.", "send.", "read.", "record.", "comment."]
        .iter()
        .any(|of| step.starts_with(*of))
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// It changes the account.
    Send,
    /// It reads, after the first read-back began.
    Read,
    /// It posts the comment.
    Comment,
}

/// What a console does when it is killed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// It passes a point of the engine.
    Point(String),
    /// It writes a record, and a part of the line gets to the file.
    Torn(&'static str),
    /// A request of it is on its way.
    Asking(Asking, Phase),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (asking, phase) = match self {
            Self::Point(point) => return f.write_str(point),
            Self::Torn(kind) => return write!(f, "torn {kind}"),
            Self::Asking(asking, phase) => (asking, phase),
        };
        let about = match asking {
            Asking::Send => "send",
            Asking::Read => "read",
            Asking::Comment => "comment",
        };
        let phase = match (phase, asking) {
            (Phase::Connect, _) => "connect",
            (Phase::MidRequest, _) => "mid-request",
            (Phase::NoReply, Asking::Read) => "before-reply",
            (Phase::NoReply, _) => "effect-before-reply",
            (Phase::MidReply, _) => "mid-reply",
        };
        write!(f, "{about} {phase}")
    }
}

/// A step, and which time it is taken, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    step: Step,
    nth: usize,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.step, self.nth)
    }
}

impl Spot {
    /// Makes the trap for it; what stops by itself is only told of.
    fn trap(&self) -> Arc<Trap> {
        let at = match &self.step {
            Step::Point(point) => Some((point.clone(), self.nth)),
            Step::Torn(_) | Step::Asking(..) => None,
        };
        Arc::new(Trap {
            at,
            ..Trap::default()
        })
    }

    /// Makes the disk for it.
    fn ground(&self, trap: &Arc<Trap>, seed: u64) -> Ground {
        let Step::Torn(kind) = &self.step else {
            return Ground::default();
        };
        let trap = Arc::clone(trap);
        torn(kind, self.nth, seed, move || trap.sprung.notify_one())
    }

    /// Opens the line for it, and gives which address leads over it.
    async fn line(&self, drill: &Drill, trap: &Arc<Trap>) -> Option<(String, Line)> {
        let Step::Asking(asking, phase) = self.step else {
            return None;
        };
        let server = match asking {
            Asking::Send | Asking::Read => drill.identity(),
            Asking::Comment => drill.cases(),
        };
        let choose: Choose = match asking {
            Asking::Send => Box::new(|line: &str| !line.starts_with("GET ")),
            Asking::Read => {
                let trap = Arc::clone(trap);
                Box::new(move |line: &str| {
                    line.starts_with("GET ") && trap.times("read.before") > 0
                })
            }
            Asking::Comment => {
                Box::new(|line: &str| line.starts_with("POST ") && line.contains("/comment "))
            }
        };
        let trap = Arc::clone(trap);
        let stop = Stop {
            phase,
            nth: self.nth,
            choose,
            reached: Box::new(move || trap.sprung.notify_one()),
        };
        let line = Line::open(&server.url, Some(stop)).await;
        Some((server.url.clone(), line))
    }
}

pub async fn contain(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
    app.sync().await;
    app.until("the account is there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some() && open.activity.ended.is_some())
            && !model.offers.is_empty()
    })
    .await;
    app.keys("cc");
    app.until("the dialog is open or the trap sprang", |model| {
        matches!(
            model.layers.last(),
            Some(Layer::Confirm { .. } | Layer::Planning { .. })
        )
    })
    .await;
}

pub async fn confirm(app: &mut TestApp) {
    app.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>y");
}

pub fn finished(model: &Model) -> bool {
    let mut confirmed = model
        .ledger
        .actions()
        .filter(|action| action.confirmed.is_some());
    confirmed.all(|action| action.state.is_final() && action.comment.is_some())
}

/// Tells whether a plan was confirmed, every action of it. A confirmation of which only a part got to the disk was none:
/// nothing of the plan was sent, so there is nothing to tell the case.
fn is_confirmed_whole(model: &Model) -> bool {
    let mut all = model.ledger.actions().peekable();
    all.peek().is_some() && all.all(|action| action.confirmed.is_some())
}

/// Tells whether every confirmed action has its final word, and the case was told where it has to be.
fn settled(model: &Model) -> bool {
    if is_confirmed_whole(model) {
        return finished(model);
    }
    let mut confirmed = model
        .ledger
        .actions()
        .filter(|action| action.confirmed.is_some());
    confirmed.all(|action| action.state.is_final())
}

/// Tells whether every wait is as long as the program's own; minutes a run.
fn is_unscaled() -> bool {
    std::env::var_os("QUELL_UNSCALED").is_some()
}

fn paced() -> Setting {
    if is_unscaled() {
        Setting {
            pace: Pace::REAL,
            limits: Limits::default(),
            ..Setting::default()
        }
    } else {
        Setting::default()
    }
}

fn start(drill: &Drill, state: &Path, setting: Setting, routes: &[(String, String)]) -> TestApp {
    TestApp::start_in(drill, state, setting, |mut text| {
        for (from, to) in routes {
            text = text.replace(from.as_str(), to);
        }
        text
    })
}

/// Contains until the trap springs; `false` where everything ended without it.
async fn run_into(app: &mut TestApp, trap: &Trap) -> bool {
    tokio::select! {
        biased;
        () = trap.sprung.notified() => true,
        () = whole(app) => {
            // The last points are passed right after the screen shows what was recorded at them.
            let late = Duration::from_secs(2);
            let sprung = tokio::time::timeout(late, trap.sprung.notified()).await;
            sprung.is_ok()
        }
    }
}

/// Contains, from the queue to the comment.
async fn whole(app: &mut TestApp) {
    contain(app).await;
    confirm(app).await;
    app.until("documented", |model| {
        is_confirmed_whole(model) && finished(model)
    })
    .await;
}

/// Runs the story up to its last point and gives every time that a step is taken, in their order.
async fn spots() -> Vec<Spot> {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let last = Spot {
        step: Step::Point("after action.doc".to_owned()),
        nth: 1,
    };
    let trap = last.trap();
    let setting = Setting {
        probe: Arc::clone(&trap) as Arc<dyn Probe>,
        ..paced()
    };
    let mut app = start(&drill, state.path(), setting, &[]);
    assert!(run_into(&mut app, &trap).await, "the story has no end");
    app.kill();
    let passed = trap
        .passed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let mut all = Vec::new();
    for (index, point) in passed.iter().enumerate() {
        if is_of_an_action(point) {
            let until = passed.iter().take(index + 1);
            let nth = until.filter(|one| *one == point).count();
            let step = Step::Point(point.clone());
            all.push(Spot { step, nth });
        }
    }
    let written = records(state.path());
    for kind in TORN {
        let times = written
            .iter()
            .filter(|entry| entry.body.type_name() == kind)
            .count();
        all.extend((1..=times).map(|nth| Spot {
            step: Step::Torn(kind),
            nth,
        }));
    }
    for phase in Phase::ALL {
        // Three requests change the account; of those that read there are more, over connections that are kept.
        for nth in 1..=3 {
            let send = Step::Asking(Asking::Send, phase);
            all.push(Spot { step: send, nth });
            if phase != Phase::Connect {
                let step = Step::Asking(Asking::Read, phase);
                all.push(Spot { step, nth });
            }
        }
        let step = Step::Asking(Asking::Comment, phase);
        all.push(Spot { step, nth: 1 });
    }
    all
}

/// Kills a console at one step, starts another, and asks the servers what happened. Gives how long the second one took to
/// say what may have happened; nothing where the whole story took the step less often this time: how often an account is
/// read back depends on how fast the machine is.
async fn killed_at(spot: Spot) -> Option<Duration> {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let seed = fastrand::u64(..);
    let at = format!("killed at {spot}, seed {seed}");
    let trap = spot.trap();
    let line = spot.line(&drill, &trap).await;
    let setting = Setting {
        probe: Arc::clone(&trap) as Arc<dyn Probe>,
        ground: spot.ground(&trap, seed),
        ..paced()
    };
    let routes: Vec<(String, String)> = line
        .iter()
        .map(|(from, line)| (from.clone(), line.url.clone()))
        .collect();
    let mut app = start(&drill, state.path(), setting, &routes);
    if !run_into(&mut app, &trap).await {
        assert!(spot.nth > 1, "{at}: it was never passed");
        let model = app.end().await;
        let at = format!("{at}, not passed");
        judge(&drill, state.path(), &model, &at);
        return None;
    }
    app.kill();
    drop(line);
    let left = records(state.path());
    // What the second console asks goes another way, so that it is known to be its own.
    let second = Line::open(&drill.identity().url, None).await;
    let routes = [(drill.identity().url.clone(), second.url.clone())];
    // The same system under a new address: a person says so by removing what the directory remembers.
    std::fs::remove_file(state.path().join("systems")).expect("the first console wrote it");
    let held = Held::new();
    let setting = Setting {
        probe: Arc::clone(&held) as Arc<dyn Probe>,
        ..paced()
    };
    let begun = Instant::now();
    let mut app = start(&drill, state.path(), setting, &routes);
    // What the host remembers of the log was durable in it before the kill.
    assert_eq!(app.model().audit_broken, None, "{at}: at the second start");
    says_what_is_unknown(&mut app, &without_a_word(&left), &at).await;
    let took = begun.elapsed();
    held.open();
    let ended = format!("{at}: everything ended and is documented");
    app.until(&ended, settled).await;
    let model = app.end().await;
    judge(&drill, state.path(), &model, &at);
    // Nobody confirmed anything at the second console, so it sent nothing.
    let mut again = second.asked();
    again.retain(|line| !line.starts_with("GET "));
    assert!(again.is_empty(), "{at}: sent again: {again:?}");
    judge_sends(&drill, &spot, (&*trap, left.as_slice()), &at);
    Some(took)
}

/// Gives the actions whose sending was promised and that have no final word.
fn without_a_word(entries: &[Entry]) -> Vec<ActionId> {
    let mut ledger = Ledger::default();
    for entry in entries {
        ledger.apply(entry);
    }
    ledger
        .unfinished()
        .filter(|action| action.sent.is_some())
        .map(|action| action.aid.clone())
        .collect()
}

/// Looks at the first screen: what is unfinished is on it, and every action that was promised and has no final word is
/// said to be unknown there.
async fn says_what_is_unknown(app: &mut TestApp, open: &[ActionId], at: &str) {
    {
        let first = app.model();
        let any = first.ledger.unfinished().next().is_some();
        assert!(
            !any || matches!(first.layers.last(), Some(Layer::Unfinished { .. })),
            "{at}: what is unfinished is not on the first screen"
        );
    }
    let is_unknown = |model: &Model, aid: &ActionId| {
        let action = model.ledger.get(aid);
        action.is_some_and(|action| action.state == ActionState::Unknown)
    };
    let has_ended = |model: &Model, aid: &ActionId| {
        let action = model.ledger.get(aid);
        action.is_some_and(|action| action.ended.is_some())
    };
    let model = app
        .until(
            &format!("{at}: each says that it may have happened"),
            |model| {
                open.iter()
                    .all(|aid| is_unknown(model, aid) || has_ended(model, aid))
            },
        )
        .await;
    let unknown = open.iter().filter(|aid| is_unknown(&model, aid)).count();
    let screen = screen::text(&model, model.size);
    let said = screen.matches(ActionState::Unknown.word()).count();
    assert!(
        said >= unknown,
        "{at}: {unknown} actions may have happened\n{screen}"
    );
}

fn effects(ledger: &quell::drill::ledger::Ledger) -> Vec<&Effect> {
    let all = ledger.effects().iter();
    all.filter(|effect| EFFECTS.contains(&effect.kind))
        .collect()
}

/// A request that was promised: an intent, with what its answer told.
struct Promise {
    aid: ActionId,
    attempt: u32,
    /// The effect that it is to have.
    effect: String,
    account: String,
    method: String,
    path: String,
    at: DateTime<Utc>,
    /// The provider's id of the request, where its answer is on record.
    answered: Option<String>,
    /// Whether it had an effect.
    spent: bool,
}

impl Promise {
    /// Tells whether an effect is the one that was promised, and happened after that.
    fn covers(&self, effect: &Effect) -> bool {
        // The servers tell time in milliseconds.
        !self.spent
            && self.at.timestamp_millis() <= effect.at.timestamp_millis()
            && self.effect == effect.kind
            && self.account == effect.target
            && self.method == effect.method
            && self.path == effect.path
    }
}

/// Reads what was promised from the log, in its order.
fn promises(entries: &[Entry]) -> Vec<Promise> {
    let mut planned: HashMap<&ActionId, (&str, &str)> = HashMap::new();
    let mut all: Vec<Promise> = Vec::new();
    for entry in entries {
        match &entry.body {
            Body::ActionPlan {
                aid, kind, account, ..
            } => {
                let effect = match kind.as_str() {
                    "disable_account" => "suspend",
                    "revoke_sessions" => "clear_sessions",
                    other => other,
                };
                planned.insert(aid, (effect, account.raw()));
            }
            Body::ActionIntent {
                aid,
                attempt,
                method,
                path,
                ..
            } => {
                let (effect, account) = planned.get(aid).copied().unwrap_or_default();
                let path = path.raw().split('?').next().unwrap_or_default();
                all.push(Promise {
                    aid: aid.clone(),
                    attempt: *attempt,
                    effect: effect.to_owned(),
                    account: account.to_owned(),
                    method: method.clone(),
                    path: path.to_owned(),
                    at: entry.ts,
                    answered: None,
                    spent: false,
                });
            }
            Body::ActionAck {
                aid,
                attempt,
                request_id,
                ..
            } => {
                let promise = all
                    .iter_mut()
                    .find(|one| one.aid == *aid && one.attempt == *attempt);
                if let Some(promise) = promise {
                    promise.answered = request_id.as_ref().map(|id| id.raw().to_owned());
                }
            }
            _ => {}
        }
    }
    all
}

/// Gives the effects before which no promise of their own was recorded.
///
/// An effect belongs to the promise whose answer named its request. Where no answer did, it belongs to one of the same kind,
/// account and request that was recorded before it, has no answer on record, and had no effect so far.
fn unpromised(effects: &[&Effect], mut promises: Vec<Promise>) -> Vec<String> {
    let mut wrong = Vec::new();
    for effect in effects {
        let named = promises
            .iter()
            .position(|one| one.answered.as_ref() == Some(&effect.request_id));
        let place = named.or_else(|| {
            promises
                .iter()
                .position(|one| one.answered.is_none() && one.covers(effect))
        });
        let promise = place.and_then(|place| promises.get_mut(place));
        match promise {
            Some(promise) if promise.covers(effect) => promise.spent = true,
            _ => wrong.push(format!("{effect:?}")),
        }
    }
    wrong
}

/// Holds what was sent against how far the first console came.
fn judge_sends(drill: &Drill, spot: &Spot, (trap, left): (&Trap, &[Entry]), at: &str) {
    let ledger = drill.ledger();
    let effects = effects(&ledger);
    // Whatever happened was promised before the kill, on a disk that was read before the second console had it.
    let wrong = unpromised(&effects, promises(left));
    assert!(wrong.is_empty(), "{at}: not promised before: {wrong:#?}");
    // One request for each time that it went on to send, and none for the time that it was killed right before.
    let stopped = spot.step == Step::Point("send.before".to_owned());
    let sent = trap.times("send.before") - usize::from(stopped);
    let identity = Server::Identity.name();
    let asked = ledger
        .mutating()
        .iter()
        .filter(|request| request["server"] == identity)
        .count();
    assert!(asked <= sent, "{at}: {asked} requests for {sent} sends");
    if let Step::Asking(Asking::Send, phase) = spot.step {
        let never = matches!(phase, Phase::Connect | Phase::MidRequest);
        assert_eq!(effects.len(), spot.nth - usize::from(never), "{at}");
    }
}

/// Holds what is left against the servers' ledger.
pub fn judge(drill: &Drill, state: &Path, model: &Model, at: &str) {
    let ledger = drill.ledger();
    let entries = records(state);
    // Neither broken nor other than what the host remembers of it.
    assert_eq!(model.audit_broken, None, "{at}");
    // Every effect has an earlier durable intent of its own, and no intent has two effects.
    let wrong = unpromised(&effects(&ledger), promises(&entries));
    assert!(
        wrong.is_empty(),
        "{at}: no intent of its own is recorded before: {wrong:#?}"
    );
    assert!(ledger.targets("suspend").len() <= 1, "{at}");
    // What is proven has happened, and what happened is not called refuted.
    let suspended = ledger.targets("suspend").len() == 1;
    for action in model
        .ledger
        .actions()
        .filter(|a| a.kind.key() == "disable_account")
    {
        match action.state {
            ActionState::Verified => assert!(
                suspended,
                "{at}: proven, and the server knows nothing of it"
            ),
            ActionState::NotEffective => assert!(!suspended, "{at}: refuted, and it happened"),
            ActionState::Abandoned => assert!(!suspended, "{at}: given up, and it happened"),
            _ => {}
        }
    }
    let confirmed = model
        .ledger
        .actions()
        .any(|action| action.confirmed.is_some());
    let told = usize::from(is_confirmed_whole(model))..=usize::from(confirmed);
    let comments = ledger.targets("comment").len();
    assert!(
        told.contains(&comments),
        "{at}: {comments} comments, not {told:?}"
    );
    let code = quell::cli::audit::verify(&state.join("audit"), false, &mut Vec::new());
    assert!(matches!(code, Ok(0 | 2)), "{at}: the log is not intact");
}

/// A run, and how long the first screen took; nothing where the step was not taken; or what was wrong.
type Told = (Spot, Result<Option<Duration>, String>);

/// Kills a console at each of some steps, a few at a time, until a time; what one finds hides no other.
async fn kill_at_each(spots: Vec<Spot>, until: Option<Instant>) -> Vec<Told> {
    futures::stream::iter(spots)
        .take_while(|_| std::future::ready(until.is_none_or(|until| Instant::now() < until)))
        .map(|spot| async move {
            let told = tokio::spawn(killed_at(spot.clone())).await;
            let told = told.map_err(|error| format!("{spot}: {error}"));
            (spot, told)
        })
        .buffer_unordered(if is_unscaled() {
            AT_ONCE_UNSCALED
        } else {
            AT_ONCE
        })
        .collect()
        .await
}

/// Says in one line how the runs went, and fails if any was wrong, or if many were not what they are for. Gives how often
/// each step had its kill.
fn tell(told: &[Told], begun: Instant, shown: Duration) -> BTreeMap<String, usize> {
    let mut killed: BTreeMap<String, usize> = BTreeMap::new();
    let (mut kills, mut longest) = (0_usize, Duration::ZERO);
    for (spot, told) in told {
        if let Ok(Some(took)) = told {
            *killed.entry(spot.step.to_string()).or_default() += 1;
            kills += 1;
            longest = longest.max(*took);
        }
    }
    let faults: Vec<&String> = told
        .iter()
        .filter_map(|(_, told)| told.as_ref().err())
        .collect();
    println!(
        "{} runs: {kills} kills at {} steps, {} not passed, {} violations; unknown is said {:.1} s after the start at most; {:.0} s",
        told.len(),
        killed.len(),
        told.len() - kills - faults.len(),
        faults.len(),
        longest.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
    );
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(kills * 10 >= told.len() * 9, "{kills} of {}", told.len());
    assert!(
        longest <= shown,
        "unknown is said {longest:?} after a start"
    );
    killed
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_killed_at_each_kind_of_point() {
    let begun = Instant::now();
    let all = spots().await;
    let names: BTreeSet<String> = all.iter().map(|spot| spot.step.to_string()).collect();
    let listed: Vec<&str> = names.iter().map(String::as_str).collect();
    println!("{} steps: {}", listed.len(), listed.join(", "));
    assert!(names.len() >= STEPS, "{names:?}");
    let (first, later): (Vec<Spot>, Vec<Spot>) = all.into_iter().partition(|spot| spot.nth == 1);
    let is_last = |spot: &&Spot| {
        let after = |other: &Spot| other.step == spot.step && other.nth > spot.nth;
        !later.iter().any(after)
    };
    let last: Vec<Spot> = later.iter().filter(is_last).cloned().collect();
    // Each step once whatever it takes; then the last time each is taken, and all of it again while there is time.
    let mut told = kill_at_each(first.clone(), None).await;
    let (time, rounds) = GOES_ON;
    let until = Some(begun + time);
    told.extend(kill_at_each(last.clone(), until).await);
    for _ in 1..rounds {
        told.extend(kill_at_each(first.clone(), until).await);
        told.extend(kill_at_each(last.clone(), until).await);
    }
    let killed = tell(&told, begun, SHOWN_AMONG_OTHERS);
    let killed: BTreeSet<String> = killed.into_keys().collect();
    assert_eq!(killed, names, "a step without its kill");
}

/// The long form: `cargo test --release --test it crash_matrix -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: every time that every step is taken, twenty times over"]
async fn killed_at_every_point_twenty_times() {
    let begun = Instant::now();
    let rounds = std::env::var("QUELL_ROUNDS")
        .ok()
        .and_then(|text| text.parse::<usize>().ok());
    let mut told = Vec::new();
    for round in 1..=rounds.unwrap_or(20) {
        told.extend(kill_at_each(spots().await, None).await);
        let wrong = told.iter().filter(|(_, told)| told.is_err()).count();
        println!("round {round}: {} runs so far, {wrong} wrong", told.len());
    }
    tell(&told, begun, SHOWN);
}

fn ms(at: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at).expect("a time")
}

#[test]
fn a_doubled_effect_is_found_also_when_the_totals_agree() {
    let promise = |number: u128, at: i64, answered: Option<&str>| Promise {
        aid: ActionId::from_parts(ms(at), number),
        attempt: 1,
        effect: "clear_sessions".to_owned(),
        account: "00u1".to_owned(),
        method: "DELETE".to_owned(),
        path: "/api/v1/users/00u1/sessions".to_owned(),
        at: ms(at),
        answered: answered.map(str::to_owned),
        spent: false,
    };
    let effect = |at: i64, request: &str| Effect {
        seq: 1,
        at: ms(at),
        server: Server::Identity,
        kind: "clear_sessions",
        target: "00u1".to_owned(),
        request_id: request.to_owned(),
        method: "DELETE".to_owned(),
        path: "/api/v1/users/00u1/sessions".to_owned(),
    };
    // The first was answered; the second was promised later.
    let count = |effects: &[&Effect]| {
        let promises = vec![promise(1, 100, Some("one")), promise(2, 500, None)];
        unpromised(effects, promises).len()
    };
    let (one, two) = (effect(110, "one"), effect(510, "two"));
    assert_eq!(count(&[]), 0);
    assert_eq!(count(&[&one, &two]), 0, "each has its own");
    assert_eq!(count(&[&one, &effect(120, "two")]), 1, "sent twice at once");
    assert_eq!(count(&[&one, &one]), 1, "one request with two effects");
    assert_eq!(count(&[&one, &two, &effect(520, "three")]), 1);
    assert_eq!(count(&[&effect(99, "one")]), 1, "before its promise");
    let elsewhere = Effect {
        target: "00u2".to_owned(),
        ..two
    };
    assert_eq!(count(&[&elsewhere]), 1, "on another account");
}
