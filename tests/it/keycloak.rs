//! Keycloak: every request and answer judged by its specification, and the actions under everything that may happen.
//!
//! The server is the drill's; `keycloak_live` asks a real one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::StreamExt as _;
use quell::app::model::{Layer, Model};
use quell::connect::capability::{ActivityQuery, ConnectErrorKind, Page, ProofQuery};
use quell::connect::http::Limits;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::state::ActionState;
use quell::domain::one_time::{OneTime, RANDOM};
use quell::domain::text::Untrusted;
use quell::domain::timeline::event::{Act, Event};
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::probe::{Open, Probe};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::app::{Setting, TestApp, company_of, limits};
use crate::spec;
use crate::truth::{
    self, Gate, NOBODY_KNOWS, by_still, confirm, finished, open_case, pass, plan, proven_and_shown,
    seen_undone, still, unread,
};
use crate::wiretap::{Seen, Tapped, start};

const ADMIN: &str = "/admin/realms/acme";

fn keycloak() -> Options {
    Options {
        idp: Idp::Keycloak,
        ..Options::default()
    }
}

/// Judges a request and its answer.
fn judge(seen: &Seen) -> Result<(), String> {
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let vendor = if path.ends_with("/token") {
        "token"
    } else {
        "keycloak"
    };
    spec::check_request(vendor, &seen.method, &seen.path, &seen.headers, &seen.body)
        .map_err(|fault| format!("request {} {path}?{query}: {fault}", seen.method))?;
    let (status, body) = seen.answer.as_ref().ok_or("no answer came")?;
    spec::check_answer(vendor, &seen.method, &seen.path, *status, body)
        .map_err(|fault| format!("answer to {} {path}: {fault}", seen.method))
}

fn route(seen: &Seen) -> String {
    let path = seen.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| {
            // No word of a path is as long as an id.
            if part.len() >= 17 || part == "nobody" {
                "{id}"
            } else {
                part
            }
        })
        .collect();
    format!("{} {}", seen.method, parts.join("/"))
}

const ROUTES: [&str; 20] = [
    "DELETE /admin/realms/acme/sessions/{id}",
    "GET /admin/realms/acme",
    "GET /admin/realms/acme/admin-events",
    "GET /admin/realms/acme/attack-detection/brute-force/users/{id}",
    "GET /admin/realms/acme/clients",
    "GET /admin/realms/acme/events",
    "GET /admin/realms/acme/events/config",
    "GET /admin/realms/acme/users",
    "GET /admin/realms/acme/users/{id}",
    "GET /admin/realms/acme/users/{id}/consents",
    "GET /admin/realms/acme/users/{id}/credentials",
    "GET /admin/realms/acme/users/{id}/groups",
    "GET /admin/realms/acme/users/{id}/offline-sessions/{id}",
    "GET /admin/realms/acme/users/{id}/role-mappings",
    "GET /admin/realms/acme/users/{id}/role-mappings/clients/{id}/composite",
    "GET /admin/realms/acme/users/{id}/sessions",
    "POST /admin/realms/acme/users/{id}/logout",
    "POST /realms/acme/protocol/openid-connect/token",
    "PUT /admin/realms/acme/users/{id}",
    "PUT /admin/realms/acme/users/{id}/reset-password",
];

fn proof(action: ActionKind, account: &quell::domain::account::Account) -> ProofQuery {
    ProofQuery {
        kind: action,
        item: None,
        account: account.id.clone(),
        not_before: None,
        before: account.password_changed,
        request_id: None,
        path: None,
        ahead: 0,
        used: Vec::new(),
        others: Vec::new(),
        after: None,
    }
}

#[tokio::test]
async fn every_request_and_answer_follows_the_specification() {
    let house = Tapped::with(keycloak()).await;
    let identity = house.identity();
    let account = house.victim().await;
    assert_eq!(account.gaps, []);
    let sessions = account.sessions.clone().unwrap();
    let offline = sessions.iter().filter(|one| one.offline).count();
    assert_eq!((offline, sessions.len() > offline), (3, true));
    assert_eq!(account.roles, Some(Vec::new()));
    assert!(account.password_changed.is_some() && account.last_sign_in.is_some());
    assert_eq!(account.factors.as_ref().map(Vec::len), Some(2));
    let (own, login) = identity.own_account().await.unwrap();
    assert_eq!(login.raw(), "service-account-quell");
    assert_eq!(identity.account(&own).await.unwrap().gaps, []);
    assert_eq!(identity.find(&account.login).await.unwrap().len(), 1);
    assert_eq!(identity.find(&"nobody".into()).await.unwrap(), []);
    let before = identity
        .read_back(&proof(ActionKind::RevokeSessions, &account))
        .await
        .unwrap();
    assert_eq!(before.matches, Some(false), "{before:?}");
    let kinds = [ActionKind::RevokeSessions, ActionKind::DisableAccount];
    let actions = house.confirm(&account, &kinds);
    let order: Vec<&str> = actions.iter().map(|one| one.call().method).collect();
    assert_eq!(order, ["DELETE", "DELETE", "DELETE", "POST", "PUT", "POST"]);
    for action in actions
        .iter()
        .chain(&house.confirm(&account, &[ActionKind::EnableAccount]))
    {
        identity.perform(action, None).await.unwrap();
        let read = identity.read_back(&proof(action.kind(), &account)).await;
        let read = read.unwrap();
        let is_done = action.call().method != "DELETE";
        assert_eq!(read.matches, Some(is_done), "{read:?}");
    }
    let password = OneTime::password(&[7; RANDOM]);
    for kind in [ActionKind::ExpirePassword, ActionKind::ResetPassword] {
        let account = house.victim().await;
        let before = identity.read_back(&proof(kind, &account)).await.unwrap();
        assert_eq!(before.matches, Some(false), "{before:?}");
        let action = house.confirm(&account, &[kind]).remove(0);
        identity.perform(&action, Some(&password)).await.unwrap();
        let read = identity.read_back(&proof(kind, &account)).await.unwrap();
        assert_eq!(read.matches, Some(true), "{read:?}");
    }
    let asked = house.victim().await;
    let again = identity.steps(&[ActionKind::ExpirePassword], &asked);
    assert!(again.is_err(), "{again:?}");
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
    ] {
        assert!(acts.contains(&format!("{act:?}")), "{acts:?}");
    }
    let examined = &house.connections.examined[0];
    for right in examined.rights().await.unwrap() {
        assert_eq!(
            (right.granted, right.needed_for.is_some()),
            (Some(true), true),
            "{right:?}"
        );
    }
    assert!(
        examined
            .last_seen()
            .await
            .unwrap()
            .iter()
            .all(|seen| seen.at.is_some())
    );

    let seen: Vec<Seen> = house
        .seen()
        .into_iter()
        .filter(|one| one.vendor == "keycloak")
        .collect();
    let routes: BTreeSet<String> = seen.iter().map(route).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    assert_eq!(routes, ROUTES);
    let writes = seen.iter().filter(|one| one.method == "PUT");
    let bodies: Vec<Value> = writes.map(Seen::json).collect();
    assert_eq!(
        bodies,
        [
            json!({"enabled": false}),
            json!({"enabled": true}),
            json!({"requiredActions": ["UPDATE_PASSWORD"]}),
            json!({"temporary": true, "type": "password", "value": password.sent()}),
        ]
    );
    if !spec::specifications("every_request_and_answer_follows_the_specification") {
        return;
    }
    for one in &seen {
        assert_eq!(judge(one), Ok(()));
    }
    let mut wrong = seen.iter().find(|one| one.method == "PUT").unwrap().clone();
    wrong.body = br#"{"enabeld":false}"#.to_vec();
    assert!(judge(&wrong).is_err());
    wrong.path = format!("{ADMIN}/usrs/x");
    assert!(judge(&wrong).is_err());
}

#[tokio::test]
async fn one_token_serves_many_requests_and_is_never_shown() {
    let house = Tapped::with(keycloak()).await;
    let account = house.victim().await;
    house.identity().account(&account.id).await.unwrap();
    let seen = house.seen();
    let asked = |seen: &[Seen]| {
        seen.iter()
            .filter(|one| one.path.ends_with("/token"))
            .count()
    };
    assert_eq!(asked(&seen), 1);
    let secret = house.drill.identity().token;
    for one in seen.iter().filter(|one| !one.path.ends_with("/token")) {
        assert!(
            one.header("authorization")
                .unwrap()
                .starts_with("Bearer drill-")
        );
        assert!(!format!("{one:?}").contains(secret));
    }
    assert!(!format!("{:?}", house.connections).contains(secret));
    // Ended before its time: a read asks for another one, and its caller does not notice.
    house.fault(&json!({"fault": "tokens_end"}));
    house.identity().account(&account.id).await.unwrap();
    let seen = house.seen();
    assert!(asked(&seen) >= 1);
    assert!(seen.iter().any(|one| {
        one.answer
            .as_ref()
            .is_some_and(|(status, _)| *status == 401)
    }));
    // A token that has too little left for a write is not used for one.
    house.drill.clock().advance(TimeDelta::seconds(299));
    house.identity().account(&account.id).await.unwrap();
}

#[tokio::test]
async fn a_write_is_not_sent_again_for_a_token_that_ended() {
    let house = Tapped::with(keycloak()).await;
    let account = house.victim().await;
    let actions = house.confirm(&account, &[ActionKind::DisableAccount]);
    house.seen();
    house.fault(&json!({"fault": "tokens_end"}));
    let refused = house
        .identity()
        .perform(&actions[0], None)
        .await
        .unwrap_err();
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
async fn without_a_token_nothing_is_sent() {
    let house = Tapped::with(keycloak()).await;
    let account = house.victim().await;
    let actions = house.confirm(&account, &[ActionKind::DisableAccount]);
    house.fault(&json!({"fault": "tokens_end"}));
    // Drops the token that was refused.
    assert!(house.identity().perform(&actions[0], None).await.is_err());
    house.seen();
    house.fault(&json!({"server": "identity", "fault": "403", "path": "/token"}));
    let refused = house
        .identity()
        .perform(&actions[0], None)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ConnectErrorKind::NotSent);
    assert!(house.seen().iter().all(|one| one.method != "PUT"));
}

#[tokio::test]
async fn what_is_ready_asks_for_no_token_between_the_last_look_and_its_request() {
    let house = Tapped::with(keycloak()).await;
    let account = house.victim().await;
    let actions = house.confirm(&account, &[ActionKind::DisableAccount]);
    house.fault(&json!({"fault": "tokens_end"}));
    // Drops the token that was refused.
    assert!(house.identity().perform(&actions[0], None).await.is_err());
    house.identity().ready(&actions[0]).await.unwrap();
    house.seen();
    house.identity().perform(&actions[0], None).await.unwrap();
    let sent: Vec<String> = house.seen().into_iter().map(|one| one.method).collect();
    assert_eq!(sent, ["PUT"]);
    assert_eq!(house.drill.ledger().targets("suspend").len(), 1);
}

#[tokio::test]
async fn two_accounts_of_one_mail_are_both_found() {
    let house = Tapped::with(keycloak()).await;
    let people = house.identity();
    let all = people.find(&"mara.lind@acme.example".into()).await.unwrap();
    assert_eq!(all.len(), 1);
    let shared = all[0].mail.clone().unwrap();
    assert_eq!(
        people
            .find(&shared.raw().to_uppercase().into())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn roles_are_not_known_where_the_token_does_not_see_them() {
    let house = Tapped::with(keycloak()).await;
    let account = house.victim().await;
    house.fault(&json!({"server": "identity", "fault": "403", "path": "/clients"}));
    let account = house.identity().account(&account.id).await.unwrap();
    assert_eq!(account.roles, None);
    let gap = account.gaps[0].raw();
    assert!(gap.contains("view-clients"), "{gap}");
    let rights = house.connections.examined[0].rights().await.unwrap();
    let missing: Vec<String> = rights
        .iter()
        .filter(|right| right.granted == Some(false))
        .map(|right| right.lacking().to_string())
        .collect();
    assert_eq!(missing, ["the token lacks role view-clients"]);
}

#[tokio::test]
async fn a_role_by_a_group_above_makes_an_administrator() {
    let house = Tapped::with(keycloak()).await;
    assert_eq!(house.victim().await.roles, Some(Vec::new()));
    house.fault(&json!({"fault": "inherits_administrator"}));
    let roles = house.victim().await.roles;
    assert_eq!(roles, Some(vec![Untrusted::new("manage-users")]));
    house.fault(&json!({"server": "identity", "fault": "403", "path": "/composite"}));
    let account = house.victim().await;
    assert_eq!(account.roles, None, "a guard refuses what is not known");
    assert!(account.gaps[0].raw().contains("administrator roles"));
}

/// One kind of action: its keys, method and end of path of its last request, its effect in the ledger.
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
    path: "/logout",
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
    method: "PUT",
    path: "/reset-password",
    effect: "reset_password",
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
    Stale(Option<u32>),
    DeletedBeforeTheSend,
    DeletedAfterIt,
    UndoneAtOnce,
    UndoneLater,
    DoneByOthersFirst,
    TokenEndsBeforeTheSend,
    TokenEndsBeforeTheProof,
    SessionSurvives,
}

fn arm(drill: &Drill, order: &Value) {
    drill.fault(order).expect("the fault is known");
}

fn on_identity(fault: &str, path: &str) -> Value {
    json!({"server": "identity", "fault": fault, "path": path})
}

/// Enables or disables the account by another administrator's hand.
async fn by_others(drill: &Drill, enabled: bool) {
    put_by_others(drill, "", &json!({"enabled": enabled})).await;
}

/// Sets a temporary password by another administrator's hand.
async fn password_by_others(drill: &Drill) {
    let body = json!({"temporary": true, "type": "password", "value": "another-word-of-theirs"});
    put_by_others(drill, "/reset-password", &body).await;
}

/// Changes the account, or a part of it, by another administrator's hand.
async fn put_by_others(drill: &Drill, part: &str, body: &Value) {
    let identity = drill.identity();
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let form = format!(
        "grant_type=client_credentials&client_id=quell&client_secret={}",
        identity.token
    );
    let token: Value = client
        .post(format!(
            "{}/realms/acme/protocol/openid-connect/token",
            identity.url
        ))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let answer = client
        .put(format!(
            "{}{ADMIN}/users/{}{part}",
            identity.url,
            drill.victim_id()
        ))
        .bearer_auth(token["access_token"].as_str().expect("a token"))
        .json(body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 204);
}

async fn in_between(drill: &Drill, doing: Doing, world: World) {
    match world {
        World::Stale(count) => {
            let mut order = on_identity("stale_reads", "/users/");
            if let Some(count) = count {
                order["count"] = json!(count);
            }
            arm(drill, &order);
        }
        World::UndoneAtOnce => by_others(drill, doing.effect == "suspend").await,
        World::DoneByOthersFirst => by_others(drill, doing.effect == "unsuspend").await,
        World::DeletedAfterIt => arm(drill, &on_identity("404", &drill.victim_id())),
        World::TokenEndsBeforeTheSend | World::TokenEndsBeforeTheProof => {
            arm(drill, &json!({"fault": "tokens_end"}));
        }
        _ => {}
    }
}

async fn story(doing: Doing, world: World) -> (ActionView, usize) {
    let (drill, state) = (
        company_of(keycloak()).await,
        tempfile::tempdir().expect("a directory"),
    );
    if doing.effect == "unsuspend" {
        by_others(&drill, false).await;
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
    let setting = Setting {
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        // An account takes a dozen reads; a busy machine needs its time for them.
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
        World::SessionSurvives => arm(&drill, &json!({"fault": "session_survives"})),
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
        by_others(&drill, doing.effect == "suspend").await;
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
    let sent = ledger.mutating().iter().filter(is_ours).count()
        - others * usize::from(doing.method == "PUT");
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

/// The table: the word, how many requests may leave, and what the evidence must say.
fn table() -> Vec<(Doing, World, ActionState, usize, &'static str)> {
    use ActionState::{Abandoned, Drifted, NotEffective, Rejected, Unverifiable, Verified};
    let mut rows = Vec::new();
    for doing in [REVOKE, DISABLE, ENABLE, RESET, EXPIRE] {
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
                NotEffective,
                1,
                "",
            ),
            (doing, World::Fault("404"), Rejected, 1, "User not found"),
            (
                doing,
                World::Fault("403"),
                Rejected,
                1,
                "HTTP 403 Forbidden",
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
            (doing, World::Fault("500"), NotEffective, 1, ""),
            (
                doing,
                World::Fault("reply_lost_after_effect"),
                lost,
                1,
                said,
            ),
            (doing, World::DeletedBeforeTheSend, Abandoned, 0, "not sent"),
        ]);
        // Of several requests of one kind the first is proven while the others are sent.
        if doing.effect != "clear_sessions" {
            rows.push((doing, World::DeletedAfterIt, Unverifiable, 1, "not found"));
            rows.push((
                doing,
                World::TokenEndsBeforeTheProof,
                Verified,
                1,
                "reads agree",
            ));
        }
        if matches!(doing.effect, "suspend" | "unsuspend") {
            rows.push((doing, World::UndoneAtOnce, NotEffective, 1, "enabled is"));
            // Nothing is refused for the state it is in.
            rows.push((doing, World::DoneByOthersFirst, Verified, 1, "reads agree"));
            rows.push((doing, World::TokenEndsBeforeTheSend, Rejected, 1, "401"));
            rows.push((doing, World::Stale(Some(3)), Verified, 1, "reads agree"));
            rows.push((doing, World::Stale(None), NotEffective, 1, ""));
        }
    }
    rows.push((
        REVOKE,
        World::SessionSurvives,
        NotEffective,
        1,
        "still listed: 1 session",
    ));
    // The token may be fetched anew by the proof of the request before a reset, so it has no row for its end at the send.
    rows.push((RESET, World::Stale(Some(6)), Verified, 1, "reads agree"));
    rows.push((RESET, World::Stale(None), NotEffective, 1, "still that of"));
    rows.push((DISABLE, World::UndoneLater, Drifted, 1, "enabled now"));
    // Nobody watches it; `truth` has the kinds that are undone in other ways.
    rows.push((ENABLE, World::UndoneLater, Verified, 1, "enabled is true"));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_each_kind_ends_in_the_right_word_at_keycloak() {
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
        company_of(keycloak()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = plan(&mut app, "cc").await;
    let shown = app.screen();
    assert!(shown.contains("up to 5 min"), "{shown}");
    assert!(
        shown.contains("/logout") && shown.contains("isOffline=true"),
        "{shown}"
    );
    drop(model);
    confirm(&app);
    let contained = |model: &quell::app::model::Model| {
        let mut all = model.ledger.actions();
        finished(model) && all.all(|one| one.state == ActionState::Verified)
    };
    let model = app.until("all of it is proven", contained).await;
    assert_eq!(model.ledger.actions().count(), 6);
    drill.advance(3);
    assert!(!drill.attacker_inside());
    app.end().await;
    assert_eq!(drill.ledger().targets("revoke_tokens").len(), 3);
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
async fn a_new_password_is_shown_once_and_is_in_no_record() {
    let (drill, state) = (
        company_of(keycloak()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    let shown = app.screen();
    for said in [
        "/reset-password",
        "the old password is void",
        "does not come back",
        "never send the password to the mailbox",
        "up to 5 min",
    ] {
        let told = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = told.replace(" │ ", " ");
        assert!(told.contains(said), "{said}: {shown}");
    }
    confirm(&app);
    let proven = |model: &quell::app::model::Model| {
        let mut all = model.ledger.actions();
        finished(model) && all.all(|one| one.state == ActionState::Verified)
    };
    let model = app.until("all of it is proven", proven).await;
    // Each offline session, sign out, the password, sign out.
    assert_eq!(model.ledger.actions().count(), 6);
    assert_eq!(model.handed.len(), 1);
    let password = {
        let ledger = drill.ledger();
        let mut sent = ledger.mutating().iter();
        let sent = sent.find(|one| {
            one["template"]
                .as_str()
                .is_some_and(|t| t.ends_with("/reset-password"))
        });
        sent.expect("it was sent")["body"]["value"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    assert_eq!(password.len(), 23);
    assert!(!format!("{model:?}").contains(&password));
    assert!(!app.screen().contains(&password));
    app.keys("V");
    app.sync().await;
    let shown = app.screen();
    assert!(
        shown.contains(&password) && shown.contains("this once"),
        "{shown}"
    );
    // Only Esc and q close it.
    app.keys("j<Enter>V");
    app.sync().await;
    assert!(app.screen().contains(&password));
    app.keys("<Esc>");
    app.sync().await;
    assert!(!app.screen().contains(&password));
    app.keys("V");
    let model = app.sync().await;
    assert!(model.handed.is_empty());
    assert!(!matches!(model.layers.last(), Some(Layer::Secret(_))));
    assert!(app.screen().contains("nothing waits to be handed over"));
    drill.advance(3);
    assert!(!drill.attacker_inside());
    app.end().await;
    assert!(!written(state.path()).contains(&password));
    let cases = serde_json::to_string(&drill.ledger().to_json()["requests"]["mutating"]);
    let cases = cases.expect("JSON");
    let times = cases.matches(&password).count();
    assert_eq!(times, 1, "in the request to the provider, and nowhere else");
    assert!(cases.contains("it is in no record"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_the_policy_refuses_is_not_handed_over() {
    let (drill, state) = (
        company_of(keycloak()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    arm(&drill, &on_identity("409", "/reset-password"));
    confirm(&app);
    let model = app.until("it has its word", finished).await;
    let reset = model
        .ledger
        .actions()
        .find(|one| one.kind == ActionKind::ResetPassword)
        .expect("it was planned");
    assert_eq!(reset.state, ActionState::Rejected);
    assert!(model.handed.is_empty());
    app.end().await;
    assert!(drill.attacker_inside() || drill.ledger().targets("reset_password").is_empty());
}

fn reset(model: &Model) -> Option<&ActionView> {
    let mut all = model.ledger.actions();
    all.find(|one| one.kind == ActionKind::ResetPassword)
}

/// Checks that the reset ended unproven, by evidence that says so, and that the analyst is told to do it again.
fn assert_unproven(model: &Model, says: &str) {
    let ended = reset(model).expect("it was planned");
    assert_eq!(ended.state, ActionState::Unverifiable, "{ended:?}");
    let evidence = ended.evidence.as_ref().map_or("", Untrusted::raw);
    let is_said = evidence.starts_with("password set at ") && evidence.contains(says);
    assert!(is_said, "{evidence}");
    let told = "reset password of mara.lind@acme.example: cannot be proven";
    let line = model.log.iter().find(|line| line.text.as_str() == told);
    let hint = line.and_then(|line| line.hint.as_ref());
    let is_told = hint.is_some_and(|hint| hint.as_str().starts_with("reset it again"));
    assert!(is_told, "{:?}", model.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_another_administrator_is_not_taken_for_ours() {
    let (drill, state) = (
        company_of(keycloak()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let gate = Gate::at(Some("send.after"));
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    let planned = plan(&mut app, "cp").await;
    gate.aim(&planned, ActionKind::ResetPassword);
    let mut order = on_identity("reset_before_effect", "/reset-password");
    order["method"] = json!("PUT");
    order["count"] = json!(1);
    arm(&drill, &order);
    confirm(&app);
    // Ours never arrived, and at the same moment another one does.
    gate.reached().await;
    assert!(drill.ledger().targets("reset_password").is_empty());
    password_by_others(&drill).await;
    gate.open();
    let model = app.until("it has its word", finished).await;
    assert_unproven(&model, NOBODY_KNOWS);
    let came = "the temporary password for mara.lind@acme.example is here";
    let line = model
        .log
        .iter()
        .find(|line| line.text.as_str().starts_with(came));
    let hint = line.and_then(|line| line.hint.as_ref());
    let is_told = hint.is_some_and(|hint| hint.as_str().contains("may not open the account"));
    assert!(is_told, "{:?}", model.log);
    app.keys("V");
    app.sync().await;
    let shown = app.screen();
    let doubt = "No answer to the reset came: this may not be the account's password.";
    assert!(shown.contains(doubt), "{shown}");
    assert!(!shown.contains("works for one sign-in"), "{shown}");
    app.end().await;
    assert_eq!(drill.ledger().targets("reset_password").len(), 1, "theirs");
}

/// Lets each reading wait for its turn.
struct Turns {
    waiting: Semaphore,
    turns: Semaphore,
}

#[async_trait]
impl Probe for Turns {
    async fn pass(&self, point: &str) {
        if point == "read.before" {
            self.waiting.add_permits(1);
            self.turns.acquire().await.expect("it stays open").forget();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_replaced_before_it_is_proven_is_not_called_proven() {
    let (drill, state) = (
        company_of(keycloak()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let probe = Arc::new(Turns {
        waiting: Semaphore::new(0),
        turns: Semaphore::new(0),
    });
    let setting = Setting {
        probe: Arc::clone(&probe) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    confirm(&app);
    // Each offline session, sign out, the password, sign out: all are sent, and each is read once.
    drop(probe.waiting.acquire_many(6).await);
    probe.turns.add_permits(6);
    let is_read = |model: &Model| {
        reset(model).is_some_and(|one| one.acknowledged && one.matches == Some(true))
    };
    let model = app.until("the new password was read", is_read).await;
    assert_eq!(reset(&model).and_then(|one| one.ended), None);
    app.keys("V");
    app.sync().await;
    let shown = app.screen();
    assert!(shown.contains("Not proven yet"), "{shown}");
    assert!(!shown.contains("As read at"), "{shown}");
    password_by_others(&drill).await;
    probe.turns.add_permits(1_000);
    let model = app.until("it has its word", finished).await;
    assert_unproven(&model, "by another act");
    // It is still open: what it says follows what is known.
    app.sync().await;
    let shown = app.screen();
    let doubt = "It cannot be proven that this is the account's password now";
    assert!(shown.contains(doubt), "{shown}");
    assert!(!shown.contains("works for one sign-in"), "{shown}");
    app.end().await;
    assert_eq!(drill.ledger().targets("reset_password").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_others_set_after_ours_had_no_effect_is_not_called_ours() {
    let (drill, clock) = still(Idp::Keycloak).await;
    let state = tempfile::tempdir().expect("a directory");
    let probe = Arc::new(Turns {
        waiting: Semaphore::new(0),
        turns: Semaphore::new(0),
    });
    let setting = by_still(&clock, Arc::clone(&probe) as Arc<dyn Probe>);
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    let mut order = on_identity("accepted_without_effect", "/reset-password");
    order["method"] = json!("PUT");
    order["count"] = json!(1);
    arm(&drill, &order);
    confirm(&app);
    // Each offline session, sign out, the password, sign out: all are sent, and each is read once.
    drop(probe.waiting.acquire_many(6).await);
    probe.turns.add_permits(6);
    let is_old = |model: &Model| {
        reset(model).is_some_and(|one| one.acknowledged && one.matches == Some(false))
    };
    app.until("the password was still that of before", is_old)
        .await;
    pass(&drill, &clock, 22);
    password_by_others(&drill).await;
    probe.turns.add_permits(1_000);
    let model = app.until("it has its word", finished).await;
    assert_unproven(&model, "after this request was over: by whom is not known");
    app.keys("V");
    app.sync().await;
    let shown = app.screen();
    let doubt = "It cannot be proven that this is the account's password now";
    assert!(shown.contains(doubt), "{shown}");
    assert!(!shown.contains("works for one sign-in"), "{shown}");
    app.end().await;
    assert_eq!(drill.ledger().targets("reset_password").len(), 1, "theirs");
}

/// A disabling that never arrived; others disable the account so many seconds later, before the next console reads it.
async fn disabled_by_others(seconds: u32) -> Model {
    let (drill, clock) = still(Idp::Keycloak).await;
    let state = tempfile::tempdir().expect("a directory");
    let mut order = on_identity("500", DISABLE.path);
    order["method"] = json!(DISABLE.method);
    order["count"] = json!(1);
    let does = (DISABLE.keys, &order);
    let (app, _gate) = unread(&drill, &clock, state.path(), does).await;
    app.kill();
    pass(&drill, &clock, seconds);
    by_others(&drill, false).await;
    let setting = by_still(&clock, Arc::new(Open));
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    let model = app.until("read back and documented", finished).await;
    app.end().await;
    model
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabling_without_an_answer_that_is_first_read_long_after_it_is_not_called_ours() {
    let model = disabled_by_others(50).await;
    let says = "after this request was over: by whom is not known";
    truth::assert_unproven(&model, says);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabling_without_an_answer_that_is_read_soon_after_it_is_proven() {
    // Others did it: within half a minute nobody can tell.
    let model = disabled_by_others(25).await;
    let mut actions = model.ledger.actions();
    let state = actions.next().map(|action| action.state);
    assert_eq!(state, Some(ActionState::Verified));
}
