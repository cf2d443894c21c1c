//! Reads at Entra ID that fail in the middle: what was not read is said, and nothing is concluded from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use quell::app::left::{Row, rows};
use quell::app::model::Model;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::remnant::RemnantKind;
use quell::domain::containment::state::ActionState;
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::clock::Pace;
use quell::engine::probe::Probe;
use serde_json::{Value, json};

use crate::harness::app::{Setting, TestApp, company_of};
use crate::left::{says, show};
use crate::truth::{confirm, finished, open_case, plan};

async fn entra() -> Arc<Drill> {
    let options = Options {
        idp: Idp::Entra,
        ..Options::default()
    };
    Arc::new(company_of(options).await)
}

fn order(drill: &Drill, order: &Value) {
    drill.fault(order).expect("the fault is known");
}

fn clear(drill: &Drill) {
    order(drill, &json!({"fault": "none", "server": "identity"}));
}

/// Switches a fault on right after the second send: that of the reset.
struct AfterTheReset {
    drill: Arc<Drill>,
    fault: Value,
    sends: AtomicUsize,
}

#[async_trait]
impl Probe for AfterTheReset {
    async fn pass(&self, point: &str) {
        if point == "send.after" && self.sends.fetch_add(1, Ordering::SeqCst) == 1 {
            order(&self.drill, &self.fault);
        }
    }
}

fn reset(model: &Model) -> Option<&ActionView> {
    let mut all = model.ledger.actions();
    all.find(|one| one.kind == ActionKind::ResetPassword)
}

/// Whether another password is asked for cannot be read after a reset: it stays unknown, and is proven once that is read.
async fn unread_after_a_reset(fault: &str) {
    let (drill, state) = (entra().await, tempfile::tempdir().expect("a directory"));
    let fault = json!({
        "server": "identity", "fault": fault, "method": "GET", "path": "/users/", "query": "id,passwordProfile",
    });
    let setting = Setting {
        probe: Arc::new(AfterTheReset {
            drill: Arc::clone(&drill),
            fault: fault.clone(),
            sends: AtomicUsize::new(0),
        }),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    confirm(&app);
    let model = app
        .until(&format!("{fault}: it cannot be read back"), |model| {
            reset(model).is_some_and(|one| one.unread.is_some())
        })
        .await;
    let action = reset(&model).expect("a reset").clone();
    assert_eq!(action.state, ActionState::Unknown, "{action:?}");
    let said = action.unread.as_ref().map(|text| text.raw().to_owned());
    let said = said.unwrap_or_default();
    assert!(said.starts_with("could not be read back: "), "{said}");
    assert!(action.acknowledged && action.ended.is_none());
    app.sync().await;
    assert!(
        app.screen().contains("unknown: may have happened"),
        "{}",
        app.screen()
    );
    clear(&drill);
    app.keys("<Esc>F");
    app.sync().await;
    app.keys("c");
    let model = app.until("it is proven then", finished).await;
    assert_eq!(
        reset(&model).map(|one| one.state),
        Some(ActionState::Verified)
    );
    app.end().await;
    // Read again, never sent again.
    assert_eq!(drill.ledger().targets("reset_password").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_that_cannot_be_read_after_a_reset_refutes_and_proves_nothing() {
    futures::join!(unread_after_a_reset("500"), unread_after_a_reset("hang"));
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_whose_applications_are_not_told_are_named_as_unread() {
    let (drill, state) = (entra().await, tempfile::tempdir().expect("a directory"));
    let busy = json!({"server": "identity", "fault": "429", "method": "GET", "path": "/servicePrincipals/"});
    order(&drill, &busy);
    let mut app = TestApp::start(&drill, state.path());
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
    app.until("the account is there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some())
    })
    .await;
    let model = show(&mut app).await;
    let listed = rows(&model);
    let unread = listed.iter().find_map(|row| match row {
        Row::Unread(one) if one.kind == RemnantKind::OauthGrant => Some(one.reason.clone()),
        _ => None,
    });
    let reason = unread.expect("the grants are not known");
    assert!(
        reason.as_str().contains("the name of an application"),
        "{reason}"
    );
    assert!(reason.as_str().contains("429"), "{reason}");
    let none = |row: &Row<'_>| matches!(row, Row::There(one, _) if one.item.kind == RemnantKind::OauthGrant);
    assert!(!listed.iter().any(none), "no grant under its id");
    // The other kinds are there all the same.
    let method = |row: &Row<'_>| matches!(row, Row::There(one, _) if one.item.kind == RemnantKind::MfaMethod);
    assert!(listed.iter().any(method));
    app.keys("G");
    app.sync().await;
    assert!(app.screen().contains("UNREAD"), "{}", app.screen());
    clear(&drill);
    app.keys("r");
    let model = app
        .until("the grants are read", |model| rows(model).iter().any(none))
        .await;
    let unread = rows(&model)
        .iter()
        .any(|row| matches!(row, Row::Unread(one) if one.kind == RemnantKind::OauthGrant));
    assert!(!unread && !says(&model, "failed to read what may be left"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_was_put_off_and_done_all_the_same_is_seen_before_it_is_sent_again() {
    let options = Options {
        idp: Idp::Entra,
        vendor_pace: true,
        ..Options::default()
    };
    let (drill, state) = (
        company_of(options).await,
        tempfile::tempdir().expect("a directory"),
    );
    let setting = Setting {
        pace: Pace::REAL,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    // The wait it asks for is shorter than its replicas show what was before.
    let fault = json!({
        "server": "identity", "fault": "429_after_effect", "method": "PATCH", "path": "/users", "count": 1,
    });
    order(&drill, &fault);
    confirm(&app);
    let model = app
        .until("it was looked at again", |model| {
            reset(model).is_some_and(|one| one.state == ActionState::Rejected || one.attempt > 1)
        })
        .await;
    app.end().await;
    let action = reset(&model).expect("a reset");
    assert_eq!(action.state, ActionState::Rejected, "{action:?}");
    assert_eq!(drill.ledger().targets("reset_password").len(), 1);
}
