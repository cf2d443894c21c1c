//! What the doctor says of the audit log as a whole: its faults, and what this host remembers of it.
//!
//! What must not live here: its folder, its files and its lock (see `host`).

use std::path::Path;

use super::{Check, Verdict, check};
use crate::cli::compose;
use crate::domain::audit::{Anchor, Expectations};
use crate::domain::text::Safe;
use crate::safe;
use crate::store::audit::{
    HEAD, HEAD_HINT, Owner, StoreError, found, misfit_hint, misfits, remembered, several,
    try_to_keep, verify_with,
};
use crate::store::state::StateDir;

/// Says what to do about a log of which nothing is remembered.
const UNKNOWN_HINT: &str = "the next record of a console is remembered; where you did not remove the file `head` from the state directory, look who did";

/// Verifies the logs, also against what this host remembers of them: one that was emptied, cut or removed has no fault. Of
/// two of this host and user none goes on.
pub(super) fn verified(state: &StateDir) -> Check {
    const WHAT: &str = "audit log";
    let head = state.root().join(HEAD);
    let verified = remembered(&head).and_then(|heads| {
        let expectations = Expectations {
            anchors: heads.clone(),
            ..Expectations::default()
        };
        let found = verify_with(&state.audit(), &expectations)?;
        let unknown = unremembered(&state.audit(), &heads)?;
        Ok((misfits(&heads, &found), found.logs, unknown))
    });
    let (unlike, logs, unknown) = match verified {
        Ok(verified) => verified,
        Err(error) => {
            let mut line = check(WHAT, Verdict::Fault, error.shown());
            line.hint = error.hint();
            return line;
        }
    };
    let faults: u64 = logs.iter().map(|(_, report)| report.faults_total).sum();
    let records: u64 = logs.iter().map(|(_, report)| report.records).sum();
    let mut said = vec![safe!("{} records, {} faults", records, faults)];
    said.extend(unlike.iter().map(|(head, misfit)| misfit.shown(head)));
    let several = several(&state.audit(), &compose::identity());
    said.extend(several.iter().map(StoreError::shown));
    // Trying it changes nothing, and so it is also tried before there is a log.
    let tried = try_to_keep(&head).err();
    let not_kept = tried.as_ref().map(|error| {
        safe!(
            "this host cannot remember how far it goes: {}",
            error.shown()
        )
    });
    let is_doubtful = unknown.is_some() || not_kept.is_some();
    said.extend(unknown.into_iter().chain(not_kept));
    let verdict = if faults != 0 || !unlike.is_empty() || several.is_some() {
        Verdict::Fault
    } else if is_doubtful {
        Verdict::Warning
    } else {
        Verdict::Ok
    };
    let mut line = check(WHAT, verdict, Safe::join(said, &Safe::fixed("; ")));
    line.hint = match several {
        Some(error) => error.hint(),
        None if !unlike.is_empty() => Some(misfit_hint()),
        None if tried.is_some() => Some(HEAD_HINT.into()),
        None if is_doubtful => Some(UNKNOWN_HINT.into()),
        None => None,
    };
    line
}

/// Says that nothing is remembered of the log of this host and user, if so: were it cut, nobody could tell.
fn unremembered(dir: &Path, heads: &[Anchor]) -> Result<Option<Safe>, StoreError> {
    let identity = compose::identity();
    let own = Owner {
        host: identity.host,
        uid: identity.uid,
    };
    // A log has an owner by its first record.
    let mut logs = found(dir)?.into_iter();
    let own = logs.find(|log| log.owner.as_ref() == Some(&own));
    let unknown = own.filter(|own| !heads.iter().any(|head| head.log == own.log));
    let words =
        "this host does not remember how far it goes: were its end cut off, nobody could tell";
    Ok(unknown.map(|_| words.into()))
}
