//! Passwords: a new one that its holder must change, or a new one asked for at the next sign-in.
//!
//! The request that is shown, confirmed and recorded carries a word in place of the password; the password itself is put
//! in when it is sent. What must not live here: making passwords, when to read again.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use reqwest::Method;

use super::{CREDENTIALS, Keycloak, PASSWORD, USER, wire};
use crate::connect::capability::{ConnectError, Lacking, PreparedCall, ProofQuery, Reading, Step};
use crate::connect::http::{Class, Request};
use crate::domain::account::Account;
use crate::domain::containment::kind::ActionKind;
use crate::domain::one_time::OneTime;
use crate::domain::text::Untrusted;
use crate::safe;

/// What stands in the confirmed request where the password will be.
const PLACE: &str = "made when it is sent";
/// The required action of a user who must choose a new password.
const UPDATE: &str = "UPDATE_PASSWORD";

fn requires(required: &[Untrusted]) -> bool {
    required.iter().any(|action| action.raw() == UPDATE)
}

/// Tells why the password of an account is not changed here, if so.
fn refusal(kind: ActionKind, account: &Account) -> Option<Lacking> {
    let lacking = |reason| Some(Lacking { reason });
    if account.factors.is_none() {
        return lacking("its credentials could not be read, so nothing could prove it".into());
    }
    if account.password_changed.is_none() {
        let from = account.source.as_ref();
        return lacking(from.map_or_else(
            || "it has no password here; setting one would open a new way in".into(),
            |from| safe!("its password is that of {}: change it there", from.field()),
        ));
    }
    match account.required.as_deref() {
        None => lacking("what its next sign-in requires could not be read".into()),
        Some(all) if kind == ActionKind::ExpirePassword && requires(all) => {
            lacking("it has to choose a new password already".into())
        }
        Some(_) => None,
    }
}

impl Keycloak {
    fn reset(&self, id: &str, password: &str) -> Result<Request, ConnectError> {
        let ids = [self.client.realm.as_str(), id];
        let request = Request::new(Class::Write, Method::PUT, PASSWORD, &ids)?;
        Ok(request.json(&json!({"temporary": true, "type": "password", "value": password})))
    }

    /// A list that is sent replaces the old one whole: what is required already stays in it.
    fn expire(&self, id: &str, required: &[Untrusted]) -> Result<Request, ConnectError> {
        let ids = [self.client.realm.as_str(), id];
        let mut all: Vec<&str> = required.iter().map(Untrusted::raw).collect();
        all.push(UPDATE);
        let request = Request::new(Class::Write, Method::PUT, USER, &ids)?;
        Ok(request.json(&json!({"requiredActions": all})))
    }

    /// Gives the request that an action on the password would be, without the password.
    pub(super) fn password_request(
        &self,
        kind: ActionKind,
        id: &str,
        required: Option<&[Untrusted]>,
    ) -> Result<Request, ConnectError> {
        match (kind, required) {
            (ActionKind::ResetPassword, _) => self.reset(id, PLACE),
            (_, Some(required)) => self.expire(id, required),
            (_, None) => Err(ConnectError::unsent(
                "what the next sign-in requires is not known".into(),
            )),
        }
    }

    /// Gives the step of a plan, or why there is none for this account.
    pub(super) fn password_step(
        &self,
        kind: ActionKind,
        account: &Account,
    ) -> Result<Step, Lacking> {
        if let Some(lacking) = refusal(kind, account) {
            return Err(lacking);
        }
        let required = account.required.as_deref();
        Ok(Step {
            kind,
            call: self.prepared(self.password_request(kind, account.id.raw(), required))?,
            facts: super::facts::facts(kind, self.lifespan()),
        })
    }

    /// Builds the confirmed request again, for an account as it is now, and puts the password in.
    pub(super) async fn confirmed_password(
        &self,
        kind: ActionKind,
        call: &PreparedCall,
        id: &str,
        password: Option<&OneTime>,
    ) -> Result<Request, ConnectError> {
        if kind == ActionKind::ResetPassword {
            let shown = self.reset(id, PLACE)?;
            self.unchanged(kind, shown, call)?;
            let password = password.ok_or_else(|| {
                ConnectError::unsent("reset password: no password was made for it".into())
            })?;
            return self.reset(id, password.sent());
        }
        let user = self.user(id).await?;
        let required = user.and_then(|(account, _)| account.required);
        let request = self.password_request(kind, id, required.as_deref())?;
        self.unchanged(kind, request, call)
    }

    /// Reads once when the password was set, and whether another one is asked for.
    pub(super) async fn read_password(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let id = query.account.raw();
        let Some((account, _)) = self.user(id).await? else {
            return Ok(reading(None, "the account is not found"));
        };
        if account.id != query.account {
            return Ok(reading(None, "the provider answered with another account"));
        }
        let asks = account.required.as_deref().map(requires);
        let credentials = self.list(self.get(CREDENTIALS, &[id])?, wire::credential);
        let changed = wire::password_changed(&credentials.await?);
        let (Some(before), Some(changed), Some(asks)) = (query.before, changed, asks) else {
            let what = "when the password was set, before or now, cannot be read";
            return Ok(reading(None, what));
        };
        Ok(told(query.kind, (before, changed), asks))
    }
}

fn reading(matches: Option<bool>, evidence: impl Into<String>) -> Reading {
    Reading {
        matches,
        evidence: Untrusted::new(evidence.into()),
        used: None,
        server_date: None,
        effect_at: None,
    }
}

/// Says what an action did, by when the password was set, before it and now, and whether another one is asked for.
fn told(
    kind: ActionKind,
    (before, changed): (DateTime<Utc>, DateTime<Utc>),
    asks: bool,
) -> Reading {
    // As finely as it is told: another password of the same second is another one.
    let at = changed.to_rfc3339_opts(SecondsFormat::Millis, true);
    let is_new = changed > before;
    let must = if asks {
        "UPDATE_PASSWORD is required"
    } else {
        "UPDATE_PASSWORD is not required"
    };
    if kind == ActionKind::ResetPassword {
        return match (is_new, asks) {
            (true, true) => Reading {
                effect_at: Some(changed),
                ..reading(Some(true), format!("password set at {at}; {must}"))
            },
            (false, _) => reading(Some(false), format!("password still that of {at}; {must}")),
            (true, false) => reading(
                None,
                format!("password set at {at}, but {must}: the user or others set it since"),
            ),
        };
    }
    match (asks, is_new) {
        (true, _) => reading(Some(true), must),
        (false, false) => reading(Some(false), must),
        (false, true) => reading(None, format!("{must}; password set at {at} since")),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples::at;

    const P: ActionKind = ActionKind::ResetPassword;
    const X: ActionKind = ActionKind::ExpirePassword;

    /// The password was set at second 5 before the action, and now so many milliseconds later.
    #[rstest]
    #[case::reset(P, 250, true, Some(true), true, "set at 2027-01-15T08:00:05.250Z")]
    #[case::later(P, 3_250, true, Some(true), true, "set at 2027-01-15T08:00:08.250Z")]
    #[case::not_reset(P, 0, true, Some(false), false, "password still that of")]
    #[case::nothing_asked(P, 0, false, Some(false), false, "password still that of")]
    #[case::chosen_since(P, 250, false, None, false, "the user or others set it since")]
    // Nothing tells when another password was asked for: the time is that of the password.
    #[case::expired(X, 0, true, Some(true), false, "UPDATE_PASSWORD is required")]
    #[case::expired_and_set(X, 250, true, Some(true), false, "UPDATE_PASSWORD is required")]
    #[case::not_expired(X, 0, false, Some(false), false, "UPDATE_PASSWORD is not required")]
    #[case::expired_and_chosen(X, 250, false, None, false, "set at 2027-01-15T08:00:05.250Z since")]
    fn a_reset_that_is_there_is_timed_by_its_password(
        #[case] kind: ActionKind,
        #[case] later: i64,
        #[case] asks: bool,
        #[case] matches: Option<bool>,
        #[case] is_timed: bool,
        #[case] says: &str,
    ) {
        let changed = at(5) + TimeDelta::milliseconds(later);
        let read = told(kind, (at(5), changed), asks);
        assert_eq!(read.matches, matches);
        assert_eq!(read.effect_at, is_timed.then_some(changed));
        assert!(read.evidence.raw().contains(says), "{:?}", read.evidence);
    }
}
