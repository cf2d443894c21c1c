//! What the process gives away of itself: no core dump, no memory for others to read, no file for others.
//!
//! What must not live here: anything that needs a secret to be read already; this comes before.

use std::io;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit};

/// Says which part of the hardening failed.
#[derive(Debug, thiserror::Error)]
pub enum HardenError {
    /// The limit on core dumps.
    #[error("failed to switch core dumps off")]
    Core(#[source] io::Error),
    /// The mark against tracing and reading of memory.
    #[error("failed to close the memory of the process to others")]
    Dumpable(#[source] io::Error),
}

/// Switches core dumps off, closes the process's memory to other processes of the same user, and makes new
/// files private. Call it first of all, before any thread and any secret.
///
/// # Errors
/// [`HardenError`]; what comes before the failure is done, and the mask of new files is always set.
pub fn harden() -> Result<(), HardenError> {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none)
        .map_err(|cause| HardenError::Core(cause.into()))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|cause| HardenError::Dumpable(cause.into()))?;
    Ok(())
}
