//! Sign-ins, the directory audit by and about an account, and risk detections, read to the end.
//!
//! Each list is asked for by itself: Graph's filters on logs join by `and` alone. What needs a licence that the tenant may
//! not have is left out with a word where it only adds to the others.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::evidence::{iso, reading};
use super::{Entra, get, is_id, quote};
use crate::connect::capability::{
    ActivityQuery, ActivitySource, ConnectError, ConnectErrorKind, Identity as _, Page, PageSink,
    ProofQuery, Reading, SearchEnd,
};
use crate::connect::decode::{at, each, text};
use crate::connect::http::Request;
use crate::connect::logs::entra_entry;
use crate::domain::case::{Alert, RecordFault};
use crate::domain::ids::ConnectionName;
use crate::domain::text::Untrusted;

const SIGN_INS: &str = "/v1.0/auditLogs/signIns";
const AUDITS: &str = "/v1.0/auditLogs/directoryAudits";
const DETECTIONS: &str = "/v1.0/identityProtection/riskDetections";

/// Entries of one page, and most pages of one list: at five requests in ten seconds these take minutes.
const PAGE: usize = 500;
const PAGES: usize = 100;

/// One list: where it is, the field of its time, whose entries they are, and whether the others do without it.
struct List {
    route: &'static str,
    time: &'static str,
    about: fn(&str) -> String,
    adds: bool,
}

const LISTS: [List; 4] = [
    List {
        route: SIGN_INS,
        time: "createdDateTime",
        about: |id| format!("userId eq {id}"),
        adds: false,
    },
    List {
        route: AUDITS,
        time: "activityDateTime",
        about: |id| format!("targetResources/any(one:one/id eq {id})"),
        adds: false,
    },
    List {
        route: AUDITS,
        time: "activityDateTime",
        about: |id| format!("initiatedBy/user/id eq {id}"),
        adds: false,
    },
    List {
        route: DETECTIONS,
        time: "detectedDateTime",
        about: |id| format!("userId eq {id}"),
        adds: true,
    },
];

fn exact(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl List {
    fn request(
        &self,
        id: &str,
        since: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
        size: usize,
    ) -> Result<Request, ConnectError> {
        let end = until
            .map(|until| format!(" and {} le {}", self.time, exact(until)))
            .unwrap_or_default();
        let filter = format!(
            "{} and {} ge {}{end}",
            (self.about)(&quote(id)),
            self.time,
            exact(since)
        );
        Ok(get(self.route, &[])?
            .list()
            .query("$filter", &filter)
            .query("$top", &size.to_string()))
    }
}

/// Gives the query in words.
pub(super) fn text_of(query: &ActivityQuery) -> String {
    let until = query
        .until
        .map(|at| format!(" until {}", iso(at)))
        .unwrap_or_default();
    let names: Vec<&str> = query.user.iter().map(Untrusted::raw).collect();
    format!(
        "sign-ins, directory audits and risk detections since {}{until}: {}",
        iso(query.since),
        names.join(", ")
    )
}

impl Entra {
    /// Finds the id behind the names of a query: the one that is an id, or that of the only account of a name.
    async fn id_of(&self, names: &[Untrusted]) -> Result<Option<String>, ConnectError> {
        if let Some(id) = names.iter().find(|name| is_id(name.raw())) {
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
        for list in &LISTS {
            let size = query.limit.clamp(1, PAGE);
            let first = list.request(&id, query.since, query.until, size)?;
            let mut next = Some(first);
            for page in 0..PAGES {
                let Some(request) = next.take() else { break };
                let (records, more) = match self.page(&request, list.route).await {
                    Ok((_, records, more)) => (records, more),
                    Err(error) if list.adds && error.kind != ConnectErrorKind::Malformed => {
                        if !pages(without(list, &error)) {
                            return Ok(ended(&seen, false));
                        }
                        break;
                    }
                    Err(error) => return Err(error),
                };
                let (mut items, faults) = each(&records, &["id"], entra_entry);
                items.retain(|event| {
                    event.at >= query.since
                        && query.until.is_none_or(|until| event.at < until)
                        && !seen.contains(&event.id)
                });
                let over = seen.len() + items.len() > query.limit;
                items.truncate(query.limit.saturating_sub(seen.len()));
                seen.extend(items.iter().map(|event| event.id.clone()));
                let is_cut = more.is_some() && (seen.len() >= query.limit || page + 1 == PAGES);
                let truncated = over || is_cut;
                next = more;
                let page = Page {
                    items,
                    faults,
                    truncated,
                };
                if !pages(page) || truncated {
                    return Ok(ended(&seen, truncated));
                }
            }
        }
        Ok(ended(&seen, false))
    }

    /// Gives the time of the newest entry of a log.
    pub(super) async fn newest_of(
        &self,
        list: Newest,
    ) -> Result<Option<DateTime<Utc>>, ConnectError> {
        let (route, field) = match list {
            Newest::SignIns => (SIGN_INS, "createdDateTime"),
            Newest::Audits => (AUDITS, "activityDateTime"),
        };
        let request = get(route, &[])?.list().query("$top", "1");
        let (_, records, _) = self.page(&request, route).await?;
        let newest = records.first();
        Ok(newest.and_then(|record| crate::connect::decode::time(record, field)))
    }

    /// Looks once for the entry of the audit log that our own request left; none says nothing, for entries come late.
    pub(super) async fn read_own_entry(
        &self,
        query: &ProofQuery,
        activity: &str,
        date: Option<DateTime<Utc>>,
    ) -> Result<Reading, ConnectError> {
        let Some(not_before) = query.not_before else {
            let what = "it is not told, and the provider's clock before the send is not known";
            return Ok(reading(None, what, date));
        };
        let [_, about, ..] = &LISTS;
        let id = query.account.raw();
        let request = about.request(id, not_before, None, PAGE)?;
        let (_, records, _) = self.page(&request, about.route).await?;
        let (own, _) = self.own_account().await?;
        let is = |record: &Value, field: &str, wanted: &str| {
            at(record, field).and_then(Value::as_str) == Some(wanted)
        };
        let ours = records.iter().find(|record| {
            let by_us = is(record, "initiatedBy.app.servicePrincipalId", own.raw())
                || is(record, "initiatedBy.app.appId", &self.app.client_id);
            let is_new = text(*record, "id").is_some_and(|id| !query.used.contains(&id));
            by_us
                && is_new
                && is(record, "activityDisplayName", activity)
                && is(record, "result", "success")
        });
        let Some(id) = ours.and_then(|record| text(record, "id")) else {
            let what = "it is not told, and the audit log has no entry of ours yet";
            return Ok(reading(None, what, date));
        };
        Ok(Reading {
            used: Some(id.clone()),
            ..reading(
                Some(true),
                format!("audit log entry {} {activity} by our own app", id.raw()),
                date,
            )
        })
    }
}

/// A log whose newest entry is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Newest {
    SignIns,
    Audits,
}

#[async_trait]
impl ActivitySource for Entra {
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
        text_of(query)
    }

    async fn alerts(&self, _limit: usize) -> Result<Page<Alert>, ConnectError> {
        Err(ConnectError::unsent("Entra ID lists no alerts here".into()))
    }
}

fn ended(seen: &HashSet<Untrusted>, truncated: bool) -> SearchEnd {
    SearchEnd {
        events: seen.len(),
        truncated,
    }
}

/// Names a list that could not be read in the place of its entries.
fn without(list: &List, error: &ConnectError) -> Page<crate::domain::timeline::activity::Event> {
    Page {
        items: Vec::new(),
        faults: vec![RecordFault {
            record: Untrusted::new(list.route),
            reason: Untrusted::new(error.what.as_str()),
        }],
        truncated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_for_by_id_and_span() -> Result<(), ConnectError> {
        let since = DateTime::from_timestamp(1_795_000_000, 0).unwrap_or_default();
        for list in &LISTS {
            let until = Some(since + chrono::TimeDelta::hours(1));
            let request = list.request("a'b", since, until, 7)?;
            let shown = format!("{request:?}");
            assert!(shown.contains("a%27%27b"), "{shown}");
            assert!(shown.contains("le%202026-11-18T"), "{shown}");
        }
        Ok(())
    }
}
