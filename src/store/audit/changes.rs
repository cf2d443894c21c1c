//! Being told by the system that files of a directory changed, instead of looking again and again (inotify).
//!
//! A thread waits for it and says only that there is something to look at. Network file systems tell nothing of what other
//! hosts write, so whoever waits here looks now and then all the same. What must not live here: what is in the files.

use std::io;
use std::path::Path;

use tokio::sync::mpsc;

/// Tells that files of a directory were written, made, moved or removed.
#[derive(Debug)]
pub struct Changes {
    told: mpsc::Receiver<()>,
    // Ends the thread when it is dropped.
    _watch: watch::Watch,
}

impl Changes {
    /// Watches a directory.
    ///
    /// # Errors
    /// When the directory is not there, or the system cannot watch it.
    pub fn of(dir: &Path) -> io::Result<Self> {
        // One is enough: it says that there is something, not what.
        let (tell, told) = mpsc::channel(1);
        Ok(Self {
            told,
            _watch: watch::Watch::of(dir, tell)?,
        })
    }

    /// Waits for the next change; `None` when the directory itself is gone.
    pub async fn next(&mut self) -> Option<()> {
        self.told.recv().await
    }

    /// Forgets what was told and not waited for.
    pub fn forget(&mut self) {
        while self.told.try_recv().is_ok() {}
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod watch {
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;

    use rustix::fs::inotify::{
        CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch,
    };
    use tokio::sync::mpsc;

    /// A watch over a directory, with the thread that waits at it.
    #[derive(Debug)]
    pub(super) struct Watch {
        from: Arc<OwnedFd>,
        number: i32,
    }

    impl Watch {
        pub(super) fn of(dir: &Path, tell: mpsc::Sender<()>) -> io::Result<Self> {
            let from = Arc::new(init(CreateFlags::CLOEXEC)?);
            let of = WatchFlags::MODIFY
                | WatchFlags::CREATE
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE
                | WatchFlags::ONLYDIR;
            let number = add_watch(&*from, dir, of)?;
            let own = Arc::clone(&from);
            thread::Builder::new()
                .name("changes".to_owned())
                .spawn(move || pump(&own, &tell))?;
            Ok(Self { from, number })
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            // The system tells of that too, which ends the thread. A directory that is gone has ended it already.
            let _ = remove_watch(&*self.from, self.number);
        }
    }

    fn pump(from: &OwnedFd, tell: &mpsc::Sender<()>) {
        let mut room = [MaybeUninit::uninit(); 4_096];
        let mut reader = Reader::new(from, &mut room);
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(ReadFlags::IGNORED) => return,
                // One that waits already says as much.
                Ok(_) => drop(tell.try_send(())),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod watch {
    use std::io;
    use std::path::Path;

    use tokio::sync::mpsc;

    /// There is none on this system.
    #[derive(Debug)]
    pub(super) struct Watch;

    impl Watch {
        pub(super) fn of(_dir: &Path, _tell: mpsc::Sender<()>) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_told_and_so_is_the_end() -> io::Result<()> {
        let place = tempfile::tempdir()?;
        let dir = place.path().join("audit");
        assert!(Changes::of(&dir).is_err());
        std::fs::create_dir(&dir)?;
        let mut changes = Changes::of(&dir)?;
        std::fs::write(dir.join("1.jsonl"), "{}")?;
        assert_eq!(changes.next().await, Some(()));
        std::fs::remove_file(dir.join("1.jsonl"))?;
        std::fs::remove_dir(&dir)?;
        while changes.next().await.is_some() {}
        Ok(())
    }

    #[tokio::test]
    async fn whoever_stops_listening_ends_the_thread() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (tell, mut told) = mpsc::channel(1);
        drop(watch::Watch::of(dir.path(), tell)?);
        // The other end goes with the thread.
        assert_eq!(told.recv().await, None);
        Ok(())
    }
}
