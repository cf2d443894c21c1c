//! The watch over an account that was enabled again, through the whole console: what rings, what does not, its end.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::TimeDelta;
use quell::app::effect::Effect;
use quell::app::keymap::{Chord, Key};
use quell::app::message::{Message, WatchOf};
use quell::app::model::{Layer, Model, Watch, contained};
use quell::app::update::update;
use quell::domain::audit::{
    Body, Entry, RecoverySaid, RecoveryWord, SignKind, WatchLooked, WatchUntil,
};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::recovery_watch::{RecoveryWatch, over_marker, seen_marker};
use quell::domain::containment::remnant::RemnantKind;
use quell::domain::containment::state::ActionState;
use quell::domain::fault::Fault;
use quell::domain::freshness::{Moment, time_word};
use quell::domain::text::Safe;
use quell::drill::Drill;
use quell::engine::probe::Probe;
use rstest::rstest;
use serde_json::json;

use crate::harness::app::{Setting, TestApp, TestClock, company, records};
use crate::hold::{
    comments, confirm, give_leases_back, open_case, read_ahead, take_leases_away, write_beside,
};
use crate::raw_http::Raw;
use crate::scene;
use crate::truth::{DISABLE, Gate};
use crate::wiretap::{Say, in_front};

const HOUR: Duration = Duration::from_secs(3_600);

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn start(drill: &Drill, state: &Path, clock: &TestClock) -> TestApp {
    start_with(drill, state, clock, |text| text)
}

fn start_with(
    drill: &Drill,
    state: &Path,
    clock: &TestClock,
    edit: impl FnOnce(String) -> String,
) -> TestApp {
    let setting = Setting {
        clock: clock.clone(),
        ..Setting::default()
    };
    TestApp::start_in(drill, state, setting, edit)
}

fn proven(model: &Model, kind: ActionKind) -> usize {
    let acts = model.ledger.actions();
    acts.filter(|act| act.kind == kind && act.state == ActionState::Verified)
        .count()
}

/// Contains the account of the story and documents it.
async fn contain(app: &mut TestApp) {
    open_case(app).await;
    app.keys("cc");
    confirm(app).await;
    app.until("contained and documented", |model| {
        proven(model, ActionKind::RevokeSessions) == 2
            && proven(model, ActionKind::DisableAccount) == 1
            && model.ledger.undocumented().is_empty()
    })
    .await;
    app.keys("<Esc><Esc>");
    app.sync().await;
}

/// Enables it again and waits until that is proven and documented.
async fn enable(app: &mut TestApp) -> Model {
    app.keys("u");
    confirm(app).await;
    app.until("enabled again and documented", |model| {
        proven(model, ActionKind::EnableAccount) == 1 && model.ledger.undocumented().is_empty()
    })
    .await;
    app.keys("<Esc><Esc>");
    app.sync().await
}

fn watch(model: &Model) -> &RecoveryWatch {
    let mut all = model.ledger.recoveries().all();
    all.next().expect("it is watched")
}

/// Lets a colleague give a new password while the account is contained: the attacker stays out.
async fn new_password(drill: &Drill, app: &mut TestApp) {
    drill
        .fault(&json!({"fault": "password_by_others"}))
        .expect("the drill knows it");
    drill.advance(1);
    // The provider tells the time of the enabling in whole seconds.
    let later = drill.clock().now() + chrono::TimeDelta::milliseconds(1_100);
    app.until("a second went by", |_| drill.clock().now() >= later)
        .await;
}

fn said(model: &Model, part: &str) -> usize {
    let log = model.log.iter();
    log.filter(|line| line.text.as_str().contains(part)).count()
}

fn seen(state: &Path) -> Vec<String> {
    let records = records(state);
    let seen = records.iter().filter_map(|entry| match &entry.body {
        Body::Recovery(said) => match &said.word {
            RecoveryWord::Seen(seen) => Some(seen.text.raw().to_owned()),
            _ => None,
        },
        _ => None,
    });
    seen.collect()
}

/// Waits until the watch has looked so many times more for one thing.
async fn looks(app: &mut TestApp, of: WatchOf, times: usize) {
    let last = |model: &Model| {
        let mut watched = model.watched.iter();
        let found = watched.find(|((_, one), watch)| *one == of && watch.looked.is_some());
        found.map(|(_, watch)| watch.clone())
    };
    let mut before = last(&app.model());
    for _ in 0..times {
        let known = before.clone();
        let model = app
            .until("the watch looks", |model| last(model) != known)
            .await;
        before = last(&model);
    }
}

async fn told(drill: &Drill, part: &str) -> usize {
    let all = comments(drill).await;
    all.iter().filter(|text| text.contains(part)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_the_attacker_who_is_back_rings_once_and_is_told_once() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    let model = enable(&mut app).await;
    let until = watch(&model).until - model.now.utc;
    assert!((4_318..=4_320).contains(&until.num_minutes()), "{until}");
    let signs = model.ledger.recoveries().signs(watch(&model));
    let addresses = signs.iter().filter(|sign| sign.kind == SignKind::Address);
    let addresses: Vec<&str> = addresses.map(|sign| sign.value.raw()).collect();
    assert_eq!(addresses, ["203.0.113.66"], "{signs:#?}");
    looks(&mut app, WatchOf::Recovery, 1).await;
    app.keys("C");
    app.sync().await;
    let screen = app.screen();
    assert!(screen.contains("watched until "), "{screen}");
    assert!(screen.contains("enabled again, nothing seen"), "{screen}");
    assert!(screen.contains("1 address"), "{screen}");
    app.keys("<Esc>");
    let (marker, bells) = (seen_marker(&watch(&model).aid), app.bells());
    // A second console of the same user sees the same.
    let mut other = start(&drill, state.path(), &clock);
    looks(&mut app, WatchOf::Recovery, 1).await;
    assert_eq!((app.bells(), seen(state.path()).len()), (bells, 0));
    // The password is the old one: whoever knew it signs in again.
    drill.advance(1);
    for app in [&mut app, &mut other] {
        let model = app
            .until("it rings", |model| {
                said(model, "SEEN AFTER IT WAS ENABLED") > 0
            })
            .await;
        let word = watch(&model).word();
        assert!(word.as_str().starts_with("SEEN SINCE: "), "{word}");
        assert!(
            word.as_str()
                .contains("the attacker's address 203.0.113.66")
        );
        app.until("the case is told", |model| {
            model.ledger.holds().is_told(&marker)
        })
        .await;
    }
    looks(&mut app, WatchOf::Recovery, 2).await;
    let (count, alarms) = (seen(state.path()).len(), app.bells());
    assert_eq!(alarms, bells + 1, "{:#?}", app.model().log);
    assert!(
        app.screen().contains("1 enabled again: SEEN"),
        "{}",
        app.screen()
    );
    looks(&mut app, WatchOf::Recovery, 2).await;
    assert_eq!((seen(state.path()).len(), app.bells()), (count, alarms));
    other.end().await;
    app.end().await;
    // After a restart it is known and does not ring anew.
    let mut app = start(&drill, state.path(), &clock);
    looks(&mut app, WatchOf::Recovery, 2).await;
    assert_eq!((app.bells(), seen(state.path()).len()), (0, count));
    app.end().await;
    assert_eq!(told(&drill, &marker).await, 1);
    assert_eq!(
        told(&drill, "Seen after the account was enabled again").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_enabled_before_its_disabling_has_its_last_word_is_watched() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let gate = Gate::at(Some("before action.outcome"));
    let setting = Setting {
        clock: clock.clone(),
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut first = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut first).await;
    first.keys(DISABLE.keys);
    confirm(&mut first).await;
    // It reads as disabled, twice, and no console knows the word.
    gate.reached().await;
    let mut app = start(&drill, state.path(), &clock);
    app.until("it is said to be unfinished", |model| {
        matches!(model.layers.last(), Some(Layer::Unfinished { .. }))
    })
    .await;
    app.keys("<Esc>");
    open_case(&mut app).await;
    app.keys("u");
    confirm(&mut app).await;
    let model = app
        .until("it is enabled", |model| {
            proven(model, ActionKind::EnableAccount) == 1
        })
        .await;
    assert_eq!(proven(&model, ActionKind::DisableAccount), 0);
    assert_eq!(model.ledger.recoveries().running().count(), 1);
    gate.open();
    let model = first
        .until("the disabling has its word", |model| {
            let mut acts = model.ledger.actions();
            acts.all(|act| act.ended.is_some())
        })
        .await;
    assert_eq!(model.ledger.recoveries().running().count(), 1, "still");
    first.end().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_ordinary_sign_in_does_not_ring_and_the_end_is_summed_up_once() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    new_password(&drill, &mut app).await;
    let model = enable(&mut app).await;
    let marker = over_marker(&watch(&model).aid);
    let bells = app.bells();
    drill
        .fault(&json!({"fault": "user_returns"}))
        .expect("the drill knows it");
    drill.advance(2);
    looks(&mut app, WatchOf::Recovery, 2).await;
    looks(&mut app, WatchOf::Left, 1).await;
    assert_eq!(seen(state.path()), [""; 0]);
    assert_eq!(app.bells(), bells, "{:#?}", app.model().log);
    app.end().await;
    // Shortly before the end a new start reminds; a second console beside it knows the same.
    clock.pass(HOUR * 71 + HOUR * 3 / 4);
    let mut app = start(&drill, state.path(), &clock);
    let mut other = start(&drill, state.path(), &clock);
    for app in [&mut app, &mut other] {
        app.send(Message::Tick);
        app.until("the reminder", |model| {
            said(model, "enabled again, ends ") == 1
        })
        .await;
        assert_eq!(app.bells(), 1);
    }
    clock.pass(HOUR / 2);
    for app in [&mut app, &mut other] {
        let model = app
            .until("the summary", |model| said(model, "is over: 72 h, ") == 1)
            .await;
        let over = watch(&model).over.clone().expect("it is over");
        assert!(over.well, "{over:?}");
        let text = over.text.raw();
        assert!(text.contains("4 sources ("), "{text}");
        assert!(text.contains("what is left at "), "{text}");
        assert!(text.contains(", nothing seen"), "{text}");
        app.until("the case is told", |model| {
            model.ledger.holds().is_told(&marker)
        })
        .await;
    }
    app.keys("C");
    app.sync().await;
    assert!(app.screen().contains("watch ended "), "{}", app.screen());
    assert!(app.screen().contains("nothing seen"), "{}", app.screen());
    app.keys("K");
    app.until("it is over", |model| said(model, "over already") == 1)
        .await;
    other.end().await;
    app.end().await;
    let mut app = start(&drill, state.path(), &clock);
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    assert_eq!(said(&app.sync().await, "is over"), 0, "not anew");
    assert!(app.model().ledger.recoveries().running().next().is_none());
    app.end().await;
    assert_eq!(
        told(&drill, "The watch after the recovery is over").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_others_change_and_what_appears_rings_once() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    new_password(&drill, &mut app).await;
    let model = enable(&mut app).await;
    assert!(watch(&model).seen.is_empty());
    looks(&mut app, WatchOf::Left, 1).await;
    for (fault, thing) in [
        ("method_appears", "MFA method"),
        ("password_by_others", "password"),
    ] {
        let (bells, count) = (app.bells(), seen(state.path()).len());
        drill
            .fault(&json!({"fault": fault}))
            .expect("the drill knows it");
        drill.advance(1);
        app.until(thing, |model| {
            watch(model).seen.iter().any(|one| one.thing == thing)
        })
        .await;
        looks(&mut app, WatchOf::Recovery, 2).await;
        assert_eq!(
            seen(state.path()).len(),
            count + 1,
            "{:#?}",
            seen(state.path())
        );
        assert_eq!(app.bells(), bells + 1);
    }
    drill.set_by_others(false);
    app.until("it is kept out by others", |model| {
        watch(model).seen.iter().any(|one| one.thing == "status")
    })
    .await;
    looks(&mut app, WatchOf::Recovery, 2).await;
    assert_eq!(seen(state.path()).len(), 3, "{:#?}", seen(state.path()));
    app.end().await;
}

fn failing(model: &Model) -> bool {
    let mut looks = model.watched.iter();
    looks.any(|((_, of), watch)| *of == WatchOf::Recovery && watch.fault.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_could_not_be_read_is_said_and_stands_in_the_summary() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    new_password(&drill, &mut app).await;
    enable(&mut app).await;
    looks(&mut app, WatchOf::Left, 1).await;
    let order = json!({"server": "siem", "fault": "403", "rate": 1.0, "path": "_search"});
    drill.fault(&order).expect("the drill knows it");
    app.until("the watch fails", failing).await;
    assert!(
        app.screen().contains("watch failing <1m"),
        "{}",
        app.screen()
    );
    let model = app.sync().await;
    assert_eq!(
        said(&model, "the watch over an account enabled again fails"),
        1
    );
    app.keys("C");
    app.sync().await;
    assert!(app.screen().contains("watch fails: "), "{}", app.screen());
    // The end waits for a source that does not answer, but not for ever.
    clock.pass(HOUR * 72 + HOUR / 2);
    let model = app
        .until("the summary", |model| said(model, "is over: 72 h, ") == 1)
        .await;
    let over = watch(&model).over.clone().expect("it is over");
    assert!(!over.well);
    assert!(
        over.text.raw().contains("not read to the end: "),
        "{over:?}"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_its_end_is_changed_and_it_is_ended_with_a_reason() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    new_password(&drill, &mut app).await;
    let model = enable(&mut app).await;
    let first = watch(&model).until;
    app.keys("C");
    app.sync().await;
    assert_eq!(contained::count(&app.model()), 1);
    // There is no "until somebody decides": the last choice is seven days.
    app.keys("eG<Enter>");
    let model = app
        .until("another end", |model| watch(model).until != first)
        .await;
    let length = watch(&model).until - model.now.utc;
    assert!((167..=168).contains(&length.num_hours()), "{length}");
    app.keys("Cu");
    app.until("refused", |model| said(model, "enabled already") == 1)
        .await;
    // Whoever ends it while it cannot read says so to the case.
    let order = json!({"server": "siem", "fault": "403", "rate": 1.0, "path": "_search"});
    drill.fault(&order).expect("the drill knows it");
    app.until("the watch fails", failing).await;
    app.keys("Kthe user called<Enter>");
    app.until("not watched any more", |model| {
        model.ledger.recoveries().all().next().is_none()
            && said(model, "the note is in the case") == 2
    })
    .await;
    app.end().await;
    let mut app = start(&drill, state.path(), &clock);
    let model = app.sync().await;
    // That it is not watched any more is listed for a day.
    assert_eq!(contained::count(&model), 1);
    app.keys("C");
    app.sync().await;
    let screen = app.screen();
    for part in [
        "watch ended early ",
        "nothing seen",
        "ended before its time by ",
    ] {
        assert!(screen.contains(part), "{part} is not in {screen}");
    }
    app.end().await;
    let posted = comments(&drill).await.join("\n");
    assert!(posted.contains("was ended before its time by "), "{posted}");
    assert!(posted.contains("Reason: the user called"), "{posted}");
    assert!(posted.contains("the last look failed: "), "{posted}");
    assert!(!posted.contains("nothing was seen"), "{posted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_containing_the_account_again_ends_it_and_the_case_is_told() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    let model = enable(&mut app).await;
    assert_eq!(model.ledger.recoveries().running().count(), 1);
    let marker = over_marker(&watch(&model).aid);
    // The password is the old one: the attacker comes back.
    drill.advance(1);
    app.until("it rings", |model| !watch(model).seen.is_empty())
        .await;
    app.until("the account was read again", |model| {
        let open = model.open.as_ref();
        let account = open.and_then(|open| open.the_account());
        account
            .is_some_and(|account| account.status == quell::domain::account::AccountStatus::Active)
    })
    .await;
    app.keys("cc");
    confirm(&mut app).await;
    let model = app
        .until("contained again", |model| {
            proven(model, ActionKind::DisableAccount) == 2
        })
        .await;
    // Whoever takes the case over reads of it.
    let case = model.open.as_ref().map(|open| open.id.clone());
    let facts = quell::app::report::facts(&model, &case.expect("it is open"));
    let mut lines = facts.contained.iter().map(Safe::as_str);
    let over = lines.find(|line| line.contains("enabled again, its watch is over since "));
    let over = over.unwrap_or_else(|| panic!("{:#?}", facts.contained));
    assert!(
        over.contains(": ended before its time: contained again; SEEN SINCE: "),
        "{over}"
    );
    assert_eq!(model.ledger.recoveries().running().count(), 0);
    assert!(contained::recovering(&model).is_empty());
    app.until("the case is told", |model| {
        model.ledger.holds().is_told(&marker)
    })
    .await;
    app.end().await;
    assert_eq!(
        told(&drill, "ended before its time: contained again").await,
        1
    );
}

/// While the comment is looked for in its case, another console records another end.
#[tokio::test(flavor = "multi_thread")]
async fn slow_what_is_decided_while_the_comment_on_what_was_seen_waits_is_in_it() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let (folder, is_new) = (state.path().to_owned(), AtomicBool::new(true));
    let later = Arc::new(OnceLock::new());
    let then = Arc::clone(&later);
    // No case is open: the first to read comments is whoever posts.
    let say: Say = Arc::new(move |raw: &Raw, _own: &str| {
        let asks = String::from_utf8_lossy(&raw.body).contains("\"comments\"");
        if asks
            && let Some(body) = then.get()
            && is_new.swap(false, Ordering::SeqCst)
        {
            write_beside(&folder, vec![Body::clone(body)]);
        }
        None
    });
    let front = in_front(drill.cases(), say).await;
    let edit = |text: String| text.replace(&drill.cases().url, &front);
    let mut app = start_with(&drill, state.path(), &clock, edit);
    contain(&mut app).await;
    let model = enable(&mut app).await;
    let of = watch(&model).clone();
    let down = json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/comment", "method": "POST"});
    drill.fault(&down).expect("a fault");
    // The password is the old one: the attacker comes back.
    drill.advance(1);
    app.until("it rings", |model| !watch(model).seen.is_empty())
        .await;
    app.end().await;
    drill
        .fault(&json!({"fault": "none", "server": "cases"}))
        .expect("no fault");
    let body = Body::Recovery(RecoverySaid {
        case: of.case.clone(),
        account: of.account.clone(),
        word: RecoveryWord::Until(WatchUntil {
            aid: of.aid.clone(),
            login: of.login.clone(),
            owner: "kim".into(),
            until: of.until + TimeDelta::hours(1),
            how: "changed".to_owned(),
            reason: None,
            looked: None,
        }),
    });
    later.set(body).expect("it is decided once");
    let mut app = start_with(&drill, state.path(), &clock, edit);
    let marker = seen_marker(&of.aid);
    app.until("the case is told", |model| {
        model.ledger.holds().is_told(&marker)
    })
    .await;
    app.end().await;
    let posted = comments(&drill).await;
    let told = posted.iter().find(|text| text.contains(&marker));
    let told = told.expect("the comment");
    assert!(told.contains(", owner kim. What comes later "), "{told}");
}

/// The decision of one console is on its way to the log, and another one contains the account again.
#[tokio::test(flavor = "multi_thread")]
async fn slow_no_end_is_decided_of_a_watch_over_what_another_console_contained_again() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    enable(&mut app).await;
    // What the watch of the other console would put on record first is there already.
    app.until("the list was read", |model| !watch(model).there.is_empty())
        .await;
    let gate = Gate::at(Some("before recovery.watch"));
    let mut late = TestApp::start_in(&drill, state.path(), gate.setting(), |text| text);
    late.keys("Ce<Enter>");
    gate.reached().await;
    app.until("the account was read again", |model| {
        let open = model.open.as_ref();
        let account = open.and_then(|open| open.the_account());
        account
            .is_some_and(|account| account.status == quell::domain::account::AccountStatus::Active)
    })
    .await;
    app.keys("cc");
    confirm(&mut app).await;
    app.until("contained again", |model| {
        proven(model, ActionKind::DisableAccount) == 2
    })
    .await;
    gate.open();
    let line = "nothing was decided for mara.lind@acme.example: it was contained again";
    late.until("it is said", |model| said(model, line) == 1)
        .await;
    late.end().await;
    app.end().await;
    let changed = |entry: &Entry| match &entry.body {
        Body::Recovery(said) => match &said.word {
            RecoveryWord::Until(word) => word.how != "confirmed",
            _ => false,
        },
        _ => false,
    };
    assert!(!records(state.path()).iter().any(changed));
    assert_eq!(told(&drill, "is watched until").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_cannot_be_recorded_rings_once_and_the_watch_says_that_it_fails() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    enable(&mut app).await;
    looks(&mut app, WatchOf::Recovery, 1).await;
    looks(&mut app, WatchOf::Left, 1).await;
    let bells = app.bells();
    take_leases_away(state.path());
    // The password is the old one: the attacker comes back.
    drill.advance(1);
    let part = "it could not be recorded: failed to take the lease";
    app.until("it rings", |model| said(model, part) > 0).await;
    looks(&mut app, WatchOf::Recovery, 3).await;
    let model = app.model();
    assert_eq!((said(&model, part), app.bells()), (1, bells + 1));
    assert_eq!(
        said(
            &model,
            "SEEN AFTER IT WAS ENABLED: mara.lind@acme.example at "
        ),
        1,
        "{:#?}",
        model.log
    );
    assert!(failing(&model), "{}", app.screen());
    assert_eq!(seen(state.path()), [""; 0]);
    // It is not forgotten: with leases again it is recorded.
    give_leases_back(state.path());
    app.until("it is on record", |model| {
        !watch(model).seen.is_empty() && !failing(model)
    })
    .await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_a_log_brings_late_is_seen_at_the_end() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let mut app = start(&drill, state.path(), &clock);
    contain(&mut app).await;
    let model = enable(&mut app).await;
    let account = watch(&model).account.clone();
    looks(&mut app, WatchOf::Left, 1).await;
    looks(&mut app, WatchOf::Recovery, 1).await;
    // One connection holds many feeds, and the others of it are far ahead of the one that tells of the attacker.
    read_ahead(&mut app, state.path(), &account, 100).await;
    looks(&mut app, WatchOf::Recovery, 2).await;
    drill.advance(1);
    clock.pass(HOUR * 72 + HOUR / 60);
    let model = app
        .until("the summary", |model| said(model, "is over: 72 h, ") == 1)
        .await;
    let acts = watch(&model).seen.iter();
    let acts = acts.filter(|one| one.thing == "attacker");
    assert_ne!(acts.count(), 0, "{:#?}", watch(&model));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_there_is_none() {
    let (drill, state, clock) = (company().await, dir(), TestClock::default());
    let off = |text: String| text.replace("[policy]\n", "[policy]\nrecovery_watch = \"0h\"\n");
    let mut app = start_with(&drill, state.path(), &clock, off);
    contain(&mut app).await;
    let model = enable(&mut app).await;
    assert_eq!(model.ledger.recoveries().all().count(), 0);
    app.end().await;
}

/// How many minutes ago the last good look was, and why the last one is none.
type Look = Option<(i64, Option<&'static str>)>;

const UNKNOWN: &str = "nothing seen as far as it was read";

/// The list of what is left was read once, by a console of before.
#[rstest]
#[case::all_looked_at(Some((2, None)), Some((9, None)), Some(9), "nothing seen, looked last 03:03Z")]
#[case::the_logs_earlier(Some((9, None)), Some((2, None)), Some(9), "nothing seen, looked last 03:03Z")]
#[case::nobody_looked(None, None, None, UNKNOWN)]
#[case::no_list_yet(Some((2, None)), None, None, UNKNOWN)]
#[case::the_logs_fail(Some((2, Some("403"))), Some((9, None)), None, UNKNOWN)]
#[case::the_list_fails(Some((2, None)), Some((9, Some("403"))), None, UNKNOWN)]
#[case::before_it_began(Some((2, None)), Some((22 * 60, None)), None, UNKNOWN)]
fn whoever_ends_a_watch_records_when_all_of_it_was_looked_at(
    #[case] logs: Look,
    #[case] list: Look,
    #[case] ago: Option<i64>,
    #[case] nothing: &str,
) {
    let mut model = scene::recovering((120, 40));
    let now = scene::now();
    let before = |ago: i64| now.utc - TimeDelta::minutes(ago);
    let quiet = contained::recovering(&model)[0].clone();
    let read = scene::record(Body::Recovery(RecoverySaid {
        case: quiet.case.clone(),
        account: quiet.account.clone(),
        word: RecoveryWord::Looked(WatchLooked {
            aid: quiet.aid.clone(),
            source: "what is left at okta".to_owned(),
            missed: None,
            kinds: vec![RemnantKind::MfaMethod],
            items: Vec::new(),
        }),
    }));
    model.ledger.apply(&Entry {
        ts: quiet.since + TimeDelta::minutes(1),
        ..read
    });
    for (of, look) in [(WatchOf::Recovery, logs), (WatchOf::Left, list)] {
        let key = (quiet.account.clone(), of);
        model.watched.remove(&key);
        if let Some((ago, fault)) = look {
            let good = Moment {
                utc: before(ago),
                ..now
            };
            let watch = Watch {
                looked: Some(now.utc),
                good,
                fault: fault.map(Fault::new),
            };
            model.watched.insert(key, watch);
        }
    }
    let cursor = contained::rows(&model).len();
    model.layers.push(Layer::Contained { cursor });
    let mut effects = Vec::new();
    for chord in [Chord::char('K'), Chord::char('x'), Chord::plain(Key::Enter)] {
        effects = update(&mut model, now, Message::Key(chord));
    }
    let notes = effects.iter().filter_map(|effect| match effect {
        Effect::Written { effect, .. } => match &**effect {
            Effect::PostNote { text, decided, .. } => Some((text, &decided.as_deref()?.record)),
            _ => None,
        },
        _ => None,
    });
    let notes: Vec<_> = notes.collect();
    let [(text, record)] = notes.as_slice() else {
        panic!("one note: {effects:#?}")
    };
    let Body::Recovery(said) = record else {
        panic!("of a watch: {record:#?}")
    };
    // The case is told what the record says.
    let told = match ago {
        Some(ago) => format!("; nothing seen, looked last {}", time_word(before(ago))),
        None => format!("; {UNKNOWN}"),
    };
    assert!(text.raw().contains(&told), "{told} is not in {text:?}");
    let RecoveryWord::Until(end) = &said.word else {
        panic!("an end: {said:#?}")
    };
    assert_eq!((&end.aid, end.how.as_str()), (&quiet.aid, "ended"));
    assert_eq!(end.looked, ago.map(before));
    model.ledger.apply(&scene::record((*record).clone()));
    let ended = model.ledger.recoveries().of(&quiet.account);
    let ended = ended.expect("it is listed for a day");
    assert_eq!(ended.nothing_word().as_str(), nothing);
}
