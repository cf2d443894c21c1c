//! Google Security Operations (Chronicle): events of the Unified Data Model.
//!
//! Source: UDM field list: `metadata`, `principal`, `target`, `security_result`, `network`, `extensions.auth`. Fields come
//! as `event_type` from parsers and as `eventType` from the interface, lists sometimes as one value.

use super::tree::Value;

use super::act::{category_of, kind_of, lane_of, login};
use super::{address, time_or_none};
use crate::connect::decode::{FieldError, at, text};
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{
    Act, Category, Event, Geo, Kind, Network, Outcome, Party, Set, Signal,
};
use crate::domain::timeline::lane::Lane;

/// Gives the event out of what a search wraps around it.
fn inner<'a>(record: &'a Value<'a>) -> &'a Value<'a> {
    record
        .get("udm")
        .or_else(|| at(record, "event.udm"))
        .filter(|value| value.is_object())
        .unwrap_or(record)
}

/// Finds a field under its name or the same in the other spelling.
fn find<'a>(record: &'a Value<'a>, path: &str) -> Option<&'a Value<'a>> {
    let mut here = record;
    for name in path.split('.') {
        here = step(here, name)?;
    }
    Some(here)
}

fn step<'a>(value: &'a Value<'a>, name: &str) -> Option<&'a Value<'a>> {
    let value = match value {
        Value::Array(all) => all.first()?,
        other => other,
    };
    value.get(name).or_else(|| value.get(&camel(name)))
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (part, first) in name
        .split('_')
        .zip(std::iter::once(true).chain(std::iter::repeat(false)))
    {
        let mut letters = part.chars();
        match letters.next() {
            Some(letter) if !first => out.extend(letter.to_uppercase()),
            Some(letter) => out.push(letter),
            None => {}
        }
        out.push_str(letters.as_str());
    }
    out
}

fn find_text(record: &Value, path: &str) -> Option<Untrusted> {
    let (whole, last) = path.rsplit_once('.').unwrap_or(("", path));
    let object = if whole.is_empty() {
        Some(record)
    } else {
        find(record, whole)
    }?;
    let object = match object {
        Value::Array(all) => all.first()?,
        other => other,
    };
    text(object, last).or_else(|| text(object, &camel(last)))
}

/// Tells whether a record looks like one.
pub(super) fn is_one(record: &Value) -> bool {
    find(inner(record), "metadata.event_type").is_some_and(Value::is_string)
}

/// Reads one event.
pub(super) fn event(whole: &Value) -> Result<Event, FieldError> {
    let record = inner(whole);
    let kind = find_text(record, "metadata.event_type")
        .ok_or(FieldError::Missing("metadata.event_type"))?;
    let own = find_text(record, "metadata.product_event_type");
    let (principal, named) = (party(record, "principal"), party(record, "target"));
    // A sign-in names the account that is entered as its target: it is who acts, where nobody else is named.
    let enters = matches!(kind.raw(), "USER_LOGIN" | "USER_LOGOUT");
    let (user, target) = if principal.is_empty() && enters {
        (named, Party::default())
    } else {
        (principal, named)
    };
    let outcome = outcome(record);
    let act = act(kind.raw(), record, &user, &target);
    let (at, untimed) = time_of(record, "metadata.event_timestamp");
    let (ingested, never) = time_of(record, "metadata.ingested_timestamp");
    let ip = ["principal.ip", "src.ip", "principal.hostname"]
        .into_iter()
        .find_map(|field| find_text(record, field));
    Ok(Event {
        id: find_text(record, "metadata.id")
            .or_else(|| find_text(record, "metadata.product_log_id"))
            .unwrap_or_default(),
        at,
        untimed,
        ingested: (!never).then_some(ingested),
        lane: lane_of(act, lane(kind.raw())),
        category: category_of(act, &[category(kind.raw())]),
        kind: kind_of(act, type_of(kind.raw())),
        outcome,
        ip: ip.as_ref().and_then(address),
        geo: geo(record),
        network: network(record),
        agent: find_text(record, "network.http.user_agent"),
        device: find_text(record, "principal.asset.asset_id"),
        session: find_text(record, "network.session_id"),
        provider: find_text(record, "metadata.product_name")
            .or_else(|| Some(Untrusted::new("udm"))),
        object: object(record),
        reason: find_text(record, "security_result.summary")
            .or_else(|| find_text(record, "security_result.description"))
            .or_else(|| find_text(record, "metadata.description")),
        signals: signals(record, outcome, act),
        act,
        action: own.unwrap_or(kind),
        user,
        target,
        ..Event::default()
    })
}

fn time_of(record: &Value, path: &str) -> (chrono::DateTime<chrono::Utc>, bool) {
    let Some(value) = find(record, path) else {
        return (chrono::DateTime::default(), true);
    };
    // A protobuf time in JSON may be written as its two numbers.
    if value.is_object() {
        return time_or_none(value, &["seconds"]);
    }
    let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = find(record, parent).unwrap_or(record);
    let camel = camel(last);
    time_or_none(parent, &[last, camel.as_str()])
}

fn party(record: &Value, side: &str) -> Party {
    let part = |field: &str| find_text(record, &format!("{side}.user.{field}"));
    let mail = part("email_addresses");
    let name = part("userid")
        .or_else(|| mail.clone())
        .or_else(|| part("user_display_name"));
    let mut party = login(
        part("product_object_id").or_else(|| part("windows_sid")),
        name,
    );
    party.email = mail.or(party.email);
    party
}

fn outcome(record: &Value) -> Outcome {
    let results = find(record, "security_result");
    let all = match results {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let actions = all
        .iter()
        .filter_map(|one| one.get("action"))
        .flat_map(|action| match action {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        });
    let mut outcome = Outcome::Unknown;
    for action in actions.filter_map(Value::as_str) {
        match action {
            "BLOCK" | "FAIL" | "QUARANTINE" => return Outcome::Failure,
            "ALLOW" | "ALLOW_WITH_MODIFICATION" => outcome = Outcome::Success,
            _ => {}
        }
    }
    outcome
}

fn act(kind: &str, record: &Value, user: &Party, target: &Party) -> Option<Act> {
    let own = target.is_empty() || target.best() == user.best();
    Some(match kind {
        "USER_LOGIN" => Act::SignIn,
        "USER_CREATION" => Act::AccountCreated,
        "USER_DELETION" => Act::AccountDeleted,
        "USER_CHANGE_PASSWORD" if own => Act::PasswordChanged,
        "USER_CHANGE_PASSWORD" => Act::PasswordReset,
        "PROCESS_LAUNCH" => Act::Command,
        "FILE_READ" | "USER_RESOURCE_ACCESS" => {
            let name = find_text(record, "metadata.product_event_type")?;
            let word = name.raw().to_ascii_lowercase();
            (word.contains("download")).then_some(Act::Download)?
        }
        _ => return None,
    })
}

fn lane(kind: &str) -> Lane {
    match kind {
        "USER_LOGOUT" => Lane::SignIn,
        "USER_CHANGE_PERMISSIONS" | "USER_UNCATEGORIZED" | "GROUP_MODIFICATION" => {
            Lane::AccountChange
        }
        _ if kind.starts_with("PROCESS_") => Lane::Command,
        _ => Lane::Sensitive,
    }
}

fn category(kind: &str) -> Category {
    let head = kind.split('_').next().unwrap_or_default();
    match (head, kind) {
        (_, "USER_LOGOUT") => Category::Session,
        (_, "USER_RESOURCE_ACCESS") => Category::Api,
        ("USER" | "GROUP", _) => Category::Iam,
        ("EMAIL", _) => Category::Email,
        ("FILE", _) => Category::File,
        ("NETWORK", _) => Category::Network,
        ("PROCESS", _) => Category::Process,
        ("SCAN", _) => Category::IntrusionDetection,
        ("SETTING" | "SERVICE", _) => Category::Configuration,
        _ => Category::Api,
    }
}

fn type_of(kind: &str) -> Set<Kind> {
    let has = |word: &str| kind.contains(word);
    let kind = if has("CREATION") {
        Kind::Creation
    } else if has("DELETION") {
        Kind::Deletion
    } else if has("CHANGE") || has("MODIFICATION") || has("UPDATE") {
        Kind::Change
    } else if kind == "USER_LOGOUT" {
        Kind::End
    } else if has("ACCESS") || has("READ") {
        Kind::Access
    } else {
        Kind::Info
    };
    Set::of(&[kind])
}

fn geo(record: &Value) -> Geo {
    let places = [
        "principal.location",
        "principal.ip_geo_artifact.location",
        "principal.ip_location",
    ];
    let Some(place) = places.into_iter().find_map(|field| find(record, field)) else {
        return Geo::default();
    };
    let country = find_text(place, "country_or_region");
    let short = |text: &Untrusted| text.raw().len() == 2;
    let degrees = |name: &str| {
        find(place, "region_coordinates")
            .and_then(|point| step(point, name))
            .and_then(Value::as_f64)
    };
    Geo {
        city: find_text(place, "city"),
        region: find_text(place, "state"),
        country_iso: country.clone().filter(short),
        country: country.filter(|text| !short(text)),
        point: degrees("latitude")
            .zip(degrees("longitude"))
            .and_then(|(latitude, longitude)| Geo::at(latitude, longitude)),
        ..Geo::default()
    }
}

fn network(record: &Value) -> Network {
    let part = |field: &str| {
        find_text(
            record,
            &format!("principal.ip_geo_artifact.network.{field}"),
        )
    };
    Network {
        number: part("asn").and_then(|number| number.raw().parse().ok()),
        organization: part("carrier_name").or_else(|| part("organization_name")),
    }
}

fn object(record: &Value) -> Option<Untrusted> {
    [
        "target.process.command_line",
        "target.file.full_path",
        "target.resource.name",
        "target.application",
        "target.url",
        "target.hostname",
        "target.resource.product_object_id",
        "network.email.subject",
    ]
    .into_iter()
    .find_map(|field| find_text(record, field))
}

fn signals(record: &Value, outcome: Outcome, act: Option<Act>) -> Set<Signal> {
    let mut set = Set::default();
    let severity = find_text(record, "security_result.severity").unwrap_or_default();
    match severity.raw() {
        "HIGH" | "CRITICAL" => set.insert(Signal::RiskHigh),
        "MEDIUM" => set.insert(Signal::RiskMedium),
        _ => {}
    }
    let ways = find(record, "extensions.auth.mechanism");
    let ways = match ways {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let second = ["OTP", "HARDWARE_KEY", "BADGE_READER", "MOBILE_DEVICE"];
    let second = ways
        .iter()
        .filter_map(Value::as_str)
        .any(|way| second.contains(&way));
    if act == Some(Act::SignIn) && second && outcome == Outcome::Success {
        set.insert(Signal::MfaPassed);
    }
    set
}
