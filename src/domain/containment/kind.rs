//! The actions the console knows, named by their effect on the object.

use serde::{Deserialize, Serialize};

/// What is done to an account.
///
/// Each kind declares its idempotence and its undo here; evidence, order and exclusions come from the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Ends the sessions and refresh tokens.
    RevokeSessions,
    /// Blocks sign-in, reversibly.
    DisableAccount,
    /// Allows sign-in again.
    EnableAccount,
}

impl ActionKind {
    /// Gives the name shown: `disable account`.
    pub fn word(self) -> &'static str {
        match self {
            Self::RevokeSessions => "revoke sessions",
            Self::DisableAccount => "disable account",
            Self::EnableAccount => "enable account",
        }
    }

    /// Gives the name used in records and exports.
    pub fn key(self) -> &'static str {
        match self {
            Self::RevokeSessions => "revoke_sessions",
            Self::DisableAccount => "disable_account",
            Self::EnableAccount => "enable_account",
        }
    }

    /// Reads the name used in records.
    pub fn from_key(key: &str) -> Option<Self> {
        [
            Self::RevokeSessions,
            Self::DisableAccount,
            Self::EnableAccount,
        ]
        .into_iter()
        .find(|kind| kind.key() == key)
    }

    /// Gives the action that takes it back, if there is one.
    pub fn undo(self) -> Option<Self> {
        match self {
            Self::RevokeSessions => None,
            Self::DisableAccount => Some(Self::EnableAccount),
            Self::EnableAccount => Some(Self::DisableAccount),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(ActionKind::RevokeSessions, "revoke sessions", "revoke_sessions", None)]
    #[case(
        ActionKind::DisableAccount,
        "disable account",
        "disable_account",
        Some(ActionKind::EnableAccount)
    )]
    #[case(
        ActionKind::EnableAccount,
        "enable account",
        "enable_account",
        Some(ActionKind::DisableAccount)
    )]
    fn names_and_undo(
        #[case] kind: ActionKind,
        #[case] word: &str,
        #[case] key: &str,
        #[case] undo: Option<ActionKind>,
    ) {
        assert_eq!((kind.word(), kind.key(), kind.undo()), (word, key, undo));
        assert_eq!(ActionKind::from_key(key), Some(kind));
        assert_eq!(ActionKind::from_key(word), None);
    }
}
