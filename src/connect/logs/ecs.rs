//! Documents of the Elastic Common Schema, nested or dotted, bare or as a hit with `_source`.
//!
//! Source: Elastic Common Schema 8.17, fields `event`, `user`, `source`, `user_agent`, `device`.

mod acts;

use super::tree::Value;

use super::act::{is_mail, lane_of};
use super::{address, time_or_none};
use crate::connect::decode::{FieldError, at, need_text, text, texts, time};
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{
    Category, Event, Geo, Kind, Network, Outcome, Party, Set, Term,
};
use crate::domain::timeline::lane::Lane;

/// What an event was done to, the most telling field first.
const OBJECTS: [&str; 13] = [
    "process.command_line",
    "file.path",
    "file.name",
    "service.name",
    "destination.domain",
    "destination.address",
    "url.full",
    "rule.description",
    "user.target.name",
    "group.name",
    "payroll.table",
    "process.name",
    "host.name",
];

/// Tells whether a record looks like a document of the schema.
pub(super) fn is_one(record: &Value) -> bool {
    let body = record.get("_source").unwrap_or(record);
    body.get("@timestamp").is_some() || at(body, "ecs.version").is_some()
}

/// Reads one document as an event.
///
/// The id is `event.id`, or the `_id` of the hit; only the time must be there.
pub(crate) fn event(hit: &Value) -> Result<Event, FieldError> {
    let (record, own) = match hit.get("_source") {
        Some(source @ Value::Object(_)) => (source, true),
        Some(_) => return Err(FieldError::Type("_source", "an object")),
        None if hit.get("_index").is_some() || hit.get("_id").is_some() => {
            return Err(FieldError::Missing("_source"));
        }
        None => (hit, false),
    };
    let id = match text(record, "event.id") {
        Some(id) => id,
        None if own => need_text(hit, "_id")?,
        None => Untrusted::default(),
    };
    let action = text(record, "event.action")
        .or_else(|| text(record, "event.code"))
        .or_else(|| text(record, "event.dataset"))
        .unwrap_or_else(|| Untrusted::new("event"));
    let (at_time, untimed) = time_or_none(record, &["@timestamp"]);
    let categories = texts(record, "event.category");
    let categories: Vec<&str> = categories.iter().map(Untrusted::raw).collect();
    let kinds = texts(record, "event.type");
    let kinds: Vec<&str> = kinds.iter().map(Untrusted::raw).collect();
    let (category, kind) = (words::<Category>(&categories), words::<Kind>(&kinds));
    let act = acts::act(record, action.raw(), category, kind);
    // Some integrations name the side that asked a client.
    let from = if text(record, "source.ip").is_none() && text(record, "client.ip").is_some() {
        "client"
    } else {
        "source"
    };
    Ok(Event {
        id,
        at: at_time,
        untimed,
        ingested: time(record, "event.ingested"),
        act,
        lane: lane_of(act, Lane::of(action.raw(), &categories)),
        category,
        kind,
        outcome: outcome(record),
        user: user(record),
        target: Party {
            id: text(record, "user.target.id"),
            name: text(record, "user.target.name"),
            email: text(record, "user.target.email"),
        },
        ip: ["source.ip", "client.ip", "source.address", "client.address"]
            .into_iter()
            .find_map(|field| text(record, field))
            .as_ref()
            .and_then(address),
        geo: geo(record, from),
        network: Network {
            number: at(record, &format!("{from}.as.number"))
                .and_then(Value::as_u64)
                .and_then(|number| u32::try_from(number).ok()),
            organization: text(record, &format!("{from}.as.organization.name")),
        },
        agent: text(record, "user_agent.original"),
        device: text(record, "device.id"),
        provider: text(record, "event.provider").or_else(|| text(record, "event.module")),
        object: OBJECTS.iter().find_map(|field| text(record, field)),
        session: text(record, "session.id"),
        signals: acts::signals(record, act),
        reason: text(record, "event.reason").or_else(|| text(record, "message")),
        action,
        ..Event::default()
    })
}

fn words<T: Term>(given: &[&str]) -> Set<T> {
    let mut set = Set::default();
    for word in T::ALL.iter().filter(|word| given.contains(&word.key())) {
        set.insert(*word);
    }
    set
}

fn outcome(record: &Value) -> Outcome {
    match text(record, "event.outcome").as_ref().map(Untrusted::raw) {
        Some("success") => Outcome::Success,
        Some("failure") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Gives who acted: the user of the document, else of the side that asked.
fn user(record: &Value) -> Party {
    const SIDES: [&str; 3] = ["user", "client.user", "source.user"];
    let part = |side: &str, field: &str| text(record, &format!("{side}.{field}"));
    let found = SIDES
        .into_iter()
        .map(|side| Party {
            id: part(side, "id"),
            name: part(side, "name")
                .or_else(|| part(side, "email"))
                .or_else(|| part(side, "full_name")),
            email: part(side, "email"),
        })
        .find(|party| !party.is_empty());
    let mut user = found.unwrap_or_default();
    // Some integrations give the address beside the source only, and the login as their own field.
    user.email = user
        .email
        .or_else(|| SIDES.into_iter().find_map(|side| part(side, "email")))
        .or_else(|| text(record, "okta.actor.alternate_id").filter(is_mail));
    user
}

fn geo(record: &Value, from: &str) -> Geo {
    let degrees =
        |field| at(record, &format!("{from}.geo.location.{field}")).and_then(Value::as_f64);
    let part = |field| text(record, &format!("{from}.geo.{field}"));
    Geo {
        city: part("city_name"),
        region: part("region_name"),
        country: part("country_name"),
        country_iso: part("country_iso_code"),
        point: degrees("lat")
            .zip(degrees("lon"))
            .and_then(|(latitude, longitude)| Geo::at(latitude, longitude)),
        ..Geo::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"_id": "d1", "_source": {
        "@timestamp": "2026-11-21T03:00:00Z",
        "event": {"id": "e1", "action": "process-start", "category": ["process"], "outcome": "success"},
        "user": {"id": "00u1", "name": "mara"}, "source": {"ip": "203.0.113.9", "geo": {"city_name": "Lagos"}},
        "process": {"command_line": "net user"},
    }}))]
    #[case(json!({"_id": "d1", "_source": {
        "@timestamp": "2026-11-21T03:00:00Z",
        "event.id": "e1", "event.action": "process-start", "event.category": "process", "event.outcome": "success",
        "user.id": "00u1", "user.name": "mara", "source.ip": "203.0.113.9", "source.geo.city_name": "Lagos",
        "process.command_line": "net user",
    }}))]
    fn nested_and_dotted_documents_read_the_same(
        #[case] hit: serde_json::Value,
    ) -> Result<(), FieldError> {
        let event = event(&Value::from(&hit))?;
        assert_eq!(
            (event.id.raw(), event.action.raw()),
            ("e1", "process-start")
        );
        assert_eq!(
            (event.lane, event.outcome),
            (Lane::Command, Outcome::Success)
        );
        assert_eq!(
            (event.user.id, event.user.name),
            (Some("00u1".into()), Some("mara".into()))
        );
        assert_eq!(
            (event.geo.place(), event.object),
            (Some("Lagos".into()), Some("net user".into()))
        );
        Ok(())
    }

    #[rstest]
    #[case(json!({"_id": "d1", "_source": {"event": {"id": "e"}}}), FieldError::Missing("@timestamp"))]
    #[case(json!({"_id": "d1", "_source": {"@timestamp": true}}), FieldError::Type("@timestamp", "a time"))]
    #[case(json!({"_id": "d1"}), FieldError::Missing("_source"))]
    #[case(json!({"_source": {"@timestamp": "2026-11-21T03:00:00Z"}}), FieldError::Missing("_id"))]
    fn broken_hits_are_named(#[case] hit: serde_json::Value, #[case] error: FieldError) {
        assert_eq!(super::super::ecs_hit(&hit), Err(error));
    }

    #[test]
    fn a_sparse_document_is_still_an_event() -> Result<(), FieldError> {
        let hit = json!({"_id": "d1", "_source": {"@timestamp": 1_795_230_000_000_i64}});
        let event = event(&Value::from(&hit))?;
        assert_eq!(
            (event.id.raw(), event.action.raw(), event.lane),
            ("d1", "event", Lane::Sensitive)
        );
        Ok(())
    }
}
