//! An exported log as events: whatever envelope it is in, whoever wrote it, with every record that could not be read.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::thread;

use super::envelope::{self, Found, Unread};
use super::{FieldError, Source};
use crate::domain::case::RecordFault;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::Event;

/// Bytes of JSON lines that are worth a thread of their own.
const SHARE: usize = 1 << 20;

/// What a log held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogFile {
    /// The events, in the order of the text.
    pub events: Vec<Event>,
    /// Records that could not be read, each with its line.
    pub faults: Vec<RecordFault>,
    /// Records with the id of an earlier one.
    pub doubles: Vec<RecordFault>,
    /// How many records of which source there were.
    pub records: BTreeMap<Source, usize>,
}

/// Reads a log; `source` is whose it is, or `None` to tell by each record.
///
/// Text that is not UTF-8 is read as far as it goes (UTF-16 with its mark is understood), with a fault that says so.
pub fn read_log(bytes: &[u8], source: Option<Source>) -> LogFile {
    let (text, fault) = text_of(bytes);
    let mut log = read_text(&text, source);
    if let Some(reason) = fault {
        log.faults.insert(
            0,
            RecordFault {
                record: Untrusted::new("the text"),
                reason: Untrusted::new(reason),
            },
        );
    }
    log
}

fn text_of(bytes: &[u8]) -> (std::borrow::Cow<'_, str>, Option<&'static str>) {
    let wide = |order: fn([u8; 2]) -> u16| {
        let units = bytes
            .chunks_exact(2)
            .skip(1)
            .filter_map(|pair| Some(order(pair.try_into().ok()?)));
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
    };
    match bytes {
        [0xff, 0xfe, ..] => (wide(u16::from_le_bytes).into(), None),
        [0xfe, 0xff, ..] => (wide(u16::from_be_bytes).into(), None),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => (text.into(), None),
            Err(_) => (
                String::from_utf8_lossy(bytes),
                Some("it is not UTF-8 everywhere; what is not was replaced"),
            ),
        },
    }
}

fn read_text(text: &str, source: Option<Source>) -> LogFile {
    if text.len() < 2 * SHARE || !envelope::is_lines(text) {
        let mut log = LogFile::default();
        envelope::records(text, 1, &mut |one| log.take(one, source));
        return log;
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts = shares(text, threads.min(8));
    let logs: Vec<LogFile> = thread::scope(|scope| {
        let running: Vec<_> = parts
            .into_iter()
            .map(|(first, part)| {
                scope.spawn(move || {
                    let mut log = LogFile::default();
                    envelope::lines(part, first, &mut |one| log.take(one, source));
                    log
                })
            })
            .collect();
        running
            .into_iter()
            .map(|one| {
                one.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    logs.into_iter().fold(LogFile::default(), LogFile::joined)
}

/// Cuts a text at line ends into about equal shares, each with the number of its first line.
fn shares(text: &str, count: usize) -> Vec<(u32, &str)> {
    let size = (text.len() / count.max(1)).max(1);
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut first = 1_u32;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let end = rest
            .bytes()
            .skip(size)
            .position(|byte| byte == b'\n')
            .map_or(rest.len(), |at| size + at + 1);
        let (own, after) = rest.split_at(end);
        all.push((first, own));
        let feeds = own.bytes().filter(|byte| *byte == b'\n').count();
        first = first.saturating_add(u32::try_from(feeds).unwrap_or(u32::MAX));
        rest = after;
    }
    all
}

impl LogFile {
    /// Drops records that stand there twice, and names those that only share an id.
    #[must_use]
    pub fn without_doubles(mut self) -> Self {
        let mut seen: HashMap<&str, &Event> = HashMap::with_capacity(self.events.len());
        let mut kept = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let first = if event.id.is_empty() {
                None
            } else {
                match seen.entry(event.id.raw()) {
                    Entry::Occupied(first) => Some(*first.get()),
                    Entry::Vacant(place) => {
                        place.insert(event);
                        None
                    }
                }
            };
            let is_double =
                first.is_some_and(|first| first.raw == event.raw && first.action == event.action);
            kept.push(!is_double);
            let Some(first) = first else { continue };
            let reason = if is_double {
                format!("the same record as in line {}, left out", first.line)
            } else {
                format!("the id of line {} on another record, kept", first.line)
            };
            self.doubles.push(RecordFault {
                record: Untrusted::new(format!("line {}", event.line)),
                reason: Untrusted::new(reason),
            });
        }
        if kept.contains(&false) {
            let mut kept = kept.into_iter();
            self.events.retain(|_| kept.next() == Some(true));
        }
        self
    }

    fn take(&mut self, one: Result<Found<'_>, Unread>, source: Option<Source>) {
        let (line, reason) = match one {
            Ok(found) => match self.decode(&found, source) {
                Ok(()) => return,
                Err(reason) => (found.line, reason),
            },
            Err(unread) => (unread.line, unread.reason),
        };
        self.faults.push(RecordFault {
            record: Untrusted::new(format!("line {line}")),
            reason: Untrusted::new(reason),
        });
    }

    fn decode(&mut self, found: &Found<'_>, source: Option<Source>) -> Result<(), String> {
        let source = source
            .or_else(|| Source::detect(&found.value))
            .ok_or("a record of no log that is known")?;
        let before = self.events.len();
        source
            .decode_text(&found.value, found.raw, &mut self.events)
            .map_err(|error: FieldError| error.to_string())?;
        *self.records.entry(source).or_default() += 1;
        for event in self.events.iter_mut().skip(before) {
            event.line = found.line;
            event.source = source.key();
        }
        Ok(())
    }

    /// Adds what another log held.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        if self.events.is_empty() {
            self.events = other.events;
        } else {
            self.events.extend(other.events);
        }
        self.faults.extend(other.faults);
        self.doubles.extend(other.doubles);
        for (source, count) in other.records {
            *self.records.entry(source).or_default() += count;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn line(number: usize) -> String {
        format!(
            "{{\"uuid\":\"{number}\",\"eventType\":\"user.session.start\",\"published\":\"2026-11-21T03:00:00Z\",\"actor\":{{\"id\":\"1\"}},\"pad\":\"{}\"}}\n",
            "x".repeat(900)
        )
    }

    #[test]
    fn a_long_log_read_in_shares_is_the_same_as_a_short_one() {
        let mut text: String = (0..4_000).map(line).collect();
        text.insert_str(line(0).len(), "{broken\n");
        assert!(text.len() > 2 * SHARE);
        let shared = read_log(text.as_bytes(), None);
        let mut whole = LogFile::default();
        envelope::records(&text, 1, &mut |one| whole.take(one, None));
        assert_eq!(shared, whole);
        assert_eq!(shared.events.len(), 4_000);
        let last = shared
            .events
            .last()
            .map(|event| (event.id.raw(), event.line));
        assert_eq!(last, Some(("3999", 4_001)));
        assert_eq!(shared.faults[0].record.raw(), "line 2");
    }

    #[test]
    fn doubles_are_left_out_and_shared_ids_named() {
        let other = line(1).replace("session.start", "session.end");
        let text = format!("{}{}{other}", line(1), line(1));
        let log = read_log(text.as_bytes(), None).without_doubles();
        let lines: Vec<u32> = log.events.iter().map(|event| event.line).collect();
        assert_eq!(lines, [1, 3]);
        let told: Vec<&str> = log.doubles.iter().map(|fault| fault.reason.raw()).collect();
        assert_eq!(
            told,
            [
                "the same record as in line 1, left out",
                "the id of line 1 on another record, kept"
            ]
        );
    }

    #[rstest]
    #[case::bad_bytes(&[b"{\"a\":\"\xff\"}\n".as_slice(), line(1).as_bytes()].concat(), 1, 2)]
    #[case::wide(&wide(&line(1)), 1, 0)]
    #[case::unknown(b"{\"a\":1}\n", 0, 1)]
    #[case::nothing(b"", 0, 0)]
    fn odd_texts(#[case] bytes: &[u8], #[case] events: usize, #[case] faults: usize) {
        let log = read_log(bytes, None);
        assert_eq!(
            (log.events.len(), log.faults.len()),
            (events, faults),
            "{log:?}"
        );
    }

    fn wide(text: &str) -> Vec<u8> {
        std::iter::once(0xfeff)
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect()
    }
}
