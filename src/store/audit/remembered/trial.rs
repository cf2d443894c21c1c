//! Trying whether the head of the log could be remembered, before an incident asks for it.
//!
//! What must not live here: remembering it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::{HEAD, TURN_MS, make, take_turn};
use crate::store::audit::error::StoreError;
use crate::store::audit::opened;
use crate::store::lease;

/// Says that another console was at the file for longer than any write of it takes.
pub(super) fn held(root: &Path) -> StoreError {
    StoreError::Locked {
        path: root.join(format!("{HEAD}.lock")),
        waited_ms: TURN_MS,
    }
}

/// Tries whether the file could be replaced, and leaves it as it is.
///
/// # Errors
/// As a console would meet them when it remembers a record.
pub fn try_to_keep(path: &Path) -> Result<(), StoreError> {
    let Some(root) = path.parent() else {
        return Ok(());
    };
    let lease = take_turn(root).map_err(StoreError::io("take the lease of", path))?;
    let Some(lease) = lease else {
        return Err(held(root));
    };
    let tried = try_beside(path);
    lease::clear(root, &HEAD);
    drop(lease);
    tried
}

fn try_beside(path: &Path) -> Result<(), StoreError> {
    let fresh = path.with_extension("new");
    let made = make(&fresh, "");
    drop(fs::remove_file(&fresh));
    match made {
        // On a full disk the file is written over; the room is looked at elsewhere.
        Err(error) if error.kind() != io::ErrorKind::StorageFull => {
            return Err(StoreError::io("write", &fresh)(error));
        }
        _ => {}
    }
    // An immutable file cannot be replaced either; one that only lacks the right to be written can.
    match opened::with(path, OpenOptions::new().write(true)) {
        Err(error) if is_immutable(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_immutable(error: &StoreError) -> bool {
    match error {
        StoreError::Io { source, .. } => source.raw_os_error() == Some(Errno::PERM.raw_os_error()),
        _ => false,
    }
}
