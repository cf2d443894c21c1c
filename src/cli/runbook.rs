//! `quell runbook`: the short list of a long text, what is wrong with it, the text itself, and what there is.
//!
//! What must not live here: reading Markdown, links, what is wrong (`domain::runbook`); finding the file
//! (`source`), the layout of what is printed (`checklist`, `text`).

mod checklist;
mod source;
mod text;

use std::io::{self, Write};
use std::path::Path;

use clap::Subcommand;
use serde::Serialize;

use self::source::{Opened, Shelf};
use super::{Failure, INTERNAL, OK, UNREADABLE, broken_pipe};
use crate::domain::fault::Fault;
use crate::domain::runbook::lint::{Finding, Kind, examine};
use crate::domain::runbook::outline::{Outline, OutlineNotice};
use crate::domain::text::Untrusted;
use crate::safe;

/// Exit code: a check found something.
const FOUND: u8 = 1;

/// What can be asked of runbooks.
#[derive(Debug, Subcommand)]
pub enum RunbookSub {
    /// Prints the short list that is derived from a runbook.
    Checklist {
        /// A file, `-` for standard input, or the name of a runbook that `quell runbook list` prints.
        file: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Says what is wrong with a runbook, or with all of a folder, each with its line.
    Check {
        /// A file, a folder, `-` for standard input, or the name of a runbook.
        path: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prints a runbook to be read, with the marks of its short list in the margin.
    Show {
        /// A file, `-` for standard input, or the name of a runbook.
        file: String,
    },
    /// Lists the runbooks of the configuration and those that quell brings along.
    List,
}

/// Runs one of them.
///
/// # Errors
/// With exit code 3 when the runbook is missing or cannot be read, 70 when nothing can be printed.
pub fn run(
    command: &RunbookSub,
    config: Option<&Path>,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let shelf = Shelf::of(config)?;
    match command {
        RunbookSub::Checklist { file, json } => print_checklist(&shelf, file, *json, out),
        RunbookSub::Check { path, json } => check(&shelf, path, *json, out),
        RunbookSub::Show { file } => {
            let opened = source::open(&shelf, file)?;
            let runbook = opened.runbook()?;
            told(text::print(&runbook, out), OK)
        }
        RunbookSub::List => told(list(&shelf, out), OK),
    }
}

fn told(printed: io::Result<()>, code: u8) -> Result<u8, Failure> {
    match printed {
        Ok(()) => Ok(code),
        Err(error) => broken_pipe(&error),
    }
}

/// Makes the outline of an opened runbook: links as files that can be opened, loops among the notices.
fn outline_of(opened: &Opened) -> Result<Outline, Failure> {
    let runbook = opened.runbook()?;
    let resolve = |written: &str| {
        let found = opened.library.resolve(&opened.path, written)?;
        Some(opened.shown(found))
    };
    let mut outline = Outline::of(&runbook, &resolve);
    let loops = opened.library.loops(&opened.path);
    outline
        .notices
        .extend(loops.into_iter().map(|notice| OutlineNotice {
            line: notice.line,
            text: notice.text,
        }));
    outline.notices.sort_by_key(|notice| notice.line);
    Ok(outline)
}

fn print_checklist(
    shelf: &Shelf,
    file: &str,
    json: bool,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let opened = source::open(shelf, file)?;
    let outline = outline_of(&opened)?;
    if json {
        let text = outline.json().map_err(|error| unprintable(&error))?;
        return told(writeln!(out, "{text}"), OK);
    }
    let runbook = opened.runbook()?;
    told(checklist::print(&runbook, &outline, out), OK)
}

fn unprintable(error: &serde_json::Error) -> Failure {
    let cause = Untrusted::new(error.to_string());
    Failure::one(
        INTERNAL,
        Fault::new(safe!("failed to write JSON: {}", cause.line())),
    )
}

/// What was found in one file.
struct Examined {
    file: String,
    findings: Vec<Finding>,
}

fn check(shelf: &Shelf, path: &str, json: bool, out: &mut dyn Write) -> Result<u8, Failure> {
    let (examined, faults) = if Path::new(path).is_dir() {
        let folder = source::folder(shelf, Path::new(path))?;
        let of_one = |inside: &String| Examined {
            file: folder.shown(inside),
            findings: examine(&folder.library, inside),
        };
        (folder.paths.iter().map(of_one).collect(), folder.faults)
    } else {
        let opened = source::open(shelf, path)?;
        let one = Examined {
            file: opened.shown(&opened.path),
            findings: examine(&opened.library, &opened.path),
        };
        (vec![one], Vec::new())
    };
    let any = examined.iter().any(|one| !one.findings.is_empty());
    let printed = if json {
        let text = findings_json(&examined).map_err(|error| unprintable(&error))?;
        writeln!(out, "{text}")
    } else {
        findings_lines(&examined, out)
    };
    let code = told(printed, if any { FOUND } else { OK })?;
    if faults.is_empty() {
        Ok(code)
    } else {
        Err(Failure {
            code: UNREADABLE,
            faults,
        })
    }
}

/// Prints each finding as `FILE:LINE: what kind: what about it`, and how many there are.
fn findings_lines(examined: &[Examined], out: &mut dyn Write) -> io::Result<()> {
    let mut count = 0_usize;
    for one in examined {
        let file = Untrusted::new(one.file.as_str()).ident();
        for finding in &one.findings {
            count += 1;
            let (kind, text) = (finding.kind.word(), finding.text.line());
            writeln!(
                out,
                "{}",
                safe!("{}:{}: {}: {}", file, finding.line, kind, text)
            )?;
        }
    }
    let runbooks = if examined.len() == 1 {
        "runbook"
    } else {
        "runbooks"
    };
    let said = match count {
        0 => safe!("{} {}, nothing found", examined.len(), runbooks),
        1 => safe!("{} {}, 1 finding", examined.len(), runbooks),
        _ => safe!("{} {}, {} findings", examined.len(), runbooks, count),
    };
    writeln!(out, "{said}")
}

#[derive(Serialize)]
struct Report<'a> {
    runbooks: usize,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    line: u32,
    kind: Kind,
    text: &'a Untrusted,
}

fn findings_json(examined: &[Examined]) -> Result<String, serde_json::Error> {
    let rows = examined.iter().flat_map(|one| {
        one.findings.iter().map(|finding| Row {
            file: &one.file,
            line: finding.line,
            kind: finding.kind,
            text: &finding.text,
        })
    });
    let report = Report {
        runbooks: examined.len(),
        findings: rows.collect(),
    };
    Ok(crate::domain::audit::ascii_json(&serde_json::to_value(
        &report,
    )?))
}

fn list(shelf: &Shelf, out: &mut dyn Write) -> io::Result<()> {
    let library = shelf.runbooks.library();
    let shown = |path: &str| Untrusted::new(path).ident();
    let width = library.paths().map(|path| shown(path).width()).max();
    for path in library.paths() {
        let Some(runbook) = library.get(path) else {
            continue;
        };
        let steps: usize = runbook.phases.iter().map(|phase| phase.steps.len()).sum();
        let from = if library.is_shipped(path) {
            "quell"
        } else {
            "yours"
        };
        let mut name = shown(path);
        for _ in name.width()..width.unwrap_or_default() {
            name.push(&" ".into());
        }
        let is_default = library.find(shelf.runbooks.default_path()) == Some(path);
        let mark = if is_default { ", the default" } else { "" };
        let title = runbook.title.field();
        writeln!(
            out,
            "{}",
            safe!("{}  {}, {} steps, {}{}", name, title, steps, from, mark)
        )?;
    }
    Ok(())
}
