//! How many accounts may be acted on in a while, counted from the records, so that a restart forgets nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::campaign::Campaign;
use super::guard::GuardResult;
use super::kind::ActionKind;
use super::ledger::Ledger;
use crate::domain::ids::AccountId;
use crate::domain::text::Safe;
use crate::safe;

/// Window of the cap on one person.
pub const PERSON_WINDOW: Duration = Duration::minutes(10);

/// Window of the cap on one host.
pub const HOST_WINDOW: Duration = Duration::hours(1);

/// Name of the guard, as refusals carry it.
pub const GUARD: &str = "caps";

/// Things that one plan may remove without a second person.
pub const PER_PLAN: usize = 10;

/// Things that one plan may remove at all: what stands in one dialog, one request for an approval and one comment.
pub const PER_PLAN_MOST: usize = 20;

/// Says why no plan may remove so many things, if so.
pub fn beyond_plan(items: usize) -> Option<Safe> {
    (items > PER_PLAN_MOST).then(|| {
        safe!(
            "{} things are more than the {} that one plan may remove",
            items,
            PER_PLAN_MOST
        )
    })
}

/// Says why a plan that removes so many things is beyond the cap, if it is.
pub fn of_plan(items: usize) -> Option<Safe> {
    (items > PER_PLAN).then(|| {
        safe!(
            "cap reached: {} things are more than {} in one plan",
            items,
            PER_PLAN
        )
    })
}

/// Makes a plan beyond the cap of one plan wait for a second person, or refuses it where the policy lets nobody allow it.
pub fn beyond(may_ask: bool, over: Safe, guards: &mut [GuardResult], reasons: &mut Vec<Safe>) {
    if may_ask {
        reasons.push(over);
    } else if let Some(caps) = guards.iter_mut().find(|one| one.guard == GUARD) {
        caps.refusal.get_or_insert(over);
    }
}

/// The caps: different accounts, not requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Accounts one person may act on in ten minutes.
    pub per_person: u32,
    /// Accounts that may be acted on from one host in an hour.
    pub per_host: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            per_person: 5,
            per_host: 20,
        }
    }
}

/// Tells whether a plan of these kinds counts at all: an undo never does.
pub fn counts(kinds: &[ActionKind]) -> bool {
    kinds.iter().any(|kind| *kind != ActionKind::EnableAccount)
}

/// What the caps say to one more account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapWord {
    /// It is within them.
    Within,
    /// It is beyond them, in the name of a campaign.
    Campaign(String),
    /// It is beyond them, and why.
    Over(Safe),
    /// It cannot be counted, and why.
    Unreadable(Safe),
}

impl CapWord {
    /// Says why nothing may be sent. `may_exceed` tells that a second person allowed to go beyond the caps, `named` is the
    /// campaign that was confirmed.
    pub fn refusal(self, may_exceed: bool, named: Option<&str>) -> Option<Safe> {
        match self {
            Self::Within => None,
            Self::Campaign(name) if named == Some(name.as_str()) => None,
            Self::Campaign(_) => Some(
                "a cap was reached meanwhile: plan it again in the name of the campaign".into(),
            ),
            Self::Over(_) if may_exceed => None,
            Self::Over(reason) | Self::Unreadable(reason) => Some(reason),
        }
    }
}

/// Asks the caps, and the campaign where they are reached.
pub fn judge(
    caps: Caps,
    campaign: Option<&Campaign>,
    ledger: &Ledger,
    uid: u32,
    (account, kinds): (&AccountId, &[ActionKind]),
    now: DateTime<Utc>,
) -> CapWord {
    match refusal(caps, ledger, uid, account, kinds, now) {
        None => CapWord::Within,
        Some(reason) => match campaign.filter(|one| one.has_room(ledger, account, now)) {
            Some(one) => CapWord::Campaign(one.name.clone()),
            None => CapWord::Over(reason),
        },
    }
}

/// Refuses one more account when a cap is reached; an account already acted on, and an undo, never counts again.
pub fn refusal(
    caps: Caps,
    ledger: &Ledger,
    uid: u32,
    account: &AccountId,
    kinds: &[ActionKind],
    now: DateTime<Utc>,
) -> Option<Safe> {
    if !counts(kinds) {
        return None;
    }
    let since = |window: Duration, person: Option<u32>| {
        let accounts = acted_on(ledger, window, person, now);
        if accounts.contains(account) {
            0
        } else {
            accounts.len()
        }
    };
    if since(PERSON_WINDOW, Some(uid)) >= caps.per_person as usize {
        return Some(safe!(
            "cap reached: {} accounts by one person in 10 minutes",
            caps.per_person
        ));
    }
    if since(HOST_WINDOW, None) >= caps.per_host as usize {
        return Some(safe!(
            "cap reached: {} accounts from this host in an hour",
            caps.per_host
        ));
    }
    None
}

/// Counts the accounts that count against the caps now: by the person, and from the host.
pub fn used(ledger: &Ledger, uid: u32, now: DateTime<Utc>) -> (usize, usize) {
    (
        acted_on(ledger, PERSON_WINDOW, Some(uid), now).len(),
        acted_on(ledger, HOST_WINDOW, None, now).len(),
    )
}

fn acted_on(
    ledger: &Ledger,
    window: Duration,
    person: Option<u32>,
    now: DateTime<Utc>,
) -> BTreeSet<&AccountId> {
    ledger
        .actions()
        .filter(|action| action.kind != ActionKind::EnableAccount && action.may_have_left())
        .filter(|action| person.is_none_or(|person| action.uid == person))
        .filter(|action| action.sent.is_some_and(|sent| sent > now - window))
        .map(|action| &action.account)
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::OutcomeState;
    use crate::domain::containment::samples::{
        account, at, confirmed, connection, entry, intent, outcome, planned,
    };

    const D: ActionKind = ActionKind::DisableAccount;
    const E: ActionKind = ActionKind::EnableAccount;
    const M: ActionKind = ActionKind::ConfirmCompromised;
    const N: ActionKind = ActionKind::DismissRisk;

    /// Gives the number of a user; the name in a record is whatever it is.
    fn uid(name: &str) -> u32 {
        name.bytes().map(u32::from).sum()
    }

    /// One action for each: kind, user, account, second of the intent, if it was sent.
    fn ledger(acts: &[(ActionKind, &'static str, &'static str, Option<i64>)]) -> Ledger {
        let mut ledger = Ledger::default();
        for ((kind, user, id, sent), number) in acts.iter().zip(1u32..) {
            let mut plan = planned(number.into(), 0, *kind);
            if let crate::domain::audit::Body::ActionPlan { account, .. } = &mut plan {
                *account = AccountId::new(connection(), *id);
            }
            let mut bodies = vec![(plan, 0), (confirmed(number.into(), false), 0)];
            bodies.extend(sent.map(|second| (intent(number.into(), None), second)));
            for (body, second) in bodies {
                let mut entry = entry(u64::from(number), second, body);
                entry.uid = uid(user);
                ledger.apply(&entry);
            }
        }
        ledger
    }

    fn asked(
        ledger: &Ledger,
        person: u32,
        host: u32,
        kind: ActionKind,
        now: i64,
    ) -> Option<String> {
        let caps = Caps {
            per_person: person,
            per_host: host,
        };
        let id = account().id;
        refusal(caps, ledger, uid("jo"), &id, &[kind], at(now)).map(|said| said.as_str().to_owned())
    }

    #[rstest]
    #[case::nothing_yet(&[], 1, 1, 0, None)]
    #[case::none_allowed(&[], 0, 1, 0, Some("person"))]
    #[case::none_from_this_host(&[], 1, 0, 0, Some("host"))]
    #[case::one(&[(D, "jo", "a", Some(0))], 1, 9, 1, Some("person"))]
    #[case::room(&[(D, "jo", "a", Some(0))], 2, 9, 1, None)]
    #[case::the_same_twice(&[(D, "jo", "a", Some(0)), (D, "jo", "a", Some(1))], 2, 9, 2, None)]
    #[case::two(&[(D, "jo", "a", Some(0)), (D, "jo", "b", Some(1))], 2, 9, 2, Some("person"))]
    #[case::not_sent(&[(D, "jo", "a", None)], 1, 1, 1, None)]
    // A policy may lock out who is marked, and let in again who is dismissed.
    #[case::a_mark(&[(M, "jo", "a", Some(0))], 1, 9, 1, Some("person"))]
    #[case::a_dismissal(&[(N, "jo", "a", Some(0))], 1, 9, 1, Some("person"))]
    #[case::an_undo(&[(E, "jo", "a", Some(0))], 1, 1, 1, None)]
    #[case::this_account(&[(D, "jo", "00uAbC", Some(0))], 1, 1, 1, None)]
    #[case::last_moment_of_the_person(&[(D, "jo", "a", Some(0))], 1, 9, 599, Some("person"))]
    #[case::after_ten_minutes(&[(D, "jo", "a", Some(0))], 1, 9, 600, None)]
    #[case::another_person(&[(D, "al", "a", Some(0))], 1, 9, 1, None)]
    #[case::the_host_counts_all(&[(D, "al", "a", Some(0))], 1, 1, 1, Some("host"))]
    #[case::last_moment_of_the_host(&[(D, "jo", "a", Some(0))], 1, 1, 3_599, Some("host"))]
    #[case::after_an_hour(&[(D, "jo", "a", Some(0))], 1, 1, 3_600, None)]
    // A clock set back does not forget.
    #[case::from_the_future(&[(D, "jo", "a", Some(9_000))], 1, 9, 1, Some("person"))]
    fn caps_count_different_accounts_in_their_window(
        #[case] acts: &[(ActionKind, &'static str, &'static str, Option<i64>)],
        #[case] person: u32,
        #[case] host: u32,
        #[case] now: i64,
        #[case] said: Option<&str>,
    ) {
        let ledger = ledger(acts);
        let refused = asked(&ledger, person, host, D, now);
        assert_eq!(refused.is_some(), said.is_some(), "{refused:?}");
        assert!(
            refused
                .unwrap_or_default()
                .contains(said.unwrap_or_default())
        );
        assert_eq!(
            asked(&ledger, person, host, E, now),
            None,
            "an undo never counts"
        );
        assert!(counts(&[E, D]) && !counts(&[E]));
    }

    #[rstest]
    #[case(CapWord::Within, false, None, None)]
    #[case(CapWord::Over("over".into()), false, None, Some("over"))]
    #[case(CapWord::Over("over".into()), true, None, None)]
    #[case(CapWord::Unreadable("hole".into()), true, Some("a"), Some("hole"))]
    #[case(CapWord::Campaign("a".to_owned()), false, Some("a"), None)]
    #[case(CapWord::Campaign("a".to_owned()), true, Some("b"), Some("a cap was reached"))]
    #[case(CapWord::Campaign("a".to_owned()), false, None, Some("a cap was reached"))]
    fn what_the_caps_say_refuses_unless_it_was_allowed(
        #[case] word: CapWord,
        #[case] may_exceed: bool,
        #[case] named: Option<&str>,
        #[case] expected: Option<&str>,
    ) {
        let said = word
            .refusal(may_exceed, named)
            .map(|said| said.as_str().to_owned());
        assert_eq!(said.is_some(), expected.is_some());
        assert!(
            said.unwrap_or_default()
                .starts_with(expected.unwrap_or_default())
        );
    }

    #[test]
    fn what_certainly_never_left_counts_no_more_and_anything_else_does() {
        for (word, counts) in [
            (OutcomeState::NotSent, 0),
            (OutcomeState::Rejected, 1),
            (OutcomeState::NotEffective, 1),
            (OutcomeState::Abandoned, 1),
        ] {
            let mut ledger = ledger(&[(D, "jo", "a", Some(0))]);
            let mut said = entry(2, 1, outcome(1, word));
            said.uid = uid("jo");
            ledger.apply(&said);
            assert_eq!(
                used(&ledger, uid("jo"), at(2)),
                (counts, counts),
                "{word:?}"
            );
        }
    }

    #[test]
    fn what_was_put_off_and_never_left_again_counts() {
        let mut ledger = ledger(&[(D, "jo", "a", Some(0))]);
        let mut second = intent(1, None);
        if let crate::domain::audit::Body::ActionIntent { attempt, .. } = &mut second {
            *attempt = 2;
        }
        let bodies = [second, outcome(1, OutcomeState::NotSent)];
        for (body, n) in bodies.into_iter().zip(2..) {
            let mut said = entry(n, 1, body);
            said.uid = uid("jo");
            ledger.apply(&said);
        }
        assert_eq!(used(&ledger, uid("jo"), at(2)), (1, 1));
    }

    #[test]
    fn what_counts_now_is_told_for_the_person_and_the_host() {
        let acts = [
            (D, "jo", "a", Some(0)),
            (D, "jo", "b", Some(3_000)),
            (D, "al", "c", Some(3_000)),
            (D, "al", "d", Some(3_000)),
            (E, "jo", "e", Some(3_000)),
        ];
        let told = |now| used(&ledger(&acts), uid("jo"), at(now));
        assert_eq!(told(3_001), (1, 4));
        assert_eq!(told(3_600), (0, 3));
        assert_eq!(told(9_000), (0, 0));
    }

    #[test]
    fn without_a_policy_it_is_five_a_person_and_twenty_a_host() {
        let caps = Caps::default();
        assert_eq!((caps.per_person, caps.per_host), (5, 20));
    }

    #[test]
    fn more_than_ten_things_need_a_second_person_or_are_refused() {
        assert_eq!(of_plan(PER_PLAN), None);
        assert_eq!(beyond_plan(PER_PLAN_MOST), None);
        assert!(beyond_plan(PER_PLAN_MOST + 1).is_some());
        for may_ask in [true, false] {
            let mut guards = [GuardResult {
                guard: GUARD,
                refusal: None,
            }];
            let mut reasons = Vec::new();
            let over = of_plan(PER_PLAN + 1).unwrap_or_default();
            assert_eq!(
                over.as_str(),
                "cap reached: 11 things are more than 10 in one plan"
            );
            beyond(may_ask, over, &mut guards, &mut reasons);
            assert_eq!(
                (guards[0].refuses(), reasons.len()),
                (!may_ask, usize::from(may_ask))
            );
        }
    }
}
