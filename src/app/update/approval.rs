//! Approvals: finding that somebody asks, reading what they ask, and answering.

use super::layers::dialog_key;
use super::own_comments;
use super::panes::{self, Walk};
use crate::app::approvals::{self, Standing};
use crate::app::effect::Effect;
use crate::app::keymap::{Chord, Key};
use crate::app::message::Level;
use crate::app::model::{LEAST, Layer, Load, Model};
use crate::domain::case::Comment;
use crate::domain::containment::confirm::{DialogKey, Letter};
use crate::domain::containment::consent::{Asked, Consent, Step};
use crate::domain::fault::Fault;
use crate::domain::ids::CaseId;
use crate::safe;

/// More lines than the dialog has on the narrowest screen.
const LINES_MAX: usize = 200;

/// Opens the list of requests.
pub(super) fn list(model: &mut Model) -> Vec<Effect> {
    let Some(case) = model.open.as_ref().map(|open| open.id.clone()) else {
        model.say(Level::Warning, "approvals: no case is open", None);
        return Vec::new();
    };
    model.layers.push(Layer::Approvals { cursor: 0 });
    vec![Effect::ReadComments(case)]
}

/// Reads one request anew before it can be answered.
pub(super) fn open(model: &mut Model, cursor: usize) -> Vec<Effect> {
    let rows = approvals::rows(model);
    let (Some(request), Some(open)) = (rows.get(cursor), &model.open) else {
        return Vec::new();
    };
    let effect = Effect::ReadRequest {
        case: open.id.clone(),
        comment: request.comment.clone(),
    };
    model.layers.push(Layer::ReadingRequest {
        comment: request.comment.clone(),
    });
    vec![effect]
}

/// Takes the comments of the open case; a new request of somebody else is said and rings once.
pub(super) fn comments_read(
    model: &mut Model,
    case: &CaseId,
    result: Result<Vec<Comment>, Fault>,
) -> Vec<Effect> {
    let Some(open) = model.open.as_mut().filter(|open| open.id == *case) else {
        return Vec::new();
    };
    // A failure keeps what is there: the poll of the same source says that it fails.
    if let (Load::Ready(file, _), Ok(comments)) = (&mut open.file, result) {
        file.comments = comments;
        own_comments::comments_read(model);
    }
    announce(model)
}

/// Says what is asked and was not said yet.
pub(super) fn announce(model: &mut Model) -> Vec<Effect> {
    let fresh: Vec<_> = approvals::rows(model)
        .into_iter()
        .filter(|request| approvals::standing(model, request) == Standing::Open)
        .filter(|request| !model.requests_told.contains(&request.comment))
        .collect();
    let mut effects = Vec::new();
    for request in fresh.iter().rev() {
        model.requests_told.insert(request.comment.clone());
        let line = safe!("{}; A opens it", approvals::line(request));
        model.say(Level::Alarm, line, None);
        effects = vec![Effect::Bell];
    }
    effects
}

/// Opens the dialog of a request that was read.
pub(super) fn ready(model: &mut Model, result: Result<Box<Asked>, Fault>) -> Vec<Effect> {
    let Some(Layer::ReadingRequest { comment }) = model.layers.last() else {
        return Vec::new();
    };
    let here = |asked: &Asked| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.id == asked.case)
    };
    match result {
        Ok(asked) if asked.request.comment != *comment || !here(&asked) => {}
        Ok(asked) => {
            model.layers.pop();
            let consent = Consent::open(*asked);
            model.layers.push(Layer::Approve {
                consent: Box::new(consent),
                said: None,
                scroll: 0,
            });
        }
        Err(fault) => {
            model.layers.pop();
            model.say(Level::Error, fault.what, fault.hint);
        }
    }
    Vec::new()
}

pub(super) fn key(model: &mut Model, chord: Chord, letter: Letter) -> Vec<Effect> {
    let boot = model.now.boot;
    let too_small = model.size.0 < LEAST.0 || model.size.1 < LEAST.1;
    let walk = match chord.key {
        Key::Down => Some(Walk::By(1)),
        Key::Up => Some(Walk::By(-1)),
        Key::PageDown => Some(Walk::By(panes::half_page(model))),
        Key::PageUp => Some(Walk::By(-panes::half_page(model))),
        _ => None,
    };
    let key = dialog_key(chord, letter);
    let Some(Layer::Approve {
        consent,
        said,
        scroll,
    }) = model.layers.last_mut()
    else {
        return Vec::new();
    };
    if let Some(walk) = walk {
        *scroll = walk.from(*scroll, LINES_MAX);
        return Vec::new();
    }
    if too_small && key != DialogKey::Esc {
        // Nothing of the dialog is on the screen, so no key can mean what it says.
        *said = Some("keys did not count while the terminal was too small".into());
        return Vec::new();
    }
    match consent.key(key, boot) {
        Step::Stay(line) => {
            *said = line;
            Vec::new()
        }
        Step::Cancelled => {
            model.layers.pop();
            model.say(Level::Info, "nothing was answered", None);
            Vec::new()
        }
        Step::Answered(given) => {
            model.layers.pop();
            vec![Effect::Answer(given)]
        }
    }
}
