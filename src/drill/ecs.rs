//! Activity as documents of the SIEM (Elastic Common Schema 8).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::activity::{Activity, Kind};
use super::company::{Directory, Source};
use super::wire::iso;

/// One value of a document's field.
#[derive(Clone, Debug)]
pub(crate) enum Field {
    Missing,
    Text(String),
    Words(&'static [&'static str]),
    Time(DateTime<Utc>),
    Other(Value),
}

/// Answers one field without building the document, where that is cheap.
pub(crate) fn field(
    activity: &Activity,
    directory: &Directory,
    uuid: &dyn Fn() -> String,
    name: &str,
) -> Field {
    let words = activity.kind.words();
    let actor = activity.actor(directory);
    match name {
        "@timestamp" => Field::Time(activity.at),
        "event.ingested" => Field::Time(ingested(activity)),
        "event.action" => Field::Text(words.action.to_owned()),
        "event.category" => Field::Words(words.categories),
        "event.type" => Field::Words(words.types),
        "event.dataset" => Field::Text(source(activity, directory).dataset.to_owned()),
        "event.provider" | "event.module" => {
            Field::Text(source(activity, directory).provider.to_owned())
        }
        "event.outcome" => Field::Text(outcome(activity).to_owned()),
        "event.kind" => Field::Text("event".to_owned()),
        "event.id" | "_id" => Field::Text(uuid()),
        "user.id" => Field::Text(actor.id.clone()),
        "user.name" => Field::Text(actor.login.clone()),
        "user.email" => Field::Text(actor.email.clone()),
        "source.ip" => Field::Text(activity.ip_text()),
        "host.name" => host(activity).map_or(Field::Missing, |host| Field::Text(host.to_owned())),
        _ => {
            let document = document(activity, directory, &uuid());
            pick(&document, name).map_or(Field::Missing, |value| Field::Other(value.clone()))
        }
    }
}

/// Finds a field by its dotted name, whether the document nests it or writes the dots out.
pub(crate) fn pick<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(value) = document.get(name) {
        return Some(value);
    }
    let (head, rest) = name.split_once('.')?;
    pick(document.get(head)?, rest)
}

fn ingested(activity: &Activity) -> DateTime<Utc> {
    activity.at + TimeDelta::milliseconds(i64::from(activity.lag))
}

fn outcome(activity: &Activity) -> &'static str {
    if activity.ok { "success" } else { "failure" }
}

/// Builds the whole document.
pub(crate) fn document(activity: &Activity, directory: &Directory, uuid: &str) -> Value {
    let (words, from) = (activity.kind.words(), source(activity, directory));
    let actor = activity.actor(directory);
    let place = activity.place();
    let agent = activity.agent();
    let ip = activity.ip_text();
    let mut event = json!({
        "id": uuid, "kind": "event", "action": words.action, "category": words.categories,
        "type": words.types, "outcome": outcome(activity), "provider": from.provider,
        "module": from.provider, "dataset": from.dataset, "ingested": iso(ingested(activity)),
    });
    if !activity.reason.is_empty() {
        insert(&mut event, "reason", json!(activity.reason));
    }
    let mut user = json!({
        "id": actor.id, "name": actor.login, "email": actor.email, "full_name": actor.name(),
    });
    let mut related = vec![json!(actor.login), json!(actor.id)];
    if let Some(target) = activity.target(directory) {
        insert(
            &mut user,
            "target",
            json!({"id": target.id, "name": target.login, "email": target.email}),
        );
        related.extend([json!(target.login), json!(target.id)]);
    }
    let mut document = json!({
        "@timestamp": iso(activity.at),
        "ecs": {"version": "8.17.0"},
        "event": event,
        "user": user,
        "source": {
            "ip": ip,
            "geo": {
                "country_iso_code": place.iso, "country_name": place.country,
                "region_name": place.region, "city_name": place.city,
                "location": {"lat": place.lat, "lon": place.lon},
            },
            "as": {"number": place.asn, "organization": {"name": place.org}},
        },
        "related": {"user": related, "ip": [ip]},
        "message": message(activity, from.name),
    });
    if activity.kind.in_system_log() {
        insert(
            &mut document,
            "user_agent",
            json!({
                "original": agent.raw, "name": agent.browser, "os": {"name": agent.os},
                "device": {"name": agent.device},
            }),
        );
    }
    add_object(&mut document, activity);
    document
}

fn message(activity: &Activity, name: &str) -> String {
    let words = activity.kind.words().message.replace("Okta", name);
    if activity.object.is_empty() {
        words
    } else {
        format!("{words}: {}", activity.object)
    }
}

/// Says whose entry it is: of what the identity provider logs, the one that the company has.
fn source(activity: &Activity, directory: &Directory) -> Source {
    let words = activity.kind.words();
    if activity.kind.in_system_log() {
        return directory.source;
    }
    Source {
        dataset: words.dataset,
        provider: words.provider,
        name: words.provider,
    }
}

/// Names the machine that reported it; the identity provider reports no machine.
fn host(activity: &Activity) -> Option<&str> {
    match activity.kind {
        Kind::FileRead => Some("fs-01"),
        kind if kind.in_system_log() || activity.host.is_empty() => None,
        _ => Some(&activity.host),
    }
}

/// Adds the part of the document that depends on the kind.
fn add_object(document: &mut Value, activity: &Activity) {
    let object = &*activity.object;
    match activity.kind {
        Kind::FileRead => {
            let name = object.rsplit('/').next().unwrap_or(object);
            insert(
                document,
                "file",
                json!({"path": object, "name": name, "size": activity.amount}),
            );
        }
        Kind::Process => {
            let name = object.split(' ').next().unwrap_or(object);
            insert(
                document,
                "process",
                json!({"command_line": object, "name": name}),
            );
        }
        Kind::RemoteLogon => {
            insert(document, "destination", json!({"domain": object}));
        }
        Kind::Export => {
            insert(
                document,
                "payroll",
                json!({"table": object, "rows": activity.amount, "bytes": activity.amount * 1_180}),
            );
        }
        Kind::InboxRule => insert(
            document,
            "rule",
            json!({"name": ".", "description": object}),
        ),
        Kind::AppAccess | Kind::ConsentGrant | Kind::ConsentRevoke | Kind::TokenRevoke => {
            insert(document, "service", json!({"name": object}));
        }
        _ => {}
    }
    if matches!(
        activity.kind,
        Kind::SignIn | Kind::AppAccess | Kind::MfaVerify
    ) && activity.session > 0
    {
        insert(
            document,
            "session",
            json!({"id": session_name(activity.session)}),
        );
    }
    if let Some(host) = host(activity) {
        insert(document, "host", json!({"name": host}));
    }
}

/// Prints a session's number as the identity provider names it.
pub(crate) fn session_name(number: u32) -> String {
    format!("102session{number:09}")
}

fn insert(value: &mut Value, name: &str, part: Value) {
    if let Value::Object(map) = value {
        map.insert(name.to_owned(), part);
    }
}

/// Cuts a document to the asked fields; a pattern may end in `*`.
pub(crate) fn only(document: &Value, fields: &[String]) -> Value {
    let mut out = Map::new();
    walk(document, "", fields, &mut out);
    Value::Object(out)
}

fn walk(value: &Value, prefix: &str, fields: &[String], out: &mut Map<String, Value>) {
    let Value::Object(map) = value else { return };
    for (name, part) in map {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        let wanted = fields.iter().any(|field| {
            field == &path
                || path.starts_with(&format!("{field}."))
                || field
                    .strip_suffix('*')
                    .is_some_and(|head| path.starts_with(head))
        });
        if wanted {
            out.insert(name.clone(), part.clone());
        } else if part.is_object() {
            let mut inner = Map::new();
            walk(part, &path, fields, &mut inner);
            if !inner.is_empty() {
                out.insert(name.clone(), Value::Object(inner));
            }
        }
    }
}
