//! The head of the log as this host remembers it, in a file outside of the log's directory: whoever empties, removes or
//! cuts the log alone is found out at the next start.
//!
//! One line a log, in the form of an anchor. Only durable records are remembered, never backwards, and nothing while what
//! is remembered does not fit the log: the word about it stays until a person removes the file. What must not live here:
//! when it is written (`engine`), the rules of the chain (`domain::audit`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::end::read_at;
use super::error::StoreError;
use super::read::{Verified, verify_each};
use super::{opened, segments};
use crate::domain::audit::{Anchor, Expectations, Reason, find_anchors};
use crate::domain::fault::Fault;
use crate::domain::text::Safe;
use crate::safe;
use crate::store::lease;

/// Name of the file in the state directory.
pub const HEAD: &str = "head";

/// Says what to do about a log that is not what is remembered of it.
const HINT: &str = "look who changed the log's folder and put the log back, or keep a copy of what is there; `quell audit verify` tells more. Removing the file `head` from the state directory ends this warning";

/// Bytes that the file may have; ours is one short line a log.
const MOST: u64 = 64 << 10;

/// Bytes of a segment that are searched at once, from its end.
const WINDOW: u64 = 1 << 20;

/// How a log does not fit what is remembered of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is not there at all.
    Gone,
    /// It ends before the record.
    Shorter,
    /// It has another record of this number, or none.
    Other,
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
}

impl Remembered {
    /// Remembers in a file, or nowhere.
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }

    /// Reads all logs of a directory and says what is wrong: broken, not to be read, or not what is remembered of them.
    pub(super) fn look(&mut self, dir: &Path) -> Result<Option<Fault>, StoreError> {
        // Before the log: what is remembered was durable in it by then.
        let heads = self.path.as_deref().map_or(Ok(Vec::new()), remembered);
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
        (self.good, self.bad) = heads.into_iter().partition(fits);
        let is_unread = |head: &Anchor| found.unread.iter().any(|(log, _)| *log == head.log);
        self.good.retain(|head| !is_unread(head));
        Ok(fault_of(&found, &misfits, unread.as_ref()))
    }

    /// Remembers a durable record of the log in a directory, unless what is remembered is further or does not fit, or cannot
    /// be read.
    pub(super) fn keep(&mut self, dir: &Path, head: Anchor) -> Result<(), StoreError> {
        let Some((path, root)) = self
            .path
            .as_deref()
            .and_then(|path| Some((path, path.parent()?)))
        else {
            return Ok(());
        };
        // Another console is at it.
        let lease = lease::take(root, &HEAD).map_err(StoreError::io("take the lease of", path))?;
        let Some(lease) = lease else {
            return Ok(());
        };
        let kept = remembered(path).and_then(|heads| {
            let next = next(heads, dir, head, (&self.good, &self.bad));
            if let Next::Write(heads) = &next {
                write(path, heads).map_err(StoreError::io("write", path))?;
            }
            Ok(next)
        });
        lease::clear(root, &HEAD);
        drop(lease);
        match kept? {
            Next::Write(heads) => self.good = heads,
            // Said by the next reading of the whole log.
            Next::Misfit(head) => self.bad.push(head),
            Next::Nothing => {}
        }
        Ok(())
    }
}

/// What is to be done with the file.
enum Next {
    Nothing,
    Write(Vec<Anchor>),
    /// What it says does not fit.
    Misfit(Anchor),
}

fn next(
    mut heads: Vec<Anchor>,
    dir: &Path,
    head: Anchor,
    (good, bad): (&[Anchor], &[Anchor]),
) -> Next {
    if heads.iter().any(|known| bad.contains(known)) {
        return Next::Nothing;
    }
    let own = heads.iter().find(|known| known.log == head.log).cloned();
    if let Some(known) = own {
        if known.n >= head.n {
            return Next::Nothing;
        }
        // Written by another console since: a few records back, so it is found soon.
        if !good.contains(&known) && !stands(dir, &known) {
            return Next::Misfit(known);
        }
        heads.retain(|other| *other != known);
    }
    heads.push(head);
    Next::Write(heads)
}

/// Tells whether a record is in one of the last two segments of its log: its hash covers all that stands before it.
fn stands(dir: &Path, head: &Anchor) -> bool {
    let end = format!(",\"h\":\"{}\"}}\n", head.h);
    let logs = segments::list(dir).ok();
    let own = logs.and_then(|mut logs| logs.remove(&head.log));
    let own = own.unwrap_or_default();
    own.into_iter().rev().take(2).any(|seg| {
        let path = segments::path(dir, &head.log, seg);
        holds(&path, end.as_bytes()).unwrap_or(false)
    })
}

fn holds(path: &Path, end: &[u8]) -> Result<bool, StoreError> {
    let file = opened::to_read(path)?;
    let found = file.metadata().map_err(StoreError::io("look at", path))?;
    let mut to = found.len();
    loop {
        let from = to.saturating_sub(WINDOW);
        let bytes = read_at(&file, from, to - from, path)?;
        if bytes.windows(end.len()).any(|window| window == end) {
            return Ok(true);
        }
        if from == 0 {
            return Ok(false);
        }
        // An end that lies across the border is seen whole.
        to = from + end.len() as u64;
    }
}

/// Replaces the file as a whole, durably: a process that dies leaves the one before.
fn write(path: &Path, heads: &[Anchor]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    for head in heads {
        writeln!(file, "{head}")?;
    }
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    path.parent()
        .map_or(Ok(()), |root| File::open(root)?.sync_all())
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
