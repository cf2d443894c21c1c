//! The handover note: what is contained and until when, what is not finished, what is open, who is called.
//!
//! What must not live here: where the facts come from.

use super::Lines;
use super::facts::{Facts, Shift};
use super::phase::{assessment, head, next};
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::safe;

/// Composes the note of one case.
pub fn compose(facts: &Facts) -> String {
    let mut lines = Lines::default();
    lines.heading(&safe!("Handover of {}", facts.case));
    head(&mut lines, facts);
    lines.line(&safe!("Status: {}", facts.status));
    lines.line(&safe!("Handed over by: {}", facts.by));
    assessment(&mut lines, facts);
    lines.section("Decisions", &facts.decisions);
    let [none_unfinished, nothing_changed] = denials(facts);
    let unfinished: Vec<Safe> = facts
        .actions
        .iter()
        .filter(|act| act.unfinished)
        .map(|act| act.line.clone())
        .collect();
    lines.section_or("Unfinished actions", &unfinished, none_unfinished);
    let open: Vec<Safe> = facts
        .phases
        .iter()
        .flat_map(|phase| {
            let name = phase.name.clone();
            phase
                .open_mandatory()
                .map(move |label| safe!("{}: {}", name, label))
        })
        .collect();
    lines.section_or("Open mandatory items", &open, "None is open.");
    lines.section("Nobody is reminded of", &facts.silenced);
    lines.section_or(
        "Changes, and the way back",
        &facts.ways_back,
        nothing_changed,
    );
    lines.section("Sources that are not well", &facts.sources);
    lines.section("Documented in the case", &facts.documented);
    lines.section("Next steps", &next(facts, 0));
    lines.section_or(
        "Who to call",
        &facts.escalation,
        "No escalation path is configured.",
    );
    lines.done()
}

/// What is said where no action is unfinished, and where none has to be undone: neither is denied by a log that was not read
/// to its end.
pub fn denials(facts: &Facts) -> [Safe; 2] {
    if let Some(why) = &facts.unread {
        let line = safe!("Not known: {}.", why);
        return [line.clone(), line];
    }
    [
        safe!("None is unfinished by {}.", facts.log),
        safe!(
            "By {} nothing was changed that would have to be undone.",
            facts.log
        ),
    ]
}

/// Composes the handover of a shift: a few lines for each case. What was done is by one log, and logs beside it may hold more.
pub fn shift(cases: &[Facts], of: &Shift) -> String {
    let mut lines = Lines::default();
    lines.heading(&safe!("Shift handover, {}", time_word(of.now)));
    lines.line(&safe!("Handed over by: {}", of.by));
    if let Some(at) = of.queue {
        lines.line(&safe!("The queue is as read at {}.", time_word(at)));
    }
    lines.line(&safe!(
        "What was done is by {}; what other hosts did stands in the comments of the cases, and not here.",
        of.log
    ));
    if let Some(why) = &of.unread {
        lines.line(&safe!("There may be more: {}.", why));
    }
    if let Some(beside) = &of.beside {
        lines.line(beside);
    }
    let unknown = Safe::join(of.unknown.iter().cloned(), &Safe::fixed("; "));
    match (cases.is_empty(), unknown.is_empty()) {
        (true, true) => lines.line(&"No open case is yours.".into()),
        (true, false) => lines.line(&safe!("Which cases are yours is not known: {}.", unknown)),
        (false, true) => {}
        (false, false) => lines.line(&safe!(
            "Whether more cases are yours is not known: {}.",
            unknown
        )),
    }
    for facts in cases {
        let severity: &'static str = facts
            .severity
            .map_or("severity not known", |one| one.word());
        lines.heading(&safe!("{}, {}: {}", facts.case, severity, facts.title));
        lines.item(&safe!("status: {}", facts.status));
        if let Some((word, at)) = &facts.likelihood {
            lines.item(&safe!("likelihood: {}, judged {}", word, time_word(*at)));
        }
        for line in facts.contained.iter().chain(&facts.decisions) {
            lines.item(line);
        }
        for act in facts.actions.iter().filter(|act| act.unfinished) {
            lines.item(&safe!("unfinished: {}", act.line));
        }
        for line in &facts.silenced {
            lines.item(&safe!("nobody is reminded: {}", line));
        }
        for line in &facts.documented {
            lines.item(&safe!("documented: {}", line));
        }
    }
    lines.done()
}

#[cfg(test)]
mod tests {
    use super::super::facts::sample;
    use super::*;

    #[test]
    fn a_handover_has_what_the_next_one_needs() {
        let text = compose(&sample());
        for part in [
            "# Handover of case #14\n",
            "- mara: contained until 14:20Z\n",
            "# Unfinished actions\n- revoke sessions: unknown\n",
            "# Open mandatory items\n- Containment: Reset the password\n- Recovery: Enable\n",
            "# Changes, and the way back\n- mara is disabled: u enables it\n",
            "# Sources that are not well\n- SIEM: no answer\n",
            "# Who to call\n- on-call lead: +1 555 0100, now\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        assert!(!text.contains("Nobody is reminded"), "nothing is silenced");
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let mut facts = sample();
        (facts.actions, facts.ways_back, facts.escalation) = (Vec::new(), Vec::new(), Vec::new());
        let text = compose(&facts);
        let log = "the log of this host (ana at lap-b)";
        for part in [
            format!("None is unfinished by {log}.\n"),
            format!("By {log} nothing was changed that would have to be undone.\n"),
            "No escalation path is configured.".to_owned(),
        ] {
            assert!(text.contains(&part), "{part:?} is not in:\n{text}");
        }
    }

    #[test]
    fn a_log_that_was_not_read_to_its_end_denies_nothing() {
        let mut facts = sample();
        (facts.actions, facts.ways_back) = (Vec::new(), Vec::new());
        facts.unread = Some("the log is not read to its end".into());
        let text = compose(&facts);
        let said = "Not known: the log is not read to its end.\n";
        assert_eq!(text.matches(said).count(), 2, "{text}");
        assert!(!text.contains("None is unfinished"), "{text}");
        assert!(!text.contains("nothing was changed"), "{text}");
    }

    fn of_shift() -> Shift {
        let facts = sample();
        Shift {
            now: facts.now,
            by: "ana".into(),
            log: facts.log,
            beside: None,
            unread: None,
            queue: Some(facts.now),
            unknown: Vec::new(),
        }
    }

    #[test]
    fn a_shift_names_each_case_once() {
        let of = Shift {
            beside: Some("lap-a holds 3".into()),
            unread: Some("the log is not read to its end".into()),
            ..of_shift()
        };
        let text = shift(&[sample(), sample()], &of);
        assert_eq!(text.matches("# case #14").count(), 2);
        for part in [
            "\nThe queue is as read at 2027-01-15 08:10:00Z.\n",
            "is by the log of this host (ana at lap-b); ",
            "\nThere may be more: the log is not read to its end.\n",
            "\nlap-a holds 3\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        assert!(!text.contains(" yours"), "{text}");
    }

    #[test]
    fn a_shift_denies_no_case_where_the_queue_is_not_known() {
        let none = shift(&[], &of_shift());
        assert!(none.contains("No open case is yours.\n"), "{none}");
        let of = Shift {
            unknown: vec!["hive fails: 503".into(), "kept back".into()],
            ..of_shift()
        };
        let none = shift(&[], &of);
        let line = "Which cases are yours is not known: hive fails: 503; kept back.\n";
        assert!(none.contains(line), "{none}");
        assert!(!none.contains("No open case"), "{none}");
        let some = shift(&[sample()], &of);
        let line = "Whether more cases are yours is not known: hive fails: 503; kept back.\n";
        assert!(some.contains(line), "{some}");
    }
}
