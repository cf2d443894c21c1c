//! The System Log: entries, the two modes of reading it, and its cursor.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::drill::activity::{Activity, Kind};
use crate::drill::company::Directory;
use crate::drill::ecs::session_name;
use crate::drill::wire::{Answer, Request, iso, percent_encode};
use crate::drill::world::World;

use super::scim::{self, Filter};
use super::{APP, invalid, link};

const NAMES: [&str; 7] = [
    "since",
    "until",
    "after",
    "filter",
    "q",
    "limit",
    "sortOrder",
];

/// Where a reader stands: a position in the order of arrival, or a count of rows already given of a closed span.
enum Cursor {
    Polling(usize),
    Bounded { skip: usize, since: DateTime<Utc> },
}

impl Cursor {
    fn print(&self) -> String {
        match self {
            Self::Polling(position) => format!("p{position}"),
            Self::Bounded { skip, since } => format!("b{skip}.{}", since.timestamp_millis()),
        }
    }

    fn read(text: &str) -> Option<Self> {
        if let Some(position) = text.strip_prefix('p') {
            return Some(Self::Polling(position.parse().ok()?));
        }
        let (skip, since) = text.strip_prefix('b')?.split_once('.')?;
        let since = DateTime::from_timestamp_millis(since.parse().ok()?)?;
        Some(Self::Bounded {
            skip: skip.parse().ok()?,
            since,
        })
    }
}

struct Ask<'a> {
    filter: Option<Filter>,
    words: Vec<String>,
    limit: usize,
    descending: bool,
    until: Option<DateTime<Utc>>,
    cursor: Cursor,
    request: &'a Request,
}

/// Answers `GET /api/v1/logs`.
pub(super) fn answer(world: &World, request: &Request) -> Answer {
    match read(world, request) {
        Ok(ask) => ask.answer(world),
        Err(text) => invalid(&text),
    }
}

fn read<'a>(world: &World, request: &'a Request) -> Result<Ask<'a>, String> {
    if let Some((name, _)) = request
        .query
        .iter()
        .find(|(name, _)| !NAMES.contains(&name.as_str()))
    {
        return Err(format!("unknown parameter: {name}"));
    }
    let time = |name: &str| -> Result<Option<DateTime<Utc>>, String> {
        request
            .query(name)
            .map(|text| {
                DateTime::parse_from_rfc3339(text)
                    .map(|at| at.to_utc())
                    .map_err(|error| {
                        format!("{name}: The date format in your query is not recognized: {error}")
                    })
            })
            .transpose()
    };
    let (since, until) = (time("since")?, time("until")?);
    let descending = match request.query("sortOrder") {
        None | Some("ASCENDING") => false,
        Some("DESCENDING") => true,
        Some(other) => return Err(format!("sortOrder: {other}")),
    };
    let limit = match request.query("limit").map(str::parse::<usize>) {
        None => 100,
        Some(Ok(limit)) if limit <= 1000 => limit,
        Some(_) => return Err("limit: must be between 0 and 1000".to_owned()),
    };
    let filter = request.query("filter").map(scim::parse).transpose()?;
    let words: Vec<String> = request
        .query("q")
        .unwrap_or("")
        .split_whitespace()
        .map(str::to_lowercase)
        .collect();
    let cursor = match request.query("after") {
        Some(_) if since.is_some() => {
            return Err("since and after are mutually exclusive".to_owned());
        }
        Some(after) => Cursor::read(after).ok_or("after: not a cursor of this log")?,
        None => {
            let end = until.unwrap_or(request.at);
            let since = since.unwrap_or(end - TimeDelta::days(7));
            if until.is_none() && !descending {
                let first = world
                    .journal
                    .iter()
                    .find(|(_, activity)| activity.at >= since);
                Cursor::Polling(first.map_or(world.journal.len(), |(index, _)| index))
            } else {
                Cursor::Bounded { skip: 0, since }
            }
        }
    };
    Ok(Ask {
        filter,
        words,
        limit,
        descending,
        until,
        cursor,
        request,
    })
}

impl Ask<'_> {
    fn answer(&self, world: &World) -> Answer {
        let (rows, next) = match self.cursor {
            Cursor::Polling(from) => self.poll(world, from),
            Cursor::Bounded { skip, since } => self.span(world, skip, since),
        };
        let mut answer = Answer::json(200, Value::Array(rows));
        let own: Vec<(&str, &str)> = self
            .request
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        answer
            .headers
            .push(("link", link(self.request, &own, "self")));
        if let Some(next) = next {
            let after = next.print();
            let mut query: Vec<(&str, &str)> = own
                .into_iter()
                .filter(|(name, _)| !matches!(*name, "since" | "after"))
                .collect();
            query.push(("after", &after));
            answer
                .headers
                .push(("link", link(self.request, &query, "next")));
        }
        answer
    }

    /// By order of arrival, without an end: there is always a next page.
    fn poll(&self, world: &World, from: usize) -> (Vec<Value>, Option<Cursor>) {
        let mut rows = Vec::new();
        let mut position = from;
        for (index, activity) in world.journal.iter().skip(from) {
            if rows.len() >= self.limit {
                break;
            }
            position = index + 1;
            rows.extend(self.matching(world, index, activity));
        }
        (rows, Some(Cursor::Polling(position)))
    }

    /// By time, with an end.
    fn span(
        &self,
        world: &World,
        skip: usize,
        since: DateTime<Utc>,
    ) -> (Vec<Value>, Option<Cursor>) {
        let until = self
            .until
            .unwrap_or(self.request.at + TimeDelta::milliseconds(1));
        let mut found: Vec<(usize, &Activity)> = world
            .journal
            .iter()
            .filter(|(_, activity)| activity.at >= since && activity.at < until)
            .filter(|(_, activity)| activity.kind.in_system_log())
            .collect();
        found.sort_by_key(|(_, activity)| activity.at);
        if self.descending {
            found.reverse();
        }
        let mut rows = Vec::new();
        let mut position = skip;
        let mut more = false;
        for (index, activity) in found.into_iter().skip(skip) {
            if rows.len() >= self.limit {
                more = true;
                break;
            }
            position += 1;
            rows.extend(self.matching(world, index, activity));
        }
        (
            rows,
            more.then_some(Cursor::Bounded {
                skip: position,
                since,
            }),
        )
    }

    fn matching(&self, world: &World, index: usize, activity: &Activity) -> Option<Value> {
        if !activity.kind.in_system_log() {
            return None;
        }
        let entry = || entry(activity, &world.directory, &world.journal.uuid(index));
        if let Some(filter) = &self.filter
            && !filter.matches(&|path| log_field(activity, &world.directory, path, &entry))
        {
            return None;
        }
        let entry = entry();
        let text = if self.words.is_empty() {
            String::new()
        } else {
            entry.to_string().to_lowercase()
        };
        self.words
            .iter()
            .all(|word| text.contains(word.as_str()))
            .then_some(entry)
    }
}

/// Answers the values of a field of an entry, without building the entry for the common ones.
fn log_field(
    activity: &Activity,
    directory: &Directory,
    path: &str,
    entry: &dyn Fn() -> Value,
) -> Vec<Value> {
    match path {
        "eventType" => vec![json!(activity.kind.words().action)],
        "actor.id" | "actor.alternateId" if by_app(activity) => vec![json!(APP)],
        "actor.id" => vec![json!(activity.actor(directory).id)],
        "actor.alternateId" => vec![json!(activity.actor(directory).login)],
        "transaction.id" | "transaction.detail.requestApiTokenId" => {
            let own = activity.transaction.as_ref();
            let text = own.and_then(|own| match path {
                "transaction.id" => Some(own.id.as_str()),
                _ => own.token_id,
            });
            text.map(|text| json!(text)).into_iter().collect()
        }
        _ => scim::values(&entry(), path),
    }
}

/// Tells whether the console's service app did it, which is an actor of its own.
fn by_app(activity: &Activity) -> bool {
    let own = activity.transaction.as_ref();
    own.is_some_and(|own| own.token_id.is_none())
}

/// Builds one entry.
fn entry(activity: &Activity, directory: &Directory, uuid: &str) -> Value {
    let words = activity.kind.words();
    let actor = activity.actor(directory);
    let place = activity.place();
    let agent = activity.agent();
    let geo = json!({
        "city": place.city, "state": place.region, "country": place.country, "postalCode": null,
        "geolocation": {"lat": place.lat, "lon": place.lon},
    });
    let geo = without_null(geo);
    let ip = activity.ip_text();
    let mut outcome = json!({"result": if activity.ok { "SUCCESS" } else { "FAILURE" }});
    if !activity.reason.is_empty() {
        outcome["reason"] = json!(activity.reason);
    }
    let (transaction, kind) = match &activity.transaction {
        Some(own) => {
            let detail = own.token_id.map(|id| json!({"requestApiTokenId": id}));
            let detail = detail.unwrap_or_else(|| json!({}));
            (
                json!({"type": "WEB", "id": own.id, "detail": detail}),
                "SYSTEM",
            )
        }
        None => (
            json!({"type": "WEB", "id": format!("req{uuid}"), "detail": {}}),
            "WEB",
        ),
    };
    let mut authentication = json!({"authenticationStep": 0});
    if activity.session > 0 {
        authentication["externalSessionId"] = json!(session_name(activity.session));
        authentication["rootSessionId"] = authentication["externalSessionId"].clone();
    }
    if activity.kind == Kind::SignIn {
        authentication["credentialType"] = json!("PASSWORD");
    }
    json!({
        "uuid": uuid,
        "published": iso(activity.at),
        "eventType": words.action,
        "version": "0",
        "severity": if activity.ok { "INFO" } else { "WARN" },
        "displayMessage": words.message,
        "actor": if by_app(activity) {
            json!({"id": APP, "type": "PublicClientApp", "alternateId": APP, "displayName": "quell"})
        } else {
            json!({"id": actor.id, "type": "User", "alternateId": actor.login, "displayName": actor.name()})
        },
        "client": {
            "userAgent": {"rawUserAgent": agent.raw, "os": agent.os, "browser": agent.browser},
            "zone": "null", "device": agent.device, "ipAddress": ip, "geographicalContext": geo,
        },
        "outcome": outcome,
        "target": targets(activity, directory),
        "transaction": transaction,
        "debugContext": {"debugData": {"requestUri": request_uri(activity.kind), "origin": kind}},
        "authenticationContext": authentication,
        "securityContext": {
            "asNumber": place.asn, "asOrg": place.org, "isp": place.org, "domain": null, "isProxy": false,
        },
        "request": {"ipChain": [{"ip": ip, "version": "V4", "geographicalContext": geo}]},
    })
}

fn without_null(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.retain(|_, part| !part.is_null());
    }
    value
}

fn request_uri(kind: Kind) -> &'static str {
    match kind {
        Kind::Suspend => "/api/v1/users/lifecycle/suspend",
        Kind::Unsuspend => "/api/v1/users/lifecycle/unsuspend",
        Kind::ExpirePassword => "/api/v1/users/lifecycle/expire_password",
        Kind::ResetPassword => "/api/v1/users/lifecycle/reset_password",
        Kind::Deactivate => "/api/v1/users/lifecycle/deactivate",
        Kind::SessionClear | Kind::TokenRevoke => "/api/v1/users/sessions",
        Kind::FactorRemove => "/api/v1/users/factors",
        Kind::ConsentRevoke => "/api/v1/users/grants",
        _ => "/idp/idx/identify",
    }
}

/// Whom or what it was done to.
fn targets(activity: &Activity, directory: &Directory) -> Value {
    let mut out = Vec::new();
    let owner = matches!(
        activity.kind,
        Kind::MfaVerify | Kind::FactorActivate | Kind::ConsentGrant
    );
    let person = activity
        .target(directory)
        .or_else(|| owner.then(|| activity.actor(directory)));
    if let Some(person) = person {
        out.push(json!({
            "id": person.id, "type": "User", "alternateId": person.login, "displayName": person.name(),
        }));
    }
    let object = &*activity.object;
    let kind = match activity.kind {
        Kind::AppAccess => "AppInstance",
        Kind::ConsentGrant | Kind::ConsentRevoke | Kind::TokenRevoke => "PublicClientApp",
        Kind::MfaVerify | Kind::FactorActivate | Kind::FactorRemove => "AuthenticatorEnrollment",
        _ => "",
    };
    if !kind.is_empty() && !object.is_empty() {
        let id = format!("0oa{}", percent_encode(object));
        out.push(json!({"id": id, "type": kind, "alternateId": object, "displayName": object}));
    }
    Value::Array(out)
}
