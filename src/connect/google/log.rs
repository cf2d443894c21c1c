//! Google's activities: what an account did in each application's log, and what administrators did to it.
//!
//! Answers come newest first and by pages with a token. Of the log of tokens only grants and revocations are read: it has an
//! entry for every call of every app. Source: Reports API v1, `activities.list`.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::scope::Scope;
use super::{ACTIVITIES, Google, is_id, unreadable, wire};
use crate::connect::capability::{
    ActivityQuery, ActivitySource, ConnectError, Page, PageSink, SearchEnd,
};
use crate::connect::decode::{FieldError, each};
use crate::connect::http::Request;
use crate::connect::logs::google_entries;
use crate::domain::case::Alert;
use crate::domain::ids::ConnectionName;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::Event;

/// Activities of one page; the vendor's bound is 1000.
const PAGE: &str = "500";
/// Most pages of one log in one reading; a page may be empty and have a next one.
const PAGES: usize = 200;

/// Whose act it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The account's own.
    User,
    /// Somebody's, on the account.
    Others,
}

/// The logs that are read: application, name of the event where only one is wanted, whose act.
const LOGS: [(&str, Option<&str>, By); 7] = [
    ("login", None, By::User),
    ("user_accounts", None, By::User),
    ("saml", None, By::User),
    ("token", Some("authorize"), By::User),
    ("token", Some("revoke"), By::User),
    ("admin", None, By::User),
    ("admin", None, By::Others),
];

/// Prints a time as the query takes it.
pub(super) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Tells whether an address can stand in a filter: a comma or a sign of comparison would end it.
pub(super) fn is_plain(mail: &str) -> bool {
    mail.contains('@')
        && mail
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"@.-_+'".contains(&byte))
}

/// Gives the query in words.
pub(super) fn text(query: &ActivityQuery) -> String {
    let until = query
        .until
        .map(|at| format!(" until {}", iso(at)))
        .unwrap_or_default();
    let names: Vec<&str> = query.user.iter().map(Untrusted::raw).collect();
    format!(
        "logs of login, user_accounts, saml, token (authorize, revoke) and admin since {}{until}: {}",
        iso(query.since),
        names.join(", ")
    )
}

impl Google {
    /// Finds id and address of the account behind the names of a query.
    async fn whose(&self, names: &[Untrusted]) -> Result<Option<(String, String)>, ConnectError> {
        let is_key = |name: &&Untrusted| is_id(name.raw()) || name.raw().contains('@');
        for name in names.iter().filter(is_key) {
            if name.raw().contains('/') {
                continue;
            }
            if let Some((account, _)) = self.user(name.raw()).await? {
                let id = account.id.raw().to_owned();
                return Ok(Some((id, account.login.raw().to_owned())));
            }
        }
        Ok(None)
    }

    /// Starts the reading of one log.
    fn log_request(
        (app, event, by): (&str, Option<&str>, By),
        (id, mail): (&str, &str),
        query: &ActivityQuery,
    ) -> Result<Request, ConnectError> {
        let user = if by == By::User { id } else { "all" };
        let mut request = Request::get(ACTIVITIES, &[user, app])?
            .list()
            .query("startTime", &iso(query.since))
            .query("maxResults", PAGE);
        if let Some(until) = query.until {
            request = request.query("endTime", &iso(until));
        }
        if let Some(event) = event {
            request = request.query("eventName", event);
        }
        if by == By::Others {
            request = request.query("filters", &format!("USER_EMAIL=={mail}"));
        }
        Ok(request)
    }

    /// Reads everything an account did and everything done to it.
    pub(super) async fn read_log(
        &self,
        query: &ActivityQuery,
        pages: PageSink<'_>,
    ) -> Result<SearchEnd, ConnectError> {
        if query.user.iter().all(Untrusted::is_empty) {
            return Err(ConnectError::unsent("a search needs a user".into()));
        }
        let Some((id, mail)) = self.whose(&query.user).await? else {
            return Ok(SearchEnd {
                events: 0,
                truncated: false,
            });
        };
        let mut seen: HashSet<(Untrusted, DateTime<Utc>)> = HashSet::new();
        for log in LOGS {
            if log.2 == By::Others && !is_plain(&mail) {
                continue;
            }
            let first = Self::log_request(log, (&id, &mail), query)?;
            let mut next: Option<String> = None;
            for page in 0..PAGES {
                let request = match &next {
                    None => first.clone(),
                    Some(token) => first.clone().query("pageToken", token),
                };
                let answer = self.clients.read(Scope::Reports, &request).await?;
                let body: Value = answer.json()?;
                let unread = |error: FieldError| unreadable(&answer, &error);
                let records = wire::records(&body, "items").map_err(unread)?;
                let more = wire::next_page(&body).map_err(unread)?;
                let (items, faults) = each(records, &["id.uniqueQualifier"], google_entries);
                let mut items: Vec<Event> = items.into_iter().flatten().collect();
                items.retain(|event| {
                    event.at >= query.since
                        && query.until.is_none_or(|until| event.at < until)
                        && !seen.contains(&(event.id.clone(), event.at))
                });
                let over = seen.len() + items.len() > query.limit;
                items.truncate(query.limit.saturating_sub(seen.len()));
                seen.extend(items.iter().map(|event| (event.id.clone(), event.at)));
                let circles = more.is_some() && more == next;
                next = more;
                let truncated = over
                    || circles
                    || next.is_some() && (seen.len() >= query.limit || page + 1 == PAGES);
                if !pages(Page {
                    items,
                    faults,
                    truncated,
                }) || truncated
                {
                    return Ok(SearchEnd {
                        events: seen.len(),
                        truncated,
                    });
                }
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(SearchEnd {
            events: seen.len(),
            truncated: false,
        })
    }
}

#[async_trait]
impl ActivitySource for Google {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    async fn search(
        &self,
        query: &ActivityQuery,
        pages: PageSink<'_>,
    ) -> Result<SearchEnd, ConnectError> {
        self.read_log(query, pages).await
    }

    fn query_text(&self, query: &ActivityQuery) -> String {
        text(query)
    }

    fn lists_alerts(&self) -> bool {
        true
    }

    async fn alerts(&self, limit: usize) -> Result<Page<Alert>, ConnectError> {
        self.read_alerts(limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("mara.lind@acme.example", true)]
    #[case("o'neill+x@acme.example", true)]
    #[case("mara.lind", false)]
    #[case("a,b==c@acme.example", false)]
    #[case("a<b@acme.example", false)]
    #[case("", false)]
    fn an_address_cannot_leave_its_filter(#[case] mail: &str, #[case] plain: bool) {
        assert_eq!(is_plain(mail), plain);
    }
}
