//! Watching accounts that were enabled again, until the end of their watch: the provider's log, the SIEM, the account
//! itself, and at a slower pace the provider's list of what may be left.
//!
//! What must not live here: what is odd (`domain::containment::recovery_watch`), what the console says of it (`app`),
//! comments in the case (`told`).

mod left;
mod over;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::success::{OVERLAP, Read, sources, whole};
use super::{Anew, UNRECORDED, names, told};
use crate::app::message::{Message, WatchOf};
use crate::connect::capability::{ActivityQuery, ActivitySource};
use crate::domain::audit::{
    AttackSign, Body, RecoverySaid, RecoveryWord, WatchCursor, WatchLooked,
};
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::recovery_watch::{
    ATTACKER, Found, RecoveryWatch, judge_account, judge_event,
};
use crate::domain::fault::Fault;
use crate::domain::freshness::clock_word;
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

/// What a look says that found what another console is recording right now.
const HELD: &str = "another console is recording what was found";

/// What one process knows of the watches beside the records.
#[derive(Default)]
struct Kept {
    cursors: HashMap<(ActionId, ConnectionName), DateTime<Utc>>,
    anew: Anew,
    asked: names::Asked,
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
        self.is_held() || fault.is_some_and(|fault| fault.what.as_str() == UNRECORDED)
    }

    /// Tells whether another console puts on record what was found.
    fn is_held(&self) -> bool {
        let fault = self.fault.as_ref();
        fault.is_some_and(|fault| fault.what.as_str() == HELD)
    }
}

/// Looks for ever at the accounts that were enabled again, and tells their cases what was seen and how it ended.
pub(in crate::engine) async fn recoveries(world: Arc<World>) {
    let mut kept = Kept::default();
    let mut tries = told::Tries::default();
    for round in 0usize.. {
        if !left::pause(&world, round, &mut kept).await {
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
        self.anew.keep(runs);
        self.asked.keep(runs);
        self.listed.retain(|aid, _| runs(aid));
    }

    fn is_due(&self, aid: &ActionId, round: usize) -> bool {
        let listed = self.listed.get(aid);
        listed.is_none_or(|listed| round >= listed.due)
    }

    /// Keeps how reading the list went. What failed is read again sooner, but not at every look, and what fails again in the
    /// same way not sooner: a right that is missing stays missing. What cannot be recorded goes on being read sooner.
    fn keep_listed(&mut self, aid: &ActionId, round: usize, listed: &Look) {
        let fault = listed.fault.clone();
        let before = self.listed.get(aid).and_then(|one| one.fault.as_ref());
        let is_news = fault.is_some() && fault.as_ref() != before;
        let is_soon = is_news || listed.is_unrecorded();
        let every = if is_soon { LEFT_EVERY / 5 } else { LEFT_EVERY };
        let due = round.saturating_add(every);
        self.listed.insert(aid.clone(), Listed { due, fault });
    }
}

/// Looks once at one account in every source; at the end once more, and closes its watch.
async fn look(world: &World, watch: &RecoveryWatch, round: usize, kept: &mut Kept) {
    let now = world.clock.now().utc;
    let ends = now >= watch.until;
    let called = world.names.of(&watch.account, &watch.login);
    if kept.asked.changes(&watch.aid, &called) {
        kept.anew.keep(|aid| *aid != watch.aid);
    }
    let mut looks = logs(world, watch, round, ends, kept).await;
    looks.extend(account(world, watch, round, ends, now).await);
    tell(world, watch, WatchOf::Recovery, &looks).await;
    if kept.is_due(&watch.aid, round) || ends {
        let listed = left::look(world, watch, now).await;
        if let Some(listed) = listed {
            tell(world, watch, WatchOf::Left, std::slice::from_ref(&listed)).await;
            kept.keep_listed(&watch.aid, round, &listed);
            looks.push(listed);
        }
    }
    // A source whose finding waits to be recorded was read: it stands in no summary for that.
    for look in looks.iter().filter(|look| !look.is_unrecorded()) {
        missed(world, watch, look).await;
    }
    if ends {
        over::close(world, watch, &looks, now).await;
    }
}

/// Tells the console how looking went: the first failure, else that all is well. What another console records is none.
async fn tell(world: &World, watch: &RecoveryWatch, of: WatchOf, looks: &[Look]) {
    if looks.is_empty() {
        return;
    }
    let mut looks = looks.iter().filter(|look| !look.is_held());
    let fault = looks.find_map(|look| look.fault.clone());
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
    // Where it cannot be recorded the next look that fails tries again.
    let _ = alone(world, watch, |watch| {
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

/// Records what `bodies` gives for the watch as it is now, while no other console of this user does; `false` when one is
/// at it.
///
/// # Errors
/// When it could not be recorded.
async fn alone(
    world: &World,
    watch: &RecoveryWatch,
    bodies: impl FnOnce(&RecoveryWatch) -> Vec<Body>,
) -> Result<bool, Fault> {
    let lease = match lease::take(&world.leases, &watch.aid) {
        Ok(Some(lease)) => lease,
        Ok(None) => return Ok(false),
        Err(error) => return Err(super::unleased(&error)),
    };
    world.journal.catch_up().await;
    let bodies = world.journal.with(|ledger| {
        let now = ledger.recoveries().of(&watch.account);
        let now = now.filter(|now| now.aid == watch.aid && now.over.is_none());
        now.map(bodies).unwrap_or_default()
    });
    let done = if bodies.is_empty() {
        Ok(true)
    } else {
        world.journal.record(bodies).await.map(|_entries| true)
    };
    lease::clear(&world.leases, &watch.aid);
    drop(lease);
    done
}

/// Records what is not on record yet.
///
/// # Errors
/// When another console is at it, or it could not be recorded; then it has rung.
async fn record(
    world: &World,
    watch: &RecoveryWatch,
    source: &str,
    found: Vec<Found>,
) -> Result<(), Fault> {
    let new = Found::fresh(found.clone(), watch, source);
    if new.is_empty() {
        return Ok(());
    }
    let done = alone(world, watch, |watch| {
        Found::fresh(found, watch, source)
            .into_iter()
            .map(|one| said(watch, RecoveryWord::Seen(one.seen(watch, source))))
            .collect()
    });
    match done.await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Fault::new(HELD)),
        Err(fault) => {
            unrecorded(world, watch, source, &new, &fault.what).await;
            Err(Fault::new(UNRECORDED))
        }
    }
}

/// Rings for what cannot be recorded, once each; of what the attacker does only for the first, as it is with what is recorded.
async fn unrecorded(
    world: &World,
    watch: &RecoveryWatch,
    source: &str,
    found: &[Found],
    why: &Safe,
) {
    let knows_attacker = watch.seen.iter().any(|one| one.thing == ATTACKER);
    let new = found.iter().filter(|one| {
        let is_act = one.thing == ATTACKER;
        let act = is_act.then(|| Untrusted::new(ATTACKER));
        let key = act.as_ref().unwrap_or(&one.key);
        !(is_act && knows_attacker) && super::rings_first(world, &watch.aid, key)
    });
    let new: Vec<&Found> = new.collect();
    let Some(first) = new.first() else {
        return;
    };
    let what = safe!(
        "SEEN AFTER IT WAS ENABLED: {} at {}: {}, seen at {}, {} in all",
        watch.login.field(),
        clock_word(first.at),
        first.text,
        Untrusted::new(source).field(),
        new.len()
    );
    super::ring(world, &what, why).await;
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
        let known = (&signs, ours.as_slice());
        let new = ask(world, source.as_ref(), watch, known, kept).await;
        let late = again(world, source.as_ref(), watch, known, (round, ends), kept).await;
        let name = Untrusted::new(source.connection().as_str()).field();
        looks.push(Look::new(name, new.and(late).err()));
    }
    looks
}

/// What names the attacker, and the times of what was done from here.
type Known<'a> = (&'a BTreeSet<AttackSign>, &'a [DateTime<Utc>]);

/// Asks for what is new: from the newest event that was read, or a little before it.
async fn ask(
    world: &World,
    source: &dyn ActivitySource,
    watch: &RecoveryWatch,
    known: Known<'_>,
    kept: &mut Kept,
) -> Result<(), Fault> {
    let name = source.connection();
    let key = (watch.aid.clone(), name.clone());
    let recorded = world
        .journal
        .with(|ledger| ledger.holds().cursor(&watch.account, name));
    let before = kept.cursors.get(&key).copied().max(recorded);
    let from = before
        .and_then(|at| at.checked_sub_signed(OVERLAP))
        .map_or(watch.since, |at| at.max(watch.since));
    // Where it fails the next look starts from the same place.
    let read = read(world, source, watch, known, (from, None)).await?;
    if read.truncated {
        return read.whole(name);
    }
    if let Some(newest) = read.newest.max(before) {
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
    read.whole(name)
}

/// Asks, where that is due and at the end, for what was passed already once more, from the enabling on: what is known is
/// dropped by its id.
async fn again(
    world: &World,
    source: &dyn ActivitySource,
    watch: &RecoveryWatch,
    known: Known<'_>,
    (round, ends): (usize, bool),
    kept: &mut Kept,
) -> Result<(), Fault> {
    let key = (watch.aid.clone(), source.connection().clone());
    let passed = kept.cursors.get(&key).copied();
    let Some(until) = passed.filter(|at| *at > watch.since) else {
        return Ok(());
    };
    if !kept.anew.is_due(&key.0, &key.1, round) && !ends {
        return kept.anew.last(&key.0, &key.1);
    }
    // Where it fails, or what was found is not on record, it stays due.
    let read = read(world, source, watch, known, (watch.since, Some(until))).await?;
    let whole = read.whole(&key.1);
    kept.anew.done(&key.0, &key.1, round, whole.clone().err());
    whole
}

/// Reads a part of a source and records what should not be in it.
async fn read(
    world: &World,
    source: &dyn ActivitySource,
    watch: &RecoveryWatch,
    (signs, ours): Known<'_>,
    (from, until): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Result<Read, Fault> {
    let name = source.connection();
    let called = world.names.at(name, &watch.account, &watch.login);
    let mut user = vec![Untrusted::new(watch.account.raw())];
    user.extend(called.all());
    let query = ActivityQuery {
        user,
        since: from,
        until,
        limit: EVENTS_MAX,
    };
    // An event dated in the future would blind every later look.
    let now = world.clock.now().utc;
    let mut found: Vec<Found> = Vec::new();
    let (mut newest, mut unread) = (None, None);
    let end = source
        .search(&query, &mut |page| {
            newest = newest.max(page.items.iter().map(|event| event.at.min(now)).max());
            let judge = |event| judge_event(event, watch, &called, signs, ours);
            found.extend(page.items.iter().filter_map(judge));
            unread = unread.take().or(page.faults.into_iter().next());
            true
        })
        .await?;
    record(world, watch, name.as_str(), found).await?;
    let missed = unread.map(|fault| safe!("{}: {}", fault.record.field(), fault.reason.line()));
    Ok(Read {
        newest,
        missed: missed.map(|missed| whole(name, &missed)),
        truncated: end.truncated,
    })
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
        Ok(account) => {
            names::learn(world, &watch.account, &watch.login, &account).await;
            judge(&account)
        }
        Err(error) => return of(Some(Fault::from(error))),
    };
    if Found::fresh(first.clone(), watch, source.as_str()).is_empty() {
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
    of(record(world, watch, source.as_str(), both).await.err())
}

#[cfg(test)]
mod tests;
