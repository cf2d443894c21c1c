//! What the rules find in generated logs whose stories are known: every attack, and nothing grave of the harmless.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use quell::app::actions::{Choice, offered_first};
use quell::connect::logs::{Read, read_log};
use quell::domain::likelihood::{Likelihood, proposal};
use quell::domain::text::Untrusted;
use quell::domain::timeline::activity::{Activity, Event, Outcome};
use quell::domain::timeline::event::{Geo, Party};
use quell::domain::timeline::finding::{Confidence, Context, Finding, Rule, Tuning, detect};

use crate::harness::shared;
use crate::scene;

/// The reviewed table: file, counterparts with a tilde between them, with what, tests, agreed, tests of vendors without a
/// decoder, why not.
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

/// One finding of ours that says the same as a rule of others: `rule>=confidence:word`, the word out of its reason or out
/// of the action of the event that decided it.
struct Counterpart {
    rule: String,
    least: Confidence,
    word: String,
}

impl Counterpart {
    fn of(text: &str) -> Self {
        let (head, word) = text.split_once(':').unwrap_or((text, ""));
        let (rule, level) = head.split_once(">=").unwrap_or((head, "low"));
        let all = [Confidence::Low, Confidence::Medium, Confidence::High];
        let least = all.into_iter().find(|one| one.key() == level);
        assert!(Rule::ALL.iter().any(|one| one.id() == rule), "{text}");
        Self {
            rule: rule.to_owned(),
            least: least.unwrap_or_else(|| panic!("{text}: no such confidence")),
            word: word.to_owned(),
        }
    }

    fn is(&self, activity: &Activity, finding: &Finding) -> bool {
        let row = activity.row(finding.row);
        let action = row.and_then(|row| row.action()).map(Untrusted::raw);
        let says = |text: &str| text.contains(&self.word);
        finding.rule.id() == self.rule
            && finding.confidence >= self.least
            && (says(finding.reason.as_str()) || says(action.unwrap_or_default()))
    }
}

/// What a test takes for granted, or leaves out because no rule of others reads it.
#[derive(Default)]
struct With {
    /// Ours looks at failures that end in a success: after the last one that went well.
    success_after: bool,
    /// Each of the many is another user's, all from one address: their threshold counts the tenant's.
    other_users: bool,
    /// Their journeys have no least length.
    travel_km: Option<u32>,
}

impl With {
    fn of(text: &str) -> Self {
        let mut with = Self::default();
        for word in text.split(", ").filter(|word| *word != "-") {
            match word.split_once('=') {
                None if word == "a success after" => with.success_after = true,
                None if word == "other users" => with.other_users = true,
                Some(("travel_km", km)) => with.travel_km = km.parse().ok(),
                _ => panic!("{word}: not known"),
            }
        }
        with
    }
}

/// Types of log that no decoder is for; each is named, so that what a decoder fails at cannot hide among them.
const OTHER_VENDORS: [&str; 9] = [
    "Asana.Audit",
    "Atlassian.Audit",
    "Box.Event",
    "GCP.AuditLog",
    "GitHub.Audit",
    "Notion.AuditLogs",
    "OnePassword.SignInAttempt",
    "Zendesk.Audit",
    "Zoom.Activity",
];

/// How the tests of one file go.
#[derive(Default)]
struct Counted {
    tests: usize,
    agreed: usize,
    /// Tests with records of vendors without a decoder.
    others: usize,
    /// The tests that do not agree, for whoever works on it.
    missed: Vec<String>,
}

/// Counts the tests of one file whose expectation is met: a counterpart fires where an alert is expected, none elsewhere.
fn counted(file: &Path, counterparts: &[Counterpart], with: &With) -> Option<Counted> {
    let text = std::fs::read_to_string(file).ok()?;
    let whole: serde_json::Value = serde_json::from_str(&text).ok()?;
    let threshold = whole["threshold"].as_u64().unwrap_or(1).max(1);
    let mut counted = Counted::default();
    for test in whole["tests"].as_array()? {
        let kind = test["log"]["p_log_type"].as_str().unwrap_or_default();
        if OTHER_VENDORS.contains(&kind) {
            counted.others += 1;
            continue;
        }
        counted.tests += 1;
        let fires = fires(test, threshold, counterparts, with);
        if test["expected_alert"].as_bool() == Some(fires) {
            counted.agreed += 1;
        } else {
            let name = test["name"].as_str().unwrap_or_default();
            counted.missed.push(format!("{}: {name}", file.display()));
        }
    }
    Some(counted)
}

fn fires(
    test: &serde_json::Value,
    threshold: u64,
    counterparts: &[Counterpart],
    with: &With,
) -> bool {
    let line = test["log"].to_string();
    let one = read_log(line.as_bytes(), None).events;
    let mut activity = Activity::default();
    let mut all: Vec<Event> = one.first().map_or_else(Vec::new, |one| before(test, one));
    let seconds = |at: u64| chrono::Duration::seconds(i64::try_from(at).unwrap_or_default());
    for at in 0..threshold {
        all.extend(one.iter().cloned().map(|mut event| {
            event.id = Untrusted::new(format!("e{at:04}"));
            event.at += seconds(at);
            if with.other_users {
                // Records of tests are cut down to what their rule reads: a sign-in has a time and an address.
                event.untimed = false;
                event.ip = event.ip.or_else(|| Some("198.51.100.9".into()));
                event.user = Party {
                    name: Some(Untrusted::new(format!("user{at}"))),
                    ..Party::default()
                };
            }
            event
        }));
    }
    if with.success_after {
        all.extend(one.first().map(|one| Event {
            id: "end".into(),
            at: one.at + seconds(threshold),
            outcome: Outcome::Success,
            ..one.clone()
        }));
    }
    activity.extend(all);
    let limit = usize::try_from(threshold).unwrap_or(1).max(2);
    let defaults = Tuning::default();
    let tuning = Tuning {
        downloads: limit,
        // Of so many prompts the last one may still be answered.
        prompts: (limit - 1).max(2),
        failures: limit,
        spray_users: limit,
        travel_km: with.travel_km.unwrap_or(defaults.travel_km),
        ..defaults
    };
    let found = detect(&activity, &tuning, &Context::default());
    found
        .iter()
        .any(|one| counterparts.iter().any(|like| like.is(&activity, one)))
}

/// The expectations of detection rules of others are met where a rule of ours has the same subject; every file of them
/// is in the table, also those without one. `QUELL_UPDATE=1` writes the counts anew.
#[test]
fn expectations_of_others_are_met_where_a_rule_has_the_same_subject() {
    let test = "expectations_of_others_are_met_where_a_rule_has_the_same_subject";
    let Some(folder) = shared(test) else { return };
    let folder = folder.join("corpus/events/panther-analysis");
    let table = std::fs::read_to_string(TABLE).unwrap_or_default();
    let mut now = String::new();
    let mut named = BTreeSet::new();
    // Each that does not agree says why, and no other one does.
    let mut unexplained = Vec::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let [file, counterparts, with, _, _, _, why] = cells[..] else {
            panic!("{line}: seven cells");
        };
        if file == "file" {
            now += line;
            now.push('\n');
            continue;
        }
        assert!(named.insert(file.to_owned()), "{file} twice");
        let none = counterparts == "-";
        let wanted: Vec<Counterpart> = counterparts
            .split('~')
            .filter(|_| !none)
            .map(Counterpart::of)
            .collect();
        let path = folder.join(format!("{file}.json"));
        let counted = counted(&path, &wanted, &With::of(with)).unwrap_or_default();
        for missed in &counted.missed {
            if !none {
                println!("not agreed: {missed}");
            }
        }
        let agreed = if none {
            "-".to_owned()
        } else {
            counted.agreed.to_string()
        };
        let is_explained = none || counted.agreed < counted.tests;
        if is_explained == why.is_empty() {
            unexplained.push(file.to_owned());
        }
        let (tests, others) = (counted.tests.to_string(), counted.others.to_string());
        now += &[file, counterparts, with, &tests, &agreed, &others, why].join("\t");
        now.push('\n');
    }
    if std::env::var_os("QUELL_UPDATE").is_some() {
        assert!(std::fs::write(TABLE, &now).is_ok());
    }
    assert_eq!(unexplained, Vec::<String>::new());
    assert_eq!(named, files(&folder), "files without a line");
    assert_eq!(now, table);
}

/// Lists the files of tests, as the table names them.
fn files(folder: &Path) -> BTreeSet<String> {
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let inside =
        folders.filter_map(|one| Some((one.file_name(), std::fs::read_dir(one.path()).ok()?)));
    inside
        .flat_map(|(name, files)| {
            files.flatten().map(move |file| {
                let (folder, file) = (name.to_string_lossy(), file.file_name());
                format!(
                    "{folder}/{}",
                    file.to_string_lossy().trim_end_matches(".json")
                )
            })
        })
        .collect()
}

#[test]
fn a_second_risky_sign_in_puts_the_reset_first() {
    let mut model = scene::open((120, 40));
    for (rule, expected) in [
        (Rule::RiskySignIn, Choice::Revoke),
        (Rule::SecondRiskySignIn, Choice::Reset),
    ] {
        let open = model.open.as_mut().expect("a case");
        open.activity.findings.push(Finding {
            rule,
            at: scene::now().utc,
            row: 0,
            user: None,
            evidence: vec![0],
            reason: "the vendor says so".into(),
            confidence: Confidence::Medium,
        });
        let (place, why) = offered_first(&model).expect("something is offered");
        assert_eq!(Choice::ALL.get(place), Some(&expected), "{why}");
    }
}
