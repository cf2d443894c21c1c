//! The provider's list of what may be left in an account that was enabled again.
//!
//! What must not live here: what is new in it (`domain::containment::recovery_watch`).

use chrono::{DateTime, Utc};

use super::{EVERY, Kept, Look, UNRECORDED, alone, missed, record, said, tell};
use crate::app::message::WatchOf;
use crate::domain::audit::{RecoveryWord, WatchLooked};
use crate::domain::containment::recovery_watch::{RecoveryWatch, item_key, judge_left, rings};
use crate::domain::containment::remnant::{LeftBehind, RemnantKind, Unread};
use crate::domain::fault::Fault;
use crate::domain::text::Safe;
use crate::engine::World;
use crate::safe;

/// Longest list whose items are kept by their hashes.
pub(super) const ITEMS_MAX: usize = 500;

/// How a provider says that it has no list of a kind, whatever its rights; a kind that it refuses is another thing.
pub(super) const NO_LIST: &str = " does not tell it: look in ";

/// In how many parts the pause between two rounds is cut.
const PARTS: u32 = 8;

/// Waits for the next round; `false` when the console ends.
///
/// The list of a watch that begins meanwhile is read within seconds: what comes before it is taken for what was there.
pub(super) async fn pause(world: &World, round: usize, kept: &mut Kept) -> bool {
    let part = EVERY.mul_f64(0.75 + 0.5 * fastrand::f64()) / PARTS;
    for _ in 0..PARTS {
        if !world.pause(part).await {
            return false;
        }
        let all: Vec<RecoveryWatch> = world.journal.with(|ledger| {
            let running = ledger.recoveries().running();
            let new = running
                .filter(|watch| watch.there.is_empty() && !kept.listed.contains_key(&watch.aid));
            new.cloned().collect()
        });
        for watch in &all {
            begin(world, watch, round, kept).await;
        }
    }
    true
}

/// Reads the list of a watch that began.
async fn begin(world: &World, watch: &RecoveryWatch, round: usize, kept: &mut Kept) {
    let Some(listed) = look(world, watch, world.clock.now().utc).await else {
        return;
    };
    tell(world, watch, WatchOf::Left, std::slice::from_ref(&listed)).await;
    kept.keep_listed(&watch.aid, round, &listed);
    if !listed.is_unrecorded() {
        missed(world, watch, &listed).await;
    }
}

/// Looks what was left in the account since it was enabled; `None` where another console is recording that now.
pub(super) async fn look(world: &World, watch: &RecoveryWatch, now: DateTime<Utc>) -> Option<Look> {
    let name = &watch.account.connection;
    let source = safe!("what is left at {}", name);
    let identity = world.identity(name)?;
    let left = match identity.left_behind(&watch.account).await {
        Ok(left) => left,
        Err(error) => return Some(Look::new(source, Some(Fault::from(error)))),
    };
    let first: Vec<RemnantKind> = new_kinds(&left, watch);
    let items: Vec<String> = left
        .remnants
        .iter()
        .filter(|one| first.contains(&one.item.kind))
        .map(item_key)
        .collect();
    let mut fault = unread(&left, items.len());
    // Of a list that is too long to be kept only what has a time is judged.
    if !first.is_empty() && items.len() <= ITEMS_MAX {
        let looked = WatchLooked {
            aid: watch.aid.clone(),
            source: source.as_str().to_owned(),
            missed: None,
            kinds: first,
            items,
        };
        let done = alone(world, watch, |now| {
            // Another console may have read it before: the earlier look counts.
            let is_new = looked
                .kinds
                .iter()
                .all(|kind| !now.there.contains_key(kind));
            let body = is_new.then(|| said(now, RecoveryWord::Looked(looked)));
            body.into_iter().collect()
        });
        match done.await {
            Ok(true) => {}
            Ok(false) => return None,
            // What has a time is judged all the same.
            Err(_unrecorded) => fault = Some(Fault::new(UNRECORDED)),
        }
    }
    let watch = world.journal.with(|ledger| {
        let watch = ledger.recoveries().of(&watch.account);
        watch.cloned()
    })?;
    let found = judge_left(&left, &watch, now);
    let recorded = record(world, &watch, source.as_str(), found).await;
    let look = Look {
        source,
        fault: recorded.err().or(fault),
        limits: limits(&left),
    };
    (!look.is_held()).then_some(look)
}

/// Lists the kinds whose list was read whole for the first time.
fn new_kinds(left: &LeftBehind, watch: &RecoveryWatch) -> Vec<RemnantKind> {
    let is_new = |kind: &&RemnantKind| rings(**kind) && !watch.there.contains_key(kind);
    left.read.iter().filter(is_new).copied().collect()
}

/// Says what was not read of the list, and that there is more than can be kept; `items` are those to be kept.
///
/// What the provider has no list of, and what it never tells of a kind that was read, is said once, in the summary.
pub(super) fn unread(left: &LeftBehind, items: usize) -> Option<Fault> {
    let is_lost = |one: &&Unread| {
        let never = left.read.contains(&one.kind) || one.reason.as_str().contains(NO_LIST);
        rings(one.kind) && !never
    };
    let lost = left.unread.iter().filter(is_lost);
    let lost = lost.map(|one| safe!("{} was not read whole: {}", one.kind.word(), one.reason));
    let long = (items > ITEMS_MAX).then(|| {
        safe!(
            "{} things are listed, more than the {} that can be kept: only what has a time is judged",
            items,
            ITEMS_MAX
        )
    });
    let all: Vec<Safe> = lost.chain(long).collect();
    (!all.is_empty()).then(|| Fault::new(Safe::join(all, &Safe::fixed("; "))))
}

/// Says what the provider never tells of the kinds that were read as far as it lists them.
pub(super) fn limits(left: &LeftBehind) -> Option<Safe> {
    let is_beside = |one: &&Unread| rings(one.kind) && left.read.contains(&one.kind);
    let beside = left.unread.iter().filter(is_beside);
    let all: Vec<Safe> = beside.map(|one| one.reason.clone()).collect();
    (!all.is_empty()).then(|| Safe::join(all, &Safe::fixed("; ")))
}
