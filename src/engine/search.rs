//! Loading the activity of a user page by page, then looking for newer events until told to stop.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::World;
use super::journal::own;
use crate::app::effect::{Search, SourceSearch};
use crate::app::message::{Level, Message, SearchEnd};
use crate::app::model::activity::SourceSeen;
use crate::app::model::activity::asking::Trace;
use crate::connect::capability::{ActivityQuery, ActivitySource, Page, TraceKind, TraceQuery};
use crate::domain::audit::{Body, SearchRun};
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::Event;
use crate::store::places::Lookup;

/// Looked back over again at every look for newer events: SIEMs index late.
const OVERLAP: chrono::Duration = chrono::Duration::minutes(10);

/// After how many looks the sources of the SIEM are looked at again.
const SOURCES_EVERY: u32 = 40;

const NO_SIEM: &str = "no SIEM is configured";

/// Most events taken by one look for newer ones.
const FOLLOW_MAX: usize = 5_000;

pub(super) fn start(world: &Arc<World>, search: Search) {
    let token = CancellationToken::new();
    world
        .searches
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(search.number, token.clone());
    let task = run(Arc::clone(world), search);
    world.spawn(async move {
        tokio::select! {
            () = token.cancelled() => {}
            () = task => {}
        }
    });
}

/// Loads the events of a search before a time; ends with the search.
pub(super) fn older(world: &Arc<World>, search: Search, until: DateTime<Utc>) {
    let token = world
        .searches
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&search.number)
        .cloned();
    // A search that was stopped is not gone on with.
    let token = token.unwrap_or_default();
    let task = slice(Arc::clone(world), search, until);
    world.spawn(async move {
        tokio::select! {
            () = token.cancelled() => {}
            () = task => {}
        }
    });
}

async fn slice(world: Arc<World>, search: Search, until: DateTime<Utc>) {
    let query = ActivityQuery {
        user: search.names.clone(),
        since: search.since,
        until: Some(until),
        limit: search.limit,
    };
    let result = match siem(&world) {
        None => Err(Fault::new(NO_SIEM)),
        Some(source) => {
            let (mut newest, mut known) = (None, HashSet::new());
            let places = Arc::clone(&world.places);
            let mut lookup = places.lookup();
            let looked = one_look(
                &world,
                source.as_ref(),
                &query,
                search.number,
                &mut newest,
                &mut known,
                &mut lookup,
            );
            let result = looked.await;
            if let Ok(end) = &result {
                record(&world, source.as_ref(), &search, &query, *end).await;
            }
            result
        }
    };
    let search = search.number;
    world.tell(Message::SliceEnded { search, result }).await;
}

/// Asks what all users did from one address or device.
pub(super) async fn trace(world: Arc<World>, asked: SourceSearch) {
    let query = TraceQuery {
        kind: match &asked.trace {
            Trace::Address(_) => TraceKind::Address,
            Trace::Device(_) => TraceKind::Device,
        },
        value: asked.trace.value().clone(),
        since: asked.since,
        limit: asked.limit,
    };
    let result = match siem(&world) {
        None => Err(Fault::new(NO_SIEM)),
        Some(source) => match source.search_trace(&query).await {
            Ok(page) => Ok((page.items, page.truncated)),
            Err(error) => Err(world.troubled(source.connection(), error).await),
        },
    };
    let answer = Message::SourceSearched {
        number: asked.number,
        of: asked.trace,
        result,
    };
    world.tell(answer).await;
}

/// Tells when each source of the SIEM was last heard of.
async fn tell_sources(world: &World, source: &dyn ActivitySource, search: u64) {
    let result = match source.newest().await {
        Ok(seen) => Ok(seen
            .into_iter()
            .map(|one| SourceSeen {
                name: one.source,
                at: one.at,
            })
            .collect()),
        Err(error) => Err(world.troubled(source.connection(), error).await),
    };
    world.tell(Message::SourcesSeen { search, result }).await;
}

/// Gives the SIEM: the identity provider's own log is watched through its own connection; the window is the SIEM's.
fn siem(world: &World) -> Option<Arc<dyn ActivitySource>> {
    let own = |one: &&Arc<dyn ActivitySource>| {
        world
            .identity
            .iter()
            .any(|idp| idp.connection() == one.connection())
    };
    world.activity.iter().find(|one| !own(one)).map(Arc::clone)
}

/// Records that activity was searched. The journal tells the console when it fails; reading goes on.
async fn record(
    world: &World,
    source: &dyn ActivitySource,
    search: &Search,
    query: &ActivityQuery,
    end: SearchEnd,
) {
    let searched = Body::SearchRun(SearchRun {
        connection: source.connection().clone(),
        account: search.account.clone(),
        query: own(source.query_text(query)),
        window_h: search.window_hours,
        events: end.events as u64,
        truncated: end.truncated,
    });
    // The journal tells the console when it fails; reading goes on.
    let _ = world.journal.record(vec![searched]).await;
}

async fn run(world: Arc<World>, search: Search) {
    let Some(source) = siem(&world) else {
        let result = Err(Fault::new(NO_SIEM));
        world
            .tell(Message::ActivityEnded {
                search: search.number,
                result,
            })
            .await;
        return;
    };
    let poll = world
        .settings
        .connections
        .iter()
        .find(|one| one.name == *source.connection())
        .map_or(Duration::from_secs(15), |one| one.poll);
    let mut query = ActivityQuery {
        user: search.names.clone(),
        since: search.since,
        until: None,
        limit: search.limit,
    };
    let mut newest: Option<DateTime<Utc>> = None;
    let mut known: HashSet<Untrusted> = HashSet::new();
    let places = Arc::clone(&world.places);
    let mut lookup = places.lookup();
    let mut told = 0;
    let mut first = true;
    let mut looks = 0u32;
    loop {
        // Made before the look: a wish to look again during it is not lost.
        let poked = world.poke.notified();
        let result = one_look(
            &world,
            source.as_ref(),
            &query,
            search.number,
            &mut newest,
            &mut known,
            &mut lookup,
        )
        .await;
        let broken: Vec<Fault> = lookup.faults().skip(told).collect();
        told += broken.len();
        for fault in broken {
            world.notice(Level::Warning, fault).await;
        }
        let done = result.is_ok();
        if let (true, Ok(end)) = (first, &result) {
            record(&world, source.as_ref(), &search, &query, *end).await;
        }
        world
            .tell(Message::ActivityEnded {
                search: search.number,
                result,
            })
            .await;
        if done && looks.is_multiple_of(SOURCES_EVERY) {
            tell_sources(&world, source.as_ref(), search.number).await;
        }
        looks = looks.wrapping_add(u32::from(done));
        if done {
            first = false;
            query.limit = FOLLOW_MAX;
            query.since = newest
                .and_then(|at| at.checked_sub_signed(OVERLAP))
                .map_or(search.since, |at| at.max(search.since));
        }
        tokio::select! {
            () = tokio::time::sleep(poll) => {}
            () = poked => {}
        }
    }
}

/// Runs one query to its end and hands its pages on; events and faults already handed on are left out.
async fn one_look(
    world: &World,
    source: &dyn ActivitySource,
    query: &ActivityQuery,
    number: u64,
    newest: &mut Option<DateTime<Utc>>,
    known: &mut HashSet<Untrusted>,
    lookup: &mut Lookup<'_>,
) -> Result<SearchEnd, Fault> {
    let (pages, mut arrived) = mpsc::unbounded_channel::<Page<Event>>();
    // The sink is not async; what it holds is bounded by the limit of the query.
    let mut sink = move |page: Page<Event>| pages.send(page).is_ok();
    let forward = async {
        while let Some(mut page) = arrived.recv().await {
            page.items
                .retain(|event| event.id.is_empty() || known.insert(event.id.clone()));
            page.faults
                .retain(|fault| known.insert(fault.record.clone()));
            for event in &mut page.items {
                lookup.complete(event);
            }
            // An event dated in the future would blind every later look.
            let now = world.clock.now().utc;
            let latest = page.items.iter().map(|event| event.at.min(now)).max();
            *newest = latest.max(*newest);
            if page.items.is_empty() && page.faults.is_empty() {
                continue;
            }
            let page = Message::ActivityPage {
                search: number,
                events: page.items,
                faults: page.faults,
            };
            world.tell(page).await;
        }
    };
    let load = async {
        let end = source.search(query, &mut sink).await;
        drop(sink);
        end
    };
    let (end, ()) = tokio::join!(load, forward);
    let end = match end {
        Ok(end) => end,
        Err(error) => return Err(world.troubled(source.connection(), error).await),
    };
    Ok(SearchEnd {
        events: end.events,
        truncated: end.truncated,
    })
}
