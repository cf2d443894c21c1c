//! How the watch over contained accounts goes: what looks nobody in has an age, and says so.
//!
//! What must not live here: looking (`engine::watch`).

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Model;
use super::contained::rows;
use crate::app::message::WatchOf;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::domain::ids::AccountId;

/// Longest time between two looks at one account, where the provider's rate is low and looks are left out.
const INTERVAL: Duration = Duration::from_secs(100);

/// How many accounts one round looks at; beyond them they take turns.
const TURN: usize = 20;

/// How looking at one account for one thing went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// When it was tried last; `None` before the first time.
    pub looked: Option<DateTime<Utc>>,
    /// When the last look that saw everything was, else since when one is awaited.
    pub good: Moment,
    /// Why the last look did not, if so.
    pub fault: Option<Fault>,
}

/// How the watch goes, where it does not go as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwatched {
    /// How many accounts are not watched as they should be.
    pub accounts: usize,
    /// For how long that has been so with the one it is worst with.
    pub age: Duration,
    /// Whether looks fail; else nobody looks at all.
    pub fails: bool,
}

impl Model {
    /// Lists the accounts that the watch should look at: those whose disabling was proven, undone by others or not.
    fn to_watch(&self) -> Vec<AccountId> {
        let disabled = |kind, state| {
            kind == ActionKind::DisableAccount
                && matches!(state, ActionState::Verified | ActionState::Drifted)
        };
        rows(self)
            .into_iter()
            .filter(|row| row.act().is_some_and(|act| disabled(act.kind, act.state)))
            .map(|row| row.account.clone())
            .collect()
    }

    /// Gives the last look at one account: the one that failed, else the one for successes; `None` before the first.
    pub fn watch(&self, account: &AccountId) -> Option<&Watch> {
        let of = |of| self.watched.get(&(account.clone(), of));
        let (successes, status) = (of(WatchOf::Successes), of(WatchOf::Status));
        let failing = [successes, status].into_iter().flatten();
        let mut failing = failing.filter(|watch| watch.fault.is_some());
        let watch = failing.next().or(successes);
        watch.filter(|watch| watch.looked.is_some())
    }

    /// Says how the watch is behind, if it is: looks fail, or none came for longer than two rounds.
    pub fn unwatched(&self) -> Option<Unwatched> {
        let accounts = self.to_watch();
        let turns = u32::try_from(accounts.len().div_ceil(TURN)).unwrap_or(u32::MAX);
        let late = INTERVAL.saturating_mul(2).saturating_mul(turns);
        let mut found: Option<Unwatched> = None;
        for account in accounts {
            let looks = [WatchOf::Successes, WatchOf::Status]
                .map(|of| self.watched.get(&(account.clone(), of)));
            let behind = looks.into_iter().flatten().filter_map(|watch| {
                let age = self.age(watch.good);
                (watch.fault.is_some() || age > late).then_some((watch.fault.is_some(), age))
            });
            let Some((fails, age)) = behind.max() else {
                continue;
            };
            let found = found.get_or_insert(Unwatched {
                accounts: 0,
                age: Duration::ZERO,
                fails: false,
            });
            found.accounts += 1;
            found.age = found.age.max(age);
            found.fails |= fails;
        }
        found
    }

    /// Begins to count the age of the watch over accounts that are to be watched from now on, and forgets the others.
    pub(super) fn watch_from_now(&mut self) {
        let accounts = self.to_watch();
        self.watched
            .retain(|(account, _), _| accounts.contains(account));
        let first = Watch {
            looked: None,
            good: self.now,
            fault: None,
        };
        for account in accounts {
            let of = (account, WatchOf::Successes);
            self.watched.entry(of).or_insert_with(|| first.clone());
        }
    }
}
