//! Whether a console may go on with a state directory: not while its records are of other systems under the same names.
//!
//! What must not live here: which systems there are, and the file that remembers them (`store::systems`).

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::{Failure, UNREADABLE, log_folder};
use crate::config::settings::Settings;
use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::Identity;
use crate::store::state::StateDir;
use crate::store::systems::{self, Conflict, Hold, Systems, Turn};

/// What is known of whose the records are.
pub(super) struct Look {
    /// What the directory is to remember from now on.
    keep: Systems,
    /// Whether it remembers just that already.
    is_kept: bool,
    /// What speaks against going on, and what can be done about it.
    pub against: Option<Fault>,
}

/// Looks at what the state directory remembers.
pub(super) fn look(root: &Path, settings: &Settings) -> Look {
    let own = systems::of(settings);
    let known = match systems::read(root) {
        Ok(known) => known,
        Err(error) => {
            let what = safe!(
                "failed to read {}, which says whose the records are: {}",
                file(root),
                words(&error)
            );
            let hint = safe!(
                "look whose they are: `quell audit show`; if they are of the systems of this configuration, remove {}; else start with another --state",
                file(root)
            );
            return Look {
                keep: own,
                is_kept: false,
                against: Some(Fault::new(what).hint(hint)),
            };
        }
    };
    let found = systems::conflicts(&known, &own);
    if !found.is_empty() {
        return Look {
            keep: own,
            is_kept: false,
            against: Some(conflict(root, &found)),
        };
    }
    let mut keep = known.clone();
    keep.extend(own);
    Look {
        is_kept: keep == known,
        keep,
        against: None,
    }
}

fn conflict(root: &Path, found: &[Conflict]) -> Fault {
    let each = found.iter().map(|one| {
        safe!(
            "{} is {} in the configuration and {} in the records",
            one.name,
            one.configured.shown(),
            one.recorded.shown()
        )
    });
    let what = safe!(
        "the state directory {} belongs to other systems: {}",
        Untrusted::new(root.to_string_lossy()).ident(),
        Safe::join(each, &Safe::fixed("; "))
    );
    let hint = safe!(
        "if it is the same system under a new address, remove {}; else start with another --state, or give the connection another name",
        file(root)
    );
    Fault::new(what).hint(hint)
}

/// Says why the records cannot be left behind: another console goes on with them, or they hold work, which would be told as
/// work on the other systems, be it over or not.
pub(super) fn in_use(
    state: &StateDir,
    turn: &io::Result<Turn>,
    who: &Identity,
    now: DateTime<Utc>,
) -> Option<Safe> {
    match turn.as_ref().map(Turn::is_used) {
        Ok(Ok(false)) => log_folder::of_all(&state.audit(), who, now),
        Ok(Ok(true)) => Some(Safe::fixed("another console that runs goes on with it")),
        Ok(Err(error)) => Some(safe!("who uses it is not known: {}", words(&error))),
        Err(error) => Some(safe!("who uses it is not known: {}", words(error))),
    }
}

/// Takes the state directory for the systems of a configuration; gives what says so while the console runs, and what went
/// wrong on the way.
///
/// # Errors
/// With exit code 3 when it belongs to others, and what was mended, which no later start says.
pub(super) fn claim(
    state: &StateDir,
    settings: &Settings,
    who: &Identity,
    mended: &[Fault],
    now: DateTime<Utc>,
) -> Result<(Option<Hold>, Option<Fault>), Failure> {
    let refused = |fault: Fault, why: &Safe| {
        let what = safe!("{}; {}", fault.what, why);
        let mut faults = vec![Fault { what, ..fault }];
        faults.extend_from_slice(mended);
        Failure {
            code: UNREADABLE,
            faults,
        }
    };
    let root = state.root();
    let turn = Turn::wait(root);
    let look = look(root, settings);
    if let Some(fault) = &look.against
        && let Some(why) = in_use(state, &turn, who, now)
    {
        return Err(refused(fault.clone(), &why));
    }
    let written = if look.is_kept {
        Ok(())
    } else {
        turn.as_ref()
            .map_or(Ok(()), |_| systems::write(root, &look.keep))
    };
    let held = turn.and_then(Turn::hold);
    let failed = written.err().as_ref().or(held.as_ref().err()).map(words);
    match (look.against, failed) {
        (Some(fault), Some(error)) => {
            Err(refused(fault, &safe!("it cannot be taken over: {}", error)))
        }
        (None, Some(error)) => {
            // Nothing speaks against going on; a console for other systems may start beside it.
            let what = safe!("failed to remember whose the records are: {}", error);
            let hint = "start no console for other systems on this state directory";
            Ok((held.ok(), Some(Fault::new(what).hint(hint))))
        }
        (Some(fault), None) => {
            let what = safe!(
                "{}; no work was done with it, so it was taken over",
                fault.what
            );
            Ok((held.ok(), Some(Fault::new(what))))
        }
        (None, None) => Ok((held.ok(), None)),
    }
}

fn file(root: &Path) -> Safe {
    Untrusted::new(systems::path(root).to_string_lossy()).ident()
}

fn words(error: &io::Error) -> Safe {
    Untrusted::new(error.to_string()).line()
}
