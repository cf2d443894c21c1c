//! What was done, by `event.action` of known integrations, else by category and type.
//!
//! Elastic keeps the vendors' own words in `event.action`, so that their decoders know them.

use crate::connect::logs::tree::Value;

use super::super::google::Parameters;
use super::super::{auth0, cloudtrail, entra, google, m365, okta};
use crate::connect::decode::text;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Category, Kind, Party, Set, Signal};

/// Gives what was done; `None` where neither the action nor category and type settle it.
pub(super) fn act(
    record: &Value,
    action: &str,
    category: Set<Category>,
    kind: Set<Kind>,
) -> Option<Act> {
    let set = text(record, "event.dataset").or_else(|| text(record, "event.module"));
    let set = set.as_ref().map_or("", Untrusted::raw);
    let family = set.split(['.', '_']).next().unwrap_or_default();
    let by_vendor = match family {
        "azure" | "entra" => entra::act(action),
        "o365" | "m365" => m365::act(action),
        "aws" if set.ends_with("cloudtrail") => {
            let asked = text(record, "aws.cloudtrail.user_identity.type").unwrap_or_default();
            cloudtrail::act(
                record,
                action,
                asked.raw(),
                &Party::default(),
                &Party::default(),
            )
        }
        "google" | "gsuite" => {
            let app = set.rsplit('.').next().unwrap_or_default();
            let nobody = Party::default();
            google::act(app, action, &Parameters::none(), &nobody, &nobody)
        }
        "auth0" => {
            let code = text(record, "auth0.logs.data.type").unwrap_or_default();
            auth0::act(code.raw(), None)
        }
        // Okta's own, and documents of no named integration that may still carry its dotted types.
        _ => okta::act(action),
    };
    by_vendor
        .or_else(|| by_action(action))
        .or_else(|| by_category(category, kind))
}

/// Actions of Elastic's own integrations: system, winlog, endpoint, auditd.
fn by_action(action: &str) -> Option<Act> {
    Some(match action.to_ascii_lowercase().as_str() {
        "user-login"
        | "user_login"
        | "user.login"
        | "logged-in"
        | "logon-failed"
        | "log_on"
        | "ssh_login"
        | "logged-in-special"
        | "sign-in"
        | "signin"
        | "login"
        | "authentication_success"
        | "authentication_failure" => Act::SignIn,
        "logged-in-explicit" | "remote_logon" | "remote-logon" => Act::LateralMovement,
        "added-user-account" | "user-added" | "added-user" => Act::AccountCreated,
        "enabled-user-account" | "unlocked-user-account" => Act::AccountEnabled,
        "disabled-user-account" | "locked-out-user-account" => Act::AccountDisabled,
        "deleted-user-account" | "user-deleted" => Act::AccountDeleted,
        "changed-password" => Act::PasswordChanged,
        "reset-password" => Act::PasswordReset,
        "audit-log-cleared" | "event-log-cleared" => Act::DefenceWeakened,
        // Exchange's own words, whichever integration passes them on.
        "new-inboxrule" | "set-inboxrule" | "updateinboxrules" => Act::InboxRule,
        "file-download" | "file_download" | "download" | "export" => Act::Download,
        _ => return None,
    })
}

fn by_category(category: Set<Category>, kind: Set<Kind>) -> Option<Act> {
    let starts = kind.contains(Kind::Start);
    if category.contains(Category::Process) && starts {
        Some(Act::Command)
    } else if category.contains(Category::Authentication) && starts {
        Some(Act::SignIn)
    } else {
        None
    }
}

/// Reads what a document says of its source.
pub(super) fn signals(record: &Value, act: Option<Act>) -> Set<Signal> {
    let mut set = Set::default();
    let level =
        text(record, "event.risk_level").or_else(|| text(record, "user.risk.calculated_level"));
    match level.map(|word| word.raw().to_ascii_lowercase()).as_deref() {
        Some("high" | "critical") => set.insert(Signal::RiskHigh),
        Some("medium" | "moderate") => set.insert(Signal::RiskMedium),
        _ => {}
    }
    if act == Some(Act::RoleGranted) {
        set.insert(Signal::Privileged);
    }
    if act == Some(Act::InboxRule) && names_outside(record) {
        set.insert(Signal::External);
    }
    set
}

/// Tells whether the words of a rule name a mail address of another domain than the user's.
fn names_outside(record: &Value) -> bool {
    let host = |word: &str| {
        let (name, host) = word.rsplit_once('@')?;
        (!name.is_empty() && !host.is_empty()).then(|| host.to_ascii_lowercase())
    };
    let own = text(record, "user.email").or_else(|| text(record, "user.name"));
    let own = own.as_ref().and_then(|own| host(own.raw()));
    let rule = text(record, "rule.description").unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '+');
    let mut named = rule
        .raw()
        .split(|c| !is_word(c))
        .filter_map(|word| host(word.trim_end_matches('.')));
    own.is_some_and(|own| named.any(|other| other != own && !other.ends_with(&format!(".{own}"))))
}
