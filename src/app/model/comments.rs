//! Which comments of ours were seen in the open case and are there no longer.
//!
//! What must not live here: which comments are ours, and what follows when one is gone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::case::Comment;
use crate::domain::text::Untrusted;

/// A reading that began before a comment was recorded has ended by then: twice the longest time a reading takes.
const ENDED: TimeDelta = TimeDelta::seconds(60);

/// What the readings of the comments of the open case say about ours.
#[derive(Clone, Debug, Default)]
pub struct OwnComments {
    seen: BTreeSet<Untrusted>,
    gone: BTreeMap<Untrusted, DateTime<Utc>>,
}

impl OwnComments {
    /// Takes a whole reading: `ours` are the ids of what we posted into the case, with when that was recorded.
    ///
    /// A comment is gone when an earlier reading had it, or when it was recorded so long ago that this reading cannot
    /// have begun before.
    pub fn read(
        &mut self,
        there: &[Comment],
        ours: impl IntoIterator<Item = (Untrusted, DateTime<Utc>)>,
        now: DateTime<Utc>,
    ) {
        let there: BTreeSet<&Untrusted> = there.iter().map(|comment| &comment.id).collect();
        for (id, recorded) in ours {
            if there.contains(&id) {
                self.gone.remove(&id);
                self.seen.insert(id);
            } else if self.seen.contains(&id) || now - recorded > ENDED {
                self.gone.entry(id).or_insert(now);
            }
        }
    }

    /// Tells since when a comment is known to be gone.
    pub fn gone(&self, id: &Untrusted) -> Option<DateTime<Utc>> {
        self.gone.get(id).copied()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn at(second: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 2, 3, 4 + second / 60, second % 60)
            .unwrap()
    }

    fn comment(id: &str) -> Comment {
        Comment {
            id: id.into(),
            author: "ana".into(),
            at: at(0),
            message: "x".into(),
            edited: false,
        }
    }

    #[test]
    fn what_was_never_seen_is_not_gone_at_once() {
        let mut own = OwnComments::default();
        let ours = || [("~1".into(), at(10))];
        own.read(&[], ours(), at(20));
        assert_eq!(own.gone(&"~1".into()), None, "the reading may be older");
        own.read(&[], ours(), at(71));
        assert_eq!(own.gone(&"~1".into()), Some(at(71)));
    }

    #[test]
    fn what_was_seen_is_gone_at_the_first_reading_without_it() {
        let mut own = OwnComments::default();
        let ours = || [("~1".into(), at(10))];
        own.read(&[comment("~1")], ours(), at(11));
        own.read(&[comment("~2")], ours(), at(12));
        own.read(&[], ours(), at(13));
        assert_eq!(own.gone(&"~1".into()), Some(at(12)));
        own.read(&[comment("~1")], ours(), at(14));
        assert_eq!(own.gone(&"~1".into()), None, "it is back");
    }
}
