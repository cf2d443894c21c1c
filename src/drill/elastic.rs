//! The SIEM: the part of Elasticsearch's API that reads events and alerts.
//!
//! A point in time is a stable view: later documents are not in it.

mod alerts;
mod dsl;
mod search;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::company::token;
use super::wire::{Answer, Request};
use super::world::World;

/// The base64 form of the console's key, as it stands after `ApiKey `.
pub(crate) const TOKEN: &str = "ZHJpbGwtc2llbS1rZXktaWQ6ZHJpbGwtc2llbS1rZXktc2VjcmV0";

/// The most open points in time; the vendor's own bound is of the same order.
const PITS_MAX: usize = 300;

/// The indices of the company.
pub(crate) const EVENTS: &str = "logs-acme.events-default";
pub(crate) const ALERTS: &str = ".alerts-security.alerts-default";

/// One open point in time.
#[derive(Clone, Debug)]
pub(crate) struct Pit {
    events: bool,
    alerts: bool,
    /// Documents that were there when it was opened.
    documents: usize,
    until: DateTime<Utc>,
}

/// All open points in time.
#[derive(Debug)]
pub(crate) struct Pits {
    open: BTreeMap<String, Pit>,
    dice: fastrand::Rng,
}

impl Pits {
    pub fn new(seed: u64) -> Self {
        Self {
            open: BTreeMap::new(),
            dice: fastrand::Rng::with_seed(seed ^ 0x0917),
        }
    }

    pub fn len(&self) -> usize {
        self.open.len()
    }
}

/// Tells whether a request only reads; opening and closing a view changes nothing.
pub(crate) fn reads(_request: &Request) -> bool {
    true
}

/// Builds an error body of the vendor.
pub(crate) fn error(status: u16, kind: &str, reason: &str) -> Answer {
    let cause = json!({"type": kind, "reason": reason});
    let body = json!({
        "error": {"root_cause": [cause], "type": kind, "reason": reason}, "status": status,
    });
    Answer::json(status, body)
}

/// Answers one request.
pub(crate) fn answer(world: &World, pits: &mut Pits, request: &Request) -> Answer {
    if request.authorization.strip_prefix("ApiKey ") != Some(TOKEN) {
        let reason = format!(
            "unable to authenticate with provided credentials for REST request [{}]",
            request.path
        );
        return error(401, "security_exception", &reason);
    }
    pits.open.retain(|_, pit| pit.until > request.at);
    let parts = request.parts();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", [] | [""]) => info(),
        ("GET", ["_security", "_authenticate"]) => authenticate(world),
        ("POST", ["_security", "user", "_has_privileges"]) => has_privileges(world, request),
        ("POST", [index, "_pit"]) => open_pit(world, pits, request, index),
        ("DELETE", ["_pit"]) => close_pit(pits, request),
        ("POST", ["_search"]) => search::answer(world, pits, request),
        _ => {
            let reason = format!(
                "no handler found for uri [{}] and method [{}]",
                request.path, request.method
            );
            error(400, "illegal_argument_exception", &reason)
        }
    }
}

pub(crate) fn template(request: &Request) -> &'static str {
    match request.parts().as_slice() {
        [] | [""] => "/",
        ["_security", "_authenticate"] => "/_security/_authenticate",
        ["_security", "user", "_has_privileges"] => "/_security/user/_has_privileges",
        ["_pit"] => "/_pit",
        [_, "_pit"] => "/{index}/_pit",
        ["_search"] => "/_search",
        _ => "unknown",
    }
}

fn info() -> Answer {
    let body = json!({
        "name": "drill-es-01", "cluster_name": "acme-siem", "cluster_uuid": "kW9drillTq2x7ClusterA",
        "version": {
            "number": "9.1.3", "build_flavor": "default", "build_type": "docker",
            "build_hash": "0c781091a2f57de895a73a1391ff8426c0153c8d",
            "build_date": "2026-08-14T22:11:28.511Z", "build_snapshot": false, "lucene_version": "10.2.2",
            "minimum_wire_compatibility_version": "8.19.0",
            "minimum_index_compatibility_version": "8.0.0",
        },
        "tagline": "You Know, for Search",
    });
    Answer::json(200, body)
}

fn authenticate(world: &World) -> Answer {
    let realm = json!({"name": "_es_api_key", "type": "_es_api_key"});
    let body = json!({
        "username": world.cases.owner, "roles": [], "full_name": world.cases.users.first().map(|user| user.name.as_str()),
        "email": world.cases.owner, "metadata": {}, "enabled": true,
        "authentication_realm": realm, "lookup_realm": realm, "authentication_type": "api_key",
        "api_key": {"id": "drill-siem-key-id", "name": "quell", "managed_by": "elasticsearch", "internal": false},
    });
    Answer::json(200, body)
}

fn body(request: &Request) -> Result<Value, String> {
    serde_json::from_slice(&request.body)
        .map_err(|cause| format!("failed to parse the body: {cause}"))
}

/// The key may read both indices and nothing else.
fn has_privileges(world: &World, request: &Request) -> Answer {
    let body = match body(request) {
        Ok(body) => body,
        Err(text) => return error(400, "x_content_parse_exception", &text),
    };
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(list) => list
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        }
    };
    let mut all = true;
    let mut index = json!({});
    for check in body["index"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
    {
        for name in texts(&check["names"]) {
            let known = covers(&name).is_some();
            for privilege in texts(&check["privileges"]) {
                let granted = known && matches!(privilege.as_str(), "read" | "view_index_metadata");
                all &= granted;
                index[name.as_str()][privilege.as_str()] = json!(granted);
            }
        }
    }
    let mut cluster = json!({});
    for privilege in texts(&body["cluster"]) {
        let granted = privilege == "monitor";
        all &= granted;
        cluster[privilege.as_str()] = json!(granted);
    }
    let answer = json!({
        "username": world.cases.owner, "has_all_requested": all, "cluster": cluster, "index": index,
        "application": {},
    });
    Answer::json(200, answer)
}

/// Tells which of the two indices a comma-separated pattern names: events, alerts.
fn covers(pattern: &str) -> Option<(bool, bool)> {
    let (mut events, mut alerts) = (false, false);
    for part in pattern.split(',') {
        let matches = |name: &str| match part.split_once('*') {
            Some((head, tail)) => {
                name.starts_with(head) && name.ends_with(tail.trim_start_matches('*'))
            }
            None => name == part,
        };
        let (event, alert) = (matches(EVENTS), matches(ALERTS));
        if !event && !alert && !part.contains('*') {
            return None;
        }
        // A plain `*` leaves hidden indices out.
        events |= event;
        alerts |= alert && part.starts_with('.');
    }
    (events || alerts).then_some((events, alerts))
}

/// Reads a duration such as `1m`.
fn duration(text: &str) -> Option<TimeDelta> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number: i64 = digits.parse().ok()?;
    match text.strip_prefix(digits.as_str())? {
        "ms" => TimeDelta::try_milliseconds(number),
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    }
    .filter(|long| *long <= TimeDelta::days(1))
}

fn open_pit(world: &World, pits: &mut Pits, request: &Request, index: &str) -> Answer {
    let Some(keep) = request.query("keep_alive") else {
        let reason = "Validation Failed: 1: [keep_alive] is not specified;";
        return error(400, "action_request_validation_exception", reason);
    };
    let Some(keep) = duration(keep) else {
        return error(
            400,
            "illegal_argument_exception",
            "failed to parse [keep_alive]",
        );
    };
    let Some((events, alerts)) = covers(index) else {
        return error(
            404,
            "index_not_found_exception",
            &format!("no such index [{index}]"),
        );
    };
    if pits.open.len() >= PITS_MAX {
        return error(
            429,
            "too_many_scroll_contexts_exception",
            "Trying to create too many contexts",
        );
    }
    let id = format!("drillPIT{}==", token(&mut pits.dice, 48));
    let until = request.at + keep;
    let documents = world.journal.len();
    pits.open.insert(
        id.clone(),
        Pit {
            events,
            alerts,
            documents,
            until,
        },
    );
    let shards = json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0});
    Answer::json(200, json!({"id": id, "_shards": shards}))
}

fn close_pit(pits: &mut Pits, request: &Request) -> Answer {
    let id = body(request)
        .ok()
        .and_then(|body| body["id"].as_str().map(str::to_owned));
    let Some(id) = id else {
        return error(400, "x_content_parse_exception", "[id] is missing");
    };
    let freed = pits.open.remove(&id).is_some();
    let status = if freed { 200 } else { 404 };
    Answer::json(
        status,
        json!({"succeeded": freed, "num_freed": u8::from(freed)}),
    )
}
