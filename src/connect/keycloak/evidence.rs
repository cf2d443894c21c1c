//! Reading back what an action did, once.
//!
//! What must not live here: when to read again.

use super::{Keycloak, log};
use crate::connect::capability::{ConnectError, ProofQuery, Reading};
use crate::connect::decode::time;
use crate::domain::account::{AccountStatus, Session};
use crate::domain::text::Untrusted;

fn reading(matches: Option<bool>, evidence: impl Into<String>) -> Reading {
    Reading {
        matches,
        evidence: Untrusted::new(evidence.into()),
        used: None,
        server_date: None,
        effect_at: None,
    }
}

/// Names the sessions that are listed, by where they are used.
fn listed(sessions: &[Session], offline: bool) -> Option<String> {
    let of_kind: Vec<&Session> = sessions
        .iter()
        .filter(|session| session.offline == offline)
        .collect();
    let mut clients: Vec<&str> = of_kind
        .iter()
        .flat_map(|session| session.clients.iter().map(Untrusted::raw))
        .collect();
    clients.sort_unstable();
    clients.dedup();
    let word = if offline {
        "offline session"
    } else {
        "session"
    };
    let plural = if of_kind.len() == 1 { "" } else { "s" };
    let at = if clients.is_empty() { "" } else { " of " };
    (!of_kind.is_empty())
        .then(|| format!("{} {word}{plural}{at}{}", of_kind.len(), clients.join(", ")))
}

/// Gives the session that a request ends; `None` where it signs the account out of all of them.
fn session_of(query: &ProofQuery) -> Option<&str> {
    let (_, named) = query.path.as_ref()?.raw().split_once("/sessions/")?;
    // A realm may have that name, too.
    named.split('?').next().filter(|id| !id.contains('/'))
}

impl Keycloak {
    /// Reads once whether the account is enabled.
    pub(super) async fn read_enabled(
        &self,
        query: &ProofQuery,
        wanted: bool,
    ) -> Result<Reading, ConnectError> {
        let Some((account, _)) = self.user(query.account.raw()).await? else {
            return Ok(reading(None, "the account is not found"));
        };
        if account.id != query.account {
            return Ok(reading(None, "the provider answered with another account"));
        }
        let enabled = account.status == AccountStatus::Active;
        Ok(reading(
            Some(enabled == wanted),
            format!("enabled is {enabled}"),
        ))
    }

    /// Reads once which sessions are listed, online and offline.
    pub(super) async fn read_sessions(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let id = query.account.raw();
        let Some((account, record)) = self.user(id).await? else {
            return Ok(reading(None, "the account is not found"));
        };
        if account.id != query.account {
            return Ok(reading(None, "the provider answered with another account"));
        }
        let sessions = self.sessions(id).await?;
        let still: Vec<String> = [false, true]
            .into_iter()
            .filter_map(|offline| listed(&sessions, offline))
            .collect();
        let void = time(&record, "notBefore")
            .filter(|at| at.timestamp() > 0)
            .map(|at| format!("; tokens of before {} are refused", log::iso(at)))
            .unwrap_or_default();
        if still.is_empty() {
            return Ok(reading(
                Some(true),
                format!("no session and no offline session is listed{void}"),
            ));
        }
        let still = format!("still listed: {}{void}", still.join(", "));
        // A request that ends one session did its part once that one is gone, and does not answer for the others.
        if session_of(query).is_some_and(|one| !sessions.iter().any(|is| is.id.raw() == one)) {
            let gone = format!("the session of the request is not listed; {still}");
            return Ok(reading(None, gone));
        }
        Ok(reading(Some(false), still))
    }
}
