//! `quell cache`: what is kept on this host, why, for how long, and how it is removed.
//!
//! Cases, accounts and events are in memory only and gone with the process. The audit log is evidence and never a cache:
//! it is named here and never touched. Exit codes: 0, or 70 when something could not be removed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;

use super::compose::{self, Place};
use super::reading::ended;
use super::{Failure, INTERNAL, OK, drill};
use crate::domain::fault::Fault;
use crate::domain::freshness::age_word;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::state::StateDir;

/// What is to be removed; nothing where nothing is said.
#[derive(Debug, Default, Args)]
pub struct Asked {
    /// Removes ended drills and lock files that nobody holds.
    #[arg(long)]
    purge: bool,
    /// With --purge: texts too that were written and not posted.
    #[arg(long, requires = "purge")]
    drafts: bool,
}

/// One kind of thing that is kept.
struct Kept {
    name: &'static str,
    what: &'static str,
    how_long: &'static str,
    path: PathBuf,
    /// Each with its size and how old it is.
    items: Vec<Item>,
}

struct Item {
    path: PathBuf,
    bytes: u64,
    written: Option<SystemTime>,
}

/// Says what is kept, and removes what was asked for.
///
/// # Errors
/// When the state directory is not known, something cannot be removed, or nothing can be printed.
pub fn run(place: &Place, asked: &Asked, out: &mut dyn Write) -> Result<u8, Failure> {
    let state = StateDir::locate(place.state.as_deref(), false);
    let state = state.map_err(|error| compose::state_failure(&error))?;
    let kept = kinds(state.root());
    if asked.purge {
        return purge(&kept, asked, out);
    }
    let printed = kept
        .iter()
        .try_for_each(|kind| tell(kind, out))
        .and_then(|()| {
            writeln!(out, "cases, accounts, events: in memory only, gone with the process")?;
            writeln!(
                out,
                "`quell cache --purge` removes drills and locks, --drafts the texts too; `quell audit prune` shortens the log"
            )
        });
    ended(printed, OK)
}

fn kinds(root: &Path) -> Vec<Kept> {
    let kind = |name, what, how_long, path: PathBuf| Kept {
        name,
        what,
        how_long,
        items: items(&path),
        path,
    };
    vec![
        kind(
            "audit log",
            "what was done: evidence, no cache",
            "until `quell audit prune`",
            root.join("audit"),
        ),
        kind(
            "drafts",
            "texts for cases that were not posted yet",
            "until posted, discarded or purged",
            root.join("draft"),
        ),
        kind(
            "leases",
            "lock files of actions in work, empty",
            "until the action is done",
            root.join("lease"),
        ),
        kind(
            "drills",
            "simulated companies with their logs",
            "the last ten",
            root.join("drill"),
        ),
    ]
}

/// Lists what is in a directory, of drills the runs; no directory is nothing.
fn items(dir: &Path) -> Vec<Item> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut all: Vec<Item> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
        .map(|entry| {
            let path = entry.path();
            let written = entry.metadata().and_then(|about| about.modified()).ok();
            let bytes = size(&path);
            Item {
                path,
                bytes,
                written,
            }
        })
        .collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// Gives the bytes of a file, or of all files below a directory; links are not followed.
fn size(path: &Path) -> u64 {
    let Ok(about) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !about.is_dir() {
        return about.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}

fn tell(kind: &Kept, out: &mut dyn Write) -> io::Result<()> {
    let bytes: u64 = kind.items.iter().map(|item| item.bytes).sum();
    let oldest = kind.items.iter().filter_map(|item| item.written).min();
    let age: Safe = match oldest.and_then(|at| at.elapsed().ok()) {
        Some(age) => safe!(", the oldest {} old", age_word(age)),
        None => Safe::default(),
    };
    writeln!(
        out,
        "{:<10} {} ({}), {} bytes{age}; kept {}; {}",
        kind.name,
        kind.what,
        kind.items.len(),
        bytes,
        kind.how_long,
        Untrusted::new(kind.path.to_string_lossy()).ident()
    )
}

/// Removes what is no evidence; never what is in the directory of the audit log, nor a drill that still runs.
fn purge(kept: &[Kept], asked: &Asked, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut faults = Vec::new();
    let mut printed = Ok(());
    for kind in kept {
        let removed = match kind.name {
            "drafts" if asked.drafts => remove(&kind.items, &mut faults, |_| true),
            "leases" => remove(&kind.items, &mut faults, is_free),
            "drills" => remove(&kind.items, &mut faults, |path| !drill::is_running(path)),
            _ => continue,
        };
        printed = printed.and_then(|()| {
            writeln!(
                out,
                "{:<10} {removed} removed, {} left",
                kind.name,
                kind.items.len() - removed
            )
        });
    }
    if faults.is_empty() {
        ended(printed, OK)
    } else {
        Err(Failure {
            code: INTERNAL,
            faults,
        })
    }
}

fn remove(items: &[Item], faults: &mut Vec<Fault>, may: impl Fn(&Path) -> bool) -> usize {
    let mut removed = 0;
    for item in items.iter().filter(|item| may(&item.path)) {
        let is_dir = fs::symlink_metadata(&item.path).is_ok_and(|about| about.is_dir());
        let gone = if is_dir {
            fs::remove_dir_all(&item.path)
        } else {
            fs::remove_file(&item.path)
        };
        match gone {
            Ok(()) => removed += 1,
            Err(error) => {
                let path = Untrusted::new(item.path.to_string_lossy());
                let cause = Untrusted::new(error.to_string());
                let what = safe!("failed to remove {}: {}", path.ident(), cause.line());
                faults.push(Fault::new(what));
            }
        }
    }
    removed
}

/// Tells whether nobody holds a lock file.
fn is_free(path: &Path) -> bool {
    fs::File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}
