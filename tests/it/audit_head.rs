//! The head of the log that the host remembers outside of the log's folder: a log that was emptied, removed or cut between
//! two runs is said at the next start and by `quell audit verify`; where nothing was done to it, nothing is said.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use chrono::Utc;
use quell::app::message::{Level, Message};
use quell::app::model::{Layer, Model};
use quell::app::update::update;
use quell::cli::audit::{BROKEN, OK, UNREADABLE, WARNINGS, prune, show};
use quell::cli::compose::identity;
use quell::domain::audit::{Anchor, Body, ChainHash, Draft, SegmentPruned, encode_line};
use quell::domain::containment::confirm::Confirmation;
use quell::domain::fault::Fault;
use quell::drill::Drill;
use quell::engine::journal::Journal;
use quell::engine::probe::Open;
use quell::store::audit::{AuditLog, Ground, HEAD, Identity, remembered};
use serde_json::{Value, json};

use crate::audit_agree::python;
use crate::audit_seal::{closing, note, opening};
use crate::crash_matrix::{confirm, contain};
use crate::harness::app::{TestApp, company, records};
use crate::harness::screen::text;
use crate::scene;
use crate::truth::finished;

/// A ground whose segments are short.
fn short() -> Ground {
    Ground {
        rotate_at: 2_000,
        ..Ground::default()
    }
}

async fn start(drill: &Drill, state: &Path) -> TestApp {
    let mut app = TestApp::start_with(drill, state, short(), |text| text);
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app
}

/// Runs a console once, to its end in order.
async fn run(drill: &Drill, state: &Path) -> Model {
    start(drill, state).await.end().await
}

/// Gives the exit code and the words of `quell audit verify`.
fn verify(state: &Path) -> (Option<i32>, String) {
    verify_with(state, &[])
}

/// Gives the exit code and the words of `quell audit verify` with more arguments.
fn verify_with(state: &Path, more: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_quell"))
        .arg("--state")
        .arg(state)
        .args(["audit", "verify"])
        .args(more)
        .output()
        .expect("the program runs");
    let text = String::from_utf8(out.stdout).expect("it is text");
    (out.status.code(), text)
}

fn segments(state: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(state.join("audit")).expect("the log is there");
    let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    paths.sort();
    paths
}

/// Does something to the log that leaves what is left of it whole.
fn change(state: &Path, how: &str) {
    let all = segments(state);
    let first = all.first().expect("a segment");
    for path in &all[1..] {
        fs::remove_file(path).expect("it can be removed");
    }
    // A closed segment is read only.
    fs::set_permissions(first, fs::Permissions::from_mode(0o600)).expect("the mode can be set");
    match how {
        "emptied" => fs::write(first, "").expect("it can be written"),
        "removed" => fs::remove_file(first).expect("it can be removed"),
        _ => {
            let text = fs::read_to_string(first).expect("it is text");
            let kept: String = text.split_inclusive('\n').take(2).collect();
            fs::write(first, kept).expect("it can be written");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_emptied_removed_or_cut_is_said_until_a_person_decides() {
    let drill = company().await;
    for (how, words) in [
        ("emptied", "was cut off or emptied"),
        ("removed", "is gone: this host remembers it"),
        ("cut", "was cut off or emptied"),
    ] {
        let place = tempfile::tempdir().expect("a directory");
        let state = place.path();
        assert_eq!(run(&drill, state).await.audit_broken, None, "{how}");
        change(state, how);
        let (code, told) = verify(state);
        assert_eq!(code, Some(1), "{how}: {told}");
        assert!(told.contains("NOT AS REMEMBERED"), "{how}: {told}");
        assert!(told.contains(words), "{how}: {told}");
        // Said again by every start: what is remembered stays.
        for _ in 0..2 {
            let model = run(&drill, state).await;
            let fault = model.audit_broken.clone().expect("it is kept");
            assert!(
                fault.what.as_str().contains("this host remembers"),
                "{how}: {fault:?}"
            );
            let said = model.log.iter().any(|line| {
                line.level == Level::Error && line.text.as_str().contains(fault.what.as_str())
            });
            assert!(said, "{how}");
            for size in [(60, 15), (80, 24), (120, 40)] {
                let screen = text(&model, size);
                assert!(screen.contains(" log BROKEN "), "{how}: {screen}");
            }
        }
        assert_eq!(verify(state).0, Some(1), "{how}");
        fs::remove_file(state.join(HEAD)).expect("it is there");
        assert_eq!(run(&drill, state).await.audit_broken, None, "{how}");
        let (code, told) = verify(state);
        assert!(matches!(code, Some(0 | 2)), "{how}: {told}");
        assert!(told.contains("by the head this host remembers"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_after_an_end_a_kill_a_rotation_or_a_prune() {
    let drill = company().await;
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    for _ in 0..3 {
        assert_eq!(run(&drill, state).await.audit_broken, None);
        let heads = remembered(&state.join(HEAD)).expect("it can be read");
        let last = records(state).pop().expect("a record");
        let [head] = &heads[..] else {
            panic!("one line: {heads:?}");
        };
        assert_eq!((head.n, head.h), (last.n, last.h), "up to the last record");
        start(&drill, state).await.kill();
    }
    assert!(segments(state).len() > 2, "it was rotated");
    let app = start(&drill, state).await;
    assert_eq!(app.model().audit_broken, None, "after a kill");
    app.end().await;
    let (code, told) = verify(state);
    assert_ne!(code, Some(1), "{told}");
    assert!(told.contains("complete: up to record"), "{told}");

    let mut out = Vec::new();
    let code = prune(&state.join("audit"), Utc::now(), None, &mut out).expect("it is written");
    assert_eq!(code, OK, "{}", String::from_utf8_lossy(&out));
    assert_ne!(verify(state).0, Some(1));
    assert_eq!(run(&drill, state).await.audit_broken, None, "after a prune");
    let (code, told) = verify(state);
    assert_ne!(code, Some(1), "{told}");
    assert!(told.contains("complete: from record"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_waited_for_is_remembered_before_it_is_answered() {
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let head = state.join(HEAD);
    let open = || {
        let identity = Identity {
            host: "bastion".into(),
            uid: 1000,
            user: "ana".into(),
        };
        let ground = Ground {
            head: Some(head.clone()),
            ..short()
        };
        AuditLog::open_on(&state.join("audit"), identity, ground).expect("it can be opened")
    };
    let is_last = |what: &str| {
        let heads = remembered(&head).expect("it can be read");
        let last = records(state).pop().expect("a record");
        let last = Anchor {
            log: last.log,
            n: last.n,
            h: last.h,
        };
        assert_eq!(heads, [last], "{what}");
    };
    let append = |log: &AuditLog, body: Body| {
        log.append_blocking(vec![body]).expect("it is written");
    };
    let (one, two) = (open(), open());
    append(&one, opening());
    is_last("the first record");
    append(&two, opening());
    is_last("the first record of another");
    for i in 0..10 {
        append(&one, note(i).expect("a note"));
        is_last("a record");
        let bodies = vec![note(i).expect("a note")];
        let appended = two.append_if(bodies, Box::new(|_| Ok(()))).await;
        appended.expect("it is written");
        is_last("a record on a condition");
    }
    assert!(segments(state).len() > 2, "it was rotated");
    // Nothing waits for records of class B, and so they wait for the next of the other class.
    let before = remembered(&head).expect("it can be read");
    append(&one, Body::ClockJump { seconds: 1 });
    assert_eq!(remembered(&head).expect("it can be read"), before);
    append(&one, closing());
    is_last("the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_cut_right_after_a_containment_that_was_killed_is_said() {
    let drill = company().await;
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let mut app = TestApp::start(&drill, state);
    contain(&mut app).await;
    confirm(&mut app).await;
    app.until("it is documented", finished).await;
    app.kill();
    let all = records(state);
    let documented = |body: &Body| matches!(body, Body::ActionDoc { .. });
    let last = all.iter().rfind(|entry| documented(&entry.body));
    let last = last.expect("it is documented").n;
    let heads = remembered(&state.join(HEAD)).expect("it can be read");
    assert!(heads.iter().any(|head| head.n >= last), "{last}: {heads:?}");
    let segment = segments(state).swap_remove(0);
    let whole = fs::read_to_string(&segment).expect("it is text");
    let first = whole.split_inclusive('\n').next().expect("a line");
    fs::write(&segment, first).expect("it can be written");
    let (code, told) = verify(state);
    assert_eq!(code, Some(1), "{told}");
    let model = run(&drill, state).await;
    let fault = model.audit_broken.clone().expect("it is kept");
    let words = "was cut off or emptied: this host remembers it up to record";
    assert!(fault.what.as_str().contains(words), "{fault:?}");
    assert!(text(&model, (80, 24)).contains(" log BROKEN "));
}

/// Puts bytes behind the end of the only segment, as whoever may write the file can.
fn put_behind(state: &Path, text: &str) {
    let last = segments(state).pop().expect("a segment");
    let file = fs::OpenOptions::new().append(true).open(last);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.expect("it can be written");
}

/// The next writer names them, and then both verifiers take them for a torn end.
#[tokio::test(flavor = "multi_thread")]
async fn whole_lines_of_others_at_the_end_are_said_once_and_a_torn_piece_is_not() {
    let drill = company().await;
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let said = |model: &Model, bytes: usize| {
        let words =
            format!("{bytes} bytes that are no record stood at the end of the audit log: whole");
        let warned = model.log.iter();
        warned
            .filter(|line| line.level == Level::Warning && line.text.as_str().starts_with(&words))
            .count()
    };
    let at_all = |model: &Model| {
        let stood = "no record stood at the end";
        let lines = model.log.iter().map(|line| line.text.as_str());
        lines.filter(|text| text.contains(stood)).count()
    };
    TestApp::start(&drill, state).end().await;
    // Each kill may leave such a piece.
    put_behind(state, "{\"v\":1,\"log\":\"01");
    let mut app = TestApp::start(&drill, state);
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    assert_eq!(at_all(&app.end().await), 0);

    put_behind(state, "hello\n");
    assert_eq!(verify(state).0, Some(1), "it is broken until it is named");
    let mut app = TestApp::start(&drill, state);
    app.until("it is said", |model| said(model, 6) == 1).await;
    // Also while it runs, and by nobody else's writing.
    put_behind(state, &"hello, you\n".repeat(1_000));
    let model = app
        .until("it is said", |model| said(model, 11_000) == 1)
        .await;
    assert_eq!((said(&model, 6), at_all(&model)), (1, 2), "each once");
    app.end().await;
    let (code, told) = verify(state);
    assert_ne!(code, Some(1), "{told}");
    let mut app = TestApp::start(&drill, state);
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    assert_eq!(at_all(&app.end().await), 0, "it was said");
}

/// Opens the log as a console does, and gives it with what the console is told.
fn console(state: &Path) -> (Journal, tokio::sync::mpsc::Receiver<Message>) {
    let identity = Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    };
    let ground = Ground {
        head: Some(state.join(HEAD)),
        ..Ground::default()
    };
    let log = AuditLog::open_on(&state.join("audit"), identity, ground);
    let log = log.expect("it can be opened");
    let (send, messages) = tokio::sync::mpsc::channel(64);
    (Journal::new(log, &[], send, Arc::new(Open)), messages)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_did_not_see_what_was_cut_off_takes_nothing_any_more() {
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let (one, mut told) = console(state);
    let ours = one.record(vec![note(0).expect("a note")]).await;
    ours.expect("it is written");
    let segment = segments(state).swap_remove(0);
    let before = fs::metadata(&segment).expect("it is there").len();
    let (two, _others) = console(state);
    let theirs = two.record(vec![note(1).expect("a note")]).await;
    let last = theirs.expect("it is written").pop().expect("a record");
    drop(two);
    let file = fs::OpenOptions::new().write(true).open(&segment);
    let cut = file.and_then(|file| file.set_len(before));
    cut.expect("it can be cut");
    // It has read nothing of the other.
    one.look().await;
    let mut faults = Vec::new();
    while let Ok(message) = told.try_recv() {
        if let Message::AuditLooked { fault, .. } = message {
            faults.push(fault.expect("it is said").what.to_string());
        }
    }
    let words = format!("record {} is not where it was left", last.n);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(&words), "{faults:?}");
    let refused = one.record(vec![note(2).expect("a note")]).await;
    assert!(refused.is_err());
    let now = fs::metadata(&segment).expect("it is there").len();
    assert_eq!(now, before, "nothing is signed behind the cut");
    // The next start says it and goes on.
    let (three, _told) = console(state);
    let theirs = three.record(vec![note(3).expect("a note")]).await;
    theirs.expect("it is taken");
    assert_eq!(verify(state).0, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_cannot_be_written_is_said_once() {
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let (journal, mut messages) = console(state);
    let way = state.join("head.new");
    fs::create_dir(&way).expect("a directory");
    for round in 0..4 {
        if round == 2 {
            fs::remove_dir(&way).expect("it is there");
        }
        let bodies = vec![note(round).expect("a note")];
        journal.record(bodies).await.expect("it is written");
        journal.look().await;
    }
    let mut said = Vec::new();
    while let Ok(message) = messages.try_recv() {
        if let Message::Noticed { level, fault } = message {
            said.push((level, fault.what.to_string()));
        }
    }
    let [(first, cannot), (second, can)] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!((*first, *second), (Level::Warning, Level::Info));
    assert!(cannot.contains("cannot remember how far"), "{cannot}");
    assert!(can.contains("remembers again"), "{can}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_settles_no_head_that_does_not_fit() {
    let drill = company().await;
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    for _ in 0..3 {
        run(&drill, state).await;
    }
    let before = segments(state);
    assert!(before.len() > 1, "it was rotated");
    let pruned = || {
        let mut out = Vec::new();
        let code = prune(&state.join("audit"), Utc::now(), None, &mut out).expect("it is written");
        (code, String::from_utf8(out).expect("it is text"))
    };
    // A record of the segment that would go first, under another hash.
    let first = records(state).swap_remove(0);
    let other = Anchor {
        log: first.log,
        n: first.n,
        h: ChainHash::of(b"another"),
    };
    fs::write(state.join(HEAD), format!("{other}\n")).expect("it can be written");
    let (code, told) = pruned();
    assert_eq!(code, BROKEN, "{told}");
    assert!(told.contains("nothing is removed: "), "{told}");
    assert!(told.contains("its record 1 is another"), "{told}");
    // What cannot be read may not fit either.
    fs::remove_file(state.join(HEAD)).expect("it is there");
    fs::create_dir(state.join(HEAD)).expect("it can be made");
    let (code, told) = pruned();
    assert_eq!(code, UNREADABLE, "{told}");
    assert_eq!(segments(state), before);
    fs::remove_dir(state.join(HEAD)).expect("it is there");
    fs::write(state.join(HEAD), "garbage\n").expect("it can be written");
    let (code, told) = pruned();
    assert_eq!(code, UNREADABLE, "{told}");
    assert_eq!(segments(state), before);
    fs::remove_file(state.join(HEAD)).expect("it is there");
    let (code, told) = pruned();
    assert_eq!(code, OK, "{told}");
    assert_ne!(segments(state), before);
}

/// Puts a later segment in the place of all there are, which says that they were removed on purpose up to a record.
fn replace(state: &Path, n: u64, h: ChainHash) {
    let last = records(state).pop().expect("a record");
    for segment in segments(state) {
        fs::remove_file(segment).expect("it can be removed");
    }
    let seg = last.seg + 1;
    let bodies = [
        Body::SegmentStart {
            prev_h: h.to_string(),
        },
        Body::SegmentPruned(SegmentPruned {
            segment: last.seg,
            n,
            h: h.to_string(),
        }),
    ];
    let (mut prev, mut text) = (h, Vec::new());
    for (n, body) in (n + 1..).zip(&bodies) {
        let made = encode_line(&Draft {
            log: &last.log,
            seg,
            n,
            ts: last.ts,
            boot_us: last.boot_us,
            host: &last.host,
            uid: last.uid,
            user: &last.user,
            pid: last.pid,
            sess: &last.sess,
            body,
            prev,
        });
        let (line, entry) = made.expect("it can be written");
        prev = entry.h;
        text.extend(line);
    }
    let path = state.join(format!("audit/audit-{}-{seg}.jsonl", last.log));
    fs::write(path, text).expect("it can be written");
}

/// Gives what `quell audit verify` answers as JSON.
fn answered(state: &Path) -> Value {
    let (_, told) = verify_with(state, &["--json"]);
    serde_json::from_str(&told).expect("it is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_replaced_by_a_later_part_is_said_until_a_person_decides() {
    let drill = company().await;
    // What is remembered is named as removed, or a made-up record far behind it.
    for (behind, other) in [(0, None), (5, Some(ChainHash::of(b"another")))] {
        let place = tempfile::tempdir().expect("a directory");
        let state = place.path();
        assert_eq!(run(&drill, state).await.audit_broken, None);
        let known = remembered(&state.join(HEAD)).expect("it can be read");
        let [head] = &known[..] else {
            panic!("one line: {known:?}");
        };
        replace(state, head.n + behind, other.unwrap_or(head.h));
        let is_said = |what: &str| {
            let (code, told) = verify(state);
            assert_eq!(code, Some(i32::from(BROKEN)), "{what}: {told}");
            for words in [
                "NOT AS REMEMBERED",
                "NOT COMPLETE",
                "its first record is a later one",
            ] {
                assert!(told.contains(words), "{what}: {words}: {told}");
            }
            assert!(!told.contains("  complete: "), "{what}: {told}");
            let answer = answered(state);
            assert_eq!(answer["exit"], BROKEN, "{what}: {answer}");
            assert_eq!(answer["remembered"][0]["fits"], false, "{what}");
            let log = &answer["logs"][0];
            assert_eq!(
                (&log["intact"], &log["complete"]),
                (&json!(true), &json!(false))
            );
            assert_eq!(log["complete_to"], Value::Null, "{what}");
            if python().is_some() {
                let (code, told) = second(state);
                assert_eq!(code, Some(i32::from(BROKEN)), "{what}: {told}");
                assert!(
                    told.contains("the log begins behind record"),
                    "{what}: {told}"
                );
            }
            let heads = remembered(&state.join(HEAD)).expect("it can be read");
            assert_eq!(heads, known, "{what}");
        };
        is_said("before a start");
        let mut out = Vec::new();
        let code = prune(&state.join("audit"), Utc::now(), None, &mut out);
        let told = String::from_utf8(out).expect("it is text");
        assert_eq!(code.expect("it is written"), BROKEN, "{told}");
        assert!(told.contains("nothing is removed: "), "{told}");
        for _ in 0..2 {
            let model = run(&drill, state).await;
            let fault = model.audit_broken.clone().expect("it is kept");
            let words = "lost its beginning or was replaced: this host remembers it up to record";
            assert!(fault.what.as_str().contains(words), "{fault:?}");
            assert!(text(&model, (80, 24)).contains(" log BROKEN "));
            is_said("after a start");
        }
        fs::remove_file(state.join(HEAD)).expect("it is there");
        assert_eq!(run(&drill, state).await.audit_broken, None);
        assert_ne!(verify(state).0, Some(i32::from(BROKEN)));
    }
}

/// Opens the log of this host and user, as `quell audit prune` does, in short segments.
fn own(state: &Path) -> AuditLog {
    let ground = Ground {
        head: Some(state.join(HEAD)),
        ..short()
    };
    AuditLog::open_on(&state.join("audit"), identity(), ground).expect("it can be opened")
}

/// Writes a log whose last segment holds nothing that anything waited for, so that what is remembered is in the one before;
/// gives what is remembered.
fn lagging(state: &Path) -> Anchor {
    let log = own(state);
    for body in [opening(), note(0).expect("a note"), closing()] {
        log.append_blocking(vec![body]).expect("it is written");
    }
    let last = records(state).pop().expect("a record");
    while records(state)
        .pop()
        .is_some_and(|entry| entry.seg == last.seg)
    {
        let jump = vec![Body::ClockJump { seconds: 1 }];
        log.append_blocking(jump).expect("it is written");
    }
    drop(log);
    let mut heads = remembered(&state.join(HEAD)).expect("it can be read");
    let head = heads.pop().expect("it is remembered");
    assert!(head.n <= last.n, "{head:?}");
    head
}

/// Removes what is old, and gives the exit code and the words.
fn pruned(state: &Path) -> (u8, String) {
    let mut out = Vec::new();
    let code = prune(&state.join("audit"), Utc::now(), None, &mut out).expect("it is written");
    (code, String::from_utf8(out).expect("it is text"))
}

#[test]
fn a_removal_is_remembered_before_anything_goes() {
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let before = lagging(state);
    let earlier = records(state).swap_remove(0);
    let (code, told) = pruned(state);
    assert_eq!(code, OK, "{told}");
    let (first, last) = {
        let all = records(state);
        let first = all.first().expect("a record").n;
        (first, all.last().expect("a record").n)
    };
    assert!(first > before.n, "what was remembered is gone: {first}");
    let heads = remembered(&state.join(HEAD)).expect("it can be read");
    assert!(heads.len() == 1 && heads[0].n == last, "{heads:?}");
    let (code, told) = verify(state);
    assert_ne!(code, Some(i32::from(BROKEN)), "{told}");
    assert!(told.contains("complete: from record"), "{told}");

    // A case still names what was removed: that can not be checked, and is no fault.
    let comments = state.join("comments");
    let named = format!("audit {} n={} h={}\n", earlier.log, earlier.n, earlier.h);
    fs::write(&comments, named).expect("it can be written");
    let warned = "1 anchors name records before the first one here, and cannot be checked";
    let comments = comments.to_str().expect("it is text");
    for complete in [
        "complete: from record",
        "complete: not known, no anchor fits a record here",
    ] {
        let (code, told) = verify_with(state, &["--anchors", comments]);
        assert_eq!(code, Some(i32::from(WARNINGS)), "{told}");
        for words in [warned, complete] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(!told.contains("NOT AS REMEMBERED"), "{told}");
        if let Some(mut python) = python() {
            let out = python
                .args(["--anchors", comments])
                .arg(state.join("audit"));
            let out = out.output().expect("it runs");
            let told = String::from_utf8(out.stdout).expect("it is text");
            assert_eq!(out.status.code(), Some(i32::from(WARNINGS)), "{told}");
            assert!(told.starts_with("ok "), "{told}");
            assert!(
                told.contains(&format!("\nEARLIER {}\n", earlier.log)),
                "{told}"
            );
        }
        // Without what this host remembers, only the case speaks of the log.
        drop(fs::remove_file(state.join(HEAD)));
    }
}

#[test]
fn nothing_is_removed_that_this_host_cannot_stop_remembering() {
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let before = lagging(state);
    let kept = segments(state);
    let way = state.join("head.new");
    fs::create_dir(&way).expect("a directory");
    let (code, told) = pruned(state);
    assert_eq!(code, UNREADABLE, "{told}");
    let words = format!("refused to remove record {} of the audit log", before.n);
    assert!(told.contains(&words), "{told}");
    assert!(told.contains("`head.new`"), "{told}");
    assert_eq!(segments(state), kept);
    assert_ne!(verify(state).0, Some(i32::from(BROKEN)));
    fs::remove_dir(&way).expect("it is there");
    let (code, told) = pruned(state);
    assert_eq!(code, OK, "{told}");
    assert_ne!(segments(state), kept);
    assert_ne!(verify(state).0, Some(i32::from(BROKEN)));
}

#[test]
fn both_verifiers_judge_a_head_from_before_the_first_record_alike() {
    if python().is_none() {
        println!(
            "not run: both_verifiers_judge_a_head_from_before_the_first_record_alike (missing python3)"
        );
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    lagging(state);
    assert_eq!(pruned(state).0, OK);
    let path = state.join(HEAD);
    let whole = fs::read_to_string(&path).expect("it is there");
    let first = records(state).swap_remove(0);
    let named = |n: u64, h: ChainHash| format!("audit {} n={n} h={h}\n", first.log);
    let other = ChainHash::of(b"another");
    let codes = |text: String| {
        fs::write(&path, &text).expect("it can be written");
        let (ours, theirs) = (verify(state), second(state));
        assert_eq!(
            ours.0 == Some(i32::from(BROKEN)),
            theirs.0 == Some(i32::from(BROKEN)),
            "{text}: {ours:?} {theirs:?}"
        );
        ours.0
    };
    let broken = Some(i32::from(BROKEN));
    assert_ne!(codes(whole.clone()), broken);
    assert_ne!(codes(named(first.n, first.h)), broken);
    for text in [
        named(first.n, other),
        named(first.n - 1, first.prev),
        named(first.n - 1, other),
        named(1, other),
        whole + &named(1, other),
    ] {
        assert_eq!(codes(text), broken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_cannot_be_read_is_said_and_left_as_it_is() {
    let drill = company().await;
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    run(&drill, state).await;
    let (head, elsewhere) = (state.join(HEAD), state.join("elsewhere"));
    fs::rename(&head, &elsewhere).expect("it is there");
    std::os::unix::fs::symlink(&elsewhere, &head).expect("a link");
    let kept = fs::read(&elsewhere).expect("it can be read");
    let model = run(&drill, state).await;
    let fault = model.audit_broken.clone().expect("it is kept");
    assert!(
        fault.what.as_str().contains("what this host remembers"),
        "{fault:?}"
    );
    assert!(text(&model, (80, 24)).contains(" log BROKEN "));
    assert_eq!(fs::read_link(&head).ok(), Some(elsewhere.clone()));
    assert_eq!(fs::read(&elsewhere).ok(), Some(kept));
    let (code, told) = verify(state);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("what this host remembers of the log cannot be read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_was_damaged_is_said_and_left_as_it_is() {
    let drill = company().await;
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    run(&drill, state).await;
    let head = state.join(HEAD);
    let whole = fs::read_to_string(&head).expect("it is there");
    let no_head = "a line of it is not the head of a log";
    for (text_of, why) in [
        (String::new(), "it is empty"),
        ("garbage\n".to_owned(), no_head),
        (whole.replace(" h=", " h=x"), no_head),
        (format!("{whole}garbage\n"), no_head),
        (whole.repeat(1_000), "more than 64 KiB"),
    ] {
        fs::write(&head, &text_of).expect("it can be written");
        let model = run(&drill, state).await;
        let fault = model.audit_broken.clone().expect("it is kept");
        let said = fault.what.as_str();
        assert!(said.contains("what this host remembers"), "{fault:?}");
        assert!(said.contains(why), "{fault:?}");
        assert!(text(&model, (80, 24)).contains(" log BROKEN "));
        let (code, told) = verify(state);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(why), "{told}");
        assert_eq!(fs::read_to_string(&head).ok(), Some(text_of));
    }
    fs::remove_file(&head).expect("it is there");
    assert_eq!(run(&drill, state).await.audit_broken, None);
    assert_eq!(remembered(&head).expect("it can be read").len(), 1);
}

/// Writes a log of which nothing is to be said, and gives its head.
fn quiet(state: &Path) -> Anchor {
    let identity = Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    };
    let log = AuditLog::open(&state.join("audit"), identity).expect("it can be opened");
    for body in [opening(), note(0).expect("a note"), closing()] {
        log.append_blocking(vec![body]).expect("it is written");
    }
    drop(log);
    let last = records(state).pop().expect("a record");
    Anchor {
        log: last.log,
        n: last.n,
        h: last.h,
    }
}

/// Gives the exit code and the words of the second verifier, which is handed the head.
fn second(state: &Path) -> (Option<i32>, String) {
    let mut python = python().expect("it was there a moment ago");
    python.arg("--anchors").arg(state.join(HEAD));
    python.arg(state.join("audit"));
    // It must not wait for what stands in place of the file.
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(python.output()));
    let out = told.recv_timeout(Duration::from_secs(60));
    let out = out.expect("it ends").expect("it runs");
    let text = String::from_utf8(out.stdout).expect("it is text");
    (out.status.code(), text)
}

/// Asserts that both verifiers end with a code, and say why the head counts for nothing exactly where there is a reason.
fn alike(state: &Path, code: u8, why: &str, case: &str) {
    let (ours, theirs) = (verify(state), second(state));
    let code = Some(i32::from(code));
    assert_eq!(
        (ours.0, theirs.0),
        (code, code),
        "{case}: {ours:?} {theirs:?}"
    );
    let unread = "what this host remembers of the log cannot be read: ";
    for (words, (_, said)) in [(unread, ours), ("DAMAGED ", theirs)] {
        assert_eq!(said.contains(words), !why.is_empty(), "{case}: {said}");
        assert!(said.contains(why), "{case}: {said}");
    }
}

#[test]
fn both_verifiers_judge_a_head_alike() {
    if python().is_none() {
        println!("not run: both_verifiers_judge_a_head_alike (missing python3)");
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let known = quiet(state);
    let path = state.join(HEAD);
    let (whole, h) = (format!("{known}\n"), known.h.to_string());
    let (cut, _) = h.split_at(63);
    let ended = |end: &str| format!("{known}{end}");
    let of = |log: &str| whole.replace(known.log.as_str(), log);
    let numbered = |n: &str| whole.replace(&format!(" n={} ", known.n), &format!(" n={n} "));
    let hashed = |other: &str| whole.replace(&h, other);
    let most = (64 << 10) / whole.len();
    let texts = [
        (whole.clone(), OK, ""),
        // A file that went through an editor or another system holds the same lines.
        (ended(""), OK, ""),
        (ended("\r\n"), OK, ""),
        (whole.repeat(2), OK, ""),
        (whole.repeat(most), OK, ""),
        // Heads that do not fit.
        (numbered("9007199254740993"), BROKEN, ""),
        (numbered("18446744073709551615"), BROKEN, ""),
        (hashed(&"0".repeat(64)), BROKEN, ""),
        (of("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), BROKEN, ""),
        (
            whole.clone() + &of("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
            BROKEN,
            "",
        ),
        // No heads at all.
        (String::new(), WARNINGS, "it is empty"),
        (whole.repeat(most + 1), WARNINGS, "it has more than 64 KiB"),
    ];
    let no_heads = [
        "\n".to_owned(),
        "\r\n".to_owned(),
        "\0".repeat(64),
        ended("\r"),
        ended("\r\r\n"),
        ended("\n\n"),
        ended("\ngarbage\n"),
        ended("\ngarbage"),
        ended(" \n"),
        ended("\0\n"),
        ended("\n\0"),
        ended("\\n\n"),
        // Ends of lines to others, not here.
        ended("\u{2028}") + &whole,
        ended("\u{85}") + &whole,
        ended("\u{b}") + &whole,
        ended("\r") + &whole,
        ended(" ") + &whole,
        format!("\n{whole}"),
        format!(" {whole}"),
        format!("\u{feff}{whole}"),
        format!("# comment\n{whole}"),
        format!("({known})\n"),
        whole.replace(' ', "  "),
        whole.replace(' ', "\t"),
        whole.replace(' ', "\u{a0}"),
        whole.replace("audit", "Audit"),
        numbered(""),
        numbered("0"),
        numbered("-1"),
        numbered("+1"),
        numbered("1.0"),
        numbered(&format!("0{}", known.n)),
        numbered("\u{661}"),
        numbered("18446744073709551616"),
        numbered(&"9".repeat(5_000)),
        hashed(cut),
        hashed(&format!("{h}0")),
        hashed(&format!("{cut}g")),
        hashed(&h.to_uppercase()),
        of(&known.log.as_str().to_lowercase()),
        of("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
        of("01ARZ3NDEKTSV4RRFFQ69G5FAU"),
        of("01ARZ3NDEKTSV4RRFFQ69G5FA"),
    ];
    let no_texts = [
        [whole.as_bytes(), &b"\xff\n"[..]].concat(),
        [known.to_string().as_bytes(), &b"\xff\n"[..]].concat(),
        whole.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    let no_head = "a line of it is not the head of a log";
    let texts = texts
        .into_iter()
        .chain(no_heads.map(|text| (text, WARNINGS, no_head)))
        .map(|(text, code, why)| (text.into_bytes(), code, why));
    for (bytes, code, why) in texts.chain(no_texts.map(|bytes| (bytes, WARNINGS, no_head))) {
        fs::write(&path, &bytes).expect("it can be written");
        let case: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
        alike(state, code, why, &format!("{case:?}"));
    }
    // A good copy is behind the link.
    let elsewhere = state.join("elsewhere");
    fs::write(&elsewhere, &whole).expect("it can be written");
    for kind in ["a pipe", "a socket", "a symbolic link", "a directory"] {
        fs::remove_file(&path).expect("it is there");
        put(&path, kind, &elsewhere);
        let why = format!("it is {kind}, not a regular file");
        alike(state, WARNINGS, &why, kind);
    }
    fs::remove_dir(&path).expect("it is there");
    // Nothing is remembered then; who names the file wants it read.
    assert_eq!(verify(state).0, Some(i32::from(OK)));
    assert_eq!(second(state).0, Some(i32::from(UNREADABLE)));

    // What is wrong with the log is said beside it, and a log that is gone is no reason to be silent.
    let segment = segments(state).swap_remove(0);
    let log = fs::read_to_string(&segment).expect("it is text");
    let edited = log.replacen("note 0", "nose 0", 1);
    assert_ne!(edited, log);
    for (log, good, damaged) in [(Some(edited), BROKEN, BROKEN), (None, BROKEN, UNREADABLE)] {
        let changed = match &log {
            Some(text) => fs::write(&segment, text),
            None => fs::remove_file(&segment),
        };
        changed.expect("it can be changed");
        fs::write(&path, &whole).expect("it can be written");
        alike(state, good, "", "a good head of a log that is not");
        fs::write(&path, format!("{whole}garbage\n")).expect("it can be written");
        alike(state, damaged, no_head, "neither head nor log is good");
    }
}

#[test]
fn a_log_that_only_anchors_know_any_more_is_named() {
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    let known = quiet(state);
    let log = known.log.as_str();
    let comments = state.join("comments");
    fs::write(&comments, format!("documented\n{known}\n")).expect("it can be written");
    let comments = comments.to_str().expect("it is text");
    let told = |more: &[&str]| {
        let all = [&["--anchors", comments][..], more].concat();
        verify_with(state, &all)
    };
    let answer = || -> Value {
        let (_, text) = told(&["--json"]);
        serde_json::from_str(&text).expect("it is JSON")
    };
    let keys = |told: &Value| -> Vec<String> {
        let told = told.as_object().expect("an object");
        told.keys().cloned().collect()
    };
    let whole = answer();
    assert_eq!(whole["exit"], OK, "{whole}");

    // Emptied, and what this host remembers of it damaged: only the case speaks of it.
    for segment in segments(state) {
        fs::remove_file(segment).expect("it can be removed");
    }
    fs::write(state.join(HEAD), "garbage\n").expect("it can be written");
    let (code, words) = told(&[]);
    assert_eq!(code, Some(i32::from(UNREADABLE)), "{words}");
    let named = format!("warning: anchors name the log {log}, which is not here");
    for said in [named.as_str(), "this host remembers", "no audit log here"] {
        assert!(words.contains(said), "{said}: {words}");
    }
    let emptied = answer();
    assert_eq!(emptied["exit"], UNREADABLE, "{emptied}");
    assert_eq!(emptied["elsewhere"], json!([log]));
    assert_eq!(emptied["logs"], json!([]));
    assert_eq!(emptied["remembered"], json!([]));
    let note = emptied["notes"][0].as_str().expect("a note");
    assert!(note.contains("this host remembers"), "{note}");
    // Whoever reads the answer finds the same names in it.
    assert_eq!(keys(&emptied), keys(&whole));

    // Without anchors nothing knows of a log.
    let (code, words) = verify(state);
    assert_eq!(code, Some(i32::from(UNREADABLE)), "{words}");
    assert!(!words.contains("anchors name"), "{words}");
}

/// Puts something else in the place of a file.
fn put(path: &Path, kind: &str, elsewhere: &Path) {
    use rustix::fs::{CWD, FileType, Mode};

    match kind {
        "a pipe" => {
            let mode = Mode::RUSR | Mode::WUSR;
            rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0).expect("a pipe");
        }
        "a socket" => drop(std::os::unix::net::UnixListener::bind(path).expect("a socket")),
        "a directory" => fs::create_dir(path).expect("a directory"),
        _ => std::os::unix::fs::symlink(elsewhere, path).expect("a link"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_log_stays_on_the_screen() {
    let drill = company().await;
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path();
    run(&drill, state).await;
    let first = segments(state).swap_remove(0);
    let whole = fs::read_to_string(&first).expect("it is text");
    // A closed segment may be read only.
    fs::remove_file(&first).expect("it can be removed");
    fs::write(&first, whole.replacen("acme", "acne", 1)).expect("it can be written");
    let app = start(&drill, state).await;
    // Messages pass, and this does not.
    let model = app.end().await;
    let fault = model.audit_broken.clone().expect("it is kept");
    assert!(
        fault.what.as_str().contains("the audit log is BROKEN"),
        "{fault:?}"
    );
    assert!(text(&model, (80, 24)).contains(" log BROKEN "));
}

#[test]
fn the_dialog_that_confirms_says_that_the_log_is_broken() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut model = scene::open(size);
        let mut confirmation = Confirmation::open(scene::plan(false));
        confirmation.drawn(Duration::ZERO);
        model.layers.push(Layer::Confirm {
            confirmation: Box::new(confirmation),
            said: None,
            scroll: 0,
        });
        let words = "the audit log is BROKEN, 2 faults";
        assert!(!text(&model, size).contains(words));
        model.audit_broken = Some(Fault::new(words));
        let screen = text(&model, size);
        assert!(screen.contains(words), "{screen}");
    }
}

#[test]
fn what_a_reading_of_the_whole_log_found_is_said_once_and_taken_back() {
    let mut model = scene::open((120, 40));
    let fault = Fault::new("the audit log is BROKEN, 2 faults");
    let said = |model: &Model| {
        let lines = model.log.iter();
        lines
            .filter(|line| line.text.as_str().contains("BROKEN"))
            .count()
    };
    for _ in 0..2 {
        let message = Message::AuditBroken(Some(fault.clone()));
        let _ = update(&mut model, scene::now(), message);
        assert_eq!(said(&model), 1);
        assert_eq!(model.audit_broken.as_ref(), Some(&fault));
    }
    let _ = update(&mut model, scene::now(), Message::AuditBroken(None));
    assert_eq!(model.audit_broken, None);
    let last = model.log.back().expect("a line");
    assert!(last.text.as_str().contains("the audit log is whole"));
}

/// Runs a console and gives the hash of the policy that its first record names.
async fn policy(drill: &Drill, state: &Path, edit: fn(String) -> String) -> String {
    let mut app = TestApp::start_with(drill, state, Ground::default(), edit);
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.end().await;
    let mut all = records(state).into_iter();
    let opened = all.find_map(|entry| match entry.body {
        Body::SessionOpen { policy_sha256, .. } => policy_sha256,
        _ => None,
    });
    opened.expect("it is named")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_of_a_session_names_the_policy_in_force() {
    let drill = company().await;
    let places = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let first = policy(&drill, places[0].path(), |text| text).await;
    let same = policy(&drill, places[1].path(), |text| text).await;
    let other = policy(&drill, places[2].path(), |text| {
        text.replace(
            "protected = [\"breakglass-01@acme.example\"]",
            "protected = []",
        )
    })
    .await;
    assert_eq!(first.len(), 64);
    assert_eq!(first, same);
    assert_ne!(first, other);
    let mut out = Vec::new();
    show(&places[0].path().join("audit"), false, &mut out).expect("it is shown");
    assert!(String::from_utf8_lossy(&out).contains(&format!("\"policy_sha256\":\"{first}\"")));
}
