//! Elasticsearch's hits as alerts: ECS names, nested or dotted.
//!
//! Source: Elastic Common Schema 8; for alerts the fields `kibana.alert.*` of the detection engine.

use serde_json::Value;

use crate::connect::decode::{FieldError, at, need_text, need_time, text, texts};
use crate::domain::case::Alert;
use crate::domain::severity::Severity;
use crate::domain::text::Untrusted;

/// Field of an alert that names its rule.
pub(super) const RULE_NAME: &str = "kibana.alert.rule.name";

fn source(hit: &Value) -> Result<&Value, FieldError> {
    match hit.get("_source") {
        Some(source @ Value::Object(_)) => Ok(source),
        Some(_) => Err(FieldError::Type("_source", "an object")),
        None => Err(FieldError::Missing("_source")),
    }
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
        title: need_text(record, RULE_NAME)?,
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
        ..Alert::default()
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
    use serde_json::json;

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
