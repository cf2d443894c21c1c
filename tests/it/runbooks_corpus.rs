//! All runbooks of the corpus as they are read, in a snapshot that was compared with the texts line by line.
//!
//! The snapshot holds no text of the corpus but names of phases and inputs and the first words of labels, each with a
//! hash of the whole label. A line is `LINE LABEL +SUBSTEPS marks #HASH`; the marks are `gate`, `optional`, `if` (it has
//! a condition) and `limit` (it has a time limit).
//!
//! Where a person may read a text otherwise, and why it is read as it is:
//!
//! A text with two numbered phases or more that also has a short list of its own keeps its phases, and the short list
//! counts for its own section; without numbered phases the short list stands for the whole.
//!
//! | Runbook | A person may say | It is read as |
//! |---|---|---|
//! | `IRP-CredCompromise` | seven parts, one of them empty | six: the empty heading has the number of the one below it, which is a notice |
//! | `IRP-CredCompromise`, Prepare | the four items of the escalation path are reference | steps, since they are a numbered list like all others of the phase |
//! | `IRP-CredCompromise`, Contain, Eradicate | bullets below *Filter by*, *determine* are steps | sub-steps of the sentence that orders them; bullets below a sentence that only announces causes or resources are a notice |
//! | `Compromised_IAM_Credentials`, Analysis | five steps | two: the first list says which services the text above it *includes*, which is a notice |
//! | `Compromised_IAM_Credentials`, Containment, step 7 | its sub-steps are numbered | none: they continue a paragraph, so that Markdown has no list there |
//! | `RDS_Public_Access` | six phases with long parts | the four phases of the own list; the text below is its detail |
//! | `T1110.003` | preparation is not a section | a phase, since the code block names it; a notice says so |
//! | `etcdNoLeader` | three diagnoses, one mitigation | two phases without steps: the headings name causes and order nothing |
//! | `RP_0001`, `RA_*` | the workflow above the phases has four steps | not steps: they are rules for all phases, and the phases have their own |
//! | `RA_2202` | an either-or list and two steps | the two numbered steps; the options are a notice |
//! | `RA_6001` | five steps | none: the list says what the report *includes* |
//! | `playbook-phishing` | Remediate is a phase | it is the parent of Contain and Eradicate and has only advice of its own; the help desk's steps stand under *Resources* and are reference |
//! | `SKILL` (compromised account), Lessons learned | nine bullets | two orders with bullets below them |
//! | `runbook_guidelines` | nothing to do | no steps |
//! | `IRP-CredCompromise`, Contain | *Check for MFA devices — if one was registered, act* is conditional | the step has the condition of its heading: what follows the dash says what to do with the answer |
//! | `IRP-CredCompromise`, Contain, *Important* | a note | a step, since it has a number; its first sentence is the label |
//! | `Compromised_IAM_Credentials`, asking the vendor for help | a phase, or steps of Preparation | a notice: the section stands beside the phases and is named like none |
//! | `phishing_response`, Containment, the first three | no gates | gates: the sub-steps below them are confirmed with the analyst |
//! | `suspicious_login_triage`, *Generate Report* | no gate | a gate, since a sub-step asks the analyst; *Else* is a sub-step without a condition of its own |
//! | `find_relevant_soar_case`, *Limitation Note* | a note | a sub-step, as all bullets below a step are |

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use quell::domain::runbook::{Runbook, Step, parse_runbook};
use sha2::{Digest, Sha256};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Gives at most five words, then a hash of the whole.
fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(5).collect();
    let words: String = words.join(" ").chars().take(60).collect();
    let hash = Sha256::digest(text.as_bytes());
    let hash = hash
        .iter()
        .take(3)
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("{words} #{hash}")
}

fn line_of(step: &Step) -> String {
    let mut out = format!("  {} {}", step.line, short(step.label.raw()));
    if !step.substeps.is_empty() {
        write!(out, " +{}", step.substeps.len()).unwrap();
    }
    for (mark, holds) in [
        ("gate", step.gate),
        ("optional", step.optional),
        ("if", step.condition.is_some()),
        ("limit", step.time_limit.is_some()),
        ("role", step.role.is_some()),
    ] {
        if holds {
            write!(out, " {mark}").unwrap();
        }
    }
    for call in &step.tools {
        write!(out, " {}", call.tool.raw()).unwrap();
    }
    out
}

fn outline(out: &mut String, runbook: &Runbook) {
    writeln!(out, " title {}", short(runbook.title.raw())).unwrap();
    for input in &runbook.inputs {
        let alternatives: Vec<&str> = input
            .alternatives
            .iter()
            .map(quell::domain::text::Untrusted::raw)
            .collect();
        write!(out, " input {}", input.name.raw()).unwrap();
        if !alternatives.is_empty() {
            write!(out, " or {}", alternatives.join(" or ")).unwrap();
        }
        if input.optional {
            write!(out, " optional").unwrap();
        }
        if let Some(default) = &input.default {
            write!(out, " = {}", default.raw()).unwrap();
        }
        writeln!(out).unwrap();
    }
    for phase in &runbook.phases {
        let name = phase.name.as_ref().map_or("-", |name| name.raw());
        let picerl = phase.picerl.map_or("-", |phase| phase.code());
        writeln!(
            out,
            " {} {name} ({picerl}): {}",
            phase.line,
            phase.steps.len()
        )
        .unwrap();
        for step in &phase.steps {
            writeln!(out, "{}", line_of(step)).unwrap();
        }
    }
    let notices: Vec<String> = runbook.notices.iter().map(|n| n.line.to_string()).collect();
    writeln!(
        out,
        " runbooks {} documents {} notices {} ({})",
        runbook.linked_runbooks.len(),
        runbook.linked_documents.len(),
        notices.len(),
        notices.join(" ")
    )
    .unwrap();
}

#[test]
fn the_corpus_is_read_as_it_was_reviewed() {
    let Some(shared) = crate::harness::shared("the_corpus_is_read_as_it_was_reviewed") else {
        return;
    };
    let folder = shared.join("corpus/runbooks");
    let mut found = Vec::new();
    files(&folder, &mut found);
    found.sort();
    assert!(found.len() >= 38, "{} files", found.len());
    let mut out = String::new();
    for path in &found {
        let name = path.file_name().unwrap().to_string_lossy();
        let text = fs::read_to_string(path).unwrap();
        writeln!(out, "{name}").unwrap();
        outline(&mut out, &parse_runbook(&text, &name));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn unrelated_paragraphs_of_the_corpus_move_without_a_change_of_the_steps() {
    let test = "unrelated_paragraphs_of_the_corpus_move_without_a_change_of_the_steps";
    let Some(shared) = crate::harness::shared(test) else {
        return;
    };
    let mut found = Vec::new();
    files(&shared.join("corpus/runbooks"), &mut found);
    for path in &found {
        let text = fs::read_to_string(path).unwrap();
        // Behind the front matter, where a paragraph belongs to nothing.
        let (front, body) = match text
            .strip_prefix("---\n")
            .and_then(|rest| rest.split_once("\n---\n"))
        {
            Some((front, body)) => (format!("---\n{front}\n---\n"), body),
            None => (String::new(), text.as_str()),
        };
        let moved = format!(
            "{front}\nA paragraph that was elsewhere.\n\nAnd one more.\n\n{body}\n\n# References\n\nAnd one at the end.\n"
        );
        let keys = |text: &str| -> Vec<String> {
            let runbook = parse_runbook(text, "file.md");
            runbook
                .walk()
                .map(|(_, _, step)| step.key.to_string())
                .collect()
        };
        assert_eq!(keys(&text), keys(&moved), "{}", path.display());
    }
}
