//! What Google's Alert Center holds: alerts about the victim, one about a colleague, and some that nobody has to see.

use std::net::Ipv4Addr;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::error;
use crate::drill::company::{ATTACKER_IP, COLLEAGUE, VICTIM};
use crate::drill::wire::{Answer, Request, iso};
use crate::drill::world::World;

/// Most alerts of one page.
const MOST: usize = 100;

/// One alert: id, seconds after the start, type, source, severity, status, data.
type Raised = (
    &'static str,
    i64,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Value,
);

const IDENTITY: &str = "Google identity";

fn all(world: &World) -> Vec<Raised> {
    let mail = |person: usize| {
        let people = &world.directory.people;
        people.get(person).map_or("", |one| one.login.as_str())
    };
    let attacker = Ipv4Addr::from(ATTACKER_IP).to_string();
    let typed = |name: &str| format!("type.googleapis.com/google.apps.alertcenter.type.{name}");
    let warning = |person: usize, seconds: i64| {
        let at = iso(world.start + TimeDelta::seconds(seconds));
        json!({
            "@type": typed("AccountWarning"), "email": mail(person),
            "loginDetails": {"loginTime": at, "ipAddress": attacker},
        })
    };
    let phishing = json!({
        "@type": typed("MailPhishing"), "domainId": {"customerPrimaryDomain": "acme.example"},
        "maliciousEntity": {"fromHeader": "it-help@parcel.example", "entity": {"emailAddress": "it-help@parcel.example"}},
        "messages": [{"recipient": mail(COLLEAGUE), "subjectText": "Your parcel", "sentTime": iso(world.start)}],
        "isInternal": false,
    });
    let leaked = json!({"@type": typed("AccountWarning"), "email": mail(VICTIM)});
    let old = json!({"@type": typed("AccountWarning"), "email": mail(COLLEAGUE)});
    vec![
        (
            "b1d5-login",
            -31 * 60 + 20,
            "Suspicious login",
            IDENTITY,
            "HIGH",
            "NOT_STARTED",
            warning(VICTIM, -31 * 60),
        ),
        (
            "b1d5-leaked",
            -20 * 3_600,
            "Leaked password",
            IDENTITY,
            "MEDIUM",
            "IN_PROGRESS",
            leaked,
        ),
        (
            "b1d5-phish",
            -3 * 3_600,
            "User reported phishing",
            "Gmail phishing",
            "LOW",
            "NOT_STARTED",
            phishing,
        ),
        (
            "b1d5-closed",
            -26 * 3_600,
            "Suspicious login",
            IDENTITY,
            "HIGH",
            "CLOSED",
            old.clone(),
        ),
        (
            "b1d5-deleted",
            -27 * 3_600,
            "Suspicious login",
            IDENTITY,
            "HIGH",
            "NOT_STARTED",
            old,
        ),
        // Raised while somebody works on the case.
        (
            "b1d5-app",
            120,
            "Suspicious programmatic login",
            IDENTITY,
            "HIGH",
            "NOT_STARTED",
            warning(VICTIM, 100),
        ),
    ]
}

fn record(world: &World, (id, seconds, kind, source, severity, status, data): Raised) -> Value {
    let at = iso(world.start + TimeDelta::seconds(seconds));
    let customer = super::CUSTOMER_ID.trim_start_matches('C');
    let mut record = json!({
        "customerId": customer, "alertId": id, "createTime": at, "startTime": at, "updateTime": at, "type": kind,
        "source": source, "data": data, "etag": format!("{id}="),
        "metadata": {
            "customerId": customer, "alertId": id, "status": status, "severity": severity, "updateTime": at,
            "etag": format!("{id}=="),
        },
    });
    if id.ends_with("deleted") {
        record["deleted"] = json!(true);
    }
    record
}

/// Reads the one filter that is understood here.
fn since(request: &Request) -> Result<Option<DateTime<Utc>>, ()> {
    let Some(filter) = request.query("filter") else {
        return Ok(None);
    };
    let text = filter.strip_prefix("createTime >= \"").ok_or(())?;
    let text = text.strip_suffix('"').ok_or(())?;
    let at = DateTime::parse_from_rfc3339(text).map_err(|_said| ())?;
    Ok(Some(at.to_utc()))
}

fn invalid(what: &str) -> Answer {
    let mut answer = error(400, "badRequest", &format!("Invalid value for: {what}"));
    if let Some(body) = &mut answer.body {
        body["error"]["status"] = json!("INVALID_ARGUMENT");
    }
    answer
}

/// Lists the alerts that were raised by now.
pub(super) fn list(world: &World, request: &Request) -> Answer {
    let Ok(since) = since(request) else {
        return invalid("filter");
    };
    let newest_first = match request.query("orderBy") {
        Some("create_time desc" | "update_time desc") => true,
        None | Some("create_time asc") => false,
        Some(_) => return invalid("orderBy"),
    };
    let size = match request.query("pageSize").map(str::parse::<usize>) {
        None => MOST,
        Some(Ok(size)) if size > 0 => size.min(MOST),
        Some(_) => return invalid("pageSize"),
    };
    let first = request.query("pageToken").map_or(Some(0), |token| {
        token.strip_prefix("page-").and_then(|at| at.parse().ok())
    });
    let Some(first) = first else {
        return invalid("pageToken");
    };
    let mut raised = all(world);
    raised.sort_by_key(|one| one.1);
    if newest_first {
        raised.reverse();
    }
    raised.retain(|one| {
        let at = world.start + TimeDelta::seconds(one.1);
        at <= request.at && since.is_none_or(|since| at >= since)
    });
    let count = raised.len();
    let rows = raised.into_iter().skip(first).take(size);
    let rows: Vec<Value> = rows.map(|one| record(world, one)).collect();
    let mut body = json!({});
    if !rows.is_empty() {
        body["alerts"] = Value::Array(rows);
    }
    if count > first + size {
        body["nextPageToken"] = json!(format!("page-{}", first + size));
    }
    Answer::json(200, body)
}
