//! New passwords: the link of a reset, what a crash loses, and what the console forgets by itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use quell::app::model::{Layer, Model};
use quell::domain::audit::{Body, SecretState};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::Worth;
use quell::domain::containment::state::ActionState;
use quell::drill::Options;
use quell::drill::wire::Idp;
use quell::engine::probe::Probe;
use serde_json::json;

use crate::harness::app::{Setting, TestApp, company, company_of, records};
use crate::truth::{DISABLE, confirm, finished, open_case, plan};

fn says(model: &Model, words: &str) -> bool {
    model
        .log
        .iter()
        .any(|line| line.text.as_str().contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_shown_once_and_never_sent_by_mail() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = plan(&mut app, "cp").await;
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("the dialog is open");
    };
    let [_, reset, _] = confirmation.plan().steps.as_slice() else {
        panic!("revoke, reset, revoke: {:?}", confirmation.plan().kinds());
    };
    assert!(
        reset
            .call
            .path
            .ends_with("?sendEmail=false&revokeSessions=true")
    );
    for said in ["ACTIVE_DIRECTORY", "never to a mailbox", "MFA methods stay"] {
        assert!(reset.facts.limits.as_str().contains(said), "{said}");
    }
    confirm(&app);
    let proven = |model: &Model| {
        let mut all = model.ledger.actions();
        finished(model) && all.all(|one| one.state == ActionState::Verified)
    };
    let model = app.until("all of it is proven", proven).await;
    assert_eq!(model.handed.len(), 1);
    let link = model.handed[0].0.secret.shown();
    assert!(link.as_str().contains("/reset_password/drill"), "{link}");
    app.keys("V");
    app.sync().await;
    assert!(app.screen().contains("/reset_password/drill"));
    app.keys("<Esc>");
    let model = app.sync().await;
    assert!(model.handed.is_empty() && !app.screen().contains("/reset_password/drill"));
    drill.advance(3);
    assert!(!drill.attacker_inside());
    app.until("the account is read again", |model| {
        let open = model.open.as_ref().and_then(|open| open.the_account());
        open.is_some_and(|account| account.vendor_status.raw() == "RECOVERY")
    })
    .await;
    // It has left ACTIVE: neither of the two works from there, and says so before anything is planned.
    app.keys("<Esc>ca");
    let model = app.sync().await;
    assert!(
        says(&model, "disable account: status is RECOVERY"),
        "{:?}",
        model.log
    );
    app.end().await;
    assert_eq!(drill.ledger().targets("reset_password").len(), 1);
    assert_eq!(drill.ledger().targets("recovery_mail").len(), 0);
}

/// Lets nothing be read back.
struct Unread;

#[async_trait]
impl Probe for Unread {
    async fn pass(&self, point: &str) {
        if point == "read.before" {
            std::future::pending::<()>().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_the_password_and_the_next_console_says_so() {
    let keycloak = Options {
        idp: Idp::Keycloak,
        ..Options::default()
    };
    let (drill, state) = (
        company_of(keycloak).await,
        tempfile::tempdir().expect("a directory"),
    );
    let setting = Setting {
        probe: Arc::new(Unread),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    confirm(&app);
    app.until("there is a password", |model| !model.handed.is_empty())
        .await;
    app.kill();
    let mut app = TestApp::start(&drill, state.path());
    let model = app
        .until("the next console has read it back", |model| {
            let mut all = model.ledger.actions();
            let reset = all.find(|one| one.kind == ActionKind::ResetPassword);
            reset.is_some_and(|one| one.state == ActionState::Verified) && says(model, LOST)
        })
        .await;
    assert!(
        !says(&model, "what was to be handed over"),
        "{:?}",
        model.log
    );
    assert!(model.handed.is_empty());
    app.end().await;
    assert_eq!(drill.ledger().targets("reset_password").len(), 1);
}

/// How a password or link that nobody saw is called once its console is gone.
const LOST: &str = "was lost with its console before it was seen";

/// What the log says became of the secrets, in its order.
fn told(state: &std::path::Path) -> Vec<SecretState> {
    let all = records(state).into_iter();
    all.filter_map(|entry| match entry.body {
        Body::ActionSecret(said) => Some(said.state),
        _ => None,
    })
    .collect()
}

async fn reset_and_documented(app: &mut TestApp) {
    open_case(app).await;
    plan(app, "cp").await;
    confirm(app);
    app.until("it is proven and documented", |model| {
        let mut all = model.ledger.actions();
        finished(model) && all.all(|one| one.comment.is_some()) && !model.handed.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_unseen_when_the_console_was_killed_is_told_once() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    reset_and_documented(&mut app).await;
    assert_eq!(told(state.path()), [SecretState::Waits]);
    // Its console is alive, so another one does not call it lost.
    let mut beside = TestApp::start(&drill, state.path());
    let model = beside
        .until("the other one knows of it", |model| {
            let mut all = model.ledger.actions();
            model.queue.heard && all.any(|one| one.secret == Some(SecretState::Waits))
        })
        .await;
    assert!(!says(&model, LOST), "{:?}", model.log);
    beside.end().await;
    assert_eq!(told(state.path()), [SecretState::Waits]);
    app.kill();
    let mut app = TestApp::start(&drill, state.path());
    let model = app
        .until("the next one says it", |model| says(model, LOST))
        .await;
    assert!(says(&model, "link for mara.lind@acme.example was lost"));
    app.end().await;
    assert_eq!(told(state.path()), [SecretState::Waits, SecretState::Lost]);
    let mut app = TestApp::start(&drill, state.path());
    let model = app
        .until("the queue is there", |model| model.queue.heard)
        .await;
    assert!(!says(&model, LOST), "{:?}", model.log);
    app.end().await;
    assert_eq!(told(state.path()), [SecretState::Waits, SecretState::Lost]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_seen_is_not_lost_with_the_console() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    reset_and_documented(&mut app).await;
    app.keys("V");
    app.until("that it was shown is on record", |model| {
        let mut all = model.ledger.actions();
        all.any(|one| one.secret == Some(SecretState::Shown))
    })
    .await;
    app.kill();
    let mut app = TestApp::start(&drill, state.path());
    let model = app
        .until("the queue is there", |model| model.queue.heard)
        .await;
    assert!(!says(&model, LOST), "{:?}", model.log);
    app.end().await;
    assert_eq!(told(state.path()), [SecretState::Waits, SecretState::Shown]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_given_up_by_quitting_is_not_told_again() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    reset_and_documented(&mut app).await;
    app.keys("<Esc>q");
    app.sync().await;
    let screen = app.screen();
    assert!(screen.contains("was not looked at"), "{screen}");
    assert!(!screen.contains("Without a final word"), "{screen}");
    app.keys("y");
    app.end().await;
    let expected = [SecretState::Waits, SecretState::Forgotten];
    assert_eq!(told(state.path()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_looks_at_is_forgotten() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    confirm(&app);
    app.until("it is over", finished).await;
    app.keys("<Esc>q");
    let model = app.sync().await;
    assert!(matches!(model.layers.last(), Some(Layer::QuitAnyway)));
    assert!(app.screen().contains("was not looked at"));
    app.keys("n");
    app.clock.advance(Duration::from_secs(15 * 60));
    let model = app
        .until("it is forgotten", |model| model.handed.is_empty())
        .await;
    assert!(says(
        &model,
        "one-time link for mara.lind@acme.example is forgotten"
    ));
    app.end().await;
}

fn keycloak() -> Options {
    Options {
        idp: Idp::Keycloak,
        ..Options::default()
    }
}

const WORKS: &str = "it works for one sign-in";

/// Shows a proven password in one console and resets it again in another one, whose request may meet a fault; gives what
/// the first console says then.
async fn reset_beside(fault: Option<&str>, word: ActionState) -> (String, Model) {
    let drill = company_of(keycloak()).await;
    let state = tempfile::tempdir().expect("a directory");
    let mut app = TestApp::start(&drill, state.path());
    reset_and_documented(&mut app).await;
    app.keys("V");
    app.until("that it was shown is on record", |model| {
        let mut all = model.ledger.actions();
        let is_shown = all.any(|one| one.secret == Some(SecretState::Shown));
        is_shown && model.showing.is_some_and(|showing| !showing.is_awaited)
    })
    .await;
    let screen = app.screen();
    assert!(screen.contains(WORKS), "{screen}");
    let mut beside = TestApp::start(&drill, state.path());
    if let Some(fault) = fault {
        let order = json!({
            "server": "identity", "fault": fault, "path": "/reset-password", "method": "PUT", "count": 1,
        });
        drill.fault(&order).expect("the drill knows it");
    }
    reset_and_documented(&mut beside).await;
    let ended = |model: &Model| {
        let resets = model.ledger.actions();
        let mut resets = resets.filter(|one| one.kind == ActionKind::ResetPassword);
        let first = resets.next().map(|one| one.state);
        let second = resets.next().filter(|one| one.ended.is_some());
        first == Some(ActionState::Verified) && second.is_some_and(|one| one.state == word)
    };
    let model = app.until("the later one has its word", ended).await;
    assert!(matches!(model.layers.last(), Some(Layer::Secret(_))));
    let screen = app.screen();
    app.end().await;
    beside.end().await;
    assert_eq!(drill.ledger().targets("reset_password").len(), 2);
    (screen, model)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_a_later_reset_replaced_is_not_said_to_work() {
    let (screen, model) = reset_beside(None, ActionState::Verified).await;
    assert!(screen.contains("A later reset replaced it"), "{screen}");
    assert!(!screen.contains(WORKS), "{screen}");
    let line = "temporary password for mara.lind@acme.example is not to be relied on";
    assert!(says(&model, line), "{:?}", model.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_a_later_reset_may_have_replaced_is_in_doubt() {
    let lost = Some("reply_lost_after_effect");
    let (screen, _) = reset_beside(lost, ActionState::Unverifiable).await;
    let doubt = "A later reset may have replaced it";
    assert!(screen.contains(doubt), "{screen}");
    assert!(!screen.contains(WORKS), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_changed_since_is_not_said_to_work() {
    let drill = company_of(keycloak()).await;
    let state = tempfile::tempdir().expect("a directory");
    let mut app = TestApp::start(&drill, state.path());
    reset_and_documented(&mut app).await;
    app.keys("<Esc>");
    let model = app.sync().await;
    let mut resets = model.ledger.actions();
    let own = resets.find(|one| one.kind == ActionKind::ResetPassword);
    let own = own.and_then(|one| one.effect_first).expect("it was read");
    let shown = |model: &Model| {
        let open = model.open.as_ref();
        open.and_then(|open| open.the_account()?.password_changed)
    };
    // Its own reset, read again with the account, is no sign.
    let is_own = |model: &Model| shown(model).is_some_and(|set| set == own);
    let model = app
        .until("the account is read after the reset", is_own)
        .await;
    assert!(!says(&model, "not to be relied on"), "{:?}", model.log);
    // Clearly later than the clocks of a provider may differ.
    let later = own + TimeDelta::seconds(3);
    app.until("some seconds went by", |_| drill.clock().now() > later)
        .await;
    let order = json!({"fault": "password_by_others"});
    drill.fault(&order).expect("the drill knows it");
    drill.advance(1);
    let is_theirs = |model: &Model| shown(model).is_some_and(|set| set > own);
    // What a provider gives once a second is not asked for again within some seconds.
    for _ in 0..8 {
        app.keys("r");
        let seen = app.until("the account is read again", is_theirs);
        if tokio::time::timeout(Duration::from_secs(2), seen)
            .await
            .is_ok()
        {
            break;
        }
    }
    let model = app.until("the account is read again", is_theirs).await;
    let line = "temporary password for mara.lind@acme.example is not to be relied on";
    assert!(says(&model, line), "{:?}", model.log);
    app.keys("V");
    let model = app.sync().await;
    assert!(matches!(model.layers.last(), Some(Layer::Secret(_))));
    let screen = app.screen();
    assert!(
        screen.contains("The password was changed since, "),
        "{screen}"
    );
    assert!(!screen.contains(WORKS), "{screen}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_others_change_while_it_is_shown_is_not_said_to_work() {
    let drill = company_of(keycloak()).await;
    let state = tempfile::tempdir().expect("a directory");
    let mut app = TestApp::start(&drill, state.path());
    reset_and_documented(&mut app).await;
    app.keys("V");
    let is_read = |model: &Model| model.showing.is_some_and(|showing| !showing.is_awaited);
    let model = app.until("its account is read", is_read).await;
    let screen = app.screen();
    assert!(screen.contains("As read at "), "{screen}");
    assert!(screen.contains(WORKS), "{screen}");
    let mut resets = model.ledger.actions();
    let own = resets.find(|one| one.kind == ActionKind::ResetPassword);
    let own = own.and_then(|one| one.effect_first).expect("it was read");
    // Clearly later than the clocks of a provider may differ.
    let later = own + TimeDelta::seconds(3);
    app.until("some seconds went by", |_| drill.clock().now() > later)
        .await;
    let order = json!({"fault": "password_by_others"});
    drill.fault(&order).expect("the drill knows it");
    drill.advance(1);
    let is_theirs = |model: &Model| match model.layers.last() {
        Some(Layer::Secret(handed)) => matches!(model.worth(&handed.aid), Worth::Changed(_)),
        _ => false,
    };
    // What a provider gives once a second is not asked for again within some seconds.
    for _ in 0..8 {
        app.clock.advance(Duration::from_secs(10));
        let seen = app.until("the account is read again", is_theirs);
        if tokio::time::timeout(Duration::from_secs(2), seen)
            .await
            .is_ok()
        {
            break;
        }
    }
    app.until("the account is read again", is_theirs).await;
    let screen = app.screen();
    assert!(!screen.contains(WORKS), "{screen}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_an_account_that_is_disabled_meanwhile_opens_nothing() {
    let drill = company_of(keycloak()).await;
    let state = tempfile::tempdir().expect("a directory");
    let mut app = TestApp::start(&drill, state.path());
    reset_and_documented(&mut app).await;
    app.keys("V");
    let is_read = |model: &Model| model.showing.is_some_and(|showing| !showing.is_awaited);
    app.until("its account is read", is_read).await;
    assert!(app.screen().contains(WORKS), "{}", app.screen());
    let mut beside = TestApp::start(&drill, state.path());
    open_case(&mut beside).await;
    plan(&mut beside, DISABLE.keys).await;
    confirm(&beside);
    beside.until("it is proven and documented", finished).await;
    beside.end().await;
    let is_barred = |model: &Model| match model.layers.last() {
        Some(Layer::Secret(handed)) => model.barred(&handed.aid).is_some(),
        _ => false,
    };
    app.until("it is known here", is_barred).await;
    let screen = app.screen();
    assert!(screen.contains("the account is "), "{screen}");
    assert!(screen.contains("this opens nothing"), "{screen}");
    assert!(!screen.contains(WORKS), "{screen}");
    app.end().await;
}
