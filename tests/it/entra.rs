//! Microsoft Entra ID: every request and answer judged by Graph's description, and the actions under everything that may
//! happen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures::StreamExt as _;
use quell::connect::capability::{ActivityQuery, ConnectErrorKind, Page, ProofQuery};
use quell::connect::http::Limits;
use quell::domain::account::{Account, RiskState};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::remnant::RemnantKind;
use quell::domain::containment::state::ActionState;
use quell::domain::one_time::{OneTime, RANDOM};
use quell::domain::text::Untrusted;
use quell::domain::timeline::event::{Act, Event};
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::probe::Probe;
use serde_json::{Value, json};

use crate::harness::app::{Setting, TestApp, company_of, limits};
use crate::spec;
use crate::truth::{
    Gate, NOBODY_KNOWS, assert_unproven, confirm, finished, open_case, pass, plan,
    proven_and_shown, seen_undone, still, unread,
};
use crate::wiretap::{Seen, Tapped, start};

fn entra() -> Options {
    Options {
        idp: Idp::Entra,
        ..Options::default()
    }
}

/// Judges a request and its answer.
fn judge(seen: &Seen) -> Result<(), String> {
    let path = seen.path.split('?').next().unwrap_or_default();
    let vendor = if path.ends_with("/token") {
        "token"
    } else {
        "entra"
    };
    spec::check_request(vendor, &seen.method, &seen.path, &seen.headers, &seen.body)
        .map_err(|fault| format!("request {} {}: {fault}", seen.method, seen.path))?;
    let (status, body) = seen.answer.as_ref().ok_or("no answer came")?;
    spec::check_answer(vendor, &seen.method, &seen.path, *status, body)
        .map_err(|fault| format!("answer to {} {path}: {fault}", seen.method))
}

fn route(seen: &Seen) -> String {
    let path = seen.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| match part {
            id if id.contains('-') || id.contains("%40") => "{id}",
            other => other,
        })
        .collect();
    format!("{} {}", seen.method, parts.join("/"))
}

const ROUTES: [&str; 19] = [
    "GET /v1.0/auditLogs/directoryAudits",
    "GET /v1.0/auditLogs/signIns",
    "GET /v1.0/directoryRoles/{id}/members",
    "GET /v1.0/identityProtection/riskDetections",
    "GET /v1.0/identityProtection/riskyUsers/{id}",
    "GET /v1.0/servicePrincipals/{id}",
    "GET /v1.0/servicePrincipals/{id}/transitiveMemberOf",
    "GET /v1.0/users",
    "GET /v1.0/users/{id}",
    "GET /v1.0/users/{id}/appRoleAssignments",
    "GET /v1.0/users/{id}/authentication/methods",
    "GET /v1.0/users/{id}/oauth2PermissionGrants",
    "GET /v1.0/users/{id}/transitiveMemberOf",
    "PATCH /v1.0/users/{id}",
    "POST /v1.0/$batch",
    "POST /v1.0/identityProtection/riskyUsers/confirmCompromised",
    "POST /v1.0/identityProtection/riskyUsers/dismiss",
    "POST /v1.0/users/{id}/revokeSignInSessions",
    "POST /{id}/oauth2/v2.0/token",
];

fn proof(action: ActionKind, account: &Account) -> ProofQuery {
    ProofQuery {
        kind: action,
        account: account.id.clone(),
        not_before: account.server_date,
        before: match action {
            ActionKind::RevokeSessions => account.tokens_valid_from,
            _ => account.password_changed,
        },
        request_id: None,
        used: Vec::new(),
        others: Vec::new(),
        after: None,
        ahead: 0,
        path: None,
        item: None,
    }
}

#[tokio::test]
async fn every_request_and_answer_follows_the_description() {
    let house = Tapped::with(entra()).await;
    let identity = house.identity();
    let account = house.victim().await;
    assert_eq!(account.gaps, []);
    assert_eq!(account.roles, Some(Vec::new()));
    assert_eq!(account.required, Some(Vec::new()));
    assert!(account.password_changed.is_some() && account.last_sign_in.is_some());
    assert!(account.source.is_none());
    assert!(account.vendor_status.raw().contains("risk high"));
    let factors = account.factors.clone().unwrap();
    assert_eq!(factors.len(), 2, "the password is none");
    assert!(factors.iter().all(|one| one.created.is_some()));
    let applications = account.token_clients.clone().unwrap();
    let named = |word: &str| applications.iter().any(|one| one.raw().contains(word));
    assert!(named("MailSync Helper may openid offline_access"));
    assert!(named("assigned to Wiki"));
    let (own, login) = identity.own_account().await.unwrap();
    assert_eq!(login.raw(), "quell");
    assert_eq!(identity.account(&own).await.unwrap().gaps, []);
    for name in [
        "mara.lind@acme.example",
        "MARA.LIND@ACME.EXAMPLE",
        "mara@home.example",
        account.id.raw(),
    ] {
        let found = identity.find(&name.into()).await.unwrap();
        assert_eq!(found.len(), 1, "{name}");
    }
    assert_eq!(identity.find(&"nobody".into()).await.unwrap(), []);
    assert_eq!(
        identity.find(&"o'no@acme.example".into()).await.unwrap(),
        []
    );
    let admin = "adm-jonas.okafor@acme.example";
    let admin = identity.find(&admin.into()).await.unwrap().remove(0);
    let held = identity.other_administrators(&admin.id, &[]).await.unwrap();
    assert_eq!((held.len(), held[0].others), (1, 2));
    assert_eq!(held[0].role.raw(), "Application Administrator");

    // Time passes between two acts, as it does.
    let pass = || house.drill.clock().advance(TimeDelta::seconds(5));
    pass();
    let account = house.victim().await;
    let kinds = [ActionKind::RevokeSessions, ActionKind::DisableAccount];
    let before = identity
        .read_back(&proof(kinds[0], &account))
        .await
        .unwrap();
    assert_eq!(before.matches, Some(false), "{before:?}");
    let actions = house.confirm(&account, &kinds);
    let order: Vec<&str> = actions.iter().map(|one| one.call().method).collect();
    assert_eq!(order, ["POST", "PATCH", "POST"]);
    for action in actions
        .iter()
        .chain(&house.confirm(&account, &[ActionKind::EnableAccount]))
    {
        let account = house.victim().await;
        pass();
        let accepted = identity.perform(action, None).await.unwrap();
        assert!(accepted.request_id.is_some() && accepted.server_date.is_some());
        let read = identity.read_back(&proof(action.kind(), &account)).await;
        let read = read.unwrap();
        assert_eq!(read.matches, Some(true), "{read:?}");
    }
    let password = OneTime::password(&[7; RANDOM]);
    for kind in [ActionKind::ExpirePassword, ActionKind::ResetPassword] {
        let account = house.victim().await;
        let before = identity.read_back(&proof(kind, &account)).await.unwrap();
        assert_eq!(before.matches, Some(false), "{before:?}");
        let action = house.confirm(&account, &[kind]).remove(0);
        pass();
        identity.perform(&action, Some(&password)).await.unwrap();
        let read = identity.read_back(&proof(kind, &account)).await.unwrap();
        assert_eq!(read.matches, Some(true), "{read:?}");
    }
    let asked = house.victim().await;
    let again = identity.steps(&[ActionKind::ExpirePassword], &asked);
    assert!(again.is_err(), "{again:?}");
    risk_is_marked_and_dismissed(&house).await;
    let query = ActivityQuery {
        user: vec![Untrusted::new(account.id.raw()), account.login.clone()],
        since: start() - TimeDelta::days(30),
        until: Some(start() + TimeDelta::days(1)),
        limit: 10_000,
    };
    let mut acts = BTreeSet::new();
    let mut take = |page: Page<Event>| {
        assert_eq!(page.faults, []);
        let all = page.items.iter().filter_map(|event| event.act);
        acts.extend(all.map(|act| format!("{act:?}")));
        true
    };
    let end = house.identity_log().search(&query, &mut take).await;
    let end = end.unwrap();
    assert!(end.events > 20 && !end.truncated);
    for act in [
        Act::SignIn,
        Act::MfaAdded,
        Act::OauthGrant,
        Act::SessionsRevoked,
        Act::AccountDisabled,
        Act::AccountEnabled,
        Act::PasswordReset,
        Act::RiskDetected,
    ] {
        assert!(acts.contains(&format!("{act:?}")), "{acts:?}");
    }
    let examined = &house.connections.examined[0];
    for right in examined.rights().await.unwrap() {
        let told = (right.granted, right.needed_for.is_some());
        assert_eq!(told, (Some(true), true), "{right:?}");
    }
    let newest = examined.last_seen().await.unwrap();
    assert!(newest.iter().all(|seen| seen.at.is_some()));

    let seen: Vec<Seen> = house
        .seen()
        .into_iter()
        .filter(|one| one.vendor == "entra")
        .collect();
    let routes: BTreeSet<String> = seen.iter().map(route).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    assert_eq!(routes, ROUTES);
    let writes = seen.iter().filter(|one| one.method == "PATCH");
    let bodies: Vec<Value> = writes.map(Seen::json).collect();
    assert_eq!(
        bodies,
        [
            json!({"accountEnabled": false}),
            json!({"accountEnabled": true}),
            json!({"passwordProfile": {"forceChangePasswordNextSignIn": true}}),
            json!({"passwordProfile": {"forceChangePasswordNextSignIn": true, "password": password.sent()}}),
        ]
    );
    let mut ids = BTreeSet::new();
    for one in seen.iter().filter(|one| !one.path.ends_with("/token")) {
        let id = one.header("client-request-id").expect("it has one");
        assert!(id.len() == 36 && ids.insert(id.to_owned()), "{id}");
    }
    if !spec::specifications("every_request_and_answer_follows_the_description") {
        return;
    }
    for one in &seen {
        assert_eq!(judge(one), Ok(()));
    }
    let patch = seen.iter().find(|one| one.method == "PATCH").unwrap();
    let mut wrong = patch.clone();
    wrong.body = br#"{"acountEnabled":false}"#.to_vec();
    assert!(judge(&wrong).is_err());
    wrong.path = "/v1.0/usrs/x".to_owned();
    assert!(judge(&wrong).is_err());
}

/// Marks and dismisses: accepted at once, carried out later, and never proven while it is being worked on.
async fn risk_is_marked_and_dismissed(house: &Tapped) {
    let identity = house.identity();
    for (kind, effect, state) in [
        (
            ActionKind::ConfirmCompromised,
            "confirm_compromised",
            RiskState::Compromised,
        ),
        (ActionKind::DismissRisk, "dismiss_risk", RiskState::Over),
    ] {
        house.drill.clock().advance(TimeDelta::seconds(5));
        let account = house.victim().await;
        let before = identity.read_back(&proof(kind, &account)).await.unwrap();
        // What stands there since before the send says nothing of what follows.
        assert_eq!(before.matches, None, "{before:?}");
        assert!(before.evidence.raw().contains("of before this was sent"));
        let action = house.confirm(&account, &[kind]).remove(0);
        identity.perform(&action, None).await.unwrap();
        let read = async || identity.read_back(&proof(kind, &account)).await.unwrap();
        for _ in 0..2 {
            let busy = read().await;
            assert_eq!(busy.matches, None, "{busy:?}");
            assert!(busy.evidence.raw().contains("being worked on"), "{busy:?}");
        }
        let done = read().await;
        assert_eq!(done.matches, Some(true), "{done:?}");
        let effects = house.drill.ledger().targets(effect);
        assert_eq!(effects, [account.id.raw()]);
        let account = house.victim().await;
        assert_eq!(account.risk.as_ref().map(|risk| risk.state), Some(state));
        let again = identity.steps(&[kind], &account);
        assert!(again.is_err(), "{again:?}");
        // The plan of before is no plan for another account: whose risk it is stands in the body alone.
        let other = house
            .identity()
            .find(&"anna.berg@acme.example".into())
            .await;
        let other = other.unwrap().remove(0);
        let calls = [account.id, other.id].map(|id| identity.prepare(kind, &id).unwrap());
        assert_eq!(calls[0].path, calls[1].path);
        assert_ne!(calls[0].body_sha256, calls[1].body_sha256);
    }
}

#[tokio::test]
async fn a_mark_that_was_accepted_is_refuted_only_by_what_was_said_since() {
    let house = Tapped::with(entra()).await;
    let identity = house.identity();
    let mark = ActionKind::ConfirmCompromised;
    let once = json!({
        "server": "identity", "fault": "accepted_without_effect", "path": "confirmCompromised", "count": 1,
    });
    for (name, words) in [
        ("anna.berg@acme.example", "no risk is on record"),
        ("mara.lind@acme.example", "of before this was sent"),
    ] {
        let found = identity.find(&name.into()).await.unwrap().remove(0);
        let account = identity.account(&found.id).await.unwrap();
        house.fault(&once);
        let action = house.confirm(&account, &[mark]).remove(0);
        identity.perform(&action, None).await.unwrap();
        let read = identity.read_back(&proof(mark, &account)).await.unwrap();
        assert_eq!(read.matches, None, "{read:?}");
        assert!(read.evidence.raw().contains(words), "{read:?}");
    }
    let account = house.victim().await;
    by_others(&house.drill, MARK, false).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let read = identity.read_back(&proof(mark, &account)).await.unwrap();
        told.push(read.matches);
    }
    assert_eq!(told, [None, None, Some(false)]);
}

#[tokio::test]
async fn identity_protection_is_asked_for_one_thing_a_second() {
    let house = Tapped::with(entra()).await;
    let identity = house.identity();
    let mut people = Vec::new();
    for name in ["anna.berg", "bo.carlsen", "mara.lind"] {
        let name = Untrusted::new(format!("{name}@acme.example"));
        people.push(identity.find(&name).await.unwrap().remove(0).id);
    }
    house.seen();
    let begun = Instant::now();
    let read = people.iter().map(|id| identity.account(id));
    for account in futures::future::join_all(read).await {
        assert_eq!(account.unwrap().gaps, []);
    }
    assert!(begun.elapsed() >= Duration::from_secs(2));
    let query = ActivityQuery {
        user: vec![Untrusted::new(people[2].raw())],
        since: start() - TimeDelta::days(30),
        until: None,
        limit: 10_000,
    };
    let mut take = |_: Page<Event>| true;
    let end = house.identity_log().search(&query, &mut take).await;
    assert!(end.unwrap().events > 0);
    assert!(begun.elapsed() >= Duration::from_secs(3));
    let seen = house.seen();
    let asked = seen
        .iter()
        .filter(|one| one.path.contains("/identityProtection/"));
    assert_eq!(asked.count(), 4, "nothing was asked again");
}

#[tokio::test]
async fn without_a_risk_on_record_there_is_nothing_to_dismiss() {
    let house = Tapped::with(entra()).await;
    let identity = house.identity();
    let other = identity.find(&"anna.berg@acme.example".into()).await;
    let other = identity
        .account(&other.unwrap().remove(0).id)
        .await
        .unwrap();
    assert_eq!(other.gaps, []);
    let state = other.risk.as_ref().map(|risk| risk.state);
    assert_eq!(state, Some(RiskState::Nothing));
    let (_, lacking) = identity
        .steps(&[ActionKind::DismissRisk], &other)
        .unwrap_err();
    assert_eq!(lacking.reason.as_str(), "no risk is on record");
    let mark = ActionKind::ConfirmCompromised;
    assert!(identity.steps(&[mark], &other).is_ok());
    // What may not be read can not be proven: it is not sent, and everything else is.
    house.fault(&json!({"server": "identity", "fault": "403", "path": "riskyUsers"}));
    let unread = identity.find(&"bo.carlsen@acme.example".into()).await;
    let unread = identity.account(&unread.unwrap().remove(0).id).await;
    let unread = unread.unwrap();
    let (_, lacking) = identity.steps(&[mark], &unread).unwrap_err();
    let told = lacking.reason.as_str();
    assert!(told.contains("not readable") && told.contains("Insufficient privileges"));
    assert!(
        identity
            .steps(&[ActionKind::DisableAccount], &unread)
            .is_ok()
    );
}

#[tokio::test]
async fn a_read_gets_another_token_and_a_write_does_not() {
    let house = Tapped::with(entra()).await;
    let account = house.victim().await;
    let secret = house.drill.identity().token;
    let seen = house.seen();
    let asked = |seen: &[Seen]| {
        let tokens = seen.iter().filter(|one| one.path.ends_with("/token"));
        tokens.count()
    };
    assert_eq!(asked(&seen), 1);
    for one in seen.iter().filter(|one| !one.path.ends_with("/token")) {
        assert!(!format!("{one:?}").contains(secret));
    }
    assert!(!format!("{:?}", house.connections).contains(secret));
    let actions = house.confirm(&account, &[ActionKind::DisableAccount]);
    house.fault(&json!({"fault": "tokens_end"}));
    let refused = house.identity().perform(&actions[0], None).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.kind, refused.status),
        (ConnectErrorKind::Denied, Some(401))
    );
    assert_eq!(house.drill.ledger().targets("suspend").len(), 0);
    // A read renews it, and the next write has a good one.
    house.identity().account(&account.id).await.unwrap();
    house.identity().perform(&actions[0], None).await.unwrap();
    assert_eq!(house.drill.ledger().targets("suspend").len(), 1);
    let patches = house.seen();
    let patches = patches.iter().filter(|one| one.method == "PATCH");
    assert_eq!(patches.count(), 2, "each was sent once");
    // A token lives an hour: one that has too little left for a write is not used for it.
    house.drill.clock().advance(TimeDelta::seconds(3_598));
    house.identity().account(&account.id).await.unwrap();
}

#[tokio::test]
async fn what_was_left_is_listed_and_taken_away() {
    let house = Tapped::with(entra()).await;
    let identity = house.identity();
    let account = house.victim().await;
    let left = identity.left_behind(&account.id).await.unwrap();
    let first = house.drill.left();
    let unread: Vec<RemnantKind> = left.unread.iter().map(|one| one.kind).collect();
    assert_eq!(unread, [RemnantKind::Forwarding, RemnantKind::Delegate]);
    let named = |word: &str| {
        let mut all = left.remnants.iter();
        let found = all.find(|one| one.item.word().as_str().contains(word));
        found.unwrap_or_else(|| panic!("{word}: {:?}", left.remnants))
    };
    let rule = named("inbox rule");
    assert!(rule.details[0].raw().contains("drop@mailbox.example"));
    assert!(named("Galaxy A15").since.is_some());
    house.seen();
    for (word, effect) in [
        ("OAuth grant MailSync Helper", "remove_grant"),
        ("assigned to Wiki", "remove_assignment"),
        ("Galaxy A15", "remove_factor"),
        ("inbox rule", "disable_rule"),
    ] {
        let remnant = named(word);
        let proof = ProofQuery {
            item: Some(remnant.item.clone()),
            ..proof(ActionKind::RemoveItem, &account)
        };
        let before = identity.read_back(&proof).await.unwrap();
        assert_eq!(before.matches, Some(false), "{before:?}");
        let action = house.confirm_removal(&account, remnant);
        identity.perform(&action, None).await.unwrap();
        let read = identity.read_back(&proof).await.unwrap();
        assert_eq!(read.matches, Some(true), "{read:?}");
        assert_eq!(house.drill.ledger().targets(effect).len(), 1);
        // Gone is gone: once more is refused and changes nothing.
        assert_eq!(
            identity.perform(&action, None).await.is_err(),
            effect != "disable_rule"
        );
        assert_eq!(house.drill.ledger().targets(effect).len(), 1);
    }
    let device = named("DESKTOP-7Q2KD1V");
    assert!(device.since.is_some() && device.kept.is_some());
    assert!(identity.removal(&device.item, &account).is_err());
    // A rule that is disabled is listed as that, and can be deleted; of it nothing is proven while it is there in any state.
    let now = identity.left_behind(&account.id).await.unwrap();
    let mut rules = now.remnants.iter();
    let rule = rules.find(|one| one.item.kind == RemnantKind::InboxRule);
    let rule = rule.expect("the disabled rule");
    assert!(rule.item.name.raw().ends_with("(disabled)"), "{rule:?}");
    let proof = ProofQuery {
        item: Some(rule.item.clone()),
        ..proof(ActionKind::RemoveItem, &account)
    };
    let action = house.confirm_removal(&account, rule);
    assert_eq!(action.call().method, "DELETE");
    house.drill.leave_again(&first);
    let enabled = identity.read_back(&proof).await.unwrap();
    assert_eq!(enabled.matches, Some(false), "{enabled:?}");
    assert!(enabled.evidence.raw().contains("is still listed, now as"));
    identity.perform(&action, None).await.unwrap();
    let read = identity.read_back(&proof).await.unwrap();
    assert_eq!(read.matches, Some(true), "{read:?}");
    assert_eq!(house.drill.ledger().targets("delete_rule").len(), 1);
    assert!(identity.perform(&action, None).await.is_err());
    house.fault(&json!({"server": "identity", "fault": "403", "path": "messageRules"}));
    let left = identity.left_behind(&account.id).await.unwrap();
    assert!(
        left.unread
            .iter()
            .any(|one| one.kind == RemnantKind::InboxRule)
    );
    if !spec::specifications("what_was_left_is_listed_and_taken_away") {
        return;
    }
    let seen = house.seen();
    for one in seen.iter().filter(|one| one.vendor == "entra") {
        assert_eq!(judge(one), Ok(()));
    }
}

#[tokio::test]
async fn a_certificate_signs_in_place_of_a_secret() {
    let key = company_of(entra()).await.service_app().1;
    let house = Tapped::by_key(entra(), key).await;
    let account = house.victim().await;
    assert_eq!(account.gaps, []);
    let seen = house.seen();
    let asked: Vec<&Seen> = seen
        .iter()
        .filter(|one| one.path.ends_with("/token"))
        .collect();
    // The first one had this machine's time, which is not that of the company: its answer told the right one.
    assert!((1..=2).contains(&asked.len()), "{}", asked.len());
    let form = String::from_utf8_lossy(&asked[0].body);
    assert!(form.contains("client_assertion=ey") && !form.contains("client_secret"));
    if spec::specifications("a_certificate_signs_in_place_of_a_secret") {
        for one in asked {
            assert_eq!(judge(one), Ok(()));
        }
    }
}

#[tokio::test]
async fn two_accounts_of_one_mail_are_both_found() {
    let house = Tapped::with(entra()).await;
    let people = house.identity();
    let shared = "jonas.okafor@acme.example";
    assert_eq!(people.find(&shared.into()).await.unwrap().len(), 2);
    let mail = "mara.lind@acme.example";
    assert_eq!(people.find(&mail.into()).await.unwrap().len(), 1);
    house.fault(&json!({"fault": "shares_mail"}));
    assert_eq!(people.find(&mail.into()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_may_not_be_read_is_named_and_roles_fail_closed() {
    let house = Tapped::with(entra()).await;
    let victim = house.victim().await;
    // Of each another one: what was read a moment ago is not asked for again.
    for (login, path, gap) in [
        (
            "anna.berg",
            "transitiveMemberOf",
            "administrator roles and groups",
        ),
        ("bo.carlsen", "/authentication/methods", "MFA methods"),
        (
            "carla.diaz",
            "oauth2PermissionGrants",
            "grants of applications",
        ),
        ("david.ekman", "riskyUsers", "the risk state"),
    ] {
        let login = format!("{login}@acme.example");
        let other = house.identity().find(&Untrusted::new(login)).await;
        let other = other.unwrap().remove(0);
        house.fault(&json!({"server": "identity", "fault": "403", "path": path}));
        let account = house.identity().account(&other.id).await.unwrap();
        let told = account.gaps[0].raw();
        assert!(told.starts_with(gap), "{path}: {told}");
        assert!(told.contains("Insufficient privileges"), "{told}");
        assert_eq!(account.roles.is_none(), path == "transitiveMemberOf");
        assert_eq!(account.factors.is_none(), path.ends_with("methods"));
        house.fault(&json!({"server": "identity", "fault": "none"}));
    }
    // A role by a group is one too.
    assert_eq!(victim.roles, Some(Vec::new()));
    house.fault(&json!({"fault": "inherits_administrator"}));
    let roles = house.victim().await.roles;
    assert_eq!(roles, Some(vec!["Helpdesk Administrator".into()]));
}

#[tokio::test]
async fn links_to_the_next_page_end_and_lead_nowhere_else() {
    let house = Tapped::with(entra()).await;
    let account = house.victim().await;
    let query = ActivityQuery {
        user: vec![Untrusted::new(account.id.raw())],
        since: start() - TimeDelta::days(30),
        until: None,
        limit: 3,
    };
    let search = |limit: usize| {
        let query = ActivityQuery {
            limit,
            ..query.clone()
        };
        let house = &house;
        async move {
            let mut events = 0;
            let mut take = |page: Page<Event>| {
                events += page.items.len();
                true
            };
            let end = house.identity_log().search(&query, &mut take).await;
            (end, events)
        }
    };
    let (end, events) = search(3).await;
    assert_eq!((end.unwrap().truncated, events), (true, 3));
    let (_, all) = search(10_000).await;
    house.seen();
    house.fault(&json!({"server": "identity", "fault": "foreign_next", "path": "/auditLogs/"}));
    let (end, _) = search(10_000).await;
    let error = end.unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Malformed);
    assert!(error.what.as_str().contains("leads to another origin"));
    house.fault(&json!({"server": "identity", "fault": "none"}));
    house.seen();
    // Pages without anything in them are no end; a list that goes on with them has one all the same.
    house.fault(
        &json!({"server": "identity", "fault": "endless_next", "path": "/auditLogs/signIns"}),
    );
    let (end, events) = search(10_000).await;
    let end = end.unwrap();
    assert!(end.truncated && events <= all, "{end:?}");
    let pages = house.seen();
    let pages = pages.iter().filter(|one| one.path.contains("/signIns"));
    assert_eq!(pages.count(), 100);
    house.fault(&json!({"server": "identity", "fault": "none"}));
    house.fault(
        &json!({"server": "identity", "fault": "endless_next", "path": "transitiveMemberOf"}),
    );
    let account = house.victim().await;
    assert_eq!((account.roles, account.groups), (None, None));
    assert!(account.gaps[0].raw().contains("does not end"));
}

#[tokio::test]
async fn a_refusal_for_the_rate_is_waited_for_with_and_without_a_time() {
    let house = Tapped::with(entra()).await;
    let other = house.identity().find(&"devi.rao@acme.example".into()).await;
    let other = other.unwrap().remove(0);
    for path in ["riskyUsers", "transitiveMemberOf"] {
        let once = json!({"server": "identity", "fault": "429", "path": path, "count": 1});
        house.fault(&once);
    }
    house.seen();
    let account = house.identity().account(&other.id).await.unwrap();
    assert_eq!(account.gaps, []);
    let seen = house.seen();
    for path in ["riskyUsers", "transitiveMemberOf"] {
        let asked = seen.iter().filter(|one| one.path.contains(path));
        let told: Vec<u16> = asked
            .filter_map(|one| one.answer.as_ref().map(|(status, _)| *status))
            .collect();
        assert_eq!(told.len(), 2, "{path}: {told:?}");
        assert_eq!(told[0], 429);
    }
}

#[tokio::test]
async fn the_vendors_own_pace_is_kept() {
    let house = Tapped::with(Options {
        vendor_pace: true,
        ..entra()
    })
    .await;
    let account = house.victim().await;
    house.drill.clock().advance(TimeDelta::seconds(60));
    // Looked at again and again: what is asked for rarely comes from the moment before.
    for _ in 0..6 {
        let again = house.identity().account(&account.id).await.unwrap();
        assert_eq!(again.gaps, []);
    }
    let action = house
        .confirm(&account, &[ActionKind::DisableAccount])
        .remove(0);
    house.identity().perform(&action, None).await.unwrap();
    let proof = proof(ActionKind::DisableAccount, &account);
    let late = house.identity().read_back(&proof).await.unwrap();
    assert_eq!(late.matches, Some(false), "a replica shows it late");
    house.drill.clock().advance(TimeDelta::seconds(3));
    let read = house.identity().read_back(&proof).await.unwrap();
    assert_eq!(read.matches, Some(true));
}

#[tokio::test]
async fn rights_are_read_from_the_token() {
    let house = Tapped::with(entra()).await;
    house.fault(&json!({"fault": "other_permissions"}));
    let rights = house.connections.examined[0].rights().await.unwrap();
    let missing: Vec<String> = rights
        .iter()
        .filter(|right| right.granted == Some(false))
        .map(|right| right.lacking().to_string())
        .collect();
    assert_eq!(
        missing,
        ["the token lacks application permission User.RevokeSessions.All"]
    );
    let more: Vec<&str> = rights
        .iter()
        .filter(|right| right.needed_for.is_none())
        .map(|right| right.name.as_str())
        .collect();
    assert_eq!(more, ["application permission Mail.ReadWrite"]);
    let account = house.victim().await;
    let action = house
        .confirm(&account, &[ActionKind::RevokeSessions])
        .remove(0);
    let refused = house.identity().perform(&action, None).await.unwrap_err();
    assert_eq!(refused.kind, ConnectErrorKind::Denied);
    let told = refused.what.as_str();
    assert!(
        told.contains("the app lacks User.RevokeSessions.All"),
        "{told}"
    );
}

#[tokio::test]
async fn guests_synchronized_and_privileged_users_are_told_before() {
    let house = Tapped::with(entra()).await;
    let identity = house.identity();
    let facts = |account: &Account, kind| {
        let steps = identity.steps(&[kind], account);
        steps.map(|steps| steps[0].facts.limits.to_string())
    };
    let mut account = house.victim().await;
    house.fault(&json!({"fault": "becomes_synced"}));
    account = identity.account(&account.id).await.unwrap();
    let told = facts(&account, ActionKind::DisableAccount).unwrap();
    assert!(
        told.contains("next synchronization can set it back"),
        "{told}"
    );
    let (_, lacking) = facts(&account, ActionKind::ResetPassword).unwrap_err();
    assert!(lacking.reason.as_str().contains("on-premises"));
    house.fault(&json!({"fault": "becomes_guest"}));
    account = identity.account(&account.id).await.unwrap();
    let (_, lacking) = facts(&account, ActionKind::RevokeSessions).unwrap_err();
    assert!(lacking.reason.as_str().contains("another tenant"));
    assert!(facts(&account, ActionKind::DisableAccount).is_ok());
    house.fault(&json!({"fault": "made_administrator"}));
    account = identity.account(&account.id).await.unwrap();
    let told = facts(&account, ActionKind::DisableAccount).unwrap();
    assert!(
        told.contains("has the role Application Administrator"),
        "{told}"
    );
    let action = house
        .confirm(&account, &[ActionKind::DisableAccount])
        .remove(0);
    let refused = identity.perform(&action, None).await.unwrap_err();
    let told = refused.what.as_str();
    assert!(
        told.contains("the account has an administrator role"),
        "{told}"
    );
    assert!(house.drill.ledger().targets("suspend").is_empty());
}

/// One kind of action: its keys, method and end of path of its request, its effect in the ledger.
#[derive(Clone, Copy, Debug)]
struct Doing {
    kind: ActionKind,
    keys: &'static str,
    method: &'static str,
    path: &'static str,
    effect: &'static str,
    /// What is read back.
    reads: &'static str,
}

const REVOKE: Doing = Doing {
    kind: ActionKind::RevokeSessions,
    keys: "cs",
    method: "POST",
    path: "/revokeSignInSessions",
    effect: "clear_sessions",
    reads: "/users/",
};
const DISABLE: Doing = Doing {
    kind: ActionKind::DisableAccount,
    keys: "ca",
    method: "PATCH",
    path: "/users/",
    effect: "suspend",
    reads: "/users/",
};
const ENABLE: Doing = Doing {
    kind: ActionKind::EnableAccount,
    keys: "u",
    effect: "unsuspend",
    ..DISABLE
};
const RESET: Doing = Doing {
    kind: ActionKind::ResetPassword,
    keys: "cp",
    effect: "reset_password",
    ..DISABLE
};
const EXPIRE: Doing = Doing {
    kind: ActionKind::ExpirePassword,
    keys: "cx",
    effect: "expire_password",
    ..DISABLE
};
const MARK: Doing = Doing {
    kind: ActionKind::ConfirmCompromised,
    keys: "cb",
    method: "POST",
    path: "/riskyUsers/confirmCompromised",
    effect: "confirm_compromised",
    reads: "/riskyUsers/",
};
const DISMISS: Doing = Doing {
    kind: ActionKind::DismissRisk,
    keys: "cd",
    path: "/riskyUsers/dismiss",
    effect: "dismiss_risk",
    ..MARK
};

/// What the provider, or somebody else at it, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Applied,
    /// A fault on the request itself, once.
    Fault(&'static str),
    Stale(Option<u32>),
    /// The account is another tenant's.
    Guest,
    DeletedBeforeTheSend,
    DeletedAfterIt,
    RenamedBeforeTheSend,
    MadeAdministratorBeforeTheSend,
    UndoneAtOnce,
    UndoneLater,
    DoneByOthersFirst,
    TokenEndsBeforeTheSend,
    TokenEndsBeforeTheProof,
}

fn arm(drill: &Drill, order: &Value) {
    drill.fault(order).expect("the fault is known");
}

fn on_identity(fault: &str, path: &str) -> Value {
    json!({"server": "identity", "fault": fault, "path": path})
}

/// Does what an action does, or its opposite, by another administrator's hand.
async fn by_others(drill: &Drill, doing: Doing, same: bool) {
    let identity = drill.identity();
    let (tenant, client_id) = identity.client.expect("its tokens are fetched");
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client_id)
        .append_pair("client_secret", identity.token)
        .append_pair("scope", &format!("{}/.default", identity.url))
        .finish();
    let token: Value = client
        .post(format!("{}/{tenant}/oauth2/v2.0/token", identity.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let (api, id) = (format!("{}/v1.0", identity.url), drill.victim_id());
    let request = if doing.kind.is_of_risk() {
        let marks = (doing.kind == ActionKind::ConfirmCompromised) == same;
        let word = if marks {
            "confirmCompromised"
        } else {
            "dismiss"
        };
        client
            .post(format!("{api}/identityProtection/riskyUsers/{word}"))
            .json(&json!({"userIds": [id]}))
    } else {
        let enabled = (doing.kind == ActionKind::EnableAccount) == same;
        client
            .patch(format!("{api}/users/{id}"))
            .json(&json!({"accountEnabled": enabled}))
    };
    let answer = request
        .bearer_auth(token["access_token"].as_str().expect("a token"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 204);
}

async fn in_between(drill: &Drill, doing: Doing, world: World) {
    match world {
        World::Stale(count) => {
            let mut order = on_identity("stale_reads", doing.reads);
            if let Some(count) = count {
                order["count"] = json!(count);
            }
            arm(drill, &order);
        }
        World::UndoneAtOnce => by_others(drill, doing, false).await,
        World::DoneByOthersFirst => by_others(drill, doing, true).await,
        World::DeletedAfterIt => arm(drill, &on_identity("404", &drill.victim_id())),
        World::TokenEndsBeforeTheSend | World::TokenEndsBeforeTheProof => {
            arm(drill, &json!({"fault": "tokens_end"}));
        }
        _ => {}
    }
}

fn setting(gate: &Arc<Gate>) -> Setting {
    Setting {
        probe: Arc::clone(gate) as Arc<dyn Probe>,
        // An account takes a dozen reads; a busy machine needs its time for them.
        limits: Limits {
            read_total: Duration::from_secs(15),
            write_total: Duration::from_secs(8),
            ..limits()
        },
        ..Setting::default()
    }
}

async fn story(doing: Doing, world: World) -> (ActionView, usize) {
    let (drill, state) = (
        company_of(entra()).await,
        tempfile::tempdir().expect("a directory"),
    );
    if doing.effect == "unsuspend" {
        by_others(&drill, doing, false).await;
    }
    if world == World::Guest {
        arm(&drill, &json!({"fault": "becomes_guest"}));
    }
    let gate = Gate::at(match world {
        // Others follow it: the first reading may come before or after them.
        World::DeletedAfterIt | World::TokenEndsBeforeTheProof
            if doing.effect == "reset_password" =>
        {
            Some("send.after")
        }
        World::UndoneAtOnce | World::DeletedAfterIt | World::TokenEndsBeforeTheProof => {
            Some("read.before")
        }
        World::DoneByOthersFirst | World::Stale(_) | World::TokenEndsBeforeTheSend => {
            Some("send.before")
        }
        _ => None,
    });
    let mut app = TestApp::start_in(&drill, state.path(), setting(&gate), |text| text);
    open_case(&mut app).await;
    let planned = plan(&mut app, doing.keys).await;
    gate.aim(&planned, doing.kind);
    match world {
        World::Fault(fault) => {
            let mut order = on_identity(fault, doing.path);
            order["method"] = json!(doing.method);
            order["count"] = json!(1);
            arm(&drill, &order);
        }
        World::DeletedBeforeTheSend => arm(&drill, &on_identity("404", &drill.victim_id())),
        World::RenamedBeforeTheSend => arm(&drill, &json!({"fault": "renamed"})),
        World::MadeAdministratorBeforeTheSend => {
            arm(&drill, &json!({"fault": "made_administrator"}));
        }
        _ => {}
    }
    confirm(&app);
    if gate.is_set() {
        gate.reached().await;
        in_between(&drill, doing, world).await;
        gate.open();
    }
    let mut comments = 1;
    if world == World::UndoneLater {
        let before = proven_and_shown(&mut app, doing.kind).await;
        by_others(&drill, doing, false).await;
        comments = seen_undone(&mut app, state.path(), &before).await;
    }
    let model = app
        .until(&format!("{doing:?} {world:?} ended"), finished)
        .await;
    app.end().await;
    let others = usize::from(doing.effect == "unsuspend")
        + usize::from(matches!(
            world,
            World::UndoneAtOnce | World::UndoneLater | World::DoneByOthersFirst
        ));
    let ledger = drill.ledger();
    let is_ours = |one: &&Value| {
        one["method"] == doing.method
            && one["path"]
                .as_str()
                .is_some_and(|path| path.contains(doing.path))
    };
    // Who undoes a word on the risk has another path.
    let shares_path =
        doing.method == "PATCH" || (doing.kind.is_of_risk() && world == World::DoneByOthersFirst);
    let sent = ledger.mutating().iter().filter(is_ours).count() - others * usize::from(shares_path);
    let mut actions = model.ledger.actions();
    let action = actions.rfind(|one| one.kind == doing.kind);
    let action = action.expect("one action").clone();
    if action.state == ActionState::Verified {
        assert!(
            !ledger.targets(doing.effect).is_empty(),
            "{doing:?} {world:?}: proven, and it never happened"
        );
    }
    let told = ledger.targets("comment").len();
    assert_eq!(told, comments, "{doing:?} {world:?}");
    (action, sent)
}

#[tokio::test]
async fn a_revocation_of_before_is_not_taken_for_ours_by_a_clock_that_is_behind() {
    let house = Tapped::with(entra()).await;
    let identity = house.identity();
    let kind = ActionKind::RevokeSessions;
    let revoke = async || {
        house.drill.clock().advance(TimeDelta::seconds(5));
        let account = house.victim().await;
        let action = house.confirm(&account, &[kind]).remove(0);
        identity.perform(&action, None).await.unwrap();
    };
    revoke().await;
    // By the clock of the answers it is of after the send that is to follow.
    let account = house.victim().await;
    let behind = account.server_date.map(|date| date - TimeDelta::minutes(1));
    let query = ProofQuery {
        not_before: behind,
        ..proof(kind, &account)
    };
    let read = identity.read_back(&query).await.unwrap();
    assert_eq!(read.matches, None, "{read:?}");
    assert!(read.evidence.raw().ends_with("and were before it was sent"));
    revoke().await;
    let read = identity.read_back(&query).await.unwrap();
    assert_eq!(read.matches, Some(true), "{read:?}");
}

#[tokio::test]
async fn a_revocation_is_not_judged_by_half_of_what_tells_it() {
    let house = Tapped::with(entra()).await;
    let identity = house.identity();
    let kind = ActionKind::RevokeSessions;
    let pass = || house.drill.clock().advance(TimeDelta::seconds(5));
    pass();
    let account = house.victim().await;
    let action = house.confirm(&account, &[kind]).remove(0);
    pass();
    identity.perform(&action, None).await.unwrap();
    let asked = proof(kind, &account);
    let unseen = ProofQuery {
        before: None,
        ..asked.clone()
    };
    let ahead = ProofQuery {
        not_before: asked.not_before.map(|date| date + TimeDelta::seconds(30)),
        ..asked.clone()
    };
    for (query, says) in [
        (unseen, "what stood there before the send is not known"),
        (ahead, "but to a time before the clock of the answers"),
    ] {
        let read = identity.read_back(&query).await.unwrap();
        assert_eq!((read.matches, read.effect_at), (None, None), "{read:?}");
        assert!(read.evidence.raw().contains(says), "{read:?}");
    }
    let read = identity.read_back(&asked).await.unwrap();
    assert_eq!(read.matches, Some(true), "{read:?}");
    assert!(read.effect_at.is_some(), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_of_others_on_the_risk_after_ours_never_arrived_is_not_called_ours() {
    for doing in [MARK, DISMISS] {
        let (drill, clock) = still(Idp::Entra).await;
        let state = tempfile::tempdir().expect("a directory");
        let mut order = on_identity("500", doing.path);
        order["count"] = json!(1);
        let does = (doing.keys, &order);
        let (mut app, gate) = unread(&drill, &clock, state.path(), does).await;
        pass(&drill, &clock, 34);
        by_others(&drill, doing, true).await;
        gate.open();
        let model = app.until("it has its word", finished).await;
        app.end().await;
        let why = "later than this request: by another act, or by a late copy of this request";
        assert_unproven(&model, why);
        assert_eq!(drill.ledger().targets(doing.effect).len(), 1, "theirs");
    }
}

/// The table: the word, how many requests may leave, and what the evidence must say.
fn table() -> Vec<(Doing, World, ActionState, usize, &'static str)> {
    use ActionState::{Abandoned, Drifted, NotEffective, Rejected, Unverifiable, Verified};
    let mut rows = Vec::new();
    for doing in [REVOKE, DISABLE, ENABLE, RESET, EXPIRE, MARK, DISMISS] {
        let of_risk = doing.kind.is_of_risk();
        // A word on the risk that was accepted may be carried out later still.
        let without_effect = if of_risk { Unverifiable } else { NotEffective };
        // Of a password that is set the answer alone tells whose it is.
        let (lost, said) = if doing.effect == "reset_password" {
            (Unverifiable, NOBODY_KNOWS)
        } else {
            (Verified, "reads agree")
        };
        rows.extend([
            (doing, World::Applied, Verified, 1, "reads agree"),
            (
                doing,
                World::Fault("accepted_without_effect"),
                without_effect,
                1,
                "",
            ),
            (doing, World::Fault("404"), Rejected, 1, "ResourceNotFound"),
            (
                doing,
                World::Fault("403"),
                Rejected,
                1,
                if of_risk {
                    "the app lacks IdentityRiskyUser"
                } else {
                    "the app lacks User"
                },
            ),
            (doing, World::Fault("409"), Rejected, 1, "Conflict"),
            (
                doing,
                World::Fault("403_after_effect"),
                Rejected,
                1,
                "read back all the same",
            ),
            (
                doing,
                World::Fault("404_after_effect"),
                Rejected,
                1,
                "read back all the same",
            ),
            (doing, World::Fault("429"), Verified, 2, "reads agree"),
            (doing, World::Fault("500_after_effect"), lost, 1, said),
            (doing, World::Fault("500"), without_effect, 1, ""),
            (
                doing,
                World::Fault("reply_lost_after_effect"),
                lost,
                1,
                said,
            ),
            (doing, World::DeletedBeforeTheSend, Abandoned, 0, "not sent"),
            (
                doing,
                World::RenamedBeforeTheSend,
                Abandoned,
                0,
                "login changed",
            ),
            (
                doing,
                World::MadeAdministratorBeforeTheSend,
                Abandoned,
                0,
                "roles changed",
            ),
        ]);
        rows.push((doing, World::DeletedAfterIt, Unverifiable, 1, "not found"));
        rows.push((
            doing,
            World::TokenEndsBeforeTheProof,
            Verified,
            1,
            "reads agree",
        ));
        if doing.effect == "reset_password" {
            // The token may be fetched anew by the proof of the request before it, so there is no row for its end.
            rows.push((doing, World::Stale(Some(6)), Verified, 1, "reads agree"));
            rows.push((doing, World::Stale(None), NotEffective, 1, "still that of"));
        } else {
            rows.push((doing, World::TokenEndsBeforeTheSend, Rejected, 1, "401"));
            rows.push((doing, World::Stale(Some(3)), Verified, 1, "reads agree"));
            rows.push((doing, World::Stale(None), without_effect, 1, ""));
        }
        if matches!(doing.effect, "suspend" | "unsuspend") || of_risk {
            let says = if of_risk {
                "riskState"
            } else {
                "accountEnabled is"
            };
            rows.push((doing, World::UndoneAtOnce, NotEffective, 1, says));
            // Nothing is refused for the state it is in.
            rows.push((doing, World::DoneByOthersFirst, Verified, 1, "reads agree"));
            // What may be done to a guest ends as it does with others; the rest is refused at the plan (see below).
            rows.push((doing, World::Guest, Verified, 1, "reads agree"));
            // Only a disabling is watched.
            let (word, says) = if doing.effect == "suspend" {
                (Drifted, "status enabled")
            } else {
                (Verified, "reads agree")
            };
            rows.push((doing, World::UndoneLater, word, 1, says));
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_each_kind_ends_in_the_right_word_at_entra() {
    let rows = table();
    let count = rows.len();
    let told: Vec<String> = futures::stream::iter(rows)
        .map(|(doing, world, word, sends, says)| async move {
            let told = tokio::spawn(story(doing, world)).await;
            let (action, sent) = told.map_err(|error| format!("{doing:?} {world:?}: {error}"))?;
            let evidence = action
                .evidence
                .map(|text| text.raw().to_owned())
                .unwrap_or_default();
            if action.state == word && sent == sends && evidence.contains(says) {
                return Ok(());
            }
            Err(format!(
                "{} {world:?}: {:?} after {sent} requests, not {word:?} after {sends}: {evidence}",
                doing.effect, action.state
            ))
        })
        .buffer_unordered(4)
        .filter_map(|told: Result<(), String>| async move { told.err() })
        .collect()
        .await;
    assert!(told.is_empty(), "{count} rows, wrong: {told:#?}");
    println!("{count} rows, each with the right word");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_contained_and_the_attacker_is_out() {
    let (drill, state) = (
        company_of(entra()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start_in(&drill, state.path(), setting(&Gate::at(None)), |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    let shown = app.screen();
    assert!(shown.contains("about an hour"), "{shown}");
    assert!(shown.contains("/revokeSignInSessions"), "{shown}");
    confirm(&app);
    let contained = |model: &quell::app::model::Model| {
        let mut all = model.ledger.actions();
        finished(model) && all.all(|one| one.state == ActionState::Verified)
    };
    let model = app.until("all of it is proven", contained).await;
    assert_eq!(model.ledger.actions().count(), 3);
    assert!(model.ledger.actions().all(|one| one.request_id.is_some()));
    drill.advance(3);
    assert!(!drill.attacker_inside());
    app.keys("<Esc>");
    plan(&mut app, "u").await;
    confirm(&app);
    app.until("it is enabled again", |model| {
        let mut all = model.ledger.actions();
        finished(model)
            && all.any(|one| {
                one.kind == ActionKind::EnableAccount && one.state == ActionState::Verified
            })
    })
    .await;
    app.end().await;
    let ledger = drill.ledger();
    assert_eq!(ledger.targets("clear_sessions").len(), 2);
    assert_eq!(ledger.targets("suspend").len(), 1);
    assert_eq!(ledger.targets("unsuspend").len(), 1);
    assert_eq!(ledger.targets("comment").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_shown_once_and_is_in_no_record() {
    let (drill, state) = (
        company_of(entra()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start_in(&drill, state.path(), setting(&Gate::at(None)), |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    confirm(&app);
    let proven = |model: &quell::app::model::Model| {
        let mut all = model.ledger.actions();
        finished(model) && all.all(|one| one.state == ActionState::Verified)
    };
    let model = app.until("all of it is proven", proven).await;
    assert_eq!(model.ledger.actions().count(), 3);
    assert_eq!(model.handed.len(), 1);
    let password = {
        let ledger = drill.ledger();
        let mut sent = ledger.mutating().iter();
        let sent = sent.find_map(|one| one.pointer("/body/passwordProfile/password"));
        let sent = sent.and_then(Value::as_str);
        sent.expect("it was sent").to_owned()
    };
    assert_eq!(password.len(), 23);
    assert!(!format!("{model:?}").contains(&password));
    app.keys("V");
    app.sync().await;
    assert!(app.screen().contains(&password));
    app.keys("<Esc>");
    app.sync().await;
    drill.advance(3);
    assert!(!drill.attacker_inside());
    app.end().await;
    let mut files = vec![state.path().to_path_buf()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            let inside = std::fs::read_dir(&path).expect("it can be read");
            files.extend(inside.map(|entry| entry.expect("an entry").path()));
            continue;
        }
        let bytes = std::fs::read(&path).expect("it can be read");
        assert!(!String::from_utf8_lossy(&bytes).contains(&password));
    }
}

/// Plans what cannot work, and waits until the console says why.
async fn refused(twist: &str, keys: &str, words: &str) {
    let (drill, state) = (
        company_of(entra()).await,
        tempfile::tempdir().expect("a directory"),
    );
    arm(&drill, &json!({"fault": twist}));
    let mut app = TestApp::start_in(&drill, state.path(), setting(&Gate::at(None)), |text| text);
    open_case(&mut app).await;
    app.keys(keys);
    app.until(&format!("it says {words}"), |model| {
        let mut lines = model.log.iter();
        lines.any(|line| line.text.as_str().contains(words))
    })
    .await;
    app.end().await;
    let effects = drill.ledger().effects().len();
    assert_eq!(effects, 0, "{twist} {keys}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_cannot_work_says_so_before_it_is_confirmed() {
    refused("becomes_guest", "cs", "those of another tenant").await;
    refused("becomes_guest", "cc", "those of another tenant").await;
    // A reset ends the sessions first, which is what is refused first.
    refused("becomes_guest", "cp", "those of another tenant").await;
    refused("becomes_guest", "cx", "its password is that of").await;
    refused("becomes_synced", "cp", "on-premises directory").await;
}
