//! Who sits at the console: the case system's own "who am I", with the OS user beside it.

use super::text::Untrusted;

/// The person at the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Login the case system gave; `None` until it has answered.
    pub login: Option<Untrusted>,
    /// Name the case system gave.
    pub name: Option<Untrusted>,
    /// Whether the token belongs to a service account, shared by several people.
    pub shared: bool,
    /// User of the operating system.
    pub os_user: Untrusted,
}
