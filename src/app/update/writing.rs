//! Writing a reason or a note, and what follows when it is finished.

use ratatui_textarea::{Input, Key as AreaKey};

use super::layers::typable;
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::Level;
use crate::app::model::{Layer, Model, Purpose};
use crate::domain::audit::{Body, DecisionKind, TickState};
use crate::domain::runbook::StepKey;
use crate::domain::text::Untrusted;

/// Most characters of a written text.
const TEXT_MAX: usize = 4_000;

pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Layer::Writing { purpose, area, esc }) = model.layers.last_mut() else {
        return Vec::new();
    };
    let again = *esc;
    *esc = false;
    let save = chord
        == Chord {
            key: Key::Char('s'),
            ctrl: true,
            alt: false,
        };
    let finish = save || (chord.key == Key::Enter && !purpose.many_lines());
    if finish {
        return finished(model);
    }
    let empty = area.lines().iter().all(|line| line.trim().is_empty());
    if chord.key == Key::Esc {
        if again || empty {
            model.layers.pop();
        } else {
            *esc = true;
        }
        return Vec::new();
    }
    let long = area
        .lines()
        .iter()
        .map(|line| line.chars().count() + 1)
        .sum::<usize>()
        > TEXT_MAX;
    if let Some(input) =
        input(chord).filter(|input| !long || matches!(input.key, AreaKey::Backspace))
    {
        area.input(input);
    }
    Vec::new()
}

fn input(chord: Chord) -> Option<Input> {
    let key = match chord.key {
        Key::Char(c) if chord.ctrl || chord.alt => {
            // Only those that move or delete; the others would reach for a clipboard we do not have.
            if !"abefnphkwdu".contains(c) {
                return None;
            }
            AreaKey::Char(c)
        }
        Key::Char(c) if typable(c) => AreaKey::Char(c),
        Key::Char(_) | Key::Tab | Key::BackTab | Key::Esc => return None,
        Key::Enter => AreaKey::Enter,
        Key::Backspace => AreaKey::Backspace,
        Key::Delete => AreaKey::Delete,
        Key::Up => AreaKey::Up,
        Key::Down => AreaKey::Down,
        Key::Left => AreaKey::Left,
        Key::Right => AreaKey::Right,
        Key::Home => AreaKey::Home,
        Key::End => AreaKey::End,
        Key::PageUp => AreaKey::PageUp,
        Key::PageDown => AreaKey::PageDown,
    };
    Some(Input {
        key,
        ctrl: chord.ctrl,
        alt: chord.alt,
        shift: false,
    })
}

fn finished(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Writing { purpose, area, .. }) = model.layers.last() else {
        return Vec::new();
    };
    let (purpose, text) = (purpose.clone(), area.lines().join("\n").trim().to_owned());
    if model.locked {
        model.layers.push(Layer::Rearm {
            typed: String::new(),
        });
        return Vec::new();
    }
    if text.is_empty() {
        model.say(Level::Warning, "a reason is needed; Esc leaves", None);
        return Vec::new();
    }
    model.layers.pop();
    let text = Untrusted::new(text);
    match purpose {
        Purpose::MonitorOnly => decision(model, DecisionKind::MonitorOnly, text),
        Purpose::NoAction => decision(model, DecisionKind::NoAction, text),
        Purpose::Skip(step) => reasoned(model, &step, TickState::Skipped, text),
        Purpose::NotApplicable(step) => reasoned(model, &step, TickState::NotApplicable, text),
        Purpose::Close(aid) => vec![Effect::Record(vec![Body::ActionResolve {
            aid,
            how: "closed by a person".to_owned(),
            reason: text,
        }])],
        Purpose::Note(case) => vec![Effect::PostNote { case, text }],
        Purpose::Keep(of) => super::hold::kept(model, &of, text),
    }
}

fn decision(model: &mut Model, decision: DecisionKind, reason: Untrusted) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let account = open.the_account().map(|account| account.id.clone());
    let login = open.user.clone().unwrap_or_default();
    let body = Body::Decision {
        case: open.id.clone(),
        account,
        login,
        decision,
        reason,
    };
    model.say(Level::Info, "decision recorded", None);
    vec![Effect::Record(vec![body])]
}

fn reasoned(model: &Model, step: &StepKey, state: TickState, reason: Untrusted) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    vec![Effect::Record(vec![Body::ChecklistTick {
        case: open.id.clone(),
        runbook: model.checklist.file.clone(),
        step: Untrusted::new(step.as_str()),
        state,
        evidence: None,
        reason: Some(reason),
    }])]
}
