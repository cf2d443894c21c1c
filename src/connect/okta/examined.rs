//! What Okta tells about our token, its clock and its log, for the doctor.
//!
//! What must not live here: anything that writes.

use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Okta, ROLES};
use crate::connect::capability::{
    ConnectError, Examined, Identity as _, LastSeen, Right, RuleSeen,
};
use crate::connect::decode::{FieldError, need_text, need_time};
use crate::connect::http::Request;
use crate::domain::containment::kind::ActionKind;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const LOGS: &str = "/api/v1/logs";

/// Roles that may do every action on every account that is no administrator.
const ENOUGH: [&str; 2] = ["ORG_ADMIN", "SUPER_ADMIN"];
/// Roles that only read, or that have nothing to do with accounts.
const NOT_ENOUGH: [&str; 4] = [
    "API_ACCESS_MANAGEMENT_ADMIN",
    "APP_ADMIN",
    "READ_ONLY_ADMIN",
    "REPORT_ADMIN",
];

fn role(record: &Value) -> Result<Untrusted, FieldError> {
    need_text(record, "type")
}

/// Tells whether the roles allow the actions; roles limited to groups, and roles of an organisation's own, may or may not.
fn may_act(roles: &[Untrusted]) -> Option<bool> {
    let any = |known: &[&str]| roles.iter().any(|role| known.contains(&role.raw()));
    let all = |known: &[&str]| roles.iter().all(|role| known.contains(&role.raw()));
    if any(&ENOUGH) {
        Some(true)
    } else if !roles.is_empty() && all(&NOT_ENOUGH) {
        Some(false)
    } else {
        None
    }
}

/// Says what the roles of the token's owner mean for each action, and which role is more than is needed.
fn rights(roles: &[Untrusted]) -> Vec<Right> {
    let names = if roles.is_empty() {
        "no administrator role is listed".into()
    } else {
        let names = Safe::join(roles.iter().map(Untrusted::field), &Safe::fixed(", "));
        safe!("role {}", names)
    };
    let mut rights = vec![Right {
        name: names,
        needed_for: Some("every action"),
        is_exact: false,
        kinds: ActionKind::ALL.to_vec(),
        granted: may_act(roles),
    }];
    if roles.iter().any(|role| role.raw() == "SUPER_ADMIN") {
        rights.push(Right {
            name: "role SUPER_ADMIN".into(),
            needed_for: None,
            is_exact: false,
            kinds: Vec::new(),
            granted: Some(true),
        });
    }
    rights
}

#[async_trait]
impl Examined for Okta {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn server_clock(&self) -> Option<(DateTime<Utc>, Instant)> {
        self.http.server_clock()
    }

    async fn token(&self) -> Result<Safe, ConnectError> {
        let (_, login) = self.own_account().await?;
        let what = if self.app.is_some() {
            "is of the service app"
        } else {
            "belongs to"
        };
        Ok(safe!("{} {}", what, login.field()))
    }

    async fn rights(&self) -> Result<Vec<Right>, ConnectError> {
        if let Some(app) = &self.app {
            return self.scopes(app).await;
        }
        let (id, _) = self.own_account().await?;
        Ok(rights(&self.whole(ROLES, id.raw(), role).await?))
    }

    async fn last_seen(&self) -> Result<Vec<LastSeen>, ConnectError> {
        let request = Request::get(LOGS, &[])?
            .query("sortOrder", "DESCENDING")
            .query("limit", "1");
        let answer = self.http.read(&request).await?;
        let records: Vec<Value> = answer.json()?;
        let at = records
            .first()
            .map(|record| need_time(record, "published"))
            .transpose()
            .map_err(|error| super::unreadable(&answer, &error))?;
        Ok(vec![LastSeen {
            source: "System Log".into(),
            at,
        }])
    }

    async fn rules(&self, _names: &[String]) -> Result<Vec<RuleSeen>, ConnectError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], None)]
    #[case(&["READ_ONLY_ADMIN"], Some(false))]
    #[case(&["READ_ONLY_ADMIN", "HELP_DESK_ADMIN"], None)]
    #[case(&["CUSTOM"], None)]
    #[case(&["READ_ONLY_ADMIN", "ORG_ADMIN"], Some(true))]
    #[case(&["SUPER_ADMIN"], Some(true))]
    fn roles_say_what_is_allowed_or_that_it_is_not_known(
        #[case] roles: &[&'static str],
        #[case] allowed: Option<bool>,
    ) {
        let roles: Vec<Untrusted> = roles.iter().map(|role| Untrusted::new(*role)).collect();
        assert_eq!(may_act(&roles), allowed);
        let beyond = rights(&roles)
            .iter()
            .any(|right| right.needed_for.is_none());
        assert_eq!(beyond, roles.iter().any(|role| role.raw() == "SUPER_ADMIN"));
    }
}
