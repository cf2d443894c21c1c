//! What became of a policy of sign-ins: weaker, or changed without a word that it is.
//!
//! Source: Microsoft Graph v1.0 `conditionalAccessPolicy`, Microsoft's reference of audit activities.

use crate::connect::logs::fields::{path, unpacked};
use crate::connect::logs::tree::Value;
use crate::domain::timeline::event::Act;

/// Properties of a domain that say who vouches for its users.
const TRUST: [&str; 6] = [
    "livetype",
    "included updated properties",
    "issuer",
    "federat",
    "signing",
    "signin",
];

/// Lists of a conditional access policy whose members it does not hold for.
const EXCEPTIONS: [&str; 6] = [
    "conditions.users.excludeUsers",
    "conditions.users.excludeGroups",
    "conditions.users.excludeRoles",
    "conditions.applications.excludeApplications",
    "conditions.locations.excludeLocations",
    "conditions.platforms.excludePlatforms",
];

/// Gives what a change of a policy, of a domain or of the security defaults is, by the words of the activity in small
/// letters; `None` where it is something else.
pub(super) fn act(word: &str, targets: &[Value]) -> Option<Act> {
    let has = |part: &str| word.contains(part);
    let is_access = has("conditional access policy");
    if is_access && word.starts_with("add") {
        return None;
    }
    if word == "delete policy" || is_access && word.starts_with("delete") {
        return Some(Act::DefenceWeakened);
    }
    let changes: Vec<Change<'_>> = targets.iter().flat_map(changes).collect();
    let no_weaker = if is_access {
        changes
            .iter()
            .find(|change| change.is("ConditionalAccessPolicy"))
            .is_some_and(Change::access_is_no_weaker)
    } else if has("authentication methods policy") || has("security defaults") {
        !changes.is_empty() && changes.iter().all(Change::switches_on)
    } else if has("federation settings") || has("domain authentication") {
        let trust = |change: &Change<'_>| {
            let name = change.name.to_lowercase();
            TRUST.iter().any(|part| name.contains(part))
        };
        !changes.is_empty() && !changes.iter().any(trust)
    } else {
        return None;
    };
    Some(if no_weaker {
        Act::ProtectionChanged
    } else {
        Act::DefenceWeakened
    })
}

/// One property with what it was and what it is.
struct Change<'a> {
    name: &'a str,
    old: Option<&'a Value<'a>>,
    new: Option<&'a Value<'a>>,
}

fn changes<'a>(target: &'a Value<'a>) -> impl Iterator<Item = Change<'a>> {
    let all = path(target, "modifiedProperties").and_then(Value::as_array);
    all.into_iter().flatten().filter_map(|one| {
        Some(Change {
            name: path(one, "displayName")?.as_str()?,
            old: path(one, "oldValue"),
            new: path(one, "newValue"),
        })
    })
}

impl Change<'_> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Tells whether it was off and is on.
    fn switches_on(&self) -> bool {
        let is = |value: Option<&Value>, words: [&str; 2]| {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            let text = text.trim_matches(|c: char| c.is_whitespace() || "\"[]".contains(c));
            words.iter().any(|word| text.eq_ignore_ascii_case(word))
        };
        is(self.old, ["false", "disabled"]) && is(self.new, ["true", "enabled"])
    }

    /// Tells whether a conditional access policy holds for as many as before and asks for as much; what cannot be read
    /// is no such policy.
    fn access_is_no_weaker(&self) -> bool {
        let policy = |value: Option<_>| value.and_then(unpacked);
        let Some((old, new)) = policy(self.old).zip(policy(self.new)) else {
            return false;
        };
        let (old, new) = (&*old, &*new);
        let state = |policy| text(policy, "state");
        let is_on = |policy| state(policy).is_none_or(|word| word == "enabled");
        let kept =
            |list: &str| words(old, list).all(|word| words(new, list).any(|own| own == word));
        let is_everybody =
            |policy| words(policy, "conditions.users.includeUsers").any(|word| word == "all");
        let same_asked = text(old, "grantControls.operator") == text(new, "grantControls.operator");
        let excepts_no_more = EXCEPTIONS
            .iter()
            .all(|list| words(new, list).all(|word| words(old, list).any(|own| own == word)));
        (!is_on(old) || is_on(new))
            && kept("grantControls.builtInControls")
            && (same_asked || words(old, "grantControls.builtInControls").next().is_none())
            && (is_everybody(new) || !is_everybody(old) && kept("conditions.users.includeUsers"))
            && kept("conditions.users.includeGroups")
            && excepts_no_more
    }
}

fn text(policy: &Value, name: &str) -> Option<String> {
    Some(path(policy, name)?.as_str()?.to_lowercase())
}

/// Gives the words of a list in small letters; one that is not there has none.
fn words<'a>(policy: &'a Value<'a>, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let all = path(policy, name).and_then(Value::as_array);
    let words = all.into_iter().flatten().filter_map(Value::as_str);
    words.map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value as Json, json};

    fn policy(state: &str, controls: &[&str], except: &[&str]) -> Json {
        json!({"state": state, "grantControls": {"operator": "OR", "builtInControls": controls},
               "conditions": {"users": {"includeUsers": ["All"], "excludeUsers": except}}})
    }

    fn told(activity: &str, name: &str, old: &Json, new: &Json) -> Option<Act> {
        let written = |value: &Json| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let target = json!({"modifiedProperties": [
            {"displayName": name, "oldValue": written(old), "newValue": written(new)}]});
        act(activity, &[Value::from(&target)])
    }

    #[rstest]
    #[case::asks_for_less(policy("enabled", &["mfa"], &[]), policy("enabled", &[], &[]), true)]
    #[case::asks_for_more(policy("enabled", &[], &[]), policy("enabled", &["Mfa"], &[]), false)]
    #[case::off(policy("enabled", &["mfa"], &[]), policy("disabled", &["mfa"], &[]), true)]
    #[case::report_only(policy("enabled", &["mfa"], &[]), policy("enabledForReportingButNotEnforced", &["mfa"], &[]), true)]
    #[case::on(policy("disabled", &["mfa"], &[]), policy("enabled", &["mfa"], &[]), false)]
    #[case::an_exception(policy("enabled", &["mfa"], &[]), policy("enabled", &["mfa"], &["x"]), true)]
    #[case::one_less(policy("enabled", &["mfa"], &["x"]), policy("enabled", &["mfa"], &[]), false)]
    #[case::fewer_users(policy("enabled", &["mfa"], &[]), json!({"state": "enabled", "grantControls": {"operator": "OR", "builtInControls": ["mfa"]}}), true)]
    #[case::no_policy(json!("x"), json!("y"), true)]
    fn conditional_access(#[case] old: Json, #[case] new: Json, #[case] weaker: bool) {
        let expected = if weaker {
            Act::DefenceWeakened
        } else {
            Act::ProtectionChanged
        };
        let found = told(
            "update conditional access policy",
            "ConditionalAccessPolicy",
            &old,
            &new,
        );
        assert_eq!(found, Some(expected));
    }

    #[rstest]
    #[case(
        "authentication methods policy update",
        "PasswordlessMFAEnabled",
        "false",
        "true",
        Some(Act::ProtectionChanged)
    )]
    #[case(
        "authentication methods policy update",
        "PasswordlessMFAEnabled",
        "\"true\"",
        "\"false\"",
        Some(Act::DefenceWeakened)
    )]
    #[case(
        "authentication methods policy update",
        "OpenIdConnectConfiguration",
        "{\"discoveryUrl\":\"a\"}",
        "{\"discoveryUrl\":\"b\"}",
        Some(Act::DefenceWeakened)
    )]
    #[case(
        "set domain authentication",
        "LiveType",
        "Managed",
        "Federated",
        Some(Act::DefenceWeakened)
    )]
    #[case(
        "set domain authentication",
        "DisplayOrder",
        "1",
        "2",
        Some(Act::ProtectionChanged)
    )]
    #[case("add conditional access policy", "x", "", "", None)]
    #[case("update user", "x", "", "", None)]
    fn other_changes(
        #[case] activity: &str,
        #[case] name: &str,
        #[case] old: &str,
        #[case] new: &str,
        #[case] expected: Option<Act>,
    ) {
        assert_eq!(told(activity, name, &json!(old), &json!(new)), expected);
    }

    #[test]
    fn what_says_nothing_of_its_properties_is_told_as_weaker() {
        for activity in [
            "set federation settings on domain",
            "delete policy",
            "update conditional access policy",
        ] {
            assert_eq!(act(activity, &[]), Some(Act::DefenceWeakened), "{activity}");
        }
    }
}
