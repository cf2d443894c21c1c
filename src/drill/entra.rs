//! The identity provider in a third shape: the part of Microsoft Graph v1.0 that a responder uses, over Entra ID.
//!
//! Paths and bodies follow Graph's published description; error bodies, limits and late reads follow its documentation.

mod batch;
mod filter;
mod left;
mod logs;
mod records;
mod risk;
mod token;
mod users;

use serde_json::{Value, json};

use super::risk::State;
use super::wire::{Answer, Notes, Request, iso, percent_encode};
use super::world::World;

pub(crate) use batch::{batched, parts};
pub(crate) use left::Tenant;
pub(crate) use token::{CLIENT, SECRET, TENANT, THUMBPRINT};

/// The application's own account in the tenant.
const PRINCIPAL: &str = "9c1f0f0e-7a51-4c0b-8f0e-2b9d6a4c7e10";

/// The application permissions that the console's client has: those it needs and no other.
pub(crate) const PERMISSIONS: [&str; 14] = [
    "User.Read.All",
    "Directory.Read.All",
    "User.RevokeSessions.All",
    "User.EnableDisableAccount.All",
    "User-PasswordProfile.ReadWrite.All",
    "UserAuthenticationMethod.Read.All",
    "AuditLog.Read.All",
    "IdentityRiskyUser.Read.All",
    "IdentityRiskEvent.Read.All",
    "IdentityRiskyUser.ReadWrite.All",
    "UserAuthenticationMethod.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "MailboxSettings.ReadWrite",
];

/// Tells whether a request only reads; asking for a token changes nothing of the company.
pub(crate) fn reads(request: &Request) -> bool {
    request.method == "GET" || request.path.ends_with("/token") || request.path.ends_with("/$batch")
}

/// Gives the permission that a path wants; `None` where any token does.
fn needs(request: &Request) -> Option<&'static str> {
    let parts = request.parts();
    let rest = parts.get(1..).unwrap_or_default();
    Some(match (request.method.as_str(), rest) {
        ("POST", ["users", _, "revokeSignInSessions"]) => "User.RevokeSessions.All",
        ("DELETE", ["users", _, "authentication", ..]) => "UserAuthenticationMethod.ReadWrite.All",
        ("DELETE", ["oauth2PermissionGrants", _]) => "DelegatedPermissionGrant.ReadWrite.All",
        ("DELETE", ["users", _, "appRoleAssignments", _]) => "AppRoleAssignment.ReadWrite.All",
        (_, ["users", _, "mailFolders", ..]) => "MailboxSettings.ReadWrite",
        ("GET", ["users", _, "authentication", ..]) => "UserAuthenticationMethod.Read.All",
        ("GET", ["users", _, _] | ["servicePrincipals" | "directoryRoles", ..]) => {
            "Directory.Read.All"
        }
        ("GET", ["auditLogs", ..]) => "AuditLog.Read.All",
        ("POST", ["identityProtection", "riskyUsers", _]) => "IdentityRiskyUser.ReadWrite.All",
        ("GET", ["identityProtection", "riskyUsers", ..]) => "IdentityRiskyUser.Read.All",
        ("GET", ["identityProtection", ..]) => "IdentityRiskEvent.Read.All",
        ("GET", ["users", ..]) => "User.Read.All",
        _ => return None,
    })
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, request: &Request, notes: &mut Notes) -> Answer {
    let parts = request.parts();
    if let [tenant, "oauth2", "v2.0", "token"] = parts[..] {
        return token::answer(world, request, tenant);
    }
    let ["v1.0", rest @ ..] = &parts[..] else {
        return refused(request, 400, "BadRequest", "Invalid version: unknown");
    };
    if !token::accepts(world, request) {
        return error(request, 401);
    }
    if rest == ["$batch"] {
        return batch::open(request);
    }
    if needs(request).is_some_and(|need| !world.permissions.contains(&need)) {
        return error(request, 403);
    }
    match (request.method.as_str(), rest) {
        ("GET", ["users"]) => users::list(world, request),
        ("GET", ["users", key]) => users::get(world, request, key),
        ("PATCH", ["users", key]) => users::update(world, request, key, notes),
        ("POST", ["users", key, "revokeSignInSessions"]) => {
            users::revoke(world, request, key, notes)
        }
        ("GET", ["users", key, "authentication", "methods"]) => {
            users::part(world, request, key, "methods")
        }
        (
            "GET",
            [
                "users",
                key,
                part @ ("memberOf"
                | "transitiveMemberOf"
                | "oauth2PermissionGrants"
                | "appRoleAssignments"),
            ],
        ) => users::part(world, request, key, part),
        ("GET", ["users", key, "mailFolders", "inbox", "messageRules"]) => {
            left::rules(world, request, key)
        }
        ("PATCH", ["users", key, "mailFolders", "inbox", "messageRules", id]) => {
            left::set_rule(world, request, key, id, notes)
        }
        ("DELETE", ["users", key, "mailFolders", "inbox", "messageRules", id]) => {
            left::delete_rule(world, request, (key, id), notes)
        }
        ("GET", ["users", key, "registeredDevices"]) => left::devices(world, request, key),
        ("DELETE", ["users", key, "authentication", kind, id]) => {
            left::remove_method(world, request, (key, kind, id), notes)
        }
        ("DELETE", ["oauth2PermissionGrants", id]) => left::remove_grant(world, request, id, notes),
        ("DELETE", ["users", key, "appRoleAssignments", id]) => {
            left::unassign(world, request, (key, id), notes)
        }
        ("GET", ["servicePrincipals", id]) => users::principal(world, request, id),
        ("GET", ["servicePrincipals", PRINCIPAL, "transitiveMemberOf"]) => {
            page(request, Vec::new(), 999)
        }
        ("GET", ["directoryRoles", id, "members"]) => users::members(world, request, id),
        ("GET", ["auditLogs", "signIns"]) => logs::sign_ins(world, request),
        ("GET", ["auditLogs", "directoryAudits"]) => logs::audits(world, request),
        ("GET", ["identityProtection", "riskDetections"]) => logs::detections(world, request),
        ("GET", ["identityProtection", "riskyUsers"]) => risk::list(world, request),
        ("GET", ["identityProtection", "riskyUsers", id]) => risk::one(world, request, id),
        ("POST", ["identityProtection", "riskyUsers", "confirmCompromised"]) => {
            risk::say(world, request, State::Confirmed, notes)
        }
        ("POST", ["identityProtection", "riskyUsers", "dismiss"]) => {
            risk::say(world, request, State::Dismissed, notes)
        }
        (
            _,
            [
                "users" | "auditLogs" | "identityProtection" | "directoryRoles"
                | "servicePrincipals",
                ..,
            ],
        ) => refused(
            request,
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        ),
        _ => refused(
            request,
            400,
            "BadRequest",
            "Resource not found for the segment.",
        ),
    }
}

/// Names the path's parameters as the description does.
pub(crate) fn template(request: &Request) -> &'static str {
    match &request.parts()[..] {
        [_, "oauth2", "v2.0", "token"] => "/{tenant}/oauth2/v2.0/token",
        ["v1.0", "$batch"] => "/v1.0/$batch",
        ["v1.0", "users"] => "/v1.0/users",
        ["v1.0", "users", _] => "/v1.0/users/{user-id}",
        ["v1.0", "users", _, "revokeSignInSessions"] => {
            "/v1.0/users/{user-id}/revokeSignInSessions"
        }
        ["v1.0", "users", _, "authentication", "methods"] => {
            "/v1.0/users/{user-id}/authentication/methods"
        }
        ["v1.0", "users", _, "transitiveMemberOf"] => "/v1.0/users/{user-id}/transitiveMemberOf",
        ["v1.0", "directoryRoles", _, "members"] => {
            "/v1.0/directoryRoles/{directoryRole-id}/members"
        }
        ["v1.0", "auditLogs", "signIns"] => "/v1.0/auditLogs/signIns",
        ["v1.0", "auditLogs", "directoryAudits"] => "/v1.0/auditLogs/directoryAudits",
        [
            "v1.0",
            "identityProtection",
            "riskyUsers",
            "confirmCompromised",
        ] => "/v1.0/identityProtection/riskyUsers/confirmCompromised",
        ["v1.0", "identityProtection", "riskyUsers", "dismiss"] => {
            "/v1.0/identityProtection/riskyUsers/dismiss"
        }
        ["v1.0", "identityProtection", "riskyUsers", _] => {
            "/v1.0/identityProtection/riskyUsers/{riskyUser-id}"
        }
        _ => "other",
    }
}

fn refused(request: &Request, status: u16, code: &str, message: &str) -> Answer {
    let inner = json!({
        "date": iso(request.at), "request-id": request.id, "client-request-id": request.own_id,
    });
    let error = json!({"code": code, "message": message, "innerError": inner});
    Answer::json(status, json!({"error": error}))
}

/// Builds the vendor's own form of a general failure.
pub(crate) fn error(request: &Request, status: u16) -> Answer {
    let (code, message) = match status {
        401 => (
            "InvalidAuthenticationToken",
            "Lifetime validation failed, the token is expired.",
        ),
        403 => (
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ),
        404 => (
            "Request_ResourceNotFound",
            "Resource does not exist or one of its queried reference-property objects are not present.",
        ),
        409 => ("Request_Conflict", "A conflicting object is present."),
        429 => (
            "TooManyRequests",
            "Too many requests from this client. Please try again later.",
        ),
        _ => ("InternalServerError", "An internal server error occurred."),
    };
    refused(request, status, code, message)
}

/// Tells whether the vendor says with a 429 how long to wait; Identity Protection does not.
pub(crate) fn names_wait(request: &Request) -> bool {
    !request.path.contains("/identityProtection/")
}

fn bad(request: &Request, message: &str) -> Answer {
    refused(request, 400, "Request_BadRequest", message)
}

/// Cuts rows to one page; the link to the next one stands in the body.
fn page(request: &Request, rows: Vec<Value>, most: usize) -> Answer {
    let top = match request.query("$top").map(str::parse::<usize>) {
        None => most.min(100),
        Some(Ok(top)) if (1..=most).contains(&top) => top,
        Some(_) => return bad(request, "Invalid page size specified."),
    };
    let from = request
        .query("$skiptoken")
        .map_or(Some(0), |text| text.parse::<usize>().ok());
    let Some(from) = from else {
        return bad(request, "Skip token is not valid.");
    };
    let context = format!("{}/v1.0/$metadata", request.base);
    let mut body = json!({"@odata.context": context});
    if rows.len() > from.saturating_add(top) {
        body["@odata.nextLink"] = json!(next_link(request, &(from + top).to_string()));
    }
    body["value"] = rows.into_iter().skip(from).take(top).collect();
    Answer::json(200, body)
}

/// Builds the link to another page of the same list.
pub(crate) fn next_link(request: &Request, token: &str) -> String {
    let own = request.query.iter();
    let kept = own.filter(|(name, _)| name != "$skiptoken");
    let kept =
        kept.map(|(name, value)| format!("{}={}&", percent_encode(name), percent_encode(value)));
    let kept: String = kept.collect();
    let token = percent_encode(token);
    format!(
        "{}{}?{kept}%24skiptoken={token}",
        request.base, request.path
    )
}
