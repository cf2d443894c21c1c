//! Which events and remnants ring, what is one thing, and what names the attacker.
//!
//! What must not live here: changes of the account itself (`changes`).

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::domain::audit::OutcomeState;
use crate::domain::containment::called::Called;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant};
use crate::domain::containment::samples::outcome;
use crate::domain::timeline::activity::{Activity, Event};
use crate::domain::timeline::event::{Act, Outcome, Party};
use crate::domain::timeline::finding::{Confidence, Finding, Rule};

/// The clock before the send is at second 20, the answer's at 140.
#[test]
fn what_happens_before_the_answer_is_judged() {
    let mut ledger = Ledger::default();
    for (body, n) in [
        planned(3, 0, E),
        confirmed(3, false),
        until(3, 3_600, "confirmed"),
        intent(3, Some(20)),
        Body::ActionAck {
            aid: aid(3),
            attempt: 1,
            status: 200,
            server_date: Some(at(140)),
            request_id: None,
        },
        outcome(3, OutcomeState::Verified),
    ]
    .into_iter()
    .zip(1..)
    {
        ledger.apply(&entry(n, 150, body));
    }
    assert_eq!(the(&ledger).since, at(20));
    let back = event(MARA, Some(Act::SignIn), "203.0.113.9");
    assert!(judge_event(&back, the(&ledger), &login(), &known(), &[]).is_some());
}

#[test]
fn a_value_is_a_sign_by_its_length_in_the_log() {
    let sign = |value: String| super::signs::sign(SignKind::Session, &Untrusted::new(value));
    assert!(sign("x".repeat(600)).is_some());
    assert!(sign("x".repeat(601)).is_none());
    assert!(sign("\u{1}".repeat(100)).is_some());
    assert!(sign("\u{1}".repeat(101)).is_none());
    // Outside of the first plane a character is two escapes.
    assert!(sign("\u{1f600}".repeat(50)).is_some());
    assert!(sign("\u{1f600}".repeat(51)).is_none());
    assert!(sign("\"".repeat(300)).is_some());
    assert!(sign("\"".repeat(301)).is_none());
}

fn party(name: &str) -> Party {
    Party {
        name: (!name.is_empty()).then(|| name.into()),
        ..Party::default()
    }
}

fn event(user: &str, act: Option<Act>, ip: &str) -> Event {
    Event {
        id: "e".into(),
        at: at(60),
        action: "user.session.start".into(),
        act,
        outcome: Outcome::Success,
        user: party(user),
        ip: Some(ip.into()),
        ..Event::default()
    }
}

const MARA: &str = "Mara.Lind@acme.example";

fn login() -> Called {
    Called::new(&account().login)
}

fn known() -> BTreeSet<AttackSign> {
    let sign = |kind, value: &str| AttackSign {
        kind,
        value: value.into(),
    };
    BTreeSet::from([
        sign(SignKind::Address, "203.0.113.9"),
        sign(SignKind::Device, "dev-x"),
        sign(SignKind::Session, "s-x"),
    ])
}

#[rstest]
#[case::ordinary(event(MARA, Some(Act::SignIn), "192.0.2.1"), None)]
#[case::from_the_address(event(MARA, Some(Act::SignIn), "203.0.113.9"), Some("attacker"))]
#[case::somebody_else_from_it(event("kim", Some(Act::SignIn), "203.0.113.9"), None)]
#[case::on_the_device(Event { device: Some("dev-x".into()), ..event(MARA, None, "192.0.2.1") }, Some("attacker"))]
#[case::in_the_session(Event { session: Some("s-x".into()), ..event(MARA, None, "192.0.2.1") }, Some("attacker"))]
#[case::a_failure(Event { outcome: Outcome::Failure, ..event(MARA, None, "203.0.113.9") }, None)]
#[case::before(Event { at: at(19), ..event(MARA, None, "203.0.113.9") }, None)]
#[case::in_the_same_second(Event { at: at(20), ..event(MARA, None, "203.0.113.9") }, Some("attacker"))]
#[case::after_the_end(Event { at: at(3_601), ..event(MARA, None, "203.0.113.9") }, None)]
#[case::untimed(Event { untimed: true, ..event(MARA, None, "203.0.113.9") }, None)]
#[case::a_method(event(MARA, Some(Act::MfaAdded), "192.0.2.1"), Some("MFA method"))]
#[case::a_rule(event(MARA, Some(Act::InboxRule), "192.0.2.1"), Some("inbox rule"))]
#[case::a_rule_of_another(event("kim", Some(Act::InboxRule), "192.0.2.1"), None)]
#[case::given_by_another(
    Event { target: party(MARA), ..event("kim", Some(Act::Delegate), "192.0.2.1") },
    Some("delegate")
)]
#[case::own_password(event(MARA, Some(Act::PasswordChanged), "192.0.2.1"), None)]
#[case::reset_by_another(
    Event { target: party(MARA), ..event("kim", Some(Act::PasswordReset), "192.0.2.1") },
    Some("password")
)]
#[case::disabled_by_another(
    Event { target: party(MARA), ..event("kim", Some(Act::AccountDisabled), "192.0.2.1") },
    Some("status")
)]
#[case::she_resets_another(
    Event { target: party("kim"), ..event(MARA, Some(Act::PasswordReset), "192.0.2.1") },
    None
)]
fn only_what_should_not_be_rings(#[case] event: Event, #[case] thing: Option<&str>) {
    let ledger = watched();
    let found = judge_event(&event, the(&ledger), &login(), &known(), &[]);
    assert_eq!(found.as_ref().map(|found| found.thing), thing, "{found:?}");
}

#[test]
fn what_we_do_ourselves_does_not_ring() {
    let ledger = watched();
    let reset = Event {
        target: party(MARA),
        ..event("jo", Some(Act::PasswordReset), "192.0.2.1")
    };
    assert!(judge_event(&reset, the(&ledger), &login(), &known(), &[at(50)]).is_none());
    assert!(judge_event(&reset, the(&ledger), &login(), &known(), &[at(500)]).is_some());
}

fn remnant(kind: RemnantKind, id: &str, since: Option<i64>) -> Remnant {
    Remnant {
        since: since.map(at),
        ..Remnant::new(Item::new(kind, id, id), &json!({}))
    }
}

#[rstest]
#[case(RemnantKind::MfaMethod, Some(19), false)]
#[case(RemnantKind::MfaMethod, Some(20), true)]
#[case(RemnantKind::Session, Some(50), false)]
#[case(RemnantKind::RefreshToken, Some(50), false)]
#[case(RemnantKind::Device, Some(50), false)]
// Without a time it is new where it was not there at the beginning; of a kind that was not read then nobody knows.
#[case(RemnantKind::InboxRule, None, true)]
#[case(RemnantKind::Forwarding, None, false)]
fn what_was_made_since_rings(
    #[case] kind: RemnantKind,
    #[case] since: Option<i64>,
    #[case] is_new: bool,
) {
    let mut ledger = watched();
    let old = remnant(RemnantKind::InboxRule, "old", None);
    let there = WatchLooked {
        aid: aid(3),
        source: "okta".to_owned(),
        missed: None,
        kinds: vec![RemnantKind::InboxRule],
        items: vec![item_key(&old)],
    };
    ledger.apply(&entry(50, 60, said(RecoveryWord::Looked(there))));
    let mut left = LeftBehind::default();
    left.add(RemnantKind::InboxRule, Ok(vec![old]));
    left.add(kind, Ok(vec![remnant(kind, "x", since)]));
    let found = judge_left(&left, the(&ledger), at(90));
    assert_eq!(found.len(), usize::from(is_new), "{found:?}");
}

#[test]
fn one_thing_that_two_sources_tell_of_is_one() {
    let mut ledger = watched();
    let mut left = LeftBehind::default();
    let method = remnant(RemnantKind::MfaMethod, "opf9", Some(55));
    left.add(RemnantKind::MfaMethod, Ok(vec![method]));
    let log = judge_event(
        &event(MARA, Some(Act::MfaAdded), "192.0.2.1"),
        the(&ledger),
        &login(),
        &known(),
        &[],
    );
    let log = log.unwrap_or_else(|| panic!("it rings"));
    let fresh = |one: &Found, ledger: &Ledger, source: &str| {
        Found::fresh(vec![one.clone()], the(ledger), source).len()
    };
    assert_eq!(fresh(&log, &ledger, "okta"), 1);
    let record = log.seen(the(&ledger), "okta");
    ledger.apply(&entry(50, 61, said(RecoveryWord::Seen(record))));
    let found = judge_left(&left, the(&ledger), at(90));
    assert_eq!(fresh(&found[0], &ledger, LIST), 0);
    // The same source tells of two things.
    assert_eq!(fresh(&found[0], &ledger, "okta"), 1);
}

const LIST: &str = "what is left at okta";

/// Records what a source told of, as far as it is new, and gives its words.
fn keep(ledger: &mut Ledger, found: Vec<Found>, source: &str) -> Vec<String> {
    let fresh = Found::fresh(found, the(ledger), source);
    let mut words = Vec::new();
    for one in fresh {
        words.push(one.text.as_str().to_owned());
        let seen = one.seen(the(ledger), source);
        ledger.apply(&entry(70, 61, said(RecoveryWord::Seen(seen))));
    }
    words
}

/// Gives what a log tells of methods or rules: their ids, names and times.
fn logged(ledger: &Ledger, act: Act, all: &[(&str, &str, i64)]) -> Vec<Found> {
    let judge = |(id, name, second): &(&str, &str, i64)| {
        let event = Event {
            id: (*id).into(),
            at: at(*second),
            object: (!name.is_empty()).then(|| (*name).into()),
            ..event(MARA, Some(act), "192.0.2.1")
        };
        judge_event(&event, the(ledger), &login(), &known(), &[])
    };
    all.iter().filter_map(judge).collect()
}

/// Gives what a list tells of things that were not there.
fn stands(
    ledger: &mut Ledger,
    kind: RemnantKind,
    all: &[(&str, Option<i64>)],
    now: i64,
) -> Vec<Found> {
    ledger.apply(&entry(50, 60, looked(LIST, None, &[kind])));
    let mut left = LeftBehind::default();
    let all = all.iter().map(|(id, since)| remnant(kind, id, *since));
    left.add(kind, Ok(all.collect()));
    judge_left(&left, the(ledger), at(now))
}

#[test]
fn one_entry_of_a_log_accounts_for_one_thing_of_the_list() {
    let mut ledger = watched();
    let log = logged(&ledger, Act::MfaAdded, &[("e1", "", 60)]);
    assert_eq!(keep(&mut ledger, log, "okta").len(), 1);
    let both = [("Evil phone", Some(80)), ("Pixel", Some(61))];
    let kind = RemnantKind::MfaMethod;
    let found = stands(&mut ledger, kind, &both, 90);
    let words = keep(&mut ledger, found.clone(), LIST);
    assert_eq!(
        words,
        ["new: MFA method Evil phone, made 2027-01-15 08:01:20Z"]
    );
    assert_eq!(keep(&mut ledger, found, LIST), [""; 0], "once");
    // The log tells of the second one late.
    let late = [("e1", "", 60), ("e2", "", 81)];
    let log = logged(&ledger, Act::MfaAdded, &late);
    assert_eq!(keep(&mut ledger, log, "okta"), [""; 0]);
}

#[rstest]
#[case::at_that_time(90, 0)]
#[case::a_minute_later(116, 1)]
fn what_was_made_at_another_time_than_the_log_tells_rings(#[case] made: i64, #[case] rings: usize) {
    let mut ledger = watched();
    let log = logged(&ledger, Act::MfaAdded, &[("e1", "", 60)]);
    keep(&mut ledger, log, "okta");
    let only = [("Evil phone", Some(made))];
    let found = stands(&mut ledger, RemnantKind::MfaMethod, &only, 120);
    assert_eq!(keep(&mut ledger, found, LIST).len(), rings);
}

#[test]
fn of_things_without_a_time_the_log_accounts_for_the_one_that_it_names() {
    let mut ledger = watched();
    let log = logged(&ledger, Act::InboxRule, &[("e1", "News", 60)]);
    keep(&mut ledger, log, "okta");
    let both = [("Evil", None), ("News", None)];
    let found = stands(&mut ledger, RemnantKind::InboxRule, &both, 90);
    let words = keep(&mut ledger, found, LIST);
    assert_eq!(words, ["new: inbox rule Evil"]);
}

#[test]
fn what_two_sources_told_of_both_accounts_for_no_other_thing() {
    let mut ledger = watched();
    let log = logged(&ledger, Act::MfaAdded, &[("e1", "", 60)]);
    let kind = RemnantKind::MfaMethod;
    let list = stands(&mut ledger, kind, &[("Pixel", Some(60))], 90);
    // Two consoles found it at the same time.
    for (one, source) in [(log, "okta"), (list, LIST)] {
        for one in one {
            let seen = one.seen(the(&ledger), source);
            ledger.apply(&entry(70, 61, said(RecoveryWord::Seen(seen))));
        }
    }
    let both = [("Pixel", Some(60)), ("Evil phone", Some(80))];
    let found = stands(&mut ledger, kind, &both, 90);
    assert_eq!(keep(&mut ledger, found, LIST).len(), 1);
}

#[test]
fn recovery_data_that_is_set_anew_is_another_thing() {
    let of = |kind, name: &str| Remnant::new(Item::new(kind, "1", name), &json!({}));
    let mail = |name: &str| item_key(&of(RemnantKind::RecoveryData, name));
    assert_ne!(mail("a@x.org"), mail("b@x.org"));
    // Its id alone tells what it is.
    let delegate = |name: &str| item_key(&of(RemnantKind::Delegate, name));
    assert_eq!(delegate("Kim"), delegate("Kim O."));
}

fn row(id: &str, second: i64, ip: &str, session: &str) -> Event {
    Event {
        id: id.into(),
        at: at(second),
        session: Some(session.into()),
        ..event(MARA, Some(Act::SignIn), ip)
    }
}

#[rstest]
#[case::the_attackers(2, Confidence::High, &["203.0.113.9", "s2"])]
#[case::of_low_confidence(2, Confidence::Low, &[])]
#[case::the_users_own_place(3, Confidence::High, &[])]
#[case::outside_of_the_window(4, Confidence::High, &[])]
fn the_attacker_is_named_by_what_is_not_the_users(
    #[case] deciding: usize,
    #[case] confidence: Confidence,
    #[case] values: &[&str],
) {
    let mut activity = Activity::default();
    activity.merge(vec![
        row("a", 0, "192.0.2.1", "s0"),
        row("b", 10, "192.0.2.1", "s1"),
        row("c", 100, "203.0.113.9", "s2"),
        row("d", 110, "192.0.2.1", "s3"),
        row("e", 900, "198.51.100.7", "s4"),
    ]);
    let finding = Finding {
        rule: Rule::NewNetwork,
        at: at(100),
        row: deciding,
        user: None,
        evidence: vec![0, deciding],
        reason: "odd".into(),
        confidence,
    };
    let window = (at(90), Some(at(500)));
    let found = signs(&activity, [&finding].into_iter(), window, &[MARA.into()]);
    let found: Vec<&str> = found.iter().map(|sign| sign.value.raw()).collect();
    assert_eq!(found, values);
}

#[test]
fn of_what_the_attacker_does_only_the_first_rings() {
    let mut ledger = watched();
    let one = |key: &str, thing: &str| WatchSeen {
        aid: aid(3),
        thing: thing.to_owned(),
        source: "okta".to_owned(),
        key: key.into(),
        at: at(50),
        text: "seen".into(),
        address: None,
    };
    let told = |one: &WatchSeen| said(RecoveryWord::Seen(one.clone()));
    let first = one("e1", ATTACKER);
    assert!(the(&ledger).rings_for(&first), "nothing is on record yet");
    for (body, n) in [one("m1", "MFA method"), first.clone(), one("e2", ATTACKER)]
        .iter()
        .map(told)
        .zip(60..)
    {
        ledger.apply(&entry(n, 60, body));
    }
    let watch = the(&ledger);
    assert!(watch.rings_for(&first));
    assert!(!watch.rings_for(&one("e2", ATTACKER)));
    assert!(!watch.rings_for(&one("e3", ATTACKER)));
    assert!(watch.rings_for(&one("m1", "MFA method")));
    assert!(watch.rings_for(&one("m2", "MFA method")));
}
