use rstest::rstest;
use serde_json::json;

use super::left::{ITEMS_MAX, NO_LIST, limits, unread};
use super::*;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use crate::domain::containment::samples::aid;

fn left(unread: &[(RemnantKind, &'static str)]) -> LeftBehind {
    let mut left = LeftBehind::default();
    let item = Item::new(RemnantKind::OauthGrant, "g", "Mail Sync");
    let grant = Remnant::new(item, &json!({}));
    left.add(RemnantKind::OauthGrant, Ok(vec![grant]));
    for (kind, reason) in unread {
        left.add(*kind, Err((*reason).into()));
    }
    left
}

#[rstest]
#[case::all_read(&[], 1, None)]
#[case::refused(
    &[(RemnantKind::InboxRule, "403")],
    1,
    Some("inbox rule was not read whole: 403")
)]
#[case::two_refused(
    &[(RemnantKind::InboxRule, "403"), (RemnantKind::Delegate, "429")],
    1,
    Some("inbox rule was not read whole: 403; delegate was not read whole: 429")
)]
#[case::what_does_not_ring(&[(RemnantKind::Session, "403"), (RemnantKind::Device, "403")], 1, None)]
#[case::no_list(
    &[(RemnantKind::Forwarding, "this does not tell it: look in the mail server")],
    1,
    None
)]
#[case::just_kept(&[], ITEMS_MAX, None)]
#[case::too_many(
    &[],
    ITEMS_MAX + 1,
    Some("501 things are listed, more than the 500 that can be kept: only what has a time is judged")
)]
fn what_was_not_read_of_the_list_is_a_fault(
    #[case] refused: &[(RemnantKind, &'static str)],
    #[case] items: usize,
    #[case] says: Option<&str>,
) {
    let fault = unread(&left(refused), items);
    assert_eq!(fault.as_ref().map(|fault| fault.what.as_str()), says);
}

#[test]
fn the_words_for_no_list_are_those_that_a_provider_says() {
    let entra = include_str!("../../../connect/entra/left.rs");
    assert!(entra.contains(NO_LIST));
}

#[test]
fn a_part_of_a_kind_is_not_the_whole() {
    let mut left = left(&[]);
    left.add_part(RemnantKind::MfaMethod, Vec::new(), "codes: 403".into());
    let fault = unread(&left, 0).unwrap_or_else(|| panic!("it is a fault"));
    let says = "MFA method was not read whole: codes: 403";
    assert_eq!(fault.what.as_str(), says);
    assert!(limits(&left).is_none());
    assert_eq!(left.elsewhere().len(), RemnantKind::ALL.len() - 2);
}

#[test]
fn what_is_never_told_of_a_kind_that_was_read_is_no_fault() {
    let mut left = left(&[
        (RemnantKind::OauthGrant, "some are not listed"),
        (RemnantKind::Session, "none are listed"),
    ]);
    assert!(unread(&left, 0).is_none());
    let says = |left: &LeftBehind| limits(left).map(|limits| limits.as_str().to_owned());
    assert_eq!(says(&left).as_deref(), Some("some are not listed"));
    left.add(RemnantKind::InboxRule, Err("403".into()));
    assert!(unread(&left, 0).is_some());
    assert_eq!(says(&left).as_deref(), Some("some are not listed"));
}

#[test]
fn what_fails_is_read_again_soon_and_what_goes_on_failing_is_not() {
    let (mut kept, aid) = (Kept::default(), aid(3));
    assert!(kept.is_due(&aid, 0), "never read");
    let refused = || Some(Fault::new("403"));
    let unrecorded = || Some(Fault::new(UNRECORDED));
    let soon = LEFT_EVERY / 5;
    for (round, fault, every) in [
        (0, None, LEFT_EVERY),
        (100, refused(), soon),
        (200, refused(), LEFT_EVERY),
        (300, Some(Fault::new("429")), soon),
        (400, None, LEFT_EVERY),
        (500, refused(), soon),
        // While nothing can be recorded the list is not read at every look either.
        (600, unrecorded(), soon),
        (700, unrecorded(), soon),
    ] {
        kept.keep_listed(&aid, round, &Look::new("okta".into(), fault));
        assert!(!kept.is_due(&aid, round + every - 1), "{round}");
        assert!(kept.is_due(&aid, round + every), "{round}");
    }
}

#[test]
fn only_what_could_not_be_recorded_waits() {
    let look = |fault| Look::new("okta".into(), fault);
    let unrecorded = look(Some(Fault::new(UNRECORDED)));
    assert!(unrecorded.is_unrecorded() && !unrecorded.is_held());
    let held = look(Some(Fault::new(HELD)));
    assert!(held.is_unrecorded() && held.is_held());
    assert!(!look(Some(Fault::new("403"))).is_unrecorded());
    assert!(!look(None).is_unrecorded());
}
