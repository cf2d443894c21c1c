//! The watch over an account that was enabled again, folded from records: until when, what it saw, what was not read.
//!
//! It begins when an enabling from here is proven, cannot be, or was closed by hand after it was sent. It has an owner and
//! an end, and ends early when somebody says so or the account is contained again. What must not live here: reading
//! sources, what is odd about an event (`judging`), the words for the screen (`words`) and the case (`comments`).

mod comments;
mod judging;
mod same;
mod signs;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::hold::Stage;
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
use words::long_word;

/// Most things kept of what one watch saw; what comes later changes no word.
pub const SEEN_MAX: usize = 50;

/// How long after its end a watch is still listed.
const LISTED: TimeDelta = TimeDelta::hours(24);

/// How long after the enabling a list may be read first and still tell what was there at the beginning.
const FIRST: TimeDelta = TimeDelta::minutes(1);

/// Most watches kept after they ended early: for what their cases were not told yet, and as many with nothing seen.
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
    /// Whether the account was read as enabled since; else the enabling was sent, and nobody knows what became of it.
    pub is_read: bool,
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
    /// How long, what was read, what was seen; of one that ended before its time, by whom and why.
    pub text: Untrusted,
    /// Whether everything was read and nothing seen.
    pub well: bool,
    /// Whether it ended before its time: somebody said so, or the account was acted on again.
    pub early: bool,
    /// When that was recorded.
    pub at: DateTime<Utc>,
    /// When whoever ended it before its time had looked last, as far as their console knew.
    pub looked: Option<DateTime<Utc>>,
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
        let ended = self.over.as_ref().map(|over| {
            if self.is_quiet() {
                over.at
            } else {
                over.at.max(self.until)
            }
        });
        ended.is_none_or(|ended| now - ended < LISTED)
    }

    /// Tells whether it ended before its time with nothing seen.
    fn is_quiet(&self) -> bool {
        self.seen.is_empty() && self.over.as_ref().is_some_and(|over| over.early)
    }

    /// Ends it before its time, if it is not over; `word` is that of somebody who said so.
    fn end_early(&mut self, word: Option<&WatchUntil>, why: &Safe, at: DateTime<Utc>) {
        if self.over.is_some() {
            return;
        }
        let by = word.map_or_else(Safe::default, |word| safe!(" by {}", word.owner.field()));
        let text = safe!("ended before its time{}: {}", by, why);
        self.over = Some(Over {
            text: Untrusted::new(text.as_str()),
            well: false,
            early: true,
            at,
            looked: word.and_then(|word| word.looked),
        });
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
            let why = safe!(
                "first listed {} after the enabling: what was new by then cannot be told",
                long_word(late)
            );
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
    /// Ended early with nothing seen; the oldest first.
    quiet: Vec<RecoveryWatch>,
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
                if let Some(watch) = self.watch_mut(account, &word.aid) {
                    let why = word.reason.as_ref().map(Untrusted::line);
                    let why = why.unwrap_or_else(|| "no reason given".into());
                    watch.end_early(Some(word), &why, entry.ts);
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
                        early: false,
                        at: entry.ts,
                        looked: None,
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
                ActionState::Verified
                | ActionState::Unverifiable
                | ActionState::Rejected
                | ActionState::Abandoned,
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
        let since = since.map(|since| action.by_our_clock(since));
        let watch = RecoveryWatch {
            aid: action.aid.clone(),
            case,
            account: account.clone(),
            login: word.login,
            owner: word.owner,
            since: since.unwrap_or(at),
            is_read: action.reads_enabled(),
            until: word.until,
            seen: Vec::new(),
            missed: BTreeMap::new(),
            there: BTreeMap::new(),
            over: None,
            reopened: 0,
        };
        self.watches.insert(account.clone(), watch);
    }

    /// Puts the watch over an account away, ended before its time if it is not over: its case is told of what was seen.
    fn end(&mut self, account: &AccountId, why: &Safe, at: DateTime<Utc>) {
        let Some(mut watch) = self.watches.remove(account) else {
            return;
        };
        watch.end_early(None, why, at);
        let kept = if watch.is_quiet() {
            &mut self.quiet
        } else {
            &mut self.past
        };
        kept.push(watch);
        if kept.len() > PAST_MAX {
            kept.remove(0);
        }
    }

    /// Gives the watch over an account, also when it ran to its end or somebody ended it.
    pub fn of(&self, account: &AccountId) -> Option<&RecoveryWatch> {
        self.watches.get(account)
    }

    /// Lists the watches that have not ended.
    pub fn running(&self) -> impl Iterator<Item = &RecoveryWatch> {
        self.watches.values().filter(|watch| watch.over.is_none())
    }

    /// Lists the watches of which cases are told: those that run, those that ended, and those that ended early with
    /// something seen.
    pub fn all(&self) -> impl Iterator<Item = &RecoveryWatch> {
        let here = self.watches.values().filter(|watch| !watch.is_quiet());
        here.chain(&self.past)
    }

    /// Lists the watches that ended early with nothing seen: there is nothing to tell of them but that.
    pub fn quiet(&self) -> impl Iterator<Item = &RecoveryWatch> {
        let here = self.watches.values().filter(|watch| watch.is_quiet());
        here.chain(&self.quiet)
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
