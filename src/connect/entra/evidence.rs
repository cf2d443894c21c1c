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
        let (matches, what) = revoked(since, query.before, query.not_before);
        Ok(Reading {
            effect_at: Some(since).filter(|_| matches == Some(true)),
            ..reading(matches, what, date)
        })
    }
}

/// Says what the time from which on tokens are good tells, by what it was right before the send and by the clock of the
/// answers then.
///
/// What the directory's clock says may be a little behind the clock of the answers, and may as well be the time of another
/// revoking a moment earlier: a time so close proves neither, and nor does one that stood there before the send. One that moved
/// since, to before that clock, is of a clock that differs, or of others. One of the very second of the send counts, so whoever
/// sends it waits until what was sent before, also where its answer was lost, is of an earlier second.
fn revoked(
    since: DateTime<Utc>,
    before: Option<DateTime<Utc>>,
    not_before: Option<DateTime<Utc>>,
) -> (Option<bool>, String) {
    let said = format!("tokens of before {} are refused", iso(since));
    let Some(not_before) = not_before else {
        let what = format!("{said}; the provider's clock before the send is not known");
        return (None, what);
    };
    let Some(before) = before else {
        let what = format!("{said}; what stood there before the send is not known");
        return (None, what);
    };
    match (is_after(since, not_before), since > before) {
        (Some(true), true) => (Some(true), said),
        (Some(true), false) => (None, format!("{said}, and were before it was sent")),
        (_, true) => {
            let what = format!(
                "{said}; it moved since right before the send, but to a time before the clock of the answers, {}",
                iso(not_before)
            );
            (None, what)
        }
        (told, false) => {
            let what = format!("{said}, and it was sent after {}", iso(not_before));
            (told, what)
        }
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

    /// Seconds by the clock of the answers, which was at 0 right before the send.
    #[rstest]
    #[case::ours(1, Some(-900), Some(0), Some(true), "are refused")]
    #[case::of_the_second_of_the_send(0, Some(-900), Some(0), Some(true), "are refused")]
    #[case::stood_there_before(1, Some(1), Some(0), None, "and were before it was sent")]
    #[case::not_moved(-900, Some(-900), Some(0), Some(false), "and it was sent after")]
    #[case::not_moved_and_close(-1, Some(-1), Some(0), None, "and it was sent after")]
    // The clock of the answers is ahead of that of the directory.
    #[case::moved(-5, Some(-900), Some(0), None, "but to a time before the clock of the answers")]
    #[case::moved_and_close(-1, Some(-900), Some(0), None, "before the clock of the answers")]
    // A replica that lags tells less than the look before.
    #[case::lags(-900, Some(-300), Some(0), Some(false), "and it was sent after")]
    #[case::nobody_looked(
        1,
        None,
        Some(0),
        None,
        "what stood there before the send is not known"
    )]
    #[case::nobody_looked_and_old(-900, None, Some(0), None, "is not known")]
    #[case::no_clock(1, Some(-900), None, None, "clock before the send is not known")]
    fn only_a_time_that_moved_since_right_before_the_send_tells(
        #[case] since: i64,
        #[case] before: Option<i64>,
        #[case] not_before: Option<i64>,
        #[case] matches: Option<bool>,
        #[case] says: &str,
    ) {
        let at = |second| DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap_or_default();
        let (told, said) = revoked(at(since), before.map(at), not_before.map(at));
        assert_eq!(told, matches);
        assert!(said.contains(says), "{said}");
    }
}
