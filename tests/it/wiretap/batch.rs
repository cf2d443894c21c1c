//! The requests inside a request of several (Graph's `$batch`), as if each had come by itself.

use serde_json::Value;

use super::Seen;
use crate::raw_http::Raw;

const BATCH: &str = "/v1.0/$batch";

fn list<'a>(body: &'a Value, field: &str) -> &'a [Value] {
    body[field].as_array().map_or(&[], Vec::as_slice)
}

fn text(record: &Value, field: &str) -> String {
    record[field].as_str().expect("a text").to_owned()
}

/// The headers of a part: its own, and those of the request around it that are about who asks.
fn headers(record: &Value, around: &[(String, String)]) -> Vec<(String, String)> {
    let own = record["headers"].as_object().into_iter().flatten();
    let mut all: Vec<(String, String)> = own
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase(),
                value.as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let of_all = around.iter();
    let of_all =
        of_all.filter(|(name, _)| ["authorization", "user-agent"].contains(&name.as_str()));
    all.extend(of_all.cloned());
    all
}

fn part(record: &Value, around: &[(String, String)]) -> Raw {
    Raw {
        method: text(record, "method"),
        path: format!("/v1.0{}", text(record, "url")),
        headers: headers(record, around),
        body: record
            .get("body")
            .map_or(Vec::new(), |body| body.to_string().into_bytes()),
    }
}

/// Lists the requests in a request.
pub fn requests(raw: &Raw) -> Vec<Raw> {
    if raw.path != BATCH {
        return Vec::new();
    }
    let body: Value = serde_json::from_slice(&raw.body).expect("a batch is JSON");
    let all = list(&body, "requests");
    all.iter()
        .map(|record| part(record, &raw.headers))
        .collect()
}

/// Lists the requests in a request that was seen, each with its answer.
pub fn seen(around: &Seen) -> Vec<Seen> {
    if around.path != BATCH {
        return Vec::new();
    }
    let answers = around.answer.as_ref().and_then(|(status, body)| {
        let body: Value = serde_json::from_slice(body).ok()?;
        (*status == 200).then_some(body)
    });
    let answer = |id: &str| {
        let answers = answers.as_ref()?;
        let mut all = list(answers, "responses").iter();
        let found = all.find(|one| one["id"] == id)?;
        let status = u16::try_from(found["status"].as_u64()?).ok()?;
        let body = found
            .get("body")
            .map_or(Vec::new(), |body| body.to_string().into_bytes());
        Some((status, body))
    };
    let body = around.json();
    let parts = list(&body, "requests").iter().map(|record| {
        let raw = part(record, &around.headers);
        Seen {
            vendor: around.vendor,
            method: raw.method,
            path: raw.path,
            headers: raw.headers,
            body: raw.body,
            answer: answer(&text(record, "id")),
        }
    });
    parts.collect()
}
