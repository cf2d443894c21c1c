//! Who else has an account's administrator roles.
//!
//! A role that others have by a group does not count for them: members of groups are not read here, so the count may be
//! too small and never too large. Source: Directory API v1, `roleAssignments.list`, `users.list` with `isAdmin=true`.
//!
//! What must not live here: how many must stay (`domain::containment::administrators`).

use super::scope::Scope;
use super::{ASSIGNMENTS, CUSTOMER, Google, USERS, wire};
use crate::connect::capability::ConnectError;
use crate::connect::http::Request;
use crate::domain::account::AccountStatus;
use crate::domain::containment::administrators::{LEAST, RoleHeld};
use crate::domain::ids::AccountId;
use crate::domain::text::Untrusted;
use crate::safe;

/// Most users of one role that are asked about.
const MOST: usize = 200;

impl Google {
    /// Counts the other enabled members of every role of an account, each up to [`LEAST`].
    pub(super) async fn count_administrators(
        &self,
        id: &AccountId,
        gone: &[AccountId],
    ) -> Result<Vec<RoleHeld>, ConnectError> {
        let is_other =
            |other: &str| other != id.raw() && !gone.iter().any(|one| one.raw() == other);
        let (user, assigned) = futures::join!(self.user(id.raw()), self.assignments(id.raw()));
        let Some((_, record)) = user? else {
            return Err(ConnectError::unsent("the account is not found".into()));
        };
        let rank = wire::rank(&record).map_err(|error| {
            let said = Untrusted::new(error.to_string());
            ConnectError::unsent(safe!("the user record: {}", said.line()))
        })?;
        let mut held = Vec::new();
        if rank.is_super {
            let others = self.super_administrators().await?;
            let others = others.iter().filter(|other| is_other(other.raw()));
            held.push(RoleHeld {
                role: "super administrator".into(),
                others: others.take(LEAST).count(),
            });
        }
        let mut seen: Vec<Untrusted> = Vec::new();
        for own in assigned? {
            if seen.contains(&own.role) {
                continue;
            }
            let mut others = Vec::new();
            for other in self.assigned_to(&own.role).await? {
                let is_new = !others.contains(&other.to);
                if !other.is_group && !other.is_limited && is_other(other.to.raw()) && is_new {
                    others.push(other.to);
                }
            }
            held.push(RoleHeld {
                others: self.enabled(&others).await?,
                role: Untrusted::new(format!("number {}", own.role.raw())),
            });
            seen.push(own.role);
        }
        Ok(held)
    }

    async fn super_administrators(&self) -> Result<Vec<Untrusted>, ConnectError> {
        let request = Request::get(USERS, &[])?
            .query("customer", CUSTOMER)
            .query("query", "isAdmin=true")
            .query("maxResults", "100");
        let connection = self.connection.clone();
        let all = self.list(Scope::Users, request, "users", |record| {
            let is_admin = wire::rank(record)?.is_super;
            Ok((wire::user(record, &connection)?, is_admin))
        });
        let enabled = all
            .await?
            .into_iter()
            .filter(|(account, is_admin)| *is_admin && account.status == AccountStatus::Active);
        Ok(enabled
            .map(|(account, _)| account.id.raw().into())
            .collect())
    }

    async fn assigned_to(&self, role: &Untrusted) -> Result<Vec<wire::Assignment>, ConnectError> {
        let request = Request::get(ASSIGNMENTS, &[CUSTOMER])?
            .query("roleId", role.raw())
            .query("maxResults", "200");
        self.list(Scope::Roles, request, "items", wire::assignment)
            .await
    }

    /// Counts those that are enabled, up to [`LEAST`].
    async fn enabled(&self, users: &[Untrusted]) -> Result<usize, ConnectError> {
        let mut count = 0;
        for (asked, user) in users.iter().enumerate() {
            if count >= LEAST {
                break;
            }
            if asked >= MOST {
                return Err(ConnectError::unsent(safe!(
                    "more than {} users have one of the roles; the rest was not asked about",
                    MOST
                )));
            }
            // What is assigned to a service account is no user's.
            let user = self.user(user.raw()).await?;
            let is_enabled = user.is_some_and(|(user, _)| user.status == AccountStatus::Active);
            count += usize::from(is_enabled);
        }
        Ok(count)
    }
}
