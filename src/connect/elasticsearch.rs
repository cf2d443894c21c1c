//! Elasticsearch: a user's events and open alerts, read in a point in time.
//!
//! Every search opens a point in time, carries the newest id of it and the last hit's sort from page to page, and closes
//! it whatever happened. What must not live here: HTTP policy, findings.

mod examined;
mod query;
mod watched;
mod wire;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use super::capability::{
    ActivityQuery, ActivitySource, ConnectError, Examined as _, LastSeen, Page, PageSink,
    SearchEnd, TraceQuery,
};
use super::decode::{FieldError, at, each};
use super::http::{Class, HttpClient, Request};
use crate::domain::case::{Alert, RecordFault};
use crate::domain::ids::ConnectionName;
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::Event;

const OPEN_PIT: &str = "/{index}/_pit";
const PIT: &str = "/_pit";
const SEARCH: &str = "/_search";
/// How long a point in time lives after each use.
const KEEP_ALIVE: &str = "1m";
/// Hits of one page: about 2 MB of ECS documents.
const PAGE: usize = 1_000;

/// JSON pointers to Elasticsearch's words in an error body.
pub(crate) const ERROR_WORDS: &[&str] = &["/error/type", "/error/reason"];
/// Word before an API key in `Authorization`.
pub(crate) const SCHEME: &str = "ApiKey";

/// A connection to one cluster.
#[derive(Debug)]
pub struct Elasticsearch {
    connection: ConnectionName,
    http: HttpClient,
    index: String,
    alerts_index: String,
}

/// A point in time that is open at the cluster.
struct Pit {
    id: String,
}

/// One page of hits as it came.
struct Hits {
    hits: Vec<Value>,
    /// What the cluster says it could not search.
    faults: Vec<RecordFault>,
}

fn pit_id(answer: &Value, field: &str) -> Option<String> {
    answer.get(field).and_then(Value::as_str).map(str::to_owned)
}

impl Elasticsearch {
    /// Makes a connection; `index` and `alerts_index` are patterns of index names.
    pub fn new(
        connection: ConnectionName,
        http: HttpClient,
        index: String,
        alerts_index: String,
    ) -> Self {
        Self {
            connection,
            http,
            index,
            alerts_index,
        }
    }

    async fn open_pit(&self, index: &str) -> Result<Pit, ConnectError> {
        let request = Request::new(Class::Read, Method::POST, OPEN_PIT, &[index])?
            .query("keep_alive", KEEP_ALIVE);
        let answer = self.http.read(&request).await?;
        let body: Value = answer.json()?;
        let id = pit_id(&body, "id")
            .ok_or_else(|| answer.unusable(&"no id of the point in time".into()))?;
        Ok(Pit { id })
    }

    /// Closes a point in time; a failure is left to its expiry after one minute.
    async fn close_pit(&self, pit: &Pit) {
        if let Ok(request) = Request::new(Class::Read, Method::DELETE, PIT, &[]) {
            let _ = self.http.read(&request.json(&json!({"id": pit.id}))).await;
        }
    }

    async fn page(
        &self,
        pit: &mut Pit,
        query: &Value,
        size: usize,
        after: Option<&Value>,
    ) -> Result<Hits, ConnectError> {
        let body = query::page(query, &pit.id, KEEP_ALIVE, size, after);
        let request = Request::new(Class::Read, Method::POST, SEARCH, &[])?
            .json(&body)
            .list();
        let answer = self.http.read(&request).await?;
        let mut body: Value = answer.json()?;
        if let Some(newer) = pit_id(&body, "pit_id") {
            pit.id = newer;
        }
        let faults = partial(&body);
        match body.pointer_mut("/hits/hits").map(Value::take) {
            Some(Value::Array(hits)) => Ok(Hits { hits, faults }),
            _ => Err(answer.unusable(&"no list of hits".into())),
        }
    }

    /// Reads up to `limit` hits in a point in time and hands each page over; gives whether there were more.
    async fn walk(
        &self,
        pit: &mut Pit,
        query: &Value,
        limit: usize,
        take: &mut (dyn FnMut(Vec<Value>, Vec<RecordFault>, bool) -> bool + Send),
    ) -> Result<bool, ConnectError> {
        let mut after: Option<Value> = None;
        let mut got = 0;
        let mut partly = false;
        loop {
            // One more than wanted tells whether there are more.
            let size = PAGE.min(limit + 1 - got);
            let Hits { mut hits, faults } = self.page(pit, query, size, after.as_ref()).await?;
            partly |= !faults.is_empty();
            let full = hits.len() >= size;
            after = hits.last().and_then(|hit| hit.get("sort")).cloned();
            let over = got + hits.len() > limit;
            hits.truncate(limit - got);
            got += hits.len();
            let go_on = take(hits, faults, over || partly);
            if over || !full || !go_on || after.is_none() {
                return Ok(over || partly);
            }
        }
    }

    async fn in_pit(
        &self,
        index: &str,
        query: &Value,
        limit: usize,
        take: &mut (dyn FnMut(Vec<Value>, Vec<RecordFault>, bool) -> bool + Send),
    ) -> Result<bool, ConnectError> {
        let mut pit = self.open_pit(index).await?;
        let end = self.walk(&mut pit, query, limit, take).await;
        self.close_pit(&pit).await;
        end
    }
}

/// Says what an answer did not search: an answer can be 200 and still be a part.
fn partial(body: &Value) -> Vec<RecordFault> {
    let mut faults = Vec::new();
    if at(body, "timed_out").and_then(Value::as_bool) == Some(true) {
        faults.push(RecordFault {
            record: "search".into(),
            reason: "it timed out and gave a part".into(),
        });
    }
    let count = |field| at(body, field).and_then(Value::as_u64).unwrap_or(0);
    let skipped = count("_clusters.skipped");
    let clusters = count("_clusters.total");
    let parts = [
        (
            count("_shards.failed"),
            count("_shards.total"),
            "shards were not searched",
        ),
        (
            skipped.saturating_add(count("_clusters.failed")),
            clusters,
            "remote clusters were not searched",
        ),
        (
            count("_clusters.partial"),
            clusters,
            "remote clusters were searched in part",
        ),
    ];
    for (missed, total, words) in parts.into_iter().filter(|(missed, ..)| *missed > 0) {
        faults.push(RecordFault {
            record: "search".into(),
            reason: Untrusted::new(format!("{missed} of {total} {words}")),
        });
    }
    faults
}

fn decoded<T>(
    hits: &[Value],
    mut faults: Vec<RecordFault>,
    truncated: bool,
    decode: fn(&Value) -> Result<T, FieldError>,
) -> Page<T> {
    let (items, mut bad) = each(hits, &["_id"], decode);
    faults.append(&mut bad);
    Page {
        items,
        faults,
        truncated,
    }
}

#[async_trait]
impl ActivitySource for Elasticsearch {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    /// Newest events first, so that a search that is cut keeps what is newest.
    async fn search(
        &self,
        query: &ActivityQuery,
        pages: PageSink<'_>,
    ) -> Result<SearchEnd, ConnectError> {
        if query.user.iter().all(Untrusted::is_empty) {
            return Err(ConnectError::unsent("a search needs a user".into()));
        }
        let mut events = 0;
        let wanted = query::activity(query);
        let mut take = |hits: Vec<Value>, faults: Vec<RecordFault>, truncated: bool| {
            let page = decoded(&hits, faults, truncated, crate::connect::logs::ecs_hit);
            events += page.items.len();
            pages(page)
        };
        let truncated = self
            .in_pit(&self.index, &wanted, query.limit, &mut take)
            .await?;
        Ok(SearchEnd { events, truncated })
    }

    async fn search_trace(&self, query: &TraceQuery) -> Result<Page<Event>, ConnectError> {
        let mut all = Page {
            items: Vec::new(),
            faults: Vec::new(),
            truncated: false,
        };
        let mut take = |hits: Vec<Value>, faults: Vec<RecordFault>, _truncated: bool| {
            let mut page = decoded(&hits, faults, false, crate::connect::logs::ecs_hit);
            all.items.append(&mut page.items);
            all.faults.append(&mut page.faults);
            true
        };
        let wanted = query::trace(query);
        let truncated = self
            .in_pit(&self.index, &wanted, query.limit, &mut take)
            .await?;
        all.truncated = truncated;
        Ok(all)
    }

    async fn newest(&self) -> Result<Vec<LastSeen>, ConnectError> {
        self.last_seen().await
    }

    fn query_text(&self, query: &ActivityQuery) -> String {
        query::text(&self.index, query)
    }

    fn lists_alerts(&self) -> bool {
        true
    }

    async fn alerts(&self, limit: usize) -> Result<Page<Alert>, ConnectError> {
        let mut all = Page {
            items: Vec::new(),
            faults: Vec::new(),
            truncated: false,
        };
        let mut take = |hits: Vec<Value>, faults: Vec<RecordFault>, _truncated: bool| {
            let mut page = decoded(&hits, faults, false, wire::alert);
            all.items.append(&mut page.items);
            all.faults.append(&mut page.faults);
            true
        };
        let truncated = self
            .in_pit(&self.alerts_index, &query::open_alerts(), limit, &mut take)
            .await?;
        all.truncated = truncated;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(json!({"timed_out": false, "_shards": {"total": 5, "failed": 0}}), &[])]
    #[case(json!({"timed_out": true}), &["it timed out and gave a part"])]
    #[case(json!({"_shards": {"total": 5, "failed": 2}}), &["2 of 5 shards were not searched"])]
    #[case(json!({"_clusters": {"total": 3, "successful": 3, "skipped": 0, "partial": 0, "failed": 0}}), &[])]
    #[case(json!({"_clusters": {"total": 3, "skipped": 1}}), &["1 of 3 remote clusters were not searched"])]
    #[case(json!({"_clusters": {"total": 3, "failed": 1}}), &["1 of 3 remote clusters were not searched"])]
    #[case(json!({"_clusters": {"total": 4, "skipped": 1, "failed": 2}}), &["3 of 4 remote clusters were not searched"])]
    #[case(
        json!({"_shards": {"total": 5, "failed": 2}, "_clusters": {"total": 2, "partial": 1}}),
        &["2 of 5 shards were not searched", "1 of 2 remote clusters were searched in part"]
    )]
    #[case(json!({}), &[])]
    fn an_answer_that_is_a_part_says_so(#[case] body: Value, #[case] expected: &[&str]) {
        let faults = partial(&body);
        let reasons: Vec<&str> = faults.iter().map(|fault| fault.reason.raw()).collect();
        assert_eq!(reasons, expected);
    }
}
