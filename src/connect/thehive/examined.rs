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

/// A permission, the other names that hold it, and what it is needed for; reading needs none but the profile itself.
type Needed = (&'static str, &'static [&'static str], &'static str);

/// What the console sends and the vendor's interface asks for; the doctor leaves out what a configuration never sends.
const NEEDED: [Needed; 4] = [
    (
        "manageComment",
        &["manageComment/create"],
        "comment in cases",
    ),
    (
        "manageCase/update",
        &["manageCase"],
        "claim and close cases",
    ),
    ("manageCase/merge", &["manageCase"], "merge cases"),
    ("manageTask", &[], "make and set tasks"),
];

/// Splits the permissions of the key's owner into what is needed and what is more.
fn rights(permissions: &[Untrusted]) -> Vec<Right> {
    let holds = |(name, others, _): &Needed, one: &Untrusted| {
        one.raw() == *name || others.iter().any(|other| one.raw() == *other)
    };
    let needed = NEEDED.iter().map(|need| Right {
        name: need.0.into(),
        needed_for: Some(need.2),
        is_exact: false,
        kinds: Vec::new(),
        // Without a list nothing is told.
        granted: (!permissions.is_empty()).then(|| permissions.iter().any(|one| holds(need, one))),
    });
    let beyond = permissions.iter().filter(|one| {
        one.raw().starts_with("manage") && !NEEDED.iter().any(|need| holds(need, one))
    });
    let beyond = beyond.map(|one| Right {
        name: one.field(),
        needed_for: None,
        is_exact: false,
        kinds: Vec::new(),
        granted: Some(true),
    });
    needed.chain(beyond).collect()
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
    use rstest::rstest;

    use super::*;

    const COMMENT: &str = "comment in cases";
    const CHANGE: &str = "claim and close cases";
    const MERGE: &str = "merge cases";
    const TASKS: &str = "make and set tasks";

    #[rstest]
    #[case::all(
        &["manageComment", "manageCase/update", "manageCase/merge", "manageTask"],
        &[],
        &[]
    )]
    #[case::only_comments(&["manageComment"], &[CHANGE, MERGE, TASKS], &[])]
    #[case::all_of_a_kind(&["manageComment/create", "manageCase"], &[TASKS], &[])]
    #[case::more(
        &["manageCase/update", "manageCase/delete", "manageTask", "manageUser", "accessTheHiveFS"],
        &[COMMENT, MERGE],
        &["manageCase/delete", "manageUser"]
    )]
    fn permissions_are_needed_missing_or_beyond_need(
        #[case] permissions: &[&'static str],
        #[case] missing: &[&'static str],
        #[case] beyond: &[&'static str],
    ) {
        let permissions: Vec<Untrusted> =
            permissions.iter().map(|one| Untrusted::new(*one)).collect();
        let all = rights(&permissions);
        let lacks: Vec<&str> = all
            .iter()
            .filter(|right| right.granted == Some(false))
            .filter_map(|right| right.needed_for)
            .collect();
        assert_eq!(lacks, missing);
        let more: Vec<&str> = all
            .iter()
            .filter(|right| right.needed_for.is_none())
            .map(|right| right.name.as_str())
            .collect();
        assert_eq!(more, beyond);
    }

    #[test]
    fn without_a_list_of_permissions_none_is_known() {
        let all = rights(&[]);
        assert_eq!(all.len(), NEEDED.len());
        assert!(all.iter().all(|right| right.granted.is_none()), "{all:?}");
    }
}
