//! What a key does on the list of unfinished actions: read back, send again, close.
//!
//! What must not live here: the cursor of the list (`model`), writing the reason (`writing`).

use super::{panes, planning};
use crate::app::effect::Effect;
use crate::app::message::Level;
use crate::app::model::{Layer, Model, Purpose};
use crate::domain::containment::ledger::ActionView;
use crate::domain::ids::ActionId;
use crate::safe;

fn at_cursor(model: &mut Model) -> Option<ActionId> {
    let Some(Layer::Unfinished { aid, .. }) = model.layers.last() else {
        return None;
    };
    let known = aid
        .clone()
        .filter(|aid| model.ledger.get(aid).is_some_and(ActionView::is_unfinished));
    if known.is_none() && model.ledger.unfinished().next().is_some() {
        let line = "the action under the cursor has its final word; choose another";
        model.say(Level::Info, line, None);
    }
    known
}

pub(super) fn check_again(model: &mut Model) -> Vec<Effect> {
    let Some(aid) = at_cursor(model) else {
        return Vec::new();
    };
    model.say(Level::Info, "reading the provider back", None);
    vec![Effect::CheckAgain(aid)]
}

/// Asks why the action is closed; of one that is under way it says what that stops.
pub(super) fn close(model: &mut Model) {
    let Some(aid) = at_cursor(model) else {
        return;
    };
    let action = model.ledger.get(&aid);
    if action.is_some_and(|action| action.state.is_running()) {
        let line = "it is under way: closing stops this action where it was not sent yet, and what was sent is still read back";
        model.say(Level::Warning, line, None);
    }
    panes::write(model, Purpose::Close(aid));
}

/// Sending again is a new plan of the same kind with its own confirmation; the old action stays what it is.
pub(super) fn send_again(model: &mut Model) -> Vec<Effect> {
    let Some(action) = at_cursor(model).and_then(|aid| model.ledger.get(&aid).cloned()) else {
        return Vec::new();
    };
    let here = model.open.as_ref().is_some_and(|open| {
        open.the_account()
            .is_some_and(|account| account.id == action.account)
    });
    if !here {
        let line = safe!(
            "open the case of {} first: sending again needs its account",
            action.login.field()
        );
        model.say(Level::Warning, line, None);
        return Vec::new();
    }
    if action.state.is_running() {
        let line = safe!(
            "{} of {} is on its way ({}): it can be sent again once its word is unknown",
            action.kind.word(),
            action.login.field(),
            action.word()
        );
        model.say(Level::Warning, line, None);
        return Vec::new();
    }
    model.layers.pop();
    let items = action.item.into_iter().collect();
    planning::plan(model, vec![action.kind], items)
}
