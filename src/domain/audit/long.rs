//! Serde forms of fields that may be long, and of times: cut to hash, length and head; microseconds.
//!
//! What must not live here: the limits of a line as a whole (see `json`).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{hash, json};
use crate::domain::text::Untrusted;

/// Escaped bytes up to which a field is written whole.
pub(super) const WHOLE: usize = 4096;
/// Characters of a longer field that are kept.
const HEAD: usize = 256;

/// What is kept of a field that is too long.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cut {
    sha256: String,
    len: u64,
    head: String,
}

impl Cut {
    fn of(raw: &str) -> Self {
        Self {
            sha256: hash::sha256_hex(raw.as_bytes()),
            len: raw.len() as u64,
            head: raw.chars().take(HEAD).collect(),
        }
    }

    fn into_text(self) -> Untrusted {
        let Self { sha256, len, head } = self;
        Untrusted::new(format!("{head} [cut: {len} bytes, sha256 {sha256}]"))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WholeOrCut {
    Whole(String),
    Cut(Cut),
}

impl From<WholeOrCut> for Untrusted {
    fn from(read: WholeOrCut) -> Self {
        match read {
            WholeOrCut::Whole(text) => Self::new(text),
            WholeOrCut::Cut(cut) => cut.into_text(),
        }
    }
}

pub(super) fn serialize<S: Serializer>(text: &Untrusted, to: S) -> Result<S::Ok, S::Error> {
    if json::escaped_len(text.raw()) <= WHOLE {
        to.serialize_str(text.raw())
    } else {
        Cut::of(text.raw()).serialize(to)
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Untrusted, D::Error> {
    WholeOrCut::deserialize(from).map(Untrusted::from)
}

/// The same for a field that may be missing (`null`).
pub(super) mod option {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Untrusted, WholeOrCut};

    #[expect(
        clippy::ref_option,
        reason = "serde calls it with a reference to the field"
    )]
    pub(in crate::domain::audit) fn serialize<S: Serializer>(
        text: &Option<Untrusted>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match text {
            Some(text) => super::serialize(text, to),
            None => None::<()>.serialize(to),
        }
    }

    pub(in crate::domain::audit) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Untrusted>, D::Error> {
        Ok(Option::<WholeOrCut>::deserialize(from)?.map(Untrusted::from))
    }
}

/// The same for a whole JSON value.
pub(super) mod value {
    use super::{Cut, Deserialize, Deserializer, Serialize, Serializer, Value, WHOLE};
    use serde::ser::Error;

    pub(in crate::domain::audit) fn serialize<S: Serializer>(
        value: &Value,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(value).map_err(S::Error::custom)?;
        if super::json::escaped_len(&text) <= WHOLE {
            value.serialize(to)
        } else {
            Cut::of(&text).serialize(to)
        }
    }

    pub(in crate::domain::audit) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Value, D::Error> {
        Value::deserialize(from)
    }
}

/// Times as RFC 3339 in UTC with microseconds.
pub(super) mod micros {
    use super::{DateTime, Deserialize, Deserializer, SecondsFormat, Serializer, Utc};

    pub(in crate::domain::audit) fn serialize<S: Serializer>(
        at: &DateTime<Utc>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub(in crate::domain::audit) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(from)
    }
}

/// The same for a time that may be missing (`null`).
pub(super) mod micros_option {
    use super::{DateTime, Deserialize, Deserializer, Serialize, Serializer, Utc, micros};

    #[expect(
        clippy::ref_option,
        reason = "serde calls it with a reference to the field"
    )]
    pub(in crate::domain::audit) fn serialize<S: Serializer>(
        at: &Option<DateTime<Utc>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => micros::serialize(at, to),
            None => None::<()>.serialize(to),
        }
    }

    pub(in crate::domain::audit) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::<DateTime<Utc>>::deserialize(from)
    }
}
