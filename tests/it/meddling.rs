//! Other administrators act between two readings of ours: what is theirs is never called ours, nor contained.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use quell::app::message::Level;
use quell::app::model::Model;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::standing::standing;
use quell::domain::containment::state::ActionState;
use quell::drill::Drill;
use quell::engine::probe::Probe;
use rstest::rstest;
use serde_json::json;

use crate::harness::app::{Setting, TestApp, TestClock, company};
use crate::hold;
use crate::truth::{DISABLE, Hand, by_others, confirm, finished, open_case, plan};

/// Acts at the provider right before our reads, by the number of the read.
struct Meddler {
    hand: Hand,
    reads: AtomicUsize,
    acts: Vec<(usize, &'static str)>,
}

impl Meddler {
    fn new(drill: &Drill, acts: &[(usize, &'static str)]) -> Arc<Self> {
        Arc::new(Self {
            hand: Hand::of(drill),
            reads: AtomicUsize::new(0),
            acts: acts.to_vec(),
        })
    }
}

#[async_trait]
impl Probe for Meddler {
    async fn pass(&self, point: &str) {
        if point != "read.before" {
            return;
        }
        let read = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        for (at, what) in &self.acts {
            if *at == read {
                self.hand.does(what).await;
            }
        }
    }
}

#[rstest]
// Read as enabled in between, twice: what is read then is perhaps theirs.
#[case::seen_in_between(&[(2, "unsuspend"), (4, "suspend")], 1)]
// Nobody saw it in between, but the provider tells when the state began.
#[case::told_by_its_time(&[(2, "unsuspend"), (2, "suspend")], 0)]
#[tokio::test(flavor = "multi_thread")]
async fn a_disabling_that_others_did_again_is_not_called_proven(
    #[case] acts: &[(usize, &'static str)],
    #[case] rang: usize,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let setting = Setting {
        probe: Meddler::new(&drill, acts) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    let model = app.until("documented", finished).await;
    app.end().await;
    let action = model.ledger.actions().next().expect("an action");
    assert_eq!(action.kind, ActionKind::DisableAccount);
    assert_eq!(
        action.state,
        ActionState::Unverifiable,
        "{:?}",
        action.evidence
    );
    let alarms = model.log.iter().filter(|line| line.level == Level::Alarm);
    assert_eq!(alarms.count(), rang);
    let stands = standing(&model.ledger, &action.account, |_| false).word();
    assert!(!stands.as_str().starts_with("contained"), "{stands}");
    let done = drill.ledger().targets("suspend").len();
    assert_eq!(done, 2, "ours and theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_undid_while_no_console_ran_is_not_told_as_contained() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let down = json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/comment", "method": "POST"});
    drill.fault(&down).expect("a fault");
    plan(&mut app, "cc").await;
    confirm(&app);
    let proven = |model: &Model| {
        let mut all = model.ledger.actions();
        model.ledger.actions().count() == 3 && all.all(|act| act.state == ActionState::Verified)
    };
    app.until("proven", proven).await;
    app.end().await;
    assert_eq!(drill.ledger().targets("comment").len(), 0);
    drill
        .fault(&json!({"fault": "none", "server": "cases"}))
        .expect("no fault");
    by_others(&drill, "unsuspend").await;
    let clock = TestClock::default();
    clock.pass(Duration::from_secs(60));
    let setting = Setting {
        clock,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    app.until("documented", finished).await;
    app.end().await;
    let told = hold::comments(&drill).await;
    let ours = told.iter().find(|text| text.contains("Containment record"));
    let ours = ours.expect("the record");
    assert!(ours.contains("**undone by others**"), "{ours}");
    assert!(!ours.contains("Account is contained"), "{ours}");
}
