//! Reports through the whole console: composed, edited, previewed, posted once, and nothing typed is lost.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use quell::app::effect::Effect;
use quell::app::keymap::Chord;
use quell::app::message::{Handed, Message, Polled, WatchOf};
use quell::app::model::{Layer, Load, Model, Purpose, Watch};
use quell::app::report;
use quell::app::update::update;
use quell::config::settings::Role;
use quell::domain::account::{Account, AccountStatus};
use quell::domain::audit::{Body, HoldSet, OutcomeState};
use quell::domain::case::Comment;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::state::ActionState;
use quell::domain::fault::Fault;
use quell::domain::freshness::Moment;
use quell::domain::ids::{ActionId, PlanId, RecordId};
use quell::domain::one_time::{OneTime, RANDOM};
use quell::domain::report::{Kind, Subject, Target};
use quell::domain::runbook::checklist::ItemState;
use quell::domain::text::{Safe, Untrusted};
use quell::drill::Drill;
use quell::engine::probe::Probe;
use quell::store::drafts::{self, Draft};
use rstest::rstest;
use serde_json::json;
use tokio::sync::Notify;

use crate::harness::app::{Setting, TestApp, company, records};
use crate::harness::screen;
use crate::hold::{comments, refuses_comments};
use crate::scene;
use crate::truth::{by_others, confirm, finished, open_case, plan};

const OWN: &str = "- own words_here";

/// Tells that a point was passed, and stops the console there where it shall.
struct Trap {
    at: &'static str,
    stops: bool,
    passed: Notify,
}

#[async_trait]
impl Probe for Trap {
    async fn pass(&self, point: &str) {
        if point == self.at {
            self.passed.notify_one();
            if self.stops {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn trapped(drill: &Drill, state: &Path, at: &'static str, stops: bool) -> (TestApp, Arc<Trap>) {
    let trap = Arc::new(Trap {
        at,
        stops,
        passed: Notify::new(),
    });
    let probe: Arc<dyn Probe> = Arc::clone(&trap) as Arc<dyn Probe>;
    let setting = Setting {
        probe,
        ..Setting::default()
    };
    let app = TestApp::start_in(drill, state, setting, |text| text);
    (app, trap)
}

/// Gives what is being written, and the text.
fn writing(model: &Model) -> Option<(Target, String)> {
    match model.layers.last() {
        Some(Layer::Writing {
            purpose: Purpose::Document(of),
            area,
            ..
        }) => Some(((**of).clone(), area.lines().join("\n"))),
        _ => None,
    }
}

/// Opens the text of a phase by keys.
pub(crate) async fn open(app: &mut TestApp, phase: &str) -> (Target, String) {
    choose(app, phase).await;
    let model = app.until("the text is open", |model| writing(model).is_some());
    writing(&model.await).expect("it was there")
}

async fn choose(app: &mut TestApp, phase: &str) {
    app.keys("d");
    let model = app.sync().await;
    let rows = quell::app::report::rows(&model);
    let at = rows
        .iter()
        .position(|row| row.subject.name.raw() == phase)
        .unwrap_or_else(|| panic!("{phase} is among {rows:?}"));
    app.keys("g").keys(&"j".repeat(at)).keys("<Enter>");
}

pub(crate) async fn preview(app: &mut TestApp) -> String {
    app.keys("<Ctrl-s>");
    let model = app.sync().await;
    match model.layers.last() {
        Some(Layer::Preview { shown, .. }) => shown.as_str().to_owned(),
        other => panic!("no preview: {other:?}"),
    }
}

fn posted(model: &Model) -> usize {
    let open = model.open.as_ref().expect("a case is open");
    let all = model.ledger.documents().of_case(&open.id);
    all.filter(|one| one.comment.is_some()).count()
}

fn said(model: &Model, part: &str) -> bool {
    let mut log = model.log.iter();
    log.any(|line| line.text.as_str().contains(part))
}

fn with_own_words(texts: &[String]) -> usize {
    texts.iter().filter(|one| one.contains("own words")).count()
}

fn drafts_left(state: &Path) -> usize {
    let files = std::fs::read_dir(state.join("draft")).expect("the directory is there");
    files.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phase_is_composed_edited_previewed_and_posted_once() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let (_, text) = open(&mut app, "Identification").await;
    for part in [
        "# Phase Identification\n",
        "case #14, CRITICAL",
        " failures, success from a new address",
        "T1110",
        "likelihood: not judged yet",
        "# Open mandatory items of this phase\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    app.keys("<End><Enter>").keys(OWN);
    let shown = preview(&mut app).await;
    assert!(shown.contains("- own words\\_here"), "{shown}");
    assert!(
        app.screen().contains("this is posted to case"),
        "{}",
        app.screen()
    );
    // Back to the text, and nothing was posted meanwhile.
    app.keys("<Esc>!");
    assert!(writing(&app.sync().await).is_some_and(|(_, text)| text.contains('!')));
    app.keys("<Backspace>");
    let shown = preview(&mut app).await;
    assert_eq!(drill.ledger().targets("comment").len(), 0);
    app.keys("y");
    app.until("it is in the case", |model| posted(model) == 1)
        .await;
    let there = comments(&drill).await;
    assert_eq!(with_own_words(&there), 1);
    let comment = there.last().expect("a comment");
    assert!(
        comment.starts_with(&format!("{shown}\nquell:")),
        "{comment}\n\n{shown}"
    );
    assert!(comment.contains("\naudit "), "{comment}");
    app.keys("d");
    app.sync().await;
    assert!(app.screen().contains("documented"), "{}", app.screen());
    app.end().await;
    assert_eq!(drafts_left(state.path()), 0);
    let log = records(state.path());
    let written: String = log
        .iter()
        .filter_map(|entry| match &entry.body {
            Body::DocumentWritten(part) => Some(part.text.raw()),
            _ => None,
        })
        .collect();
    assert!(written.contains(OWN), "the log has the text as typed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_whose_reply_is_lost_is_there_once() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    open(&mut app, "Containment").await;
    app.keys("<End><Enter>").keys(OWN);
    preview(&mut app).await;
    let order = json!({"server": "cases", "fault": "reply_lost_after_effect", "count": 1, "path": "/comment"});
    drill.fault(&order).expect("the fault is known");
    app.keys("y");
    app.until("it is in the case", |model| posted(model) == 1)
        .await;
    assert_eq!(drill.ledger().targets("comment").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_is_back_after_a_kill_and_says_so() {
    let (drill, state) = (company().await, dir());
    let (mut app, trap) = trapped(&drill, state.path(), "draft.kept", false);
    open_case(&mut app).await;
    let (target, _) = open(&mut app, "Recovery").await;
    app.keys("<End><Enter>").keys(OWN);
    let (folder, key) = (state.path().join("draft"), drafts::key(&target));
    let kept = |draft: Option<Draft>| draft.is_some_and(|draft| draft.text.raw().contains(OWN));
    while !kept(drafts::read(&folder, &key).expect("it can be read")) {
        trap.passed.notified().await;
    }
    app.kill();
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let (_, text) = open(&mut app, "Recovery").await;
    assert!(text.contains(OWN), "{text}");
    assert!(said(&app.model(), "is back, as you left it"));
    // Left and opened again it is still there; another phase has its own.
    app.keys("<Esc>");
    let (_, other) = open(&mut app, "Containment").await;
    assert!(!other.contains(OWN), "{other}");
    app.keys("<Esc>");
    assert!(open(&mut app, "Recovery").await.1.contains(OWN));
    assert_eq!(drill.ledger().targets("comment").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_killed_between_the_word_and_the_post_it_is_posted_once_by_the_next() {
    for point in ["after document.written", "comment.before", "comment.after"] {
        let (drill, state) = (company().await, dir());
        let (mut app, trap) = trapped(&drill, state.path(), point, true);
        open_case(&mut app).await;
        open(&mut app, "Containment").await;
        app.keys("<End><Enter>").keys(OWN);
        preview(&mut app).await;
        app.keys("y");
        trap.passed.notified().await;
        app.kill();
        let mut app = TestApp::start(&drill, state.path());
        open_case(&mut app).await;
        app.until("it is in the case", |model| posted(model) == 1)
            .await;
        assert_eq!(with_own_words(&comments(&drill).await), 1, "{point}");
        // What was posted is no draft any more.
        let (_, text) = open(&mut app, "Containment").await;
        assert!(!text.contains(OWN), "{point}: {text}");
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consoles_do_not_write_the_same_text() {
    let (drill, state) = (company().await, dir());
    let mut first = TestApp::start(&drill, state.path());
    let mut second = TestApp::start(&drill, state.path());
    open_case(&mut first).await;
    open_case(&mut second).await;
    open(&mut first, "Containment").await;
    choose(&mut second, "Containment").await;
    second
        .until("it says who has it", |model| {
            said(model, "another console of yours is writing this text") && model.layers.is_empty()
        })
        .await;
    // Another text is free.
    open(&mut second, "Recovery").await;
    second.keys("<Esc>");
    first.keys("<End><Enter>").keys(OWN);
    preview(&mut first).await;
    first.keys("y");
    first
        .until("it is in the case", |model| posted(model) == 1)
        .await;
    second
        .until("the other one knows", |model| posted(model) == 1)
        .await;
    let (_, text) = open(&mut second, "Containment").await;
    assert!(!text.contains(OWN), "{text}");
    assert!(
        second.screen().contains("this will be another comment"),
        "{}",
        second.screen()
    );
    assert_eq!(with_own_words(&comments(&drill).await), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handover_is_written_into_the_case_and_a_shift_is_shown() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("H");
    app.sync().await;
    assert!(app.screen().contains("Shift handover"), "{}", app.screen());
    app.keys("<Esc>");
    open_case(&mut app).await;
    app.keys("H");
    let model = app
        .until("the text is open", |model| writing(model).is_some())
        .await;
    let (target, text) = writing(&model).expect("it was there");
    assert_eq!(target.subject.kind, Kind::Handover);
    for part in [
        "# Handover of case #14\n",
        "# Open mandatory items\n",
        "# Who to call\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    preview(&mut app).await;
    app.keys("y");
    app.until("it is in the case", |model| posted(model) == 1)
        .await;
    assert!(
        comments(&drill)
            .await
            .iter()
            .any(|one| one.starts_with("**Handover of case \\#14**"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lessons_name_only_failures_that_were_counted() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let (target, text) = open(&mut app, "Lessons learned").await;
    assert_eq!(target.subject.kind, Kind::Lessons);
    assert!(text.contains("# Initial access vector\n- seen: "), "{text}");
    assert!(!text.contains("requests to"), "nothing failed yet:\n{text}");
    app.keys("<Esc>");
    let order = json!({"server": "cases", "fault": "500", "count": 40, "path": "/query"});
    drill.fault(&order).expect("the fault is known");
    app.keys("r");
    app.until("a failure was counted", |model| !model.troubles.is_empty())
        .await;
    let (_, text) = open(&mut app, "Lessons learned").await;
    assert!(
        text.contains("failed otherwise, counted by this console since"),
        "{text}"
    );
    app.keys("<Esc>");
    let (target, text) = open(&mut app, "Runbook feedback").await;
    assert_eq!(target.subject.kind, Kind::Feedback);
    assert!(
        text.contains("# Did the tools work?\n- requests to "),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_is_too_long_is_refused_with_words_and_kept() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let (target, _) = open(&mut app, "Containment").await;
    app.keys("<Esc>");
    app.sync().await;
    let draft = Draft {
        rid: RecordId::from_parts(chrono::Utc::now(), 1),
        text: "<".repeat(20_000).into(),
        at: chrono::Utc::now(),
    };
    let folder = state.path().join("draft");
    drafts::write(&folder, &drafts::key(&target), &draft).expect("it can be written");
    open(&mut app, "Containment").await;
    app.keys("<Ctrl-s>");
    let model = app.sync().await;
    assert!(said(&model, "bytes too long; nothing was posted"));
    assert_eq!(writing(&model).map(|(_, text)| text.len()), Some(20_000));
}

/// Gives the text of the note that is being typed.
pub(crate) fn noting(model: &Model) -> Option<String> {
    match model.layers.last() {
        Some(Layer::Writing {
            purpose: Purpose::Note(_),
            area,
            ..
        }) => Some(area.lines().join("\n")),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_survives_a_kill_while_it_is_typed_and_is_posted_once() {
    let (drill, state) = (company().await, dir());
    let (mut app, trap) = trapped(&drill, state.path(), "draft.kept", false);
    open_case(&mut app).await;
    app.keys("m");
    // Its draft is open once the empty text was kept.
    trap.passed.notified().await;
    app.keys("own words<Enter>of the manager");
    loop {
        trap.passed.notified().await;
        let left = drafts_of_notes(state.path());
        if left.iter().any(|text| text.ends_with("of the manager")) {
            break;
        }
    }
    app.kill();

    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    app.keys("m");
    let text = "own words\nof the manager";
    app.until("it is back", |model| noting(model).as_deref() == Some(text))
        .await;
    // Left and come back to, it is still there.
    app.keys("!<Esc><Esc>");
    app.until("it is left", |model| noting(model).is_none())
        .await;
    app.keys("m");
    let more = format!("{text}!");
    app.until("it is back again", |model| {
        noting(model).as_ref() == Some(&more)
    })
    .await;
    app.keys("<Ctrl-s>");
    app.until("it is in the case", |model| {
        said(model, "the note is in the case")
    })
    .await;
    assert_eq!(with_own_words(&comments(&drill).await), 1);
    app.keys("m");
    app.until("the next one begins empty", |model| {
        noting(model).as_deref() == Some("")
    })
    .await;
    app.keys("<Esc>");
    app.end().await;
    assert_eq!(drafts_left(state.path()), 0);
}

/// Gives the texts of the drafts on disk.
fn drafts_of_notes(state: &Path) -> Vec<String> {
    let files = std::fs::read_dir(state.join("draft")).expect("the directory is there");
    let texts = files
        .flatten()
        .filter_map(|file| std::fs::read(file.path()).ok());
    let drafts = texts.filter_map(|text| serde_json::from_slice::<Draft>(&text).ok());
    drafts.map(|draft| draft.text.raw().to_owned()).collect()
}

/// Deletes a comment by another hand: the same API, none of our records.
async fn delete(drill: &Drill, comment: &str) {
    let cases = drill.cases();
    let client = reqwest::Client::builder().no_proxy().build();
    let answer = client
        .expect("a client")
        .delete(format!("{}/api/v1/comment/{comment}", cases.url))
        .header("authorization", format!("Bearer {}", cases.token))
        .send()
        .await
        .expect("the drill answers");
    assert_eq!(answer.status(), 204);
}

/// What became of the step that writes down the findings.
fn written_down(model: &Model) -> ItemState {
    let state = quell::app::checklist::state(model);
    let mut items = model.checklist.items();
    let (_, step) = items
        .find(|(_, step)| step.label.raw() == "Write down what you found")
        .expect("our runbook has it");
    state.of(&step.key).state.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_comment_showed_is_open_again() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    open(&mut app, "Identification").await;
    preview(&mut app).await;
    app.keys("y");
    let done = |model: &Model| matches!(written_down(model), ItemState::Done { .. });
    let model = app.until("the step ticks itself", done).await;
    let id = {
        let open = model.open.as_ref().expect("a case is open");
        let mut all = model.ledger.documents().of_case(&open.id);
        let comment = all.next().and_then(|one| one.comment.clone());
        comment.expect("it is in the case")
    };
    let there = |model: &Model| {
        let file = model.open.as_ref().and_then(|open| open.file.ready());
        file.is_some_and(|file| file.comments.iter().any(|one| one.id == id))
    };
    app.keys("r");
    app.until("it is read back", there).await;
    assert!(done(&app.model()), "it is there");
    delete(&drill, id.raw()).await;
    app.keys("r");
    let back = |model: &Model| matches!(written_down(model), ItemState::Refuted { .. });
    app.until("the step is open again", back).await;
    app.keys("3");
    app.sync().await;
    assert!(app.screen().contains("[!] Write down"), "{}", app.screen());
    app.keys("d");
    app.sync().await;
    assert!(app.screen().contains("Z deleted"), "{}", app.screen());
    app.keys("<Esc>");
    app.kill();
    // It stays so, nothing is posted again by itself, and a new report ticks it.
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    assert!(back(&app.model()));
    assert_eq!(drill.ledger().targets("comment").len(), 1);
    open(&mut app, "Identification").await;
    preview(&mut app).await;
    app.keys("y");
    app.until("the step ticks itself again", done).await;
    assert_eq!(drill.ledger().targets("comment").len(), 2);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_record_of_the_response_was_deleted_that_is_said() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    confirm(&app);
    app.until("it is documented", finished).await;
    app.keys("<Esc>");
    let model = app.sync().await;
    let mut acts = model.ledger.actions();
    let id = acts.find_map(|act| act.comment.clone()).expect("a comment");
    let there = |model: &Model| {
        let file = model.open.as_ref().and_then(|open| open.file.ready());
        file.is_some_and(|file| file.comments.iter().any(|one| one.id == id))
    };
    app.keys("r");
    app.until("it is read back", there).await;
    let target = handover(&app.model());
    let record = format!("- record of the response: comment {}", id.raw());
    let text = report::compose(&app.model(), &target);
    assert!(text.contains(&format!("{record}\n")), "{text}");

    delete(&drill, id.raw()).await;
    app.keys("r");
    app.until("it is read as gone", |model| {
        let open = model.open.as_ref();
        open.is_some_and(|open| open.comments.gone(&id).is_some())
    })
    .await;
    let text = report::compose(&app.model(), &target);
    let deleted = format!("{record}; deleted, seen ");
    assert!(text.contains(&deleted), "{text}");
    app.keys("4");
    app.sync().await;
    let seen = app.screen();
    assert!(seen.contains("documented; its comment was"), "{seen}");
    app.end().await;
}

/// The case system takes no comment from before the handover is confirmed until long after the account was contained.
#[tokio::test(flavor = "multi_thread")]
async fn a_handover_that_is_posted_late_says_first_when_it_was_confirmed_and_what_was_done_since() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    refuses_comments(&drill, true);
    app.keys("H");
    app.until("the text is open", |model| writing(model).is_some())
        .await;
    preview(&mut app).await;
    app.keys("y");
    app.until("it waits", |model| {
        said(model, "Handover is not in the case yet")
    })
    .await;
    plan(&mut app, "cc").await;
    confirm(&app);
    app.until("it is contained", |model| {
        let all = || model.ledger.actions().filter(|act| act.confirmed.is_some());
        all().next().is_some() && all().all(|act| act.state == ActionState::Verified)
    })
    .await;
    app.clock.pass(Duration::from_secs(600));
    refuses_comments(&drill, false);
    app.until("it is in the case", |model| posted(model) == 1)
        .await;
    app.end().await;
    let all = comments(&drill).await;
    let mut late = all.iter().filter(|one| one.contains("Handover of case"));
    let text = late.next().expect("it is there");
    assert!(late.next().is_none(), "{all:#?}");
    let (first, rest) = text.split_once("\n\n").expect("a line before it");
    assert!(first.starts_with("Confirmed "), "{first}");
    let since = "Z. Since then disable account of mara\\.lind\\@acme\\.example: proven ";
    assert!(
        first.contains("Z, posted ") && first.contains(since),
        "{first}"
    );
    assert!(rest.starts_with("**Handover of case"), "{rest}");
}

/// Whether the watch recorded the undoing by then or not, and whatever the account was read for.
#[rstest]
#[case::refreshed(false)]
#[case::for_a_plan(true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_handover_calls_no_account_disabled_that_it_read_as_enabled(#[case] planned: bool) {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    confirm(&app);
    app.until("it is contained", finished).await;
    app.keys("<Esc>");
    by_others(&drill, "unsuspend").await;
    app.clock.pass(Duration::from_secs(20));
    if planned {
        plan(&mut app, "u").await;
    } else {
        app.keys("r");
    }
    app.until("it reads as enabled", |model| {
        let open = model.open.as_ref().and_then(|open| open.the_account());
        open.is_some_and(|account| account.status == AccountStatus::Active)
    })
    .await;
    app.keys("<Esc>H");
    let model = app
        .until("the text is open", |model| writing(model).is_some())
        .await;
    let (_, text) = writing(&model).expect("it was there");
    assert!(text.contains("read as ACTIVE at "), "{text}");
    assert!(!text.contains("is disabled: key u plans"), "{text}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handover_that_was_overtaken_says_so_before_it_is_posted() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    app.keys("H");
    app.until("it is composed", |model| {
        matches!(model.layers.last(), Some(Layer::Writing { .. }))
    })
    .await;
    app.keys("<Ctrl-s>");
    app.until("it is previewed", |model| {
        matches!(model.layers.last(), Some(Layer::Preview { .. }))
    })
    .await;

    let mut other = TestApp::start(&drill, state.path());
    open_case(&mut other).await;
    plan(&mut other, "cc").await;
    confirm(&other);
    other
        .until("it is contained", |model| {
            finished(model) && model.ledger.undocumented().is_empty()
        })
        .await;
    other.end().await;
    app.until("it is known here", |model| {
        model.standing().is_some() && finished(model)
    })
    .await;
    let says = "the account is contained";
    assert!(app.screen().contains(says), "{}", app.screen());

    app.keys("y");
    let line = "not posted: what is known of the case changed while you looked";
    app.until("it is said", |model| said(model, line)).await;
    assert!(!handed_over(&comments(&drill).await));
    app.keys("y");
    app.until("it is posted", |model| said(model, "is in the case"))
        .await;
    app.end().await;
    assert!(handed_over(&comments(&drill).await));
}

fn handed_over(posted: &[String]) -> bool {
    posted.iter().any(|text| text.contains("Handover of case"))
}

const SIZE: (u16, u16) = (120, 40);

fn later(seconds: u32) -> Moment {
    let now = scene::now();
    Moment {
        utc: now.utc + chrono::TimeDelta::seconds(i64::from(seconds)),
        boot: now.boot + Duration::from_secs(u64::from(seconds)),
    }
}

fn asks(effects: &[Effect]) -> bool {
    let is_reading = |effect: &Effect| matches!(effect, Effect::ReadAccount { .. });
    effects.iter().any(is_reading)
}

/// Gives the handover of the open case of a scene.
fn handover(model: &Model) -> Target {
    Target {
        case: model.open.as_ref().expect("a case is open").id.clone(),
        subject: Subject::handover(),
    }
}

/// Brings a reading of the account of the open case of a scene.
fn read(model: &mut Model, seconds: u32, result: Result<Vec<Account>, Fault>) {
    let open = model.open.as_ref().expect("a case is open");
    let message = Message::AccountRead {
        case: open.id.clone(),
        asked: open.user.clone().expect("a user"),
        result,
    };
    let effects = update(model, later(seconds), message);
    let searches = |effect: &Effect| matches!(effect, Effect::SearchActivity(_));
    assert!(!effects.iter().any(searches), "the rows stay: {effects:?}");
}

fn suspended() -> Account {
    Account {
        status: AccountStatus::Disabled,
        vendor_status: "SUSPENDED".into(),
        ..scene::account()
    }
}

#[test]
fn an_open_account_is_read_every_minute_and_a_failure_keeps_what_was_read() {
    let mut model = scene::open(SIZE);
    let is_asked = |model: &mut Model, seconds| {
        let effects = update(model, later(seconds), Message::Tick);
        asks(&effects)
    };
    assert!(!is_asked(&mut model, 59));
    assert!(is_asked(&mut model, 60));
    assert!(!is_asked(&mut model, 75), "it is on its way");
    read(&mut model, 76, Err(Fault::new("okta is away")));
    assert!(is_asked(&mut model, 120));
    read(&mut model, 121, Err(Fault::new("okta is away")));
    assert!(said(&model, "okta is away"));
    assert_eq!(times(&model, "okta is away"), 1, "{:#?}", model.log);
    let seen = screen::text(&model, SIZE);
    assert!(seen.contains("ACTIVE, read 2m ago"), "{seen}");
    read(&mut model, 122, Ok(vec![suspended()]));
    let seen = screen::text(&model, SIZE);
    assert!(
        seen.contains("DISABLED") && !seen.contains("DISABLED, read"),
        "{seen}"
    );
}

fn times(model: &Model, text: &str) -> usize {
    let log = model.log.iter();
    log.filter(|line| line.text.as_str() == text).count()
}

#[test]
fn a_lookup_that_goes_on_failing_is_said_once_however_often_its_source_answers() {
    let mut model = scene::open(SIZE);
    let open = model.open.as_mut().expect("a case is open");
    open.account = Load::Loading(scene::now());
    let mut sources = model.sources.iter();
    let okta = sources.find(|one| one.role == Role::Identity);
    let okta = okta.expect("a provider").name.clone();
    for round in 1..=3 {
        read(&mut model, round * 20, Err(Fault::new("okta refuses that")));
        let answers = Message::SourcePolled {
            source: okta.clone(),
            seq: 1_000 + u64::from(round),
            result: Ok(Polled::Alive),
        };
        let effects = update(&mut model, later(round * 20 + 10), answers);
        assert!(asks(&effects), "{effects:?}");
    }
    assert_eq!(times(&model, "okta refuses that"), 1, "{:#?}", model.log);
}

#[test]
fn an_account_whose_secret_is_shown_is_read_every_some_seconds_and_a_failure_is_said_once() {
    let mut model = scene::response(SIZE);
    let plan = scene::plan(false);
    model.layers.push(Layer::Secret(Box::new(Handed {
        aid: plan.steps[0].aid.clone(),
        login: plan.account.login,
        secret: Arc::new(OneTime::password(&[7; RANDOM])),
    })));
    for seconds in [5, 10, 15] {
        let early = update(&mut model, later(seconds - 1), Message::Tick);
        assert!(!asks(&early), "{early:?}");
        let due = update(&mut model, later(seconds), Message::Tick);
        assert!(asks(&due), "{due:?}");
        let fails = Fault::new("okta refuses that");
        read(&mut model, seconds, Err(fails));
    }
    assert_eq!(times(&model, "okta refuses that"), 1, "{:#?}", model.log);
}

#[rstest]
#[case::enabled(vec![scene::account()], "read as ACTIVE")]
#[case::deleted(
    Vec::new(),
    "read as NOT FOUND any more (SUSPENDED on 2026-03-07 03:13:10Z)"
)]
fn what_the_account_reads_as_since_a_handover_was_composed_overtakes_it(
    #[case] then: Vec<Account>,
    #[case] says: &str,
) {
    let mut model = scene::open(SIZE);
    read(&mut model, 5, Ok(vec![suspended()]));
    let target = handover(&model);
    let text = report::compose(&model, &target);
    let account = "mara.lind@acme.example (id 00u1f9ke2xQ7mZ4tH697 at okta), ";
    let line = format!("Account: {account}read as SUSPENDED at 2026-03-07 03:12:45Z\n");
    assert!(text.contains(&line), "{text}");
    // Read once more as it was it overtakes nothing.
    read(&mut model, 30, Ok(vec![suspended()]));
    assert!(report::missing(&model, &target, &text).is_empty());
    read(&mut model, 60, Ok(then));
    let missing = report::missing(&model, &target, &text);
    let missing: Vec<&str> = missing.iter().map(Safe::as_str).collect();
    assert_eq!(missing, [format!("{account}{says}")]);
    let anew = report::compose(&model, &target);
    let line = format!("Account: {account}{says} at 2026-03-07 03:13:40Z\n");
    assert!(anew.contains(&line), "{anew}");
}

#[test]
fn of_an_account_that_is_gone_the_pane_says_what_it_was() {
    let mut model = scene::open(SIZE);
    read(&mut model, 5, Ok(vec![suspended()]));
    read(&mut model, 65, Ok(Vec::new()));
    let seen = screen::text(&model, (200, 60));
    assert!(
        seen.contains("no account carries this name any more"),
        "{seen}"
    );
    read(&mut model, 125, Ok(vec![suspended()]));
    let seen = screen::text(&model, (200, 60));
    assert!(!seen.contains("no account carries"), "{seen}");
}

#[rstest]
#[case::handover('H')]
#[case::response('R')]
fn opening_a_text_about_the_account_has_it_read_unless_that_was_a_moment_ago(#[case] key: char) {
    for (seconds, expected) in [(9, false), (10, true)] {
        let mut model = scene::open(SIZE);
        let effects = update(&mut model, later(seconds), Message::Key(Chord::char(key)));
        assert_eq!(asks(&effects), expected, "{seconds}: {effects:?}");
    }
}

#[test]
fn what_other_hosts_did_is_denied_by_no_report_and_no_view() {
    let mut model = scene::open(SIZE);
    let held = "the log 01 of host lap-a holds 3 unfinished";
    model.own_log.beside = Some(held.into());
    let Some(Load::Ready(file, _)) = model.open.as_mut().map(|open| &mut open.file) else {
        panic!("the case was read")
    };
    let aid = ActionId::from_parts(scene::now().utc, 77);
    let record = format!("- disable account: **proven** [action {aid}]\n\nquell:01\n");
    file.comments.push(Comment {
        id: "~c1".into(),
        author: "kim.aster@acme.example".into(),
        at: scene::now().utc,
        message: Untrusted::new(record),
        edited: false,
    });
    let log = "the log of this host (jo at lap-b)";
    let others = "The case holds 1 record that is not in the log of this host; it is not listed here: read it.";
    let beside = format!("As this console started: {held}.");
    let text = report::compose(&model, &handover(&model));
    for part in [
        format!("None is unfinished by {log}.\n"),
        format!("By {log} nothing was changed that would have to be undone.\n"),
        format!("{others}\n{beside}\n"),
    ] {
        assert!(text.contains(&part), "{part:?} is not in:\n{text}");
    }
    let shift = report::shift(&model);
    assert!(shift.contains(log) && shift.contains(&beside), "{shift}");
    let nothing = format!("in {log} nothing was done for this case");
    let finished = format!("in {log} every action has its final word");
    for (key, parts) in [
        ('R', vec![&nothing, &beside]),
        ('F', vec![&finished, &beside]),
    ] {
        let mut model = model.clone();
        let _ = update(&mut model, scene::now(), Message::Key(Chord::char(key)));
        let _ = update(&mut model, scene::now(), Message::CaughtUp(true));
        let seen = screen::text(&model, SIZE);
        for part in parts {
            assert!(seen.contains(part.as_str()), "{part:?} is not on:\n{seen}");
        }
        assert_eq!(seen.contains(others), key == 'R', "{seen}");
    }
}

/// Records an action for a case on the account of the scenes, after all that is on record in them.
fn act(
    model: &mut Model,
    number: u64,
    (kind, case): (ActionKind, u64),
    then: Option<OutcomeState>,
) -> ActionId {
    let now = scene::now().utc;
    let aid = ActionId::from_parts(now, 900 + u128::from(number));
    let pid = PlanId::from_parts(now, 900 + u128::from(number));
    let mut bodies = vec![
        Body::ActionPlan {
            pid: pid.clone(),
            aid: aid.clone(),
            order: 0,
            kind: kind.key().to_owned(),
            case: scene::case_id(case),
            account: scene::account().id,
            login: scene::account().login,
            snapshot: serde_json::Value::Null,
            server_date: None,
            guards: Vec::new(),
            plan_hash: String::new(),
            expires: now,
        },
        Body::ActionConfirm {
            pid,
            aid: aid.clone(),
            how: "typed".to_owned(),
            plan_hash: String::new(),
            dry_run: false,
            operator: None,
        },
        Body::ActionIntent {
            aid: aid.clone(),
            attempt: 1,
            method: "POST".to_owned(),
            host: "okta.example".to_owned(),
            path: "/lifecycle".into(),
            body_sha256: String::new(),
            request_id: "r".to_owned(),
            server_date: Some(now),
            password_changed: None,
            valid_from: None,
            deadline: now,
        },
    ];
    bodies.extend(then.map(|state| ended(&aid, state)));
    for (body, n) in bodies.into_iter().zip(number * 10..) {
        put(model, n, body);
    }
    aid
}

fn ended(aid: &ActionId, state: OutcomeState) -> Body {
    Body::ActionOutcome {
        aid: aid.clone(),
        state,
        evidence: "read back".into(),
        seconds: Some(6),
    }
}

fn put(model: &mut Model, n: u64, body: Body) {
    let mut entry = scene::record(body);
    entry.n = n;
    model.ledger.apply(&entry);
    model.judge();
}

fn missing(model: &Model, target: &Target, text: &str) -> Vec<String> {
    let missing = report::missing(model, target, text);
    missing.iter().map(ToString::to_string).collect()
}

const MARA: &str = "mara.lind@acme.example";

#[test]
fn one_more_look_at_what_is_contained_overtakes_no_handover_and_another_end_does() {
    let mut model = scene::held(SIZE);
    let target = handover(&model);
    let text = report::compose(&model, &target);
    assert!(text.contains("watched last 2026-03-07 03:12:09Z"), "{text}");
    let account = scene::account().id;
    let watch = Watch {
        looked: Some(later(20).utc),
        good: later(20),
        fault: None,
    };
    let of = (account.clone(), WatchOf::Successes);
    model.watched.insert(of, watch);
    let anew = report::compose(&model, &target);
    assert!(anew.contains("watched last 2026-03-07 03:13:00Z"), "{anew}");
    assert_eq!(missing(&model, &target, &text), Vec::<String>::new());

    let set = HoldSet {
        case: target.case.clone(),
        account,
        login: scene::account().login,
        owner: "kim".into(),
        until: None,
        how: "kept".to_owned(),
        reason: Some("legal hold".into()),
    };
    put(&mut model, 50, Body::HoldSet(set));
    let now = missing(&model, &target, &text);
    let kept = format!("{MARA} stays contained until somebody decides: legal hold");
    let [held, silenced] = now.as_slice() else {
        panic!("{now:#?}")
    };
    assert!(
        held.ends_with(", until somebody decides, owner kim"),
        "{held}"
    );
    assert_eq!(*silenced, kept);
}

#[test]
fn what_came_of_the_actions_that_a_handover_names_overtakes_it() {
    let mut model = scene::open(SIZE);
    let target = handover(&model);
    let before = report::compose(&model, &target);
    let aid = act(&mut model, 7, (ActionKind::DisableAccount, 4812), None);
    let sent = "2026-03-07 03:12:40Z";
    let line = format!("disable account of {MARA}: requested, sent {sent}");
    let now = missing(&model, &target, &before);
    assert!(now.contains(&line), "{now:#?}");
    let text = report::compose(&model, &target);
    assert_eq!(missing(&model, &target, &text), Vec::<String>::new());

    put(&mut model, 90, ended(&aid, OutcomeState::NotEffective));
    let now = missing(&model, &target, &text);
    let line = format!("disable account of {MARA}: refuted, sent {sent}");
    let log = "the log of this host (jo at lap-b)";
    let none = format!("None is unfinished by {log}.");
    assert!(now.contains(&line) && now.contains(&none), "{now:#?}");
}

#[test]
fn what_overtakes_a_handover_is_listed_once_whatever_was_done_in_between() {
    let mut model = scene::open(SIZE);
    let target = handover(&model);
    let text = report::compose(&model, &target);
    let kinds = [
        ActionKind::DisableAccount,
        ActionKind::RevokeSessions,
        ActionKind::DisableAccount,
    ];
    for (kind, number) in kinds.into_iter().zip(7..) {
        act(&mut model, number, (kind, 4812), None);
    }
    let now = missing(&model, &target, &text);
    let line = format!("disable account of {MARA}: requested, sent 2026-03-07 03:12:40Z");
    let times = now.iter().filter(|one| **one == line).count();
    assert_eq!(times, 1, "{now:#?}");
}

#[test]
fn that_nothing_holds_the_account_any_more_overtakes_a_handover() {
    let mut model = scene::held(SIZE);
    let target = handover(&model);
    let text = report::compose(&model, &target);
    // For another case, without a watch after it.
    let of = (ActionKind::EnableAccount, 4790);
    act(&mut model, 7, of, Some(OutcomeState::Verified));
    let now = missing(&model, &target, &text);
    let log = "the log of this host (jo at lap-b)";
    for line in [
        format!("the account is not contained, by {log}"),
        format!("By {log} nothing was changed that would have to be undone."),
    ] {
        assert!(now.contains(&line), "{line:?} is not in {now:#?}");
    }
}

#[test]
fn an_account_that_is_held_for_a_case_is_handed_over_though_another_one_acted_on_it_since() {
    let mut model = scene::held(SIZE);
    let of = (ActionKind::DisableAccount, 4790);
    act(&mut model, 7, of, Some(OutcomeState::Rejected));
    let text = report::compose(&model, &handover(&model));
    assert!(!text.contains("nothing was changed"), "{text}");
    for part in [
        format!("\n- {MARA}: partly contained: "),
        format!("\n- {MARA} was disabled and may still be: key u plans to enable"),
    ] {
        assert!(text.contains(&part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_log_that_is_not_read_to_its_end_overtakes_what_a_handover_denies() {
    let mut model = scene::open(SIZE);
    let target = handover(&model);
    let text = report::compose(&model, &target);
    let none = "None is unfinished by the log of this host";
    assert!(text.contains(none), "{text}");
    // It is being read.
    let _ = update(&mut model, scene::now(), Message::Key(Chord::char('R')));
    assert!(model.log_unread.is_some());
    assert_eq!(missing(&model, &target, &text), Vec::<String>::new());
    let _ = update(&mut model, scene::now(), Message::CaughtUp(false));
    let why = "the log is not read to its end: what other consoles did may be missing";
    let line = format!("Not known: {why}.");
    assert_eq!(missing(&model, &target, &text), [line.as_str()]);
    let anew = report::compose(&model, &target);
    assert_eq!(anew.matches(&line).count(), 2, "{anew}");
    assert!(!anew.contains(none), "{anew}");
    let shift = report::shift(&model);
    let line = format!("There may be more: {why}.\n");
    assert!(shift.contains(&line), "{shift}");
}

#[test]
fn a_search_says_when_it_was_read_and_that_its_source_fails_since() {
    let mut model = scene::open(SIZE);
    let search = |model: &Model| {
        let facts = report::facts(model, &handover(model).case);
        facts
            .search
            .map(|line| line.to_string())
            .unwrap_or_default()
    };
    let read = " events of the last 72 h, as read at 2026-03-07 03:12:40Z";
    let said = search(&model);
    assert!(said.ends_with(read), "{said}");
    let open = model.open.as_mut().expect("a case is open");
    open.activity.fault = Some(Fault::new("elastic is away"));
    let said = search(&model);
    let fails = format!("{read}; since then the source fails: elastic is away");
    assert!(said.ends_with(&fails), "{said}");
}

#[test]
fn a_shift_says_of_its_cases_what_is_not_known() {
    type Break = fn(&mut Model);
    let broken: [(Break, &str); 4] = [
        (
            |model| model.operator.login = None,
            "Which cases are yours is not known: the case system did not say your login yet.\n",
        ),
        (
            |model| model.sources[0].fault = Some(Fault::new("503")),
            "Whether more cases are yours is not known: hive fails: 503.\n",
        ),
        (
            |model| model.queue.truncated = true,
            "Whether more cases are yours is not known: the case system has more cases than were read.\n",
        ),
        (
            |model| model.sources[0].bad_records = 2,
            "Whether more cases are yours is not known: cases of hive that could not be read: 2.\n",
        ),
    ];
    let read = "\nThe queue is as read at 2026-03-07 03:12:35Z.\n";
    let well = report::shift(&scene::queue(SIZE));
    assert!(
        well.contains(read) && well.contains("# case #4803"),
        "{well}"
    );
    assert!(!well.contains("is not known"), "{well}");
    for (breaks, says) in broken {
        let mut model = scene::queue(SIZE);
        breaks(&mut model);
        let text = report::shift(&model);
        assert!(text.contains(read) && text.contains(says), "{text}");
        assert!(!text.contains("No open case"), "{text}");
    }
}

#[test]
fn a_shift_of_a_console_that_heard_nothing_denies_no_case() {
    let text = report::shift(&scene::empty(SIZE));
    let line = "Which cases are yours is not known: \
                the case system did not say your login yet; hive did not answer yet.\n";
    assert!(text.contains(line), "{text}");
    assert!(!text.contains("No open case"), "{text}");
    assert!(!text.contains("as read at"), "{text}");
}
