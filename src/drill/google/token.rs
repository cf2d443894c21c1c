//! The token endpoint: a signed request of the service account, for one administrator and one scope.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rsa::KeyPair;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::error;
use crate::drill::wire::{Answer, Request};
use crate::drill::world::World;

/// The administrator that the service account acts for: the analyst at the console.
pub(crate) const SUBJECT: &str = "kim.aster@acme.example";
const ACCOUNT: &str = "quell@acme-drill.iam.gserviceaccount.com";
const KEY_ID: &str = "8f1d0c5a6b7e4d3c2b1a09f8e7d6c5b4a3928170";
/// Opens nothing but a drill.
const PEM: &str = include_str!("../key.pem");
/// How long an access token lives, in seconds.
const LIFESPAN: i64 = 3_599;
/// Longest life of an assertion, and how far clocks may differ, in seconds.
const LONGEST: i64 = 3_600;
const SKEW: i64 = 60;

const USERS: &str = "https://www.googleapis.com/auth/admin.directory.user";
const SECURITY: &str = "https://www.googleapis.com/auth/admin.directory.user.security";
const GROUPS: &str = "https://www.googleapis.com/auth/admin.directory.group.readonly";
const ROLES: &str = "https://www.googleapis.com/auth/admin.directory.rolemanagement.readonly";
const REPORTS: &str = "https://www.googleapis.com/auth/admin.reports.audit.readonly";

/// The scopes that the console needs.
pub(super) const NEEDED: [&str; 5] = [USERS, SECURITY, GROUPS, ROLES, REPORTS];
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
            "private_key": PEM, "client_email": ACCOUNT, "client_id": "104815162342000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
            "universe_domain": "googleapis.com",
        });
        file.to_string()
    });
    &FILE
}

/// The public half of the key.
static PUBLIC: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    let der = PrivatePkcs8KeyDer::from_pem_slice(PEM.as_bytes()).ok()?;
    let pair = KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()?;
    Some(pair.public_key().as_ref().to_vec())
});

/// What of an assertion does not fit: code and words of the vendor.
type Fault = (&'static str, &'static str);

const NO_JWT: Fault = ("invalid_grant", "Invalid JWT: the assertion cannot be read");
const WRONG_SIGNATURE: Fault = ("invalid_grant", "Invalid JWT Signature.");
const WRONG_TIME: Fault = (
    "invalid_grant",
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
);
const NOT_GRANTED: Fault = (
    "unauthorized_client",
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
);

fn part(text: Option<&str>) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(text?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Judges an assertion; gives the scope that a token is asked for.
fn judged(world: &World, request: &Request, assertion: &str) -> Result<&'static str, Fault> {
    let mut parts = assertion.split('.');
    let (header, claims) = (part(parts.next()), part(parts.next()));
    let (Some(header), Some(claims)) = (header, claims) else {
        return Err(NO_JWT);
    };
    let says = |value: &Value, name: &str, wanted: &str| value[name].as_str() == Some(wanted);
    if !says(&header, "alg", "RS256")
        || !says(&header, "typ", "JWT")
        || !says(&header, "kid", KEY_ID)
    {
        return Err(NO_JWT);
    }
    let signed = assertion.rsplit_once('.').and_then(|(signed, signature)| {
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC.as_ref()?);
        key.verify(signed.as_bytes(), &signature).ok()
    });
    if signed.is_none() || !says(&claims, "iss", ACCOUNT) {
        return Err(WRONG_SIGNATURE);
    }
    // A wire-tap of a test stands on another port of this machine.
    let audience = claims["aud"].as_str().unwrap_or_default();
    if !(audience.starts_with("http://127.0.0.1:") && audience.ends_with("/token")) {
        return Err(("invalid_grant", "Invalid JWT: Failed audience check."));
    }
    let now = request.at.timestamp();
    let (Some(issued), Some(ends)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else {
        return Err(WRONG_TIME);
    };
    if issued > now + SKEW || ends < now || ends - issued > LONGEST {
        return Err(WRONG_TIME);
    }
    let subject = claims["sub"].as_str().unwrap_or_default();
    if subject.is_empty() || super::find(&world.directory, subject).is_none() {
        return Err(("invalid_grant", "Invalid email or User ID"));
    }
    let scope = claims["scope"].as_str().unwrap_or_default();
    let granted = world.google.granted.iter().find(|known| **known == scope);
    granted.copied().ok_or(NOT_GRANTED)
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
    let token = world.tokens.give(request, LIFESPAN);
    // Tokens are numbered from 1.
    world.google.scopes.push(scope);
    let body = json!({"access_token": token, "expires_in": LIFESPAN, "token_type": "Bearer"});
    Answer::json(200, body)
}

/// Tells which scopes a request can be sent with.
fn suits(request: &Request) -> &'static str {
    match &request.parts()[..] {
        ["admin", "reports", ..] => REPORTS,
        [_, _, _, "groups", ..] => GROUPS,
        [_, _, _, "customer", ..] => ROLES,
        [_, _, _, "users", _, _, ..] => SECURITY,
        _ => USERS,
    }
}

/// Refuses a request without a good token, or with one for something else.
pub(super) fn refusal(world: &World, request: &Request) -> Option<Answer> {
    let token = request.authorization.strip_prefix("Bearer ");
    let number = token.and_then(|token| world.tokens.number(token, request));
    let Some(number) = number else {
        let words = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.";
        let mut answer = error(401, "authError", words);
        if let Some(body) = &mut answer.body {
            body["error"]["status"] = json!("UNAUTHENTICATED");
        }
        return Some(answer);
    };
    let place = usize::try_from(number).ok()?.checked_sub(1);
    let scope = place.and_then(|place| world.google.scopes.get(place));
    if scope == Some(&suits(request)) {
        return None;
    }
    let words = "Request had insufficient authentication scopes.";
    let mut answer = error(403, "insufficientPermissions", words);
    if let Some(body) = &mut answer.body {
        body["error"]["status"] = json!("PERMISSION_DENIED");
    }
    Some(answer)
}
