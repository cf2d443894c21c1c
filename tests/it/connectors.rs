//! The console's connectors against the simulated company: what they read, what they do, and what they make of faults.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use quell::config::settings::{Mode, Role, Vendor};
use quell::connect::capability::{
    ActivityQuery, ActivitySource, ConnectErrorKind, Page, ProofQuery, Reading, SearchEnd,
};
use quell::connect::registry::Connections;
use quell::connect::secret::Secret;
use quell::domain::account::AccountStatus;
use quell::domain::case::Subject;
use quell::domain::containment::confirm::ConfirmedAction;
use quell::domain::containment::kind::ActionKind;
use quell::domain::severity::{CaseStatus, Severity};
use quell::domain::text::Untrusted;
use quell::domain::timeline::activity::{Activity, Event, Outcome};
use quell::domain::timeline::finding::{Context as FindingContext, Rule, Tuning, detect};
use quell::drill::Options;
use serde_json::{Value, json};
use url::Url;

use crate::wiretap::{Tapped, connection, name, settings, start};

const LOGS: &str = "/api/v1/logs";

fn proof(kind: ActionKind, account: &quell::domain::account::Account) -> ProofQuery {
    ProofQuery {
        kind,
        item: None,
        account: account.id.clone(),
        not_before: account.server_date,
        before: account.password_changed,
        request_id: None,
        path: None,
        ahead: 0,
        used: Vec::new(),
        others: Vec::new(),
        after: None,
    }
}

fn query(house: &Tapped, limit: usize) -> ActivityQuery {
    ActivityQuery {
        user: vec![Untrusted::new(house.drill.victim_id())],
        since: start() - TimeDelta::days(3),
        until: None,
        limit,
    }
}

async fn search(
    source: &dyn ActivitySource,
    query: &ActivityQuery,
) -> (Vec<Page<Event>>, SearchEnd) {
    let mut pages = Vec::new();
    let mut take = |page| {
        pages.push(page);
        true
    };
    let end = source.search(query, &mut take).await.unwrap();
    (pages, end)
}

#[tokio::test]
async fn an_account_is_found_and_read_whole() {
    let house = Tapped::new().await;
    let account = house.victim().await;
    assert_eq!(account.status, AccountStatus::Active);
    assert_eq!(account.id.raw(), house.drill.victim_id());
    assert!(
        account
            .groups
            .as_ref()
            .is_some_and(|groups| !groups.is_empty())
    );
    assert!(account.roles.is_some() && account.factors.is_some());
    assert!(
        account
            .token_clients
            .as_ref()
            .is_some_and(|clients| !clients.is_empty())
    );
    assert!(account.server_date.is_some());
    assert_eq!(account.gaps, []);
    let by_login = house.identity().find(&account.login).await.unwrap();
    assert_eq!(
        by_login.iter().map(|a| &a.id).collect::<Vec<_>>(),
        [&account.id]
    );
    let (own, login) = house.identity().own_account().await.unwrap();
    assert_ne!(own, account.id);
    assert!(login.raw().starts_with("kim.aster"));
}

#[tokio::test]
async fn two_accounts_with_one_mail_are_both_found_and_a_short_login_finds_none() {
    let house = Tapped::new().await;
    let twins = house
        .identity()
        .find(&Untrusted::new("jonas.okafor@acme.example"))
        .await
        .unwrap();
    assert_eq!(twins.len(), 2, "{twins:?}");
    for name in [
        "me",
        "nobody@acme.example",
        "a\" or profile.login pr or \"",
        "a/b",
        "..",
        "",
    ] {
        let found = house.identity().find(&Untrusted::new(name)).await.unwrap();
        assert_eq!(found, [], "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_of_an_account_is_a_gap_not_an_empty_list() {
    let house = Tapped::new().await;
    house.fault(&json!({"server": "identity", "fault": "bad_json", "path": "/groups"}));
    let account = house.victim().await;
    assert_eq!(account.groups, None);
    assert_eq!(account.gaps.len(), 1);
    assert!(
        account.gaps[0]
            .raw()
            .starts_with("groups could not be read"),
        "{:?}",
        account.gaps
    );
    assert!(account.roles.is_some());
}

async fn prove(house: &Tapped, query: &ProofQuery) -> Reading {
    house.identity().read_back(query).await.unwrap()
}

#[tokio::test]
async fn a_containment_is_done_in_order_and_proven() {
    let house = Tapped::new().await;
    let account = house.victim().await;
    let kinds = [ActionKind::DisableAccount, ActionKind::RevokeSessions];
    let actions = house.confirm(&account, &kinds);
    let order: Vec<_> = actions.iter().map(ConfirmedAction::kind).collect();
    let revoke = ActionKind::RevokeSessions;
    assert_eq!(order, [revoke, ActionKind::DisableAccount, revoke]);
    let mut used = Vec::new();
    for action in &actions {
        let mut query = proof(action.kind(), &account);
        query.used.clone_from(&used);
        let before = prove(&house, &query).await;
        assert_eq!(before.matches, Some(false), "{before:?}");
        let accepted = house.identity().perform(action, None).await.unwrap();
        assert!(accepted.request_id.is_some() && accepted.server_date.is_some());
        query.request_id = accepted.request_id;
        let reading = prove(&house, &query).await;
        assert_eq!(reading.matches, Some(true), "{reading:?}");
        used.extend(reading.used);
    }
    assert_eq!(used.len(), 2);
    assert_ne!(used[0], used[1]);
    let last = proof(revoke, &account);
    let evidence = prove(&house, &last).await.evidence;
    assert!(
        evidence.raw().contains("user.session.clear") && evidence.raw().contains("refresh token")
    );
    // Both entries prove one action each; a third finds nothing.
    let reading = prove(&house, &ProofQuery { used, ..last }).await;
    assert_eq!(reading.matches, Some(false));
    let enable = house.confirm(&house.victim().await, &[ActionKind::EnableAccount]);
    house.identity().perform(&enable[0], None).await.unwrap();
    let reading = prove(&house, &proof(ActionKind::EnableAccount, &account)).await;
    assert_eq!(reading.matches, Some(true));
}

#[tokio::test]
async fn the_entry_of_our_own_request_proves_it_whatever_the_clock_of_the_answers_says() {
    let house = Tapped::new().await;
    let account = house.victim().await;
    let kinds = [ActionKind::RevokeSessions];
    let action = house.confirm(&account, &kinds).remove(0);
    let accepted = house.identity().perform(&action, None).await.unwrap();
    // At the look before the send that clock was ahead of the log's.
    let ahead = account
        .server_date
        .map(|date| date + TimeDelta::seconds(30));
    let unanswered = ProofQuery {
        not_before: ahead,
        ..proof(action.kind(), &account)
    };
    let read = prove(&house, &unanswered).await;
    assert_eq!((read.matches, &read.used), (None, &None), "{read:?}");
    let says = "may be that of this request or of another";
    assert!(read.evidence.raw().contains(says), "{read:?}");
    let answered = ProofQuery {
        request_id: accepted.request_id,
        ..unanswered
    };
    let read = prove(&house, &answered).await;
    assert_eq!(read.matches, Some(true), "{read:?}");
    assert!(read.used.is_some());
}

#[tokio::test]
async fn an_accepted_action_without_effect_is_never_proven() {
    let house = Tapped::new().await;
    let account = house.victim().await;
    house.fault(&json!({"server": "identity", "fault": "accepted_without_effect"}));
    for action in house.confirm(
        &account,
        &[ActionKind::DisableAccount, ActionKind::RevokeSessions],
    ) {
        let accepted = house.identity().perform(&action, None).await.unwrap();
        let mut query = proof(action.kind(), &account);
        query.request_id = accepted.request_id;
        assert_eq!(prove(&house, &query).await.matches, Some(false));
    }
}

#[tokio::test]
async fn sessions_are_not_proven_to_be_gone_while_a_refresh_token_is_listed() {
    let house = Tapped::new().await;
    let account = house.victim().await;
    let action = house
        .confirm(&account, &[ActionKind::RevokeSessions])
        .remove(0);
    house.fault(&json!({"server": "identity", "fault": "stale_reads", "path": "/clients"}));
    house.identity().perform(&action, None).await.unwrap();
    let query = proof(action.kind(), &account);
    let reading = prove(&house, &query).await;
    assert_eq!((reading.matches, reading.used), (Some(false), None));
    assert!(
        reading
            .evidence
            .raw()
            .contains("a refresh token is still listed"),
        "{:?}",
        reading.evidence
    );
    house.fault(&json!({"server": "identity", "fault": "none"}));
    assert_eq!(prove(&house, &query).await.matches, Some(true));
    house.fault(&json!({"server": "identity", "fault": "bad_json", "path": "/clients"}));
    assert_eq!(prove(&house, &query).await.matches, None);
}

#[tokio::test]
async fn a_write_is_sent_once_whatever_happens_and_says_what_is_certain() {
    for (fault, kind) in [
        ("500", ConnectErrorKind::Unknown),
        ("reset_before_effect", ConnectErrorKind::Unknown),
        ("reply_lost_after_effect", ConnectErrorKind::Unknown),
        ("redirect", ConnectErrorKind::Unknown),
        ("429", ConnectErrorKind::Throttled(0)),
    ] {
        let house = Tapped::new().await;
        let account = house.victim().await;
        let action = house
            .confirm(&account, &[ActionKind::DisableAccount])
            .remove(0);
        house.seen();
        house.fault(&json!({"server": "identity", "fault": fault, "path": "/lifecycle/"}));
        let error = house
            .identity()
            .perform(&action, None)
            .await
            .map(|_| ())
            .unwrap_err();
        match (error.kind, kind) {
            (ConnectErrorKind::Throttled(wait), ConnectErrorKind::Throttled(_)) => {
                assert!((1..=300).contains(&wait));
            }
            (got, wanted) => assert_eq!(got, wanted, "{fault}: {error}"),
        }
        let sent = house
            .seen()
            .iter()
            .filter(|seen| seen.method == "POST")
            .count();
        assert_eq!(sent, 1, "{fault}");
        let shown = error.to_string();
        assert!(
            !shown.contains(account.id.raw()) && shown.contains("/lifecycle/suspend"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn suspending_twice_is_rejected_in_the_vendors_words() {
    let house = Tapped::new().await;
    let account = house.victim().await;
    let action = house
        .confirm(&account, &[ActionKind::DisableAccount])
        .remove(0);
    house.identity().perform(&action, None).await.unwrap();
    let error = house
        .identity()
        .perform(&action, None)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        (error.kind, error.status),
        (ConnectErrorKind::Rejected, Some(400))
    );
    assert!(error.what.as_str().contains("E0000001"), "{error}");
}

#[tokio::test]
async fn a_read_survives_a_fault_that_passes() {
    let house = Tapped::new().await;
    for fault in ["500", "reset_before_effect", "half_body"] {
        house.fault(&json!({"server": "identity", "fault": fault, "count": 2}));
        let (own, _) = house.identity().own_account().await.unwrap();
        assert!(house.identity().account(&own).await.is_ok(), "{fault}");
    }
}

#[tokio::test]
async fn the_identity_providers_own_log_is_activity() {
    let house = Tapped::new().await;
    let (pages, end) = search(house.identity_log(), &query(&house, 10_000)).await;
    let count: usize = pages.iter().map(|page| page.items.len()).sum();
    assert_eq!((end.events, end.truncated), (count, false));
    assert!(count > 10);
    assert!(pages.iter().all(|page| page.faults.is_empty()));
    let before = count;
    house.drill.advance(3);
    let (pages, _) = search(house.identity_log(), &query(&house, 10_000)).await;
    let after: Vec<&Event> = pages.iter().flat_map(|page| &page.items).collect();
    assert!(after.len() >= before);
    let (_, cut) = search(house.identity_log(), &query(&house, 5)).await;
    assert_eq!(
        cut,
        SearchEnd {
            events: 5,
            truncated: true
        }
    );
}

/// Gives the entries of the System Log that were answered so far.
fn entries(house: &Tapped) -> Vec<Value> {
    let seen = house.seen();
    let logs = seen.iter().filter(|one| one.path.starts_with(LOGS));
    let bodies = logs.filter_map(|one| one.answer.as_ref());
    bodies
        .flat_map(|(_, body)| serde_json::from_slice::<Vec<Value>>(body).unwrap())
        .collect()
}

/// A page of Okta may hold fewer entries than were asked for and still not be the last.
#[tokio::test]
async fn a_page_of_okta_that_is_not_full_is_not_the_end() {
    let house = Tapped::new().await;
    let polled = query(&house, 10_000);
    let bounded = ActivityQuery {
        until: Some(start() + TimeDelta::hours(1)),
        ..polled.clone()
    };
    search(house.identity_log(), &polled).await;
    let all = entries(&house);
    let [one, other] = [0, 1].map(|at| json!([all[at]]));
    // Polling names a next page always, and ends at an empty one; a closed span ends without a link.
    house.say("after=2", Some("/api/v1/logs?after=3"), &json!([]));
    house.say("after=1", Some("/api/v1/logs?after=2"), &other);
    house.say(LOGS, Some("/api/v1/logs?after=1"), &one);
    let (pages, end) = search(house.identity_log(), &polled).await;
    assert_eq!((end, pages.len()), (end_of(2, false), 3));
    let few = ActivityQuery { limit: 1, ..polled };
    let (_, end) = search(house.identity_log(), &few).await;
    assert_eq!(end, end_of(1, true));
    house.say_nothing();
    house.say("after=1", None, &other);
    house.say(LOGS, Some("/api/v1/logs?after=1"), &one);
    let (pages, end) = search(house.identity_log(), &bounded).await;
    assert_eq!((end, pages.len()), (end_of(2, false), 2));
}

#[tokio::test]
async fn what_is_behind_a_page_that_is_not_full_is_no_refutation() {
    let house = Tapped::new().await;
    let account = house.victim().await;
    let kinds = [ActionKind::RevokeSessions];
    let action = house.confirm(&account, &kinds).remove(0);
    let accepted = house.identity().perform(&action, None).await.unwrap();
    let query = ProofQuery {
        request_id: accepted.request_id,
        ..proof(action.kind(), &account)
    };
    house.seen();
    assert_eq!(prove(&house, &query).await.matches, Some(true));
    let own = entries(&house).remove(0);
    let mut other = own.clone();
    other["uuid"] = json!("another");
    other["actor"]["id"] = json!("00uAnother");
    house.say("after=2", Some("/api/v1/logs?after=3"), &json!([]));
    house.say("after=1", Some("/api/v1/logs?after=2"), &json!([own]));
    house.say(LOGS, Some("/api/v1/logs?after=1"), &json!([other]));
    let read = prove(&house, &query).await;
    assert_eq!(read.matches, Some(true), "{read:?}");
    // Only what was read to its end refutes: twenty pages are not.
    house.say_nothing();
    house.say(LOGS, Some("/api/v1/logs?after=1"), &json!([other]));
    let read = prove(&house, &query).await;
    assert_eq!(read.matches, None, "{read:?}");
    assert!(read.evidence.raw().contains("the rest was not read"));
    house.say_nothing();
    house.say("after=1", Some("/api/v1/logs?after=2"), &json!([]));
    house.say(LOGS, Some("/api/v1/logs?after=1"), &json!([other]));
    assert_eq!(prove(&house, &query).await.matches, Some(false));
}

#[tokio::test]
async fn a_search_that_left_remote_clusters_out_is_a_part() {
    let house = Tapped::new().await;
    let body = json!({
        "timed_out": false, "_shards": {"total": 2, "successful": 2, "skipped": 0, "failed": 0},
        "_clusters": {"total": 2, "successful": 1, "skipped": 1, "running": 0, "partial": 0, "failed": 0},
        "hits": {"hits": []},
    });
    house.say("/_search", None, &body);
    let (pages, end) = search(house.siem(), &query(&house, 100)).await;
    assert_eq!(end, end_of(0, true));
    let faults: Vec<_> = pages.iter().flat_map(|page| &page.faults).collect();
    assert_eq!(faults.len(), 1);
    let reason = faults[0].reason.raw();
    assert_eq!(reason, "1 of 2 remote clusters were not searched");
    assert_eq!(house.drill.open_pits(), 0);
}

#[tokio::test]
async fn cases_are_listed_open_ones_first_and_read_whole() {
    let house = Tapped::with(Options {
        cases: 250,
        ..Options::default()
    })
    .await;
    let all = house.cases().list(1_000).await.unwrap();
    assert!(all.items.len() > 250 && !all.truncated && all.faults.is_empty());
    let first_closed = all
        .items
        .iter()
        .position(|case| !case.status.is_open())
        .unwrap();
    assert!(
        all.items[first_closed..]
            .iter()
            .all(|case| case.status == CaseStatus::Closed)
    );
    assert!(
        all.items[..first_closed]
            .windows(2)
            .all(|pair| pair[0].created >= pair[1].created)
    );
    let cut = house.cases().list(7).await.unwrap();
    assert_eq!((cut.items.len(), cut.truncated), (7, true));
    let story = all
        .items
        .iter()
        .find(|case| case.title.raw().starts_with("Impossible travel"))
        .unwrap();
    let file = house.cases().open(&story.id).await.unwrap();
    assert_eq!(file.case.severity, Severity::Critical);
    assert!(file.observables.len() >= 4 && file.alerts.len() >= 2 && file.tasks.len() >= 3);
    assert_eq!(file.faults, []);
    assert_eq!(
        file.alerts
            .iter()
            .filter_map(|alert| alert.blocked)
            .collect::<Vec<_>>(),
        [false]
    );
    let sources = [quell::domain::case::UserSource::TagPrefix(
        "user:".to_owned(),
    )];
    assert!(
        matches!(file.subject(&sources), Subject::User(login) if login.raw().starts_with("mara.lind"))
    );
}

#[tokio::test]
async fn a_comment_is_posted_once_and_found_by_its_marker() {
    let house = Tapped::new().await;
    let case = house.cases().list(50).await.unwrap().items.remove(0).id;
    for index in 0..150 {
        house
            .cases()
            .comment(&case, &format!("note {index}"))
            .await
            .unwrap();
    }
    assert_eq!(
        house.cases().find_comment(&case, "MARKER-1").await.unwrap(),
        []
    );
    house.fault(&json!({"server": "cases", "fault": "reply_lost_after_effect", "path": "/comment", "count": 1}));
    house.seen();
    let error = house
        .cases()
        .comment(&case, "done MARKER-1")
        .await
        .unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Unknown);
    assert_eq!(
        house
            .seen()
            .iter()
            .filter(|seen| seen.path.ends_with("/comment"))
            .count(),
        1
    );
    let found = house.cases().find_comment(&case, "MARKER-1").await.unwrap();
    assert_eq!(found.len(), 1);
    let operator = house.cases().who_am_i().await.unwrap();
    assert_eq!(operator.login.as_ref(), Some(&found[0].author));
    assert!(!operator.shared);
}

#[tokio::test]
async fn activity_is_read_page_by_page_newest_first_and_its_view_is_closed() {
    let house = Tapped::with(Options {
        events: 6_000,
        ..Options::default()
    })
    .await;
    let everything = ActivityQuery {
        user: vec![
            Untrusted::new(house.drill.victim_id()),
            Untrusted::new("kim.aster@acme.example"),
        ],
        since: start() - TimeDelta::days(400),
        until: None,
        limit: 100_000,
    };
    let (pages, end) = search(house.siem(), &everything).await;
    let events: Vec<&Event> = pages.iter().flat_map(|page| &page.items).collect();
    assert_eq!((events.len(), false), (end.events, end.truncated));
    assert!(events.windows(2).all(|pair| pair[0].at >= pair[1].at));
    assert!(events.iter().any(|event| event.outcome == Outcome::Failure));
    assert_eq!(house.drill.open_pits(), 0);
    let mut cut = everything.clone();
    cut.limit = 25;
    let (pages, end) = search(house.siem(), &cut).await;
    assert_eq!(
        end,
        SearchEnd {
            events: 25,
            truncated: true
        }
    );
    let newest: Vec<_> = pages
        .iter()
        .flat_map(|page| &page.items)
        .map(|event| &event.id)
        .collect();
    assert_eq!(
        newest,
        events
            .iter()
            .take(25)
            .map(|event| &event.id)
            .collect::<Vec<_>>()
    );
    cut.limit = events.len();
    assert_eq!(
        search(house.siem(), &cut).await.1,
        end_of(events.len(), false)
    );
    assert_eq!(house.drill.open_pits(), 0);
}

#[tokio::test]
async fn the_guessing_is_the_first_odd_thing_on_every_day_of_the_week() {
    for hours in (0..168).step_by(7) {
        let now = start() + TimeDelta::hours(hours);
        for seed in [7, 8 + hours.unsigned_abs()] {
            let options = Options {
                seed,
                ..Options::default()
            };
            let house = Tapped::at(now, options).await;
            let mut asked = query(&house, 5_000);
            asked.since = now - TimeDelta::hours(72);
            let (pages, _) = search(house.siem(), &asked).await;
            let mut activity = Activity::default();
            activity.extend(pages.into_iter().flat_map(|page| page.items));
            let found = detect(&activity, &Tuning::default(), &FindingContext::default());
            let first = found.first().map(|finding| finding.rule);
            assert_eq!(first, Some(Rule::BruteForce), "at {now}, seed {seed}");
        }
    }
}

fn end_of(events: usize, truncated: bool) -> SearchEnd {
    SearchEnd { events, truncated }
}

#[tokio::test]
async fn a_bad_record_is_a_named_fault_and_the_rest_passes() {
    let house = Tapped::new().await;
    for (server, path) in [("siem", "/_search"), ("cases", "/query")] {
        house.fault(&json!({"server": server, "fault": "bad_record", "path": path}));
    }
    let (pages, end) = search(house.siem(), &query(&house, 10_000)).await;
    let faults: Vec<_> = pages.iter().flat_map(|page| &page.faults).collect();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].reason.raw(), "field @timestamp is not a time");
    assert!(end.events > 10);
    let cases = house.cases().list(100).await.unwrap();
    assert!(!cases.items.is_empty() && !cases.faults.is_empty());
}

#[tokio::test]
async fn a_view_is_closed_after_a_failure_and_when_nobody_wants_more() {
    let house = Tapped::new().await;
    house.fault(&json!({"server": "siem", "fault": "bad_json", "path": "/_search"}));
    let mut take = |_page| true;
    let error = house
        .siem()
        .search(&query(&house, 10), &mut take)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Malformed);
    assert_eq!(house.drill.open_pits(), 0);
    house.fault(&json!({"server": "siem", "fault": "none"}));
    let mut pages = 0;
    let mut stop = |_page| {
        pages += 1;
        false
    };
    house
        .siem()
        .search(&query(&house, 10_000), &mut stop)
        .await
        .unwrap();
    assert_eq!((pages, house.drill.open_pits()), (1, 0));
}

#[tokio::test]
async fn alerts_of_the_siem_are_read() {
    let house = Tapped::new().await;
    let alerts = house.siem().alerts(10).await.unwrap();
    let titles: Vec<&str> = alerts.items.iter().map(|alert| alert.title.raw()).collect();
    assert!(titles.contains(&"Impossible travel"), "{titles:?}");
    assert!(
        alerts
            .items
            .iter()
            .all(|alert| alert.user_id.is_some() && alert.severity > Severity::Low)
    );
    let cut = house.siem().alerts(1).await.unwrap();
    assert_eq!((cut.items.len(), cut.truncated), (1, true));
}

#[tokio::test]
async fn a_foreign_next_link_and_a_huge_answer_are_refused() {
    let house = Tapped::new().await;
    house.fault(&json!({"server": "identity", "fault": "foreign_next", "path": "/logs"}));
    let mut take = |_page| true;
    let error = house
        .identity_log()
        .search(&query(&house, 10_000), &mut take)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Malformed);
    assert!(error.to_string().contains("another origin"), "{error}");
    house.fault(&json!({"server": "cases", "fault": "huge_body", "path": "/query"}));
    let error = house.cases().list(10).await.unwrap_err();
    assert!(
        matches!(
            error.kind,
            ConnectErrorKind::Malformed | ConnectErrorKind::Unknown
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_drill_refuses_a_real_host_and_a_missing_secret_is_a_fault() {
    let real = connection(Vendor::Okta, Url::parse("https://acme.okta.com").unwrap());
    let no_secret = connection(Vendor::Thehive, Url::parse("http://127.0.0.1:9").unwrap());
    let secrets = BTreeMap::from([(real.name.clone(), Secret::new("x".to_owned()))]);
    let made = Connections::build(&settings(vec![real, no_secret]), secrets);
    let said: Vec<String> = made
        .faults
        .iter()
        .map(|(_, error)| error.to_string())
        .collect();
    assert_eq!(said.len(), 2);
    assert!(
        said[0].contains("loopback") && said[1].contains("secret"),
        "{said:?}"
    );
    assert!(made.identity.is_empty() && made.cases.is_empty());
}

#[tokio::test]
async fn a_wall_and_a_read_only_console_have_nothing_to_write_with() {
    let house = Tapped::new().await;
    let case = house.cases().list(1).await.unwrap().items.remove(0).id;
    let endpoints = [
        (Vendor::Okta, house.drill.identity()),
        (Vendor::Thehive, house.drill.cases()),
        (Vendor::Elasticsearch, house.drill.siem()),
    ];
    let all = endpoints
        .iter()
        .map(|(vendor, at)| connection(*vendor, Url::parse(&at.url).unwrap()));
    let mut told = settings(all.collect());
    let secrets = |with_identity: bool| -> BTreeMap<_, _> {
        let wanted = endpoints
            .iter()
            .filter(|(vendor, _)| with_identity || *vendor != Vendor::Okta);
        wanted
            .map(|(vendor, at)| (name(vendor.word()), Secret::new(at.token.to_owned())))
            .collect()
    };
    told.connections[0].roles.remove(&Role::Activity);
    let wall = Connections::build_watching(&told, secrets(false));
    assert!(wall.identity.is_empty() && wall.identity_logs.is_empty() && wall.faults.is_empty());
    told.environment.mode = Mode::ReadOnly;
    let console = Connections::build(&told, secrets(true));
    let account = house.victim().await;
    let action = house
        .confirm(&account, &[ActionKind::DisableAccount])
        .remove(0);
    let refused = console.identity[0]
        .perform(&action, None)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.kind, ConnectErrorKind::NotSent);
    for built in [&wall, &console] {
        assert!(!built.cases[0].list(5).await.unwrap().items.is_empty());
        let refused = built.cases[0].comment(&case, "note").await.unwrap_err();
        assert_eq!(refused.kind, ConnectErrorKind::NotSent);
        assert!(refused.to_string().contains("only reads"), "{refused}");
    }
    assert_eq!(house.drill.ledger().effects(), []);
}

#[tokio::test]
async fn slow_an_entry_that_was_not_reached_is_not_a_no() {
    let house = Tapped::with(Options {
        rate_limit: 1_000_000,
        ..Options::default()
    })
    .await;
    let account = house
        .identity()
        .find(&"mara.lind@acme.example".into())
        .await
        .unwrap()
        .remove(0);
    let identity = house.drill.identity();
    let url = format!(
        "{}/api/v1/users/{}/sessions",
        identity.url,
        account.id.raw()
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // Twenty pages of two hundred are read; one entry more stays unread.
    for _ in 0..4_001 {
        let answer = client
            .delete(&url)
            .header("authorization", format!("SSWS {}", identity.token))
            .send()
            .await;
        assert!(answer.unwrap().status().is_success());
    }
    // Nothing known of the request but an id that no entry has: none of them proves it.
    let mut asked = proof(ActionKind::RevokeSessions, &account);
    asked.not_before = None;
    asked.request_id = Some("of another world".into());
    let reading = house.identity().read_back(&asked).await.unwrap();
    assert_eq!(reading.matches, None, "{}", reading.evidence.raw());
    assert!(
        reading.evidence.raw().contains("was not read"),
        "{}",
        reading.evidence.raw()
    );
}
