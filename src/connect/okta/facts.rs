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
        ActionKind::ResetPassword => ActionFacts {
            effect: "cannot sign in, nor start a recovery, before opening a one-time link, which is shown to you once; no mail is sent, sessions end".into(),
            undo: "cannot be undone; the old password does not come back, and sending again makes another link".into(),
            limits: "the link lets in whoever opens it: hand it over by voice or in person, never to a mailbox the attacker may hold; MFA methods stay; sessions that apps keep themselves go on; it cannot be suspended from RECOVERY".into(),
            proof: "status RECOVERY, read twice".into(),
        },
        ActionKind::ExpirePassword => ActionFacts {
            effect: "must choose a new password at the next sign-in; of an account from Active Directory it expires there too".into(),
            undo: "cannot be undone from here".into(),
            limits: "keeps nobody out: the old password still works for that sign-in, and whoever knows it can choose the new one; ends no session; it cannot be suspended from PASSWORD_EXPIRED".into(),
            proof: "status PASSWORD_EXPIRED, read twice".into(),
        },
        ActionKind::RemoveItem => ActionFacts {
            effect: "one grant, the tokens of one client or one MFA method is taken away; the rest of the account stays".into(),
            undo: "cannot be undone; what was there before is kept in the audit log".into(),
            limits: "keeps nobody out by itself, and ends no session".into(),
            proof: "it is not listed any more, read twice".into(),
        },
        ActionKind::ConfirmCompromised => ActionFacts {
            effect: "Identity Threat Protection takes the user for a high risk: the risk level becomes HIGH".into(),
            undo: "dismissing the risk is the nearest there is, not a true undo: the level becomes LOW, not what it was".into(),
            limits: "keeps nobody out by itself: only policies about the risk of users act on it, and such a policy may ask for a factor, sign the user out or run a workflow; needs Identity Threat Protection and, of a service app, the scope okta.userRisk.manage".into(),
            proof: "risk level HIGH with our own reason, read twice".into(),
        },
        ActionKind::DismissRisk => ActionFacts {
            effect: "the risk level becomes LOW, the lowest that can be set: NONE is for Okta alone to give".into(),
            undo: "marking the account as compromised makes the level HIGH again; what was there before does not come back as it was".into(),
            limits: "detections are not closed and what policies did on the risk is not taken back; Okta may raise the level again; needs Identity Threat Protection and, of a service app, the scope okta.userRisk.manage".into(),
            proof: "risk level LOW with our own reason, read twice".into(),
        },
    }
}

/// Gives the times of reading back.
pub(super) fn schedule(kind: ActionKind) -> Schedule {
    let seconds: &[u64] = match kind {
        // The read of a user is strongly consistent.
        ActionKind::DisableAccount
        | ActionKind::EnableAccount
        | ActionKind::ResetPassword
        | ActionKind::ExpirePassword
        | ActionKind::RemoveItem
        | ActionKind::ConfirmCompromised
        | ActionKind::DismissRisk => &[1, 2, 4, 8, 15, 30],
        // The System Log may be minutes late.
        ActionKind::RevokeSessions => &[1, 2, 4, 8, 15, 30, 60, 120, 180, 180],
    };
    Schedule {
        waits: seconds.iter().copied().map(Duration::from_secs).collect(),
        agree: Duration::from_secs(5),
    }
}
