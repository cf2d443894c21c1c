//! Whether an account is contained: one rule, in one place.

use chrono::{DateTime, Utc};

use super::kind::ActionKind;
use super::ledger::Ledger;
use super::state::ActionState;
use crate::domain::ids::AccountId;
use crate::domain::text::Safe;
use crate::safe;

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was proven against it, or everything was undone.
    Free,
    /// Disable proven, revoke proven after it, and no success since.
    Contained {
        /// The provider's time of the act that completed it.
        since: DateTime<Utc>,
    },
    /// Some of it; what is missing in words.
    Partly {
        /// What is missing, one fragment each.
        missing: Vec<Safe>,
        /// The provider's time of the last proven act.
        since: DateTime<Utc>,
    },
}

impl Standing {
    /// Gives the words shown for it.
    pub fn word(&self) -> Safe {
        match self {
            Self::Free => "not contained".into(),
            Self::Contained { .. } => "contained".into(),
            Self::Partly { missing, .. } => {
                let mut text: Safe = "partly contained: ".into();
                for (index, part) in missing.iter().enumerate() {
                    let comma: &'static str = if index == 0 { "" } else { ", " };
                    text = safe!("{}{}{}", text, comma, part);
                }
                text
            }
        }
    }

    /// Gives the time after which a success of the account is an alarm.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Free => None,
            Self::Contained { since } | Self::Partly { since, .. } => Some(*since),
        }
    }
}

/// Judges an account by the records; `success_since` tells whether it had a success after a given time.
pub fn standing(
    ledger: &Ledger,
    account: &AccountId,
    success_since: impl Fn(DateTime<Utc>) -> bool,
) -> Standing {
    let mut disabled: Option<DateTime<Utc>> = None;
    let mut revoked: Option<DateTime<Utc>> = None;
    let mut acts: Vec<_> = ledger
        .on(account)
        .filter(|action| action.state == ActionState::Verified)
        .collect();
    acts.sort_by_key(|action| (action.sent, action.order));
    for action in acts {
        let at = action.effective_at();
        match action.kind {
            ActionKind::DisableAccount => disabled = at,
            ActionKind::RevokeSessions => revoked = at.max(revoked),
            ActionKind::EnableAccount => {
                disabled = None;
                revoked = None;
            }
        }
    }
    let Some(since) = disabled.max(revoked) else {
        return Standing::Free;
    };
    let mut missing: Vec<Safe> = Vec::new();
    match (disabled, revoked) {
        (None, _) => missing.push("account not disabled".into()),
        (Some(_), None) => missing.push("sessions not revoked".into()),
        (Some(disabled), Some(revoked)) if revoked < disabled => {
            missing.push("sessions not revoked since it was disabled".into());
        }
        _ => {}
    }
    if success_since(since) {
        missing.push("activity since".into());
    }
    if missing.is_empty() {
        Standing::Contained { since }
    } else {
        Standing::Partly { missing, since }
    }
}
