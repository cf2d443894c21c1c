//! What an action made to be handed over: kept until it was shown once, then forgotten.
//!
//! It is in the model and in the layer that shows it, in no record, message, draft or copy; what came of it is on record,
//! so that a console that starts later knows. What must not live here: how it is drawn.

use std::time::Duration;

use super::open_case::{look_up_after, read_account};
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::{Handed, Level};
use crate::app::model::{Layer, Model, Showing};
use crate::domain::audit::{Body, SecretSaid, SecretState};
use crate::domain::containment::ledger::Worth;
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::clock_word;
use crate::domain::ids::ActionId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most secrets that wait at once; the oldest is forgotten first.
const MOST: usize = 8;
/// How long one waits for the key that shows it.
pub const KEPT: Duration = Duration::from_secs(15 * 60);
/// How long ago the account was last asked for at least when a tick asks for it again while one is shown: others may set
/// another password.
const AGAIN: Duration = Duration::from_secs(5);

fn what(handed: &Handed) -> Safe {
    let kind = handed.secret.kind().word();
    safe!("the {} for {}", kind, handed.login.field())
}

fn said(handed: &Handed, state: SecretState) -> Body {
    Body::ActionSecret(SecretSaid {
        aid: handed.aid.clone(),
        state,
    })
}

/// Takes a secret of an action.
pub(super) fn take(model: &mut Model, handed: Handed) -> Vec<Effect> {
    let mut effects = Vec::new();
    let key = model.keymap.keys_of("show-secret").first();
    let key = key.map_or_else(Safe::default, |chord| {
        Untrusted::new(chord.to_string()).field()
    });
    let line = safe!("{} is here: {} shows it once", what(&handed), key);
    // The send more after a 429 carries the same one.
    model.handed.retain(|(old, _)| old.aid != handed.aid);
    if model.handed.len() == MOST {
        let (oldest, _) = model.handed.remove(0);
        effects.push(Effect::Record(vec![said(&oldest, SecretState::Forgotten)]));
    }
    let hint = match model.worth(&handed.aid) {
        Worth::Unanswered | Worth::Void => {
            "the provider did not say that it was set: it may not open the account"
        }
        Worth::PerhapsReplaced | Worth::Replaced => {
            "a later reset may have replaced it: it may not open the account"
        }
        Worth::Changed(_) => {
            "the password was changed since: it does not open the account any more"
        }
        Worth::Proven | Worth::Accepted | Worth::Unproven => "it is kept nowhere",
    };
    model.handed.push((handed, model.now));
    model.say(Level::Warning, line, Some(hint.into()));
    effects
}

/// Shows the newest one that waits, and has its account read again; from here on only the layer has it.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    let Some((handed, _)) = model.handed.pop() else {
        model.say(Level::Info, "nothing waits to be handed over", None);
        return Vec::new();
    };
    let mut effects = vec![Effect::Record(vec![said(&handed, SecretState::Shown)])];
    let is_of_open = model.is_of_open(&handed.aid);
    model.showing = Some(Showing {
        is_awaited: is_of_open,
    });
    model.layers.push(Layer::Secret(Box::new(handed)));
    if is_of_open {
        effects.extend(read_account(model));
    }
    effects
}

/// Has the account of the secret that is shown read again, where it is that of the open case.
fn read_again(model: &mut Model) -> Vec<Effect> {
    let is_shown = model.layers.iter().any(|layer| match layer {
        Layer::Secret(handed) => model.is_of_open(&handed.aid),
        _ => false,
    });
    if !is_shown {
        return Vec::new();
    }
    look_up_after(model, AGAIN)
}

/// Forgets all that wait, because the analyst ends the console and was told that they go with it.
pub(super) fn leave(model: &mut Model) -> Option<Effect> {
    let gone = std::mem::take(&mut model.handed);
    let bodies: Vec<Body> = gone
        .iter()
        .map(|(handed, _)| said(handed, SecretState::Forgotten))
        .collect();
    (!bodies.is_empty()).then_some(Effect::Record(bodies))
}

/// Closes the layer on Esc or q and forgets what it showed; any other key leaves it open.
pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let leaves = chord == Chord::plain(Key::Esc) || chord == Chord::char('q');
    if leaves && let Some(Layer::Secret(handed)) = model.layers.pop() {
        model.showing = None;
        let line = safe!("{} is forgotten here", what(&handed));
        model.say(Level::Info, line, None);
    }
    Vec::new()
}

/// Forgets what certainly opens nothing: of an action that the provider refused or that had no effect.
pub(super) fn judge(model: &mut Model) -> Vec<Effect> {
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
    let mut effects = forget(model, void, "the action had no effect");
    let replaced = |handed: &Handed, model: &Model| model.worth(&handed.aid) == Worth::Replaced;
    effects.extend(forget(model, replaced, "a later reset made it void"));
    effects
}

/// Lists what waits or is shown, with what each is worth.
pub(super) fn worths(model: &Model) -> Vec<(ActionId, Worth)> {
    let all = model.secrets().map(|handed| &handed.aid);
    all.map(|aid| (aid.clone(), model.worth(aid))).collect()
}

/// Says once of what waits or is shown that it opens the account no more, or perhaps not, where that was not so before the
/// news.
pub(super) fn say_changed(model: &mut Model, before: &[(ActionId, Worth)]) {
    let was = |aid: &ActionId| before.iter().find(|(of, _)| of == aid).map(|(_, was)| *was);
    let lines: Vec<(Safe, Safe)> = model
        .secrets()
        .filter_map(|handed| {
            let worth = model.worth(&handed.aid);
            let is_news = was(&handed.aid).is_some_and(|was| was != worth);
            let why: Safe = match worth {
                Worth::PerhapsReplaced => "a later reset may have replaced it".into(),
                Worth::Replaced => "a later reset replaced it".into(),
                Worth::Changed(at) => safe!(
                    "the password was changed since, {}: it does not open the account any more",
                    clock_word(at)
                ),
                _ => return None,
            };
            is_news.then(|| (safe!("{} is not to be relied on", what(handed)), why))
        })
        .collect();
    for (line, why) in lines {
        model.say(Level::Warning, line, Some(why));
    }
}

/// Forgets what waited too long, and has the account read again whose secret is shown.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let old: Vec<_> = model
        .handed
        .iter()
        .filter(|(_, since)| model.age(*since) >= KEPT)
        .map(|(handed, _)| handed.aid.clone())
        .collect();
    let mut effects = forget(
        model,
        |handed, _| old.contains(&handed.aid),
        "nobody looked at it for 15 minutes; reset the password again",
    );
    effects.extend(read_again(model));
    effects
}

fn forget(
    model: &mut Model,
    is_gone: impl Fn(&Handed, &Model) -> bool,
    why: &'static str,
) -> Vec<Effect> {
    let (gone, kept) = std::mem::take(&mut model.handed)
        .into_iter()
        .partition(|(handed, _): &(Handed, _)| is_gone(handed, model));
    model.handed = kept;
    let mut bodies = Vec::new();
    for (handed, _) in gone {
        bodies.push(said(&handed, SecretState::Forgotten));
        let line = safe!("{} is forgotten", what(&handed));
        model.say(Level::Warning, line, Some(why.into()));
    }
    if bodies.is_empty() {
        return Vec::new();
    }
    vec![Effect::Record(bodies)]
}
