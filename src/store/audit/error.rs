//! Why the log could not be written or read, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Free;
use crate::domain::audit::EncodeError;
use crate::domain::ids::LogId;
use crate::domain::text::{Safe, Untrusted};
use crate::store::state::StateError;

/// Says why the audit log could not be written or read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Other processes held the lock too long.
    #[error("failed to lock the audit log {path:?} within {waited_ms} ms")]
    Locked {
        /// The file.
        path: PathBuf,
        /// How long it was tried.
        waited_ms: u64,
    },
    /// The disk is nearly full, and the records would have started an action.
    #[error("failed to record the start of an action: only {} on the disk of the audit log", .free.shown())]
    Full {
        /// What room there is.
        free: Free,
    },
    /// A sync failed earlier: what the disk holds cannot be trusted any more.
    #[error(
        "failed to append to the audit log: an earlier sync to disk failed, so nothing of it can be relied on"
    )]
    Failed {
        /// What the sync answered.
        source: Arc<io::Error>,
    },
    /// A record cannot be written in the form of the log.
    #[error("failed to append to the audit log")]
    Refused {
        /// What is wrong with it.
        #[from]
        source: EncodeError,
    },
    /// The system took only a part of a write; the next writer names the torn bytes.
    #[error("failed to append to the audit log {path:?}: {written} of {len} bytes were taken")]
    Short {
        /// The file.
        path: PathBuf,
        /// Bytes taken.
        written: usize,
        /// Bytes given.
        len: usize,
    },
    /// An operation on a file failed.
    #[error("failed to {what} {path:?}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The cause.
        source: Arc<io::Error>,
    },
    /// Something else than a file stands under the name of a file of the log.
    #[error("refused {path:?} as a file of the audit log: it is {kind}, not a regular file")]
    Special {
        /// Where.
        path: PathBuf,
        /// What it is, with its article.
        kind: &'static str,
    },
    /// A file is named as a segment, or would have to be, under a number that no record carries.
    #[error("refused {path:?} as a file of the audit log: no segment has so great a number")]
    Number {
        /// Where.
        path: PathBuf,
    },
    /// What this host remembers of the log would be removed.
    #[error("refused to remove record {n} of the audit log: {path:?} remembers it as the last one")]
    Lagging {
        /// The file that remembers.
        path: PathBuf,
        /// Number of the record.
        n: u64,
    },
    /// The file that remembers the head of the log does not hold what was written into it.
    #[error("{path:?} is not as quell wrote it: {why}")]
    Head {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More than one log of this host and user is in one directory: which of them goes on nobody knows.
    #[error(
        "{dir:?} holds {} audit logs of this host and user, {}: no console starts before only one is here",
        .logs.len(),
        named(.logs)
    )]
    Several {
        /// The directory.
        dir: PathBuf,
        /// The logs, the oldest first.
        logs: Vec<LogId>,
    },
    /// The state directory is not usable.
    #[error("failed to open the audit log")]
    State {
        /// The cause.
        source: Arc<StateError>,
    },
    /// The files of the log are gone.
    #[error("failed to append to the audit log: its files in {dir:?} were removed")]
    Missing {
        /// Where they were.
        dir: PathBuf,
    },
    /// The log was shortened, replaced or written anew by others while it was open: nothing is added to it any more.
    #[error(
        "the log was changed under this console: record {n} is not where it was left, in {path:?}"
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Number of the record that this process wrote or read last, that this host remembers, or that stands in its place.
        n: u64,
    },
    /// The condition of an append did not hold under the lock; nothing was recorded.
    #[error("{reason}")]
    Unmet {
        /// Why.
        reason: Safe,
    },
    /// The bytes were handed to the disk, and what followed failed: the records may be in the log, wholly or in part.
    #[error(transparent)]
    Unknown(Arc<Self>),
    /// Too many appends are waiting.
    #[error("failed to append to the audit log: too many records are waiting")]
    Busy,
    /// The thread of the log has ended.
    #[error("failed to append to the audit log: it is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    /// Says of an error that came after the bytes were handed to the disk that they may be in the log.
    #[must_use]
    pub fn perhaps(self) -> Self {
        match self {
            Self::Unknown(_) => self,
            known => Self::Unknown(Arc::new(known)),
        }
    }

    /// Takes back that records may be in the log: the bytes were those of others.
    pub(super) fn of_others(self) -> Self {
        match self {
            Self::Unknown(source) => Arc::unwrap_or_clone(source),
            known => known,
        }
    }

    /// Gives the error with its causes in one line that may be shown.
    pub fn shown(&self) -> Safe {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Untrusted::new(text).line()
    }

    /// Says what can be done about it, where something can.
    pub fn hint(&self) -> Option<Safe> {
        let hint = match self {
            Self::Unknown(source) => return source.hint(),
            Self::Locked { .. } => "look for a stopped quell process of the same user (jobs, ps)",
            Self::Full { .. } => {
                "free at least 16 MiB and 1,000 files on that disk, then try again"
            }
            Self::Failed { .. } => "check the disk, start quell again and run `quell audit verify`",
            Self::Short { .. } => "free space on that disk, then try again",
            Self::Special { .. } => {
                "somebody replaced it: look who (`ls -l`), put the log back and run `quell audit verify --from-cases`"
            }
            Self::Number { .. } => {
                "quell makes none of that name: look who did (`ls -l`), keep a copy of it and take it out of the folder, then run `quell audit verify`"
            }
            Self::Lagging { .. } => {
                "start quell once, which remembers the last record there is; where that fails, look at `head`, `head.new` and `head.lock` in the state directory (`ls -ld`, `lsattr`)"
            }
            Self::Changed { .. } => {
                "keep a copy of the folder, look who wrote to it (`ls -l`), run `quell audit verify --from-cases`, then start quell again"
            }
            Self::Head { .. } => {
                "look who changed it (`ls -l`) and keep a copy of it; removing it ends this warning"
            }
            Self::Several { .. } => {
                "look who put it here (`ls -l`), keep the one that holds what is not over, and move the files of the other into the folder `audit` of another state directory: `--state` goes on with it there; `quell audit verify`, `show` and `merge` read both. Where the file `head` in the state directory names the log that was moved, remove that file afterwards, or each start says that the log is gone"
            }
            Self::Missing { .. } => {
                "put its files back, or start quell again: it begins a new log, and none starts while both are here"
            }
            _ => return None,
        };
        Some(Safe::fixed(hint))
    }
}

fn named(logs: &[LogId]) -> String {
    let names: Vec<&str> = logs.iter().map(LogId::as_str).collect();
    names.join(" and ")
}
