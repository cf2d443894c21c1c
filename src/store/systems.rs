//! Whose records the state directory holds: the case systems and identity providers behind the names of its connections.
//!
//! A record knows a case or an account by the name of its connection and an id, so under the same names other systems would
//! be taken for those that are meant. What must not live here: what the log holds (`cli::systems`), SIEMs (nothing is done to
//! them).

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::config::settings::{Connection, Role, Settings, Vendor};
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Name of the file in the state directory.
const FILE: &str = "systems";

/// Locked while a console looks at the file and changes it; never removed.
const TURN: &str = "systems.lock";

/// Locked, shared, by every console that runs; never removed, so that all of them lock the same file.
const USE: &str = "systems.use";

/// Longest file that is read.
const READ_MAX: u64 = 1024 * 1024;

/// Longest wait for another console that starts.
const WAIT: Duration = Duration::from_secs(10);

/// One system, as it is told apart from others of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Scheme, host and port of its address, and the path where it has one.
    pub at: Untrusted,
    /// Which of those behind that address: the realm, the tenant, the domain of the administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Untrusted>,
}

impl System {
    fn of(connection: &Connection) -> Self {
        let path = connection.url.path().trim_end_matches('/');
        let origin = connection.url.origin().ascii_serialization();
        // The organisation of TheHive is none: its ids are those of the whole installation.
        let tenant = match connection.vendor {
            Vendor::Keycloak => connection.client.as_ref().map(|one| one.realm.clone()),
            Vendor::Entra => {
                let entra = connection.entra.as_ref();
                entra.map(|one| one.tenant.to_ascii_lowercase())
            }
            Vendor::Google => {
                let subject = connection.subject.as_deref();
                let domain = subject.and_then(|one| one.rsplit_once('@'));
                domain.map(|(_, domain)| domain.to_ascii_lowercase())
            }
            Vendor::Okta | Vendor::Thehive | Vendor::Elasticsearch => None,
        };
        Self {
            at: Untrusted::new(format!("{origin}{path}")),
            tenant: tenant.map(Untrusted::new),
        }
    }

    /// Says which it is.
    pub fn shown(&self) -> Safe {
        match &self.tenant {
            Some(tenant) => safe!("{} ({})", self.at.ident(), tenant.ident()),
            None => self.at.ident(),
        }
    }
}

/// The systems by the names of their connections.
pub type Systems = BTreeMap<ConnectionName, System>;

/// One name that stands for two systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The name.
    pub name: ConnectionName,
    /// What it stands for in the records.
    pub recorded: System,
    /// What it stands for in the configuration.
    pub configured: System,
}

/// Gives the systems of a configuration that something is done to.
pub fn of(settings: &Settings) -> Systems {
    let connections = settings.connections.iter();
    connections
        .filter(|one| one.roles.contains(&Role::Cases) || one.roles.contains(&Role::Identity))
        .map(|one| (one.name.clone(), System::of(one)))
        .collect()
}

/// Finds the names that stand for another system than in the records. A name that is new or gone is no conflict.
pub fn conflicts(recorded: &Systems, configured: &Systems) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (name, own) in configured {
        if let Some(known) = recorded.get(name).filter(|known| *known != own) {
            found.push(Conflict {
                name: name.clone(),
                recorded: known.clone(),
                configured: own.clone(),
            });
        }
    }
    found
}

/// Gives the path of the file.
pub fn path(root: &Path) -> PathBuf {
    root.join(FILE)
}

/// Reads the file; no file is no systems.
///
/// # Errors
/// When it cannot be read or is not what was written here.
pub fn read(root: &Path) -> io::Result<Systems> {
    // A pipe under this name must not hold the program up, and a link must not lead elsewhere.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path(root));
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Systems::new()),
        opened => opened?,
    };
    let mut text = Vec::new();
    file.take(READ_MAX).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

/// Replaces the file, durably; only in one's [`Turn`].
///
/// # Errors
/// When the disk refuses; the file before stays whole.
pub fn write(root: &Path, systems: &Systems) -> io::Result<()> {
    let fresh = root.join("systems.new");
    let text = serde_json::to_vec(systems).map_err(io::Error::other)?;
    // What a killed process left half written.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&fresh, path(root))?;
    File::open(root)?.sync_all()
}

/// That a console uses the directory; given up when it is dropped or the process dies.
#[derive(Debug)]
pub struct Hold {
    // Held for its lock only.
    _file: File,
}

/// One's turn to look at the file and to change it: no other console begins to use the directory meanwhile.
#[derive(Debug)]
pub struct Turn {
    used: File,
    // Held for its lock only.
    _turn: File,
}

impl Turn {
    /// Waits for one's turn.
    ///
    /// # Errors
    /// When the files cannot be made or locked, or another console takes too long.
    pub fn wait(root: &Path) -> io::Result<Self> {
        Self::wait_for(root, WAIT)
    }

    fn wait_for(root: &Path, longest: Duration) -> io::Result<Self> {
        let (turn, used) = (open(&root.join(TURN))?, open(&root.join(USE))?);
        let begun = Instant::now();
        loop {
            match turn.try_lock() {
                Ok(()) => return Ok(Self { used, _turn: turn }),
                Err(TryLockError::WouldBlock) if begun.elapsed() < longest => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => return Err(busy()),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Tells whether a console uses the directory.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub fn is_used(&self) -> io::Result<bool> {
        match self.used.try_lock() {
            Ok(()) => self.used.unlock().map(|()| false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Begins to use the directory, and ends the turn.
    ///
    /// # Errors
    /// When the file cannot be locked.
    pub fn hold(self) -> io::Result<Hold> {
        // Nobody locks it alone but in a turn, and this is ours.
        match self.used.try_lock_shared() {
            Ok(()) => Ok(Hold { _file: self.used }),
            Err(TryLockError::WouldBlock) => Err(busy()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn busy() -> io::Error {
    io::Error::new(
        io::ErrorKind::WouldBlock,
        "another process keeps its lock file locked",
    )
}

fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    OpenOptions::new()
        .create(true)
        .truncate(false)
        // A shared lock on a network file system needs it.
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(flags.cast_signed())
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rstest::rstest;

    use super::*;
    use crate::config::parse::parse;

    type Done = Result<(), Box<dyn std::error::Error>>;

    fn systems(all: &[(&str, &str, Option<&str>)]) -> Result<Systems, crate::domain::ids::IdError> {
        let all = all.iter().map(|(name, at, tenant)| {
            let system = System {
                at: Untrusted::new(*at),
                tenant: tenant.map(Untrusted::new),
            };
            Ok((ConnectionName::parse(name)?, system))
        });
        all.collect()
    }

    #[rstest]
    #[case::same(&[("okta", "https://a.example", None)], false)]
    #[case::new_name(&[("okta-2", "https://b.example", None)], false)]
    #[case::gone(&[], false)]
    #[case::host(&[("okta", "https://b.example", None)], true)]
    #[case::port(&[("okta", "https://a.example:8443", None)], true)]
    #[case::scheme(&[("okta", "http://a.example", None)], true)]
    #[case::tenant(&[("okta", "https://a.example", Some("test"))], true)]
    fn only_another_system_under_the_same_name_is_a_conflict(
        #[case] configured: &[(&str, &str, Option<&str>)],
        #[case] is_one: bool,
    ) -> Done {
        let recorded = systems(&[
            ("hive", "https://hive.example", None),
            ("okta", "https://a.example", None),
        ])?;
        let found = conflicts(&recorded, &systems(configured)?);
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        let expected: &[&str] = if is_one { &["okta"] } else { &[] };
        assert_eq!(names, expected);
        Ok(())
    }

    #[test]
    fn a_configuration_has_the_systems_that_something_is_done_to() -> Done {
        let text = r#"
[environment]
name = "acme"
kind = "production"
mode = "live"

[[connection]]
name = "hive"
vendor = "thehive"
url = "https://tools.example:443/hive/"
secret = { file = "/run/hive" }

[[connection]]
name = "elastic"
vendor = "elasticsearch"
url = "https://siem.example:9200"
secret = { file = "/run/elastic" }

[[connection]]
name = "sso"
vendor = "keycloak"
url = "https://sso.example:8443"
realm = "Acme"
client_id = "quell"
secret = { file = "/run/sso" }

[[connection]]
name = "entra"
vendor = "entra"
url = "https://graph.microsoft.com"
tenant = "Acme.Example"
client_id = "11111111-2222-3333-4444-555555555555"
secret = { file = "/run/entra" }

[[connection]]
name = "google"
vendor = "google"
url = "https://admin.googleapis.com"
subject = "Admin@Acme.Example"
secret = { file = "/run/google" }
"#;
        let parsed = parse(text, "q.toml", &[]).map_err(|faults| format!("{faults:?}"))?;
        let google = "https://admin.googleapis.com";
        let expected = systems(&[
            ("entra", "https://graph.microsoft.com", Some("acme.example")),
            ("google", google, Some("acme.example")),
            ("hive", "https://tools.example/hive", None),
            ("sso", "https://sso.example:8443", Some("Acme")),
        ])?;
        assert_eq!(of(&parsed.settings), expected);
        Ok(())
    }

    #[test]
    fn the_file_is_private_whole_and_what_was_written() -> Done {
        let dir = tempfile::tempdir()?;
        let dir = dir.path();
        assert_eq!(read(dir)?, Systems::new());
        let first = systems(&[("okta", "https://a.example", None)])?;
        let second = systems(&[("sso", "https://\u{1b}[2J", Some("b"))])?;
        write(dir, &first)?;
        fs::write(dir.join("systems.new"), "half")?;
        write(dir, &second)?;
        assert_eq!(read(dir)?, second);
        let mode = fs::metadata(path(dir))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir)?.count(), 1);
        for bad in ["", "[]", "{\"okta\":1}", "{\"a b\":{\"at\":\"x\"}}"] {
            fs::write(path(dir), bad)?;
            assert!(read(dir).is_err(), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn a_link_is_not_followed() -> Done {
        let dir = tempfile::tempdir()?;
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, "{}")?;
        std::os::unix::fs::symlink(&elsewhere, path(dir.path()))?;
        assert!(read(dir.path()).is_err());
        Ok(())
    }

    #[test]
    fn a_directory_is_used_while_anybody_holds_it() -> Done {
        let dir = tempfile::tempdir()?;
        let turn = Turn::wait(dir.path())?;
        assert!(!turn.is_used()?);
        assert!(Turn::wait_for(dir.path(), Duration::ZERO).is_err());
        let first = turn.hold()?;
        let second = Turn::wait(dir.path())?.hold()?;
        drop(first);
        let turn = Turn::wait(dir.path())?;
        assert!(turn.is_used()?);
        drop(second);
        assert!(!turn.is_used()?);
        Ok(())
    }
}
