//! What the folder of the audit log holds besides the log that is written: a second one of this host and user, which keeps
//! a console from starting, and what the logs of other hosts leave to nobody here; and that others could use the folder.
//!
//! What must not live here: whose a log is (`store::audit`), what counts as not over (`domain::containment::holding`).

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{Failure, UNREADABLE};
use crate::app::model::OwnLog;
use crate::domain::containment::holding::{Holding, Work};
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::ids::LogId;
use crate::domain::text::{Safe, Untrusted};
use crate::engine::journal::fault_of;
use crate::safe;
use crate::store::audit::{self, Found, Identity, StoreError};
use crate::store::state::StateDir;

/// Bytes of logs that are looked through, together: nobody waits at a start for the records of years.
const MOST: u64 = 64 << 20;

/// Logs that are named at most.
const NAMED: usize = 4;

/// Says what can be done about what logs of other hosts hold.
const OTHERS: &str = "was this host renamed? start quell under the old name once more, or end by hand what `quell audit show` tells of it; another host that shares this folder goes on with its own";

/// Says why the log was not opened, and where there is more than one what each of them holds; and what was mended, which no
/// later start says.
pub(super) fn not_opened(error: &StoreError, mended: &[Fault], now: DateTime<Utc>) -> Failure {
    let mut faults = vec![fault_of(error)];
    if let StoreError::Several { dir, logs } = error {
        faults.extend(each(dir, logs, now).into_iter().map(Fault::new));
    }
    faults.extend_from_slice(mended);
    Failure {
        code: UNREADABLE,
        faults,
    }
}

/// Says of each of some logs in a directory what it holds.
pub(super) fn each(dir: &Path, logs: &[LogId], now: DateTime<Utc>) -> Vec<Safe> {
    let mut left = MOST;
    // They were found there a moment ago.
    let mut found = audit::found(dir).unwrap_or_default();
    found.retain(|one| logs.contains(&one.log));
    let say = |one: &Found| {
        let held = held(dir, one, now, &mut left);
        let nothing = Safe::fixed("nothing that is not over");
        safe!("the log {} holds {}", one.log, held.unwrap_or(nothing))
    };
    found.iter().map(say).collect()
}

/// Says what work the logs of a folder hold, over or not, however long they are and whosever: other hosts go on with theirs
/// in the same state directory.
pub(super) fn of_all(dir: &Path, identity: &Identity, now: DateTime<Utc>) -> Option<Safe> {
    let found = match audit::found(dir) {
        Ok(found) => found,
        Err(error) => {
            return Some(safe!("what its log holds is not known: {}", error.shown()));
        }
    };
    let mut said = Vec::new();
    for one in &found {
        let held = match folded(dir, &one.log) {
            Ok((ledger, work)) => done(&Holding::of(&ledger, now), &work),
            Err(error) => Some(safe!("what cannot be read: {}", error.shown())),
        };
        let Some(held) = held else { continue };
        let host = one.owner.as_ref().map(|owner| &owner.host);
        let whose = host.filter(|host| **host != identity.host);
        let whose = whose.map(|host| safe!(" of host {}", host.field()));
        said.push(safe!(
            "the log {}{} holds {}",
            one.log,
            whose.unwrap_or_else(|| Safe::fixed("")),
            held
        ));
    }
    let more = said.len().saturating_sub(NAMED);
    said.truncate(NAMED);
    if more > 0 {
        said.push(safe!("{} more hold something", more));
    }
    (!said.is_empty()).then(|| Safe::join(said, &Safe::fixed("; ")))
}

/// Joins what is not over with what was done at all; `None` where nothing was.
fn done(open: &Holding, work: &Work) -> Option<Safe> {
    match (open.words(), work.words()) {
        (Some(open), Some(work)) => Some(safe!("{} ({})", open, work)),
        (open, work) => open.or(work),
    }
}

/// Says what logs of this user under the names of other hosts hold that is not over, if they do.
pub(super) fn of_other_hosts(dir: &Path, identity: &Identity, now: DateTime<Utc>) -> Option<Fault> {
    let found = match audit::found(dir) {
        Ok(found) => found,
        Err(error) => {
            let what = safe!(
                "whose logs are in the folder is not known: {}",
                error.shown()
            );
            let hint = error.hint();
            return Some(Fault { what, hint });
        }
    };
    let mut left = MOST;
    let mut said = Vec::new();
    // The newest first: an id begins with its time.
    for one in found.iter().rev() {
        let Some(owner) = &one.owner else { continue };
        if owner.uid != identity.uid || owner.host == identity.host {
            continue;
        }
        if let Some(held) = held(dir, one, now, &mut left) {
            let host = owner.host.field();
            said.push(safe!("the log {} of host {} holds {}", one.log, host, held));
        }
    }
    let more = said.len().saturating_sub(NAMED);
    said.truncate(NAMED);
    if said.is_empty() {
        return None;
    }
    if more > 0 {
        said.push(safe!("{} more hold something", more));
    }
    let said = Safe::join(said, &Safe::fixed("; "));
    Some(Fault {
        what: safe!("{}: no console of this host goes on with that", said),
        hint: Some(Safe::fixed(OTHERS)),
    })
}

/// Gives whose log a console of this host writes, with what was said of those of other hosts.
pub(super) fn own(identity: &Identity, others: Option<&Fault>) -> OwnLog {
    OwnLog {
        host: identity.host.clone(),
        beside: others.map(|fault| fault.what.clone()),
    }
}

/// Says what of a log is not over, or why that is not known; `None` where all of it is.
fn held(dir: &Path, found: &Found, now: DateTime<Utc>, left: &mut u64) -> Option<Safe> {
    let Some(rest) = left.checked_sub(found.bytes) else {
        let size = found.bytes >> 20;
        return Some(safe!("what was not looked through, {} MiB", size));
    };
    *left = rest;
    match folded(dir, &found.log) {
        Ok((ledger, _)) => Holding::of(&ledger, now).words(),
        Err(error) => Some(safe!("what cannot be read: {}", error.shown())),
    }
}

fn folded(dir: &Path, log: &LogId) -> Result<(Ledger, Work), StoreError> {
    let mut walk = audit::walk_one(dir, log)?;
    let (mut ledger, mut work) = (Ledger::default(), Work::default());
    while let Some(entry) = walk.next()? {
        ledger.apply(&entry);
        work.apply(&entry);
    }
    Ok((ledger, work))
}

/// Says which folders others could use until a start took that away: that of the log in any way, the others where they could
/// write.
pub(super) fn mended(state: &StateDir, wide: &[(PathBuf, u32)]) -> Vec<Fault> {
    let audit = state.audit();
    let matters = |path: &Path, mode: u32| {
        let bits = if path == audit { 0o077 } else { 0o022 };
        mode & bits != 0
    };
    let wide = wide
        .iter()
        .filter(|(path, mode)| matters(path.as_path(), *mode));
    let say = |(path, mode): &(PathBuf, u32)| {
        let place = Untrusted::new(path.to_string_lossy());
        let mode = Untrusted::new(format!("{mode:04o}"));
        let what = safe!(
            "{} had mode {}: others may have changed what is in it; it is 0700 now",
            place.ident(),
            mode.field()
        );
        Fault::new(what).hint(
            "look who did, and hold the log against the cases: `quell audit verify --from-cases`",
        )
    };
    wide.map(say).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Body;
    use crate::domain::ids::{CaseId, ConnectionName};
    use crate::store::audit::AuditLog;

    type Done = Result<(), Box<dyn std::error::Error>>;

    fn identity(host: &str) -> Identity {
        Identity {
            host: host.into(),
            uid: 1000,
            user: "ana".into(),
        }
    }

    #[test]
    fn a_log_is_looked_through_while_there_is_room_for_it() -> Done {
        let dir = tempfile::tempdir()?;
        let log = AuditLog::open(dir.path(), identity("east"))?;
        let reason = "x".to_owned();
        log.append_blocking(vec![Body::SessionClose { reason }])?;
        let all = audit::found(dir.path())?;
        let [one] = &all[..] else {
            return Err(format!("{all:?}").into());
        };
        let now = DateTime::UNIX_EPOCH;
        let mut left = one.bytes;
        assert_eq!(held(dir.path(), one, now, &mut left), None);
        assert_eq!(left, 0);
        let said = held(dir.path(), one, now, &mut left).ok_or("nothing is said")?;
        assert!(said.as_str().contains("not looked through"), "{said}");
        let said = of_other_hosts(dir.path(), &identity("west"), now);
        assert_eq!(said, None, "all of it is over");
        Ok(())
    }

    #[test]
    fn a_console_knows_whose_log_it_writes_and_what_was_said_of_others() {
        let said = Fault::new("the log of east holds 1 unfinished");
        let own = own(&identity("west"), Some(&said));
        assert_eq!(own.host.raw(), "west");
        assert_eq!(own.beside, Some(said.what));
    }

    #[test]
    fn the_work_of_every_host_in_the_folder_counts_and_sessions_do_not() -> Done {
        let dir = tempfile::tempdir()?;
        let reason = "x".to_owned();
        let east = AuditLog::open(dir.path(), identity("east"))?;
        east.append_blocking(vec![Body::SessionClose { reason }])?;
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(of_all(dir.path(), &identity("east"), now), None);
        let west = AuditLog::open(dir.path(), identity("west"))?;
        let case = CaseId::new(ConnectionName::parse("hive")?, "~1");
        west.append_blocking(vec![Body::CaseOpened { case }])?;
        for (who, whose) in [("east", " of host west"), ("west", "")] {
            let said = of_all(dir.path(), &identity(who), now).ok_or("nothing is said")?;
            let begins = format!(
                "the log {}{whose} holds 1 record about cases, the last ",
                west.log()
            );
            assert!(said.as_str().starts_with(&begins), "{said}");
        }
        Ok(())
    }

    #[test]
    fn the_folder_of_the_log_matters_more_than_those_around_it() -> Done {
        let state = StateDir::locate(Some(Path::new("/s")), false)?;
        let said = |path: PathBuf, mode: u32| mended(&state, &[(path, mode)]).len();
        for (mode, audit, root) in [(0o755, 1, 0), (0o711, 1, 0), (0o770, 1, 1), (0o777, 1, 1)] {
            assert_eq!(said(state.audit(), mode), audit, "{mode:o}");
            assert_eq!(said(state.root().to_owned(), mode), root, "{mode:o}");
        }
        Ok(())
    }
}
