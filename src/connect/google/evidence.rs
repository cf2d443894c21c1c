//! Reading back what an action did, once.
//!
//! What must not live here: which entry proves what (see `proof`), when to read again.

use serde_json::Value;

use super::scope::Scope;
use super::{ACTIVITIES, Google, log, proof, wire};
use crate::connect::capability::{ConnectError, Identity as _, ProofQuery, Reading};
use crate::connect::http::Request;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::text::Untrusted;

/// Entries of the log read at once for a proof: ours, on one account, since the send.
const PROOF_PAGE: &str = "200";

pub(super) fn reading(matches: Option<bool>, evidence: impl Into<String>) -> Reading {
    Reading {
        matches,
        evidence: Untrusted::new(evidence.into()),
        used: None,
        server_date: None,
        effect_at: None,
    }
}

/// Decodes a segment of a path that was built here.
pub(super) fn decoded(segment: &str) -> String {
    let form = format!("={segment}");
    let value = url::form_urlencoded::parse(form.as_bytes()).next();
    value
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Finds the app whose token a path ends.
fn app(query: &ProofQuery) -> Option<String> {
    let (_, client) = query.path.as_ref()?.raw().split_once("/tokens/")?;
    Some(decoded(client))
}

impl Google {
    /// Reads the account once, or says why that is no evidence.
    pub(super) async fn read_user(
        &self,
        query: &ProofQuery,
    ) -> Result<Result<Account, Reading>, ConnectError> {
        Ok(match self.user(query.account.raw()).await? {
            None => Err(reading(None, "the account is not found")),
            Some((account, _)) if account.id != query.account => {
                Err(reading(None, "the provider answered with another account"))
            }
            Some((account, _)) => Ok(account),
        })
    }

    /// Reads once whether the account is suspended.
    pub(super) async fn read_suspended(
        &self,
        query: &ProofQuery,
        wanted: bool,
    ) -> Result<Reading, ConnectError> {
        let account = match self.read_user(query).await? {
            Ok(account) => account,
            Err(reading) => return Ok(reading),
        };
        let suspended = account.status == AccountStatus::Disabled;
        let word = account.vendor_status.raw();
        Ok(Reading {
            server_date: account.server_date,
            ..reading(
                Some(suspended == wanted),
                format!("suspended is {suspended}: {word}"),
            )
        })
    }

    /// Finds the entry of the log that our own act on an account left.
    pub(super) async fn entry(
        &self,
        query: &ProofQuery,
        event: &str,
        account: &Account,
    ) -> Result<Option<proof::Entry>, ConnectError> {
        let (own, _) = self.own_account().await?;
        let mail = account.login.raw();
        let (Some(not_before), true) = (query.not_before, log::is_plain(mail)) else {
            return Ok(None);
        };
        let request = Request::get(ACTIVITIES, &[own.raw(), "admin"])?
            .query("eventName", event)
            .query("filters", &format!("USER_EMAIL=={mail}"))
            .query("startTime", &log::iso(not_before))
            .query("maxResults", PROOF_PAGE);
        let decode = |record: &Value| Ok(record.clone());
        let entries = self.list(Scope::Reports, request, "items", decode).await?;
        Ok(proof::find(&entries, query, event, own.raw(), mail))
    }

    /// Reads once whether the account was signed out, or the token of one app ended.
    pub(super) async fn read_revoked(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let account = match self.read_user(query).await? {
            Ok(account) => account,
            Err(reading) => return Ok(reading),
        };
        let tokens = self.tokens(query.account.raw()).await?;
        if let Some(app) = app(query) {
            let left = tokens.iter().any(|token| token.id.raw() == app);
            let is = if left {
                "is still listed"
            } else {
                "is not listed"
            };
            return Ok(reading(Some(!left), format!("the token of {app} {is}")));
        }
        let mut names: Vec<&str> = tokens
            .iter()
            .filter(|token| wire::is_token(token))
            .flat_map(|token| token.clients.iter().map(Untrusted::raw))
            .collect();
        names.sort_unstable();
        let apps = if names.is_empty() {
            "no app has a token".to_owned()
        } else {
            format!("still with a token: {}", names.join(", "))
        };
        let Some(entry) = self.entry(query, proof::SIGNED_OUT, &account).await? else {
            // An entry may be late, and in rare cases there is none: that there is none yet refutes nothing.
            let why = if query.not_before.is_none() {
                "the provider's clock before the send is not known"
            } else {
                "no entry of the log of administrators yet that shows our sign-out, and Google lists no sessions"
            };
            return Ok(reading(None, format!("{why}; {apps}")));
        };
        let shown = format!(
            "log entry {} at {} by our administrator; {apps}; app passwords and sessions that apps keep themselves cannot be ended so",
            proof::SIGNED_OUT,
            log::iso(entry.at)
        );
        Ok(Reading {
            used: Some(entry.id),
            server_date: account.server_date,
            effect_at: Some(entry.at),
            ..reading(Some(names.is_empty()), shown)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_decoded_as_it_was_written() {
        assert_eq!(
            decoded("77.apps.googleusercontent.com"),
            "77.apps.googleusercontent.com"
        );
        assert_eq!(decoded("a%2Fb%2Bc%20d"), "a/b+c d");
        assert_eq!(decoded(""), "");
    }
}
