//! The real binary in a real terminal: the story, its bad ends, and the terminal given back.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use quell::domain::containment::confirm::DEAD_TIME;
use rstest::rstest;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::pty::Pty;
use crate::harness::screen::{emulated, emulated_box, masked_times};

const LOGIN: &str = "mara.lind@acme.example";

fn place() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn path(place: &TempDir) -> &str {
    place.path().to_str().expect("a plain path")
}

fn snapshot(name: &str, size: (u16, u16), text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("pty-{name}-{}x{}", size.0, size.1), masked_times(text));
    });
}

/// Opens the live case and waits until it can be acted on.
pub fn open_case(pty: &mut Pty) {
    pty.until("the queue", |text| {
        text.contains("CRITICAL #14") && text.contains("Okta ok")
    });
    pty.keys("/mara<Enter><Enter>");
    pty.until("the account and the finding", |text| {
        let found = |line: &str| line.contains("fail>success") && line.contains('!');
        text.contains("ACTIVE") && text.lines().any(found)
    });
}

/// Plans, waits out the dead time of the dialog (its keys are refused by time alone), types the name and confirms.
pub fn confirm(pty: &mut Pty, keys: &str) {
    pty.keys(keys).shows("type mara.lind@acme.example:");
    // It begins when the frame has left the program, which is a little after it is seen here.
    pty.pass(DEAD_TIME * 2);
    type_login(pty);
    pty.keys("<Tab>").shows(">contain<");
    // No hand presses the next key in the same instant.
    pty.pass(DEAD_TIME);
}

/// Types the login as a hand does: its end is not in one piece with its beginning.
pub fn type_login(pty: &mut Pty) {
    let (first, rest) = LOGIN.split_at(5);
    pty.keys(first).shows(&format!("type {LOGIN}: {first}"));
    // A fast console shows it before a hand could press the next key.
    pty.pass(DEAD_TIME);
    pty.keys(rest).shows("matches");
}

#[test]
fn slow_a_name_that_is_pasted_without_brackets_is_refused_and_typed_in_parts_it_confirms() {
    let state = place();
    let arguments = ["drill", "--state", path(&state), "--seed", "7"];
    let mut pty = Pty::start(state.path(), &arguments, (120, 40));
    open_case(&mut pty);
    pty.keys("cc").shows("type mara.lind@acme.example:");
    pty.pass(DEAD_TIME * 2);
    // All of it, and the keys that would confirm, in one write.
    pty.keys(&format!("{LOGIN}<Tab>y"));
    pty.shows("press y alone");
    pty.keys("<Tab>").shows(">cancel<");
    pty.keys(LOGIN).shows("it came all at once");
    type_login(&mut pty);
    pty.keys("<Tab>").shows(">contain<");
    pty.pass(DEAD_TIME);
    // A paste that happens to begin with the right letter.
    pty.keys("yes").shows("Esc cancels");
    pty.pass(DEAD_TIME);
    pty.keys("y").shows("─ Response ─");
    pty.shows("The account is contained.");
    pty.keys("<Esc>").until("the panes", |text| {
        !text.contains("─ Response ─") && text.contains("1 contained")
    });
    // Before that `q` asks: "not documented in the case".
    pty.shows("the response is documented in the case");
    pty.keys("q");
    assert_eq!(pty.end_restored().code, 0);
}

fn quell(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quell"))
        .args(arguments)
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_STATE_HOME")
        .output()
        .expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Finds the one segment of the one audit log below a directory.
fn segment(dir: &Path) -> PathBuf {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "jsonl") {
                found.push(path);
            }
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[rstest]
fn slow_the_story_in_a_terminal(#[values((80, 24), (120, 40))] size: (u16, u16)) {
    let state = place();
    let arguments = ["drill", "--state", path(&state), "--seed", "7"];
    let mut pty = Pty::start(state.path(), &arguments, size);
    pty.until("the queue", |text| {
        text.contains("CRITICAL #14") && text.contains("Okta ok")
    });
    pty.settle();
    snapshot("queue", size, &emulated(pty.screen()));
    open_case(&mut pty);
    confirm(&mut pty, "cc");
    pty.settle();
    snapshot("dialog", size, &emulated_box(pty.screen()));
    pty.keys("y").shows("─ Response ─");
    pty.shows("The account is contained.").shows("proven");
    pty.shows("the response is documented in the case");
    pty.keys("<Esc>").until("the panes", |text| {
        !text.contains("─ Response ─") && text.contains("DISABLED") && text.contains("1 contained")
    });
    pty.keys("q");
    let ended = pty.end_restored();
    assert_eq!(ended.code, 0);
    assert!(ended.text.contains("the attacker   out"), "{}", ended.text);

    let verify = ["audit", "verify", "--drill", "--state", path(&state)];
    let intact = quell(state.path(), &verify);
    assert_eq!(intact.status.code(), Some(0), "{}", said(&intact));
    assert!(said(&intact).contains("intact"), "{}", said(&intact));
    let log = segment(state.path());
    let mut bytes = std::fs::read(&log).expect("the log");
    let at = bytes
        .windows(9)
        .position(|part| part == b"mara.lind")
        .expect("it names her");
    bytes[at] = b'M';
    std::fs::write(&log, bytes).expect("it can be changed");
    let broken = quell(state.path(), &verify);
    assert_eq!(broken.status.code(), Some(1), "{}", said(&broken));
    assert!(said(&broken).contains("BROKEN"), "{}", said(&broken));
}

/// `quell drill --servers-only` and a console's configuration for it.
pub struct Served {
    child: Child,
    servers: Value,
    home: TempDir,
}

impl Served {
    pub fn start() -> Self {
        let home = place();
        let mut child = Command::new(env!("CARGO_BIN_EXE_quell"))
            .args(["drill", "--servers-only", "--seed", "7"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("one line");
        let servers: Value = serde_json::from_str(&line).expect("one JSON object");
        let served = Self {
            child,
            servers,
            home,
        };
        served.configure();
        served
    }

    fn text(&self, pointer: &str) -> &str {
        self.servers
            .pointer(pointer)
            .and_then(Value::as_str)
            .expect("a text")
    }

    fn configure(&self) {
        let mut text =
            "[environment]\nname = \"acme\"\nkind = \"drill\"\nmode = \"live\"\n".to_owned();
        for (name, server) in [("hive", "cases"), ("elastic", "siem"), ("okta", "identity")] {
            let token = self.home.path().join(name);
            write_private(&token, self.text(&format!("/{server}/token")));
            let users = "case_user = [{ observable = \"mail\" }, { field = \"user\" }]\n";
            let part = [
                format!("\n[[connection]]\nname = \"{name}\"\n"),
                format!("vendor = \"{}\"\n", self.text(&format!("/{server}/vendor"))),
                format!("url = \"{}\"\n", self.text(&format!("/{server}/url"))),
                format!("secret = {{ file = \"{}\" }}\n", token.display()),
            ];
            text.extend(part);
            text.push_str(if name == "hive" { users } else { "" });
        }
        write_private(&self.config(), &text);
    }

    fn config(&self) -> PathBuf {
        self.home.path().join("config.toml")
    }

    pub fn console(&self) -> Pty {
        let (config, state) = (self.config(), path(&self.home));
        let config = config.to_str().expect("a plain path");
        Pty::start(
            self.home.path(),
            &["--config", config, "--state", state],
            (80, 24),
        )
    }

    pub async fn fault(&self, order: Value) {
        let answer = client()
            .post(self.text("/faults_url"))
            .json(&order)
            .send()
            .await;
        assert!(answer.expect("an answer").status().is_success());
    }

    async fn ledger(&self) -> Value {
        let answer = client().get(self.text("/ledger_url")).send().await;
        answer.expect("an answer").json().await.expect("JSON")
    }

    /// Counts the requests to suspend an account and their effects.
    pub async fn suspended(&self) -> (usize, usize) {
        let ledger = self.ledger().await;
        let list = |pointer: &str| {
            ledger
                .pointer(pointer)
                .and_then(Value::as_array)
                .cloned()
                .expect("a list")
        };
        let asked = list("/requests/mutating")
            .iter()
            .filter(|one| {
                one["path"]
                    .as_str()
                    .is_some_and(|path| path.ends_with("/suspend"))
            })
            .count();
        let done = list("/effects")
            .iter()
            .filter(|one| one["kind"] == "suspend")
            .count();
        (asked, done)
    }

    async fn comments(&self) -> Vec<String> {
        let query =
            json!({"query": [{"_name": "getCase", "idOrName": "14"}, {"_name": "comments"}]});
        let answer: Value = client()
            .post(format!("{}/api/v1/query", self.text("/cases/url")))
            .bearer_auth(self.text("/cases/token"))
            .json(&query)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let all = answer.as_array().expect("a list");
        all.iter()
            .filter_map(|one| one["message"].as_str().map(str::to_owned))
            .collect()
    }

    pub fn records(&self) -> String {
        said(&quell(
            self.home.path(),
            &["audit", "show", "--state", path(&self.home)],
        ))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It runs until it is stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> reqwest::Client {
    // Another test of this process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_console_of_its_own_configuration_leaves_one_comment_in_the_case() {
    let served = Served::start();
    let mut pty = served.console();
    open_case(&mut pty);
    confirm(&mut pty, "ca");
    pty.keys("y")
        .shows("the response is documented in the case");
    pty.keys("<Esc>")
        .until("the panes", |text| !text.contains("─ Response ─"));
    pty.keys("q");
    assert_eq!(pty.end_restored().code, 0);
    assert_eq!(served.suspended().await, (1, 1));
    let comments = served.comments().await;
    let ours: Vec<_> = comments
        .iter()
        .filter(|text| text.contains("disable account: **proven**"))
        .collect();
    assert_eq!(ours.len(), 1, "{comments:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_killed_between_intent_and_answer_is_unfinished_first_and_read_back() {
    let served = Served::start();
    let mut pty = served.console();
    open_case(&mut pty);
    served
        .fault(json!({"server": "identity", "fault": "hang", "count": 1, "path": "suspend"}))
        .await;
    confirm(&mut pty, "ca");
    pty.keys("y").shows("request     POST");
    pty.signal(Signal::KILL);
    pty.end();

    let mut pty = served.console();
    pty.shows("─ Unfinished actions ─").shows("disable account");
    // What it says of the account can only come from reading it.
    pty.shows("status ACTIVE");
    pty.signal(Signal::TERM);
    assert_eq!(pty.end_restored().code, 0);
    let (asked, done) = served.suspended().await;
    assert!(asked <= 1 && done == 0, "never sent again: {asked} {done}");
    assert!(
        served.records().contains("action.adopt"),
        "{}",
        served.records()
    );
}

#[rstest]
#[case::hangup(Signal::HUP)]
#[case::terminate(Signal::TERM)]
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_signal_in_mid_action_waits_for_the_answer(#[case] signal: Signal) {
    let served = Served::start();
    let mut pty = served.console();
    open_case(&mut pty);
    served.fault(json!({"server": "identity", "fault": "latency", "ms": 2_000, "count": 1, "path": "suspend"})).await;
    confirm(&mut pty, "ca");
    pty.keys("y").shows("request     POST");
    pty.signal(signal);
    assert_eq!(pty.end_restored().code, 0);
    assert_eq!(served.suspended().await, (1, 1));
    assert!(
        served.records().contains("action.ack"),
        "{}",
        served.records()
    );
}

/// What the provider answers is on record nowhere, and the dialog that said so is gone with the screen.
#[tokio::test(flavor = "multi_thread")]
async fn slow_who_quits_while_the_log_fails_is_told_once_more_what_to_note() {
    let served = Served::start();
    let mut pty = served.console();
    open_case(&mut pty);
    served.fault(json!({"server": "identity", "fault": "latency", "ms": 2_000, "count": 1, "path": "suspend"})).await;
    confirm(&mut pty, "ca");
    pty.keys("y").shows("request     POST");
    let log = std::fs::metadata(segment(served.home.path())).expect("the log");
    pty.limit_files(Some(log.len()));
    pty.shows("audit FAILED");
    pty.keys("<Esc>")
        .until("the panes", |text| !text.contains("─ Response ─"));
    pty.keys("q").shows("does not find. Note the accounts");
    pty.keys("y");
    let ended = pty.end_restored();
    assert_eq!(ended.code, 0);
    let line = format!("- disable account of {LOGIN} (requested)");
    assert!(ended.text.contains(&line), "{}", ended.text);
}

/// Its text is on record, what promises it is not: what is left of it is no part of what is typed next.
#[tokio::test(flavor = "multi_thread")]
async fn slow_what_is_left_of_a_note_that_was_cut_off_comes_into_no_other() {
    let served = Served::start();
    let mut pty = served.console();
    open_case(&mut pty);
    pty.keys("m").shows("─ Note");
    pty.keys("she travels").shows("she travels");
    let log = std::fs::metadata(segment(served.home.path())).expect("the log");
    // More than the text takes, less than text and promise.
    pty.limit_files(Some(log.len() + 750));
    pty.keys("<Ctrl-s>").shows("audit FAILED");
    pty.limit_files(None);
    pty.keys("m").shows("she travels");
    pty.keys(" not").shows("she travels not");
    pty.keys("<Ctrl-s>").shows("the note is in the case");
    pty.keys("q");
    assert_eq!(pty.end_restored().code, 0);
    let written = |text: &str| {
        let records = served.records();
        records.lines().filter(|line| line.contains(text)).count()
    };
    assert_eq!(written(" note      "), 2, "{}", served.records());
    let comments = served.comments().await;
    let ours: Vec<_> = comments
        .iter()
        .filter(|text| text.contains("she travels"))
        .collect();
    assert_eq!(ours.len(), 1, "{comments:#?}");
    assert!(ours[0].starts_with("she travels not\n"), "{ours:?}");
}

/// By default the signal of the limit (SIGXFSZ) ends the process in the middle of a frame and leaves the terminal raw.
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_limit_on_the_size_of_files_is_said_and_nothing_is_sent() {
    let served = Served::start();
    let mut pty = served.console();
    open_case(&mut pty);
    confirm(&mut pty, "ca");
    let log = std::fs::metadata(segment(served.home.path())).expect("the log");
    pty.limit_files(Some(log.len()));
    pty.keys("y").shows("audit FAILED");
    // It goes on, and ends as it is told to.
    pty.signal(Signal::TERM);
    assert_eq!(pty.end_restored().code, 0);
    assert_eq!(served.suspended().await, (0, 0));
    // The next one goes on with the log.
    let mut pty = served.console();
    pty.until("the queue", |text| {
        text.contains("CRITICAL #14") && !text.contains("audit FAILED")
    });
    pty.signal(Signal::TERM);
    assert_eq!(pty.end_restored().code, 0);
}

/// What the log holds already is more than the limit lets a file be.
#[test]
fn slow_a_limit_that_is_met_at_the_start_is_said_and_the_terminal_given_back() {
    let served = Served::start();
    let mut first = served.console();
    first.shows("CRITICAL #14");
    first.signal(Signal::TERM);
    assert_eq!(first.end_restored().code, 0);
    let config = served.config();
    let (config, state) = (config.to_str().expect("a plain path"), path(&served.home));
    let program = env!("CARGO_BIN_EXE_quell");
    let line = format!("ulimit -f 0; exec {program} --config {config} --state {state}");
    let pty = Pty::start_as(served.home.path(), "sh", &["-c", &line], (80, 24));
    let ended = pty.end_restored();
    assert_eq!(ended.code, 3, "{}", ended.text);
    assert!(ended.text.contains("failed to "), "{}", ended.text);
}

#[test]
fn a_tiny_terminal_says_so_and_a_storm_of_sizes_does_no_harm() {
    let state = place();
    let mut pty = Pty::start(state.path(), &["drill", "--state", path(&state)], (20, 5));
    pty.shows("quell needs");
    assert_eq!(pty.screen().contents().trim().lines().count(), 1);
    for size in [
        (1, 1),
        (300, 100),
        (2, 50),
        (61, 15),
        (300, 1),
        (1, 100),
        (59, 14),
        (200, 60),
        (1, 1),
    ] {
        pty.resize(size).keys("j");
    }
    pty.resize((80, 24))
        .keys("k")
        .shows("─ 1 Cases ─")
        .shows("CRITICAL #14");
    // In raw mode it is a key like any other.
    pty.keys("<Ctrl-c>?").shows("Esc");
    pty.keys("<Esc>").shows("CRITICAL #14");
    pty.signal(Signal::TERM);
    assert_eq!(pty.end_restored().code, 0);
}

/// A shell with job control that runs the drill and then what is typed.
#[cfg(target_os = "linux")]
fn drill_in_a_shell(state: &TempDir) -> Pty {
    let script = format!(
        "set -m; '{}' drill --state '{}'; while read -r line; do eval \"$line\"; done",
        env!("CARGO_BIN_EXE_quell"),
        path(state)
    );
    Pty::start_as(state.path(), "sh", &["-c", &script], (80, 24))
}

#[cfg(target_os = "linux")]
#[test]
fn suspended_it_gives_the_terminal_back_and_comes_back_whole() {
    let state = place();
    let mut pty = drill_in_a_shell(&state);
    pty.shows("CRITICAL #14");
    let quell = pty.foreground();
    pty.keys("<Ctrl-z>");
    assert!(pty.until_stopped(quell), "the terminal is the shell's");
    pty.keys("fg<Enter>").shows("CRITICAL #14");
    // From outside it is the same, and also with a dialog open.
    pty.keys("?").shows("Esc");
    Pty::signal_to(quell, Signal::TSTP);
    assert!(pty.until_stopped(quell), "the terminal is the shell's");
    pty.keys("fg<Enter>").shows("Esc");
    pty.keys("<Esc>").shows("CRITICAL #14");
    Pty::signal_to(quell, Signal::TERM);
    pty.shows("check the log").keys("exit<Enter>");
    assert_eq!(pty.end_restored().code, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn where_no_shell_waits_it_is_not_suspended() {
    let state = place();
    // The first process of its session, as under a forced command.
    let mut pty = Pty::start(state.path(), &["drill", "--state", path(&state)], (120, 40));
    pty.shows("CRITICAL #14").keys("<Ctrl-z>");
    pty.shows("not suspended: no shell waits");
    pty.keys("?").shows("─ Keys ─").keys("<Esc>");
    pty.until("the help is gone", |text| !text.contains("─ Keys ─"));
    pty.signal(Signal::TSTP);
    pty.keys("!").until("it was said twice", |text| {
        text.matches("not suspended: no shell waits").count() >= 2
    });
    pty.signal(Signal::TERM);
    assert_eq!(pty.end_restored().code, 0);
}

fn times(raw: &[u8], part: &str) -> usize {
    let parts = raw.windows(part.len());
    parts.filter(|one| *one == part.as_bytes()).count()
}

#[test]
fn a_terminal_that_says_so_gets_long_frames_whole_and_its_answer_is_no_key() {
    let state = place();
    let mut pty = Pty::start(state.path(), &["drill", "--state", path(&state)], (120, 40));
    pty.shows("CRITICAL #14").keys("z").shows("z").settle();
    assert_eq!(times(pty.raw(), "\x1b[?2026$p"), 1, "it is asked once");
    assert_eq!(times(pty.raw(), "\x1b[?2026h"), 0, "it has not answered");
    // The answer comes late, in two parts, in the middle of a word.
    pty.keys("z/ma").shows("/ma").keys("<Esc>[?2026");
    pty.pass(DEAD_TIME);
    pty.keys(";2$yra").shows("/mara");
    pty.keys("<Enter><Esc>z").settle();
    pty.keys("z").settle();
    let (begun, ended) = (
        times(pty.raw(), "\x1b[?2026h"),
        times(pty.raw(), "\x1b[?2026l"),
    );
    assert!(begun > 0, "long frames are whole");
    assert_eq!(begun, ended);
    // A frame of a few bytes needs no more of them.
    pty.keys("j").settle();
    assert_eq!(times(pty.raw(), "\x1b[?2026h"), begun);
    pty.signal(Signal::TERM);
    assert_eq!(pty.end_restored().code, 0);
}

#[test]
fn the_command_line_says_what_is_missing_or_wrong() {
    let home = place();
    let none = quell(home.path(), &[]);
    assert_eq!(none.status.code(), Some(3));
    assert!(
        said(&none).contains("\nhint: ") && said(&none).contains("`quell drill`"),
        "{}",
        said(&none)
    );
    assert_eq!(quell(home.path(), &["--nonsense"]).status.code(), Some(64));
    assert_eq!(
        quell(home.path(), &["drill", "--pace", "0"]).status.code(),
        Some(64)
    );
    let piped = quell(home.path(), &["drill", "--state", path(&home)]);
    assert_eq!(piped.status.code(), Some(3), "{}", said(&piped));
}
