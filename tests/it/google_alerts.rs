//! Alerts of Google's Alert Center: asked for by its Discovery document, survived in whatever shape they come, and shown with
//! the account that they are about.

use std::time::Duration;

use chrono::TimeDelta;
use quell::app::alerts;
use quell::app::keymap::Chord;
use quell::app::message::{AlertsRead, Level, Message, NoAlerts};
use quell::app::model::Model;
use quell::app::update::update;
use quell::connect::capability::ConnectErrorKind;
use quell::domain::case::{Alert, RecordFault};
use quell::domain::fault::Fault;
use quell::domain::ids::ConnectionName;
use quell::domain::severity::Severity;
use quell::domain::text::Untrusted;
use quell::domain::timeline::event::{Act, Event, Signal};
use quell::domain::timeline::finding::Rule;
use quell::domain::timeline::lane::Lane;
use quell::drill::Options;
use quell::drill::wire::Idp;
use serde_json::json;

use crate::harness::app::{TestApp, company_of};
use crate::harness::screen;
use crate::scene;
use crate::spec;
use crate::truth::open_case;
use crate::wiretap::{Seen, Tapped};

fn google() -> Options {
    Options {
        idp: Idp::Google,
        ..Options::default()
    }
}

fn titles(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|one| one.title.raw()).collect()
}

/// What was asked of the Alert Center.
fn asked(house: &Tapped) -> Vec<Seen> {
    let mut seen = house.seen();
    seen.retain(|one| one.path.starts_with("/v1beta1/alerts"));
    seen
}

#[tokio::test]
async fn alerts_are_asked_for_and_read_by_the_specification() {
    let house = Tapped::with(google()).await;
    let source = house.identity_log();
    assert!(source.lists_alerts());
    let read = source.alerts(100).await.unwrap();
    assert_eq!((read.faults.len(), read.truncated), (0, false));
    assert_eq!(
        titles(&read.items),
        [
            "Suspicious login",
            "User reported phishing",
            "Leaked password"
        ],
        "the newest first, and none that is closed or deleted"
    );
    let [login, phishing, leaked] = &read.items[..] else {
        panic!("{read:?}");
    };
    assert_eq!(
        (login.severity, leaked.severity),
        (Severity::High, Severity::Medium)
    );
    assert_eq!(login.user_name, Some("mara.lind@acme.example".into()));
    assert_eq!(login.source_ip, Some("203.0.113.66".into()));
    assert_eq!(leaked.status, Some("IN_PROGRESS".into()));
    let signed_in = login.at - TimeDelta::seconds(20);
    assert_eq!(
        (login.sign_in, login.happened),
        (true, Some(signed_in)),
        "it is of the time of the sign-in, which is before the alert"
    );
    assert!(!phishing.sign_in && !leaked.sign_in);
    assert_eq!(leaked.happened, Some(leaked.at));
    let sender = "it-help@parcel.example".into();
    assert!(phishing.user_name.is_some() && phishing.user_name != Some(sender));
    house.drill.clock().advance(TimeDelta::minutes(3));
    let read = source.alerts(2).await.unwrap();
    let newest = ["Suspicious programmatic login", "Suspicious login"];
    assert_eq!(
        (titles(&read.items), read.truncated),
        (newest.to_vec(), true)
    );

    let seen = asked(&house);
    assert_eq!(seen.len(), 2, "two open ones stand on the first page");
    for one in &seen {
        let query = one.path.split_once('?').unwrap().1;
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["filter", "orderBy", "pageSize"]);
        assert!(pairs[0].1.starts_with("createTime >= \"2026-"), "{pairs:?}");
        assert_eq!(pairs[1].1, "create_time desc");
        if spec::specifications("alerts_are_asked_for_and_read_by_the_specification") {
            let request = spec::check_request(
                "google-alerts",
                &one.method,
                &one.path,
                &one.headers,
                &one.body,
            );
            assert_eq!(request, Ok(()));
            let (status, body) = one.answer.as_ref().unwrap();
            let answer = spec::check_answer("google-alerts", "GET", &one.path, *status, body);
            assert_eq!(answer, Ok(()));
        }
    }
}

#[tokio::test]
async fn pages_go_on_by_their_token_and_have_an_end() {
    let house = Tapped::with(google()).await;
    let source = house.identity_log();
    // Of two raised at a time one may be closed: a page can be shorter than asked for and still not be the last.
    house.fault(&json!({"server": "identity", "fault": "endless_next", "path": "/v1beta1/"}));
    let read = source.alerts(100).await.unwrap();
    assert!(read.truncated && read.items.len() >= 3, "{read:?}");
    let seen = asked(&house);
    assert_eq!(seen.len(), 20);
    assert!(
        seen[1].path.contains("&pageToken=page-1"),
        "{}",
        seen[1].path
    );
}

#[tokio::test]
async fn answers_of_any_shape_are_survived() {
    let house = Tapped::with(google()).await;
    let source = house.identity_log();
    let fault =
        |word: &str| json!({"server": "identity", "fault": word, "path": "/v1beta1/alerts"});
    let none = json!({"server": "identity", "fault": "none"});
    for word in ["huge_body", "bad_json", "redirect", "half_body", "404"] {
        house.fault(&fault(word));
        let read = source.alerts(100).await;
        assert!(read.is_err(), "{word}: {read:?}");
        house.fault(&none);
    }
    house.fault(&fault("bad_record"));
    let read = source.alerts(100).await.unwrap();
    assert_eq!((read.items.len(), read.faults.len()), (2, 1));
    assert_eq!(read.faults[0].reason.raw(), "field alertId is not text");
    house.fault(&none);
    // The same status is a wish to wait and a refusal: the reason tells which.
    asked(&house);
    let mut once = fault("429");
    once["count"] = json!(1);
    house.fault(&once);
    assert_eq!(source.alerts(100).await.unwrap().items.len(), 3);
    let seen = asked(&house);
    let statuses: Vec<u16> = seen
        .iter()
        .map(|one| one.answer.as_ref().unwrap().0)
        .collect();
    assert_eq!(statuses, [403, 200]);
    house.fault(&fault("403"));
    let refused = source.alerts(100).await.unwrap_err();
    assert_eq!(refused.kind, ConnectErrorKind::Denied);
    assert_eq!(asked(&house).len(), 1, "a refusal is not asked again");
}

#[tokio::test]
async fn without_the_scope_alerts_alone_are_missing() {
    let house = Tapped::with(google()).await;
    house.fault(&json!({"fault": "not_granted", "scope": "apps.alerts"}));
    let refused = house.identity_log().alerts(100).await.unwrap_err();
    assert_eq!(refused.kind, ConnectErrorKind::Denied);
    let says = refused.what.as_str();
    assert!(says.contains("scope apps.alerts is not granted"), "{says}");
    assert_eq!(house.victim().await.gaps, []);
    let rights = house.connections.examined[0].rights().await.unwrap();
    let missing: Vec<String> = rights
        .iter()
        .filter(|right| right.granted != Some(true))
        .map(|right| right.lacking().to_string())
        .collect();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert!(missing[0].contains("apps.alerts"), "{missing:?}");
    assert_eq!(
        asked(&house).len(),
        0,
        "nothing is asked without a token for it"
    );
}

fn has_alerts(model: &Model) -> bool {
    alerts::of_open(model).len() >= 2
}

/// What the events of this name are called.
fn acts_of(model: &Model, action: &str) -> Vec<Option<Act>> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let rows = open.activity.activity.rows();
    let of_name = rows.filter(|row| row.action().is_some_and(|known| known.raw() == action));
    of_name.map(|row| row.act()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_stands_with_the_account_it_is_about() {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = app.until("the alerts are there", has_alerts).await;
    let open = model.open.as_ref().expect("a case is open");
    assert_eq!(
        alerts::of_open(&model).len(),
        2,
        "the one of another user is not among them"
    );
    let shown = app.screen();
    assert!(shown.contains("Google alert HIGH  Suspicious"), "{shown}");
    // They are among the events too, and what is odd rests on the one about a sign-in.
    let model = app
        .until("they are among the events", |model| {
            acts_of(model, "Suspicious login").len() == 1
                && acts_of(model, "Leaked password").len() == 1
        })
        .await;
    let detected = Some(Act::RiskDetected);
    assert_eq!(acts_of(&model, "Suspicious login"), [detected]);
    assert_eq!(acts_of(&model, "Leaked password"), [None::<Act>]);
    assert!(open.activity.fault.is_none());
    app.keys("I");
    app.sync().await;
    let shown = app.screen();
    assert!(shown.contains("HIGH Suspicious login"), "{shown}");
    assert!(shown.contains("from 203.0.113.66"), "{shown}");
    assert!(shown.contains("IN_PROGRESS"), "{shown}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_without_the_scope_works_and_says_so_in_the_case() {
    let (drill, state) = (
        company_of(google()).await,
        tempfile::tempdir().expect("a directory"),
    );
    let order = json!({"fault": "not_granted", "scope": "apps.alerts"});
    drill.fault(&order).expect("the fault is known");
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    app.until("it is known that there are none", |model| {
        alerts::unread(model).is_some()
    })
    .await;
    app.keys("I");
    let model = app.sync().await;
    let shown = app.screen();
    assert!(shown.contains("alerts not read"), "{shown}");
    let loud = model
        .log
        .iter()
        .find(|line| line.text.as_str().contains("apps.alerts"));
    assert!(loud.is_none(), "{loud:?}");
    assert!(model.sources.iter().all(|source| source.fault.is_none()));
    app.end().await;
}

fn raised(id: &str, title: &str, user: &str) -> Alert {
    Alert {
        id: id.into(),
        title: title.into(),
        severity: Severity::High,
        at: scene::now().utc - TimeDelta::minutes(20),
        user_name: Some(user.into()),
        ..Alert::default()
    }
}

fn source() -> ConnectionName {
    ConnectionName::parse("okta").expect("a name")
}

fn take(model: &mut Model, result: Result<Vec<Alert>, NoAlerts>) {
    let result = result.map(|alerts| AlertsRead {
        alerts,
        faults: Vec::new(),
        truncated: false,
    });
    let message = Message::AlertsRead {
        source: source(),
        result,
    };
    update(model, scene::now(), message);
}

/// How often one sign-in is risky, and a second one, where the log and an alert tell of one.
fn risky(alert: Alert) -> (usize, usize) {
    let mut model = scene::open((120, 40));
    let mut logged = Event {
        id: "log-1".into(),
        at: scene::now().utc - TimeDelta::minutes(40),
        lane: Lane::SignIn,
        action: "suspicious_login".into(),
        act: Some(Act::RiskDetected),
        ..Event::default()
    };
    logged.user.email = Some("mara.lind@acme.example".into());
    logged.signals.insert(Signal::RiskMedium);
    let open = model.open.as_mut().expect("a case is open");
    open.activity.activity.merge([logged]);
    take(&mut model, Ok(vec![alert]));
    let open = model.open.as_ref().expect("a case is open");
    let count = |rule: Rule| {
        let all = open.activity.findings.iter();
        all.filter(|finding| finding.rule == rule).count()
    };
    (count(Rule::RiskySignIn), count(Rule::SecondRiskySignIn))
}

#[test]
fn a_sign_in_that_the_log_tells_of_too_is_risky_once() {
    let about = |sign_in| Alert {
        sign_in,
        happened: Some(scene::now().utc - TimeDelta::minutes(39)),
        ..raised("1", "Suspicious login", "mara.lind@acme.example")
    };
    assert_eq!(risky(about(true)), (1, 0));
    let other = Alert {
        happened: None,
        ..about(true)
    };
    assert_eq!(risky(other), (1, 1), "another sign-in is a second one");
    let phishing = Alert {
        happened: None,
        ..about(false)
    };
    assert_eq!(risky(phishing), (1, 0), "what is no sign-in is none");
}

#[test]
fn a_list_that_is_not_whole_says_so() {
    let mut model = scene::open((120, 40));
    let mut own = raised("1", "Leaked password", "mara.lind@acme.example");
    own.users_left_out = 900;
    let fault = RecordFault {
        record: "#1".into(),
        reason: "field alertId is not text".into(),
    };
    let read = AlertsRead {
        alerts: vec![own],
        faults: vec![fault],
        truncated: true,
    };
    let message = Message::AlertsRead {
        source: source(),
        result: Ok(read),
    };
    update(&mut model, scene::now(), message);
    let missing = alerts::missing(&model).map(|said| said.to_string());
    let said = "only the newest 1 were read, 1 not readable";
    assert_eq!(missing.as_deref(), Some(said));
    let moment = scene::now();
    let later = quell::domain::freshness::Moment {
        boot: moment.boot + Duration::from_secs(1),
        ..moment
    };
    update(&mut model, later, Message::Key(Chord::char('I')));
    let shown = screen::text(&model, (120, 40));
    assert!(shown.contains("not all alerts: only the newest"), "{shown}");
    assert!(shown.contains("names 900 users more"), "{shown}");
    // Number 101 comes in where one was closed: it is older than what was known.
    let lines = model.log.len();
    let mut older = raised("0", "Moon phase", "mara.lind@acme.example");
    older.at -= TimeDelta::hours(1);
    take(&mut model, Ok(vec![older]));
    assert_eq!(model.log.len(), lines);
    assert_eq!(alerts::of_open(&model).len(), 1);
    assert_eq!(alerts::missing(&model), None);
}

fn last(model: &Model) -> (Level, String) {
    let line = model.log.back().expect("a line");
    (line.level, line.text.to_string())
}

#[test]
fn what_is_new_is_told_once_and_what_failed_too() {
    let mut model = scene::open((120, 40));
    let lines = model.log.len();
    let own = || raised("1", "Leaked password", "MARA.LIND@acme.example");
    take(&mut model, Ok(vec![own()]));
    assert_eq!(
        model.log.len(),
        lines,
        "what is there at the first look is not new"
    );
    assert_eq!(
        alerts::of_open(&model).len(),
        1,
        "letters of an address are small or not"
    );
    let events = model.open.as_ref().map(|open| open.activity.activity.len());
    let two = vec![own(), raised("2", "Moon phase", "mara.lind@acme.example")];
    take(&mut model, Ok(two.clone()));
    let about = "Okta: new alert: Moon phase, mara.lind@acme.example".to_owned();
    assert_eq!(last(&model), (Level::Warning, about));
    let now = model.open.as_ref().map(|open| open.activity.activity.len());
    assert_eq!(now, events.map(|count| count + 1));
    take(&mut model, Ok(two.clone()));
    assert_eq!(model.log.len(), lines + 1);
    let mut more = two.clone();
    more.extend([
        raised("3", "A", "x@acme.example"),
        raised("4", "B", "y@acme.example"),
    ]);
    take(&mut model, Ok(more));
    let others = "Okta: 2 new alerts, such as A, x@acme.example".to_owned();
    assert_eq!(last(&model), (Level::Info, others));
    assert_eq!(alerts::of_open(&model).len(), 2);
    let failed = |refused| {
        Err(NoAlerts {
            fault: Fault::new("no answer in time"),
            refused,
        })
    };
    for _ in 0..3 {
        take(&mut model, failed(false));
    }
    assert_eq!(model.log.len(), lines + 3, "a failure is said once");
    assert_eq!(alerts::of_open(&model).len(), 2, "what was read stays");
    assert!(alerts::unread(&model).is_some());
    take(&mut model, Ok(two));
    assert_eq!(last(&model).1, "Okta: alerts can be read again");
    assert!(alerts::unread(&model).is_none());
}

#[test]
fn an_alert_from_before_the_window_is_no_event_of_it() {
    let mut model = scene::open((120, 40));
    let before = model.open.as_ref().map(|open| open.activity.activity.len());
    let mut old = raised("1", "Leaked password", "mara.lind@acme.example");
    old.at = scene::now().utc - TimeDelta::days(20);
    take(&mut model, Ok(vec![old]));
    assert_eq!(alerts::of_open(&model).len(), 1);
    let now = model.open.as_ref().map(|open| open.activity.activity.len());
    assert_eq!(now, before);
}

#[test]
fn hostile_text_of_an_alert_does_not_reach_the_terminal() {
    for size in [(120, 40), (80, 24)] {
        let mut model = scene::open(size);
        let mut nasty = raised("1", scene::HOSTILE, "mara.lind@acme.example");
        let text = || Some(Untrusted::new(scene::HOSTILE));
        (nasty.threat, nasty.status, nasty.told) = (text(), text(), text());
        (nasty.source_ip, nasty.also) = (text(), vec![Untrusted::new(scene::HOSTILE)]);
        take(&mut model, Ok(Vec::new()));
        take(&mut model, Ok(vec![nasty]));
        let shown = screen::text(&model, size);
        assert!(shown.contains("Okta alert HIGH"), "{shown}");
        let moment = scene::now();
        let later = quell::domain::freshness::Moment {
            boot: moment.boot + Duration::from_secs(1),
            ..moment
        };
        update(&mut model, later, Message::Key(Chord::char('I')));
        let card = screen::text(&model, size);
        for frame in [shown, card] {
            let control = frame.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(control, None);
            assert!(!frame.contains('\u{202e}') && !frame.contains('\u{200b}'));
        }
    }
}
