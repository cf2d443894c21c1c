//! The two lines at the bottom: the keys for where the focus is, and the last message.

use super::dialog::confirm_verb;
use super::layout::{Screen, narrowed};
use super::paint::{Canvas, Words};
use super::theme::Role;
use super::words;
use crate::app::command::{Command, Context};
use crate::app::model::{Layer, LogLine, Model, Purpose};
use crate::domain::freshness::clock_word;
use crate::domain::text::Safe;
use crate::safe;

/// From this width on there is room for all keys, and those that never change stand first.
const ROOMY: u16 = 110;

/// Draws both lines.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, screen: &Screen) {
    canvas.row(
        narrowed(screen.keys, 1, 1),
        0,
        key_line(model, screen.keys.width)
            .whole_keys(usize::from(screen.keys.width.saturating_sub(2))),
    );
    let hint = Words::new(
        Role::Key,
        words::key_of(model, Command::Messages, Context::Everywhere),
    )
    .add(Role::Dim, " log");
    match model.log.back() {
        Some(line) => canvas.ends(narrowed(screen.message, 1, 1), 0, message(line), hint),
        None => canvas.ends(narrowed(screen.message, 1, 1), 0, Words::empty(), hint),
    }
}

fn message(line: &LogLine) -> Words {
    let words = Words::new(Role::Dim, safe!("{}  ", clock_word(line.at)))
        .add(words::level_role(line.level), line.text.clone());
    match &line.hint {
        Some(hint) => words.add(Role::Dim, safe!("  {}", hint)),
        None => words,
    }
}

fn key_line(model: &Model, width: u16) -> Words {
    if let Some(layer) = model.layers.last() {
        return layer_keys(model, layer);
    }
    // What holds everywhere comes first: a change of focus then rewrites the end of the line only.
    let everywhere = words::hints(model, Context::Everywhere);
    let context = model.focus.context();
    let (first, second) = if width < ROOMY {
        (words::hints(model, context), everywhere)
    } else {
        (everywhere, words::plain_hints(model, context, 3))
    };
    first.add(Role::Border, " | ").chain(second)
}

fn layer_keys(model: &Model, layer: &Layer) -> Words {
    if let Some(context) = layer.context() {
        return words::hints(model, context);
    }
    if let Layer::Confirm { confirmation, .. } = layer {
        let button = confirm_verb(&confirmation.plan().kinds());
        return keys_and_words(&[
            ("Tab", safe!("to {}", button)),
            ("y", "there confirms".into()),
            ("Esc", "cancels".into()),
        ]);
    }
    let fixed: &[(&'static str, &'static str)] = match layer {
        Layer::Approve { .. } => &[
            ("Tab", "to approve, deny"),
            ("y", "there answers"),
            ("Esc", "leaves"),
        ],
        Layer::Writing {
            purpose: Purpose::Document(_),
            ..
        } => &[
            ("Ctrl-s", "preview"),
            ("Enter", "new line"),
            ("Esc", "leave, kept"),
        ],
        Layer::Writing { purpose, .. } if purpose.many_lines() => &[
            ("Ctrl-s", "post"),
            ("Enter", "new line"),
            ("Esc Esc", "leave"),
        ],
        Layer::Writing { .. } => &[("Enter", "done"), ("Esc Esc", "leave")],
        Layer::EventFilter(_) => &[("Tab", "complete"), ("Enter", "keep"), ("Esc", "as before")],
        Layer::Filter { .. } => &[("Enter", "keep"), ("Esc", "as before")],
        Layer::Search { .. } => &[("Up Down", "move"), ("Enter", "run"), ("Esc", "back")],
        Layer::Rearm { .. } => &[("arm", "typed: act again"), ("Esc", "stay READ ONLY")],
        Layer::Close(_) => &[
            ("Up Down", "verdict"),
            ("Enter", "new line"),
            ("Ctrl-s", "close it"),
            ("Esc", "leave"),
        ],
        Layer::Ask(_) => &[("y", "yes"), ("any other", "no")],
        Layer::Gate(_) => &[("y", "yes"), ("n", "no"), ("Esc", "no answer")],
        Layer::Secret(_) => &[("Esc", "forget it")],
        Layer::QuitAnyway => &[("y", "quit"), ("any other", "stay")],
        _ => &[("Esc", "back")],
    };
    let fixed: Vec<_> = fixed
        .iter()
        .map(|&(key, word)| (key, Safe::fixed(word)))
        .collect();
    keys_and_words(&fixed)
}

fn keys_and_words(all: &[(&'static str, Safe)]) -> Words {
    let mut line = Words::empty();
    for (key, word) in all {
        line = line.gap(Role::Key, *key).add(Role::Dim, safe!(" {}", word));
    }
    line
}
