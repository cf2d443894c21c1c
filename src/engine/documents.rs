//! Reports of the analyst: drafts on disk while they are written, durable once confirmed, posted exactly once.
//!
//! What must not live here: what a report says (`domain::report`).

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::journal::own;
use super::outbox::{RETRY, ROUNDS_MAX, Unposted, missing, post_as, unposted};
use super::{World, written};
use crate::app::message::{Level, Message, Opened, Refused};
use crate::app::report::late;
use crate::domain::audit::{Body, DocumentPosted};
use crate::domain::fault::Fault;
use crate::domain::ids::RecordId;
use crate::domain::report::documents::{Written, records};
use crate::domain::report::{Target, layout};
use crate::domain::text::{Untrusted, sink};
use crate::safe;
use crate::store::drafts::{self, Draft};
use crate::store::lease::{self, Lease};

/// How often, and after how long each, a text that is being put away is looked for again.
const AWAY_LOOKS: u32 = 50;

/// How often it is looked for one that is being opened, before it is put on record without it.
const RID_LOOKS: u32 = 250;
const AWAY: Duration = Duration::from_millis(20);

/// The texts that are being written in this process.
pub(super) struct Drafts {
    dir: PathBuf,
    slots: Mutex<HashMap<String, Slot>>,
    /// One change of the files at a time, so that the last text is the one that stays.
    io: tokio::sync::Mutex<()>,
}

struct Slot {
    target: Target,
    rid: RecordId,
    /// Nobody else of this user writes the same text.
    _lease: Lease,
    /// What is not on disk yet.
    latest: Option<Untrusted>,
    /// Whether it is being put on disk.
    writing: bool,
    /// Whether nobody writes it any more.
    closing: bool,
    /// What is on disk of it, or why that is not what was typed last.
    kept: Result<Option<Untrusted>, Fault>,
}

impl Drafts {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            slots: Mutex::default(),
            io: tokio::sync::Mutex::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, Slot>) -> T) -> T {
        act(&mut self.slots.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something with the files where it may block.
    async fn disk<T: Send + 'static>(
        &self,
        act: impl FnOnce(PathBuf) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let dir = self.dir.clone();
        let done = tokio::task::spawn_blocking(move || act(dir)).await;
        done.map_err(std::io::Error::other)
            .and_then(|done| done)
            .map_err(|error| {
                let error = own(error.to_string());
                Fault::new(safe!("failed to keep the draft on disk: {}", error.line()))
            })
    }
}

fn lease_name(key: &str) -> String {
    format!("draft-{key}")
}

/// Opens a text: what was left of it, or nothing.
pub(super) async fn open(world: Arc<World>, target: Target) {
    let result = try_open(&world, &target).await;
    world.tell(Message::DraftOpened { target, result }).await;
}

async fn try_open(world: &World, target: &Target) -> Result<Opened, Fault> {
    let key = drafts::key(target);
    // Who left it a moment ago gets it whole.
    for _ in 0..AWAY_LOOKS {
        let closing = world
            .drafts
            .with(|slots| slots.get(&key).is_some_and(|slot| slot.closing));
        if !closing {
            break;
        }
        tokio::time::sleep(AWAY).await;
    }
    let _io = world.drafts.io.lock().await;
    if world.drafts.with(|slots| slots.contains_key(&key)) {
        return Err(Fault::new("the text is still being put away; try again"));
    }
    let name = lease_name(&key);
    let lease = match lease::take(&world.leases, &name) {
        Ok(Some(lease)) => lease,
        Ok(None) => {
            return Err(Fault::new("another console of yours is writing this text")
                .hint("finish or leave it there; m writes a note meanwhile"));
        }
        Err(error) => {
            let error = own(error.to_string());
            let line = safe!("failed to take the lease of the text: {}", error.line());
            return Err(Fault::new(line));
        }
    };
    // Another console may have posted it a moment ago.
    world.journal.catch_up().await;
    let at = key.clone();
    let found = world
        .drafts
        .disk(move |dir| drafts::read(&dir, &at))
        .await?;
    let left = found.filter(|draft| {
        // Confirmed, and killed before it was removed: it is posted from the records.
        !world.journal.with(|ledger| {
            ledger.documents().knows(&draft.rid) || ledger.outbox().knows(&draft.rid)
        })
    });
    let rid = left.as_ref().map_or_else(
        || RecordId::from_parts(world.clock.now().utc, super::clock::random()),
        |draft| draft.rid.clone(),
    );
    let slot = Slot {
        target: target.clone(),
        rid,
        _lease: lease,
        latest: None,
        writing: false,
        closing: false,
        kept: Ok(left.as_ref().map(|draft| draft.text.clone())),
    };
    world.drafts.with(|slots| slots.insert(key, slot));
    Ok(Opened {
        left: left.map(|draft| (draft.text, draft.at)),
    })
}

/// Keeps a text as it is now; an empty one is not kept.
pub(super) fn save(world: &Arc<World>, target: &Target, text: Untrusted) {
    let key = drafts::key(target);
    let begin = world.drafts.with(|slots| {
        let slot = slots.get_mut(&key)?;
        slot.latest = Some(text);
        (!std::mem::replace(&mut slot.writing, true)).then_some(())
    });
    if begin.is_some() {
        put_on_disk(world, key);
    }
}

/// Gives a text up for now; what was typed stays on disk, and how much of it that is is said once it is known.
pub(super) fn close(world: &Arc<World>, target: &Target) {
    let key = drafts::key(target);
    let left = world.drafts.with(|slots| {
        let Some(slot) = slots.get_mut(&key) else {
            let result = Err(Fault::new("the text was not open on disk"));
            let target = target.clone();
            return Some(Message::DraftLeft { target, result });
        };
        slot.closing = true;
        // Whoever puts it on disk says it.
        if slot.writing {
            return None;
        }
        put_away(world, slots, &key)
    });
    if let Some(left) = left {
        let told = Arc::clone(world);
        world.spawn(async move { told.tell(left).await });
    }
}

/// Takes a text out that nobody writes any more; gives what is said of it.
fn put_away(world: &World, slots: &mut HashMap<String, Slot>, key: &str) -> Option<Message> {
    let slot = slots.remove(key)?;
    lease::clear(&world.leases, &lease_name(key));
    let (target, result) = (slot.target, slot.kept);
    Some(Message::DraftLeft { target, result })
}

/// Gives the id that an open text will be posted under. One that is being opened is waited for: whoever wrote it already
/// has it from the console, and what is on disk of it must go once it is on record.
pub(super) async fn rid_of(world: &World, target: &Target) -> Option<RecordId> {
    let key = drafts::key(target);
    for _ in 0..RID_LOOKS {
        let open = world.drafts.with(|slots| {
            let slot = slots.get(&key).filter(|slot| !slot.closing)?;
            Some(slot.rid.clone())
        });
        if open.is_some() {
            return open;
        }
        tokio::time::sleep(AWAY).await;
    }
    None
}

/// Removes the draft of a text that is on record. One that is not open here is another console's, unless it has that id.
pub(super) async fn done(world: &World, target: &Target, rid: &RecordId) {
    let key = drafts::key(target);
    let _io = world.drafts.io.lock().await;
    let slot = world.drafts.with(|slots| slots.remove(&key));
    let (at, rid, is_open) = (key.clone(), rid.clone(), slot.is_some());
    // It may have been put away since, with the id that is on record now.
    let purge = move |dir: PathBuf| {
        let is_it = is_open || drafts::read(&dir, &at)?.is_some_and(|draft| draft.rid == rid);
        if is_it {
            drafts::purge(&dir, &at)
        } else {
            Ok(())
        }
    };
    if let Err(fault) = world.drafts.disk(purge).await {
        // It is known by its id and not taken for a draft again.
        world.notice(Level::Warning, fault).await;
    }
    if slot.is_some() {
        lease::clear(&world.leases, &lease_name(&key));
    }
    drop(slot);
}

/// Writes until nothing newer is left; the end of the console waits for it.
fn put_on_disk(world: &Arc<World>, key: String) {
    let token = world.must_finish.token();
    let world = Arc::clone(world);
    let tasks = world.tasks.clone();
    tasks.spawn(async move {
        let left = loop {
            let _io = world.drafts.io.lock().await;
            let next = world.drafts.with(|slots| next(&world, slots, &key));
            let (rid, text) = match next {
                ControlFlow::Continue(next) => next,
                ControlFlow::Break(left) => break left,
            };
            let draft = Draft {
                rid,
                text: text.clone(),
                at: world.clock.now().utc,
            };
            let put = put(&world, &key, draft).await;
            let failed = put.as_ref().err().cloned();
            let kept = put.map(|()| Some(text));
            let fails_first = world.drafts.with(|slots| {
                let slot = slots.get_mut(&key)?;
                let before = std::mem::replace(&mut slot.kept, kept);
                before.is_ok().then_some(())
            });
            // Said once, not for every key that is typed on a full disk.
            if let (Some(fault), Some(())) = (failed, fails_first) {
                world.notice(Level::Warning, fault).await;
            }
            world.probe.pass("draft.kept").await;
        };
        if let Some(left) = left {
            world.tell(left).await;
        }
        drop(token);
    });
}

/// Gives what is to be put on disk of a text next; where there is nothing newer, what is said of one that was left.
fn next(
    world: &World,
    slots: &mut HashMap<String, Slot>,
    key: &str,
) -> ControlFlow<Option<Message>, (RecordId, Untrusted)> {
    let Some(slot) = slots.get_mut(key) else {
        return ControlFlow::Break(None);
    };
    if let Some(text) = slot.latest.take() {
        return ControlFlow::Continue((slot.rid.clone(), text));
    }
    slot.writing = false;
    let left = if slot.closing {
        put_away(world, slots, key)
    } else {
        None
    };
    ControlFlow::Break(left)
}

async fn put(world: &World, key: &str, draft: Draft) -> Result<(), Fault> {
    let at = key.to_owned();
    let put = move |dir: PathBuf| {
        if draft.text.raw().trim().is_empty() {
            drafts::purge(&dir, &at)
        } else {
            drafts::write(&dir, &at, &draft)
        }
    };
    world.drafts.disk(put).await
}

/// Takes a confirmed report: durable first, so that neither a failed post nor the end of the process loses it.
///
/// `number` is that under which the console waits to hear whether it is on record.
pub(super) async fn post(
    world: Arc<World>,
    target: Target,
    (text, by): (Untrusted, Untrusted),
    number: Option<u64>,
) {
    let key = drafts::key(&target);
    let io = world.drafts.io.lock().await;
    let Some(slot) = world.drafts.with(|slots| slots.remove(&key)) else {
        let line = "the text is not open here any more; nothing was posted";
        let refused = Refused::Failed(Fault::new(line));
        written::tell(&world, number, Some(refused)).await;
        return;
    };
    let draft = Draft {
        rid: slot.rid.clone(),
        text: text.clone(),
        at: world.clock.now().utc,
    };
    let kept = put(&world, &key, draft).await;
    let bodies = records(&slot.rid, &target, &by, &text);
    if let Err(error) = world.journal.try_record(bodies).await {
        let title = target.subject.title();
        let of = (&title, "is neither recorded nor posted", written::POSTED);
        let refused = match written::refused_by(&error, of) {
            Refused::Failed(fault) => {
                let hint = kept.err().map(|lost| lost.what);
                let what = fault.what;
                Refused::Failed(Fault { what, hint })
            }
            refused => refused,
        };
        written::tell(&world, number, Some(refused)).await;
        return;
    }
    written::tell(&world, number, None).await;
    let at = key.clone();
    if let Err(fault) = world.drafts.disk(move |dir| drafts::purge(&dir, &at)).await {
        // It is known by its id and not taken for a draft again.
        world.notice(Level::Warning, fault).await;
    }
    lease::clear(&world.leases, &lease_name(&key));
    let rid = slot.rid.clone();
    drop((slot, io));
    let found = pending(&world).into_iter().find(|one| one.rid == rid);
    if let Some(written) = found {
        // The end of the console does not wait for a case system: the next start posts it.
        tokio::select! {
            () = world.ending() => {}
            () = deliver(&world, &written) => {}
        }
    }
}

fn pending(world: &World) -> Vec<Written> {
    world.journal.with(|ledger| ledger.documents().pending())
}

/// Posts, for ever, what is confirmed and not known to be in its case; the outbox says what waits where nothing is posted.
pub(super) async fn retry(world: Arc<World>) {
    if unposted(&world).is_some() {
        return;
    }
    let mut refused: HashMap<RecordId, u32> = HashMap::new();
    for round in 0u32.. {
        let open = pending(&world);
        refused.retain(|rid, _| open.iter().any(|one| one.rid == *rid));
        for written in open {
            // Every try leaves records: one that cannot succeed must not fill the log.
            let every = refused.get(&written.rid).copied().unwrap_or(1);
            if !round.is_multiple_of(every) {
                continue;
            }
            deliver(&world, &written).await;
            if pending(&world).iter().any(|left| left.rid == written.rid) {
                refused.insert(written.rid, (every * 2).min(ROUNDS_MAX));
            }
        }
        tokio::time::sleep(world.pace.of(RETRY)).await;
    }
}

/// Posts a report unless another console of this user does, and says how it went.
async fn deliver(world: &World, written: &Written) {
    let lease = match lease::take(&world.leases, &written.rid) {
        Ok(Some(lease)) => lease,
        Ok(None) => return,
        Err(error) => {
            let error = own(error.to_string());
            let line = safe!(
                "the report waits: failed to take its lease: {}",
                error.line()
            );
            world.notice(Level::Warning, Fault::new(line)).await;
            return;
        }
    };
    // Another console may have posted it between our look and the lease.
    world.journal.catch_up().await;
    if !pending(world).iter().any(|left| left.rid == written.rid) {
        lease::clear(&world.leases, &written.rid);
        return;
    }
    let title = written.target.subject.title();
    let posted = once(world, written).await;
    if posted.is_ok() {
        lease::clear(&world.leases, &written.rid);
    }
    drop(lease);
    match posted {
        Ok(()) => {
            let fault = Fault::new(safe!("{} is in the case", title));
            world.notice(Level::Info, fault).await;
        }
        Err(unposted) => {
            let hint = "it is kept and tried again, also after a restart";
            let fault = unposted.of(&title).hint(hint);
            missing(world, &written.marker(), fault).await;
        }
    }
}

/// Posts it as it was written; where it waited, what is known since is said first.
async fn once(world: &World, written: &Written) -> Result<(), Unposted> {
    let body = layout::comment(&written.text, &written.by.block());
    let marker = written.marker();
    let case = &written.target.case;
    let comment = post_as(world, case, (&written.rid, &marker), |head| {
        let now = world.clock.now().utc;
        let first = world.journal.with(|ledger| late(written, ledger, now));
        let first = first.map(|line| format!("{}\n\n", sink::markdown(&line)));
        format!(
            "{}{body}\n{marker}\naudit {} n={} h={}\n",
            first.unwrap_or_default(),
            head.log,
            head.n,
            head.h
        )
    })
    .await?;
    let posted = Body::DocumentPosted(DocumentPosted {
        rid: written.rid.clone(),
        comment: comment.clone(),
    });
    let recorded = world.journal.record(vec![posted]).await;
    recorded
        .map(drop)
        .map_err(|fault| Unposted::there(fault, comment))
}
