//! Answers as bytes, whole or damaged.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;

use crate::drill::entra;
use crate::drill::fault::{self, Kind, Met};
use crate::drill::wire::{Answer, Idp, Request, Server};

/// What `huge_body` sends.
const HUGE: usize = 100 * 1024 * 1024;

/// Damages what an answer says as the fault demands.
pub(super) fn spoil(request: &Request, answer: &mut Answer, met: &Met) {
    let kind = met.kind();
    if kind == Some(Kind::BadRecord)
        && let Some(body) = &mut answer.body
    {
        fault::spoil_first_record(body);
    }
    if kind == Some(Kind::EndlessNext)
        && request.idp == Idp::Google
        && let Some(body) = &mut answer.body
    {
        fault::continue_for_ever(request, body);
    }
    if let Some(body) = &mut answer.body {
        spoil_link(request, body, met);
    }
}

/// Turns an answer into bytes, damaged as the fault demands.
pub(super) fn send(request: &Request, mut answer: Answer, met: &Met) -> Response {
    spoil(request, &mut answer, met);
    let kind = met.kind();
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    };
    let is_keycloak = request.server == Server::Identity && request.idp == Idp::Keycloak;
    // Keycloak sends no date.
    if !is_keycloak {
        put(
            "date",
            &request.at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        );
    }
    for (name, value) in &answer.headers {
        match (&met.rule, *name) {
            (Some(rule), "link")
                if kind == Some(Kind::ForeignNext) && value.contains("rel=\"next\"") =>
            {
                put(name, &value.replace(&request.base, &rule.origin));
            }
            _ => put(name, value),
        }
    }
    match request.server {
        Server::Identity if matches!(request.idp, Idp::Keycloak | Idp::Google) => {}
        Server::Identity if request.idp == Idp::Entra => {
            put("request-id", &request.id);
            put("client-request-id", &request.own_id);
        }
        Server::Identity => put("x-okta-request-id", &request.id),
        Server::Siem => put("x-elastic-product", "Elasticsearch"),
        Server::Cases => {}
    }
    if let (Some(Kind::Redirect), Some(rule)) = (kind, &met.rule) {
        put("location", &format!("{}{}", rule.origin, request.path));
    }
    let mut bytes = answer
        .body
        .as_ref()
        .map(Value::to_string)
        .unwrap_or_default()
        .into_bytes();
    if answer.body.is_some() {
        put("content-type", "application/json");
    }
    let body = match kind {
        Some(Kind::HugeBody) => {
            put("content-type", "application/json");
            huge()
        }
        Some(Kind::HalfBody) if bytes.len() > 1 => {
            put("content-length", &bytes.len().to_string());
            bytes.truncate(bytes.len() / 2);
            half(bytes)
        }
        Some(Kind::BadJson) if !bytes.is_empty() => {
            bytes.truncate(bytes.len() / 2);
            bytes.extend_from_slice(b",}{\xff");
            Body::from(bytes)
        }
        _ => Body::from(bytes),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// Lets the link to the next page in a body lead elsewhere, or on without an end.
fn spoil_link(request: &Request, body: &mut Value, met: &Met) {
    const NEXT: &str = "@odata.nextLink";
    let kind = met.kind();
    if request.server != Server::Identity
        || request.idp != Idp::Entra
        || body.get("value").is_none()
    {
        return;
    }
    if let (Some(Kind::ForeignNext), Some(rule)) = (kind, &met.rule) {
        body[NEXT] = Value::from(format!("{}{}?%24skiptoken=1", rule.origin, request.path));
    }
    if kind == Some(Kind::EndlessNext) {
        let page = request
            .query("$skiptoken")
            .and_then(|text| text.parse().ok());
        let next = page.unwrap_or(100_000_u64) + 1;
        body[NEXT] = Value::from(entra::next_link(request, &next.to_string()));
    }
}

/// Sends some bytes, then breaks off.
fn half(bytes: Vec<u8>) -> Body {
    let sent = futures::stream::iter([Ok(Bytes::from(bytes))]);
    let end = futures::stream::once(async {
        // The bytes must be on their way before the line breaks.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(io::Error::other("the drill broke off"))
    });
    Body::from_stream(futures::StreamExt::chain(sent, end))
}

/// Sends a JSON list that does not end for 100 MB.
fn huge() -> Body {
    let chunk = Bytes::from("[0],".repeat(16_384));
    let count = HUGE / chunk.len();
    let head = std::iter::once(Bytes::from_static(b"["));
    let chunks = head
        .chain(std::iter::repeat_n(chunk, count))
        .chain([Bytes::from_static(b"[0]]")]);
    Body::from_stream(futures::stream::iter(chunks.map(Ok::<_, io::Error>)))
}
