//! Whose the log is that this console writes and folds, and what stands beside it.
//!
//! What must not live here: what is on record in it (`domain`).

use super::Model;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Said instead of what a log that was edited or cut seems to deny.
const BROKEN: &str = "this audit log, or one beside it, is BROKEN or cut: it may lack acts";

/// The log of this console. Another host, and another user of this one, has a log of its own.
#[derive(Clone, Debug, Default)]
pub struct OwnLog {
    /// The host it is of, as it called itself when this console started.
    pub host: Untrusted,
    /// What logs of this user under the names of other hosts held that was not over when this console started, if they did.
    pub beside: Option<Safe>,
}

impl Model {
    /// Says why the log may lack something that was done, if it may: it was not read to its end, or is not as remembered.
    pub fn log_gap(&self) -> Option<Safe> {
        let broken = self.audit_broken.as_ref().map(|_| Safe::from(BROKEN));
        self.log_unread.clone().or(broken)
    }

    /// Names the log that whatever is said of actions goes by: nothing is known of those in the logs of others.
    pub fn log_word(&self) -> Safe {
        if self.own_log.host.is_empty() {
            return "the log of this host".into();
        }
        safe!(
            "the log of this host ({} at {})",
            self.operator.os_user.field(),
            self.own_log.host.field()
        )
    }
}
