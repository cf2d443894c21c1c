//! Hostile, broken and odd records through `quell activity`: named, counted, survived; nothing raw on the terminal.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use quell::connect::logs::{Source, read_log};
use serde_json::{Value, json};

use crate::hostile::corpus;
use crate::wire::first_forbidden;

/// One record of every vendor with text in most of the fields that are read.
fn samples() -> Vec<(&'static str, Value)> {
    vec![
        (
            "okta",
            json!({"uuid": "e1", "eventType": "user.session.start", "published": "2026-11-21T03:00:00Z", "displayMessage": "m",
                   "actor": {"id": "00u1", "alternateId": "a@x.org", "displayName": "A"}, "outcome": {"result": "FAILURE", "reason": "r"},
                   "target": [{"id": "t", "type": "User", "alternateId": "b@x.org", "displayName": "B"}],
                   "client": {"ipAddress": "198.51.100.7", "userAgent": {"rawUserAgent": "ua"}, "geographicalContext": {"city": "c", "country": "d", "state": "e"}},
                   "authenticationContext": {"externalSessionId": "s"}, "securityContext": {"asOrg": "o"},
                   "debugContext": {"debugData": {"risk": "x", "behaviors": "y", "logOnlySecurityData": "{\"risk\":{\"level\":\"LOW\"}}"}}}),
        ),
        (
            "entra",
            json!({"id": "e1", "createdDateTime": "2026-11-21T03:00:00Z", "userPrincipalName": "a@x.org", "userId": "u", "appDisplayName": "app",
                   "clientAppUsed": "Browser", "ipAddress": "198.51.100.7", "status": {"errorCode": 50126, "failureReason": "r"}, "userAgent": "ua",
                   "conditionalAccessStatus": "x", "location": {"city": "c", "state": "s", "countryOrRegion": "Land"}, "deviceDetail": {"deviceId": "d"}}),
        ),
        (
            "m365",
            json!({"CreationTime": "2026-11-21T03:00:00", "Id": "e1", "Operation": "New-InboxRule", "Workload": "Exchange", "UserId": "a@x.org",
                   "ClientIP": "198.51.100.7:443", "ResultStatus": "True", "ObjectId": "o", "SessionId": "s",
                   "Parameters": [{"Name": "Name", "Value": "n"}, {"Name": "ForwardTo", "Value": "b@y.org"}],
                   "ExtendedProperties": [{"Name": "UserAgent", "Value": "ua"}]}),
        ),
        (
            "google",
            json!({"kind": "admin#reports#activity", "id": {"applicationName": "drive", "time": "2026-11-21T03:00:00Z", "uniqueQualifier": "1"},
                   "actor": {"email": "a@x.org", "profileId": "1"}, "ipAddress": "198.51.100.7",
                   "events": [{"type": "access", "name": "download", "parameters": [{"name": "doc_title", "value": "t"},
                              {"name": "user_email", "value": "b@x.org"}, {"name": "target_user", "multiValue": ["c@y.org"]}]}]}),
        ),
        (
            "cloudtrail",
            json!({"eventID": "e1", "eventName": "CreateAccessKey", "eventSource": "iam.amazonaws.com", "eventTime": "2026-11-21T03:00:00Z",
                   "userIdentity": {"type": "AssumedRole", "principalId": "P:s", "arn": "arn:aws:sts::1:assumed-role/r/s", "accessKeyId": "k"},
                   "sourceIPAddress": "198.51.100.7", "userAgent": "ua", "requestParameters": {"userName": "b", "policyArn": "p"},
                   "errorCode": "E", "errorMessage": "m"}),
        ),
        (
            "duo",
            json!({"txid": "e1", "event_type": "authentication", "isotimestamp": "2026-11-21T03:00:00Z", "factor": "duo_push", "result": "denied",
                   "reason": "user_mistake", "user": {"name": "a", "key": "k"}, "email": "a@x.org", "application": {"name": "app"},
                   "access_device": {"ip": "198.51.100.7", "epkey": "d", "location": {"city": "c", "state": "s", "country": "Land"}}}),
        ),
        (
            "onelogin",
            json!({"id": "e1", "event_type_id": "11", "created_at": "2026-11-21T03:00:00Z", "actor_user_id": "1", "actor_user_name": "A",
                   "user_id": "2", "user_name": "B", "ipaddr": "198.51.100.7", "app_name": "app", "notes": "n"}),
        ),
        (
            "auth0",
            json!({"log_id": "e1", "data": {"date": "2026-11-21T03:00:00Z", "type": "sapi", "user_id": "u", "user_name": "a@x.org", "ip": "198.51.100.7",
                   "description": "d", "user_agent": "ua", "client_name": "c",
                   "details": {"request": {"method": "post", "path": "/api/v2/users/u2/roles", "body": {"email": "b@x.org"}}}}}),
        ),
        (
            "keycloak",
            json!({"id": "e1", "time": 1_795_892_709_929_i64, "type": "LOGIN_ERROR", "realmId": "r", "clientId": "mail", "userId": "u1",
                   "ipAddress": "198.51.100.7", "sessionId": "s", "error": "e", "details": {"username": "a@x.org"}}),
        ),
        (
            "udm",
            json!({"metadata": {"id": "e1", "event_type": "USER_LOGIN", "event_timestamp": "2026-11-21T03:00:00Z", "product_name": "p",
                   "product_event_type": "t", "description": "d"},
                   "principal": {"ip": ["198.51.100.7"], "user": {"userid": "a", "email_addresses": ["a@x.org"]},
                                 "location": {"city": "c", "country_or_region": "Land"}},
                   "target": {"user": {"userid": "b"}, "application": "app", "hostname": "h"},
                   "network": {"http": {"user_agent": "ua"}}, "security_result": [{"action": ["ALLOW"], "summary": "s", "severity": "HIGH"}]}),
        ),
        (
            "ecs",
            json!({"@timestamp": "2026-11-21T03:00:00Z", "event": {"id": "e1", "action": "user-login", "category": ["authentication"], "reason": "r"},
                   "user": {"id": "1", "name": "a", "email": "a@x.org", "target": {"id": "2", "name": "b"}},
                   "source": {"ip": "198.51.100.7", "geo": {"city_name": "c", "country_name": "d"}, "as": {"organization": {"name": "o"}}},
                   "user_agent": {"original": "ua"}, "device": {"id": "d"}, "file": {"path": "f"}}),
        ),
    ]
}

/// Lists the pointers to every text of a value.
fn texts(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::String(_) => all.push(at.to_owned()),
        Value::Array(list) => {
            for (index, one) in list.iter().enumerate() {
                texts(one, &format!("{at}/{index}"), all);
            }
        }
        Value::Object(fields) => {
            for (name, one) in fields {
                texts(
                    one,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    all,
                );
            }
        }
        _ => {}
    }
}

fn activity(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quell"))
        .args(["activity", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that ends early closes its input; its output tells more than this error.
        let _closed = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Gives the records of one vendor with each string in its fields: in all of them, or in one after the other.
fn poisoned(sample: &Value, strings: &[Vec<u8>], everywhere: bool) -> String {
    let mut pointers = Vec::new();
    texts(sample, "", &mut pointers);
    let mut lines = String::new();
    for (index, string) in strings.iter().enumerate() {
        let text = String::from_utf8_lossy(string);
        let chosen = pointers
            .iter()
            .enumerate()
            .filter(|(place, _)| everywhere || place % pointers.len() == index % pointers.len());
        for (_, pointer) in chosen {
            let mut record = sample.clone();
            if let Some(field) = record.pointer_mut(pointer) {
                *field = json!(text);
            }
            lines.push_str(&record.to_string());
            lines.push('\n');
        }
    }
    lines
}

fn survives(test: &str, everywhere: bool) {
    let Some(mut strings) = corpus(test) else {
        return;
    };
    strings.retain(|string| string.len() <= 64 << 10);
    if !everywhere {
        // The payloads and the naughty strings all; of the many alike that follow every tenth.
        let mut place = 0;
        strings.retain(|_| {
            place += 1;
            place <= 600 || place % 10 == 0
        });
    }
    for (vendor, sample) in samples() {
        let lines = poisoned(&sample, &strings, everywhere);
        let count = lines.lines().count();
        for (form, arguments) in [("plain", &[][..]), ("json", &["--json"][..])] {
            let arguments = [&["--from", vendor][..], arguments].concat();
            let output = activity(&arguments, lines.as_bytes());
            assert!(
                matches!(output.status.code(), Some(0 | 2)),
                "{vendor} {form}: {:?} {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
            for (stream, bytes) in [("out", &output.stdout), ("err", &output.stderr)] {
                assert_eq!(
                    first_forbidden(bytes, true),
                    None,
                    "{vendor} {form} {stream}"
                );
            }
            let printed = output
                .stdout
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty());
            let mut rows = 0;
            for line in printed {
                rows += 1;
                if form == "json" {
                    assert!(line.is_ascii(), "{vendor}");
                    let object: Value = serde_json::from_slice(line).unwrap();
                    assert!(object.is_object());
                }
            }
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                rows > count / 2,
                "{vendor} {form}: {rows} of {count}\n{told}"
            );
            assert!(told.contains("read: "), "{told}");
        }
    }
}

#[test]
fn hostile_text_in_the_fields_of_every_vendor_is_survived_slow() {
    survives(
        "hostile_text_in_the_fields_of_every_vendor_is_survived_slow",
        false,
    );
}

/// The long form: `cargo test --release --test it -- --ignored hostile_text_in_every_field`.
#[test]
#[ignore = "minutes: every string in every field of every vendor, through the real program"]
fn hostile_text_in_every_field_of_every_vendor_is_survived_slow() {
    survives(
        "hostile_text_in_every_field_of_every_vendor_is_survived_slow",
        true,
    );
}

#[test]
fn every_sample_is_told_by_its_fields() {
    for (vendor, sample) in samples() {
        let log = read_log(sample.to_string().as_bytes(), None);
        let told: Vec<&str> = log.records.keys().map(|source| source.key()).collect();
        assert_eq!(told, [vendor]);
        assert_eq!(
            (log.events.len(), log.faults.len()),
            (1, 0),
            "{vendor}: {log:?}"
        );
        assert!(!log.events[0].untimed, "{vendor}");
    }
}

#[test]
fn mixed_vendors_in_one_file_are_told_apart() {
    let mut lines: String = samples()
        .iter()
        .flat_map(|(_, one)| [one.to_string(), "\n".to_owned()])
        .collect();
    lines.push_str("{\"unknown\": true}\nnot json\n[1]\n");
    let log = read_log(lines.as_bytes(), None);
    assert_eq!(log.events.len(), Source::ALL.len());
    assert_eq!(log.records.len(), Source::ALL.len());
    let told: Vec<&str> = log.faults.iter().map(|fault| fault.record.raw()).collect();
    let first = samples().len() + 1;
    let expected = [first, first + 1, first + 2].map(|line| format!("line {line}"));
    assert_eq!(told, expected);
}

#[test]
fn a_text_cut_off_keeps_what_is_whole_for_every_vendor() {
    for (vendor, sample) in samples() {
        let text = format!("[{sample},\n{sample},\n{sample}");
        let cut: String = text.chars().take(text.chars().count() - 3).collect();
        let log = read_log(cut.as_bytes(), None);
        assert_eq!((log.events.len(), log.faults.len()), (2, 1), "{vendor}");
    }
}

#[test]
fn odd_times_addresses_and_points_are_kept_apart_from_real_ones() {
    let okta = &samples()[0].1;
    let with = |pointer: &str, value: Value| {
        let mut record = okta.clone();
        if let Some(field) = record.pointer_mut(pointer) {
            *field = value;
        }
        let log = read_log(record.to_string().as_bytes(), None);
        assert_eq!((log.events.len(), log.faults.len()), (1, 0), "{log:?}");
        log.events.into_iter().next().unwrap()
    };
    for (time, expected) in [
        (
            json!("9999-12-31T23:59:59Z"),
            Some("9999-12-31T23:59:59+00:00"),
        ),
        (
            json!("1970-01-01T00:00:00Z"),
            Some("1970-01-01T00:00:00+00:00"),
        ),
        (
            json!("2026-11-21 03:00:00"),
            Some("2026-11-21T03:00:00+00:00"),
        ),
        (json!("redacted"), None),
        (json!("2026-02-30T00:00:00Z"), None),
        (json!(i64::MAX), Some("2262-04-11T23:47:16.854775807+00:00")),
        (json!([]), None),
    ] {
        let event = with("/published", time.clone());
        assert_eq!(event.untimed, expected.is_none(), "{time}");
        assert_eq!(
            expected.unwrap_or("1970-01-01T00:00:00+00:00"),
            event.at.to_rfc3339(),
            "{time}"
        );
    }
    for address in [
        "123.456.7.89",
        "999.1.1.1",
        "ec2.amazonaws.com",
        "::ffff:999.1.1.1",
    ] {
        let event = with("/client/ipAddress", json!(address));
        assert_eq!(
            event.ip.as_ref().map(quell::domain::text::Untrusted::raw),
            Some(address)
        );
    }
    for (latitude, longitude) in [(91.0, 0.0), (0.0, 181.0), (1e300, 1.0), (0.0, 0.0)] {
        let point = json!({"city": "c", "geolocation": {"lat": latitude, "lon": longitude}});
        assert_eq!(with("/client/geographicalContext", point).geo.point, None);
    }
}

#[test]
fn a_line_of_a_megabyte_and_disorder_are_read() {
    let sample = &samples()[0].1;
    let mut long = sample.clone();
    long["displayMessage"] = json!("x".repeat(1 << 20));
    long["outcome"] = json!({"result": "SUCCESS"});
    long["uuid"] = json!("long");
    long["published"] = json!("2026-11-20T03:00:00Z");
    let output = activity(
        &["--json"],
        format!("{sample}\n{long}\n{sample}\n").as_bytes(),
    );
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("line 3: the same record as in line 1, left out"),
        "{told}"
    );
    let ids: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice::<Value>(line).unwrap()["event"]["id"].clone())
        .collect();
    assert_eq!(ids, [json!("long"), json!("e1")]);
}
