//! The files of a log: their names, listing them, making the next one.
//!
//! What must not live here: whose they are (see `owners`), what is appended to them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::{Disk, opened};
use crate::domain::audit::MAX_INT;
use crate::domain::ids::LogId;

/// The files of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// Numbers of its segments, in order.
    pub segments: Vec<u64>,
    /// Files named as segments of it under a number that no record carries: nothing is read from them or put into them, and
    /// they are not passed over.
    pub strange: Vec<PathBuf>,
}

/// Gives the path of a segment.
pub(super) fn path(dir: &Path, log: &LogId, seg: u64) -> PathBuf {
    dir.join(format!("audit-{log}-{seg}.jsonl"))
}

/// Gives the path of the mark that a sync of a segment failed; nothing reads what is in it.
pub(super) fn failure(dir: &Path, log: &LogId, seg: u64) -> PathBuf {
    dir.join(format!("audit-{log}-{seg}.failed"))
}

/// Reads the name of a segment's file, with no number where that is greater than any of a segment; other files are not ours.
fn parse_name(name: &str) -> Option<(LogId, Option<u64>)> {
    let (log, seg) = name
        .strip_prefix("audit-")?
        .strip_suffix(".jsonl")?
        .split_once('-')?;
    let log = LogId::parse(log).ok()?;
    let is_number = !seg.is_empty() && seg.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = seg.parse().ok();
    let number = number.filter(|number| *number <= MAX_INT);
    (is_number && !seg.starts_with('0')).then_some((log, number))
}

/// Lists the logs in a directory with their files. No directory is no logs.
pub(super) fn list(dir: &Path) -> Result<BTreeMap<LogId, Files>, StoreError> {
    let mut logs: BTreeMap<LogId, Files> = BTreeMap::new();
    let found = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(logs),
        found => found.map_err(StoreError::io("list", dir))?,
    };
    for file in found {
        let name = file.map_err(StoreError::io("list", dir))?.file_name();
        let Some((log, seg)) = name.to_str().and_then(parse_name) else {
            continue;
        };
        let files = logs.entry(log).or_default();
        match seg {
            Some(seg) => files.segments.push(seg),
            None => files.strange.push(dir.join(&name)),
        }
    }
    for files in logs.values_mut() {
        files.segments.sort_unstable();
        files.strange.sort_unstable();
    }
    Ok(logs)
}

/// Lists the files of one log.
pub(super) fn of(dir: &Path, log: &LogId) -> Result<Files, StoreError> {
    Ok(list(dir)?.remove(log).unwrap_or_default())
}

/// Gives the number of the last segment of a log, which goes on there; none while a file is named as a later one.
pub(super) fn last(dir: &Path, log: &LogId) -> Result<u64, StoreError> {
    let Files { segments, strange } = of(dir, log)?;
    if let Some(path) = strange.into_iter().next() {
        return Err(StoreError::Number { path });
    }
    segments.last().copied().ok_or_else(|| StoreError::Missing {
        dir: dir.to_owned(),
    })
}

/// Gives number and path of the segment that follows one.
pub(super) fn following(dir: &Path, log: &LogId, seg: u64) -> Result<(u64, PathBuf), StoreError> {
    let next = seg.saturating_add(1);
    let path = path(dir, log, next);
    if next > MAX_INT {
        return Err(StoreError::Number { path });
    }
    Ok((next, path))
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

    use crate::domain::audit::{Body, Expectations, Reason};
    use crate::store::audit::{
        AuditLog, Ground, Identity, Place, RealDisk, read, try_open, verify, verify_each,
    };

    type Done = Result<(), Box<dyn std::error::Error>>;

    #[rstest]
    #[case("1.jsonl", "1")]
    #[case("12.jsonl", "12")]
    #[case("9007199254740991.jsonl", "9007199254740991")]
    #[case("9007199254740992.jsonl", "too great")]
    #[case("18446744073709551615.jsonl", "too great")]
    #[case("99999999999999999999999.jsonl", "too great")]
    #[case("012.jsonl", "not ours")]
    #[case("0.jsonl", "not ours")]
    #[case("+1.jsonl", "not ours")]
    #[case(".jsonl", "not ours")]
    #[case("1.jsonl.bak", "not ours")]
    #[case("1.failed", "not ours")]
    fn names(#[case] end: &str, #[case] read: &str) {
        let of = |name: &str| match parse_name(name) {
            Some((_, Some(seg))) => seg.to_string(),
            Some((_, None)) => "too great".to_owned(),
            None => "not ours".to_owned(),
        };
        assert_eq!(of(&format!("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-{end}")), read);
        assert_eq!(of(&format!("audit-x-{end}")), "not ours");
        assert_eq!(of("audit.lock"), "not ours");
    }

    fn identity() -> Identity {
        Identity {
            host: "bastion".into(),
            uid: 1000,
            user: "ana".into(),
        }
    }

    #[rstest]
    #[case("9007199254740992")]
    #[case("18446744073709551614")]
    #[case("18446744073709551615")]
    #[case("99999999999999999999999")]
    fn a_file_of_a_number_that_no_record_carries_is_a_fault_and_no_console_starts(
        #[case] number: &str,
        #[values("", "a line\n")] text: &str,
    ) -> Done {
        let dir = tempfile::tempdir()?;
        let dir = dir.path();
        let one = AuditLog::open(dir, identity())?;
        one.append_blocking(vec![Body::ClockJump { seconds: 1 }])?;
        let before = read(dir)?;
        let strange = dir.join(format!("audit-{}-{number}.jsonl", one.log()));
        fs::write(&strange, text)?;
        let reports = verify(dir)?;
        let [(_, report)] = &reports[..] else {
            return Err(format!("{reports:?}").into());
        };
        let faults: Vec<Reason> = report.faults.iter().map(|fault| fault.reason).collect();
        assert_eq!(faults, [Reason::SegmentNumber]);
        assert!(!report.intact());
        assert_eq!(read(dir)?, before, "what is before it is read");
        for refused in [
            AuditLog::open(dir, identity()).map(drop),
            try_open(dir, &identity(), &mut RealDisk).map(drop),
        ] {
            let error = refused.err().ok_or("a log was opened")?;
            assert!(matches!(error, StoreError::Number { .. }), "{error:?}");
            assert!(error.shown().as_str().contains(number), "{error}");
            assert!(error.hint().is_some());
        }
        assert_eq!(fs::read_to_string(&strange)?, text);
        // Whoever has the log open reads and writes on.
        let (fresh, place) = one.read_on(Place::default())?;
        assert_eq!(fresh, before);
        one.append_blocking(vec![Body::ClockJump { seconds: 2 }])?;
        assert_eq!(one.read_on(place)?.0.len(), 1);
        // What is no file is refused as any other of the log.
        fs::remove_file(&strange)?;
        fs::create_dir(&strange)?;
        assert_eq!(verify_each(dir, &Expectations::default())?.unread.len(), 1);
        Ok(())
    }

    #[test]
    fn the_last_segment_that_there_can_be_is_not_followed() -> Done {
        let dir = tempfile::tempdir()?;
        let dir = dir.path();
        let one = AuditLog::open(dir, identity())?;
        one.append_blocking(vec![Body::ClockJump { seconds: 1 }])?;
        let log = one.log().clone();
        drop(one);
        fs::rename(path(dir, &log, 1), path(dir, &log, MAX_INT))?;
        fs::write(path(dir, &log, 1), "")?;
        let reports = verify(dir)?;
        assert!(!reports.is_empty() && reports.iter().all(|(_, report)| !report.intact()));
        let ground = Ground {
            rotate_at: 0,
            ..Ground::default()
        };
        let opened = AuditLog::open_on(dir, identity(), ground).err();
        let error = opened.ok_or("it was opened")?;
        assert!(matches!(error, StoreError::Number { .. }), "{error:?}");
        let files = of(dir, &log)?;
        assert_eq!(files.segments, [1, MAX_INT]);
        assert!(files.strange.is_empty(), "{files:?}");
        assert!(following(dir, &log, u64::MAX).is_err());
        Ok(())
    }
}
