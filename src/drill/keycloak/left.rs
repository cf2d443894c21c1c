//! What an attacker may have left: consents and credentials, one by one, and accounts at other providers.

use serde_json::json;

use super::users::{SERVICE_ID, place};
use super::{error, no_user};
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::World;

/// Lists the accounts at other providers: nobody has one.
pub(super) fn linked(world: &World, id: &str) -> Answer {
    if id == SERVICE_ID || place(&world.directory, id).is_some() {
        Answer::json(200, json!([]))
    } else {
        no_user()
    }
}

/// Takes one consent or credential away.
pub(super) fn remove(
    world: &mut World,
    request: &Request,
    (id, what): (&str, &str),
    notes: &mut Notes,
) -> Answer {
    let Some(person) = place(&world.directory, id) else {
        return no_user();
    };
    if request.path.contains("/consents/") {
        return match world.remove_consent(person, what, request, notes) {
            Some(()) => Answer::empty(204),
            None => error(404, "Consent nor offline token not found"),
        };
    }
    match world.remove_factor(person, what, false, request, notes) {
        Some(()) => Answer::empty(204),
        None => error(404, "Credential not found"),
    }
}
