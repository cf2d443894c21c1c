//! Disks that fail when told to: one that stops syncing, one that fills, one on which a record is torn.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// How full a disk is that a test fills.
#[derive(Debug)]
struct Level {
    free: u64,
    /// Whether nothing can be written at all, as over a quota or a limit of the process.
    shut: bool,
    /// Bytes up to which a file has room of its own, by inode.
    reserved: HashMap<u64, u64>,
}

/// A disk of a size that a test fills and empties: writes beyond what is free are cut short, room set aside holds.
#[derive(Clone, Debug)]
pub struct SmallDisk(Arc<Mutex<Level>>);

impl SmallDisk {
    /// Makes a disk with so many bytes free.
    pub fn new(free: u64) -> Self {
        Self(Arc::new(Mutex::new(Level {
            free,
            shut: false,
            reserved: HashMap::new(),
        })))
    }

    /// Leaves so many bytes free.
    pub fn leave(&self, free: u64) {
        self.level().free = free;
    }

    /// Takes nothing at all, also where room was set aside; or takes it again.
    pub fn shut(&self, shut: bool) {
        self.level().shut = shut;
    }

    /// Makes a ground on it.
    pub fn ground(&self) -> Ground {
        Ground {
            disk: Box::new(self.clone()),
            ..Ground::default()
        }
    }

    fn level(&self) -> MutexGuard<'_, Level> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Level {
    /// Takes room for a range of a file; gives how much of it there is.
    fn take(&mut self, inode: u64, from: u64, len: u64) -> u64 {
        let held = self.reserved.entry(inode).or_default();
        let (old, wanted) = ((*held).max(from), from + len);
        let more = wanted.saturating_sub(old).min(self.free);
        self.free -= more;
        *held = (old + more).max(*held);
        (*held).min(wanted) - from
    }
}

impl Disk for SmallDisk {
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let there = file.metadata()?;
        let mut level = self.level();
        if level.shut {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let taken = level.take(there.ino(), there.len(), bytes.len() as u64);
        drop(level);
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = usize::try_from(taken).map_err(io::Error::other)?;
        RealDisk.write(file, &bytes[..taken])
    }

    fn sync_data(&mut self, file: &File) -> io::Result<()> {
        RealDisk.sync_data(file)
    }

    fn sync_all(&mut self, file: &File) -> io::Result<()> {
        RealDisk.sync_all(file)
    }

    fn try_lock(&mut self, file: &File) -> Result<(), TryLockError> {
        RealDisk.try_lock(file)
    }

    fn free(&mut self, _path: &Path) -> io::Result<Free> {
        Ok(Free {
            bytes: self.level().free,
            inodes: None,
        })
    }

    fn reserve(&mut self, file: &File, from: u64, len: u64) -> io::Result<()> {
        let inode = file.metadata()?.ino();
        let mut level = self.level();
        let held = level.reserved.get(&inode).copied().unwrap_or_default();
        // As fallocate does: all of it or nothing.
        if (from + len).saturating_sub(held.max(from)) > level.free {
            return Err(io::ErrorKind::StorageFull.into());
        }
        level.take(inode, from, len);
        Ok(())
    }
}

/// A disk whose process is killed in the middle of writing one record.
struct Torn<F> {
    /// What the line of such a record holds, and no other.
    mark: Vec<u8>,
    /// How many of them are still to come.
    left: usize,
    dice: fastrand::Rng,
    dead: bool,
    killed: F,
}

/// Makes a ground on which only a part of the nth record of a type gets to the file, and nothing after it; `killed` is
/// called right then, and whoever is told of it is to kill the console.
pub fn torn(kind: &str, nth: usize, seed: u64, killed: impl Fn() + Send + 'static) -> Ground {
    let disk = Torn {
        mark: format!("\"type\":\"{kind}\"").into_bytes(),
        left: nth,
        dice: fastrand::Rng::with_seed(seed),
        dead: false,
        killed,
    };
    Ground {
        disk: Box::new(disk),
        ..Ground::default()
    }
}

impl<F: Fn() + Send> Disk for Torn<F> {
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        if self.dead {
            return Err(io::Error::other("injected: the process is dead"));
        }
        let mut begin = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let size = self.mark.len();
            if line.windows(size).any(|part| part == self.mark.as_slice()) {
                self.left = self.left.saturating_sub(1);
                if self.left == 0 {
                    self.dead = true;
                    // From its first byte to all of it but its line feed; lines before it in the same write are whole.
                    let cut = begin + self.dice.usize(1..line.len());
                    let taken = RealDisk.write(file, &bytes[..cut]);
                    (self.killed)();
                    return taken;
                }
            }
            begin += line.len();
        }
        RealDisk.write(file, bytes)
    }

    fn sync_data(&mut self, file: &File) -> io::Result<()> {
        RealDisk.sync_data(file)
    }

    fn sync_all(&mut self, file: &File) -> io::Result<()> {
        RealDisk.sync_all(file)
    }

    fn try_lock(&mut self, file: &File) -> Result<(), TryLockError> {
        RealDisk.try_lock(file)
    }

    fn free(&mut self, path: &Path) -> io::Result<Free> {
        RealDisk.free(path)
    }

    fn reserve(&mut self, file: &File, from: u64, len: u64) -> io::Result<()> {
        RealDisk.reserve(file, from, len)
    }
}
