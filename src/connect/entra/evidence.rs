//! Reading back what an action did, once.
//!
//! What must not live here: when to read again.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::{Entra, wire};
use crate::connect::capability::{ConnectError, ProofQuery, Reading};
use crate::domain::account::{Account, AccountStatus};
use crate::domain::text::Untrusted;

/// How far two clocks of the vendor may differ.
const SLACK: TimeDelta = TimeDelta::seconds(2);

/// Prints a time.
pub(super) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A reading of an account that is not there, or of another one.
pub(super) type NoReading = Reading;

/// Gives a reading.
pub(super) fn reading(
    matches: Option<bool>,
    evidence: impl Into<String>,
    server_date: Option<DateTime<Utc>>,
) -> Reading {
    Reading {
        matches,
        evidence: Untrusted::new(evidence.into()),
        used: None,
        server_date,
        effect_at: None,
    }
}

impl Entra {
    /// Reads the account of a query, or says why there is nothing to judge.
    pub(super) async fn judged(
        &self,
        query: &ProofQuery,
    ) -> Result<Result<(Account, Value), NoReading>, ConnectError> {
        let Some((account, record)) = self.user(query.account.raw()).await? else {
            return Ok(Err(reading(None, "the account is not found", None)));
        };
        if account.id != query.account {
            let what = "the provider answered with another account";
            return Ok(Err(reading(None, what, account.server_date)));
        }
        Ok(Ok((account, record)))
    }

    /// Reads once whether the account is enabled.
    pub(super) async fn read_enabled(
        &self,
        query: &ProofQuery,
        wanted: bool,
    ) -> Result<Reading, ConnectError> {
        let account = match self.judged(query).await? {
            Ok((account, _)) => account,
            Err(none) => return Ok(none),
        };
        let enabled = account.status == AccountStatus::Active;
        let said = format!("accountEnabled is {enabled}");
        Ok(reading(Some(enabled == wanted), said, account.server_date))
    }

    /// Reads once from when on tokens of the account are good.
    ///
    /// What the directory's clock says may be a little behind the clock of the answers, and may as well be the time of
    /// another revoking a moment earlier: a time so close proves neither, and nor does one that stood there before the send.
    /// One of the very second of the send counts, so whoever sends it waits until what was sent before, also where its answer
    /// was lost, is of an earlier second.
    pub(super) async fn read_revoked(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let (account, record) = match self.judged(query).await? {
            Ok(read) => read,
            Err(none) => return Ok(none),
        };
        let date = account.server_date;
        let Some(since) = wire::valid_from(&record) else {
            let what = "signInSessionsValidFromDateTime is not told";
            return Ok(reading(None, what, date));
        };
        let said = format!("tokens of before {} are refused", iso(since));
        let Some(not_before) = query.not_before else {
            let what = format!("{said}; the provider's clock before the send is not known");
            return Ok(reading(None, what, date));
        };
        let is_after = is_after(since, not_before);
        if is_after == Some(true) && query.before.is_some_and(|before| since <= before) {
            let what = format!("{said}, and were before it was sent");
            return Ok(reading(None, what, date));
        }
        if is_after == Some(true) {
            return Ok(reading(is_after, said, date));
        }
        let what = format!("{said}, and it was sent after {}", iso(not_before));
        Ok(reading(is_after, what, date))
    }
}

/// Tells whether a time is one of after the send; `None` where two clocks of the vendor may differ by more.
pub(super) fn is_after(since: DateTime<Utc>, sent: DateTime<Utc>) -> Option<bool> {
    if since >= sent {
        return Some(true);
    }
    (since < sent - SLACK).then_some(false)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    // What a revoking of the second before left.
    #[case(-1_000, None)]
    #[case(1, Some(true))]
    #[case(0, Some(true))]
    #[case(-1, None)]
    #[case(-2_000, None)]
    #[case(-2_001, Some(false))]
    fn a_time_close_before_the_send_proves_nothing(
        #[case] milliseconds: i64,
        #[case] proven: Option<bool>,
    ) {
        let sent = DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default();
        let since = sent + TimeDelta::milliseconds(milliseconds);
        assert_eq!(is_after(since, sent), proven);
    }
}
