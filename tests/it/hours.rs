//! The drill's story holds at every hour of the week: what it shows must not depend on when it is started.

use chrono::{DateTime, TimeDelta, Utc};
use quell::domain::freshness::Moment;
use quell::domain::timeline::finding::Rule;
use quell::drill::Options;
use quell::drill::clock::Clock;

use crate::harness::app::{Setting, TestApp, TestClock, company_of};

/// A Monday at midnight.
const MONDAY: i64 = 1_793_577_600;

#[tokio::test(flavor = "multi_thread")]
async fn slow_the_story_has_its_finding_at_every_hour_of_the_week() {
    for step in 0..24 {
        let start: DateTime<Utc> =
            DateTime::from_timestamp(MONDAY, 0).expect("a time") + TimeDelta::hours(step * 7);
        let clock = Clock::fixed(start);
        let drill = company_of(Options {
            clock,
            ..Options::default()
        })
        .await;
        let state = tempfile::tempdir().expect("a temporary directory");
        let setting = Setting {
            clock: TestClock::still(Moment {
                utc: start,
                boot: std::time::Duration::from_secs(9_000),
            }),
            ..Setting::default()
        };
        let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
        app.until("the queue is filled", |model| model.queue.heard)
            .await;
        app.keys("/mara<Enter>g<Enter>");
        let model = app
            .until("the activity is there", |model| {
                model
                    .open
                    .as_ref()
                    .is_some_and(|open| open.activity.ended.is_some())
            })
            .await;
        let findings: Vec<Rule> = model
            .open
            .iter()
            .flat_map(|open| &open.activity.findings)
            .map(|f| f.rule)
            .collect();
        assert!(findings.contains(&Rule::BruteForce), "started {start}");
        app.kill();
    }
}
