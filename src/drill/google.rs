//! The identity provider as Google Workspace: the parts of its APIs that a responder uses.
//!
//! Paths and bodies follow Google's Discovery documents, errors the vendor's documentation. What is there once at Google, on
//! servers with names of their own, stands on one here.

mod alerts;
mod left;
mod mailbox;
mod reports;
mod roles;
mod token;
mod users;

use serde_json::{Value, json};

use super::company::{Directory, Person, VICTIM};
use super::wire::{Answer, Notes, Request};
use super::world::World;

pub(crate) use token::{SUBJECT, key, scope_named};

/// The customer's id.
const CUSTOMER_ID: &str = "C04drill1";

/// What is kept beside the company's own state.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The scopes that are granted to the service account.
    pub granted: Vec<&'static str>,
    /// Whether the victim's app password was taken away.
    pub password_gone: bool,
    /// Whether the victim's backup codes are void.
    pub codes_gone: bool,
    /// What was taken away of the victim's mailbox.
    pub mailbox: mailbox::Gone,
}

impl State {
    /// Grants what is needed and no more.
    pub fn new() -> Self {
        Self {
            granted: token::NEEDED.to_vec(),
            password_gone: false,
            codes_gone: false,
            mailbox: mailbox::Gone::default(),
        }
    }

    /// Takes everything away that can be left in the victim's account and mailbox.
    pub fn take_all(&mut self) {
        self.password_gone = true;
        self.codes_gone = true;
        self.mailbox = mailbox::Gone::all();
    }
}

/// Tells whether a request only reads; asking for a token changes nothing of the company.
pub(crate) fn reads(request: &Request) -> bool {
    request.method == "GET" || request.path.ends_with("/token")
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, request: &Request, notes: &mut Notes) -> Answer {
    let parts = request.parts();
    if parts[..] == ["token"] {
        return token::give(world, request);
    }
    if let Some(refused) = token::refusal(world, request) {
        return refused;
    }
    let method = request.method.as_str();
    if let [
        "admin",
        "reports",
        "v1",
        "activity",
        "users",
        user,
        "applications",
        app,
    ] = parts[..]
    {
        return match method {
            "GET" => reports::activities(world, request, user, app),
            _ => no_method(),
        };
    }
    if let ["v1beta1", "alerts"] = parts[..] {
        return match method {
            "GET" => alerts::list(world, request),
            _ => no_method(),
        };
    }
    if let ["gmail", "v1", "users", user, "settings", rest @ ..] = &parts[..] {
        return mailbox::answer(world, request, (user, rest), notes);
    }
    let ["admin", "directory", "v1", rest @ ..] = &parts[..] else {
        return error(404, "notFound", "Not Found");
    };
    match (method, rest) {
        ("GET", ["users"]) => users::list(world, request),
        ("GET", ["users", key]) => users::get(world, key),
        ("PUT", ["users", key]) => users::update(world, request, key, notes),
        ("POST", ["users", key, "signOut"]) => users::sign_out(world, request, key, notes),
        ("GET", ["users", key, "tokens"]) => users::tokens(world, key),
        ("DELETE", ["users", key, "tokens", client]) => {
            users::end_token(world, request, (key, client), notes)
        }
        ("GET", ["users", key, "asps"]) => users::app_passwords(world, key),
        ("DELETE", ["users", key, "asps", number]) => {
            users::end_password(world, (key, number), notes)
        }
        ("GET", ["users", key, "verificationCodes"]) => left::codes(world, key),
        ("POST", ["users", key, "verificationCodes", "invalidate"]) => {
            left::invalidate(world, key, notes)
        }
        ("GET", ["users", key, "aliases"]) => left::aliases(world, key),
        ("DELETE", ["users", key, "aliases", alias]) => {
            left::remove_alias(world, (key, alias), notes)
        }
        ("GET", ["customer", _, "devices", "mobile"]) => left::devices(world, request),
        ("GET", ["groups"]) => users::groups(world, request),
        ("GET", ["customer", _, "roleassignments"]) => roles::assignments(world, request),
        (_, ["users" | "groups" | "customer", ..]) => no_method(),
        _ => error(404, "notFound", "Not Found"),
    }
}

/// Names the path's parameters as the Discovery documents do.
pub(crate) fn template(request: &Request) -> &'static str {
    match &request.parts()[..] {
        ["token"] => "/token",
        ["admin", "directory", "v1", "users"] => "/admin/directory/v1/users",
        ["admin", "directory", "v1", "users", _] => "/admin/directory/v1/users/{userKey}",
        ["admin", "directory", "v1", "users", _, "signOut"] => {
            "/admin/directory/v1/users/{userKey}/signOut"
        }
        ["admin", "directory", "v1", "users", _, "tokens"] => {
            "/admin/directory/v1/users/{userKey}/tokens"
        }
        ["admin", "directory", "v1", "users", _, "tokens", _] => {
            "/admin/directory/v1/users/{userKey}/tokens/{clientId}"
        }
        ["admin", "directory", "v1", "users", _, "asps"] => {
            "/admin/directory/v1/users/{userKey}/asps"
        }
        ["admin", "directory", "v1", "users", _, "asps", _] => {
            "/admin/directory/v1/users/{userKey}/asps/{codeId}"
        }
        ["admin", "directory", "v1", "users", _, "aliases", ..] => {
            "/admin/directory/v1/users/{userKey}/aliases"
        }
        [
            "admin",
            "directory",
            "v1",
            "users",
            _,
            "verificationCodes",
            ..,
        ] => "/admin/directory/v1/users/{userKey}/verificationCodes",
        ["gmail", "v1", "users", _, "settings", ..] => "/gmail/v1/users/{userId}/settings",
        ["v1beta1", "alerts"] => "/v1beta1/alerts",
        ["admin", "reports", ..] => {
            "/admin/reports/v1/activity/users/{userKey}/applications/{applicationName}"
        }
        _ => "other",
    }
}

/// Builds an error body of the vendor.
pub(crate) fn error(status: u16, reason: &str, message: &str) -> Answer {
    let body = json!({"error": {
        "code": status, "message": message,
        "errors": [{"domain": "global", "reason": reason, "message": message}],
    }});
    Answer::json(status, body)
}

/// Builds the vendor's own form of a general failure; to slow down is said with 403.
pub(crate) fn failure(status: u16) -> Answer {
    match status {
        429 => error(403, "rateLimitExceeded", "Rate Limit Exceeded"),
        403 => error(
            403,
            "forbidden",
            "Not Authorized to access this resource/api",
        ),
        404 => error(404, "notFound", "Resource Not Found: userKey"),
        409 => error(409, "conflict", "Conflict"),
        _ => error(status, "backendError", "Backend Error"),
    }
}

fn no_method() -> Answer {
    error(405, "httpMethodNotAllowed", "Method Not Allowed")
}

fn no_user() -> Answer {
    failure(404)
}

/// Lists the further addresses of a person.
pub(crate) fn aliases(directory: &Directory, place: usize) -> Vec<String> {
    let Some(person) = directory.people.get(place) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    if person.email != person.login {
        all.push(person.email.clone());
    }
    if place == VICTIM {
        all.push("m.lind@acme.example".to_owned());
    }
    all.retain(|alias| !person.gone_aliases.contains(alias));
    all
}

/// Finds an account by id, primary address or alias.
fn find(directory: &Directory, key: &str) -> Option<usize> {
    let by = |same: &dyn Fn(&Person) -> bool| directory.people.iter().position(same);
    by(&|person| person.id == key)
        .or_else(|| by(&|person| person.login.eq_ignore_ascii_case(key)))
        .or_else(|| {
            (0..directory.people.len()).find(|place| {
                let all = aliases(directory, *place);
                all.iter().any(|alias| alias.eq_ignore_ascii_case(key))
            })
        })
}

/// Cuts a list by `maxResults` and `pageToken`, under the vendor's own names.
fn page(request: &Request, (kind, field): (&str, &str), rows: Vec<Value>, most: usize) -> Answer {
    let max = match request.query("maxResults").map(str::parse::<usize>) {
        None => most,
        Some(Ok(max)) if max > 0 => max.min(most),
        Some(_) => return error(400, "invalid", "Invalid value for: maxResults"),
    };
    let first = match request.query("pageToken") {
        None => 0,
        Some(token) => match token.strip_prefix("page-").and_then(|at| at.parse().ok()) {
            Some(first) => first,
            None => return error(400, "invalid", "Invalid value for: pageToken"),
        },
    };
    let more = rows.len() > first + max;
    let mut body = json!({"kind": kind, "etag": "\"drill\""});
    let rows: Vec<Value> = rows.into_iter().skip(first).take(max).collect();
    // The vendor leaves an empty list out.
    if !rows.is_empty() {
        body[field] = Value::Array(rows);
    }
    if more {
        body["nextPageToken"] = json!(format!("page-{}", first + max));
    }
    Answer::json(200, body)
}
