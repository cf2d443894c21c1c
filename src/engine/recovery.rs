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
use crate::domain::containment::remnant::{LeftBehind, Mark, Remnant};
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
        let since = disabled.and_then(ActionView::effective_at);
        (since, standing(ledger, &account.id, |_| false))
    });
    checks.say(of_password(
        account.password_changed,
        disabled.or(window.map(|(from, _)| from)),
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

fn of_left(checks: &mut Checks, left: &LeftBehind, window: Window) {
    let counts = |one: &&Remnant| matches!(Mark::of(one.since, window), Mark::New | Mark::Later);
    if window.is_none() {
        checks.warnings.push(safe!(
            "no window of the compromise is known: {} things that are left were not judged, E shows them",
            left.remnants.len()
        ));
    } else {
        let new: Vec<&Remnant> = left.remnants.iter().filter(counts).collect();
        let names = new.iter().take(NAMED).map(|one| one.item.word());
        let names = Safe::join(names, &Safe::fixed(", "));
        checks.say(match new.len() {
            0 => Ok("nothing that is listed is of the compromise window or later".into()),
            some if some <= NAMED => {
                Err(safe!("still there since the compromise began: {}", names))
            }
            some => Err(safe!(
                "still there since the compromise began: {} and {} more, E shows them",
                names,
                some - NAMED
            )),
        });
    }
    if !left.unread.is_empty() {
        let kinds = left.unread.iter().map(|one| one.kind.word().into());
        let kinds = Safe::join(kinds, &Safe::fixed(", "));
        let line = safe!("not read, or not whole: {}", kinds);
        checks.warnings.push(line);
    }
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
            "the password is that of {}; since when others may know it is not known",
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
}
