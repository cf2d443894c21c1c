//! Places of addresses from local databases: what they add, what they leave alone, and what a broken one ends in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::shared;

/// Gives the folder of MaxMind's test databases.
fn databases(test: &str) -> Option<PathBuf> {
    let folder = shared(test)?.join("contracts/mmdb");
    if !folder.is_dir() {
        println!("not run: {test} (missing ../shared/contracts/mmdb)");
        return None;
    }
    Some(folder)
}

fn sign_in(id: &str, at: &str, ip: &str, place: &Value) -> String {
    json!({"uuid": id, "eventType": "user.session.start", "published": at, "outcome": {"result": "SUCCESS"},
           "actor": {"id": "1", "alternateId": "mara@example.com"},
           "client": {"ipAddress": ip, "geographicalContext": place}})
    .to_string()
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quell"))
        .arg("activity")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
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

fn name(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_database_says_the_place_that_the_vendor_does_not() {
    let Some(databases) = databases("a_database_says_the_place_that_the_vendor_does_not") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let log = [
        sign_in("none", "2026-11-20T01:00:00Z", "89.160.20.112", &json!({})),
        sign_in(
            "country",
            "2026-11-20T02:00:00Z",
            "89.160.20.112",
            &json!({"country": "Sweden"}),
        ),
        sign_in(
            "other",
            "2026-11-20T03:00:00Z",
            "89.160.20.112",
            &json!({"country": "Norway"}),
        ),
        sign_in(
            "city",
            "2026-11-20T04:00:00Z",
            "89.160.20.112",
            &json!({"city": "Oslo", "country": "Norway"}),
        ),
        sign_in("hidden", "2026-11-20T05:00:00Z", "81.2.69.142", &json!({})),
        sign_in("unknown", "2026-11-20T06:00:00Z", "192.0.2.1", &json!({})),
        sign_in(
            "no address",
            "2026-11-20T07:00:00Z",
            "somewhere",
            &json!({}),
        ),
    ];
    fs::write(folder.path().join("log"), log.join("\n")).unwrap();
    let file = |kind: &str| name(&databases.join(kind));
    let output = run(
        folder.path(),
        &[
            "log",
            "--json",
            "--places",
            &file("GeoLite2-City-Test.mmdb"),
            "--places",
            &file("GeoLite2-ASN-Test.mmdb"),
            "--places",
            &file("GeoIP2-Anonymous-IP-Test.mmdb"),
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let all = objects(&output);
    let of = |id: &str| {
        all.iter()
            .find(|one| one["event"]["id"] == id)
            .cloned()
            .unwrap_or_default()
    };
    for id in ["none", "country"] {
        let one = of(id);
        assert_eq!(one["source"]["geo"]["city_name"], "Linköping", "{id}");
        assert_eq!(one["source"]["geo"]["country_iso_code"], "SE", "{id}");
        assert_eq!(one["source"]["geo"]["location"]["lat"], 58.4167, "{id}");
        assert_eq!(one["quell"]["place"], "database", "{id}");
        assert_eq!(one["source"]["as"]["number"], 29_518, "{id}");
    }
    for id in ["other", "city"] {
        let one = of(id);
        assert_eq!(one["source"]["geo"]["country_name"], "Norway", "{id}");
        assert_eq!(one["source"]["geo"]["location"], Value::Null, "{id}");
        assert_eq!(one["quell"]["place"], Value::Null, "{id}");
    }
    let hidden = of("hidden")["quell"]["signals"].to_string();
    for signal in ["vpn", "hosting", "tor", "proxy"] {
        assert!(hidden.contains(signal), "{hidden}");
    }
    assert_eq!(of("unknown")["source"]["geo"], Value::Null);
    assert_eq!(of("no address")["source"], json!({"address": "somewhere"}));
}

#[test]
fn a_country_database_gives_the_country_only() {
    let Some(databases) = databases("a_country_database_gives_the_country_only") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let log = sign_in("a", "2026-11-20T01:00:00Z", "89.160.20.112", &json!({}));
    fs::write(folder.path().join("log"), log).unwrap();
    let country = name(&databases.join("GeoLite2-Country-Test.mmdb"));
    let output = run(folder.path(), &["log", "--json", "--places", &country]);
    let geo = objects(&output).remove(0)["source"]["geo"].clone();
    assert_eq!(
        geo,
        json!({"country_name": "Sweden", "country_iso_code": "SE"})
    );
}

#[test]
fn a_journey_by_places_of_a_database_says_whose_places_they_are() {
    let Some(databases) = databases("a_journey_by_places_of_a_database_says_whose_places_they_are")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let log = [
        sign_in("a", "2026-11-20T01:00:00Z", "89.160.20.112", &json!({})),
        sign_in("b", "2026-11-20T01:20:00Z", "2.125.160.216", &json!({})),
    ];
    fs::write(folder.path().join("log"), log.join("\n")).unwrap();
    let city = databases.join("GeoLite2-City-Test.mmdb");
    // Named by a configuration, as in the console.
    let config = format!(
        "[environment]\nname = \"t\"\nkind = \"production\"\n[[connection]]\nname = \"c\"\nvendor = \"thehive\"\nroles = [\"cases\"]\nurl = \"https://hive.example.com\"\nsecret = {{ env = \"NONE\" }}\n[timeline]\nplaces = {:?}\n",
        name(&city)
    );
    fs::write(folder.path().join("c.toml"), config).unwrap();
    let output = run(folder.path(), &["log", "--findings", "--config", "c.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let finding = objects(&output)
        .into_iter()
        .find(|one| one["rule"] == "impossible_travel")
        .unwrap_or_default();
    let reason = finding["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("Linköping, Sweden (by the local database)"),
        "{reason}"
    );
    assert!(
        reason.contains("Boxford, United Kingdom (by the local database)"),
        "{reason}"
    );
    assert_eq!(finding["evidence"], json!(["a", "b"]));
    // Without it there is no place and no journey.
    let output = run(folder.path(), &["log", "--findings"]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("impossible_travel"));
}

#[test]
fn a_database_that_is_broken_or_not_to_be_believed_is_named() {
    let Some(databases) = databases("a_database_that_is_broken_or_not_to_be_believed_is_named")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(
        at("log"),
        sign_in("a", "2026-11-20T01:00:00Z", "89.160.20.112", &json!({})),
    )
    .unwrap();
    let whole = fs::read(databases.join("GeoLite2-City-Test.mmdb")).unwrap();
    fs::write(at("cut.mmdb"), whole.get(..whole.len() / 2).unwrap()).unwrap();
    fs::write(at("text.mmdb"), "no database").unwrap();
    fs::write(at("empty.mmdb"), "").unwrap();
    fs::write(at("loose.mmdb"), &whole).unwrap();
    fs::set_permissions(at("loose.mmdb"), fs::Permissions::from_mode(0o666)).unwrap();
    for (file, why) in [
        ("cut.mmdb", "failed to read the database of places cut.mmdb"),
        (
            "text.mmdb",
            "failed to read the database of places text.mmdb",
        ),
        (
            "empty.mmdb",
            "failed to read the database of places empty.mmdb",
        ),
        ("loose.mmdb", "others can change it"),
        (
            "missing.mmdb",
            "failed to open the database of places missing.mmdb",
        ),
        (".", "not a regular file"),
    ] {
        let output = run(folder.path(), &["log", "--json", "--places", file]);
        assert_eq!(output.status.code(), Some(3), "{file}: {}", told(&output));
        assert!(told(&output).contains(why), "{file}: {}", told(&output));
        assert!(output.stdout.is_empty(), "{file}");
    }
    // A database whose data are spoilt reads on, and says so.
    let mut spoilt = whole.clone();
    let from = whole.len() / 4;
    for byte in spoilt.iter_mut().skip(from).take(whole.len() / 2) {
        *byte = 0xff;
    }
    fs::write(at("spoilt.mmdb"), spoilt).unwrap();
    let log: Vec<String> = (0..=255)
        .map(|part| {
            sign_in(
                &format!("e{part}"),
                "2026-11-20T01:00:00Z",
                &format!("{part}.160.20.112"),
                &json!({}),
            )
        })
        .collect();
    fs::write(at("log"), log.join("\n")).unwrap();
    let output = run(folder.path(), &["log", "--json", "--places", "spoilt.mmdb"]);
    let code = output.status.code();
    assert!(matches!(code, Some(2 | 3)), "{}", told(&output));
    assert!(
        told(&output).contains("database of places spoilt.mmdb"),
        "{}",
        told(&output)
    );
}
