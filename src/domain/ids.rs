//! Identifiers: our own (ULIDs), configured names, and vendors' ids bound to the connection they came from.
//!
//! What must not live here: making ids out of the clock or chance by itself; both are arguments.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::text::{Safe, Shown, Untrusted};

/// Says why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not the 26 upper-case characters of a ULID.
    #[error("not a ULID (26 characters of Crockford's base 32, upper case)")]
    Ulid,
    /// Not the name of a connection.
    #[error("a connection's name has 1 to 64 characters out of A-Z a-z 0-9 . _ -")]
    ConnectionName,
}

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Always the canonical text: 26 characters, upper case, safe to show.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Makes an id from a time (milliseconds count) and 80 bits of chance; further bits are ignored.
            ///
            /// Times before 1970 count as 1970.
            pub fn from_parts(at: DateTime<Utc>, random: u128) -> Self {
                let ms = u64::try_from(at.timestamp_millis()).unwrap_or(0);
                Self(Ulid::from_parts(ms, random).to_string())
            }

            /// Reads an id from text.
            ///
            /// # Errors
            /// [`IdError::Ulid`] for anything but the canonical form.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                match Ulid::from_string(text) {
                    Ok(id) if id.to_string() == text => Ok(Self(text.to_owned())),
                    _ => Err(IdError::Ulid),
                }
            }

            /// Gives the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Shown for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

ulid_id! {
    /// The id of one response action, from its plan to its last word.
    ActionId
}
ulid_id! {
    /// The id of one plan, which holds one or more actions in order.
    PlanId
}
ulid_id! {
    /// The id of one record write (comment, claim, task) at a case system.
    RecordId
}
ulid_id! {
    /// The id of one audit log: one per host and user.
    LogId
}
ulid_id! {
    /// The id of one session: one process from its start to its end.
    SessionId
}

/// The name of a connection, as configured.
///
/// 1 to 64 characters out of `A-Z a-z 0-9 . _ -`, so it is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionName(String);

impl ConnectionName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`IdError::ConnectionName`] when it is empty, too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::ConnectionName)
        }
    }

    /// Gives the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Shown for ConnectionName {}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ConnectionName {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<ConnectionName> for String {
    fn from(name: ConnectionName) -> Self {
        name.0
    }
}

macro_rules! vendor_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// The id part comes from outside: compare and send it by [`Self::raw`], show it by [`Self::shown`].
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name {
            /// The connection it was read from.
            pub connection: ConnectionName,
            /// The vendor's own immutable id, unaltered.
            pub id: String,
        }

        impl $name {
            /// Binds a vendor's id to the connection it came from.
            pub fn new(connection: ConnectionName, id: impl Into<String>) -> Self {
                Self { connection, id: id.into() }
            }

            /// Gives the vendor's id unaltered, for comparing and for requests; never for showing.
            pub fn raw(&self) -> &str {
                &self.id
            }

            /// Gives the vendor's id as text that may be shown, never cut.
            pub fn shown(&self) -> Safe {
                Untrusted::new(self.id.as_str()).ident()
            }

            /// Gives `connection/id` as text that may be shown or logged.
            pub fn with_connection(&self) -> Safe {
                Untrusted::new(format!("{}/{}", self.connection, self.id)).ident()
            }
        }
    };
}

vendor_id! {
    /// A case at a case system.
    CaseId
}
vendor_id! {
    /// An account at an identity provider.
    AccountId
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn ulids_sort_by_time_and_read_back() {
        let early = ActionId::from_parts(DateTime::from_timestamp_nanos(0), u128::MAX);
        let late = ActionId::from_parts(DateTime::from_timestamp_nanos(2_000_000), 0);
        assert!(early < late);
        assert_eq!(ActionId::parse(late.as_str()), Ok(late.clone()));
        assert_eq!(late.to_string().len(), 26);
    }

    #[rstest]
    #[case("")]
    #[case("01arz3ndektsv4rrffq69g5fav")]
    #[case("01ARZ3NDEKTSV4RRFFQ69G5FA")]
    #[case("01ARZ3NDEKTSV4RRFFQ69G5FA\u{1b}")]
    #[case("ZZZZZZZZZZZZZZZZZZZZZZZZZZ")]
    fn other_forms_of_ulids_are_refused(#[case] text: &str) {
        assert_eq!(PlanId::parse(text), Err(IdError::Ulid));
        assert!(serde_json::from_value::<PlanId>(text.into()).is_err());
    }

    #[rstest]
    #[case("okta-prod", true)]
    #[case("a.b_C-9", true)]
    #[case("", false)]
    #[case("two words", false)]
    #[case("caf\u{e9}", false)]
    fn names_of_connections(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(ConnectionName::parse(text).is_ok(), fits);
    }

    #[test]
    fn a_vendor_id_keeps_its_raw_form_and_shows_a_safe_one() -> Result<(), IdError> {
        let id = CaseId::new(ConnectionName::parse("hive")?, "~1\u{1b}[2J");
        assert_eq!(id.raw(), "~1\u{1b}[2J");
        assert!(!id.shown().as_str().contains('\u{1b}'));
        assert!(id.with_connection().as_str().starts_with("hive/"));
        Ok(())
    }
}
