//! `quell audit verify` and `quell audit show`: the log of this directory, checked or told.
//!
//! Exit codes: 0 intact, 1 broken, 2 intact with warnings, 3 no log or not readable.
//!
//! What must not live here: the rules of the chain (`domain::audit`), reading files (`store::audit`).

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::domain::audit::{Body, Entry, OutcomeState, Report, ascii_json};
use crate::domain::ids::LogId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::{self, StoreError};

/// Exit code: every log is intact.
pub const OK: u8 = 0;
/// Exit code: a log is broken.
pub const BROKEN: u8 = 1;
/// Exit code: intact, with warnings.
pub const WARNINGS: u8 = 2;
/// Exit code: no log, or one that cannot be read.
pub const UNREADABLE: u8 = 3;

const INTACT: &str = "intact: every record present follows from the one before";
const COMPLETE: &str = "complete: not known without anchors";
const LIMITS: [&str; 2] = [
    "Found by this check: records edited, inserted, deleted, moved or repeated, and damage.",
    "Not found by it: records cut off at the end; acts of a changed program that never recorded them.",
];

/// Verifies every log in a directory, writes what was found and gives the exit code.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn verify(dir: &Path, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    let logs = match audit::verify(dir) {
        Ok(logs) if logs.is_empty() => return no_log(json, out),
        Ok(logs) => logs,
        Err(error) => return unreadable(&error, json, out),
    };
    let code = logs.iter().map(|(_, report)| code(report)).fold(OK, worse);
    if json {
        let told: Vec<Value> = logs
            .iter()
            .map(|(log, report)| report_json(log, report))
            .collect();
        writeln!(
            out,
            "{}",
            ascii_json(&json!({ "exit": code, "logs": told }))
        )?;
        return Ok(code);
    }
    for (log, report) in &logs {
        tell(log, report, out)?;
    }
    for limit in LIMITS {
        writeln!(out, "{limit}")?;
    }
    Ok(code)
}

fn code(report: &Report) -> u8 {
    match (report.intact(), report.warnings_total) {
        (false, _) => BROKEN,
        (true, 0) => OK,
        (true, _) => WARNINGS,
    }
}

/// Gives the worse of two exit codes: broken before warnings before ok.
fn worse(a: u8, b: u8) -> u8 {
    let rank = |code| match code {
        BROKEN => 2,
        WARNINGS => 1,
        _ => 0,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn tell(log: &LogId, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Report {
        records,
        segments,
        sessions,
        ..
    } = *report;
    writeln!(
        out,
        "{}",
        safe!(
            "audit log {}: {} records, {} segments, {} sessions",
            *log,
            records,
            segments,
            sessions
        )
    )?;
    if let Some((n, h)) = report.head {
        writeln!(out, "  {}", safe!("head: n={} h={}", n, h))?;
    }
    if report.intact() {
        writeln!(out, "  {INTACT}")?;
    } else {
        writeln!(out, "  {}", safe!("BROKEN: {} faults", report.faults_total))?;
    }
    for fault in &report.faults {
        writeln!(out, "    {}", fault.shown())?;
    }
    tell_rest(report.faults_total, report.faults.len(), out)?;
    writeln!(out, "  {COMPLETE}")?;
    for warning in &report.warnings {
        writeln!(out, "  {}", safe!("warning: {}", warning.shown()))?;
    }
    tell_rest(report.warnings_total, report.warnings.len(), out)
}

fn tell_rest(total: u64, told: usize, out: &mut dyn Write) -> io::Result<()> {
    match total.saturating_sub(told as u64) {
        0 => Ok(()),
        rest => writeln!(out, "    {}", safe!("and {} more", rest)),
    }
}

fn report_json(log: &LogId, report: &Report) -> Value {
    let faults: Vec<Value> = report
        .faults
        .iter()
        .map(|fault| {
            json!({
                "segment": fault.segment,
                "offset": fault.offset,
                "n": fault.n,
                "reason": fault.reason.to_string(),
            })
        })
        .collect();
    let warnings: Vec<Value> = report
        .warnings
        .iter()
        .map(|warning| warning.to_string().into())
        .collect();
    json!({
        "log": log.as_str(),
        "intact": report.intact(),
        // Without anchors nobody can say.
        "complete": null,
        "records": report.records,
        "segments": report.segments,
        "sessions": report.sessions,
        "head": report.head.map(|(n, h)| json!({ "n": n, "h": h.to_string() })),
        "faults_total": report.faults_total,
        "faults": faults,
        "warnings_total": report.warnings_total,
        "warnings": warnings,
    })
}

/// Writes every record of every log in a directory, one a line, and gives the exit code of their verification.
///
/// As JSON the fields have the names of ECS; what ECS has no name for stands under `quell`.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn show(dir: &Path, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    let logs = match audit::read_checked(dir) {
        Ok(logs) if logs.is_empty() => return no_log(json, out),
        Ok(logs) => logs,
        Err(error) => return unreadable(&error, json, out),
    };
    for log in &logs {
        for entry in &log.entries {
            if json {
                writeln!(out, "{}", ascii_json(&ecs(entry)))?;
            } else {
                writeln!(out, "{}", line(entry))?;
            }
        }
    }
    let code = logs.iter().map(|log| code(&log.report)).fold(OK, worse);
    if code == BROKEN && !json {
        writeln!(
            out,
            "BROKEN: this log was altered or damaged; see `quell audit verify`"
        )?;
    }
    Ok(code)
}

/// Gives a record as one line: number, time, who, what.
fn line(entry: &Entry) -> Safe {
    let at = entry.ts.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let data = Untrusted::new(ascii_json(&data(&entry.body)));
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

fn data(body: &Body) -> Value {
    match body {
        Body::Unknown { data, .. } => data.clone(),
        body => serde_json::to_value(body)
            .ok()
            .and_then(|mut written| written.get_mut("data").map(Value::take))
            .unwrap_or_default(),
    }
}

fn ecs(entry: &Entry) -> Value {
    let data = data(&entry.body);
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
        Body::ActionIntent { .. } | Body::ActionAck { .. } | Body::ActionUnknown { .. } => {
            "unknown"
        }
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

fn no_log(json: bool, out: &mut dyn Write) -> io::Result<u8> {
    if json {
        writeln!(
            out,
            "{}",
            ascii_json(&json!({ "exit": UNREADABLE, "logs": [] }))
        )?;
    } else {
        writeln!(
            out,
            "no audit log here: nothing to check, which is no proof that nothing was done"
        )?;
    }
    Ok(UNREADABLE)
}

fn unreadable(error: &StoreError, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    let shown = error.shown();
    if json {
        let told = json!({ "exit": UNREADABLE, "error": shown.as_str() });
        writeln!(out, "{}", ascii_json(&told))?;
    } else {
        writeln!(out, "{shown}")?;
        if let Some(hint) = error.hint() {
            writeln!(out, "{hint}")?;
        }
    }
    Ok(UNREADABLE)
}
