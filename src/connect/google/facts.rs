//! What each action means at Google, in the words of the dialog, and when it is read back.
//!
//! What must not live here: requests.

use std::time::Duration;

use super::scope::Scope;
use super::wire;
use crate::connect::capability::{ActionFacts, Schedule};
use crate::domain::account::{Account, Session};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, RemnantKind};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Gives the words for one kind.
pub(super) fn facts(kind: ActionKind) -> ActionFacts {
    let users = Scope::Users.word();
    match kind {
        ActionKind::RevokeSessions => ActionFacts {
            effect: "is signed out of all web and device sessions; sign-in cookies are reset".into(),
            undo: "cannot be undone; the user signs in again".into(),
            limits: safe!(
                "app passwords go on, and so do sessions that apps keep themselves; it does not stop a new sign-in; Google does not say how soon it takes effect; needs {}",
                Scope::Security.word()
            ),
            proof: "entry of the log of administrators about our own sign-out, which may be minutes late, and no app has a token; without an entry it cannot be proven: Google lists no sessions".into(),
        },
        ActionKind::DisableAccount => ActionFacts {
            effect: "cannot sign in: suspended becomes true, nothing else is changed; mail, files and groups are kept".into(),
            undo: "enable account (suspended false) restores it".into(),
            limits: safe!("whether it ends sessions is not documented, so they are ended before and after; needs {}", users),
            proof: "suspended is true, read twice".into(),
        },
        ActionKind::EnableAccount => ActionFacts {
            effect: "can sign in again: suspended becomes false, nothing else is changed".into(),
            undo: "disable account (suspended true)".into(),
            limits: safe!("ended sessions and tokens do not come back, app passwords work again; an account that Google suspended itself may stay so; needs {}", users),
            proof: "suspended is false, read twice".into(),
        },
        ActionKind::ResetPassword => ActionFacts {
            effect: "the old password is void; a new one is made when this is sent, is shown to you once, and must be changed at the next sign-in".into(),
            undo: "cannot be undone; the old password does not come back, and sending again makes another one".into(),
            limits: safe!(
                "no effect for a user who signs in by another identity provider; 2-step methods, recovery mail and phone stay: never send the password to the mailbox; tokens of apps stay; needs {}",
                users
            ),
            proof: "entry of the log of administrators about our new password, which may be minutes late, and changePasswordAtNextLogin is true".into(),
        },
        ActionKind::ExpirePassword => ActionFacts {
            effect: "must choose a new password at the next sign-in: changePasswordAtNextLogin becomes true".into(),
            undo: "cannot be undone from here".into(),
            limits: safe!(
                "keeps nobody out: the old password still works for that sign-in, and whoever knows it can choose the new one; ends no session; no effect for a user who signs in by another identity provider; needs {}",
                users
            ),
            proof: "changePasswordAtNextLogin is true, read twice".into(),
        },
        // What is said of a risk is not offered.
        ActionKind::RemoveItem | ActionKind::ConfirmCompromised | ActionKind::DismissRisk => ActionFacts {
            effect: "the tokens of one app or one app password are taken away; the rest of the account stays".into(),
            undo: "cannot be undone; what was there before is kept in the audit log".into(),
            limits: safe!("keeps nobody out by itself; ends no session; needs {}", Scope::Security.word()),
            proof: "it is not listed any more, read twice".into(),
        },
    }
}

/// Gives the words for one kind and one account: app passwords are named where it has some.
pub(super) fn about(kind: ActionKind, account: &Account) -> ActionFacts {
    let facts = facts(kind);
    let all = account.sessions.iter().flatten();
    let left = all.filter(|one| !wire::is_token(one));
    let names: Vec<Safe> = left
        .flat_map(|one| one.clients.iter().map(Untrusted::field))
        .collect();
    if kind != ActionKind::RevokeSessions || names.is_empty() {
        return facts;
    }
    let names = Safe::join(names, &Safe::fixed(", "));
    ActionFacts {
        limits: safe!("goes on: {}; {}", names, facts.limits),
        ..facts
    }
}

/// Gives the words for ending the token of one app.
pub(super) fn of_token(token: &Session) -> ActionFacts {
    let names = token.clients.iter().map(Untrusted::field);
    let names = Safe::join(names, &Safe::fixed(", "));
    ActionFacts {
        effect: safe!("ends the tokens of {}", names),
        undo: "cannot be undone; the user allows the app again".into(),
        limits: safe!(
            "the app keeps what it has read; needs {}",
            Scope::Security.word()
        ),
        proof: "the app is not among those with a token, read twice".into(),
    }
}

/// Gives the words for the removal of one item.
pub(super) fn removal(item: &Item) -> ActionFacts {
    let general = facts(ActionKind::RemoveItem);
    let name = item.name.field();
    match item.kind {
        RemnantKind::OauthGrant => ActionFacts {
            effect: safe!("{} loses its tokens and has to be allowed anew", name),
            undo: "cannot be undone: the user allows the app again; what was there before is kept in the audit log".into(),
            ..general
        },
        RemnantKind::AppPassword => ActionFacts {
            effect: safe!("the app password {} works no more", name),
            undo: "cannot be undone: the user makes another one; what was there before is kept in the audit log".into(),
            ..general
        },
        RemnantKind::MfaMethod => ActionFacts {
            effect: "the backup codes pass no sign-in any more; the other methods of the second step stay".into(),
            undo: "cannot be undone: the user makes new codes; how many there were is kept in the audit log, no code".into(),
            limits: safe!(
                "whoever is signed in can make new ones; ends no session; needs {}",
                Scope::Security.word()
            ),
            proof: "no backup code is listed, read twice".into(),
        },
        RemnantKind::MailAlias => ActionFacts {
            effect: safe!("mail to {} does not come into this mailbox any more", name),
            undo: "by hand only: the alias is added again in the admin console; what was there before is kept in the audit log".into(),
            limits: safe!(
                "whoever knows the account by this address does not find it by it any more; mail that came stays; ends no session; needs {}",
                Scope::Users.word()
            ),
            ..general
        },
        RemnantKind::RecoveryData => ActionFacts {
            effect: safe!("the profile has no {} any more: the password cannot be had back by it", name),
            undo: "by hand only: it is entered again; what was there before is kept in the audit log".into(),
            limits: safe!(
                "whoever is signed in can enter another; compare it first with what the person says; ends no session; needs {}",
                Scope::Users.word()
            ),
            proof: "the profile has none in that place, read twice".into(),
        },
        _ => general,
    }
}

/// Gives the times of reading back.
pub(super) fn schedule(kind: ActionKind) -> Schedule {
    let seconds: &[u64] = match kind {
        ActionKind::DisableAccount
        | ActionKind::EnableAccount
        | ActionKind::ExpirePassword
        | ActionKind::RemoveItem
        | ActionKind::ConfirmCompromised
        | ActionKind::DismissRisk => &[1, 2, 4, 8, 15, 30],
        // The log of administrators has an entry after a couple of minutes, by Google's word.
        ActionKind::RevokeSessions | ActionKind::ResetPassword => {
            &[1, 2, 4, 8, 15, 30, 60, 120, 180, 180]
        }
    };
    Schedule {
        waits: seconds.iter().copied().map(Duration::from_secs).collect(),
        agree: Duration::from_secs(5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::samples;

    #[test]
    fn every_kind_says_which_scope_it_needs() {
        for kind in ActionKind::ALL {
            let limits = facts(kind).limits;
            assert!(
                limits.as_str().contains("needs admin.directory.user"),
                "{limits}"
            );
        }
    }

    #[test]
    fn app_passwords_that_go_on_are_named() {
        let password = Session {
            id: format!("{}7", wire::ASP).into(),
            offline: true,
            clients: vec!["app password Phone".into()],
            started: None,
            last_used: None,
            ip: None,
        };
        let account = Account {
            sessions: Some(vec![password]),
            ..samples::account()
        };
        let limits = |kind| about(kind, &account).limits;
        let revoke = limits(ActionKind::RevokeSessions);
        assert!(
            revoke.as_str().starts_with("goes on: app password Phone; "),
            "{revoke}"
        );
        assert!(
            !limits(ActionKind::DisableAccount)
                .as_str()
                .contains("Phone")
        );
    }
}
