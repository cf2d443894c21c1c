//! Sign-ins, the directory audit, and what Identity Protection noticed.

use serde_json::{Value, json};

use super::token::CLIENT;
use super::{PRINCIPAL, bad, filter, page};
use crate::drill::activity::{Activity, Kind};
use crate::drill::company::{ATTACKER_PLACE, Directory, Person, VICTIM};
use crate::drill::wire::{Answer, Request, iso};
use crate::drill::world::World;

/// Lists the records that a filter finds, the newest first.
fn found(
    world: &World,
    request: &Request,
    build: impl Fn(&Activity, &Directory, &str) -> Option<Value>,
) -> Answer {
    let filter = match request.query("$filter").map(filter::parse) {
        None => None,
        Some(Some(filter)) => Some(filter),
        Some(None) => return bad(request, "Invalid filter clause"),
    };
    let mut rows: Vec<(i64, Value)> = Vec::new();
    for (index, activity) in world.journal.iter() {
        let record = build(activity, &world.directory, &world.journal.uuid(index));
        let fits = |record: &Value| filter.as_ref().is_none_or(|filter| filter.fits(record));
        if let Some(record) = record.filter(fits) {
            rows.push((activity.at.timestamp_millis(), record));
        }
    }
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    page(
        request,
        rows.into_iter().map(|(_, row)| row).collect(),
        1000,
    )
}

pub(super) fn sign_ins(world: &World, request: &Request) -> Answer {
    found(world, request, sign_in)
}

pub(super) fn audits(world: &World, request: &Request) -> Answer {
    found(world, request, audit)
}

pub(super) fn detections(world: &World, request: &Request) -> Answer {
    found(world, request, detection)
}

fn location(activity: &Activity) -> Value {
    let place = activity.place();
    json!({
        "city": place.city, "state": place.region, "countryOrRegion": place.iso,
        "geoCoordinates": {"altitude": null, "latitude": place.lat, "longitude": place.lon},
    })
}

fn is_attack(activity: &Activity) -> bool {
    usize::from(activity.place) == ATTACKER_PLACE
        && usize::try_from(activity.actor) == Ok(VICTIM)
        && activity.ok
        && activity.kind == Kind::SignIn
}

fn sign_in(activity: &Activity, directory: &Directory, id: &str) -> Option<Value> {
    if !matches!(activity.kind, Kind::SignIn | Kind::AppAccess) {
        return None;
    }
    let actor = activity.actor(directory);
    let (code, why) = match (activity.ok, activity.reason) {
        (true, _) => (0, "Other."),
        (false, why) if why.contains("suspended") => (50_057, "User account is disabled."),
        (false, _) => (
            50_126,
            "Error validating credentials due to invalid username or password.",
        ),
    };
    let app = if activity.object.is_empty() {
        "My Apps"
    } else {
        &*activity.object
    };
    let level = if is_attack(activity) { "high" } else { "none" };
    let agent = activity.agent();
    Some(json!({
        "id": id, "createdDateTime": iso(activity.at), "userDisplayName": actor.name(),
        "userPrincipalName": actor.login, "userId": actor.id, "appId": CLIENT, "appDisplayName": app,
        "ipAddress": activity.ip_text(), "clientAppUsed": "Browser", "correlationId": id, "userAgent": agent.raw,
        "conditionalAccessStatus": "notApplied", "isInteractive": activity.kind == Kind::SignIn,
        "riskDetail": "none", "riskLevelAggregated": level, "riskLevelDuringSignIn": level,
        "riskState": if level == "high" { "atRisk" } else { "none" }, "riskEventTypes_v2": [],
        "resourceDisplayName": app, "resourceId": null,
        "status": {"errorCode": code, "failureReason": why, "additionalDetails": null},
        "deviceDetail": {
            "deviceId": "", "displayName": &*activity.host, "operatingSystem": agent.os, "browser": agent.browser,
            "isCompliant": false, "isManaged": false, "trustType": "",
        },
        "location": location(activity), "appliedConditionalAccessPolicies": [],
    }))
}

/// What the audit log calls it, its category and its kind of operation.
fn words(kind: Kind) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match kind {
        Kind::FactorActivate => ("User registered security info", "UserManagement", "Add"),
        Kind::ConsentGrant => ("Consent to application", "ApplicationManagement", "Assign"),
        Kind::Suspend => ("Disable account", "UserManagement", "Update"),
        Kind::Unsuspend => ("Enable account", "UserManagement", "Update"),
        Kind::Deactivate => ("Delete user", "UserManagement", "Delete"),
        Kind::ExpirePassword => ("Set force change user password", "UserManagement", "Update"),
        Kind::ResetPassword => ("Reset user password", "UserManagement", "Update"),
        Kind::SessionClear => (
            "Update StsRefreshTokenValidFrom Timestamp",
            "UserManagement",
            "Update",
        ),
        Kind::TokenRevoke => (
            "Remove delegated permission grant",
            "ApplicationManagement",
            "Unassign",
        ),
        _ => return None,
    })
}

fn target(person: &Person) -> Value {
    json!({
        "id": person.id, "displayName": person.name(), "type": "User", "userPrincipalName": person.login,
        "modifiedProperties": [],
    })
}

fn audit(activity: &Activity, directory: &Directory, id: &str) -> Option<Value> {
    let (name, category, operation) = words(activity.kind)?;
    let actor = activity.actor(directory);
    let mut targets = vec![target(activity.target(directory).unwrap_or(actor))];
    if !activity.object.is_empty() {
        targets.push(json!({
            "id": null, "displayName": &*activity.object, "type": "Other", "userPrincipalName": null,
            "modifiedProperties": [],
        }));
    }
    let by = match &activity.transaction {
        Some(_) => json!({"app": {
            "appId": CLIENT, "displayName": "quell", "servicePrincipalId": PRINCIPAL, "servicePrincipalName": null,
        }}),
        None => json!({"user": {
            "id": actor.id, "displayName": actor.name(), "userPrincipalName": actor.login,
            "ipAddress": activity.ip_text(),
        }}),
    };
    let correlation = match &activity.transaction {
        Some(own) => own.id.as_str(),
        None => id,
    };
    Some(json!({
        "id": format!("Directory_{id}"), "activityDateTime": iso(activity.at), "activityDisplayName": name,
        "category": category, "correlationId": correlation, "loggedByService": "Core Directory",
        "operationType": operation, "result": "success", "resultReason": "", "initiatedBy": by,
        "targetResources": targets, "additionalDetails": [],
    }))
}

fn detection(activity: &Activity, directory: &Directory, id: &str) -> Option<Value> {
    if !is_attack(activity) {
        return None;
    }
    let actor = activity.actor(directory);
    Some(json!({
        "id": format!("r{id}"), "requestId": id, "correlationId": id, "riskEventType": "unfamiliarFeatures",
        "riskState": "atRisk", "riskLevel": "high", "riskDetail": "none", "source": "IdentityProtection",
        "detectionTimingType": "realtime", "activity": "signin", "tokenIssuerType": "AzureAD",
        "ipAddress": activity.ip_text(), "activityDateTime": iso(activity.at), "detectedDateTime": iso(activity.at),
        "lastUpdatedDateTime": iso(activity.at), "userId": actor.id, "userDisplayName": actor.name(),
        "userPrincipalName": actor.login, "location": location(activity),
        "additionalInfo": json!([{"Key": "userAgent", "Value": activity.agent().raw}]).to_string(),
    }))
}
