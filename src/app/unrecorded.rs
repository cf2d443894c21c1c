//! What is said to whoever ends the console while the audit log cannot be written or relied on: the next console knows of an
//! action only what is on record, and may know of a text that nobody was told to be there.
//!
//! What must not live here: drawing it (`ui`), printing it (`cli`).

use super::model::Model;
use crate::domain::containment::ledger::ActionView;
use crate::domain::text::Safe;
use crate::safe;

/// What the next console may not find, and what it may find unexpectedly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    /// Why, and what to do, where there are actions.
    said: Safe,
    /// The actions that are under way, or whose case was not told, each with its account.
    acts: Vec<Safe>,
    /// What is said of texts of which nobody knows whether they are on record.
    texts: Option<Safe>,
}

impl Unrecorded {
    /// Finds what the next console may not find, or may; `None` where it finds all.
    pub fn of(model: &Model) -> Option<Self> {
        let how: Option<&'static str> = match (&model.audit_fault, &model.audit_broken) {
            (Some(_), _) => Some("cannot be written"),
            (None, Some(_)) => Some("is BROKEN or cut"),
            (None, None) => None,
        };
        let said = safe!(
            "The audit log {}: what is not on record the next console does not find. Note the accounts and look at the provider:",
            how.unwrap_or_default()
        );
        let acts = how.map_or_else(Vec::new, |_| acts(model));
        let texts = texts(model);
        (!acts.is_empty() || texts.is_some()).then_some(Self { said, acts, texts })
    }

    /// Says it in one text that names some of the actions.
    pub fn in_short(&self, most: usize) -> Safe {
        let named = self.acts.iter().take(most).cloned();
        let named = Safe::join(named, &Safe::fixed("; "));
        let acts = match self.acts.len().saturating_sub(most) {
            0 => safe!("{} {}.", self.said, named),
            more => safe!("{} {}; and {} more.", self.said, named, more),
        };
        let acts = (!self.acts.is_empty()).then_some(acts);
        let all = acts.into_iter().chain(self.texts.clone());
        Safe::join(all, &Safe::fixed(" "))
    }

    /// Says it in lines, each action in one.
    pub fn lines(&self) -> impl Iterator<Item = Safe> {
        let acts = self.acts.iter().map(|act| safe!("- {}", *act));
        let said = (!self.acts.is_empty()).then(|| self.said.clone());
        said.into_iter().chain(acts).chain(self.texts.clone())
    }
}

/// Lists the actions of which not all is on record.
fn acts(model: &Model) -> Vec<Safe> {
    let untold = model.ledger.undocumented();
    let is_under_way = |action: &&ActionView| {
        action.is_to_come() || model.going.contains(&action.aid) || untold.contains(&action.pid)
    };
    let acts = model.ledger.actions().filter(is_under_way);
    let acts = acts.map(|action| {
        safe!(
            "{} of {} ({})",
            action.what(),
            action.login.ident(),
            action.word()
        )
    });
    acts.collect()
}

/// Says which texts may be on record.
fn texts(model: &Model) -> Option<Safe> {
    let titles: Vec<Safe> = model.typed.perhaps().collect();
    if titles.is_empty() {
        return None;
    }
    Some(safe!(
        "It is not known whether these texts are on record: {}. What is there the next console shows, and posts where it is for a case: look before you write it again.",
        Safe::join(titles, &Safe::fixed(", "))
    ))
}
