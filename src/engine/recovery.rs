//! What should be known before an account is enabled again: what is left, whether the password is another, whether the
//! sessions ended.
//!
//! It warns and refuses nothing: who enables decides. What must not live here: enabling.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::World;
use crate::connect::capability::Identity;
use crate::domain::account::Account;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::remnant::{LeftBehind, Mark, Remnant, RemnantKind};
use crate::domain::containment::standing::{Standing, standing};
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::safe;

/// Longest wait for what is left: enabling must not hang on a list.
const LOOK: Duration = Duration::from_secs(5);

/// Most things that are named.
const NAMED: usize = 4;

/// The window of a compromise, open where it has no end.
pub(super) type Window = Option<(DateTime<Utc>, Option<DateTime<Utc>>)>;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Checks {
    /// What speaks against it, one sentence each.
    pub(super) warnings: Vec<Safe>,
    /// What was looked at and is well, one fragment each.
    pub(super) passed: Vec<Safe>,
}

impl Checks {
    fn say(&mut self, said: Result<Safe, Safe>) {
        match said {
            Ok(good) => self.passed.push(good),
            Err(bad) => self.warnings.push(bad),
        }
    }
}

/// Looks at everything before a plan that enables an account.
pub(super) async fn checks(
    world: &World,
    identity: &dyn Identity,
    account: &Account,
    window: Window,
) -> Checks {
    let mut checks = Checks::default();
    match tokio::time::timeout(LOOK, identity.left_behind(&account.id)).await {
        Ok(Ok(left)) => of_left(&mut checks, &left, window),
        Ok(Err(error)) => checks.warnings.push(safe!(
            "what an attacker may have left could not be read: {}",
            error.what
        )),
        Err(_elapsed) => checks
            .warnings
            .push("what an attacker may have left could not be read in time".into()),
    }
    let (disabled, stands) = world.journal.with(|ledger| {
        let disabled = ledger.on(&account.id).rfind(|act| {
            act.kind == ActionKind::DisableAccount && act.state == ActionState::Verified
        });
        let since = disabled.and_then(ActionView::began_at);
        (since, standing(ledger, &account.id, |_| false))
    });
    checks.say(of_password(
        account.password_changed,
        ours_since(disabled, window),
    ));
    match stands {
        Standing::Contained { .. } => checks
            .passed
            .push("its sessions were revoked since it was disabled, proven".into()),
        Standing::Partly { missing, .. } => checks
            .warnings
            .extend(missing.into_iter().map(|part| safe!("before: {}", part))),
        Standing::Free => {}
    }
    checks
}

/// Says which ways to have the password back should be looked at: whoever set one comes back by it, whatever the password.
fn of_recovery(checks: &mut Checks, left: &LeftBehind, window: Window) {
    let named = |marks: &[Mark]| {
        let all = left.remnants.iter().filter(|one| {
            one.item.kind == RemnantKind::RecoveryData
                && marks.contains(&Mark::of(one.since, window))
        });
        let names: Vec<Safe> = all.map(|one| one.item.name.field()).collect();
        let more = names.len().saturating_sub(NAMED);
        let some = names.into_iter().take(NAMED);
        let some = Safe::join(some, &Safe::fixed(", "));
        match (some.as_str().is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(some),
            (false, more) => Some(safe!("{} and {} more", some, more)),
        }
    };
    if let Some(names) = named(&[Mark::New, Mark::Later]) {
        checks.warnings.push(safe!(
            "recovery data was set since the compromise began: {}; who has it gets a new password",
            names
        ));
    }
    if let Some(names) = named(&[Mark::Untimed, Mark::Unjudged]) {
        checks.warnings.push(safe!(
            "review the recovery data with the user, nobody tells when it was set: {}",
            names
        ));
    }
}

fn of_left(checks: &mut Checks, left: &LeftBehind, window: Window) {
    of_recovery(checks, left, window);
    if window.is_none() {
        checks.warnings.push(safe!(
            "no window of the compromise is known: {} things that are left were not judged, E shows them",
            left.remnants.len()
        ));
    } else {
        let mark = |one: &Remnant| Mark::of(one.since, window);
        // Recovery data has a word of its own.
        let others = || {
            let all = left.remnants.iter();
            all.filter(|one| one.item.kind != RemnantKind::RecoveryData)
        };
        let is_new = |one: &&Remnant| matches!(mark(one), Mark::New | Mark::Later);
        let new: Vec<&Remnant> = others().filter(is_new).collect();
        let is_untimed = |one: &&Remnant| mark(one) == Mark::Untimed;
        let untimed = others().filter(is_untimed).count();
        let names = new.iter().take(NAMED).map(|one| one.item.word());
        let names = Safe::join(names, &Safe::fixed(", "));
        match (new.len(), untimed) {
            (0, 0) if checks.warnings.is_empty() => checks
                .passed
                .push("nothing that is listed is of the compromise window or later".into()),
            // What has no time may be new: nothing is well yet.
            (0, _) => {}
            (some, _) if some <= NAMED => checks
                .warnings
                .push(safe!("still there since the compromise began: {}", names)),
            (some, _) => checks.warnings.push(safe!(
                "still there since the compromise began: {} and {} more, E shows them",
                names,
                some - NAMED
            )),
        }
        match untimed {
            0 => {}
            1 => checks
                .warnings
                .push("1 thing has no time and may be of the compromise, E shows it".into()),
            some => checks.warnings.push(safe!(
                "{} things have no time and may be of the compromise, E shows them",
                some
            )),
        }
    }
    if !left.unread.is_empty() {
        let kinds = left.unread.iter().map(|one| one.kind.word().into());
        let kinds = Safe::join(kinds, &Safe::fixed(", "));
        let line = safe!("not read, or not whole: {}", kinds);
        checks.warnings.push(line);
    }
}

/// Gives the time from which a new password is ours: of our disabling, else of the end of the compromise. Within the window
/// the attacker may have chosen it, and a disabling of before the window is another incident's.
fn ours_since(disabled: Option<DateTime<Utc>>, window: Window) -> Option<DateTime<Utc>> {
    disabled
        .filter(|at| window.is_none_or(|(from, _)| *at >= from))
        .or(window.and_then(|(_, until)| until))
}

fn of_password(changed: Option<DateTime<Utc>>, since: Option<DateTime<Utc>>) -> Result<Safe, Safe> {
    match (changed, since) {
        (None, _) => Err("when the password was last changed is not known".into()),
        (Some(at), Some(since)) if at > since => {
            Ok(safe!("the password was changed at {}", time_word(at)))
        }
        (Some(at), Some(_)) => Err(safe!(
            "the password is that of {}, of before: whoever knew it signs in again; reset it",
            time_word(at)
        )),
        (Some(at), None) => Err(safe!(
            "the password is that of {}; whether others know it is not known",
            time_word(at)
        )),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::domain::containment::remnant::{Item, RemnantKind};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_230_000 + seconds, 0).unwrap_or_default()
    }

    fn left(since: &[i64]) -> LeftBehind {
        let mut left = LeftBehind::default();
        let one = |(place, since): (usize, &i64)| Remnant {
            since: Some(at(*since)),
            ..Remnant::new(
                Item::new(RemnantKind::OauthGrant, "a", &format!("app{place}")),
                &json!({}),
            )
        };
        let all = since.iter().enumerate().map(one).collect();
        left.add(RemnantKind::OauthGrant, Ok(all));
        left
    }

    #[rstest]
    #[case(&[-5], Some(0), "", 1)]
    #[case(&[5, -5], Some(0), "still there since the compromise began: OAuth grant app0", 0)]
    #[case(&[1, 2, 3, 4, 5, 6], Some(0), "and 2 more", 0)]
    #[case(&[5], None, "1 things that are left were not judged", 0)]
    fn what_is_left_of_the_window_is_a_warning(
        #[case] since: &[i64],
        #[case] from: Option<i64>,
        #[case] says: &str,
        #[case] passed: usize,
    ) {
        let mut checks = Checks::default();
        of_left(&mut checks, &left(since), from.map(|from| (at(from), None)));
        assert_eq!(checks.passed.len(), passed, "{checks:?}");
        let said = checks.warnings.first().map_or("", Safe::as_str);
        assert!(
            said.contains(says) && said.is_empty() == says.is_empty(),
            "{said}"
        );
    }

    #[rstest]
    #[case(&[], 1, &["1 thing has no time and may be of the compromise, E shows it"])]
    #[case(&[-5], 2, &["2 things have no time and may be of the compromise, E shows them"])]
    #[case(
        &[5],
        1,
        &[
            "still there since the compromise began: OAuth grant app0",
            "1 thing has no time and may be of the compromise, E shows it",
        ]
    )]
    fn what_has_no_time_may_be_new(
        #[case] since: &[i64],
        #[case] untimed: usize,
        #[case] says: &[&str],
    ) {
        let mut all = left(since);
        let rule = |place: usize| {
            let item = Item::new(RemnantKind::InboxRule, format!("r{place}"), "rule");
            Remnant::new(item, &json!({}))
        };
        all.add(RemnantKind::InboxRule, Ok((0..untimed).map(rule).collect()));
        let mut checks = Checks::default();
        of_left(&mut checks, &all, Some((at(0), None)));
        let said: Vec<&str> = checks.warnings.iter().map(Safe::as_str).collect();
        assert_eq!(said, says);
        assert!(checks.passed.is_empty(), "{checks:?}");
    }

    #[rstest]
    #[case::set_in_it(Some(5), "recovery data was set since the compromise began: a@x.org; ")]
    #[case::before(Some(-5), "")]
    #[case::without_a_time(None, "review the recovery data with the user, ")]
    fn recovery_data_is_reviewed(#[case] since: Option<i64>, #[case] says: &str) {
        let mut some = left(&[]);
        let mail = Remnant {
            since: since.map(at),
            ..Remnant::new(
                Item::new(RemnantKind::RecoveryData, "secondEmail", "a@x.org"),
                &json!({}),
            )
        };
        some.add(RemnantKind::RecoveryData, Ok(vec![mail]));
        let mut checks = Checks::default();
        of_left(&mut checks, &some, Some((at(0), None)));
        let said: Vec<&str> = checks.warnings.iter().map(Safe::as_str).collect();
        match says {
            "" => assert_eq!((said.len(), checks.passed.len()), (0, 1), "{checks:?}"),
            says => {
                assert!(said.len() == 1 && said[0].starts_with(says), "{said:?}");
                assert!(checks.passed.is_empty(), "{checks:?}");
            }
        }
    }

    #[test]
    fn what_was_not_read_is_named() {
        let mut checks = Checks::default();
        let mut some = left(&[]);
        some.add(RemnantKind::Session, Err("no list".into()));
        of_left(&mut checks, &some, Some((at(0), None)));
        assert_eq!(
            checks.warnings[0].as_str(),
            "not read, or not whole: session"
        );
    }

    #[rstest]
    #[case(Some(5), Some(0), true)]
    #[case(Some(0), Some(0), false)]
    #[case(Some(-5), Some(0), false)]
    #[case(Some(5), None, false)]
    #[case(None, Some(0), false)]
    fn only_a_newer_password_is_another(
        #[case] changed: Option<i64>,
        #[case] since: Option<i64>,
        #[case] is_good: bool,
    ) {
        assert_eq!(of_password(changed.map(at), since.map(at)).is_ok(), is_good);
    }

    #[rstest]
    #[case::inside_the_window(None, Some((0, Some(10))), 5, false)]
    #[case::after_the_window(None, Some((0, Some(10))), 11, true)]
    #[case::the_window_is_open(None, Some((0, None)), 5, false)]
    #[case::no_window(None, None, 5, false)]
    #[case::before_it_was_disabled(Some(20), Some((0, Some(10))), 15, false)]
    #[case::since_it_was_disabled(Some(20), Some((0, None)), 25, true)]
    #[case::disabled_in_another_incident(Some(20), Some((30, Some(40))), 35, false)]
    fn a_password_of_the_compromise_is_not_ours(
        #[case] disabled: Option<i64>,
        #[case] window: Option<(i64, Option<i64>)>,
        #[case] changed: i64,
        #[case] is_good: bool,
    ) {
        let window = window.map(|(from, until)| (at(from), until.map(at)));
        let since = ours_since(disabled.map(at), window);
        assert_eq!(of_password(Some(at(changed)), since).is_ok(), is_good);
    }
}
