//! What a plan removes: read anew when it is planned and again before the send, and kept on record as it was.
//!
//! What must not live here: sending.

use std::sync::Arc;

use super::World;
use super::plan::Planned;
use crate::app::message::Message;
use crate::connect::capability::Identity;
use crate::domain::account::Account;
use crate::domain::audit::{Body, ItemNamed};
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::plan::Plan;
use crate::domain::containment::remnant::{Item, Remnant};
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::Safe;
use crate::safe;

/// Reads what may be left in an account.
pub(super) async fn read(world: Arc<World>, case: CaseId, account: AccountId) {
    let result = match world.identity(&account.connection) {
        Some(identity) => match identity.left_behind(&account).await {
            Ok(left) => Ok(Box::new(left)),
            Err(error) => Err(world.troubled(&account.connection, error).await),
        },
        None => Err(Fault::new(safe!(
            "no identity provider is named {}",
            account.connection
        ))),
    };
    let read = Message::LeftRead {
        case,
        account,
        result,
    };
    world.tell(read).await;
}

/// Reads each item anew and gives the request that removes it; one that is gone, or is another, makes no plan.
pub(super) async fn steps(
    identity: &dyn Identity,
    items: &[Item],
    account: &Account,
) -> Result<Vec<Planned>, Fault> {
    let mut steps = Vec::new();
    for item in items {
        let found = identity.remnant(&account.id, item).await?;
        let remnant = same(item, found)
            .map_err(|reason| Fault::new(safe!("planning refused: {}", reason)))?;
        let refused = |reason: Safe| {
            Fault::new(safe!(
                "{} cannot be removed from here: {}",
                item.word(),
                reason
            ))
        };
        if let Some(reason) = &remnant.kept {
            return Err(refused(reason.clone()));
        }
        let step = identity.removal(item, account);
        let step = step.map_err(|lacking| refused(lacking.reason))?;
        steps.push((step, Some(Box::new(remnant))));
    }
    Ok(steps)
}

/// Tells why what an action removes is not what was planned any more, if so.
pub(super) async fn stale(
    identity: &dyn Identity,
    account: &AccountId,
    action: &ConfirmedAction,
) -> Option<Safe> {
    let item = action.item()?;
    match identity.remnant(account, item).await {
        Ok(found) => same(item, found).err(),
        Err(error) => Some(error.what),
    }
}

fn same(item: &Item, found: Option<Remnant>) -> Result<Remnant, Safe> {
    match found {
        None => Err(safe!("{} is not listed any more", item.word())),
        Some(now) if now.item.name != item.name => Err(safe!(
            "{} is called {} now",
            item.word(),
            now.item.name.field()
        )),
        Some(now) => Ok(now),
    }
}

/// Makes the records of what a plan removes, as it was before.
pub(super) fn records(plan: &Plan) -> Vec<Body> {
    let named = plan.steps.iter().filter_map(|step| {
        let remnant = step.item.as_ref()?;
        Some(Body::ActionItem(ItemNamed {
            pid: plan.pid.clone(),
            aid: step.aid.clone(),
            item: remnant.item.clone(),
            since: remnant.since,
            before: remnant.before.clone(),
        }))
    });
    named.collect()
}
