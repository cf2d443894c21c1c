//! An account at an identity provider, as it was at one moment.
//!
//! What must not live here: a vendor's field names; what may be done to an account (see `containment`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::AccountId;
use super::text::Untrusted;

/// Whether an account may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// It may sign in.
    Active,
    /// It is disabled and can be enabled again.
    Disabled,
    /// Any other state, in the vendor's own word.
    Other(Untrusted),
}

impl AccountStatus {
    /// Tells whether nobody signs in whatever they know: disabled, or at its end (Okta's DEPROVISIONED).
    pub fn bars(&self) -> bool {
        match self {
            Self::Active => false,
            Self::Disabled => true,
            Self::Other(raw) => raw.raw() == "DEPROVISIONED",
        }
    }

    /// Gives the word shown for it.
    pub fn word(&self) -> super::text::Safe {
        match self {
            Self::Active => "ACTIVE".into(),
            Self::Disabled => "DISABLED".into(),
            Self::Other(raw) => raw.field(),
        }
    }
}

/// Everything read about one account before anything is done to it.
///
/// It is taken again right before a request is sent; a difference in what matters voids the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Connection and the provider's immutable id.
    pub id: AccountId,
    /// What is typed to sign in.
    pub login: Untrusted,
    /// Name of the person.
    pub name: Untrusted,
    /// Mail address.
    pub mail: Option<Untrusted>,
    /// Further addresses that lead to it and to nobody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Untrusted>,
    /// Status, mapped.
    pub status: AccountStatus,
    /// The provider's own word for the status.
    pub vendor_status: Untrusted,
    /// When the status last changed.
    pub status_changed: Option<DateTime<Utc>>,
    /// Last sign-in the provider knows of.
    pub last_sign_in: Option<DateTime<Utc>>,
    /// When the password was last changed.
    pub password_changed: Option<DateTime<Utc>>,
    /// From when on tokens are good: those of before are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_valid_from: Option<DateTime<Utc>>,
    /// Where the account is mastered, such as `ACTIVE_DIRECTORY`.
    pub source: Option<Untrusted>,
    /// Groups; `None` when they could not be read.
    pub groups: Option<Vec<Group>>,
    /// Administrator roles; `None` when they could not be read.
    pub roles: Option<Vec<Untrusted>>,
    /// MFA methods; `None` when they could not be read.
    pub factors: Option<Vec<Factor>>,
    /// Clients that hold refresh tokens; `None` when they could not be read.
    pub token_clients: Option<Vec<Untrusted>>,
    /// Sessions that the provider lists; `None` where it lists none of them or they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Vec<Session>>,
    /// What has to be done at the next sign-in, in the provider's words; `None` where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<Vec<Untrusted>>,
    /// What the provider holds of its risk; `None` where it keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// What could not be read, one sentence each.
    pub gaps: Vec<Untrusted>,
    /// Name of the time zone the provider has for the person, as it says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Untrusted>,
    /// The provider's clock when it answered (`Date` header).
    pub server_date: Option<DateTime<Utc>>,
}

/// What a provider holds of an account's risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// Where it stands.
    pub state: RiskState,
    /// In the provider's words, such as `high (atRisk)`; why, where it could not be read.
    pub said: Untrusted,
}

/// Where the risk of an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskState {
    /// It could not be read.
    Unread,
    /// The provider holds none.
    Nothing,
    /// The provider thinks that somebody else may have the account.
    AtRisk,
    /// Somebody said that somebody else has it.
    Compromised,
    /// There was one, and it was dismissed or is over.
    Over,
}

/// A group an account is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The provider's id.
    pub id: Untrusted,
    /// Its name.
    pub name: Untrusted,
}

/// An MFA method of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// The provider's id.
    pub id: Untrusted,
    /// Type, such as `push` or `token:software:totp`.
    pub kind: Untrusted,
    /// The provider's status word.
    pub status: Untrusted,
    /// When it was registered.
    pub created: Option<DateTime<Utc>>,
}

/// A session of an account, as far as its provider lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The provider's id.
    pub id: Untrusted,
    /// Whether it goes on without a browser, by a refresh token that outlives the sign-in.
    pub offline: bool,
    /// The applications that use it.
    pub clients: Vec<Untrusted>,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// When it was last used.
    pub last_used: Option<DateTime<Utc>>,
    /// From which address.
    pub ip: Option<Untrusted>,
}
