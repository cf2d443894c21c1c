//! Picking up what an earlier process left: read back, never sent again.

use std::sync::{Arc, PoisonError};

use super::World;
use super::journal::own;
use super::respond::outcome;
use super::{outbox, prove};
use crate::app::message::Level;
use crate::domain::audit::{Body, OutcomeState};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::domain::ids::ActionId;
use crate::safe;
use crate::store::lease;

/// Tells whether this process takes the action over for the first time. Two consoles that take turns would otherwise say
/// so at every look.
fn first(world: &World, aid: &ActionId) -> bool {
    let mut adopted = world.adopted.lock().unwrap_or_else(PoisonError::into_inner);
    adopted.insert(aid.clone())
}

pub(super) async fn unfinished(world: Arc<World>) {
    let open: Vec<ActionView> = world
        .journal
        .with(|ledger| ledger.unfinished().cloned().collect());
    for action in open {
        let lease = match lease::take(&world.leases, &action.aid) {
            Ok(Some(lease)) => lease,
            // Its owner is alive: another console of this user.
            Ok(None) => continue,
            Err(error) => {
                let error = own(error.to_string());
                let line = safe!("failed to take over an unfinished action: {}", error.line());
                world.notice(Level::Error, Fault::new(line)).await;
                continue;
            }
        };
        // Its owner may have said the last word between our look and the lease.
        world.journal.catch_up().await;
        let Some(action) = world
            .journal
            .action(&action.aid)
            .filter(ActionView::is_unfinished)
        else {
            lease::clear(&world.leases, &action.aid);
            continue;
        };
        let lost = action.kind == ActionKind::ResetPassword
            && action.sess != *world.journal.session()
            && action.sent.is_some();
        let adopted = if action.state == ActionState::Confirmed {
            // There is no intent, so nothing of it ever left.
            let evidence = "the console ended before it was sent".to_owned();
            vec![outcome(
                &action.aid,
                OutcomeState::Abandoned,
                evidence,
                None,
            )]
        } else if action.sess == *world.journal.session() || !first(&world, &action.aid) {
            // Our own, or taken over before, and not readable so far: read again, with nothing new to say.
            Vec::new()
        } else {
            vec![Body::ActionAdopt {
                aid: action.aid.clone(),
                owner_pid: action.pid_os,
            }]
        };
        let is_news = !adopted.is_empty();
        if is_news && world.journal.record(adopted).await.is_err() {
            return;
        }
        if lost && is_news {
            let login = action.login.field();
            let line = safe!(
                "reset password of {}: what was to be handed over is lost",
                login
            );
            let hint = "it was in the memory of the console that ended; once it is read back, reset it again";
            world
                .notice(Level::Warning, Fault::new(line).hint(hint))
                .await;
        }
        if action.state == ActionState::Confirmed {
            lease::clear(&world.leases, &action.aid);
            continue;
        }
        // Not waited for: a proof may take minutes, and other consoles are to be heard meanwhile.
        let shared = Arc::clone(&world);
        world.spawn(async move {
            prove::prove(Arc::clone(&shared), action.aid, Some(lease)).await;
            outbox::document(shared, action.pid).await;
        });
    }
}
