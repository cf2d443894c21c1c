//! Watching accounts that were enabled again, until the end of their watch: the provider's log, the SIEM, the account
//! itself, and at a slower pace the provider's list of what may be left.
//!
//! What must not live here: what is odd (`domain::containment::recovery_watch`), what the console says of it (`app`),
//! comments in the case (`told`).

mod over;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::success::{OVERLAP, sources};
use super::told;
use crate::app::message::{Message, WatchOf};
use crate::connect::capability::{ActivityQuery, ActivitySource};
use crate::domain::audit::{
    AttackSign, Body, RecoverySaid, RecoveryWord, WatchCursor, WatchLooked,
};
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::recovery_watch::{
    Found, RecoveryWatch, item_key, judge_account, judge_event, judge_left, rings,
};
use crate::domain::containment::remnant::{LeftBehind, RemnantKind, Unread};
use crate::domain::fault::Fault;
use crate::domain::ids::{ActionId, ConnectionName};
use crate::domain::text::{Safe, Untrusted};
use crate::engine::World;
use crate::safe;
use crate::store::lease;

/// How often an account is looked at: give or take a quarter; half as often where the vendor's rate is low.
const EVERY: Duration = Duration::from_secs(40);

/// After how many rounds the list of what may be left is read again: ten minutes. It is many requests at some vendors.
const LEFT_EVERY: usize = 15;

/// Most events of one look; beyond them it says that it did not see everything.
const EVENTS_MAX: usize = 10_000;

/// How far the newest event must have moved before its time is recorded anew.
const CURSOR_STEP: chrono::Duration = chrono::Duration::minutes(15);

/// Longest list whose items are kept by their hashes.
const ITEMS_MAX: usize = 500;

/// What a look says that found something and could not record it: the next one finds it again.
const UNRECORDED: &str = "what was found is not on record yet";

/// How a provider says that it has no list of a kind, whatever its rights; a kind that it refuses is another thing.
const NO_LIST: &str = " does not tell it: look in ";

/// What one process knows of the watches beside the records.
#[derive(Default)]
struct Kept {
    cursors: HashMap<(ActionId, ConnectionName), DateTime<Utc>>,
    listed: HashMap<ActionId, Listed>,
}

/// In which round the list is read again, and how reading it went last.
struct Listed {
    due: usize,
    fault: Option<Fault>,
}

/// How reading one source went.
struct Look {
    source: Safe,
    fault: Option<Fault>,
    /// What it never tells of what it lists.
    limits: Option<Safe>,
}

impl Look {
    fn new(source: Safe, fault: Option<Fault>) -> Self {
        Self {
            source,
            fault,
            limits: None,
        }
    }

    /// Tells whether the source was read, and what was found is not on record.
    fn is_unrecorded(&self) -> bool {
        let fault = self.fault.as_ref();
        fault.is_some_and(|fault| fault.what.as_str() == UNRECORDED)
    }
}

/// Looks for ever at the accounts that were enabled again, and tells their cases what was seen and how it ended.
pub(in crate::engine) async fn recoveries(world: Arc<World>) {
    let mut kept = Kept::default();
    let mut tries = told::Tries::default();
    for round in 0usize.. {
        if !world
            .pause(EVERY.mul_f64(0.75 + 0.5 * fastrand::f64()))
            .await
        {
            return;
        }
        world.journal.catch_up().await;
        let all: Vec<RecoveryWatch> = world
            .journal
            .with(|ledger| ledger.recoveries().running().cloned().collect());
        kept.keep_only(&all);
        for watch in super::turn(&all, round) {
            look(&world, watch, round, &mut kept).await;
        }
        over::tell_cases(&world, &mut tries).await;
    }
}

impl Kept {
    /// Forgets what belongs to watches that ended.
    fn keep_only(&mut self, all: &[RecoveryWatch]) {
        let runs = |aid: &ActionId| all.iter().any(|watch| watch.aid == *aid);
        self.cursors.retain(|(aid, _), _| runs(aid));
        self.listed.retain(|aid, _| runs(aid));
    }

    fn is_due(&self, aid: &ActionId, round: usize) -> bool {
        let listed = self.listed.get(aid);
        listed.is_none_or(|listed| round >= listed.due)
    }

    /// Keeps how reading the list went. What failed is read again sooner, but not at every look, and what fails again in the
    /// same way not sooner: a right that is missing stays missing.
    fn keep_listed(&mut self, aid: &ActionId, round: usize, fault: Option<Fault>) {
        let before = self.listed.get(aid).and_then(|one| one.fault.as_ref());
        let is_news = fault.is_some() && fault.as_ref() != before;
        let every = if is_news { LEFT_EVERY / 5 } else { LEFT_EVERY };
        let due = round.saturating_add(every);
        self.listed.insert(aid.clone(), Listed { due, fault });
    }
}

/// Looks once at one account in every source; at the end once more, and closes its watch.
async fn look(world: &World, watch: &RecoveryWatch, round: usize, kept: &mut Kept) {
    let now = world.clock.now().utc;
    let ends = now >= watch.until;
    let mut looks = logs(world, watch, round, ends, kept).await;
    looks.extend(account(world, watch, round, ends, now).await);
    tell(world, watch, WatchOf::Recovery, &looks).await;
    if kept.is_due(&watch.aid, round) || ends {
        let listed = left(world, watch, now).await;
        if let Some(listed) = listed {
            let fault = listed.fault.clone();
            tell(world, watch, WatchOf::Left, std::slice::from_ref(&listed)).await;
            kept.keep_listed(&watch.aid, round, fault);
            looks.push(listed);
        }
    }
    // A source whose finding waits for another console was read: it stands in no summary for that.
    for look in looks.iter().filter(|look| !look.is_unrecorded()) {
        missed(world, watch, look).await;
    }
    if ends {
        over::close(world, watch, &looks, now).await;
    }
}

/// Tells the console how looking went: the first failure, else that all is well.
async fn tell(world: &World, watch: &RecoveryWatch, of: WatchOf, looks: &[Look]) {
    if looks.is_empty() {
        return;
    }
    let fault = looks.iter().find_map(|look| look.fault.clone());
    let account = watch.account.clone();
    world.tell(Message::Watched { account, of, fault }).await;
}

/// Records once that a source could not be read: the summary names it also after a restart.
async fn missed(world: &World, watch: &RecoveryWatch, look: &Look) {
    let Some(fault) = &look.fault else { return };
    let source = look.source.as_str();
    if watch.missed.contains_key(source) {
        return;
    }
    let looked = WatchLooked {
        aid: watch.aid.clone(),
        source: source.to_owned(),
        missed: Some(Untrusted::new(fault.what.as_str())),
        kinds: Vec::new(),
        items: Vec::new(),
    };
    alone(world, watch, |watch| {
        let is_new = !watch.missed.contains_key(source);
        let body = is_new.then(|| said(watch, RecoveryWord::Looked(looked)));
        body.into_iter().collect()
    })
    .await;
}

fn said(watch: &RecoveryWatch, word: RecoveryWord) -> Body {
    Body::Recovery(RecoverySaid {
        case: watch.case.clone(),
        account: watch.account.clone(),
        word,
    })
}

/// Records what `bodies` gives for the watch as it is now, while no other console of this user does; `false` when that
/// could not be done now.
async fn alone(
    world: &World,
    watch: &RecoveryWatch,
    bodies: impl FnOnce(&RecoveryWatch) -> Vec<Body>,
) -> bool {
    let Ok(Some(lease)) = lease::take(&world.leases, &watch.aid) else {
        return false;
    };
    world.journal.catch_up().await;
    let bodies = world.journal.with(|ledger| {
        let now = ledger.recoveries().of(&watch.account);
        let now = now.filter(|now| now.aid == watch.aid && now.over.is_none());
        now.map(bodies).unwrap_or_default()
    });
    let done = bodies.is_empty() || world.journal.record(bodies).await.is_ok();
    lease::clear(&world.leases, &watch.aid);
    drop(lease);
    done
}

/// Records what is not on record yet; `false` when that could not be done now.
async fn record(world: &World, watch: &RecoveryWatch, source: &str, found: Vec<Found>) -> bool {
    if found.iter().all(|one| one.is_known(watch, source)) {
        return true;
    }
    alone(world, watch, |watch| {
        Found::fresh(found, watch, source)
            .into_iter()
            .map(|one| said(watch, RecoveryWord::Seen(one.seen(watch, source))))
            .collect()
    })
    .await
}

/// Looks in the log of the account's own provider and in every SIEM.
async fn logs(
    world: &World,
    watch: &RecoveryWatch,
    round: usize,
    ends: bool,
    kept: &mut Kept,
) -> Vec<Look> {
    let (signs, ours) = world.journal.with(|ledger| {
        let acts = ledger.on(&watch.account);
        let ours: Vec<DateTime<Utc>> = acts.filter_map(ActionView::effective_at).collect();
        (ledger.recoveries().signs(watch), ours)
    });
    let mut looks = Vec::new();
    let all = sources(world, &watch.account.connection);
    if all.is_empty() {
        let what = "there is no log to see anything in: neither of its provider nor a SIEM";
        looks.push(Look::new("logs".into(), Some(Fault::new(what))));
    }
    for source in all {
        if source.rate_is_low() && !round.is_multiple_of(2) && !ends {
            continue;
        }
        let asked = ask(world, source.as_ref(), watch, (&signs, &ours), kept).await;
        let name = Untrusted::new(source.connection().as_str()).field();
        looks.push(Look::new(name, asked.err()));
    }
    looks
}

async fn ask(
    world: &World,
    source: &dyn ActivitySource,
    watch: &RecoveryWatch,
    (signs, ours): (&BTreeSet<AttackSign>, &[DateTime<Utc>]),
    kept: &mut Kept,
) -> Result<(), Fault> {
    let name = source.connection();
    let key = (watch.aid.clone(), name.clone());
    let recorded = world
        .journal
        .with(|ledger| ledger.holds().cursor(&watch.account, name));
    let before = kept.cursors.get(&key).copied().max(recorded);
    let query = ActivityQuery {
        user: vec![Untrusted::new(watch.account.raw()), watch.login.clone()],
        since: before
            .and_then(|at| at.checked_sub_signed(OVERLAP))
            .map_or(watch.since, |at| at.max(watch.since)),
        until: None,
        limit: EVENTS_MAX,
    };
    // An event dated in the future would blind every later look.
    let now = world.clock.now().utc;
    let mut found: Vec<Found> = Vec::new();
    let (mut newest, mut unread) = (None, None);
    let end = source
        .search(&query, &mut |page| {
            newest = newest.max(page.items.iter().map(|event| event.at.min(now)).max());
            let events = page.items.iter();
            found.extend(events.filter_map(|event| judge_event(event, watch, signs, ours)));
            unread = unread.take().or(page.faults.into_iter().next());
            true
        })
        .await?;
    if !record(world, watch, name.as_str(), found).await {
        // The next look starts from the same place.
        return Err(Fault::new(UNRECORDED));
    }
    let missed = unread.map(|fault| safe!("{}: {}", fault.record.field(), fault.reason.line()));
    let whole = |what: Safe| Fault::new(safe!("{} was not read whole: {}", name, what));
    if end.truncated {
        let what = missed.unwrap_or_else(|| "too many events of the account".into());
        return Err(whole(what));
    }
    if let Some(newest) = newest.max(before) {
        kept.cursors.insert(key, newest);
        if recorded.is_none_or(|at| newest - at >= CURSOR_STEP) {
            let body = Body::WatchCursor(WatchCursor {
                account: watch.account.clone(),
                connection: name.clone(),
                upto: newest,
            });
            // The journal tells the console when it fails; the next start looks further back.
            let _ = world.journal.record(vec![body]).await;
        }
    }
    missed.map_or(Ok(()), |missed| Err(whole(missed)))
}

/// Looks whether others changed the status or the password; `None` where it is left out for the vendor's rate.
async fn account(
    world: &World,
    watch: &RecoveryWatch,
    round: usize,
    ends: bool,
    now: DateTime<Utc>,
) -> Option<Look> {
    let name = &watch.account.connection;
    let source = safe!("the account at {}", name);
    let of = |fault| Some(Look::new(source.clone(), fault));
    let Some(identity) = world.identity(name) else {
        let what = safe!("no identity provider is named {} now", name);
        return of(Some(Fault::new(what)));
    };
    if identity.rate_is_low() && !round.is_multiple_of(2) && !ends {
        return None;
    }
    let judge = |account: &crate::domain::account::Account| {
        let is_out = identity.keeps_out(&account.status);
        world
            .journal
            .with(|ledger| judge_account(account, is_out, watch, ledger, now))
    };
    let first = match identity.account(&watch.account).await {
        Ok(account) => judge(&account),
        Err(error) => return of(Some(Fault::from(error))),
    };
    if first.iter().all(|one| one.is_known(watch, source.as_str())) {
        return of(None);
    }
    // Two readings, so that one answer of a replica that lags raises no alarm; what we did meanwhile is known by then.
    if !world.pause(Duration::from_secs(5)).await {
        return None;
    }
    world.journal.catch_up().await;
    let again = match identity.account(&watch.account).await {
        Ok(account) => judge(&account),
        Err(error) => return of(Some(Fault::from(error))),
    };
    let both = again
        .into_iter()
        .filter(|one| first.iter().any(|before| before.key == one.key))
        .collect();
    let done = record(world, watch, source.as_str(), both).await;
    of((!done).then(|| Fault::new(UNRECORDED)))
}

/// Looks what was left in the account since it was enabled; `None` where it could not be recorded now.
async fn left(world: &World, watch: &RecoveryWatch, now: DateTime<Utc>) -> Option<Look> {
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
    let fault = unread(&left, items.len());
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
        if !done.await {
            return None;
        }
    }
    let watch = world.journal.with(|ledger| {
        let watch = ledger.recoveries().of(&watch.account);
        watch.cloned()
    })?;
    let found = judge_left(&left, &watch, now);
    if !record(world, &watch, source.as_str(), found).await {
        return None;
    }
    Some(Look {
        source,
        fault,
        limits: limits(&left),
    })
}

/// Lists the kinds whose list was read whole for the first time.
fn new_kinds(left: &LeftBehind, watch: &RecoveryWatch) -> Vec<RemnantKind> {
    let is_new = |kind: &&RemnantKind| rings(**kind) && !watch.there.contains_key(kind);
    left.read.iter().filter(is_new).copied().collect()
}

/// Says what was not read of the list, and that there is more than can be kept; `items` are those to be kept.
///
/// What the provider has no list of, and what it never tells of a kind that was read, is said once, in the summary.
fn unread(left: &LeftBehind, items: usize) -> Option<Fault> {
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
fn limits(left: &LeftBehind) -> Option<Safe> {
    let is_beside = |one: &&Unread| rings(one.kind) && left.read.contains(&one.kind);
    let beside = left.unread.iter().filter(is_beside);
    let all: Vec<Safe> = beside.map(|one| one.reason.clone()).collect();
    (!all.is_empty()).then(|| Safe::join(all, &Safe::fixed("; ")))
}

#[cfg(test)]
mod tests;
