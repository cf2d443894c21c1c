//! More than one log in the folder. Of two of this host and user none goes on before a person chose, so that neither is
//! forgotten; what a log under the name of another host holds is said; so is a folder that others could use; and work on
//! other systems under the same names keeps a console from starting.

use std::error::Error;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;

use chrono::{TimeDelta, Utc};
use quell::app::message::Level;
use quell::app::model::Model;
use quell::cli::audit::{UNREADABLE, WARNINGS, prune, verify};
use quell::cli::compose::{self, Loaded, Parts};
use quell::cli::doctor::{Check, Verdict, examine};
use quell::cli::{Failure, drill as drill_cli};
use quell::connect::registry::Connections;
use quell::domain::audit::Body;
use quell::domain::containment::holding::Holding;
use quell::domain::ids::{AccountId, ActionId, CaseId, ConnectionName, LogId, PlanId};
use quell::drill::Drill;
use quell::engine::clock::{Clock as _, Pace, SystemClock};
use quell::engine::probe::Open;
use quell::store::audit::{AuditLog, Ground, Identity, RealDisk, StoreError};
use quell::store::state::StateDir;

use crate::audit_processes::leave_orphans;
use crate::audit_seal::{closing, opening};
use crate::crash_matrix::{confirm, contain, finished};
use crate::harness::app::{TestApp, company, limits, no_host, records};
use crate::hold;

type Done = Result<(), Box<dyn Error>>;

fn identity(host: &str, uid: u32) -> Identity {
    Identity {
        host: host.into(),
        uid,
        user: "ana".into(),
    }
}

/// Makes the state directories of a test.
fn states<const N: usize>(place: &Path, names: [&str; N]) -> [PathBuf; N] {
    names.map(|name| {
        let state = place.join(name);
        fs::create_dir_all(state.join("audit")).expect("a directory");
        state
    })
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).expect("it is there").flatten();
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    paths.sort();
    paths
}

/// Puts the files of the logs of a directory into another one too; gives where they are.
fn put(from: &Path, to: &Path) -> Vec<PathBuf> {
    let all = segments(from).into_iter().map(|path| {
        let copy = to.join(path.file_name().expect("a file"));
        fs::copy(path, &copy).expect("it can be copied");
        copy
    });
    all.collect()
}

/// Moves the files of the logs of a directory into another one.
fn shift(from: &Path, to: &Path) {
    let moved = segments(from);
    put(from, to);
    for path in moved {
        fs::remove_file(path).expect("it is there");
    }
}

fn loaded(drill: &Drill, state: &Path) -> Loaded {
    let config = drill_cli::write_config(state, drill).expect("it is written");
    compose::load(Some(&config)).unwrap_or_else(|failure| panic!("{:?}", failure.faults))
}

fn located(state: &Path) -> StateDir {
    StateDir::locate(Some(state), false).expect("an explicit path needs no home")
}

/// Starts a console that must not start; gives what is said instead.
fn refused(drill: &Drill, state: &Path) -> Failure {
    let loaded = loaded(drill, state);
    let (secrets, warnings) = compose::secrets(&loaded.settings);
    let connections = Connections::build_with(&loaded.settings, secrets, &limits());
    let parts = Parts {
        loaded,
        connections,
        warnings,
        state: located(state),
        ground: Ground::default(),
        host: no_host(),
        clock: Arc::new(SystemClock),
        pace: Pace::scaled(0.02),
        probe: Arc::new(Open),
        size: (120, 40),
    };
    compose::start(parts).err().expect("it does not start")
}

async fn doctor(drill: &Drill, state: &Path) -> Vec<Check> {
    let (loaded, place) = (loaded(drill, state), located(state));
    let now = SystemClock.now();
    examine(loaded, &place, &no_host(), now, &mut RealDisk).await
}

fn rows<'a>(checks: &'a [Check], what: &str) -> Vec<&'a Check> {
    let all = checks.iter();
    all.filter(|check| check.what.as_str() == what).collect()
}

/// Gives the exit code and the words of `quell audit verify`.
fn verified(state: &Path) -> (u8, String) {
    let mut out = Vec::new();
    let code = verify(&state.join("audit"), false, &mut out).expect("it is written");
    (code, String::from_utf8(out).expect("it is text"))
}

/// Runs a console once, to its end in order.
pub async fn run(drill: &Drill, state: &Path) -> Model {
    let mut app = TestApp::start(drill, state);
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.end().await
}

fn last_log(state: &Path) -> LogId {
    let last = records(state).pop().expect("a record");
    last.log
}

/// Names two logs as they are named together.
fn names(one: &LogId, other: &LogId) -> String {
    let mut both = [one, other];
    both.sort();
    format!("{} and {}", both[0], both[1])
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_logs_of_this_host_and_user_none_goes_on() {
    let (drill, place) = (company().await, tempfile::tempdir().expect("a directory"));
    let [state, machine] = states(place.path(), ["state", "machine"]);
    let name = |name| ConnectionName::parse(name).expect("a name");
    let case = CaseId::new(name("hive"), "~1");
    let account = AccountId::new(name("okta"), "00uOTHER");
    // The log of another machine of the same name is begun first, and copied beside our own.
    run(&drill, &machine).await;
    leave_orphans(&state, &case, &account, 2).expect("the log takes them");
    let (own, foreign) = (last_log(&state), last_log(&machine));
    let copies = put(&machine.join("audit"), &state.join("audit"));
    let (both, before) = (names(&own, &foreign), records(&state));

    set_mode(&state.join("audit"), 0o777);
    for again in [false, true] {
        let failure = refused(&drill, &state);
        assert_eq!(failure.code, UNREADABLE);
        let said: Vec<&str> = failure.faults.iter().map(|one| one.what.as_str()).collect();
        assert!(said[0].contains(&both), "{said:?}");
        assert!(said[0].contains("no console starts"), "{said:?}");
        let hint = failure.faults[0].hint.as_ref().expect("a hint");
        for words in ["another state directory", "remove that file afterwards"] {
            assert!(hint.as_str().contains(words), "{hint}");
        }
        for held in [
            format!("the log {own} holds 2 unfinished"),
            format!("the log {foreign} holds nothing that is not over"),
        ] {
            assert!(said.contains(&held.as_str()), "{held}: {said:?}");
        }
        let mended = said.iter().any(|line| line.contains("had mode 0777"));
        assert_eq!(mended, !again, "{said:?}");
    }
    assert_eq!(records(&state), before, "nothing is written");

    let (code, told) = verified(&state);
    assert_eq!(code, WARNINGS, "{told}");
    assert_eq!(told.matches("  intact: ").count(), 2, "{told}");
    let warned = told
        .lines()
        .any(|line| line.starts_with("warning: 2 logs of host ") && line.contains(&both));
    assert!(warned, "{told}");

    let checks = doctor(&drill, &state).await;
    for what in ["audit log", "log lock"] {
        let [row] = rows(&checks, what)[..] else {
            panic!("{what}: {checks:#?}");
        };
        assert_eq!(row.verdict, Verdict::Fault, "{row:?}");
        assert!(row.found.as_str().contains(&both), "{row:?}");
        assert!(row.hint.is_some(), "{row:?}");
    }
    assert_eq!(rows(&checks, "logs of this host").len(), 2, "{checks:#?}");
    let [caps] = rows(&checks, "caps")[..] else {
        panic!("{checks:#?}");
    };
    assert_eq!(caps.verdict, Verdict::NotKnown, "of which log?");
    let [disable] = rows(&checks, "okta: disable account")[..] else {
        panic!("{checks:#?}");
    };
    assert!(disable.found.as_str().contains(&both), "{disable:?}");

    let mut out = Vec::new();
    let code = prune(&state.join("audit"), Utc::now(), None, &mut out).expect("it is written");
    let told = String::from_utf8(out).expect("it is text");
    assert_eq!(code, UNREADABLE, "{told}");
    assert!(told.contains(&both), "{told}");
    assert_eq!(records(&state), before, "nothing is removed");

    for copy in copies {
        fs::remove_file(copy).expect("it is there");
    }
    let app = TestApp::start(&drill, &state);
    assert_eq!(app.model().ledger.actions().count(), 2);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_put_back_beside_a_new_one_is_not_forgotten_and_neither_is_that() {
    let (drill, place) = (company().await, tempfile::tempdir().expect("a directory"));
    let [state, away, elsewhere] = states(place.path(), ["state", "away", "elsewhere"]);
    assert_eq!(run(&drill, &state).await.audit_broken, None);
    let old = last_log(&state);
    let audit = state.join("audit");
    shift(&audit, &away);
    let fault = run(&drill, &state).await.audit_broken.expect("it is said");
    assert!(fault.what.as_str().contains("is gone"), "{fault:?}");
    let new = last_log(&state);
    assert_ne!(old, new);

    put(&away, &audit);
    let failure = refused(&drill, &state);
    let said = &failure.faults[0].what;
    assert!(said.as_str().contains(&names(&old, &new)), "{said}");

    // As the hint says: one stays, the other goes on in a state directory of its own.
    for copy in segments(&audit) {
        if copy.to_string_lossy().contains(old.as_str()) {
            fs::remove_file(copy).expect("it is there");
        }
    }
    put(&away, &elsewhere.join("audit"));
    for (state, log) in [(&state, &new), (&elsewhere, &old)] {
        let before = records(state).len();
        run(&drill, state).await;
        let after = records(state);
        assert!(after.len() > before && after.iter().all(|entry| entry.log == *log));
    }
}

#[test]
fn a_second_log_is_noticed_by_a_console_that_runs() -> Done {
    let place = tempfile::tempdir()?;
    let [dir, other] = ["audit", "other"].map(|name| place.path().join(name));
    let open = |dir: &Path| -> Result<AuditLog, StoreError> {
        let log = AuditLog::open(dir, identity("east", 1000))?;
        log.append_blocking(vec![opening(), closing()])?;
        Ok(log)
    };
    let (log, second) = (open(dir.as_path())?, open(other.as_path())?);
    assert_eq!(log.look()?, None);
    let copies = put(&other, &dir);
    let fault = log.look()?.ok_or("nothing is said")?;
    let both = names(log.log(), second.log());
    assert!(fault.what.as_str().contains(&both), "{fault:?}");
    assert!(fault.hint.is_some());
    // What it began it can bring to its end.
    log.append_blocking(vec![closing()])?;
    for copy in copies {
        fs::remove_file(copy)?;
    }
    assert_eq!(log.look()?, None);
    Ok(())
}

#[test]
fn writers_that_begin_in_one_instant_begin_one_log() -> Done {
    for _ in 0..8 {
        let dir = tempfile::tempdir()?;
        let begin = Arc::new(Barrier::new(4));
        let mut writers = Vec::new();
        for _ in 0..4 {
            let (begin, dir) = (Arc::clone(&begin), dir.path().to_owned());
            writers.push(thread::spawn(move || -> Result<LogId, StoreError> {
                begin.wait();
                let log = AuditLog::open(&dir, identity("east", 1000))?;
                log.append_blocking(vec![closing()])?;
                Ok(log.log().clone())
            }));
        }
        let mut logs = Vec::new();
        for writer in writers {
            logs.push(writer.join().map_err(|_panic| "a writer panicked")??);
        }
        logs.dedup();
        assert_eq!(logs.len(), 1, "{logs:?}");
        assert_eq!(segments(dir.path()).len(), 1);
    }
    Ok(())
}

/// An action that was confirmed, and of which no more is known.
fn confirmed() -> Vec<Body> {
    let name = |name| ConnectionName::parse(name).expect("a name");
    let at = Utc::now();
    let (pid, aid) = (PlanId::from_parts(at, 1), ActionId::from_parts(at, 1));
    vec![
        Body::ActionPlan {
            pid: pid.clone(),
            aid: aid.clone(),
            order: 0,
            kind: "disable_account".into(),
            case: CaseId::new(name("hive"), "~1"),
            account: AccountId::new(name("okta"), "00uOTHER"),
            login: "mara.lind@acme.example".into(),
            snapshot: serde_json::json!({}),
            server_date: None,
            guards: Vec::new(),
            plan_hash: "0".into(),
            expires: at + TimeDelta::minutes(5),
        },
        Body::ActionConfirm {
            pid,
            aid,
            how: "typed".into(),
            plan_hash: "0".into(),
            dry_run: false,
            operator: None,
        },
    ]
}

/// The same, and sent.
fn sent() -> Vec<Body> {
    let mut bodies = confirmed();
    let Some(Body::ActionConfirm { aid, .. }) = bodies.last() else {
        panic!("{bodies:?}");
    };
    let intent = Body::ActionIntent {
        aid: aid.clone(),
        attempt: 1,
        method: "POST".into(),
        host: "127.0.0.1".into(),
        path: "/api/v1/users/00uOTHER/lifecycle/suspend".into(),
        body_sha256: "0".repeat(64),
        request_id: "request-1".into(),
        server_date: None,
        password_changed: None,
        valid_from: None,
        deadline: Utc::now(),
    };
    bodies.push(intent);
    bodies
}

/// Writes the log of a host and user into a state directory; gives which it is.
fn write_log(state: &Path, who: Identity, bodies: Vec<Body>) -> LogId {
    let log = AuditLog::open(&state.join("audit"), who).expect("it can be opened");
    let all = [vec![opening()], bodies, vec![closing()]].concat();
    log.append_blocking(all).expect("it is written");
    log.log().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_log_under_another_name_of_this_host_holds_is_said() {
    let (drill, place) = (company().await, tempfile::tempdir().expect("a directory"));
    let [state] = states(place.path(), ["state"]);
    let uid = compose::identity().uid;
    let old = write_log(&state, identity("old-name", uid), confirmed());
    write_log(&state, identity("quiet-name", uid), Vec::new());
    write_log(&state, identity("strange-name", uid + 1), confirmed());
    let words = format!("the log {old} of host old-name holds 1 unfinished");
    // It is nobody's here, so it stands there at each start.
    for _ in 0..2 {
        let model = run(&drill, &state).await;
        let warned = model.log.iter().filter(|line| {
            line.level == Level::Warning && line.text.as_str().contains(" of host ")
        });
        let [line] = warned.collect::<Vec<_>>()[..] else {
            panic!("{:?}", model.log);
        };
        let text = line.text.as_str();
        assert!(text.starts_with(&words), "{text}");
        for silent in ["quiet-name", "strange-name"] {
            assert!(!text.contains(silent), "{text}");
        }
        let hint = line.hint.as_ref().expect("a hint");
        assert!(hint.as_str().contains("renamed"), "{hint}");
        assert_eq!(model.ledger.actions().count(), 0, "it is not taken over");
    }
    let checks = doctor(&drill, &state).await;
    let [row] = rows(&checks, "logs of other hosts")[..] else {
        panic!("{checks:#?}");
    };
    assert_eq!(row.verdict, Verdict::Warning);
    assert!(row.found.as_str().starts_with(&words), "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_sent_is_not_counted_as_sent_from_this_one() {
    let (drill, place) = (company().await, tempfile::tempdir().expect("a directory"));
    let [state] = states(place.path(), ["state"]);
    let who = compose::identity();
    for (whose, words) in [
        (identity("host-a", who.uid), "0 of 20 from this host"),
        (who, "1 of 20 from this host"),
    ] {
        write_log(&state, whose, sent());
        let checks = doctor(&drill, &state).await;
        let [caps] = rows(&checks, "caps")[..] else {
            panic!("{checks:#?}");
        };
        assert!(caps.found.as_str().contains(words), "{caps:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_with_a_part_of_another_one_is_refused_and_can_be_read() {
    let (drill, place) = (company().await, tempfile::tempdir().expect("a directory"));
    let [state] = states(place.path(), ["state"]);
    run(&drill, &state).await;
    let before = records(&state);
    let real = fs::canonicalize(&state).expect("it is there");
    let whole = format!("start with --state {}", real.display());
    for part in ["audit", "lease", "draft"] {
        let other = place.path().join(format!("with-{part}"));
        fs::create_dir(&other).expect("a directory");
        symlink(state.join(part), other.join(part)).expect("a link");
        let words = format!("{:?} as a part of the state directory", other.join(part));

        let failure = refused(&drill, &other);
        assert_eq!(failure.code, UNREADABLE);
        let fault = &failure.faults[0];
        assert!(fault.what.as_str().contains(&words), "{fault:?}");
        let hint = fault.hint.as_ref().expect("a hint");
        assert!(hint.as_str().contains(&whole), "{hint}");

        let checks = doctor(&drill, &other).await;
        let [row] = rows(&checks, "audit log")[..] else {
            panic!("{checks:#?}");
        };
        assert_eq!(row.verdict, Verdict::Fault, "{row:?}");
        assert!(row.found.as_str().contains(&words), "{row:?}");
        let hint = row.hint.as_ref().expect("a hint");
        assert!(hint.as_str().contains(&whole), "{hint}");
        let [disable] = rows(&checks, "okta: disable account")[..] else {
            panic!("{checks:#?}");
        };
        assert_eq!(disable.verdict, Verdict::Fault, "{disable:?}");
        assert!(disable.found.as_str().contains(&words), "{disable:?}");
    }
    assert_eq!(records(&state), before, "nothing is written");
    // Whoever only reads locks nothing.
    let other = place.path().join("with-audit");
    assert_eq!(records(&other), before);
    let (_, told) = verified(&other);
    assert!(told.contains("  intact: "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_that_is_reached_by_a_link_goes_on() {
    let (drill, place) = (company().await, tempfile::tempdir().expect("a directory"));
    let [state] = states(place.path(), ["state"]);
    run(&drill, &state).await;
    let before = records(&state).len();
    let link = place.path().join("link");
    symlink(&state, &link).expect("a link");
    run(&drill, &link).await;
    assert!(records(&state).len() > before);
    let checks = doctor(&drill, &link).await;
    let [row] = rows(&checks, "audit log")[..] else {
        panic!("{checks:#?}");
    };
    assert_eq!(row.verdict, Verdict::Ok, "{row:?}");
}

/// Says how a console of a company is refused on the state of another one.
fn refused_on_systems(drill: &Drill, state: &Path) -> String {
    let before = records(state);
    let failure = refused(drill, state);
    assert_eq!(failure.code, UNREADABLE);
    assert_eq!(records(state), before, "nothing is written");
    assert_eq!(drill.ledger().effects().len(), 0, "nothing is sent");
    let hint = failure.faults[0].hint.as_ref().expect("a hint");
    assert!(hint.as_str().contains("--state"), "{hint}");
    failure.faults[0].what.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_for_other_systems_under_the_same_names_is_refused() {
    let (ours, theirs) = (company().await, company().await);
    let place = tempfile::tempdir().expect("a directory");
    let [state] = states(place.path(), ["state"]);
    let both = [&ours, &theirs].map(|drill| (&drill.identity().url, &drill.cases().url));
    let mut app = TestApp::start(&ours, &state);
    let said = refused_on_systems(&theirs, &state);
    for ((okta, hive), words) in both.into_iter().zip(["records", "configuration"]) {
        for (name, url) in [("okta", okta), ("hive", hive)] {
            assert!(said.contains(name), "{said}");
            assert!(said.contains(&format!("{url} in the {words}")), "{said}");
        }
    }
    assert!(said.contains("another console that runs"), "{said}");

    contain(&mut app).await;
    confirm(&mut app).await;
    app.until("contained and documented", |model| {
        let mut all = model.ledger.actions().peekable();
        all.peek().is_some() && all.all(|one| one.confirmed.is_some()) && finished(model)
    })
    .await;
    app.kill();
    let said = refused_on_systems(&theirs, &state);
    assert!(
        said.contains(" holds ") && said.contains(" contained"),
        "{said}"
    );
    let checks = doctor(&theirs, &state).await;
    let [row] = rows(&checks, "systems")[..] else {
        panic!("{checks:#?}");
    };
    assert_eq!(row.verdict, Verdict::Fault, "{row:?}");
    assert_eq!(row.found.as_str(), said);

    // Nor while it is not known whose the records are.
    let file = state.join("systems");
    let kept = fs::read(&file).expect("it was written");
    fs::write(&file, "{").expect("it is ours");
    let failure = refused(&ours, &state);
    assert!(failure.faults[0].what.as_str().contains("failed to read"));
    fs::write(&file, kept).expect("it is ours");
    let checks = doctor(&ours, &state).await;
    let [row] = rows(&checks, "systems")[..] else {
        panic!("{checks:#?}");
    };
    assert_eq!(row.verdict, Verdict::Ok, "{row:?}");
    let effects = ours.ledger().effects().len();
    run(&ours, &state).await;
    assert_eq!(ours.ledger().effects().len(), effects);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_over_is_not_told_as_work_on_other_systems() {
    let (ours, theirs) = (company().await, company().await);
    let place = tempfile::tempdir().expect("a directory");
    let [state] = states(place.path(), ["state"]);
    let mut app = TestApp::start(&ours, &state);
    hold::open_case(&mut app).await;
    app.keys("cs");
    hold::confirm(&mut app).await;
    app.until("revoked and documented", |model| {
        let mut all = model.ledger.actions();
        all.any(|one| one.confirmed.is_some()) && finished(model)
    })
    .await;
    let model = app.end().await;
    let open = Holding::of(&model.ledger, Utc::now());
    assert_eq!(open.words(), None, "all of it is over");
    let said = refused_on_systems(&theirs, &state);
    assert!(said.contains(" holds 1 action, the last 20"), "{said}");
    let checks = doctor(&theirs, &state).await;
    let [row] = rows(&checks, "systems")[..] else {
        panic!("{checks:#?}");
    };
    assert_eq!(row.verdict, Verdict::Fault, "{row:?}");
    assert_eq!(row.found.as_str(), said);
    let model = run(&ours, &state).await;
    assert_eq!(model.ledger.actions().count(), 1, "whose it is goes on");
    // As the hint says, where it is the same system under a new address.
    fs::remove_file(state.join("systems")).expect("it is there");
    run(&theirs, &state).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_was_only_looked_at_keeps_other_systems_out() {
    let (ours, theirs) = (company().await, company().await);
    let place = tempfile::tempdir().expect("a directory");
    let [state] = states(place.path(), ["state"]);
    let mut app = TestApp::start(&ours, &state);
    hold::open_case(&mut app).await;
    app.end().await;
    // Else the same number of a case there would be one that was left here.
    let said = refused_on_systems(&theirs, &state);
    assert!(said.contains(" about cases, the last 20"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_did_in_the_same_directory_keeps_other_systems_out() {
    let (ours, theirs) = (company().await, company().await);
    let place = tempfile::tempdir().expect("a directory");
    let [state] = states(place.path(), ["state"]);
    run(&ours, &state).await;
    let uid = compose::identity().uid;
    let log = write_log(&state, identity("host-a", uid), confirmed());
    let said = refused_on_systems(&theirs, &state);
    let words = format!("the log {log} of host host-a holds 1 unfinished");
    assert!(said.contains(&words), "{said}");
    assert!(said.contains("(1 action, the last 20"), "{said}");
    run(&ours, &state).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_without_work_is_taken_over_by_other_systems() {
    let (ours, theirs) = (company().await, company().await);
    let place = tempfile::tempdir().expect("a directory");
    let [state] = states(place.path(), ["state"]);
    let warned = |app: TestApp| {
        let log = app.model().log;
        app.kill();
        let mut lines = log.iter();
        lines.any(|line| line.level == Level::Warning && line.text.as_str().contains("taken over"))
    };
    assert!(!warned(TestApp::start(&ours, &state)));
    for drill in [&theirs, &ours] {
        let checks = doctor(drill, &state).await;
        let [row] = rows(&checks, "systems")[..] else {
            panic!("{checks:#?}");
        };
        assert_eq!(row.verdict, Verdict::Warning, "{row:?}");
        assert!(warned(TestApp::start(drill, &state)));
        assert!(!warned(TestApp::start(drill, &state)));
    }
    fs::write(state.join("systems"), "{").expect("it is ours");
    assert!(warned(TestApp::start(&ours, &state)));
    let found = fs::metadata(state.join("systems")).expect("it was written anew");
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_could_use_is_said_and_closed() {
    let (drill, place) = (company().await, tempfile::tempdir().expect("a directory"));
    let [state] = states(place.path(), ["state"]);
    let audit = state.join("audit");
    run(&drill, &state).await;
    let said = |model: &Model| {
        let mut lines = model.log.iter().filter(|line| line.level == Level::Warning);
        lines.any(|line| line.text.as_str().contains("had mode 0777: others may"))
    };
    let wide = "warning: the folder of the log has mode 0777: others may use what is in it";
    assert!(!verified(&state).1.contains(wide));
    set_mode(&audit, 0o777);
    let (code, told) = verified(&state);
    assert_eq!(code, WARNINGS, "{told}");
    assert!(told.contains(wide), "{told}");
    let model = run(&drill, &state).await;
    assert!(said(&model), "{:?}", model.log);
    let found = fs::metadata(&audit).expect("it is there");
    assert_eq!(found.permissions().mode() & 0o777, 0o700);
    assert!(!said(&run(&drill, &state).await));
    assert!(!verified(&state).1.contains(wide));
}
