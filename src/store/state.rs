//! Where state lives, and that only its owner can read it.
//!
//! What must not live here: what is in the files.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::files;
use crate::domain::text::Safe;
use crate::safe;

/// Says why there is no state directory.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The environment names no home.
    #[error("failed to find the state directory: no home directory is known")]
    NoHome,
    /// It cannot be made, or not made private.
    #[error("failed to prepare the state directory {path:?}")]
    Prepare {
        /// Which.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error("failed to use the state directory {path:?}: it belongs to user {owner}")]
    Owner {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A part of it leads elsewhere.
    #[error(
        "refused {path:?} as a part of the state directory: it is a symbolic link, not a directory of its own"
    )]
    Link {
        /// Which.
        path: PathBuf,
        /// The state directory of which it is a part as well, if so.
        other: Option<PathBuf>,
    },
}

impl StateError {
    /// Gives what can be done about it, where something can.
    pub fn hint(&self) -> Option<Safe> {
        let Self::Link { other, .. } = self else {
            return None;
        };
        Some(match other {
            Some(other) => safe!(
                "consoles that share a part share all of it: start with --state {}",
                files::shown(other)
            ),
            None => "put a directory there, with what the link leads to; a link to the state directory as a whole is taken".into(),
        })
    }
}

/// The directory of everything quell keeps, readable by its owner only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// Finds the directory: the given path, or else `quell` in the user's state directory (XDG). A drill has its own
    /// beside it, so that nothing simulated is ever mixed with what was real.
    ///
    /// # Errors
    /// [`StateError::NoHome`] when no path is given and no home is known.
    pub fn locate(explicit: Option<&Path>, drill: bool) -> Result<Self, StateError> {
        let base = if let Some(path) = explicit {
            path.to_owned()
        } else {
            let dirs = directories::ProjectDirs::from("", "", "quell").ok_or(StateError::NoHome)?;
            dirs.state_dir()
                .unwrap_or_else(|| dirs.data_local_dir())
                .to_owned()
        };
        Ok(Self {
            root: if drill { base.join("drill") } else { base },
        })
    }

    /// Gives the directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Gives the directory of the audit log.
    pub fn audit(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// Gives the directory of the leases on actions in work.
    pub fn leases(&self) -> PathBuf {
        self.root.join("lease")
    }

    /// Gives the directory of the texts that are being written for cases.
    pub fn drafts(&self) -> PathBuf {
        self.root.join("draft")
    }

    /// Makes the directory and its parts, mode 0700; gives those that others could use until now, with the mode they had.
    /// The directory itself may be reached by a link: then all of its parts are.
    ///
    /// # Errors
    /// When one cannot be made or belongs to somebody else, or a part is a link; for that nothing is made.
    pub fn prepare(&self) -> Result<Vec<(PathBuf, u32)>, StateError> {
        let parts = [self.audit(), self.leases(), self.drafts()];
        for part in &parts {
            refuse_link(part)?;
        }
        let mut wide = Vec::new();
        for path in std::iter::once(self.root.clone()).chain(parts) {
            let was = make_private(&path)?;
            wide.extend(was.map(|mode| (path, mode)));
        }
        Ok(wide)
    }
}

/// Refuses a part that is a link: consoles that share the log and not the leases each go on with what is left in it.
fn refuse_link(part: &Path) -> Result<(), StateError> {
    // What cannot be looked at is said where it is made.
    if !fs::symlink_metadata(part).is_ok_and(|found| found.is_symlink()) {
        return Ok(());
    }
    let target = fs::canonicalize(part).ok();
    let same = target.filter(|target| target.file_name() == part.file_name());
    Err(StateError::Link {
        path: part.to_owned(),
        other: same.and_then(|target| target.parent().map(Path::to_owned)),
    })
}

/// Makes a directory of mode 0700, or takes away what others may do with one that is there; gives the mode that it had then.
///
/// # Errors
/// When it cannot be made, is no directory, or belongs to somebody else.
pub fn make_private(path: &Path) -> Result<Option<u32>, StateError> {
    let prepare = |source| StateError::Prepare {
        path: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(prepare)?;
    let found = fs::metadata(path).map_err(prepare)?;
    let owner = found.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Err(StateError::Owner {
            path: path.to_owned(),
            owner,
        });
    }
    let mode = found.permissions().mode() & 0o777;
    if mode.trailing_zeros() >= 6 {
        return Ok(None);
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(prepare)?;
    Ok(Some(mode))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> io::Result<u32> {
        Ok(fs::metadata(path)?.permissions().mode() & 0o777)
    }

    #[test]
    fn directories_are_private_even_when_they_were_not() -> Result<(), Box<dyn std::error::Error>> {
        let outer = tempfile::tempdir()?;
        let path = outer.path().join("q");
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        let state = StateDir::locate(Some(&path), false)?;
        assert_eq!(state.prepare()?, [(path, 0o755)]);
        assert!(state.prepare()?.is_empty());
        for dir in [state.root(), &state.audit(), &state.leases()] {
            assert_eq!(mode(dir)?, 0o700);
        }
        Ok(())
    }

    #[test]
    fn a_part_that_is_a_link_is_refused_before_anything_is_made()
    -> Result<(), Box<dyn std::error::Error>> {
        let outer = tempfile::tempdir()?;
        let place = fs::canonicalize(outer.path())?;
        let [own, other, moved] = ["own", "other", "moved"].map(|name| place.join(name));
        StateDir::locate(Some(&other), false)?.prepare()?;
        fs::create_dir(&moved)?;
        let state = StateDir::locate(Some(&own), false)?;
        let whole = format!("start with --state {}", other.display());
        for part in [state.audit(), state.leases(), state.drafts()] {
            let same = other.join(part.file_name().ok_or("it has a name")?);
            for (target, words) in [
                (same, whole.as_str()),
                (moved.clone(), "put a directory there"),
                (place.join("nowhere"), "put a directory there"),
            ] {
                fs::create_dir(&own)?;
                symlink(&target, &part)?;
                let error = state.prepare().err().ok_or("a link was taken")?;
                assert!(error.to_string().contains(&format!("{part:?}")), "{error}");
                let hint = error.hint().ok_or("nothing to do")?;
                assert!(hint.as_str().contains(words), "{hint}");
                fs::remove_file(&part)?;
                // It is empty again.
                fs::remove_dir(&own)?;
            }
        }
        Ok(())
    }

    #[test]
    fn the_directory_itself_may_be_reached_by_a_link() -> Result<(), Box<dyn std::error::Error>> {
        let outer = tempfile::tempdir()?;
        let [real, link] = ["real", "link"].map(|name| outer.path().join(name));
        StateDir::locate(Some(&real), false)?.prepare()?;
        symlink(&real, &link)?;
        assert!(StateDir::locate(Some(&link), false)?.prepare()?.is_empty());
        Ok(())
    }

    #[test]
    fn a_drill_has_its_own_directory() -> Result<(), StateError> {
        let real = StateDir::locate(Some(Path::new("/s")), false)?;
        let drill = StateDir::locate(Some(Path::new("/s")), true)?;
        assert_eq!(real.audit(), Path::new("/s/audit"));
        assert_eq!(drill.audit(), Path::new("/s/drill/audit"));
        Ok(())
    }

    #[test]
    fn a_file_in_its_place_is_an_error() -> io::Result<()> {
        let outer = tempfile::tempdir()?;
        let path = outer.path().join("f");
        fs::write(&path, "")?;
        assert!(make_private(&path).is_err());
        Ok(())
    }
}
