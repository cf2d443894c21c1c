//! The search over all commands: fuzzy, best first, and why one is not possible now.
//!
//! What must not live here: what the commands do.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::layers::typable;
use super::panes::{self, Walk};
use crate::app::command::{COMMANDS, Context, Spec};
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::Level;
use crate::app::model::{Layer, Model, Pane};
use crate::app::ready;
use crate::safe;

/// Lists the commands of the panes that match what was typed, the best match first; all of them where nothing was typed.
///
/// Every word has to match, letters in their order but not side by side; the name weighs more than the explanation.
pub fn found_commands(typed: &str) -> Vec<&'static Spec> {
    let all = COMMANDS
        .iter()
        .filter(|spec| spec.context == Context::Everywhere || spec.context.is_pane());
    if typed.trim().is_empty() {
        return all.collect();
    }
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut letters = Vec::new();
    let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut letters), &mut matcher);
    let mut found: Vec<(u32, &Spec)> = all
        .filter_map(|spec| {
            let name = score(&format!("{} {}", spec.id, spec.short)).map(|score| score * 2);
            let doc = score(&format!("{} {} {}", spec.id, spec.short, spec.doc));
            Some((name.max(doc)?, spec))
        })
        .collect();
    // Equal scores stay in the order of the table.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, spec)| spec).collect()
}

pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Layer::Search { typed, cursor }) = model.layers.last_mut() else {
        return Vec::new();
    };
    match chord.key {
        Key::Esc => {
            model.layers.pop();
        }
        Key::Down => *cursor = Walk::By(1).from(*cursor, found_commands(typed).len()),
        Key::Up => *cursor = Walk::By(-1).from(*cursor, found_commands(typed).len()),
        Key::Backspace => {
            typed.pop();
            *cursor = 0;
        }
        Key::Char(c) if !chord.ctrl && !chord.alt && typable(c) && typed.len() < 100 => {
            typed.push(c);
            *cursor = 0;
        }
        Key::Enter => {
            let chosen = found_commands(typed).get(*cursor).copied();
            return chosen.map_or_else(Vec::new, |spec| run(model, spec));
        }
        _ => {}
    }
    Vec::new()
}

/// Runs the command that was chosen; one that is not possible is said with its reason, and the search stays.
fn run(model: &mut Model, spec: &'static Spec) -> Vec<Effect> {
    if let Some(reason) = ready::refusal(model, spec) {
        model.say(Level::Warning, safe!("{}: {}", spec.id, reason), None);
        return Vec::new();
    }
    model.layers.pop();
    if let Some(pane) = Pane::ALL
        .into_iter()
        .find(|pane| pane.context() == spec.context)
    {
        model.focus = pane;
    }
    panes::command(model, spec.command)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", "down")]
    #[case("snooze", "snooze")]
    #[case("fpos", "false-positive")]
    #[case("clm", "claim")]
    #[case("escal", "escalation")]
    #[case("whole screen", "zoom")]
    #[case("CLOSE case", "close-case")]
    fn the_best_comes_first(#[case] typed: &str, #[case] expected: &str) {
        assert_eq!(
            found_commands(typed).first().map(|spec| spec.id),
            Some(expected)
        );
    }

    #[test]
    fn what_matches_nothing_finds_nothing() {
        assert!(found_commands("xyzzyq").is_empty());
        assert!(found_commands("'claim 'wall").len() < found_commands("claim").len());
    }
}
