//! What an action makes that a person hands over: a new password, or the link to choose one.
//!
//! It goes to the console and nowhere else; a record says only that it waits there. What must not live here: showing it.

use std::sync::Arc;

use super::super::{World, recover};
use super::answer::Answer;
use super::{Halt, because};
use crate::app::message::{Handed, Level, Message};
use crate::connect::capability::Identity;
use crate::domain::audit::{Body, SecretSaid, SecretState};
use crate::domain::containment::confirm::{ConfirmedAction, ConfirmedPlan};
use crate::domain::containment::kind::ActionKind;
use crate::domain::fault::Fault;
use crate::domain::one_time::OneTime;
use crate::safe;

/// Makes the password that an action sends, where it sends one; nobody has seen it before the answer came.
pub(super) fn made_for(
    action: &ConfirmedAction,
    identity: &dyn Identity,
) -> Result<Option<Arc<OneTime>>, Halt> {
    if !identity.takes_password(action.kind()) {
        return Ok(None);
    }
    let made = crate::engine::clock::password();
    let made = made.ok_or_else(|| because("the system gives no random numbers".into()))?;
    Ok(Some(Arc::new(made)))
}

/// Gives what is to be handed over to the console, once the answer is on record; it is in no record itself.
pub(super) async fn hand_over(
    world: &World,
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    secret: Option<Arc<OneTime>>,
    meaning: &Answer,
) {
    let may_work = matches!(meaning, Answer::Perhaps);
    if action.kind() != ActionKind::ResetPassword || !may_work {
        return;
    }
    let Some(secret) = secret else {
        let line = safe!(
            "reset password of {}: no link came with the answer",
            plan.account().login.field()
        );
        let again = world.reset_again(&plan.account().id.connection);
        let fault = Fault::new(line).hint(safe!("once it is read back, {} to get one", again));
        world.notice(Level::Warning, fault).await;
        return;
    };
    recover::hold_secret(world, action.aid());
    let waits = Body::ActionSecret(SecretSaid {
        aid: action.aid().clone(),
        state: SecretState::Waits,
    });
    // A log that fails now says so itself; whoever is to hand the secret over needs it all the same.
    let _ = world.journal.record(vec![waits]).await;
    let handed = Handed {
        aid: action.aid().clone(),
        login: plan.account().login.clone(),
        secret,
    };
    world.tell(Message::Handed(handed)).await;
}
