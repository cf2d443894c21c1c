//! Sign-ins the vendor itself calls risky, and the second one within a day, which calls for more.

use super::facts::{Fact, User};
use super::rule::Rule;
use super::{Confidence, Finding, Scene, minutes};
use crate::domain::timeline::activity::Outcome;
use crate::domain::timeline::event::{Act, Signal};
use crate::safe;

/// Records of one and the same sign-in come within this time, milliseconds.
const SAME: i64 = 10 * 60_000;

/// Finds the first and the second risky sign-in of a user.
pub(super) fn risky(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let window = scene.tuning.risky_window.num_milliseconds();
    for (user, own) in scene.facts.each_user() {
        let mut first: Option<&Fact> = None;
        let mut last: Option<&Fact> = None;
        for fact in own.filter(|fact| is_risky(fact)) {
            let same = last.is_some_and(|last| {
                fact.at.saturating_sub(last.at) < SAME || fact.at.saturating_sub(last.at) < 0
            });
            last = Some(fact);
            if same && fact.timed {
                continue;
            }
            let recent =
                first.filter(|first| fact.timed && fact.at.saturating_sub(first.at) <= window);
            first = Some(fact);
            found.push(told(scene, user, fact, recent));
        }
    }
}

fn is_risky(fact: &Fact) -> bool {
    let risk = fact.signals.contains(Signal::RiskMedium) || is_high(fact);
    let detected = fact.act == Some(Act::RiskDetected);
    let counts = fact.is_sign_in() && fact.outcome != Outcome::Failure;
    detected || (risk && counts)
}

fn is_high(fact: &Fact) -> bool {
    fact.signals.contains(Signal::RiskHigh)
}

fn told(scene: &Scene<'_>, user: User, fact: &Fact, first: Option<&Fact>) -> Finding {
    let word = if is_high(fact) {
        "high"
    } else if fact.signals.contains(Signal::RiskMedium) {
        "medium"
    } else {
        "some"
    };
    let unusual = scene.baseline.standing(fact.row).is_unusual(fact);
    let level = match (is_high(fact), fact.signals.contains(Signal::RiskMedium)) {
        (true, _) => Confidence::Medium,
        (false, true) if unusual => Confidence::Medium,
        _ => Confidence::Low,
    };
    match first {
        None => {
            let confidence = if is_high(fact) && unusual {
                Confidence::High
            } else {
                level
            };
            let reason = safe!("the vendor sees a {} risk", word);
            let rows = vec![fact.row];
            scene.finding(
                Rule::RiskySignIn,
                fact,
                Some(user),
                rows,
                reason,
                confidence,
            )
        }
        Some(first) => {
            let reason = safe!(
                "second risky sign-in, {} after the first ({} risk)",
                minutes(fact.at - first.at),
                word
            );
            let rows = vec![first.row, fact.row];
            let confidence = level.raise();
            scene.finding(
                Rule::SecondRiskySignIn,
                fact,
                Some(user),
                rows,
                reason,
                confidence,
            )
        }
    }
}
