//! A second verifier, written in another language against the documentation, agrees with ours on changed logs.
//!
//! 60 changed logs a run; the long form is `QUELL_AGREE=1000 cargo test --test it audit_agree -- --nocapture`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{DateTime, Duration, Utc};
use quell::cli::audit::{Asked, verify_asked};
use quell::domain::audit::{ChainHash, SUFFIX};
use quell::domain::ids::LogId;
use quell::store::audit::{AuditLog, Ground, Identity, read};

use crate::audit_seal::{closing, note, opening, outcome};

type Done = Result<(), Box<dyn Error>>;
type Files = BTreeMap<String, Vec<u8>>;

pub fn python() -> Option<Command> {
    let found = Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.ok().filter(std::process::ExitStatus::success)?;
    let mut python = Command::new("python3");
    python.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/audit_verify.py"
    ));
    Some(python)
}

/// Writes a log of three sessions over several segments, with a torn write in it.
fn sample(dir: &Path) -> Result<Files, Box<dyn Error>> {
    for session in 0..3 {
        let ground = Ground {
            rotate_at: 9000,
            ..Ground::default()
        };
        let identity = Identity {
            host: "bastion\u{202e}".into(),
            uid: 1000,
            user: "ana".into(),
        };
        let log = AuditLog::open_on(dir, identity, ground)?;
        log.append_blocking(vec![opening()])?;
        for i in 0..6 {
            log.append_blocking(vec![note(i)?])?;
        }
        log.append_blocking(vec![outcome(), note(7)?])?;
        if session != 1 {
            log.append_blocking(vec![closing()])?;
        }
        drop(log);
        if session == 0 {
            let last = files(dir)?.pop_last().ok_or("no file")?;
            fs::write(
                dir.join(last.0),
                [&last.1, &b"{\"v\":1,\"log\":\"0"[..]].concat(),
            )?;
        }
    }
    files(dir)
}

fn files(dir: &Path) -> Result<Files, Box<dyn Error>> {
    let mut files = Files::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            files.insert(name.to_owned(), fs::read(&path)?);
        }
    }
    Ok(files)
}

/// Gives the lines of a file, each with its line feed.
fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

/// Hashes every record anew from a line on, so that the chain holds again.
fn rehash(lines: &mut [Vec<u8>], from: usize) {
    let mut prev: Option<ChainHash> = None;
    for line in lines.iter_mut().skip(from) {
        let Some(end) = line.len().checked_sub(SUFFIX + 1) else {
            continue;
        };
        let mut hashed = line[..end].to_vec();
        if let (Some(prev), Some(at)) = (prev, hashed.len().checked_sub(65)) {
            hashed.splice(at..at + 64, prev.to_string().into_bytes());
        }
        let h = ChainHash::of(&hashed);
        *line = [&hashed, format!(",\"h\":\"{h}\"}}\n").as_bytes()].concat();
        prev = Some(h);
    }
}

/// Changes a log in one of ten ways.
fn mutate(files: &mut Files, kind: usize, chance: &mut fastrand::Rng) {
    let names: Vec<String> = files.keys().cloned().collect();
    let name = &names[chance.usize(..names.len())];
    let Some(bytes) = files.get_mut(name) else {
        return;
    };
    let at = chance.usize(..bytes.len());
    let mut all = lines(bytes);
    let (i, j) = (chance.usize(..all.len()), chance.usize(..all.len()));
    match kind {
        0 => return bytes[at] ^= 1 << chance.u8(..8),
        1 => return bytes[at] = chance.u8(..),
        2 => return bytes.truncate(at),
        3 => {
            return drop(
                bytes.drain(
                    at..(at + chance.usize(1..40))
                        .min(at.max(bytes.len()))
                        .min(bytes.len()),
                ),
            );
        }
        4 => drop(all.remove(i)),
        5 => all.insert(j, all[i].clone()),
        6 => all.swap(i, j),
        7 => all.truncate(i),
        8 => {
            // A word is changed and everything after it hashed anew, in this file.
            let text = String::from_utf8_lossy(&all[i]).replace("note ", "nose ");
            all[i] = text.into_bytes();
            rehash(&mut all, i);
        }
        _ => {
            // A digit of a signature is changed, and the chain made whole again.
            let Some(i) = all
                .iter()
                .position(|line| line.windows(12).any(|w| w == b"\"checkpoint\""))
            else {
                return;
            };
            let text = String::from_utf8_lossy(&all[i]).into_owned();
            if let Some(at) = text.find("\\u000a\",").or_else(|| text.find("\\u000a\"}")) {
                let place = at - 1 - chance.usize(3..80);
                let mut line = text.into_bytes();
                line[place] = if line[place] == b'A' { b'B' } else { b'A' };
                all[i] = line;
            }
            rehash(&mut all, i);
        }
    }
    *bytes = all.concat();
}

fn ours(state: &Path, anchors: Option<&Path>) -> Result<bool, Box<dyn Error>> {
    let mut quell = Command::new(env!("CARGO_BIN_EXE_quell"));
    quell
        .arg("--state")
        .arg(state)
        .args(["audit", "verify", "--json"]);
    if let Some(anchors) = anchors {
        quell.arg("--anchors").arg(anchors);
    }
    match quell.stdout(Stdio::null()).status()?.code() {
        Some(0 | 2) => Ok(true),
        Some(1) => Ok(false),
        other => Err(format!("exit code {other:?}").into()),
    }
}

/// Asks ours where checkpoints are required, at a time.
fn ours_at(state: &Path, now: DateTime<Utc>) -> Result<bool, Box<dyn Error>> {
    let mut asked = Asked::default();
    asked.expectations.require_checkpoints = true;
    asked.expectations.now = Some(now);
    match verify_asked(&state.join("audit"), &asked, &mut Vec::new())? {
        0 | 2 => Ok(true),
        1 => Ok(false),
        other => Err(format!("exit code {other:?}").into()),
    }
}

fn theirs(
    mut python: Command,
    dirs: &[PathBuf],
    anchors: Option<&Path>,
    now: Option<DateTime<Utc>>,
) -> Result<Vec<(bool, String)>, Box<dyn Error>> {
    if let Some(anchors) = anchors {
        python.arg("--anchors").arg(anchors);
    }
    if let Some(now) = now {
        let now = now.timestamp().to_string();
        python.args(["--require-checkpoints", "--now", &now]);
    }
    let out = python
        .args(dirs.iter().map(|dir| dir.join("audit")))
        .output()?;
    let text = String::from_utf8(out.stdout)?;
    let found: Vec<_> = text
        .lines()
        // Each is asked about for itself: changed logs are no copies of one another.
        .filter(|line| !line.ends_with(" is another in another of these directories"))
        .map(|line| (line.starts_with("ok "), line.to_owned()))
        .collect();
    if found.len() != dirs.len() {
        return Err(format!(
            "{} verdicts: {}",
            found.len(),
            String::from_utf8_lossy(&out.stderr)
        )
        .into());
    }
    Ok(found)
}

#[test]
fn both_verifiers_name_a_log_that_anchors_name_and_that_is_gone() -> Done {
    let Some(mut python) = python() else {
        println!(
            "not run: both_verifiers_name_a_log_that_anchors_name_and_that_is_gone (missing python3)"
        );
        return Ok(());
    };
    let state = tempfile::tempdir()?;
    let dir = state.path().join("audit");
    sample(&dir)?;
    let gone = LogId::from_parts(Utc::now(), 7);
    let anchors = state.path().join("anchors");
    let h = ChainHash::of(b"whatever");
    fs::write(&anchors, format!("audit {gone} n=5 h={h}\n"))?;
    let out = python.arg("--anchors").arg(&anchors).arg(&dir).output()?;
    let told = String::from_utf8(out.stdout)?;
    assert_eq!(out.status.code(), Some(2), "{told}");
    assert!(told.starts_with("ok "), "{told}");
    assert!(told.ends_with(&format!("\nMISSING {gone}\n")), "{told}");
    let out = Command::new(env!("CARGO_BIN_EXE_quell"))
        .arg("--state")
        .arg(state.path())
        .args(["audit", "verify", "--anchors"])
        .arg(&anchors)
        .output()?;
    let told = String::from_utf8(out.stdout)?;
    assert_eq!(out.status.code(), Some(2), "{told}");
    let words = format!("anchors name the log {gone}, which is not here");
    assert!(told.contains(&words), "{told}");
    Ok(())
}

/// Writes a log of which nothing is to be said.
fn quiet(dir: &Path, host: &str, uid: u32) -> Result<LogId, Box<dyn Error>> {
    let identity = Identity {
        host: host.into(),
        uid,
        user: "ana".into(),
    };
    let log = AuditLog::open(dir, identity)?;
    log.append_blocking(vec![opening()])?;
    log.append_blocking(vec![note(0)?])?;
    log.append_blocking(vec![closing()])?;
    Ok(log.log().clone())
}

#[test]
fn both_verifiers_warn_of_two_logs_of_one_host_and_user() -> Done {
    if python().is_none() {
        println!("not run: both_verifiers_warn_of_two_logs_of_one_host_and_user (missing python3)");
        return Ok(());
    }
    for (host, uid, is_one) in [
        ("east\u{202e}", 1000, true),
        ("east", 1000, false),
        ("east\u{202e}", 1001, false),
    ] {
        let state = tempfile::tempdir()?;
        let (dir, other) = (state.path().join("audit"), state.path().join("other"));
        let mut logs = [
            quiet(&dir, "east\u{202e}", 1000)?,
            quiet(&other, host, uid)?,
        ];
        logs.sort();
        for name in files(&other)?.into_keys() {
            fs::copy(other.join(&name), dir.join(&name))?;
        }
        let asked = |code: i32| -> Done {
            let ours = Command::new(env!("CARGO_BIN_EXE_quell"))
                .arg("--state")
                .arg(state.path())
                .args(["audit", "verify"])
                .output()?;
            let theirs = python().ok_or("no python3")?.arg(&dir).output()?;
            let codes = (ours.status.code(), theirs.status.code());
            assert_eq!(codes, (Some(code), Some(code)), "{host:?} {uid}: {ours:?}");
            let [one, two] = &logs;
            for (out, words) in [
                (ours, format!("user 1000 are here, {one} and {two}: ")),
                (theirs, format!("\nDOUBLED {one} {two}\n")),
            ] {
                let told = String::from_utf8(out.stdout)?;
                assert_eq!(told.contains(&words), is_one, "{host:?} {uid}: {told}");
            }
            Ok(())
        };
        asked(if is_one { 2 } else { 0 })?;
        // What is wrong with one of them is worse, and the other word stays.
        let (name, whole) = files(&dir)?.pop_first().ok_or("no file")?;
        let edited = String::from_utf8(whole)?.replacen("note 0", "nose 0", 1);
        fs::write(dir.join(name), edited)?;
        asked(1)?;
    }
    Ok(())
}

#[test]
fn the_second_verifier_takes_options_anywhere_and_passes_over_nothing() -> Done {
    if python().is_none() {
        println!(
            "not run: the_second_verifier_takes_options_anywhere_and_passes_over_nothing (missing python3)"
        );
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let at = |name: &str| state.path().join(name).display().to_string();
    let (dir, none, good, bad) = (at("audit"), at("none"), at("good"), at("bad"));
    let cut = at("cut");
    let first = sample(state.path().join("audit").as_path())?
        .into_iter()
        .next()
        .ok_or("no file")?;
    let log = first.0.get(6..32).ok_or("no log")?.to_owned();
    let line = lines(&first.1).into_iter().next().ok_or("no line")?;
    let end = line.len().checked_sub(SUFFIX + 1).ok_or("no record")?;
    let h = ChainHash::of(&line[..end]);
    fs::write(&good, format!("audit {log} n=1 h={h}\n"))?;
    let h = ChainHash::of(b"another");
    fs::write(&bad, format!("audit {log} n=1 h={h}\n"))?;
    // A text that names none is not passed over: it is warned of.
    fs::write(&cut, format!("audit {log} n=1 h="))?;
    let [dir, none, good, bad, cut] = [&dir, &none, &good, &bad, &cut].map(String::as_str);
    for (arguments, code) in [
        (vec![dir], 0),
        (vec![dir, "--anchors", good], 0),
        (vec![dir, "--anchors", bad], 1),
        (vec!["--anchors", bad, dir], 1),
        (vec![dir, "--anchors", good, dir, "--anchors", bad], 1),
        (vec![dir, "--anchors", none], 3),
        (vec![dir, "--anchors", cut], 2),
        (vec![dir, "--anchors", cut, "--anchors", bad], 1),
        (vec![dir, none], 3),
        (vec![dir, good], 3),
        (vec![none], 3),
        (vec![], 3),
        (vec![dir, "--anchors"], 64),
        (vec![dir, "--anchor", bad], 64),
        (vec![dir, "--strict"], 64),
    ] {
        let mut python = python().ok_or("no python3")?;
        let out = python.args(&arguments).output()?;
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {out:?}");
    }
    Ok(())
}

#[test]
fn both_verifiers_warn_of_a_text_without_an_anchor_and_name_a_folder_without_a_log() -> Done {
    if python().is_none() {
        println!(
            "not run: both_verifiers_warn_of_a_text_without_an_anchor_and_name_a_folder_without_a_log (missing python3)"
        );
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let (dir, text) = (state.path().join("audit"), state.path().join("comments"));
    fs::create_dir(&dir)?;
    fs::write(&text, "nothing that is an anchor\n")?;
    for (is_empty, code) in [(true, 3), (false, 2)] {
        if !is_empty {
            quiet(&dir, "east", 1000)?;
        }
        let ours = Command::new(env!("CARGO_BIN_EXE_quell"))
            .arg("--state")
            .arg(state.path())
            .args(["audit", "verify", "--anchors"])
            .arg(&text)
            .output()?;
        let mut python = python().ok_or("no python3")?;
        let theirs = python.arg(&dir).arg("--anchors").arg(&text).output()?;
        let codes = (ours.status.code(), theirs.status.code());
        assert_eq!(codes, (Some(code), Some(code)), "{ours:?} {theirs:?}");
        let told = String::from_utf8(ours.stdout)?;
        assert!(told.contains("warning: no anchor stands in "), "{told}");
        let told = String::from_utf8(theirs.stdout)?;
        let line = format!("EMPTY '{}'\n", text.display());
        assert!(told.ends_with(&line), "{told}");
        let said = String::from_utf8(theirs.stderr)?;
        let line = format!("no audit log is in '{}'\n", dir.display());
        assert_eq!(said, if is_empty { line } else { String::new() });
    }
    Ok(())
}

#[test]
fn both_verifiers_find_the_same_anchors_in_any_text() -> Done {
    if python().is_none() {
        println!("not run: both_verifiers_find_the_same_anchors_in_any_text (missing python3)");
        return Ok(());
    }
    let outer = tempfile::tempdir()?;
    let (state, anchors) = (outer.path(), outer.path().join("comments"));
    sample(&state.join("audit"))?;
    let last = read(&state.join("audit"))?.pop().ok_or("no record")?;
    let (log, n) = (last.log.as_str(), last.n.to_string());
    let good = format!("audit {log} n={n} h={}", last.h);
    // It fits no record: whoever finds it calls the log broken.
    let bad = format!("audit {log} n={n} h={}", ChainHash::of(b"another"));
    let numbered = |other: &str| bad.replace(&format!(" n={n} "), &format!(" n={other} "));
    for (text, found) in [
        ("garbage\0\u{fffd}".to_owned(), false),
        (bad.clone(), true),
        (format!("| 5 | see ({bad}),\r\nand garbage"), true),
        (bad.replace(' ', "_"), true),
        (bad.replace(' ', "\u{e9}"), true),
        (bad.replace(' ', "\\t"), true),
        (format!("x\\r{bad}\\n\\r"), true),
        (bad.replace('=', "\\="), true),
        (numbered("18446744073709551615"), true),
        (format!("x{bad}"), false),
        (format!("{bad}0"), false),
        (numbered("18446744073709551616"), false),
        (numbered(&"9".repeat(5_000)), false),
        (numbered(&format!("0{n}")), false),
        (numbered("\u{661}"), false),
        (bad.replace(log, "8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), false),
        (bad.replace(log, "01ARZ3NDEKTSV4RRFFQ69G5FAU"), false),
    ] {
        fs::write(&anchors, format!("{good}\n{text}\n"))?;
        let ours = ours(state, Some(&anchors))?;
        let python = python().ok_or("python3 is gone")?;
        let theirs = theirs(python, &[state.to_owned()], Some(&anchors), None)?;
        let (holds, line) = theirs.first().ok_or("no verdict")?;
        assert_eq!((ours, *holds), (!found, !found), "{text:?}: {line}");
    }
    Ok(())
}

#[test]
fn both_verifiers_agree_on_changed_logs() -> Done {
    if python().is_none() {
        println!("not run: both_verifiers_agree_on_changed_logs (missing python3)");
        return Ok(());
    }
    let many = std::env::var("QUELL_AGREE")
        .ok()
        .and_then(|many| many.parse().ok())
        .unwrap_or(60);
    let outer = tempfile::tempdir()?;
    let whole = sample(&outer.path().join("whole"))?;
    assert!(whole.len() > 1, "several segments");
    // The last record, as a comment would name it.
    let last = whole
        .values()
        .next_back()
        .map(|bytes| lines(bytes))
        .unwrap_or_default();
    let last: serde_json::Value = serde_json::from_slice(last.last().ok_or("no line")?)?;
    let anchors = outer.path().join("anchors");
    let line = format!(
        "audit {} n={} h={}\n",
        last["log"].as_str().unwrap_or_default(),
        last["n"],
        last["h"].as_str().unwrap_or_default()
    );
    fs::write(&anchors, line)?;

    let mut chance = fastrand::Rng::with_seed(7);
    let mut dirs = Vec::new();
    for i in 0..many {
        let mut files = whole.clone();
        if i == 1 {
            // Emptied, as by a shell's redirection.
            files.retain(|name, _| whole.keys().next() == Some(name));
            files.values_mut().for_each(Vec::clear);
        } else if i == 2 {
            // Its first segment is gone, as if it had never been.
            files.pop_first();
        } else if i > 0 {
            mutate(&mut files, i % 10, &mut chance);
        }
        let state = outer.path().join(format!("{i}"));
        fs::create_dir_all(state.join("audit"))?;
        for (name, bytes) in files {
            fs::write(state.join("audit").join(name), bytes)?;
        }
        dirs.push(state);
    }
    let begun = Utc::now();
    let minutes = |minutes| Some(begun + Duration::minutes(minutes));
    let rounds = [
        (None, None),
        (Some(anchors.as_path()), None),
        // One session of three was killed: its next checkpoint is overdue after twenty minutes.
        (None, minutes(0)),
        (None, minutes(30)),
    ];
    let mut broken = Vec::new();
    for (anchors, now) in rounds {
        let python = python().ok_or("python3 is gone")?;
        let mut count = 0;
        for (i, (holds, line)) in theirs(python, &dirs, anchors, now)?.into_iter().enumerate() {
            let ours = match now {
                Some(now) => ours_at(&dirs[i], now)?,
                None => ours(&dirs[i], anchors)?,
            };
            let kind = i % 10;
            assert_eq!(ours, holds, "log {i} (kind {kind}, {now:?}): {line}");
            if i == 0 {
                assert_eq!(holds, now != minutes(30), "the unchanged log: {line}");
                assert!(holds || line.starts_with("UNSEALED "), "{line}");
            }
            assert!(i != 2 || line.starts_with("BROKEN "), "{line}");
            count += usize::from(!holds);
        }
        broken.push(count);
    }
    println!(
        "{many} logs, not held without anchors {}, with anchors {}, with checkpoints {}, half an hour later {}",
        broken[0], broken[1], broken[2], broken[3]
    );
    assert!(broken[0] > many / 2 && broken[1] > broken[0], "{broken:?}");
    assert!(
        broken[2] >= broken[0] && broken[3] >= broken[2],
        "{broken:?}"
    );
    Ok(())
}

/// The log of made records.
const MADE: &str = "01M8NGXDGNT3HBB8A5BQ63WYKY";

/// Gives a record that has its own hash, with some fields as JSON instead of the usual ones, and its hash.
fn made(seg: u64, n: u64, prev: &str, fields: &[(&str, &str)]) -> (String, String) {
    let (log, seg, n) = (format!("\"{MADE}\""), seg.to_string(), n.to_string());
    let usual = [
        ("log", log.as_str()),
        ("seg", seg.as_str()),
        ("n", n.as_str()),
        ("ts", "\"2027-01-15T08:00:00.000000Z\""),
        ("boot_us", "1"),
        ("host", "\"east\""),
        ("uid", "1000"),
        ("user", "\"ana\""),
        ("pid", "7"),
        ("sess", "\"01M8NGXDGNT3HBB8A5BQ63WYKZ\""),
        ("type", "\"clock.jump\""),
        ("data", "{\"seconds\":9}"),
    ];
    let said: Vec<String> = usual
        .iter()
        .map(|(name, value)| {
            let other = fields.iter().find(|(field, _)| field == name);
            format!("\"{name}\":{}", other.map_or(*value, |(_, value)| *value))
        })
        .collect();
    let hashed = format!("{{\"v\":1,{},\"prev\":\"{prev}\"", said.join(","));
    let h = ChainHash::of(hashed.as_bytes()).to_string();
    (format!("{hashed},\"h\":\"{h}\"}}\n"), h)
}

/// Gives records of a segment that follow from one another and from the record before.
fn follow(seg: u64, after: u64, prev: &str, records: &[&[(&str, &str)]]) -> String {
    let (mut text, mut prev) = (String::new(), prev.to_owned());
    for (n, fields) in (after + 1..).zip(records) {
        let (line, h) = made(seg, n, &prev, fields);
        text.push_str(&line);
        prev = h;
    }
    text
}

/// Gives the first segment of a log, with a record that has one other field.
fn with(name: &str, value: &str) -> String {
    let zeros = "0".repeat(64);
    follow(1, 0, &zeros, &[&[], &[(name, value)], &[]])
}

/// Gives a second segment whose second record, and a third one, say what became of the first.
fn with_removed(after: u64, said: &[&str]) -> String {
    let prev = "a".repeat(64);
    let start = format!("{{\"prev_h\":\"{prev}\"}}");
    let mut records = vec![vec![
        ("type", "\"segment.start\""),
        ("data", start.as_str()),
    ]];
    for data in said.iter().copied() {
        records.push(vec![("type", "\"segment.pruned\""), ("data", data)]);
    }
    let records: Vec<&[(&str, &str)]> = records.iter().map(Vec::as_slice).collect();
    follow(2, after, &prev, &records)
}

/// Gives torn bytes and the record that names them.
fn with_torn(torn: &str, data: &str) -> String {
    let named = [("type", "\"log.recovered\""), ("data", data)];
    format!("{torn}\n{}", follow(1, 0, &"0".repeat(64), &[&named]))
}

/// A made log: its name here, the ends of the files' names with what is in them, and whether the log holds.
type Made = (&'static str, Vec<(&'static str, String)>, bool);

fn all_made() -> Vec<Made> {
    let alone = |name, text, holds| (name, vec![("1", text)], holds);
    let ts = |name, at: &str, holds| alone(name, with("ts", &format!("\"{at}Z\"")), holds);
    let second = |name, after, said: &[&str], holds| {
        let text = with_removed(after, said);
        (name, vec![("2", text)], holds)
    };
    let beside = |name, number, text: &str, holds| {
        let whole = with("uid", "1000");
        (name, vec![("1", whole), (number, text.to_owned())], holds)
    };
    let (a, upper) = ("a".repeat(64), "A".repeat(64));
    let gone =
        |segment: &str, n: &str| format!("{{\"segment\":{segment},\"n\":{n},\"h\":\"{a}\"}}");
    let good = gone("1", "10");
    let turned = format!("{{\"h\":\"{a}\",\"n\":10,\"segment\":1}}");
    let more = format!("{{\"segment\":1,\"n\":10,\"h\":\"{a}\",\"by\":[\"ana\"]}}");
    let no_hash = "{\"segment\":1,\"n\":10,\"h\":5}";
    let in_upper = format!("{{\"segment\":1,\"n\":10,\"h\":\"{upper}\"}}");
    let sha = |torn: &str| quell::domain::audit::sha256_hex(torn.as_bytes());
    let (junk, x) = (sha("junk"), sha("x"));
    let named = |len: &str, sha: &str| format!("{{\"len\":{len},\"sha256\":\"{sha}\"}}");
    let torn = |name, torn, data: &str, holds| alone(name, with_torn(torn, data), holds);
    vec![
        alone("whole", with("uid", "1000"), true),
        alone("greatest user", with("uid", "4294967295"), true),
        alone("no user", with("uid", "4294967296"), false),
        alone("a far greater user", with("uid", "9007199254740991"), false),
        alone("no process", with("pid", "4294967296"), false),
        alone("no session", with("sess", "\"x\""), false),
        alone(
            "session in lower case",
            with("sess", "\"01m8ngxdgnt3hbb8a5bq63wykz\""),
            false,
        ),
        alone(
            "too great a session",
            with("sess", "\"81M8NGXDGNT3HBB8A5BQ63WYKZ\""),
            false,
        ),
        alone(
            "type of a newer version",
            with("type", "\"session.pause\""),
            true,
        ),
        alone(
            "known type with more",
            with("data", "{\"seconds\":9,\"by\":[1]}"),
            true,
        ),
        alone(
            "known type in another form",
            with("data", "{\"seconds\":\"nine\"}"),
            true,
        ),
        ts("the same time", "2027-01-15T08:00:00.000000", true),
        ts("no month", "2027-99-99T99:99:99.999999", false),
        ts("no day", "2027-02-31T08:00:00.000000", false),
        ts("no leap day", "2027-02-29T08:00:00.000000", false),
        ts("a leap day", "2028-02-29T08:00:00.000000", true),
        ts(
            "no leap day in a century",
            "2100-02-29T08:00:00.000000",
            false,
        ),
        ts("no hour", "2027-01-15T24:00:00.000000", false),
        ts("no minute", "2027-01-15T08:60:00.000000", false),
        ts("a leap second", "2027-06-30T23:59:60.070000", true),
        ts("no second", "2027-06-30T23:59:61.070000", false),
        ts("the year 0", "0000-02-29T08:00:00.000000", true),
        ts("other digits", "\\u0662027-01-15T08:00:00.000000", false),
        ts(
            "digits of another script",
            "\\u0662\\u0660\\u0662\\u0667-01-15T08:00:00.000000",
            false,
        ),
        ts("no fraction", "2027-01-15T08:00:00", false),
        second("removed on purpose", 10, &[&good], true),
        second("removed, keys in another order", 10, &[&turned], true),
        second("removed, with more", 10, &[&more], true),
        second(
            "removed, of another form behind it",
            10,
            &[&good, no_hash],
            true,
        ),
        second(
            "removed, of another hash behind it",
            10,
            &[&good, &in_upper],
            false,
        ),
        second("a segment that is true", 10, &[&gone("true", "10")], false),
        second("a record that is true", 1, &[&gone("1", "true")], false),
        second("the first record", 1, &[&gone("1", "1")], true),
        second("a record below none", 10, &[&gone("1", "-1")], false),
        second("a record that is none", 10, &[&gone("1", "null")], false),
        second("removed without a word", 10, &[], false),
        torn("torn and named", "junk", &named("4", &junk), true),
        torn(
            "torn, a length that is true",
            "x",
            &named("true", &x),
            false,
        ),
        torn("torn, a length that is one", "x", &named("1", &x), true),
        torn(
            "torn, keys in another order",
            "junk",
            &format!("{{\"sha256\":\"{junk}\",\"len\":4}}"),
            false,
        ),
        torn(
            "torn, with more",
            "junk",
            &format!("{{\"len\":4,\"sha256\":\"{junk}\",\"by\":1}}"),
            false,
        ),
        beside("the last number", "9007199254740991", "", false),
        beside("one number more", "9007199254740992", "", false),
        beside("the last of 64 bits", "18446744073709551615", "", false),
        beside("more than 64 bits", "18446744073709551616", "", false),
        beside(
            "far more",
            "99999999999999999999999",
            &with("uid", "1000"),
            false,
        ),
        beside("no number at all", "01", "", true),
        (
            "alone",
            vec![("18446744073709551615", String::new())],
            false,
        ),
        (
            "alone, with a record",
            vec![("9007199254740992", with("uid", "1000"))],
            false,
        ),
    ]
}

#[test]
fn both_verifiers_judge_made_logs_alike() -> Done {
    if python().is_none() {
        println!("not run: both_verifiers_judge_made_logs_alike (missing python3)");
        return Ok(());
    }
    let outer = tempfile::tempdir()?;
    let (mut dirs, all) = (Vec::new(), all_made());
    for (i, (_, files, _)) in all.iter().enumerate() {
        let state = outer.path().join(format!("{i}"));
        fs::create_dir_all(state.join("audit"))?;
        for (number, text) in files {
            let name = format!("audit-{MADE}-{number}.jsonl");
            fs::write(state.join("audit").join(name), text)?;
        }
        dirs.push(state);
    }
    let theirs = theirs(python().ok_or("python3 is gone")?, &dirs, None, None)?;
    for ((state, (name, _, holds)), (said, line)) in dirs.iter().zip(&all).zip(&theirs) {
        assert_eq!(
            (ours(state, None)?, *said),
            (*holds, *holds),
            "{name}: {line}"
        );
    }
    Ok(())
}

/// What a newer version says of the start of a session takes nothing from the key that seals it.
#[test]
fn both_verifiers_take_the_key_of_a_session_whatever_else_it_says() -> Done {
    if python().is_none() {
        println!(
            "not run: both_verifiers_take_the_key_of_a_session_whatever_else_it_says (missing python3)"
        );
        return Ok(());
    }
    let at: DateTime<Utc> = "2027-01-15T08:00:00Z".parse()?;
    let key = "0".repeat(64);
    for (data, minutes, holds) in [
        (format!("{{\"public_key\":\"{key}\"}}"), 0, true),
        (
            format!("{{\"mode\":{{}},\"public_key\":\"{key}\"}}"),
            20,
            true,
        ),
        // No checkpoint of it came.
        (format!("{{\"public_key\":\"{key}\"}}"), 22, false),
        (format!("{{\"public_key\":[\"{key}\"]}}"), 0, false),
        (format!("{{\"public_key\":\"{key}0\"}}"), 0, false),
        ("{\"public_key\":null}".to_owned(), 0, false),
        ("{}".to_owned(), 0, false),
    ] {
        let state = tempfile::tempdir()?;
        let dir = state.path().join("audit");
        fs::create_dir(&dir)?;
        let opened = [("type", "\"session.open\""), ("data", data.as_str())];
        let text = follow(1, 0, &"0".repeat(64), &[&opened, &[]]);
        fs::write(dir.join(format!("audit-{MADE}-1.jsonl")), text)?;
        let now = at + Duration::minutes(minutes);
        let python = python().ok_or("python3 is gone")?;
        let theirs = theirs(python, &[state.path().to_owned()], None, Some(now))?;
        let (said, line) = theirs.first().ok_or("no verdict")?;
        let ours = ours_at(state.path(), now)?;
        assert_eq!((ours, *said), (holds, holds), "{data} {minutes}: {line}");
    }
    Ok(())
}
