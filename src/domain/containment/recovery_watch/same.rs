//! What of several things another source told of already: each of its entries accounts for one thing.
//!
//! Of what a source has told nothing is kept where another told of it first, so all that it tells now is weighed against all
//! that is on record. Where it is not sure that two are one, both ring. What must not live here: what rings (`judging`).

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::RecoveryWatch;
use super::judging::{ATTACKER, Found};
use crate::domain::audit::WatchSeen;
use crate::domain::text::Untrusted;

/// How near in time two sources must tell of one thing.
const SAME: TimeDelta = TimeDelta::minutes(15);

/// How near where one is a log and the other tells when the thing was made or set: it is the same act then.
const NEAR: TimeDelta = TimeDelta::seconds(30);

/// What a source tells of a thing.
#[derive(Clone, Copy)]
struct Told<'a> {
    key: &'a Untrusted,
    at: DateTime<Utc>,
    text: &'a str,
    /// Whether it is not on record.
    is_new: bool,
}

impl<'a> Told<'a> {
    fn new(one: &'a Found) -> Self {
        Self {
            key: &one.key,
            at: one.at,
            text: one.text.as_str(),
            is_new: true,
        }
    }

    fn known(one: &'a WatchSeen) -> Self {
        Self {
            key: &one.key,
            at: one.at,
            text: one.text.raw(),
            is_new: false,
        }
    }

    /// Gives the name of the thing, where it has one: `inbox rule News`.
    fn name(&self) -> Option<&'a str> {
        let (_, rest) = self.text.split_once(": ")?;
        let ends = [", by ", ", made "];
        let cut = |rest: &'a str, end: &str| rest.split_once(end).map_or(rest, |(name, _)| name);
        Some(ends.into_iter().fold(rest, cut))
    }

    /// Tells whether a list or the account tells when it was made or set.
    fn is_made(&self) -> bool {
        let key = self.key.raw();
        let is_item = key.starts_with("item-");
        let is_timed = self.text.starts_with("new: ") && self.text.contains(", made ");
        is_item && is_timed || key.starts_with("password ")
    }

    fn is_of_log(&self) -> bool {
        let states = ["item-", "password ", "status "];
        !states.iter().any(|word| self.key.raw().starts_with(word))
    }

    /// Gives how far apart two are that may be one: another name, then the time.
    fn apart(&self, other: &Self) -> Option<(bool, TimeDelta)> {
        let time = (self.at - other.at).abs();
        let is_act = self.is_made() && other.is_of_log() || self.is_of_log() && other.is_made();
        let most = if is_act { NEAR } else { SAME };
        let differ = self.name().is_none() || self.name() != other.name();
        (time <= most).then_some((differ, time))
    }
}

/// Lists the keys of what of `new`, which one source tells of, another told of.
pub(super) fn told_elsewhere(
    new: &[Found],
    watch: &RecoveryWatch,
    source: &str,
) -> BTreeSet<Untrusted> {
    let others: BTreeSet<&str> = watch.seen.iter().map(|one| one.source.as_str()).collect();
    let things: BTreeSet<&str> = new.iter().map(|one| one.thing).collect();
    let mut told = BTreeSet::new();
    // What the attacker does is known by its id alone.
    for thing in things.into_iter().filter(|thing| *thing != ATTACKER) {
        let of = |from: &str| {
            let seen = watch.seen.iter();
            let seen = seen.filter(|one| one.thing == thing && one.source == from);
            seen.map(Told::known).collect::<Vec<_>>()
        };
        // What it told of first accounts for an entry of another too.
        let mut own = of(source);
        own.extend(new.iter().filter(|one| one.thing == thing).map(Told::new));
        for other in others.iter().copied().filter(|other| *other != source) {
            let paired = paired(&own, &of(other)).into_iter();
            told.extend(paired.filter(|one| one.is_new).map(|one| one.key.clone()));
        }
    }
    told
}

/// Pairs each with one of the others at most, the nearest first, and gives those that have one.
fn paired<'a>(own: &[Told<'a>], others: &[Told<'_>]) -> Vec<Told<'a>> {
    let mut pairs = Vec::new();
    for (place, one) in own.iter().enumerate() {
        for (theirs, other) in others.iter().enumerate() {
            pairs.extend(one.apart(other).map(|apart| (apart, place, theirs, *one)));
        }
    }
    pairs.sort_by_key(|(apart, place, theirs, _)| (*apart, *place, *theirs));
    let (mut owns, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let mut all = Vec::new();
    for (_, place, theirs, one) in pairs {
        if !owns.contains(&place) && taken.insert(theirs) {
            owns.insert(place);
            all.push(one);
        }
    }
    all
}
