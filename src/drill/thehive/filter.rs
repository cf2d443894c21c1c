//! The operators of the query API's `filter` step.

use std::cmp::Ordering;

use serde_json::Value;

/// Decides whether a record passes a filter; the error names what the filter gets wrong.
pub(super) fn passes(record: &Value, filter: &Value, depth: usize) -> Result<bool, String> {
    let Value::Object(map) = filter else {
        return Err("a filter must be an object".to_owned());
    };
    if depth > 32 {
        return Err("the filter is too deep".to_owned());
    }
    for (operator, part) in map.iter().filter(|(name, _)| *name != "_name") {
        if !holds(record, operator, part, depth)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds(record: &Value, operator: &str, part: &Value, depth: usize) -> Result<bool, String> {
    let list = || part.as_array().ok_or(format!("{operator} needs a list"));
    Ok(match operator {
        "_and" => {
            let mut all = true;
            for inner in list()? {
                all &= passes(record, inner, depth + 1)?;
            }
            all
        }
        "_or" => {
            let mut any = false;
            for inner in list()? {
                any |= passes(record, inner, depth + 1)?;
            }
            any
        }
        "_not" => !passes(record, part, depth + 1)?,
        "_any" => true,
        "_has" | "_contains" => {
            let name = part.as_str().or(part["_field"].as_str());
            !fields(record, name.ok_or(format!("{operator} needs a field"))?).is_empty()
        }
        _ => compare(record, operator, part)?,
    })
}

fn compare(record: &Value, operator: &str, part: &Value) -> Result<bool, String> {
    // The short form is `{"_eq": {"status": "New"}}`, the long one names `_field` and `_value`.
    let (name, wanted) = match (part.get("_field").and_then(Value::as_str), part.as_object()) {
        (Some(name), _) => (name, part.get("_value").unwrap_or(&Value::Null)),
        (None, Some(map)) if map.len() == 1 => match map.iter().next() {
            Some((name, value)) => (name.as_str(), value),
            None => return Err(format!("{operator} needs a field")),
        },
        _ => return Err(format!("{operator} needs a field")),
    };
    let found = fields(record, name);
    let any = |test: &dyn Fn(&Value) -> bool| found.iter().any(|value| test(value));
    let text = |value: &Value| value.as_str().map(str::to_lowercase).unwrap_or_default();
    let needle = text(wanted);
    Ok(match operator {
        "_eq" | "_is" => any(&|value| same(value, wanted)),
        "_ne" => !any(&|value| same(value, wanted)),
        "_lt" => any(&|value| order(value, wanted) == Some(Ordering::Less)),
        "_gt" => any(&|value| order(value, wanted) == Some(Ordering::Greater)),
        "_lte" => any(&|value| order(value, wanted).is_some_and(Ordering::is_le)),
        "_gte" => any(&|value| order(value, wanted).is_some_and(Ordering::is_ge)),
        "_between" => {
            let (from, to) = (&part["_from"], &part["_to"]);
            any(&|value| {
                order(value, from).is_some_and(Ordering::is_ge)
                    && order(value, to).is_some_and(Ordering::is_lt)
            })
        }
        "_in" => {
            let values = part["_values"].as_array().ok_or("_in needs _values")?;
            any(&|value| values.iter().any(|wanted| same(value, wanted)))
        }
        "_like" => any(&|value| like(&text(value), &needle)),
        "_match" => any(&|value| text(value).contains(&needle)),
        "_startsWith" => any(&|value| text(value).starts_with(&needle)),
        "_endsWith" => any(&|value| text(value).ends_with(&needle)),
        other => return Err(format!("Unknown filter: {other}")),
    })
}

/// Collects the values of a field; lists count by member, `customFields.NAME` looks up by name.
fn fields<'a>(record: &'a Value, name: &str) -> Vec<&'a Value> {
    if let Some(custom) = name.strip_prefix("customFields.") {
        let custom = custom.trim_end_matches(".value");
        let list = record["customFields"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        return list
            .iter()
            .filter(|f| f["name"] == custom)
            .filter_map(|f| f.get("value"))
            .collect();
    }
    let name = match name {
        "id" => "_id",
        // Comments print their own times without the underscore.
        "_createdAt" | "_createdBy" if record.get(name).is_none() => name.trim_start_matches('_'),
        other => other,
    };
    match record.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(value) => vec![value],
    }
}

fn same(value: &Value, wanted: &Value) -> bool {
    value == wanted || order(value, wanted) == Some(Ordering::Equal)
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Answers how two records stand to each other by a field; a missing value comes last.
pub(super) fn by_field(left: &Value, right: &Value, name: &str) -> Ordering {
    match (fields(left, name).first(), fields(right, name).first()) {
        (Some(left), Some(right)) => order(left, right).unwrap_or(Ordering::Equal),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// `*` stands for any run of characters.
fn like(text: &str, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, .., last] = parts.as_slice() else {
        return text == pattern;
    };
    let Some(rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(mut rest) = rest.strip_suffix(last) else {
        return false;
    };
    for part in &parts[1..parts.len() - 1] {
        match rest.split_once(part) {
            Some((_, tail)) => rest = tail,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({"_eq": {"_field": "status", "_value": "New"}}), true)]
    #[case(json!({"_eq": {"status": "New"}}), true)]
    #[case(json!({"_ne": {"_field": "status", "_value": "New"}}), false)]
    #[case(json!({"_gt": {"_field": "severity", "_value": 2}}), true)]
    #[case(json!({"_lte": {"_field": "severity", "_value": 2}}), false)]
    #[case(json!({"_between": {"_field": "severity", "_from": 3, "_to": 4}}), true)]
    #[case(json!({"_in": {"_field": "tags", "_values": ["x", "b"]}}), true)]
    #[case(json!({"_like": {"_field": "title", "_value": "imp*trav*"}}), true)]
    #[case(json!({"_like": {"_field": "title", "_value": "trav"}}), false)]
    #[case(json!({"_startsWith": {"_field": "title", "_value": "Imp"}}), true)]
    #[case(json!({"_endsWith": {"_field": "title", "_value": "vel"}}), true)]
    #[case(json!({"_match": {"_field": "title", "_value": "travel"}}), true)]
    #[case(json!({"_not": {"_eq": {"_field": "status", "_value": "New"}}}), false)]
    #[case(json!({"_and": [{"_eq": {"status": "New"}}, {"_eq": {"tags": "a"}}]}), true)]
    #[case(json!({"_or": [{"_eq": {"status": "x"}}, {"_eq": {"tags": "c"}}]}), false)]
    #[case(json!({"_eq": {"_field": "customFields.asset", "_value": "payroll"}}), true)]
    fn operators(#[case] filter: Value, #[case] expected: bool) {
        let record = json!({
            "status": "New", "severity": 3, "tags": ["a", "b"], "title": "Impossible travel",
            "customFields": [{"name": "asset", "value": "payroll"}],
        });
        assert_eq!(passes(&record, &filter, 0), Ok(expected));
    }

    #[test]
    fn an_unknown_operator_is_refused() {
        assert!(passes(&json!({}), &json!({"_equals": {"a": 1}}), 0).is_err());
        assert!(passes(&json!({}), &json!({"_in": {"_field": "a"}}), 0).is_err());
    }
}
