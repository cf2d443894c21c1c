//! Tasks of the case system that stand for phases or steps: made exactly once, and given the status of their item.
//!
//! As comments are: the intent is durable before anything is sent, and a task is searched for by its mark before it is
//! made again. What must not live here: which side is followed (see `app`).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::World;
use super::journal::own;
use super::outbox::late;
use super::plan::frozen;
use crate::app::message::{Level, Message};
use crate::config::settings::Mode;
use crate::connect::capability::Cases;
use crate::domain::audit::{Body, TaskState, sha256_hex};
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, RecordId};
use crate::domain::mirror::{CANCEL, Known, Mirror, NewTask, TASK, find, seen};
use crate::domain::text::Untrusted;
use crate::safe;
use crate::store::lease::{self, Lease};

/// Reads the tasks of a case.
pub(super) async fn read(world: Arc<World>, case: CaseId) {
    let Some(source) = world.case_system(&case.connection) else {
        return;
    };
    let result = source.tasks(&case).await.map_err(Fault::from);
    world.tell(Message::TasksRead { case, result }).await;
}

/// Tells whether anything may be written there.
fn writes(world: &World) -> bool {
    world.settings.environment.mode == Mode::Live
        && world.settings.runbooks.mirror != Mirror::Off
        && frozen(&world.freeze).is_none()
}

fn name(case: &CaseId) -> String {
    let digest = sha256_hex(case.raw().as_bytes());
    format!("tasks-{}", digest.chars().take(24).collect::<String>())
}

/// Takes the tasks of a case for this console alone: two that search before either makes one would both make it.
fn alone(world: &World, case: &CaseId) -> Result<Option<Lease>, Fault> {
    lease::take(&world.leases, &name(case)).map_err(|error| {
        let error = own(error.to_string());
        Fault::new(safe!("failed to take the lease: {}", error.line()))
    })
}

/// Makes the tasks that are not there, and says so when that fails.
pub(super) async fn make(world: Arc<World>, case: CaseId, tasks: Vec<NewTask>) {
    if !writes(&world) {
        return;
    }
    let made = match alone(&world, &case) {
        // It is being done; what is left is asked for again with the next look at the tasks.
        Ok(None) => return,
        Ok(Some(lease)) => {
            let made = try_make(&world, &case, &tasks).await;
            drop(lease);
            made
        }
        Err(fault) => Err(fault),
    };
    if let Err(fault) = made {
        let what = safe!("the list is not in the case's tasks yet: {}", fault.what);
        let hint = fault.hint;
        let fault = Fault { what, hint };
        world.notice(Level::Warning, fault).await;
    }
}

async fn try_make(world: &World, case: &CaseId, tasks: &[NewTask]) -> Result<(), Fault> {
    world.journal.catch_up().await;
    let source = world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))?;
    let unknown = |ledger: &Ledger| -> Vec<NewTask> {
        let known = ledger.outbox().mirrored();
        let new = tasks
            .iter()
            .filter(|t| known.get(case, &t.marker).is_none());
        new.cloned().collect()
    };
    let tasks = world.journal.with(unknown);
    // An earlier post may still be on its way: before its time is over, "not there" is no answer.
    let wait = tasks.iter().map(|task| late(world, &task.marker)).max();
    tokio::time::sleep(wait.unwrap_or_default()).await;
    let there = source.tasks(case).await?;
    let (found, missing): (Vec<&NewTask>, Vec<&NewTask>) = tasks
        .iter()
        .partition(|task| find(&there, &task.marker).is_some());
    let found = found
        .iter()
        .filter_map(|task| Some((task.marker.as_str(), find(&there, &task.marker)?)));
    let known: Vec<Body> = found
        .map(|(marker, task)| Body::TaskState(seen(case, marker, task)))
        .collect();
    if !known.is_empty() {
        world.journal.record(known).await?;
    }
    let mut made = Vec::new();
    for task in missing {
        made.push((one(world, source.as_ref(), case, task).await?, task));
    }
    if made.is_empty() {
        return Ok(());
    }
    one_of_each(world, source.as_ref(), case, &made).await
}

/// Makes one task: promised, sent once, and looked for when the answer does not say that it is there.
async fn one(
    world: &World,
    source: &dyn Cases,
    case: &CaseId,
    task: &NewTask,
) -> Result<Untrusted, Fault> {
    let rid = RecordId::from_parts(world.clock.now().utc, super::clock::random());
    let intent = Body::RecordIntent {
        rid: rid.clone(),
        kind: TASK.to_owned(),
        case: case.clone(),
        marker: task.marker.clone(),
        sha256: sha256_hex(task.description.as_bytes()),
        phase: None,
    };
    world.journal.record(vec![intent]).await?;
    world.probe.pass("task.before").await;
    let sent = source.create_task(case, task).await;
    world.probe.pass("task.after").await;
    let made = match sent {
        Ok(made) => Ok(made),
        // Whatever the answer was, the case itself says whether it is there.
        Err(error) => match source.tasks(case).await {
            Ok(there) => find(&there, &task.marker).cloned().ok_or(error),
            Err(_) => Err(error),
        },
    };
    match made {
        Ok(made) => {
            let id = made.id.clone();
            let done = Body::RecordDone {
                rid,
                id: id.clone(),
            };
            let state = Body::TaskState(seen(case, &task.marker, &made));
            world.journal.record(vec![done, state]).await?;
            Ok(id)
        }
        Err(error) => {
            let fault = Fault::from(error);
            let reason = own(fault.what.as_str());
            let failed = Body::RecordFailed {
                rid,
                reason,
                taken: None,
            };
            world.journal.record(vec![failed]).await?;
            Err(fault)
        }
    }
}

/// Cancels what this console made although a console of somebody else had made it a moment before.
async fn one_of_each(
    world: &World,
    source: &dyn Cases,
    case: &CaseId,
    made: &[(Untrusted, &NewTask)],
) -> Result<(), Fault> {
    let there = source.tasks(case).await?;
    for (id, task) in made {
        let Some(first) = find(&there, &task.marker).filter(|first| first.id != *id) else {
            continue;
        };
        source.set_task(case, id, &CANCEL.into()).await?;
        let state = Body::TaskState(seen(case, &task.marker, first));
        world.journal.record(vec![state]).await?;
    }
    Ok(())
}

/// Records what tasks are to become, and tries it.
pub(super) async fn wish(world: Arc<World>, states: Vec<TaskState>) {
    let bodies = states.into_iter().map(Body::TaskState).collect();
    // The journal tells the console when it fails.
    if world.journal.record(bodies).await.is_ok() {
        tokio::select! {
            () = world.ending() => {}
            () = settle(&world) => {}
        }
    }
}

/// Gives every task the status it is to get; what fails is tried again with the next round.
pub(super) async fn settle(world: &World) {
    if !writes(world) {
        return;
    }
    let wishes = |ledger: &Ledger| -> Vec<(CaseId, String)> {
        let wishes = ledger.outbox().mirrored().wishes();
        wishes
            .map(|(case, marker, _)| (case.clone(), marker.to_owned()))
            .collect()
    };
    for (case, marker) in world.journal.with(wishes) {
        let Ok(Some(lease)) = alone(world, &case) else {
            continue;
        };
        world.journal.catch_up().await;
        let set = set(world, &case, &marker).await;
        drop(lease);
        if let Err(fault) = set {
            let what = safe!(
                "the task of a step is not changed in the case yet: {}",
                fault.what
            );
            let hint = fault.hint;
            world.notice(Level::Warning, Fault { what, hint }).await;
        }
    }
}

/// Gives what is known of a task that is to get a status, with that wish.
fn waiting(
    world: &World,
    case: &CaseId,
    marker: &str,
) -> Option<(Known, (Untrusted, DateTime<Utc>))> {
    let known = world
        .journal
        .with(|ledger| ledger.outbox().mirrored().get(case, marker).cloned())?;
    let wish = known.wish.clone()?;
    Some((known, wish))
}

async fn set(world: &World, case: &CaseId, marker: &str) -> Result<(), Fault> {
    let source = world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))?;
    let there = source.tasks(case).await?;
    // That may have taken a minute: the step may have been undone meanwhile.
    world.journal.catch_up().await;
    let Some((known, (wished, since))) = waiting(world, case, marker) else {
        return Ok(());
    };
    let Some(task) = there.iter().find(|task| task.id == known.task) else {
        // It was deleted there: nothing is left to be changed.
        return done(world, state_of(case, marker, &known, wished)).await;
    };
    let sent = marker_of_status(marker);
    let tried = world
        .journal
        .with(|ledger| ledger.outbox().last_posted(&sent))
        .is_some_and(|at| at >= since);
    if task.status == wished {
        return done(world, seen(case, marker, task)).await;
    }
    if tried && task.changed_ms() > known.changed_ms {
        // Ours arrived and somebody changed it since: that word is later, and is seen with the next look.
        return done(world, state_of(case, marker, &known, wished)).await;
    }
    let rid = RecordId::from_parts(world.clock.now().utc, super::clock::random());
    let intent = Body::RecordIntent {
        rid: rid.clone(),
        kind: TASK.to_owned(),
        case: case.clone(),
        marker: sent,
        sha256: sha256_hex(wished.raw().as_bytes()),
        phase: None,
    };
    world.journal.record(vec![intent]).await?;
    world.probe.pass("task.set.before").await;
    let answer = source.set_task(case, &known.task, &wished).await;
    world.probe.pass("task.set.after").await;
    let there = source.tasks(case).await?;
    let now = there.iter().find(|task| task.id == known.task);
    match (now.filter(|now| now.status == wished), answer) {
        (Some(now), _) => {
            let id = now.id.clone();
            let mut bodies = vec![Body::RecordDone { rid, id }];
            // What was seen ends a wish: a later one stays, for the next round.
            let wish = waiting(world, case, marker).map(|(_, wish)| wish);
            if wish == Some((wished, since)) {
                bodies.push(Body::TaskState(seen(case, marker, now)));
            }
            world.journal.record(bodies).await.map(drop)
        }
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Err(Fault::new("the change was accepted but cannot be seen")),
    }
}

/// The mark under which the changes of a task are promised.
fn marker_of_status(marker: &str) -> String {
    format!("{marker}:status")
}

fn state_of(case: &CaseId, marker: &str, known: &Known, status: Untrusted) -> TaskState {
    TaskState {
        case: case.clone(),
        marker: marker.to_owned(),
        task: known.task.clone(),
        status,
        by: None,
        changed_ms: known.changed_ms,
        wished: false,
    }
}

async fn done(world: &World, state: TaskState) -> Result<(), Fault> {
    let body = Body::TaskState(state);
    world.journal.record(vec![body]).await.map(drop)
}
