//! Events and findings as JSON objects: ECS names, nested, one object each.
//!
//! Source: Elastic Common Schema 8.17; what it has no name for stands under `quell`.

use std::net::IpAddr;

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use super::activity::{Activity, Row};
use super::event::{Party, Set, Term};
use super::finding::Finding;
use crate::domain::text::Untrusted;

/// Puts a value below a dotted name, making the objects on the way.
fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((head, tail)) => {
            let inner = object
                .entry(head)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, tail, value);
            }
        }
    }
}

fn put_text(object: &mut Map<String, Value>, path: &str, text: Option<&Untrusted>) {
    if let Some(text) = text {
        put(object, path, json!(text.raw()));
    }
}

fn put_words<T: Term>(object: &mut Map<String, Value>, path: &str, words: Set<T>) {
    if !words.is_empty() {
        let words: Vec<&str> = words.iter().map(Term::key).collect();
        put(object, path, json!(words));
    }
}

fn put_party(object: &mut Map<String, Value>, path: &str, party: &Party) {
    put_text(object, &format!("{path}.id"), party.id.as_ref());
    put_text(object, &format!("{path}.name"), party.name.as_ref());
    put_text(object, &format!("{path}.email"), party.email.as_ref());
}

/// Gives an event as one ECS object; `@timestamp` is `null` where the record has no time.
///
/// Text is as it came: whoever prints it escapes it, as JSON's own escapes do for ASCII.
pub fn ecs(row: Row<'_>) -> Value {
    let mut object = Map::new();
    let stamp = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let at = (!row.untimed()).then(|| stamp(row.at()));
    put(&mut object, "@timestamp", json!(at));
    put_text(&mut object, "event.action", row.action());
    put_words(&mut object, "event.category", row.category());
    put_words(&mut object, "event.type", row.kind());
    put(&mut object, "event.outcome", json!(row.outcome().key()));
    put_text(&mut object, "event.id", row.id());
    put_text(&mut object, "event.provider", row.provider());
    put_text(&mut object, "event.reason", row.reason());
    if let Some(at) = row.ingested() {
        put(&mut object, "event.ingested", json!(stamp(at)));
    }
    let (user, target) = (row.user(), row.target());
    put_party(&mut object, "user", &user);
    put_party(&mut object, "user.target", &target);
    put_source(&mut object, row);
    put_text(&mut object, "user_agent.original", row.agent());
    put_text(&mut object, "device.id", row.device());
    put_related(&mut object, row, &user, &target);
    put(&mut object, "quell.lane", json!(row.lane().key()));
    if let Some(act) = row.act() {
        put(&mut object, "quell.act", json!(act.key()));
    }
    put_text(&mut object, "quell.object", row.object());
    put_text(&mut object, "quell.session", row.session());
    put_words(&mut object, "quell.signals", row.signals());
    if row.line() > 0 {
        put(&mut object, "quell.source", json!(row.source()));
        put(&mut object, "quell.line", json!(row.line()));
    }
    Value::Object(object)
}

fn put_source(object: &mut Map<String, Value>, row: Row<'_>) {
    if let Some(written) = row.ip() {
        put(object, "source.address", json!(written.raw()));
        if written.raw().parse::<IpAddr>().is_ok() {
            put(object, "source.ip", json!(written.raw()));
        }
    }
    put_text(object, "source.geo.city_name", row.city());
    put_text(object, "source.geo.country_name", row.country_name());
    put_text(object, "source.geo.country_iso_code", row.country_iso());
    if let Some((lat, lon)) = row.point() {
        // Five digits are a metre; a narrow number shows digits that nobody gave.
        let round = |degrees: f32| (f64::from(degrees) * 1e5).round() / 1e5;
        let (lat, lon) = (round(lat), round(lon));
        put(
            object,
            "source.geo.location",
            json!({"lat": lat, "lon": lon}),
        );
    }
    if row.place_by_database() {
        put(object, "quell.place", json!("database"));
    }
    let network = row.network();
    if let Some(number) = network.number {
        put(object, "source.as.number", json!(number));
    }
    put_text(
        object,
        "source.as.organization.name",
        network.organization.as_ref(),
    );
}

fn put_related(object: &mut Map<String, Value>, row: Row<'_>, user: &Party, target: &Party) {
    let mut users: Vec<&str> = Vec::new();
    for party in [user, target] {
        for text in [&party.id, &party.name, &party.email].into_iter().flatten() {
            if !users.contains(&text.raw()) {
                users.push(text.raw());
            }
        }
    }
    if !users.is_empty() {
        put(object, "related.user", json!(users));
    }
    let ip = row.ip().map(Untrusted::raw);
    if let Some(ip) = ip.filter(|ip| ip.parse::<IpAddr>().is_ok()) {
        put(object, "related.ip", json!([ip]));
    }
}

/// Names an event in the evidence of a finding: its id, or its line.
fn reference(row: Row<'_>) -> String {
    row.id()
        .map_or_else(|| format!("line {}", row.line()), |id| id.raw().to_owned())
}

/// Gives a finding as one object, whose evidence are the ids of its events.
pub fn finding(activity: &Activity, finding: &Finding) -> Value {
    let evidence: Vec<String> = finding
        .evidence
        .iter()
        .filter_map(|index| activity.row(*index))
        .map(reference)
        .collect();
    json!({
        "rule": finding.rule.id(),
        "user": finding.user.as_ref().map(Untrusted::raw),
        "reason": finding.reason.as_str(),
        "technique": finding.rule.technique(),
        "confidence": finding.confidence.key(),
        "evidence": evidence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timeline::event::{Category, Event, Geo, Kind, Network, Outcome};

    #[test]
    fn an_event_is_one_nested_object() {
        let mut activity = Activity::default();
        activity.merge([Event {
            id: "e1".into(),
            action: "user.session.start".into(),
            category: Set::of(&[Category::Authentication]),
            kind: Set::of(&[Kind::Start]),
            outcome: Outcome::Success,
            user: Party {
                id: Some("1".into()),
                name: Some("mara@x.org".into()),
                email: Some("mara@x.org".into()),
            },
            ip: Some("198.51.100.7".into()),
            geo: Geo {
                city: Some("Lagos".into()),
                country_iso: Some("NG".into()),
                point: Some((6.5, 3.25)),
                ..Geo::default()
            },
            network: Network {
                number: Some(64_500),
                organization: None,
            },
            line: 7,
            source: "okta",
            ..Event::default()
        }]);
        let object = activity.row(0).map(ecs).unwrap_or_default();
        assert_eq!(
            object,
            json!({
                "@timestamp": "1970-01-01T00:00:00.000Z",
                "event": {"action": "user.session.start", "category": ["authentication"], "type": ["start"],
                          "outcome": "success", "id": "e1"},
                "user": {"id": "1", "name": "mara@x.org", "email": "mara@x.org"},
                "source": {"address": "198.51.100.7", "ip": "198.51.100.7",
                           "geo": {"city_name": "Lagos", "country_iso_code": "NG", "location": {"lat": 6.5, "lon": 3.25}},
                           "as": {"number": 64_500}},
                "related": {"user": ["1", "mara@x.org"], "ip": ["198.51.100.7"]},
                "quell": {"lane": "sensitive", "source": "okta", "line": 7},
            })
        );
    }

    #[test]
    fn no_time_is_null_and_no_address_is_no_ip() {
        let mut activity = Activity::default();
        activity.merge([Event {
            untimed: true,
            ip: Some("ec2.amazonaws.com".into()),
            ..Event::default()
        }]);
        let object = activity.row(0).map(ecs).unwrap_or_default();
        assert_eq!(object["@timestamp"], Value::Null);
        assert_eq!(object["source"], json!({"address": "ec2.amazonaws.com"}));
        assert_eq!(object["related"], Value::Null);
    }
}
