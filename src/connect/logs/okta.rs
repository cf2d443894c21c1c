//! Entries of Okta's System Log.
//!
//! Source: Okta Management API, `LogEvent`, and the catalogue of event types.

mod acts;
mod signals;

use std::borrow::Cow;

use super::tree::Value;

use super::act::{category_of, kind_of, lane_of};
use super::{address, time_or_none, with_keys};
use crate::connect::decode::{FieldError, at, need_text, text};
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{
    Act, Category, Event, Geo, Kind, Network, Outcome, Party, Set,
};
use crate::domain::timeline::lane::Lane;

pub(super) use acts::act;

/// Fields that some exports write in lower case.
const KEYS: [&str; 6] = [
    "eventType",
    "displayMessage",
    "legacyEventType",
    "authenticationContext",
    "securityContext",
    "debugContext",
];

/// Tells whether a record looks like an entry.
pub(super) fn is_one(record: &Value) -> bool {
    let record = &*with_keys(Cow::Borrowed(record), &KEYS);
    record.get("eventType").is_some_and(Value::is_string)
        && record.get("actor").is_some_and(Value::is_object)
        && ["published", "legacyEventType", "displayMessage", "outcome"]
            .iter()
            .any(|field| record.get(field).is_some())
}

/// Reads one entry as an event.
pub(crate) fn event(record: &Value) -> Result<Event, FieldError> {
    let record = &*with_keys(Cow::Borrowed(record), &KEYS);
    let action = need_text(record, "eventType")?;
    let (published, untimed) = time_or_none(record, &["published"]);
    let user = party(at(record, "actor"));
    let act = acts::act_of(action.raw(), text(record, "outcome.reason").as_ref());
    let outcome = outcome(text(record, "outcome.result").as_ref());
    Ok(Event {
        id: text(record, "uuid").unwrap_or_default(),
        at: published,
        untimed,
        lane: lane_of(act, lane(action.raw())),
        category: category(action.raw(), act),
        kind: kind(action.raw(), act),
        outcome,
        target: target(record),
        ip: text(record, "client.ipAddress").as_ref().and_then(address),
        geo: geo(record),
        network: Network {
            number: at(record, "securityContext.asNumber")
                .and_then(Value::as_u64)
                .and_then(|number| u32::try_from(number).ok()),
            organization: text(record, "securityContext.asOrg"),
        },
        agent: text(record, "client.userAgent.rawUserAgent"),
        device: text(record, "device.id"),
        session: text(record, "authenticationContext.externalSessionId"),
        provider: Some(Untrusted::new("okta")),
        object: object(record, user.id.as_ref()),
        reason: text(record, "outcome.reason").or_else(|| text(record, "displayMessage")),
        signals: signals::signals(record, action.raw(), act, outcome),
        act,
        action,
        user,
        ..Event::default()
    })
}

fn party(value: Option<&Value>) -> Party {
    let Some(value) = value else {
        return Party::default();
    };
    // Okta writes `unknown` where it knows nobody.
    let part = |field| text(value, field).filter(|text| text.raw() != "unknown");
    let name = part("alternateId");
    Party {
        id: part("id"),
        email: name.clone().filter(|name| name.raw().contains('@')),
        name: name.or_else(|| part("displayName")),
    }
}

fn targets<'a>(record: &'a Value<'a>) -> impl Iterator<Item = &'a Value<'a>> {
    at(record, "target")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Gives the first target that is a user.
fn target(record: &Value) -> Party {
    party(targets(record).find(|target| {
        target
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.ends_with("User"))
    }))
}

/// Gives the first target that is not the actor.
fn object(record: &Value, actor: Option<&Untrusted>) -> Option<Untrusted> {
    let other = targets(record).find(|target| {
        let id = text(*target, "id");
        id.is_none() || id.as_ref() != actor
    })?;
    text(other, "displayName")
        .or_else(|| text(other, "alternateId"))
        .or_else(|| text(other, "id"))
}

/// Gives the lane by the first words of the event type, the vendor's own grouping.
fn lane(action: &str) -> Lane {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| action.starts_with(prefix));
    if action.contains("grant") || action.contains("consent") {
        Lane::OauthGrant
    } else if action == "user.session.clear"
        || starts(&[
            "user.mfa.factor.",
            "user.lifecycle.",
            "user.account.",
            "group.user_membership.",
        ])
    {
        Lane::AccountChange
    } else if starts(&["user.session.", "user.authentication.", "user.mfa."]) {
        Lane::SignIn
    } else {
        Lane::of(action, &[])
    }
}

fn category(action: &str, act: Option<Act>) -> Set<Category> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| action.starts_with(prefix));
    if starts(&["user.mfa.factor."]) {
        Set::of(&[Category::Iam])
    } else if starts(&["user.session."]) {
        Set::of(&[Category::Authentication, Category::Session])
    } else if starts(&["user.authentication.", "user.mfa.", "policy.evaluate_sign"]) {
        Set::of(&[Category::Authentication])
    } else if starts(&["user.", "group.", "application.user_membership."]) {
        Set::of(&[Category::Iam])
    } else if starts(&["policy.", "zone.", "system."]) {
        Set::of(&[Category::Configuration])
    } else if starts(&["security.", "threat"]) {
        Set::of(&[Category::Threat])
    } else {
        category_of(act, &[])
    }
}

fn kind(action: &str, act: Option<Act>) -> Set<Kind> {
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| action.ends_with(suffix));
    let mut set = Set::default();
    if ends(&[".start"]) {
        set.insert(Kind::Start);
    } else if ends(&[".end", ".clear"]) {
        set.insert(Kind::End);
    } else if ends(&[".create", ".add", ".activate"]) {
        set.insert(Kind::Creation);
    } else if ends(&[".delete", ".remove", ".deactivate", ".revoke", "reset_all"]) {
        set.insert(Kind::Deletion);
    } else if ends(&[
        ".update",
        ".suspend",
        ".unsuspend",
        "_password",
        ".lock",
        ".unlock",
    ]) {
        set.insert(Kind::Change);
    }
    if action.starts_with("user.lifecycle.")
        || action.starts_with("user.account.")
        || action.starts_with("user.mfa.factor.")
    {
        set.insert(Kind::User);
    }
    if action.starts_with("group.") {
        set.insert(Kind::Group);
    }
    if set.is_empty() {
        set = kind_of(act, set);
    }
    set
}

fn outcome(word: Option<&Untrusted>) -> Outcome {
    match word.map(Untrusted::raw) {
        Some("SUCCESS" | "ALLOW") => Outcome::Success,
        Some("FAILURE" | "DENY") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

fn geo(record: &Value) -> Geo {
    let degrees = |field| at(record, field).and_then(Value::as_f64);
    let part = |field| text(record, field);
    Geo {
        city: part("client.geographicalContext.city"),
        region: part("client.geographicalContext.state"),
        country: part("client.geographicalContext.country"),
        country_iso: None,
        point: degrees("client.geographicalContext.geolocation.lat")
            .zip(degrees("client.geographicalContext.geolocation.lon"))
            .and_then(|(latitude, longitude)| Geo::at(latitude, longitude)),
        ..Geo::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("user.session.start", Lane::SignIn)]
    #[case("user.authentication.auth_via_mfa", Lane::SignIn)]
    #[case("user.mfa.okta_verify.deny_push", Lane::SignIn)]
    #[case("user.session.clear", Lane::AccountChange)]
    #[case("user.mfa.factor.activate", Lane::AccountChange)]
    #[case("user.lifecycle.suspend", Lane::AccountChange)]
    #[case("app.oauth2.as.consent.grant", Lane::OauthGrant)]
    fn lanes(#[case] action: &str, #[case] expected: Lane) {
        assert_eq!(lane(action), expected);
    }

    #[test]
    fn an_entry_is_read_whole() -> Result<(), FieldError> {
        let record = json!({
            "uuid": "e1", "published": "2026-11-21T03:00:00.000Z", "eventType": "user.authentication.sso",
            "actor": {"id": "00u1", "alternateId": "mara@x.org"}, "outcome": {"result": "FAILURE", "reason": "DENIED"},
            "client": {"ipAddress": "203.0.113.9", "userAgent": {"rawUserAgent": "curl"},
                       "geographicalContext": {"city": "Lagos", "country": "Nigeria"}},
            "target": [{"id": "00u1", "type": "User", "displayName": "Mara"}, {"id": "0oa", "displayName": "Payroll"}],
        });
        let event = event(&Value::from(&record))?;
        assert_eq!(event.outcome, Outcome::Failure);
        assert_eq!(event.object, Some("Payroll".into()));
        assert_eq!(event.geo.place(), Some("Lagos, Nigeria".into()));
        assert_eq!(event.user.name, Some("mara@x.org".into()));
        assert_eq!(
            event.target,
            Party {
                id: Some("00u1".into()),
                name: Some("Mara".into()),
                email: None
            }
        );
        assert_eq!(event.reason, Some("DENIED".into()));
        Ok(())
    }

    #[rstest]
    #[case(json!({"eventType": "x", "published": "2026-11-21T03:00:00Z"}), FieldError::Missing("uuid"))]
    #[case(json!({"eventType": "x", "uuid": "1", "published": true}), FieldError::Type("published", "a time"))]
    #[case(json!({"uuid": "1"}), FieldError::Missing("eventType"))]
    fn broken_entries_are_named(#[case] record: serde_json::Value, #[case] error: FieldError) {
        assert_eq!(super::super::okta_entry(&record), Err(error));
    }
}
