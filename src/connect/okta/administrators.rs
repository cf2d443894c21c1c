//! Who else has an account's administrator roles.
//!
//! Okta lists the users that have any role; which roles each has is a question of its own, and so is whether it is enabled.
//! Asking ends as soon as every role has enough others. Source: Okta Management API, `listUsersWithRoleAssignments`
//! (pages by `_links.next` in the body) and `listAssignedRolesForUser`.
//!
//! What must not live here: how many must stay (`domain::containment::administrators`).

use serde_json::Value;

use super::{Okta, PAGES, ROLES, unreadable};
use crate::connect::capability::ConnectError;
use crate::connect::decode::{FieldError, at, need_text, text};
use crate::connect::http::Request;
use crate::domain::account::AccountStatus;
use crate::domain::containment::administrators::{LEAST, RoleHeld};
use crate::domain::ids::AccountId;
use crate::domain::text::Untrusted;
use crate::safe;

const ASSIGNEES: &str = "/api/v1/iam/assignees/users";

/// Users asked about at the same time.
const AT_ONCE: usize = 8;

/// Most users with a role that are asked about.
const MOST: usize = 200;

/// One role as it is assigned: roles of an organisation's own are told apart by their id and what they are limited to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Assigned {
    key: [Option<Untrusted>; 3],
    name: Untrusted,
    active: bool,
}

fn assigned(record: &Value) -> Result<Assigned, FieldError> {
    let kind = need_text(record, "type")?;
    Ok(Assigned {
        name: text(record, "label").unwrap_or_else(|| kind.clone()),
        key: [
            Some(kind),
            text(record, "role"),
            text(record, "resource-set"),
        ],
        active: text(record, "status").is_none_or(|status| status.raw() == "ACTIVE"),
    })
}

fn assignee(record: &Value) -> Result<Untrusted, FieldError> {
    need_text(record, "id")
}

impl Okta {
    /// Counts the other enabled members of every role of an account, each up to [`LEAST`].
    pub(super) async fn count_administrators(
        &self,
        id: &AccountId,
        gone: &[AccountId],
    ) -> Result<Vec<RoleHeld>, ConnectError> {
        let own = self.whole(ROLES, id.raw(), assigned).await?;
        let mut held: Vec<(Assigned, usize)> = Vec::new();
        for role in own {
            if !held.iter().any(|(known, _)| known.key == role.key) {
                held.push((role, 0));
            }
        }
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let enough = |held: &[(Assigned, usize)]| held.iter().all(|(_, others)| *others >= LEAST);
        let mut left: Vec<Untrusted> = self.assignees().await?;
        left.retain(|other| {
            other.raw() != id.raw() && !gone.iter().any(|gone| gone.raw() == other.raw())
        });
        let mut asked = 0;
        for group in left.chunks(AT_ONCE) {
            if enough(&held) {
                break;
            }
            asked += group.len();
            if asked > MOST {
                return Err(ConnectError::unsent(safe!(
                    "more than {} users have administrator roles; the rest was not asked about",
                    MOST
                )));
            }
            let answers = group.iter().map(|other| self.enabled_roles(other.raw()));
            for roles in futures::future::join_all(answers).await {
                for role in roles? {
                    for (known, others) in &mut held {
                        if known.key == role.key && *others < LEAST {
                            *others += 1;
                        }
                    }
                }
            }
        }
        let held = held.into_iter().map(|(role, others)| RoleHeld {
            role: role.name,
            others,
        });
        Ok(held.collect())
    }

    /// Lists the ids of all users that have any administrator role.
    async fn assignees(&self) -> Result<Vec<Untrusted>, ConnectError> {
        let first = Request::get(ASSIGNEES, &[])?.list().query("limit", "100");
        let (mut next, mut all) = (Some(first), Vec::new());
        for _ in 0..PAGES {
            let Some(request) = next.take() else {
                return Ok(all);
            };
            let answer = self.http.read(&request.urgent()).await?;
            let page: Value = answer.json()?;
            let records = at(&page, "value").and_then(Value::as_array);
            let records =
                records.ok_or_else(|| answer.unusable(&"it holds no list of users".into()))?;
            for record in records {
                all.push(assignee(record).map_err(|error| unreadable(&answer, &error))?);
            }
            if let Some(link) = at(&page, "_links.next.href").and_then(Value::as_str) {
                let path = self.http.next_link(&answer, link)?;
                next = Some(Request::follow(ASSIGNEES, path));
            }
            if next.is_some() && records.is_empty() {
                return Err(answer.unusable(&"a page of the list is empty".into()));
            }
        }
        match next {
            None => Ok(all),
            Some(_) => Err(ConnectError::unsent(
                "the list of users with administrator roles does not end".into(),
            )),
        }
    }

    /// Gives the active roles of a user that is enabled; of one that is not, or is gone, none.
    async fn enabled_roles(&self, id: &str) -> Result<Vec<Assigned>, ConnectError> {
        let enabled = self
            .user(id)
            .await?
            .is_some_and(|user| user.status == AccountStatus::Active);
        if !enabled {
            return Ok(Vec::new());
        }
        let mut roles: Vec<Assigned> = Vec::new();
        for role in self.whole(ROLES, id, assigned).await? {
            // One that a user has twice, by itself and by a group, is one member all the same.
            if role.active && !roles.iter().any(|known| known.key == role.key) {
                roles.push(role);
            }
        }
        Ok(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn roles_are_told_apart_by_type_id_and_limits() -> Result<(), FieldError> {
        let standard =
            assigned(&json!({"type": "APP_ADMIN", "label": "Apps", "status": "ACTIVE"}))?;
        assert_eq!(standard.name.raw(), "Apps");
        let other = assigned(&json!({"type": "APP_ADMIN", "status": "INACTIVE"}))?;
        assert_eq!(other.key, standard.key);
        assert!(standard.active && !other.active && other.name.raw() == "APP_ADMIN");
        let custom = |role: &str, set: &str| {
            assigned(&json!({"type": "CUSTOM", "label": "L", "role": role, "resource-set": set}))
        };
        assert_eq!(custom("cr1", "ia1")?, custom("cr1", "ia1")?);
        assert_ne!(custom("cr1", "ia1")?.key, custom("cr2", "ia1")?.key);
        assert_ne!(custom("cr1", "ia1")?.key, custom("cr1", "ia2")?.key);
        assert_eq!(
            assigned(&json!({"label": "L"})),
            Err(FieldError::Missing("type"))
        );
        Ok(())
    }
}
