//! What records say of the time after a containment: its end, what the watch saw, what came of a new password.
//!
//! What must not live here: what follows from them (see `containment::hold`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::long;
use crate::domain::ids::{AccountId, ActionId, CaseId, ConnectionName};
use crate::domain::text::Untrusted;

/// Somebody decided until when a containment holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldSet {
    /// The case.
    pub case: CaseId,
    /// The contained account.
    pub account: AccountId,
    /// Its login.
    #[serde(with = "long")]
    pub login: Untrusted,
    /// Who answers for it.
    #[serde(with = "long")]
    pub owner: Untrusted,
    /// Until when; `None` is until somebody decides.
    #[serde(with = "long::micros_option")]
    pub until: Option<DateTime<Utc>>,
    /// What was decided: `confirmed`, `changed` or `kept`.
    pub how: String,
    /// Why, in the analyst's words.
    #[serde(with = "long::option")]
    pub reason: Option<Untrusted>,
}

/// Somebody said that a finding means nothing, or took that back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingDismissed {
    /// The case.
    pub case: CaseId,
    /// The account, when it was resolved.
    pub account: Option<AccountId>,
    /// Id of the rule.
    pub rule: String,
    /// The event that decided it: its id, else its time and action.
    #[serde(with = "long")]
    pub event: Untrusted,
    /// Whether it is dismissed; `false` takes an earlier dismissal back.
    pub dismissed: bool,
    /// Why, in the analyst's words.
    #[serde(with = "long")]
    pub reason: Untrusted,
}

/// A contained account did something that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchSuccess {
    /// The case.
    pub case: CaseId,
    /// The contained account.
    pub account: AccountId,
    /// Where it was seen.
    pub connection: ConnectionName,
    /// Id of the event there.
    #[serde(with = "long")]
    pub event: Untrusted,
    /// When it happened.
    #[serde(with = "long::micros")]
    pub at: DateTime<Utc>,
    /// What was done.
    #[serde(with = "long")]
    pub action: Untrusted,
    /// From which address.
    #[serde(with = "long::option")]
    pub address: Option<Untrusted>,
}

/// Up to which event the watch of an account has read a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchCursor {
    /// The contained account.
    pub account: AccountId,
    /// The source.
    pub connection: ConnectionName,
    /// Time of the newest event that was read.
    #[serde(with = "long::micros")]
    pub upto: DateTime<Utc>,
}

/// What came of a secret that an action made to be handed over; the secret itself is in no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// It waits in the memory of the console that wrote this.
    Waits,
    /// It was shown, which happens once.
    Shown,
    /// The console forgot it unseen, and said so.
    Forgotten,
    /// The console ended before it was seen; a later one said so.
    Lost,
}

/// Something came of a secret that is handed over once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSaid {
    /// The action that made it.
    pub aid: ActionId,
    /// What.
    pub state: SecretState,
}
