//! `POST /_search`: find, sort, cut into pages.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::drill::ecs::{self, Field};
use crate::drill::wire::{Answer, Request, iso};
use crate::drill::world::World;

use super::dsl::{self, Query};
use super::{ALERTS, EVENTS, Pits, alerts, duration, error};

const NAMES: [&str; 10] = [
    "pit",
    "query",
    "sort",
    "search_after",
    "size",
    "from",
    "track_total_hits",
    "_source",
    "fields",
    "timeout",
];
/// The vendor's bound of one page.
const SIZE_MAX: u64 = 10_000;

/// One document that may be found; its place is its position over both indices.
enum Document<'a> {
    Event(usize),
    Alert(usize, &'a Value),
}

struct Key {
    field: String,
    down: bool,
    as_text: bool,
}

struct Ask {
    query: Query,
    keys: Vec<Key>,
    after: Option<Vec<Value>>,
    size: usize,
    from: usize,
    total: Option<u64>,
    source: Option<Vec<String>>,
    with_source: bool,
}

/// Answers one search.
pub(super) fn answer(world: &World, pits: &mut Pits, request: &Request) -> Answer {
    let body = match super::body(request) {
        Ok(body) => body,
        Err(text) => return error(400, "x_content_parse_exception", &text),
    };
    let Some(id) = body["pit"]["id"].as_str() else {
        return error(
            400,
            "illegal_argument_exception",
            "this key may search with [pit] only",
        );
    };
    let Some(pit) = pits.open.get_mut(id) else {
        let reason = format!("No search context found for id [{id}]");
        return error(404, "search_context_missing_exception", &reason);
    };
    if let Some(keep) = body["pit"]["keep_alive"].as_str().and_then(duration) {
        pit.until = request.at + keep;
    }
    let pit = pit.clone();
    let ask = match read(&body, request.at) {
        Ok(ask) => ask,
        Err(text) => return error(400, "parsing_exception", &text),
    };
    let alerts = if pit.alerts {
        alerts::documents(world)
    } else {
        Vec::new()
    };
    let found = find(
        world,
        &ask,
        if pit.events { pit.documents } else { 0 },
        &alerts,
    );
    let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let hits: Vec<Value> = page(world, &ask, found)
        .into_iter()
        .map(|hit| show(world, &ask, hit))
        .collect();
    let mut outer = json!({"max_score": null, "hits": hits});
    if let Some(bound) = ask.total {
        let relation = if count > bound { "gte" } else { "eq" };
        outer["total"] = json!({"value": count.min(bound), "relation": relation});
    }
    let shards = json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0});
    let body =
        json!({"took": 3, "timed_out": false, "_shards": shards, "hits": outer, "pit_id": id});
    Answer::json(200, body)
}

fn read(body: &Value, now: DateTime<Utc>) -> Result<Ask, String> {
    let map = body.as_object().ok_or("the body must be an object")?;
    if let Some(name) = map.keys().find(|name| !NAMES.contains(&name.as_str())) {
        return Err(format!("unknown key [{name}] in the search"));
    }
    let query = body
        .get("query")
        .map_or(Ok(Query::All), |query| dsl::parse(query, now, 0))?;
    let size = body
        .get("size")
        .map_or(Some(10), Value::as_u64)
        .filter(|size| *size <= SIZE_MAX);
    let size = size.ok_or("[size] must be between 0 and 10000")?;
    let from = body
        .get("from")
        .map_or(Some(0), Value::as_u64)
        .ok_or("[from] must be a number")?;
    if from.saturating_add(size) > SIZE_MAX {
        return Err(
            "Result window is too large, from + size must be less than or equal to: [10000]"
                .to_owned(),
        );
    }
    let total = match body.get("track_total_hits") {
        None => Some(SIZE_MAX),
        Some(Value::Bool(true)) => Some(u64::MAX),
        Some(Value::Bool(false)) => None,
        Some(value) => Some(
            value
                .as_u64()
                .ok_or("[track_total_hits] must be a number or a flag")?,
        ),
    };
    let names = |value: &Value| -> Option<Vec<String>> {
        match value {
            Value::String(name) => Some(vec![name.clone()]),
            Value::Array(list) => Some(
                list.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            ),
            _ => None,
        }
    };
    let source = body.get("_source");
    let mut keys = read_sort(body.get("sort"))?;
    // With a point in time the vendor adds its own tie-break.
    if !keys.is_empty() && !keys.iter().any(|key| key.field == "_shard_doc") {
        keys.push(Key {
            field: "_shard_doc".to_owned(),
            down: false,
            as_text: false,
        });
    }
    let after = match body.get("search_after") {
        None => None,
        Some(Value::Array(values)) => {
            // The tie-break may be left out of the cursor.
            if values.len() != keys.len() && values.len() + 1 != keys.len() {
                return Err(format!(
                    "search_after has {} value(s) but sort has {}.",
                    values.len(),
                    keys.len()
                ));
            }
            Some(values.clone())
        }
        Some(_) => return Err("[search_after] must be an array".to_owned()),
    };
    Ok(Ask {
        query,
        keys,
        after,
        size: usize::try_from(size).unwrap_or(0),
        from: usize::try_from(from).unwrap_or(0),
        total,
        with_source: source != Some(&Value::Bool(false)),
        source: source.and_then(|s| names(s).or_else(|| s.get("includes").and_then(names))),
    })
}

fn read_sort(sort: Option<&Value>) -> Result<Vec<Key>, String> {
    let list = match sort {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
    };
    let mut keys = Vec::new();
    for item in list {
        let (field, options) = match &item {
            Value::String(field) => (field.clone(), Value::Null),
            Value::Object(map) => {
                let (field, options) = map.iter().next().ok_or("an empty sort key")?;
                (field.clone(), options.clone())
            }
            _ => return Err("malformed sort format".to_owned()),
        };
        let order = options
            .as_str()
            .or(options["order"].as_str())
            .unwrap_or("asc");
        let down = match order {
            "asc" => false,
            "desc" => true,
            other => return Err(format!("unknown sort order [{other}]")),
        };
        let as_text = options["format"]
            .as_str()
            .is_some_and(|format| format.starts_with("strict_date"));
        keys.push(Key {
            field,
            down,
            as_text,
        });
    }
    Ok(keys)
}

impl Document<'_> {
    fn place(&self, world: &World) -> i64 {
        let place = match self {
            Self::Event(index) => *index,
            // Alerts stand behind every event there can be.
            Self::Alert(index, _) => world.journal.len().max(1 << 40) + index,
        };
        i64::try_from(place).unwrap_or(i64::MAX)
    }

    fn field(&self, world: &World, name: &str) -> Field {
        match self {
            Self::Event(index) => world
                .journal
                .get(*index)
                .map_or(Field::Missing, |activity| {
                    ecs::field(
                        activity,
                        &world.directory,
                        &|| world.journal.uuid(*index),
                        name,
                    )
                }),
            Self::Alert(_, document) if name == "_id" => Field::Text(
                document["kibana.alert.uuid"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            ),
            Self::Alert(_, document) => ecs::pick(document, name)
                .map_or(Field::Missing, |value| Field::Other(value.clone())),
        }
    }

    /// The sort values: instants as milliseconds, everything else as itself.
    fn values(&self, world: &World, keys: &[Key]) -> Vec<Value> {
        keys.iter()
            .map(|key| match key.field.as_str() {
                "_shard_doc" | "_doc" => json!(self.place(world)),
                name => match self.field(world, name) {
                    Field::Time(at) => json!(at.timestamp_millis()),
                    Field::Text(text) => json!(text),
                    Field::Words(words) => json!(words.first()),
                    Field::Other(Value::String(text)) => {
                        match DateTime::parse_from_rfc3339(&text) {
                            Ok(at) => json!(at.timestamp_millis()),
                            Err(_) => json!(text),
                        }
                    }
                    Field::Other(value) => value,
                    Field::Missing => Value::Null,
                },
            })
            .collect()
    }
}

fn find<'a>(world: &World, ask: &Ask, events: usize, alerts: &'a [Value]) -> Vec<Document<'a>> {
    // A stale world may be shorter than the view.
    let events = (0..events.min(world.journal.len())).map(Document::Event);
    let alerts = alerts
        .iter()
        .enumerate()
        .map(|(index, alert)| Document::Alert(index, alert));
    events
        .chain(alerts)
        .filter(|document| ask.query.matches(&|name| document.field(world, name)))
        .collect()
}

/// Sorts what was found and cuts the page out.
fn page<'a>(world: &World, ask: &Ask, found: Vec<Document<'a>>) -> Vec<(Document<'a>, Vec<Value>)> {
    let mut rows: Vec<(Document<'a>, Vec<Value>)> = found
        .into_iter()
        .map(|document| {
            let values = document.values(world, &ask.keys);
            (document, values)
        })
        .collect();
    rows.sort_by(|left, right| order(&ask.keys, &left.1, &right.1));
    if let Some(after) = &ask.after {
        let after: Vec<Value> = after
            .iter()
            .map(
                |value| match value.as_str().map(DateTime::parse_from_rfc3339) {
                    Some(Ok(at)) => json!(at.timestamp_millis()),
                    _ => value.clone(),
                },
            )
            .collect();
        rows.retain(|(_, values)| order(&ask.keys, values, &after).is_gt());
    }
    rows.into_iter().skip(ask.from).take(ask.size).collect()
}

fn order(keys: &[Key], left: &[Value], right: &[Value]) -> Ordering {
    for (key, (left, right)) in keys.iter().zip(left.iter().zip(right)) {
        let way = match (left, right) {
            (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ => left
                    .as_f64()
                    .partial_cmp(&right.as_f64())
                    .unwrap_or(Ordering::Equal),
            },
            (Value::String(left), Value::String(right)) => left.cmp(right),
            // A missing value comes last, whichever way the key goes.
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => return Ordering::Greater,
            (_, Value::Null) => return Ordering::Less,
            _ => Ordering::Equal,
        };
        if way.is_ne() {
            return if key.down { way.reverse() } else { way };
        }
    }
    Ordering::Equal
}

/// Prints one hit.
fn show(world: &World, ask: &Ask, (document, values): (Document<'_>, Vec<Value>)) -> Value {
    let (index, id, source) = match &document {
        Document::Event(index) => {
            let uuid = world.journal.uuid(*index);
            let source = world
                .journal
                .get(*index)
                .map(|a| ecs::document(a, &world.directory, &uuid));
            (EVENTS, uuid, source.unwrap_or_default())
        }
        Document::Alert(_, alert) => {
            let id = alert["kibana.alert.uuid"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            (ALERTS, id, Value::clone(alert))
        }
    };
    let mut hit = json!({"_index": index, "_id": id, "_score": null});
    if ask.with_source {
        hit["_source"] = match &ask.source {
            Some(fields) => ecs::only(&source, fields),
            None => source,
        };
    }
    if !ask.keys.is_empty() {
        let values: Vec<Value> = ask
            .keys
            .iter()
            .zip(values)
            .map(|(key, value)| {
                let at = value
                    .as_i64()
                    .filter(|_| key.as_text)
                    .and_then(DateTime::from_timestamp_millis);
                at.map_or(value, |at| json!(iso(at)))
            })
            .collect();
        hit["sort"] = json!(values);
    }
    hit
}
