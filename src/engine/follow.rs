//! Waiting until this host's log grows, for the wall and for the console: the system tells of it, so that a log nobody
//! writes to costs nothing.
//!
//! What must not live here: reading it and what follows from it (`journal`, `wall`).

use std::sync::Arc;
use std::time::Duration;

use super::World;
use crate::store::audit::Changes;

/// How often the log is looked at where the system does not tell of changes.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// How many times that it is left alone where the system does.
const TOLD: u32 = 30;

/// How often in a row it is looked for what is left for later: what a failed sync left behind may never be folded.
const LATER: u32 = 5;

/// Folds for ever what other consoles of this user record, soon after they did.
pub(super) async fn others(world: Arc<World>) {
    let every = world.pace.of(LOOK);
    let mut told: Option<Changes> = None;
    let mut later = 0;
    loop {
        if told.is_none() {
            // Before the look, so that nothing falls between.
            told = Changes::of(world.journal.dir()).ok();
        }
        if world.journal.follow().await && later < LATER {
            // Nobody tells when it can be folded.
            later += 1;
            tokio::time::sleep(every).await;
        } else {
            later = 0;
            told = changed(told, every).await;
        }
    }
}

/// Waits until the log changes, or for a while; gives back what tells of it while that can be relied on.
pub(super) async fn changed(told: Option<Changes>, every: Duration) -> Option<Changes> {
    let Some(mut told) = told else {
        tokio::time::sleep(every).await;
        return None;
    };
    tokio::select! {
        next = told.next() => {
            // What is written in one go is read in one go.
            tokio::time::sleep(every / 10).await;
            next?;
            told.forget();
        }
        // The folder may have been replaced, and some file systems tell nothing.
        () = tokio::time::sleep(every.saturating_mul(TOLD)) => return None,
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_change_is_told_at_once_and_a_folder_that_is_not_there_is_looked_for() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let told = Changes::of(dir.path()).expect("it is watched");
        std::fs::write(dir.path().join("a"), "b").expect("it is written");
        let long = Duration::from_secs(1);
        let begun = Instant::now();
        let told = changed(Some(told), long).await;
        assert!(begun.elapsed() < long, "it did not wait for its turn");
        let again = tokio::time::timeout(long / 4, changed(told, long)).await;
        assert!(again.is_err(), "what was heard is not told again");
        assert!(changed(None, Duration::from_millis(1)).await.is_none());
    }
}
