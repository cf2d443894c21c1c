//! Several requests in one: each is answered as if it had come by itself, and the answers come in another order.

use axum::http::Uri;
use serde_json::{Value, json};

use super::bad;
use crate::drill::wire::{Answer, Request, percent_decode};

/// Most parts of one request.
const MOST: usize = 20;

/// The address, the method and the headers of one part.
fn part(around: &Request, record: &Value, id: String) -> Option<Request> {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let uri: Uri = format!("/v1.0{}", text("url")?).parse().ok()?;
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?;
    let headers = record.get("headers").and_then(Value::as_object);
    let own_id = headers.and_then(|all| all.get("client-request-id")?.as_str());
    let path = uri.path().to_owned();
    let body = record.get("body").map(|body| body.to_string().into_bytes());
    Some(Request {
        server: around.server,
        idp: around.idp,
        method: text("method")?.to_owned(),
        segments: path
            .trim_start_matches('/')
            .split('/')
            .map(percent_decode)
            .collect(),
        path,
        query: query.0,
        authorization: around.authorization.clone(),
        content_length: None,
        chunked: false,
        body: body.unwrap_or_default(),
        id,
        own_id: own_id.unwrap_or_default().to_owned(),
        at: around.at,
        base: around.base.clone(),
    })
}

/// Gives the requests in a request, each with the id it has there; `None` where it is not one of several, or a bad one.
pub(crate) fn parts(
    request: &Request,
    mut new_id: impl FnMut() -> String,
) -> Option<Vec<(String, Request)>> {
    if request.method != "POST" || request.path != "/v1.0/$batch" {
        return None;
    }
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let all = body.get("requests")?.as_array()?;
    if all.is_empty() || all.len() > MOST {
        return None;
    }
    let mut parts: Vec<(String, Request)> = Vec::new();
    for record in all {
        let id = record.get("id")?.as_str()?;
        if parts.iter().any(|(known, _)| known == id) {
            return None;
        }
        parts.push((id.to_owned(), part(request, record, new_id())?));
    }
    Some(parts)
}

/// Answers a request of several, before its parts are: a good one with a place for them, a bad one with a refusal.
pub(super) fn open(request: &Request) -> Answer {
    match parts(request, String::new) {
        Some(_) => Answer::json(200, json!({"responses": []})),
        None => bad(request, "Invalid batch payload format."),
    }
}

/// Puts the answers to the parts into the answer, the last one first.
pub(crate) fn batched(answer: &mut Answer, parts: Vec<(String, Answer)>) {
    let one = |(id, answer): (String, Answer)| {
        let mut headers = json!({"Content-Type": "application/json"});
        for (name, value) in &answer.headers {
            if *name == "retry-after" {
                headers["Retry-After"] = json!(value);
            }
        }
        let mut record = json!({"id": id, "status": answer.status, "headers": headers});
        if let Some(body) = answer.body {
            record["body"] = body;
        }
        record
    };
    if let Some(body) = answer.body.as_mut().filter(|_| answer.status == 200) {
        body["responses"] = parts.into_iter().rev().map(one).collect();
    }
}
