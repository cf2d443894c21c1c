//! What the servers did and what they were asked: the oracle of every test.
//!
//! A line exists only for an effect that truly happened; a server that lies about its answer does not lie here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::wire::{Answer, Notes, Request, Server, iso};

/// The longest history that is kept of effects and of requests; the oldest line goes first.
const KEPT: usize = 100_000;

/// One effect that a server had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Position in the order of all effects, from 1.
    pub seq: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Which server had it.
    pub server: Server,
    /// What happened, for example `suspend` or `comment`.
    pub kind: &'static str,
    /// The id of the object that changed.
    pub target: String,
    /// The id that the vendor gave to the request.
    pub request_id: String,
    /// The method of the request.
    pub method: String,
    /// The path of the request as it was sent, without its query.
    pub path: String,
}

/// Every effect and every request since the start.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    effects: Vec<Effect>,
    counts: BTreeMap<String, u64>,
    mutating: Vec<Value>,
    effect_seq: u64,
    request_seq: u64,
}

impl Ledger {
    /// Answers all effects, oldest first.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Answers the targets of all effects of one kind, oldest first.
    pub fn targets(&self, kind: &str) -> Vec<String> {
        self.effects
            .iter()
            .filter(|e| e.kind == kind)
            .map(|e| e.target.clone())
            .collect()
    }

    /// Answers how often a path template was asked, for example `identity GET /api/v1/users/{id}`.
    pub fn count(&self, server: Server, method: &str, template: &str) -> u64 {
        let key = format!("{} {method} {template}", server.name());
        self.counts.get(&key).copied().unwrap_or(0)
    }

    /// Answers every request that was not a GET, in order: `seq`, `at`, `server`, `method`, `path`, `query`, `body`,
    /// `status` (null where no answer was sent), `fault`.
    pub fn mutating(&self) -> &[Value] {
        &self.mutating
    }

    pub(crate) fn write(&mut self, request: &Request, notes: Notes) {
        for (kind, target) in notes.effects {
            self.effect_seq += 1;
            self.effects.push(Effect {
                seq: self.effect_seq,
                at: request.at,
                server: request.server,
                kind,
                target,
                request_id: request.id.clone(),
                method: request.method.clone(),
                path: request.path.clone(),
            });
        }
        trim(&mut self.effects);
    }

    pub(crate) fn count_request(
        &mut self,
        request: &Request,
        template: &str,
        answer: Option<&Answer>,
        fault: Option<&str>,
    ) {
        let key = format!("{} {} {template}", request.server.name(), request.method);
        *self.counts.entry(key).or_default() += 1;
        if request.method == "GET" {
            return;
        }
        self.request_seq += 1;
        let body = serde_json::from_slice::<Value>(&request.body).unwrap_or(Value::Null);
        self.mutating.push(json!({
            "seq": self.request_seq,
            "at": iso(request.at),
            "server": request.server.name(),
            "method": request.method,
            "path": request.path,
            "template": template,
            "query": request.query.iter().map(|(k, v)| json!([k, v])).collect::<Vec<_>>(),
            "body": body,
            "status": answer.map(|answer| answer.status),
            "fault": fault,
            "request_id": request.id,
        }));
        trim(&mut self.mutating);
    }

    /// Prints the ledger as the control interface answers it.
    pub fn to_json(&self) -> Value {
        let effects: Vec<Value> = self
            .effects
            .iter()
            .map(|e| {
                json!({
                    "seq": e.seq, "at": iso(e.at), "server": e.server.name(), "kind": e.kind,
                    "target": e.target, "request_id": e.request_id, "method": e.method, "path": e.path,
                })
            })
            .collect();
        json!({"effects": effects, "requests": {"counts": self.counts, "mutating": self.mutating}})
    }
}

/// Drops the oldest tenth once the bound is passed, so that trimming stays cheap.
fn trim<T>(lines: &mut Vec<T>) {
    if lines.len() > KEPT {
        lines.drain(..KEPT / 10);
    }
}
