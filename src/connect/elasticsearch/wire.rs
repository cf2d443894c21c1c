//! Elasticsearch's hits as events and alerts: ECS names, nested or dotted.
//!
//! Source: Elastic Common Schema 8; for alerts the fields `kibana.alert.*` of the detection engine.

use serde_json::Value;

use crate::connect::decode::{FieldError, at, need_text, need_time, text, texts};
use crate::domain::case::Alert;
use crate::domain::severity::Severity;
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::{Event, Outcome};
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

fn source(hit: &Value) -> Result<&Value, FieldError> {
    match hit.get("_source") {
        Some(source @ Value::Object(_)) => Ok(source),
        Some(_) => Err(FieldError::Type("_source", "an object")),
        None => Err(FieldError::Missing("_source")),
    }
}

fn outcome(record: &Value) -> Outcome {
    match text(record, "event.outcome").as_ref().map(Untrusted::raw) {
        Some("success") => Outcome::Success,
        Some("failure") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

fn place(record: &Value) -> Option<Untrusted> {
    let part = |field| text(record, field).map(|text| text.raw().to_owned());
    let city = part("source.geo.city_name");
    let country = part("source.geo.country_name").or_else(|| part("source.geo.country_iso_code"));
    let all: Vec<String> = [city, country].into_iter().flatten().collect();
    (!all.is_empty()).then(|| Untrusted::new(all.join(", ")))
}

/// Reads one hit as an event.
///
/// The id is `event.id`, or the document's `_id`; only the time must be there.
pub(crate) fn event(hit: &Value) -> Result<Event, FieldError> {
    let record = source(hit)?;
    let id = match text(record, "event.id") {
        Some(id) => id,
        None => need_text(hit, "_id")?,
    };
    let action = text(record, "event.action")
        .or_else(|| text(record, "event.code"))
        .or_else(|| text(record, "event.dataset"))
        .unwrap_or_else(|| Untrusted::new("event"));
    let categories = texts(record, "event.category");
    let categories: Vec<&str> = categories.iter().map(Untrusted::raw).collect();
    Ok(Event {
        id,
        at: need_time(record, "@timestamp")?,
        ingested: crate::connect::decode::time(record, "event.ingested"),
        lane: Lane::of(action.raw(), &categories),
        outcome: outcome(record),
        user_id: text(record, "user.id"),
        user_name: text(record, "user.name").or_else(|| text(record, "user.email")),
        ip: text(record, "source.ip"),
        place: place(record),
        agent: text(record, "user_agent.original"),
        provider: text(record, "event.provider").or_else(|| text(record, "event.module")),
        object: OBJECTS.iter().find_map(|field| text(record, field)),
        reason: text(record, "event.reason").or_else(|| text(record, "message")),
        raw: Untrusted::new(record.to_string()),
        action,
    })
}

fn severity(record: &Value) -> Severity {
    match text(record, "kibana.alert.severity")
        .as_ref()
        .map(Untrusted::raw)
    {
        Some("low") => Severity::Low,
        Some("medium") => Severity::Medium,
        Some("high") => Severity::High,
        Some("critical") => Severity::Critical,
        _ => Severity::Unknown,
    }
}

/// Tells whether the act was blocked, as far as the event behind the alert says so.
fn blocked(record: &Value) -> Option<bool> {
    let types = texts(record, "event.type");
    if types.iter().any(|word| matches!(word.raw(), "denied")) {
        return Some(true);
    }
    match text(record, "event.action").as_ref().map(Untrusted::raw) {
        Some("blocked" | "quarantined" | "denied") => Some(true),
        Some("detected" | "allowed") => Some(false),
        _ => types
            .iter()
            .any(|word| word.raw() == "allowed")
            .then_some(false),
    }
}

/// Reads one hit as an alert.
pub(crate) fn alert(hit: &Value) -> Result<Alert, FieldError> {
    let record = source(hit)?;
    let id = match text(record, "kibana.alert.uuid") {
        Some(id) => id,
        None => need_text(hit, "_id")?,
    };
    Ok(Alert {
        id,
        title: need_text(record, "kibana.alert.rule.name")?,
        severity: severity(record),
        at: need_time(record, "@timestamp")?,
        blocked: blocked(record),
        threat: threat(record),
        hash: [
            "file.hash.sha256",
            "file.hash.sha1",
            "file.hash.md5",
            "process.hash.sha256",
        ]
        .iter()
        .find_map(|field| text(record, field)),
        file: text(record, "file.name").or_else(|| text(record, "file.path")),
        user_id: text(record, "user.id"),
        user_name: text(record, "user.name"),
        source_ip: text(record, "source.ip"),
        guidance: text(record, "kibana.alert.rule.note"),
    })
}

/// Reads the technique or tactic; the rule holds a list of both, the event may hold one.
fn threat(record: &Value) -> Option<Untrusted> {
    let rule = at(record, "kibana.alert.rule.threat")
        .or_else(|| at(record, "kibana.alert.rule.parameters.threat"))
        .and_then(|list| list.as_array()?.first());
    let by_rule = rule.and_then(|threat| {
        let technique = at(threat, "technique").and_then(|list| list.as_array()?.first());
        technique
            .and_then(|technique| text(technique, "name"))
            .or_else(|| text(threat, "tactic.name"))
    });
    by_rule
        .or_else(|| text(record, "threat.technique.name"))
        .or_else(|| text(record, "threat.tactic.name"))
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
    fn nested_and_dotted_documents_read_the_same(#[case] hit: Value) -> Result<(), FieldError> {
        let event = event(&hit)?;
        assert_eq!(
            (event.id.raw(), event.action.raw()),
            ("e1", "process-start")
        );
        assert_eq!(
            (event.lane, event.outcome),
            (Lane::Command, Outcome::Success)
        );
        assert_eq!(
            (event.user_id, event.user_name),
            (Some("00u1".into()), Some("mara".into()))
        );
        assert_eq!(
            (event.place, event.object),
            (Some("Lagos".into()), Some("net user".into()))
        );
        Ok(())
    }

    #[rstest]
    #[case(json!({"_id": "d1", "_source": {"event": {"id": "e"}}}), FieldError::Missing("@timestamp"))]
    #[case(json!({"_id": "d1", "_source": {"@timestamp": true}}), FieldError::Type("@timestamp", "a time"))]
    #[case(json!({"_id": "d1"}), FieldError::Missing("_source"))]
    #[case(json!({"_source": {"@timestamp": "2026-11-21T03:00:00Z"}}), FieldError::Missing("_id"))]
    fn broken_hits_are_named(#[case] hit: Value, #[case] error: FieldError) {
        assert_eq!(event(&hit), Err(error));
    }

    #[test]
    fn a_sparse_document_is_still_an_event() -> Result<(), FieldError> {
        let event = event(&json!({"_id": "d1", "_source": {"@timestamp": 1_795_230_000_000_i64}}))?;
        assert_eq!(
            (event.id.raw(), event.action.raw(), event.lane),
            ("d1", "event", Lane::Sensitive)
        );
        Ok(())
    }

    #[test]
    fn an_alert_is_read_whole() -> Result<(), FieldError> {
        let alert = alert(&json!({"_id": "a", "_source": {
            "@timestamp": "2026-11-21T03:00:00Z", "kibana.alert.uuid": "u1", "kibana.alert.severity": "critical",
            "kibana.alert.rule.name": "Impossible travel", "kibana.alert.rule.note": "call the user",
            "kibana.alert.rule.threat": [{"tactic": {"name": "Initial Access"}, "technique": [{"name": "Valid Accounts"}]}],
            "user": {"id": "00u1"}, "file": {"hash": {"sha256": "ab"}}, "event": {"type": ["denied"]},
        }}))?;
        assert_eq!((alert.id.raw(), alert.severity), ("u1", Severity::Critical));
        assert_eq!(
            (alert.threat, alert.hash),
            (Some("Valid Accounts".into()), Some("ab".into()))
        );
        assert_eq!(
            (alert.blocked, alert.guidance),
            (Some(true), Some("call the user".into()))
        );
        Ok(())
    }
}
