//! Events and findings as lines, and beside them how much was read.

use std::io::{self, Write};

use super::Read;
use crate::domain::audit::ascii_json;
use crate::domain::case::RecordFault;
use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::{Activity, Row};
use crate::domain::timeline::export;
use crate::domain::timeline::finding::Detection;
use crate::safe;

/// Faults told one by one; the rest is counted.
const TOLD: usize = 20;

/// Prints the events, as ECS objects or as plain lines.
pub(super) fn events(activity: &Activity, json: bool, out: &mut dyn Write) -> io::Result<()> {
    activity.rows().try_for_each(|row| {
        if json {
            writeln!(out, "{}", ascii_json(&export::ecs(row)))
        } else {
            writeln!(out, "{}", words(row).as_str())
        }
    })
}

/// Prints the findings, and how many users could not be judged.
pub(super) fn findings(
    activity: &Activity,
    detection: &Detection,
    out: &mut dyn Write,
    told: &mut dyn Write,
) -> io::Result<()> {
    for finding in &detection.findings {
        writeln!(out, "{}", ascii_json(&export::finding(activity, finding)))?;
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

/// Says of whom and how much was read from the SIEM, beside the output.
pub(super) fn of_case(
    activity: &Activity,
    names: &[Untrusted],
    truncated: bool,
    told: &mut dyn Write,
) -> io::Result<()> {
    let names = Safe::join(names.iter().map(Untrusted::ident), &Safe::fixed(", "));
    writeln!(told, "user: {names}")?;
    not_read(&activity.faults, told)?;
    let more = if truncated {
        safe!(", TRUNCATED at {}: there are more", activity.len())
    } else {
        Safe::default()
    };
    let (read, not) = (activity.len(), activity.faults.len());
    writeln!(told, "read: {read}{more}; {not} records not read")
}

fn not_read(faults: &[RecordFault], out: &mut dyn Write) -> io::Result<()> {
    for fault in faults.iter().take(TOLD) {
        writeln!(
            out,
            "not read: {}: {}",
            fault.record.field(),
            fault.reason.line()
        )?;
    }
    Ok(())
}

/// Says how much was read and what was not, beside the output.
pub(super) fn summary(read: &Read, out: &mut dyn Write) -> io::Result<()> {
    not_read(&read.faults, out)?;
    for fault in read.doubles.iter().take(TOLD) {
        writeln!(out, "{}: {}", fault.record.field(), fault.reason.line())?;
    }
    let by_source: Vec<String> = read
        .records
        .iter()
        .map(|(source, count)| format!("{count} {}", source.key()))
        .collect();
    let told = if by_source.is_empty() {
        "none".to_owned()
    } else {
        by_source.join(", ")
    };
    writeln!(
        out,
        "read: {told}; {} records not read, {} without a time, {} with the id of another",
        read.faults.len(),
        read.untimed,
        read.doubles.len(),
    )
}

/// Says what of the databases of places is broken.
pub(super) fn faults(faults: &[Fault], out: &mut dyn Write) -> io::Result<()> {
    faults
        .iter()
        .try_for_each(|fault| writeln!(out, "warning: {}", fault.what))
}
