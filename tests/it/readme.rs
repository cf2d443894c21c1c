//! What the README says is true: its guide is played, its table and configuration are read, what it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use quell::app::command::COMMANDS;
use quell::app::keymap::Keymap;
use quell::app::model::{Found, Layer, Load, Model};
use quell::cli::drill::write_places;
use quell::config::parse::parse;
use quell::domain::containment::standing::Standing;
use quell::domain::timeline::finding::Rule;

use crate::harness::app::{TestApp, company};

const README: &str = include_str!("../../README.md");

/// Gives what stands between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text
        .split_once(from)
        .unwrap_or_else(|| panic!("no {from} in the README"));
    rest.split_once(to)
        .unwrap_or_else(|| panic!("no {to} after {from} in the README"))
        .0
}

/// Lists what stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn below(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// The keys of the guide in their order, as its table names them.
fn guide() -> Vec<&'static str> {
    between(README, "## The first incident", "Now watch.")
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(2))
        .flat_map(quoted)
        .collect()
}

#[test]
fn the_keys_are_those_of_the_program() {
    let mut table = Vec::new();
    quell::cli::keys::table(&Keymap::default(), true, &mut table).expect("memory takes it");
    let shown = between(README, "<!-- keys -->\n", "<!-- /keys -->");
    assert_eq!(
        shown,
        String::from_utf8_lossy(&table),
        "print it anew with `quell keys --markdown`"
    );
}

#[test]
fn the_configuration_parses_without_a_warning() {
    let text = between(README, "<!-- sample -->\n```toml\n", "```");
    let known: Vec<&str> = COMMANDS.iter().map(|spec| spec.id).collect();
    let parsed = parse(text, "README.md", &known).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(parsed.warnings, []);
    assert_eq!(parsed.settings.connections.len(), 3);
}

#[test]
fn the_commands_named_are_there() {
    let named = README
        .lines()
        .filter_map(|line| line.strip_prefix("cargo run --release -- "))
        .chain(
            quoted(README)
                .into_iter()
                .filter_map(|code| code.strip_prefix("quell ")),
        );
    let mut checked = BTreeSet::new();
    for command in named {
        let words: Vec<&str> = command
            .split(' ')
            .filter(|word| word.chars().any(char::is_lowercase))
            .collect();
        let help = Command::new(env!("CARGO_BIN_EXE_quell"))
            .args(&words)
            .arg("--help")
            .output()
            .expect("the program starts");
        assert!(help.status.success(), "quell {command}: {help:?}");
        checked.insert(words.first().copied().unwrap_or_default());
    }
    assert!(
        ["drill", "audit", "init", "keys"]
            .iter()
            .all(|one| checked.contains(one)),
        "{checked:?}"
    );
}

#[test]
fn the_tests_and_pictures_named_are_there() {
    let promises = between(README, "## What is promised", "## What it does not do yet");
    let mut names = 0;
    for line in promises.lines().filter(|line| line.starts_with('|')) {
        for name in line.split('|').nth(2).map(quoted).unwrap_or_default() {
            let (module, test) = name.split_once("::").unwrap_or((name, ""));
            if module == "tests/it" {
                continue;
            }
            let text = fs::read_to_string(below("tests/it").join(format!("{module}.rs")))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(text.contains(&format!("fn {test}")), "{name} is gone");
            names += 1;
        }
    }
    assert!(names > 10, "only {names} tests were read from the table");
    let pictures: Vec<&str> = README
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(path, _)| path)
        .collect();
    assert!(!pictures.is_empty());
    for path in pictures {
        let found = fs::metadata(below(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(found.len() < 150_000, "{path} is too large for a README");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_contains_the_attacker() {
    let keys = guide();
    let login = keys.iter().position(|key| key.contains('@'));
    let login = login.expect("the guide has a name to type");
    assert!(keys.len() <= 11, "ten keys and a name: {keys:?}");
    let (drill, state) = (
        company().await,
        tempfile::tempdir().expect("a temporary directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    let chord = |key: &str| match key {
        "Enter" | "Tab" => format!("<{key}>"),
        other => other.to_owned(),
    };
    for (place, key) in keys.iter().enumerate() {
        app.keys(&chord(key));
        if place == 0 {
            let model = app
                .until("account, activity and actions are there", |model| {
                    model.open.as_ref().is_some_and(|open| {
                        matches!(&open.account, Load::Ready(Found::One(_), _))
                            && open.activity.ended.is_some()
                    }) && !model.offers.is_empty()
                })
                .await;
            let rules: Vec<Rule> = model
                .open
                .iter()
                .flat_map(|open| open.activity.findings.iter().map(|finding| finding.rule))
                .collect();
            // The guide tells of this one; the others of the story are the findings' own tests.
            assert_eq!(rules.first(), Some(&Rule::BruteForce));
        }
        if place + 1 == login {
            app.until("the dialog is open", |model| {
                matches!(model.layers.last(), Some(Layer::Confirm { .. }))
            })
            .await;
            app.clock.advance(Duration::from_secs(1));
        }
    }
    let done = |model: &Model| {
        matches!(model.standing(), Some(Standing::Contained { .. }))
            && model
                .ledger
                .actions()
                .all(|action| action.comment.is_some())
    };
    app.until("contained and documented", done).await;
    write_places(state.path(), &drill).expect("the folder is there");
    match Command::new("curl")
        .arg("-sK")
        .arg(state.path().join("comments.curl"))
        .output()
    {
        Ok(answer) => {
            let said = String::from_utf8_lossy(&answer.stdout);
            assert!(
                said.contains("Containment record") && said.contains("Account is contained."),
                "{said}"
            );
        }
        Err(_) => println!("not run: the guide's question to the case system (missing curl)"),
    }
    drill.advance(1);
    assert!(!drill.attacker_inside());
    app.end().await;
    let code = quell::cli::audit::verify(&state.path().join("audit"), false, &mut Vec::new());
    assert_eq!(code.ok(), Some(0));
}
