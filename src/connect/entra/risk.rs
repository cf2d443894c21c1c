//! The risk of a user at Identity Protection: marked as compromised, dismissed, and read back.
//!
//! Both are accepted at once and carried out later: while `isProcessing` is true nothing is proven, and a record of before the
//! send, or none, does not say that nothing follows. One request a second is what Identity Protection takes of all
//! applications of a tenant together, and it says so without a time to wait: so every request to it waits for its turn.
//!
//! Source: Microsoft Graph v1.0 `riskyUser`, `confirmCompromised`, `dismiss`, and its throttling limits.
//! What must not live here: when to read again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::evidence::{is_after, iso, reading};
use super::recent::Asked;
use super::{Entra, get, wire};
use crate::connect::capability::{ConnectError, ConnectErrorKind, ProofQuery, Reading};
use crate::connect::decode::{text, time};
use crate::connect::http::{Answer, Class, Request};
use crate::domain::account::{Risk, RiskState};
use crate::domain::containment::kind::ActionKind;
use crate::domain::text::Untrusted;

/// Where everything of Identity Protection is.
const PLACE: &str = "/v1.0/identityProtection/";
const RISKY: &str = "/v1.0/identityProtection/riskyUsers/{riskyUser-id}";
const CONFIRM: &str = "/v1.0/identityProtection/riskyUsers/confirmCompromised";
const DISMISS: &str = "/v1.0/identityProtection/riskyUsers/dismiss";

/// How far apart two requests are at least.
const APART: Duration = Duration::from_secs(1);

/// Who may ask Identity Protection now, and when it was last asked for anything here.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Option<Instant>>);

/// The turn of one request: nobody else asks until it is over.
#[derive(Debug)]
pub(super) struct Turn<'a>(MutexGuard<'a, Option<Instant>>);

impl Turns {
    /// Waits until Identity Protection takes another request; who waits longest is next.
    pub(super) async fn take(&self) -> Turn<'_> {
        let mut last = self.0.lock().await;
        if let Some(last) = *last {
            tokio::time::sleep_until(last + APART).await;
        }
        *last = Some(Instant::now());
        Turn(last)
    }
}

impl Drop for Turn<'_> {
    /// A read may have been asked again, and the way there may have been long: its end is the last time it was sent at.
    fn drop(&mut self) {
        *self.0 = Some(Instant::now());
    }
}

/// Tells whether a read goes to Identity Protection.
pub(super) fn is_for(request: &Request) -> bool {
    let path = request.as_part();
    let start = path.and_then(|path| path.get(..PLACE.len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(PLACE))
}

/// Builds the request that says something of one user's risk.
pub(super) fn request(kind: ActionKind, id: &str) -> Result<Request, ConnectError> {
    let route = match kind {
        ActionKind::DismissRisk => DISMISS,
        _ => CONFIRM,
    };
    let request = Request::new(Class::Write, Method::POST, route, &[])?;
    Ok(request.json(&json!({"userIds": [id]})).unsaid_wait(1))
}

/// Builds the read of one user's risk.
pub(super) fn read_request(id: &str) -> Result<Request, ConnectError> {
    get(RISKY, &[id])
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

/// Tells when the risk was last set.
fn set_at(record: &Value) -> Option<DateTime<Utc>> {
    time(record, "riskLastUpdatedDateTime")
}

/// Judges one record by what an action should have led to; the words say what was read.
///
/// A state is an effect of the send, or speaks against one, only where its time says that it was set since: a state of the
/// wanted name may be there already, and the word is carried out when its turn comes, maybe after the last read.
fn judged(
    kind: ActionKind,
    record: &Value,
    not_before: Option<DateTime<Utc>>,
) -> (Option<bool>, String) {
    let Some(state) = text(record, "riskState") else {
        // Whoever was never at risk may be listed later, and a dismissed one no longer.
        return (None, "no risk is on record".to_owned());
    };
    let level = text(record, "riskLevel").unwrap_or_default();
    let since = set_at(record);
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
    let is_new = since.zip(not_before);
    let is_new = is_new.and_then(|(since, sent)| is_after(since, sent));
    match (wanted, is_new) {
        (Some(_), Some(false)) => (None, format!("{said}: of before this was sent")),
        (Some(_), None) => (None, format!("{said}: maybe of before this was sent")),
        _ => (wanted, said),
    }
}

impl Entra {
    /// Sends a read to Identity Protection in its turn, within the time of one read.
    ///
    /// # Errors
    /// What the last try gave, or that others were before it all the time.
    pub(super) async fn read_in_turn(&self, request: &Request) -> Result<Answer, ConnectError> {
        let deadline = self.http.read_deadline();
        let Ok(_turn) = tokio::time::timeout_at(deadline, self.risk_turns.take()).await else {
            let what = "Identity Protection takes one request a second, and others were first";
            return Err(ConnectError::unsent(what.into()));
        };
        let request = request.clone().unsaid_wait(1);
        self.http.read_until(&request, deadline).await
    }

    /// Waits for the turn of a write about one user's risk: one that is refused for the rate is sent once more only.
    pub(super) async fn risk_turn(&self, id: &str) -> Turn<'_> {
        let turn = self.risk_turns.take().await;
        self.recent.forget(Asked::Risk, id);
        turn
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
        let request = read_request(query.account.raw())?;
        let record: Value = match self.read(&request).await {
            Ok(answer) => answer.json()?,
            Err(error) if error.kind == ConnectErrorKind::NotFound => Value::Null,
            Err(error) => return Err(error),
        };
        self.recent.keep(Asked::Risk, query.account.raw(), &record);
        let (matches, said) = judged(query.kind, &record, query.not_before);
        Ok(Reading {
            effect_at: set_at(&record).filter(|_| matches == Some(true)),
            ..reading(matches, said, date)
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
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
    #[case(C, "confirmedCompromised", "high", 0, Some(true))]
    #[case(C, "confirmedCompromised", "high", -1, None)]
    #[case(C, "confirmedCompromised", "high", -2, None)]
    #[case(C, "confirmedCompromised", "high", -3, None)]
    #[case(C, "confirmedCompromised", "low", 1, Some(false))]
    #[case(C, "confirmedCompromised", "low", -3, None)]
    #[case(C, "atRisk", "high", 1, Some(false))]
    #[case(C, "atRisk", "high", 0, Some(false))]
    #[case(C, "atRisk", "high", -1, None)]
    #[case(C, "atRisk", "high", -100, None)]
    #[case(C, "dismissed", "none", 1, Some(false))]
    #[case(C, "dismissed", "none", -100, None)]
    #[case(D, "dismissed", "none", 1, Some(true))]
    #[case(D, "dismissed", "none", -1, None)]
    #[case(D, "dismissed", "none", -3, None)]
    #[case(D, "remediated", "none", 1, None)]
    #[case(D, "confirmedSafe", "none", 1, None)]
    #[case(D, "none", "none", 1, None)]
    #[case(D, "atRisk", "medium", 1, Some(false))]
    #[case(D, "atRisk", "medium", -100, None)]
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
    #[case(C)]
    #[case(D)]
    fn a_user_that_is_not_listed_may_be_later(#[case] kind: ActionKind) {
        let (matches, said) = judged(kind, &Value::Null, Some(sent()));
        assert_eq!((matches, said.as_str()), (None, "no risk is on record"));
    }

    #[test]
    fn a_state_of_which_nobody_knows_whether_it_was_set_since_proves_nothing() {
        let mut told = record("dismissed", "none", 1);
        let (matches, said) = judged(D, &told, None);
        assert_eq!(matches, None);
        assert!(said.ends_with("maybe of before this was sent"), "{said}");
        told["riskLastUpdatedDateTime"] = Value::Null;
        assert_eq!(judged(D, &told, Some(sent())).0, None);
        // Nor does it say that nothing follows.
        assert_eq!(judged(C, &told, Some(sent())).0, None);
        assert_eq!(judged(C, &record("atRisk", "high", 1), None).0, None);
    }

    #[rstest]
    #[case("/v1.0/identityProtection/riskyUsers", true)]
    #[case("/v1.0/identityProtection/riskDetections", true)]
    #[case("/v1.0/IdentityProtection/riskDetections", true)]
    #[case("/v1.0/users", false)]
    #[case("/v1.0/auditLogs/signIns", false)]
    fn what_waits_for_its_turn(#[case] path: &'static str, #[case] is_one: bool) {
        let next = Request::follow("/v1.0/any", format!("{path}?$skiptoken=a"));
        assert_eq!(is_for(&next), is_one);
        assert_eq!(get(path, &[]).is_ok_and(|request| is_for(&request)), is_one);
    }

    /// Takes a turn, holds it for some seconds, and gives the second at which it began.
    async fn asked(turns: &Turns, start: Instant, seconds: u64) -> u64 {
        let turn = turns.take().await;
        let at = start.elapsed().as_secs();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        drop(turn);
        at
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_at_the_same_time_asks_one_after_another() {
        let (turns, start) = (Turns::default(), Instant::now());
        let told = futures::join!(
            asked(&turns, start, 0),
            asked(&turns, start, 0),
            // One that was asked again meanwhile counts from its end.
            asked(&turns, start, 5),
            asked(&turns, start, 0),
        );
        assert_eq!(told, (0, 1, 2, 8));
        // Who gives up waiting takes no turn from the others.
        let wait = Duration::from_millis(500);
        let given_up = tokio::time::timeout(wait, turns.take()).await;
        assert!(given_up.is_err());
        drop(given_up);
        assert_eq!(asked(&turns, start, 0).await, 9);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(asked(&turns, start, 0).await, 12);
    }
}
