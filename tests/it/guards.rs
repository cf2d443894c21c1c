//! The guards through the whole console: caps over restarts and processes, the freeze switch, the host's policy, drift.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use quell::app::model::{Layer, Model};
use quell::cli::compose::Host;
use quell::domain::audit::Body;
use quell::domain::containment::state::ActionState;
use quell::drill::Drill;
use quell::engine::probe::Probe;
use quell::store::audit::Ground;
use serde_json::json;

use crate::approval;
use crate::harness::app::{Setting, TestApp, TestClock, company, no_host, records};
use crate::harness::root;

const LOGIN: &str = "mara.lind@acme.example";

async fn open_case(app: &mut TestApp, filter: &str) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/").keys(filter).keys("<Enter>g<Enter>");
    app.sync().await;
    app.until("account and activity are there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some() && open.activity.ended.is_some())
            && !model.offers.is_empty()
    })
    .await;
}

async fn plan(app: &mut TestApp, keys: &str) -> Model {
    app.keys(keys);
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    let model = app.until("the dialog is open", open).await;
    app.clock.advance(Duration::from_secs(1));
    model
}

fn refusals(model: &Model) -> Vec<&'static str> {
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    let guards = &confirmation.plan().guards;
    guards
        .iter()
        .filter(|guard| guard.refuses())
        .map(|guard| guard.guard)
        .collect()
}

fn settled(model: &Model) -> bool {
    model.ledger.actions().next().is_some()
        && model
            .ledger
            .actions()
            .all(|a| a.state.is_final() && a.state != ActionState::Planned)
}

fn host_in(dir: &Path) -> Host {
    Host {
        policy: dir.join("policy.toml"),
        freeze: dir.join("freeze"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_freeze_switch_holds_between_plan_and_send() {
    let (drill, state, etc) = (company().await, dir(), dir());
    let host = host_in(etc.path());
    let mut app = TestApp::start_on(&drill, state.path(), Ground::default(), host.clone(), |t| t);
    open_case(&mut app, "mara").await;
    let model = plan(&mut app, "cc").await;
    assert_eq!(refusals(&model), Vec::<&str>::new());
    fs::write(&host.freeze, "").expect("the switch is set");
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.until("given up", settled).await;
    assert!(
        model
            .ledger
            .actions()
            .all(|action| action.state == ActionState::Abandoned)
    );
    let ledger = drill.ledger();
    assert_eq!(
        (
            ledger.targets("suspend").len(),
            ledger.targets("clear_sessions").len()
        ),
        (0, 0)
    );
    app.keys("<Esc><Esc>");
    let model = plan(&mut app, "cc").await;
    assert_eq!(refusals(&model), ["freeze"]);
}

fn says(model: &Model, words: &str) -> bool {
    let mut log = model.log.iter();
    log.any(|line| line.text.as_str().contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_leads_to_nothing_stops_a_change_of_a_case_as_well() {
    let (drill, state, etc) = (company().await, dir(), dir());
    let host = host_in(etc.path());
    let mut app = TestApp::start_on(&drill, state.path(), Ground::default(), host.clone(), |t| t);
    open_case(&mut app, "mara").await;
    app.until("the person is known", |model| {
        model.operator.login.is_some()
    })
    .await;
    std::os::unix::fs::symlink("/nonexistent/switch", &host.freeze).expect("a link");
    app.keys("a");
    if matches!(app.sync().await.layers.last(), Some(Layer::Ask(_))) {
        app.keys("y");
    }
    let stopped = |model: &Model| says(model, "the freeze switch of this host is on");
    app.until("it is refused", stopped).await;
    assert_eq!(drill.ledger().targets("case_patch").len(), 0);
    assert_eq!(refusals(&plan(&mut app, "cc").await), ["freeze"]);
    // What was done is still told: a note is a record.
    app.keys("<Esc><Esc>m").keys("frozen").keys("<Ctrl-s>");
    app.until("it is in the case", |model| {
        says(model, "the note is in the case")
    })
    .await;
    assert_eq!(drill.ledger().targets("comment").len(), 1);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_host_gives_no_yes_and_still_a_no() {
    if !root("guards::a_frozen_host_gives_no_yes_and_still_a_no") {
        return;
    }
    let (drill, one, two) = (company().await, dir(), dir());
    let (etc, own) = (dir(), dir());
    let on = |host: Host| Setting {
        host,
        ..Setting::default()
    };
    let theirs = approval::host(etc.path(), "[approval]\ngroups = [\"Finance\"]\n");
    let mut app = approval::console(&drill, one.path(), drill.cases().token, on(theirs));
    open_case(&mut app, "mara").await;
    plan(&mut app, "cc").await;
    app.keys(LOGIN).keys("<Tab>y");
    let all = |model: &Model, state| {
        let mut actions = model.ledger.actions();
        model.ledger.actions().next().is_some() && actions.all(|act| act.state == state)
    };
    app.until("it waits", |model| all(model, ActionState::Awaiting))
        .await;
    let here = host_in(own.path());
    let mut second = approval::console(&drill, two.path(), drill.second_key(), on(here.clone()));
    open_case(&mut second, "mara").await;
    let model = approval::review(&mut second).await;
    let reasons = |model: &Model| match model.layers.last() {
        Some(Layer::Approve { consent, .. }) => consent.asked().refusals.len(),
        _ => panic!("a dialog"),
    };
    assert_eq!(reasons(&model), 0);
    // The switch comes while the dialog is open.
    fs::write(&here.freeze, "").expect("the switch is set");
    second.keys(LOGIN).keys("<Tab>y");
    let kept = "your answer is not in the case: the freeze switch of this host is on";
    second
        .until("the yes is kept back", |model| says(model, kept))
        .await;
    second.keys("<Esc><Esc>");
    let model = approval::review(&mut second).await;
    assert_eq!(reasons(&model), 1, "the dialog says it beforehand");
    second.keys("<Tab><Tab>y");
    app.until("denied", |model| all(model, ActionState::Denied))
        .await;
    let ledger = drill.ledger();
    let sent = |effect| ledger.targets(effect).len();
    assert_eq!((sent("suspend"), sent("clear_sessions")), (0, 0));
    second.end().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_counts_what_other_processes_and_earlier_starts_did() {
    if !root("guards::a_cap_counts_what_other_processes_and_earlier_starts_did") {
        return;
    }
    let (drill, state, etc) = (company().await, dir(), dir());
    let host = host_in(etc.path());
    fs::write(&host.policy, "targets_per_person = 1\n").expect("the policy is written");
    let start = || TestApp::start_on(&drill, state.path(), Ground::default(), host.clone(), |t| t);
    let mut app = start();
    open_case(&mut app, "mara").await;
    plan(&mut app, "cs").await;
    app.keys(LOGIN).keys("<Tab>y");
    app.until("done", settled).await;
    // The same account again is no further target.
    app.keys("<Esc><Esc>");
    assert_eq!(refusals(&plan(&mut app, "cs").await), Vec::<&str>::new());
    app.keys("<Esc><Esc><Esc>1");
    // A second console beside it, which never saw the first act.
    let mut other = start();
    open_case(&mut other, "carla.diaz").await;
    assert_eq!(refusals(&plan(&mut other, "cs").await), ["caps"]);
    other.end().await;
    app.end().await;
    let mut app = start();
    open_case(&mut app, "carla.diaz").await;
    assert_eq!(refusals(&plan(&mut app, "cs").await), ["caps"]);
    let model = app.model();
    assert!(!model.settings.policy.allow_administrators);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_the_host_must_be_roots_and_cannot_be_relaxed_by_the_user() {
    if !root("guards::the_policy_of_the_host_must_be_roots_and_cannot_be_relaxed_by_the_user") {
        return;
    }
    let (drill, state, etc) = (company().await, dir(), dir());
    let host = host_in(etc.path());
    fs::write(&host.policy, format!("protected = [\"{LOGIN}\"]\n")).expect("the policy is written");
    let mut app = TestApp::start_on(
        &drill,
        state.path(),
        Ground::default(),
        host.clone(),
        |text| {
            text.replace(
                "protected = [\"breakglass-01@acme.example\"]",
                "protected = []",
            )
        },
    );
    open_case(&mut app, "mara").await;
    assert_eq!(refusals(&plan(&mut app, "cc").await), ["protected"]);
    app.end().await;
    let own = quell::config::settings::Policy::default();
    fs::write(&host.policy, "protekted = []\n").expect("the policy is written");
    assert!(quell::cli::compose::host_policy(&host, own.clone()).is_err_and(|f| f.code == 3));
    set_mode(&host.policy, 0o666);
    assert!(quell::cli::compose::host_policy(&host, own.clone()).is_err_and(|f| f.code == 3));
    let none = quell::cli::compose::host_policy(&no_host(), own).expect("none is no fault");
    assert!(!none.of_host);
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_changed_under_a_running_console_refuses_at_plan_and_at_send() {
    if !root("guards::a_policy_changed_under_a_running_console_refuses_at_plan_and_at_send") {
        return;
    }
    let (drill, state, etc) = (company().await, dir(), dir());
    let host = host_in(etc.path());
    let start = || TestApp::start_on(&drill, state.path(), Ground::default(), host.clone(), |t| t);
    let mut app = start();
    open_case(&mut app, "mara").await;
    assert_eq!(
        refusals(&plan(&mut app, "cc").await),
        Vec::<&'static str>::new()
    );
    fs::write(&host.policy, format!("protected = [\"{LOGIN}\"]\n")).expect("the policy is written");
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.until("given up", settled).await;
    let abandoned = |state| state == ActionState::Abandoned;
    assert!(model.ledger.actions().all(|act| abandoned(act.state)));
    app.keys("<Esc><Esc>");
    let model = plan(&mut app, "cc").await;
    assert_eq!(refusals(&model), ["policy of the host"]);
    app.keys("<Esc><Esc>");
    set_mode(&host.policy, 0o666);
    let model = plan(&mut app, "cc").await;
    assert_eq!(refusals(&model), ["policy of the host"]);
    app.end().await;
    set_mode(&host.policy, 0o644);
    let mut app = start();
    open_case(&mut app, "mara").await;
    assert_eq!(refusals(&plan(&mut app, "cc").await), ["protected"]);
    let ledger = drill.ledger();
    let sent = |effect| ledger.targets(effect).len();
    assert_eq!((sent("suspend"), sent("clear_sessions")), (0, 0));
}

/// Changes the account and lets minutes pass at the moment when an intent is on the disk and its request is not sent.
struct Stopped {
    clock: TestClock,
    url: Mutex<Option<(String, String)>>,
}

#[async_trait]
impl Probe for Stopped {
    async fn pass(&self, point: &str) {
        let first = match point {
            // The first intent goes with the confirmations into one write.
            "after action.confirm" => self
                .url
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
            _ => None,
        };
        if let Some((url, token)) = first {
            post(&url, &token).await;
            self.clock.advance(Duration::from_secs(600));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_stopped_before_the_send_looks_again_when_it_goes_on() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let setting = Setting {
        clock: clock.clone(),
        probe: Arc::new(Stopped {
            clock,
            url: Mutex::new(Some(lifecycle(&drill, "deactivate"))),
        }),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app, "mara").await;
    plan(&mut app, "cc").await;
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.until("given up", settled).await;
    let states: Vec<_> = model.ledger.actions().map(|act| act.state).collect();
    assert_eq!(
        states,
        [
            ActionState::NotSent,
            ActionState::Abandoned,
            ActionState::Abandoned
        ]
    );
    let ledger = drill.ledger();
    assert_eq!(ledger.targets("clear_sessions").len(), 0);
    assert_eq!(ledger.targets("suspend").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_enabled_and_given_a_new_password_by_others_is_a_lost_proof_too() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app, "mara").await;
    plan(&mut app, "cc").await;
    app.keys(LOGIN).keys("<Tab>y");
    app.until("contained", |model| {
        settled(model) && model.standing().is_some()
    })
    .await;
    for act in ["unsuspend", "expire_password"] {
        let (url, token) = lifecycle(&drill, act);
        post(&url, &token).await;
    }
    let drifted = |model: &Model| {
        let mut acts = model.ledger.actions();
        acts.any(|act| act.state == ActionState::Drifted)
    };
    let model = app.until("the proof is lost", drifted).await;
    let word = model.standing().expect("the sessions are revoked").word();
    assert_eq!(
        word.as_str(),
        "partly contained: no disabling from here holds"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_others_enable_again_is_a_lost_proof() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app, "mara").await;
    plan(&mut app, "cc").await;
    app.keys(LOGIN).keys("<Tab>y");
    app.until("contained", |model| {
        settled(model) && model.standing().is_some()
    })
    .await;
    enable_behind_our_back(&drill).await;
    let model = app
        .until("the proof is lost", |model| {
            model
                .ledger
                .actions()
                .any(|action| action.state == ActionState::Drifted)
        })
        .await;
    let word = model
        .standing()
        .expect("the sessions are still revoked")
        .word();
    assert_eq!(
        word.as_str(),
        "partly contained: no disabling from here holds"
    );
    app.end().await;
    let drifted = |body: &Body| matches!(body, Body::ActionOutcome { .. });
    assert_eq!(
        records(state.path())
            .iter()
            .filter(|entry| drifted(&entry.body))
            .count(),
        4
    );
}

async fn enable_behind_our_back(drill: &Drill) {
    let (url, token) = lifecycle(drill, "unsuspend");
    post(&url, &token).await;
}

/// Gives the address of an act of others on the account, and the token for it.
fn lifecycle(drill: &Drill, act: &str) -> (String, String) {
    let identity = drill.identity();
    let id = drill.victim_id();
    let url = format!("{}/api/v1/users/{id}/lifecycle/{act}", identity.url);
    (url, identity.token.to_string())
}

async fn post(url: &str, token: &str) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let answer = client
        .post(url)
        .header("authorization", format!("SSWS {token}"))
        .header("content-length", "0")
        .send()
        .await
        .expect("the drill answers");
    assert!(answer.status().is_success(), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_left_alone_is_read_only_until_a_word_is_typed() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app, "mara").await;
    plan(&mut app, "cc").await;
    app.clock.advance(Duration::from_secs(16 * 60));
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.sync().await;
    assert!(model.locked, "the keys came too late");
    app.keys("<Esc><Esc>c");
    app.until("the word is asked for", |model| {
        matches!(model.layers.last(), Some(Layer::Rearm { .. }))
    })
    .await;
    app.keys("arm");
    assert!(!app.sync().await.locked);
    // A note that was being written can be finished only after the word, and is not lost.
    app.keys("m").keys("half a thought");
    app.sync().await;
    app.clock.advance(Duration::from_secs(16 * 60));
    app.send(quell::app::message::Message::Tick);
    app.keys("<Ctrl-s>");
    let model = app.sync().await;
    assert!(
        matches!(model.layers.last(), Some(Layer::Rearm { .. })),
        "{:?}",
        model.layers.len()
    );
    app.keys("arm<Esc><Esc>");
    app.sync().await;
    plan(&mut app, "cc").await;
    assert_eq!(drill.ledger().effects().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_console_does_not_adopt_what_the_first_works_on() {
    let (drill, state) = (company().await, dir());
    let mut first = TestApp::start(&drill, state.path());
    open_case(&mut first, "mara").await;
    plan(&mut first, "cc").await;
    drill
        .fault(&json!({"server": "identity", "fault": "latency", "ms": 700, "rate": 1.0, "count": 1, "path": "sessions"}))
        .expect("the fault is known");
    first.keys(LOGIN).keys("<Tab>y");
    first
        .until("the first request is on its way", |model| {
            model
                .ledger
                .actions()
                .any(|action| action.state == ActionState::Intent)
        })
        .await;
    let mut second = TestApp::start(&drill, state.path());
    let is_told = |model: &Model| model.ledger.actions().all(|one| one.comment.is_some());
    first
        .until("done and told", |model| settled(model) && is_told(model))
        .await;
    second
        .until("it learns of it", |model| {
            model
                .ledger
                .actions()
                .filter(|a| a.state == ActionState::Verified)
                .count()
                == 3
        })
        .await;
    first.end().await;
    second.end().await;
    let adopted = |body: &Body| matches!(body, Body::ActionAdopt { .. });
    assert!(
        !records(state.path())
            .iter()
            .any(|entry| adopted(&entry.body))
    );
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    assert_eq!(drill.ledger().targets("comment").len(), 1);
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}
