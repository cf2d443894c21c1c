//! What the doctor says of the caps: judged as the console judges them, over the same bytes.
//!
//! What must not live here: what counts, and for how long (`domain::containment`); the faults of the log (see `head`).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::host::{Judged, names};
use super::{Verdict, check};
use crate::cli::compose;
use crate::config::settings::Settings;
use crate::domain::audit::{ChainHash, Draft, MAX_INT, encode_line, last_record, name_torn};
use crate::domain::containment::caps::{self, CapWord};
use crate::domain::containment::counted::Counted;
use crate::domain::containment::kind::ActionKind;
use crate::domain::freshness::Moment;
use crate::domain::ids::{AccountId, LogId, SessionId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::audit::{self, Identity};
use crate::store::state::StateDir;

/// Says what to do about a log that the caps cannot be counted by.
const UNREAD_HINT: &str = "an undo is not counted and goes on; look who wrote to the log (`ls -l`) and run `quell audit verify --from-cases`";

/// Counts what the caps count, and says whether they let one more account be acted on.
pub(super) fn judged(state: &StateDir, settings: &Settings, now: Moment) -> Judged {
    const WHAT: &str = "caps";
    let mut judged = Judged::default();
    let (dir, who) = (state.audit(), compose::identity());
    if audit::several(&dir, &who).is_some() {
        // No console starts, which is said of the lock of the log.
        let found = "not counted: which log of this host goes on is not known";
        judged.checks.push(check(WHAT, Verdict::NotKnown, found));
        return judged;
    }
    let counted = match count(&dir, &who, now.utc) {
        Ok(counted) => counted,
        Err(why) => {
            let found = safe!("the caps cannot be counted: {}", why);
            judged.stops.all.push(found.clone());
            judged.checks.push(check(WHAT, Verdict::Fault, found));
            return judged;
        }
    };
    let caps = settings.policy.caps;
    let (person, host) = caps::used(counted.ledger(), who.uid, now.utc);
    let found = safe!(
        "{} of {} accounts by you in 10 minutes, {} of {} from this host in an hour",
        person,
        caps.per_person,
        host,
        caps.per_host
    );
    let line = match one_more(&counted, settings, who.uid, now.utc) {
        CapWord::Within => check(WHAT, Verdict::Ok, found),
        CapWord::Campaign(name) => {
            let name = Untrusted::new(name).field();
            let found = safe!(
                "{}: reached; the campaign {} goes on beyond them",
                found,
                name
            );
            check(WHAT, Verdict::Warning, found)
        }
        CapWord::Over(_) if settings.policy.approval.over_cap => {
            let found = safe!("{}: reached; beyond them a second person is asked", found);
            check(WHAT, Verdict::Warning, found)
        }
        CapWord::Over(_) => {
            let stop = safe!("cap reached: {}", found.clone());
            judged.stops.counted.push(stop);
            check(WHAT, Verdict::Fault, found)
        }
        CapWord::Unreadable(reason) => {
            judged.stops.counted.push(reason.clone());
            let mut unread = check(WHAT, Verdict::Fault, reason);
            unread.hint = Some(UNREAD_HINT.into());
            unread
        }
    };
    judged.checks.push(line);
    judged
}

/// Asks the caps about an account that nothing was done to yet, as the console would.
fn one_more(counted: &Counted, settings: &Settings, uid: u32, now: DateTime<Utc>) -> CapWord {
    let Some(connection) = settings.connections.first() else {
        return CapWord::Within;
    };
    // No provider has an account without an id.
    let account = AccountId::new(connection.name.clone(), "");
    let policy = &settings.policy;
    let target = (&account, &[ActionKind::DisableAccount][..]);
    counted.judge(policy.caps, policy.campaign.as_ref(), uid, target, now)
}

/// Counts the log of this host and user as a console does that starts now.
fn count(dir: &Path, who: &Identity, now: DateTime<Utc>) -> Result<Counted, Safe> {
    let mut counted = Counted::default();
    let Some(log) = own_log(dir, who)? else {
        return Ok(counted);
    };
    let next = Next {
        log: &log,
        who,
        now,
    };
    let (mut chain, mut added) = ((0, ChainHash::GENESIS), Vec::new());
    for (seg, path) in segments(dir, &log).map_err(|error| unread(dir, &error))? {
        let bytes = fs::read(&path).map_err(|error| unread(&path, &error))?;
        counted.feed(&bytes);
        added = next.adds(&bytes, seg, &mut chain);
    }
    counted.feed(&added);
    Ok(counted)
}

/// Finds the log that a console goes on with: that of this host and user, or one without a record.
fn own_log(dir: &Path, who: &Identity) -> Result<Option<LogId>, Safe> {
    let (mut own, mut unclaimed) = (None, None);
    for one in audit::found(dir).map_err(|error| error.shown())? {
        match &one.owner {
            Some(owner) if owner.host == who.host && owner.uid == who.uid => own = Some(one.log),
            Some(_) => {}
            None => unclaimed = Some(one.log),
        }
    }
    Ok(own.or(unclaimed))
}

/// Lists the files of a log in their order.
fn segments(dir: &Path, log: &LogId) -> io::Result<BTreeMap<u64, PathBuf>> {
    let begins = format!("audit-{log}-");
    let number = |path: &Path| -> Option<u64> {
        let name = path.file_name()?.to_str()?;
        let seg = name.strip_prefix(begins.as_str())?.strip_suffix(".jsonl")?;
        let number: u64 = seg.parse().ok()?;
        // Any other number is none of a segment: the log does not go on there.
        ((1..=MAX_INT).contains(&number) && number.to_string() == seg).then_some(number)
    };
    let paths = names(dir)?.into_iter();
    Ok(paths
        .filter_map(|path| Some((number(&path)?, path)))
        .collect())
}

fn unread(path: &Path, error: &io::Error) -> Safe {
    safe!(
        "failed to read {}: {}",
        Untrusted::new(path.to_string_lossy()).ident(),
        Untrusted::new(error.to_string()).line()
    )
}

/// The next writer of a log, who heals its end before anything is counted.
struct Next<'a> {
    log: &'a LogId,
    who: &'a Identity,
    now: DateTime<Utc>,
}

impl Next<'_> {
    /// Gives what it would add to the last segment: the end of the line, and the name of what stands behind the last
    /// record. `chain` is number and hash of the last record so far.
    fn adds(&self, bytes: &[u8], seg: u64, chain: &mut (u64, ChainHash)) -> Vec<u8> {
        let tail = last_record(bytes, true);
        *chain = tail.map_or(*chain, |tail| (tail.n, tail.h));
        let mut added = Vec::new();
        if bytes.last().is_some_and(|last| *last != b'\n') {
            added.push(b'\n');
        }
        let behind = tail.map_or(0, |tail| tail.end);
        let Some(body) = name_torn(bytes.get(behind..).unwrap_or_default()) else {
            return added;
        };
        let sess = SessionId::from_parts(self.now, 0);
        let draft = Draft {
            log: self.log,
            seg,
            n: chain.0 + 1,
            ts: self.now,
            boot_us: 0,
            host: &self.who.host,
            uid: self.who.uid,
            user: &self.who.user,
            pid: 0,
            sess: &sess,
            body: &body,
            prev: chain.1,
        };
        if let Ok((line, _)) = encode_line(&draft) {
            added.extend(line);
        }
        added
    }
}
