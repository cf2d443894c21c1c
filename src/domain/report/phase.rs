//! The documentation of one phase: findings, assessment, decisions, actions, the list, what is open, what is next.
//!
//! What must not live here: where the facts come from.

use super::Lines;
use super::facts::{Facts, ItemWord, PhaseFacts};
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::safe;

/// Most steps named as next.
const NEXT: usize = 5;

/// Composes the text of a phase, by its index among the phases.
pub fn compose(facts: &Facts, phase: usize) -> String {
    let mut lines = Lines::default();
    let Some(this) = facts.phases.get(phase) else {
        return lines.done();
    };
    lines.heading(&safe!("Phase {}", this.name));
    head(&mut lines, facts);
    findings(&mut lines, facts);
    assessment(&mut lines, facts);
    lines.section("Decisions", &facts.decisions);
    let actions: Vec<Safe> = facts.actions.iter().map(|act| act.line.clone()).collect();
    lines.section("Actions", &actions);
    checklist(&mut lines, this);
    let open: Vec<Safe> = this.open_mandatory().cloned().collect();
    lines.section_or("Open mandatory items of this phase", &open, "None is open.");
    lines.section("Next steps", &next(facts, phase));
    lines.done()
}

/// What every report begins with.
pub(super) fn head(lines: &mut Lines, facts: &Facts) {
    let severity: &'static str = facts
        .severity
        .map_or("severity not known", |one| one.word());
    lines.line(&safe!("{}, {}: {}", facts.case, severity, facts.title));
    if let Some((account, at)) = &facts.account {
        lines.line(&safe!("Account: {} at {}", account, time_word(*at)));
    }
    lines.line(&safe!("Written: {}", time_word(facts.now)));
    // Whatever is said below of actions is by one log.
    for line in facts.others.iter().chain(&facts.beside) {
        lines.line(line);
    }
}

fn findings(lines: &mut Lines, facts: &Facts) {
    lines.heading(&"Findings".into());
    for finding in &facts.findings {
        lines.item(&finding.what);
        for row in &finding.evidence {
            lines.under(row);
        }
        if finding.more > 0 {
            lines.under(&safe!("and {} more in the activity", finding.more));
        }
    }
    match &facts.search {
        None => lines.line(&"The activity of the account was not searched.".into()),
        Some(search) if facts.findings.is_empty() => {
            lines.line(&safe!(
                "The rules of the console found nothing in: {}",
                search
            ));
        }
        Some(search) => lines.item(&safe!("searched: {}", search)),
    }
}

/// How likely it is, and how the account stands.
pub(super) fn assessment(lines: &mut Lines, facts: &Facts) {
    lines.heading(&"Assessment".into());
    match &facts.likelihood {
        Some((word, at)) => lines.item(&safe!(
            "likelihood that somebody else has the account: {}, judged {}",
            word,
            time_word(*at)
        )),
        None => lines.item(&"likelihood: not judged yet".into()),
    }
    if let Some(window) = &facts.window {
        lines.item(&safe!("compromised: {}", window));
    }
    if let Some(standing) = &facts.standing {
        lines.item(&safe!("the account is {}", standing));
    }
    for contained in &facts.contained {
        lines.item(contained);
    }
}

fn checklist(lines: &mut Lines, phase: &PhaseFacts) {
    let settled: Vec<Safe> = phase
        .items
        .iter()
        .filter(|item| item.word != ItemWord::Open)
        .map(|item| {
            let detail = if item.detail.is_empty() {
                Safe::default()
            } else {
                safe!(" ({})", item.detail)
            };
            safe!("{}: {}{}", item.word.word(), item.label, detail)
        })
        .collect();
    lines.section("Checklist", &settled);
}

/// Names what is open after a phase, from its own open items on.
pub(super) fn next(facts: &Facts, from: usize) -> Vec<Safe> {
    let unfinished = facts
        .actions
        .iter()
        .filter(|act| act.unfinished)
        .map(|act| safe!("see to its end: {}", act.line));
    let steps = facts.phases.iter().skip(from).flat_map(|phase| {
        let name = phase.name.clone();
        phase
            .open_mandatory()
            .map(move |label| safe!("{}: {}", name, label))
    });
    unfinished.chain(steps).take(NEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::super::facts::sample;
    use super::*;

    #[test]
    fn a_phase_says_what_is_known_of_it() {
        let text = compose(&sample(), 1);
        for part in [
            "# Phase Containment\n",
            "case #14, CRITICAL: Password spray\n",
            "Account: mara (id 00u at okta), read as SUSPENDED at 2027-01-15 08:09:50Z\n",
            "- 16 failed sign-ins, then a success\n  - FAILURE from 192.0.2.1\n  - and 15 more in the activity\n",
            "HIGH, judged ",
            "# Decisions\n- contain\n",
            "- disable account: proven\n",
            "- done: Revoke (proven)\n- skipped: Tell the user (no channel)\n",
            "# Open mandatory items of this phase\n- Reset the password\n",
            "- see to its end: revoke sessions: unknown\n- Containment: Reset the password\n- Recovery: Enable\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        assert!(
            !text.contains("Tell the manager"),
            "optional ones are not open items"
        );
        assert!(
            !text.contains("Read the case"),
            "another phase's item:\n{text}"
        );
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let mut facts = sample();
        (facts.findings, facts.search, facts.likelihood) = (Vec::new(), None, None);
        (facts.actions, facts.decisions) = (Vec::new(), Vec::new());
        let text = compose(&facts, 0);
        assert!(text.contains("was not searched"), "{text}");
        assert!(text.contains("not judged yet"), "{text}");
        assert!(
            !text.contains("# Actions") && !text.contains("# Decisions"),
            "{text}"
        );
        assert!(compose(&facts, 9).is_empty());
    }

    #[test]
    fn what_is_in_no_log_of_this_host_is_said_at_the_top() {
        let mut facts = sample();
        facts.others = Some("2 records of others".into());
        facts.beside = Some("the log of lap-a holds 3".into());
        let text = compose(&facts, 1);
        let said = "Z\n2 records of others\nthe log of lap-a holds 3\n\n# Findings\n";
        assert!(text.contains(said), "{text}");
    }

    #[test]
    fn a_fact_stays_one_line() {
        let mut facts = sample();
        facts.decisions = vec![crate::domain::text::Untrusted::new("no\n# forged").block()];
        assert!(compose(&facts, 0).contains("- no # forged\n"));
    }
}
