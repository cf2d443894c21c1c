//! A disk that fills while somebody contains: nothing is sent without its intent, and the last word still fits; and a limit
//! on the size of files, which ends nothing.
//!
//! Each story of the disk is told twice: on a disk that only counts, and on a real one of 40 MiB, where root may mount it.
//! What is typed meanwhile is not lost either.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use quell::app::model::{Layer, Model};
use quell::domain::audit::{Body, OutcomeState};
use quell::domain::report::Target;
use quell::drill::Drill;
use quell::drill::wire::Server;
use quell::engine::probe::Probe;
use quell::store::audit::Ground;
use quell::store::drafts;
use tempfile::TempDir;

use crate::crash_matrix::{confirm, contain, finished};
use crate::documenting::{self, noting};
use crate::harness::app::{Setting, TestApp, company, records};
use crate::harness::disk::SmallDisk;
use crate::hold::comments;
use crate::truth::open_case;

const MIB: u64 = 1 << 20;

/// Something that can be filled.
#[derive(Clone)]
enum Room {
    Counted(SmallDisk),
    Mounted(Arc<Mount>),
}

/// A file system of 40 MiB in memory.
struct Mount(TempDir);

impl Drop for Mount {
    fn drop(&mut self) {
        // One that stays behind is only litter, and is told by the system.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

impl Room {
    /// Makes one; says that a test does not run where none can be mounted.
    fn new(mounted: bool, test: &str) -> Option<Self> {
        if !mounted {
            return Some(Self::Counted(SmallDisk::new(40 * MIB)));
        }
        let dir = tempfile::tempdir().expect("a directory");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=40m,mode=0700", "tmpfs"])
            .arg(dir.path())
            .output();
        if !mount.is_ok_and(|done| done.status.success()) {
            println!("not run: audit_full::{test} on a real disk (missing root)");
            return None;
        }
        Some(Self::Mounted(Arc::new(Mount(dir))))
    }

    fn ground(&self) -> Ground {
        match self {
            Self::Counted(disk) => disk.ground(),
            Self::Mounted(_) => Ground::default(),
        }
    }

    fn state(&self) -> (PathBuf, Option<TempDir>) {
        match self {
            Self::Counted(_) => {
                let dir = tempfile::tempdir().expect("a directory");
                (dir.path().to_owned(), Some(dir))
            }
            Self::Mounted(mount) => (mount.0.path().join("state"), None),
        }
    }

    /// Fills it up to so many bytes.
    fn leave(&self, free: u64) {
        match self {
            Self::Counted(disk) => disk.leave(free),
            Self::Mounted(mount) => {
                let path = mount.0.path().join("others");
                let mut others = File::create(path).expect("a file");
                let kept = if free == 0 { 0 } else { free };
                let block = [0_u8; 4096];
                loop {
                    let found = rustix::fs::statvfs(mount.0.path()).expect("it is there");
                    if found.f_bavail * found.f_frsize <= kept || others.write_all(&block).is_err()
                    {
                        break;
                    }
                }
            }
        }
    }

    /// Refuses the draft of a text, or takes it again; a real disk that is full does so by itself.
    fn refuse(&self, state: &Path, of: &Target, refused: bool) {
        if let Self::Counted(_) = self {
            // A folder where the next version of the draft is to be.
            let key = drafts::key(of);
            let path = state.join("draft").join(format!("{key}.new"));
            let done = if refused {
                fs::create_dir(path)
            } else {
                fs::remove_dir(path)
            };
            done.expect("the folder of the drafts is there");
        }
    }

    /// Takes away what others wrote.
    fn empty(&self) {
        match self {
            Self::Counted(disk) => disk.leave(1 << 40),
            Self::Mounted(mount) => {
                fs::remove_file(mount.0.path().join("others")).expect("it was written");
            }
        }
    }
}

/// Fills the disk to the last byte when the first request is about to leave.
struct Fill {
    room: Mutex<Option<Room>>,
}

#[async_trait]
impl Probe for Fill {
    async fn pass(&self, point: &str) {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if point == "send.before"
            && let Some(room) = room.take()
        {
            room.leave(0);
        }
    }
}

fn said(model: &Model, text: &str) -> bool {
    model
        .log
        .iter()
        .any(|line| line.text.as_str().contains(text))
}

/// Counts the requests that would change an account.
fn mutating(drill: &Drill) -> usize {
    let ledger = drill.ledger();
    let identity = Server::Identity.name();
    ledger
        .mutating()
        .iter()
        .filter(|request| request["server"] == identity)
        .count()
}

fn intact(state: &Path) {
    let mut out = Vec::new();
    let code = quell::cli::audit::verify(&state.join("audit"), false, &mut out);
    let told = String::from_utf8_lossy(&out);
    assert!(matches!(code, Ok(0 | 2)), "{told}");
}

async fn full_before_the_intent(mounted: bool) {
    let Some(room) = Room::new(mounted, "a_disk_that_fills_before_the_intent") else {
        return;
    };
    let (drill, (state, _dir)) = (company().await, room.state());
    quell::store::state::make_private(&state).expect("a directory");
    let mut app = TestApp::start_with(&drill, &state, room.ground(), |text| text);
    contain(&mut app).await;
    app.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    // 40 MiB are few: it is said before anything fails, once in words and all the time in the status line.
    let model = app
        .until("it warns", |model| model.audit_low.is_some())
        .await;
    if mounted {
        assert!(said(&model, "the disk of the audit log is nearly full: 3"));
    }
    assert!(app.screen().contains("audit disk low"), "{}", app.screen());

    room.leave(10 * MIB);
    confirm(&mut app).await;
    let model = app
        // The disk is also looked at by itself, so that the fault alone does not say that the plan has ended.
        .until("it is refused", |model| {
            model.audit_fault.is_some() && said(model, "stopped before ")
        })
        .await;
    assert!(said(
        &model,
        "no action will run: failed to record the start of an action: only "
    ));
    assert!(app.screen().contains("audit FAILED"), "{}", app.screen());
    assert_eq!(mutating(&drill), 0);
    let entries = records(&state);
    assert!(
        !entries
            .iter()
            .any(|entry| matches!(entry.body, Body::ActionIntent { .. }))
    );

    // With room again it says so by itself, and acts.
    room.empty();
    let model = app
        .until("it says so", |model| model.audit_fault.is_none())
        .await;
    assert!(said(&model, "the audit log can be written again"));
    app.keys("<Esc><Esc><Esc><Esc>cc");
    confirm(&mut app).await;
    app.until("contained", |model| drill_saw(&drill, 3) && finished(model))
        .await;
    app.end().await;
    intact(&state);
}

fn drill_saw(drill: &Drill, effects: usize) -> bool {
    let ledger = drill.ledger();
    ledger.targets("suspend").len() + ledger.targets("clear_sessions").len() == effects
}

async fn full_after_the_intent(mounted: bool) {
    let Some(room) = Room::new(mounted, "a_disk_that_fills_after_the_intent") else {
        return;
    };
    let (drill, (state, _dir)) = (company().await, room.state());
    quell::store::state::make_private(&state).expect("a directory");
    let probe = Fill {
        room: Mutex::new(Some(room.clone())),
    };
    let setting = Setting {
        ground: Ground {
            // Full of records too, so that the last word would go into a file that has no room yet.
            rotate_at: 14_000,
            ..room.ground()
        },
        probe: Arc::new(probe),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, &state, setting, |text| text);
    contain(&mut app).await;
    confirm(&mut app).await;
    let model = app
        .until("every action has its last word", |model| {
            let mut actions = model.ledger.actions().filter(|a| a.confirmed.is_some());
            model.audit_fault.is_some()
                && model.ledger.actions().next().is_some()
                && actions.all(|action| action.state.is_final())
        })
        .await;
    // One was on its way and is proven; the others were not begun.
    assert!(drill_saw(&drill, 1));
    assert_eq!(mutating(&drill), 1);
    assert!(said(&model, "no action will run"));
    let mut words: Vec<OutcomeState> = Vec::new();
    let mut intents = 0;
    for entry in records(&state) {
        match entry.body {
            Body::ActionOutcome { state, .. } => words.push(state),
            Body::ActionIntent { .. } => intents += 1,
            _ => {}
        }
    }
    words.sort_by_key(|word| *word != OutcomeState::Verified);
    let given_up = OutcomeState::Abandoned;
    assert_eq!(words, [OutcomeState::Verified, given_up, given_up]);
    assert_eq!(intents, 1);
    intact(&state);

    // With room again the case gets its comment, once.
    room.empty();
    app.until("documented", finished).await;
    assert_eq!(drill.ledger().targets("comment").len(), 1);
    app.end().await;
    intact(&state);
}

fn drafts_left(state: &Path) -> usize {
    let files = fs::read_dir(state.join("draft")).expect("the folder is there");
    files.count()
}

async fn full_under_a_note(mounted: bool) {
    let Some(room) = Room::new(mounted, "what_is_typed_on_a_full_disk") else {
        return;
    };
    let (drill, (state, _dir)) = (company().await, room.state());
    quell::store::state::make_private(&state).expect("a directory");
    let mut app = TestApp::start_with(&drill, &state, room.ground(), |text| text);
    open_case(&mut app).await;
    let case = app.model().open.map(|open| open.id);
    let note = Target::note(case.expect("it is open"));
    room.leave(0);
    room.refuse(&state, &note, true);
    app.keys("m").keys("called her");
    app.until("the disk refuses it", |model| {
        said(model, "failed to keep the draft on disk: ")
    })
    .await;
    app.keys("<Esc><Esc>");
    let model = app
        .until("it is said where the note is", |model| {
            said(model, "the note is kept in this console only, ")
        })
        .await;
    assert!(!said(&model, "the note is kept; "), "{:#?}", model.log);
    if mounted {
        assert_eq!(drafts_left(&state), 0, "half a draft is of no use");
    }
    app.keys("m");
    let back = |text: &'static str| move |model: &Model| noting(model).as_deref() == Some(text);
    app.until("it is back", back("called her")).await;
    app.keys(", it was not her<Ctrl-s>");
    let refused = "the note is neither recorded nor sent: ";
    let model = app
        .until("it is refused", |model| said(model, refused))
        .await;
    let mut log = model.log.iter();
    let line = log.find(|line| line.text.as_str().starts_with(refused));
    let hint = line.and_then(|line| line.hint.as_ref());
    assert!(
        hint.is_some_and(|hint| hint.as_str().starts_with("m brings it back")),
        "{hint:?}"
    );
    app.keys("q");
    app.until("quitting asks", |model| {
        matches!(model.layers.last(), Some(Layer::QuitAnyway))
    })
    .await;
    app.keys("n");

    room.empty();
    room.refuse(&state, &note, false);
    app.until("there is room", |model| model.audit_fault.is_none())
        .await;
    app.keys("m");
    let text = "called her, it was not her";
    app.until("all of it is back", back(text)).await;
    app.keys("<Ctrl-s>");
    app.until("it is in the case", |model| {
        said(model, "the note is in the case") && model.typed.is_empty()
    })
    .await;
    let there = comments(&drill).await;
    assert_eq!(there.iter().filter(|one| one.contains(text)).count(), 1);
    app.end().await;
    assert_eq!(drafts_left(&state), 0);
    intact(&state);
}

async fn full_under_a_report(mounted: bool) {
    let Some(room) = Room::new(mounted, "what_is_typed_on_a_full_disk") else {
        return;
    };
    let (drill, (state, _dir)) = (company().await, room.state());
    quell::store::state::make_private(&state).expect("a directory");
    let mut app = TestApp::start_with(&drill, &state, room.ground(), |text| text);
    open_case(&mut app).await;
    let (report, _) = documenting::open(&mut app, "Containment").await;
    app.keys("<Esc>");
    app.sync().await;
    room.leave(0);
    room.refuse(&state, &report, true);
    documenting::open(&mut app, "Containment").await;
    app.keys("<End><Enter>own words<Esc>");
    app.until("it is said where the text is", |model| {
        said(model, "what you typed is kept in this console only, ")
    })
    .await;
    let (_, text) = documenting::open(&mut app, "Containment").await;
    assert!(text.contains("own words"), "{text}");
    room.empty();
    room.refuse(&state, &report, false);
    app.keys("!<Esc>");
    app.until("it is on disk", |model| {
        let mut log = model.log.iter();
        log.any(|line| line.text.as_str().ends_with("left; what you typed is kept"))
    })
    .await;
    app.end().await;
    let mut app = TestApp::start_with(&drill, &state, room.ground(), |text| text);
    open_case(&mut app).await;
    let (_, text) = documenting::open(&mut app, "Containment").await;
    assert!(text.contains("own words") && text.contains('!'), "{text}");
    app.end().await;
    intact(&state);
}

/// By default the signal of the limit ends a process in the middle of a write, without a word.
#[test]
fn a_limit_on_the_size_of_files_ends_no_command_by_a_signal() {
    let dir = tempfile::tempdir().expect("a directory");
    let to = File::create(dir.path().join("keys")).expect("a file");
    let done = Command::new("sh")
        .args(["-c", "ulimit -f 0 && exec \"$0\" keys"])
        .arg(env!("CARGO_BIN_EXE_quell"))
        .stdout(to)
        .stderr(Stdio::piped())
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(70), "{:?}: {said}", done.status);
    assert!(said.contains("failed to print: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_before_the_intent_sends_nothing_and_says_why() {
    Box::pin(full_before_the_intent(false)).await;
    Box::pin(full_before_the_intent(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_after_the_intent_still_takes_the_last_word() {
    full_after_the_intent(false).await;
    full_after_the_intent(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_on_a_full_disk_is_not_lost_and_not_called_kept() {
    for mounted in [false, true] {
        Box::pin(full_under_a_note(mounted)).await;
        Box::pin(full_under_a_report(mounted)).await;
    }
}
