use std::collections::BTreeSet;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::domain::audit::{Body, OutcomeState, WatchLooked, WatchOver};
use crate::domain::containment::ledger::Ledger;
use crate::domain::containment::note::Anchor;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant};
use crate::domain::containment::samples::{
    account, aid, at, case, confirmed, entry, intent, outcome, planned, proven,
};
use crate::domain::timeline::activity::{Activity, Event};
use crate::domain::timeline::event::{Act, Outcome, Party};
use crate::domain::timeline::finding::{Confidence, Finding, Rule};

const E: ActionKind = ActionKind::EnableAccount;

fn said(word: RecoveryWord) -> Body {
    Body::Recovery(RecoverySaid {
        case: case(),
        account: account().id,
        word,
    })
}

fn until(number: u128, second: i64, how: &str) -> Body {
    said(RecoveryWord::Until(WatchUntil {
        aid: aid(number),
        login: account().login,
        owner: "jo".into(),
        until: at(second),
        how: how.to_owned(),
        reason: None,
        looked: None,
    }))
}

fn seen(number: u128, key: &str) -> Body {
    said(RecoveryWord::Seen(WatchSeen {
        aid: aid(number),
        thing: "attacker".to_owned(),
        source: "okta".to_owned(),
        key: key.into(),
        at: at(50),
        text: "back".into(),
        address: None,
    }))
}

/// An account that was contained and enabled again at second 20, watched until an hour later.
fn watched() -> Ledger {
    let mut ledger = Ledger::default();
    proven(&mut ledger, 1, ActionKind::DisableAccount, 10, 0);
    proven(&mut ledger, 2, ActionKind::RevokeSessions, 20, 5);
    ledger.apply(&entry(30, 19, until(3, 3_600, "confirmed")));
    proven(&mut ledger, 3, E, 40, 20);
    ledger
}

fn the(ledger: &Ledger) -> &RecoveryWatch {
    ledger
        .recoveries()
        .of(&account().id)
        .unwrap_or_else(|| panic!("it is watched"))
}

#[rstest]
#[case(OutcomeState::Verified, true)]
#[case(OutcomeState::Unverifiable, true)]
#[case(OutcomeState::Rejected, false)]
#[case(OutcomeState::NotEffective, false)]
#[case(OutcomeState::DryRun, false)]
fn only_an_enabling_that_is_proven_or_cannot_be_begins_a_watch(
    #[case] state: OutcomeState,
    #[case] begins: bool,
) {
    let mut ledger = Ledger::default();
    for (body, n) in [
        planned(3, 0, E),
        confirmed(3, false),
        until(3, 3_600, "confirmed"),
        intent(3, Some(20)),
        outcome(3, state),
    ]
    .into_iter()
    .zip(1..)
    {
        assert!(ledger.recoveries().of(&account().id).is_none());
        ledger.apply(&entry(n, 20, body));
    }
    assert_eq!(ledger.recoveries().of(&account().id).is_some(), begins);
}

fn closed(number: u128) -> Body {
    Body::ActionResolve {
        aid: aid(number),
        how: "closed by a person".to_owned(),
        reason: "seen active by hand".into(),
    }
}

/// Folds records that come one after another, from a number on.
fn tell(ledger: &mut Ledger, n: u64, bodies: Vec<Body>) {
    for (body, n) in bodies.into_iter().zip(n..) {
        ledger.apply(&entry(n, 20, body));
    }
}

/// Sent, and nothing is known of it; `kind` is planned with a watch where it is an enabling.
fn sent(number: u128, kind: ActionKind) -> Vec<Body> {
    vec![
        planned(number, 0, kind),
        confirmed(number, false),
        until(number, 3_600, "confirmed"),
        intent(number, Some(20)),
    ]
}

#[rstest]
#[case::closed(vec![closed(3)], true)]
#[case::and_proven_after_all(vec![closed(3), outcome(3, OutcomeState::Verified)], true)]
#[case::and_refuted_after_all(vec![closed(3), outcome(3, OutcomeState::NotEffective)], false)]
#[case::after_it_was_refuted(vec![outcome(3, OutcomeState::NotEffective), closed(3)], false)]
fn an_enabling_that_somebody_closes_after_it_was_sent_is_watched(
    #[case] then: Vec<Body>,
    #[case] watched: bool,
) {
    let mut ledger = Ledger::default();
    tell(&mut ledger, 1, sent(3, E));
    assert!(ledger.recoveries().of(&account().id).is_none());
    tell(&mut ledger, 10, then);
    assert_eq!(ledger.recoveries().of(&account().id).is_some(), watched);
}

#[test]
fn an_enabling_that_somebody_closes_before_it_is_sent_is_not_watched() {
    let mut ledger = Ledger::default();
    let mut all = sent(3, E);
    all.pop();
    all.push(closed(3));
    tell(&mut ledger, 1, all);
    assert_eq!(ledger.recoveries().all().count(), 0);
}

#[test]
fn an_enabling_that_is_proven_after_a_later_disabling_was_begins_no_watch() {
    let mut ledger = Ledger::default();
    tell(&mut ledger, 1, sent(3, E));
    proven(&mut ledger, 4, ActionKind::DisableAccount, 10, 30);
    tell(&mut ledger, 20, vec![outcome(3, OutcomeState::Verified)]);
    assert!(ledger.recoveries().of(&account().id).is_none());
}

#[test]
fn a_later_disabling_ends_the_watch_once_it_is_proven_and_not_before() {
    let mut ledger = Ledger::default();
    tell(&mut ledger, 1, sent(3, E));
    tell(&mut ledger, 10, sent(4, ActionKind::DisableAccount));
    tell(&mut ledger, 20, vec![outcome(3, OutcomeState::Verified)]);
    assert!(ledger.recoveries().of(&account().id).is_some());
    tell(&mut ledger, 21, vec![outcome(4, OutcomeState::Verified)]);
    assert!(ledger.recoveries().of(&account().id).is_none());
}

#[test]
fn what_was_sent_before_the_enabling_neither_ends_nor_replaces_its_watch() {
    let mut ledger = Ledger::default();
    tell(&mut ledger, 1, sent(4, ActionKind::DisableAccount));
    tell(&mut ledger, 10, sent(5, E));
    tell(&mut ledger, 20, sent(3, E));
    tell(&mut ledger, 30, vec![outcome(3, OutcomeState::Verified)]);
    for late in [4, 5] {
        tell(&mut ledger, 31, vec![outcome(late, OutcomeState::Verified)]);
        assert_eq!(the(&ledger).aid, aid(3), "{late}");
    }
}

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
    assert!(judge_event(&back, the(&ledger), &known(), &[]).is_some());
}

#[test]
fn an_enabling_without_a_watch_begins_none() {
    let mut ledger = Ledger::default();
    proven(&mut ledger, 3, E, 40, 20);
    assert_eq!(ledger.recoveries().all().count(), 0);
}

#[test]
fn it_has_an_owner_an_end_and_a_word() {
    let mut ledger = watched();
    let reminder = Duration::from_secs(600);
    assert_eq!(
        (the(&ledger).since, the(&ledger).until),
        (at(20), at(3_600))
    );
    assert_eq!(the(&ledger).stage(at(100), reminder), Stage::Running);
    assert_eq!(the(&ledger).stage(at(3_000), reminder), Stage::Soon);
    assert_eq!(the(&ledger).stage(at(3_600), reminder), Stage::Ended);
    assert_eq!(the(&ledger).word().as_str(), "enabled again, nothing seen");
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    ledger.apply(&entry(51, 60, seen(3, "e1")));
    assert_eq!(the(&ledger).seen.len(), 1, "once");
    ledger.apply(&entry(52, 60, seen(3, "e2")));
    assert_eq!(the(&ledger).word().as_str(), "SEEN SINCE: back, 2 in all");
    ledger.apply(&entry(53, 60, until(3, 7_200, "changed")));
    assert_eq!(the(&ledger).until, at(7_200));
}

#[test]
fn it_ends_with_a_reason_or_when_the_account_is_contained_again() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, until(3, 60, "ended")));
    assert_eq!(ledger.recoveries().all().count(), 0);
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    proven(&mut ledger, 4, ActionKind::DisableAccount, 60, 70);
    assert!(ledger.recoveries().of(&account().id).is_none());
    // What the case was not told yet is not forgotten, and it is told how that watch ended.
    assert_eq!(ledger.recoveries().running().count(), 0);
    assert_eq!(
        past(&ledger),
        [(
            "ended before its time: contained again".to_owned(),
            false,
            at(70)
        )]
    );
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    ledger.apply(&entry(51, 80, until(3, 80, "ended")));
    assert_eq!(
        past(&ledger),
        [(
            "ended before its time by jo: no reason given".to_owned(),
            false,
            at(80)
        )]
    );
}

fn past(ledger: &Ledger) -> Vec<(String, bool, DateTime<Utc>)> {
    let overs = ledger.recoveries().all().filter_map(|watch| {
        let over = watch.over.as_ref()?;
        Some((over.text.raw().to_owned(), over.well, over.at))
    });
    overs.collect()
}

/// Kim ends the watch at a second, because the user called.
fn ended_by_kim(second: i64) -> Body {
    ended_after(second, None)
}

/// The same; her console had looked last at a second.
fn ended_after(second: i64, looked: Option<i64>) -> Body {
    said(RecoveryWord::Until(WatchUntil {
        aid: aid(3),
        login: account().login,
        owner: "kim".into(),
        until: at(second),
        how: "ended".to_owned(),
        reason: Some("the user called".into()),
        looked: looked.map(at),
    }))
}

fn listed() -> Body {
    let kinds = [RemnantKind::Forwarding];
    looked("what is left at okta", None, &kinds)
}

#[rstest]
#[case::all_read(Some(listed()), Some(70), "nothing seen, looked last 08:01Z")]
// The console of whoever ended it had not looked yet; what others looked at, and when, nobody says.
#[case::read_before(Some(listed()), None, "nothing seen as far as it was read")]
#[case::no_list(
    None,
    Some(70),
    "nothing seen in what was read; not read: what is left at okta"
)]
#[case::not_all_read(
    Some(looked("elastic", Some("403"), &[])),
    Some(70),
    "nothing seen in what was read; not read: elastic"
)]
fn a_watch_that_somebody_ended_says_who_and_why_and_that_nothing_was_seen(
    #[case] look: Option<Body>,
    #[case] last: Option<i64>,
    #[case] nothing: &str,
) {
    let mut ledger = watched();
    if let Some(look) = look {
        ledger.apply(&entry(50, 60, look));
    }
    ledger.apply(&entry(51, 80, ended_after(80, last)));
    let watch = the(&ledger);
    let word = format!("{nothing}; ended before its time by kim: the user called");
    assert_eq!(watch.nothing_word().as_str(), nothing);
    assert_eq!(watch.word().as_str(), word);
    assert_eq!(watch.word_once(false).as_str(), word);
    let ends = watch.end_word(at(90));
    assert_eq!(ends.as_str(), "watch ended early 08:01Z");
}

#[test]
fn a_watch_that_an_act_ended_says_of_no_look() {
    let mut ledger = watched();
    let look = listed();
    ledger.apply(&entry(50, 60, look));
    proven(&mut ledger, 4, ActionKind::DisableAccount, 60, 70);
    let words: Vec<Safe> = ledger
        .recoveries()
        .quiet()
        .map(RecoveryWatch::word)
        .collect();
    let word = "nothing seen as far as it was read; ended before its time: contained again";
    assert_eq!(words.iter().map(Safe::as_str).collect::<Vec<_>>(), [word]);
}

#[test]
fn a_watch_that_somebody_ended_with_something_seen_tells_that_first() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    ledger.apply(&entry(51, 80, ended_by_kim(80)));
    assert_eq!(the(&ledger).word().as_str(), "SEEN SINCE: back");
    let ends = the(&ledger).end_word(at(90));
    assert_eq!(ends.as_str(), "watch ended early 08:01Z");
    assert_eq!(ledger.recoveries().quiet().count(), 0);
    assert_eq!(ledger.recoveries().all().count(), 1);
}

#[test]
fn a_watch_that_ended_early_is_listed_for_a_day_and_what_it_saw_for_as_long_as_planned() {
    let day = 86_400;
    let mut ledger = watched();
    ledger.apply(&entry(50, 80, ended_by_kim(80)));
    assert!(the(&ledger).is_listed(at(80 + day - 1)));
    assert!(!the(&ledger).is_listed(at(80 + day)));
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    ledger.apply(&entry(51, 80, ended_by_kim(80)));
    assert!(the(&ledger).is_listed(at(3_600 + day - 1)));
    assert!(!the(&ledger).is_listed(at(3_600 + day)));
}

fn quiet(ledger: &Ledger) -> Vec<String> {
    let quiet = ledger.recoveries().quiet();
    let texts = quiet.filter_map(|watch| Some(watch.over.as_ref()?.text.raw().to_owned()));
    texts.collect()
}

#[test]
fn of_a_watch_that_ended_early_with_nothing_seen_it_is_known_why() {
    let mut ledger = watched();
    assert!(quiet(&ledger).is_empty(), "it runs");
    ledger.apply(&entry(50, 80, ended_by_kim(80)));
    let by_kim = "ended before its time by kim: the user called";
    assert_eq!(quiet(&ledger), [by_kim]);
    assert_eq!(ledger.recoveries().running().count(), 0);
    assert_eq!(ledger.recoveries().all().count(), 0, "no case is told");
    // Containing the account puts it away and leaves its word as it is.
    proven(&mut ledger, 4, ActionKind::DisableAccount, 60, 90);
    assert!(ledger.recoveries().of(&account().id).is_none());
    assert_eq!(quiet(&ledger), [by_kim]);

    let mut ledger = watched();
    proven(&mut ledger, 4, ActionKind::DisableAccount, 60, 70);
    assert!(ledger.recoveries().of(&account().id).is_none());
    assert_eq!(quiet(&ledger), ["ended before its time: contained again"]);

    let mut ledger = watched();
    ledger.apply(&entry(50, 60, until(4, 7_200, "confirmed")));
    proven(&mut ledger, 4, E, 60, 70);
    assert_eq!(the(&ledger).aid, aid(4));
    assert_eq!(quiet(&ledger), ["ended before its time: enabled anew"]);
    assert_eq!(ledger.recoveries().all().count(), 1, "the one that runs");
}

#[test]
fn a_watch_that_somebody_ended_goes_on_with_another_end() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 80, ended_by_kim(80)));
    ledger.apply(&entry(51, 90, until(3, 7_200, "changed")));
    assert_eq!(the(&ledger).until, at(7_200));
    assert_eq!(ledger.recoveries().running().count(), 1);
    assert!(quiet(&ledger).is_empty());
}

#[test]
fn nobody_ends_a_watch_that_ran_to_its_end() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 3_700, over()));
    ledger.apply(&entry(51, 3_710, ended_by_kim(3_710)));
    assert_eq!(past(&ledger), [("59 min".to_owned(), true, at(3_700))]);
    assert_eq!(the(&ledger).word().as_str(), "watched 59 min");
}

#[test]
fn watches_that_ended_with_nothing_seen_take_no_room_of_those_to_be_told_of() {
    let mut ledger = Ledger::default();
    let many = u128::try_from(PAST_MAX).unwrap_or_default() + 3;
    for number in 1..=many {
        let n = u64::try_from(number).unwrap_or_default() * 100;
        ledger.apply(&entry(n, 19, until(number, 3_600, "confirmed")));
        proven(&mut ledger, number, E, n + 1, 20);
        if number == 1 {
            ledger.apply(&entry(n + 50, 21, seen(number, "k")));
        }
    }
    assert_eq!(quiet(&ledger).len(), PAST_MAX);
    let told: Vec<ActionId> = ledger
        .recoveries()
        .all()
        .map(|watch| watch.aid.clone())
        .collect();
    assert_eq!(told, [aid(many), aid(1)]);
}

/// The decision is on record only after the first word on the enabling, which was closed by hand.
#[test]
fn a_watch_that_is_decided_late_begins_with_the_next_word_on_its_enabling() {
    let mut ledger = Ledger::default();
    let mut all = sent(3, E);
    let decided = all.remove(2);
    all.extend([closed(3), decided]);
    tell(&mut ledger, 1, all);
    assert!(ledger.recoveries().of(&account().id).is_none());
    tell(&mut ledger, 10, vec![outcome(3, OutcomeState::Verified)]);
    assert_eq!(the(&ledger).aid, aid(3));
}

fn over() -> Body {
    said(RecoveryWord::Over(WatchOver {
        aid: aid(3),
        text: "59 min".into(),
        well: true,
    }))
}

#[test]
fn a_watch_that_ran_to_its_end_keeps_its_word_when_the_account_is_contained_again() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 3_700, over()));
    proven(&mut ledger, 4, ActionKind::DisableAccount, 60, 3_800);
    assert_eq!(past(&ledger), [("59 min".to_owned(), true, at(3_700))]);
}

/// The head of a log, as a comment carries it.
fn head() -> Anchor {
    Anchor {
        log: "01LOG".to_owned(),
        n: 41,
        h: "ab12".to_owned(),
    }
}

#[test]
fn the_comment_of_a_watch_that_ended_early_says_until_when_it_was_watched() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    proven(&mut ledger, 4, ActionKind::DisableAccount, 60, 70);
    let anchor = head();
    let mut all = ledger.recoveries().all();
    let watch = all.next().unwrap_or_else(|| panic!("it is kept"));
    let over = watch.over.as_ref().unwrap_or_else(|| panic!("it is over"));
    let text = over_comment(watch, over, &"contained".into(), &anchor);
    for part in [
        "watched until 2027-01-15 08:01:10Z: ended before its time: contained again.",
        "- 2027-01-15 08:00:50Z: back",
        over_marker(&aid(3)).as_str(),
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn another_end_opens_a_watch_anew_unless_it_has_passed() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 3_700, over()));
    assert_eq!(the(&ledger).over_marker(), over_marker(&aid(3)));
    ledger.apply(&entry(51, 3_710, until(3, 3_710, "changed")));
    assert_eq!(the(&ledger).until, at(3_600));
    assert_eq!(ledger.recoveries().running().count(), 0);
    ledger.apply(&entry(52, 3_710, until(3, 7_200, "changed")));
    assert_eq!(the(&ledger).until, at(7_200));
    assert_eq!(ledger.recoveries().running().count(), 1);
    // Its second end is told to the case beside the first.
    ledger.apply(&entry(53, 7_300, over()));
    let marker = the(&ledger).over_marker();
    assert_ne!(marker, over_marker(&aid(3)));
    assert!(is_told(&marker));
}

fn looked(source: &str, missed: Option<&str>, kinds: &[RemnantKind]) -> Body {
    said(RecoveryWord::Looked(WatchLooked {
        aid: aid(3),
        source: source.to_owned(),
        missed: missed.map(Untrusted::new),
        kinds: kinds.to_vec(),
        items: Vec::new(),
    }))
}

#[rstest]
#[case(20 + 600, None)]
#[case(20 + 1_800, Some("first listed 30 min after the enabling"))]
#[case(20 + 8 * 3_600, Some("first listed 8 h after the enabling"))]
fn a_list_that_is_read_late_tells_of_no_beginning(
    #[case] second: i64,
    #[case] missed: Option<&str>,
) {
    let mut ledger = watched();
    let kinds = [RemnantKind::Forwarding];
    ledger.apply(&entry(50, second, looked("okta", None, &kinds)));
    // The same list again, much later, changes nothing.
    ledger.apply(&entry(51, 90_000, looked("okta", None, &kinds)));
    let said: Vec<(&str, &str)> = the(&ledger)
        .missed
        .iter()
        .map(|(source, why)| (source.as_str(), why.raw()))
        .collect();
    let expected: Vec<(&str, &str)> = missed
        .map(|why| ("changes in okta", why))
        .into_iter()
        .collect();
    assert_eq!(said, expected);
}

#[test]
fn a_late_list_does_not_hide_a_failure_of_its_source() {
    let mut ledger = watched();
    let kinds = [RemnantKind::InboxRule];
    ledger.apply(&entry(50, 9_000, looked("okta", None, &kinds)));
    ledger.apply(&entry(51, 9_100, looked("okta", Some("403"), &[])));
    assert_eq!(
        the(&ledger).missed.get("okta").map(Untrusted::raw),
        Some("403")
    );
    assert_eq!(the(&ledger).missed.len(), 2);
}

#[test]
fn the_word_says_what_was_not_read_in_one_row() {
    let mut ledger = watched();
    assert_eq!(
        the(&ledger).word_once(false).as_str(),
        "enabled again, not looked yet"
    );
    assert_eq!(
        the(&ledger).word_once(true).as_str(),
        "enabled again, nothing seen"
    );
    ledger.apply(&entry(50, 60, looked("elastic", Some("403"), &[])));
    for is_looked_at in [false, true] {
        assert_eq!(
            the(&ledger).word_once(is_looked_at).as_str(),
            "nothing seen in what was read; not read: elastic"
        );
    }
    let another = looked("the account at okta", Some("x"), &[]);
    ledger.apply(&entry(51, 60, another));
    assert_eq!(
        the(&ledger).word().as_str(),
        "nothing seen in what was read; not read: elastic, 1 more"
    );
    let long = "a".repeat(100);
    ledger.apply(&entry(52, 60, looked(&long, Some("x"), &[])));
    assert!(the(&ledger).word().width() <= 74);
    ledger.apply(&entry(53, 60, seen(3, "e1")));
    assert_eq!(the(&ledger).word().as_str(), "SEEN SINCE: back");
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

#[test]
fn records_of_another_watch_change_nothing() {
    let mut ledger = watched();
    for body in [seen(9, "e1"), until(9, 1, "ended"), until(9, 1, "changed")] {
        ledger.apply(&entry(50, 60, body));
    }
    assert_eq!(
        (the(&ledger).seen.len(), the(&ledger).until),
        (0, at(3_600))
    );
}

#[test]
fn the_summary_says_what_was_read_and_what_was_not() {
    let mut ledger = watched();
    let read: [Safe; 2] = ["okta".into(), "elastic".into()];
    assert_eq!(
        the(&ledger).summary(&read, &[]).as_str(),
        "59 min, 2 sources (okta, elastic), nothing seen"
    );
    let missed = WatchLooked {
        aid: aid(3),
        source: "elastic".to_owned(),
        missed: Some("403".into()),
        kinds: Vec::new(),
        items: Vec::new(),
    };
    ledger.apply(&entry(50, 60, said(RecoveryWord::Looked(missed))));
    ledger.apply(&entry(51, 60, seen(3, "e1")));
    assert_eq!(
        the(&ledger)
            .summary(&read[..1], &["elastic: 403".into()])
            .as_str(),
        "59 min, 1 source (okta), 1 thing seen; not read to the end: elastic: 403; \
         not read, or not whole, at some time: elastic (403)"
    );
    let over = WatchOver {
        aid: aid(3),
        text: "59 min".into(),
        well: false,
    };
    ledger.apply(&entry(52, 3_700, said(RecoveryWord::Over(over))));
    assert_eq!(ledger.recoveries().running().count(), 0);
    assert!(the(&ledger).is_listed(at(3_700 + 86_000)));
    assert!(!the(&ledger).is_listed(at(3_700 + 86_400)));
}

#[test]
fn comments_are_read_as_of_an_account_that_is_free() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, seen(3, "e1")));
    let anchor = head();
    let text = seen_comment(the(&ledger), &"not contained".into(), &anchor);
    assert!(
        text.contains("- 2027-01-15 08:00:50Z: back (seen at okta)"),
        "{text}"
    );
    let comment = crate::domain::case::Comment {
        id: "~1".into(),
        author: "jo".into(),
        at: at(0),
        edited: false,
        message: text.into(),
    };
    let told = super::super::told::read(&comment);
    assert_eq!(
        told.map(|told| told.word),
        Some(super::super::told::Word::Free)
    );
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
    let found = judge_event(&event, the(&ledger), &known(), &[]);
    assert_eq!(found.as_ref().map(|found| found.thing), thing, "{found:?}");
}

#[test]
fn what_we_do_ourselves_does_not_ring() {
    let ledger = watched();
    let reset = Event {
        target: party(MARA),
        ..event("jo", Some(Act::PasswordReset), "192.0.2.1")
    };
    assert!(judge_event(&reset, the(&ledger), &known(), &[at(50)]).is_none());
    assert!(judge_event(&reset, the(&ledger), &known(), &[at(500)]).is_some());
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
        &known(),
        &[],
    );
    let log = log.unwrap_or_else(|| panic!("it rings"));
    assert!(!log.is_known(the(&ledger), "okta"));
    let record = log.seen(the(&ledger), "okta");
    ledger.apply(&entry(50, 61, said(RecoveryWord::Seen(record))));
    let found = judge_left(&left, the(&ledger), at(90));
    assert!(found[0].is_known(the(&ledger), "what is left at okta"));
    // The same source tells of two things.
    assert!(!found[0].is_known(the(&ledger), "okta"));
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

#[rstest]
#[case::as_it_was(-9_000, false, &[], &[])]
#[case::changed(60, false, &[], &["password"])]
#[case::asked_for_from_here(60, false, &[ActionKind::ExpirePassword], &[])]
#[case::reset_from_here(60, false, &[ActionKind::ResetPassword], &[])]
#[case::out(-9_000, true, &[], &["status"])]
#[case::out_by_us(-9_000, true, &[ActionKind::ResetPassword], &[])]
fn a_change_of_the_account_by_others_rings(
    #[case] password: i64,
    #[case] is_out: bool,
    #[case] acts: &[ActionKind],
    #[case] things: &[&str],
) {
    let mut ledger = watched();
    for kind in acts {
        proven(&mut ledger, 7, *kind, 60, 40);
    }
    let mut read = account();
    read.password_changed = Some(at(password));
    let found = judge_account(&read, is_out, the(&ledger), &ledger, at(90));
    let said: Vec<&str> = found.iter().map(|found| found.thing).collect();
    assert_eq!(said, things);
}

/// Number of the record by which the account of [`watched`] was disabled.
const DISABLED: u64 = 12;

/// Number of the record by which it was enabled again.
const ENABLED: u64 = 42;

/// Records an act that was sent by this record and has no final word: it may have had its effect.
fn sent_by(ledger: &mut Ledger, number: u128, kind: ActionKind, n: u64) {
    let bodies = [
        planned(number, 0, kind),
        confirmed(number, false),
        intent(number, Some(40)),
    ];
    for body in bodies {
        ledger.apply(&entry(n, 40, body));
    }
}

/// Judges the account of [`watched`], and gives what rings.
fn rung(ledger: &Ledger, password: i64, is_out: bool) -> Vec<&'static str> {
    let mut read = account();
    read.password_changed = Some(at(password));
    let found = judge_account(&read, is_out, the(ledger), ledger, at(90));
    found.iter().map(|found| found.thing).collect()
}

#[test]
fn the_acts_of_a_watched_account_are_sent_by_these_records() {
    let ledger = watched();
    let sent_n = |number| ledger.get(&aid(number)).map(|act| act.sent_n);
    assert_eq!(sent_n(1), Some(DISABLED));
    assert_eq!(sent_n(3), Some(ENABLED));
}

/// What has the number of the enabling itself is not after it, as no two records of a log have one.
#[rstest]
#[case::disabled_one_before(ActionKind::DisableAccount, ENABLED - 1, true)]
#[case::disabled_in_the_same(ActionKind::DisableAccount, ENABLED, true)]
#[case::disabled_one_after(ActionKind::DisableAccount, ENABLED + 1, false)]
#[case::reset_one_before(ActionKind::ResetPassword, ENABLED - 1, true)]
#[case::reset_in_the_same(ActionKind::ResetPassword, ENABLED, true)]
#[case::reset_one_after(ActionKind::ResetPassword, ENABLED + 1, false)]
// These keep nobody out.
#[case::expired_after(ActionKind::ExpirePassword, ENABLED + 1, true)]
#[case::revoked_after(ActionKind::RevokeSessions, ENABLED + 1, true)]
fn an_account_that_is_out_rings_unless_an_act_from_here_put_it_out_since(
    #[case] kind: ActionKind,
    #[case] n: u64,
    #[case] rings: bool,
) {
    let mut ledger = watched();
    sent_by(&mut ledger, 7, kind, n);
    let things: &[&str] = if rings { &["status"] } else { &[] };
    assert_eq!(rung(&ledger, -9_000, true), things);
    assert_eq!(rung(&ledger, -9_000, false), [""; 0], "it is not out");
}

#[rstest]
#[case::proven(OutcomeState::Verified, &["status"])]
#[case::cannot_be(OutcomeState::Unverifiable, &[])]
fn an_account_that_is_out_rings_only_where_its_enabling_is_proven(
    #[case] state: OutcomeState,
    #[case] things: &[&str],
) {
    let mut ledger = Ledger::default();
    tell(&mut ledger, 1, sent(3, E));
    tell(&mut ledger, 10, vec![outcome(3, state)]);
    assert_eq!(rung(&ledger, -9_000, true), things);
}

#[rstest]
#[case::no_word_yet(None, &[])]
#[case::proven(Some(OutcomeState::Verified), &[])]
#[case::cannot_be(Some(OutcomeState::Unverifiable), &[])]
#[case::given_up(Some(OutcomeState::Abandoned), &[])]
#[case::refused(Some(OutcomeState::Rejected), &["status", "password"])]
#[case::refuted(Some(OutcomeState::NotEffective), &["status", "password"])]
#[case::never_left(Some(OutcomeState::NotSent), &["status", "password"])]
fn a_reset_from_here_excuses_only_where_it_may_have_had_its_effect(
    #[case] state: Option<OutcomeState>,
    #[case] things: &[&str],
) {
    let mut ledger = watched();
    sent_by(&mut ledger, 7, ActionKind::ResetPassword, ENABLED + 1);
    if let Some(state) = state {
        ledger.apply(&entry(ENABLED + 2, 50, outcome(7, state)));
    }
    assert_eq!(rung(&ledger, 60, true), things);
}

#[test]
fn a_reset_that_was_not_sent_or_not_meant_excuses_nothing() {
    for (is_dry, is_sent) in [(false, false), (true, false), (true, true)] {
        let mut ledger = watched();
        let mut bodies = vec![
            planned(7, 0, ActionKind::ResetPassword),
            confirmed(7, is_dry),
        ];
        bodies.extend(is_sent.then(|| intent(7, Some(40))));
        tell(&mut ledger, ENABLED + 10, bodies);
        assert_eq!(rung(&ledger, 60, true), ["status", "password"]);
    }
}

/// A change that was asked for since the account was disabled is the user's own.
#[rstest]
#[case::reset_one_before(ActionKind::ResetPassword, DISABLED - 1, true)]
#[case::reset_in_the_same(ActionKind::ResetPassword, DISABLED, true)]
// Only the disabling counts, not what else was sent before the enabling.
#[case::reset_one_after(ActionKind::ResetPassword, DISABLED + 1, false)]
#[case::reset_after_the_enabling(ActionKind::ResetPassword, ENABLED + 1, false)]
#[case::expired_one_before(ActionKind::ExpirePassword, DISABLED - 1, true)]
#[case::expired_in_the_same(ActionKind::ExpirePassword, DISABLED, true)]
#[case::expired_one_after(ActionKind::ExpirePassword, DISABLED + 1, false)]
// These ask nobody for a new password.
#[case::revoked_after(ActionKind::RevokeSessions, ENABLED + 1, true)]
#[case::disabled_after(ActionKind::DisableAccount, ENABLED + 1, true)]
fn a_new_password_rings_unless_it_was_asked_for_since_the_disabling(
    #[case] kind: ActionKind,
    #[case] n: u64,
    #[case] rings: bool,
) {
    let mut ledger = watched();
    sent_by(&mut ledger, 7, kind, n);
    let things: &[&str] = if rings { &["password"] } else { &[] };
    assert_eq!(rung(&ledger, 60, false), things);
}

/// The password was reset between the two disablings; only what was disabled before the enabling is taken back by it.
#[rstest]
#[case::one_before(ENABLED - 1, true)]
#[case::in_the_same(ENABLED, false)]
#[case::one_after(ENABLED + 1, false)]
fn the_last_disabling_before_the_enabling_is_what_a_new_password_is_asked_for_after(
    #[case] n: u64,
    #[case] rings: bool,
) {
    let mut ledger = watched();
    sent_by(&mut ledger, 7, ActionKind::ResetPassword, DISABLED + 15);
    sent_by(&mut ledger, 8, ActionKind::DisableAccount, n);
    let things: &[&str] = if rings { &["password"] } else { &[] };
    assert_eq!(rung(&ledger, 60, false), things);
}

#[rstest]
#[case::before_the_enabling(19, &[])]
#[case::with_it(20, &[])]
#[case::after_it(21, &["password"])]
#[case::before_the_end(3_599, &["password"])]
#[case::at_the_end(3_600, &["password"])]
#[case::after_the_end(3_601, &[])]
fn a_new_password_rings_from_after_the_enabling_to_the_end(
    #[case] second: i64,
    #[case] things: &[&str],
) {
    assert_eq!(rung(&watched(), second, false), things);
}

#[test]
fn a_change_of_the_account_is_known_by_its_time_and_said_in_words() {
    let ledger = watched();
    let mut read = account();
    read.status_changed = Some(at(70));
    read.password_changed = Some(at(60));
    let found = judge_account(&read, true, the(&ledger), &ledger, at(90));
    let said: Vec<(String, DateTime<Utc>, &str)> = found
        .iter()
        .map(|one| (one.key.raw().to_owned(), one.at, one.text.as_str()))
        .collect();
    let keys = [at(70), at(60)].map(|at| at.timestamp());
    assert_eq!(
        said,
        [
            (
                format!("status ACTIVE {}", keys[0]),
                at(70),
                "status ACTIVE now, by no act on record here"
            ),
            (
                format!("password {}", keys[1]),
                at(60),
                "the password was changed 2027-01-15 08:01:00Z, not from here"
            )
        ]
    );
    // Where nobody tells when, it is known by its name and was seen now.
    read.status_changed = None;
    let found = judge_account(&read, true, the(&ledger), &ledger, at(90));
    let first = found.first().map(|one| (one.key.raw(), one.at));
    assert_eq!(first, Some(("status ACTIVE 0", at(90))));
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
fn the_word_of_the_end_turns_when_the_time_is_over() {
    let ledger = watched();
    let watch = the(&ledger);
    let word = |second| watch.end_word(at(second)).as_str().to_owned();
    assert!(word(3_599).starts_with("watched until "), "{}", word(3_599));
    assert!(word(3_600).starts_with("watch ended "), "{}", word(3_600));
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

#[test]
fn how_long_a_watch_was_is_said_in_minutes_up_to_two_hours() {
    for (minutes, word) in [(119, "119 min"), (120, "2 h"), (150, "3 h"), (149, "2 h")] {
        assert_eq!(long_word(TimeDelta::minutes(minutes)).as_str(), word);
    }
}

#[test]
fn by_what_the_attacker_would_be_known_is_counted_by_kind() {
    let mut ledger = watched();
    let word = |ledger: &Ledger| {
        let recoveries = ledger.recoveries();
        recoveries.signs_word(the(ledger)).as_str().to_owned()
    };
    assert_eq!(word(&ledger), "no address known");
    let sign = |kind, value: &str| AttackSign {
        kind,
        value: value.into(),
    };
    let first = vec![
        sign(SignKind::Address, "203.0.113.9"),
        sign(SignKind::Session, "s1"),
    ];
    ledger.apply(&entry(60, 60, said(RecoveryWord::Signs(first.clone()))));
    assert_eq!(word(&ledger), "1 address, 1 session");
    let more = vec![
        sign(SignKind::Address, "203.0.113.9"),
        sign(SignKind::Address, "203.0.113.10"),
        sign(SignKind::Device, "d1"),
    ];
    ledger.apply(&entry(61, 60, said(RecoveryWord::Signs(more))));
    assert_eq!(word(&ledger), "2 addresses, 1 device, 1 session");
    let known = ledger.recoveries().signs(the(&ledger));
    assert_eq!(known.len(), 4);
    assert!(known.contains(&first[0]));
}

#[test]
fn of_watches_that_ended_early_with_something_seen_the_last_are_kept() {
    let mut ledger = Ledger::default();
    let kept = u128::try_from(PAST_MAX).unwrap_or_default();
    let many = kept + 2;
    for number in 1..=many {
        let n = u64::try_from(number).unwrap_or_default() * 100;
        ledger.apply(&entry(n, 19, until(number, 3_600, "confirmed")));
        proven(&mut ledger, number, E, n + 1, 20);
        ledger.apply(&entry(n + 50, 21, seen(number, "k")));
        // One that runs, and those before it that ended when the account was enabled anew.
        let known = ledger.recoveries().all().count();
        assert_eq!(known, usize::try_from(number.min(kept + 1)).unwrap_or(0));
    }
    let first = ledger
        .recoveries()
        .all()
        .nth(1)
        .map(|watch| watch.aid.clone());
    assert_eq!(first, Some(aid(many - kept)), "the oldest went");
}

#[test]
fn a_comment_names_eight_things_and_counts_the_rest() {
    let anchor = head();
    for (many, more) in [(7, None), (8, None), (9, Some("- and 1 more"))] {
        let mut ledger = watched();
        for number in 0..many {
            let body = seen(3, &format!("e{number}"));
            ledger.apply(&entry(60 + number, 60, body));
        }
        let text = seen_comment(the(&ledger), &"contained".into(), &anchor);
        let rest = text.lines().find(|line| line.starts_with("- and "));
        assert_eq!(rest, more, "{text}");
        let named = text.lines().filter(|line| line.contains("(seen at "));
        assert_eq!(named.count(), usize::try_from(many.min(8)).unwrap_or(0));
    }
}
