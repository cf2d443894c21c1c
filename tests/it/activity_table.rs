//! What a reader finds in records of every vendor, and what the decoders find: the reviewed table.
//!
//! The table names a record of the corpus by file and place; the corpus itself is not part of the project.

use std::fs;
use std::path::Path;

use quell::connect::logs::{Source, read_log};
use quell::domain::text::Untrusted;
use quell::domain::timeline::event::{Event, Party, Term};
use serde_json::Value;

use crate::harness::shared;

/// Columns: file, place, source, time, actor id, actor, affected id, affected, address, outcome, categories, lane, act,
/// signals, action; `-` is nothing.
const TABLE: &str = include_str!("activity_table.tsv");

/// Gives the records of a file of the corpus, each as text.
fn records(folder: &Path, file: &str) -> Vec<String> {
    let text =
        fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let whole: Option<Value> = serde_json::from_str(&text).ok();
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned();
    match whole {
        Some(Value::Array(all)) => all.iter().map(Value::to_string).collect(),
        Some(value) => match list(&value, "tests") {
            Some(tests) => tests.iter().map(|test| test["log"].to_string()).collect(),
            None => list(&value, "Records")
                .unwrap_or_else(|| vec![value])
                .iter()
                .map(Value::to_string)
                .collect(),
        },
        None => text.lines().map(str::to_owned).collect(),
    }
}

fn text(value: Option<&Untrusted>) -> String {
    value.map_or_else(|| "-".to_owned(), |text| text.raw().replace('\t', " "))
}

fn terms<T: Term>(set: quell::domain::timeline::event::Set<T>) -> String {
    let words: Vec<&str> = set.iter().map(Term::key).collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(",")
    }
}

fn columns(event: &Event) -> Vec<String> {
    let at = if event.untimed {
        "-".to_owned()
    } else {
        event.at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    };
    let party = |party: &Party| [text(party.id.as_ref()), text(party.name.as_ref())];
    let mut all = vec![event.source.to_owned(), at];
    all.extend(party(&event.user));
    all.extend(party(&event.target));
    all.extend([
        text(event.ip.as_ref()),
        event.outcome.key().to_owned(),
        terms(event.category),
        event.lane.key().to_owned(),
        event.act.map_or("-", Term::key).to_owned(),
        terms(event.signals),
        text(Some(&event.action)),
    ]);
    all
}

#[test]
fn the_decoders_find_what_a_reader_finds() {
    let Some(shared) = shared("the_decoders_find_what_a_reader_finds") else {
        return;
    };
    let folder = shared.join("corpus/events");
    let mut wrong = Vec::new();
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    for source in Source::ALL {
        let named = rows.iter().any(|row| row.get(2) == Some(&source.key()));
        // The corpus has none of these; their own tests are beside their decoders.
        let without = [Source::Ecs, Source::Keycloak, Source::Udm].contains(&source);
        assert!(named || without, "no record of {}", source.key());
    }
    for row in &rows {
        let [file, place, expected @ ..] = row.as_slice() else {
            panic!("a short row: {row:?}");
        };
        let place: usize = place
            .parse()
            .unwrap_or_else(|error| panic!("{row:?}: {error}"));
        let all = records(&folder, file);
        let Some(record) = all.get(place) else {
            panic!("{file} has no record {place}");
        };
        let log = read_log(record.as_bytes(), None);
        let found = log.events.first().map(columns).unwrap_or_default();
        if found != *expected {
            wrong.push(format!(
                "{file} #{place}\n  reader  {expected:?}\n  program {found:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} of {} differ",
        wrong.join("\n"),
        wrong.len(),
        rows.len()
    );
}

/// Values that plaso's own tests state for the first record of each of its files.
#[test]
fn the_records_of_plaso_have_the_values_its_tests_state() {
    let Some(shared) = shared("the_records_of_plaso_have_the_values_its_tests_state") else {
        return;
    };
    let read = |name: &str| {
        let path = shared.join("corpus/events/plaso").join(name);
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let log = read_log(&bytes, None);
        assert!(log.faults.is_empty(), "{:?}", log.faults);
        log.events
    };
    let trail = read("aws_cloudtrail.jsonl");
    assert_eq!(trail.len(), 6);
    let first = &trail[0];
    assert_eq!(first.at.to_rfc3339(), "2022-02-07T22:23:37+00:00");
    assert_eq!(first.action.raw(), "DescribeInstances");
    assert_eq!(text(first.provider.as_ref()), "ec2.amazonaws.com");
    assert_eq!(text(first.ip.as_ref()), "1.2.3.4");
    assert_eq!(text(first.user.name.as_ref()), "fakeusername");
    assert!(
        first
            .raw
            .raw()
            .contains("arn:aws:iam::012345678901:user/fakeusername")
    );

    let azure = read("azure_activity_log.jsonl");
    assert_eq!(azure.len(), 4);
    let first = &azure[0];
    assert_eq!(first.at.to_rfc3339(), "2022-02-09T03:04:54.297853+00:00");
    assert_eq!(first.action.raw(), "Microsoft.Compute/disks/delete");
    assert_eq!(text(first.ip.as_ref()), "1.2.3.4");
    assert_eq!(
        text(first.user.name.as_ref()),
        "12345678-9abc-defg-hijk-lmnopqrstuvw"
    );

    let audit = read("microsoft_audit_log.jsonl");
    assert_eq!(audit.len(), 4);
    let first = &audit[0];
    assert_eq!(first.at.to_rfc3339(), "2022-05-07T12:55:53+00:00");
    assert_eq!(first.action.raw(), "Install-DefaultSharingPolicy");
    assert_eq!(
        text(first.user.name.as_ref()),
        "NT AUTHORITY\\SYSTEM (Microsoft.Exchange.Servicehost)"
    );
    assert_eq!(first.outcome.key(), "success");
}
