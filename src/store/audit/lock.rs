//! The lock that orders the writers of one log: waiting for it, and knowing that it is on the right file.
//!
//! What must not live here: what is done under the lock.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::Ground;
use super::error::StoreError;

/// Waits for an exclusive lock; tells whether it had to. The kernel frees it when a process dies.
pub(super) fn wait_for_lock(
    ground: &mut Ground,
    file: &File,
    path: &Path,
    begun: Instant,
) -> Result<bool, StoreError> {
    let mut waited = false;
    loop {
        match ground.disk.try_lock(file) {
            Ok(()) => return Ok(waited),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
            Err(TryLockError::WouldBlock) => waited = true,
        }
        if begun.elapsed() >= ground.lock_wait {
            let waited_ms = u64::try_from(ground.lock_wait.as_millis()).unwrap_or(u64::MAX);
            return Err(StoreError::Locked {
                path: path.to_owned(),
                waited_ms,
            });
        }
        thread::sleep(Duration::from_micros(fastrand::u64(100..400)));
    }
}

/// Tells whether a path still leads to an open file.
pub(super) fn is_same_file(file: &File, path: &Path) -> Result<bool, StoreError> {
    let open = file.metadata().map_err(StoreError::io("look at", path))?;
    // Not through a link: what stands there must be the log itself.
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io("look at", path)(error)),
    }
}
