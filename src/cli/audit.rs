//! `quell audit`: the log of this directory verified, told, exported, merged with others, shortened.
//!
//! Exit codes: 0 intact, 1 broken, 2 intact with warnings, 3 no log or not readable.
//!
//! What must not live here: the rules of the chain (`domain::audit`), reading files (`store::audit`).

mod anchors;
mod arguments;
mod held;
mod needed;
mod prune;
mod told;
mod verify;
mod written;

use std::io::{self, Write};

use serde_json::json;

pub use self::arguments::{AuditSub, run};
pub use self::prune::prune;
pub use self::told::{Form, export, merge, show, show_some};
pub use self::verify::{Asked, verify, verify_asked};
use crate::domain::audit::{Report, ascii_json};
use crate::store::audit::StoreError;

/// Exit code: every log is intact.
pub const OK: u8 = 0;
/// Exit code: a log is broken.
pub const BROKEN: u8 = 1;
/// Exit code: intact, with warnings.
pub const WARNINGS: u8 = 2;
/// Exit code: no log, or one that cannot be read.
pub const UNREADABLE: u8 = 3;

fn code(report: &Report) -> u8 {
    match (report.faults_total, report.warnings_total) {
        (1.., _) => BROKEN,
        (0, 0) => OK,
        (0, _) => WARNINGS,
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
