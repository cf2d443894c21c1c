//! Every system call of one contained action on the log's files fails or kills, one at a time, and nothing is lost.
//!
//! One run under strace counts the calls; then the console runs once more for each call and each way to fail, with
//! strace failing exactly that call. A second console picks up what is left. The oracle is the servers' ledger and the
//! bytes that the kernel had taken. The long form is `sh tests/strace-matrix.sh`.
//!
//! The log renames nothing: a segment has its name from its first byte on. The file with its head beside it is renamed into
//! its place, and that is failed too: the head then is an older one. Drafts are renamed as well, and none is written on the
//! way of this action.
//!
//! A point is met when the call came and was failed. Threads take turns, so a call that a thread made for the fortieth time
//! in the run that counted may be its thirtieth in the next: such a point is not met, and is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use quell::domain::ids::LogId;
use quell::drill::Drill;
use quell::store::audit::{Disk, Free, Ground, HEAD, RealDisk};

use crate::audit_agree::python;
use crate::crash_matrix::{confirm, contain, finished, judge};
use crate::harness::app::{Setting, TestApp, company};

/// State of the console that is started under strace.
const STATE: &str = "QUELL_TEST_STRACE_STATE";
/// Which part of the matrix is run: `K/N` takes the points whose number is K of N; absent for a sample.
const PART: &str = "QUELL_STRACE";

/// Calls that are made to fail on files of the log only; their counts would mean nothing among all the others.
const ON_THE_LOG: [&str; 5] = ["write", "statx", "lseek", "pread64", "read"];
/// Calls that only the store makes, or so few others that all are taken.
const ANYWHERE: [&str; 9] = [
    "fdatasync",
    "fsync",
    "flock",
    "openat",
    "fchmod",
    "fallocate",
    "unlink",
    "rename",
    "mkdir",
];
const HOW: [&str; 3] = [KILL, "error=EIO", "error=ENOSPC"];
const KILL: &str = "signal=KILL";

/// The least of the points of a part that must be met in each way, in percent.
const MET: usize = 55;

/// Longest time a console under strace may take; a call that failed may leave it waiting.
const CHILD: Duration = Duration::from_secs(12);

/// A disk that writes down, in a file of its own, every line that the kernel took whole.
struct Noting {
    notes: File,
}

impl Disk for Noting {
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let taken = RealDisk.write(file, bytes)?;
        if taken == bytes.len() {
            // Not `write`: that one is counted on the log's files, and this is none of them.
            let at = self.notes.metadata()?.len();
            std::os::unix::fs::FileExt::write_all_at(&self.notes, bytes, at)?;
        }
        Ok(taken)
    }

    fn sync_data(&mut self, file: &File) -> io::Result<()> {
        RealDisk.sync_data(file)
    }

    fn sync_all(&mut self, file: &File) -> io::Result<()> {
        RealDisk.sync_all(file)
    }

    fn try_lock(&mut self, file: &File) -> Result<(), TryLockError> {
        RealDisk.try_lock(file)
    }

    fn free(&mut self, path: &Path) -> io::Result<Free> {
        RealDisk.free(path)
    }

    fn reserve(&mut self, file: &File, from: u64, len: u64) -> io::Result<()> {
        RealDisk.reserve(file, from, len)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the console that the strace matrix starts"]
async fn console() {
    let Some(state) = std::env::var_os(STATE).map(PathBuf::from) else {
        return;
    };
    // The one way out of a console that a failed call left waiting.
    std::thread::spawn(|| {
        std::thread::park_timeout(CHILD);
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)
            .expect("it runs");
    });
    let notes = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(state.join("notes"))
        .expect("the notes can be made");
    let setting = Setting {
        ground: Ground {
            disk: Box::new(Noting { notes }),
            rotate_at: 9_000,
            ..Ground::default()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_from(&state.join("config.toml"), &state, setting);
    contain(&mut app).await;
    confirm(&mut app).await;
    app.until("it ended, or the log failed", |model| {
        let any = model.ledger.actions().next().is_some();
        (any && finished(model)) || model.audit_fault.is_some()
    })
    .await;
    app.end().await;
}

/// One call of one thread that fails in one way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    call: &'static str,
    nth: usize,
    how: &'static str,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.call, self.nth, self.how)
    }
}

/// A company and a state directory in which the first file of the log has a known name.
struct Scene {
    drill: Drill,
    state: tempfile::TempDir,
    log: LogId,
}

impl Scene {
    async fn new() -> Self {
        let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
        quell::cli::drill::write_config(state.path(), &drill).expect("a configuration");
        // The file of a maker that died before its first record: the next console takes it.
        let log = LogId::from_parts(chrono::Utc::now(), 1);
        let scene = Self { drill, state, log };
        quell::store::state::make_private(&scene.audit()).expect("a directory");
        File::create(scene.segment(1)).expect("a file");
        scene
    }

    fn audit(&self) -> PathBuf {
        self.state.path().join("audit")
    }

    fn segment(&self, number: u32) -> PathBuf {
        self.audit()
            .join(format!("audit-{}-{number}.jsonl", self.log))
    }

    /// Runs the console under strace; gives what strace saw, thread by thread in their order.
    fn trace(
        &self,
        calls: &[&str],
        on_the_log: bool,
        point: Option<&Point>,
    ) -> (ExitStatus, Vec<String>) {
        let out = self.state.path().join("trace");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-y", "-o"]).arg(&out);
        // Much faster, but strace 6.1 sends no signal then.
        if point.is_none_or(|point| point.how != KILL) {
            strace.arg("--seccomp-bpf");
        }
        strace.args(["-e", &format!("trace={}", calls.join(","))]);
        if on_the_log {
            strace.arg("-P").arg(self.audit());
            strace.arg("-P").arg(self.audit().join("audit.lock"));
            for number in 1..10 {
                strace.arg("-P").arg(self.segment(number));
            }
        }
        if let Some(Point { call, nth, how }) = point {
            strace.args(["-e", &format!("inject={call}:{how}:when={nth}")]);
        }
        strace.arg(std::env::current_exe().expect("this binary"));
        strace.args(["audit_strace::console", "--exact", "--ignored"]);
        let status = strace
            .env(STATE, self.state.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("strace runs");
        assert!(
            point.is_some() || status.success(),
            "without a fault: {status}"
        );
        let text = fs::read(&out).expect("what strace saw");
        let text = String::from_utf8_lossy(&text).into_owned();
        (status, text.lines().map(str::to_owned).collect())
    }
}

/// Gives the call of a line of strace's, its thread, and whether it is about a file of the state directory.
fn parse<'a>(line: &'a str, state: &str) -> Option<(&'a str, &'a str, bool)> {
    let (thread, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    // The second half of a call that another thread interrupted is no call of its own.
    if rest.starts_with('<') || rest.starts_with('+') || rest.starts_with('-') {
        return None;
    }
    Some((rest.split_once('(')?.0, thread, line.contains(state)))
}

/// Counts the calls on files of the state: each point once, though each thread counts for itself.
async fn points() -> Vec<Point> {
    let mut places: BTreeSet<(&'static str, usize)> = BTreeSet::new();
    for (calls, on_the_log) in [(&ON_THE_LOG[..], true), (&ANYWHERE[..], false)] {
        let scene = Scene::new().await;
        let (_, lines) = tokio::task::block_in_place(|| scene.trace(calls, on_the_log, None));
        let state = scene.audit();
        let state = state.parent().and_then(Path::to_str).expect("a plain path");
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in &lines {
            let Some((call, thread, ours)) = parse(line, state) else {
                continue;
            };
            let count = counts.entry((thread.into(), call.into())).or_default();
            *count += 1;
            let call = calls.iter().find(|known| **known == call);
            if let (Some(call), true) = (call, ours && !line.contains("/trace")) {
                places.insert((call, *count));
            }
        }
    }
    let mut points = Vec::new();
    for (call, nth) in places {
        points.extend(HOW.map(|how| Point { call, nth, how }));
    }
    points
}

/// Fails one call, lets a second console pick up what is left, and judges; tells whether the fault was met.
async fn fail_at(point: &Point) -> bool {
    let scene = Scene::new().await;
    let on_the_log = ON_THE_LOG.contains(&point.call);
    let (status, lines) =
        tokio::task::block_in_place(|| scene.trace(&[point.call], on_the_log, Some(point)));
    // strace ends as what it traced did.
    let met = status.signal() == Some(9) || lines.iter().any(|line| line.contains("(INJECTED)"));
    let state = scene.state.path();
    let mut app = TestApp::start(&scene.drill, state);
    app.until(
        &format!("{point}: everything ended and is documented"),
        |model| model.queue.heard && finished(model),
    )
    .await;
    let model = app.end().await;
    judge(&scene.drill, state, &model, &point.to_string());
    // Every line that the kernel took whole is there, once, byte for byte: acknowledged records are among them.
    let mut log = Vec::new();
    for number in 1..100 {
        match fs::read(scene.segment(number)) {
            Ok(bytes) => log.extend(bytes),
            Err(_missing) => break,
        }
    }
    let mut kept: BTreeMap<&[u8], usize> = BTreeMap::new();
    for line in log.split(|byte| *byte == b'\n') {
        *kept.entry(line).or_default() += 1;
    }
    let taken = fs::read(state.join("notes")).unwrap_or_default();
    let lines = taken.split(|byte| *byte == b'\n');
    for line in lines.filter(|line| !line.is_empty()) {
        let times = kept.get(line).copied().unwrap_or(0);
        assert_eq!(times, 1, "{point}: {}", String::from_utf8_lossy(line));
    }
    if let Some(mut python) = python() {
        let head = state.join(HEAD);
        if head.exists() {
            python.arg("--anchors").arg(head);
        }
        let told = python.arg(scene.audit()).output().expect("python runs");
        let words = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(words.starts_with("ok "), "{point}: {words}");
        // Also no log that the host remembers and that is gone.
        assert_eq!(told.status.code(), Some(0), "{point}: {words}");
    }
    met
}

fn strace() -> bool {
    let found = Command::new("strace")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_system_call_that_fails_breaks_no_log_and_hides_no_effect() {
    if !strace() {
        println!(
            "not run: audit_strace::slow_a_system_call_that_fails_breaks_no_log_and_hides_no_effect (missing strace)"
        );
        return;
    }
    let begun = Instant::now();
    let all = points().await;
    let part = std::env::var(PART).ok();
    let part = part.as_deref().and_then(|text| text.split_once('/'));
    let part = part.and_then(|(k, n)| Some((k.parse::<usize>().ok()?, n.parse::<usize>().ok()?)));
    // The sample: a kill and each failure of calls that must not be lost, early ones, which every run makes.
    let chosen: Vec<Point> = match part {
        // By the call and not by its place in the list, which is not the same in every process.
        Some((k, n)) => all
            .iter()
            .filter(|point| point.nth % n == k)
            .cloned()
            .collect(),
        None => all
            .iter()
            .filter(|point| ["write", "fdatasync"].contains(&point.call) && point.nth == 3)
            .cloned()
            .collect(),
    };
    assert!(!chosen.is_empty(), "strace saw no call");
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ways: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut unmet, mut violations) = (Vec::new(), Vec::new());
    for point in &chosen {
        let (name, call) = (point.to_string(), point.call);
        let way = ways.entry(point.how).or_default();
        way.1 += 1;
        let point = point.clone();
        // In a task of its own, so that one violation does not hide the next.
        match tokio::spawn(async move { fail_at(&point).await }).await {
            Ok(true) => {
                *met.entry(call).or_default() += 1;
                way.0 += 1;
            }
            Ok(false) => unmet.push(name),
            Err(_panic) => violations.push(name),
        }
    }
    let count = met.values().sum::<usize>();
    println!(
        "{} points in all, {} run, {count} of them met ({ways:?}; {met:?}), {} not met, {} violations; {:.0} s",
        all.len(),
        chosen.len(),
        unmet.len(),
        violations.len(),
        begun.elapsed().as_secs_f64(),
    );
    println!("not met: {}", unmet.join(", "));
    assert!(violations.is_empty(), "{violations:#?}");
    assert_eq!(ways.len(), HOW.len(), "a way to fail was not tried");
    for (how, (met, of)) in ways {
        assert!(met > 0, "no {how} was met");
        // A handful says nothing of the share.
        let least = if part.is_some() { MET } else { 0 };
        assert!(met * 100 >= of * least, "only {met} of {of} {how} were met");
    }
}
