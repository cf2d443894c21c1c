//! Who is never acted on, through the whole console: at the plan, and when it comes about between plan and send.
//! The oracle is the servers' ledger: not one request that changes anything.

use std::time::Duration;

use quell::app::model::{Layer, Model};
use quell::cli::compose::Host;
use quell::domain::audit::Body;
use quell::domain::containment::remnant::RemnantKind;
use quell::domain::containment::state::ActionState;
use quell::drill::Drill;
use quell::store::audit::Ground;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::app::{TestApp, company, records};
use crate::left::plan_removal;
use crate::truth::by_others;
use crate::{harness::screen, scene};

const LOGIN: &str = "mara.lind@acme.example";

fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

async fn open_case(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
    app.until("account and activity are there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some() && open.activity.ended.is_some())
            && !model.offers.is_empty()
    })
    .await;
}

/// Plans, and gives what refuses.
async fn plan(app: &mut TestApp, keys: &str) -> Vec<(&'static str, String)> {
    app.keys(keys);
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    let model = app.until("the dialog is open", open).await;
    app.clock.advance(Duration::from_secs(1));
    refusing(&model)
}

fn refusing(model: &Model) -> Vec<(&'static str, String)> {
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    let guards = confirmation.plan().guards.iter();
    guards
        .filter_map(|guard| Some((guard.guard, guard.refusal.as_ref()?.to_string())))
        .collect()
}

/// Everything that was asked of the identity provider and is not reading.
fn changes(drill: &Drill) -> Vec<Value> {
    let ledger = drill.ledger();
    let of_identity = |request: &&Value| request["server"] == "identity";
    ledger
        .mutating()
        .iter()
        .filter(of_identity)
        .cloned()
        .collect()
}

fn arm(drill: &Drill, order: &Value) {
    drill.fault(order).expect("the drill knows it");
}

fn unread(path: &str) -> Value {
    json!({"server": "identity", "fault": "403", "rate": 1.0, "path": path})
}

/// Plans each kind that the account can be acted on by, and what was left in it; sees why it is refused, and tries to
/// confirm it all the same.
async fn refused(app: &mut TestApp, expected: &[(&'static str, &str)]) {
    open_case(app).await;
    for keys in ["cc", "cs", "ca", "cp", "cx", "cb"] {
        let said = plan(app, keys).await;
        not_confirmed(app, keys, &said, expected).await;
    }
    let model = plan_removal(app, RemnantKind::RefreshToken, "MailSync").await;
    not_confirmed(app, "E", &refusing(&model), expected).await;
}

async fn not_confirmed(
    app: &mut TestApp,
    keys: &str,
    said: &[(&'static str, String)],
    expected: &[(&'static str, &str)],
) {
    let said: Vec<_> = said.iter().map(|(g, why)| (*g, why.as_str())).collect();
    assert_eq!(said, expected, "{keys}");
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.sync().await;
    assert!(
        model
            .ledger
            .actions()
            .all(|action| action.confirmed.is_none()),
        "{keys}"
    );
    app.keys("<Esc><Esc><Esc>");
    // The next dialog is not to be taken for this one.
    app.until("it is closed", |model| model.layers.is_empty())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_cannot_be_read_refuses_the_plan_with_its_reason() {
    for (path, guard, reason) in [
        (
            "/groups",
            "protected groups",
            "its groups could not be read",
        ),
        (
            "/roles",
            "administrators",
            "its administrator roles could not be read",
        ),
        (
            "/users/me",
            "own account",
            "the provider did not say whose token this is",
        ),
    ] {
        let (drill, state) = (company().await, dir());
        arm(&drill, &unread(path));
        let mut app = TestApp::start(&drill, state.path());
        refused(&mut app, &[(guard, reason)]).await;
        app.end().await;
        assert_eq!(changes(&drill), Vec::<Value>::new(), "{path}");
    }
}

/// Asks the identity provider by hand.
async fn by_hand(drill: &Drill, path: &str) -> Value {
    // Nobody may have connected yet.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let identity = drill.identity();
    let client = reqwest::Client::builder().no_proxy().build();
    let asked = client
        .expect("a client")
        .get(format!("{}/api/v1/{path}", identity.url))
        .header("authorization", format!("SSWS {}", identity.token));
    let answer = asked.send().await.expect("the drill answers");
    let text = answer.text().await.expect("a body");
    serde_json::from_str(&text).expect("it is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_whoever_is_protected_is_refused_at_the_plan_by_id_name_group_and_role() {
    let group = "it is a member of the protected group Finance";
    let listed = "the account is on the protected list";
    let rows = [
        ("protected", "ID", "protected", listed),
        ("protected", "MARA.Lind@acme.example", "protected", listed),
        ("protected_groups", "finance", "protected groups", group),
        ("protected_groups", "GROUP", "protected groups", group),
        (
            "own",
            "Mara.LIND@acme.example",
            "own account",
            "this is your own account",
        ),
        (
            "",
            "",
            "administrators",
            "it has the administrator role Application Administrator, which only the policy of the host can allow",
        ),
    ];
    for (field, entry, guard, reason) in rows {
        let (drill, state) = (company().await, dir());
        let victim = drill.victim_id();
        let groups = by_hand(&drill, &format!("users/{victim}/groups")).await;
        let finance = groups.as_array().expect("a list").iter();
        let finance = finance.clone().find(|g| g["profile"]["name"] == "Finance");
        let finance = finance.expect("her group")["id"].as_str().expect("an id");
        let entry = match entry {
            "ID" => victim.as_str(),
            "GROUP" => finance,
            other => other,
        };
        if field.is_empty() {
            arm(&drill, &json!({"fault": "made_administrator"}));
        }
        let edit = |text: String| {
            let (before, _) = text.split_once("[policy]").expect("it has a policy");
            let line = match field {
                "" => String::new(),
                field => format!("{field} = [{entry:?}]\n"),
            };
            format!("{before}[policy]\n{line}")
        };
        let mut app = TestApp::start_with(&drill, state.path(), Ground::default(), edit);
        refused(&mut app, &[(guard, reason)]).await;
        app.end().await;
        assert_eq!(changes(&drill), Vec::<Value>::new(), "{field} {entry}");
        // Others disabled it and said that it is at risk: what can be done to it then is refused as well.
        by_others(&drill, "HIGH").await;
        by_others(&drill, "suspend").await;
        let theirs = changes(&drill);
        let mut app = TestApp::start_with(&drill, state.path(), Ground::default(), edit);
        open_case(&mut app).await;
        let said = plan(&mut app, "cd").await;
        not_confirmed(&mut app, "cd", &said, &[(guard, reason)]).await;
        let said = plan(&mut app, "u").await;
        if guard == "administrators" {
            // Enabling takes no administrator from anybody.
            assert_eq!(said, []);
        } else {
            not_confirmed(&mut app, "u", &said, &[(guard, reason)]).await;
        }
        app.end().await;
        assert_eq!(changes(&drill), theirs, "{field} {entry}");
    }
}

/// What no snapshot of an account holds: the switch and the rules of the host.
#[tokio::test(flavor = "multi_thread")]
async fn slow_what_only_a_guard_knows_is_refused_at_the_send_by_that_guard() {
    for (guard, is_set) in [("freeze", true), ("policy of the host", false)] {
        let (drill, state, etc) = (company().await, dir(), dir());
        let host = Host {
            policy: etc.path().join("policy.toml"),
            freeze: etc.path().join("freeze"),
        };
        let ground = Ground::default();
        let mut app = TestApp::start_on(&drill, state.path(), ground, host.clone(), |text| text);
        open_case(&mut app).await;
        assert_eq!(plan(&mut app, "cc").await, [], "it may be planned");
        if is_set {
            // A link to nothing is a switch as well.
            std::os::unix::fs::symlink("/nonexistent/switch", &host.freeze).expect("a link");
        } else {
            // Root's or not: it is not what this console was started with.
            std::fs::write(&host.policy, "").expect("it is written");
        }
        app.keys(LOGIN).keys("<Tab>y");
        let model = app
            .until("given up", |model| {
                let mut all = model.ledger.actions();
                model.ledger.actions().next().is_some() && all.all(|one| one.ended.is_some())
            })
            .await;
        let mut all = model.ledger.actions();
        assert!(all.all(|action| action.state == ActionState::Abandoned));
        app.end().await;
        assert_eq!(changes(&drill), Vec::<Value>::new(), "{guard}");
        let refusals: Vec<String> = records(state.path())
            .into_iter()
            .filter_map(|entry| match entry.body {
                Body::Refusal { guard, .. } => Some(guard),
                _ => None,
            })
            .collect();
        assert_eq!(refusals, [guard]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_what_comes_about_between_plan_and_send_is_refused_at_the_send() {
    let rows = [
        (json!({"fault": "made_administrator"}), "roles"),
        (json!({"fault": "joins_break_glass"}), "groups"),
        (unread("/groups"), "groups"),
        (unread("/roles"), "roles"),
    ];
    for (order, changed) in rows {
        let (drill, state) = (company().await, dir());
        let mut app = TestApp::start(&drill, state.path());
        open_case(&mut app).await;
        assert_eq!(plan(&mut app, "cc").await, [], "it may be planned");
        arm(&drill, &order);
        app.keys(LOGIN).keys("<Tab>y");
        let model = app
            .until("given up", |model| {
                model.ledger.actions().next().is_some()
                    && model.ledger.actions().all(|action| action.ended.is_some())
            })
            .await;
        for action in model.ledger.actions() {
            assert_eq!(action.state, ActionState::Abandoned, "{order}");
            let said = action.evidence.as_ref().map_or("", |said| said.raw());
            let expected = format!("the plan is stale: {changed} changed");
            assert!(said.contains(&expected), "{order}: {said}");
        }
        app.end().await;
        assert_eq!(changes(&drill), Vec::<Value>::new(), "{order}");
        let refusals = records(state.path()).into_iter().filter(
            |entry| matches!(&entry.body, Body::Refusal { guard, .. } if guard == "stale plan"),
        );
        assert_eq!(refusals.count(), 1, "{order}");
    }
}

#[test]
fn the_plan_of_a_dry_run_differs_in_nothing_but_the_mode() {
    for size in [(80, 24), (120, 40)] {
        let text = |dry_run: bool| {
            let mut model = scene::open(size);
            let mut plan = scene::plan(false);
            plan.dry_run = dry_run;
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(quell::domain::containment::confirm::Confirmation::open(
                    plan,
                )),
                said: None,
                scroll: 0,
            });
            screen::text(&model, size)
        };
        let (live, dry) = (text(false), text(true));
        assert_eq!(live.lines().count(), dry.lines().count());
        let differ: Vec<_> = live
            .lines()
            .zip(dry.lines())
            .filter(|(live, dry)| live != dry)
            .collect();
        assert_eq!(differ.len(), 1, "{differ:?}");
        assert!(
            differ.iter().all(
                |(live, dry)| live.contains("LIVE") && dry.contains("DRY RUN: nothing is sent")
            ),
            "{differ:?}"
        );
    }
}
