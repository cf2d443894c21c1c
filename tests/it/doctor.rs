//! The doctor against the drill's servers: what works today and what would not.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use quell::cli::compose::{self, Host, Loaded};
use quell::cli::doctor::{Check, Verdict, examine, exit_code};
use quell::config::settings::Policy;
use quell::domain::audit::{Anchor, ChainHash};
use quell::domain::containment::campaign::Campaign;
use quell::domain::containment::counted::Counted;
use quell::domain::containment::kind::ActionKind;
use quell::domain::freshness::Moment;
use quell::domain::ids::{AccountId, CaseId, ConnectionName};
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::clock::{Clock as _, SystemClock};
use quell::store::audit::{Disk, Free, HEAD, RealDisk};
use quell::store::state::StateDir;
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use crate::audit_logs::run;
use crate::audit_processes::leave_orphans;
use crate::harness::app::{company, company_of, no_host, records};
use crate::harness::root;

fn private(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

fn now() -> Moment {
    SystemClock.now()
}

async fn report(
    drill: &Drill,
    dir: &TempDir,
    host: &Host,
    edit: fn(String) -> String,
) -> Vec<Check> {
    report_on(drill, dir, host, edit, (now(), &mut RealDisk)).await
}

async fn report_on(
    drill: &Drill,
    dir: &TempDir,
    host: &Host,
    edit: fn(String) -> String,
    ground: (Moment, &mut dyn Disk),
) -> Vec<Check> {
    report_by(drill, dir, host, edit, |_| (), ground).await
}

/// Reports with a policy that was changed as only root could.
async fn report_by(
    drill: &Drill,
    dir: &TempDir,
    host: &Host,
    edit: fn(String) -> String,
    rule: impl FnOnce(&mut Policy),
    (at, disk): (Moment, &mut dyn Disk),
) -> Vec<Check> {
    let config = quell::cli::drill::write_config(dir.path(), drill).expect("it is written");
    let text = std::fs::read_to_string(&config).expect("it was written");
    std::fs::write(&config, edit(text)).expect("it can be written again");
    let mut loaded: Loaded =
        compose::load(Some(&config)).unwrap_or_else(|f| panic!("{:?}", f.faults));
    rule(&mut loaded.settings.policy);
    let state = StateDir::locate(Some(dir.path()), false).expect("an explicit path");
    examine(loaded, &state, host, at, disk).await
}

fn of<'a>(checks: &'a [Check], what: &str) -> &'a Check {
    checks
        .iter()
        .find(|check| check.what.as_str() == what)
        .unwrap_or_else(|| panic!("{what}: {checks:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_company_has_warnings_only() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    assert_eq!(exit_code(&checks), 2, "{checks:#?}");
    assert_eq!(of(&checks, "okta: disable account").verdict, Verdict::Ok);
    assert_eq!(of(&checks, "okta: clock").verdict, Verdict::Ok);
    for clock in ["hive: clock", "elastic: clock"] {
        assert_eq!(of(&checks, clock).verdict, Verdict::Ok, "{checks:#?}");
    }
    for may in ["comment in cases", "claim and close cases", "merge cases"] {
        let line = of(&checks, &format!("hive: may {may}"));
        assert_eq!(line.verdict, Verdict::Ok, "{line:?}");
    }
    assert_eq!(of(&checks, "hive: beyond need").verdict, Verdict::Warning);
    assert_eq!(of(&checks, "elastic: may read events").verdict, Verdict::Ok);
    assert_eq!(of(&checks, "okta: token expiry").verdict, Verdict::NotKnown);
    for fine in [
        "okta: secret",
        "log file system",
        "log permissions",
        "freeze",
        "caps",
    ] {
        assert_eq!(of(&checks, fine).verdict, Verdict::Ok, "{checks:#?}");
    }
    assert_eq!(of(&checks, "host policy").verdict, Verdict::Warning);
    assert!(drill.ledger().effects().is_empty(), "the doctor only reads");
}

/// What is beyond need at the case system.
fn beyond(checks: &[Check]) -> Vec<&str> {
    checks
        .iter()
        .filter(|check| check.what.as_str() == "hive: beyond need")
        .map(|check| check.found.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_right_that_the_console_uses_at_the_case_system_is_beyond_need() {
    const OBSERVABLE: &str = "manageObservable is granted, nothing here needs it";
    const TASK: &str = "manageTask is granted, nothing here needs it";
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    assert_eq!(beyond(&checks), [TASK, OBSERVABLE], "{checks:#?}");
    let checks = report(&drill, &dir, &no_host(), |text| {
        format!("{text}\n[runbook]\nmirror = \"phases\"\n")
    })
    .await;
    assert_eq!(beyond(&checks), [OBSERVABLE], "{checks:#?}");
    let tasks = of(&checks, "hive: may make and set tasks");
    assert_eq!(tasks.verdict, Verdict::Ok, "{tasks:?}");
    assert_eq!(tasks.found.as_str(), "granted: manageTask");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_fail_says_why() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    drill
        .fault(&json!({"server": "identity", "fault": "500", "rate": 1.0, "path": "/roles"}))
        .expect("the fault is known");
    let checks = report(&drill, &dir, &no_host(), |text| {
        text.replace("hive.token", "none.token")
    })
    .await;
    assert_eq!(exit_code(&checks), 1);
    let disable = of(&checks, "okta: disable account");
    assert_eq!(disable.verdict, Verdict::Fault);
    assert!(
        disable.found.as_str().contains("administrator roles"),
        "{disable:?}"
    );
    assert_eq!(of(&checks, "secret").verdict, Verdict::Fault);
    assert_eq!(of(&checks, "case system").verdict, Verdict::Warning);
    assert_eq!(of(&checks, "okta: enable account").verdict, Verdict::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theme_that_keeps_the_console_from_starting_is_a_fault() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let checks = report(&drill, &dir, &no_host(), |text| {
        format!("{text}\n[theme]\nname = \"neon\"\n")
    })
    .await;
    assert_eq!(exit_code(&checks), 1);
    let configuration = of(&checks, "configuration");
    assert_eq!(configuration.verdict, Verdict::Fault, "{configuration:?}");
    assert!(
        configuration.found.as_str().contains("neon"),
        "{configuration:?}"
    );
    let hint = configuration.hint.as_ref();
    assert!(hint.is_some_and(|hint| hint.as_str().contains("quell themes")));
    fails_for(&checks, "the console does not start: ");
}

/// Tells that every kind of action would fail, and names the reason.
fn fails_for(checks: &[Check], reason: &str) {
    for kind in ActionKind::ALL {
        let line = of(checks, &format!("okta: {}", kind.word()));
        assert_eq!(line.verdict, Verdict::Fault, "{line:?}");
        assert!(line.found.as_str().contains(reason), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_believed_fails_every_action() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let host = Host {
        policy: dir.path().join("policy.toml"),
        ..no_host()
    };
    std::fs::write(&host.policy, "protekted = []\n").expect("it is written");
    let checks = report(&drill, &dir, &host, |text| text).await;
    assert_eq!(of(&checks, "host policy").verdict, Verdict::Fault);
    fails_for(&checks, "the console does not start: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_switch_that_leads_to_nothing_is_on() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let host = Host {
        freeze: dir.path().join("freeze"),
        ..no_host()
    };
    std::os::unix::fs::symlink("/nonexistent/switch", &host.freeze).expect("a link");
    let checks = report(&drill, &dir, &host, |text| text).await;
    assert_eq!(of(&checks, "freeze").verdict, Verdict::Fault);
    fails_for(&checks, "the freeze switch of this host is on");
    std::fs::remove_file(&host.freeze).expect("it is there");
    // A file where a directory should be cannot be looked through, whoever asks.
    std::fs::write(dir.path().join("etc"), "").expect("a file");
    let host = Host {
        freeze: dir.path().join("etc/freeze"),
        ..no_host()
    };
    let checks = report(&drill, &dir, &host, |text| text).await;
    assert_eq!(of(&checks, "freeze").verdict, Verdict::Fault);
    fails_for(&checks, "the freeze switch cannot be read");
}

/// A change of the policy.
type Rule = Box<dyn FnOnce(&mut Policy)>;

fn cap(policy: &mut Policy) {
    policy.caps.per_person = 1;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_that_is_reached_stops_only_where_nothing_goes_beyond_it() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let name = |name| ConnectionName::parse(name).expect("a name");
    let case = CaseId::new(name("hive"), "~1");
    let account = AccountId::new(name("okta"), "00uOTHER");
    leave_orphans(dir.path(), &case, &account, 1).expect("the log takes them");
    let campaign = |until: i64| {
        let until = now().utc + chrono::TimeDelta::minutes(until);
        let campaign = Campaign {
            name: "phish-11".to_owned(),
            until,
            accounts: 5,
        };
        move |policy: &mut Policy| {
            cap(policy);
            policy.campaign = Some(campaign);
        }
    };
    let asks = |policy: &mut Policy| {
        cap(policy);
        policy.approval.over_cap = true;
    };
    let rows: [(Rule, Verdict, &str); 4] = [
        (Box::new(cap), Verdict::Fault, "1 of 1 accounts by you"),
        (
            Box::new(campaign(5)),
            Verdict::Warning,
            "the campaign phish-11",
        ),
        (
            Box::new(campaign(-5)),
            Verdict::Fault,
            "1 of 1 accounts by you",
        ),
        (Box::new(asks), Verdict::Warning, "a second person is asked"),
    ];
    for (rule, verdict, words) in rows {
        let checks = report_by(
            &drill,
            &dir,
            &no_host(),
            |text| text,
            rule,
            (now(), &mut RealDisk),
        )
        .await;
        let caps = of(&checks, "caps");
        assert_eq!(caps.verdict, verdict, "{caps:?}");
        assert!(caps.found.as_str().contains(words), "{caps:?}");
        let disable = of(&checks, "okta: disable account");
        let stops = verdict == Verdict::Fault;
        assert_eq!(disable.verdict == Verdict::Fault, stops, "{disable:?}");
        assert_eq!(
            disable.found.as_str().contains("cap reached"),
            stops,
            "{disable:?}"
        );
        assert_eq!(of(&checks, "okta: enable account").verdict, Verdict::Ok);
    }
}

/// The lines of a log, which somebody else may change.
type Lines = Vec<Vec<u8>>;

/// Adds a line that follows from the last one as a record would, and that nobody can read as one: no user has such an id.
fn add_unreadable(lines: &mut Lines) {
    let last = lines.last().expect("a line");
    let mut record: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(last).expect("it is JSON");
    let prev = record.remove("h").expect("its hash");
    let n = record["n"].as_u64().expect("its number");
    record["prev"] = prev;
    record["n"] = json!(n + 1);
    record["uid"] = json!((1_u64 << 53) - 1);
    let text = serde_json::to_string(&record).expect("it is JSON");
    let text = text.strip_suffix('}').expect("it is an object");
    let h = ChainHash::of(text.as_bytes());
    lines.push(format!("{text},\"h\":\"{h}\"}}\n").into_bytes());
}

#[rstest]
#[case::whole(|_: &mut Lines| (), false, false)]
#[case::a_letter_edited(|lines: &mut Lines| lines[1][20] ^= 1, true, false)]
#[case::a_line_taken_out(|lines: &mut Lines| drop(lines.remove(1)), true, false)]
#[case::a_line_put_in(|lines: &mut Lines| lines.insert(1, b"x\n".to_vec()), true, false)]
// The next writer names what stands behind the last record before anything is counted.
#[case::an_unreadable_record_at_the_end(add_unreadable, false, false)]
#[case::a_torn_end(|lines: &mut Lines| lines.push(b"{\"v\":1,\"log\":".to_vec()), false, false)]
#[case::a_word_at_the_end(|lines: &mut Lines| lines.push(b"x\n".to_vec()), false, false)]
#[case::no_line_feed_at_the_end(|lines: &mut Lines| { lines.last_mut().expect("a line").pop(); }, false, false)]
#[case::more_than_a_line_at_the_end(|lines: &mut Lines| lines.push(vec![b'x'; 100_000]), true, true)]
#[tokio::test(flavor = "multi_thread")]
async fn the_caps_are_judged_as_a_console_judges_them_that_starts_then(
    #[case] edit: fn(&mut Lines),
    #[case] refuses: bool,
    #[case] an_hour_later: bool,
) {
    const WORDS: &str = "the caps cannot be counted";
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    run(&drill, dir.path()).await;
    let segment = segment(&dir);
    let whole = std::fs::read(&segment).expect("it can be read");
    let mut lines: Lines = whole
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    assert!(lines.len() > 2, "the second line is in the middle");
    edit(&mut lines);
    std::fs::write(&segment, lines.concat()).expect("it is ours");

    let mut later = now();
    later.utc += chrono::TimeDelta::minutes(61);
    let host = no_host();
    let checks = report_on(&drill, &dir, &host, |text| text, (later, &mut RealDisk)).await;
    let caps = of(&checks, "caps");
    assert_eq!(caps.verdict == Verdict::Fault, an_hour_later, "{caps:?}");

    let checks = report(&drill, &dir, &host, |text| text).await;
    let caps = of(&checks, "caps");
    let expected = if refuses { Verdict::Fault } else { Verdict::Ok };
    assert_eq!(caps.verdict, expected, "{caps:?}");
    assert_eq!(caps.found.as_str().contains(WORDS), refuses, "{caps:?}");
    assert_eq!(caps.hint.is_some(), refuses, "{caps:?}");
    for kind in ActionKind::ALL {
        let line = of(&checks, &format!("okta: {}", kind.word()));
        let fails = line.found.as_str().contains(WORDS);
        let counts = kind != ActionKind::EnableAccount;
        assert_eq!(fails, refuses && counts, "{line:?}");
        assert_eq!(line.verdict == Verdict::Fault, fails, "{line:?}");
    }

    run(&drill, dir.path()).await;
    let mut counted = Counted::default();
    counted.feed(&std::fs::read(&segment).expect("it can be read"));
    let refusal = counted.refusal(now().utc);
    assert_eq!(refusal.is_some(), refuses, "{refusal:?}");
}

/// Gives the first segment of the log that was written last.
fn segment(dir: &TempDir) -> PathBuf {
    let last = records(dir.path()).pop().expect("a record");
    let name = format!("audit/audit-{}-1.jsonl", last.log);
    dir.path().join(name)
}

/// Every file below the directory of the log.
fn names(dir: &TempDir) -> Vec<std::ffi::OsString> {
    let files = std::fs::read_dir(dir.path().join("audit")).expect("it is there");
    let mut names: Vec<_> = files.flatten().map(|file| file.file_name()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_log_that_others_may_read_and_a_lock_that_is_held_are_told() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let name = |name| ConnectionName::parse(name).expect("a name");
    let case = CaseId::new(name("hive"), "~1");
    let account = AccountId::new(name("okta"), "00uOTHER");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    assert_eq!(of(&checks, "log lock").verdict, Verdict::Ok);
    assert!(names(&dir).is_empty(), "looking begins no log");
    leave_orphans(dir.path(), &case, &account, 1).expect("the log takes them");
    let before = names(&dir);
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    for fine in ["log files", "log lock"] {
        assert_eq!(of(&checks, fine).verdict, Verdict::Ok, "{checks:#?}");
    }
    assert_eq!(names(&dir), before);
    let is_segment = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "jsonl");
    let files = std::fs::read_dir(dir.path().join("audit")).expect("it is there");
    let mut files = files.flatten().map(|file| file.path());
    let segment = files.find(is_segment).expect("a segment");
    let mode = |mode| std::fs::set_permissions(&segment, std::fs::Permissions::from_mode(mode));
    mode(0o644).expect("it is ours");
    let held = File::open(&segment).expect("it can be read");
    held.lock().expect("it is free");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    let wide = of(&checks, "log files");
    assert_eq!(wide.verdict, Verdict::Warning);
    assert!(wide.found.as_str().contains(" is 644: "), "{wide:?}");
    assert_eq!(of(&checks, "log lock").verdict, Verdict::Fault);
    fails_for(&checks, "the audit log cannot be opened: failed to lock");
    drop(held);
    if root("doctor::files_of_the_log_that_others_may_read_and_a_lock_that_is_held_are_told") {
        std::os::unix::fs::chown(&segment, Some(12_345), None).expect("root may");
        let checks = report(&drill, &dir, &no_host(), |text| text).await;
        let foreign = of(&checks, "log files");
        assert_eq!(foreign.verdict, Verdict::Fault);
        assert!(foreign.found.as_str().contains("user 12345"), "{foreign:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_what_this_host_remembers_is_a_fault() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let name = |name| ConnectionName::parse(name).expect("a name");
    let case = CaseId::new(name("hive"), "~1");
    let account = AccountId::new(name("okta"), "00uOTHER");
    leave_orphans(dir.path(), &case, &account, 1).expect("the log takes them");
    let last = records(dir.path()).pop().expect("a record");
    let segment = format!("audit/audit-{}-1.jsonl", last.log);
    let segment = dir.path().join(segment);
    let head = Anchor {
        log: last.log,
        n: last.n,
        h: last.h,
    };
    std::fs::write(dir.path().join(HEAD), format!("{head}\n")).expect("it is written");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    assert_eq!(of(&checks, "audit log").verdict, Verdict::Ok, "{checks:#?}");
    let whole = std::fs::read_to_string(&segment).expect("it is text");
    let cut: String = whole.split_inclusive('\n').take(1).collect();
    for (kept, words) in [
        (Some(cut), "was cut off or emptied"),
        (Some(String::new()), "was cut off or emptied"),
        (None, "is gone: this host remembers it"),
    ] {
        match kept {
            Some(text) => std::fs::write(&segment, text).expect("it is written"),
            None => std::fs::remove_file(&segment).expect("it is there"),
        }
        let checks = report(&drill, &dir, &no_host(), |text| text).await;
        let line = of(&checks, "audit log");
        assert_eq!(line.verdict, Verdict::Fault, "{line:?}");
        assert!(line.found.as_str().contains(words), "{line:?}");
        let hint = line.hint.as_ref().expect("what to do");
        assert!(hint.as_str().contains("put the log back"), "{line:?}");
    }
    // What is remembered and cannot be read says nothing good either.
    std::fs::remove_file(dir.path().join(HEAD)).expect("it is there");
    std::fs::create_dir(dir.path().join(HEAD)).expect("it can be made");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    assert_eq!(of(&checks, "audit log").verdict, Verdict::Fault);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_or_cannot_be_remembered_is_a_warning() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let name = |name| ConnectionName::parse(name).expect("a name");
    let case = CaseId::new(name("hive"), "~1");
    let account = AccountId::new(name("okta"), "00uOTHER");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    assert_eq!(of(&checks, "audit log").verdict, Verdict::Ok, "no log yet");
    leave_orphans(dir.path(), &case, &account, 1).expect("the log takes them");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    let line = of(&checks, "audit log");
    assert_eq!(line.verdict, Verdict::Warning, "{line:?}");
    let words = "does not remember how far it goes";
    assert!(line.found.as_str().contains(words), "{line:?}");
    let last = records(dir.path()).pop().expect("a record");
    let head = Anchor {
        log: last.log,
        n: last.n,
        h: last.h,
    };
    let head = format!("{head}\n");
    std::fs::write(dir.path().join(HEAD), &head).expect("it is written");
    for way in ["head.new", "head.lock"] {
        let way = dir.path().join(way);
        std::fs::create_dir(&way).expect("a directory");
        let checks = report(&drill, &dir, &no_host(), |text| text).await;
        let line = of(&checks, "audit log");
        assert_eq!(line.verdict, Verdict::Warning, "{line:?}");
        let words = "cannot remember how far it goes";
        assert!(line.found.as_str().contains(words), "{line:?}");
        let hint = line.hint.as_ref().expect("what to do");
        assert!(hint.as_str().contains("head.new"), "{line:?}");
        std::fs::remove_dir(&way).expect("it is there");
    }
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    assert_eq!(of(&checks, "audit log").verdict, Verdict::Ok, "{checks:#?}");
    // Looking leaves it as it is, and nothing beside it.
    let kept = std::fs::read_to_string(dir.path().join(HEAD));
    assert_eq!(kept.expect("it can be read"), head);
    for none in ["head.new", "head.lock"] {
        assert!(!dir.path().join(none).exists(), "{none}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_at_keycloak_fails_what_needs_it() {
    let keycloak = Options {
        idp: Idp::Keycloak,
        ..Options::default()
    };
    let (drill, dir) = (
        company_of(keycloak).await,
        tempfile::tempdir().expect("a directory"),
    );
    let of_kind = |checks: &[Check], kind: ActionKind| {
        of(checks, &format!("keycloak: {}", kind.word())).clone()
    };
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    for kind in ActionKind::ALL {
        assert_eq!(of_kind(&checks, kind).verdict, Verdict::Ok, "{checks:#?}");
    }
    drill
        .fault(&json!({"server": "identity", "fault": "403", "path": "/clients"}))
        .expect("the fault is known");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    for kind in ActionKind::ALL {
        let line = of_kind(&checks, kind);
        let is_fine = kind == ActionKind::EnableAccount || kind.is_of_risk();
        assert_eq!(line.verdict == Verdict::Ok, is_fine, "{line:?}");
        let says = line.found.as_str();
        assert_eq!(
            says.contains("lacks role view-clients"),
            !is_fine,
            "{line:?}"
        );
        // What no Keycloak has is no fault of this one.
        assert_eq!(
            says == "not offered: Keycloak keeps no risk state",
            kind.is_of_risk(),
            "{line:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_missing_at_google_fails_what_needs_it() {
    let google = Options {
        idp: Idp::Google,
        ..Options::default()
    };
    let (drill, dir) = (
        company_of(google).await,
        tempfile::tempdir().expect("a directory"),
    );
    let of_kind = |checks: &[Check], kind: ActionKind| {
        of(checks, &format!("google: {}", kind.word())).clone()
    };
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    for kind in ActionKind::ALL {
        assert_eq!(of_kind(&checks, kind).verdict, Verdict::Ok, "{checks:#?}");
    }
    let is_beyond = |check: &Check| check.what.as_str() == "google: beyond need";
    assert!(!checks.iter().any(is_beyond), "{checks:#?}");
    let mobile = json!({"fault": "not_granted", "scope": "admin.directory.device.mobile.readonly"});
    drill.fault(&mobile).expect("the fault is known");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    let line = of(&checks, "google: may list mobile devices");
    assert_eq!(line.verdict, Verdict::Fault, "{line:?}");
    for kind in ActionKind::ALL {
        assert_eq!(of_kind(&checks, kind).verdict, Verdict::Ok, "{checks:#?}");
    }
    for order in [
        json!({"fault": "not_granted", "scope": "admin.directory.user.security"}),
        json!({"fault": "granted", "scope": "https://www.googleapis.com/auth/drive"}),
    ] {
        drill.fault(&order).expect("the fault is known");
    }
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    for kind in ActionKind::ALL {
        let line = of_kind(&checks, kind);
        let needs_it = matches!(kind, ActionKind::RevokeSessions | ActionKind::RemoveItem);
        assert_eq!(line.verdict == Verdict::Fault, needs_it, "{line:?}");
        let says = line.found.as_str();
        let lacks = says.contains("lacks scope admin.directory.user.security");
        assert_eq!(lacks, needs_it, "{line:?}");
    }
    assert!(checks.iter().any(is_beyond), "{checks:#?}");
    let faults = |checks: &[Check]| {
        let faults = checks.iter().filter(|line| line.verdict == Verdict::Fault);
        faults.count()
    };
    let before = faults(&checks);
    let order = json!({"fault": "not_granted", "scope": "apps.alerts"});
    drill.fault(&order).expect("the fault is known");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    let named = |line: &&Check| line.found.as_str().contains("apps.alerts");
    let named: Vec<&Check> = checks.iter().filter(named).collect();
    assert_eq!(named.len(), 1, "{checks:#?}");
    assert_eq!(named[0].found.as_str(), "missing: scope apps.alerts");
    assert_eq!(faults(&checks), before + 1, "nothing else fails for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_of_a_token_of_entra_are_told_by_action() {
    let entra = Options {
        idp: Idp::Entra,
        ..Options::default()
    };
    let (drill, dir) = (
        company_of(entra).await,
        tempfile::tempdir().expect("a directory"),
    );
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    for kind in ActionKind::ALL {
        let line = of(&checks, &format!("entra: {}", kind.word()));
        assert_eq!(line.verdict, Verdict::Ok, "{checks:#?}");
    }
    drill
        .fault(&json!({"fault": "other_permissions"}))
        .expect("the fault is known");
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    for kind in ActionKind::ALL {
        let line = of(&checks, &format!("entra: {}", kind.word()));
        let lacks = line.found.as_str().contains("lacks application permission");
        assert_eq!(lacks, kind == ActionKind::RevokeSessions, "{line:?}");
    }
    let more = checks
        .iter()
        .any(|line| line.found.as_str().contains("Mail.ReadWrite is granted"));
    assert!(more, "{checks:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_switch_and_a_broken_log_are_faults() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let host = Host {
        freeze: dir.path().join("freeze"),
        ..no_host()
    };
    std::fs::write(&host.freeze, "").expect("the switch is set");
    let audit = dir.path().join("audit");
    std::fs::create_dir_all(&audit).expect("a directory");
    std::fs::write(
        audit.join("audit-01ARZ3NDEKTSV4RRFFQ69G5FAV-1.jsonl"),
        "{}\n",
    )
    .expect("a log");
    let checks = report(&drill, &dir, &host, |text| text).await;
    assert!(
        of(&checks, "okta: revoke sessions")
            .found
            .as_str()
            .contains("freeze")
    );
    assert_eq!(of(&checks, "audit log").verdict, Verdict::Fault);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_fails_every_action_and_still_tells_the_clock() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    std::fs::write(dir.path().join("wrong.token"), "not-the-token").expect("a file");
    private(&dir.path().join("wrong.token"));
    let checks = report(&drill, &dir, &no_host(), |text| {
        text.replace("okta.token", "wrong.token")
    })
    .await;
    assert_eq!(exit_code(&checks), 1);
    assert_eq!(of(&checks, "okta: reachable").verdict, Verdict::Ok);
    assert_eq!(of(&checks, "okta: clock").verdict, Verdict::Ok);
    assert_eq!(of(&checks, "okta: token").verdict, Verdict::Fault);
    for kind in ActionKind::ALL {
        let line = of(&checks, &format!("okta: {}", kind.word()));
        assert_eq!(line.verdict, Verdict::Fault);
        assert!(line.found.as_str().contains("token"), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_nothing_of_the_token_is_no_verdict_on_the_actions() {
    for fault in ["429", "404", "bad_json"] {
        let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
        drill
            .fault(&json!({"server": "identity", "fault": fault, "rate": 1.0, "path": "/users/me"}))
            .expect("the fault is known");
        let checks = report(&drill, &dir, &no_host(), |text| text).await;
        for kind in ActionKind::ALL {
            let line = of(&checks, &format!("okta: {}", kind.word()));
            let found = line.found.as_str();
            assert!(!found.contains("of no use"), "{fault}: {line:?}");
            assert!(!found.contains("would fail"), "{fault}: {line:?}");
        }
        let line = of(&checks, "okta: disable account");
        assert_eq!(line.verdict, Verdict::NotKnown, "{fault}: {line:?}");
        assert!(
            line.found.as_str().starts_with("not known: "),
            "{fault}: {line:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_vendor_refuses_to_tell_is_not_known() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    for (server, path) in [("siem", "/_has_privileges"), ("identity", "/roles")] {
        drill
            .fault(&json!({"server": server, "fault": "403", "rate": 1.0, "path": path}))
            .expect("the fault is known");
    }
    let checks = report(&drill, &dir, &no_host(), |text| text).await;
    for name in ["elastic: permissions", "okta: permissions"] {
        let line = of(&checks, name);
        assert_eq!(line.verdict, Verdict::NotKnown);
        assert!(line.found.as_str().starts_with("not known: "), "{line:?}");
    }
    let disable = of(&checks, "okta: disable account");
    assert!(
        disable.found.as_str().contains("administrator roles"),
        "{disable:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_not_reachable() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let checks = report(&drill, &dir, &no_host(), |text| {
        // Port 9 (discard) of this machine has no listener.
        let gone = text.lines().map(|line| {
            if line.starts_with("url") {
                "url = \"http://127.0.0.1:9\"".to_owned()
            } else {
                line.to_owned()
            }
        });
        gone.collect::<Vec<_>>().join("\n")
    })
    .await;
    for name in ["hive", "elastic", "okta"] {
        let line = of(&checks, &format!("{name}: reachable"));
        assert_eq!(line.verdict, Verdict::Fault, "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_ten_minutes_off_is_a_fault_at_every_connection() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut at = now();
    at.utc -= chrono::TimeDelta::minutes(10);
    let checks = report_on(&drill, &dir, &no_host(), |text| text, (at, &mut RealDisk)).await;
    for name in ["hive", "elastic", "okta"] {
        let line = of(&checks, &format!("{name}: clock"));
        assert_eq!(line.verdict, Verdict::Fault, "{line:?}");
        assert!(line.found.as_str().contains("differs by "), "{line:?}");
    }
    assert_eq!(exit_code(&checks), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_sources_and_rules_are_named() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let checks = report(&drill, &dir, &no_host(), |text| {
        text.replace(
            "vendor = \"elasticsearch\"",
            "vendor = \"elasticsearch\"\nsilent = \"1m\"\nrules = [\"Impossible travel\", \"No such rule\"]",
        )
        .replace("index = \"logs-*\"", "index = \"logs-*,empty-*\"")
    })
    .await;
    let sources: Vec<&Check> = checks
        .iter()
        .filter(|line| line.what.as_str().starts_with("elastic: newest event of "))
        .collect();
    assert!(sources.len() >= 2, "{checks:#?}");
    assert!(sources.iter().any(|line| line.verdict == Verdict::Warning
        && line.found.as_str().contains("the source is silent")));
    let fired = of(&checks, "elastic: rule Impossible travel");
    assert_eq!(fired.verdict, Verdict::NotKnown);
    assert!(
        fired.found.as_str().starts_with("last alert ")
            && fired.found.as_str().ends_with("not known whether enabled"),
        "{fired:?}"
    );
    let never = of(&checks, "elastic: rule No such rule");
    assert!(
        never.found.as_str().starts_with("no alert of it"),
        "{never:?}"
    );
}

/// A disk with so much room left, on a network.
struct Remote(Free);

impl Disk for Remote {
    fn write(&mut self, _file: &File, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn sync_data(&mut self, _file: &File) -> io::Result<()> {
        Ok(())
    }
    fn sync_all(&mut self, _file: &File) -> io::Result<()> {
        Ok(())
    }
    fn try_lock(&mut self, _file: &File) -> Result<(), TryLockError> {
        Ok(())
    }
    fn free(&mut self, _path: &Path) -> io::Result<Free> {
        Ok(self.0)
    }
    fn reserve(&mut self, _file: &File, _from: u64, _len: u64) -> io::Result<()> {
        Ok(())
    }
    fn is_remote(&mut self, _path: &Path) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_disk_is_a_warning_and_a_full_one_stops_every_action() {
    let (drill, dir) = (company().await, tempfile::tempdir().expect("a directory"));
    let (ok, low, full) = (Verdict::Ok, Verdict::Warning, Verdict::Fault);
    for (bytes, inodes, directory, disable, words) in [
        (
            599 << 20,
            Some(5_000),
            ok,
            ok,
            "599 MiB and 5000 files free",
        ),
        (200 << 20, None, low, ok, "200 MiB free"),
        (1 << 20, None, full, full, "1 MiB free"),
        (599 << 20, Some(0), full, full, "599 MiB and 0 files free"),
    ] {
        let disk: &mut dyn Disk = &mut Remote(Free { bytes, inodes });
        let checks = report_on(&drill, &dir, &no_host(), |text| text, (now(), disk)).await;
        assert_eq!(of(&checks, "log file system").verdict, Verdict::Warning);
        let line = of(&checks, "log directory");
        assert_eq!(line.verdict, directory, "{line:?}");
        assert!(line.found.as_str().contains(words), "{line:?}");
        assert_eq!(line.hint.is_some(), directory == full, "{line:?}");
        let line = of(&checks, "okta: disable account");
        assert_eq!(line.verdict, disable, "{line:?}");
        let says = line.found.as_str().contains(words);
        assert_eq!(says, disable == full, "{line:?}");
    }
}
