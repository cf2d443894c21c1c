//! The head of the log as this host remembers it, in a file outside of the log's directory: whoever empties, removes or
//! cuts the log alone is found out at the next start.
//!
//! One line a log, in the form of an anchor. Only durable records are remembered, never backwards, and nothing while what
//! is remembered does not fit the log: the word about it stays until a person removes the file. What must not live here:
//! when it is written (see `heads`), the rules of the chain (`domain::audit`).

mod gone;
mod trial;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::opened;
use super::read::{Verified, verify_each};
use crate::domain::audit::{Anchor, Expectations, Reason, find_anchors};
use crate::domain::fault::Fault;
use crate::domain::text::Safe;
use crate::safe;
use crate::store::lease::{self, Lease};

use gone::{begins_behind, stands};
pub use trial::try_to_keep;

/// Name of the file in the state directory.
pub const HEAD: &str = "head";

/// Says what to do about a log that is not what is remembered of it.
const HINT: &str = "look who changed the log's folder and put the log back, or keep a copy of what is there; the files of a log begun since go into the folder `audit` of another state directory first, for no console starts while both are here; `quell audit verify` tells more. Removing the file `head` from the state directory ends this warning";

/// Says what to do where the head of the log cannot be remembered.
pub const HEAD_HINT: &str = "look at `head`, `head.new` and `head.lock` in the state directory (`ls -ld`, `lsattr`): none may be a folder or immutable, and no stopped quell process may hold them";

/// Bytes that the file may have, of those who read and those who write; ours is one short line a log.
const MOST: u64 = 64 << 10;

/// How long to wait for another console that is at the file. Appends wait for this, so one that was stopped at it must not
/// hold them up for long.
const TURN: Duration = Duration::from_millis(TURN_MS);
const TURN_MS: u64 = 50;

/// How often in a row another console may be at the file before that is an error: one that is at work is soon done.
const MISSED: u32 = 5;

/// How a log does not fit what is remembered of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is not there at all.
    Gone,
    /// It ends before the record.
    Shorter,
    /// It has another record of this number, or none.
    Other,
    /// It begins behind the record. A removal on purpose is remembered before anything goes.
    Later,
}

impl Misfit {
    /// Says it of a log in one sentence.
    pub fn shown(self, head: &Anchor) -> Safe {
        let Anchor { log, n, .. } = head;
        match self {
            Self::Gone => safe!(
                "the audit log {} is gone: this host remembers it up to record {}",
                *log,
                *n
            ),
            Self::Shorter => safe!(
                "the audit log {} was cut off or emptied: this host remembers it up to record {}",
                *log,
                *n
            ),
            Self::Other => safe!(
                "the audit log {} is not the one this host remembers: its record {} is another",
                *log,
                *n
            ),
            Self::Later => safe!(
                "the audit log {} lost its beginning or was replaced: this host remembers it up to record {}, and its first record is a later one",
                *log,
                *n
            ),
        }
    }
}

/// Reads the heads that stand in a file; one that is missing remembers nothing.
///
/// # Errors
/// When it is there and cannot be read, or holds anything else than heads, which no crash leaves behind: what it
/// remembers is not known then, and must not be replaced.
pub fn remembered(path: &Path) -> Result<Vec<Anchor>, StoreError> {
    let file = match opened::to_read(path) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", path))?;
    let damaged = |why: &'static str| StoreError::Head {
        path: path.to_owned(),
        why,
    };
    if bytes.len() as u64 > MOST {
        return Err(damaged("it has more than 64 KiB"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let heads: Option<Vec<Anchor>> = text.lines().map(head_of).collect();
    match heads {
        None => Err(damaged("a line of it is not the head of a log")),
        Some(heads) if heads.is_empty() => Err(damaged("it is empty")),
        Some(heads) => Ok(heads),
    }
}

/// Reads a line as [`write`] writes it; `None` for anything else.
fn head_of(line: &str) -> Option<Anchor> {
    let head = find_anchors(line).pop()?;
    (head.to_string() == line).then_some(head)
}

/// Lists the remembered heads that do not fit what was found with them among the anchors. Of a log that could not be read
/// nobody knows.
pub fn misfits(heads: &[Anchor], found: &Verified) -> Vec<(Anchor, Misfit)> {
    let misfit = |head: &Anchor| {
        if found.unread.iter().any(|(log, _)| *log == head.log) {
            return None;
        }
        let Some((_, report)) = found.logs.iter().find(|(log, _)| *log == head.log) else {
            return Some(Misfit::Gone);
        };
        let end = report.head.map_or(0, |(n, _)| n);
        if report.earlier.contains(&(head.n, head.h)) {
            return Some(Misfit::Later);
        }
        let how = if head.n > end {
            Misfit::Shorter
        } else {
            Misfit::Other
        };
        report.unmet.contains(&(head.n, head.h)).then_some(how)
    };
    let all = heads.iter();
    all.filter_map(|head| Some((head.clone(), misfit(head)?)))
        .collect()
}

/// Gives the hint for a log that is not what is remembered of it.
pub fn misfit_hint() -> Safe {
    Safe::fixed(HINT)
}

/// What this host remembers, and how that fitted when the whole log was read last.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The file; `None` where nothing is remembered.
    path: Option<PathBuf>,
    good: Vec<Anchor>,
    bad: Vec<Anchor>,
    /// What this process wrote last: it stood in the log then.
    own: Option<Anchor>,
    /// After a power cut the one before it may be there.
    unsettled: bool,
    /// How often in a row another console was at the file.
    missed: u32,
}

/// What a reading of all logs found.
#[derive(Debug)]
pub(super) struct Looked {
    good: Vec<Anchor>,
    bad: Vec<Anchor>,
    fault: Option<Fault>,
}

/// Reads all logs of a directory and says what is wrong: broken, not to be read, or not what is remembered of them.
pub(super) fn look(path: Option<&Path>, dir: &Path) -> Result<Looked, StoreError> {
    // Before the log: what is remembered was durable in it by then.
    let heads = path.map_or(Ok(Vec::new()), remembered);
    let (heads, unread) = match heads {
        Ok(heads) => (heads, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let expectations = Expectations {
        anchors: heads.clone(),
        ..Expectations::default()
    };
    let found = verify_each(dir, &expectations)?;
    let misfits = misfits(&heads, &found);
    let fits = |head: &Anchor| !misfits.iter().any(|(misfit, _)| misfit == head);
    let (mut good, bad): (Vec<Anchor>, Vec<Anchor>) = heads.into_iter().partition(fits);
    let is_unread = |head: &Anchor| found.unread.iter().any(|(log, _)| *log == head.log);
    good.retain(|head| !is_unread(head));
    let fault = fault_of(&found, &misfits, unread.as_ref());
    Ok(Looked { good, bad, fault })
}

impl Remembered {
    /// Remembers in a file, or nowhere.
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }

    /// Gives the file.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.path.clone()
    }

    /// Takes over what a reading of all logs found, and gives what is wrong.
    pub(super) fn take(&mut self, looked: Looked) -> Option<Fault> {
        (self.good, self.bad) = (looked.good, looked.bad);
        looked.fault
    }

    /// Remembers a durable record of the log in a directory, unless what is remembered is further or does not fit, or cannot
    /// be read.
    ///
    /// Its bytes are synced before they get their name, so that a power cut leaves this head or the one before, and no empty
    /// file. The name is not synced here, for appends wait for this: [`Self::settle`] does it soon after.
    pub(super) fn keep(&mut self, dir: &Path, head: Anchor) -> Result<(), StoreError> {
        let Some((path, root)) = self
            .path
            .as_deref()
            .and_then(|path| Some((path, path.parent()?)))
        else {
            return Ok(());
        };
        let lease = take_turn(root).map_err(StoreError::io("take the lease of", path))?;
        let Some(lease) = lease else {
            self.missed = self.missed.saturating_add(1);
            return if self.missed < MISSED {
                Ok(())
            } else {
                Err(trial::held(root))
            };
        };
        self.missed = 0;
        let kept = remembered(path).and_then(|heads| {
            let next = self.next(heads, dir, &head);
            if let Next::Write(heads) = &next {
                write(path, heads)?;
            }
            Ok(next)
        });
        lease::clear(root, &HEAD);
        drop(lease);
        match kept? {
            Next::Write(_) => (self.own, self.unsettled) = (Some(head), true),
            // Said by the next reading of the whole log.
            Next::Misfit(head) => self.bad.push(head),
            Next::Nothing => {}
        }
        Ok(())
    }

    /// Tells whether a power cut may take back what was written last.
    pub(super) fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Brings to the disk that what was written last has its name; tried once for each writing.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        let path = self.path.as_deref().filter(|_| self.unsettled);
        let Some(root) = path.and_then(Path::parent) else {
            return Ok(());
        };
        self.unsettled = false;
        let synced = File::open(root).and_then(|root| root.sync_all());
        synced.map_err(StoreError::io("sync", root))
    }

    fn next(&self, mut heads: Vec<Anchor>, dir: &Path, head: &Anchor) -> Next {
        if heads.iter().any(|known| self.bad.contains(known)) {
            return Next::Nothing;
        }
        let known = heads.iter().find(|known| known.log == head.log).cloned();
        if let Some(known) = known {
            // Another console that wrote more was faster.
            if known.n >= head.n {
                return Next::Nothing;
            }
            // Written by another console since: a few records back, so it is found soon.
            let is_good = self.good.contains(&known) || self.own.as_ref() == Some(&known);
            // What stood when it was looked at may be gone, and the log go on behind it.
            if (!is_good && !stands(dir, &known)) || begins_behind(dir, &known) {
                return Next::Misfit(known);
            }
            heads.retain(|other| *other != known);
        }
        heads.push(head.clone());
        Next::Write(heads)
    }
}

/// Takes the lease of the file, waiting a moment for another console; `None` when it is at it for longer.
fn take_turn(root: &Path) -> io::Result<Option<Lease>> {
    let begun = Instant::now();
    loop {
        let lease = lease::take(root, &HEAD)?;
        if lease.is_some() || begun.elapsed() >= TURN {
            return Ok(lease);
        }
        thread::sleep(Duration::from_micros(fastrand::u64(100..400)));
    }
}

/// What is to be done with the file.
enum Next {
    Nothing,
    Write(Vec<Anchor>),
    /// What it says does not fit.
    Misfit(Anchor),
}

/// Replaces the file as a whole: a process that dies, or a power cut, leaves the one before.
fn write(path: &Path, heads: &[Anchor]) -> Result<(), StoreError> {
    let text = text_of(heads);
    let fresh = path.with_extension("new");
    let replaced = make(&fresh, &text).and_then(|()| fs::rename(&fresh, path));
    let Err(error) = replaced else {
        return Ok(());
    };
    // A part of it would only take room.
    drop(fs::remove_file(&fresh));
    if error.kind() == io::ErrorKind::StorageFull {
        return write_over(path, &text);
    }
    Err(StoreError::io("write", path)(error))
}

/// Gives a line for each head. Where that is more than may be read again, the first are left out: they were written
/// longest ago, and the one of our own log is the last.
fn text_of(heads: &[Anchor]) -> String {
    let lines: Vec<String> = heads.iter().map(|head| format!("{head}\n")).collect();
    let mut bytes = 0;
    let fits = |line: &&String| {
        bytes += line.len() as u64;
        bytes <= MOST
    };
    let kept = lines.iter().rev().take_while(fits).count();
    let left_out = lines.len() - kept;
    lines.into_iter().skip(left_out).collect()
}

/// Makes a file that is on the disk before anybody gives it another name.
fn make(fresh: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(fresh)?;
    file.write_all(text.as_bytes())?;
    // Some file systems bring a new name to the disk before the bytes behind it.
    file.sync_data()
}

/// Writes over what is there: on a full disk no other file has room, and this one has its own. A kill does not part one
/// short write.
fn write_over(path: &Path, text: &str) -> Result<(), StoreError> {
    let file = opened::with(path, OpenOptions::new().write(true))?;
    file.write_all_at(text.as_bytes(), 0)
        .and_then(|()| file.set_len(text.len() as u64))
        .and_then(|()| file.sync_data())
        .map_err(StoreError::io("write", path))
}

/// Says what was found as one fault; `head` is why the heads themselves could not be read.
fn fault_of(
    found: &Verified,
    misfits: &[(Anchor, Misfit)],
    head: Option<&StoreError>,
) -> Option<Fault> {
    let mut faults = 0;
    for (_, report) in &found.logs {
        let of_head = |reason: Reason| matches!(reason, Reason::Anchor | Reason::Truncated);
        let apart = report.faults.iter().filter(|one| of_head(one.reason));
        faults += report.faults_total.saturating_sub(apart.count() as u64);
    }
    let many: &'static str = if faults == 1 { "fault" } else { "faults" };
    let broken = (faults > 0).then(|| {
        safe!(
            "the audit log is BROKEN, {} {}: what was done before may be missing here",
            faults,
            many
        )
    });
    let of_logs = found.unread.iter().map(|(_, error)| error);
    let of_error = of_logs.chain(head).find_map(StoreError::hint);
    let hint = match of_error.filter(|_| broken.is_none()) {
        _ if !misfits.is_empty() => misfit_hint(),
        Some(hint) => hint,
        None => Safe::fixed("`quell audit verify` tells where; keep the file as it is"),
    };
    let unlike = misfits.iter().map(|(head, misfit)| misfit.shown(head));
    let unread = found.unread.iter().map(|(log, error)| {
        safe!(
            "the audit log {} cannot be read whole: {}",
            *log,
            error.shown()
        )
    });
    let unknown = head.map(|error| {
        safe!(
            "what this host remembers of the audit log cannot be read: {}",
            error.shown()
        )
    });
    let said = broken.into_iter().chain(unlike).chain(unread);
    let said: Vec<Safe> = said.chain(unknown).collect();
    (!said.is_empty()).then(|| Fault {
        what: Safe::join(said, &Safe::fixed("; ")),
        hint: Some(hint),
    })
}

#[cfg(test)]
mod tests;
