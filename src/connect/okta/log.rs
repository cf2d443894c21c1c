//! Okta's System Log: filters, entries as events of the timeline, reading to the end.
//!
//! Polling mode (no `until`, ascending) gives entries in the order they were stored, late ones included, and always
//! names a next page; a page that is not full is the end for now. Source: Okta Management API, `LogEvent`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use crate::connect::capability::{ActivityQuery, ConnectError, Page, PageSink, SearchEnd};
use crate::connect::decode::{FieldError, at, each, need_text, need_time, text};
use crate::connect::http::{Answer, HttpClient, Request};
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::{Event, Outcome};
use crate::domain::timeline::lane::Lane;

const ROUTE: &str = "/api/v1/logs";
/// Entries of one page; the vendor's bound is 1000, and entries are about 4 KB.
const PAGE: usize = 500;
/// Most pages of one reading.
const PAGES: usize = 400;

/// Prints a time as the query takes it.
pub(crate) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Quotes a value for a SCIM filter.
pub(crate) fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// Gives the filter for everything a user did and everything done to the user.
pub(crate) fn filter(names: &[Untrusted]) -> String {
    let mut parts = Vec::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let quoted = quote(name.raw());
        for field in [
            "actor.id",
            "actor.alternateId",
            "target.id",
            "target.alternateId",
        ] {
            parts.push(format!("{field} eq {quoted}"));
        }
    }
    parts.join(" or ")
}

/// Starts the reading of a query.
pub(crate) fn request(
    filter: &str,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    limit: usize,
) -> Result<Request, ConnectError> {
    let mut request = Request::get(ROUTE, &[])?.list();
    if let Some(since) = since {
        request = request.query("since", &iso(since));
    }
    if let Some(until) = until {
        request = request.query("until", &iso(until));
    }
    Ok(request
        .query("filter", filter)
        .query("sortOrder", "ASCENDING")
        .query("limit", &limit.to_string()))
}

/// Reads the entries of one answer and the way to the next page, which a page that is not full does not have.
pub(crate) async fn page(
    http: &HttpClient,
    request: &Request,
    limit: usize,
) -> Result<(Answer, Vec<Value>, Option<Request>), ConnectError> {
    let answer = http.read(request).await?;
    let entries: Vec<Value> = answer.json()?;
    let next = match http.next_page(&answer)? {
        Some(path) if entries.len() >= limit => Some(Request::follow(ROUTE, path)),
        _ => None,
    };
    Ok((answer, entries, next))
}

/// Reads all entries of a query, page by page.
pub(crate) async fn search(
    http: &HttpClient,
    query: &ActivityQuery,
    pages: PageSink<'_>,
) -> Result<SearchEnd, ConnectError> {
    if query.user.iter().all(Untrusted::is_empty) {
        return Err(ConnectError::unsent("a search needs a user".into()));
    }
    let size = query.limit.clamp(1, PAGE);
    let mut next = Some(request(
        &filter(&query.user),
        Some(query.since),
        query.until,
        size,
    )?);
    let mut events = 0;
    for _ in 0..PAGES {
        let Some(ask) = next.take() else {
            return Ok(SearchEnd {
                events,
                truncated: false,
            });
        };
        let (_, entries, more) = page(http, &ask, size).await?;
        let (mut items, faults) = each(&entries, &["uuid"], event);
        let over = events + items.len() > query.limit;
        items.truncate(query.limit - events);
        events += items.len();
        let truncated = over || more.is_some() && events >= query.limit;
        if !pages(Page {
            items,
            faults,
            truncated,
        }) || truncated
        {
            return Ok(SearchEnd { events, truncated });
        }
        next = more;
    }
    Ok(SearchEnd {
        events,
        truncated: true,
    })
}

/// Reads one entry as an event.
pub(crate) fn event(record: &Value) -> Result<Event, FieldError> {
    let action = need_text(record, "eventType")?;
    let user_id = text(record, "actor.id");
    Ok(Event {
        id: need_text(record, "uuid")?,
        at: need_time(record, "published")?,
        ingested: None,
        lane: lane(action.raw()),
        outcome: outcome(text(record, "outcome.result").as_ref()),
        user_name: text(record, "actor.alternateId"),
        ip: text(record, "client.ipAddress"),
        place: place(record),
        agent: text(record, "client.userAgent.rawUserAgent"),
        provider: Some(Untrusted::new("okta")),
        object: object(record, user_id.as_ref()),
        reason: text(record, "outcome.reason").or_else(|| text(record, "displayMessage")),
        raw: Untrusted::new(record.to_string()),
        action,
        user_id,
    })
}

/// Gives the lane by the first words of the event type, the vendor's own grouping.
fn lane(action: &str) -> Lane {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| action.starts_with(prefix));
    if action.contains("grant") || action.contains("consent") {
        Lane::OauthGrant
    } else if action == "user.session.clear"
        || starts(&[
            "user.mfa.factor.",
            "user.lifecycle.",
            "user.account.",
            "group.user_membership.",
        ])
    {
        Lane::AccountChange
    } else if starts(&["user.session.", "user.authentication.", "user.mfa."]) {
        Lane::SignIn
    } else {
        Lane::of(action, &[])
    }
}

fn outcome(word: Option<&Untrusted>) -> Outcome {
    match word.map(Untrusted::raw) {
        Some("SUCCESS" | "ALLOW") => Outcome::Success,
        Some("FAILURE" | "DENY") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

fn place(record: &Value) -> Option<Untrusted> {
    let part = |field| text(record, field).map(|text| text.raw().to_owned());
    let city = part("client.geographicalContext.city");
    let country = part("client.geographicalContext.country");
    let all: Vec<String> = [city, country].into_iter().flatten().collect();
    (!all.is_empty()).then(|| Untrusted::new(all.join(", ")))
}

/// Gives the first target that is not the actor.
fn object(record: &Value, actor: Option<&Untrusted>) -> Option<Untrusted> {
    let targets = at(record, "target")?.as_array()?;
    let other = targets.iter().find(|target| {
        let id = text(target, "id");
        id.is_none() || id.as_ref() != actor
    })?;
    text(other, "displayName")
        .or_else(|| text(other, "alternateId"))
        .or_else(|| text(other, "id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("user.session.start", Lane::SignIn)]
    #[case("user.authentication.auth_via_mfa", Lane::SignIn)]
    #[case("user.mfa.okta_verify.deny_push", Lane::SignIn)]
    #[case("user.session.clear", Lane::AccountChange)]
    #[case("user.mfa.factor.activate", Lane::AccountChange)]
    #[case("user.lifecycle.suspend", Lane::AccountChange)]
    #[case("app.oauth2.as.consent.grant", Lane::OauthGrant)]
    fn lanes(#[case] action: &str, #[case] expected: Lane) {
        assert_eq!(lane(action), expected);
    }

    #[test]
    fn an_entry_is_read_whole() -> Result<(), FieldError> {
        let record = json!({
            "uuid": "e1", "published": "2026-11-21T03:00:00.000Z", "eventType": "user.authentication.sso",
            "actor": {"id": "00u1", "alternateId": "mara@x.org"}, "outcome": {"result": "FAILURE", "reason": "DENIED"},
            "client": {"ipAddress": "203.0.113.9", "userAgent": {"rawUserAgent": "curl"},
                       "geographicalContext": {"city": "Lagos", "country": "Nigeria"}},
            "target": [{"id": "00u1", "type": "User", "displayName": "Mara"}, {"id": "0oa", "displayName": "Payroll"}],
        });
        let event = event(&record)?;
        assert_eq!(event.outcome, Outcome::Failure);
        assert_eq!(event.object, Some("Payroll".into()));
        assert_eq!(event.place, Some("Lagos, Nigeria".into()));
        assert_eq!(event.reason, Some("DENIED".into()));
        assert_eq!(event.raw.raw(), record.to_string());
        Ok(())
    }

    #[rstest]
    #[case(json!({"eventType": "x", "published": "2026-11-21T03:00:00Z"}), FieldError::Missing("uuid"))]
    #[case(json!({"eventType": "x", "uuid": "1", "published": 7.5}), FieldError::Type("published", "a time"))]
    #[case(json!({"uuid": "1"}), FieldError::Missing("eventType"))]
    fn broken_entries_are_named(#[case] record: Value, #[case] error: FieldError) {
        assert_eq!(event(&record), Err(error));
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let sly = [Untrusted::new("x\" or actor.id pr or \"a\\")];
        assert!(
            filter(&sly)
                .starts_with(r#"actor.id eq "x\" or actor.id pr or \"a\\" or actor.alternateId"#)
        );
    }
}
