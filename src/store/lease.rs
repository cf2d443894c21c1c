//! Who works on an action: a lock file per action, held by the process that owns it and freed by its death.
//!
//! What must not live here: what an action is.

use std::fmt::Display;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// The ownership of one action; given up when it is dropped or the process dies.
#[derive(Debug)]
pub struct Lease {
    // Held for its lock only.
    _file: File,
}

/// Takes the lease of an action, or of another write that is named by its id; `None` when another process holds it.
///
/// # Errors
/// When the file cannot be made or locked at all.
pub fn take(dir: &Path, aid: &impl Display) -> io::Result<Option<Lease>> {
    let path = dir.join(format!("{aid}.lock"));
    loop {
        // A pipe under this name must not hold the program up, and a link must not lead elsewhere.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(flags.cast_signed())
            .open(&path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path)? => return Ok(Some(Lease { _file: file })),
            // Removed by its holder between our opening and locking: a lock on it keeps nobody away.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Tells whether the path still leads to the open file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the lock file of an action that has its final word; only for whoever holds its lease.
pub fn clear(dir: &Path, aid: &impl Display) {
    // A file that stays behind is only litter: the lock is what counts.
    let _ = std::fs::remove_file(dir.join(format!("{aid}.lock")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ActionId;
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

    #[test]
    fn a_file_removed_by_its_holder_is_no_lease() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let aid = ActionId::from_parts(Utc::now(), 7);
        let path = dir.path().join(format!("{aid}.lock"));
        let opened = File::create(&path)?;
        assert!(is_at(&opened, &path)?);
        clear(dir.path(), &aid);
        assert!(!is_at(&opened, &path)?);
        let fresh = take(dir.path(), &aid)?;
        assert!(fresh.is_some());
        assert!(!is_at(&opened, &path)?, "another file stands there now");
        Ok(())
    }
}
