//! Who sits at the console, and who wrote a comment: the case system's own words, with the OS user beside them.

use super::text::{Safe, Untrusted};
use crate::safe;

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

impl Operator {
    /// Gives the words that stand under what this person writes into a case.
    pub fn signed(&self) -> Safe {
        let os = self.os_user.field();
        match &self.login {
            Some(login) if self.shared => {
                safe!("{} (shared token), OS user {}", login.field(), os)
            }
            login => signed(login.as_ref(), &self.os_user),
        }
    }

    /// Gives the login that says who acted; that of a shared token does not.
    pub fn personal(&self) -> Option<Untrusted> {
        self.login.clone().filter(|_| !self.shared)
    }
}

/// Gives the words for somebody on record: the login, where the case system said it, and the user of the operating system.
pub fn signed(login: Option<&Untrusted>, os_user: &Untrusted) -> Safe {
    let os = os_user.field();
    if let Some(login) = login {
        safe!("{}, OS user {}", login.field(), os)
    } else {
        safe!("OS user {}", os)
    }
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
