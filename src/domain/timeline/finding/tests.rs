//! Each rule with what fires it and what does not, and laws that hold for all.

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use rstest::rstest;

use super::{Confidence, Context, Finding, Rule, Tuning, detect};
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::{Activity, Event, Outcome};
use crate::domain::timeline::event::{Act, Geo, Network, Party, Set, Signal, Term as _};
use crate::domain::timeline::lane::Lane;

const DAY: i64 = 1_440;

fn party(name: &str) -> Party {
    Party {
        id: Some(format!("id-{name}").into()),
        name: Some(format!("{name}@x.org").into()),
        email: None,
    }
}

/// Makes a sign-in of mara from home at a minute since 1970.
fn sign_in(minute: i64) -> Event {
    Event {
        at: DateTime::<Utc>::UNIX_EPOCH + Duration::minutes(minute),
        lane: Lane::SignIn,
        act: Some(Act::SignIn),
        outcome: Outcome::Success,
        user: party("mara"),
        ip: Some("198.51.100.7".into()),
        geo: Geo {
            city: Some("Berlin".into()),
            country: Some("Germany".into()),
            point: Some((52.52, 13.405)),
            ..Geo::default()
        },
        network: Network {
            number: Some(64_500),
            organization: Some("Example ISP".into()),
        },
        agent: Some("Firefox/144.0".into()),
        ..Event::default()
    }
}

/// Makes it come from Lagos, from another network, by another program.
fn lagos(event: Event) -> Event {
    Event {
        ip: Some("203.0.113.9".into()),
        geo: Geo {
            city: Some("Lagos".into()),
            country: Some("Nigeria".into()),
            point: Some((6.5244, 3.3792)),
            ..Geo::default()
        },
        network: Network {
            number: Some(64_666),
            organization: None,
        },
        agent: Some("python-requests/2.32".into()),
        ..event
    }
}

fn failed(event: Event) -> Event {
    Event {
        outcome: Outcome::Failure,
        ..event
    }
}

fn act(act: Act, event: Event) -> Event {
    Event {
        act: Some(act),
        lane: Lane::AccountChange,
        ..event
    }
}

fn with(signal: Signal, mut event: Event) -> Event {
    event.signals.insert(signal);
    event
}

/// Twenty days of work from home.
fn month() -> Vec<Event> {
    (0..20).map(|day| sign_in(day * DAY + 540)).collect()
}

fn after(more: Vec<Event>) -> Vec<Event> {
    let mut all = month();
    all.extend(more);
    all
}

fn found(events: Vec<Event>) -> Vec<Finding> {
    let mut activity = Activity::default();
    let numbered = events.into_iter().enumerate().map(|(at, event)| Event {
        id: format!("e{at:05}").into(),
        ..event
    });
    activity.merge(numbered);
    detect(&activity, &Tuning::default(), &Context::default())
}

fn level(events: Vec<Event>, rule: Rule) -> Option<Confidence> {
    let found = found(events);
    let own = found.into_iter().filter(|one| one.rule == rule);
    own.map(|one| one.confidence).max()
}

const NOW: i64 = 21 * DAY;
use Confidence::{High, Low, Medium};

fn several(count: i64, make: impl Fn(i64) -> Event) -> Vec<Event> {
    (0..count).map(|at| make(NOW + at)).collect()
}

fn spray(users: i64, good: i64, ok: bool) -> Vec<Event> {
    let user = |at: i64| party(&format!("u{at}"));
    let mut all = several(users, |at| Event {
        user: user(at),
        ..failed(lagos(sign_in(at)))
    });
    all.extend((0..good).map(|at| Event {
        user: user(NOW + at),
        ..lagos(sign_in(NOW + users + at))
    }));
    all.extend(ok.then(|| lagos(sign_in(NOW + users))));
    all
}

fn prompts(denied: i64, pass: bool) -> Vec<Event> {
    let mut all = several(denied, |at| {
        act(Act::MfaPrompt, with(Signal::MfaDenied, failed(sign_in(at))))
    });
    all.extend(pass.then(|| {
        act(
            Act::MfaPrompt,
            with(Signal::MfaPassed, sign_in(NOW + denied)),
        )
    }));
    all
}

#[rstest]
#[case::own_machine(after([several(6, |at| failed(sign_in(at))), vec![sign_in(NOW + 6)]].concat()), Some(Low))]
#[case::elsewhere(after([several(6, |at| failed(lagos(sign_in(at)))), vec![lagos(sign_in(NOW + 6))]].concat()), Some(High))]
#[case::no_baseline([several(6, |at| failed(sign_in(at))), vec![sign_in(NOW + 6)]].concat(), Some(Medium))]
#[case::too_few(after([several(4, |at| failed(sign_in(at))), vec![sign_in(NOW + 4)]].concat()), None)]
#[case::no_success(after(several(40, |at| failed(sign_in(at)))), None)]
fn brute_force(#[case] events: Vec<Event>, #[case] expected: Option<Confidence>) {
    assert_eq!(level(events, Rule::BruteForce), expected);
}

#[rstest]
#[case::then_a_success(after(spray(20, 0, true)), Some(High))]
#[case::no_success(after(spray(20, 0, false)), Some(Medium))]
#[case::few_users(after(spray(5, 0, true)), None)]
#[case::an_office(after(spray(20, 15, false)), None)]
fn password_spray(#[case] events: Vec<Event>, #[case] expected: Option<Confidence>) {
    assert_eq!(level(events, Rule::PasswordSpray), expected);
}

#[rstest]
#[case::many_then_one(after(prompts(12, true)), Some(High))]
#[case::some_then_one(after(prompts(6, true)), Some(Medium))]
#[case::all_denied(after(prompts(12, false)), Some(Medium))]
#[case::few(after(prompts(3, true)), None)]
fn mfa_fatigue(#[case] events: Vec<Event>, #[case] expected: Option<Confidence>) {
    assert_eq!(level(events, Rule::MfaFatigue), expected);
}

#[rstest]
#[case::strange(after(vec![sign_in(NOW), lagos(sign_in(NOW + 30))]), Some(High))]
#[case::a_proxy_may_be_anywhere(after(vec![sign_in(NOW), with(Signal::Proxy, lagos(sign_in(NOW + 30)))]), Some(Medium))]
#[case::own_machine_by_vpn(after(vec![sign_in(NOW), with(Signal::Vpn, Event { agent: sign_in(0).agent, ..lagos(sign_in(NOW + 30)) })]), Some(Low))]
#[case::a_flight(after(vec![sign_in(NOW), lagos(sign_in(NOW + 600))]), None)]
#[case::failed(after(vec![sign_in(NOW), failed(lagos(sign_in(NOW + 30)))]), None)]
#[case::same_city(after(vec![sign_in(NOW), Event { geo: Geo { point: Some((52.4, 13.2)), ..Geo::default() }, ..sign_in(NOW + 1) }]), None)]
fn impossible_travel(#[case] events: Vec<Event>, #[case] expected: Option<Confidence>) {
    assert_eq!(level(events, Rule::ImpossibleTravel), expected);
}

#[test]
fn travel_gives_both_points_times_distance_and_speed() {
    let all = found(after(vec![sign_in(NOW), lagos(sign_in(NOW + 60))]));
    let one = all.iter().find(|one| one.rule == Rule::ImpossibleTravel);
    let reason = one
        .map(|one| one.reason.as_str().to_owned())
        .unwrap_or_default();
    let parts = [
        "Berlin, Germany 1970-01-22 00:00",
        "Lagos, Nigeria 1970-01-22 01:00",
        " 5196 km in 60 min, 5196 km/h",
    ];
    for part in parts {
        assert!(reason.contains(part), "{part} in {reason}");
    }
}

#[rstest]
#[case(Rule::NewCountry, Some(High), Some(Medium))]
#[case(Rule::NewNetwork, Some(Medium), Some(Low))]
#[case(Rule::NewUserAgent, Some(Low), None)]
fn new_against_the_own_days(
    #[case] rule: Rule,
    #[case] elsewhere: Option<Confidence>,
    #[case] with_own_program: Option<Confidence>,
) {
    let own = Event {
        agent: sign_in(0).agent,
        ..lagos(sign_in(NOW))
    };
    assert_eq!(level(after(vec![lagos(sign_in(NOW))]), rule), elsewhere);
    let with_own = level(after(vec![own]), rule);
    assert!(with_own <= with_own_program, "{with_own:?}");
    assert_eq!(
        level(vec![sign_in(0), lagos(sign_in(NOW))], rule),
        None,
        "no baseline"
    );
    assert_eq!(
        level(after(vec![failed(lagos(sign_in(NOW)))]), rule),
        None,
        "failed"
    );
    let twice = found(after(vec![lagos(sign_in(NOW)), lagos(sign_in(NOW + 1))]));
    assert_eq!(
        twice.iter().filter(|one| one.rule == rule).count(),
        1,
        "told once"
    );
}

#[rstest]
#[case::version(Event { agent: Some("Firefox/145.1".into()), ..sign_in(NOW) }, Rule::NewUserAgent, None)]
#[case::new_phone(Event { agent: Some("Phone".into()), ..sign_in(NOW) }, Rule::NewUserAgent, Some(Low))]
#[case::tor(
    with(Signal::Tor, lagos(sign_in(NOW))),
    Rule::AnonymisingNetwork,
    Some(High)
)]
#[case::proxy(
    with(Signal::Proxy, lagos(sign_in(NOW))),
    Rule::AnonymisingNetwork,
    Some(Medium)
)]
#[case::vpn(
    with(Signal::Vpn, lagos(sign_in(NOW))),
    Rule::AnonymisingNetwork,
    Some(Low)
)]
#[case::failed(
    failed(with(Signal::Tor, lagos(sign_in(NOW)))),
    Rule::AnonymisingNetwork,
    None
)]
#[case::legacy(
    with(Signal::LegacyProtocol, sign_in(NOW)),
    Rule::LegacyProtocol,
    Some(Medium)
)]
#[case::legacy_elsewhere(
    with(Signal::LegacyProtocol, lagos(sign_in(NOW))),
    Rule::LegacyProtocol,
    Some(High)
)]
#[case::risk(with(Signal::RiskHigh, sign_in(NOW)), Rule::RiskySignIn, Some(Medium))]
#[case::risk_elsewhere(
    with(Signal::RiskHigh, lagos(sign_in(NOW))),
    Rule::RiskySignIn,
    Some(High)
)]
#[case::risk_failed(
    failed(with(Signal::RiskHigh, lagos(sign_in(NOW)))),
    Rule::RiskySignIn,
    Some(Low)
)]
#[case::some_risk_failed(
    failed(with(Signal::RiskMedium, sign_in(NOW))),
    Rule::RiskySignIn,
    None
)]
#[case::prompt_refused(
    act(Act::MfaPrompt, failed(with(Signal::RiskHigh, sign_in(NOW)))),
    Rule::RiskySignIn,
    Some(Medium)
)]
#[case::lateral(Event { act: Some(Act::LateralMovement), object: Some("srv".into()), ..sign_in(NOW) }, Rule::LateralMovement, Some(Medium))]
fn one_event(#[case] event: Event, #[case] rule: Rule, #[case] expected: Option<Confidence>) {
    assert_eq!(level(after(vec![event]), rule), expected);
}

#[rstest]
#[case(60, Some(Medium))]
#[case(5, None)]
#[case(2 * DAY, None)]
fn the_second_risky_sign_in(#[case] later: i64, #[case] expected: Option<Confidence>) {
    let risky = |at| with(Signal::RiskMedium, sign_in(at));
    let events = after(vec![risky(NOW), risky(NOW + later)]);
    assert_eq!(level(events, Rule::SecondRiskySignIn), expected);
}

/// Attempts are told once in the time, and the first sign-in after them is a first one.
#[test]
fn failed_attempts_are_no_first_risky_sign_in() {
    let risky = |at| with(Signal::RiskHigh, sign_in(at));
    let mut events = several(40, |at| failed(risky(at)));
    events.push(risky(NOW + 60));
    let all = found(after(events));
    let told: Vec<(&str, Confidence)> = all
        .iter()
        .filter(|one| one.rule != Rule::BruteForce)
        .map(|one| (one.rule.id(), one.confidence))
        .collect();
    assert_eq!(told, [("risky_sign_in", Low), ("risky_sign_in", Medium)]);
}

#[rstest]
#[case(Act::MfaAdded, Rule::MfaAdded, Low)]
#[case(Act::MfaRemoved, Rule::MfaRemoved, Low)]
#[case(Act::MfaReset, Rule::MfaReset, Low)]
#[case(Act::RecoveryChanged, Rule::RecoveryChanged, Low)]
#[case(Act::PasswordChanged, Rule::PasswordChanged, Low)]
#[case(Act::PasswordReset, Rule::PasswordReset, Low)]
#[case(Act::OauthGrant, Rule::OauthGrant, Low)]
#[case(Act::InboxRule, Rule::InboxRule, Low)]
#[case(Act::Delegate, Rule::DelegateAdded, Low)]
#[case(Act::RoleGranted, Rule::RoleGranted, Low)]
#[case(Act::AccessKey, Rule::AccessKeyCreated, Low)]
#[case(Act::DefenceWeakened, Rule::LoggingDisabled, Low)]
#[case(Act::SensitiveAccess, Rule::SensitiveAccess, Low)]
fn changes(#[case] what: Act, #[case] rule: Rule, #[case] at_home: Confidence) {
    let home = act(what, sign_in(NOW));
    assert_eq!(
        level(after(vec![home.clone()]), rule),
        Some(at_home),
        "at home"
    );
    assert_eq!(level(after(vec![failed(home)]), rule), None, "failed");
    let elsewhere = vec![lagos(sign_in(NOW)), act(what, lagos(sign_in(NOW + 5)))];
    assert_eq!(
        level(after(elsewhere), rule),
        Some(High),
        "after a suspicious sign-in"
    );
    let later = vec![lagos(sign_in(NOW)), act(what, sign_in(NOW + 5))];
    assert_eq!(
        level(after(later), rule),
        Some(at_home),
        "by the user meanwhile"
    );
}

#[rstest]
#[case(Act::InboxRule)]
#[case(Act::Forwarding)]
fn forwarding_outside_is_its_own_rule(#[case] what: Act) {
    let event = act(what, with(Signal::External, lagos(sign_in(NOW))));
    assert_eq!(
        level(after(vec![event.clone()]), Rule::InboxForwarding),
        Some(High)
    );
    assert_eq!(level(after(vec![event]), Rule::InboxRule), None);
}

#[test]
fn what_others_change_is_told_of_the_account_it_was_done_to() {
    let event = Event {
        user: party("helpdesk"),
        target: party("mara"),
        ..act(Act::MfaReset, sign_in(NOW))
    };
    let all = found(after(vec![event]));
    let [one] = all.as_slice() else {
        panic!("one finding tells one event: {all:?}");
    };
    assert_eq!(one.rule, Rule::MfaReset);
    assert_eq!(one.user, Some("mara@x.org".into()));
    assert_eq!(
        one.reason.as_str(),
        "second factors reset, by helpdesk@x.org"
    );
}

#[rstest]
#[case(Act::AccountDisabled, "account disabled, by helpdesk@x.org")]
#[case(Act::AccountDeleted, "account deleted, by helpdesk@x.org")]
#[case(Act::SessionsRevoked, "sessions ended, by helpdesk@x.org")]
fn what_has_no_rule_of_its_own_is_told_as_changed_by_others(
    #[case] what: Act,
    #[case] reason: &str,
) {
    let own = act(what, sign_in(NOW));
    let event = Event {
        user: party("helpdesk"),
        target: party("mara"),
        ..own.clone()
    };
    let all = found(after(vec![event]));
    let told: Vec<(Rule, &str)> = all
        .iter()
        .map(|one| (one.rule, one.reason.as_str()))
        .collect();
    assert_eq!(told, [(Rule::ChangedByOthers, reason)]);
    assert_eq!(level(after(vec![own]), Rule::ChangedByOthers), None);
}

/// An administrator sits where the administrator sits, not where the user does.
#[rstest]
#[case::at_the_own_desk(false, Low)]
#[case::from_elsewhere(true, Medium)]
fn changes_by_others_are_judged_by_the_days_of_who_made_them(
    #[case] strange: bool,
    #[case] expected: Confidence,
) {
    let desk = |at: i64| Event {
        user: party("helpdesk"),
        ..lagos(sign_in(at))
    };
    let from = if strange { sign_in(NOW) } else { desk(NOW) };
    let mut events = month();
    events.extend((0..20).map(|day| desk(day * DAY + 541)));
    events.push(Event {
        user: party("helpdesk"),
        target: party("mara"),
        ..act(Act::PasswordReset, from)
    });
    assert_eq!(level(events, Rule::PasswordReset), Some(expected));
}

#[test]
fn what_a_suspected_administrator_changes_is_weighed_by_that() {
    let admin = |event: Event| Event {
        user: party("admin"),
        ..event
    };
    let mut events = month();
    events.extend(month().into_iter().map(admin));
    events.push(admin(lagos(sign_in(NOW))));
    events.push(Event {
        target: party("mara"),
        ..admin(act(Act::MfaReset, lagos(sign_in(NOW + 5))))
    });
    let all = found(events);
    let one = all.iter().find(|one| one.rule == Rule::MfaReset);
    let one = one.map(|one| (one.confidence, one.reason.as_str()));
    let (confidence, reason) = one.unwrap_or((Low, ""));
    assert_eq!(confidence, High);
    assert!(reason.contains("5 min after"), "{reason}");
    assert!(reason.ends_with("of admin@x.org"), "{reason}");
}

#[rstest]
#[case::plain(None, Low, "password reset, by admin@x.org")]
#[case::kept(
    Some(Signal::Lasting),
    Medium,
    "password reset, by admin@x.org, without asking for a new one"
)]
#[case::support(
    Some(Signal::External),
    Medium,
    "password reset, by admin@x.org from outside the company"
)]
fn passwords_set_by_others(
    #[case] signal: Option<Signal>,
    #[case] expected: Confidence,
    #[case] reason: &str,
) {
    let mut event = Event {
        user: party("admin"),
        target: party("mara"),
        ..act(Act::PasswordReset, sign_in(NOW))
    };
    if let Some(signal) = signal {
        event.signals.insert(signal);
    }
    let all = found(after(vec![event]));
    let told: Vec<(Confidence, &str)> = all
        .iter()
        .map(|one| (one.confidence, one.reason.as_str()))
        .collect();
    assert_eq!(told, [(expected, reason)]);
}

/// What changed a protection is named; a change that does not say that it weakens is of low weight.
#[rstest]
#[case(
    Act::DefenceWeakened,
    "StopLogging",
    Medium,
    "logging or a protection weakened: x (StopLogging)"
)]
#[case(
    Act::ProtectionChanged,
    "policy_update",
    Low,
    "a protection changed: x (policy_update)"
)]
#[case(
    Act::DefenceWeakened,
    "sapi",
    Medium,
    "logging or a protection weakened: x"
)]
fn protections(
    #[case] what: Act,
    #[case] action: &str,
    #[case] expected: Confidence,
    #[case] reason: &str,
) {
    let event = Event {
        action: action.into(),
        object: Some("x".into()),
        ..act(what, sign_in(NOW))
    };
    let all = found(vec![event]);
    let told: Vec<(Confidence, &str)> = all
        .iter()
        .map(|one| (one.confidence, one.reason.as_str()))
        .collect();
    assert_eq!(told, [(expected, reason)]);
}

#[rstest]
#[case(Act::Download, Rule::MassDownload, 60, Some(Medium))]
#[case(Act::Download, Rule::MassDownload, 49, None)]
#[case(Act::Share, Rule::MassSharing, 25, Some(Medium))]
#[case(Act::Share, Rule::MassSharing, 19, None)]
fn masses(
    #[case] what: Act,
    #[case] rule: Rule,
    #[case] count: i64,
    #[case] expected: Option<Confidence>,
) {
    let events = after(several(count, |at| act(what, sign_in(at))));
    assert_eq!(level(events, rule), expected);
}

#[test]
fn the_list_of_sensitive_resources_counts() {
    let mut activity = Activity::default();
    activity.merge([Event {
        object: Some("Payroll 2026.xlsx".into()),
        ..sign_in(0)
    }]);
    let tuning = Tuning {
        sensitive: vec!["payroll".to_owned()],
        ..Tuning::default()
    };
    let all = detect(&activity, &tuning, &Context::default());
    assert!(all.iter().any(|one| one.rule == Rule::SensitiveAccess));
}

fn any_event() -> impl Strategy<Value = Event> {
    let acts = prop::sample::select(Act::ALL.to_vec());
    let signals = prop::collection::vec(prop::sample::select(Signal::ALL.to_vec()), 0..3);
    (
        0_i64..60_000,
        prop::option::of(acts),
        signals,
        0_u8..3,
        0_u8..4,
        any::<bool>(),
        0_u8..3,
    )
        .prop_map(|(minute, act, signals, user, ip, away, outcome)| {
            let base = if away {
                lagos(sign_in(minute))
            } else {
                sign_in(minute)
            };
            Event {
                act,
                signals: Set::of(&signals),
                user: if user == 0 {
                    Party::default()
                } else {
                    party(&format!("u{user}"))
                },
                target: if ip == 3 {
                    party("u1")
                } else {
                    Party::default()
                },
                ip: (ip > 0).then(|| format!("192.0.2.{ip}").into()),
                outcome: [Outcome::Success, Outcome::Failure, Outcome::Unknown]
                    [usize::from(outcome)],
                untimed: minute % 50 == 0,
                object: Some(format!("o{}", minute % 3).into()),
                ..base
            }
        })
}

proptest! {
    #[test]
    fn the_order_of_pages_changes_nothing(
        events in prop::collection::vec(any_event(), 0..80),
        cut in 0_usize..80,
    ) {
        let numbered: Vec<Event> = events
            .into_iter()
            .enumerate()
            .map(|(at, event)| Event { id: format!("e{at:05}").into(), ..event })
            .collect();
        let (early, late) = numbered.split_at(cut.min(numbered.len()));
        let mut one = Activity::default();
        one.merge(numbered.clone());
        let mut other = Activity::default();
        other.merge(late.to_vec());
        other.merge(early.to_vec());
        let tuning = Tuning { failures: 2, spray_users: 2, prompts: 2, downloads: 2, shares: 2, ..Tuning::default() };
        let found = detect(&one, &tuning, &Context::default());
        prop_assert_eq!(&found, &detect(&other, &tuning, &Context::default()));
        for finding in found {
            prop_assert!(finding.evidence.is_sorted());
            prop_assert!(finding.evidence.contains(&finding.row));
        }
    }
}

/// Makes sign-ins of minutes, success and address.
fn activity(rows: &[(i64, bool, &str)]) -> Activity {
    let mut activity = Activity::default();
    let event = |(index, (minute, succeeds, ip)): (usize, &(i64, bool, &str))| Event {
        id: Untrusted::new(index.to_string()),
        at: DateTime::<Utc>::UNIX_EPOCH + Duration::minutes(*minute),
        user: Party {
            name: Some("mara".into()),
            ..Party::default()
        },
        lane: Lane::SignIn,
        action: Untrusted::default(),
        outcome: if *succeeds {
            Outcome::Success
        } else {
            Outcome::Failure
        },
        ip: Some(Untrusted::new(*ip)),
        ..Event::default()
    };
    activity.merge(rows.iter().enumerate().map(event));
    activity
}

#[rstest]
#[case::same_address(&[(100, false, "b"), (101, false, "b"), (102, true, "b")], Some("2 failures, then success"))]
#[case::new_address(&[(0, true, "a"), (100, false, "b"), (101, false, "c"), (102, true, "d")], Some("2 failures, success from a new address"))]
#[case::known_address_retried(&[(0, true, "a"), (100, false, "a"), (101, false, "a"), (102, true, "a")], Some("2 failures, then success"))]
#[case::the_user_works_on_during_the_guessing(&[(0, true, "a"), (100, false, "b"), (101, false, "c"), (102, true, "a")], None)]
#[case::too_few(&[(101, false, "b"), (102, true, "d")], None)]
#[case::too_long_ago(&[(0, false, "b"), (1, false, "b"), (102, true, "d")], None)]
#[case::told_once(&[(0, false, "b"), (1, false, "b"), (2, true, "d"), (3, true, "e")], Some("2 failures, success from a new address"))]
fn failures_then_a_success(#[case] rows: &[(i64, bool, &str)], #[case] expected: Option<&str>) {
    let tuning = Tuning {
        failures: 2,
        ..Tuning::default()
    };
    let found = detect(&activity(rows), &tuning, &Context::default());
    let reasons: Vec<&str> = found.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons, Vec::from_iter(expected));
}
