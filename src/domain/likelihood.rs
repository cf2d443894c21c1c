//! How likely the account is compromised: proposed from evidence, decided by a person.

use serde::{Deserialize, Serialize};

/// How likely it is that the account is in somebody else's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Confirmed, for instance by the user.
    Confirmed,
}

impl Likelihood {
    /// Lists all values from the lowest up.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Confirmed];

    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Confirmed => "CONFIRMED",
        }
    }
}
