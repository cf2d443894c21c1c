//! One account that is contained for two cases: what is undone for one of them is known to the other.

use quell::app::model::{Layer, Model};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::state::ActionState;
use quell::drill::Drill;
use serde_json::{Value, json};

use crate::harness::app::{TestApp, company};
use crate::hold::comments;
use crate::truth::{confirm, finished, open_case, plan};

/// Names the user of the story in the case of the port scan too.
async fn name_in_another_case(drill: &Drill) -> u64 {
    let cases = drill.cases();
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let query = json!({"query": [{"_name": "listCase"}]});
    let all: Value = client
        .post(format!("{}/api/v1/query", cases.url))
        .bearer_auth(cases.token)
        .json(&query)
        .send()
        .await
        .expect("the drill answers")
        .json()
        .await
        .expect("it is JSON");
    let all = all.as_array().expect("a list of cases");
    let is_scan = |case: &&Value| {
        case["title"]
            .as_str()
            .is_some_and(|t| t.starts_with("Port scan"))
    };
    let scan = all.iter().find(is_scan).expect("it is there");
    let answer = client
        .patch(format!("{}/api/v1/case/{}", cases.url, scan["number"]))
        .bearer_auth(cases.token)
        .json(&json!({"addTags": ["user:mara.lind@acme.example"]}))
        .send()
        .await
        .expect("an answer");
    assert!(answer.status().is_success());
    scan["number"].as_u64().expect("a number")
}

/// Opens the case of the port scan.
async fn open_other(app: &mut TestApp) -> Model {
    app.keys("<Esc><Esc>1<Esc>");
    let before = app.sync().await.open.map(|open| open.id);
    app.keys("/port scan<Enter>g<Enter>");
    app.until("the account is there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| Some(&open.id) != before.as_ref() && open.the_account().is_some())
            && !model.offers.is_empty()
    })
    .await
}

fn warnings(model: &Model) -> Vec<String> {
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("no dialog is open: {:?}", model.layers)
    };
    let warnings = &confirmation.plan().warnings;
    warnings.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_for_one_case_names_the_other_first_and_is_told_to_it_once() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    let other = name_in_another_case(&drill).await;
    open_case(&mut app).await;
    plan(&mut app, "cc").await;
    confirm(&app);
    app.until("contained", |model| {
        finished(model) && model.ledger.undocumented().is_empty()
    })
    .await;
    open_other(&mut app).await;
    let shown = plan(&mut app, "u").await;
    let said = format!(
        "it is contained for another case too, and this ends that: #{}",
        drill.story_case()
    );
    assert!(warnings(&shown).contains(&said), "{:?}", warnings(&shown));
    confirm(&app);
    let told = |model: &Model| {
        let enabled = model
            .ledger
            .actions()
            .any(|act| act.kind == ActionKind::EnableAccount && act.state == ActionState::Verified);
        let undone = model.ledger.undone_elsewhere(model.now.utc);
        enabled && undone.is_empty() && model.ledger.undocumented().is_empty()
    };
    app.until("the other case is told", told).await;
    app.end().await;
    // Nor does the next console.
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    app.until("all is told", told).await;
    app.end().await;
    let posted = comments(&drill).await;
    let news = posted
        .iter()
        .filter(|text| text.contains("**Enabled again from another case**"))
        .collect::<Vec<_>>();
    let [news] = news.as_slice() else {
        panic!("told {} times: {posted:#?}", news.len())
    };
    assert!(
        news.contains(&format!("for case \\#{other}, confirmed by ")),
        "{news}"
    );
    assert!(news.contains("\nAccount is not contained.\n"), "{news}");
}
