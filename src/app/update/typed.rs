//! What was typed stays with the console until it is known to be on record or on disk, and comes back where it is asked for
//! again.
//!
//! What must not live here: the texts (`model::typed`), the keys of the editors (`writing`, `documenting`).

use ratatui_textarea::{CursorMove, TextArea};

use super::list::key_of;
use crate::app::effect::Effect;
use crate::app::message::{Level, Refused};
use crate::app::model::typed::{About, joined};
use crate::app::model::{Layer, Model, Purpose};
use crate::domain::fault::Fault;
use crate::domain::report::{Kind, Target};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Opens the editor of a text, with what was typed for the same before and is nowhere else.
pub(super) fn write(model: &mut Model, purpose: Purpose) {
    let about = About::of(model, &purpose);
    let back = model.typed.reopen(&about);
    let is_note = matches!(purpose, Purpose::Note(_));
    write_on(model, purpose, back.as_ref().map_or("", Untrusted::raw));
    if back.is_some() {
        let line = if is_note {
            "your note is back, as you left it"
        } else {
            "what you typed is back"
        };
        model.say(Level::Warning, line, None);
    }
}

/// Opens the editor of a text that is written already.
pub(super) fn write_on(model: &mut Model, purpose: Purpose, text: &str) {
    let mut area = TextArea::default();
    fill(&mut area, text);
    model.layers.push(Layer::Writing {
        purpose,
        area: Box::new(area),
        esc: false,
    });
}

/// Puts a text into an editor, the cursor at its end.
pub(super) fn fill(area: &mut TextArea<'static>, text: &str) {
    *area = TextArea::from(text.split('\n'));
    area.set_max_histories(0);
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
}

/// Keeps a draft as it is now: here, and on disk. A note is not put over what is there before that was taken into it.
pub(super) fn save(model: &mut Model, target: Target, text: String) -> Vec<Effect> {
    let (about, text) = (About::draft(&target), Untrusted::new(text));
    model.typed.keep(&about, &text);
    if target.subject.kind == Kind::Note && !model.typed.is_whole(&about) {
        return Vec::new();
    }
    vec![Effect::SaveDraft { target, text }]
}

/// Keeps a draft that has all in it that was left on disk.
pub(super) fn save_whole(model: &mut Model, target: Target, text: String) -> Vec<Effect> {
    let text = Untrusted::new(text);
    model.typed.keep_whole(&About::draft(&target), &text);
    vec![Effect::SaveDraft { target, text }]
}

/// Takes that the editor of a draft was left. What became of the text is said once the disk has answered.
pub(super) fn left(model: &mut Model, target: Target) -> Vec<Effect> {
    let has_text = model.typed.leave(&About::draft(&target));
    if !has_text && target.subject.kind != Kind::Note {
        let line = safe!("{}: left", target.subject.title());
        model.say(Level::Info, line, None);
    }
    vec![Effect::CloseDraft(target)]
}

/// Takes what is on disk of a draft whose editor was left, and says where the text is.
pub(super) fn draft_left(
    model: &mut Model,
    target: &Target,
    result: Result<Option<Untrusted>, Fault>,
) {
    let about = About::draft(target);
    if !model.typed.is_left(&about) {
        return;
    }
    let back = way_back(model, about.purpose());
    let is_note = target.subject.kind == Kind::Note;
    let kept: Safe = if is_note {
        "the note is kept".into()
    } else {
        safe!("{}: left; what you typed is kept", about.title())
    };
    match result {
        Ok(on_disk) => {
            // What was typed since is answered by itself.
            if on_disk.as_ref() != model.typed.get(&about) {
                return;
            }
            model.typed.forget(&about);
            let line = if is_note {
                safe!("{}; {}", kept, back)
            } else {
                kept
            };
            model.say(Level::Info, line, None);
        }
        Err(fault) => {
            let line = safe!(
                "{} in this console only, it could not be saved on disk; {}",
                kept,
                back
            );
            model.say(Level::Warning, line, Some(fault.what));
        }
    }
}

/// Takes a draft that was opened after its editor had been left: what was typed meanwhile goes on disk behind what is there.
pub(super) fn opened_late(
    model: &mut Model,
    target: Target,
    on_disk: Option<Untrusted>,
) -> Vec<Effect> {
    let about = About::draft(&target);
    // Whoever puts it on record waits for its draft, and puts that away.
    if model.typed.is_asked_whole(&about) {
        return Vec::new();
    }
    let Some(text) = model.typed.get(&about).cloned() else {
        return vec![Effect::CloseDraft(target)];
    };
    let before = on_disk.filter(|_| !model.typed.is_whole(&about));
    let text = joined(&before.unwrap_or_default(), &text);
    let mut effects = save_whole(model, target.clone(), text.raw().to_owned());
    effects.push(Effect::CloseDraft(target));
    effects
}

/// Has what a text was written for carried out; the text stays here until it is known to be on record.
pub(super) fn ask(
    model: &mut Model,
    about: &About,
    text: &Untrusted,
    effects: Vec<Effect>,
) -> Vec<Effect> {
    let is_open_again = matches!(model.layers.last(), Some(Layer::Writing { .. }));
    if effects.is_empty() && !is_open_again {
        // Nothing follows from it here, and its dialog is gone.
        in_messages(model, text);
    }
    let asked = effects.into_iter().map(|effect| match effect {
        Effect::Record(_) | Effect::PostNote { .. } | Effect::PostDocument { .. } => {
            Effect::Written {
                number: model.typed.ask(about, text),
                effect: Box::new(effect),
            }
        }
        other => other,
    });
    asked.collect()
}

/// Takes whether a text is on record. One that is not, or may not be, comes back, also into its editor where that is open
/// again.
pub(super) fn written(model: &mut Model, number: u64, refused: Option<Refused>) -> Vec<Effect> {
    let Some(refused) = refused else {
        model.typed.recorded(number);
        return Vec::new();
    };
    let is_unfit = matches!(refused, Refused::Unfit(_));
    let may_stand = matches!(refused, Refused::Unknown(_));
    let Some((about, text)) = model.typed.refused(number, may_stand) else {
        return Vec::new();
    };
    let (level, fault) = refused.notice();
    if is_unfit {
        // What was decided does not fit any more: its key may be gone, and the text is for nothing else.
        model.say(level, fault.what, fault.hint);
        in_messages(model, &text);
        model.typed.forget(&about);
        // The account may have been read for it, and the pane shows it as it was before.
        return super::open_case::look_up(model);
    }
    let back = way_back(model, about.purpose());
    let hint = match fault.hint {
        Some(hint) => safe!("{}; {}", back, hint),
        None => back,
    };
    model.say(level, fault.what, Some(hint));
    into_editor(model, &about, &text)
}

/// Says a text that has no place any more, so that it can be read and copied.
fn in_messages(model: &mut Model, text: &Untrusted) {
    let line = safe!("what you typed: {}", text.line());
    model.say(Level::Info, line, None);
}

/// Puts a text that came back before what stands in its editor, if that is open.
fn into_editor(model: &mut Model, about: &About, text: &Untrusted) -> Vec<Effect> {
    let is_here = About::of(model, about.purpose()).is(about);
    let mut layers = model.layers.iter_mut().rev();
    let area = layers.find_map(|layer| match layer {
        Layer::Writing { purpose, area, .. } if is_here && about.fits(purpose) => Some(area),
        _ => None,
    });
    let Some(area) = area else {
        return Vec::new();
    };
    let now = Untrusted::new(area.lines().join("\n"));
    let both = joined(text, &now);
    fill(area, both.raw());
    let target = match about.purpose() {
        Purpose::Note(case) => Target::note(case.clone()),
        Purpose::Document(target) => (**target).clone(),
        _ => {
            model.typed.keep(about, &both);
            return Vec::new();
        }
    };
    save(model, target, both.raw().to_owned())
}

/// Says how a text is brought back.
fn way_back(model: &Model, purpose: &Purpose) -> Safe {
    let id = match purpose {
        Purpose::Note(_) => "note",
        Purpose::Document(target) if target.subject.kind == Kind::Handover => "handover",
        Purpose::Document(_) => "document",
        _ => return "it is kept in this console; the same key brings it back".into(),
    };
    safe!("{} brings it back", key_of(model, id))
}
