//! What TheHive tells about our key and its clock, for the doctor.
//!
//! What must not live here: anything that writes.

use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{CURRENT, TheHive};
use crate::connect::capability::{Cases as _, ConnectError, Examined, LastSeen, Right, RuleSeen};
use crate::connect::decode::texts;
use crate::connect::http::Request;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// The permission that posting a comment needs; reading needs none but the profile itself.
const COMMENT: &str = "manageComment";

/// Splits the permissions of the key's owner into what is needed and what is more.
fn rights(permissions: &[Untrusted]) -> Vec<Right> {
    // Permissions may stand for all of a kind or for one part of it: `manageComment/create`.
    let is_comment = |one: &Untrusted| {
        one.raw() == COMMENT
            || one
                .raw()
                .strip_prefix(COMMENT)
                .is_some_and(|part| part == "/create")
    };
    let mut rights = vec![Right {
        name: COMMENT.into(),
        needed_for: Some("comments in cases"),
        is_exact: false,
        kinds: Vec::new(),
        // Without a list nothing is told.
        granted: (!permissions.is_empty()).then(|| permissions.iter().any(is_comment)),
    }];
    let beyond = permissions
        .iter()
        .filter(|one| one.raw().starts_with("manage") && !one.raw().starts_with(COMMENT));
    rights.extend(beyond.map(|one| Right {
        name: one.field(),
        needed_for: None,
        is_exact: false,
        kinds: Vec::new(),
        granted: Some(true),
    }));
    rights
}

#[async_trait]
impl Examined for TheHive {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn server_clock(&self) -> Option<(DateTime<Utc>, Instant)> {
        self.http.server_clock()
    }

    async fn token(&self) -> Result<Safe, ConnectError> {
        let operator = self.who_am_i().await?;
        let login = operator.login.unwrap_or_default();
        Ok(if operator.shared {
            safe!("belongs to {}, shared by several people", login.field())
        } else {
            safe!("you are {}", login.field())
        })
    }

    async fn rights(&self) -> Result<Vec<Right>, ConnectError> {
        let answer = self.http.read(&Request::get(CURRENT, &[])?).await?;
        let record: Value = answer.json()?;
        Ok(rights(&texts(&record, "permissions")))
    }

    async fn last_seen(&self) -> Result<Vec<LastSeen>, ConnectError> {
        Ok(Vec::new())
    }

    async fn rules(&self, _names: &[String]) -> Result<Vec<RuleSeen>, ConnectError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_needed_missing_beyond_need_or_not_known() {
        let of = |all: &[&'static str]| {
            let all: Vec<Untrusted> = all.iter().map(|one| Untrusted::new(*one)).collect();
            rights(&all)
        };
        assert_eq!(of(&[]).first().map(|right| right.granted), Some(None));
        let all = of(&["manageCase/update", "accessTheHiveFS"]);
        assert_eq!(all.len(), 2);
        assert_eq!(all.first().map(|right| right.granted), Some(Some(false)));
        assert_eq!(all.last().map(|right| right.needed_for), Some(None));
        let all = of(&["manageComment/create"]);
        assert_eq!(all.len(), 1);
        assert_eq!(all.first().map(|right| right.granted), Some(Some(true)));
    }
}
