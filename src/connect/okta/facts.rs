//! What each action means at Okta, in the words of the dialog, and when it is read back.
//!
//! What must not live here: requests.

use std::time::Duration;

use crate::connect::capability::{ActionFacts, Schedule};
use crate::domain::containment::kind::ActionKind;

/// Gives the words for one kind.
pub(super) fn facts(kind: ActionKind) -> ActionFacts {
    match kind {
        ActionKind::RevokeSessions => ActionFacts {
            effect: "is signed out of Okta everywhere; refresh tokens end and remembered devices are forgotten".into(),
            undo: "cannot be undone; the user signs in again".into(),
            limits: "sessions that apps keep themselves go on; it does not stop a new sign-in".into(),
            proof: "System Log entry of our own clearing, and no client lists a refresh token".into(),
        },
        ActionKind::DisableAccount => ActionFacts {
            effect: "cannot sign in to Okta; groups and apps are kept".into(),
            undo: "enable account (unsuspend) restores it".into(),
            limits: "works only from ACTIVE; sessions that apps keep themselves go on".into(),
            proof: "status SUSPENDED, read twice".into(),
        },
        ActionKind::EnableAccount => ActionFacts {
            effect: "can sign in to Okta again".into(),
            undo: "disable account (suspend)".into(),
            limits: "works only from SUSPENDED; ended sessions do not come back".into(),
            proof: "status ACTIVE, read twice".into(),
        },
    }
}

/// Gives the times of reading back.
pub(super) fn schedule(kind: ActionKind) -> Schedule {
    let seconds: &[u64] = match kind {
        // The read of a user is strongly consistent.
        ActionKind::DisableAccount | ActionKind::EnableAccount => &[1, 2, 4, 8, 15, 30],
        // The System Log may be minutes late.
        ActionKind::RevokeSessions => &[1, 2, 4, 8, 15, 30, 60, 120, 180, 180],
    };
    Schedule {
        waits: seconds.iter().copied().map(Duration::from_secs).collect(),
        agree: Duration::from_secs(5),
    }
}
