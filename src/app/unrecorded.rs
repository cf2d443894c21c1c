//! What is said to whoever ends the console while the audit log cannot be written or relied on: the next console knows of an
//! action only what is on record.
//!
//! What must not live here: drawing it (`ui`), printing it (`cli`).

use super::model::Model;
use crate::domain::containment::ledger::ActionView;
use crate::domain::text::Safe;
use crate::safe;

/// What the next console may not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    /// Why, and what to do.
    said: Safe,
    /// The actions that are under way, or whose case was not told, each with its account.
    acts: Vec<Safe>,
}

impl Unrecorded {
    /// Finds what the next console may not find; `None` where it finds all.
    pub fn of(model: &Model) -> Option<Self> {
        let how: &'static str = match (&model.audit_fault, &model.audit_broken) {
            (Some(_), _) => "cannot be written",
            (None, Some(_)) => "is BROKEN or cut",
            (None, None) => return None,
        };
        let untold = model.ledger.undocumented();
        let is_under_way = |action: &&ActionView| {
            action.is_unfinished()
                || model.going.contains(&action.aid)
                || untold.contains(&action.pid)
        };
        let acts = model.ledger.actions().filter(is_under_way);
        let acts: Vec<Safe> = acts
            .map(|action| {
                safe!(
                    "{} of {} ({})",
                    action.what(),
                    action.login.ident(),
                    action.state.word()
                )
            })
            .collect();
        let said = safe!(
            "The audit log {}: what is not on record the next console does not find. Note the accounts and look at the provider:",
            how
        );
        (!acts.is_empty()).then_some(Self { said, acts })
    }

    /// Says it in one text that names some of the actions.
    pub fn in_short(&self, most: usize) -> Safe {
        let named = self.acts.iter().take(most).cloned();
        let named = Safe::join(named, &Safe::fixed("; "));
        match self.acts.len().saturating_sub(most) {
            0 => safe!("{} {}.", self.said, named),
            more => safe!("{} {}; and {} more.", self.said, named, more),
        }
    }

    /// Says it in lines, each action in one.
    pub fn lines(&self) -> impl Iterator<Item = Safe> {
        let acts = self.acts.iter().map(|act| safe!("- {}", *act));
        std::iter::once(self.said.clone()).chain(acts)
    }
}
