//! What each action means at Keycloak, in the words of the dialog, and when it is read back.
//!
//! What must not live here: requests.

use std::time::Duration;

use crate::connect::capability::{ActionFacts, Schedule};
use crate::domain::account::{Factor, Session};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, RemnantKind};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Says how long access tokens outlive an action; a client can have a longer time of its own.
fn tokens(lifespan: Option<u64>) -> Safe {
    match lifespan {
        Some(seconds) if seconds % 60 == 0 => safe!(
            "access tokens live on for up to {} min, longer where a client has its own time",
            seconds / 60
        ),
        Some(seconds) => safe!(
            "access tokens live on for up to {} s, longer where a client has its own time",
            seconds
        ),
        None => {
            "access tokens live on until they expire; the realm's time could not be read".into()
        }
    }
}

/// Gives the words for one kind.
pub(super) fn facts(kind: ActionKind, lifespan: Option<u64>) -> ActionFacts {
    match kind {
        ActionKind::RevokeSessions => ActionFacts {
            effect: "is signed out of the realm everywhere; refresh tokens of before are refused"
                .into(),
            undo: "cannot be undone; the user signs in again".into(),
            limits: safe!(
                "{}; sessions that apps keep themselves go on; it does not stop a new sign-in",
                tokens(lifespan)
            ),
            proof: "no session and no offline session is listed, read twice".into(),
        },
        ActionKind::DisableAccount => ActionFacts {
            effect: "cannot sign in to the realm: enabled becomes false, nothing else is changed".into(),
            undo: "enable account restores it".into(),
            limits: safe!("ends no session by itself; {}", tokens(lifespan)),
            proof: "enabled is false, read twice".into(),
        },
        ActionKind::EnableAccount => ActionFacts {
            effect: "can sign in to the realm again: enabled becomes true, nothing else is changed".into(),
            undo: "disable account".into(),
            limits: "ended sessions do not come back; counters of failed sign-ins and a lock by them are cleared too"
                .into(),
            proof: "enabled is true, read twice".into(),
        },
        ActionKind::ResetPassword => ActionFacts {
            effect: "the old password is void; a new one is made when this is sent, is shown to you once, and must be changed at the next sign-in".into(),
            undo: "cannot be undone; the old password does not come back, and sending again makes another one".into(),
            limits: safe!(
                "ends no session by itself; MFA methods and sign-in through a linked provider stay, and so does recovery by mail where the realm has it: never send the password to the mailbox; {}",
                tokens(lifespan)
            ),
            proof: "the password is newer than before and UPDATE_PASSWORD is required, read twice".into(),
        },
        ActionKind::ExpirePassword => ActionFacts {
            effect: "must choose a new password at the next sign-in: UPDATE_PASSWORD becomes required".into(),
            undo: "cannot be undone from here".into(),
            limits: safe!(
                "keeps nobody out: the old password still works for that sign-in, and whoever knows it can choose the new one; ends no session; {}",
                tokens(lifespan)
            ),
            proof: "UPDATE_PASSWORD is required, read twice".into(),
        },
        // What is said of a risk is not offered.
        ActionKind::RemoveItem | ActionKind::ConfirmCompromised | ActionKind::DismissRisk => ActionFacts {
            effect: "one consent, credential or session is taken away; the rest of the account stays".into(),
            undo: "cannot be undone; what was there before is kept in the audit log".into(),
            limits: safe!("keeps nobody out by itself; {}", tokens(lifespan)),
            proof: "it is not listed any more, read twice".into(),
        },
    }
}

/// Gives the words for ending one offline session.
pub(super) fn offline(session: &Session, lifespan: Option<u64>) -> ActionFacts {
    let clients = session.clients.iter().map(Untrusted::field);
    let clients = Safe::join(clients, &Safe::fixed(", "));
    ActionFacts {
        effect: safe!("ends the offline session of {}", clients),
        ..facts(ActionKind::RevokeSessions, lifespan)
    }
}

/// Gives the words for the removal of one item; `factors` are the MFA methods of the account as it is.
pub(super) fn removal(item: &Item, factors: &[Factor], lifespan: Option<u64>) -> ActionFacts {
    let general = facts(ActionKind::RemoveItem, lifespan);
    match item.kind {
        RemnantKind::OauthGrant => ActionFacts {
            effect: safe!(
                "{} needs a new consent, and its offline tokens for this user end",
                item.name.field()
            ),
            undo: "cannot be undone: the user consents anew; what was there before is kept in the audit log".into(),
            limits: safe!("its online sessions go on: end them, too; {}", tokens(lifespan)),
            proof: "no consent for it is listed, read twice".into(),
        },
        RemnantKind::MfaMethod => ActionFacts {
            effect: safe!("{} can pass no sign-in any more", item.name.field()),
            undo: "cannot be undone: the user enrols it anew; what was there before is kept in the audit log, without its secret".into(),
            limits: safe!("{}; ends no session; {}", left(item, factors), tokens(lifespan)),
            proof: "the credential is not listed, read twice".into(),
        },
        RemnantKind::RefreshToken => ActionFacts {
            effect: safe!("ends the {}: its refresh token is refused", item.name.field()),
            limits: safe!("the consent stays: with a sign-in it gets new tokens; {}", tokens(lifespan)),
            ..general
        },
        RemnantKind::LinkedAccount => ActionFacts {
            effect: safe!("{} is no way to sign in here any more", item.name.field()),
            undo: "by hand only: it is linked again in the admin console; what was there before is kept in the audit log".into(),
            limits: safe!(
                "whoever is signed in can link another, and the first sign-in by that provider may link it anew where the realm lets it; sessions it began go on: end them, too; {}",
                tokens(lifespan)
            ),
            proof: "no account at this provider is linked, read twice".into(),
        },
        RemnantKind::Session => ActionFacts {
            effect: "ends this one session; the others go on".into(),
            limits: safe!("it does not stop a new sign-in; {}", tokens(lifespan)),
            ..general
        },
        _ => general,
    }
}

/// Says what an attacker who has the password can do once a method is gone.
fn left(item: &Item, factors: &[Factor]) -> Safe {
    let stay = factors.iter().filter(|one| one.id != item.id).count();
    match stay {
        0 => "it is the last MFA method: then whoever knows the password signs in with it alone, or enrols a method of \
              their own; reset the password while the account is disabled"
            .into(),
        1 => "1 other method stays; whoever knows the password and passes it can enrol another".into(),
        more => safe!(
            "{} other methods stay; whoever knows the password and passes one can enrol another",
            more
        ),
    }
}

/// Gives the times of reading back: reads come from the server that wrote.
pub(super) fn schedule() -> Schedule {
    Schedule {
        waits: [1, 2, 4, 8, 15, 30].map(Duration::from_secs).to_vec(),
        agree: Duration::from_secs(5),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some(300), "up to 5 min")]
    #[case(Some(90), "up to 90 s")]
    #[case(None, "could not be read")]
    fn what_tokens_outlive_is_said(#[case] lifespan: Option<u64>, #[case] says: &str) {
        let all = ActionKind::ALL.into_iter();
        for kind in all.filter(|kind| *kind != ActionKind::EnableAccount) {
            let limits = facts(kind, lifespan).limits;
            assert!(limits.as_str().contains(says), "{limits}");
        }
    }
}
