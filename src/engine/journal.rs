//! Records first, tells after: every record of this process goes through here, and what is durable is folded and told.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::probe::Probe;
use crate::app::message::Message;
use crate::domain::audit::{Body, Entry};
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::fault::Fault;
use crate::domain::ids::{ActionId, PlanId, SessionId};
use crate::domain::text::Untrusted;
use crate::safe;
use crate::store::audit::{AuditLog, Free, Place, StoreError};

/// The audit log with the fold of its records.
#[derive(Clone)]
pub struct Journal {
    log: AuditLog,
    ledger: Arc<Mutex<Ledger>>,
    head: Arc<Mutex<Option<Entry>>>,
    messages: mpsc::Sender<Message>,
    /// How far the log was read for the records of other processes; one reading at a time.
    foreign: Arc<tokio::sync::Mutex<Foreign>>,
    probe: Arc<dyn Probe>,
    /// What the console was told last: that the log fails, that its disk is nearly full.
    told: Arc<Mutex<(bool, bool)>>,
}

/// How far the log was read.
#[derive(Default)]
struct Foreign {
    /// Number of the last record that was looked at.
    n: u64,
    /// Where it ends.
    place: Place,
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
            foreign: Arc::new(tokio::sync::Mutex::new(Foreign {
                n: entries.last().map_or(0, |entry| entry.n),
                place: Place::default(),
            })),
        }
    }

    /// Folds what other consoles of this user recorded meanwhile, and tells it.
    ///
    /// A log that cannot be read changes nothing: the next append will say so.
    pub async fn catch_up(&self) {
        // Two readings at once would fold a record twice, or an older one after a newer.
        let mut foreign = self.foreign.lock().await;
        let (log, place) = (self.log.clone(), foreign.place);
        let read = tokio::task::spawn_blocking(move || log.read_on(place)).await;
        let Ok(Ok((entries, place))) = read else {
            return;
        };
        let from = foreign.n;
        foreign.n = entries.last().map_or(from, |entry| entry.n.max(from));
        foreign.place = place;
        let own = self.log.session();
        let fresh: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| entry.n > from && entry.sess != *own)
            .collect();
        if fresh.is_empty() {
            return;
        }
        {
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in &fresh {
                ledger.apply(entry);
            }
        }
        drop(foreign);
        // Nobody listens any more only when the console is gone.
        let _ = self.messages.send(Message::Recorded(fresh)).await;
    }

    /// Records bodies in one write; when it returns well they are as durable as their class asks for.
    ///
    /// # Errors
    /// Gives the fault, after telling the console that no action will run.
    pub async fn record(&self, bodies: Vec<Body>) -> Result<Vec<Entry>, Fault> {
        let name = bodies.first().map_or("nothing", Body::type_name).to_owned();
        self.probe.pass(&format!("before {name}")).await;
        let appended = self.append(bodies).await;
        self.probe.pass(&format!("after {name}")).await;
        appended
    }

    /// Records bodies as [`Self::record`] does; their place in the log is fixed by the call, not by the first poll.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn append(
        &self,
        bodies: Vec<Body>,
    ) -> impl Future<Output = Result<Vec<Entry>, Fault>> + Send + use<> {
        let appended = self.log.append(bodies);
        let journal = self.clone();
        async move { journal.fold(appended.await).await }
    }

    async fn fold(&self, appended: Result<Vec<Entry>, StoreError>) -> Result<Vec<Entry>, Fault> {
        match appended {
            Ok(entries) => {
                {
                    let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
                    for entry in &entries {
                        ledger.apply(entry);
                    }
                }
                {
                    let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
                    let before = head.as_ref().map_or(0, |entry| entry.n);
                    // Of two appends the first may be answered last.
                    if let Some(last) = entries.last().filter(|entry| entry.n > before) {
                        *head = Some(last.clone());
                    }
                }
                // Nobody listens any more only when the console is gone; the record stands either way.
                let _ = self.messages.send(Message::Recorded(entries.clone())).await;
                Ok(entries)
            }
            Err(error) => {
                let fault = fault_of(&error);
                self.told.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
                let _ = self
                    .messages
                    .send(Message::AuditFailed(fault.clone()))
                    .await;
                Err(fault)
            }
        }
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
        }
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
