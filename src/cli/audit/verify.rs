//! `quell audit verify`: what the chain, the checkpoints and the anchors say, in words that keep *intact* and
//! *complete* apart.
//!
//! What must not live here: finding anchors (see `anchors`).

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::{BROKEN, OK, UNREADABLE, WARNINGS, code, no_log, unreadable, worse};
use crate::domain::audit::{Anchor, Expectations, Report, ascii_json};
use crate::domain::ids::LogId;
use crate::domain::text::Safe;
use crate::safe;
use crate::store::audit::{self, Misfit, Verified, misfit_hint, misfits};

const INTACT: &str = "intact: every record present follows from the one before";
const LIMITS: [&str; 3] = [
    "Found by this check: records edited, inserted, deleted, moved or repeated, and damage.",
    "Found with anchors only: records cut off at the end, and an end or whole log written anew, up to the last anchor.",
    "Not found by it: acts of a changed program that never recorded them.",
];

/// How a log is to be verified.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// As JSON.
    pub json: bool,
    /// Anchors and whether checkpoints are required.
    pub expectations: Expectations,
    /// Whether anchors were looked for, found or not.
    pub with_anchors: bool,
    /// What could not be read while looking for anchors.
    pub notes: Vec<Safe>,
    /// Heads that this host remembers; they are among the anchors.
    pub remembered: Vec<Anchor>,
}

/// A remembered head that does not fit.
type Unlike = (Anchor, Misfit);

/// Verifies every log in a directory without anchors, writes what was found and gives the exit code.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn verify(dir: &Path, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    let asked = Asked {
        json,
        ..Asked::default()
    };
    verify_asked(dir, &asked, out)
}

/// Verifies every log in a directory as asked, writes what was found and gives the exit code.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn verify_asked(dir: &Path, asked: &Asked, out: &mut dyn Write) -> io::Result<u8> {
    let found = match audit::verify_with(dir, &asked.expectations) {
        Ok(found) if found.logs.is_empty() && asked.remembered.is_empty() => {
            return nothing_here(&found.elsewhere, asked, out);
        }
        Ok(found) => found,
        Err(error) => return unreadable(&error, asked.json, out),
    };
    let unlike = misfits(&asked.remembered, &found);
    let Verified {
        logs, elsewhere, ..
    } = found;
    let is_gone = |log: &LogId| asked.remembered.iter().any(|head| head.log == *log);
    let (gone, elsewhere): (Vec<LogId>, Vec<LogId>) = elsewhere.into_iter().partition(is_gone);
    // Each of them may be intact: nothing is wrong with the records of either.
    let doubled = audit::doubled(dir).unwrap_or_else(|error| {
        let line = safe!("whose logs these are is not known: {}", error.shown());
        vec![line]
    });
    let notes: Vec<Safe> = asked
        .notes
        .iter()
        .cloned()
        .chain(audit::exposed(dir))
        .chain(doubled)
        .collect();
    let mut code = logs.iter().map(|(_, report)| code(report)).fold(OK, worse);
    if !elsewhere.is_empty() || !notes.is_empty() {
        code = worse(code, WARNINGS);
    }
    if !unlike.is_empty() {
        code = BROKEN;
    }
    if asked.json {
        let told: Vec<Value> = logs
            .iter()
            .map(|(log, report)| report_json(log, report, &unlike))
            .collect();
        let heads = asked.remembered.iter();
        let remembered: Vec<Value> = heads
            .map(|head| {
                let fits = unlike.iter().all(|(misfit, _)| misfit != head);
                let (log, h) = (head.log.as_str(), head.h.to_string());
                json!({ "log": log, "n": head.n, "h": h, "fits": fits })
            })
            .collect();
        let absent = gone.iter().chain(&elsewhere);
        let told = answer(code, &told, absent, &notes, &remembered);
        writeln!(out, "{}", ascii_json(&told))?;
        return Ok(code);
    }
    for (log, report) in &logs {
        tell(log, report, asked, &unlike, out)?;
    }
    warn(&elsewhere, &notes, out)?;
    tell_unlike(&unlike, out)?;
    for limit in LIMITS {
        writeln!(out, "{limit}")?;
    }
    Ok(code)
}

/// Says that no log is here and none is remembered, which ones the anchors name, and what could not be read.
fn nothing_here(elsewhere: &[LogId], asked: &Asked, out: &mut dyn Write) -> io::Result<u8> {
    if asked.json {
        let told = answer(UNREADABLE, &[], elsewhere.iter(), &asked.notes, &[]);
        writeln!(out, "{}", ascii_json(&told))?;
        return Ok(UNREADABLE);
    }
    warn(elsewhere, &asked.notes, out)?;
    no_log(false, out)
}

/// Gives what was found as JSON; the keys are the same whatever it was.
fn answer<'a>(
    code: u8,
    logs: &[Value],
    elsewhere: impl Iterator<Item = &'a LogId>,
    notes: &[Safe],
    remembered: &[Value],
) -> Value {
    let elsewhere: Vec<&str> = elsewhere.map(LogId::as_str).collect();
    let notes: Vec<&str> = notes.iter().map(Safe::as_str).collect();
    json!({
        "exit": code,
        "logs": logs,
        "elsewhere": elsewhere,
        "notes": notes,
        "remembered": remembered,
    })
}

/// Warns of logs that anchors name and that are not here, and of what could not be read.
fn warn(elsewhere: &[LogId], notes: &[Safe], out: &mut dyn Write) -> io::Result<()> {
    for log in elsewhere {
        let text = safe!(
            "anchors name the log {}, which is not here: another host's, or removed",
            *log
        );
        writeln!(out, "warning: {text}")?;
    }
    for note in notes {
        writeln!(out, "warning: {note}")?;
    }
    Ok(())
}

fn tell(
    log: &LogId,
    report: &Report,
    asked: &Asked,
    unlike: &[Unlike],
    out: &mut dyn Write,
) -> io::Result<()> {
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
        let apart = u64::from(report.truncated.is_some()) + report.unsealed;
        let faults = report.faults_total - apart;
        writeln!(out, "  {}", safe!("BROKEN: {} faults", faults))?;
    }
    for fault in &report.faults {
        writeln!(out, "    {}", fault.shown())?;
    }
    tell_rest(report.faults_total, report.faults.len(), out)?;
    let complete = match behind(log, unlike) {
        Some(n) => safe!(
            "NOT COMPLETE: this host remembers record {}, and the log begins behind it",
            n
        ),
        None => complete(log, report, asked),
    };
    writeln!(out, "  {complete}")?;
    if report.unsealed > 0 {
        let text = safe!(
            "NOT SEALED: a checkpoint is required and missing in {} places",
            report.unsealed
        );
        writeln!(out, "  {text}")?;
    }
    if report.checkpoints > 0 {
        let sealed = safe!(
            "sealed: {} checkpoints hold, each signed with the key of its session",
            report.checkpoints
        );
        writeln!(out, "  {sealed}")?;
    }
    if let Some((segment, n)) = report.pruned {
        let pruned = safe!(
            "removed on purpose, as the log says: segments up to {}, records up to {}",
            segment,
            n
        );
        writeln!(out, "  {pruned}")?;
    }
    for warning in &report.warnings {
        writeln!(out, "  {}", safe!("warning: {}", warning.shown()))?;
    }
    tell_rest(report.warnings_total, report.warnings.len(), out)
}

/// Says which logs are not what this host remembers of them, and what to do about it.
fn tell_unlike(unlike: &[Unlike], out: &mut dyn Write) -> io::Result<()> {
    for (head, misfit) in unlike {
        writeln!(out, "NOT AS REMEMBERED: {}", misfit.shown(head))?;
    }
    if !unlike.is_empty() {
        writeln!(out, "hint: {}", misfit_hint())?;
    }
    Ok(())
}

/// Gives the record that this host remembers of a log which begins behind it.
fn behind(log: &LogId, unlike: &[Unlike]) -> Option<u64> {
    let is_later = |(head, misfit): &&Unlike| head.log == *log && matches!(misfit, Misfit::Later);
    unlike.iter().find(is_later).map(|(head, _)| head.n)
}

/// Says what is known of records that may be missing: at the end, or anywhere where the log is broken.
fn complete(log: &LogId, report: &Report, asked: &Asked) -> Safe {
    match (report.truncated, report.anchored) {
        (Some(n), _) => safe!(
            "NOT COMPLETE: an anchor names record {}, and the log ends before it",
            n
        ),
        (None, Some(n)) => {
            let from = report.pruned.map_or_else(Safe::default, |(_, last)| {
                safe!("from record {} ", last + 1)
            });
            let by = witnesses(log, report, asked);
            safe!(
                "complete: {}up to record {}, by {}; what may have followed is not known",
                from,
                n,
                by
            )
        }
        (None, None) if report.anchors > 0 => safe!(
            "complete: not known, {} anchors fit a record here and faults stand before them",
            report.anchors
        ),
        (None, None) if asked.with_anchors => {
            Safe::fixed("complete: not known, no anchor fits a record here")
        }
        (None, None) => Safe::fixed("complete: not known without anchors"),
    }
}

/// Says by what a log is known to be complete: anchors from elsewhere, the head that this host remembers, or both.
fn witnesses(log: &LogId, report: &Report, asked: &Asked) -> Safe {
    let heads = asked.remembered.iter();
    let own = heads.filter(|head| head.log == *log && !report.unmet.contains(&(head.n, head.h)));
    // One of before the first record here speaks of nothing that is.
    let first = report.pruned.map_or(0, |(_, last)| last);
    match own.filter(|head| head.n > first).count() as u64 {
        0 => safe!("{} anchors that fit", report.anchors),
        own => match report.anchors.saturating_sub(own) {
            0 => "the head this host remembers".into(),
            others => safe!(
                "the head this host remembers and {} anchors that fit",
                others
            ),
        },
    }
}

fn tell_rest(total: u64, told: usize, out: &mut dyn Write) -> io::Result<()> {
    match total.saturating_sub(told as u64) {
        0 => Ok(()),
        rest => writeln!(out, "    {}", safe!("and {} more", rest)),
    }
}

fn report_json(log: &LogId, report: &Report, unlike: &[Unlike]) -> Value {
    let begins_behind = behind(log, unlike).is_some();
    let anchored = report.anchored.filter(|_| !begins_behind);
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
        "complete": (begins_behind || report.truncated.is_some()).then_some(false),
        "complete_from": anchored.map(|_| report.pruned.map_or(1, |(_, last)| last + 1)),
        "complete_to": anchored,
        "missing_to": report.truncated,
        "anchors": report.anchors,
        "checkpoints": report.checkpoints,
        "unsealed": report.unsealed,
        "pruned": report.pruned.map(|(segment, n)| json!({ "segment": segment, "n": n })),
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
