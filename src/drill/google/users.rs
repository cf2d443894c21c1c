//! Users, what belongs to them, and what is done to them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{CUSTOMER_ID, aliases, error, find, no_user, page, roles};
use crate::drill::company::{Directory, Person, VICTIM};
use crate::drill::wire::{Answer, Notes, Request, iso};
use crate::drill::world::{UPDATE_PASSWORD, World};

/// Gives a sign-in that never was the vendor's time for it.
fn last_login(at: Option<DateTime<Utc>>) -> String {
    iso(at.unwrap_or_default())
}

/// Builds one user.
fn user(directory: &Directory, place: usize) -> Value {
    let person = &directory.people[place];
    let suspended = person.status == "SUSPENDED";
    let is_admin = roles::is_super(person);
    let also = aliases(directory, place);
    let mut emails = vec![json!({"address": person.login, "primary": true})];
    emails.extend(also.iter().map(|alias| json!({"address": alias})));
    let mut record = json!({
        "kind": "admin#directory#user", "id": person.id, "etag": "\"drill\"",
        "primaryEmail": person.login,
        "name": {"givenName": person.first, "familyName": person.last, "fullName": person.name()},
        "isAdmin": is_admin, "isDelegatedAdmin": !is_admin && !person.roles.is_empty(),
        "lastLoginTime": last_login(person.last_login), "creationTime": iso(person.created),
        "agreedToTerms": true, "suspended": suspended, "archived": person.status == "DEPROVISIONED",
        "changePasswordAtNextLogin": person.required.iter().any(|one| one == UPDATE_PASSWORD),
        "ipWhitelisted": false, "emails": emails,
        "organizations": [{"title": person.title, "department": person.department, "primary": true}],
        "customerId": CUSTOMER_ID, "orgUnitPath": "/", "isMailboxSetup": true,
        "isEnrolledIn2Sv": !person.factors.is_empty(), "isEnforcedIn2Sv": false,
        "includeInGlobalAddressList": true,
    });
    if suspended {
        record["suspensionReason"] = json!("ADMIN");
        record["suspensionTime"] = json!(iso(person.status_changed));
    }
    if !also.is_empty() {
        record["aliases"] = json!(also);
    }
    if let Some(mail) = person.second_email {
        record["recoveryEmail"] = json!(mail);
    }
    record
}

pub(super) fn get(world: &World, key: &str) -> Answer {
    find(&world.directory, key).map_or_else(no_user, |place| {
        Answer::json(200, user(&world.directory, place))
    })
}

/// Reads the one clause of a search: a field and its value, perhaps in quotes.
fn clause(query: &str) -> Option<(&str, String)> {
    let (field, value) = query.split_once('=')?;
    let value = match value.strip_prefix('\'') {
        Some(rest) => rest
            .strip_suffix('\'')?
            .replace("\\'", "'")
            .replace("\\\\", "\\"),
        None => value.to_owned(),
    };
    Some((field, value))
}

pub(super) fn list(world: &World, request: &Request) -> Answer {
    let directory = &world.directory;
    if !matches!(request.query("customer"), Some("my_customer" | CUSTOMER_ID)) {
        return error(400, "badRequest", "Bad Request");
    }
    let wanted = match request.query("query").map(clause) {
        None => None,
        Some(Some(clause)) => Some(clause),
        Some(None) => return error(400, "invalid", "Invalid Input: query"),
    };
    let fits = |place: usize| {
        let person: &Person = &directory.people[place];
        match &wanted {
            None => true,
            Some(("email", value)) => {
                let mut all = aliases(directory, place);
                all.push(person.login.clone());
                all.iter().any(|one| one.eq_ignore_ascii_case(value))
            }
            Some(("isAdmin", value)) => (value == "true") == roles::is_super(person),
            Some(_) => false,
        }
    };
    let rows = (0..directory.people.len()).filter(|place| fits(*place));
    let rows = rows.map(|place| user(directory, place)).collect();
    page(request, ("admin#directory#users", "users"), rows, 500)
}

pub(super) fn groups(world: &World, request: &Request) -> Answer {
    let Some(key) = request.query("userKey") else {
        return error(400, "badRequest", "Bad Request");
    };
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    let groups = world.directory.people[place].groups.iter();
    let rows = groups
        .filter_map(|group| world.directory.groups.get(*group))
        .map(|group| {
            json!({
                "kind": "admin#directory#group", "id": group.id, "etag": "\"drill\"",
                "email": format!("{}@acme.example", group.name.to_lowercase()), "name": group.name,
                "description": group.description, "directMembersCount": "7", "adminCreated": true,
            })
        });
    let rows = rows.collect();
    page(request, ("admin#directory#groups", "groups"), rows, 200)
}

pub(super) fn tokens(world: &World, key: &str) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    let person = &world.directory.people[place];
    let rows = person.clients.iter().map(|client| {
        json!({
            "kind": "admin#directory#token", "etag": "\"drill\"", "clientId": client.id,
            "displayText": client.name, "anonymous": false, "nativeApp": false,
            "userKey": person.id, "scopes": client.scopes,
        })
    });
    listed("admin#directory#tokenList", rows.collect())
}

pub(super) fn listed(kind: &str, rows: Vec<Value>) -> Answer {
    let mut body = json!({"kind": kind, "etag": "\"drill\""});
    if !rows.is_empty() {
        body["items"] = Value::Array(rows);
    }
    Answer::json(200, body)
}

pub(super) fn app_passwords(world: &World, key: &str) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    let person = &world.directory.people[place];
    let made = (world.start - TimeDelta::days(212)).timestamp();
    let has = place == VICTIM && !world.google.password_gone;
    let rows = has.then(|| {
        json!({
            "kind": "admin#directory#asp", "etag": "\"drill\"", "codeId": 3, "name": "iPad Mail",
            "creationTime": made.to_string(), "lastTimeUsed": (made + 86_400).to_string(),
            "userKey": person.id,
        })
    });
    listed("admin#directory#aspList", rows.into_iter().collect())
}

/// Applies the fields that are there and leaves the others as they are.
pub(super) fn update(world: &mut World, request: &Request, key: &str, notes: &mut Notes) -> Answer {
    let Ok(Value::Object(fields)) = serde_json::from_slice(&request.body) else {
        return error(400, "parseError", "Parse Error");
    };
    let known = [
        "suspended",
        "password",
        "changePasswordAtNextLogin",
        "recoveryEmail",
        "recoveryPhone",
    ];
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        let words =
            format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.");
        return error(400, "invalid", &words);
    }
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    let flag = |name: &str| fields.get(name).map(Value::as_bool);
    let (suspended, must) = (flag("suspended"), flag("changePasswordAtNextLogin"));
    if suspended == Some(None) || must == Some(None) {
        return error(400, "invalid", "Invalid Input");
    }
    match fields.get("password").map(Value::as_str) {
        None => {}
        Some(Some(password)) if (8..=100).contains(&password.len()) => {
            if must != Some(Some(true)) {
                let words = "The drill sets passwords that have to be changed only";
                return error(400, "invalid", words);
            }
            world.set_password(place, request, notes);
        }
        Some(_) => return error(400, "invalid", "Invalid Password"),
    }
    if let (Some(Some(must)), None) = (must, fields.get("password")) {
        let actions = must.then(|| UPDATE_PASSWORD.to_owned());
        world.require(place, actions.into_iter().collect(), request, notes);
    }
    if let Some(way) = fields.get("recoveryEmail") {
        if !way.is_null() {
            let words = "The drill clears the recovery mail only";
            return error(400, "invalid", words);
        }
        let person = &mut world.directory.people[place];
        if person.second_email.take().is_some() {
            notes.effect("clear_recovery", person.id.clone());
        }
    }
    if let Some(Some(suspended)) = suspended {
        world.set_enabled(place, !suspended, request, notes);
    }
    Answer::json(200, user(&world.directory, place))
}

pub(super) fn sign_out(
    world: &mut World,
    request: &Request,
    key: &str,
    notes: &mut Notes,
) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    world.clear_sessions(place, false, request, notes);
    Answer::empty(204)
}

pub(super) fn end_token(
    world: &mut World,
    request: &Request,
    (key, client): (&str, &str),
    notes: &mut Notes,
) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    match world.end_client(place, client, request, notes) {
        Some(()) => Answer::empty(204),
        None => error(404, "notFound", "Resource Not Found: clientId"),
    }
}

pub(super) fn end_password(
    world: &mut World,
    (key, number): (&str, &str),
    notes: &mut Notes,
) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    if place != VICTIM || number != "3" || world.google.password_gone {
        return error(404, "notFound", "Resource Not Found: codeId");
    }
    world.google.password_gone = true;
    let id = &world.directory.people[place].id;
    notes.effect("revoke_app_password", format!("{id}/{number}"));
    Answer::empty(204)
}
