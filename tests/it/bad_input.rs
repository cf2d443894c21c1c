//! Bad input through the whole console: a clear message or row, no panic, nothing lost, and the right account can
//! still be contained while only other sources are broken.

use std::process::Command;
use std::time::Duration;

use chrono::Utc;
use quell::app::actions::{Choice, Readiness, readiness};
use quell::app::message::Message;
use quell::app::model::{Found, Layer, Load, Model};
use quell::connect::http::Limits;
use quell::domain::containment::state::ActionState;
use quell::domain::freshness::Freshness;
use quell::domain::timeline::activity::{Event, Outcome};
use quell::domain::timeline::lane::Lane;
use quell::drill::{Drill, Options};
use quell::store::audit::Ground;
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::app::{Setting, TestApp, company, company_of, limits};
use crate::harness::screen;

const LOGIN: &str = "mara.lind@acme.example";
const SIZE: (u16, u16) = (120, 40);

fn place() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn fault(drill: &Drill, server: &str, fault: &str) {
    drill
        .fault(&json!({"server": server, "fault": fault, "rate": 1.0}))
        .expect("the fault is known");
}

/// Opens the case that the filter leaves alone and waits until its file was read or not.
async fn open(app: &mut TestApp, filter: &str) -> Model {
    app.until("the queue is filled", |model| !model.queue.is_empty())
        .await;
    app.keys("/").keys(filter).keys("<Enter><Enter>");
    app.until("the case was read", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| !matches!(open.file, Load::Idle | Load::Loading(_)))
    })
    .await
}

async fn account_known(app: &mut TestApp) -> Model {
    app.until("the account was looked up", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| matches!(open.account, Load::Ready(..) | Load::Failed(..)))
            && !model.offers.is_empty()
    })
    .await
}

fn refused(model: &Model, choice: Choice) -> Option<String> {
    match readiness(model, choice) {
        Readiness::No(reason) => Some(reason.to_string()),
        Readiness::Ready(_) => None,
    }
}

fn effects(drill: &Drill) -> usize {
    drill.ledger().effects().len()
}

/// Disables the live account and waits until that is proven and documented.
async fn contain(app: &mut TestApp, drill: &Drill) {
    app.keys("ca");
    app.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>y");
    app.until("proven and documented", |model| {
        let mut actions = model.ledger.actions().peekable();
        actions.peek().is_some()
            && actions.all(|a| a.state == ActionState::Verified && a.comment.is_some())
    })
    .await;
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    assert_eq!(drill.ledger().targets("comment").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_comes_back_is_asked_again_by_itself() {
    let (drill, state) = (company().await, place());
    fault(&drill, "identity", "500");
    let often = |text: String| text.replace("poll = \"30s\"", "poll = \"1s\"");
    let mut app = TestApp::start_with(&drill, state.path(), Ground::default(), often);
    open(&mut app, "mara").await;
    let model = account_known(&mut app).await;
    assert!(
        model
            .open
            .is_some_and(|open| matches!(open.account, Load::Failed(..)))
    );
    drill
        .fault(&json!({"server": "identity", "fault": "none"}))
        .expect("it is taken back");
    app.until("the account is there without a key", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some())
    })
    .await;
}

/// What was well once is asked again: a provider that died must not stand there as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_dies_later_is_said_to_be_failing() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open(&mut app, "mara").await;
    account_known(&mut app).await;
    let okta = |model: &Model| {
        let mut sources = model.sources.iter();
        let found = sources.find(|source| source.label.as_str() == "Okta");
        found.map(|source| (source.seq > 0, source.fault.is_some()))
    };
    app.until("it answers", |model| okta(model) == Some((true, false)))
        .await;
    fault(&drill, "identity", "500");
    app.keys("r");
    app.until("it is seen", |model| okta(model) == Some((true, true)))
        .await;
    let screen = app.screen();
    assert!(screen.contains("Okta failing"), "{screen}");
}

#[rstest]
#[case("500")]
#[case("bad_json")]
#[case("half_body")]
#[case("huge_body")]
#[case("redirect")]
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_siem_is_shown_and_keeps_nobody_from_containing(#[case] how: &str) {
    let (drill, state) = (company().await, place());
    fault(&drill, "siem", how);
    let mut app = TestApp::start(&drill, state.path());
    open(&mut app, "mara").await;
    account_known(&mut app).await;
    let model = app
        .until("the search failed", |model| {
            model
                .open
                .as_ref()
                .is_some_and(|open| open.activity.fault.is_some())
                && model.sources.iter().any(|source| source.fault.is_some())
        })
        .await;
    let shown = screen::text(&model, SIZE);
    assert!(!shown.contains("SIEM ok"), "{shown}");
    assert!(
        model
            .log
            .iter()
            .any(|line| line.text.as_str().contains("SIEM"))
    );
    contain(&mut app, &drill).await;
    app.end().await;
}

#[rstest]
#[case("500")]
#[case("bad_json")]
#[case("half_body")]
#[case("redirect")]
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_provider_is_shown_and_nothing_can_be_planned(#[case] how: &str) {
    let (drill, state) = (company().await, place());
    fault(&drill, "identity", how);
    let mut app = TestApp::start(&drill, state.path());
    open(&mut app, "mara").await;
    let model = account_known(&mut app).await;
    let shown = screen::text(&model, SIZE);
    assert!(shown.contains("the account could not be"), "{shown}");
    assert!(refused(&model, Choice::Contain).is_some());
    app.keys("cc");
    let model = app.sync().await;
    assert!(!matches!(
        model.layers.last(),
        Some(Layer::Planning { .. } | Layer::Confirm { .. })
    ));
    // The activity is searched by the name alone.
    app.until("events are there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| !open.activity.activity.is_empty())
    })
    .await;
    assert_eq!(effects(&drill), 0);
}

#[rstest]
#[case("500")]
#[case("bad_json")]
#[case("half_body")]
#[case("huge_body")]
#[case("redirect")]
#[tokio::test(flavor = "multi_thread")]
async fn rows_stay_when_the_case_system_breaks(#[case] how: &str) {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    let before = open(&mut app, "mara").await;
    fault(&drill, "cases", how);
    app.keys("r");
    let model = app
        .until("it is said", |model| {
            model.sources.iter().any(|source| source.fault.is_some())
        })
        .await;
    assert_eq!(model.queue.all().len(), before.queue.all().len());
    let read = model.open.as_ref().and_then(|open| open.file.ready());
    assert!(read.is_some(), "what was read stays");
    let shown = screen::text(&model, SIZE);
    assert!(!shown.contains("cases ok"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_siem_that_nobody_listens_at_is_shown_and_the_rest_works() {
    let (drill, state) = (company().await, place());
    let siem = drill.siem().url.clone();
    let nowhere = |text: String| text.replace(&siem, "http://127.0.0.1:1");
    let mut app = TestApp::start_with(&drill, state.path(), Ground::default(), nowhere);
    open(&mut app, "mara").await;
    account_known(&mut app).await;
    app.until("it is said", |model| {
        model
            .log
            .iter()
            .any(|line| line.text.as_str().contains("SIEM"))
    })
    .await;
    contain(&mut app, &drill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_breaks_its_own_connection_only() {
    let (drill, state) = (company().await, place());
    let missing = |text: String| {
        std::fs::remove_file(state.path().join("elastic.token")).expect("the drill wrote it");
        text
    };
    let mut app = TestApp::start_with(&drill, state.path(), Ground::default(), missing);
    open(&mut app, "mara").await;
    let model = account_known(&mut app).await;
    let said = |part: &str| {
        model
            .log
            .iter()
            .any(|line| line.text.as_str().contains(part))
    };
    assert!(said("no secret for elastic"), "{:?}", model.log);
    contain(&mut app, &drill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_without_a_user_says_so_and_says_why_nothing_can_be_done() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    let model = open(&mut app, "port scan").await;
    let reason = refused(&model, Choice::Contain);
    assert_eq!(reason.as_deref(), Some("the case names no user"));
    let shown = screen::text(&model, SIZE);
    assert!(shown.contains("names no user"), "{shown}");
    app.keys("cc");
    let model = app.sync().await;
    assert!(model.layers.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_with_two_users_asks_and_plans_nothing_before() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    let model = open(&mut app, "two people").await;
    let Some(Layer::ChooseUser { names, .. }) = model.layers.last() else {
        panic!("not asked: {:?}", model.layers)
    };
    assert_eq!(names.len(), 2);
    let shown = screen::text(&model, SIZE);
    assert!(
        names.iter().all(|name| shown.contains(name.raw())),
        "{shown}"
    );
    let (first, second) = (names[0].clone(), names[1].clone());
    app.keys("<Esc>cc");
    let model = app.sync().await;
    assert!(refused(&model, Choice::Contain).is_some_and(|why| why.contains("choose one with U")));
    assert!(model.layers.is_empty());
    app.keys("Uj<Enter>");
    let model = account_known(&mut app).await;
    let open = model.open.as_ref().expect("an open case");
    assert_eq!(open.user.as_ref(), Some(&second));
    assert_eq!(
        open.the_account().map(|account| &account.login),
        Some(&second)
    );
    // Another choice takes everything of the first one away before anything new is there.
    app.keys("Uk<Enter>");
    app.until("the first is looked up", |model| {
        let open = model.open.as_ref();
        open.is_some_and(|open| open.user.as_ref() == Some(&first))
    })
    .await;
    let model = account_known(&mut app).await;
    let open = model.open.as_ref().expect("an open case");
    assert_eq!(
        open.the_account().map(|account| &account.login),
        Some(&first)
    );
    assert_ne!(
        open.the_account().map(|account| &account.login),
        Some(&second)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_for_one_mail_are_ambiguous_and_refused() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open(&mut app, "privilege change").await;
    let model = account_known(&mut app).await;
    let open = model.open.as_ref().expect("an open case");
    assert!(matches!(&open.account, Load::Ready(Found::Several(all), _) if all.len() == 2));
    for choice in [Choice::Contain, Choice::Revoke, Choice::Disable] {
        assert_eq!(
            refused(&model, choice).as_deref(),
            Some("ambiguous: 2 accounts")
        );
    }
    app.keys("cc");
    assert!(app.sync().await.layers.is_empty());
    let shown = app.screen();
    assert!(shown.contains("ambiguous"), "{shown}");
    assert_eq!(effects(&drill), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_alike_is_shown_as_one_and_the_name_it_looks_like_does_not_confirm() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open(&mut app, "contractor").await;
    let model = account_known(&mut app).await;
    let shown = screen::text(&model, SIZE);
    assert!(shown.contains("look-alike"), "{shown}");
    app.keys("ca");
    let model = app
        .until("the dialog is open", |model| {
            matches!(model.layers.last(), Some(Layer::Confirm { .. }))
        })
        .await;
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    assert!(confirmation.wanted().starts_with("00u"));
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.sync().await;
    assert!(matches!(
        model.layers.last(),
        Some(Layer::Confirm { said: Some(_), .. })
    ));
    assert_eq!(effects(&drill), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_time_is_counted_and_the_others_pass() {
    let (drill, state) = (company().await, place());
    drill
        .fault(&json!({"server": "siem", "fault": "bad_record", "rate": 1.0, "path": "_search"}))
        .expect("the fault is known");
    let mut app = TestApp::start(&drill, state.path());
    open(&mut app, "mara").await;
    let model = app
        .until("the search ended", |model| {
            model
                .open
                .as_ref()
                .is_some_and(|open| open.activity.ended.is_some())
        })
        .await;
    let pane = &model.open.as_ref().expect("an open case").activity;
    assert!(!pane.activity.faults.is_empty());
    assert!(!pane.activity.is_empty());
    let shown = screen::text(&model, SIZE);
    assert!(shown.contains("bad record"), "{shown}");
}

fn event(number: i64) -> Event {
    Event {
        id: number.to_string().into(),
        at: Utc::now() + chrono::Duration::milliseconds(number),
        lane: Lane::SignIn,
        outcome: Outcome::Failure,
        action: "sign-in".into(),
        raw: "{}".into(),
        ..Event::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_events_is_searched_anew_before_it_has_grown_without_end() {
    let (drill, state) = (company().await, place());
    let few = |text: String| format!("{text}\n[timeline]\nmax_events = 100\n");
    let mut app = TestApp::start_with(&drill, state.path(), Ground::default(), few);
    open(&mut app, "mara").await;
    let ended = |model: &Model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.activity.ended.is_some())
    };
    let model = app.until("the events are there", ended).await;
    let search = model.open.map_or(0, |open| open.activity.search);
    app.send(Message::ActivityPage {
        search,
        events: (0..201).map(event).collect(),
        faults: Vec::new(),
    });
    let model = app
        .until("the newest are searched anew", |model| {
            ended(model)
                && model
                    .open
                    .as_ref()
                    .is_some_and(|open| open.activity.search > search)
        })
        .await;
    assert!(
        model
            .open
            .is_some_and(|open| open.activity.activity.len() <= 200)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_an_attacker_in_a_case_is_shown_as_text() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    open(&mut app, "owned").await;
    let model = account_known(&mut app).await;
    let shown = screen::text(&model, SIZE);
    let bad = shown
        .chars()
        .find(|c| crate::wire::is_forbidden(*c) && *c != '\n');
    assert_eq!(bad, None, "{shown}");
    assert!(shown.contains("^[]0;owned"), "{shown}");
}

#[test]
fn all_faults_of_a_configuration_come_at_once_with_their_lines() {
    let dir = place();
    let path = dir.path().join("quell.toml");
    let text =
        "[environment]\nname = \"acme\"\nkind = \"moon\"\nmode = \"maybe\"\n\n[nonsense]\nx = 1\n";
    std::fs::write(&path, text).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_quell"))
        .arg("--config")
        .arg(&path)
        .env("XDG_STATE_HOME", dir.path())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for line in [":3:", ":4:", ":6:"] {
        assert!(said.contains(line), "{line} is not in: {said}");
    }
    assert!(!said.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_ten_thousand_cases_at_once_are_listed_and_keys_go_on() {
    let drill = company_of(Options {
        cases: 10_400,
        rate_limit: u32::MAX,
        ..Options::default()
    })
    .await;
    let state = place();
    let setting = Setting {
        limits: Limits {
            read_total: Duration::from_secs(60),
            between_reads: Duration::from_secs(60),
            ..limits()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    let model = app
        .until("the queue is filled", |model| model.queue.heard)
        .await;
    assert_eq!(model.queue.all().len(), 10_000, "more are not held");
    // All that are open are among them; of the closed ones as many as fit.
    assert!(!model.queue.truncated, "no open one is left out");
    app.keys("G");
    let last = app.sync().await;
    app.keys("g/payroll lead<Enter>");
    let found = app.sync().await;
    let number = |model: &Model| model.queue.selected().and_then(|case| case.number);
    assert_ne!(number(&last), number(&found));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump_make_nothing_old_but_what_is() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    let fresh = |model: &Model| {
        let now = model.now.boot;
        let mut sources = model.sources.iter();
        sources.all(|source| source.heard.freshness(now) == Freshness::Ok)
    };
    app.until("everything answers", fresh).await;
    // Somebody sets the wall clock three days on: what was heard is as fresh as before.
    app.clock.pass(Duration::from_secs(3 * 86_400));
    let model = app.sync().await;
    assert!(fresh(&model), "{}", app.screen());
    // The machine slept: what was heard is old, says so, and is asked for again.
    app.clock.advance(Duration::from_secs(3_600));
    let model = app.sync().await;
    assert!(!fresh(&model));
    assert!(app.screen().contains("no answer"), "{}", app.screen());
    app.keys("r");
    app.until("everything answers again", fresh).await;
    app.end().await;
}
