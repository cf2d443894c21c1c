//! OneLogin: events of the Events API and of its webhooks.
//!
//! Source: OneLogin Events API, `event` resource and the list of event types. `actor_user` acted, `user` is affected.

use super::tree::Value;

use super::act::{category_of, kind_of, lane_of, login};
use super::fields::{Fields, path};
use super::{address, time_or_none};
use crate::connect::decode::FieldError;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Category, Event, Kind, Outcome, Party, Set, Signal};
use crate::domain::timeline::lane::Lane;

/// One type of event: id, name, what was done, how it ended.
type Row = (u64, &'static str, Option<Act>, Outcome);

/// The types whose meaning is known, with the vendor's name or, where only the meaning is published, one like it.
const TYPES: [Row; 25] = [
    (1, "APP_ADDED_TO_ROLE", None, Outcome::Unknown),
    (2, "APP_REMOVED_FROM_ROLE", None, Outcome::Unknown),
    (
        3,
        "USER_ASSUMED_USER",
        Some(Act::LateralMovement),
        Outcome::Success,
    ),
    (4, "USER_ASSIGNED_ROLE", None, Outcome::Unknown),
    (
        5,
        "USER_LOGGED_INTO_ONELOGIN",
        Some(Act::SignIn),
        Outcome::Success,
    ),
    (
        6,
        "USER_FAILED_ONELOGIN_LOGIN",
        Some(Act::SignIn),
        Outcome::Failure,
    ),
    (7, "USER_LOGGED_OUT_OF_ONELOGIN", None, Outcome::Success),
    (
        8,
        "USER_LOGGED_INTO_APP",
        Some(Act::SignIn),
        Outcome::Success,
    ),
    (10, "USER_REQUESTED_NEW_PASSWORD", None, Outcome::Unknown),
    (
        11,
        "USER_CHANGED_PASSWORD",
        Some(Act::PasswordChanged),
        Outcome::Success,
    ),
    (
        12,
        "UNLOCKED_USER",
        Some(Act::AccountEnabled),
        Outcome::Success,
    ),
    (
        13,
        "CREATED_USER",
        Some(Act::AccountCreated),
        Outcome::Success,
    ),
    (14, "UPDATED_USER", None, Outcome::Success),
    (
        15,
        "DEACTIVATED_USER",
        Some(Act::AccountDisabled),
        Outcome::Success,
    ),
    (
        16,
        "ACTIVATED_USER",
        Some(Act::AccountEnabled),
        Outcome::Success,
    ),
    (
        17,
        "DELETED_USER",
        Some(Act::AccountDeleted),
        Outcome::Success,
    ),
    (
        19,
        "USER_LOCKED",
        Some(Act::AccountDisabled),
        Outcome::Success,
    ),
    (
        24,
        "USER_REMOVED_OTP_DEVICE",
        Some(Act::MfaRemoved),
        Outcome::Success,
    ),
    (
        69,
        "USER_REJECTED_BY_RADIUS",
        Some(Act::SignIn),
        Outcome::Failure,
    ),
    (
        72,
        "PERMISSION_ASSIGNED",
        Some(Act::RoleGranted),
        Outcome::Success,
    ),
    (
        85,
        "PRIVILEGE_ASSIGNED",
        Some(Act::RoleGranted),
        Outcome::Success,
    ),
    (90, "USER_UNAUTHORIZED_ACCESS", None, Outcome::Failure),
    (
        172,
        "USER_REMOVED_FACTOR",
        Some(Act::MfaRemoved),
        Outcome::Success,
    ),
    (
        211,
        "ADMIN_CHANGED_PASSWORD",
        Some(Act::PasswordReset),
        Outcome::Success,
    ),
    (
        240,
        "USER_VIEWED_PASSWORD",
        Some(Act::SensitiveAccess),
        Outcome::Success,
    ),
];

/// Tells whether a record looks like one.
pub(super) fn is_one(record: &Value) -> bool {
    let has = |name| path(record, name).is_some();
    has("event_type_id")
        && [
            "user_id",
            "actor_user_id",
            "account_id",
            "user_name",
            "ipaddr",
        ]
        .iter()
        .any(|name| has(name))
}

/// Reads one event. The action is the name of its type where that is known, else the number.
pub(super) fn event(record: &Value) -> Result<Event, FieldError> {
    let fields = Fields::of(record);
    let number = fields
        .text(&["event_type_id"])
        .ok_or(FieldError::Missing("event_type_id"))?;
    let id: Option<u64> = number.raw().trim().parse().ok();
    let known = TYPES.iter().find(|row| Some(row.0) == id);
    let name = fields.text(&["event_type_name", "event_type"]);
    let action = name.unwrap_or_else(|| match known {
        Some((_, name, ..)) => Untrusted::new(*name),
        None => Untrusted::new(format!("event type {}", number.raw())),
    });
    let (affected, actor) = (
        login(fields.text(&["user_id"]), fields.text(&["user_name"])),
        login(
            fields.text(&["actor_user_id"]),
            fields.text(&["actor_user_name"]),
        ),
    );
    let act = known.and_then(|row| row.2);
    let act = match act {
        // The same type is written for both who changes an own password and who changes another's.
        Some(Act::PasswordChanged) if !actor.is_empty() && actor.best() != affected.best() => {
            Some(Act::PasswordReset)
        }
        act => act,
    };
    // Only who signs in is the one who acts without being named as the actor.
    let signs_in = matches!(act, Some(Act::SignIn)) || matches!(id, Some(7 | 90));
    let (user, target) = if actor.is_empty() && signs_in {
        (affected, Party::default())
    } else {
        (actor, affected)
    };
    let (at, untimed) = time_or_none(record, &["created_at", "event_timestamp"]);
    let risk = fields
        .text(&["risk_score"])
        .and_then(|score| score.raw().parse::<u32>().ok());
    let mut signals = Set::default();
    match risk {
        Some(70..) => signals.insert(Signal::RiskHigh),
        Some(50..70) => signals.insert(Signal::RiskMedium),
        _ => {}
    }
    let privilege = fields.text(&["privilege_name"]);
    if act == Some(Act::RoleGranted) && privilege.as_ref().is_none_or(is_administrator) {
        signals.insert(Signal::Privileged);
    }
    let otherwise = if matches!(id, Some(4 | 10 | 14)) {
        Lane::AccountChange
    } else if signs_in {
        Lane::SignIn
    } else {
        Lane::Sensitive
    };
    let category = match id {
        Some(7) => Category::Session,
        Some(90) => Category::Authentication,
        _ => Category::Iam,
    };
    let kind = match id {
        Some(7) => Kind::End,
        Some(90) => Kind::Denied,
        Some(4 | 14) => Kind::Change,
        _ => Kind::Info,
    };
    Ok(Event {
        id: fields.text(&["id", "uuid"]).unwrap_or_default(),
        at,
        untimed,
        lane: lane_of(act, otherwise),
        category: category_of(act, &[category]),
        kind: kind_of(act, Set::of(&[kind])),
        outcome: known.map_or(Outcome::Unknown, |row| row.3),
        ip: fields.text(&["ipaddr"]).as_ref().and_then(address),
        agent: fields.text(&["user_agent", "browser_fingerprint"]),
        provider: Some(Untrusted::new("onelogin")),
        object: privilege
            .or_else(|| fields.text(&["app_name", "role_name", "otp_device_name", "group_name"])),
        reason: fields.text(&["error_description", "notes", "custom_message"]),
        signals,
        act,
        action,
        user,
        target,
        ..Event::default()
    })
}

/// Tells whether a privilege is that of an administrator of the whole account.
fn is_administrator(privilege: &Untrusted) -> bool {
    let name = privilege.raw().to_ascii_lowercase();
    name.contains("super") || name.contains("owner") || name.contains("admin")
}
