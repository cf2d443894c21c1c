//! Watching contained accounts for a success: in the log of their own provider and in the SIEM.
//!
//! What must not live here: what the console says of it (`app`), comments in the case (`told`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::told;
use crate::app::message::{Message, WatchOf};
use crate::connect::capability::{ActivityQuery, ActivitySource};
use crate::domain::audit::{Body, WatchCursor, WatchSuccess};
use crate::domain::containment::hold::SUCCESSES_MAX;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::standing::standing;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, ConnectionName, PlanId};
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
const AT_ONCE: Duration = Duration::from_secs(5);

/// Most successes recorded by one look.
const RECORDED_MAX: usize = 20;

/// Looked back over again at every look: logs are filled late.
pub(super) const OVERLAP: chrono::Duration = chrono::Duration::minutes(30);

/// How far the newest event must have moved before its time is recorded anew.
const CURSOR_STEP: chrono::Duration = chrono::Duration::minutes(15);

type Cursors = HashMap<(AccountId, ConnectionName), DateTime<Utc>>;

/// Looks for ever for successes of contained accounts, and tells their cases what was seen and what was undone.
pub(in crate::engine) async fn successes(world: Arc<World>) {
    let mut cursors = Cursors::new();
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
        let counts = |state| matches!(state, ActionState::Verified | ActionState::Drifted);
        let all = super::disabled(&world, counts);
        for action in super::turn(&all, round) {
            look(&world, action, round, &mut cursors).await;
        }
        told::tell_cases(&world, &all, &mut tries).await;
    }
}

/// Looks once, right before a containment is documented: what is written into the case is what the sources say by then.
pub(in crate::engine) async fn look_now(world: &World, pid: &PlanId) {
    let disabled = |action: &ActionView| {
        action.kind == ActionKind::DisableAccount && action.state == ActionState::Verified
    };
    let Some(action) = world.journal.plan(pid).into_iter().find(disabled) else {
        return;
    };
    // A source that does not answer keeps no record from the case: the watch tells it later.
    let _ = tokio::time::timeout(AT_ONCE, look(world, &action, 0, &mut Cursors::new())).await;
}

/// Looks once for successes of one account in every source.
async fn look(world: &World, action: &ActionView, round: usize, cursors: &mut Cursors) {
    let since = world
        .journal
        .with(|ledger| standing(ledger, &action.account, |_| false).since());
    let Some(since) = since.or(action.began_at()) else {
        return;
    };
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
        match ask(world, source.as_ref(), action, since, cursors).await {
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

async fn ask(
    world: &World,
    source: &dyn ActivitySource,
    action: &ActionView,
    since: DateTime<Utc>,
    cursors: &mut Cursors,
) -> Result<(), Fault> {
    let key = (action.account.clone(), source.connection().clone());
    let recorded = world
        .journal
        .with(|ledger| ledger.holds().cursor(&key.0, &key.1));
    let before = cursors.get(&key).copied().max(recorded);
    let query = ActivityQuery {
        user: vec![Untrusted::new(action.account.raw()), action.login.clone()],
        since: before
            .and_then(|at| at.checked_sub_signed(OVERLAP))
            .map_or(since, |at| at.max(since)),
        until: None,
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
            events.extend(seen.filter(|event| is_success(event, action, since)));
            unread = unread.take().or(page.faults.into_iter().next());
            true
        })
        .await?;
    if !events.is_empty() && !record(world, source.connection(), action, since, &events).await {
        return Ok(());
    }
    // A success may be among what was not read.
    let missed = unread.map(|fault| safe!("{}: {}", fault.record.field(), fault.reason.line()));
    let whole = |what: Safe| {
        Fault::new(safe!(
            "{} was not read whole: {}",
            source.connection(),
            what
        ))
    };
    if end.truncated {
        // The next look starts from the same place.
        return Err(whole(
            missed.unwrap_or_else(|| "too many events of the account".into()),
        ));
    }
    let Some(newest) = newest.max(before) else {
        return missed.map_or(Ok(()), |missed| Err(whole(missed)));
    };
    cursors.insert(key.clone(), newest);
    if recorded.is_none_or(|at| newest - at >= CURSOR_STEP) {
        let body = Body::WatchCursor(WatchCursor {
            account: key.0,
            connection: key.1,
            upto: newest,
        });
        // The journal tells the console when it fails; the next start looks further back.
        let _ = world.journal.record(vec![body]).await;
    }
    missed.map_or(Ok(()), |missed| Err(whole(missed)))
}

/// Tells whether an event is the account's own doing, after its containment, and worked.
fn is_success(event: &Event, action: &ActionView, since: DateTime<Utc>) -> bool {
    let same = |text: &Untrusted, other: &str| text.raw().eq_ignore_ascii_case(other);
    let by_account = match &event.user.id {
        Some(id) if same(id, action.account.raw()) => true,
        // A SIEM may have ids of its own; a provider's log has the provider's.
        _ => event
            .user
            .name
            .iter()
            .chain(&event.user.email)
            .any(|name| same(name, action.login.raw())),
    };
    by_account && event.outcome == Outcome::Success && !event.untimed && event.at > since
}

/// Records what is new; `false` when it could not be done now and must be looked for again.
async fn record(
    world: &World,
    source: &ConnectionName,
    action: &ActionView,
    since: DateTime<Utc>,
    events: &[Event],
) -> bool {
    // Two consoles that see the same event must not both record it.
    let Ok(Some(lease)) = lease::take(&world.leases, &action.aid) else {
        return false;
    };
    world.journal.catch_up().await;
    let (bodies, left) = world.journal.with(|ledger| {
        let holds = ledger.holds();
        let room = SUCCESSES_MAX.saturating_sub(holds.successes(&action.account, since).count());
        let fresh: Vec<&Event> = events
            .iter()
            .filter(|event| !holds.knows(&action.account, &event.id))
            .collect();
        let most = room.min(RECORDED_MAX);
        let left = fresh.len() > most && room > most;
        let bodies: Vec<Body> = fresh
            .into_iter()
            .take(most)
            .map(|event| {
                Body::WatchSuccess(WatchSuccess {
                    case: action.case.clone(),
                    account: action.account.clone(),
                    connection: source.clone(),
                    event: event.id.clone(),
                    at: event.at,
                    action: event.action.clone(),
                    address: event.ip.clone(),
                })
            })
            .collect();
        (bodies, left)
    });
    // The journal tells the console, which rings.
    let done = bodies.is_empty() || world.journal.record(bodies).await.is_ok();
    lease::clear(&world.leases, &action.aid);
    drop(lease);
    done && !left
}
