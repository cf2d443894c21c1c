//! What begins a watch and what does not, what it has then, and what is known of its beginning.
//!
//! What must not live here: how it ends (`ending`).

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::domain::audit::OutcomeState;
use crate::domain::containment::samples::outcome;

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

#[rstest]
#[case(20 + 60, None)]
#[case(20 + 121, Some("first listed 2 min after the enabling: what was new by then cannot be told"))]
#[case(20 + 1_800, Some("first listed 30 min after the enabling: what was new by then cannot be told"))]
#[case(20 + 8 * 3_600, Some("first listed 8 h after the enabling: what was new by then cannot be told"))]
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
