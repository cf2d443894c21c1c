//! Finding the log of a host and user in a directory, or beginning it.
//!
//! What must not live here: appending.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Instant;

use super::error::StoreError;
use super::lock::{is_same_file, wait_for_lock};
use super::writer::Segment;
use super::{Ground, Identity, opened, owners, segments};
use crate::domain::ids::LogId;

/// Finds the log of this identity, or begins one, while no other process of this directory does.
pub(super) fn find_or_begin(
    dir: &Path,
    identity: &Identity,
    ground: &mut Ground,
) -> Result<(LogId, Segment), StoreError> {
    let _gate = pass_gate(dir, ground)?;
    let (log, seg, file) = if let Some(log) = owners::find(dir, identity)? {
        let seg = segments::last(dir, &log)?;
        let path = segments::path(dir, &log, seg);
        // A closed segment may be the last when its writer was killed before it made the next.
        let file = opened::to_append(&path).or_else(|_read_only| opened::to_read(&path))?;
        (log, seg, file)
    } else {
        let log = LogId::from_parts(ground.clock.wall(), fastrand::u128(..));
        let path = segments::path(dir, &log, 1);
        let file = segments::make(dir, &path, &mut *ground.disk)?;
        (log, 1, file)
    };
    let path = segments::path(dir, &log, seg);
    Ok((log, Segment { seg, path, file }))
}

/// Waits until no other process of this directory is in [`find_or_begin`], and keeps them out while the file is open.
fn pass_gate(dir: &Path, ground: &mut Ground) -> Result<File, StoreError> {
    let path = dir.join("audit.lock");
    let begun = Instant::now();
    loop {
        let gate = opened::with(
            &path,
            OpenOptions::new().create(true).truncate(false).write(true),
        )?;
        wait_for_lock(ground, &gate, &path, begun)?;
        // One that was removed meanwhile keeps nobody out: whoever comes now makes another.
        if is_same_file(&gate, &path)? {
            return Ok(gate);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, TryLockError};
    use std::io;
    use std::path::PathBuf;

    use super::*;
    use crate::store::audit::{AuditLog, Disk, Free, RealDisk};

    /// A disk from which the gate vanishes at the moment it is to be locked first.
    struct Vanishing {
        gate: PathBuf,
        is_there: bool,
    }

    impl Disk for Vanishing {
        fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
            RealDisk.write(file, bytes)
        }

        fn sync_data(&mut self, file: &File) -> io::Result<()> {
            RealDisk.sync_data(file)
        }

        fn sync_all(&mut self, file: &File) -> io::Result<()> {
            RealDisk.sync_all(file)
        }

        fn try_lock(&mut self, file: &File) -> Result<(), TryLockError> {
            if std::mem::replace(&mut self.is_there, false) {
                fs::remove_file(&self.gate).map_err(TryLockError::Error)?;
            }
            RealDisk.try_lock(file)
        }

        fn free(&mut self, path: &Path) -> io::Result<Free> {
            RealDisk.free(path)
        }

        fn reserve(&mut self, file: &File, from: u64, len: u64) -> io::Result<()> {
            RealDisk.reserve(file, from, len)
        }
    }

    #[test]
    fn a_gate_that_was_removed_keeps_nobody_out_and_is_passed_anew() -> Result<(), StoreError> {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let gate = dir.path().join("audit.lock");
        let identity = Identity {
            host: "bastion".into(),
            uid: 1000,
            user: "ana".into(),
        };
        let ground = Ground {
            disk: Box::new(Vanishing {
                gate: gate.clone(),
                is_there: true,
            }),
            ..Ground::default()
        };
        let log = AuditLog::open_on(dir.path(), identity.clone(), ground)?;
        assert!(gate.exists(), "the log was begun behind no gate");
        // Whoever comes at once finds the log that was begun, though it has no record yet.
        assert_eq!(AuditLog::open(dir.path(), identity)?.log(), log.log());
        Ok(())
    }
}
