//! Verification of a whole log in one pass, in memory that does not grow with the log.
//!
//! A line that is no record is either the torn end of a write, which the next writer names in `log.recovered`
//! (a warning), or something else (a fault). A torn line never carries the complete end of a record: one that does
//! was altered, and naming it does not help.
//!
//! What must not live here: reading files, what records mean, words for the reader (see `cli::audit`).

mod beyond;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::entry::{self, MAX_LINE, Raw, SUFFIX};
use super::fault::{Fault, Reason, Warning};
use super::hash::{ChainHash, hex};
use super::sessions::Sessions;
pub use beyond::Expectations;

/// Faults and warnings that are kept; more are only counted.
const KEPT: usize = 100;

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Id of the log: the one its files are named after, or else that of its first record.
    pub log: Option<String>,
    /// Whole records read.
    pub records: u64,
    /// Lines that are no records, and no torn writes that a writer named or may still name: each is in a fault.
    pub unread: u64,
    /// Segments read.
    pub segments: u64,
    /// Sessions opened.
    pub sessions: u64,
    /// Number and hash of the last record, when there is one.
    pub head: Option<(u64, ChainHash)>,
    /// The first 100 faults.
    pub faults: Vec<Fault>,
    /// How many faults there are.
    pub faults_total: u64,
    /// The first 100 warnings.
    pub warnings: Vec<Warning>,
    /// How many warnings there are.
    pub warnings_total: u64,
    /// Checkpoints that hold: they say what stands before them and are signed with the key of their session.
    pub checkpoints: u64,
    /// Anchors that name a record that is here, as it is here.
    pub anchors: u64,
    /// The last record that such an anchor names with no fault before it: up to it, nothing is missing but what was
    /// removed on purpose (see [`Self::pruned`]).
    pub anchored: Option<u64>,
    /// Anchors that name a record that is not here, or is another; not those from before the first record here.
    pub unmet: Vec<(u64, ChainHash)>,
    /// Anchors that name a record from before the first one here: nothing here can be held against them.
    pub earlier: Vec<(u64, ChainHash)>,
    /// The greatest record that an anchor names and that is missing at the end; one of the faults.
    pub truncated: Option<u64>,
    /// Places where a required checkpoint is missing; each is one of the faults.
    pub unsealed: u64,
    /// The last segment that was removed on purpose, as the log itself says, and its last record.
    pub pruned: Option<(u64, u64)>,
}

impl Report {
    /// Tells whether every record present follows from the one before. It says nothing of records that may be
    /// missing at the end, which cannot be known without anchors (see [`Self::truncated`]), nor of checkpoints that are
    /// missing where they are required (see [`Self::unsealed`]).
    pub fn intact(&self) -> bool {
        self.faults_total == u64::from(self.truncated.is_some()) + self.unsealed
    }
}

/// Bytes that are no record, while it is not yet known whether the next record names them.
#[derive(Clone)]
struct Unread {
    at: u64,
    why: (usize, Reason),
    len: u64,
    sha: Sha256,
    lines: u64,
    looks_whole: bool,
}

/// Verifies a log as its bytes come.
#[derive(Clone, Default)]
pub struct Verifier {
    report: Report,
    segment: u64,
    /// Where the current line begins in the segment.
    start: u64,
    /// Bytes of the current line that came with earlier calls.
    held: u64,
    line: Vec<u8>,
    /// The current line is longer than a record may be; its first part is in `unread` already.
    overlong: bool,
    unread: Option<Unread>,
    /// Number and hash that the next record must follow; `None` after a fault that hides them.
    expected: Option<(u64, ChainHash)>,
    begun: bool,
    ended: bool,
    last_ts: Vec<u8>,
    sessions: Sessions,
    /// Hashes that anchors give by number; those met are taken out.
    anchors: BTreeMap<u64, Vec<ChainHash>>,
    /// Number and `prev` of the first record.
    first: Option<(u64, ChainHash)>,
    /// What the log says of the removal of the segment before the first one here.
    pruned: Option<(u64, ChainHash)>,
    first_segment: u64,
}

impl Verifier {
    /// Starts with the segment of this number.
    pub fn new(segment: u64) -> Self {
        Self::expecting(segment, &Expectations::default())
    }

    /// Starts with the segment of this number, told what to expect; anchors of other logs must be left out.
    pub fn expecting(segment: u64, expectations: &Expectations) -> Self {
        let mut new = Self {
            segment,
            first_segment: segment,
            expected: (segment <= 1).then_some((0, ChainHash::GENESIS)),
            ..Self::default()
        };
        new.report.segments = 1;
        new.sessions.some_unknown = segment > 1;
        new.sessions.required = expectations.require_checkpoints;
        new.sessions.now = expectations.now;
        for anchor in &expectations.anchors {
            let hashes = new.anchors.entry(anchor.n).or_default();
            if !hashes.contains(&anchor.h) {
                hashes.push(anchor.h);
            }
        }
        new
    }

    /// Ends the segment being read and starts the next file, which has this number; `whole` is as in
    /// [`Self::feed_with`].
    pub fn begin_segment(&mut self, segment: u64, whole: &mut dyn FnMut(&[u8])) {
        self.end_of_file(false, whole);
        if segment != self.segment.saturating_add(1) {
            self.fault(segment, 0, None, Reason::SegmentMissing);
            self.expected = None;
        } else if !self.ended {
            self.fault(self.segment, self.start, None, Reason::SegmentEnd);
        }
        self.report.segments += 1;
        self.segment = segment;
        self.start = 0;
        self.begun = false;
        self.ended = false;
    }

    /// Says that a file is named as a segment of the log under a number that no record carries: it is none, and belongs
    /// nowhere.
    pub fn no_segment(&mut self) {
        self.fault(self.segment, self.start, None, Reason::SegmentNumber);
    }

    /// Takes the next bytes of the segment.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.feed_with(bytes, &mut |_| ());
    }

    /// Takes the next bytes and hands every line that is a record to `whole`, without its line feed.
    pub fn feed_with(&mut self, bytes: &[u8], whole: &mut dyn FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (part, after) = rest.split_at(at);
            if self.held == 0 {
                self.take_line(part, whole);
                self.start += part.len() as u64 + 1;
            } else {
                self.hold(part);
                let line = std::mem::take(&mut self.line);
                self.take_line(&line, whole);
                self.start += self.held + 1;
                self.held = 0;
                self.line = line;
                self.line.clear();
            }
            rest = after.get(1..).unwrap_or_default();
        }
        self.hold(rest);
    }

    /// Ends the log and gives the report.
    pub fn finish(self) -> Report {
        self.finish_with(&mut |_| ())
    }

    /// Ends the log and gives the report; `whole` is as in [`Self::feed_with`].
    pub fn finish_with(mut self, whole: &mut dyn FnMut(&[u8])) -> Report {
        self.end_of_file(true, whole);
        if self.ended {
            self.warn(Warning::NextMissing {
                segment: self.segment.saturating_add(1),
            });
        }
        if self.report.records == 0 && self.report.faults.is_empty() {
            self.warn(Warning::Empty);
            if self.sessions.required {
                // What begins a log is under the first checkpoint of its session.
                self.fault(self.segment, 0, None, Reason::Unsealed);
            }
        }
        self.end_of_beginning();
        self.end_of_anchors();
        let sessions = std::mem::take(&mut self.sessions);
        self.report.checkpoints = sessions.sealed;
        let (missing, warnings) = sessions.end();
        for (from, reason) in missing {
            self.fault(self.segment, self.start, Some(from), reason);
        }
        for warning in warnings {
            self.warn(warning);
        }
        self.report
    }

    /// Keeps a part of a line; what is longer than a record goes into the hash of unread bytes and is let go.
    fn hold(&mut self, part: &[u8]) {
        self.held += part.len() as u64;
        if self.overlong {
            if let Some(unread) = &mut self.unread {
                unread.sha.update(part);
                unread.len += part.len() as u64;
            }
            return;
        }
        self.line.extend_from_slice(part);
        if self.line.len() >= MAX_LINE {
            let line = std::mem::take(&mut self.line);
            self.unreadable(&line, (MAX_LINE, Reason::TooLong));
            self.overlong = true;
        }
    }

    fn take_line(&mut self, line: &[u8], whole: &mut dyn FnMut(&[u8])) {
        if std::mem::take(&mut self.overlong) {
            return;
        }
        match entry::scan(line) {
            Ok(raw) => {
                self.take_record(&raw);
                whole(line);
            }
            Err(why) => self.unreadable(line, why),
        }
    }

    fn unreadable(&mut self, line: &[u8], why: (usize, Reason)) {
        let start = self.start;
        let unread = self.unread.get_or_insert_with(|| Unread {
            at: start,
            why,
            len: 0,
            sha: Sha256::new(),
            lines: 0,
            looks_whole: false,
        });
        if unread.lines > 0 {
            unread.sha.update(b"\n");
            unread.len += 1;
        }
        unread.sha.update(line);
        unread.len += line.len() as u64;
        unread.lines += 1;
        unread.looks_whole |= carries_end(line);
    }

    fn take_record(&mut self, raw: &Raw<'_>) {
        let names = (raw.kind == b"log.recovered").then_some(raw.data);
        match (self.unread.take(), names) {
            (Some(unread), Some(data)) if unread.is_named_by(data) => {
                let warning = Warning::Recovered {
                    segment: self.segment,
                    offset: unread.at,
                    len: unread.len,
                };
                if unread.looks_whole {
                    self.unread_fault(&unread);
                } else {
                    self.warn(warning);
                }
            }
            (Some(unread), _) => {
                self.unread_fault(&unread);
                self.expected = None;
            }
            (None, Some(_)) => self.fault(self.segment, self.start, Some(raw.n), Reason::Recovered),
            (None, None) => (),
        }
        if let Some(reason) = self.misplaced(raw) {
            self.fault(self.segment, self.start, Some(raw.n), reason);
        }
        self.check_segment(raw);
        self.check_time(raw);
        self.follow_session(raw);
        self.check_anchor(raw);
        self.check_pruned(raw);
        self.expected = Some((raw.n, raw.h));
        self.report.head = self.expected;
        self.report.records += 1;
    }

    fn unread_fault(&mut self, unread: &Unread) {
        let (at, reason) = unread.why;
        self.report.unread += unread.lines;
        self.fault(self.segment, unread.at + at as u64, None, reason);
    }

    /// Says why a record does not stand where it stands.
    fn misplaced(&mut self, raw: &Raw<'_>) -> Option<Reason> {
        let log = self
            .report
            .log
            .get_or_insert_with(|| String::from_utf8_lossy(raw.log).into_owned());
        if log.as_bytes() != raw.log {
            return Some(Reason::OtherLog);
        }
        if raw.seg != self.segment {
            return Some(Reason::OtherSegment);
        }
        let (n, h) = self.expected?;
        if raw.n <= n {
            Some(Reason::Order)
        } else if raw.n > n + 1 {
            Some(Reason::Gap)
        } else if raw.prev != h {
            Some(Reason::Prev)
        } else {
            None
        }
    }

    fn check_segment(&mut self, raw: &Raw<'_>) {
        let here = (self.segment, self.start, Some(raw.n));
        if self.ended {
            self.fault(here.0, here.1, here.2, Reason::AfterEnd);
        }
        let starts = raw.kind == b"segment.start";
        // A torn `segment.start` is named before it is written again.
        if !self.begun && raw.kind != b"log.recovered" {
            let named = format!("{{\"prev_h\":\"{}\"}}", raw.prev);
            if starts != (self.segment > 1) || (starts && raw.data != named.as_bytes()) {
                self.fault(here.0, here.1, here.2, Reason::SegmentStart);
            }
            self.begun = true;
        } else if starts {
            self.fault(here.0, here.1, here.2, Reason::SegmentStart);
        }
        self.ended = raw.kind == b"segment.end";
    }

    fn check_time(&mut self, raw: &Raw<'_>) {
        if raw.ts < self.last_ts.as_slice() && raw.kind != b"clock.jump" {
            self.warn(Warning::TimeWentBack { n: raw.n });
        }
        self.last_ts.clear();
        self.last_ts.extend_from_slice(raw.ts);
    }

    fn follow_session(&mut self, raw: &Raw<'_>) {
        self.report.sessions += u64::from(raw.kind == b"session.open");
        let found = self.sessions.take(raw, self.start);
        for reason in found.reasons {
            self.fault(self.segment, self.start, Some(raw.n), reason);
        }
        if let Some(warning) = found.warning {
            self.warn(warning);
        }
    }

    fn end_of_file(&mut self, last: bool, whole: &mut dyn FnMut(&[u8])) {
        let rest = std::mem::take(&mut self.line);
        let mut lone_tail = false;
        if self.held > 0 {
            lone_tail = self.unread.is_none() || (self.overlong && self.unread_lines() == 1);
            if !self.overlong {
                if entry::scan(&rest).is_ok() {
                    self.warn(Warning::NoFinalLineFeed);
                }
                self.take_line(&rest, whole);
            }
        }
        self.overlong = false;
        self.start += std::mem::take(&mut self.held);
        if let Some(unread) = self.unread.take() {
            if last && lone_tail && !unread.looks_whole {
                self.warn(Warning::TornTail {
                    segment: self.segment,
                    offset: unread.at,
                    len: unread.len,
                });
            } else {
                self.unread_fault(&unread);
            }
        }
    }

    fn unread_lines(&self) -> u64 {
        self.unread.as_ref().map_or(0, |unread| unread.lines)
    }

    fn fault(&mut self, segment: u64, offset: u64, n: Option<u64>, reason: Reason) {
        self.report.faults_total += 1;
        self.report.unsealed += u64::from(reason.is_of_seals());
        if self.report.faults.len() < KEPT {
            self.report.faults.push(Fault {
                segment: Some(segment),
                offset,
                n,
                reason,
            });
        }
    }

    fn warn(&mut self, warning: Warning) {
        self.report.warnings_total += 1;
        if self.report.warnings.len() < KEPT {
            self.report.warnings.push(warning);
        }
    }
}

impl Unread {
    /// Tells whether the data of a `log.recovered` names these bytes.
    fn is_named_by(&self, data: &[u8]) -> bool {
        let sha = hex(&self.sha.clone().finalize());
        data == format!("{{\"len\":{},\"sha256\":\"{sha}\"}}", self.len).as_bytes()
    }
}

/// Tells whether a line carries the complete end of a record, which a torn write never does.
fn carries_end(line: &[u8]) -> bool {
    line.windows(SUFFIX).any(|w| {
        w.starts_with(b",\"h\":\"")
            && w.ends_with(b"\"}")
            && w.get(6..70)
                .is_some_and(|digits| ChainHash::parse(digits).is_some())
    })
}

#[cfg(test)]
mod tests;
