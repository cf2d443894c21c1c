//! Runbooks on the disk: a folder to paths and texts, bounded, without leaving it.
//!
//! Symbolic links are not followed. What must not live here: reading Markdown, and what links mean (`domain`).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::files::{self, FileError, Rule, shown};
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::safe;

/// Most bytes taken of one runbook; the reader says that the rest is not read.
pub const LONGEST: u64 = 4 * 1024 * 1024 + 64;
/// Most bytes of all runbooks of a folder.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Most runbooks of a folder.
const MOST_FILES: usize = 2_000;
/// Most entries looked at in a folder and below it.
const MOST_ENTRIES: usize = 20_000;
/// Deepest folder below the root.
const DEEPEST: usize = 8;

/// What must hold of a runbook before it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It steers the console: nobody else may be able to change it.
    Steers,
    /// It is only read and shown.
    Read,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Folder {
    /// Paths inside the folder, joined by `/`, and the texts; in the order of the paths.
    pub files: Vec<(String, String)>,
    /// What was left out, and why.
    pub faults: Vec<Fault>,
}

/// Why a text cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file is not to be believed, or cannot be opened.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be read.
    #[error("failed to read {path}: {source}")]
    Read {
        /// Which.
        path: crate::domain::text::Safe,
        /// The cause.
        source: io::Error,
    },
    /// It is something else than UTF-8 text.
    #[error("{path}:{line}: not UTF-8 text: {what}")]
    NotText {
        /// Which.
        path: crate::domain::text::Safe,
        /// The line of the first byte that is none, from 1.
        line: usize,
        /// What was found.
        what: &'static str,
    },
}

impl TextError {
    /// Gives it as it is shown.
    pub fn fault(&self) -> Fault {
        Fault {
            what: Untrusted::new(self.to_string()).line(),
            hint: match self {
                Self::File(error) => error.hint(),
                Self::NotText { .. } => Some("save it as UTF-8".into()),
                Self::Read { .. } => None,
            },
        }
    }
}

/// Reads one text, of a file or of anything else.
///
/// # Errors
/// [`TextError`] when it cannot be read or is no text.
pub fn read_text(source: impl Read, path: &Path) -> Result<String, TextError> {
    let mut bytes = Vec::new();
    source
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|source| TextError::Read {
            path: shown(path),
            source,
        })?;
    let cut = u64::try_from(bytes.len()).is_ok_and(|length| length == LONGEST);
    text_of(bytes, cut).map_err(|(line, what)| TextError::NotText {
        path: shown(path),
        line,
        what,
    })
}

/// Reads the runbook with this name; a link is followed, since a person named it.
///
/// # Errors
/// As [`read_text`].
pub fn read_file(path: &Path) -> Result<String, TextError> {
    let failed = |source| TextError::Read {
        path: shown(path),
        source,
    };
    let data = std::fs::metadata(path).map_err(failed)?;
    if data.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    read_text(File::open(path).map_err(failed)?, path)
}

fn text_of(bytes: Vec<u8>, cut: bool) -> Result<String, (usize, &'static str)> {
    let line = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count();
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err((1, "it begins like UTF-16"));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err((
            line(bytes.get(..at).unwrap_or_default()),
            "it has a NUL byte",
        ));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let at_end = error.utf8_error().error_len().is_none();
            let mut bytes = error.into_bytes();
            if cut && at_end {
                bytes.truncate(good);
                return Ok(String::from_utf8(bytes).unwrap_or_default());
            }
            let before = bytes.get(..good).unwrap_or_default();
            Err((line(before), "a byte that is no character"))
        }
    }
}

/// Reads all runbooks of a folder: Markdown files by their extension.
///
/// What cannot be read or is too much is left out and said.
pub fn read_folder(root: &Path, trust: Trust) -> Folder {
    let mut found = Folder::default();
    let mut size = 0_usize;
    for path in list(root, &mut found.faults) {
        let Some(inside) = inside(root, &path) else {
            let what = safe!("left out {}: its name is not UTF-8", shown(&path));
            found.faults.push(Fault::new(what));
            continue;
        };
        match read_one(&path, trust) {
            Ok(text) if size.saturating_add(text.len()) > MOST_BYTES => {
                let what = safe!(
                    "left out {} and what follows: the runbooks of {} have more than 64 MiB",
                    shown(&path),
                    shown(root)
                );
                found.faults.push(Fault::new(what));
                break;
            }
            Ok(text) => {
                size += text.len();
                found.files.push((inside, text));
            }
            Err(error) => found.faults.push(error.fault()),
        }
    }
    found
}

fn read_one(path: &Path, trust: Trust) -> Result<String, TextError> {
    let rule = match trust {
        Trust::Steers => Rule::Config,
        Trust::Read => return read_file(path),
    };
    read_text(files::open_checked(path, rule)?, path)
}

/// Gives the path inside the root, joined by `/`.
fn inside(root: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path
        .strip_prefix(root)
        .ok()?
        .components()
        .map(|part| part.as_os_str().to_str())
        .collect();
    Some(parts?.join("/"))
}

/// Lists the Markdown files below a root in the order of their paths.
fn list(root: &Path, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut seen = 0_usize;
    let mut folders = vec![(root.to_owned(), 0_usize)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                let cause = Untrusted::new(error.to_string());
                let what = safe!(
                    "failed to read the folder {}: {}",
                    shown(&folder),
                    cause.line()
                );
                faults.push(Fault::new(what));
                continue;
            }
        };
        for entry in entries.flatten() {
            seen += 1;
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else {
                continue;
            };
            if kind.is_symlink() && (is_markdown(&path) || path.is_dir()) {
                let what = safe!("left out {}: a symbolic link is not followed", shown(&path));
                faults.push(Fault::new(what));
            } else if kind.is_dir() && entry.file_name() != ".git" {
                if depth < DEEPEST {
                    folders.push((path, depth + 1));
                } else {
                    let what = safe!(
                        "left out {}: more than {} folders deep",
                        shown(&path),
                        DEEPEST
                    );
                    faults.push(Fault::new(what));
                }
            } else if kind.is_file() && is_markdown(&path) {
                files.push(path);
            }
        }
        if seen > MOST_ENTRIES || files.len() > MOST_FILES {
            let what = safe!(
                "left out a part of {}: too many files for a folder of runbooks",
                shown(root)
            );
            faults.push(Fault::new(what));
            break;
        }
    }
    files.sort();
    files.truncate(MOST_FILES);
    files
}

/// Tells whether a file is Markdown by its name.
pub fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("md") || extension.eq_ignore_ascii_case("markdown")
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"# T\n", Ok("# T\n"))]
    #[case(b"\xef\xbb\xbf# T\r\n", Ok("\u{feff}# T\r\n"))]
    #[case(b"\xff\xfe#\0", Err((1, "it begins like UTF-16")))]
    #[case(b"# T\n\0", Err((2, "it has a NUL byte")))]
    #[case(b"# T\n\nM\xfcller\n", Err((3, "a byte that is no character")))]
    #[case(b"# T\n\xe2\x82", Err((2, "a byte that is no character")))]
    fn texts(#[case] bytes: &[u8], #[case] expected: Result<&str, (usize, &'static str)>) {
        assert_eq!(text_of(bytes.to_vec(), false), expected.map(str::to_owned));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(text_of(b"ab\xe2\x82".to_vec(), true).unwrap(), "ab");
        let long = "\u{20ac}".repeat(2 * 1024 * 1024);
        let read = read_text(long.as_bytes(), Path::new("long.md")).unwrap();
        assert!(read.len() > 4 * 1024 * 1024 && read.chars().all(|c| c == '\u{20ac}'));
    }

    #[test]
    fn a_folder_is_read_without_leaving_it() -> io::Result<()> {
        let outside = tempfile::tempdir()?;
        std::fs::write(outside.path().join("secret.md"), "# S\n")?;
        let root = tempfile::tempdir()?;
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("b/.hidden"))?;
        std::fs::create_dir_all(at(".git"))?;
        for name in [
            "b/.hidden/two.md",
            "a.md",
            "B.Markdown",
            "x.txt",
            ".git/no.md",
        ] {
            std::fs::write(at(name), "# T\n")?;
        }
        std::fs::write(at("bad.md"), b"# \xff\n")?;
        std::os::unix::fs::symlink(outside.path().join("secret.md"), at("out.md"))?;
        std::os::unix::fs::symlink(outside.path(), at("out"))?;
        let found = read_folder(root.path(), Trust::Read);
        let paths: Vec<&str> = found.files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["B.Markdown", "a.md", "b/.hidden/two.md"]);
        let mut said: Vec<&str> = found.faults.iter().map(|f| f.what.as_str()).collect();
        said.sort_unstable();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said.iter().any(|text| text.contains("bad.md:1: not UTF-8")));
        assert_eq!(
            said.iter()
                .filter(|text| text.contains("symbolic link"))
                .count(),
            2
        );
        Ok(())
    }

    #[test]
    fn a_runbook_that_others_can_change_does_not_steer() -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir()?;
        let path = root.path().join("a.md");
        std::fs::write(&path, "# T\n")?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
        let found = read_folder(root.path(), Trust::Steers);
        assert!(found.files.is_empty());
        assert!(
            found.faults[0]
                .what
                .as_str()
                .contains("others can change it")
        );
        assert_eq!(read_folder(root.path(), Trust::Read).files.len(), 1);
        Ok(())
    }
}
