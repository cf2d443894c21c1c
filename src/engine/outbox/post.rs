//! One post: searched for by its marker before and after, promised in the log in between.
//!
//! What must not live here: which comments are due, and what they say.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{LATE, doubt, hidden, unposted};
use crate::app::message::Level;
use crate::connect::capability::{Cases, ConnectError};
use crate::domain::audit::Body;
use crate::domain::case::Comment;
use crate::domain::containment::ledger::Ledger;
use crate::domain::containment::note::Anchor;
use crate::domain::containment::plan::hex;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, RecordId};
use crate::domain::text::{Safe, Untrusted};
use crate::engine::journal::own;
use crate::engine::{World, anchored, clock};
use crate::safe;

/// Why a comment is not on record as being in its case.
#[derive(Debug)]
pub(in crate::engine) struct Unposted {
    /// What failed.
    pub fault: Fault,
    /// Where that leaves it.
    pub place: Place,
}

/// Where a comment is that is not on record as being in its case.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) enum Place {
    /// Not in the case: it never left, or was looked for since.
    Absent,
    /// Perhaps there: it may have left, and the case was not read since.
    Perhaps,
    /// There, under this id: only the log did not take that.
    There(Untrusted),
}

impl Unposted {
    /// Makes one of what failed after the comment was found in its case.
    pub(in crate::engine) fn there(fault: Fault, id: Untrusted) -> Self {
        let place = Place::There(id);
        Self { fault, place }
    }

    /// Says where a thing stands that was to be in its case.
    pub(in crate::engine) fn of(self, what: &Safe) -> Fault {
        self.said([
            safe!("{} is not in the case yet", what),
            safe!("whether {} is in the case is not known yet", what),
            safe!("{} is in the case, which is not on record yet", what),
        ])
    }

    /// Says whether the case knows what it is to be told.
    pub(in crate::engine) fn untold(self) -> Fault {
        self.said([
            "the case does not know it yet".into(),
            "whether the case knows it is not known yet".into(),
            "the case knows it, which is not on record yet".into(),
        ])
    }

    /// Puts before what failed where that leaves it: not there, perhaps, or there.
    pub(in crate::engine) fn said(self, [absent, perhaps, there]: [Safe; 3]) -> Fault {
        let first = match self.place {
            Place::Absent => absent,
            Place::Perhaps => perhaps,
            Place::There(_) => there,
        };
        Fault {
            what: safe!("{}: {}", first, self.fault.what),
            hint: self.fault.hint,
        }
    }
}

impl From<Fault> for Unposted {
    fn from(fault: Fault) -> Self {
        let place = Place::Absent;
        Self { fault, place }
    }
}

/// How often a case is looked at for a comment that may be in it.
const LOOK: Duration = Duration::from_secs(5);

/// Posts one comment exactly once: not when its marker is there, and proven by its marker afterwards. One that was taken
/// twice and is not shown is not posted any more. What it claims is hedged while the log is in doubt.
pub(in crate::engine) async fn post(
    world: &World,
    case: &CaseId,
    marker: &str,
    compose: impl FnOnce(&Anchor) -> String,
) -> Result<Untrusted, Unposted> {
    let compose = |head: &Anchor, ()| compose(head);
    post_after(world, case, marker, async {}, compose).await
}

/// Posts as [`post`] does, and looks at what it says right before it is composed.
pub(super) async fn post_after<T>(
    world: &World,
    case: &CaseId,
    marker: &str,
    looked: impl Future<Output = T>,
    compose: impl FnOnce(&Anchor, T) -> String,
) -> Result<Untrusted, Unposted> {
    let rid = RecordId::from_parts(world.clock.now().utc, clock::random());
    let compose = |head: &Anchor, looked| doubt::hedge(world, compose(head, looked));
    post_looking(world, case, (&rid, marker), looked, compose).await
}

/// Posts as [`post`] does, under an id that was promised before, and what was written by a person as it was written. While
/// the log is in doubt it says that first.
pub(in crate::engine) async fn post_as(
    world: &World,
    case: &CaseId,
    (rid, marker): (&RecordId, &str),
    compose: impl FnOnce(&Anchor) -> String,
) -> Result<Untrusted, Unposted> {
    let compose = |head: &Anchor, ()| compose(head);
    post_looking(world, case, (rid, marker), async {}, compose).await
}

async fn post_looking<T>(
    world: &World,
    case: &CaseId,
    (rid, marker): (&RecordId, &str),
    looked: impl Future<Output = T>,
    compose: impl FnOnce(&Anchor, T) -> String,
) -> Result<Untrusted, Unposted> {
    let home = world
        .journal
        .with(|ledger| ledger.outbox().home_of(case).clone());
    let case = &home;
    let found = before(world, case, marker).await;
    let (source, me, there) = found.map_err(|fault| {
        let last = |ledger: &Ledger| ledger.outbox().last_posted(marker);
        let last = world.journal.with(last);
        let place = last.map_or(Place::Absent, |_| Place::Perhaps);
        Unposted { fault, place }
    })?;
    if let Some(there) = there {
        return taken_over(world, rid, (case, marker), there).await;
    }
    // It may be there, and a further copy would be hidden as well.
    if hidden::is_hidden(world, marker) {
        return Err(hidden::fault().into());
    }
    // The looks above may have taken a minute, and what it says may be over by what another console recorded since.
    let looked = looked.await;
    world.journal.catch_up().await;
    let head = world.journal.head();
    let anchor = Anchor {
        log: world.journal.log_id(),
        n: head.as_ref().map_or(0, |entry| entry.n),
        h: head.map(|entry| entry.h.to_string()).unwrap_or_default(),
        at: world.clock.now().utc,
    };
    let message = doubt::warn_first(world, compose(&anchor, looked));
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
    let found = match find(world, source.as_ref(), (case, marker), me.as_ref()).await {
        Ok(found) => Ok(only(world, found, marker).await),
        Err(fault) => Err(fault),
    };
    let place = match &found {
        Ok(_) => Place::Absent,
        Err(_) => Place::Perhaps,
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
    // The journal tells the console when it fails; where that leaves the comment is said all the same.
    let _ = world.journal.record(vec![failed]).await;
    let fault = if hidden::is_hidden(world, marker) {
        hidden::fault()
    } else {
        fault
    };
    Err(Unposted { fault, place })
}

/// Reads the case until it tells whether a comment is in it, and under which id; `None` where the time is over or the
/// console ends before that. One that may still be on its way is waited for.
pub(in crate::engine) async fn settle(
    world: &World,
    case: &CaseId,
    marker: &str,
    until: DateTime<Utc>,
) -> Option<Option<Untrusted>> {
    while world.clock.now().utc <= until && world.pause(LOOK).await {
        let read = read_back(world, case, marker);
        let found = tokio::select! {
            () = world.ending() => return None,
            found = read => found,
        };
        match found {
            Ok(id)
            | Err(Unposted {
                place: Place::There(id),
                ..
            }) => return Some(Some(id)),
            Err(Unposted {
                place: Place::Absent,
                ..
            }) => return Some(None),
            Err(_) => {}
        }
    }
    None
}

/// Reads whether a comment is in its case by now, and records that it is.
async fn read_back(world: &World, case: &CaseId, marker: &str) -> Result<Untrusted, Unposted> {
    let home = world
        .journal
        .with(|ledger| ledger.outbox().home_of(case).clone());
    let (_, _, there) = before(world, &home, marker).await.map_err(|fault| {
        let place = Place::Perhaps;
        Unposted { fault, place }
    })?;
    let Some(there) = there else {
        return Err(Fault::new("it is not there").into());
    };
    let rid = RecordId::from_parts(world.clock.now().utc, clock::random());
    taken_over(world, &rid, (&home, marker), there).await
}

/// The case system, our own login there, and our comment with the marker where it is there already.
type Before = (Arc<dyn Cases>, Option<Untrusted>, Option<Comment>);

/// Looks for a comment before it is posted; an earlier post of it is waited for while it may still arrive.
async fn before(world: &World, case: &CaseId, marker: &str) -> Result<Before, Fault> {
    if let Some(reason) = unposted(world) {
        return Err(Fault::new(reason));
    }
    let source = world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))?;
    // Before the time of an earlier post is over, "not there" is no answer.
    let late = late(world, marker);
    let me = source.who_am_i().await?.login;
    let look = async || find(world, source.as_ref(), (case, marker), me.as_ref()).await;
    if late.is_zero() || look().await?.is_empty() {
        tokio::time::sleep(late).await;
    }
    let there = only(world, look().await?, marker).await;
    Ok((source, me, there))
}

/// Records that a comment is in its case that was there before it was posted under this id: nobody promised it under that,
/// and without a promise nobody knows what is done.
async fn taken_over(
    world: &World,
    rid: &RecordId,
    (case, marker): (&CaseId, &str),
    there: Comment,
) -> Result<Untrusted, Unposted> {
    let promised = Body::RecordIntent {
        rid: rid.clone(),
        kind: "comment".to_owned(),
        case: case.clone(),
        marker: marker.to_owned(),
        sha256: digest(there.message.raw()),
        phase: None,
    };
    done(world, rid, there.id, vec![promised]).await
}

/// Gives how long an earlier post of this comment may still arrive.
pub(in crate::engine) fn late(world: &World, marker: &str) -> Duration {
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
) -> Result<Untrusted, Unposted> {
    before.push(Body::RecordDone {
        rid: rid.clone(),
        id: id.clone(),
    });
    match world.journal.record(before).await {
        Ok(_) => Ok(id),
        Err(fault) => Err(Unposted::there(fault, id)),
    }
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
