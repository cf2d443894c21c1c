//! TheHive's cases, alerts, observables, tasks, comments and users as domain values.
//!
//! Source: TheHive 5 API, schemas `OutputCase`, `OutputAlert`, `OutputObservable`, `OutputTask`, `OutputComment`,
//! `OutputUser`; users also by the query `listUser`. Times are milliseconds since 1970.

use serde_json::{Value, json};

use crate::connect::decode::{FieldError, at, moment, need_text, need_time, text, texts, time};
use crate::domain::case::{Alert, Case, Comment, Observable, Task};
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::operator::{Author, Operator};
use crate::domain::severity::{CaseStatus, Severity};
use crate::domain::text::{Untrusted, sink};
use crate::domain::verdict::{Closing, Verdict};

/// Reads TheHive's severity, 1 to 4.
fn severity(record: &Value) -> Severity {
    match at(record, "severity").and_then(Value::as_i64) {
        Some(1) => Severity::Low,
        Some(2) => Severity::Medium,
        Some(3) => Severity::High,
        Some(4) => Severity::Critical,
        _ => Severity::Unknown,
    }
}

/// Maps the stage; statuses themselves may be an organisation's own words.
fn status(stage: Option<&Untrusted>, word: &Untrusted) -> CaseStatus {
    match stage.map_or(word.raw(), Untrusted::raw) {
        "New" => CaseStatus::New,
        "InProgress" => CaseStatus::InProgress,
        "Closed" => CaseStatus::Closed,
        _ => CaseStatus::Other,
    }
}

/// Reads one case.
pub(crate) fn case(record: &Value, connection: &ConnectionName) -> Result<Case, FieldError> {
    let vendor_status = need_text(record, "status")?;
    Ok(Case {
        id: CaseId::new(connection.clone(), need_text(record, "_id")?.raw()),
        number: at(record, "number").and_then(Value::as_u64),
        title: need_text(record, "title")?,
        description: text(record, "description").unwrap_or_default(),
        severity: severity(record),
        status: status(text(record, "stage").as_ref(), &vendor_status),
        vendor_status,
        assignee: text(record, "assignee"),
        created: need_time(record, "_createdAt")?,
        updated: time(record, "_updatedAt"),
        tags: texts(record, "tags"),
        fields: custom_fields(record),
    })
}

/// Reads custom fields with a value as text; dates become RFC 3339.
fn custom_fields(record: &Value) -> Vec<(Untrusted, Untrusted)> {
    let Some(Value::Array(all)) = at(record, "customFields") else {
        return Vec::new();
    };
    all.iter()
        .filter_map(|field| {
            let name = text(field, "name")?;
            let value = at(field, "value")?;
            let is_date = at(field, "type").and_then(Value::as_str) == Some("date");
            let dated = if is_date { moment(value) } else { None };
            let value = match dated {
                Some(at) => Untrusted::new(at.to_rfc3339()),
                None => text(field, "value")?,
            };
            Some((name, value))
        })
        .collect()
}

/// What TheHive says of the impact where there can be none.
const NO_WORD: &str = "NotApplicable";

/// Gives TheHive's status and impact of a case that is closed with a verdict.
///
/// Its statuses of closed cases: `TruePositive`, `FalsePositive`, `Indeterminate`, `Duplicated`, `Other`; its words for the
/// impact: `WithImpact`, `NoImpact`, `NotApplicable`.
fn words(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::TrueWithImpact => ("TruePositive", "WithImpact"),
        Verdict::TrueWithoutImpact => ("TruePositive", "NoImpact"),
        Verdict::FalsePositive => ("FalsePositive", NO_WORD),
        Verdict::InsufficientData => ("Indeterminate", NO_WORD),
        Verdict::Duplicate => ("Duplicated", NO_WORD),
        Verdict::Other => ("Other", NO_WORD),
    }
}

/// Tells whether a case holds verdict and comment of a closing; how lines are broken is TheHive's.
pub(crate) fn bears(record: &Value, closing: &Closing) -> bool {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (status, impact) = words(closing.verdict);
    let there = |field: &'static str| text(record, field).unwrap_or_default();
    let has_impact = match there("impactStatus").raw() {
        "" => impact == NO_WORD,
        word => word == impact,
    };
    let ours = flat(&sink::markdown(&closing.comment.block()));
    there("status").raw() == status && has_impact && flat(there("summary").raw()).contains(&ours)
}

/// Writes the fields that close a case; a summary that is there stays, ours stands below it.
pub(crate) fn closing(record: &Value, closing: &Closing) -> Value {
    let (status, impact) = words(closing.verdict);
    let ours = sink::markdown(&closing.comment.block());
    let summary = match text(record, "summary").filter(|there| !there.raw().trim().is_empty()) {
        Some(there) if there.raw().contains(&ours) => there.raw().to_owned(),
        Some(there) => format!("{}\n\n{ours}", there.raw()),
        None => ours,
    };
    json!({"status": status, "impactStatus": impact, "summary": summary})
}

/// Reads one observable; one without data is a file.
pub(crate) fn observable(record: &Value) -> Result<Observable, FieldError> {
    let value = text(record, "data").or_else(|| text(record, "attachment.name"));
    Ok(Observable {
        kind: need_text(record, "dataType")?,
        value: value.ok_or(FieldError::Missing("data"))?,
        tags: texts(record, "tags"),
    })
}

/// Finds a custom field by an ECS name, however its dots are written: TheHive's own names have dashes.
fn named(fields: &[(Untrusted, Untrusted)], names: &[&str]) -> Option<Untrusted> {
    let same = |key: &str, name: &str| {
        key.len() == name.len()
            && key.bytes().zip(name.bytes()).all(|(a, b)| {
                let dash = |byte: u8| matches!(byte, b'.' | b'_' | b'-');
                a.eq_ignore_ascii_case(&b) || dash(a) && dash(b)
            })
    };
    names.iter().find_map(|name| {
        fields
            .iter()
            .find(|(key, _)| same(key.raw(), name))
            .map(|(_, value)| value.clone())
    })
}

/// Reads one alert; what TheHive has no field for comes from custom fields with ECS names.
pub(crate) fn alert(record: &Value) -> Result<Alert, FieldError> {
    let fields = custom_fields(record);
    let blocked = match named(&fields, &["blocked", "event.blocked"])
        .as_ref()
        .map(Untrusted::raw)
    {
        Some("true" | "yes") => Some(true),
        Some("false" | "no") => Some(false),
        _ => None,
    };
    Ok(Alert {
        id: need_text(record, "_id")?,
        title: need_text(record, "title")?,
        severity: severity(record),
        at: need_time(record, "date")?,
        blocked,
        threat: named(
            &fields,
            &[
                "threat.technique.name",
                "threat.tactic.name",
                "threat.type",
                "threat",
            ],
        ),
        hash: named(
            &fields,
            &[
                "file.hash.sha256",
                "file.hash.sha1",
                "file.hash.md5",
                "file.hash",
            ],
        ),
        file: named(&fields, &["file.name", "file.path"]),
        user_id: named(&fields, &["user.id"]),
        user_name: named(&fields, &["user.name"]),
        source_ip: named(&fields, &["source.ip"]),
        guidance: named(
            &fields,
            &["rule.note", "kibana.alert.rule.note", "guidance"],
        )
        .or_else(|| text(record, "description"))
        .filter(|guidance| !guidance.raw().trim().is_empty()),
        ..Alert::default()
    })
}

/// Reads one task.
pub(crate) fn task(record: &Value) -> Result<Task, FieldError> {
    Ok(Task {
        id: need_text(record, "_id")?,
        title: need_text(record, "title")?,
        status: need_text(record, "status")?,
        assignee: text(record, "assignee"),
        description: text(record, "description"),
        created: time(record, "_createdAt"),
        changed: time(record, "_updatedAt"),
        changed_by: text(record, "_updatedBy"),
    })
}

/// Reads one comment; an empty message is a message.
pub(crate) fn comment(record: &Value) -> Result<Comment, FieldError> {
    Ok(Comment {
        id: need_text(record, "_id")?,
        author: need_text(record, "createdBy")?,
        at: need_time(record, "createdAt")?,
        message: text(record, "message").unwrap_or_default(),
        // Not saying so is not saying that it was not.
        edited: at(record, "isEdited").and_then(Value::as_bool) != Some(false)
            || at(record, "updatedAt").is_some_and(|at| !at.is_null()),
    })
}

/// Reads whose key it is; a service account is shared by several people. The OS user is the caller's to fill in.
pub(crate) fn operator(record: &Value) -> Result<Operator, FieldError> {
    Ok(Operator {
        id: need_text(record, "_id")?,
        login: Some(need_text(record, "login")?),
        name: text(record, "name"),
        shared: at(record, "type").and_then(Value::as_str) == Some("Service"),
        os_user: Untrusted::default(),
    })
}

/// Reads a user; one of whom it is not said whether they are locked counts as locked.
pub(crate) fn author(record: &Value) -> Result<Author, FieldError> {
    Ok(Author {
        id: need_text(record, "_id")?,
        login: need_text(record, "login")?,
        shared: at(record, "type").and_then(Value::as_str) != Some("Normal"),
        locked: at(record, "locked").and_then(Value::as_bool) != Some(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn connection() -> ConnectionName {
        ConnectionName::parse("hive").unwrap_or_else(|error| panic!("{error}"))
    }

    fn record() -> Value {
        json!({
            "_id": "~4104", "number": 7, "title": "t", "description": "d", "severity": 4, "status": "Triage",
            "stage": "InProgress", "_createdAt": 1_795_230_000_000_i64, "tags": ["user:mara", 7],
            "customFields": [
                {"name": "user", "type": "string", "value": "mara"},
                {"name": "seen", "type": "date", "value": 1_795_230_000_000_i64},
                {"name": "count", "type": "integer", "value": 3},
                {"name": "empty", "type": "string", "value": null},
            ],
        })
    }

    #[test]
    fn a_case_is_read_whole() -> Result<(), FieldError> {
        let case = case(&record(), &connection())?;
        assert_eq!(
            (case.number, case.severity, case.status),
            (Some(7), Severity::Critical, CaseStatus::InProgress)
        );
        assert_eq!(case.vendor_status.raw(), "Triage");
        let fields: Vec<(&str, &str)> = case
            .fields
            .iter()
            .map(|(k, v)| (k.raw(), v.raw()))
            .collect();
        assert_eq!(
            fields,
            [
                ("user", "mara"),
                ("seen", "2026-11-21T03:00:00+00:00"),
                ("count", "3")
            ]
        );
        assert_eq!(case.tags, [Untrusted::new("user:mara")]);
        Ok(())
    }

    #[rstest]
    #[case("stage", json!("Closed"), CaseStatus::Closed)]
    #[case("stage", json!(null), CaseStatus::Other)]
    #[case("stage", json!("New"), CaseStatus::New)]
    fn stages(#[case] field: &str, #[case] value: Value, #[case] expected: CaseStatus) {
        let mut record = record();
        record[field] = value;
        assert_eq!(
            case(&record, &connection()).map(|case| case.status),
            Ok(expected)
        );
    }

    #[rstest]
    #[case(1, Severity::Low)]
    #[case(2, Severity::Medium)]
    #[case(3, Severity::High)]
    #[case(5, Severity::Unknown)]
    fn severities(#[case] number: i64, #[case] expected: Severity) {
        assert_eq!(severity(&json!({"severity": number})), expected);
    }

    #[rstest]
    #[case("_id", json!({"unexpected": 7}), FieldError::Type("_id", "text"))]
    #[case("title", json!(null), FieldError::Missing("title"))]
    #[case("_createdAt", json!("soon"), FieldError::Type("_createdAt", "a time"))]
    fn broken_cases_are_named(
        #[case] field: &str,
        #[case] value: Value,
        #[case] error: FieldError,
    ) {
        let mut record = record();
        record[field] = value;
        assert_eq!(case(&record, &connection()), Err(error));
    }

    #[test]
    fn a_closed_case_bears_what_was_written_and_nothing_else() {
        let closings = Verdict::ALL.map(|verdict| Closing {
            verdict,
            comment: Untrusted::new("a *test*\nof ours"),
            open_tasks: Vec::new(),
            known: Vec::new(),
        });
        for (place, ours) in closings.iter().enumerate() {
            let mut there = record();
            there["summary"] = json!("it began before");
            let written = closing(&there, ours);
            for field in ["status", "impactStatus", "summary"] {
                there[field] = written[field].clone();
            }
            for (other, closing) in closings.iter().enumerate() {
                assert_eq!(
                    bears(&there, closing),
                    place == other,
                    "{:?}",
                    closing.verdict
                );
            }
            there["summary"] = json!("of others");
            assert!(!bears(&there, ours));
            let bare = Closing {
                comment: Untrusted::default(),
                ..ours.clone()
            };
            assert!(bears(&there, &bare), "the verdict alone");
        }
    }

    #[test]
    fn an_alert_takes_ecs_names_from_custom_fields() -> Result<(), FieldError> {
        let alert = alert(&json!({
            "_id": "~1", "title": "t", "severity": 3, "date": 1_795_230_000_000_i64,
            "customFields": [{"name": "user-id", "value": "00u1"}, {"name": "source.ip", "value": "192.0.2.1"}, {"name": "blocked", "type": "boolean", "value": false}],
        }))?;
        assert_eq!(
            (alert.user_id, alert.blocked),
            (Some("00u1".into()), Some(false))
        );
        Ok(())
    }

    #[test]
    fn a_service_account_is_shared() {
        let user = |kind: &str| {
            operator(&json!({"_id": "~1", "login": "a@b", "name": "A", "type": kind}))
                .map(|o| o.shared)
        };
        assert_eq!((user("Service"), user("Normal")), (Ok(true), Ok(false)));
    }
}
