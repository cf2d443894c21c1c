//! What the secrets are worth that wait to be handed over or are shown, by all that is known here.
//!
//! What must not live here: the rule itself (`domain`), taking and forgetting them (`update`).

use chrono::{DateTime, Utc};

use super::{Found, Layer, Load, Model, OpenCase};
use crate::app::message::Handed;
use crate::domain::account::Account;
use crate::domain::containment::ledger::{ActionView, Worth};
use crate::domain::freshness::{Moment, second_word};
use crate::domain::ids::{AccountId, ActionId};
use crate::domain::text::Safe;
use crate::safe;

/// What was asked of the provider for a secret that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Showing {
    /// Whether nothing was read of it yet since it is shown.
    pub is_awaited: bool,
}

impl Model {
    /// Gives the secrets that are here: those that wait, and the one that is shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Handed> {
        let shown = self.layers.iter().filter_map(|layer| match layer {
            Layer::Secret(handed) => Some(handed.as_ref()),
            _ => None,
        });
        let waiting = self.handed.iter().map(|(handed, _)| handed);
        waiting.chain(shown)
    }

    /// Tells what the secret of an action is worth; of one that is not on record nobody knows.
    pub fn worth(&self, aid: &ActionId) -> Worth {
        let Some(action) = self.ledger.get(aid) else {
            return Worth::Unanswered;
        };
        let shown = self.shown(&action.account);
        let shown = shown.and_then(|(account, _)| account.password_changed);
        // Of two readings the older one may be that of a replica that lags.
        let read = self.passwords.get(&action.account).map(|(set, _)| *set);
        self.ledger.worth(action, shown.max(read))
    }

    /// Gives when it was last read that what an action made is the password of its account; `None` while the reading is
    /// awaited that was asked for when it was shown.
    ///
    /// An account that tells no time of its password says nothing of it: then the reading that proved the action does.
    pub fn worth_read(&self, aid: &ActionId) -> Option<DateTime<Utc>> {
        let action = self.ledger.get(aid)?;
        let shown = self.shown(&action.account);
        if shown.is_some() && self.showing.is_some_and(|showing| showing.is_awaited) {
            return None;
        }
        let shown = shown.filter(|(account, _)| account.password_changed.is_some());
        let kept = self.passwords.get(&action.account).map(|(_, read)| *read);
        let proven = action.agreed.or(action.ended);
        shown.map(|(_, read)| read.utc).max(kept).max(proven)
    }

    /// Says of the account of an action that nobody signs in to it, as it was last read or as the log knows since.
    ///
    /// In Okta's RECOVERY the link is what lets in.
    pub fn barred(&self, aid: &ActionId) -> Option<Safe> {
        let action = self.ledger.get(aid)?;
        let shown = self.shown(&action.account);
        let read = shown.map(|(_, read)| read.utc);
        // What was read of it before it had its effect says nothing of it.
        let is_newer = |act: &ActionView| act.agreed.or(act.ended).max(act.sent) > read;
        let is_of_it = |act: &&ActionView| act.account == action.account && act.still_disables();
        let disabled = self.ledger.disabled(self.now.utc);
        if disabled.into_iter().filter(is_of_it).any(is_newer) {
            return Some("By the log the account is disabled".into());
        }
        let (account, read) = shown?;
        account.status.bars().then(|| {
            safe!(
                "As read at {}, the account is {}",
                second_word(read.utc),
                account.status.word()
            )
        })
    }

    /// Tells whether the account of an action is that of the open case.
    pub fn is_of_open(&self, aid: &ActionId) -> bool {
        let action = self.ledger.get(aid);
        action.is_some_and(|action| self.shown(&action.account).is_some())
    }

    /// Gives an account as it was last read for the open case, and when.
    fn shown(&self, account: &AccountId) -> Option<(&Account, Moment)> {
        match &self.open.as_ref()?.account {
            Load::Ready(Found::One(one), read) if one.id == *account => Some((one, *read)),
            _ => None,
        }
    }

    /// Keeps when the password of the shown account was set, as long as something that a reset of it made is here: another
    /// case may be opened meanwhile.
    pub(in crate::app) fn keep_password(&mut self) {
        let aids = self.secrets().map(|handed| &handed.aid);
        let actions = aids.filter_map(|aid| self.ledger.get(aid));
        let accounts: Vec<_> = actions.map(|action| action.account.clone()).collect();
        self.passwords
            .retain(|account, _| accounts.contains(account));
        let open = self.open.as_ref().and_then(OpenCase::the_account);
        let shown = open.filter(|account| accounts.contains(&account.id));
        let read = shown.and_then(|account| Some((account.id.clone(), account.password_changed?)));
        // A reading that failed left the one of before.
        let at = self.open.as_ref().and_then(|open| match open.account {
            Load::Ready(_, at) => Some(at.utc),
            _ => None,
        });
        if let Some(((account, set), at)) = read.zip(at) {
            let kept = self.passwords.entry(account).or_insert((set, at));
            *kept = (set.max(kept.0), at.max(kept.1));
        }
    }
}
