//! What the screens and the summary say of a watch: until when, what it saw, what was not read.
//!
//! What must not live here: folding, the words for the case (`comments`).

use chrono::{DateTime, TimeDelta, Utc};

use super::RecoveryWatch;
use crate::domain::containment::hold::near_word;
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Cells for the names of what was not read, so that the word fits into a row of 80.
const MISSED: usize = 32;

impl RecoveryWatch {
    /// Gives the words of its end: `watched until 14:20Z`.
    pub fn end_word(&self, now: DateTime<Utc>) -> Safe {
        if let Some(over) = self.over.as_ref().filter(|over| over.early) {
            return safe!("watch ended early {}", near_word(over.at, now));
        }
        let until = near_word(self.until, now);
        if self.until <= now {
            safe!("watch ended {}", until)
        } else {
            safe!("watched until {}", until)
        }
    }

    /// Says that the account was enabled again, as far as that is known.
    pub fn enabled(&self) -> &'static str {
        if self.is_read {
            "enabled again"
        } else {
            "perhaps enabled again"
        }
    }

    /// Gives the word that stands for what it saw, as far as that was read.
    pub fn word(&self) -> Safe {
        match (self.seen.as_slice(), &self.over) {
            ([], None) if !self.missed.is_empty() => unread_word(&self.missed_word()),
            ([], None) => safe!("{}, nothing seen", self.enabled()),
            ([], Some(over)) if over.early => {
                safe!("{}; {}", self.nothing_word(), over.text.line())
            }
            ([], Some(over)) => safe!("watched {}", over.text.line()),
            ([one], _) => safe!("SEEN SINCE: {}", one.text.line()),
            ([.., last], _) => safe!(
                "SEEN SINCE: {}, {} in all",
                last.text.line(),
                self.seen.len()
            ),
        }
    }

    /// Gives the same word, but says so where nothing is known because nobody looked yet.
    pub fn word_once(&self, is_looked_at: bool) -> Safe {
        let is_quiet = self.seen.is_empty() && self.missed.is_empty() && self.over.is_none();
        if is_quiet && !is_looked_at {
            safe!("{}, not looked yet", self.enabled())
        } else {
            self.word()
        }
    }

    /// Says of one that ended before its time that nothing was seen, as far as records tell what was read and when.
    pub fn nothing_word(&self) -> Safe {
        let over = self.over.as_ref();
        self.nothing(over.and_then(|over| Some(near_word(over.looked?, over.at))))
    }

    /// Says the same, for its case, of one that is being ended; `looked` is when all of it was looked at last.
    pub fn nothing_told(&self, looked: Option<DateTime<Utc>>) -> Safe {
        self.nothing(looked.map(time_word))
    }

    fn nothing(&self, looked: Option<Safe>) -> Safe {
        if !self.missed.is_empty() {
            unread_word(&self.missed_word())
        } else if self.there.is_empty() {
            // Its first look reads that list and leaves a record; without one nobody may have looked at all.
            unread_word(&safe!("what is left at {}", self.account.connection))
        } else if let Some(looked) = looked {
            safe!("nothing seen, looked last {}", looked)
        } else {
            // Nobody may have looked since the last console ended, or somebody at another one.
            "nothing seen as far as it was read".into()
        }
    }

    /// Names what was not read, in few cells.
    fn missed_word(&self) -> Safe {
        let names = self.missed.keys();
        let mut names = names.map(|source| Untrusted::new(source.as_str()).field());
        let first = names.next().unwrap_or_default();
        match names.count() {
            0 => first.fit(MISSED),
            more => safe!("{}, {} more", first.fit(MISSED - 9), more),
        }
    }

    /// Composes the summary of a watch that ran to its end; `read` and `unread` are its sources, the latter with reasons.
    pub fn summary(&self, read: &[Safe], unread: &[Safe]) -> Safe {
        let long = long_word(self.until - self.since);
        let comma = Safe::fixed(", ");
        let sources = match read.len() {
            0 => "no source".into(),
            1 => safe!("1 source ({})", Safe::join(read.iter().cloned(), &comma)),
            some => safe!(
                "{} sources ({})",
                some,
                Safe::join(read.iter().cloned(), &comma)
            ),
        };
        let seen = match self.seen.len() {
            0 => "nothing seen".into(),
            1 => "1 thing seen".into(),
            some => safe!("{} things seen", some),
        };
        let mut text = safe!("{}, {}, {}", long, sources, seen);
        if !unread.is_empty() {
            let unread = Safe::join(unread.iter().cloned(), &Safe::fixed("; "));
            text = safe!("{}; not read to the end: {}", text, unread);
        }
        let missed = self.missed.iter().map(|(source, why)| {
            safe!(
                "{} ({})",
                Untrusted::new(source.as_str()).field(),
                why.line()
            )
        });
        if !self.missed.is_empty() {
            let missed = Safe::join(missed, &Safe::fixed("; "));
            text = safe!("{}; not read, or not whole, at some time: {}", text, missed);
        }
        text
    }
}

fn unread_word(names: &Safe) -> Safe {
    safe!("nothing seen in what was read; not read: {}", names)
}

pub(super) fn long_word(long: TimeDelta) -> Safe {
    let minutes = long.num_minutes();
    if minutes < 120 {
        safe!("{} min", minutes)
    } else {
        safe!("{} h", (minutes + 30) / 60)
    }
}
