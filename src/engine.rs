//! What runs in the background: polls, searches, responses, the outbox. Effects in, messages out.
//!
//! What must not live here: decisions (they are `app`'s), anything of the screen, vendors' words.

mod anchored;
mod answer;
mod approval;
mod change;
pub mod clock;
mod documents;
mod follow;
pub mod journal;
mod mirror;
mod outbox;
mod owed;
mod plan;
mod poll;
pub mod probe;
mod prove;
mod recover;
mod recovery;
mod removal;
mod respond;
mod search;
pub mod wall;
mod watch;
mod written;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::effect::Effect;
use crate::app::message::{Level, Message};
use crate::config::settings::Settings;
use crate::connect::capability::{ActivitySource, Cases, ConnectError, Identity};
use crate::domain::audit::{Body, Entry};
use crate::domain::containment::kind::ActionKind;
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, ActionId, ConnectionName, PlanId};
use crate::domain::one_time::OneTimeKind;
use crate::domain::operator::Operator;
use crate::domain::report::Target;
use crate::domain::text::{Safe, Untrusted};
use crate::store::audit::AuditLog;
use crate::store::lease::Lease;
use crate::store::places::Places;
use crate::store::systems::Hold;

pub use approval::person;
pub use plan::frozen;

use clock::{Clock, Pace};
use journal::Journal;
use probe::Probe;

/// Messages that may wait for the console.
pub const QUEUE: usize = 4096;

/// How long after the console was asked to end a step that was confirmed before may still begin.
const LAST_STEP: Duration = Duration::from_secs(8);

/// How long anything that is not a request in flight may take after the console was asked to end.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// Longest wait for a request in flight when the console ends: one that begins last, with its whole deadline and the
/// time to record its answer. It is not waited for longer than it takes.
const LAST_WAIT: Duration =
    Duration::from_secs(LAST_STEP.as_secs() + LAST_LOOK.as_secs() + respond::GUARD.as_secs() + 5);

/// Longest wait for the record that closes the session.
const LAST_RECORD: Duration = Duration::from_secs(5);

/// What the engine is started with.
pub struct Start {
    /// Whether the log is broken, or is not what this host remembers of it.
    pub in_doubt: bool,
    /// The configuration.
    pub settings: Arc<Settings>,
    /// Case systems.
    pub cases: Vec<Arc<dyn Cases>>,
    /// Where the activity of users is searched.
    pub activity: Vec<Arc<dyn ActivitySource>>,
    /// Where alerts are polled.
    pub alerts: Vec<Arc<dyn ActivitySource>>,
    /// Identity providers.
    pub identity: Vec<Arc<dyn Identity>>,
    /// The identity providers' own logs.
    pub identity_logs: Vec<Arc<dyn ActivitySource>>,
    /// The audit log.
    pub log: AuditLog,
    /// The records that are in it.
    pub entries: Vec<Entry>,
    /// What says that the state directory belongs to these systems, while this runs.
    pub systems: Option<Hold>,
    /// Directory of the leases.
    pub leases: PathBuf,
    /// Directory of the texts that are being written.
    pub drafts: PathBuf,
    /// While this file is there nothing is sent.
    pub freeze: PathBuf,
    /// The policy of the host.
    pub policy: PathBuf,
    /// What stood there when the settings were made; `None` where there was none.
    pub policy_text: Option<String>,
    /// User of the operating system.
    pub os_user: Untrusted,
    /// The number of that user.
    pub uid: u32,
    /// Where addresses are.
    pub places: Arc<Places>,
    /// Where messages go.
    pub messages: mpsc::Sender<Message>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How long waits are.
    pub pace: Pace,
    /// What is passed at the named points.
    pub probe: Arc<dyn Probe>,
}

/// The running background; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    world: Arc<World>,
}

/// What all background tasks share.
struct World {
    settings: Arc<Settings>,
    cases: Vec<Arc<dyn Cases>>,
    activity: Vec<Arc<dyn ActivitySource>>,
    alerts: Vec<Arc<dyn ActivitySource>>,
    identity: Vec<Arc<dyn Identity>>,
    identity_logs: Vec<Arc<dyn ActivitySource>>,
    journal: Journal,
    // Held for its lock only.
    _systems: Option<Hold>,
    leases: PathBuf,
    freeze: PathBuf,
    policy: PathBuf,
    policy_text: Option<String>,
    os_user: Untrusted,
    uid: u32,
    places: Arc<Places>,
    messages: mpsc::Sender<Message>,
    clock: Arc<dyn Clock>,
    pace: Pace,
    probe: Arc<dyn Probe>,
    /// Ends everything that may end.
    stop: CancellationToken,
    /// Cancelled soon after `stop`: no step begins any more.
    closing: CancellationToken,
    /// Everything that runs.
    tasks: TaskTracker,
    /// Requests in flight: they finish before the process does.
    must_finish: TaskTracker,
    poke: Notify,
    searches: Mutex<HashMap<u64, CancellationToken>>,
    owners: Mutex<HashMap<ConnectionName, (AccountId, Untrusted)>>,
    operator: Mutex<Option<Operator>>,
    documenting: Mutex<HashSet<PlanId>>,
    drafts: documents::Drafts,
    proving: Mutex<HashSet<ActionId>>,
    /// What could not be recorded of actions that were sent.
    owed: owed::Owed,
    /// Actions this process took over: each is said once, however often it is looked at.
    adopted: Mutex<HashSet<ActionId>>,
    /// Actions whose secret waits here to be seen: held, so that no other console calls it lost.
    handed: Mutex<HashMap<ActionId, Lease>>,
    /// What the watches rang for because it could not be recorded: what was seen, by the action that began the watch.
    rung: Mutex<HashSet<(ActionId, Untrusted)>>,
    /// What the watched accounts were read to be called.
    names: watch::Names,
    /// What was said of comments that are not shown, by their mark: each is said once, however often it is looked for.
    missing: Mutex<HashSet<(String, Safe)>>,
}

impl Engine {
    /// Starts polling and picks up what an earlier process left unfinished.
    pub fn start(start: Start) -> Self {
        let journal = Journal::new(
            start.log,
            &start.entries,
            start.messages.clone(),
            Arc::clone(&start.probe),
        );
        journal.doubt(start.in_doubt);
        let world = Arc::new(World {
            settings: start.settings,
            cases: start.cases,
            activity: start.activity,
            alerts: start.alerts,
            identity: start.identity,
            identity_logs: start.identity_logs,
            journal,
            _systems: start.systems,
            leases: start.leases,
            freeze: start.freeze,
            policy: start.policy,
            policy_text: start.policy_text,
            os_user: start.os_user,
            uid: start.uid,
            places: start.places,
            messages: start.messages,
            clock: start.clock,
            pace: start.pace,
            probe: start.probe,
            stop: CancellationToken::new(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            must_finish: TaskTracker::new(),
            poke: Notify::new(),
            searches: Mutex::default(),
            owners: Mutex::default(),
            operator: Mutex::default(),
            documenting: Mutex::default(),
            drafts: documents::Drafts::new(start.drafts),
            proving: Mutex::default(),
            owed: owed::Owed::default(),
            adopted: Mutex::default(),
            handed: Mutex::default(),
            rung: Mutex::default(),
            names: watch::Names::default(),
            missing: Mutex::default(),
        });
        poll::start(&world);
        world.spawn(outbox::retry(Arc::clone(&world)));
        world.spawn(documents::retry(Arc::clone(&world)));
        world.spawn(watch::drift(Arc::clone(&world)));
        world.spawn(watch::log(Arc::clone(&world)));
        world.spawn(follow::others(Arc::clone(&world)));
        world.spawn(watch::successes(Arc::clone(&world)));
        world.spawn(watch::recoveries(Arc::clone(&world)));
        Self { world }
    }

    /// Performs one effect; it answers with messages later and never blocks.
    pub fn perform(&self, effect: Effect) {
        self.perform_for(effect, None);
    }

    /// Performs one effect; under a number the console hears whether it is on record.
    fn perform_for(&self, effect: Effect, number: Option<u64>) {
        let world = Arc::clone(&self.world);
        match effect {
            Effect::PollNow => world.poke.notify_waiters(),
            Effect::ReadCase(case) => self.world.spawn(poll::read_case(world, case)),
            Effect::ReadAccount { case, name } => {
                self.world.spawn(poll::read_account(world, case, name));
            }
            Effect::ReadLeft { case, account } => {
                self.world.spawn(removal::read(world, case, account));
            }
            Effect::SearchActivity(search) => search::start(&world, search),
            Effect::SearchOlder { search, until } => search::older(&world, search, until),
            Effect::SearchSource(asked) => self.world.spawn(search::trace(world, asked)),
            Effect::StopSearch(number) => world.stop_search(number),
            Effect::MakePlan {
                case,
                account,
                asked_for,
                kinds,
                items,
                window,
            } => {
                let what = (kinds, items, window);
                self.world
                    .spawn(plan::make(world, case, account, asked_for, what));
            }
            // Asking and waiting may end with the console: the request is on record, and nothing is sent without it.
            Effect::Contain(plan) if plan.plan().waits() => {
                self.world.spawn(approval::ask(world, *plan));
            }
            Effect::Contain(plan) => {
                // Not cancelled with the rest: what was confirmed is carried to a recorded state. The token is taken here,
                // so that an end right after the confirmation waits for it.
                let finish = world.must_finish.token();
                let task = respond::carry_out(world, *plan, finish);
                self.world.tasks.spawn(task);
            }
            Effect::ReadComments(case) => self.world.spawn(approval::comments(world, case)),
            Effect::ReadTasks(case) => self.world.spawn(mirror::read(world, case)),
            // What is on its way when the console ends is found by its mark at the next start.
            Effect::MakeTasks { case, tasks } => self.world.spawn(mirror::make(world, case, tasks)),
            Effect::SetTasks(states) => self.finish(mirror::wish(world, states)),
            // Not cancelled: a change that was promised is carried to a recorded end.
            Effect::ChangeCases { cases, change } => self.finish(change::all(world, cases, change)),
            Effect::MergeCases(cases) => self.finish(change::merge(world, cases)),
            Effect::ReadSimilar(case) => self.world.spawn(change::similar(world, case)),
            Effect::CatchUp => self.world.spawn(async move {
                let every = world.pace.of(follow::LOOK) / 10;
                let is_read = world.journal.catch_up_whole(every).await;
                world.tell(Message::CaughtUp(is_read)).await;
            }),
            Effect::LookBeforeClosing(cases) => self.world.spawn(change::look(world, cases)),
            Effect::ReadRequest { case, comment } => {
                self.world.spawn(answer::look_into(world, case, comment));
            }
            Effect::Answer(given) => self.finish(answer::answer(world, *given)),
            Effect::CheckAgain(aid) => self.world.spawn(prove::again(world, aid)),
            Effect::Record(bodies) => self.finish(written::record(world, bodies, number)),
            Effect::Written { number, effect } => self.perform_for(*effect, Some(number)),
            Effect::Document(pid) => self.world.spawn(outbox::asked(world, pid)),
            // Not cancelled either: a note that was written is on disk before the console ends.
            Effect::PostNote {
                case,
                text,
                phase,
                drafted,
                decided,
            } => {
                let phase = phase.map(|phase| phase.code().to_owned());
                let draft = drafted.then(|| Target::note(case.clone()));
                let decided = decided.map(|decided| *decided).into_iter().collect();
                let of = (phase, draft);
                self.finish(outbox::note(world, case, text, of, decided, number));
            }
            Effect::PostEvent { case, text, said } => {
                self.finish(outbox::event(world, case, text, *said));
            }
            Effect::OpenDraft(target) => self.world.spawn(documents::open(world, target)),
            Effect::SaveDraft { target, text } => documents::save(&world, &target, text),
            Effect::CloseDraft(target) => documents::close(&world, &target),
            Effect::PostDocument { target, text, by } => {
                self.finish(documents::post(world, target, (text, by), number));
            }
            // These are the loop's own.
            Effect::Quit | Effect::Redraw | Effect::Bell | Effect::Suspend | Effect::Copy(_) => {}
        }
    }

    /// Runs a task that the end waits for.
    fn finish(&self, task: impl Future<Output = ()> + Send + 'static) {
        let token = self.world.must_finish.token();
        self.world.tasks.spawn(async move {
            task.await;
            drop(token);
        });
    }

    /// Ends polling and reading back, waits for requests in flight, closes the session.
    pub async fn end(self, reason: &str) {
        self.world.stop.cancel();
        self.world.must_finish.close();
        let closing = self.world.closing.clone();
        let close = async {
            tokio::time::sleep(LAST_STEP).await;
            closing.cancel();
            std::future::pending::<()>().await;
        };
        // What is still in flight after this has its intent on disk and is found at the next start.
        tokio::select! {
            _ = tokio::time::timeout(LAST_WAIT, self.world.must_finish.wait()) => {}
            () = close => {}
        }
        let closed = Body::SessionClose {
            reason: reason.to_owned(),
        };
        // A log that fails or hangs now leaves the session without an end, which verify says.
        let _ = tokio::time::timeout(LAST_RECORD, self.world.journal.record(vec![closed])).await;
    }
}

impl World {
    /// Runs a task that ends with the console.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    async fn tell(&self, message: Message) {
        // The console is gone only when the process ends.
        let _ = self.messages.send(message).await;
    }

    /// Hands a failure of a connection on, counted.
    async fn troubled(&self, source: &ConnectionName, error: ConnectError) -> Fault {
        if let Some(how) = error.trouble() {
            let source = source.clone();
            self.tell(Message::Troubled { source, how }).await;
        }
        Fault::from(error)
    }

    async fn notice(&self, level: Level, fault: Fault) {
        self.tell(Message::Noticed { level, fault }).await;
    }

    /// Waits; `false` when the console ends meanwhile.
    async fn pause(&self, nominal: Duration) -> bool {
        self.pause_by_the_clock(self.pace.of(nominal)).await
    }

    /// Waits for a clock that is not ours, which no pace makes faster; `false` when the console ends meanwhile.
    async fn pause_by_the_clock(&self, time: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// Passes once the console was asked to end and what is no request in flight had its time.
    async fn ending(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(LAST_LOOK).await;
    }

    fn identity(&self, name: &ConnectionName) -> Option<Arc<dyn Identity>> {
        self.identity
            .iter()
            .find(|one| one.connection() == name)
            .map(Arc::clone)
    }

    /// Says how to reset a password once more at a provider: where it is no password of ours that is sent, it is a link.
    fn reset_again(&self, name: &ConnectionName) -> &'static str {
        let is_link = |one: Arc<dyn Identity>| !one.takes_password(ActionKind::ResetPassword);
        if self.identity(name).is_some_and(is_link) {
            OneTimeKind::Link.again()
        } else {
            OneTimeKind::Password.again()
        }
    }

    fn case_system(&self, name: &ConnectionName) -> Option<Arc<dyn Cases>> {
        self.cases
            .iter()
            .find(|one| one.connection() == name)
            .map(Arc::clone)
    }

    fn stop_search(&self, number: u64) {
        let token = self
            .searches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&number);
        if let Some(token) = token {
            token.cancel();
        }
    }

    /// Gives whose token a connection uses; asked once, kept.
    async fn owner(&self, identity: &dyn Identity) -> Result<(AccountId, Untrusted), Fault> {
        let known = self
            .owners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(identity.connection())
            .cloned();
        if let Some(owner) = known {
            return Ok(owner);
        }
        let owner = identity.own_account().await?;
        self.owners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(identity.connection().clone(), owner.clone());
        Ok(owner)
    }
}
