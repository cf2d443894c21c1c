//! `quell init`: writes a commented configuration to start from, and says what is next.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::{Failure, INTERNAL, OK, UNREADABLE, broken_pipe, compose};
use crate::config::sample::SAMPLE;
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::safe;
use crate::store::files;

/// Writes the sample; a file that is there is never touched.
///
/// # Errors
/// Exit code 3 when a file is there, 70 when it cannot be written.
pub fn write(asked: Option<&Path>, out: &mut dyn Write) -> Result<u8, Failure> {
    let path = files::config_path(asked).map_err(|error| compose::file_failure(&error))?;
    let shown = Untrusted::new(path.to_string_lossy()).ident();
    match create(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let fault = Fault::new(safe!("a configuration is there already: {}", shown))
                .hint("it was left as it is; `quell init --config FILE` writes another one");
            return Err(Failure::one(UNREADABLE, fault));
        }
        Err(error) => {
            let cause = Untrusted::new(error.to_string());
            let fault = Fault::new(safe!("failed to write {}: {}", shown, cause.line()));
            return Err(Failure::one(INTERNAL, fault));
        }
    }
    let told = writeln!(out, "wrote {shown}").and_then(|()| {
        writeln!(
            out,
            "next: set urls and secrets in it, then run `quell`; it starts in DRY RUN"
        )
    });
    told.map_or_else(|error| broken_pipe(&error), |()| Ok(OK))
}

fn create(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(above)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(SAMPLE.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_writes_once_and_never_over_a_file() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("sub/config.toml");
        let mut said = Vec::new();
        assert_eq!(write(Some(&path), &mut said).ok(), Some(OK));
        assert_eq!(fs::read_to_string(&path)?, SAMPLE);
        fs::write(&path, "mine")?;
        assert_eq!(
            write(Some(&path), &mut said)
                .err()
                .map(|failure| failure.code),
            Some(UNREADABLE)
        );
        assert_eq!(fs::read_to_string(&path)?, "mine");
        Ok(())
    }
}
