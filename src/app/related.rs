//! Other cases beside the open one: of the same user, with the same observables, similar by the vendor's word.
//!
//! What must not live here: asking the vendor (`engine`), drawing.

use std::collections::BTreeSet;

use super::model::filter::users;
use super::model::{Load, Model, OpenCase};
use crate::domain::case::Case;
use crate::domain::ids::CaseId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// One other case.
#[derive(Clone, Debug)]
pub struct Related {
    /// Which.
    pub id: CaseId,
    /// What it is called.
    pub name: Safe,
    /// Its title.
    pub title: Safe,
    /// Why it stands here.
    pub why: Safe,
    /// The vendor's word for its status.
    pub status: Safe,
    /// Whether it wants work.
    pub is_open: bool,
}

/// What is seen in a case, as far as it was opened here: type and value.
pub type Seen = BTreeSet<(Untrusted, Untrusted)>;

/// Gives every name of the open case's user: as the case has it, and as the account has it.
fn names(open: &OpenCase) -> Vec<&Untrusted> {
    let mut names: Vec<&Untrusted> = open.user.iter().collect();
    let told = users(Some(&open.subject));
    // Of several only the chosen one is the user.
    if told.len() == 1 || names.is_empty() {
        names.extend(told);
    }
    if let Some(account) = open.the_account() {
        names.push(&account.login);
        names.extend(&account.mail);
    }
    names
}

/// Lists them, open ones first, each once with all reasons.
pub fn rows(model: &Model) -> Vec<Related> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let similar: Vec<&Case> = match &open.similar {
        Load::Ready(cases, _) => cases.iter().collect(),
        _ => Vec::new(),
    };
    let named = names(open);
    let own = model.seen.get(&open.id);
    let beyond = similar
        .iter()
        .copied()
        .filter(|case| model.queue.case(&case.id).is_none());
    let mut rows: Vec<Related> = Vec::new();
    for case in model.queue.all().iter().chain(beyond) {
        if case.id == open.id {
            continue;
        }
        let mut why: Vec<Safe> = Vec::new();
        let theirs = users(model.queue.subjects.get(&case.id));
        let is_named = |user: &Untrusted| {
            let mut all = named.iter();
            all.any(|name| name.raw().eq_ignore_ascii_case(user.raw()))
        };
        if theirs.iter().any(is_named) {
            why.push("same user".into());
        }
        let shared = own
            .zip(model.seen.get(&case.id))
            .and_then(|(own, theirs)| own.intersection(theirs).next());
        if let Some((kind, value)) = shared {
            why.push(safe!("same {} {:.24}", kind.field(), value.field()));
        }
        if similar.iter().any(|one| one.id == case.id) {
            why.push(safe!("similar by {}", open.id.connection));
        }
        if !why.is_empty() {
            rows.push(Related {
                id: case.id.clone(),
                name: case
                    .number
                    .map_or_else(|| case.id.shown(), |number| safe!("#{}", number)),
                title: case.title.field(),
                why: Safe::join(why, &Safe::fixed(", ")),
                status: case.vendor_status.field(),
                is_open: case.status.is_open(),
            });
        }
    }
    rows.sort_by_key(|row| !row.is_open);
    rows
}

/// Says what the list cannot know.
pub fn unknown(model: &Model) -> Safe {
    let vendor: Safe = match model.open.as_ref().map(|open| &open.similar) {
        Some(Load::Ready(..)) => "the case system was asked for similar cases".into(),
        Some(Load::Failed(fault, _)) => {
            safe!("similar cases cannot be known: {}", fault.what)
        }
        _ => "the case system is being asked for similar cases".into(),
    };
    let more: &'static str = if model.queue.truncated {
        "; there are more cases than the queue holds"
    } else {
        ""
    };
    safe!(
        "{}; of cases not opened here only what the list says of them is known{}",
        vendor,
        more
    )
}
