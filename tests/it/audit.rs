//! The audit log on a real disk: several writers, torn ends, failing operations, rotation, verification.

use std::error::Error;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use quell::cli::audit::{BROKEN, OK, UNREADABLE, WARNINGS, show, verify};
use quell::domain::audit::{Body, Entry, OutcomeState, SUFFIX, sha256_hex};
use quell::domain::ids::{ActionId, CaseId, ConnectionName, PlanId};
use quell::domain::text::Untrusted;
use quell::store::audit::{
    AuditLog, Disk, Free, Ground, Identity, Place, RealDisk, StoreError, read, read_checked,
};
use rstest::rstest;
use serde_json::Value;

type Done = Result<(), Box<dyn Error>>;

/// Names the directory for the test that is started as another process.
const DIR: &str = "QUELL_TEST_AUDIT_DIR";

fn identity() -> Identity {
    Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    }
}

fn open(dir: &Path) -> Result<AuditLog, StoreError> {
    AuditLog::open(dir, identity())
}

/// A record of class A.
fn close(reason: &str) -> Body {
    Body::SessionClose {
        reason: reason.into(),
    }
}

fn case() -> Result<CaseId, Box<dyn Error>> {
    Ok(CaseId::new(ConnectionName::parse("hive")?, "~1\u{1b}[2J"))
}

/// A record of class B.
fn opened() -> Result<Body, Box<dyn Error>> {
    Ok(Body::CaseOpened { case: case()? })
}

fn action() -> ActionId {
    ActionId::from_parts(chrono::DateTime::UNIX_EPOCH, 1)
}

fn outcome() -> Body {
    Body::ActionOutcome {
        aid: action(),
        state: OutcomeState::Verified,
        evidence: "disabled".into(),
        seconds: Some(3),
    }
}

fn confirm() -> Body {
    Body::ActionConfirm {
        pid: PlanId::from_parts(chrono::DateTime::UNIX_EPOCH, 2),
        aid: action(),
        how: "typed".into(),
        plan_hash: "0".into(),
        dry_run: false,
        operator: None,
    }
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, io::Error> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)?
        .map(|file| file.map(|file| file.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    Ok(files)
}

fn only_file(dir: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let files = files(dir)?;
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().ok_or_else(|| "no file".into())
}

fn told(dir: &Path) -> Result<(u8, String), Box<dyn Error>> {
    let mut out = Vec::new();
    let code = verify(dir, false, &mut out)?;
    Ok((code, String::from_utf8(out)?))
}

/// Checks that one log is intact with records 1 to its last, and gives them.
fn intact(dir: &Path) -> Result<Vec<Entry>, Box<dyn Error>> {
    let mut logs = read_checked(dir)?;
    assert_eq!(logs.len(), 1, "one log");
    let log = logs.remove(0);
    assert!(log.report.intact(), "{:?}", log.report);
    let numbers: Vec<u64> = log.entries.iter().map(|entry| entry.n).collect();
    assert_eq!(numbers, (1..=log.report.records).collect::<Vec<_>>());
    Ok(log.entries)
}

/// What a failing operation does.
#[derive(Clone, Copy, Debug)]
enum How {
    Error(i32),
    Short,
}

/// A disk on which the `at`th operation of one kind fails, once or from then on.
struct Faulty {
    write: Option<(usize, How)>,
    sync: Option<(usize, How)>,
    lock: Option<(usize, How)>,
    free: Free,
    writes: usize,
    locks: usize,
    syncs: Arc<AtomicUsize>,
    synced: Option<mpsc::Sender<usize>>,
}

impl Default for Faulty {
    fn default() -> Self {
        Self {
            write: None,
            sync: None,
            lock: None,
            free: Free {
                bytes: 1 << 40,
                inodes: None,
            },
            writes: 0,
            locks: 0,
            syncs: Arc::default(),
            synced: None,
        }
    }
}

fn due(plan: Option<(usize, How)>, count: usize) -> Option<How> {
    plan.filter(|(at, _)| *at == count).map(|(_, how)| how)
}

impl Disk for Faulty {
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.writes += 1;
        match due(self.write, self.writes) {
            Some(How::Error(code)) => Err(io::Error::from_raw_os_error(code)),
            Some(How::Short) => RealDisk.write(file, bytes.get(..bytes.len() / 2).unwrap_or(&[])),
            None => RealDisk.write(file, bytes),
        }
    }

    fn sync_data(&mut self, file: &File) -> io::Result<()> {
        let count = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        let done = match due(self.sync, count) {
            Some(How::Error(code)) => Err(io::Error::from_raw_os_error(code)),
            _ => RealDisk.sync_data(file),
        };
        if let Some(synced) = &self.synced {
            // Nobody listens once the test is over.
            let _gone = synced.send(count);
        }
        done
    }

    fn sync_all(&mut self, file: &File) -> io::Result<()> {
        RealDisk.sync_all(file)
    }

    fn try_lock(&mut self, file: &File) -> Result<(), TryLockError> {
        self.locks += 1;
        match due(self.lock, self.locks) {
            Some(How::Error(code)) => Err(TryLockError::Error(io::Error::from_raw_os_error(code))),
            _ => RealDisk.try_lock(file),
        }
    }

    fn free(&mut self, _path: &Path) -> io::Result<Free> {
        Ok(self.free)
    }

    fn reserve(&mut self, file: &File, from: u64, len: u64) -> io::Result<()> {
        RealDisk.reserve(file, from, len)
    }
}

fn open_faulty(dir: &Path, disk: Faulty) -> Result<AuditLog, StoreError> {
    AuditLog::open_on(
        dir,
        identity(),
        Ground {
            disk: Box::new(disk),
            ..Ground::default()
        },
    )
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

#[test]
fn files_are_private_and_named_by_log_and_segment() -> Done {
    let outer = tempfile::tempdir()?;
    let dir = outer.path().join("audit");
    let log = open(&dir)?;
    let entries = log.append_blocking(vec![close("a"), close("b")])?;
    assert_eq!(
        entries.iter().map(|entry| entry.n).collect::<Vec<_>>(),
        [1, 2]
    );
    let file = only_file(&dir)?;
    assert_eq!(file, dir.join(format!("audit-{}-1.jsonl", log.log())));
    assert_eq!(fs::metadata(&dir)?.permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(log.read_all()?, entries);
    assert_eq!(read(&dir)?, entries);
    Ok(())
}

#[test]
fn the_recipe_of_the_documentation_agrees_on_every_line() -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path())?;
    log.append_blocking(vec![
        close("a \u{1b}\u{202e}\u{1f600}"),
        opened()?,
        outcome(),
    ])?;
    let mut before = "0".repeat(64);
    for line in fs::read_to_string(only_file(dir.path())?)?.lines() {
        let (hashed, end) = line.split_at(line.len() - SUFFIX);
        let h = sha256_hex(&[b"quell-audit/1\0", hashed.as_bytes()].concat());
        assert_eq!(end, format!(",\"h\":\"{h}\"}}"));
        assert!(hashed.ends_with(&format!(",\"prev\":\"{before}\"")));
        before = h;
    }
    assert_ne!(before, "0".repeat(64));
    Ok(())
}

#[test]
fn threads_with_their_own_handles_make_one_chain() -> Done {
    let dir = tempfile::tempdir()?;
    let mut writers = Vec::new();
    for writer in 0..4 {
        let log = open(dir.path())?;
        writers.push(thread::spawn(move || -> Result<Vec<Entry>, StoreError> {
            let mut acknowledged = Vec::new();
            for i in 0..25 {
                let bodies = vec![close(&format!("{writer}/{i}")); 1 + i % 3];
                acknowledged.extend(log.append_blocking(bodies)?);
            }
            Ok(acknowledged)
        }));
    }
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.join().map_err(|_panic| "a writer panicked")??);
    }
    acknowledged.sort_by_key(|entry| entry.n);
    assert_eq!(intact(dir.path())?, acknowledged);
    assert_eq!(told(dir.path())?.0, OK);
    Ok(())
}

/// Started as another process by the next test; alone it does nothing.
#[test]
#[ignore = "the other process of processes_killed_while_appending_leave_one_chain"]
fn writer_process() -> Done {
    let Some(dir) = std::env::var_os(DIR) else {
        return Ok(());
    };
    let log = open(Path::new(&dir))?;
    for i in 0.. {
        for entry in log.append_blocking(vec![close(&format!("{i}")); 2])? {
            // In one write, so that a kill cannot leave half a line that reads like a whole one.
            let told = format!("ack {} {}.\n", entry.n, entry.h);
            io::stdout().write_all(told.as_bytes())?;
        }
    }
    Ok(())
}

fn start_writer(dir: &Path) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args([
            "audit::writer_process",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
}

/// Reads acknowledgements until there are enough, kills the process, and reads what it had still said.
fn kill_after(mut child: Child, enough: usize) -> io::Result<Vec<String>> {
    let mut acknowledged = Vec::new();
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines() {
            let line = line?;
            let ack = line
                .split_once("ack ")
                .and_then(|(_, ack)| ack.strip_suffix('.'));
            acknowledged.extend(ack.map(str::to_owned));
            if acknowledged.len() == enough {
                child.kill()?;
            }
        }
    }
    child.wait()?;
    Ok(acknowledged)
}

#[test]
fn processes_killed_while_appending_leave_one_chain() -> Done {
    let dir = tempfile::tempdir()?;
    let mut readers = Vec::new();
    for i in 0..4 {
        let child = start_writer(dir.path())?;
        readers.push(thread::spawn(move || kill_after(child, 10 + 7 * i)));
    }
    let mut acknowledged = Vec::new();
    for reader in readers {
        acknowledged.extend(reader.join().map_err(|_panic| "a reader panicked")??);
    }
    assert!(acknowledged.len() >= 80, "{}", acknowledged.len());
    open(dir.path())?.append_blocking(vec![close("after")])?;
    let kept = intact(dir.path())?;
    for ack in acknowledged {
        let found = kept
            .iter()
            .filter(|entry| format!("{} {}", entry.n, entry.h) == ack)
            .count();
        assert_eq!(found, 1, "{ack}");
    }
    Ok(())
}

#[rstest]
#[case(b"{\"v\":1,\"log\":\"0".to_vec())]
#[case(vec![0; 200_000])]
#[case(b"half\n".to_vec())]
#[case(b"\n".to_vec())]
fn a_torn_end_is_healed_and_named(#[case] torn: Vec<u8>) -> Done {
    let dir = tempfile::tempdir()?;
    open(dir.path())?.append_blocking(vec![close("a"), close("b")])?;
    let path = only_file(dir.path())?;
    OpenOptions::new()
        .append(true)
        .open(&path)?
        .write_all(&torn)?;
    let before = fs::read(&path)?;

    open(dir.path())?.append_blocking(vec![close("c")])?;
    let entries = intact(dir.path())?;
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.body.type_name()).collect();
    assert_eq!(
        kinds,
        [
            "session.close",
            "session.close",
            "log.recovered",
            "session.close"
        ]
    );
    assert!(
        fs::read(&path)?.starts_with(&before),
        "nothing is ever rewritten"
    );
    let (code, words) = told(dir.path())?;
    assert_eq!(code, WARNINGS);
    assert!(
        words.contains("torn bytes, named by the writer that found them"),
        "{words}"
    );
    Ok(())
}

#[rstest]
#[case::a_line(b"hello\n".to_vec(), 6)]
#[case::a_mebibyte_of_text(b"hello, you\n".repeat(100_000), 1_100_000)]
#[case::a_torn_piece(b"{\"v\":1,\"log\":\"01".to_vec(), 0)]
#[case::a_piece_that_was_ended(b"{\"v\":1,\"log\":\"01\n".to_vec(), 0)]
fn whole_lines_of_others_are_counted_where_they_are_named(
    #[case] end: Vec<u8>,
    #[case] expected: u64,
) -> Done {
    let dir = tempfile::tempdir()?;
    open(dir.path())?.append_blocking(vec![close("a")])?;
    let path = only_file(dir.path())?;
    let put = || OpenOptions::new().append(true).open(&path)?.write_all(&end);
    put()?;
    let log = open(dir.path())?;
    assert_eq!(log.health().foreign, expected, "found at the start");
    put()?;
    log.append_blocking(vec![close("b")])?;
    assert_eq!(log.health().foreign, 2 * expected, "found by a later write");
    intact(dir.path())?;
    assert_eq!(open(dir.path())?.health().foreign, 0, "named once");
    Ok(())
}

#[test]
fn every_cut_of_the_last_record_is_healed() -> Done {
    let dir = tempfile::tempdir()?;
    open(dir.path())?.append_blocking(vec![close("a"), close("b")])?;
    let path = only_file(dir.path())?;
    let whole = fs::read(&path)?;
    let first = whole.iter().position(|b| *b == b'\n').ok_or("no line")? + 1;
    for cut in (first..whole.len()).step_by(23).chain([whole.len() - 1]) {
        fs::write(&path, whole.get(..cut).unwrap_or_default())?;
        open(dir.path())?.append_blocking(vec![close("c")])?;
        let entries = intact(dir.path())?;
        assert!(
            matches!(&entries.last().map(|e| &e.body), Some(Body::SessionClose { reason }) if reason == "c")
        );
        // Only the line feed is missing: the record is there and nothing was torn.
        let recovered = entries
            .iter()
            .any(|entry| entry.body.type_name() == "log.recovered");
        assert_eq!(
            recovered,
            cut != first && cut != whole.len() - 1,
            "cut at {cut}"
        );
    }
    Ok(())
}

/// Tells whether nobody knows if the records are in the log.
fn may_stand(error: &StoreError) -> bool {
    matches!(error, StoreError::Unknown(_))
}

#[test]
fn a_failed_sync_latches() -> Done {
    let dir = tempfile::tempdir()?;
    let disk = Faulty {
        sync: Some((2, How::Error(EIO))),
        ..Faulty::default()
    };
    let log = open_faulty(dir.path(), disk)?;
    log.append_blocking(vec![close("a")])?;
    assert!(log.health().failed.is_none());
    let failed = log.append_blocking(vec![outcome()]);
    let failed = failed.expect_err("its sync failed");
    assert!(may_stand(&failed), "its bytes are in the log: {failed:?}");
    assert_eq!(failed.shown(), failed.clone().perhaps().shown());
    assert!(failed.hint().is_some());
    for _ in 0..2 {
        let refused = log.append_blocking(vec![outcome()]);
        assert!(
            matches!(refused, Err(StoreError::Failed { .. })),
            "nothing is written any more: {refused:?}"
        );
    }
    let failed = log.health().failed.ok_or("not latched")?;
    assert!(
        failed
            .shown()
            .as_str()
            .contains("an earlier sync to disk failed")
    );
    assert!(failed.shown().as_str().contains("os error 5"));
    assert!(failed.hint().is_some());
    // What needs no sync is still written down.
    log.append_blocking(vec![opened()?])?;
    assert_ne!(told(dir.path())?.0, BROKEN);
    Ok(())
}

#[test]
fn after_a_failed_sync_the_next_writer_goes_on_in_a_new_segment() -> Done {
    let dir = tempfile::tempdir()?;
    let disk = Faulty {
        sync: Some((2, How::Error(EIO))),
        ..Faulty::default()
    };
    let log = open_faulty(dir.path(), disk)?;
    log.append_blocking(vec![close("a")])?;
    let failed = log.append_blocking(vec![close("b")]);
    assert!(failed.as_ref().is_err_and(may_stand), "{failed:?}");
    let marker = dir.path().join(format!("audit-{}-1.failed", log.log()));
    assert_eq!(fs::metadata(&marker)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(told(dir.path())?.0, OK, "it is no file of the log");
    drop(log);

    open(dir.path())?.append_blocking(vec![close("c")])?;
    assert!(!marker.exists());
    open(dir.path())?.append_blocking(vec![close("d")])?;
    let entries = intact(dir.path())?;
    let all: Vec<(u64, &str)> = entries
        .iter()
        .map(|entry| (entry.seg, entry.body.type_name()))
        .collect();
    let said = "session.close";
    assert_eq!(
        all,
        [
            (1, said),
            (1, said),
            (1, "segment.end"),
            (2, "segment.start"),
            (2, said),
            (2, said)
        ]
    );
    assert_eq!(told(dir.path())?.0, OK);
    if let Some(mut python) = crate::audit_agree::python() {
        let said = python.arg(dir.path()).output()?;
        assert_eq!(said.status.code(), Some(0), "{said:?}");
    }
    Ok(())
}

#[test]
fn after_a_failed_sync_a_full_disk_takes_the_last_word_where_its_room_is() -> Done {
    let dir = tempfile::tempdir()?;
    let disk = Faulty {
        sync: Some((2, How::Error(EIO))),
        ..Faulty::default()
    };
    let log = open_faulty(dir.path(), disk)?;
    log.append_blocking(vec![close("a")])?;
    assert!(log.append_blocking(vec![close("b")]).is_err());
    let marker = dir.path().join(format!("audit-{}-1.failed", log.log()));
    drop(log);

    let full = Faulty {
        free: Free {
            bytes: 0,
            inodes: None,
        },
        ..Faulty::default()
    };
    let log = open_faulty(dir.path(), full)?;
    log.append_blocking(vec![outcome()])?;
    let numbers =
        |entries: Vec<Entry>| -> Vec<u64> { entries.into_iter().map(|entry| entry.seg).collect() };
    assert_eq!(numbers(intact(dir.path())?), [1, 1, 1]);
    // Nobody knows what this segment holds, so nothing of it is remembered, and the mark stays for the next writer.
    assert!(log.health().durable.is_none());
    assert!(marker.exists());
    drop(log);

    open(dir.path())?.append_blocking(vec![close("c")])?;
    assert_eq!(numbers(intact(dir.path())?), [1, 1, 1, 1, 2, 2]);
    assert!(!marker.exists());
    Ok(())
}

#[rstest]
#[case(How::Short)]
#[case(How::Error(EIO))]
#[case(How::Error(ENOSPC))]
fn a_failed_write_is_an_error_and_the_next_one_heals(#[case] how: How) -> Done {
    let dir = tempfile::tempdir()?;
    let disk = Faulty {
        write: Some((2, how)),
        ..Faulty::default()
    };
    let log = open_faulty(dir.path(), disk)?;
    log.append_blocking(vec![close("a")])?;
    let failed = log.append_blocking(vec![close("lost")]);
    match how {
        How::Short => assert!(failed.as_ref().is_err_and(may_stand), "{failed:?}"),
        How::Error(_) => assert!(matches!(failed, Err(StoreError::Io { .. })), "{failed:?}"),
    }
    log.append_blocking(vec![close("b")])?;
    let entries = intact(dir.path())?;
    let recovered = entries
        .iter()
        .any(|entry| entry.body.type_name() == "log.recovered");
    assert_eq!(recovered, matches!(how, How::Short));
    assert!(!entries.iter().any(|entry| entry.body == close("lost")));
    Ok(())
}

#[test]
fn no_failing_operation_breaks_the_chain_or_loses_what_was_acknowledged() -> Done {
    for at in 1..12 {
        for (kind, how) in [
            ("write", How::Short),
            ("write", How::Error(ENOSPC)),
            ("sync", How::Error(EIO)),
            ("lock", How::Error(EIO)),
        ] {
            let dir = tempfile::tempdir()?;
            let mut disk = Faulty::default();
            match kind {
                "write" => disk.write = Some((at, how)),
                "sync" => disk.sync = Some((at, how)),
                _ => disk.lock = Some((at, how)),
            }
            let mut acknowledged = Vec::new();
            if let Ok(log) = open_faulty(dir.path(), disk) {
                for i in 0..10 {
                    let body = close(&format!("{i}"));
                    acknowledged.extend(log.append_blocking(vec![body; 2]).unwrap_or_default());
                }
            }
            open(dir.path())?.append_blocking(vec![close("after")])?;
            let kept = intact(dir.path())?;
            for entry in acknowledged {
                assert!(kept.contains(&entry), "{kind} {at}: {entry:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_lock_that_others_keep_is_an_error() -> Done {
    let dir = tempfile::tempdir()?;
    let ground = Ground {
        lock_wait: Duration::ZERO,
        ..Ground::default()
    };
    let log = AuditLog::open_on(dir.path(), identity(), ground)?;
    let holder = File::open(only_file(dir.path())?)?;
    holder.lock()?;
    let refused = log.append_blocking(vec![close("a")]);
    assert!(
        matches!(refused, Err(StoreError::Locked { .. })),
        "{refused:?}"
    );
    holder.unlock()?;
    log.append_blocking(vec![close("b")])?;
    assert_eq!(intact(dir.path())?.len(), 1);
    Ok(())
}

#[rstest]
#[case(Free { bytes: (16 << 20) - 1, inodes: None })]
#[case(Free { bytes: 1 << 40, inodes: Some(999) })]
fn a_full_disk_refuses_new_actions_and_takes_outcomes(#[case] free: Free) -> Done {
    let dir = tempfile::tempdir()?;
    let log = open_faulty(
        dir.path(),
        Faulty {
            free,
            ..Faulty::default()
        },
    )?;
    let refused = log.append_blocking(vec![confirm()]);
    assert!(
        matches!(refused, Err(StoreError::Full { .. })),
        "{refused:?}"
    );
    log.append_blocking(vec![outcome()])?;
    assert_eq!(log.health().free, Some(free));
    assert_eq!(intact(dir.path())?.len(), 1);
    Ok(())
}

#[test]
fn a_record_the_log_does_not_take_does_not_stop_the_others() -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path())?;
    let huge = log.append_blocking(vec![close("a"), close(&"x".repeat(70_000))]);
    assert!(matches!(huge, Err(StoreError::Refused { .. })), "{huge:?}");
    log.append_blocking(vec![close("b")])?;
    let entries = intact(dir.path())?;
    assert_eq!(
        entries.iter().map(|entry| &entry.body).collect::<Vec<_>>(),
        [&close("b")]
    );
    Ok(())
}

#[test]
fn full_segments_are_ended_closed_and_followed() -> Done {
    let dir = tempfile::tempdir()?;
    let mut writers = Vec::new();
    for writer in 0..3 {
        let ground = Ground {
            rotate_at: 3000,
            ..Ground::default()
        };
        let log = AuditLog::open_on(dir.path(), identity(), ground)?;
        writers.push(thread::spawn(move || -> Result<(), StoreError> {
            for i in 0..20 {
                log.append_blocking(vec![close(&format!("{writer}/{i}"))])?;
            }
            Ok(())
        }));
    }
    for writer in writers {
        writer.join().map_err(|_panic| "a writer panicked")??;
    }
    let entries = intact(dir.path())?;
    let said = entries
        .iter()
        .filter(|entry| entry.body.type_name() == "session.close")
        .count();
    assert_eq!(said, 60);
    let last = entries.last().map_or(0, |entry| entry.seg);
    assert!(last > 3, "{last}");
    for path in files(dir.path())? {
        let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
        let is_last = path.to_string_lossy().ends_with(&format!("-{last}.jsonl"));
        assert_eq!(mode, if is_last { 0o600 } else { 0o400 }, "{path:?}");
    }
    assert_eq!(told(dir.path())?.0, OK);
    Ok(())
}

#[test]
fn a_writer_killed_between_two_segments_is_followed() -> Done {
    let dir = tempfile::tempdir()?;
    let ground = || Ground {
        rotate_at: 600,
        ..Ground::default()
    };
    let log = AuditLog::open_on(dir.path(), identity(), ground())?;
    log.append_blocking(vec![close("a"), close("b")])?;
    log.append_blocking(vec![close("c")])?;
    drop(log);
    let [first, second] = &files(dir.path())?[..] else {
        return Err("two segments".into());
    };
    for torn in [None, Some(""), Some("{\"v\":1,")] {
        match torn {
            None => fs::remove_file(second)?,
            Some(torn) => fs::write(second, torn)?,
        }
        fs::set_permissions(first, fs::Permissions::from_mode(0o600))?;
        open(dir.path())?.append_blocking(vec![close("d")])?;
        let entries = intact(dir.path())?;
        assert_eq!(
            entries.last().map(|entry| (entry.seg, &entry.body)),
            Some((2, &close("d")))
        );
    }
    Ok(())
}

#[test]
fn a_log_removed_while_open_is_an_error() -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path())?;
    fs::remove_file(only_file(dir.path())?)?;
    let refused = log.append_blocking(vec![close("a")]);
    assert!(
        matches!(refused, Err(StoreError::Missing { .. })),
        "{refused:?}"
    );
    Ok(())
}

#[test]
fn hosts_that_share_a_directory_have_their_own_logs() -> Done {
    let dir = tempfile::tempdir()?;
    let here = open(dir.path())?;
    here.append_blocking(vec![close("here")])?;
    let other = Identity {
        host: "other".into(),
        ..identity()
    };
    let there = AuditLog::open(dir.path(), other)?;
    there.append_blocking(vec![close("there")])?;
    assert_ne!(here.log(), there.log());
    assert_eq!(open(dir.path())?.log(), here.log());
    assert_eq!(told(dir.path())?.0, OK);
    Ok(())
}

#[test]
fn the_order_is_that_of_the_calls_and_dropped_futures_are_appended() -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let first = log.append(vec![close("first")]);
        drop(log.append(vec![close("dropped")]));
        let third = log.append(vec![close("third")]);
        let (third, first) = (third.await?, first.await?);
        assert_eq!((first[0].n, third[0].n), (1, 3));
        Ok::<(), StoreError>(())
    })?;
    assert_eq!(
        intact(dir.path())?.get(1).map(|entry| &entry.body),
        Some(&close("dropped"))
    );
    Ok(())
}

#[test]
fn class_b_is_synced_without_being_asked() -> Done {
    let dir = tempfile::tempdir()?;
    let (tell, synced) = mpsc::channel();
    let disk = Faulty {
        synced: Some(tell),
        ..Faulty::default()
    };
    let syncs = Arc::clone(&disk.syncs);
    let log = open_faulty(dir.path(), disk)?;
    log.append_blocking(vec![opened()?])?;
    assert_eq!(
        syncs.load(Ordering::SeqCst),
        0,
        "the answer does not wait for the sync"
    );
    assert_eq!(synced.recv_timeout(Duration::from_secs(5)), Ok(1));
    log.append_blocking(vec![close("a"), opened()?, close("b")])?;
    assert_eq!(synced.recv_timeout(Duration::from_secs(5)), Ok(2));
    assert_eq!(syncs.load(Ordering::SeqCst), 2, "one sync for a batch");
    Ok(())
}

#[test]
fn verify_tells_by_its_exit_code() -> Done {
    let dir = tempfile::tempdir()?;
    assert_eq!(told(dir.path())?.0, UNREADABLE);
    open(dir.path())?.append_blocking(vec![close("a"), close("b"), close("c")])?;
    let (code, words) = told(dir.path())?;
    assert_eq!(code, OK);
    assert!(
        words.contains("intact: every record present follows from the one before"),
        "{words}"
    );
    assert!(
        words.contains("complete: not known without anchors"),
        "{words}"
    );

    let path = only_file(dir.path())?;
    let whole = fs::read(&path)?;
    fs::write(&path, whole.get(..whole.len() - 9).unwrap_or_default())?;
    assert_eq!(told(dir.path())?.0, WARNINGS);

    fs::write(
        &path,
        String::from_utf8(whole)?.replacen("\"a\"", "\"x\"", 1),
    )?;
    let (code, words) = told(dir.path())?;
    assert_eq!(code, BROKEN);
    assert!(!words.contains("intact"), "{words}");
    assert!(
        words.contains("segment 1, byte 0: the record does not have the hash"),
        "{words}"
    );

    let mut out = Vec::new();
    assert_eq!(verify(dir.path(), true, &mut out)?, BROKEN);
    let told: Value = serde_json::from_slice(&out)?;
    assert_eq!(told["exit"], 1);
    assert_eq!(told["logs"][0]["intact"], false);
    assert_eq!(told["logs"][0]["complete"], Value::Null);
    assert_eq!(told["logs"][0]["faults"][0]["offset"], 0);
    Ok(())
}

#[test]
fn a_log_renamed_to_another_is_broken() -> Done {
    let dir = tempfile::tempdir()?;
    let ground = Ground {
        rotate_at: 2000,
        ..Ground::default()
    };
    let log = AuditLog::open_on(dir.path(), identity(), ground)?;
    for _ in 0..8 {
        log.append_blocking(vec![close("a")])?;
    }
    let id = log.log().to_string();
    drop(log);
    assert_eq!(told(dir.path())?.0, OK);
    let all = files(dir.path())?;
    assert!(all.len() > 1, "{all:?}");
    for path in all {
        let other = path
            .to_string_lossy()
            .replace(&id, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        fs::rename(&path, other)?;
    }
    let (code, words) = told(dir.path())?;
    assert_eq!(code, BROKEN, "{words}");
    assert!(words.contains("it belongs to another log"), "{words}");
    assert!(!words.contains("intact"), "{words}");
    if let Some(mut python) = crate::audit_agree::python() {
        let said = python.arg(dir.path()).output()?;
        assert_eq!(said.status.code(), Some(1), "{said:?}");
    }
    Ok(())
}

#[test]
fn a_log_that_cannot_be_read_is_no_verdict() -> Done {
    let outer = tempfile::tempdir()?;
    let not_a_dir = outer.path().join("file");
    fs::write(&not_a_dir, "")?;
    assert_eq!(told(&not_a_dir)?.0, UNREADABLE);
    let mut out = Vec::new();
    assert_eq!(show(&not_a_dir, true, &mut out)?, UNREADABLE);
    assert!(serde_json::from_slice::<Value>(&out)?["error"].is_string());
    Ok(())
}

/// Puts something else in the place of a file.
fn put(path: &Path, kind: &str) -> Done {
    use rustix::fs::{CWD, FileType, Mode};

    match kind {
        "a pipe" => rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?,
        "a directory" => fs::create_dir(path)?,
        "a socket" => drop(std::os::unix::net::UnixListener::bind(path)?),
        _ => {
            let copy = path.with_extension("copy");
            fs::write(&copy, "")?;
            std::os::unix::fs::symlink(&copy, path)?;
        }
    }
    Ok(())
}

#[rstest]
#[case("a pipe")]
#[case("a directory")]
#[case("a socket")]
#[case("a symbolic link")]
fn what_stands_in_place_of_the_log_is_named_and_refused(#[case] kind: &str) -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path())?;
    log.append_blocking(vec![close("a")])?;
    let path = only_file(dir.path())?;
    fs::remove_file(&path)?;
    put(&path, kind)?;
    let words = format!("it is {kind}, not a regular file");
    let refused = |error: &StoreError| {
        assert!(error.shown().as_str().contains(&words), "{error:?}");
    };

    let (code, said) = told(dir.path())?;
    assert_eq!(code, UNREADABLE, "{said}");
    assert!(said.contains(&words) && !said.contains("intact"), "{said}");
    let mut out = Vec::new();
    assert_eq!(show(dir.path(), false, &mut out)?, UNREADABLE);
    refused(
        &log.append_blocking(vec![close("b")])
            .expect_err("a writer that runs"),
    );
    refused(&log.read_all().expect_err("a reader that runs"));
    refused(&log.read_on(Place::default()).expect_err("a follower"));
    refused(
        &log.read_bytes(Place::default(), &mut |_| ())
            .expect_err("a counter"),
    );
    refused(&open(dir.path()).err().ok_or("a new writer was taken")?);
    if let Some(mut python) = crate::audit_agree::python() {
        assert_eq!(python.arg(dir.path()).output()?.status.code(), Some(3));
    }

    let gate = tempfile::tempdir()?;
    put(&gate.path().join("audit.lock"), kind)?;
    refused(&open(gate.path()).err().ok_or("a log without its lock")?);
    Ok(())
}

#[test]
fn show_writes_one_safe_line_a_record() -> Done {
    let dir = tempfile::tempdir()?;
    let log = open(dir.path())?;
    let note = Untrusted::new("\u{1b}]0;owned\u{7}\n\u{202e}\u{9b}31m");
    log.append_blocking(vec![
        Body::Note {
            case: case()?,
            text: note.clone(),
            operator: None,
        },
        outcome(),
    ])?;
    for json in [false, true] {
        let mut out = Vec::new();
        assert_eq!(show(dir.path(), json, &mut out)?, OK);
        let text = String::from_utf8(out)?;
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            text.bytes()
                .all(|b| b == b'\n' || (0x20..=0x7e).contains(&b)),
            "{text}"
        );
        if json {
            let lines = text
                .lines()
                .map(serde_json::from_str)
                .collect::<Result<Vec<Value>, _>>()?;
            assert_eq!(lines[0]["event"]["action"], "note");
            assert_eq!(lines[0]["quell"]["data"]["text"], note.raw());
            assert_eq!(lines[1]["event"]["outcome"], "success");
            assert_eq!(lines[1]["host"]["name"], "bastion");
        } else {
            assert!(text.contains("action.outcome"), "{text}");
        }
    }
    Ok(())
}
