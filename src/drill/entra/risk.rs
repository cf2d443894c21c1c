//! Identity Protection: who is at risk, and what an administrator says of it.

use serde_json::Value;

use super::records;
use super::users::place;
use super::{bad, error, page};
use crate::drill::risk::{Risk, State};
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::World;

pub(super) fn list(world: &World, request: &Request) -> Answer {
    let risks = world.risks.iter();
    let rows = risks
        .map(|(place, risk)| records::risk(&world.directory.people[*place], risk, risk.busy > 0));
    page(request, rows.collect(), 500)
}

pub(super) fn one(world: &mut World, request: &Request, id: &str) -> Answer {
    let place = world.directory.people.iter().position(|one| one.id == id);
    let found = place.and_then(|place| Some((place, world.read_risk(place)?)));
    found.map_or_else(
        || error(request, 404),
        |(place, (risk, is_busy))| {
            Answer::json(
                200,
                records::risk(&world.directory.people[place], &risk, is_busy),
            )
        },
    )
}

/// Takes the word of an administrator on some people; it is carried out a little later.
pub(super) fn say(world: &mut World, request: &Request, state: State, notes: &mut Notes) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let ids = body.as_object().filter(|fields| fields.len() == 1);
    let ids = ids.and_then(|fields| fields.get("userIds")?.as_array());
    let ids: Option<Vec<&str>> = ids.and_then(|all| all.iter().map(Value::as_str).collect());
    let Some(ids) = ids.filter(|ids| !ids.is_empty()) else {
        return bad(request, "userIds: a list of ids is expected.");
    };
    let places: Option<Vec<usize>> = ids.iter().map(|id| place(world, id)).collect();
    let Some(places) = places else {
        return error(request, 404);
    };
    let level = match state {
        State::Dismissed => "NONE",
        State::AtRisk | State::Confirmed => "HIGH",
    };
    for place in places {
        // Who is not at risk has nothing to be dismissed.
        if state == State::Dismissed && !world.risks.contains_key(&place) {
            continue;
        }
        world.set_risk(place, Risk::set(level, state, request.at), notes);
    }
    Answer::empty(204)
}
