//! The files of a log: their names, listing them, making the next one.
//!
//! What must not live here: whose they are (see `owners`), what is appended to them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::{Disk, opened};
use crate::domain::ids::LogId;

/// Gives the path of a segment.
pub(super) fn path(dir: &Path, log: &LogId, seg: u64) -> PathBuf {
    dir.join(format!("audit-{log}-{seg}.jsonl"))
}

/// Gives the path of the mark that a sync of a segment failed; nothing reads what is in it.
pub(super) fn failure(dir: &Path, log: &LogId, seg: u64) -> PathBuf {
    dir.join(format!("audit-{log}-{seg}.failed"))
}

/// Reads the name of a segment's file; other files are not ours.
fn parse_name(name: &str) -> Option<(LogId, u64)> {
    let (log, seg) = name
        .strip_prefix("audit-")?
        .strip_suffix(".jsonl")?
        .split_once('-')?;
    let number: u64 = seg.parse().ok()?;
    (number > 0 && number.to_string() == seg)
        .then_some(())
        .and_then(|()| Some((LogId::parse(log).ok()?, number)))
}

/// Lists the logs in a directory with the numbers of their segments in order. No directory is no logs.
pub(super) fn list(dir: &Path) -> Result<BTreeMap<LogId, Vec<u64>>, StoreError> {
    let mut logs: BTreeMap<LogId, Vec<u64>> = BTreeMap::new();
    let found = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(logs),
        found => found.map_err(StoreError::io("list", dir))?,
    };
    for file in found {
        let name = file.map_err(StoreError::io("list", dir))?.file_name();
        if let Some((log, seg)) = name.to_str().and_then(parse_name) {
            logs.entry(log).or_default().push(seg);
        }
    }
    for segments in logs.values_mut() {
        segments.sort_unstable();
    }
    Ok(logs)
}

/// Gives the number of the last segment of a log.
pub(super) fn last(dir: &Path, log: &LogId) -> Result<u64, StoreError> {
    let logs = list(dir)?;
    let segments = logs.get(log).and_then(|segments| segments.last());
    segments.copied().ok_or_else(|| StoreError::Missing {
        dir: dir.to_owned(),
    })
}

/// Makes a segment, mode 0600, and syncs it and its directory; one that is there already is opened.
pub(super) fn make(dir: &Path, path: &Path, disk: &mut dyn Disk) -> Result<File, StoreError> {
    let mut how = OpenOptions::new();
    let file = opened::with(path, how.read(true).append(true).create(true))?;
    disk.sync_all(&file).map_err(StoreError::io("sync", path))?;
    let parent = File::open(dir).map_err(StoreError::io("open", dir))?;
    disk.sync_all(&parent)
        .map_err(StoreError::io("sync", dir))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-1.jsonl", Some(1))]
    #[case("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-12.jsonl", Some(12))]
    #[case("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-012.jsonl", None)]
    #[case("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-0.jsonl", None)]
    #[case("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-1.jsonl.bak", None)]
    #[case("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-1.failed", None)]
    #[case("audit-x-1.jsonl", None)]
    #[case("audit.lock", None)]
    fn names(#[case] name: &str, #[case] seg: Option<u64>) {
        assert_eq!(parse_name(name).map(|(_, seg)| seg), seg);
    }
}
