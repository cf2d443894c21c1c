//! Work on the queue through the whole console: claims of two people, closings, merges, snoozes, a false positive, coming
//! back. What the case system was asked to do is read from its own ledger.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use quell::app::effect::Effect;
use quell::app::keymap::{Chord, Key};
use quell::app::message::{Changed, Message, NoPlan};
use quell::app::model::closing::CloseDialog;
use quell::app::model::{Found, Layer, Load, Model, Pane};
use quell::app::update::update;
use quell::app::{related, window};
use quell::cli::compose::Host;
use quell::connect::http::Limits;
use quell::domain::account::AccountStatus;
use quell::domain::audit::{Body, Entry, OutcomeState};
use quell::domain::case::Case;
use quell::domain::containment::approval::{Ask, TTL};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::Ledger;
use quell::domain::containment::state::ActionState;
use quell::domain::fault::Fault;
use quell::domain::ids::{AccountId, ActionId, CaseId};
use quell::domain::severity::CaseStatus;
use quell::domain::text::Untrusted;
use quell::domain::verdict::{CaseChange, Closing, Verdict};
use quell::drill::Drill;
use quell::engine::clock::{Clock as _, SystemClock};
use quell::engine::probe::Probe;
use quell::store::audit::Ground;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::harness::app::{Setting, TestApp, TestClock, company, limits, records};
use crate::harness::line::Line;
use crate::scene;
use crate::truth::{DISABLE, Gate, by_others, confirm, finished, open_case, plan};

const LOGIN: &str = "mara.lind@acme.example";
const SCAN: &str = "Port scan";

fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Starts a console of one of two people, which looks for news often, or only when it is asked to.
fn console(drill: &Drill, state: &Path, key: &str, poll: &'static str) -> TestApp {
    TestApp::start_in(drill, state, Setting::default(), |text| {
        std::fs::write(state.join("hive.token"), key).expect("the key is written");
        text.replacen("poll = \"10s\"", &format!("poll = \"{poll}\""), 1)
    })
}

fn first(drill: &Drill, state: &Path) -> TestApp {
    console(drill, state, drill.cases().token, "1s")
}

async fn ready(app: &mut TestApp) -> Model {
    app.until("the queue is filled and the person known", |model| {
        model.queue.heard && model.operator.login.is_some()
    })
    .await
}

fn row<'a>(model: &'a Model, title: &str) -> &'a Case {
    model
        .queue
        .all()
        .iter()
        .find(|case| case.title.raw().contains(title))
        .unwrap_or_else(|| panic!("no case {title}"))
}

fn owner(model: &Model, title: &str) -> Option<String> {
    let owner = row(model, title).assignee.as_ref();
    owner.map(|owner| owner.raw().to_owned())
}

fn login(model: &Model) -> String {
    let login = model.operator.login.as_ref();
    login
        .map(|login| login.raw().to_owned())
        .unwrap_or_default()
}

fn said(model: &Model, part: &str) -> bool {
    model
        .log
        .iter()
        .any(|line| line.text.as_str().contains(part))
}

fn patches(drill: &Drill) -> usize {
    drill.ledger().targets("case_patch").len()
}

fn kinds(entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for entry in entries {
        let kind = match &entry.body {
            Body::CaseChanged(change) => format!("change {}", change.kind),
            Body::RecordIntent { kind, .. } => format!("intent {kind}"),
            Body::RecordDone { .. } => "done".to_owned(),
            Body::RecordFailed { .. } => "failed".to_owned(),
            _ => continue,
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

/// The case as the case system has it.
async fn there(drill: &Drill, id: &str) -> Value {
    let server = drill.cases();
    let client = reqwest::Client::builder().no_proxy().build();
    let answer = client
        .expect("a client")
        .get(format!("{}/api/v1/case/{id}", server.url))
        .bearer_auth(server.token)
        .send()
        .await
        .expect("an answer");
    answer.json().await.expect("a case")
}

/// Changes a case by a colleague's hand: the same interface, none of our records.
async fn by_a_colleague(drill: &Drill, id: &str, change: &Value) {
    let client = reqwest::Client::builder().no_proxy().build();
    let answer = client
        .expect("a client")
        .patch(format!("{}/api/v1/case/{id}", drill.cases().url))
        .bearer_auth(drill.second_key())
        .json(change)
        .send()
        .await
        .expect("an answer");
    assert!(answer.status().is_success(), "{change}");
}

/// Gives what a colleague closes a case with.
fn with_impact() -> Value {
    json!({"status": "TruePositive", "impactStatus": "WithImpact", "summary": "it was one"})
}

/// Starts a console that stops at a point; gives the place at which it stops.
fn stopping(
    drill: &Drill,
    state: &Path,
    at: &'static str,
    host: Option<Host>,
) -> (TestApp, Arc<Gate>) {
    let gate = Gate::at(Some(at));
    let mut setting = Setting {
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        ..Setting::default()
    };
    if let Some(host) = host {
        setting.host = host;
    }
    (TestApp::start_in(drill, state, setting, |text| text), gate)
}

/// Closes the case of the victim as a false positive, up to where the console stops; gives the id of the case.
async fn dismiss(app: &mut TestApp, gate: &Gate) -> String {
    open_case(app).await;
    app.keys("f");
    let model = app.until("nothing keeps it", closing).await;
    app.keys("a test of ours<Ctrl-s><Ctrl-s>");
    gate.reached().await;
    row(&model, "payroll lead").id.raw().to_owned()
}

/// Merges two cases, up to where it is asked.
async fn ask_to_merge(app: &mut TestApp) -> Model {
    ready(app).await;
    app.keys("/port scan<Enter><Space><Esc>/contractor<Enter><Space>J");
    app.until("it is asked", |model| {
        matches!(model.layers.last(), Some(Layer::Ask(_)))
    })
    .await
}

async fn open_story(app: &mut TestApp) -> Model {
    app.keys("1<Esc>/mara<Enter>g<Enter>");
    app.until("account and activity are there", |model| {
        model.open.as_ref().is_some_and(|open| {
            open.the_account().is_some()
                && open.activity.ended.is_some()
                && open.back.is_none()
                && !matches!(open.similar, quell::app::model::Load::Loading(_))
        }) && !model.offers.is_empty()
            && model.operator.login.is_some()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_shows_on_both_consoles_without_a_key() {
    let (drill, mine, theirs) = (company().await, dir(), dir());
    let mut one = first(&drill, mine.path());
    let mut two = console(&drill, theirs.path(), drill.second_key(), "1s");
    let me = login(&ready(&mut one).await);
    ready(&mut two).await;
    one.keys("/port scan<Enter>a");
    one.until("it is mine here", |model| {
        owner(model, SCAN).as_deref() == Some(&me)
    })
    .await;
    two.until("it is mine there", |model| {
        owner(model, SCAN).as_deref() == Some(&me)
    })
    .await;
    assert_eq!(patches(&drill), 1);

    // Taking it over is asked for; whoever loses it is told without a key.
    two.keys("/port scan<Enter>a");
    two.until("it is asked", |model| {
        matches!(model.layers.last(), Some(Layer::Ask(_)))
    })
    .await;
    two.keys("y");
    let model = two
        .until("it is theirs", |model| {
            owner(model, SCAN).as_deref() == Some(&login(model))
        })
        .await;
    let other = login(&model);
    one.until("the loss is said", |model| {
        said(model, &format!("was yours and belongs to {other} now"))
    })
    .await;
    one.end().await;
    two.end().await;
    let kinds = kinds(&records(mine.path()));
    let expected = [("change claim", 1), ("done", 1), ("intent claim", 1)];
    assert_eq!(
        kinds,
        expected
            .map(|(kind, count)| (kind.to_owned(), count))
            .into()
    );
}

/// Longer than what was read of a case may be old when a change of it leaves.
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_claim_goes_out_where_the_case_system_takes_long_to_answer() {
    let (drill, state) = (company().await, dir());
    let setting = Setting {
        limits: Limits {
            read_total: Duration::from_secs(30),
            ..limits()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    let me = login(&ready(&mut app).await);
    let order = json!({
        "server": "cases", "fault": "latency", "ms": 5_500, "rate": 1.0, "method": "GET", "path": "/api/v1/case/",
    });
    drill.fault(&order).expect("the drill knows it");
    app.keys("/port scan<Enter>a");
    app.until("it is mine", |model| {
        owner(model, SCAN).as_deref() == Some(&me)
    })
    .await;
    app.end().await;
    assert_eq!(patches(&drill), 1);
}

/// As for a process that was stopped after the case system had answered: what it takes for a slow answer is an old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_goes_by_no_answer_from_before_a_stop() {
    let (drill, mine, theirs) = (company().await, dir(), dir());
    let line = Line::open(&drill.cases().url, None).await;
    let setting = Setting {
        limits: Limits {
            read_total: Duration::from_secs(30),
            ..limits()
        },
        ..Setting::default()
    };
    let mut one = TestApp::start_in(&drill, mine.path(), setting, |text| {
        text.replacen("poll = \"10s\"", "poll = \"1h\"", 1)
            .replace(&drill.cases().url, &line.url)
    });
    let mut two = console(&drill, theirs.path(), drill.second_key(), "1s");
    ready(&mut one).await;
    let other = login(&ready(&mut two).await);
    let looks = || {
        let is_look = |asked: &&String| asked.starts_with("GET /api/v1/case/");
        line.asked().iter().filter(is_look).count()
    };
    let before = looks();
    for fault in ["stale_reads", "latency"] {
        let order = json!({
            "server": "cases", "fault": fault, "ms": 1_500, "rate": 1.0, "count": 1, "method": "GET", "path": "/api/v1/case/",
        });
        drill.fault(&order).expect("the drill knows it");
    }
    one.keys("/port scan<Enter>a");
    let looked = async {
        while looks() == before {
            tokio::task::yield_now().await;
        }
    };
    let looked = tokio::time::timeout(Duration::from_secs(60), looked).await;
    looked.expect("it looks at the case");
    one.clock.advance(Duration::from_secs(12));
    two.keys("/port scan<Enter>a");
    one.until("it is said", |model| {
        said(model, &format!("the claim is lost: it belongs to {other}"))
    })
    .await;
    assert_eq!(patches(&drill), 1, "the second claim was never sent");
    one.end().await;
    two.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_claim_is_said_and_overwrites_nothing() {
    let (drill, mine, theirs) = (company().await, dir(), dir());
    // This one does not look again by itself: what it shows is old.
    let mut one = console(&drill, mine.path(), drill.cases().token, "1h");
    let mut two = console(&drill, theirs.path(), drill.second_key(), "1s");
    ready(&mut one).await;
    let other = login(&ready(&mut two).await);
    two.keys("/port scan<Enter>a");
    two.until("it is theirs", |model| {
        owner(model, SCAN).as_deref() == Some(&other)
    })
    .await;
    one.keys("/port scan<Enter>a");
    one.until("it is said", |model| {
        said(model, &format!("the claim is lost: it belongs to {other}"))
    })
    .await;
    one.until("it is shown", |model| {
        owner(model, SCAN).as_deref() == Some(&other)
    })
    .await;
    assert_eq!(patches(&drill), 1, "the second claim was never sent");
    // What TheHive has no call for is said, not pretended.
    two.keys("a");
    two.until("a release is refused", |model| {
        said(model, "no call that takes the owner")
    })
    .await;
    assert_eq!(patches(&drill), 1);
    one.end().await;
    two.end().await;
    assert!(kinds(&records(mine.path())).is_empty());
}

/// Stops the console at a point, for good.
struct Cut {
    at: &'static str,
    reached: Notify,
}

#[async_trait]
impl Probe for Cut {
    async fn pass(&self, point: &str) {
        if point == self.at {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[rstest]
#[case::sent("case.after", "it belongs to", "done", 1)]
#[case::not_sent("case.before", "it does not stand, it belongs to nobody", "failed", 0)]
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_a_kill_cut_off_is_settled_by_reading(
    #[case] at: &'static str,
    #[case] word: &str,
    #[case] record: &str,
    #[case] sent: usize,
) {
    let (drill, state) = (company().await, dir());
    let cut = Arc::new(Cut {
        at,
        reached: Notify::new(),
    });
    let setting = Setting {
        probe: Arc::clone(&cut) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    ready(&mut app).await;
    app.keys("/port scan<Enter>a");
    cut.reached.notified().await;
    app.kill();
    assert_eq!(patches(&drill), sent);
    let before = kinds(&records(state.path()));
    assert_eq!(before.get("change claim"), Some(&1));
    assert_eq!(before.get("done").or(before.get("failed")), None);

    let mut app = first(&drill, state.path());
    app.until("it is said that nobody knows yet", |model| {
        said(model, "claim of ") && said(model, "no answer is on record; the case is read in")
    })
    .await;
    app.until("it is said what came of it", |model| {
        said(model, "claim of #")
            && said(model, "of which nobody knew what came of it")
            && said(model, word)
    })
    .await;
    app.end().await;
    assert_eq!(patches(&drill), sent, "it was not sent again");
    let after = kinds(&records(state.path()));
    assert_eq!(after.get(record), Some(&1), "{after:?}");
    assert_eq!(after.get("change claim"), Some(&1), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_is_one_step_and_keeps_open_tasks() {
    let (drill, state) = (company().await, dir());
    let mut app = first(&drill, state.path());
    ready(&mut app).await;
    let model = open_story(&mut app).await;
    let case = row(&model, "payroll lead").clone();
    app.keys("X");
    app.until(
        "its tasks are read",
        |model| matches!(model.layers.last(), Some(Layer::Close(dialog)) if dialog.is_read()),
    )
    .await;
    // Nothing is chosen for the analyst, and what stays open is said first.
    app.keys("<Ctrl-s>");
    app.keys("<Down>stolen password<Ctrl-s>");
    let model = app.sync().await;
    assert!(
        matches!(model.layers.last(), Some(Layer::Close(dialog)) if dialog.warned && dialog.open_tasks().len() == 3),
        "{}",
        app.screen()
    );
    assert_eq!(patches(&drill), 0);
    app.keys("<Ctrl-s>");
    app.until("it is closed", |model| {
        row(model, "payroll lead").status == CaseStatus::Closed
    })
    .await;
    let now = there(&drill, case.id.raw()).await;
    let expected = json!(["TruePositive", "WithImpact", "stolen password"]);
    assert_eq!(
        json!([now["status"], now["impactStatus"], now["summary"]]),
        expected
    );
    assert!(!said(&app.model(), "took"), "a task is gone");
    // Once more is refused before anything is asked.
    app.keys("X");
    app.until("it is said", |model| said(model, "it is closed already"))
        .await;
    app.end().await;
    let entries = records(state.path());
    let change = entries.iter().find_map(|entry| match &entry.body {
        Body::CaseChanged(change) => Some(change.clone()),
        _ => None,
    });
    let change = change.expect("it is on record");
    assert_eq!(change.comment, Some(Untrusted::new("stolen password")));
    assert_eq!(change.to.raw(), "true_positive_impact");
}

/// The steps of a list are counted for the open case alone: of others the dialog says that nobody looked.
#[test]
fn a_closing_says_of_which_cases_the_steps_were_not_looked_at() {
    let mut model = scene::open((120, 40));
    let here = model.open.as_ref().expect("a case is open").id.clone();
    model.focus = Pane::Cases;
    for place in 0..2 {
        model.queue.move_to(place);
        model.queue.mark();
    }
    let marked = model.queue.marked().into_iter();
    let marked: Vec<CaseId> = marked.map(|one| one.id.clone()).collect();
    assert!(marked.len() == 2 && marked.contains(&here), "{marked:?}");
    let now = scene::now();
    let said = |model: &mut Model, cases: &[CaseId]| {
        update(model, now, Message::Key(Chord::char('X')));
        for case in cases {
            let (case, result) = (case.clone(), Ok(Vec::new()));
            update(model, now, Message::OpenTasksRead { case, result });
        }
        let Some(Layer::Close(dialog)) = model.layers.last() else {
            panic!("the dialog is open")
        };
        let left = (dialog.steps > 0, dialog.not_counted.len());
        (left, crate::harness::screen::text(model, (120, 40)))
    };
    let words = "steps of the list were not looked at for #";
    let (left, screen) = said(&mut model.clone(), &marked);
    assert_eq!(left, (true, 1));
    assert!(screen.contains(words), "{screen}");

    // None of them is open here.
    let mut elsewhere = model.clone();
    elsewhere.open = None;
    let (left, screen) = said(&mut elsewhere, &marked);
    assert_eq!(left, (false, 2));
    assert!(screen.contains(words), "{screen}");
    assert!(screen.contains("no task stays open"), "{screen}");

    // The open case alone.
    model.queue.unmark();
    model.queue.move_to(0);
    let (left, screen) = said(&mut model, std::slice::from_ref(&here));
    assert_eq!(left, (true, 0));
    assert!(!screen.contains(words), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn marked_cases_are_claimed_and_merged_each_with_its_word() {
    let (drill, mine, theirs) = (company().await, dir(), dir());
    let mut one = first(&drill, mine.path());
    let mut two = console(&drill, theirs.path(), drill.second_key(), "1s");
    let me = login(&ready(&mut one).await);
    ready(&mut two).await;
    // Three marked: two are free, one is a colleague's and is not touched.
    one.keys("/port scan<Enter><Space><Esc>/contractor<Enter><Space><Esc>/phishing<Enter><Space>");
    let model = one.sync().await;
    assert_eq!(model.queue.marked().len(), 3, "{}", one.screen());
    one.keys("a");
    one.until("both are mine", |model| {
        let mine = |title| owner(model, title).as_deref() == Some(me.as_str());
        mine(SCAN) && mine("Contractor") && said(model, "claim: 2 of 2 cases")
    })
    .await;
    assert!(said(&one.model(), "not touched"));
    assert_eq!(patches(&drill), 2);

    // The other console has one of them open when they become one.
    two.keys("/port scan<Enter><Enter>");
    two.until("it is open", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.file.ready().is_some())
    })
    .await;
    one.keys("<Esc>/port scan<Enter><Space><Esc>/contractor<Enter><Space>J");
    one.until("it is asked", |model| {
        matches!(model.layers.last(), Some(Layer::Ask(_)))
    })
    .await;
    one.keys("y");
    one.until("they are one", |model| {
        said(model, "are #") && row(model, " / ").status.is_open()
    })
    .await;
    let model = two
        .until("the open case is gone there", |model| {
            said(model, "is not in the case system any more")
        })
        .await;
    let open = model.open.as_ref().expect("it stays open");
    assert!(open.file.ready().is_some(), "what was read stays");
    assert_eq!(drill.ledger().targets("case_merge").len(), 1);
    one.end().await;
    two.end().await;
    let kinds = kinds(&records(mine.path()));
    assert_eq!((kinds["change merge"], kinds["intent merge"]), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snoozed_case_comes_back_also_after_a_restart() {
    let (drill, state) = (company().await, dir());
    let mut app = first(&drill, state.path());
    let model = ready(&mut app).await;
    let all = model.queue.len();
    app.keys("/port scan<Enter>s<Enter>waits for the network team<Enter><Esc>");
    app.until("it is hidden", |model| {
        model.queue.len() + 1 == all && model.queue.snoozed_count() == 1
    })
    .await;
    app.end().await;
    let mut app = first(&drill, state.path());
    ready(&mut app).await;
    let model = app
        .until("it is still hidden", |model| {
            model.queue.snoozed_count() == 1
        })
        .await;
    let work = model.casework.case(&row(&model, SCAN).id);
    let snoozed = work.and_then(|work| work.snoozed.as_ref());
    assert_eq!(
        snoozed.map(|one| one.reason.raw()),
        Some("waits for the network team")
    );
    app.clock.pass(Duration::from_secs(16 * 60));
    let model = app
        .until("it is back", |model| said(model, "its snooze is over"))
        .await;
    assert_eq!(model.queue.snoozed_count(), 0);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_positive_is_undone_then_closed() {
    let (drill, state) = (company().await, dir());
    let mut app = first(&drill, state.path());
    ready(&mut app).await;
    open_story(&mut app).await;
    let dialog = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    app.keys("cc");
    app.until("the dialog is open", dialog).await;
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>y");
    app.until("it is contained", |model| {
        model.standing().is_some() && model.unfinished() == 0 && model.going.is_empty()
    })
    .await;
    app.keys("<Esc>");
    app.until("the account is read again", |model| {
        let choice = quell::app::actions::Choice::Enable;
        matches!(
            quell::app::actions::readiness(model, choice),
            quell::app::actions::Readiness::Ready(_)
        )
    })
    .await;
    app.keys("f");
    app.until("the undo is planned", dialog).await;
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>y");
    app.until(
        "closing follows by itself",
        |model| matches!(model.layers.last(), Some(Layer::Close(dialog)) if dialog.is_read()),
    )
    .await;
    app.keys("the user was on holiday<Ctrl-s><Ctrl-s>");
    let model = app
        .until("it is closed", |model| {
            row(model, "payroll lead").status == CaseStatus::Closed
        })
        .await;
    let case = row(&model, "payroll lead").id.clone();
    let enabled = model.ledger.actions().any(|action| {
        action.state == ActionState::Verified
            && action.kind == quell::domain::containment::kind::ActionKind::EnableAccount
    });
    assert!(enabled && model.standing().is_none());
    let now = there(&drill, case.raw()).await;
    assert_eq!(now["status"], "FalsePositive");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_back_shows_where_one_was_and_what_happened_since() {
    let (drill, state) = (company().await, dir());
    let mut app = first(&drill, state.path());
    ready(&mut app).await;
    open_story(&mut app).await;
    app.keys("3jj");
    let model = app.sync().await;
    let step = |model: &Model| {
        quell::app::checklist::selected(model).map(|(_, step)| step.key.as_str().to_owned())
    };
    let stood = step(&model);
    assert!(stood.is_some());
    app.end().await;
    drill.advance(3);
    let mut app = first(&drill, state.path());
    ready(&mut app).await;
    let model = open_story(&mut app).await;
    assert_eq!(step(&model), stood);
    let line = model
        .log
        .iter()
        .find(|line| line.text.as_str().starts_with("since you left"))
        .map(|line| line.text.to_string());
    assert!(
        line.as_ref().is_some_and(|line| line.contains("event")),
        "{line:?}"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_and_the_other_cases_stand_on_the_card() {
    let (drill, state) = (company().await, dir());
    let mut app = first(&drill, state.path());
    ready(&mut app).await;
    let model = open_story(&mut app).await;
    let proposed = window::of(&model).expect("the findings say when it began");
    assert!(!proposed.by_hand);
    // The same account was in an older case.
    let rows = related::rows(&model);
    assert!(
        rows.iter()
            .any(|row| row.title.as_str().contains("spraying")),
        "{rows:?}"
    );
    app.keys("W<Ctrl-a><Ctrl-k>never<Enter>");
    app.until("it is refused", |model| said(model, "never is no time"))
        .await;
    app.keys("<Ctrl-a><Ctrl-k>2026-03-07T02:58Z 2026-03-07T03:15Z<Enter>");
    let model = app
        .until("it is recorded", |model| {
            window::of(model).is_some_and(|window| window.by_hand)
        })
        .await;
    let text = quell::app::report::compose(
        &model,
        &quell::domain::report::Target {
            case: row(&model, "payroll lead").id.clone(),
            subject: quell::domain::report::Subject::handover(),
        },
    );
    assert!(text.contains("compromised: 2026-03-07"), "{text}");
    app.keys("I");
    app.sync().await;
    let screen = app.screen();
    for part in ["NO", "account takeover", "set by a person", "same user"] {
        assert!(screen.contains(part), "{part} is not on:\n{screen}");
    }
    app.end().await;
}

/// The keys of the main flow, from the queue to the documented containment, beside the login that has to be typed.
#[tokio::test(flavor = "multi_thread")]
async fn the_main_flow_is_eleven_keys_and_the_login() {
    let (drill, state) = (company().await, dir());
    let mut app = first(&drill, state.path());
    ready(&mut app).await;
    let mut keys = 0;
    let mut press = |app: &TestApp, typed: &[&str]| {
        keys += typed.len();
        app.keys(&typed.concat());
    };
    // The worst and newest case is on top already.
    press(&app, &["<Enter>"]);
    app.until("it is looked at", |model| {
        model.open.as_ref().is_some_and(|open| {
            open.the_account().is_some()
                && open.activity.proposal().is_some()
                && open.activity.ended.is_some()
        }) && !model.offers.is_empty()
    })
    .await;
    press(&app, &["l", "<Enter>"]);
    app.until("it is judged", |model| {
        let open = model.open.as_ref().map(|open| &open.id);
        open.and_then(|id| model.casework.case(id))
            .is_some_and(|work| !work.likelihoods.is_empty())
    })
    .await;
    press(&app, &["c", "c"]);
    app.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN);
    press(&app, &["<Tab>", "y"]);
    app.until("it is contained", |model| {
        model.standing().is_some() && model.unfinished() == 0
    })
    .await;
    app.keys("<Esc>");
    press(&app, &["d", "<Enter>"]);
    app.until("the text is composed", |model| {
        matches!(model.layers.last(), Some(Layer::Writing { .. }))
    })
    .await;
    press(&app, &["<Ctrl-s>", "y"]);
    app.until("it is in the case", |model| said(model, "is in the case"))
        .await;
    assert_eq!(keys, 11);
    app.end().await;
}

fn press(model: &mut Model, chord: Chord) {
    let _ = quell::app::update::update(model, crate::scene::now(), Message::Key(chord));
}

/// A console in whose open case the account is contained, and another one is chosen if asked for.
fn contained_case(is_other_chosen: bool) -> Model {
    let mut model = crate::scene::held((120, 40));
    let mut account = crate::scene::account();
    account.status = AccountStatus::Disabled;
    if is_other_chosen {
        account.id = AccountId::new(account.id.connection.clone(), "00u-frida");
        account.login = "frida@acme.example".into();
    }
    let open = model.open.as_mut().expect("a case is open");
    open.account = Load::Ready(Found::One(Box::new(account)), crate::scene::now());
    model.focus = Pane::Activity;
    model
}

#[test]
fn a_false_positive_waits_for_the_other_accounts_of_the_case() {
    let mut model = contained_case(true);
    press(&mut model, Chord::char('f'));
    assert!(model.layers.is_empty(), "{:?}", model.layers);
    assert!(said(
        &model,
        "mara.lind@acme.example is still contained from this case: choose it with U, then f"
    ));
    // Closing by hand is free, and says it.
    press(&mut model, Chord::char('X'));
    assert!(matches!(model.layers.last(), Some(Layer::Close(_))));
    assert!(said(
        &model,
        "close: still contained: mara.lind@acme.example"
    ));
}

#[test]
fn a_false_positive_that_was_given_up_does_not_come_back() {
    let mut model = contained_case(false);
    press(&mut model, Chord::char('f'));
    assert!(matches!(model.layers.last(), Some(Layer::Planning { .. })));
    assert!(model.false_positive.is_some());
    press(&mut model, Chord::plain(Key::Esc));
    assert_eq!(model.false_positive, None);

    press(&mut model, Chord::char('f'));
    assert!(model.false_positive.is_some());
    let message = Message::PlanMade(Err(Box::new(no_plan(&model))));
    let _ = quell::app::update::update(&mut model, crate::scene::now(), message);
    assert_eq!(model.false_positive, None);
    assert!(said(&model, "no plan"));
}

/// Tells the console how the closing of a case with a comment went.
fn answer(model: &mut Model, case: &CaseId, comment: &str, result: Result<Changed, Fault>) {
    let closing = Closing {
        verdict: Verdict::FalsePositive,
        comment: comment.into(),
        open_tasks: Vec::new(),
        known: Vec::new(),
    };
    let message = Message::CaseChanged {
        case: case.clone(),
        change: CaseChange::Close(closing),
        result,
    };
    let _ = quell::app::update::update(model, crate::scene::now(), message);
}

#[test]
fn the_comment_of_a_closing_that_failed_comes_back_until_the_case_is_closed() {
    let mut model = contained_case(false);
    // Nothing else keeps the console.
    model.ledger = Ledger::default();
    model.judge();
    let case = model.open.as_ref().expect("a case is open").id.clone();
    let comment = |model: &Model| match model.layers.last() {
        Some(Layer::Close(dialog)) => dialog.comment(),
        other => panic!("no dialog: {other:?}"),
    };
    let esc = Chord::plain(Key::Esc);
    answer(&mut model, &case, "ab", Err(Fault::new("the log is full")));
    press(&mut model, Chord::char('q'));
    assert!(matches!(model.layers.last(), Some(Layer::QuitAnyway)));
    press(&mut model, Chord::char('n'));
    assert!(!model.ending && model.layers.is_empty());
    press(&mut model, Chord::char('X'));
    assert_eq!(comment(&model), "ab");
    assert!(said(&model, "your comment is back"));

    // It is left as it was changed.
    press(&mut model, Chord::char('c'));
    press(&mut model, esc);
    let screen = crate::harness::screen::text(&model, (120, 40));
    assert!(screen.contains("the text is kept"), "{screen}");
    press(&mut model, esc);
    assert!(model.layers.is_empty());
    press(&mut model, Chord::char('X'));
    assert_eq!(comment(&model), "abc");
    for _ in 0..3 {
        press(&mut model, Chord::plain(Key::Backspace));
    }
    press(&mut model, esc);
    assert!(model.layers.is_empty() && model.typed.is_empty());

    // A dialog that is open again gets it before what is typed there.
    press(&mut model, Chord::char('X'));
    press(&mut model, Chord::char('d'));
    answer(&mut model, &case, "ab", Err(Fault::new("the log is full")));
    assert_eq!(comment(&model), "ab\nd");
    press(&mut model, esc);
    press(&mut model, esc);
    let mut closed = model.queue.all().first().expect("a case").clone();
    closed.id = case.clone();
    closed.status = CaseStatus::Closed;
    let done = Changed::Done(Box::new(closed));
    answer(&mut model, &case, "ab", Ok(done));
    assert!(model.typed.is_empty());
    press(&mut model, Chord::char('q'));
    assert!(model.ending);
}

/// What would be told if the plan that is waited for could not be made.
fn no_plan(model: &Model) -> NoPlan {
    let Some(Layer::Planning { kinds, items, of }) = model.layers.last() else {
        panic!("a plan is being made: {:?}", model.layers)
    };
    NoPlan {
        case: of.case.clone(),
        account: of.account.clone(),
        kinds: kinds.clone(),
        items: items.clone(),
        fault: Fault::new("no plan"),
    }
}

#[rstest]
#[case::of_another_case(|none: &mut NoPlan| none.case = crate::scene::case_id(1))]
#[case::of_another_account(|none: &mut NoPlan| {
    none.account = AccountId::new(none.account.connection.clone(), "00u-frida");
})]
#[case::of_other_kinds(|none: &mut NoPlan| none.kinds = vec![ActionKind::RevokeSessions])]
fn a_late_refusal_of_an_earlier_wish_leaves_the_plan_that_is_waited_for(
    #[case] earlier: fn(&mut NoPlan),
) {
    let mut model = contained_case(false);
    press(&mut model, Chord::char('f'));
    let mut none = no_plan(&model);
    let mut plan = crate::scene::plan(false);
    (plan.case, plan.account.id) = (none.case.clone(), none.account.clone());
    plan.steps.truncate(1);
    for step in &mut plan.steps {
        step.kind = ActionKind::EnableAccount;
    }
    assert_eq!(none.kinds, plan.kinds());
    earlier(&mut none);
    let message = Message::PlanMade(Err(Box::new(none)));
    let _ = quell::app::update::update(&mut model, crate::scene::now(), message);
    assert!(matches!(model.layers.last(), Some(Layer::Planning { .. })));
    assert!(model.false_positive.is_some());
    assert!(!said(&model, "no plan"));
    let message = Message::PlanMade(Ok(Box::new(plan)));
    let _ = quell::app::update::update(&mut model, crate::scene::now(), message);
    assert!(matches!(model.layers.last(), Some(Layer::Confirm { .. })));
}

fn tell(model: &mut Model, bodies: impl IntoIterator<Item = Body>) {
    let entries = bodies.into_iter().map(crate::scene::record).collect();
    let message = Message::Recorded(entries);
    let _ = quell::app::update::update(model, crate::scene::now(), message);
}

fn act() -> ActionId {
    ActionId::from_parts(crate::scene::now().utc, 900)
}

/// Gives the record of a plan for the account of the open case, made by this console or another one.
fn planned(kind: ActionKind) -> Body {
    let plan = crate::scene::plan(false);
    Body::ActionPlan {
        pid: plan.pid,
        aid: act(),
        order: 0,
        kind: kind.key().to_owned(),
        case: plan.case,
        account: plan.account.id,
        login: plan.account.login,
        snapshot: Value::Null,
        server_date: None,
        guards: Vec::new(),
        plan_hash: String::new(),
        expires: crate::scene::now().utc,
    }
}

/// Gives the records of an act up to its request.
fn requested(kind: ActionKind) -> [Body; 3] {
    let now = crate::scene::now().utc;
    let confirmed = Body::ActionConfirm {
        pid: crate::scene::plan(false).pid,
        aid: act(),
        how: "typed".to_owned(),
        plan_hash: String::new(),
        dry_run: false,
        operator: None,
    };
    let intent = Body::ActionIntent {
        aid: act(),
        attempt: 1,
        method: "POST".to_owned(),
        host: "acme.okta.example".to_owned(),
        path: "/suspend".into(),
        body_sha256: String::new(),
        request_id: "r".to_owned(),
        server_date: Some(now),
        password_changed: None,
        valid_from: None,
        deadline: now,
    };
    [planned(kind), confirmed, intent]
}

fn unknown() -> Body {
    Body::ActionUnknown {
        aid: act(),
        attempt: 1,
        reason: "no answer".into(),
    }
}

/// Gives the record of a person who closed it before anybody read it to the end.
fn by_hand() -> Body {
    Body::ActionResolve {
        aid: act(),
        how: "closed by a person".to_owned(),
        reason: "not ours".into(),
    }
}

fn word(aid: ActionId, state: OutcomeState) -> Body {
    Body::ActionOutcome {
        aid,
        state,
        evidence: "read back".into(),
        seconds: Some(3),
    }
}

fn asked() -> Body {
    let plan = crate::scene::plan(false);
    let ask = Ask::new(
        plan.pid.clone(),
        &"ab12".repeat(16),
        plan.case.raw(),
        "acme.okta.example",
        (plan.account.id.raw(), &plan.account.login),
        plan.kinds(),
    );
    Body::ApprovalRequested {
        pid: plan.pid,
        aids: vec![act()],
        ask,
        reasons: Vec::new(),
        requester: "~u1".into(),
        requester_login: "jo".into(),
        expires: crate::scene::now().utc + TTL,
    }
}

/// Gives the dialog that closes, where it is open.
fn dialog(model: &Model) -> Option<&CloseDialog> {
    match model.layers.last() {
        Some(Layer::Close(dialog)) => Some(dialog),
        _ => None,
    }
}

fn stays(model: &Model) -> Vec<String> {
    let lines = dialog(model).map(|dialog| dialog.stays.iter().map(ToString::to_string));
    lines.expect("it is open").collect()
}

/// Reads the tasks of the dialog, leaves a step of the list open, and types a comment.
fn fill(model: &mut Model) {
    let case = crate::scene::case_id(4812);
    let result = Ok(Vec::new());
    let message = Message::OpenTasksRead { case, result };
    let _ = quell::app::update::update(model, crate::scene::now(), message);
    if let Some(Layer::Close(dialog)) = model.layers.last_mut() {
        dialog.steps = 1;
    }
    for letter in "a test".chars() {
        press(model, Chord::char(letter));
    }
}

/// Saves the dialog; gives the verdict with which the case is closed, if it is.
fn save(model: &mut Model) -> Option<Verdict> {
    saved(model).map(|closing| closing.verdict)
}

/// Saves the dialog; gives how the case is closed, if it is.
fn saved(model: &mut Model) -> Option<Closing> {
    let chord = Chord::parse("Ctrl-s").expect("a key");
    let now = crate::scene::now();
    let effects = quell::app::update::update(model, now, Message::Key(chord));
    effects.iter().find_map(|effect| match effect {
        Effect::ChangeCases {
            change: CaseChange::Close(closing),
            ..
        } => Some(closing.clone()),
        _ => None,
    })
}

#[rstest]
#[case::of_sessions(requested(ActionKind::RevokeSessions).to_vec(), 0)]
#[case::under_way(requested(ActionKind::DisableAccount).to_vec(), 1)]
#[case::standing(
    [
        requested(ActionKind::DisableAccount).to_vec(),
        vec![word(act(), OutcomeState::Verified)],
    ]
    .concat(),
    1
)]
fn a_closing_knows_the_disablings_that_were_shown_and_no_account(
    #[case] records: Vec<Body>,
    #[case] known: usize,
) {
    let mut model = crate::scene::open((120, 40));
    tell(&mut model, records);
    press(&mut model, Chord::char('X'));
    fill(&mut model);
    press(&mut model, Chord::plain(Key::Down));
    let closing = (0..3).find_map(|_| saved(&mut model));
    let shown = closing.expect("it is closed").known;
    assert_eq!(shown, vec![act(); known]);
}

/// What somebody typed is lost by no lock, and what was confirmed before it is confirmed anew.
#[test]
fn a_comment_of_a_closing_is_there_after_the_console_was_left_alone() {
    let mut model = crate::scene::open((120, 40));
    press(&mut model, Chord::char('X'));
    fill(&mut model);
    press(&mut model, Chord::plain(Key::Down));
    assert_eq!(save(&mut model), None, "a step stays open");
    press(&mut model, Chord::plain(Key::Esc));
    let mut later = crate::scene::now();
    later.boot += Duration::from_secs(16 * 60);
    let _ = quell::app::update::update(&mut model, later, Message::Tick);
    let is_fresh = |model: &Model| {
        let dialog = dialog(model).expect("it is open");
        dialog.comment() == "a test" && !dialog.warned && !dialog.esc && dialog.said.is_none()
    };
    assert!(model.locked && is_fresh(&model));
    assert_eq!(save(&mut model), None, "it is locked");
    assert!(matches!(model.layers.last(), Some(Layer::Rearm { .. })));
    for letter in "arm".chars() {
        press(&mut model, Chord::char(letter));
    }
    assert!(!model.locked && is_fresh(&model));
    assert_eq!(save(&mut model), None, "a step stays open");
    assert!(save(&mut model).is_some());
}

#[rstest]
#[case::requested(requested(ActionKind::DisableAccount).to_vec(), "disable account", "requested", "F shows")]
#[case::unknown(
    [requested(ActionKind::DisableAccount).to_vec(), vec![unknown()]].concat(),
    "disable account", "unknown: may have happened", "F shows"
)]
#[case::being_enabled(requested(ActionKind::EnableAccount).to_vec(), "enable account", "requested", "F shows")]
#[case::waits_for_somebody(
    vec![planned(ActionKind::DisableAccount), asked()],
    "disable account", "needs a second person", "A shows"
)]
fn no_false_positive_is_closed_while_an_account_may_still_be_disabled(
    #[case] records: Vec<Body>,
    #[case] what: &str,
    #[case] state: &str,
    #[case] hint: &str,
) {
    let mut model = crate::scene::open((120, 40));
    tell(&mut model, records);
    press(&mut model, Chord::char('f'));
    assert!(model.layers.is_empty(), "{:?}", model.layers);
    let line = format!("false positive: {what} of {LOGIN} is not over: {state}");
    let last = model.log.back().expect("it is said");
    assert_eq!(last.text.as_str(), line);
    let said = last.hint.as_ref().map_or("", |hint| hint.as_str());
    assert!(said.contains(hint), "{said}");
    // Closing by hand is free, and names it in the dialog.
    press(&mut model, Chord::char('X'));
    let line = format!("not over: {what} of {LOGIN} ({state})");
    assert_eq!(stays(&model), [line.as_str()]);
    let screen = crate::harness::screen::text(&model, (120, 40));
    let start = format!("not over: {what} of {LOGIN}");
    assert!(screen.contains(&start), "{screen}");
}

#[test]
fn a_false_positive_is_closed_while_sessions_are_being_revoked_and_says_so() {
    let mut model = crate::scene::open((120, 40));
    tell(&mut model, requested(ActionKind::RevokeSessions));
    press(&mut model, Chord::char('f'));
    let line = format!("not over: revoke sessions of {LOGIN} (requested)");
    assert_eq!(stays(&model), [line]);
}

/// It may be disabled already: that there is nothing to undo would be wrong.
#[test]
fn what_is_being_disabled_is_in_the_list_and_not_undone_yet() {
    let mut model = crate::scene::open((120, 40));
    tell(&mut model, requested(ActionKind::DisableAccount));
    press(&mut model, Chord::char('C'));
    let screen = crate::harness::screen::text(&model, (120, 40));
    assert!(screen.contains("perhaps disabled"), "{screen}");
    press(&mut model, Chord::char('u'));
    let last = model.log.back().expect("it is said");
    let line = "undo: its disabling is being read back: enable it after that";
    assert_eq!(last.text.as_str(), line);
}

/// Nobody read what became of it: it holds until the account reads enabled long after it.
#[test]
fn what_was_closed_by_hand_keeps_a_false_positive_until_the_account_reads_enabled() {
    let mut model = crate::scene::open((120, 40));
    tell(&mut model, requested(ActionKind::DisableAccount));
    tell(&mut model, [by_hand()]);
    press(&mut model, Chord::char('f'));
    assert!(dialog(&model).is_none(), "{:?}", model.layers);
    assert!(said(
        &model,
        "what is contained cannot be undone yet: status is ACTIVE"
    ));
    press(&mut model, Chord::char('X'));
    assert_eq!(
        stays(&model),
        [format!("still contained: {LOGIN} (partly)")]
    );
    press(&mut model, Chord::plain(Key::Esc));
    let mut account = crate::scene::account();
    account.server_date = Some(crate::scene::now().utc + chrono::TimeDelta::minutes(4));
    let open = model.open.as_mut().expect("a case is open");
    open.account = Load::Ready(Found::One(Box::new(account)), crate::scene::now());
    press(&mut model, Chord::char('f'));
    assert_eq!(stays(&model), Vec::<String>::new());
    // The engine is told that this act was seen, else it would refuse the closing each time.
    fill(&mut model);
    assert_eq!(save(&mut model), None, "a step is open");
    let closing = saved(&mut model);
    assert_eq!(closing.map(|closing| closing.known), Some(vec![act()]));
}

#[test]
fn an_open_dialog_of_a_false_positive_is_judged_again_when_it_is_saved() {
    let mut model = crate::scene::open((120, 40));
    press(&mut model, Chord::char('f'));
    fill(&mut model);
    assert_eq!(stays(&model), Vec::<String>::new());
    let not_closed = |model: &mut Model| {
        assert_eq!(save(model), None);
        let dialog = dialog(model).expect("it stays open");
        assert_eq!(dialog.comment(), "a test", "what was typed stays");
        let said = dialog.said.as_ref().map(ToString::to_string);
        said.expect("it is said why")
    };
    tell(&mut model, requested(ActionKind::DisableAccount));
    let expected = format!("not closed: disable account of {LOGIN} is not over");
    for _ in 0..3 {
        assert_eq!(not_closed(&mut model), expected);
    }
    tell(&mut model, [word(act(), OutcomeState::Verified)]);
    let expected = format!("not closed: {LOGIN} is contained; Esc, then f undoes it");
    for _ in 0..3 {
        assert_eq!(not_closed(&mut model), expected);
    }
    let full = format!("{LOGIN} is contained: f undoes that first");
    assert!(said(&model, &full));
    // As another verdict it is free, and asks once more.
    let mut other = model.clone();
    press(&mut other, Chord::plain(Key::Down));
    assert_eq!(save(&mut other), None);
    assert_eq!(save(&mut other), Some(Verdict::InsufficientData));
    // Others undid it: what is asked once more is the open step.
    tell(&mut model, [word(act(), OutcomeState::Drifted)]);
    assert_eq!(save(&mut model), None);
    assert_eq!(save(&mut model), Some(Verdict::FalsePositive));
}

#[test]
fn what_is_contained_since_the_dialog_was_opened_is_said_before_it_closes() {
    let mut model = crate::scene::open((120, 40));
    press(&mut model, Chord::char('X'));
    fill(&mut model);
    press(&mut model, Chord::plain(Key::Down));
    assert_eq!(save(&mut model), None, "a step is open");
    for (records, line) in [
        (
            requested(ActionKind::DisableAccount).to_vec(),
            format!("not over: disable account of {LOGIN} (requested)"),
        ),
        (
            vec![word(act(), OutcomeState::Verified)],
            format!("still contained: {LOGIN} (partly)"),
        ),
    ] {
        tell(&mut model, records);
        assert_eq!(save(&mut model), None, "{line}");
        assert_eq!(stays(&model), [line]);
    }
    assert_eq!(save(&mut model), Some(Verdict::TrueWithImpact));
}

#[test]
fn what_others_undid_and_what_has_no_undo_keep_no_false_positive_open() {
    let mut undone = crate::scene::held((120, 40));
    let account = crate::scene::account().id;
    let disabling = undone
        .ledger
        .on(&account)
        .find(|act| act.kind == ActionKind::DisableAccount);
    let disabling = disabling.expect("it was disabled").aid.clone();
    tell(&mut undone, [word(disabling, OutcomeState::Drifted)]);
    let mut revoked = crate::scene::open((120, 40));
    tell(&mut revoked, requested(ActionKind::RevokeSessions));
    tell(&mut revoked, [word(act(), OutcomeState::Verified)]);
    for model in [&mut undone, &mut revoked] {
        assert!(model.standing().is_some(), "it is in the list all the same");
        press(model, Chord::char('f'));
        assert_eq!(stays(model), Vec::<String>::new());
        let line = format!("close: {LOGIN}: partly contained: no disabling from here holds");
        assert!(said(model, &line), "{:#?}", model.log);
        assert!(!said(model, "still contained"));
    }
}

#[test]
fn a_false_positive_names_an_account_that_is_disabled_by_others() {
    let mut model = crate::scene::open((120, 40));
    let mut account = crate::scene::account();
    account.status = AccountStatus::Disabled;
    let open = model.open.as_mut().expect("a case is open");
    open.account = Load::Ready(Found::One(Box::new(account)), crate::scene::now());
    let line = format!("{LOGIN} is disabled at the provider, not from here");
    press(&mut model, Chord::char('f'));
    assert_eq!(stays(&model), [line.as_str()]);
    let screen = crate::harness::screen::text(&model, (120, 40));
    assert!(screen.contains(&line), "{screen}");
    // What was read before it was enabled from here says nothing.
    press(&mut model, Chord::plain(Key::Esc));
    tell(&mut model, requested(ActionKind::EnableAccount));
    tell(&mut model, [word(act(), OutcomeState::Verified)]);
    press(&mut model, Chord::char('f'));
    assert_eq!(stays(&model), Vec::<String>::new());
}

#[test]
fn a_closing_names_what_was_seen_since_its_account_was_enabled_again() {
    let mut model = crate::scene::recovering((120, 40));
    let mut watches = model.ledger.recoveries().running();
    let watch = watches.find(|watch| !watch.seen.is_empty());
    let watch = watch.expect("something was seen").clone();
    drop(watches);
    let line = format!("{} {}", watch.login.ident(), watch.word());
    assert!(line.contains("SEEN SINCE: "), "{line}");
    model.focus = Pane::Activity;
    press(&mut model, Chord::char('X'));
    assert!(!stays(&model).contains(&line), "it is of another case");
    press(&mut model, Chord::plain(Key::Esc));
    model.open.as_mut().expect("a case is open").id = watch.case;
    press(&mut model, Chord::char('X'));
    assert!(stays(&model).contains(&line), "{:?}", stays(&model));
}

#[test]
fn a_closing_over_a_log_that_is_not_whole_denies_nothing_and_asks_once_more() {
    let gap = "this audit log, or one beside it, is BROKEN or cut: it may lack acts";
    let mut model = crate::scene::open((120, 40));
    model.audit_broken = Some(Fault::new("edited"));
    press(&mut model, Chord::char('f'));
    assert_eq!(stays(&model), [gap]);
    press(&mut model, Chord::plain(Key::Esc));
    let mut account = crate::scene::account();
    account.status = AccountStatus::Disabled;
    let open = model.open.as_mut().expect("a case is open");
    open.account = Load::Ready(Found::One(Box::new(account)), crate::scene::now());
    press(&mut model, Chord::char('f'));
    let whom = format!("{LOGIN} is disabled at the provider, by whom is not known");
    assert_eq!(stays(&model), [whom.as_str(), gap]);
    for size in [(80, 24), (120, 40), (200, 60)] {
        model.size = size;
        let screen = crate::harness::screen::text(&model, size);
        assert!(screen.contains("by whom is not known"), "{screen}");
        assert!(screen.contains("BROKEN or cut"), "{screen}");
    }
    fill(&mut model);
    assert_eq!(save(&mut model), None, "it asks once more");
    assert_eq!(save(&mut model), Some(Verdict::FalsePositive));
}

#[rstest]
#[case::unfinished('F', "every action has its final word")]
#[case::response('R', "nothing was done for this case")]
#[case::contained('C', "No account is contained")]
fn no_view_denies_what_a_log_that_is_not_whole_may_have_had(
    #[case] key: char,
    #[case] denied: &str,
) {
    let shown = |broken: Option<Fault>| {
        let mut model = crate::scene::open((200, 60));
        model.audit_broken = broken;
        press(&mut model, Chord::char(key));
        // The log is read to its end.
        model.log_unread = None;
        crate::harness::screen::text(&model, (200, 60))
    };
    let screen = shown(None);
    assert!(screen.contains(denied), "{screen}");
    let screen = shown(Some(Fault::new("edited")));
    assert!(!screen.contains(denied), "{screen}");
    assert!(
        screen.contains("is BROKEN or cut: it may lack acts"),
        "{screen}"
    );
}

fn confirming(model: &Model) -> bool {
    matches!(model.layers.last(), Some(Layer::Confirm { .. }))
}

fn closing(model: &Model) -> bool {
    dialog(model).is_some_and(CloseDialog::is_read)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_positive_waits_for_a_disabling_that_is_under_way() {
    let (drill, state) = (company().await, dir());
    let gate = Gate::at(Some("send.before"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    gate.reached().await;
    app.keys("<Esc>f");
    let line = format!("false positive: disable account of {LOGIN} is not over");
    let model = app.until("it is refused", |model| said(model, &line)).await;
    assert!(dialog(&model).is_none(), "{}", app.screen());
    assert_eq!(patches(&drill), 0);
    gate.open();
    app.until("it is proven and shown", |model| {
        let choice = quell::app::actions::Choice::Enable;
        let ready = quell::app::actions::readiness(model, choice);
        finished(model) && matches!(ready, quell::app::actions::Readiness::Ready(_))
    })
    .await;
    app.keys("f");
    app.until("the undo is planned", confirming).await;
    app.keys("<Esc>");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialog_that_was_open_closes_nothing_that_another_console_contained() {
    let (drill, state) = (company().await, dir());
    let mut one = TestApp::start(&drill, state.path());
    open_case(&mut one).await;
    one.keys("f");
    one.until("nothing keeps it", closing).await;
    one.keys("a test of ours");
    let mut two = TestApp::start(&drill, state.path());
    open_case(&mut two).await;
    plan(&mut two, DISABLE.keys).await;
    confirm(&two);
    two.until("it is contained", finished).await;
    one.until("it is known here", |model| {
        model.standings.len() == 1 && model.ledger.actions().all(|act| act.ended.is_some())
    })
    .await;
    one.keys("<Ctrl-s><Ctrl-s>");
    let line = format!("not closed: {LOGIN} is contained");
    let told = |model: &Model| {
        let said = dialog(model).and_then(|dialog| dialog.said.as_ref());
        said.is_some_and(|said| said.as_str().starts_with(&line))
    };
    let model = one.until("it is refused", told).await;
    let comment = dialog(&model).map(CloseDialog::comment);
    assert_eq!(comment.as_deref(), Some("a test of ours"));
    assert_eq!(patches(&drill), 0);
    one.end().await;
    two.end().await;
}

#[rstest]
#[case::the_closing_comes_first(true)]
#[case::the_containment_comes_first(false)]
#[tokio::test(flavor = "multi_thread")]
async fn what_two_consoles_decide_in_one_instant_is_not_both_done(#[case] closes: bool) {
    let (drill, state) = (company().await, dir());
    let gates = ["before case.change", "before action.confirm"].map(|at| Gate::at(Some(at)));
    let [mut one, mut two] = gates.each_ref().map(|gate| {
        let setting = Setting {
            probe: Arc::clone(gate) as Arc<dyn Probe>,
            ..Setting::default()
        };
        TestApp::start_in(&drill, state.path(), setting, |text| text)
    });
    open_case(&mut one).await;
    one.keys("f");
    one.until("nothing keeps it", closing).await;
    open_case(&mut two).await;
    plan(&mut two, DISABLE.keys).await;
    one.keys("a test of ours<Ctrl-s><Ctrl-s>");
    confirm(&two);
    // Each has asked all it asks before its own record.
    for gate in &gates {
        gate.reached().await;
    }
    let [to_close, to_contain] = gates;
    let (closed, word) = if closes {
        to_close.open();
        let is_closed = |model: &Model| said(model, "is closed: false positive");
        one.until("it is closed", is_closed).await;
        to_contain.open();
        let model = two.until("it has its word", finished).await;
        assert!(said(
            &model,
            "closed as a false positive, or merged, after this plan"
        ));
        (1, ActionState::Abandoned)
    } else {
        to_contain.open();
        two.until("it is contained", finished).await;
        to_close.open();
        let told = |model: &Model| said(model, "came meanwhile");
        one.until("it is refused", told).await;
        (0, ActionState::Verified)
    };
    let model = one.until("both know it", finished).await;
    let states: Vec<ActionState> = model.ledger.actions().map(|act| act.state).collect();
    assert_eq!(states, [word]);
    assert_eq!(patches(&drill), closed);
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 1 - closed);
    one.end().await;
    two.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closing_that_cannot_be_read_after_may_have_happened_and_is_settled_by_reading() {
    let (drill, state) = (company().await, dir());
    let gate = Gate::at(Some("case.after"));
    let setting = gate.setting();
    let mut one = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut one).await;
    one.keys("f");
    one.until("nothing keeps it", closing).await;
    let mut two = TestApp::start(&drill, state.path());
    open_case(&mut two).await;
    plan(&mut two, DISABLE.keys).await;
    one.keys("a test of ours<Ctrl-s><Ctrl-s>");
    gate.reached().await;
    let order = json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/api/v1/case/"});
    drill.fault(&order).expect("the drill knows it");
    gate.open();
    let open = |model: &Model| said(model, "whether it was done is not known yet");
    one.until("nobody knows", open).await;
    assert_eq!(kinds(&records(state.path())).get("failed"), None);
    confirm(&two);
    two.until("it is refused", |model| {
        said(model, "or merged, and what came of that is not known yet")
    })
    .await;
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 0);
    drill
        .fault(&json!({"fault": "none"}))
        .expect("the drill knows it");
    let settled = |model: &Model| said(model, "of which nobody knew what came of it: it is closed");
    tokio::select! {
        _ = one.until("it is settled", settled) => {}
        _ = two.until("it is settled", settled) => {}
    }
    one.end().await;
    two.end().await;
    assert_eq!(patches(&drill), 1, "sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_not_merged_over_a_plan_that_was_made_in_the_same_instant() {
    let (drill, state) = (company().await, dir());
    let gate = Gate::at(Some("before record.intent"));
    let setting = gate.setting();
    let mut one = TestApp::start_in(&drill, state.path(), setting, |text| text);
    ready(&mut one).await;
    one.keys("/port scan<Enter><Space><Esc>/impossible<Enter><Space>J");
    one.until("it is asked", |model| {
        matches!(model.layers.last(), Some(Layer::Ask(_)))
    })
    .await;
    one.keys("y");
    gate.reached().await;
    let mut two = TestApp::start(&drill, state.path());
    open_case(&mut two).await;
    plan(&mut two, DISABLE.keys).await;
    gate.open();
    one.until("it is refused", |model| {
        said(model, "nothing was merged: disable account")
    })
    .await;
    confirm(&two);
    two.until("it is contained", finished).await;
    one.end().await;
    two.end().await;
    assert_eq!(drill.ledger().targets("case_merge").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_whose_case_cannot_be_read_is_not_called_done() {
    let (drill, state) = (company().await, dir());
    let (mut app, gate) = stopping(&drill, state.path(), "case.after", None);
    ask_to_merge(&mut app).await;
    app.keys("y");
    gate.reached().await;
    let order = json!({"server": "cases", "fault": "500", "rate": 1.0, "path": "/api/v1/case/"});
    drill.fault(&order).expect("the drill knows it");
    gate.open();
    app.until("it is said", |model| {
        said(model, "the case that the answer names cannot be read")
            && said(model, "whether it was done is not known yet")
    })
    .await;
    app.end().await;
    let kinds = kinds(&records(state.path()));
    assert_eq!(
        (kinds.get("done"), kinds.get("failed")),
        (None, None),
        "{kinds:?}"
    );
}

#[rstest]
#[case::it_was_refused_after_it_was_done(
    "404_after_effect",
    "of which nobody knew what came of it: it is not in the case system any more"
)]
#[case::it_was_accepted_and_not_done(
    "accepted_without_effect",
    "of which nobody knew what came of it: it did not happen, the case stands by itself"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_is_not_known_by_its_answer_alone(#[case] fault: &str, #[case] settled: &str) {
    let (drill, state) = (company().await, dir());
    let mut app = first(&drill, state.path());
    ask_to_merge(&mut app).await;
    let order = json!({"server": "cases", "fault": fault, "path": "/_merge/"});
    drill.fault(&order).expect("the drill knows it");
    app.keys("y");
    app.until("nobody knows", |model| {
        said(model, "whether it was done is not known yet")
    })
    .await;
    app.until("it is settled", |model| said(model, settled))
        .await;
    app.end().await;
    assert_eq!(kinds(&records(state.path())).get("done"), None);
}

/// Opens a way to the case system that carries everything but a merge, and answers that with the record of another case.
async fn garbling(drill: &Drill, other: Arc<OnceLock<String>>) -> String {
    // Nobody may have connected yet.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = drill.cases().url.clone();
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    let carry = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let (server, client, other) = (server.clone(), client.clone(), Arc::clone(&other));
        async move {
            let is_merge = uri.path().contains("/_merge/");
            let (method, path) = if is_merge {
                let other = other.get().expect("it is named before");
                (Method::GET, format!("/api/v1/case/{other}"))
            } else {
                (method, uri.to_string())
            };
            let mut asked = client.request(method, format!("{server}{path}")).body(body);
            for name in ["authorization", "content-type"] {
                if let Some(value) = headers.get(name) {
                    asked = asked.header(name, value);
                }
            }
            let answer = asked.send().await.expect("the drill answers");
            let status = if is_merge {
                StatusCode::CREATED
            } else {
                answer.status()
            };
            let body = answer.bytes().await.expect("a body");
            (status, [("content-type", "application/json")], body)
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("it is bound");
    let router = axum::Router::new().fallback(carry);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_answers_with_another_case_is_not_believed() {
    let (drill, state) = (company().await, dir());
    let other = Arc::new(OnceLock::new());
    let way = garbling(&drill, Arc::clone(&other)).await;
    let server = drill.cases().url.clone();
    let mut app = TestApp::start_in(&drill, state.path(), Setting::default(), |text| {
        text.replacen(&format!("\"{server}\""), &format!("\"{way}\""), 1)
    });
    let model = ask_to_merge(&mut app).await;
    let id = row(&model, "payroll lead").id.raw().to_owned();
    other.set(id).expect("it is named once");
    app.keys("y");
    app.until("it is said", |model| {
        said(
            model,
            "whether it was done is not known yet: the answer names #",
        ) && said(model, "which was there before")
    })
    .await;
    app.until("it is settled", |model| {
        said(model, "it did not happen, the case stands by itself")
    })
    .await;
    app.end().await;
    assert!(drill.ledger().targets("case_merge").is_empty());
    assert_eq!(kinds(&records(state.path())).get("done"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closing_that_was_refused_is_not_done_by_the_verdict_of_a_colleague() {
    let (drill, state) = (company().await, dir());
    let (mut app, gate) = stopping(&drill, state.path(), "case.before", None);
    let case = dismiss(&mut app, &gate).await;
    by_a_colleague(&drill, &case, &with_impact()).await;
    let order =
        json!({"server": "cases", "fault": "403", "method": "PATCH", "path": "/api/v1/case/"});
    drill.fault(&order).expect("the drill knows it");
    gate.open();
    let model = app
        .until("it is said", |model| {
            said(model, "is closed by others as TruePositive")
        })
        .await;
    assert!(!said(&model, "is closed: "), "{:#?}", model.log);
    assert!(
        said(&model, "your comment: a test of ours"),
        "{:#?}",
        model.log
    );
    // It has no place any more.
    app.until("it is seen closed", |model| model.typed.is_empty())
        .await;
    app.end().await;
    let kinds = kinds(&records(state.path()));
    assert_eq!(
        (kinds.get("done"), kinds.get("failed")),
        (None, Some(&1)),
        "{kinds:?}"
    );
}

#[rstest]
#[case::it_was_accepted("accepted_without_effect", "is closed by others as TruePositive")]
#[case::its_answer_was_lost(
    "reset_before_effect",
    "of which nobody knew what came of it: it does not stand: closed by others as TruePositive"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_closing_is_done_only_where_the_case_says_so(#[case] fault: &str, #[case] word: &str) {
    let (drill, state) = (company().await, dir());
    let (mut app, gate) = stopping(&drill, state.path(), "case.before", None);
    let case = dismiss(&mut app, &gate).await;
    by_a_colleague(&drill, &case, &with_impact()).await;
    let order =
        json!({"server": "cases", "fault": fault, "method": "PATCH", "path": "/api/v1/case/"});
    drill.fault(&order).expect("the drill knows it");
    gate.open();
    let model = app.until("it is said", |model| said(model, word)).await;
    assert!(
        !said(&model, "is closed: false positive"),
        "{:#?}",
        model.log
    );
    app.end().await;
    let kinds = kinds(&records(state.path()));
    assert_eq!((kinds.get("done"), kinds.get("failed")), (None, Some(&1)));
}

#[rstest]
#[case::while_it_is_under_way(false, "or merged, and what came of that is not known yet")]
#[case::once_it_is_done(true, "or merged, after this plan was made")]
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_after_the_promise_of_a_closing_does_not_begin(
    #[case] closes_first: bool,
    #[case] word: &str,
) {
    let (drill, state) = (company().await, dir());
    let gate = Gate::at(Some("case.before"));
    let setting = Setting {
        // However long the other console takes, the promise is not too old to be kept.
        clock: TestClock::still(SystemClock.now()),
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut one = TestApp::start_in(&drill, state.path(), setting, |text| text);
    dismiss(&mut one, &gate).await;
    let mut two = TestApp::start(&drill, state.path());
    open_case(&mut two).await;
    plan(&mut two, DISABLE.keys).await;
    let is_closed = |model: &Model| said(model, "is closed: false positive");
    if closes_first {
        gate.open();
        one.until("it is closed", is_closed).await;
    }
    confirm(&two);
    two.until("it is refused", |model| said(model, word)).await;
    if !closes_first {
        gate.open();
        one.until("it is closed", is_closed).await;
    }
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 0);
    one.end().await;
    two.end().await;
}

/// What happens to a change between its promise and its request.
#[derive(Clone, Copy)]
enum Meanwhile {
    Frozen,
    /// Minutes go by, and a colleague closes the case.
    ClosedByOthers,
    /// Time goes by, and nothing else happens.
    Late,
}

/// Said of a change whose promise became too old.
const TOO_LATE: &str = "seconds went by after it was recorded; nothing was sent";

#[rstest]
#[case::a_frozen_claim("/port scan<Enter>a", Meanwhile::Frozen)]
#[case::a_frozen_merge(
    "/port scan<Enter><Space><Esc>/contractor<Enter><Space>Jy",
    Meanwhile::Frozen
)]
#[case::a_late_claim("/port scan<Enter>a", Meanwhile::ClosedByOthers)]
#[case::a_late_merge(
    "/contractor<Enter><Space><Esc>/port scan<Enter><Space>Jy",
    Meanwhile::ClosedByOthers
)]
#[case::a_claim_whose_promise_is_old("/port scan<Enter>a", Meanwhile::Late)]
#[case::a_merge_whose_promise_is_old(
    "/contractor<Enter><Space><Esc>/port scan<Enter><Space>Jy",
    Meanwhile::Late
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_looked_at_once_more_right_before_it_is_sent(
    #[case] keys: &str,
    #[case] meanwhile: Meanwhile,
) {
    let (drill, state, etc) = (company().await, dir(), dir());
    let host = Host {
        policy: etc.path().join("policy.toml"),
        freeze: etc.path().join("freeze"),
    };
    let (mut app, gate) = stopping(&drill, state.path(), "case.before", Some(host.clone()));
    let case = row(&ready(&mut app).await, SCAN).id.raw().to_owned();
    // A question takes keys once it is on the screen.
    let (choose, answer) = keys.split_once('J').unwrap_or((keys, ""));
    app.keys(choose);
    if !answer.is_empty() {
        app.keys("J");
        app.until("it is asked", |model| {
            matches!(model.layers.last(), Some(Layer::Ask(_)))
        })
        .await;
        app.keys(answer);
    }
    gate.reached().await;
    let word = match meanwhile {
        Meanwhile::Frozen => {
            std::fs::write(&host.freeze, "").expect("the switch is set");
            "the freeze switch of this host is on"
        }
        Meanwhile::ClosedByOthers => {
            by_a_colleague(&drill, &case, &with_impact()).await;
            app.clock.advance(Duration::from_secs(6));
            "was changed since it was read; nothing was sent"
        }
        Meanwhile::Late => {
            app.clock.advance(Duration::from_secs(6));
            TOO_LATE
        }
    };
    let before = patches(&drill);
    gate.open();
    app.until("it is not sent", |model| said(model, word)).await;
    app.end().await;
    assert_eq!(patches(&drill), before);
    assert!(drill.ledger().targets("case_merge").is_empty());
    let kinds = kinds(&records(state.path()));
    assert_eq!(kinds.get("done"), None, "{kinds:?}");
    assert!(kinds.contains_key("failed"), "{kinds:?}");
}

#[rstest]
#[case::frozen(Meanwhile::Frozen)]
#[case::minutes_later(Meanwhile::ClosedByOthers)]
#[case::its_promise_is_old(Meanwhile::Late)]
#[tokio::test(flavor = "multi_thread")]
async fn a_closing_is_looked_at_once_more_right_before_it_is_sent(#[case] meanwhile: Meanwhile) {
    let (drill, state, etc) = (company().await, dir(), dir());
    let host = Host {
        policy: etc.path().join("policy.toml"),
        freeze: etc.path().join("freeze"),
    };
    let (mut app, gate) = stopping(&drill, state.path(), "case.before", Some(host.clone()));
    let case = dismiss(&mut app, &gate).await;
    let (word, status) = match meanwhile {
        Meanwhile::Frozen => {
            std::fs::write(&host.freeze, "").expect("the switch is set");
            ("the freeze switch of this host is on", "New")
        }
        Meanwhile::ClosedByOthers => {
            by_a_colleague(&drill, &case, &with_impact()).await;
            app.clock.advance(Duration::from_secs(6));
            (
                "was changed since it was read; nothing was sent",
                "TruePositive",
            )
        }
        Meanwhile::Late => {
            app.clock.advance(Duration::from_secs(6));
            (TOO_LATE, "New")
        }
    };
    let before = patches(&drill);
    gate.open();
    app.until("it is not sent", |model| said(model, word)).await;
    app.end().await;
    assert_eq!(patches(&drill), before);
    assert_eq!(there(&drill, &case).await["status"], status);
    let kinds = kinds(&records(state.path()));
    assert_eq!((kinds.get("done"), kinds.get("failed")), (None, Some(&1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_between_the_last_look_and_the_closing() {
    let (drill, state) = (company().await, dir());
    let (mut app, gate) = stopping(&drill, state.path(), "case.before", None);
    let case = dismiss(&mut app, &gate).await;
    let order = json!({
        "server": "cases", "fault": "500", "rate": 1.0, "method": "GET", "path": "/api/v1/case/"
    });
    drill.fault(&order).expect("the drill knows it");
    gate.open();
    app.until("nobody could read it after", |model| {
        said(model, "whether it was done is not known yet")
    })
    .await;
    assert_eq!(patches(&drill), 1, "it was sent");
    drill
        .fault(&json!({"fault": "none"}))
        .expect("the drill knows it");
    assert_eq!(there(&drill, &case).await["status"], "FalsePositive");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_dated_later_than_it_is_is_settled_all_the_same() {
    let (drill, state) = (company().await, dir());
    let (clock, gate) = (TestClock::default(), Gate::at(Some("case.before")));
    clock.pass(Duration::from_secs(2 * 60 * 60));
    let ground = Ground {
        clock: Box::new(clock.clone()),
        ..Ground::default()
    };
    let setting = Setting {
        clock,
        ground,
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    ready(&mut app).await;
    app.keys("/port scan<Enter>a");
    gate.reached().await;
    app.kill();
    let mut app = first(&drill, state.path());
    app.until("it is settled", |model| {
        said(model, "it does not stand, it belongs to nobody")
    })
    .await;
    app.end().await;
    assert_eq!(kinds(&records(state.path())).get("failed"), Some(&1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_reads_like_a_cut_one_is_looked_for_all_the_same() {
    let (drill, state) = (company().await, dir());
    let (mut app, gate) = stopping(&drill, state.path(), "case.before", None);
    open_case(&mut app).await;
    app.keys("f");
    let model = app.until("nothing keeps it", closing).await;
    let case = row(&model, "payroll lead").id.raw().to_owned();
    app.keys("a test [cut: of ours]<Ctrl-s><Ctrl-s>");
    gate.reached().await;
    let theirs = json!({
        "status": "FalsePositive", "impactStatus": "NotApplicable", "summary": "of theirs"
    });
    by_a_colleague(&drill, &case, &theirs).await;
    app.kill();
    let mut app = first(&drill, state.path());
    app.until("it is settled", |model| {
        said(
            model,
            "it does not stand: closed by others as FalsePositive; its comment: a test [cut: of ours]",
        )
    })
    .await;
    app.end().await;
    let kinds = kinds(&records(state.path()));
    assert_eq!((kinds.get("done"), kinds.get("failed")), (None, Some(&1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_may_still_arrive_is_not_called_lost() {
    let (drill, state) = (company().await, dir());
    let (mut app, gate) = stopping(&drill, state.path(), "case.before", None);
    let case = row(&ready(&mut app).await, SCAN).id.raw().to_owned();
    app.keys("/port scan<Enter>a");
    gate.reached().await;
    by_a_colleague(&drill, &case, &json!({"assignee": LOGIN})).await;
    let order = json!({
        "server": "cases", "fault": "reset_before_effect", "method": "PATCH", "path": "/api/v1/case/"
    });
    drill.fault(&order).expect("the drill knows it");
    gate.open();
    let word = format!("whether it was done is not known yet: it belongs to {LOGIN}");
    let model = app.until("it is said", |model| said(model, &word)).await;
    assert!(!said(&model, "the claim is lost"), "{:#?}", model.log);
    let settled = format!("it does not stand, it belongs to {LOGIN}");
    app.until("it is settled", |model| said(model, &settled))
        .await;
    app.end().await;
    assert_eq!(kinds(&records(state.path())).get("failed"), Some(&1));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_false_positive_is_closed_once_others_undid_the_containment() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    confirm(&app);
    app.until("it is contained", finished).await;
    by_others(&drill, "unsuspend").await;
    let undone = |model: &Model| {
        let mut acts = model.ledger.actions();
        let open = model.open.as_ref().and_then(|open| open.the_account());
        acts.any(|act| act.state == ActionState::Drifted)
            && open.is_some_and(|account| account.status == AccountStatus::Active)
    };
    app.keys("<Esc>");
    app.until("it is undone, and shown so", undone).await;
    assert!(app.model().standing().is_some());
    app.keys("f");
    app.until("nothing keeps it", closing).await;
    app.keys("the user was on holiday<Ctrl-s><Ctrl-s>");
    let model = app
        .until("it is closed", |model| {
            row(model, "payroll lead").status == CaseStatus::Closed
        })
        .await;
    let case = row(&model, "payroll lead").id.clone();
    assert_eq!(there(&drill, case.raw()).await["status"], "FalsePositive");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_positive_of_an_account_that_others_disabled_says_so() {
    let (drill, state) = (company().await, dir());
    by_others(&drill, "suspend").await;
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    app.keys("f");
    app.until("the dialog is open", closing).await;
    let line = format!("{LOGIN} is disabled at the provider, not from here");
    assert!(app.screen().contains(&line), "{}", app.screen());
    app.end().await;
}
