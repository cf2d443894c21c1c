//! Tasks of the case system beside the list: made once and followed both ways, also after kills, lost replies and with
//! two consoles; nothing is written when the mirror is off, in DRY RUN and in READ ONLY.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use quell::app::checklist;
use quell::app::model::Model;
use quell::domain::runbook::checklist::ItemState;
use quell::drill::Drill;
use quell::engine::probe::Probe;
use serde_json::{Value, json};

use crate::harness::app::{Setting, TestApp, company};

const BOOK: &str = "# Night shift\n\n## Phase 2: Identification\n\n1. **Walk the floor** as the guard does.\n\
2. **Look at the doors** and windows.\n3. **Are you sure?** Gate: a person confirms before anything is locked.\n\n\
## Phase 3: Containment\n\n1. **Lock the floor** within 10 minutes.\n";

/// A console whose list is mirrored.
fn start(drill: &Drill, state: &Path, mirror: &str, mode: &str, setting: Setting) -> TestApp {
    let books = state.join("books");
    std::fs::create_dir_all(&books).expect("a folder");
    std::fs::write(books.join("night.md"), BOOK).expect("a file");
    let books = books.display().to_string();
    let (mirror, mode) = (mirror.to_owned(), mode.to_owned());
    TestApp::start_in(drill, state, setting, move |text| {
        let text = text.replace("mode = \"live\"", &format!("mode = \"{mode}\""));
        format!(
            "{text}\n[runbook]\nfolders = [{books:?}]\nmirror = \"{mirror}\"\n\n[[runbook.rule]]\ntag = [\"*\"]\nuse = \"night.md\"\n"
        )
    })
}

async fn open(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
    app.until("its runbook is shown", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some())
            && model.checklist.title.raw() == "Night shift"
    })
    .await;
    app.keys("3");
    app.sync().await;
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
}

/// The tasks of the case system that bear a mark of ours.
async fn tasks(drill: &Drill) -> Vec<Value> {
    let server = drill.cases();
    let answer = client()
        .post(format!("{}/api/v1/query", server.url))
        .bearer_auth(server.token)
        .json(&json!({"query": [{"_name": "listTask"}]}))
        .send()
        .await
        .expect("an answer");
    let all: Vec<Value> = answer.json().await.expect("a list");
    let ours = |task: &Value| {
        let text = task["description"].as_str().unwrap_or_default();
        text.contains("quell-task:")
    };
    all.into_iter().filter(ours).collect()
}

async fn set(drill: &Drill, title: &str, status: &str) {
    let all = tasks(drill).await;
    let task = all.iter().find(|task| task["title"] == title);
    let id = task.expect("it is there")["_id"].as_str().expect("an id");
    let server = drill.cases();
    let answer = client()
        .patch(format!("{}/api/v1/task/{id}", server.url))
        .bearer_auth(server.token)
        .json(&json!({"status": status}))
        .send()
        .await
        .expect("an answer");
    assert!(answer.status().is_success());
}

async fn status(drill: &Drill, title: &str) -> String {
    let all = tasks(drill).await;
    let task = all.iter().find(|task| task["title"] == title);
    task.expect("it is there")["status"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn item(model: &Model, label: &str) -> ItemState {
    let state = checklist::state(model);
    let found = model.checklist.items();
    let mut found = found.filter(|(_, step)| step.label.raw() == label);
    let (_, step) = found.next().expect("the step is in the list");
    state.of(&step.key).state.clone()
}

/// How many tasks are on record, and how many wait for a status.
fn known(model: &Model) -> (usize, usize) {
    let mirrored = model.ledger.outbox().mirrored();
    (mirrored.len(), mirrored.wishes().count())
}

fn made(drill: &Drill) -> usize {
    drill.ledger().targets("task_create").len()
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

fn fault(drill: &Drill, word: &str, path: &str) {
    let order = json!({"server": "cases", "fault": word, "count": 1, "path": path});
    drill.fault(&order).expect("the fault is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_are_tasks_and_each_side_follows_the_other() {
    let (drill, state) = (company().await, dir());
    let mut app = start(&drill, state.path(), "steps", "live", Setting::default());
    open(&mut app).await;
    app.until("all are there", |model| known(model) == (4, 0))
        .await;
    assert_eq!(made(&drill), 4);

    // Done here completes there; opened again here opens there.
    app.keys("gjj<Enter>");
    app.until("it is ticked and its task set", |model| {
        matches!(item(model, "Look at the doors"), ItemState::Done { .. })
            && model.tasks_asked.is_empty()
            && known(model).1 == 0
    })
    .await;
    assert_eq!(status(&drill, "Look at the doors").await, "Completed");
    app.keys("<Enter>");
    app.until("it is open", |model| {
        item(model, "Look at the doors") == ItemState::Open
            && model.tasks_asked.is_empty()
            && known(model).1 == 0
    })
    .await;
    assert_eq!(status(&drill, "Look at the doors").await, "InProgress");

    // Completed there is ticked here, by whom; opened again there is open here, and says so.
    set(&drill, "Walk the floor", "Completed").await;
    let model = app
        .until("it is ticked", |model| {
            matches!(item(model, "Walk the floor"), ItemState::Done { .. })
        })
        .await;
    let ItemState::Done { evidence, .. } = item(&model, "Walk the floor") else {
        panic!("it is done");
    };
    let said = evidence.expect("by its task");
    assert!(said.raw().starts_with("by task, "), "{}", said.raw());
    assert!(!said.raw().ends_with("nobody named"), "{}", said.raw());
    set(&drill, "Walk the floor", "InProgress").await;
    app.until("it is open again", |model| {
        matches!(item(model, "Walk the floor"), ItemState::Refuted { .. })
    })
    .await;
    app.keys("gj");
    app.sync().await;
    assert!(
        app.screen().contains("[!] Walk the floor"),
        "{}",
        app.screen()
    );

    // A gate is answered by a person here and by nothing else.
    set(&drill, "Are you sure?", "Completed").await;
    app.until("it says so", |model| {
        let said = |line: &str| line.contains("the gate is answered here");
        model.log.iter().any(|line| said(line.text.as_str()))
    })
    .await;
    assert_eq!(item(&app.model(), "Are you sure?"), ItemState::Open);
    app.end().await;
    assert_eq!(made(&drill), 4, "none was made twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn phases_are_tasks_and_close_with_them() {
    let (drill, state) = (company().await, dir());
    let mut app = start(&drill, state.path(), "phases", "live", Setting::default());
    open(&mut app).await;
    app.until("both are there", |model| known(model) == (2, 0))
        .await;
    let all = tasks(&drill).await;
    let title = |n: usize| all[n]["title"].as_str().expect("a title").to_owned();
    let (first, second) = (title(0), title(1));
    // With open steps nothing is closed in anybody's name.
    set(&drill, &second, "Completed").await;
    app.until("it is said", |model| {
        let said = |line: &str| line.contains("but 1 of its steps are open");
        model.log.iter().any(|line| said(line.text.as_str()))
    })
    .await;
    app.keys("gpguard is ill<Enter>");
    app.until("it is closed", |model| {
        let state = checklist::state(model);
        state.is_closed(&model.checklist.sections[0])
            && model.tasks_asked.is_empty()
            && known(model).1 == 0
    })
    .await;
    assert_eq!(status(&drill, &first).await, "Completed");
    app.end().await;
    assert_eq!(made(&drill), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_unless_asked_for_and_live() {
    for (mirror, mode) in [
        ("off", "live"),
        ("steps", "dry_run"),
        ("steps", "read_only"),
    ] {
        let (drill, state) = (company().await, dir());
        let mut app = start(&drill, state.path(), mirror, mode, Setting::default());
        open(&mut app).await;
        app.keys("gj<Enter>");
        app.until("it is ticked", |model| {
            matches!(item(model, "Walk the floor"), ItemState::Done { .. })
        })
        .await;
        app.end().await;
        assert_eq!(made(&drill), 0, "{mirror} {mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_makes_no_second_task() {
    let (drill, state) = (company().await, dir());
    fault(&drill, "reply_lost_after_effect", "/task");
    let mut app = start(&drill, state.path(), "steps", "live", Setting::default());
    open(&mut app).await;
    app.until("all are there", |model| known(model) == (4, 0))
        .await;
    fault(&drill, "reply_lost_after_effect", "/task/");
    app.keys("gj<Enter>");
    app.until("its task is set", |model| {
        matches!(item(model, "Walk the floor"), ItemState::Done { .. })
            && model.tasks_asked.is_empty()
            && known(model).1 == 0
    })
    .await;
    app.end().await;
    assert_eq!(made(&drill), 4);
    assert_eq!(status(&drill, "Walk the floor").await, "Completed");
    assert_eq!(drill.ledger().targets("task_patch").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_open_again_before_its_task_was_set_does_not_complete_it() {
    let (drill, state) = (company().await, dir());
    let mut app = start(&drill, state.path(), "steps", "live", Setting::default());
    open(&mut app).await;
    app.until("all are there", |model| known(model) == (4, 0))
        .await;
    let fault = |word: &str| {
        let order = json!({"server": "cases", "fault": word, "path": "/task/"});
        drill.fault(&order).expect("the fault is known");
    };
    fault("403");
    let wished = |model: &Model, status: &str| {
        let mirrored = model.ledger.outbox().mirrored();
        let wishes = mirrored
            .wishes()
            .filter_map(|(_, _, known)| known.wish.as_ref());
        wishes.map(|(wished, _)| wished.raw()).eq([status])
    };
    app.keys("gj<Enter>");
    app.until("it waits", |model| wished(model, "Completed"))
        .await;
    app.keys("<Enter>");
    app.until("another wish is in its place", |model| {
        item(model, "Walk the floor") == ItemState::Open && wished(model, "InProgress")
    })
    .await;
    assert_eq!(status(&drill, "Walk the floor").await, "Waiting");
    fault("none");
    app.until("it is set", |model| known(model) == (4, 0)).await;
    app.end().await;
    assert_eq!(status(&drill, "Walk the floor").await, "InProgress");
    // It was never completed.
    assert_eq!(drill.ledger().targets("task_patch").len(), 1);
}

/// Lets nothing pass a point any more.
struct Wall(&'static str);

#[async_trait]
impl Probe for Wall {
    async fn pass(&self, point: &str) {
        if point == self.0 {
            std::future::pending::<()>().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_promise_and_answer_makes_no_second_task() {
    for (at, before) in [("task.before", 0), ("task.after", 1)] {
        let (drill, state) = (company().await, dir());
        let setting = Setting {
            probe: Arc::new(Wall(at)),
            ..Setting::default()
        };
        let mut app = start(&drill, state.path(), "steps", "live", setting);
        open(&mut app).await;
        app.until("one is promised", |model| {
            let mirrored = model.ledger.outbox();
            mirrored.is_promised("quell-task:") && made(&drill) == before
        })
        .await;
        app.kill();
        let mut app = start(&drill, state.path(), "steps", "live", Setting::default());
        open(&mut app).await;
        app.until("all are there", |model| known(model) == (4, 0))
            .await;
        app.end().await;
        assert_eq!(made(&drill), 4, "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_a_tick_and_its_task_completes_it_at_the_next_start() {
    for at in ["task.set.before", "task.set.after"] {
        let (drill, state) = (company().await, dir());
        let setting = Setting {
            probe: Arc::new(Wall(at)),
            ..Setting::default()
        };
        let mut app = start(&drill, state.path(), "steps", "live", setting);
        open(&mut app).await;
        app.until("all are there", |model| known(model) == (4, 0))
            .await;
        app.keys("gj<Enter>");
        app.until("it is promised", |model| known(model).1 == 1)
            .await;
        app.kill();
        let mut app = start(&drill, state.path(), "steps", "live", Setting::default());
        // The case need not be opened for it.
        app.until("it is set", |model| known(model) == (4, 0)).await;
        app.end().await;
        assert_eq!(status(&drill, "Walk the floor").await, "Completed", "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consoles_make_one_task_of_each_step() {
    let (drill, one, two) = (company().await, dir(), dir());
    let mut first = start(&drill, one.path(), "steps", "live", Setting::default());
    // One console shares the log of the first; the other is somebody else's.
    let mut again = start(&drill, one.path(), "steps", "live", Setting::default());
    let mut other = start(&drill, two.path(), "steps", "live", Setting::default());
    tokio::join!(open(&mut first), open(&mut again), open(&mut other));
    for app in [&mut first, &mut again, &mut other] {
        app.until("all are there", |model| known(model) == (4, 0))
            .await;
    }
    // A tick in one is a tick in the others.
    first.keys("gj<Enter>");
    for app in [&mut first, &mut again, &mut other] {
        app.until("it is ticked", |model| {
            matches!(item(model, "Walk the floor"), ItemState::Done { .. })
        })
        .await;
    }
    // Whoever made one a moment after somebody else takes it back; that is not over with the tick.
    let mut left = Vec::new();
    for _ in 0..1_000 {
        left = tasks(&drill).await;
        left.retain(|task| task["status"] != "Cancel");
        if left.len() == 4 {
            break;
        }
        first.keys("r");
        first.sync().await;
    }
    for app in [first, again, other] {
        app.end().await;
    }
    assert_eq!(left.len(), 4, "{left:#?}");
}
