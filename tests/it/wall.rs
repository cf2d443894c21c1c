//! The wall beside a console and a drill: what it sees, what it asks for, and that nothing makes it write.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use quell::app::message::Message;
use quell::app::model::{Found, Layer, Load, Model};
use quell::app::wall::{Contained, News, Wall};
use quell::cli::compose;
use quell::cli::drill::write_config;
use quell::cli::wall::{Screen, show};
use quell::config::settings::Wall as Shown;
use quell::connect::capability::{ConnectError, Page};
use quell::connect::watching::{WatchedCases, Watching, watched};
use quell::domain::case::{Case, Comment, RecordFault};
use quell::domain::containment::state::ActionState;
use quell::domain::containment::told::Until;
use quell::domain::ids::{CaseId, ConnectionName};
use quell::drill::Drill;
use quell::engine::clock::{Clock, Pace};
use quell::engine::wall as behind;
use rustix::process::Signal;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::harness::app::{TestApp, TestClock, company, limits};
use crate::harness::pty::Pty;

const LOGIN: &str = "mara.lind@acme.example";
const PATIENCE: Duration = Duration::from_secs(60);

/// A screen that keeps the last wall it was asked to draw.
struct Kept(watch::Sender<Arc<Mutex<Wall>>>);

impl Screen for Kept {
    fn draw(&mut self, wall: &Wall) -> io::Result<()> {
        self.0.send_replace(Arc::new(Mutex::new(wall.clone())));
        Ok(())
    }
}

/// A wall in this process.
pub struct TestWall {
    keys: mpsc::UnboundedSender<Message>,
    seen: watch::Receiver<Arc<Mutex<Wall>>>,
    running: tokio::task::JoinHandle<Wall>,
}

impl TestWall {
    /// Starts a wall by a configuration that is there, with a log to look at.
    pub fn start(config: &Path, audit: PathBuf, pace: Pace) -> Self {
        Self::of(config, audit, pace, |watching| watching)
    }

    /// Starts a wall whose connections are changed before.
    fn of(
        config: &Path,
        audit: PathBuf,
        pace: Pace,
        change: impl FnOnce(Watching) -> Watching,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TestClock::default());
        let loaded = compose::load(Some(config)).unwrap_or_else(|f| panic!("{:?}", f.faults));
        let settings = Arc::new(watched(&loaded.settings));
        let (secrets, missing) = compose::secrets(&settings);
        assert_eq!(missing, []);
        let wall = Wall::new(
            &loaded.settings,
            Arc::clone(&settings),
            Shown::default(),
            clock.now(),
        );
        let (tell, news) = mpsc::channel(behind::QUEUE);
        let (keys, mut typed) = mpsc::unbounded_channel();
        let (send, seen) = watch::channel(Arc::new(Mutex::new(wall.clone())));
        let watching = change(Watching::build(&settings, secrets, &limits()));
        let running = tokio::spawn(async move {
            let tasks = behind::start(behind::Start {
                watching,
                settings,
                audit,
                news: tell,
                clock: Arc::clone(&clock),
                pace,
            });
            let terminal = futures::stream::poll_fn(move |cx| typed.poll_recv(cx)).boxed();
            let wall = show(wall, &mut Kept(send), terminal, news, clock.as_ref()).await;
            drop(tasks);
            wall
        });
        Self {
            keys,
            seen,
            running,
        }
    }

    /// Waits until the wall shows something.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Wall) -> bool) -> Wall {
        let locked = |seen: &Arc<Mutex<Wall>>| {
            let wall = seen.lock().unwrap_or_else(PoisonError::into_inner);
            wall.clone()
        };
        let waiting = self.seen.wait_for(|seen| holds(&locked(seen)));
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(seen)) => locked(&seen),
            other => panic!("never shown: {what} ({})", other.is_ok()),
        }
    }

    /// Ends the wall as a signal would.
    pub async fn end(self) -> Wall {
        self.keys.send(Message::Ended).expect("it runs");
        self.running.await.expect("it does not panic")
    }
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// What a wall may ask for beside GET: the whole list of the architecture.
fn is_on_the_list(request: &Value) -> bool {
    let text = |key: &str| request[key].as_str().unwrap_or_default();
    match (text("server"), text("method"), text("path")) {
        ("cases", "POST", path) => path == "/api/v1/query",
        ("siem", "POST", path) => {
            path == "/_search" || path.ends_with("/_pit") && path.matches('/').count() == 2
        }
        ("siem", "DELETE", path) => path == "/_pit",
        _ => false,
    }
}

pub(crate) fn not_on_the_list(drill: &Drill) -> Vec<Value> {
    let ledger = drill.ledger();
    let all = ledger.mutating().iter();
    all.filter(|request| !is_on_the_list(request))
        .cloned()
        .collect()
}

/// Every file below a folder with its size and when it was written.
fn files(dir: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            let (path, about) = (entry.path(), entry.metadata().expect("a file"));
            if about.is_dir() {
                open.push(path.clone());
            }
            let written = about.modified().expect("a time");
            found.insert(
                path,
                (if about.is_dir() { 0 } else { about.len() }, written),
            );
        }
    }
    found
}

/// Opens the live case in a console and contains the account.
async fn contain(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter><Enter>");
    app.until("account and activity are there", |model| {
        model.open.as_ref().is_some_and(|open| {
            matches!(&open.account, Load::Ready(Found::One(_), _)) && open.activity.ended.is_some()
        }) && !model.offers.is_empty()
    })
    .await;
    app.keys("cc");
    let dialog = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    app.until("the dialog is open", dialog).await;
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>y");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_walls_see_an_account_contained_one_by_the_log_and_one_by_the_case() {
    let (drill, state, elsewhere) = (company().await, place(), place());
    let mut app = TestApp::start(&drill, state.path());
    let config = write_config(elsewhere.path(), &drill).expect("it is written");
    let (here, there) = (state.path().join("audit"), elsewhere.path().join("audit"));
    let mut beside = TestWall::start(&config, here, Pace::scaled(0.02));
    let mut far = TestWall::start(&config, there, Pace::scaled(0.02));
    let wall = beside
        .until("the cases are counted", |wall| !wall.boards.is_empty())
        .await;
    let open = app
        .until("the queue is filled", |model| model.queue.heard)
        .await;
    assert_eq!(wall.rows().count(), open.queue.open_count());
    assert!(!wall.unclaimed().is_empty());

    contain(&mut app).await;
    let contained = |wall: &Wall| {
        let rows = wall.responses.contained(wall.now.utc);
        rows.iter().any(|row: &Contained| row.missing.is_none())
            && wall.responses.running(wall.now.utc).is_empty()
    };
    let by_log = beside.until("it is contained", contained).await;
    let by_case = far.until("the case says so", contained).await;
    for (wall, told) in [(&by_log, false), (&by_case, true)] {
        let rows = wall.responses.contained(wall.now.utc);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].login.raw(), rows[0].told), (LOGIN, told));
        assert!(matches!(rows[0].until, Until::At(_)));
        assert_eq!(wall.case_word(&rows[0].case).as_str(), "#14");
    }
    app.until("it is documented", |model| {
        model
            .ledger
            .actions()
            .all(|action| action.state == ActionState::Verified && action.comment.is_some())
    })
    .await;
    // Somebody else enables the account: the wall takes the word back from both.
    let order = serde_json::json!({"fault": "undone_by_others"});
    drill.fault(&order).expect("the fault is known");
    drill.advance(1);
    let taken_back = |wall: &Wall| {
        let rows = wall.responses.contained(wall.now.utc);
        rows.iter().all(|row: &Contained| row.missing.is_some())
    };
    beside.until("it is contained no more", taken_back).await;
    far.until("the case says so too", taken_back).await;
    app.end().await;
    beside.end().await;
    far.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_edited_is_not_told_as_certain() {
    let (drill, state) = (company().await, place());
    let mut app = TestApp::start(&drill, state.path());
    contain(&mut app).await;
    app.until("it is documented", |model| {
        let mut actions = model.ledger.actions().peekable();
        actions.peek().is_some()
            && actions.all(|one| one.state == ActionState::Verified && one.comment.is_some())
    })
    .await;
    app.end().await;
    let elsewhere = place();
    let config = write_config(elsewhere.path(), &drill).expect("it is written");
    let audit = state.path().join("audit");
    // Looked at anew after two seconds, so that the edit is seen while it runs.
    let mut wall = TestWall::start(&config, audit.clone(), Pace::scaled(0.002));
    let whole = wall
        .until("it is contained", |wall| contained(wall, LOGIN))
        .await;
    assert_eq!(whole.log_doubt, None);
    for file in files(&audit).into_keys() {
        let is_log = file.extension().is_some_and(|end| end == "jsonl");
        if is_log {
            let text = std::fs::read_to_string(&file).expect("it is text");
            let lines = text.split_inclusive('\n');
            let kept = lines.filter(|line| !line.contains(r#""type":"action.outcome""#));
            let kept: String = kept.collect();
            assert_ne!(kept, text, "something was taken out");
            std::fs::write(&file, kept).expect("it can be written");
        }
    }
    let doubted = wall
        .until("it is not certain", |wall| wall.log_doubt.is_some())
        .await;
    let said = doubted.log_doubt.expect("it was seen");
    assert!(said.what.as_str().contains("BROKEN"), "{said:?}");
    wall.end().await;
    // One that starts with the log as it is now says it as well.
    let mut wall = TestWall::start(&config, audit, Pace::scaled(0.02));
    wall.until("it is not certain", |wall| wall.log_doubt.is_some())
        .await;
    wall.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_system_that_fails_makes_old_data_that_says_so() {
    let (drill, state) = (company().await, place());
    let config = write_config(state.path(), &drill).expect("it is written");
    let mut wall = TestWall::start(&config, state.path().join("audit"), Pace::scaled(0.02));
    wall.until("the cases are counted", |wall| !wall.boards.is_empty())
        .await;
    let order = serde_json::json!({"server": "cases", "fault": "500", "rate": 1.0});
    drill.fault(&order).expect("the fault is known");
    let failing = wall
        .until("the source fails", |wall| {
            wall.sources.iter().any(|source| source.fault.is_some())
        })
        .await;
    assert!(failing.rows().count() > 0, "the old rows stay");
    drill
        .fault(&serde_json::json!({"server": "cases", "fault": "none"}))
        .expect("faults can be cleared");
    wall.until("it is well again", |wall| {
        wall.sources.iter().all(|source| source.fault.is_none())
    })
    .await;
    wall.end().await;
    assert_eq!(not_on_the_list(&drill), Vec::<Value>::new());
    assert_eq!(drill.ledger().effects(), []);
}

/// A case system without cases, whose comments are written by hand.
struct Desk {
    name: ConnectionName,
    page: Mutex<Page<(CaseId, Comment)>>,
}

impl Desk {
    fn new() -> Arc<Self> {
        let page = Page {
            items: Vec::new(),
            faults: Vec::new(),
            truncated: false,
        };
        Arc::new(Self {
            name: ConnectionName::parse("hive").expect("a name"),
            page: Mutex::new(page),
        })
    }

    fn page(&self) -> MutexGuard<'_, Page<(CaseId, Comment)>> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a comment say how an account stands.
    fn says(&self, account: &str, word: &str, at: DateTime<Utc>) {
        self.says_more(account, word, at, ("", ""));
    }

    /// Has a comment say it with what stands before and behind it.
    fn says_more(
        &self,
        account: &str,
        word: &str,
        at: DateTime<Utc>,
        (before, behind): (&str, &str),
    ) {
        let mut page = self.page();
        let message = format!(
            "{before}\nAccount: {account} (id {account} at okta)\nAccount is {word}.\n\nquell:01PLAN\n{behind}\n"
        );
        let comment = Comment {
            id: format!("~{}", page.items.len()).into(),
            author: "jo@acme.example".into(),
            at,
            message: message.into(),
            edited: false,
        };
        let case = CaseId::new(self.name.clone(), "~1");
        page.items.push((case, comment));
    }
}

#[async_trait]
impl WatchedCases for Desk {
    fn connection(&self) -> &ConnectionName {
        &self.name
    }

    async fn open_cases(&self, _: usize) -> Result<Page<Case>, ConnectError> {
        Ok(Page {
            items: Vec::new(),
            faults: Vec::new(),
            truncated: false,
        })
    }

    async fn comments_since(
        &self,
        since: DateTime<Utc>,
        _: usize,
    ) -> Result<Page<(CaseId, Comment)>, ConnectError> {
        let mut page = self.page().clone();
        page.items.retain(|(_, comment)| comment.at >= since);
        Ok(page)
    }
}

/// Starts a wall that has a desk and nothing else.
async fn before(desk: &Arc<Desk>, home: &Path) -> TestWall {
    let drill = company().await;
    let config = write_config(home, &drill).expect("it is written");
    let desk = Arc::clone(desk) as Arc<dyn WatchedCases>;
    let pace = Pace::scaled(0.002);
    TestWall::of(&config, home.join("audit"), pace, |_| Watching {
        cases: vec![desk],
        ..Watching::default()
    })
}

fn contained(wall: &Wall, login: &str) -> bool {
    let rows = wall.responses.contained(wall.now.utc);
    rows.iter().any(|row| row.login.raw() == login)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_dated_ahead_hides_nothing_that_is_said_after_it() {
    let (desk, home) = (Desk::new(), place());
    let mut wall = before(&desk, home.path()).await;
    desk.says("georg", "contained", Utc::now() + TimeDelta::hours(1));
    wall.until("it is contained", |wall| contained(wall, "georg"))
        .await;
    desk.says("georg", "not contained", Utc::now());
    wall.until("it is free", |wall| !contained(wall, "georg"))
        .await;
    desk.says("georg", "contained", Utc::now());
    wall.until("it is contained again", |wall| contained(wall, "georg"))
        .await;
    wall.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_is_shown_late_is_seen_and_what_cannot_be_read_fails() {
    let (desk, home) = (Desk::new(), place());
    let mut wall = before(&desk, home.path()).await;
    desk.says("first", "contained", Utc::now());
    wall.until("the newest is seen", |wall| contained(wall, "first"))
        .await;
    desk.says("late", "contained", Utc::now() - TimeDelta::seconds(90));
    wall.until("the late one is seen", |wall| contained(wall, "late"))
        .await;
    let is_well = |wall: &Wall| {
        let mut sources = wall.sources.iter();
        sources.any(|one| one.name.as_str() == "hive" && one.fault.is_none())
    };
    wall.until("the source is well", is_well).await;
    desk.page().faults.push(RecordFault {
        record: "~9".into(),
        reason: "field createdBy is missing".into(),
    });
    wall.until("it fails", |wall| !is_well(wall)).await;
    desk.page().faults.clear();
    wall.until("it is well again", is_well).await;
    wall.end().await;
}

/// Gives the row of an account: whether nothing is missing, and whether its case says otherwise.
fn row(wall: &Wall, login: &str) -> Option<(bool, bool)> {
    let rows = wall.responses.contained(wall.now.utc);
    let row = rows.iter().find(|row| row.login.raw() == login)?;
    Some((row.missing.is_none(), row.otherwise.is_some()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_two_hosts_count_the_same_in_whatever_order_they_are_shown() {
    const NONE_HOLDS: &str = "partly contained: no disabling from here holds";
    let (desk, home) = (Desk::new(), place());
    let mut wall = before(&desk, home.path()).await;
    let now = Utc::now();
    let ago = |seconds| now - TimeDelta::seconds(seconds);
    let word = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let act = |kind: &str, state: &str, at| format!("- {kind}: **{state}**, sent {}", word(at));
    let of = |log: &str| format!("audit {log} n=1 h=ab12");
    let (a, b) = (of("01A"), of("01B"));
    // One host contained it; the other one's plan was stale and sent nothing, and what it enabled was before.
    let disabled = act("disable account", "proven", ago(200));
    desk.says_more("georg", "contained", ago(190), (&disabled, &b));
    wall.until("it is contained", |wall| {
        row(wall, "georg") == Some((true, false))
    })
    .await;
    let stale = "- disable account: **abandoned**, not sent (the plan is stale)";
    desk.says_more("georg", NONE_HOLDS, ago(100), (stale, &a));
    desk.says_more("next", "contained", ago(95), (&disabled, &b));
    let seen = wall.until("more is told", |wall| contained(wall, "next"));
    assert_eq!(row(&seen.await, "georg"), Some((true, false)));
    let enabled = act("enable account", "proven", ago(195));
    desk.says_more("georg", "not contained", ago(90), (&enabled, &a));
    wall.until("it is doubted", |wall| {
        row(wall, "georg") == Some((true, true))
    })
    .await;
    // The enabling is shown first, the record of what was before it comes late and was not read again.
    let enabled = act("enable account", "proven", ago(80));
    desk.says_more("ida", "not contained", ago(75), (&enabled, &b));
    let late = format!(
        "The account could not be read at okta right before this; it read as disabled at {}.\n{disabled}",
        word(ago(180))
    );
    desk.says_more("ida", "contained", ago(20), (&late, &a));
    desk.says_more("last", "contained", ago(10), (&disabled, &b));
    let seen = wall.until("all is told", |wall| contained(wall, "last"));
    assert_eq!(row(&seen.await, "ida"), None);
    wall.end().await;
}

/// Random keys and pastes as bytes; not the two that quit, which would end the test early.
fn typed(dice: &mut fastrand::Rng, count: usize) -> Vec<u8> {
    const NAMED: [&[u8]; 12] = [
        b"\r", b"\t", b"\x1b[A", b"\x1b[B", b"\x1b[5~", b"\x1b[6~", b"\x7f", b"\x1b[Z", b"\x04",
        b"\x15", b"\x1bx", b"\x1a",
    ];
    let mut bytes = Vec::new();
    for _ in 0..count {
        match dice.u8(0..20) {
            0..4 => bytes.extend(NAMED[dice.usize(0..NAMED.len())]),
            4 => {
                bytes.extend(b"\x1b[200~");
                let text: String = (0..dice.usize(0..40))
                    .map(|_| dice.char(' '..='p'))
                    .collect();
                bytes.extend(text.bytes());
                bytes.extend(b"\x1b[201~");
            }
            _ => bytes.push(match dice.u8(32..127) {
                b'q' => b'y',
                other => other,
            }),
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_hundred_thousand_keys_and_pastes_write_nothing_anywhere() {
    let (drill, home) = (company().await, place());
    let config = write_config(home.path(), &drill).expect("it is written");
    let config = config.to_str().expect("a plain path").to_owned();
    let before = files(home.path());
    let dir = home.path().to_owned();
    let played = tokio::task::spawn_blocking(move || {
        let mut pty = Pty::start(&dir, &["--config", &config, "wall"], (120, 40));
        pty.until("the cases", |text| {
            text.contains("Unclaimed") && text.contains("SIEM ok")
        });
        let mut dice = fastrand::Rng::with_seed(5);
        for _ in 0..100 {
            let bytes = typed(&mut dice, 1_000);
            pty.keys(&String::from_utf8_lossy(&bytes));
        }
        // Pasted, the keys that quit are no keys.
        pty.settle();
        pty.keys("\x1b[200~quit: q\x03q\x1b[201~");
        // It is still there, and asks on.
        pty.resize((100, 30))
            .until("it draws", |text| text.contains("READ ONLY"));
        pty.keys("q");
        pty.end_restored()
    });
    let ended = played.await.expect("it was played");
    assert_eq!(ended.code, 0);
    assert_eq!(files(home.path()), before, "no file was made or changed");
    assert_eq!(not_on_the_list(&drill), Vec::<Value>::new());
    assert_eq!(drill.ledger().effects(), []);
    let asked = drill.ledger().mutating().len();
    assert!(asked > 4, "{asked} questions were seen");
    let identity = drill.ledger().to_json()["requests"]["counts"].to_string();
    assert!(!identity.contains("identity "), "{identity}");
}

/// A terminal holds 4 KiB for who reads slowly; whoever reads only when told of new bytes would never read the rest.
#[tokio::test(flavor = "multi_thread")]
async fn more_keys_at_once_than_a_terminal_holds_leave_the_last_one_heard() {
    let (drill, home) = (company().await, place());
    let config = write_config(home.path(), &drill).expect("it is written");
    let config = config.to_str().expect("a plain path").to_owned();
    let dir = home.path().to_owned();
    let played = tokio::task::spawn_blocking(move || {
        let mut pty = Pty::start(&dir, &["--config", &config, "wall"], (80, 24));
        pty.until("a frame", |text| text.contains("READ ONLY"));
        for _ in 0..8 {
            pty.keys(&"x".repeat(16_384));
        }
        pty.keys("q");
        pty.end_restored()
    });
    assert_eq!(played.await.expect("it was played").code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyboard_it_shows_and_ends_by_a_signal() {
    let (drill, home) = (company().await, place());
    let config = write_config(home.path(), &drill).expect("it is written");
    let program = env!("CARGO_BIN_EXE_quell");
    let line = |input: &str| {
        let config = config.to_str().expect("a plain path");
        format!("exec {program} --config {config} wall {input}")
    };
    for (input, signal) in [("</dev/null", Signal::TERM), ("<&-", Signal::HUP)] {
        let (dir, line) = (home.path().to_owned(), line(input));
        let played = tokio::task::spawn_blocking(move || {
            let mut pty = Pty::start_as(&dir, "/bin/sh", &["-c", &line], (80, 24));
            // The first frame is there before anything is heard; a case is only seen once signals are, too.
            pty.until("the cases", |text| {
                text.contains("Unclaimed") && text.contains("#14")
            });
            pty.signal(signal);
            pty.end_restored()
        });
        let ended = played.await.expect("it was played");
        assert_eq!(ended.code, 0, "{input}");
    }
}

#[test]
fn a_wall_without_a_terminal_or_a_drill_says_what_is_missing() {
    let home = place();
    let run = |arguments: &[&str]| {
        let told = Command::new(env!("CARGO_BIN_EXE_quell"))
            .args(arguments)
            .env("HOME", home.path())
            .env_remove("XDG_STATE_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .expect("quell starts");
        (
            told.status.code(),
            String::from_utf8_lossy(&told.stderr).into_owned(),
        )
    };
    let (code, said) = run(&["wall", "--drill"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("no drill to watch"), "{said}");
    assert!(said.contains("quell drill"), "{said}");
    let (code, said) = run(&["wall"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("no configuration"), "{said}");
}

/// The news a wall can get hold nothing that answers: the enum is matched whole, so a new arm has to be looked at here.
#[test]
fn a_wall_has_one_command() {
    let commands = quell::app::wall::KEYS.map(|(_, command)| command);
    assert!(
        commands
            .iter()
            .all(|command| matches!(command, quell::app::wall::Command::Quit))
    );
    let is_news = |news: &News| match news {
        News::Cases { .. }
        | News::Comments { .. }
        | News::Asked { .. }
        | News::Records(_)
        | News::Log(_)
        | News::LogWhole(_)
        | News::Terminal(_)
        | News::Tick => true,
    };
    assert!(is_news(&News::Tick));
}
