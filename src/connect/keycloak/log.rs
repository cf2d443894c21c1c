//! Keycloak's two logs, of users and of administrators, read to the end.
//!
//! User events are kept only where the realm saves them, and are asked for by an account's id alone.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::{ADMIN_EVENTS, EVENTS, Keycloak, is_id};
use crate::connect::capability::{
    ActivityQuery, ActivitySource, ConnectError, Identity as _, Page, PageSink, SearchEnd,
};
use crate::connect::decode::each;
use crate::connect::logs::keycloak_entry;
use crate::domain::case::Alert;
use crate::domain::ids::ConnectionName;
use crate::domain::text::Untrusted;

/// Events of one page, and most pages of one reading.
const PAGE: usize = 500;
const PAGES: usize = 400;

/// Prints a time.
pub(super) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Prints a time as the interface takes it.
fn millis(at: DateTime<Utc>) -> String {
    at.timestamp_millis().to_string()
}

/// Gives the query in words.
pub(super) fn text(realm: &str, query: &ActivityQuery) -> String {
    let until = query
        .until
        .map(|at| format!(" until {}", iso(at)))
        .unwrap_or_default();
    let names: Vec<&str> = query.user.iter().map(Untrusted::raw).collect();
    format!(
        "user and admin events of realm {realm} since {}{until}: {}",
        iso(query.since),
        names.join(", ")
    )
}

/// What one of the lists is asked by.
const LISTS: [(&str, &str); 3] = [
    (EVENTS, "user"),
    (ADMIN_EVENTS, "resourcePath"),
    (ADMIN_EVENTS, "authUser"),
];

impl Keycloak {
    /// Finds the id behind the names of a query: the one that is an id, or that of the only account of a name.
    async fn id_of(&self, names: &[Untrusted]) -> Result<Option<String>, ConnectError> {
        let is_uuid = |name: &&Untrusted| {
            let raw = name.raw();
            is_id(raw) && raw.len() >= 36 && raw.contains('-')
        };
        if let Some(id) = names.iter().find(is_uuid) {
            return Ok(Some(id.raw().to_owned()));
        }
        for name in names.iter().filter(|name| !name.is_empty()) {
            if let [one] = self.find(name).await?.as_slice() {
                return Ok(Some(one.id.raw().to_owned()));
            }
        }
        Ok(None)
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
        let Some(id) = self.id_of(&query.user).await? else {
            return Ok(SearchEnd {
                events: 0,
                truncated: false,
            });
        };
        let mut seen: HashSet<Untrusted> = HashSet::new();
        for (route, by) in LISTS {
            let value = match by {
                "resourcePath" => format!("users/{id}*"),
                _ => id.clone(),
            };
            for page in 0..PAGES {
                let request = self.get(route, &[])?.list();
                let mut request = request
                    .query(by, &value)
                    .query("dateFrom", &millis(query.since))
                    .query("direction", "asc")
                    .query("first", &(page * PAGE).to_string())
                    .query("max", &PAGE.to_string());
                if let Some(until) = query.until {
                    request = request.query("dateTo", &millis(until));
                }
                let records: Vec<Value> = self.http.read(&request).await?.json()?;
                let (mut items, faults) = each(&records, &["id"], keycloak_entry);
                items.retain(|event| {
                    event.at >= query.since
                        && query.until.is_none_or(|until| event.at < until)
                        && !seen.contains(&event.id)
                });
                let over = seen.len() + items.len() > query.limit;
                items.truncate(query.limit.saturating_sub(seen.len()));
                seen.extend(items.iter().map(|event| event.id.clone()));
                let is_last = records.len() < PAGE;
                let truncated =
                    over || !is_last && (seen.len() >= query.limit || page + 1 == PAGES);
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
                if is_last {
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
impl ActivitySource for Keycloak {
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
        self.read_log(query, pages).await
    }

    fn query_text(&self, query: &ActivityQuery) -> String {
        text(&self.client.realm, query)
    }

    async fn alerts(&self, _limit: usize) -> Result<Page<Alert>, ConnectError> {
        Err(ConnectError::unsent("Keycloak lists no alerts".into()))
    }
}
