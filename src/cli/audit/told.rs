//! `quell audit show`, `export` and `merge`: records as text.
//!
//! What must not live here: the form of one record (see `written`).

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::written::{COLUMNS, ecs, line, row};
use super::{BROKEN, OK, code, no_log, unreadable, worse};
use crate::domain::audit::{Entry, Filter, ascii_json};
use crate::store::audit::{self, Checked};

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line for people.
    Text,
    /// One object a line, with the names of ECS.
    Json,
    /// A table whose cells no spreadsheet executes.
    Csv,
}

/// Writes every record of every log in a directory, one a line, and gives the exit code of their verification.
///
/// As JSON the fields have the names of ECS; what ECS has no name for stands under `quell`.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn show(dir: &Path, json: bool, out: &mut dyn Write) -> io::Result<u8> {
    let form = if json { Form::Json } else { Form::Text };
    show_some(dir, Filter::default(), form, out)
}

/// Writes the records that are asked for, log by log, and gives the exit code of the verification of all.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn show_some(dir: &Path, filter: Filter, form: Form, out: &mut dyn Write) -> io::Result<u8> {
    let logs = match audit::read_checked(dir) {
        Ok(logs) if logs.is_empty() => return no_log(form == Form::Json, out),
        Ok(logs) => logs,
        Err(error) => return unreadable(&error, form == Form::Json, out),
    };
    let entries = logs.iter().flat_map(|log| &log.entries);
    let code = verdict(&logs);
    tell(entries, filter, form, out)?;
    if code == BROKEN && form == Form::Text {
        writeln!(
            out,
            "BROKEN: this log was altered or damaged; see `quell audit verify`"
        )?;
    }
    Ok(code)
}

/// Writes the records that are asked for and nothing else; what is wrong goes to `err`.
///
/// # Errors
/// Only when `out` or `err` cannot be written.
pub fn export(
    dir: &Path,
    filter: Filter,
    csv: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    merge(
        &[dir.to_owned()],
        filter,
        if csv { Form::Csv } else { Form::Json },
        out,
        err,
    )
}

/// Writes the records of all logs of several directories in the order of their times. Within a log the order of the
/// records holds whatever their clocks say.
///
/// # Errors
/// Only when `out` or `err` cannot be written.
pub fn merge(
    dirs: &[PathBuf],
    filter: Filter,
    form: Form,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let mut logs = Vec::new();
    for dir in dirs {
        match audit::read_checked(dir) {
            Ok(found) if found.is_empty() => return no_log(false, err),
            Ok(found) => logs.extend(found),
            Err(error) => return unreadable(&error, false, err),
        }
    }
    let code = verdict(&logs);
    tell(by_time(&logs), filter, form, out)?;
    if code == BROKEN {
        writeln!(
            err,
            "BROKEN: a log was altered or damaged; see `quell audit verify`"
        )?;
    }
    Ok(code)
}

fn verdict(logs: &[Checked]) -> u8 {
    logs.iter().map(|log| code(&log.report)).fold(OK, worse)
}

fn tell<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    mut filter: Filter,
    form: Form,
    out: &mut dyn Write,
) -> io::Result<()> {
    if form == Form::Csv {
        writeln!(out, "{}", COLUMNS.join(","))?;
    }
    for entry in entries {
        if !filter.takes(entry) {
            continue;
        }
        match form {
            Form::Text => writeln!(out, "{}", line(entry))?,
            Form::Json => writeln!(out, "{}", ascii_json(&ecs(entry)))?,
            Form::Csv => writeln!(out, "{}", row(entry))?,
        }
    }
    Ok(())
}

/// Orders records by time, taking the earliest of the first records of all logs each time.
fn by_time(logs: &[Checked]) -> impl Iterator<Item = &Entry> {
    let mut queues: Vec<VecDeque<&Entry>> = logs
        .iter()
        .map(|log| log.entries.iter().collect())
        .collect();
    std::iter::from_fn(move || {
        let next = queues
            .iter_mut()
            .filter(|queue| !queue.is_empty())
            .min_by_key(|queue| queue.front().map(|entry| (entry.ts, entry.log.clone())));
        next.and_then(VecDeque::pop_front)
    })
}
