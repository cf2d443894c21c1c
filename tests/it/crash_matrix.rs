//! Killed at every named point of a containment: the servers' ledger says what really happened, never our log.
//!
//! A first run without a kill lists the points in the order they are passed; every later run is stopped at one of them
//! for good, its whole runtime is thrown away, and a second console starts on what is left on disk.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use quell::app::model::{Layer, Model};
use quell::domain::audit::{Body, Entry};
use quell::domain::containment::state::ActionState;
use quell::drill::Drill;
use quell::engine::probe::Probe;
use tokio::sync::Notify;

use crate::harness::app::{Setting, TestApp, company, records};

const LOGIN: &str = "mara.lind@acme.example";

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

/// Points that have nothing to do with an action.
fn of_an_action(point: &str) -> bool {
    !["case.", "search.", "checklist.", "session."]
        .iter()
        .any(|other| point.contains(other))
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

fn start(drill: &Drill, state: &Path, trap: &Arc<Trap>) -> TestApp {
    let probe: Arc<dyn Probe> = Arc::clone(trap) as Arc<dyn Probe>;
    TestApp::start_in(
        drill,
        state,
        Setting {
            probe,
            ..Setting::default()
        },
        |text| text,
    )
}

/// Runs the story without a kill and gives the points of the action in their order.
async fn points() -> Vec<(String, usize)> {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let trap = Arc::new(Trap::default());
    let mut app = start(&drill, state.path(), &trap);
    contain(&mut app).await;
    confirm(&mut app).await;
    app.until("documented", |model| {
        model.ledger.actions().next().is_some() && {
            model
                .ledger
                .actions()
                .all(|action| action.comment.is_some())
        }
    })
    .await;
    let passed = trap
        .passed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    app.kill();
    let mut named: Vec<(String, usize)> = Vec::new();
    for (index, point) in passed.iter().enumerate() {
        let nth = passed
            .iter()
            .take(index + 1)
            .filter(|one| *one == point)
            .count();
        if of_an_action(point) {
            named.push((point.clone(), nth));
        }
    }
    named
}

/// Kills a console at one point, starts another, and asks the servers what happened. `false` where the whole story passed
/// the point less often this time: how often an account is read back depends on how fast the machine is.
async fn killed_at(point: &str, nth: usize) -> bool {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let trap = Arc::new(Trap {
        at: Some((point.to_owned(), nth)),
        ..Trap::default()
    });
    let mut app = start(&drill, state.path(), &trap);
    contain(&mut app).await;
    let planning = point.ends_with("action.plan");
    if !planning {
        confirm(&mut app).await;
    }
    let sprung = tokio::time::timeout(Duration::from_secs(30), trap.sprung.notified()).await;
    if sprung.is_err() {
        assert!(
            nth > 1 && finished(&app.model()),
            "{point} {nth} was never passed"
        );
        let model = app.end().await;
        judge(
            &drill,
            state.path(),
            &model,
            &format!("{point} {nth} not passed"),
        );
        return false;
    }
    app.kill();
    let mut app = start(&drill, state.path(), &Arc::new(Trap::default()));
    let first = app.model();
    if first.ledger.unfinished().next().is_some() {
        assert!(
            matches!(first.layers.last(), Some(Layer::Unfinished { .. })),
            "{point} {nth}: what is unfinished is not on the first screen"
        );
    }
    app.until(
        &format!("{point} {nth}: everything ended and is documented"),
        finished,
    )
    .await;
    let model = app.end().await;
    let at = format!("killed at {point} {nth}");
    judge(&drill, state.path(), &model, &at);
    true
}

/// Holds what is left against the servers' ledger.
pub fn judge(drill: &Drill, state: &Path, model: &Model, at: &str) {
    let ledger = drill.ledger();
    let effects: Vec<_> = ledger
        .effects()
        .iter()
        .filter(|e| ["suspend", "clear_sessions"].contains(&e.kind))
        .collect();
    let entries = records(state);
    let intents: Vec<&Entry> = entries
        .iter()
        .filter(|e| matches!(e.body, Body::ActionIntent { .. }))
        .collect();
    // Every effect has an earlier durable intent of its own, and no intent has two effects.
    assert!(
        effects.len() <= intents.len(),
        "{at}: {} effects, {} intents",
        effects.len(),
        intents.len()
    );
    assert!(ledger.targets("suspend").len() <= 1, "{at}");
    for (effect, intent) in effects.iter().zip(&intents) {
        assert!(
            // The servers tell time in milliseconds.
            intent.ts.timestamp_millis() <= effect.at.timestamp_millis(),
            "{at}: the effect came before its intent"
        );
    }
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
    assert_eq!(
        ledger.targets("comment").len(),
        usize::from(confirmed),
        "{at}: comments"
    );
    let code = quell::cli::audit::verify(&state.join("audit"), false, &mut Vec::new());
    assert!(matches!(code, Ok(0 | 2)), "{at}: the log is not intact");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_killed_at_each_kind_of_point() {
    let points = points().await;
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for (point, _) in &points {
        let times = points.iter().filter(|(one, _)| one == point).count();
        for nth in [1, times] {
            if !kinds.contains(&(point.clone(), nth)) {
                kinds.push((point.clone(), nth));
            }
        }
    }
    assert!(kinds.len() >= 27, "{kinds:?}");
    let mut killed = 0;
    for (point, nth) in &kinds {
        killed += usize::from(killed_at(point, *nth).await);
    }
    println!("killed at {killed} of {} points", kinds.len());
    assert!(killed * 10 >= kinds.len() * 9, "{killed} of {kinds:?}");
}

/// The long form: `cargo test --release --test it crash_matrix -- --ignored`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: every occurrence of every point, twenty times"]
async fn killed_at_every_point_twenty_times() {
    let rounds = std::env::var("QUELL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let (mut runs, mut killed) = (0, 0);
    for _ in 0..rounds.unwrap_or(20) {
        for (point, nth) in points().await {
            killed += usize::from(killed_at(&point, nth).await);
            runs += 1;
        }
        println!("killed {killed} times of {runs} so far, every one in order");
    }
    assert!(killed * 10 >= runs * 9, "{killed} of {runs}");
}
