//! The identity provider in its other shape: the part of Keycloak's Admin REST API that a responder uses.
//!
//! Paths and bodies follow the specification that Keycloak publishes; errors and what is not in it follow the answers of
//! a server of version 26.

mod events;
mod left;
mod users;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::wire::{Answer, Notes, Request};
use super::world::World;

/// The realm of the company.
pub(crate) const REALM: &str = "acme";
/// The console's client.
pub(crate) const CLIENT: &str = "quell";
/// The secret of the console's client.
pub(crate) const SECRET: &str = "drill-client-secret-9f8e7d6c5b4a";
/// How long an access token lives, in seconds: what the realm says.
pub(crate) const LIFESPAN: i64 = 300;

/// Which tokens are good.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    given: u64,
    /// Tokens of before are refused, as after a restart of the server.
    good_from: u64,
    /// What each may, where a token is for less than everything.
    scopes: BTreeMap<u64, String>,
}

impl Tokens {
    /// Refuses every token given so far.
    pub fn end_all(&mut self) {
        self.good_from = self.given + 1;
    }

    /// Gives a token for some scopes only.
    pub fn give_scoped(&mut self, request: &Request, scopes: &str, seconds: i64) -> String {
        let token = self.give(request, seconds);
        self.scopes.insert(self.given, scopes.to_owned());
        token
    }

    /// Gives a token that lives for so many seconds.
    pub fn give(&mut self, request: &Request, seconds: i64) -> String {
        self.given += 1;
        let until = request.at.timestamp() + seconds;
        format!("drill-{}-{until}", self.given)
    }

    /// Tells whether a token is one of those and lives.
    pub fn accepts(&self, token: &str, request: &Request) -> bool {
        self.number(token, request).is_some()
    }

    /// Gives the scopes of the token of a request; `None` when it is not good.
    pub fn scopes(&self, request: &Request) -> Option<&str> {
        let token = request.authorization.strip_prefix("Bearer ")?;
        let number = self.number(token, request)?;
        self.scopes.get(&number).map(String::as_str)
    }

    fn number(&self, token: &str, request: &Request) -> Option<u64> {
        let (number, until) = token.strip_prefix("drill-")?.split_once('-')?;
        let (number, until) = (number.parse::<u64>().ok()?, until.parse::<i64>().ok()?);
        (number >= self.good_from && request.at.timestamp() < until).then_some(number)
    }
}

/// Tells whether a request only reads; asking for a token changes nothing of the company.
pub(crate) fn reads(request: &Request) -> bool {
    request.method == "GET" || request.path.ends_with("/token")
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, request: &Request, notes: &mut Notes) -> Answer {
    let parts = request.parts();
    if let ["realms", realm, "protocol", "openid-connect", "token"] = parts[..] {
        return token(world, request, realm);
    }
    let ["admin", "realms", realm, rest @ ..] = &parts[..] else {
        return error(404, "Unable to find matching target resource method");
    };
    let token = request.authorization.strip_prefix("Bearer ");
    if !token.is_some_and(|token| world.tokens.accepts(token, request)) {
        return error(401, "HTTP 401 Unauthorized");
    }
    if *realm != REALM {
        return error(404, "Realm not found.");
    }
    match (request.method.as_str(), rest) {
        ("GET", []) => Answer::json(200, realm_record()),
        ("GET", ["users"]) => users::list(world, request),
        ("GET", ["users", id]) => users::get(world, id),
        ("PUT", ["users", id]) => users::update(world, request, id, notes),
        ("PUT", ["users", id, "reset-password"]) => users::set_password(world, request, id, notes),
        ("POST", ["users", id, "logout"]) => users::logout(world, request, id, notes),
        ("GET", ["users", id, "role-mappings", "clients", client, "composite"]) => {
            users::all_roles(world, id, client)
        }
        ("GET", ["users", id, "federated-identity"]) => left::linked(world, id),
        ("DELETE", ["users", id, "federated-identity", provider]) => {
            left::unlink(world, (id, provider), notes)
        }
        ("DELETE", ["users", id, "consents" | "credentials", what]) => {
            left::remove(world, request, (id, what), notes)
        }
        ("GET", ["users", id, part]) => users::part(world, request, id, part),
        ("GET", ["users", id, "offline-sessions", client]) => users::offline(world, id, client),
        ("DELETE", ["sessions", session]) => users::end_session(world, request, session, notes),
        ("GET", ["clients"]) => clients(request),
        ("GET", ["attack-detection", "brute-force", "users", id]) => users::lock(world, id),
        ("GET", ["events", "config"]) => Answer::json(200, events::config()),
        ("GET", ["events"]) => events::of_users(world, request),
        ("GET", ["admin-events"]) => events::of_administrators(world, request),
        (
            _,
            []
            | [
                "users" | "sessions" | "clients" | "events" | "admin-events",
                ..,
            ],
        ) => error(405, "HTTP 405 Method Not Allowed"),
        _ => error(404, "Unable to find matching target resource method"),
    }
}

/// Names the path's parameters as the specification does.
pub(crate) fn template(request: &Request) -> &'static str {
    match &request.parts()[..] {
        ["realms", _, "protocol", "openid-connect", "token"] => {
            "/realms/{realm}/protocol/openid-connect/token"
        }
        ["admin", "realms", _] => "/admin/realms/{realm}",
        ["admin", "realms", _, "users"] => "/admin/realms/{realm}/users",
        ["admin", "realms", _, "users", _] => "/admin/realms/{realm}/users/{user-id}",
        ["admin", "realms", _, "users", _, "logout"] => {
            "/admin/realms/{realm}/users/{user-id}/logout"
        }
        ["admin", "realms", _, "users", _, "reset-password"] => {
            "/admin/realms/{realm}/users/{user-id}/reset-password"
        }
        ["admin", "realms", _, "users", _, "sessions"] => {
            "/admin/realms/{realm}/users/{user-id}/sessions"
        }
        [
            "admin",
            "realms",
            _,
            "users",
            _,
            "role-mappings",
            "clients",
            _,
            "composite",
        ] => "/admin/realms/{realm}/users/{user-id}/role-mappings/clients/{client-id}/composite",
        ["admin", "realms", _, "users", _, "consents"] => {
            "/admin/realms/{realm}/users/{user-id}/consents"
        }
        ["admin", "realms", _, "users", _, "consents", _] => {
            "/admin/realms/{realm}/users/{user-id}/consents/{client}"
        }
        ["admin", "realms", _, "users", _, "credentials"] => {
            "/admin/realms/{realm}/users/{user-id}/credentials"
        }
        ["admin", "realms", _, "users", _, "credentials", _] => {
            "/admin/realms/{realm}/users/{user-id}/credentials/{credentialId}"
        }
        ["admin", "realms", _, "users", _, "offline-sessions", _] => {
            "/admin/realms/{realm}/users/{user-id}/offline-sessions/{clientUuid}"
        }
        ["admin", "realms", _, "sessions", _] => "/admin/realms/{realm}/sessions/{session}",
        ["admin", "realms", _, "events"] => "/admin/realms/{realm}/events",
        ["admin", "realms", _, "admin-events"] => "/admin/realms/{realm}/admin-events",
        _ => "other",
    }
}

/// Builds an error body of the vendor.
pub(crate) fn error(status: u16, words: &str) -> Answer {
    Answer::json(status, json!({"error": words}))
}

fn no_user() -> Answer {
    error(404, "User not found")
}

/// Gives a token to the console's client, or to the operator who signs in through it.
fn token(world: &mut World, request: &Request, realm: &str) -> Answer {
    if request.method != "POST" {
        return error(405, "HTTP 405 Method Not Allowed");
    }
    if realm != REALM {
        return error(404, "Realm does not exist");
    }
    let form = request.form();
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let oauth = |status: u16, code: &str, words: &str| {
        Answer::json(status, json!({"error": code, "error_description": words}))
    };
    let is_client = field("client_id") == Some(CLIENT);
    let is_let_in = match field("grant_type") {
        Some("client_credentials") => is_client && field("client_secret") == Some(SECRET),
        Some("password") => {
            is_client && field("username").is_some() && field("password") == Some(SECRET)
        }
        _ => {
            return oauth(400, "unsupported_grant_type", "Unsupported grant_type");
        }
    };
    if !is_let_in {
        let words = "Invalid client or Invalid client credentials";
        return oauth(401, "unauthorized_client", words);
    }
    let token = world.tokens.give(request, LIFESPAN);
    let body = json!({
        "access_token": token, "expires_in": LIFESPAN, "refresh_expires_in": 0, "token_type": "Bearer",
        "not-before-policy": 0, "scope": "email profile",
    });
    Answer::json(200, body)
}

fn realm_record() -> Value {
    json!({
        "id": "1ed9f6ed-e932-4a15-95fd-3f0a01929759", "realm": REALM, "displayName": "Acme", "enabled": true,
        "notBefore": 0, "accessTokenLifespan": LIFESPAN, "ssoSessionIdleTimeout": 1_800,
        "ssoSessionMaxLifespan": 36_000, "offlineSessionIdleTimeout": 2_592_000, "bruteForceProtected": true,
        "eventsEnabled": true, "adminEventsEnabled": true, "duplicateEmailsAllowed": true,
    })
}

fn clients(request: &Request) -> Answer {
    let known = [
        (users::MANAGEMENT, "realm-management"),
        ("7b29c9bf-808c-4e52-b6f7-f00073ff033e", CLIENT),
    ];
    let wanted = request.query("clientId");
    let rows = known
        .iter()
        .filter(|(_, name)| wanted.is_none_or(|wanted| wanted == *name))
        .map(|(id, name)| json!({"id": id, "clientId": name, "enabled": true, "protocol": "openid-connect"}));
    Answer::json(200, rows.collect())
}

/// Cuts a list by `first` and `max`.
fn cut(request: &Request, rows: Vec<Value>, default: usize) -> Answer {
    let number = |name: &str, default: usize| match request.query(name) {
        None => Some(default),
        Some(text) => text.parse::<usize>().ok(),
    };
    let (Some(first), Some(max)) = (number("first", 0), number("max", default)) else {
        return error(404, "HTTP 404 Not Found");
    };
    Answer::json(200, rows.into_iter().skip(first).take(max).collect())
}
