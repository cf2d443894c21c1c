//! What follows a containment, through the whole console: its end, the list, the watch, what the case is told.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use quell::app::effect::Effect;
use quell::app::keymap::{Chord, Key};
use quell::app::message::{Level, Message, WatchOf};
use quell::app::model::{Found, Layer, Load, Model, Watch, contained};
use quell::app::unrecorded::Unrecorded;
use quell::cli::compose;
use quell::domain::account::AccountStatus;
use quell::domain::audit::{
    AttackSign, Body, OutcomeState, RecoverySaid, RecoveryWord, SignKind, WatchCursor,
    WatchSuccess, WatchUntil,
};
use quell::domain::containment::hold::drift_marker;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::state::ActionState;
use quell::domain::fault::Fault;
use quell::domain::ids::{AccountId, ActionId, PlanId};
use quell::drill::Drill;
use quell::engine::clock::Pace;
use quell::store::audit::{AuditLog, Ground};
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::app::{Setting, TestApp, TestClock, company, records};
use crate::harness::disk::breakable;
use crate::raw_http::Raw;
use crate::truth::Gate;
use crate::wiretap::{Say, in_front};

const LOGIN: &str = "mara.lind@acme.example";
const HOUR: Duration = Duration::from_secs(3_600);

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn start(drill: &Drill, state: &Path, clock: &TestClock) -> TestApp {
    let setting = Setting {
        clock: clock.clone(),
        ..Setting::default()
    };
    TestApp::start_in(drill, state, setting, |text| text)
}

pub async fn open_case(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
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

pub async fn confirm(app: &mut TestApp) {
    app.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>y");
}

/// Contains the account and waits until it is proven and documented.
async fn contain(app: &mut TestApp) -> Model {
    open_case(app).await;
    app.keys("cc");
    confirm(app).await;
    let model = app
        .until("contained and documented", |model| {
            model.standing().is_some()
                && model.ledger.actions().count() >= 3
                && model.ledger.undocumented().is_empty()
                && model
                    .ledger
                    .actions()
                    .all(|act| act.state == ActionState::Verified)
        })
        .await;
    assert_eq!(
        model.standing().expect("it has one").word().as_str(),
        "contained"
    );
    app.keys("<Esc><Esc>");
    app.sync().await
}

fn count(state: &Path, is: impl Fn(&Body) -> bool) -> usize {
    records(state)
        .iter()
        .filter(|entry| is(&entry.body))
        .count()
}

fn is_success(body: &Body) -> bool {
    matches!(body, Body::WatchSuccess { .. })
}

fn is_end(body: &Body) -> bool {
    matches!(body, Body::HoldSet { .. })
}

fn said(model: &Model, part: &str) -> usize {
    let log = model.log.iter();
    log.filter(|line| line.text.as_str().contains(part)).count()
}

/// Gives the texts of all comments in the case of the story.
pub async fn comments(drill: &Drill) -> Vec<String> {
    let cases = drill.cases();
    let query = json!({"query": [
        {"_name": "getCase", "idOrName": drill.story_case().to_string()},
        {"_name": "comments"},
        {"_name": "page", "from": 0, "to": 100},
    ]});
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let answer: Value = client
        .post(format!("{}/api/v1/query", cases.url))
        .header("authorization", format!("Bearer {}", cases.token))
        .header("content-type", "application/json")
        .body(query.to_string())
        .send()
        .await
        .expect("the drill answers")
        .text()
        .await
        .map(|text| serde_json::from_str(&text).expect("it is JSON"))
        .expect("a body");
    let list = answer.as_array().expect("a list of comments").iter();
    list.filter_map(|one| one["message"].as_str().map(str::to_owned))
        .collect()
}

/// Waits until the watch has looked so many times more.
async fn looks(app: &mut TestApp, times: usize) {
    looks_for(app, WatchOf::Successes, times).await;
}

async fn looks_for(app: &mut TestApp, of: WatchOf, times: usize) {
    let mut before = watches(&app.model(), of);
    for _ in 0..times {
        let last = before.clone();
        let model = app
            .until("the watch looks", |model| watches(model, of) != last)
            .await;
        before = watches(&model, of);
    }
}

/// Gives the looks for successes, account by account.
fn successes(model: &Model) -> Vec<Watch> {
    watches(model, WatchOf::Successes)
}

fn watches(model: &Model, of: WatchOf) -> Vec<Watch> {
    let looks = model.watched.iter();
    let looks = looks.filter(|((_, one), _)| *one == of);
    looks.map(|(_, watch)| watch.clone()).collect()
}

/// Puts a file where the directory of the leases was, so that nobody can take one.
pub fn take_leases_away(state: &Path) {
    let leases = state.join("lease");
    std::fs::rename(&leases, state.join("lease.aside")).expect("the directory is there");
    std::fs::write(&leases, "").expect("a file");
}

/// Puts the directory of the leases back.
pub fn give_leases_back(state: &Path) {
    let leases = state.join("lease");
    std::fs::remove_file(&leases).expect("the file");
    std::fs::rename(state.join("lease.aside"), leases).expect("the directory is there");
}

/// Writes into the log beside the console, as another one of this user does.
pub fn write_beside(state: &Path, bodies: Vec<Body>) {
    let log = AuditLog::open(&state.join("audit"), compose::identity());
    let log = log.expect("the log can be written");
    log.append_blocking(bodies).expect("it is recorded");
}

/// Says of every source that events of an account were read from it up to a time to come: each later one is late then.
pub async fn read_ahead(app: &mut TestApp, state: &Path, account: &AccountId, hours: i64) {
    let ahead = Utc::now() + TimeDelta::hours(hours);
    let model = app.model();
    let sources = model.settings.connections.iter();
    let cursors = sources.map(|source| {
        Body::WatchCursor(WatchCursor {
            account: account.clone(),
            connection: source.name.clone(),
            upto: ahead,
        })
    });
    write_beside(state, cursors.collect());
    app.until("the console knows it", |model| {
        let holds = model.ledger.holds();
        let mut sources = model.settings.connections.iter();
        sources.all(|source| {
            let upto = holds.cursor(account, &source.name);
            upto.is_some_and(|upto| upto > Utc::now())
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_end_is_reminded_of_and_asked_about_across_restarts() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    let model = contain(&mut app).await;
    let account = model.standings.keys().next().expect("one").clone();
    let hold = model
        .ledger
        .holds()
        .hold(&account)
        .expect("it has an end")
        .clone();
    let left = hold.until.expect("an end") - model.now.utc;
    assert!((1_430..=1_440).contains(&left.num_minutes()), "{left}");
    assert!(
        app.screen().contains("1 contained until "),
        "{}",
        app.screen()
    );
    let posted = comments(&drill).await.join("\n");
    assert!(
        posted.contains("Contained until ") && posted.contains("owner "),
        "{posted}"
    );
    app.end().await;
    // A new start, shortly before the end; a second console beside it knows the same.
    clock.pass(HOUR * 23 + HOUR * 3 / 4);
    let mut app = start(&drill, state.path(), &clock);
    let mut other = start(&drill, state.path(), &clock);
    for app in [&mut app, &mut other] {
        let model = app
            .until("the reminder", |model| said(model, "ends ") == 1)
            .await;
        assert_eq!(model.ledger.holds().hold(&account), Some(&hold));
        assert_eq!(app.bells(), 1);
    }
    other.end().await;
    clock.pass(HOUR / 2);
    app.send(Message::Tick);
    let model = app.until("asked", |model| said(model, "ended ") == 1).await;
    assert!(matches!(model.layers.last(), Some(Layer::Contained { .. })));
    assert_eq!(app.bells(), 2);
    assert!(app.screen().contains("past its end"), "{}", app.screen());
    app.send(Message::Tick);
    app.sync().await;
    assert_eq!((said(&app.model(), "ended "), app.bells()), (1, 2), "once");
    assert_eq!(drill.ledger().targets("unsuspend").len(), 0);
    // Extended: the first choice is four hours.
    app.keys("e<Enter>");
    let model = app
        .until("extended", |model| {
            model.ledger.holds().hold(&account) != Some(&hold)
        })
        .await;
    let longer = model.ledger.holds().hold(&account).expect("a new one");
    assert_eq!(
        (longer.until.expect("an end") - model.now.utc).num_minutes(),
        239
    );
    assert!(
        app.screen().contains("1 contained until "),
        "{}",
        app.screen()
    );
    // Kept, with a reason, until somebody decides.
    app.keys("CKthe user is on leave<Enter>");
    let model = app
        .until("kept", |model| {
            let hold = model.ledger.holds().hold(&account);
            hold.is_some_and(|hold| hold.until.is_none() && hold.reason.is_some())
        })
        .await;
    assert!(model.audit_fault.is_none());
    app.until("both are in the case", |model| {
        said(model, "the note is in the case") == 2
    })
    .await;
    app.end().await;
    assert_eq!(count(state.path(), is_end), 3);
    let posted = comments(&drill).await;
    let stays: Vec<&String> = posted
        .iter()
        .filter(|c| c.contains("stays contained"))
        .collect();
    assert_eq!(stays.len(), 2, "{posted:#?}");
    assert!(stays.iter().any(|c| c.contains("the user is on leave")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_which_nothing_is_sent_leaves_the_end_that_was_decided_since() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut late = start(&drill, state.path(), &clock);
    open_case(&mut late).await;
    late.keys("cc");
    late.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    let mut app = start(&drill, state.path(), &clock);
    open_case(&mut app).await;
    app.keys("cc");
    confirm(&mut app).await;
    app.until("contained and documented", |model| {
        said(model, "the response is documented in the case") == 1
    })
    .await;
    app.keys("<Esc><Esc>");
    let all = records(state.path());
    let set = all.iter().position(|entry| is_end(&entry.body));
    let next = all.get(set.expect("it has an end") + 1);
    let disables = |aid: &ActionId| {
        let model = app.model();
        let action = model.ledger.get(aid);
        action.is_some_and(|action| action.kind == ActionKind::DisableAccount)
    };
    assert!(
        next.is_some_and(
            |entry| matches!(&entry.body, Body::ActionIntent { aid, .. } if disables(aid))
        ),
        "the end is written with what it is the end of: {next:?}"
    );
    app.keys("CKlegal hold<Enter>");
    app.until("it is kept, and told", |model| {
        said(model, "stays contained until somebody decides") == 1
            && said(model, "the note is in the case") == 1
    })
    .await;
    confirm(&mut late).await;
    let model = late
        .until("it is refused", |model| said(model, "stopped before") == 1)
        .await;
    let account = contained::rows(&model)[0].account.clone();
    let hold = model.ledger.holds().hold(&account).cloned();
    assert_eq!(
        hold.and_then(|hold| hold.reason)
            .as_ref()
            .map(quell::domain::text::Untrusted::raw),
        Some("legal hold")
    );
    assert_eq!(count(state.path(), is_end), 2);
    late.end().await;
    app.end().await;
}

fn enabled(model: &Model) -> bool {
    let mut acts = model.ledger.actions();
    acts.any(|act| act.kind == ActionKind::EnableAccount && act.state == ActionState::Verified)
}

/// The decision of one console is on its way to the log, and another one enables the account.
#[rstest]
#[case::on_its_way(Some("send.before"), "enabling it is under way", "Ce<Enter>")]
#[case::proven(None, "it was enabled from here", "Ce<Enter>")]
#[case::with_a_reason(None, "it was enabled from here", "CKlegal hold<Enter>")]
#[tokio::test(flavor = "multi_thread")]
async fn no_end_is_decided_of_an_account_that_another_console_enables(
    #[case] stops: Option<&'static str>,
    #[case] why: &str,
    #[case] keys: &str,
) {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    app.end().await;
    let gate = Gate::at(Some("before hold.set"));
    let mut late = TestApp::start_in(&drill, state.path(), gate.setting(), |text| text);
    late.keys(keys);
    gate.reached().await;
    let sends = Gate::at(stops);
    let mut other = TestApp::start_in(&drill, state.path(), sends.setting(), |text| text);
    other
        .until("the provider is known", |model| !model.offers.is_empty())
        .await;
    other.keys("Cu");
    confirm(&mut other).await;
    if sends.is_set() {
        sends.reached().await;
    } else {
        other.until("it is enabled again", enabled).await;
    }
    gate.open();
    let line = format!("nothing was decided for {LOGIN}: {why}");
    let model = late
        .until("it is said", |model| said(model, &line) == 1)
        .await;
    // The reason has no place any more, and can still be read.
    let reasons = usize::from(keys.contains("legal hold"));
    assert_eq!(said(&model, "what you typed: legal hold"), reasons);
    assert!(model.typed.is_empty(), "{:?}", model.typed);
    sends.open();
    other.until("it is enabled again", enabled).await;
    late.end().await;
    other.end().await;
    assert_eq!(count(state.path(), is_end), 1, "that of the containment");
    let posted = comments(&drill).await;
    assert!(
        !posted.iter().any(|c| c.contains("stays contained")),
        "{posted:#?}"
    );
}

/// The watch looks seconds later: only the provider knows of it.
#[rstest]
#[case::another_end("Ce<Enter>")]
#[case::with_a_reason("CKlegal hold<Enter>")]
#[tokio::test(flavor = "multi_thread")]
async fn no_end_is_decided_of_an_account_that_others_enabled_right_before(#[case] keys: &str) {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    app.end().await;
    let setting = Setting {
        clock: clock.clone(),
        pace: Pace::REAL,
        ..Setting::default()
    };
    crate::truth::by_others(&drill, "unsuspend").await;
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    app.keys(keys);
    let line = format!("nothing was decided for {LOGIN}: the account reads ACTIVE now");
    let model = app
        .until("it is said", |model| said(model, &line) == 1)
        .await;
    let reasons = usize::from(keys.contains("legal hold"));
    assert_eq!(said(&model, "what you typed: legal hold"), reasons);
    app.end().await;
    assert_eq!(count(state.path(), is_end), 1, "that of the containment");
    let posted = comments(&drill).await;
    assert!(
        !posted.iter().any(|c| c.contains("stays contained")),
        "{posted:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_account_that_cannot_be_read_the_case_is_told_so_with_its_end() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    let model = contain(&mut app).await;
    let account = contained::rows(&model)[0].account.clone();
    let order = json!({"server": "identity", "fault": "403", "rate": 1.0, "path": account.raw()});
    drill.fault(&order).expect("the drill knows it");
    app.keys("CKlegal hold<Enter>");
    app.until("it is kept, and told", |model| {
        said(model, "stays contained until somebody decides") == 1
            && said(model, "the note is in the case") == 1
    })
    .await;
    app.end().await;
    assert_eq!(count(state.path(), is_end), 2);
    let line = format!(
        "The account could not be read at {} right before this.",
        account.connection
    );
    let posted = comments(&drill).await;
    let told = posted.iter().filter(|c| c.contains("stays contained"));
    let told: Vec<bool> = told.map(|c| c.contains(&line)).collect();
    assert_eq!(told, [true], "{posted:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_recorded_is_neither_said_nor_told_to_the_case() {
    let (drill, state) = (company().await, dir());
    let broken = Arc::new(AtomicBool::new(false));
    let mut app = TestApp::start_with(&drill, state.path(), breakable(&broken), |text| text);
    let model = contain(&mut app).await;
    let account = contained::rows(&model)[0].account.clone();
    let before = model.ledger.holds().hold(&account).cloned();
    broken.store(true, Ordering::SeqCst);
    app.keys("CKlegal hold<Enter>");
    let model = app
        .until("it is said", |model| {
            said(model, "it is not known whether the note is on record: ") == 1
        })
        .await;
    assert_eq!(said(&model, "neither recorded"), 0, "{:#?}", model.log);
    assert_eq!(said(&model, "stays contained"), 0, "{:#?}", model.log);
    assert_eq!(model.ledger.holds().hold(&account).cloned(), before);
    app.end().await;
    let posted = comments(&drill).await;
    assert!(
        !posted.iter().any(|c| c.contains("stays contained")),
        "{posted:#?}"
    );
}

/// Lets nobody comment in a case, or everybody again.
pub fn refuses_comments(drill: &Drill, refuses: bool) {
    let order = if refuses {
        json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/comment", "method": "POST"})
    } else {
        json!({"server": "cases", "fault": "none"})
    };
    drill.fault(&order).expect("the drill knows it");
}

/// Enables the account from the list.
async fn enable(app: &mut TestApp) {
    app.until("the provider is known", |model| !model.offers.is_empty())
        .await;
    app.keys("<Esc><Esc>C");
    app.sync().await;
    app.keys("u");
    confirm(app).await;
    app.until("it is enabled again", enabled).await;
}

/// Waits until no note waits, and looks at what the case was told of the decision: once, and first that it is over.
async fn told_that_it_is_over(app: &mut TestApp, drill: &Drill) {
    app.until("the note is posted", |model| {
        model.ledger.outbox().notes().is_empty()
    })
    .await;
    let posted = comments(drill).await;
    let told = posted.iter().filter(|one| one.contains("stays contained"));
    let told: Vec<&String> = told.collect();
    assert_eq!(told.len(), 1, "{posted:#?}");
    let (first, rest) = told[0].split_once("\n\n").expect("a line before it");
    let begins = first.starts_with("Written ");
    let since = first.contains("Z; since then the account was enabled again (proven ");
    let ends = first.ends_with("Z): this does not hold any more.");
    assert!(begins && since && ends, "{first}");
    assert!(rest.contains("stays contained until "), "{rest}");
}

/// The case system takes no comment while a decision is made and undone again.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_posted_after_the_account_was_enabled_says_first_that_it_is_over(
    #[values("Ce<Enter>", "CKlegal hold<Enter>")] keys: &str,
    #[values(false, true)] killed: bool,
) {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    refuses_comments(&drill, true);
    app.keys(keys);
    app.until("the note waits", |model| {
        model.ledger.outbox().notes().len() == 1
            && said(model, "the note is not in the case yet") > 0
    })
    .await;
    enable(&mut app).await;
    if killed {
        app.kill();
        app = start(&drill, state.path(), &clock);
    } else {
        // A try that was composed while the enabling was under way has failed by then.
        let tries = said(&app.model(), "the note is not in the case yet");
        app.until("it was tried once more", |model| {
            said(model, "the note is not in the case yet") > tries
        })
        .await;
    }
    refuses_comments(&drill, false);
    told_that_it_is_over(&mut app, &drill).await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_waited_and_still_holds_is_posted_as_it_was_written() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    refuses_comments(&drill, true);
    app.keys("CKlegal hold<Enter>");
    app.until("the note waits", |model| {
        said(model, "the note is not in the case yet") > 0
    })
    .await;
    refuses_comments(&drill, false);
    app.until("the note is posted", |model| {
        said(model, "the note is in the case") == 1
    })
    .await;
    app.end().await;
    let posted = comments(&drill).await;
    let told = posted.iter().find(|one| one.contains("stays contained"));
    let told = told.expect("the decision");
    assert!(!told.contains("since then"), "{told}");
}

/// The case system takes no comment while an end is decided twice: the later note may be posted before the earlier.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_posted_after_a_later_one_says_so_first() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    refuses_comments(&drill, true);
    let waiting = |many: usize| move |model: &Model| model.ledger.outbox().notes().len() == many;
    app.keys("Ce<Enter>");
    app.until("the note waits", waiting(1)).await;
    app.keys("<Esc><Esc>CKlegal hold<Enter>");
    app.until("both notes wait", waiting(2)).await;
    refuses_comments(&drill, false);
    app.until("both are posted", waiting(0)).await;
    app.end().await;
    let posted = comments(&drill).await;
    let told = posted.iter().filter(|one| one.contains("stays contained"));
    let (last, first): (Vec<&String>, Vec<&String>) =
        told.partition(|one| one.contains("stays contained until somebody decides"));
    let ([first], [last]) = (first.as_slice(), last.as_slice()) else {
        panic!("one of each: {posted:#?}")
    };
    let (line, _) = first.split_once("\n\n").expect("a line before it");
    let since = line.contains("Z; since then it was decided anew at 20");
    let ends = line.ends_with("Z: until somebody decides.");
    assert!(line.starts_with("Written ") && since && ends, "{first}");
    assert!(!last.contains("since then"), "{last}");
}

/// Its bytes are in the log though their sync failed: the next console has it, and posts it as what it is by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_whose_sync_failed_is_posted_by_another_console_as_over_once_it_is() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let broken = Arc::new(AtomicBool::new(false));
    let mut app = TestApp::start_with(&drill, state.path(), breakable(&broken), |text| text);
    contain(&mut app).await;
    refuses_comments(&drill, true);
    broken.store(true, Ordering::SeqCst);
    app.keys("CKlegal hold<Enter>");
    let unknown = "it is not known whether the note is on record: ";
    let model = app
        .until("it is said", |model| said(model, unknown) == 1)
        .await;
    let line = model
        .log
        .iter()
        .find(|line| line.text.as_str().starts_with(unknown));
    let hint = line.and_then(|line| line.hint.as_ref()).expect("a hint");
    assert!(
        hint.as_str().contains("the next console posts it"),
        "{hint}"
    );
    let lost = Unrecorded::of(&model).expect("it may be on record");
    let words = "It is not known whether these texts are on record: ";
    assert!(lost.in_short(3).as_str().contains(words), "{lost:?}");
    assert!(model.typed.is_empty(), "{:?}", model.typed);
    app.end().await;
    let mut other = start(&drill, state.path(), &clock);
    assert_eq!(other.model().ledger.outbox().notes().len(), 1);
    enable(&mut other).await;
    refuses_comments(&drill, false);
    told_that_it_is_over(&mut other, &drill).await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undone_from_the_list_of_a_console_that_has_no_case_open() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    app.end().await;
    let mut app = start(&drill, state.path(), &clock);
    app.until("the provider is known", |model| !model.offers.is_empty())
        .await;
    app.keys("C");
    let model = app.sync().await;
    assert!(model.open.is_none() && contained::rows(&model).len() == 1);
    assert!(app.screen().contains(LOGIN), "{}", app.screen());
    app.keys("u");
    confirm(&mut app).await;
    let model = app.until("enabled again", enabled).await;
    assert!(contained::rows(&model).is_empty());
    assert!(model.open.is_some(), "its case is beside it");
    assert_eq!(drill.ledger().targets("unsuspend").len(), 1);
    app.keys("<Esc><Esc>C");
    app.sync().await;
    assert!(app.screen().contains("enabled again, "), "{}", app.screen());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_success_after_the_containment_rings_once_and_is_told_once() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    drill
        .fault(&json!({"fault": "session_survives"}))
        .expect("the drill knows it");
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    // Another case, or none, may be on the screen: the watch does not need it.
    app.end().await;
    let mut app = start(&drill, state.path(), &clock);
    looks(&mut app, 1).await;
    assert_eq!(
        (app.bells(), count(state.path(), is_success)),
        (0, 0),
        "nothing before"
    );
    drill.advance(1);
    let model = app
        .until("the alarm", |model| {
            said(model, "SUCCESS AFTER CONTAINMENT") > 0
        })
        .await;
    assert!(model.log.iter().any(|line| line.level == Level::Alarm));
    let word = model.standings.values().next().expect("one").word();
    assert!(
        word.as_str()
            .starts_with("partly contained: success after containment at "),
        "{word}"
    );
    app.until("the case is told", |model| {
        let holds = model.ledger.holds();
        model
            .ledger
            .actions()
            .any(|act| holds.is_told(&quell::domain::containment::hold::success_marker(&act.aid)))
    })
    .await;
    looks(&mut app, 3).await;
    let seen = count(state.path(), is_success);
    assert_eq!((app.bells(), seen), (1, 1), "{:#?}", app.model().log);
    // The title says so until a key is pressed.
    assert_eq!(app.titles(), [true]);
    app.keys("j");
    app.sync().await;
    assert_eq!(app.titles(), [true, false]);
    app.end().await;
    let mut app = start(&drill, state.path(), &clock);
    looks(&mut app, 2).await;
    assert_eq!(
        (app.bells(), count(state.path(), is_success)),
        (0, seen),
        "not anew"
    );
    assert!(app.titles().is_empty());
    app.end().await;
    let told = |comment: &&String| comment.contains("Success after containment");
    let posted = comments(&drill).await;
    assert_eq!(posted.iter().filter(told).count(), 1, "{posted:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_success_that_no_case_could_be_told_of_is_told_once_after_the_account_was_enabled() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    drill
        .fault(&json!({"fault": "session_survives"}))
        .expect("the drill knows it");
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    let down = json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/comment", "method": "POST"});
    drill.fault(&down).expect("a fault");
    drill.advance(1);
    app.until("the alarm", |model| {
        said(model, "SUCCESS AFTER CONTAINMENT") > 0
    })
    .await;
    app.keys("C");
    app.sync().await;
    app.keys("u");
    confirm(&mut app).await;
    let model = app
        .until("enabled again", |model| {
            let mut acts = model.ledger.actions();
            acts.any(|act| {
                act.kind == ActionKind::EnableAccount && act.state == ActionState::Verified
            })
        })
        .await;
    let disabling = |act: &&ActionView| act.kind == ActionKind::DisableAccount;
    let disabled = model.ledger.actions().find(disabling);
    let aid = disabled.expect("it was disabled").aid.clone();
    let marker = quell::domain::containment::hold::success_marker(&aid);
    assert!(!model.ledger.holds().is_told(&marker));
    // The next console tells it, beside another one.
    app.end().await;
    drill
        .fault(&json!({"fault": "none", "server": "cases"}))
        .expect("no fault");
    let mut app = start(&drill, state.path(), &clock);
    let mut other = start(&drill, state.path(), &clock);
    for app in [&mut app, &mut other] {
        app.until("the case is told", |model| {
            model.ledger.holds().is_told(&marker)
        })
        .await;
        looks_for(app, WatchOf::Recovery, 3).await;
    }
    app.end().await;
    other.end().await;
    let posted = comments(&drill).await;
    let told = posted
        .iter()
        .filter(|text| text.contains("Success after containment"));
    let told: Vec<&String> = told.collect();
    assert_eq!(told.len(), 1, "{posted:#?}");
    assert!(
        told[0].contains("By the log of this host nothing from here contains it.")
            && told[0].contains(&marker),
        "{}",
        told[0]
    );
}

/// Counts the searches at the SIEM that asked for all of some names.
fn searched(drill: &Drill, names: &[&str]) -> usize {
    let ledger = drill.ledger();
    let asked = ledger.mutating().iter().filter(|request| {
        let body = request["body"].to_string();
        request["server"] == "siem" && names.iter().all(|name| body.contains(name))
    });
    asked.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_contained_account_that_is_renamed_is_watched_under_both_names() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    app.end().await;
    // No case is open: nobody but the watch asks for the account.
    let mut app = start(&drill, state.path(), &clock);
    looks(&mut app, 1).await;
    let both = [LOGIN, "mara.berg@acme.example"];
    assert_eq!(searched(&drill, &both), 0);
    drill
        .fault(&json!({"fault": "renamed"}))
        .expect("the drill knows it");
    let renamed = format!("{LOGIN} is called mara.berg@acme.example at ");
    let model = app
        .until("the new name", |model| said(model, &renamed) > 0)
        .await;
    let mut log = model.log.iter();
    let line = log.find(|line| line.text.as_str().contains(&renamed));
    assert_eq!(line.expect("it was said").level, Level::Warning);
    // A look that was on its way had the old name only.
    looks(&mut app, 2).await;
    assert!(searched(&drill, &both) > 0);
    looks_for(&mut app, WatchOf::Status, 3).await;
    assert_eq!(said(&app.model(), &renamed), 1, "once");
    app.end().await;
    // No record keeps the name: the next console reads it again.
    let before = searched(&drill, &both);
    let mut app = start(&drill, state.path(), &clock);
    app.until("the new name", |model| said(model, &renamed) == 1)
        .await;
    looks(&mut app, 2).await;
    assert!(searched(&drill, &both) > before);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_success_that_cannot_be_recorded_rings_once_and_the_watch_says_that_it_fails() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    drill
        .fault(&json!({"fault": "session_survives"}))
        .expect("the drill knows it");
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    app.end().await;
    let mut app = start(&drill, state.path(), &clock);
    looks(&mut app, 1).await;
    take_leases_away(state.path());
    drill.advance(1);
    let part = "it could not be recorded: failed to take the lease";
    app.until("the alarm", |model| said(model, part) > 0).await;
    looks(&mut app, 3).await;
    let model = app.model();
    let alarm = model
        .log
        .iter()
        .find(|line| line.text.as_str().contains(part));
    let alarm = alarm.expect("it was said");
    assert_eq!(alarm.level, Level::Alarm);
    let text = alarm.text.as_str();
    let begins = format!("SUCCESS AFTER CONTAINMENT: {LOGIN} at ");
    assert!(text.starts_with(&begins), "{text}");
    assert!(text.contains("Z from 203.0.113.66, seen at "), "{text}");
    assert_eq!((said(&model, part), app.bells()), (1, 1), "once");
    assert!(status(&model).contains("watch failing"), "{}", app.screen());
    assert_eq!(count(state.path(), is_success), 0);
    // It is not forgotten: with leases again it is recorded and told.
    give_leases_back(state.path());
    app.until("the case is told", |model| {
        let holds = model.ledger.holds();
        model
            .ledger
            .actions()
            .any(|act| holds.is_told(&quell::domain::containment::hold::success_marker(&act.aid)))
    })
    .await;
    app.until("it is watched again", |model| model.unwatched().is_none())
        .await;
    app.end().await;
    assert_eq!(count(state.path(), is_success), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_undoing_that_cannot_be_recorded_rings_once_and_the_watch_says_that_it_fails() {
    let (drill, state) = (company().await, dir());
    let broken = Arc::new(AtomicBool::new(false));
    let mut app = TestApp::start_with(&drill, state.path(), breakable(&broken), |text| text);
    contain(&mut app).await;
    let bells = app.bells();
    broken.store(true, Ordering::SeqCst);
    drill
        .fault(&json!({"fault": "undone_by_others"}))
        .expect("the drill knows it");
    drill.advance(1);
    let part = "CONTAINMENT UNDONE BY OTHERS: mara.lind@acme.example (id ";
    let model = app.until("the alarm", |model| said(model, part) > 0).await;
    let mut alarms = model.log.iter().filter(|line| line.level == Level::Alarm);
    assert!(alarms.any(|line| line.text.as_str().contains("it could not be recorded: ")));
    looks_for(&mut app, WatchOf::Status, 2).await;
    let model = app.model();
    assert_eq!(said(&model, part), 1, "once");
    assert!(app.bells() > bells);
    assert!(status(&model).contains("watch failing"), "{}", app.screen());
    let mut acts = model.ledger.actions();
    assert!(acts.all(|act| act.state != ActionState::Drifted));
    app.end().await;
}

/// Two replicas of the provider, one of which lags for good: no two readings agree, and still somebody has to look.
#[tokio::test(flavor = "multi_thread")]
async fn slow_an_account_that_reads_as_enabled_and_as_disabled_in_turn_rings_once() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let id = drill.victim_id();
    let path = format!("/api/v1/users/{id}");
    let lags = json!({"id": id, "status": "ACTIVE", "profile": {"login": LOGIN}});
    let is_apart = Arc::new(AtomicBool::new(false));
    let (apart, asked) = (Arc::clone(&is_apart), AtomicUsize::new(0));
    let say: Say = Arc::new(move |raw: &Raw, _own: &str| {
        let is_it = raw.method == "GET" && raw.path == path && apart.load(Ordering::SeqCst);
        let lag = is_it && asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        lag.then(|| (String::new(), lags.clone()))
    });
    let front = in_front(drill.identity(), say).await;
    let begin = || {
        let setting = Setting {
            clock: clock.clone(),
            ..Setting::default()
        };
        TestApp::start_in(&drill, state.path(), setting, |text| {
            text.replace(&drill.identity().url, &front)
        })
    };
    let mut app = begin();
    contain(&mut app).await;
    app.end().await;
    // Nobody but the watch reads the account from here on.
    is_apart.store(true, Ordering::SeqCst);
    let mut app = begin();
    let part = "reads as enabled and as disabled in turn: look at the provider";
    let model = app.until("the alarm", |model| said(model, part) > 0).await;
    let mut log = model.log.iter();
    let alarm = log.find(|line| line.text.as_str().contains(part));
    let alarm = alarm.expect("it was said");
    assert_eq!(alarm.level, Level::Alarm);
    let begins = format!("{LOGIN} (id {id} at okta) reads as");
    assert!(
        alarm.text.as_str().starts_with(&begins),
        "{}",
        alarm.text.as_str()
    );
    looks_for(&mut app, WatchOf::Status, 3).await;
    let model = app.model();
    assert_eq!((said(&model, part), app.bells()), (1, 1), "once");
    let mut acts = model.ledger.actions();
    assert!(acts.all(|act| act.state == ActionState::Verified));
    app.end().await;
}

/// One connection may hold many feeds: what one of them brings late is older than what the others brought.
#[tokio::test(flavor = "multi_thread")]
async fn slow_what_a_log_brings_late_rings_all_the_same() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    drill
        .fault(&json!({"fault": "session_survives"}))
        .expect("the drill knows it");
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    app.end().await;
    let mut app = start(&drill, state.path(), &clock);
    looks(&mut app, 1).await;
    let account = app.model().standings.into_keys().next();
    let account = account.expect("one is contained");
    read_ahead(&mut app, state.path(), &account, 1).await;
    drill.advance(1);
    app.until("the alarm", |model| {
        said(model, "SUCCESS AFTER CONTAINMENT") > 0
    })
    .await;
    assert_eq!((app.bells(), count(state.path(), is_success)), (1, 1));
    app.end().await;
}

/// Gives the records of an enabling that was sent, and closed by hand before anybody read it back, and of the watch that was
/// decided with it.
fn closed_by_hand(disabled: &ActionView) -> Vec<Body> {
    let at = Utc::now();
    let (pid, aid) = (PlanId::from_parts(at, 7), ActionId::from_parts(at, 7));
    let plan = Body::ActionPlan {
        pid: pid.clone(),
        aid: aid.clone(),
        order: 0,
        kind: ActionKind::EnableAccount.key().to_owned(),
        case: disabled.case.clone(),
        account: disabled.account.clone(),
        login: disabled.login.clone(),
        snapshot: Value::Null,
        server_date: None,
        guards: Vec::new(),
        plan_hash: "0".to_owned(),
        expires: at + TimeDelta::minutes(5),
    };
    // The case was told that it was closed, so that nobody reads it back any more.
    let told = Body::ActionDoc {
        pid: pid.clone(),
        aids: vec![aid.clone()],
        case: disabled.case.clone(),
        comment: "~1".into(),
    };
    let confirm = Body::ActionConfirm {
        pid,
        aid: aid.clone(),
        how: "typed".to_owned(),
        plan_hash: "0".to_owned(),
        dry_run: false,
        operator: None,
    };
    let intent = Body::ActionIntent {
        aid: aid.clone(),
        attempt: 1,
        method: "POST".to_owned(),
        host: "127.0.0.1".to_owned(),
        path: "/unsuspend".into(),
        body_sha256: String::new(),
        request_id: "r".to_owned(),
        server_date: Some(at),
        password_changed: None,
        valid_from: None,
        deadline: at,
    };
    let closed = Body::ActionResolve {
        aid: aid.clone(),
        how: "closed".to_owned(),
        reason: "nobody knows".into(),
    };
    let said = |word| {
        Body::Recovery(RecoverySaid {
            case: disabled.case.clone(),
            account: disabled.account.clone(),
            word,
        })
    };
    let until = said(RecoveryWord::Until(WatchUntil {
        aid,
        login: disabled.login.clone(),
        owner: "jo".into(),
        until: at + TimeDelta::hours(72),
        how: "confirmed".to_owned(),
        reason: None,
        looked: None,
    }));
    let signs = said(RecoveryWord::Signs(vec![AttackSign {
        kind: SignKind::Address,
        value: "203.0.113.66".into(),
    }]));
    vec![plan, confirm, until, signs, intent, closed, told]
}

/// Two watches with opposite premises would ring for each other.
#[tokio::test(flavor = "multi_thread")]
async fn slow_an_enabling_that_was_closed_by_hand_is_followed_by_one_watch() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    let model = contain(&mut app).await;
    let disabling = |act: &&ActionView| act.kind == ActionKind::DisableAccount;
    let disabled = model.ledger.actions().find(disabling);
    write_beside(
        state.path(),
        closed_by_hand(disabled.expect("it was disabled")),
    );
    app.until("the console knows it", |model| {
        let mut acts = model.ledger.actions();
        acts.any(|act| act.kind == ActionKind::EnableAccount && act.state == ActionState::Abandoned)
            && model.ledger.recoveries().running().count() == 1
    })
    .await;
    // It is looked at as one that was enabled again, and nothing waits for the looks at a contained one.
    looks_for(&mut app, WatchOf::Recovery, 2).await;
    app.until("the other watch is over", |model| {
        successes(model).is_empty() && watches(model, WatchOf::Status).is_empty()
    })
    .await;
    drill.set_by_others(true);
    drill.advance(1);
    app.until("the attacker is seen", |model| {
        said(model, "SEEN AFTER IT WAS ENABLED") > 0
    })
    .await;
    // Long enough for the looks at the status: two of them would have found it enabled.
    looks_for(&mut app, WatchOf::Recovery, 4).await;
    let model = app.model();
    let mut acts = model.ledger.actions();
    assert!(acts.all(|act| act.state != ActionState::Drifted));
    assert_eq!(said(&model, "CONTAINMENT UNDONE BY OTHERS"), 0);
    assert_eq!(said(&model, "SUCCESS AFTER CONTAINMENT"), 0);
    app.end().await;
    assert_eq!(count(state.path(), is_success), 0);
}

#[test]
fn an_alarm_names_what_its_own_account_did() {
    let mut model = crate::scene::held((120, 40));
    let accounts: Vec<AccountId> = model.standings.keys().cloned().collect();
    assert_eq!(accounts.len(), 2);
    let did = [
        (0, "s-1", "2026-03-07T03:01:00Z", "203.0.113.9"),
        (1, "s-2", "2026-03-07T03:07:00Z", "192.0.2.44"),
        (1, "s-3", "2026-03-07T03:05:00Z", "198.51.100.7"),
    ];
    let entries = did.map(|(account, event, at, address)| {
        crate::scene::record(Body::WatchSuccess(WatchSuccess {
            case: crate::scene::case_id(4_812),
            account: accounts[account].clone(),
            connection: accounts[account].connection.clone(),
            event: event.into(),
            at: crate::scene::at(at),
            action: "user.session.start".into(),
            address: Some(address.into()),
        }))
    });
    let message = Message::Recorded(entries.to_vec());
    let effects = quell::app::update::update(&mut model, crate::scene::now(), message);
    let bells = effects.iter().filter(|one| **one == Effect::Bell).count();
    assert!(bells >= 2, "one for each account: {bells}");
    for (account, says) in [
        (0, "03:01Z from 203.0.113.9, 1 in all"),
        (1, "03:05Z from 198.51.100.7, 2 in all"),
    ] {
        let act = model.ledger.on(&accounts[account]).next_back();
        let login = act.expect("it is contained").login.raw().to_owned();
        let line = format!("SUCCESS AFTER CONTAINMENT: {login} at {says}");
        assert_eq!(said(&model, &line), 1, "{line}: {:#?}", model.log);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_case_is_told_first_knows_of_a_success_of_before_it() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    drill
        .fault(&json!({"fault": "session_survives"}))
        .expect("the drill knows it");
    let mut app = start(&drill, state.path(), &clock);
    open_case(&mut app).await;
    app.keys("cc");
    confirm(&mut app).await;
    app.until("all three are accepted", |model| {
        let accepted = model.ledger.actions().filter(|act| act.acknowledged);
        accepted.count() == 3
    })
    .await;
    // The attacker goes on while the last act is still being proven.
    drill.advance(1);
    app.until("documented", |model| {
        model.ledger.actions().all(|act| act.comment.is_some())
    })
    .await;
    app.end().await;
    let posted = comments(&drill).await;
    let record = posted
        .iter()
        .find(|one| one.contains("**Containment record**"));
    let record = record.unwrap_or_else(|| panic!("{posted:#?}"));
    assert!(
        record.contains("Account is partly contained: success after containment at "),
        "{record}"
    );
}

/// What is appended shows nothing of an edit far above the end.
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_record_edited_far_above_is_noticed_by_the_running_console() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    let logs = std::fs::read_dir(state.path().join("audit")).expect("its directory");
    let file = logs
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let file = file.expect("a log");
    let text = std::fs::read_to_string(&file).expect("the log");
    let edited = text.replacen("mara.lind", "maro.lind", 1);
    assert_ne!(edited, text);
    // In place, as an editor of bytes does: the file and its length stay.
    let mut open = std::fs::OpenOptions::new()
        .write(true)
        .open(&file)
        .expect("it is ours");
    std::io::Write::write_all(&mut open, edited.as_bytes()).expect("written");
    app.until("it says so", |model| {
        said(model, "the audit log is BROKEN") > 0
    })
    .await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_failures_after_the_containment_do_not_ring() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    let bells = app.bells();
    drill.advance(8);
    looks(&mut app, 2).await;
    let model = app.model();
    assert_eq!(
        model
            .standings
            .values()
            .next()
            .expect("one")
            .word()
            .as_str(),
        "contained"
    );
    assert_eq!((app.bells(), count(state.path(), is_success)), (bells, 0));
    let looks = successes(&model);
    assert_eq!(looks.iter().filter(|look| look.looked.is_some()).count(), 1);
    assert!(looks.iter().all(|look| look.fault.is_none()));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_could_not_read_everything_says_so() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    looks(&mut app, 1).await;
    drill
        .fault(&json!({"server": "siem", "fault": "bad_record", "path": "_search"}))
        .expect("the drill knows it");
    drill.advance(2);
    app.until("it says so", |model| {
        let said = model
            .watched
            .values()
            .filter_map(|watch| watch.fault.as_ref());
        let mut said = said.map(|fault| fault.what.as_str());
        said.any(|what| what.contains("was not read whole"))
    })
    .await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_cannot_read_is_in_the_status_line_with_its_age() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    let account = contain(&mut app).await.standings.into_keys().next();
    let account = account.expect("one is contained");
    looks(&mut app, 1).await;
    assert!(!status(&app.model()).contains("watch"), "{}", app.screen());
    // The token lost its right to this account, or to the logs; everything else answers as before.
    for (times, of, server, path) in [
        (1, WatchOf::Status, "identity", account.raw()),
        (2, WatchOf::Successes, "siem", "_search"),
    ] {
        let fault = |fault: &str| {
            let order = json!({"server": server, "fault": fault, "rate": 1.0, "path": path});
            drill.fault(&order).expect("the drill knows it");
        };
        fault("403");
        let failing = move |model: &Model| {
            let mut looks = model.watched.iter().filter(|((_, one), _)| *one == of);
            looks.any(|(_, watch)| watch.fault.is_some())
        };
        let model = app.until("the watch fails", failing).await;
        assert!(
            status(&model).contains("watch failing <1m"),
            "{}",
            app.screen()
        );
        assert_eq!(
            said(&model, "the watch over a contained account fails"),
            times
        );
        clock.advance(Duration::from_secs(240));
        let word = "watch failing 4m";
        app.until(word, |model| status(model).contains(word)).await;
        fault("none");
        let model = app
            .until("it is watched again", |model| model.unwatched().is_none())
            .await;
        assert_eq!(said(&model, "every account is watched again"), times);
        assert!(!status(&model).contains("watch"), "{}", app.screen());
    }
    app.end().await;
}

#[test]
fn a_watch_that_nobody_keeps_goes_stale_after_two_rounds() {
    let mut model = crate::scene::held((240, 48));
    assert!(!status(&model).contains("watch"), "{}", status(&model));
    for (seconds, word) in [
        (200, None),
        (201, Some("STALE 3m")),
        (3_600, Some("STALE 1h")),
    ] {
        model.now.boot = crate::scene::now().boot + Duration::from_secs(seconds);
        let said = status(&model);
        assert_eq!(said.contains("watch"), word.is_some(), "{said}");
        assert!(word.is_none_or(|word| said.contains(word)), "{said}");
    }
    // What is no longer contained is no longer waited for.
    model.ledger = quell::domain::containment::ledger::Ledger::default();
    model.judge();
    assert_eq!((model.unwatched(), model.watched.len()), (None, 0));
}

/// Gives the status line.
fn status(model: &Model) -> String {
    let text = crate::harness::screen::text(model, (240, 48));
    text.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_account_that_others_enable_and_disable_between_two_looks_rings() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    // Later than two clocks of a provider may differ.
    let is_past = |model: &Model| {
        let mut acts = model.ledger.actions();
        let began = acts.find_map(|act| {
            act.effect_at
                .filter(|_| act.kind == ActionKind::DisableAccount)
        });
        began.is_some_and(|began| Utc::now() - began > TimeDelta::seconds(3))
    };
    app.until("it is some seconds ago", is_past).await;
    crate::truth::by_others(&drill, "unsuspend").await;
    crate::truth::by_others(&drill, "suspend").await;
    let line = "others enabled and disabled it in between";
    let model = app.until("it rings", |model| said(model, line) == 1).await;
    let mut log = model.log.iter();
    assert!(log.any(|one| one.level == Level::Alarm && one.text.as_str().contains(line)));
    app.end().await;
}

/// Contains an account, lets others enable it, and contains it anew a second later than it was planned and before the watch
/// looks, which takes half a minute; gives what became of the two disablings at a pace.
async fn contained_anew(state: &Path, drill: &Drill, pace: f64) -> [ActionState; 2] {
    let setting = Setting {
        pace: Pace::scaled(pace),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(drill, state, setting, |text| text);
    contain(&mut app).await;
    crate::truth::by_others(drill, "unsuspend").await;
    app.keys("r");
    app.until("it reads as enabled", |model| {
        let account = model.open.as_ref().and_then(|open| open.the_account());
        account.is_some_and(|account| account.status == AccountStatus::Active)
    })
    .await;
    app.keys("ca");
    confirm(&mut app).await;
    let states = |model: &Model| {
        let all = model.ledger.actions();
        let disablings = all.filter(|act| act.kind == ActionKind::DisableAccount);
        disablings.map(|act| act.state).collect::<Vec<_>>()
    };
    let model = app
        .until("it is contained anew and told", |model| {
            let states = states(model);
            let mut acts = model.ledger.actions();
            let is_told = acts.all(|act| {
                act.state != ActionState::Drifted
                    || model.ledger.holds().is_told(&drift_marker(&act.aid))
            });
            states.len() == 2
                && states.last() == Some(&ActionState::Verified)
                && model.ledger.undocumented().is_empty()
                && is_told
        })
        .await;
    app.end().await;
    states(&model).try_into().expect("two")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_contains_anew_what_others_enabled_records_that_first_and_tells_the_case() {
    let (drill, state) = (company().await, dir());
    let states = contained_anew(state.path(), &drill, 0.15).await;
    assert_eq!(states, [ActionState::Drifted, ActionState::Verified]);
    // It stands in the log right before the request that contains it anew.
    let all = records(state.path());
    let is_lost = |body: &Body| matches!(body, Body::ActionOutcome { state, .. } if *state == OutcomeState::Drifted);
    let place = all.iter().position(|entry| is_lost(&entry.body));
    let next = place
        .and_then(|place| all.get(place + 1))
        .expect("a record");
    assert!(matches!(next.body, Body::ActionIntent { .. }), "{next:?}");
    let told = comments(&drill).await.concat();
    assert!(told.contains("**Containment undone by others**"), "{told}");
    assert!(told.contains("by no act on record here"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_two_readings_in_one_breath_are_not_said_to_be_of_what_others_did() {
    let (drill, state) = (company().await, dir());
    // A replica that lags would read so, too.
    let states = contained_anew(state.path(), &drill, 0.6).await;
    assert_eq!(states, [ActionState::Verified; 2]);
    let told = comments(&drill).await.concat();
    assert!(!told.contains("undone by others"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_undoing_by_others_rings_and_is_told_once() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    let bells = app.bells();
    drill
        .fault(&json!({"fault": "undone_by_others"}))
        .expect("the drill knows it");
    drill.advance(1);
    let model = app
        .until("the proof is lost", |model| {
            model
                .ledger
                .actions()
                .any(|act| act.state == ActionState::Drifted)
        })
        .await;
    assert!(app.bells() > bells);
    app.keys("C");
    app.sync().await;
    assert!(
        app.screen().contains("undone by others"),
        "{}",
        app.screen()
    );
    app.keys("u");
    app.until("refused", |model| said(model, "nothing to enable") == 1)
        .await;
    let aid = model
        .ledger
        .actions()
        .find(|act| act.state == ActionState::Drifted)
        .expect("it drifted")
        .aid
        .clone();
    let marker = quell::domain::containment::hold::drift_marker(&aid);
    let mut second = TestApp::start_with(&drill, state.path(), Ground::default(), |text| text);
    for app in [&mut app, &mut second] {
        app.until("the case is told", |model| {
            model.ledger.holds().is_told(&marker)
        })
        .await;
    }
    looks(&mut second, 2).await;
    app.end().await;
    second.end().await;
    let posted = comments(&drill).await;
    let told = posted.iter().filter(|c| c.contains(&marker)).count();
    assert_eq!(told, 1, "{posted:#?}");
}

#[test]
fn an_empty_list_says_nothing_of_the_log_until_that_was_read() {
    let size = (120, 40);
    let mut model = crate::scene::open(size);
    let now = crate::scene::now();
    let nothing = "No account is contained by this log.";
    let key = Message::Key(Chord::char('C'));
    let effects = quell::app::update::update(&mut model, now, key);
    assert_eq!(effects, [Effect::CatchUp]);
    let screen = crate::harness::screen::text(&model, size);
    assert!(screen.contains("reading the log"), "{screen}");
    assert!(!screen.contains(nothing), "{screen}");
    for (is_read, says) in [(false, "the log is not read to its end"), (true, nothing)] {
        let answer = Message::CaughtUp(is_read);
        assert_eq!(
            quell::app::update::update(&mut model, now, answer),
            [],
            "{is_read}"
        );
        let screen = crate::harness::screen::text(&model, size);
        assert!(screen.contains(says), "{screen}");
        assert_eq!(screen.contains(nothing), is_read, "{screen}");
    }
}

#[rstest]
#[case::contained("C", 1)]
#[case::unfinished("F", 1)]
#[case::response("R", 1)]
#[case::approvals("A", 1)]
#[case::documents("d", 1)]
#[case::end("Ce", 2)]
#[case::kept("CK", 2)]
// Moving in a list and closing it asks for nothing.
#[case::moved("Cj", 1)]
#[case::closed("Ce<Esc>", 2)]
#[case::not_of_the_log("?", 0)]
fn whatever_says_something_by_the_log_reads_it_when_it_is_opened(
    #[case] keys: &str,
    #[case] times: usize,
) {
    let mut model = crate::scene::held((120, 40));
    let mut asked = 0;
    for chord in keys_of(keys) {
        let key = Message::Key(chord);
        let effects = quell::app::update::update(&mut model, crate::scene::now(), key);
        let of_log = effects.iter().filter(|one| **one == Effect::CatchUp);
        asked += of_log.count();
    }
    assert_eq!(asked, times, "{:?}", model.layers);
}

/// Gives the keys of a text, `<Esc>` being one.
fn keys_of(text: &str) -> Vec<Chord> {
    let (letters, escapes) = text
        .strip_suffix("<Esc>")
        .map_or((text, false), |letters| (letters, true));
    let letters = letters.chars().map(Chord::char);
    letters
        .chain(escapes.then(|| Chord::plain(Key::Esc)))
        .collect()
}

#[test]
fn a_handover_of_the_shift_is_composed_anew_once_the_log_was_read() {
    let mut model = crate::scene::held((120, 40));
    model.open = None;
    let now = crate::scene::now();
    let key = Message::Key(Chord::char('H'));
    let effects = quell::app::update::update(&mut model, now, key);
    assert_eq!(effects, [Effect::CatchUp]);
    let Some(Layer::Reading { text, .. }) = model.layers.last_mut() else {
        panic!("it is read: {:?}", model.layers)
    };
    let composed = std::mem::take(text);
    let _ = quell::app::update::update(&mut model, now, Message::CaughtUp(true));
    let Some(Layer::Reading { text, .. }) = model.layers.last() else {
        panic!("it is read: {:?}", model.layers)
    };
    assert_eq!(*text, composed);
}

/// While no console ran others may have enabled it.
#[test]
fn an_end_goes_by_the_log_until_the_account_was_read() {
    let later = quell::domain::freshness::Moment {
        utc: crate::scene::now().utc + TimeDelta::hours(25),
        ..crate::scene::now()
    };
    let fails = || Some(Fault::new("no answer"));
    for (looks, says) in [
        (vec![None], "Z; nothing was undone"),
        (vec![], "Z by the log; the account is not read yet"),
        (
            vec![None, fails()],
            "Z by the log; the last look at the account failed",
        ),
    ] {
        let is_read = looks.last().is_some_and(Option::is_none);
        let says = format!("{says}: extend, undo or keep it");
        let mut model = crate::scene::held((160, 40));
        model.open = None;
        model.watched.retain(|(_, of), _| *of != WatchOf::Status);
        for fault in looks {
            let account = crate::scene::account().id;
            let look = Message::Watched {
                account,
                of: WatchOf::Status,
                fault,
            };
            let _ = quell::app::update::update(&mut model, crate::scene::now(), look);
        }
        let _ = quell::app::update::update(&mut model, later, Message::Tick);
        let mut lines = model.log.iter().map(|line| line.text.as_str());
        let start = format!("the containment of {LOGIN} ended ");
        let line = lines.find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{:#?}", model.log));
        assert!(line.ends_with(&says), "{line}");
        let since = crate::scene::now().utc;
        let contained = quell::domain::containment::standing::Standing::Contained { since };
        model
            .standings
            .insert(crate::scene::account().id, contained);
        let screen = crate::harness::screen::text(&model, (160, 40));
        let goes_by_the_log = screen.contains("past its end by the log");
        assert!(screen.contains("past its end"), "{screen}");
        assert_eq!(goes_by_the_log, !is_read, "{screen}");
    }
}

#[test]
fn an_end_of_what_others_enabled_says_so_and_asks_for_nothing() {
    let mut model = crate::scene::held((120, 40));
    let ends = "the containment of tomas.ek@acme.example ended ";
    let effects = quell::app::update::update(&mut model, crate::scene::now(), Message::Tick);
    assert!(effects.contains(&Effect::Bell));
    let mut lines = model.log.iter();
    let line = lines.find(|line| line.text.as_str().starts_with(ends));
    let line = line.unwrap_or_else(|| panic!("{:#?}", model.log));
    assert_eq!(line.level, Level::Warning);
    let text = line.text.as_str();
    assert!(text.ends_with(": others enabled it"), "{text}");
    assert_eq!(said(&model, "nothing was undone"), 0);
    assert!(model.layers.is_empty(), "{:?}", model.layers);
    // Once.
    let _ = quell::app::update::update(&mut model, crate::scene::now(), Message::Tick);
    assert_eq!(said(&model, ends), 1);
    // And nobody tells the case, or who comes next, that it stays contained.
    let of_it = |action: &ActionView| action.login.raw() == "tomas.ek@acme.example";
    let case = model
        .ledger
        .actions()
        .find(|action| of_it(action))
        .expect("it is there")
        .case
        .clone();
    let facts = quell::app::report::facts(&model, &case);
    let holds: Vec<&str> = facts
        .contained
        .iter()
        .map(quell::domain::text::Safe::as_str)
        .collect();
    assert!(
        matches!(holds.as_slice(), [one] if one.ends_with("; others enabled it")),
        "{holds:?}"
    );
    assert_eq!(facts.silenced, []);
    let rows = contained::rows(&model);
    let cursor = rows.iter().position(|row| row.not_held().is_some());
    let cursor = cursor.expect("others enabled one");
    model.layers.push(Layer::Contained { cursor });
    let mut effects = Vec::new();
    for chord in [Chord::char('e'), Chord::plain(Key::Enter)] {
        let key = Message::Key(chord);
        effects = quell::app::update::update(&mut model, crate::scene::now(), key);
    }
    assert_eq!(effects, []);
    assert_eq!(
        said(
            &model,
            "nothing was decided for tomas.ek@acme.example: others enabled it"
        ),
        1
    );
}

/// Chooses the first end for an account of the list; gives what follows.
fn choose_end(model: &mut Model, login: &str) -> Vec<Effect> {
    let is_it = |row: &contained::Contained<'_>| {
        let act = row.act().expect("it has one");
        act.login.raw() == login
    };
    let cursor = contained::rows(model).iter().position(is_it);
    let cursor = cursor.expect("it is listed");
    model.layers.push(Layer::Contained { cursor });
    let mut effects = Vec::new();
    for chord in [Chord::char('e'), Chord::plain(Key::Enter)] {
        let key = Message::Key(chord);
        effects = quell::app::update::update(model, crate::scene::now(), key);
    }
    effects
}

/// The open case shows it before the watch puts it on record.
#[test]
fn no_end_is_decided_of_an_account_that_reads_active_again() {
    let mut model = crate::scene::held((120, 40));
    assert_eq!(choose_end(&mut model, LOGIN), []);
    let line = format!("nothing was decided for {LOGIN}: the account is ACTIVE again");
    assert_eq!(said(&model, &line), 1, "{:#?}", model.log);
}

/// A success takes the word back, and what disables the account stays.
#[test]
fn of_an_account_that_acted_since_no_case_is_told_that_it_is_contained() {
    let mut model = crate::scene::held((120, 40));
    let mut account = crate::scene::account();
    account.status = AccountStatus::Disabled;
    let case = crate::scene::case_id(4812);
    let seen = Body::WatchSuccess(WatchSuccess {
        case,
        account: account.id.clone(),
        connection: account.id.connection.clone(),
        event: "e-9".into(),
        at: crate::scene::now().utc - TimeDelta::minutes(1),
        action: "user.session.start".into(),
        address: None,
    });
    let open = model.open.as_mut().expect("a case is open");
    open.account = Load::Ready(Found::One(Box::new(account)), crate::scene::now());
    model.ledger.apply(&crate::scene::record(seen));
    model.judge();
    let effects = choose_end(&mut model, LOGIN);
    let [
        Effect::PostNote {
            text,
            decided: Some(decided),
            ..
        },
    ] = effects.as_slice()
    else {
        panic!("a comment with a decision: {effects:#?}")
    };
    assert!(!decided.says_contained);
    let text = text.raw();
    let says = "Account is partly contained: success after containment at 03:11Z.";
    assert!(text.ends_with(says), "{text}");
    assert!(!text.contains("stays contained"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_end_of_what_others_enabled_asks_for_no_extension() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    drill
        .fault(&json!({"fault": "undone_by_others"}))
        .expect("the drill knows it");
    drill.advance(1);
    app.until("the proof is lost", |model| {
        let mut acts = model.ledger.actions();
        acts.any(|act| act.state == ActionState::Drifted)
    })
    .await;
    app.end().await;
    clock.pass(HOUR * 25);
    let mut app = start(&drill, state.path(), &clock);
    let model = app
        .until("the end is said", |model| {
            said(model, &format!("the containment of {LOGIN} ended ")) == 1
        })
        .await;
    assert_eq!(said(&model, ": others enabled it"), 1, "{:#?}", model.log);
    assert_eq!(said(&model, "nothing was undone"), 0);
    assert!(model.layers.is_empty(), "{:?}", model.layers);
    app.end().await;
}

/// The network delivers our request twice: the first copy suspends, and the second is answered, with a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn slow_an_undoing_of_what_was_refused_and_read_as_disabled_rings_and_is_told_once() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    drill
        .fault(&json!({
            "server": "identity", "fault": "delivered_twice", "count": 1, "path": "/lifecycle/suspend",
        }))
        .expect("the drill knows it");
    let mut app = start(&drill, state.path(), &clock);
    open_case(&mut app).await;
    app.keys("cc");
    confirm(&mut app).await;
    let model = app
        .until("documented", |model| {
            model.ledger.actions().count() >= 3
                && model.ledger.actions().all(|act| act.ended.is_some())
                && model.ledger.undocumented().is_empty()
        })
        .await;
    let disabling = |act: &&ActionView| act.kind == ActionKind::DisableAccount;
    let refused = model.ledger.actions().find(disabling);
    let refused = refused.expect("it was sent").clone();
    let read = (refused.state, refused.matches);
    assert_eq!(read, (ActionState::Rejected, Some(true)), "{refused:?}");
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    app.keys("<Esc><Esc>");
    app.sync().await;
    looks_for(&mut app, WatchOf::Status, 1).await;
    looks(&mut app, 1).await;
    app.keys("C");
    app.sync().await;
    let screen = app.screen();
    let word = "partly: disabled, but not provably by an action of ours";
    assert!(screen.contains(word), "{screen}");
    assert!(!screen.contains("not watched"), "{screen}");
    // There is no proven act of ours to undo, and it is not said that there is nothing to enable.
    app.keys("u");
    app.until("refused", |model| {
        said(model, "undo: it is disabled, but not provably by an action") == 1
    })
    .await;
    let bells = app.bells();
    drill
        .fault(&json!({"fault": "undone_by_others"}))
        .expect("the drill knows it");
    drill.advance(1);
    let marker = quell::domain::containment::hold::drift_marker(&refused.aid);
    let model = app
        .until("the case is told", |model| {
            model.ledger.holds().is_told(&marker)
        })
        .await;
    let undone = model.ledger.get(&refused.aid).map(|act| act.state);
    assert_eq!(undone, Some(ActionState::Drifted));
    assert!(app.bells() > bells);
    let mut alarms = model.log.iter().filter(|line| line.level == Level::Alarm);
    assert!(alarms.any(|line| line.text.as_str().contains("undone by others")));
    looks(&mut app, 2).await;
    app.end().await;
    let posted = comments(&drill).await;
    let told: Vec<&String> = posted.iter().filter(|c| c.contains(&marker)).collect();
    assert_eq!(told.len(), 1, "{posted:#?}");
    let says = "held, as it was read back, and does not any more: status ACTIVE now";
    assert!(told[0].contains(says), "{}", told[0]);
    assert!(told[0].contains("by no act on record here"), "{}", told[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_comment_of_others_with_our_mark_does_not_keep_ours_away() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    let model = contain(&mut app).await;
    let action = model
        .ledger
        .actions()
        .find(|act| act.kind == ActionKind::DisableAccount)
        .expect("it was disabled");
    let marker = quell::domain::containment::hold::drift_marker(&action.aid);
    let foreign = format!("see {marker}");
    let case = action.case.raw().to_owned();
    crate::approval::post(&drill, drill.second_key(), &case, &foreign).await;
    drill
        .fault(&json!({"fault": "undone_by_others"}))
        .expect("the drill knows it");
    drill.advance(1);
    app.until("the case is told", |model| {
        model.ledger.holds().is_told(&marker)
    })
    .await;
    looks(&mut app, 2).await;
    app.end().await;
    let posted = comments(&drill).await;
    let marked: Vec<&String> = posted.iter().filter(|c| c.contains(&marker)).collect();
    assert_eq!(marked.len(), 2, "{posted:#?}");
    assert!(marked.iter().any(|text| **text != foreign));
    let writes = records(state.path())
        .iter()
        .filter(
            |entry| matches!(&entry.body, Body::RecordIntent { marker: own, .. } if *own == marker),
        )
        .count();
    assert_eq!(writes, 1, "once is enough");
}
