//! The risk of a user at Identity Protection: marked as compromised, dismissed, and read back.
//!
//! Both are accepted at once and carried out later: while `isProcessing` is true nothing is proven. One request a second is
//! what Identity Protection takes of all applications of a tenant together, and it says so without a time to wait.
//!
//! Source: Microsoft Graph v1.0 `riskyUser`, `confirmCompromised`, `dismiss`, and its throttling limits.
//! What must not live here: when to read again.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::evidence::{iso, reading};
use super::recent::Asked;
use super::{Entra, get, wire};
use crate::connect::capability::{ConnectError, ConnectErrorKind, ProofQuery, Reading};
use crate::connect::decode::{text, time};
use crate::connect::http::{Class, Request};
use crate::domain::account::{Risk, RiskState};
use crate::domain::containment::kind::ActionKind;
use crate::domain::text::Untrusted;

const RISKY: &str = "/v1.0/identityProtection/riskyUsers/{riskyUser-id}";
const CONFIRM: &str = "/v1.0/identityProtection/riskyUsers/confirmCompromised";
const DISMISS: &str = "/v1.0/identityProtection/riskyUsers/dismiss";

/// How far apart two requests are at least.
const APART: Duration = Duration::from_secs(1);

/// How far two clocks of the vendor may differ.
const SLACK: TimeDelta = TimeDelta::seconds(2);

/// Builds the request that says something of one user's risk.
pub(super) fn request(kind: ActionKind, id: &str) -> Result<Request, ConnectError> {
    let route = match kind {
        ActionKind::DismissRisk => DISMISS,
        _ => CONFIRM,
    };
    let request = Request::new(Class::Write, Method::POST, route, &[])?;
    Ok(request.json(&json!({"userIds": [id]})).unsaid_wait(1))
}

/// A risk that could not be read.
pub(super) fn unread(error: &ConnectError) -> Risk {
    Risk {
        state: RiskState::Unread,
        said: Untrusted::new(error.what.as_str()),
    }
}

/// Tells whether there is a risk now.
pub(super) fn is_there(risk: &Risk) -> bool {
    matches!(risk.state, RiskState::AtRisk | RiskState::Compromised)
}

/// Judges one record by what an action should have led to; the words say what was read.
///
/// A state that has the wanted name but is older than the send is no effect of it.
fn judged(
    kind: ActionKind,
    record: &Value,
    not_before: Option<DateTime<Utc>>,
) -> (Option<bool>, String) {
    let is_mark = kind == ActionKind::ConfirmCompromised;
    let Some(state) = text(record, "riskState") else {
        // Nobody is marked who is not listed; but a dismissed one may be listed no longer.
        let matches = is_mark.then_some(false);
        return (matches, "no risk is on record".to_owned());
    };
    let level = text(record, "riskLevel").unwrap_or_default();
    let since = time(record, "riskLastUpdatedDateTime");
    let at = since.map_or_else(String::new, |at| format!(" since {}", iso(at)));
    let said = format!("riskState {}, riskLevel {}{at}", state.raw(), level.raw());
    if wire::is_processing(record) {
        return (None, format!("{said}; still being worked on"));
    }
    // Where no licence tells the level it is hidden.
    let is_high = matches!(level.raw(), "high" | "hidden");
    let wanted = match (kind, state.raw()) {
        (ActionKind::ConfirmCompromised, "confirmedCompromised") => Some(is_high),
        (ActionKind::ConfirmCompromised, _) => Some(false),
        (_, "dismissed") => Some(true),
        // It ended, but another way: by a new password, or because somebody called it safe.
        (_, "none" | "remediated" | "confirmedSafe") => None,
        _ => Some(false),
    };
    let is_older = matches!((since, not_before), (Some(since), Some(sent)) if since < sent - SLACK);
    if wanted == Some(true) && is_older {
        return (None, format!("{said}: of before this was sent"));
    }
    (wanted, said)
}

impl Entra {
    /// Builds the read of one user's risk, and notes that it is asked for.
    pub(super) fn risk_request(&self, id: &str) -> Result<Request, ConnectError> {
        let request = get(RISKY, &[id])?.unsaid_wait(1);
        self.note_risk_asked();
        Ok(request)
    }

    fn note_risk_asked(&self) {
        let asked = self.risk_asked.lock();
        *asked.unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Waits until Identity Protection takes another request: a write that is refused for the rate is sent once more only.
    pub(super) async fn risk_turn(&self, id: &str) {
        let last = {
            let asked = self.risk_asked.lock();
            *asked.unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(left) = last.and_then(|last| APART.checked_sub(last.elapsed())) {
            tokio::time::sleep(left).await;
        }
        self.note_risk_asked();
        self.recent.forget(Asked::Risk, id);
    }

    /// Reads the risk of an account once.
    ///
    /// # Errors
    /// A read failed: it says nothing and is tried again.
    pub(super) async fn read_risk(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let date = match self.judged(query).await? {
            Ok((account, _)) => account.server_date,
            Err(none) => return Ok(none),
        };
        let request = self.risk_request(query.account.raw())?;
        let record: Value = match self.http.read(&request).await {
            Ok(answer) => answer.json()?,
            Err(error) if error.kind == ConnectErrorKind::NotFound => Value::Null,
            Err(error) => return Err(error),
        };
        self.recent.keep(Asked::Risk, query.account.raw(), &record);
        let (matches, said) = judged(query.kind, &record, query.not_before);
        Ok(reading(matches, said, date))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const C: ActionKind = ActionKind::ConfirmCompromised;
    const D: ActionKind = ActionKind::DismissRisk;

    fn sent() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default()
    }

    fn record(state: &str, level: &str, seconds: i64) -> Value {
        json!({
            "id": "6f1c", "riskState": state, "riskLevel": level, "isProcessing": false,
            "riskLastUpdatedDateTime": (sent() + TimeDelta::seconds(seconds)).to_rfc3339(),
        })
    }

    #[rstest]
    #[case(C, "confirmedCompromised", "high", 1, Some(true))]
    #[case(C, "confirmedCompromised", "hidden", 1, Some(true))]
    #[case(C, "confirmedCompromised", "high", -2, Some(true))]
    #[case(C, "confirmedCompromised", "high", -3, None)]
    #[case(C, "confirmedCompromised", "low", 1, Some(false))]
    #[case(C, "atRisk", "high", 1, Some(false))]
    #[case(C, "dismissed", "none", 1, Some(false))]
    #[case(D, "dismissed", "none", 1, Some(true))]
    #[case(D, "dismissed", "none", -3, None)]
    #[case(D, "remediated", "none", 1, None)]
    #[case(D, "confirmedSafe", "none", 1, None)]
    #[case(D, "none", "none", 1, None)]
    #[case(D, "atRisk", "medium", 1, Some(false))]
    #[case(D, "confirmedCompromised", "high", 1, Some(false))]
    #[case(D, "unknownFutureValue", "high", 1, Some(false))]
    fn what_a_record_proves(
        #[case] kind: ActionKind,
        #[case] state: &str,
        #[case] level: &str,
        #[case] seconds: i64,
        #[case] proves: Option<bool>,
    ) {
        let (matches, said) = judged(kind, &record(state, level, seconds), Some(sent()));
        assert_eq!(matches, proves, "{said}");
        assert!(said.contains(state) && said.contains(level), "{said}");
        // Whatever it says, nothing is proven while it is being worked on.
        let mut busy = record(state, level, seconds);
        busy["isProcessing"] = json!(true);
        assert_eq!(judged(kind, &busy, Some(sent())).0, None);
    }

    #[rstest]
    #[case(C, Some(false))]
    #[case(D, None)]
    fn a_user_that_is_not_listed_is_not_marked(
        #[case] kind: ActionKind,
        #[case] proves: Option<bool>,
    ) {
        let (matches, said) = judged(kind, &Value::Null, Some(sent()));
        assert_eq!((matches, said.as_str()), (proves, "no risk is on record"));
    }

    #[test]
    fn a_time_that_is_not_told_does_not_speak_against_a_state_that_was_another() {
        let mut told = record("dismissed", "none", -100);
        assert_eq!(judged(D, &told, None).0, Some(true));
        told["riskLastUpdatedDateTime"] = Value::Null;
        assert_eq!(judged(D, &told, Some(sent())).0, Some(true));
    }
}
