//! Okta's users, groups, roles, factors and clients as domain values.
//!
//! Source: Okta Management API, schemas `User`, `Group`, `StandardRole`, `UserFactor`, `OAuth2Client`.

use serde_json::Value;

use crate::connect::decode::{FieldError, at, need_text, text, time};
use crate::domain::account::{Account, AccountStatus, Factor, Group};
use crate::domain::ids::{AccountId, ConnectionName};
use crate::domain::text::Untrusted;

/// Tells whether nobody can sign in with an account of this status: suspended, or on the way to be deactivated or there.
pub(crate) fn keeps_out(status: &AccountStatus) -> bool {
    match status {
        AccountStatus::Active => false,
        AccountStatus::Disabled => true,
        AccountStatus::Other(word) => word.raw().ends_with("DEPROVISIONED"),
    }
}

/// Reads one user; groups, roles, factors and clients are asked for separately and stay unknown here.
pub(crate) fn user(record: &Value, connection: &ConnectionName) -> Result<Account, FieldError> {
    let id = need_text(record, "id")?;
    let vendor_status = need_text(record, "status")?;
    let moving = text(record, "transitioningToStatus");
    let status = match (vendor_status.raw(), &moving) {
        ("ACTIVE", None) => AccountStatus::Active,
        ("SUSPENDED", None) => AccountStatus::Disabled,
        (word, None) => AccountStatus::Other(Untrusted::new(word)),
        (word, Some(to)) => {
            AccountStatus::Other(Untrusted::new(format!("{word}, becoming {}", to.raw())))
        }
    };
    Ok(Account {
        id: AccountId::new(connection.clone(), id.raw()),
        login: need_text(record, "profile.login")?,
        name: name(record),
        mail: text(record, "profile.email"),
        status,
        vendor_status,
        status_changed: time(record, "statusChanged"),
        last_sign_in: time(record, "lastLogin"),
        password_changed: time(record, "passwordChanged"),
        tokens_valid_from: None,
        source: text(record, "credentials.provider.type"),
        groups: None,
        roles: None,
        factors: None,
        token_clients: None,
        sessions: None,
        required: None,
        risk: None,
        gaps: Vec::new(),
        zone: text(record, "profile.timezone"),
        aliases: Vec::new(),
        server_date: None,
    })
}

fn name(record: &Value) -> Untrusted {
    if let Some(shown) = text(record, "profile.displayName") {
        return shown;
    }
    let parts: Vec<String> = ["profile.firstName", "profile.lastName"]
        .iter()
        .filter_map(|field| text(record, field))
        .map(|part| part.raw().to_owned())
        .collect();
    Untrusted::new(parts.join(" "))
}

/// Reads one group; the name may be missing in a sparse profile, the id may not.
pub(crate) fn group(record: &Value) -> Result<Group, FieldError> {
    let id = need_text(record, "id")?;
    let name = text(record, "profile.name").unwrap_or_else(|| id.clone());
    Ok(Group { id, name })
}

/// Reads one role assignment: the label, or the type where there is none.
pub(crate) fn role(record: &Value) -> Result<Untrusted, FieldError> {
    if let Some(label) = text(record, "label") {
        return Ok(label);
    }
    need_text(record, "type")
}

/// Reads one factor.
pub(crate) fn factor(record: &Value) -> Result<Factor, FieldError> {
    Ok(Factor {
        id: need_text(record, "id")?,
        kind: need_text(record, "factorType")?,
        status: text(record, "status").unwrap_or_default(),
        created: time(record, "created"),
    })
}

/// A client that holds a grant or token of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) id: Untrusted,
    pub(crate) name: Untrusted,
}

/// Reads one client.
pub(crate) fn client(record: &Value) -> Result<Client, FieldError> {
    let id = need_text(record, "client_id")?;
    let name = text(record, "client_name").unwrap_or_else(|| id.clone());
    Ok(Client { id, name })
}

/// Tells whether a refresh token can still be used; a status that is not known counts as usable.
pub(crate) fn token_lives(record: &Value) -> bool {
    at(record, "status").and_then(Value::as_str) != Some("REVOKED")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn connection() -> ConnectionName {
        ConnectionName::parse("okta").unwrap_or_else(|error| panic!("{error}"))
    }

    fn record(status: &str, moving: Option<&str>) -> Value {
        json!({
            "id": "00u1", "status": status, "transitioningToStatus": moving,
            "statusChanged": "2026-11-21T03:00:00.000Z", "lastLogin": null,
            "profile": {"login": "mara@x.org", "email": "", "firstName": "Mara", "lastName": "Lind"},
            "credentials": {"provider": {"type": "ACTIVE_DIRECTORY", "name": "ad"}},
        })
    }

    #[rstest]
    #[case("ACTIVE", None, AccountStatus::Active)]
    #[case("SUSPENDED", None, AccountStatus::Disabled)]
    #[case("LOCKED_OUT", None, AccountStatus::Other("LOCKED_OUT".into()))]
    #[case("DEPROVISIONED", None, AccountStatus::Other("DEPROVISIONED".into()))]
    #[case("ACTIVE", Some("DEPROVISIONED"), AccountStatus::Other("ACTIVE, becoming DEPROVISIONED".into()))]
    fn statuses(
        #[case] status: &str,
        #[case] moving: Option<&str>,
        #[case] expected: AccountStatus,
    ) {
        let got = user(&record(status, moving), &connection()).map(|account| account.status);
        assert_eq!(got, Ok(expected));
    }

    #[rstest]
    #[case("ACTIVE", None, false)]
    #[case("SUSPENDED", None, true)]
    #[case("DEPROVISIONED", None, true)]
    #[case("SUSPENDED", Some("DEPROVISIONED"), true)]
    #[case("SUSPENDED", Some("ACTIVE"), false)]
    #[case("PASSWORD_EXPIRED", None, false)]
    #[case("RECOVERY", None, false)]
    #[case("LOCKED_OUT", None, false)]
    #[case("PROVISIONED", None, false)]
    fn only_these_keep_out(#[case] status: &str, #[case] moving: Option<&str>, #[case] out: bool) {
        let got = user(&record(status, moving), &connection()).map(|a| keeps_out(&a.status));
        assert_eq!(got, Ok(out));
    }

    #[test]
    fn a_user_is_read_whole() -> Result<(), FieldError> {
        let account = user(&record("ACTIVE", None), &connection())?;
        assert_eq!(account.id.raw(), "00u1");
        assert_eq!(account.name.raw(), "Mara Lind");
        assert_eq!(account.mail, None);
        assert_eq!(account.source, Some("ACTIVE_DIRECTORY".into()));
        assert!(account.status_changed.is_some() && account.last_sign_in.is_none());
        assert_eq!(
            (account.groups, account.roles, account.factors),
            (None, None, None)
        );
        Ok(())
    }

    #[rstest]
    #[case(json!({"status": "ACTIVE", "profile": {"login": "a"}}), FieldError::Missing("id"))]
    #[case(json!({"id": {"x": 1}, "status": "ACTIVE"}), FieldError::Type("id", "text"))]
    #[case(json!({"id": "1", "profile": {"login": "a"}}), FieldError::Missing("status"))]
    #[case(json!({"id": "1", "status": "ACTIVE"}), FieldError::Missing("profile.login"))]
    fn broken_users_are_named(#[case] record: Value, #[case] error: FieldError) {
        assert_eq!(user(&record, &connection()), Err(error));
    }

    #[test]
    fn a_token_without_a_status_counts_as_usable() {
        assert!(token_lives(&json!({})));
        assert!(token_lives(&json!({"status": "ACTIVE"})));
        assert!(!token_lives(&json!({"status": "REVOKED"})));
    }
}
