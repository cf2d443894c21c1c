//! The word of an action whose state reads as wanted: proven, or whose work it is instead.
//!
//! What must not live here: reading.

use super::Reads;
use crate::domain::audit::OutcomeState;
use crate::domain::containment::credit::{Credit, credit};
use crate::domain::containment::kind::ActionKind;
use crate::domain::freshness::time_word;
use crate::engine::World;
use crate::safe;

impl Reads {
    /// Ends an action whose state reads as wanted: proven, unless what is read is the work of another.
    pub(super) async fn agreed(&mut self, world: &World) -> bool {
        if !self.settle(world).await {
            return false;
        }
        world.journal.catch_up().await;
        // What the reading claimed is on record by now.
        let now = world.journal.action(&self.action.aid);
        let now = now.as_ref().unwrap_or(&self.action);
        let word = world.journal.with(|ledger| credit(ledger, now));
        let read = std::mem::take(&mut self.evidence);
        let (said, state) = match word {
            Credit::Own => (read, OutcomeState::Verified),
            Credit::Refused => {
                // A copy of the request may have been executed before the one that was refused.
                let by: &'static str = match now.effect_at {
                    Some(_) if now.is_of_another_act() => "by another act",
                    Some(_) => "since the request: by whom is not known",
                    None => "by whom is not known",
                };
                let refused = self.refusal();
                let mut said = format!("{refused}; read back all the same: {read}, {by}");
                if now.kind == ActionKind::ResetPassword {
                    said.push_str("; reset it again for one that is known");
                }
                (said, OutcomeState::Rejected)
            }
            Credit::Another(plan) => {
                let said = format!(
                    "{read}; but the provider acknowledged it to the plan {plan}, not to this one"
                );
                (said, OutcomeState::Unverifiable)
            }
            Credit::Elsewhen => {
                let is_untimed = now.effect_at.is_none() || now.kind == ActionKind::ResetPassword;
                let later = "that is later than this request: by";
                let why = if now.is_of_another_act() {
                    safe!("{} another act", later)
                } else if let Some(at) = now.agreed.filter(|_| is_untimed) {
                    safe!(
                        "it read so only at {}, after this request was over: by whom is not known",
                        time_word(at)
                    )
                } else {
                    safe!(
                        "{} the provider's clock, not by ours: by whom is not known",
                        later
                    )
                };
                let said = format!("{read}; but {}", why.as_str());
                (said, OutcomeState::Unverifiable)
            }
            Credit::Broken => {
                let at = now.broken.map(time_word).unwrap_or_default();
                let said = safe!("; but it read otherwise at {}, perhaps by others", at);
                (
                    format!("{read}{}", said.as_str()),
                    OutcomeState::Unverifiable,
                )
            }
            Credit::Unanswered => {
                let said =
                    format!("{read}; without its answer nobody can tell whose password it is");
                (said, OutcomeState::Unverifiable)
            }
        };
        self.evidence = said;
        self.conclude(world, state).await
    }
}
