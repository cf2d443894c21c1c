//! Appending: lock, look at the end, name what is torn, write once, sync, unlock; end a segment that is full.
//!
//! What must not live here: queues and threads (see `thread`), the form of a record (`domain::audit`).

mod settled;

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::begin::find_or_begin;
use super::end::{End, Torn, find_end, read_at};
use super::error::StoreError;
use super::follow::Standing as LogStanding;
use super::lock::{is_same_file, wait_for_lock};
use super::mark::Mark;
use super::reach::Reach;
use super::seal::Sealer;
use super::seen::Seen;
use super::syslog::Syslog;
use super::{Condition, Ground, Health, Identity, opened, segments};
use crate::domain::audit::{Body, ChainHash, Class, Draft, Entry, Standing, encode_line};
use crate::domain::ids::{LogId, SessionId};
use crate::store::state::make_private;

/// Room set aside past the end, so that outcomes still fit on a disk that others filled.
const RESERVE: u64 = 256 << 10;

/// The file being appended to.
pub(super) struct Segment {
    pub seg: u64,
    pub path: PathBuf,
    pub file: File,
}

/// Lines put together for one write.
struct Lines {
    bytes: Vec<u8>,
    n: u64,
    h: ChainHash,
}

/// Appends to the log; owned by one thread.
pub(super) struct Writer {
    dir: PathBuf,
    identity: Identity,
    ground: Ground,
    health: Arc<Mutex<Health>>,
    log: LogId,
    session: SessionId,
    current: Segment,
    /// The end as this writer left it; valid while the file has the same size.
    left: Option<End>,
    /// What this writer acknowledged last in the current segment; it must still stand there.
    mark: Option<Mark>,
    /// What this process read of what others wrote.
    pub(super) seen: Seen,
    /// What this host remembers of what anybody wrote.
    reach: Reach,
    /// The segment that an earlier writer left with a failed sync; this one goes on behind it.
    left_failed: Option<u64>,
    reserved_to: u64,
    unsynced: bool,
    /// The disk is nearly full.
    full: bool,
    contended: bool,
    sealer: Sealer,
    syslog: Syslog,
    /// Asked once the lock is held; only for the append that is under way.
    pub(super) condition: Option<Condition>,
}

impl Writer {
    /// Finds the log of this identity or begins one, and opens its last segment.
    pub(super) fn open(
        dir: &Path,
        identity: Identity,
        mut ground: Ground,
        health: Arc<Mutex<Health>>,
    ) -> Result<Self, StoreError> {
        make_private(dir).map_err(|source| StoreError::State {
            source: Arc::new(source),
        })?;
        let at = ground.clock.wall();
        let (log, current) = find_or_begin(dir, &identity, &mut ground)?;
        let failure = segments::failure(dir, &log, current.seg);
        let left_failed = failure.exists().then_some(current.seg);
        let remote = ground.disk.is_remote(dir);
        if let Ok(mut health) = health.lock() {
            health.remote = remote;
        }
        let sealer = Sealer::new(ground.seal);
        let syslog = Syslog::new(ground.syslog.take());
        let reach = Reach::new(ground.head.take());
        Ok(Self {
            dir: dir.to_owned(),
            identity,
            ground,
            health,
            log,
            session: SessionId::from_parts(at, fastrand::u128(..)),
            current,
            left: None,
            mark: None,
            seen: Seen::default(),
            reach,
            left_failed,
            reserved_to: 0,
            unsynced: false,
            full: false,
            contended: false,
            sealer,
            syslog,
            condition: None,
        })
    }

    pub(super) fn log(&self) -> &LogId {
        &self.log
    }

    pub(super) fn session(&self) -> &SessionId {
        &self.session
    }

    /// Tells whether something was written that is not known to be on disk.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Names a torn end, if there is one.
    pub(super) fn heal(&mut self) -> Result<(), StoreError> {
        self.append(&[Vec::new()])
            .pop()
            .unwrap_or(Ok(Vec::new()))
            .map(drop)
    }

    /// Gives the moment by which a checkpoint is due.
    pub(super) fn seal_by(&self) -> Option<Instant> {
        self.sealer.due()
    }

    /// Makes the checkpoint that is due; one that cannot be written is tried again later.
    pub(super) fn seal(&mut self) {
        let before = self.sealer.progress;
        let sealed = self.append(&[Vec::new()]).pop().unwrap_or(Ok(Vec::new()));
        if sealed.is_err() {
            self.sealer.progress = before;
            self.sealer.postpone(Instant::now());
        }
    }

    /// Appends batches in one write and answers each; a batch that cannot be taken does not stop the others.
    pub(super) fn append(&mut self, batches: &[Vec<Body>]) -> Vec<Result<Vec<Entry>, StoreError>> {
        let mut results: Vec<Result<Vec<Entry>, StoreError>> = self
            .admit(batches)
            .into_iter()
            .map(|admitted| admitted.map(|()| Vec::new()))
            .collect();
        if results.iter().all(Result::is_err) {
            return results;
        }
        let before = self.sealer.progress;
        let appended = self.lock().and_then(|()| {
            let appended = self.append_locked(batches, &mut results);
            let unlocked = self.current.file.unlock();
            let unlock = StoreError::io("unlock", &self.current.path);
            appended.and(unlocked.map_err(|error| unlock(error).perhaps()))
        });
        if let Err(error) = appended {
            if matches!(error, StoreError::Changed { .. }) {
                self.latch(&error);
            }
            self.left = None;
            self.sealer.progress = before;
            for result in results.iter_mut().filter(|result| result.is_ok()) {
                *result = Err(error.clone());
            }
        }
        results
    }

    /// Tells which batches may be written at all: none once the log was changed, not class A after a failed sync, no new
    /// action on a full disk.
    fn admit(&mut self, batches: &[Vec<Body>]) -> Vec<Result<(), StoreError>> {
        let free = self.ground.disk.free(&self.dir).ok();
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.free = free.or(health.free);
        let full = health.free.filter(|free| free.refuses_actions());
        self.full = full.is_some();
        let failed = health.failed.clone();
        drop(health);
        batches
            .iter()
            .map(|bodies| match (&failed, full) {
                (Some(changed @ StoreError::Changed { .. }), _) => Err(changed.clone()),
                (Some(failed), _) if bodies.iter().any(|body| body.class() == Class::A) => {
                    Err(failed.clone())
                }
                (_, Some(free)) if bodies.iter().any(Body::starts_action) => {
                    Err(StoreError::Full { free })
                }
                _ => Ok(()),
            })
            .collect()
    }

    /// Takes the lock on the last segment, following the log when others ended the one this writer knows.
    fn lock(&mut self) -> Result<(), StoreError> {
        if self.contended {
            // The lock is not fair: without a pause the others would rarely see it free.
            thread::sleep(Duration::from_micros(fastrand::u64(300..900)));
        }
        let begun = Instant::now();
        loop {
            let waited = wait_for_lock(
                &mut self.ground,
                &self.current.file,
                &self.current.path,
                begun,
            )?;
            self.contended = waited;
            if is_same_file(&self.current.file, &self.current.path)? {
                return Ok(());
            }
            let removed = match &self.mark {
                Some(mark) => mark.check_removed(&self.dir, &self.log, &self.current),
                None => Ok(()),
            };
            // Dropping the old file lets go of its lock; one that is kept must not keep others waiting.
            if let Err(error) = removed.and_then(|()| self.open_last()) {
                drop(self.current.file.unlock());
                return Err(error);
            }
        }
    }

    fn open_last(&mut self) -> Result<(), StoreError> {
        let seg = segments::last(&self.dir, &self.log)?;
        let path = segments::path(&self.dir, &self.log, seg);
        let file = opened::to_append(&path)?;
        self.switch_to(Segment { seg, path, file });
        Ok(())
    }

    fn switch_to(&mut self, segment: Segment) {
        self.current = segment;
        (self.left, self.mark) = (None, None);
        self.reserved_to = 0;
    }

    fn append_locked(
        &mut self,
        batches: &[Vec<Body>],
        results: &mut [Result<Vec<Entry>, StoreError>],
    ) -> Result<(), StoreError> {
        self.reach.look();
        let mut end = self.end()?;
        let place = (self.dir.as_path(), &self.log);
        self.seen
            .check(self.mark.as_ref(), place, &self.current, &end)?;
        // On a full disk the room set aside is in this segment: the last words on actions in flight go there. Also where an
        // earlier sync of it failed: a new one may have room for nothing, and a last word that may be lost is better than none.
        while end.ended
            || (self.left_failed == Some(self.current.seg) && !self.full)
            || (end.size >= self.ground.rotate_at && !self.full)
        {
            let path = &self.current.path;
            self.reach.check(&self.log, &end, path)?;
            end = self.next_segment(&end)?;
        }
        let path = &self.current.path;
        self.reach.check(&self.log, &end, path)?;
        self.forget_failure();
        if let Some(condition) = self.condition.take() {
            let (dir, log) = (self.dir.as_path(), &self.log);
            condition(&LogStanding { dir, log }).map_err(|reason| StoreError::Unmet { reason })?;
        }
        let mut lines = self.begin_lines(&end)?;
        let mut class_a = end.torn.is_some() || end.must_start;
        let mut any = end.torn.is_some() || end.lacks_line_feed;
        let now = Instant::now();
        for (bodies, result) in batches.iter().zip(results.iter_mut()) {
            if result.is_err() {
                continue;
            }
            let (len, n, h) = (lines.bytes.len(), lines.n, lines.h);
            *result = bodies
                .iter()
                .map(|body| self.encode(&mut lines, body))
                .collect();
            if result.is_err() {
                lines.bytes.truncate(len);
                (lines.n, lines.h) = (n, h);
            } else {
                any |= !bodies.is_empty();
                class_a |= bodies.iter().any(|body| body.class() == Class::A);
                for body in bodies {
                    self.sealer.count(body, now);
                }
            }
        }
        let sealed = self.seal_lines(end.size, &mut lines, now)?;
        if !any && sealed.is_none() {
            self.leave(end);
            return Ok(());
        }
        let written = self.write(end.size, &lines, class_a || sealed.is_some());
        written.map_err(|error| self.in_part(end.size, error))?;
        self.count_foreign(&end);
        let key = self.sealer.public_hex();
        let told = results.iter().flatten().flatten().chain(&sealed);
        self.syslog.anchor(&key, told);
        self.sealer.forget();
        Ok(())
    }

    /// Adds the checkpoint, if one is due, to lines that will stand behind `size` bytes.
    fn seal_lines(
        &mut self,
        size: u64,
        lines: &mut Lines,
        now: Instant,
    ) -> Result<Option<Entry>, StoreError> {
        let standing = Standing {
            log: self.log.as_str(),
            session: self.session.as_str(),
            n: lines.n,
            h: lines.h,
            size: size + lines.bytes.len() as u64,
        };
        let Some(body) = self.sealer.checkpoint(&standing, now) else {
            return Ok(None);
        };
        let entry = self.encode(lines, &body)?;
        self.sealer.sealed(now);
        Ok(Some(entry))
    }

    /// Looks at the end of the current segment; the lock must be held.
    fn end(&mut self) -> Result<End, StoreError> {
        let path = &self.current.path;
        let size = self
            .current
            .file
            .metadata()
            .map_err(StoreError::io("look at", path))?
            .len();
        if let Some(mark) = &self.mark {
            mark.check(&self.current.file, size, path)?;
        }
        if let Some(left) = self.left.take().filter(|left| left.size == size) {
            return Ok(left);
        }
        if let Some(end) = find_end(&self.current.file, self.current.seg, size, path)? {
            let behind = |mark: &Mark| mark.check_behind(&end, path);
            return self.mark.as_ref().map_or(Ok(()), behind).map(|()| end);
        }
        // Nothing in this segment is whole: the chain goes on from the segment before.
        let torn = Torn::of(&read_at(&self.current.file, 0, size, path)?);
        let (mut n, mut h) = (0, ChainHash::GENESIS);
        if self.current.seg > 1 {
            let path = segments::path(&self.dir, &self.log, self.current.seg - 1);
            let file = opened::to_read(&path)?;
            let size = file
                .metadata()
                .map_err(StoreError::io("look at", &path))?
                .len();
            if let Some(before) = find_end(&file, self.current.seg - 1, size, &path)? {
                (n, h) = (before.n, before.h);
            }
        }
        let lacks_line_feed =
            size > 0 && read_at(&self.current.file, size - 1, 1, &self.current.path)? != b"\n";
        let must_start = self.current.seg > 1;
        Ok(End {
            size,
            n,
            h,
            lacks_line_feed,
            torn,
            must_start,
            ended: false,
        })
    }

    /// Ends the current segment, if its last record did not, and goes on in the next one, locked.
    fn next_segment(&mut self, end: &End) -> Result<End, StoreError> {
        let (next, path) = segments::following(&self.dir, &self.log, self.current.seg)?;
        if end.ended {
            // Written by another, who may have died before its sync: the next segment must not outlive this end.
            self.sync_current()?;
        } else {
            let mut lines = self.begin_lines(end)?;
            self.encode(&mut lines, &Body::SegmentEnd { next })?;
            self.write(end.size, &lines, true)?;
            self.count_foreign(end);
        }
        let file = segments::make(&self.dir, &path, &mut *self.ground.disk)?;
        wait_for_lock(&mut self.ground, &file, &path, Instant::now())?;
        let closed = self
            .current
            .file
            .set_permissions(Permissions::from_mode(0o400));
        closed.map_err(StoreError::io("close", &self.current.path))?;
        self.switch_to(Segment {
            seg: next,
            path,
            file,
        });
        self.end()
    }

    /// Begins a write with what the end of the file asks for.
    fn begin_lines(&self, end: &End) -> Result<Lines, StoreError> {
        let mut lines = Lines {
            bytes: Vec::new(),
            n: end.n,
            h: end.h,
        };
        if end.lacks_line_feed {
            lines.bytes.push(b'\n');
        }
        if let Some(torn) = &end.torn {
            self.encode(&mut lines, &torn.name)?;
        }
        if end.must_start {
            let prev_h = lines.h.to_string();
            self.encode(&mut lines, &Body::SegmentStart { prev_h })?;
        }
        Ok(lines)
    }

    fn encode(&self, lines: &mut Lines, body: &Body) -> Result<Entry, StoreError> {
        let introduced = self.sealer.introduce(body);
        let body = introduced.as_ref().unwrap_or(body);
        let (line, entry) = encode_line(&Draft {
            log: &self.log,
            seg: self.current.seg,
            n: lines.n + 1,
            ts: self.ground.clock.wall(),
            boot_us: self.ground.clock.boot_us(),
            host: &self.identity.host,
            uid: self.identity.uid,
            user: &self.identity.user,
            pid: std::process::id(),
            sess: &self.session,
            body,
            prev: lines.h,
        })?;
        lines.bytes.extend_from_slice(&line);
        (lines.n, lines.h) = (entry.n, entry.h);
        Ok(entry)
    }

    /// Writes lines in one go, and syncs them when asked to.
    fn write(&mut self, size: u64, lines: &Lines, sync: bool) -> Result<(), StoreError> {
        let (len, file, path) = (lines.bytes.len(), &self.current.file, &self.current.path);
        let after = size + len as u64;
        if after + RESERVE / 2 > self.reserved_to {
            let reserved = self.ground.disk.reserve(file, after, RESERVE);
            // Not every file system can; then only the refusal of new actions keeps room. A full disk may have room later.
            if !reserved.is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) {
                self.reserved_to = after + RESERVE;
            }
        }
        let written = self.ground.disk.write(file, &lines.bytes);
        self.unsynced = true;
        let written = written.map_err(StoreError::io("write", path))?;
        if written != len {
            return Err(StoreError::Short {
                path: path.clone(),
                written,
                len,
            });
        }
        if sync {
            self.sync_current()?;
        }
        self.leave(End {
            size: after,
            n: lines.n,
            h: lines.h,
            lacks_line_feed: false,
            torn: None,
            must_start: false,
            ended: false,
        });
        if sync {
            self.settled();
        }
        Ok(())
    }
}
