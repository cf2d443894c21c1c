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
    /// Makes the old password void; a new one, or the way to one, is handed over by a person.
    ResetPassword,
    /// Keeps the password and asks for a new one at the next sign-in.
    ExpirePassword,
    /// Takes one thing away that an attacker may have left: a grant, tokens, an MFA method.
    ///
    /// Which is said by the [`Item`](super::remnant::Item) that goes with it.
    RemoveItem,
    /// Tells the provider that somebody else has the account; keeps nobody out by itself.
    ConfirmCompromised,
    /// Tells the provider that there is no risk any more.
    DismissRisk,
}

impl ActionKind {
    /// Lists all kinds.
    pub const ALL: [Self; 8] = [
        Self::RevokeSessions,
        Self::DisableAccount,
        Self::EnableAccount,
        Self::ResetPassword,
        Self::ExpirePassword,
        Self::RemoveItem,
        Self::ConfirmCompromised,
        Self::DismissRisk,
    ];

    /// Gives the name shown: `disable account`.
    pub fn word(self) -> &'static str {
        match self {
            Self::RevokeSessions => "revoke sessions",
            Self::DisableAccount => "disable account",
            Self::EnableAccount => "enable account",
            Self::ResetPassword => "reset password",
            Self::ExpirePassword => "expire password",
            Self::RemoveItem => "remove what was left",
            Self::ConfirmCompromised => "mark as compromised",
            Self::DismissRisk => "dismiss the risk",
        }
    }

    /// Gives the name used in records and exports.
    pub fn key(self) -> &'static str {
        match self {
            Self::RevokeSessions => "revoke_sessions",
            Self::DisableAccount => "disable_account",
            Self::EnableAccount => "enable_account",
            Self::ResetPassword => "reset_password",
            Self::ExpirePassword => "expire_password",
            Self::RemoveItem => "remove_item",
            Self::ConfirmCompromised => "confirm_compromised",
            Self::DismissRisk => "dismiss_risk",
        }
    }

    /// Reads the name used in records.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }

    /// Gives the action that takes it back, if there is one.
    pub fn undo(self) -> Option<Self> {
        match self {
            Self::RevokeSessions
            | Self::ResetPassword
            | Self::ExpirePassword
            | Self::RemoveItem
            | Self::DismissRisk => None,
            Self::DisableAccount => Some(Self::EnableAccount),
            Self::EnableAccount => Some(Self::DisableAccount),
            // The nearest there is: what the provider remembers of the mark stays.
            Self::ConfirmCompromised => Some(Self::DismissRisk),
        }
    }

    /// Tells whether it changes the password, or asks for another one.
    pub fn is_of_password(self) -> bool {
        matches!(self, Self::ResetPassword | Self::ExpirePassword)
    }

    /// Tells whether it says something of the account's risk.
    pub fn is_of_risk(self) -> bool {
        matches!(self, Self::ConfirmCompromised | Self::DismissRisk)
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
    #[case(ActionKind::ResetPassword, "reset password", "reset_password", None)]
    #[case(ActionKind::ExpirePassword, "expire password", "expire_password", None)]
    #[case(ActionKind::RemoveItem, "remove what was left", "remove_item", None)]
    #[case(
        ActionKind::ConfirmCompromised,
        "mark as compromised",
        "confirm_compromised",
        Some(ActionKind::DismissRisk)
    )]
    #[case(ActionKind::DismissRisk, "dismiss the risk", "dismiss_risk", None)]
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
