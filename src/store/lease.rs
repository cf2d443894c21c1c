//! Who works on an action: a lock file per action, held by the process that owns it and freed by its death.
//!
//! What must not live here: what an action is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::domain::ids::ActionId;

/// The ownership of one action; given up when it is dropped or the process dies.
#[derive(Debug)]
pub struct Lease {
    // Held for its lock only.
    _file: File,
}

/// Takes the lease of an action; `None` when another process holds it.
///
/// # Errors
/// When the file cannot be made or locked at all.
pub fn take(dir: &Path, aid: &ActionId) -> io::Result<Option<Lease>> {
    let path = dir.join(format!("{aid}.lock"));
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lease { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the lock file of an action that has its final word.
pub fn clear(dir: &Path, aid: &ActionId) {
    // A file that stays behind is only litter: the lock is what counts.
    let _ = std::fs::remove_file(dir.join(format!("{aid}.lock")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;

    #[test]
    fn only_one_holds_a_lease() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let aid = ActionId::from_parts(Utc::now(), 7);
        let first = take(dir.path(), &aid)?;
        assert!(first.is_some());
        assert!(take(dir.path(), &aid)?.is_none());
        drop(first);
        assert!(take(dir.path(), &aid)?.is_some());
        Ok(())
    }
}
