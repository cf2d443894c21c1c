//! Exported logs as events: whatever envelope they are in, whoever wrote them, with every record that could not be read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use super::envelope::{self, Found, Unread};
use super::{FieldError, Source};
use crate::domain::case::RecordFault;
use crate::domain::text::{Excerpt, Untrusted};
use crate::domain::timeline::activity::{Activity, Arrivals, Double};
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
    /// How many records of which source there were.
    pub records: BTreeMap<Source, usize>,
}

/// Reads a log into events; `source` is whose it is, or `None` to tell by each record.
///
/// Text that is not UTF-8 is read as far as it goes (UTF-16 with its mark is understood), with a fault that says so.
/// Records that stand there twice are two events: [`Logs`] tells them.
pub fn read_log(bytes: &[u8], source: Option<Source>) -> LogFile {
    let (text, fault) = text_of(bytes.to_vec());
    let mut log = LogFile::default();
    log.faults.extend(fault.map(of_text));
    let text = Arc::new(text);
    envelope::records(&text, 1, &mut |one| log.take(one, source, &text));
    log
}

fn of_text(reason: &str) -> RecordFault {
    RecordFault {
        record: Untrusted::new("the text"),
        reason: Untrusted::new(reason),
    }
}

fn text_of(bytes: Vec<u8>) -> (String, Option<&'static str>) {
    let wide = |order: fn([u8; 2]) -> u16| {
        let units = bytes
            .chunks_exact(2)
            .skip(1)
            .filter_map(|pair| Some(order(pair.try_into().ok()?)));
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
    };
    match *bytes {
        [0xff, 0xfe, ..] => (wide(u16::from_le_bytes), None),
        [0xfe, 0xff, ..] => (wide(u16::from_be_bytes), None),
        _ => String::from_utf8(bytes).map_or_else(
            |error| {
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let reason = "it is not UTF-8 everywhere; what is not was replaced";
                (text, Some(reason))
            },
            |text| (text, None),
        ),
    }
}

/// Cuts a text at line ends into at most so many, about equal, shares, each with the number of its first line.
fn shares(text: &str, count: usize) -> Vec<(u32, &str)> {
    let size = text.len().div_ceil(count.max(1)).max(1);
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
    fn take(&mut self, one: Result<Found<'_>, Unread>, source: Option<Source>, text: &Arc<String>) {
        let (line, reason) = match one {
            Ok(found) => match self.decode(&found, source, text) {
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

    fn decode(
        &mut self,
        found: &Found<'_>,
        source: Option<Source>,
        text: &Arc<String>,
    ) -> Result<(), String> {
        let source = source
            .or_else(|| Source::detect(&found.value))
            .ok_or("a record of no log that is known")?;
        let before = self.events.len();
        source
            .decode(&found.value, &mut self.events)
            .map_err(|error: FieldError| error.to_string())?;
        *self.records.entry(source).or_default() += 1;
        let raw = match found.raw {
            Some(raw) => Excerpt::of(text, raw),
            None => Excerpt::new(found.value.written()),
        };
        for event in self.events.iter_mut().skip(before) {
            event.line = found.line;
            event.source = source.key();
            event.raw = raw.clone();
        }
        Ok(())
    }
}

/// Logs on their way into one activity.
#[derive(Debug, Default)]
pub struct Logs {
    arrivals: Arrivals,
    faults: Vec<RecordFault>,
    /// How many of the faults say which file they are of.
    named: usize,
    /// Files by name, each with how many events there were at its end.
    files: Vec<(usize, String)>,
    records: BTreeMap<Source, usize>,
}

/// What logs held.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The events; of records that stand there twice only the first.
    pub activity: Activity,
    /// Records that could not be read, each with its line.
    pub faults: Vec<RecordFault>,
    /// Records with the id of an earlier one.
    pub doubles: Vec<RecordFault>,
    /// How many records of which source there were.
    pub records: BTreeMap<Source, usize>,
}

impl Logs {
    /// Reads one log as [`read_log`] does, each event completed before it is kept.
    ///
    /// JSON lines are read by as many threads as there are ways to complete events; without one nothing is read.
    pub fn read<F>(&mut self, bytes: Vec<u8>, source: Option<Source>, complete: &mut [F])
    where
        F: FnMut(&mut Event) + Send,
    {
        let (text, fault) = text_of(bytes);
        self.faults.extend(fault.map(of_text));
        let text = &Arc::new(text);
        if text.len() < 2 * SHARE || complete.len() < 2 || !envelope::is_lines(text) {
            if let Some(complete) = complete.first_mut() {
                let read = |sink: Sink<'_>| envelope::records(text, 1, sink);
                self.add(gathered(text, source, complete, read));
            }
            return;
        }
        let parts = shares(text, complete.len());
        let gathered: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = parts
                .into_iter()
                .zip(complete)
                .map(|((first, part), complete)| {
                    let read = move |sink: Sink<'_>| envelope::lines(part, first, sink);
                    scope.spawn(move || gathered(text, source, complete, read))
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
        for part in gathered {
            self.add(part);
        }
    }

    /// Takes note that there may be more in the file than its bytes gave, and why.
    pub fn broken(&mut self, reason: &str) {
        // It is why others follow.
        let fault = RecordFault {
            record: Untrusted::new("the end"),
            reason: Untrusted::new(format!("{reason}; what came before was read")),
        };
        self.faults.insert(self.named.min(self.faults.len()), fault);
    }

    /// Says of what could not be read, since this was said last, which file it is in: where there are several.
    pub fn came_from(&mut self, file: &str) {
        for fault in self.faults.iter_mut().skip(self.named) {
            fault.record = Untrusted::new(format!("{file}, {}", fault.record.raw()));
        }
        self.named = self.faults.len();
        self.files.push((self.arrivals.len(), file.to_owned()));
    }

    /// Names a line, with its file where there are several; `place` is how many events there were before its own.
    fn line_word(files: &[(usize, String)], line: u32, place: usize) -> String {
        match files.iter().find(|(end, _)| place < *end) {
            Some((_, file)) => format!("{file}, line {line}"),
            None => format!("line {line}"),
        }
    }

    fn add(&mut self, (arrivals, log): (Arrivals, LogFile)) {
        self.arrivals.append(arrivals);
        self.faults.extend(log.faults);
        for (source, count) in log.records {
            *self.records.entry(source).or_default() += count;
        }
    }

    /// Puts everything that was read into the order of time.
    pub fn settled(self) -> Read {
        let (activity, doubles) = self.arrivals.settled();
        Read {
            activity,
            faults: self.faults,
            doubles: doubles.iter().map(|one| double(&self.files, one)).collect(),
            records: self.records,
        }
    }
}

impl Read {
    /// Reads one log by itself.
    pub fn of(bytes: &[u8], source: Option<Source>) -> Self {
        let mut logs = Logs::default();
        logs.read(bytes.to_vec(), source, &mut [|_: &mut Event| ()]);
        logs.settled()
    }
}

/// Takes the records of a text.
type Sink<'a> = &'a mut dyn FnMut(Result<Found<'_>, Unread>);

fn gathered(
    text: &Arc<String>,
    source: Option<Source>,
    complete: &mut impl FnMut(&mut Event),
    read: impl FnOnce(Sink<'_>),
) -> (Arrivals, LogFile) {
    let mut log = LogFile::default();
    let mut arrivals = Arrivals::default();
    read(&mut |one| {
        log.take(one, source, text);
        for mut event in log.events.drain(..) {
            complete(&mut event);
            arrivals.push(event);
        }
    });
    (arrivals, log)
}

/// Names a record with the id of an earlier one.
fn double(files: &[(usize, String)], double: &Double) -> RecordFault {
    let [own, first] = double.places;
    let first = Logs::line_word(files, double.first, first);
    let reason = if double.same {
        format!("the same record as in {first}, left out")
    } else {
        format!("the id of {first} on another record, kept")
    };
    RecordFault {
        record: Untrusted::new(Logs::line_word(files, double.line, own)),
        reason: Untrusted::new(reason),
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
        let mut logs = Logs::default();
        logs.read(
            text.clone().into_bytes(),
            None,
            &mut [|_: &mut Event| (); 3],
        );
        let (shared, whole) = (logs.settled(), Read::of(text.as_bytes(), None));
        let told = |read: &Read| {
            let rows = read.activity.rows();
            let rows: Vec<String> = rows
                .map(|row| format!("{:?} {:?} {}", row.id(), row.raw(), row.line()))
                .collect();
            (rows, read.faults.clone(), read.records.clone())
        };
        assert_eq!(told(&shared), told(&whole));
        assert_eq!(shared.activity.len(), 4_000);
        let last = shared.activity.rows().find(|row| row.line() == 4_001);
        let last = last.and_then(|row| row.id()).map(Untrusted::raw);
        assert_eq!(last, Some("3999"));
        assert_eq!(shared.faults[0].record.raw(), "line 2");
    }

    #[test]
    fn doubles_are_left_out_and_shared_ids_named() {
        let other = line(1).replace("session.start", "session.end");
        let text = format!("{}{}{other}", line(1), line(1));
        let log = Read::of(text.as_bytes(), None);
        let lines: Vec<u32> = log.activity.rows().map(|row| row.line()).collect();
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
