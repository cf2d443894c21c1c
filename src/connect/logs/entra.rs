//! Microsoft Entra ID: sign-ins, directory audit and risk detections, as Microsoft Graph gives them, in the columns of Log
//! Analytics, and in the diagnostic settings of Azure (`properties` inside).
//!
//! Source: Microsoft Graph v1.0 `signIn`, `directoryAudit`, `riskDetection`; Azure Monitor tables `SigninLogs`, `AuditLogs`,
//! `AADUserRiskEvents`, `AzureActivity`.

mod audit;
mod policy;

use super::tree::Value;

use super::fields::{Fields, pair, path, words};
use super::{address, time_or_none};
use crate::connect::decode::FieldError;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{
    Act, Category, Event, Geo, Kind, Network, Outcome, Party, Set, Signal,
};
use crate::domain::timeline::lane::Lane;

/// Which of the logs a record is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Log {
    SignIn,
    Audit,
    Risk,
    Activity,
}

fn log_of(record: &Value) -> Option<Log> {
    let fields = Fields::with_part(record, "properties");
    let category = fields.text(&["category"]);
    let category = category.as_ref().map_or("", Untrusted::raw);
    let has = |names: &[&str]| fields.get(names).is_some();
    if has(&["riskEventType", "riskDetail"]) && has(&["detectedDateTime", "detectionTimingType"]) {
        Some(Log::Risk)
    } else if category.ends_with("SignInLogs")
        || has(&["createdDateTime", "OperationName"])
            && has(&["clientAppUsed", "conditionalAccessStatus", "ResultType"])
            && has(&["userPrincipalName", "servicePrincipalId"])
    {
        Some(Log::SignIn)
    } else if has(&["initiatedBy"]) && has(&["activityDisplayName", "operationName"]) {
        Some(Log::Audit)
    } else if has(&["operationName", "operation_name"])
        && (has(&["resourceId", "resource_id"]) || has(&["caller"]))
    {
        Some(Log::Activity)
    } else {
        None
    }
}

/// Tells whether a record looks like one of the logs.
pub(super) fn is_one(record: &Value) -> bool {
    record.is_object() && log_of(record).is_some()
}

/// Reads one record as an event.
pub(super) fn event(record: &Value) -> Result<Event, FieldError> {
    let fields = Fields::with_part(record, "properties");
    match log_of(record).ok_or(FieldError::Missing("operationName"))? {
        Log::SignIn => Ok(sign_in(record, &fields)),
        Log::Audit => audit::event(record, &fields),
        Log::Risk => Ok(risk(record, &fields)),
        Log::Activity => activity(record, &fields),
    }
}

/// Gives what was done by the name of an operation alone.
pub(super) fn act(operation: &str) -> Option<Act> {
    if operation.eq_ignore_ascii_case("sign-in activity") {
        return Some(Act::SignIn);
    }
    audit::audit_act(operation, &[])
}

/// Fields that hold when it happened, the exact one first.
const TIMES: [&str; 10] = [
    "properties.createdDateTime",
    "properties.activityDateTime",
    "createdDateTime",
    "activityDateTime",
    "CreatedDateTime",
    "ActivityDateTime",
    "time",
    "TimeGenerated",
    "event_timestamp",
    "timestamp",
];

fn base(record: &Value, fields: &Fields<'_>) -> Event {
    let (at, untimed) = time_or_none(record, &TIMES);
    Event {
        id: fields.text(&["id"]).unwrap_or_default(),
        at,
        untimed,
        ip: fields
            .text(&[
                "ipAddress",
                "callerIpAddress",
                "http_request.client_ip_address",
            ])
            .as_ref()
            .and_then(address),
        geo: geo(fields),
        network: Network {
            number: fields
                .text(&["autonomousSystemNumber"])
                .and_then(|number| number.raw().parse().ok()),
            organization: None,
        },
        agent: fields.text(&["userAgent"]),
        provider: Some(Untrusted::new("entra")),
        ..Event::default()
    }
}

fn user_of(fields: &Fields<'_>) -> Party {
    let name = fields.text(&["userPrincipalName"]);
    // An application signs in as itself, without a user.
    if name.is_none() && fields.text(&["userId"]).is_none() {
        return Party {
            id: fields.text(&["servicePrincipalId", "appId"]),
            name: fields.text(&["servicePrincipalName", "appDisplayName", "userDisplayName"]),
            email: None,
        };
    }
    Party {
        id: fields.text(&["userId"]),
        email: name.clone().filter(|name| name.raw().contains('@')),
        name: name.or_else(|| fields.text(&["userDisplayName", "identity"])),
    }
}

fn sign_in(record: &Value, fields: &Fields<'_>) -> Event {
    let status = fields.nested(&["status"]);
    let code = status
        .as_deref()
        .and_then(|status| words(path(status, "errorCode")?))
        .or_else(|| fields.text(&["resultType"]));
    let code = code.as_ref().map(Untrusted::raw);
    let reason = status
        .as_deref()
        .and_then(|status| words(path(status, "failureReason")?))
        .or_else(|| fields.text(&["resultDescription"]))
        .filter(|reason| !matches!(reason.raw(), "Other." | "None"));
    let mut signals = Set::default();
    if fields
        .text(&["clientAppUsed"])
        .is_some_and(|app| is_legacy(app.raw()))
    {
        signals.insert(Signal::LegacyProtocol);
    }
    match fields.text(&["authenticationRequirement"]) {
        Some(word) if word.raw() == "singleFactorAuthentication" => signals.insert(Signal::NoMfa),
        Some(word) if word.raw() == "multiFactorAuthentication" && code == Some("0") => {
            signals.insert(Signal::MfaPassed);
        }
        _ => {}
    }
    if matches!(code, Some("500121")) {
        signals.insert(Signal::MfaDenied);
    }
    // Each may be `none` where the other is not.
    for name in ["riskLevelDuringSignIn", "riskLevelAggregated", "riskLevel"] {
        add_risk(&mut signals, fields, name);
    }
    if fields
        .get(&["riskEventTypes_v2", "riskEventTypes"])
        .is_some_and(|types| types.written().contains("anonymizedIPAddress"))
    {
        signals.insert(Signal::Proxy);
    }
    Event {
        action: fields
            .text(&["operationName"])
            .unwrap_or_else(|| Untrusted::new("Sign-in activity")),
        act: Some(Act::SignIn),
        lane: Lane::SignIn,
        category: Set::of(&[Category::Authentication]),
        kind: Set::of(&[Kind::Start]),
        outcome: sign_in_outcome(code),
        user: user_of(fields),
        device: fields
            .nested(&["deviceDetail"])
            .and_then(|device| words(path(&device, "deviceId")?)),
        session: fields.text(&["sessionId"]),
        object: fields.text(&["appDisplayName", "resourceDisplayName"]),
        reason,
        signals,
        ..base(record, fields)
    }
}

/// 0 is a success; 50140 and the like only ask for more and come again with the answer.
fn sign_in_outcome(code: Option<&str>) -> Outcome {
    match code.map(str::to_ascii_lowercase).as_deref() {
        Some("0" | "success") => Outcome::Success,
        // Interrupted: a second factor, a consent, a device, another site or a keep-me-signed-in question is still to
        // come, or a session of before is at its end.
        Some(
            "16000" | "50055" | "50058" | "50072" | "50074" | "50076" | "50079" | "50097" | "50125"
            | "50127" | "50129" | "50140" | "50143" | "50158" | "50199" | "51006" | "65001"
            | "70043" | "70044",
        )
        | None => Outcome::Unknown,
        Some(_) => Outcome::Failure,
    }
}

/// Client applications that know no second factor, in the words of the sign-in log.
fn is_legacy(app: &str) -> bool {
    const LEGACY: [&str; 12] = [
        "imap",
        "imap4",
        "pop",
        "pop3",
        "smtp",
        "authenticated smtp",
        "exchange activesync",
        "exchange web services",
        "mapi over http",
        "autodiscover",
        "other clients",
        "exchange online powershell",
    ];
    LEGACY.contains(&app.to_ascii_lowercase().as_str())
}

/// Adds a level of risk, unless somebody has looked and called it none.
fn add_risk(signals: &mut Set<Signal>, fields: &Fields<'_>, name: &str) {
    let word = |name| {
        fields
            .text(&[name])
            .map(|word| word.raw().to_ascii_lowercase())
    };
    if matches!(
        word("riskState").as_deref(),
        Some("dismissed" | "confirmedsafe")
    ) {
        return;
    }
    match word(name).as_deref() {
        Some("high") => signals.insert(Signal::RiskHigh),
        Some("medium") => signals.insert(Signal::RiskMedium),
        _ => {}
    }
}

fn geo(fields: &Fields<'_>) -> Geo {
    let Some(location) = fields.nested(&["location", "locationDetails"]) else {
        let iso = fields
            .text(&["location"])
            .filter(|code| code.raw().len() == 2);
        return Geo {
            country_iso: iso,
            ..Geo::default()
        };
    };
    let part = |name| {
        path(&location, name)
            .and_then(words)
            .filter(|text| !text.raw().eq_ignore_ascii_case("unknown"))
    };
    let degrees = |name| path(&location, name).and_then(Value::as_f64);
    let country = part("countryOrRegion");
    let short = |text: &Untrusted| text.raw().len() == 2;
    Geo {
        city: part("city"),
        region: part("state"),
        country_iso: country.clone().filter(short),
        country: country.filter(|text| !short(text)),
        point: degrees("geoCoordinates.latitude")
            .zip(degrees("geoCoordinates.longitude"))
            .and_then(|(latitude, longitude)| Geo::at(latitude, longitude)),
        ..Geo::default()
    }
}

fn result(word: Option<&Untrusted>) -> Outcome {
    match word.map(|word| word.raw().to_ascii_lowercase()).as_deref() {
        Some("success" | "0") => Outcome::Success,
        Some("failure" | "failed" | "timeout") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Risk detections name nobody who acted: the user is the one affected.
fn risk(record: &Value, fields: &Fields<'_>) -> Event {
    let mut signals = Set::default();
    add_risk(&mut signals, fields, "riskLevel");
    let kind = fields.text(&["riskEventType"]);
    if kind
        .as_ref()
        .is_some_and(|kind| kind.raw().to_lowercase().contains("anonymi"))
    {
        signals.insert(Signal::Proxy);
    }
    let more = fields.nested(&["additionalInfo"]);
    Event {
        action: kind.unwrap_or_else(|| Untrusted::new("riskDetection")),
        act: Some(Act::RiskDetected),
        lane: Lane::SignIn,
        category: Set::of(&[Category::Threat]),
        kind: Set::of(&[Kind::Info]),
        target: user_of(fields),
        agent: more.as_deref().and_then(|list| pair(list, "userAgent")),
        object: fields.text(&["activity"]),
        reason: fields.text(&["riskDetail"]),
        signals,
        ..base(record, fields)
    }
}

/// Azure's own activity log: operations on resources.
fn activity(record: &Value, fields: &Fields<'_>) -> Result<Event, FieldError> {
    let action = fields
        .text(&[
            "operationName.value",
            "operation_name.value",
            "operationName",
            "operation_name",
        ])
        .ok_or(FieldError::Missing("operationName"))?;
    let caller = fields.text(&["caller", "identity"]);
    let (word, lower) = (action.raw(), action.raw().to_lowercase());
    let kind = if lower.ends_with("/delete") {
        Set::of(&[Kind::Deletion])
    } else if lower.ends_with("/write") {
        Set::of(&[Kind::Change])
    } else {
        Set::of(&[Kind::Access])
    };
    let plain = base(record, fields);
    let is_mail = |text: &Untrusted| text.raw().contains('@');
    Ok(Event {
        action: Untrusted::new(word),
        lane: Lane::Sensitive,
        category: Set::of(&[Category::Configuration]),
        kind,
        id: fields
            .text(&["eventDataId", "event_data_id"])
            .unwrap_or_else(|| plain.id.clone()),
        outcome: result(
            fields
                .text(&["resultType", "status.value", "status"])
                .as_ref(),
        ),
        user: Party {
            id: fields
                .text(&["claims.http://schemas.microsoft.com/identity/claims/objectidentifier"])
                .or_else(|| caller.clone().filter(|text| !is_mail(text))),
            email: caller.clone().filter(is_mail),
            name: caller,
        },
        object: fields.text(&["resourceId", "resource_id"]),
        ..plain
    })
}
