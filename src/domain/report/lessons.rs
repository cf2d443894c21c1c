//! Lessons learned and runbook feedback: questions with the answers that the console knows itself.
//!
//! What must not live here: where the facts come from.

use chrono::{DateTime, Utc};

use super::Lines;
use super::facts::{Facts, ItemWord};
use super::phase::head;
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::safe;

/// One line to be filled in for each recommendation.
const RECOMMENDATION: &str = "what: , owner: , state: open";

/// Composes the questions of the lessons learned.
pub fn compose(facts: &Facts) -> String {
    let mut lines = Lines::default();
    lines.heading(&"Lessons learned".into());
    head(&mut lines, facts);
    lines.section("Timeline of the response", &timeline(facts));
    lines.heading(&"Initial access vector".into());
    for finding in &facts.findings {
        lines.item(&safe!("seen: {}", finding.what));
    }
    lines.heading(&"How it was found".into());
    if let Some((title, at)) = &facts.alert {
        lines.item(&safe!("alert {}, raised {}", title, time_word(*at)));
    }
    lines.heading(&"What worked".into());
    for act in facts.actions.iter().filter(|act| act.proven) {
        lines.item(&act.line);
    }
    lines.heading(&"What failed".into());
    for line in failed(facts) {
        lines.item(&line);
    }
    for gap in ["prevention", "detection", "response"] {
        lines.heading(&safe!("Gaps in {}", gap));
    }
    lines.heading(&"Recommendations".into());
    lines.item(&RECOMMENDATION.into());
    lines.done()
}

/// Composes the questions about the runbook.
pub fn feedback(facts: &Facts) -> String {
    let mut lines = Lines::default();
    lines.heading(&"Runbook feedback".into());
    lines.line(&safe!("Runbook: {}", facts.runbook));
    head(&mut lines, facts);
    lines.heading(&"Was the runbook right for this case?".into());
    lines.heading(&"What was unclear?".into());
    lines.heading(&"What was missing?".into());
    lines.heading(&"What was left out, and why?".into());
    for phase in &facts.phases {
        for item in &phase.items {
            if matches!(item.word, ItemWord::Skipped | ItemWord::NotApplicable) {
                lines.item(&safe!(
                    "{}: {} {}: {}",
                    phase.name,
                    item.label,
                    item.word.word(),
                    item.detail
                ));
            }
        }
    }
    lines.heading(&"Did the tools work?".into());
    for line in failed(facts) {
        lines.item(&line);
    }
    lines.heading(&"Recommendations".into());
    lines.item(&RECOMMENDATION.into());
    lines.done()
}

fn timeline(facts: &Facts) -> Vec<Safe> {
    let mut points: Vec<(DateTime<Utc>, Safe)> = Vec::new();
    points.extend(
        facts
            .alert
            .iter()
            .map(|(_, at)| (*at, "alert raised".into())),
    );
    points.extend(facts.created.map(|at| (at, "case created".into())));
    points.extend(
        facts
            .likelihood
            .iter()
            .map(|(word, at)| (*at, safe!("likelihood judged {}", word))),
    );
    let acts = facts.actions.iter();
    points.extend(acts.filter_map(|act| Some((act.sent?, act.line.clone()))));
    points.sort_by_key(|(at, _)| *at);
    points
        .into_iter()
        .map(|(at, what)| safe!("{} {}", time_word(at), what))
        .collect()
}

/// What this console saw failing: its actions, and its own counters.
fn failed(facts: &Facts) -> Vec<Safe> {
    let mut lines: Vec<Safe> = facts
        .actions
        .iter()
        .filter(|act| !act.proven)
        .map(|act| act.line.clone())
        .collect();
    let since = facts
        .counted_since
        .map(|at| safe!(", counted by this console since {}", time_word(at)))
        .unwrap_or_default();
    lines.extend(facts.troubles.iter().map(|one| safe!("{}{}", one, since)));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::facts::sample;
    use super::*;

    #[test]
    fn the_questions_come_with_what_is_known() {
        let text = compose(&sample());
        for part in [
            "# Initial access vector\n- seen: 16 failed",
            "# How it was found\n- alert Many failures, raised ",
            "# What worked\n- disable account: proven\n",
            "# What failed\n- revoke sessions: unknown\n- okta: 2 refused for the rate (429), counted by this console since ",
            "# Gaps in prevention\n\n# Gaps in detection\n\n# Gaps in response\n",
            "- what: , owner: , state: open\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }

    #[test]
    fn without_failures_nothing_is_filled_in() {
        let mut facts = sample();
        facts.actions.retain(|act| act.proven);
        facts.troubles.clear();
        let text = compose(&facts);
        assert!(
            text.contains("# What failed\n\n# Gaps in prevention"),
            "{text}"
        );
        assert!(feedback(&facts).contains("# Did the tools work?\n\n# Recommendations"));
    }

    #[test]
    fn feedback_names_what_was_left_out() {
        let text = feedback(&sample());
        assert!(
            text.contains("- Containment: Tell the user skipped: no channel\n"),
            "{text}"
        );
        assert!(text.contains("Runbook: Compromised account\n"));
    }

    #[test]
    fn the_timeline_is_in_order() {
        let lines = timeline(&sample());
        assert!(
            lines
                .windows(2)
                .all(|pair| pair[0].as_str() < pair[1].as_str())
        );
        assert_eq!(lines.len(), 5);
    }
}
