//! What an outsider broke once: each a short story that must not happen again.

use std::time::Duration;

use quell::app::message::Message;
use quell::app::model::{Found, Layer, Load, Model};
use quell::app::unrecorded::Unrecorded;
use quell::domain::containment::state::ActionState;
use quell::domain::fault::Fault;
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::app::{Setting, TestApp, company};
use crate::harness::screen::text;
use crate::scene;

const LOGIN: &str = "mara.lind@acme.example";

fn place() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Opens the live case, plans and waits for the dialog.
async fn dialog(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter><Enter>");
    app.until("account and activity are there", |model| {
        model.open.as_ref().is_some_and(|open| {
            matches!(&open.account, Load::Ready(Found::One(_), _)) && open.activity.ended.is_some()
        }) && !model.offers.is_empty()
    })
    .await;
    app.keys("cc");
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    app.until("the dialog is open", open).await;
    app.clock.advance(Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_is_shown_while_the_account_is_read_again() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    dialog(&mut app).await;
    drill
        .fault(&json!({"server": "identity", "fault": "hang", "rate": 1.0}))
        .expect("the fault is known");
    app.keys(LOGIN).keys("<Tab>y");
    let model = app
        .until("it was confirmed", |model| {
            matches!(model.layers.last(), Some(Layer::Response { .. }))
        })
        .await;
    // Nothing is on record yet, and still it is not "nothing".
    let planned = |model: &Model| {
        model
            .ledger
            .actions()
            .all(|action| action.state == ActionState::Planned)
    };
    assert!(planned(&model));
    assert_eq!(model.unfinished(), 3);
    let screen = app.screen();
    assert!(screen.contains("3 unfinished"), "{screen}");
    assert!(screen.contains("revoke sessions  confirmed"), "{screen}");
    assert!(screen.contains("nothing was sent yet"), "{screen}");
    assert!(!screen.contains("nothing was done"), "{screen}");
    app.keys("<Esc>q");
    app.until("quitting asks first", |model| {
        matches!(model.layers.last(), Some(Layer::QuitAnyway))
    })
    .await;
    app.keys("n");
    let given_up = |model: &Model| {
        model.going.is_empty()
            && model
                .ledger
                .actions()
                .all(|action| action.state == ActionState::Abandoned)
    };
    app.until("it is given up, on record", given_up).await;
    assert_eq!(drill.ledger().targets("suspend").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_low_terminal_shows_limits_and_proof_further_down() {
    let (drill, state) = (company().await, place());
    let setting = Setting {
        size: (80, 24),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    dialog(&mut app).await;
    let top = app.screen();
    assert!(top.contains("account     mara.lind"), "{top}");
    assert!(top.contains("Down: limits and proof"), "{top}");
    assert!(!top.contains("│ proof "), "{top}");
    app.keys("<PageDown><PageDown><PageDown>");
    app.sync().await;
    let bottom = app.screen();
    assert!(bottom.contains("│ limits "), "{bottom}");
    assert!(bottom.contains("│ proof "), "{bottom}");
    assert!(bottom.contains("type mara.lind"), "{bottom}");
    // Reading on confirms nothing and types nothing, and the way back is there.
    app.keys("<PageUp><PageUp><PageUp>");
    app.sync().await;
    assert_eq!(app.screen(), top);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_confirmed_on_a_terminal_too_small_to_show_it() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    dialog(&mut app).await;
    app.keys(LOGIN);
    app.send(Message::Resized {
        width: 20,
        height: 5,
    });
    app.keys("<Tab>y");
    let refused = |model: &Model| {
        let said = matches!(
            model.layers.last(),
            Some(Layer::Confirm { said: Some(line), .. }) if line.as_str().contains("too small")
        );
        said && model.size == (20, 5)
    };
    app.until("the keys are refused", refused).await;
    let model = app.sync().await;
    assert!(matches!(model.layers.last(), Some(Layer::Confirm { .. })));
    assert_eq!(model.unfinished(), 0);
    // Large again, the dialog goes on where it was: the name stands, the focus is on cancel.
    app.keys("<Tab>y");
    app.until("it was confirmed", |model| {
        matches!(model.layers.last(), Some(Layer::Response { .. }))
    })
    .await;
}

#[rstest]
#[case::it_cannot_be_written(true, "cannot be written")]
#[case::it_is_not_whole(false, "is BROKEN or cut")]
fn who_quits_over_a_log_that_fails_is_told_what_the_next_console_does_not_find(
    #[case] fails: bool,
    #[case] how: &str,
    #[values((80, 24), (120, 40), (200, 60))] size: (u16, u16),
) {
    const FINDS: &str = "the next console finds all of it";
    let mut model = scene::response(size);
    assert_eq!(Unrecorded::of(&model), None);
    model.layers.push(Layer::QuitAnyway);
    assert!(text(&model, size).contains(FINDS));
    let fault = Fault::new("no space left on the disk");
    if fails {
        model.audit_fault = Some(fault);
    } else {
        model.audit_broken = Some(fault);
    }
    let screen = text(&model, size);
    assert!(!screen.contains(FINDS), "{screen}");
    assert!(
        screen.contains("does not find. Note the accounts"),
        "{screen}"
    );
    let said = Unrecorded::of(&model).expect("an action is under way");
    let lines: Vec<String> = said.lines().map(|line| line.to_string()).collect();
    let (first, acts) = lines.split_first().expect("it says why");
    assert!(
        first.starts_with(&format!("The audit log {how}: ")),
        "{first}"
    );
    let under_way = model
        .ledger
        .unfinished()
        .map(quell::domain::containment::ledger::ActionView::what);
    let under_way: Vec<String> = under_way
        .map(|what| format!("- {what} of {LOGIN} ("))
        .collect();
    assert!(!under_way.is_empty());
    assert_eq!(acts.len(), under_way.len(), "{acts:?}");
    for (act, begins) in acts.iter().zip(&under_way) {
        assert!(act.starts_with(begins), "{act}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_log_is_told_at_the_start() {
    let (drill, state) = (company().await, place());
    let said = |model: &Model| {
        model
            .log
            .iter()
            .any(|line| line.text.as_str().contains("the audit log is BROKEN"))
    };
    let mut app = TestApp::start(&drill, state.path());
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    assert!(!said(&app.end().await), "an intact log says nothing");
    let segment = std::fs::read_dir(state.path().join("audit"))
        .expect("the log is there")
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .expect("it has a segment");
    let text = std::fs::read_to_string(&segment).expect("it is text");
    std::fs::write(&segment, text.replacen("acme", "acne", 1)).expect("it can be written");
    let mut app = TestApp::start(&drill, state.path());
    app.until("it is told", said).await;
}
