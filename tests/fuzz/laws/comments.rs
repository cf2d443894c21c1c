//! The laws of what a console reads in the comments of a case, which anybody may have written.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use quell::domain::audit::find_anchors;
use quell::domain::case::Comment;
use quell::domain::containment::approval::{
    Answer, Decision, Posted, Say, TTL, Written, answer_in, compose_answer, compose_request,
    decide, request_in, requests,
};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::{note, told};
use quell::domain::ids::{AccountId, ConnectionName};
use quell::domain::operator::Author;
use quell::domain::text::Safe;

use super::Held;

/// Nothing of others reaches the terminal raw.
pub fn is_drawable(text: &Safe) {
    assert!(!text.as_str().contains(char::is_control), "{text:?}");
}

/// A comment has lines, and no other control characters.
pub fn is_comment(text: &str) {
    let is_odd = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(is_odd), "{text:?}");
}

/// Makes somebody whom the case system knows.
pub fn person(id: &str) -> Author {
    Author {
        id: id.into(),
        login: format!("{id}@acme.example").into(),
        shared: false,
        locked: false,
    }
}

/// Makes a comment.
pub fn by(author: &Author, at: DateTime<Utc>, text: &str, edited: bool) -> Comment {
    Comment {
        id: "~2".into(),
        author: author.login.clone(),
        at,
        message: text.into(),
        edited,
    }
}

/// The laws of one comment.
pub fn comment(text: &str) -> Held {
    let at = DateTime::<Utc>::UNIX_EPOCH;
    let written = by(&person("a"), at, text, false);
    let (request, answer) = (request_in(text), answer_in(text));
    let told = told::read(&written);
    assert!(told.as_ref().is_none_or(|told| told.at == at));
    let all = requests(std::slice::from_ref(&written));
    assert_eq!(all.len(), usize::from(request.is_some()));
    if let Some(ask) = &request {
        let again = compose_request(ask, &[], &Safe::fixed("jo"), at);
        is_comment(&again);
        assert_eq!(request_in(&again).as_ref(), Some(ask));
        assert_eq!(answer_in(&again), None);
        is_drawable(&ask.brief());
    }
    if let Some(answer) = &answer {
        answered(answer, text);
    }
    let account = AccountId::new(ConnectionName::parse("okta").unwrap(), "00uAbC");
    for said in note::of_others(&[written], &account, &ActionKind::ALL, at, |_| false) {
        is_drawable(&said);
    }
    let ways = [request.is_some(), answer.is_some(), told.is_some()];
    let said = ways.into_iter().filter(|is_said| *is_said).count();
    Held {
        found: said + anchors(text),
        same: 0,
    }
}

/// An answer says the same when it is written anew. It counts as a yes where somebody else gave it in time and left it
/// as it was, and as a no always.
fn answered(answer: &Answer, text: &str) {
    let again = compose_answer(answer, &Safe::fixed("jo"));
    is_comment(&again);
    assert_eq!(answer_in(&again).as_ref(), Some(answer));
    assert_eq!(request_in(&again), None);
    let (asks, other) = (person("a"), person("b"));
    let posted = Posted {
        comment: answer.request.clone(),
        at: DateTime::<Utc>::UNIX_EPOCH,
        by: asks.clone(),
    };
    for (author, after, edited, counts) in [
        (&other, TTL, false, true),
        (&other, TTL, true, false),
        (&other, TTL * 2, false, false),
        (&other, TimeDelta::zero(), false, false),
        (&asks, TTL, false, false),
    ] {
        let written = Written {
            comment: by(author, posted.at + after, text, edited),
            author: Some(author.clone()),
        };
        let (decision, _) = decide(&answer.ask, &posted, &[written], &BTreeSet::new());
        let is_yes = matches!(decision, Decision::Approved(_));
        assert_eq!(is_yes, counts && answer.say == Say::Approve);
        let is_no = matches!(decision, Decision::Denied(..));
        assert_eq!(is_no, answer.say == Say::Deny);
    }
}

/// Every anchor stands in the text, and is the same when it stands alone.
fn anchors(text: &str) -> usize {
    let found = find_anchors(text);
    // Escapes of Markdown may stand within a word.
    let bare = text.replace('\\', "");
    assert!(found.len() <= bare.matches("audit").count());
    for anchor in &found {
        let (n, h) = (format!("n={}", anchor.n), format!("h={}", anchor.h));
        assert!(anchor.n > 0);
        for part in [anchor.log.as_str(), n.as_str(), h.as_str()] {
            assert!(bare.contains(part), "{anchor} in {text:?}");
        }
        assert_eq!(
            find_anchors(&anchor.to_string()),
            std::slice::from_ref(anchor)
        );
    }
    found.len()
}
