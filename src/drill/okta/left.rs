//! What an attacker may have left: grants, tokens, factors and devices, one by one.

use serde_json::{Value, json};

use super::users::{factor, find, missing, page};
use super::{error, not_found};
use crate::drill::company::{Factor, Grant, Person};
use crate::drill::wire::{Answer, Notes, Request, iso};
use crate::drill::world::World;

/// Builds one grant.
fn grant(person: &Person, grant: &Grant, base: &str) -> Value {
    let href = format!("{base}/api/v1/users/{}/grants/{}", person.id, grant.id);
    json!({
        "id": grant.id, "status": "ACTIVE", "created": iso(grant.created), "lastUpdated": iso(grant.created),
        "createdBy": {"id": person.id, "type": "User"}, "issuer": format!("{base}/oauth2/default"),
        "clientId": grant.client, "userId": person.id, "scopeId": grant.scope, "source": "END_USER",
        "_links": {
            "self": {"href": href},
            "app": {"href": format!("{base}/api/v1/apps/{}", grant.client), "title": grant.name},
        },
    })
}

pub(super) fn grants(world: &World, request: &Request, key: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let grants = person.grants.iter();
    let rows = grants
        .map(|one| grant(person, one, &request.base))
        .collect();
    page(request, rows, 20)
}

/// Gives the one device that everybody has, which belongs to the organisation.
pub(super) fn devices(world: &World, request: &Request, key: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let created = iso(person.created);
    let id = format!("guo{}", person.id);
    let platform = if person.agent == 1 {
        "MACOS"
    } else {
        "WINDOWS"
    };
    let href = format!("{}/api/v1/devices/{id}", request.base);
    Answer::json(
        200,
        json!([{
            "created": created, "deviceUserId": format!("duw{}", person.id),
            "device": {
                "id": id, "status": "ACTIVE", "created": created, "lastUpdated": created,
                "profile": {"displayName": person.host, "platform": platform, "registered": true},
                "resourceType": "UDDevice", "resourceId": id,
                "resourceDisplayName": {"value": person.host, "sensitive": false},
                "_links": {"self": {"href": href}},
            },
        }]),
    )
}

/// Builds one enrollment of an authenticator.
fn enrollment(person: &Person, one: &Factor, base: &str) -> Value {
    let user = format!("{base}/api/v1/users/{}", person.id);
    let (key, kind, name) = match one.kind {
        "phone" => ("phone_number", "phone", "Phone"),
        "password" => ("okta_password", "password", "Password"),
        _ => ("okta_verify", "app", "Okta Verify"),
    };
    let mut record = json!({
        "id": one.id, "key": key, "type": kind, "name": name, "nickname": null, "status": "ACTIVE",
        "created": iso(one.created), "lastUpdated": iso(one.created),
        "_links": {
            "self": {
                "href": format!("{user}/authenticator-enrollments/{}", one.id),
                "hints": {"allow": ["GET", "DELETE"]},
            },
            "user": {"href": user, "hints": {"allow": ["GET"]}},
        },
    });
    if kind == "phone" {
        record["profile"] = json!({"phoneNumber": one.name});
    }
    record
}

/// Lists all enrollments: the factors, what the policy keeps out of them, and the password.
fn enrolled(person: &Person) -> Vec<Factor> {
    let mut all = person.factors.clone();
    all.extend(person.enrollments.iter().cloned());
    all.push(Factor {
        id: format!("lae{}", person.id),
        kind: "password",
        provider: "OKTA",
        name: String::new(),
        created: person.password_changed,
    });
    all
}

pub(super) fn enrollments(world: &World, request: &Request, key: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let all = enrolled(person);
    let rows = all.iter().map(|one| enrollment(person, one, &request.base));
    Answer::json(200, rows.collect())
}

pub(super) fn one_enrollment(world: &World, request: &Request, key: &str, id: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let all = enrolled(person);
    match all.iter().find(|one| one.id == id) {
        Some(one) => Answer::json(200, enrollment(person, one, &request.base)),
        None => unknown(request, id),
    }
}

/// Takes one enrollment away; of one that is a factor, too, that.
pub(super) fn unenroll(
    world: &mut World,
    request: &Request,
    (key, id): (&str, &str),
    notes: &mut Notes,
) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &mut world.directory.people[index];
    let before = person.enrollments.len();
    person.enrollments.retain(|one| one.id != id);
    if person.enrollments.len() < before {
        notes.effect("remove_enrollment", format!("{}/{id}", person.id));
        return Answer::empty(204);
    }
    match world.remove_factor(index, id, true, request, notes) {
        Some(()) => Answer::empty(204),
        None => unknown(request, id),
    }
}

fn unknown(request: &Request, id: &str) -> Answer {
    let what = if request.path.contains("/factors/") {
        "UserFactor"
    } else if request.path.contains("/authenticator-enrollments/") {
        "AuthenticatorEnrollment"
    } else {
        "OAuth2ScopeConsentGrant"
    };
    not_found(&format!("{id} ({what})"))
}

pub(super) fn one(world: &World, request: &Request, key: &str, id: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let found = if request.path.contains("/factors/") {
        let mut factors = person.factors.iter();
        let found = factors.find(|one| one.id == id);
        found.map(|one| factor(person, one, &request.base))
    } else {
        let found = person.grants.iter().find(|one| one.id == id);
        found.map(|one| grant(person, one, &request.base))
    };
    found.map_or_else(|| unknown(request, id), |record| Answer::json(200, record))
}

/// Takes one thing away: a grant, a factor, the tokens of a client.
pub(super) fn remove(
    world: &mut World,
    request: &Request,
    (key, id): (&str, &str),
    notes: &mut Notes,
) -> Answer {
    let of_factor = request.path.contains("/factors/");
    let knows = |name: &str| of_factor && name == "removeRecoveryEnrollment";
    if let Some((name, _)) = request.query.iter().find(|(name, _)| !knows(name)) {
        return super::invalid(&format!("unknown parameter: {name}"));
    }
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    if of_factor && world.directory.people[index].status == "DEPROVISIONED" {
        let summary = "This operation is not allowed in the user's current status.";
        return error(403, "E0000038", summary);
    }
    let done = if of_factor {
        world.remove_factor(index, id, true, request, notes)
    } else if request.path.ends_with("/tokens") {
        world.revoke_client(index, id, request, notes)
    } else {
        world.remove_grant(index, id, request, notes)
    };
    match done {
        Some(()) => Answer::empty(204),
        None => unknown(request, id),
    }
}
