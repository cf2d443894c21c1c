//! Asking for a plan: of a choice of the actions, of kinds, or of what is to be removed.
//!
//! What must not live here: the confirmation (see `layers`), what a plan is made of (see the engine).

use super::panes::write;
use crate::app::actions::{self, Choice, Readiness};
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::{Held, Layer, Model, Purpose};
use crate::app::window;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::Item;
use crate::safe;

/// Plans a choice, or asks for the reason of a decision.
pub(super) fn choose(model: &mut Model, choice: Choice) -> Vec<Effect> {
    if let Readiness::No(reason) = actions::readiness(model, choice) {
        model.say(Level::Warning, safe!("{}: {}", choice.word(), reason), None);
        return Vec::new();
    }
    match choice {
        Choice::Monitor => write(model, Purpose::MonitorOnly),
        Choice::Nothing => write(model, Purpose::NoAction),
        _ => return plan(model, choice.kinds().to_vec(), Vec::new()),
    }
    Vec::new()
}

/// Asks for a plan on the account of the open case: of these kinds, or to remove these items.
pub(super) fn plan(model: &mut Model, kinds: Vec<ActionKind>, items: Vec<Item>) -> Vec<Effect> {
    super::closing::given_up(model);
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let (Some(account), Some(user)) = (open.the_account(), &open.user) else {
        return Vec::new();
    };
    let window = window::span(model);
    let of = Box::new(Held {
        case: open.id.clone(),
        account: account.id.clone(),
        login: account.login.clone(),
    });
    let effect = Effect::MakePlan {
        case: open.id.clone(),
        account: account.id.clone(),
        asked_for: user.clone(),
        kinds: kinds.clone(),
        items: items.clone(),
        window,
    };
    model.layers.push(Layer::Planning { kinds, items, of });
    vec![effect]
}
