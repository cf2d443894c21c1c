//! Who else has an account's administrator roles.
//!
//! The members of a role are listed by their ids; whether one is enabled is a question of its own. A group in a role is not
//! opened: its users do not count, so the count is never too high. Source: Microsoft Graph v1.0, `directoryRole: members`.
//!
//! What must not live here: how many must stay (`domain::containment::administrators`).

use super::wire::{self, Member};
use super::{Entra, get};
use crate::connect::capability::ConnectError;
use crate::domain::account::AccountStatus;
use crate::domain::containment::administrators::{LEAST, RoleHeld};
use crate::domain::ids::AccountId;
use crate::domain::text::Untrusted;
use crate::safe;

const MEMBERS: &str = "/v1.0/directoryRoles/{directoryRole-id}/members";

/// Users asked about at the same time, and at most.
const AT_ONCE: usize = 8;
const MOST: usize = 200;

impl Entra {
    /// Counts the other enabled members of every role of an account, each up to [`LEAST`].
    pub(super) async fn count_administrators(
        &self,
        id: &AccountId,
        gone: &[AccountId],
    ) -> Result<Vec<RoleHeld>, ConnectError> {
        let mut held = Vec::new();
        if self.own.get().is_some_and(|(own, _)| own == id) {
            return Ok(held);
        }
        for member in self.members_of(id.raw()).await? {
            let Member::Role(role, name) = member else {
                continue;
            };
            let others = self.others_in(&role, id, gone).await?;
            let name = name.unwrap_or(role);
            held.push(RoleHeld { role: name, others });
        }
        Ok(held)
    }

    async fn others_in(
        &self,
        role: &Untrusted,
        id: &AccountId,
        gone: &[AccountId],
    ) -> Result<usize, ConnectError> {
        let request = get(MEMBERS, &[role.raw()])?;
        let members = self.whole(request, MEMBERS, wire::user_in_role).await?;
        let members: Vec<Untrusted> = members
            .into_iter()
            .flatten()
            .filter(|other| {
                other.raw() != id.raw() && !gone.iter().any(|gone| gone.raw() == other.raw())
            })
            .collect();
        let (mut others, mut asked) = (0, 0);
        for group in members.chunks(AT_ONCE) {
            if others >= LEAST {
                break;
            }
            asked += group.len();
            if asked > MOST {
                return Err(ConnectError::unsent(safe!(
                    "more than {} users have the role {}; the rest was not asked about",
                    MOST,
                    role.field()
                )));
            }
            let answers = group.iter().map(|other| self.user(other.raw()));
            for user in futures::future::join_all(answers).await {
                let is_enabled =
                    user?.is_some_and(|(user, _)| user.status == AccountStatus::Active);
                others += usize::from(is_enabled);
            }
        }
        Ok(others.min(LEAST))
    }
}
