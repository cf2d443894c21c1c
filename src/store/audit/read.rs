//! Reading and verifying logs from their files, without stopping those who write.
//!
//! What must not live here: the rules of the chain (`domain::audit::verify`), words for the reader (`cli`).

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::opened;
use super::segments::{self, Files};
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
    /// Logs that are here and cannot be read whole, and why.
    pub unread: Vec<(LogId, StoreError)>,
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
    let found = verify_each(dir, expectations)?;
    if let Some((_, error)) = found.unread.first() {
        return Err(error.clone());
    }
    Ok(found)
}

/// Verifies as [`verify_with`] does; a log that cannot be read is named, and hides nothing of the others.
///
/// # Errors
/// When the directory cannot be read.
pub fn verify_each(dir: &Path, expectations: &Expectations) -> Result<Verified, StoreError> {
    let mut anchors: BTreeMap<LogId, Vec<Anchor>> = BTreeMap::new();
    for anchor in &expectations.anchors {
        let of_log = anchors.entry(anchor.log.clone()).or_default();
        of_log.push(anchor.clone());
    }
    let mut found = Verified::default();
    for (log, files) in segments::list(dir)? {
        let own = Expectations {
            anchors: anchors.remove(&log).unwrap_or_default(),
            ..expectations.clone()
        };
        match Walk::new(dir, log.clone(), files, &own).finish() {
            Ok(report) => found.logs.push((log, report)),
            Err(error) => found.unread.push((log, error)),
        }
    }
    found.elsewhere = anchors.into_keys().collect();
    Ok(found)
}

/// Gives the logs in a directory to be walked through, in memory that does not grow with them.
///
/// # Errors
/// When the directory cannot be read.
pub fn walk(dir: &Path) -> Result<Vec<Walk>, StoreError> {
    let logs = segments::list(dir)?.into_iter();
    let walks = logs.map(|(log, files)| Walk::new(dir, log, files, &Expectations::default()));
    Ok(walks.collect())
}

/// Gives one log in a directory to be walked through, as [`walk`] does.
///
/// # Errors
/// When the directory cannot be read.
pub fn walk_one(dir: &Path, log: &LogId) -> Result<Walk, StoreError> {
    let files = segments::of(dir, log)?;
    let none = Expectations::default();
    Ok(Walk::new(dir, log.clone(), files, &none))
}

pub(super) fn read_log(dir: &Path, log: &LogId) -> Result<Checked, StoreError> {
    let mut walk = walk_one(dir, log)?;
    let mut entries = Vec::new();
    while let Some(entry) = walk.next()? {
        entries.push(entry);
    }
    Ok(Checked {
        log: log.clone(),
        entries,
        report: walk.finish()?,
    })
}

/// A walk through the records of one log in the order of its files, verifying on the way.
pub struct Walk {
    dir: PathBuf,
    log: LogId,
    /// Segments that were not begun.
    rest: VecDeque<u64>,
    /// Files named as segments under numbers that none has.
    strange: Vec<PathBuf>,
    /// The file of the segment being read, and how much of it is left.
    file: Option<(File, PathBuf, u64)>,
    verifier: Option<Verifier>,
    expectations: Expectations,
    chunk: Vec<u8>,
    /// Records that were read and not given yet.
    ready: VecDeque<Entry>,
    report: Option<Report>,
}

impl Walk {
    fn new(dir: &Path, log: LogId, files: Files, expectations: &Expectations) -> Self {
        Self {
            dir: dir.to_owned(),
            log,
            rest: files.segments.into(),
            strange: files.strange,
            file: None,
            verifier: None,
            expectations: expectations.clone(),
            chunk: vec![0; CHUNK],
            ready: VecDeque::new(),
            report: None,
        }
    }

    /// Gives the log it walks through, by the names of its files.
    pub fn log(&self) -> &LogId {
        &self.log
    }

    /// Gives the next record; `None` behind the last. Lines that are no records are left out, the report tells of them.
    ///
    /// # Errors
    /// When a file cannot be read.
    #[expect(
        clippy::should_implement_trait,
        reason = "it can fail, and a failure ends the walk"
    )]
    pub fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        let mut fresh = VecDeque::new();
        while self.ready.is_empty() {
            let more = self.step(&mut |line| fresh.extend(parse_line(line).ok()))?;
            self.ready.append(&mut fresh);
            if !more {
                break;
            }
        }
        Ok(self.ready.pop_front())
    }

    /// Reads on to the end without giving records, and gives what verification found.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn finish(mut self) -> Result<Report, StoreError> {
        while self.step(&mut |_| ())? {}
        Ok(self.report.unwrap_or_default())
    }

    /// Reads one chunk; tells whether there may be more.
    fn step(&mut self, whole: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        let Some((file, path, left)) = &mut self.file else {
            return self.begin_next(whole);
        };
        let want = usize::try_from(*left).map_or(CHUNK, |left| left.min(CHUNK));
        let room = self.chunk.get_mut(..want).unwrap_or_default();
        let read = match file.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            read => read.map_err(StoreError::io("read", path))?,
        };
        if let Some(verifier) = &mut self.verifier {
            verifier.feed_with(room.get(..read).unwrap_or_default(), whole);
        }
        *left -= read as u64;
        if read == 0 || *left == 0 {
            self.file = None;
        }
        Ok(true)
    }

    fn verifier_from(&self, seg: u64) -> Verifier {
        Verifier::expecting(seg, &self.expectations).of_log(&self.log)
    }

    /// Begins the next segment, or ends the walk.
    fn begin_next(&mut self, whole: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        let Some(seg) = self.rest.pop_front() else {
            return self.end(whole).map(|()| false);
        };
        let path = segments::path(&self.dir, &self.log, seg);
        let file = opened::to_read(&path)?;
        match &mut self.verifier {
            None => self.verifier = Some(self.verifier_from(seg)),
            Some(verifier) => verifier.begin_segment(seg, whole),
        }
        let left = size_between_writes(&file, &path)?;
        self.file = (left > 0).then_some((file, path, left));
        Ok(true)
    }

    /// Ends the walk behind the last segment.
    fn end(&mut self, whole: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        if self.report.is_some() {
            return Ok(());
        }
        let verifier = self.verifier.take();
        let mut verifier = verifier.unwrap_or_else(|| self.verifier_from(1));
        for path in &self.strange {
            // Nothing is read from it, but what is no file is refused as any other.
            drop(opened::to_read(path)?);
            verifier.no_segment();
        }
        self.report = Some(verifier.finish_with(whole));
        Ok(())
    }
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
