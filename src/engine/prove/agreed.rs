//! The word of an action whose state reads as wanted: proven, or whose work it is instead.
//!
//! What must not live here: reading.

use super::Reads;
use crate::domain::audit::OutcomeState;
use crate::domain::containment::credit::{Credit, credit};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
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
                    let again = world.reset_again(&now.account.connection);
                    said.push_str(safe!("; {} for one that is known", again).as_str());
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
                let said = format!("{read}; but {}", elsewhen(now).as_str());
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

/// Says why what is read is not proven to be of an action: it is of another time.
fn elsewhen(action: &ActionView) -> Safe {
    let is_untimed = action.effect_at.is_none() || action.kind == ActionKind::ResetPassword;
    let later = "that is later than this request: by";
    if action.is_of_another_act() {
        // A gateway may hold a request and deliver it after it said that nobody answers.
        return safe!("{} another act, or by a late copy of this request", later);
    }
    if let Some(at) = action.agreed.filter(|_| is_untimed) {
        safe!(
            "it read so only at {}, after this request was over: by whom is not known",
            time_word(at)
        )
    } else {
        safe!(
            "{} the provider's clock, not by ours: by whom is not known",
            later
        )
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed};
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{aid, at, confirmed, entry, intent, planned};

    /// Sent in second 1000 without an answer; the effect began in a second and was read right then.
    #[rstest]
    #[case::late(
        Some(1_075),
        "that is later than this request: by another act, or by a late copy of this request"
    )]
    #[case::by_their_clock_alone(
        Some(1_005),
        "that is later than this request: by the provider's clock, not by ours: by whom is not known"
    )]
    #[case::untimed(
        None,
        "it read so only at 2027-01-15 08:17:55Z, after this request was over: by whom is not known"
    )]
    fn what_is_later_than_the_request_may_be_a_copy_of_it(
        #[case] began: Option<i64>,
        #[case] says: &str,
    ) {
        let mut sent = intent(1, Some(960));
        if let Body::ActionIntent { deadline, .. } = &mut sent {
            *deadline = at(1_020);
        }
        let seen = Body::ActionObserve(Observed {
            aid: aid(1),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: began.map(at),
        });
        let bodies = [
            (planned(1, 0, ActionKind::DisableAccount), 1_000),
            (confirmed(1, false), 1_000),
            (sent, 1_000),
            (seen, 1_075),
        ];
        let mut ledger = Ledger::default();
        for ((body, second), n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, second, body));
        }
        let action = ledger.get(&aid(1)).expect("it is on record");
        assert_eq!(elsewhen(action).as_str(), says);
    }
}
