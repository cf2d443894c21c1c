//! What a plan removes: read anew when it is planned and again before the send, and kept on record as it was.
//!
//! What must not live here: sending.

use std::sync::Arc;

use super::World;
use super::plan::Planned;
use crate::app::message::Message;
use crate::connect::capability::Identity;
use crate::domain::account::{Account, Factor};
use crate::domain::audit::{Body, ItemNamed};
use crate::domain::containment::caps;
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::containment::plan::Plan;
use crate::domain::containment::remnant::{Item, Remnant, RemnantKind};
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Status of a method that passes a sign-in.
const ACTIVE: &str = "ACTIVE";

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

/// Says how many MFA methods stay where a plan takes several: what is said of each alone counts the others as there.
///
/// One that passes no sign-in now, for it is not active or only a way to have the password back, is none that stays.
pub(super) fn methods_left(account: &Account, items: &[Item]) -> Option<Safe> {
    let methods = account.factors.as_deref()?;
    // Some ids of things have the type of the method in front.
    let is_id = |item: &Item, id: &Untrusted| {
        item.id == *id
            || item
                .id
                .raw()
                .rsplit_once('/')
                .is_some_and(|(_, last)| last == id.raw())
    };
    let is_taken = |method: &&Factor| {
        let mut items = items.iter();
        items.any(|item| item.kind == RemnantKind::MfaMethod && is_id(item, &method.id))
    };
    let (taken, others): (Vec<&Factor>, Vec<&Factor>) = methods.iter().partition(is_taken);
    let passes = |method: &&&Factor| method.status.raw().eq_ignore_ascii_case(ACTIVE);
    let stay = others.iter().filter(passes).count();
    match (taken.len(), stay) {
        (..=1, _) => None,
        (_, 0) => Some(safe!(
            "this plan takes all {} MFA methods: whoever knows the password can enrol one of their own then",
            taken.len()
        )),
        (_, stay) => Some(safe!(
            "this plan takes {} of {} MFA methods: {} at most stay after it",
            taken.len(),
            taken.len() + stay,
            stay
        )),
    }
}

/// Reads each item anew and gives the request that removes it; one that is gone, or is another, makes no plan.
pub(super) async fn steps(
    identity: &dyn Identity,
    items: &[Item],
    account: &Account,
) -> Result<Vec<Planned>, Fault> {
    if let Some(reason) = caps::beyond_plan(items.len()) {
        return Err(Fault::new(safe!("planning refused: {}", reason)));
    }
    let mut steps = Vec::new();
    for item in items {
        let found = identity.remnant(&account.id, item).await?;
        let remnant = same(item, found)
            .map_err(|reason| Fault::new(safe!("planning refused: {}", reason)))?;
        if let Some(reason) = &remnant.kept {
            return Err(Fault::new(not_from_here(item, reason)));
        }
        let step = identity.removal(item, account);
        let step = step.map_err(|lacking| Fault::new(not_from_here(item, &lacking.reason)))?;
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
        Ok(found) => changed(item, found),
        Err(error) => Some(error.what),
    }
}

/// Tells why a thing is not to be removed as it is now, if so: it is gone, another, or cannot be removed any more.
fn changed(item: &Item, found: Option<Remnant>) -> Option<Safe> {
    same(item, found).map_or_else(Some, |now| {
        now.kept.map(|reason| not_from_here(item, &reason))
    })
}

fn not_from_here(item: &Item, reason: &Safe) -> Safe {
    safe!("{} cannot be removed from here: {}", item.word(), reason)
}

fn same(item: &Item, found: Option<Remnant>) -> Result<Remnant, Safe> {
    match found.filter(|now| now.item.is_same(item)) {
        None => Err(safe!("{} is not listed any more", item.word())),
        Some(now) if item.kind.has_name() && now.item.name != item.name => Err(safe!(
            "{} is called {} now",
            item.word(),
            now.item.name.field()
        )),
        Some(now) => Ok(now),
    }
}

/// Makes the records of what a plan removes, as it was before, whole.
pub(super) fn records(plan: &Plan) -> Vec<Body> {
    let named = plan.steps.iter().filter_map(|step| {
        let remnant = step.item.as_ref()?;
        Some(ItemNamed {
            pid: plan.pid.clone(),
            aid: step.aid.clone(),
            item: remnant.item.clone(),
            since: remnant.since,
            before: remnant.before.clone(),
        })
    });
    let recorded = named.flat_map(|named| {
        let parts = named.parts().into_iter().map(Body::ActionBefore);
        std::iter::once(Body::ActionItem(named)).chain(parts.collect::<Vec<_>>())
    });
    recorded.collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn found(item: &Item) -> Remnant {
        Remnant::new(item.clone(), &json!({}))
    }

    #[rstest]
    #[case(RemnantKind::Session, true)]
    #[case(RemnantKind::RefreshToken, true)]
    #[case(RemnantKind::OauthGrant, false)]
    #[case(RemnantKind::MfaMethod, false)]
    #[case(RemnantKind::InboxRule, false)]
    fn another_name_is_another_thing_only_where_the_name_is_its_own(
        #[case] kind: RemnantKind,
        #[case] is_same: bool,
    ) {
        let planned = Item::new(kind, "a", "mail");
        let now = found(&Item::new(kind, "a", "mail, files"));
        assert_eq!(same(&planned, Some(now.clone())).is_ok(), is_same);
        assert_eq!(changed(&planned, Some(now)).is_none(), is_same);
        assert_eq!(changed(&planned, Some(found(&planned))), None);
    }

    fn account(methods: &[&str]) -> Account {
        let factors = methods.iter().map(|id| {
            let (status, id) = id.split_once(':').unwrap_or((ACTIVE, *id));
            Factor {
                id: id.into(),
                kind: "push".into(),
                status: status.into(),
                created: None,
            }
        });
        Account {
            factors: Some(factors.collect()),
            ..crate::domain::containment::samples::account()
        }
    }

    #[rstest]
    #[case(&["a", "b"], &["a", "b"], "takes all 2 MFA methods")]
    #[case(&["a", "b", "c"], &["a", "c"], "takes 2 of 3 MFA methods: 1 at most stay")]
    #[case(&["a", "b"], &["phone/a", "fido2/b"], "takes all 2 MFA methods")]
    #[case(&["a", "b"], &["b"], "")]
    #[case(&["a", "b"], &["a", "c"], "")]
    #[case(&["a", "b", "recovery only:c"], &["a", "b"], "takes all 2 MFA methods")]
    #[case(&["a", "b", "recovery only:c", "active:d"], &["a", "b"], "takes 2 of 3 MFA methods: 1 at most stay")]
    #[case(&["a", "PENDING_ACTIVATION:b"], &["a", "b"], "takes all 2 MFA methods")]
    #[case(&["a", "recovery only:b"], &["a"], "")]
    // The step itself says that it takes the last one.
    #[case(&["a"], &["a"], "")]
    #[case(&[], &["a"], "")]
    fn a_plan_that_takes_several_methods_says_what_stays(
        #[case] there: &[&str],
        #[case] removed: &[&str],
        #[case] says: &str,
    ) {
        let items: Vec<Item> = removed
            .iter()
            .map(|id| Item::new(RemnantKind::MfaMethod, *id, "push"))
            .collect();
        let said = methods_left(&account(there), &items);
        assert_eq!(said.is_some(), !says.is_empty());
        assert!(said.unwrap_or_default().as_str().contains(says));
        // A session with the id of a method takes no method away.
        let others: Vec<Item> = removed
            .iter()
            .map(|id| Item::new(RemnantKind::Session, *id, "push"))
            .collect();
        assert_eq!(methods_left(&account(there), &others), None);
    }

    #[test]
    fn what_has_another_id_is_not_what_was_planned() {
        let planned = Item::new(RemnantKind::Session, "a", "mail");
        let other = found(&Item::new(RemnantKind::Session, "b", "mail"));
        for now in [None, Some(other)] {
            let reason = changed(&planned, now);
            let reason = reason.as_ref().map(Safe::as_str);
            assert_eq!(reason, Some("session mail is not listed any more"));
        }
    }

    #[test]
    fn what_cannot_be_removed_any_more_is_not_removed() {
        let planned = Item::new(RemnantKind::OauthGrant, "a", "Mail Sync");
        let now = Remnant {
            kept: Some("it is of the whole tenant".into()),
            ..found(&planned)
        };
        let reason = changed(&planned, Some(now));
        let reason = reason.as_ref().map(Safe::as_str);
        assert_eq!(
            reason,
            Some("OAuth grant Mail Sync cannot be removed from here: it is of the whole tenant")
        );
    }
}
