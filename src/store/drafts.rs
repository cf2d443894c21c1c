//! Texts that are being written for a case, on disk so that neither a crash nor a lost line of SSH takes them.
//!
//! One file a case and subject, mode 0600, replaced as a whole. What must not live here: what the texts say, who may
//! write which.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::files::{Rule, read_checked};
use crate::domain::containment::plan::hex;
use crate::domain::ids::RecordId;
use crate::domain::report::Target;
use crate::domain::text::Untrusted;

/// Longest file that is read; far above the longest text.
const READ_MAX: u64 = 1024 * 1024;

/// A text that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The id it will be posted under.
    pub rid: RecordId,
    /// The text as typed.
    pub text: Untrusted,
    /// When it was last changed.
    pub at: DateTime<Utc>,
}

/// Gives the name of a text's file, which says nothing of the case.
pub fn key(target: &Target) -> String {
    let parts = [
        target.case.connection.as_str(),
        target.case.raw(),
        target.subject.kind.code(),
        target.subject.name.raw(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        // Its length first: no two targets can run into each other.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize()).chars().take(32).collect()
}

/// Reads a draft; `None` when there is none.
///
/// # Errors
/// When it cannot be read, can be read or written by others, or is not what was written here.
pub fn read(dir: &Path, key: &str) -> io::Result<Option<Draft>> {
    let path = dir.join(format!("{key}.json"));
    match read_checked(&path, Rule::Secret, READ_MAX) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(io::Error::other),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Replaces a draft, durably.
///
/// # Errors
/// When the disk refuses; the draft before stays whole.
pub fn write(dir: &Path, key: &str, draft: &Draft) -> io::Result<()> {
    let (path, fresh) = (
        dir.join(format!("{key}.json")),
        dir.join(format!("{key}.new")),
    );
    let text = serde_json::to_vec(draft).map_err(io::Error::other)?;
    // What a killed process left half written.
    remove(&fresh)?;
    let put = make(&fresh, &text).and_then(|()| fs::rename(&fresh, &path));
    if put.is_err() {
        // Half of a text is of no use to anybody; why it is only half of it is what is told.
        let _ = fs::remove_file(&fresh);
    }
    put?;
    File::open(dir)?.sync_all()
}

/// Makes a file with a text, on the disk when it returns.
fn make(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Removes a draft.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn purge(dir: &Path, key: &str) -> io::Result<()> {
    remove(&dir.join(format!("{key}.new")))?;
    remove(&dir.join(format!("{key}.json")))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::ids::{CaseId, ConnectionName};
    use crate::domain::report::Subject;

    fn target(case: &str, name: &str) -> Result<Target, Box<dyn std::error::Error>> {
        Ok(Target {
            case: CaseId::new(ConnectionName::parse("hive")?, case),
            subject: Subject::of_phase(&name.into(), None),
        })
    }

    #[test]
    fn a_draft_is_private_whole_and_gone_after_the_post() -> Result<(), Box<dyn std::error::Error>>
    {
        let dir = tempfile::tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700))?;
        let key = key(&target("~1", "Containment")?);
        assert_eq!(read(dir.path(), &key)?, None);
        let mut draft = Draft {
            rid: RecordId::from_parts(DateTime::UNIX_EPOCH, 1),
            text: "one\n\u{1b}[2J".into(),
            at: DateTime::UNIX_EPOCH,
        };
        write(dir.path(), &key, &draft)?;
        draft.text = "two".into();
        fs::write(dir.path().join(format!("{key}.new")), "half")?;
        write(dir.path(), &key, &draft)?;
        assert_eq!(read(dir.path(), &key)?, Some(draft));
        let mode = fs::metadata(dir.path().join(format!("{key}.json")))?
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        purge(dir.path(), &key)?;
        purge(dir.path(), &key)?;
        assert_eq!(read(dir.path(), &key)?, None);
        assert_eq!(fs::read_dir(dir.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn a_draft_that_is_refused_leaves_nothing_behind() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let key = key(&target("~1", "Containment")?);
        let draft = Draft {
            rid: RecordId::from_parts(DateTime::UNIX_EPOCH, 1),
            text: "one".into(),
            at: DateTime::UNIX_EPOCH,
        };
        // No file takes the place of a folder that is not empty.
        fs::create_dir_all(dir.path().join(format!("{key}.json/in the way")))?;
        assert!(write(dir.path(), &key, &draft).is_err());
        let left: Vec<_> = fs::read_dir(dir.path())?.collect::<Result<_, _>>()?;
        assert_eq!(left.len(), 1, "{left:?}");
        Ok(())
    }

    #[test]
    fn each_text_has_its_own_file() -> Result<(), Box<dyn std::error::Error>> {
        let keys = [
            key(&target("~1", "Containment")?),
            key(&target("~1", "Recovery")?),
            key(&target("~2", "Containment")?),
            key(&target("~1C", "ontainment")?),
        ];
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        Ok(())
    }
}
