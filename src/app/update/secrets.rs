//! What an action made to be handed over: kept until it was shown once, then forgotten.
//!
//! It is in the model and in the layer that shows it, in no record, message, draft or copy. What must not live here: how
//! it is drawn.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::{Handed, Level};
use crate::app::model::{Layer, Model};
use crate::domain::containment::state::ActionState;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most secrets that wait at once; the oldest is forgotten first.
const MOST: usize = 8;
/// How long one waits for the key that shows it.
pub const KEPT: Duration = Duration::from_secs(15 * 60);

fn what(handed: &Handed) -> Safe {
    let kind = handed.secret.kind().word();
    safe!("the {} for {}", kind, handed.login.field())
}

/// Takes a secret of an action.
pub(super) fn take(model: &mut Model, handed: Handed) {
    let key = model.keymap.keys_of("show-secret").first();
    let key = key.map_or_else(Safe::default, |chord| {
        Untrusted::new(chord.to_string()).field()
    });
    let line = safe!("{} is here: {} shows it once", what(&handed), key);
    // The send more after a 429 carries the same one.
    model.handed.retain(|(old, _)| old.aid != handed.aid);
    if model.handed.len() == MOST {
        model.handed.remove(0);
    }
    model.handed.push((handed, model.now));
    model.say(Level::Warning, line, Some("it is kept nowhere".into()));
}

/// Shows the newest one that waits; from here on only the layer has it.
pub(super) fn show(model: &mut Model) {
    match model.handed.pop() {
        Some((handed, _)) => model.layers.push(Layer::Secret(Box::new(handed))),
        None => model.say(Level::Info, "nothing waits to be handed over", None),
    }
}

/// Closes the layer on Esc or q and forgets what it showed; any other key leaves it open.
pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let leaves = chord == Chord::plain(Key::Esc) || chord == Chord::char('q');
    if leaves && let Some(Layer::Secret(handed)) = model.layers.pop() {
        let line = safe!("{} is forgotten here", what(&handed));
        model.say(Level::Info, line, None);
    }
    Vec::new()
}

/// Forgets what certainly opens nothing: of an action that the provider refused or that had no effect.
pub(super) fn judge(model: &mut Model) {
    let void = |handed: &Handed, model: &Model| {
        let action = model.ledger.get(&handed.aid);
        action.is_some_and(|action| {
            action.ended.is_some()
                && matches!(
                    action.state,
                    ActionState::Rejected | ActionState::NotSent | ActionState::NotEffective
                )
        })
    };
    forget(model, void, "the action had no effect");
}

/// Forgets what waited too long.
pub(super) fn tick(model: &mut Model) {
    let old: Vec<_> = model
        .handed
        .iter()
        .filter(|(_, since)| model.age(*since) >= KEPT)
        .map(|(handed, _)| handed.aid.clone())
        .collect();
    forget(
        model,
        |handed, _| old.contains(&handed.aid),
        "nobody looked at it for 15 minutes; reset the password again",
    );
}

fn forget(model: &mut Model, is_gone: impl Fn(&Handed, &Model) -> bool, why: &'static str) {
    let (gone, kept) = std::mem::take(&mut model.handed)
        .into_iter()
        .partition(|(handed, _): &(Handed, _)| is_gone(handed, model));
    model.handed = kept;
    for (handed, _) in gone {
        let line = safe!("{} is forgotten", what(&handed));
        model.say(Level::Warning, line, Some(why.into()));
    }
}
