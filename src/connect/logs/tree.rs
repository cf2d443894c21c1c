//! A JSON value that borrows its text from the log it stands in, so that a hundred thousand records are read without
//! copying what nobody looks at.
//!
//! It holds what `serde_json::Value` holds: fields in their order, of a name that stands there twice the last value.
//! What must not live here: vendors' fields.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Number;

use crate::connect::decode::{Json, Scalar};

/// Up to so many fields a name is looked for by walking through them.
const FEW: usize = 24;

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value<'t> {
    /// `null`.
    #[default]
    Null,
    /// A flag.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text; borrowed where it has no escapes.
    String(Cow<'t, str>),
    /// A list.
    Array(Vec<Value<'t>>),
    /// An object.
    Object(Object<'t>),
}

/// The fields of an object, in their order, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Object<'t>(Vec<(Cow<'t, str>, Value<'t>)>);

impl<'t> Value<'t> {
    /// Reads a text that is one value.
    pub(super) fn read(text: &'t str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Writes it as compact JSON.
    pub(super) fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Gives a field of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    pub(super) fn as_object(&self) -> Option<&Object<'t>> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    pub(super) fn as_array(&self) -> Option<&Vec<Self>> {
        match self {
            Self::Array(all) => Some(all),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    pub(super) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub(super) fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    pub(super) fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<'t> Object<'t> {
    /// Gives a field.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'t>> {
        self.0
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value)
    }

    /// Gives all fields in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value<'t>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Tells whether a field has a name in small letters.
    pub(super) fn has_lower(&self, name: &str) -> bool {
        let small = || name.bytes().map(|byte| byte.to_ascii_lowercase());
        self.0
            .iter()
            .any(|(own, _)| own.len() == name.len() && own.bytes().eq(small()))
    }

    /// Takes a field out, with its place.
    pub(super) fn take(&mut self, name: &str) -> Option<(usize, Value<'t>)> {
        let place = self.0.iter().position(|(own, _)| own == name)?;
        Some((place, self.0.remove(place).1))
    }

    /// Puts a field that is not there at a place.
    pub(super) fn put(&mut self, place: usize, name: &'t str, value: Value<'t>) {
        self.0
            .insert(place.min(self.0.len()), (Cow::Borrowed(name), value));
    }

    /// Gives a field another name.
    pub(super) fn rename(&mut self, from: &str, to: &'static str) {
        if let Some((_, value)) = self.take(from) {
            self.0.push((Cow::Borrowed(to), value));
        }
    }

    /// Keeps of each name the last value, at the place of the first.
    fn of(fields: Vec<(Cow<'t, str>, Value<'t>)>) -> Self {
        let is_plain = fields.len() <= FEW
            && fields
                .iter()
                .enumerate()
                .all(|(place, (name, _))| fields.iter().take(place).all(|(own, _)| own != name));
        if is_plain {
            return Self(fields);
        }
        let mut places: HashMap<Cow<'t, str>, usize> = HashMap::with_capacity(fields.len());
        let mut kept: Vec<(Cow<'t, str>, Value<'t>)> = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let place = *places.entry(name.clone()).or_insert(kept.len());
            match kept.get_mut(place) {
                Some(known) => known.1 = value,
                None => kept.push((name, value)),
            }
        }
        Self(kept)
    }
}

impl PartialEq<str> for Value<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl Json for Value<'_> {
    fn field(&self, name: &str) -> Option<&Self> {
        self.get(name)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.as_object().into_iter().flat_map(Object::iter)
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

impl<'t> From<&'t serde_json::Value> for Value<'t> {
    fn from(value: &'t serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(*flag),
            serde_json::Value::Number(number) => Self::Number(number.clone()),
            serde_json::Value::String(text) => Self::String(Cow::Borrowed(text)),
            serde_json::Value::Array(all) => Self::Array(all.iter().map(Self::from).collect()),
            serde_json::Value::Object(fields) => {
                let own = |(name, value)| (Cow::Borrowed(String::as_str(name)), Self::from(value));
                Self::Object(Object(fields.iter().map(own).collect()))
            }
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(flag) => to.serialize_bool(*flag),
            Self::Number(number) => number.serialize(to),
            Self::String(text) => to.serialize_str(text),
            Self::Array(all) => to.collect_seq(all),
            Self::Object(fields) => {
                let mut map = to.serialize_map(Some(fields.0.len()))?;
                for (name, value) in fields.iter() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'t> Deserialize<'t> for Value<'t> {
    fn deserialize<D: Deserializer<'t>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reading)
    }
}

/// Makes a value of what the parser meets.
struct Reading;

impl<'t> Visitor<'t> for Reading {
    type Value = Value<'t>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'t>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value<'t>, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'t>, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'t>, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'t>, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'t>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Value<'t>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_string<E>(self, text: String) -> Result<Value<'t>, E> {
        Ok(Value::String(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut from: A) -> Result<Value<'t>, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = from.next_element()? {
            all.push(one);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'t>>(self, mut from: A) -> Result<Value<'t>, A::Error> {
        let mut fields = Vec::new();
        while let Some(Name(name)) = from.next_key()? {
            fields.push((name, from.next_value()?));
        }
        Ok(Value::Object(Object::of(fields)))
    }
}

/// The name of a field.
struct Name<'t>(Cow<'t, str>);

impl<'t> Deserialize<'t> for Name<'t> {
    fn deserialize<D: Deserializer<'t>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Naming)
    }
}

struct Naming;

impl<'t> Visitor<'t> for Naming {
    type Value = Name<'t>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Name<'t>, E> {
        Ok(Name(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Name<'t>, E> {
        Ok(Name(Cow::Borrowed(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn reads_as_serde_does(text: &str) {
        let own = Value::read(text);
        match serde_json::from_str::<serde_json::Value>(text) {
            Err(error) => {
                let own = own
                    .map(|value| value.written())
                    .map_err(|own| own.to_string());
                assert_eq!(own, Err(error.to_string()), "{text}");
            }
            Ok(known) => {
                let own = own.unwrap_or_default();
                assert_eq!(own.written(), known.to_string(), "{text}");
                assert_eq!(own, Value::from(&known), "{text}");
            }
        }
    }

    #[rstest]
    #[case(
        r#"{"a":1,"b":-2,"c":1.50,"d":1e400,"e":18446744073709551615,"f":[true,null,"\u00fc\n"]}"#
    )]
    #[case(r#"{"a":1,"b":2,"a":{"c":3}}"#)]
    #[case(r#"{"a\u0062":1,"ab":2}"#)]
    #[case("\"\\ud800\"")]
    #[case("{\"a\":}")]
    #[case("[1,2")]
    #[case("1 2")]
    #[case("")]
    fn the_same_as_another_reader(#[case] text: &str) {
        reads_as_serde_does(text);
    }

    #[test]
    fn of_many_fields_the_last_of_a_name_counts_and_time_does_not_explode() {
        let fields: Vec<String> = (0..200_000)
            .map(|n| format!("\"k{}\":{n}", n % 150_000))
            .collect();
        let text = format!("{{{}}}", fields.join(","));
        reads_as_serde_does(&text);
    }

    #[test]
    fn deep_nesting_is_refused_and_not_a_crash() {
        reads_as_serde_does(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_another_reader_reads_it(
            text in "(?s)[\\[\\]{}\",:a1\\\\.\\-eu\n ]{0,40}",
            fields in prop::collection::vec(("[a-c]{1,2}", "([0-9]{1,3}|\"[a-z\u{e4}]{0,3}\"|\\[\\]|\\{\"a\":1,\"a\":2\\})"), 0..30),
        ) {
            reads_as_serde_does(&text);
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            reads_as_serde_does(&format!("{{{}}}", fields.join(",")));
        }
    }
}
