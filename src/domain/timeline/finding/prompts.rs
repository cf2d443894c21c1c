//! Prompts for the second factor that go on until one is accepted.

use std::collections::VecDeque;

use super::facts::Fact;
use super::rule::Rule;
use super::{Confidence, Finding, Scene, minutes};
use crate::domain::timeline::activity::Outcome;
use crate::domain::timeline::event::{Act, Signal};
use crate::safe;

/// Denials of one prompt come with the prompt itself: so many are past doubt, in multiples of the threshold.
const PAST_DOUBT: usize = 2;

/// What one event says of a prompt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prompt {
    Asked,
    Denied,
    Passed,
}

fn prompt(fact: &Fact) -> Option<Prompt> {
    let has = |signal| fact.signals.contains(signal);
    let is_prompt = fact.act == Some(Act::MfaPrompt);
    if has(Signal::MfaDenied) {
        Some(Prompt::Denied)
    } else if has(Signal::MfaPassed) && fact.outcome != Outcome::Failure {
        Some(Prompt::Passed)
    } else if is_prompt && has(Signal::MfaChallenge) {
        Some(Prompt::Asked)
    } else if is_prompt {
        match fact.outcome {
            Outcome::Success => Some(Prompt::Passed),
            Outcome::Failure => Some(Prompt::Denied),
            Outcome::Unknown => Some(Prompt::Asked),
        }
    } else {
        None
    }
}

/// Prompts that were not accepted, oldest first.
#[derive(Default)]
struct Open<'a> {
    prompts: VecDeque<(&'a Fact, Prompt)>,
    asked: usize,
    denied: usize,
}

impl<'a> Open<'a> {
    fn push(&mut self, fact: &'a Fact, prompt: Prompt) {
        self.prompts.push_back((fact, prompt));
        *self.of(prompt) += 1;
    }

    fn pop(&mut self) {
        if let Some((_, prompt)) = self.prompts.pop_front() {
            *self.of(prompt) -= 1;
        }
    }

    fn of(&mut self, prompt: Prompt) -> &mut usize {
        match prompt {
            Prompt::Denied => &mut self.denied,
            Prompt::Asked | Prompt::Passed => &mut self.asked,
        }
    }

    /// Counts what was denied; where the vendor tells only of prompts, all but the last went unanswered.
    fn count(&self) -> usize {
        self.denied.max(self.asked.saturating_sub(1))
    }

    fn first(&self) -> Option<&'a Fact> {
        self.prompts.front().map(|(fact, _)| *fact)
    }

    fn last(&self) -> Option<&'a Fact> {
        self.prompts.back().map(|(fact, _)| *fact)
    }
}

/// Finds many prompts that were denied or not answered, and whether one was accepted at last.
pub(super) fn mfa_fatigue(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let window = scene.tuning.prompt_window.num_milliseconds();
    let least = scene.tuning.prompts.max(2);
    for (user, own) in scene.facts.each_user() {
        let mut open = Open::default();
        for fact in own.filter(|fact| fact.timed) {
            let Some(prompt) = prompt(fact) else {
                continue;
            };
            let is_old = |old: &Fact| fact.at.saturating_sub(old.at) > window;
            if open.last().is_some_and(is_old) {
                refused(scene, &open, user, least, found);
                open = Open::default();
            }
            while open.count() < least && open.first().is_some_and(is_old) {
                open.pop();
            }
            if prompt != Prompt::Passed {
                open.push(fact, prompt);
                continue;
            }
            if open.count() >= least {
                accepted(scene, &open, fact, user, least, found);
            }
            open = Open::default();
        }
        refused(scene, &open, user, least, found);
    }
}

fn accepted(
    scene: &Scene<'_>,
    open: &Open<'_>,
    last: &Fact,
    user: u32,
    least: usize,
    found: &mut Vec<Finding>,
) {
    let count = open.count();
    let span = minutes(last.at - open.first().map_or(last.at, |first| first.at));
    let elsewhere = open
        .prompts
        .iter()
        .map(|(fact, _)| *fact)
        .chain([last])
        .any(|fact| {
            let standing = scene.baseline.standing(fact.row);
            standing.is_unusual(fact)
        });
    let confidence = if elsewhere || count >= least * PAST_DOUBT {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let rows = open
        .prompts
        .iter()
        .map(|(fact, _)| fact.row)
        .chain([last.row])
        .collect();
    let reason = safe!("{} prompts denied in {}, then one accepted", count, span);
    found.push(scene.finding(Rule::MfaFatigue, last, Some(user), rows, reason, confidence));
}

/// Tells of prompts that were all denied: somebody has the password.
fn refused(scene: &Scene<'_>, open: &Open<'_>, user: u32, least: usize, found: &mut Vec<Finding>) {
    let count = open.count();
    let (Some(first), Some(last)) = (open.first(), open.last()) else {
        return;
    };
    if count < least {
        return;
    }
    let span = minutes(last.at - first.at);
    let reason = safe!("{} prompts denied in {}, none accepted", count, span);
    let rows = open.prompts.iter().map(|(fact, _)| fact.row).collect();
    found.push(scene.finding(
        Rule::MfaFatigue,
        last,
        Some(user),
        rows,
        reason,
        Confidence::Medium,
    ));
}
