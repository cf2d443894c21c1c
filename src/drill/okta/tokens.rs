//! Who may ask: an API token, or a service app with a token for the scopes it was granted.
//!
//! What must not live here: what is answered.

use serde_json::json;

use super::{TOKEN, error};
use crate::drill::assertion;
use crate::drill::fault::Twist;
use crate::drill::wire::{Answer, Request};
use crate::drill::world::World;

/// The path of the token endpoint.
pub(super) const PATH: &str = "/oauth2/v1/token";
/// The id of the console's service app.
pub(crate) const APP: &str = "0oadrill0service0001";
/// How a client says that it signs in place of a secret.
const SIGNED: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The scopes that the app was granted; the last of them nothing here needs.
const GRANTED: [&str; 7] = [
    "okta.users.read",
    "okta.users.manage",
    "okta.roles.read",
    "okta.logs.read",
    "okta.userRisk.read",
    "okta.userRisk.manage",
    "okta.groups.manage",
];
/// How long a token lives, in seconds.
const LIFE: i64 = 3_600;

fn refused(status: u16, code: &str, words: &str) -> Answer {
    Answer::json(status, json!({"error": code, "error_description": words}))
}

/// Gives a token to the app for what it asks and has.
pub(super) fn answer(world: &mut World, request: &Request) -> Answer {
    if request.method != "POST" {
        return error(
            405,
            "E0000022",
            "The endpoint does not support the provided HTTP method",
        );
    }
    let form = request.form();
    let field = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    if field("grant_type") != "client_credentials" || field("client_assertion_type") != SIGNED {
        return refused(
            400,
            "unsupported_grant_type",
            "The authorization grant type is not supported.",
        );
    }
    let claims = assertion::claims(field("client_assertion"), PATH, request.at);
    let words = match &claims {
        Ok(claims) if claims["iss"] == APP && claims["sub"] == APP => None,
        Ok(_) => Some("The client_assertion is of no client that is known."),
        Err(assertion::Refused::Form) => Some("The client_assertion token is malformed."),
        Err(assertion::Refused::Signature) => Some("The client_assertion signature is invalid."),
        Err(assertion::Refused::Audience) => Some(
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
        ),
        Err(assertion::Refused::Time) => Some(
            "The client_assertion token is expired, not good yet, or lives longer than an hour.",
        ),
    };
    if let Some(words) = words {
        return refused(401, "invalid_client", words);
    }
    let asked = field("scope");
    let is_granted = |scope: &str| {
        let lost = world.twists.contains(&Twist::LosesScopes) && scope.ends_with(".manage");
        GRANTED.contains(&scope) && !lost
    };
    if asked.is_empty() || !asked.split(' ').all(is_granted) {
        let words = "One or more scopes are not configured for the authorization server resource.";
        return refused(400, "invalid_scope", words);
    }
    let token = world.tokens.give_scoped(request, asked, LIFE);
    let body = json!({
        "token_type": "Bearer", "expires_in": LIFE, "access_token": token, "scope": asked,
    });
    Answer::json(200, body)
}

fn needed(request: &Request) -> &'static str {
    let parts = request.parts();
    let area = parts.get(2).copied().unwrap_or_default();
    let about_roles = area == "iam" || parts.last() == Some(&"roles");
    let about_risk = parts.last() == Some(&"risk");
    match (request.method.as_str(), area) {
        ("GET", _) if about_risk => "okta.userRisk.read",
        (_, _) if about_risk => "okta.userRisk.manage",
        ("GET", _) if about_roles => "okta.roles.read",
        ("GET", "logs") => "okta.logs.read",
        ("GET", "groups") => "okta.groups.read",
        ("GET", _) => "okta.users.read",
        _ => "okta.users.manage",
    }
}

/// Tells whether the request's token lets it pass.
pub(super) fn allowed(world: &World, request: &Request) -> Result<(), Answer> {
    let (scheme, token) = request.authorization.split_once(' ').unwrap_or_default();
    if scheme == "SSWS" && token == TOKEN {
        return Ok(());
    }
    let scopes = world.tokens.scopes(request).filter(|_| scheme == "Bearer");
    let Some(scopes) = scopes else {
        return Err(error(401, "E0000011", "Invalid token provided"));
    };
    let parts = request.parts();
    // An app is no user.
    if parts.last() == Some(&"me") {
        return Err(error(
            404,
            "E0000007",
            "Not found: Resource not found: me (User)",
        ));
    }
    if scopes.split(' ').any(|scope| scope == needed(request)) {
        return Ok(());
    }
    let words = "The access token provided does not contain the required scopes.";
    Err(error(403, "E0000006", words))
}
