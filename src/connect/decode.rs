//! Reading vendors' JSON records field by field, so that one bad record is a named fault and the rest pass.
//!
//! What must not live here: a vendor's field names.

use chrono::{DateTime, Utc};
use serde_json::{Number, Value};

use crate::domain::case::RecordFault;
use crate::domain::text::Untrusted;

mod moment;

use moment::moment_of;

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

/// A value that is neither a list nor an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// A list or an object.
    None,
    /// `null`.
    Null,
    /// A flag.
    Flag(bool),
    /// A number.
    Number(&'a Number),
    /// A text.
    Text(&'a str),
}

/// A JSON value, whoever keeps it: [`Value`], or one that borrows from its text.
pub(crate) trait Json: Sized {
    /// Gives a field of an object.
    fn field(&self, name: &str) -> Option<&Self>;

    /// Gives all fields of an object, in their order; none of anything else.
    fn fields(&self) -> impl Iterator<Item = (&str, &Self)>;

    /// Gives the first value of a list, and anything else itself.
    fn first(&self) -> Option<&Self>;

    /// Gives the values of a list.
    fn all(&self) -> Option<&[Self]>;

    /// Gives what is neither a list nor an object.
    fn scalar(&self) -> Scalar<'_>;
}

impl Json for Value {
    fn field(&self, name: &str) -> Option<&Self> {
        let object = self.as_object()?;
        if object.len() > FEW {
            return object.get(name);
        }
        object
            .iter()
            .find(|(key, _)| key.as_str() == name)
            .map(|(_, value)| value)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        let fields = self.as_object().into_iter().flatten();
        fields.map(|(name, value)| (name.as_str(), value))
    }

    fn first(&self) -> Option<&Self> {
        match self {
            Self::Array(all) => all.first(),
            other => Some(other),
        }
    }

    fn all(&self) -> Option<&[Self]> {
        self.as_array().map(Vec::as_slice)
    }

    fn scalar(&self) -> Scalar<'_> {
        match self {
            Self::Null => Scalar::Null,
            Self::Bool(flag) => Scalar::Flag(*flag),
            Self::Number(number) => Scalar::Number(number),
            Self::String(text) => Scalar::Text(text),
            Self::Array(_) | Self::Object(_) => Scalar::None,
        }
    }
}

/// Finds a value by a dotted path, in nested objects, in keys that contain dots, and in any mixture of both.
pub(crate) fn at<'a, J: Json>(record: &'a J, path: &str) -> Option<&'a J> {
    let Some((head, tail)) = path.split_once('.') else {
        return record.field(path);
    };
    let nested = record.field(head).and_then(|inner| at(inner, tail));
    nested.or_else(|| {
        record.fields().find_map(|(key, value)| {
            let rest = path.strip_prefix(key)?;
            match rest.strip_prefix('.') {
                Some(tail) if key.len() > head.len() => at(value, tail),
                None if rest.is_empty() => Some(value),
                _ => None,
            }
        })
    })
}

/// Gives a scalar by a path: of a field that may hold one or several, the first.
fn one<'a, J: Json>(record: &'a J, path: &str) -> Option<Scalar<'a>> {
    let found = at(record, path)?;
    Some(found.first().map_or(Scalar::Null, Json::scalar))
}

/// Reads a field as text; numbers and flags are written out, nothing and empty text is `None`.
pub(crate) fn text<J: Json>(record: &J, path: &str) -> Option<Untrusted> {
    match one(record, path)? {
        Scalar::Text(text) if !text.is_empty() => Some(Untrusted::new(text)),
        Scalar::Number(number) => Some(Untrusted::new(number.to_string())),
        Scalar::Flag(flag) => Some(Untrusted::new(flag.to_string())),
        _ => None,
    }
}

/// Reads a field that must be text.
pub(crate) fn need_text<J: Json>(record: &J, path: &'static str) -> Result<Untrusted, FieldError> {
    match one(record, path) {
        Some(Scalar::Text(text)) if !text.is_empty() => Ok(Untrusted::new(text)),
        None | Some(Scalar::Null) => Err(FieldError::Missing(path)),
        Some(Scalar::Text(_)) => Err(FieldError::Type(path, "a text with letters")),
        Some(_) => Err(FieldError::Type(path, "text")),
    }
}

/// Reads an optional time; what cannot be read is `None`.
pub(crate) fn time<J: Json>(record: &J, path: &str) -> Option<DateTime<Utc>> {
    moment_of(one(record, path)?)
}

/// Reads a field that must be a time.
pub(crate) fn need_time<J: Json>(
    record: &J,
    path: &'static str,
) -> Result<DateTime<Utc>, FieldError> {
    match at(record, path).map(Json::scalar) {
        None | Some(Scalar::Null) => Err(FieldError::Missing(path)),
        Some(_) => time(record, path).ok_or(FieldError::Type(path, "a time")),
    }
}

/// Reads a time.
pub(crate) fn moment<J: Json>(value: &J) -> Option<DateTime<Utc>> {
    moment_of(value.scalar())
}

/// Reads a list of texts; anything else in it is left out.
pub(crate) fn texts<J: Json>(record: &J, path: &str) -> Vec<Untrusted> {
    let text = |value: &J| match value.scalar() {
        Scalar::Text(text) => Some(Untrusted::new(text)),
        _ => None,
    };
    let Some(found) = at(record, path) else {
        return Vec::new();
    };
    match found.all() {
        Some(all) => all.iter().filter_map(text).collect(),
        None => text(found).into_iter().collect(),
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
