//! Records of work on cases beside their lists: changes in the case system, snoozes, the window of a compromise, leaving.
//!
//! What must not live here: what follows from them (see `domain::casework`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::long;
use super::words::DecisionKind;
use crate::domain::ids::{AccountId, CaseId, ConnectionName, RecordId};
use crate::domain::text::Untrusted;

/// A case is about to be changed in its case system; written with the intent of the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseChanged {
    /// The write.
    pub rid: RecordId,
    /// The case.
    pub case: CaseId,
    /// `claim`, `release`, `close` or `merge`.
    pub kind: String,
    /// What it is now: the owner, the status, the other cases.
    #[serde(with = "long")]
    pub from: Untrusted,
    /// What it is to be: the owner, the verdict.
    #[serde(with = "long")]
    pub to: Untrusted,
    /// Why, in the analyst's words.
    #[serde(with = "long::option")]
    pub comment: Option<Untrusted>,
}

/// A person decided not to contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The case.
    pub case: CaseId,
    /// The account, when it was resolved.
    pub account: Option<AccountId>,
    /// The login it was about.
    #[serde(with = "long")]
    pub login: Untrusted,
    /// What was decided.
    pub decision: DecisionKind,
    /// Why, in the analyst's words.
    #[serde(with = "long")]
    pub reason: Untrusted,
}

/// A case is not shown for a while, or is again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseSnoozed {
    /// The case.
    pub case: CaseId,
    /// Until when; `None` takes it back.
    #[serde(with = "long::micros_option")]
    pub until: Option<DateTime<Utc>>,
    /// Why, in the analyst's words.
    #[serde(with = "long")]
    pub reason: Untrusted,
}

/// Somebody said from when to when an account was in other hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompromiseWindow {
    /// The case.
    pub case: CaseId,
    /// The first thing that was not the user's own.
    #[serde(with = "long::micros")]
    pub from: DateTime<Utc>,
    /// When it was proven to be over; `None` while it is not.
    #[serde(with = "long::micros_option")]
    pub until: Option<DateTime<Utc>>,
}

/// The open case was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseLeft {
    /// The case.
    pub case: CaseId,
    /// Id of the event the cursor stood on, where it stood on one.
    #[serde(with = "long::option")]
    pub event: Option<Untrusted>,
    /// Key of the step the cursor stood on, where it stood on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// Activity was searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchRun {
    /// Where.
    pub connection: ConnectionName,
    /// Whose activity, when it was one account's.
    pub account: Option<AccountId>,
    /// The query as sent.
    #[serde(with = "long")]
    pub query: Untrusted,
    /// How far back, in hours.
    pub window_h: u32,
    /// How many events came back.
    pub events: u64,
    /// Whether there were more than came back.
    pub truncated: bool,
}
