//! The audit log on disk: appended by any number of processes of one user, synced before anybody is told.
//!
//! One dedicated thread a process does the work, so that no request of the engine waits for a disk on a worker.
//! Order of the records is the order of the calls. From the record that opens a session to the one that closes it, the
//! same thread adds the session's checkpoints, so that no caller can forget them.
//!
//! What must not live here: the form of records and the rules of the chain (`domain::audit`).

mod begin;
mod changes;
mod condition;
mod disk;
mod end;
mod error;
mod exposed;
mod follow;
mod heads;
mod lock;
mod mark;
mod opened;
mod owners;
mod prune;
mod reach;
mod read;
mod remembered;
mod seal;
mod seen;
mod segments;
mod syslog;
mod thread;
mod trial;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use crate::domain::audit::{Body, ChainHash, Entry};
use crate::domain::fault::Fault;
use crate::domain::ids::{LogId, SessionId};
use crate::domain::text::{Safe, Untrusted};

pub use changes::Changes;
pub use disk::{Clock, Disk, Free, RealDisk, SystemClock};
pub use error::StoreError;
pub use exposed::exposed;
pub use follow::{Follower, Place, Standing};
use heads::Heads;
pub use owners::{Found, Owner, doubled, found, several};
pub use prune::Closed;
pub use read::{
    Checked, Verified, Walk, read, read_checked, verify, verify_each, verify_with, walk, walk_one,
};
pub use remembered::{HEAD, HEAD_HINT, Misfit, misfit_hint, misfits, remembered, try_to_keep};
pub use seal::SealPace;
use seen::Seen;
pub use syslog::DEV_LOG;
use thread::Request;
pub use trial::try_open;

/// Appends that may wait for the thread; more are refused.
const QUEUE: usize = 1024;

/// Judged with the lock of the log held, right before a write: why it must not be made, or nothing.
///
/// It runs on the thread of the log while every other process waits, so it has to be quick.
pub type Condition = Box<dyn FnOnce(&Standing<'_>) -> Result<(), Safe> + Send>;

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the host.
    pub host: Untrusted,
    /// User id of the process.
    pub uid: u32,
    /// Name of the user.
    pub user: Untrusted,
}

/// What the log stands on: files, clock and limits, replaceable in tests.
pub struct Ground {
    /// Operations on files.
    pub disk: Box<dyn Disk>,
    /// Clocks.
    pub clock: Box<dyn Clock>,
    /// Bytes from which a segment is ended.
    pub rotate_at: u64,
    /// How long to wait for other processes.
    pub lock_wait: Duration,
    /// How often checkpoints are made.
    pub seal: SealPace,
    /// Socket of the system's log that gets anchors; `None` for none.
    pub syslog: Option<PathBuf>,
    /// File outside of the directory in which the head is remembered; `None` for none.
    pub head: Option<PathBuf>,
}

impl Default for Ground {
    fn default() -> Self {
        Self {
            disk: Box::new(RealDisk),
            clock: Box::new(SystemClock),
            rotate_at: 64 << 20,
            lock_wait: Duration::from_secs(2),
            seal: SealPace::default(),
            syslog: None,
            head: None,
        }
    }
}

/// How the log is.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Set for good once a sync failed, after which nothing of class A is taken, or once the log was changed by others
    /// under this writer, after which nothing is taken at all.
    pub failed: Option<StoreError>,
    /// Room on the disk at the last append.
    pub free: Option<Free>,
    /// The directory is on a network or user-space file system, where locks and syncs promise less.
    pub remote: bool,
    /// Number and hash of the last record that this writer knows to be on the disk.
    pub durable: Option<(u64, ChainHash)>,
    /// Why the last durable record could not be remembered outside of the directory, if so.
    pub unremembered: Option<StoreError>,
    /// Bytes that are no record and that this writer found at the end of the log and named, where whole lines were among
    /// them that no crash leaves there.
    pub foreign: u64,
}

/// The audit log of this host and user, open for appending.
///
/// Cheap to clone; all clones feed one thread, which ends with the last of them.
#[derive(Clone)]
pub struct AuditLog {
    queue: mpsc::SyncSender<Request>,
    dir: Arc<PathBuf>,
    identity: Arc<Identity>,
    log: LogId,
    session: SessionId,
    health: Arc<Mutex<Health>>,
    heads: Heads,
    seen: Seen,
}

impl AuditLog {
    /// Opens the log of this host and user in a directory, or begins one, and names a torn end if there is one. Of two it
    /// opens none.
    ///
    /// The directory gets mode 0700, files 0600.
    ///
    /// # Errors
    /// When the directory or file cannot be made, read, locked within 2 s or written.
    pub fn open(dir: &Path, identity: Identity) -> Result<Self, StoreError> {
        Self::open_on(dir, identity, Ground::default())
    }

    /// Opens the log on another ground: other files, clocks or limits.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(dir: &Path, identity: Identity, ground: Ground) -> Result<Self, StoreError> {
        let health = Arc::new(Mutex::new(Health::default()));
        let head = ground.head.clone();
        let own = Arc::new(identity.clone());
        let mut writer = writer::Writer::open(dir, identity, ground, Arc::clone(&health))?;
        writer.heal()?;
        let (log, session) = (writer.log().clone(), writer.session().clone());
        let (dir, seen) = (Arc::new(dir.to_owned()), writer.seen.clone());
        let heads = Heads::new(head, &dir, &log, &health);
        let (queue, requests) = mpsc::sync_channel(QUEUE);
        thread::start(writer, heads.clone(), requests)?;
        Ok(Self {
            queue,
            dir,
            identity: own,
            log,
            session,
            health,
            heads,
            seen,
        })
    }

    /// Gives the id of the log.
    pub fn log(&self) -> &LogId {
        &self.log
    }

    /// Gives the directory of the log.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Gives the id of this process's session.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Tells how the log is.
    pub fn health(&self) -> Health {
        self.health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads all records of this log.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read_all(&self) -> Result<Vec<Entry>, StoreError> {
        let entries = read::read_log(&self.dir, &self.log)?.entries;
        if let Some(last) = entries.last() {
            self.seen.note_last(last);
        }
        Ok(entries)
    }

    /// Verifies the logs of this directory beside those who write, and says when one is broken, cannot be read, is not what
    /// this host remembers of it, or is a second one of this host and user.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn look(&self) -> Result<Option<Fault>, StoreError> {
        let found = self.heads.look()?;
        let Some(error) = several(&self.dir, &self.identity) else {
            return Ok(found);
        };
        let said = found.map(|fault| fault.what).into_iter();
        Ok(Some(Fault {
            what: Safe::join(said.chain([error.shown()]), &Safe::fixed("; ")),
            hint: error.hint(),
        }))
    }

    /// Looks as [`Self::look`] does, on another thread.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub async fn look_beside(&self) -> Result<Option<Fault>, StoreError> {
        let log = self.clone();
        let looked = tokio::task::spawn_blocking(move || log.look()).await;
        looked.unwrap_or(Err(StoreError::Closed))
    }

    /// Remembers the last durable record of this writer outside of the directory, also over a power cut. Best effort:
    /// where that fails, what is remembered is older, and [`Health::unremembered`] says why. After an append of class A it is remembered by itself.
    pub async fn remember(&self) {
        let heads = self.heads.clone();
        let keep = move || {
            heads.keep();
            heads.settle();
        };
        let _ = tokio::task::spawn_blocking(keep).await;
    }

    /// Gives the first of these records, as they were read, that is not the one this host remembers under its number.
    pub fn forged<'a>(&self, entries: &'a [Entry]) -> Option<&'a Entry> {
        self.heads.forged(entries)
    }

    /// Says for good that a record has a number under which this process knew another: nothing is taken any more. Gives
    /// the error for it.
    pub fn distrust(&self, entry: &Entry) -> StoreError {
        let changed = StoreError::Changed {
            path: segments::path(&self.dir, &self.log, entry.seg),
            n: entry.n,
        };
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.failed = Some(changed.clone());
        changed
    }

    /// Tells whether there is something behind a place, without reading it.
    ///
    /// # Errors
    /// When the directory or the last segment cannot be looked at.
    pub fn has_grown(&self, from: Place) -> Result<bool, StoreError> {
        follow::has_grown(&self.dir, &self.log, from)
    }

    /// Reads the records behind a place, [`Place::default`] being the start, and tells where it ended.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read_on(&self, from: Place) -> Result<(Vec<Entry>, Place), StoreError> {
        let read = follow::read_on(&self.dir, &self.log, from)?;
        self.seen.note(&read.entries, read.end);
        Ok((read.entries, read.next))
    }

    /// Gives the bytes behind a place as they are now to `take`, in pieces, and tells where it ended.
    ///
    /// # Errors
    /// When a file cannot be read; `take` may have been given a part.
    pub fn read_bytes(
        &self,
        from: Place,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Place, StoreError> {
        follow::read_bytes(&self.dir, &self.log, from, take)
    }

    /// Appends records in one write. With any of class A among them it answers once they are durable; with class B
    /// only, once they are written (durable within a second).
    ///
    /// The order is fixed by the call, not by the first poll, and the append happens even if the future is dropped.
    ///
    /// # Errors
    /// After [`StoreError::Unknown`] the batch may be in the log, wholly or in part; after any other nothing of it is.
    pub fn append(
        &self,
        bodies: Vec<Body>,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send + use<> {
        self.append_on(bodies, None)
    }

    /// Appends as [`Self::append`] does, if a condition holds when the lock is held: decided and written as one act, also
    /// against other processes.
    ///
    /// # Errors
    /// [`StoreError::Unmet`] when it does not hold, and as [`Self::append`].
    pub fn append_if(
        &self,
        bodies: Vec<Body>,
        condition: Condition,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send + use<> {
        self.append_on(bodies, Some(condition))
    }

    fn append_on(
        &self,
        bodies: Vec<Body>,
        condition: Option<Condition>,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send + use<> {
        let (tell, answer) = tokio::sync::oneshot::channel();
        let sent = self.send(bodies, condition, move |result| drop(tell.send(result)));
        async move {
            sent?;
            answer
                .await
                .unwrap_or_else(|_ended| Err(StoreError::Closed.perhaps()))
        }
    }

    /// Appends as [`Self::append`] does and blocks the calling thread until it is answered.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_blocking(&self, bodies: Vec<Body>) -> Result<Vec<Entry>, StoreError> {
        let (tell, answer) = mpsc::sync_channel(1);
        self.send(bodies, None, move |result| drop(tell.send(result)))?;
        answer
            .recv()
            .unwrap_or_else(|_ended| Err(StoreError::Closed.perhaps()))
    }

    fn send(
        &self,
        bodies: Vec<Body>,
        condition: Option<Condition>,
        answer: impl FnOnce(Result<Vec<Entry>, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let request = Request {
            bodies,
            condition,
            answer: Box::new(answer),
        };
        self.queue
            .try_send(request)
            .map_err(|refused| match refused {
                mpsc::TrySendError::Full(_) => StoreError::Busy,
                mpsc::TrySendError::Disconnected(_) => StoreError::Closed,
            })
    }
}
