//! Okta's System Log: filters, entries as events of the timeline, reading to the end.
//!
//! Polling mode (no `until`, ascending) gives entries in the order they were stored, late ones included, and always
//! names a next page; a page that is not full is the end for now. Source: Okta Management API, `LogEvent`.

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::Okta;
use crate::connect::capability::{
    ActivityQuery, ActivitySource, ConnectError, Page, PageSink, SearchEnd,
};
use crate::connect::decode::each;
use crate::connect::http::{Answer, HttpClient, Request};
use crate::connect::logs::okta_entry;
use crate::domain::case::Alert;
use crate::domain::ids::ConnectionName;
use crate::domain::text::Untrusted;

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
        let (mut items, faults) = each(&entries, &["uuid"], okta_entry);
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

#[async_trait]
impl ActivitySource for Okta {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn rate_is_low(&self) -> bool {
        self.http.rate_is_low()
    }

    async fn search(
        &self,
        query: &ActivityQuery,
        pages: PageSink<'_>,
    ) -> Result<SearchEnd, ConnectError> {
        search(&self.http, query, pages).await
    }

    fn query_text(&self, query: &ActivityQuery) -> String {
        let until = query
            .until
            .map(|at| format!(" until {}", iso(at)))
            .unwrap_or_default();
        format!(
            "System Log since {}{until}: {}",
            iso(query.since),
            filter(&query.user)
        )
    }

    async fn alerts(&self, _limit: usize) -> Result<Page<Alert>, ConnectError> {
        Err(ConnectError::unsent("Okta lists no alerts".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let sly = [Untrusted::new("x\" or actor.id pr or \"a\\")];
        assert!(
            filter(&sly)
                .starts_with(r#"actor.id eq "x\" or actor.id pr or \"a\\" or actor.alternateId"#)
        );
    }
}
