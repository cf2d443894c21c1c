//! The text of an escalation file to the path: all faults at once, each with its line and a hint.
//!
//! What must not live here: reading the file (`store`), who is next (`domain::escalation`).

use std::time::Duration;

use toml::de::DeTable;

use super::duration::show_duration;
use super::fault::{Fault, Faults};
use super::section::{Entry, Section};
use crate::domain::escalation::{Escalation, Rung};
use crate::domain::severity::Severity;
use crate::domain::text::Untrusted;
use crate::safe;

const MOST_STEPS: usize = 50;
const SEVERITIES: [(&str, Severity); 6] = [
    ("informational", Severity::Informational),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
    ("fatal", Severity::Fatal),
];

/// Reads an escalation file; `file` is the name shown in faults.
///
/// # Errors
/// Every fault of the text in its order, never an empty list.
pub fn parse_escalation(text: &str, file: &str) -> Result<Escalation, Vec<Fault>> {
    let mut faults = Faults::new(text, file);
    let (table, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        faults.syntax(&error.span().unwrap_or(0..0), error.message());
    }
    let whole = Section::whole(&table);
    whole.refuse_unknown(&mut faults, &["step"]);
    let hint = "one [[step]] for each: who = \"...\", reach = [\"...\"], after = \"15m\"";
    let steps = whole
        .need(&mut faults, "step", hint.into())
        .map(|entry| parse_steps(&mut faults, &entry))
        .unwrap_or_default();
    faults.finish()?;
    Ok(Escalation { steps })
}

fn parse_steps(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Vec<Rung> {
    let list = entry.list(faults).unwrap_or_default();
    if list.len() > MOST_STEPS {
        entry.fault(faults, safe!("is more than {} steps", MOST_STEPS), None);
        return Vec::new();
    }
    let mut steps: Vec<Rung> = Vec::new();
    for part in &list {
        let Some(section) = part.section(faults) else {
            continue;
        };
        let Some(step) = parse_step(faults, &section) else {
            continue;
        };
        let before = steps.last().map_or(Duration::ZERO, |last| last.after);
        if step.after < before {
            let what = safe!(
                "comes before the step above it, which is {}",
                show_duration(before)
            );
            let hint = "write the steps in the order in which they are called";
            let field = section
                .get("after")
                .map_or(section.field, |after| after.field);
            let span = part.span.clone();
            faults.fault(&span, &field, what, Some(hint.into()));
        }
        steps.push(step);
    }
    steps
}

fn parse_step(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<Rung> {
    section.refuse_unknown(faults, &["who", "reach", "after", "severity", "note"]);
    let who = section
        .need(faults, "who", "who = \"Second analyst on call\"".into())
        .and_then(|entry| entry.text(faults));
    let hint = "reach = [\"phone +49 30 5550199\"]: a way that does not need the identity provider";
    let reach = section
        .need(faults, "reach", hint.into())
        .and_then(|entry| parse_reach(faults, &entry));
    let range = Duration::ZERO..=Duration::from_secs(30 * 86_400);
    let after = section
        .get("after")
        .map(|entry| entry.duration(faults, &range));
    let severity = section
        .get("severity")
        .map(|entry| entry.one_of(faults, &SEVERITIES));
    let note = section.get("note").map(|entry| entry.text(faults));
    Some(Rung {
        who: Untrusted::new(who?),
        reach: reach?,
        after: after.unwrap_or(Some(Duration::ZERO))?,
        severity: severity.map_or(Some(None), |least| least.map(Some))?,
        note: Untrusted::new(note.unwrap_or(Some(""))?),
    })
}

fn parse_reach(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<Vec<Untrusted>> {
    let ways = if entry.is_text() {
        vec![entry.text(faults)?.to_owned()]
    } else {
        entry.texts(faults)?
    };
    if ways.is_empty() {
        entry.fault(faults, "names no way to reach them".into(), None);
        return None;
    }
    Some(ways.into_iter().map(Untrusted::new).collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const GOOD: &str = "[[step]]\nwho = \"Second analyst\"\nreach = \"phone 1\"\n\n[[step]]\nwho = \"Head\"\n\
                        reach = [\"phone 2\", \"pager\"]\nafter = \"15m\"\nseverity = \"high\"\nnote = \"decides\"\n";

    #[test]
    fn a_path_is_read_in_its_order() {
        let path = parse_escalation(GOOD, "e.toml").unwrap();
        let [first, second] = &path.steps[..] else {
            panic!("two steps: {path:?}");
        };
        assert_eq!(
            (first.who.raw(), first.after),
            ("Second analyst", Duration::ZERO)
        );
        assert_eq!(first.severity, None);
        assert_eq!(second.after, Duration::from_secs(900));
        assert_eq!(second.severity, Some(Severity::High));
        assert_eq!(second.reach.len(), 2);
        assert_eq!(second.note.raw(), "decides");
    }

    #[rstest]
    #[case::empty("", "e.toml:1: step: is missing")]
    #[case::no_who("[[step]]\nreach = \"x\"\n", "e.toml:1: step[1].who: is missing")]
    #[case::no_way(
        "[[step]]\nwho = \"x\"\nreach = []\n",
        "e.toml:3: step[1].reach: names no way to reach them"
    )]
    #[case::unit(
        "[[step]]\nwho = \"x\"\nreach = \"y\"\nafter = \"15\"\n",
        "e.toml:4: step[1].after: \"15\" is not a duration"
    )]
    #[case::severity(
        "[[step]]\nwho = \"x\"\nreach = \"y\"\nseverity = \"hihg\"\n",
        "e.toml:4: step[1].severity: \"hihg\" is none of"
    )]
    #[case::field(
        "[[step]]\nwho = \"x\"\nreach = \"y\"\nafer = \"1m\"\n",
        "e.toml:4: step[1].afer: is not a known field"
    )]
    #[case::order(
        "[[step]]\nwho = \"x\"\nreach = \"y\"\nafter = \"2m\"\n[[step]]\nwho = \"x\"\nreach = \"y\"\nafter = \"1m\"\n",
        "e.toml:5: step[2].after: comes before the step above it, which is 2m"
    )]
    #[case::syntax("[[step]\nwho = 1\n", "e.toml:1: syntax: ")]
    #[case::list("step = 3\n", "e.toml:1: step: is a whole number, not a list")]
    fn faults_have_their_line(#[case] text: &str, #[case] expected: &str) {
        let faults = parse_escalation(text, "e.toml").unwrap_err();
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(said[0].starts_with(expected), "{said:#?}");
    }
}
