//! The eight lanes of the timeline and the rule that puts an event into one of them.

use serde::{Deserialize, Serialize};

/// One row of the timeline; an event has exactly one lane.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Lane {
    /// Sign-ins, good and bad.
    SignIn,
    /// Commands and processes on hosts.
    Command,
    /// Access to sensitive resources, and whatever fits nowhere else.
    #[default]
    Sensitive,
    /// Movement from host to host.
    Lateral,
    /// Data leaving.
    Exfiltration,
    /// Shows findings of guessing only: failures followed by a success.
    FailThenSuccess,
    /// Changes of the account: factors, password, status, sessions.
    AccountChange,
    /// Consents to applications.
    OauthGrant,
}

impl Lane {
    /// Lists all lanes in the order they are drawn.
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::Command,
        Self::Sensitive,
        Self::Lateral,
        Self::Exfiltration,
        Self::FailThenSuccess,
        Self::AccountChange,
        Self::OauthGrant,
    ];

    /// Gives the name shown for it, at most 12 cells.
    pub fn word(self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::Command => "command",
            Self::Sensitive => "sensitive",
            Self::Lateral => "lateral",
            Self::Exfiltration => "exfiltration",
            Self::FailThenSuccess => "fail>success",
            Self::AccountChange => "account",
            Self::OauthGrant => "OAuth grant",
        }
    }

    /// Gives the name used in configuration and exports.
    pub fn key(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Command => "command",
            Self::Sensitive => "sensitive",
            Self::Lateral => "lateral",
            Self::Exfiltration => "exfiltration",
            Self::FailThenSuccess => "fail_then_success",
            Self::AccountChange => "account_change",
            Self::OauthGrant => "oauth_grant",
        }
    }

    /// Puts an ECS event into its lane by action and categories; what fits nowhere is sensitive access.
    ///
    /// `action` is `event.action`, `categories` are `event.category` values (ECS).
    pub fn of(action: &str, categories: &[&str]) -> Self {
        let has = |word: &str| action.contains(word);
        let category = |name: &str| categories.contains(&name);
        if has("grant") || has("consent") {
            Self::OauthGrant
        } else if has("mfa.factor") || has("lifecycle") || has("session.clear") || has("account.") {
            Self::AccountChange
        } else if has("export") || has("download") || has("share") || has("forward") {
            Self::Exfiltration
        } else if has("lateral") || has("remote_logon") || has("rdp") {
            Self::Lateral
        } else if category("process") {
            Self::Command
        } else if category("authentication") || category("session") {
            Self::SignIn
        } else if category("iam") {
            Self::AccountChange
        } else {
            Self::Sensitive
        }
    }
}
