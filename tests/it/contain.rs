//! The main story and its bad turns: the servers' ledger is the oracle, never our log.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use quell::app::model::{Found, Layer, Load, Model};
use quell::connect::http::Limits;
use quell::domain::audit::{Body, OutcomeState};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::remnant::RemnantKind;
use quell::domain::containment::standing::{Standing, standing};
use quell::domain::containment::state::ActionState;
use quell::domain::timeline::finding::Rule;
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::probe::Probe;
use quell::store::audit::Ground;
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use crate::documenting;
use crate::harness::app::{Setting, TestApp, company, company_of, limits, records};
use crate::left::plan_removal;
use crate::truth::{self, Gate};
use crate::wall::not_on_the_list;

const LOGIN: &str = "mara.lind@acme.example";

fn place() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Opens the live case and waits for the account and the events.
async fn open_case(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter><Enter>");
    app.until("account and activity are there", |model| {
        model.open.as_ref().is_some_and(|open| {
            matches!(&open.account, Load::Ready(Found::One(_), _)) && open.activity.ended.is_some()
        }) && !model.offers.is_empty()
    })
    .await;
}

/// Plans and waits for the dialog.
async fn plan(app: &mut TestApp, keys: &str) -> Model {
    app.keys(keys);
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    let model = app.until("the dialog is open", open).await;
    app.clock.advance(Duration::from_secs(1));
    model
}

/// Plans, types the login and confirms.
async fn confirm(app: &mut TestApp, keys: &str) {
    plan(app, keys).await;
    app.keys(LOGIN).keys("<Tab>y");
    let gone = |model: &Model| matches!(model.layers.last(), Some(Layer::Response { .. }));
    app.until("it was confirmed", gone).await;
}

fn words(model: &Model) -> Vec<(ActionKind, ActionState)> {
    model
        .ledger
        .actions()
        .map(|action| (action.kind, action.state))
        .collect()
}

fn all_final(model: &Model) -> bool {
    model.ledger.actions().next().is_some() && model.ledger.actions().all(|a| a.state.is_final())
}

fn documented(model: &Model) -> bool {
    all_final(model)
        && model
            .ledger
            .actions()
            .all(|action| action.comment.is_some())
}

fn fault(drill: &Drill, order: &serde_json::Value) {
    drill.fault(order).expect("the fault is known");
}

fn count(drill: &Drill, kind: &str) -> usize {
    drill.ledger().targets(kind).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_attacker_is_contained_proven_and_documented_once() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    confirm(&mut app, "cc").await;
    let contained = |model: &Model| matches!(model.standing(), Some(Standing::Contained { .. }));
    let model = app
        .until("documented", |model| contained(model) && documented(model))
        .await;
    let proven = [
        ActionKind::RevokeSessions,
        ActionKind::DisableAccount,
        ActionKind::RevokeSessions,
    ]
    .map(|kind| (kind, ActionState::Verified));
    assert_eq!(words(&model), proven);
    drill.advance(3);
    assert!(!drill.attacker_inside(), "the servers know best");
    assert_eq!(
        (count(&drill, "suspend"), count(&drill, "clear_sessions")),
        (1, 2)
    );
    assert_eq!(count(&drill, "comment"), 1);
    app.end().await;
    let code = quell::cli::audit::verify(&state.path().join("audit"), false, &mut Vec::new());
    assert_eq!(code.ok(), Some(0));

    // The head that stands in the case speaks for the log.
    let config =
        quell::cli::drill::write_config(state.path(), &drill).expect("it was written before");
    let told = tokio::process::Command::new(env!("CARGO_BIN_EXE_quell"))
        .arg("--config")
        .arg(config)
        .arg("--state")
        .arg(state.path())
        .args(["audit", "verify", "--from-cases", "--require-checkpoints"])
        .output()
        .await
        .expect("quell starts");
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(text.contains("complete: up to record"), "{text}");
    assert!(
        text.contains("by the head this host remembers and 1 anchors that fit"),
        "{text}"
    );
    assert_eq!(count(&drill, "comment"), 1, "it only reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_alone_is_partly_contained_and_the_next_success_rings() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    confirm(&mut app, "cs").await;
    let model = app.until("documented", documented).await;
    let word = model.standing().expect("something is proven").word();
    assert_eq!(
        word.as_str(),
        "partly contained: no disabling from here holds"
    );
    // He knows the password: he signs in again and goes on.
    drill.advance(4);
    app.keys("<Esc>r");
    let model = app
        .until("the alarm", |model| {
            model.open.as_ref().is_some_and(|open| {
                open.activity
                    .findings
                    .iter()
                    .any(|f| f.rule == Rule::SuccessAfterContainment)
            })
        })
        .await;
    let word = model.standing().expect("something is proven").word();
    assert_eq!(
        word.as_str(),
        "partly contained: no disabling from here holds, activity since"
    );
    assert!(app.bells() >= 1);
    let mut log = model.log.iter();
    let said = "the account was active after its sessions were ended from here";
    assert!(
        log.any(|line| line.text.as_str() == said),
        "{:#?}",
        model.log
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_without_effect_ends_refuted() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    fault(
        &drill,
        &json!({"server": "identity", "fault": "accepted_without_effect", "rate": 1.0, "count": 1, "path": "suspend"}),
    );
    confirm(&mut app, "ca").await;
    let model = app.until("documented", documented).await;
    assert_eq!(
        words(&model),
        [(ActionKind::DisableAccount, ActionState::NotEffective)]
    );
    assert_eq!(count(&drill, "suspend"), 0);
    assert_eq!(model.standing(), None);
    app.end().await;
    let refuted = |body: &Body| {
        matches!(
            body,
            Body::ActionOutcome {
                state: OutcomeState::NotEffective,
                ..
            }
        )
    };
    assert!(
        records(state.path())
            .iter()
            .any(|entry| refuted(&entry.body))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_unknown_and_then_proven_without_a_second_send() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    fault(
        &drill,
        &json!({"server": "identity", "fault": "reply_lost_after_effect", "rate": 1.0, "count": 1, "path": "suspend"}),
    );
    confirm(&mut app, "ca").await;
    let model = app.until("documented", documented).await;
    assert_eq!(
        words(&model),
        [(ActionKind::DisableAccount, ActionState::Verified)]
    );
    assert_eq!(count(&drill, "suspend"), 1);
    app.end().await;
    let order: Vec<&'static str> = records(state.path())
        .iter()
        .filter_map(|entry| match entry.body {
            Body::ActionIntent { .. } => Some("intent"),
            Body::ActionUnknown { .. } => Some("unknown"),
            Body::ActionOutcome { .. } => Some("outcome"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["intent", "unknown", "outcome"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_before_the_effect_is_unknown_and_then_refuted() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    fault(
        &drill,
        &json!({"server": "identity", "fault": "reset_before_effect", "rate": 1.0, "count": 1, "path": "suspend"}),
    );
    confirm(&mut app, "ca").await;
    let model = app.until("documented", documented).await;
    assert_eq!(
        words(&model),
        [(ActionKind::DisableAccount, ActionState::NotEffective)]
    );
    assert_eq!(count(&drill, "suspend"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_is_sent_once_more_and_never_twice_executed() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    fault(
        &drill,
        &json!({"server": "identity", "fault": "429", "rate": 1.0, "count": 1, "path": "suspend"}),
    );
    confirm(&mut app, "ca").await;
    let model = app.until("documented", documented).await;
    assert_eq!(
        words(&model),
        [(ActionKind::DisableAccount, ActionState::Verified)]
    );
    assert_eq!(
        model
            .ledger
            .actions()
            .map(|a| a.attempt)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(count(&drill, "suspend"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_always_says_500_ends_refuted_with_one_request() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    fault(
        &drill,
        &json!({"server": "identity", "fault": "500", "rate": 1.0, "path": "suspend"}),
    );
    confirm(&mut app, "ca").await;
    app.until("documented", documented).await;
    let sent = drill
        .ledger()
        .mutating()
        .iter()
        .filter(|r| r["path"].as_str().is_some_and(|p| p.ends_with("/suspend")))
        .count();
    assert_eq!((sent, count(&drill, "suspend")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_reads_delay_the_proof_and_do_not_refute() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "ca").await;
    fault(
        &drill,
        &json!({"server": "identity", "fault": "stale_reads", "rate": 1.0, "count": 4, "path": "/users/"}),
    );
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.until("documented", documented).await;
    assert_eq!(
        words(&model),
        [(ActionKind::DisableAccount, ActionState::Verified)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_intent_and_answer_the_next_start_shows_it_and_reads_back() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    fault(
        &drill,
        &json!({"server": "identity", "fault": "hang", "rate": 1.0, "count": 1, "path": "suspend"}),
    );
    confirm(&mut app, "ca").await;
    app.until("the request is on its way", |model| {
        model
            .ledger
            .actions()
            .any(|action| action.state == ActionState::Intent)
    })
    .await;
    app.kill();
    let mut app = TestApp::start(&drill, state.path());
    assert!(
        matches!(app.model().layers.last(), Some(Layer::Unfinished { .. })),
        "first screen"
    );
    let model = app.until("read back", all_final).await;
    let [(ActionKind::DisableAccount, word)] = words(&model)[..] else {
        panic!("one action")
    };
    let truth = if count(&drill, "suspend") == 1 {
        ActionState::Verified
    } else {
        ActionState::NotEffective
    };
    assert_eq!(word, truth);
    app.until("documented", documented).await;
    assert!(count(&drill, "suspend") <= 1);
    assert_eq!(count(&drill, "comment"), 1);
    app.end().await;
    let adopted = |body: &Body| matches!(body, Body::ActionAdopt { .. });
    assert_eq!(
        records(state.path())
            .iter()
            .filter(|entry| adopted(&entry.body))
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_whose_provider_is_not_configured_any_more_stays_unknown_and_says_why() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let hang =
        json!({"server": "identity", "fault": "hang", "rate": 1.0, "count": 1, "path": "suspend"});
    fault(&drill, &hang);
    confirm(&mut app, "ca").await;
    app.until("the request is on its way", |model| {
        words(model) == [(ActionKind::DisableAccount, ActionState::Intent)]
    })
    .await;
    app.kill();
    let renamed = |text: String| text.replace("name = \"okta\"", "name = \"okta-new\"");
    let mut app = TestApp::start_with(&drill, state.path(), Ground::default(), renamed);
    let said = |model: &Model| {
        model.ledger.unfinished().any(|action| {
            action.evidence.as_ref().is_some_and(|said| {
                said.raw()
                    .contains("no identity provider is named okta now")
            })
        })
    };
    app.until("it says why", said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_or_recorded_right_before_the_end_is_carried_out() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    app.keys(LOGIN).keys("<Tab>y");
    app.end().await;
    // The end came before the first word of an answer: every request had its intent and left, and is on record.
    let answered = records(state.path())
        .iter()
        .filter(|entry| matches!(entry.body, Body::ActionAck { .. }))
        .count();
    assert_eq!(answered, 3);
    assert_eq!(
        (count(&drill, "suspend"), count(&drill, "clear_sessions")),
        (1, 2)
    );
    let last = records(state.path()).pop().expect("there are records").body;
    assert!(
        matches!(last, Body::SessionClose { .. } | Body::Checkpoint { .. }),
        "nothing is recorded after the end: {last:?}"
    );
    // The next start reads back and documents.
    let mut next = TestApp::start(&drill, state.path());
    next.until("documented", documented).await;
    assert_eq!(count(&drill, "comment"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_whose_reply_is_lost_is_there_once() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    fault(
        &drill,
        &json!({"server": "cases", "fault": "reply_lost_after_effect", "rate": 1.0, "count": 1, "path": "comment", "method": "POST"}),
    );
    confirm(&mut app, "ca").await;
    app.until("documented", documented).await;
    assert_eq!(count(&drill, "comment"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_fails_is_tried_again_until_it_is_there_once() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    fault(
        &drill,
        &json!({"server": "cases", "fault": "500", "rate": 1.0, "count": 2, "path": "/comment", "method": "POST"}),
    );
    confirm(&mut app, "ca").await;
    app.until("documented", documented).await;
    assert_eq!(count(&drill, "comment"), 1);
}

/// Several gates at once.
struct Gates([Arc<Gate>; 2]);

#[async_trait]
impl Probe for Gates {
    async fn pass(&self, point: &str) {
        for gate in &self.0 {
            gate.pass(point).await;
        }
    }
}

/// Revoke, disable, revoke: the first answer is lost after its effect, the attacker signs in again before the account is
/// disabled, and the last request never arrives. What the first one left proves the first one.
#[rstest]
#[case::by_an_entry_of_the_log(Idp::Okta, "/sessions")]
#[case::by_a_time(Idp::Entra, "/revokeSignInSessions")]
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_revocation_that_never_arrived_is_not_proven_by_the_one_before(
    #[case] idp: Idp,
    #[case] path: &str,
) {
    let options = Options {
        idp,
        ..Options::default()
    };
    let (drill, state) = (company_of(options).await, place());
    let reads = Gate::at(Some("read.before"));
    let sends = Gate::at_nth(Some("send.before"), 2);
    let setting = Setting {
        probe: Arc::new(Gates([Arc::clone(&reads), Arc::clone(&sends)])),
        limits: Limits {
            read_total: Duration::from_secs(15),
            write_total: Duration::from_secs(8),
            ..limits()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    truth::open_case(&mut app).await;
    truth::plan(&mut app, "cc").await;
    for word in ["reply_lost_after_effect", "reset_before_effect"] {
        fault(
            &drill,
            &json!({"server": "identity", "fault": word, "path": path, "count": 1}),
        );
    }
    truth::confirm(&app);
    // The first one waits for its proof, and the disabling has its intent on record.
    sends.reached().await;
    reads.reached().await;
    drill.advance(1);
    assert!(drill.attacker_inside(), "he knows the password");
    sends.open();
    app.until("the last one has its word", |model| {
        let last = model.ledger.actions().nth(2);
        last.is_some_and(|last| last.ended.is_some())
    })
    .await;
    // Nobody claimed what the first one left so far.
    reads.open();
    let model = app.until("documented", truth::finished).await;
    app.end().await;
    assert_eq!(
        (count(&drill, "clear_sessions"), count(&drill, "suspend")),
        (1, 1)
    );
    drill.advance(1);
    assert!(drill.attacker_inside(), "his session was never ended");
    let [(_, first), (_, disabled), (_, last)] = words(&model)[..] else {
        panic!("three actions")
    };
    let proven = ActionState::Verified;
    assert_eq!((first, disabled), (proven, proven));
    let honest = [ActionState::NotEffective, ActionState::Unverifiable];
    assert!(honest.contains(&last), "{last:?}");
    let account = model.ledger.actions().next().expect("one").account.clone();
    let stands = standing(&model.ledger, &account, |_| false).word();
    assert!(
        stands.as_str().starts_with("partly contained: "),
        "{stands}"
    );
}

/// Clears the sessions with the console's own token, as a copy of its request that went another way.
async fn clear_once_more(drill: &Drill) {
    let identity = drill.identity();
    let user = format!("{}/api/v1/users/{}", identity.url, drill.victim_id());
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let answer = client
        .delete(format!(
            "{user}/sessions?oauthTokens=true&forgetDevices=true"
        ))
        .header("authorization", format!("SSWS {}", identity.token))
        .send()
        .await
        .expect("the drill answers");
    assert!(answer.status().is_success());
}

/// Revoke, disable, revoke within a second: the network delivers the first one twice, and the last one never arrives. What the
/// copy of the first one left proves nothing.
#[rstest]
#[case::at_google(Idp::Google, "POST", "/signOut")]
#[case::at_okta(Idp::Okta, "DELETE", "/sessions")]
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_revocation_that_never_arrived_is_not_proven_by_a_copy_of_the_one_before(
    #[case] idp: Idp,
    #[case] method: &str,
    #[case] path: &str,
) {
    let options = Options {
        idp,
        ..Options::default()
    };
    let (drill, state) = (company_of(options).await, place());
    let gate = Gate::at(Some("send.after"));
    let mut app = TestApp::start_in(&drill, state.path(), patient(&gate), |text| text);
    truth::open_case(&mut app).await;
    truth::plan(&mut app, "cc").await;
    let on_it = |word: &str| {
        fault(
            &drill,
            &json!({"server": "identity", "fault": word, "method": method, "path": path, "count": 1}),
        );
    };
    if idp == Idp::Google {
        on_it("delivered_twice");
    }
    truth::confirm(&app);
    gate.reached().await;
    if idp == Idp::Okta {
        // There each copy has an id of its own.
        clear_once_more(&drill).await;
    }
    on_it("reset_before_effect");
    gate.open();
    let model = app.until("documented", truth::finished).await;
    app.end().await;
    assert_eq!(
        (count(&drill, "clear_sessions"), count(&drill, "suspend")),
        (2, 1)
    );
    let words = words(&model);
    let Some(((_, last), before)) = words.split_last() else {
        panic!("there are actions")
    };
    assert!(
        before
            .iter()
            .all(|(_, word)| *word == ActionState::Verified),
        "{before:?}"
    );
    assert_eq!(*last, ActionState::Unverifiable);
    let account = model.ledger.actions().next().expect("one").account.clone();
    let stands = standing(&model.ledger, &account, |_| false).word();
    assert!(
        stands.as_str().starts_with("partly contained: "),
        "{stands}"
    );
}

/// A setting for a busy machine that stands at a gate.
fn patient(gate: &Arc<Gate>) -> Setting {
    Setting {
        probe: Arc::clone(gate) as Arc<dyn Probe>,
        limits: Limits {
            read_total: Duration::from_secs(15),
            write_total: Duration::from_secs(8),
            ..limits()
        },
        ..Setting::default()
    }
}

#[rstest]
#[case::at_google(Idp::Google, "POST", "/signOut")]
#[case::at_okta(Idp::Okta, "DELETE", "/sessions")]
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_last_revocation_whose_answer_is_lost_is_proven_by_its_own_entry(
    #[case] idp: Idp,
    #[case] method: &str,
    #[case] path: &str,
) {
    let options = Options {
        idp,
        ..Options::default()
    };
    let (drill, state) = (company_of(options).await, place());
    let gate = Gate::at(Some("send.after"));
    let mut app = TestApp::start_in(&drill, state.path(), patient(&gate), |text| text);
    truth::open_case(&mut app).await;
    truth::plan(&mut app, "cc").await;
    truth::confirm(&app);
    gate.reached().await;
    fault(
        &drill,
        &json!({
            "server": "identity", "fault": "reply_lost_after_effect", "method": method, "path": path,
            "count": 1,
        }),
    );
    gate.open();
    let model = app.until("documented", truth::finished).await;
    app.end().await;
    let words = words(&model);
    assert!(
        words.iter().all(|(_, word)| *word == ActionState::Verified),
        "{words:?}"
    );
    let account = model.ledger.actions().next().expect("one").account.clone();
    let stands = standing(&model.ledger, &account, |_| false).word();
    assert_eq!(stands.as_str(), "contained");
}

/// Makes a configuration one of a console that sends nothing.
fn dry(text: &str) -> String {
    text.replace("mode = \"live\"", "mode = \"dry_run\"")
}

fn rehearsed(model: &Model) -> usize {
    let mut words = words(model).into_iter();
    let all = words.all(|(_, word)| word == ActionState::DryRun);
    if all {
        model.ledger.actions().count()
    } else {
        0
    }
}

fn says(model: &Model, words: &str) -> bool {
    let mut log = model.log.iter();
    log.any(|line| line.text.as_str().contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_sends_nothing_that_changes_anything() {
    // Nobody may have connected yet.
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (before, kinds) in [
        (None, &["cc", "cs", "ca", "cp", "cx", "cb"][..]),
        (Some("HIGH"), &["cd"][..]),
        (Some("suspend"), &["u"][..]),
    ] {
        let (drill, state) = (company().await, place());
        if let Some(before) = before {
            crate::truth::by_others(&drill, before).await;
        }
        let theirs = not_on_the_list(&drill);
        let mut app =
            TestApp::start_with(&drill, state.path(), Ground::default(), |text| dry(&text));
        open_case(&mut app).await;
        for keys in kinds {
            let earlier = app.model().ledger.actions().count();
            confirm(&mut app, keys).await;
            app.until(keys, |model| rehearsed(model) > earlier).await;
            app.keys("<Esc><Esc><Esc>");
        }
        let left = [
            (RemnantKind::RefreshToken, "MailSync"),
            (RemnantKind::MfaMethod, "Galaxy A15"),
        ];
        for (kind, words) in left.into_iter().filter(|_| before.is_none()) {
            let earlier = app.model().ledger.actions().count();
            plan_removal(&mut app, kind, words).await;
            app.keys(LOGIN).keys("<Tab>y");
            app.until(words, |model| rehearsed(model) > earlier).await;
            app.keys("<Esc><Esc><Esc>");
        }
        // What is written by hand is composed at most.
        app.keys("m");
        let refused = |what: &str| format!("{what}: DRY RUN: nothing is written into the case");
        let model = app.sync().await;
        assert!(model.layers.is_empty() && says(&model, &refused("note")));
        app.keys("2gnP");
        assert!(says(&app.sync().await, &refused("post")));
        documenting::open(&mut app, "Identification").await;
        documenting::preview(&mut app).await;
        app.keys("y");
        let model = app.sync().await;
        assert!(says(&model, &refused("Phase Identification")));
        assert!(matches!(model.layers.last(), Some(Layer::Preview { .. })));
        assert_eq!(model.standing(), None);
        app.end().await;
        assert_eq!(not_on_the_list(&drill), theirs, "{kinds:?}");
        // A rehearsal is nothing that a later console would owe the case.
        let mut live = TestApp::start(&drill, state.path());
        open_case(&mut live).await;
        let ledger = live.model().ledger;
        assert!(ledger.undocumented().is_empty() && ledger.outbox().notes().is_empty());
        live.end().await;
        assert_eq!(not_on_the_list(&drill), theirs, "{kinds:?}");
    }
}

#[rstest]
#[case::by_its_key("<Esc>u")]
#[case::by_its_letter_in_the_actions("<Esc>cu")]
#[tokio::test(flavor = "multi_thread")]
async fn undo_enables_the_account_again_and_says_so_in_the_case(#[case] keys: &str) {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    confirm(&mut app, "ca").await;
    app.until("documented", |model| {
        documented(model)
            && model
                .open
                .as_ref()
                .and_then(|open| open.the_account())
                .is_some_and(|account| {
                    account.status == quell::domain::account::AccountStatus::Disabled
                })
    })
    .await;
    confirm(&mut app, keys).await;
    let model = app
        .until("undone", |model| {
            words(model).len() == 2 && documented(model)
        })
        .await;
    assert_eq!(
        words(&model)[1],
        (ActionKind::EnableAccount, ActionState::Verified)
    );
    assert_eq!(
        (count(&drill, "unsuspend"), count(&drill, "comment")),
        (1, 2)
    );
    assert_eq!(model.standing(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_void_when_the_account_changed_meanwhile() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    // Somebody else is faster.
    let identity = drill.identity();
    let url = format!(
        "{}/api/v1/users/{}/lifecycle/suspend",
        identity.url,
        drill.victim_id()
    );
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .post(url)
        .header("authorization", format!("SSWS {}", identity.token))
        .header("content-length", "0")
        .send()
        .await
        .expect("the drill answers");
    assert!(answer.status().is_success());
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.until("given up", all_final).await;
    assert!(
        words(&model)
            .iter()
            .all(|(_, word)| *word == ActionState::Abandoned)
    );
    assert_eq!(
        (count(&drill, "suspend"), count(&drill, "clear_sessions")),
        (1, 0)
    );
    app.end().await;
    let refused =
        |body: &Body| matches!(body, Body::Refusal { guard, .. } if guard == "stale plan");
    assert_eq!(
        records(state.path())
            .iter()
            .filter(|entry| refused(&entry.body))
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_accounts_are_refused_in_the_dialog_and_nothing_leaves() {
    for edit in [
        format!("protected = [\"{LOGIN}\"]"),
        "own = [\"MARA.LIND@acme.example\"]\nprotected = []".to_owned(),
    ] {
        let (drill, state) = (company().await, place());
        let ground = quell::store::audit::Ground::default();
        let mut app = TestApp::start_with(&drill, state.path(), ground, |text| {
            text.replace("protected = [\"breakglass-01@acme.example\"]", &edit)
        });
        open_case(&mut app).await;
        let model = plan(&mut app, "cc").await;
        let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
            panic!("a dialog")
        };
        assert!(confirmation.plan().refused());
        app.keys(LOGIN).keys("<Tab>y");
        app.until("the dialog says why not", |model| {
            matches!(model.layers.last(), Some(Layer::Confirm { said: Some(line), .. }) if line.as_str().contains("guard"))
        })
        .await;
        assert_eq!(drill.ledger().effects().len(), 0);
        app.end().await;
        let refused = |body: &Body| matches!(body, Body::Refusal { .. });
        assert!(
            records(state.path())
                .iter()
                .any(|entry| refused(&entry.body))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn monitor_only_is_a_recorded_decision_with_a_reason() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    app.keys("cm<Enter>").keys("the user is travelling<Enter>");
    app.until("recorded", |model| {
        let open = model.open.as_ref().map(|open| open.id.clone());
        open.and_then(|id| model.casework.case(&id).cloned())
            .is_some_and(|case| !case.decisions.is_empty())
    })
    .await;
    assert_eq!(drill.ledger().effects().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_synced_sends_nothing() {
    let (drill, state) = (company().await, place());
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ground = crate::harness::disk::breakable(&broken);
    let mut app = TestApp::start_with(&drill, state.path(), ground, |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    broken.store(true, std::sync::atomic::Ordering::SeqCst);
    app.keys(LOGIN).keys("<Tab>y");
    app.until("it says so", |model| model.audit_fault.is_some())
        .await;
    app.end().await;
    assert_eq!(drill.ledger().effects().len(), 0);
}
