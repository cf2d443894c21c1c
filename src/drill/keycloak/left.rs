//! What an attacker may have left: consents and credentials, one by one, and accounts at other providers.

use serde_json::json;

use super::users::{SERVICE_ID, place};
use super::{error, no_user};
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::World;

/// Lists the accounts at other providers by which one can sign in.
pub(super) fn linked(world: &World, id: &str) -> Answer {
    let person = place(&world.directory, id).map(|place| &world.directory.people[place]);
    if person.is_none() && id != SERVICE_ID {
        return no_user();
    }
    let link = person.and_then(|person| person.linked);
    let rows = link.iter().map(|[provider, id, name]| {
        json!({"identityProvider": provider, "userId": id, "userName": name})
    });
    Answer::json(200, rows.collect())
}

/// Takes the account at one provider away.
pub(super) fn unlink(world: &mut World, (id, provider): (&str, &str), notes: &mut Notes) -> Answer {
    let Some(place) = place(&world.directory, id) else {
        return no_user();
    };
    let person = &mut world.directory.people[place];
    if person.linked.is_none_or(|[known, ..]| known != provider) {
        return error(404, "Link not found");
    }
    person.linked = None;
    notes.effect("unlink", format!("{id}/{provider}"));
    Answer::empty(204)
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
