//! What records say of an item that is to be removed from an account, beside its plan.
//!
//! What must not live here: what follows from it (see `containment::remnant`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::long;
use crate::domain::containment::remnant::Item;
use crate::domain::ids::{ActionId, PlanId};
use crate::domain::text::Untrusted;

/// An action removes this; written with its plan, and what is left of the item once it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemNamed {
    /// The plan.
    pub pid: PlanId,
    /// The action.
    pub aid: ActionId,
    /// What it removes.
    pub item: Item,
    /// When the item was made, where the provider tells.
    #[serde(with = "long::micros_option")]
    pub since: Option<DateTime<Utc>>,
    /// The provider's record of it, as JSON; over 4 KiB only its hash, length and head are kept.
    #[serde(with = "long")]
    pub before: Untrusted,
}
