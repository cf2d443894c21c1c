//! Watching contained accounts for a success: in the log of their own provider and in the SIEM.
//!
//! What must not live here: what the console says of it (`app`), comments in the case (`told`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Anew, UNRECORDED, names, told};
use crate::app::message::{Message, WatchOf};
use crate::connect::capability::{ActivityQuery, ActivitySource};
use crate::domain::audit::{Body, WatchCursor, WatchSuccess};
use crate::domain::containment::called::Called;
use crate::domain::containment::hold::SUCCESSES_MAX;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::standing::standing;
use crate::domain::fault::Fault;
use crate::domain::freshness::clock_word;
use crate::domain::ids::{AccountId, ActionId, ConnectionName, PlanId};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::event::{Event, Outcome};
use crate::engine::World;
use crate::safe;
use crate::store::lease;

/// How often an account is looked at: give or take a quarter, and half as often where the vendor's rate is low.
const EVERY: Duration = Duration::from_secs(40);

/// Most events of one look; beyond them it says that it did not see everything.
const EVENTS_MAX: usize = 10_000;

/// How long the look before a comment may take.
pub(super) const AT_ONCE: Duration = Duration::from_secs(5);

/// Most successes recorded by one look.
const RECORDED_MAX: usize = 20;

/// Looked back over again at every look: logs are filled late.
pub(super) const OVERLAP: chrono::Duration = chrono::Duration::minutes(30);

/// How far the newest event must have moved before its time is recorded anew.
const CURSOR_STEP: chrono::Duration = chrono::Duration::minutes(15);

/// What one process knows of the watch beside the records.
#[derive(Default)]
struct Kept {
    cursors: HashMap<(AccountId, ConnectionName), DateTime<Utc>>,
    anew: Anew,
    asked: names::Asked,
}

/// Looks for ever for successes of contained accounts, and tells their cases what was seen and what was undone.
pub(in crate::engine) async fn successes(world: Arc<World>) {
    let mut kept = Kept::default();
    let mut tries = told::Tries::default();
    for round in 0usize.. {
        if !world
            .pause(EVERY.mul_f64(0.75 + 0.5 * fastrand::f64()))
            .await
        {
            return;
        }
        // What the journal holds is what another console may have seen meanwhile.
        world.journal.catch_up().await;
        let all = super::disabled(&world);
        let runs = |aid: &ActionId| all.iter().any(|action| action.aid == *aid);
        kept.anew.keep(runs);
        kept.asked.keep(runs);
        for action in super::turn(&all, round) {
            look(&world, action, round, &mut kept).await;
        }
        told::tell_cases(&world, &mut tries).await;
    }
}

/// Looks once for successes before a containment is documented: what is written into the case is what the sources say by
/// then.
pub(in crate::engine) async fn look_now(world: &Arc<World>, pid: &PlanId) {
    let Some(action) = newest(world, pid) else {
        return;
    };
    let shared = Arc::clone(world);
    let looks = world.tasks.spawn(async move {
        let mut kept = Kept::default();
        tokio::select! {
            () = shared.stop.cancelled() => {}
            () = look(&shared, &action, 0, &mut kept) => {}
        }
    });
    // A source that does not answer keeps no record from the case: the watch tells it later. The look goes on meanwhile, so
    // that what it records is told here.
    let _ = tokio::time::timeout(AT_ONCE, looks).await;
}

/// Gives the disabling that holds the account of a plan.
pub(super) fn newest(world: &World, pid: &PlanId) -> Option<ActionView> {
    let plan = world.journal.plan(pid);
    let account = plan.first()?.account.clone();
    let now = world.clock.now().utc;
    world.journal.with(|ledger| {
        let mut all = ledger.disabled(now).into_iter();
        let found = all.find(|one| one.account == account && one.still_disables());
        found.cloned()
    })
}

/// Looks once for successes of one account in every source.
async fn look(world: &World, action: &ActionView, round: usize, kept: &mut Kept) {
    let since = world
        .journal
        .with(|ledger| standing(ledger, &action.account, |_| false).since());
    let Some(since) = since.or(action.watched_from()) else {
        return;
    };
    let called = world.names.of(&action.account, &action.login);
    if kept.asked.changes(&action.aid, &called) {
        // What was passed under the names of before may be there under the new one.
        kept.anew.keep(|aid| *aid != action.aid);
    }
    let mut fault = None;
    let mut asked = false;
    let sources = sources(world, &action.account.connection);
    if sources.is_empty() {
        let what = "there is no log to see a success in: neither of its provider nor a SIEM";
        fault = Some(Fault::new(what));
    }
    for source in sources {
        if source.rate_is_low() && !round.is_multiple_of(2) {
            continue;
        }
        let new = ask(world, source.as_ref(), action, since, kept).await;
        let late = again(world, source.as_ref(), action, since, round, kept).await;
        match new.and(late) {
            Ok(()) => asked = true,
            Err(error) => fault = Some(error),
        }
    }
    if asked || fault.is_some() {
        let told = Message::Watched {
            account: action.account.clone(),
            of: WatchOf::Successes,
            fault,
        };
        world.tell(told).await;
    }
}

/// Lists the log of the account's own provider, then every SIEM.
pub(super) fn sources(world: &World, provider: &ConnectionName) -> Vec<Arc<dyn ActivitySource>> {
    let own = world
        .identity_logs
        .iter()
        .filter(|one| one.connection() == provider);
    let is_log = |name: &ConnectionName| {
        world
            .identity_logs
            .iter()
            .any(|log| log.connection() == name)
    };
    let others = world
        .activity
        .iter()
        .filter(|one| !is_log(one.connection()));
    own.chain(others).map(Arc::clone).collect()
}

/// Asks for what is new: from the newest event that was read, or a little before it.
async fn ask(
    world: &World,
    source: &dyn ActivitySource,
    action: &ActionView,
    since: DateTime<Utc>,
    kept: &mut Kept,
) -> Result<(), Fault> {
    let key = (action.account.clone(), source.connection().clone());
    let recorded = world
        .journal
        .with(|ledger| ledger.holds().cursor(&key.0, &key.1));
    let before = kept.cursors.get(&key).copied().max(recorded);
    let from = before
        .and_then(|at| at.checked_sub_signed(OVERLAP))
        .map_or(since, |at| at.max(since));
    let Some(read) = read(world, source, action, since, (from, None)).await? else {
        return Ok(());
    };
    if read.truncated {
        // The next look starts from the same place.
        return read.whole(&key.1);
    }
    let Some(newest) = read.newest.max(before) else {
        return read.whole(&key.1);
    };
    kept.cursors.insert(key.clone(), newest);
    if recorded.is_none_or(|at| newest - at >= CURSOR_STEP) {
        let body = Body::WatchCursor(WatchCursor {
            account: key.0,
            connection: key.1,
            upto: newest,
        });
        // The journal tells the console when it fails; the next start looks further back.
        let _ = world.journal.record(vec![body]).await;
    }
    read.whole(source.connection())
}

/// Asks, where that is due, for what was passed already once more, from the containment on: what is known is dropped by its
/// id.
async fn again(
    world: &World,
    source: &dyn ActivitySource,
    action: &ActionView,
    since: DateTime<Utc>,
    round: usize,
    kept: &mut Kept,
) -> Result<(), Fault> {
    let key = (action.account.clone(), source.connection().clone());
    let passed = kept.cursors.get(&key).copied();
    let Some(until) = passed.filter(|at| *at > since) else {
        return Ok(());
    };
    if !kept.anew.is_due(&action.aid, &key.1, round) {
        return kept.anew.last(&action.aid, &key.1);
    }
    // Where it fails, or is to be looked for again, it stays due.
    let Some(read) = read(world, source, action, since, (since, Some(until))).await? else {
        return Ok(());
    };
    let whole = read.whole(&key.1);
    kept.anew
        .done(&action.aid, &key.1, round, whole.clone().err());
    whole
}

/// How reading a part of a source went.
pub(super) struct Read {
    pub(super) newest: Option<DateTime<Utc>>,
    /// A record that could not be read: something may be in it.
    pub(super) missed: Option<Fault>,
    /// Whether there are more events than one look reads: it has the oldest then.
    pub(super) truncated: bool,
}

impl Read {
    /// Tells whether everything was read that was asked for.
    ///
    /// # Errors
    /// When a record could not be read, or there are more events than one look reads.
    pub(super) fn whole(self, source: &ConnectionName) -> Result<(), Fault> {
        let what = "too many events of the account";
        let many = self.truncated.then(|| whole(source, &what.into()));
        self.missed.or(many).map_or(Ok(()), Err)
    }
}

pub(super) fn whole(source: &ConnectionName, what: &Safe) -> Fault {
    Fault::new(safe!("{} was not read whole: {}", source, what))
}

/// Reads a part of a source and records the successes in it; `None` where they are to be looked for again.
async fn read(
    world: &World,
    source: &dyn ActivitySource,
    action: &ActionView,
    since: DateTime<Utc>,
    (from, until): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Result<Option<Read>, Fault> {
    let name = source.connection();
    let called = world.names.at(name, &action.account, &action.login);
    let mut user = vec![Untrusted::new(action.account.raw())];
    user.extend(called.all());
    let query = ActivityQuery {
        user,
        since: from,
        until,
        limit: EVENTS_MAX,
    };
    let mut events: Vec<Event> = Vec::new();
    // An event dated in the future would blind every later look.
    let now = world.clock.now().utc;
    let mut newest = None;
    let mut unread = None;
    let end = source
        .search(&query, &mut |page| {
            newest = newest.max(page.items.iter().map(|event| event.at.min(now)).max());
            let seen = page.items.into_iter();
            events.extend(seen.filter(|event| is_success(event, action, &called, since)));
            unread = unread.take().or(page.faults.into_iter().next());
            true
        })
        .await?;
    if !record(world, name, action, since, &events).await? {
        return Ok(None);
    }
    let missed = unread.map(|fault| safe!("{}: {}", fault.record.field(), fault.reason.line()));
    Ok(Some(Read {
        newest,
        missed: missed.map(|missed| whole(name, &missed)),
        truncated: end.truncated,
    }))
}

/// Tells whether an event is the account's own doing, after its containment, and worked.
fn is_success(event: &Event, action: &ActionView, called: &Called, since: DateTime<Utc>) -> bool {
    let account = action.account.raw();
    let by_account = match &event.user.id {
        Some(id) if id.raw().eq_ignore_ascii_case(account) => true,
        // A SIEM may have ids of its own; a provider's log has the provider's.
        _ => called.is_name_of(&event.user),
    };
    by_account && event.outcome == Outcome::Success && !event.untimed && event.at > since
}

/// Records what is new; `false` when it must be looked for again: another console is at it, or there is more.
///
/// # Errors
/// When it could not be recorded; it has rung then.
async fn record(
    world: &World,
    source: &ConnectionName,
    action: &ActionView,
    since: DateTime<Utc>,
    events: &[Event],
) -> Result<bool, Fault> {
    let (mut seen, _) = fresh(world, source, action, since, events);
    if seen.is_empty() {
        return Ok(true);
    }
    // Two consoles that see the same event must not both record it.
    let why = match lease::take(&world.leases, &action.aid) {
        Ok(Some(lease)) => {
            world.journal.catch_up().await;
            let (now, left) = fresh(world, source, action, since, events);
            seen = now;
            let bodies: Vec<Body> = seen.iter().cloned().map(Body::WatchSuccess).collect();
            let done = if bodies.is_empty() {
                Ok(())
            } else {
                // The journal tells the console, which rings.
                world.journal.record(bodies).await.map(drop)
            };
            lease::clear(&world.leases, &action.aid);
            drop(lease);
            match done {
                Ok(()) => return Ok(!left),
                Err(fault) => fault.what,
            }
        }
        Ok(None) => return Ok(false),
        Err(error) => super::unleased(&error).what,
    };
    unrecorded(world, action, &seen, &why).await;
    Err(Fault::new(UNRECORDED))
}

/// Rings for successes that cannot be recorded, once each.
async fn unrecorded(world: &World, action: &ActionView, seen: &[WatchSuccess], why: &Safe) {
    let new = seen
        .iter()
        .filter(|one| super::rings_first(world, &action.aid, &one.event));
    let new: Vec<&WatchSuccess> = new.collect();
    let Some(first) = new.iter().min_by_key(|one| one.at) else {
        return;
    };
    let address = first.address.as_ref().map(Untrusted::field);
    let from = address.map_or_else(Safe::default, |address| safe!(" from {}", address));
    let what = safe!(
        "SUCCESS AFTER CONTAINMENT: {} at {}{}, seen at {}, {} in all",
        action.login.field(),
        clock_word(first.at),
        from,
        first.connection,
        new.len()
    );
    super::ring(world, &what, why).await;
}

/// Lists what is not on record, as many as one look records, and tells whether there are more.
fn fresh(
    world: &World,
    source: &ConnectionName,
    action: &ActionView,
    since: DateTime<Utc>,
    events: &[Event],
) -> (Vec<WatchSuccess>, bool) {
    world.journal.with(|ledger| {
        let holds = ledger.holds();
        let room = SUCCESSES_MAX.saturating_sub(holds.successes(&action.account, since).count());
        let fresh: Vec<&Event> = events
            .iter()
            .filter(|event| !holds.knows(&action.account, &event.id))
            .collect();
        let most = room.min(RECORDED_MAX);
        let left = fresh.len() > most && room > most;
        let all = fresh.into_iter().take(most).map(|event| WatchSuccess {
            case: action.case.clone(),
            account: action.account.clone(),
            connection: source.clone(),
            event: event.id.clone(),
            at: event.at,
            action: event.action.clone(),
            address: event.ip.clone(),
        });
        (all.collect(), left)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{account, aid, at, connection, proven};
    use crate::domain::timeline::event::Party;

    #[rstest]
    #[case::by_its_name_of_before("mara.lind@acme.example", None, 60, true)]
    #[case::by_its_name_of_now("Mara.Berg@acme.example", None, 60, true)]
    #[case::by_its_id("m.berg", Some("00uabc"), 60, true)]
    #[case::by_an_id_of_the_siem("mara.berg@acme.example", Some("u-7"), 60, true)]
    #[case::somebody_else("jo@acme.example", Some("00uJo"), 60, false)]
    #[case::before_the_containment("mara.berg@acme.example", None, 5, false)]
    fn a_success_is_the_accounts_under_every_name_of_it(
        #[case] user: &str,
        #[case] id: Option<&str>,
        #[case] seconds: i64,
        #[case] is: bool,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 10, 0);
        let Some(action) = ledger.get(&aid(1)) else {
            panic!("it is on record");
        };
        let event = Event {
            id: "e1".into(),
            at: at(seconds),
            action: "signed in".into(),
            outcome: Outcome::Success,
            user: Party {
                id: id.map(Into::into),
                name: Some(user.into()),
                ..Party::default()
            },
            ..Event::default()
        };
        let called = Called::new(&"mara.berg@acme.example".into()).with(&account().login);
        assert_eq!(is_success(&event, action, &called, at(10)), is);
    }

    #[rstest]
    #[case::all(false, None, None)]
    #[case::more_than_one_look_reads(
        true,
        None,
        Some("okta was not read whole: too many events of the account")
    )]
    #[case::a_record(false, Some("e1: no time"), Some("e1: no time"))]
    #[case::both(true, Some("e1: no time"), Some("e1: no time"))]
    fn a_reading_that_missed_something_is_a_fault(
        #[case] truncated: bool,
        #[case] missed: Option<&'static str>,
        #[case] says: Option<&str>,
    ) {
        let read = Read {
            newest: None,
            missed: missed.map(Fault::new),
            truncated,
        };
        let fault = read.whole(&connection()).err();
        assert_eq!(fault.as_ref().map(|fault| fault.what.as_str()), says);
    }
}
