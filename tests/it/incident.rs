//! A whole incident in the drill, worked through the list with keys alone, and killed on the way: the servers' ledger
//! and the comments in the case say what happened, never our log.
//!
//! The work is a list of parts, each with a way to see that it is done; whoever comes after a kill looks what is done
//! and goes on with the rest, as a person would.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use quell::app::checklist::{self, CheckRow};
use quell::app::model::{Layer, Model};
use quell::domain::audit::{Body, Entry};
use quell::domain::report::{Kind, Subject, Target};
use quell::domain::runbook::Phase;
use quell::domain::runbook::checklist::ItemState;
use quell::drill::Drill;
use quell::engine::probe::Probe;
use tokio::sync::Notify;

use crate::crash_matrix::{confirm, finished};
use crate::harness::app::{Setting, TestApp, company, records};
use crate::hold::comments;
use crate::truth::open_case;

/// A runbook of our own with everything that a list can ask for.
const MAIN: &str = "# Night incident\n\n## Tools\n\n- `quell`: `read_case`, `judge_likelihood`, `revoke_sessions`, \
`disable_account`, `post_comment`\n\n\
## Phase 2: Identification\n\n\
1. **Read the case** with `quell.read_case`.\n\
2. **Look at the neighbours** by `neighbours.md`.\n\
3. **Judge the likelihood** with `quell.judge_likelihood`. Gate: a person decides.\n\
4. **Call the user** by telephone.\n\
5. **Write down the findings** with `quell.post_comment`.\n\n\
## Phase 3: Containment\n\n\
1. **End the sessions** with `quell.revoke_sessions`.\n\
2. **Lock the account** with `quell.disable_account`.\n\
3. **Tell the floor** in person.\n\
4. **Write down the containment** with `quell.post_comment`.\n\n\
## Phase 6: Lessons learned\n\n1. **Name the way in.** It may be \"not known\".\n\n\
## Phase 7: Runbook feedback\n\n1. **Was it right?** Say what was not.\n";
const NEIGHBOURS: &str = "# Neighbours\n\n1. **Same address**: who else came from it?\n2. **Same device**: who else \
uses it?\n";

/// The parts of the work, in the order of the list.
const PARTS: [&str; 16] = [
    "Read the case",
    "Look at the neighbours",
    "Judge the likelihood",
    "Call the user",
    "Write down the findings",
    "close Identification",
    "End the sessions",
    "Lock the account",
    "Tell the floor",
    "Write down the containment",
    "document Containment",
    "close Containment",
    "handover",
    "document Lessons learned",
    "Was it right?",
    "document Runbook feedback",
];

/// Notes every point that is passed, and stops the console for good at one of them.
#[derive(Default)]
struct Trap {
    passed: Mutex<Vec<String>>,
    at: Option<(String, usize)>,
    sprung: Notify,
}

#[async_trait]
impl Probe for Trap {
    async fn pass(&self, point: &str) {
        let times = {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.push(point.to_owned());
            passed.iter().filter(|one| *one == point).count()
        };
        let here = |(at, nth): &(String, usize)| at == point && *nth == times;
        if self.at.as_ref().is_some_and(here) {
            self.sprung.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

fn start(drill: &Drill, state: &Path, trap: &Arc<Trap>) -> TestApp {
    let books = state.join("books");
    std::fs::create_dir_all(&books).expect("a folder");
    std::fs::write(books.join("night.md"), MAIN).expect("a file");
    std::fs::write(books.join("neighbours.md"), NEIGHBOURS).expect("a file");
    let own = state.join("state");
    std::fs::create_dir_all(&own).expect("a folder");
    let probe: Arc<dyn Probe> = Arc::clone(trap) as Arc<dyn Probe>;
    let setting = Setting {
        probe,
        ..Setting::default()
    };
    TestApp::start_in(drill, &own, setting, |text| {
        let folder = books.display().to_string();
        format!(
            "{text}\n[runbook]\nfolders = [{folder:?}]\ndefault = \"night.md\"\n\n[[runbook.rule]]\ntag = [\"*\"]\nuse = \"night.md\"\n"
        )
    })
}

/// What became of a step, and where it stands in the shown list.
fn item(model: &Model, label: &str) -> Option<(ItemState, CheckRow)> {
    let state = checklist::state(model);
    let mut sections = model.checklist.sections.iter().enumerate();
    sections.find_map(|(index, section)| {
        let place = section.steps.iter().position(|s| s.label.raw() == label)?;
        let became = state.of(&section.steps[place].key).state.clone();
        Some((became, CheckRow::Step(index, place)))
    })
}

fn settled(model: &Model, label: &str) -> bool {
    item(model, label).is_some_and(|(state, _)| !state.is_open())
}

fn section(model: &Model, name: &str) -> usize {
    let mut sections = model.checklist.sections.iter();
    let found = sections.position(|section| section.name.raw() == name);
    found.unwrap_or_else(|| panic!("no phase {name}"))
}

fn subject(name: &str) -> Subject {
    let picerl = match name {
        "Identification" => Some(Phase::Identification),
        "Containment" => Some(Phase::Containment),
        "Lessons learned" => Some(Phase::LessonsLearned),
        _ => None,
    };
    Subject::of_phase(&name.into(), picerl)
}

fn is_posted(model: &Model, subject: Subject) -> bool {
    let open = model.open.as_ref().expect("a case is open");
    let case = open.id.clone();
    let target = Target { case, subject };
    let latest = model.ledger.documents().latest(&target);
    latest.is_some_and(|one| one.comment.is_some())
}

fn is_done(model: &Model, part: &str) -> bool {
    if let Some(name) = part.strip_prefix("close ") {
        let section = &model.checklist.sections[section(model, name)];
        return checklist::state(model).is_closed(section);
    }
    if let Some(name) = part.strip_prefix("document ") {
        return is_posted(model, subject(name));
    }
    if part == "handover" {
        return is_posted(model, Subject::handover());
    }
    settled(model, part)
}

/// Moves the cursor to a row by keys; a phase that is folded is unfolded first.
async fn go(app: &mut TestApp, row: CheckRow) {
    let mut model = app.sync().await;
    if let CheckRow::Step(index, _) = row
        && !checklist::rows(&model).contains(&row)
    {
        walk(app, &model, CheckRow::Section(index));
        app.keys("<Enter>");
        model = app.sync().await;
    }
    walk(app, &model, row);
    app.sync().await;
}

fn walk(app: &TestApp, model: &Model, row: CheckRow) {
    let rows = checklist::rows(model);
    let place = rows.iter().position(|one| *one == row);
    let place = place.unwrap_or_else(|| panic!("{row:?} is not among {rows:?}"));
    app.keys("g").keys(&"j".repeat(place));
}

async fn go_to(app: &mut TestApp, label: &str) {
    let model = app.sync().await;
    let (_, row) = item(&model, label).unwrap_or_else(|| panic!("no step {label}"));
    go(app, row).await;
}

/// The list of the neighbours: opened, worked, left.
async fn neighbours(app: &mut TestApp) {
    go_to(app, "Look at the neighbours").await;
    app.keys("<Enter>");
    let inside = |model: &Model| model.checklist.title.raw() == "Neighbours";
    app.until("the other list is open", inside).await;
    for label in ["Same address", "Same device"] {
        if !settled(&app.model(), label) {
            go_to(app, label).await;
            app.keys("<Space>");
            app.until(label, |model| settled(model, label)).await;
        }
    }
    app.keys("<Esc>");
    app.until("the first list is back", |model| !inside(model))
        .await;
}

/// Posts the text that is being opened.
async fn post(app: &mut TestApp) {
    app.until("the text is open", |model| {
        matches!(model.layers.last(), Some(Layer::Writing { .. }))
    })
    .await;
    app.keys("<Ctrl-s>");
    app.until("it is looked at", |model| {
        matches!(model.layers.last(), Some(Layer::Preview { .. }))
    })
    .await;
    app.keys("y");
}

async fn document(app: &mut TestApp, subject: Subject) {
    app.keys("d");
    let model = app.sync().await;
    let rows = quell::app::report::rows(&model);
    let at = rows.iter().position(|row| row.subject == subject);
    let at = at.unwrap_or_else(|| panic!("{subject:?} is among {rows:?}"));
    app.keys("g").keys(&"j".repeat(at)).keys("<Enter>");
    post(app).await;
}

async fn perform(app: &mut TestApp, part: &str) {
    if let Some(name) = part.strip_prefix("close ") {
        let row = CheckRow::Section(section(&app.model(), name));
        go(app, row).await;
        app.keys("p");
        return;
    }
    if let Some(name) = part.strip_prefix("document ") {
        return document(app, subject(name)).await;
    }
    match part {
        // They tick themselves: the case was read when it was opened, and the response is documented in its phase.
        "Read the case" | "Write down the containment" => {}
        "Look at the neighbours" => neighbours(app).await,
        "Judge the likelihood" => {
            go_to(app, part).await;
            app.keys("x");
            app.until("it asks", |model| {
                matches!(model.layers.last(), Some(Layer::Likelihood { .. }))
            })
            .await;
            app.keys("jj<Enter>");
        }
        "Call the user" => {
            go_to(app, part).await;
            app.keys("-nobody answers at night<Enter>");
        }
        "End the sessions" | "Lock the account" => {
            go_to(app, part).await;
            app.keys("x");
            confirm(app).await;
        }
        "Write down the findings" => {
            go_to(app, part).await;
            app.keys("x");
            post(app).await;
        }
        "handover" => {
            app.keys("H");
            post(app).await;
        }
        _ => {
            go_to(app, part).await;
            app.keys("<Enter>");
        }
    }
}

/// Nothing of an earlier console is left to be finished or posted.
fn is_quiet(model: &Model) -> bool {
    finished(model)
        && model.ledger.unfinished().next().is_none()
        && model.ledger.documents().pending().is_empty()
        && model.ledger.undocumented().is_empty()
}

async fn leave(app: &mut TestApp) {
    while !app.sync().await.layers.is_empty() {
        app.keys("<Esc>");
    }
}

/// How far one console gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Nothing is worked on.
    Opened,
    /// One part is begun, and nobody waits for what comes of it.
    Begun,
    /// One part is done.
    PartDone,
    /// Everything is done.
    AllDone,
}

/// Opens the case and works through what is not done yet.
async fn work(app: &mut TestApp, until: Until) {
    app.until("the queue is filled and nothing is left over", |model| {
        model.queue.heard && is_quiet(model)
    })
    .await;
    leave(app).await;
    open_case(app).await;
    app.keys("3");
    app.until("the runbook is the night's", |model| {
        model.checklist.title.raw() == "Night incident"
    })
    .await;
    for part in PARTS {
        if is_done(&app.sync().await, part) {
            continue;
        }
        if until == Until::Opened {
            return;
        }
        perform(app, part).await;
        if until == Until::Begun {
            return;
        }
        app.until(part, |model| is_done(model, part) && is_quiet(model))
            .await;
        // The dialog of a response stays until it is left.
        leave(app).await;
        if until == Until::PartDone {
            return;
        }
    }
}

/// Works through all of it; when the trap springs, the console is killed and another goes on.
async fn whole(drill: &Drill, state: &Path, trap: &Arc<Trap>, what: &str) -> Model {
    let mut app = start(drill, state, trap);
    let sprung = tokio::select! {
        () = work(&mut app, Until::AllDone) => false,
        () = trap.sprung.notified() => true,
    };
    assert_eq!(sprung, trap.at.is_some(), "{what} was never passed");
    if sprung {
        app.kill();
        app = start(drill, state, &Arc::new(Trap::default()));
        work(&mut app, Until::AllDone).await;
    }
    app.kill();
    // And all of it is there for whoever comes last.
    let mut app = start(drill, state, &Arc::new(Trap::default()));
    work(&mut app, Until::Opened).await;
    app.end().await
}

/// Holds the end against the servers: each effect and each comment once, each part done.
async fn judge(drill: &Drill, state: &Path, model: &Model, what: &str) {
    for part in PARTS {
        assert!(is_done(model, part), "{what}: {part} is not done");
    }
    let (skipped, _) = item(model, "Call the user").expect("it is there");
    assert!(
        matches!(&skipped, ItemState::Skipped { reason, .. } if reason.raw() == "nobody answers at night"),
        "{what}: {skipped:?}"
    );
    let open = model.open.as_ref().expect("the case is open");
    let deeds: Vec<&str> = open
        .activity
        .deeds
        .iter()
        .map(|deed| deed.what.as_str())
        .collect();
    assert!(
        deeds
            .iter()
            .any(|deed| deed.starts_with("skipped: Call the user")),
        "{what}: {deeds:?}"
    );
    let (judged, _) = item(model, "Judge the likelihood").expect("it is there");
    let ItemState::Done { evidence, .. } = judged else {
        panic!("{what}: {judged:?}");
    };
    assert!(evidence.is_some_and(|by| by.raw().starts_with("likelihood")));
    let ledger = drill.ledger();
    assert_eq!(ledger.targets("suspend").len(), 1, "{what}: locked once");
    let entries = records(&state.join("state"));
    let is_intent = |entry: &&Entry| matches!(entry.body, Body::ActionIntent { .. });
    let intents = entries.iter().filter(is_intent).count();
    let cleared = ledger.targets("clear_sessions").len();
    assert!(
        (1..intents).contains(&cleared),
        "{what}: {cleared} of {intents}"
    );
    let there = comments(drill).await;
    let ours: Vec<&String> = there.iter().filter(|one| one.contains("quell:")).collect();
    assert_eq!(ledger.targets("comment").len(), ours.len(), "{what}");
    let mut marks = BTreeSet::new();
    for comment in &ours {
        let mark = comment
            .split("quell:")
            .nth(1)
            .and_then(|m| m.split_whitespace().next());
        assert!(marks.insert(mark), "{what}: two comments with {mark:?}");
    }
    let mut headings: BTreeMap<&str, usize> = BTreeMap::new();
    for heading in [
        "Phase Identification",
        "Phase Containment",
        "Handover of case",
        "Lessons learned",
        "Runbook feedback",
    ] {
        let begins = |one: &&&String| one.starts_with(&format!("**{heading}"));
        headings.insert(heading, ours.iter().filter(begins).count());
    }
    assert!(
        headings.values().all(|n| *n == 1),
        "{what}: {headings:?}\n{there:#?}"
    );
    let kinds: Vec<Kind> = model
        .ledger
        .documents()
        .of_case(&model.open.as_ref().expect("a case").id)
        .map(|one| one.target.subject.kind)
        .collect();
    assert_eq!(kinds.len(), 5, "{what}: {kinds:?}");
    let audit = state.join("state").join("audit");
    let code = quell::cli::audit::verify(&audit, false, &mut Vec::new());
    assert!(matches!(code, Ok(0 | 2)), "{what}: the log is not intact");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_incident_is_worked_through_the_list_and_killed_after_every_part() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let none = Arc::new(Trap::default());
    for _ in PARTS {
        let mut app = start(&drill, state.path(), &none);
        work(&mut app, Until::PartDone).await;
        app.kill();
    }
    let model = whole(&drill, state.path(), &none, "after every part").await;
    judge(&drill, state.path(), &model, "killed after every part").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_incident_is_killed_in_the_middle_of_every_part() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let none = Arc::new(Trap::default());
    // What was begun is done by the next console, or begun once more.
    for _ in 0..PARTS.len() * 2 {
        let mut app = start(&drill, state.path(), &none);
        work(&mut app, Until::Begun).await;
        app.kill();
    }
    let model = whole(&drill, state.path(), &none, "in the middle").await;
    judge(
        &drill,
        state.path(),
        &model,
        "killed in the middle of every part",
    )
    .await;
}

async fn killed_at(point: &str, nth: usize) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let trap = Arc::new(Trap {
        at: Some((point.to_owned(), nth)),
        ..Trap::default()
    });
    let what = format!("killed at {point} {nth}");
    let model = whole(&drill, state.path(), &trap, &what).await;
    judge(&drill, state.path(), &model, &what).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_incident_is_killed_inside_of_its_parts() {
    for (point, nth) in [
        ("after document.written", 1),
        ("send.after", 1),
        ("comment.after", 3),
    ] {
        Box::pin(killed_at(point, nth)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_whole_incident_is_killed_at_every_kind_of_point() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let trap = Arc::new(Trap::default());
    let model = whole(&drill, state.path(), &trap, "no kill").await;
    judge(&drill, state.path(), &model, "no kill").await;
    let passed = trap
        .passed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let kinds: BTreeSet<String> = passed.into_iter().collect();
    let periodic = |point: &str| {
        ["session.", "search.", "checkpoint"]
            .iter()
            .any(|part| point.contains(part))
    };
    let mut killed = 0;
    for point in kinds.iter().filter(|point| !periodic(point)) {
        Box::pin(killed_at(point, 1)).await;
        killed += 1;
    }
    println!("killed at {killed} kinds of points");
}
