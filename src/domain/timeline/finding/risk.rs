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
        let mut tried: Option<i64> = None;
        for fact in own.filter(|fact| is_risky(fact)) {
            if is_attempt(fact) {
                let known = tried.is_some_and(|at| fact.at.saturating_sub(at) <= window);
                if !known || !fact.timed {
                    tried = Some(fact.at);
                    found.push(attempted(scene, user, fact));
                }
                continue;
            }
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
    // A prompt comes after the password: whoever it was refused to has that.
    let prompt = fact.act == Some(Act::MfaPrompt);
    let came_in = fact.is_sign_in() && fact.outcome != Outcome::Failure;
    detected || (risk && (came_in || prompt)) || is_attempt(fact)
}

/// Tells whether nobody came in, and the vendor calls the attempt a high risk.
fn is_attempt(fact: &Fact) -> bool {
    fact.is_sign_in() && fact.outcome == Outcome::Failure && is_high(fact)
}

/// Tells of attempts that failed, once in the time: context, never a first risky sign-in.
fn attempted(scene: &Scene<'_>, user: User, fact: &Fact) -> Finding {
    scene.finding(
        Rule::RiskySignIn,
        fact,
        Some(user),
        vec![fact.row],
        "the vendor sees a high risk in a failed sign-in".into(),
        Confidence::Low,
    )
}

fn is_high(fact: &Fact) -> bool {
    fact.signals.contains(Signal::RiskHigh)
}

fn told(scene: &Scene<'_>, user: User, fact: &Fact, first: Option<&Fact>) -> Finding {
    let word = if is_high(fact) {
        "a high"
    } else if fact.signals.contains(Signal::RiskMedium) {
        "a medium"
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
            let reason = safe!("the vendor sees {} risk", word);
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
