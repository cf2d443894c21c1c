//! What each action means at Entra ID, in the words of the dialog, for whom it is not sent, and when it is read back.
//!
//! What must not live here: requests.

use std::time::Duration;

use super::{password, wire};
use crate::connect::capability::{ActionFacts, ConnectError, ConnectErrorKind, Lacking, Schedule};
use crate::domain::account::{Account, Factor};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, RemnantKind};
use crate::domain::containment::risk;
use crate::domain::text::Safe;
use crate::safe;

/// Gives the least application permission that an action needs beside reading users.
pub(super) fn permission(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::RevokeSessions => "User.RevokeSessions.All",
        ActionKind::DisableAccount | ActionKind::EnableAccount => "User.EnableDisableAccount.All",
        ActionKind::ResetPassword | ActionKind::ExpirePassword => {
            "User-PasswordProfile.ReadWrite.All"
        }
        ActionKind::RemoveItem => "UserAuthenticationMethod.ReadWrite.All",
        ActionKind::ConfirmCompromised | ActionKind::DismissRisk => {
            "IdentityRiskyUser.ReadWrite.All"
        }
    }
}

/// What outlives an action.
const TOKENS: &str =
    "access tokens live on for up to about an hour, in apps without continuous access evaluation";

/// Gives the words for one kind.
pub(super) fn facts(kind: ActionKind) -> ActionFacts {
    let needs = safe!("needs {}", permission(kind));
    match kind {
        ActionKind::RevokeSessions => ActionFacts {
            effect: "refresh tokens and browser sessions of before are refused, within a few minutes; sending it again is harmless and moves the time on".into(),
            undo: "cannot be undone; the user signs in again".into(),
            limits: safe!("{}; it does not stop a new sign-in, and grants, methods and inbox rules stay; {}", TOKENS, needs),
            proof: "signInSessionsValidFromDateTime is later than right before the send and not before it by the provider's clock, read twice, within 10 min".into(),
        },
        ActionKind::DisableAccount => ActionFacts {
            effect: "cannot sign in: accountEnabled becomes false, nothing else is changed; sending it again changes nothing".into(),
            undo: "enable account restores it".into(),
            limits: safe!("ends no session by itself; {}; {}", TOKENS, needs),
            proof: "accountEnabled is false, read twice, within 4 min".into(),
        },
        ActionKind::EnableAccount => ActionFacts {
            effect: "can sign in again: accountEnabled becomes true, nothing else is changed; sending it again changes nothing".into(),
            undo: "disable account".into(),
            limits: safe!("revoked sessions do not come back; a risk state of the user stays; {}", needs),
            proof: "accountEnabled is true, read twice, within 4 min".into(),
        },
        ActionKind::ResetPassword => ActionFacts {
            effect: "the old password is void; a new one is made when this is sent, is shown to you once, and must be changed at the next sign-in".into(),
            undo: "cannot be undone; the old password does not come back, and sending again makes another one".into(),
            limits: safe!("MFA methods stay, and so does self-service recovery by them: never send the password to the mailbox; {}; {}", TOKENS, needs),
            proof: "lastPasswordChangeDateTime is newer than before, and forceChangePasswordNextSignIn is true or, where that is not told, the audit log has our entry of it, read twice, within 10 min".into(),
        },
        ActionKind::ExpirePassword => ActionFacts {
            effect: "must choose a new password at the next sign-in; sending it again changes nothing".into(),
            undo: "cannot be undone from here".into(),
            limits: safe!("keeps nobody out: the old password still works for that sign-in, and whoever knows it can choose the new one; ends no session; {}; {}", TOKENS, needs),
            proof: "forceChangePasswordNextSignIn is true, or the audit log has our entry of it, within 10 min; where neither is told it cannot be proven".into(),
        },
        ActionKind::RemoveItem => removal(),
        ActionKind::ConfirmCompromised => ActionFacts {
            effect: "Identity Protection takes the user for compromised: riskState becomes confirmedCompromised, riskLevel high; sending it again is harmless".into(),
            undo: "dismissing the risk is the nearest there is, not a true undo: the history of the risk stays, and what it taught Identity Protection too".into(),
            limits: safe!("keeps nobody out by itself and ends no session: only a conditional access policy about the risk of users acts on it, and such a policy may ask for a new password or block the user; it is carried out later, not at once; needs {}, and what follows Entra ID P2", permission(kind)),
            proof: "riskState is confirmedCompromised with riskLevel high, not being worked on any more, and not of before the send, read twice, within 10 min".into(),
        },
        ActionKind::DismissRisk => ActionFacts {
            effect: "Identity Protection takes the user for safe: riskState becomes dismissed, riskLevel none, and policies about the risk of users ask for nothing any more; sending it again is harmless".into(),
            undo: "marking the account as compromised makes the risk high again; what was dismissed does not come back as it was".into(),
            limits: safe!("the history of the risk stays; the account is not enabled by it and no session comes back; a new detection makes a new risk; it is carried out later, not at once; needs {}", permission(kind)),
            proof: "riskState is dismissed, not being worked on any more, and not of before the send, read twice, within 10 min".into(),
        },
    }
}

/// Gives the words for taking one thing away.
fn removal() -> ActionFacts {
    ActionFacts {
        effect: "one grant, assignment, MFA method or inbox rule is taken away; the rest of the account stays; sending it again is harmless".into(),
        undo: "cannot be undone from here; what was there before is kept in the audit log".into(),
        limits: safe!(
            "keeps nobody out by itself; {}; needs UserAuthenticationMethod.ReadWrite.All, DelegatedPermissionGrant.ReadWrite.All, AppRoleAssignment.ReadWrite.All or MailboxSettings.ReadWrite",
            TOKENS
        ),
        proof: "it is not listed any more, read twice, within 4 min".into(),
    }
}

/// Gives the words for taking an item away; `factors` are the MFA methods of the account as it is.
pub(super) fn removal_of(item: &Item, factors: &[Factor]) -> ActionFacts {
    let general = removal();
    let name = item.name.field();
    match item.kind {
        RemnantKind::OauthGrant => ActionFacts {
            effect: safe!("{}: needs a new consent or assignment; refresh tokens it holds give nothing for it any more", name),
            undo: "cannot be undone from here: it is granted anew; what was there before is kept in the audit log".into(),
            limits: safe!("an access token it has works until it expires, up to about an hour; whoever knows the password can consent again; needs DelegatedPermissionGrant.ReadWrite.All or, for an assignment, AppRoleAssignment.ReadWrite.All"),
            ..general
        },
        RemnantKind::MfaMethod => ActionFacts {
            effect: safe!("{} can pass no sign-in any more", name),
            undo: "cannot be undone: the user registers it anew; what was there before is kept in the audit log".into(),
            limits: safe!("{}; ends no session; the default method goes last; needs UserAuthenticationMethod.ReadWrite.All", left(item, factors)),
            ..general
        },
        RemnantKind::RecoveryData => ActionFacts {
            effect: safe!("{} is no way to have the password back any more", name),
            limits: "keeps nobody out by itself; needs UserAuthenticationMethod.ReadWrite.All".into(),
            ..general
        },
        RemnantKind::InboxRule if super::left::is_off(item) => ActionFacts {
            effect: safe!("the rule {} is deleted", name),
            undo: "by hand only: a rule made anew has another id; what was there before is kept in the audit log".into(),
            limits: "mail that it moved, deleted or sent on stays so; who holds the mailbox can make another; needs MailboxSettings.ReadWrite".into(),
            proof: "it is not listed any more, disabled or enabled, read twice, within 4 min".into(),
        },
        RemnantKind::InboxRule => ActionFacts {
            effect: safe!("the rule {} is disabled, not deleted: mail that comes from now on is not touched by it", name),
            undo: "the user or an administrator can enable it again in the mailbox; once it is disabled, a second plan deletes it".into(),
            limits: "mail that it moved, deleted or sent on stays so; a forwarding of the whole mailbox is not told by Graph; needs MailboxSettings.ReadWrite".into(),
            proof: "it is not among the rules that are enabled, read twice, within 4 min".into(),
        },
        _ => general,
    }
}

/// Says what an attacker who has the password can do once a method is gone; what only recovers passes no sign-in.
fn left(item: &Item, factors: &[Factor]) -> Safe {
    let is_it = |one: &&Factor| item.id.raw().ends_with(&format!("/{}", one.id.raw()));
    let stay = factors.iter().filter(|one| wire::passes(one));
    match stay.filter(|one| !is_it(one)).count() {
        0 => "it is the last MFA method: then whoever knows the password can register one of their own at the next \
              sign-in; reset the password while the account is disabled"
            .into(),
        more => safe!("{} other methods stay; whoever knows the password and passes one can register another", more),
    }
}

/// Tells whether Entra ID asks the application for a role of its own to do this to an administrator.
fn is_sensitive(kind: ActionKind) -> bool {
    kind != ActionKind::RevokeSessions && !kind.is_of_risk()
}

/// Gives the words for one kind at one account.
pub(super) fn for_account(kind: ActionKind, account: &Account) -> ActionFacts {
    let mut facts = facts(kind);
    let changes_status = matches!(kind, ActionKind::DisableAccount | ActionKind::EnableAccount);
    let is_synced = account
        .source
        .as_ref()
        .is_some_and(|source| source.raw() == wire::ON_PREMISES);
    if is_synced && changes_status {
        facts.limits = safe!(
            "synchronized from an on-premises directory: the next synchronization can set it back, so change it there too (it is read again until the containment ends); {}",
            facts.limits
        );
    }
    if let Some([role, ..]) = account.roles.as_deref()
        && is_sensitive(kind)
    {
        facts.limits = safe!(
            "the account has the role {}: Entra refuses this with 403 unless the app itself has a role that may change such accounts, such as Privileged Authentication Administrator; {}",
            role.field(),
            facts.limits
        );
    }
    facts
}

/// Tells why an action is not sent for an account, if so.
pub(super) fn refusal(kind: ActionKind, account: &Account) -> Option<Lacking> {
    let is_guest = account
        .source
        .as_ref()
        .is_some_and(|source| source.raw() == wire::ELSEWHERE);
    match kind {
        ActionKind::RevokeSessions if is_guest => Some(Lacking {
            reason: "sessions of a guest are those of another tenant and are not revoked from here; disable the account"
                .into(),
        }),
        kind if kind.is_of_password() => password::refusal(kind, account),
        kind => risk::refusal(kind, account).map(|reason| Lacking { reason }),
    }
}

/// Says what a refusal for missing rights can mean.
pub(super) fn explained(kind: ActionKind, error: ConnectError) -> ConnectError {
    if error.kind != ConnectErrorKind::Denied || error.status != Some(403) {
        return error;
    }
    let hint = if is_sensitive(kind) {
        safe!(
            "the app lacks {}, or the account has an administrator role and the app none that may change it",
            permission(kind)
        )
    } else if kind.is_of_risk() {
        safe!(
            "the app lacks {}, or the tenant a licence for Identity Protection",
            permission(kind)
        )
    } else {
        safe!("the app lacks {}", permission(kind))
    };
    ConnectError {
        what: safe!("{}; {}", error.what, hint.clone()),
        hint: Some(hint),
        ..error
    }
}

/// Gives the times of reading back: replicas answer, and what was written may be read late.
pub(super) fn schedule(kind: ActionKind) -> Schedule {
    let seconds: &[u64] = match kind {
        ActionKind::DisableAccount | ActionKind::EnableAccount | ActionKind::RemoveItem => {
            &[1, 2, 4, 8, 15, 30, 60, 120]
        }
        // Entries of the audit log come late.
        ActionKind::RevokeSessions
        | ActionKind::ResetPassword
        | ActionKind::ExpirePassword
        // What is said of a risk is carried out when its turn comes.
        | ActionKind::ConfirmCompromised
        | ActionKind::DismissRisk => &[1, 2, 4, 8, 15, 30, 60, 120, 180, 180],
    };
    Schedule {
        waits: seconds.iter().copied().map(Duration::from_secs).collect(),
        agree: Duration::from_secs(5),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples;
    use crate::domain::text::Untrusted;

    fn account(source: Option<&'static str>, roles: &[&'static str]) -> Account {
        Account {
            source: source.map(Untrusted::from),
            roles: Some(roles.iter().map(|role| (*role).into()).collect()),
            ..samples::account()
        }
    }

    #[test]
    fn each_kind_names_its_permission_and_what_lives_on() {
        for kind in ActionKind::ALL {
            let limits = facts(kind).limits;
            assert!(limits.as_str().contains(permission(kind)), "{limits}");
            let is_undo = kind == ActionKind::EnableAccount || kind.is_of_risk();
            assert_eq!(limits.as_str().contains("about an hour"), !is_undo);
        }
    }

    #[rstest]
    #[case(ActionKind::DisableAccount, Some(wire::ON_PREMISES), &[], "next synchronization can set it back")]
    #[case(ActionKind::EnableAccount, Some(wire::ON_PREMISES), &[], "next synchronization can set it back")]
    #[case(ActionKind::DisableAccount, None, &["Global Reader"], "has the role Global Reader")]
    #[case(ActionKind::ResetPassword, None, &["Global Reader"], "has the role Global Reader")]
    fn what_is_said_of_an_account(
        #[case] kind: ActionKind,
        #[case] source: Option<&'static str>,
        #[case] roles: &[&'static str],
        #[case] says: &str,
    ) {
        let limits = for_account(kind, &account(source, roles)).limits;
        assert!(limits.as_str().contains(says), "{limits}");
        assert!(!facts(kind).limits.as_str().contains(says));
    }

    #[rstest]
    #[case(ActionKind::RevokeSessions, Some(wire::ELSEWHERE), true)]
    #[case(ActionKind::RevokeSessions, Some(wire::ON_PREMISES), false)]
    #[case(ActionKind::RevokeSessions, None, false)]
    #[case(ActionKind::DisableAccount, Some(wire::ELSEWHERE), false)]
    #[case(ActionKind::ResetPassword, Some(wire::ELSEWHERE), true)]
    #[case(ActionKind::ResetPassword, Some(wire::ON_PREMISES), true)]
    fn for_whom_it_is_not_sent(
        #[case] kind: ActionKind,
        #[case] source: Option<&'static str>,
        #[case] is_refused: bool,
    ) {
        assert_eq!(refusal(kind, &account(source, &[])).is_some(), is_refused);
    }

    #[rstest]
    #[case(&[], "it is the last MFA method")]
    #[case(&["email"], "it is the last MFA method")]
    #[case(&["phone"], "1 other methods stay")]
    #[case(&["phone", "fido2", "email"], "2 other methods stay")]
    fn a_way_to_have_the_password_back_is_no_method_that_stays(
        #[case] others: &[&str],
        #[case] says: &str,
    ) {
        let factor = |kind: &str| {
            let record = serde_json::json!({
                "@odata.type": format!("#microsoft.graph.{kind}AuthenticationMethod"), "id": kind,
            });
            wire::method(&record).ok().flatten()
        };
        let kinds = ["microsoftAuthenticator"].iter().chain(others);
        let factors: Vec<Factor> = kinds.filter_map(|kind| factor(kind)).collect();
        assert_eq!(factors.len(), others.len() + 1);
        let id = "microsoftAuthenticator/microsoftAuthenticator";
        let item = Item::new(RemnantKind::MfaMethod, id, "push");
        let limits = removal_of(&item, &factors).limits;
        assert!(limits.as_str().starts_with(says), "{limits}");
    }

    #[test]
    fn a_refusal_for_rights_is_explained() {
        let error = ConnectError {
            kind: ConnectErrorKind::Denied,
            status: Some(403),
            ..ConnectError::unsent("answered 403".into())
        };
        let said = explained(ActionKind::DisableAccount, error.clone()).what;
        assert!(said.as_str().contains("administrator role"), "{said}");
        let said = explained(ActionKind::RevokeSessions, error).what;
        assert!(said.as_str().contains("lacks User.RevokeSessions.All"));
        let other = ConnectError::unsent("gone".into());
        assert_eq!(explained(ActionKind::DisableAccount, other.clone()), other);
    }
}
