//! The main story and its bad turns: the servers' ledger is the oracle, never our log.

use std::time::Duration;

use quell::app::model::{Found, Layer, Load, Model};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::standing::Standing;
use quell::domain::containment::state::ActionState;
use quell::drill::Drill;

use crate::harness::app::{TestApp, company, records};

const LOGIN: &str = "mara.lind@acme.example";

/// Opens the live case and waits for the account and the events.
async fn open_case(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter><Enter>");
    app.until("account and activity are there", |model| {
        model.open.as_ref().is_some_and(|open| {
            matches!(&open.account, Load::Ready(Found::One(_), _)) && open.activity.ended.is_some()
        }) && !model.offers.is_empty()
    })
    .await;
}

/// Plans, waits for the dialog, types the login and confirms.
async fn confirm(app: &mut TestApp, keys: &str) {
    app.keys(keys);
    app.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>y");
    app.until("it was confirmed", |model| {
        !matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
}

fn words(model: &Model) -> Vec<(ActionKind, ActionState)> {
    model
        .ledger
        .actions()
        .map(|action| (action.kind, action.state))
        .collect()
}

fn effects(drill: &Drill, kind: &str) -> usize {
    drill.ledger().targets(kind).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_attacker_is_contained_proven_and_documented_once() {
    let drill = company().await;
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut app = TestApp::start(&drill, state.path(), (120, 40)).await;
    open_case(&mut app).await;
    confirm(&mut app, "cc").await;
    let model = app
        .until("contained and documented", |model| {
            matches!(model.standing(), Some(Standing::Contained { .. }))
                && model
                    .ledger
                    .actions()
                    .all(|action| action.comment.is_some())
        })
        .await;
    assert_eq!(
        words(&model),
        [
            (ActionKind::RevokeSessions, ActionState::Verified),
            (ActionKind::DisableAccount, ActionState::Verified),
            (ActionKind::RevokeSessions, ActionState::Verified),
        ]
    );
    assert!(!drill.attacker_inside(), "the servers know best");
    println!("{}", drill.ledger().to_json());
    assert_eq!(effects(&drill, "suspend"), 1);
    assert_eq!(effects(&drill, "comment"), 1);
    app.end().await;
    assert!(records(state.path()).len() > 10);
}
