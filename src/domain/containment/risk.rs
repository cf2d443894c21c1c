//! What may be said of an account's risk to its provider, by what the provider holds of it.
//!
//! One rule for the list of actions, the plan and the guards before the send. Marking an account as compromised keeps
//! nobody out: it never counts as a containment. What must not live here: a vendor's words for its states.

use super::kind::ActionKind;
use crate::domain::account::{Account, RiskState};
use crate::domain::text::Safe;
use crate::safe;

/// Says why something of the risk is not told to the provider, if so; `None` for every other kind.
///
/// What cannot be read can not be proven either, so nothing is sent then.
pub fn refusal(kind: ActionKind, account: &Account) -> Option<Safe> {
    if !kind.is_of_risk() {
        return None;
    }
    let Some(risk) = &account.risk else {
        return Some("the provider keeps no risk of the account".into());
    };
    let said = risk.said.field();
    match (kind, risk.state) {
        (_, RiskState::Unread) => Some(safe!("its risk is not readable: {}", said)),
        (ActionKind::ConfirmCompromised, RiskState::Compromised) => {
            Some(safe!("it is marked already: {}", said))
        }
        (ActionKind::DismissRisk, RiskState::Nothing) => Some("no risk is on record".into()),
        (ActionKind::DismissRisk, RiskState::Over) => {
            Some(safe!("there is no risk any more: {}", said))
        }
        _ => None,
    }
}

/// Says in a few words what is known of an account's risk; `None` where there is none to speak of.
pub fn word(account: &Account) -> Option<Safe> {
    let risk = account.risk.as_ref()?;
    Some(match risk.state {
        RiskState::Nothing => return None,
        RiskState::Unread => "risk not readable".into(),
        RiskState::AtRisk | RiskState::Compromised | RiskState::Over => {
            safe!("risk {}", risk.said.field())
        }
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::account::Risk;
    use crate::domain::containment::samples;

    const C: ActionKind = ActionKind::ConfirmCompromised;
    const D: ActionKind = ActionKind::DismissRisk;

    fn with(risk: Option<RiskState>) -> Account {
        Account {
            risk: risk.map(|state| Risk {
                state,
                said: "high (atRisk)".into(),
            }),
            ..samples::account()
        }
    }

    #[rstest]
    #[case(C, None, Some("keeps no risk"))]
    #[case(D, None, Some("keeps no risk"))]
    #[case(C, Some(RiskState::Unread), Some("not readable: high"))]
    #[case(D, Some(RiskState::Unread), Some("not readable: high"))]
    #[case(C, Some(RiskState::Nothing), None)]
    #[case(D, Some(RiskState::Nothing), Some("no risk is on record"))]
    #[case(C, Some(RiskState::AtRisk), None)]
    #[case(D, Some(RiskState::AtRisk), None)]
    #[case(C, Some(RiskState::Compromised), Some("marked already"))]
    #[case(D, Some(RiskState::Compromised), None)]
    #[case(C, Some(RiskState::Over), None)]
    #[case(D, Some(RiskState::Over), Some("no risk any more"))]
    fn what_is_told_of_a_risk_depends_on_what_is_known(
        #[case] kind: ActionKind,
        #[case] risk: Option<RiskState>,
        #[case] says: Option<&str>,
    ) {
        let said = refusal(kind, &with(risk));
        match (said, says) {
            (Some(said), Some(says)) => assert!(said.as_str().contains(says), "{said}"),
            (said, says) => assert_eq!(said.is_some(), says.is_some()),
        }
    }

    #[test]
    fn the_risk_stops_nothing_else() {
        for kind in ActionKind::ALL
            .into_iter()
            .filter(|kind| !kind.is_of_risk())
        {
            for risk in [None, Some(RiskState::Unread), Some(RiskState::Compromised)] {
                assert_eq!(refusal(kind, &with(risk)), None);
            }
        }
    }

    #[rstest]
    #[case(None, None)]
    #[case(Some(RiskState::Unread), Some("risk not readable"))]
    #[case(Some(RiskState::Nothing), None)]
    #[case(Some(RiskState::AtRisk), Some("risk high (atRisk)"))]
    fn words(#[case] risk: Option<RiskState>, #[case] said: Option<&str>) {
        let word = word(&with(risk));
        assert_eq!(word.as_ref().map(Safe::as_str), said);
    }
}
