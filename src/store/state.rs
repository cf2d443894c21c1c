//! Where state lives, and that only its owner can read it.
//!
//! What must not live here: what is in the files.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

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
    ///
    /// # Errors
    /// When one cannot be made or belongs to somebody else.
    pub fn prepare(&self) -> Result<Vec<(PathBuf, u32)>, StateError> {
        let mut wide = Vec::new();
        for path in [
            self.root.clone(),
            self.audit(),
            self.leases(),
            self.drafts(),
        ] {
            let was = make_private(&path)?;
            wide.extend(was.map(|mode| (path, mode)));
        }
        Ok(wide)
    }
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
