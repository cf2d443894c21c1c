//! The searches that are sent to Elasticsearch, as JSON.
//!
//! What must not live here: sending, decoding.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::connect::capability::{ActivityQuery, TraceKind, TraceQuery};
use crate::domain::text::Untrusted;

/// Fields of ECS that may name the user: actor, target, and the vendor's own collection of both.
const USER_FIELDS: [&str; 6] = [
    "user.id",
    "user.name",
    "user.email",
    "user.target.id",
    "user.target.name",
    "related.user",
];

fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Gives each name as it is and in lower case: keyword fields compare letter by letter.
fn names(user: &[Untrusted]) -> Vec<String> {
    let all: BTreeSet<String> = user
        .iter()
        .filter(|name| !name.is_empty())
        .flat_map(|name| [name.raw().to_owned(), name.raw().to_ascii_lowercase()])
        .collect();
    all.into_iter().collect()
}

/// Gives the query for a user's events in a span of time.
pub(crate) fn activity(query: &ActivityQuery) -> Value {
    let names = names(&query.user);
    let should: Vec<Value> = USER_FIELDS
        .iter()
        .map(|field| json!({"terms": {*field: names}}))
        .collect();
    let mut range = json!({"gte": iso(query.since), "format": "strict_date_optional_time"});
    if let Some(until) = query.until {
        range["lt"] = Value::from(iso(until));
    }
    json!({"bool": {"filter": [
        {"range": {"@timestamp": range}},
        {"bool": {"should": should, "minimum_should_match": 1}},
    ]}})
}

/// Gives the query for what all users did from one address or device.
pub(crate) fn trace(query: &TraceQuery) -> Value {
    let field = match query.kind {
        TraceKind::Address => "source.ip",
        TraceKind::Device => "device.id",
    };
    let range = json!({"gte": iso(query.since), "format": "strict_date_optional_time"});
    json!({"bool": {"filter": [
        {"range": {"@timestamp": range}},
        {"term": {field: query.value.raw()}},
    ]}})
}

/// Gives the query for alerts nobody has closed.
pub(crate) fn open_alerts() -> Value {
    json!({"bool": {"must_not": [{"term": {"kibana.alert.workflow_status": "closed"}}]}})
}

/// Gives one page of a search in a point in time, newest first; `after` is the sort of the last hit before.
pub(crate) fn page(
    query: &Value,
    pit: &str,
    keep_alive: &str,
    size: usize,
    after: Option<&Value>,
) -> Value {
    let mut body = json!({
        "size": size,
        "query": query,
        "pit": {"id": pit, "keep_alive": keep_alive},
        "sort": [{"@timestamp": {"order": "desc", "format": "strict_date_optional_time_nanos"}}],
        "track_total_hits": false,
    });
    if let Some(after) = after {
        body["search_after"] = after.clone();
    }
    body
}

/// Gives the text of a search that can be pasted into a console of the vendor.
pub(crate) fn text(index: &str, query: &ActivityQuery) -> String {
    let body = json!({"query": activity(query), "sort": [{"@timestamp": "desc"}], "size": query.limit.min(10_000)});
    // A JSON value always prints.
    let pretty = serde_json::to_string_pretty(&body).unwrap_or_default();
    format!("GET {index}/_search\n{pretty}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> ActivityQuery {
        ActivityQuery {
            user: vec!["00u1".into(), "Mara@x.org".into(), "00u1".into(), "".into()],
            since: DateTime::from_timestamp(1_795_230_000, 0).unwrap_or_default(),
            until: DateTime::from_timestamp(1_795_233_600, 0),
            limit: 10,
        }
    }

    #[test]
    fn the_query_holds_each_name_once_and_the_span_half_open() {
        let got = activity(&query());
        assert_eq!(
            got.pointer("/bool/filter/0/range/@timestamp"),
            Some(&json!({
                "gte": "2026-11-21T03:00:00.000Z", "format": "strict_date_optional_time",
                "lt": "2026-11-21T04:00:00.000Z",
            }))
        );
        assert_eq!(
            got.pointer("/bool/filter/1/bool/should/0/terms"),
            Some(&json!({"user.id": ["00u1", "Mara@x.org", "mara@x.org"]}))
        );
        assert_eq!(
            got.pointer("/bool/filter/1/bool/minimum_should_match"),
            Some(&json!(1))
        );
    }

    #[test]
    fn the_text_is_one_request_a_person_can_paste() {
        let text = text("logs-*", &query());
        let body = text
            .strip_prefix("GET logs-*/_search\n")
            .and_then(|body| serde_json::from_str::<Value>(body).ok());
        assert_eq!(
            body.and_then(|body| body.get("query").cloned()),
            Some(activity(&query()))
        );
    }
}
