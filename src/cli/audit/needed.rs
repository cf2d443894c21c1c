//! What of a log still stands, so that `quell audit prune` leaves it: each thing with the record it begins with.
//!
//! Whatever the console folds from its records and a person still waits for or relies on. What must not live here: removing
//! segments (see `prune`).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::audit::{Body, Entry};
use crate::domain::containment::caps::HOST_WINDOW;
use crate::domain::containment::hold::drift_marker;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::recovery_watch::seen_marker;
use crate::domain::containment::standing::{Standing, standing};
use crate::domain::containment::state::ActionState;
use crate::domain::ids::AccountId;

/// A record from which on the log is needed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Needed {
    /// Number of the record.
    pub n: u64,
    /// What still stands.
    pub why: &'static str,
}

/// Gives the first record of all that still stands.
pub(super) fn needed(entries: &[Entry], ledger: &Ledger, now: DateTime<Utc>) -> Option<Needed> {
    of_actions(ledger, now)
        .into_iter()
        .chain(of_containments(entries, ledger))
        .chain(of_watches(entries, ledger))
        .chain(of_cases(entries, ledger))
        .min()
}

/// Actions that somebody has to do something about, those of which a case does not know all, and those that count against
/// a cap.
fn of_actions(ledger: &Ledger, now: DateTime<Utc>) -> Vec<Needed> {
    let undocumented = ledger.undocumented();
    let counts_since = now - HOST_WINDOW;
    let why = |action: &ActionView| {
        if action.is_unfinished() {
            Some("an action has no last word")
        } else if undocumented.contains(&action.pid) {
            Some("a response is not documented in its case")
        } else if is_untold_drift(ledger, action) {
            Some("a case was not told that others undid a containment")
        } else if action.sent.is_some_and(|sent| sent > counts_since) {
            Some("an action counts against the caps")
        } else {
            None
        }
    };
    let n = |action: &ActionView| action.planned_n;
    let waiting = ledger.asked().open().flat_map(|asked| &asked.aids);
    let waiting = waiting
        .filter_map(|aid| ledger.get(aid))
        .map(|action| Needed {
            n: n(action),
            why: "a response waits for a second person",
        });
    let open = ledger.actions().filter_map(|action| {
        Some(Needed {
            n: n(action),
            why: why(action)?,
        })
    });
    open.chain(waiting).collect()
}

/// Tells whether others undid a disabling and its case does not know it.
fn is_untold_drift(ledger: &Ledger, action: &ActionView) -> bool {
    action.kind == ActionKind::DisableAccount
        && action.state == ActionState::Drifted
        && !ledger.holds().is_told(&drift_marker(&action.aid))
}

fn had_no_effect(action: &ActionView) -> bool {
    matches!(
        action.state,
        ActionState::NotEffective | ActionState::Rejected | ActionState::NotSent
    )
}

/// Accounts with a proven disabling that was not undone, or that are contained in part and have an end set.
fn of_containments(entries: &[Entry], ledger: &Ledger) -> Vec<Needed> {
    let mut acts: Vec<&ActionView> = ledger
        .actions()
        .filter(|action| action.sent.is_some() && !action.dry_run && !had_no_effect(action))
        .collect();
    acts.sort_by_key(|action| (action.sent_n, action.order));
    // By account: the first plan that still counts since it was last enabled, and whether a disabling is proven.
    let mut accounts: BTreeMap<&AccountId, (u64, bool)> = BTreeMap::new();
    for act in acts {
        let proven = act.state == ActionState::Verified;
        match act.kind {
            ActionKind::EnableAccount if proven => {
                accounts.remove(&act.account);
            }
            // The containment stands for itself: nothing of before its plan is asked for any more.
            ActionKind::DisableAccount if proven => {
                let of_plan = ledger.actions().filter(|one| one.pid == act.pid);
                let first = of_plan.map(|one| one.planned_n).min();
                accounts.insert(&act.account, (first.unwrap_or(act.planned_n), true));
            }
            ActionKind::DisableAccount | ActionKind::RevokeSessions => {
                let first = (act.planned_n, false);
                let (n, _) = accounts.entry(&act.account).or_insert(first);
                *n = act.planned_n.min(*n);
            }
            _ => {}
        }
    }
    let why = |account: &AccountId, disabled: bool| {
        let has_end = || ledger.holds().hold(account).is_some();
        let stands = || standing(ledger, account, |_| false) != Standing::Free;
        if disabled {
            Some("a containment stands")
        } else if has_end() && stands() {
            Some("a containment in part has an end set")
        } else {
            None
        }
    };
    accounts
        .into_iter()
        .filter_map(|(account, (n, disabled))| {
            let why = why(account, disabled)?;
            let end = ledger.holds().hold(account);
            // Its end may have been set with an earlier containment.
            let said = end.and_then(|_| said_end(entries, account));
            let n = said.map_or(n, |said| said.min(n));
            Some(Needed { n, why })
        })
        .collect()
}

/// Gives the record that first said the end that is set for an account; later ones only changed it.
fn said_end(entries: &[Entry], account: &AccountId) -> Option<u64> {
    let mut first = None;
    for entry in entries {
        if let Body::HoldSet(set) = &entry.body
            && set.account == *account
            && (first.is_none() || set.how == "confirmed")
        {
            first = Some(entry.n);
        }
    }
    first
}

/// Watches over accounts that were enabled again: those that run, and those whose case does not know all.
fn of_watches(entries: &[Entry], ledger: &Ledger) -> Vec<Needed> {
    let mut all = Vec::new();
    let is_told = |marker: &str| ledger.holds().is_told(marker);
    for watch in ledger.recoveries().all() {
        let saw = !watch.seen.is_empty() && !is_told(&seen_marker(&watch.aid));
        let why = if watch.over.is_none() {
            "an account that was enabled again is watched"
        } else if saw || !is_told(&watch.over_marker()) {
            "a case was not told of a watch"
        } else {
            continue;
        };
        // What names the attacker was recorded with the containment.
        let said = entries.iter().find(|entry| {
            matches!(&entry.body, Body::Recovery(said)
                if said.account == watch.account && said.case == watch.case)
        });
        let enabling = ledger.get(&watch.aid).map(|action| action.planned_n);
        let first = said.map(|entry| entry.n).into_iter().chain(enabling).min();
        all.extend(first.map(|n| Needed { n, why }));
    }
    all
}

/// What is not known to be in its case.
fn of_cases(entries: &[Entry], ledger: &Ledger) -> Vec<Needed> {
    let (notes, changes) = (ledger.outbox().notes(), ledger.outbox().changes());
    let reports = ledger.documents().pending();
    let why = |body: &Body| match body {
        // Its text stands in the records of the same write.
        Body::RecordIntent { rid, .. } => notes
            .iter()
            .any(|note| note.rid == *rid)
            .then_some("a note waits for its case"),
        Body::CaseChanged(change) => changes
            .iter()
            .any(|open| open.rid == change.rid)
            .then_some("nobody said what came of the change of a case"),
        Body::DocumentWritten(part) => reports
            .iter()
            .any(|report| report.rid == part.rid)
            .then_some("a report waits for its case"),
        _ => None,
    };
    let all = entries.iter().filter_map(|entry| {
        Some(Needed {
            n: entry.n,
            why: why(&entry.body)?,
        })
    });
    all.collect()
}
