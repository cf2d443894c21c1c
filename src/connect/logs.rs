//! Records of vendors' logs as events with ECS names, whether they come from a SIEM, an interface or an exported file.
//!
//! One file a vendor. What must not live here: requests, files, and what an event means for the case (findings are
//! `domain::timeline`'s).

mod act;
mod address;
mod auth0;
mod cloudtrail;
mod duo;
mod ecs;
mod entra;
mod envelope;
mod fields;
mod file;
mod google;
mod keycloak;
mod m365;
mod okta;
mod onelogin;
mod panther;
mod scopes;
mod tree;
mod udm;

use std::borrow::Cow;

use chrono::{DateTime, Utc};

pub use super::decode::FieldError;
use super::decode::{need_text, need_time, time};
pub(crate) use address::address;
pub use file::{LogFile, Logs, Read, read_log};
use tree::Value;

use crate::domain::text::Excerpt;
use crate::domain::timeline::event::{Event, Network};

/// Whose records they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Okta System Log.
    Okta,
    /// Microsoft Entra ID: sign-ins, directory audit, risk detections; Azure's activity log.
    Entra,
    /// Microsoft 365 unified audit log.
    M365,
    /// Google Workspace activities.
    Google,
    /// AWS CloudTrail.
    CloudTrail,
    /// Duo authentication and administrator logs.
    Duo,
    /// OneLogin events.
    OneLogin,
    /// Keycloak user events and admin events.
    Keycloak,
    /// Auth0 tenant logs.
    Auth0,
    /// Events of Google Security Operations in its Unified Data Model.
    Udm,
    /// Documents of the Elastic Common Schema, nested or dotted, with or without `_source` around them.
    Ecs,
}

impl Source {
    /// Lists all of them, in the order in which they are tried.
    pub const ALL: [Self; 11] = [
        Self::Okta,
        Self::Google,
        Self::CloudTrail,
        Self::M365,
        Self::Entra,
        Self::Duo,
        Self::OneLogin,
        Self::Auth0,
        Self::Keycloak,
        Self::Udm,
        Self::Ecs,
    ];

    /// Gives the name used on the command line and in exports.
    pub fn key(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Entra => "entra",
            Self::M365 => "m365",
            Self::Google => "google",
            Self::CloudTrail => "cloudtrail",
            Self::Duo => "duo",
            Self::OneLogin => "onelogin",
            Self::Keycloak => "keycloak",
            Self::Auth0 => "auth0",
            Self::Udm => "udm",
            Self::Ecs => "ecs",
        }
    }

    /// Reads the name used on the command line.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.key() == key)
    }

    /// Tells whose record it looks like, by fields that only that vendor has.
    pub(crate) fn detect(record: &Value<'_>) -> Option<Self> {
        let looks = |source: &Self| match source {
            Self::Okta => okta::is_one(record),
            Self::Entra => entra::is_one(record),
            Self::M365 => m365::is_one(record),
            Self::Google => google::is_one(record),
            Self::CloudTrail => cloudtrail::is_one(record),
            Self::Duo => duo::is_one(record),
            Self::OneLogin => onelogin::is_one(record),
            Self::Keycloak => keycloak::is_one(record),
            Self::Auth0 => auth0::is_one(record),
            Self::Udm => udm::is_one(record),
            Self::Ecs => ecs::is_one(record),
        };
        Self::ALL
            .into_iter()
            .find(looks)
            .or_else(|| panther::source(record))
    }

    /// Reads a record; one record may hold several events.
    ///
    /// # Errors
    /// The first field that must be there and is not, or is something else; nothing was added then.
    fn decode(self, record: &Value<'_>, events: &mut Vec<Event>) -> Result<(), FieldError> {
        let before = events.len();
        match self {
            Self::Okta => events.push(okta::event(record)?),
            Self::Entra => events.push(entra::event(record)?),
            Self::M365 => events.push(m365::event(record)?),
            Self::Google => google::events(record, events)?,
            Self::CloudTrail => events.push(cloudtrail::event(record)?),
            Self::Duo => events.push(duo::event(record)?),
            Self::OneLogin => events.push(onelogin::event(record)?),
            Self::Keycloak => events.push(keycloak::event(record)?),
            Self::Auth0 => events.push(auth0::event(record)?),
            Self::Udm => events.push(udm::event(record)?),
            Self::Ecs => events.push(ecs::event(record)?),
        }
        for event in events.iter_mut().skip(before) {
            panther::complete(record, event);
        }
        Ok(())
    }
}

/// Reads an entry as Okta's interface gives it: one without an id or a time is a fault there.
pub(crate) fn okta_entry(record: &serde_json::Value) -> Result<Event, FieldError> {
    let mut event = okta::event(&record.into())?;
    event.raw = Excerpt::new(record.to_string());
    need_text(record, "uuid")?;
    need_time(record, "published")?;
    Ok(event)
}

/// Reads an activity as Google's interface gives it: one without an id or a time is a fault there.
pub(crate) fn google_entries(record: &serde_json::Value) -> Result<Vec<Event>, FieldError> {
    let mut events = Vec::new();
    google::events(&record.into(), &mut events)?;
    need_text(record, "id.uniqueQualifier")?;
    need_time(record, "id.time")?;
    for event in &mut events {
        event.raw = Excerpt::new(record.to_string());
    }
    Ok(events)
}

/// Reads an entry as Keycloak's interface gives it: one without an id or a time is a fault there.
pub(crate) fn keycloak_entry(record: &serde_json::Value) -> Result<Event, FieldError> {
    let mut event = keycloak::event(&record.into())?;
    event.raw = Excerpt::new(record.to_string());
    need_text(record, "id")?;
    need_time(record, "time")?;
    Ok(event)
}

/// Reads an entry as Graph's interface gives it: one without an id or a time is a fault there.
pub(crate) fn entra_entry(record: &serde_json::Value) -> Result<Event, FieldError> {
    let mut event = entra::event(&record.into())?;
    event.raw = Excerpt::new(record.to_string());
    need_text(record, "id")?;
    if event.untimed {
        return Err(FieldError::Missing("createdDateTime"));
    }
    Ok(event)
}

/// Reads a hit as Elasticsearch gives it: one without an id or a time is a fault there.
pub(crate) fn ecs_hit(hit: &serde_json::Value) -> Result<Event, FieldError> {
    let mut event = ecs::event(&hit.into())?;
    // The document, without what the search wrapped around it.
    event.raw = Excerpt::new(hit.get("_source").unwrap_or(hit).to_string());
    if event.untimed {
        need_time(hit.get("_source").unwrap_or(hit), "@timestamp")?;
    }
    if event.id.is_empty() {
        need_text(hit, "_id")?;
    }
    Ok(event)
}

/// Gives the first of some fields that is a time; without one 1970 and `true`, for an event whose time is not known.
fn time_or_none(record: &Value<'_>, fields: &[&str]) -> (DateTime<Utc>, bool) {
    let found = fields.iter().find_map(|field| time(record, field));
    (found.unwrap_or_default(), found.is_none())
}

/// Gives the record with the vendor's own spelling of some fields, where an export wrote them in lower case.
fn with_keys<'a>(record: Cow<'a, Value<'a>>, names: &[&'static str]) -> Cow<'a, Value<'a>> {
    let Some(fields) = record.as_object() else {
        return record;
    };
    let folded = |name: &&str| fields.get(name).is_none() && fields.has_lower(name);
    let wrong: Vec<&str> = names.iter().copied().filter(folded).collect();
    if wrong.is_empty() {
        return record;
    }
    let mut record = record.into_owned();
    if let Value::Object(fields) = &mut record {
        for name in wrong {
            fields.rename(&name.to_ascii_lowercase(), name);
        }
    }
    Cow::Owned(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Value as Json, json};

    #[rstest]
    #[case(json!({"eventType": "user.session.start", "published": "2026-11-21T03:00:00Z", "actor": {"id": "1"}}), Some(Source::Okta))]
    #[case(json!({"@timestamp": "2026-11-21T03:00:00Z", "event": {"action": "x"}}), Some(Source::Ecs))]
    #[case(json!({"_id": "1", "_source": {"@timestamp": "2026-11-21T03:00:00Z"}}), Some(Source::Ecs))]
    #[case(json!({"a": 1}), None)]
    #[case(json!("text"), None)]
    fn whose_record_it_is(#[case] record: Json, #[case] expected: Option<Source>) {
        assert_eq!(Source::detect(&Value::from(&record)), expected);
    }

    /// Any JSON value, with the names of vendors' fields among its keys.
    fn any_value() -> impl Strategy<Value = Json> {
        const KEYS: &str = "actor|action|eventType|event_type|event_type_id|eventName|userIdentity|requestParameters|id|type|name|target|events|parameters|data|details|request|path|body|properties|initiatedBy|targetResources|status|location|CreationTime|Operation|Parameters|metadata|principal|security_result|udm|_source|event|@timestamp|p_enrichment|factor|result|username|description|debugContext|debugData|user|ip|published|value|seconds|createdDateTime|CloudTrailEvent|AuditData";
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,12}".prop_map(Json::from),
            "(sapi|USER_LOGIN|authentication|AssumedRole|[0-9]{1,3}\\.[0-9]{1,3}|\\{\"a\":[0-9]\\}|2026-11-21T03:00:0[0-9]Z)".prop_map(Json::from),
        ];
        leaf.prop_recursive(5, 48, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::vec((KEYS, inner), 0..8)
                    .prop_map(|all| Json::Object(all.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_an_event_or_a_named_fault(value in any_value()) {
            let value = Value::from(&value);
            Source::detect(&value);
            for source in Source::ALL {
                let mut events = Vec::new();
                match source.decode(&value, &mut events) {
                    Ok(()) => prop_assert!(!events.is_empty()),
                    Err(error) => {
                        prop_assert!(!error.to_string().is_empty());
                        prop_assert!(events.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn every_source_has_a_key_of_its_own() {
        for source in Source::ALL {
            assert_eq!(Source::from_key(source.key()), Some(source));
        }
    }
}
