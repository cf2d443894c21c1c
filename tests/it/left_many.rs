//! Several things in one removal plan, through the real program: marks, one dialog, one name, and for each thing an action
//! of its own. Keys in; the servers' ledger, the screen, the log and the case out.

use std::path::Path;
use std::sync::Arc;

use futures::StreamExt as _;
use quell::app::left::{Row, marked, rows};
use quell::app::model::{Layer, Model};
use quell::domain::audit::{Body, sha256_hex};
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::plan::Plan;
use quell::domain::containment::remnant::{Mark, RemnantKind};
use quell::domain::containment::state::ActionState;
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::probe::Probe;
use serde_json::{Value, json};

use crate::approval;
use crate::crash_matrix::Trap;
use crate::harness::app::{Setting, TestApp, company, company_of, records};
use crate::harness::root;
use crate::left::{arm, by_others, comments, says, show};
use crate::truth::{confirm, finished, open_case};

const RULE: (RemnantKind, &str) = (RemnantKind::InboxRule, "in:anywhere");
const ALL_MAIL: (RemnantKind, &str) = (RemnantKind::Forwarding, "of all mail");
const METHOD: (RemnantKind, &str) = (RemnantKind::MfaMethod, "Galaxy");
const GRANT: (RemnantKind, &str) = (RemnantKind::OauthGrant, "MailSync Helper: files");
const TOKENS: (RemnantKind, &str) = (RemnantKind::RefreshToken, "MailSync");

fn google() -> Options {
    Options {
        idp: Idp::Google,
        ..Options::default()
    }
}

/// Finds the row of a thing.
fn place(model: &Model, (kind, words): (RemnantKind, &str)) -> usize {
    let found = rows(model).iter().position(|row| match row {
        Row::There(one, _) => one.item.kind == kind && one.item.name.raw().contains(words),
        _ => false,
    });
    found.unwrap_or_else(|| panic!("no {kind:?} {words}"))
}

/// Puts the cursor on a thing and presses a key.
fn press(app: &TestApp, model: &Model, thing: (RemnantKind, &str), key: &str) {
    app.keys("g")
        .keys(&"j".repeat(place(model, thing)))
        .keys(key);
}

/// Plans what is marked, or what the cursor is on, and waits for the dialog.
async fn plan(app: &mut TestApp) -> Plan {
    app.keys("<Enter>");
    let model = app
        .until("the dialog is open", |model| {
            matches!(model.layers.last(), Some(Layer::Confirm { .. }))
        })
        .await;
    app.clock.advance(std::time::Duration::from_secs(1));
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("the dialog is open");
    };
    confirmation.plan().clone()
}

/// Opens the view, marks things and plans their removal.
async fn plan_of(app: &mut TestApp, things: &[(RemnantKind, &str)]) -> Plan {
    let model = show(app).await;
    for thing in things {
        press(app, &model, *thing, "<Space>");
    }
    let plan = plan(app).await;
    assert_eq!(plan.steps.len(), things.len());
    plan
}

/// Paths of the requests that were sent to the provider and change something, in their order.
fn sent(drill: &Drill) -> Vec<String> {
    let ledger = drill.ledger();
    let all = ledger.mutating().iter();
    let ours = all.filter(|one| one["server"] == "identity" && one["method"] != "POST");
    let paths = ours.filter_map(|one| one["path"].as_str().map(str::to_owned));
    paths.collect()
}

fn paths(plan: &Plan) -> Vec<String> {
    let paths = plan.steps.iter().map(|step| step.call.path.clone());
    paths
        .map(|path| path.split('?').next().unwrap_or_default().to_owned())
        .collect()
}

fn acted(model: &Model) -> Vec<ActionView> {
    let all = model.ledger.actions().filter(|one| one.item.is_some());
    let mut all: Vec<ActionView> = all.filter(|one| one.confirmed.is_some()).cloned().collect();
    all.sort_by_key(|one| one.order);
    all
}

fn states(model: &Model) -> Vec<ActionState> {
    acted(model).iter().map(|one| one.state).collect()
}

/// Reads what is on the screen from the top of a layer to its end.
async fn read_through(app: &mut TestApp, down: &str) -> String {
    let mut all = String::new();
    for _ in 0..30 {
        app.sync().await;
        all.push_str(&app.screen());
        app.keys(down);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_new_goes_by_one_name_and_each_thing_has_its_own_proof() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    show(&mut app).await;
    app.keys("a");
    let model = app.sync().await;
    let new = rows(&model)
        .iter()
        .filter(|row| matches!(row, Row::There(one, Mark::New) if one.kept.is_none()))
        .count();
    assert!(new >= 3, "{new}");
    assert_eq!(marked(&model).len(), new);
    let screen = app.screen();
    assert!(screen.contains(&format!("{new} marked")), "{screen}");
    assert_eq!(screen.matches("[x]").count(), new, "{screen}");
    // The same key takes the marks away again, and once more puts them back.
    app.keys("a");
    assert_eq!(marked(&app.sync().await).len(), 0);
    app.keys("a");
    let plan = plan(&mut app).await;
    assert_eq!(plan.steps.len(), new);
    let kinds: Vec<RemnantKind> = plan.items().iter().map(|item| item.kind).collect();
    let turns: Vec<usize> = kinds.iter().map(|kind| kind.turn()).collect();
    assert!(turns.is_sorted(), "{kinds:?}");
    let screen = app.screen();
    assert!(screen.contains(&format!("remove {new} things")), "{screen}");
    assert!(screen.contains(&format!("[ remove {new} ]")), "{screen}");
    assert!(sent(&drill).is_empty());
    confirm(&app);
    let model = app.until("all are proven and documented", finished).await;
    assert_eq!(states(&model), vec![ActionState::Verified; new]);
    // No mark is left, and none was told to be lost: it was ours that took them.
    assert!(!says(&model, "is not marked any more"), "{:?}", model.log);
    assert!(
        model
            .open
            .as_ref()
            .is_some_and(|open| open.left_marked.is_empty())
    );
    let shown = read_through(&mut app, "j").await;
    for item in plan.items() {
        assert!(shown.contains(item.id.raw()) || shown.contains(item.name.raw()));
    }
    app.end().await;
    assert_eq!(sent(&drill), paths(&plan));
    let all = records(state.path());
    for step in &plan.steps {
        let of_it =
            |found: &dyn Fn(&Body) -> bool| all.iter().filter(|one| found(&one.body)).count();
        let aid = &step.aid;
        let counts = [
            of_it(&|body| matches!(body, Body::ActionItem(one) if one.aid == *aid)),
            of_it(&|body| matches!(body, Body::ActionConfirm { aid: of, .. } if of == aid)),
            of_it(&|body| matches!(body, Body::ActionIntent { aid: of, .. } if of == aid)),
            of_it(&|body| matches!(body, Body::ActionAck { aid: of, .. } if of == aid)),
            of_it(&|body| matches!(body, Body::ActionOutcome { aid: of, .. } if of == aid)),
        ];
        assert_eq!(counts, [1; 5], "{}", step.what());
    }
    let comments = comments(&drill).await;
    let of_us: Vec<&String> = comments
        .iter()
        .filter(|one| one.contains("**Eradication record**"))
        .collect();
    assert_eq!(of_us.len(), 1, "{comments:?}");
    let lines = of_us[0]
        .matches("- remove what was left: **proven**")
        .count();
    assert_eq!(lines, new, "{}", of_us[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_survives_a_new_look_and_one_that_is_lost_is_told() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = show(&mut app).await;
    press(&app, &model, GRANT, "<Space>");
    press(&app, &model, TOKENS, "<Space>");
    // What cannot be removed cannot be marked, and the reason is said; nor can a line that is no thing.
    press(&app, &model, (RemnantKind::RecoveryData, ""), "<Space>");
    let model = app.sync().await;
    assert!(says(&model, "it is part of the profile"), "{:?}", model.log);
    app.keys("G<Space>");
    let model = app.sync().await;
    assert!(says(&model, "nothing on this line can be removed"));
    assert_eq!(marked(&model).len(), 2);
    // A mark is taken away by the key that put it there.
    press(&app, &model, METHOD, "<Space>");
    assert_eq!(marked(&app.sync().await).len(), 3);
    app.keys("<Space>");
    let model = app.sync().await;
    let names: Vec<String> = marked(&model)
        .iter()
        .map(|one| one.item.word().to_string())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let grant = marked(&model)
        .into_iter()
        .find(|one| one.item.kind == RemnantKind::OauthGrant)
        .expect("the grant is marked");
    let path = format!(
        "/api/v1/users/{}/grants/{}",
        drill.victim_id(),
        grant.item.id.raw()
    );
    by_others(&drill, &path).await;
    // Closing the view forgets nothing.
    app.keys("<Esc>E");
    let lost = "is not marked any more: it is not listed any more";
    let model = app
        .until("the lost mark is told", |model| says(model, lost))
        .await;
    let kinds: Vec<RemnantKind> = marked(&model).iter().map(|one| one.item.kind).collect();
    assert_eq!(kinds, [RemnantKind::RefreshToken]);
    // A list that cannot be read at all keeps the marks, and plans nothing.
    arm(&drill, "500", ("GET", "/api/v1/users/"), None);
    app.keys("r");
    app.until("the list failed", |model| {
        says(model, "what may be left could not be read")
    })
    .await;
    app.keys("<Enter>");
    let model = app.sync().await;
    assert!(matches!(model.layers.last(), Some(Layer::Left { .. })));
    let order = json!({"fault": "none", "server": "identity"});
    drill.fault(&order).expect("the faults end");
    app.keys("r");
    let model = app
        .until("it is read again", |model| !rows(model).is_empty())
        .await;
    assert_eq!(marked(&model).len(), 1);
    app.end().await;
    assert_eq!(sent(&drill).len(), 1, "only the other administrator's");
}

/// What happens to the thing in the middle of a plan of three, or to all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Middle {
    Gone,
    Unreadable,
    Forbidden,
    NotFound,
    AcceptedNotApplied,
    BrokenAfterEffect,
    /// The first one is a method that is gone: then the account is another than the one confirmed.
    MethodGone,
    Renamed,
}

async fn story(middle: Middle) -> (Vec<ActionView>, Vec<String>, String) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let plan = plan_of(&mut app, &[TOKENS, GRANT, METHOD]).await;
    let all = paths(&plan);
    let grant = ("DELETE", "/grants/");
    let once = Some(1);
    match middle {
        Middle::Gone => by_others(&drill, &plan.steps[1].call.path).await,
        Middle::MethodGone => by_others(&drill, &plan.steps[0].call.path).await,
        Middle::Unreadable => arm(&drill, "403", ("GET", "/grants/"), None),
        Middle::Forbidden => arm(&drill, "403", grant, once),
        Middle::NotFound => arm(&drill, "404", grant, once),
        Middle::AcceptedNotApplied => arm(&drill, "accepted_without_effect", grant, once),
        Middle::BrokenAfterEffect => arm(&drill, "500_after_effect", grant, once),
        Middle::Renamed => {
            let order = json!({"fault": "renamed"});
            drill.fault(&order).expect("the fault is known");
        }
    }
    let before = sent(&drill).len();
    confirm(&app);
    let model = app.until(&format!("{middle:?} ended"), finished).await;
    app.end().await;
    let ours: Vec<String> = sent(&drill).split_off(before);
    for path in &ours {
        assert!(all.contains(path), "{middle:?}: {path} was never shown");
    }
    let code = quell::cli::audit::verify(&state.path().join("audit"), false, &mut Vec::new());
    assert!(matches!(code, Ok(0)), "{middle:?}: the log is not intact");
    (acted(&model), ours, comments(&drill).await.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_of_a_plan_ends_in_its_own_word() {
    use ActionState::{Abandoned, NotEffective, Rejected, Verified};
    let table = [
        (
            Middle::Gone,
            [Verified, Abandoned, Verified],
            2,
            "is not listed any more",
        ),
        (
            Middle::Unreadable,
            [Verified, Abandoned, Verified],
            2,
            "403",
        ),
        (Middle::Forbidden, [Verified, Rejected, Verified], 3, "403"),
        (Middle::NotFound, [Verified, Rejected, Verified], 3, "404"),
        (
            Middle::AcceptedNotApplied,
            [Verified, NotEffective, Verified],
            3,
            "is still listed",
        ),
        (Middle::BrokenAfterEffect, [Verified; 3], 3, "reads agree"),
        (Middle::MethodGone, [Abandoned; 3], 0, "MFA methods changed"),
        (Middle::Renamed, [Abandoned; 3], 0, "login changed"),
    ];
    let wrong: Vec<String> = futures::stream::iter(table)
        .map(|(middle, words, sends, says)| async move {
            let told = tokio::spawn(story(middle)).await;
            let (all, sent, comment) = told.map_err(|error| format!("{middle:?}: {error}"))?;
            let states: Vec<ActionState> = all.iter().map(|one| one.state).collect();
            let evidence = all.get(1).and_then(|one| one.evidence.clone());
            let evidence = evidence.unwrap_or_default();
            let told = words.iter().all(|word| comment.contains(word.word()));
            if states == words && sent.len() == sends && evidence.raw().contains(says) && told {
                return Ok(());
            }
            let evidence = evidence.raw();
            Err(format!(
                "{middle:?}: {states:?}, {sent:?}: {evidence}; {comment}"
            ))
        })
        .buffer_unordered(4)
        .filter_map(|told: Result<(), String>| async move { told.err() })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Killed in the middle of a plan of three: what is not sent stays unsent, what may have happened is read back, and no
/// request goes out twice.
async fn killed_at(point: &str, expected: [ActionState; 3], effects: usize) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let trap = Arc::new(Trap {
        at: Some((point.to_owned(), 2)),
        ..Trap::default()
    });
    let setting = Setting {
        probe: Arc::clone(&trap) as Arc<dyn Probe>,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    let plan = plan_of(&mut app, &[TOKENS, GRANT, METHOD]).await;
    confirm(&app);
    trap.sprung.notified().await;
    app.kill();
    let mut app = TestApp::start(&drill, state.path());
    let first = app.model();
    assert!(
        matches!(first.layers.last(), Some(Layer::Unfinished { .. })),
        "{point}: what is unfinished is not on the first screen"
    );
    let model = app.until("all ended and is documented", finished).await;
    app.end().await;
    assert_eq!(states(&model), expected, "{point}");
    assert_eq!(sent(&drill), paths(&plan)[..effects], "{point}");
    let documented = comments(&drill).await;
    let ours = documented.iter().filter(|one| one.contains("Eradication"));
    assert_eq!(ours.count(), 1, "{point}: {documented:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_cut_off_in_the_middle_is_settled_by_reading() {
    use ActionState::{Abandoned, NotEffective, Verified};
    futures::join!(
        killed_at("send.before", [Verified, NotEffective, Abandoned], 1),
        killed_at("send.after", [Verified, Verified, Abandoned], 2),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_things_are_one_plan_and_an_eleventh_asks_for_more() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let order = json!({"fault": "many_grants"});
    drill.fault(&order).expect("the fault is known");
    let setting = Setting {
        size: (80, 24),
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    show(&mut app).await;
    app.keys("a");
    let model = app.sync().await;
    let new = marked(&model).len();
    assert!(new > 10, "{new}");
    assert!(app.screen().contains(&format!("{new} marked")));
    let over = plan(&mut app).await;
    assert!(over.refused());
    let screen = app.screen();
    let reason = format!("cap reached: {new} things are more than 10 in one plan");
    assert!(screen.contains(&reason), "{screen}");
    confirm(&app);
    app.sync().await;
    assert!(app.screen().contains("a guard refuses this plan"));
    app.keys("<Esc>");
    app.sync().await;
    // The marks are there still; some of the grants are left for a second plan.
    let model = app.model();
    let grants = rows(&model).into_iter().enumerate().filter(|(_, row)| {
        matches!(row, Row::There(one, Mark::New) if one.item.kind == RemnantKind::OauthGrant)
    });
    let less: Vec<usize> = grants.map(|(place, _)| place).take(new - 10).collect();
    for place in less {
        app.keys("g").keys(&"j".repeat(place)).keys("<Space>");
    }
    let plan = plan(&mut app).await;
    assert_eq!(plan.steps.len(), 10);
    assert!(!plan.refused());
    // Every one of them can be read at 80x24, and the count never leaves the screen.
    let mut read = String::new();
    for _ in 0..60 {
        app.sync().await;
        let screen = app.screen();
        assert!(screen.contains("remove 10 things"), "{screen}");
        assert!(screen.contains("[ remove 10 ]"), "{screen}");
        assert!(
            screen.contains("more; read them before")
                || screen.contains("Up:")
                || screen.contains("limits and proof"),
            "{screen}"
        );
        read.push_str(&screen);
        app.keys("<Down>");
    }
    for (step, place) in plan.steps.iter().zip(1..) {
        let item = step.item.as_ref().map(|one| one.item.id.raw().to_owned());
        assert!(read.contains(&item.unwrap_or_default()), "{}", step.what());
        assert!(read.contains(&format!("{place:>2}. ")), "{place}");
    }
    confirm(&app);
    let model = app.until("all ten are proven", finished).await;
    assert_eq!(states(&model), [ActionState::Verified; 10]);
    app.end().await;
    assert_eq!(sent(&drill), paths(&plan));
}

/// Puts the parts of what a thing was before together, from what a reader of the log is told.
fn parts(exported: &str) -> Vec<(u64, u64, String)> {
    let lines = exported.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("an object a line");
        line
    });
    let parts = lines.filter(|line| line["event"]["action"] == "action.before");
    let parts = parts.map(|line| {
        let data = &line["quell"]["data"];
        let number = |field: &str| data[field].as_u64().unwrap_or_default();
        let text = data["text"].as_str().unwrap_or_default().to_owned();
        (number("part"), number("of"), text)
    });
    parts.collect()
}

fn told(state: &Path, json: bool) -> String {
    let mut out = Vec::new();
    let code = quell::cli::audit::show(&state.join("audit"), json, &mut out);
    assert!(matches!(code, Ok(0)), "{code:?}");
    String::from_utf8(out).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_record_is_kept_whole_before_it_is_gone() {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let order = json!({"fault": "long_rule"});
    drill.fault(&order).expect("the fault is known");
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let plan = plan_of(&mut app, &[RULE]).await;
    let rule = plan.steps[0].item.clone().expect("a rule");
    assert_eq!(rule.keeps().as_str(), "its record is kept in the audit log");
    let before = rule.before;
    confirm(&app);
    let model = app.until("it is proven", finished).await;
    assert_eq!(states(&model), [ActionState::Verified]);
    app.end().await;
    assert_eq!(drill.ledger().targets("remove_filter").len(), 1);
    let kept = parts(&told(state.path(), true));
    let of = kept.len() as u64;
    assert!(of > 1, "{of} parts");
    assert!(
        kept.iter()
            .zip(1..)
            .all(|(part, n)| (part.0, part.1) == (n, of))
    );
    let whole: String = kept.into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(whole, before.raw());
    let record: Value = serde_json::from_str(&whole).expect("the provider's record");
    let query = record["criteria"]["query"].as_str().unwrap_or_default();
    assert!(query.starts_with("in:anywhere"), "{query}");
    assert!(query.chars().count() > 5_000);
    // The record of the thing carries the hash of all parts, and all of it was durable before the request.
    let all = records(state.path());
    let place = |found: &dyn Fn(&Body) -> bool| all.iter().rposition(|one| found(&one.body));
    let item = all.iter().find_map(|one| match &one.body {
        Body::ActionItem(item) => Some(item.before.raw().to_owned()),
        _ => None,
    });
    assert!(item.is_some_and(|head| head.contains(&sha256_hex(whole.as_bytes()))));
    let last = place(&|body| matches!(body, Body::ActionBefore(_)));
    let intent = place(&|body| matches!(body, Body::ActionIntent { .. }));
    assert!(last.is_some() && last < intent);
    assert!(told(state.path(), false).contains("action.before"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit_verify.py");
    let python = std::process::Command::new("python3")
        .arg(script)
        .arg(state.path().join("audit"))
        .output();
    match python {
        Err(_) => {
            println!("not run: a_long_record_is_kept_whole_before_it_is_gone (missing python3)");
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_long_to_be_kept_is_told_before() {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let order = json!({"fault": "endless_rule"});
    drill.fault(&order).expect("the fault is known");
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    plan_of(&mut app, &[RULE]).await;
    let shown = read_through(&mut app, "<Down>").await;
    assert!(shown.contains("only the first 16000"), "{}", app.screen());
    app.keys("<Esc>");
    app.end().await;
    let kept: String = parts(&told(state.path(), true))
        .into_iter()
        .map(|(_, _, text)| text)
        .collect();
    assert!(kept.chars().count() > 16_000 && kept.contains("[cut: "));
    assert!(drill.ledger().targets("remove_filter").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_a_mailbox_waits_for_a_second_person() {
    if !root("left_many::what_lies_in_a_mailbox_waits_for_a_second_person") {
        return;
    }
    let drill = company_of(google()).await;
    let (one, two, etc) = (approval::dir(), approval::dir(), approval::dir());
    let policy = "[approval]\ngroups = [\"Finance\"]\n";
    let setting = Setting {
        host: approval::host(etc.path(), policy),
        ..Setting::default()
    };
    let mine = drill.cases().token;
    let mut app = approval::console(&drill, one.path(), mine, setting);
    open_case(&mut app).await;
    let plan = plan_of(&mut app, &[ALL_MAIL, RULE]).await;
    // The rule first, whatever was marked first: it leans on the address.
    assert_eq!(plan.items()[0].kind, RemnantKind::InboxRule);
    assert!(plan.need.is_some(), "the policy asks for somebody else");
    confirm(&app);
    app.until("it waits", |model| {
        let mut all = model.ledger.actions().filter(|one| one.item.is_some());
        all.all(|one| one.state == ActionState::Awaiting)
    })
    .await;
    let other = drill.second_key();
    let mut approver = approval::console(&drill, two.path(), other, Setting::default());
    open_case(&mut approver).await;
    let model = approval::review(&mut approver).await;
    let Some(Layer::Approve { consent, .. }) = model.layers.last() else {
        panic!("a dialog");
    };
    assert_eq!(consent.asked().refusals, []);
    let calls: Vec<String> = consent
        .asked()
        .calls
        .iter()
        .map(|call| call.path.clone())
        .collect();
    let planned: Vec<String> = plan
        .steps
        .iter()
        .map(|step| step.call.path.clone())
        .collect();
    assert_eq!(calls, planned);
    let screen = approver.screen();
    for words in ["remove 2 things", "remove inbox rule", "remove forwarding"] {
        assert!(screen.contains(words), "{words} in {screen}");
    }
    let ledger = |kind: &str| drill.ledger().targets(kind).len();
    assert_eq!((ledger("remove_filter"), ledger("stop_forwarding")), (0, 0));
    approver.keys(approval::LOGIN).keys("<Tab>y");
    let model = app
        .until("both are proven and documented", |model| {
            finished(model) && states(model).len() == 2
        })
        .await;
    assert_eq!(states(&model), [ActionState::Verified; 2]);
    app.end().await;
    approver.end().await;
    assert_eq!((ledger("remove_filter"), ledger("stop_forwarding")), (1, 1));
    assert_eq!(ledger("remove_forwarding_address"), 0);
    let all = records(one.path());
    let approvals = all
        .iter()
        .filter(|entry| matches!(entry.body, Body::Approval { .. }));
    assert_eq!(approvals.count(), 1, "used once for both");
    let comment = comments(&drill).await.concat();
    let lines = comment
        .matches("- remove what was left: **proven**")
        .count();
    assert_eq!(lines, 2, "{comment}");
}
