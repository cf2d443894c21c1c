//! The operations of the log on files and clocks, so that tests can make each of them fail.
//!
//! What must not live here: any decision about what to do on a failure.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::fs::FallocateFlags;
use rustix::time::{ClockId, clock_gettime};

use crate::domain::text::Safe;
use crate::safe;

/// Room on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Free {
    /// Bytes that this user may still write.
    pub bytes: u64,
    /// Files that may still be made; `None` where the file system does not count them.
    pub inodes: Option<u64>,
}

impl Free {
    /// Tells whether new actions must be refused, so that what has been started can still be recorded.
    pub fn refuses_actions(self) -> bool {
        self.bytes < 16 << 20 || self.inodes.is_some_and(|inodes| inodes < 1000)
    }

    /// Gives the room in words.
    pub fn shown(self) -> Safe {
        let mib = self.bytes >> 20;
        self.inodes.map_or_else(
            || safe!("{} MiB free", mib),
            |inodes| safe!("{} MiB and {} files free", mib, inodes),
        )
    }

    /// Tells whether it is time to warn.
    pub fn is_low(self) -> bool {
        self.bytes < 256 << 20 || self.refuses_actions()
    }
}

/// What the log does to files.
pub trait Disk: Send {
    /// Writes once; gives how many bytes were taken.
    fn write(&mut self, file: &File, bytes: &[u8]) -> io::Result<usize>;
    /// Syncs the content of a file.
    fn sync_data(&mut self, file: &File) -> io::Result<()>;
    /// Syncs a file or directory with everything about it.
    fn sync_all(&mut self, file: &File) -> io::Result<()>;
    /// Takes the exclusive lock if it is free.
    fn try_lock(&mut self, file: &File) -> Result<(), TryLockError>;
    /// Gives the room on the file system of a path.
    fn free(&mut self, path: &Path) -> io::Result<Free>;
    /// Sets room aside past the end of a file without making it longer.
    fn reserve(&mut self, file: &File, from: u64, len: u64) -> io::Result<()>;
    /// Tells whether a path is on a network or user-space file system, where locks and syncs promise less.
    fn is_remote(&mut self, path: &Path) -> bool {
        is_remote(path)
    }
}

/// The operating system's files.
pub struct RealDisk;

impl Disk for RealDisk {
    fn write(&mut self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                done => return done,
            }
        }
    }

    fn sync_data(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_all(&mut self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn try_lock(&mut self, file: &File) -> Result<(), TryLockError> {
        file.try_lock()
    }

    fn free(&mut self, path: &Path) -> io::Result<Free> {
        let found = rustix::fs::statvfs(path)?;
        Ok(Free {
            bytes: found.f_bavail.saturating_mul(found.f_frsize),
            inodes: (found.f_files > 0).then_some(found.f_favail),
        })
    }

    fn reserve(&mut self, file: &File, from: u64, len: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(
            file,
            FallocateFlags::KEEP_SIZE,
            from,
            len,
        )?)
    }
}

/// The clocks a record carries.
pub trait Clock: Send {
    /// Gives the wall clock.
    fn wall(&self) -> DateTime<Utc>;
    /// Gives microseconds since the host started, sleep included.
    fn boot_us(&self) -> u64;
}

/// The operating system's clocks.
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn boot_us(&self) -> u64 {
        let at = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(at.tv_sec), u64::try_from(at.tv_nsec));
        seconds.unwrap_or(0).saturating_mul(1_000_000) + nanos.unwrap_or(0) / 1000
    }
}

/// Tells whether a path is on a network or user-space file system.
fn is_remote(path: &Path) -> bool {
    /// NFS, SMB, SMB2, CIFS, FUSE, 9P, Ceph, AFS, by `statfs(2)`.
    const REMOTE: [u32; 8] = [
        0x6969,
        0x517B,
        0xFE53_4D42,
        0xFF53_4D42,
        0x6573_5546,
        0x0102_1997,
        0x00C3_6400,
        0x5346_414F,
    ];
    rustix::fs::statfs(path).is_ok_and(|found| {
        let kind = u32::try_from(found.f_type & 0xFFFF_FFFF);
        kind.is_ok_and(|kind| REMOTE.contains(&kind))
    })
}
