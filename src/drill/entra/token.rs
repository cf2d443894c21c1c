//! The token endpoint: an application's secret, or what its certificate's key signed, for an hour of access.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::PRINCIPAL;
use crate::drill::assertion;
use crate::drill::wire::{Answer, Request, iso};
use crate::drill::world::World;

/// The company's tenant.
pub(crate) const TENANT: &str = "0d4f2b5e-6a0c-4f5b-9d6e-3c1a7b8e9f00";
/// The console's application.
pub(crate) const CLIENT: &str = "5b7c1d2e-3f40-4a51-8b62-9c73d84e95f6";
/// Its secret.
pub(crate) const SECRET: &str = "drill~client.secret-8c7b6a59";
/// SHA-256 of its certificate, as an assertion has it.
pub(crate) const THUMBPRINT: &str = "ERERERERERERERERERERERERERERERERERERERERERE";
/// How long an access token lives, in seconds.
const LIFESPAN: i64 = 3_599;
const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn opened(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Tells whether an assertion lets the application in.
fn is_ours(request: &Request, signed: &str) -> bool {
    let Ok(claims) = assertion::claims(signed, &request.path, request.at) else {
        return false;
    };
    let head = signed.split('.').next().and_then(opened);
    let now = request.at.timestamp();
    head.is_some_and(|head| head["x5t#S256"] == THUMBPRINT)
        && claims["iss"] == CLIENT
        && claims["sub"] == CLIENT
        && claims["nbf"].as_i64().is_some_and(|since| since <= now)
}

fn oauth(request: &Request, status: u16, error: &str, code: i64, words: &str) -> Answer {
    Answer::json(
        status,
        json!({
            "error": error, "error_description": format!("AADSTS{code}: {words}"), "error_codes": [code],
            "timestamp": iso(request.at), "trace_id": request.id, "correlation_id": request.own_id,
        }),
    )
}

/// Gives a token to the console's application.
pub(super) fn answer(world: &mut World, request: &Request, tenant: &str) -> Answer {
    if request.method != "POST" {
        return oauth(
            request,
            400,
            "invalid_request",
            900_561,
            "The endpoint only accepts POST requests.",
        );
    }
    let form = request.form();
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    if tenant != TENANT {
        return oauth(request, 400, "invalid_request", 90_002, "Tenant not found.");
    }
    if field("grant_type") != Some("client_credentials") {
        return oauth(
            request,
            400,
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type.",
        );
    }
    if field("scope") != Some(format!("{}/.default", request.base).as_str()) {
        return oauth(
            request,
            400,
            "invalid_scope",
            1_002_012,
            "The provided value for scope is not valid.",
        );
    }
    if field("client_id") != Some(CLIENT) {
        return oauth(
            request,
            400,
            "unauthorized_client",
            700_016,
            "Application was not found in the directory.",
        );
    }
    let is_let_in = match (field("client_secret"), field("client_assertion")) {
        (Some(secret), None) => secret == SECRET,
        (None, Some(assertion)) => {
            field("client_assertion_type") == Some(KIND) && is_ours(request, assertion)
        }
        _ => false,
    };
    if !is_let_in {
        return oauth(
            request,
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided.",
        );
    }
    let head = part(&json!({"typ": "JWT", "alg": "RS256"}));
    let claims = part(&json!({
        "aud": request.base, "iss": format!("{}/{TENANT}/", request.base), "appid": CLIENT,
        "app_displayname": "quell", "oid": PRINCIPAL, "sub": PRINCIPAL, "tid": TENANT, "ver": "1.0", "idtyp": "app",
        "iat": request.at.timestamp(), "exp": request.at.timestamp() + LIFESPAN, "roles": world.permissions,
    }));
    let token = format!("{head}.{claims}.{}", world.tokens.give(request, LIFESPAN));
    Answer::json(
        200,
        json!({
            "token_type": "Bearer", "expires_in": LIFESPAN, "ext_expires_in": LIFESPAN, "access_token": token,
        }),
    )
}

/// Tells whether a request has a good token.
pub(super) fn accepts(world: &World, request: &Request) -> bool {
    let token = request.authorization.strip_prefix("Bearer ");
    let mark = token.and_then(|token| Some(token.rsplit_once('.')?.1));
    mark.is_some_and(|mark| world.tokens.accepts(mark, request))
}
