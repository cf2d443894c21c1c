//! The identity provider: the part of Okta's management API that a responder uses.
//!
//! Paths, bodies, errors, paging and rate limits follow the vendor's published specification.

mod left;
mod logs;
mod risk;
mod scim;
mod tokens;
mod users;

use serde_json::json;

use super::wire::{Answer, Notes, Request, percent_encode};
use super::world::World;

/// Tells whether a request only reads.
pub(crate) fn reads(request: &Request) -> bool {
    request.method == "GET" || request.path == tokens::PATH
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, request: &Request, notes: &mut Notes) -> Answer {
    let needs_length = matches!(request.method.as_str(), "POST" | "PUT");
    if needs_length && request.content_length.is_none() && !request.chunked {
        return Answer::empty(411);
    }
    let parts = request.parts();
    if parts == ["oauth2", "v1", "token"] {
        return tokens::answer(world, request);
    }
    if let Err(refusal) = tokens::allowed(world, request) {
        return refusal;
    }
    let Some(rest) = parts.strip_prefix(&["api", "v1"]) else {
        return not_found(&request.path);
    };
    match (request.method.as_str(), rest) {
        ("GET", ["logs"]) => logs::answer(world, request),
        ("GET", ["users"]) => users::list(world, request),
        ("GET", ["users", user]) => users::get(world, request, user),
        ("GET", ["users", user, "groups"]) => users::groups(world, request, user),
        ("GET", ["users", user, "roles"]) => users::roles(world, request, user),
        ("GET", ["users", user, "factors"]) => users::factors(world, request, user),
        ("GET", ["users", user, "clients"]) => users::clients(world, request, user),
        ("GET", ["users", user, "clients", client, "tokens"]) => {
            users::tokens(world, request, user, client)
        }
        ("GET", ["iam", "assignees", "users"]) => users::assignees(world, request),
        ("GET", ["groups", group, "users"]) => users::members(world, request, group),
        ("POST", ["users", user, "lifecycle", "suspend" | "unsuspend"]) => {
            users::lifecycle(world, request, user, notes)
        }
        ("POST", ["users", user, "lifecycle", "expire_password"]) => {
            users::expire_password(world, request, user, notes)
        }
        ("POST", ["users", user, "lifecycle", "reset_password"]) => {
            users::reset_password(world, request, user, notes)
        }
        ("POST", ["users", user, "lifecycle", "deactivate"]) => {
            users::deactivate(world, request, user, notes)
        }
        ("GET", ["users", user, "risk"]) => risk::get(world, request, user),
        ("PUT", ["users", user, "risk"]) => risk::put(world, request, user, notes),
        ("GET", ["users", user, "grants"]) => left::grants(world, request, user),
        ("GET", ["users", user, "devices"]) => left::devices(world, request, user),
        ("GET", ["users", user, "authenticator-enrollments"]) => {
            left::enrollments(world, request, user)
        }
        ("GET", ["users", user, "authenticator-enrollments", id]) => {
            left::one_enrollment(world, request, user, id)
        }
        ("DELETE", ["users", user, "authenticator-enrollments", id]) => {
            left::unenroll(world, request, (user, id), notes)
        }
        ("GET", ["users", user, "grants" | "factors", id]) => left::one(world, request, user, id),
        ("DELETE", ["users", user, "grants" | "factors", id]) => {
            left::remove(world, request, (user, id), notes)
        }
        ("DELETE", ["users", user, "clients", client, "tokens"]) => {
            left::remove(world, request, (user, client), notes)
        }
        ("DELETE", ["users", user, "sessions"]) => users::clear(world, request, user, notes),
        (_, ["logs" | "users" | "groups" | "iam", ..]) => error(
            405,
            "E0000022",
            "The endpoint does not support the provided HTTP method",
        ),
        _ => not_found(&request.path),
    }
}

/// Names the path's parameters as the specification does.
pub(crate) fn template(request: &Request) -> &'static str {
    if request.path == tokens::PATH {
        return tokens::PATH;
    }
    match request.parts().strip_prefix(&["api", "v1"]) {
        Some(["logs"]) => "/api/v1/logs",
        Some(["users"]) => "/api/v1/users",
        Some(["users", _]) => "/api/v1/users/{id}",
        Some(["users", _, "groups"]) => "/api/v1/users/{id}/groups",
        Some(["users", _, "roles"]) => "/api/v1/users/{userId}/roles",
        Some(["users", _, "factors"]) => "/api/v1/users/{userId}/factors",
        Some(["users", _, "factors", _]) => "/api/v1/users/{userId}/factors/{factorId}",
        Some(["users", _, "grants"]) => "/api/v1/users/{userId}/grants",
        Some(["users", _, "grants", _]) => "/api/v1/users/{userId}/grants/{grantId}",
        Some(["users", _, "devices"]) => "/api/v1/users/{userId}/devices",
        Some(["users", _, "authenticator-enrollments"]) => {
            "/api/v1/users/{userId}/authenticator-enrollments"
        }
        Some(["users", _, "authenticator-enrollments", _]) => {
            "/api/v1/users/{userId}/authenticator-enrollments/{enrollmentId}"
        }
        Some(["users", _, "clients"]) => "/api/v1/users/{userId}/clients",
        Some(["users", _, "clients", _, "tokens"]) => {
            "/api/v1/users/{userId}/clients/{clientId}/tokens"
        }
        Some(["users", _, "risk"]) => "/api/v1/users/{userId}/risk",
        Some(["users", _, "sessions"]) => "/api/v1/users/{userId}/sessions",
        Some(["users", _, "lifecycle", "suspend"]) => "/api/v1/users/{id}/lifecycle/suspend",
        Some(["users", _, "lifecycle", "unsuspend"]) => "/api/v1/users/{id}/lifecycle/unsuspend",
        Some(["users", _, "lifecycle", "deactivate"]) => "/api/v1/users/{id}/lifecycle/deactivate",
        Some(["users", _, "lifecycle", "expire_password"]) => {
            "/api/v1/users/{id}/lifecycle/expire_password"
        }
        Some(["users", _, "lifecycle", "reset_password"]) => {
            "/api/v1/users/{id}/lifecycle/reset_password"
        }
        Some(["iam", "assignees", "users"]) => "/api/v1/iam/assignees/users",
        Some(["groups", _, "users"]) => "/api/v1/groups/{groupId}/users",
        _ => "unknown",
    }
}

/// The secret of the console's token.
pub(crate) const TOKEN: &str = "00drill-identity-token-a1b2c3d4e5f6g7h8i9j0";

pub(crate) use tokens::APP;

/// Builds an error body of the vendor.
pub(crate) fn error(status: u16, code: &str, summary: &str) -> Answer {
    let body = json!({
        "errorCode": code, "errorSummary": summary, "errorLink": code,
        "errorId": format!("oaeDrill{code}"), "errorCauses": [],
    });
    Answer::json(status, body)
}

/// Builds the vendor's validation error.
fn invalid(cause: &str) -> Answer {
    let mut answer = error(400, "E0000001", &format!("Api validation failed: {cause}"));
    if let Some(body) = &mut answer.body {
        body["errorCauses"] = json!([{"errorSummary": cause}]);
    }
    answer
}

fn not_found(what: &str) -> Answer {
    error(
        404,
        "E0000007",
        &format!("Not found: Resource not found: {what}"),
    )
}

/// Builds one `Link` header value.
fn link(request: &Request, query: &[(&str, &str)], relation: &str) -> String {
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!(
        "<{}{}{mark}{}>; rel=\"{relation}\"",
        request.base,
        request.path,
        query.join("&")
    )
}
