//! `quell audit show`, `export` and `merge`: records as text.
//!
//! What must not live here: the form of one record (see `written`).

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::written::{COLUMNS, ecs, line, row};
use super::{BROKEN, OK, code as code_of, no_log, unreadable, worse};
use crate::domain::audit::{Entry, Filter, ascii_json};
use crate::store::audit;

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
    let logs = match audit::walk(dir) {
        Ok(logs) if logs.is_empty() => return no_log(form == Form::Json, out),
        Ok(logs) => logs,
        Err(error) => return unreadable(&error, form == Form::Json, out),
    };
    let mut telling = Telling::begin(filter, form, out)?;
    let mut code = OK;
    for mut log in logs {
        let ended = loop {
            match log.next() {
                Ok(Some(entry)) => telling.tell(&entry, out)?,
                Ok(None) => break log.finish(),
                Err(error) => break Err(error),
            }
        };
        match ended {
            Ok(report) => code = worse(code, code_of(&report)),
            Err(error) => return unreadable(&error, form == Form::Json, out),
        }
    }
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
        match audit::walk(dir) {
            Ok(found) if found.is_empty() => return no_log(false, err),
            Ok(found) => logs.extend(found),
            Err(error) => return unreadable(&error, false, err),
        }
    }
    let mut telling = Telling::begin(filter, form, out)?;
    let mut heads = Vec::new();
    for mut log in logs {
        match log.next() {
            Ok(first) => heads.push((first, log)),
            Err(error) => return unreadable(&error, false, err),
        }
    }
    // The earliest of the first records of all logs each time; within a log their order stays.
    while let Some((first, log)) = heads
        .iter_mut()
        .filter(|(first, _)| first.is_some())
        .min_by_key(|(first, _)| first.as_ref().map(|entry| (entry.ts, entry.log.clone())))
    {
        match log.next() {
            Ok(next) => {
                if let Some(entry) = std::mem::replace(first, next) {
                    telling.tell(&entry, out)?;
                }
            }
            Err(error) => return unreadable(&error, false, err),
        }
    }
    let mut code = OK;
    for (_, log) in heads {
        match log.finish() {
            Ok(report) => code = worse(code, code_of(&report)),
            Err(error) => return unreadable(&error, false, err),
        }
    }
    if code == BROKEN {
        writeln!(
            err,
            "BROKEN: a log was altered or damaged; see `quell audit verify`"
        )?;
    }
    Ok(code)
}

/// Writes the records that are asked for, one after the other.
struct Telling {
    filter: Filter,
    form: Form,
}

impl Telling {
    fn begin(filter: Filter, form: Form, out: &mut dyn Write) -> io::Result<Self> {
        if form == Form::Csv {
            writeln!(out, "{}", COLUMNS.join(","))?;
        }
        Ok(Self { filter, form })
    }

    fn tell(&mut self, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
        if !self.filter.takes(entry) {
            return Ok(());
        }
        match self.form {
            Form::Text => writeln!(out, "{}", line(entry)),
            Form::Json => writeln!(out, "{}", ascii_json(&ecs(entry))),
            Form::Csv => writeln!(out, "{}", row(entry)),
        }
    }
}
