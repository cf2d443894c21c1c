//! How many accounts may be acted on in a while, counted from the records, so that a restart forgets nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::campaign::Campaign;
use super::kind::ActionKind;
use super::ledger::Ledger;
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Window of the cap on one person.
pub const PERSON_WINDOW: Duration = Duration::minutes(10);

/// Window of the cap on one host.
pub const HOST_WINDOW: Duration = Duration::hours(1);

/// The caps: different accounts, not requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Accounts one person may act on in ten minutes.
    pub per_person: u32,
    /// Accounts that may be acted on from one host in an hour.
    pub per_host: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            per_person: 5,
            per_host: 20,
        }
    }
}

/// Tells whether a plan of these kinds counts at all: an undo never does.
pub fn counts(kinds: &[ActionKind]) -> bool {
    kinds.iter().any(|kind| *kind != ActionKind::EnableAccount)
}

/// What the caps say to one more account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapWord {
    /// It is within them.
    Within,
    /// It is beyond them, in the name of a campaign.
    Campaign(String),
    /// It is beyond them, and why.
    Over(Safe),
    /// It cannot be counted, and why.
    Unreadable(Safe),
}

impl CapWord {
    /// Says why nothing may be sent. `may_exceed` tells that a second person allowed to go beyond the caps, `named` is the
    /// campaign that was confirmed.
    pub fn refusal(self, may_exceed: bool, named: Option<&str>) -> Option<Safe> {
        match self {
            Self::Within => None,
            Self::Campaign(name) if named == Some(name.as_str()) => None,
            Self::Campaign(_) => Some(
                "a cap was reached meanwhile: plan it again in the name of the campaign".into(),
            ),
            Self::Over(_) if may_exceed => None,
            Self::Over(reason) | Self::Unreadable(reason) => Some(reason),
        }
    }
}

/// Asks the caps, and the campaign where they are reached.
pub fn judge(
    caps: Caps,
    campaign: Option<&Campaign>,
    ledger: &Ledger,
    user: &Untrusted,
    (account, kinds): (&AccountId, &[ActionKind]),
    now: DateTime<Utc>,
) -> CapWord {
    match refusal(caps, ledger, user, account, kinds, now) {
        None => CapWord::Within,
        Some(reason) => match campaign.filter(|one| one.has_room(ledger, account, now)) {
            Some(one) => CapWord::Campaign(one.name.clone()),
            None => CapWord::Over(reason),
        },
    }
}

/// Refuses one more account when a cap is reached; an account already acted on, and an undo, never counts again.
pub fn refusal(
    caps: Caps,
    ledger: &Ledger,
    user: &Untrusted,
    account: &AccountId,
    kinds: &[ActionKind],
    now: DateTime<Utc>,
) -> Option<Safe> {
    if !counts(kinds) {
        return None;
    }
    let since = |window: Duration, person: Option<&Untrusted>| {
        let accounts: BTreeSet<&AccountId> = ledger
            .actions()
            .filter(|action| action.kind != ActionKind::EnableAccount)
            .filter(|action| person.is_none_or(|person| action.user == *person))
            .filter(|action| action.sent.is_some_and(|sent| sent > now - window))
            .map(|action| &action.account)
            .collect();
        if accounts.contains(account) {
            0
        } else {
            accounts.len()
        }
    };
    if since(PERSON_WINDOW, Some(user)) >= caps.per_person as usize {
        return Some(safe!(
            "cap reached: {} accounts by one person in 10 minutes",
            caps.per_person
        ));
    }
    if since(HOST_WINDOW, None) >= caps.per_host as usize {
        return Some(safe!(
            "cap reached: {} accounts from this host in an hour",
            caps.per_host
        ));
    }
    None
}
