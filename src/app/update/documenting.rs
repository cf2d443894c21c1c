//! Writing a report: a phase, lessons, feedback, a handover. Composed, edited, previewed, posted when confirmed.
//!
//! What must not live here: what the texts say (`domain::report`).

use ratatui_textarea::TextArea;

use super::open_case::look_up_for_text;
use super::typed;
use super::writing::{input, is_save};
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::{Level, Opened};
use crate::app::model::typed::About;
use crate::app::model::{Layer, Model, Purpose};
use crate::app::ready::posting;
use crate::app::report;
use crate::domain::fault::Fault;
use crate::domain::freshness::time_word;
use crate::domain::phase::Phase;
use crate::domain::report::layout::{comment, unanswered};
use crate::domain::report::{Kind, Subject, TEXT_MAX, Target};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Longest comment in bytes: all of it can be previewed, and every case system takes it.
const COMMENT_MAX: usize = 60_000;

/// What can be done with a draft that came back.
const ANEW: &str = "emptied and left, it is composed anew";

/// Heading of the handover of the shift.
const SHIFT: &str = "Shift handover: your open cases";

/// Posts the records of responses that are due, and asks which phase to document.
pub(super) fn document(model: &mut Model) -> Vec<Effect> {
    let effects = records_due(model);
    let rows = report::rows(model).len();
    if rows == 0 {
        model.say(
            Level::Warning,
            "document: no case with a runbook is open",
            None,
        );
        return effects;
    }
    let cursor = report::current(model).min(rows - 1);
    model.layers.push(Layer::Documents { cursor });
    effects
}

/// Posts the records of responses that have ended and are not in their cases.
pub(super) fn records_due(model: &Model) -> Vec<Effect> {
    if posting(model).is_some() {
        return Vec::new();
    }
    let plans = model.ledger.undocumented();
    plans.into_iter().map(Effect::Document).collect()
}

/// Opens the text of a phase of the model; `None` where the runbook has none.
pub(super) fn of_phase(model: &mut Model, phase: Phase) -> Option<Vec<Effect>> {
    model.open.as_ref()?;
    let mut sections = report::root(model).0.sections.iter();
    let section = sections.find(|section| section.picerl == Some(phase))?;
    let subject = Subject::of_phase(&section.name, section.picerl);
    Some(open(model, subject))
}

/// Opens the text of the phase under the cursor.
pub(super) fn chosen(model: &mut Model, cursor: usize) -> Vec<Effect> {
    let subject = report::rows(model)
        .get(cursor)
        .map(|row| row.subject.clone());
    subject
        .map(|subject| open(model, subject))
        .unwrap_or_default()
}

/// Opens the handover of the open case; without one it shows that of the shift.
pub(super) fn handover(model: &mut Model) -> Vec<Effect> {
    if model.open.is_some() {
        return open(model, Subject::handover());
    }
    let text = shift(model);
    model.layers.push(Layer::Reading {
        title: SHIFT.into(),
        text,
        scroll: 0,
    });
    vec![super::catch_up(model)]
}

fn shift(model: &Model) -> Safe {
    Untrusted::new(report::shift(model)).block()
}

/// Composes the handover of the shift anew where it is being read: other consoles may have recorded more.
pub(super) fn caught_up(model: &mut Model) {
    let is_shift = |title: &Safe| title.as_str() == SHIFT;
    if !matches!(model.layers.last(), Some(Layer::Reading { title, .. }) if is_shift(title)) {
        return;
    }
    let anew = shift(model);
    if let Some(Layer::Reading { text, .. }) = model.layers.last_mut() {
        *text = anew;
    }
}

fn open(model: &mut Model, subject: Subject) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let target = Target {
        case: open.id.clone(),
        subject,
    };
    let of = Box::new(target.clone());
    model.layers.push(Layer::OpeningDraft { of });
    let mut effects = vec![Effect::OpenDraft(target)];
    effects.extend(look_up_for_text(model));
    effects
}

/// Takes the text that was opened; whoever left meanwhile does not get it any more.
pub(super) fn opened(
    model: &mut Model,
    target: Target,
    result: Result<Opened, Fault>,
) -> Vec<Effect> {
    if target.subject.kind == Kind::Note {
        return note_opened(model, target, result);
    }
    let waiting = matches!(model.layers.last(), Some(Layer::OpeningDraft { of }) if **of == target);
    if !waiting {
        return match result {
            Ok(_) => vec![Effect::CloseDraft(target)],
            Err(_) => Vec::new(),
        };
    }
    model.layers.pop();
    // What is here is newer than what is on disk.
    if let Some(text) = model.typed.reopen(&About::draft(&target)) {
        return reopened(model, target, &text, result);
    }
    let opened = match result {
        Ok(opened) => opened,
        Err(fault) => {
            model.say(Level::Warning, fault.what, fault.hint);
            return Vec::new();
        }
    };
    let text = match opened.left {
        Some((text, at)) => {
            let line = safe!("your draft of {} is back, as you left it", time_word(at));
            model.say(Level::Warning, line, Some(ANEW.into()));
            text.raw().to_owned()
        }
        None => report::compose(model, &target),
    };
    edit(model, target, &text);
    Vec::new()
}

/// Opens the text of a report that was typed before and is only here, and keeps it on disk where that can be.
fn reopened(
    model: &mut Model,
    target: Target,
    text: &Untrusted,
    result: Result<Opened, Fault>,
) -> Vec<Effect> {
    edit(model, target.clone(), text.raw());
    let line = "your draft is back, as you left it";
    model.say(Level::Warning, line, Some(ANEW.into()));
    match result {
        Ok(_) => typed::save(model, target, text.raw().to_owned()),
        Err(fault) => {
            not_on_disk(model, fault);
            Vec::new()
        }
    }
}

fn edit(model: &mut Model, target: Target, text: &str) {
    let mut area = TextArea::from(text.lines());
    area.set_max_histories(0);
    model.layers.push(Layer::Writing {
        purpose: Purpose::Document(Box::new(target)),
        area: Box::new(area),
        esc: false,
    });
}

fn not_on_disk(model: &mut Model, fault: Fault) {
    let line = safe!("what you type is not kept on disk: {}", fault.what);
    model.say(Level::Warning, line, fault.hint);
}

/// Takes what was left of a note into the one that is being typed.
fn note_opened(model: &mut Model, target: Target, result: Result<Opened, Fault>) -> Vec<Effect> {
    let editor = model.layers.iter_mut().rev().find_map(|layer| match layer {
        Layer::Writing {
            purpose: Purpose::Note(case),
            area,
            ..
        } if *case == target.case => Some(area),
        _ => None,
    });
    let (area, opened) = match (editor, result) {
        (Some(area), Ok(opened)) => (area, opened),
        (None, Ok(opened)) => {
            let on_disk = opened.left.map(|(text, _)| text);
            return typed::opened_late(model, target, on_disk);
        }
        (_, Err(fault)) => {
            not_on_disk(model, fault);
            return Vec::new();
        }
    };
    let now = area.lines().join("\n");
    // What came back from this console is newer than what is on disk.
    let is_newer = model.typed.is_whole(&About::draft(&target));
    let Some((text, at)) = opened.left.filter(|_| !is_newer) else {
        return typed::save_whole(model, target, now);
    };
    let both = format!(
        "{}{}{now}",
        text.raw(),
        if now.is_empty() { "" } else { "\n" }
    );
    typed::fill(area, &both);
    let line = safe!("your note of {} is back, as you left it", time_word(at));
    model.say(Level::Warning, line, None);
    typed::save_whole(model, target, both)
}

/// Takes a key in the text of a report.
pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    if is_save(chord) {
        return preview(model);
    }
    let Some(Layer::Writing {
        purpose: Purpose::Document(of),
        area,
        ..
    }) = model.layers.last_mut()
    else {
        return Vec::new();
    };
    let target = (**of).clone();
    if chord.key == Key::Esc {
        model.layers.pop();
        return typed::left(model, target);
    }
    let length: usize = area
        .lines()
        .iter()
        .map(|line| line.chars().count() + 1)
        .sum();
    let shrinks = chord.ctrl || matches!(chord.key, Key::Backspace | Key::Delete);
    let moves = !matches!(chord.key, Key::Char(_) | Key::Enter);
    if length >= TEXT_MAX && !shrinks && !moves {
        let line = safe!("the text has its longest, {} characters", TEXT_MAX);
        let hint = "shorten it, or post it and write a second one";
        model.say(Level::Warning, line, Some(hint.into()));
        return Vec::new();
    }
    let changed = input(chord).is_some_and(|input| area.input(input));
    if !changed {
        return Vec::new();
    }
    let text = area.lines().join("\n");
    typed::save(model, target, text)
}

/// Shows the comment exactly as it will be posted.
fn preview(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Writing {
        purpose: Purpose::Document(of),
        area,
        ..
    }) = model.layers.last()
    else {
        return Vec::new();
    };
    let (of, text) = (of.clone(), area.lines().join("\n"));
    if text.trim().is_empty() {
        model.say(Level::Warning, "nothing is written; Esc leaves", None);
        return Vec::new();
    }
    let empty = unanswered(&text);
    let (text, by) = (Untrusted::new(text), model.operator.signed());
    let laid = comment(&text, &by);
    if laid.len() > COMMENT_MAX {
        let over = laid.len() - COMMENT_MAX;
        let line = safe!("the comment is {} bytes too long; nothing was posted", over);
        let hint = "shorten it, or post it in two parts; the text is kept";
        model.say(Level::Warning, line, Some(hint.into()));
        return Vec::new();
    }
    let known = report::missing(model, &of, text.raw());
    model.layers.push(Layer::Preview {
        of,
        text,
        by,
        shown: Untrusted::new(laid).block(),
        empty,
        known,
        scroll: 0,
    });
    // The text may have been written for long.
    look_up_for_text(model)
}

/// Tells whether something is known now that was not when the preview was last looked at, and takes it for looked at.
fn is_overtaken(model: &mut Model) -> bool {
    let Some(Layer::Preview { of, text, .. }) = model.layers.last() else {
        return false;
    };
    let now = report::missing(model, of, text.raw());
    let Some(Layer::Preview { known, scroll, .. }) = model.layers.last_mut() else {
        return false;
    };
    let is_new = now.iter().any(|line| !known.contains(line));
    if is_new {
        *scroll = 0;
    }
    *known = now;
    is_new
}

/// Posts what is previewed.
pub(super) fn post(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Preview { of, .. }) = model.layers.last() else {
        return Vec::new();
    };
    if let Some(reason) = posting(model) {
        let line = safe!("{}: {}", of.subject.title(), reason);
        let hint = "it can be read here; what you typed is kept";
        model.say(Level::Warning, line, Some(hint.into()));
        return Vec::new();
    }
    if is_overtaken(model) {
        let line = "not posted: what is known of the case changed while you looked; it stands above the text";
        let hint = "Esc goes back to the text, y posts it all the same";
        model.say(Level::Warning, line, Some(hint.into()));
        return Vec::new();
    }
    let Some(Layer::Preview { of, text, by, .. }) = model.layers.pop() else {
        return Vec::new();
    };
    // The text it was made from lies below.
    if matches!(model.layers.last(), Some(Layer::Writing { purpose: Purpose::Document(under), .. }) if *under == of)
    {
        model.layers.pop();
    }
    let line = safe!("{}: posting it", of.subject.title());
    model.say(Level::Info, line, None);
    let about = About::draft(&of);
    let effect = Effect::PostDocument {
        target: *of,
        text: text.clone(),
        by: Untrusted::new(by.as_str()),
    };
    typed::ask(model, &about, &text, vec![effect])
}
