//! Connections for subcommands that print: of the roles that are needed, without a client for writes.
//!
//! What must not live here: what is printed.

use std::future::Future;
use std::io::{self, Write};

use super::compose::{self, Loaded};
use super::{Failure, INTERNAL, UNREADABLE, broken_pipe};
use crate::config::settings::{Mode, Role, Settings};
use crate::connect::registry::Connections;
use crate::domain::case::CaseFile;
use crate::domain::fault::Fault;
use crate::domain::ids::CaseId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Exit code: good, but something could not be read.
pub(super) const WARNINGS: u8 = 2;

/// Makes the connections that have one of the roles; READ ONLY, whatever the configuration says.
///
/// Only the secrets of these are read. What cannot be had is a fault, the others are made.
pub(super) fn connections(
    loaded: &Loaded,
    roles: &[Role],
) -> Result<(Settings, Connections, Vec<Fault>), Failure> {
    // Secrets are read only by a process that nobody can look into.
    crate::store::process::harden().map_err(|error| {
        Failure::one(
            INTERNAL,
            Fault::new(Untrusted::new(error.to_string()).line()),
        )
    })?;
    let mut settings = loaded.settings.clone();
    settings.environment.mode = Mode::ReadOnly;
    settings
        .connections
        .retain(|connection| roles.iter().any(|role| connection.roles.contains(role)));
    let (secrets, mut faults) = compose::secrets(&settings);
    let made = Connections::build(&settings, secrets);
    faults.extend(made.faults.iter().map(|(name, error)| Fault {
        what: safe!("{} cannot be used: {}", name, error.what),
        hint: error.hint.clone(),
    }));
    Ok((settings, made, faults))
}

/// Runs what reads, in a runtime of its own.
pub(super) fn run<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(compose::runtime()?.block_on(work))
}

/// Says that nothing could be read, with every reason.
pub(super) fn nothing(mut faults: Vec<Fault>, otherwise: &'static str) -> Failure {
    if faults.is_empty() {
        faults.push(Fault::new(otherwise));
    }
    Failure {
        code: UNREADABLE,
        faults,
    }
}

/// Finds a case by its number, with or without `#`, or the vendor's id, in whichever case system has it.
pub(super) async fn case_file(made: &Connections, asked: &str) -> Result<CaseFile, Vec<Fault>> {
    let id = asked.strip_prefix('#').unwrap_or(asked);
    let mut faults = Vec::new();
    for source in &made.cases {
        let id = CaseId::new(source.connection().clone(), id);
        match source.open(&id).await {
            Ok(file) => return Ok(file),
            Err(error) => faults.push(Fault::from(error)),
        }
    }
    Err(faults)
}

/// Prints faults beside the output, as those of the console are said.
///
/// # Errors
/// When they cannot be printed.
pub(super) fn tell(faults: &[Fault], told: &mut dyn Write) -> io::Result<()> {
    for fault in faults {
        writeln!(told, "quell: {}", fault.what)?;
        if let Some(hint) = &fault.hint {
            writeln!(told, "hint: {hint}")?;
        }
    }
    Ok(())
}

/// Ends with what was printed: a reader that has seen enough is no fault.
pub(super) fn ended(printed: io::Result<()>, code: u8) -> Result<u8, Failure> {
    printed.map_or_else(|error| broken_pipe(&error), |()| Ok(code))
}

/// Gives what people call a case: its number, or the vendor's id.
pub(super) fn number(case: &crate::domain::case::Case) -> Safe {
    match case.number {
        Some(number) => safe!("#{}", number),
        None => case.id.shown(),
    }
}
