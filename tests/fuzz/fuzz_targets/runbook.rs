//! Reads any bytes as a runbook; the laws are those of `tests/it/fuzz_replay.rs`.
//!
//! Run it in the folder of the project: `cargo +nightly fuzz run --fuzz-dir tests/fuzz runbook tests/fuzz/corpus/runbook tests/fuzz/seeds/runbook`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quell::domain::runbook::outline::Outline;
use quell::domain::runbook::parse_runbook;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let runbook = parse_runbook(&text, "runbook.md");
    let lines = u32::try_from(runbook.source().lines().count()).unwrap_or(u32::MAX);
    for (_, _, step) in runbook.walk() {
        assert!(step.line >= 1 && step.line <= lines, "{step:?}");
        assert!(step.lines.contains(&step.line), "{step:?}");
        assert!(step.lines.end <= lines.saturating_add(1), "{step:?}");
        assert!(!step.label.raw().trim().is_empty(), "{step:?}");
    }
    for notice in &runbook.notices {
        assert!(notice.line >= 1 && notice.line <= lines.max(1), "{notice:?}");
    }
    let outline = Outline::of(&runbook, &|_| None);
    assert!(outline.json().is_ok_and(|json| json.is_ascii()));
});
