//! What ECS says of an act, whichever vendor's record told it: lane, categories, types.
//!
//! What must not live here: vendors' words.

use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Category, Kind, Party, Set};
use crate::domain::timeline::lane::Lane;

/// Gives the lane of an act.
pub(super) fn lane_of(act: Option<Act>, otherwise: Lane) -> Lane {
    match act {
        Some(Act::SignIn | Act::MfaPrompt | Act::RiskDetected) => Lane::SignIn,
        Some(Act::OauthGrant) => Lane::OauthGrant,
        Some(Act::Download | Act::Share | Act::Forwarding) => Lane::Exfiltration,
        Some(Act::SensitiveAccess | Act::DefenceWeakened | Act::ProtectionChanged) => {
            Lane::Sensitive
        }
        Some(Act::Command) => Lane::Command,
        Some(Act::LateralMovement) => Lane::Lateral,
        Some(_) => Lane::AccountChange,
        None => otherwise,
    }
}

/// Gives the categories of an act.
pub(super) fn category_of(act: Option<Act>, otherwise: &[Category]) -> Set<Category> {
    let of = |category| Set::of(&[category]);
    match act {
        Some(Act::SignIn | Act::MfaPrompt | Act::LateralMovement) => of(Category::Authentication),
        Some(Act::InboxRule | Act::Forwarding | Act::Delegate) => {
            Set::of(&[Category::Email, Category::Configuration])
        }
        Some(Act::Download | Act::Share) => of(Category::File),
        Some(Act::DefenceWeakened | Act::ProtectionChanged) => of(Category::Configuration),
        Some(Act::Command) => of(Category::Process),
        Some(Act::RiskDetected) => of(Category::Threat),
        Some(Act::SessionsRevoked) => Set::of(&[Category::Iam, Category::Session]),
        Some(Act::SensitiveAccess) | None => Set::of(otherwise),
        Some(_) => of(Category::Iam),
    }
}

/// Gives the types of an act.
pub(super) fn kind_of(act: Option<Act>, otherwise: Set<Kind>) -> Set<Kind> {
    match act {
        Some(Act::SignIn | Act::MfaPrompt | Act::LateralMovement | Act::Command) => {
            Set::of(&[Kind::Start])
        }
        Some(Act::MfaAdded | Act::AccountCreated) => Set::of(&[Kind::Creation, Kind::User]),
        Some(Act::OauthGrant | Act::AccessKey | Act::InboxRule) => Set::of(&[Kind::Creation]),
        Some(Act::MfaRemoved | Act::MfaReset | Act::AccountDeleted) => {
            Set::of(&[Kind::Deletion, Kind::User])
        }
        Some(Act::Download | Act::SensitiveAccess) => Set::of(&[Kind::Access]),
        Some(Act::SessionsRevoked) => Set::of(&[Kind::End]),
        Some(Act::RiskDetected) => Set::of(&[Kind::Info]),
        Some(
            Act::PasswordChanged
            | Act::PasswordReset
            | Act::RecoveryChanged
            | Act::AccountEnabled
            | Act::AccountDisabled
            | Act::RoleGranted,
        ) => Set::of(&[Kind::Change, Kind::User]),
        Some(Act::Share | Act::Forwarding | Act::Delegate | Act::DefenceWeakened) => {
            Set::of(&[Kind::Change])
        }
        Some(Act::ProtectionChanged) | None => otherwise,
    }
}

/// Makes somebody of a login, which is the mail address too where it looks like one.
pub(super) fn login(id: Option<Untrusted>, name: Option<Untrusted>) -> Party {
    Party {
        id,
        email: name.clone().filter(is_mail),
        name,
    }
}

/// Tells whether a text looks like a mail address.
pub(super) fn is_mail(text: &Untrusted) -> bool {
    text.raw()
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.raw().contains(char::is_whitespace)
}
