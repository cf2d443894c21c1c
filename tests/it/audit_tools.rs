//! `quell audit` beyond verifying: searching, exporting, merging, pruning, and what the words say of anchors.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use chrono::{DateTime, Utc};
use quell::cli::audit::{
    Asked, BROKEN, Form, OK, UNREADABLE, WARNINGS, export, merge, prune, show_some, verify_asked,
};
use quell::domain::audit::{Anchor, Body, ChainHash, Entry, Expectations, Filter, Observed};
use quell::domain::ids::{CaseId, ConnectionName, LogId, PlanId};
use quell::store::audit::{AuditLog, Ground, HEAD, Identity, read};
use serde_json::{Value, json};

use crate::audit_agree::python;
use crate::audit_seal::{closing, note, opening, outcome};

type Done = Result<(), Box<dyn Error>>;

fn log_of(dir: &Path, host: &str, user: &str) -> Result<AuditLog, Box<dyn Error>> {
    let identity = Identity {
        host: host.into(),
        uid: 1000,
        user: user.into(),
    };
    Ok(AuditLog::open(dir, identity)?)
}

fn case_note(case: &str, text: &str) -> Result<Body, Box<dyn Error>> {
    Ok(Body::Note {
        case: CaseId::new(ConnectionName::parse("hive")?, case),
        text: text.into(),
        operator: None,
    })
}

fn told(dir: &Path, filter: Filter, form: Form) -> Result<Vec<String>, Box<dyn Error>> {
    let mut out = Vec::new();
    show_some(dir, filter, form, &mut out)?;
    Ok(String::from_utf8(out)?.lines().map(str::to_owned).collect())
}

fn anchors(entries: &[Entry]) -> Asked {
    let anchors = entries.iter().map(|entry| Anchor {
        log: entry.log.clone(),
        n: entry.n,
        h: entry.h,
    });
    Asked {
        expectations: Expectations {
            anchors: anchors.collect(),
            ..Expectations::default()
        },
        with_anchors: true,
        ..Asked::default()
    }
}

fn verdict(dir: &Path, asked: &Asked) -> Result<(u8, String), Box<dyn Error>> {
    let mut out = Vec::new();
    let code = verify_asked(dir, asked, &mut out)?;
    Ok((code, String::from_utf8(out)?))
}

#[test]
fn records_are_found_by_user_case_action_and_time() -> Done {
    let dir = tempfile::tempdir()?;
    let log = log_of(dir.path(), "bastion", "ana")?;
    let refusal = Body::Refusal {
        case: CaseId::new(ConnectionName::parse("hive")?, "~2"),
        account: None,
        login: "j.doe@example.net".into(),
        kinds: vec!["suspend".into()],
        guard: "protected".into(),
        reason: "on the list".into(),
    };
    let entries =
        log.append_blocking(vec![opening(), case_note("~1", "a")?, refusal, outcome()])?;
    let count = |set: &dyn Fn(&mut Filter)| -> Result<usize, Box<dyn Error>> {
        let mut filter = Filter::default();
        set(&mut filter);
        Ok(told(dir.path(), filter, Form::Text)?.len())
    };
    let all = 5; // with the checkpoint
    assert_eq!(count(&|_| ())?, all);
    assert_eq!(count(&|filter| filter.user = Some("ANA".into()))?, all);
    assert_eq!(
        count(&|filter| filter.user = Some("j.doe@example.net".into()))?,
        1
    );
    assert_eq!(count(&|filter| filter.case = Some("~2".into()))?, 1);
    assert_eq!(count(&|filter| filter.case = Some("~3".into()))?, 0);
    assert_eq!(count(&|filter| filter.action = Some("suspend".into()))?, 1);
    assert_eq!(
        count(&|filter| filter.action = Some("action.outcome".into()))?,
        1
    );
    let at = entries.get(1).map(|entry| entry.ts);
    assert_eq!(count(&|filter| filter.since = at)?, all - 1);
    assert_eq!(count(&|filter| filter.until = at)?, 1);
    Ok(())
}

#[test]
fn records_of_an_action_are_found_by_the_case_and_user_of_its_plan() -> Done {
    let dir = tempfile::tempdir()?;
    let log = log_of(dir.path(), "bastion", "ana")?;
    let connection = ConnectionName::parse("hive")?;
    let Body::ActionOutcome { aid, .. } = outcome() else {
        return Err("no outcome".into());
    };
    let plan = Body::ActionPlan {
        pid: PlanId::from_parts(DateTime::UNIX_EPOCH, 5),
        aid,
        order: 1,
        kind: "suspend".into(),
        case: CaseId::new(connection.clone(), "~9"),
        account: quell::domain::ids::AccountId::new(connection, "00u1"),
        login: "j.doe".into(),
        snapshot: Value::Null,
        server_date: None,
        guards: Vec::new(),
        plan_hash: "0".into(),
        expires: DateTime::UNIX_EPOCH,
    };
    log.append_blocking(vec![note(1)?, plan, outcome()])?;
    for (user, case, action) in [
        (Some("00u1"), None, None),
        (None, Some("~9"), None),
        (None, None, Some("suspend")),
    ] {
        let mut filter = Filter::default();
        filter.user = user.map(str::to_owned);
        filter.case = case.map(str::to_owned);
        filter.action = action.map(str::to_owned);
        let lines = told(dir.path(), filter, Form::Text)?;
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
    Ok(())
}

#[test]
fn an_exported_table_has_no_formula_and_no_raw_control() -> Done {
    let dir = tempfile::tempdir()?;
    let log = log_of(dir.path(), "=cmd|' /C calc'!A0", "@SUM(1)\u{1b}[2J")?;
    log.append_blocking(vec![
        opening(),
        case_note("~1", "=1+1\n\u{202e}")?,
        closing(),
    ])?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(
        export(dir.path(), Filter::default(), true, &mut out, &mut err)?,
        OK
    );
    let text = String::from_utf8(out)?;
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(
        text.starts_with("timestamp,quell.log,event.sequence,host.name,"),
        "{text}"
    );
    let header = text.lines().next().unwrap_or_default();
    let is_word = |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase());
    assert!(header.split(',').all(is_word), "{header}");
    let first = text.lines().nth(1).unwrap_or_default();
    let at = first.split(',').next().unwrap_or_default();
    assert!(DateTime::parse_from_rfc3339(at).is_ok(), "{first}");
    for line in text.lines().skip(1) {
        assert!(
            line.contains("\"'=cmd|") && line.contains("'@SUM(1)"),
            "{line}"
        );
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line}");
    }
    let mut out = Vec::new();
    assert_eq!(
        export(dir.path(), Filter::default(), false, &mut out, &mut err)?,
        OK
    );
    for line in String::from_utf8(out)?.lines() {
        let read: Value = serde_json::from_str(line)?;
        assert!(read["event"]["action"].is_string());
    }
    assert!(err.is_empty());
    Ok(())
}

#[test]
fn logs_of_several_hosts_are_merged_by_time() -> Done {
    let outer = tempfile::tempdir()?;
    let dirs = [outer.path().join("a"), outer.path().join("b")];
    let (a, b) = (
        log_of(&dirs[0], "east", "ana")?,
        log_of(&dirs[1], "west", "bo")?,
    );
    for i in 0..5 {
        a.append_blocking(vec![note(i)?])?;
        b.append_blocking(vec![note(i)?])?;
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(
        merge(&dirs, Filter::default(), Form::Json, &mut out, &mut err)?,
        OK
    );
    let read: Vec<Value> = String::from_utf8(out)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let hosts: Vec<&str> = read
        .iter()
        .filter_map(|line| line["host"]["name"].as_str())
        .collect();
    assert_eq!(hosts, ["east", "west"].repeat(5));
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Done {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

#[test]
fn a_log_and_its_copies_are_told_once_and_what_only_one_has_is_not_lost() -> Done {
    let outer = tempfile::tempdir()?;
    let [whole, early, other] = ["whole", "early", "other"].map(|name| outer.path().join(name));
    let ground = || Ground {
        rotate_at: 2_000,
        ..Ground::default()
    };
    let identity = || Identity {
        host: "east".into(),
        uid: 1000,
        user: "ana".into(),
    };
    let log = AuditLog::open_on(&whole, identity(), ground())?;
    let id = log.log().clone();
    for i in 0..6 {
        log.append_blocking(vec![note(i)?])?;
    }
    copy(&whole, &early)?;
    let copied = read(&early)?.len();
    for i in 6..10 {
        log.append_blocking(vec![note(i)?])?;
    }
    drop(log);
    // The copy went on by itself: what it has behind the fork is nobody else's.
    AuditLog::open_on(&early, identity(), ground())?
        .append_blocking(vec![case_note("~7", "fork")?])?;
    log_of(&other, "west", "bo")?.append_blocking(vec![note(0)?])?;
    let dirs = [whole.clone(), early.clone(), other, whole.clone()];
    let told = |filter: Filter| -> Result<(Vec<String>, String), Box<dyn Error>> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        merge(&dirs, filter, Form::Text, &mut out, &mut err)?;
        let lines = String::from_utf8(out)?.lines().map(str::to_owned).collect();
        Ok((lines, String::from_utf8(err)?))
    };
    let (lines, err) = told(Filter::default())?;
    let all = read(&whole)?.len();
    let fork = read(&early)?.len() - copied;
    assert_eq!(lines.len(), all + fork + 1, "{lines:#?}");
    let twice = all + copied;
    let parted = format!(
        "BROKEN: copies of the audit log {id} have different records {}: one was rewritten, or went on apart from the other\n",
        copied + 1
    );
    assert_eq!(
        err,
        format!(
            "{twice} records stood in more than one of these logs, and are told once\n{parted}"
        )
    );
    let mut forked = Filter::default();
    forked.case = Some("~7".into());
    let (lines, err) = told(forked)?;
    assert_eq!((lines.len(), err), (1, parted));
    Ok(())
}

#[test]
fn copies_that_contradict_each_other_are_broken_for_both_tools_and_older_ones_are_not() -> Done {
    let outer = tempfile::tempdir()?;
    let [one, other, older] = ["one", "other", "older"].map(|name| outer.path().join(name));
    let log = log_of(&one, "east", "ana")?;
    let id = log.log().clone();
    log.append_blocking(vec![note(0)?, note(1)?])?;
    drop(log);
    copy(&one, &other)?;
    copy(&one, &older)?;
    let last = read(&one)?.len() + 1;
    for (dir, words) in [(&one, "what was done"), (&other, "what was told")] {
        log_of(dir, "east", "ana")?.append_blocking(vec![case_note("~1", words)?])?;
    }
    for (dirs, contradict) in [
        ([&one, &other, &older], true),
        ([&older, &other, &one], true),
        ([&one, &older, &one], false),
        ([&older, &other, &other], false),
    ] {
        let dirs = dirs.map(Clone::clone);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = merge(&dirs, Filter::default(), Form::Json, &mut out, &mut err)?;
        let err = String::from_utf8(err)?;
        let words = format!("BROKEN: copies of the audit log {id} have different records {last}:");
        assert_eq!(err.contains(&words), contradict, "{dirs:?}: {err}");
        assert_eq!(code == BROKEN, contradict, "{dirs:?}: {err}");
        // Neither hides the other.
        let told = String::from_utf8(out)?.lines().count();
        assert_eq!(told, last + usize::from(contradict), "{dirs:?}");
        let Some(mut python) = python() else { continue };
        let said = python.args(&dirs).output()?;
        let words = format!("BROKEN {id} record {last} is another");
        let told = String::from_utf8(said.stdout)?;
        assert_eq!(told.contains(&words), contradict, "{dirs:?}: {told}");
        assert_eq!(said.status.code() == Some(1), contradict, "{told}");
    }
    Ok(())
}

/// An exit code, how many lines were printed, and what was said beside them.
type Said = (Option<i32>, usize, String);

/// Asks `quell audit`.
fn asked_for(state: &Path, words: &[&str]) -> Result<Said, Box<dyn Error>> {
    let mut quell = Command::new(env!("CARGO_BIN_EXE_quell"));
    quell.arg("--state").arg(state).arg("audit").args(words);
    let out = quell.output()?;
    let lines = String::from_utf8(out.stdout)?.lines().count();
    Ok((out.status.code(), lines, String::from_utf8(out.stderr)?))
}

#[test]
fn what_tells_records_says_where_a_log_is_not_as_this_host_remembers_it() -> Done {
    let state = tempfile::tempdir()?;
    let state = state.path();
    let dir = state.join("audit");
    let log = log_of(&dir, "bastion", "ana")?;
    log.append_blocking(vec![opening(), note(1)?, closing()])?;
    let path = dir.join(format!("audit-{}-1.jsonl", log.log()));
    drop(log);
    let last = read(&dir)?.pop().ok_or("no record")?;
    let (n, h) = (last.n, last.h);
    let head = Anchor {
        log: last.log,
        n,
        h,
    };
    fs::write(state.join(HEAD), format!("{head}\n"))?;
    let backup = state.join("backup");
    copy(&dir, &backup)?;
    let (whole, saved) = (dir.display().to_string(), backup.display().to_string());
    let (whole, saved) = (whole.as_str(), saved.as_str());
    let all: [&[&str]; 6] = [
        &["show"],
        &["show", "--json"],
        &["export"],
        &["export", "--csv"],
        &["merge", whole],
        &["merge", "--json", whole],
    ];
    let verified = || asked_for(state, &["verify"]).map(|(code, ..)| code);
    for words in all {
        let (code, _, err) = asked_for(state, words)?;
        assert_eq!((code, err.as_str()), (verified()?, ""), "{words:?}");
    }

    let text = fs::read_to_string(&path)?;
    // The last record is the one that is remembered.
    fs::write(&path, text.replacen("note 1", "nose 1", 1))?;
    for words in all {
        let (code, _, err) = asked_for(state, words)?;
        assert_eq!((code, verified()?), (Some(1), Some(1)), "{words:?}: {err}");
        let said = "BROKEN: a log was altered or damaged";
        assert!(err.starts_with(said), "{words:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{words:?}: {err}");
    }
    let cut: String = text.split_inclusive('\n').take(2).collect();
    for left in [cut.as_str(), ""] {
        fs::write(&path, left)?;
        for words in all {
            let (code, _, err) = asked_for(state, words)?;
            assert_eq!((code, verified()?), (Some(1), Some(1)), "{words:?}: {err}");
            assert!(err.starts_with("NOT AS REMEMBERED: "), "{words:?}: {err}");
            assert!(err.contains("was cut off or emptied"), "{words:?}: {err}");
            assert_eq!(err.lines().count(), 1, "{words:?}: {err}");
        }
        // What another copy has is not missing among what is told.
        let (code, _, err) = asked_for(state, &["merge", whole, saved])?;
        assert_ne!(code, Some(1), "{err}");
        assert!(!err.contains("REMEMBERED"), "{err}");
    }

    fs::remove_file(&path)?;
    for words in &all[..4] {
        let (code, lines, err) = asked_for(state, words)?;
        assert_eq!((code, verified()?), (Some(1), Some(1)), "{words:?}: {err}");
        assert!(err.contains("is gone: this host remembers it"), "{err}");
        assert_eq!(lines, usize::from(words.contains(&"--csv")), "{words:?}");
    }
    // The log of another host lies beside what is remembered of ours.
    let foreign = state.join("foreign");
    log_of(&foreign, "west", "bo")?.append_blocking(vec![note(1)?])?;
    let foreign = foreign.display().to_string();
    let (code, _, err) = asked_for(state, &["merge", &foreign])?;
    assert!(code != Some(1) && err.is_empty(), "{code:?}: {err}");

    fs::write(&path, &text)?;
    fs::write(state.join(HEAD), "nothing of ours\n")?;
    for words in all {
        let (code, _, err) = asked_for(state, words)?;
        assert_eq!((code, verified()?), (Some(2), Some(2)), "{words:?}: {err}");
        let said = "warning: what this host remembers of the log cannot be read";
        assert!(err.starts_with(said), "{words:?}: {err}");
    }
    Ok(())
}

#[test]
fn a_record_put_twice_into_one_log_is_told_twice() -> Done {
    let outer = tempfile::tempdir()?;
    let dir = outer.path().join("a");
    log_of(&dir, "east", "ana")?.append_blocking(vec![note(0)?, note(1)?])?;
    let files = fs::read_dir(&dir)?.flatten().map(|file| file.path());
    let mut segments = files.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let path = segments.next().ok_or("no file")?;
    let text = fs::read_to_string(&path)?;
    let last = text.lines().last().ok_or("no line")?.to_owned();
    fs::write(&path, format!("{text}{last}\n"))?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = merge(&[dir], Filter::default(), Form::Text, &mut out, &mut err)?;
    assert_eq!((code, String::from_utf8(out)?.lines().count()), (BROKEN, 3));
    assert!(String::from_utf8(err)?.starts_with("BROKEN"));
    Ok(())
}

#[test]
fn the_words_keep_intact_and_complete_apart() -> Done {
    let dir = tempfile::tempdir()?;
    let log = log_of(dir.path(), "bastion", "ana")?;
    log.append_blocking(vec![opening(), note(1)?, closing()])?;
    let entries = log.read_all()?;
    let (code, words) = verdict(dir.path(), &anchors(&entries[..3]))?;
    assert_eq!(code, OK);
    assert!(
        words.contains("intact: every record present follows"),
        "{words}"
    );
    assert!(
        words.contains("complete: up to record 3, by 3 anchors that fit"),
        "{words}"
    );
    assert!(words.contains("sealed: 1 checkpoints hold"), "{words}");

    let file = fs::read_dir(dir.path())?
        .filter_map(Result::ok)
        .map(|file| file.path());
    let path = file
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .ok_or("no file")?;
    let whole = fs::read_to_string(&path)?;
    let first: String = whole.split_inclusive('\n').take(1).collect();
    fs::write(&path, first)?;
    let (code, words) = verdict(dir.path(), &anchors(&entries))?;
    assert_eq!(code, BROKEN);
    assert!(
        words.contains("intact: every record present follows"),
        "{words}"
    );
    assert!(
        words.contains("NOT COMPLETE: an anchor names record 4"),
        "{words}"
    );

    let mut foreign = anchors(&[]);
    foreign.expectations.anchors.push(Anchor {
        log: LogId::from_parts(DateTime::UNIX_EPOCH, 9),
        n: 1,
        h: ChainHash::of(b"x"),
    });
    let (code, words) = verdict(dir.path(), &foreign)?;
    assert_eq!(code, WARNINGS);
    assert!(
        words.contains("complete: not known, no anchor fits"),
        "{words}"
    );
    assert!(
        words.contains("which is not here: another host's, or removed"),
        "{words}"
    );
    Ok(())
}

#[test]
fn pruning_records_what_it_removes_and_keeps_the_log_verifiable() -> Done {
    let dir = tempfile::tempdir()?;
    let ground = Ground {
        rotate_at: 3000,
        ..Ground::default()
    };
    let identity = quell::cli::compose::identity();
    let log = AuditLog::open_on(dir.path(), identity, ground)?;
    log.append_blocking(vec![opening()])?;
    for i in 0..20 {
        log.append_blocking(vec![note(i)?])?;
    }
    log.append_blocking(vec![closing()])?;
    drop(log);
    let before = read(dir.path())?;
    let mut out = Vec::new();
    let long_ago = DateTime::UNIX_EPOCH;
    assert_eq!(prune(dir.path(), long_ago, None, &mut out)?, WARNINGS);
    assert_eq!(read(dir.path())?, before);

    assert_eq!(prune(dir.path(), Utc::now(), None, &mut out)?, OK);
    let after = read(dir.path())?;
    let pruned: Vec<u64> = after
        .iter()
        .filter_map(|entry| match &entry.body {
            Body::SegmentPruned(pruned) => Some(pruned.segment),
            _ => None,
        })
        .collect();
    assert!(
        pruned.len() > 1 && after.first().is_some_and(|entry| entry.seg > 2),
        "{pruned:?}"
    );
    let (_, words) = verdict(dir.path(), &Asked::default())?;
    assert!(
        words.contains("intact: ") && words.contains("removed on purpose, as the log says"),
        "{words}"
    );
    let last = after.last().ok_or("no record")?;
    let from = after.first().map_or(0, |entry| entry.n);
    let (code, words) = verdict(dir.path(), &anchors(std::slice::from_ref(last)))?;
    assert!(code == OK || code == WARNINGS, "{words}");
    let complete = format!("complete: from record {from} up to record {}, by", last.n);
    assert!(words.contains(&complete), "{words}");

    // Removing one more, by hand, is not what the log says.
    let first = after
        .first()
        .map(|entry| (entry.log.clone(), entry.seg))
        .ok_or("no record")?;
    if after.iter().any(|entry| entry.seg == first.1 + 1) {
        fs::remove_file(
            dir.path()
                .join(format!("audit-{}-{}.jsonl", first.0, first.1)),
        )?;
        let (code, words) = verdict(dir.path(), &anchors(std::slice::from_ref(last)))?;
        assert_eq!(code, BROKEN, "{words}");
        assert!(
            words.contains("the log does not say that they were removed"),
            "{words}"
        );
        assert!(!words.contains("complete: from"), "{words}");
        assert!(
            words.contains("complete: not known, 1 anchors fit a record here and faults stand"),
            "{words}"
        );
    }
    Ok(())
}

#[test]
fn a_first_segment_that_was_taken_away_is_no_pruned_one() -> Done {
    let dir = tempfile::tempdir()?;
    let ground = Ground {
        rotate_at: 2_000,
        ..Ground::default()
    };
    let log = AuditLog::open_on(dir.path(), quell::cli::compose::identity(), ground)?;
    log.append_blocking(vec![opening()])?;
    for i in 0..10 {
        log.append_blocking(vec![note(i)?])?;
    }
    log.append_blocking(vec![closing()])?;
    let (id, entries) = (log.log().clone(), log.read_all()?);
    drop(log);
    let last = entries.last().ok_or("no record")?;
    let (code, words) = verdict(dir.path(), &anchors(std::slice::from_ref(last)))?;
    assert_eq!(code, OK, "{words}");
    fs::remove_file(dir.path().join(format!("audit-{id}-1.jsonl")))?;
    let asked = Asked {
        json: true,
        ..anchors(std::slice::from_ref(last))
    };
    let (code, told) = verdict(dir.path(), &asked)?;
    assert_eq!(code, BROKEN, "{told}");
    let told: Value = serde_json::from_str(&told)?;
    let log = &told["logs"][0];
    assert_eq!(log["intact"], false);
    assert_eq!(log["anchors"], 1);
    assert_eq!(log["complete_to"], Value::Null);
    // Nothing is made good by removing more of it.
    let mut out = Vec::new();
    assert_eq!(prune(dir.path(), Utc::now(), None, &mut out)?, BROKEN);
    if let Some(mut python) = crate::audit_agree::python() {
        let said = python.arg(dir.path()).output()?;
        assert_eq!(said.status.code(), Some(1), "{said:?}");
    }
    Ok(())
}

#[test]
fn a_folder_without_a_log_is_answered_with_the_same_keys() -> Done {
    let dir = tempfile::tempdir()?;
    let log = LogId::from_parts(DateTime::UNIX_EPOCH, 9);
    let anchor = Anchor {
        log: log.clone(),
        n: 1,
        h: ChainHash::of(b"x"),
    };
    let named = Expectations {
        anchors: vec![anchor],
        ..Expectations::default()
    };
    let missing = dir.path().join("missing");
    for place in [dir.path(), missing.as_path()] {
        for (expectations, elsewhere) in [
            (Expectations::default(), Vec::new()),
            (named.clone(), vec![log.as_str()]),
        ] {
            let asked = Asked {
                json: true,
                expectations,
                notes: vec!["the head cannot be read".into()],
                ..Asked::default()
            };
            let (code, told) = verdict(place, &asked)?;
            assert_eq!(code, UNREADABLE, "{told}");
            let told: Value = serde_json::from_str(&told)?;
            let expected = json!({
                "exit": UNREADABLE,
                "logs": [],
                "elsewhere": elsewhere,
                "notes": ["the head cannot be read"],
                "remembered": [],
            });
            assert_eq!(told, expected);
        }
    }
    Ok(())
}

#[test]
fn a_log_that_others_may_read_or_write_is_a_warning() -> Done {
    let dir = tempfile::tempdir()?;
    let log = log_of(dir.path(), "bastion", "ana")?;
    log.append_blocking(vec![opening(), closing()])?;
    let path = dir.path().join(format!("audit-{}-1.jsonl", log.log()));
    for (mode, expected) in [
        (0o600, OK),
        (0o400, OK),
        (0o644, WARNINGS),
        (0o620, WARNINGS),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        let (code, words) = verdict(dir.path(), &Asked::default())?;
        assert_eq!(code, expected, "{mode:o}: {words}");
        let said = words.contains("others may read or write it");
        assert_eq!(said, expected == WARNINGS, "{words}");
    }
    Ok(())
}

#[test]
fn what_is_being_read_back_has_no_outcome_yet_in_an_export() -> Done {
    let dir = tempfile::tempdir()?;
    let log = log_of(dir.path(), "bastion", "ana")?;
    let Body::ActionOutcome { aid, .. } = outcome() else {
        return Err("no outcome".into());
    };
    let observed = Body::ActionObserve(Observed {
        aid: aid.clone(),
        evidence: "ACTIVE".into(),
        matches: Some(false),
        reads: 1,
        used: None,
        effect_at: None,
    });
    let adopted = Body::ActionAdopt { aid, owner_pid: 7 };
    log.append_blocking(vec![observed, adopted])?;
    for line in told(dir.path(), Filter::default(), Form::Json)? {
        let read: Value = serde_json::from_str(&line)?;
        assert_eq!(read["event"]["outcome"], "unknown", "{line}");
    }
    Ok(())
}
