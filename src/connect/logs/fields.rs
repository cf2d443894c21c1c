//! Looking a field up by several names, whatever letters are large, in a record and in the parts of it that repeat it.
//!
//! Exports of one vendor write the same field as `userPrincipalName`, `UserPrincipalName` and `userprincipalname`, bare or
//! below `properties`, and nested values sometimes as text that is JSON again.

use std::borrow::Cow;

use super::tree::Value;

use crate::domain::text::Untrusted;

/// Longest text that is read as JSON.
const MOST: usize = 1 << 20;

/// A record with the parts in which a field is looked for, the first of which wins.
pub(super) struct Fields<'a> {
    parts: Vec<&'a Value<'a>>,
}

impl<'a> Fields<'a> {
    /// Looks in one record only.
    pub(super) fn of(record: &'a Value<'a>) -> Self {
        Self {
            parts: vec![record],
        }
    }

    /// Looks in a part of the record first, where it has it, then in the record.
    pub(super) fn with_part(record: &'a Value<'a>, part: &str) -> Self {
        let inner = key(record, part).filter(|value| value.is_object());
        Self {
            parts: inner.into_iter().chain([record]).collect(),
        }
    }

    /// Finds the first of some fields that is there and not null; a name may be a path with dots.
    pub(super) fn get(&self, names: &[&str]) -> Option<&'a Value<'a>> {
        names
            .iter()
            .find_map(|name| self.parts.iter().find_map(|part| path(part, name)))
    }

    /// Reads the first of some fields that is text with letters, a number or a flag.
    pub(super) fn text(&self, names: &[&str]) -> Option<Untrusted> {
        names
            .iter()
            .find_map(|name| self.parts.iter().find_map(|part| words(path(part, name)?)))
    }

    /// Finds an object or a list, which may be written as text that is JSON again.
    pub(super) fn nested(&self, names: &[&str]) -> Option<Cow<'a, Value<'a>>> {
        names.iter().find_map(|name| {
            self.parts
                .iter()
                .find_map(|part| unpacked(path(part, name)?))
        })
    }
}

/// Reads a value as text; blank text and words for nothing are `None`.
pub(super) fn words(value: &Value) -> Option<Untrusted> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(Untrusted::new(text.as_ref())),
        Value::Number(number) => Some(Untrusted::new(number.to_string())),
        Value::Bool(flag) => Some(Untrusted::new(flag.to_string())),
        _ => None,
    }
}

/// Gives an object or a list, out of text where it is written as text.
pub(super) fn unpacked<'a>(value: &'a Value<'a>) -> Option<Cow<'a, Value<'a>>> {
    match value {
        Value::Object(_) | Value::Array(_) => Some(Cow::Borrowed(value)),
        Value::String(text) if text.len() <= MOST && text.trim_start().starts_with(['{', '[']) => {
            let inner = Value::read(text).ok()?;
            (inner.is_object() || inner.is_array()).then_some(Cow::Owned(inner))
        }
        _ => None,
    }
}

/// Finds a field below dotted names without regard to large and small letters; null counts as not there.
pub(super) fn path<'a>(record: &'a Value<'a>, name: &str) -> Option<&'a Value<'a>> {
    let found = match name.split_once('.') {
        None => key(record, name),
        Some((head, tail)) => key(record, name).or_else(|| path(key(record, head)?, tail)),
    };
    found.filter(|value| !value.is_null())
}

fn key<'a>(record: &'a Value<'a>, name: &str) -> Option<&'a Value<'a>> {
    let fields = record.as_object()?;
    fields.get(name).or_else(|| {
        fields
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// Reads a list of pairs, such as `[{"Name": .., "Value": ..}]`, as a lookup by the first.
pub(super) fn pair(list: &Value, name: &str) -> Option<Untrusted> {
    list.as_array()?.iter().find_map(|one| {
        let own = path(one, "name").or_else(|| path(one, "key"))?.as_str()?;
        own.eq_ignore_ascii_case(name)
            .then(|| words(path(one, "value")?))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"userId": "a"}), Some("a"))]
    #[case(json!({"UserId": "a"}), Some("a"))]
    #[case(json!({"userid": 7}), Some("7"))]
    #[case(json!({"properties": {"userId": "b"}, "userId": "a"}), Some("b"))]
    #[case(json!({"properties": {"userId": null}, "userId": "a"}), Some("a"))]
    #[case(json!({"userId": " "}), None)]
    #[case(json!([1]), None)]
    fn names_in_any_letters(#[case] record: serde_json::Value, #[case] expected: Option<&str>) {
        let record = Value::from(&record);
        let found = Fields::with_part(&record, "properties").text(&["userId"]);
        assert_eq!(found, expected.map(Untrusted::new));
    }

    #[test]
    fn paths_and_json_in_text() {
        let record = json!({"Status": "{\"errorCode\": 50126}", "DeviceDetail": {"deviceId": "d"}});
        let record = Value::from(&record);
        let fields = Fields::of(&record);
        let status = fields.nested(&["status"]).unwrap_or_default();
        assert_eq!(
            path(&status, "errorcode"),
            Some(&Value::from(&json!(50126)))
        );
        assert_eq!(fields.text(&["deviceDetail.deviceId"]), Some("d".into()));
        assert!(fields.nested(&["deviceDetail.deviceId"]).is_none());
    }

    #[test]
    fn pairs_by_name() {
        let list = json!([{"Name": "UserAgent", "Value": "curl"}, {"key": "ip", "value": ""}]);
        let list = Value::from(&list);
        assert_eq!(pair(&list, "useragent"), Some("curl".into()));
        assert_eq!(pair(&list, "ip"), None);
    }
}
