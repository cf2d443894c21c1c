//! The requests in a case as a list shows them, each with the answer that stands there.
//!
//! What must not live here: whom a comment belongs to, and so whether a yes counts (see [`decide`](super::decide)).

use chrono::{DateTime, Utc};

use super::{Answer, Ask, Say, TTL, answer_in, request_in};
use crate::domain::case::Comment;
use crate::domain::text::Untrusted;

/// A request somebody finds in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub ask: Ask,
    /// The comment that asks.
    pub comment: Untrusted,
    /// Login of its author.
    pub by: Untrusted,
    /// When, by the case system's clock.
    pub at: DateTime<Utc>,
    /// Whether somebody changed it since.
    pub edited: bool,
    /// The first no, else the first yes that may count, and whose. Comments alone do not say whether a yes counts.
    pub answer: Option<(Say, Untrusted)>,
    /// Whether a yes that may count came before the no, or with it: what was sent by then stands.
    pub after_yes: bool,
}

impl Request {
    /// Gives until when it may be answered, by the case system's clock.
    pub fn expires(&self) -> DateTime<Utc> {
        self.at.checked_add_signed(TTL).unwrap_or(self.at)
    }
}

/// Lists the requests in a case, oldest first, each with its answer.
pub fn requests(comments: &[Comment]) -> Vec<Request> {
    let answers: Vec<(Answer, &Comment)> = comments
        .iter()
        .filter_map(|comment| Some((answer_in(comment.message.raw())?, comment)))
        .collect();
    comments
        .iter()
        .filter_map(|comment| {
            let ask = request_in(comment.message.raw())?;
            let (answer, after_yes) = answer_of(comment, &ask, &answers);
            Some(Request {
                ask,
                comment: comment.id.clone(),
                by: comment.author.clone(),
                at: comment.at,
                edited: comment.edited,
                answer,
                after_yes,
            })
        })
        .collect()
}

fn answer_of(
    comment: &Comment,
    ask: &Ask,
    answers: &[(Answer, &Comment)],
) -> (Option<(Say, Untrusted)>, bool) {
    let answers: Vec<_> = answers
        .iter()
        .filter(|(answer, _)| answer.request == comment.id && answer.ask.plan == ask.plan)
        .collect();
    let no = answers.iter().find(|(answer, _)| answer.say == Say::Deny);
    let yes = answers.iter().find(|(answer, by)| {
        answer.say == Say::Approve
            && answer.ask == *ask
            && !by.edited
            && by.author != comment.author
            && by.at > comment.at
            && by.at - comment.at <= TTL
    });
    let after_yes = no
        .zip(yes)
        .is_some_and(|((_, no), (_, yes))| yes.at <= no.at);
    let first = no.or(yes);
    let answer = first.map(|(answer, by)| (answer.say, by.author.clone()));
    (answer, after_yes)
}
