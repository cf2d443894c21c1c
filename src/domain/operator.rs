//! Who sits at the console, and who wrote a comment: the case system's own words, with the OS user beside them.

use super::text::Untrusted;

/// The person at the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The case system's immutable id; empty until it has answered.
    pub id: Untrusted,
    /// Login the case system gave; `None` until it has answered.
    pub login: Option<Untrusted>,
    /// Name the case system gave.
    pub name: Option<Untrusted>,
    /// Whether the token belongs to a service account, shared by several people.
    pub shared: bool,
    /// User of the operating system.
    pub os_user: Untrusted,
}

/// A user of the case system, as it knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The case system's immutable id.
    pub id: Untrusted,
    /// Login.
    pub login: Untrusted,
    /// Whether it is a service account, shared by several people.
    pub shared: bool,
    /// Whether it may not sign in any more.
    pub locked: bool,
}
