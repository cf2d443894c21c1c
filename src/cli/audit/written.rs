//! A record as text for a reader: one line, a row of a table, or an object with the names of ECS.
//!
//! What must not live here: which records are told.

use serde_json::{Map, Value, json};

use crate::domain::audit::{Body, Entry, OutcomeState, ascii_json, data_of};
use crate::domain::text::{Safe, Untrusted, sink};
use crate::safe;

/// Gives a record as one line: number, time, who, what.
pub(super) fn line(entry: &Entry) -> Safe {
    let at = entry.ts.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let data = Untrusted::new(ascii_json(&data_of(&entry.body)));
    let kind = Untrusted::new(entry.body.type_name());
    safe!(
        "{:>6} {} {}@{} {:<16} {}",
        entry.n,
        Untrusted::new(at).field(),
        entry.user.field(),
        entry.host.field(),
        kind.field(),
        data.line()
    )
}

/// Gives a record as an object with the names of ECS; what ECS has no name for stands under `quell`.
pub(super) fn ecs(entry: &Entry) -> Value {
    let data = data_of(&entry.body);
    let mut event = Map::new();
    event.insert("kind".into(), "event".into());
    event.insert("provider".into(), "quell".into());
    event.insert("action".into(), entry.body.type_name().into());
    event.insert("sequence".into(), entry.n.into());
    if let Some(outcome) = outcome(&entry.body) {
        event.insert("outcome".into(), outcome.into());
    }
    let mut user = Map::new();
    user.insert("id".into(), entry.uid.to_string().into());
    user.insert("name".into(), entry.user.raw().into());
    let mut target = Map::new();
    for (name, value) in [
        ("name", data.get("login")),
        ("id", data.pointer("/account/id")),
    ] {
        if let Some(Value::String(value)) = value {
            target.insert(name.into(), value.clone().into());
        }
    }
    if !target.is_empty() {
        user.insert("target".into(), target.into());
    }
    json!({
        "@timestamp": entry.ts.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        "event": event,
        "host": { "name": entry.host.raw() },
        "user": user,
        "process": { "pid": entry.pid },
        "quell": {
            "log": entry.log.as_str(),
            "segment": entry.seg,
            "session": entry.sess.as_str(),
            "data": data,
            "prev": entry.prev.to_string(),
            "h": entry.h.to_string(),
        },
    })
}

/// Gives ECS's `event.outcome` of a record, where it has one.
fn outcome(body: &Body) -> Option<&'static str> {
    Some(match body {
        Body::ActionIntent { .. }
        | Body::ActionAck { .. }
        | Body::ActionUnknown { .. }
        | Body::ActionObserve(_)
        | Body::ActionAdopt { .. } => "unknown",
        Body::ActionRejected { .. } | Body::ActionNotSent { .. } | Body::RecordFailed { .. } => {
            "failure"
        }
        Body::RecordDone { .. } => "success",
        Body::ActionOutcome { state, .. } => match state {
            OutcomeState::Verified => "success",
            OutcomeState::Unverifiable | OutcomeState::Abandoned => "unknown",
            OutcomeState::DryRun => return None,
            _ => "failure",
        },
        _ => return None,
    })
}

/// The columns of the table: ECS names, but for the time, whose name there begins as a formula does.
pub(super) const COLUMNS: [&str; 14] = [
    "timestamp",
    "quell.log",
    "event.sequence",
    "host.name",
    "user.id",
    "user.name",
    "process.pid",
    "quell.session",
    "event.action",
    "event.outcome",
    "user.target.name",
    "user.target.id",
    "quell.data",
    "quell.h",
];

/// Gives a record as a row of the table, in which no cell is a formula.
pub(super) fn row(entry: &Entry) -> String {
    let ecs = ecs(entry);
    let cells = COLUMNS.iter().map(|column| {
        let path = match *column {
            "timestamp" => "/@timestamp".to_owned(),
            // Points part levels.
            column => format!("/{}", column.replace('.', "/")),
        };
        let text = match ecs.pointer(&path) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => ascii_json(other),
        };
        sink::csv_cell(&Untrusted::new(text).line())
    });
    cells.collect::<Vec<_>>().join(",")
}
