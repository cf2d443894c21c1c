//! What is written into a case gets there once: a note that fails or whose process dies is kept and tried again, a post
//! that may still be on its way is waited out, what is taken and not shown is posted once more only, and two copies are
//! said to be two.

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use quell::app::message::Message;
use quell::app::model::Model;
use quell::domain::audit::{Body, Entry};
use quell::domain::containment::note::DOUBTED;
use quell::drill::Drill;
use quell::drill::wire::Server;
use quell::store::audit::Ground;
use serde_json::json;

use crate::approval::console;
use crate::harness::app::{Setting, TestApp, company, records};
use crate::hold;
use crate::truth::{DISABLE, Gate, confirm, finished, open_case, plan};

const TEXT: &str = "called her, it was not her";

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn fault(drill: &Drill, word: &str) {
    let order = json!({"server": "cases", "fault": word, "count": 1, "path": "/comment"});
    drill.fault(&order).expect("the fault is known");
}

fn comments(drill: &Drill) -> usize {
    drill.ledger().targets("comment").len()
}

fn waiting(model: &Model) -> usize {
    model.ledger.outbox().notes().len()
}

fn done(model: &Model) -> bool {
    waiting(model) == 0
        && model
            .log
            .iter()
            .any(|line| line.text.as_str() == "the note is in the case")
}

async fn write(app: &mut TestApp) {
    open_case(app).await;
    app.keys("m").keys(TEXT).keys("<Ctrl-s>");
}

/// Gives the first post that was promised.
fn first_post(state: &Path) -> Option<(Entry, String)> {
    records(state)
        .into_iter()
        .find_map(|entry| match &entry.body {
            Body::RecordIntent { kind, marker, .. } if kind == "comment" => {
                let marker = marker.clone();
                Some((entry, marker))
            }
            _ => None,
        })
}

/// Writes a note whose post never returns, and kills the console while it is on its way.
async fn killed_in_mid_post(drill: &Drill, state: &Path) -> (Entry, String) {
    let mut app = TestApp::start(drill, state);
    fault(drill, "hang");
    write(&mut app).await;
    app.until("it waits", |model| waiting(model) == 1).await;
    let on_its_way = |_: &Model| first_post(state).is_some();
    app.keys("j");
    while !on_its_way(&app.model()) {
        app.keys("j");
        app.sync().await;
    }
    app.kill();
    first_post(state).expect("it was promised")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_whose_post_fails_is_kept_shown_and_posted_once() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    fault(&drill, "reset_before_effect");
    write(&mut app).await;
    app.until("it waits", |model| waiting(model) == 1).await;
    assert!(app.screen().contains("1 note to post"), "{}", app.screen());
    app.until("it is there", done).await;
    app.end().await;
    assert_eq!(comments(&drill), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_of_a_console_whose_log_is_broken_says_so_first_and_is_as_it_was_written() {
    let (drill, state) = (company().await, dir());
    TestApp::start(&drill, state.path()).end().await;
    let files = std::fs::read_dir(state.path().join("audit")).expect("it is there");
    let mut paths = files.map(|file| file.expect("a file").path());
    let segment = paths.find(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let segment = segment.expect("a segment");
    let text = std::fs::read_to_string(&segment).expect("it is ASCII");
    std::fs::write(&segment, text.replacen("acme", "acne", 1)).expect("it is ours");
    let mut app = TestApp::start(&drill, state.path());
    assert!(app.model().audit_broken.is_some());
    write(&mut app).await;
    app.until("it is there", done).await;
    app.end().await;
    let all = hold::comments(&drill).await;
    let told = all.iter().find(|text| text.contains("quell:"));
    let told = told.expect("the note");
    let written = told.strip_prefix(DOUBTED).expect("it is said first");
    assert!(written.starts_with(&format!("\n\n{TEXT}\n")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_whose_process_was_killed_is_posted_by_the_next_after_the_first_post_is_over() {
    let (drill, state) = (company().await, dir());
    let (intent, _) = killed_in_mid_post(&drill, state.path()).await;
    assert_eq!(comments(&drill), 0);
    let mut app = TestApp::start(&drill, state.path());
    assert_eq!(waiting(&app.model()), 1, "it is on the first screen");
    app.until("it is there", done).await;
    app.end().await;
    assert_eq!(comments(&drill), 1);
    let effects = drill.ledger();
    let posted = effects
        .effects()
        .iter()
        .find(|effect| effect.kind == "comment")
        .expect("one");
    // Thirty seconds at the pace of the tests.
    let waited = posted.at - intent.ts;
    assert!(
        waited >= TimeDelta::milliseconds(598),
        "posted again after {waited}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_arrived_twice_is_said_to_be_there_twice() {
    let (drill, state) = (company().await, dir());
    let (intent, marker) = killed_in_mid_post(&drill, state.path()).await;
    let Body::RecordIntent { case, .. } = &intent.body else {
        panic!("a promise")
    };
    let server = drill.cases();
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    for _ in 0..2 {
        let answer = client
            .post(format!("{}/api/v1/case/{}/comment", server.url, case.raw()))
            .bearer_auth(server.token)
            .json(&json!({"message": format!("late\n{marker}\n")}))
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success());
    }
    let mut app = TestApp::start(&drill, state.path());
    app.until("it is said", |model| {
        model
            .log
            .iter()
            .any(|line| line.text.as_str().contains("2 times"))
    })
    .await;
    app.until("it counts as done", |model| waiting(model) == 0)
        .await;
    app.end().await;
    assert_eq!(comments(&drill), 2, "none was added");
}

/// Disables the account, and kills the console right before the comment of it leaves.
async fn killed_before_the_record(drill: &Drill, state: &Path) {
    let gate = Gate::at(Some("comment.before"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(drill, state, setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    gate.reached().await;
    app.kill();
}

fn says(model: &Model, words: &str) -> bool {
    let mut log = model.log.iter();
    log.any(|line| line.text.as_str() == words)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_a_live_console_left_waits_in_a_dry_run_and_goes_out_once_by_the_next_live_one() {
    for (is_note, words, count) in [
        (
            true,
            "1 note waits: this console is DRY RUN",
            "1 note to post",
        ),
        (
            false,
            "1 record waits: this console is DRY RUN",
            "1 to post",
        ),
    ] {
        let (drill, state) = (company().await, dir());
        if is_note {
            killed_in_mid_post(&drill, state.path()).await;
        } else {
            killed_before_the_record(&drill, state.path()).await;
        }
        let owed = |model: &Model| waiting(model) + model.ledger.undocumented().len();
        let dry = |text: String| text.replace("mode = \"live\"", "mode = \"dry_run\"");
        let mut app = TestApp::start_with(&drill, state.path(), Ground::default(), dry);
        app.until("it says so", |model| says(model, words)).await;
        assert!(app.screen().contains(count), "{}", app.screen());
        // Many a round goes by meanwhile.
        let asked = || {
            let ledger = drill.ledger();
            ledger.count(Server::Cases, "POST", "/api/v1/query")
        };
        let enough = asked() + 20;
        while asked() < enough {
            app.keys("r");
            app.sync().await;
        }
        let model = app.sync().await;
        assert_eq!((owed(&model), comments(&drill)), (1, 0), "{words}");
        let told = model.log.iter().filter(|one| one.text.as_str() == words);
        assert_eq!(told.count(), 1, "it is said once");
        app.end().await;
        let mut app = TestApp::start(&drill, state.path());
        assert_eq!(owed(&app.model()), 1);
        app.until("it is there", |model| owed(model) == 0).await;
        app.end().await;
        assert_eq!(comments(&drill), 1, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_console_that_was_left_alone_still_posts_what_was_confirmed() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    let order = json!({"server": "cases", "fault": "500", "count": 3, "path": "/comment", "method": "POST"});
    drill.fault(&order).expect("the fault is known");
    write(&mut app).await;
    app.until("it waits", |model| waiting(model) == 1).await;
    app.clock.advance(Duration::from_secs(16 * 60));
    app.send(Message::Tick);
    assert!(app.sync().await.locked);
    let model = app.until("it is there", done).await;
    assert!(model.locked);
    app.end().await;
    assert_eq!(comments(&drill), 1);
}

/// Gives the login that the case system says this console has.
async fn login(app: &mut TestApp) -> String {
    let known = |model: &Model| model.operator.login.is_some();
    let model = app.until("the person is known", known).await;
    let login = model.operator.login.expect("it was waited for");
    login.raw().to_owned()
}

/// The comments of the case without the escapes of Markdown.
async fn texts(drill: &Drill) -> Vec<String> {
    let all = hold::comments(drill).await.into_iter();
    all.map(|text| text.replace('\\', "")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_confirmed_and_who_wrote_stand_in_what_another_person_posts_for_them() {
    let (drill, state) = (company().await, dir());
    // Of one user of the operating system, and one log; the second has a key of their own.
    let other = || console(&drill, state.path(), drill.second_key(), Setting::default());
    let gate = Gate::at(Some("send.after"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    let mine = login(&mut app).await;
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    gate.reached().await;
    app.kill();
    let mut second = other();
    let theirs = login(&mut second).await;
    assert_ne!(mine, theirs);
    second.until("it is documented", finished).await;
    second.end().await;
    let all = texts(&drill).await;
    let record = all
        .iter()
        .find(|text| text.contains("**Containment record**"));
    let record = record.expect("the record");
    let line = |start: &str| {
        let found = record.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("{start} in {record}"))
    };
    assert!(line("Confirmed by: ").contains(&mine), "{record}");
    assert!(!line("Documented by: ").contains(&mine), "{record}");

    let gate = Gate::at(Some("comment.before"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    login(&mut app).await;
    write(&mut app).await;
    gate.reached().await;
    app.kill();
    let mut second = other();
    second.until("the note is there", done).await;
    second.end().await;
    let note = texts(&drill).await;
    let note = note.iter().find(|text| text.contains(TEXT));
    let note = note.expect("the note");
    assert!(note.contains(&format!("by {mine}, OS user ")), "{note}");
    assert!(!note.contains(&theirs), "{note}");
}

/// Counts how often something was said.
fn said(model: &Model, words: &str) -> usize {
    let log = model.log.iter();
    log.filter(|line| line.text.as_str() == words).count()
}

/// Lets the case system take what comes, and show what was there until now; or all of it again.
fn hides(drill: &Drill, hides: bool) {
    let word = if hides { "stale_reads" } else { "none" };
    let order = json!({"server": "cases", "fault": word, "path": "/query"});
    drill.fault(&order).expect("the fault is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_note_that_is_taken_and_not_shown_is_posted_once_more_and_then_only_looked_for() {
    const TWICE: &str =
        "the note is not in the case yet: the case system took the comment twice and shows none";
    let (drill, state) = (company().await, dir());
    // Every try asks first who works here.
    let tries = || {
        let ledger = drill.ledger();
        ledger.count(Server::Cases, "GET", "/api/v1/user/current")
    };
    let mut app = TestApp::start(&drill, state.path());
    login(&mut app).await;
    open_case(&mut app).await;
    hides(&drill, true);
    app.keys("m").keys(TEXT).keys("<Ctrl-s>");
    let model = app
        .until("it is said", |model| said(model, TWICE) == 1)
        .await;
    assert_eq!((comments(&drill), waiting(&model)), (2, 1));
    let enough = tries() + 2;
    while tries() < enough {
        app.keys("j");
        app.sync().await;
    }
    let model = app.end().await;
    assert_eq!(said(&model, TWICE), 1, "however often it is looked for");
    assert_eq!(comments(&drill), 2, "however often it is looked for");

    let mut app = TestApp::start(&drill, state.path());
    app.until("it is said", |model| said(model, TWICE) == 1)
        .await;
    assert_eq!(comments(&drill), 2, "another console posts none either");
    hides(&drill, false);
    let model = app.until("it is shown", done).await;
    let copies = |line: &str| line.contains("2 times");
    assert!(model.log.iter().any(|line| copies(line.text.as_str())));
    app.end().await;
    assert_eq!(comments(&drill), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_record_that_is_taken_and_not_shown_stays_undocumented_and_who_asks_is_told_again() {
    const TWICE: &str =
        "the record is not in the case yet: the case system took the comment twice and shows none";
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    hides(&drill, true);
    confirm(&app);
    let model = app
        .until("it is said", |model| said(model, TWICE) == 1)
        .await;
    assert_eq!(model.ledger.undocumented().len(), 1);
    app.keys("<Esc>d");
    app.until("it is said again", |model| said(model, TWICE) == 2)
        .await;
    assert_eq!(comments(&drill), 2);
    hides(&drill, false);
    app.until("it is documented", finished).await;
    app.end().await;
    assert_eq!(comments(&drill), 2);
}
