//! What Keycloak tells about our token and its logs, for the doctor.
//!
//! What must not live here: anything that writes.

use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{ADMIN_EVENTS, EVENTS, EVENTS_CONFIG, Keycloak, ROLES, wire};
use crate::connect::capability::{
    ConnectError, ConnectErrorKind, Examined, Identity as _, LastSeen, Right, RuleSeen,
};
use crate::connect::decode::time;
use crate::domain::containment::kind::ActionKind;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Roles that allow nothing that is not needed.
const FITTING: [&str; 6] = [
    "manage-users",
    "view-clients",
    "view-events",
    "view-realm",
    "view-users",
    "query-users",
];

fn needed(
    name: &'static str,
    what: &'static str,
    kinds: &[ActionKind],
    granted: Option<bool>,
) -> Right {
    Right {
        name: safe!("role {}", name),
        needed_for: Some(what),
        is_exact: true,
        kinds: kinds.to_vec(),
        granted,
    }
}

/// Gives the roles that nothing here needs.
fn beyond(roles: &[Untrusted]) -> impl Iterator<Item = Right> {
    let more = roles
        .iter()
        .filter(|role| !FITTING.contains(&role.raw()) && !role.raw().starts_with("query-"));
    more.map(|role| Right {
        name: safe!("role {}", role.field()),
        needed_for: None,
        is_exact: true,
        kinds: Vec::new(),
        granted: Some(true),
    })
}

/// Turns a refusal for the token's rights into a no.
fn allowed<T>(result: Result<T, ConnectError>) -> Result<bool, ConnectError> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.kind == ConnectErrorKind::Denied => Ok(false),
        Err(error) => Err(error),
    }
}

impl Keycloak {
    async fn newest(&self, route: &'static str) -> Result<Option<DateTime<Utc>>, ConnectError> {
        let request = self
            .get(route, &[])?
            .query("direction", "desc")
            .query("max", "1");
        let records: Vec<Value> = self.http.read(&request).await?.json()?;
        Ok(records.first().and_then(|record| time(record, "time")))
    }

    async fn own_roles(&self, id: &str) -> Result<Vec<Untrusted>, ConnectError> {
        let answer = self.http.read(&self.get(ROLES, &[id])?).await?;
        let record: Value = answer.json()?;
        let roles = wire::roles(&record, &self.client.realm);
        roles.map_err(|error| super::unreadable(&answer, &error))
    }
}

#[async_trait]
impl Examined for Keycloak {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn server_clock(&self) -> Option<(DateTime<Utc>, Instant)> {
        self.http.server_clock()
    }

    async fn token(&self) -> Result<Safe, ConnectError> {
        let (_, login) = self.own_account().await?;
        Ok(safe!("belongs to {}", login.field()))
    }

    async fn rights(&self) -> Result<Vec<Right>, ConnectError> {
        let (own, _) = self.own_account().await?;
        // An account of another realm is not to be read here.
        let is_here = self.client.token_realm == self.client.realm;
        let (mut manages, mut roles) = (None, Vec::new());
        if is_here {
            let user = self.user(own.raw()).await?;
            manages = user.and_then(|(_, record)| record.pointer("/access/manage")?.as_bool());
            roles = self.own_roles(own.raw()).await?;
        }
        let sees_clients = self.sees_client_roles().await?;
        let events = allowed(self.newest(ADMIN_EVENTS).await)?;
        let realm = self.read_lifespan().await?.is_some();
        let mut rights = vec![
            needed("manage-users", "every action", &ActionKind::ALL, manages),
            needed(
                "view-clients",
                "tell administrators from others",
                &[
                    ActionKind::RevokeSessions,
                    ActionKind::DisableAccount,
                    ActionKind::ResetPassword,
                    ActionKind::ExpirePassword,
                    ActionKind::RemoveItem,
                ],
                Some(sees_clients),
            ),
            needed("view-events", "read the two logs", &[], Some(events)),
            needed(
                "view-realm",
                "say how long access tokens live on",
                &[],
                Some(realm),
            ),
        ];
        rights.extend(beyond(&roles));
        Ok(rights)
    }

    async fn last_seen(&self) -> Result<Vec<LastSeen>, ConnectError> {
        let answer = self.http.read(&self.get(EVENTS_CONFIG, &[])?).await?;
        let config: Value = answer.json()?;
        let saves = |field: &str| config.get(field) == Some(&Value::Bool(true));
        let mut all = Vec::new();
        for (route, field, name) in [
            (EVENTS, "eventsEnabled", "user events"),
            (ADMIN_EVENTS, "adminEventsEnabled", "admin events"),
        ] {
            all.push(if saves(field) {
                LastSeen {
                    source: name.into(),
                    at: self.newest(route).await?,
                }
            } else {
                LastSeen {
                    source: Untrusted::new(format!("{name}, which the realm does not save")),
                    at: None,
                }
            });
        }
        Ok(all)
    }

    async fn rules(&self, _names: &[String]) -> Result<Vec<RuleSeen>, ConnectError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_need_is_named() {
        let roles = [
            "manage-users",
            "query-groups",
            "realm-admin",
            "impersonation",
        ];
        let roles: Vec<Untrusted> = roles.into_iter().map(Untrusted::new).collect();
        let names: Vec<String> = beyond(&roles).map(|right| right.name.to_string()).collect();
        assert_eq!(names, ["role realm-admin", "role impersonation"]);
    }
}
