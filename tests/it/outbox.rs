//! What is written into a case gets there once: a note that fails or whose process dies is kept and tried again, a post
//! that may still be on its way is waited out, and two copies are said to be two.

use std::path::Path;

use chrono::TimeDelta;
use quell::app::model::Model;
use quell::domain::audit::{Body, Entry};
use quell::drill::Drill;
use serde_json::json;

use crate::harness::app::{TestApp, company, records};
use crate::truth::open_case;

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
