//! Severity, case status and verdict by OCSF, with the vendor's raw word kept beside them by the caller.

use serde::{Deserialize, Serialize};

/// How bad a case or an alert is (OCSF `severity_id` order, so that sorting sorts by urgency).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The vendor gave none, or a word that is not known.
    #[default]
    Unknown,
    /// For information only.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
    /// Fatal.
    Fatal,
}

impl Severity {
    /// Gives the name used in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
            Self::Fatal => "fatal",
        }
    }

    /// Gives the word shown for it; colour only repeats it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Informational => "INFO",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
            Self::Fatal => "FATAL",
        }
    }
}

/// Where a case stands (OCSF incident `status_id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// Nobody has started.
    New,
    /// Somebody works on it.
    InProgress,
    /// Waiting for something.
    OnHold,
    /// Solved, not closed yet.
    Resolved,
    /// Closed.
    Closed,
    /// A word of the vendor's that maps to none of these.
    #[default]
    Other,
}

impl CaseStatus {
    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in progress",
            Self::OnHold => "on hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Other => "other",
        }
    }

    /// Tells whether the case still wants work.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Resolved | Self::Closed)
    }
}
