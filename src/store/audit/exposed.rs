//! For whom the files of a log are: the one user who writes it, and nobody else.
//!
//! What must not live here: what is in them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::segments;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Says of each file of the logs in a directory that it is somebody else's, or that others may read or write it.
pub fn exposed(dir: &Path) -> Vec<Safe> {
    // Whoever asks may be root, and the log is still its writer's. No directory is no logs.
    let Ok(writer) = fs::metadata(dir).map(|found| found.uid()) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (log, segments) in segments::list(dir).unwrap_or_default() {
        for seg in segments {
            let path = segments::path(dir, &log, seg);
            let Ok(found) = fs::symlink_metadata(&path) else {
                continue;
            };
            let name = Untrusted::new(path.file_name().unwrap_or_default().to_string_lossy());
            let (owner, mode) = (found.uid(), found.permissions().mode() & 0o777);
            if owner != writer {
                all.push(safe!("{} belongs to user {}", name.field(), owner));
            } else if mode & 0o077 != 0 {
                let mode = Untrusted::new(format!("{mode:04o}"));
                all.push(safe!(
                    "{} has mode {}: others may read or write it; look who did, then `chmod 600`",
                    name.field(),
                    mode.field()
                ));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io;

    use super::*;

    #[test]
    fn a_file_of_a_log_is_for_its_writer_alone() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-1.jsonl");
        fs::write(&path, "")?;
        fs::write(dir.path().join("audit.lock"), "")?;
        for (mode, wide) in [
            (0o600, false),
            (0o400, false),
            (0o640, true),
            (0o602, true),
            (0o444, true),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            let said = exposed(dir.path());
            assert_eq!(said.len(), usize::from(wide), "{mode:o}: {said:?}");
        }
        assert!(exposed(&dir.path().join("none")).is_empty());
        Ok(())
    }

    #[test]
    fn the_log_of_another_user_is_held_against_its_own_directory() -> io::Result<()> {
        // Only root can give files away.
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-1.jsonl");
        fs::write(&path, "")?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        std::os::unix::fs::chown(dir.path(), Some(12_345), None)?;
        let said = exposed(dir.path());
        assert!(
            matches!(&said[..], [one] if one.as_str().ends_with(" belongs to user 0")),
            "{said:?}"
        );
        std::os::unix::fs::chown(&path, Some(12_345), None)?;
        assert!(exposed(dir.path()).is_empty());
        Ok(())
    }
}
