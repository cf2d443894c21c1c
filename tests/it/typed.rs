//! What was typed is not lost while the console runs, and is called kept only where it is: left on a disk that refuses it,
//! or posted into a log that does. Full disks are in `audit_full`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quell::app::checklist::{self, CheckRow};
use quell::app::effect::Effect;
use quell::app::keymap::Chord;
use quell::app::message::{Level, Message, Opened, Refused};
use quell::app::model::{Layer, Model};
use quell::app::unrecorded::Unrecorded;
use quell::app::update::update;
use quell::domain::fault::Fault;
use quell::domain::report::Target;
use quell::domain::text::Safe;
use rstest::rstest;

use crate::documenting;
use crate::harness::app::{TestApp, company};
use crate::harness::disk::breakable;
use crate::harness::screen::text;
use crate::scene;
use crate::truth::open_case;

const SIZE: (u16, u16) = (120, 40);
const ONLY_HERE: &str = "in this console only, it could not be saved on disk; ";

/// Presses keys: letters as they are, others as `<Enter>`; gives what the last of them led to.
fn keys(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        let named = rest
            .strip_prefix('<')
            .and_then(|after| after.split_once('>'))
            .and_then(|(name, after)| Chord::parse(name).ok().map(|chord| (chord, after)));
        let (chord, after) = named.unwrap_or_else(|| {
            let (_, after) = rest.split_at(first.len_utf8());
            (Chord::char(first), after)
        });
        effects = tell(model, Message::Key(chord));
        rest = after;
    }
    effects
}

fn tell(model: &mut Model, message: Message) -> Vec<Effect> {
    let now = model.now;
    update(model, now, message)
}

/// Gives the text of the editor on top.
fn editor(model: &Model) -> Option<String> {
    match model.layers.last() {
        Some(Layer::Writing { area, .. }) => Some(area.lines().join("\n")),
        _ => None,
    }
}

fn said(model: &Model, part: &str) -> bool {
    let mut log = model.log.iter();
    log.any(|line| line.text.as_str().contains(part))
}

/// Gives level, text and hint of the last message.
fn last(model: &Model) -> (Level, &str, &str) {
    let line = model.log.back().expect("something was said");
    let hint = line.hint.as_ref().map_or("", Safe::as_str);
    (line.level, line.text.as_str(), hint)
}

/// Answers that a draft is open, with what was left of it.
fn open_draft(model: &mut Model, target: &Target, left: Option<&str>) -> Vec<Effect> {
    let at = model.now.utc;
    let left = left.map(|text| (text.into(), at));
    let (target, result) = (target.clone(), Ok(Opened { left }));
    tell(model, Message::DraftOpened { target, result })
}

/// Opens a note of which nothing was left.
fn open_note(model: &mut Model) -> Target {
    let case = model.open.as_ref().map(|open| open.id.clone());
    let target = Target::note(case.expect("a case is open"));
    assert_eq!(keys(model, "m"), [Effect::OpenDraft(target.clone())]);
    open_draft(model, &target, None);
    target
}

fn saves(target: &Target, text: &str) -> Effect {
    Effect::SaveDraft {
        target: target.clone(),
        text: text.into(),
    }
}

/// Gives the number under which a text is being put on record.
fn number(effects: &[Effect]) -> u64 {
    let number = effects.iter().find_map(|effect| match effect {
        Effect::Written { number, .. } => Some(*number),
        _ => None,
    });
    number.unwrap_or_else(|| panic!("it waits for a word: {effects:?}"))
}

fn refuse(model: &mut Model, number: u64, what: &'static str) -> Vec<Effect> {
    let refused = Some(Refused::Failed(Fault::new(what)));
    tell(model, Message::Written { number, refused })
}

#[rstest]
#[case::on_disk(
    Ok(Some("call her")),
    Level::Info,
    "the note is kept; m brings it back",
    ""
)]
#[case::refused(
    Err("failed to keep the draft on disk: No space left"),
    Level::Warning,
    "the note is kept in this console only, it could not be saved on disk; m brings it back",
    "failed to keep the draft on disk: No space left"
)]
fn a_note_that_was_left_is_called_kept_only_once_the_disk_has_it(
    #[case] disk: Result<Option<&str>, &'static str>,
    #[case] level: Level,
    #[case] line: &str,
    #[case] hint: &str,
) {
    let mut model = scene::open(SIZE);
    let target = open_note(&mut model);
    let effects = keys(&mut model, "call her");
    assert_eq!(effects, [saves(&target, "call her")]);
    let effects = keys(&mut model, "<Esc><Esc>");
    assert_eq!(effects, [Effect::CloseDraft(target.clone())]);
    assert!(!said(&model, "the note is kept"), "nobody knows that yet");
    let result = disk.map(|text| text.map(Into::into)).map_err(Fault::new);
    let left = Message::DraftLeft {
        target: target.clone(),
        result,
    };
    assert_eq!(tell(&mut model, left), []);
    assert_eq!(last(&model), (level, line, hint));
    assert_eq!(model.typed.is_empty(), disk.is_ok());
    // What is only here is newer than what is on disk.
    if disk.is_err() {
        keys(&mut model, "m");
        assert_eq!(editor(&model).as_deref(), Some("call her"));
        let effects = open_draft(&mut model, &target, Some("call"));
        assert_eq!(effects, [saves(&target, "call her")]);
        assert_eq!(editor(&model).as_deref(), Some("call her"));
    }
}

#[test]
fn what_the_disk_has_of_an_earlier_moment_is_not_what_was_typed() {
    let mut model = scene::open(SIZE);
    let target = open_note(&mut model);
    keys(&mut model, "call her<Esc><Esc>");
    let result = Ok(Some("call".into()));
    tell(&mut model, Message::DraftLeft { target, result });
    assert!(!said(&model, "the note is kept"));
    assert!(!model.typed.is_empty());
}

#[test]
fn a_note_that_was_left_before_its_draft_was_open_goes_behind_what_is_there() {
    let mut model = scene::open(SIZE);
    let effects = keys(&mut model, "mnew");
    assert_eq!(effects, [], "it would take the place of what is there");
    let effects = keys(&mut model, "<Esc><Esc>");
    let [Effect::CloseDraft(target)] = effects.as_slice() else {
        panic!("it is left: {effects:?}")
    };
    let result = Err(Fault::new("the text was not open on disk"));
    let left = Message::DraftLeft {
        target: target.clone(),
        result,
    };
    tell(&mut model, left);
    assert!(said(&model, ONLY_HERE));
    let effects = open_draft(&mut model, target, Some("old"));
    let closes = Effect::CloseDraft(target.clone());
    assert_eq!(effects, [saves(target, "old\nnew"), closes]);
    let left = Message::DraftLeft {
        target: target.clone(),
        result: Ok(Some("old\nnew".into())),
    };
    tell(&mut model, left);
    assert_eq!(last(&model).1, "the note is kept; m brings it back");
    assert!(model.typed.is_empty());
}

#[test]
fn a_note_that_is_refused_is_brought_back_and_quitting_asks() {
    let mut model = scene::open(SIZE);
    let target = open_note(&mut model);
    let effects = keys(&mut model, "call her<Ctrl-s>");
    assert!(takes_draft(&effects));
    assert_eq!(editor(&model), None);
    let refused = "the note is neither recorded nor sent: no room";
    assert_eq!(refuse(&mut model, number(&effects), refused), []);
    assert_eq!(last(&model), (Level::Error, refused, "m brings it back"));
    keys(&mut model, "q");
    assert!(matches!(model.layers.last(), Some(Layer::QuitAnyway)));
    keys(&mut model, "nm");
    assert_eq!(editor(&model).as_deref(), Some("call her"));
    let effects = open_draft(&mut model, &target, Some("call"));
    assert_eq!(effects, [saves(&target, "call her")]);
    let (number, refused) = (number(&keys(&mut model, "<Ctrl-s>")), None);
    tell(&mut model, Message::Written { number, refused });
    keys(&mut model, "m");
    assert_eq!(editor(&model).as_deref(), Some(""), "it is on record");
    let effects = keys(&mut model, "<Esc>q");
    assert!(effects.contains(&Effect::Quit), "{effects:?}");
}

#[test]
fn of_a_note_that_may_be_on_record_nobody_is_told_that_it_is_not() {
    const WHAT: &str = "it is not known whether the note is on record: the disk is gone";
    let mut model = scene::open(SIZE);
    let target = open_note(&mut model);
    let effects = keys(&mut model, "call her<Ctrl-s>");
    let fault = Fault::new(WHAT).hint("look before you write it again");
    let number_of_it = number(&effects);
    let refused = Some(Refused::Unknown(fault));
    let message = Message::Written {
        number: number_of_it,
        refused,
    };
    assert_eq!(tell(&mut model, message), []);
    let hint = "m brings it back; look before you write it again";
    assert_eq!(last(&model), (Level::Error, WHAT, hint));
    keys(&mut model, "q");
    assert!(matches!(model.layers.last(), Some(Layer::QuitAnyway)));
    let screen = text(&model, SIZE);
    assert!(screen.contains("It is not known whether"), "{screen}");
    assert!(!screen.contains("Typed here and not on record"), "{screen}");
    // It is said once more on the terminal.
    let said = Unrecorded::of(&model).expect("nobody knows");
    assert_eq!(said.lines().count(), 1);
    // It is not lost where it is not on record; written again, the first may be there as well.
    keys(&mut model, "nm");
    assert_eq!(editor(&model).as_deref(), Some("call her"));
    open_draft(&mut model, &target, Some("call her"));
    let again = number(&keys(&mut model, "<Ctrl-s>"));
    refuse(&mut model, again, "nothing is written any more");
    assert!(model.typed.is_empty() && Unrecorded::of(&model).is_some());
    keys(&mut model, "m");
    open_draft(&mut model, &target, Some("call her"));
    let (number, refused) = (number(&keys(&mut model, "<Ctrl-s>")), None);
    tell(&mut model, Message::Written { number, refused });
    assert_eq!(Unrecorded::of(&model), None);
    let effects = keys(&mut model, "q");
    assert!(effects.contains(&Effect::Quit), "{effects:?}");
}

#[test]
fn a_note_that_is_refused_goes_before_the_one_that_is_being_typed() {
    let mut model = scene::open(SIZE);
    let target = open_note(&mut model);
    let one = number(&keys(&mut model, "one<Ctrl-s>"));
    keys(&mut model, "m");
    assert_eq!(editor(&model).as_deref(), Some(""), "it is not typed twice");
    keys(&mut model, "two");
    let effects = refuse(&mut model, one, "no room");
    assert_eq!(effects, [saves(&target, "one\ntwo")]);
    assert_eq!(editor(&model).as_deref(), Some("one\ntwo"));
}

/// Tells whether a note is posted with what is on disk of it.
fn takes_draft(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| match effect {
        Effect::Written { effect, .. } => {
            matches!(&**effect, Effect::PostNote { drafted: true, .. })
        }
        _ => false,
    })
}

#[test]
fn a_note_that_is_posted_before_its_draft_is_open_leaves_what_is_on_disk() {
    let mut model = scene::open(SIZE);
    let effects = keys(&mut model, "mnew<Ctrl-s>");
    let one = number(&effects);
    assert!(!takes_draft(&effects));
    let case = model.open.as_ref().map(|open| open.id.clone());
    let target = Target::note(case.expect("a case is open"));
    let effects = open_draft(&mut model, &target, Some("old"));
    assert_eq!(effects, [Effect::CloseDraft(target.clone())]);
    refuse(&mut model, one, "no room");
    keys(&mut model, "m");
    assert_eq!(editor(&model).as_deref(), Some("new"));
    let effects = open_draft(&mut model, &target, Some("old"));
    assert_eq!(effects, [saves(&target, "old\nnew")]);
    assert!(takes_draft(&keys(&mut model, "<Ctrl-s>")));
}

/// Opens the report of the phase that is worked on, of which nothing is on disk.
fn open_report(model: &mut Model) -> Target {
    keys(model, "d<Enter>");
    let Some(Layer::OpeningDraft { of }) = model.layers.last() else {
        panic!("it is being opened: {:?}", model.layers)
    };
    let target = (**of).clone();
    open_draft(model, &target, None);
    target
}

#[test]
fn a_report_that_is_refused_by_disk_or_log_is_brought_back() {
    let mut model = scene::open(SIZE);
    let target = open_report(&mut model);
    let composed = editor(&model).expect("it is open");
    keys(&mut model, "<Esc>");
    let title = target.subject.title();
    assert_eq!(last(&model).1, format!("{title}: left"));
    assert!(model.typed.is_empty(), "nothing was typed");

    open_report(&mut model);
    keys(&mut model, "x<Esc>");
    let what = "failed to keep the draft on disk: No space left";
    let left = Message::DraftLeft {
        target: target.clone(),
        result: Err(Fault::new(what)),
    };
    tell(&mut model, left);
    let line = format!("{title}: left; what you typed is kept {ONLY_HERE}d brings it back");
    assert_eq!(last(&model), (Level::Warning, line.as_str(), what));
    open_report(&mut model);
    let typed = format!("x{}", composed.trim_end());
    let is_back = |model: &Model| editor(model).is_some_and(|text| text.trim_end() == typed);
    assert!(is_back(&model), "{:?}", model.layers);

    let effects = keys(&mut model, "<Ctrl-s>y");
    let refused = "it is neither recorded nor posted: no room";
    refuse(&mut model, number(&effects), refused);
    assert_eq!(last(&model), (Level::Error, refused, "d brings it back"));
    open_report(&mut model);
    assert!(is_back(&model), "{:?}", model.layers);
}

/// Puts the cursor of the list on a step.
fn on_a_step(model: &mut Model) {
    let rows = checklist::rows(model);
    let is_step = |row: &CheckRow| matches!(row, CheckRow::Step(..));
    model.checklist_cursor = rows.iter().position(is_step).expect("a step is shown");
}

#[rstest]
#[case::snooze("1s<Enter>")]
#[case::monitor_only("cm")]
#[case::no_action("cn")]
#[case::event_by_hand("2+")]
#[case::note_on_a_step("3M")]
#[case::skipped_step("3-")]
#[case::not_applicable("30")]
fn what_the_log_refuses_is_in_its_editor_when_that_is_opened_again(#[case] open: &str) {
    let mut model = scene::open(SIZE);
    on_a_step(&mut model);
    keys(&mut model, open);
    assert_eq!(editor(&model).as_deref(), Some(""));
    let effects = keys(&mut model, "asked by phone<Enter>");
    assert_eq!(editor(&model), None);
    let refused = "what you typed is not recorded: no room";
    refuse(&mut model, number(&effects), refused);
    let (level, line, hint) = last(&model);
    assert_eq!((level, line), (Level::Error, refused));
    assert!(hint.ends_with("the same key brings it back"), "{hint}");
    keys(&mut model, open);
    assert_eq!(editor(&model).as_deref(), Some("asked by phone"));
    // Whoever gives it up does not get it again.
    keys(&mut model, "<Esc><Esc>");
    assert!(model.typed.is_empty());
    keys(&mut model, open);
    assert_eq!(editor(&model).as_deref(), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_and_a_note_on_a_step_that_the_log_refuses_come_back() {
    let drill = company().await;
    let state = tempfile::tempdir().expect("a temporary directory");
    let broken = Arc::new(AtomicBool::new(false));
    let mut app = TestApp::start_with(&drill, state.path(), breakable(&broken), |text| text);
    open_case(&mut app).await;
    documenting::open(&mut app, "Containment").await;
    app.keys("<End><Enter>own words");
    documenting::preview(&mut app).await;
    broken.store(true, Ordering::SeqCst);
    app.keys("y");
    // Its bytes are in the log, and the sync of them failed.
    let unknown = "it is not known whether Phase Containment is on record: ";
    let model = app.until("it is said", |model| said(model, unknown)).await;
    assert!(!said(&model, "neither recorded"), "{:#?}", model.log);
    let mut log = model.log.iter();
    let line = log.find(|line| line.text.as_str().contains(unknown));
    let hint = line.and_then(|line| line.hint.as_ref()).map(Safe::as_str);
    let then = "if it is on record, the next console posts it: look before you write it again";
    assert_eq!(hint, Some(format!("d brings it back; {then}").as_str()));
    let (_, text) = documenting::open(&mut app, "Containment").await;
    assert!(text.contains("own words"), "{text}");
    app.keys("<Esc>3g");
    let model = app.sync().await;
    let rows = checklist::rows(&model);
    let is_step = |row: &CheckRow| matches!(row, CheckRow::Step(..));
    let step = rows.iter().position(is_step).expect("a step is shown");
    app.keys(&"j".repeat(step)).keys("Mcalled her<Enter>");
    // Of this nothing is written any more.
    app.until("it is refused", |model| {
        said(model, "what you typed is not recorded: ")
    })
    .await;
    app.keys("M");
    app.until("it is back", |model| {
        editor(model).as_deref() == Some("called her")
    })
    .await;
    app.end().await;
    assert_eq!(drill.ledger().targets("comment").len(), 0);
}
