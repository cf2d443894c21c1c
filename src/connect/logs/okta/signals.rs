//! What Okta says of the source and the way of an event: risk, behaviours, proxy, second factor.

use crate::connect::logs::tree::Value;

use super::super::fields::unpacked;
use super::super::scopes::reach_far;
use super::acts::is_prompt;
use crate::connect::decode::{at, text};
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Outcome, Set, Signal};

/// Reads the signals of an entry.
pub(super) fn signals(
    record: &Value,
    action: &str,
    act: Option<Act>,
    outcome: Outcome,
) -> Set<Signal> {
    let mut set = Set::default();
    if at(record, "securityContext.isProxy").and_then(Value::as_bool) == Some(true) {
        set.insert(Signal::Proxy);
    }
    let data = at(record, "debugContext.debugData");
    let only = data.and_then(|data| unpacked(data.get("logOnlySecurityData")?));
    let only = only.as_deref();
    let part = |name: &str| data.and_then(|data| text(data, name));
    let risk = only
        .and_then(|only| text(only, "risk.level"))
        .or_else(|| part("risk"))
        .or_else(|| part("riskLevel"));
    let risk = risk.as_ref().map_or("", Untrusted::raw);
    if risk.contains("HIGH") {
        set.insert(Signal::RiskHigh);
    } else if risk.contains("MEDIUM") {
        set.insert(Signal::RiskMedium);
    } else if part("threatSuspected").is_some_and(|word| word.raw() == "true") {
        // Okta's threat insight knows no levels.
        set.insert(Signal::RiskMedium);
    }
    let behaviours = part("behaviors");
    let behaviours = behaviours.as_ref().map_or("", Untrusted::raw);
    let is_new = |behaviour: &str| {
        let of_object = only
            .and_then(|only| only.get("behaviors")?.get(behaviour)?.as_str())
            .is_some_and(|word| word == "POSITIVE");
        let told = || behaviours.contains(&format!("{behaviour}=POSITIVE"));
        of_object || (!behaviours.is_empty() && told())
    };
    if is_new("New Device") {
        set.insert(Signal::NewDevice);
    }
    if ["New Geo-Location", "New Country", "New City", "New State"]
        .into_iter()
        .any(is_new)
    {
        set.insert(Signal::NewPlace);
    }
    if act == Some(Act::MfaPrompt) {
        factor(record, action, outcome, &mut set);
    }
    let scopes = part("scopes").or_else(|| part("requestedScopes"));
    let far = || scopes.is_some_and(|scopes| reach_far(scopes.raw()));
    if act == Some(Act::RoleGranted) || act == Some(Act::OauthGrant) && far() {
        set.insert(Signal::Privileged);
    }
    if act == Some(Act::PasswordReset) && is_by_support(record) {
        set.insert(Signal::External);
    }
    set
}

/// Tells whether Okta's own support did it: its system account, outside of any transaction of the tenant.
fn is_by_support(record: &Value) -> bool {
    let is = |field: &str, word: &str| text(record, field).is_some_and(|text| text.raw() == word);
    is("actor.alternateId", "system@okta.com") && is("transaction.id", "unknown")
}

fn factor(record: &Value, action: &str, outcome: Outcome, set: &mut Set<Signal>) {
    let reason = text(record, "outcome.reason").unwrap_or_default();
    let denied = ["REJECT", "DENIED", "TIMEOUT", "NO_RESPONSE"]
        .iter()
        .any(|word| reason.raw().to_ascii_uppercase().contains(word));
    if is_prompt(action) {
        set.insert(Signal::MfaChallenge);
    } else if action.contains("deny_push") || outcome == Outcome::Failure && denied {
        set.insert(Signal::MfaDenied);
    } else if outcome == Outcome::Success && action == "user.authentication.auth_via_mfa" {
        set.insert(Signal::MfaPassed);
    }
}
