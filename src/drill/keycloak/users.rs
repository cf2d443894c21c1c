//! Users, what belongs to them, and what is done to them.

use serde_json::{Value, json};

use super::{CLIENT, cut, error, no_user};
use crate::drill::company::{Directory, Person, Session};
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::{UPDATE_PASSWORD, World};

/// The account of the console's client.
pub(super) const SERVICE_ID: &str = "2ea2aa9c-3a7d-4013-9e9a-a8e300e16f5f";
/// The client whose roles administer the realm.
pub(super) const MANAGEMENT: &str = "f02134a6-3b54-43a5-9508-83480a4b5061";
const ROLES: [&str; 4] = ["manage-users", "view-clients", "view-events", "view-realm"];

/// Whose part is asked for.
enum Who<'a> {
    Person(&'a Person),
    /// The account of the console's client, which nobody acts on.
    Service,
}

fn find<'a>(directory: &'a Directory, id: &str) -> Option<Who<'a>> {
    if id == SERVICE_ID {
        return Some(Who::Service);
    }
    let mut people = directory.people.iter();
    people.find(|person| person.id == id).map(Who::Person)
}

pub(super) fn place(directory: &Directory, id: &str) -> Option<usize> {
    directory.people.iter().position(|person| person.id == id)
}

fn is_enabled(person: &Person) -> bool {
    !matches!(person.status, "SUSPENDED" | "DEPROVISIONED")
}

fn access() -> Value {
    json!({
        "manageGroupMembership": true, "resetPassword": true, "view": true, "mapRoles": true,
        "impersonate": false, "manage": true,
    })
}

/// Builds one user.
fn user(who: &Who<'_>) -> Value {
    let person = match who {
        Who::Person(person) => person,
        Who::Service => {
            return json!({
                "id": SERVICE_ID, "username": format!("service-account-{CLIENT}"), "emailVerified": false,
                "enabled": true, "createdTimestamp": 1_700_000_000_000_i64, "totp": false,
                "disableableCredentialTypes": [], "requiredActions": [], "notBefore": 0, "access": access(),
            });
        }
    };
    let mut actions = person.required.clone();
    if person.status == "PASSWORD_EXPIRED" && actions.is_empty() {
        actions.push(UPDATE_PASSWORD.to_owned());
    }
    let mut record = json!({
        "id": person.id, "username": person.login, "firstName": person.first, "lastName": person.last,
        "email": person.email, "emailVerified": true, "enabled": is_enabled(person),
        "attributes": {"department": [person.department], "title": [person.title]},
        "createdTimestamp": person.created.timestamp_millis(), "totp": !person.factors.is_empty(),
        "disableableCredentialTypes": [], "requiredActions": actions, "notBefore": person.not_before,
        "access": access(),
    });
    if person.from_directory {
        record["federationLink"] = json!("ad.acme.example");
    }
    record
}

pub(super) fn get(world: &World, id: &str) -> Answer {
    find(&world.directory, id).map_or_else(no_user, |who| Answer::json(200, user(&who)))
}

pub(super) fn list(world: &World, request: &Request) -> Answer {
    let exact = request.query("exact") == Some("true");
    let fits = |wanted: Option<&str>, text: &str| {
        wanted.is_none_or(|wanted| {
            let (wanted, text) = (wanted.to_lowercase(), text.to_lowercase());
            if exact {
                text == wanted
            } else {
                text.contains(&wanted)
            }
        })
    };
    let (username, email) = (request.query("username"), request.query("email"));
    let mut rows: Vec<Value> = world
        .directory
        .people
        .iter()
        .filter(|person| fits(username, &person.login) && fits(email, &person.email))
        .map(|person| user(&Who::Person(person)))
        .collect();
    if username.is_some() && fits(username, &format!("service-account-{CLIENT}")) {
        rows.push(user(&Who::Service));
    }
    cut(request, rows, 100)
}

pub(super) fn part(world: &World, request: &Request, id: &str, part: &str) -> Answer {
    let Some(who) = find(&world.directory, id) else {
        return no_user();
    };
    let rows: Vec<Value> = match (part, &who) {
        ("role-mappings", who) => return Answer::json(200, roles(who)),
        ("sessions" | "consents" | "credentials" | "groups", Who::Service) => Vec::new(),
        ("sessions", Who::Person(person)) => {
            let open = person.sessions.iter();
            open.map(|one| session(person, one)).collect()
        }
        ("consents", Who::Person(person)) => consents(person),
        ("credentials", Who::Person(person)) => credentials(person),
        ("groups", Who::Person(person)) => {
            return cut(request, groups(world, person), 100);
        }
        _ => return error(404, "Unable to find matching target resource method"),
    };
    Answer::json(200, rows.into_iter().collect())
}

fn session(person: &Person, open: &Session) -> Value {
    let at = open.at.timestamp() * 1_000;
    json!({
        "id": session_id(open), "username": person.login, "userId": person.id, "ipAddress": open.ip,
        "start": at, "lastAccess": at, "rememberMe": false, "clients": {"c-portal": "portal"},
        "transientUser": false,
    })
}

fn session_id(open: &Session) -> String {
    format!("sess{}", open.number)
}

/// Lists the clients that the user consented to or that hold offline tokens; a consent outlives its tokens.
fn consents(person: &Person) -> Vec<Value> {
    let mut names: Vec<&str> = person.grants.iter().map(|grant| grant.name).collect();
    names.extend(person.clients.iter().map(|client| client.name));
    names.dedup();
    let mut seen = Vec::new();
    let mut rows = Vec::new();
    for name in names {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let grants = || person.grants.iter().filter(|grant| grant.name == name);
        let client = person.clients.iter().find(|client| client.name == name);
        let created = grants()
            .map(|grant| grant.created)
            .chain(client.map(|client| client.created))
            .min();
        let millis = created.map(|at| at.timestamp_millis());
        let scopes: Vec<&str> = grants().map(|grant| grant.scope).collect();
        let offline: Vec<Value> = client
            .map(|client| json!({"client": client.id, "key": "Offline Token"}))
            .into_iter()
            .collect();
        rows.push(json!({
            "clientId": name, "grantedClientScopes": scopes, "createdDate": millis,
            "lastUpdatedDate": millis, "additionalGrants": offline,
        }));
    }
    rows
}

pub(super) fn offline(world: &World, id: &str, client: &str) -> Answer {
    let person = match find(&world.directory, id) {
        Some(Who::Person(person)) => person,
        Some(Who::Service) => return Answer::json(200, json!([])),
        None => return no_user(),
    };
    let Some(client) = person.clients.iter().find(|known| known.id == client) else {
        return Answer::json(200, json!([]));
    };
    let at = client.created.timestamp() * 1_000;
    let rows = client.tokens.iter().map(|token| {
        json!({
            "id": token, "username": person.login, "userId": person.id, "ipAddress": "203.0.113.9",
            "start": at, "lastAccess": at, "rememberMe": false, "clients": {client.id.clone(): client.name},
            "transientUser": false,
        })
    });
    Answer::json(200, rows.collect())
}

fn credentials(person: &Person) -> Vec<Value> {
    let mut rows = vec![json!({
        "id": format!("pw-{}", person.id), "type": "password",
        "createdDate": person.password_changed.timestamp_millis(),
        "credentialData": "{\"algorithm\":\"argon2\"}",
    })];
    rows.extend(person.factors.iter().map(|factor| {
        json!({
            "id": factor.id, "type": "otp", "userLabel": factor.name,
            "createdDate": factor.created.timestamp_millis(),
            "credentialData": "{\"subType\":\"totp\",\"digits\":6}",
        })
    }));
    rows
}

fn groups(world: &World, person: &Person) -> Vec<Value> {
    let groups = person.groups.iter();
    let groups = groups.filter_map(|group| world.directory.groups.get(*group));
    groups
        .map(|group| {
            json!({
                "id": group.id, "name": group.name, "path": format!("/{}", group.name),
                "description": group.description, "subGroups": [], "attributes": {}, "realmRoles": [],
                "clientRoles": {},
            })
        })
        .collect()
}

fn role(name: &str, is_client: bool) -> Value {
    json!({
        "id": format!("role-{name}"), "name": name, "composite": name.starts_with("default-roles"),
        "clientRole": is_client, "containerId": MANAGEMENT,
    })
}

/// Names the roles of the client that administers the realm, as far as the account has them itself.
fn managing(who: &Who<'_>) -> Vec<&'static str> {
    let person = match who {
        Who::Service => return ROLES.to_vec(),
        Who::Person(person) => person,
    };
    let names = person.roles.iter().map(|(kind, _)| match *kind {
        "SUPER_ADMIN" => "realm-admin",
        "READ_ONLY_ADMIN" => "view-users",
        "APP_ADMIN" => "manage-clients",
        _ => "manage-users",
    });
    names.collect()
}

/// Gives the roles of an account, and those of the client that administers the realm where it has any.
fn roles(who: &Who<'_>) -> Value {
    let names = managing(who);
    let mut record = json!({"realmMappings": [role("default-roles-acme", false)]});
    if !names.is_empty() {
        let mappings: Vec<Value> = names.into_iter().map(|name| role(name, true)).collect();
        record["clientMappings"] = json!({"realm-management": {
            "id": MANAGEMENT, "client": "realm-management", "mappings": mappings,
        }});
    }
    record
}

/// Gives the roles of a client that an account has, by itself or however handed on.
pub(super) fn all_roles(world: &World, id: &str, client: &str) -> Answer {
    let Some(who) = find(&world.directory, id) else {
        return no_user();
    };
    if client != MANAGEMENT {
        return error(404, "Client not found");
    }
    let inherited = match &who {
        Who::Person(person) => person.inherited.clone(),
        Who::Service => vec!["query-users", "query-groups"],
    };
    let names = managing(&who).into_iter().chain(inherited);
    Answer::json(200, names.map(|name| role(name, true)).collect())
}

pub(super) fn lock(world: &World, id: &str) -> Answer {
    let is_locked = match find(&world.directory, id) {
        Some(Who::Person(person)) => person.status == "LOCKED_OUT",
        Some(Who::Service) | None => false,
    };
    Answer::json(
        200,
        json!({
            "failedLoginNotBefore": 0, "numFailures": if is_locked { 30 } else { 0 },
            "numTemporaryLockouts": i32::from(is_locked), "disabled": is_locked, "lastIPFailure": "n/a",
            "lastFailure": 0, "numSecondaryAuthFailures": 0,
        }),
    )
}

/// Applies the fields that are there; one that is there replaces the old one whole.
pub(super) fn update(world: &mut World, request: &Request, id: &str, notes: &mut Notes) -> Answer {
    let Ok(Value::Object(fields)) = serde_json::from_slice(&request.body) else {
        return error(400, "unable to read contents from stream");
    };
    let known = ["enabled", "requiredActions"];
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return error(400, &format!("Unrecognized field \"{name}\""));
    }
    let required = match fields.get("requiredActions") {
        None => None,
        Some(list) => match serde_json::from_value::<Vec<String>>(list.clone()) {
            Ok(list) => Some(list),
            Err(_) => return error(400, "Cannot parse the JSON"),
        },
    };
    let Some(person) = place(&world.directory, id) else {
        return no_user();
    };
    match fields.get("enabled") {
        None => {}
        Some(Value::Bool(enabled)) => world.set_enabled(person, *enabled, request, notes),
        Some(_) => return error(400, "Cannot parse the JSON"),
    }
    if let Some(required) = required {
        world.require(person, required, request, notes);
    }
    Answer::empty(204)
}

/// Sets a password; without `temporary` it stays, and the oracle knows no such effect.
pub(super) fn set_password(
    world: &mut World,
    request: &Request,
    id: &str,
    notes: &mut Notes,
) -> Answer {
    let Ok(Value::Object(fields)) = serde_json::from_slice(&request.body) else {
        return error(400, "unable to read contents from stream");
    };
    let known = ["temporary", "type", "value"];
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return error(400, &format!("Unrecognized field \"{name}\""));
    }
    let Some(person) = place(&world.directory, id) else {
        return no_user();
    };
    let value = fields.get("value").and_then(Value::as_str);
    let is_password = fields.get("type").and_then(Value::as_str) == Some("password");
    match value {
        Some(value) if is_password && value.len() >= 12 => {}
        Some(_) if is_password => {
            let words = "Invalid password: minimum length 12.";
            let body =
                json!({"error": "invalidPasswordMinLengthMessage", "error_description": words});
            return Answer::json(400, body);
        }
        _ => return error(400, "No password provided"),
    }
    if fields.get("temporary") != Some(&Value::Bool(true)) {
        return error(400, "The drill sets temporary passwords only");
    }
    world.set_password(person, request, notes);
    Answer::empty(204)
}

pub(super) fn logout(world: &mut World, request: &Request, id: &str, notes: &mut Notes) -> Answer {
    let Some(person) = place(&world.directory, id) else {
        return no_user();
    };
    world.directory.people[person].not_before = request.at.timestamp();
    world.clear_sessions(person, false, request, notes);
    Answer::empty(204)
}

pub(super) fn end_session(
    world: &mut World,
    request: &Request,
    session: &str,
    notes: &mut Notes,
) -> Answer {
    // The vendor's own spelling.
    let gone = || error(404, "Sesssion not found");
    if request.query("isOffline") == Some("true") {
        return match world.end_offline(session, request, notes) {
            Some(()) => Answer::empty(204),
            None => gone(),
        };
    }
    let number = session
        .strip_prefix("sess")
        .and_then(|text| text.parse().ok());
    if number.is_some_and(|number| world.end_session(number, request, notes).is_some()) {
        return Answer::empty(204);
    }
    gone()
}
