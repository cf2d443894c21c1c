//! The whole story against a real Keycloak, which `tests/live/keycloak` fetches, starts and names to these tests.
//!
//! Cases and events come from the drill's servers; the accounts, sessions and refusals are Keycloak's own.

use std::path::Path;
use std::time::Duration;

use quell::app::model::Model;
use quell::connect::http::Limits;
use quell::domain::containment::confirm::DEAD_TIME;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::state::ActionState;
use quell::drill::Drill;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{Setting, TestApp, company};
use crate::harness::pty::Pty;
use crate::pty::type_login;
use crate::truth::{confirm, finished, open_case, plan};

const LOGIN: &str = "mara.lind@acme.example";
const PASSWORD: &str = "live-mara-password";

/// The server and a client of our own, beside the console's.
struct Live {
    url: String,
    http: reqwest::Client,
}

impl Live {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = std::env::var("QUELL_LIVE_KEYCLOAK").expect("tests/live/keycloak sets it");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Self { url, http }
    }

    async fn grant(&self, realm: &str, form: &[(&str, &str)]) -> Value {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let path = format!("{}/realms/{realm}/protocol/openid-connect/token", self.url);
        self.http
            .post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON")
    }

    /// Signs the user in at an application.
    async fn login(&self, client: &str, scope: &str) -> Value {
        self.login_with(client, scope, PASSWORD).await
    }

    async fn login_with(&self, client: &str, scope: &str, password: &str) -> Value {
        let form = [
            ("grant_type", "password"),
            ("client_id", client),
            ("username", LOGIN),
            ("password", password),
            ("scope", scope),
        ];
        self.grant("acme", &form).await
    }

    async fn refresh(&self, client: &str, login: &Value) -> Value {
        let token = login["refresh_token"].as_str().expect("a refresh token");
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client),
            ("refresh_token", token),
        ];
        self.grant("acme", &form).await
    }

    /// Calls the interface as the administrator of the whole server.
    async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", "root"),
            ("password", "live-root"),
        ];
        let token = self.grant("master", &form).await;
        let mut request = self
            .http
            .request(method, format!("{}/admin/realms/acme/{path}", self.url))
            .bearer_auth(token["access_token"].as_str().expect("a token"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let text = answer.text().await.expect("a text");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn user(&self) -> Value {
        let path = format!("users?username={LOGIN}&exact=true");
        let found = self.admin(Method::GET, &path, None).await;
        let id = found[0]["id"].as_str().expect("the user").to_owned();
        self.admin(Method::GET, &format!("users/{id}"), None).await
    }

    async fn set(&self, fields: Value) {
        let path = format!("users/{}", self.user().await["id"].as_str().expect("an id"));
        self.admin(Method::PUT, &path, Some(fields)).await;
    }

    /// Makes the user as the realm has her, whatever became of her.
    async fn make_anew(&self) {
        let path = format!("users?username={LOGIN}&exact=true");
        let found = self.admin(Method::GET, &path, None).await;
        if let Some(id) = found[0]["id"].as_str() {
            self.admin(Method::DELETE, &format!("users/{id}"), None)
                .await;
        }
        let user = json!({
            "username": LOGIN, "email": LOGIN, "firstName": "Mara", "lastName": "Lind", "enabled": true,
            "emailVerified": true, "attributes": {"phone": ["+49 30 1234"]}, "groups": ["/Employees"],
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": false}],
        });
        self.admin(Method::POST, "users", Some(user)).await;
    }

    async fn sessions(&self, client: &str) -> (usize, usize) {
        let id = self.user().await["id"].as_str().expect("an id").to_owned();
        let clients = self
            .admin(Method::GET, &format!("clients?clientId={client}"), None)
            .await;
        let client = clients[0]["id"].as_str().expect("the client").to_owned();
        let count = |list: Value| list.as_array().map_or(0, Vec::len);
        let online = self
            .admin(Method::GET, &format!("users/{id}/sessions"), None)
            .await;
        let path = format!("users/{id}/offline-sessions/{client}");
        let offline = self.admin(Method::GET, &path, None).await;
        (count(online), count(offline))
    }

    /// Puts this server in the place of the drill's identity provider.
    fn configure(&self, text: &str, dir: &Path, client: &str) -> String {
        let secret = dir.join("keycloak.secret");
        std::fs::write(&secret, format!("live-{client}-secret\n")).expect("it can be written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&secret, mode).expect("it is ours");
        let (before, rest) = text
            .split_once("[[connection]]\nname = \"okta\"")
            .expect("the connection");
        let (_, after) = rest.split_once("[sla]").expect("what follows");
        format!(
            "{before}[[connection]]\nname = \"keycloak\"\nvendor = \"keycloak\"\nurl = \"{}\"\nrealm = \"acme\"\n\
             client_id = \"{client}\"\nsecret = {{ file = \"{}\" }}\npoll = \"5s\"\n\n[sla]{after}",
            self.url,
            secret.display()
        )
    }
}

fn error(answer: &Value) -> &str {
    answer["error_description"].as_str().unwrap_or("no error")
}

/// Plans, types the name and confirms.
fn act(pty: &mut Pty, keys: &str) {
    pty.keys(keys).shows("type mara.lind@acme.example:");
    // It begins when the frame has left the program, which is a little after it is seen here.
    pty.pass(DEAD_TIME * 2);
    type_login(pty);
    pty.keys("<Tab>");
    pty.pass(Duration::from_millis(300));
    pty.keys("y");
}

#[test]
#[ignore = "needs a Keycloak; run tests/live/keycloak"]
fn keycloak_live_story_in_a_terminal() {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let live = Live::new();
    let home = tempfile::tempdir().expect("a directory");
    let drill = runtime.block_on(async {
        live.make_anew().await;
        company().await
    });
    let config = quell::cli::drill::write_config(home.path(), &drill).expect("a configuration");
    let text = std::fs::read_to_string(&config).expect("it was written");
    std::fs::write(&config, live.configure(&text, home.path(), "quell")).expect("it is ours");
    let (mail, helper) = runtime.block_on(async {
        let mail = live.login("mail", "profile").await;
        let helper = live.login("helper", "offline_access").await;
        assert_eq!(live.sessions("helper").await, (1, 1), "{mail} {helper}");
        (mail, helper)
    });

    let config = config.to_str().expect("a plain path");
    let state = home.path().to_str().expect("a plain path");
    let arguments = ["--config", config, "--state", state];
    let mut pty = Pty::start(home.path(), &arguments, (120, 40));
    pty.until("the queue", |text| {
        text.contains("CRITICAL #14") && text.contains("Keycloak ok")
    });
    pty.keys("/mara<Enter><Enter>");
    pty.until("the account", |text| {
        text.contains("ACTIVE") && text.contains("2 sessions")
    });
    pty.keys("cc").shows("type mara.lind@acme.example:");
    let dialog = pty.screen().contents();
    for said in [
        "isOffline=true",
        "/logout",
        "up to 5 min",
        "session of helper",
    ] {
        assert!(dialog.contains(said), "{said}:\n{dialog}");
    }
    // No key counts in the first half second, also none that leaves.
    pty.pass(DEAD_TIME * 2);
    pty.keys("<Esc>")
        .until("the dialog is gone", |text| !text.contains("type mara"));
    act(&mut pty, "cc");
    pty.shows("The account is contained.").shows("proven");
    runtime.block_on(async {
        let user = live.user().await;
        assert_eq!(user["enabled"], false);
        assert_eq!(
            user["attributes"]["phone"][0], "+49 30 1234",
            "attributes are kept"
        );
        assert_eq!(
            (&user["firstName"], &user["email"]),
            (&json!("Mara"), &json!(LOGIN))
        );
        assert_eq!(live.sessions("helper").await, (0, 0));
        assert_eq!(
            error(&live.login("mail", "profile").await),
            "Account disabled"
        );
        for (client, login) in [("mail", &mail), ("helper", &helper)] {
            let refused = live.refresh(client, login).await;
            assert_eq!(refused["error"], "invalid_grant", "{client}: {refused}");
        }
    });
    pty.shows("the response is documented in the case");
    pty.keys("<Esc>").until("the panes", |text| {
        text.contains("DISABLED") && text.contains("1 contained")
    });
    act(&mut pty, "u");
    pty.shows("enable account  proven");
    runtime.block_on(async {
        let user = live.user().await;
        assert_eq!(user["enabled"], true);
        assert_eq!(user["attributes"]["phone"][0], "+49 30 1234");
        let again = live.login("mail", "profile").await;
        assert!(again["access_token"].is_string(), "{again}");
        // What was ended stays ended.
        for (client, login) in [("mail", &mail), ("helper", &helper)] {
            let refused = live.refresh(client, login).await;
            assert_eq!(refused["error"], "invalid_grant", "{client}: {refused}");
        }
    });
    pty.keys("<Esc>");
    pty.pass(Duration::from_millis(500));
    pty.keys("q");
    assert_eq!(pty.end().code, 0);
}

/// What somebody else at the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Applied,
    UndoneLater,
    DeletedBeforeTheSend,
    MissingPermission,
}

async fn story(live: &Live, drill: &Drill, keys: &str, world: World) -> ActionView {
    live.make_anew().await;
    live.login("mail", "profile").await;
    live.login("helper", "offline_access").await;
    if keys == "u" {
        live.set(json!({"enabled": false})).await;
    }
    let state = tempfile::tempdir().expect("a directory");
    let client = if world == World::MissingPermission {
        "reader"
    } else {
        "quell"
    };
    let setting = Setting {
        limits: Limits::default(),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(drill, state.path(), setting, |text| {
        live.configure(&text, state.path(), client)
    });
    open_case(&mut app).await;
    plan(&mut app, keys).await;
    if world == World::DeletedBeforeTheSend {
        let id = live.user().await["id"].as_str().expect("an id").to_owned();
        live.admin(Method::DELETE, &format!("users/{id}"), None)
            .await;
    }
    confirm(&app);
    if world == World::UndoneLater {
        let is_proven = |model: &Model| {
            finished(model)
                && model
                    .ledger
                    .actions()
                    .all(|one| one.state == ActionState::Verified)
        };
        app.until("it is proven first", is_proven).await;
        live.set(json!({"enabled": true})).await;
        app.until("it is seen", |model| {
            model
                .ledger
                .actions()
                .any(|one| one.state != ActionState::Verified)
        })
        .await;
    }
    let model = app
        .until(&format!("{keys} {world:?} ended"), finished)
        .await;
    app.end().await;
    let kind = match keys {
        "cp" => ActionKind::ResetPassword,
        "cx" => ActionKind::ExpirePassword,
        "cs" => ActionKind::RevokeSessions,
        "ca" => ActionKind::DisableAccount,
        _ => ActionKind::EnableAccount,
    };
    let mut actions = model.ledger.actions();
    let action = actions.rfind(|one| one.kind == kind);
    action.expect("one action").clone()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Keycloak; run tests/live/keycloak"]
async fn keycloak_live_a_new_password_replaces_the_old_one() {
    let live = Live::new();
    let drill = company().await;
    live.make_anew().await;
    let mail = live.login("mail", "profile").await;
    let helper = live.login("helper", "offline_access").await;
    let state = tempfile::tempdir().expect("a directory");
    let setting = Setting {
        limits: Limits::default(),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| {
        live.configure(&text, state.path(), "quell")
    });
    open_case(&mut app).await;
    plan(&mut app, "cp").await;
    confirm(&app);
    let is_proven = |model: &Model| {
        let mut all = model.ledger.actions();
        finished(model) && all.all(|one| one.state == ActionState::Verified)
    };
    let model = app.until("all of it is proven", is_proven).await;
    app.end().await;
    let [(handed, _)] = model.handed.as_slice() else {
        panic!("{:?}", model.handed);
    };
    let user = live.user().await;
    assert_eq!(user["requiredActions"], json!(["UPDATE_PASSWORD"]));
    assert_eq!(user["attributes"]["phone"][0], "+49 30 1234");
    assert_eq!(
        error(&live.login("mail", "profile").await),
        "Invalid user credentials"
    );
    // It is right, and asks for another one, which an application without a page cannot.
    let with_new = live
        .login_with("mail", "profile", handed.secret.sent())
        .await;
    assert_eq!(error(&with_new), "Account is not fully set up");
    for (client, login) in [("mail", &mail), ("helper", &helper)] {
        let refused = live.refresh(client, login).await;
        assert_eq!(refused["error"], "invalid_grant", "{client}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Keycloak; run tests/live/keycloak"]
async fn keycloak_live_each_kind_ends_in_the_right_word() {
    use ActionState::{Abandoned, Drifted, Rejected, Verified};
    let live = Live::new();
    let drill = company().await;
    let mut wrong = Vec::new();
    for (keys, world, word, says) in [
        (
            "cs",
            World::Applied,
            Verified,
            "no session and no offline session",
        ),
        ("ca", World::Applied, Verified, "enabled is false"),
        ("u", World::Applied, Verified, "enabled is true"),
        (
            "cp",
            World::Applied,
            Verified,
            "UPDATE_PASSWORD is required",
        ),
        (
            "cx",
            World::Applied,
            Verified,
            "UPDATE_PASSWORD is required",
        ),
        ("cx", World::DeletedBeforeTheSend, Abandoned, "not sent"),
        ("ca", World::UndoneLater, Drifted, "enabled now"),
        ("cs", World::DeletedBeforeTheSend, Abandoned, "not sent"),
        ("ca", World::DeletedBeforeTheSend, Abandoned, "not sent"),
        (
            "cs",
            World::MissingPermission,
            Rejected,
            "HTTP 403 Forbidden",
        ),
        (
            "cx",
            World::MissingPermission,
            Rejected,
            "HTTP 403 Forbidden",
        ),
        (
            "cp",
            World::MissingPermission,
            Rejected,
            "HTTP 403 Forbidden",
        ),
        (
            "ca",
            World::MissingPermission,
            Rejected,
            "HTTP 403 Forbidden",
        ),
        (
            "u",
            World::MissingPermission,
            Rejected,
            "HTTP 403 Forbidden",
        ),
    ] {
        let action = story(&live, &drill, keys, world).await;
        let evidence = action
            .evidence
            .map(|text| text.raw().to_owned())
            .unwrap_or_default();
        let right = action.state == word && evidence.contains(says);
        println!("{keys} {world:?}: {:?}: {evidence}", action.state);
        if !right {
            wrong.push(format!("{keys} {world:?}: {:?}: {evidence}", action.state));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Keycloak; run tests/live/keycloak"]
async fn keycloak_live_roles_by_other_roles_and_groups_above_make_an_administrator() {
    let live = Live::new();
    let drill = company().await;
    let first = |list: Value| list[0].clone();
    let path = "clients?clientId=realm-management";
    let client = first(live.admin(Method::GET, path, None).await);
    let client = client["id"].as_str().expect("the client").to_owned();
    let path = format!("clients/{client}/roles/manage-users");
    let manage = live.admin(Method::GET, &path, None).await;
    let helpdesk = json!({"name": "helpdesk"});
    live.admin(Method::POST, "roles", Some(helpdesk)).await;
    live.admin(
        Method::POST,
        "roles/helpdesk/composites",
        Some(json!([manage])),
    )
    .await;
    let role = live.admin(Method::GET, "roles/helpdesk", None).await;
    let over = json!({"name": "Over"});
    live.admin(Method::POST, "groups", Some(over)).await;
    let over = first(live.admin(Method::GET, "groups?search=Over", None).await);
    let over = over["id"].as_str().expect("the group").to_owned();
    let under = live
        .admin(
            Method::POST,
            &format!("groups/{over}/children"),
            Some(json!({"name": "Under"})),
        )
        .await;
    let under = under["id"].as_str().expect("the group").to_owned();
    let path = format!("groups/{over}/role-mappings/clients/{client}");
    live.admin(Method::POST, &path, Some(json!([manage]))).await;
    for by_group in [false, true] {
        live.make_anew().await;
        let id = live.user().await["id"].as_str().expect("an id").to_owned();
        if by_group {
            live.admin(Method::PUT, &format!("users/{id}/groups/{under}"), None)
                .await;
        } else {
            let path = format!("users/{id}/role-mappings/realm");
            live.admin(Method::POST, &path, Some(json!([role]))).await;
        }
        let state = tempfile::tempdir().expect("a directory");
        let setting = Setting {
            limits: Limits::default(),
            ..Setting::default()
        };
        let mut app = TestApp::start_in(&drill, state.path(), setting, |text| {
            live.configure(&text, state.path(), "quell")
        });
        open_case(&mut app).await;
        let model = plan(&mut app, "ca").await;
        let open = model.open.as_ref().and_then(|open| open.the_account());
        let roles = open.and_then(|account| account.roles.clone());
        assert_eq!(roles, Some(vec!["manage-users".into()]), "{by_group}");
        assert!(app.screen().contains("administrator role manage-users"));
        app.end().await;
    }
    live.admin(Method::DELETE, &format!("groups/{over}"), None)
        .await;
    live.admin(Method::DELETE, "roles/helpdesk", None).await;
    live.make_anew().await;
}
