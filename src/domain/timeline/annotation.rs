//! What people said of events: marks, tags, notes, what went into the case, and events they typed in themselves.
//!
//! Folded from records; an event is known again by its key, so a new search or a restart finds what was said of it. What
//! must not live here: how records look in the log (`domain::audit`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveTime, Utc};

use crate::domain::audit::{Saying, TimelineSaid};
use crate::domain::ids::RecordId;
use crate::domain::text::Untrusted;

/// A note on an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The note.
    pub text: Untrusted,
    /// The operator.
    pub by: Untrusted,
    /// When.
    pub at: DateTime<Utc>,
}

/// All that was said of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotation {
    /// Whether it is marked.
    pub marked: bool,
    /// Its tags.
    pub tags: BTreeSet<Untrusted>,
    /// Notes, oldest first.
    pub notes: Vec<Remark>,
    /// The comment that carries it into the case, once it was asked for, and when.
    pub posted: Option<(Option<RecordId>, DateTime<Utc>)>,
}

impl Annotation {
    /// Tells whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that happened outside of every log: the user called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualEvent {
    /// Its name, by which it is taken back.
    pub key: Untrusted,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What.
    pub text: Untrusted,
    /// Who typed it in.
    pub by: Untrusted,
}

/// All that was said in one case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    events: BTreeMap<Untrusted, Annotation>,
    manual: BTreeMap<Untrusted, ManualEvent>,
}

impl Annotations {
    /// Folds one record of an operator.
    pub fn apply(&mut self, said: &TimelineSaid, by: &Untrusted, at: DateTime<Utc>) {
        let text = said.text.clone().unwrap_or_default();
        match said.what {
            Saying::Manual => {
                let event = ManualEvent {
                    key: said.event.clone(),
                    at: said.at.unwrap_or(at),
                    text,
                    by: by.clone(),
                };
                self.manual.insert(said.event.clone(), event);
                return;
            }
            Saying::Withdraw => {
                self.manual.remove(&said.event);
                return;
            }
            _ => {}
        }
        let event = self.events.entry(said.event.clone()).or_default();
        match said.what {
            Saying::Mark => event.marked = true,
            Saying::Unmark => event.marked = false,
            Saying::Tag => {
                event.tags.insert(text);
            }
            Saying::Untag => {
                event.tags.remove(&text);
            }
            Saying::Note => event.notes.push(Remark {
                text,
                by: by.clone(),
                at,
            }),
            Saying::Post => event.posted = Some((said.rid.clone(), at)),
            Saying::Manual | Saying::Withdraw => {}
        }
        if event.is_empty() {
            self.events.remove(&said.event);
        }
    }

    /// Tells whether nothing was said of any event of a log.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Gives what was said of an event.
    pub fn of(&self, key: &Untrusted) -> Option<&Annotation> {
        self.events.get(key)
    }

    /// Gives the events that were typed in.
    pub fn manual(&self) -> impl Iterator<Item = &ManualEvent> {
        self.manual.values()
    }

    /// Gives all tags.
    pub fn tags(&self) -> impl Iterator<Item = &Untrusted> {
        self.events.values().flat_map(|event| &event.tags)
    }
}

/// Reads `10:30 user phoned` with a time of day in UTC, or `2026-11-21 10:30 ...`; without a time it is now.
///
/// A time of day that lies ahead is that of the day before. `None` where no text is left, where the time lies ahead,
/// where what stands first looks like a time or a day and is none, and where a day stands without a time.
pub fn read_manual(line: &str, now: DateTime<Utc>) -> Option<(DateTime<Utc>, String)> {
    let line = line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let date = first.parse::<chrono::NaiveDate>().ok();
    let (word, rest) = match date {
        Some(_) => {
            let rest = rest.trim_start();
            rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
        }
        None => (first, rest),
    };
    let word = word.strip_suffix(['Z', 'z']).unwrap_or(word);
    let parsed = ["%H:%M:%S", "%H:%M"]
        .into_iter()
        .find_map(|form| NaiveTime::parse_from_str(word, form).ok());
    let (at, text) = match (date, parsed) {
        (Some(date), Some(time)) => (date.and_time(time).and_utc(), rest),
        (None, Some(time)) => {
            let today = now.date_naive().and_time(time).and_utc();
            let at = if today > now {
                today - Duration::days(1)
            } else {
                today
            };
            (at, rest)
        }
        // Recorded as now it would say when it did not happen.
        (Some(_), None) => return None,
        (None, None) if is_like_time(first) => return None,
        (None, None) => (now, line),
    };
    let text = text.trim();
    (!text.is_empty() && at <= now).then(|| (at, text.to_owned()))
}

/// Tells whether a word is meant as a time or a day: `25:99`, `2026-13-01`; `3-day`, `10` and addresses are not.
fn is_like_time(word: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let is_clock = word.split_once(':').is_some_and(|(hour, rest)| {
        hour.chars().all(is_digit)
            && (rest.is_empty() || rest.starts_with(is_digit))
            && word.matches(':').count() <= 2
            && !word.contains("::")
    });
    let is_day = word.contains('-') && word.chars().all(|c| is_digit(c) || "-:.,+TZtz".contains(c));
    word.starts_with(is_digit) && (is_clock || is_day)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::ids::{CaseId, ConnectionName};

    fn now() -> DateTime<Utc> {
        "2026-11-21T10:45:00Z".parse().unwrap_or_default()
    }

    #[rstest]
    #[case("10:30 user phoned", Some(("2026-11-21T10:30:00Z", "user phoned")))]
    #[case("10:30Z  user phoned ", Some(("2026-11-21T10:30:00Z", "user phoned")))]
    #[case("23:59:10 late", Some(("2026-11-20T23:59:10Z", "late")))]
    #[case("2026-11-19 08:00 badge lost", Some(("2026-11-19T08:00:00Z", "badge lost")))]
    #[case("user phoned", Some(("2026-11-21T10:45:00Z", "user phoned")))]
    #[case("3-day leave began", Some(("2026-11-21T10:45:00Z", "3-day leave began")))]
    #[case("10 users phoned", Some(("2026-11-21T10:45:00Z", "10 users phoned")))]
    #[case("203.0.113.7:443 seen", Some(("2026-11-21T10:45:00Z", "203.0.113.7:443 seen")))]
    #[case("2001:4860::8888 seen", Some(("2026-11-21T10:45:00Z", "2001:4860::8888 seen")))]
    #[case("25:99 odd", None)]
    #[case("10:30, user phoned", None)]
    #[case("25:99", None)]
    #[case("10:3x odd", None)]
    #[case("10: odd", None)]
    #[case("2026-13-01 08:00 odd", None)]
    #[case("2026-11-19T08:00 odd", None)]
    #[case("2026-11-19 25:99 odd", None)]
    #[case("2026-11-19 badge lost", None)]
    #[case("2026-11-22 08:00 tomorrow", None)]
    #[case("10:30", None)]
    #[case("  ", None)]
    fn a_line_is_a_time_and_a_text(#[case] line: &str, #[case] expected: Option<(&str, &str)>) {
        let read = read_manual(line, now());
        let expected = expected.map(|(at, text)| (at.parse().unwrap_or_default(), text.to_owned()));
        assert_eq!(read, expected);
    }

    fn said(what: Saying, event: &str, text: Option<&str>) -> TimelineSaid {
        let connection = ConnectionName::parse("hive").unwrap_or_else(|e| panic!("{e:?}"));
        TimelineSaid {
            case: CaseId::new(connection, "~1"),
            account: None,
            event: event.into(),
            at: None,
            what,
            text: text.map(Untrusted::new),
            rid: None,
        }
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let mut all = Annotations::default();
        let mut tell = |what, text| all.apply(&said(what, "e1", text), &"jo".into(), now());
        tell(Saying::Mark, None);
        tell(Saying::Tag, Some("c2"));
        tell(Saying::Note, Some("seen before"));
        tell(Saying::Manual, Some("user phoned"));
        let event = all.of(&"e1".into()).cloned().unwrap_or_default();
        assert!(event.marked && event.tags.contains(&"c2".into()));
        assert_eq!(event.notes.len(), 1);
        assert_eq!(all.manual().count(), 1);
        let mut all = Annotations::default();
        let mut tell = |what, text| all.apply(&said(what, "e1", text), &"jo".into(), now());
        tell(Saying::Mark, None);
        tell(Saying::Unmark, None);
        tell(Saying::Tag, Some("c2"));
        tell(Saying::Untag, Some("c2"));
        tell(Saying::Manual, Some("user phoned"));
        tell(Saying::Withdraw, None);
        assert_eq!(all, Annotations::default());
    }
}
