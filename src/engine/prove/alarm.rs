//! What a reading rings for: a disabling that read as done and reads otherwise, also where that cannot be recorded.
//!
//! What must not live here: reading, and the final word (see the module above).

use super::super::{World, watch};
use super::Reads;
use crate::app::message::Level;
use crate::domain::containment::ledger::ActionView;
use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

impl Reads {
    /// Rings for what the console before this one read and recorded, as it rang there: nothing new is recorded.
    pub(super) async fn known(&self, world: &World, evidence: &Untrusted) {
        let is_undone = world.journal.with(|ledger| {
            let now = ledger.get(&self.action.aid);
            now.is_some_and(|now| ledger.reads_undone(now))
        });
        if is_undone && watch::rings_first(world, &self.action.aid, evidence) {
            let line = safe!(
                "{} was read as disabled and reads otherwise now: {}",
                self.action.login.field(),
                evidence.line()
            );
            world.notice(Level::Alarm, Fault::new(line)).await;
        }
    }

    /// Gives the action as its records and an unrecorded reading tell it.
    fn as_read(&self, now: &ActionView, matches: Option<bool>) -> ActionView {
        let mut read = now.clone();
        read.matches = matches;
        read.agreed = read.agreed.or(self.done_at);
        read
    }

    /// Rings for what would ring by a record that could not be written.
    pub(super) async fn unrecorded(
        &self,
        world: &World,
        matches: Option<bool>,
        words: &Safe,
        is_final: bool,
    ) {
        let rings = world.journal.with(|ledger| {
            let now = ledger.get(&self.action.aid).unwrap_or(&self.action);
            let read = self.as_read(now, matches);
            ledger.reads_undone(&read) || (is_final && ledger.is_broken_promise(&read))
        });
        let key = Untrusted::new(words.as_str());
        if rings && watch::rings_first(world, &self.action.aid, &key) {
            let login = self.action.login.field();
            let what = safe!("disabling {} does not hold: {}", login, words);
            watch::ring(world, &what, &"the audit log cannot be written".into()).await;
        }
    }
}
