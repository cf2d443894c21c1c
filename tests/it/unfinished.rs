//! The list of unfinished actions: its cursor belongs to an action, not to a row, and what is closed on it is not sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use quell::app::keymap::Chord;
use quell::app::message::{Level, Message};
use quell::app::model::{Layer, Model, contained};
use quell::app::update::update;
use quell::cli::compose::{self, Host};
use quell::domain::audit::{Body, ChainHash, Observed, OutcomeState, SUFFIX};
use quell::domain::containment::hold::drift_marker;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::note::{DOUBTED, NOT_KNOWN, NOTHING_CONTAINS};
use quell::domain::containment::state::ActionState;
use quell::domain::ids::ActionId;
use quell::drill::Drill;
use quell::drill::wire::Server;
use quell::engine::clock::Pace;
use quell::engine::probe::Probe;
use quell::store::audit::AuditLog;
use rstest::rstest;
use serde_json::json;

use crate::audit_processes::leave_orphans;
use crate::harness::app::{Setting, TestApp, company, no_host, records};
use crate::hold;
use crate::scene;
use crate::truth::{DISABLE, ENABLE, Gate, REVOKE, by_others, confirm, finished, open_case, plan};

/// Gives the records of an action that was confirmed, on the target of another.
fn confirmed(like: &ActionView, aid: &ActionId) -> [Body; 2] {
    [
        Body::ActionPlan {
            pid: like.pid.clone(),
            aid: aid.clone(),
            order: 7,
            kind: like.kind.key().to_owned(),
            case: like.case.clone(),
            account: like.account.clone(),
            login: like.login.clone(),
            snapshot: serde_json::Value::Null,
            server_date: None,
            guards: Vec::new(),
            plan_hash: String::new(),
            expires: like.confirmed.expect("it was confirmed"),
        },
        Body::ActionConfirm {
            pid: like.pid.clone(),
            aid: aid.clone(),
            how: "typed".to_owned(),
            plan_hash: String::new(),
            dry_run: false,
            operator: None,
        },
    ]
}

fn tell(model: &mut Model, bodies: impl IntoIterator<Item = Body>) {
    let (now, entries) = (model.now, bodies.into_iter().map(scene::record).collect());
    update(model, now, Message::Recorded(entries));
}

fn end(model: &mut Model, aid: &ActionId) {
    let word = Body::ActionOutcome {
        aid: aid.clone(),
        state: OutcomeState::Verified,
        evidence: "read back".into(),
        seconds: Some(3),
    };
    tell(model, [word]);
}

fn key(model: &mut Model, key: char) -> usize {
    let now = model.now;
    update(model, now, Message::Key(Chord::char(key))).len()
}

fn at(model: &Model) -> (usize, Option<ActionId>) {
    match model.layers.last() {
        Some(Layer::Unfinished { cursor, aid }) => (*cursor, aid.clone()),
        _ => panic!("another layer"),
    }
}

#[test]
fn the_cursor_stays_on_its_action_when_rows_above_it_end() {
    let mut model = scene::response((120, 40));
    let first = model.ledger.unfinished().next().expect("one").clone();
    let ids = [900u128, 901].map(|number| ActionId::from_parts(model.now.utc, number));
    for aid in &ids {
        tell(&mut model, confirmed(&first, aid));
    }
    assert_eq!(model.ledger.unfinished().count(), 3);
    model.show_unfinished();
    key(&mut model, 'j');
    assert_eq!(at(&model), (1, Some(ids[0].clone())));
    end(&mut model, &first.aid);
    assert_eq!(
        at(&model),
        (0, Some(ids[0].clone())),
        "a row above it ended"
    );
    end(&mut model, &ids[0]);
    assert_eq!(at(&model), (0, None), "its own action ended");
    for letter in ['c', 's', 'x'] {
        assert_eq!(key(&mut model, letter), 0, "{letter} hits nobody else");
        assert_eq!(at(&model), (0, None));
    }
    key(&mut model, 'j');
    assert_eq!(at(&model), (0, Some(ids[1].clone())));
}

fn last_line(model: &Model) -> String {
    let last = model.log.back();
    last.map_or_else(String::new, |line| line.text.to_string())
}

#[test]
fn whoever_closes_what_is_under_way_is_told_what_that_stops() {
    let mut model = scene::response((120, 40));
    let first = model.ledger.unfinished().next().expect("one").clone();
    assert_eq!(first.state, ActionState::Acked);
    model.show_unfinished();
    key(&mut model, 'x');
    assert!(matches!(model.layers.last(), Some(Layer::Writing { .. })));
    let told =
        "closing stops this action where it was not sent yet, and what was sent is still read back";
    assert!(last_line(&model).contains(told), "{}", last_line(&model));
    model.layers.pop();
    let unknown = Body::ActionUnknown {
        aid: first.aid,
        attempt: 1,
        reason: "no answer".into(),
    };
    tell(&mut model, [unknown]);
    let before = model.log.len();
    key(&mut model, 'x');
    assert!(matches!(model.layers.last(), Some(Layer::Writing { .. })));
    assert_eq!(model.log.len(), before, "{}", last_line(&model));
}

/// Confirms a plan whose first request the provider puts off, and stops the console while it waits.
async fn put_off(drill: &Drill, state: &Path, keys: &str, path: &str) -> (TestApp, Arc<Gate>) {
    let gate = Gate::at(Some("after action.observe"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(drill, state, setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, keys).await;
    let order =
        json!({"server": "identity", "fault": "429", "rate": 1.0, "count": 1, "path": path});
    drill.fault(&order).expect("the drill knows it");
    confirm(&app);
    gate.reached().await;
    app.until("it is put off", |model| {
        model.ledger.actions().any(|action| {
            let said = action.evidence.as_ref().map_or("", |said| said.raw());
            said.contains("sent once more")
        })
    })
    .await;
    (app, gate)
}

fn intents(state: &Path) -> usize {
    let all = records(state).into_iter();
    all.filter(|entry| matches!(entry.body, Body::ActionIntent { .. }))
        .count()
}

fn words(model: &Model) -> Vec<(ActionState, String)> {
    let said = |action: &ActionView| {
        let said = action.evidence.as_ref();
        said.map_or_else(String::new, |said| said.raw().to_owned())
    };
    let all = model.ledger.actions();
    all.map(|action| (action.state, said(action))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_while_its_second_send_waits_is_not_sent_again() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let (mut app, gate) = put_off(&drill, state.path(), DISABLE.keys, DISABLE.path).await;
    app.keys("<Esc>Fxnot ours<Enter>");
    let closed = vec![(ActionState::Abandoned, "not ours".to_owned())];
    app.until("it is closed", |model| words(model) == closed)
        .await;
    gate.open();
    let said = |model: &Model| {
        let mut log = model.log.iter();
        log.any(|line| line.text.as_str().contains("closed meanwhile: not ours"))
    };
    let model = app
        .until("it is left out", |model| said(model) && finished(model))
        .await;
    // The case is told that the provider put it off and what the account says, not that it was closed.
    let words = words(&model);
    let [(ActionState::Rejected, said)] = &words[..] else {
        panic!("{words:?}");
    };
    assert!(said.contains("; read back: status ACTIVE"), "{said}");
    app.end().await;
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 0);
    assert_eq!(intents(state.path()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_closed_before_its_turn_is_left_out_and_the_others_go_on() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let (mut app, gate) = put_off(&drill, state.path(), "cc", REVOKE.path).await;
    // The second of three: the account is disabled between two revokings.
    app.keys("<Esc>Fjxnot ours<Enter>");
    let closed = (ActionState::Abandoned, "not ours".to_owned());
    app.until("it is closed", |model| words(model).get(1) == Some(&closed))
        .await;
    gate.open();
    let model = app.until("documented", finished).await;
    app.end().await;
    let words = words(&model);
    let states: Vec<ActionState> = words.iter().map(|(state, _)| *state).collect();
    let expected = [
        ActionState::Verified,
        ActionState::Abandoned,
        ActionState::Verified,
    ];
    assert_eq!(states, expected, "{words:?}");
    assert_eq!(words[1], closed);
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 0);
    assert_eq!(drill.ledger().targets(REVOKE.effect).len(), 2);
}

/// Leaves an action that was sent by a console that is gone; gives its id and its intent.
async fn orphan(drill: &Drill, state: &Path) -> (ActionId, Body) {
    let mut app = TestApp::start(drill, state);
    open_case(&mut app).await;
    let model = app.sync().await;
    let open = model.open.as_ref().expect("a case");
    let account = open.the_account().expect("an account").id.clone();
    // A console that runs would take it over at once.
    app.end().await;
    leave_orphans(state, &open.id, &account, 1).expect("the log takes them");
    let sent = records(state).into_iter().find_map(|entry| {
        let Body::ActionIntent { aid, .. } = &entry.body else {
            return None;
        };
        Some((aid.clone(), entry.body.clone()))
    });
    sent.expect("it was sent")
}

fn closed(aid: &ActionId) -> Body {
    Body::ActionResolve {
        aid: aid.clone(),
        how: "closed by a person".to_owned(),
        reason: "not ours".into(),
    }
}

/// Records as another process of this user does.
fn record(state: &Path, bodies: Vec<Body>) {
    let log = AuditLog::open(&state.join("audit"), compose::identity());
    let appended = log.and_then(|log| log.append_blocking(bodies));
    appended.expect("the log takes them");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_after_it_was_closed_is_read_back() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let (aid, intent) = orphan(&drill, state.path()).await;
    record(state.path(), vec![closed(&aid), intent]);
    let mut app = TestApp::start(&drill, state.path());
    let first = app.model();
    assert!(matches!(
        first.layers.last(),
        Some(Layer::Unfinished { .. })
    ));
    let model = app.until("read back and documented", finished).await;
    app.end().await;
    let states: Vec<ActionState> = words(&model).iter().map(|(state, _)| *state).collect();
    assert_eq!(states, [ActionState::NotEffective]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_after_it_was_sent_is_read_back_by_the_next_console() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let (aid, _) = orphan(&drill, state.path()).await;
    record(state.path(), vec![closed(&aid)]);
    let mut app = TestApp::start(&drill, state.path());
    let model = app.until("read back and documented", finished).await;
    app.end().await;
    let action = model.ledger.get(&aid).expect("it is on record");
    assert_eq!(action.state, ActionState::NotEffective);
    assert!(!action.closed && action.comment.is_some());
    let told = hold::comments(&drill).await.concat();
    assert!(told.contains("**refuted**"), "{told}");
    assert!(!told.contains("**abandoned**"), "{told}");
}

/// Leaves, behind a console that ended, a disabling that the provider accepted and a person closed; the provider does not
/// know of it, which is how it looks once others have enabled the account. Gives its id.
async fn closed_and_undone(drill: &Drill, state: &Path, read: Option<bool>) -> ActionId {
    let (aid, _) = orphan(drill, state).await;
    let accepted = Body::ActionAck {
        aid: aid.clone(),
        attempt: 1,
        status: 200,
        request_id: None,
        server_date: None,
    };
    let observed = read.map(|matches| {
        Body::ActionObserve(Observed {
            aid: aid.clone(),
            evidence: "status SUSPENDED".into(),
            matches: Some(matches),
            reads: 1,
            used: None,
            effect_at: None,
        })
    });
    let bodies = [Some(accepted), observed, Some(closed(&aid))];
    record(state, bodies.into_iter().flatten().collect());
    aid
}

/// Lists what rang, and how often each.
fn alarms(model: &Model) -> Vec<String> {
    let rang = model.log.iter().filter(|line| line.level == Level::Alarm);
    rang.map(|line| line.text.to_string()).collect()
}

/// Lists the comments that quell wrote.
async fn ours(drill: &Drill) -> Vec<String> {
    let all = hold::comments(drill).await.into_iter();
    all.filter(|text| text.contains("quell:")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_as_done_and_closed_and_undone_before_the_next_start_rings_there() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let aid = closed_and_undone(&drill, state.path(), Some(true)).await;
    let mut app = TestApp::start(&drill, state.path());
    let model = app.until("read back and documented", finished).await;
    app.end().await;
    let action = model.ledger.get(&aid).expect("it is on record");
    assert_eq!(action.state, ActionState::NotEffective);
    let evidence = action.evidence.as_ref().expect("it was read").raw();
    assert!(evidence.contains("; it read as done at "), "{evidence}");
    let rang = alarms(&model);
    let [first, last] = &rang[..] else {
        panic!("{rang:?}");
    };
    assert!(first.contains("was read as disabled and reads otherwise now: status ACTIVE"));
    assert!(last.contains("refuted"), "{last}");
    // It never was a proof: its own record says what became of it, and nothing else is to be told.
    let told = ours(&drill).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("**refuted**"), "{}", told[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_disabling_that_the_next_console_refutes_rings() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let aid = closed_and_undone(&drill, state.path(), None).await;
    let mut app = TestApp::start(&drill, state.path());
    let model = app.until("read back and documented", finished).await;
    app.end().await;
    let action = model.ledger.get(&aid).expect("it is on record");
    assert_eq!(action.state, ActionState::NotEffective);
    let rang = alarms(&model);
    assert_eq!(rang.len(), 1, "{rang:?}");
    assert!(rang[0].contains("refuted"), "{rang:?}");
}

#[rstest]
#[case::enabled(&["unsuspend"], "status ACTIVE")]
#[case::with_a_new_password(&["unsuspend", "expire_password"], "status PASSWORD_EXPIRED")]
#[tokio::test(flavor = "multi_thread")]
async fn an_account_enabled_by_others_between_two_readings_rings_and_is_refuted(
    #[case] calls: &[&str],
    #[case] reads: &str,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at_nth(Some("read.before"), 2);
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    gate.reached().await;
    for call in calls {
        by_others(&drill, call).await;
    }
    gate.open();
    let model = app.until("documented", finished).await;
    app.end().await;
    let states: Vec<ActionState> = words(&model).iter().map(|(state, _)| *state).collect();
    assert_eq!(states, [ActionState::NotEffective]);
    let rang = alarms(&model);
    assert_eq!(rang.len(), 2, "{rang:?}");
    assert!(rang[0].contains(reads), "{rang:?}");
    assert_eq!(ours(&drill).await.len(), 1);
}

#[rstest]
#[case::as_a_false_positive("f", "harmless<Ctrl-s>")]
#[case::with_a_verdict("X", "<Down><Tab>harmless<Ctrl-s>")]
#[tokio::test(flavor = "multi_thread")]
async fn no_case_is_closed_over_what_another_console_confirmed_a_moment_ago(
    #[case] opens: &str,
    #[case] fills: &str,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let shown = plan(&mut app, DISABLE.keys).await;
    let mut like = shown.ledger.actions().last().expect("a plan").clone();
    like.confirmed = Some(chrono::Utc::now());
    app.keys("<Esc>").keys(opens);
    let is_read = |model: &Model| match model.layers.last() {
        Some(Layer::Close(dialog)) => dialog.is_read(),
        _ => false,
    };
    app.until("the dialog is read", is_read).await;
    app.keys(fills);
    let is_warned = |model: &Model| match model.layers.last() {
        Some(Layer::Close(dialog)) => dialog.warned,
        _ => false,
    };
    app.until("that tasks stay open is said", is_warned).await;
    // The other console is alive: nobody takes its action for given up.
    let aid = ActionId::from_parts(chrono::Utc::now(), 7);
    let leases = state.path().join("lease");
    let lease = quell::store::lease::take(&leases, &aid).expect("a lease");
    record(state.path(), confirmed(&like, &aid).to_vec());
    app.keys("<Ctrl-s>");
    // Where this console has not read it yet, the engine has; where it has, the dialog says so and asks once more.
    let refused = |model: &Model| {
        let mut log = model.log.iter();
        let is_said = |text: &str| text.contains("nothing was closed") || text.contains("not over");
        let asks_again = match model.layers.last() {
            Some(Layer::Close(dialog)) => !dialog.stays.is_empty(),
            _ => false,
        };
        asks_again || log.any(|line| is_said(line.text.as_str()))
    };
    app.until("it is refused", refused).await;
    app.end().await;
    drop(lease);
    assert_eq!(drill.ledger().targets("case_patch").len(), 0);
}

/// Confirms a disabling that meets a fault so many times, and waits until the console stands at a gate.
async fn stopped_at(
    drill: &Drill,
    state: &Path,
    gate: &Arc<Gate>,
    (fault, count): (&str, u32),
) -> TestApp {
    let setting = Setting {
        probe: Arc::clone(gate) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(drill, state, setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    let order = json!({"server": "identity", "fault": fault, "count": count, "path": DISABLE.path});
    drill.fault(&order).expect("the drill knows it");
    confirm(&app);
    gate.reached().await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_refused_request_disabled_and_others_enabled_rings_before_its_final_word() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at_nth(Some("read.before"), 2);
    let mut app = stopped_at(&drill, state.path(), &gate, ("403_after_effect", 1)).await;
    by_others(&drill, "unsuspend").await;
    gate.open();
    let model = app.until("documented", finished).await;
    app.end().await;
    let words = words(&model);
    assert_eq!(words[0].0, ActionState::Rejected, "{words:?}");
    assert!(
        words[0].1.contains("; read back: status ACTIVE"),
        "{words:?}"
    );
    assert!(words[0].1.contains("; it read as done at "), "{words:?}");
    let rang = alarms(&model);
    let said = "was read as disabled and reads otherwise now: status ACTIVE";
    assert!(rang[0].contains(said), "{rang:?}");
    assert_eq!(ours(&drill).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_twice_and_others_did_meanwhile_is_not_proven_but_watched() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at(Some("read.before"));
    let mut app = stopped_at(&drill, state.path(), &gate, ("429", 2)).await;
    by_others(&drill, "suspend").await;
    gate.open();
    let model = app.until("documented", finished).await;
    assert_eq!(intents(state.path()), 2);
    let words = words(&model);
    assert_eq!(words[0].0, ActionState::Rejected, "{words:?}");
    assert!(
        words[0].1.contains("asked twice to be asked later"),
        "{words:?}"
    );
    assert!(words[0].1.contains("by whom is not known"), "{words:?}");
    // It stands disabled, by nobody knows whom: it is in the list, and in the words of the case.
    let model = app
        .until("it is listed", |model| !model.standings.is_empty())
        .await;
    let stands: Vec<String> = model
        .standings
        .values()
        .map(|one| one.word().to_string())
        .collect();
    let said =
        "partly contained: disabled, but not provably by an action of ours, sessions not revoked";
    assert_eq!(stands, [said]);
    app.end().await;
    let told = ours(&drill).await;
    assert!(told[0].contains(said), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_and_cannot_be_read_stays_unknown() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at(Some("read.before"));
    let mut app = stopped_at(&drill, state.path(), &gate, ("403_after_effect", 1)).await;
    let order =
        json!({"server": "identity", "fault": "500", "rate": 1.0, "path": drill.victim_id()});
    drill.fault(&order).expect("the drill knows it");
    gate.open();
    let model = app
        .until("nobody could read it", |model| {
            let mut actions = model.ledger.actions();
            actions.any(|one| one.state == ActionState::Unknown)
        })
        .await;
    app.end().await;
    let action = model.ledger.actions().last().expect("it is on record");
    assert!(action.is_unfinished() && action.refused.is_some());
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 1);
}

/// Stops the third send, and then every read that begins after it; the reads before go through.
struct Third {
    sent: AtomicUsize,
    send: Arc<Gate>,
    read: Arc<Gate>,
}

async fn stand(gate: &Gate) {
    gate.reached.add_permits(1);
    drop(gate.open.acquire().await);
}

#[async_trait]
impl Probe for Third {
    async fn pass(&self, point: &str) {
        let sent = self.sent.load(Ordering::SeqCst);
        match point {
            "send.before" if sent == 2 => stand(&self.send).await,
            "send.after" => {
                self.sent.fetch_add(1, Ordering::SeqCst);
            }
            "read.before" if sent == 3 => stand(&self.read).await,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_closed_while_it_is_read_back_is_told_by_its_final_word() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gates = Arc::new(Third {
        sent: AtomicUsize::new(0),
        send: Gate::at(None),
        read: Gate::at(None),
    });
    let setting = Setting {
        probe: Arc::clone(&gates) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    confirm(&app);
    gates.send.reached().await;
    let proven = |model: &Model| {
        let mut words = words(model).into_iter();
        words
            .by_ref()
            .take(2)
            .all(|(state, _)| state == ActionState::Verified)
            && words.count() == 1
    };
    let model = app.until("the first two are proven", proven).await;
    // Whoever proved them has let them go: nothing but the third keeps the record away.
    for action in model.ledger.actions().take(2) {
        let lease = state.path().join("lease");
        let lease = lease.join(format!("{}.lock", action.aid));
        while lease.exists() {
            app.sync().await;
        }
    }
    gates.send.open();
    gates.read.reached().await;
    app.until("the third is accepted", |model| {
        let third = words(model).into_iter().nth(2);
        third.is_some_and(|(state, _)| state == ActionState::Acked)
    })
    .await;
    app.keys("<Esc>Fxnot ours<Enter>");
    let closed = (ActionState::Abandoned, "not ours".to_owned());
    app.until("it is closed", |model| words(model).get(2) == Some(&closed))
        .await;
    // Some rounds go by meanwhile: the watch over what was disabled looks as often as what is not documented is tried.
    let looks = || {
        let ledger = drill.ledger();
        ledger.count(Server::Identity, "GET", "/api/v1/users/{id}")
    };
    let enough = looks() + 6;
    while looks() < enough {
        app.sync().await;
    }
    assert_eq!(drill.ledger().targets("comment").len(), 0, "too early");
    gates.read.open();
    let model = app.until("documented", finished).await;
    app.end().await;
    let states: Vec<ActionState> = words(&model).iter().map(|(state, _)| *state).collect();
    assert_eq!(states, [ActionState::Verified; 3]);
    let all = hold::comments(&drill).await;
    let told = all
        .iter()
        .filter(|text| text.contains("Containment record"));
    let told: Vec<&String> = told.collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].matches("**proven**").count(), 3, "{}", told[0]);
    assert!(!told[0].contains("abandoned"), "{}", told[0]);
}

/// After so long the case is told also of what nobody could read.
const QUARTER: Duration = Duration::from_secs(15 * 60);

/// Counts the readings.
#[derive(Default)]
struct Readings(AtomicUsize);

impl Readings {
    /// Waits for so many more that whoever was at it when this was called is not the one that reads any more.
    async fn anew(&self, app: &mut TestApp) {
        let enough = self.0.load(Ordering::SeqCst) + 9;
        let waits = async {
            while self.0.load(Ordering::SeqCst) < enough {
                app.sync().await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(60), waits).await;
        done.expect("it is read back anew");
    }
}

#[async_trait]
impl Probe for Readings {
    async fn pass(&self, point: &str) {
        if point == "read.before" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Leaves, behind a console that was killed, a disabling that the provider accepted and that was read back so often; the
/// account cannot be read from then on.
async fn accepted_then_unreadable(drill: &Drill, state: &Path, readings: usize) {
    let gate = Gate::at_nth(Some("read.before"), readings + 1);
    let setting = gate.setting();
    let mut app = TestApp::start_in(drill, state, setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    gate.reached().await;
    app.kill();
    let order = json!({"server": "identity", "fault": "500", "rate": 1.0, "method": "GET", "path": drill.victim_id()});
    drill.fault(&order).expect("the drill knows it");
}

/// Starts the next console, and closes the action there once it cannot be read.
async fn closed_unread(drill: &Drill, state: &Path) -> (TestApp, Arc<Readings>) {
    let readings = Arc::new(Readings::default());
    let setting = Setting {
        probe: Arc::clone(&readings) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(drill, state, setting, |text| text);
    app.until("it cannot be read", |model| {
        let mut all = model.ledger.actions();
        all.any(|action| action.state == ActionState::Unknown && action.unread.is_some())
    })
    .await;
    app.keys("<Esc>Fxnot ours<Enter>");
    let closed = [(ActionState::Abandoned, "not ours".to_owned())];
    app.until("it is closed", |model| words(model) == closed)
        .await;
    (app, readings)
}

fn readable(drill: &Drill) {
    let order = json!({"fault": "none"});
    drill.fault(&order).expect("the drill knows it");
}

#[rstest]
#[case::read_once(1)]
#[case::never_read(0)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_while_nobody_could_read_it_is_told_by_what_is_read_later(
    #[case] readings: usize,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    accepted_then_unreadable(&drill, state.path(), readings).await;
    let (mut app, seen) = closed_unread(&drill, state.path()).await;
    seen.anew(&mut app).await;
    assert_eq!(ours(&drill).await.len(), 0, "too early");
    // It is listed meanwhile.
    let model = app.model();
    let word = "partly contained: its disabling was closed by hand, not proven";
    let stands: Vec<String> = standings(&model);
    assert_eq!(stands, [word]);
    assert_eq!(contained::rows(&model).len(), 1);
    assert!(
        app.screen().contains("1 partly contained"),
        "{}",
        app.screen()
    );
    readable(&drill);
    let model = app.until("read back and documented", finished).await;
    app.end().await;
    let states: Vec<ActionState> = words(&model).iter().map(|(state, _)| *state).collect();
    assert_eq!(states, [ActionState::Verified]);
    let told = ours(&drill).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("**proven**"), "{}", told[0]);
    assert!(!told[0].contains("abandoned"), "{}", told[0]);
}

fn standings(model: &Model) -> Vec<String> {
    let all = model.standings.values();
    all.map(|standing| standing.word().to_string()).collect()
}

#[rstest]
// Undone by others, which rings at the first reading where it was read as done before; and refuted in the end.
#[case::read_once(1, 2)]
#[case::never_read(0, 1)]
#[tokio::test(flavor = "multi_thread")]
async fn what_others_enable_while_nobody_can_read_what_was_closed_rings_once_it_is_read(
    #[case] readings: usize,
    #[case] rang: usize,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    accepted_then_unreadable(&drill, state.path(), readings).await;
    let (mut app, _) = closed_unread(&drill, state.path()).await;
    by_others(&drill, "unsuspend").await;
    readable(&drill);
    let model = app.until("read back and documented", finished).await;
    app.end().await;
    let states: Vec<ActionState> = words(&model).iter().map(|(state, _)| *state).collect();
    assert_eq!(states, [ActionState::NotEffective]);
    let alarms = alarms(&model);
    assert_eq!(alarms.len(), rang, "{alarms:?}");
    assert!(alarms[rang - 1].contains("refuted"), "{alarms:?}");
    let told = ours(&drill).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("**refuted**"), "{}", told[0]);
}

#[rstest]
#[case::read_once(1)]
#[case::never_read(0)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_and_stays_unreadable_is_told_as_not_known_and_rings_once_it_shows(
    #[case] readings: usize,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    accepted_then_unreadable(&drill, state.path(), readings).await;
    let (mut app, seen) = closed_unread(&drill, state.path()).await;
    seen.anew(&mut app).await;
    app.clock.pass(QUARTER);
    let model = app.until("documented", finished).await;
    app.end().await;
    let closed = [(ActionState::Abandoned, "not ours".to_owned())];
    assert_eq!(words(&model), closed);
    assert_eq!(contained::rows(&model).len(), 1);
    let told = ours(&drill).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let told = &told[0];
    assert!(told.contains(NOT_KNOWN), "{told}");
    assert_eq!(told.contains("status SUSPENDED"), readings > 0, "{told}");
    for untrue in ["not contained", NOTHING_CONTAINS, "This was read back"] {
        assert!(!told.contains(untrue), "{told}");
    }
    // The next console shows it still, and rings once where others have enabled it: by the account, or by its own reading.
    readable(&drill);
    by_others(&drill, "unsuspend").await;
    let setting = Setting::default();
    setting.clock.pass(QUARTER);
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    assert_eq!(contained::rows(&app.model()).len(), 1);
    open_case(&mut app).await;
    let says = [
        "was closed by hand before it was proven, and the account is ACTIVE",
        "was read as disabled and reads otherwise now: status ACTIVE",
    ];
    let rung = |model: &Model| {
        let all = alarms(model);
        let is_it = |line: &&String| says.iter().any(|said| line.contains(said));
        all.iter().filter(is_it).count()
    };
    app.until("it rings", |model| rung(model) > 0).await;
    let model = app
        .until("it is read back too", |model| {
            let mut acts = model.ledger.actions();
            acts.all(|act| act.state == ActionState::NotEffective)
        })
        .await;
    assert_eq!(rung(&model), 1, "{:#?}", model.log);
    app.end().await;
    assert_eq!(ours(&drill).await.len(), 1);
}

/// Gives the one file of a log.
fn segment(state: &Path) -> PathBuf {
    let files = std::fs::read_dir(state.join("audit")).expect("it is there");
    let mut paths = files.map(|file| file.expect("a file").path());
    let segment = paths.find(|path| path.extension().is_some_and(|end| end == "jsonl"));
    segment.expect("a segment")
}

/// Changes words in the last final word on record and hashes its line anew, and no other: the chain is broken behind it.
fn forge_outcome(state: &Path, words: &[(&str, &str)]) {
    let path = segment(state);
    let text = std::fs::read_to_string(&path).expect("it is ASCII");
    let is_outcome = |line: &&str| line.contains("\"type\":\"action.outcome\"");
    let line = text.lines().rfind(is_outcome).expect("it is on record");
    let (hashed, _) = line.split_at(line.len() - SUFFIX);
    let mut forged = hashed.to_owned();
    for (from, to) in words {
        assert!(forged.contains(*from), "{from} in {forged}");
        forged = forged.replace(*from, to);
    }
    let h = ChainHash::of(forged.as_bytes());
    let forged = format!("{forged},\"h\":\"{h}\"}}");
    std::fs::write(&path, text.replacen(line, &forged, 1)).expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_broken_log_calls_proven_is_not_told_to_the_case_as_a_fact() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    for order in [
        json!({"server": "identity", "fault": "accepted_without_effect", "count": 1, "path": DISABLE.path}),
        json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/comment", "method": "POST"}),
    ] {
        drill.fault(&order).expect("the drill knows it");
    }
    confirm(&app);
    app.until("it is refuted, and its case cannot be told", |model| {
        let is_refuted = words(model)
            .iter()
            .any(|(state, _)| *state == ActionState::NotEffective);
        let mut log = model.log.iter();
        let said = "the record is not in the case yet";
        is_refuted && log.any(|line| line.text.as_str().starts_with(said))
    })
    .await;
    app.kill();
    readable(&drill);
    let words = [("not_effective", "verified"), ("ACTIVE", "SUSPENDED")];
    forge_outcome(state.path(), &words);
    let mut app = TestApp::start(&drill, state.path());
    let waits = |model: &Model| {
        let all = alarms(model);
        let said = "is not posted: the audit log it comes from is BROKEN or cut";
        all.iter().filter(|line| line.ends_with(said)).count()
    };
    let model = app
        .until("it rings that the record waits", |model| waits(model) > 0)
        .await;
    assert!(model.audit_broken.is_some());
    // What the watch sees is told all the same, and where it comes from first.
    let is_told = |model: &Model| {
        let mut all = model.ledger.actions();
        all.any(|action| model.ledger.holds().is_told(&drift_marker(&action.aid)))
    };
    app.until("that it is enabled is told", is_told).await;
    let is_record = |text: &&String| text.contains("**Containment record**");
    let told = ours(&drill).await;
    assert!(told.concat().contains("**Containment undone**"));
    assert_eq!(told.iter().filter(is_record).count(), 0, "{told:?}");
    // Nothing is lost: a person has it posted.
    app.keys("<Esc><Esc>d");
    let model = app.until("documented", finished).await;
    assert_eq!(waits(&model), 1, "{:?}", alarms(&model));
    app.end().await;
    let told = ours(&drill).await;
    assert_eq!(told.iter().filter(is_record).count(), 1, "{told:?}");
    for comment in &told {
        assert!(comment.starts_with(DOUBTED), "{comment}");
        assert!(!comment.contains("**proven**"), "{comment}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_over_a_broken_log_is_documented_and_says_so_first() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    app.until("documented", finished).await;
    app.end().await;
    forge_outcome(state.path(), &[("SUSPENDED", "SUSPENDED!")]);
    let mut app = TestApp::start(&drill, state.path());
    assert!(app.model().audit_broken.is_some());
    open_case(&mut app).await;
    plan(&mut app, ENABLE.keys).await;
    confirm(&app);
    app.until("the undo is documented", |model| {
        let documented = model.ledger.actions().filter(|act| act.comment.is_some());
        documented.count() == 2
    })
    .await;
    app.end().await;
    let told = ours(&drill).await;
    let is_said = |text: &&String| text.contains("- enable account: **proven**");
    let undone = told.iter().find(is_said);
    let undone = undone.unwrap_or_else(|| panic!("{told:?}"));
    assert!(undone.starts_with(DOUBTED), "{undone}");
    let warned = told.iter().filter(|text| text.starts_with(DOUBTED));
    assert_eq!(warned.count(), 1, "only since it is broken: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_cut_off_the_log_is_not_called_never_sent() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at(Some("send.after"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    gate.reached().await;
    app.kill();
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 1);
    let segment = segment(state.path());
    let text = std::fs::read_to_string(&segment).expect("it is ASCII");
    let lines = text.split_inclusive('\n');
    let before = lines.take_while(|line| !line.contains("\"type\":\"action.intent\""));
    let left: String = before.collect();
    assert!(left.len() < text.len(), "it was sent");
    std::fs::write(&segment, left).expect("it is ours");
    let mut app = TestApp::start(&drill, state.path());
    let model = app
        .until("it is said", |model| {
            let all = alarms(model);
            all.iter()
                .any(|line| line.ends_with("is not known: the audit log is not whole"))
        })
        .await;
    assert!(model.audit_broken.is_some());
    let states: Vec<ActionState> = model.ledger.actions().map(|act| act.state).collect();
    assert_eq!(states, [ActionState::Confirmed]);
    app.end().await;
    assert_eq!(
        ours(&drill).await.len(),
        0,
        "its case is not told that it was not sent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_a_log_that_failed_kept_from_being_sent_is_given_up_once_it_takes_records() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at(Some("send.after"));
    let setting = Setting {
        // A round of what was left behind comes every fifteen seconds.
        pace: Pace::scaled(0.5),
        ..gate.setting()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    confirm(&app);
    gate.reached().await;
    let lock = std::fs::File::open(segment(state.path())).expect("it is there");
    lock.lock().expect("it is let go of");
    gate.open();
    let stopped = |model: &Model| {
        let mut log = model.log.iter();
        log.any(|line| line.text.as_str().starts_with("stopped before "))
    };
    let model = app.until("the plan stops", stopped).await;
    assert!(model.audit_fault.is_some());
    let waits = |model: &Model| {
        let mut all = model.ledger.actions();
        all.any(|action| action.state == ActionState::Confirmed)
    };
    assert!(waits(&model), "it cannot be given up on record");
    lock.unlock().expect("it was ours");
    let model = app.until("it is given up", |model| !waits(model)).await;
    let again = "the audit log can be written again";
    let mut log = model.log.iter();
    let again = log.rfind(|line| line.text.as_str() == again);
    let again = again.expect("it is said").at;
    let given_up: Vec<&ActionView> = model
        .ledger
        .actions()
        .filter(|action| action.state == ActionState::Abandoned)
        .collect();
    assert!(!given_up.is_empty());
    for action in given_up {
        let ended = action.ended.expect("it has its word");
        assert!(ended - again < TimeDelta::seconds(3), "{again} {ended}");
        let evidence = action.evidence.as_ref().expect("it says why").raw();
        assert!(evidence.starts_with("never sent: its record"), "{evidence}");
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_failed_completes_no_proof() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at_nth(Some("read.before"), 3);
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    gate.reached().await;
    // Two readings agree, not far enough apart; then others enable it, and nobody can read that.
    by_others(&drill, "unsuspend").await;
    let order = json!({"server": "identity", "fault": "500", "rate": 1.0, "method": "GET", "path": drill.victim_id()});
    drill.fault(&order).expect("the drill knows it");
    gate.open();
    let model = app
        .until("nobody knows", |model| {
            let mut all = model.ledger.actions();
            all.any(|action| action.unread.is_some() || action.ended.is_some())
        })
        .await;
    let states: Vec<ActionState> = model.ledger.actions().map(|act| act.state).collect();
    assert_eq!(states, [ActionState::Unknown]);
    readable(&drill);
    let model = app
        .until("it is read", |model| {
            let mut all = model.ledger.actions();
            all.all(|action| action.ended.is_some())
        })
        .await;
    app.end().await;
    assert_eq!(words(&model)[0].0, ActionState::NotEffective);
    assert!(!alarms(&model).is_empty(), "{:#?}", model.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_console_closed_is_not_opened_by_one_that_could_not_read_it() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = app.sync().await;
    let open = model.open.as_ref().expect("a case");
    let account = open.the_account().expect("an account").id.clone();
    leave_orphans(state.path(), &open.id, &account, 1).expect("the log takes them");
    app.end().await;
    let order = json!({"server": "identity", "fault": "403", "rate": 1.0, "path": account.raw()});
    drill.fault(&order).expect("the drill knows it");
    let gate = Gate::at(Some("before action.unknown"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    // It looked, and is about to write that it could read nothing.
    gate.reached().await;
    let model = app.sync().await;
    let aid = model.ledger.unfinished().next().expect("one").aid.clone();
    let closed = Body::ActionResolve {
        aid,
        how: "closed by a person".to_owned(),
        reason: "not ours".into(),
    };
    let log = AuditLog::open(&state.path().join("audit"), compose::identity());
    let appended = log.and_then(|log| log.append_blocking(vec![closed]));
    appended.expect("the log takes it");
    gate.open();
    // Nobody can read it for a quarter of an hour: the case is told that.
    app.clock.pass(QUARTER);
    let model = app.until("documented", finished).await;
    app.end().await;
    let closed = (ActionState::Abandoned, "not ours".to_owned());
    assert_eq!(words(&model), [closed]);
    let told = ours(&drill).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(NOT_KNOWN), "{}", told[0]);
    let all = records(state.path());
    let unknown = all
        .iter()
        .filter(|entry| matches!(entry.body, Body::ActionUnknown { .. }));
    assert_eq!(unknown.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_off_and_is_frozen_before_its_second_send_is_called_rejected() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let rules = tempfile::tempdir().expect("a directory");
    let freeze = rules.path().join("freeze");
    // The first intent is written with its confirmation; this is the second.
    let gate = Gate::at(Some("after action.intent"));
    let setting = Setting {
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        host: Host {
            freeze: freeze.clone(),
            ..no_host()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    let order = json!({"server": "identity", "fault": "429", "rate": 1.0, "count": 1, "path": DISABLE.path});
    drill.fault(&order).expect("the drill knows it");
    confirm(&app);
    gate.reached().await;
    std::fs::write(&freeze, "").expect("the switch is set");
    gate.open();
    let model = app.until("documented", finished).await;
    app.end().await;
    let words = words(&model);
    assert_eq!(words[0].0, ActionState::Rejected, "{words:?}");
    let said = "the provider put it off with 429; not sent again: the freeze switch";
    assert!(words[0].1.starts_with(said), "{words:?}");
    assert!(model.ledger.actions().all(ActionView::may_have_left));
    assert_eq!(intents(state.path()), 2);
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 0);
}
