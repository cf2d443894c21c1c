//! Noticing that there is something to read in the log: others of this user append to it while this console waits.
//!
//! What must not live here: reading and folding it (see `journal`), when it is looked at (`follow`).

use std::path::Path;
use std::time::Duration;

use super::Journal;

/// How often it is looked whether nothing is left for later.
const LOOKS: u32 = 10;

impl Journal {
    /// Gives the directory of the log.
    pub fn dir(&self) -> &Path {
        self.log.dir()
    }

    /// Catches up where the log is longer than what was read of it; where it is not, nothing is read. Tells whether something
    /// is left for later: a record of our own that is not answered yet, with what follows it, or the piece of a line.
    pub async fn follow(&self) -> bool {
        self.has_grown().await && self.catch_up().await && self.has_grown().await
    }

    /// Reads on until nothing is left for later, for a while; `false` where the log cannot be read, or something still is.
    pub async fn catch_up_whole(&self, every: Duration) -> bool {
        for _ in 0..LOOKS {
            if !self.catch_up().await {
                return false;
            }
            if !self.has_grown().await {
                return true;
            }
            tokio::time::sleep(every).await;
        }
        false
    }

    async fn has_grown(&self) -> bool {
        let place = self.folded.lock().await.place;
        let log = self.log.clone();
        let looked = tokio::task::spawn_blocking(move || log.has_grown(place)).await;
        // One that cannot be looked at says nothing; whoever reads or appends says why.
        matches!(looked, Ok(Ok(true)))
    }
}
