//! What was taken and how far it went: downloads, sharing, sensitive resources, other hosts.

use std::collections::{HashMap, VecDeque};

use super::facts::{Fact, User};
use super::rule::Rule;
use super::suspicion::Suspicions;
use super::{Confidence, Finding, Scene, minutes};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::{Outcome, Sym};
use crate::domain::timeline::event::{Act, Signal};
use crate::domain::timeline::lane::Lane;
use crate::safe;

/// The same resource or host is told once in this time, milliseconds.
const AGAIN: i64 = 86_400_000;

fn weigh(scene: &Scene<'_>, suspicions: &Suspicions, fact: &Fact, user: User) -> Confidence {
    let standing = scene.baseline.standing(fact.row);
    if suspicions.before(fact, user).is_some() {
        Confidence::High
    } else if standing.is_unusual(fact) {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

/// Finds many downloads and much sharing within a short time; each burst once.
pub(super) fn mass(scene: &Scene<'_>, suspicions: &Suspicions, found: &mut Vec<Finding>) {
    for (act, rule, least, what) in [
        (
            Act::Download,
            Rule::MassDownload,
            scene.tuning.downloads,
            "downloads",
        ),
        (Act::Share, Rule::MassSharing, scene.tuning.shares, "shares"),
    ] {
        for (user, own) in scene.facts.each_user() {
            let own = own.filter(|fact| {
                fact.timed && fact.act == Some(act) && fact.outcome != Outcome::Failure
            });
            bursts(scene, own, least.max(2), |burst| {
                let (Some(first), Some(last)) = (burst.first(), burst.last()) else {
                    return;
                };
                let outside = burst
                    .iter()
                    .filter(|fact| fact.signals.contains(Signal::External))
                    .count();
                let span = minutes(last.at - first.at);
                let reason = if outside > 0 {
                    safe!("{} {} in {}, {} outside", burst.len(), what, span, outside)
                } else {
                    safe!("{} {} in {}", burst.len(), what, span)
                };
                let rows = burst.iter().map(|fact| fact.row).collect();
                let confidence = weigh(scene, suspicions, last, user).max(Confidence::Medium);
                found.push(scene.finding(rule, last, Some(user), rows, reason, confidence));
            });
        }
    }
}

/// Gives every run of events of which so many lie within the window.
fn bursts<'a>(
    scene: &Scene<'_>,
    own: impl Iterator<Item = &'a Fact>,
    least: usize,
    mut each: impl FnMut(&[&'a Fact]),
) {
    let window = scene.tuning.volume_window.num_milliseconds();
    let mut recent: VecDeque<&Fact> = VecDeque::new();
    let mut burst: Vec<&Fact> = Vec::new();
    for fact in own {
        while let Some(first) = recent.front() {
            if fact.at.saturating_sub(first.at) <= window {
                break;
            }
            recent.pop_front();
        }
        recent.push_back(fact);
        if burst
            .last()
            .is_some_and(|last| fact.at.saturating_sub(last.at) > window)
        {
            each(&std::mem::take(&mut burst));
        }
        if !burst.is_empty() {
            burst.push(fact);
        } else if recent.len() >= least {
            burst.extend(recent.iter());
        }
    }
    if !burst.is_empty() {
        each(&burst);
    }
}

/// Finds what was read that is named as sensitive, by the vendor or in the configuration.
pub(super) fn sensitive(scene: &Scene<'_>, suspicions: &Suspicions, found: &mut Vec<Finding>) {
    let named = Named::of(scene);
    for (user, own) in scene.facts.each_user() {
        let mut told: HashMap<Sym, i64> = HashMap::new();
        for fact in own.filter(|fact| fact.outcome != Outcome::Failure) {
            let listed = named.contains(fact.text.object);
            if !listed && fact.act != Some(Act::SensitiveAccess) {
                continue;
            }
            let last = told.insert(fact.text.object, fact.at);
            if last.is_some_and(|at| fact.timed && fact.at.saturating_sub(at) < AGAIN) {
                continue;
            }
            let object = scene.facts.text(fact.text.object).map(Untrusted::field);
            let object = object.unwrap_or_else(|| Safe::fixed("a sensitive resource"));
            let reason = if listed {
                safe!("{}: on the list of sensitive resources", object)
            } else {
                safe!("{} was read", object)
            };
            let confidence = weigh(scene, suspicions, fact, user);
            let rows = vec![fact.row];
            found.push(scene.finding(
                Rule::SensitiveAccess,
                fact,
                Some(user),
                rows,
                reason,
                confidence,
            ));
        }
    }
}

/// Objects whose name holds one of the configured words.
struct Named {
    of_sym: Vec<bool>,
}

impl Named {
    fn of(scene: &Scene<'_>) -> Self {
        let words: Vec<String> = scene
            .tuning
            .sensitive
            .iter()
            .map(|word| word.to_lowercase())
            .filter(|word| !word.is_empty())
            .collect();
        let mut of_sym = vec![None; scene.facts.activity.symbol_count()];
        if words.is_empty() {
            return Self { of_sym: Vec::new() };
        }
        for fact in &scene.facts.all {
            let slot = of_sym.get_mut(fact.text.object.number());
            let text = scene.facts.text(fact.text.object);
            if let (Some(slot @ None), Some(text)) = (slot, text) {
                let text = text.raw().to_lowercase();
                *slot = Some(words.iter().any(|word| text.contains(word.as_str())));
            }
        }
        Self {
            of_sym: of_sym.into_iter().map(|one| one == Some(true)).collect(),
        }
    }

    fn contains(&self, object: Sym) -> bool {
        self.of_sym.get(object.number()).copied().unwrap_or(false)
    }
}

/// Finds that another host or identity was entered; each once.
pub(super) fn lateral(scene: &Scene<'_>, suspicions: &Suspicions, found: &mut Vec<Finding>) {
    for (user, own) in scene.facts.each_user() {
        let mut told: HashMap<Sym, i64> = HashMap::new();
        for fact in own.filter(|fact| fact.outcome != Outcome::Failure) {
            if fact.act != Some(Act::LateralMovement)
                && !(fact.act.is_none() && fact.lane == Lane::Lateral)
            {
                continue;
            }
            let is_new = !told.contains_key(&fact.text.object);
            let last = told.insert(fact.text.object, fact.at);
            if last.is_some_and(|at| fact.timed && fact.at.saturating_sub(at) < AGAIN) {
                continue;
            }
            let mut confidence = weigh(scene, suspicions, fact, user);
            let judged = scene.baseline.standing(fact.row).judged;
            if is_new && judged {
                confidence = confidence.max(Confidence::Medium);
            }
            let object = scene.facts.text(fact.text.object).map(Untrusted::field);
            let object = object.unwrap_or_else(|| Safe::fixed("another host or identity"));
            let reason = if is_new {
                safe!("{} entered, first time", object)
            } else {
                safe!("{} entered", object)
            };
            let rows = vec![fact.row];
            found.push(scene.finding(
                Rule::LateralMovement,
                fact,
                Some(user),
                rows,
                reason,
                confidence,
            ));
        }
    }
}
