//! Who is never acted on, through the whole console: at the plan, and when it comes about between plan and send.
//! The oracle is the servers' ledger: not one request that changes anything.

use std::time::Duration;

use quell::app::model::{Layer, Model};
use quell::drill::Drill;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::app::{TestApp, company};
use crate::{harness::screen, scene};

const LOGIN: &str = "mara.lind@acme.example";

fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

async fn open_case(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
    app.until("account and activity are there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some() && open.activity.ended.is_some())
            && !model.offers.is_empty()
    })
    .await;
}

/// Plans, and gives what refuses.
async fn plan(app: &mut TestApp, keys: &str) -> Vec<(&'static str, String)> {
    app.keys(keys);
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    let model = app.until("the dialog is open", open).await;
    app.clock.advance(Duration::from_secs(1));
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    let guards = confirmation.plan().guards.iter();
    guards
        .filter_map(|guard| Some((guard.guard, guard.refusal.as_ref()?.to_string())))
        .collect()
}

/// Everything that was asked of the identity provider and is not reading.
fn changes(drill: &Drill) -> Vec<Value> {
    let ledger = drill.ledger();
    let of_identity = |request: &&Value| request["server"] == "identity";
    ledger
        .mutating()
        .iter()
        .filter(of_identity)
        .cloned()
        .collect()
}

fn arm(drill: &Drill, order: &Value) {
    drill.fault(order).expect("the drill knows it");
}

fn unread(path: &str) -> Value {
    json!({"server": "identity", "fault": "403", "rate": 1.0, "path": path})
}

/// Plans each kind, sees why it is refused, and tries to confirm it all the same.
async fn refused(app: &mut TestApp, expected: &[(&'static str, &str)]) {
    open_case(app).await;
    for keys in ["cc", "cs", "ca"] {
        let said = plan(app, keys).await;
        let said: Vec<_> = said.iter().map(|(g, why)| (*g, why.as_str())).collect();
        assert_eq!(said, expected, "{keys}");
        app.keys(LOGIN).keys("<Tab>y");
        let model = app.sync().await;
        assert!(
            model
                .ledger
                .actions()
                .all(|action| action.confirmed.is_none()),
            "{keys}"
        );
        app.keys("<Esc><Esc>");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_cannot_be_read_refuses_the_plan_with_its_reason() {
    for (path, guard, reason) in [
        (
            "/groups",
            "protected groups",
            "its groups could not be read",
        ),
        (
            "/roles",
            "administrators",
            "its administrator roles could not be read",
        ),
        (
            "/users/me",
            "own account",
            "the provider did not say whose token this is",
        ),
    ] {
        let (drill, state) = (company().await, dir());
        arm(&drill, &unread(path));
        let mut app = TestApp::start(&drill, state.path());
        refused(&mut app, &[(guard, reason)]).await;
        app.end().await;
        assert_eq!(changes(&drill), Vec::<Value>::new(), "{path}");
    }
}

#[test]
fn the_plan_of_a_dry_run_differs_in_nothing_but_the_mode() {
    for size in [(80, 24), (120, 40)] {
        let text = |dry_run: bool| {
            let mut model = scene::open(size);
            let mut plan = scene::plan(false);
            plan.dry_run = dry_run;
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(quell::domain::containment::confirm::Confirmation::open(
                    plan,
                )),
                said: None,
                scroll: 0,
            });
            screen::text(&model, size)
        };
        let (live, dry) = (text(false), text(true));
        assert_eq!(live.lines().count(), dry.lines().count());
        let differ: Vec<_> = live
            .lines()
            .zip(dry.lines())
            .filter(|(live, dry)| live != dry)
            .collect();
        assert_eq!(differ.len(), 1, "{differ:?}");
        assert!(
            differ.iter().all(
                |(live, dry)| live.contains("LIVE") && dry.contains("DRY RUN: nothing is sent")
            ),
            "{differ:?}"
        );
    }
}
