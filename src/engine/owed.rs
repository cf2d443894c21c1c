//! What could not be recorded of an action that was sent: its answer, and what was read of it. It stands before the next
//! record of the action, and until it is on record nothing is concluded: a refusal that nobody knows of would leave the
//! act of somebody else to look like ours.
//!
//! What must not live here: what the records say.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::World;
use crate::domain::audit::Body;
use crate::domain::fault::Fault;
use crate::domain::ids::ActionId;

/// Records that wait for a log that takes them, by action. In memory: what this console learned ends with it.
#[derive(Default)]
pub(super) struct Owed(Mutex<HashMap<ActionId, Vec<Body>>>);

impl Owed {
    fn take(&self, aid: &ActionId) -> Vec<Body> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(aid).unwrap_or_default()
    }

    /// Keeps what could not be recorded, before what was kept meanwhile.
    fn keep(&self, aid: &ActionId, mut bodies: Vec<Body>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.extend(all.remove(aid).unwrap_or_default());
        all.insert(aid.clone(), bodies);
    }
}

impl World {
    /// Records what is to be said of an action that was sent, behind what could not be recorded of it so far.
    ///
    /// # Errors
    /// What the journal says; the records are kept for the next time.
    pub(super) async fn record_of(&self, aid: &ActionId, bodies: Vec<Body>) -> Result<(), Fault> {
        let mut all = self.owed.take(aid);
        all.extend(bodies);
        if all.is_empty() {
            return Ok(());
        }
        let recorded = self.journal.record(all.clone()).await;
        recorded.map(drop).inspect_err(|_| self.owed.keep(aid, all))
    }

    /// Records what is owed of an action; `false` where the log does not take it.
    pub(super) async fn is_settled(&self, aid: &ActionId) -> bool {
        self.record_of(aid, Vec::new()).await.is_ok()
    }
}
