//! Leaving the console: for good, or for a while.
//!
//! What must not live here: what is kept of the open case (see `resume`).

use super::{resume, secrets};
use crate::app::approvals;
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::{Layer, Model};
use crate::safe;

/// Ends the console; asks first while something is not finished, or what was typed is nowhere else.
pub(super) fn quit(model: &mut Model) -> Vec<Effect> {
    let running = model.unfinished() > 0
        || approvals::awaited(model).next().is_some()
        || !model.ledger.undocumented().is_empty();
    let is_typed = !model.typed.is_empty() || model.typed.perhaps().next().is_some();
    if running || !model.handed.is_empty() || is_typed {
        model.layers.push(Layer::QuitAnyway);
        return Vec::new();
    }
    end(model)
}

/// Ends the console; where the open case is left is on record, and that what waited to be handed over is forgotten.
pub(super) fn end(model: &mut Model) -> Vec<Effect> {
    model.ending = true;
    resume::leave(model)
        .into_iter()
        .chain(secrets::leave(model))
        .chain([Effect::Quit])
        .collect()
}

/// Gives the terminal back, unless an action is on its way: a stopped process proves nothing.
pub(super) fn suspend(model: &mut Model) -> Vec<Effect> {
    let running = model.going.len()
        + model
            .ledger
            .unfinished()
            .filter(|action| action.state.is_running())
            .count();
    if running > 0 {
        let line = safe!(
            "not suspended: {} actions are on their way and would stand still",
            running
        );
        model.say(
            Level::Warning,
            line,
            Some("R shows them; try again when they are proven".into()),
        );
        return Vec::new();
    }
    vec![Effect::Suspend]
}

/// Says that the terminal was kept: who stops where no shell waits is gone for good.
pub(super) fn not_suspended(model: &mut Model) {
    model.say(
        Level::Warning,
        "not suspended: no shell waits behind this console that could bring it back",
        Some("as under a forced SSH command; q quits".into()),
    );
}
