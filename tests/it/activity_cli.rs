//! `quell activity` as the real program: what it reads, what it prints, how it ends.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

fn line(id: &str, at: &str, user: &str) -> String {
    json!({"uuid": id, "eventType": "user.session.start", "published": at, "outcome": {"result": "SUCCESS"},
           "actor": {"id": format!("id-{user}"), "alternateId": format!("{user}@example.com")},
           "client": {"ipAddress": "198.51.100.7", "userAgent": {"rawUserAgent": "ua"},
                      "geographicalContext": {"city": "Lagos", "country": "Nigeria", "geolocation": {"lat": 6.5, "lon": 3.25}}},
           "securityContext": {"asNumber": 64500, "asOrg": "Example Net"}, "device": {"id": "dev1"},
           "target": [{"id": "id-zoe", "type": "User", "alternateId": "zoe@example.com"}],
           "authenticationContext": {"externalSessionId": "s1"}})
    .to_string()
}

fn log() -> String {
    [
        line("e1", "2026-11-20T01:00:00Z", "mara"),
        line("e2", "2026-11-21T02:00:00Z", "ben"),
        line("e3", "2026-11-22T03:00:00Z", "mara"),
    ]
    .join("\n")
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quell"))
        .arg("activity")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn ids(output: &Output) -> Vec<String> {
    objects(output)
        .iter()
        .map(|object| {
            object["event"]["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

fn objects(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn files_are_read_plain_and_packed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("plain.jsonl"), log()).unwrap();
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(log().as_bytes()).unwrap();
    fs::write(at("packed.gz"), packer.finish().unwrap()).unwrap();
    let packed = ruzstd::encoding::compress_to_vec(
        log().as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    fs::write(at("packed.zst"), packed).unwrap();
    for name in ["plain.jsonl", "packed.gz", "packed.zst"] {
        let output = run(folder.path(), &[name, "--json"]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", told(&output));
        assert_eq!(ids(&output), ["e1", "e2", "e3"], "{name}");
        assert!(
            told(&output).contains("read: 3 okta; 0 records not read"),
            "{}",
            told(&output)
        );
    }
    // The same records twice, in two files: each is one event.
    let output = run(folder.path(), &["plain.jsonl", "packed.gz", "--json"]);
    assert_eq!(ids(&output).len(), 3);
    let double = "packed.gz, line 2: the same record as in plain.jsonl, line 2, left out";
    assert!(told(&output).contains(double), "{}", told(&output));
}

/// Of a packed log that is cut off, what could be unpacked is read, and the cut is named with the line it fell on.
#[test]
fn packed_files_that_are_cut_off_give_what_came_before() {
    let folder = tempfile::tempdir().unwrap();
    // Ids without a pattern, so that packing does not make one short block of it all.
    let lines: Vec<String> = (0..6_000_u32)
        .map(|n| {
            let id = format!("{n}-{}", n.wrapping_mul(2_654_435_761));
            line(&id, "2026-11-20T01:00:00Z", "mara")
        })
        .collect();
    let text = lines.join("\n");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstd = ruzstd::encoding::compress_to_vec(text.as_bytes(), level);
    for (name, whole) in [("gzip", packer.finish().unwrap()), ("zstd", zstd)] {
        fs::write(folder.path().join(name), &whole[..whole.len() / 2]).unwrap();
        let output = run(folder.path(), &[name, "--json"]);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        let read = ids(&output).len();
        assert!((1_000..6_000).contains(&read), "{name}: {read}");
        for part in [
            format!("not read: the end: the {name} stream is cut off; what came before was read"),
            format!(
                "not read: line {}: the text ends in the middle of a record",
                read + 1
            ),
        ] {
            assert!(told(&output).contains(&part), "{part} in {}", told(&output));
        }
    }
}

#[test]
fn users_and_windows_choose() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), log()).unwrap();
    let chosen =
        |arguments: &[&str]| ids(&run(folder.path(), &[&["a", "--json"], arguments].concat()));
    assert_eq!(chosen(&["--user", "MARA@example.com"]), ["e1", "e3"]);
    assert_eq!(chosen(&["--user", "id-ben"]), ["e2"]);
    assert_eq!(chosen(&["--user", "zoe@example.com"]), ["e1", "e2", "e3"]);
    assert_eq!(chosen(&["--since", "2026-11-21"]), ["e2", "e3"]);
    assert_eq!(chosen(&["--until", "2026-11-21T02:00:00Z"]), ["e1"]);
    assert_eq!(
        chosen(&["--since", "2026-11-21", "--until", "2026-11-22"]),
        ["e2"]
    );
    assert!(chosen(&["--user", "nobody"]).is_empty());
    // Nothing odd of nobody is not nothing odd.
    let output = run(folder.path(), &["a", "--findings", "--user", "mara"]);
    let alike = "no user mara: in none of the 3 events; the like: mara@example.com";
    assert!(told(&output).contains(alike), "{}", told(&output));
    let turned = ["a", "--since", "2026-11-22", "--until", "2026-11-21"];
    assert_eq!(run(folder.path(), &turned).status.code(), Some(64));
}

#[test]
fn an_object_has_every_field_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a"),
        line("e1", "2026-11-20T01:00:00.5Z", "mara"),
    )
    .unwrap();
    let output = run(folder.path(), &["a", "--json", "--from", "okta"]);
    assert_eq!(
        objects(&output),
        [json!({
            "@timestamp": "2026-11-20T01:00:00.500Z",
            "event": {"action": "user.session.start", "category": ["authentication", "session"], "type": ["start"],
                      "outcome": "success", "id": "e1", "provider": "okta"},
            "user": {"id": "id-mara", "name": "mara@example.com", "email": "mara@example.com",
                     "target": {"id": "id-zoe", "name": "zoe@example.com", "email": "zoe@example.com"}},
            "source": {"address": "198.51.100.7", "ip": "198.51.100.7",
                       "geo": {"city_name": "Lagos", "country_name": "Nigeria", "location": {"lat": 6.5, "lon": 3.25}},
                       "as": {"number": 64_500, "organization": {"name": "Example Net"}}},
            "user_agent": {"original": "ua"},
            "device": {"id": "dev1"},
            "related": {"user": ["id-mara", "mara@example.com", "id-zoe", "zoe@example.com"], "ip": ["198.51.100.7"]},
            "quell": {"lane": "sign_in", "act": "sign_in", "object": "zoe@example.com", "session": "s1",
                      "source": "okta", "line": 1},
        })]
    );
}

#[test]
fn a_finding_has_these_fields_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let failed = |id: &str, second: u32| {
        let at = format!("2026-11-20T01:00:{second:02}Z");
        line(id, &at, "mara").replace("SUCCESS", "FAILURE")
    };
    let lines: Vec<String> = (0..6)
        .map(|number| failed(&format!("f{number}"), number))
        .chain([line("ok", "2026-11-20T01:01:00Z", "mara")])
        .collect();
    fs::write(folder.path().join("a"), lines.join("\n")).unwrap();
    let output = run(folder.path(), &["a", "--findings"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let found = objects(&output);
    let guessed = found.iter().find(|one| one["rule"] == "brute_force");
    assert_eq!(
        guessed,
        Some(&json!({
            "rule": "brute_force",
            "user": "mara@example.com",
            "reason": "6 failures, then success",
            "technique": "T1110",
            "confidence": "medium",
            "evidence": ["f0", "f1", "f2", "f3", "f4", "f5", "ok"],
        }))
    );
}

#[test]
fn exit_codes_say_how_much_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("good", &log());
    put("part", &format!("{}\nnot json\n", log()));
    put("bad", "{\"a\": 1}\n");
    put("empty", "");
    let code = |arguments: &[&str]| run(folder.path(), arguments).status.code();
    assert_eq!(code(&["good"]), Some(0));
    assert_eq!(code(&["part"]), Some(2));
    assert_eq!(code(&["bad"]), Some(3));
    assert_eq!(code(&["missing"]), Some(3));
    assert_eq!(code(&["empty"]), Some(0));
    assert_eq!(code(&[]), Some(64));
    assert_eq!(code(&["good", "--from", "splunk"]), Some(64));
    assert_eq!(code(&["good", "--since", "yesterday-ish"]), Some(64));
    assert_eq!(code(&["good", "--json", "--findings"]), Some(64));
    let part = run(folder.path(), &["part"]);
    assert!(
        told(&part).contains("not read: line 4: no JSON"),
        "{}",
        told(&part)
    );
}

#[test]
fn of_several_files_each_fault_says_which() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("one.json", "nothing\n".to_owned() + &log()),
        ("two.json", log() + "\n{"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let output = run(folder.path(), &["one.json", "two.json", "--json"]);
    let told = told(&output);
    assert!(told.contains("one.json, line 1: "), "{told}");
    assert!(told.contains("two.json, line 4: "), "{told}");
    let alone = self::told(&run(folder.path(), &["one.json", "--json"]));
    assert!(alone.contains("not read: line 1: "), "{alone}");
}

#[test]
fn the_wrong_vendor_is_a_fault_of_every_record() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), log()).unwrap();
    for vendor in ["m365", "cloudtrail", "duo", "onelogin", "auth0", "udm"] {
        let output = run(folder.path(), &["a", "--from", vendor]);
        assert_eq!(output.status.code(), Some(3), "{vendor}: {}", told(&output));
        assert!(
            told(&output).contains("no event in 3 records; the first: line 1: field"),
            "{}",
            told(&output)
        );
    }
    let all = told(&run(folder.path(), &["a", "--from", "x"]));
    for vendor in [
        "okta",
        "entra",
        "m365",
        "google",
        "cloudtrail",
        "duo",
        "onelogin",
        "auth0",
        "ecs",
        "udm",
        "auto",
    ] {
        assert!(all.contains(vendor), "{all}");
    }
}
