//! The states of an action and their words.
//!
//! Every state is an audit record; memory is only a cache of them.

use serde::{Deserialize, Serialize};

use crate::domain::audit::OutcomeState;

/// Where an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// Planned, not confirmed.
    Planned,
    /// Confirmed by one person; waits for a second one.
    Awaiting,
    /// Confirmed, nothing sent yet.
    Confirmed,
    /// The intent is durable; the request may be on its way.
    Intent,
    /// No byte of the request left.
    NotSent,
    /// The provider accepted it; being read back.
    Acked,
    /// The provider refused it.
    Rejected,
    /// It may have happened; being read back.
    Unknown,
    /// Proven by reading back.
    Verified,
    /// Read back and not there at the deadline.
    NotEffective,
    /// Proven, or read as done to the end, then undone by somebody else.
    Drifted,
    /// There is no evidence to read.
    Unverifiable,
    /// Recorded instead of sent.
    DryRun,
    /// Not confirmed in time, or given up by a person.
    Abandoned,
    /// The second person said no.
    Denied,
    /// Nobody answered in time, which is a no.
    Expired,
}

impl ActionState {
    /// Gives the word used on the screen and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Awaiting => "needs a second person",
            Self::Confirmed => "confirmed",
            Self::Intent => "requested",
            Self::NotSent => "not sent",
            Self::Acked => "accepted",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown: may have happened",
            Self::Verified => "proven",
            Self::NotEffective => "refuted",
            Self::Drifted => "undone",
            Self::Unverifiable => "cannot be proven",
            Self::DryRun => "dry run",
            Self::Abandoned => "abandoned",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }

    /// Gives `event.outcome` for exports (ECS).
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Verified => "success",
            Self::NotEffective | Self::Drifted | Self::Rejected | Self::NotSent => "failure",
            _ => "unknown",
        }
    }

    /// Tells whether a request or its proof is on its way right now.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Confirmed | Self::Intent | Self::Acked)
    }

    /// Tells whether something may be on its way or done, and no final word was said.
    pub fn is_unfinished(self) -> bool {
        matches!(
            self,
            Self::Confirmed | Self::Intent | Self::Acked | Self::Unknown
        )
    }

    /// Tells whether nothing follows by itself.
    pub fn is_final(self) -> bool {
        !self.is_unfinished() && !matches!(self, Self::Planned | Self::Awaiting)
    }
}

impl From<OutcomeState> for ActionState {
    fn from(word: OutcomeState) -> Self {
        match word {
            OutcomeState::Verified => Self::Verified,
            OutcomeState::NotEffective => Self::NotEffective,
            OutcomeState::Drifted => Self::Drifted,
            OutcomeState::Unverifiable => Self::Unverifiable,
            OutcomeState::Rejected => Self::Rejected,
            OutcomeState::NotSent => Self::NotSent,
            OutcomeState::DryRun => Self::DryRun,
            OutcomeState::Expired => Self::Expired,
            OutcomeState::Abandoned => Self::Abandoned,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The table of the design: state, word, `event.outcome`, whether it is unfinished, whether it is final.
    #[rstest]
    #[case(ActionState::Planned, "planned", "unknown", false, false)]
    #[case(ActionState::Confirmed, "confirmed", "unknown", true, false)]
    #[case(ActionState::Intent, "requested", "unknown", true, false)]
    #[case(ActionState::Acked, "accepted", "unknown", true, false)]
    #[case(
        ActionState::Unknown,
        "unknown: may have happened",
        "unknown",
        true,
        false
    )]
    #[case(ActionState::NotSent, "not sent", "failure", false, true)]
    #[case(ActionState::Rejected, "rejected", "failure", false, true)]
    #[case(ActionState::Verified, "proven", "success", false, true)]
    #[case(ActionState::NotEffective, "refuted", "failure", false, true)]
    #[case(ActionState::Drifted, "undone", "failure", false, true)]
    #[case(ActionState::Unverifiable, "cannot be proven", "unknown", false, true)]
    #[case(ActionState::DryRun, "dry run", "unknown", false, true)]
    #[case(ActionState::Abandoned, "abandoned", "unknown", false, true)]
    fn each_state_has_its_word(
        #[case] state: ActionState,
        #[case] word: &str,
        #[case] outcome: &str,
        #[case] unfinished: bool,
        #[case] is_final: bool,
    ) {
        assert_eq!((state.word(), state.outcome()), (word, outcome));
        assert_eq!(
            (state.is_unfinished(), state.is_final()),
            (unfinished, is_final)
        );
    }
}
