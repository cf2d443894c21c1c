//! What keeps a case from being closed, and how it was closed: whether what is read of it is what was wanted.
//!
//! What must not live here: sending and recording (see the module above).

use chrono::{DateTime, Utc};

use crate::connect::capability::{Cases, ConnectError};
use crate::domain::case::Case;
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::ids::{ActionId, CaseId};
use crate::domain::text::Safe;
use crate::domain::verdict::Closing;
use crate::safe;

/// Says why a case is not closed that is closed.
pub(super) fn shut(case: &Case) -> Option<Fault> {
    (!case.status.is_open()).then(|| {
        let word = case.vendor_status.field();
        Fault::new(safe!("it is closed already ({})", word)).hint("nothing was overwritten")
    })
}

/// Says why a case must not be closed: an account is contained from it, or may be soon, by an act that whoever closes it was
/// not shown. One that was shown says nothing of a later one for the same account.
pub(super) fn unseen_act(
    ledger: &Ledger,
    (case, known): (&CaseId, &[ActionId]),
    now: DateTime<Utc>,
) -> Option<Safe> {
    let mut open = ledger.open_of(case, now).into_iter();
    let unseen = open.find(|act| !known.contains(&act.aid))?;
    Some(safe!(
        "{} of {} came meanwhile ({}); nothing was closed",
        unseen.what(),
        unseen.login.field(),
        unseen.word()
    ))
}

/// Reads a case, and whether it holds verdict and comment of a closing; `None` where its case system does not tell.
pub(in crate::engine) async fn bears(
    source: &dyn Cases,
    id: &CaseId,
    closing: &Closing,
) -> Result<(Case, Option<bool>), ConnectError> {
    source.closed_as(id, closing).await
}

/// Says that a case is closed, but not as it was to be.
pub(super) fn otherwise(after: &Case, answer: &Result<(), ConnectError>) -> Fault {
    let status = after.vendor_status.field();
    Fault::new(match answer {
        // It may still arrive.
        Err(_) if super::may_happen(answer) => safe!("it is closed as {}", status),
        Err(error) => safe!("it is closed by others as {}: {}", status, error.what),
        Ok(()) => safe!(
            "it is closed by others as {}: the closing was accepted, and its verdict or comment is not there",
            status
        ),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::OutcomeState;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::samples::{
        aid, at, case, confirmed, entry, intent, outcome, planned,
    };

    /// Sessions of an account are being revoked, and it is disabled.
    #[rstest]
    #[case::none_was_shown(&[], true)]
    #[case::only_the_revocation_was_shown(&[1], true)]
    #[case::only_an_earlier_disabling_was_shown(&[3], true)]
    #[case::the_one_that_stands_was_shown(&[2], false)]
    fn an_act_that_was_not_shown_is_not_seen_by_its_account(
        #[case] shown: &[u128],
        #[case] is_refused: bool,
    ) {
        let (disable, revoke) = (ActionKind::DisableAccount, ActionKind::RevokeSessions);
        let bodies = [
            planned(1, 0, revoke),
            confirmed(1, false),
            planned(2, 1, disable),
            confirmed(2, false),
            intent(2, Some(0)),
            outcome(2, OutcomeState::Verified),
        ];
        let mut ledger = Ledger::default();
        for (body, n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        let known: Vec<ActionId> = shown.iter().map(|number| aid(*number)).collect();
        let refusal = unseen_act(&ledger, (&case(), &known), at(60));
        assert_eq!(refusal.is_some(), is_refused, "{refusal:?}");
    }
}
