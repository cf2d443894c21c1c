//! Changed logs are found out: every bit of a log of 20 records, and random changes of every kind.
//!
//! The long form is `QUELL_TAMPER=100000 cargo test --release --test it audit_tamper -- --nocapture`.

use std::error::Error;
use std::fs;

use quell::domain::audit::{Anchor, Expectations, Report, Verifier};
use quell::store::audit::{AuditLog, Identity};

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
