//! Google Workspace: every request and answer judged by its Discovery documents, and the actions under everything that may
//! happen.
//!
//! The server is the drill's; no other one can be had without an account at Google.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt as _;
use quell::app::model::Model;
use quell::connect::capability::{ActivityQuery, ConnectErrorKind, Page, ProofQuery};
use quell::connect::http::Limits;
use quell::domain::account::Account;
use quell::domain::containment::confirm::ConfirmedAction;
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
    Gate, NOBODY_KNOWS, confirm, finished, open_case, plan, proven_and_shown, seen_undone,
};
use crate::wiretap::{Seen, Tapped, start};

fn google() -> Options {
    Options {
        idp: Idp::Google,
        ..Options::default()
    }
}

/// Judges a request and its answer.
fn judge(seen: &Seen) -> Result<(), String> {
    let path = seen.path.split('?').next().unwrap_or_default();
    let vendor = if path == "/token" {
        "token"
    } else if path.starts_with("/admin/reports/") {
        "google-reports"
    } else if path.starts_with("/gmail/") {
        "google-gmail"
    } else if path.starts_with("/v1beta1/") {
        "google-alerts"
    } else {
        "google-directory"
    };
    spec::check_request(vendor, &seen.method, &seen.path, &seen.headers, &seen.body)
        .map_err(|fault| format!("request {} {}: {fault}", seen.method, seen.path))?;
    let (status, body) = seen.answer.as_ref().ok_or("no answer came")?;
    spec::check_answer(vendor, &seen.method, &seen.path, *status, body)
        .map_err(|fault| format!("answer to {} {path}: {fault}", seen.method))
}

fn route(seen: &Seen) -> String {
    let path = seen.path.split('?').next().unwrap_or_default();
    let parts = path.split('/').map(|part| {
        // No word of a path is as long as an id, and none has an `@`.
        if part.len() >= 17 || part.contains("%40") {
            "{id}"
        } else {
            part
        }
    });
    format!("{} {}", seen.method, parts.collect::<Vec<_>>().join("/"))
}

const ROUTES: [&str; 19] = [
    "DELETE /admin/directory/v1/users/{id}/tokens/{id}",
    "GET /admin/directory/v1/customer/my_customer/devices/mobile",
    "GET /admin/directory/v1/customer/my_customer/roleassignments",
    "GET /admin/directory/v1/groups",
    "GET /admin/directory/v1/users",
    "GET /admin/directory/v1/users/{id}",
    "GET /admin/directory/v1/users/{id}/asps",
    "GET /admin/directory/v1/users/{id}/tokens",
    "GET /admin/reports/v1/activity/users/all/applications/admin",
    "GET /admin/reports/v1/activity/users/all/applications/login",
    "GET /admin/reports/v1/activity/users/{id}/applications/admin",
    "GET /admin/reports/v1/activity/users/{id}/applications/login",
    "GET /admin/reports/v1/activity/users/{id}/applications/saml",
    "GET /admin/reports/v1/activity/users/{id}/applications/token",
    "GET /admin/reports/v1/activity/users/{id}/applications/user_accounts",
    "GET /v1beta1/alerts",
    "POST /admin/directory/v1/users/{id}/signOut",
    "POST /token",
    "PUT /admin/directory/v1/users/{id}",
];

fn proof(action: &ConfirmedAction, account: &Account, used: &[Untrusted]) -> ProofQuery {
    ProofQuery {
        kind: action.kind(),
        item: None,
        account: account.id.clone(),
        not_before: account.server_date,
        before: None,
        request_id: None,
        path: Some(Untrusted::new(action.call().path.clone())),
        ahead: 0,
        used: used.to_vec(),
        others: Vec::new(),
        after: None,
    }
}

/// Sends an action, lets the log become readable, and reads back.
async fn done(
    house: &Tapped,
    (action, account): (&ConfirmedAction, &Account),
    password: Option<&OneTime>,
    used: &mut Vec<Untrusted>,
) -> Option<bool> {
    house.identity().perform(action, password).await.unwrap();
    house.drill.clock().advance(TimeDelta::seconds(3));
    let query = proof(action, account, used);
    let read = house.identity().read_back(&query).await.unwrap();
    used.extend(read.used);
    read.matches
}

#[tokio::test]
async fn every_request_and_answer_follows_the_specification() {
    let house = Tapped::with(google()).await;
    let identity = house.identity();
    let account = house.victim().await;
    assert_eq!(account.gaps, []);
    let going_on = account.sessions.clone().unwrap();
    assert_eq!(going_on.len(), 3, "two apps and an app password");
    assert_eq!(account.token_clients.as_ref().map(Vec::len), Some(2));
    assert_eq!(account.roles, Some(Vec::new()));
    assert!(account.last_sign_in.is_some() && account.server_date.is_some());
    assert_eq!(account.factors.as_ref().map(Vec::len), Some(2));
    let (own, login) = identity.own_account().await.unwrap();
    assert_eq!(login.raw(), "kim.aster@acme.example");
    let kim = identity.account(&own).await.unwrap();
    assert_eq!(
        (kim.gaps.len(), kim.roles.map(|all| all.len())),
        (0, Some(1))
    );
    for name in ["mara.lind@acme.example", "M.Lind@acme.example"] {
        let found = identity.find(&name.into()).await.unwrap();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].id, account.id, "{name}");
    }
    for name in [
        "nobody",
        "nobody@acme.example",
        "",
        "..",
        "a/b@acme.example",
    ] {
        assert_eq!(identity.find(&name.into()).await.unwrap(), [], "{name}");
    }
    let kinds = [ActionKind::RevokeSessions, ActionKind::DisableAccount];
    let actions = house.confirm(&account, &kinds);
    let order: Vec<&str> = actions.iter().map(|one| one.call().method).collect();
    assert_eq!(order, ["POST", "DELETE", "DELETE", "PUT", "POST"]);
    let mut used = Vec::new();
    let mut all = Vec::new();
    for action in &actions {
        all.push(done(&house, (action, &account), None, &mut used).await);
    }
    // The first sign-out is proven when no app has a token any more.
    assert_eq!(
        all,
        [Some(false), Some(true), Some(true), Some(true), Some(true)]
    );
    assert_eq!(used.len(), 2);
    let enable = house.confirm(&account, &[ActionKind::EnableAccount]);
    assert_eq!(
        done(&house, (&enable[0], &account), None, &mut used).await,
        Some(true)
    );
    let password = OneTime::password(&[7; RANDOM]);
    for kind in [ActionKind::ExpirePassword, ActionKind::ResetPassword] {
        let account = house.victim().await;
        let action = house.confirm(&account, &[kind]).remove(0);
        let query = proof(&action, &account, &used);
        let before = identity.read_back(&query).await.unwrap();
        assert_ne!(before.matches, Some(true), "{before:?}");
        let read = done(&house, (&action, &account), Some(&password), &mut used).await;
        assert_eq!(read, Some(true), "{kind:?}");
    }
    let asked = house.victim().await;
    assert!(
        identity
            .steps(&[ActionKind::ExpirePassword], &asked)
            .is_err()
    );
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
        Act::Forwarding,
        Act::SessionsRevoked,
        Act::AccountDisabled,
        Act::PasswordReset,
    ] {
        assert!(acts.contains(&format!("{act:?}")), "{act:?}: {acts:?}");
    }
    let few = ActivityQuery { limit: 3, ..query };
    let end = house
        .identity_log()
        .search(&few, &mut |_| true)
        .await
        .unwrap();
    assert_eq!((end.events, end.truncated), (3, true));
    house.identity_log().alerts(100).await.unwrap();
    let examined = &house.connections.examined[0];
    for right in examined.rights().await.unwrap() {
        let is_fine = (right.granted, right.needed_for.is_some());
        assert_eq!(is_fine, (Some(true), true), "{right:?}");
    }
    let seen = examined.last_seen().await.unwrap();
    assert!(seen.iter().all(|seen| seen.at.is_some()), "{seen:?}");

    let seen: Vec<Seen> = house.seen();
    let seen: Vec<Seen> = seen
        .into_iter()
        .filter(|one| one.vendor == "google")
        .collect();
    let routes: BTreeSet<String> = seen.iter().map(route).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    assert_eq!(routes, ROUTES);
    let writes = seen.iter().filter(|one| one.method == "PUT");
    let bodies: Vec<Value> = writes.map(Seen::json).collect();
    assert_eq!(
        bodies,
        [
            json!({"suspended": true}),
            json!({"suspended": false}),
            json!({"changePasswordAtNextLogin": true}),
            json!({"password": password.sent(), "changePasswordAtNextLogin": true}),
        ]
    );
    if !spec::specifications("every_request_and_answer_follows_the_specification") {
        return;
    }
    for one in &seen {
        assert_eq!(judge(one), Ok(()));
    }
    let mut wrong = seen.iter().find(|one| one.method == "PUT").unwrap().clone();
    wrong.body = br#"{"suspendet":true}"#.to_vec();
    assert!(judge(&wrong).is_err());
    wrong.path = "/admin/directory/v1/usrs/1".to_owned();
    assert!(judge(&wrong).is_err());
}

/// The requests for tokens: status of the answer and the scope that was asked for.
fn asked(seen: &[Seen]) -> Vec<(u16, String)> {
    use base64::Engine as _;
    let tokens = seen.iter().filter(|one| one.path == "/token");
    let all = tokens.map(|one| {
        let form = url::form_urlencoded::parse(&one.body).into_owned();
        let (_, jwt) = form
            .into_iter()
            .find(|(key, _)| key == "assertion")
            .unwrap();
        let claims = jwt.split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims);
        let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        assert_eq!(claims["sub"], "kim.aster@acme.example");
        let scope = claims["scope"].as_str().unwrap().to_owned();
        (one.answer.as_ref().unwrap().0, scope)
    });
    all.collect()
}

#[tokio::test]
async fn each_scope_has_a_token_of_its_own_and_no_clock_of_ours_is_believed() {
    // The drill's clock stands in another week than ours.
    let house = Tapped::with(google()).await;
    let account = house.victim().await;
    house.identity().account(&account.id).await.unwrap();
    let seen = house.seen();
    let asked = asked(&seen);
    let given: Vec<&str> = asked
        .iter()
        .filter(|(status, _)| *status == 200)
        .map(|(_, scope)| scope.rsplit('/').next().unwrap())
        .collect();
    let scopes: BTreeSet<&str> = given.iter().copied().collect();
    assert_eq!(given.len(), scopes.len(), "one each: {given:?}");
    let wanted = [
        "admin.directory.group.readonly",
        "admin.directory.rolemanagement.readonly",
        "admin.directory.user",
        "admin.directory.user.security",
    ];
    assert_eq!(scopes.into_iter().collect::<Vec<_>>(), wanted);
    // Refused once for its time; the refusal told the right one.
    assert!(asked.iter().any(|(status, _)| *status == 400), "{asked:?}");
    let shown = format!("{:?} {:?}", house.connections, account);
    assert!(!shown.contains("PRIVATE KEY") && !shown.contains("drill-1-"));
    let bearer = |one: &Seen| one.header("authorization").map(str::to_owned);
    for one in seen.iter().filter(|one| one.path != "/token") {
        assert!(bearer(one).unwrap().starts_with("Bearer drill-"));
    }
    assert!(
        seen.iter()
            .filter(|one| one.path == "/token")
            .all(|one| bearer(one).is_none())
    );
}

#[tokio::test]
async fn a_write_is_not_sent_again_for_a_token_that_ended() {
    let house = Tapped::with(google()).await;
    let account = house.victim().await;
    let actions = house.confirm(&account, &[ActionKind::DisableAccount]);
    house.seen();
    house.fault(&json!({"fault": "tokens_end"}));
    let refused = house.identity().perform(&actions[0], None).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.kind, refused.status),
        (ConnectErrorKind::Denied, Some(401))
    );
    let sent = house.seen();
    assert_eq!(sent.iter().filter(|one| one.method == "PUT").count(), 1);
    assert_eq!(house.drill.ledger().targets("suspend").len(), 0);
    // The next one has a token of its own.
    house.identity().perform(&actions[0], None).await.unwrap();
    assert_eq!(house.drill.ledger().targets("suspend").len(), 1);
}

#[tokio::test]
async fn a_wish_to_wait_is_no_refusal_and_a_refusal_is_none_to_wait_for() {
    let house = Tapped::with(google()).await;
    let account = house.victim().await;
    let slow = |path: &str| json!({"server": "identity", "fault": "429", "path": path, "count": 1});
    house.fault(&slow("/tokens"));
    assert_eq!(
        house.identity().account(&account.id).await.unwrap().gaps,
        []
    );
    let actions = house.confirm(&account, &[ActionKind::RevokeSessions]);
    house.fault(&slow("/signOut"));
    let refused = house.identity().perform(&actions[0], None).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused.kind, ConnectErrorKind::Throttled(_)),
        "{refused:?}"
    );
    assert!(
        refused.what.as_str().contains("rateLimitExceeded"),
        "{refused}"
    );
    house.fault(&json!({"server": "identity", "fault": "403", "path": "/signOut", "count": 1}));
    let refused = house.identity().perform(&actions[0], None).await;
    assert_eq!(refused.unwrap_err().kind, ConnectErrorKind::Denied);
    assert_eq!(house.drill.ledger().targets("clear_sessions").len(), 0);
}

#[tokio::test]
async fn an_address_that_leads_to_two_accounts_finds_both() {
    let house = Tapped::with(google()).await;
    let found = house
        .identity()
        .find(&"Jonas.Okafor@acme.example".into())
        .await;
    let logins: Vec<String> = found
        .unwrap()
        .iter()
        .map(|one| one.login.raw().to_owned())
        .collect();
    assert_eq!(
        logins,
        ["jonas.okafor@acme.example", "adm-jonas.okafor@acme.example"]
    );
}

#[tokio::test]
async fn other_administrators_are_counted_by_role() {
    let house = Tapped::with(google()).await;
    let identity = house.identity();
    let login = "adm-jonas.okafor@acme.example".into();
    let admin = identity.find(&login).await.unwrap().remove(0);
    let held = identity.other_administrators(&admin.id, &[]).await.unwrap();
    assert_eq!(held.iter().map(|one| one.others).collect::<Vec<_>>(), [2]);
    let victim = house.victim().await;
    assert_eq!(
        identity
            .other_administrators(&victim.id, &[])
            .await
            .unwrap(),
        []
    );
    let super_admin = identity
        .find(&"breakglass-01@acme.example".into())
        .await
        .unwrap()
        .remove(0);
    let held = identity
        .other_administrators(&super_admin.id, &[])
        .await
        .unwrap();
    let named: Vec<(&str, usize)> = held
        .iter()
        .map(|one| (one.role.raw(), one.others))
        .collect();
    assert_eq!(named[0], ("super administrator", 0), "{named:?}");
    house.fault(&json!({"fault": "inherits_administrator"}));
    let roles = house.victim().await.roles.unwrap();
    assert!(roles[0].raw().contains("by a group"), "{roles:?}");
}

#[tokio::test]
async fn what_is_not_granted_is_named_and_not_taken_for_none() {
    let house = Tapped::with(google()).await;
    let account = house.victim().await;
    house.fault(&json!({"fault": "tokens_end"}));
    for scope in [
        "admin.directory.rolemanagement.readonly",
        "admin.directory.user.security",
    ] {
        house.fault(&json!({"fault": "not_granted", "scope": scope}));
    }
    let account = house.identity().account(&account.id).await.unwrap();
    assert_eq!((account.roles, account.sessions), (None, None));
    let gaps: Vec<&str> = account.gaps.iter().map(Untrusted::raw).collect();
    assert!(
        gaps[0].contains("scope admin.directory.rolemanagement.readonly is not granted"),
        "{gaps:?}"
    );
    assert!(
        gaps[1].contains("scope admin.directory.user.security is not granted"),
        "{gaps:?}"
    );
    house.fault(&json!({"fault": "granted", "scope": "https://mail.google.com/"}));
    let rights = house.connections.examined[0].rights().await.unwrap();
    let missing: Vec<String> = rights
        .iter()
        .filter(|right| right.granted == Some(false))
        .map(|right| right.lacking().to_string())
        .collect();
    assert_eq!(
        missing,
        [
            "the token lacks scope admin.directory.user.security",
            "the token lacks scope admin.directory.rolemanagement.readonly",
        ]
    );
    let beyond: Vec<String> = rights
        .iter()
        .filter(|right| right.needed_for.is_none())
        .map(|right| right.name.to_string())
        .collect();
    assert_eq!(beyond, ["scope https://mail.google.com/"]);
}

#[tokio::test]
async fn lists_that_do_not_end_are_no_lists() {
    let house = Tapped::with(google()).await;
    let account = house.victim().await;
    for (path, gap) in [
        ("/groups", "groups"),
        ("/roleassignments", "administrator roles"),
    ] {
        house.fault(&json!({"server": "identity", "fault": "endless_next", "path": path}));
        let read = house.identity().account(&account.id).await.unwrap();
        let gaps: Vec<&str> = read.gaps.iter().map(Untrusted::raw).collect();
        assert!(
            gaps[0].starts_with(gap) && gaps[0].contains("does not end"),
            "{gaps:?}"
        );
        house.fault(&json!({"server": "identity", "fault": "none"}));
    }
    house.fault(&json!({"server": "identity", "fault": "endless_next", "path": "/applications/"}));
    let query = ActivityQuery {
        user: vec![account.login.clone()],
        since: start() - TimeDelta::days(2),
        until: None,
        limit: 10_000,
    };
    let end = house
        .identity_log()
        .search(&query, &mut |_| true)
        .await
        .unwrap();
    assert!(end.truncated);
    house.fault(&json!({"server": "identity", "fault": "none"}));
    house.fault(&json!({"server": "identity", "fault": "huge_body", "path": "/asps"}));
    let read = house.identity().account(&account.id).await.unwrap();
    assert!(
        read.gaps[0]
            .raw()
            .starts_with("app passwords could not be read"),
        "{:?}",
        read.gaps
    );
}

/// An error that comes with 200 is no empty list, and neither is what says nothing; what is no token of a next page is no end.
#[tokio::test]
async fn what_comes_in_place_of_a_list_is_not_that_there_is_nothing() {
    let house = Tapped::with(google()).await;
    let account = house.victim().await;
    let identity = house.identity();
    let query = ActivityQuery {
        user: vec![account.login.clone()],
        since: start() - TimeDelta::days(2),
        until: None,
        limit: 10_000,
    };
    let failed =
        json!({"error": {"code": 503, "message": "backendError", "status": "UNAVAILABLE"}});
    let kind = "admin#directory#tokenList";
    for body in [
        failed.clone(),
        json!({}),
        json!({"kind": kind, "nextPageToken": 7}),
    ] {
        house.say_nothing();
        house.say("/asps", None, &body);
        house.say("/users?", None, &body);
        house.say("/applications/login", None, &body);
        let read = identity.account(&account.id).await.unwrap();
        let gaps: Vec<&str> = read.gaps.iter().map(Untrusted::raw).collect();
        assert_eq!(gaps.len(), 1, "{body}: {gaps:?}");
        assert!(gaps[0].starts_with("app passwords could not be read"));
        let found = identity.find(&account.login).await;
        assert!(found.is_err(), "{body}: {found:?}");
        let log = house.identity_log().search(&query, &mut |_| true).await;
        assert!(log.is_err(), "{body}: {log:?}");
    }
    // What tells its kind and no records is an empty list, and a token that is null is none.
    house.say_nothing();
    let empty = json!({"kind": kind, "nextPageToken": null});
    house.say("/asps", None, &empty);
    house.say("/users?", None, &empty);
    assert_eq!(identity.account(&account.id).await.unwrap().gaps, []);
    assert_eq!(identity.find(&account.login).await.unwrap().len(), 1);
    // A mailbox and the Alert Center tell no kind.
    for (body, is_list) in [(failed, false), (json!({}), true)] {
        house.say_nothing();
        for part in ["/settings/filters", "/autoForwarding", "/v1beta1/alerts"] {
            house.say(part, None, &body);
        }
        let left = identity.left_behind(&account.id).await.unwrap();
        for kind in [RemnantKind::InboxRule, RemnantKind::Forwarding] {
            let is_read = left.unread.iter().all(|one| one.kind != kind);
            assert_eq!(is_read, is_list, "{kind:?}: {:?}", left.unread);
        }
        let alerts = house.identity_log().alerts(100).await;
        assert_eq!(alerts.is_ok(), is_list, "{alerts:?}");
    }
}

#[tokio::test]
async fn what_was_left_is_listed_and_taken_away_one_by_one() {
    let house = Tapped::with(google()).await;
    let (identity, account) = (house.identity(), house.victim().await);
    let left = identity.left_behind(&account.id).await.unwrap();
    let words: Vec<String> = left
        .remnants
        .iter()
        .map(|one| one.item.word().to_string())
        .collect();
    assert_eq!(
        words,
        [
            "OAuth grant Acme Mail for iOS",
            "OAuth grant MailSync Helper",
            "app password iPad Mail",
            "MFA method 2-step verification",
            "MFA method backup codes",
            "recovery data recovery mail mara@home.example",
            "alias m.lind@acme.example",
            "device Pixel 8",
            "device Galaxy A15",
            "inbox rule query in:anywhere: forwards to drop@mailbox.example, adds TRASH",
            "forwarding of all mail to drop@mailbox.example",
            "forwarding drop@mailbox.example",
        ]
    );
    // What Google never lists is named: neither kind is taken for whole.
    let unread: Vec<&str> = left.unread.iter().map(|one| one.reason.as_str()).collect();
    let never = [
        "Google lists no second factors but backup codes",
        "company-owned devices are not listed by this interface",
    ];
    assert_eq!(unread, never);
    assert!(!left.read.contains(&RemnantKind::Device));
    for remnant in &left.remnants {
        if remnant.kept.is_some() {
            assert!(
                identity.removal(&remnant.item, &account).is_err(),
                "{remnant:?}"
            );
            continue;
        }
        let action = house.confirm_removal(&account, remnant);
        let query = ProofQuery {
            item: Some(remnant.item.clone()),
            ..proof(&action, &account, &[])
        };
        let before = identity.read_back(&query).await.unwrap();
        identity.perform(&action, None).await.unwrap();
        let after = identity.read_back(&query).await.unwrap();
        assert_eq!((before.matches, after.matches), (Some(false), Some(true)));
    }
    // The codes are secrets: what is kept of them is their number.
    let records: Vec<String> = left
        .remnants
        .iter()
        .map(|one| format!("{} {:?}", one.before.raw(), one.details))
        .collect();
    assert!(records.iter().any(|one| one.contains(r#"{"codes":8}"#)));
    assert!(!records.iter().any(|one| has_code(one)), "{records:?}");
    let devices: Vec<bool> = left
        .remnants
        .iter()
        .filter(|one| one.item.kind == RemnantKind::Device)
        .map(|one| one.since.is_some() && one.last_used.is_some())
        .collect();
    assert_eq!(devices, [true, true]);
    let left = identity.left_behind(&account.id).await.unwrap();
    assert_eq!(left.remnants.len(), 3);
    let ledger = house.drill.ledger();
    let gone = |kind: &str| ledger.targets(kind).len();
    assert_eq!((gone("revoke_tokens"), gone("revoke_app_password")), (2, 1));
    for kind in [
        "void_codes",
        "remove_alias",
        "clear_recovery",
        "remove_filter",
        "stop_forwarding",
        "remove_forwarding_address",
    ] {
        assert_eq!(gone(kind), 1, "{kind}");
    }
    let scope = "admin.directory.device.mobile.readonly";
    house.fault(&json!({"fault": "not_granted", "scope": scope}));
    house.fault(&json!({"fault": "tokens_end"}));
    let left = identity.left_behind(&account.id).await.unwrap();
    assert_eq!(left.unread.len(), 2, "{:?}", left.unread);
    let unread = &left.unread[1];
    assert_eq!(unread.kind, RemnantKind::Device);
    assert!(
        unread
            .reason
            .as_str()
            .contains("mobile.readonly is not granted")
    );
    house.fault(&json!({"fault": "granted", "scope": scope}));
    house.fault(&json!({"fault": "not_granted", "scope": "gmail.settings.basic"}));
    let left = identity.left_behind(&account.id).await.unwrap();
    let unread: Vec<RemnantKind> = left.unread.iter().map(|one| one.kind).collect();
    let expected = [
        RemnantKind::MfaMethod,
        RemnantKind::Device,
        RemnantKind::InboxRule,
        RemnantKind::Forwarding,
        RemnantKind::Delegate,
    ];
    assert_eq!(unread, expected);
    let reason = left.unread[2].reason.as_str();
    assert!(
        reason.contains("scope gmail.settings.basic is not granted"),
        "{reason}"
    );
    if spec::specifications("what_was_left_is_listed_and_taken_away_one_by_one") {
        for one in house.seen().iter().filter(|one| one.vendor == "google") {
            assert_eq!(judge(one), Ok(()));
        }
    }
}

/// One kind of action: its keys, method and end of path of its request, its effect in the ledger.
#[derive(Clone, Copy, Debug)]
struct Doing {
    kind: ActionKind,
    keys: &'static str,
    method: &'static str,
    path: &'static str,
    effect: &'static str,
}

const REVOKE: Doing = Doing {
    kind: ActionKind::RevokeSessions,
    keys: "cs",
    method: "POST",
    path: "/signOut",
    effect: "clear_sessions",
};
const DISABLE: Doing = Doing {
    kind: ActionKind::DisableAccount,
    keys: "ca",
    method: "PUT",
    path: "/users/",
    effect: "suspend",
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

/// What the provider, or somebody else at it, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Applied,
    /// A fault on the request itself, once.
    Fault(&'static str),
    /// Old answers below a path, so often.
    Stale(&'static str, Option<u32>),
    RenamedBeforeTheSend,
    DeletedBeforeTheSend,
    DeletedAfterIt,
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

fn in_between(drill: &Drill, doing: Doing, world: World) {
    match world {
        World::Stale(path, count) => {
            let mut order = on_identity("stale_reads", path);
            if let Some(count) = count {
                order["count"] = json!(count);
            }
            arm(drill, &order);
        }
        World::UndoneAtOnce => drill.set_by_others(doing.effect == "suspend"),
        World::DoneByOthersFirst => drill.set_by_others(doing.effect == "unsuspend"),
        World::DeletedAfterIt => arm(drill, &on_identity("404", &drill.victim_id())),
        World::TokenEndsBeforeTheSend | World::TokenEndsBeforeTheProof => {
            arm(drill, &json!({"fault": "tokens_end"}));
        }
        _ => {}
    }
}

async fn story(doing: Doing, world: World) -> (ActionView, usize) {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    if doing.effect == "unsuspend" {
        drill.set_by_others(false);
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
        World::DoneByOthersFirst | World::Stale(..) | World::TokenEndsBeforeTheSend => {
            Some("send.before")
        }
        _ => None,
    });
    let setting = Setting {
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        // A busy machine needs its time for the reads of an account.
        limits: Limits {
            read_total: Duration::from_secs(15),
            write_total: Duration::from_secs(8),
            ..limits()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
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
        _ => {}
    }
    confirm(&app);
    if gate.is_set() {
        gate.reached().await;
        in_between(&drill, doing, world);
        gate.open();
    }
    let mut comments = 1;
    if world == World::UndoneLater {
        let before = proven_and_shown(&mut app, doing.kind).await;
        drill.set_by_others(doing.effect == "suspend");
        comments = seen_undone(&mut app, state.path(), &before).await;
    }
    let model = app
        .until(&format!("{doing:?} {world:?} ended"), finished)
        .await;
    app.end().await;
    let ledger = drill.ledger();
    let is_ours = |one: &&Value| {
        one["method"] == doing.method
            && one["path"]
                .as_str()
                .is_some_and(|path| path.contains(doing.path))
    };
    let sent = ledger.mutating().iter().filter(is_ours).count();
    // Of several revocations the first one is the sign-out.
    let mut actions = model.ledger.actions();
    let action = actions.find(|one| one.kind == doing.kind);
    let action = action.expect("one action").clone();
    // What others did is in no ledger.
    if action.state == ActionState::Verified && world != World::DoneByOthersFirst {
        assert!(
            !ledger.targets(doing.effect).is_empty(),
            "{doing:?} {world:?}: proven, and it never happened"
        );
    }
    let told = ledger.targets("comment").len();
    assert_eq!(told, comments, "{doing:?} {world:?}");
    (action, sent)
}

/// The table: the word, how many requests may leave, and what the evidence must say.
fn table() -> Vec<(Doing, World, ActionState, usize, &'static str)> {
    use ActionState::{Abandoned, Drifted, NotEffective, Rejected, Unverifiable, Verified};
    let mut rows = Vec::new();
    for doing in [REVOKE, DISABLE, ENABLE, RESET, EXPIRE] {
        let is_signing_out = doing.effect == "clear_sessions";
        // That nothing is in a log, which may be late, refutes nothing, and nor does a flag that a user takes away.
        let (nothing, says) = match doing.effect {
            "clear_sessions" | "reset_password" => (Unverifiable, "no entry of the log"),
            "expire_password" => (Unverifiable, "or the user chose another password since"),
            _ => (NotEffective, " is "),
        };
        // Of a password that is set the answer alone tells whose it is.
        let (lost, said) = if doing.effect == "reset_password" {
            (Unverifiable, NOBODY_KNOWS)
        } else {
            (Verified, "reads agree")
        };
        // The log tells of it later than what was refused is read back.
        let refused = if matches!(doing.effect, "clear_sessions" | "reset_password") {
            "answered 40"
        } else {
            "read back all the same"
        };
        rows.extend([
            (doing, World::Applied, Verified, 1, "reads agree"),
            (
                doing,
                World::Fault("accepted_without_effect"),
                nothing,
                1,
                says,
            ),
            (
                doing,
                World::Fault("404"),
                Rejected,
                1,
                "Resource Not Found",
            ),
            (doing, World::Fault("403"), Rejected, 1, "Not Authorized"),
            (doing, World::Fault("409"), Rejected, 1, "Conflict"),
            (
                doing,
                World::Fault("403_after_effect"),
                Rejected,
                1,
                refused,
            ),
            (
                doing,
                World::Fault("404_after_effect"),
                Rejected,
                1,
                refused,
            ),
            (doing, World::Fault("429"), Verified, 2, "reads agree"),
            (doing, World::Fault("500_after_effect"), lost, 1, said),
            (doing, World::Fault("500"), nothing, 1, ""),
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
        ]);
        // Of several requests of one kind the first is proven while the others are sent.
        if !is_signing_out {
            rows.push((doing, World::DeletedAfterIt, Unverifiable, 1, "not found"));
            let proof = World::TokenEndsBeforeTheProof;
            rows.push((doing, proof, Verified, 1, "reads agree"));
        }
        if matches!(doing.effect, "suspend" | "unsuspend") {
            let users = |count| World::Stale("/users/", count);
            rows.push((doing, World::UndoneAtOnce, NotEffective, 1, "suspended is"));
            // Nothing is refused for the state it is in.
            rows.push((doing, World::DoneByOthersFirst, Verified, 1, "reads agree"));
            rows.push((doing, World::TokenEndsBeforeTheSend, Rejected, 1, "401"));
            rows.push((doing, users(Some(3)), Verified, 1, "reads agree"));
            rows.push((doing, users(None), NotEffective, 1, ""));
        }
    }
    let silent = World::Stale("/applications/admin", None);
    rows.push((REVOKE, silent, Unverifiable, 1, "no entry of the log"));
    // The token may be fetched anew by the proof of the request before a reset, so it has no row for its end at the send.
    let users = |count| World::Stale("/users/", count);
    rows.push((RESET, users(Some(6)), Verified, 1, "reads agree"));
    // The directory and the log, which has this in its path as well, both tell only what was before.
    rows.push((RESET, users(None), Unverifiable, 1, "no entry of the log"));
    rows.push((DISABLE, World::UndoneLater, Drifted, 1, "now"));
    // Nobody watches it; `truth` has the kinds that are undone in other ways.
    rows.push((
        ENABLE,
        World::UndoneLater,
        Verified,
        1,
        "suspended is false",
    ));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_each_kind_ends_in_the_right_word_at_google() {
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

fn all_proven(model: &Model) -> bool {
    let mut all = model.ledger.actions();
    finished(model) && all.all(|one| one.state == ActionState::Verified)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_contained_the_attacker_is_out_and_it_is_undone() {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    let shown = app.screen();
    for said in ["/signOut", "/tokens/", "app password iPad Mail"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    confirm(&app);
    let model = app.until("all of it is proven", all_proven).await;
    assert_eq!(model.ledger.actions().count(), 5);
    let mut entries: Vec<_> = model
        .ledger
        .actions()
        .filter_map(|one| one.used.clone())
        .collect();
    entries.sort();
    entries.dedup();
    assert_eq!(entries.len(), 2, "each sign-out has an entry of its own");
    drill.advance(3);
    assert!(!drill.attacker_inside());
    assert_eq!(drill.ledger().targets("revoke_tokens").len(), 2);
    app.keys("<Esc>");
    plan(&mut app, "u").await;
    confirm(&app);
    let is_undone = |model: &Model| all_proven(model) && model.ledger.actions().count() == 6;
    app.until("it is enabled again", is_undone).await;
    app.end().await;
    assert_eq!(drill.ledger().targets("unsuspend").len(), 1);
    assert_eq!(drill.ledger().targets("comment").len(), 2);
}

/// Everything below a folder, as text.
fn written(dir: &std::path::Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(dir).expect("it can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.push_str(&written(&path));
        } else {
            let bytes = std::fs::read(&path).expect("it can be read");
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_proven_by_the_log_and_is_in_no_record() {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    confirm(&app);
    let model = app.until("all of it is proven", all_proven).await;
    let reset = model
        .ledger
        .actions()
        .find(|one| one.kind == ActionKind::ResetPassword);
    let evidence = reset
        .and_then(|one| one.evidence.clone())
        .expect("it was read");
    assert!(evidence.raw().contains("CHANGE_PASSWORD"), "{evidence:?}");
    assert_eq!(model.handed.len(), 1);
    let password = {
        let ledger = drill.ledger();
        let mut sent = ledger.mutating().iter();
        let sent = sent.find(|one| one["body"]["password"].is_string());
        let sent = sent.expect("it was sent");
        sent["body"]["password"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    assert_eq!(password.len(), 23);
    app.keys("V");
    app.sync().await;
    assert!(app.screen().contains(&password));
    app.keys("<Esc>");
    app.sync().await;
    drill.advance(3);
    assert!(!drill.attacker_inside());
    app.end().await;
    let all = written(state.path());
    assert!(!all.contains(&password));
    // The key itself lies in the drill's own file, and nowhere else.
    assert_eq!(all.matches("BEGIN PRIVATE KEY").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_new_password_is_kept_where_its_flag_is_gone_and_the_log_is_late() {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let gate = Gate::at(Some("send.before"));
    let setting = Setting {
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        limits: Limits {
            read_total: Duration::from_secs(15),
            write_total: Duration::from_secs(8),
            ..limits()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    let planned = plan(&mut app, RESET.keys).await;
    gate.aim(&planned, RESET.kind);
    confirm(&app);
    gate.reached().await;
    // What is read once the user chose another password and the log is late: no flag, no entry.
    arm(&drill, &on_identity("stale_reads", "/users/"));
    gate.open();
    let model = app.until("it has its word", finished).await;
    let mut all = model.ledger.actions();
    let reset = all.find(|one| one.kind == RESET.kind).expect("one reset");
    let evidence = reset.evidence.clone().unwrap_or_default();
    assert_eq!(
        (reset.state, reset.acknowledged, reset.matches),
        (ActionState::Unverifiable, true, None),
        "{evidence:?}"
    );
    let flag = "changePasswordAtNextLogin is false";
    assert!(evidence.raw().contains(flag), "{evidence:?}");
    assert_eq!(model.handed.len(), 1, "it is not forgotten");
    app.end().await;
    assert_eq!(drill.ledger().targets("reset_password").len(), 1);
}

/// Tells whether a text has one of the victim's backup codes.
fn has_code(text: &str) -> bool {
    (70_336_121..70_336_129).any(|code| text.contains(&format!("{code}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_codes_are_made_void_with_proof_and_are_in_no_record() {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let kind = RemnantKind::MfaMethod;
    crate::left::plan_removal(&mut app, kind, "backup codes").await;
    let shown = app.screen();
    // Its end stands on the next line.
    assert!(shown.contains("/verificationCodes/in"), "{shown}");
    assert!(!has_code(&shown), "{shown}");
    confirm(&app);
    app.until("it is proven", all_proven).await;
    app.end().await;
    assert_eq!(drill.ledger().targets("void_codes").len(), 1);
    let all = written(state.path());
    assert!(
        all.contains(r#"{\"codes\":8}"#),
        "how many there were is kept"
    );
    assert!(!has_code(&all), "no code is");
}
