//! The key of this session and when its checkpoints are due.
//!
//! The secret half lives in memory only and is wiped when the session ends. `ring` keeps a working copy while it signs,
//! which is not wiped but left to the system with the thread's stack.
//!
//! What must not live here: writing (see `writer`), what a checkpoint says (`domain::audit`).

use std::time::{Duration, Instant};

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use secrecy::zeroize::Zeroizing;

use crate::domain::audit::{Body, EVERY, PublicKey, Standing};

/// How often a session signs where the chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealPace {
    /// Records of this session after which a checkpoint is made.
    pub records: u64,
    /// How long a record may stand without one.
    pub activity: Duration,
    /// How long an open session may be without one at all.
    pub heartbeat: Duration,
}

impl Default for SealPace {
    fn default() -> Self {
        Self {
            records: EVERY,
            activity: Duration::from_secs(60),
            heartbeat: Duration::from_secs(15 * 60),
        }
    }
}

/// Where a session is; a plain value, so that a write that failed can be taken back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Its `session.open` is written and its `session.close` is not under a checkpoint yet.
    open: bool,
    closed: bool,
    /// Records that no checkpoint covers, the moment of the first, and whether one of them asks for a checkpoint.
    records: u64,
    first: Option<Instant>,
    asked: bool,
    last: Option<Instant>,
}

/// The key of a session.
pub(super) struct Sealer {
    seed: Option<Zeroizing<[u8; 32]>>,
    public: PublicKey,
    pace: SealPace,
    pub(super) progress: Progress,
}

impl Sealer {
    /// Makes a key; without one, where the system has no chance to give, nothing can be sealed.
    pub(super) fn new(pace: SealPace) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        let made = SystemRandom::new().fill(seed.as_mut()).ok();
        let pair = made.and_then(|()| Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).ok());
        let public = pair.and_then(|pair| pair.public_key().as_ref().try_into().ok());
        Self {
            seed: public.map(|_: [u8; 32]| seed),
            public: PublicKey(public.unwrap_or_default()),
            pace,
            progress: Progress::default(),
        }
    }

    /// Puts the public half into the record that opens the session.
    pub(super) fn introduce(&self, body: &Body) -> Option<Body> {
        let mut body = body.clone();
        if let Body::SessionOpen { public_key, .. } = &mut body {
            *public_key = self.seed.as_ref().map(|_| self.public.hex());
            return Some(body);
        }
        None
    }

    /// Counts a record of this session that is about to be written.
    pub(super) fn count(&mut self, body: &Body, now: Instant) {
        let progress = &mut self.progress;
        if matches!(body, Body::SessionOpen { .. }) && self.seed.is_some() && !progress.closed {
            progress.open = true;
            progress.last = Some(now);
        }
        if progress.open {
            progress.records += 1;
            progress.first.get_or_insert(now);
            progress.asked |= body.asks_for_checkpoint();
            progress.closed |= matches!(body, Body::SessionClose { .. });
        }
    }

    /// Gives the moment by which a checkpoint is due; `None` while no session is open.
    pub(super) fn due(&self) -> Option<Instant> {
        let progress = &self.progress;
        let last = progress.last.filter(|_| progress.open)?;
        let beat = last + self.pace.heartbeat;
        Some(match progress.first {
            Some(first) if progress.asked || progress.records >= self.pace.records => first,
            Some(first) => beat.min(first + self.pace.activity),
            None => beat,
        })
    }

    /// Makes the checkpoint if it is due.
    pub(super) fn checkpoint(&self, standing: &Standing<'_>, now: Instant) -> Option<Body> {
        self.due().filter(|due| *due <= now)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(self.seed.as_ref()?.as_ref()).ok()?;
        let signature = pair.sign(standing.text().as_bytes());
        Some(standing.checkpoint(&self.public, signature.as_ref().try_into().ok()?))
    }

    /// Takes note that a checkpoint is being written, after which a closed session has no key any more.
    pub(super) fn sealed(&mut self, now: Instant) {
        let progress = &mut self.progress;
        (progress.records, progress.first, progress.asked) = (0, None, false);
        progress.last = Some(now);
        progress.open &= !progress.closed;
    }

    /// Waits for another while before the next try, when a checkpoint could not be written.
    pub(super) fn postpone(&mut self, now: Instant) {
        let progress = &mut self.progress;
        progress.first = progress.first.map(|_| now);
        progress.asked = false;
        progress.records = progress.records.min(self.pace.records.saturating_sub(1));
        progress.last = progress.last.map(|_| now);
    }

    /// Wipes the key of a session that is over.
    pub(super) fn forget(&mut self) {
        if self.progress.closed && !self.progress.open {
            self.seed = None;
        }
    }

    /// Gives the public half, hex.
    pub(super) fn public_hex(&self) -> String {
        self.public.hex()
    }
}
