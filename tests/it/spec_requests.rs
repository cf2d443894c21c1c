//! Every request the console can send, judged by the vendor's published specification.
//!
//! The requests are taken from the wire while each method of each connector runs, so a method that is added without being
//! exercised here, or a request no specification knows, fails.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use quell::connect::capability::{ActivityQuery, ProofQuery};
use quell::domain::containment::kind::ActionKind;
use quell::domain::mirror::NewTask;
use quell::domain::severity::CaseStatus;
use quell::domain::text::Untrusted;
use quell::domain::verdict::{Closing, Verdict};
use quell::drill::Options;
use serde_json::json;
use tokio::sync::OnceCell;

use crate::spec;
use crate::wiretap::{Seen, Tapped, start};

/// Gives what every method of every connector sent, run once for all tests.
async fn everything() -> Vec<Seen> {
    static SENT: OnceCell<Vec<Seen>> = OnceCell::const_new();
    SENT.get_or_init(run).await.clone()
}

/// Runs every method of every connector, with pages that continue, and gives what was sent.
async fn run() -> Vec<Seen> {
    let house = Tapped::with(Options {
        cases: 120,
        events: 4_000,
        ..Options::default()
    })
    .await;
    let account = house.victim().await;
    house.identity().find(&account.login).await.unwrap();
    house.identity().own_account().await.unwrap();
    let holders = house.identity().other_administrators(&account.id, &[]);
    assert_eq!(holders.await.unwrap(), [], "she has no role");
    let login = Untrusted::new("adm-jonas.okafor@acme.example");
    let admin = house.identity().find(&login).await.unwrap().remove(0);
    let held = house.identity().other_administrators(&admin.id, &[]).await;
    assert_eq!(held.unwrap()[0].others, 2);
    let kinds = [ActionKind::RevokeSessions, ActionKind::DisableAccount];
    let mut actions = house.confirm(&account, &kinds);
    actions.extend(house.confirm(&account, &[ActionKind::EnableAccount]));
    // A stale list of clients makes the tokens of each client be asked for.
    let stale = json!({"server": "identity", "fault": "stale_reads", "path": "/clients"});
    house.fault(&stale);
    for action in &actions {
        let accepted = house.identity().perform(action, None).await.unwrap();
        let query = ProofQuery {
            kind: action.kind(),
            item: None,
            account: account.id.clone(),
            not_before: account.server_date,
            before: None,
            request_id: accepted.request_id,
            path: None,
            ahead: 0,
            used: Vec::new(),
            others: Vec::new(),
            after: None,
        };
        house.identity().read_back(&query).await.unwrap();
    }
    let account = house.victim().await;
    let expiry = house.confirm(&account, &[ActionKind::ExpirePassword]);
    let other = Untrusted::new("mara.lindt@acme.example");
    let other = house.identity().find(&other).await.unwrap().remove(0);
    let other = house.identity().account(&other.id).await.unwrap();
    let reset = house.confirm(&other, &[ActionKind::ResetPassword]);
    for (of, action) in [(&account, &expiry[0]), (&other, &reset[0])] {
        let accepted = house.identity().perform(action, None).await.unwrap();
        let is_reset = action.kind() == ActionKind::ResetPassword;
        assert_eq!(accepted.secret.is_some(), is_reset);
        let proof = ProofQuery {
            kind: action.kind(),
            item: None,
            account: of.id.clone(),
            not_before: of.server_date,
            before: of.password_changed,
            request_id: accepted.request_id,
            path: None,
            ahead: 0,
            used: Vec::new(),
            others: Vec::new(),
            after: None,
        };
        let read = house.identity().read_back(&proof).await.unwrap();
        assert_eq!(read.matches, Some(true), "{read:?}");
    }
    for kind in [ActionKind::ConfirmCompromised, ActionKind::DismissRisk] {
        let account = house.victim().await;
        let action = house.confirm(&account, &[kind]).remove(0);
        house.identity().perform(&action, None).await.unwrap();
        let proof = ProofQuery {
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
        };
        let read = house.identity().read_back(&proof).await.unwrap();
        assert_eq!(read.matches, Some(true), "{read:?}");
    }
    let mut query = ActivityQuery {
        user: vec![Untrusted::new(account.id.raw()), account.login.clone()],
        since: start() - TimeDelta::days(30),
        until: None,
        limit: 10_000,
    };
    for source in [house.identity_log(), house.siem()] {
        for until in [None, Some(start())] {
            query.until = until;
            source.search(&query, &mut |_| true).await.unwrap();
        }
        query.limit = 3;
        source.search(&query, &mut |_| true).await.unwrap();
        query.limit = 10_000;
    }
    house.siem().alerts(2).await.unwrap();
    let cases = house.cases().list(500).await.unwrap();
    let case = &cases.items[0].id;
    house.cases().open(case).await.unwrap();
    house.cases().comment(case, "note").await.unwrap();
    house.cases().find_comment(case, "note").await.unwrap();
    let new = NewTask {
        marker: "quell-task:1".to_owned(),
        title: "Look".to_owned(),
        group: "Identification".to_owned(),
        description: "quell-task:1".to_owned(),
    };
    let task = house.cases().create_task(case, &new).await.unwrap();
    let done = Untrusted::new("Completed");
    house.cases().set_task(case, &task.id, &done).await.unwrap();
    let tasks = house.cases().tasks(case).await.unwrap();
    let made = tasks.iter().find(|one| one.id == task.id).unwrap();
    assert!(made.status == done && made.bears("quell-task:1"));
    house.cases().who_am_i().await.unwrap();
    let me = house.cases().who_am_i().await.unwrap().login.unwrap();
    house.cases().assign(case, Some(&me)).await.unwrap();
    assert_eq!(house.cases().case(case).await.unwrap().assignee, Some(me));
    assert!(house.cases().assign(case, None).await.is_err());
    house.cases().similar(case, 20).await.unwrap();
    for verdict in Verdict::ALL {
        let closing = Closing {
            verdict,
            comment: "looked at".into(),
            open_tasks: Vec::new(),
            known: Vec::new(),
        };
        let (_, request) = house.cases().prepare_close(case, &closing).await.unwrap();
        house.cases().close(case, &request).await.unwrap();
        let closed = house.cases().case(case).await.unwrap();
        assert_eq!(closed.status, CaseStatus::Closed);
    }
    let two = [cases.items[1].id.clone(), cases.items[2].id.clone()];
    house.cases().merge(&two).await.unwrap();
    assert!(house.cases().case(&two[0]).await.is_err());
    house.seen()
}

/// The route of a request: its path with ids and cursors left out.
fn route(seen: &Seen) -> String {
    let path = seen.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| match part {
            id if id.starts_with("00u") || id.starts_with("0oa") || id.contains("%40") => "{id}",
            id if id.starts_with("%7E") || id.starts_with('~') => "{id}",
            index if index.contains("logs-") || index.contains("alerts-security") => "{index}",
            other => other,
        })
        .collect();
    format!("{} {} {}", seen.vendor, seen.method, parts.join("/"))
}

const ROUTES: [&str; 28] = [
    "elasticsearch DELETE /_pit",
    "elasticsearch POST /_search",
    "elasticsearch POST /{index}/_pit",
    "okta DELETE /api/v1/users/{id}/sessions",
    "okta GET /api/v1/iam/assignees/users",
    "okta GET /api/v1/logs",
    "okta GET /api/v1/users",
    "okta GET /api/v1/users/me",
    "okta GET /api/v1/users/{id}",
    "okta GET /api/v1/users/{id}/clients",
    "okta GET /api/v1/users/{id}/clients/{id}/tokens",
    "okta GET /api/v1/users/{id}/factors",
    "okta GET /api/v1/users/{id}/groups",
    "okta GET /api/v1/users/{id}/risk",
    "okta GET /api/v1/users/{id}/roles",
    "okta POST /api/v1/users/{id}/lifecycle/expire_password",
    "okta POST /api/v1/users/{id}/lifecycle/reset_password",
    "okta POST /api/v1/users/{id}/lifecycle/suspend",
    "okta POST /api/v1/users/{id}/lifecycle/unsuspend",
    "okta PUT /api/v1/users/{id}/risk",
    "thehive GET /api/v1/case/{id}",
    "thehive GET /api/v1/user/current",
    "thehive PATCH /api/v1/case/{id}",
    "thehive PATCH /api/v1/task/{id}",
    "thehive POST /api/v1/case/_merge/{id}",
    "thehive POST /api/v1/case/{id}/comment",
    "thehive POST /api/v1/case/{id}/task",
    "thehive POST /api/v1/query",
];

fn judge(seen: &Seen) -> Result<(), String> {
    spec::check_request(
        seen.vendor,
        &seen.method,
        &seen.path,
        &seen.headers,
        &seen.body,
    )
}

#[tokio::test]
async fn every_request_follows_the_vendors_specification() {
    let sent = everything().await;
    let routes: BTreeSet<String> = sent.iter().map(route).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    assert_eq!(routes, ROUTES);
    if !spec::specifications("every_request_follows_the_vendors_specification") {
        return;
    }
    for seen in &sent {
        assert_eq!(judge(seen), Ok(()), "{} {}", seen.method, seen.path);
    }
}

#[tokio::test]
async fn a_misspelt_request_is_told_apart() {
    let test = "a_misspelt_request_is_told_apart";
    if !spec::specifications(test) {
        return;
    }
    let sent = everything().await;
    let mut judged = BTreeSet::new();
    for seen in &sent {
        let mut path = seen.clone();
        path.path = path
            .path
            .replacen("/api/v1/", "/api/v1x/", 1)
            .replacen("_pit", "_pitt", 1)
            .replacen("_search", "_serach", 1);
        assert!(judge(&path).is_err(), "{}", path.path);
        let mut name = seen.clone();
        name.path.push_str(if name.path.contains('?') {
            "&kepe=1"
        } else {
            "?kepe=1"
        });
        assert!(judge(&name).is_err(), "{}", name.path);
        let mut authorization = seen.clone();
        authorization
            .headers
            .retain(|(name, _)| name != "authorization");
        assert!(judge(&authorization).is_err(), "{}", seen.path);
        if !seen.body.is_empty() {
            let mut field = seen.clone();
            let mut body = field.json();
            body["mesage"] = json!("x");
            field.body = body.to_string().into_bytes();
            assert!(judge(&field).is_err(), "{} {body}", seen.path);
            judged.insert(route(seen));
        }
    }
    assert_eq!(judged.len(), 8, "{judged:?}");
}

/// What a read may be: nothing here changes anything at a vendor, and a wall sends nothing else.
#[tokio::test]
async fn reads_that_are_no_get_are_these_and_writes_say_their_length() {
    let sent = everything().await;
    let writes = [
        "/lifecycle/suspend",
        "/lifecycle/unsuspend",
        "/lifecycle/expire_password",
        "/lifecycle/reset_password",
        "/sessions",
        "/risk",
        "/comment",
        "/task",
    ];
    let is_write = |seen: &Seen| {
        matches!(seen.method.as_str(), "PATCH" | "PUT")
            || seen.path.contains("/case/_merge/")
            || writes.iter().any(|end| {
                seen.path
                    .split('?')
                    .next()
                    .is_some_and(|path| path.ends_with(end))
            })
    };
    let reads: BTreeSet<String> = sent
        .iter()
        .filter(|seen| seen.method != "GET" && !is_write(seen))
        .map(route)
        .collect();
    let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
    assert_eq!(
        reads,
        [
            "elasticsearch DELETE /_pit",
            "elasticsearch POST /_search",
            "elasticsearch POST /{index}/_pit",
            "thehive POST /api/v1/query",
        ]
    );
    for seen in sent
        .iter()
        .filter(|seen| seen.method == "POST" && seen.path.contains("/lifecycle/"))
    {
        assert_eq!(
            (seen.header("content-length"), seen.body.len()),
            (Some("0"), 0)
        );
    }
    for seen in &sent {
        assert_eq!(
            seen.header("x-organisation"),
            (seen.vendor == "thehive").then_some("acme")
        );
        assert!(
            seen.header("user-agent")
                .is_some_and(|agent| agent.starts_with("quell/"))
        );
    }
    let reset = sent
        .iter()
        .find(|seen| seen.path.contains("/reset_password"));
    // Never by mail: the mailbox may be the attacker's.
    assert!(reset.is_some_and(|seen| seen.path.ends_with("?sendEmail=false&revokeSessions=true")));
    let sessions = sent.iter().find(|seen| seen.path.contains("/sessions"));
    assert!(
        sessions.is_some_and(|seen| seen.path.ends_with("?oauthTokens=true&forgetDevices=true"))
    );
}
