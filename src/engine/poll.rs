//! Polling the sources, and reading what the analyst opens.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{World, anchored};
use crate::app::message::{AlertsRead, Message, NoAlerts, Offer, Polled};
use crate::connect::capability::{
    ActivityQuery, ActivitySource, Cases, ConnectError, ConnectErrorKind, Identity,
};
use crate::domain::containment::kind::ActionKind;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::text::Untrusted;

/// Most cases held in the queue.
const CASES_MAX: usize = 10_000;

/// Most alerts asked for.
const ALERTS_MAX: usize = 100;

/// How long alerts that may not be read are left alone.
const REFUSED: Duration = Duration::from_secs(600);

pub(super) fn start(world: &Arc<World>) {
    for source in &world.cases {
        let (source, shared) = (Arc::clone(source), Arc::clone(world));
        world.spawn(run(
            Arc::clone(world),
            source.connection().clone(),
            move || poll_cases(Arc::clone(&shared), Arc::clone(&source)),
        ));
    }
    for source in &world.alerts {
        let source = Arc::clone(source);
        world.spawn(run(
            Arc::clone(world),
            source.connection().clone(),
            move || poll_alerts(Arc::clone(&source)),
        ));
    }
    for source in &world.activity {
        let (source, shared) = (Arc::clone(source), Arc::clone(world));
        // One poll a connection: alerts tell as well whether it is there.
        let polled = |one: &ConnectionName| one == source.connection();
        if world.alerts.iter().any(|one| polled(one.connection()))
            || world.identity.iter().any(|one| polled(one.connection()))
        {
            continue;
        }
        world.spawn(run(
            Arc::clone(world),
            source.connection().clone(),
            move || poll_activity(Arc::clone(&shared), Arc::clone(&source)),
        ));
    }
    for source in &world.identity {
        let (source, shared) = (Arc::clone(source), Arc::clone(world));
        world.spawn(tell_offers(Arc::clone(world), Arc::clone(&source)));
        world.spawn(run(
            Arc::clone(world),
            source.connection().clone(),
            move || poll_identity(Arc::clone(&shared), Arc::clone(&source)),
        ));
    }
    for source in world.identity_logs.iter().filter(|one| one.lists_alerts()) {
        world.spawn(read_alerts(Arc::clone(world), Arc::clone(source)));
    }
}

/// Gives how often a connection is asked.
fn interval(world: &World, name: &ConnectionName) -> Duration {
    let mut all = world.settings.connections.iter();
    all.find(|one| one.name == *name)
        .map_or(Duration::from_secs(15), |one| one.poll)
}

/// Polls one source for ever: never two polls of it at once, an interval of +-10 %, at once when poked.
async fn run<F, A>(world: Arc<World>, name: ConnectionName, poll: F)
where
    F: Fn() -> A,
    A: Future<Output = Result<Polled, ConnectError>>,
{
    let nominal = interval(&world, &name);
    for seq in 1.. {
        let poked = world.poke.notified();
        let result = match poll().await {
            Ok(polled) => Ok(polled),
            Err(error) => Err(world.troubled(&name, error).await),
        };
        world
            .tell(Message::SourcePolled {
                source: name.clone(),
                seq,
                result,
            })
            .await;
        let wait = nominal.mul_f64(0.9 + 0.2 * fastrand::f64());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = poked => {}
        }
    }
}

async fn poll_cases(world: Arc<World>, source: Arc<dyn Cases>) -> Result<Polled, ConnectError> {
    let unknown = world
        .operator
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .is_none();
    if unknown && let Ok(mut operator) = source.who_am_i().await {
        operator.os_user = world.os_user.clone();
        *world
            .operator
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(operator.clone());
        world.tell(Message::OperatorKnown(operator)).await;
    }
    let page = source.list(CASES_MAX).await?;
    Ok(Polled::Cases {
        cases: page.items,
        faults: page.faults,
        truncated: page.truncated,
    })
}

async fn poll_alerts(source: Arc<dyn ActivitySource>) -> Result<Polled, ConnectError> {
    let page = source.alerts(ALERTS_MAX).await?;
    Ok(Polled::Alerts {
        alerts: page.items,
        faults: page.faults,
    })
}

/// Reads the alerts of an identity provider for ever, apart from the poll that tells whether it is there: they have a server
/// and a right of their own, and whatever becomes of them says nothing of the provider.
async fn read_alerts(world: Arc<World>, source: Arc<dyn ActivitySource>) {
    let name = source.connection().clone();
    let nominal = interval(&world, &name);
    loop {
        let poked = world.poke.notified();
        let read = source.alerts(ALERTS_MAX).await;
        let denied = |error: &ConnectError| error.kind == ConnectErrorKind::Denied;
        let refused = read.as_ref().err().is_some_and(denied);
        let result = match read {
            Ok(page) => Ok(AlertsRead {
                alerts: page.items,
                faults: page.faults,
                truncated: page.truncated,
            }),
            // What was never granted is no trouble with the connection.
            Err(error) if refused => Err(Fault::from(error)),
            Err(error) => Err(world.troubled(&name, error).await),
        };
        let result = result.map_err(|fault| NoAlerts { fault, refused });
        let source = name.clone();
        world.tell(Message::AlertsRead { source, result }).await;
        let wait = if refused { REFUSED } else { nominal };
        tokio::select! {
            () = tokio::time::sleep(wait.mul_f64(0.9 + 0.2 * fastrand::f64())) => {}
            () = poked => {}
        }
    }
}

/// Asks for one event of the last minute, only to see whether the source answers.
async fn poll_activity(
    world: Arc<World>,
    source: Arc<dyn ActivitySource>,
) -> Result<Polled, ConnectError> {
    let query = ActivityQuery {
        user: vec![world.os_user.clone()],
        since: world.clock.now().utc - chrono::Duration::minutes(1),
        until: None,
        limit: 1,
    };
    source.search(&query, &mut |_page| true).await?;
    Ok(Polled::Alive)
}

async fn poll_identity(
    world: Arc<World>,
    source: Arc<dyn Identity>,
) -> Result<Polled, ConnectError> {
    let owner = source.answers().await?;
    world
        .owners
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(source.connection().clone(), owner);
    Ok(Polled::Alive)
}

async fn tell_offers(world: Arc<World>, source: Arc<dyn Identity>) {
    let offers = ActionKind::ALL
        .into_iter()
        .map(|kind| Offer {
            kind,
            facts: source.offers(kind).map_err(|lacking| lacking.reason),
        })
        .collect();
    world.tell(Message::OffersKnown(offers)).await;
}

pub(super) async fn read_case(world: Arc<World>, case: CaseId) {
    let result = match world.case_system(&case.connection) {
        Some(source) => match source.open(&case).await {
            Ok(file) => {
                // A long log takes a while to be held against them, and nothing here waits for that.
                let (of, at, read) = (Arc::clone(&world), case.clone(), file.comments.clone());
                world.spawn(async move { anchored::check(&of, &at, &read).await });
                Ok(Box::new(file))
            }
            Err(error) => Err(world.troubled(source.connection(), error).await),
        },
        None => Err(Fault::new(crate::safe!(
            "no case system is named {}",
            case.connection
        ))),
    };
    world.tell(Message::CaseRead { case, result }).await;
}

/// Asks every identity provider for the name: two that know it are as ambiguous as two accounts of one.
pub(super) async fn read_account(world: Arc<World>, case: CaseId, name: Untrusted) {
    let mut found = Vec::new();
    let mut result = Ok(());
    if world.identity.is_empty() {
        result = Err(Fault::new("no identity provider is configured")
            .hint("act by hand at the provider; the case and the record still work"));
    }
    for source in &world.identity {
        match source.find(&name).await {
            Ok(accounts) => found.extend(accounts),
            Err(error) => result = Err(world.troubled(source.connection(), error).await),
        }
    }
    // Exactly one is read in full; of several only the names matter, to be refused.
    if let ([one], Ok(())) = (found.as_slice(), &result)
        && let Some(identity) = world.identity(&one.id.connection)
    {
        match identity.account(&one.id).await {
            Ok(account) => found = vec![account],
            // Gone since it was found, or found in a list that lags.
            Err(error) if error.kind == ConnectErrorKind::NotFound => found = Vec::new(),
            Err(error) => result = Err(world.troubled(&one.id.connection, error).await),
        }
    }
    let result = result.map(|()| found);
    world
        .tell(Message::AccountRead {
            case,
            asked: name,
            result,
        })
        .await;
}
