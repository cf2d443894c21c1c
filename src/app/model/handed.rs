//! What the secrets are worth that wait to be handed over or are shown, by all that is known here.
//!
//! What must not live here: the rule itself (`domain`), taking and forgetting them (`update`).

use super::{Layer, Model, OpenCase};
use crate::app::message::Handed;
use crate::domain::containment::ledger::Worth;
use crate::domain::ids::ActionId;

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
        let open = self.open.as_ref().and_then(OpenCase::the_account);
        let shown = open.filter(|account| account.id == action.account);
        let shown = shown.and_then(|account| account.password_changed);
        // Of two readings the older one may be that of a replica that lags.
        let read = self.passwords.get(&action.account).copied();
        self.ledger.worth(action, shown.max(read))
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
        if let Some((account, set)) = read {
            let kept = self.passwords.entry(account).or_insert(set);
            *kept = set.max(*kept);
        }
    }
}
