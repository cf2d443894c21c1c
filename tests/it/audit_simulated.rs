//! A disk that forgets: power cuts that lose what was not synced, torn blocks, full and failing disks, rotten bits; and
//! records of random text. The seeds are drawn from one number each, so a failure is found again by its seed.
//!
//! The long forms: `QUELL_SEEDS=10000 QUELL_FUZZ=1000000 cargo test --release --test it audit_simulated -- --nocapture`.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use quell::domain::audit::{Body, Class, Entry, Observed, Warning};
use quell::domain::ids::{ActionId, CaseId, ConnectionName};
use quell::domain::text::Untrusted;
use quell::store::audit::{
    AuditLog, Disk, Free, Ground, Identity, RealDisk, StoreError, read_checked, verify,
};
use serde_json::{Value, json};

use crate::audit_seal::{closing, opening};

type Done = Result<(), Box<dyn Error>>;

/// Sectors are lost whole.
const SECTOR: usize = 512;

/// What of a file would be there after a power cut.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// Its name is in a directory that was synced.
    named: bool,
    /// Bytes that were synced.
    durable: u64,
    /// A range whose sync failed: the system forgot that it is not on the disk.
    doomed: Option<(u64, u64)>,
}

/// What happens in one life of the machine.
#[derive(Clone, Debug, Default)]
struct Fate {
    /// Operations until the power is cut.
    until: u32,
    /// Every so many writes fail in part or wholly; 0 for never.
    bad_write: u32,
    /// The sync that fails, from the last; 0 for none.
    bad_sync: u32,
}

#[derive(Debug)]
struct Machine {
    chance: fastrand::Rng,
    kept: HashMap<u64, Kept>,
    fate: Fate,
    /// Which life this is; the threads of an earlier one reach nothing any more.
    life: u32,
}

#[derive(Clone, Debug)]
struct Forgetful {
    machine: Arc<Mutex<Machine>>,
    life: u32,
}

impl Forgetful {
    /// Counts an operation; fails when there is no power.
    fn begin(&self) -> io::Result<MutexGuard<'_, Machine>> {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        if machine.life != self.life || machine.fate.until == 0 {
            return Err(io::Error::other("no power"));
        }
        machine.fate.until -= 1;
        Ok(machine)
    }
}

impl Disk for Forgetful {
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let mut machine = self.begin()?;
        let dies = machine.fate.until == 0;
        let often = machine.fate.bad_write;
        let bad = often > 0 && machine.chance.u32(..often) == 0;
        if !dies && !bad {
            return RealDisk.write(file, bytes);
        }
        let part = machine.chance.usize(..=bytes.len());
        if part > 0 {
            RealDisk.write(file, &bytes[..part])?;
        }
        match (dies, part) {
            (false, 1..) => Ok(part),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn sync_data(&mut self, file: &File) -> io::Result<()> {
        let mut machine = self.begin()?;
        let found = file.metadata()?;
        let fails = machine.fate.bad_sync == 1;
        machine.fate.bad_sync = machine.fate.bad_sync.saturating_sub(1);
        let kept = machine.kept.entry(found.ino()).or_default();
        if fails {
            kept.doomed = Some((kept.durable, found.len()));
            return Err(io::Error::from_raw_os_error(5));
        }
        kept.durable = found.len();
        Ok(())
    }

    fn sync_all(&mut self, file: &File) -> io::Result<()> {
        let mut machine = self.begin()?;
        let found = file.metadata()?;
        if found.is_dir() {
            // Every file made so far has its name now; this directory is the only one.
            machine.kept.values_mut().for_each(|kept| kept.named = true);
        } else {
            machine.kept.entry(found.ino()).or_default().durable = found.len();
        }
        Ok(())
    }

    fn try_lock(&mut self, file: &File) -> Result<(), TryLockError> {
        RealDisk.try_lock(file)
    }

    fn free(&mut self, _path: &Path) -> io::Result<Free> {
        Ok(Free {
            bytes: 1 << 40,
            inodes: None,
        })
    }

    fn reserve(&mut self, _file: &File, _from: u64, _len: u64) -> io::Result<()> {
        drop(self.begin()?);
        Ok(())
    }
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// How the disk treats what was not synced when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// It has a part from the start, and perhaps nothing but zeros behind.
    InOrder,
    /// It has any of its sectors.
    AnyOrder,
}

/// Cuts the power: every file is what the disk had of it.
fn cut(dir: &Path, machine: &Mutex<Machine>, loss: Loss) -> io::Result<()> {
    let mut machine = machine.lock().unwrap_or_else(PoisonError::into_inner);
    machine.life += 1;
    for path in files(dir)? {
        let inode = fs::metadata(&path)?.ino();
        let kept = machine.kept.remove(&inode).unwrap_or_default();
        if !kept.named && machine.chance.bool() {
            fs::remove_file(&path)?;
            continue;
        }
        let mut bytes = fs::read(&path)?;
        let durable = usize::try_from(kept.durable).map_err(io::Error::other)?;
        match loss {
            Loss::InOrder => {
                let end = machine.chance.usize(durable..=bytes.len());
                bytes.truncate(end);
                if machine.chance.u8(..4) == 0 && end > durable {
                    bytes.resize(end + machine.chance.usize(..2 * SECTOR), 0);
                }
            }
            Loss::AnyOrder => {
                let mut at = durable;
                while at < bytes.len() {
                    let next = bytes.len().min((at / SECTOR + 1) * SECTOR);
                    if machine.chance.bool() {
                        bytes[at..next].fill(0);
                    }
                    at = next;
                }
            }
        }
        if let Some((from, to)) = kept.doomed {
            let to = usize::try_from(to)
                .map_err(io::Error::other)?
                .min(bytes.len());
            let from = usize::try_from(from).map_err(io::Error::other)?.min(to);
            bytes[from..to].fill(0);
        }
        // In place, so that the file stays the one it was; a closed segment may be read only, but not for root.
        let mode = fs::metadata(&path)?.permissions();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let known = Kept {
            named: true,
            durable: bytes.len() as u64,
            doomed: None,
        };
        fs::write(&path, bytes)?;
        fs::set_permissions(&path, mode)?;
        machine.kept.insert(inode, known);
    }
    Ok(())
}

fn identity() -> Identity {
    Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    }
}

fn ground(machine: &Arc<Mutex<Machine>>) -> Ground {
    let life = machine.lock().unwrap_or_else(PoisonError::into_inner).life;
    Ground {
        disk: Box::new(Forgetful {
            machine: Arc::clone(machine),
            life,
        }),
        rotate_at: 6_000,
        ..Ground::default()
    }
}

/// Draws a batch of either class.
fn batch(chance: &mut fastrand::Rng) -> Result<Vec<Body>, Box<dyn Error>> {
    let case = CaseId::new(ConnectionName::parse("hive")?, "~1");
    let mut bodies = Vec::new();
    for _ in 0..chance.usize(1..4) {
        let len = chance.usize(..900);
        let text: String = (0..len).map(|_| chance.alphanumeric()).collect();
        bodies.push(if chance.bool() {
            Body::CaseOpened { case: case.clone() }
        } else {
            Body::ActionObserve(Observed {
                aid: ActionId::from_parts(chrono::DateTime::UNIX_EPOCH, 1),
                evidence: text.into(),
                matches: None,
                reads: 1,
                used: None,
                effect_at: None,
            })
        });
    }
    Ok(bodies)
}

/// What a seed came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The chain is whole and has every record that was acknowledged.
    Whole,
    /// The disk broke its word, and verification says that the log is broken.
    Alarm,
}

fn live_and_die(seed: u64, loss: Loss) -> Result<End, Box<dyn Error>> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let dir = tempfile::tempdir()?;
    let machine = Arc::new(Mutex::new(Machine {
        chance: fastrand::Rng::with_seed(seed ^ 0x5EED),
        kept: HashMap::new(),
        fate: Fate::default(),
        life: 0,
    }));
    let mut acknowledged: Vec<Entry> = Vec::new();
    let (mut lied, lives) = (false, chance.u32(1..4));
    for _ in 0..lives {
        let fate = Fate {
            until: chance.u32(1..70),
            bad_write: if chance.u8(..3) == 0 { 6 } else { 0 },
            bad_sync: if chance.u8(..12) == 0 {
                chance.u32(1..12)
            } else {
                0
            },
        };
        machine.lock().unwrap_or_else(PoisonError::into_inner).fate = fate;
        live(dir.path(), &machine, &mut chance, &mut acknowledged)?;
        let known = machine.lock().unwrap_or_else(PoisonError::into_inner);
        lied |= known.kept.values().any(|kept| kept.doomed.is_some());
        drop(known);
        cut(dir.path(), &machine, loss)?;
    }
    let rots = chance.u8(..8) == 0 && rot(dir.path(), &mut chance)?;
    machine.lock().unwrap_or_else(PoisonError::into_inner).fate = Fate {
        until: u32::MAX,
        ..Fate::default()
    };
    AuditLog::open_on(dir.path(), identity(), ground(&machine))?
        .append_blocking(vec![closing()])?;
    let logs = read_checked(dir.path())?;
    let found: BTreeSet<(u64, String)> = logs
        .iter()
        .flat_map(|log| &log.entries)
        .map(|entry| (entry.n, entry.h.to_string()))
        .collect();
    let lost = acknowledged
        .iter()
        .find(|entry| !found.contains(&(entry.n, entry.h.to_string())));
    let whole = logs.iter().all(|log| log.report.intact());
    // A bit that rots in the end of the very last record makes it a torn write, which is told apart from nothing.
    let torn = |warning: &Warning| matches!(warning, Warning::Recovered { .. });
    let told = logs.iter().any(|log| log.report.warnings.iter().any(torn));
    if whole && !told && (rots || lost.is_some()) {
        return Err(format!("{loss:?} {seed}: called intact, rotten {rots}, lost {lost:?}").into());
    }
    if !(rots || lied) {
        if let Some(lost) = lost {
            return Err(format!("{loss:?} {seed}: lost {lost:?}").into());
        }
        // Sectors in any order can leave whole records behind lost ones that nobody was told of: that is said.
        if !whole && loss == Loss::InOrder {
            let reports: Vec<_> = logs.iter().map(|log| &log.report.faults).collect();
            return Err(format!("{loss:?} {seed}: {reports:?}").into());
        }
    }
    Ok(if whole { End::Whole } else { End::Alarm })
}

/// Lets two consoles write until the power is cut.
fn live(
    dir: &Path,
    machine: &Arc<Mutex<Machine>>,
    chance: &mut fastrand::Rng,
    acknowledged: &mut Vec<Entry>,
) -> Done {
    let open = || AuditLog::open_on(dir, identity(), ground(machine));
    let (Ok(one), Ok(two)) = (open(), open()) else {
        return Ok(());
    };
    for log in [&one, &two] {
        if let Ok(told) = log.append_blocking(vec![opening()]) {
            acknowledged.extend(told);
        }
    }
    for _ in 0..30 {
        let log = if chance.bool() { &one } else { &two };
        let told = match log.append_blocking(batch(chance)?) {
            Ok(told) => told,
            Err(StoreError::Refused { source }) => return Err(source.into()),
            // No power, or a write that failed; what it recorded in part is nobody's word.
            Err(_) => continue,
        };
        // Class B alone is durable a second later only.
        if told.iter().any(|entry| entry.body.class() == Class::A) {
            acknowledged.extend(told);
        }
    }
    Ok(())
}

/// Changes one bit; tells whether there was one.
fn rot(dir: &Path, chance: &mut fastrand::Rng) -> io::Result<bool> {
    let files = files(dir)?;
    let Some(path) = files.get(chance.usize(..files.len().max(1))) else {
        return Ok(false);
    };
    let mut bytes = fs::read(path)?;
    // In what a verification must find: a record that ended with its line feed.
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        return Ok(false);
    };
    let start = bytes.iter().position(|byte| *byte == b'{').unwrap_or(end);
    if start >= end {
        return Ok(false);
    }
    let at = chance.usize(start..end);
    if bytes[at] == 0 || bytes[at] == b'\n' {
        return Ok(false);
    }
    bytes[at] ^= 1 << chance.u8(..8);
    let mode = fs::metadata(path)?.permissions();
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    fs::write(path, bytes)?;
    fs::set_permissions(path, mode)?;
    Ok(true)
}

fn asked(name: &str, short: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(short)
}

#[test]
fn slow_a_thousand_disks_that_forget_keep_what_was_acknowledged() {
    let (seeds, begun) = (asked("QUELL_SEEDS", 1_000), Instant::now());
    let (next, alarms) = (AtomicU64::new(0), AtomicU64::new(0));
    let violations = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            // One in four disks keeps its sectors in any order.
            let loss = if seed % 4 == 3 {
                Loss::AnyOrder
            } else {
                Loss::InOrder
            };
            match live_and_die(seed, loss) {
                Ok(End::Whole) => {}
                Ok(End::Alarm) => {
                    alarms.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    let mut found = violations.lock().unwrap_or_else(PoisonError::into_inner);
                    found.push(error.to_string());
                }
            }
        }
    };
    // They wait for locks and files more than they compute.
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(work);
        }
    });
    let violations = violations
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let alarms = alarms.into_inner();
    println!(
        "{seeds} seeds: {} violations; {alarms} called broken, as they were; {:.1} s",
        violations.len(),
        begun.elapsed().as_secs_f64()
    );
    assert!(
        violations.is_empty(),
        "{:#?}",
        violations.iter().take(5).collect::<Vec<_>>()
    );
    assert!(alarms > 0, "no disk broke its word");
}

/// Draws text as nobody would write it, of any planes and lengths.
fn text(chance: &mut fastrand::Rng) -> Untrusted {
    let text: String = (0..chance.usize(..60))
        .map(|_| match chance.u8(..6) {
            0 => char::from(chance.u8(..)),
            1 => [
                '\u{202e}',
                '\u{2066}',
                '\u{200b}',
                '\u{e0041}',
                '\u{feff}',
                '\u{1b}',
                '"',
                '\\',
                '\u{7f}',
            ][chance.usize(..9)],
            2 => chance.char('\u{0}'..='\u{ffff}'),
            3 => chance.char('\u{10000}'..='\u{10ffff}'),
            _ => chance.alphanumeric(),
        })
        .collect();
    Untrusted::new(text)
}

fn value(chance: &mut fastrand::Rng, depth: u8) -> Value {
    match chance.u8(..if depth == 0 { 4 } else { 6 }) {
        0 => Value::Null,
        1 => chance.bool().into(),
        2 => chance.u64(..1 << 53).into(),
        3 => text(chance).raw().into(),
        4 => (0..chance.u8(..4))
            .map(|_| value(chance, depth - 1))
            .collect(),
        _ => {
            let key = text(chance);
            json!({ key.raw(): value(chance, depth - 1), "\u{202e}\u{1b}": text(chance).raw() })
        }
    }
}

fn record(chance: &mut fastrand::Rng, case: &CaseId) -> Body {
    let case = CaseId::new(case.connection.clone(), text(chance).raw());
    let at = chrono::DateTime::UNIX_EPOCH;
    match chance.u8(..4) {
        0 => Body::Note {
            case,
            text: text(chance),
            operator: None,
        },
        1 => Body::Refusal {
            case,
            account: None,
            login: text(chance),
            kinds: vec![text(chance).raw().to_owned()],
            guard: text(chance).raw().to_owned(),
            reason: text(chance),
        },
        2 => Body::ActionPlan {
            pid: quell::domain::ids::PlanId::from_parts(at, chance.u128(..)),
            aid: ActionId::from_parts(at, chance.u128(..)),
            order: 1,
            kind: "disable_account".into(),
            case,
            account: quell::domain::ids::AccountId::new(
                ConnectionName::parse("okta").unwrap_or_else(|error| panic!("{error}")),
                text(chance).raw(),
            ),
            login: text(chance),
            snapshot: value(chance, 3),
            server_date: None,
            guards: vec![text(chance).raw().to_owned()],
            plan_hash: text(chance).raw().to_owned(),
            expires: at,
        },
        _ => Body::SessionClose {
            reason: text(chance).raw().to_owned(),
        },
    }
}

#[test]
fn slow_records_of_random_text_are_printable_ascii_on_the_disk() -> Done {
    let (records, begun) = (asked("QUELL_FUZZ", 20_000), Instant::now());
    let mut chance = fastrand::Rng::with_seed(records);
    let dir = tempfile::tempdir()?;
    let case = CaseId::new(ConnectionName::parse("hive")?, "~1");
    let host = text(&mut chance);
    let log = AuditLog::open(
        dir.path(),
        Identity {
            host,
            uid: 1,
            user: text(&mut chance),
        },
    )?;
    let mut written = 0;
    while written < records {
        let bodies: Vec<Body> = (0..100).map(|_| record(&mut chance, &case)).collect();
        written += log.append_blocking(bodies)?.len() as u64;
    }
    drop(log);
    let mut bytes = 0;
    let segments = files(dir.path())?;
    for path in &segments {
        let content = fs::read(path)?;
        bytes += content.len();
        let strange = content
            .iter()
            .position(|byte| !(0x20..=0x7e).contains(byte) && *byte != b'\n');
        assert_eq!(strange, None);
    }
    for (_, report) in verify(dir.path())? {
        assert!(report.intact(), "{report:?}");
        // Each segment that is full is ended by a record of its own, and the next begins with one.
        let joints = 2 * (segments.len() as u64 - 1);
        assert_eq!(report.records, written + joints);
    }
    println!(
        "{written} records of random text, {bytes} bytes, 0 outside 0x20..0x7E and LF; {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}
