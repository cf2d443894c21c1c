//! The directory audit: who changed which object of the directory.
//!
//! Source: Microsoft Graph v1.0 `directoryAudit`, Microsoft's reference of audit activities.

use crate::connect::logs::tree::Value;

use super::super::act::lane_of;
use super::super::address;
use super::super::fields::{Fields, pair, path, words};
use super::super::scopes::changes_reach_far;
use super::{base, policy, result};
use crate::connect::decode::FieldError;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Category, Event, Kind, Party, Set, Signal};
use crate::domain::timeline::lane::Lane;

/// Reads who did it: a user, or an application.
fn initiator(fields: &Fields<'_>) -> Party {
    let Some(by) = fields.nested(&["initiatedBy"]) else {
        return Party::default();
    };
    let text = |name| path(&by, name).and_then(words);
    if path(&by, "user").is_some_and(Value::is_object) {
        let name = text("user.userPrincipalName");
        return Party {
            id: text("user.id"),
            email: name.clone().filter(|name| name.raw().contains('@')),
            name: name.or_else(|| text("user.displayName")),
        };
    }
    Party {
        id: text("app.servicePrincipalId").or_else(|| text("app.appId")),
        name: text("app.displayName").or_else(|| text("app.servicePrincipalName")),
        email: None,
    }
}

pub(super) fn event(record: &Value, fields: &Fields<'_>) -> Result<Event, FieldError> {
    let action = fields
        .text(&["activityDisplayName", "operationName"])
        .ok_or(FieldError::Missing("activityDisplayName"))?;
    let targets = fields.nested(&["targetResources"]);
    let all = targets
        .as_deref()
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let of_type = |kind: &str| {
        all.iter()
            .find(|one| path(one, "type").and_then(Value::as_str) == Some(kind))
    };
    let text = |one: &Value, name| path(one, name).and_then(words);
    let target = of_type("User").map_or_else(Party::default, |one| {
        let name = text(one, "userPrincipalName");
        Party {
            id: text(one, "id"),
            email: name.clone().filter(|name| name.raw().contains('@')),
            name: name.or_else(|| text(one, "displayName")),
        }
    });
    let object = all
        .iter()
        .find(|one| path(one, "type").and_then(Value::as_str) != Some("User"))
        .and_then(|one| text(one, "displayName").or_else(|| text(one, "id")))
        .or_else(|| target.best().cloned());
    let more = fields.nested(&["additionalDetails"]);
    let detail = |name| more.as_deref().and_then(|list| pair(list, name));
    let by_ip = fields
        .nested(&["initiatedBy"])
        .and_then(|by| words(path(&by, "user.ipAddress")?));
    let plain = base(record, fields);
    let act = audit_act(action.raw(), all);
    let mut signals = Set::default();
    let changes = all.iter().filter_map(|one| path(one, "modifiedProperties"));
    let grants_far = act == Some(Act::OauthGrant) && changes.into_iter().any(changes_reach_far);
    if act == Some(Act::RoleGranted) || grants_far {
        signals.insert(Signal::Privileged);
    }
    Ok(Event {
        lane: lane_of(act, Lane::AccountChange),
        category: audit_category(&text_or(fields, "category"), act),
        kind: audit_kind(&text_or(fields, "operationType"), action.raw()),
        outcome: result(fields.text(&["result", "resultType"]).as_ref()),
        user: initiator(fields),
        target,
        ip: by_ip
            .or_else(|| detail("ipaddr"))
            .as_ref()
            .and_then(address)
            .or_else(|| plain.ip.clone()),
        agent: plain.agent.clone().or_else(|| detail("User-Agent")),
        object,
        reason: fields.text(&["resultReason", "resultDescription"]),
        act,
        signals,
        action: Untrusted::new(action.raw().trim()),
        ..plain
    })
}

fn text_or(fields: &Fields<'_>, name: &str) -> String {
    fields
        .text(&[name])
        .map_or_else(String::new, |text| text.raw().to_owned())
}

/// Gives what was done by the words of the activity, which Microsoft's reference of audit activities lists.
pub(super) fn audit_act(activity: &str, targets: &[Value]) -> Option<Act> {
    let word = activity.trim().to_lowercase();
    let has = |part: &str| word.contains(part);
    let changed = |property: &str| {
        targets.iter().any(|target| {
            path(target, "modifiedProperties")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|one| path(one, "displayName")?.as_str())
                .any(|name| name.eq_ignore_ascii_case(property))
        })
    };
    Some(match () {
        () if has("delegated permission grant")
            || has("consent to application")
            || has("app role assignment to service principal")
            || has("app role assignment grant") =>
        {
            Act::OauthGrant
        }
        () if has("service principal credentials") || has("certificates and secrets") => {
            Act::AccessKey
        }
        () if has("deleted security info") || has("disable strong authentication") => {
            Act::MfaRemoved
        }
        () if has("registered security info")
            || has("registered all required security info")
            || has("changed default security info")
            || has("enable strong authentication") =>
        {
            Act::MfaAdded
        }
        () if word.starts_with("add ")
            && (has("windows hello for business credential")
                || has("passwordless phone sign-in credential")
                || has("fido2")) =>
        {
            Act::MfaAdded
        }
        () if word.starts_with("delete ")
            && (has("windows hello for business credential")
                || has("passwordless phone sign-in credential")
                || has("fido2")) =>
        {
            Act::MfaRemoved
        }
        () if word.starts_with("fraud reported") || word == "suspicious activity reported" => {
            Act::RiskDetected
        }
        () if word == "update user" && changed("StrongAuthenticationMethod") => Act::MfaAdded,
        () if word == "update user" && changed("StrongAuthenticationUserDetails") => {
            Act::RecoveryChanged
        }
        // Steps on the way, and ways that ended before it.
        () if has("flow activity") || has("blocked from") => return None,
        () if has("reset") && has("password") || word == "set force change user password" => {
            Act::PasswordReset
        }
        () if has("change") && has("password") => Act::PasswordChanged,
        // Asked for only: it comes again when it is done.
        () if has("pim requested")
            || has("request denied")
            || has("approval requested")
            || has("canceled")
            || has("expired") =>
        {
            return None;
        }
        () if has("add member to role")
            || has("add eligible member to role")
            || has("add user to role")
            || has("elevate") =>
        {
            Act::RoleGranted
        }
        () if word == "add user" || has("invite external user") => Act::AccountCreated,
        () if word == "delete user" || word == "hard delete user" => Act::AccountDeleted,
        () if word == "disable account" || word == "block sign-in" => Act::AccountDisabled,
        () if word == "enable account"
            || word == "restore user"
            || word.starts_with("unlock user account") =>
        {
            Act::AccountEnabled
        }
        () if has("revoke") && (has("refresh token") || has("sign in sessions")) => {
            Act::SessionsRevoked
        }
        () if has("sts refresh token") || has("stsrefreshtoken") => Act::SessionsRevoked,
        () => return policy::act(&word, targets),
    })
}

fn audit_category(vendor: &str, act: Option<Act>) -> Set<Category> {
    match (act, vendor) {
        (Some(Act::DefenceWeakened | Act::ProtectionChanged), _)
        | (None, "Policy" | "DirectoryManagement") => Set::of(&[Category::Configuration]),
        _ => Set::of(&[Category::Iam]),
    }
}

fn audit_kind(operation: &str, activity: &str) -> Set<Kind> {
    let word = activity.trim().to_lowercase();
    let mut set = match operation {
        "Add" | "Assign" => Set::of(&[Kind::Creation]),
        "Delete" | "Unassign" => Set::of(&[Kind::Deletion]),
        "Update" => Set::of(&[Kind::Change]),
        _ if word.starts_with("add ") => Set::of(&[Kind::Creation]),
        _ if word.starts_with("delete ") || word.starts_with("remove ") => {
            Set::of(&[Kind::Deletion])
        }
        _ => Set::of(&[Kind::Change]),
    };
    if word.contains("user") {
        set.insert(Kind::User);
    }
    if word.contains("group") {
        set.insert(Kind::Group);
    }
    set
}
