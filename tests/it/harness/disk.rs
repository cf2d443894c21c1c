//! A disk that stops syncing when told to.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quell::store::audit::{Disk, Free, Ground, RealDisk};

struct Breakable {
    real: RealDisk,
    broken: Arc<AtomicBool>,
}

/// Makes a ground whose syncs fail once `broken` is set.
pub fn breakable(broken: &Arc<AtomicBool>) -> Ground {
    let disk = Breakable {
        real: RealDisk,
        broken: Arc::clone(broken),
    };
    Ground {
        disk: Box::new(disk),
        ..Ground::default()
    }
}

impl Breakable {
    fn check(&self) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("injected: the disk is gone"));
        }
        Ok(())
    }
}

impl Disk for Breakable {
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.real.write(file, bytes)
    }

    fn sync_data(&mut self, file: &File) -> io::Result<()> {
        self.check()?;
        self.real.sync_data(file)
    }

    fn sync_all(&mut self, file: &File) -> io::Result<()> {
        self.check()?;
        self.real.sync_all(file)
    }

    fn try_lock(&mut self, file: &File) -> Result<(), TryLockError> {
        self.real.try_lock(file)
    }

    fn free(&mut self, path: &Path) -> io::Result<Free> {
        self.real.free(path)
    }

    fn reserve(&mut self, file: &File, from: u64, len: u64) -> io::Result<()> {
        self.real.reserve(file, from, len)
    }
}
