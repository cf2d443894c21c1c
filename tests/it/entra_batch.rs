//! Several reads of Graph in one request: what goes together, each part by its own status, and answers that leave some out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use quell::config::settings::{EntraApp, Vendor};
use quell::connect::capability::{ConnectErrorKind, Identity};
use quell::connect::http::Limits;
use quell::connect::registry::Connections;
use quell::connect::secret::Secret;
use quell::domain::containment::remnant::RemnantKind;
use quell::domain::text::Untrusted;
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::harness::app::company_of;
use crate::raw_http::read_request;
use crate::spec;
use crate::wiretap::{Seen, Tapped, connection, name, settings};

const BATCH: &str = "/v1.0/$batch";

fn entra() -> Options {
    Options {
        idp: Idp::Entra,
        ..Options::default()
    }
}

/// What went to Graph as it passed the wire, without the requests for tokens.
fn sent(house: &Tapped) -> Vec<Seen> {
    let mut sent = house.sent();
    sent.retain(|one| one.vendor == "entra" && !one.path.ends_with("/token"));
    sent
}

fn parts(seen: &Seen) -> Vec<Value> {
    seen.json()["requests"].as_array().expect("a list").clone()
}

/// Gives the ends of the paths in a batch.
fn ends(seen: &Seen) -> Vec<String> {
    let mut ends: Vec<String> = parts(seen)
        .iter()
        .map(|part| {
            let url = part["url"].as_str().expect("a text");
            let path = url.split('?').next().unwrap_or_default();
            let end = path.rsplit('/').next().unwrap_or_default();
            let end = if end.contains('-') { "{id}" } else { end };
            end.to_owned()
        })
        .collect();
    ends.sort();
    ends
}

async fn other(identity: &dyn Identity, login: &str) -> quell::domain::ids::AccountId {
    let login = Untrusted::new(format!("{login}@acme.example"));
    identity.find(&login).await.unwrap().remove(0).id
}

#[tokio::test]
async fn what_is_read_of_an_account_goes_together_and_writes_do_not() {
    let house = Tapped::with(entra()).await;
    let victim = house.victim().await;
    let id = other(house.identity(), "anna.berg").await;
    house.sent();
    let account = house.identity().account(&id).await.unwrap();
    assert_eq!(account.gaps, []);
    assert!(
        account.server_date.is_some(),
        "the clock of the answer around it"
    );
    let seen = sent(&house);
    let paths: Vec<&str> = seen.iter().map(|one| one.path.as_str()).collect();
    let batches: Vec<&Seen> = seen.iter().filter(|one| one.path == BATCH).collect();
    assert_eq!(batches.len(), 1, "{paths:?}");
    assert_eq!(
        ends(batches[0]),
        [
            "appRoleAssignments",
            "methods",
            "oauth2PermissionGrants",
            "transitiveMemberOf",
            "{id}",
            "{id}",
            "{id}",
        ]
    );
    let risk = paths
        .iter()
        .filter(|path| path.contains("/identityProtection/"));
    assert_eq!(
        (risk.count(), paths.len()),
        (1, 2),
        "risk by itself: {paths:?}"
    );
    let left = house.identity().left_behind(&victim.id).await.unwrap();
    assert_eq!(left.unread.len(), 2, "what Graph never tells");
    let seen = sent(&house);
    assert_eq!(
        seen.len(),
        1,
        "the names of the applications are known: {seen:?}"
    );
    let ends = ends(&seen[0]);
    assert!(
        ends.contains(&"messageRules".to_owned()) && ends.len() == 5,
        "{ends:?}"
    );
    for batch in seen.iter().chain(batches) {
        for part in parts(batch) {
            assert_eq!(part["method"], "GET");
            let url = part["url"].as_str().unwrap();
            assert!(url.starts_with("/users/"), "{url}");
            assert!(part.get("body").is_none());
        }
        if spec::specifications("what_is_read_of_an_account_goes_together_and_writes_do_not") {
            let judged = spec::check_request(
                "entra",
                &batch.method,
                &batch.path,
                &batch.headers,
                &batch.body,
            );
            assert_eq!(judged, Ok(()));
            let (status, body) = batch.answer.as_ref().unwrap();
            assert_eq!(
                spec::check_answer("entra", "POST", BATCH, *status, body),
                Ok(())
            );
        }
    }
    // A write is one intent, one request, one answer.
    let kinds = [quell::domain::containment::kind::ActionKind::DisableAccount];
    let action = house.confirm(&victim, &kinds).remove(0);
    house.identity().perform(&action, None).await.unwrap();
    let methods: Vec<String> = sent(&house).into_iter().map(|one| one.method).collect();
    assert_eq!(methods, ["PATCH"]);
}

#[tokio::test]
async fn each_part_stands_by_its_own_status() {
    let house = Tapped::with(entra()).await;
    let victim = house.victim().await;
    house.fault(&json!({"server": "identity", "fault": "403", "path": "messageRules"}));
    house.fault(&json!({"server": "identity", "fault": "404", "path": "/authentication/methods"}));
    house.sent();
    let left = house.identity().left_behind(&victim.id).await.unwrap();
    let unread = |kind: RemnantKind| {
        let mut all = left.unread.iter();
        all.find(|one| one.kind == kind)
            .map(|one| one.reason.to_string())
    };
    let rules = unread(RemnantKind::InboxRule).expect("it is named");
    assert!(
        rules.contains("Insufficient privileges") && rules.contains("messageRules"),
        "{rules}"
    );
    let methods = unread(RemnantKind::MfaMethod).expect("it is named");
    assert!(methods.contains("404"), "{methods}");
    assert_eq!(unread(RemnantKind::OauthGrant), None);
    assert!(
        left.remnants
            .iter()
            .any(|one| one.item.kind == RemnantKind::OauthGrant)
    );
    assert_eq!(sent(&house).len(), 1, "a refusal is not asked again");
    house.fault(&json!({"server": "identity", "fault": "none"}));

    // Told to wait: that part alone, after the wait, and nothing else again.
    house.fault(&json!({"server": "identity", "fault": "429", "path": "messageRules", "count": 1}));
    let started = Instant::now();
    let left = house.identity().left_behind(&victim.id).await.unwrap();
    assert_eq!(left.unread.len(), 2);
    assert!(
        started.elapsed() >= Duration::from_millis(900),
        "it waited a second"
    );
    let seen = sent(&house);
    let paths: Vec<&str> = seen.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert!(paths[0] == BATCH && paths[1].ends_with("/mailFolders/inbox/messageRules"));
    assert_eq!(seen[1].method, "GET");
}

#[tokio::test]
async fn an_answer_too_large_for_all_is_asked_for_part_by_part() {
    let house = Tapped::with(entra()).await;
    let id = other(house.identity(), "anna.berg").await;
    house.fault(
        &json!({"server": "identity", "fault": "huge_body", "path": "oauth2PermissionGrants"}),
    );
    house.sent();
    let account = house.identity().account(&id).await.unwrap();
    let gaps: Vec<&str> = account.gaps.iter().map(Untrusted::raw).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(
        gaps[0].starts_with("grants of applications could not be read"),
        "{gaps:?}"
    );
    let alone = sent(&house);
    let alone = alone.iter().filter(|one| one.method == "GET");
    assert_eq!(alone.count(), 8, "seven parts and the risk");
}

type Edit = fn(&mut u16, &mut Value);

/// Passes everything on to the drill, and changes what it answers to a batch.
async fn meddle(
    mut stream: TcpStream,
    upstream: String,
    edit: Edit,
    log: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let raw = read_request(&mut stream).await?;
    {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(format!("{} {}", raw.method, raw.path));
    }
    let method = reqwest::Method::from_bytes(raw.method.as_bytes()).ok()?;
    let client = reqwest::Client::builder().no_proxy().build().ok()?;
    let mut request = client.request(method, format!("{upstream}{}", raw.path));
    for (name, value) in &raw.headers {
        request = request.header(name, value);
    }
    let answer = request.body(raw.body).send().await.ok()?;
    let mut status = answer.status().as_u16();
    let mut body = answer.bytes().await.ok()?.to_vec();
    if raw.path == BATCH {
        let mut json: Value = serde_json::from_slice(&body).ok()?;
        edit(&mut status, &mut json);
        body = json.to_string().into_bytes();
    }
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ndate: Sat, 21 Nov 2026 03:00:00 GMT\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()
}

/// A console's connection to a Graph whose answers to batches are changed on the way.
struct Meddled {
    drill: Drill,
    connections: Connections,
    log: Arc<Mutex<Vec<String>>>,
}

impl Meddled {
    /// Passes nothing through a hand: the console speaks with the drill itself.
    async fn not() -> Self {
        let drill = company_of(entra()).await;
        let url = drill.identity().url.clone();
        Self::to(drill, &url, Arc::default())
    }

    async fn with(edit: Edit) -> Self {
        let drill = company_of(entra()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let (upstream, log) = (drill.identity().url.clone(), Arc::default());
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(meddle(stream, upstream.clone(), edit, Arc::clone(&kept)));
            }
        });
        Self::to(drill, &own, log)
    }

    fn to(drill: Drill, url: &str, log: Arc<Mutex<Vec<String>>>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let endpoint = drill.identity();
        let mut one = connection(Vendor::Entra, Url::parse(url).unwrap());
        one.entra = endpoint.client.map(|(tenant, client)| EntraApp {
            tenant: tenant.to_owned(),
            client_id: client.to_owned(),
            login: one.url.clone(),
            certificate: None,
        });
        let secret = Secret::new(endpoint.token.to_owned());
        let secrets = BTreeMap::from([(name(Vendor::Entra.word()), secret)]);
        let limits = Limits {
            read_total: Duration::from_secs(10),
            back_off: Duration::from_millis(1),
            ..Limits::default()
        };
        let connections = Connections::build_with(&settings(vec![one]), secrets, &limits);
        assert_eq!(connections.faults, []);
        Self {
            drill,
            connections,
            log,
        }
    }

    fn identity(&self) -> &dyn Identity {
        &*self.connections.identity[0]
    }

    fn log(&self) -> Vec<String> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = std::mem::take(&mut *log);
        all.retain(|one| !one.ends_with("/token"));
        all
    }

    async fn victim(&self) -> quell::domain::ids::AccountId {
        let id = Untrusted::new(self.drill.victim_id());
        self.identity().find(&id).await.unwrap().remove(0).id
    }
}

fn responses(body: &mut Value) -> &mut Vec<Value> {
    body["responses"].as_array_mut().expect("a list")
}

fn is_of(part: &Value, word: &str) -> bool {
    part["body"].to_string().contains(word)
}

#[tokio::test]
async fn what_is_not_in_the_answer_was_not_read_and_is_not_none() {
    // The answers come in another order already; here the one with the rules is lost.
    let house = Meddled::with(|_, body| {
        responses(body).retain(|part| !is_of(part, "drop@mailbox.example"));
    })
    .await;
    let id = house.victim().await;
    let left = house.identity().left_behind(&id).await.unwrap();
    let rules = left
        .unread
        .iter()
        .find(|one| one.kind == RemnantKind::InboxRule);
    let reason = rules.expect("it is named").reason.as_str();
    assert!(reason.contains("holds none to this one"), "{reason}");
    assert!(
        left.remnants
            .iter()
            .any(|one| one.item.kind == RemnantKind::OauthGrant)
    );

    let house = Meddled::with(|_, body| responses(body).clear()).await;
    let id = house.victim().await;
    let refused = house.identity().account(&id).await.unwrap_err();
    assert_eq!(refused.kind, ConnectErrorKind::Malformed, "{refused}");
    assert!(house.identity().left_behind(&id).await.is_err());

    let house = Meddled::with(|_, body| *body = json!({"responses": 7})).await;
    let id = house.victim().await;
    assert!(house.identity().account(&id).await.is_err());
}

#[tokio::test]
async fn two_answers_to_one_part_are_none() {
    let house = Meddled::with(|_, body| {
        let all = responses(body);
        let mut second = all[0].clone();
        second["body"] = json!({"value": []});
        all.push(second);
        all.push(json!({"id": "999", "status": 200, "body": {"value": []}}));
        all.push(json!(["no part"]));
    })
    .await;
    let id = house.victim().await;
    let left = house.identity().left_behind(&id).await.unwrap();
    // The last one asked for comes first: the rules of the mailbox, and then the name of an application.
    let unusable = |kind: RemnantKind| {
        let mut all = left.unread.iter().filter(|one| one.kind == kind);
        all.any(|one| one.reason.as_str().contains("no usable one"))
    };
    assert!(unusable(RemnantKind::InboxRule), "{:?}", left.unread);
    assert!(unusable(RemnantKind::OauthGrant), "{:?}", left.unread);
    assert!(!unusable(RemnantKind::MfaMethod), "{:?}", left.unread);
}

#[tokio::test]
async fn where_batches_are_not_taken_each_read_goes_alone() {
    let house = Meddled::with(|status, body| {
        *status = 404;
        *body = json!({"error": {"code": "BadRequest", "message": "no segment $batch"}});
    })
    .await;
    let id = house.victim().await;
    house.log();
    let account = house.identity().account(&id).await.unwrap();
    assert_eq!(account.gaps, []);
    let log = house.log();
    let batches = log.iter().filter(|one| one.starts_with("POST"));
    assert!(batches.count() >= 1 && log.len() >= 9, "{log:?}");
}

#[tokio::test]
async fn a_wait_beyond_the_time_of_a_read_is_not_waited_for() {
    let house = Meddled::with(|_, body| {
        for part in responses(body) {
            if is_of(part, "drop@mailbox.example") {
                part["status"] = json!(429);
                part["headers"] = json!({"Retry-After": "250"});
                part["body"] = json!({"error": {"code": "TooManyRequests", "message": "later"}});
            }
        }
    })
    .await;
    let id = house.victim().await;
    let started = Instant::now();
    let left = house.identity().left_behind(&id).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(9));
    let rules = left
        .unread
        .iter()
        .find(|one| one.kind == RemnantKind::InboxRule);
    let reason = rules.expect("it is named").reason.as_str();
    assert!(reason.contains("429"), "{reason}");
}

/// Fetches a token as the console does.
async fn token(drill: &Drill, client: &reqwest::Client) -> String {
    let identity = drill.identity();
    let (tenant, client_id) = identity.client.expect("its tokens are fetched");
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client_id)
        .append_pair("client_secret", identity.token)
        .append_pair("scope", &format!("{}/.default", identity.url))
        .finish();
    let request = client.post(format!("{}/{tenant}/oauth2/v2.0/token", identity.url));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(form).send().await.expect("an answer");
    let token: Value = answer.json().await.expect("JSON");
    token["access_token"].as_str().expect("a text").to_owned()
}

/// What a snapshot and what was left cost over a line with 150 ms of latency: together, and the same reads as they went
/// before, all at once but for names of applications, which went one after another. The times are printed, not judged.
#[tokio::test(flavor = "multi_thread")]
async fn slow_an_account_and_what_was_left_take_few_requests() {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for what in ["account", "left behind"] {
        let (mut together, mut alone, mut counted) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..5 {
            // A new one each time: nothing is known from the moment before.
            let house = Meddled::not().await;
            let id = house.victim().await;
            let token = token(&house.drill, &client).await;
            let before = house.drill.ledger().mutating().len();
            let latency = json!({"server": "identity", "fault": "latency", "ms": 150});
            house.drill.fault(&latency).expect("the fault is known");
            let started = Instant::now();
            if what == "account" {
                assert_eq!(house.identity().account(&id).await.unwrap().gaps, []);
            } else {
                let left = house.identity().left_behind(&id).await.unwrap();
                assert_eq!(left.unread.len(), 2);
            }
            together.push(started.elapsed().as_millis());
            let batches: Vec<Vec<String>> = house.drill.ledger().mutating()[before..]
                .iter()
                .filter(|one| one["path"] == BATCH)
                .map(|one| {
                    let parts = one["body"]["requests"].as_array().expect("a list").iter();
                    let url = |part: &Value| part["url"].as_str().expect("a text").to_owned();
                    parts.map(url).collect()
                })
                .collect();
            let base = format!("{}/v1.0", house.drill.identity().url);
            let get = |url: String| {
                let request = client.get(format!("{base}{url}")).bearer_auth(&token);
                async move { request.send().await.expect("an answer").bytes().await }
            };
            let [first, names] = &batches[..] else {
                panic!("{batches:?}");
            };
            let mut first = first.clone();
            let risk = usize::from(what == "account");
            if risk == 1 {
                first.push(format!("/identityProtection/riskyUsers/{}", id.raw()));
            }
            counted.push((2 + risk, first.len() + names.len()));
            let started = Instant::now();
            futures::future::join_all(first.into_iter().map(get)).await;
            for name in names {
                get(name.clone()).await.expect("it came");
            }
            alone.push(started.elapsed().as_millis());
        }
        together.sort_unstable();
        alone.sort_unstable();
        let (few, many) = counted[0];
        println!(
            "{what}: {few} requests instead of {many}; {} ms instead of {} ms (medians of 5)",
            together[2], alone[2]
        );
        assert!(few < many && counted.iter().all(|one| *one == (few, many)));
    }
}
