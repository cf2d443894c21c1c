//! What records say of the activity of a user: how likely a compromise is, marks, tags, notes, events typed in.
//!
//! What must not live here: what follows from them (`domain::timeline::annotation`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::long;
use crate::domain::ids::{AccountId, CaseId, RecordId};
use crate::domain::text::Untrusted;

/// A person set how likely a compromise is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LikelihoodSet {
    /// The case.
    pub case: CaseId,
    /// The account, when it was resolved.
    pub account: Option<AccountId>,
    /// The login it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "long::option")]
    pub login: Option<Untrusted>,
    /// What was set.
    pub value: String,
    /// What had been proposed, if anything.
    pub proposed: Option<String>,
}

/// What was said of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saying {
    /// It is marked.
    Mark,
    /// It is no longer marked.
    Unmark,
    /// It has a tag more: the text.
    Tag,
    /// It has that tag no longer.
    Untag,
    /// A note on it: the text.
    Note,
    /// It is typed in: the text.
    Manual,
    /// What was typed in is taken back.
    Withdraw,
    /// It goes into the case as a comment.
    Post,
}

/// A person said something of an event, or typed one in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineSaid {
    /// The case.
    pub case: CaseId,
    /// The account, when it was resolved.
    pub account: Option<AccountId>,
    /// The event: its id, else its content.
    #[serde(with = "long")]
    pub event: Untrusted,
    /// When it happened; `None` when it has no time.
    #[serde(with = "long::micros_option")]
    pub at: Option<DateTime<Utc>>,
    /// What was said.
    pub what: Saying,
    /// The text, where there is one.
    #[serde(with = "long::option")]
    pub text: Option<Untrusted>,
    /// The comment that carries it into the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rid: Option<RecordId>,
}
