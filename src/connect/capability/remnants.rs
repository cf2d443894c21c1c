//! What every provider says alike of what was left in an account: one item of the list, and whether it is gone.
//!
//! What must not live here: a vendor's requests.

use super::{ConnectError, Lacking, Reading};
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant};
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

fn offers_none(connection: &ConnectionName) -> Safe {
    safe!("{} does not tell what was left in an account", connection)
}

/// Says that a provider has no such list.
pub(super) fn none(connection: &ConnectionName) -> ConnectError {
    ConnectError::unsent(offers_none(connection))
}

/// Says that nothing can be removed at a provider.
pub(super) fn lacking(connection: &ConnectionName) -> Lacking {
    Lacking {
        reason: offers_none(connection),
    }
}

/// Says that a request to remove something cannot be made without what it removes.
pub(crate) fn no_item() -> ConnectError {
    ConnectError::unsent("what is to be removed is not named".into())
}

/// Finds one thing in the list; an error where its kind was not read.
pub(crate) fn one(left: &LeftBehind, item: &Item) -> Result<Option<Remnant>, ConnectError> {
    match left.lists(item) {
        Ok(found) => Ok(found.cloned()),
        Err(reason) => Err(ConnectError::unsent(safe!(
            "whether {} is still there is not known: {}",
            item.word(),
            reason
        ))),
    }
}

/// Says that it is not on record what was removed, which is an act of another version.
pub(super) fn unnamed() -> Reading {
    Reading {
        matches: None,
        evidence: Untrusted::new("what was removed is not on record"),
        used: None,
        server_date: None,
        effect_at: None,
    }
}

/// Gives the reading: gone proves it, and still there refutes it.
pub(super) fn reading(item: &Item, found: Option<&Remnant>) -> Reading {
    let called = |one: &Item| format!("{} (id {})", one.name.raw(), one.id.raw());
    let word = match found {
        None => "is not listed any more".to_owned(),
        Some(now) if now.item == *item => "is still listed".to_owned(),
        // The provider may have something else in its place.
        Some(now) => format!("is still listed, now as {}", called(&now.item)),
    };
    Reading {
        matches: Some(found.is_none()),
        evidence: Untrusted::new(format!("{} {} {word}", item.kind.word(), called(item))),
        used: None,
        server_date: None,
        effect_at: None,
    }
}
