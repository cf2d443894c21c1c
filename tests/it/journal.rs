//! Records are folded and told by their numbers, whoever wrote them and whoever is answered first.

use std::path::Path;
use std::sync::Arc;

use quell::app::message::Message;
use quell::domain::audit::{Body, Entry};
use quell::domain::ids::{CaseId, ConnectionName};
use quell::engine::journal::Journal;
use quell::engine::probe::Open;
use quell::store::audit::{AuditLog, Identity};
use tokio::sync::mpsc;

fn open(dir: &Path) -> AuditLog {
    let identity = Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "jo".into(),
    };
    AuditLog::open(dir, identity).expect("a log")
}

fn note(text: &str) -> Vec<Body> {
    let connection = ConnectionName::parse("hive").expect("a name");
    vec![Body::Note {
        case: CaseId::new(connection, "~1"),
        text: text.into(),
        operator: None,
    }]
}

fn told(messages: &mut mpsc::Receiver<Message>) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Ok(message) = messages.try_recv() {
        if let Message::Recorded(entries) = message {
            numbers.extend(entries.iter().map(|entry: &Entry| entry.n));
        }
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn two_appends_answered_in_the_other_order_are_told_by_number() {
    let dir = tempfile::tempdir().expect("a directory");
    let (send, mut messages) = mpsc::channel(64);
    let journal = Journal::new(open(dir.path()), &[], send, Arc::new(Open));
    let (first, second) = (journal.append(note("1")), journal.append(note("2")));
    let second = second.await.expect("it is written");
    let first = first.await.expect("it is written");
    assert!(first[0].n < second[0].n);
    assert_eq!(told(&mut messages), [first[0].n, second[0].n]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_wrote_in_between_is_told_in_between() {
    let dir = tempfile::tempdir().expect("a directory");
    let (send, mut messages) = mpsc::channel(64);
    let journal = Journal::new(open(dir.path()), &[], send, Arc::new(Open));
    let other = open(dir.path());
    let mut expected = Vec::new();
    for round in 0..5 {
        expected.extend(journal.record(note("ours")).await.expect("it is written"));
        let text = format!("theirs {round}");
        expected.extend(other.append_blocking(note(&text)).expect("it is written"));
        if round == 2 {
            journal.catch_up().await;
        }
    }
    journal.catch_up().await;
    journal.catch_up().await;
    let expected: Vec<u64> = expected.iter().map(|entry| entry.n).collect();
    assert_eq!(told(&mut messages), expected, "each once, in order");
    assert_eq!(journal.head().map(|head| head.n), expected.last().copied());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_read_as_a_whole_is_said_to_be_broken() {
    let place = tempfile::tempdir().expect("a directory");
    let dir = tempfile::tempdir_in(place.path()).expect("a directory");
    let (send, mut messages) = mpsc::channel(64);
    let journal = Journal::new(open(dir.path()), &[], send, Arc::new(Open));
    journal.record(note("ours")).await.expect("it is written");
    journal.look_whole().await;
    std::fs::rename(dir.path(), place.path().join("away")).expect("it is moved");
    std::fs::write(dir.path(), "").expect("a file stands there");
    journal.look_whole().await;
    let mut said = Vec::new();
    while let Ok(message) = messages.try_recv() {
        if let Message::AuditBroken(fault) = message {
            said.push(fault.is_some());
        }
    }
    assert_eq!(said, [false, true]);
}
