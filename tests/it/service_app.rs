//! Okta through a service app: signed assertions in place of an API token, and one scope at a time.

use std::collections::BTreeSet;
use std::fs;

use quell::cli::compose;
use quell::cli::doctor::{Check, Verdict, examine, exit_code};
use quell::connect::capability::{ConnectErrorKind, ProofQuery, Right};
use quell::connect::http::Limits;
use quell::domain::account::Account;
use quell::domain::containment::kind::ActionKind;
use quell::domain::text::Untrusted;
use quell::drill::{Drill, Options, Pace};
use quell::engine::clock::{Clock as _, SystemClock};
use quell::store::audit::RealDisk;
use quell::store::state::StateDir;
use serde_json::json;

use crate::harness::app::no_host;
use crate::spec;
use crate::wiretap::{Seen, Tapped};

const APP: &str = "0oadrill0service0001";

/// The key that the drill's service app has.
async fn key() -> &'static str {
    let drill = Drill::start(Options::default()).await.unwrap();
    drill.service_app().1
}

async fn house() -> Tapped {
    Tapped::by_app(key().await, Limits::default()).await
}

fn judge(seen: &Seen) -> Result<(), String> {
    let vendor = if seen.path == "/oauth2/v1/token" {
        "token"
    } else {
        seen.vendor
    };
    spec::check_request(vendor, &seen.method, &seen.path, &seen.headers, &seen.body)?;
    let (status, body) = seen.answer.as_ref().ok_or("no answer came")?;
    // The specification has no 401.
    if *status == 401 && vendor == "okta" {
        return Ok(());
    }
    spec::check_answer(vendor, &seen.method, &seen.path, *status, body)
}

fn tokens(seen: &[Seen]) -> usize {
    seen.iter()
        .filter(|one| one.path == "/oauth2/v1/token")
        .count()
}

fn proof(kind: ActionKind, account: &Account) -> ProofQuery {
    ProofQuery {
        kind,
        item: None,
        account: account.id.clone(),
        not_before: account.server_date,
        before: None,
        request_id: None,
        path: None,
        ahead: 0,
        used: Vec::new(),
        others: Vec::new(),
        after: None,
    }
}

#[tokio::test]
async fn an_account_is_contained_and_that_is_proven_by_the_entries_of_the_app() {
    let house = house().await;
    let identity = house.identity();
    let account = house.victim().await;
    assert_eq!(account.gaps, []);
    let (_, login) = identity.own_account().await.unwrap();
    assert_eq!(login.raw(), APP);
    identity.answers().await.unwrap();
    let kinds = [ActionKind::RevokeSessions, ActionKind::DisableAccount];
    let mut used = Vec::new();
    for action in house.confirm(&account, &kinds) {
        let accepted = identity.perform(&action, None).await.unwrap();
        let mut query = proof(action.kind(), &account);
        query.request_id = accepted.request_id;
        query.used.clone_from(&used);
        let read = identity.read_back(&query).await.unwrap();
        assert_eq!(read.matches, Some(true), "{read:?}");
        if action.kind() == ActionKind::RevokeSessions {
            assert!(read.evidence.raw().contains(APP), "{read:?}");
        }
        used.extend(read.used);
    }
    let ledger = house.drill.ledger();
    let suspended = ledger.effects().iter().filter(|one| one.kind == "suspend");
    assert_eq!(suspended.count(), 1);
    let seen = house.seen();
    // The drill's clock is not ours: the first assertion was signed for another time.
    assert_eq!(tokens(&seen), 2, "one token serves them all");
    let of_okta: Vec<&Seen> = seen.iter().filter(|one| one.vendor == "okta").collect();
    for one in &of_okta {
        let header = one.header("authorization").unwrap_or_default();
        let is_bearer = header.starts_with("Bearer drill-");
        assert_eq!(is_bearer, one.path != "/oauth2/v1/token", "{}", one.path);
    }
    let test = "an_account_is_contained_and_that_is_proven_by_the_entries_of_the_app";
    if !spec::specifications(test) {
        return;
    }
    for one in of_okta {
        assert_eq!(judge(one), Ok(()), "{} {}", one.method, one.path);
    }
}

#[tokio::test]
async fn a_token_that_ends_is_fetched_anew_for_a_read_and_no_write_is_sent_twice() {
    let house = house().await;
    let account = house.victim().await;
    let actions = house.confirm(&account, &[ActionKind::DisableAccount]);
    let end = json!({"server": "identity", "fault": "tokens_end"});
    house.fault(&end);
    house.seen();
    let refused = house.identity().perform(&actions[0], None).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Denied);
    assert_eq!(house.drill.ledger().effects().len(), 0);
    let writes = |seen: &[Seen]| {
        let sent = seen.iter().filter(|one| one.path.ends_with("/suspend"));
        sent.count()
    };
    assert_eq!(writes(&house.seen()), 1);
    // The next one has another token.
    house.identity().perform(&actions[0], None).await.unwrap();
    assert_eq!(house.drill.ledger().effects().len(), 1);
    house.fault(&end);
    house.victim().await;
    assert!(tokens(&house.seen()) >= 2);
}

fn row<'a>(rights: &'a [Right], name: &str) -> &'a Right {
    let found = rights.iter().find(|right| right.name.as_str() == name);
    found.unwrap_or_else(|| panic!("{name}: {rights:#?}"))
}

#[tokio::test]
async fn the_doctor_learns_each_scope_by_itself() {
    let house = house().await;
    let examined = &house.connections.examined[0];
    let words = examined.token().await.unwrap();
    assert_eq!(words.as_str(), format!("is of the service app {APP}"));
    let rights = examined.rights().await.unwrap();
    for scope in ["users.read", "users.manage", "roles.read", "logs.read"] {
        let right = row(&rights, &format!("scope okta.{scope}"));
        assert!(right.granted == Some(true) && right.needed_for.is_some());
    }
    // Granted to the app, but not asked for unless the configuration names them.
    for scope in ["read", "manage"] {
        let name = format!("scope okta.userRisk.{scope}, which `scopes` does not name");
        let right = row(&rights, &name);
        assert_eq!(right.granted, None);
        assert!(right.kinds.iter().all(|kind| kind.is_of_risk()));
    }
    let beyond: BTreeSet<&str> = rights
        .iter()
        .filter(|right| right.needed_for.is_none())
        .map(|right| right.name.as_str())
        .collect();
    assert_eq!(beyond, BTreeSet::from(["scope okta.groups.manage"]));
    house.fault(&json!({"server": "identity", "fault": "loses_scopes"}));
    house.fault(&json!({"server": "identity", "fault": "tokens_end"}));
    let error = examined.token().await;
    // What was learned of the app stays known; asking for accounts does not work any more.
    assert!(error.is_ok());
    let name = Untrusted::new("mara.lind@acme.example");
    let error = house.identity().find(&name).await.unwrap_err();
    assert!(error.what.as_str().contains("invalid_scope"), "{error:?}");
    let rights = examined.rights().await.unwrap();
    assert_eq!(row(&rights, "scope okta.users.manage").granted, Some(false));
    assert_eq!(row(&rights, "scope okta.users.read").granted, Some(true));
    let lacking = row(&rights, "scope okta.users.manage");
    assert_eq!(lacking.kinds, ActionKind::ALL);
}

fn of<'a>(checks: &'a [Check], what: &str) -> &'a Check {
    let found = checks.iter().find(|check| check.what.as_str() == what);
    found.unwrap_or_else(|| panic!("{what}: {checks:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_the_scopes_of_risk_is_well_to_the_doctor() {
    let options = Options {
        pace: Pace::Manual,
        ..Options::default()
    };
    let drill = Drill::start(options).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = quell::cli::drill::write_config(dir.path(), &drill).unwrap();
    let text = fs::read_to_string(&config).unwrap();
    let of_app = format!("vendor = \"okta\"\nclient_id = \"{APP}\"\nkey_id = \"k1\"\n");
    let text = text.replace("vendor = \"okta\"\n", &of_app);
    fs::write(&config, text).unwrap();
    // On one line: the key in a JSON object, as Google gives it.
    let file = json!({"private_key": key().await}).to_string();
    fs::write(dir.path().join("okta.token"), file).unwrap();
    let loaded = compose::load(Some(&config)).unwrap_or_else(|f| panic!("{:?}", f.faults));
    let state = StateDir::locate(Some(dir.path()), false).unwrap();
    let now = SystemClock.now();
    let checks = examine(loaded, &state, &no_host(), now, &mut RealDisk).await;
    for kind in ActionKind::ALL {
        let line = of(&checks, &format!("okta: {}", kind.word()));
        assert_eq!(line.verdict, Verdict::Ok, "{line:?}");
        let not_offered = "not offered: the app does not ask for okta.userRisk.manage";
        assert_eq!(
            line.found.as_str() == not_offered,
            kind.is_of_risk(),
            "{line:?}"
        );
    }
    assert_eq!(of(&checks, "okta: read accounts").verdict, Verdict::Ok);
    let faults = checks.iter().filter(|one| one.verdict == Verdict::Fault);
    assert_eq!(faults.collect::<Vec<_>>(), Vec::<&Check>::new());
    assert_ne!(exit_code(&checks), 1);
}

#[tokio::test]
async fn a_key_that_is_not_registered_is_refused_in_the_vendors_words_and_nothing_is_sent() {
    let own = include_str!("../../src/drill/key.pem");
    assert_eq!(own, key().await);
    let other = include_str!("../keys/other.pem");
    let house = Tapped::by_app(other, Limits::default()).await;
    let name = Untrusted::new("mara.lind@acme.example");
    let error = house.identity().find(&name).await.unwrap_err();
    let words = error.what.as_str();
    assert!(words.contains("invalid_client"), "{words}");
    assert!(words.contains("signature is invalid"), "{words}");
    assert!(!words.contains("eyJ"), "no assertion in a message: {words}");
    let seen = house.seen();
    assert!(seen.iter().all(|one| one.path == "/oauth2/v1/token"));
}
