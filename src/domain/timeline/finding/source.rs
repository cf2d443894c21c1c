//! Sign-ins from a source that is not the user's: country, network, device, program, hidden sources, old protocols.

use std::collections::HashMap;

use super::baseline::{Standing, Trait};
use super::facts::{Fact, User};
use super::rule::Rule;
use super::travel::way;
use super::{Confidence, Finding, Scene};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::{Outcome, Sym};
use crate::domain::timeline::event::Signal;
use crate::safe;

/// The same source is told once in this time, milliseconds.
const AGAIN: i64 = 86_400_000;

/// Finds what is new against the user's own days before.
pub(super) fn novelty(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for (user, own) in scene.facts.each_user() {
        for fact in own.filter(|fact| fact.timed && fact.outcome == Outcome::Success) {
            let standing = scene.baseline.standing(fact.row);
            if !standing.judged || !fact.is_own() {
                continue;
            }
            for (part, rule) in [
                (Trait::Country, Rule::NewCountry),
                (Trait::Network, Rule::NewNetwork),
                (Trait::Device, Rule::NewDevice),
                (Trait::Agent, Rule::NewUserAgent),
            ] {
                if standing.is_first(part) {
                    let reason = reason(scene, fact, part, standing.before);
                    let confidence = level(fact, standing, part);
                    let rows = vec![fact.row];
                    found.push(scene.finding(rule, fact, Some(user), rows, reason, confidence));
                }
            }
        }
    }
}

fn level(fact: &Fact, standing: Standing, part: Trait) -> Confidence {
    let new = |part| standing.is_new(part);
    let other_machine = new(Trait::Agent) || new(Trait::Device);
    match part {
        Trait::Country if other_machine && new(Trait::Network) => Confidence::High,
        Trait::Country if other_machine || !standing.is_own_device(fact) => Confidence::Medium,
        Trait::Network if other_machine && (new(Trait::Country) || fact.is_hidden()) => {
            Confidence::Medium
        }
        _ => Confidence::Low,
    }
}

fn reason(scene: &Scene<'_>, fact: &Fact, part: Trait, before: u32) -> Safe {
    let row = scene.facts.activity.row(fact.row);
    let text = |text: Option<&Untrusted>| text.map_or_else(|| "?".into(), Untrusted::field);
    match part {
        Trait::Country => safe!(
            "first time from {} ({} successes before)",
            text(row.and_then(|row| row.country())),
            before
        ),
        Trait::Network => safe!(
            "first time from AS{} {} ({} successes before)",
            fact.system.unwrap_or_default(),
            text(row.and_then(|row| row.network().organization).as_ref()),
            before
        ),
        Trait::Device => safe!(
            "first time with device {} ({} successes before)",
            text(scene.facts.text(fact.text.device)),
            before
        ),
        Trait::Agent | Trait::Address => safe!(
            "first time with {} ({} successes before)",
            text(scene.facts.text(fact.text.agent)),
            before
        ),
    }
}

/// Finds successes from sources that hide where they are, unless the user usually comes that way.
pub(super) fn anonymising(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for (user, own) in scene.facts.each_user() {
        let mut told: HashMap<(Option<u32>, Sym), i64> = HashMap::new();
        for fact in own.filter(|fact| fact.timed && fact.outcome == Outcome::Success) {
            if !fact.is_hidden() || !fact.is_own() {
                continue;
            }
            let standing = scene.baseline.standing(fact.row);
            let network_is_new = standing.is_new(Trait::Network) || fact.system.is_none();
            if standing.judged && !network_is_new && !standing.is_new(Trait::Address) {
                continue;
            }
            // One network is one source; only where it is not known does the address stand for it.
            let address = match fact.system {
                Some(_) => Sym::default(),
                None => fact.text.ip,
            };
            if let Some(last) = told.insert((fact.system, address), fact.at)
                && fact.at.saturating_sub(last) < AGAIN
            {
                continue;
            }
            found.push(hidden(scene, fact, user, standing));
        }
    }
}

fn hidden(scene: &Scene<'_>, fact: &Fact, user: User, standing: Standing) -> Finding {
    let own = standing.is_own_device(fact);
    let vpn_only = way(fact) == "VPN";
    let confidence = match (fact.signals.contains(Signal::Tor), own || vpn_only) {
        (true, false) => Confidence::High,
        (true, true) | (false, false) => Confidence::Medium,
        (false, true) => Confidence::Low,
    };
    let ip = scene.facts.text(fact.text.ip).map(Untrusted::field);
    let reason = safe!(
        "success through a {}: {}",
        way(fact),
        ip.unwrap_or_default()
    );
    let rows = vec![fact.row];
    scene.finding(
        Rule::AnonymisingNetwork,
        fact,
        Some(user),
        rows,
        reason,
        confidence,
    )
}

/// Finds successes by protocols without a second factor; of a user who always works that way they are of low weight.
pub(super) fn legacy(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for (user, own) in scene.facts.each_user() {
        let mut last: Option<i64> = None;
        let mut before = 0_u32;
        for fact in own {
            if !fact.signals.contains(Signal::LegacyProtocol) || fact.outcome == Outcome::Failure {
                continue;
            }
            let again = last.is_some_and(|at| fact.timed && fact.at.saturating_sub(at) < AGAIN);
            before = before.saturating_add(1);
            if again {
                continue;
            }
            last = fact.timed.then_some(fact.at);
            let standing = scene.baseline.standing(fact.row);
            let confidence = if standing.is_unusual(fact) {
                Confidence::High
            } else if before > 1 {
                Confidence::Low
            } else {
                Confidence::Medium
            };
            let reason = safe!(
                "a protocol without a second factor, {} times before",
                before.saturating_sub(1)
            );
            let rows = vec![fact.row];
            found.push(scene.finding(
                Rule::LegacyProtocol,
                fact,
                Some(user),
                rows,
                reason,
                confidence,
            ));
        }
    }
}
