//! Keycloak's user events and admin events.
//!
//! Source: Keycloak Admin REST API 26, `EventRepresentation` and `AdminEventRepresentation`; `EventType`,
//! `OperationType` and `ResourceType` of the server.

use super::tree::Value;

use super::act::{category_of, kind_of, lane_of, login};
use super::{address, time_or_none};
use crate::connect::decode::{FieldError, at, need_text, text};
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Category, Event, Kind, Outcome, Party, Set};
use crate::domain::timeline::lane::Lane;

/// Tells whether a record looks like one of the two.
pub(super) fn is_one(record: &Value) -> bool {
    let is_text = |field| record.get(field).is_some_and(Value::is_string);
    let is_admin = is_text("operationType") && is_text("resourceType");
    let is_user = is_text("type")
        && is_text("realmId")
        && (record.get("details").is_some() || is_text("clientId"));
    record.get("time").is_some_and(Value::is_number) && (is_admin || is_user)
}

/// Reads one event.
pub(super) fn event(record: &Value) -> Result<Event, FieldError> {
    if record.get("operationType").is_some() {
        admin(record)
    } else {
        user(record)
    }
}

fn outcome(record: &Value) -> Outcome {
    if text(record, "error").is_some() {
        Outcome::Failure
    } else {
        Outcome::Success
    }
}

/// An event of a user.
fn user(record: &Value) -> Result<Event, FieldError> {
    let action = need_text(record, "type")?;
    let (time, untimed) = time_or_none(record, &["time"]);
    let bare = action.raw().strip_suffix("_ERROR").unwrap_or(action.raw());
    let act = act(bare, record);
    let failed = bare != action.raw();
    let user = login(text(record, "userId"), text(record, "details.username"));
    let client = text(record, "clientId");
    Ok(Event {
        id: text(record, "id").unwrap_or_default(),
        at: time,
        untimed,
        lane: lane_of(act, lane(bare)),
        category: category_of(act, &[category(bare)]),
        kind: kind_of(act, Set::of(&[kind(bare)])),
        outcome: if failed {
            Outcome::Failure
        } else {
            outcome(record)
        },
        ip: text(record, "ipAddress").as_ref().and_then(address),
        session: text(record, "sessionId"),
        provider: Some(Untrusted::new("keycloak")),
        object: client,
        reason: text(record, "error"),
        act,
        action,
        user,
        ..Event::default()
    })
}

/// An act of an administrator.
fn admin(record: &Value) -> Result<Event, FieldError> {
    let operation = need_text(record, "operationType")?;
    let resource = text(record, "resourceType").unwrap_or_default();
    let path = text(record, "resourcePath").unwrap_or_default();
    let (time, untimed) = time_or_none(record, &["time"]);
    let act = act_of_admin(operation.raw(), path.raw());
    let target = path
        .raw()
        .strip_prefix("users/")
        .and_then(|rest| rest.split('/').next())
        .filter(|id| !id.is_empty());
    Ok(Event {
        id: text(record, "id").unwrap_or_default(),
        at: time,
        untimed,
        lane: lane_of(act, Lane::AccountChange),
        category: category_of(act, &[Category::Iam]),
        kind: kind_of(act, Set::of(&[Kind::Admin, Kind::Change])),
        outcome: outcome(record),
        user: Party {
            id: text(record, "authDetails.userId"),
            ..Party::default()
        },
        target: Party {
            id: target.map(Untrusted::new),
            ..Party::default()
        },
        ip: text(record, "authDetails.ipAddress")
            .as_ref()
            .and_then(address),
        provider: Some(Untrusted::new("keycloak")),
        object: Some(path.clone()).filter(|path| !path.is_empty()),
        reason: text(record, "error"),
        act,
        action: Untrusted::new(format!("{} {}", operation.raw(), resource.raw())),
        ..Event::default()
    })
}

/// Gives what a user did; `None` where the type does not settle it.
fn act(kind: &str, record: &Value) -> Option<Act> {
    let credential = at(record, "details.credential_type").and_then(Value::as_str);
    let is_password = credential == Some("password");
    Some(match kind {
        "LOGIN" | "IDENTITY_PROVIDER_LOGIN" => Act::SignIn,
        "UPDATE_PASSWORD" => Act::PasswordChanged,
        "UPDATE_CREDENTIAL" if is_password => Act::PasswordChanged,
        "UPDATE_TOTP" | "UPDATE_CREDENTIAL" => Act::MfaAdded,
        "REMOVE_TOTP" => Act::MfaRemoved,
        "REMOVE_CREDENTIAL" if !is_password => Act::MfaRemoved,
        "RESET_PASSWORD" => Act::PasswordReset,
        "UPDATE_EMAIL" => Act::RecoveryChanged,
        "REGISTER" => Act::AccountCreated,
        "DELETE_ACCOUNT" => Act::AccountDeleted,
        "GRANT_CONSENT" => Act::OauthGrant,
        "USER_DISABLED_BY_PERMANENT_LOCKOUT" | "USER_DISABLED_BY_TEMPORARY_LOCKOUT" => {
            Act::AccountDisabled
        }
        "IMPERSONATE" => Act::LateralMovement,
        _ => return None,
    })
}

/// Gives what an administrator did, by the path of what was changed.
fn act_of_admin(operation: &str, path: &str) -> Option<Act> {
    let mut parts = path.split('/');
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let fourth = parts.next();
    Some(match (operation, first, second, third) {
        ("CREATE", Some("users"), Some(_), None) => Act::AccountCreated,
        ("DELETE", Some("users"), Some(_), None) => Act::AccountDeleted,
        ("ACTION", Some("users"), _, Some("logout"))
        | ("DELETE", Some("sessions"), Some(_), None) => Act::SessionsRevoked,
        ("ACTION", Some("users"), _, Some("reset-password")) => Act::PasswordReset,
        ("ACTION" | "DELETE", Some("users"), _, Some("credentials")) if fourth.is_some() => {
            Act::MfaRemoved
        }
        ("CREATE", Some("users"), _, Some("role-mappings")) => Act::RoleGranted,
        ("UPDATE", Some("events"), Some("config"), _) => Act::DefenceWeakened,
        // An update of the account does not say whether it was enabled or disabled.
        _ => return None,
    })
}

fn lane(kind: &str) -> Lane {
    match kind {
        "LOGOUT" | "CODE_TO_TOKEN" | "REFRESH_TOKEN" | "CLIENT_LOGIN" | "INTROSPECT_TOKEN"
        | "USER_INFO_REQUEST" | "TOKEN_EXCHANGE" => Lane::SignIn,
        "REVOKE_GRANT" => Lane::OauthGrant,
        _ => Lane::AccountChange,
    }
}

fn category(kind: &str) -> Category {
    match lane(kind) {
        Lane::SignIn => Category::Session,
        _ => Category::Iam,
    }
}

fn kind(kind: &str) -> Kind {
    match kind {
        "LOGOUT" => Kind::End,
        "CODE_TO_TOKEN" | "REFRESH_TOKEN" | "CLIENT_LOGIN" => Kind::Start,
        _ => Kind::Change,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("LOGIN", json!({}), Some(Act::SignIn), Outcome::Success)]
    #[case("LOGIN_ERROR", json!({"error": "user_disabled"}), Some(Act::SignIn), Outcome::Failure)]
    #[case("UPDATE_CREDENTIAL", json!({"details": {"credential_type": "otp"}}), Some(Act::MfaAdded), Outcome::Success)]
    #[case("UPDATE_CREDENTIAL", json!({"details": {"credential_type": "password"}}), Some(Act::PasswordChanged), Outcome::Success)]
    #[case("GRANT_CONSENT", json!({}), Some(Act::OauthGrant), Outcome::Success)]
    #[case("LOGOUT", json!({}), None, Outcome::Success)]
    fn events_of_users(
        #[case] kind: &str,
        #[case] more: serde_json::Value,
        #[case] act: Option<Act>,
        #[case] outcome: Outcome,
    ) -> Result<(), FieldError> {
        let mut record = json!({
            "id": "e1", "time": 1_795_892_709_929_i64, "type": kind, "realmId": "r", "clientId": "mail",
            "userId": "u1", "ipAddress": "192.0.2.7", "sessionId": "s1",
        });
        if let (Some(record), Some(more)) = (record.as_object_mut(), more.as_object()) {
            record.extend(more.clone());
        }
        let record = Value::from(&record);
        assert!(is_one(&record));
        let event = event(&record)?;
        assert_eq!((event.act, event.outcome), (act, outcome));
        assert_eq!(event.user.id, Some("u1".into()));
        assert!(!event.untimed && event.ip.is_some());
        Ok(())
    }

    #[rstest]
    #[case("ACTION", "users/u1/logout", Some(Act::SessionsRevoked))]
    #[case("UPDATE", "users/u1", None)]
    #[case("ACTION", "users/u1/reset-password", Some(Act::PasswordReset))]
    #[case("CREATE", "users/u1/role-mappings/clients/c1", Some(Act::RoleGranted))]
    #[case("DELETE", "users/u1", Some(Act::AccountDeleted))]
    #[case("UPDATE", "events/config", Some(Act::DefenceWeakened))]
    fn acts_of_administrators(
        #[case] operation: &str,
        #[case] path: &str,
        #[case] act: Option<Act>,
    ) -> Result<(), FieldError> {
        let record = json!({
            "id": "a1", "time": 1_795_892_709_929_i64, "operationType": operation, "resourceType": "USER",
            "resourcePath": path, "authDetails": {"userId": "op", "ipAddress": "192.0.2.8"},
        });
        let record = Value::from(&record);
        assert!(is_one(&record));
        let event = event(&record)?;
        assert_eq!(event.act, act);
        assert_eq!(event.user.id, Some("op".into()));
        let target = path.starts_with("users/").then(|| Untrusted::new("u1"));
        assert_eq!(event.target.id, target);
        Ok(())
    }
}
