//! The simulated company, asked as the console asks it, with the ledger as the oracle.

use std::time::Duration;

use chrono::{DateTime, Utc};
use quell::drill::clock::Clock;
use quell::drill::wire::{Idp, Server};
use quell::drill::{Drill, Endpoint, Options, Pace};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::spec;

const SUSPEND: &str = "/api/v1/users/{}/lifecycle/suspend";
const UNSUSPEND: &str = "/api/v1/users/{}/lifecycle/unsuspend";
const CLEAR: &str = "/api/v1/users/{}/sessions?oauthTokens=true";

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

/// A client that follows no redirect.
fn client() -> reqwest::Client {
    // Only the first test of the process finds no provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    client.build().unwrap()
}

/// One answer, judged by the specification where that is present.
struct Answer {
    status: u16,
    links: Vec<String>,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn rows(&self) -> Vec<Value> {
        self.json().as_array().unwrap().clone()
    }

    fn header(&self, name: &str) -> String {
        self.headers.get(name).unwrap().to_str().unwrap().to_owned()
    }

    /// The path and query of the `next` link, which must stay on the same server.
    fn next(&self, base: &str) -> Option<String> {
        let link = self
            .links
            .iter()
            .find(|link| link.ends_with("rel=\"next\""))?;
        let target = link
            .strip_prefix('<')
            .and_then(|l| l.split_once('>'))
            .unwrap()
            .0;
        Some(target.strip_prefix(base).unwrap().to_owned())
    }
}

/// A drill and a client that knows its tokens.
struct House {
    drill: Drill,
    http: reqwest::Client,
    judged: bool,
}

impl House {
    async fn new(test: &str) -> Self {
        Self::with(test, Options::default()).await
    }

    async fn with(test: &str, options: Options) -> Self {
        let options = Options {
            clock: Clock::fixed(start()),
            pace: Pace::Manual,
            ..options
        };
        Self {
            drill: Drill::start(options).await.unwrap(),
            http: client(),
            judged: spec::specifications(test),
        }
    }

    fn endpoint(&self, server: Server) -> (&Endpoint, &'static str) {
        match server {
            Server::Identity => (self.drill.identity(), "SSWS"),
            Server::Cases => (self.drill.cases(), "Bearer"),
            Server::Siem => (self.drill.siem(), "ApiKey"),
        }
    }

    async fn send(
        &self,
        server: Server,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Response> {
        let (endpoint, word) = self.endpoint(server);
        let authorization = format!("{word} {}", endpoint.token);
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", endpoint.url))
            .header("authorization", authorization);
        match body {
            Some(body) => request.json(body).send().await,
            None => request.header("content-length", "0").send().await,
        }
    }

    async fn ask(&self, server: Server, method: Method, path: &str, body: Option<Value>) -> Answer {
        let response = self
            .send(server, &method, path, body.as_ref())
            .await
            .unwrap();
        let headers = response.headers().clone();
        let links = headers.get_all("link").iter();
        let answer = Answer {
            status: response.status().as_u16(),
            links: links
                .map(|link| link.to_str().unwrap().to_owned())
                .collect(),
            headers,
            body: response.bytes().await.unwrap().to_vec(),
        };
        if self.judged {
            let vendor = self.endpoint(server).0.vendor;
            let judged =
                spec::check_answer(vendor, method.as_str(), path, answer.status, &answer.body);
            assert_eq!(judged, Ok(()), "{method} {path}");
            self.judge_agreement(server, &method, path, body.as_ref(), answer.status);
        }
        answer
    }

    /// What the server took, the specification takes too: the drill is never laxer than the vendor's text.
    fn judge_agreement(
        &self,
        server: Server,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) {
        let (endpoint, word) = self.endpoint(server);
        let headers = [
            (
                "authorization".to_owned(),
                format!("{word} {}", endpoint.token),
            ),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let judged = spec::check_request(endpoint.vendor, method.as_str(), path, &headers, &body);
        if (200..300).contains(&status) {
            assert_eq!(judged, Ok(()), "{method} {path}");
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Server::Identity, Method::GET, path, None).await
    }

    /// Writes to the victim's account.
    async fn act(&self, method: Method, path: &str) -> Answer {
        let path = path.replace("{}", &self.drill.victim_id());
        self.ask(Server::Identity, method, &path, None).await
    }

    async fn query(&self, steps: Value) -> Answer {
        let body = json!({"query": steps});
        self.ask(
            Server::Cases,
            Method::POST,
            "/api/v1/query?name=t",
            Some(body),
        )
        .await
    }

    async fn open_pit(&self, index: &str) -> String {
        let path = format!("/{index}/_pit?keep_alive=1m");
        let pit = self.ask(Server::Siem, Method::POST, &path, None).await;
        assert_eq!(pit.status, 200);
        pit.json()["id"].as_str().unwrap().to_owned()
    }

    async fn search(&self, body: Value) -> Answer {
        self.ask(Server::Siem, Method::POST, "/_search", Some(body))
            .await
    }

    async fn status(&self) -> String {
        let user = self
            .get(&format!("/api/v1/users/{}", self.drill.victim_id()))
            .await
            .json();
        user["status"].as_str().unwrap().to_owned()
    }

    /// Counts what the victim's account did with success since the start.
    async fn successes(&self) -> usize {
        let pit = self.open_pit("logs-*").await;
        let found = self
            .search(json!({
                "pit": {"id": pit}, "size": 0, "track_total_hits": true,
                "query": {"bool": {"filter": [
                    {"term": {"user.id": self.drill.victim_id()}},
                    {"term": {"event.outcome": "success"}},
                    {"range": {"@timestamp": {"gt": start().to_rfc3339()}}},
                ]}},
            }))
            .await;
        found.json()["hits"]["total"]["value"]
            .as_u64()
            .unwrap()
            .try_into()
            .unwrap()
    }

    fn fault(&self, order: &Value) {
        self.drill.fault(order).unwrap();
    }
}

#[tokio::test]
async fn identity_answers_follow_the_specification() {
    let house = House::new("drill::identity_answers_follow_the_specification").await;
    let id = house.drill.victim_id();
    let user = house.get(&format!("/api/v1/users/{id}")).await;
    assert_eq!(user.json()["profile"]["login"], "mara.lind@acme.example");
    assert_eq!(
        user.json()["credentials"]["provider"]["type"],
        "ACTIVE_DIRECTORY"
    );
    assert_eq!(user.header("x-rate-limit-remaining"), "1199");
    assert_eq!(
        user.header("x-rate-limit-reset"),
        (start().timestamp() + 60).to_string()
    );
    assert_eq!(
        user.header("date"),
        start().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    );
    assert!(!user.header("x-okta-request-id").is_empty());
    for login in ["mara.lind", "mara.lind@acme.example"] {
        assert_eq!(
            house.get(&format!("/api/v1/users/{login}")).await.json()["id"],
            id.as_str()
        );
    }
    let me = house.get("/api/v1/users/me").await.json();
    assert_eq!(me["profile"]["login"], "kim.aster@acme.example");
    let missing = house.get("/api/v1/users/nobody").await;
    assert_eq!(
        (missing.status, &missing.json()["errorCode"]),
        (404, &json!("E0000007"))
    );
    let groups = house
        .get(&format!("/api/v1/users/{id}/groups"))
        .await
        .rows();
    let payroll = groups
        .iter()
        .find(|group| group["profile"]["name"] == "Payroll-Admin")
        .unwrap();
    let members = house
        .get(&format!(
            "/api/v1/groups/{}/users",
            payroll["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(members.rows().len(), 2);
    assert_eq!(
        house
            .get(&format!("/api/v1/users/{id}/roles"))
            .await
            .rows()
            .len(),
        0
    );
    assert_eq!(
        house.get("/api/v1/users/me/roles").await.rows()[0]["type"],
        "USER_ADMIN"
    );
    let factors = house
        .get(&format!("/api/v1/users/{id}/factors"))
        .await
        .rows();
    assert!(
        factors
            .iter()
            .any(|factor| factor["profile"]["name"] == "Galaxy A15")
    );
    let clients = house
        .get(&format!("/api/v1/users/{id}/clients"))
        .await
        .rows();
    assert_eq!(clients.len(), 2);
    let client = clients[1]["client_id"].as_str().unwrap();
    let tokens = house
        .get(&format!("/api/v1/users/{id}/clients/{client}/tokens"))
        .await;
    assert_eq!(tokens.rows().len(), 2);
}

#[tokio::test]
async fn the_siem_names_the_provider_that_the_company_has() {
    for idp in Idp::ALL {
        let options = Options {
            idp,
            ..Options::default()
        };
        let test = "drill::the_siem_names_the_provider_that_the_company_has";
        let house = House::with(test, options).await;
        let pit = house.open_pit("logs-*").await;
        for named in Idp::ALL {
            let body = json!({
                "pit": {"id": pit}, "size": 1, "track_total_hits": true,
                "query": {"bool": {"filter": [{"term": {"event.provider": named.name()}}]}},
            });
            let found = house.search(body).await.json();
            let total = found["hits"]["total"]["value"].as_u64().unwrap();
            assert_eq!(total > 0, named == idp, "{idp:?} {named:?}: {total}");
            let message = found["hits"]["hits"][0]["_source"]["message"].to_string();
            assert!(idp == Idp::Okta || !message.contains("Okta"), "{message}");
        }
    }
}

#[tokio::test]
async fn users_are_searched_and_paged() {
    let house = House::new("drill::users_are_searched_and_paged").await;
    let search = async |text: &str| {
        let query: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        house
            .get(&format!("/api/v1/users?search={query}"))
            .await
            .rows()
    };
    assert_eq!(
        search(r#"profile.login eq "mara.lind@acme.example""#)
            .await
            .len(),
        1
    );
    // Two accounts share this address.
    assert_eq!(
        search(r#"profile.email eq "jonas.okafor@acme.example""#)
            .await
            .len(),
        2
    );
    // The look-alike is another account.
    let twin = search("profile.login eq \"m\u{430}ra.lind@acme.example\"").await;
    assert_ne!(twin[0]["id"], house.drill.victim_id().as_str());
    let broken = house
        .get("/api/v1/users?search=profile.login%20is%20x")
        .await;
    assert_eq!(
        (broken.status, &broken.json()["errorCode"]),
        (400, &json!("E0000031"))
    );
    let mut path = Some("/api/v1/users?limit=15".to_owned());
    let mut pages = Vec::new();
    while let Some(now) = path {
        let answer = house.get(&now).await;
        pages.push(answer.rows().len());
        path = answer.next(&house.drill.identity().url);
    }
    let far = house
        .get("/api/v1/users?after=pos18446744073709551615")
        .await;
    assert_eq!((far.status, far.rows().len()), (200, 0));
    // Forty accounts, of which the list leaves the deactivated one out.
    assert_eq!(pages, [15, 15, 9]);
}

#[tokio::test]
async fn the_system_log_is_polled_without_end_and_read_with_one() {
    let house = House::new("drill::the_system_log_is_polled").await;
    let base = &house.drill.identity().url;
    let filter: String = url::form_urlencoded::byte_serialize(
        format!(
            "actor.id eq \"{}\" and eventType eq \"user.session.start\"",
            house.drill.victim_id()
        )
        .as_bytes(),
    )
    .collect();
    let path = format!(
        "/api/v1/logs?since=2026-11-18T00:00:00Z&limit=7&sortOrder=ASCENDING&filter={filter}"
    );
    let mut next = path.clone();
    let mut seen = Vec::new();
    for _ in 0..20 {
        let page = house.get(&next).await;
        next = page.next(base).unwrap();
        seen.extend(page.rows());
    }
    let failures = seen
        .iter()
        .filter(|entry| entry["outcome"]["result"] == "FAILURE")
        .count();
    assert!(failures >= 14, "{failures} failures");
    assert_eq!(seen.last().unwrap()["client"]["ipAddress"], "203.0.113.66");
    // The end of polling is an empty page with a link that goes on.
    let empty = house.get(&next).await;
    assert_eq!(empty.rows().len(), 0);
    let mut bounded = Some(format!("{path}&until=2027-01-01T00:00:00Z"));
    let mut again = Vec::new();
    while let Some(now) = bounded {
        let page = house.get(&now).await;
        bounded = page.next(base);
        again.extend(page.rows());
    }
    assert_eq!(again, seen);
    let wrong = house.get("/api/v1/logs?since=yesterday").await;
    assert_eq!(
        (wrong.status, &wrong.json()["errorCode"]),
        (400, &json!("E0000001"))
    );
    let both = house
        .get("/api/v1/logs?since=2026-11-18T00:00:00Z&after=p3")
        .await;
    assert_eq!(both.status, 400);
}

#[tokio::test]
async fn suspending_leaves_sessions_and_clearing_leaves_the_password() {
    let house = House::new("drill::suspending_leaves_sessions").await;
    house.drill.advance(4);
    let before = house.successes().await;
    assert!(before >= 4);
    // Suspended: the session goes on.
    assert_eq!(house.act(Method::POST, SUSPEND).await.status, 200);
    assert_eq!(house.status().await, "SUSPENDED");
    house.drill.advance(4);
    assert!(house.drill.attacker_inside());
    let suspended = house.successes().await;
    assert!(suspended >= before + 4);
    // Suspended and cleared: he is out and stays out.
    assert_eq!(house.act(Method::DELETE, CLEAR).await.status, 204);
    house.drill.advance(30);
    assert!(!house.drill.attacker_inside());
    assert_eq!(house.successes().await, suspended);
    // A suspended account cannot be suspended, and an unsuspended one is his again.
    let again = house.act(Method::POST, SUSPEND).await;
    assert_eq!(
        (again.status, &again.json()["errorCode"]),
        (400, &json!("E0000001"))
    );
    assert_eq!(house.act(Method::POST, UNSUSPEND).await.status, 200);
    house.drill.advance(1);
    assert!(house.drill.attacker_inside());
    // Cleared alone: he signs in again.
    assert_eq!(house.act(Method::DELETE, CLEAR).await.status, 204);
    house.drill.advance(1);
    assert!(house.drill.attacker_inside());
    let id = house.drill.victim_id();
    let ledger = house.drill.ledger();
    let kinds: Vec<&str> = ledger.effects().iter().map(|effect| effect.kind).collect();
    assert_eq!(
        kinds,
        [
            "suspend",
            "clear_sessions",
            "revoke_tokens",
            "revoke_tokens",
            "unsuspend",
            "clear_sessions"
        ]
    );
    assert_eq!(ledger.targets("suspend"), std::slice::from_ref(&id));
    assert_eq!(
        house
            .get(&format!("/api/v1/users/{id}/clients"))
            .await
            .rows()
            .len(),
        0
    );
}

#[tokio::test]
async fn own_actions_are_in_the_system_log() {
    let house = House::new("drill::own_actions_are_in_the_system_log").await;
    let suspend = house.act(Method::POST, SUSPEND).await;
    let clear = house.act(Method::DELETE, CLEAR).await;
    let filter = "transaction.detail.requestApiTokenId%20eq%20%2200Tdrill0console0001%22";
    let path = format!("/api/v1/logs?since=2026-11-18T00:00:00Z&filter={filter}&limit=1000");
    let own = house.get(&path).await.rows();
    let kinds: Vec<&Value> = own.iter().map(|entry| &entry["eventType"]).collect();
    assert_eq!(
        kinds,
        [
            "user.lifecycle.suspend",
            "user.session.clear",
            "app.oauth2.token.revoke",
            "app.oauth2.token.revoke"
        ]
    );
    assert_eq!(
        own[0]["transaction"]["id"],
        suspend.header("x-okta-request-id").as_str()
    );
    assert_eq!(
        own[1]["transaction"]["id"],
        clear.header("x-okta-request-id").as_str()
    );
    for entry in &own {
        assert_eq!(entry["target"][0]["id"], house.drill.victim_id().as_str());
        assert_eq!(entry["actor"]["alternateId"], "kim.aster@acme.example");
    }
}

#[tokio::test]
async fn cases_are_read_and_written() {
    let house = House::new("drill::cases_are_read_and_written").await;
    let cases = |method, path: &str, body| {
        let path = format!("/api/v1/{path}");
        let house = &house;
        async move { house.ask(Server::Cases, method, &path, body).await }
    };
    assert_eq!(
        cases(Method::GET, "user/current", None).await.json()["login"],
        "kim.aster@acme.example"
    );
    assert_eq!(cases(Method::GET, "status/public", None).await.status, 200);
    let all = house.query(json!([{"_name": "listCase"}])).await.rows();
    assert_eq!(all.len(), 14);
    let count = house
        .query(json!([{"_name": "listCase"}, {"_name": "count"}]))
        .await
        .json();
    assert_eq!(count, 14);
    let open = house
        .query(json!([
            {"_name": "listCase"},
            {"_name": "filter", "_in": {"_field": "tags", "_values": ["user:mara.lind@acme.example"]}},
            {"_name": "sort", "_fields": [{"severity": "desc"}]},
            {"_name": "page", "from": 0, "to": 1, "extraData": ["taskStats", "alertCount"]},
        ]))
        .await
        .rows();
    let case = &open[0];
    assert_eq!(
        (&case["severity"], &case["status"]),
        (&json!(4), &json!("New"))
    );
    assert_eq!(case["extraData"]["taskStats"]["total"], 3);
    let id = case["_id"].as_str().unwrap();
    let part = async |name: &str| {
        house
            .query(json!([{"_name": "getCase", "idOrName": id}, {"_name": name}]))
            .await
            .rows()
    };
    let observables = part("observables").await;
    assert!(
        observables
            .iter()
            .any(|o| o["dataType"] == "ip" && o["data"] == "203.0.113.66")
    );
    let alerts = part("alerts").await;
    assert_eq!(alerts[0]["title"], "Impossible travel");
    let alert = format!("alert/{}", alerts[0]["_id"].as_str().unwrap());
    assert_eq!(cases(Method::GET, &alert, None).await.json()["caseId"], id);
    // Writes.
    let patch = json!({"status": "InProgress", "assignee": "kim.aster@acme.example", "addTags": ["claimed"]});
    assert_eq!(
        cases(Method::PATCH, &format!("case/{id}"), Some(patch))
            .await
            .status,
        204
    );
    let read = cases(Method::GET, &format!("case/{}", case["number"]), None)
        .await
        .json();
    assert_eq!(
        (&read["status"], &read["stage"]),
        (&json!("InProgress"), &json!("InProgress"))
    );
    assert_eq!(read["assignee"], "kim.aster@acme.example");
    let comment = json!({"message": "marker-1"});
    let made = cases(Method::POST, &format!("case/{id}/comment"), Some(comment)).await;
    assert_eq!(made.status, 201);
    assert!(
        part("comments")
            .await
            .iter()
            .any(|comment| comment["message"] == "marker-1")
    );
    let task = cases(
        Method::POST,
        &format!("case/{id}/task"),
        Some(json!({"title": "Call"})),
    )
    .await;
    let task = format!("task/{}", task.json()["_id"].as_str().unwrap());
    let done = json!({"status": "Completed"});
    assert_eq!(cases(Method::PATCH, &task, Some(done)).await.status, 204);
    assert_eq!(
        cases(Method::GET, &task, None).await.json()["status"],
        "Completed"
    );
    let log = cases(
        Method::POST,
        &format!("{task}/log"),
        Some(json!({"message": "m"})),
    )
    .await;
    assert_eq!(log.status, 201);
    assert_eq!(part("tasks").await.len(), 4);
    // Refusals.
    let wrong = json!({"stauts": "x"});
    let refused = cases(Method::PATCH, &format!("case/{id}"), Some(wrong)).await;
    assert_eq!(
        (refused.status, &refused.json()["type"]),
        (400, &json!("BadRequest"))
    );
    assert_eq!(cases(Method::GET, "case/~1", None).await.status, 404);
    let kinds: Vec<&str> = house
        .drill
        .ledger()
        .effects()
        .iter()
        .map(|e| e.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            "case_patch",
            "comment",
            "task_create",
            "task_patch",
            "task_log"
        ]
    );
}

#[tokio::test]
async fn a_point_in_time_does_not_move() {
    let house = House::new("drill::a_point_in_time_does_not_move").await;
    let pit = house.open_pit("logs-*").await;
    let mut body = json!({
        "pit": {"id": pit, "keep_alive": "1m"}, "size": 40, "track_total_hits": true, "_source": ["event.action"],
        "sort": [{"@timestamp": {"order": "desc"}}],
        "query": {"bool": {"should": [
            {"term": {"user.name": "mara.lind@acme.example"}}, {"terms": {"source.ip": ["203.0.113.66"]}},
        ]}},
    });
    let mut ids = Vec::new();
    let mut totals = std::collections::BTreeSet::new();
    loop {
        let page = house.search(body.clone()).await.json();
        let hits = page["hits"]["hits"].as_array().unwrap().clone();
        let Some(last) = hits.last() else { break };
        assert!(
            hits[0]["_source"]["user"].is_null()
                && hits[0]["_source"]["event"]["action"].is_string()
        );
        body["search_after"] = last["sort"].clone();
        ids.extend(
            hits.iter()
                .map(|hit| hit["_id"].as_str().unwrap().to_owned()),
        );
        // The attacker goes on between the pages.
        house.drill.advance(1);
        totals.insert(page["hits"]["total"]["value"].as_u64().unwrap());
    }
    let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    assert!(ids.len() > 60);
    assert_eq!(totals.len(), 1);
    let close = json!({"id": pit});
    let close = house
        .ask(Server::Siem, Method::DELETE, "/_pit", Some(close))
        .await;
    assert_eq!((close.status, house.drill.open_pits()), (200, 0));
    let gone = house.search(body).await;
    assert_eq!((gone.status, &gone.json()["status"]), (404, &json!(404)));
}

#[tokio::test]
async fn the_siem_answers_alerts_and_rights() {
    let house = House::new("drill::the_siem_answers_alerts_and_rights").await;
    let pit = house.open_pit(".alerts-security.alerts-default").await;
    let found = house.search(json!({
        "pit": {"id": pit}, "query": {"term": {"kibana.alert.workflow_status": "open"}},
        "sort": [{"@timestamp": {"order": "asc"}}],
    }));
    let found = found.await.json();
    let rules: Vec<&Value> = found["hits"]["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| &hit["_source"]["kibana.alert.rule.rule_id"])
        .collect();
    assert_eq!(
        rules,
        ["password_spray", "impossible_travel", "oauth_grant"]
    );
    let siem = |method, path: &'static str, body| {
        let house = &house;
        async move { house.ask(Server::Siem, method, path, body).await }
    };
    assert_eq!(siem(Method::GET, "/", None).await.status, 200);
    assert_eq!(
        siem(Method::GET, "/_security/_authenticate", None)
            .await
            .json()["enabled"],
        true
    );
    let check = json!({"index": [{"names": ["logs-*"], "privileges": ["read", "write"]}]});
    let rights = siem(Method::POST, "/_security/user/_has_privileges", Some(check))
        .await
        .json();
    assert_eq!(
        rights["index"]["logs-*"],
        json!({"read": true, "write": false})
    );
    assert_eq!(rights["has_all_requested"], false);
    assert_eq!(
        siem(Method::POST, "/nothing/_pit?keep_alive=1m", None)
            .await
            .status,
        404
    );
    let bad = json!({"pit": {"id": pit}, "query": {"trem": {"a": "b"}}});
    let bad = siem(Method::POST, "/_search", Some(bad)).await;
    assert_eq!(
        (bad.status, &bad.json()["error"]["type"]),
        (400, &json!("parsing_exception"))
    );
}

#[tokio::test]
async fn strangers_are_refused() {
    let house = House::new("drill::strangers_are_refused").await;
    for (server, path) in [
        (Server::Identity, "/api/v1/users/me"),
        (Server::Cases, "/api/v1/user/current"),
        (Server::Siem, "/_security/_authenticate"),
    ] {
        let (endpoint, word) = house.endpoint(server);
        for authorization in [format!("{word} wrong"), format!("Basic {}", endpoint.token)] {
            let request = house.http.get(format!("{}{path}", endpoint.url));
            let answer = request
                .header("authorization", authorization)
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            assert_eq!(status, 401);
            let body = answer.bytes().await.unwrap();
            if house.judged {
                assert_eq!(
                    spec::check_answer(endpoint.vendor, "GET", path, status, &body),
                    Ok(())
                );
            }
        }
    }
}

#[tokio::test]
async fn a_post_without_a_length_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let house = House::new("drill::a_post_without_a_length_is_refused").await;
    let host = house.drill.identity().url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!(
        "POST /api/v1/users/x/lifecycle/suspend HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
}

/// What everybody may read at the start, with the ports taken out.
async fn initial_state(seed: u64) -> String {
    let house = House::with(
        "drill::the_same_seed_gives_the_same_bytes",
        Options {
            seed,
            ..Options::default()
        },
    )
    .await;
    let users = house.get("/api/v1/users").await;
    let log = house
        .get("/api/v1/logs?limit=1000&since=2026-11-01T00:00:00Z")
        .await;
    let cases = house.query(json!([{"_name": "listCase"}])).await;
    let pit = house.open_pit("logs-*").await;
    let events = house
        .search(json!({"pit": {"id": pit}, "size": 5000, "sort": ["@timestamp"]}))
        .await;
    [users, log, cases, events]
        .map(|answer| String::from_utf8(answer.body).unwrap())
        .join("\n")
        .replace(&house.drill.identity().url, "")
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let first = initial_state(3).await;
    assert!(first.len() > 1_000_000);
    assert!(first == initial_state(3).await);
    assert!(first != initial_state(4).await);
}

#[tokio::test]
async fn faults_before_the_effect_leave_nothing_behind() {
    let house = House::new("drill::faults_before_the_effect").await;
    for (fault, status) in [("429", 429), ("500", 500), ("redirect", 302)] {
        house.fault(&json!({"server": "identity", "fault": fault, "count": 1}));
        let path = SUSPEND.replace("{}", &house.drill.victim_id());
        let answer = house
            .send(Server::Identity, &Method::POST, &path, None)
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status);
        if fault == "429" {
            assert_eq!(answer.headers()["x-rate-limit-remaining"], "0");
        }
        let body = answer.text().await.unwrap();
        assert!(body.is_empty() || body.contains("errorCode"));
    }
    house.fault(
        &json!({"server": "identity", "fault": "reset_before_effect", "count": 1, "method": "POST"}),
    );
    let path = SUSPEND.replace("{}", &house.drill.victim_id());
    assert_eq!(house.status().await, "ACTIVE");
    assert!(
        house
            .send(Server::Identity, &Method::POST, &path, None)
            .await
            .is_err()
    );
    house.fault(&json!({"server": "identity", "fault": "hang", "count": 1, "path": "/lifecycle/"}));
    let asked = house.send(Server::Identity, &Method::POST, &path, None);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), asked)
            .await
            .is_err()
    );
    assert_eq!(house.status().await, "ACTIVE");
    assert_eq!(house.drill.ledger().effects(), []);
    let faults: Vec<Value> = house
        .drill
        .ledger()
        .mutating()
        .iter()
        .map(|request| request["fault"].clone())
        .collect();
    assert_eq!(
        faults,
        ["429", "500", "redirect", "reset_before_effect", "hang"]
    );
}

#[tokio::test]
async fn a_lost_reply_has_had_its_effect() {
    let house = House::new("drill::a_lost_reply").await;
    house.fault(&json!({"server": "identity", "fault": "reply_lost_after_effect", "count": 1}));
    let path = SUSPEND.replace("{}", &house.drill.victim_id());
    assert!(
        house
            .send(Server::Identity, &Method::POST, &path, None)
            .await
            .is_err()
    );
    assert_eq!(house.status().await, "SUSPENDED");
    assert_eq!(house.drill.ledger().targets("suspend").len(), 1);
    assert!(house.drill.ledger().mutating()[0]["status"].is_null());
}

#[tokio::test]
async fn an_accepted_request_may_do_nothing() {
    let house = House::new("drill::an_accepted_request").await;
    house.fault(&json!({"server": "identity", "fault": "accepted_without_effect", "count": 2}));
    assert_eq!(house.act(Method::POST, SUSPEND).await.status, 200);
    assert_eq!(house.act(Method::DELETE, CLEAR).await.status, 204);
    assert_eq!(house.status().await, "ACTIVE");
    assert_eq!(house.drill.ledger().effects(), []);
    // The count is used up: now it is true.
    assert_eq!(house.act(Method::POST, SUSPEND).await.status, 200);
    assert_eq!(house.status().await, "SUSPENDED");
}

#[tokio::test]
async fn what_is_delivered_twice_is_answered_as_the_second_time() {
    let house = House::new("drill::what_is_delivered_twice").await;
    house.fault(&json!({"server": "identity", "fault": "delivered_twice", "count": 1}));
    assert_eq!(house.act(Method::POST, SUSPEND).await.status, 400);
    assert_eq!(house.status().await, "SUSPENDED");
    assert_eq!(house.drill.ledger().targets("suspend").len(), 1);
}

#[tokio::test]
async fn stale_reads_show_the_past_for_a_while() {
    let house = House::new("drill::stale_reads").await;
    house.fault(&json!({"server": "identity", "fault": "stale_reads", "count": 2}));
    assert_eq!(house.act(Method::POST, SUSPEND).await.status, 200);
    assert_eq!(house.status().await, "ACTIVE");
    assert_eq!(house.status().await, "ACTIVE");
    assert_eq!(house.status().await, "SUSPENDED");
}

#[tokio::test]
async fn answers_can_be_damaged() {
    let house = House::new("drill::answers_can_be_damaged").await;
    let read = async |fault: &str| {
        house.fault(&json!({"server": "identity", "fault": fault, "count": 1}));
        house
            .send(
                Server::Identity,
                &Method::GET,
                "/api/v1/users?limit=5",
                None,
            )
            .await
            .unwrap()
    };
    assert!(read("half_body").await.bytes().await.is_err());
    assert!(read("bad_json").await.json::<Value>().await.is_err());
    let rows: Value = read("bad_record").await.json().await.unwrap();
    assert!(rows[0]["id"].is_object() && rows[1]["id"].is_string());
    let links = read("foreign_next").await;
    let links: Vec<_> = links
        .headers()
        .get_all("link")
        .iter()
        .map(|l| l.to_str().unwrap())
        .collect();
    assert!(links[0].contains(&house.drill.identity().url) && links[1].contains("198.51.100.7"));
    let mut huge = read("huge_body").await;
    let mut size = 0;
    while let Some(chunk) = huge.chunk().await.unwrap() {
        size += chunk.len();
    }
    assert!(size > 90 * 1024 * 1024, "{size}");
}

#[tokio::test]
async fn the_control_interface_switches_and_reports() {
    let house = House::new("drill::the_control_interface").await;
    let order = async |order: Value| {
        let answer = house
            .http
            .post(house.drill.faults_url())
            .json(&order)
            .send()
            .await
            .unwrap();
        answer.status().as_u16()
    };
    assert_eq!(
        order(json!({"server": "siem", "fault": "500", "rate": 1.0})).await,
        200
    );
    assert_eq!(
        order(json!({"server": "siem", "fault": "earthquake"})).await,
        400
    );
    assert_eq!(order(json!({"server": "fax", "fault": "500"})).await, 400);
    assert_eq!(
        order(json!({"server": "siem", "fault": "500", "rate": 7})).await,
        400
    );
    let broken = house
        .send(Server::Siem, &Method::GET, "/", None)
        .await
        .unwrap();
    assert_eq!(broken.status().as_u16(), 500);
    assert_eq!(order(json!({"fault": "none"})).await, 200);
    assert_eq!(
        house
            .send(Server::Siem, &Method::GET, "/", None)
            .await
            .unwrap()
            .status(),
        200
    );
    house.act(Method::POST, SUSPEND).await;
    let ledger: Value = house
        .http
        .get(house.drill.ledger_url())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(ledger["effects"][0]["kind"], "suspend");
    assert_eq!(
        ledger["effects"][0]["target"],
        house.drill.victim_id().as_str()
    );
    let counts = &ledger["requests"]["counts"];
    assert_eq!(
        counts["identity POST /api/v1/users/{id}/lifecycle/suspend"],
        1
    );
    let servers = house.drill.servers();
    assert_eq!(servers["identity"]["vendor"], "okta");
    assert_eq!(servers["faults_url"], house.drill.faults_url());
}

#[tokio::test]
async fn half_the_requests_fail_at_half_rate_and_always_the_same() {
    let run = async || {
        let house = House::new("drill::half_rate").await;
        house.fault(&json!({"server": "cases", "fault": "500", "rate": 0.5}));
        let mut statuses = Vec::new();
        for _ in 0..40 {
            let path = "/api/v1/status/public";
            let answer = house
                .send(Server::Cases, &Method::GET, path, None)
                .await
                .unwrap();
            statuses.push(answer.status().as_u16());
        }
        statuses
    };
    let first = run().await;
    let failed = first.iter().filter(|status| **status == 500).count();
    assert!((8..=32).contains(&failed), "{failed}");
    assert_eq!(first, run().await);
}

#[tokio::test]
async fn the_rate_limit_is_real() {
    let options = Options {
        rate_limit: 3,
        ..Options::default()
    };
    let house = House::with("drill::the_rate_limit_is_real", options).await;
    for left in ["2", "1", "0"] {
        assert_eq!(
            house
                .get("/api/v1/users/me")
                .await
                .header("x-rate-limit-remaining"),
            left
        );
    }
    let refused = house.get("/api/v1/users/me").await;
    assert_eq!(
        (refused.status, &refused.json()["errorCode"]),
        (429, &json!("E0000047"))
    );
    house.drill.clock().advance(chrono::TimeDelta::seconds(61));
    assert_eq!(house.get("/api/v1/users/me").await.status, 200);
}

#[tokio::test]
async fn a_dropped_drill_stops_answering() {
    let house = House::new("drill::a_dropped_drill").await;
    let url = house.drill.cases().url.clone();
    let (http, drill) = (house.http, house.drill);
    assert!(
        http.get(format!("{url}/api/v1/status/public"))
            .send()
            .await
            .is_ok()
    );
    drop(drill);
    drop(http);
    let fresh = client();
    let mut open = true;
    for _ in 0..200 {
        open = fresh.get(&url).send().await.is_ok();
        if !open {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(!open);
}

#[tokio::test]
async fn the_company_can_be_large() {
    let options = Options {
        cases: 2_000,
        events: 20_000,
        ..Options::default()
    };
    let house = House::with("drill::the_company_can_be_large", options).await;
    let count = house
        .query(json!([{"_name": "listCase"}, {"_name": "count"}]))
        .await
        .json();
    assert_eq!(count, 2_014);
    let pit = house.open_pit("logs-*").await;
    let found = house
        .search(json!({"pit": {"id": pit}, "size": 0, "track_total_hits": true}))
        .await;
    assert!(found.json()["hits"]["total"]["value"].as_u64().unwrap() > 20_000);
}

#[tokio::test(start_paused = true)]
async fn the_attacker_keeps_his_pace() {
    let clock = Clock::fixed(start());
    let options = Options {
        clock: clock.clone(),
        pace: Pace::Every(Duration::from_secs(10)),
        ..Options::default()
    };
    let drill = Drill::start(options).await.unwrap();
    clock.advance(chrono::TimeDelta::seconds(1));
    tokio::time::sleep(Duration::from_secs(35)).await;
    tokio::time::resume();
    let house = House {
        drill,
        http: client(),
        judged: spec::specifications("drill::the_attacker_keeps_his_pace"),
    };
    assert_eq!(house.successes().await, 3);
}
