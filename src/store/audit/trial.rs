//! Trying whether the log can be opened and locked, for those who only want to know: nothing is made or written.
//!
//! What must not live here: opening it for good (see `begin`).

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::end::find_end;
use super::error::StoreError;
use super::{Disk, Identity, opened, owners, segments};

/// How long another process may hold a lock, as long as a writer waits for it.
const WAIT: Duration = Duration::from_secs(2);

/// Tries what opening the log of a host and user does first, and tells whether there is one; its locks are held for a moment.
///
/// # Errors
/// As opening it would: when a file cannot be opened or is none, or another process holds a lock too long.
pub fn try_open(dir: &Path, identity: &Identity, disk: &mut dyn Disk) -> Result<bool, StoreError> {
    let gate_path = dir.join("audit.lock");
    // What cannot be looked at is there: opening it says what is wrong.
    let is_missing = matches!(
        std::fs::symlink_metadata(&gate_path),
        Err(error) if error.kind() == io::ErrorKind::NotFound
    );
    if !is_missing {
        let gate = opened::with(&gate_path, OpenOptions::new().write(true))?;
        lock(disk, &gate, &gate_path)?;
    }
    let Some(log) = owners::find(dir, identity)? else {
        return Ok(false);
    };
    let seg = segments::last(dir, &log)?;
    let path = segments::path(dir, &log, seg);
    let file = match opened::to_append(&path) {
        Ok(file) => file,
        Err(error) => {
            // A closed segment is read only: the next one is made beside it.
            let file = opened::to_read(&path)?;
            if is_ended(&file, seg, &path)? {
                file
            } else {
                return Err(error);
            }
        }
    };
    lock(disk, &file, &path)?;
    Ok(true)
}

fn is_ended(file: &File, seg: u64, path: &Path) -> Result<bool, StoreError> {
    let found = file.metadata().map_err(StoreError::io("look at", path))?;
    let end = find_end(file, seg, found.len(), path)?;
    Ok(end.is_some_and(|end| end.ended))
}

/// Takes a lock; it is free again when the file is closed.
fn lock(disk: &mut dyn Disk, file: &File, path: &Path) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        match disk.try_lock(file) {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        if begun.elapsed() >= WAIT {
            return Err(StoreError::Locked {
                path: path.to_owned(),
                waited_ms: 2_000,
            });
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Body;
    use crate::store::audit::{AuditLog, RealDisk};

    #[test]
    fn trying_a_log_makes_nothing_and_leaves_it_free() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let who = Identity {
            host: "bastion".into(),
            uid: 1000,
            user: "jo".into(),
        };
        let names = || -> io::Result<Vec<_>> {
            let files = std::fs::read_dir(dir.path())?;
            files.map(|file| Ok(file?.file_name())).collect()
        };
        assert!(!try_open(dir.path(), &who, &mut RealDisk)?);
        assert!(names()?.is_empty());
        let log = AuditLog::open(dir.path(), who.clone())?;
        let close = || Body::SessionClose {
            reason: "x".to_owned(),
        };
        log.append_blocking(vec![close()])?;
        let before = names()?;
        assert!(try_open(dir.path(), &who, &mut RealDisk)?);
        assert_eq!(names()?, before);
        log.append_blocking(vec![close()])?;
        let held = File::open(dir.path().join("audit.lock"))?;
        held.lock()?;
        let tried = try_open(dir.path(), &who, &mut RealDisk);
        assert!(matches!(tried, Err(StoreError::Locked { .. })), "{tried:?}");
        Ok(())
    }
}
