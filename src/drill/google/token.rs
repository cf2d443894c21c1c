//! The token endpoint: a signed request of the service account, for one administrator and one scope.

use std::sync::LazyLock;

use serde_json::json;

use super::error;
use crate::drill::assertion::{self, Refused};
use crate::drill::keycloak::LIFESPAN;
use crate::drill::wire::{Answer, Request};
use crate::drill::world::World;

/// The administrator that the service account acts for: the analyst at the console.
pub(crate) const SUBJECT: &str = "kim.aster@acme.example";
const ACCOUNT: &str = "quell@acme-drill.iam.gserviceaccount.com";
const KEY_ID: &str = "8f1d0c5a6b7e4d3c2b1a09f8e7d6c5b4a3928170";

const USERS: &str = "https://www.googleapis.com/auth/admin.directory.user";
const SECURITY: &str = "https://www.googleapis.com/auth/admin.directory.user.security";
const GROUPS: &str = "https://www.googleapis.com/auth/admin.directory.group.readonly";
const ROLES: &str = "https://www.googleapis.com/auth/admin.directory.rolemanagement.readonly";
const MOBILE: &str = "https://www.googleapis.com/auth/admin.directory.device.mobile.readonly";
const REPORTS: &str = "https://www.googleapis.com/auth/admin.reports.audit.readonly";

const MAIL: &str = "https://www.googleapis.com/auth/gmail.settings.basic";
const SHARING: &str = "https://www.googleapis.com/auth/gmail.settings.sharing";
const ALERTS: &str = "https://www.googleapis.com/auth/apps.alerts";

/// The scopes that the console needs.
pub(super) const NEEDED: [&str; 9] = [
    USERS, SECURITY, GROUPS, ROLES, REPORTS, MOBILE, MAIL, SHARING, ALERTS,
];
/// Others that can be granted.
const OTHERS: [&str; 2] = [
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/drive",
];

/// Finds a scope by its name or the end of it.
pub(crate) fn scope_named(name: &str) -> Option<&'static str> {
    let all = NEEDED.into_iter().chain(OTHERS);
    all.into_iter()
        .find(|scope| *scope == name || scope.rsplit('/').next() == Some(name))
}

/// Gives the key file of the service account, as the vendor's console makes it.
pub(crate) fn key() -> &'static str {
    static FILE: LazyLock<String> = LazyLock::new(|| {
        let file = json!({
            "type": "service_account", "project_id": "acme-drill", "private_key_id": KEY_ID,
            "private_key": assertion::KEY, "client_email": ACCOUNT, "client_id": "104815162342000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
            "universe_domain": "googleapis.com",
        });
        file.to_string()
    });
    &FILE
}

/// What of an assertion does not fit: code and words of the vendor.
type Fault = (&'static str, &'static str);

const NOT_GRANTED: Fault = (
    "unauthorized_client",
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
);

/// Judges an assertion; gives what the token is good for: a scope, and of a mailbox its owner.
fn judged(world: &World, request: &Request, jwt: &str) -> Result<String, Fault> {
    let claims = assertion::claims(jwt, "/token", request.at).map_err(|refused| {
        let words = match refused {
            Refused::Form => "Invalid JWT: the assertion cannot be read.",
            Refused::Signature => "Invalid JWT Signature.",
            Refused::Audience => "Invalid JWT: Failed audience check.",
            Refused::Time => {
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."
            }
        };
        ("invalid_grant", words)
    })?;
    let subject = claims["sub"].as_str().unwrap_or_default();
    let owner = super::find(&world.directory, subject).filter(|_| claims["iss"] == ACCOUNT);
    let owner = owner.ok_or(("invalid_grant", "Invalid email or User ID"))?;
    let scope = claims["scope"].as_str().unwrap_or_default();
    let granted = world.google.granted.iter().find(|known| **known == scope);
    let scope = granted.copied().ok_or(NOT_GRANTED)?;
    Ok(if matches!(scope, MAIL | SHARING) {
        of_mailbox(scope, owner)
    } else {
        scope.to_owned()
    })
}

/// Writes what a token for a mailbox is good for.
fn of_mailbox(scope: &str, owner: usize) -> String {
    format!("{scope} {owner}")
}

/// Gives a token to the service account.
pub(super) fn give(world: &mut World, request: &Request) -> Answer {
    let oauth = |status: u16, (code, words): Fault| {
        Answer::json(status, json!({"error": code, "error_description": words}))
    };
    if request.method != "POST" {
        return error(405, "httpMethodNotAllowed", "Method Not Allowed");
    }
    let form = request.form();
    let field = |name: &str| {
        let mut all = form.iter();
        all.find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    if field("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
        let words = ("unsupported_grant_type", "Invalid grant_type");
        return oauth(400, words);
    }
    let scope = match judged(world, request, field("assertion")) {
        Ok(scope) => scope,
        Err(fault) => return oauth(if fault == NOT_GRANTED { 401 } else { 400 }, fault),
    };
    let token = world.tokens.give_scoped(request, &scope, LIFESPAN);
    let body = json!({"access_token": token, "expires_in": LIFESPAN, "token_type": "Bearer"});
    Answer::json(200, body)
}

/// Tells which token a request can be sent with.
fn suits(world: &World, request: &Request) -> String {
    let scope = match &request.parts()[..] {
        ["gmail", _, "users", owner, "settings", what, ..] => {
            let is_basic = request.method == "GET" || *what == "filters";
            let scope = if is_basic { MAIL } else { SHARING };
            let owner = super::find(&world.directory, owner);
            return owner.map_or_else(String::new, |owner| of_mailbox(scope, owner));
        }
        ["admin", "reports", ..] => REPORTS,
        ["v1beta1", "alerts", ..] => ALERTS,
        [_, _, _, "groups", ..] => GROUPS,
        [_, _, _, "customer", _, "devices", ..] => MOBILE,
        [_, _, _, "customer", ..] => ROLES,
        [_, _, _, "users", _, "aliases", ..] => USERS,
        [_, _, _, "users", _, _, ..] => SECURITY,
        _ => USERS,
    };
    scope.to_owned()
}

/// Refuses a request without a good token, or with one for something else.
pub(super) fn refusal(world: &World, request: &Request) -> Option<Answer> {
    let Some(scope) = world.tokens.scopes(request) else {
        let words = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.";
        let mut answer = error(401, "authError", words);
        if let Some(body) = &mut answer.body {
            body["error"]["status"] = json!("UNAUTHENTICATED");
        }
        return Some(answer);
    };
    if scope == suits(world, request) {
        return None;
    }
    let words = "Request had insufficient authentication scopes.";
    let mut answer = error(403, "insufficientPermissions", words);
    if let Some(body) = &mut answer.body {
        body["error"]["status"] = json!("PERMISSION_DENIED");
    }
    Some(answer)
}
