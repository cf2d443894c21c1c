//! Reading back what an action did, once.
//!
//! What must not live here: which entry proves what (see `proof`), when to read again.

use chrono::{DateTime, Utc};

use super::{CLIENTS, Okta, PAGES, TOKENS, log, proof, wire};
use crate::connect::capability::{ConnectError, Identity, ProofQuery, Reading};
use crate::domain::account::{Account, AccountStatus};
use crate::domain::text::Untrusted;

/// Entries of the System Log read at once for a proof.
const PROOF_PAGE: usize = 200;

/// Tells whether an account reads as wanted by a request that left not before a time of the provider; `None` where it says
/// neither.
///
/// Any other status says neither: somebody changed the account meanwhile, and whether our act was there before cannot be read
/// any more. But one that lets the holder in is none of a disabled account.
fn judged(
    account: &Account,
    wanted: &AccountStatus,
    not_before: Option<DateTime<Utc>>,
) -> Option<bool> {
    let changed = account.status_changed.zip(not_before);
    let is_since = changed.is_some_and(|(changed, before)| changed > before);
    match (&account.status, wanted) {
        (status, wanted) if status == wanted => Some(true),
        (status, AccountStatus::Disabled) if !wire::keeps_out(status) => Some(false),
        (AccountStatus::Other(_), _) | (AccountStatus::Disabled, AccountStatus::Other(_)) => None,
        // Somebody disabled it after an enabling, which may have been there before.
        (AccountStatus::Disabled, AccountStatus::Active) if is_since => None,
        _ => Some(false),
    }
}

impl Okta {
    /// Reads the status once.
    pub(super) async fn read_status(
        &self,
        query: &ProofQuery,
        wanted: &AccountStatus,
    ) -> Result<Reading, ConnectError> {
        let Some(account) = self.user(query.account.raw()).await? else {
            return Ok(Reading {
                matches: None,
                evidence: Untrusted::new("the account is not found"),
                used: None,
                server_date: None,
                effect_at: None,
            });
        };
        if account.id != query.account {
            return Ok(Reading {
                matches: None,
                evidence: Untrusted::new("the provider answered with another account"),
                used: None,
                server_date: account.server_date,
                effect_at: None,
            });
        }
        let since = account
            .status_changed
            .map(|at| format!(" since {}", log::iso(at)))
            .unwrap_or_default();
        let word = match &account.status {
            AccountStatus::Other(word) => word.raw(),
            _ => account.vendor_status.raw(),
        };
        let matches = judged(&account, wanted, query.not_before);
        Ok(Reading {
            matches,
            evidence: Untrusted::new(format!("status {word}{since}")),
            used: None,
            server_date: account.server_date,
            effect_at: account.status_changed.filter(|_| matches == Some(true)),
        })
    }

    /// Tells which clients still list a refresh token of the user that can be used.
    async fn holders(&self, account: &str) -> Result<Vec<Untrusted>, ConnectError> {
        let mut holders = Vec::new();
        for client in self.whole(CLIENTS, account, wire::client).await? {
            // A client that is not there any more is not listed in the next reading either; until then nobody knows.
            let (tokens, _) = self.list(TOKENS, &[account, client.id.raw()]).await?;
            if tokens.iter().any(wire::token_lives) {
                holders.push(client.name);
            }
        }
        Ok(holders)
    }

    /// Reads the System Log and the refresh tokens once.
    pub(super) async fn read_cleared(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let (own, _) = self.own_account().await?;
        let filter = proof::filter(query.account.raw());
        let since = query.not_before.map(proof::earliest);
        let mut next = Some(log::request(&filter, since, None, PROOF_PAGE)?);
        let mut entries = Vec::new();
        let mut server_date = None;
        for _ in 0..PAGES {
            let Some(request) = next.take() else { break };
            let (answer, mut page, more) = log::page(&self.http, &request.urgent()).await?;
            entries.append(&mut page);
            server_date = answer.server_date;
            next = more;
        }
        let reading = |matches, evidence: String, used| Reading {
            matches,
            evidence: Untrusted::new(evidence),
            used,
            server_date,
            effect_at: None,
        };
        let Some(entry) = proof::find(&entries, query, own.raw(), self.token_id.as_deref()) else {
            if query.not_before.is_none() && query.request_id.is_none() {
                let why = "neither the provider's clock before the send nor an id of the request is known";
                return Ok(reading(None, why.to_owned(), None));
            }
            if next.is_some() {
                let why = format!(
                    "the System Log has more than {} entries of this kind; the rest was not read",
                    entries.len()
                );
                return Ok(reading(None, why, None));
            }
            let unclear = proof::unclear(&entries, query, own.raw(), self.token_id.as_deref());
            if let Some(entry) = unclear {
                let why = format!(
                    "System Log entry {} at {} may be that of this request or of another: without its answer nobody can tell",
                    entry.id.raw(),
                    log::iso(entry.at)
                );
                return Ok(reading(None, why, None));
            }
            let why = "no entry of the System Log yet that shows our clearing of the sessions";
            return Ok(reading(Some(false), why.to_owned(), None));
        };
        let shown = format!(
            "System Log entry {} {} at {} by {}",
            entry.id.raw(),
            proof::CLEARED,
            log::iso(entry.at),
            entry.actor.raw()
        );
        match self.holders(query.account.raw()).await {
            Ok(holders) if holders.is_empty() => Ok(Reading {
                effect_at: Some(entry.at),
                ..reading(
                    Some(true),
                    format!(
                        "{shown}; no client lists a refresh token; sessions that apps keep themselves cannot be read"
                    ),
                    Some(entry.id),
                )
            }),
            Ok(holders) => {
                let names: Vec<&str> = holders.iter().map(Untrusted::raw).collect();
                Ok(reading(
                    Some(false),
                    format!(
                        "{shown}; a refresh token is still listed for {}",
                        names.join(", ")
                    ),
                    None,
                ))
            }
            Err(error) => Ok(reading(
                None,
                format!(
                    "{shown}; the refresh tokens could not be read: {}",
                    error.what.as_str()
                ),
                None,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples::{account, at};

    #[rstest]
    #[case::enabled(AccountStatus::Active, AccountStatus::Active, 20, Some(true))]
    #[case::still_disabled(AccountStatus::Disabled, AccountStatus::Active, 5, Some(false))]
    #[case::disabled_again_since(AccountStatus::Disabled, AccountStatus::Active, 20, None)]
    #[case::not_disabled(AccountStatus::Active, AccountStatus::Disabled, 20, Some(false))]
    #[case::disabled(AccountStatus::Disabled, AccountStatus::Disabled, 20, Some(true))]
    fn a_status_that_began_after_an_enabling_does_not_refute_it(
        #[case] status: AccountStatus,
        #[case] wanted: AccountStatus,
        #[case] changed: i64,
        #[case] expected: Option<bool>,
    ) {
        let account = Account {
            status,
            status_changed: Some(at(changed)),
            ..account()
        };
        assert_eq!(judged(&account, &wanted, Some(at(10))), expected);
    }
}
