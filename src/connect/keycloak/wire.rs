//! Keycloak's records: users, groups, roles, credentials, sessions.
//!
//! Source: Keycloak Admin REST API 26, `UserRepresentation` and its neighbours; all of their fields are optional there.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::connect::decode::{FieldError, at, need_text, text, time};
use crate::domain::account::{Account, AccountStatus, Factor, Group, Session};
use crate::domain::ids::{AccountId, ConnectionName};
use crate::domain::text::Untrusted;

/// Reads one user.
pub(crate) fn user(record: &Value, connection: &ConnectionName) -> Result<Account, FieldError> {
    let id = need_text(record, "id")?;
    let login = need_text(record, "username")?;
    let enabled = match at(record, "enabled") {
        Some(Value::Bool(enabled)) => *enabled,
        None | Some(Value::Null) => return Err(FieldError::Missing("enabled")),
        Some(_) => return Err(FieldError::Type("enabled", "true or false")),
    };
    let (status, word) = if enabled {
        (AccountStatus::Active, "enabled")
    } else {
        (AccountStatus::Disabled, "disabled")
    };
    let names: Vec<String> = ["firstName", "lastName"]
        .iter()
        .filter_map(|field| text(record, field))
        .map(|part| part.raw().to_owned())
        .collect();
    let required = match at(record, "requiredActions") {
        None | Some(Value::Null) => None,
        list => Some(words(items(list, "requiredActions")?, "requiredActions")?),
    };
    let source = text(record, "federationLink")
        .or_else(|| text(record, "origin"))
        .map(|link| Untrusted::new(format!("federation {}", link.raw())));
    Ok(Account {
        id: AccountId::new(connection.clone(), id.raw()),
        login,
        name: Untrusted::new(names.join(" ")),
        mail: text(record, "email"),
        status,
        vendor_status: word.into(),
        status_changed: None,
        last_sign_in: None,
        password_changed: None,
        tokens_valid_from: None,
        source,
        zone: None,
        aliases: Vec::new(),
        groups: None,
        roles: None,
        factors: None,
        token_clients: None,
        sessions: None,
        required,
        risk: None,
        gaps: Vec::new(),
        server_date: None,
    })
}

/// The realm that administers all others.
pub(crate) const MASTER: &str = "master";

/// Gives the client whose roles allow to administer a realm.
pub(crate) fn admin_client(realm: &str) -> String {
    if realm == MASTER {
        "master-realm".to_owned()
    } else {
        "realm-management".to_owned()
    }
}

/// Tells whether the roles of a client make an administrator; the realm `master` has a client for each realm.
pub(crate) fn administers(client: &str, realm: &str) -> bool {
    client == admin_client(realm) || realm == MASTER && client.ends_with("-realm")
}

/// Tells whether a role of the realm itself makes an administrator.
fn is_admin_role(name: &str, realm: &str) -> bool {
    realm == MASTER && matches!(name, "admin" | "create-realm")
}

/// Keeps the roles of the realm `master` that make an administrator.
pub(crate) fn of_master(mut all: Vec<Untrusted>) -> Vec<Untrusted> {
    all.retain(|name| is_admin_role(name.raw(), MASTER));
    all
}

/// Reads one role.
pub(crate) fn role(record: &Value) -> Result<Untrusted, FieldError> {
    need_text(record, "name")
}

/// Reads the roles that make an administrator out of the role mappings of an account: those it has by itself.
pub(crate) fn roles(record: &Value, realm: &str) -> Result<Vec<Untrusted>, FieldError> {
    let mut found = Vec::new();
    for role in items(at(record, "realmMappings"), "realmMappings")? {
        let name = need_text(role, "name")?;
        if is_admin_role(name.raw(), realm) {
            found.push(name);
        }
    }
    let clients = match at(record, "clientMappings") {
        None | Some(Value::Null) => return Ok(found),
        Some(Value::Object(clients)) => clients,
        Some(_) => return Err(FieldError::Type("clientMappings", "an object")),
    };
    for (client, mappings) in clients {
        if administers(client, realm) {
            for role in items(at(mappings, "mappings"), "mappings")? {
                found.push(need_text(role, "name")?);
            }
        }
    }
    Ok(found)
}

fn items<'a>(list: Option<&'a Value>, field: &'static str) -> Result<&'a [Value], FieldError> {
    match list {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(FieldError::Type(field, "a list")),
    }
}

fn words(list: &[Value], field: &'static str) -> Result<Vec<Untrusted>, FieldError> {
    let word = |value: &Value| value.as_str().map(Untrusted::new);
    list.iter()
        .map(|value| word(value).ok_or(FieldError::Type(field, "a list of texts")))
        .collect()
}

/// Reads one group.
pub(crate) fn group(record: &Value) -> Result<Group, FieldError> {
    let id = need_text(record, "id")?;
    let name = text(record, "name").unwrap_or_else(|| id.clone());
    Ok(Group { id, name })
}

/// Reads one credential.
pub(crate) fn credential(record: &Value) -> Result<Factor, FieldError> {
    Ok(Factor {
        id: need_text(record, "id")?,
        kind: need_text(record, "type")?,
        // What is listed can be used.
        status: "ACTIVE".into(),
        created: time(record, "createdDate"),
    })
}

/// Gives when the password was last set: setting it anew gives the credential a new date.
pub(crate) fn password_changed(credentials: &[Factor]) -> Option<DateTime<Utc>> {
    let passwords = credentials
        .iter()
        .filter(|one| one.kind.raw() == "password");
    passwords.filter_map(|one| one.created).max()
}

/// Leaves the password out.
pub(crate) fn factors(credentials: Vec<Factor>) -> Vec<Factor> {
    let mut factors = credentials;
    factors.retain(|one| one.kind.raw() != "password");
    factors
}

/// A client that holds offline tokens of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its internal id.
    pub(crate) id: Untrusted,
}

/// Reads one consent: the client where it holds an offline token.
pub(crate) fn offline_client(record: &Value) -> Result<Option<Client>, FieldError> {
    let grants = items(at(record, "additionalGrants"), "additionalGrants")?;
    let offline = grants
        .iter()
        .find(|grant| grant.get("key").and_then(Value::as_str) == Some("Offline Token"));
    offline
        .map(|grant| need_text(grant, "client").map(|id| Client { id }))
        .transpose()
}

/// Reads one session of a user; one that says it is another's is refused, for nothing else tells whose it is once it is ended.
pub(crate) fn session(record: &Value, of: &str, offline: bool) -> Result<Session, FieldError> {
    if text(record, "userId").is_some_and(|user| user.raw() != of) {
        return Err(FieldError::Type(
            "userId",
            "the user whose sessions were asked for",
        ));
    }
    let clients = match at(record, "clients") {
        Some(Value::Object(clients)) => clients
            .values()
            .filter_map(Value::as_str)
            .map(Untrusted::new)
            .collect(),
        _ => Vec::new(),
    };
    Ok(Session {
        id: need_text(record, "id")?,
        offline,
        clients,
        started: time(record, "start"),
        last_used: time(record, "lastAccess"),
        ip: text(record, "ipAddress"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn connection() -> ConnectionName {
        ConnectionName::parse("keycloak").unwrap_or_else(|error| panic!("{error}"))
    }

    #[rstest]
    #[case::named(json!({"id": "s1", "userId": "6f1c"}), true)]
    #[case::not_named(json!({"id": "s1"}), true)]
    #[case::of_another(json!({"id": "s1", "userId": "1111"}), false)]
    fn a_session_of_another_user_is_refused(#[case] record: Value, #[case] is_read: bool) {
        assert_eq!(session(&record, "6f1c", true).is_ok(), is_read);
    }

    #[test]
    fn a_user_is_read() -> Result<(), FieldError> {
        let record = json!({
            "id": "6f1c", "username": "mara", "firstName": "Mara", "lastName": "Lind", "enabled": false,
            "federationLink": "ldap1", "requiredActions": ["UPDATE_PASSWORD"],
        });
        let account = user(&record, &connection())?;
        assert_eq!(account.status, AccountStatus::Disabled);
        assert_eq!(account.name.raw(), "Mara Lind");
        assert_eq!(account.source, Some("federation ldap1".into()));
        assert_eq!(account.required, Some(vec!["UPDATE_PASSWORD".into()]));
        Ok(())
    }

    #[rstest]
    #[case(json!({"username": "a", "enabled": true}), FieldError::Missing("id"))]
    #[case(json!({"id": "1", "enabled": true}), FieldError::Missing("username"))]
    #[case(json!({"id": "1", "username": "a"}), FieldError::Missing("enabled"))]
    #[case(json!({"id": "1", "username": "a", "enabled": true, "requiredActions": 7}), FieldError::Type("requiredActions", "a list"))]
    #[case(json!({"id": "1", "username": "a", "enabled": "yes"}), FieldError::Type("enabled", "true or false"))]
    fn broken_users_are_named(#[case] record: Value, #[case] error: FieldError) {
        assert_eq!(user(&record, &connection()), Err(error));
    }

    #[rstest]
    #[case("acme", "realm-management", "realm-admin", true)]
    #[case("acme", "realm-management", "view-users", true)]
    #[case("acme", "account", "manage-account", false)]
    #[case("acme", "acme-realm", "manage-users", false)]
    #[case("master", "acme-realm", "manage-users", true)]
    fn roles_of_clients(
        #[case] realm: &str,
        #[case] client: &str,
        #[case] role: &str,
        #[case] makes_administrator: bool,
    ) -> Result<(), FieldError> {
        let record = json!({"clientMappings": {client: {"mappings": [{"name": role}]}}});
        let found = roles(&record, realm)?;
        assert_eq!(!found.is_empty(), makes_administrator);
        Ok(())
    }

    #[test]
    fn roles_of_the_realm() -> Result<(), FieldError> {
        let record = json!({"realmMappings": [
            {"name": "default-roles-acme", "composite": true}, {"name": "staff", "composite": true},
            {"name": "admin"}, {"name": "offline_access"},
        ]});
        assert_eq!(roles(&record, "acme")?, []);
        let master = [Untrusted::new("admin")];
        assert_eq!(roles(&record, MASTER)?, master);
        let all = ["uma_authorization", "admin", "offline_access"];
        let all = all.map(Untrusted::new).to_vec();
        assert_eq!(of_master(all), master);
        assert!(roles(&json!({"realmMappings": 7}), "acme").is_err());
        Ok(())
    }

    #[rstest]
    #[case(json!({"clientId": "mail", "additionalGrants": []}), None)]
    #[case(json!({"clientId": "mail"}), None)]
    #[case(json!({"clientId": "mail", "additionalGrants": [{"key": "Offline Token", "client": "c1"}]}), Some("c1"))]
    fn offline_tokens(#[case] record: Value, #[case] client: Option<&str>) {
        let found = offline_client(&record).map(|found| found.map(|client| client.id));
        assert_eq!(found, Ok(client.map(Untrusted::new)));
    }

    #[test]
    fn an_offline_token_without_its_client_is_a_fault() {
        let record = json!({"additionalGrants": [{"key": "Offline Token"}]});
        assert_eq!(offline_client(&record), Err(FieldError::Missing("client")));
    }
}
