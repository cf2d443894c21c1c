//! The laws of what the screen shows of a log: no record makes the console fall, and its answers fit each other.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use quell::domain::audit::{Anchor, Entry, find_anchors};
use quell::domain::containment::caps::{self, Caps};
use quell::domain::containment::credit::{Credit, credit};
use quell::domain::containment::hold::{Stage, Success, drift_comment, success_comment};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::{ActionView, Ledger};
use quell::domain::containment::note::{self, Anchor as Head};
use quell::domain::containment::recovery_watch::{RecoveryWatch, over_comment, seen_comment};
use quell::domain::containment::rival;
use quell::domain::containment::standing::{Standing, standing};
use quell::domain::containment::state::ActionState;
use quell::domain::containment::told::{self, Word};
use quell::domain::ids::{AccountId, PlanId};
use quell::domain::text::Safe;

use super::comments::{by, is_comment, is_drawable, person};

/// How long before its end a containment is reminded of.
const REMINDER: Duration = Duration::from_secs(1_800);

/// Asks everything that the screen asks, and holds the answers against each other.
pub fn screen(ledger: &Ledger, last: &Entry) {
    let now = last.ts;
    let head = Head {
        log: last.log.to_string(),
        n: last.n,
        h: last.h.to_string(),
        at: now,
    };
    for action in ledger.unfinished() {
        assert_eq!(ledger.get(&action.aid), Some(action));
    }
    for pid in ledger.undocumented() {
        let plan = ledger.plan(&pid);
        assert!(!plan.is_empty() && plan.iter().all(|action| !action.is_unfinished()));
    }
    for lapsed in ledger.lapsed(now) {
        assert!(!lapsed.aids.is_empty(), "{lapsed:?}");
    }
    assert!(ledger.untold(now).ends <= ledger.recoveries().all().count());
    for view in ledger.asked().open() {
        assert_eq!(ledger.asked().get(&view.pid), Some(view));
        let same = ledger.asked().same(&view.ask.hash, &view.by, now);
        assert!(same.is_some() || view.expires <= now, "{view:?}");
    }
    for note in ledger.outbox().notes() {
        assert!(ledger.outbox().knows(&note.rid));
    }
    let tasks = ledger.outbox().mirrored();
    assert!(tasks.wishes().count() <= tasks.len());
    for report in ledger.documents().pending() {
        assert!(ledger.documents().knows(&report.rid));
        assert!(ledger.documents().latest(&report.target).is_some());
    }
    let accounts: BTreeSet<&AccountId> = ledger.actions().map(|action| &action.account).collect();
    for account in accounts {
        stands(ledger, account, now);
    }
    for action in ledger.actions() {
        acted(ledger, action, now, &head);
    }
    let plans: BTreeSet<&PlanId> = ledger.actions().map(|action| &action.pid).collect();
    for pid in plans {
        documented(ledger, pid, last, &head);
    }
    let recoveries = ledger.recoveries();
    for watch in recoveries.all().chain(recoveries.quiet()) {
        is_drawable(&recoveries.signs_word(watch));
        watched(watch, now, &head);
    }
}

/// An account is contained by proof only.
fn stands(ledger: &Ledger, account: &AccountId, now: DateTime<Utc>) {
    for has_success in [false, true] {
        let stands = standing(ledger, account, |_| has_success);
        is_drawable(&stands.word());
        assert_eq!(stands.since().is_none(), stands == Standing::Free);
        if let Standing::Contained { since } = stands {
            let proven = |kind| {
                let mut acts = ledger.on(account);
                acts.any(|act| act.kind == kind && act.state == ActionState::Verified)
            };
            assert!(proven(ActionKind::DisableAccount) && proven(ActionKind::RevokeSessions));
            assert!(ledger.holds().successes(account, since).next().is_none());
            assert!(!has_success);
        }
    }
    if let Some(hold) = ledger.holds().hold(account) {
        is_drawable(&hold.word(now));
        let stands = standing(ledger, account, |_| false);
        if let Some(told) = hold.sentence(&stands) {
            is_comment(&told);
        }
        assert!(hold.until.is_some() || hold.stage(now, REMINDER) == Stage::Running);
    }
}

fn acted(ledger: &Ledger, action: &ActionView, now: DateTime<Utc>, head: &Head) {
    let account = &action.account;
    is_drawable(&action.what());
    assert_eq!(ledger.get(&action.aid), Some(action));
    let (effect, began) = (action.effective_at(), action.began_at());
    assert_eq!(effect.is_some(), began.is_some());
    let is_disabling = action.kind == ActionKind::DisableAccount;
    let is_undone = ledger.reads_undone(action) || ledger.is_broken_promise(action);
    assert!(is_disabling || !is_undone);
    assert!(!action.is_closed_unread() || action.closed);
    if let Credit::Another(pid) = credit(ledger, action) {
        assert!(!ledger.plan(&pid).is_empty());
    }
    let kind = (action.kind, action.item.as_ref());
    let caps = caps::refusal(
        Caps::default(),
        ledger,
        action.uid,
        account,
        &[action.kind],
        now,
    );
    let rival = rival::refusal(ledger, &action.pid, account, kind);
    caps.iter().chain(&rival).for_each(is_drawable);
    let (by_person, from_host) = caps::used(ledger, action.uid, now);
    assert!(by_person <= from_host);
    for taken in ledger.outbox().taken_by_others(&action.aid) {
        assert_ne!(ledger.outbox().owner_of(&taken), Some(&action.aid));
    }
    let stands = standing(ledger, account, |_| false);
    let since = began.unwrap_or_default();
    let seen: Vec<&Success> = ledger.holds().successes(account, since).collect();
    is_comment(&drift_comment(action, &stands.word(), head));
    is_comment(&success_comment(action, &seen, &stands, head));
}

/// What one console writes into a case is read by another as it was meant, whatever names and words stand in it.
fn documented(ledger: &Ledger, pid: &PlanId, last: &Entry, head: &Head) {
    let plan = ledger.plan(pid);
    let account = &plan.first().unwrap().account;
    let stands = standing(ledger, account, |_| false);
    let hold = ledger.holds().hold(account);
    let text = note::compose(pid, &plan, &Safe::fixed("jo"), &stands, hold, head);
    is_comment(&text);
    let written = by(&person("a"), last.ts, &text, false);
    match (&stands, told::read(&written).map(|told| told.word)) {
        (Standing::Free, None | Some(Word::Free))
        | (Standing::Contained { .. }, Some(Word::Contained)) => {}
        (Standing::Partly { .. }, Some(Word::Partly(missing))) => {
            let word = format!("partly contained: {}", missing.raw());
            assert_eq!(word, stands.word().as_str());
        }
        (stands, word) => panic!("{stands:?} is read as {word:?} in {text}"),
    }
    let anchor = Anchor {
        log: last.log.clone(),
        n: last.n,
        h: last.h,
    };
    assert!(last.n == 0 || find_anchors(&text).contains(&anchor));
}

fn watched(watch: &RecoveryWatch, now: DateTime<Utc>, head: &Head) {
    for word in [
        watch.word(),
        watch.word_once(false),
        watch.end_word(now),
        watch.nothing_word(),
        watch.summary(&[], &[]),
    ] {
        is_drawable(&word);
    }
    let is_over = watch.over.is_some() || watch.until <= now;
    assert_eq!(watch.stage(now, REMINDER) == Stage::Ended, is_over);
    assert!(watch.is_listed(now) || watch.over.is_some());
    let free = Standing::Free;
    is_comment(&seen_comment(watch, &free, head));
    if let Some(over) = &watch.over {
        is_comment(&over_comment(watch, over, &free, head));
    }
}
