//! What runs behind a wall: polls of case systems, looks at other sources, and this host's log read on.
//!
//! It takes [`Watching`] and nothing else of the outside world, so there is no call here that changes something. What
//! must not live here: the engine of the console, what is shown.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::clock::{Clock, Pace};
use super::journal::fault_of;
use crate::app::wall::News;
use crate::config::settings::Settings;
use crate::connect::watching::{WatchedCases, WatchedSource, Watching};
use crate::domain::fault::Fault;
use crate::domain::ids::ConnectionName;
use crate::store::audit::{Follower, StoreError};

/// News that may wait for the wall; who brings more waits.
pub const QUEUE: usize = 64;

/// Most open cases asked of one case system.
const CASES_MAX: usize = 10_000;

/// Most comments asked for at once.
const COMMENTS_MAX: usize = 2_000;

/// How far back the first look at the comments goes.
const BEFORE: TimeDelta = TimeDelta::days(30);

/// How often this host's log is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What a wall is started with.
pub struct Start {
    /// Its connections.
    pub watching: Watching,
    /// Its settings.
    pub settings: Arc<Settings>,
    /// Directory of this host's log.
    pub audit: PathBuf,
    /// Where news go.
    pub news: mpsc::Sender<News>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How long waits are.
    pub pace: Pace,
}

/// Starts everything; it ends when the set is dropped. Needs a running tokio runtime.
pub fn start(start: Start) -> JoinSet<()> {
    let Start {
        watching,
        settings,
        audit,
        news,
        clock,
        pace,
    } = start;
    let mut tasks = JoinSet::new();
    let interval = |name: &ConnectionName| {
        let known = settings.connections.iter().find(|one| one.name == *name);
        pace.of(known.map_or(LOOK, |one| one.poll))
    };
    for source in watching.cases {
        let every = interval(source.connection());
        tasks.spawn(cases(source, every, Arc::clone(&clock), news.clone()));
    }
    for source in watching.sources {
        let every = interval(source.connection());
        tasks.spawn(sources(source, every, news.clone()));
    }
    for (source, error) in watching.faults {
        let news = news.clone();
        tasks.spawn(async move {
            let result = Err(Fault::from(error));
            // The wall is gone only when the process ends.
            let _ = news.send(News::Asked { source, result }).await;
        });
    }
    tasks.spawn(log(Follower::new(audit), pace.of(LOOK), news));
    tasks
}

/// Waits an interval of +-10 %, so that walls do not ask in step.
async fn pause(every: Duration) {
    tokio::time::sleep(every.mul_f64(0.9 + 0.2 * fastrand::f64())).await;
}

async fn cases(
    source: Arc<dyn WatchedCases>,
    every: Duration,
    clock: Arc<dyn Clock>,
    news: mpsc::Sender<News>,
) {
    let name = source.connection().clone();
    let mut since = clock.now().utc - BEFORE;
    loop {
        let result = match source.open_cases(CASES_MAX).await {
            Ok(page) => Ok((page.items, page.truncated, page.faults.len())),
            Err(error) => Err(Fault::from(error)),
        };
        let failed = result.is_err();
        let told = News::Cases {
            source: name.clone(),
            result,
        };
        if news.send(told).await.is_err() {
            return;
        }
        if !failed && !comments(source.as_ref(), &mut since, &news).await {
            return;
        }
        pause(every).await;
    }
}

/// Hands over what was written since the last look; `false` when the wall is gone.
async fn comments(
    source: &dyn WatchedCases,
    since: &mut DateTime<Utc>,
    news: &mpsc::Sender<News>,
) -> bool {
    let told = match source.comments_since(*since, COMMENTS_MAX).await {
        Ok(page) => {
            let mut comments = page.items;
            comments.sort_by_key(|(_, comment)| comment.at);
            if let Some((_, last)) = comments.last() {
                // What was written in the same millisecond comes again, and changes nothing.
                *since = last.at.max(*since);
            }
            News::Comments(comments)
        }
        Err(error) => News::Asked {
            source: source.connection().clone(),
            result: Err(Fault::from(error)),
        },
    };
    news.send(told).await.is_ok()
}

async fn sources(source: Arc<dyn WatchedSource>, every: Duration, news: mpsc::Sender<News>) {
    loop {
        let told = News::Asked {
            source: source.connection().clone(),
            result: source.answers().await.map_err(Fault::from),
        };
        if news.send(told).await.is_err() {
            return;
        }
        pause(every).await;
    }
}

/// Reads this host's log on and on; one that cannot be read is said once, and tried again.
async fn log(mut follower: Follower, every: Duration, news: mpsc::Sender<News>) {
    let mut failed = false;
    loop {
        let read = match follower.has_news() {
            Ok(false) => Ok(()),
            Ok(true) => {
                let (back, read) = read_on(follower, news.clone()).await;
                follower = back;
                read
            }
            Err(error) => Err(error),
        };
        if read.is_err() != failed {
            failed = !failed;
            let told = News::Log(read.map_err(|error| fault_of(&error)));
            if news.send(told).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(every).await;
    }
}

/// Reads what is new on a thread that may wait for the disk.
async fn read_on(
    follower: Follower,
    news: mpsc::Sender<News>,
) -> (Follower, Result<(), StoreError>) {
    let dir = follower.dir().to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let mut follower = follower;
        let read = follower.read(&mut |entries| {
            // A wall that is gone needs no records.
            let _ = news.blocking_send(News::Records(entries));
        });
        (follower, read)
    });
    match reading.await {
        Ok(read) => read,
        // It cannot panic; if it did, reading begins anew, and folding a record twice changes nothing.
        Err(_) => (Follower::new(dir), Ok(())),
    }
}
