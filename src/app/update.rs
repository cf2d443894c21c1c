//! The one place where the model changes: a message in, effects out. It never waits and reads no clock.

mod activity;
mod alerts;
mod approval;
mod by_hand;
mod closing;
mod copy;
mod documenting;
mod evidence;
mod findings;
mod hold;
mod layers;
mod leaving;
mod left;
mod list;
mod mirror;
mod open_case;
mod own_comments;
mod panes;
mod planning;
mod recovery;
mod resume;
mod run_step;
mod runbooks;
mod search;
mod secrets;
mod sources;
mod typed;
mod unfinished;
mod work;
mod world;
mod writing;

use std::mem::{Discriminant, discriminant};

pub use search::found_commands;

use super::effect::Effect;
use super::keymap::Chord;
use super::message::{Level, Message};
use super::model::{Layer, Model};
use crate::domain::containment::confirm::{DialogKey, Letter};
use crate::domain::freshness::Moment;

/// Takes one message that happened at a moment and gives what the world has to do.
pub fn update(model: &mut Model, now: Moment, message: Message) -> Vec<Effect> {
    model.now = now;
    model.lock_when_idle();
    let before = top(model);
    let mut effects = take(model, now, message);
    if opens_log(model, before) {
        effects.push(catch_up(model));
    }
    model.keep_to_exported();
    effects
}

/// How many layers there are, and which sort the top one is.
type Top = (usize, Option<Discriminant<Layer>>);

fn top(model: &Model) -> Top {
    (model.layers.len(), model.layers.last().map(discriminant))
}

/// Tells whether a layer was opened that says something by the log.
fn opens_log(model: &Model, before: Top) -> bool {
    let (depth, kind) = top(model);
    let is_opened = depth > before.0 || (depth == before.0 && kind != before.1);
    is_opened && model.layers.last().is_some_and(Layer::is_of_log)
}

/// Asks for what other consoles recorded; until it was read, nothing is said not to be in the log.
fn catch_up(model: &mut Model) -> Effect {
    model.log_unread = Some("reading the log".into());
    Effect::CatchUp
}

fn take(model: &mut Model, now: Moment, message: Message) -> Vec<Effect> {
    match message {
        Message::Key(chord) => {
            model.last_key = now;
            key(model, chord, DialogKey::Char)
        }
        Message::Bunched { chord, first } => {
            model.last_key = now;
            let letter = if first {
                DialogKey::First
            } else {
                DialogKey::Together
            };
            key(model, chord, letter)
        }
        Message::Pasted => pasted(model),
        Message::Resized { width, height } => {
            model.size = (width, height);
            Vec::new()
        }
        Message::Tick => world::tick(model),
        Message::Drawn => {
            match model.layers.last_mut() {
                Some(Layer::Confirm { confirmation, .. }) => {
                    confirmation.drawn(now.boot);
                }
                Some(Layer::Approve { consent, .. }) => {
                    consent.drawn(now.boot);
                }
                _ => {}
            }
            Vec::new()
        }
        Message::Stopped => leaving::suspend(model),
        Message::NotStopped => {
            leaving::not_suspended(model);
            Vec::new()
        }
        Message::Ended => {
            model.ending = true;
            resume::leave(model)
                .into_iter()
                .chain([Effect::Quit])
                .collect()
        }
        other => world::take(model, other),
    }
}

fn key(model: &mut Model, chord: Chord, letter: Letter) -> Vec<Effect> {
    // Whatever is open: a terminal that cannot be given back is a trap.
    if model.keymap.keys_of("suspend").contains(&chord) {
        return leaving::suspend(model);
    }
    match model.layers.last() {
        Some(layer) => match layer.context() {
            Some(context) => match model.keymap.find(context, chord) {
                Some(command) => layers::command(model, command),
                None => Vec::new(),
            },
            None => layers::raw_key(model, chord, letter),
        },
        None => {
            if let Some(command) = model.keymap.find(model.focus.context(), chord) {
                panes::command(model, command)
            } else {
                let context = model.focus.context().word();
                model.say(
                    Level::Info,
                    crate::safe!("no such key in {}: ? lists them", context),
                    None,
                );
                Vec::new()
            }
        }
    }
}

fn pasted(model: &mut Model) -> Vec<Effect> {
    let boot = model.now.boot;
    match model.layers.last_mut() {
        Some(Layer::Confirm {
            confirmation, said, ..
        }) => {
            if let crate::domain::containment::confirm::Step::Stay(line) =
                confirmation.key(DialogKey::Paste, boot)
            {
                *said = line;
            }
        }
        Some(Layer::Approve { consent, said, .. }) => {
            if let crate::domain::containment::consent::Step::Stay(line) =
                consent.key(DialogKey::Paste, boot)
            {
                *said = line;
            }
        }
        _ => model.say(Level::Warning, "paste is refused: type it", None),
    }
    Vec::new()
}
