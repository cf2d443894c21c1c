//! Everything that is contained, or was and is watched, as rows: one place for the list, the status line and the reminders.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Held, Model};
use crate::domain::containment::hold::Hold;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::recovery_watch::RecoveryWatch;
use crate::domain::containment::standing::Standing;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::AccountId;
use crate::domain::text::Safe;

/// One account that is contained, wholly or partly.
#[derive(Clone, Debug)]
pub struct Contained<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// How it stands.
    pub standing: &'a Standing,
    /// What was done to it since it was last enabled here, oldest first; never empty.
    pub acts: Vec<&'a ActionView>,
    /// Until when.
    pub hold: Option<&'a Hold>,
}

impl Contained<'_> {
    /// Gives the act that stands for it: the latest disabling, else the latest act.
    pub fn act(&self) -> Option<&ActionView> {
        let disabling = |act: &&&ActionView| act.kind == ActionKind::DisableAccount;
        let found = self.acts.iter().rev().find(disabling);
        found.or(self.acts.last()).copied()
    }

    /// Gives what a decision about it is about.
    pub fn held(&self) -> Option<Held> {
        self.act().map(|act| Held {
            case: act.case.clone(),
            account: self.account.clone(),
            login: act.login.clone(),
        })
    }

    /// Says why nobody watches it: only what was proven to be disabled is watched.
    pub fn unwatched(&self) -> Safe {
        let is_open = self.act().is_some_and(|act| {
            let is_open = act.is_unfinished() || act.is_closed_unread();
            act.kind == ActionKind::DisableAccount && is_open
        });
        if is_open {
            "not watched: its disabling is not read back yet".into()
        } else {
            "not watched".into()
        }
    }

    /// Tells whether the account was proven disabled from here and nobody took that back.
    pub fn is_disabled(&self) -> bool {
        self.act().is_some_and(|act| {
            act.kind == ActionKind::DisableAccount && act.state == ActionState::Verified
        })
    }
}

/// Lists everything contained, the newest first.
pub fn rows(model: &Model) -> Vec<Contained<'_>> {
    let mut rows: Vec<Contained<'_>> = model
        .standings
        .iter()
        .map(|(account, standing)| {
            let mut acts: Vec<&ActionView> = model
                .ledger
                .on(account)
                .filter(|act| act.may_have_left())
                .collect();
            acts.sort_by_key(|act| (act.sent_n, act.order));
            let enabled = acts.iter().rposition(|act| {
                act.kind == ActionKind::EnableAccount && act.state == ActionState::Verified
            });
            acts.drain(..enabled.map_or(0, |at| at + 1));
            Contained {
                account,
                standing,
                acts,
                hold: model.ledger.holds().hold(account),
            }
        })
        .filter(|row| !row.acts.is_empty())
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.standing.since()));
    rows
}

/// Lists the accounts that were enabled again and are watched, or whose watch ended a short time ago; the newest first.
pub fn recovering(model: &Model) -> Vec<&RecoveryWatch> {
    let standing = model.standings.keys();
    let listed: BTreeSet<&AccountId> = standing.collect();
    let recoveries = model.ledger.recoveries();
    let mut rows: Vec<&RecoveryWatch> = recoveries
        .all()
        .chain(recoveries.quiet())
        .filter(|watch| {
            let is_latest = recoveries.of(&watch.account) == Some(watch);
            // A watch that ended says nothing of an account that is contained again.
            let is_past = watch.over.is_some() && listed.contains(&watch.account);
            is_latest && !is_past && watch.is_listed(model.now.utc)
        })
        .collect();
    rows.sort_by_key(|watch| std::cmp::Reverse(watch.since));
    rows
}

/// Counts the rows of the list: what is contained, then what was enabled again and is watched.
pub fn count(model: &Model) -> usize {
    rows(model).len() + recovering(model).len()
}

/// Gives what a decision about a watch is about.
pub fn watched(watch: &RecoveryWatch) -> Held {
    Held {
        case: watch.case.clone(),
        account: watch.account.clone(),
        login: watch.login.clone(),
    }
}

/// Gives the ends to choose from; a watch has one.
pub fn ends(watch: bool) -> &'static [End] {
    match (watch, ENDS.split_last()) {
        (true, Some((_, ends))) => ends,
        _ => &ENDS,
    }
}

/// An end that a containment can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// So long from now.
    After(Duration),
    /// Until somebody decides: never by itself, only chosen.
    Open,
}

const HOUR: u64 = 3_600;

/// The ends to choose from; that without an end is the last.
pub const ENDS: [End; 6] = [
    End::After(Duration::from_secs(4 * HOUR)),
    End::After(Duration::from_secs(12 * HOUR)),
    End::After(Duration::from_secs(24 * HOUR)),
    End::After(Duration::from_secs(72 * HOUR)),
    End::After(Duration::from_secs(168 * HOUR)),
    End::Open,
];

impl End {
    /// Gives the words shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::After(length) => match length.as_secs() / HOUR {
                4 => "4 hours from now",
                12 => "12 hours from now",
                24 => "24 hours from now",
                72 => "3 days from now",
                _ => "7 days from now",
            },
            Self::Open => "until somebody decides",
        }
    }

    /// Gives the time it means.
    pub fn until(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::After(length) => {
                now.checked_add_signed(TimeDelta::from_std(length).unwrap_or_default())
            }
            Self::Open => None,
        }
    }
}
