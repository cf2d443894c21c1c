//! Finding the runbook that was asked for, and the set in which its links are looked for.
//!
//! A file that is not in a configured folder is looked at together with the folders around it, as far up as its own
//! links point, and never up to a folder that others can write to, the home directory or the root. What must not
//! live here: printing, what links mean.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::{Failure, UNREADABLE, compose};
use crate::config::settings::RunbookSettings;
use crate::domain::fault::Fault;
use crate::domain::runbook::choice::Runbooks;
use crate::domain::runbook::library::Library;
use crate::domain::runbook::{Runbook, parse_runbook};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::files;
use crate::store::runbooks::{TextError, Trust, is_markdown, read_file, read_folder, read_text};

/// Most folders above a file that its links can reach.
const HIGHEST: usize = 4;
/// The name of a runbook that came through standard input.
const STDIN: &str = "standard-input.md";

/// What there is without naming a file.
pub(super) struct Shelf {
    /// The runbooks of the configuration and our own.
    pub(super) runbooks: Arc<Runbooks>,
    folders: Vec<PathBuf>,
}

impl Shelf {
    /// Takes the runbooks of the configuration: the one asked for must be good, the usual one may be absent.
    pub(super) fn of(config: Option<&Path>) -> Result<Self, Failure> {
        let usual = files::config_path(None).is_ok_and(|path| path.exists());
        if config.is_none() && !usual {
            return Ok(Self::bare());
        }
        match compose::load(config) {
            Ok(loaded) => {
                let RunbookSettings { folders, .. } = loaded.settings.runbooks;
                Ok(Self {
                    runbooks: loaded.runbooks,
                    folders,
                })
            }
            Err(failure) if config.is_some() => Err(failure),
            // A runbook can be read while the configuration is being repaired.
            Err(_) => Ok(Self::bare()),
        }
    }

    fn bare() -> Self {
        Self {
            runbooks: Arc::new(Runbooks::default()),
            folders: Vec::new(),
        }
    }
}

/// A runbook in its set.
pub(super) struct Opened {
    /// The set.
    pub(super) library: Library,
    /// Its path in the set.
    pub(super) path: String,
    /// Where the set lies on the disk, as paths of it are shown.
    root: Option<PathBuf>,
    /// How the runbook was named, where it is no path of the set.
    called: Option<String>,
}

impl Opened {
    /// Gives the runbook.
    pub(super) fn runbook(&self) -> Result<Arc<Runbook>, Failure> {
        let missing = || {
            unreadable(safe!(
                "no runbook {}",
                Untrusted::new(self.path.as_str()).ident()
            ))
        };
        self.library.get(&self.path).ok_or_else(missing)
    }

    /// Gives a path of the set as it is shown: as a file that can be opened, where it is one.
    pub(super) fn shown(&self, path: &str) -> String {
        match (&self.called, &self.root) {
            (Some(called), _) if path == self.path => called.clone(),
            (_, Some(root)) if !self.library.is_shipped(path) => shown_in(root, path),
            _ => path.to_owned(),
        }
    }
}

/// A folder of runbooks.
pub(super) struct Shelved {
    /// The set.
    pub(super) library: Library,
    /// The paths of the folder's own runbooks.
    pub(super) paths: Vec<String>,
    /// What could not be read.
    pub(super) faults: Vec<Fault>,
    root: PathBuf,
}

impl Shelved {
    /// Gives a path of the folder as a file that can be opened.
    pub(super) fn shown(&self, path: &str) -> String {
        shown_in(&self.root, path)
    }
}

fn shown_in(root: &Path, path: &str) -> String {
    root.join(path).to_string_lossy().into_owned()
}

fn unreadable(what: Safe) -> Failure {
    Failure::one(UNREADABLE, Fault::new(what))
}

fn failure(error: &TextError) -> Failure {
    Failure::one(UNREADABLE, error.fault())
}

/// Opens a file, standard input or a runbook by its name.
///
/// # Errors
/// With exit code 3 when there is none, or it cannot be read or is no text.
pub(super) fn open(shelf: &Shelf, name: &str) -> Result<Opened, Failure> {
    if name == "-" {
        let text = read_text(io::stdin().lock(), Path::new("standard input"));
        let mut library = shelf.runbooks.library().clone();
        library.add(STDIN, text.map_err(|error| failure(&error))?);
        return Ok(Opened {
            library,
            path: STDIN.to_owned(),
            root: None,
            called: Some("standard input".to_owned()),
        });
    }
    let path = Path::new(name);
    if path.is_dir() {
        let what = safe!("{} is a folder", Untrusted::new(name).ident());
        let fault =
            Fault::new(what).hint("name one runbook; `quell runbook check` takes folders too");
        return Err(Failure::one(UNREADABLE, fault));
    }
    if fs::symlink_metadata(path).is_ok() {
        return open_file(shelf, path);
    }
    let library = shelf.runbooks.library();
    let Some(path) = library.find(name).map(str::to_owned) else {
        let what = safe!("no file and no runbook {}", Untrusted::new(name).ident());
        let fault = Fault::new(what).hint("`quell runbook list` prints the runbooks there are");
        return Err(Failure::one(UNREADABLE, fault));
    };
    Ok(Opened {
        library: library.clone(),
        path,
        root: None,
        called: None,
    })
}

fn open_file(shelf: &Shelf, path: &Path) -> Result<Opened, Failure> {
    let text = read_file(path).map_err(|error| failure(&error))?;
    let called = path.to_string_lossy().into_owned();
    let alone = |library: &Library, text: String| {
        let mut library = library.clone();
        // Its own name stands for a title that the text does not give.
        let own = path.file_name().and_then(|name| name.to_str());
        let name = own
            .filter(|name| library.get(name).is_none())
            .filter(|name| library.add(name, text.clone()))
            .unwrap_or(STDIN);
        if name == STDIN {
            library.add(STDIN, text);
        }
        Opened {
            path: name.to_owned(),
            library,
            root: None,
            called: Some(called.clone()),
        }
    };
    let written = parse_runbook(&text, &called);
    let real = real_of(path);
    // Without links there is nothing to look for around it.
    let root = real
        .as_deref()
        .filter(|_| !written.linked_runbooks.is_empty())
        .and_then(|real| root_of(shelf, real, &written));
    let inside = real.zip(root).and_then(|(real, root)| {
        let parts: Option<Vec<&str>> = real
            .strip_prefix(&root)
            .ok()?
            .components()
            .map(|part| part.as_os_str().to_str())
            .collect();
        Some((parts?.join("/"), root))
    });
    let Some((inside, root)) = inside else {
        return Ok(alone(shelf.runbooks.library(), text));
    };
    let mut library = Library::shipped();
    if !library.add(&inside, text.clone()) {
        return Ok(alone(shelf.runbooks.library(), text));
    }
    for (other, text) in read_folder(&root, Trust::Read).files {
        library.add(&other, text);
    }
    Ok(Opened {
        library,
        path: inside,
        root: Some(near(path, &root)),
        called: Some(called),
    })
}

/// Reads a folder of runbooks.
///
/// # Errors
/// With exit code 3 when it holds none.
pub(super) fn folder(shelf: &Shelf, path: &Path) -> Result<Shelved, Failure> {
    let folder = read_folder(path, Trust::Read);
    let mut library = shelf.runbooks.library().clone();
    let mut own = Library::shipped();
    let mut paths = Vec::new();
    for (inside, text) in folder.files {
        if own.add(&inside, text) {
            paths.push(inside);
        }
    }
    // The folder is judged by itself: what is configured elsewhere would hide what is missing here.
    std::mem::swap(&mut library, &mut own);
    if paths.is_empty() && folder.faults.is_empty() {
        let what = safe!(
            "no runbooks in {}",
            Untrusted::new(path.to_string_lossy()).ident()
        );
        return Err(unreadable(what));
    }
    Ok(Shelved {
        library,
        paths,
        faults: folder.faults,
        root: path.to_owned(),
    })
}

/// Gives the path of a file without links above it; the file itself keeps its name.
fn real_of(path: &Path) -> Option<PathBuf> {
    let written = std::path::absolute(path).ok()?;
    let folder = fs::canonicalize(written.parent()?).ok()?;
    Some(folder.join(written.file_name()?))
}

/// Gives the folder up to which a file's links are looked for.
fn root_of(shelf: &Shelf, real: &Path, written: &Runbook) -> Option<PathBuf> {
    let configured = shelf
        .folders
        .iter()
        .filter_map(|folder| fs::canonicalize(folder).ok())
        .find(|folder| real.starts_with(folder));
    if configured.is_some() || !is_markdown(real) {
        return configured;
    }
    let up = |path: &str| path.split('/').take_while(|part| *part == "..").count();
    let links = written.linked_runbooks.iter();
    let most = links.map(|link| up(link.path.raw())).max().unwrap_or(0);
    let mut root = real.parent()?.to_owned();
    for _ in 0..most.clamp(1, HIGHEST) {
        match root.parent() {
            Some(above) if is_root(&root) || !is_ours(above) => break,
            Some(above) => root = above.to_owned(),
            None => break,
        }
    }
    Some(root)
}

/// Tells whether a folder is the top of a repository.
fn is_root(folder: &Path) -> bool {
    folder.join(".git").exists()
}

/// Tells whether a folder may be looked through: not the root, not the home, not one that everybody can write to.
fn is_ours(folder: &Path) -> bool {
    let home = env::var_os("HOME").and_then(|home| fs::canonicalize(home).ok());
    let open = fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o002 == 0);
    open && folder.parent().is_some() && home.as_deref() != Some(folder)
}

/// Gives a folder as a person writes it who wrote `path`: from the working directory, else from the root.
fn near(path: &Path, root: &Path) -> PathBuf {
    let here = env::current_dir().and_then(fs::canonicalize);
    match here {
        Ok(here) if path.is_relative() => root
            .strip_prefix(&here)
            .map_or_else(|_| root.to_owned(), Path::to_owned),
        _ => root.to_owned(),
    }
}
