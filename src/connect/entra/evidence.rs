//! Reading back what an action did, once.
//!
//! What must not live here: when to read again.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::{Entra, wire};
use crate::connect::capability::{ConnectError, ProofQuery, Reading};
use crate::domain::account::{Account, AccountStatus};
use crate::domain::text::Untrusted;

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
    /// No slack: the provider's clock was read before the send, and the time of another revoking of ours a moment earlier
    /// must not prove this one.
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
        if since >= not_before {
            return Ok(reading(Some(true), said, date));
        }
        let what = format!("{said}, and it was sent after {}", iso(not_before));
        Ok(reading(Some(false), what, date))
    }
}
