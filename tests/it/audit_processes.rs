//! Several processes of one user on one log: killed while they append, and racing for what a dead console left.
//!
//! The other processes are this test binary, started for one of its ignored tests. The long forms, one command:
//! `QUELL_PROCESSES=5000 QUELL_ORPHANS=500 cargo test --test it audit_processes -- --nocapture`. So many orphans were sent,
//! and are adopted; as many more were only confirmed, and are ended.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use quell::app::message::Message;
use quell::cli::compose::{self, Behind, Parts};
use quell::connect::registry::Connections;
use quell::domain::audit::{Body, Entry, Observed, OutcomeState};
use quell::domain::ids::{AccountId, ActionId, CaseId, PlanId};
use quell::drill::Options;
use quell::engine::clock::{Pace, SystemClock};
use quell::engine::probe::Open;
use quell::store::audit::{AuditLog, Ground, Identity, StoreError, read_checked};
use quell::store::state::StateDir;

use crate::audit_agree::python;
use crate::harness::app::{company_of, limits, no_host};

type Done = Result<(), Box<dyn Error>>;

/// Where the other process works.
const DIR: &str = "QUELL_TEST_PROCESS_DIR";
/// What it appends: its name, the first and the last number.
const WORK: &str = "QUELL_TEST_PROCESS_WORK";

const WRITERS: u32 = 8;
const ADOPTERS: u32 = 4;

fn asked(name: &str, short: u32) -> u32 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(short)
}

/// Starts this binary for one of its ignored tests.
fn start(test: &str, dir: &Path, work: &str) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env(WORK, work)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

/// Says one thing to the process that started this one, in one write: a kill leaves no half line that reads whole.
fn say(text: &str) -> io::Result<()> {
    io::stdout().write_all(format!("said {text} .\n").as_bytes())
}

fn said(line: &str) -> Option<&str> {
    line.split_once("said ")?.1.strip_suffix(" .")
}

fn observe(evidence: String) -> Body {
    Body::ActionObserve(Observed {
        aid: ActionId::from_parts(DateTime::UNIX_EPOCH, 1),
        evidence: evidence.into(),
        matches: None,
        reads: 1,
        used: None,
        effect_at: None,
    })
}

fn open(dir: &Path) -> Result<AuditLog, StoreError> {
    let identity = Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    };
    // Small segments: the change from one to the next is where writers meet.
    let ground = Ground {
        rotate_at: 200 << 10,
        ..Ground::default()
    };
    AuditLog::open_on(dir, identity, ground)
}

#[test]
#[ignore = "the other process of processes_killed_at_random_lose_nothing_that_was_acknowledged"]
fn appender() -> Done {
    let (Some(dir), Ok(work)) = (std::env::var_os(DIR), std::env::var(WORK)) else {
        return Ok(());
    };
    let mut words = work.split(' ');
    let name = words.next().unwrap_or_default();
    let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
    let (from, until) = (number().ok_or("from")?, number().ok_or("until")?);
    let log = open(Path::new(&dir))?;
    // The lock is not fair, and a slow disk is no fault of the log: nothing was recorded, so it is tried again.
    let append = |body: &Body| loop {
        match log.append_blocking(vec![body.clone()]) {
            Err(StoreError::Locked { .. }) => {}
            told => break told,
        }
    };
    append(&crate::audit_seal::opening())?;
    for i in from..until {
        for entry in append(&observe(format!("{name}/{i}")))? {
            say(&format!("{i} {} {}", entry.n, entry.h))?;
        }
    }
    append(&crate::audit_seal::closing())?;
    Ok(())
}

/// Has one writer append so many records, killing it some times on the way; gives what was acknowledged.
fn drive(
    dir: &Path,
    writer: u32,
    appends: u32,
    kills: u32,
) -> Result<Vec<(String, String)>, String> {
    let mut chance = fastrand::Rng::with_seed(u64::from(writer));
    let (mut acknowledged, mut next, mut life) = (Vec::new(), 0, 0);
    while next < appends {
        let name = format!("{writer}.{life}");
        let work = format!("{name} {next} {appends}");
        let started = start("audit_processes::appender", dir, &work);
        let mut child = started.map_err(|error| error.to_string())?;
        let out = child.stdout.take().ok_or("no output")?;
        // Killed somewhere between an acknowledgement and a few appends later.
        let enough = (life < kills).then(|| chance.u32(1..=(appends / (kills + 1)).max(2)));
        let (mut heard, mut killed) = (0, false);
        for line in BufReader::new(out).lines() {
            let line = line.map_err(|error| error.to_string())?;
            let Some((i, place)) = said(&line).and_then(|said| said.split_once(' ')) else {
                continue;
            };
            acknowledged.push((format!("{name}/{i}"), place.to_owned()));
            next = i.parse::<u32>().map_err(|error| error.to_string())? + 1;
            heard += 1;
            if enough.is_some_and(|enough| heard >= enough) && !killed {
                let (begun, wait) = (Instant::now(), Duration::from_micros(chance.u64(..9_000)));
                while begun.elapsed() < wait {
                    thread::yield_now();
                }
                child.kill().map_err(|error| error.to_string())?;
                killed = true;
            }
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        if !killed && !status.success() {
            return Err(format!("writer {name} ended by itself: {status}"));
        }
        life += 1;
    }
    Ok(acknowledged)
}

/// Gives the records of the only log, which must be intact, with the number of its torn ends.
fn intact(dir: &Path) -> Result<Vec<Entry>, Box<dyn Error>> {
    let mut logs = read_checked(dir)?;
    assert_eq!(logs.len(), 1, "one log");
    let log = logs.remove(0);
    assert!(log.report.intact(), "{:?}", log.report);
    Ok(log.entries)
}

#[test]
fn slow_processes_killed_at_random_lose_nothing_that_was_acknowledged() -> Done {
    let appends = asked("QUELL_PROCESSES", 120);
    let kills = if appends > 1000 { 25 } else { 2 };
    let (dir, begun) = (tempfile::tempdir()?, Instant::now());
    let drivers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let dir = dir.path().to_owned();
            thread::spawn(move || drive(&dir, writer, appends, kills))
        })
        .collect();
    let mut acknowledged = Vec::new();
    for driver in drivers {
        acknowledged.extend(driver.join().map_err(|_panic| "a driver panicked")??);
    }
    assert_eq!(acknowledged.len(), (WRITERS * appends) as usize);
    open(dir.path())?.append_blocking(vec![observe("after".into())])?;
    let kept = intact(dir.path())?;
    let mut places: HashMap<&str, Vec<String>> = HashMap::new();
    let mut torn = 0;
    for entry in &kept {
        match &entry.body {
            Body::ActionObserve(Observed { evidence, .. }) => {
                let place = format!("{} {}", entry.n, entry.h);
                places.entry(evidence.raw()).or_default().push(place);
            }
            Body::LogRecovered { .. } => torn += 1,
            _ => {}
        }
    }
    for (name, place) in &acknowledged {
        assert_eq!(
            places.get(name.as_str()),
            Some(&vec![place.clone()]),
            "{name}"
        );
    }
    println!(
        "{} processes x {appends} appends, {} kills: {} records in {} segments, {torn} torn ends, 0 broken links, \
         {} acknowledged, each there once; {:.1} s",
        WRITERS,
        WRITERS * kills,
        kept.len(),
        kept.last().map_or(0, |entry| entry.seg),
        acknowledged.len(),
        begun.elapsed().as_secs_f64(),
    );
    if let Some(mut python) = python() {
        let out = python.arg(dir.path()).output()?;
        let told = String::from_utf8(out.stdout)?;
        assert!(told.starts_with("ok "), "{told}");
    }
    Ok(())
}

/// Writes what a console leaves that dies in the middle of its work: half of it sent, half only confirmed.
pub fn leave_orphans(state: &Path, case: &CaseId, account: &AccountId, orphans: u32) -> Done {
    let log = AuditLog::open(&state.join("audit"), compose::identity())?;
    let at = Utc::now();
    for i in 0..orphans {
        let (pid, aid) = (
            PlanId::from_parts(at, u128::from(i / 10)),
            ActionId::from_parts(at, u128::from(i)),
        );
        let plan = Body::ActionPlan {
            pid: pid.clone(),
            aid: aid.clone(),
            order: i % 10 + 1,
            kind: "disable_account".into(),
            case: case.clone(),
            account: account.clone(),
            login: "mara.lind@acme.example".into(),
            snapshot: serde_json::json!({}),
            server_date: None,
            guards: Vec::new(),
            plan_hash: "0".into(),
            expires: at + TimeDelta::minutes(5),
        };
        let confirm = Body::ActionConfirm {
            pid,
            aid: aid.clone(),
            how: "typed".into(),
            plan_hash: "0".into(),
            dry_run: false,
            operator: None,
        };
        let intent = Body::ActionIntent {
            aid,
            attempt: 1,
            method: "POST".into(),
            host: "127.0.0.1".into(),
            path: format!("/api/v1/users/{}/lifecycle/suspend", account.raw()).into(),
            body_sha256: "0".repeat(64),
            request_id: format!("request-{i}"),
            server_date: None,
            password_changed: None,
            valid_from: None,
            deadline: at,
        };
        let bodies = [plan, confirm, intent].into_iter();
        log.append_blocking(bodies.take(if is_sent(i) { 3 } else { 2 }).collect())?;
    }
    Ok(())
}

fn is_sent(i: u32) -> bool {
    i.is_multiple_of(2)
}

#[test]
#[ignore = "the other process of an_orphan_is_adopted_by_one_of_four_processes"]
fn adopter() -> Done {
    let Some(state) = std::env::var_os(DIR).map(PathBuf::from) else {
        return Ok(());
    };
    let loaded = match compose::load(Some(&state.join("config.toml"))) {
        Ok(loaded) => loaded,
        Err(failure) => return Err(format!("{:?}", failure.faults).into()),
    };
    let (secrets, warnings) = compose::secrets(&loaded.settings);
    let connections = Connections::build_with(&loaded.settings, secrets, &limits());
    let parts = Parts {
        loaded,
        connections,
        warnings,
        state: StateDir::locate(Some(&state), false)?,
        ground: Ground {
            // The lock is not fair, and four processes sync through one disk.
            lock_wait: Duration::from_secs(20),
            ..Ground::default()
        },
        host: no_host(),
        clock: Arc::new(SystemClock),
        pace: Pace::scaled(0.02),
        probe: Arc::new(Open),
        size: (120, 40),
    };
    say("ready")?;
    let mut go = String::new();
    io::stdin().read_line(&mut go)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let Behind {
            model,
            engine,
            mut messages,
        } = match compose::start(parts) {
            Ok(behind) => behind,
            Err(failure) => return Err(format!("{:?}", failure.faults).into()),
        };
        let mut ledger = model.ledger;
        while ledger.unfinished().next().is_some() || !ledger.undocumented().is_empty() {
            match messages.recv().await {
                Some(Message::Recorded(entries)) => {
                    for entry in &entries {
                        ledger.apply(entry);
                    }
                }
                Some(Message::AuditFailed(fault)) => return Err(fault.what.to_string().into()),
                Some(_) => {}
                None => return Err("the engine ended".into()),
            }
        }
        messages.close();
        engine.end("nothing is left").await;
        Ok(())
    })
}

/// Waits for a process to say that it is ready, and gives what starts it.
fn ready(child: &mut Child) -> Result<ChildStdin, Box<dyn Error>> {
    let out = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut lines = out.lines();
    let found = lines.find(|line| line.as_ref().is_ok_and(|line| said(line) == Some("ready")));
    found.ok_or("it never was ready")??;
    // What the test binary says in the end is not kept, but must have somewhere to go.
    thread::spawn(move || lines.for_each(drop));
    Ok(child.stdin.take().ok_or("no input")?)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_orphan_is_adopted_by_one_of_four_processes() -> Done {
    let sent = asked("QUELL_ORPHANS", 20);
    let orphans = 2 * sent;
    let state = tempfile::tempdir()?;
    let drill = company_of(Options {
        rate_limit: 1_000_000,
        ..Options::default()
    })
    .await;
    let config = quell::cli::drill::write_config(state.path(), &drill)?;
    let loaded = compose::load(Some(&config)).map_err(|_failure| "no configuration")?;
    let (secrets, _) = compose::secrets(&loaded.settings);
    let connections = Connections::build_with(&loaded.settings, secrets, &limits());
    let identity = connections.identity.first().ok_or("no provider")?;
    let found = identity.find(&"mara.lind@acme.example".into()).await;
    let account = found.map_err(|error| error.what.to_string())?.remove(0);
    let cases = connections.cases.first().ok_or("no case system")?;
    let page = cases
        .list(50)
        .await
        .map_err(|error| error.what.to_string())?;
    let case = page.items.first().ok_or("no case")?.id.clone();
    leave_orphans(state.path(), &case, &account.id, orphans)?;

    let begun = Instant::now();
    let mut children = Vec::new();
    for _ in 0..ADOPTERS {
        children.push(start("audit_processes::adopter", state.path(), "adopt")?);
    }
    let mut starts = Vec::new();
    for child in &mut children {
        starts.push(ready(child)?);
    }
    for mut start in starts {
        start.write_all(b"go\n")?;
    }
    for mut child in children {
        let status = tokio::task::spawn_blocking(move || child.wait()).await??;
        assert!(status.success(), "{status}");
    }

    let entries = intact(&state.path().join("audit"))?;
    let (mut adopted, mut ended) = (BTreeMap::new(), BTreeMap::new());
    let (mut adopters, mut intended) = (BTreeMap::new(), BTreeSet::new());
    for entry in &entries {
        match &entry.body {
            Body::ActionAdopt { aid, .. } => {
                *adopted.entry(aid.to_string()).or_insert(0) += 1;
                *adopters.entry(entry.pid).or_insert(0) += 1;
            }
            Body::ActionOutcome { aid, state, .. } => {
                let words: &mut Vec<OutcomeState> = ended.entry(aid.to_string()).or_default();
                words.push(*state);
            }
            Body::ActionIntent { .. } if entry.pid != std::process::id() => {
                return Err("an orphan was sent again".into());
            }
            Body::ActionIntent { aid, .. } => {
                intended.insert(aid.to_string());
            }
            _ => {}
        }
    }
    assert_eq!(ended.len(), orphans as usize);
    assert!(ended.values().all(|words| words.len() == 1), "{ended:?}");
    assert_eq!(intended.len(), sent as usize);
    assert!(adopted.keys().eq(&intended), "others than those sent");
    assert!(adopted.values().all(|times| *times == 1), "{adopted:?}");
    // What never left is given up; of what did nothing arrived, and nobody says that it did.
    for (aid, words) in &ended {
        let is_given_up = words[0] == OutcomeState::Abandoned;
        assert_eq!(is_given_up, !intended.contains(aid), "{aid}: {words:?}");
        assert_ne!(words[0], OutcomeState::Verified, "{aid}");
    }
    assert!(adopters.len() > 1, "one alone took all: it was no race");
    let ledger = drill.ledger();
    assert_eq!(ledger.targets("suspend").len(), 0);
    assert_eq!(
        ledger.targets("comment").len(),
        orphans.div_ceil(10) as usize,
        "one comment a plan"
    );
    println!(
        "{orphans} orphans: {} sent and adopted once each by {ADOPTERS} processes ({:?}), {} never sent and ended once \
         each, {} comments; {:.1} s",
        adopted.len(),
        adopters.values().collect::<Vec<_>>(),
        ended.len() - adopted.len(),
        orphans.div_ceil(10),
        begun.elapsed().as_secs_f64(),
    );
    Ok(())
}
