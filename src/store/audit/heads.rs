//! The head of the log, remembered while the log grows: by the thread that writes, before it answers, and by those who look.
//!
//! What must not live here: the file in which it is remembered, and what may stand in it (see `remembered`).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Health;
use super::error::StoreError;
use super::remembered::{self, Remembered};
use crate::domain::audit::{Anchor, Entry};
use crate::domain::fault::Fault;
use crate::domain::ids::LogId;

/// What is remembered, with the log that it is the head of; all clones share it.
#[derive(Clone)]
pub(super) struct Heads {
    dir: Arc<PathBuf>,
    log: LogId,
    health: Arc<Mutex<Health>>,
    remembered: Arc<Mutex<Remembered>>,
    /// What was remembered when this process began: where that does not fit, it is said at the start, and the log goes on.
    before: Arc<Vec<Anchor>>,
}

impl Heads {
    /// Remembers the head of a log in a file, or nowhere.
    pub(super) fn new(
        path: Option<PathBuf>,
        dir: &Arc<PathBuf>,
        log: &LogId,
        health: &Arc<Mutex<Health>>,
    ) -> Self {
        let before = path.as_deref().map(remembered::remembered);
        Self {
            before: Arc::new(before.and_then(Result::ok).unwrap_or_default()),
            dir: Arc::clone(dir),
            log: log.clone(),
            health: Arc::clone(health),
            remembered: Arc::new(Mutex::new(Remembered::new(path))),
        }
    }

    /// Remembers the last durable record. Where that fails, what is remembered is older: no append fails for it, and the
    /// health of the log says why. Once the log was changed, what this process knew of it is nothing to hold others to.
    pub(super) fn keep(&self) {
        let health = self.health();
        let is_changed = matches!(health.failed, Some(StoreError::Changed { .. }));
        let durable = health.durable.filter(|_| !is_changed);
        drop(health);
        if let Some((n, h)) = durable {
            let log = self.log.clone();
            let kept = self.remembered().keep(&self.dir, Anchor { log, n, h });
            // What is there and cannot be read as heads is said by the next reading of the whole log.
            let is_said = |error: &StoreError| {
                matches!(error, StoreError::Head { .. } | StoreError::Special { .. })
            };
            self.health().unremembered = kept.err().filter(|error| !is_said(error));
        }
    }

    /// Tells whether a power cut may take what was remembered last.
    pub(super) fn is_unsettled(&self) -> bool {
        self.remembered().is_unsettled()
    }

    /// Keeps a power cut from taking back what was remembered last, if that can be done.
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

    /// Gives the first of these records that has the number of one that was remembered since this process began, and is
    /// another: it was rewritten after it was on the disk.
    pub(super) fn forged<'a>(&self, entries: &'a [Entry]) -> Option<&'a Entry> {
        if entries.is_empty() {
            return None;
        }
        let path = self.remembered().path()?;
        let is_other = |head: &Anchor, entry: &Entry| {
            head.log == self.log && head.n == entry.n && head.h != entry.h
        };
        let look = || {
            let heads = remembered::remembered(&path).unwrap_or_default();
            let fresh: Vec<&Anchor> = heads
                .iter()
                .filter(|head| !self.before.contains(head))
                .collect();
            entries
                .iter()
                .find(|entry| fresh.iter().any(|head| is_other(head, entry)))
        };
        // On a full disk it is written over, and may be read in the middle of that.
        look().and_then(|_| look())
    }

    /// Checks that what is remembered of the log lies behind a record, so that the record may go: a log that begins behind
    /// what is remembered of it is not the one that was left.
    pub(super) fn check_behind(&self, n: u64) -> Result<(), StoreError> {
        let Some(path) = self.remembered().path() else {
            return Ok(());
        };
        let heads = remembered::remembered(&path)?;
        let lags = |head: &&Anchor| head.log == self.log && head.n <= n;
        match heads.iter().find(lags) {
            Some(head) => Err(StoreError::Lagging { path, n: head.n }),
            None => Ok(()),
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
