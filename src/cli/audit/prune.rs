//! `quell audit prune`: removes closed segments that are old, after recording what they were.
//!
//! What must not live here: removing files (`store::audit`).

use std::io::{self, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::needed::needed;
use super::{BROKEN, OK, WARNINGS, no_log, unreadable};
use crate::cli::compose;
use crate::domain::audit::{Anchor, Body, Expectations};
use crate::domain::containment::campaign::Campaign;
use crate::domain::containment::ledger::Ledger;
use crate::domain::text::Safe;
use crate::safe;
use crate::store::audit::{
    AuditLog, Closed, Ground, HEAD, Identity, StoreError, misfit_hint, misfits, remembered,
    verify_each,
};

/// What the console forgets with the segments that had it.
const GONE: &str = "gone with them, where nothing later says it again: ticks, notes and inputs of checklists, marks on events and findings, likelihoods, snoozes";

/// Removes the segments of this host's and user's log whose last record is older than a moment.
///
/// A segment stays when it is the last, or when something begins in it that still stands, and with it every later one.
/// What is removed is recorded and synced before. What counts in the campaign that the host allows stands until it is over.
///
/// # Errors
/// Only when `out` cannot be written.
pub fn prune(
    dir: &Path,
    before: DateTime<Utc>,
    campaign: Option<&Campaign>,
    out: &mut dyn Write,
) -> io::Result<u8> {
    if !dir.exists() {
        return no_log(false, out);
    }
    match try_prune(dir, compose::identity(), (before, campaign), out) {
        Ok(code) => code,
        Err(error) => unreadable(&error, false, out),
    }
}

fn try_prune(
    dir: &Path,
    identity: Identity,
    (before, campaign): (DateTime<Utc>, Option<&Campaign>),
    out: &mut dyn Write,
) -> Result<io::Result<u8>, StoreError> {
    let user = identity.user.clone();
    let head = dir.parent().map(|root| root.join(HEAD));
    let heads = head.as_deref().map_or(Ok(Vec::new()), remembered)?;
    // Before anything is opened or written: with its segment a record that does not fit would be settled.
    let unlike = unlike(dir, &heads)?;
    if !unlike.is_empty() {
        return Ok(say(&unlike, out).map(|()| BROKEN));
    }
    let ground = Ground {
        // What is remembered must not go with what is removed. Where nothing is, that is for a console to begin.
        head: head.filter(|_| !heads.is_empty()),
        ..Ground::default()
    };
    let log = AuditLog::open_on(dir, identity, ground)?;
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
    let needed = needed(&checked.entries, &ledger, campaign, Utc::now());
    let begins = |n: u64| checked.entries.iter().find(|entry| entry.n == n);
    let stands = needed.and_then(|needed| Some((begins(needed.n)?.seg, needed.why)));
    let (old, kept): (Vec<Closed>, Vec<Closed>) = Closed::before(&checked.entries, before)
        .into_iter()
        .partition(|closed| stands.is_none_or(|(from, _)| closed.segment < from));
    let kept = kept
        .first()
        .zip(stands)
        .map(|(first, (_, why))| safe!("kept from segment {} on: {}", first.segment, why));
    if old.is_empty() {
        let none = Safe::fixed("no closed segment is that old and free of what still stands");
        let told: Vec<Safe> = [none].into_iter().chain(kept).collect();
        return Ok(say(&told, out).map(|()| WARNINGS));
    }
    log.append_blocking(vec![opening(&user)])?;
    log.prune(&old)?;
    let reason = "pruned".to_owned();
    log.append_blocking(vec![Body::SessionClose { reason }])?;
    let removed = old.iter().map(|closed| {
        safe!(
            "removed segment {}, up to record {} (h={})",
            closed.segment,
            closed.n,
            closed.h
        )
    });
    let told: Vec<Safe> = removed.chain(kept).chain([Safe::fixed(GONE)]).collect();
    Ok(say(&told, out).map(|()| OK))
}

/// Says which logs are not what this host remembers of them, and what to do about it.
fn unlike(dir: &Path, heads: &[Anchor]) -> Result<Vec<Safe>, StoreError> {
    let expectations = Expectations {
        anchors: heads.to_vec(),
        ..Expectations::default()
    };
    // A log that cannot be read is told where it is this host's own.
    let found = verify_each(dir, &expectations)?;
    let misfits = misfits(heads, &found).into_iter();
    let mut told: Vec<Safe> = misfits
        .map(|(head, misfit)| safe!("nothing is removed: {}", misfit.shown(&head)))
        .collect();
    if !told.is_empty() {
        told.push(safe!("hint: {}", misfit_hint()));
    }
    Ok(told)
}

fn say(told: &[Safe], out: &mut dyn Write) -> io::Result<()> {
    told.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn opening(user: &crate::domain::text::Untrusted) -> Body {
    Body::SessionOpen {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: String::new(),
        mode: "prune".to_owned(),
        os_user: user.clone(),
        operator: None,
        config_sha256: String::new(),
        policy_sha256: None,
        drill: false,
        public_key: None,
    }
}

#[cfg(test)]
mod tests;
