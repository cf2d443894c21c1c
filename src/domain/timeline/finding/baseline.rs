//! What a user usually does: countries, networks, devices, programs and addresses of the days before an event.
//!
//! Only successes teach, and only what is older than a day counts as usual: an attacker who came in an hour ago has
//! made nothing usual yet.

use std::collections::HashMap;

use super::Tuning;
use super::facts::{Fact, Facts};
use crate::domain::timeline::activity::Outcome;
use crate::domain::timeline::event::Signal;

/// What is seen for less than this is not usual yet, milliseconds.
const SETTLE: i64 = 86_400_000;

/// One thing of a source that may be new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trait {
    Country,
    Network,
    Device,
    Agent,
    Address,
}

impl Trait {
    const ALL: [Self; 5] = [
        Self::Country,
        Self::Network,
        Self::Device,
        Self::Agent,
        Self::Address,
    ];

    fn value(self, fact: &Fact) -> Option<usize> {
        let value = match self {
            Self::Country => fact.country,
            Self::Network => fact.system.map_or(0, |system| system as usize),
            Self::Device => fact.text.device.number(),
            Self::Agent => fact.agent,
            Self::Address => fact.text.ip.number(),
        };
        (value != 0).then_some(value)
    }
}

/// How one event stands against what its user usually does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether there was enough before it to judge by.
    pub(super) judged: bool,
    /// How many successes of the days before it was judged by.
    pub(super) before: u32,
    new: u8,
    first: u8,
}

impl Standing {
    /// Tells whether a thing is not usual.
    pub(super) fn is_new(self, part: Trait) -> bool {
        self.new & (1 << part as u8) != 0
    }

    /// Tells whether a thing is seen for the first time in the days before.
    pub(super) fn is_first(self, part: Trait) -> bool {
        self.first & (1 << part as u8) != 0
    }

    /// Tells whether the source as a whole is not that of the user.
    ///
    /// A new phone at a known address and the own machine in a train are usual; a new country is not.
    pub(super) fn is_unusual(self, fact: &Fact) -> bool {
        if !self.judged {
            return fact.is_hidden() || fact.signals.contains(Signal::NewPlace);
        }
        self.score(fact) >= 2
    }

    /// Tells whether the device or program is that of the user.
    pub(super) fn is_own_device(self, fact: &Fact) -> bool {
        let known = fact.agent != 0 || !fact.text.device.is_none();
        self.judged && known && !self.is_new(Trait::Agent) && !self.is_new(Trait::Device)
    }

    /// Tells whether device, place and network are all those of the user.
    pub(super) fn is_usual(self, fact: &Fact) -> bool {
        self.judged && self.score(fact) == 0
    }

    fn score(self, fact: &Fact) -> u8 {
        let one = |part| u8::from(self.is_new(part));
        let network = if fact.system.is_some() {
            one(Trait::Network)
        } else {
            one(Trait::Address)
        };
        // The vendor has seen more of the user than this file.
        let told = |signal| u8::from(fact.signals.contains(signal));
        let network = network.max(told(Signal::NewPlace));
        let machine = one(Trait::Agent)
            .max(one(Trait::Device))
            .max(told(Signal::NewDevice));
        let hidden = u8::from(fact.is_hidden()) * one(Trait::Address).max(network);
        2 * one(Trait::Country) + network + machine + hidden
    }
}

/// How every event stands.
pub(super) struct Baseline {
    standings: Vec<Standing>,
    /// Users without enough before their last event to judge by.
    pub(super) unjudged: usize,
}

impl Baseline {
    pub(super) fn of(facts: &Facts<'_>, tuning: &Tuning) -> Self {
        let mut standings = vec![Standing::default(); facts.all.len()];
        let mut unjudged = 0;
        // What an administrator does to an account comes from where the administrator sits.
        let mut by_actor = vec![Vec::new(); facts.of_user.len()];
        for fact in facts.all.iter().filter(|fact| fact.timed) {
            let whose = fact.actor.or(fact.user);
            if let Some(own) = whose.and_then(|user| by_actor.get_mut(user as usize)) {
                own.push(fact);
            }
        }
        for own in by_actor {
            let mut history = History::new(tuning);
            let mut judged = None;
            for fact in own {
                let standing = history.judge(fact);
                judged = Some(standing.judged);
                if let Some(slot) = standings.get_mut(fact.row) {
                    *slot = standing;
                }
                if fact.outcome == Outcome::Success && fact.actor.is_some() {
                    history.learn(fact);
                }
            }
            unjudged += usize::from(judged == Some(false));
        }
        Self {
            standings,
            unjudged,
        }
    }

    pub(super) fn standing(&self, row: usize) -> Standing {
        self.standings.get(row).copied().unwrap_or_default()
    }
}

/// What one user did before.
struct History {
    /// By value: when first and when last, milliseconds.
    seen: [HashMap<usize, (i64, i64)>; 5],
    /// Times of successes, oldest first.
    successes: Vec<i64>,
    /// How many of them are older than a day, and how many older than the days that count.
    settled: usize,
    forgotten: usize,
    days: i64,
    least: usize,
}

impl History {
    fn new(tuning: &Tuning) -> Self {
        Self {
            seen: Default::default(),
            successes: Vec::new(),
            settled: 0,
            forgotten: 0,
            days: tuning.baseline.num_milliseconds(),
            least: tuning.baseline_events,
        }
    }

    fn judge(&mut self, fact: &Fact) -> Standing {
        let older = |at: &&i64, age: i64| **at < fact.at.saturating_sub(age);
        let count = |from: usize, age: i64| {
            let rest = self.successes.iter().skip(from);
            rest.take_while(|at| older(at, age)).count()
        };
        let (settled, forgotten) = (
            count(self.settled, SETTLE),
            count(self.forgotten, self.days),
        );
        self.settled += settled;
        self.forgotten += forgotten;
        let before = self.settled.saturating_sub(self.forgotten);
        let mut standing = Standing {
            judged: before >= self.least.max(1),
            before: u32::try_from(before).unwrap_or(u32::MAX),
            ..Standing::default()
        };
        if !standing.judged {
            return standing;
        }
        for (part, seen) in Trait::ALL.into_iter().zip(&self.seen) {
            let Some(value) = part.value(fact) else {
                continue;
            };
            // Where the vendor never said it before, nothing can be called new.
            if seen.is_empty() {
                continue;
            }
            let bit = 1 << part as u8;
            match seen.get(&value) {
                Some((first, last)) if *last >= fact.at.saturating_sub(self.days) => {
                    if *first > fact.at.saturating_sub(SETTLE) {
                        standing.new |= bit;
                    }
                }
                _ => {
                    standing.new |= bit;
                    standing.first |= bit;
                }
            }
        }
        standing
    }

    fn learn(&mut self, fact: &Fact) {
        self.successes.push(fact.at);
        for (part, seen) in Trait::ALL.into_iter().zip(&mut self.seen) {
            let Some(value) = part.value(fact) else {
                continue;
            };
            let (first, last) = seen.entry(value).or_insert((fact.at, fact.at));
            if *last < fact.at.saturating_sub(self.days) {
                *first = fact.at;
            }
            *last = fact.at;
        }
    }
}
