//! Verification of a whole log in one pass, in memory that does not grow with the log.
//!
//! A line that is no record is either the torn end of a write, which the next writer names in `log.recovered`
//! (a warning), or something else (a fault). A torn line never carries the complete end of a record: one that does
//! was altered, and naming it does not help.
//!
//! What must not live here: reading files, what records mean, words for the reader (see `cli::audit`).

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::entry::{self, MAX_LINE, Raw, SUFFIX};
use super::fault::{Fault, Reason, Warning};
use super::hash::{ChainHash, hex};

/// Faults and warnings that are kept; more are only counted.
const KEPT: usize = 100;
/// Sessions without an end that are kept track of.
const SESSIONS: usize = 10_000;

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Id of the log, when a record was found.
    pub log: Option<String>,
    /// Whole records read.
    pub records: u64,
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
}

impl Report {
    /// Tells whether every record present follows from the one before. It says nothing of records that may be
    /// missing at the end: that cannot be known without anchors.
    pub fn intact(&self) -> bool {
        self.faults_total == 0
    }
}

/// Bytes that are no record, while it is not yet known whether the next record names them.
struct Unread {
    at: u64,
    why: (usize, Reason),
    len: u64,
    sha: Sha256,
    lines: u64,
    looks_whole: bool,
}

/// Verifies a log as its bytes come.
#[derive(Default)]
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
    open: BTreeSet<Vec<u8>>,
}

impl Verifier {
    /// Starts with the segment of this number.
    pub fn new(segment: u64) -> Self {
        let mut new = Self {
            segment,
            expected: (segment <= 1).then_some((0, ChainHash::GENESIS)),
            ..Self::default()
        };
        new.report.segments = 1;
        if segment > 1 {
            new.warn(Warning::StartsLate { segment });
        }
        new
    }

    /// Ends the segment being read and starts the next file, which has this number; `whole` is as in
    /// [`Self::feed_with`].
    pub fn begin_segment(&mut self, segment: u64, whole: &mut dyn FnMut(&[u8])) {
        self.end_of_file(false, whole);
        if segment != self.segment + 1 {
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

    /// Takes the next bytes of the segment.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.feed_with(bytes, &mut |_| ());
    }

    /// Takes the next bytes and hands every line that is a record to `whole`, without its line feed.
    pub fn feed_with(&mut self, bytes: &[u8], whole: &mut dyn FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|b| *b == b'\n') {
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
                segment: self.segment + 1,
            });
        }
        let count = self.open.len() as u64;
        if count > 0 {
            self.warn(Warning::SessionsOpen { count });
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
        self.expected = Some((raw.n, raw.h));
        self.report.head = self.expected;
        self.report.records += 1;
    }

    fn unread_fault(&mut self, unread: &Unread) {
        let (at, reason) = unread.why;
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
        if entry::time(raw.ts).is_none() {
            self.fault(self.segment, self.start, Some(raw.n), Reason::Field("ts"));
        }
        if raw.ts < self.last_ts.as_slice() && raw.kind != b"clock.jump" {
            self.warn(Warning::TimeWentBack { n: raw.n });
        }
        self.last_ts.clear();
        self.last_ts.extend_from_slice(raw.ts);
    }

    fn follow_session(&mut self, raw: &Raw<'_>) {
        match raw.kind {
            b"session.open" => {
                self.report.sessions += 1;
                if self.open.len() < SESSIONS {
                    self.open.insert(raw.sess.to_vec());
                }
            }
            b"session.close" => {
                self.open.remove(raw.sess);
            }
            _ => (),
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
mod tests {
    use super::super::samples::{bytes, chain, chain_from, twenty};
    use super::super::{Body, Entry, name_torn};
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn verify(log: &[u8]) -> Report {
        let mut verifier = Verifier::new(1);
        verifier.feed(log);
        verifier.finish()
    }

    fn is_clean(report: &Report) -> bool {
        report.intact() && report.warnings_total == 0
    }

    fn lines() -> Vec<(Vec<u8>, Entry)> {
        chain(&twenty())
    }

    #[test]
    fn a_whole_log_is_intact_however_it_is_cut_into_pieces() {
        let log = bytes(&lines());
        for size in [1, 7, 100, log.len()] {
            let mut verifier = Verifier::new(1);
            log.chunks(size).for_each(|chunk| verifier.feed(chunk));
            let report = verifier.finish();
            assert!(is_clean(&report), "{report:?}");
            assert_eq!(
                (report.records, report.head.map(|(n, _)| n)),
                (20, Some(20))
            );
        }
    }

    #[test]
    fn every_changed_bit_breaks_it() {
        // All bits of a short log, one bit of every byte of a longer one.
        let (short, long) = (bytes(&lines()[..2]), bytes(&lines()));
        let all = (0..short.len() * 8).map(|bit| (&short, bit / 8, bit % 8));
        let one = (0..long.len()).map(|at| (&long, at, at % 8));
        for (log, at, bit) in all.chain(one) {
            let mut changed = log.clone();
            changed[at] ^= 1 << bit;
            assert!(!verify(&changed).intact(), "byte {at}, bit {bit}");
        }
    }

    #[test]
    fn every_deleted_swapped_repeated_or_moved_record_breaks_it() {
        let whole = lines();
        for i in 0..20 {
            let mut deleted = whole.clone();
            deleted.remove(i);
            // Without the last record it is a shorter log; only an anchor can tell.
            assert_eq!(
                verify(&bytes(&deleted)).intact(),
                i == 19,
                "without record {}",
                i + 1
            );
            for j in 0..20 {
                let mut repeated = whole.clone();
                repeated.insert(j, whole[i].clone());
                assert!(!verify(&bytes(&repeated)).intact(), "{i} again at {j}");
                if i != j {
                    let mut swapped = whole.clone();
                    swapped.swap(i, j);
                    assert!(!verify(&bytes(&swapped)).intact(), "{i} and {j} swapped");
                }
            }
        }
    }

    #[test]
    fn a_record_with_a_true_hash_in_a_wrong_place_breaks_it() {
        let whole = lines();
        let forged = chain_from(&twenty()[..1], 1, 10, ChainHash::of(b"other"));
        let mut log = whole.clone();
        log[10] = forged[0].clone();
        let report = verify(&bytes(&log));
        let reasons: Vec<_> = report
            .faults
            .iter()
            .map(|fault| (fault.n, fault.reason))
            .collect();
        assert_eq!(
            reasons,
            [(Some(11), Reason::Prev), (Some(12), Reason::Prev)]
        );
    }

    #[test]
    fn the_first_bad_byte_is_named() {
        let mut log = lines();
        let before: usize = log[..4].iter().map(|(line, _)| line.len()).sum();
        log[4].0[2] = b'w';
        let report = verify(&bytes(&log));
        assert_eq!(report.faults_total, 1);
        let fault = &report.faults[0];
        assert_eq!((fault.segment, fault.offset), (Some(1), before as u64 + 2));
        assert_eq!(fault.reason, Reason::Malformed);
    }

    fn healed(torn: &[u8], named: &[u8]) -> Vec<u8> {
        let whole = lines();
        let (_, last) = &whole[9];
        let mut bodies: Vec<Body> = name_torn(named).into_iter().collect();
        bodies.extend(twenty().into_iter().take(3));
        let after = chain_from(&bodies, 1, last.n, last.h);
        let line_feed = if torn.ends_with(b"\n") { "" } else { "\n" };
        [
            &bytes(&whole[..10]),
            torn,
            line_feed.as_bytes(),
            &bytes(&after),
        ]
        .concat()
    }

    #[rstest]
    #[case(b"{\"v\":1,\"log\":\"01".to_vec())]
    #[case(vec![0; 5000])]
    #[case(vec![0; MAX_LINE * 3])]
    #[case(b"half\nand half".to_vec())]
    #[case(b"\n\n".to_vec())]
    fn a_named_torn_end_is_a_warning(#[case] torn: Vec<u8>) {
        for size in [1000, 1 << 20] {
            let mut verifier = Verifier::new(1);
            healed(&torn, &torn)
                .chunks(size)
                .for_each(|chunk| verifier.feed(chunk));
            let report = verifier.finish();
            assert!(report.intact(), "{report:?}");
            assert!(
                matches!(report.warnings[..], [Warning::Recovered { .. }]),
                "{report:?}"
            );
        }
    }

    #[test]
    fn torn_bytes_that_are_not_the_named_ones_break_it() {
        assert!(!verify(&healed(b"torn", b"tarn")).intact());
    }

    #[test]
    fn naming_an_altered_record_does_not_heal_it() {
        let mut altered = lines()[10].0.clone();
        altered[20] ^= 1;
        altered.pop();
        assert!(!verify(&healed(&altered, &altered)).intact());
    }

    #[test]
    fn removing_named_torn_bytes_breaks_it() {
        let log = healed(b"torn", b"torn");
        let at = log.windows(5).position(|w| w == b"torn\n");
        assert!(at.is_some());
        let without: Vec<u8> = match at {
            Some(at) => [&log[..at], &log[at + 5..]].concat(),
            None => log,
        };
        assert!(!verify(&without).intact());
    }

    #[test]
    fn a_torn_end_nobody_named_yet_is_a_warning_at_every_cut() {
        let whole = lines();
        let start = bytes(&whole[..19]).len();
        let log = bytes(&whole);
        for cut in start + 1..log.len() {
            let report = verify(&log[..cut]);
            assert!(report.intact(), "cut at {cut}: {report:?}");
            assert_eq!(report.warnings_total, 1, "cut at {cut}: {report:?}");
        }
    }

    fn two_segments() -> (Vec<u8>, Vec<u8>) {
        let mut first = twenty();
        first.push(Body::SegmentEnd { next: 2 });
        let first = chain(&first);
        let head = first[20].1.h;
        let mut second = vec![Body::SegmentStart {
            prev_h: head.to_string(),
        }];
        second.extend(twenty());
        (bytes(&first), bytes(&chain_from(&second, 2, 21, head)))
    }

    #[test]
    fn segments_follow_each_other() {
        let (first, second) = two_segments();
        let mut verifier = Verifier::new(1);
        verifier.feed(&first);
        verifier.begin_segment(2, &mut |_| ());
        verifier.feed(&second);
        let report = verifier.finish();
        assert!(is_clean(&report), "{report:?}");
        assert_eq!((report.records, report.segments), (42, 2));

        let mut late = Verifier::new(2);
        late.feed(&second);
        let late = late.finish();
        assert!(late.intact());
        assert_eq!(late.warnings, [Warning::StartsLate { segment: 2 }]);
        assert_eq!(
            verify(&first).warnings,
            [Warning::NextMissing { segment: 2 }]
        );
    }

    #[test]
    fn a_missing_or_swapped_segment_breaks_it() {
        let (first, second) = two_segments();
        let mut gap = Verifier::new(1);
        gap.feed(&first);
        gap.begin_segment(3, &mut |_| ());
        gap.feed(&second);
        assert!(!gap.finish().intact());
        let mut joined = Verifier::new(1);
        joined.feed(&[first, second].concat());
        assert!(!joined.finish().intact());
    }

    #[test]
    fn sessions_are_counted_and_missed() {
        let open = Body::SessionOpen {
            version: "1".into(),
            environment: "e".into(),
            mode: "live".into(),
            os_user: "u".into(),
            operator: None,
            config_sha256: "0".into(),
            drill: false,
        };
        let close = Body::SessionClose {
            reason: "quit".into(),
        };
        let both = verify(&bytes(&chain(&[open.clone(), close])));
        assert!(is_clean(&both));
        assert_eq!(both.sessions, 1);
        assert_eq!(
            verify(&bytes(&chain(&[open]))).warnings,
            [Warning::SessionsOpen { count: 1 }]
        );
    }

    #[test]
    fn faults_are_counted_beyond_what_is_kept() {
        let log: Vec<u8> = (0..300)
            .flat_map(|_| bytes(&chain(&twenty()[..1])))
            .collect();
        let report = verify(&log);
        assert_eq!((report.faults.len(), report.faults_total), (KEPT, 299));
    }

    proptest! {
        #[test]
        fn any_changed_byte_breaks_it(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut log = bytes(&lines());
            let at = at.index(log.len());
            prop_assume!(log[at] != byte);
            log[at] = byte;
            prop_assert!(!verify(&log).intact());
        }

        #[test]
        fn any_bytes_are_taken_without_a_panic(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
        ) {
            let mut verifier = Verifier::new(1);
            for chunk in &chunks {
                verifier.feed(chunk);
            }
            let report = verifier.finish();
            prop_assert_eq!(report.records, 0);
        }

        #[test]
        fn any_inserted_line_breaks_it(at in 0_usize..=19, line in "[ -~]{0,80}") {
            let whole = lines();
            let log = [&bytes(&whole[..at]), line.as_bytes(), b"\n", &bytes(&whole[at..])].concat();
            prop_assert!(!verify(&log).intact());
        }
    }
}
