//! Okta's System Log: filters, entries as events of the timeline, reading to the end.
//!
//! Polling mode (no `until`, ascending) gives entries in the order they were stored, late ones included, and always
//! names a next page: an empty page is the end for now. With an `until` a next page is named only where there is more. A page
//! that is not full says nothing in either. Source: Okta Management API, `LogEvent`.

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

/// Gives the way to the next page: the link of a page leads there, unless the page is empty.
fn next(entries: &[Value], link: Option<String>) -> Option<Request> {
    link.filter(|_| !entries.is_empty())
        .map(|path| Request::follow(ROUTE, path))
}

/// Reads the entries of one answer and the way to the next page, if there is one.
pub(crate) async fn page(
    http: &HttpClient,
    request: &Request,
) -> Result<(Answer, Vec<Value>, Option<Request>), ConnectError> {
    let answer = http.read(request).await?;
    let entries: Vec<Value> = answer.json()?;
    let next = next(&entries, http.next_page(&answer)?);
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
        let (_, entries, more) = page(http, &ask).await?;
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
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::full(PAGE, true, true)]
    #[case::not_full(1, true, true)]
    #[case::the_last_one(1, false, false)]
    #[case::full_and_the_last_one(PAGE, false, false)]
    #[case::the_end_of_polling(0, true, false)]
    #[case::nothing(0, false, false)]
    fn only_an_empty_page_or_one_without_a_link_is_the_end(
        #[case] entries: usize,
        #[case] names_next: bool,
        #[case] goes_on: bool,
    ) {
        let link = names_next.then(|| "/api/v1/logs?after=1".to_owned());
        let way = next(&vec![Value::Null; entries], link);
        assert_eq!(way.is_some(), goes_on);
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
