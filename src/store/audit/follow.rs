//! Reading on from where the last reading ended, so that looking for news never reads a whole log again.
//!
//! What must not live here: verification (see `read`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::end::read_at;
use super::error::StoreError;
use super::opened;
use super::read::size_between_writes;
use super::segments;
use crate::domain::audit::{Entry, parse_line};
use crate::domain::ids::LogId;

/// Where a reading ended: behind the last line feed of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub(super) seg: u64,
    pub(super) at: u64,
}

/// What a reading gave.
#[derive(Debug)]
pub(super) struct Reading {
    pub entries: Vec<Entry>,
    /// Where it ended.
    pub next: Place,
    /// Where the last of the records ends.
    pub end: Place,
}

/// Bytes read at once.
const CHUNK: u64 = 1 << 20;

/// Reads the records behind a place, and tells where it ended; a line that is not whole yet is left for later.
pub(super) fn read_on(dir: &Path, log: &LogId, from: Place) -> Result<Reading, StoreError> {
    let (mut entries, mut next, mut end) = (Vec::new(), from, from);
    let segments = segments::of(dir, log)?.segments;
    for seg in segments.into_iter().filter(|seg| *seg >= from.seg) {
        let path = segments::path(dir, log, seg);
        let file = opened::to_read(&path)?;
        let begin = if seg == from.seg { from.at } else { 0 };
        let size = size_between_writes(&file, &path)?;
        let bytes = read_at(&file, begin, size.saturating_sub(begin), &path)?;
        next = Place { seg, at: begin };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else {
                break;
            };
            next.at += line.len() as u64;
            if let Ok(entry) = parse_line(whole) {
                entries.push(entry);
                end = next;
            }
        }
    }
    Ok(Reading { entries, next, end })
}

/// Tells whether a log has more than stands before a place, by the length of its last segment: nothing is read.
pub(super) fn has_grown(dir: &Path, log: &LogId, from: Place) -> Result<bool, StoreError> {
    is_longer(dir, log, &segments::of(dir, log)?.segments, from)
}

/// Tells whether a log of these segments has more than stands before a place.
fn is_longer(dir: &Path, log: &LogId, numbers: &[u64], place: Place) -> Result<bool, StoreError> {
    let Some(last) = numbers.last().copied() else {
        return Ok(false);
    };
    let path = segments::path(dir, log, last);
    let size = std::fs::metadata(&path)
        .map_err(StoreError::io("look at", &path))?
        .len();
    Ok(last > place.seg || size > place.at)
}

/// Reads the logs of a directory from their beginning and on, for those who only look: nothing is locked or written.
///
/// Its memory does not grow with the logs: it reads at most 1 MiB at once and keeps places only.
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    places: BTreeMap<LogId, Place>,
}

impl Follower {
    /// Follows the logs in a directory, which need not be there yet.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            places: BTreeMap::new(),
        }
    }

    /// Gives the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Tells whether there is something that was not read yet.
    ///
    /// # Errors
    /// When the directory or a file of it cannot be looked at.
    pub fn has_news(&self) -> Result<bool, StoreError> {
        for (log, files) in segments::list(&self.dir)? {
            let place = self.places.get(&log).copied().unwrap_or_default();
            if is_longer(&self.dir, &log, &files.segments, place)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Hands over the records that are new, in their order and in portions; a line that is not whole yet is left.
    ///
    /// # Errors
    /// When a file cannot be read; what was handed over is not given again.
    pub fn read(&mut self, take: &mut dyn FnMut(Vec<Entry>)) -> Result<(), StoreError> {
        for (log, files) in segments::list(&self.dir)? {
            let mut place = self.places.get(&log).copied().unwrap_or_default();
            let begun = place.seg;
            for seg in files.segments.into_iter().filter(|seg| *seg >= begun) {
                if seg > place.seg {
                    place = Place { seg, at: 0 };
                }
                let path = segments::path(&self.dir, &log, seg);
                let file = opened::to_read(&path)?;
                let size = file.metadata().map_err(StoreError::io("look at", &path))?;
                while place.at < size.len() {
                    let bytes = read_at(&file, place.at, CHUNK.min(size.len() - place.at), &path)?;
                    let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') else {
                        // No line is as long as a chunk: this one is torn, or being written.
                        break;
                    };
                    let lines = bytes.get(..last).unwrap_or_default();
                    let lines = lines.split(|byte| *byte == b'\n');
                    take(lines.filter_map(|line| parse_line(line).ok()).collect());
                    place.at += last as u64 + 1;
                    self.places.insert(log.clone(), place);
                }
            }
            self.places.insert(log, place);
        }
        Ok(())
    }
}

/// The log as it is under the lock of its writer: nobody else can add to it meanwhile.
pub struct Standing<'a> {
    pub(super) dir: &'a Path,
    pub(super) log: &'a LogId,
}

impl Standing<'_> {
    /// Gives the bytes behind a place to `take`, in pieces of at most 1 MiB, and tells where it ended.
    ///
    /// # Errors
    /// When a file cannot be read; `take` may have been given a part.
    pub fn read_bytes(
        &self,
        from: Place,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Place, StoreError> {
        read_bytes(self.dir, self.log, from, take)
    }
}

/// Reads the bytes behind a place as they are now, without waiting for anybody's write.
pub(super) fn read_bytes(
    dir: &Path,
    log: &LogId,
    from: Place,
    take: &mut dyn FnMut(&[u8]),
) -> Result<Place, StoreError> {
    let mut place = from;
    let segments = segments::of(dir, log)?.segments;
    for seg in segments.into_iter().filter(|seg| *seg >= from.seg) {
        let path = segments::path(dir, log, seg);
        let file = opened::to_read(&path)?;
        let mut at = if seg == from.seg { from.at } else { 0 };
        let size = file
            .metadata()
            .map_err(StoreError::io("look at", &path))?
            .len();
        while at < size {
            let bytes = read_at(&file, at, CHUNK.min(size - at), &path)?;
            take(&bytes);
            at += bytes.len() as u64;
        }
        place = Place { seg, at };
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::domain::audit::Body;
    use crate::store::audit::{AuditLog, Ground, Identity, StoreError};

    fn open(dir: &Path) -> Result<AuditLog, StoreError> {
        let identity = Identity {
            host: "bastion".into(),
            uid: 1,
            user: "jo".into(),
        };
        let ground = Ground {
            rotate_at: 2_000,
            ..Ground::default()
        };
        AuditLog::open_on(dir, identity, ground)
    }

    fn close(reason: &str) -> Vec<Body> {
        vec![Body::SessionClose {
            reason: reason.to_owned(),
        }]
    }

    #[test]
    fn reading_on_gives_every_record_once_across_segments_and_writers() -> Result<(), StoreError> {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let (one, two) = (open(dir.path())?, open(dir.path())?);
        let (mut all, mut place) = (Vec::new(), Place::default());
        for round in 0..12 {
            let log = if round % 2 == 0 { &one } else { &two };
            log.append_blocking(close("x"))?;
            assert!(one.has_grown(place)?);
            let (fresh, next) = one.read_on(place)?;
            assert!(!fresh.is_empty());
            all.extend(fresh);
            place = next;
            assert!(!one.has_grown(place)?);
        }
        assert_eq!(one.read_on(place)?, (Vec::new(), place));
        assert_eq!(all, one.read_all()?);
        assert!(all.last().is_some_and(|entry| entry.seg > 1));
        Ok(())
    }

    #[test]
    fn a_follower_gets_every_record_once_and_leaves_what_is_not_whole() -> Result<(), StoreError> {
        use std::io::Write as _;

        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let mut follower = Follower::new(dir.path().join("audit"));
        assert!(!follower.has_news()?);
        let log = open(&dir.path().join("audit"))?;
        let mut all = Vec::new();
        for round in 0..12 {
            log.append_blocking(close("x"))?;
            if round % 3 == 2 {
                assert!(follower.has_news()?);
                follower.read(&mut |entries| all.extend(entries))?;
                assert!(!follower.has_news()?);
            }
        }
        assert_eq!(all, log.read_all()?);
        assert!(all.last().is_some_and(|entry| entry.seg > 1));
        let seg = all.last().map_or(1, |entry| entry.seg);
        let path = segments::path(&dir.path().join("audit"), log.log(), seg);
        let torn = File::options()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"v\":1,"));
        torn.unwrap_or_else(|error| panic!("{error}"));
        let mut more = 0;
        follower.read(&mut |entries| more += entries.len())?;
        assert_eq!(more, 0);
        Ok(())
    }

    #[test]
    fn a_line_that_is_not_whole_is_left_for_later() -> Result<(), StoreError> {
        use std::io::Write as _;

        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let log = open(dir.path())?;
        log.append_blocking(close("x"))?;
        let (_, place) = log.read_on(Place::default())?;
        let path = segments::path(dir.path(), log.log(), 1);
        let torn = File::options()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"v\":1,"));
        torn.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(log.read_on(place)?, (Vec::new(), place));
        log.append_blocking(close("y"))?;
        let (fresh, _) = log.read_on(place)?;
        let words: Vec<_> = fresh.iter().map(|entry| entry.body.type_name()).collect();
        assert_eq!(words.first().copied(), Some("log.recovered"));
        Ok(())
    }
}
