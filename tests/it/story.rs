//! The main story as a person sees it: every frame that counts, drawn at both sizes, in both themes.
//!
//! All clocks stand still and the company is the same for the same seed, so that a frame shows the same text and
//! styles every time; only ids drawn at random and ports are masked.

use std::time::Duration;

use quell::app::model::{Found, Layer, Load, Model};
use quell::domain::containment::standing::Standing;
use quell::domain::freshness::Moment;
use quell::drill::clock::Clock as DrillClock;
use quell::drill::{Drill, Options};
use quell::store::audit::Ground;
use rstest::rstest;
use serde_json::json;

use crate::harness::app::{Setting, TestApp, TestClock, company_of};
use crate::harness::screen::{drawn, masked, picture, theme};

const LOGIN: &str = "mara.lind@acme.example";

/// A Saturday, 03:12 UTC.
fn night() -> Moment {
    Moment {
        utc: "2026-03-07T03:12:40Z".parse().expect("a time"),
        boot: Duration::from_secs(100_000),
    }
}

async fn still_company() -> Drill {
    company_of(Options {
        clock: DrillClock::fixed(night().utc),
        rate_limit: u32::MAX,
        ..Options::default()
    })
    .await
}

fn setting(size: (u16, u16)) -> Setting {
    let clock = TestClock::still(night());
    let ground = Ground {
        clock: Box::new(clock.clone()),
        ..Ground::default()
    };
    Setting {
        clock,
        size,
        ground,
        ..Setting::default()
    }
}

/// Compares the frame of a model with its snapshot: the text, which no theme changes, and the styles of two themes.
fn frame(name: &str, model: &Model, size: (u16, u16)) {
    let of = |look: &str| masked(&picture(&drawn(model, &theme(look), size)));
    let (dark, plain) = (of("dark"), of("no-color"));
    let (text, styles) = dark.split_once("styles ").expect("the last line");
    let (same, plain) = plain.split_once("styles ").expect("the last line");
    assert_eq!(text, same, "colours only repeat what words say");
    let told = format!("{text}styles dark {styles}styles no-color {plain}");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("story-{name}-{}x{}", size.0, size.1), told);
    });
}

fn everything_heard(model: &Model) -> bool {
    model.queue.heard
        && model
            .sources
            .iter()
            .all(|source| source.heard.good.is_some())
}

fn everything_read(model: &Model) -> bool {
    model.open.as_ref().is_some_and(|open| {
        matches!(&open.account, Load::Ready(Found::One(_), _))
            && open.file.ready().is_some()
            && open.activity.ended.is_some()
    }) && !model.offers.is_empty()
        && everything_heard(model)
        && ticked(model)
}

/// Tells whether every step that evidence settled is on record.
fn ticked(model: &Model) -> bool {
    model.evidence_asked.is_empty()
}

fn documented(model: &Model) -> bool {
    matches!(model.standing(), Some(Standing::Contained { .. }))
        && model
            .ledger
            .actions()
            .all(|action| action.state.is_final() && action.comment.is_some())
        && ticked(model)
}

/// What the case system holds as comments of the case, asked by its own interface.
async fn comments(drill: &Drill) -> Vec<String> {
    let cases = drill.cases();
    let query = json!({"query": [{"_name": "listCase"}, {"_name": "comments"}]});
    let answer: serde_json::Value = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .post(format!("{}/api/v1/query", cases.url))
        .bearer_auth(cases.token)
        .json(&query)
        .send()
        .await
        .expect("the drill answers")
        .json()
        .await
        .expect("the answer is JSON");
    let list = answer.as_array().expect("a list");
    list.iter()
        .filter_map(|comment| comment["message"].as_str().map(str::to_owned))
        .collect()
}

/// Masks also who runs the tests, and the number of the record: ticks by evidence may come before it or after.
fn masked_comment(text: &str) -> String {
    let cut = |line: &str| {
        let found = [", OS user ", " n="].iter().find_map(|sign| {
            let (before, after) = line.split_once(sign)?;
            let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
            Some(format!("{before}{sign}… {rest}"))
        });
        found.unwrap_or_else(|| line.to_owned())
    };
    masked(&text.lines().map(cut).collect::<Vec<_>>().join("\n"))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_story_in_frames(#[values((80, 24), (120, 40))] size: (u16, u16)) {
    let drill = still_company().await;
    let state = tempfile::tempdir().expect("a temporary directory");
    // No poll comes by itself, however long a frame takes: what a picture shows must not depend on the machine.
    let never = |text: String| {
        text.replace("poll = \"10s\"", "poll = \"1h\"")
            .replace("poll = \"30s\"", "poll = \"1h\"")
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting(size), never);

    app.until("every source has answered", everything_heard)
        .await;
    frame("1-queue", &app.sync().await, size);

    app.keys("/mara<Enter><Enter>");
    app.until("all is read", everything_read).await;
    app.keys("n");
    frame("2-open", &app.sync().await, size);

    app.keys("lkkkjj");
    frame("3-likelihood", &app.sync().await, size);
    app.keys("<Enter>");
    app.until("it is recorded", |model| {
        let open = model.open.as_ref().map(|open| open.id.clone());
        let case = open.and_then(|id| model.casework.case(&id).cloned());
        ticked(model) && case.is_some_and(|case| !case.likelihoods.is_empty())
    })
    .await;

    app.keys("c");
    frame("4-actions", &app.sync().await, size);
    app.keys("c");
    app.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    frame("5-confirm", &app.sync().await, size);
    app.clock.advance(Duration::from_secs(1));
    app.keys(LOGIN).keys("<Tab>");
    frame("6-typed", &app.sync().await, size);

    app.keys("y");
    app.until("contained and documented", documented).await;
    frame("7-response", &app.sync().await, size);

    app.keys("<Esc>3");
    frame("8-checklist", &app.sync().await, size);
    let events = |model: &Model| {
        model
            .open
            .as_ref()
            .map_or(0, |open| open.activity.activity.len())
    };
    let before = events(&app.model());
    app.keys("2r");
    app.until("what the provider logged is in the SIEM", |model| {
        events(model) > before && everything_read(model) && documented(model)
    })
    .await;
    frame("9-contained", &app.sync().await, size);

    let ours: Vec<_> = comments(&drill)
        .await
        .into_iter()
        .filter(|text| text.contains("quell"))
        .collect();
    assert_eq!(ours.len(), 1, "{ours:#?}");
    if size.0 == 80 {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("story-comment", masked_comment(&ours.concat()));
        });
    }
    assert!(
        !drill.attacker_inside() || {
            drill.advance(3);
            !drill.attacker_inside()
        }
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_is_answered_by_a_frame_while_every_source_hangs() {
    let drill = still_company().await;
    for server in ["cases", "siem", "identity"] {
        let order = json!({"server": server, "fault": "hang", "rate": 1.0});
        drill.fault(&order).expect("the fault is known");
    }
    let state = tempfile::tempdir().expect("a temporary directory");
    // No request ends by itself while the test runs.
    let setting = Setting {
        limits: quell::connect::http::Limits::default(),
        ..setting((80, 24))
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    let begun = std::time::Instant::now();
    for (keys, shown) in [
        ("2", "2 Activity"),
        ("3", "Compromised user account"),
        ("z", "3 Checklist"),
        ("z?", "go to the first row"),
        ("<Esc>r", "asking every source"),
        ("c", "no case is open"),
        ("<Esc>:", "All commands"),
        ("<Esc>!", "Messages"),
        ("<Esc>1", "1 Cases"),
    ] {
        app.keys(keys);
        app.sync().await;
        assert!(
            app.screen().contains(shown),
            "{keys}: {shown}\n{}",
            app.screen()
        );
    }
    // Each key was waited for: had one of them waited for a source, it would have been that source's time-out.
    assert!(begun.elapsed() < quell::connect::http::Limits::default().read_total);
    assert!(!app.model().queue.heard, "nothing has answered");
    app.keys("q");
    app.end().await;
}
