//! What the fuzz targets of `tests/fuzz` were given is read here too, without a fuzzer.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use quell::connect::logs::{Read, Source};
use quell::domain::audit::ascii_json;
use quell::domain::runbook::outline::Outline;
use quell::domain::runbook::parse_runbook;
use quell::domain::timeline::export;

#[path = "../fuzz/laws/records.rs"]
mod records;

/// The laws of the target `runbook`: lines are in the text, labels have words, the JSON is ASCII.
fn runbook_laws(name: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let runbook = parse_runbook(&text, "runbook.md");
    let lines = u32::try_from(runbook.source().lines().count()).unwrap();
    for (_, _, step) in runbook.walk() {
        assert!(step.line >= 1 && step.line <= lines, "{name}: {step:?}");
        assert!(step.lines.contains(&step.line), "{name}: {step:?}");
        assert!(step.lines.end <= lines + 1, "{name}: {step:?}");
        assert!(!step.label.raw().trim().is_empty(), "{name}: {step:?}");
    }
    for notice in &runbook.notices {
        assert!(
            notice.line >= 1 && notice.line <= lines.max(1),
            "{name}: {notice:?}"
        );
    }
    assert!(Outline::of(&runbook, &|_| None).json().unwrap().is_ascii());
}

#[test]
fn the_corpus_of_the_runbook_target_is_read() {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fuzz/seeds/runbook"
    ));
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let name = path.display().to_string();
        runbook_laws(&name, &bytes);
        // Every beginning of it as well: what is not closed must not matter.
        for end in (0..bytes.len()).step_by(7) {
            runbook_laws(&name, bytes.get(..end).unwrap());
        }
        count += 1;
    }
    assert!(count >= 8, "{count} files");
}

#[test]
fn texts_made_to_hurt_are_read_in_bounded_time_slow() {
    let made: Vec<(&str, String)> = vec![
        ("50 MB of text", "word ".repeat(10_000_000)),
        ("lists", "- a\n".repeat(20_000)),
        ("headings", "# Phase 1: a\n## Contain\n".repeat(5_000)),
        (
            "fences in steps",
            "1. a\n\n   ```\n   1. b\n   2. c\n   ```\n".repeat(3_000),
        ),
        ("fences", "## Contain\n```\n1. b\n2. c\n```\n".repeat(3_000)),
        ("10,000 levels of quotes", "> ".repeat(10_000) + "- a"),
        ("10,000 levels of lists", "- ".repeat(10_000) + "a"),
        ("emphasis", "**a ".repeat(10_000)),
        ("links", "[".repeat(10_000) + &"](".repeat(10_000)),
        ("code spans", "`a".repeat(20_000)),
        (
            "inputs",
            "## Inputs\n\n- ".to_owned() + &"`${A}` or ".repeat(10_000),
        ),
        (
            "a table",
            "## Contain\n\n|".to_owned()
                + &"a|".repeat(300)
                + "\n|"
                + &"-|".repeat(300)
                + "\n"
                + &"|x\n".repeat(300),
        ),
        (
            "a row without end",
            "## Contain\n\n| # | Action |\n|---|---|\n".to_owned() + &"| 1 | a |\n".repeat(10_000),
        ),
        (
            "HTML",
            "## Contain\n\n".to_owned() + &"<ul><li>".repeat(10_000),
        ),
        (
            "limits",
            "## Contain\n\n1. ".to_owned() + &"within the first ".repeat(6_000),
        ),
        (
            "sentences",
            "## Contain\n\n1. ".to_owned() + &"e.g. ".repeat(20_000),
        ),
        (
            "asides",
            "## Contain\n\n1. ".to_owned() + &"(if ".repeat(20_000),
        ),
        (
            "an unclosed fence",
            "## Contain\n\n```\n".to_owned() + &"1. a\n".repeat(20_000),
        ),
        (
            "front matter that is not",
            "---\na: [\n# T\n".to_owned() + &"b: c\n".repeat(20_000),
        ),
        ("NUL", "\0".repeat(1_000_000)),
    ];
    for (name, text) in made {
        let begun = Instant::now();
        runbook_laws(name, text.as_bytes());
        // Generous: a debug build on a busy machine; what is not linear takes minutes.
        let taken = begun.elapsed();
        assert!(taken < Duration::from_secs(20), "{name}: {taken:?}");
    }
}

/// The laws of the target `logs`: lines are in the text, every event has its record, the export is ASCII.
fn log_laws(name: &str, bytes: &[u8], source: Option<Source>) -> usize {
    let activity = Read::of(bytes, source).activity;
    let feeds = bytes.split(|byte| *byte == b'\n').count() - 1;
    let lines = u32::try_from(feeds).unwrap() + 1;
    for row in activity.rows() {
        let line = row.line();
        assert!(line >= 1 && line <= lines, "{name}: line {line}");
        assert!(!row.raw().raw().is_empty(), "{name}: line {line}");
        assert!(ascii_json(&export::ecs(row)).is_ascii(), "{name}");
    }
    activity.len()
}

#[test]
fn the_corpus_of_the_log_target_is_read() {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fuzz/seeds/logs"
    ));
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let name = path.display().to_string();
        // The first byte chose the decoder.
        let (_, text) = bytes.split_first().unwrap();
        assert!(log_laws(&name, text, None) > 0, "{name}");
        for source in Source::ALL {
            log_laws(&name, text, Some(source));
        }
        for end in (0..text.len()).step_by(7) {
            log_laws(&name, text.get(..end).unwrap(), None);
        }
        count += 1;
    }
    assert_eq!(count, Source::ALL.len());
}

#[test]
fn the_corpus_of_the_record_target_is_read() {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fuzz/seeds/records"
    ));
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let name = path.display().to_string();
        let (first, text) = bytes.split_first().unwrap();
        let held = records::hold(&bytes);
        assert!(held.found > 0, "{name}");
        if *first != b'2' {
            assert!(records::mended(text) == text, "{name}: a hash is wrong");
            // But for what only others write, every record is written again to the byte.
            let is_odd = name.ends_with("odd");
            assert_eq!(held.same == held.found, !is_odd, "{name}: {held:?}");
        }
        for end in (0..bytes.len()).step_by(499) {
            records::hold(bytes.get(..end).unwrap());
        }
        // A byte less anywhere, with the hashes made right again: what it belongs to says something else.
        for at in (1..bytes.len()).step_by(499) {
            let mut less = bytes.clone();
            less.remove(at);
            if *first == b'0' {
                less[0] = b'1';
            }
            records::hold(&less);
        }
        count += 1;
    }
    assert!(count >= 13, "{count} files");
}
