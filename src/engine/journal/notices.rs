//! What the console is told of the log beside its records, once each: that its head cannot be remembered, that others put
//! something at its end; and that it takes records again.
//!
//! What must not live here: that it cannot be written (see `journal`) or relied on (see `doubt`).

use std::sync::atomic::Ordering;

use super::Journal;
use crate::app::message::{Level, Message};
use crate::domain::fault::Fault;
use crate::safe;
use crate::store::audit::{HEAD_HINT, StoreError};

impl Journal {
    /// Passes once the log takes records again after it failed.
    pub(in crate::engine) async fn takes_again(&self) {
        self.again.notified().await;
    }

    /// Lets whoever waits in [`Self::takes_again`] look at what is left now.
    pub(in crate::engine) fn wake(&self) {
        self.again.notify_one();
    }

    /// Tells the console once when the head of the log cannot be remembered, and once when it can again.
    pub(super) async fn notice_head(&self) {
        let error = self.log.health().unremembered;
        if self.told_head.swap(error.is_some(), Ordering::Relaxed) == error.is_some() {
            return;
        }
        let again = "this host remembers again how far the audit log goes";
        let (level, fault) = match error {
            Some(error) => (Level::Warning, unremembered(&error)),
            None => (Level::Info, Fault::new(again)),
        };
        self.notice(level, fault).await;
    }

    /// Tells the console of bytes at the end of the log that were named though no crash leaves such: once they are, both
    /// verifiers take them for a torn end.
    pub(super) async fn notice_foreign(&self) {
        let found = self.log.health().foreign;
        let told = self.told_foreign.fetch_max(found, Ordering::Relaxed);
        if found > told {
            self.notice(Level::Warning, foreign(found - told)).await;
        }
    }

    async fn notice(&self, level: Level, fault: Fault) {
        // Nobody listens any more only when the console is gone.
        let _ = self.messages.send(Message::Noticed { level, fault }).await;
    }
}

fn unremembered(error: &StoreError) -> Fault {
    let what = safe!(
        "this host cannot remember how far the audit log goes: {}; were its end cut off, no start would say so",
        error.shown()
    );
    Fault::new(what).hint(HEAD_HINT)
}

fn foreign(bytes: u64) -> Fault {
    let what = safe!(
        "{} bytes that are no record stood at the end of the audit log: whole lines, and no crash of quell leaves such; a record names them now",
        bytes
    );
    Fault::new(what).hint(
        "look who wrote to it (`ls -l`), and hold the log against the cases: `quell audit verify --from-cases`",
    )
}
