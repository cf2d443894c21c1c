//! What the rules find in generated logs, by kind of story, and how long they take for 100,000 events.
//!
//! Recall is the share of injected attacks of which a finding of the counterpart tells; precision the share of findings
//! of the counterpart, of at least medium confidence, that are about the user of such an attack. An attacker who came in
//! another way has travelled too: findings about the victim of an attack of another kind are counted apart.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use quell::connect::logs::Read;
use quell::domain::likelihood::{Likelihood, proposal};
use quell::domain::text::Untrusted;
use quell::domain::timeline::finding::{Confidence, Context, Tuning, detect};
use serde_json::Value;

/// The rules that tell a kind of story, by their ids.
const KINDS: [(&str, &[&str]); 5] = [
    ("password_spray", &["password_spray"]),
    ("impossible_travel", &["impossible_travel"]),
    ("mfa_fatigue", &["mfa_fatigue"]),
    ("oauth_grant", &["oauth_grant"]),
    ("inbox_forwarding", &["inbox_forwarding", "inbox_rule"]),
];

/// Counts of one kind.
#[derive(Default)]
struct Counts {
    injected: usize,
    found: usize,
    told: usize,
    right: usize,
    /// About the victim of an attack of another kind.
    other: usize,
}

fn generated(seed: u32, events: u32) -> Option<(Vec<u8>, Value)> {
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/tools/gen_events.py");
    let folder = tempfile::tempdir().ok()?;
    let (log, truth) = (folder.path().join("log"), folder.path().join("truth"));
    let users = (events / 100).to_string();
    let made = Command::new("python3")
        .args([tool, "--events", &events.to_string(), "--users", &users])
        .args(["--seed", &seed.to_string(), "--out"])
        .arg(&log)
        .arg("--truth")
        .arg(&truth)
        .status();
    made.is_ok_and(|made| made.success()).then_some(())?;
    let truth = std::fs::read_to_string(truth).ok()?;
    Some((std::fs::read(log).ok()?, serde_json::from_str(&truth).ok()?))
}

fn main() {
    let mut all: BTreeMap<&str, Counts> = BTreeMap::new();
    let (mut decoys, mut grave) = (0, 0);
    for seed in 1..=5 {
        let Some((log, truth)) = generated(seed, 100_000) else {
            println!("not run: findings (missing ../shared or python3)");
            return;
        };
        let activity = Read::of(&log, None).activity;
        let began = Instant::now();
        let findings = detect(&activity, &Tuning::default(), &Context::default());
        let elapsed = began.elapsed();
        println!(
            "seed {seed}: {} events, {} findings, {} ms",
            activity.len(),
            findings.len(),
            elapsed.as_millis()
        );
        let stories = truth["stories"].as_array().cloned().unwrap_or_default();
        let attacked: Vec<&str> = stories
            .iter()
            .filter(|story| story["verdict"] == "attack")
            .filter_map(|story| story["user"].as_str())
            .collect();
        for story in stories.iter().filter(|story| story["verdict"] == "benign") {
            let user = story["user"].as_str().unwrap_or_default();
            let own = findings
                .iter()
                .filter(|one| one.user.as_ref().map(Untrusted::raw) == Some(user));
            decoys += 1;
            grave +=
                usize::from(!attacked.contains(&user) && proposal(own).value >= Likelihood::High);
        }
        for (kind, rules) in KINDS {
            let counts = all.entry(kind).or_default();
            let users: Vec<&str> = stories
                .iter()
                .filter(|story| story["kind"] == kind)
                .filter_map(|story| story["user"].as_str())
                .collect();
            let told = |user: &str| {
                findings.iter().any(|one| {
                    rules.contains(&one.rule.id())
                        && one.user.as_ref().map(Untrusted::raw) == Some(user)
                })
            };
            counts.injected += users.len();
            counts.found += users.iter().filter(|user| told(user)).count();
            for one in &findings {
                if rules.contains(&one.rule.id()) && one.confidence >= Confidence::Medium {
                    let user = one.user.as_ref().map_or("", Untrusted::raw);
                    counts.told += 1;
                    let right = users.contains(&user);
                    counts.right += usize::from(right);
                    counts.other += usize::from(!right && attacked.contains(&user));
                }
            }
        }
    }
    println!("{grave} of {decoys} decoys are proposed HIGH or more");
    println!(
        "kind  injected  found  told at medium or more  of these right  of victims of other kinds"
    );
    for (kind, one) in all {
        println!(
            "{kind}  {}  {}  {}  {}  {}",
            one.injected, one.found, one.told, one.right, one.other
        );
    }
}
