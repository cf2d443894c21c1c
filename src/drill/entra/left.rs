//! What was left in an account: inbox rules are listed here, and what is listed elsewhere is taken away.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{bad, error, page, users};
use crate::drill::company::VICTIM;
use crate::drill::wire::{Answer, Notes, Request, iso};
use crate::drill::world::World;

/// What of the tenant changes beside its people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    /// Whether the rule that the attacker made is disabled.
    rule_is_off: bool,
    /// Whether it is deleted.
    rule_is_gone: bool,
    /// Whose assignment to an application was taken away.
    pub(super) unassigned: Vec<usize>,
}

impl Tenant {
    /// Takes everything away that can be left in somebody's account and mailbox.
    pub fn take_all(&mut self, person: usize) {
        self.rule_is_gone = true;
        self.unassigned.push(person);
    }
}

const RULE: &str = "AQAAAJ5dZqA=";

fn rule(tenant: &Tenant) -> Value {
    json!({
        "id": RULE, "displayName": "..", "sequence": 1, "isEnabled": !tenant.rule_is_off, "hasError": false,
        "isReadOnly": false,
        "actions": {
            "stopProcessingRules": true, "delete": true,
            "forwardTo": [{"emailAddress": {"name": "drop", "address": "drop@mailbox.example"}}],
        },
    })
}

pub(super) fn rules(world: &World, request: &Request, key: &str) -> Answer {
    let Some(place) = users::place(world, key) else {
        return error(request, 404);
    };
    let is_there = place == VICTIM && !world.tenant.rule_is_gone;
    let rows = is_there.then(|| rule(&world.tenant));
    page(request, rows.into_iter().collect(), 100)
}

fn has_rule(world: &World, key: &str, id: &str) -> bool {
    users::place(world, key) == Some(VICTIM) && id == RULE && !world.tenant.rule_is_gone
}

/// Deletes a rule, whether it is enabled or not.
pub(super) fn delete_rule(
    world: &mut World,
    request: &Request,
    (key, id): (&str, &str),
    notes: &mut Notes,
) -> Answer {
    if !has_rule(world, key, id) {
        return error(request, 404);
    }
    world.tenant.rule_is_gone = true;
    notes.effect("delete_rule", format!("{key}/{id}"));
    Answer::empty(204)
}

/// Gives a device as it is registered: `sync` is when it was last seen.
fn device(name: &str, number: u32, (made, sync): (DateTime<Utc>, DateTime<Utc>)) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.device",
        "id": format!("5d1e0000-0000-4000-a000-{number:012}"),
        "deviceId": format!("de71ce00-0000-4000-a000-{number:012}"),
        "displayName": name, "accountEnabled": true, "operatingSystem": "Windows",
        "operatingSystemVersion": "10.0.22631.4460", "trustType": "Workplace", "isManaged": false,
        "isCompliant": null, "registrationDateTime": iso(made),
        "approximateLastSignInDateTime": iso(sync), "deletedDateTime": null,
    })
}

/// Lists the devices that somebody registered: the one they work with, and in the story the attacker's.
pub(super) fn devices(world: &World, request: &Request, key: &str) -> Answer {
    let Some(place) = users::place(world, key) else {
        return error(request, 404);
    };
    let person = &world.directory.people[place];
    let start = world.start;
    let own = device(&person.host, 1, (person.created, start));
    let foreign = device(
        "DESKTOP-7Q2KD1V",
        2,
        (start - TimeDelta::minutes(27), start),
    );
    let rows = [Some(own), (place == VICTIM).then_some(foreign)];
    page(request, rows.into_iter().flatten().collect(), 100)
}

pub(super) fn set_rule(
    world: &mut World,
    request: &Request,
    key: &str,
    id: &str,
    notes: &mut Notes,
) -> Answer {
    if !has_rule(world, key, id) {
        return error(request, 404);
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(enabled) = body.get("isEnabled").and_then(Value::as_bool) else {
        return bad(request, "Only isEnabled is changed here.");
    };
    if !enabled && !world.tenant.rule_is_off {
        notes.effect("disable_rule", format!("{key}/{id}"));
    }
    world.tenant.rule_is_off = !enabled;
    Answer::json(200, rule(&world.tenant))
}

/// Takes a method of this type away.
pub(super) fn remove_method(
    world: &mut World,
    request: &Request,
    (key, kind, id): (&str, &str, &str),
    notes: &mut Notes,
) -> Answer {
    let Some(place) = users::place(world, key) else {
        return error(request, 404);
    };
    let factors = &mut world.directory.people[place].factors;
    let before = factors.len();
    factors.retain(|factor| kind != "microsoftAuthenticatorMethods" || factor.id != id);
    if factors.len() == before {
        return error(request, 404);
    }
    notes.effect("remove_factor", format!("{key}/{id}"));
    Answer::empty(204)
}

pub(super) fn remove_grant(
    world: &mut World,
    request: &Request,
    id: &str,
    notes: &mut Notes,
) -> Answer {
    let client = id.strip_prefix("g-").unwrap_or_default();
    for person in &mut world.directory.people {
        let before = person.clients.len();
        person.clients.retain(|known| known.id != client);
        if person.clients.len() < before {
            notes.effect("remove_grant", format!("{}/{client}", person.id));
            return Answer::empty(204);
        }
    }
    error(request, 404)
}

pub(super) fn unassign(
    world: &mut World,
    request: &Request,
    (key, id): (&str, &str),
    notes: &mut Notes,
) -> Answer {
    match users::place(world, key) {
        Some(place) if id == format!("a-{key}") && !world.tenant.unassigned.contains(&place) => {
            world.tenant.unassigned.push(place);
            notes.effect("remove_assignment", key);
            Answer::empty(204)
        }
        _ => error(request, 404),
    }
}
