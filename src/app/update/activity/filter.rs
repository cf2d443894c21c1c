//! Typing the filter of the activity: every key shows at once what passes; Tab completes.
//!
//! What must not live here: the language (`domain::timeline::filter`).

use super::pane;
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::model::activity::asking::FilterLine;
use crate::app::model::{Layer, Model};
use crate::app::update::layers::typable;
use crate::domain::text::Untrusted;
use crate::domain::timeline::filter::{Filter, completions};

/// Longest line, in bytes; a line that a pivot made may be longer.
const LINE_MAX: usize = 400;

/// Begins to type, with the filter there is.
pub(in crate::app::update) fn begin(model: &mut Model) {
    let Some(pane) = pane(model) else { return };
    let line = FilterLine {
        line: pane.view.filter.to_string(),
        before: pane.view.clone(),
        ..FilterLine::default()
    };
    model.layers.push(Layer::EventFilter(Box::new(line)));
}

/// Takes a key while the filter is typed.
pub(in crate::app::update) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Layer::EventFilter(typed)) = model.layers.last_mut() else {
        return Vec::new();
    };
    let again = std::mem::take(&mut typed.esc);
    if !matches!(chord.key, Key::Tab | Key::BackTab) {
        typed.options.clear();
    }
    match chord.key {
        // A line that is no filter stays open, with what is wrong beside it.
        Key::Enter if typed.fault.is_some() => {}
        Key::Enter => {
            model.layers.pop();
        }
        Key::Esc if again || typed.line == typed.before.filter.to_string() => {
            let before = typed.before.clone();
            model.layers.pop();
            if let Some(pane) = pane(model) {
                pane.look_at(before);
            }
        }
        Key::Esc => typed.esc = true,
        Key::Backspace => {
            typed.line.pop();
            show(model);
        }
        Key::Char('u') if chord.ctrl => {
            typed.line.clear();
            show(model);
        }
        Key::Tab | Key::BackTab => complete(model, chord.key == Key::Tab),
        Key::Char(c) if !chord.ctrl && !chord.alt && typable(c) && typed.line.len() < LINE_MAX => {
            typed.line.push(c);
            show(model);
        }
        _ => {}
    }
    Vec::new()
}

/// Shows what passes the line as it is; while it is no filter, what passed before stays.
fn show(model: &mut Model) {
    let Some(Layer::EventFilter(typed)) = model.layers.last_mut() else {
        return;
    };
    match Filter::parse(&typed.line) {
        Ok(filter) => {
            typed.fault = None;
            if let Some(pane) = pane(model) {
                let view = crate::app::model::activity::View {
                    filter,
                    span: pane.view.span,
                };
                pane.look_at(view);
            }
        }
        Err(fault) => typed.fault = Some(fault),
    }
}

/// Puts the next completion into the line; after the last one the line as typed comes again.
fn complete(model: &mut Model, forward: bool) {
    let Some(Layer::EventFilter(typed)) = model.layers.last_mut() else {
        return;
    };
    if typed.options.is_empty() {
        let Some(open) = &model.open else { return };
        let tags = open.activity.said.tags().map(Untrusted::raw);
        let found = completions(&typed.line, &open.activity.activity, tags);
        if found.is_empty() {
            return;
        }
        typed.options = vec![typed.line.clone()];
        typed.options.extend(found);
        typed.option = 0;
    }
    let count = typed.options.len();
    let step = if forward { 1 } else { count - 1 };
    typed.option = (typed.option + step) % count;
    if let Some(line) = typed.options.get(typed.option) {
        typed.line.clone_from(line);
    }
    show(model);
}
