//! Whether the audit log can be relied on: it may be broken, not be what this host remembers of it, or not be what a comment
//! in a case says of it.
//!
//! What must not live here: reading comments (`engine::anchored`), what is not said over a log in doubt (`engine::recover`,
//! `engine::outbox::doubt`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Journal, fault_of};
use crate::app::message::Message;
use crate::domain::fault::Fault;

/// What puts the log in doubt.
#[derive(Default)]
pub(super) struct Doubt {
    /// It is broken, or is not what this host remembers of it.
    broken: AtomicBool,
    /// How it does not fit a comment in a case. That stays until the console ends: no reading of the log shows what was there.
    contradicted: Mutex<Option<Fault>>,
}

impl Doubt {
    fn contradicted(&self) -> Option<Fault> {
        let contradicted = self.contradicted.lock();
        contradicted.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Journal {
    /// Takes whether the log is broken, or is not what this host remembers of it.
    pub fn doubt(&self, broken: bool) {
        self.doubt.broken.store(broken, Ordering::Relaxed);
    }

    /// Tells whether records may be missing or forged: then that one is not there says nothing, and neither does one that is.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.broken.load(Ordering::Relaxed) || self.doubt.contradicted().is_some()
    }

    /// Takes that the log is not what a comment in a case says of it, and tells the console; the first such word stays.
    pub(in crate::engine) async fn contradict(&self, fault: Fault) {
        {
            let known = &self.doubt.contradicted;
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.is_some() {
                return;
            }
            *known = Some(fault.clone());
        }
        self.tell_broken(Some(fault)).await;
    }

    /// Reads the whole log anew and tells the console when it is broken: a record far above the end may have been edited
    /// under us. One that cannot be read there is said as well: an append reads its end only.
    pub async fn look_whole(&self) {
        let looked = self.log.look_beside().await;
        let found = looked.unwrap_or_else(|error| Some(fault_of(&error)));
        self.doubt(found.is_some());
        self.tell_broken(found.or_else(|| self.doubt.contradicted()))
            .await;
    }

    async fn tell_broken(&self, fault: Option<Fault>) {
        // Nobody listens any more only when the console is gone.
        let _ = self.messages.send(Message::AuditBroken(fault)).await;
    }
}
