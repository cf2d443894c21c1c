//! What was left in an account: inbox rules are listed here, and what is listed elsewhere is taken away.

use serde_json::{Value, json};

use super::{bad, error, page, users};
use crate::drill::company::VICTIM;
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::World;

/// What of the tenant changes beside its people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    /// Whether the rule that the attacker made is disabled.
    rule_is_off: bool,
    /// Whose assignment to an application was taken away.
    pub(super) unassigned: Vec<usize>,
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
    let rows = (place == VICTIM).then(|| rule(&world.tenant));
    page(request, rows.into_iter().collect(), 100)
}

pub(super) fn set_rule(
    world: &mut World,
    request: &Request,
    key: &str,
    id: &str,
    notes: &mut Notes,
) -> Answer {
    if users::place(world, key) != Some(VICTIM) || id != RULE {
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
