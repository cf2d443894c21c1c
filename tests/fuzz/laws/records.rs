//! The laws of the target `records`: what others may have written into a log or a comment, and what the console makes
//! of it.
//!
//! The target holds bytes of a fuzzer against them, `tests/it/fuzz_replay.rs` the seeds.

#[path = "comments.rs"]
mod comments;
#[path = "screen.rs"]
mod screen;

use chrono::{DateTime, Utc};
use quell::domain::audit::{
    Anchor, Body, ChainHash, Draft, EncodeError, Entry, Expectations, MAX_LINE, Reason, Report,
    SUFFIX, Verifier, encode_line, has_begun, last_record, name_torn, parse_line,
};
use quell::domain::containment::counted::Counted;
use quell::domain::containment::ledger::Ledger;
use quell::domain::ids::LogId;

use comments::{comment, is_drawable};
use screen::screen;

/// Parts two files of one log.
const SEGMENT: u8 = b'\x0c';
/// Length of what stands before the end of a line, `,"prev":"<64 hex digits>"`.
const PREV: usize = 74;
/// Bytes of a log that are handed over at once where it comes in pieces.
const PIECE: usize = 61;

/// What was found in some bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// Records, or what a comment says to a console.
    pub found: usize,
    /// Of the records those that are written again to the byte.
    pub same: usize,
}

/// Holds the laws against bytes. The first says what the others are: a log; a log whose hashes are made right first,
/// that a change of a record may get past them; a comment.
pub fn hold(bytes: &[u8]) -> Held {
    match bytes.split_first() {
        None => Held::default(),
        Some((first, text)) => match first % 3 {
            0 => log(text),
            1 => log(&mended(text)),
            _ => comment(&String::from_utf8_lossy(text)),
        },
    }
}

/// Gives every line that ends as a record does the hash it should have, and that of the line before it.
pub fn mended(text: &[u8]) -> Vec<u8> {
    let mut prev: Option<ChainHash> = None;
    let segments = text.split(|byte| *byte == SEGMENT).map(|segment| {
        let lines = segment.split(|byte| *byte == b'\n').map(|line| {
            let mut line = line.to_vec();
            let Some(end) = line.len().checked_sub(SUFFIX) else {
                return line;
            };
            if !(line[end..].starts_with(b",\"h\":\"") && line.ends_with(b"\"}")) {
                return line;
            }
            let before = end.checked_sub(PREV).and_then(|at| line.get_mut(at..end));
            if let (Some(before), Some(prev)) = (before, prev)
                && before.starts_with(b",\"prev\":\"")
            {
                before.copy_from_slice(format!(",\"prev\":\"{prev}\"").as_bytes());
            }
            let hash = ChainHash::of(&line[..end]);
            line[end..].copy_from_slice(format!(",\"h\":\"{hash}\"}}").as_bytes());
            prev = Some(hash);
            line
        });
        lines.collect::<Vec<_>>().join(&b'\n')
    });
    segments.collect::<Vec<_>>().join(&SEGMENT)
}

fn log(text: &[u8]) -> Held {
    let segments: Vec<&[u8]> = text.split(|byte| *byte == SEGMENT).collect();
    let lines = chain(&segments);
    let mut held = Held::default();
    let mut entries = Vec::new();
    for line in &lines {
        match parse_line(line) {
            Ok(entry) => {
                held.found += 1;
                held.same += usize::from(comes_back(line, &entry));
                entries.push(entry);
            }
            // The chain leaves the values of the envelope alone.
            Err(fault) => assert!(matches!(fault.reason, Reason::Field(_)), "{fault:?}"),
        }
    }
    let all = segments.iter().flat_map(|one| one.split(|b| *b == b'\n'));
    let parsed = all.filter(|line| parse_line(line).is_ok()).count();
    assert_eq!(parsed, held.found, "a record that verification left out");
    let mut ledger = Ledger::default();
    for entry in &entries {
        ledger.apply(entry);
    }
    counted(&segments, &ledger);
    if let Some(last) = entries.last() {
        screen(&ledger, last);
    }
    held
}

/// Verifies a log that begins with this segment and comes in pieces; gives the lines that are records, too.
fn verified(
    segments: &[&[u8]],
    (from, piece): (u64, usize),
    expectations: &Expectations,
) -> (Report, Vec<Vec<u8>>) {
    let mut lines = Vec::new();
    let mut whole = |line: &[u8]| lines.push(line.to_vec());
    let mut verifier = Verifier::expecting(from, expectations);
    for (segment, number) in segments.iter().zip(from..) {
        if number > from {
            verifier.begin_segment(number, &mut whole);
        }
        for bytes in segment.chunks(piece) {
            verifier.feed_with(bytes, &mut whole);
        }
    }
    let report = verifier.finish_with(&mut whole);
    (report, lines)
}

/// Tells whether no line is longer than a record may be.
fn is_short(segments: &[&[u8]]) -> bool {
    segments.iter().map(|segment| segment.len()).sum::<usize>() < MAX_LINE
}

/// The laws of the chain; gives its records.
fn chain(segments: &[&[u8]]) -> Vec<Vec<u8>> {
    const WHOLE: (u64, usize) = (1, usize::MAX);
    let (report, lines) = verified(segments, WHOLE, &Expectations::default());
    assert_eq!(u64::try_from(lines.len()), Ok(report.records));
    for fault in &report.faults {
        is_drawable(&fault.shown());
    }
    for warning in &report.warnings {
        is_drawable(&warning.shown());
    }
    if is_short(segments) {
        let pieces = verified(segments, (1, PIECE), &Expectations::default());
        assert_eq!(pieces.0, report, "it depends on the pieces");
        assert!(pieces.1 == lines, "it depends on the pieces");
    }
    if let [only] = segments {
        let tail = last_record(only, true);
        assert_eq!(tail.map(|tail| (tail.n, tail.h)), report.head);
        let torn = only.get(tail.map_or(0, |tail| tail.end)..).unwrap();
        assert_eq!(name_torn(torn).is_none(), torn.is_empty());
        assert!(!has_begun(only) || report.records > 0);
    }
    let later = verified(segments, (2, usize::MAX), &Expectations::default()).0;
    assert_eq!((later.head, later.records), (report.head, report.records));
    let now = lines.last().and_then(|line| parse_line(line).ok());
    let strict = Expectations {
        require_checkpoints: true,
        now: now.map(|entry| entry.ts),
        ..Expectations::default()
    };
    let strict = verified(segments, WHOLE, &strict).0;
    // That a checkpoint is missing says nothing of the records.
    assert_eq!(strict.intact(), report.intact());
    assert_eq!(strict.head, report.head);
    if report.intact() {
        anchored(segments, &report);
    }
    lines
}

/// A whole log is held by an anchor of its last record; one of a later record proves that its end is missing.
fn anchored(segments: &[&[u8]], report: &Report) {
    let log = report.log.as_deref().and_then(|log| LogId::parse(log).ok());
    let (Some((n, h)), Some(log)) = (report.head, log) else {
        return;
    };
    let at = |n| Anchor {
        log: log.clone(),
        n,
        h,
    };
    let told = Expectations {
        anchors: vec![at(n), at(n + 1)],
        ..Expectations::default()
    };
    let held = verified(segments, (1, usize::MAX), &told).0;
    assert_eq!((held.anchors, held.anchored), (1, Some(n)));
    assert_eq!(held.truncated, Some(n + 1));
    assert_eq!(held.unmet, [(n + 1, h)]);
    assert!(held.intact());
}

fn again(entry: &Entry) -> Result<(Vec<u8>, Entry), EncodeError> {
    encode_line(&Draft {
        log: &entry.log,
        seg: entry.seg,
        n: entry.n,
        ts: entry.ts,
        boot_us: entry.boot_us,
        host: &entry.host,
        uid: entry.uid,
        user: &entry.user,
        pid: entry.pid,
        sess: &entry.sess,
        body: &entry.body,
        prev: entry.prev,
    })
}

/// The laws of one record. Its envelope comes back to the byte, always. Its data do where the writer wrote them, but
/// for long text, of which a reader has the head only; others may write fields in another order, or a time in another
/// spelling, and get what the writer would have written. Tells whether all of it came back.
fn comes_back(line: &[u8], entry: &Entry) -> bool {
    assert!(line.len() < MAX_LINE && line.iter().all(|byte| (b' '..=b'~').contains(byte)));
    let (hashed, end) = line.split_at(line.len() - SUFFIX);
    assert_eq!(ChainHash::of(hashed), entry.h);
    assert_eq!(end, format!(",\"h\":\"{}\"}}", entry.h).as_bytes());
    let (once, read) = match again(entry) {
        Ok(written) => written,
        // What is not understood has no other form than its line.
        Err(EncodeError::Body { .. }) => {
            assert!(matches!(entry.body, Body::Unknown { .. }), "{entry:?}");
            return false;
        }
        // Written in full it takes more than it did.
        Err(EncodeError::TooLong { .. }) => return false,
        Err(error) => panic!("{error}: {entry:?}"),
    };
    assert_eq!(envelope(&once), envelope(line));
    assert_eq!(read.body.type_name(), entry.body.type_name());
    assert_eq!((&read.sess, read.prev), (&entry.sess, entry.prev));
    let once = once.strip_suffix(b"\n").unwrap();
    assert_eq!(parse_line(once).as_ref(), Ok(&read));
    // What was cut is text from now on; beyond that nothing changes any more.
    let (twice, read) = again(&read).unwrap();
    let (thrice, _) = again(&read).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&thrice),
        String::from_utf8_lossy(&twice)
    );
    once == line
}

/// Gives what stands before the type: in no text before it is there a quote that is not escaped.
fn envelope(line: &[u8]) -> &[u8] {
    const TYPE: &[u8] = b",\"type\":\"";
    let at = line.windows(TYPE.len()).position(|part| part == TYPE);
    &line[..at.unwrap()]
}

/// The caps count the same records, however the log comes.
fn counted(segments: &[&[u8]], ledger: &Ledger) {
    let fed = |piece: usize| {
        let mut counted = Counted::default();
        for bytes in segments.iter().flat_map(|segment| segment.chunks(piece)) {
            counted.feed(bytes);
        }
        counted
    };
    let (whole, pieces) = (fed(usize::MAX), fed(PIECE));
    if !is_short(segments) {
        return;
    }
    let now = DateTime::<Utc>::UNIX_EPOCH;
    assert_eq!(whole.refusal(now), pieces.refusal(now));
    assert!(whole.ledger().actions().eq(pieces.ledger().actions()));
    let is_whole = |segment: &&[u8]| segment.is_empty() || segment.ends_with(b"\n");
    if segments.iter().all(is_whole) {
        assert!(whole.ledger().actions().eq(ledger.actions()));
    }
}
