//! How the watch over accounts goes, contained or enabled again: what looks nobody in has an age, and says so.
//!
//! What must not live here: looking (`engine::watch`).

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Model;
use super::contained::rows;
use crate::app::message::WatchOf;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::domain::ids::AccountId;

/// Longest time between two looks at one account, where the provider's rate is low and looks are left out.
const INTERVAL: Duration = Duration::from_secs(100);

/// Longest time between two looks at what was left in an account.
const LEFT_INTERVAL: Duration = Duration::from_secs(15 * 60);

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
    /// Lists the accounts that the watch should look at: those whose disabling was proven, undone by others or not, and not
    /// followed by an enabling from here that has its final word: they are watched as enabled again.
    fn to_watch(&self) -> Vec<AccountId> {
        let is_disabled = |act: &&ActionView| {
            act.kind == ActionKind::DisableAccount
                && matches!(act.state, ActionState::Verified | ActionState::Drifted)
        };
        rows(self)
            .into_iter()
            .filter(|row| {
                // One more without a proof takes an earlier proof from nobody.
                let last = row.acts.iter().copied().rev().find(is_disabled);
                last.is_some_and(|act| {
                    !row.acts.iter().any(|other| {
                        other.kind == ActionKind::EnableAccount
                            && matches!(
                                other.state,
                                ActionState::Unverifiable | ActionState::Abandoned
                            )
                            && other.sent_n > act.sent_n
                    })
                })
            })
            .map(|row| row.account.clone())
            .collect()
    }

    /// Tells whether the watch looks at an account that stands as contained, wholly or in part: only where it was disabled.
    pub fn watches(&self, account: &AccountId) -> bool {
        self.to_watch().contains(account)
    }

    /// Lists the accounts that were enabled again and are watched on.
    fn recovering(&self) -> Vec<AccountId> {
        let running = self.ledger.recoveries().running();
        running.map(|watch| watch.account.clone()).collect()
    }

    /// Gives the last look at one account: the one that failed, else the one for successes; `None` before the first.
    pub fn watch(&self, account: &AccountId) -> Option<&Watch> {
        self.worst(account, [WatchOf::Successes, WatchOf::Status])
    }

    /// Gives the last look at an account that was enabled again: the one that failed, else the one in the logs.
    pub fn recovery_watch(&self, account: &AccountId) -> Option<&Watch> {
        self.worst(account, [WatchOf::Recovery, WatchOf::Left])
    }

    fn worst(&self, account: &AccountId, looks: [WatchOf; 2]) -> Option<&Watch> {
        let [first, second] = looks.map(|of| self.watched.get(&(account.clone(), of)));
        let failing = [first, second].into_iter().flatten();
        let mut failing = failing.filter(|watch| watch.fault.is_some());
        let watch = failing.next().or(first);
        watch.filter(|watch| watch.looked.is_some())
    }

    /// Says how the watch is behind, if it is: looks fail, or none came for longer than two rounds.
    pub fn unwatched(&self) -> Option<Unwatched> {
        let contained = self.to_watch();
        let recovering = self.recovering();
        let late = |interval: Duration, accounts: &[AccountId]| {
            let turns = u32::try_from(accounts.len().div_ceil(TURN)).unwrap_or(u32::MAX);
            interval.saturating_mul(2).saturating_mul(turns)
        };
        let looks = [
            (WatchOf::Successes, late(INTERVAL, &contained)),
            (WatchOf::Status, late(INTERVAL, &contained)),
            (WatchOf::Recovery, late(INTERVAL, &recovering)),
            (WatchOf::Left, late(LEFT_INTERVAL, &recovering)),
        ];
        let accounts: BTreeSet<&AccountId> = contained.iter().chain(&recovering).collect();
        let mut found: Option<Unwatched> = None;
        for account in accounts {
            let behind = looks.iter().filter_map(|(of, late)| {
                let watch = self.watched.get(&(account.clone(), *of))?;
                let age = self.age(watch.good);
                (watch.fault.is_some() || age > *late).then_some((watch.fault.is_some(), age))
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
        let contained = self.to_watch();
        let recovering = self.recovering();
        self.watched.retain(|(account, of), _| match of {
            WatchOf::Status | WatchOf::Successes => contained.contains(account),
            WatchOf::Recovery | WatchOf::Left => recovering.contains(account),
        });
        let first = Watch {
            looked: None,
            good: self.now,
            fault: None,
        };
        let contained = contained.into_iter();
        let contained = contained.map(|account| (account, WatchOf::Successes));
        let recovering = recovering.into_iter();
        let recovering = recovering.map(|account| (account, WatchOf::Recovery));
        for of in contained.chain(recovering) {
            self.watched.entry(of).or_insert_with(|| first.clone());
        }
    }
}
