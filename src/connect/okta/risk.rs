//! The risk of a user at Okta: raised to HIGH, lowered to LOW, and read back.
//!
//! The level is one field that Okta's own judgement writes as well, so each request gives a reason of ours, and only a level
//! with that reason proves it. NONE can be read and not be set: LOW is the lowest there is. An organisation without Identity
//! Threat Protection refuses all of it.
//!
//! Source: Okta Management API, `UserRiskRequest`, `UserRiskGetResponse`.
//! What must not live here: when to read again.

use std::sync::PoisonError;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Okta, unreadable};
use crate::config::settings::ServiceApp;
use crate::connect::capability::{ConnectError, ConnectErrorKind, Lacking, ProofQuery, Reading};
use crate::connect::decode::{FieldError, need_text, text};
use crate::connect::http::{Answer, Class, Request};
use crate::domain::account::{Account, Risk, RiskState};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::risk;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const RISK: &str = "/api/v1/users/{userId}/risk";

/// The reasons that are sent, in the letters that Okta takes.
const MARKED: &str = "Marked as compromised by an analyst in quell";
const DISMISSED: &str = "Dismissed by an analyst in quell";

/// The scope that lets a service app read it.
pub(super) const READ: &str = "okta.userRisk.read";
/// The scope that lets a service app set it.
pub(super) const MANAGE: &str = "okta.userRisk.manage";

/// Tells whether an app asks for a scope because the configuration names it; those that are asked for without a word have
/// nothing to do with risk.
pub(super) fn names(app: &ServiceApp, scope: &str) -> bool {
    app.scopes.iter().flatten().any(|one| one == scope)
}

/// Gives the level and the reason that an action sets.
fn wanted(kind: ActionKind) -> (&'static str, &'static str) {
    match kind {
        ActionKind::DismissRisk => ("LOW", DISMISSED),
        _ => ("HIGH", MARKED),
    }
}

/// Builds the request that sets the level.
pub(super) fn request(kind: ActionKind, id: &str) -> Result<Request, ConnectError> {
    let (level, reason) = wanted(kind);
    let request = Request::new(Class::Write, Method::PUT, RISK, &[id])?;
    Ok(request.json(&json!({"riskLevel": level, "riskReason": reason})))
}

/// Tells why the kinds of a plan are not sent for an account, if so.
pub(super) fn refusal(kinds: &[ActionKind], account: &Account) -> Option<(ActionKind, Lacking)> {
    let mut kinds = kinds.iter();
    kinds.find_map(|kind| {
        Some((
            *kind,
            Lacking {
                reason: risk::refusal(*kind, account)?,
            },
        ))
    })
}

/// Reads the level with its reason; where there is none the reason is left out.
fn level(record: &Value) -> Result<(Untrusted, Option<Untrusted>), FieldError> {
    Ok((need_text(record, "riskLevel")?, text(record, "reason")))
}

/// Gives a level and its reason as what is known of the risk.
fn risk_by(level: &Untrusted, reason: Option<&Untrusted>) -> Risk {
    let is_ours = |words: &str| reason.is_some_and(|reason| reason.raw() == words);
    let state = match level.raw() {
        "NONE" => RiskState::Nothing,
        "HIGH" if is_ours(MARKED) => RiskState::Compromised,
        "LOW" if is_ours(DISMISSED) => RiskState::Over,
        _ => RiskState::AtRisk,
    };
    Risk {
        state,
        said: said(level, reason),
    }
}

fn said(level: &Untrusted, reason: Option<&Untrusted>) -> Untrusted {
    Untrusted::new(match reason {
        Some(reason) => format!("{} ({})", level.raw(), reason.raw()),
        None => level.raw().to_owned(),
    })
}

/// Judges a level with its reason by what an action should have led to.
fn judged(kind: ActionKind, level: &Untrusted, reason: Option<&Untrusted>) -> Option<bool> {
    let (wanted, own) = wanted(kind);
    if level.raw() != wanted {
        // Lower than what can be set, by Okta's own judgement: whether ours was there before cannot be read any more.
        let is_lower = kind == ActionKind::DismissRisk && level.raw() == "NONE";
        return (!is_lower).then_some(false);
    }
    // The wanted level for another reason is the word of another, over ours or instead of it.
    reason
        .is_some_and(|reason| reason.raw() == own)
        .then_some(true)
}

/// Tells whether an answer says that the organisation, or the token, has nothing to do with risk.
fn is_withheld(error: &ConnectError) -> bool {
    matches!(
        (error.kind, error.status),
        (ConnectErrorKind::NotFound, _) | (ConnectErrorKind::Denied, Some(403))
    )
}

impl Okta {
    /// Asks for the level of a user.
    pub(super) async fn risk_record(&self, id: &str) -> Result<Answer, ConnectError> {
        self.http.read(&Request::get(RISK, &[id])?.urgent()).await
    }

    fn level_in(answer: &Answer) -> Result<(Untrusted, Option<Untrusted>), ConnectError> {
        let record: Value = answer.json()?;
        level(&record).map_err(|error| unreadable(answer, &error))
    }

    /// Gives what is known of the risk of an account that was found, and remembers why nothing is told at all.
    pub(super) fn risk_of(&self, answer: Result<Answer, ConnectError>) -> Risk {
        let read = answer.and_then(|answer| Self::level_in(&answer));
        let lacks = match &read {
            Err(error) if is_withheld(error) => Some(safe!(
                "{}; it needs Identity Threat Protection and, of a service app, the scopes {} and {}",
                error.what,
                READ,
                MANAGE
            )),
            _ => None,
        };
        let said = match (&read, &lacks) {
            (Ok((level, reason)), _) => {
                self.note_risk(None);
                return risk_by(level, reason.as_ref());
            }
            (_, Some(lacks)) => lacks.clone(),
            (Err(error), None) => error.what.clone(),
        };
        if lacks.is_some() {
            self.note_risk(lacks);
        }
        Risk {
            state: RiskState::Unread,
            said: Untrusted::new(said.as_str()),
        }
    }

    fn note_risk(&self, lacks: Option<Safe>) {
        *self.no_risk.lock().unwrap_or_else(PoisonError::into_inner) = lacks;
    }

    /// Says why nothing of a risk is offered: a service app does not ask for its scope, or Okta refused to tell it.
    pub(super) fn lacks_risk(&self, kind: ActionKind) -> Option<Lacking> {
        if !kind.is_of_risk() {
            return None;
        }
        if self.app.as_ref().is_some_and(|app| !names(app, MANAGE)) {
            let reason = safe!("the app does not ask for {}", MANAGE);
            return Some(Lacking { reason });
        }
        let lacks = self.no_risk.lock().unwrap_or_else(PoisonError::into_inner);
        lacks.clone().map(|reason| Lacking { reason })
    }

    /// Reads the level of an account once.
    ///
    /// # Errors
    /// A read failed: it says nothing and is tried again.
    pub(super) async fn read_risk(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let reading = |matches, evidence: Untrusted, server_date| Reading {
            matches,
            evidence,
            used: None,
            server_date,
            effect_at: None,
        };
        let id = query.account.raw();
        let Some(account) = self.user(id).await? else {
            return Ok(reading(None, "the account is not found".into(), None));
        };
        if account.id != query.account {
            let what = "the provider answered with another account";
            return Ok(reading(None, what.into(), account.server_date));
        }
        let answer = self.risk_record(id).await?;
        let (level, reason) = Self::level_in(&answer)?;
        let matches = judged(query.kind, &level, reason.as_ref());
        let words = format!("risk level {}", said(&level, reason.as_ref()).raw());
        Ok(reading(matches, Untrusted::new(words), answer.server_date))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const C: ActionKind = ActionKind::ConfirmCompromised;
    const D: ActionKind = ActionKind::DismissRisk;
    const ADMIN: &str = "override.by.admin";

    #[rstest]
    #[case("NONE", None, RiskState::Nothing)]
    #[case("LOW", Some(ADMIN), RiskState::AtRisk)]
    #[case("LOW", Some(DISMISSED), RiskState::Over)]
    #[case("MEDIUM", None, RiskState::AtRisk)]
    #[case("MEDIUM", Some(MARKED), RiskState::AtRisk)]
    #[case("HIGH", Some(ADMIN), RiskState::AtRisk)]
    #[case("HIGH", None, RiskState::AtRisk)]
    #[case("HIGH", Some(MARKED), RiskState::Compromised)]
    fn what_a_level_says(
        #[case] level: &'static str,
        #[case] reason: Option<&'static str>,
        #[case] state: RiskState,
    ) {
        let risk = risk_by(&level.into(), reason.map(Untrusted::from).as_ref());
        assert_eq!(risk.state, state);
        assert!(risk.said.raw().starts_with(level));
    }

    #[rstest]
    #[case(C, "HIGH", Some(MARKED), Some(true))]
    #[case(C, "HIGH", Some(ADMIN), None)]
    #[case(C, "HIGH", None, None)]
    #[case(C, "LOW", Some(MARKED), Some(false))]
    #[case(C, "NONE", None, Some(false))]
    #[case(D, "LOW", Some(DISMISSED), Some(true))]
    #[case(D, "LOW", Some(ADMIN), None)]
    #[case(D, "HIGH", Some(DISMISSED), Some(false))]
    #[case(D, "NONE", None, None)]
    fn only_a_level_with_our_reason_proves(
        #[case] kind: ActionKind,
        #[case] level: &'static str,
        #[case] reason: Option<&'static str>,
        #[case] proves: Option<bool>,
    ) {
        let reason = reason.map(Untrusted::from);
        assert_eq!(judged(kind, &level.into(), reason.as_ref()), proves);
    }

    #[rstest]
    #[case(&[], false)]
    #[case(&["okta.users.read"], false)]
    #[case(&[READ], false)]
    #[case(&["okta.users.read", MANAGE], true)]
    fn risk_is_asked_for_only_where_it_is_named(#[case] scopes: &[&str], #[case] asks: bool) {
        let all = || scopes.iter().map(|&one| one.to_owned()).collect();
        let app = ServiceApp {
            client_id: "0oa1".to_owned(),
            key_id: None,
            // None at all where the configuration has no word about them.
            scopes: (!scopes.is_empty()).then(all),
        };
        assert_eq!(names(&app, MANAGE), asks);
    }

    #[test]
    fn reasons_have_the_letters_that_are_taken() {
        for reason in [MARKED, DISMISSED] {
            let is_taken = |one: char| one.is_ascii_alphanumeric() || " -,.".contains(one);
            assert!(reason.len() <= 500 && reason.chars().all(is_taken));
        }
    }
}
