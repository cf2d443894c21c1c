//! Reads any bytes as a log, or as a comment of a case; the laws are those of `tests/it/fuzz_replay.rs`, too.
//!
//! Run it in the folder of the project: `cargo +nightly fuzz run --fuzz-dir tests/fuzz records tests/fuzz/corpus/records tests/fuzz/seeds/records`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/records.rs"]
mod laws;

fuzz_target!(|bytes: &[u8]| {
    let held = laws::hold(bytes);
    assert!(held.same <= held.found, "{held:?}");
});
