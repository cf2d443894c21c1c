//! The names of the accounts that are watched: a source that has no id of the provider has an account that was renamed
//! under its new name only.
//!
//! What must not live here: what is a name of an account (`domain::containment::called`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::app::message::Level;
use crate::domain::account::Account;
use crate::domain::containment::called::{Called, Renamed};
use crate::domain::containment::ledger::ActionView;
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, ActionId, ConnectionName};
use crate::domain::text::Untrusted;
use crate::engine::World;
use crate::safe;

/// What the watched accounts were read to be called, by account.
#[derive(Default)]
pub(in crate::engine) struct Names(Mutex<BTreeMap<AccountId, Called>>);

impl Names {
    /// Keeps what a reading calls an account, and gives what is new; what was read of another account is left out.
    fn learn(&self, id: &AccountId, login: &Untrusted, read: &Account) -> Renamed {
        if read.id != *id {
            return Renamed::default();
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(id.clone()).or_default().learn(login, read)
    }

    /// Gives all names of an account that is called `login` on record.
    pub(super) fn of(&self, id: &AccountId, login: &Untrusted) -> Called {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(id)
            .map_or_else(|| Called::new(login), |called| called.with(login))
    }

    /// Gives the names by which a source may have an account: the log of its own provider has the id that stays.
    pub(super) fn at(&self, source: &ConnectionName, id: &AccountId, login: &Untrusted) -> Called {
        if *source == id.connection {
            return Called::new(login);
        }
        self.of(id, login)
    }
}

/// The names under which the sources were asked so far, by the action that began the watch.
#[derive(Default)]
pub(super) struct Asked(HashMap<ActionId, Called>);

impl Asked {
    /// Notes the names of this round, and tells whether the sources were asked for others before.
    pub(super) fn changes(&mut self, aid: &ActionId, called: &Called) -> bool {
        let before = self.0.insert(aid.clone(), called.clone());
        before.is_some_and(|before| before != *called)
    }

    /// Forgets what is not watched any more.
    pub(super) fn keep(&mut self, runs: impl Fn(&ActionId) -> bool) {
        self.0.retain(|aid, _| runs(aid));
    }
}

/// Keeps what a reading calls an account that is called `login` on record, and says what is new.
pub(super) async fn learn(world: &World, id: &AccountId, login: &Untrusted, read: &Account) {
    let Renamed { login: other, mail } = world.names.learn(id, login, read);
    let provider = &id.connection;
    let renamed = other.map(|other| {
        safe!(
            "{} is called {} at {} now: both names are watched",
            login.field(),
            other.field(),
            provider
        )
    });
    let mail = mail.map(|mail| {
        safe!(
            "{} has the mail address {} at {} now: it is watched too",
            login.field(),
            mail.field(),
            provider
        )
    });
    for what in renamed.into_iter().chain(mail) {
        world.notice(Level::Warning, Fault::new(what)).await;
    }
}

/// Reads what an account is called whose status nobody looks at any more.
pub(super) async fn read(world: &World, action: &ActionView) {
    let Some(identity) = world.identity(&action.account.connection) else {
        return;
    };
    // A provider that does not answer is told of by its polls; a later round reads it again.
    if let Ok(account) = identity.account(&action.account).await {
        learn(world, &action.account, &action.login, &account).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::samples::{account, aid, connection};

    fn renamed() -> Account {
        Account {
            login: "mara.berg@acme.example".into(),
            ..account()
        }
    }

    #[test]
    fn a_name_that_was_read_of_another_account_gets_to_nobody() {
        let (names, mara) = (Names::default(), account());
        let other = Account {
            id: AccountId::new(connection(), "00uOther"),
            ..renamed()
        };
        assert_eq!(
            names.learn(&mara.id, &mara.login, &other),
            Renamed::default()
        );
        assert_eq!(names.of(&mara.id, &mara.login), Called::new(&mara.login));
        assert!(
            names
                .learn(&mara.id, &mara.login, &renamed())
                .login
                .is_some()
        );
        assert_eq!(
            names.of(&other.id, &mara.login),
            Called::new(&mara.login),
            "not of the other one either"
        );
    }

    #[test]
    fn the_log_of_its_own_provider_has_an_account_by_its_id() {
        let (names, mara) = (Names::default(), account());
        names.learn(&mara.id, &mara.login, &renamed());
        let siem = ConnectionName::parse("siem").unwrap_or_else(|error| panic!("{error}"));
        let own = names.at(&connection(), &mara.id, &mara.login).all();
        assert_eq!(own, std::slice::from_ref(&mara.login));
        let others = names.at(&siem, &mara.id, &mara.login).all();
        assert!(others.contains(&renamed().login), "{others:?}");
    }

    #[test]
    fn everything_is_asked_for_under_a_name_that_was_not_known_before() {
        let (mut asked, old) = (Asked::default(), Called::new(&account().login));
        assert!(!asked.changes(&aid(1), &old), "nothing was asked yet");
        assert!(!asked.changes(&aid(1), &old));
        let new = Called::new(&renamed().login).with(&account().login);
        assert!(asked.changes(&aid(1), &new));
        assert!(!asked.changes(&aid(1), &new));
        assert!(!asked.changes(&aid(2), &old), "another one");
        asked.keep(|one| *one != aid(1));
        assert!(!asked.changes(&aid(1), &old), "forgotten");
    }
}
