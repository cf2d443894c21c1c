//! Reads any bytes as an exported log; the laws are those of `tests/it/fuzz_replay.rs`.
//!
//! Run it in the folder of the project: `cargo +nightly fuzz run --fuzz-dir tests/fuzz logs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quell::connect::logs::{Read, Source};
use quell::domain::audit::ascii_json;
use quell::domain::timeline::export;

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses the decoder, so that each is reached without its vendor's fields being guessed.
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let source = Source::ALL.get(usize::from(*first)).copied();
    let activity = Read::of(text, source).activity;
    let feeds = text.iter().filter(|byte| **byte == b'\n').count();
    let lines = u32::try_from(feeds).unwrap_or(u32::MAX).saturating_add(1);
    for row in activity.rows() {
        assert!(row.line() >= 1 && row.line() <= lines, "line {}", row.line());
        assert!(!row.raw().raw().is_empty());
        assert!(ascii_json(&export::ecs(row)).is_ascii());
    }
});
