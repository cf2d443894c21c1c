//! What the records of an action leave open: whether it is over, whether it left, whether it had an effect, and since when.
//!
//! What must not live here: folding.

use chrono::{DateTime, TimeDelta, Utc};

use super::ActionView;
use crate::domain::containment::state::ActionState;

impl ActionView {
    /// Tells whether it was confirmed and no final word was said; a refusal that is still being read back is not final.
    pub fn is_unfinished(&self) -> bool {
        self.confirmed.is_some() && self.ended.is_none()
    }

    /// Tells whether a byte of it may have left this process: nothing proves that none did.
    ///
    /// That a second send never left says nothing of the first, which had its answer.
    pub fn may_have_left(&self) -> bool {
        let is_not_sent = self.ended.is_some() && self.state == ActionState::NotSent;
        let never = is_not_sent && self.attempt <= 1;
        self.sent.is_some() && !never
    }

    /// Tells whether a request of it may have changed the account, whatever is known of it since.
    ///
    /// An action given up after it was sent may have: nobody read to the end.
    pub fn may_have_had_effect(&self) -> bool {
        let denied = self.ended.is_some()
            && matches!(
                self.state,
                ActionState::NotSent | ActionState::Rejected | ActionState::NotEffective
            );
        self.sent.is_some() && !self.dry_run && !denied
    }

    /// Tells whether somebody closed it after it was sent, and no reading said since what became of it. What the case was
    /// told of is left at that.
    pub fn is_closed_unread(&self) -> bool {
        self.closed && self.comment.is_none() && self.may_have_had_effect()
    }

    /// Gives the provider's time of the act in whole seconds, for comparing acts with each other.
    pub fn effective_at(&self) -> Option<DateTime<Utc>> {
        self.server_answer.or(self.server_before).or(self.sent)
    }

    /// Gives the provider's time of the effect as well as it is known, for comparing with its own log.
    ///
    /// What was read back tells it more finely than the answer, whose clock has whole seconds and which may come late;
    /// where it tells a time outside of the request, that is of another act.
    pub fn began_at(&self) -> Option<DateTime<Utc>> {
        let second = TimeDelta::seconds(1);
        let in_request = |at: &DateTime<Utc>| {
            let after = self.server_before.is_some_and(|before| *at >= before);
            after
                && self
                    .server_answer
                    .is_some_and(|answer| *at < answer + second)
        };
        self.effect_at.filter(in_request).or(self.effective_at())
    }
}
