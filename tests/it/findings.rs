//! What the rules find in generated logs whose stories are known: every attack, and nothing grave of the harmless.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use quell::connect::logs::{Read, read_log};
use quell::domain::likelihood::{Likelihood, proposal};
use quell::domain::text::Untrusted;
use quell::domain::timeline::activity::{Activity, Event, Outcome};
use quell::domain::timeline::event::Geo;
use quell::domain::timeline::finding::{Confidence, Context, Finding, Rule, Tuning, detect};

use crate::harness::shared;

/// The reviewed table: file, rules with a tilde between them, tests, agreed, why not.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/findings_panther.tsv");

/// Which rules tell a kind of story.
const COUNTERPARTS: [(&str, &[Rule]); 5] = [
    ("password_spray", &[Rule::PasswordSpray]),
    ("impossible_travel", &[Rule::ImpossibleTravel]),
    ("mfa_fatigue", &[Rule::MfaFatigue]),
    ("oauth_grant", &[Rule::OauthGrant]),
    (
        "inbox_forwarding",
        &[Rule::InboxForwarding, Rule::InboxRule],
    ),
];

/// One injected story.
struct Story {
    kind: String,
    attack: bool,
    user: String,
    events: BTreeSet<String>,
}

/// Makes a log with its truth; `None` where the generator or python is missing.
fn generated(test: &str, seed: u32, events: u32, users: u32) -> Option<(Activity, Vec<Story>)> {
    let tool = shared(test)?.join("tools/gen_events.py");
    let folder = tempfile::tempdir().ok()?;
    let (log, truth) = (folder.path().join("log"), folder.path().join("truth"));
    let made = Command::new("python3")
        .arg(tool)
        .args(["--events", &events.to_string()])
        .args(["--users", &users.to_string()])
        .args(["--seed", &seed.to_string()])
        .arg("--out")
        .arg(&log)
        .arg("--truth")
        .arg(&truth)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("not run: {test} (missing python3)");
        return None;
    }
    Some((activity(&log), stories(&truth)))
}

fn activity(log: &Path) -> Activity {
    let bytes = std::fs::read(log).unwrap_or_default();
    let read = Read::of(&bytes, None);
    assert!(read.faults.is_empty(), "{:?}", read.faults.first());
    read.activity
}

fn stories(truth: &Path) -> Vec<Story> {
    let text = std::fs::read_to_string(truth).unwrap_or_default();
    let truth: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let all = truth["stories"].as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|story| Story {
            kind: text(&story["kind"]),
            attack: story["verdict"] == "attack",
            user: text(&story["user"]),
            events: story["events"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect(),
        })
        .collect()
}

fn user(finding: &Finding) -> &str {
    finding.user.as_ref().map_or("", Untrusted::raw)
}

/// Tells whether a finding is by a rule of the kind, about the user, and rests on an event of the story.
fn tells(activity: &Activity, finding: &Finding, story: &Story) -> bool {
    let rules = COUNTERPARTS.iter().find(|(kind, _)| *kind == story.kind);
    rules.is_some_and(|(_, rules)| rules.contains(&finding.rule))
        && user(finding) == story.user
        && finding.evidence.iter().any(|row| {
            let id = activity.row(*row).and_then(|row| row.id());
            id.is_some_and(|id| story.events.contains(id.raw()))
        })
}

#[test]
fn every_injected_story_is_found_and_no_harmless_user_is_grave_slow() {
    let mut missed = Vec::new();
    let mut wronged = Vec::new();
    for seed in 1..=5 {
        let test = "every_injected_story_is_found_and_no_harmless_user_is_grave_slow";
        let Some((activity, stories)) = generated(test, seed, 8_000, 120) else {
            return;
        };
        let findings = detect(&activity, &Tuning::default(), &Context::default());
        for story in stories.iter().filter(|story| story.attack) {
            if !findings.iter().any(|one| tells(&activity, one, story)) {
                missed.push(format!("seed {seed}: {} of {}", story.kind, story.user));
            }
        }
        let attacked: BTreeSet<&str> = stories
            .iter()
            .filter(|story| story.attack)
            .map(|story| story.user.as_str())
            .collect();
        let mut of_user: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &findings {
            of_user.entry(user(finding)).or_default().push(finding);
        }
        for (user, own) in of_user
            .iter()
            .filter(|(user, _)| !user.is_empty() && !attacked.contains(*user))
        {
            let proposal = proposal(own.iter().copied());
            let high = own.iter().any(|one| one.confidence == Confidence::High);
            if high || proposal.value >= Likelihood::High {
                let told: Vec<String> = own
                    .iter()
                    .map(|one| {
                        format!(
                            "{} {:?} {}",
                            one.rule.id(),
                            one.confidence,
                            one.reason.as_str()
                        )
                    })
                    .collect();
                wronged.push(format!(
                    "seed {seed}: {user} {:?}: {}",
                    proposal.value,
                    told.join("; ")
                ));
            }
        }
    }
    assert_eq!(missed, Vec::<String>::new(), "stories not found");
    assert_eq!(wronged, Vec::<String>::new(), "users without a story");
}

#[test]
fn findings_rest_on_rows_in_order_and_on_the_deciding_one() {
    let test = "findings_rest_on_rows_in_order_and_on_the_deciding_one";
    let Some((activity, _)) = generated(test, 3, 6_000, 40) else {
        return;
    };
    let findings = detect(&activity, &Tuning::default(), &Context::default());
    assert!(findings.len() > 10);
    for finding in &findings {
        assert!(finding.evidence.contains(&finding.row), "{finding:?}");
        assert!(finding.evidence.is_sorted(), "{finding:?}");
        assert!(!finding.reason.as_str().is_empty());
    }
}

/// Gives the sign-ins that a test says were there before, in the words of the store that it mocks.
fn before(test: &serde_json::Value, now: &Event) -> Vec<Event> {
    let told = |mock: &serde_json::Value| -> Option<Vec<Event>> {
        let is_store = mock["objectName"] == "get_string_set";
        let text = mock["returnValue"].as_str().filter(|_| is_store)?;
        let all: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
        all.iter().map(|one| sign_in(one, now)).collect()
    };
    let mocks = test["mocks"].as_array().into_iter().flatten();
    mocks.filter_map(told).flatten().collect()
}

fn sign_in(told: &serde_json::Value, now: &Event) -> Option<Event> {
    let at = told["p_event_time"].as_str()?.replace(' ', "T");
    let degrees = |name: &str| told[name].as_str()?.parse::<f64>().ok();
    Some(Event {
        id: "before".into(),
        at: at.parse::<chrono::NaiveDateTime>().ok()?.and_utc(),
        ip: None,
        geo: Geo {
            city: told["city"].as_str().map(Untrusted::new),
            country_iso: told["country"].as_str().map(Untrusted::new),
            point: Geo::at(degrees("lat")?, degrees("lng")?),
            ..Geo::default()
        },
        ..now.clone()
    })
}

/// Gives what our rule wants after so many failures: that one went well.
fn end(one: &Event, rules: &[&str], threshold: u64) -> Option<Event> {
    let after = chrono::Duration::seconds(i64::try_from(threshold).ok()?);
    rules.contains(&"brute_force").then(|| Event {
        id: "end".into(),
        at: one.at + after,
        outcome: Outcome::Success,
        ..one.clone()
    })
}

/// Counts the tests of one file whose expectation the rules meet: a rule fires where an alert is expected, none elsewhere.
fn agreed(file: &Path, rules: &[&str]) -> Option<(usize, usize)> {
    let text = std::fs::read_to_string(file).ok()?;
    let whole: serde_json::Value = serde_json::from_str(&text).ok()?;
    let threshold = whole["threshold"].as_u64().unwrap_or(1).max(1);
    let tests = whole["tests"].as_array()?;
    let meets = |test: &&serde_json::Value| {
        let line = test["log"].to_string();
        let one = read_log(line.as_bytes(), None).events;
        let mut activity = Activity::default();
        let mut repeated: Vec<Event> = one.first().map_or_else(Vec::new, |one| before(test, one));
        for at in 0..threshold {
            repeated.extend(one.iter().cloned().map(|mut event| {
                event.id = Untrusted::new(format!("e{at:04}"));
                event.at += chrono::Duration::seconds(i64::try_from(at).unwrap_or_default());
                event
            }));
        }
        let ends = one.first().and_then(|one| end(one, rules, threshold));
        repeated.extend(ends);
        activity.extend(repeated);
        let limit = usize::try_from(threshold).unwrap_or(1).max(2);
        let tuning = Tuning {
            downloads: limit,
            // Of so many prompts the last one may still be answered.
            prompts: (limit - 1).max(2),
            failures: limit,
            ..Tuning::default()
        };
        let found = detect(&activity, &tuning, &Context::default());
        let fires = found.iter().any(|one| rules.contains(&one.rule.id()));
        test["expected_alert"].as_bool() == Some(fires)
    };
    Some((tests.len(), tests.iter().filter(meets).count()))
}

/// The expectations of detection rules of others are met where a rule of ours has the same subject; `QUELL_UPDATE=1`
/// writes the counts anew.
#[test]
fn expectations_of_others_are_met_where_a_rule_has_the_same_subject() {
    let test = "expectations_of_others_are_met_where_a_rule_has_the_same_subject";
    let Some(folder) = shared(test) else { return };
    let folder = folder.join("corpus/events/panther-analysis");
    let table = std::fs::read_to_string(TABLE).unwrap_or_default();
    let mut now = String::new();
    for line in table.lines() {
        if line.starts_with("file\t") {
            now += line;
            now.push('\n');
            continue;
        }
        let cells: Vec<&str> = line.split('\t').collect();
        let [file, rules, _, _, why] = cells[..] else {
            now.push_str(line);
            now.push('\n');
            continue;
        };
        let rules: Vec<&str> = rules.split('~').collect();
        let counts = agreed(&folder.join(format!("{file}.json")), &rules);
        let (tests, met) = counts.unwrap_or_default();
        let rules = rules.join("~");
        now += &[file, &rules, &tests.to_string(), &met.to_string(), why].join("\t");
        now.push('\n');
    }
    if std::env::var_os("QUELL_UPDATE").is_some() {
        assert!(std::fs::write(TABLE, &now).is_ok());
    }
    assert!(table.lines().count() > 20);
    assert_eq!(now, table);
}
