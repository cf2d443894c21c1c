//! The query language: the queries that a console needs, decided document by document.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::drill::ecs::Field;

/// A parsed query.
#[derive(Debug)]
pub(super) enum Query {
    All,
    Nothing,
    Bool {
        must: Vec<Query>,
        should: Vec<Query>,
        must_not: Vec<Query>,
        minimum: usize,
    },
    Terms(String, Vec<String>),
    Prefix(String, String),
    Wildcard(String, String),
    Phrase(String, String),
    Range(String, Vec<(Bound, Value)>),
    Exists(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    Gte,
    Gt,
    Lte,
    Lt,
}

/// Reads a query; the error is the reason of the vendor's error body.
pub(super) fn parse(value: &Value, now: DateTime<Utc>, depth: usize) -> Result<Query, String> {
    if depth > 20 {
        return Err("The nested depth of the query exceeds the maximum".to_owned());
    }
    let (kind, body) = single(value).ok_or("query malformed, one query per object")?;
    match kind {
        "match_all" => Ok(Query::All),
        "match_none" => Ok(Query::Nothing),
        "bool" => parse_bool(body, now, depth),
        "exists" => {
            let field = body["field"].as_str().ok_or("[exists] needs [field]")?;
            Ok(Query::Exists(field.to_owned()))
        }
        "terms" => {
            let (field, values) = single(body).ok_or("[terms] needs one field")?;
            let values = values.as_array().ok_or("[terms] query requires an array")?;
            Ok(Query::Terms(
                field.to_owned(),
                values.iter().map(text).collect(),
            ))
        }
        "ids" => {
            let values = body["values"].as_array().ok_or("[ids] needs [values]")?;
            Ok(Query::Terms(
                "_id".to_owned(),
                values.iter().map(text).collect(),
            ))
        }
        "term" | "prefix" | "wildcard" | "match_phrase" | "match" => {
            let (field, value) = single(body).ok_or(format!("[{kind}] needs one field"))?;
            let value = ["value", "query"]
                .iter()
                .find_map(|name| value.get(name))
                .unwrap_or(value);
            let (field, value) = (field.to_owned(), text(value));
            Ok(match kind {
                "term" => Query::Terms(field, vec![value]),
                "prefix" => Query::Prefix(field, value),
                "wildcard" => Query::Wildcard(field, value),
                _ => Query::Phrase(field, value),
            })
        }
        "range" => parse_range(body, now),
        other => Err(format!("unknown query [{other}]")),
    }
}

fn single(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object()?;
    let (name, body) = map.iter().next()?;
    (map.len() == 1).then_some((name.as_str(), body))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// What a `bool` query may hold.
const CLAUSES: [&str; 6] = [
    "must",
    "filter",
    "should",
    "must_not",
    "minimum_should_match",
    "boost",
];

fn parse_bool(body: &Value, now: DateTime<Utc>, depth: usize) -> Result<Query, String> {
    let map = body.as_object().ok_or("[bool] query malformed")?;
    let clauses = |name: &str| -> Result<Vec<Query>, String> {
        match map.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list
                .iter()
                .map(|clause| parse(clause, now, depth + 1))
                .collect(),
            Some(clause) => Ok(vec![parse(clause, now, depth + 1)?]),
        }
    };
    if let Some(name) = map.keys().find(|name| !CLAUSES.contains(&name.as_str())) {
        return Err(format!("[bool] query does not support [{name}]"));
    }
    let mut must = clauses("must")?;
    must.extend(clauses("filter")?);
    let (should, must_not) = (clauses("should")?, clauses("must_not")?);
    let default = usize::from(must.is_empty() && !should.is_empty());
    let minimum = map
        .get("minimum_should_match")
        .map(|minimum| {
            text(minimum)
                .parse::<usize>()
                .map_err(|cause| format!("minimum_should_match: {cause}"))
        })
        .transpose()?
        .unwrap_or(default);
    Ok(Query::Bool {
        must,
        should,
        must_not,
        minimum,
    })
}

fn parse_range(body: &Value, now: DateTime<Utc>) -> Result<Query, String> {
    let (field, bounds) = single(body).ok_or("[range] needs one field")?;
    let map = bounds.as_object().ok_or("[range] query malformed")?;
    let mut out = Vec::new();
    for (name, value) in map {
        let bound = match name.as_str() {
            "gte" => Bound::Gte,
            "gt" => Bound::Gt,
            "lte" => Bound::Lte,
            "lt" => Bound::Lt,
            "format" | "time_zone" | "boost" => continue,
            other => return Err(format!("[range] query does not support [{other}]")),
        };
        let value = match value.as_str().and_then(|text| date_math(text, now)) {
            Some(at) => Value::from(at.timestamp_millis()),
            None if field == "@timestamp" && value.is_string() => {
                return Err(format!("failed to parse date field [{}]", text(value)));
            }
            None => value.clone(),
        };
        out.push((bound, value));
    }
    Ok(Query::Range(field.to_owned(), out))
}

/// Reads an instant: RFC 3339, or `now` with one difference such as `now-24h`.
pub(super) fn date_math(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let Some(rest) = text.strip_prefix("now") else {
        return DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| at.to_utc());
    };
    if rest.is_empty() {
        return Some(now);
    }
    let digits: String = rest
        .chars()
        .skip(1)
        .take_while(char::is_ascii_digit)
        .collect();
    let number: i64 = digits.parse().ok()?;
    let unit: String = rest.chars().skip(1 + digits.len()).collect();
    let long = match unit.as_str() {
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" | "H" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        "w" => TimeDelta::try_weeks(number),
        _ => None,
    }?;
    match rest.chars().next()? {
        '-' => now.checked_sub_signed(long),
        '+' => now.checked_add_signed(long),
        _ => None,
    }
}

impl Query {
    /// Decides for a document whose fields `field` answers.
    pub fn matches(&self, field: &dyn Fn(&str) -> Field) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Bool {
                must,
                should,
                must_not,
                minimum,
            } => {
                must.iter().all(|query| query.matches(field))
                    && !must_not.iter().any(|query| query.matches(field))
                    && (*minimum == 0
                        || should
                            .iter()
                            .filter(|query| query.matches(field))
                            .take(*minimum)
                            .count()
                            >= *minimum)
            }
            Self::Terms(name, wanted) => any(&field(name), &mut |text| {
                wanted.iter().any(|wanted| wanted == text)
            }),
            Self::Prefix(name, head) => {
                any(&field(name), &mut |text| text.starts_with(head.as_str()))
            }
            Self::Wildcard(name, pattern) => any(&field(name), &mut |text| wildcard(text, pattern)),
            Self::Phrase(name, phrase) => {
                let phrase = phrase.to_lowercase();
                any(&field(name), &mut |text| {
                    text.to_lowercase().contains(&phrase)
                })
            }
            Self::Range(name, bounds) => in_range(&field(name), bounds),
            Self::Exists(name) => !matches!(field(name), Field::Missing),
        }
    }
}

/// Tests each value of a field, printed as text.
fn any(field: &Field, test: &mut dyn FnMut(&str) -> bool) -> bool {
    match field {
        Field::Missing => false,
        Field::Text(word) => test(word),
        Field::Words(words) => words.iter().any(|word| test(word)),
        Field::Time(at) => test(&crate::drill::wire::iso(*at)),
        Field::Other(Value::Array(list)) => list.iter().any(|value| test(&text(value))),
        Field::Other(value) => test(&text(value)),
    }
}

fn wildcard(text: &str, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, .., last] = parts.as_slice() else {
        return text == pattern;
    };
    let rest = text
        .strip_prefix(first)
        .and_then(|rest| rest.strip_suffix(last));
    let Some(mut rest) = rest else { return false };
    parts[1..parts.len() - 1]
        .iter()
        .all(|part| match rest.split_once(part) {
            Some((_, tail)) => {
                rest = tail;
                true
            }
            None => false,
        })
}

fn in_range(field: &Field, bounds: &[(Bound, Value)]) -> bool {
    bounds.iter().all(|(bound, limit)| {
        let order = match (field, limit) {
            (Field::Time(at), limit) => {
                let limit = limit.as_i64().or_else(|| text(limit).parse().ok());
                limit.map(|limit| at.timestamp_millis().cmp(&limit))
            }
            (Field::Other(Value::Number(value)), Value::Number(limit)) => value
                .as_f64()
                .zip(limit.as_f64())
                .and_then(|(value, limit)| value.partial_cmp(&limit)),
            (Field::Other(Value::String(value)), limit) => match (time(value), limit.as_i64()) {
                (Some(at), Some(limit)) => Some(at.timestamp_millis().cmp(&limit)),
                _ => limit.as_str().map(|limit| value.as_str().cmp(limit)),
            },
            (Field::Text(value), Value::String(limit)) => Some(value.cmp(limit)),
            _ => None,
        };
        order.is_some_and(|order| match bound {
            Bound::Gte => order.is_ge(),
            Bound::Gt => order.is_gt(),
            Bound::Lte => order.is_le(),
            Bound::Lt => order.is_lt(),
        })
    })
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap()
    }

    fn field(name: &str) -> Field {
        match name {
            "@timestamp" => Field::Time(now() - TimeDelta::hours(2)),
            "user.name" => Field::Text("mara".to_owned()),
            "event.category" => Field::Words(&["authentication", "session"]),
            "file.size" => Field::Other(json!(40)),
            "message" => Field::Other(json!("User login to Okta")),
            _ => Field::Missing,
        }
    }

    #[rstest]
    #[case(json!({"match_all": {}}), true)]
    #[case(json!({"match_none": {}}), false)]
    #[case(json!({"term": {"user.name": "mara"}}), true)]
    #[case(json!({"term": {"user.name": {"value": "Mara"}}}), false)]
    #[case(json!({"terms": {"event.category": ["iam", "session"]}}), true)]
    #[case(json!({"prefix": {"user.name": "ma"}}), true)]
    #[case(json!({"wildcard": {"user.name": "m*r*"}}), true)]
    #[case(json!({"match_phrase": {"message": "LOGIN to"}}), true)]
    #[case(json!({"exists": {"field": "host.name"}}), false)]
    #[case(json!({"range": {"@timestamp": {"gte": "now-3h", "lt": "now-1h"}}}), true)]
    #[case(json!({"range": {"@timestamp": {"gte": "now-1h"}}}), false)]
    #[case(json!({"range": {"file.size": {"gt": 39, "lte": 40}}}), true)]
    #[case(json!({"bool": {"filter": [{"term": {"user.name": "mara"}}], "must_not": {"exists": {"field": "user.name"}}}}), false)]
    #[case(json!({"bool": {"should": [{"term": {"user.name": "x"}}, {"exists": {"field": "message"}}]}}), true)]
    #[case(json!({"bool": {"must": [], "should": [{"term": {"user.name": "x"}}]}}), false)]
    #[case(json!({"bool": {"filter": {"match_all": {}}, "should": [{"term": {"user.name": "x"}}]}}), true)]
    fn decides(#[case] query: Value, #[case] expected: bool) {
        assert_eq!(parse(&query, now(), 0).unwrap().matches(&field), expected);
    }

    #[rstest]
    #[case(json!({"trem": {"a": "b"}}))]
    #[case(json!({"term": {"a": "b"}, "exists": {"field": "c"}}))]
    #[case(json!({"bool": {"filer": []}}))]
    #[case(json!({"range": {"@timestamp": {"gte": "yesterday"}}}))]
    #[case(json!({"terms": {"a": "b"}}))]
    #[case(json!(7))]
    fn refuses(#[case] query: Value) {
        assert!(parse(&query, now(), 0).is_err());
    }
}
