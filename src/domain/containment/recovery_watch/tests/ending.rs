//! How a watch ends, who ended it, how it goes on, and which of those that ended are listed.
//!
//! What must not live here: an enabling that begins none (`beginning`), comments on the end (`words`).

use rstest::rstest;

use super::*;
use crate::domain::audit::WatchOver;

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
fn the_case_is_told_with_the_end_of_a_watch_when_it_was_looked_at_last() {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, listed()));
    let told = |looked: Option<i64>| the(&ledger).nothing_told(looked.map(at));
    assert_eq!(
        told(Some(70)).as_str(),
        "nothing seen, looked last 2027-01-15 08:01:10Z"
    );
    assert_eq!(told(None).as_str(), "nothing seen as far as it was read");
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
