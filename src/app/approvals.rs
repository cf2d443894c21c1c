//! The requests for a second person in the open case, as the list and the status line show them.

use super::model::Model;
use crate::domain::containment::approval::{Request, Say, requests};
use crate::domain::containment::asked::AskedView;
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::safe;

/// How a request stands, as far as this console can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody else waits for an answer.
    Open,
    /// It was made here.
    Own,
    /// It was changed after it was written: it counts for nothing.
    Edited,
    /// Its time is over, by the clock of this console.
    Expired,
    /// An approval of it was used, by this person's own record.
    Approved,
    /// Somebody answered; whether a yes counts is not known here.
    Answered(Say),
}

/// Lists the requests of the open case, newest first.
pub fn rows(model: &Model) -> Vec<Request> {
    let file = model.open.as_ref().and_then(|open| open.file.ready());
    let mut rows = file.map_or_else(Vec::new, |file| requests(&file.comments));
    rows.reverse();
    rows
}

/// Judges one request.
pub fn standing(model: &Model, request: &Request) -> Standing {
    let asked = model.ledger.asked();
    let is_approved = asked
        .all()
        .any(|view| view.ask == request.ask && asked.is_approved(&view.pid));
    if is_approved {
        Standing::Approved
    } else if let Some((say, _)) = &request.answer {
        Standing::Answered(*say)
    } else if request.edited {
        Standing::Edited
    } else if model.now.utc > request.expires() {
        Standing::Expired
    } else if model.operator.login.as_ref() == Some(&request.by) {
        Standing::Own
    } else {
        Standing::Open
    }
}

/// Says a request in one line: who asks, what, of whom, until when.
pub fn line(request: &Request) -> Safe {
    safe!(
        "approval asked by {}: {} of {}, until {}",
        request.by.field(),
        request.ask.what(),
        request.ask.login.field(),
        time_word(request.expires())
    )
}

/// Counts the requests of others that wait for an answer.
pub fn waiting(model: &Model) -> usize {
    rows(model)
        .iter()
        .filter(|request| standing(model, request) == Standing::Open)
        .count()
}

/// Lists the own plans that wait for a second person.
pub fn awaited(model: &Model) -> impl Iterator<Item = &AskedView> {
    model.ledger.asked().open()
}
