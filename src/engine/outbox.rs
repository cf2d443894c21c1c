//! Comments in the case, exactly once: searched for by their marker before and after every post. One that was taken and is
//! not shown is posted once more, and then only looked for.
//!
//! Only a LIVE console posts. What is promised in another mode, or was by an earlier console, waits for one.

mod doubt;
mod hidden;
mod post;
mod rounds;
mod signing;
mod typed;
mod unread;
mod waiting;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::World;
use super::journal::own;
use super::respond::ANSWER;
use super::watch::Last;
use crate::app::message::Level;
use crate::domain::audit::Body;
use crate::domain::containment::ledger::Ledger;
use crate::domain::containment::note::{Anchor, compose, marker, not_confirmed, not_read, shut};
use crate::domain::containment::outbox::PendingNote;
use crate::domain::containment::standing::standing;
use crate::domain::fault::Fault;
use crate::domain::ids::{ActionId, PlanId, RecordId};
use crate::safe;
use crate::store::lease;

use post::post_after;

pub(super) use hidden::missing;
pub(super) use post::{Place, Unposted, late, post, post_as, settle};
pub(super) use rounds::Rounds;
pub(super) use signing::{login, operator};
pub(super) use typed::{event, note};
pub(super) use unread::asked;
pub(super) use waiting::unposted;

/// How often what is not documented yet is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(30);

/// Rounds that are left out at most before a comment that keeps failing is tried again: a quarter of an hour.
pub(super) const ROUNDS_MAX: u32 = 32;

/// How often, and after what pause, a plan that somebody is at is tried again at once.
const HELD_TRIES: usize = 4;
const HELD: Duration = Duration::from_millis(500);

/// How long after a post its comment may still arrive: its own deadline, and the time a server may hold it back.
pub(super) const LATE: Duration = Duration::from_secs(ANSWER.as_secs() + 10);

/// Picks up, for ever, what earlier and other consoles recorded or left, and tries again what is not documented.
pub(super) async fn retry(world: Arc<World>) {
    let mut failed: Rounds<PlanId> = Rounds::default();
    let mut refused: Rounds<RecordId> = Rounds::default();
    let mut closed: Rounds<ActionId> = Rounds::default();
    let mut changed = super::recover::FirstSeen::default();
    for round in 0u32.. {
        world.journal.catch_up().await;
        super::recover::unfinished(Arc::clone(&world)).await;
        super::recover::closed(&world, round, &mut closed).await;
        super::recover::secrets(&world).await;
        super::recover::changes(&world, &mut changed).await;
        super::approval::sweep(&world).await;
        if unposted(&world).is_some() {
            if round == 0 {
                waiting::say(&world).await;
            }
            next(&world).await;
            continue;
        }
        let plans = world.journal.with(Ledger::undocumented);
        failed.keep(|pid| plans.contains(pid));
        for pid in plans {
            if unread::waits(&world, &pid) || doubt::waits(&world, &pid).await {
                continue;
            }
            // Every try leaves records: one that cannot succeed must not fill the log.
            if !failed.is_due(&pid, round) {
                continue;
            }
            document(Arc::clone(&world), pid.clone()).await;
            if world.journal.with(Ledger::undocumented).contains(&pid) {
                failed.put_off(pid);
            }
        }
        let notes = pending(&world);
        refused.keep(|rid| notes.iter().any(|note| note.rid == *rid));
        for note in notes {
            if !refused.is_due(&note.rid, round) {
                continue;
            }
            deliver(&world, &note).await;
            if pending(&world).iter().any(|left| left.rid == note.rid) {
                refused.put_off(note.rid);
            }
        }
        super::mirror::settle(&world).await;
        next(&world).await;
    }
}

/// Waits for the next round. Where the log takes records again meanwhile, what could not be given up on record is at once:
/// it would look as if it waited for its turn.
async fn next(world: &Arc<World>) {
    let round = tokio::time::sleep(world.pace.of(RETRY));
    tokio::pin!(round);
    loop {
        tokio::select! {
            () = &mut round => return,
            () = world.journal.takes_again() => {
                super::recover::unfinished(Arc::clone(world)).await;
            }
        }
    }
}

fn pending(world: &World) -> Vec<PendingNote> {
    world
        .journal
        .with(|ledger| ledger.outbox().notes().to_vec())
}

/// Tells whether a plan is to be documented: it has something to tell, all of it has its final word, and nothing of it
/// that was closed by hand is to be read back before.
fn is_due(world: &World, pid: &PlanId) -> bool {
    let has_ended = world.journal.with(Ledger::undocumented).contains(pid);
    has_ended && !unread::waits(world, pid)
}

/// Documents a plan that is due, unless that is being done or its record waits for a person.
pub(super) async fn document(world: Arc<World>, pid: PlanId) {
    if unposted(&world).is_some() || !is_due(&world, &pid) {
        return;
    }
    doubt::look(&world, &pid).await;
    if !doubt::waits(&world, &pid).await {
        document_now(world, pid).await;
    }
}

/// Documents a plan as [`document`] does, also over a log that is in doubt.
async fn document_now(world: Arc<World>, pid: PlanId) {
    if unposted(&world).is_some() || !is_due(&world, &pid) {
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
    super::watch::look_now(&world, &pid).await;
    let mut told = alone(&world, &pid).await;
    // Two consoles that look at the same instant stand in each other's way for a moment.
    for _ in 0..HELD_TRIES {
        if !matches!(told, Ok(false)) {
            break;
        }
        tokio::time::sleep(world.pace.of(HELD)).await;
        told = alone(&world, &pid).await;
    }
    if let Err(unposted) = told {
        let fault = unposted.of(&"the record".into());
        missing(&world, &marker(&pid), fault).await;
    }
    world
        .documenting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&pid);
}

/// Documents a plan while no other console of this user does: two that search before either posts would both post. And
/// while nobody works on any of its actions: one that was closed under way is still read back, and what that gives is the
/// word that the case is told. Tells whether nobody was at it.
async fn alone(world: &Arc<World>, pid: &PlanId) -> Result<bool, Unposted> {
    let actions = world.journal.plan(pid);
    let mut leases = Vec::new();
    for action in &actions {
        match lease::take(&world.leases, &action.aid) {
            Ok(Some(lease)) => leases.push(lease),
            // It is being worked on; what is left undone is tried again.
            Ok(None) => return Ok(false),
            Err(error) => {
                let error = own(error.to_string());
                let fault = Fault::new(safe!("failed to take its lease: {}", error.line()));
                return Err(fault.into());
            }
        }
    }
    // Another console may have done it between our look and the lease.
    world.journal.catch_up().await;
    let result = if is_due(world, pid) {
        try_document(world, pid).await
    } else {
        Ok(())
    };
    if result.is_ok() {
        for action in &actions {
            lease::clear(&world.leases, &action.aid);
        }
    }
    drop(leases);
    result.map(|()| true)
}

async fn try_document(world: &Arc<World>, pid: &PlanId) -> Result<(), Unposted> {
    let actions = world.journal.plan(pid);
    let Some(first) = actions.first() else {
        return Ok(());
    };
    let (case, account) = (first.case.clone(), first.account.clone());
    let marker = marker(pid);
    let by = operator(world);
    // Posting may wait for a minute, and each word is to be as new as how the account stands below it: the account is read
    // last of all.
    let looked = super::watch::read_now(world, pid);
    let composed = |head: &Anchor, last: Option<Last>| {
        world.journal.with(|ledger| {
            let stands = standing(ledger, &account, |_| false);
            let hold = ledger.holds().hold(&account);
            let text = compose(pid, &ledger.plan(pid), &by, &stands, hold, head);
            let name = &account.connection;
            match (last, stands.is_disabled()) {
                (Some(Last::Unread(at)), Some(true)) => not_read(&text, name, at),
                (Some(Last::Otherwise(at)), Some(true)) => not_confirmed(&text, name, at),
                (Some(Last::Shut(status)), Some(false)) => shut(&text, name, &status),
                _ => text,
            }
        })
    };
    let comment = post_after(world, &case, &marker, looked, composed).await?;
    let done = Body::ActionDoc {
        pid: pid.clone(),
        aids: actions.iter().map(|action| action.aid.clone()).collect(),
        case,
        comment: comment.clone(),
    };
    let recorded = world.journal.record(vec![done]).await;
    recorded
        .map(drop)
        .map_err(|fault| Unposted::there(fault, comment))
}

/// Posts a note that is on record, if it still waits.
async fn begin(world: &World, rid: &RecordId) {
    if unposted(world).is_some() {
        waiting::say(world).await;
        return;
    }
    let note = pending(world).into_iter().find(|note| note.rid == *rid);
    if let Some(note) = note {
        // The end of the console does not wait for a case system: the note is on disk and the next start posts it.
        tokio::select! {
            () = world.ending() => {}
            () = deliver(world, &note) => {}
        }
    }
}

/// Posts a note unless another console of this user does, and says how it went.
async fn deliver(world: &World, note: &PendingNote) {
    let lease = match lease::take(&world.leases, &note.rid) {
        Ok(Some(lease)) => lease,
        Ok(None) => return,
        Err(error) => {
            let error = own(error.to_string());
            let line = safe!("the note waits: failed to take its lease: {}", error.line());
            world.notice(Level::Warning, Fault::new(line)).await;
            return;
        }
    };
    // Another console may have posted it between our look and the lease.
    world.journal.catch_up().await;
    if !pending(world).iter().any(|left| left.rid == note.rid) {
        lease::clear(&world.leases, &note.rid);
        return;
    }
    let marker = &note.marker;
    let text = |head: &Anchor| typed::comment(world, note, head);
    let posted = post_as(world, &note.case, (&note.rid, marker), text).await;
    match posted {
        Ok(_) => {
            lease::clear(&world.leases, &note.rid);
            let fault = Fault::new("the note is in the case");
            world.notice(Level::Info, fault).await;
        }
        Err(unposted) => {
            let hint = "it is kept and tried again, also after a restart";
            let fault = unposted.of(&"the note".into()).hint(hint);
            missing(world, marker, fault).await;
        }
    }
    drop(lease);
}
