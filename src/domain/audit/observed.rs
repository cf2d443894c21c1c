//! What was read back of an action.
//!
//! What must not live here: what it proves (`domain::containment`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::long;
use crate::domain::ids::ActionId;
use crate::domain::text::Untrusted;

/// One reading of an account after an action, recorded when it says something new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The action.
    pub aid: ActionId,
    /// What was read.
    #[serde(with = "long")]
    pub evidence: Untrusted,
    /// Whether it is what the action should have done; `None` when it says neither.
    pub matches: Option<bool>,
    /// How many reads so far.
    pub reads: u32,
    /// Id of the entry of the vendor's log that serves as proof.
    #[serde(with = "long::option")]
    pub used: Option<Untrusted>,
    /// When the effect that was read began, by the vendor's own word and as finely as it tells that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "long::micros_option")]
    pub effect_at: Option<DateTime<Utc>>,
}
