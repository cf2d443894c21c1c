//! Writing a reason or a note, and what follows when it is finished.

use ratatui_textarea::{Input, Key as AreaKey};

use super::layers::typable;
use super::{list, typed};
use crate::app::actions::{kept_by_name, nobody_chosen};
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::Level;
use crate::app::model::list::StepRef;
use crate::app::model::typed::About;
use crate::app::model::{Layer, Model, Purpose};
use crate::domain::audit::{
    Body, ChecklistNote, CompromiseWindow, Decided, DecisionKind, RunbookInput, TickState,
};
use crate::domain::ids::CaseId;
use crate::domain::report::Target;
use crate::domain::text::Untrusted;
use crate::safe;

/// Most characters of a written text.
const TEXT_MAX: usize = 4_000;

pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Layer::Writing { purpose, area, esc }) = model.layers.last_mut() else {
        return Vec::new();
    };
    if matches!(purpose, Purpose::Document(_)) {
        return super::documenting::key(model, chord);
    }
    let again = *esc;
    *esc = false;
    let finish = is_save(chord) || (chord.key == Key::Enter && !purpose.many_lines());
    if finish {
        return finished(model);
    }
    let empty = area.lines().iter().all(|line| line.trim().is_empty());
    if chord.key == Key::Esc {
        if !(again || empty) {
            *esc = true;
            return Vec::new();
        }
        let purpose = purpose.clone();
        model.layers.pop();
        if let Purpose::Note(case) = &purpose {
            return typed::left(model, Target::note(case.clone()));
        }
        let about = About::of(model, &purpose);
        model.typed.forget(&about);
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
        let changed = area.input(input);
        if let (Purpose::Note(case), true) = (&*purpose, changed) {
            let (target, text) = (Target::note(case.clone()), area.lines().join("\n"));
            return typed::save(model, target, text);
        }
    }
    Vec::new()
}

/// Tells whether a key ends a text of several lines.
pub(super) fn is_save(chord: Chord) -> bool {
    chord
        == Chord {
            key: Key::Char('s'),
            ctrl: true,
            alt: false,
        }
}

pub(super) fn input(chord: Chord) -> Option<Input> {
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
    let (about, text) = (About::of(model, &purpose), Untrusted::new(text));
    let effects = done(model, purpose, text.clone());
    typed::ask(model, &about, &text, effects)
}

/// Gives what follows from a text that is finished.
fn done(model: &mut Model, purpose: Purpose, text: Untrusted) -> Vec<Effect> {
    match purpose {
        Purpose::MonitorOnly => decision(model, DecisionKind::MonitorOnly, text),
        Purpose::NoAction => decision(model, DecisionKind::NoAction, text),
        Purpose::Skip(step) => list::record(&step, TickState::Skipped, None, Some(text)),
        Purpose::NotApplicable(step) => {
            list::record(&step, TickState::NotApplicable, None, Some(text))
        }
        Purpose::StepNote(step) => step_note(&step, text),
        Purpose::Waive(phase) => list::closed(model, &phase, Some(text)),
        Purpose::Input(case, name) => {
            vec![Effect::Record(vec![Body::RunbookInput(RunbookInput {
                case,
                name,
                value: text,
            })])]
        }
        Purpose::Close(aid) => vec![Effect::Record(vec![Body::ActionResolve {
            aid,
            how: "closed by a person".to_owned(),
            reason: text,
        }])],
        Purpose::Note(case) => {
            let draft = About::draft(&Target::note(case.clone()));
            vec![Effect::PostNote {
                case,
                text,
                phase: None,
                // What was left on disk and is not in it is not posted, and stays there.
                drafted: model.typed.is_whole(&draft),
                decided: None,
            }]
        }
        Purpose::PhaseNote(case, phase) => vec![Effect::PostNote {
            case,
            text,
            phase: Some(phase),
            drafted: false,
            decided: None,
        }],
        // Its keys are taken by `documenting`.
        Purpose::Document(_) => Vec::new(),
        Purpose::Event(purpose) => super::activity::said(model, *purpose, text),
        Purpose::Keep(of) => super::hold::kept(model, &of, text),
        Purpose::EndWatch(of) => super::recovery::ended(model, &of, text),
        Purpose::Snooze(cases, until) => super::work::snoozed(model, cases, until, &text),
        Purpose::Window(case) => window(model, case, &text),
        Purpose::Dismiss(key, dismissed) => {
            super::findings::dismissed(model, *key, dismissed, text)
        }
    }
}

fn decision(model: &mut Model, decision: DecisionKind, reason: Untrusted) -> Vec<Effect> {
    if let Some(what) = nobody_chosen(model) {
        model.say(Level::Warning, safe!("decision: {}", what), None);
        return Vec::new();
    }
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let account = open.the_account().map(|account| account.id.clone());
    let login = open.user.clone().unwrap_or_default();
    let body = Body::Decision(Decided {
        case: open.id.clone(),
        account,
        login,
        decision,
        reason,
    });
    let hint = kept_by_name(model);
    model.say(Level::Info, "decision recorded", hint);
    vec![Effect::Record(vec![body])]
}

/// Records a window; what is none is said, and the text stays to be put right.
fn window(model: &mut Model, case: CaseId, text: &Untrusted) -> Vec<Effect> {
    match crate::app::window::parse(text.raw(), model.now.utc) {
        Ok((from, until)) => {
            model.say(
                Level::Info,
                "the window of the compromise is recorded",
                None,
            );
            let window = CompromiseWindow { case, from, until };
            vec![Effect::Record(vec![Body::CompromiseWindow(window)])]
        }
        Err(what) => {
            model.say(Level::Warning, what, None);
            again(model, Purpose::Window(case), text);
            Vec::new()
        }
    }
}

/// Opens the dialog of a text that was refused again, with the text, to be put right.
pub(super) fn again(model: &mut Model, purpose: Purpose, text: &Untrusted) {
    typed::write_on(model, purpose, text.raw());
}

/// A note stands under the key the step is on record under: it says nothing of a text that changed.
fn step_note(step: &StepRef, text: Untrusted) -> Vec<Effect> {
    list::record_with(step, |mut said| {
        let old = said.instead_of.take();
        Body::ChecklistNote(ChecklistNote {
            case: step.case.clone(),
            runbook: step.runbook.clone(),
            step: old.unwrap_or_else(|| step.step.as_str().to_owned()),
            text,
            said,
        })
    })
}
