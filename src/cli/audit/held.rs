//! What this host remembers of the logs that are told, held against their records as they go by.
//!
//! A head fits where any copy of its log has the record: what several copies hold is told as one log. What must not live
//! here: reading the heads (see `anchors`), whether a log is intact (`domain::audit`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::anchors::from_this_host;
use super::{Asked, BROKEN, OK, WARNINGS};
use crate::domain::audit::{Anchor, Entry};
use crate::domain::ids::LogId;
use crate::domain::text::Safe;
use crate::store::audit::Misfit;

/// What is remembered of one log, and what of it went by.
#[derive(Default)]
struct Known {
    /// Each head, and whether its record went by.
    heads: Vec<(Anchor, bool)>,
    is_here: bool,
    /// The least and the greatest number that went by.
    ends: Option<(u64, u64)>,
}

impl Known {
    fn misfit(&self, head: &Anchor) -> Misfit {
        match self.ends {
            _ if !self.is_here => Misfit::Gone,
            Some((first, _)) if head.n < first => Misfit::Later,
            Some((_, last)) if head.n <= last => Misfit::Other,
            _ => Misfit::Shorter,
        }
    }
}

/// The heads that this host remembers beside the folders whose logs are told.
#[derive(Default)]
pub(super) struct Heads {
    logs: BTreeMap<LogId, Known>,
    /// What could not be read.
    notes: Vec<Safe>,
    /// Whether a log that is remembered has to be there.
    is_whole: bool,
}

impl Heads {
    /// Reads what is remembered of the log in a state directory. To be called before the log is read.
    pub(super) fn of(dir: &Path) -> Self {
        Self {
            is_whole: true,
            ..Self::beside(&[dir.to_owned()])
        }
    }

    /// Reads what is remembered beside any folders; of a log that is in none of them it says nothing.
    pub(super) fn beside(dirs: &[PathBuf]) -> Self {
        let mut heads = Self::default();
        for dir in dirs {
            // `.` and `..` do not say what stands above them.
            let real = dir.file_name().is_none().then(|| fs::canonicalize(dir));
            let real = real.and_then(Result::ok);
            let mut asked = Asked::default();
            from_this_host(real.as_deref().unwrap_or(dir), &mut asked);
            for head in asked.remembered {
                let known = heads.logs.entry(head.log.clone()).or_default();
                if known.heads.iter().all(|(other, _)| *other != head) {
                    known.heads.push((head, false));
                }
            }
            for note in asked.notes {
                if !heads.notes.contains(&note) {
                    heads.notes.push(note);
                }
            }
        }
        heads
    }

    /// Tells whether a folder without any log lacks one.
    pub(super) fn want_a_log(&self) -> bool {
        self.is_whole && !self.logs.is_empty()
    }

    /// Takes note that a log is there, with records or without.
    pub(super) fn found(&mut self, log: &LogId) {
        if let Some(known) = self.logs.get_mut(log) {
            known.is_here = true;
        }
    }

    /// Takes note of a record of a log.
    pub(super) fn pass(&mut self, log: &LogId, entry: &Entry) {
        let Some(known) = self.logs.get_mut(log) else {
            return;
        };
        let (first, last) = known.ends.unwrap_or((entry.n, entry.n));
        known.ends = Some((first.min(entry.n), last.max(entry.n)));
        for (head, met) in &mut known.heads {
            *met |= head.n == entry.n && head.h == entry.h;
        }
    }

    /// Says what does not fit, and gives the exit code.
    pub(super) fn say(&self, err: &mut dyn Write) -> io::Result<u8> {
        let mut code = OK;
        for note in &self.notes {
            writeln!(err, "warning: {note}")?;
            code = WARNINGS;
        }
        let told = self.logs.values();
        for known in told.filter(|known| known.is_here || self.is_whole) {
            for (head, _) in known.heads.iter().filter(|(_, met)| !met) {
                let what = known.misfit(head).shown(head);
                writeln!(err, "NOT AS REMEMBERED: {what}; see `quell audit verify`")?;
                code = BROKEN;
            }
        }
        Ok(code)
    }
}
