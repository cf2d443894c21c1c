//! Users, what belongs to them, and the two actions on them.

use serde_json::{Value, json};

use crate::drill::company::{ANALYST, Directory, Factor, Person};
use crate::drill::wire::{Answer, Notes, Request, iso};
use crate::drill::world::{Refused, World};

use super::{error, invalid, link, not_found, scim};

pub(super) fn find(directory: &Directory, key: &str) -> Option<usize> {
    if key == "me" {
        Some(ANALYST)
    } else {
        directory.find(key)
    }
}

pub(super) fn missing(key: &str) -> Answer {
    not_found(&format!("{key} (User)"))
}

/// Builds one user.
fn user(person: &Person, base: &str) -> Value {
    let (kind, name) = if person.from_directory {
        ("ACTIVE_DIRECTORY", "ad.acme.example")
    } else {
        ("OKTA", "OKTA")
    };
    let mut links = json!({"self": {"href": format!("{base}/api/v1/users/{}", person.id)}});
    let action = match person.status {
        "ACTIVE" => "suspend",
        "SUSPENDED" => "unsuspend",
        _ => "",
    };
    if !action.is_empty() {
        let href = format!("{base}/api/v1/users/{}/lifecycle/{action}", person.id);
        links[action] = json!({"href": href, "method": "POST"});
    }
    json!({
        "id": person.id,
        "status": person.status,
        "created": iso(person.created),
        "activated": iso(person.created),
        "statusChanged": iso(person.status_changed),
        "lastLogin": person.last_login.map(iso),
        "lastUpdated": iso(person.last_updated),
        "passwordChanged": iso(person.password_changed),
        "transitioningToStatus": null,
        "type": {"id": "oty1drill0default000"},
        "profile": {
            "firstName": person.first, "lastName": person.last, "displayName": person.name(),
            "login": person.login, "email": person.email, "secondEmail": person.second_email, "mobilePhone": null,
            "title": person.title, "department": person.department, "organization": "Acme",
            "city": crate::drill::company::PLACES[person.office].city,
            "countryCode": crate::drill::company::PLACES[person.office].iso,
            "timezone": crate::drill::company::PLACES[person.office].zone,
        },
        "credentials": {"provider": {"type": kind, "name": name}},
        "_links": links,
    })
}

pub(super) fn get(world: &World, request: &Request, key: &str) -> Answer {
    match find(&world.directory, key) {
        Some(index) => Answer::json(200, user(&world.directory.people[index], &request.base)),
        None => missing(key),
    }
}

const LIST_NAMES: [&str; 9] = [
    "search",
    "filter",
    "q",
    "after",
    "limit",
    "sortBy",
    "sortOrder",
    "fields",
    "expand",
];

pub(super) fn list(world: &World, request: &Request) -> Answer {
    if let Some((name, _)) = request
        .query
        .iter()
        .find(|(n, _)| !LIST_NAMES.contains(&n.as_str()))
    {
        return invalid(&format!("unknown parameter: {name}"));
    }
    let expression = request.query("search").or(request.query("filter"));
    let filter = match expression.map(scim::parse).transpose() {
        Ok(filter) => filter,
        Err(text) => return error(400, "E0000031", &text),
    };
    let starts = request.query("q").map(str::to_lowercase);
    let found: Vec<Value> = world
        .directory
        .people
        .iter()
        .filter(|p| expression.is_some() || p.status != "DEPROVISIONED")
        .filter(|person| {
            starts.as_ref().is_none_or(|start| {
                [&person.first, &person.last, &person.email, &person.login]
                    .iter()
                    .any(|text| text.to_lowercase().starts_with(start.as_str()))
            })
        })
        .map(|person| user(person, &request.base))
        .filter(|user| {
            filter
                .as_ref()
                .is_none_or(|filter| filter.matches(&|path| scim::values(user, path)))
        })
        .collect();
    page(request, found, if starts.is_some() { 10 } else { 200 })
}

/// Cuts a list into pages with one `Link` header per relation.
pub(super) fn page(request: &Request, rows: Vec<Value>, default: usize) -> Answer {
    let limit = match request.query("limit").map(str::parse::<usize>) {
        None => default,
        Some(Ok(limit)) if (1..=1000).contains(&limit) => limit,
        Some(_) => return invalid("limit: must be between 1 and 1000"),
    };
    let from = match request
        .query("after")
        .map(|after| after.trim_start_matches("pos").parse::<usize>())
    {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => return invalid("after: not a cursor of this list"),
    };
    let own: Vec<(&str, &str)> = request
        .query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut headers = vec![("link", link(request, &own, "self"))];
    if from.saturating_add(limit) < rows.len() {
        let after = format!("pos{}", from + limit);
        let mut query: Vec<_> = own
            .into_iter()
            .filter(|(name, _)| *name != "after")
            .collect();
        query.push(("after", &after));
        headers.push(("link", link(request, &query, "next")));
    }
    let rows = rows.into_iter().skip(from).take(limit).collect();
    let mut answer = Answer::json(200, Value::Array(rows));
    answer.headers = headers;
    answer
}

pub(super) fn groups(world: &World, request: &Request, key: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let created = iso(world.start - chrono::TimeDelta::days(900));
    let rows = world.directory.people[index]
        .groups
        .iter()
        .filter_map(|group| world.directory.groups.get(*group))
        .map(|group| {
            json!({
                "id": group.id, "created": created, "lastUpdated": created,
                "lastMembershipUpdated": created, "objectClass": ["okta:user_group"],
                "type": group.kind,
                "profile": {"name": group.name, "description": group.description},
                "_links": {"users": {"href": format!("{}/api/v1/groups/{}/users", request.base, group.id)}},
            })
        })
        .collect();
    Answer::json(200, Value::Array(rows))
}

pub(super) fn members(world: &World, request: &Request, key: &str) -> Answer {
    let Some(group) = world
        .directory
        .groups
        .iter()
        .position(|group| group.id == key)
    else {
        return not_found(&format!("{key} (UserGroup)"));
    };
    let people = world
        .directory
        .people
        .iter()
        .filter(|person| person.groups.contains(&group));
    let rows = people.map(|person| user(person, &request.base)).collect();
    page(request, rows, 1000)
}

pub(super) fn roles(world: &World, request: &Request, key: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let rows = person
        .roles
        .iter()
        .map(|(kind, label)| {
            json!({
                "id": format!("ra1{}{kind}", person.id), "label": label, "type": kind,
                "status": "ACTIVE", "assignmentType": "USER",
                "created": iso(person.created), "lastUpdated": iso(person.created),
                "_links": {"assignee": {"href": format!("{}/api/v1/users/{}", request.base, person.id)}},
            })
        })
        .collect();
    Answer::json(200, Value::Array(rows))
}

/// Lists who has any administrator role; it pages in its body, not in its headers.
pub(super) fn assignees(world: &World, request: &Request) -> Answer {
    if let Some((name, _)) = request
        .query
        .iter()
        .find(|(name, _)| !matches!(name.as_str(), "after" | "limit"))
    {
        return invalid(&format!("unknown parameter: {name}"));
    }
    let holders = world.directory.people.iter();
    let rows: Vec<Value> = holders
        .filter(|person| !person.roles.is_empty())
        .map(|person| {
            let href = format!("{}/api/v1/users/{}", request.base, person.id);
            json!({
                "id": person.id, "orn": format!("orn:okta:directory:00odrill:users:{}", person.id),
                "_links": {"self": {"href": href}, "roles": {"href": format!("{href}/roles")}},
            })
        })
        .collect();
    let limit = match request.query("limit").map(str::parse::<usize>) {
        None => 100,
        Some(Ok(limit)) if (1..=200).contains(&limit) => limit,
        Some(_) => return invalid("limit: must be between 1 and 200"),
    };
    let from = match request.query("after").map(str::parse::<usize>) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => return invalid("after: not a cursor of this list"),
    };
    let mut links = json!({});
    let after = from.saturating_add(limit);
    if after < rows.len() {
        let href = format!(
            "{}{}?after={after}&limit={limit}",
            request.base, request.path
        );
        links = json!({"next": {"href": href}});
    }
    let rows: Vec<Value> = rows.into_iter().skip(from).take(limit).collect();
    Answer::json(200, json!({"value": rows, "_links": links}))
}

pub(super) fn factors(world: &World, request: &Request, key: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let factors = person.factors.iter();
    let rows = factors.map(|one| factor(person, one, &request.base));
    Answer::json(200, rows.collect())
}

/// Builds one factor.
pub(super) fn factor(person: &Person, factor: &Factor, base: &str) -> Value {
    let href = format!("{base}/api/v1/users/{}/factors/{}", person.id, factor.id);
    json!({
        "id": factor.id, "factorType": factor.kind, "provider": factor.provider,
        "vendorName": factor.provider, "status": "ACTIVE",
        "created": iso(factor.created), "lastUpdated": iso(factor.created),
        "profile": {
            "credentialId": person.login, "deviceType": "SmartPhone_Dummy",
            "name": factor.name, "platform": "MOBILE", "version": "1",
        },
        "_links": {"self": {"href": href}},
    })
}

pub(super) fn clients(world: &World, request: &Request, key: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let rows = person
        .clients
        .iter()
        .map(|client| {
            let href =
                format!("{}/api/v1/users/{}/clients/{}/tokens", request.base, person.id, client.id);
            json!({
                "client_id": client.id, "client_name": client.name, "client_uri": "", "logo_uri": "",
                "_links": {"tokens": {"href": href}},
            })
        })
        .collect();
    Answer::json(200, Value::Array(rows))
}

pub(super) fn tokens(world: &World, request: &Request, key: &str, client: &str) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let person = &world.directory.people[index];
    let rows = person
        .clients
        .iter()
        .filter(|known| known.id == client)
        .flat_map(|client| client.tokens.iter().map(move |token| (client, token)))
        .map(|(client, token)| {
            json!({
                "id": token, "status": "ACTIVE", "clientId": client.id, "userId": person.id,
                "issuer": format!("{}/oauth2/default", request.base), "scopes": client.scopes,
                "created": iso(client.created), "lastUpdated": iso(client.created),
                "expiresAt": iso(client.created + chrono::TimeDelta::days(90)),
            })
        })
        .collect();
    page(request, rows, 20)
}

pub(super) fn lifecycle(
    world: &mut World,
    request: &Request,
    key: &str,
    notes: &mut Notes,
) -> Answer {
    let suspend = request.path.ends_with("/suspend");
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let done = if suspend {
        world.suspend(index, request, notes)
    } else {
        world.unsuspend(index, request, notes)
    };
    match done {
        Ok(()) => Answer::empty(200),
        Err(Refused::WrongStatus) if suspend => invalid("Cannot suspend a user that is not active"),
        Err(Refused::WrongStatus) => invalid("Cannot unsuspend a user that is not suspended"),
    }
}

pub(super) fn expire_password(
    world: &mut World,
    request: &Request,
    key: &str,
    notes: &mut Notes,
) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    match world.expire_password(index, request, notes) {
        Ok(()) => Answer::json(200, user(&world.directory.people[index], &request.base)),
        Err(Refused::WrongStatus) => {
            invalid("Cannot expire the password of a user that is not active")
        }
    }
}

/// Makes the password void; the way to a new one goes to the caller, or by mail, which the oracle counts.
pub(super) fn reset_password(
    world: &mut World,
    request: &Request,
    key: &str,
    notes: &mut Notes,
) -> Answer {
    let unknown = |name: &str| !matches!(name, "sendEmail" | "revokeSessions");
    if let Some((name, _)) = request.query.iter().find(|(name, _)| unknown(name)) {
        return invalid(&format!("unknown parameter: {name}"));
    }
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    if world.reset_password(index, request, notes).is_err() {
        let summary = "This operation is not allowed in the user's current status.";
        return error(403, "E0000038", summary);
    }
    if request.query("revokeSessions") == Some("true") {
        world.directory.people[index].sessions.clear();
    }
    if request.query("sendEmail") != Some("false") {
        notes.effect("recovery_mail", world.directory.people[index].email.clone());
        return Answer::json(200, json!({}));
    }
    let token = format!("drill{:016x}", request.at.timestamp_micros());
    let link = format!("{}/reset_password/{token}", request.base);
    Answer::json(200, json!({"resetPasswordUrl": link}))
}

pub(super) fn deactivate(
    world: &mut World,
    request: &Request,
    key: &str,
    notes: &mut Notes,
) -> Answer {
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    world.deactivate(index, request, notes);
    Answer::json(200, json!({}))
}

pub(super) fn clear(world: &mut World, request: &Request, key: &str, notes: &mut Notes) -> Answer {
    let unknown = |name: &str| !matches!(name, "oauthTokens" | "forgetDevices");
    if let Some((name, _)) = request.query.iter().find(|(name, _)| unknown(name)) {
        return invalid(&format!("unknown parameter: {name}"));
    }
    let Some(index) = find(&world.directory, key) else {
        return missing(key);
    };
    let with_tokens = request.query("oauthTokens") == Some("true");
    world.clear_sessions(index, with_tokens, request, notes);
    Answer::empty(204)
}
