//! The head of the log, remembered while the log grows: by the thread that writes, before it answers, and by those who look.
//!
//! What must not live here: the file in which it is remembered, and what may stand in it (see `remembered`).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Health;
use super::error::StoreError;
use super::remembered::{self, Remembered};
use crate::domain::audit::Anchor;
use crate::domain::fault::Fault;
use crate::domain::ids::LogId;

/// What is remembered, with the log that it is the head of; all clones share it.
#[derive(Clone)]
pub(super) struct Heads {
    dir: Arc<PathBuf>,
    log: LogId,
    health: Arc<Mutex<Health>>,
    remembered: Arc<Mutex<Remembered>>,
}

impl Heads {
    /// Remembers the head of a log in a file, or nowhere.
    pub(super) fn new(
        path: Option<PathBuf>,
        dir: &Arc<PathBuf>,
        log: &LogId,
        health: &Arc<Mutex<Health>>,
    ) -> Self {
        Self {
            dir: Arc::clone(dir),
            log: log.clone(),
            health: Arc::clone(health),
            remembered: Arc::new(Mutex::new(Remembered::new(path))),
        }
    }

    /// Remembers the last durable record. Where that fails, what is remembered is older: no append fails for it, and
    /// nothing is said, for the log itself says enough of a disk that fails or is full.
    pub(super) fn keep(&self) {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let durable = health.durable;
        drop(health);
        if let Some((n, h)) = durable {
            let log = self.log.clone();
            let _ = self.remembered().keep(&self.dir, Anchor { log, n, h });
        }
    }

    /// Tells whether a power cut may take what was remembered last.
    pub(super) fn is_unsettled(&self) -> bool {
        self.remembered().is_unsettled()
    }

    /// Brings to the disk what was remembered last, if that can be done.
    pub(super) fn settle(&self) {
        let _ = self.remembered().settle();
    }

    /// Verifies the logs of the directory and holds them against what is remembered.
    pub(super) fn look(&self) -> Result<Option<Fault>, StoreError> {
        // Not held while all of the logs is read: an append would wait for that.
        let path = self.remembered().path();
        let looked = remembered::look(path.as_deref(), &self.dir)?;
        Ok(self.remembered().take(looked))
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
