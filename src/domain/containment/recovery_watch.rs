//! The watch over an account that was enabled again, folded from records: until when, what it saw, what was not read.
//!
//! It begins when an enabling from here is proven, has an owner and an end, and ends early when somebody says so or the
//! account is contained again. What must not live here: reading sources, what is odd about an event (`judging`).

mod judging;
mod signs;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::hold::{Stage, account_named, near_word, signed};
use super::kind::ActionKind;
use super::ledger::ActionView;
use super::note::Anchor;
use super::state::ActionState;
use crate::domain::audit::{
    AttackSign, Entry, RecoverySaid, RecoveryWord, SignKind, WatchSeen, WatchUntil,
};
use crate::domain::containment::remnant::RemnantKind;
use crate::domain::freshness::time_word;
use crate::domain::ids::{AccountId, ActionId, CaseId};
use crate::domain::text::{Safe, Untrusted, sink};
use crate::safe;

pub use judging::{ATTACKER, Found, item_key, judge_account, judge_event, judge_left, rings};
pub use signs::signs;

/// Most things kept of what one watch saw; what comes later changes no word.
pub const SEEN_MAX: usize = 50;

/// Things named in a comment.
const NAMED: usize = 8;

/// How long after its end a watch is still listed.
const LISTED: TimeDelta = TimeDelta::hours(24);

/// Two sources that tell of the same kind of thing within this time tell of one.
const SAME: TimeDelta = TimeDelta::minutes(15);

/// Most watches kept after they ended early, for what their cases were not told yet.
const PAST_MAX: usize = 20;

/// One watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryWatch {
    /// The enabling that it follows.
    pub aid: ActionId,
    /// The case.
    pub case: CaseId,
    /// The account.
    pub account: AccountId,
    /// Its login.
    pub login: Untrusted,
    /// Who answers for it.
    pub owner: Untrusted,
    /// The provider's time of the enabling.
    pub since: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// What was seen, in the order it was.
    pub seen: Vec<WatchSeen>,
    /// Sources that could not be read, or not whole, at some time, and why.
    pub missed: BTreeMap<String, Untrusted>,
    /// What was there at the beginning, by its kind.
    pub there: BTreeMap<RemnantKind, BTreeSet<String>>,
    /// How it ended, and when that was recorded.
    pub over: Option<Over>,
}

/// How a watch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// How long, what was read, what was seen.
    pub text: Untrusted,
    /// Whether everything was read and nothing seen.
    pub well: bool,
    /// When that was recorded.
    pub at: DateTime<Utc>,
}

impl RecoveryWatch {
    /// Judges how near the end is.
    pub fn stage(&self, now: DateTime<Utc>, reminder: Duration) -> Stage {
        let reminder = TimeDelta::from_std(reminder).unwrap_or_default();
        if self.over.is_some() || self.until <= now {
            Stage::Ended
        } else if self.until - now <= reminder {
            Stage::Soon
        } else {
            Stage::Running
        }
    }

    /// Tells whether it is shown: it runs, or ended a short time ago.
    pub fn is_listed(&self, now: DateTime<Utc>) -> bool {
        let ended = self.over.as_ref().map(|over| over.at.max(self.until));
        ended.is_none_or(|ended| now - ended < LISTED)
    }

    /// Gives the words of its end: `watched until 14:20Z`.
    pub fn end_word(&self, now: DateTime<Utc>) -> Safe {
        let until = near_word(self.until, now);
        if self.until <= now {
            safe!("watch ended {}", until)
        } else {
            safe!("watched until {}", until)
        }
    }

    /// Gives the word that stands for what it saw.
    pub fn word(&self) -> Safe {
        match (self.seen.as_slice(), &self.over) {
            ([], None) => "enabled again, nothing seen".into(),
            ([], Some(over)) => safe!("watched {}", over.text.line()),
            ([one], _) => safe!("SEEN SINCE: {}", one.text.line()),
            ([.., last], _) => safe!(
                "SEEN SINCE: {}, {} in all",
                last.text.line(),
                self.seen.len()
            ),
        }
    }

    /// Tells whether something with this id is on record.
    pub fn knows(&self, key: &Untrusted) -> bool {
        self.seen.iter().any(|one| one.key == *key)
    }

    /// Tells whether something that is on record rings: of what the attacker does only the first.
    pub fn rings_for(&self, seen: &WatchSeen) -> bool {
        let mut acts = self.seen.iter().filter(|one| one.thing == ATTACKER);
        seen.thing != ATTACKER || acts.next().is_none_or(|first| first.key == seen.key)
    }

    /// Tells whether another source told of the same thing.
    fn is_told_elsewhere(&self, thing: &str, source: &str, at: DateTime<Utc>) -> bool {
        self.seen
            .iter()
            .any(|one| one.thing == thing && one.source != source && (one.at - at).abs() <= SAME)
    }

    /// Composes the summary of a watch that ran to its end; `read` and `unread` are its sources, the latter with reasons.
    pub fn summary(&self, read: &[Safe], unread: &[Safe]) -> Safe {
        let hours = (self.until - self.since).num_minutes();
        let long = if hours < 120 {
            safe!("{} min", hours)
        } else {
            safe!("{} h", (hours + 30) / 60)
        };
        let comma = Safe::fixed(", ");
        let sources = match read.len() {
            0 => "no source".into(),
            1 => safe!("1 source ({})", Safe::join(read.iter().cloned(), &comma)),
            some => safe!(
                "{} sources ({})",
                some,
                Safe::join(read.iter().cloned(), &comma)
            ),
        };
        let seen = match self.seen.len() {
            0 => "nothing seen".into(),
            1 => "1 thing seen".into(),
            some => safe!("{} things seen", some),
        };
        let mut text = safe!("{}, {}, {}", long, sources, seen);
        if !unread.is_empty() {
            let unread = Safe::join(unread.iter().cloned(), &Safe::fixed("; "));
            text = safe!("{}; not read to the end: {}", text, unread);
        }
        let missed = self.missed.iter().map(|(source, why)| {
            safe!(
                "{} ({})",
                Untrusted::new(source.as_str()).field(),
                why.line()
            )
        });
        if !self.missed.is_empty() {
            let missed = Safe::join(missed, &Safe::fixed("; "));
            text = safe!("{}; not read, or not whole, at some time: {}", text, missed);
        }
        text
    }
}

/// What the records say about watches over accounts that were enabled again.
#[derive(Clone, Debug, Default)]
pub struct Recoveries {
    /// Decided and not begun: the enabling is not proven yet.
    planned: BTreeMap<ActionId, (CaseId, WatchUntil)>,
    watches: BTreeMap<AccountId, RecoveryWatch>,
    /// Ended early with something seen, for what the case was not told yet; the oldest first.
    past: Vec<RecoveryWatch>,
    signs: BTreeMap<(AccountId, CaseId), BTreeSet<AttackSign>>,
}

impl Recoveries {
    /// Folds one record of a watch.
    pub(super) fn apply(&mut self, said: &RecoverySaid, entry: &Entry) {
        let account = &said.account;
        match &said.word {
            RecoveryWord::Until(word) if word.how == "confirmed" => {
                let planned = (said.case.clone(), word.clone());
                self.planned.insert(word.aid.clone(), planned);
            }
            RecoveryWord::Until(word) if word.how == "ended" => {
                if self.watch_mut(account, &word.aid).is_some() {
                    self.end(account);
                }
            }
            RecoveryWord::Until(word) => {
                if let Some(watch) = self.watch_mut(account, &word.aid) {
                    watch.until = word.until;
                    watch.owner = word.owner.clone();
                }
            }
            RecoveryWord::Signs(signs) => {
                let key = (account.clone(), said.case.clone());
                self.signs
                    .entry(key)
                    .or_default()
                    .extend(signs.iter().cloned());
            }
            RecoveryWord::Seen(seen) => {
                if let Some(watch) = self.watch_mut(account, &seen.aid)
                    && !watch.knows(&seen.key)
                {
                    watch.seen.push(seen.clone());
                }
            }
            RecoveryWord::Looked(looked) => {
                if let Some(watch) = self.watch_mut(account, &looked.aid) {
                    if let Some(why) = &looked.missed {
                        let missed = watch.missed.entry(looked.source.clone());
                        missed.or_insert_with(|| why.clone());
                    }
                    for kind in &looked.kinds {
                        let there = watch.there.entry(*kind).or_default();
                        there.extend(looked.items.iter().cloned());
                    }
                }
            }
            RecoveryWord::Over(over) => {
                if let Some(watch) = self.watch_mut(account, &over.aid) {
                    watch.over = Some(Over {
                        text: over.text.clone(),
                        well: over.well,
                        at: entry.ts,
                    });
                }
            }
        }
    }

    /// Gives the watch over an account, if it is the one that follows this enabling.
    fn watch_mut(&mut self, account: &AccountId, aid: &ActionId) -> Option<&mut RecoveryWatch> {
        let watch = self.watches.get_mut(account);
        watch.filter(|watch| watch.aid == *aid)
    }

    /// Follows an action that has its final word: a proven enabling begins a watch, a proven disabling ends it.
    pub(super) fn follow(&mut self, action: &ActionView, at: DateTime<Utc>) {
        match (action.kind, action.state) {
            (ActionKind::EnableAccount, ActionState::Verified) => {
                let since = action.effective_at().unwrap_or(at);
                self.begin(&action.aid, &action.account, since);
            }
            (ActionKind::DisableAccount, ActionState::Verified) => self.end(&action.account),
            _ => {}
        }
    }

    /// Begins the watch that was decided with an enabling, once that is proven; `since` is the provider's time of it.
    fn begin(&mut self, aid: &ActionId, account: &AccountId, since: DateTime<Utc>) {
        let Some((case, word)) = self.planned.remove(aid) else {
            return;
        };
        self.end(account);
        let watch = RecoveryWatch {
            aid: aid.clone(),
            case,
            account: account.clone(),
            login: word.login,
            owner: word.owner,
            since,
            until: word.until,
            seen: Vec::new(),
            missed: BTreeMap::new(),
            there: BTreeMap::new(),
            over: None,
        };
        self.watches.insert(account.clone(), watch);
    }

    /// Ends the watch over an account before its time.
    fn end(&mut self, account: &AccountId) {
        let Some(watch) = self.watches.remove(account) else {
            return;
        };
        if !watch.seen.is_empty() || watch.over.is_some() {
            self.past.push(watch);
            if self.past.len() > PAST_MAX {
                self.past.remove(0);
            }
        }
    }

    /// Gives the watch over an account, also when it ran to its end.
    pub fn of(&self, account: &AccountId) -> Option<&RecoveryWatch> {
        self.watches.get(account)
    }

    /// Lists the watches that have not ended.
    pub fn running(&self) -> impl Iterator<Item = &RecoveryWatch> {
        self.watches.values().filter(|watch| watch.over.is_none())
    }

    /// Lists every watch that is known: those that run, those that ended, and those that ended early with something seen.
    pub fn all(&self) -> impl Iterator<Item = &RecoveryWatch> {
        self.watches.values().chain(&self.past)
    }

    /// Gives what names the attacker in the case of a watch.
    pub fn signs(&self, watch: &RecoveryWatch) -> BTreeSet<AttackSign> {
        let key = (watch.account.clone(), watch.case.clone());
        self.signs.get(&key).cloned().unwrap_or_default()
    }

    /// Says how the attacker would be known again: `2 addresses, 1 session`.
    pub fn signs_word(&self, watch: &RecoveryWatch) -> Safe {
        let all = self.signs(watch);
        let count = |kind| all.iter().filter(|sign| sign.kind == kind).count();
        let named = [
            (SignKind::Address, "address", "addresses"),
            (SignKind::Device, "device", "devices"),
            (SignKind::Session, "session", "sessions"),
        ];
        let parts = named.into_iter().filter_map(|(kind, one, many)| {
            let many_of = |number: usize| if number == 1 { one } else { many };
            let number = count(kind);
            (number > 0).then(|| safe!("{} {}", number, many_of(number)))
        });
        if all.is_empty() {
            "no address known".into()
        } else {
            Safe::join(parts, &Safe::fixed(", "))
        }
    }
}

/// Gives the marker of the comment that something was seen after an enabling.
pub fn seen_marker(aid: &ActionId) -> String {
    format!("quell:returned-{aid}")
}

/// Gives the marker of the comment that the watch after an enabling is over.
pub fn over_marker(aid: &ActionId) -> String {
    format!("quell:watched-{aid}")
}

/// Tells whether a marker is that of one of these comments.
pub(super) fn is_told(marker: &str) -> bool {
    marker.starts_with("quell:returned-") || marker.starts_with("quell:watched-")
}

/// Composes the comment that something was seen after the account was enabled again.
pub fn seen_comment(watch: &RecoveryWatch, standing: &Safe, anchor: &Anchor) -> String {
    let mut lines = vec![
        "**Seen after the account was enabled again**\n".to_owned(),
        account_named(&watch.login, &watch.account),
        String::new(),
    ];
    lines.extend(watch.seen.iter().take(NAMED).map(|one| {
        let source = Untrusted::new(one.source.as_str());
        format!(
            "- {}: {} (seen at {})",
            time_word(one.at),
            sink::markdown(&one.text.line()),
            sink::markdown(&source.field()),
        )
    }));
    if watch.seen.len() > NAMED {
        lines.push(format!("- and {} more", watch.seen.len() - NAMED));
    }
    lines.push(String::new());
    lines.push(format!(
        "Enabled {}, watched until {}, owner {}. What comes later is in the summary at the end.",
        time_word(watch.since),
        time_word(watch.until),
        sink::markdown(&watch.owner.field()),
    ));
    signed(
        &lines.join("\n"),
        standing,
        &seen_marker(&watch.aid),
        anchor,
    )
}

/// Composes the comment that the watch ran to its end.
pub fn over_comment(
    watch: &RecoveryWatch,
    over: &Over,
    standing: &Safe,
    anchor: &Anchor,
) -> String {
    let mut lines = vec![
        "**The watch after the recovery is over**\n".to_owned(),
        account_named(&watch.login, &watch.account),
        String::new(),
        format!(
            "Enabled {}, watched until {}: {}.",
            time_word(watch.since),
            time_word(watch.until),
            sink::markdown(&over.text.line()),
        ),
    ];
    lines.extend(watch.seen.iter().map(|one| {
        let text = sink::markdown(&one.text.line());
        format!("- {}: {text}", time_word(one.at))
    }));
    signed(
        &lines.join("\n"),
        standing,
        &over_marker(&watch.aid),
        anchor,
    )
}

#[cfg(test)]
mod tests;
