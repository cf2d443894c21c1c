//! The last administrators, where the policy of the host allows acting on administrators at all: two others stay enabled.
//! Counted at the provider when the plan is made, before the send, and once more when the intent is on the disk.
//!
//! In the drill three others have the role that the victim is given: Jonas Okafor's second account, Hana Ito, Nora Olsen.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::http::Uri;
use quell::app::model::{Layer, Model};
use quell::cli::compose::Host;
use quell::config::settings::EnvironmentKind;
use quell::connect::capability::Identity;
use quell::connect::http::{HttpClient, HttpOptions};
use quell::connect::okta::Okta;
use quell::connect::secret::Secret;
use quell::domain::containment::state::ActionState;
use quell::domain::ids::{AccountId, ConnectionName};
use quell::drill::Drill;
use quell::engine::probe::Probe;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use crate::harness::app::{Setting, TestApp, company, limits};
use crate::harness::root;
use crate::truth::{confirm, finished, open_case, plan};

const HANA: &str = "hana.ito@acme.example";
const NORA: &str = "nora.olsen@acme.example";
const ROLE: &str = "the administrator role Application Administrator";

fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn host_in(dir: &Path) -> Host {
    let host = Host {
        policy: dir.join("policy.toml"),
        freeze: dir.join("freeze"),
    };
    fs::write(&host.policy, "allow_administrators = true\n").expect("the policy is written");
    host
}

/// Address and token for suspending somebody by another administrator's hand.
fn suspending(drill: &Drill, login: &str) -> (String, String) {
    let identity = drill.identity();
    let url = format!("{}/api/v1/users/{login}/lifecycle/suspend", identity.url);
    (url, identity.token.to_owned())
}

async fn post((url, token): &(String, String)) {
    // Nobody may have connected yet.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build();
    let asked = client
        .expect("a client")
        .post(url)
        .header("authorization", format!("SSWS {token}"))
        .header("content-length", "0");
    let answer = asked.send().await.expect("the drill answers");
    assert!(answer.status().is_success(), "{url}");
}

/// Gives what refuses in the dialog.
fn refusals(model: &Model) -> Vec<String> {
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    let guards = confirmation.plan().guards.iter();
    let said = guards.filter_map(|guard| Some((guard.guard, guard.refusal.as_ref()?)));
    said.map(|(guard, why)| format!("{guard}: {why}")).collect()
}

fn suspended(drill: &Drill) -> bool {
    let victim = drill.victim_id();
    drill.ledger().targets("suspend").contains(&victim)
}

/// A company whose victim is an administrator.
async fn with_an_administrator() -> Drill {
    let drill = company().await;
    drill
        .fault(&json!({"fault": "made_administrator"}))
        .expect("the drill knows it");
    drill
}

fn start(drill: &Drill, state: &Path, etc: &Path, probe: Option<Arc<dyn Probe>>) -> TestApp {
    let mut setting = Setting {
        host: host_in(etc),
        ..Setting::default()
    };
    if let Some(probe) = probe {
        setting.probe = probe;
    }
    TestApp::start_in(drill, state, setting, |text| text)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_administrator_is_disabled_while_two_others_stay_and_not_after() {
    if !root(
        "administrators::slow_an_administrator_is_disabled_while_two_others_stay_and_not_after",
    ) {
        return;
    }
    let (drill, state, etc) = (with_an_administrator().await, dir(), dir());
    post(&suspending(&drill, HANA)).await;
    let mut app = start(&drill, state.path(), etc.path(), None);
    open_case(&mut app).await;
    let model = plan(&mut app, "ca").await;
    assert_eq!(refusals(&model), Vec::<String>::new());
    let screen = app.screen();
    assert!(
        screen.contains("at least 2 others with it stay enabled"),
        "{screen}"
    );
    // One of the two goes between the plan and the send.
    post(&suspending(&drill, NORA)).await;
    confirm(&app);
    let ended = |model: &Model| {
        model.ledger.actions().next().is_some()
            && model.ledger.actions().all(|action| action.ended.is_some())
    };
    let model = app.until("given up", ended).await;
    let action = model.ledger.actions().next().expect("one");
    assert_eq!(action.state, ActionState::Abandoned);
    let too_few = format!("1 other enabled members would be left with {ROLE}, not 2");
    let said = action.evidence.as_ref().map_or("", |said| said.raw());
    assert!(said.contains(&too_few), "{said}");
    // And now it cannot be planned either, while ending sessions can.
    app.keys("<Esc><Esc>");
    let model = plan(&mut app, "ca").await;
    assert_eq!(refusals(&model), [format!("administrators: {too_few}")]);
    app.keys("<Esc><Esc>");
    // The dialog before is gone: the next one is not taken for it.
    app.sync().await;
    assert_eq!(refusals(&plan(&mut app, "cs").await), Vec::<String>::new());
    app.end().await;
    assert!(!suspended(&drill));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_an_administrator_with_enough_others_is_contained() {
    if !root("administrators::slow_an_administrator_with_enough_others_is_contained") {
        return;
    }
    let (drill, state, etc) = (with_an_administrator().await, dir(), dir());
    let mut app = start(&drill, state.path(), etc.path(), None);
    open_case(&mut app).await;
    assert_eq!(refusals(&plan(&mut app, "cc").await), Vec::<String>::new());
    confirm(&app);
    let model = app.until("contained", finished).await;
    app.end().await;
    let all = model.ledger.actions().map(|action| action.state);
    assert_eq!(all.collect::<Vec<_>>(), [ActionState::Verified; 3]);
    assert!(suspended(&drill));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_others_that_cannot_be_counted_refuse() {
    if !root("administrators::slow_others_that_cannot_be_counted_refuse") {
        return;
    }
    for path in ["/iam/assignees", "/roles"] {
        let (drill, state, etc) = (with_an_administrator().await, dir(), dir());
        let order = json!({"server": "identity", "fault": "403", "rate": 1.0, "path": path});
        drill.fault(&order).expect("the drill knows it");
        let mut app = start(&drill, state.path(), etc.path(), None);
        open_case(&mut app).await;
        let said = refusals(&plan(&mut app, "ca").await);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("administrators: "), "{said:?}");
        assert!(said[0].contains("could not be read"), "{said:?}");
        confirm(&app);
        app.sync().await;
        app.end().await;
        assert!(!suspended(&drill), "{path}");
    }
}

/// Suspends others at the moment when the first intent is on the disk.
struct Meanwhile(Mutex<Vec<(String, String)>>);

#[async_trait]
impl Probe for Meanwhile {
    async fn pass(&self, point: &str) {
        // The first intent goes with the confirmations into one write.
        if point != "after action.confirm" {
            return;
        }
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for one in &all {
            post(one).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_they_are_counted_once_more_when_the_intent_is_on_the_disk() {
    if !root("administrators::slow_they_are_counted_once_more_when_the_intent_is_on_the_disk") {
        return;
    }
    let (drill, state, etc) = (with_an_administrator().await, dir(), dir());
    let both = [HANA, NORA].map(|login| suspending(&drill, login));
    let probe = Arc::new(Meanwhile(Mutex::new(both.to_vec())));
    let mut app = start(&drill, state.path(), etc.path(), Some(probe));
    open_case(&mut app).await;
    assert_eq!(refusals(&plan(&mut app, "ca").await), Vec::<String>::new());
    confirm(&app);
    let ended = |model: &Model| model.ledger.actions().any(|action| action.ended.is_some());
    let model = app.until("given up", ended).await;
    app.end().await;
    let action = model.ledger.actions().next().expect("one");
    assert_eq!((action.state, action.attempt), (ActionState::NotSent, 1));
    assert!(!suspended(&drill));
}

/// Answers as an organisation whose list of role holders has two pages: the admin asked about, three others of whom one is
/// suspended and one has another role. `next` is the link of the first page; `{base}` stands for this server.
async fn organisation(next: &'static str) -> Okta {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let link = next.replace("{base}", &base);
    let answer = move |uri: Uri| {
        let link = link.clone();
        async move {
            let path = uri.path().trim_start_matches("/api/v1/");
            let user = |id: &str, status: &str| json!({"id": id, "status": status, "profile": {"login": format!("{id}@x.org")}});
            let role = |kind: &str| json!([{"type": kind, "status": "ACTIVE"}]);
            let body = match (path, uri.query().unwrap_or_default()) {
                ("iam/assignees/users", "limit=100") => {
                    json!({"value": [{"id": "00u1"}, {"id": "00u2"}], "_links": {"next": {"href": link}}})
                }
                ("iam/assignees/users", "after=2") => {
                    json!({"value": [{"id": "00u3"}, {"id": "00u4"}, {"id": "00u5"}], "_links": {}})
                }
                ("users/00u3", _) => user("00u3", "SUSPENDED"),
                ("users/00u4/roles", _) => role("ORG_ADMIN"),
                (roles, _) if roles.ends_with("/roles") => role("APP_ADMIN"),
                (other, _) => user(other.trim_start_matches("users/"), "ACTIVE"),
            };
            axum::Json(body)
        }
    };
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let http = HttpClient::new(HttpOptions {
        base: Url::parse(&base).expect("an address"),
        kind: EnvironmentKind::Production,
        scheme: "SSWS",
        secret: Secret::new("t".to_owned()),
        grant: None,
        headers: Vec::new(),
        ca_file: None,
        error_words: &[],
        slow_down: &[],
        request_id: None,
        reads_only: true,
        limits: limits(),
        seed: Some(7),
    });
    let name = ConnectionName::parse("okta").expect("a name");
    Okta::new(name, http.expect("a client"), None, None)
}

fn id(okta: &Okta, id: &str) -> AccountId {
    AccountId::new(Identity::connection(okta).clone(), id)
}

#[tokio::test]
async fn the_list_of_role_holders_is_read_to_its_end_and_only_enabled_ones_count() {
    let okta = organisation("{base}/api/v1/iam/assignees/users?after=2").await;
    let others = async |gone: &[AccountId]| {
        let held = okta.other_administrators(&id(&okta, "00u1"), gone).await;
        let held = held.expect("it is readable");
        held.iter().map(|role| role.others).collect::<Vec<_>>()
    };
    assert_eq!(
        others(&[]).await,
        [2],
        "00u2 of the first page, 00u5 of the second"
    );
    assert_eq!(
        others(&[id(&okta, "00u5")]).await,
        [1],
        "one is being disabled"
    );
}

#[tokio::test]
async fn a_list_that_leads_elsewhere_is_not_followed() {
    let okta = organisation("http://127.0.0.2:9/api/v1/iam/assignees/users?after=2").await;
    let held = okta.other_administrators(&id(&okta, "00u1"), &[]).await;
    assert!(held.is_err_and(|error| error.what.as_str().contains("another origin")));
}
