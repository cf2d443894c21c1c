//! What was done, by the logs of the applications: newest first, and a little late.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{CUSTOMER_ID, error, find, page};
use crate::drill::activity::{Activity, Kind};
use crate::drill::wire::{Answer, Request, iso};
use crate::drill::world::World;

/// How late an activity shows; at the vendor it takes minutes.
const LAG: TimeDelta = TimeDelta::milliseconds(1_500);

/// Names of the applications' logs that are known here.
const KNOWN: [&str; 5] = ["login", "user_accounts", "saml", "token", "admin"];

/// One event: application, type, name, parameters.
type Told = (&'static str, &'static str, &'static str, Vec<Value>);

fn value(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

/// Tells what an application logs of an activity; `None` for what Google does not log.
fn told(activity: &Activity, target: &str) -> Option<Told> {
    let object = &*activity.object;
    let user = || vec![value("USER_EMAIL", target)];
    Some(match activity.kind {
        Kind::SignIn if activity.ok => (
            "login",
            "login",
            "login_success",
            vec![
                value("login_type", "google_password"),
                json!({"name": "is_suspicious", "boolValue": false}),
            ],
        ),
        Kind::SignIn => {
            let disabled = activity.reason.contains("suspended");
            let why = if disabled {
                "login_failure_account_disabled"
            } else {
                "login_failure_invalid_password"
            };
            let said = vec![
                value("login_type", "google_password"),
                value("login_failure_type", why),
            ];
            ("login", "login", "login_failure", said)
        }
        Kind::MfaVerify => (
            "login",
            "login",
            "login_verification",
            vec![
                json!({"name": "login_challenge_method", "multiValue": ["google_prompt"]}),
                value("login_challenge_status", "Challenge Passed"),
            ],
        ),
        Kind::SignOut => (
            "login",
            "login",
            "logout",
            vec![value("login_type", "google_password")],
        ),
        Kind::FactorActivate => ("user_accounts", "2sv_change", "2sv_enroll", Vec::new()),
        Kind::InboxRule => (
            "user_accounts",
            "email_forwarding_change",
            "email_forwarding_out_of_domain",
            vec![value(
                "email_forwarding_destination_address",
                "drop@mailbox.example",
            )],
        ),
        Kind::ConsentGrant => (
            "token",
            "auth",
            "authorize",
            vec![
                value("app_name", object),
                value("client_id", "mailsync.apps.googleusercontent.com"),
                json!({"name": "scope", "multiValue": ["https://mail.google.com/"]}),
            ],
        ),
        Kind::Suspend => ("admin", "USER_SETTINGS", "SUSPEND_USER", user()),
        Kind::Unsuspend => ("admin", "USER_SETTINGS", "UNSUSPEND_USER", user()),
        Kind::Deactivate => ("admin", "USER_SETTINGS", "ARCHIVE_USER", user()),
        Kind::ResetPassword => ("admin", "USER_SETTINGS", "CHANGE_PASSWORD", user()),
        Kind::ExpirePassword => (
            "admin",
            "USER_SETTINGS",
            "CHANGE_PASSWORD_ON_NEXT_LOGIN",
            user(),
        ),
        Kind::SessionClear => ("admin", "USER_SETTINGS", "RESET_SIGNIN_COOKIES", user()),
        Kind::TokenRevoke => {
            let mut all = user();
            all.push(value("APP_ID", object));
            ("admin", "USER_SETTINGS", "REVOKE_3LO_TOKEN", all)
        }
        _ => return None,
    })
}

/// What a search is limited to.
struct Asked<'a> {
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// The one comparison of a filter.
    filter: Option<(&'a str, &'a str)>,
}

/// Reads it; the error is the name of what is wrong.
fn asked(request: &Request) -> Result<Asked<'_>, &'static str> {
    let moment = |name: &'static str| match request.query(name) {
        None => Ok(None),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map(|at| Some(at.to_utc()))
            .map_err(|_said| name),
    };
    let (since, until) = (moment("startTime")?, moment("endTime")?);
    let filter = match request.query("filters") {
        None => None,
        Some(text) => Some(text.split_once("==").ok_or("filters")?),
    };
    // The same clock tells the vendor what "now" is.
    if since.is_some_and(|since| since > request.at || until.is_some_and(|until| since >= until)) {
        return Err("startTime");
    }
    Ok(Asked {
        since,
        until,
        filter,
    })
}

pub(super) fn activities(world: &World, request: &Request, user: &str, app: &str) -> Answer {
    let invalid = |name: &str| error(400, "invalid", &format!("Invalid value for: {name}"));
    if !KNOWN.contains(&app) {
        return invalid("applicationName");
    }
    let Asked {
        since,
        until,
        filter,
    } = match asked(request) {
        Ok(asked) => asked,
        Err(name) => return invalid(name),
    };
    let whose = match user {
        "all" => None,
        key => match find(&world.directory, key) {
            Some(place) => Some(place),
            None => {
                return error(
                    403,
                    "forbidden",
                    "Not Authorized to access this resource/api",
                );
            }
        },
    };
    let seen = request.at - LAG;
    let mut found: Vec<(usize, &Activity)> = world
        .journal
        .iter()
        .filter(|(_, one)| one.at <= seen && since.is_none_or(|since| one.at >= since))
        .filter(|(_, one)| until.is_none_or(|until| one.at <= until))
        .filter(|(_, one)| whose.is_none_or(|place| usize::try_from(one.actor) == Ok(place)))
        .collect();
    found.sort_by_key(|(_, one)| std::cmp::Reverse(one.at));
    let event = request.query("eventName");
    let rows = found.into_iter().filter_map(|(index, activity)| {
        let target = activity.target(&world.directory);
        let target = target.map_or("", |target| target.login.as_str());
        let (of, kind, name, parameters) = told(activity, target)?;
        let named = |(name, wanted): (&str, &str)| {
            parameters.iter().any(|one| {
                one["name"] == name
                    && one["value"]
                        .as_str()
                        .is_some_and(|text| text.eq_ignore_ascii_case(wanted))
            })
        };
        let wanted =
            of == app && event.is_none_or(|event| event == name) && filter.is_none_or(named);
        wanted.then(|| record(world, (index, activity), (of, kind, name, &parameters)))
    });
    let rows = rows.collect();
    page(request, ("admin#reports#activities", "items"), rows, 1_000)
}

fn record(
    world: &World,
    (index, activity): (usize, &Activity),
    (app, kind, name, parameters): (&str, &str, &str, &[Value]),
) -> Value {
    let actor = activity.actor(&world.directory);
    let mut event = json!({"type": kind, "name": name});
    if !parameters.is_empty() {
        event["parameters"] = json!(parameters);
    }
    let mut by = json!({"callerType": "USER", "email": actor.login, "profileId": actor.id});
    if activity.transaction.is_some() {
        by["applicationInfo"] = json!({
            "oauthClientId": "104815162342000000001", "applicationName": "quell", "impersonation": true,
        });
    }
    json!({
        "kind": "admin#reports#activity", "etag": "\"drill\"",
        "id": {
            "time": iso(activity.at), "uniqueQualifier": world.journal.uuid(index),
            "applicationName": app, "customerId": CUSTOMER_ID,
        },
        "actor": by, "ipAddress": activity.ip_text(), "events": [event],
    })
}
