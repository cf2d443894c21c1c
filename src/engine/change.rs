//! Changes of cases in their case system: claims, closings, merges. Read before, promised, sent once, read after.
//!
//! The case systems have no conditional write, so a case is read right before and right after: what somebody else did in
//! between is said and never overwritten by a second send. What must not live here: deciding what to change (`app`).

mod again;
mod closed;
mod merge;

use std::collections::BTreeSet;
use std::slice;
use std::sync::Arc;

use again::{Looked, look_at, prepare, still};
use closed::{shut, unseen_act};

pub(super) use again::FRESH;
pub(super) use closed::bears;
pub(super) use merge::merge;

use super::World;
use super::journal::{NotRecorded, own};
use super::plan::frozen;
use crate::app::message::{Changed, Level, Message};
use crate::config::settings::Mode;
use crate::connect::capability::{Cases, ConnectError, ConnectErrorKind};
use crate::domain::audit::{Body, CaseChanged, sha256_hex};
use crate::domain::case::{Case, Task};
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, RecordId};
use crate::domain::mirror::{CANCEL, COMPLETED};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::verdict::{CLAIM, CLOSE, CaseChange, Closing, RELEASE, marker, promised_text};
use crate::safe;
use crate::store::lease::{self, Lease};

/// Most cases that are listed as similar.
const SIMILAR_MAX: usize = 50;

/// Tells why nothing may be written, if so.
fn refused(world: &World) -> Option<Fault> {
    match world.settings.environment.mode {
        Mode::Live => frozen(&world.freeze).map(Fault::new),
        mode => Some(Fault::new(safe!("{}: nothing was sent", mode.word()))),
    }
}

/// Changes cases one after another, each with records of its own, and says how each went.
pub(super) async fn all(world: Arc<World>, cases: Vec<CaseId>, change: CaseChange) {
    let many = cases.len();
    let mut good = 0;
    for case in cases {
        let result = match refused(&world) {
            Some(fault) => Err(fault),
            None => one(&world, &case, &change).await,
        };
        good += usize::from(result.is_ok());
        let change = change.clone();
        let told = Message::CaseChanged {
            case,
            change,
            result,
        };
        world.tell(told).await;
    }
    if many > 1 {
        let line = safe!(
            "{}: {} of {} cases; the messages say each",
            change.kind(),
            good,
            many
        );
        let level = if good == many {
            Level::Info
        } else {
            Level::Warning
        };
        world.notice(level, Fault::new(line)).await;
    }
    // Everybody's next look shows it; ours should not wait for it.
    world.poke.notify_waiters();
}

fn system(world: &World, case: &CaseId) -> Result<Arc<dyn Cases>, Fault> {
    world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))
}

async fn one(world: &World, case: &CaseId, change: &CaseChange) -> Result<Changed, Fault> {
    let source = system(world, case)?;
    let source = source.as_ref();
    // Whose token it is, is asked before the case is read: nothing takes time between that and the promise.
    match change {
        CaseChange::Claim { seen } => {
            let me = me(source).await?;
            let looked = look_at(world, source, case).await?;
            claim(world, source, (&looked, &me), seen.as_ref()).await
        }
        CaseChange::Release => {
            let me = me(source).await?;
            let looked = look_at(world, source, case).await?;
            release(world, source, (&looked, &me)).await
        }
        CaseChange::Close(closing) => {
            let looked = look_at(world, source, case).await?;
            close(world, source, &looked, closing).await
        }
    }
}

async fn read(world: &World, source: &dyn Cases, case: &CaseId) -> Result<Case, Fault> {
    match source.case(case).await {
        Ok(now) => Ok(now),
        Err(error) => Err(unread(world, case, error).await),
    }
}

/// Says why a case could not be read.
async fn unread(world: &World, case: &CaseId, error: ConnectError) -> Fault {
    if error.kind == ConnectErrorKind::NotFound {
        return Fault::new("it is not in the case system any more; nothing was changed");
    }
    world.troubled(&case.connection, error).await
}

async fn me(source: &dyn Cases) -> Result<Untrusted, Fault> {
    let login = source.who_am_i().await?.login;
    login.ok_or_else(|| Fault::new("the case system does not say whose token this is"))
}

/// Promises a change, sends it once, and records how it went by what was read afterwards.
async fn sent<T>(
    world: &World,
    (source, looked): (&dyn Cases, &Looked),
    promise: CaseChanged,
    send: impl Future<Output = T>,
) -> Result<(RecordId, T), Fault> {
    let rid = promise.rid.clone();
    let at = world.clock.now().boot;
    world.journal.record(promised(promise)).await?;
    match still(world, source, (slice::from_ref(looked), at), |_| None).await {
        Ok(()) => Ok((rid, once(world, send).await)),
        Err(fault) => Err(failed(world, rid, fault).await),
    }
}

/// Gives the records that stand before a change is sent.
fn promised(promise: CaseChanged) -> Vec<Body> {
    let text = promised_text(&promise.kind, &promise.to, promise.comment.as_ref());
    let intent = Body::RecordIntent {
        rid: promise.rid.clone(),
        kind: promise.kind.clone(),
        case: promise.case.clone(),
        marker: marker(&promise.kind, &promise.rid),
        sha256: sha256_hex(text.as_bytes()),
        phase: None,
    };
    vec![Body::CaseChanged(promise), intent]
}

async fn once<T>(world: &World, send: impl Future<Output = T>) -> T {
    let answer = send.await;
    world.probe.pass("case.after").await;
    answer
}

/// Keeps other consoles from settling a change while this one works on it; the end of the process frees it.
struct Held<'a> {
    world: &'a World,
    rid: RecordId,
    /// Without it the others settle it by reading too.
    _lease: Option<Lease>,
}

impl<'a> Held<'a> {
    fn of(world: &'a World, promise: &CaseChanged) -> Self {
        Self {
            world,
            rid: promise.rid.clone(),
            _lease: lease::take(&world.leases, &promise.rid).ok().flatten(),
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        lease::clear(&self.world.leases, &self.rid);
    }
}

fn promise(
    world: &World,
    now: &Case,
    kind: &str,
    (from, to): (Untrusted, Untrusted),
) -> CaseChanged {
    CaseChanged {
        rid: RecordId::from_parts(world.clock.now().utc, super::clock::random()),
        case: now.id.clone(),
        kind: kind.to_owned(),
        from,
        to,
        comment: None,
    }
}

async fn proven(world: &World, rid: RecordId, id: &str) -> Result<(), Fault> {
    let done = Body::RecordDone { rid, id: own(id) };
    world.journal.record(vec![done]).await.map(drop)
}

async fn failed(world: &World, rid: RecordId, fault: Fault) -> Fault {
    let reason = own(fault.what.as_str());
    let failed = Body::RecordFailed {
        rid,
        reason,
        taken: None,
    };
    // The journal tells the console when it fails.
    let _ = world.journal.record(vec![failed]).await;
    fault
}

/// Tells whether a change may have happened, or may still, whatever its answer was.
fn may_happen<T>(answer: &Result<T, ConnectError>) -> bool {
    matches!(answer, Err(error) if error.kind == ConnectErrorKind::Unknown)
}

/// Says that nobody knows yet what came of a change: without a record of that it is settled by reading, here or in another
/// console, and until then it counts as one that may have happened.
fn unsettled(fault: &Fault) -> Fault {
    let what = safe!("whether it was done is not known yet: {}", fault.what);
    Fault::new(what).hint("the case is read until it is known; nothing is sent again")
}

/// Ends a change that did not happen as far as the case shows, unless it may still.
async fn undone<T>(
    world: &World,
    rid: RecordId,
    (answer, fault): (&Result<T, ConnectError>, Fault),
) -> Fault {
    if may_happen(answer) {
        unsettled(&fault)
    } else {
        failed(world, rid, fault).await
    }
}

/// Says whose a case is.
fn belongs(owner: Option<&Untrusted>) -> Safe {
    match owner {
        Some(owner) => safe!("it belongs to {}", owner.field()),
        None => "it belongs to nobody".into(),
    }
}

/// Says whose a case is instead.
fn lost(owner: Option<&Untrusted>) -> Fault {
    let what = safe!("the claim is lost: {}", belongs(owner));
    Fault::new(what).hint("nothing of theirs was overwritten")
}

async fn claim(
    world: &World,
    source: &dyn Cases,
    (looked, me): (&Looked, &Untrusted),
    seen: Option<&Untrusted>,
) -> Result<Changed, Fault> {
    let now = &looked.case;
    if now.assignee.as_ref() == Some(me) {
        return Ok(Changed::Already(Box::new(now.clone())));
    }
    if !now.status.is_open() {
        let word = now.vendor_status.field();
        return Err(Fault::new(safe!(
            "it is closed ({}); nothing was changed",
            word
        )));
    }
    // Whoever came first keeps it: what is claimed is what was on the screen.
    if now.assignee.as_ref() != seen {
        return Err(lost(now.assignee.as_ref()));
    }
    let from = now.assignee.clone().unwrap_or_default();
    let promise = promise(world, now, CLAIM, (from, me.clone()));
    let _held = Held::of(world, &promise);
    let send = source.assign(&now.id, Some(me));
    let (rid, answer) = sent(world, (source, looked), promise, send).await?;
    // Whatever the answer was, the case itself says whose it is.
    let after = match read(world, source, &now.id).await {
        Ok(after) => after,
        Err(fault) => return Err(unsettled(&fault)),
    };
    if after.assignee.as_ref() == Some(me) {
        proven(world, rid, now.id.raw()).await?;
        return Ok(Changed::Done(Box::new(after)));
    }
    let fault = match (&answer, after.assignee.as_ref() == seen) {
        (Err(error), true) => Fault::from(error.clone()),
        (Ok(()), true) => Fault::new("the claim was accepted but the owner is as before"),
        // It may still arrive, and overwrite them.
        (_, false) if may_happen(&answer) => Fault::new(belongs(after.assignee.as_ref())),
        (_, false) => lost(after.assignee.as_ref()),
    };
    Err(undone(world, rid, (&answer, fault)).await)
}

async fn release(
    world: &World,
    source: &dyn Cases,
    (looked, me): (&Looked, &Untrusted),
) -> Result<Changed, Fault> {
    let now = &looked.case;
    if now.assignee.as_ref() != Some(me) {
        let owner = now.assignee.as_ref();
        let what = match owner {
            Some(owner) => safe!("it belongs to {}; nothing was changed", owner.field()),
            None => "it belongs to nobody".into(),
        };
        return Err(Fault::new(what));
    }
    let promise = promise(world, now, RELEASE, (me.clone(), Untrusted::default()));
    let _held = Held::of(world, &promise);
    let send = source.assign(&now.id, None);
    let (rid, answer) = sent(world, (source, looked), promise, send).await?;
    if let Err(error) = &answer
        && !may_happen(&answer)
    {
        let hint = "it stays yours; a colleague takes it over with their own claim";
        return Err(failed(world, rid, error.clone().into()).await.hint(hint));
    }
    let after = match read(world, source, &now.id).await {
        Ok(after) => after,
        Err(fault) => return Err(unsettled(&fault)),
    };
    if after.assignee.as_ref() == Some(me) {
        let fault = match &answer {
            Err(error) => Fault::from(error.clone()),
            Ok(()) => Fault::new("the release was accepted but it is still yours"),
        };
        return Err(undone(world, rid, (&answer, fault)).await);
    }
    proven(world, rid, now.id.raw()).await?;
    Ok(Changed::Done(Box::new(after)))
}

/// Gives the tasks that are not settled.
fn open_tasks(tasks: &[Task]) -> Vec<&Task> {
    let open = |task: &&Task| ![COMPLETED, CANCEL].contains(&task.status.raw());
    tasks.iter().filter(open).collect()
}

/// Promises a closing, asked with the log locked: another console of this log may have contained the account a moment ago,
/// and one that is about to finds this record there.
async fn promised_close(
    world: &World,
    promise: CaseChanged,
    closing: &Closing,
) -> Result<(), Fault> {
    let (case, known) = (promise.case.clone(), closing.known.clone());
    let now = world.clock.now().utc;
    let recorded = world
        .journal
        .record_if(promised(promise), move |counted| {
            unseen_act(counted.ledger(), (&case, &known), now)
        })
        .await;
    match recorded {
        Ok(_) => Ok(()),
        Err(NotRecorded::Failed(fault)) => Err(fault),
        Err(NotRecorded::Refused(what)) => Err(Fault::new(what).hint("close it again to see it")),
    }
}

async fn close(
    world: &World,
    source: &dyn Cases,
    looked: &Looked,
    closing: &Closing,
) -> Result<Changed, Fault> {
    if let Some(fault) = shut(&looked.case) {
        return Err(fault);
    }
    let before = source.tasks(&looked.case.id).await?;
    let unseen: Vec<&Task> = open_tasks(&before)
        .into_iter()
        .filter(|task| !closing.open_tasks.contains(&task.id))
        .collect();
    if let Some(first) = unseen.first() {
        let what = safe!(
            "{} open tasks came meanwhile, such as {}; nothing was closed",
            unseen.len(),
            first.title.field()
        );
        return Err(Fault::new(what).hint("close it again to see them"));
    }
    // What it keeps of the case is read now: nothing may stand between the last look and the request.
    let (looked, request) = prepare(world, source, (&looked.case.id, closing)).await?;
    let now = &looked.case;
    if let Some(fault) = shut(now) {
        return Err(fault);
    }
    let mut promise = promise(
        world,
        now,
        CLOSE,
        (now.vendor_status.clone(), own(closing.verdict.key())),
    );
    promise.comment = Some(closing.comment.clone());
    let _held = Held::of(world, &promise);
    let rid = promise.rid.clone();
    let at = world.clock.now().boot;
    promised_close(world, promise, closing).await?;
    let utc = world.clock.now().utc;
    let ask = |ledger: &Ledger| unseen_act(ledger, (&now.id, &closing.known), utc);
    if let Err(fault) = still(world, source, (slice::from_ref(&looked), at), ask).await {
        return Err(failed(world, rid, fault).await);
    }
    let answer = once(world, source.close(&now.id, &request)).await;
    let (after, bears) = match bears(source, &now.id, closing).await {
        Ok(read) => read,
        Err(error) => {
            let fault = world.troubled(&now.id.connection, error).await;
            return Err(unsettled(&fault));
        }
    };
    if after.status.is_open() {
        let fault = match &answer {
            Err(error) => Fault::from(error.clone()),
            Ok(()) => Fault::new("the closing was accepted but the case is open"),
        };
        return Err(undone(world, rid, (&answer, fault)).await);
    }
    // Where the case system does not tell how it was closed, its answer has to.
    if !bears.unwrap_or(answer.is_ok()) {
        let fault = closed::otherwise(&after, &answer);
        return Err(undone(world, rid, (&answer, fault)).await);
    }
    proven(world, rid, now.id.raw()).await?;
    // Case systems are known to drop tasks that nobody had begun.
    if let Ok(there) = source.tasks(&now.id).await {
        let there: BTreeSet<&Untrusted> = there.iter().map(|task| &task.id).collect();
        let gone = before
            .iter()
            .filter(|task| !there.contains(&task.id))
            .count();
        if gone > 0 {
            let line = safe!("closing the case took {} of its tasks away", gone);
            world.notice(Level::Error, Fault::new(line)).await;
        }
    }
    Ok(Changed::Done(Box::new(after)))
}

/// Asks the case system for similar cases.
pub(super) async fn similar(world: Arc<World>, case: CaseId) {
    let result = match system(&world, &case) {
        Ok(source) => match source.similar(&case, SIMILAR_MAX).await {
            Ok(page) => Ok(page.items),
            Err(error) => Err(world.troubled(&case.connection, error).await),
        },
        Err(fault) => Err(fault),
    };
    world.tell(Message::SimilarRead { case, result }).await;
}

/// Reads what closing a case would leave open.
pub(super) async fn look(world: Arc<World>, cases: Vec<CaseId>) {
    // What other consoles of this log did is to be seen in the dialog, too.
    world.journal.catch_up().await;
    for case in cases {
        let result = match system(&world, &case) {
            Ok(source) => source.tasks(&case).await.map_err(Fault::from),
            Err(fault) => Err(fault),
        };
        let result = result.map(|tasks| {
            let open = open_tasks(&tasks).into_iter();
            open.map(|task| (task.id.clone(), task.title.clone()))
                .collect()
        });
        world.tell(Message::OpenTasksRead { case, result }).await;
    }
}
