//! Two consoles of one user at the same work: what each says of it, and how much they write.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quell::app::model::Model;
use quell::domain::audit::Body;
use quell::domain::containment::standing::Standing;
use quell::domain::containment::state::ActionState;
use quell::drill::wire::Server;
use quell::engine::clock::Pace;
use quell::engine::probe::Probe;
use serde_json::json;

use crate::audit_processes::leave_orphans;
use crate::harness::app::{Setting, TestApp, company, records};
use crate::truth::{DISABLE, Gate, REVOKE, by_others, confirm, finished, open_case, plan};

/// Before this no round of a console that waits as long as it really does reads the log again.
const FIRST_ROUND: Duration = Duration::from_secs(25);

#[tokio::test(flavor = "multi_thread")]
async fn what_one_console_proves_the_other_shows_without_a_key_or_a_round() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut one = TestApp::start(&drill, state.path());
    open_case(&mut one).await;
    plan(&mut one, "cc").await;
    let setting = Setting {
        pace: Pace::REAL,
        ..Setting::default()
    };
    let begun = Instant::now();
    let mut two = TestApp::start_in(&drill, state.path(), setting, |text| text);
    two.until("it has begun", |model| model.queue.heard).await;
    confirm(&one);
    let is_contained = |model: &Model| {
        let mut all = model.standings.values();
        all.any(|one| matches!(one, Standing::Contained { .. }))
    };
    one.until("it is proven", is_contained).await;
    two.until("the other shows it", is_contained).await;
    assert!(begun.elapsed() < FIRST_ROUND, "{:?}", begun.elapsed());
    assert!(two.screen().contains("1 contained"), "{}", two.screen());
    two.keys("C");
    two.sync().await;
    let screen = two.screen();
    assert!(screen.contains("mara.lind@acme.example"), "{screen}");
    assert!(!screen.contains("No account is contained"), "{screen}");
    one.end().await;
    two.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_disable_that_came_second_is_not_proven_by_the_first() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let others = tempfile::tempdir().expect("a directory");
    let gate = Gate::at(Some("send.before"));
    let setting = gate.setting();
    let mut late = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut late).await;
    plan(&mut late, DISABLE.keys).await;
    confirm(&late);
    drop(gate.reached.acquire().await);
    // Its intent is on the disk; a console of somebody else, with a log of its own, is faster.
    let mut first = TestApp::start(&drill, others.path());
    open_case(&mut first).await;
    plan(&mut first, DISABLE.keys).await;
    confirm(&first);
    let model = first.until("the first is documented", finished).await;
    assert!(
        model
            .ledger
            .actions()
            .all(|action| action.state == ActionState::Verified)
    );
    first.end().await;
    gate.open.add_permits(1);
    let model = late.until("the second has its word", finished).await;
    late.end().await;
    let refused = model.ledger.actions().next().expect("one");
    let said = refused.evidence.as_ref().map_or("", |said| said.raw());
    assert_eq!(refused.state, ActionState::Rejected, "{said}");
    assert!(said.contains("SUSPENDED"), "{said}");
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    assert_eq!(
        drill.ledger().targets("comment").len(),
        2,
        "each plan tells its own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_two_consoles_that_confirm_the_same_in_one_instant_send_it_once() {
    for act in [DISABLE, REVOKE] {
        let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
        let gates = [(); 2].map(|()| Gate::at(Some("before action.confirm")));
        let mut consoles = gates.each_ref().map(|gate| {
            let setting = Setting {
                probe: Arc::clone(gate) as Arc<dyn Probe>,
                ..Setting::default()
            };
            TestApp::start_in(&drill, state.path(), setting, |text| text)
        });
        for console in &mut consoles {
            open_case(console).await;
            plan(console, act.keys).await;
        }
        for (console, gate) in consoles.iter().zip(&gates) {
            confirm(console);
            // Every guard has passed: what comes next is the write of confirmation and intent.
            gate.reached().await;
        }
        for gate in &gates {
            gate.open();
        }
        let mut words = Vec::new();
        for console in &mut consoles {
            let settled = |model: &Model| {
                let mut all = model.ledger.actions();
                model.ledger.actions().count() == 2 && all.all(|action| action.ended.is_some())
            };
            let model = console.until("both have their word", settled).await;
            let states = model.ledger.actions().map(|action| action.state);
            words.push(states.collect::<HashSet<_>>());
        }
        for console in consoles {
            console.end().await;
        }
        let once = HashSet::from([ActionState::Verified, ActionState::Abandoned]);
        assert_eq!(words, [once.clone(), once], "{act:?}");
        assert_eq!(drill.ledger().targets(act.effect).len(), 1, "{act:?}");
        let all = records(state.path());
        let sent = all
            .iter()
            .filter(|entry| matches!(entry.body, Body::ActionIntent { .. }));
        assert_eq!(sent.count(), 1, "{act:?}");
        let told: Vec<&str> = all
            .iter()
            .filter_map(|entry| match &entry.body {
                Body::Refusal { guard, reason, .. } if guard == "another plan" => {
                    Some(reason.raw())
                }
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), 1, "{act:?}");
        assert!(
            told[0].contains("of which this plan knew nothing"),
            "{told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_another_console_gave_up_is_not_sent_by_its_owner() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at(Some("send.before"));
    let setting = gate.setting();
    let mut owner = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut owner).await;
    plan(&mut owner, "cc").await;
    confirm(&owner);
    gate.reached().await;
    let waiting = |model: &Model| {
        let all = model.ledger.actions();
        let waiting = all.filter(|action| action.state == ActionState::Confirmed);
        waiting.map(|action| action.aid.clone()).collect::<Vec<_>>()
    };
    // Somebody tidies up: nothing says any more that the owner of what waits is alive.
    let model = owner.until("two wait", |model| waiting(model).len() == 2);
    for aid in waiting(&model.await) {
        let lease = state.path().join("lease").join(format!("{aid}.lock"));
        std::fs::remove_file(lease).expect("it was there");
    }
    let mut other = TestApp::start(&drill, state.path());
    let given_up = |model: &Model| {
        let all = model.ledger.actions();
        all.filter(|action| action.state == ActionState::Abandoned)
            .count()
    };
    other
        .until("they are given up", |model| given_up(model) == 2)
        .await;
    gate.open();
    let model = owner.until("the owner is through", finished).await;
    owner.end().await;
    other.end().await;
    assert_eq!(given_up(&model), 2);
    let said = model.ledger.actions().filter_map(|action| {
        let said = action.evidence.as_ref()?.raw();
        // The owner takes over what nobody holds as well, and may be the first to look.
        let by_whom = [
            "never sent: its console ended, or could not write its record",
            "never sent: its record could not be written, or its lease was removed",
        ];
        by_whom.contains(&said).then_some(())
    });
    assert_eq!(said.count(), 2);
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 0);
    assert_eq!(drill.ledger().targets(REVOKE.effect).len(), 1);
}

/// A console that was stopped between its intent and its request, for minutes: what is closed meanwhile is not sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_console_closed_while_this_one_stood_still_is_not_sent() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at(Some("send.before"));
    let setting = gate.setting();
    let mut owner = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut owner).await;
    plan(&mut owner, DISABLE.keys).await;
    confirm(&owner);
    gate.reached().await;
    let mut other = TestApp::start(&drill, state.path());
    let states = |model: &Model| {
        let all = model.ledger.actions();
        all.map(|action| action.state).collect::<Vec<_>>()
    };
    let of_owner = |model: &Model| states(model) == [ActionState::Intent];
    other.until("it is known", of_owner).await;
    other.keys("Fxnot ours<Enter>");
    let is_closed = |model: &Model| states(model) == [ActionState::Abandoned];
    other.until("it is closed", is_closed).await;
    gate.open();
    let model = owner.until("the owner is through", finished).await;
    owner.end().await;
    other.end().await;
    assert_eq!(states(&model), [ActionState::NotSent]);
    let said = model.ledger.actions().find_map(|one| one.evidence.clone());
    let said = said.expect("it says why");
    assert_eq!(said.raw(), "not sent: it was closed meanwhile");
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 0);
}

/// The provider refuses, another process holds the log so that the answer cannot be recorded, and others disable the account.
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_refusal_that_could_not_be_recorded_at_once_is_no_proof_of_what_others_did() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let gate = Gate::at(Some("send.after"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    let order = json!({"server": "identity", "fault": "403", "path": DISABLE.path, "count": 1});
    drill.fault(&order).expect("the drill knows it");
    confirm(&app);
    gate.reached().await;
    let held = std::fs::read_dir(state.path().join("audit"))
        .expect("the log is there")
        .map(|entry| entry.expect("it can be read").path())
        .find(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .expect("it has a segment");
    let held = std::fs::File::open(held).expect("it can be opened");
    held.lock().expect("nobody writes");
    by_others(&drill, "suspend").await;
    gate.open();
    app.until("it is not recorded", |model| {
        let mut log = model.log.iter();
        log.any(|line| line.text.as_str().contains("could not be recorded"))
    })
    .await;
    held.unlock().expect("it was held");
    let model = app.until("it has its word", finished).await;
    app.end().await;
    let action = model.ledger.actions().next().expect("one");
    let said = action.evidence.as_ref().map_or("", |said| said.raw());
    assert_eq!(action.state, ActionState::Rejected, "{said}");
    assert!(said.contains("read back all the same"), "{said}");
    let refusals = records(state.path()).into_iter();
    let refusals = refusals.filter(|entry| matches!(entry.body, Body::ActionRejected { .. }));
    assert_eq!(refusals.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_action_that_nobody_can_read_is_written_about_once_by_each() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = app.sync().await;
    let open = model.open.as_ref().expect("a case");
    let account = open.the_account().expect("an account").id.clone();
    // It would take them over as well.
    app.end().await;
    leave_orphans(state.path(), &open.id, &account, 1).expect("the log takes them");
    let order = json!({"server": "identity", "fault": "403", "rate": 1.0, "path": account.raw()});
    drill.fault(&order).expect("the drill knows it");
    let reads = || {
        let ledger = drill.ledger();
        ledger.count(Server::Identity, "GET", "/api/v1/users/{id}")
    };
    let mut consoles = [(); 2].map(|()| TestApp::start(&drill, state.path()));
    // Each look reads six times; they take turns. Polls are among them.
    let enough = reads() + 100;
    for console in &mut consoles {
        console
            .until("they looked often", |model| {
                model.ledger.unfinished().count() == 1 && reads() >= enough
            })
            .await;
    }
    for console in consoles {
        console.end().await;
    }
    let written = |is: fn(&Body) -> bool| {
        let all = records(state.path()).into_iter();
        all.filter(|entry| is(&entry.body)).count()
    };
    let adopted = written(|body| matches!(body, Body::ActionAdopt { .. }));
    assert!((1..=2).contains(&adopted), "{adopted} adoptions");
    assert_eq!(
        written(|body| matches!(body, Body::ActionUnknown { .. })),
        1
    );
    assert_eq!(written(|body| matches!(body, Body::ActionObserve(_))), 0);
}
