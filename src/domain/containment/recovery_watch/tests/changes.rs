//! Which changes of the status and the password of an account ring, and which acts from here excuse them.
//!
//! What must not live here: events and remnants (`ringing`).

use rstest::rstest;

use super::*;
use crate::domain::audit::OutcomeState;
use crate::domain::containment::samples::outcome;

#[rstest]
#[case::as_it_was(-9_000, false, &[], &[])]
#[case::changed(60, false, &[], &["password"])]
#[case::asked_for_from_here(60, false, &[ActionKind::ExpirePassword], &[])]
#[case::reset_from_here(60, false, &[ActionKind::ResetPassword], &[])]
#[case::out(-9_000, true, &[], &["status"])]
// No reset keeps a user out.
#[case::out_and_reset(-9_000, true, &[ActionKind::ResetPassword], &["status"])]
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
// These keep nobody out.
#[case::reset_one_after(ActionKind::ResetPassword, ENABLED + 1, true)]
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
#[case::no_word_yet(None, &["status"])]
#[case::proven(Some(OutcomeState::Verified), &["status"])]
#[case::cannot_be(Some(OutcomeState::Unverifiable), &["status"])]
#[case::given_up(Some(OutcomeState::Abandoned), &["status"])]
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

/// Our disabling was sent at second 40 and has no word: it explains what changed by then.
#[rstest]
#[case::no_time(None, &[])]
#[case::then(Some(160), &[])]
#[case::later(Some(161), &["status"])]
fn a_disabling_from_here_explains_no_later_change_of_the_status(
    #[case] changed: Option<i64>,
    #[case] things: &[&str],
) {
    let mut ledger = watched();
    sent_by(&mut ledger, 7, ActionKind::DisableAccount, ENABLED + 1);
    let mut read = account();
    read.status_changed = changed.map(at);
    let found = judge_account(&read, true, the(&ledger), &ledger, at(900));
    let said: Vec<&str> = found.iter().map(|found| found.thing).collect();
    assert_eq!(said, things);
}

/// A new password is asked for at second 40.
#[rstest]
#[case::within_a_day(40 + 86_400, &[])]
#[case::after_a_day(41 + 86_400, &["password"])]
fn what_we_asked_for_explains_no_password_of_long_after(
    #[case] second: i64,
    #[case] things: &[&str],
) {
    let mut ledger = watched();
    ledger.apply(&entry(50, 60, until(3, 3 * 86_400, "changed")));
    sent_by(&mut ledger, 7, ActionKind::ResetPassword, ENABLED + 20);
    assert_eq!(rung(&ledger, second, false), things);
}

#[test]
fn what_we_ask_for_later_explains_no_password_of_before() {
    let mut ledger = watched();
    let bodies = vec![
        planned(7, 0, ActionKind::ExpirePassword),
        confirmed(7, false),
        intent(7, Some(400)),
    ];
    tell(&mut ledger, ENABLED + 10, bodies);
    assert_eq!(rung(&ledger, 279, false), ["password"]);
    assert_eq!(rung(&ledger, 280, false), [""; 0]);
}

/// The account was disabled by others, or enabled from here before: the reset was sent in another case, or in this one.
#[rstest]
#[case::of_another_case("~1", false, &["password"])]
#[case::of_this_case("~4000", false, &[])]
#[case::after_an_enabling_of_before("~1", true, &["password"])]
fn an_old_reset_explains_nothing_where_no_disabling_was_taken_back(
    #[case] of: &str,
    #[case] enabled_before: bool,
    #[case] things: &[&str],
) {
    let mut ledger = Ledger::default();
    if enabled_before {
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, -900);
        proven(&mut ledger, 2, E, 5, -800);
    }
    let mut reset = planned(7, 0, ActionKind::ResetPassword);
    if let Body::ActionPlan { case, .. } = &mut reset {
        *case = CaseId::new(crate::domain::containment::samples::connection(), of);
    }
    let sent_before = vec![reset, confirmed(7, false), intent(7, Some(-700))];
    tell(&mut ledger, 10, sent_before);
    ledger.apply(&entry(30, 19, until(3, 3_600, "confirmed")));
    proven(&mut ledger, 3, E, 40, 20);
    assert_eq!(rung(&ledger, 60, false), things);
}
