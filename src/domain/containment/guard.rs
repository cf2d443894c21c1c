//! The guards: who must never be contained from here. Asked when a plan is made and again right before a send.
//!
//! They fail closed: what could not be read counts as a refusal.

use super::kind::ActionKind;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted, look_alike};
use crate::safe;

/// What one guard said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardResult {
    /// Name of the guard.
    pub guard: &'static str,
    /// Why it refuses; `None` when it lets pass.
    pub refusal: Option<Safe>,
}

impl GuardResult {
    /// Tells whether it refuses.
    pub fn refuses(&self) -> bool {
        self.refusal.is_some()
    }
}

/// What the guards judge by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardInput<'a> {
    /// The account as it is now.
    pub account: &'a Account,
    /// Whose token we use, when the provider said so.
    pub own: Option<&'a (AccountId, Untrusted)>,
    /// Own logins by configuration.
    pub own_logins: &'a [String],
    /// Logins or ids never acted on.
    pub protected: &'a [String],
    /// Groups whose members are never acted on, by name or id.
    pub protected_groups: &'a [String],
    /// Whether accounts with an administrator role may be acted on.
    pub allow_administrators: bool,
    /// Kinds in the order they will be sent.
    pub kinds: &'a [ActionKind],
    /// Name the case gave, to be compared with what the provider found.
    pub asked_for: &'a Untrusted,
}

/// Asks every guard; the results stand in their fixed order.
pub fn judge(input: &GuardInput<'_>) -> Vec<GuardResult> {
    vec![
        GuardResult {
            guard: "target",
            refusal: target(input),
        },
        GuardResult {
            guard: "own account",
            refusal: own_account(input),
        },
        GuardResult {
            guard: "protected",
            refusal: protected(input),
        },
        GuardResult {
            guard: "protected groups",
            refusal: protected_groups(input),
        },
        GuardResult {
            guard: "administrators",
            refusal: administrators(input),
        },
        GuardResult {
            guard: "status",
            refusal: status(input),
        },
    ]
}

fn names(account: &Account) -> impl Iterator<Item = &str> {
    [
        Some(account.id.raw()),
        Some(account.login.raw()),
        account
            .mail
            .as_ref()
            .map(super::super::text::Untrusted::raw),
    ]
    .into_iter()
    .flatten()
}

/// The account found must carry the name that was asked for, letter by letter.
fn target(input: &GuardInput<'_>) -> Option<Safe> {
    let asked = input.asked_for.raw();
    if names(input.account).any(|name| name.eq_ignore_ascii_case(asked)) {
        return None;
    }
    if look_alike(input.asked_for, &input.account.login) {
        return Some("the login only looks like the one in the case".into());
    }
    Some("the provider's account carries another name than the case".into())
}

fn own_account(input: &GuardInput<'_>) -> Option<Safe> {
    let by_token = input.own.is_some_and(|(id, login)| {
        *id == input.account.id || names(input.account).any(|n| n.eq_ignore_ascii_case(login.raw()))
    });
    let by_config = input
        .own_logins
        .iter()
        .any(|own| names(input.account).any(|name| name.eq_ignore_ascii_case(own)));
    if by_token || by_config {
        return Some("this is your own account".into());
    }
    input
        .own
        .is_none()
        .then(|| "the provider did not say whose token this is".into())
}

fn protected(input: &GuardInput<'_>) -> Option<Safe> {
    input
        .protected
        .iter()
        .any(|entry| names(input.account).any(|name| name.eq_ignore_ascii_case(entry)))
        .then(|| "the account is on the protected list".into())
}

fn protected_groups(input: &GuardInput<'_>) -> Option<Safe> {
    if input.protected_groups.is_empty() {
        return None;
    }
    let Some(groups) = &input.account.groups else {
        return Some("its groups could not be read".into());
    };
    let hit = groups.iter().find(|group| {
        input
            .protected_groups
            .iter()
            .any(|entry| group.name.raw().eq_ignore_ascii_case(entry) || group.id.raw() == entry)
    })?;
    Some(safe!(
        "it is a member of the protected group {}",
        hit.name.field()
    ))
}

/// Locking out the last administrators cannot be undone by anybody, and how many are left is not known here.
fn administrators(input: &GuardInput<'_>) -> Option<Safe> {
    let undo = input
        .kinds
        .iter()
        .all(|kind| *kind == ActionKind::EnableAccount);
    if input.allow_administrators || undo {
        return None;
    }
    match input.account.roles.as_deref() {
        None => Some("its administrator roles could not be read".into()),
        Some([]) => None,
        Some([role, ..]) => Some(safe!(
            "it has the administrator role {}, which only the policy of the host can allow",
            role.field()
        )),
    }
}

fn status(input: &GuardInput<'_>) -> Option<Safe> {
    let status = &input.account.status;
    if input.kinds.contains(&ActionKind::DisableAccount) && *status != AccountStatus::Active {
        return Some(safe!(
            "disable works only from ACTIVE, the status is {}",
            status.word()
        ));
    }
    if input.kinds.contains(&ActionKind::EnableAccount) && *status != AccountStatus::Disabled {
        return Some(safe!(
            "enable works only from DISABLED, the status is {}",
            status.word()
        ));
    }
    None
}
