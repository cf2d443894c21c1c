//! The doctor against the drill's servers: what works today and what would not.

use quell::cli::compose::{self, Host, Loaded};
use quell::cli::doctor::{Check, Verdict, examine, exit_code};
use quell::domain::freshness::Moment;
use quell::drill::Drill;
use quell::engine::clock::{Clock as _, SystemClock};
use quell::store::state::StateDir;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::app::{company, no_host};

fn now() -> Moment {
    SystemClock.now()
}

async fn report(
    drill: &Drill,
    dir: &TempDir,
    host: &Host,
    edit: fn(String) -> String,
) -> Vec<Check> {
    let config = quell::cli::drill::write_config(dir.path(), drill).expect("it is written");
    let text = std::fs::read_to_string(&config).expect("it was written");
    std::fs::write(&config, edit(text)).expect("it can be written again");
    let loaded: Loaded = compose::load(Some(&config)).unwrap_or_else(|f| panic!("{:?}", f.faults));
    let state = StateDir::locate(Some(dir.path()), false).expect("an explicit path");
    examine(loaded, &state, host, now()).await
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
    assert_eq!(
        of(&checks, "hive: write comments").verdict,
        Verdict::NotKnown
    );
    assert_eq!(of(&checks, "host policy").verdict, Verdict::Warning);
    assert!(drill.ledger().effects().is_empty(), "the doctor only reads");
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
