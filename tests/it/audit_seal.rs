//! Checkpoints as the writer makes them, anchors in the system's log, and what verification says of both.

use std::error::Error;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use quell::cli::audit::{Asked, BROKEN, WARNINGS, verify_asked};
use quell::domain::audit::{
    Anchor, Body, Entry, Expectations, OutcomeState, Warning, find_anchors,
};
use quell::domain::ids::{ActionId, CaseId, ConnectionName};
use quell::store::audit::{
    AuditLog, Ground, Identity, SealPace, StoreError, read_checked, verify_with,
};

type Done = Result<(), Box<dyn Error>>;

fn identity() -> Identity {
    Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    }
}

fn open(dir: &Path, seal: SealPace) -> Result<AuditLog, StoreError> {
    let ground = Ground {
        seal,
        ..Ground::default()
    };
    AuditLog::open_on(dir, identity(), ground)
}

pub fn opening() -> Body {
    Body::SessionOpen {
        version: "1".into(),
        environment: "prod".into(),
        mode: "live".into(),
        os_user: "ana".into(),
        operator: None,
        config_sha256: "0".into(),
        policy_sha256: None,
        drill: false,
        public_key: None,
    }
}

pub fn closing() -> Body {
    Body::SessionClose {
        reason: "quit".into(),
    }
}

pub fn note(i: usize) -> Result<Body, Box<dyn Error>> {
    let case = CaseId::new(ConnectionName::parse("hive")?, "~1");
    Ok(Body::Note {
        case,
        text: format!("note {i}").into(),
        operator: None,
    })
}

pub fn outcome() -> Body {
    Body::ActionOutcome {
        aid: ActionId::from_parts(chrono::DateTime::UNIX_EPOCH, 1),
        state: OutcomeState::Verified,
        evidence: "read".into(),
        seconds: None,
    }
}

/// Gives the types of the records of the only log, which must be intact when checkpoints are required.
fn kinds(dir: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let required = Expectations {
        require_checkpoints: true,
        ..Expectations::default()
    };
    for (_, report) in verify_with(dir, &required)?.logs {
        assert_eq!(report.faults_total, 0, "{report:?}");
    }
    let entries = read_checked(dir)?.into_iter().flat_map(|log| log.entries);
    Ok(entries
        .map(|entry| entry.body.type_name().to_owned())
        .collect())
}

#[test]
fn a_session_is_sealed_after_last_words_at_its_end_and_every_64_records() -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path(), SealPace::default())?;
    let told = log.append_blocking(vec![opening()])?;
    assert!(matches!(
        &told[..],
        [Entry { body: Body::SessionOpen { public_key: Some(key), .. }, .. }] if key.len() == 64
    ));
    // The caller gets the records he gave, and no others.
    let told = log.append_blocking(vec![note(0)?, outcome()])?;
    assert_eq!(told.iter().map(|entry| entry.n).collect::<Vec<_>>(), [2, 3]);
    for i in 0..70 {
        log.append_blocking(vec![note(i)?])?;
    }
    log.append_blocking(vec![closing()])?;
    // What comes after the end belongs to no session: the key is gone.
    log.append_blocking(vec![note(0)?, outcome()])?;
    drop(log);
    let entries = read_checked(dir.path())?.remove(0).entries;
    let sealed: Vec<u64> = entries
        .iter()
        .filter(|entry| entry.body.type_name() == "checkpoint")
        .map(|entry| entry.n)
        .collect();
    assert_eq!(sealed, [4, 69, 77]);
    let reports = verify_with(dir.path(), &Expectations::default())?.logs;
    let (_, report) = reports.first().ok_or("no log")?;
    assert!(report.intact() && report.warnings_total == 0, "{report:?}");
    assert_eq!(report.checkpoints, 3);
    Ok(())
}

fn wait_for(dir: &Path, count: usize) -> Result<Vec<String>, Box<dyn Error>> {
    let begun = Instant::now();
    loop {
        let kinds = kinds(dir)?;
        if kinds.iter().filter(|kind| *kind == "checkpoint").count() >= count {
            return Ok(kinds);
        }
        if begun.elapsed() > Duration::from_secs(20) {
            return Err(format!("no {count} checkpoints in {kinds:?}").into());
        }
        thread::yield_now();
    }
}

#[test]
fn time_alone_seals_what_was_written_and_beats_in_an_idle_session() -> Done {
    let dir = tempfile::tempdir()?;
    let never = Duration::from_secs(3600);
    let short = Duration::from_millis(5);
    for (activity, heartbeat) in [(short, never), (never, short)] {
        let pace = SealPace {
            records: 1000,
            activity,
            heartbeat,
        };
        let log = open(dir.path(), pace)?;
        log.append_blocking(vec![opening()])?;
        let before = kinds(dir.path())?
            .iter()
            .filter(|kind| *kind == "checkpoint")
            .count();
        let more = if heartbeat == short { 3 } else { 1 };
        wait_for(dir.path(), before.max(1) + more - 1)?;
        log.append_blocking(vec![closing()])?;
    }
    // No session, no beat: the last record is the checkpoint of the end.
    let all = kinds(dir.path())?;
    assert_eq!(all.last().map(String::as_str), Some("checkpoint"));
    Ok(())
}

#[test]
fn sessions_of_several_processes_seal_each_their_own() -> Done {
    let dir = tempfile::tempdir()?;
    let mut writers = Vec::new();
    for _ in 0..4 {
        let ground = Ground {
            rotate_at: 20_000,
            ..Ground::default()
        };
        let log = AuditLog::open_on(dir.path(), identity(), ground)?;
        writers.push(thread::spawn(move || -> Result<(), String> {
            let say = |error: Box<dyn Error>| error.to_string();
            log.append_blocking(vec![opening()])
                .map_err(|e| say(e.into()))?;
            for i in 0..40 {
                let body = if i % 10 == 9 {
                    outcome()
                } else {
                    note(i).map_err(say)?
                };
                log.append_blocking(vec![body]).map_err(|e| say(e.into()))?;
            }
            log.append_blocking(vec![closing()])
                .map_err(|e| say(e.into()))?;
            Ok(())
        }));
    }
    for writer in writers {
        writer.join().map_err(|_panic| "a writer panicked")??;
    }
    let sealed = kinds(dir.path())?;
    let sealed = sealed.iter().filter(|kind| *kind == "checkpoint").count();
    assert_eq!(sealed, 4 * 5);
    Ok(())
}

#[test]
fn a_killed_session_leaves_an_unsealed_tail_and_no_end() -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path(), SealPace::default())?;
    log.append_blocking(vec![opening(), note(0)?])?;
    drop(log);
    let reports = verify_with(dir.path(), &Expectations::default())?.logs;
    let (_, report) = reports.first().ok_or("no log")?;
    assert_eq!(
        report.warnings,
        [
            Warning::UnsealedTail { from: 1, count: 2 },
            Warning::SessionsOpen { count: 1 }
        ]
    );
    Ok(())
}

#[test]
fn where_checkpoints_are_required_a_killed_session_fails_once_its_next_one_is_overdue() -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path(), SealPace::default())?;
    let told = log.append_blocking(vec![opening(), note(0)?])?;
    drop(log);
    let begun = told.first().ok_or("no record")?.ts;
    for (minutes, code) in [(0, WARNINGS), (20, WARNINGS), (21, BROKEN)] {
        let mut asked = Asked::default();
        asked.expectations.require_checkpoints = true;
        asked.expectations.now = Some(begun + chrono::Duration::minutes(minutes));
        let mut out = Vec::new();
        assert_eq!(
            verify_asked(dir.path(), &asked, &mut out)?,
            code,
            "{minutes}"
        );
        let text = String::from_utf8(out)?;
        // Three things, each with a word of its own.
        assert!(text.contains("  intact: every record present"), "{text}");
        assert!(
            text.contains("  complete: not known without anchors"),
            "{text}"
        );
        assert_eq!(text.contains("  NOT SEALED: "), code == BROKEN, "{text}");
        assert_eq!(
            text.contains("was killed, or what followed was taken out"),
            code == BROKEN,
            "{text}"
        );
        assert!(!text.contains("BROKEN"), "{text}");
        // Not asked for, it stays a warning whatever the time.
        asked.expectations.require_checkpoints = false;
        assert_eq!(verify_asked(dir.path(), &asked, &mut Vec::new())?, WARNINGS);
    }
    Ok(())
}

#[test]
fn the_systems_log_gets_start_checkpoints_and_end_as_anchors() -> Done {
    let dir = tempfile::tempdir()?;
    let socket = dir.path().join("log");
    let listener = UnixDatagram::bind(&socket)?;
    listener.set_read_timeout(Some(Duration::from_secs(10)))?;
    let audit = dir.path().join("audit");
    let ground = Ground {
        syslog: Some(socket),
        ..Ground::default()
    };
    let log = AuditLog::open_on(&audit, identity(), ground)?;
    let told = log.append_blocking(vec![opening()])?;
    log.append_blocking(vec![note(0)?, outcome()])?;
    log.append_blocking(vec![closing()])?;
    let mut lines = Vec::new();
    for _ in 0..4 {
        let mut line = [0; 2000];
        let len = listener.recv(&mut line)?;
        lines.push(String::from_utf8(line[..len].to_vec())?);
    }
    assert!(lines[0].starts_with("<86>quell["), "{}", lines[0]);
    let Some(Body::SessionOpen {
        public_key: Some(key),
        ..
    }) = told.first().map(|e| &e.body)
    else {
        return Err("no key".into());
    };
    assert!(lines[0].contains(&format!(" key={key}")), "{}", lines[0]);
    let anchors: Vec<Anchor> = lines.iter().flat_map(|line| find_anchors(line)).collect();
    assert_eq!(
        anchors.iter().map(|anchor| anchor.n).collect::<Vec<_>>(),
        [1, 4, 5, 6]
    );
    let expectations = Expectations {
        anchors,
        require_checkpoints: true,
        now: None,
    };
    let found = verify_with(&audit, &expectations)?;
    let (_, report) = found.logs.first().ok_or("no log")?;
    assert_eq!(report.faults_total, 0, "{report:?}");
    assert_eq!((report.anchors, report.anchored), (4, Some(6)));
    Ok(())
}

#[test]
fn no_listener_stops_nothing() -> Done {
    let dir = tempfile::tempdir()?;
    let ground = Ground {
        syslog: Some(dir.path().join("nobody")),
        ..Ground::default()
    };
    let log = AuditLog::open_on(&dir.path().join("audit"), identity(), ground)?;
    assert_eq!(log.append_blocking(vec![opening(), closing()])?.len(), 2);
    Ok(())
}
