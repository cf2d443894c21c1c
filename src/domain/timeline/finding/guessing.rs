//! Guessed passwords: many failures of one account, or one address that tries many accounts.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::facts::{Fact, User};
use super::rule::Rule;
use super::{Confidence, Finding, Scene, minutes};
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::{Outcome, Sym};
use crate::safe;

/// Of the users an address tried, one in so many may have signed in from it before it counts as an office.
const OFFICE_SHARE: usize = 3;

/// Finds failed sign-ins followed by a success from the same address, or from one that never succeeded before.
///
/// Guessing is often spread over many addresses and the success comes from yet another one; a success from an address
/// that the user already worked from is taken for the user.
pub(super) fn brute_force(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for (user, own) in scene.facts.each_user() {
        let mut failures = Failures::default();
        let mut known: HashSet<Sym> = HashSet::new();
        for fact in own.filter(|fact| fact.timed && fact.is_sign_in()) {
            match fact.outcome {
                Outcome::Failure => failures.push(fact),
                Outcome::Success => {
                    failures.forget(fact.at, scene.tuning.failure_window.num_milliseconds());
                    let is_new = !fact.text.ip.is_none() && known.insert(fact.text.ip);
                    let count = failures.count(fact.text.ip, is_new);
                    if count >= scene.tuning.failures.max(1) {
                        let (rows, elsewhere) = failures.take(fact.text.ip, is_new);
                        found.push(guessed(scene, fact, user, rows, elsewhere));
                    }
                }
                Outcome::Unknown => {}
            }
        }
    }
}

fn guessed(
    scene: &Scene<'_>,
    fact: &Fact,
    user: User,
    mut rows: Vec<usize>,
    elsewhere: bool,
) -> Finding {
    let count = rows.len();
    rows.push(fact.row);
    let standing = scene.baseline.standing(fact.row);
    let confidence = if standing.is_unusual(fact) {
        Confidence::High
    } else if standing.is_usual(fact) && !elsewhere {
        Confidence::Low
    } else {
        Confidence::Medium
    };
    let reason = if elsewhere {
        safe!("{} failures, success from a new address", count)
    } else {
        safe!("{} failures, then success", count)
    };
    scene.finding(Rule::BruteForce, fact, Some(user), rows, reason, confidence)
}

/// Failures that no success has used up, by address, oldest first.
#[derive(Default)]
struct Failures {
    order: VecDeque<(i64, Sym, usize)>,
    by_address: HashMap<Sym, VecDeque<usize>>,
    count: usize,
}

impl Failures {
    fn push(&mut self, fact: &Fact) {
        self.order.push_back((fact.at, fact.text.ip, fact.row));
        self.by_address
            .entry(fact.text.ip)
            .or_default()
            .push_back(fact.row);
        self.count += 1;
    }

    /// Drops what is older than the window.
    fn forget(&mut self, now: i64, window: i64) {
        while let Some((at, ip, row)) = self.order.front().copied() {
            if at >= now.saturating_sub(window) {
                break;
            }
            self.order.pop_front();
            let own = self.by_address.get_mut(&ip);
            if let Some(own) = own.filter(|own| own.front() == Some(&row)) {
                own.pop_front();
                self.count -= 1;
            }
        }
    }

    fn count(&self, ip: Sym, all: bool) -> usize {
        if all {
            self.count
        } else {
            self.by_address.get(&ip).map_or(0, VecDeque::len)
        }
    }

    /// Takes the rows that count, in order, and tells whether one is from another address.
    fn take(&mut self, ip: Sym, all: bool) -> (Vec<usize>, bool) {
        let own = self.by_address.remove(&ip).unwrap_or_default();
        self.count -= own.len();
        let mut rows: Vec<usize> = own.into();
        let mut elsewhere = false;
        if all {
            for (_, others) in self.by_address.drain() {
                elsewhere |= !others.is_empty();
                rows.extend(others);
            }
            self.order.clear();
            self.count = 0;
        }
        rows.sort_unstable();
        (rows, elsewhere)
    }
}

/// One address that tried many users: since when, until when, whom.
#[derive(Default)]
struct Burst<'a> {
    failed: BTreeMap<User, usize>,
    rows: Vec<usize>,
    successes: Vec<&'a Fact>,
    recent: VecDeque<(i64, User)>,
    in_window: HashMap<User, usize>,
    is_spray: bool,
    first: i64,
    last: Option<&'a Fact>,
}

/// Finds one address that fails for many users, and whom it then signed in as.
///
/// An address from which a good part of them signed in as well is an office.
pub(super) fn password_spray(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let window = scene.tuning.spray_window.num_milliseconds();
    let mut bursts: HashMap<Sym, Burst<'_>> = HashMap::new();
    for fact in &scene.facts.all {
        let Some(user) = fact.user.filter(|_| fact.timed && fact.is_sign_in()) else {
            continue;
        };
        if fact.text.ip.is_none() {
            continue;
        }
        let burst = bursts.entry(fact.text.ip).or_default();
        if burst
            .last
            .is_some_and(|last| fact.at.saturating_sub(last.at) > window)
        {
            sprayed(scene, std::mem::take(burst), found);
        }
        match fact.outcome {
            Outcome::Failure => burst.fail(fact, user, window, scene.tuning.spray_users),
            Outcome::Success if !burst.rows.is_empty() => burst.successes.push(fact),
            _ => {}
        }
    }
    for (_, burst) in bursts {
        sprayed(scene, burst, found);
    }
}

impl<'a> Burst<'a> {
    fn fail(&mut self, fact: &'a Fact, user: User, window: i64, most: usize) {
        if self.rows.is_empty() {
            self.first = fact.at;
        }
        self.last = Some(fact);
        self.rows.push(fact.row);
        *self.failed.entry(user).or_default() += 1;
        self.recent.push_back((fact.at, user));
        *self.in_window.entry(user).or_default() += 1;
        while let Some((at, old)) = self.recent.front().copied() {
            if at >= fact.at.saturating_sub(window) {
                break;
            }
            self.recent.pop_front();
            if let Some(count) = self.in_window.get_mut(&old) {
                *count -= 1;
                if *count == 0 {
                    self.in_window.remove(&old);
                }
            }
        }
        self.is_spray |= self.in_window.len() >= most.max(2);
    }
}

fn sprayed(scene: &Scene<'_>, burst: Burst<'_>, found: &mut Vec<Finding>) {
    let Some(last) = burst.last.filter(|_| burst.is_spray) else {
        return;
    };
    let entered: HashSet<User> = burst
        .successes
        .iter()
        .filter_map(|fact| fact.user)
        .collect();
    if entered.len() * OFFICE_SHARE > burst.failed.len() {
        return;
    }
    let ip = scene.facts.text(last.text.ip).map(Untrusted::ident);
    let ip = ip.unwrap_or_default();
    let users = burst.failed.len();
    let span = minutes(last.at - burst.first);
    let mut told = HashSet::new();
    for fact in burst.successes {
        let Some(user) = fact.user.filter(|user| told.insert(*user)) else {
            continue;
        };
        let standing = scene.baseline.standing(fact.row);
        let tried = burst.failed.contains_key(&user);
        let confidence = if standing.is_usual(fact) {
            Confidence::Low
        } else if tried || standing.is_unusual(fact) {
            Confidence::High
        } else {
            Confidence::Medium
        };
        let reason = safe!(
            "{} failed for {} users in {}, then signed in",
            ip,
            users,
            span
        );
        let until = burst.rows.partition_point(|row| *row < fact.row);
        let before = burst.rows.iter().take(until).rev();
        let mut rows: Vec<usize> = before.take(super::MOST_EVIDENCE).copied().collect();
        rows.reverse();
        rows.push(fact.row);
        found.push(scene.finding(
            Rule::PasswordSpray,
            fact,
            Some(user),
            rows,
            reason,
            confidence,
        ));
    }
    let subject = scene
        .subject()
        .filter(|user| burst.failed.contains_key(user));
    if told.is_empty() || subject.is_some_and(|user| !told.contains(&user)) {
        let reason = safe!("{} failed for {} users in {}, no success", ip, users, span);
        let level = if subject.is_some() {
            Confidence::Low
        } else {
            Confidence::Medium
        };
        found.push(scene.finding(
            Rule::PasswordSpray,
            last,
            subject,
            burst.rows,
            reason,
            level,
        ));
    }
}
