//! Reading and verifying logs from their files, without stopping those who write.
//!
//! What must not live here: the rules of the chain (`domain::audit::verify`), words for the reader (`cli`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::StoreError;
use super::segments;
use crate::domain::audit::{Anchor, Entry, Expectations, Report, Verifier, parse_line};
use crate::domain::ids::LogId;

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// The records of a log, with what verification says of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Which log.
    pub log: LogId,
    /// The records in the order of the file.
    pub entries: Vec<Entry>,
    /// What verification found.
    pub report: Report,
}

/// Reads the records of all logs in a directory, log by log. No directory is no records.
///
/// # Errors
/// When a file cannot be read. Lines that are no records are left out; [`read_checked`] tells of them.
pub fn read(dir: &Path) -> Result<Vec<Entry>, StoreError> {
    Ok(read_checked(dir)?
        .into_iter()
        .flat_map(|checked| checked.entries)
        .collect())
}

/// Reads and verifies all logs in a directory in one pass.
///
/// # Errors
/// When a file cannot be read; a broken log is no error here but stands in its report.
pub fn read_checked(dir: &Path) -> Result<Vec<Checked>, StoreError> {
    segments::list(dir)?
        .into_keys()
        .map(|log| read_log(dir, &log))
        .collect()
}

/// What verification of a directory found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// The logs with their reports.
    pub logs: Vec<(LogId, Report)>,
    /// Logs that anchors name and that are not here: another host's, or removed.
    pub elsewhere: Vec<LogId>,
}

/// Verifies all logs in a directory, in memory that does not grow with them.
///
/// # Errors
/// When a file cannot be read.
pub fn verify(dir: &Path) -> Result<Vec<(LogId, Report)>, StoreError> {
    Ok(verify_with(dir, &Expectations::default())?.logs)
}

/// Verifies all logs in a directory against anchors of any log; each log is held against its own.
///
/// # Errors
/// When a file cannot be read.
pub fn verify_with(dir: &Path, expectations: &Expectations) -> Result<Verified, StoreError> {
    let mut anchors: BTreeMap<LogId, Vec<Anchor>> = BTreeMap::new();
    for anchor in &expectations.anchors {
        let of_log = anchors.entry(anchor.log.clone()).or_default();
        of_log.push(anchor.clone());
    }
    let mut found = Verified::default();
    for (log, segments) in segments::list(dir)? {
        let own = Expectations {
            anchors: anchors.remove(&log).unwrap_or_default(),
            require_checkpoints: expectations.require_checkpoints,
        };
        let report = pass(dir, &log, &segments, &own, &mut |_| ())?;
        found.logs.push((log, report));
    }
    found.elsewhere = anchors.into_keys().collect();
    Ok(found)
}

pub(super) fn read_log(dir: &Path, log: &LogId) -> Result<Checked, StoreError> {
    let segments = segments::list(dir)?.remove(log).unwrap_or_default();
    let mut entries = Vec::new();
    let report = pass(dir, log, &segments, &Expectations::default(), &mut |line| {
        entries.extend(parse_line(line).ok());
    })?;
    Ok(Checked {
        log: log.clone(),
        entries,
        report,
    })
}

fn pass(
    dir: &Path,
    log: &LogId,
    segments: &[u64],
    expectations: &Expectations,
    whole: &mut dyn FnMut(&[u8]),
) -> Result<Report, StoreError> {
    let mut verifier: Option<Verifier> = None;
    let mut chunk = vec![0; CHUNK];
    for seg in segments {
        let path = segments::path(dir, log, *seg);
        let mut file = File::open(&path).map_err(StoreError::io("open", &path))?;
        match &mut verifier {
            None => verifier = Some(Verifier::expecting(*seg, expectations)),
            Some(verifier) => verifier.begin_segment(*seg, whole),
        }
        let mut left = size_between_writes(&file, &path)?;
        while let (Some(verifier), 1..) = (&mut verifier, left) {
            let want = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let room = chunk.get_mut(..want).unwrap_or_default();
            let read = match file.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(StoreError::io("read", &path))?,
            };
            if read == 0 {
                break;
            }
            verifier.feed_with(room.get(..read).unwrap_or_default(), whole);
            left -= read as u64;
        }
    }
    Ok(verifier
        .unwrap_or_else(|| Verifier::expecting(1, expectations))
        .finish_with(whole))
}

/// Gives the size of a file at a moment when nobody is in the middle of a write; without the lock, as it is.
pub(super) fn size_between_writes(file: &File, path: &Path) -> Result<u64, StoreError> {
    let begun = std::time::Instant::now();
    let mut locked = file.try_lock_shared().is_ok();
    while !locked && begun.elapsed() < std::time::Duration::from_secs(2) {
        std::thread::sleep(std::time::Duration::from_micros(200));
        locked = file.try_lock_shared().is_ok();
    }
    let size = file
        .metadata()
        .map_err(StoreError::io("look at", path))?
        .len();
    if locked {
        file.unlock().map_err(StoreError::io("unlock", path))?;
    }
    Ok(size)
}
