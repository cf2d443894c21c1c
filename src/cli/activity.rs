//! `quell activity`: exported logs of any vendor as events and findings, without any connection; or the user of a case,
//! asked of the SIEM.
//!
//! Exit codes: 0 all was read, 2 some records could not be read, 3 a file or the case could not be read, or a file holds
//! no event.
//!
//! What must not live here: envelopes and vendors' fields (`connect::logs`), what is odd (`domain::timeline`).

mod bytes;
mod of_case;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;

use super::compose::Place;
use super::{Failure, OK, UNREADABLE, broken_pipe, moment, reading};
use crate::connect::logs::{LogFile, Source, read_log};
use crate::domain::audit::ascii_json;
use crate::domain::case::RecordFault;
use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::{Activity, Row};
use crate::domain::timeline::event::{Event, Party};
use crate::domain::timeline::export;
use crate::domain::timeline::finding::{Context, Finding, Tuning, examine};
use crate::safe;

/// Exit code: some records could not be read.
const WARNINGS: u8 = 2;
/// Faults told one by one; the rest is counted.
const TOLD: usize = 20;

/// What is read, of whom, and in which form it is told.
#[derive(Debug, Args)]
pub struct Asked {
    /// Exported logs, plain, gzip or zstd; `-` is standard input.
    #[arg(required_unless_present = "case", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The user of this case, asked of the SIEM of the configuration: number, or the vendor's id.
    #[arg(long, value_name = "ID", conflicts_with = "files")]
    case: Option<String>,
    /// Whose records they are; `auto` tells by each record.
    #[arg(long, default_value = "auto", value_parser = source, conflicts_with = "case")]
    from: From,
    /// Only what this user did or what was done to this user: id, login or mail.
    #[arg(long, value_name = "U")]
    user: Option<String>,
    /// From this day or time on (UTC).
    #[arg(long, value_name = "T", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Until before this day or time (UTC).
    #[arg(long, value_name = "T", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// One ECS object a line.
    #[arg(long, conflicts_with = "findings")]
    json: bool,
    /// What is odd, one object a line.
    #[arg(long)]
    findings: bool,
}

/// Whose records are read.
#[derive(Clone, Copy, Debug)]
struct From(Option<Source>);

fn source(text: &str) -> Result<From, String> {
    if text == "auto" {
        return Ok(From(None));
    }
    let all = || Source::ALL.map(Source::key).join(", ");
    Source::from_key(text)
        .map(|source| From(Some(source)))
        .ok_or_else(|| format!("not one of auto, {}", all()))
}

/// Reads the logs and prints what was asked for.
///
/// # Errors
/// When no file can be read, or nothing in them is an event, with exit code 3; when the output cannot be written.
pub fn run(
    asked: &Asked,
    place: &Place,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> Result<u8, Failure> {
    if let Some(case) = &asked.case {
        return of_case(asked, case, place, out, told);
    }
    let mut whole = LogFile::default();
    for path in &asked.files {
        let bytes = bytes::read(path)?;
        whole = whole.joined(read_log(&bytes, asked.from.0));
    }
    let LogFile {
        events,
        faults,
        doubles,
        records,
    } = whole.without_doubles();
    if events.is_empty() && !faults.is_empty() {
        let first = faults.first().map_or_else(Safe::default, |fault| {
            safe!("{}: {}", fault.record.field(), fault.reason.line())
        });
        let what = safe!("no event in {} records; the first: {}", faults.len(), first);
        return Err(Failure::one(
            UNREADABLE,
            Fault::new(what).hint("--from names the vendor where it cannot be told"),
        ));
    }
    let code = if faults.is_empty() { OK } else { WARNINGS };
    let mut activity = Activity::default();
    // What is odd for one user shows against what all of them do: findings are told from the whole file.
    let whole = asked.findings;
    activity.extend(
        events
            .into_iter()
            .filter(|event| whole || asked.is_of_user(event)),
    );
    activity.faults = faults;
    let tuning = Tuning::default();
    let printed = print(asked, &activity, &tuning, asked.user.as_deref(), out, told);
    let told = printed.and_then(|()| summary(&activity, &doubles, &records, told));
    told.map_or_else(|error| broken_pipe(&error), |()| Ok(code))
}

/// Prints what was asked for: events as objects or lines, or findings.
fn print(
    asked: &Asked,
    activity: &Activity,
    tuning: &Tuning,
    subject: Option<&str>,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> io::Result<()> {
    if asked.json {
        asked
            .rows(activity)
            .try_for_each(|row| line(out, &ascii_json(&export::ecs(row))))
    } else if asked.findings {
        print_findings(asked, activity, tuning, subject, out, told)
    } else {
        asked
            .rows(activity)
            .try_for_each(|row| line(out, words(row).as_str()))
    }
}

/// Prints the activity of the user of a case; what was asked of the SIEM is about that user already.
fn of_case(
    asked: &Asked,
    case: &str,
    place: &Place,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> Result<u8, Failure> {
    let wanted = of_case::Wanted {
        case,
        user: asked.user.as_deref(),
        since: asked.since,
        until: asked.until,
    };
    let found = of_case::read(place, &wanted)?;
    let mut activity = Activity::default();
    activity.extend(found.events);
    activity.faults = found.faults;
    let of_all = Asked {
        files: Vec::new(),
        case: None,
        from: From(None),
        user: None,
        since: asked.since,
        until: asked.until,
        json: asked.json,
        findings: asked.findings,
    };
    let subject = found.names.first().map(|name| name.raw().to_owned());
    let printed = print(
        &of_all,
        &activity,
        &found.tuning,
        subject.as_deref(),
        out,
        told,
    );
    let printed = printed.and_then(|()| {
        let names = Safe::join(found.names.iter().map(Untrusted::ident), &Safe::fixed(", "));
        writeln!(told, "user: {names}")?;
        for fault in activity.faults.iter().take(TOLD) {
            writeln!(
                told,
                "not read: {}: {}",
                fault.record.field(),
                fault.reason.line()
            )?;
        }
        let more = if found.truncated {
            safe!(", TRUNCATED at {}: there are more", activity.len())
        } else {
            Safe::default()
        };
        let (read, not) = (activity.len(), activity.faults.len());
        writeln!(told, "read: {read}{more}; {not} records not read")?;
        reading::tell(&found.warnings, told)
    });
    let well = activity.faults.is_empty() && found.warnings.is_empty() && !found.truncated;
    let code = if well { OK } else { WARNINGS };
    printed.map_or_else(|error| broken_pipe(&error), |()| Ok(code))
}

impl Asked {
    fn is_of_user(&self, event: &Event) -> bool {
        self.is_named(&event.user) || self.is_named(&event.target)
    }

    fn is_named(&self, party: &Party) -> bool {
        self.user.as_deref().is_none_or(|user| {
            [&party.id, &party.name, &party.email]
                .into_iter()
                .flatten()
                .any(|text| text.raw().eq_ignore_ascii_case(user))
        })
    }

    /// Tells whether a finding is about the user: by the name it gives, or by the event that decided it.
    fn is_about(&self, finding: &Finding, row: Row<'_>) -> bool {
        let named = finding.user.as_ref().zip(self.user.as_ref());
        named.is_some_and(|(name, user)| name.raw().eq_ignore_ascii_case(user))
            || self.is_named(&row.user())
            || self.is_named(&row.target())
    }

    fn is_in_window(&self, row: Row<'_>) -> bool {
        let bounded = self.since.is_some() || self.until.is_some();
        !(bounded && row.untimed())
            && self.since.is_none_or(|since| row.at() >= since)
            && self.until.is_none_or(|until| row.at() < until)
    }

    fn rows<'a>(&self, activity: &'a Activity) -> impl Iterator<Item = Row<'a>> {
        activity.rows().filter(|row| self.is_in_window(*row))
    }
}

fn print_findings(
    asked: &Asked,
    activity: &Activity,
    tuning: &Tuning,
    subject: Option<&str>,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> io::Result<()> {
    let context = Context {
        subject: subject.map(Untrusted::new),
        contained_since: None,
    };
    let detection = examine(activity, tuning, &context);
    let is_asked = |finding: &&Finding| {
        let row = activity.row(finding.row);
        row.is_some_and(|row| asked.is_in_window(row) && asked.is_about(finding, row))
    };
    for finding in detection.findings.iter().filter(is_asked) {
        line(out, &ascii_json(&export::finding(activity, finding)))?;
    }
    if detection.without_baseline > 0 {
        writeln!(
            told,
            "no baseline: for {} users there is too little before to call anything new",
            detection.without_baseline
        )?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "{text}")
}

/// Gives one event as one line.
fn words(row: Row<'_>) -> Safe {
    let at = if row.untimed() {
        Safe::fixed("no time             ")
    } else {
        Untrusted::new(row.at().format("%Y-%m-%dT%H:%M:%SZ").to_string()).field()
    };
    let field = |text: Option<&Untrusted>| text.map_or(Safe::fixed("-"), Untrusted::field);
    let user = row.user();
    safe!(
        "{}  {}  {}  {}  {}  {}  {}",
        at,
        row.lane().key(),
        row.outcome().word(),
        field(row.action()),
        field(user.best()),
        field(row.ip()),
        field(row.place())
    )
}

/// Says how much was read and what was not, beside the output.
fn summary(
    activity: &Activity,
    doubles: &[RecordFault],
    records: &BTreeMap<Source, usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for fault in activity.faults.iter().take(TOLD) {
        writeln!(
            out,
            "not read: {}: {}",
            fault.record.field(),
            fault.reason.line()
        )?;
    }
    for fault in doubles.iter().take(TOLD) {
        writeln!(out, "{}: {}", fault.record.field(), fault.reason.line())?;
    }
    let read: Vec<String> = records
        .iter()
        .map(|(source, count)| format!("{count} {}", source.key()))
        .collect();
    let untimed = activity.rows().filter(Row::untimed).count();
    let read = if read.is_empty() {
        "none".to_owned()
    } else {
        read.join(", ")
    };
    writeln!(
        out,
        "read: {read}; {} records not read, {untimed} without a time, {} with the id of another",
        activity.faults.len(),
        doubles.len(),
    )
}
