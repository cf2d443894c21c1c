//! Who works at this console, for records and comments.
//!
//! What must not live here: who acted according to a record (`domain`).

use std::sync::PoisonError;

use crate::domain::operator::{Operator, signed};
use crate::domain::text::{Safe, Untrusted};
use crate::engine::World;

/// Says who works here, for comments.
pub(in crate::engine) fn operator(world: &World) -> Safe {
    with(world, Operator::signed).unwrap_or_else(|| signed(None, &world.os_user))
}

/// Gives the login that says who works here, for records; `None` before the case system said it.
pub(in crate::engine) fn login(world: &World) -> Option<Untrusted> {
    with(world, Operator::personal).flatten()
}

fn with<T>(world: &World, give: impl FnOnce(&Operator) -> T) -> Option<T> {
    let known = world
        .operator
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    known.as_ref().map(give)
}
