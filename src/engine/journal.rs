//! Records first, tells after: every record of this process goes through here, and what is durable is folded and told.

mod attempt;
mod doubt;
mod notices;
mod others;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

use self::doubt::Doubt;
use super::probe::Probe;
use crate::app::message::Message;
use crate::domain::audit::{Body, ChainHash, Entry};
use crate::domain::containment::caps::CapWord;
use crate::domain::containment::counted::Counted;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::fault::Fault;
use crate::domain::ids::{ActionId, PlanId, SessionId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::{AuditLog, Free, Place, StoreError};

/// The audit log with the fold of its records.
#[derive(Clone)]
pub struct Journal {
    log: AuditLog,
    ledger: Arc<Mutex<Ledger>>,
    head: Arc<Mutex<Option<Entry>>>,
    messages: mpsc::Sender<Message>,
    /// How far the log is folded; one folds at a time, so that records are folded and told by their numbers.
    folded: Arc<tokio::sync::Mutex<Folded>>,
    probe: Arc<dyn Probe>,
    /// What the console was told last: that the log fails, that its disk is nearly full.
    told: Arc<Mutex<(bool, bool)>>,
    /// Whether it was told that the head of the log is not remembered.
    told_head: Arc<AtomicBool>,
    /// Of how many bytes it was told that they are no records and stood at the end of the log.
    told_foreign: Arc<AtomicU64>,
    /// Whether the log can be relied on.
    doubt: Arc<Doubt>,
    /// That it takes records again after it failed.
    again: Arc<Notify>,
    /// What the caps count: read from the file, never from memory.
    count: Arc<Mutex<Count>>,
}

/// The log as it is counted, and how far.
#[derive(Default)]
struct Count {
    counted: Counted,
    place: Place,
}

/// Why an append with a condition did not happen.
pub enum NotRecorded {
    /// The condition did not hold; nothing was recorded.
    Refused(Safe),
    /// The log failed, and the console was told.
    Failed(Fault),
}

/// How far the log is folded.
struct Folded {
    /// Number of the last record that is.
    n: u64,
    /// From where the log is read on; nothing that is not folded stands before it.
    place: Place,
    /// Records of our own that were read and folded before their append was answered.
    early: BTreeMap<u64, ChainHash>,
    /// Records of our own that are answered and wait for those before them, which could not be read.
    waiting: BTreeMap<u64, Entry>,
}

impl Folded {
    /// Gives the first of those that wait that is not among the records which were read: none, or another of its number.
    fn missing(&self, read: &[Entry]) -> Option<&Entry> {
        let stands = |own: &Entry| {
            let found = read.iter().rfind(|entry| entry.n == own.n);
            found.is_some_and(|found| found.h == own.h)
        };
        self.waiting.values().find(|own| !stands(own))
    }
}

impl Journal {
    /// Starts from the records that are there.
    pub fn new(
        log: AuditLog,
        entries: &[Entry],
        messages: mpsc::Sender<Message>,
        probe: Arc<dyn Probe>,
    ) -> Self {
        let mut ledger = Ledger::default();
        for entry in entries {
            ledger.apply(entry);
        }
        Self {
            log,
            ledger: Arc::new(Mutex::new(ledger)),
            head: Arc::new(Mutex::new(entries.last().cloned())),
            messages,
            probe,
            told: Arc::default(),
            told_head: Arc::default(),
            told_foreign: Arc::default(),
            doubt: Arc::default(),
            again: Arc::default(),
            count: Arc::default(),
            folded: Arc::new(tokio::sync::Mutex::new(Folded {
                n: entries.last().map_or(0, |entry| entry.n),
                place: Place::default(),
                early: BTreeMap::new(),
                waiting: BTreeMap::new(),
            })),
        }
    }

    /// Folds what other consoles of this user recorded meanwhile, and tells it; `false` where it cannot be read.
    ///
    /// A log that cannot be read changes nothing, and one that was changed takes nothing any more: the next append will
    /// say so.
    pub async fn catch_up(&self) -> bool {
        let mut folded = self.folded.lock().await;
        let Ok(Some((entries, place))) = self.read_behind(&folded).await else {
            return false;
        };
        let own = self.log.session();
        // A record of our own that is not answered yet is not known to be durable: it and what follows wait for it.
        let waits = |entry: &Entry| {
            entry.sess == *own && is_answered(&entry.body) && !folded.waiting.contains_key(&entry.n)
        };
        let known: Vec<Entry> = entries
            .iter()
            .take_while(|entry| !waits(entry))
            .cloned()
            .collect();
        if known.len() == entries.len() {
            folded.place = place;
        }
        self.apply(&mut folded, known).await;
        true
    }

    /// Reads the records behind those that are folded, once more where that fails or where one that waits is not among
    /// them; `None` where they cannot be read, which says nothing of the log: a segment was removed meanwhile, too many files
    /// are open.
    ///
    /// # Errors
    /// When one that waits is not in the log any more, or one is not what this host remembers: nothing is taken any more.
    async fn read_behind(
        &self,
        folded: &Folded,
    ) -> Result<Option<(Vec<Entry>, Place)>, StoreError> {
        let mut read = self.behind(folded).await;
        let is_whole = read
            .as_ref()
            .is_some_and(|(entries, _)| folded.missing(entries).is_none());
        if !is_whole {
            read = self.behind(folded).await;
        }
        let Some((entries, place)) = read else {
            return Ok(None);
        };
        // What another console wrote and somebody rewrote before it was read here must not be folded.
        if let Some(entry) = self.log.forged(&entries) {
            return Err(self.log.distrust(entry));
        }
        match folded.missing(&entries) {
            Some(entry) => Err(self.log.distrust(entry)),
            None => Ok(Some((entries, place))),
        }
    }

    /// Reads the records behind those that are folded, in their order.
    async fn behind(&self, folded: &Folded) -> Option<(Vec<Entry>, Place)> {
        let (log, place, n) = (self.log.clone(), folded.place, folded.n);
        let read = tokio::task::spawn_blocking(move || log.read_on(place)).await;
        let (mut entries, place) = read.ok()?.ok()?;
        // By its place where it was read again: in a log that was broken before this start, numbers may stand twice.
        let head = self.head().map(|head| (head.n, head.h));
        let is_head = |entry: &Entry| Some((entry.n, entry.h)) == head;
        if let Some(at) = entries.iter().rposition(is_head) {
            entries = entries.split_off(at + 1);
        }
        entries.retain(|entry| entry.n > n);
        Some((entries, place))
    }

    /// Folds and tells records that come next.
    async fn apply(&self, folded: &mut Folded, entries: Vec<Entry>) {
        let Some(last) = entries.last() else {
            return;
        };
        folded.n = last.n;
        folded.waiting.retain(|n, _| *n > last.n);
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(last.clone());
        {
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in &entries {
                ledger.apply(entry);
            }
        }
        // Nobody listens any more only when the console is gone; the records stand either way.
        let _ = self.messages.send(Message::Recorded(entries)).await;
    }

    /// Records bodies in one write; when it returns well they are as durable as their class asks for.
    ///
    /// # Errors
    /// Gives the fault, after telling the console that no action will run.
    pub async fn record(&self, bodies: Vec<Body>) -> Result<Vec<Entry>, Fault> {
        let recorded = self.try_record(bodies).await;
        recorded.map_err(|error| fault_of(&error))
    }

    /// Records bodies as [`Self::record`] does; their place in the log is fixed by the call, not by the first poll.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn append(
        &self,
        bodies: Vec<Body>,
    ) -> impl Future<Output = Result<Vec<Entry>, Fault>> + Send + use<> {
        let appended = self.try_append(bodies);
        async move { appended.await.map_err(|error| fault_of(&error)) }
    }

    async fn fold(
        &self,
        appended: Result<Vec<Entry>, StoreError>,
    ) -> Result<Vec<Entry>, StoreError> {
        let folded = match appended {
            Ok(entries) => {
                let folded = self.fold_own(&entries).await;
                folded.map(|()| entries).map_err(StoreError::perhaps)
            }
            Err(error) => Err(error),
        };
        match folded {
            Ok(entries) => {
                let ends = |entry: &Entry| matches!(entry.body, Body::SessionClose { .. });
                if entries.iter().any(ends) {
                    self.log.remember().await;
                }
                // What failed before, as with a lock that was held for long, is over: nobody should read that it is not.
                if self.tells_of_failure() {
                    self.look().await;
                }
                Ok(entries)
            }
            Err(error) => {
                self.told.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
                let fault = fault_of(&error);
                let _ = self.messages.send(Message::AuditFailed(fault)).await;
                Err(error)
            }
        }
    }

    /// Tells whether the console was told that the log fails.
    pub(super) fn tells_of_failure(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Looks whether the log takes actions and how much room it has, and tells the console when that changed.
    pub async fn look(&self) {
        // Nothing is written by it, but it takes the lock and measures the disk as every append does.
        let appended = self.log.append(Vec::new()).await;
        let health = self.log.health();
        let full = health.free.filter(|free| free.refuses_actions());
        let full = full.map(|free| StoreError::Full { free });
        let fault = health.failed.or(full).or(appended.err());
        let low = health.free.filter(|free| free.is_low()).map(low);
        let now = (fault.is_some(), low.is_some());
        let before = std::mem::replace(
            &mut *self.told.lock().unwrap_or_else(PoisonError::into_inner),
            now,
        );
        if before != now {
            let fault = fault.as_ref().map(fault_of);
            // Nobody listens any more only when the console is gone.
            let _ = self
                .messages
                .send(Message::AuditLooked { fault, low })
                .await;
            if before.0 && !now.0 {
                self.again.notify_one();
            }
        }
        self.log.remember().await;
        self.notice_head().await;
        self.notice_foreign().await;
    }

    /// Folds records of our own that are durable now, after those of lower numbers: of two appends the first may be
    /// answered last, and other processes write in between. Where those cannot be read, ours wait for the next reading.
    ///
    /// # Errors
    /// When they do not go on from what is folded: the log was changed under us, and nothing is taken any more. The writer
    /// looks for that before it writes; what it did not see must not be folded over, or not at all, without a word.
    async fn fold_own(&self, entries: &[Entry]) -> Result<(), StoreError> {
        // Said at once: who quits now would never hear of it.
        self.notice_foreign().await;
        let mut folded = self.folded.lock().await;
        let done = folded.n;
        let is_done = |entry: &&Entry| entry.n <= done;
        for entry in entries.iter().filter(is_done) {
            // An append that was answered sooner folded it. Any other record had its number before.
            if folded.early.remove(&entry.n) != Some(entry.h) {
                return Err(self.log.distrust(entry));
            }
        }
        let fresh = entries.iter().filter(|entry| !is_done(entry));
        let fresh: Vec<Entry> = fresh.cloned().collect();
        let Some(first) = fresh.first() else {
            return Ok(());
        };
        if first.n == done + 1 {
            if !self.goes_on(first) {
                return Err(self.log.distrust(first));
            }
            self.apply(&mut folded, fresh).await;
        } else {
            let fresh = fresh.into_iter().map(|entry| (entry.n, entry));
            folded.waiting.extend(fresh);
        }
        self.fold_waiting(&mut folded).await
    }

    /// Folds records of our own that wait, and all that stands before them: an append that is answered was synced after it.
    ///
    /// # Errors
    /// As [`Self::read_behind`].
    async fn fold_waiting(&self, folded: &mut Folded) -> Result<(), StoreError> {
        let Some(last) = folded.waiting.keys().next_back().copied() else {
            return Ok(());
        };
        let Some((mut known, place)) = self.read_behind(folded).await? else {
            return Ok(());
        };
        let read = known.len();
        known.retain(|entry| entry.n <= last);
        if known.len() == read {
            folded.place = place;
        }
        let own = self.log.session();
        let is_early = |entry: &&Entry| {
            entry.sess == *own && is_answered(&entry.body) && !folded.waiting.contains_key(&entry.n)
        };
        let early = known.iter().filter(is_early);
        folded.early.extend(early.map(|entry| (entry.n, entry.h)));
        self.apply(folded, known).await;
        Ok(())
    }

    /// Tells whether a record that comes next names the last one that is folded as the one before.
    fn goes_on(&self, next: &Entry) -> bool {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        head.as_ref().is_none_or(|head| head.h == next.prev)
    }

    /// Records bodies as [`Self::record`] does, unless `check` refuses when no other process can write any more: what it is
    /// shown is every record before these. A log that cannot be read refuses by itself; one with holes is for `check` to judge.
    ///
    /// # Errors
    /// The refusal, or the fault of the log.
    pub async fn record_if(
        &self,
        bodies: Vec<Body>,
        check: impl FnOnce(&Counted) -> Option<Safe> + Send + 'static,
    ) -> Result<Vec<Entry>, NotRecorded> {
        match self.try_record_if(bodies, check).await {
            Err(StoreError::Unmet { reason }) => Err(NotRecorded::Refused(reason)),
            recorded => recorded.map_err(|error| NotRecorded::Failed(fault_of(&error))),
        }
    }

    /// Asks about every record that is in the file now, as [`Self::record_if`] does.
    pub async fn count(&self, judge: impl FnOnce(&Counted) -> CapWord + Send + 'static) -> CapWord {
        let (log, count) = (self.log.clone(), Arc::clone(&self.count));
        let counting = tokio::task::spawn_blocking(move || {
            let read = |place, take: &mut dyn FnMut(&[u8])| log.read_bytes(place, take);
            counted(&count, judge, read).unwrap_or_else(CapWord::Unreadable)
        });
        counting
            .await
            .unwrap_or_else(|_ended| CapWord::Unreadable("the caps were not counted".into()))
    }

    /// Gives one action as the records have it.
    pub fn action(&self, aid: &ActionId) -> Option<ActionView> {
        self.with(|ledger| ledger.get(aid).cloned())
    }

    /// Gives the actions of a plan, in their order.
    pub fn plan(&self, pid: &PlanId) -> Vec<ActionView> {
        self.with(|ledger| ledger.plan(pid).into_iter().cloned().collect())
    }

    /// Looks at the fold.
    pub fn with<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives the last record of this process's view, to be anchored.
    pub fn head(&self) -> Option<Entry> {
        self.head
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Gives the session of this process.
    pub fn session(&self) -> &SessionId {
        self.log.session()
    }

    /// Gives the id of the log.
    pub fn log_id(&self) -> String {
        self.log.log().to_string()
    }
}

/// Tells whether a record of our own comes through [`Journal::append`], which answers it; the others the log's writer
/// puts in by itself.
fn is_answered(body: &Body) -> bool {
    !matches!(
        body,
        Body::Checkpoint { .. }
            | Body::SegmentStart { .. }
            | Body::SegmentEnd { .. }
            | Body::LogRecovered { .. }
            | Body::SessionOpen { .. }
    )
}

/// Reads on and asks.
///
/// # Errors
/// Whatever keeps it from reading everything.
fn counted<T>(
    count: &Mutex<Count>,
    judge: impl FnOnce(&Counted) -> T,
    read: impl FnOnce(Place, &mut dyn FnMut(&[u8])) -> Result<Place, StoreError>,
) -> Result<T, Safe> {
    // After a panic in the middle of a fold nobody knows what was counted.
    let Ok(mut count) = count.lock() else {
        return Err("the caps cannot be counted: counting failed before".into());
    };
    let Count { counted, place } = &mut *count;
    match read(*place, &mut |bytes| counted.feed(bytes)) {
        Ok(next) => *place = next,
        Err(error) => {
            // A part may have been fed: the next reading starts anew.
            *count = Count::default();
            return Err(safe!("the caps cannot be counted: {}", error.shown()));
        }
    }
    Ok(judge(counted))
}

/// Says a store error as a fault.
pub fn fault_of(error: &StoreError) -> Fault {
    Fault {
        what: error.shown(),
        hint: error.hint(),
    }
}

fn low(free: Free) -> Fault {
    let what = safe!("the disk of the audit log is nearly full: {}", free.shown());
    Fault::new(what).hint(
        "below 16 MiB or 1,000 files no action will run; `quell audit prune` removes old segments",
    )
}

/// Makes text of our own recordable.
pub fn own(text: impl Into<String>) -> Untrusted {
    Untrusted::new(text)
}
