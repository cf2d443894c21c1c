//! The two logs: what users did, and what administrators did to them.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::users::SERVICE_ID;
use super::{cut, error};
use crate::drill::activity::{Activity, Kind};
use crate::drill::company::Directory;
use crate::drill::ecs::session_name;
use crate::drill::wire::{Answer, Request};
use crate::drill::world::World;

const REALM_ID: &str = "1ed9f6ed-e932-4a15-95fd-3f0a01929759";

pub(super) fn config() -> Value {
    json!({
        "eventsEnabled": true, "eventsExpiration": 604_800, "eventsListeners": ["jboss-logging"],
        "enabledEventTypes": ["LOGIN", "LOGIN_ERROR", "LOGOUT", "CODE_TO_TOKEN", "UPDATE_CREDENTIAL", "GRANT_CONSENT"],
        "adminEventsEnabled": true, "adminEventsDetailsEnabled": false,
    })
}

/// Gives the type of a user event; `None` for what is no such event.
fn kind(activity: &Activity) -> Option<&'static str> {
    Some(match (activity.kind, activity.ok) {
        (Kind::SignIn, true) => "LOGIN",
        (Kind::SignIn, false) => "LOGIN_ERROR",
        (Kind::SignOut, _) => "LOGOUT",
        (Kind::AppAccess, true) => "CODE_TO_TOKEN",
        (Kind::AppAccess, false) => "CODE_TO_TOKEN_ERROR",
        (Kind::FactorActivate, _) => "UPDATE_CREDENTIAL",
        (Kind::ConsentGrant, _) => "GRANT_CONSENT",
        _ => return None,
    })
}

/// The span and order that are asked for.
struct Asked {
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    ascending: bool,
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(millis) = text.parse::<i64>() {
        return DateTime::from_timestamp_millis(millis);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

fn asked(request: &Request) -> Option<Asked> {
    let time = |name: &str| match request.query(name) {
        None => Some(None),
        Some(text) => moment(text).map(Some),
    };
    let ascending = match request.query("direction") {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return None,
    };
    Some(Asked {
        since: time("dateFrom")?,
        until: time("dateTo")?,
        ascending,
    })
}

impl Asked {
    fn rows(&self, world: &World, build: impl Fn(&Activity, &str) -> Option<Value>) -> Vec<Value> {
        let mut found: Vec<(usize, &Activity)> = world
            .journal
            .iter()
            .filter(|(_, one)| self.since.is_none_or(|since| one.at >= since))
            .filter(|(_, one)| self.until.is_none_or(|until| one.at <= until))
            .collect();
        found.sort_by_key(|(_, one)| one.at);
        if !self.ascending {
            found.reverse();
        }
        let built = found
            .into_iter()
            .filter_map(|(index, one)| build(one, &world.journal.uuid(index)));
        built.collect()
    }
}

fn bad() -> Answer {
    error(
        400,
        "Invalid value for 'Date(From)', expected format is yyyy-MM-dd or an Epoch timestamp",
    )
}

pub(super) fn of_users(world: &World, request: &Request) -> Answer {
    let Some(asked) = asked(request) else {
        return bad();
    };
    let types: Vec<&str> = request
        .query
        .iter()
        .filter(|(name, _)| name == "type")
        .map(|(_, value)| value.as_str())
        .collect();
    let user = request.query("user");
    let rows = asked.rows(world, |activity, id| {
        let kind = kind(activity)?;
        let actor = activity.actor(&world.directory);
        let wanted =
            user.is_none_or(|user| actor.id == user) && (types.is_empty() || types.contains(&kind));
        wanted.then(|| user_event(activity, &world.directory, kind, id))
    });
    cut(request, rows, 100)
}

fn user_event(activity: &Activity, directory: &Directory, kind: &str, id: &str) -> Value {
    let actor = activity.actor(directory);
    let mut details = json!({"username": actor.login, "auth_method": "openid-connect"});
    if activity.kind == Kind::FactorActivate {
        details["credential_type"] = json!("otp");
        details["credential_user_label"] = json!(&*activity.object);
    }
    let client = if activity.object.is_empty() {
        "portal"
    } else {
        &*activity.object
    };
    let mut event = json!({
        "id": id, "time": activity.at.timestamp_millis(), "type": kind, "realmId": REALM_ID,
        "clientId": client, "userId": actor.id, "ipAddress": activity.ip_text(), "details": details,
    });
    if activity.session > 0 {
        event["sessionId"] = json!(session_name(activity.session));
    }
    if !activity.ok {
        let is_disabled = activity.reason.contains("suspended");
        event["error"] = json!(if is_disabled {
            "user_disabled"
        } else {
            "invalid_user_credentials"
        });
    }
    event
}

/// Gives operation, kind of resource and path of an admin event.
fn change(activity: &Activity, target: &str) -> Option<(&'static str, &'static str, String)> {
    let user = format!("users/{target}");
    Some(match activity.kind {
        Kind::Suspend | Kind::Unsuspend | Kind::ExpirePassword => ("UPDATE", "USER", user),
        Kind::Deactivate => ("DELETE", "USER", user),
        Kind::ResetPassword => ("ACTION", "USER", format!("{user}/reset-password")),
        Kind::SessionClear => ("ACTION", "USER", format!("{user}/logout")),
        Kind::TokenRevoke => (
            "DELETE",
            "USER_SESSION",
            format!("sessions/{}", activity.object),
        ),
        Kind::FactorRemove => (
            "ACTION",
            "USER",
            format!("{user}/credentials/{}", activity.object),
        ),
        Kind::ConsentRevoke => (
            "ACTION",
            "USER",
            format!("{user}/consents/{}", activity.object),
        ),
        _ => return None,
    })
}

pub(super) fn of_administrators(world: &World, request: &Request) -> Answer {
    let Some(asked) = asked(request) else {
        return bad();
    };
    let (path, by) = (request.query("resourcePath"), request.query("authUser"));
    let rows = asked.rows(world, |activity, id| {
        let target = activity.target(&world.directory)?;
        let (operation, resource, changed) = change(activity, &target.id)?;
        let actor = match &activity.transaction {
            Some(_) => SERVICE_ID,
            None => activity.actor(&world.directory).id.as_str(),
        };
        let is_path = path.is_none_or(|path| match path.strip_suffix('*') {
            Some(start) => changed.starts_with(start),
            None => changed == path,
        });
        let wanted = is_path && by.is_none_or(|by| actor == by);
        wanted.then(|| {
            json!({
                "id": id, "time": activity.at.timestamp_millis(), "realmId": REALM_ID,
                "operationType": operation, "resourceType": resource, "resourcePath": changed,
                "authDetails": {
                    "realmId": REALM_ID, "clientId": "7b29c9bf-808c-4e52-b6f7-f00073ff033e", "userId": actor,
                    "ipAddress": activity.ip_text(),
                },
            })
        })
    });
    cut(request, rows, 100)
}
