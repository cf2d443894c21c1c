//! What records say of an item that is to be removed from an account, beside its plan.
//!
//! What must not live here: what follows from it (see `containment::remnant`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{json, long};
use crate::domain::containment::remnant::Item;
use crate::domain::ids::{ActionId, PlanId};
use crate::domain::text::Untrusted;

/// An action removes this; written with its plan, and what is left of the item once it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemNamed {
    /// The plan.
    pub pid: PlanId,
    /// The action.
    pub aid: ActionId,
    /// What it removes.
    pub item: Item,
    /// When the item was made, where the provider tells.
    #[serde(with = "long::micros_option")]
    pub since: Option<DateTime<Utc>>,
    /// The provider's record of it, as JSON; over 4 KiB its hash, length and head, and the whole of it stands in the parts
    /// that follow ([`ItemPart`]), which logs of before have not.
    #[serde(with = "long")]
    pub before: Untrusted,
}

impl ItemNamed {
    /// Cuts what the item was before into the records that keep it whole, in order; none where this record does.
    pub fn parts(&self) -> Vec<ItemPart> {
        let text = self.before.raw();
        if json::escaped_len(text) <= long::WHOLE {
            return Vec::new();
        }
        let pieces = cut(text);
        let of = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        let numbered = pieces.into_iter().zip(1..);
        let part = |(piece, part): (&str, u32)| ItemPart {
            aid: self.aid.clone(),
            part,
            of,
            text: Untrusted::new(piece),
        };
        numbered.map(part).collect()
    }
}

/// Cuts a text into pieces that a field keeps whole.
fn cut(text: &str) -> Vec<&str> {
    let (mut pieces, mut from, mut len) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let more = json::escaped_len(c.encode_utf8(&mut [0; 4]));
        if len + more > long::WHOLE {
            pieces.extend(text.get(from..at));
            (from, len) = (at, 0);
        }
        len += more;
    }
    pieces.extend(text.get(from..));
    pieces
}

/// A part of what an item was before it was removed; all parts of an action, put together in their order, are the record
/// whose hash and length its [`ItemNamed`] carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemPart {
    /// The action.
    pub aid: ActionId,
    /// Which part, from 1.
    pub part: u32,
    /// How many parts there are.
    pub of: u32,
    /// The part, up to 4 KiB escaped.
    #[serde(with = "long")]
    pub text: Untrusted,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::super::samples::chain;
    use super::super::{Body, sha256_hex};
    use super::*;
    use crate::domain::containment::remnant::RemnantKind;

    fn named(before: &str) -> ItemNamed {
        let at = DateTime::from_timestamp_nanos(1_800_000_000_000_001_000);
        ItemNamed {
            pid: PlanId::from_parts(at, 2),
            aid: ActionId::from_parts(at, 1),
            item: Item::new(RemnantKind::InboxRule, "F1", "a rule"),
            since: None,
            before: Untrusted::new(before),
        }
    }

    /// What a reader of the log gets back: of the item's record, and of the parts behind it.
    fn written(before: &str) -> (String, Vec<ItemPart>) {
        let named = named(before);
        let mut bodies = vec![Body::ActionItem(named.clone())];
        bodies.extend(named.parts().into_iter().map(Body::ActionBefore));
        let lines = chain(&bodies);
        assert_eq!(lines.len(), bodies.len(), "every record fits its line");
        let (mut head, mut parts) = (String::new(), Vec::new());
        for (_, entry) in lines {
            match entry.body {
                Body::ActionItem(read) => read.before.raw().clone_into(&mut head),
                Body::ActionBefore(part) => parts.push(part),
                other => panic!("{other:?}"),
            }
        }
        (head, parts)
    }

    fn together(parts: &[ItemPart]) -> String {
        parts.iter().map(|part| part.text.raw()).collect()
    }

    #[rstest]
    #[case::whole("x", 4096, 0)]
    #[case::one_more("x", 4097, 2)]
    #[case::quotes("\"", 2049, 2)]
    #[case::the_longest("x", 16_000, 4)]
    #[case::six_times("\u{e9}", 16_000, 24)]
    #[case::twelve_times("\u{1f600}", 16_000, 47)]
    fn what_is_long_is_kept_whole_in_parts(
        #[case] unit: &str,
        #[case] times: usize,
        #[case] parts: usize,
    ) {
        let before = unit.repeat(times);
        let (head, kept) = written(&before);
        assert_eq!(kept.len(), parts);
        if parts == 0 {
            return assert_eq!(head, before);
        }
        assert_eq!(together(&kept), before);
        assert!(
            head.contains(&sha256_hex(together(&kept).as_bytes())),
            "{head}"
        );
        assert!(
            kept.iter()
                .zip(1..)
                .all(|(part, n)| part.part == n && part.of as usize == parts)
        );
    }

    #[test]
    fn a_record_from_before_there_were_parts_is_read_as_it_was() {
        let mut old = serde_json::to_value(named("{}")).unwrap_or_default();
        old["before"] =
            serde_json::json!({"sha256": "ab".repeat(32), "len": 9000, "head": "{\"id\""});
        let read: Result<ItemNamed, _> = serde_json::from_value(old);
        let before = read.map(|read| read.before.raw().to_owned());
        let before = before.unwrap_or_else(|error| panic!("{error}"));
        assert!(before.starts_with("{\"id\" [cut: 9000 bytes"), "{before}");
    }

    proptest! {
        #[test]
        fn whatever_an_attacker_chose_is_put_together_again(
            units in proptest::collection::vec(any::<String>(), 1..8),
            times in 1usize..400,
        ) {
            let before: String = units.concat().repeat(times).chars().take(16_000).collect();
            let (head, parts) = written(&before);
            let kept = if parts.is_empty() { head } else { together(&parts) };
            prop_assert_eq!(kept, before);
        }
    }
}
