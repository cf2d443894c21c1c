//! Which plans need a second person, by the policy of the host.
//!
//! What cannot be read counts as a reason: a person who looks is what is left then.

use super::guard::folds;
use super::kind::ActionKind;
use crate::domain::account::Account;
use crate::domain::ids::PlanId;
use crate::domain::operator::Author;
use crate::domain::text::Safe;
use crate::safe;

/// When a second person is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// For accounts with an administrator role, where the policy lets them be acted on at all.
    pub administrators: bool,
    /// For members of these groups, by name or id.
    pub groups: Vec<String>,
    /// For these kinds in an environment of production.
    pub production: Vec<ActionKind>,
    /// For accounts over a cap, which are refused otherwise.
    pub over_cap: bool,
}

impl Rules {
    /// Tells whether any plan can need one.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a plan needs before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Why, at least one.
    pub reasons: Vec<Safe>,
    /// Who asks, as the case system knows them; `None` where it does not say, which a guard refuses.
    pub asks: Option<Author>,
    /// The plan of an earlier request for exactly the same, whose answer is still open.
    pub earlier: Option<PlanId>,
}

/// Lists the reasons for a second person; `over` is what the caps say.
pub fn reasons(
    rules: &Rules,
    account: &Account,
    kinds: &[ActionKind],
    is_production: bool,
    over: Option<&Safe>,
) -> Vec<Safe> {
    let mut reasons = Vec::new();
    // The way back is not made longer, unless the policy names it.
    let undo = kinds.iter().all(|kind| *kind == ActionKind::EnableAccount);
    if !undo {
        reasons.extend(administrator(rules, account));
        reasons.extend(group(rules, account));
    }
    if is_production && let Some(kind) = kinds.iter().find(|kind| rules.production.contains(kind)) {
        reasons.push(safe!("{} in production", kind.word()));
    }
    if rules.over_cap {
        reasons.extend(over.cloned());
    }
    reasons
}

fn administrator(rules: &Rules, account: &Account) -> Option<Safe> {
    if !rules.administrators {
        return None;
    }
    match account.roles.as_deref() {
        None => Some("its administrator roles could not be read".into()),
        Some([]) => None,
        Some([role, ..]) => Some(safe!("it has the administrator role {}", role.field())),
    }
}

fn group(rules: &Rules, account: &Account) -> Option<Safe> {
    if rules.groups.is_empty() {
        return None;
    }
    let Some(groups) = &account.groups else {
        return Some("its groups could not be read".into());
    };
    groups
        .iter()
        .find(|group| {
            rules
                .groups
                .iter()
                .any(|entry| folds(group.name.raw(), entry) || group.id.raw() == entry.trim())
        })
        .map(|group| safe!("it is a member of {}", group.name.field()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::account::Group;
    use crate::domain::containment::samples;
    use ActionKind::{DisableAccount, EnableAccount, RevokeSessions};

    fn rules() -> Rules {
        Rules {
            administrators: true,
            groups: vec![" finance ".to_owned(), "00g7".to_owned(), String::new()],
            production: vec![DisableAccount],
            over_cap: true,
        }
    }

    fn account(groups: Option<&[(&str, &str)]>, roles: Option<&[&str]>) -> Account {
        Account {
            groups: groups.map(|all| {
                all.iter()
                    .map(|(id, name)| Group {
                        id: (*id).into(),
                        name: (*name).into(),
                    })
                    .collect()
            }),
            roles: roles.map(|all| all.iter().map(|role| (*role).into()).collect()),
            ..samples::account()
        }
    }

    #[rstest]
    #[case::plain(Some(&[][..]), Some(&[][..]), &[RevokeSessions], true, None, &[])]
    #[case::role(Some(&[][..]), Some(&["APP_ADMIN"][..]), &[RevokeSessions], false, None, &["it has the administrator role APP_ADMIN"])]
    #[case::unread_roles(Some(&[][..]), None, &[RevokeSessions], false, None, &["its administrator roles could not be read"])]
    #[case::group_by_name(Some(&[("00g1", "Sales"), ("00g2", "Finance")][..]), Some(&[][..]), &[RevokeSessions], false, None, &["it is a member of Finance"])]
    #[case::group_written_otherwise(Some(&[("00g2", "\u{ff26}INANCE")][..]), Some(&[][..]), &[RevokeSessions], false, None, &["it is a member of \u{ff26}INANCE"])]
    #[case::group_by_id(Some(&[("00g7", "x")][..]), Some(&[][..]), &[RevokeSessions], false, None, &["it is a member of x"])]
    #[case::group_id_of_another_case(Some(&[("00G7", "x")][..]), Some(&[][..]), &[RevokeSessions], false, None, &[])]
    #[case::nameless_group(Some(&[("00g9", "")][..]), Some(&[][..]), &[RevokeSessions], false, None, &[])]
    #[case::unread_groups(None, Some(&[][..]), &[RevokeSessions], false, None, &["its groups could not be read"])]
    #[case::production(Some(&[][..]), Some(&[][..]), &[RevokeSessions, DisableAccount], true, None, &["disable account in production"])]
    #[case::elsewhere(Some(&[][..]), Some(&[][..]), &[RevokeSessions, DisableAccount], false, None, &[])]
    #[case::over(Some(&[][..]), Some(&[][..]), &[RevokeSessions], false, Some("cap"), &["cap"])]
    #[case::undo(None, None, &[EnableAccount], true, None, &[])]
    #[case::undo_and_more(None, Some(&[][..]), &[EnableAccount, RevokeSessions], true, None, &["its groups could not be read"])]
    fn what_needs_a_second_person(
        #[case] groups: Option<&[(&str, &str)]>,
        #[case] roles: Option<&[&str]>,
        #[case] kinds: &[ActionKind],
        #[case] is_production: bool,
        #[case] over: Option<&'static str>,
        #[case] expected: &[&str],
    ) {
        let over = over.map(Safe::from);
        let account = account(groups, roles);
        let said = reasons(&rules(), &account, kinds, is_production, over.as_ref());
        let said: Vec<&str> = said.iter().map(Safe::as_str).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn without_rules_nothing_needs_one() {
        let none = Rules::default();
        assert!(none.is_empty() && !rules().is_empty());
        let account = account(None, None);
        let cap = Safe::from("cap");
        assert!(reasons(&none, &account, &[DisableAccount], true, Some(&cap)).is_empty());
    }
}
