//! Other administrators act between two readings of ours: what is theirs is never called ours, nor contained.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use quell::app::message::Level;
use quell::app::model::Model;
use quell::domain::audit::{Body, OutcomeState};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::standing::standing;
use quell::domain::containment::state::ActionState;
use quell::domain::freshness::time_word;
use quell::drill::Drill;
use quell::engine::probe::Probe;
use rstest::rstest;
use serde_json::json;

use crate::harness::app::{Setting, TestApp, TestClock, company};
use crate::hold;
use crate::raw_http::Raw;
use crate::truth::{DISABLE, Hand, by_others, confirm, finished, open_case, plan};
use crate::wiretap::{Say, in_front};

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

/// Contains the account while its case takes no comment, and ends the console; gives the disabling.
async fn contained_and_not_told(
    drill: &Drill,
    state: &Path,
    edit: impl FnOnce(String) -> String,
) -> ActionView {
    let mut app = TestApp::start_in(drill, state, Setting::default(), edit);
    open_case(&mut app).await;
    let down = json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/comment", "method": "POST"});
    drill.fault(&down).expect("a fault");
    plan(&mut app, "cc").await;
    confirm(&app);
    // A post of this console that is still under way would reach the case once that takes comments again.
    let proven = |model: &Model| {
        let mut all = model.ledger.actions();
        let is_refused = |line: &str| line.contains("the record is not in the case yet");
        model.ledger.actions().count() == 3
            && all.all(|act| act.state == ActionState::Verified)
            && model.log.iter().any(|line| is_refused(line.text.as_str()))
    };
    let model = app.until("proven", proven).await;
    app.end().await;
    assert_eq!(drill.ledger().targets("comment").len(), 0);
    drill
        .fault(&json!({"fault": "none", "server": "cases"}))
        .expect("no fault");
    let mut all = model.ledger.actions();
    let disabling = all.find(|act| act.kind == ActionKind::DisableAccount);
    disabling.expect("it was disabled").clone()
}

/// Starts another console a minute later, waits until it told the case, and gives its record.
async fn told_a_minute_later(
    drill: &Drill,
    state: &Path,
    edit: impl FnOnce(String) -> String,
) -> String {
    let clock = TestClock::default();
    clock.pass(Duration::from_secs(60));
    let setting = Setting {
        clock,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(drill, state, setting, edit);
    app.until("documented", finished).await;
    app.end().await;
    let told = hold::comments(drill).await;
    let ours = told.iter().find(|text| text.contains("Containment record"));
    ours.expect("the record").clone()
}

#[rstest]
#[case::it_cannot_be_read(true)]
#[case::it_is_read(false)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_proven_long_before_its_case_is_told_says_where_it_could_not_be_read(
    #[case] fails: bool,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let disabled = contained_and_not_told(&drill, state.path(), |text| text).await;
    if fails {
        let path = disabled.account.raw();
        let order = json!({"server": "identity", "fault": "403", "rate": 1.0, "path": path});
        drill.fault(&order).expect("the drill knows it");
    }
    let ours = told_a_minute_later(&drill, state.path(), |text| text).await;
    assert!(ours.contains("\nAccount is contained.\n"), "{ours}");
    let read = disabled.agreed.expect("it was read back");
    let line = format!(
        "The account could not be read at {} right before this; it read as disabled at {}.\n\n",
        disabled.account.connection,
        time_word(read)
    );
    assert_eq!(ours.starts_with(&line), fails, "{line}{ours}");
    assert_eq!(ours.contains("could not be read"), fails, "{ours}");
}

/// Others enable it while no console runs, and after two readings no other one works. Whose they are, the watch's or those
/// right before the comment, nobody says: so the record says one of three things, and never only that it is contained.
#[tokio::test(flavor = "multi_thread")]
async fn what_read_as_enabled_is_not_told_as_contained_without_a_word() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let reads = Arc::new(AtomicUsize::new(usize::MAX));
    let left = Arc::clone(&reads);
    let id = drill.victim_id();
    let say: Say = Arc::new(move |raw: &Raw, _own: &str| {
        let is_reading = raw.method == "GET" && raw.path.ends_with(&id);
        let less = |left: usize| left.checked_sub(1);
        let fails = is_reading
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                .is_err();
        fails.then(|| (String::new(), json!({})))
    });
    let front = in_front(drill.identity(), say).await;
    let edit = |text: String| text.replace(&drill.identity().url, &front);
    contained_and_not_told(&drill, state.path(), edit).await;
    by_others(&drill, "unsuspend").await;
    reads.store(2, Ordering::SeqCst);
    let ours = told_a_minute_later(&drill, state.path(), edit).await;
    let says_so = ours.starts_with("The account did not read as disabled at okta right before")
        || ours.starts_with("The account could not be read at okta right before")
        || ours.contains("**undone by others**");
    assert!(says_so, "{ours}");
}

/// Another console records it while the record is looked for in its case.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_undid_while_the_record_waited_is_said_of_the_act_too() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let (folder, asked) = (state.path().to_owned(), AtomicUsize::new(0));
    let lost = Arc::new(OnceLock::new());
    let then = Arc::clone(&lost);
    // No case is open: first the log is held against the comments, and then the record is looked for.
    let say: Say = Arc::new(move |raw: &Raw, _own: &str| {
        let asks = String::from_utf8_lossy(&raw.body).contains("\"comments\"");
        if asks
            && let Some(body) = then.get()
            && asked.fetch_add(1, Ordering::SeqCst) == 1
        {
            hold::write_beside(&folder, vec![Body::clone(body)]);
        }
        None
    });
    let front = in_front(drill.cases(), say).await;
    let edit = |text: String| text.replace(&drill.cases().url, &front);
    let disabled = contained_and_not_told(&drill, state.path(), edit).await;
    let body = Body::ActionOutcome {
        aid: disabled.aid,
        state: OutcomeState::Drifted,
        evidence: "status ACTIVE now".into(),
        seconds: None,
    };
    lost.set(body).expect("it is lost once");
    let ours = told_a_minute_later(&drill, state.path(), edit).await;
    assert!(!ours.contains("Account is contained"), "{ours}");
    let says = "- disable account: **undone by others**";
    assert!(ours.contains(says), "{ours}");
}

/// The case system takes its time, and nobody looks but who writes the record.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_undo_while_the_record_is_looked_for_is_not_told_as_contained() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let (hand, asked) = (Hand::of(&drill), AtomicUsize::new(1_000));
    let counted = Arc::new(asked);
    let count = Arc::clone(&counted);
    // First the log is held against the comments, and then the record is looked for.
    let say: Say = Arc::new(move |raw: &Raw, _own: &str| {
        let asks = String::from_utf8_lossy(&raw.body).contains("\"comments\"");
        if asks && count.fetch_add(1, Ordering::SeqCst) == 1 {
            let act = hand.does("unsuspend");
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(act));
        }
        None
    });
    let front = in_front(drill.cases(), say).await;
    let edit = |text: String| text.replace(&drill.cases().url, &front);
    contained_and_not_told(&drill, state.path(), edit).await;
    counted.store(0, Ordering::SeqCst);
    let ours = told_a_minute_later(&drill, state.path(), edit).await;
    assert_eq!(drill.ledger().targets("unsuspend").len(), 1);
    assert!(ours.contains("**undone by others**"), "{ours}");
    assert!(!ours.contains("Account is contained"), "{ours}");
}

/// Others disable it again before the case can be told that it was enabled.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_disabled_again_is_not_told_as_enabled_without_a_word() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start_in(&drill, state.path(), Setting::default(), |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    confirm(&app);
    app.until("contained", finished).await;
    let down = json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/comment", "method": "POST"});
    drill.fault(&down).expect("a fault");
    app.keys("<Esc><Esc>");
    app.sync().await;
    plan(&mut app, "u").await;
    confirm(&app);
    app.until("enabled", |model| {
        let is_refused = |line: &str| line.contains("the record is not in the case yet");
        let mut all = model.ledger.actions();
        model.log.iter().any(|line| is_refused(line.text.as_str()))
            && all.any(|act| {
                act.kind == ActionKind::EnableAccount && act.state == ActionState::Verified
            })
    })
    .await;
    app.end().await;
    drill
        .fault(&json!({"fault": "none", "server": "cases"}))
        .expect("no fault");
    by_others(&drill, "suspend").await;
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
    let ours = told.iter().find(|text| text.contains("- enable account"));
    let ours = ours.expect("the record");
    let says =
        "The account reads as SUSPENDED at okta right before this, by no act of this plan.\n\n";
    assert!(ours.starts_with(says), "{ours}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_undid_while_no_console_ran_is_not_told_as_contained() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    contained_and_not_told(&drill, state.path(), |text| text).await;
    by_others(&drill, "unsuspend").await;
    let ours = told_a_minute_later(&drill, state.path(), |text| text).await;
    assert!(ours.contains("**undone by others**"), "{ours}");
    assert!(!ours.contains("Account is contained"), "{ours}");
}
