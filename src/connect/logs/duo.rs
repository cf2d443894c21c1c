//! Duo: the authentication log (versions 1 and 2) and the administrator log.
//!
//! Source: Duo Admin API, logs. In the administrator log `description` is text that is JSON, or plain text.

use super::tree::Value;

use super::act::{category_of, kind_of, lane_of, login};
use super::fields::{Fields, path, words};
use super::{address, time_or_none};
use crate::connect::decode::FieldError;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{
    Act, Category, Event, Geo, Kind, Outcome, Party, Set, Signal,
};
use crate::domain::timeline::lane::Lane;

/// Fields that hold when it happened, the one with its own zone first.
const TIMES: [&str; 4] = ["isotimestamp", "ts", "timestamp", "time"];

fn is_authentication(record: &Value) -> bool {
    let has = |name| path(record, name).is_some();
    has("factor") && has("result")
        || path(record, "event_type")
            .and_then(Value::as_str)
            .is_some_and(|word| matches!(word, "authentication" | "enrollment"))
            && (has("access_device") || has("auth_device") || has("txid"))
}

/// Tells whether a record looks like an entry of one of the logs.
pub(super) fn is_one(record: &Value) -> bool {
    let is_text = |name| path(record, name).is_some_and(Value::is_string);
    is_authentication(record)
        || is_text("action")
            && is_text("username")
            && ["isotimestamp", "eventtype", "object", "description"]
                .iter()
                .any(|name| path(record, name).is_some())
            && path(record, "actor").is_none()
        || is_text("action.name") && path(record, "activity_id").is_some()
}

/// Reads one entry as an event.
pub(super) fn event(record: &Value) -> Result<Event, FieldError> {
    if is_authentication(record) {
        Ok(authentication(record))
    } else {
        administrator(record)
    }
}

fn base(record: &Value, fields: &Fields<'_>) -> Event {
    let (at, untimed) = time_or_none(record, &TIMES);
    Event {
        id: fields.text(&["txid", "activity_id"]).unwrap_or_default(),
        at,
        untimed,
        provider: Some(Untrusted::new("duo")),
        ..Event::default()
    }
}

fn authentication(record: &Value) -> Event {
    let fields = Fields::of(record);
    let kind = fields
        .text(&["event_type"])
        .filter(|word| word.raw() != "unknown");
    let action = kind.unwrap_or_else(|| Untrusted::new("authentication"));
    let enrols = action.raw() == "enrollment";
    let act = Some(if enrols {
        Act::MfaAdded
    } else {
        Act::MfaPrompt
    });
    let result = fields.text(&["result"]).unwrap_or_default();
    let outcome = match result.raw().to_ascii_lowercase().as_str() {
        "success" | "allow" => Outcome::Success,
        "denied" | "deny" | "failure" | "fraud" | "error" => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    let name = fields.text(&["user.name", "username"]);
    let mut user = login(fields.text(&["user.key"]), name);
    user.email = fields.text(&["email"]).or(user.email);
    Event {
        lane: lane_of(act, Lane::SignIn),
        category: category_of(act, &[Category::Authentication]),
        kind: kind_of(act, Set::default()),
        outcome,
        user,
        ip: fields
            .text(&["access_device.ip", "ip"])
            .as_ref()
            .and_then(address)
            .filter(|ip| ip.raw() != "0.0.0.0"),
        geo: geo(&fields),
        device: fields.text(&["access_device.epkey", "access_device.hostname"]),
        object: fields.text(&["application.name", "integration"]),
        reason: fields.text(&["reason"]),
        signals: signals(&fields, outcome),
        act,
        action,
        ..base(record, &fields)
    }
}

fn geo(fields: &Fields<'_>) -> Geo {
    let part = |name: &str| {
        let (new, old) = (
            format!("access_device.location.{name}"),
            format!("location.{name}"),
        );
        fields.text(&[new.as_str(), old.as_str()])
    };
    Geo {
        city: part("city"),
        region: part("state"),
        country: part("country").filter(|name| name.raw().len() > 2),
        country_iso: part("country").filter(|name| name.raw().len() == 2),
        point: None,
        ..Geo::default()
    }
}

fn signals(fields: &Fields<'_>, outcome: Outcome) -> Set<Signal> {
    let mut set = Set::default();
    let reason = fields.text(&["reason"]).unwrap_or_default();
    let reason = reason.raw().to_ascii_lowercase().replace(' ', "_");
    let factor = fields.text(&["factor"]).unwrap_or_default();
    let factor = factor.raw().to_ascii_lowercase().replace(' ', "_");
    let result = fields.text(&["result"]).unwrap_or_default();
    // No factor was used where a device is remembered or the user need not give one.
    let asked = !matches!(
        factor.as_str(),
        "" | "not_available" | "n/a" | "remembered_device" | "trusted_network" | "bypass_status"
    );
    if asked {
        set.insert(Signal::MfaChallenge);
        if outcome == Outcome::Success {
            set.insert(Signal::MfaPassed);
        }
    } else if outcome == Outcome::Success {
        set.insert(Signal::NoMfa);
    }
    let by_person = [
        "user_mistake",
        "user_marked_fraud",
        "no_response",
        "user_cancelled",
    ];
    if outcome == Outcome::Failure
        && (by_person.contains(&reason.as_str())
            || reason == "anomalous_push"
            || result.raw().eq_ignore_ascii_case("fraud"))
    {
        set.insert(Signal::MfaDenied);
    }
    if reason == "user_marked_fraud" || result.raw().eq_ignore_ascii_case("fraud") {
        set.insert(Signal::RiskHigh);
    }
    if reason == "anomalous_push" {
        set.insert(Signal::RiskMedium);
    }
    if reason == "anonymous_ip" {
        set.insert(Signal::Proxy);
    }
    set
}

fn administrator(record: &Value) -> Result<Event, FieldError> {
    let fields = Fields::of(record);
    let action = fields
        .text(&["action.name", "action"])
        .ok_or(FieldError::Missing("action"))?;
    let told = fields.nested(&["description", "action.details"]);
    let told = told.as_deref();
    let part = |name: &str| told.and_then(|told| words(path(told, name)?));
    let status = part("status");
    let act = administrator_act(action.raw(), status.as_ref().map_or("", Untrusted::raw));
    let object = fields.text(&["object", "target.name"]);
    let is_about_user = [
        "user_",
        "bypass_",
        "admin_create",
        "admin_delete",
        "admin_update",
    ]
    .iter()
    .any(|head| action.raw().starts_with(head));
    let about = object.clone().filter(|_| is_about_user);
    let target = match about {
        None => Party::default(),
        Some(name) => login(part("user_id"), Some(name)),
    };
    let plain = fields.text(&["description"]).filter(|_| told.is_none());
    let mut signals = Set::default();
    if matches!(action.raw(), "admin_create" | "admin_activate_duo_push") {
        signals.insert(Signal::Privileged);
    }
    Ok(Event {
        lane: lane_of(act, lane(action.raw())),
        category: category_of(act, &[category(action.raw())]),
        kind: kind_of(act, administrator_kind(action.raw())),
        outcome: match action.raw() {
            "admin_login" => Outcome::Success,
            "admin_login_error" | "admin_lockout" => Outcome::Failure,
            _ => Outcome::Unknown,
        },
        user: login(
            fields.text(&["actor.key"]),
            fields.text(&["username", "actor.name"]),
        ),
        target,
        ip: part("ip_address")
            .or_else(|| fields.text(&["access_device.ip.address", "access_device.ip", "ip"]))
            .as_ref()
            .and_then(address),
        reason: part("message")
            .or(status)
            .or(plain)
            .or_else(|| part("error")),
        object,
        signals,
        act,
        action,
        ..base(record, &fields)
    })
}

fn administrator_act(action: &str, status: &str) -> Option<Act> {
    Some(match action {
        "admin_login" | "admin_login_error" => Act::SignIn,
        "admin_lockout" => Act::AccountDisabled,
        "user_create" | "admin_create" => Act::AccountCreated,
        "user_delete" | "admin_delete" | "user_pending_delete" => Act::AccountDeleted,
        // Whoever has this status signs in without a second factor.
        "user_update" if status == "Bypass" => Act::MfaRemoved,
        "user_update" if status == "Disabled" || status == "Locked Out" => Act::AccountDisabled,
        "user_update" if status == "Active" => Act::AccountEnabled,
        "bypass_create"
        | "phone_create"
        | "phone_associate"
        | "hardtoken_associate"
        | "u2ftoken_create"
        | "webauthncredential_create" => Act::MfaAdded,
        "phone_delete"
        | "phone_disassociate"
        | "hardtoken_disassociate"
        | "u2ftoken_delete"
        | "webauthncredential_delete" => Act::MfaRemoved,
        "bypass_view" | "integration_skey_view" => Act::SensitiveAccess,
        "admin_reset_password" => Act::PasswordReset,
        "policy_update" | "policy_delete" | "update_admin_factor_restrictions" => {
            Act::ProtectionChanged
        }
        _ => return None,
    })
}

fn lane(action: &str) -> Lane {
    let starts = |heads: &[&str]| heads.iter().any(|head| action.starts_with(head));
    if starts(&[
        "user_",
        "bypass_",
        "phone_",
        "admin_",
        "hardtoken_",
        "group_",
    ]) {
        Lane::AccountChange
    } else {
        Lane::Sensitive
    }
}

fn category(action: &str) -> Category {
    match lane(action) {
        Lane::AccountChange => Category::Iam,
        _ if action.starts_with("bypass_") => Category::Iam,
        _ => Category::Configuration,
    }
}

fn administrator_kind(action: &str) -> Set<Kind> {
    let ends = |tails: &[&str]| tails.iter().any(|tail| action.ends_with(tail));
    if ends(&["_create", "_install", "_associate"]) {
        Set::of(&[Kind::Creation])
    } else if ends(&["_delete", "_disassociate"]) {
        Set::of(&[Kind::Deletion])
    } else if ends(&["_view"]) {
        Set::of(&[Kind::Access])
    } else {
        Set::of(&[Kind::Change])
    }
}
