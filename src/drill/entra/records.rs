//! How the company's people and what belongs to them are printed.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::PRINCIPAL;
use super::token::CLIENT;
use crate::drill::company::{Directory, Person};
use crate::drill::risk::{Risk, State};
use crate::drill::wire::{Request, iso};
use crate::drill::world::UPDATE_PASSWORD;

/// Roles of the directory: what they are called elsewhere, their names and ids.
pub(super) const ROLES: [(&str, &str, &str); 5] = [
    (
        "SUPER_ADMIN",
        "Global Administrator",
        "3a1c5f6e-0b2d-4c8e-9f10-a1b2c3d4e501",
    ),
    (
        "APP_ADMIN",
        "Application Administrator",
        "3a1c5f6e-0b2d-4c8e-9f10-a1b2c3d4e502",
    ),
    (
        "USER_ADMIN",
        "User Administrator",
        "3a1c5f6e-0b2d-4c8e-9f10-a1b2c3d4e503",
    ),
    (
        "READ_ONLY_ADMIN",
        "Global Reader",
        "3a1c5f6e-0b2d-4c8e-9f10-a1b2c3d4e504",
    ),
    // Whoever has it by a group.
    (
        "manage-users",
        "Helpdesk Administrator",
        "3a1c5f6e-0b2d-4c8e-9f10-a1b2c3d4e505",
    ),
];
/// The service principal of Microsoft Graph itself.
const GRAPH: &str = "1f2e3d4c-5b6a-4978-8869-5a4b3c2d1e0f";
/// An application that everybody is assigned to.
const WIKI: &str = "2f3e4d5c-6b7a-4889-9978-6a5b4c3d2e1f";
/// The id that every password method has.
const PASSWORD: &str = "28c10230-6103-485e-b985-444c60001490";

pub(super) fn is_enabled(person: &Person) -> bool {
    !matches!(person.status, "SUSPENDED" | "DEPROVISIONED")
}

/// Names the roles that a person has, by itself or by a group.
pub(super) fn roles_of(
    person: &Person,
) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    ROLES.iter().filter(|(kind, _, _)| {
        person.roles.iter().any(|(own, _)| own == kind) || person.inherited.contains(kind)
    })
}

/// What comes without `$select`.
const DEFAULT: [&str; 7] = [
    "id",
    "displayName",
    "givenName",
    "surname",
    "jobTitle",
    "mail",
    "userPrincipalName",
];

/// Builds one user with every property that this server knows.
pub(super) fn user(person: &Person) -> Map<String, Value> {
    let seconds = |at: i64| DateTime::from_timestamp(at, 0).map(iso);
    let valid_from = if person.not_before == 0 {
        person.created.timestamp()
    } else {
        person.not_before
    };
    let forced = person.required.iter().any(|one| one == UPDATE_PASSWORD);
    let last = person.last_login.map(iso);
    let record = json!({
        "id": person.id, "displayName": person.name(), "givenName": person.first, "surname": person.last,
        "jobTitle": person.title, "department": person.department, "mail": person.email,
        "userPrincipalName": person.login, "otherMails": person.other_mails,
        "proxyAddresses": [format!("SMTP:{}", person.email)], "accountEnabled": is_enabled(person),
        "userType": if person.guest { "Guest" } else { "Member" },
        "onPremisesSyncEnabled": person.from_directory.then_some(true),
        "createdDateTime": iso(person.created),
        "signInSessionsValidFromDateTime": seconds(valid_from),
        "lastPasswordChangeDateTime": iso(person.password_changed),
        "passwordProfile": {
            "password": null, "forceChangePasswordNextSignIn": forced, "forceChangePasswordNextSignInWithMfa": false,
        },
        "signInActivity": {
            "lastSignInDateTime": last, "lastSignInRequestId": "", "lastNonInteractiveSignInDateTime": null,
            "lastNonInteractiveSignInRequestId": "",
        },
    });
    match record {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Keeps the properties that are asked for; `None` when one is not known.
pub(super) fn selected(request: &Request, all: &Map<String, Value>) -> Option<Value> {
    let names: Vec<&str> = match request.query("$select") {
        None => DEFAULT.to_vec(),
        Some(text) => text.split(',').collect(),
    };
    let mut kept = Map::new();
    for name in names {
        kept.insert(name.to_owned(), all.get(name)?.clone());
    }
    Some(Value::Object(kept))
}

pub(super) fn member_of(directory: &Directory, person: &Person) -> Vec<Value> {
    let groups = person
        .groups
        .iter()
        .filter_map(|group| directory.groups.get(*group));
    let mut all: Vec<Value> = groups
        .map(|group| {
            json!({
                "@odata.type": "#microsoft.graph.group", "id": group.id, "displayName": group.name,
                "description": group.description, "securityEnabled": true,
            })
        })
        .collect();
    all.extend(roles_of(person).map(|(_, name, id)| {
        json!({"@odata.type": "#microsoft.graph.directoryRole", "id": id, "displayName": name})
    }));
    all
}

pub(super) fn methods(person: &Person) -> Vec<Value> {
    let mut all = vec![json!({
        "@odata.type": "#microsoft.graph.passwordAuthenticationMethod", "id": PASSWORD, "password": null,
        "createdDateTime": iso(person.password_changed),
    })];
    all.extend(person.factors.iter().map(|factor| {
        json!({
            "@odata.type": "#microsoft.graph.microsoftAuthenticatorAuthenticationMethod", "id": factor.id,
            "displayName": factor.name, "deviceTag": "SoftwareTokenActivated", "phoneAppVersion": "6.8.11",
            "createdDateTime": iso(factor.created),
        })
    }));
    all
}

pub(super) fn grants(person: &Person) -> Vec<Value> {
    let grants = person.clients.iter().map(|client| {
        json!({
            "id": format!("g-{}", client.id), "clientId": client.id, "consentType": "Principal",
            "principalId": person.id, "resourceId": GRAPH, "scope": client.scopes.join(" "),
        })
    });
    grants.collect()
}

pub(super) fn assigned(person: &Person) -> Vec<Value> {
    vec![json!({
        "id": format!("a-{}", person.id), "appRoleId": "00000000-0000-0000-0000-000000000000",
        "createdDateTime": iso(person.created), "principalDisplayName": person.name(), "principalId": person.id,
        "principalType": "User", "resourceDisplayName": "Wiki", "resourceId": WIKI, "deletedDateTime": null,
    })]
}

/// Builds a service principal: the console's own, or that of an application somebody consented to.
pub(super) fn principal(directory: &Directory, id: &str) -> Option<Map<String, Value>> {
    let mut clients = directory.people.iter().flat_map(|person| &person.clients);
    let (name, app) = if id == PRINCIPAL {
        ("quell", CLIENT)
    } else {
        (clients.find(|client| client.id == id)?.name, id)
    };
    match json!({"id": id, "appId": app, "displayName": name, "accountEnabled": true}) {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// Builds what is known of a person's risk.
pub(super) fn risk(person: &Person, risk: &Risk, is_busy: bool) -> Value {
    let (state, detail) = match risk.state {
        State::AtRisk => ("atRisk", "none"),
        State::Confirmed => ("confirmedCompromised", "adminConfirmedUserCompromised"),
        State::Dismissed => ("dismissed", "adminDismissedAllRiskForUser"),
    };
    json!({
        "id": person.id, "isDeleted": false, "isProcessing": is_busy, "riskDetail": detail,
        "riskLevel": risk.level.to_lowercase(), "riskState": state, "riskLastUpdatedDateTime": iso(risk.updated),
        "userDisplayName": person.name(), "userPrincipalName": person.login,
    })
}
