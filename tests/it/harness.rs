//! What every integration test may need.

use std::path::PathBuf;

/// Answers the folder of shared test data, or says on standard output that the test did not run.
pub fn shared(test: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("not run: {test} (missing ../shared)");
    None
}

pub mod app;
pub mod disk;
pub mod line;
pub mod pty;
pub mod screen;

/// Tells whether the tests run as root, or says on standard output that the test did not run.
pub fn root(test: &str) -> bool {
    let root = rustix::process::getuid().is_root();
    if !root {
        println!("not run: {test} (missing root)");
    }
    root
}
