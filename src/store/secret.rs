//! A configured source of a secret to the secret itself.
//!
//! What must not live here: where secrets are used (`connect`), and any way for one into an error, a log or a
//! child process: errors name the place, never a byte of what was read there.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::files::{self, FileError, Rule};
use crate::config::settings::SecretSource;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most bytes of a secret.
pub const MAX_SECRET: u64 = 64 * 1024;
/// Longest a command may take.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// What a command inherits of our environment; its `PATH` is fixed.
const INHERITED: [&str; 5] = ["HOME", "USER", "LOGNAME", "LANG", "XDG_RUNTIME_DIR"];
const COMMAND_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where secrets are looked for besides absolute paths, and how long a command may take.
pub struct Surroundings<'e> {
    /// Looks up a variable of the environment.
    pub env: &'e dyn Fn(&str) -> Option<OsString>,
    /// Longest a command may take.
    pub timeout: Duration,
}

impl Default for Surroundings<'static> {
    fn default() -> Self {
        Self {
            env: &|name| std::env::var_os(name),
            timeout: COMMAND_TIMEOUT,
        }
    }
}

/// Says why a secret could not be had; names its place and never the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file, or the file of the credential or program.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not running under systemd with credentials.
    #[error("failed to read the credential {name}: CREDENTIALS_DIRECTORY is not set")]
    NoCredentials {
        /// Its name.
        name: Safe,
    },
    /// The variable is not set.
    #[error("failed to read the secret from the environment: {name} is not set")]
    NotSet {
        /// The variable.
        name: Safe,
    },
    /// The program could not be started or watched.
    #[error("failed to run the secret command {program}: {source}")]
    Run {
        /// Its path.
        program: Safe,
        /// The cause.
        source: io::Error,
    },
    /// The program took too long and was ended.
    #[error("failed to read the secret from {program}: no answer within {} s", timeout.as_secs())]
    Timeout {
        /// Its path.
        program: Safe,
        /// How long it had.
        timeout: Duration,
    },
    /// The program ended with a failure.
    #[error("failed to read the secret from {program}: it ended with {status}")]
    Failed {
        /// Its path.
        program: Safe,
        /// How it ended.
        status: ExitStatus,
    },
    /// What was read cannot be a secret.
    #[error("refused the secret from {place}: {fault}")]
    Content {
        /// Where it was read.
        place: Safe,
        /// What is wrong with it.
        fault: &'static str,
    },
}

impl SecretError {
    /// Gives what can be done about it.
    pub fn hint(&self) -> Option<Safe> {
        Some(match self {
            Self::File(cause) => return cause.hint(),
            Self::NoCredentials { name } => {
                safe!(
                    "start quell by a unit with LoadCredential={}:/path, or use another source",
                    name
                )
            }
            Self::NotSet { name } => {
                safe!("set {} before starting quell, or use another source", name)
            }
            Self::Run { .. } => return None,
            Self::Timeout { program, .. } => {
                safe!(
                    "run {} by hand: it may be waiting for a passphrase",
                    program
                )
            }
            Self::Failed { program, .. } => safe!("run {} by hand to see what it says", program),
            Self::Content { .. } => {
                "the secret is one line of printable text, or a key as its file has it (PEM, JSON)"
                    .into()
            }
        })
    }
}

/// Gets a secret from its source.
///
/// Blocks up to [`COMMAND_TIMEOUT`]; call it before the console starts.
///
/// # Errors
/// [`SecretError`], which names the place.
pub fn resolve(source: &SecretSource) -> Result<SecretString, SecretError> {
    resolve_in(source, &Surroundings::default())
}

/// Gets a secret from its source, in given surroundings.
///
/// # Errors
/// [`SecretError`], which names the place.
pub fn resolve_in(
    source: &SecretSource,
    surroundings: &Surroundings<'_>,
) -> Result<SecretString, SecretError> {
    match source {
        SecretSource::Command(parts) => run(parts, surroundings),
        SecretSource::Credential(name) => read_credential(name, surroundings),
        SecretSource::File(path) => read_file(path, Rule::Secret),
        SecretSource::Env(name) => {
            let name_shown = Untrusted::new(name.as_str()).ident();
            let value = (surroundings.env)(name).ok_or_else(|| SecretError::NotSet {
                name: name_shown.clone(),
            })?;
            let bytes = Zeroizing::new(value.into_encoded_bytes());
            accept(&bytes, safe!("the variable {}", name_shown))
        }
    }
}

fn read_file(path: &Path, rule: Rule) -> Result<SecretString, SecretError> {
    let bytes = Zeroizing::new(files::read_checked(path, rule, MAX_SECRET)?);
    accept(&bytes, files::shown(path))
}

fn read_credential(
    name: &str,
    surroundings: &Surroundings<'_>,
) -> Result<SecretString, SecretError> {
    let directory = (surroundings.env)("CREDENTIALS_DIRECTORY")
        .filter(|directory| !directory.is_empty())
        .ok_or_else(|| SecretError::NoCredentials {
            name: Untrusted::new(name).ident(),
        })?;
    read_file(&PathBuf::from(directory).join(name), Rule::Credential)
}

/// Takes what was read as a secret: one line of printable text, or a key as its file has it (PEM, or the JSON of a service
/// account), which has several. Line ends at the end are no part of it.
fn accept(bytes: &[u8], place: Safe) -> Result<SecretString, SecretError> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Ok(text) = std::str::from_utf8(line) else {
        return Err(SecretError::Content {
            place,
            fault: "it is not UTF-8 text",
        });
    };
    let key = text.trim();
    let is_key = key.starts_with("-----BEGIN ") || key.starts_with('{');
    let breaks_lines = |c| matches!(c, '\n' | '\r' | '\t');
    if is_key && !key.chars().any(|c| c.is_control() && !breaks_lines(c)) {
        return Ok(SecretString::from(key));
    }
    let fault = if key.is_empty() {
        "it is empty"
    } else if text.chars().any(char::is_control) {
        "it contains a line end or another control character"
    } else if text.trim() != text {
        "it begins or ends with a space"
    } else {
        return Ok(SecretString::from(text));
    };
    Err(SecretError::Content { place, fault })
}

/// Runs a secret command without a shell and takes what it writes to its standard output.
fn run(parts: &[String], surroundings: &Surroundings<'_>) -> Result<SecretString, SecretError> {
    let Some((program, arguments)) = parts.split_first() else {
        return Err(SecretError::Content {
            place: "no command".into(),
            fault: "it is empty",
        });
    };
    files::check_program(Path::new(program))?;
    let shown = Untrusted::new(program.as_str()).ident();
    let failed = |source| SecretError::Run {
        program: shown.clone(),
        source,
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", COMMAND_PATH)
        .current_dir("/");
    for name in INHERITED {
        command.envs((surroundings.env)(name).map(|value| (name, value)));
    }
    // What it complains of may hold the secret too, so it goes nowhere. Its own process group lets us end
    // whatever it has started.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let deadline = Instant::now() + surroundings.timeout;
    let mut child = command.spawn().map_err(failed)?;
    let outcome = listen(&mut child, deadline);
    if outcome.is_err() {
        end(&mut child);
    }
    let (bytes, status) = match outcome {
        Ok(answer) => answer,
        Err(Silence::TimedOut) => {
            return Err(SecretError::Timeout {
                program: shown,
                timeout: surroundings.timeout,
            });
        }
        Err(Silence::Io(source)) => return Err(failed(source)),
    };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_SECRET {
        return Err(SecretError::Content {
            place: shown,
            fault: "it has more than 65536 bytes",
        });
    }
    if !status.success() {
        return Err(SecretError::Failed {
            program: shown,
            status,
        });
    }
    accept(&bytes, shown)
}

enum Silence {
    TimedOut,
    Io(io::Error),
}

/// Reads a child's output to its end, at most one byte more than a secret may have, and waits for the child.
fn listen(
    child: &mut Child,
    deadline: Instant,
) -> Result<(Zeroizing<Vec<u8>>, ExitStatus), Silence> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let stdout = child.stdout.take();
    thread::spawn(move || {
        // Capacity up front: a buffer that grows leaves copies of its bytes behind.
        let limit = MAX_SECRET + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or(0)));
        let read = stdout.map_or(Ok(0), |stdout| stdout.take(limit).read_to_end(&mut bytes));
        // Nobody listens any more when the deadline has passed.
        let _ = sender.send(read.map(|_| bytes));
    });
    let left = deadline.saturating_duration_since(Instant::now());
    let bytes = match receiver.recv_timeout(left) {
        Ok(read) => read.map_err(Silence::Io)?,
        Err(_) => return Err(Silence::TimedOut),
    };
    loop {
        if let Some(status) = child.try_wait().map_err(Silence::Io)? {
            return Ok((bytes, status));
        }
        if Instant::now() >= deadline {
            return Err(Silence::TimedOut);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Ends a child and everything in its process group.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself; then there is nothing left to do.
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
