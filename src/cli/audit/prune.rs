//! `quell audit prune`: removes closed segments that are old, after recording what they were.
//!
//! What must not live here: removing files (`store::audit`).

use std::io::{self, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::{BROKEN, OK, WARNINGS, no_log, unreadable};
use crate::cli::compose;
use crate::domain::audit::Body;
use crate::domain::containment::ledger::Ledger;
use crate::safe;
use crate::store::audit::{AuditLog, Closed, Identity, StoreError};

/// Removes the segments of this host's and user's log whose last record is older than a moment.
///
/// A segment stays when it is the last, when an action in it has no last word or is not documented, and with it every
/// later one. What is removed is recorded and synced before.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn prune(dir: &Path, before: DateTime<Utc>, out: &mut dyn Write) -> io::Result<u8> {
    if !dir.exists() {
        return no_log(false, out);
    }
    match try_prune(dir, compose::identity(), before, out) {
        Ok(code) => code,
        Err(error) => unreadable(&error, false, out),
    }
}

fn try_prune(
    dir: &Path,
    identity: Identity,
    before: DateTime<Utc>,
    out: &mut dyn Write,
) -> Result<io::Result<u8>, StoreError> {
    let user = identity.user.clone();
    let log = AuditLog::open(dir, identity)?;
    let checked = log.check()?;
    if !checked.report.intact() {
        return Ok(writeln!(
            out,
            "nothing is removed from a log that was altered or damaged; see `quell audit verify`"
        )
        .map(|()| BROKEN));
    }
    let mut ledger = Ledger::default();
    for entry in &checked.entries {
        ledger.apply(entry);
    }
    let undocumented = ledger.undocumented();
    let open = |action: &crate::domain::containment::ledger::ActionView| {
        action.is_unfinished() || undocumented.contains(&action.pid)
    };
    let needed = ledger.actions().filter(|action| open(action));
    let needed: Vec<_> = needed.map(|action| action.aid.clone()).collect();
    let first_needed = checked
        .entries
        .iter()
        .find(|entry| matches!(&entry.body, Body::ActionPlan { aid, .. } if needed.contains(aid)));
    let keep_from = first_needed.map_or(u64::MAX, |entry| entry.seg);
    let old: Vec<Closed> = Closed::before(&checked.entries, before)
        .into_iter()
        .filter(|closed| closed.segment < keep_from)
        .collect();
    if old.is_empty() {
        return Ok(writeln!(
            out,
            "no closed segment is that old and free of open actions"
        )
        .map(|()| WARNINGS));
    }
    log.append_blocking(vec![opening(&user)])?;
    log.prune(&old)?;
    let reason = "pruned".to_owned();
    log.append_blocking(vec![Body::SessionClose { reason }])?;
    for closed in &old {
        let told = safe!(
            "removed segment {}, up to record {} (h={})",
            closed.segment,
            closed.n,
            closed.h
        );
        if let Err(error) = writeln!(out, "{told}") {
            return Ok(Err(error));
        }
    }
    Ok(Ok(OK))
}

fn opening(user: &crate::domain::text::Untrusted) -> Body {
    Body::SessionOpen {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: String::new(),
        mode: "prune".to_owned(),
        os_user: user.clone(),
        operator: None,
        config_sha256: String::new(),
        drill: false,
        public_key: None,
    }
}
