//! The head of the log that the host remembers outside of the log's folder: a log that was emptied, removed or cut between
//! two runs is said at the next start and by `quell audit verify`; where nothing was done to it, nothing is said.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chrono::Utc;
use quell::app::message::{Level, Message};
use quell::app::model::{Layer, Model};
use quell::app::update::update;
use quell::cli::audit::{BROKEN, OK, UNREADABLE, prune, show};
use quell::domain::audit::{Anchor, Body, ChainHash};
use quell::domain::containment::confirm::Confirmation;
use quell::domain::fault::Fault;
use quell::drill::Drill;
use quell::store::audit::{Ground, HEAD, remembered};

use crate::harness::app::{TestApp, company, records};
use crate::harness::screen::text;
use crate::scene;

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
    let out = Command::new(env!("CARGO_BIN_EXE_quell"))
        .arg("--state")
        .arg(state)
        .args(["audit", "verify"])
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
    let code = prune(&state.join("audit"), Utc::now(), &mut out).expect("it is written");
    assert_eq!(code, OK, "{}", String::from_utf8_lossy(&out));
    assert_ne!(verify(state).0, Some(1));
    assert_eq!(run(&drill, state).await.audit_broken, None, "after a prune");
    let (code, told) = verify(state);
    assert_ne!(code, Some(1), "{told}");
    assert!(told.contains("complete: from record"), "{told}");
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
        let code = prune(&state.join("audit"), Utc::now(), &mut out).expect("it is written");
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
