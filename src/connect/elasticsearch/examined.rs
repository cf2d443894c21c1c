//! What a cluster tells about our key, its clock, its sources and its rules, for the doctor.
//!
//! Whether a rule is enabled is known to Kibana only, which is no part of this connection: here a rule is alive by its
//! alerts. What must not live here: anything that writes.

use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Elasticsearch, wire};
use crate::connect::capability::{ConnectError, Examined, LastSeen, Right, RuleSeen};
use crate::connect::decode::{at, text, time};
use crate::connect::http::{Class, Request};
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const AUTHENTICATE: &str = "/_security/_authenticate";
const PRIVILEGES: &str = "/_security/user/_has_privileges";

/// Privileges on an index that nothing here needs.
const BEYOND: [&str; 3] = ["write", "delete_index", "manage"];
/// Privileges on the cluster that nothing here needs.
const CLUSTER_BEYOND: [&str; 2] = ["manage", "manage_security"];

/// Sources that are told apart in one index pattern at most.
const SOURCES_MAX: usize = 24;

/// The newest hit of a search.
struct Newest {
    at: Option<DateTime<Utc>>,
    dataset: Option<Untrusted>,
}

impl Elasticsearch {
    fn patterns(&self) -> Vec<(&str, &'static str)> {
        let split = |all: &'static str| move |one| (one, all);
        let events = self.index.split(',').map(split("read events"));
        let alerts = self.alerts_index.split(',').map(split("read alerts"));
        events.chain(alerts).collect()
    }

    async fn newest(&self, index: &str, query: &Value) -> Result<Option<Newest>, ConnectError> {
        let mut newest = None;
        let mut take = |hits: Vec<Value>, _faults, _truncated| {
            newest = hits.first().map(|hit| {
                let source = hit.get("_source").unwrap_or(&Value::Null);
                Newest {
                    at: time(source, "@timestamp"),
                    dataset: text(source, "event.dataset"),
                }
            });
            false
        };
        self.in_pit(index, query, 1, &mut take).await?;
        Ok(newest)
    }

    /// Walks from dataset to dataset, the one with the newest event first.
    async fn sources(&self, index: &str) -> Result<Vec<LastSeen>, ConnectError> {
        let mut seen: Vec<LastSeen> = Vec::new();
        let mut without: Vec<Value> = Vec::new();
        while seen.len() < SOURCES_MAX {
            let query = json!({"bool": {"must_not": without}});
            let Some(newest) = self.newest(index, &query).await? else {
                break;
            };
            let source = if let Some(dataset) = newest.dataset {
                without.push(json!({"term": {"event.dataset": dataset.raw()}}));
                Untrusted::new(format!("{index} {}", dataset.raw()))
            } else {
                without
                    .push(json!({"bool": {"must_not": [{"exists": {"field": "event.dataset"}}]}}));
                Untrusted::new(format!("{index} without dataset"))
            };
            // A cluster that ignores what was left out would lead in circles.
            if seen.iter().any(|one| one.source == source) {
                break;
            }
            seen.push(LastSeen {
                source,
                at: newest.at,
            });
        }
        if seen.is_empty() {
            seen.push(LastSeen {
                source: Untrusted::new(index),
                at: None,
            });
        }
        Ok(seen)
    }
}

#[async_trait]
impl Examined for Elasticsearch {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn server_clock(&self) -> Option<(DateTime<Utc>, Instant)> {
        self.http.server_clock()
    }

    async fn token(&self) -> Result<Safe, ConnectError> {
        let answer = self.http.read(&Request::get(AUTHENTICATE, &[])?).await?;
        let body: Value = answer.json()?;
        let name = text(&body, "username").unwrap_or_default();
        Ok(if let Some(key) = text(&body, "api_key.name") {
            safe!("key {} of {}", key.field(), name.field())
        } else {
            safe!("belongs to {}", name.field())
        })
    }

    async fn rights(&self) -> Result<Vec<Right>, ConnectError> {
        let patterns = self.patterns();
        let names: Vec<&str> = patterns.iter().map(|(name, _)| *name).collect();
        let mut asked = vec!["read"];
        asked.extend(BEYOND);
        let body = json!({
            "cluster": CLUSTER_BEYOND, "index": [{"names": names, "privileges": asked}],
        });
        let request = Request::new(Class::Read, Method::POST, PRIVILEGES, &[])?.json(&body);
        let answer: Value = self.http.read(&request).await?.json()?;
        let granted = |index: &str, privilege: &str| {
            let found = answer.get("index")?.get(index)?.get(privilege)?;
            found.as_bool()
        };
        let mut rights = Vec::new();
        for (index, needed_for) in &patterns {
            let shown = Untrusted::new(*index).field();
            rights.push(Right {
                name: safe!("read on {}", shown),
                needed_for: Some(needed_for),
                is_exact: false,
                kinds: Vec::new(),
                granted: granted(index, "read"),
            });
            let more = BEYOND
                .iter()
                .filter(|one| granted(index, one) == Some(true));
            rights.extend(more.map(|one| beyond(safe!("{} on {}", *one, shown))));
        }
        let on_cluster = |one: &str| at(&answer, "cluster")?.get(one)?.as_bool();
        let more = CLUSTER_BEYOND
            .iter()
            .filter(|one| on_cluster(one) == Some(true));
        rights.extend(more.map(|one| beyond(safe!("{} on the cluster", *one))));
        Ok(rights)
    }

    async fn last_seen(&self) -> Result<Vec<LastSeen>, ConnectError> {
        let mut all = Vec::new();
        for index in self.index.split(',') {
            all.extend(self.sources(index).await?);
        }
        Ok(all)
    }

    async fn rules(&self, names: &[String]) -> Result<Vec<RuleSeen>, ConnectError> {
        let mut seen = Vec::new();
        for name in names {
            let query = json!({"bool": {"filter": [{"term": {wire::RULE_NAME: name}}]}});
            let newest = self.newest(&self.alerts_index, &query).await?;
            seen.push(RuleSeen {
                name: name.clone(),
                enabled: None,
                last_alert: newest.and_then(|newest| newest.at),
            });
        }
        Ok(seen)
    }
}

fn beyond(name: Safe) -> Right {
    Right {
        name,
        needed_for: None,
        is_exact: false,
        kinds: Vec::new(),
        granted: Some(true),
    }
}
