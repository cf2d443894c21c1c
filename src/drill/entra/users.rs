//! Users, what belongs to them, and what is done to them.

use serde_json::{Value, json};

use super::records::{self, ROLES};
use super::{bad, error, filter, page};
use crate::drill::company::Person;
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::{UPDATE_PASSWORD, World};

/// Finds a user by its id or principal name.
pub(super) fn place(world: &World, key: &str) -> Option<usize> {
    let mut people = world.directory.people.iter();
    people.position(|person| person.id == key || person.login.eq_ignore_ascii_case(key))
}

/// Gives a user as a replica shows it: what was written a moment ago may be missing.
fn shown<'a>(world: &'a World, request: &Request, place: usize) -> &'a Person {
    world.replica(place, request.at)
}

pub(super) fn get(world: &World, request: &Request, key: &str) -> Answer {
    let Some(place) = place(world, key) else {
        return error(request, 404);
    };
    let record = records::user(shown(world, request, place));
    match records::selected(request, &record) {
        Some(record) => Answer::json(200, record),
        None => bad(
            request,
            "Could not find a property named so on type 'microsoft.graph.user'.",
        ),
    }
}

pub(super) fn list(world: &World, request: &Request) -> Answer {
    let filter = match request.query("$filter").map(filter::parse) {
        None => None,
        Some(Some(filter)) => Some(filter),
        Some(None) => return bad(request, "Invalid filter clause"),
    };
    let mut rows = Vec::new();
    for place in 0..world.directory.people.len() {
        let all = records::user(shown(world, request, place));
        let whole = Value::Object(all.clone());
        if filter.as_ref().is_some_and(|filter| !filter.fits(&whole)) {
            continue;
        }
        match records::selected(request, &all) {
            Some(record) => rows.push(record),
            None => {
                return bad(
                    request,
                    "Could not find a property named so on type 'microsoft.graph.user'.",
                );
            }
        }
    }
    page(request, rows, 999)
}

pub(super) fn part(world: &World, request: &Request, key: &str, part: &str) -> Answer {
    let Some(place) = place(world, key) else {
        return error(request, 404);
    };
    let person = &world.directory.people[place];
    let rows = match part {
        "methods" => records::methods(person),
        "oauth2PermissionGrants" => records::grants(person),
        "appRoleAssignments" if world.tenant.unassigned.contains(&place) => Vec::new(),
        "appRoleAssignments" => records::assigned(person),
        _ => records::member_of(&world.directory, person),
    };
    page(request, rows, 999)
}

pub(super) fn principal(world: &World, request: &Request, id: &str) -> Answer {
    let record = records::principal(&world.directory, id);
    let record = record.and_then(|record| records::selected(request, &record));
    record.map_or_else(|| error(request, 404), |record| Answer::json(200, record))
}

pub(super) fn members(world: &World, request: &Request, id: &str) -> Answer {
    let Some((kind, _, _)) = ROLES.iter().find(|(_, _, own)| *own == id) else {
        return error(request, 404);
    };
    let people = world.directory.people.iter();
    let members = people.filter(|person| person.roles.iter().any(|(own, _)| own == kind));
    let rows = members.map(|person| {
        json!({
            "@odata.type": "#microsoft.graph.user", "id": person.id, "displayName": person.name(),
            "userPrincipalName": person.login,
        })
    });
    page(request, rows.collect(), 999)
}

/// What a body asks for.
#[derive(Default)]
struct Wanted {
    enabled: Option<bool>,
    password: Option<String>,
    force: bool,
}

/// Reads the body of an update; the error is the vendor's sentence.
fn wanted(body: &[u8]) -> Result<Wanted, String> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return Err("Unable to read JSON request payload.".to_owned());
    };
    let mut wanted = Wanted::default();
    for (name, value) in &fields {
        match (name.as_str(), value) {
            ("accountEnabled", Value::Bool(enabled)) => wanted.enabled = Some(*enabled),
            ("passwordProfile", Value::Object(profile)) => {
                for (name, value) in profile {
                    match (name.as_str(), value) {
                        ("password", Value::String(text)) => wanted.password = Some(text.clone()),
                        ("forceChangePasswordNextSignIn", Value::Bool(force)) => {
                            wanted.force = *force;
                        }
                        _ => return Err(format!("Invalid value specified for property '{name}'.")),
                    }
                }
            }
            _ => return Err(format!("Invalid property '{name}'.")),
        }
    }
    Ok(wanted)
}

/// Applies the properties that are there.
pub(super) fn update(world: &mut World, request: &Request, key: &str, notes: &mut Notes) -> Answer {
    let wanted = match wanted(&request.body) {
        Ok(wanted) => wanted,
        Err(words) => return bad(request, &words),
    };
    let Some(place) = place(world, key) else {
        return error(request, 404);
    };
    let has = |name: &str| world.permissions.contains(&name);
    let of_password = wanted.password.is_some() || wanted.force;
    let may = (wanted.enabled.is_none() || has("User.EnableDisableAccount.All"))
        && (!of_password || has("User-PasswordProfile.ReadWrite.All"));
    let person = &world.directory.people[place];
    // The permission alone does not reach whoever administers.
    if !may || records::roles_of(person).next().is_some() {
        return error(request, 403);
    }
    if of_password && person.from_directory {
        return bad(
            request,
            "Unable to update the specified properties for on-premises mastered Directory Sync objects.",
        );
    }
    if wanted.password.as_ref().is_some_and(|text| text.len() < 8) {
        return bad(
            request,
            "The specified password does not comply with password complexity requirements.",
        );
    }
    world.note_replica(place, request.at);
    if let Some(enabled) = wanted.enabled {
        world.set_enabled(place, enabled, request, notes);
    }
    match (wanted.password, wanted.force) {
        (Some(_), true) => world.set_password(place, request, notes),
        (Some(_), false) => return bad(request, "The drill sets temporary passwords only."),
        (None, true) => world.require(place, vec![UPDATE_PASSWORD.to_owned()], request, notes),
        (None, false) => {}
    }
    Answer::empty(204)
}

/// Makes tokens of before void; those of a guest are another tenant's, and the answer is the same.
pub(super) fn revoke(world: &mut World, request: &Request, key: &str, notes: &mut Notes) -> Answer {
    let Some(place) = place(world, key) else {
        return error(request, 404);
    };
    if !world.directory.people[place].guest {
        world.note_replica(place, request.at);
        world.directory.people[place].not_before = request.at.timestamp();
        world.clear_sessions(place, false, request, notes);
    }
    let context = format!("{}/v1.0/$metadata#Edm.Boolean", request.base);
    Answer::json(200, json!({"@odata.context": context, "value": true}))
}
