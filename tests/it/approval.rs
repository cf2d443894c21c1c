//! The second person, through two consoles of two users at one case system: what counts as a yes, and what never does.
//! The oracle is the servers' ledger.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quell::app::model::{Layer, Model};
use quell::app::report;
use quell::cli::compose::Host;
use quell::domain::audit::{Body, Entry};
use quell::domain::containment::approval::{Answer, Ask, Say, compose_answer};
use quell::domain::containment::ledger::UNANSWERED;
use quell::domain::containment::state::ActionState;
use quell::domain::freshness::Moment;
use quell::domain::ids::ActionId;
use quell::domain::report::{Subject, Target};
use quell::drill::Drill;
use quell::engine::clock::{Clock as _, SystemClock};
use quell::engine::probe::Probe;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::harness::app::{Setting, TestApp, TestClock, company, records};
use crate::harness::disk::{SmallDisk, torn};
use crate::harness::root;
use crate::truth::Gate;

pub(crate) const LOGIN: &str = "mara.lind@acme.example";
const POLICY: &str = "[approval]\ngroups = [\"Finance\"]\n";

pub(crate) fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

pub(crate) fn host(etc: &Path, policy: &str) -> Host {
    let host = Host {
        policy: etc.join("policy.toml"),
        freeze: etc.join("freeze"),
    };
    fs::write(&host.policy, policy).expect("the policy is written");
    host
}

/// Starts a console with a key of its own at the case system.
pub(crate) fn console(drill: &Drill, state: &Path, key: &str, setting: Setting) -> TestApp {
    TestApp::start_in(drill, state, setting, |text| {
        fs::write(state.join("hive.token"), key).expect("the key is written");
        text
    })
}

fn requester(drill: &Drill, state: &Path, etc: &Path) -> TestApp {
    let setting = Setting {
        host: host(etc, POLICY),
        ..Setting::default()
    };
    console(drill, state, drill.cases().token, setting)
}

fn second(drill: &Drill, state: &Path) -> TestApp {
    console(drill, state, drill.second_key(), Setting::default())
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
            && model.operator.login.is_some()
    })
    .await;
}

async fn plan(app: &mut TestApp) -> Model {
    app.keys("cc");
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    let model = app.until("the dialog is open", open).await;
    app.clock.advance(Duration::from_secs(1));
    model
}

fn refusals(model: &Model) -> Vec<&'static str> {
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    let guards = confirmation.plan().guards.iter();
    guards
        .filter(|guard| guard.refuses())
        .map(|guard| guard.guard)
        .collect()
}

fn all(model: &Model, state: ActionState) -> bool {
    let mut actions = model
        .ledger
        .actions()
        .filter(|action| action.state != ActionState::Planned)
        .peekable();
    actions.peek().is_some() && actions.all(|action| action.state == state)
}

/// Plans and confirms; gives what is asked once the request stands in the case, with its comment.
async fn ask(app: &mut TestApp, drill: &Drill) -> (Ask, String) {
    plan(app).await;
    app.keys(LOGIN).keys("<Tab>y");
    let model = app
        .until("it waits", |model| all(model, ActionState::Awaiting))
        .await;
    let view = model.ledger.asked().open().next().expect("one is open");
    let ask = view.ask.clone();
    for _ in 0..200 {
        let comments = comments(drill, &ask.case).await;
        let request = comments.iter().find(|comment| {
            comment["message"]
                .as_str()
                .is_some_and(|text| text.contains(&ask.marker()))
        });
        if let Some(request) = request {
            return (ask, request["_id"].as_str().expect("an id").to_owned());
        }
        app.sync().await;
    }
    panic!("the request never came into the case")
}

async fn send(drill: &Drill, key: &str, method: &str, path: &str, body: &Value) -> Value {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let method = method.parse().expect("a method");
    let answer = client
        .request(method, format!("{}/api/v1/{path}", drill.cases().url))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .expect("the drill answers");
    assert!(answer.status().is_success(), "{path}");
    let text = answer.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_default()
}

async fn comments(drill: &Drill, case: &str) -> Vec<Value> {
    let query = json!({"query": [{"_name": "getCase", "idOrName": case}, {"_name": "comments"}]});
    match send(drill, drill.cases().token, "POST", "query", &query).await {
        Value::Array(all) => all,
        other => panic!("no list: {other}"),
    }
}

fn yes(ask: &Ask, request: &str) -> String {
    let answer = Answer {
        say: Say::Approve,
        request: request.into(),
        ask: ask.clone(),
    };
    compose_answer(&answer, &"somebody".into())
}

/// Posts a comment by hand and gives its id.
pub(crate) async fn post(drill: &Drill, key: &str, case: &str, message: &str) -> String {
    let body = json!({"message": message, "external": false});
    let made = send(drill, key, "POST", &format!("case/{case}/comment"), &body).await;
    made["_id"].as_str().expect("an id").to_owned()
}

async fn edit(drill: &Drill, comment: &str, message: &str) {
    let path = format!("comment/{comment}");
    let body = json!({"message": message});
    send(drill, drill.second_key(), "PATCH", &path, &body).await;
}

fn sent(drill: &Drill) -> usize {
    let ledger = drill.ledger();
    ledger.targets("suspend").len() + ledger.targets("clear_sessions").len()
}

fn refused_approvals(state: &Path) -> Vec<String> {
    records(state)
        .iter()
        .filter_map(|entry| match &entry.body {
            Body::Refusal { guard, reason, .. } if guard == "second person" => {
                Some(reason.raw().to_owned())
            }
            _ => None,
        })
        .collect()
}

/// Opens the newest request and waits for its dialog.
pub(crate) async fn review(app: &mut TestApp) -> Model {
    app.until("somebody asks", |model| {
        !quell::app::approvals::rows(model).is_empty()
    })
    .await;
    app.keys("A<Enter>");
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Approve { .. }));
    let model = app.until("the request was read", open).await;
    app.clock.advance(Duration::from_secs(1));
    model
}

/// Gives why the request in the dialog cannot be approved.
fn reasons(model: &Model) -> Vec<String> {
    let Some(Layer::Approve { consent, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    let refusals = consent.asked().refusals.iter();
    refusals.map(|reason| reason.as_str().to_owned()).collect()
}

fn says(model: &Model, words: &str) -> bool {
    let mut log = model.log.iter();
    log.any(|line| line.text.as_str().contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_yes_of_another_person_sends() {
    if !root("approval::only_the_right_yes_of_another_person_sends") {
        return;
    }
    let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    let (ask, request) = ask(&mut app, &drill).await;
    let (mine, other, shared) = (drill.cases().token, drill.second_key(), drill.shared_key());
    let right = yes(&ask, &request);
    let changed = |change: &dyn Fn(&mut Ask)| {
        let mut ask = ask.clone();
        change(&mut ask);
        yes(&ask, &request)
    };
    post(&drill, mine, &ask.case, &right).await;
    post(&drill, shared, &ask.case, &right).await;
    let hash = changed(&|ask| ask.hash = "0".repeat(64));
    post(&drill, other, &ask.case, &hash).await;
    let target = changed(&|ask| ask.target = "00uOther".to_owned());
    post(&drill, other, &ask.case, &target).await;
    let kinds = changed(&|ask| ask.kinds.truncate(1));
    post(&drill, other, &ask.case, &kinds).await;
    post(&drill, other, &ask.case, &yes(&ask, "~1")).await;
    let another = changed(&|ask| {
        ask.plan = quell::domain::ids::PlanId::from_parts(SystemClock.now().utc, 1);
    });
    post(&drill, other, &ask.case, &another).await;
    post(&drill, other, &ask.case, "approved, go on").await;
    let edited = post(&drill, other, &ask.case, "hello").await;
    edit(&drill, &edited, &right).await;
    let line = "refused by the guard second person";
    app.until("all of them are refused", |model| {
        let said = model.log.iter();
        said.filter(|one| one.text.as_str().starts_with(line))
            .count()
            == 7
    })
    .await;
    assert!(all(&app.model(), ActionState::Awaiting));
    assert_eq!(sent(&drill), 0);
    let mut refused = refused_approvals(one.path());
    refused.sort();
    let because = |reason: &str| format!("an approval does not count: {reason}");
    assert_eq!(
        refused,
        [
            because("it answers another request"),
            because("it approves something else"),
            because("it approves something else"),
            because("it approves something else"),
            because("it was edited"),
            because("nobody approves what they asked themselves"),
            because("the key is shared: it does not say which person it was"),
        ]
    );
    // The second person's clock is an hour behind: only the case system's counts.
    let now = SystemClock.now();
    let behind = TestClock::still(Moment {
        utc: now.utc - chrono::TimeDelta::hours(1),
        ..now
    });
    let setting = Setting {
        clock: behind,
        ..Setting::default()
    };
    let mut approver = console(&drill, two.path(), other, setting);
    open_case(&mut approver).await;
    // None of those answered by hand keeps the second person from answering.
    let model = review(&mut approver).await;
    let Some(Layer::Approve { consent, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    assert_eq!(consent.wanted(), LOGIN);
    assert_eq!(reasons(&model), Vec::<String>::new());
    approver.end().await;
    post(&drill, other, &ask.case, &right).await;
    let model = app
        .until("proven", |model| all(model, ActionState::Verified))
        .await;
    assert!(model.standing().is_some());
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    app.end().await;
    let approvals = records(one.path());
    let approvals = approvals
        .iter()
        .filter(|entry| matches!(entry.body, Body::Approval { .. }));
    assert_eq!(approvals.count(), 1);
    // Played again after it was used, by the same person, for the same account: nothing more happens.
    post(&drill, other, &ask.case, &right).await;
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consoles_ask_and_approve_by_their_own_keys() {
    if !root("approval::two_consoles_ask_and_approve_by_their_own_keys") {
        return;
    }
    let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    let mut approver = second(&drill, two.path());
    open_case(&mut approver).await;
    ask(&mut app, &drill).await;
    // The one who asked cannot approve it, whatever is typed.
    app.keys("<Esc><Esc>");
    let model = review(&mut app).await;
    let Some(Layer::Approve { consent, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    assert_eq!(consent.asked().refusals.len(), 1);
    app.keys(LOGIN).keys("<Tab>y");
    app.sync().await;
    assert_eq!(sent(&drill), 0);
    let model = review(&mut approver).await;
    let Some(Layer::Approve { consent, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    assert!(consent.asked().refusals.is_empty());
    assert!(approver.bells() > 0, "somebody asks");
    approver.keys("<Tab>y");
    approver.sync().await;
    assert_eq!(sent(&drill), 0, "without the name nothing is approved");
    approver.keys("<Tab><Tab>").keys(LOGIN).keys("<Tab>y");
    app.until("proven", |model| all(model, ActionState::Verified))
        .await;
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    approver.end().await;
    app.end().await;
    let given = records(two.path());
    let given = given
        .iter()
        .filter(|entry| matches!(entry.body, Body::ApprovalGiven { .. }));
    assert_eq!(given.count(), 1);
}

/// Another console approves while the dialog of this one is open.
async fn overtaken(drill: &Drill, state: &Path) -> TestApp {
    let (one, two, etc) = (dir(), dir(), dir());
    let mut app = requester(drill, one.path(), etc.path());
    open_case(&mut app).await;
    ask(&mut app, drill).await;
    app.kill();
    let mut early = second(drill, two.path());
    open_case(&mut early).await;
    review(&mut early).await;
    let mut late = second(drill, state);
    open_case(&mut late).await;
    review(&mut late).await;
    early.keys(LOGIN).keys("<Tab>y");
    let given = "your answer is in the case: a yes";
    early.until("approved", |model| says(model, given)).await;
    early.end().await;
    late
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_while_a_dialog_was_open_is_said() {
    if !root("approval::what_was_answered_while_a_dialog_was_open_is_said") {
        return;
    }
    let (drill, state) = (company().await, dir());
    let mut late = overtaken(&drill, state.path()).await;
    late.keys(LOGIN).keys("<Tab>y");
    let not = "your answer is not in the case: it is answered already: approved by ";
    late.until("a second yes is refused", |model| says(model, not))
        .await;
    late.end().await;
    assert_eq!(answers(state.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_that_comes_after_a_yes_goes_out_and_says_so() {
    if !root("approval::a_no_that_comes_after_a_yes_goes_out_and_says_so") {
        return;
    }
    let (drill, state) = (company().await, dir());
    let mut late = overtaken(&drill, state.path()).await;
    late.keys(LOGIN).keys("<Tab><Tab>y");
    let but = "your answer is in the case: a no, but it is answered already: approved by ";
    late.until("it is said", |model| says(model, but)).await;
    late.keys("<Esc><Esc>A");
    late.sync().await;
    late.until("it is listed", |model| {
        let rows = quell::app::approvals::rows(model);
        rows.iter().any(|row| row.after_yes)
    })
    .await;
    let screen = late.screen();
    assert!(screen.contains("denied after a yes, by "), "{screen}");
    late.end().await;
    assert_eq!(answers(state.path()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_second_person_is_not_over() {
    if !root("approval::what_waits_for_a_second_person_is_not_over") {
        return;
    }
    let (drill, state, etc) = (company().await, dir(), dir());
    let mut app = requester(&drill, state.path(), etc.path());
    open_case(&mut app).await;
    ask(&mut app, &drill).await;
    app.keys("<Esc><Esc>F");
    app.until("the log is read", |model| {
        let open = matches!(model.layers.last(), Some(Layer::Unfinished { .. }));
        open && model.log_unread.is_none()
    })
    .await;
    let seen = app.screen();
    assert!(!seen.contains("every action has its final word"), "{seen}");
    assert!(seen.contains("awaiting approval: 1"), "{seen}");
    app.keys("<Esc>");
    let model = app.sync().await;
    let target = Target {
        case: model.open.as_ref().expect("a case is open").id.clone(),
        subject: Subject::handover(),
    };
    let text = report::compose(&model, &target);
    assert!(!text.contains("None is unfinished"), "{text}");
    let act = format!("- disable account of {LOGIN}: needs a second person, not sent [action ");
    let (_, unfinished) = text.split_once("# Unfinished actions\n").expect("a part");
    let (unfinished, _) = unfinished.split_once("\n#").expect("a next part");
    assert!(unfinished.contains(&act), "{text}");
    assert_eq!(
        unfinished.matches("needs a second person").count(),
        3,
        "{text}"
    );
    app.keys("q");
    app.until("it asks", |model| {
        matches!(model.layers.last(), Some(Layer::QuitAnyway))
    })
    .await;
    let seen = app.screen();
    assert!(
        seen.contains("Waiting for a second person: 1 plan."),
        "{seen}"
    );
    app.keys("n");
    app.end().await;
    assert_eq!(sent(&drill), 0);
}

/// The line breaks while a yes is posted: whether it arrived nobody knows until the case can be read again.
#[tokio::test(flavor = "multi_thread")]
#[rstest]
#[case::it_arrived("reply_lost_after_effect", "your answer is in the case: a yes", 1)]
#[case::it_did_not(
    "reset_before_effect",
    "your answer is not in the case: it was read again and is not there",
    0
)]
async fn whether_a_yes_is_in_the_case_is_not_known_until_it_is_read(
    #[case] word: &str,
    #[case] then: &str,
    #[case] posted: usize,
) {
    if !root("approval::whether_a_yes_is_in_the_case_is_not_known_until_it_is_read") {
        return;
    }
    let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    let (asked, _) = ask(&mut app, &drill).await;
    app.kill();
    let gate = Gate::at(Some("comment.before"));
    let mut approver = says_yes(console(
        &drill,
        two.path(),
        drill.second_key(),
        gate.setting(),
    ))
    .await;
    let reached = tokio::time::timeout(Duration::from_secs(60), gate.reached());
    reached.await.expect("it is posted");
    let lost = json!({"server": "cases", "fault": word, "count": 1, "path": "/comment"});
    let away = |fault: &str| json!({"server": "cases", "fault": fault, "path": "/query"});
    for order in [lost, away("500")] {
        drill.fault(&order).expect("the fault is known");
    }
    gate.open();
    let open = "whether your answer is in the case is not known yet: ";
    let model = approver
        .until("nobody knows", |model| says(model, open))
        .await;
    assert!(!says(&model, "your answer is not in the case"));
    drill.fault(&away("none")).expect("the fault is known");
    approver.until(then, |model| says(model, then)).await;
    approver.end().await;
    let told = comments(&drill, &asked.case).await;
    let answers = told.iter().filter(|one| {
        let text = one["message"].as_str().unwrap_or_default();
        text.contains("quell-approval-answer")
    });
    assert_eq!(answers.count(), posted);
}

/// Opens the case in a console whose policy asks for a second person.
async fn asking(drill: &Drill, state: &Path, etc: &Path, setting: Setting) -> TestApp {
    let setting = Setting {
        host: host(etc, POLICY),
        ..setting
    };
    let mut app = console(drill, state, drill.cases().token, setting);
    open_case(&mut app).await;
    app
}

/// Opens the case in a console, and the request in it, and answers yes.
async fn says_yes(mut approver: TestApp) -> TestApp {
    open_case(&mut approver).await;
    review(&mut approver).await;
    approver.keys(LOGIN).keys("<Tab>y");
    approver
}

/// A setting over a disk that can be shut, stopped right after a comment left.
fn shutting(disk: &SmallDisk) -> (Setting, Arc<Gate>) {
    let gate = Gate::at(Some("comment.after"));
    let setting = Setting {
        ground: disk.ground(),
        ..gate.setting()
    };
    (setting, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_only_the_log_does_not_take_is_in_the_case() {
    if !root("approval::a_yes_that_only_the_log_does_not_take_is_in_the_case") {
        return;
    }
    let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    ask(&mut app, &drill).await;
    let disk = SmallDisk::new(1 << 40);
    let (setting, gate) = shutting(&disk);
    let approver = console(&drill, two.path(), drill.second_key(), setting);
    let mut approver = says_yes(approver).await;
    let reached = tokio::time::timeout(Duration::from_secs(60), gate.reached());
    reached.await.expect("it is posted");
    disk.shut(true);
    gate.open();
    let said = "your answer is in the case: a yes; that is not on record: ";
    let model = approver
        .until("it is said", |model| says(model, said))
        .await;
    assert!(!says(&model, "your answer is not in the case"));
    app.until("proven", |model| all(model, ActionState::Verified))
        .await;
    approver.end().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_only_the_log_does_not_take_is_waited_for() {
    if !root("approval::a_request_that_only_the_log_does_not_take_is_waited_for") {
        return;
    }
    let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
    let disk = SmallDisk::new(1 << 40);
    let (setting, gate) = shutting(&disk);
    let mut app = asking(&drill, one.path(), etc.path(), setting).await;
    ask(&mut app, &drill).await;
    gate.reached().await;
    disk.shut(true);
    gate.open();
    app.until("the log takes nothing", |model| model.audit_fault.is_some())
        .await;
    disk.shut(false);
    let approver = says_yes(second(&drill, two.path())).await;
    let model = app
        .until("proven", |model| all(model, ActionState::Verified))
        .await;
    assert!(!says(&model, "is void"), "{:#?}", model.log);
    approver.end().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_over_a_log_that_fails_is_given_up_once_it_takes_that() {
    if !root("approval::what_was_approved_over_a_log_that_fails_is_given_up_once_it_takes_that") {
        return;
    }
    let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
    let disk = SmallDisk::new(1 << 40);
    let ground = disk.ground();
    let setting = Setting {
        ground,
        ..Setting::default()
    };
    let mut app = asking(&drill, one.path(), etc.path(), setting).await;
    ask(&mut app, &drill).await;
    disk.shut(true);
    let approver = says_yes(second(&drill, two.path())).await;
    let model = app
        .until("it is stopped", |model| says(model, "stopped before "))
        .await;
    assert!(all(&model, ActionState::Awaiting), "not on record");
    disk.shut(false);
    app.until("that is on record", |model| {
        all(model, ActionState::Abandoned)
    })
    .await;
    approver.end().await;
    app.end().await;
    assert_eq!(sent(&drill), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_void_over_a_log_that_fails_is_not_waited_for_once_it_takes_that() {
    if !root("approval::what_is_void_over_a_log_that_fails_is_not_waited_for_once_it_takes_that") {
        return;
    }
    let (drill, state, etc) = (company().await, dir(), dir());
    let disk = SmallDisk::new(1 << 40);
    let ground = disk.ground();
    let setting = Setting {
        ground,
        ..Setting::default()
    };
    let mut app = asking(&drill, state.path(), etc.path(), setting).await;
    let (_, request) = ask(&mut app, &drill).await;
    disk.shut(true);
    edit(&drill, &request, "something else").await;
    let model = app
        .until("it is void", |model| says(model, "or is void: "))
        .await;
    assert!(all(&model, ActionState::Awaiting), "not on record");
    disk.shut(false);
    app.until("that is on record", |model| {
        all(model, ActionState::Abandoned)
    })
    .await;
    app.end().await;
    assert_eq!(sent(&drill), 0);
}

fn answers(state: &Path) -> usize {
    let all = records(state).into_iter();
    all.filter(|entry| matches!(entry.body, Body::ApprovalGiven { .. }))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_of_a_shared_key_keeps_nobody_from_answering() {
    if !root("approval::a_yes_of_a_shared_key_keeps_nobody_from_answering") {
        return;
    }
    let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    let (asked, request) = ask(&mut app, &drill).await;
    app.kill();
    let right = yes(&asked, &request);
    post(&drill, drill.shared_key(), &asked.case, &right).await;
    let mut approver = second(&drill, two.path());
    open_case(&mut approver).await;
    let is_listed = |model: &Model| {
        let rows = quell::app::approvals::rows(model);
        rows.iter().any(|row| row.answer.is_some())
    };
    approver.until("the yes is listed", is_listed).await;
    approver.keys("A");
    approver.sync().await;
    let screen = approver.screen();
    assert!(
        screen.contains("a yes, not known whether it counts"),
        "{screen}"
    );
    approver.keys("<Esc>");
    let model = review(&mut approver).await;
    assert_eq!(reasons(&model), Vec::<String>::new());
    approver.keys(LOGIN).keys("<Tab>y");
    let given = "your answer is in the case: a yes";
    approver.until("answered", |model| says(model, given)).await;
    // The one that counts does.
    approver.keys("<Esc><Esc>");
    let model = review(&mut approver).await;
    let reasons = reasons(&model);
    let [reason] = reasons.as_slice() else {
        panic!("one reason: {reasons:?}")
    };
    assert!(
        reason.starts_with("it is answered already: approved by "),
        "{reason}"
    );
    approver.end().await;
    assert_eq!(sent(&drill), 0);
}

/// What comes between while a yes is on its way.
#[derive(Clone, Copy, Debug)]
enum Between {
    Switch,
    Time,
}

impl Between {
    /// Gives the rule by which the log names it, and what is said of it.
    fn said(self) -> (&'static str, &'static str) {
        match self {
            Self::Switch => ("freeze", "the freeze switch of this host is on"),
            Self::Time => (
                "second person",
                "it came after 15 minutes, by the clock of this console",
            ),
        }
    }

    fn comes(self, approver: &TestApp, switch: &Path) {
        match self {
            Self::Switch => fs::write(switch, "").expect("the switch is set"),
            Self::Time => approver.clock.pass(Duration::from_secs(16 * 60)),
        }
    }
}

/// Answers yes, stopped at a point until something came between; `recorded` is how often the yes is on record then.
async fn held_back(between: Between, point: &'static str, recorded: usize) {
    let (drill, one, two) = (company().await, dir(), dir());
    let (etc, here) = (dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    let (asked, _) = ask(&mut app, &drill).await;
    let switch = here.path().join("freeze");
    let gate = Gate::at(Some(point));
    let setting = Setting {
        host: Host {
            policy: here.path().join("policy.toml"),
            freeze: switch.clone(),
        },
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut approver = console(&drill, two.path(), drill.second_key(), setting);
    open_case(&mut approver).await;
    let model = review(&mut approver).await;
    assert_eq!(reasons(&model), Vec::<String>::new(), "{point}");
    approver.keys(LOGIN).keys("<Tab>y");
    let reached = tokio::time::timeout(Duration::from_secs(60), gate.reached());
    reached.await.expect("it is answered");
    between.comes(&approver, &switch);
    gate.open();
    let (rule, why) = between.said();
    let kept = format!("your answer is not in the case: {why}");
    approver.until(point, |model| says(model, &kept)).await;
    approver.end().await;
    assert!(all(&app.model(), ActionState::Awaiting), "{point}");
    app.end().await;
    assert_eq!(sent(&drill), 0, "{point}");
    let told = comments(&drill, &asked.case).await;
    let told: Vec<&str> = told
        .iter()
        .filter_map(|one| one["message"].as_str())
        .collect();
    let count = |words: &str| told.iter().filter(|text| text.contains(words)).count();
    assert_eq!(count("quell-approval-answer"), 0, "{point}: {told:?}");
    assert_eq!(count("a yes was held back"), recorded, "{point}: {told:?}");
    assert_eq!(answers(two.path()), recorded, "{point}");
    let left = records(two.path());
    let is_held = |entry: &&Entry| {
        matches!(&entry.body, Body::Refusal { guard, reason, .. }
            if guard == rule && reason.raw().starts_with("the yes was not posted: "))
    };
    assert_eq!(left.iter().filter(is_held).count(), recorded, "{point}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_is_set_while_a_yes_is_on_its_way_holds_it_back() {
    if !root("approval::a_switch_that_is_set_while_a_yes_is_on_its_way_holds_it_back") {
        return;
    }
    for (point, recorded) in [
        ("answer.read", 0),
        ("before approval.given", 1),
        ("after approval.given", 1),
    ] {
        held_back(Between::Switch, point, recorded).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_whose_time_is_over_while_it_is_on_its_way_is_held_back() {
    if !root("approval::a_yes_whose_time_is_over_while_it_is_on_its_way_is_held_back") {
        return;
    }
    for (point, recorded) in [("answer.read", 0), ("after approval.given", 1)] {
        held_back(Between::Time, point, recorded).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_comes_too_late_is_not_posted_and_a_no_is() {
    if !root("approval::a_yes_that_comes_too_late_is_not_posted_and_a_no_is") {
        return;
    }
    for (keys, words, recorded) in [
        (
            "<Tab>y",
            "your answer is not in the case: it came after 15 minutes",
            0,
        ),
        ("<Tab><Tab>y", "your answer is in the case: a no", 1),
    ] {
        let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
        let mut app = requester(&drill, one.path(), etc.path());
        open_case(&mut app).await;
        let (asked, _) = ask(&mut app, &drill).await;
        app.kill();
        let mut approver = second(&drill, two.path());
        open_case(&mut approver).await;
        let model = review(&mut approver).await;
        assert_eq!(reasons(&model), Vec::<String>::new(), "{words}");
        // The dialog stays open until the time of the request is over.
        approver.clock.pass(Duration::from_secs(16 * 60));
        approver.keys(LOGIN).keys(keys);
        approver.until(words, |model| says(model, words)).await;
        approver.end().await;
        assert_eq!(answers(two.path()), recorded, "{words}");
        let told = comments(&drill, &asked.case).await;
        let given = told.iter().filter(|one| {
            one["message"]
                .as_str()
                .is_some_and(|text| text.contains("quell-approval-answer"))
        });
        assert_eq!(given.count(), recorded, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_is_final_and_silence_is_a_no() {
    if !root("approval::a_no_is_final_and_silence_is_a_no") {
        return;
    }
    let (drill, one, two, etc) = (company().await, dir(), dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    let (first, request) = ask(&mut app, &drill).await;
    let mut approver = second(&drill, two.path());
    open_case(&mut approver).await;
    review(&mut approver).await;
    approver.keys("<Tab><Tab>y");
    app.until("denied", |model| all(model, ActionState::Denied))
        .await;
    approver.end().await;
    // A yes after the no changes nothing; the same may be asked anew, and then nobody answers.
    post(
        &drill,
        drill.second_key(),
        &first.case,
        &yes(&first, &request),
    )
    .await;
    app.keys("<Esc><Esc><Esc>");
    let open = |model: &Model| model.ledger.asked().open().next().is_some();
    plan(&mut app).await;
    app.keys(LOGIN).keys("<Tab>y");
    app.until("it waits again", open).await;
    app.clock.advance(Duration::from_secs(16 * 60));
    let expired = |model: &Model| {
        let mut states = model.ledger.actions().map(|action| action.state);
        states.any(|state| state == ActionState::Expired) && !open(model)
    };
    app.until("expired", expired).await;
    assert_eq!(sent(&drill), 0);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_same_person_goes_on_waiting_and_confirms_anew() {
    if !root("approval::after_a_restart_the_same_person_goes_on_waiting_and_confirms_anew") {
        return;
    }
    let (drill, one, etc) = (company().await, dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    let (asked, request) = ask(&mut app, &drill).await;
    app.kill();
    post(
        &drill,
        drill.second_key(),
        &asked.case,
        &yes(&asked, &request),
    )
    .await;
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    assert!(all(&app.model(), ActionState::Awaiting));
    assert_eq!(sent(&drill), 0, "a yes alone sends nothing");
    plan(&mut app).await;
    app.keys(LOGIN).keys("<Tab>y");
    let proven = |model: &Model| {
        let mut states = model.ledger.actions().map(|action| action.state);
        states.any(|state| state == ActionState::Verified) && model.unfinished() == 0
    };
    app.until("proven", proven).await;
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    let asks = comments(&drill, &asked.case).await;
    let asks = asks.iter().filter(|comment| {
        comment["message"]
            .as_str()
            .is_some_and(|text| text.contains("quell-approval-request"))
    });
    assert_eq!(asks.count(), 1, "it was asked once");
    app.end().await;
}

/// Asks on a disk on which the nth record of a type is torn, and kills the console there: after a yes, or when nobody
/// answered.
async fn killed_at(drill: &Drill, (state, etc): (&Path, &Path), torn_at: (&str, usize)) -> Ask {
    let dead = Arc::new(Notify::new());
    let told = Arc::clone(&dead);
    let (kind, nth) = torn_at;
    let setting = Setting {
        host: host(etc, POLICY),
        ground: torn(kind, nth, 7, move || told.notify_one()),
        ..Setting::default()
    };
    let mut app = console(drill, state, drill.cases().token, setting);
    open_case(&mut app).await;
    let (asked, request) = ask(&mut app, drill).await;
    if kind == "action.outcome" {
        app.clock.advance(Duration::from_secs(16 * 60));
    } else {
        let yes = yes(&asked, &request);
        post(drill, drill.second_key(), &asked.case, &yes).await;
    }
    let killed = tokio::time::timeout(Duration::from_secs(60), dead.notified());
    killed.await.expect("the record is torn");
    app.kill();
    asked
}

/// Every way to die in the middle of an answer or of the last words. The last number is how many minutes later the
/// next console starts.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_console_leaves_waiting_gets_its_last_word_once() {
    if !root("approval::what_a_killed_console_leaves_waiting_gets_its_last_word_once") {
        return;
    }
    let lost = "never sent: its console ended before all of it was on record";
    let unseen = "its console ended before an answer was seen, and its 15 minutes are over: nothing was sent";
    for (kind, nth, word, says, later) in [
        ("action.confirm", 1, ActionState::Abandoned, lost, 0),
        ("action.confirm", 2, ActionState::Abandoned, lost, 0),
        // As where it died before the comment was in the case: it is waited for until its end.
        ("action.outcome", 1, ActionState::Expired, unseen, 16),
        ("action.outcome", 2, ActionState::Expired, UNANSWERED, 0),
    ] {
        let at = format!("killed at {kind} {nth}");
        let (drill, one, etc) = (company().await, dir(), dir());
        let asked = killed_at(&drill, (one.path(), etc.path()), (kind, nth)).await;
        let clock = TestClock::default();
        clock.pass(Duration::from_secs(later * 60));
        let setting = Setting {
            host: host(etc.path(), POLICY),
            clock,
            ..Setting::default()
        };
        let mut app = console(&drill, one.path(), drill.cases().token, setting);
        let ended = |model: &Model| all(model, word) && model.ledger.undocumented().is_empty();
        app.until(&at, ended).await;
        app.end().await;
        // The one after it has nothing to say any more.
        let mut app = requester(&drill, one.path(), etc.path());
        open_case(&mut app).await;
        assert!(all(&app.model(), word), "{at}");
        app.end().await;
        let left = records(one.path());
        let is_word = |entry: &&Entry| matches!(entry.body, Body::ActionOutcome { .. });
        let words = left.iter().filter(is_word).count();
        let is_plan = |entry: &&Entry| matches!(entry.body, Body::ActionPlan { .. });
        let actions = left.iter().filter(is_plan).count();
        assert_eq!((actions, words), (3, 3), "{at}: one for each action");
        let confirmed = left.iter().filter_map(|entry| match &entry.body {
            Body::ActionConfirm { aid, .. } => Some(aid),
            _ => None,
        });
        let confirmed: Vec<&ActionId> = confirmed.collect();
        for entry in &left {
            // What was confirmed did not wait any more: it is given up in other words.
            if let Body::ActionOutcome { aid, evidence, .. } = &entry.body
                && !confirmed.contains(&aid)
            {
                assert_eq!(evidence.raw(), says, "{at}");
            }
        }
        assert_eq!(sent(&drill), 0, "{at}");
        // The case is told of what was approved, however little of it was confirmed, and not of a silence.
        let told = comments(&drill, &asked.case).await;
        let marker = format!("quell:{}", asked.plan);
        let told = told.iter().filter_map(|one| one["message"].as_str());
        let told: Vec<&str> = told.filter(|text| text.contains(&marker)).collect();
        let expected = usize::from(kind == "action.confirm");
        assert_eq!(told.len(), expected, "{at}: {told:?}");
        for text in told {
            assert_eq!(
                text.matches("**abandoned**, not sent").count(),
                actions,
                "{text}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_changed_meanwhile_is_left_alone() {
    if !root("approval::a_target_that_changed_meanwhile_is_left_alone") {
        return;
    }
    let (drill, one, etc) = (company().await, dir(), dir());
    let mut app = requester(&drill, one.path(), etc.path());
    open_case(&mut app).await;
    let (ask, request) = ask(&mut app, &drill).await;
    let identity = drill.identity();
    let url = format!(
        "{}/api/v1/users/{}/lifecycle/suspend",
        identity.url,
        drill.victim_id()
    );
    let client = reqwest::Client::builder().no_proxy().build();
    let answer = client
        .expect("a client")
        .post(url)
        .header("authorization", format!("SSWS {}", identity.token))
        .header("content-length", "0")
        .send()
        .await
        .expect("the drill answers");
    assert!(answer.status().is_success());
    post(&drill, drill.second_key(), &ask.case, &yes(&ask, &request)).await;
    app.until("given up", |model| all(model, ActionState::Abandoned))
        .await;
    assert_eq!(sent(&drill), 1, "the one behind our back");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_key_or_a_campaign_that_is_over_asks_nobody() {
    if !root("approval::a_shared_key_or_a_campaign_that_is_over_asks_nobody") {
        return;
    }
    let (drill, one, etc) = (company().await, dir(), dir());
    let setting = || Setting {
        host: host(etc.path(), POLICY),
        ..Setting::default()
    };
    let mut app = console(&drill, one.path(), drill.shared_key(), setting());
    open_case(&mut app).await;
    let model = plan(&mut app).await;
    assert_eq!(refusals(&model), ["second person"]);
    app.keys(LOGIN).keys("<Tab>y");
    app.sync().await;
    app.end().await;
    assert_eq!(drill.ledger().targets("comment").len(), 0);
    for (until, over_cap, expected, needed) in [
        ("2099-01-01T00:00:00Z", false, Vec::new(), false),
        ("2020-01-01T00:00:00Z", false, vec!["caps"], false),
        ("2020-01-01T00:00:00Z", true, Vec::new(), true),
    ] {
        let (state, etc) = (dir(), dir());
        let policy = format!(
            "targets_per_person = 0\n[approval]\nover_cap = {over_cap}\n[campaign]\nname = \"phish-11\"\nuntil = \"{until}\"\naccounts = 1\n"
        );
        let setting = Setting {
            host: host(etc.path(), &policy),
            ..Setting::default()
        };
        let mut app = console(&drill, state.path(), drill.cases().token, setting);
        open_case(&mut app).await;
        let model = plan(&mut app).await;
        assert_eq!(refusals(&model), expected, "{policy}");
        let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
            panic!("a dialog")
        };
        assert_eq!(confirmation.plan().need.is_some(), needed, "{policy}");
        let campaign = confirmation.plan().campaign.as_deref();
        assert_eq!(campaign.is_some(), expected.is_empty() && !needed);
        app.end().await;
    }
    assert_eq!(sent(&drill), 0);
}
