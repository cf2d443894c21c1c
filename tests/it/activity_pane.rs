//! The activity pane through the whole console: filter, pivots, zoom, slices, what is said of events, and what it knows of
//! its sources.

use std::path::Path;
use std::time::Duration;

use quell::app::message::Message;
use quell::app::model::activity::asking::FilterLine;
use quell::app::model::{ActivityPane, Layer, ListRow, Model};
use quell::connect::http::Limits;
use quell::domain::audit::{Body, Class, Saying};
use quell::domain::text::Untrusted;
use quell::domain::timeline::event::{Event, Outcome, Party};
use quell::domain::timeline::lane::Lane;
use quell::drill::{Drill, Options};
use serde_json::json;

use crate::harness::app::{Setting, TestApp, company, company_of, limits, records};
use crate::hold::comments;
use crate::truth::open_case;

/// Steps of the attacker until he has what he came for.
const STORY: usize = 8;

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn pane(model: &Model) -> &ActivityPane {
    &model.open.as_ref().expect("a case is open").activity
}

fn typed(model: &Model) -> FilterLine {
    match model.layers.last() {
        Some(Layer::EventFilter(line)) => (**line).clone(),
        other => panic!("no filter is typed: {other:?}"),
    }
}

/// Gives the key of the event the cursor stands on.
fn under(model: &Model) -> Untrusted {
    let pane = pane(model);
    let index = pane.cursor_event().expect("an event is under the cursor");
    pane.activity.row(index).expect("it is there").key()
}

fn record_of(state: &Path, what: Saying) -> usize {
    let said = |body: &Body| matches!(body, Body::TimelineSaid(said) if said.what == what);
    records(state).iter().filter(|one| said(&one.body)).count()
}

async fn story() -> (Drill, tempfile::TempDir, TestApp) {
    let (drill, state) = (company().await, dir());
    drill.advance(STORY);
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    (drill, state, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_counts_while_it_is_typed_and_esc_gives_everything_back() {
    let (_drill, _state, mut app) = story().await;
    let all = pane(&app.sync().await).activity.len();
    app.keys("/outcome:fai");
    let model = app.sync().await;
    let failed = pane(&model).hits();
    assert!(failed > 0 && failed < all, "{failed} of {all}");
    assert!(
        app.screen().contains(&format!("{failed} of {all}")),
        "{}",
        app.screen()
    );
    // A line that is no filter says where, and what passed before stays.
    app.keys("lx");
    let model = app.sync().await;
    assert_eq!(typed(&model).fault.map(|fault| fault.at), Some(9));
    assert_eq!(pane(&model).hits(), failed);
    assert!(
        app.screen().contains("at 9: no such outcome"),
        "{}",
        app.screen()
    );
    app.keys("<Backspace><Enter>");
    let model = app.sync().await;
    assert!(model.layers.is_empty());
    assert!(app.screen().contains("/outcome:fail"), "{}", app.screen());
    let shown = pane(&model).rows.iter();
    let only_failed = shown
        .filter_map(|row| match row {
            ListRow::Event(index) => pane(&model).activity.row(*index),
            _ => None,
        })
        .all(|row| row.outcome() == Outcome::Failure);
    assert!(only_failed);
    app.keys("<Esc>");
    assert_eq!(pane(&app.sync().await).hits(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn tab_completes_fields_and_values_that_were_seen() {
    let (_drill, _state, mut app) = story().await;
    app.keys("/pl<Tab>");
    assert_eq!(typed(&app.sync().await).line, "place:");
    app.keys("s<Tab>");
    let model = app.sync().await;
    let line = typed(&model);
    assert!(line.line.starts_with("place:\""), "{line:?}");
    let hits = pane(&model).hits();
    assert!(hits > 0 && hits < pane(&model).activity.len());
    app.keys("<Shift-Tab>");
    assert_eq!(typed(&app.sync().await).line, "place:s");
    app.keys("<Esc><Esc>");
    let model = app.sync().await;
    assert!(model.layers.is_empty() && pane(&model).view.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pivot_from_an_event_comes_back_to_the_same_event() {
    let (_drill, _state, mut app) = story().await;
    app.keys("gn");
    let before = under(&app.sync().await);
    // The same address.
    app.keys("p");
    let model = app.sync().await;
    let Some(Layer::Pivot { rows, .. }) = model.layers.last() else {
        panic!("{:?}", model.layers.last());
    };
    let labels: Vec<&str> = rows.iter().map(|row| row.label).collect();
    for label in ["address", "user agent", "user", "around", "other users"] {
        assert!(labels.contains(&label), "{labels:?}");
    }
    let count = rows.first().and_then(|row| row.count);
    let around = labels
        .iter()
        .position(|label| *label == "around")
        .expect("it is there");
    app.keys("<Enter>");
    let model = app.sync().await;
    assert_eq!(Some(pane(&model).hits()), count);
    assert!(pane(&model).view.filter.to_string().starts_with("ip:"));
    assert_eq!(under(&model), before);
    app.keys("g<Esc>");
    let model = app.sync().await;
    assert!(pane(&model).view.is_whole());
    assert_eq!(under(&model), before);
    // Five minutes before and after: everything, and nothing else.
    app.keys("p").keys(&"j".repeat(around)).keys("<Enter>");
    let model = app.sync().await;
    let span = pane(&model).view.span.expect("a part of the window");
    assert_eq!(span.length(), chrono::Duration::minutes(10));
    let seen = pane(&model).rows.iter();
    assert!(
        seen.filter_map(|row| pane(&model).time_of(row))
            .all(|at| span.contains(at))
    );
    // Zooming goes on from there, and Esc leaves it all for the same event.
    app.keys(">");
    let closer = pane(&app.sync().await).view.span.expect("a part");
    assert_eq!(closer.length(), chrono::Duration::minutes(5));
    app.keys("<").keys("<");
    app.keys("<Esc>");
    let model = app.sync().await;
    assert!(pane(&model).view.is_whole());
    assert_eq!(under(&model), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_users_of_an_address_are_asked_for_and_the_answer_says_who_answered() {
    let (drill, _state, mut app) = story().await;
    app.keys("gnp");
    let model = app.sync().await;
    let Some(Layer::Pivot { rows, .. }) = model.layers.last() else {
        panic!("no pivot");
    };
    let across = rows.iter().position(|row| row.label == "other users");
    let down = "j".repeat(across.expect("an address"));
    app.keys(&down).keys("<Enter>");
    let answered = |word: &'static str| move |model: &Model| matches!(model.layers.last(), Some(Layer::Reading { text, .. }) if text.as_str().contains(word));
    app.until(
        "the SIEM answered",
        answered("the SIEM was asked, all users"),
    )
    .await;
    assert!(
        app.screen().contains("mara.lind@acme.example"),
        "{}",
        app.screen()
    );
    app.keys("<Esc>");
    app.sync().await;
    // A SIEM that does not answer: what is loaded, and it says so.
    drill
        .fault(&json!({"server": "siem", "fault": "403", "rate": 1.0}))
        .expect("the fault is known");
    app.keys("p").keys(&down).keys("<Enter>");
    app.until(
        "what is loaded is told",
        answered("only within what is loaded"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_events_is_recorded_and_found_again_after_a_restart() {
    let (drill, state, mut app) = story().await;
    app.keys("gn");
    let event = under(&app.sync().await);
    app.keys(" #credential access<Enter>");
    app.keys("Mthe user denies it<Enter>");
    app.keys("+25:99 odd<Enter>");
    let refused = app.sync().await;
    let kept = match refused.layers.last() {
        Some(Layer::Writing { area, .. }) => area.lines().join(""),
        other => panic!("the text is still there: {other:?}"),
    };
    assert_eq!(kept, "25:99 odd");
    app.keys("<Esc><Esc>");
    app.sync().await;
    app.keys("+00:01 user phoned<Enter>");
    let of = event.clone();
    let model = app
        .until("all of it came back from the records", move |model| {
            let said = pane(model).said.of(&of);
            said.is_some_and(|said| said.marked && said.tags.len() == 1 && said.notes.len() == 1)
                && pane(model).said.manual().count() == 1
        })
        .await;
    assert!(
        pane(&model)
            .rows
            .iter()
            .any(|row| matches!(row, ListRow::Said(_)))
    );
    app.keys("z");
    app.sync().await;
    let shown = app.screen();
    assert!(shown.contains("#credential access"), "{shown}");
    app.end().await;
    for what in [Saying::Mark, Saying::Tag, Saying::Note, Saying::Manual] {
        assert_eq!(record_of(state.path(), what), 1, "{what:?}");
    }
    for entry in records(state.path()) {
        if let Body::TimelineSaid(_) = entry.body {
            assert_eq!(entry.body.class(), Class::B);
        }
    }
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = app.sync().await;
    let said = pane(&model)
        .said
        .of(&event)
        .cloned()
        .expect("it is known again");
    assert!(said.marked && said.tags.contains(&"credential access".into()));
    assert_eq!(
        said.notes.first().map(|note| note.text.raw()),
        Some("the user denies it")
    );
    app.keys("/is:marked tag:cred<Enter>");
    let model = app.sync().await;
    assert_eq!(pane(&model).hits(), 1);
    assert_eq!(under(&model), event);
    // The mark and the tag go; the event by hand is withdrawn.
    app.keys("<Esc>");
    app.keys(" #credential access<Enter>");
    let of = event.clone();
    app.until("they are gone", move |model| {
        let said = pane(model).said.of(&of);
        said.is_some_and(|said| !said.marked && said.tags.is_empty())
    })
    .await;
    let model = app.sync().await;
    let by_hand = pane(&model).rows.iter().position(|row| {
        let ListRow::Deeds { first, .. } = row else {
            return false;
        };
        pane(&model).deeds[*first].what.as_str() == "user phoned"
    });
    let by_hand = by_hand.expect("it is a row of the list");
    app.keys("g").keys(&"j".repeat(by_hand)).keys("-");
    app.until("it is withdrawn", |model| {
        pane(model).said.manual().count() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_goes_into_the_case_once_whoever_asks() {
    let (drill, state, mut app) = story().await;
    app.keys("gn");
    let event = under(&app.sync().await);
    app.keys("PP");
    app.until("it is in the case", |model| {
        let said =
            |line: &quell::app::model::LogLine| line.text.as_str() == "the note is in the case";
        model.log.iter().any(said)
    })
    .await;
    let of = event.clone();
    app.until("the record says so", move |model| {
        pane(model)
            .said
            .of(&of)
            .is_some_and(|said| said.posted.is_some())
    })
    .await;
    app.keys("Pz");
    app.sync().await;
    assert!(app.screen().contains("in the case"), "{}", app.screen());
    app.end().await;
    let found = |all: Vec<String>| all.iter().filter(|text| text.contains("event id")).count();
    assert_eq!(found(comments(&drill).await), 1);
    // Another analyst's console with a log of its own finds the comment by its mark.
    let other = dir();
    let mut app = TestApp::start(&drill, other.path());
    open_case(&mut app).await;
    app.keys("gn");
    assert_eq!(under(&app.sync().await), event);
    app.keys("P");
    app.until("it is known to be in the case", |model| {
        let said =
            |line: &quell::app::model::LogLine| line.text.as_str() == "the note is in the case";
        model.log.iter().any(said)
    })
    .await;
    let all = comments(&drill).await;
    assert_eq!(found(all.clone()), 1, "{all:#?}");
    assert!(record_of(state.path(), Saying::Post) >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_load_until_everything_is_there() {
    let options = Options {
        events: 40_000,
        ..Options::default()
    };
    let drill = company_of(options).await;
    drill.advance(STORY);
    let few = |text: String| format!("{text}\n[timeline]\nmax_events = 30\nwindow_hours = 720\n");
    let many = dir();
    let setting = Setting {
        limits: Limits {
            read_total: Duration::from_secs(60),
            between_reads: Duration::from_secs(60),
            ..limits()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, many.path(), setting, few);
    open_case(&mut app).await;
    let mut model = app
        .until("the first load ended", |model| pane(model).ended.is_some())
        .await;
    let mut slices = 0;
    while pane(&model).ended.is_some_and(|end| end.truncated) {
        let loaded = pane(&model).activity.len();
        app.keys("g");
        app.sync().await;
        let shown = app.screen();
        assert!(
            shown.contains(&format!("truncated at {loaded}, next slice: s")),
            "{shown}"
        );
        let before = pane(&model).slices;
        app.keys("s");
        model = app
            .until("a slice came", move |model| pane(model).slices > before)
            .await;
        assert!(pane(&model).activity.len() > loaded);
        slices += 1;
    }
    assert!(
        slices > 0,
        "{} events are no more than one slice: {:?}",
        pane(&model).activity.len(),
        pane(&model).ended
    );
    let ids: std::collections::BTreeSet<_> =
        pane(&model).activity.rows().map(|row| row.key()).collect();
    assert_eq!(ids.len(), pane(&model).activity.len());
    app.keys("s");
    app.until("there is no more", |model| {
        let last = model.log.back();
        last.is_some_and(|line| line.text.as_str().starts_with("everything the SIEM has"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_of_a_slow_siem_is_used_and_the_rest_given_up() {
    let (drill, state) = (company().await, dir());
    drill
        .fault(&json!({"server": "siem", "fault": "latency", "ms": 50_000, "path": "/_search", "rate": 1.0}))
        .expect("the fault is known");
    let limits = Limits {
        read_total: Duration::from_secs(120),
        between_reads: Duration::from_secs(120),
        ..limits()
    };
    let setting = Setting {
        limits,
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
    let model = app
        .until("the search is under way", |model| {
            let open = model.open.as_ref();
            open.is_some_and(|open| open.activity.loading.is_some())
        })
        .await;
    // One page, as the engine hands it over; the SIEM still works on the next one.
    let events = (0..20).map(|n| Event {
        id: format!("page-{n}").into(),
        at: model.now.utc - chrono::Duration::minutes(n),
        lane: Lane::SignIn,
        outcome: if n % 2 == 0 {
            Outcome::Success
        } else {
            Outcome::Failure
        },
        action: "user.session.start".into(),
        raw: "{}".into(),
        ..Event::default()
    });
    app.send(Message::ActivityPage {
        search: pane(&model).search,
        events: events.collect(),
        faults: Vec::new(),
    });
    let model = app
        .until("the first page is there and more is coming", |model| {
            model.open.as_ref().is_some_and(|open| {
                !open.activity.activity.is_empty() && open.activity.loading.is_some()
            })
        })
        .await;
    let first = pane(&model).activity.len();
    assert!(
        app.screen().contains(&format!("{first} loaded")),
        "{}",
        app.screen()
    );
    // Everything works on what there is.
    app.keys("/outcome:ok<Enter>");
    let model = app.sync().await;
    let hits = pane(&model).hits();
    assert!(hits > 0 && pane(&model).loading.is_some(), "{hits}");
    app.keys("S");
    let model = app.sync().await;
    assert!(pane(&model).loading.is_none());
    let kept = pane(&model).activity.len();
    assert!(kept >= first);
    assert!(
        pane(&model).ended.is_none(),
        "a search that was given up has no end"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_and_decisions_stand_on_the_same_axis() {
    let (_drill, _state, mut app) = story().await;
    app.keys("ljj<Enter>");
    let model = app
        .until("the judgement is a row", |model| {
            let deeds = &pane(model).deeds;
            deeds
                .iter()
                .any(|deed| deed.what.as_str().starts_with("likelihood judged"))
        })
        .await;
    let rows = &pane(&model).rows;
    assert!(rows.iter().any(|row| matches!(row, ListRow::Deeds { .. })));
    assert!(pane(&model).deeds.len() > 1, "{:?}", pane(&model).deeds);
    app.keys("z");
    app.sync().await;
    let shown = app.screen();
    assert!(shown.contains("ticked: "), "{shown}");
    assert!(shown.contains("likelihood judged"), "{shown}");
    let you = shown
        .lines()
        .find(|line| line.trim_start().starts_with("you "));
    assert!(you.is_some_and(|line| line.contains('+')), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_sources_and_silences_have_rows() {
    let (_drill, _state, mut app) = story().await;
    app.until("the sources are known", |model| {
        !pane(model).sources.is_empty()
    })
    .await;
    assert!(pane(&app.model()).unheard.is_empty());
    // Two days later nobody has sent anything.
    app.clock.pass(Duration::from_secs(2 * 86_400));
    app.keys("ttt");
    let model = app
        .until("the sources are known to be silent", |model| {
            pane(model).ended.is_some() && !pane(model).unheard.is_empty()
        })
        .await;
    let rows = &pane(&model).rows;
    assert!(rows.iter().any(|row| matches!(row, ListRow::Silence(_))));
    app.keys("zG");
    app.sync().await;
    let shown = app.screen();
    assert!(shown.contains("no data from "), "{shown}");
    assert!(shown.contains("of anybody"), "{shown}");
    assert!(shown.contains("nothing for "), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_did_to_the_account_is_one_key_away() {
    let (_drill, _state, mut app) = story().await;
    let model = app.sync().await;
    let search = pane(&model).search;
    let before = pane(&model).summary.others.len();
    let mara = Party {
        name: Some("mara.lind@acme.example".into()),
        ..Party::default()
    };
    let event = Event {
        id: "by-another".into(),
        at: model.now.utc - chrono::Duration::minutes(1),
        lane: Lane::AccountChange,
        outcome: Outcome::Success,
        action: "user.mfa.factor.reset_all".into(),
        user: Party {
            name: Some("somebody.else@acme.example".into()),
            ..Party::default()
        },
        target: mara,
        raw: "{}".into(),
        ..Event::default()
    };
    app.send(Message::ActivityPage {
        search,
        events: vec![event],
        faults: Vec::new(),
    });
    app.until("it is counted", move |model| {
        pane(model).summary.others.len() > before
    })
    .await;
    app.keys("w");
    let model = app.sync().await;
    let pane = pane(&model);
    assert!(pane.hits() >= 1 && pane.hits() < pane.activity.len());
    let by_others = pane.rows.iter().filter_map(|row| match row {
        ListRow::Event(index) => pane.activity.row(*index),
        _ => None,
    });
    assert!(by_others.clone().count() >= 1);
    assert!(
        by_others
            .into_iter()
            .all(|row| row.is_by_other(&pane.names))
    );
    app.keys("z");
    app.sync().await;
    assert!(app.screen().contains("somebody.else"), "{}", app.screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn local_time_and_delay_are_shown_and_said_to_be_unknown() {
    let (_drill, _state, mut app) = story().await;
    app.keys("z");
    app.sync().await;
    assert!(
        app.screen().contains("Europe/Copenhagen"),
        "{}",
        app.screen()
    );
    app.keys("z");
    app.keys("gn<Enter>");
    app.sync().await;
    app.keys("<Esc>k<Enter>");
    app.sync().await;
    let shown = app.screen();
    assert!(shown.contains("their time"), "{shown}");
    assert!(shown.contains("by the account"), "{shown}");
    assert!(shown.contains("ingested"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_any_length_is_typed() {
    let (_drill, _state, mut app) = story().await;
    app.keys("T5d<Enter>");
    app.until("five days are searched", |model| {
        pane(model).window_hours == 120
    })
    .await;
    app.keys("T9000h<Enter>");
    let model = app.sync().await;
    assert_eq!(pane(&model).window_hours, 120);
    let says = "no window of 1 to 720 hours";
    let mut log = model.log.iter();
    assert!(
        log.any(|line| line.text.as_str().contains(says)),
        "{:#?}",
        model.log
    );
}
