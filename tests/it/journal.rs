//! Records are folded and told by their numbers, whoever wrote them and whoever is answered first; and what is folded must
//! still be there when more is written.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quell::app::message::Message;
use quell::domain::audit::{Body, Entry};
use quell::domain::ids::{CaseId, ConnectionName};
use quell::engine::journal::Journal;
use quell::engine::probe::Open;
use quell::store::audit::{AuditLog, Ground, Identity};
use rstest::rstest;
use tokio::sync::mpsc;

use crate::harness::app::{TestApp, company};
use crate::truth::{DISABLE, REVOKE, confirm, open_case, plan};

fn identity() -> Identity {
    Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "jo".into(),
    }
}

fn open(dir: &Path) -> AuditLog {
    AuditLog::open(dir, identity()).expect("a log")
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
async fn a_record_that_is_written_after_one_that_failed_ends_the_word_about_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (send, mut messages) = mpsc::channel(64);
    let journal = Journal::new(open(dir.path()), &[], send, Arc::new(Open));
    journal.record(note("1")).await.expect("it is written");
    let lock = File::open(only_segment(dir.path())).expect("it is there");
    lock.lock().expect("nobody else has it");
    journal.record(note("2")).await.expect_err("it is locked");
    lock.unlock().expect("it was ours");
    journal.record(note("3")).await.expect("it is written");
    let mut told = Vec::new();
    while let Ok(message) = messages.try_recv() {
        match message {
            Message::AuditFailed(_) => told.push("failed"),
            Message::AuditLooked { fault: None, .. } => told.push("well"),
            _ => {}
        }
    }
    assert_eq!(told, ["failed", "well"]);
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
async fn a_log_is_read_on_where_it_has_grown_and_not_where_it_has_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let (send, mut messages) = mpsc::channel(64);
    let journal = Journal::new(open(dir.path()), &[], send, Arc::new(Open));
    let other = open(dir.path());
    let theirs = other.append_blocking(note("theirs"));
    let theirs = theirs.expect("it is written");
    assert!(!journal.follow().await, "nothing is left");
    assert_eq!(told(&mut messages), [theirs[0].n]);
    // Whoever reads waits two seconds for one who writes.
    let held = File::open(only_segment(dir.path())).expect("it is there");
    held.lock().expect("nobody else has it");
    let looked = tokio::time::timeout(Duration::from_secs(1), journal.follow()).await;
    assert_eq!(looked, Ok(false), "it is not read");
    held.unlock().expect("it was ours");
    let more = other.append_blocking(note("more")).expect("it is written");
    assert!(!journal.follow().await, "nothing is left");
    assert_eq!(told(&mut messages), [more[0].n]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_record_of_ours_that_is_not_answered_is_left_for_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let (send, mut messages) = mpsc::channel(64);
    let log = open(dir.path());
    let journal = Journal::new(log.clone(), &[], send, Arc::new(Open));
    let ours = journal.append(note("ours"));
    // Appends of one writer are done in their order.
    log.append_blocking(Vec::new()).expect("ours is written");
    let theirs = open(dir.path()).append_blocking(note("theirs"));
    let theirs = theirs.expect("it is written");
    assert!(journal.follow().await, "something is left");
    assert!(told(&mut messages).is_empty());
    let ours = ours.await.expect("it is written");
    assert!(!journal.follow().await, "nothing is left");
    assert_eq!(told(&mut messages), [ours[0].n, theirs[0].n]);
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

/// Gives the only segment in a directory.
fn only_segment(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir).expect("the log is there");
    let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    assert_eq!(paths.len(), 1, "{paths:?}");
    paths.swap_remove(0)
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").len()
}

fn cut(path: &Path, size: u64) {
    let file = OpenOptions::new().write(true).open(path);
    let done = file.and_then(|file| file.set_len(size));
    done.expect("it can be cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_behind_what_is_folded_takes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (send, mut messages) = mpsc::channel(64);
    let journal = Journal::new(open(dir.path()), &[], send, Arc::new(Open));
    journal.record(note("ours")).await.expect("it is written");
    let path = only_segment(dir.path());
    let size = size_of(&path);
    let other = open(dir.path());
    for text in ["one", "two"] {
        other.append_blocking(note(text)).expect("it is written");
    }
    journal.catch_up().await;
    assert_eq!(told(&mut messages), [1, 2, 3]);
    // Back to the end that this writer left itself.
    cut(&path, size);
    journal.catch_up().await;
    for _ in 0..2 {
        let fault = journal.record(note("late")).await.expect_err("it was cut");
        let words = "record 3 is not where it was left";
        assert!(fault.what.as_str().contains(words), "{fault:?}");
    }
    assert_eq!(size_of(&path), size, "nothing is added");
    let mut messages = std::iter::from_fn(|| messages.try_recv().ok());
    assert!(messages.any(|message| matches!(message, Message::AuditFailed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_does_not_go_on_from_what_is_folded_is_said_and_ends_the_log() {
    for known in [1, 3] {
        let [dir, elsewhere] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let bodies = [note("1"), note("2"), note("3")].concat();
        let entries = open(elsewhere.path()).append_blocking(bodies);
        let entries = entries.expect("they are written");
        let there = open(dir.path()).append_blocking(note("theirs"));
        there.expect("it is written");
        // What this console knows is not what is there, and the writer did not see it.
        let (send, mut messages) = mpsc::channel(64);
        let log = open(dir.path());
        let journal = Journal::new(log.clone(), &entries[..known], send, Arc::new(Open));
        let fault = journal.record(note("ours")).await.expect_err("it is not");
        let words = "record 2 is not where it was left";
        assert!(fault.what.as_str().contains(words), "{known}: {fault:?}");
        let first = messages.try_recv().expect("it is told");
        assert!(matches!(first, Message::AuditFailed(_)), "{known}");
        let path = only_segment(dir.path());
        let size = size_of(&path);
        assert!(journal.record(note("more")).await.is_err(), "{known}");
        assert_eq!(size_of(&path), size, "{known}: nothing more is taken");
        assert!(log.health().failed.is_some(), "{known}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_saw_more_than_is_left_of_the_log_sends_nothing() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    let path = only_segment(&state.path().join("audit"));
    let size = size_of(&path);
    let mut other = TestApp::start(&drill, state.path());
    open_case(&mut other).await;
    plan(&mut other, REVOKE.keys).await;
    other.end().await;
    // Three of its own, and the one of the other.
    app.until("it knows what the other planned", |model| {
        model.ledger.actions().count() == 4
    })
    .await;
    cut(&path, size);
    confirm(&app);
    app.until("it is said", |model| model.audit_fault.is_some())
        .await;
    assert!(app.screen().contains("audit FAILED"), "{}", app.screen());
    let fault = app.end().await.audit_fault.expect("it stays");
    let words = "the log was changed under this console";
    assert!(fault.what.as_str().contains(words), "{fault:?}");
    assert_eq!(size_of(&path), size, "nothing is added");
    for effect in [DISABLE.effect, REVOKE.effect] {
        assert!(drill.ledger().targets(effect).is_empty(), "{effect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_which_a_number_stood_twice_before_is_gone_on_with() {
    let dir = tempfile::tempdir().expect("a directory");
    let bodies = [note("1"), note("2"), note("3"), note("4")].concat();
    let written = open(dir.path()).append_blocking(bodies);
    written.expect("they are written");
    let path = only_segment(dir.path());
    let text = fs::read_to_string(&path).expect("it is text");
    let second = text.lines().nth(1).expect("a line");
    fs::write(&path, format!("{text}{second}\n")).expect("it can be written");
    let log = open(dir.path());
    let entries = log.read_all().expect("it can be read");
    let (send, mut messages) = mpsc::channel(64);
    let journal = Journal::new(log, &entries, send, Arc::new(Open));
    journal.catch_up().await;
    let mut numbers = Vec::new();
    for _ in 0..3 {
        let written = journal.record(note("more")).await.expect("it is taken");
        numbers.push(written[0].n);
        journal.catch_up().await;
    }
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(told(&mut messages), numbers, "each once, and nothing else");
}

/// A console whose log has a closed segment before the one that is written; it reads both, as it read nothing yet.
struct Console {
    dir: tempfile::TempDir,
    log: AuditLog,
    journal: Journal,
    messages: mpsc::Receiver<Message>,
}

impl Console {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let ground = Ground {
            rotate_at: 1,
            ..Ground::default()
        };
        let before = AuditLog::open_on(dir.path(), identity(), ground).expect("a log");
        for text in ["closed", "open"] {
            before.append_blocking(note(text)).expect("it is written");
        }
        let log = open(dir.path());
        let entries = log.read_all().expect("it can be read");
        let last = entries.last().expect("a record");
        assert_eq!(last.seg, 2, "{last:?}");
        let (send, messages) = mpsc::channel(64);
        let journal = Journal::new(log.clone(), &entries, send, Arc::new(Open));
        Self {
            dir,
            log,
            journal,
            messages,
        }
    }

    fn segment(&self, number: u64) -> PathBuf {
        let name = format!("audit-{}-{number}.jsonl", self.log.log());
        self.dir.path().join(name)
    }

    /// Makes every reading fail; the writer does not look at a closed segment.
    fn hide(&self) {
        let closed = self.segment(1);
        fs::rename(&closed, self.dir.path().join("hidden")).expect("it is moved");
        std::os::unix::fs::symlink("nowhere", closed).expect("a link");
    }

    fn show(&self) {
        fs::rename(self.dir.path().join("hidden"), self.segment(1)).expect("it is moved");
    }

    fn told(&mut self) -> Vec<u64> {
        told(&mut self.messages)
    }

    fn failed(&self) -> Option<String> {
        let failed = self.log.health().failed;
        failed.map(|error| error.to_string())
    }
}

#[rstest]
#[case::readable_before_the_first_is_answered(true)]
#[case::readable_after_both_are(false)]
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_read_is_told_later_and_ends_no_log(#[case] soon: bool) {
    let mut console = Console::new();
    let theirs = open(console.dir.path()).append_blocking(note("theirs"));
    let theirs = theirs.expect("it is written");
    let first = console.journal.append(note("1"));
    let second = console.journal.append(note("2"));
    console.hide();
    let second = second.await.expect("it is written");
    assert!(console.told().is_empty(), "what stands before is not known");
    if soon {
        console.show();
    }
    let first = first.await.expect("it is written");
    assert_eq!(console.failed(), None);
    if !soon {
        assert!(console.told().is_empty(), "what stands before is not known");
        console.show();
        console.journal.catch_up().await;
    }
    assert_eq!(console.told(), [theirs[0].n, first[0].n, second[0].n]);
    let more = console.journal.record(note("more")).await;
    let more = more.expect("it is taken");
    console.journal.catch_up().await;
    assert_eq!(console.told(), [more[0].n], "each once");
    assert_eq!(console.failed(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_from_what_is_folded_is_told_without_a_reading() {
    let mut console = Console::new();
    let first = console.journal.append(note("1"));
    let second = console.journal.append(note("2"));
    console.hide();
    let second = second.await.expect("it is written");
    assert!(console.told().is_empty());
    let first = first.await.expect("it is written");
    assert_eq!(console.told(), [first[0].n]);
    console.show();
    let third = console.journal.record(note("3")).await;
    let third = third.expect("it is written");
    assert_eq!(console.told(), [second[0].n, third[0].n]);
    assert_eq!(console.failed(), None);
}

#[rstest]
#[case::cut(false)]
#[case::written_anew(true)]
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_and_is_not_in_the_log_any_more_ends_it(#[case] anew: bool) {
    let mut console = Console::new();
    let path = console.segment(2);
    let size = size_of(&path);
    let theirs = open(console.dir.path()).append_blocking(note("theirs"));
    theirs.expect("it is written");
    console.hide();
    let ours = console.journal.record(note("ours")).await;
    let ours = ours.expect("it is written");
    console.show();
    cut(&path, size);
    if anew {
        let other = open(console.dir.path());
        let written = other.append_blocking([note("x"), note("y")].concat());
        let written = written.expect("they are written");
        assert_eq!(written[1].n, ours[0].n);
    }
    console.journal.catch_up().await;
    assert!(console.told().is_empty());
    let words = format!("record {} is not where it was left", ours[0].n);
    let failed = console.failed().expect("it is said for good");
    assert!(failed.contains(&words), "{failed}");
    let fault = console.journal.record(note("late")).await;
    let fault = fault.expect_err("nothing is taken");
    assert!(fault.what.as_str().contains(&words), "{fault:?}");
}
