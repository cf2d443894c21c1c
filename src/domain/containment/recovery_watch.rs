//! The watch over an account that was enabled again, folded from records: until when, what it saw, what was not read.
//!
//! It begins when an enabling from here is proven, cannot be, or was closed by hand after it was sent. It has an owner and
//! an end, and ends early when somebody says so or the account is contained again. What must not live here: reading
//! sources, what is odd about an event (`judging`), the words for the case (`comments`).

mod comments;
mod judging;
mod signs;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::hold::{Stage, near_word};
use super::kind::ActionKind;
use super::ledger::ActionView;
use super::state::ActionState;
use crate::domain::audit::{
    AttackSign, Entry, RecoverySaid, RecoveryWord, SignKind, WatchLooked, WatchSeen, WatchUntil,
};
use crate::domain::containment::remnant::RemnantKind;
use crate::domain::ids::{AccountId, ActionId, CaseId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

pub(super) use comments::is_told;
pub use comments::{over_comment, over_marker, seen_comment, seen_marker};
pub use judging::{ATTACKER, Found, item_key, judge_account, judge_event, judge_left, rings};
pub use signs::signs;

/// Most things kept of what one watch saw; what comes later changes no word.
pub const SEEN_MAX: usize = 50;

/// How long after its end a watch is still listed.
const LISTED: TimeDelta = TimeDelta::hours(24);

/// Two sources that tell of the same kind of thing within this time tell of one.
const SAME: TimeDelta = TimeDelta::minutes(15);

/// How long after the enabling a list may be read first and still tell what was there at the beginning.
const FIRST: TimeDelta = TimeDelta::minutes(10);

/// Cells for the names of what was not read, so that the word fits into a row of 80.
const MISSED: usize = 32;

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
    /// The provider's time right before the enabling, else of its answer.
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
    /// How often it was opened anew by another end after it was over.
    pub reopened: usize,
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

    /// Gives the word that stands for what it saw, as far as that was read.
    pub fn word(&self) -> Safe {
        match (self.seen.as_slice(), &self.over) {
            ([], None) if !self.missed.is_empty() => safe!(
                "nothing seen in what was read; not read: {}",
                self.missed_word()
            ),
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

    /// Gives the same word, but says so where nothing is known because nobody looked yet.
    pub fn word_once(&self, is_looked_at: bool) -> Safe {
        let is_quiet = self.seen.is_empty() && self.missed.is_empty() && self.over.is_none();
        if is_quiet && !is_looked_at {
            "enabled again, not looked yet".into()
        } else {
            self.word()
        }
    }

    /// Names what was not read, in few cells.
    fn missed_word(&self) -> Safe {
        let names = self.missed.keys();
        let mut names = names.map(|source| Untrusted::new(source.as_str()).field());
        let first = names.next().unwrap_or_default();
        match names.count() {
            0 => first.fit(MISSED),
            more => safe!("{}, {} more", first.fit(MISSED - 9), more),
        }
    }

    /// Takes how a source was read: what was there, and what nobody can know because it was not read, or late.
    fn take_look(&mut self, looked: &WatchLooked, at: DateTime<Utc>) {
        if let Some(why) = &looked.missed {
            let missed = self.missed.entry(looked.source.clone());
            missed.or_insert_with(|| why.clone());
        }
        let mut kinds = looked.kinds.iter();
        let is_first = kinds.any(|kind| !self.there.contains_key(kind));
        let late = at - self.since;
        if is_first && late > FIRST {
            // What came between the enabling and this look is taken for what was there.
            let why = safe!("first listed {} after the enabling", long_word(late));
            let missed = self.missed.entry(format!("changes in {}", looked.source));
            missed.or_insert_with(|| Untrusted::new(why.as_str()));
        }
        for kind in &looked.kinds {
            let there = self.there.entry(*kind).or_default();
            there.extend(looked.items.iter().cloned());
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
        let long = long_word(self.until - self.since);
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

fn long_word(long: TimeDelta) -> Safe {
    let minutes = long.num_minutes();
    if minutes < 120 {
        safe!("{} min", minutes)
    } else {
        safe!("{} h", (minutes + 30) / 60)
    }
}

/// What the records say about watches over accounts that were enabled again.
#[derive(Clone, Debug, Default)]
pub struct Recoveries {
    /// Decided and not begun: the enabling has no final word yet.
    planned: BTreeMap<ActionId, (CaseId, WatchUntil)>,
    watches: BTreeMap<AccountId, RecoveryWatch>,
    /// The intent, by its record, of the latest act that told how an account stands: what was sent before it and is told
    /// later changes nothing.
    latest: BTreeMap<AccountId, u64>,
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
                    let why = word.reason.as_ref().map(Untrusted::line);
                    let why = why.unwrap_or_else(|| "no reason given".into());
                    self.end(account, &why, entry.ts);
                }
            }
            // Whoever decided may not have known that it was over: it goes on then. An end that has passed is none.
            RecoveryWord::Until(word) => {
                if let Some(watch) = self.watch_mut(account, &word.aid)
                    && word.until > entry.ts
                {
                    watch.until = word.until;
                    watch.owner = word.owner.clone();
                    watch.reopened += usize::from(watch.over.take().is_some());
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
                    watch.take_look(looked, entry.ts);
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

    /// Follows an action that has its final word: an enabling begins a watch, a proven disabling ends it.
    ///
    /// An enabling that cannot be proven, or that somebody closed after it was sent, may have had effect, and nobody takes
    /// the account for contained after it. A later disabling that is not proven does not keep a watch away: nothing else
    /// would look at the account.
    pub(super) fn follow(&mut self, action: &ActionView, at: DateTime<Utc>) {
        let begins = match (action.kind, action.state) {
            (
                ActionKind::EnableAccount,
                ActionState::Verified | ActionState::Unverifiable | ActionState::Abandoned,
            ) if action.may_have_had_effect() => true,
            (ActionKind::DisableAccount, ActionState::Verified) => false,
            (ActionKind::EnableAccount, _) => {
                // Closed before, and read to its end after all.
                if self.watch_mut(&action.account, &action.aid).is_some() {
                    self.end(&action.account, &"the enabling had no effect".into(), at);
                }
                return;
            }
            _ => return,
        };
        let latest = self.latest.entry(action.account.clone()).or_default();
        if action.sent_n < *latest {
            return;
        }
        *latest = action.sent_n;
        if begins {
            self.begin(action, at);
        } else {
            self.end(&action.account, &"contained again".into(), at);
        }
    }

    /// Begins the watch that was decided with an enabling; `at` is when its final word was recorded.
    fn begin(&mut self, action: &ActionView, at: DateTime<Utc>) {
        let Some((case, word)) = self.planned.remove(&action.aid) else {
            return;
        };
        let account = &action.account;
        self.end(account, &"enabled anew".into(), at);
        // The answer may come long after the effect: what happened in between counts.
        let since = action.server_before.or(action.effective_at());
        let watch = RecoveryWatch {
            aid: action.aid.clone(),
            case,
            account: account.clone(),
            login: word.login,
            owner: word.owner,
            since: since.unwrap_or(at),
            until: word.until,
            seen: Vec::new(),
            missed: BTreeMap::new(),
            there: BTreeMap::new(),
            over: None,
            reopened: 0,
        };
        self.watches.insert(account.clone(), watch);
    }

    /// Ends the watch over an account, before its time if it is not over; its case is told then of what was seen.
    fn end(&mut self, account: &AccountId, why: &Safe, at: DateTime<Utc>) {
        let Some(mut watch) = self.watches.remove(account) else {
            return;
        };
        if watch.over.is_none() {
            if watch.seen.is_empty() {
                return;
            }
            let text = safe!("ended before its time: {}", why);
            watch.over = Some(Over {
                text: Untrusted::new(text.as_str()),
                well: false,
                at,
            });
        }
        self.past.push(watch);
        if self.past.len() > PAST_MAX {
            self.past.remove(0);
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

#[cfg(test)]
mod tests;
