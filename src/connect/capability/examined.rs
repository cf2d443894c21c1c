//! What a connection tells of itself, for `quell doctor`: rights, clocks, sources, rules.
//!
//! What must not live here: anything that writes.

use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::ConnectError;
use crate::domain::containment::kind::ActionKind;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};

/// A right of a token, as far as the vendor tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// Its name at the vendor, and on what.
    pub name: Safe,
    /// What needs it, in words; `None` for a right that nothing here needs.
    pub needed_for: Option<&'static str>,
    /// Whether the name is the right itself, or only tells what the token has.
    pub is_exact: bool,
    /// The actions that need it.
    pub kinds: Vec<ActionKind>,
    /// Whether the token has it; `None` where that is not known.
    pub granted: Option<bool>,
}

impl Right {
    /// Says that it does not suffice.
    pub fn lacking(&self) -> Safe {
        if self.is_exact {
            crate::safe!("the token lacks {}", self.name)
        } else {
            crate::safe!("the token has only {}", self.name)
        }
    }
}

/// The newest record of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSeen {
    /// What the source is called: a dataset or index.
    pub source: Untrusted,
    /// When its newest record is from; `None` when there is none.
    pub at: Option<DateTime<Utc>>,
}

/// A detection rule, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSeen {
    /// Its name.
    pub name: String,
    /// Whether it is enabled; `None` where no documented interface of the connection tells.
    pub enabled: Option<bool>,
    /// When its newest alert is from; `None` when there is none.
    pub last_alert: Option<DateTime<Utc>>,
}

/// A connection that can be examined without changing anything, for `quell doctor`.
#[async_trait]
pub trait Examined: Send + Sync {
    /// Name of the connection.
    fn connection(&self) -> &ConnectionName;
    /// Gives the vendor's clock as its newest answer of any status told it, and when that answer came.
    fn server_clock(&self) -> Option<(DateTime<Utc>, Instant)>;
    /// Says whose token it is, in words.
    async fn token(&self) -> Result<Safe, ConnectError>;
    /// Lists the rights of the token: those that are needed, and those beyond need that the vendor tells.
    async fn rights(&self) -> Result<Vec<Right>, ConnectError>;
    /// Gives the newest record of each source behind the connection; none where it is no source of events.
    async fn last_seen(&self) -> Result<Vec<LastSeen>, ConnectError>;
    /// Looks for detection rules by name.
    async fn rules(&self, names: &[String]) -> Result<Vec<RuleSeen>, ConnectError>;
}
