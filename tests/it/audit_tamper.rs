//! Changed logs are found out: every bit of a log of 20 records, random changes of every kind, and random bits of a log of
//! several segments.
//!
//! The long form is `QUELL_TAMPER=100000 cargo test --release --test it audit_tamper -- --nocapture`: the log of several
//! segments has 10 MB then.

use std::error::Error;
use std::fs;
use std::time::Instant;

use quell::domain::audit::{Anchor, Body, Expectations, Report, Verifier};
use quell::store::audit::{self, AuditLog, Ground, Identity};

use crate::audit_seal::{closing, note, opening, outcome};

type Done = Result<(), Box<dyn Error>>;

/// Gives a log of two sessions and 20 records, and what its last record is called outside.
fn sample() -> Result<(Vec<u8>, Expectations), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut path = None;
    let mut anchors = Vec::new();
    for notes in [6, 8] {
        let identity = Identity {
            host: "bastion\u{202e}".into(),
            uid: 1000,
            user: "ana".into(),
        };
        let log = AuditLog::open(dir.path(), identity)?;
        log.append_blocking(vec![opening()])?;
        for i in 0..notes - 3 {
            log.append_blocking(vec![note(i)?])?;
        }
        if notes == 8 {
            log.append_blocking(vec![outcome()])?;
        }
        log.append_blocking(vec![note(9)?, note(10)?, closing()])?;
        anchors = log
            .read_all()?
            .last()
            .map(|entry| Anchor {
                log: entry.log.clone(),
                n: entry.n,
                h: entry.h,
            })
            .into_iter()
            .collect();
        path = Some(dir.path().join(format!("audit-{}-1.jsonl", log.log())));
    }
    let log = fs::read(path.ok_or("no log")?)?;
    let expectations = Expectations {
        anchors,
        ..Expectations::default()
    };
    Ok((log, expectations))
}

fn verify(log: &[u8], expectations: &Expectations) -> Report {
    let mut verifier = Verifier::expecting(1, expectations);
    verifier.feed(log);
    verifier.finish()
}

#[test]
fn every_changed_bit_of_twenty_records_is_found() -> Done {
    let (log, expectations) = sample()?;
    let lines: Vec<&[u8]> = log.split_inclusive(|b| *b == b'\n').collect();
    assert_eq!(lines.len(), 20);
    assert_eq!(verify(&log, &expectations).faults_total, 0);
    let mut before = Verifier::new(1);
    let mut bits = 0;
    for (i, line) in lines.iter().enumerate() {
        // A fault is never taken back, so the line and the next one are enough.
        let next = lines.get(i + 1).copied().unwrap_or_default();
        for bit in 0..line.len() * 8 {
            let mut changed = line.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let mut verifier = before.clone();
            verifier.feed(&changed);
            verifier.feed(next);
            assert!(!verifier.finish().intact(), "record {}, bit {bit}", i + 1);
            bits += 1;
        }
        before.feed(line);
    }
    println!("{bits} bits");
    Ok(())
}

/// Changes bytes in one of seven ways.
fn mutate(log: &[u8], chance: &mut fastrand::Rng) -> Vec<u8> {
    let len = log.len();
    let (a, b) = (chance.usize(..len), chance.usize(..len));
    let near = (a + chance.usize(1..200)).min(len);
    let line_at = |at: usize| {
        log[..at]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1)
    };
    let end_at = |at: usize| {
        at + log[at..]
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(0)
            + 1
    };
    match chance.u8(..7) {
        0 => {
            let mut log = log.to_vec();
            log[a] = chance.u8(..);
            log
        }
        1 => [&log[..a], &log[near..]].concat(),
        2 => [&log[..near], &log[a..near], &log[near..]].concat(),
        3 => log[..a].to_vec(),
        4 => {
            let (from, to) = (line_at(a), end_at(a));
            [&log[..from], &log[to..]].concat()
        }
        5 => {
            let (from, to, at) = (line_at(a), end_at(a), line_at(b));
            [&log[..at], &log[from..to], &log[at..]].concat()
        }
        _ => {
            let noise: Vec<u8> = (0..chance.usize(1..40)).map(|_| chance.u8(..)).collect();
            [&log[..a], &noise, &log[a..]].concat()
        }
    }
}

#[test]
fn random_changes_are_found_given_an_anchor() -> Done {
    let many = std::env::var("QUELL_TAMPER")
        .ok()
        .and_then(|many| many.parse().ok());
    let many = many.unwrap_or(10_000);
    let (log, expectations) = sample()?;
    let mut chance = fastrand::Rng::with_seed(11);
    let (mut found, mut same) = (0, 0);
    for i in 0..many {
        let changed = mutate(&log, &mut chance);
        if changed == log {
            same += 1;
            continue;
        }
        let report = verify(&changed, &expectations);
        // Without its last line feed every record is still there, and it is said.
        let whole = changed.get(..log.len() - 1) == log.get(..log.len() - 1);
        let said = whole && report.warnings_total > 0;
        assert!(report.faults_total > 0 || said, "change {i}: {report:?}");
        found += 1;
    }
    println!("{found} changed logs found, {same} came out the same");
    assert!(found > many * 9 / 10);
    Ok(())
}

/// Where one bit of the log is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flip {
    segment: usize,
    byte: usize,
    bit: u8,
}

impl Flip {
    /// Chooses one of all bits of the log.
    fn random(segments: &[Vec<u8>], chance: &mut fastrand::Rng) -> Self {
        let mut byte = chance.usize(..segments.iter().map(Vec::len).sum::<usize>());
        let mut segment = 0;
        while byte >= segments[segment].len() {
            byte -= segments[segment].len();
            segment += 1;
        }
        Self {
            segment,
            byte,
            bit: chance.u8(..8),
        }
    }

    fn of(self, bytes: &mut [u8], begin: usize) {
        bytes[self.byte - begin] ^= 1 << self.bit;
    }
}

/// Gives the segments of a log of at least so many bytes, as the writer makes them: a segment is ended at an eighth of that.
fn several_segments(bytes: usize) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let identity = Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    };
    let ground = Ground {
        rotate_at: u64::try_from(bytes)? / 8,
        ..Ground::default()
    };
    let log = AuditLog::open_on(dir.path(), identity, ground)?;
    log.append_blocking(vec![opening()])?;
    let (mut chance, mut written) = (fastrand::Rng::with_seed(5), 0);
    while written < bytes {
        let notes: Vec<Body> = (0..20)
            .map(|_| {
                let mut body = note(chance.usize(..))?;
                if let Body::Note { text, .. } = &mut body {
                    // Of every length, with what is escaped.
                    let long = "grüße \u{202e}".repeat(chance.usize(..40));
                    *text = format!("{} {long}", text.raw()).into();
                }
                Ok(body)
            })
            .collect::<Result<_, Box<dyn Error>>>()?;
        log.append_blocking(notes)?;
        let files = fs::read_dir(dir.path())?;
        written = files
            .map(|file| Ok(usize::try_from(file?.metadata()?.len())?))
            .sum::<Result<usize, Box<dyn Error>>>()?;
    }
    log.append_blocking(vec![closing()])?;
    let name = |segment: usize| {
        dir.path()
            .join(format!("audit-{}-{segment}.jsonl", log.log()))
    };
    let paths = (1..).map(name).take_while(|path| path.exists());
    let segments = paths.map(fs::read).collect::<Result<Vec<_>, _>>()?;
    // What is changed below is what the program itself calls intact.
    let reports = audit::verify(dir.path())?;
    assert!(reports.len() == 1 && reports[0].1.intact(), "{reports:?}");
    assert_eq!(reports[0].1.segments, segments.len() as u64);
    Ok(segments)
}

/// Verifies all segments without anchors: a changed bit is found without them.
fn verify_all(segments: &[Vec<u8>]) -> Report {
    let mut verifier = Verifier::new(1);
    for (segment, bytes) in (1u64..).zip(segments) {
        if segment > 1 {
            verifier.begin_segment(segment, &mut |_| ());
        }
        verifier.feed(bytes);
    }
    verifier.finish()
}

/// Walks through the log once and verifies, of each line that is to be changed, this line and the next one with what stood
/// before them: a fault is never taken back, so that is enough. Gives how many were found.
fn find_by_lines(segments: &[Vec<u8>], flips: &mut [Flip]) -> usize {
    flips.sort_unstable();
    let (mut before, mut left, mut found) = (Verifier::new(1), &*flips, 0);
    for (place, bytes) in segments.iter().enumerate() {
        if place > 0 {
            before.begin_segment(place as u64 + 1, &mut |_| ());
        }
        let mut begin = 0;
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            let end = begin + line.len();
            while let Some((flip, rest)) = left
                .split_first()
                .filter(|(flip, _)| flip.segment == place && flip.byte < end)
            {
                let mut changed = line.to_vec();
                flip.of(&mut changed, begin);
                let mut verifier = before.clone();
                verifier.feed(&changed);
                if let Some(next) = lines.peek() {
                    verifier.feed(next);
                } else if let Some(next) = segments.get(place + 1) {
                    verifier.begin_segment(place as u64 + 2, &mut |_| ());
                    let next = next.split_inclusive(|byte| *byte == b'\n').next();
                    verifier.feed(next.unwrap_or_default());
                }
                assert!(!verifier.finish().intact(), "not found: {flip:?}");
                (left, found) = (rest, found + 1);
            }
            before.feed(line);
            begin = end;
        }
    }
    assert!(left.is_empty(), "in no line: {left:?}");
    assert!(before.finish().intact(), "the walk read another log");
    found
}

#[test]
fn random_bits_of_a_log_of_several_segments_are_found() -> Done {
    let many = std::env::var("QUELL_TAMPER").ok();
    let many: Option<usize> = many.and_then(|many| many.parse().ok());
    let bytes = many.map_or(200_000, |_| 10_000_000);
    let many = many.unwrap_or(2_000);
    // One verification of 10 MB takes about 50 ms: the fiftieth part of the changes is enough of them.
    let whole = many / 50;
    let mut segments = several_segments(bytes)?;
    assert!(segments.len() > 3, "{} segments", segments.len());
    let size: usize = segments.iter().map(Vec::len).sum();
    assert!(verify_all(&segments).intact());
    let (mut chance, begun) = (fastrand::Rng::with_seed(13), Instant::now());
    for _ in 0..whole {
        let flip = Flip::random(&segments, &mut chance);
        flip.of(&mut segments[flip.segment], 0);
        let report = verify_all(&segments);
        flip.of(&mut segments[flip.segment], 0);
        assert!(!report.intact(), "not found: {flip:?}");
        // And where it is: nothing before the changed line is called a fault.
        let first = report.faults.first().ok_or("a fault is kept")?;
        let line = segments[flip.segment][..flip.byte]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let place = (flip.segment as u64 + 1, line as u64);
        let told = (first.segment.ok_or("of a segment")?, first.offset);
        assert!(told >= place, "{first:?} for {flip:?}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    let mut flips: Vec<Flip> = (whole..many)
        .map(|_| Flip::random(&segments, &mut chance))
        .collect();
    let found = find_by_lines(&segments, &mut flips);
    assert_eq!(found, many - whole);
    assert!(verify_all(&segments).intact(), "every bit was set back");
    println!(
        "{size} bytes in {} segments: {whole} flipped bits found by verifying all of it ({seconds:.1} s), {found} by \
         verifying the line and the next one after all that stands before; 0 missed",
        segments.len(),
    );
    Ok(())
}

#[test]
fn every_cut_is_found_given_an_anchor_and_named_as_invisible_without() -> Done {
    let (log, expectations) = sample()?;
    let ends = log
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    for end in ends.filter(|end| *end < log.len()) {
        let cut = &log[..end];
        let alone = verify(cut, &Expectations::default());
        assert!(alone.intact() && alone.truncated.is_none(), "{alone:?}");
        let report = verify(cut, &expectations);
        assert_eq!((report.truncated, report.faults_total), (Some(20), 1));
    }
    Ok(())
}
