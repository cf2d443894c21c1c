//! How the watch over accounts goes, contained or enabled again: what looks nobody in has an age, and says so.
//!
//! What must not live here: looking (`engine::watch`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Model;
use crate::app::message::WatchOf;
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
    /// Lists the accounts that the watch should look at for something: those that the engine looks at, by the same rule.
    fn to_watch(&self, of: WatchOf) -> Vec<&AccountId> {
        match of {
            WatchOf::Successes | WatchOf::Status => {
                let disabled = self.ledger.disabled(self.now.utc).into_iter();
                disabled
                    // What others undid is not looked at for that again.
                    .filter(|act| of != WatchOf::Status || act.still_disables())
                    .map(|act| &act.account)
                    .collect()
            }
            WatchOf::Recovery | WatchOf::Left => {
                let running = self.ledger.recoveries().running();
                running.map(|watch| &watch.account).collect()
            }
        }
    }

    /// Tells whether the watch looks at an account as one that is disabled, whether the list shows it or not.
    pub fn watches(&self, account: &AccountId) -> bool {
        self.to_watch(WatchOf::Successes).contains(&account)
    }

    /// Tells whether the last look at how an account stands at its provider read it; else all there is is what the records say.
    pub fn is_read(&self, account: &AccountId) -> bool {
        self.unread(account).is_none()
    }

    /// Says how it is that the last look at how an account stands at its provider did not read it, if so.
    pub fn unread(&self, account: &AccountId) -> Option<&'static str> {
        match self.watched.get(&(account.clone(), WatchOf::Status)) {
            Some(look) if look.fault.is_some() => Some("the last look at the account failed"),
            Some(look) if look.looked.is_some() => None,
            _ => Some("the account is not read yet"),
        }
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
        let looks = [
            (WatchOf::Successes, INTERVAL),
            (WatchOf::Status, INTERVAL),
            (WatchOf::Recovery, INTERVAL),
            (WatchOf::Left, LEFT_INTERVAL),
        ];
        // Of each account the look it is worst with.
        let mut behind: BTreeMap<&AccountId, (bool, Duration)> = BTreeMap::new();
        for (of, interval) in looks {
            let accounts = self.to_watch(of);
            let turns = u32::try_from(accounts.len().div_ceil(TURN)).unwrap_or(u32::MAX);
            let late = interval.saturating_mul(2).saturating_mul(turns);
            for account in accounts {
                let Some(watch) = self.watched.get(&(account.clone(), of)) else {
                    continue;
                };
                let (fails, age) = (watch.fault.is_some(), self.age(watch.good));
                if fails || age > late {
                    let worst = behind.entry(account).or_default();
                    *worst = (fails, age).max(*worst);
                }
            }
        }
        let age = behind.values().map(|(_, age)| *age).max()?;
        Some(Unwatched {
            accounts: behind.len(),
            age,
            fails: behind.values().any(|(fails, _)| *fails),
        })
    }

    /// Begins to count the age of the watch over accounts that are to be watched from now on, and forgets the others.
    pub(super) fn watch_from_now(&mut self) {
        let looks = [
            WatchOf::Successes,
            WatchOf::Status,
            WatchOf::Recovery,
            WatchOf::Left,
        ];
        let mut awaited: BTreeSet<(AccountId, WatchOf)> = BTreeSet::new();
        for of in looks {
            let accounts = self.to_watch(of).into_iter();
            awaited.extend(accounts.map(|account| (account.clone(), of)));
        }
        self.watched.retain(|look, _| awaited.contains(look));
        let first = Watch {
            looked: None,
            good: self.now,
            fault: None,
        };
        // The others are awaited from their first look on.
        awaited.retain(|(_, of)| matches!(of, WatchOf::Successes | WatchOf::Recovery));
        for look in awaited {
            self.watched.entry(look).or_insert_with(|| first.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;

    use super::*;
    use crate::app::keymap::Keymap;
    use crate::app::model::contained::rows;
    use crate::app::model::{OwnLog, Start};
    use crate::config::parse::parse;
    use crate::config::sample::SAMPLE;
    use crate::domain::audit::{Body, Observed, OutcomeState};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{
        account, aid, at, confirmed, entry, intent, outcome, planned, proven,
    };
    use crate::domain::runbook::choice::Runbooks;

    const D: ActionKind = ActionKind::DisableAccount;
    const LATE: Duration = Duration::from_secs(201);

    fn model() -> Model {
        let parsed = parse(SAMPLE, "quell.toml", &[]);
        let parsed = parsed.unwrap_or_else(|faults| panic!("{faults:#?}"));
        let mut model = Model::new(Start {
            settings: Arc::new(parsed.settings),
            keymap: Arc::new(Keymap::default()),
            runbooks: Arc::new(Runbooks::default()),
            escalation: None,
            os_user: "jo".into(),
            own_log: OwnLog::default(),
            now: Moment {
                utc: at(100),
                boot: Duration::from_secs(1_000),
            },
            size: (120, 40),
        });
        proven(&mut model.ledger, 1, D, 10, 0);
        model.judge();
        model
    }

    fn sent(model: &mut Model, kind: ActionKind, last: Option<OutcomeState>) {
        let bodies = [
            planned(2, 0, kind),
            confirmed(2, false),
            intent(2, Some(60)),
        ];
        let last = last.map(|state| outcome(2, state));
        for (body, n) in bodies.into_iter().chain(last).zip(20..) {
            model.ledger.apply(&entry(n, 60, body));
        }
        model.judge();
    }

    fn key(of: WatchOf) -> (AccountId, WatchOf) {
        (account().id, of)
    }

    #[test]
    fn an_account_that_is_in_no_row_is_watched_all_the_same() {
        let mut model = model();
        assert_eq!(rows(&model).len(), 1);
        sent(&mut model, D, Some(OutcomeState::NotEffective));
        assert!(rows(&model).is_empty(), "it is free by the records");
        assert!(model.watches(&account().id));
        assert!(model.watched.contains_key(&key(WatchOf::Successes)));
        assert_eq!(model.unwatched(), None);
        model.now.boot += LATE;
        assert_eq!(model.unwatched().map(|behind| behind.accounts), Some(1));
    }

    #[test]
    fn an_account_is_read_once_a_look_at_its_status_came() {
        let mut model = model();
        let id = account().id;
        assert!(!model.is_read(&id), "it is only awaited");
        assert_eq!(model.unread(&id), Some("the account is not read yet"));
        let mut look = Watch {
            looked: Some(at(100)),
            good: model.now,
            fault: None,
        };
        model.watched.insert(key(WatchOf::Successes), look.clone());
        assert!(!model.is_read(&id), "the SIEM does not tell");
        model.watched.insert(key(WatchOf::Status), look.clone());
        assert!(model.is_read(&id));
        look.fault = Some(Fault::new("no answer"));
        model.watched.insert(key(WatchOf::Status), look);
        assert!(!model.is_read(&id));
        assert_eq!(
            model.unread(&id),
            Some("the last look at the account failed")
        );
    }

    #[test]
    fn nobody_waits_for_looks_while_an_enabling_is_on_its_way() {
        let mut model = model();
        sent(&mut model, ActionKind::EnableAccount, None);
        model.now.boot += LATE;
        assert_eq!((model.unwatched(), model.watched.len()), (None, 0));
        assert!(!model.watches(&account().id));
        // It may never have happened.
        model.now.utc += TimeDelta::minutes(15);
        assert!(model.watches(&account().id));
        model.judge();
        model.now.boot += LATE;
        assert_eq!(model.unwatched().map(|behind| behind.accounts), Some(1));
    }

    #[test]
    fn nobody_waits_for_looks_at_the_status_of_what_others_undid() {
        let mut model = model();
        let look = Watch {
            looked: None,
            good: model.now,
            fault: None,
        };
        model.watched.insert(key(WatchOf::Status), look.clone());
        model.now.boot += LATE;
        let good = model.now;
        let look = Watch { good, ..look };
        model.watched.insert(key(WatchOf::Successes), look);
        assert_eq!(model.unwatched().map(|behind| behind.accounts), Some(1));
        let drifted = entry(20, 60, outcome(1, OutcomeState::Drifted));
        model.ledger.apply(&drifted);
        assert_eq!(model.unwatched(), None);
        model.judge();
        let looks: Vec<_> = model.watched.keys().cloned().collect();
        assert_eq!(looks, [key(WatchOf::Successes)]);
    }

    #[test]
    fn what_reads_disabled_without_a_proof_is_watched_until_others_undo_it() {
        let mut model = model();
        model.ledger = Ledger::default();
        let read = Body::ActionObserve(Observed {
            aid: aid(2),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: None,
        });
        let bodies = [
            planned(2, 0, D),
            confirmed(2, false),
            intent(2, Some(60)),
            read,
            outcome(2, OutcomeState::Rejected),
        ];
        for (body, n) in bodies.into_iter().zip(20..) {
            model.ledger.apply(&entry(n, 60, body));
        }
        model.judge();
        let id = account().id;
        assert!(model.watches(&id));
        assert_eq!(model.to_watch(WatchOf::Status), [&id]);
        let looks: Vec<_> = model.watched.keys().cloned().collect();
        assert_eq!(looks, [key(WatchOf::Successes)], "it is waited for");
        let drifted = entry(30, 60, outcome(2, OutcomeState::Drifted));
        model.ledger.apply(&drifted);
        assert!(model.watches(&id));
        assert!(model.to_watch(WatchOf::Status).is_empty());
    }
}
