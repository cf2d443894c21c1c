//! What runs behind a wall: polls of case systems, looks at other sources, and this host's log read on.
//!
//! It takes [`Watching`] and nothing else of the outside world, so there is no call here that changes something. What
//! must not live here: the engine of the console, what is shown.

mod comments;
mod whole;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::comments::{COMMENTS_MAX, Reading};
use super::clock::{Clock, Pace};
use super::follow::{LOOK, changed};
use super::journal::fault_of;
use crate::app::wall::News;
use crate::config::settings::Settings;
use crate::connect::watching::{WatchedCases, WatchedSource, Watching};
use crate::domain::fault::Fault;
use crate::domain::ids::ConnectionName;
use crate::store::audit::{Changes, Follower, StoreError};

/// News that may wait for the wall; who brings more waits.
pub const QUEUE: usize = 64;

/// Most open cases asked of one case system.
const CASES_MAX: usize = 10_000;

/// The beats in the shortest interval of a source.
const BEATS: u32 = 2;

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
    let intervals = settings.connections.iter().map(|one| pace.of(one.poll));
    let beat = Beat::new(intervals.min().unwrap_or(LOOK));
    let interval = |name: &ConnectionName| {
        let known = settings.connections.iter().find(|one| one.name == *name);
        pace.of(known.map_or(LOOK, |one| one.poll))
    };
    for source in watching.cases {
        let every = interval(source.connection());
        tasks.spawn(cases(
            source,
            (beat, every),
            (Arc::clone(&clock), pace),
            news.clone(),
        ));
    }
    for source in watching.sources {
        let every = interval(source.connection());
        tasks.spawn(sources(source, (beat, every), news.clone()));
    }
    for (source, error) in watching.faults {
        let news = news.clone();
        tasks.spawn(async move {
            let result = Err(Fault::from(error));
            // The wall is gone only when the process ends.
            let _ = news.send(News::Asked { source, result }).await;
        });
    }
    let every = pace.of(whole::EVERY);
    tasks.spawn(whole::judge(audit.clone(), every, news.clone()));
    tasks.spawn(log(Follower::new(audit), pace.of(LOOK), news));
    tasks
}

/// When sources are asked: all of them at the beats of one clock, so that the machine wakes once for all. When it began is
/// chance, so that walls do not ask in step.
#[derive(Clone, Copy)]
struct Beat {
    from: Instant,
    step: Duration,
}

impl Beat {
    fn new(shortest: Duration) -> Self {
        let step = (shortest / BEATS).max(Duration::from_micros(1));
        let now = Instant::now();
        let from = now.checked_sub(step.mul_f64(fastrand::f64()));
        Self {
            from: from.unwrap_or(now),
            step,
        }
    }

    /// Gives the first beat after an interval, less a tenth: an answer takes its time too.
    fn after(self, now: Instant, every: Duration) -> Instant {
        let wanted = (now - self.from) + every.mul_f64(0.9);
        let beats = wanted.as_nanos().div_ceil(self.step.as_nanos());
        self.from
            + self
                .step
                .saturating_mul(u32::try_from(beats).unwrap_or(u32::MAX))
    }

    async fn pause(self, every: Duration) {
        tokio::time::sleep_until(self.after(Instant::now(), every)).await;
    }
}

async fn cases(
    source: Arc<dyn WatchedCases>,
    (beat, every): (Beat, Duration),
    (clock, pace): (Arc<dyn Clock>, Pace),
    news: mpsc::Sender<News>,
) {
    let name = source.connection().clone();
    let mut reading = Reading::new(name.clone(), clock.now(), pace);
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
        if !failed {
            let question = reading.question(clock.now());
            let answer = source.comments_since(question.since, COMMENTS_MAX).await;
            let (comments, result) = reading.take(question, answer, clock.now());
            let told = News::Comments {
                source: name.clone(),
                comments,
                result,
            };
            if news.send(told).await.is_err() {
                return;
            }
        }
        beat.pause(every).await;
    }
}

async fn sources(
    source: Arc<dyn WatchedSource>,
    (beat, every): (Beat, Duration),
    news: mpsc::Sender<News>,
) {
    loop {
        let told = News::Asked {
            source: source.connection().clone(),
            result: source.answers().await.map_err(Fault::from),
        };
        if news.send(told).await.is_err() {
            return;
        }
        beat.pause(every).await;
    }
}

/// Reads this host's log on and on; one that cannot be read is said once, and tried again.
async fn log(mut follower: Follower, every: Duration, news: mpsc::Sender<News>) {
    let mut failed = false;
    let mut told: Option<Changes> = None;
    loop {
        if told.is_none() {
            // Before the look, so that nothing falls between.
            told = Changes::of(follower.dir()).ok();
        }
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
        told = changed(told, every).await;
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, 10_000, 10_000)]
    #[case(800, 10_000, 10_000)]
    #[case(1_200, 10_000, 15_000)]
    #[case(4_000, 30_000, 35_000)]
    #[case(5_000, 5_000, 10_000)]
    fn sources_are_asked_at_beats(#[case] now: u64, #[case] every: u64, #[case] at: u64) {
        let from = Instant::now();
        let beat = Beat {
            from,
            step: Duration::from_secs(5),
        };
        let ms = Duration::from_millis;
        assert_eq!(beat.after(from + ms(now), ms(every)), from + ms(at));
    }
}
