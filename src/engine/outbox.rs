//! Comments in the case, exactly once: searched for by their marker before and after every post.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::World;
use super::journal::own;
use crate::app::message::Level;
use crate::connect::capability::Cases;
use crate::domain::audit::Body;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::note::{Anchor, compose, marker};
use crate::domain::containment::plan::hex;
use crate::domain::containment::standing::standing;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, PlanId, RecordId};
use crate::domain::text::{Safe, Untrusted, sink};
use crate::safe;
use crate::store::lease;

/// How often what is not documented yet is tried again.
const RETRY: Duration = Duration::from_secs(30);

/// Rounds that are left out at most before a comment that keeps failing is tried again: a quarter of an hour.
const ROUNDS_MAX: u32 = 32;

/// Picks up, for ever, what earlier and other consoles recorded or left, and tries again what is not documented.
pub(super) async fn retry(world: Arc<World>) {
    let mut failed: HashMap<PlanId, u32> = HashMap::new();
    for round in 0u32.. {
        world.journal.catch_up().await;
        super::recover::unfinished(Arc::clone(&world)).await;
        super::approval::sweep(&world).await;
        let plans = world.journal.with(Ledger::undocumented);
        failed.retain(|pid, _| plans.contains(pid));
        for pid in plans {
            // Every try leaves records: one that cannot succeed must not fill the log.
            let every = failed.get(&pid).copied().unwrap_or(1);
            if !round.is_multiple_of(every) {
                continue;
            }
            document(Arc::clone(&world), pid.clone()).await;
            if world.journal.with(Ledger::undocumented).contains(&pid) {
                failed.insert(pid, (every * 2).min(ROUNDS_MAX));
            }
        }
        tokio::time::sleep(world.pace.of(RETRY)).await;
    }
}

/// Documents a plan whose actions all have their final word, unless that is done or being done.
pub(super) async fn document(world: Arc<World>, pid: PlanId) {
    if !world.journal.with(Ledger::undocumented).contains(&pid) {
        return;
    }
    let mine = world
        .documenting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(pid.clone());
    if !mine {
        return;
    }
    if let Err(fault) = alone(&world, &pid).await {
        let line = safe!("the record is not in the case yet: {}", fault.what);
        world
            .notice(
                Level::Warning,
                Fault {
                    what: line,
                    hint: fault.hint,
                },
            )
            .await;
    }
    world
        .documenting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&pid);
}

/// Documents a plan while no other console of this user does: two that search before either posts would both post.
async fn alone(world: &World, pid: &PlanId) -> Result<(), Fault> {
    let Some(first) = world.journal.plan(pid).into_iter().next() else {
        return Ok(());
    };
    let lease = match lease::take(&world.leases, &first.aid) {
        Ok(Some(lease)) => lease,
        // It is being worked on; what is left undone is tried again.
        Ok(None) => return Ok(()),
        Err(error) => {
            let error = own(error.to_string());
            return Err(Fault::new(safe!(
                "failed to take its lease: {}",
                error.line()
            )));
        }
    };
    // Another console may have done it between our look and the lease.
    world.journal.catch_up().await;
    let open = world.journal.with(Ledger::undocumented).contains(pid);
    let result = if open {
        try_document(world, pid).await
    } else {
        Ok(())
    };
    if result.is_ok() {
        lease::clear(&world.leases, &first.aid);
    }
    drop(lease);
    result
}

async fn try_document(world: &World, pid: &PlanId) -> Result<(), Fault> {
    let actions = world.journal.plan(pid);
    let Some(first) = actions.first() else {
        return Ok(());
    };
    let (case, account) = (first.case.clone(), first.account.clone());
    let marker = marker(pid);
    let comment = post(world, &case, &marker, |head| {
        let (word, hold) = world.journal.with(|ledger| {
            let hold = ledger.holds().hold(&account).cloned();
            (standing(ledger, &account, |_| false), hold)
        });
        let actions: Vec<&ActionView> = actions.iter().collect();
        compose(pid, &actions, &operator(world), &word, hold.as_ref(), head)
    })
    .await?;
    let done = Body::ActionDoc {
        pid: pid.clone(),
        aids: actions.iter().map(|action| action.aid.clone()).collect(),
        case,
        comment,
    };
    world.journal.record(vec![done]).await.map(drop)
}

/// Posts a note of the analyst.
pub(super) async fn note(world: Arc<World>, case: CaseId, text: Untrusted) {
    let rid = RecordId::from_parts(world.clock.now().utc, super::clock::random());
    let marker = format!("quell:{rid}");
    let noted = Body::Note {
        case: case.clone(),
        text: text.clone(),
    };
    let result = match world.journal.record(vec![noted]).await {
        Ok(_) => {
            let body = sink::markdown(&text.block());
            let by = sink::markdown(&operator(&world));
            post(&world, &case, &marker, |head| {
                format!(
                    "{body}\n\nby {by}\n{marker}\naudit {} n={} h={}\n",
                    head.log, head.n, head.h
                )
            })
            .await
        }
        Err(fault) => Err(fault),
    };
    match result {
        Ok(_) => {
            world
                .notice(Level::Info, Fault::new("the note is in the case"))
                .await;
        }
        Err(fault) => {
            let line = safe!("the note is not in the case: {}", fault.what);
            let hint = fault.hint.unwrap_or_else(|| {
                safe!(
                    "look for {} in the case before writing it again",
                    own(marker).field()
                )
            });
            world
                .notice(
                    Level::Error,
                    Fault {
                        what: line,
                        hint: Some(hint),
                    },
                )
                .await;
        }
    }
}

/// Says who works here, for comments.
pub(super) fn operator(world: &World) -> Safe {
    let known = world
        .operator
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let os = world.os_user.field();
    match known
        .as_ref()
        .and_then(|operator| operator.login.as_ref().map(|l| (l, operator.shared)))
    {
        Some((login, true)) => safe!("{} (shared token), OS user {}", login.field(), os),
        Some((login, false)) => safe!("{}, OS user {}", login.field(), os),
        None => safe!("OS user {}", os),
    }
}

/// Posts one comment exactly once: not when its marker is there, and proven by its marker afterwards.
pub(super) async fn post(
    world: &World,
    case: &CaseId,
    marker: &str,
    compose: impl FnOnce(&Anchor) -> String,
) -> Result<Untrusted, Fault> {
    let source = world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))?;
    if let Some(id) = find(source.as_ref(), case, marker).await? {
        return Ok(id);
    }
    let head = world.journal.head();
    let anchor = Anchor {
        log: world.journal.log_id(),
        n: head.as_ref().map_or(0, |entry| entry.n),
        h: head.map(|entry| entry.h.to_string()).unwrap_or_default(),
    };
    let message = compose(&anchor);
    let rid = RecordId::from_parts(world.clock.now().utc, super::clock::random());
    let intent = Body::RecordIntent {
        rid: rid.clone(),
        kind: "comment".to_owned(),
        case: case.clone(),
        marker: marker.to_owned(),
        sha256: hex(&Sha256::digest(message.as_bytes())),
    };
    world.journal.record(vec![intent]).await?;
    world.probe.pass("comment.before").await;
    let posted = source.comment(case, &message).await;
    world.probe.pass("comment.after").await;
    // Whatever the answer was, the case itself says whether it is there.
    let found = find(source.as_ref(), case, marker).await;
    match (found, posted) {
        (Ok(Some(id)), _) => {
            world
                .journal
                .record(vec![Body::RecordDone {
                    rid,
                    id: id.clone(),
                }])
                .await?;
            Ok(id)
        }
        (found, posted) => {
            let fault = match (posted, found) {
                (Err(error), _) => Fault::from(error),
                (Ok(_), Err(fault)) => fault,
                (Ok(_), Ok(_)) => Fault::new("the comment was accepted but cannot be found again"),
            };
            let failed = Body::RecordFailed {
                rid,
                reason: own(fault.what.as_str()),
            };
            world.journal.record(vec![failed]).await?;
            Err(fault)
        }
    }
}

async fn find(source: &dyn Cases, case: &CaseId, marker: &str) -> Result<Option<Untrusted>, Fault> {
    let comments = source.find_comment(case, marker).await?;
    Ok(comments.into_iter().next().map(|comment| comment.id))
}
