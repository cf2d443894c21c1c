//! Finding the log of a host and user in a directory, or beginning it.
//!
//! What must not live here: appending.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Instant;

use super::error::StoreError;
use super::lock::wait_for_lock;
use super::writer::Segment;
use super::{Ground, Identity, opened, segments};
use crate::domain::ids::LogId;

/// Finds the log of this identity, or begins one, while no other process of this directory does.
pub(super) fn find_or_begin(
    dir: &Path,
    identity: &Identity,
    ground: &mut Ground,
) -> Result<(LogId, Segment), StoreError> {
    let gate_path = dir.join("audit.lock");
    let gate = opened::with(
        &gate_path,
        OpenOptions::new().create(true).truncate(false).write(true),
    )?;
    wait_for_lock(ground, &gate, &gate_path, Instant::now())?;
    let (log, seg, file) = if let Some(log) = segments::find(dir, identity)? {
        let seg = segments::last(dir, &log)?;
        let path = segments::path(dir, &log, seg);
        // A closed segment may be the last when its writer was killed before it made the next.
        let file = opened::to_append(&path).or_else(|_read_only| opened::to_read(&path))?;
        (log, seg, file)
    } else {
        let log = LogId::from_parts(ground.clock.wall(), fastrand::u128(..));
        let path = segments::path(dir, &log, 1);
        let file = segments::make(dir, &path, &mut *ground.disk)?;
        (log, 1, file)
    };
    let path = segments::path(dir, &log, seg);
    Ok((log, Segment { seg, path, file }))
}
