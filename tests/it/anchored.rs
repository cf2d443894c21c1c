//! A log that was put back from an older copy, with what this host remembers of it: only the comments in the cases know
//! more. What they know of is not called never sent, nor is one of them taken for the record of what is on the disk.

use std::path::Path;

use quell::app::message::Level;
use quell::app::model::Model;
use quell::domain::audit::{Anchor, Body, ChainHash, OutcomeState};
use quell::domain::containment::hold::drift_marker;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::note::DOUBTED;
use quell::domain::containment::state::ActionState;
use quell::drill::Drill;
use quell::store::audit::HEAD;
use rstest::rstest;
use serde_json::json;

use crate::harness::app::{TestApp, company, records};
use crate::hold;
use crate::truth::{DISABLE, confirm, finished, open_case, plan};

/// Cuts the log before the first record of a type, and what is remembered of it with it, as a copy of then has both.
fn put_back(state: &Path, before: &str) {
    let files = std::fs::read_dir(state.join("audit")).expect("it is there");
    let mut paths = files.map(|file| file.expect("a file").path());
    let segment = paths.find(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let segment = segment.expect("a segment");
    let text = std::fs::read_to_string(&segment).expect("it is ASCII");
    let first = format!("\"type\":\"{before}\"");
    let lines = text.split_inclusive('\n');
    let left: String = lines.take_while(|line| !line.contains(&first)).collect();
    assert!(left.len() < text.len(), "{before} is on record");
    std::fs::write(&segment, left).expect("it is ours");
    let last = records(state).pop().expect("a record");
    let head = Anchor {
        log: last.log,
        n: last.n,
        h: last.h,
    };
    std::fs::write(state.join(HEAD), format!("{head}\n")).expect("it is ours");
}

/// Lists the comments that quell wrote.
async fn ours(drill: &Drill) -> Vec<String> {
    let all = hold::comments(drill).await.into_iter();
    all.filter(|text| text.contains("quell:")).collect()
}

#[rstest]
#[case::the_intent(
    "action.intent",
    "was sent is not known: the audit log is not whole",
    ActionState::Confirmed
)]
#[case::the_last_word(
    "action.outcome",
    "is not posted: the audit log it comes from is BROKEN or cut",
    ActionState::Verified
)]
#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_comment_remembers_is_not_called_never_sent_and_not_taken_for_ours(
    #[case] gone: &str,
    #[case] rings: &str,
    #[case] left: ActionState,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    app.until("documented", finished).await;
    app.end().await;
    put_back(state.path(), gone);
    let mut app = TestApp::start(&drill, state.path());
    let rang = |model: &Model| {
        let mut alarms = model.log.iter().filter(|line| line.level == Level::Alarm);
        alarms.any(|line| line.text.as_str().ends_with(rings))
    };
    let model = app.until("it rings", rang).await;
    let fault = model.audit_broken.clone().expect("it is said");
    let words = "the audit log was cut, put back or changed: a comment of ";
    assert!(fault.what.as_str().starts_with(words), "{fault:?}");
    assert!(app.screen().contains(" log BROKEN "), "{}", app.screen());
    assert!(!app.screen().contains("not sent"), "{}", app.screen());
    let model = app.end().await;
    let states: Vec<ActionState> = model.ledger.actions().map(|act| act.state).collect();
    assert_eq!(states, [left]);
    let is_claim = |body: &Body| {
        let is_given_up = matches!(
            body,
            Body::ActionOutcome {
                state: OutcomeState::Abandoned,
                ..
            }
        );
        is_given_up || matches!(body, Body::ActionDoc { .. })
    };
    let mut claims = records(state.path());
    claims.retain(|entry| is_claim(&entry.body));
    assert!(claims.is_empty(), "{claims:?}");
    let told = ours(&drill).await;
    assert_eq!(told.len(), 1, "none was added: {told:?}");
}

#[rstest]
#[case::beyond_the_end(1_000_000, false, Some("and it ends before that"))]
#[case::another(1, false, Some("and its record of that number is another"))]
#[case::one_that_fits(1, true, None)]
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_anybody_wrote_warns_and_hedges_and_stops_no_containment(
    #[case] n: u64,
    #[case] fits: bool,
    #[case] words: Option<&str>,
) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let first = records(state.path()).swap_remove(0);
    let head = Anchor {
        log: first.log,
        n,
        h: if fits {
            first.h
        } else {
            ChainHash::of(b"forged")
        },
    };
    let case = app.model().open.expect("a case").id;
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let url = &drill.cases().url;
    let answer = client
        .post(format!("{url}/api/v1/case/{}/comment", case.raw()))
        .bearer_auth(drill.second_key())
        .json(&json!({"message": format!("quell:nobody\n{head}\n")}))
        .send()
        .await
        .expect("an answer");
    assert!(answer.status().is_success());
    let model = plan(&mut app, DISABLE.keys).await;
    let said = model.audit_broken.map(|fault| fault.what.to_string());
    assert_eq!(said.is_some(), words.is_some(), "{said:?}");
    if let (Some(said), Some(words)) = (said, words) {
        assert!(
            said.contains(&format!(" names record {n} of it, ")),
            "{said}"
        );
        assert!(said.ends_with(words), "{said}");
    }
    confirm(&app);
    let model = app.until("documented", finished).await;
    app.end().await;
    let states: Vec<ActionState> = model.ledger.actions().map(|act| act.state).collect();
    assert_eq!(states, [ActionState::Verified]);
    assert_eq!(drill.ledger().targets(DISABLE.effect).len(), 1);
    let told = ours(&drill).await;
    let record = told
        .iter()
        .find(|text| text.contains("**Containment record**"));
    let record = record.expect("it is documented");
    assert_eq!(record.starts_with(DOUBTED), words.is_some(), "{record}");
}

/// Copies the log of a state directory, with what is remembered of it, as a backup does.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("audit")).expect("it is ours");
    let files = std::fs::read_dir(from.join("audit")).expect("it is there");
    let logs = files.map(|file| Path::new("audit").join(file.expect("a file").file_name()));
    for file in logs.chain([HEAD.into()]) {
        std::fs::copy(from.join(&file), to.join(&file)).expect("it is ours");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_log_that_was_put_back_no_case_is_told_that_others_undid_what_we_undid() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let older = tempfile::tempdir().expect("a directory");
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, DISABLE.keys).await;
    confirm(&app);
    app.until("documented", finished).await;
    app.end().await;
    copy(state.path(), older.path());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan(&mut app, "u").await;
    confirm(&app);
    app.until("enabled and documented", |model| {
        let proven = |act: &ActionView| act.state == ActionState::Verified;
        let acts = model.ledger.actions().filter(|act| proven(act));
        acts.count() == 2 && model.ledger.undocumented().is_empty()
    })
    .await;
    app.end().await;
    assert_eq!(ours(&drill).await.len(), 2);
    assert_eq!(drill.ledger().targets("unsuspend").len(), 1);
    copy(older.path(), state.path());
    // No case is opened: the watch finds the account enabled.
    let mut app = TestApp::start(&drill, state.path());
    let model = app
        .until("it is found enabled", |model| {
            let mut acts = model.ledger.actions();
            acts.any(|act| act.state == ActionState::Drifted)
        })
        .await;
    assert!(model.audit_broken.is_some(), "the case told it");
    let acts = model.ledger.actions();
    let markers: Vec<String> = acts.map(|act| drift_marker(&act.aid)).collect();
    app.until("the case is told", |model| {
        let told = |marker: &String| model.ledger.holds().is_told(marker);
        markers.iter().any(told)
    })
    .await;
    app.end().await;
    let told = ours(&drill).await;
    let news = told.last().expect("it was told");
    assert!(news.starts_with(DOUBTED), "{news}");
    assert!(news.contains("**Containment undone**"), "{news}");
    assert!(news.contains("by whom is not known"), "{news}");
    assert!(
        !told.iter().any(|text| text.contains("by others")),
        "{told:?}"
    );
}
