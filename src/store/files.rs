//! Files that decide something: who may have written or read them is checked before they are believed.
//!
//! The rule: opened without following a symbolic link, then judged by what is open: a regular file of ours or
//! root's with the right mode, under directories that strangers cannot write to. What must not live here:
//! what is in the files (`config`, [`secret`](super::secret)).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};

use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most bytes of a configuration file.
pub const MAX_CONFIG: u64 = 1024 * 1024;

/// What a file is for, which decides who may read and write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Holds a secret: nobody but the owner may do anything with it (mode & 077 is 0).
    Secret,
    /// Holds a secret that systemd handed over. It gives the service's user access by an access control list,
    /// whose mask shows as the group's read bit, so that bit alone is no fault (mode & 037 is 0).
    Credential,
    /// Decides what happens: nobody but the owner may change it (mode & 022 is 0).
    Config,
    /// Rules of the host: root's, and nobody but root may change it (mode & 022 is 0).
    Host,
    /// Is run: nobody but the owner may change it (mode & 022 is 0).
    Program,
    /// Says where addresses are: nobody but the owner may change it (mode & 022 is 0).
    Places,
}

impl Rule {
    /// Gives the name of such a file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret file",
            Self::Credential => "credential",
            Self::Config => "configuration",
            Self::Host => "host policy",
            Self::Program => "program",
            Self::Places => "database of places",
        }
    }

    /// Gives the mode bits that must not be set.
    pub fn forbidden(self) -> u32 {
        match self {
            Self::Secret => 0o077,
            Self::Credential => 0o037,
            Self::Config | Self::Host | Self::Program | Self::Places => 0o022,
        }
    }

    fn chmod(self) -> &'static str {
        match self {
            Self::Secret => "chmod 600",
            Self::Credential => "chmod g-wx,o-rwx",
            Self::Config | Self::Host | Self::Program | Self::Places => "chmod go-w",
        }
    }
}

/// What the kernel says of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whether it is a regular file.
    pub regular: bool,
    /// The owner's user id.
    pub owner: u32,
    /// Permission bits, `0..=0o7777`.
    pub mode: u32,
}

/// Why a file is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// A symbolic link.
    #[error("it is a symbolic link")]
    Link,
    /// A directory, a pipe, a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// Belongs to a stranger.
    #[error("it belongs to user {0}, neither to you nor to root")]
    Owner(u32),
    /// Others can do too much with it.
    #[error("its mode is {0:04o}: others can {1}")]
    Mode(u32, &'static str),
    /// A directory above it can be written by everybody, so everybody can put another file there.
    #[error("everybody can write to the directory {directory}")]
    Parent {
        /// Which.
        directory: Safe,
    },
    /// A directory above a file of root's belongs to somebody else, or others can write to it: they can take the file away.
    #[error("others than root can take it out of the directory {directory}")]
    Folder {
        /// Which.
        directory: Safe,
    },
}

/// Says why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system did not let us.
    #[error("failed to open the {} {path}: {source}", rule.word())]
    Open {
        /// Which.
        path: Safe,
        /// What for.
        rule: Rule,
        /// The cause.
        source: io::Error,
    },
    /// It is there and not to be believed.
    #[error("refused the {} {path}: {objection}", rule.word())]
    Refused {
        /// Which.
        path: Safe,
        /// What for.
        rule: Rule,
        /// Why.
        objection: Objection,
    },
    /// It has more bytes than any such file needs.
    #[error("refused the {} {path}: it has more than {limit} bytes", rule.word())]
    TooLong {
        /// Which.
        path: Safe,
        /// What for.
        rule: Rule,
        /// Most bytes.
        limit: u64,
    },
    /// It is not UTF-8.
    #[error("refused the {} {path}: it is not UTF-8 text", rule.word())]
    Encoding {
        /// Which.
        path: Safe,
        /// What for.
        rule: Rule,
    },
    /// The environment names no home.
    #[error("failed to find the configuration directory: no home directory is known")]
    NoHome,
}

impl FileError {
    /// Tells whether there simply is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Gives what can be done about it: where it is the mode or the owner, the command to run.
    pub fn hint(&self) -> Option<Safe> {
        match self {
            Self::Refused {
                path,
                rule,
                objection,
            } => Some(match objection {
                Objection::Link => safe!("name the file itself: readlink -f {}", quoted(path)),
                Objection::NotRegular => return None,
                Objection::Owner(_) => safe!("chown \"$(id -u)\" {}", quoted(path)),
                Objection::Mode(..) => safe!("{} {}", rule.chmod(), quoted(path)),
                Objection::Parent { directory } => safe!("chmod o-w {}", quoted(directory)),
                Objection::Folder { directory } => {
                    let place = quoted(directory);
                    safe!("as root: chown root {} && chmod go-w {}", place, place)
                }
            }),
            Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("check the path for a slip".into())
            }
            Self::NoHome => Some("give the file with --config FILE".into()),
            Self::Open { .. } | Self::TooLong { .. } | Self::Encoding { .. } => None,
        }
    }
}

/// Gives the path of the configuration: the one asked for, or `config.toml` in the user's configuration directory.
///
/// # Errors
/// [`FileError::NoHome`] when none is asked for and no home is known.
pub fn config_path(asked: Option<&Path>) -> Result<PathBuf, FileError> {
    if let Some(path) = asked {
        return Ok(path.to_owned());
    }
    let dirs = directories::ProjectDirs::from("", "", "quell").ok_or(FileError::NoHome)?;
    Ok(dirs.config_dir().join("config.toml"))
}

/// Reads a configuration file by the rule for such files.
///
/// # Errors
/// [`FileError`] when it cannot be opened, is not to be believed, is longer than [`MAX_CONFIG`], or not UTF-8.
pub fn read_config(path: &Path) -> Result<String, FileError> {
    read_text(path, Rule::Config)
}

/// Reads the policy of the host, which must be root's.
///
/// # Errors
/// As [`read_config`].
pub fn read_host(path: &Path) -> Result<String, FileError> {
    read_text(path, Rule::Host)
}

/// Reads the policy of the host, or finds that there is none.
///
/// # Errors
/// As [`read_host`], but a file that is missing is none.
pub fn read_host_if_there(path: &Path) -> Result<Option<String>, FileError> {
    match read_host(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_text(path: &Path, rule: Rule) -> Result<String, FileError> {
    let bytes = read_checked(path, rule, MAX_CONFIG)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => Err(FileError::Encoding {
            path: shown(path),
            rule,
        }),
    }
}

/// Reads a file by a rule.
///
/// # Errors
/// [`FileError`] when it cannot be opened, is not to be believed, or is longer than `limit` bytes.
pub fn read_checked(path: &Path, rule: Rule, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = open_checked(path, rule)?;
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let length = read.map_err(|source| FileError::Open {
        path: shown(path),
        rule,
        source,
    })?;
    if u64::try_from(length).unwrap_or(u64::MAX) > limit {
        return Err(FileError::TooLong {
            path: shown(path),
            rule,
            limit,
        });
    }
    Ok(bytes)
}

/// Opens a file by a rule; what is checked is what is open, not what the path names a moment later.
///
/// # Errors
/// [`FileError::Open`] and [`FileError::Refused`].
pub fn open_checked(path: &Path, rule: Rule) -> Result<File, FileError> {
    let refused = |objection| FileError::Refused {
        path: shown(path),
        rule,
        objection,
    };
    let failed = |source| FileError::Open {
        path: shown(path),
        rule,
        source,
    };
    // Without NONBLOCK a pipe under this name would hold the program up for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(_) if is_link(path) => return Err(refused(Objection::Link)),
        Err(cause) => return Err(failed(cause.into())),
    };
    let stat = rustix::fs::fstat(&file).map_err(|cause| failed(cause.into()))?;
    let facts = Facts {
        regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        owner: stat.st_uid,
        mode: stat.st_mode & 0o7777,
    };
    judge(facts, rule, me()).map_err(refused)?;
    check_parents(path, rule).map_err(|cause| match cause {
        ParentFault::Refused(objection) => refused(objection),
        ParentFault::Io(source) => failed(source),
    })?;
    Ok(file)
}

/// Checks a program that is about to be run; links are followed, since many programs are links.
///
/// # Errors
/// [`FileError::Open`] and [`FileError::Refused`].
pub fn check_program(path: &Path) -> Result<(), FileError> {
    let target = std::fs::canonicalize(path).map_err(|source| FileError::Open {
        path: shown(path),
        rule: Rule::Program,
        source,
    })?;
    check_parents(path, Rule::Program).map_err(|cause| match cause {
        ParentFault::Refused(objection) => FileError::Refused {
            path: shown(path),
            rule: Rule::Program,
            objection,
        },
        ParentFault::Io(source) => FileError::Open {
            path: shown(path),
            rule: Rule::Program,
            source,
        },
    })?;
    open_checked(&target, Rule::Program).map(drop)
}

/// Judges a file by a rule, for a user id.
///
/// # Errors
/// The first [`Objection`], in the order: kind, owner, mode.
pub fn judge(facts: Facts, rule: Rule, me: u32) -> Result<(), Objection> {
    if !facts.regular {
        return Err(Objection::NotRegular);
    }
    let owned = facts.owner == 0 || (facts.owner == me && rule != Rule::Host);
    if !owned {
        return Err(Objection::Owner(facts.owner));
    }
    let excess = facts.mode & rule.forbidden();
    if excess == 0 {
        return Ok(());
    }
    let can = if excess & 0o022 != 0 {
        "change it"
    } else {
        "read it"
    };
    Err(Objection::Mode(facts.mode, can))
}

enum ParentFault {
    Refused(Objection),
    Io(io::Error),
}

/// Checks every directory above a path, as written and as it really is: a link in either could be swapped.
fn check_parents(path: &Path, rule: Rule) -> Result<(), ParentFault> {
    let written = std::path::absolute(path).map_err(ParentFault::Io)?;
    let Some(above) = written.parent() else {
        return Ok(());
    };
    let real = std::fs::canonicalize(above).map_err(ParentFault::Io)?;
    for directory in above.ancestors().chain(real.ancestors()) {
        let stat = rustix::fs::stat(directory).map_err(|cause| ParentFault::Io(cause.into()))?;
        if stat.st_mode & 0o1002 == 0o0002 {
            let objection = Objection::Parent {
                directory: shown(directory),
            };
            return Err(ParentFault::Refused(objection));
        }
        if rule == Rule::Host && !is_roots(stat.st_uid, stat.st_mode) {
            let objection = Objection::Folder {
                directory: shown(directory),
            };
            return Err(ParentFault::Refused(objection));
        }
    }
    Ok(())
}

/// Tells whether nobody but root can take root's files out of a directory; in a sticky one that only their owner can.
fn is_roots(owner: u32, mode: u32) -> bool {
    owner == 0 && (mode & 0o022 == 0 || mode & 0o1000 != 0)
}

fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_symlink())
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Gives a path as text that may be shown.
pub(super) fn shown(path: &Path) -> Safe {
    Untrusted::new(path.to_string_lossy()).ident()
}

/// Gives a shown path as one word of a shell.
fn quoted(path: &Safe) -> Safe {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+');
    if path.as_str().chars().all(plain) || path.as_str().contains('\'') {
        return path.clone();
    }
    safe!("'{}'", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ME: u32 = 1000;

    /// The whole matrix of owner and mode, for each rule, against the sentence of the rule.
    #[rstest]
    fn owner_and_mode(
        #[values(
            Rule::Secret,
            Rule::Credential,
            Rule::Config,
            Rule::Program,
            Rule::Places
        )]
        rule: Rule,
        #[values(0, ME, 1001)] owner: u32,
    ) {
        for mode in 0..=0o7777 {
            let verdict = judge(
                Facts {
                    regular: true,
                    owner,
                    mode,
                },
                rule,
                ME,
            );
            // What a rule lets others have, bit by bit: group rwx, others rwx.
            let granted: &[u32] = match rule {
                Rule::Secret => &[],
                Rule::Credential => &[0o040],
                Rule::Config | Rule::Host | Rule::Program | Rule::Places => {
                    &[0o040, 0o010, 0o004, 0o001]
                }
            };
            let allowed = (0..6)
                .map(|bit| 1 << bit)
                .all(|bit| mode & bit == 0 || granted.contains(&bit));
            assert_eq!(
                verdict.is_ok(),
                allowed && owner != 1001,
                "{rule:?} {owner} {mode:04o}"
            );
        }
    }

    #[rstest]
    #[case(Facts { regular: false, owner: ME, mode: 0o600 }, "it is not a regular file")]
    #[case(Facts { regular: true, owner: 33, mode: 0o600 }, "it belongs to user 33, neither to you nor to root")]
    #[case(Facts { regular: true, owner: ME, mode: 0o640 }, "its mode is 0640: others can read it")]
    #[case(Facts { regular: true, owner: 0, mode: 0o622 }, "its mode is 0622: others can change it")]
    fn words_of_an_objection(#[case] facts: Facts, #[case] words: &str) {
        let objection = judge(facts, Rule::Secret, ME).expect_err("must be refused");
        assert_eq!(objection.to_string(), words);
    }

    #[rstest]
    #[case(0, 0o755, true)]
    #[case(0, 0o1777, true)]
    #[case(0, 0o775, false)]
    #[case(0, 0o757, false)]
    #[case(ME, 0o755, false)]
    #[case(ME, 0o1755, false)]
    fn roots_files_are_safe_where_nobody_else_can_take_them_out(
        #[case] owner: u32,
        #[case] mode: u32,
        #[case] safe: bool,
    ) {
        assert_eq!(is_roots(owner, mode), safe, "{owner} {mode:04o}");
    }

    #[test]
    fn a_hint_is_a_command_that_can_be_run() {
        let refused = |rule, path: &str| FileError::Refused {
            path: shown(Path::new(path)),
            rule,
            objection: Objection::Mode(0o666, "change it"),
        };
        let hint = |rule, path| refused(rule, path).hint().map(|hint| hint.to_string());
        assert_eq!(hint(Rule::Secret, "/k").as_deref(), Some("chmod 600 /k"));
        assert_eq!(
            hint(Rule::Config, "/a b").as_deref(),
            Some("chmod go-w '/a b'")
        );
    }
}
