//! Comments in the case, exactly once: searched for by their marker before and after every post. One that was taken and is
//! not shown is posted once more, and then only looked for.
//!
//! Only a LIVE console posts. What is promised in another mode, or was by an earlier console, waits for one.

mod doubt;
mod hidden;
mod rounds;
mod signing;
mod typed;
mod unread;
mod waiting;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::journal::own;
use super::respond::ANSWER;
use super::watch::Unread;
use super::{World, anchored};
use crate::app::message::Level;
use crate::connect::capability::{Cases, ConnectError};
use crate::domain::audit::Body;
use crate::domain::case::Comment;
use crate::domain::containment::ledger::Ledger;
use crate::domain::containment::note::{Anchor, compose, marker, not_confirmed, not_read};
use crate::domain::containment::outbox::PendingNote;
use crate::domain::containment::plan::hex;
use crate::domain::containment::standing::standing;
use crate::domain::fault::Fault;
use crate::domain::ids::{ActionId, CaseId, PlanId, RecordId};
use crate::domain::text::Untrusted;
use crate::safe;
use crate::store::lease;

pub(super) use hidden::missing;
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
    let unread = super::watch::look_now(&world, &pid).await;
    let mut told = alone(&world, &pid, unread).await;
    // Two consoles that look at the same instant stand in each other's way for a moment.
    for _ in 0..HELD_TRIES {
        if !matches!(told, Ok(false)) {
            break;
        }
        tokio::time::sleep(world.pace.of(HELD)).await;
        told = alone(&world, &pid, unread).await;
    }
    if let Err(fault) = told {
        let line = safe!("the record is not in the case yet: {}", fault.what);
        let fault = Fault {
            what: line,
            hint: fault.hint,
        };
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
/// word that the case is told. Where the account was not read to the end right before, `unread` says so. Tells whether
/// nobody was at it.
async fn alone(world: &World, pid: &PlanId, unread: Option<Unread>) -> Result<bool, Fault> {
    let actions = world.journal.plan(pid);
    let mut leases = Vec::new();
    for action in &actions {
        match lease::take(&world.leases, &action.aid) {
            Ok(Some(lease)) => leases.push(lease),
            // It is being worked on; what is left undone is tried again.
            Ok(None) => return Ok(false),
            Err(error) => {
                let error = own(error.to_string());
                return Err(Fault::new(safe!(
                    "failed to take its lease: {}",
                    error.line()
                )));
            }
        }
    }
    // Another console may have done it between our look and the lease.
    world.journal.catch_up().await;
    let result = if is_due(world, pid) {
        try_document(world, pid, unread).await
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

async fn try_document(world: &World, pid: &PlanId, unread: Option<Unread>) -> Result<(), Fault> {
    let actions = world.journal.plan(pid);
    let Some(first) = actions.first() else {
        return Ok(());
    };
    let (case, account) = (first.case.clone(), first.account.clone());
    let marker = marker(pid);
    let by = operator(world);
    // Posting may wait for a minute, and each word is to be as new as how the account stands below it.
    let composed = |head: &Anchor| {
        world.journal.with(|ledger| {
            let stands = standing(ledger, &account, |_| false);
            let hold = ledger.holds().hold(&account);
            let text = compose(pid, &ledger.plan(pid), &by, &stands, hold, head);
            match unread.filter(|_| stands.is_disabled() == Some(true)) {
                Some(unread) if unread.otherwise => {
                    not_confirmed(&text, &account.connection, unread.last)
                }
                Some(unread) => not_read(&text, &account.connection, unread.last),
                None => text,
            }
        })
    };
    let comment = post(world, &case, &marker, composed).await?;
    let done = Body::ActionDoc {
        pid: pid.clone(),
        aids: actions.iter().map(|action| action.aid.clone()).collect(),
        case,
        comment,
    };
    world.journal.record(vec![done]).await.map(drop)
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
        Err(fault) => {
            let what = safe!("the note is not in the case yet: {}", fault.what);
            let hint = "it is kept and tried again, also after a restart";
            missing(world, marker, Fault::new(what).hint(hint)).await;
        }
    }
    drop(lease);
}

/// Posts one comment exactly once: not when its marker is there, and proven by its marker afterwards. One that was taken
/// twice and is not shown is not posted any more. What it claims is hedged while the log is in doubt.
pub(super) async fn post(
    world: &World,
    case: &CaseId,
    marker: &str,
    compose: impl FnOnce(&Anchor) -> String,
) -> Result<Untrusted, Fault> {
    let rid = RecordId::from_parts(world.clock.now().utc, super::clock::random());
    let compose = |head: &Anchor| doubt::hedge(world, compose(head));
    post_as(world, case, (&rid, marker), compose).await
}

/// Posts as [`post`] does, under an id that was promised before, and what was written by a person as it was written. While
/// the log is in doubt it says that first.
pub(super) async fn post_as(
    world: &World,
    case: &CaseId,
    (rid, marker): (&RecordId, &str),
    compose: impl FnOnce(&Anchor) -> String,
) -> Result<Untrusted, Fault> {
    if let Some(reason) = unposted(world) {
        return Err(Fault::new(reason));
    }
    let home = world
        .journal
        .with(|ledger| ledger.outbox().home_of(case).clone());
    let case = &home;
    let source = world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))?;
    // An earlier post may still be on its way: before its time is over, "not there" is no answer.
    let late = late(world, marker);
    let me = source.who_am_i().await?.login;
    let look = async || find(world, source.as_ref(), (case, marker), me.as_ref()).await;
    if late.is_zero() || look().await?.is_empty() {
        tokio::time::sleep(late).await;
    }
    if let Some(there) = only(world, look().await?, marker).await {
        // What is there already was promised by nobody under this id; without a promise nobody knows what is done.
        let promised = Body::RecordIntent {
            rid: rid.clone(),
            kind: "comment".to_owned(),
            case: case.clone(),
            marker: marker.to_owned(),
            sha256: digest(there.message.raw()),
            phase: None,
        };
        return done(world, rid, there.id, vec![promised]).await;
    }
    // It may be there, and a further copy would be hidden as well.
    if hidden::is_hidden(world, marker) {
        return Err(hidden::fault());
    }
    // The looks above may have taken a minute, and what it says may be over by what another console recorded since.
    world.journal.catch_up().await;
    let head = world.journal.head();
    let anchor = Anchor {
        log: world.journal.log_id(),
        n: head.as_ref().map_or(0, |entry| entry.n),
        h: head.map(|entry| entry.h.to_string()).unwrap_or_default(),
        at: world.clock.now().utc,
    };
    let message = doubt::warn_first(world, compose(&anchor));
    let intent = Body::RecordIntent {
        rid: rid.clone(),
        kind: "comment".to_owned(),
        case: case.clone(),
        marker: marker.to_owned(),
        sha256: digest(&message),
        phase: None,
    };
    world.journal.record(vec![intent]).await?;
    world.probe.pass("comment.before").await;
    let posted = source.comment(case, &message).await;
    world.probe.pass("comment.after").await;
    // Whatever the answer was, the case itself says whether it is there.
    let found = match look().await {
        Ok(found) => Ok(only(world, found, marker).await),
        Err(fault) => Err(fault),
    };
    let (fault, taken) = match (found, posted) {
        (Ok(Some(there)), _) => return done(world, rid, there.id, Vec::new()).await,
        (_, Err(error)) => (world.troubled(&case.connection, error).await, None),
        (Err(error), Ok(id)) => (world.troubled(&case.connection, error).await, Some(id)),
        (Ok(None), Ok(id)) => {
            let line = "the comment was accepted but cannot be found again";
            (Fault::new(line), Some(id))
        }
    };
    let failed = Body::RecordFailed {
        rid: rid.clone(),
        reason: own(fault.what.as_str()),
        taken,
    };
    world.journal.record(vec![failed]).await?;
    if hidden::is_hidden(world, marker) {
        return Err(hidden::fault());
    }
    Err(fault)
}

/// Gives how long an earlier post of this comment may still arrive.
pub(super) fn late(world: &World, marker: &str) -> Duration {
    let Some(at) = world
        .journal
        .with(|ledger| ledger.outbox().last_posted(marker))
    else {
        return Duration::ZERO;
    };
    late_since(world, at)
}

/// Gives how long what was on its way at a time may still arrive, for whoever waits that long once.
fn late_since(world: &World, at: DateTime<Utc>) -> Duration {
    // By a clock that was set back it is the whole time, each time that is asked.
    let ago = (world.clock.now().utc - at).to_std().unwrap_or_default();
    world.pace.of(LATE).saturating_sub(ago)
}

/// Gives the SHA-256 of a text, hex.
fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Records that a comment is in its case, after what has to stand before that.
async fn done(
    world: &World,
    rid: &RecordId,
    id: Untrusted,
    mut before: Vec<Body>,
) -> Result<Untrusted, Fault> {
    before.push(Body::RecordDone {
        rid: rid.clone(),
        id: id.clone(),
    });
    world.journal.record(before).await?;
    Ok(id)
}

/// Finds our own comments with a marker: written by our own login, or word for word what we recorded before a post.
///
/// Anybody who may comment can repeat a marker; such a comment neither documents nor keeps ours away.
async fn find(
    world: &World,
    source: &dyn Cases,
    (case, marker): (&CaseId, &str),
    me: Option<&Untrusted>,
) -> Result<Vec<Comment>, ConnectError> {
    let comments = source.find_comment(case, marker).await?;
    anchored::check(world, case, &comments).await;
    let is_ours = |comment: &Comment| {
        let digest = digest(comment.message.raw());
        me == Some(&comment.author)
            || world
                .journal
                .with(|ledger| ledger.outbox().wrote(marker, &digest))
    };
    let (ours, foreign): (Vec<_>, Vec<_>) = comments.into_iter().partition(is_ours);
    if let Some(other) = foreign.first() {
        let line = safe!(
            "a comment of {} in the case bears the mark of ours, {}; it is not counted",
            other.author.ident(),
            own(marker).field()
        );
        world.notice(Level::Warning, Fault::new(line)).await;
    }
    Ok(ours)
}

/// Gives the comment that was found, and says so when it is there more than once.
async fn only(world: &World, found: Vec<Comment>, marker: &str) -> Option<Comment> {
    if found.len() > 1 {
        let line = safe!(
            "the comment {} is in the case {} times: a post that was given up arrived late; remove the copies there",
            own(marker).field(),
            found.len()
        );
        world.notice(Level::Warning, Fault::new(line)).await;
    }
    found.into_iter().next()
}
