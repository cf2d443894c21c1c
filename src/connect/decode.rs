//! Reading vendors' JSON records field by field, so that one bad record is a named fault and the rest pass.
//!
//! What must not live here: a vendor's field names.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::case::RecordFault;
use crate::domain::text::Untrusted;

mod moment;

pub(crate) use moment::moment;

/// What was wrong with which field of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is not there.
    #[error("field {0} is missing")]
    Missing(&'static str),
    /// It is something else than it should be.
    #[error("field {0} is not {1}")]
    Type(&'static str, &'static str),
}

/// Up to so many fields are walked through: that is quicker than to hash a name.
const FEW: usize = 12;

/// Finds a value by a dotted path, in nested objects, in keys that contain dots, and in any mixture of both.
pub(crate) fn at<'a>(record: &'a Value, path: &str) -> Option<&'a Value> {
    let object = record.as_object()?;
    let Some((head, tail)) = path.split_once('.') else {
        return field(object, path);
    };
    let nested = field(object, head).and_then(|inner| at(inner, tail));
    nested.or_else(|| {
        object.iter().find_map(|(key, value)| {
            let rest = path.strip_prefix(key.as_str())?;
            match rest.strip_prefix('.') {
                Some(tail) if key.len() > head.len() => at(value, tail),
                None if rest.is_empty() => Some(value),
                _ => None,
            }
        })
    })
}

fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if object.len() > FEW {
        return object.get(name);
    }
    object
        .iter()
        .find(|(key, _)| key.as_str() == name)
        .map(|(_, value)| value)
}

/// Gives the first value of a field that may hold one or several.
fn first(value: &Value) -> &Value {
    match value {
        Value::Array(all) => all.first().unwrap_or(&Value::Null),
        other => other,
    }
}

/// Reads a field as text; numbers and flags are written out, nothing and empty text is `None`.
pub(crate) fn text(record: &Value, path: &str) -> Option<Untrusted> {
    match first(at(record, path)?) {
        Value::String(text) if !text.is_empty() => Some(Untrusted::new(text.as_str())),
        Value::Number(number) => Some(Untrusted::new(number.to_string())),
        Value::Bool(flag) => Some(Untrusted::new(flag.to_string())),
        _ => None,
    }
}

/// Reads a field that must be text.
pub(crate) fn need_text(record: &Value, path: &'static str) -> Result<Untrusted, FieldError> {
    match at(record, path).map(first) {
        Some(Value::String(text)) if !text.is_empty() => Ok(Untrusted::new(text.as_str())),
        None | Some(Value::Null) => Err(FieldError::Missing(path)),
        Some(Value::String(_)) => Err(FieldError::Type(path, "a text with letters")),
        Some(_) => Err(FieldError::Type(path, "text")),
    }
}

/// Reads an optional time; what cannot be read is `None`.
pub(crate) fn time(record: &Value, path: &str) -> Option<DateTime<Utc>> {
    moment(first(at(record, path)?))
}

/// Reads a field that must be a time.
pub(crate) fn need_time(record: &Value, path: &'static str) -> Result<DateTime<Utc>, FieldError> {
    match at(record, path) {
        None | Some(Value::Null) => Err(FieldError::Missing(path)),
        Some(value) => moment(first(value)).ok_or(FieldError::Type(path, "a time")),
    }
}

/// Reads a list of texts; anything else in it is left out.
pub(crate) fn texts(record: &Value, path: &str) -> Vec<Untrusted> {
    match at(record, path) {
        Some(Value::Array(all)) => all
            .iter()
            .filter_map(Value::as_str)
            .map(Untrusted::new)
            .collect(),
        Some(Value::String(one)) => vec![Untrusted::new(one.as_str())],
        _ => Vec::new(),
    }
}

/// Decodes every record; those that cannot be read become faults that name the record and the field.
pub(crate) fn each<T>(
    records: &[Value],
    id_fields: &[&str],
    decode: impl Fn(&Value) -> Result<T, FieldError>,
) -> (Vec<T>, Vec<RecordFault>) {
    let mut items = Vec::with_capacity(records.len());
    let mut faults = Vec::new();
    for (index, record) in records.iter().enumerate() {
        match decode(record) {
            Ok(item) => items.push(item),
            Err(error) => {
                let named = id_fields.iter().find_map(|field| text(record, field));
                faults.push(RecordFault {
                    record: named.unwrap_or_else(|| Untrusted::new(format!("#{index}"))),
                    reason: Untrusted::new(error.to_string()),
                });
            }
        }
    }
    (items, faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"user": {"name": "a"}}), Some("a"))]
    #[case(json!({"user.name": "a"}), Some("a"))]
    #[case(json!({"user": {"name": ["a", "b"]}}), Some("a"))]
    #[case(json!({"user": {"name": []}}), None)]
    #[case(json!({"user": {"name": 7}}), Some("7"))]
    #[case(json!({"user": {"name": null}}), None)]
    #[case(json!({"user": "x"}), None)]
    #[case(json!({"user": {"full_name": "x"}, "user.name": "a"}), Some("a"))]
    #[case(json!([]), None)]
    fn nested_and_dotted_keys(#[case] record: Value, #[case] expected: Option<&str>) {
        assert_eq!(text(&record, "user.name"), expected.map(Untrusted::new));
    }

    #[test]
    fn mixtures_of_nested_and_dotted_keys() {
        let record = json!({"kibana.alert": {"rule.name": {"x": 1}, "rule": {"name": "r"}}});
        assert_eq!(
            text(&record, "kibana.alert.rule.name.x"),
            Some(Untrusted::new("1"))
        );
        assert_eq!(
            text(&json!({"a": {"b.c": {"d": "v"}}}), "a.b.c.d"),
            Some(Untrusted::new("v"))
        );
    }

    #[test]
    fn a_bad_record_is_named_and_the_rest_passes() {
        let records = [
            json!({"id": "a", "t": "x"}),
            json!({"id": "b"}),
            json!({"t": 7}),
        ];
        let (items, faults) = each(&records, &["id"], |record| need_text(record, "t"));
        assert_eq!(items, [Untrusted::new("x")]);
        let named: Vec<(&str, &str)> = faults
            .iter()
            .map(|fault| (fault.record.raw(), fault.reason.raw()))
            .collect();
        assert_eq!(
            named,
            [("b", "field t is missing"), ("#2", "field t is not text")]
        );
    }
}
