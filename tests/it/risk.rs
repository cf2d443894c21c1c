//! The risk of an account, through the whole console: marked as compromised and dismissed at Entra ID and Okta, never a
//! containment, and never offered where nothing could prove it.

use std::sync::Arc;
use std::time::Duration;

use quell::app::actions::{Choice, Readiness, readiness};
use quell::app::model::Model;
use quell::connect::http::Limits;
use quell::domain::account::RiskState;
use quell::domain::audit::Body;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::state::ActionState;
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::probe::Probe;
use serde_json::{Value, json};

use crate::harness::app::{Setting, TestApp, company_of, limits, records};
use crate::truth::{Gate, by_others, confirm, finished, open_case, plan};

async fn company(idp: Idp) -> (Drill, tempfile::TempDir) {
    let options = Options {
        idp,
        ..Options::default()
    };
    let state = tempfile::tempdir().expect("a directory");
    (company_of(options).await, state)
}

fn setting(gate: &Arc<Gate>) -> Setting {
    Setting {
        probe: Arc::clone(gate) as Arc<dyn Probe>,
        limits: Limits {
            read_total: Duration::from_secs(15),
            write_total: Duration::from_secs(8),
            ..limits()
        },
        ..Setting::default()
    }
}

fn console(drill: &Drill, state: &tempfile::TempDir) -> TestApp {
    TestApp::start_in(drill, state.path(), setting(&Gate::at(None)), |text| text)
}

/// What the case system holds as comments, asked by its own interface.
async fn comments(drill: &Drill) -> Vec<String> {
    let cases = drill.cases();
    let query = json!({"query": [{"_name": "listCase"}, {"_name": "comments"}]});
    let client = reqwest::Client::builder().no_proxy().build();
    let asked = client.expect("a client");
    let asked = asked.post(format!("{}/api/v1/query", cases.url));
    let answer = asked.bearer_auth(cases.token).json(&query).send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    let list = answer.as_array().expect("a list").iter();
    list.filter_map(|one| one["message"].as_str().map(str::to_owned))
        .collect()
}

fn state_of(model: &Model, kind: ActionKind) -> Option<ActionState> {
    let mut all = model.ledger.actions();
    all.rfind(|one| one.kind == kind).map(|one| one.state)
}

/// Waits until the console says something in its log.
async fn says(app: &mut TestApp, words: &str) {
    app.until(&format!("it says {words}"), |model| {
        let mut lines = model.log.iter();
        lines.any(|line| line.text.as_str().contains(words))
    })
    .await;
}

/// Plans, confirms and waits until it is proven and documented.
async fn proven(app: &mut TestApp, keys: &str, kind: ActionKind) -> Model {
    plan(app, keys).await;
    confirm(app);
    app.until(&format!("{} is proven", kind.word()), |model| {
        finished(model) && state_of(model, kind) == Some(ActionState::Verified)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_marked_and_its_risk_dismissed_and_neither_contains_it() {
    let (drill, state) = company(Idp::Entra).await;
    let mut app = console(&drill, &state);
    open_case(&mut app).await;
    let card = app.screen();
    assert!(card.contains("risk high (atRisk)"), "{card}");
    assert!(card.contains("b mark as compromised"), "{card}");
    plan(&mut app, "cb").await;
    app.keys("<PageDown>");
    app.sync().await;
    let shown = app.screen();
    for words in [
        "/v1.0/identityProtection/riskyUsers/confirmCompromised",
        "risk high (atRisk)",
        "not a true undo",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    app.keys("<Esc>");
    app.sync().await;
    let model = proven(&mut app, "cb", ActionKind::ConfirmCompromised).await;
    // A word is no containment: whoever is in stays in.
    assert_eq!(model.standing(), None);
    drill.advance(3);
    assert!(drill.attacker_inside());
    let shown = app.screen();
    assert!(shown.contains("mark as compromised"), "{shown}");
    app.keys("<Esc>").keys("r");
    app.until("the mark is read", |model| {
        let account = model.open.as_ref().and_then(|open| open.the_account());
        let risk = account.and_then(|account| account.risk.as_ref());
        risk.is_some_and(|risk| risk.state == RiskState::Compromised)
    })
    .await;
    app.keys("cb");
    says(&mut app, "it is marked already").await;
    proven(&mut app, "cd", ActionKind::DismissRisk).await;
    app.end().await;
    {
        let ledger = drill.ledger();
        let id = drill.victim_id();
        assert_eq!(ledger.targets("confirm_compromised"), [id.as_str()]);
        assert_eq!(ledger.targets("dismiss_risk"), [id.as_str()]);
        for effect in ["suspend", "clear_sessions"] {
            assert!(ledger.targets(effect).is_empty());
        }
    }
    let planned: Vec<String> = records(state.path())
        .into_iter()
        .filter_map(|entry| match entry.body {
            Body::ActionPlan { kind, .. } => Some(kind),
            _ => None,
        })
        .collect();
    let expected = ["confirm_compromised", "confirm_compromised", "dismiss_risk"];
    assert_eq!(planned, expected);
    let told = comments(&drill).await;
    let told = told.iter().filter(|one| one.starts_with("**Risk record**"));
    let told: Vec<&String> = told.collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for (text, word) in told.iter().zip(["mark as compromised", "dismiss the risk"]) {
        assert!(text.contains(&format!("- {word}: **proven**")), "{text}");
        assert!(
            text.contains("Nothing in this record contains the account."),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_okta_is_marked_by_its_level_with_our_reason() {
    let (drill, state) = company(Idp::Okta).await;
    let mut app = console(&drill, &state);
    open_case(&mut app).await;
    // There is nothing to be dismissed yet.
    app.keys("cd");
    says(&mut app, "dismiss the risk: no risk is on record").await;
    let model = proven(&mut app, "cb", ActionKind::ConfirmCompromised).await;
    assert_eq!(model.standing(), None);
    app.keys("<Esc>").keys("r");
    app.until("the mark is read", |model| {
        matches!(readiness(model, Choice::Dismiss), Readiness::Ready(_))
    })
    .await;
    proven(&mut app, "cd", ActionKind::DismissRisk).await;
    // The account is contained as ever.
    app.keys("<Esc>");
    proven(&mut app, "cc", ActionKind::DisableAccount).await;
    app.end().await;
    assert_eq!(drill.ledger().targets("suspend").len(), 1);
    let ledger = drill.ledger();
    let levels: Vec<&Value> = ledger
        .mutating()
        .iter()
        .filter_map(|one| one.pointer("/body/riskLevel"))
        .collect();
    assert_eq!(levels, ["HIGH", "LOW"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_licence_it_is_grey_with_the_reason_and_containment_goes_on() {
    let (drill, state) = company(Idp::Okta).await;
    drill
        .fault(&json!({"fault": "no_risk_licence"}))
        .expect("the fault is known");
    let mut app = console(&drill, &state);
    open_case(&mut app).await;
    let shown = app.screen();
    assert!(shown.contains("risk not readable"), "{shown}");
    assert!(!shown.contains("mark as compromised"), "{shown}");
    app.keys("c");
    app.sync().await;
    let shown = app.screen();
    assert!(shown.contains("b mark as compromised"), "{shown}");
    assert!(shown.contains("its risk is not readable"), "{shown}");
    app.keys("b");
    says(&mut app, "it needs Identity Threat Protection").await;
    proven(&mut app, "ca", ActionKind::DisableAccount).await;
    app.end().await;
    assert!(drill.ledger().targets("confirm_compromised").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_risk_that_changed_voids_only_the_plan_about_it() {
    let (drill, state) = company(Idp::Okta).await;
    by_others(&drill, "HIGH").await;
    let mut app = console(&drill, &state);
    open_case(&mut app).await;
    let shown = app.screen();
    assert!(shown.contains("risk HIGH (override.by.admin)"), "{shown}");
    plan(&mut app, "ca").await;
    by_others(&drill, "LOW").await;
    confirm(&app);
    app.until("it is proven all the same", |model| {
        finished(model)
            && state_of(model, ActionKind::DisableAccount) == Some(ActionState::Verified)
    })
    .await;
    app.keys("<Esc>");
    plan(&mut app, "cb").await;
    drill
        .fault(&json!({"fault": "no_risk_licence"}))
        .expect("the fault is known");
    confirm(&app);
    app.until("it is given up", |model| {
        let mark = state_of(model, ActionKind::ConfirmCompromised);
        finished(model) && mark == Some(ActionState::Abandoned)
    })
    .await;
    says(&mut app, "the plan is stale: risk changed").await;
    app.end().await;
    assert!(drill.ledger().targets("confirm_compromised").len() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_no_risk_says_so() {
    for (idp, words) in [
        (Idp::Keycloak, "Keycloak keeps no risk state"),
        (Idp::Google, "Google Workspace keeps no risk state"),
    ] {
        let (drill, state) = company(idp).await;
        let mut app = console(&drill, &state);
        open_case(&mut app).await;
        let shown = app.screen();
        assert!(!shown.contains("mark as compromised"), "{shown}");
        app.keys("c");
        app.sync().await;
        let shown = app.screen();
        assert!(shown.contains(words), "{shown}");
        app.keys("b");
        says(&mut app, &format!("mark as compromised: {words}")).await;
        app.end().await;
    }
}
