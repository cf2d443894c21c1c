//! Whose the logs in a directory are, by their records: a host and a user have one log there, and no more.
//!
//! What must not live here: the names of files (see `segments`), beginning a log (see `begin`), what the records say.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::error::StoreError;
use super::{Identity, opened, segments};
use crate::domain::audit::{Entry, MAX_LINE, parse_line};
use crate::domain::ids::LogId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Bytes from the start of a file in which its first record is looked for.
const START: u64 = 4 * MAX_LINE as u64;

/// The host and the user who write a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Name of the host.
    pub host: Untrusted,
    /// User id.
    pub uid: u32,
}

impl Owner {
    fn of(record: Entry) -> Self {
        let Entry { host, uid, .. } = record;
        Self { host, uid }
    }

    fn is(&self, identity: &Identity) -> bool {
        self.host == identity.host && self.uid == identity.uid
    }
}

/// A log as it lies in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub log: LogId,
    /// Whose it is; `None` where no record near the start of its files can be read.
    pub owner: Option<Owner>,
    /// Bytes of its files together.
    pub bytes: u64,
}

/// Lists the logs in a directory, the oldest first, with whose they are. No directory is no logs.
///
/// # Errors
/// When the directory or a file cannot be read.
pub fn found(dir: &Path) -> Result<Vec<Found>, StoreError> {
    let logs = segments::list(dir)?.into_iter();
    logs.map(|(log, files)| {
        let (mut owner, mut bytes) = (None, 0);
        for seg in files.segments {
            let (first, size) = first_record(&segments::path(dir, &log, seg))?;
            owner = owner.or(first.map(Owner::of));
            bytes += size;
        }
        Ok(Found { log, owner, bytes })
    })
    .collect()
}

/// Finds the log of a host and user. A log without a record is taken when there is no other: its maker died.
///
/// # Errors
/// [`StoreError::Several`] when there is more than one: whichever went on, what the others hold would be forgotten.
pub(super) fn find(dir: &Path, identity: &Identity) -> Result<Option<LogId>, StoreError> {
    let (mut own, mut unclaimed) = (Vec::new(), None);
    for Found { log, owner, .. } in found(dir)? {
        match owner {
            Some(owner) if owner.is(identity) => own.push(log),
            Some(_) => {}
            None => unclaimed = Some(log),
        }
    }
    if own.len() > 1 {
        return Err(StoreError::Several {
            dir: dir.to_owned(),
            logs: own,
        });
    }
    Ok(own.pop().or(unclaimed))
}

/// Says that there is more than one log of a host and user in a directory, if so. What cannot be read is for others to say.
pub fn several(dir: &Path, identity: &Identity) -> Option<StoreError> {
    let error = find(dir, identity).err();
    error.filter(|error| matches!(error, StoreError::Several { .. }))
}

/// Says of each host and user with more than one log in a directory which ones these are.
///
/// # Errors
/// As [`found`].
pub fn doubled(dir: &Path) -> Result<Vec<Safe>, StoreError> {
    let mut owners: BTreeMap<Owner, Vec<Safe>> = BTreeMap::new();
    for Found { log, owner, .. } in found(dir)? {
        if let Some(owner) = owner {
            owners.entry(owner).or_default().push(safe!("{}", log));
        }
    }
    let more = owners.into_iter().filter(|(_, logs)| logs.len() > 1);
    let said = more.map(|(Owner { host, uid }, logs)| {
        safe!(
            "{} logs of host {} and user {} are here, {}: no console of theirs starts before only one is, the others' files go into another folder",
            logs.len(),
            host.field(),
            uid,
            Safe::join(logs, &Safe::fixed(" and "))
        )
    });
    Ok(said.collect())
}

/// Gives the first record that can be read near the start of a file, and the bytes of the file.
pub(super) fn first_record(path: &Path) -> Result<(Option<Entry>, u64), StoreError> {
    let file = match opened::to_read(path) {
        // It was pruned since the directory was listed.
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok((None, 0));
        }
        opened => opened?,
    };
    let size = file.metadata().map_err(StoreError::io("look at", path))?;
    let mut start = BufReader::new(file.take(START));
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = start
            .read_until(b'\n', &mut line)
            .map_err(StoreError::io("read", path))?;
        if read == 0 {
            return Ok((None, size.len()));
        }
        if let Ok(entry) = parse_line(line.strip_suffix(b"\n").unwrap_or(&line)) {
            return Ok((Some(entry), size.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::audit::Body;
    use crate::store::audit::AuditLog;

    type Done = Result<(), Box<dyn std::error::Error>>;

    fn identity(host: &str, uid: u32) -> Identity {
        Identity {
            host: host.into(),
            uid,
            user: "ana".into(),
        }
    }

    /// Writes a log elsewhere and puts a copy of its file into a directory, as if it had come from there.
    fn put(dir: &Path, host: &str, uid: u32) -> Result<LogId, Box<dyn std::error::Error>> {
        let place = tempfile::tempdir()?;
        let log = AuditLog::open(place.path(), identity(host, uid))?;
        let reason = "x".to_owned();
        log.append_blocking(vec![Body::SessionClose { reason }])?;
        let path = segments::path(place.path(), log.log(), 1);
        fs::copy(path, segments::path(dir, log.log(), 1))?;
        Ok(log.log().clone())
    }

    #[test]
    fn a_host_and_user_have_one_log_and_of_two_none_is_taken() -> Done {
        let dir = tempfile::tempdir()?;
        let (dir, ana) = (dir.path(), identity("east", 1000));
        assert_eq!(find(dir, &ana)?, None);
        put(dir, "west", 1000)?;
        put(dir, "east", 1001)?;
        assert_eq!(find(dir, &ana)?, None);
        let first = put(dir, "east", 1000)?;
        // One without a record is nobody's while there is another.
        let empty = LogId::from_parts(chrono::DateTime::UNIX_EPOCH, 7);
        fs::write(segments::path(dir, &empty, 1), "")?;
        assert_eq!(find(dir, &ana)?, Some(first.clone()));
        assert!(several(dir, &ana).is_none() && doubled(dir)?.is_empty());

        let second = put(dir, "east", 1000)?;
        let mut both = vec![first.clone(), second.clone()];
        both.sort();
        let Some(StoreError::Several { logs, .. }) = several(dir, &ana) else {
            return Err("one of two was taken".into());
        };
        assert_eq!(logs, both);
        let said = doubled(dir)?;
        let [one] = &said[..] else {
            return Err(format!("{said:?}").into());
        };
        let names = format!("{} and {}", both[0], both[1]);
        for words in ["2 logs of host east and user 1000", names.as_str()] {
            assert!(one.as_str().contains(words), "{words}: {one}");
        }
        let opened = AuditLog::open(dir, ana.clone()).err();
        let error = opened.ok_or("a log was opened")?;
        assert!(error.shown().as_str().contains(&names), "{error}");
        assert!(error.hint().is_some());
        fs::remove_file(segments::path(dir, &second, 1))?;
        assert_eq!(AuditLog::open(dir, ana)?.log(), &first);
        Ok(())
    }

    #[test]
    fn the_size_of_a_log_is_that_of_all_its_files() -> Done {
        let dir = tempfile::tempdir()?;
        let log = put(dir.path(), "east", 1000)?;
        let first = fs::metadata(segments::path(dir.path(), &log, 1))?.len();
        fs::write(segments::path(dir.path(), &log, 2), "torn")?;
        let all = found(dir.path())?;
        let [one] = &all[..] else {
            return Err(format!("{all:?}").into());
        };
        assert_eq!((&one.log, one.bytes), (&log, first + 4));
        let owner = Owner {
            host: "east".into(),
            uid: 1000,
        };
        assert_eq!(one.owner, Some(owner));
        Ok(())
    }
}
