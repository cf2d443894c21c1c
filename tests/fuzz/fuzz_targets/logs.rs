//! Reads any bytes as an exported log; the laws are those of `tests/it/fuzz_replay.rs`.
//!
//! Run it in the folder of the project: `cargo +nightly fuzz run --fuzz-dir tests/fuzz logs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quell::connect::logs::{Source, read_log};
use quell::domain::audit::ascii_json;
use quell::domain::timeline::activity::Activity;
use quell::domain::timeline::export;

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses the decoder, so that each is reached without its vendor's fields being guessed.
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let source = Source::ALL.get(usize::from(*first)).copied();
    let log = read_log(text, source).without_doubles();
    let feeds = text.iter().filter(|byte| **byte == b'\n').count();
    let lines = u32::try_from(feeds).unwrap_or(u32::MAX).saturating_add(1);
    let mut activity = Activity::default();
    for event in &log.events {
        assert!(event.line >= 1 && event.line <= lines, "line {}", event.line);
        assert!(!event.raw.is_empty());
    }
    activity.extend(log.events);
    for row in activity.rows() {
        assert!(ascii_json(&export::ecs(row)).is_ascii());
    }
});
