//! The last administrators: whoever disables them takes away the way back of everybody.
//!
//! What must not live here: how a provider lists the members of a role (`connect`).

use super::kind::ActionKind;
use crate::domain::account::Account;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Fewest enabled members that a role keeps; counting ends there.
pub const LEAST: usize = 2;

/// One administrator role of an account, and how many others could use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleHeld {
    /// The provider's name of the role.
    pub role: Untrusted,
    /// Other members that are enabled and that no request under way disables; at most [`LEAST`].
    pub others: usize,
}

/// What is known of the other members of an account's roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Others {
    /// Nobody asked, because no answer could allow it.
    NotAsked,
    /// Every role of the account.
    Counted(Vec<RoleHeld>),
    /// The provider did not say, and why.
    Unread(Safe),
}

/// Tells whether the members have to be counted: the policy allows acting on administrators, this is one, and it is disabled.
pub fn must_be_counted(account: &Account, kinds: &[ActionKind], allowed: bool) -> bool {
    allowed
        && kinds.contains(&ActionKind::DisableAccount)
        && account.roles.as_ref().is_none_or(|roles| !roles.is_empty())
}

/// Tells why an administrator must not be disabled, where the policy allows it: too few would be left, or nobody knows.
pub(super) fn too_few(account: &Account, others: &Others) -> Option<Safe> {
    let roles = match account.roles.as_deref() {
        None => {
            return Some(
                "its administrator roles could not be read, so who would be left is not known"
                    .into(),
            );
        }
        Some([]) => return None,
        Some(roles) => roles,
    };
    match others {
        Others::NotAsked => Some("who else has its administrator roles was not asked".into()),
        Others::Unread(reason) => Some(safe!(
            "who else has its administrator roles could not be read: {}",
            reason
        )),
        Others::Counted(held) if held.is_empty() || held.len() < distinct(roles) => {
            Some("not every one of its administrator roles was counted".into())
        }
        Others::Counted(held) => held.iter().find(|role| role.others < LEAST).map(|role| {
            safe!(
                "{} other enabled members would be left with the administrator role {}, not {}",
                role.others,
                role.role.field(),
                LEAST
            )
        }),
    }
}

fn distinct(roles: &[Untrusted]) -> usize {
    let mut roles: Vec<&str> = roles.iter().map(Untrusted::raw).collect();
    roles.sort_unstable();
    roles.dedup();
    roles.len()
}

/// Says for the dialog who stays, one line a role.
pub fn told(others: &Others) -> Vec<Safe> {
    let Others::Counted(held) = others else {
        return Vec::new();
    };
    held.iter()
        .filter(|role| role.others >= LEAST)
        .map(|role| {
            safe!(
                "role {}: at least {} others with it stay enabled",
                role.role.field(),
                LEAST
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples;

    fn held(all: &[(&'static str, usize)]) -> Others {
        let held = all.iter().map(|(role, others)| RoleHeld {
            role: (*role).into(),
            others: *others,
        });
        Others::Counted(held.collect())
    }

    fn with(roles: Option<&[&'static str]>) -> Account {
        Account {
            roles: roles.map(|roles| roles.iter().map(|role| (*role).into()).collect()),
            ..samples::account()
        }
    }

    #[rstest]
    #[case(None, held(&[]), Some("its administrator roles could not be read, so who would be left is not known"))]
    #[case(Some(&[][..]), Others::NotAsked, None)]
    #[case(Some(&["A"][..]), Others::NotAsked, Some("who else has its administrator roles was not asked"))]
    #[case(Some(&["A"][..]), Others::Unread("403".into()), Some("who else has its administrator roles could not be read: 403"))]
    #[case(Some(&["A"][..]), held(&[]), Some("not every one of its administrator roles was counted"))]
    #[case(Some(&["A", "B"][..]), held(&[("A", 2)]), Some("not every one of its administrator roles was counted"))]
    #[case(Some(&["A", "A"][..]), held(&[("A", 2)]), None)]
    #[case(Some(&["A"][..]), held(&[("A", 2)]), None)]
    #[case(Some(&["A"][..]), held(&[("A", 1)]), Some("1 other enabled members would be left with the administrator role A, not 2"))]
    #[case(Some(&["A"][..]), held(&[("A", 0)]), Some("0 other enabled members would be left with the administrator role A, not 2"))]
    #[case(Some(&["A", "B"][..]), held(&[("A", 2), ("B", 1)]), Some("1 other enabled members would be left with the administrator role B, not 2"))]
    #[case(Some(&["A", "B"][..]), held(&[("A", 2), ("B", 2)]), None)]
    fn a_role_keeps_two_enabled_members(
        #[case] roles: Option<&[&'static str]>,
        #[case] others: Others,
        #[case] refused: Option<&str>,
    ) {
        let said = too_few(&with(roles), &others);
        assert_eq!(said.as_ref().map(Safe::as_str), refused);
    }

    #[rstest]
    #[case(Some(&["A"][..]), ActionKind::DisableAccount, true, true)]
    #[case(None, ActionKind::DisableAccount, true, true)]
    #[case(Some(&["A"][..]), ActionKind::DisableAccount, false, false)]
    #[case(Some(&[][..]), ActionKind::DisableAccount, true, false)]
    #[case(Some(&["A"][..]), ActionKind::RevokeSessions, true, false)]
    #[case(Some(&["A"][..]), ActionKind::EnableAccount, true, false)]
    fn only_disabling_an_administrator_counts(
        #[case] roles: Option<&[&'static str]>,
        #[case] kind: ActionKind,
        #[case] allowed: bool,
        #[case] counted: bool,
    ) {
        assert_eq!(must_be_counted(&with(roles), &[kind], allowed), counted);
        let both = [ActionKind::RevokeSessions, kind];
        assert_eq!(must_be_counted(&with(roles), &both, allowed), counted);
    }

    #[test]
    fn the_dialog_is_told_who_stays() {
        let told = |others: &Others| {
            let told = told(others);
            told.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&held(&[("A", 2), ("B", 1)])),
            ["role A: at least 2 others with it stay enabled"]
        );
        assert!(told(&Others::NotAsked).is_empty());
        assert!(told(&Others::Unread("403".into())).is_empty());
    }
}
