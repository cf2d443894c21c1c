//! The checklist worked with keys alone, through the whole console: what is ticked, asked, waived and opened is on
//! record, and a console that is killed at any of these points finds all of it again.

use std::path::Path;

use quell::app::checklist::{self, CheckRow};
use quell::app::model::{Layer, Model};
use quell::domain::runbook::checklist::{ItemState, ItemView};
use quell::drill::Drill;

use crate::harness::app::{TestApp, company};

/// A runbook of our own for the case of the drill: a gate, a link, a loop, an input nobody knows, an unbound tool.
const MAIN: &str = "# Night shift\n\n## Inputs\n\n- `${USER_ID}`: who\n- `${FLOOR_KEY}`: which key opens the floor\n\n\
## Tools\n\n- `desk-mcp`: `page_guard`\n- `quell`: `revoke_sessions`\n\n\
## Phase 2: Identification\n\n\
1. **Walk the floor** as the guard does.\n\
2. **Look at the doors** by `doors.md`.\n\
3. **Are you sure?** Gate: a person confirms before anything is locked.\n\
4. **Page the guard** with `desk-mcp.page_guard` for `${USER_ID}`, token=abcdef.\n\
5. **End the sessions** with `quell.revoke_sessions`.\n\n\
## Phase 3: Containment\n\n1. **Lock the floor** within 10 minutes.\n2. **Turn the lights on** (optional).\n";
const DOORS: &str = "# Doors\n\n1. **Front door**: look at it.\n2. **Back door**: look at it, then go on with `night.md`.\n";

/// Writes the runbooks and makes `night.md` the default, so that no rule of ours chooses another.
fn books(folder: &Path, main: &str) -> impl FnOnce(String) -> String + use<> {
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("night.md"), main).expect("a file");
    std::fs::write(folder.join("doors.md"), DOORS).expect("a file");
    let folder = folder.display().to_string();
    move |text: String| {
        format!(
            "{text}\n[runbook]\nfolders = [{folder:?}]\ndefault = \"night.md\"\n\n[[runbook.rule]]\ntag = [\"*\"]\nuse = \"night.md\"\n"
        )
    }
}

async fn opened(drill: &Drill, state: &Path, main: &str) -> TestApp {
    let edit = books(&state.join("books"), main);
    std::fs::create_dir_all(state.join("state")).expect("a folder");
    let mut app = TestApp::start_with(
        drill,
        &state.join("state"),
        quell::store::audit::Ground::default(),
        edit,
    );
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
    app.until("the case is read and its runbook is on record", |model| {
        model.open.as_ref().is_some_and(|open| {
            open.the_account().is_some()
                && model
                    .casework
                    .case(&open.id)
                    .is_some_and(|work| work.runbook.is_some())
        })
    })
    .await;
    app.keys("3");
    app.sync().await;
    app
}

/// What is known of the step with this label in the shown list.
fn item(model: &Model, label: &str) -> ItemView {
    let state = checklist::state(model);
    let found = model
        .checklist
        .items()
        .find(|(_, step)| step.label.raw() == label);
    let (_, step) = found.unwrap_or_else(|| panic!("no step {label}"));
    state.of(&step.key).clone()
}

/// Moves the cursor to a row by keys.
async fn go(app: &mut TestApp, wanted: impl Fn(&Model, CheckRow) -> bool) {
    app.keys("g");
    let model = app.sync().await;
    let place = checklist::rows(&model)
        .into_iter()
        .position(|row| wanted(&model, row))
        .expect("the row is shown");
    app.keys(&"j".repeat(place));
    app.sync().await;
}

async fn go_to(app: &mut TestApp, label: &str) {
    go(app, |model, row| {
        checklist::step_at(model, row).is_some_and(|(_, step)| step.label.raw() == label)
    })
    .await;
}

async fn until_item(app: &mut TestApp, label: &str, holds: impl Fn(&ItemView) -> bool) -> Model {
    app.until(label, |model| {
        model
            .checklist
            .items()
            .any(|(_, step)| step.label.raw() == label)
            && holds(&item(model, label))
    })
    .await
}

fn done(view: &ItemView) -> bool {
    matches!(view.state, ItemState::Done { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_worked_with_keys_alone_and_survives_kills_and_edits() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = opened(&drill, state.path(), MAIN).await;
    assert_eq!(app.model().checklist.title.raw(), "Night shift");

    // A tick, a note, a skip with a reason; then the machine dies.
    go_to(&mut app, "Walk the floor").await;
    app.keys("<Enter>");
    until_item(&mut app, "Walk the floor", done).await;
    app.keys("Mall quiet<Enter>");
    until_item(&mut app, "Walk the floor", |view| view.notes.len() == 1).await;
    app.kill();
    let mut app = opened(&drill, state.path(), MAIN).await;
    let walked = item(&app.model(), "Walk the floor");
    assert!(done(&walked) && walked.notes.len() == 1);

    // The list of another runbook: opened, its loop refused, ticked; back on the same row with its progress.
    go_to(&mut app, "Look at the doors").await;
    app.keys("<Enter>");
    app.until("the doors are open", |model| {
        model.checklist.title.raw() == "Doors"
    })
    .await;
    go_to(&mut app, "Front door").await;
    app.keys("<Enter>");
    until_item(&mut app, "Front door", done).await;
    go_to(&mut app, "Back door").await;
    app.keys("<Enter>");
    let model = app.sync().await;
    let said = model.log.back().expect("a message").text.to_string();
    assert!(said.starts_with("a loop: night.md"), "{said}");
    app.kill();
    let mut app = opened(&drill, state.path(), MAIN).await;
    go_to(&mut app, "Look at the doors").await;
    let model = app.model();
    let (_, step) = checklist::selected(&model).expect("a step");
    let nested = checklist::nested(&model, step);
    assert_eq!(
        (nested[0].progress.settled(), nested[0].progress.total),
        (1, 2)
    );
    app.keys("o");
    app.until("the doors are open", |model| {
        model.checklist.title.raw() == "Doors"
    })
    .await;
    go_to(&mut app, "Back door").await;
    app.keys("<Space>");
    until_item(&mut app, "Back door", done).await;
    app.keys("<Esc>");
    let model = until_item(&mut app, "Look at the doors", done).await;
    let (_, step) = checklist::selected(&model).expect("the same row");
    assert_eq!(step.label.raw(), "Look at the doors");
    let ItemState::Done { evidence, .. } = item(&model, "Look at the doors").state else {
        panic!("it ticks itself");
    };
    assert_eq!(evidence.expect("by its list").raw(), "Doors 2/2");

    // The gate asks before what follows; no stops it, yes lets it go on. Nothing was planned before.
    go_to(&mut app, "End the sessions").await;
    app.keys("x");
    app.until("the gate asks", |model| {
        matches!(model.layers.last(), Some(Layer::Gate(_)))
    })
    .await;
    app.keys("<Enter>n");
    until_item(&mut app, "Are you sure?", |view| {
        matches!(view.state, ItemState::Stopped { .. })
    })
    .await;
    app.keys("x");
    app.until("it asks again", |model| {
        matches!(model.layers.last(), Some(Layer::Gate(_)))
    })
    .await;
    app.keys("y");
    until_item(&mut app, "Are you sure?", done).await;
    app.keys("x");
    app.until("the plan has its own dialog", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    // Keys of the first half second do not count there.
    app.clock.advance(std::time::Duration::from_secs(1));
    app.keys("<Esc>");
    app.sync().await;

    // An unbound tool is printed with its inputs and without its secret.
    go_to(&mut app, "Page the guard").await;
    app.keys("x");
    app.sync().await;
    let model = app.model();
    let Some(Layer::Reading { text, .. }) = model.layers.last() else {
        panic!("the manual way is shown");
    };
    assert!(
        text.as_str()
            .contains("desk-mcp.page_guard(USER_ID=mara.lind@acme.example)"),
        "{text}"
    );
    assert!(!text.as_str().contains("abcdef"), "{text}");
    app.keys("<Esc>");
    app.keys("-guard is ill<Enter>");
    until_item(&mut app, "Page the guard", |view| {
        matches!(&view.state, ItemState::Skipped { reason, .. } if reason.raw() == "guard is ill")
    })
    .await;

    // A mandatory step is open: closing needs a reason, and takes it to the record.
    app.keys("p");
    app.until("closing asks why", |model| {
        matches!(model.layers.last(), Some(Layer::Writing { .. }))
    })
    .await;
    app.keys("<Enter>");
    app.sync().await;
    assert!(app.model().layers.last().is_some(), "no reason, no closing");
    app.keys("shift ends<Enter>");
    let closed = |model: &Model| {
        let state = checklist::state(model);
        let section = &model.checklist.sections[0];
        state.closed(section).cloned()
    };
    app.until("the phase is closed", |model| closed(model).is_some())
        .await;
    app.kill();

    // The text is edited while nobody looks.
    let edited = MAIN
        .replace(
            "**Walk the floor** as the guard does.",
            "**Walk the floor** twice, with a torch.",
        )
        .replace(
            "4. **Page the guard** with `desk-mcp.page_guard` for `${USER_ID}`, token=abcdef.\n",
            "",
        );
    let app = opened(&drill, state.path(), &edited).await;
    let model = app.model();
    let closed = closed(&model).expect("the phase is closed still");
    assert_eq!(closed.waived.len(), 1);
    assert_eq!(
        closed
            .reason
            .as_ref()
            .map(quell::domain::text::Untrusted::raw),
        Some("shift ends")
    );
    let walked = item(&model, "Walk the floor");
    let said = walked.changed.expect("the text changed since");
    assert!(said.raw().contains("as the guard does"), "{}", said.raw());
    assert_eq!(walked.notes.len(), 1, "its note stays");
    assert!(done(&item(&model, "Look at the doors")));
    let gone = checklist::state(&model).gone;
    assert_eq!(gone.len(), 1, "what is deleted is listed");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_are_filled_from_the_case_and_what_is_missing_is_typed_in() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = opened(&drill, state.path(), MAIN).await;
    let value = |model: &Model, name: &str| {
        let inputs = checklist::inputs(model);
        let found = inputs.iter().find(|input| input.name.raw() == name);
        found.map(|input| (input.value.raw().to_owned(), input.is_missing()))
    };
    let model = app.model();
    assert_eq!(
        value(&model, "USER_ID"),
        Some(("mara.lind@acme.example".to_owned(), false))
    );
    assert_eq!(value(&model, "FLOOR_KEY"), Some((String::new(), true)));
    assert!(
        app.screen().contains("missing FLOOR_KEY"),
        "{}",
        app.screen()
    );
    app.keys("ij<Enter>K7<Enter>");
    app.until("it is on record", |model| {
        value(model, "FLOOR_KEY") == Some(("K7".to_owned(), false))
    })
    .await;
    app.kill();
    let app = opened(&drill, state.path(), MAIN).await;
    assert_eq!(
        value(&app.model(), "FLOOR_KEY"),
        Some(("K7".to_owned(), false))
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_runbook_is_chosen_by_hand_and_the_ticks_of_the_first_stay() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = opened(&drill, state.path(), MAIN).await;
    go_to(&mut app, "Walk the floor").await;
    app.keys("<Enter>");
    until_item(&mut app, "Walk the floor", done).await;
    app.keys("B");
    let model = app.sync().await;
    let Some(Layer::Runbooks { rows, cursor, .. }) = model.layers.last() else {
        panic!("the runbooks are listed");
    };
    assert_eq!(rows[*cursor].path.raw(), "night.md");
    assert!(
        rows[*cursor].why.as_str().starts_with("now: "),
        "{}",
        rows[*cursor].why
    );
    let to = rows
        .iter()
        .position(|row| row.path.raw() == "doors.md")
        .expect("it is listed");
    app.keys(&format!("{}<Enter>", "k".repeat(cursor - to)));
    app.until("the other is shown", |model| {
        model.checklist.title.raw() == "Doors"
    })
    .await;
    app.until("the choice is on record", |model| {
        let case = &model.open.as_ref().expect("a case").id;
        model
            .casework
            .case(case)
            .and_then(|work| work.runbook.as_ref())
            .is_some_and(|chosen| chosen.by_hand)
    })
    .await;
    app.kill();
    let mut app = opened(&drill, state.path(), MAIN).await;
    assert_eq!(
        app.model().checklist.title.raw(),
        "Doors",
        "the choice stays"
    );
    app.keys("B");
    let model = app.sync().await;
    let Some(Layer::Runbooks { rows, cursor, .. }) = model.layers.last() else {
        panic!("the runbooks are listed");
    };
    let back = rows
        .iter()
        .position(|row| row.path.raw() == "night.md")
        .expect("it is listed");
    app.keys(&format!("{}<Enter>", "j".repeat(back - cursor)));
    until_item(&mut app, "Walk the floor", done).await;
    app.end().await;
}
