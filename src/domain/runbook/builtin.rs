//! The runbooks that quell brings along, embedded in the binary; a configured folder overrides them.

macro_rules! embedded {
    ($($file:literal),*) => {
        &[$((
            $file,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks/", $file)),
        )),*]
    };
}

/// Gives every runbook of our own as file name and text; the first is the default.
pub fn builtin() -> &'static [(&'static str, &'static str)] {
    embedded![
        "compromised-account.md",
        "malicious-process.md",
        "risky-sign-in.md",
        "phishing-mail.md"
    ]
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use rstest::rstest;
    use unicode_width::UnicodeWidthStr;

    use super::super::binding::capabilities;
    use super::super::checklist::Checklist;
    use super::super::library::Library;
    use super::super::lint::examine;
    use super::super::{Phase, Runbook, parse_runbook};
    use super::*;

    /// The checklist pane is narrow: a label of our own runbooks fits it whole.
    const PANE: usize = 34;

    fn runbooks() -> Vec<Runbook> {
        builtin()
            .iter()
            .map(|(file, text)| parse_runbook(text, file))
            .collect()
    }

    #[test]
    fn labels_fit_the_pane() {
        for runbook in runbooks() {
            for step in runbook.phases.iter().flat_map(|phase| &phase.steps) {
                let label = step.label.raw();
                assert!(label.width() <= PANE, "{label}: {}", label.width());
            }
        }
    }

    #[test]
    fn nothing_is_found_in_them() {
        for runbook in runbooks() {
            let file = runbook.file.raw();
            assert_eq!(examine(&Library::shipped(), file), [], "{file}");
        }
    }

    #[test]
    fn six_phases_and_the_feedback() {
        for runbook in runbooks() {
            let picerl: Vec<_> = runbook
                .phases
                .iter()
                .filter_map(|phase| phase.picerl)
                .collect();
            assert_eq!(picerl, Phase::ALL);
            assert_eq!(
                runbook.phases.iter().filter(|phase| phase.feedback).count(),
                1
            );
            assert!(runbook.phases.iter().all(|phase| phase.steps.len() >= 3));
            assert!(runbook.inputs.len() >= 5);
        }
    }

    #[test]
    fn steps_are_told_apart_by_their_keys() {
        for runbook in runbooks() {
            let mut keys: Vec<_> = runbook
                .walk()
                .map(|(_, _, step)| step.key.clone())
                .collect();
            let all = keys.len();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), all);
            assert!(keys.iter().all(|key| !key.as_str().contains('-')));
        }
    }

    /// What a person reads at night, as one page each: read it after every change of the long text.
    #[rstest]
    #[case("compromised_account", 0)]
    #[case("malicious_process", 1)]
    #[case("risky_sign_in", 2)]
    #[case("phishing_mail", 3)]
    fn the_short_list(#[case] name: &str, #[case] place: usize) {
        let runbook = runbooks().remove(place);
        insta::assert_snapshot!(format!("the_short_list_of_{name}"), page(&runbook));
    }

    fn page(runbook: &Runbook) -> String {
        let mut out = String::new();
        for input in &runbook.inputs {
            let optional = if input.optional { " optional" } else { "" };
            let default = input.default.as_ref().map_or("", |default| default.raw());
            writeln!(out, "input {}{optional} {default}", input.name.raw()).unwrap();
        }
        for section in Checklist::derive(runbook).sections {
            let folded = if section.folded { " (folded)" } else { "" };
            writeln!(out, "\n{} {:?}{folded}", section.name.raw(), section.picerl).unwrap();
            for step in &section.steps {
                write!(out, "  {:>3} {:<PANE$}", step.line, step.label.raw()).unwrap();
                if step.gate {
                    write!(out, " gate").unwrap();
                }
                if let Some(condition) = &step.condition {
                    write!(out, " [{}]", condition.raw()).unwrap();
                }
                if let Some(limit) = &step.time_limit {
                    write!(out, " {} min", limit.minutes).unwrap();
                }
                for path in &step.runbooks {
                    write!(out, " -> {}", path.raw()).unwrap();
                }
                for capability in capabilities(step) {
                    write!(out, " {capability:?}").unwrap();
                }
                writeln!(out, "{}", ".".repeat(step.substeps.len())).unwrap();
            }
        }
        out
    }
}
