//! Runbooks of other houses, read from ../shared where it is present.

use std::fs;
use std::path::{Path, PathBuf};

use quell::domain::phase::Phase;
use quell::domain::runbook::{Runbook, Step, parse_runbook};

/// Gives the folder of the corpus, or says that the test did not run.
fn corpus(test: &str) -> Option<PathBuf> {
    crate::harness::shared(test).map(|shared| shared.join("corpus/runbooks"))
}

fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn read(folder: &Path, name: &str) -> Runbook {
    let found = markdown_files(folder)
        .into_iter()
        .find(|path| path.file_name().is_some_and(|file| file == name));
    let path = found.unwrap_or_else(|| panic!("no {name} in the corpus"));
    parse_runbook(&fs::read_to_string(path).unwrap(), name)
}

fn counts(runbook: &Runbook) -> Vec<usize> {
    runbook
        .phases
        .iter()
        .map(|phase| phase.steps.len())
        .collect()
}

/// Reduces to letters and digits: what is left when markup, entities and quotes are taken off.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Takes the addresses of links and HTML tags out of Markdown.
fn without_addresses(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once("](") {
        out.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    let mut parts = out.split('<');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('>').map_or(part, |(_, after)| after)
    })
}

/// A row of the table "expected reading" of the corpus: names of phases where it gives them, steps, inputs.
struct Expected {
    file: &'static str,
    phases: &'static [&'static str],
    steps: &'static [usize],
    /// Name, optional.
    inputs: &'static [(&'static str, bool)],
}

const EXPECTED: &[Expected] = &[
    Expected {
        file: "compromised_user_account_response.md",
        phases: &[],
        steps: &[4, 6, 4, 3, 6, 8, 5],
        inputs: &[
            ("USER_ID", false),
            ("CASE_ID", false),
            ("ALERT_GROUP_IDENTIFIERS", false),
            ("INITIAL_ALERT_DETAILS", true),
        ],
    },
    Expected {
        file: "GSPBC-1032 - Resource Development - Compromise Accounts.md",
        phases: &[],
        steps: &[8, 4, 6, 6, 4, 4],
        inputs: &[],
    },
    Expected {
        file: "security_incident_response.md",
        phases: &["Checklist"],
        steps: &[14],
        inputs: &[],
    },
    Expected {
        file: "incident-response-playbook-password-spray.md",
        phases: &[
            "Investigation triggers",
            "Investigation",
            "Mitigations",
            "Recovery",
        ],
        steps: &[6, 12, 8, 8],
        inputs: &[],
    },
    Expected {
        // The table says that several sections hold only TODO, and that the preparation is inside a code fence.
        file: "T1110.003-Password Spraying.md",
        phases: &[
            "Preparation",
            "Investigate",
            "Contain",
            "Eradicate",
            "Communicate",
            "Recover",
            "Lessons Learned",
        ],
        steps: &[7, 2, 0, 0, 0, 0, 2],
        inputs: &[],
    },
    Expected {
        file: "basic_endpoint_triage_isolation.md",
        phases: &["-"],
        steps: &[9],
        inputs: &[
            ("ENDPOINT_ID", false),
            ("ENDPOINT_TYPE", false),
            ("CASE_ID", false),
            ("ALERT_GROUP_IDENTIFIERS", false),
            ("REASON_FOR_TRIAGE", true),
        ],
    },
];

#[test]
fn a_person_reads_the_same_phases_steps_and_inputs() {
    let Some(folder) = corpus("a_person_reads_the_same_phases_steps_and_inputs") else {
        return;
    };
    for expected in EXPECTED {
        let runbook = read(&folder, expected.file);
        assert_eq!(counts(&runbook), expected.steps, "{}", expected.file);
        let names: Vec<&str> = runbook
            .phases
            .iter()
            .map(|phase| phase.name.as_ref().map_or("-", |name| name.raw()))
            .collect();
        if !expected.phases.is_empty() {
            assert_eq!(names, expected.phases, "{}", expected.file);
        }
        let inputs: Vec<(&str, bool)> = runbook
            .inputs
            .iter()
            .map(|input| (input.name.raw(), input.optional))
            .collect();
        assert_eq!(inputs, expected.inputs, "{}", expected.file);
    }
}

#[test]
fn a_response_plan_is_read_with_phases_tools_and_links() {
    let Some(folder) = corpus("a_response_plan_is_read_with_phases_tools_and_links") else {
        return;
    };
    let runbook = read(&folder, "compromised_user_account_response.md");
    let picerl: Vec<Option<Phase>> = runbook.phases.iter().map(|phase| phase.picerl).collect();
    let six = Phase::ALL.map(Some);
    assert_eq!(picerl.get(..6), Some(six.as_slice()));
    assert!(
        runbook
            .phases
            .last()
            .is_some_and(|phase| phase.feedback && phase.picerl.is_none())
    );
    let tools: Vec<&str> = runbook
        .walk()
        .flat_map(|(_, _, step)| step.tools.iter().map(|call| call.tool.raw()))
        .collect();
    for tool in [
        "get_case_full_details",
        "lookup_entity",
        "disable_okta_user",
        "terminate_sessions",
    ] {
        assert!(tools.contains(&tool), "{tool} of {tools:?}");
    }
    let linked: Vec<&str> = runbook
        .linked_runbooks
        .iter()
        .map(|link| link.path.raw())
        .collect();
    assert!(
        linked.contains(&"../common_steps/confirm_action.md"),
        "{linked:?}"
    );
    let documents: Vec<&str> = runbook
        .linked_documents
        .iter()
        .map(|link| link.path.raw())
        .collect();
    assert!(
        documents.contains(&".clinerules/escalation_paths.md"),
        "{documents:?}"
    );
}

#[test]
fn every_label_of_the_corpus_is_in_the_source_at_its_line() {
    let Some(folder) = corpus("every_label_of_the_corpus_is_in_the_source_at_its_line") else {
        return;
    };
    let files = markdown_files(&folder);
    assert!(files.len() >= 30, "{} files", files.len());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let runbook = parse_runbook(&text, "runbook.md");
        for (_, _, step) in runbook.walk() {
            assert_in_source(&path, &runbook, step);
        }
    }
}

fn assert_in_source(path: &Path, runbook: &Runbook, step: &Step) {
    assert!(
        step.lines.contains(&step.line),
        "{}: {:?}",
        path.display(),
        step.label
    );
    let paragraph = letters(&without_addresses(step.paragraph(runbook).raw()));
    let label = letters(step.label.raw().trim_end_matches('…'));
    assert!(
        !label.is_empty() && paragraph.contains(&label),
        "{}:{}: {:?}",
        path.display(),
        step.line,
        step.label
    );
}

#[test]
fn nothing_is_invented_where_there_are_no_steps() {
    let Some(folder) = corpus("nothing_is_invented_where_there_are_no_steps") else {
        return;
    };
    let runbook = read(&folder, "T1110.003-Password Spraying.md");
    let fence = runbook
        .notices
        .iter()
        .any(|n| n.line == 10 && n.text.raw().contains("code block"));
    assert!(fence, "{:?}", runbook.notices);
    let empty = runbook
        .phases
        .iter()
        .filter(|phase| phase.steps.is_empty())
        .count();
    assert_eq!(empty, 4);
    let none = read(&folder, "RA_3101_block_external_ip_address.md");
    assert!(none.phases.is_empty());
    assert!(
        none.notices
            .iter()
            .any(|n| n.text.raw() == "no steps found")
    );
}
