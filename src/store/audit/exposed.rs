//! For whom the files of a log and their folder are: the one user who writes it, and nobody else.
//!
//! What must not live here: what is in them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::segments;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Says of a directory that others may use it, and of each file of the logs in it that it is somebody else's, or that
/// others may read or write it.
pub fn exposed(dir: &Path) -> Vec<Safe> {
    // Whoever asks may be root, and the log is still its writer's. No directory is no logs.
    let Ok(folder) = fs::metadata(dir) else {
        return Vec::new();
    };
    let (writer, mode) = (folder.uid(), folder.permissions().mode() & 0o777);
    let mut all = Vec::new();
    // Whoever may write there can put another file in the place of each.
    if mode & 0o077 != 0 {
        all.push(safe!(
            "the folder of the log has mode {}: others may use what is in it; look who did, then `chmod 700`",
            octal(mode)
        ));
    }
    for (log, files) in segments::list(dir).unwrap_or_default() {
        let named = files.segments.iter();
        let named = named.map(|seg| segments::path(dir, &log, *seg));
        for path in named.chain(files.strange) {
            let Ok(found) = fs::symlink_metadata(&path) else {
                continue;
            };
            let name = Untrusted::new(path.file_name().unwrap_or_default().to_string_lossy());
            let (owner, mode) = (found.uid(), found.permissions().mode() & 0o777);
            if owner != writer {
                all.push(safe!("{} belongs to user {}", name.field(), owner));
            } else if mode & 0o077 != 0 {
                all.push(safe!(
                    "{} has mode {}: others may read or write it; look who did, then `chmod 600`",
                    name.field(),
                    octal(mode)
                ));
            }
        }
    }
    all
}

fn octal(mode: u32) -> Safe {
    Untrusted::new(format!("{mode:04o}")).field()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io;

    use super::*;

    /// Makes a directory that is for its owner alone.
    fn private() -> io::Result<tempfile::TempDir> {
        let dir = tempfile::tempdir()?;
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700))?;
        Ok(dir)
    }

    #[test]
    fn the_folder_of_a_log_is_for_its_writer_alone() -> io::Result<()> {
        let dir = private()?;
        for (mode, wide) in [
            (0o700, false),
            (0o500, false),
            (0o701, true),
            (0o750, true),
            (0o722, true),
            (0o777, true),
        ] {
            fs::set_permissions(dir.path(), Permissions::from_mode(mode))?;
            let said = exposed(dir.path());
            assert_eq!(said.len(), usize::from(wide), "{mode:o}: {said:?}");
            let named = said.iter().all(|line| {
                let words = format!("the folder of the log has mode {mode:04o}: ");
                line.as_str().starts_with(&words)
            });
            assert!(named, "{mode:o}: {said:?}");
        }
        Ok(())
    }

    #[test]
    fn a_file_of_a_log_is_for_its_writer_alone() -> io::Result<()> {
        let dir = private()?;
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
        let dir = private()?;
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
