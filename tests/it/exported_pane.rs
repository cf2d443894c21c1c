//! `quell activity` on a terminal: the pane of the console over exported logs, and what its keys cannot do.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::harness::pty::Pty;
use crate::wire::first_forbidden;

fn event(id: &str, at: &str, user: &str, good: bool, city: &str, ip: &str) -> String {
    let result = if good { "SUCCESS" } else { "FAILURE" };
    json!({"uuid": id, "eventType": "user.session.start", "published": at, "outcome": {"result": result},
           "actor": {"id": format!("id-{user}"), "alternateId": format!("{user}@example.com")},
           "client": {"ipAddress": ip, "userAgent": {"rawUserAgent": "ua"},
                      "geographicalContext": {"city": city, "country": "X"}}})
    .to_string()
}

/// Six failures and a success of Mara, one sign-in of Ben, one line that is no record.
fn log(folder: &Path) {
    let mut lines: Vec<String> = (0..6)
        .map(|n| {
            let at = format!("2026-11-20T01:00:0{n}Z");
            event(&format!("f{n}"), &at, "mara", false, "Lagos", "203.0.113.9")
        })
        .collect();
    lines.push(event(
        "won",
        "2026-11-20T01:01:00Z",
        "mara",
        true,
        "Lagos",
        "203.0.113.9",
    ));
    lines.push(event(
        "ben",
        "2026-11-20T09:30:00Z",
        "ben",
        true,
        "Berlin",
        "198.51.100.7",
    ));
    lines.push("{broken".to_owned());
    fs::write(folder.join("export.jsonl"), lines.join("\n")).unwrap();
}

#[test]
fn exported_logs_open_the_pane_and_nothing_can_be_done_there() {
    let home = tempfile::tempdir().unwrap();
    log(home.path());
    let mut pty = Pty::start(home.path(), &["activity", "export.jsonl"], (120, 40));
    pty.shows("8 events")
        .shows("export.jsonl")
        .shows("all users");
    pty.shows("READ ONLY")
        .shows("1 bad record: line 9: no JSON");
    pty.shows("! mara@example.com: 6 failures, then success");
    pty.keys("n<Enter>").shows("MITRE ATT&CK T1110");
    pty.keys("<Esc>").until("the finding is closed", |text| {
        !text.contains("T1110  confidence")
    });
    pty.keys("c")
        .shows("nothing can be done to an account here");
    pty.keys("1").shows("exported logs have this one pane only");
    pty.keys("l")
        .shows("that belongs to a case; exported logs have none");
    pty.keys("r").shows("there is no source to ask");
    pty.keys("G<Enter>").shows("\"uuid\": \"ben\"");
    pty.keys("<Esc>")
        .until("the record is closed", |text| !text.contains("\"uuid\""));
    pty.keys("q");
    let ended = pty.end_restored();
    assert_eq!(ended.code, 2, "{}", ended.text);
    assert!(ended.text.contains("not read: line 9"), "{}", ended.text);
    // Nothing was written beside the log: no state, no audit log.
    let left: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["export.jsonl"]);
}

#[test]
fn one_user_of_exported_logs_has_a_likelihood() {
    let home = tempfile::tempdir().unwrap();
    log(home.path());
    let arguments = ["activity", "export.jsonl", "--user", "mara@example.com"];
    let mut pty = Pty::start(home.path(), &arguments, (80, 24));
    pty.shows("7 events").shows("likelihood proposed");
    assert!(!pty.screen().contents().contains("ben@example.com"));
    pty.keys("q");
    pty.end_restored();
}

/// In little room what was done comes first, and of whom it is; of one user alone, what it was done to.
#[test]
fn narrow_rows_show_what_was_done_and_by_whom() {
    let home = tempfile::tempdir().unwrap();
    let record = json!({"uuid": "d", "eventType": "analytics.reports.export.download", "published": "2026-11-20T01:00:00Z",
        "outcome": {"result": "SUCCESS"}, "actor": {"id": "1", "alternateId": "mara@example.com"},
        "target": [{"id": "r", "type": "Report", "displayName": "Payroll"}],
        "client": {"ipAddress": "198.51.100.7"}});
    fs::write(home.path().join("export.jsonl"), record.to_string()).unwrap();
    for size in [(80, 24), (100, 30)] {
        let mut pty = Pty::start(home.path(), &["activity", "export.jsonl"], size);
        pty.shows("export.download ").shows(" mara@exam");
        pty.keys("q");
        pty.end_restored();
        let arguments = ["activity", "export.jsonl", "--user", "mara@example.com"];
        let mut pty = Pty::start(home.path(), &arguments, size);
        pty.shows("export.download ").shows(" Payroll ");
        pty.keys("q");
        pty.end_restored();
    }
}

#[test]
fn plain_lines_are_printed_on_a_terminal_when_asked_for() {
    let home = tempfile::tempdir().unwrap();
    log(home.path());
    let pty = Pty::start(
        home.path(),
        &["activity", "export.jsonl", "--plain"],
        (120, 40),
    );
    let ended = pty.end();
    assert_eq!(ended.code, 2);
    assert!(!ended.raw.contains(&0x1b), "{}", ended.text);
    assert!(
        ended
            .text
            .contains("2026-11-20T09:30:00Z  sign_in  ok  user.session.start"),
        "{}",
        ended.text
    );
}

/// Text of attackers in every field, records that are none, a line of a megabyte: the pane shows it as text, at any size.
#[test]
fn hostile_records_steer_no_terminal() {
    let home = tempfile::tempdir().unwrap();
    let hostile = "a\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{200b}\u{2028}\rb\u{e0041}";
    let poisoned = |id: &str, at: &str| {
        let mut record: serde_json::Value =
            serde_json::from_str(&event(id, at, "mara", true, hostile, hostile)).unwrap();
        for field in [
            "/actor/alternateId",
            "/eventType",
            "/client/userAgent/rawUserAgent",
        ] {
            *record.pointer_mut(field).unwrap() = json!(hostile);
        }
        record["uuid"] = json!(format!("{id}{hostile}"));
        record
    };
    let mut long = poisoned("long", "2026-11-20T02:00:00Z");
    long["displayMessage"] = json!(hostile.repeat(20_000));
    let mut lines: Vec<String> = [
        "2026-11-20T01:00:00Z",
        "redacted",
        "9999-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
    ]
    .iter()
    .zip(["one", "two", "three", "four"])
    .map(|(at, id)| poisoned(id, at).to_string())
    .collect();
    lines.push(long.to_string());
    lines.push("{\"cut\": \"".to_owned());
    lines.push(format!("{hostile} is no record"));
    fs::write(home.path().join("hostile.jsonl"), lines.join("\n")).unwrap();
    let mut pty = Pty::start(home.path(), &["activity", "hostile.jsonl"], (120, 40));
    pty.shows("5 events")
        .shows("1 without a time")
        .shows("8035 y");
    pty.keys("gjjj<Enter>").settle();
    pty.keys("<Esc>").settle();
    pty.keys("G<Enter>").settle();
    pty.keys("<Esc>").settle();
    pty.keys("/raw:owned<Enter>").shows("5 of 5");
    pty.keys("p").settle();
    pty.keys("<Esc>").settle();
    pty.keys(">>>").settle();
    for size in [(80, 24), (60, 15), (200, 60)] {
        pty.resize(size);
        pty.settle();
    }
    pty.keys("q");
    let ended = pty.end_restored();
    assert_eq!(ended.code, 2, "{}", ended.text);
    assert_eq!(first_forbidden(&ended.raw, true), None);
}
