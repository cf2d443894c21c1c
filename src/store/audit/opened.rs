//! Opening the files of the log: only regular ones, and never waiting for another process.
//!
//! A pipe, a device or a link under the name of a log is refused and named: read as a file it would look like an empty
//! log, and an empty log is intact. What must not live here: which files there are (see `segments`).

use std::fs::{self, File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use super::error::StoreError;

/// Opens a file of the log for reading.
pub(super) fn to_read(path: &Path) -> Result<File, StoreError> {
    with(path, OpenOptions::new().read(true))
}

/// Opens a segment for reading and appending.
pub(super) fn to_append(path: &Path) -> Result<File, StoreError> {
    with(path, OpenOptions::new().read(true).append(true))
}

/// Opens a file, made with mode 0600 where it may be made, and refuses what is not a regular file.
pub(super) fn with(path: &Path, how: &mut OpenOptions) -> Result<File, StoreError> {
    // Without NONBLOCK a pipe under this name would hold the program up for ever.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let how = how.mode(0o600).custom_flags(flags.cast_signed());
    let opened = how.open(path).and_then(|file| {
        let kind = file.metadata()?.file_type();
        Ok((file, kind))
    });
    match opened {
        Ok((file, kind)) if kind.is_file() => Ok(file),
        Ok((_, kind)) => Err(special(path, kind)),
        // A link, a socket and, for writing, a directory cannot even be opened.
        Err(error) => Err(match fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() => special(path, found.file_type()),
            _ => failed(path, error),
        }),
    }
}

fn failed(path: &Path, error: io::Error) -> StoreError {
    StoreError::io("open", path)(error)
}

fn special(path: &Path, kind: FileType) -> StoreError {
    let kind = match kind {
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_dir() => "a directory",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_symlink() => "a symbolic link",
        _ => "a device",
    };
    StoreError::Special {
        path: path.to_owned(),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType as Kind, Mode};

    fn said(result: Result<File, StoreError>) -> String {
        result.map_or_else(|error| error.to_string(), |_| "opened".to_owned())
    }

    #[test]
    fn only_a_regular_file_is_opened_and_nothing_is_waited_for() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "x")?;
        fs::create_dir(at("directory"))?;
        std::os::unix::fs::symlink(at("file"), at("link"))?;
        rustix::fs::mknodat(CWD, at("pipe"), Kind::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let _socket = std::os::unix::net::UnixListener::bind(at("socket"))?;
        for (path, kind) in [
            (at("directory"), "a directory"),
            (at("link"), "a symbolic link"),
            (at("pipe"), "a pipe"),
            (at("socket"), "a socket"),
            (Path::new("/dev/null").to_owned(), "a device"),
        ] {
            let refused = format!(
                "refused {path:?} as a file of the audit log: it is {kind}, not a regular file"
            );
            assert_eq!(said(to_read(&path)), refused);
            assert_eq!(said(to_append(&path)), refused);
            let mut making = OpenOptions::new();
            assert_eq!(said(with(&path, making.append(true).create(true))), refused);
        }
        assert_eq!(said(to_read(&at("file"))), "opened");
        assert_eq!(said(to_append(&at("file"))), "opened");
        assert!(said(to_read(&at("none"))).starts_with("failed to open"));
        Ok(())
    }
}
