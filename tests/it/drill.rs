//! The simulated company, asked as the console asks it.

use chrono::{DateTime, Utc};
use quell::drill::clock::Clock;
use quell::drill::{Drill, Options, Pace};
use serde_json::{Value, json};

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

async fn drill() -> Drill {
    let options = Options {
        clock: Clock::fixed(start()),
        pace: Pace::Manual,
        ..Options::default()
    };
    Drill::start(options).await.unwrap()
}

fn client() -> reqwest::Client {
    // The second test finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

#[tokio::test]
async fn the_three_servers_answer() {
    let drill = drill().await;
    let http = client();
    let identity = drill.identity();
    let user: Value = http
        .get(format!(
            "{}/api/v1/users/mara.lind@acme.example",
            identity.url
        ))
        .header("authorization", format!("SSWS {}", identity.token))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(user["status"], "ACTIVE");
    assert_eq!(user["id"], drill.victim_id().as_str());
    let cases = drill.cases();
    let list: Value = http
        .post(format!("{}/api/v1/query?name=x", cases.url))
        .bearer_auth(cases.token)
        .json(&json!({"query": [{"_name": "listCase"}, {"_name": "sort", "_fields": [{"severity": "desc"}]},
            {"_name": "page", "from": 0, "to": 3, "extraData": ["taskStats"]}]}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list.as_array().unwrap().len(), 3);
    let siem = drill.siem();
    let pit: Value = http
        .post(format!("{}/logs-*/_pit?keep_alive=1m", siem.url))
        .header("authorization", format!("ApiKey {}", siem.token))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let found: Value = http
        .post(format!("{}/_search", siem.url))
        .header("authorization", format!("ApiKey {}", siem.token))
        .json(&json!({"pit": {"id": pit["id"]}, "size": 20, "sort": [{"@timestamp": {"order": "desc"}}],
            "query": {"bool": {"filter": [{"term": {"user.id": drill.victim_id()}}]}}}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(found["hits"]["hits"].as_array().unwrap().len(), 20);
}
