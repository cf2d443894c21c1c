//! What the checkpoints of a log cover, session by session, while it is verified.
//!
//! A checkpoint counts for its own session only, and only between that session's start and end: otherwise whoever has
//! the key of today could seal what was written yesterday. It is signed with the key that `session.open` names.
//!
//! What must not live here: the chain (see `verify`), making checkpoints (see `store::audit`).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::entry::{self, Raw};
use super::fault::{Reason, Warning};
use super::seal::{Checkpoint, PublicKey, Standing};

/// Records of a session after which a checkpoint is due.
pub const EVERY: u64 = 64;
/// Minutes without a checkpoint in an open session that are too many; the writer makes one every 15.
pub const GAP_MINUTES: u64 = 20;
/// Records that may stand between what asks for a checkpoint and the checkpoint: others are written with it.
const TOGETHER: u64 = 512;
/// Sessions without an end that are kept track of.
const KEPT: usize = 10_000;

/// What is needed of a `session.open`: of its other fields a newer version may say more, or say them otherwise.
#[derive(Deserialize)]
struct Opened {
    public_key: Option<String>,
}

/// One session that is not over.
#[derive(Clone)]
struct Session {
    key: Option<PublicKey>,
    /// Time since the host's start of its start or last checkpoint, µs, and how often the host was started before it.
    sealed_us: u64,
    starts: u64,
    /// The same by the wall clock.
    sealed: Option<DateTime<Utc>>,
    /// First record since then, or that checkpoint where none is, and how many.
    first: u64,
    unsealed: u64,
    /// Records of its own since one that asks for a checkpoint.
    due: Option<u64>,
    closed: bool,
}

/// The sessions of a log.
#[derive(Clone, Default)]
pub(super) struct Sessions {
    open: BTreeMap<Vec<u8>, Session>,
    /// The beginning of the log is not here, or there were more sessions than are kept.
    pub(super) some_unknown: bool,
    /// Whether a missing checkpoint is a fault.
    pub(super) required: bool,
    /// When the log is verified.
    pub(super) now: Option<DateTime<Utc>>,
    /// Time since the host's start of the last record, µs, and how often it was started anew.
    last_us: u64,
    starts: u64,
    /// Checkpoints that were checked and hold.
    pub(super) sealed: u64,
    without_key: u64,
    key_not_here: u64,
}

/// What a record gives cause to say.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) reasons: Vec<Reason>,
    pub(super) warning: Option<Warning>,
}

impl Sessions {
    /// Takes a record that stands at a byte of its segment.
    pub(super) fn take(&mut self, raw: &Raw<'_>, start: u64) -> Findings {
        let mut found = Findings::default();
        // Records get their time with the log locked: it goes back only where the host was started anew.
        self.starts += u64::from(raw.boot_us < self.last_us);
        self.last_us = raw.boot_us;
        match raw.kind {
            b"session.open" => self.begin(raw, &mut found),
            b"checkpoint" => self.check(raw, start, &mut found),
            // The writer's own, also before its session has begun.
            b"log.recovered" | b"segment.end" | b"segment.start" => (),
            _ => self.count(raw, &mut found),
        }
        found
    }

    fn begin(&mut self, raw: &Raw<'_>, found: &mut Findings) {
        let opened = serde_json::from_slice::<Opened>(raw.data).ok();
        let key = opened.and_then(|opened| opened.public_key);
        let key = key.and_then(|key| PublicKey::parse(&key));
        if key.is_none() {
            self.without_key += 1;
            self.demand(found);
        }
        if self.open.len() >= KEPT {
            // Session ids begin with their time, so this is the oldest.
            self.open.pop_first();
            self.some_unknown = true;
        }
        let session = Session {
            key,
            sealed_us: raw.boot_us,
            starts: self.starts,
            sealed: entry::time(raw.ts),
            first: raw.n,
            unsealed: 1,
            due: None,
            closed: false,
        };
        if self.open.insert(raw.sess.to_vec(), session).is_some() {
            // A session begins once; a second key would let it be sealed by another.
            found.reasons.push(Reason::NoSession);
        }
    }

    fn demand(&self, found: &mut Findings) {
        if self.required {
            found.reasons.push(Reason::Unsealed);
        }
    }

    fn count(&mut self, raw: &Raw<'_>, found: &mut Findings) {
        let required = self.required;
        let Some(session) = self.open.get_mut(raw.sess) else {
            if !self.some_unknown {
                self.demand(found);
            }
            return;
        };
        if session.unsealed == 0 {
            session.first = raw.n;
        }
        session.unsealed += 1;
        session.due = session.due.map(|since| since + 1);
        let asks = matches!(
            raw.kind,
            b"action.outcome" | b"action.resolve" | b"session.close"
        );
        if asks {
            session.due.get_or_insert(0);
        }
        let late = session.due == Some(TOGETHER) || session.unsealed == EVERY + TOGETHER;
        if required && session.key.is_some() && late {
            found.reasons.push(Reason::Unsealed);
        }
        session.closed |= raw.kind == b"session.close";
    }

    fn check(&mut self, raw: &Raw<'_>, start: u64, found: &mut Findings) {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let standing = Standing {
            log: text(raw.log),
            session: text(raw.sess),
            n: raw.n.saturating_sub(1),
            h: raw.prev,
            size: start,
        };
        let said = serde_json::from_slice::<Checkpoint>(raw.data).ok();
        let Some(said) = said.filter(|said| said.says(&standing)) else {
            found.reasons.push(Reason::Checkpoint);
            return;
        };
        let Some(session) = self.open.get_mut(raw.sess) else {
            if self.some_unknown {
                self.key_not_here += 1;
            } else {
                found.reasons.push(Reason::NoSession);
            }
            return;
        };
        let Some(key) = session.key else {
            found.reasons.push(Reason::NoSession);
            return;
        };
        if !said.is_signed_by(&key, &standing) {
            found.reasons.push(Reason::Signature);
            return;
        }
        let minutes = raw.boot_us.saturating_sub(session.sealed_us) / 60_000_000;
        if minutes > GAP_MINUTES {
            found.warning = Some(Warning::CheckpointGap { n: raw.n, minutes });
            if self.required {
                found.reasons.push(Reason::Unsealed);
            }
        }
        self.sealed += 1;
        session.sealed_us = raw.boot_us;
        session.starts = self.starts;
        session.sealed = entry::time(raw.ts);
        session.first = raw.n;
        session.unsealed = 0;
        session.due = None;
        if session.closed {
            self.open.remove(raw.sess);
        }
    }

    /// Tells whether a session would have made a checkpoint by now if it went on: an open one makes one every 15 minutes.
    fn is_overdue(&self, session: &Session) -> bool {
        let minutes = |us: u64| us / 60_000_000;
        let until_now = session.sealed.zip(self.now);
        let until_now = until_now.map(|(sealed, now)| now.signed_duration_since(sealed));
        session.starts < self.starts
            || minutes(self.last_us.saturating_sub(session.sealed_us)) > GAP_MINUTES
            || until_now.is_some_and(|time| time.num_minutes() > GAP_MINUTES.cast_signed())
    }

    /// Ends the log: what is still open, under no checkpoint, or could not be checked. Gives the records that a
    /// required checkpoint is missing for.
    pub(super) fn end(self) -> (Vec<(u64, Reason)>, Vec<Warning>) {
        let mut missing = Vec::new();
        let mut warnings = Vec::new();
        for session in self.open.values().filter(|session| session.key.is_some()) {
            let (from, count) = (session.first, session.unsealed);
            if count > 0 {
                warnings.push(Warning::UnsealedTail { from, count });
            }
            if self.required {
                if session.due.is_some() || count >= EVERY {
                    missing.push((from, Reason::Unsealed));
                } else if self.is_overdue(session) {
                    missing.push((from, Reason::Silent));
                }
            }
        }
        let count = |count: u64| (count > 0).then_some(count);
        let open = self.open.values().filter(|session| !session.closed).count();
        warnings.extend(count(open as u64).map(|count| Warning::SessionsOpen { count }));
        warnings.extend(count(self.without_key).map(|count| Warning::NoKey { count }));
        warnings.extend(count(self.key_not_here).map(|count| Warning::KeyNotHere { count }));
        (missing, warnings)
    }
}

#[cfg(test)]
mod tests;
