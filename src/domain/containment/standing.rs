//! Whether an account is contained: one rule, in one place.

use chrono::{DateTime, TimeDelta, Utc};

use super::kind::ActionKind;
use super::ledger::{ActionView, Ledger};
use super::state::ActionState;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::freshness::clock_word;
use crate::domain::ids::AccountId;
use crate::domain::text::Safe;
use crate::safe;

/// What is missing where the last disabling was closed by hand and may have had its effect.
const BY_HAND: &str = "its disabling was closed by hand, not proven";

/// What is missing where the account reads as disabled and nobody could prove who did that.
const BY_OTHERS: &str = "disabled, but not provably by an action of ours";

/// What is missing where nothing from here disabled it.
pub(super) const NOT_DISABLED: &str = "no disabling from here holds";

/// What is missing where the provider says that the account is enabled, though it was proven to be disabled.
pub(super) const ACTIVE_AGAIN: &str = "the account is ACTIVE again";

/// What is missing where a disabling was sent and its final word was not said yet.
pub(super) const PERHAPS_DISABLED: &str = "perhaps disabled";

/// What is missing where a disabling was sent, nobody could prove what became of it, and nothing read otherwise.
const UNPROVEN: &str = "whether our disabling took effect is not known";

/// What is missing where an enabling was sent, and nobody could prove what became of it.
const PERHAPS_ENABLED: &str = "account perhaps enabled again";

/// What is missing where no session was ended from here.
const NOT_REVOKED: &str = "sessions not revoked";

/// What is missing where sessions were ended from here, but before it was disabled.
const NOT_REVOKED_SINCE: &str = "sessions not revoked since it was disabled";

/// How finely the clock of a provider's answers is told.
const SECOND: TimeDelta = TimeDelta::seconds(1);

/// How long one that is disabled by nobody knows whom is listed for that alone: as long as it is watched.
const LISTED: TimeDelta = TimeDelta::days(7);

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was proven against it and no disabling was closed by hand, or everything was undone.
    Free,
    /// Disable proven, revoke proven after it, and no success since.
    Contained {
        /// The provider's time of the act that completed it.
        since: DateTime<Utc>,
    },
    /// Some of it; what is missing in words.
    Partly {
        /// What is missing, one fragment each.
        missing: Vec<Safe>,
        /// The provider's time of the last proven act, else of the disabling that was closed by hand.
        since: DateTime<Utc>,
    },
}

impl Standing {
    /// Gives the words shown for it.
    pub fn word(&self) -> Safe {
        match self {
            Self::Free => "not contained".into(),
            Self::Contained { .. } => "contained".into(),
            Self::Partly { missing, .. } => {
                let mut text: Safe = "partly contained: ".into();
                for (index, part) in missing.iter().enumerate() {
                    let comma: &'static str = if index == 0 { "" } else { ", " };
                    text = safe!("{}{}{}", text, comma, part);
                }
                text
            }
        }
    }

    /// Takes back "contained", or that others disabled it, when the provider says later than that, by its clock and by ours,
    /// that the account is active; `looked` is when it was asked.
    pub fn reconsider(&mut self, account: &Account, looked: DateTime<Utc>) {
        let is_later = |since: DateTime<Utc>| looked > since && account.server_date > Some(since);
        let Some(since) = self.since().filter(|since| is_later(*since)) else {
            return;
        };
        if account.status != AccountStatus::Active {
            return;
        }
        let is_nothing_else = self.is_by_others_alone();
        let is_open = |part: &Safe| [BY_OTHERS, UNPROVEN].contains(&part.as_str());
        match self {
            Self::Contained { .. } => {
                *self = Self::Partly {
                    missing: vec![ACTIVE_AGAIN.into()],
                    since,
                };
            }
            Self::Partly { .. } if is_nothing_else => *self = Self::Free,
            Self::Partly { missing, .. } if missing.iter().any(is_open) => {
                missing.retain(|part| part.as_str() != NOT_REVOKED_SINCE);
                let open = missing.iter_mut().filter(|part| is_open(part));
                open.for_each(|part| *part = NOT_DISABLED.into());
            }
            Self::Partly { .. } | Self::Free => {}
        }
    }

    /// Forgets what only reads as disabled, by nobody knows whom, once it is not watched any more.
    pub fn lapse(&mut self, now: DateTime<Utc>) {
        if self.lapses_at().is_some_and(|at| now >= at) {
            *self = Self::Free;
        }
    }

    /// Tells when what only reads as disabled, by nobody knows whom, is forgotten.
    pub fn lapses_at(&self) -> Option<DateTime<Utc>> {
        let since = self.since().filter(|_| self.is_by_others_alone());
        since.map(|since| since + LISTED)
    }

    /// Tells whether nothing is known of it but that it reads as disabled, by nobody knows whom, or that a disabling was sent.
    fn is_by_others_alone(&self) -> bool {
        (self.lacks(BY_OTHERS) || self.lacks(UNPROVEN)) && self.lacks(NOT_REVOKED)
    }

    /// Tells whether a disabling is on its way or being read back, and nothing else disables the account.
    pub fn is_pending(&self) -> bool {
        self.lacks(PERHAPS_DISABLED)
    }

    /// Tells whether nobody knows how the account stands, for what became of its last disabling was never read.
    pub fn is_unproven(&self) -> bool {
        self.lacks(UNPROVEN)
    }

    /// Tells whether nobody knows how the account stands, for its last disabling was closed by hand.
    pub fn is_by_hand(&self) -> bool {
        self.lacks(BY_HAND)
    }

    /// Tells whether the account is disabled by all that is on record; `None` where nobody knows.
    pub fn is_disabled(&self) -> Option<bool> {
        if *self == Self::Free || self.lacks(NOT_DISABLED) || self.lacks(ACTIVE_AGAIN) {
            return Some(false);
        }
        let unknown = [BY_HAND, PERHAPS_DISABLED, UNPROVEN, PERHAPS_ENABLED];
        (!unknown.iter().any(|word| self.lacks(word))).then_some(true)
    }

    /// Tells whether the provider says, later than what completed the containment, that the account is enabled.
    pub fn is_active_again(&self) -> bool {
        self.lacks(ACTIVE_AGAIN)
    }

    fn lacks(&self, word: &str) -> bool {
        match self {
            Self::Free | Self::Contained { .. } => false,
            Self::Partly { missing, .. } => missing.iter().any(|part| part.as_str() == word),
        }
    }

    /// Says how it stands and since when: whole from then on, or acted on then and not whole now.
    pub fn since_word(&self, time: impl Fn(DateTime<Utc>) -> Safe) -> Safe {
        match self {
            Self::Free => self.word(),
            Self::Contained { since } => safe!("{} since {}", self.word(), time(*since)),
            Self::Partly { since, .. } => safe!("{}; acted on {}", self.word(), time(*since)),
        }
    }

    /// Gives the time after which a success of the account is an alarm.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Free => None,
            Self::Contained { since } | Self::Partly { since, .. } => Some(*since),
        }
    }
}

/// Judges an account by the records; `success_since` tells whether it had a success after a given time.
pub fn standing(
    ledger: &Ledger,
    account: &AccountId,
    success_since: impl Fn(DateTime<Utc>) -> bool,
) -> Standing {
    // By the provider's clock: when it answered, in whole seconds, and when the effect began, as finely as that is told.
    let mut disabled: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
    let mut revoked: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
    // Whatever a provider's clock says: what was sent before the disabling can not have ended a session of after it.
    let mut revoked_after = false;
    let mut by_others = false;
    // Since when it was disabled before an enabling that nobody could prove.
    let mut perhaps_at: Option<DateTime<Utc>> = None;
    // When the last disabling began, where the account read as disabled to its end and nobody could prove it.
    let mut late_at: Option<DateTime<Utc>> = None;
    // Since when it was disabled by nobody knows whom, and whether sessions were ended after that.
    let mut others_since: Option<DateTime<Utc>> = None;
    let mut revoked_since = false;
    // When the first disabling was sent that is on its way, or being read back.
    let mut pending: Option<DateTime<Utc>> = None;
    // When the last disabling was sent, where nobody could prove it and nothing read otherwise.
    let mut unproven: Option<DateTime<Utc>> = None;
    // When the last disabling began, where it was closed by hand and may have had its effect.
    let mut by_hand: Option<DateTime<Utc>> = None;
    let all: Vec<&ActionView> = ledger.on(account).collect();
    let sent = all.iter().copied();
    let mut acts: Vec<_> = sent.filter(|action| action.sent.is_some()).collect();
    // The order of the log, not of the clock: a clock set back must not put a disable after its undo.
    acts.sort_by_key(|action| (action.sent_n, action.order));
    let mut disabled_n = 0;
    // As late as it was read back: a time outside of the request is that of another act, and what ended sessions before
    // that did not end all of those of before it.
    let mut disabled_at: Option<DateTime<Utc>> = None;
    for action in &acts {
        let at = action.effective_at().zip(action.watched_from());
        let proven = action.state == ActionState::Verified;
        match action.kind {
            ActionKind::DisableAccount => {
                // It was sent because the account was found active: no earlier proof holds any more. One of an act after that
                // look does, where this one came too late for it.
                let late = action.matches == Some(true)
                    && matches!(
                        action.state,
                        ActionState::Rejected | ActionState::Unverifiable
                    );
                let looked = action.server_before;
                let still =
                    disabled.filter(|(at, _)| late && looked.is_some_and(|looked| *at >= looked));
                revoked_after &= !proven;
                if proven {
                    disabled_n = action.sent_n;
                    let began = action.began_at();
                    disabled_at = match action.effect_at {
                        Some(told) => began.max(Some(told)),
                        // Nothing tells when: it may have been at the end of the second of its answer.
                        None => began.map(|at| at.checked_add_signed(SECOND).unwrap_or(at)),
                    };
                }
                disabled = at.filter(|_| proven).or(still);
                by_others = late;
                late_at = action.watched_from().filter(|_| late);
                others_since = action.effect_at.or(late_at);
                // Where no time of it is told, nobody knows that it was before an earlier revocation.
                let ended = revoked.zip(action.effect_at);
                revoked_since = ended.is_some_and(|((_, ended), disabled)| ended >= disabled);
                // One that was refused is read back all the same.
                let is_pending = action.is_unfinished() && action.state != ActionState::NotSent;
                pending = pending.or(action.watched_from().filter(|_| is_pending));
                by_hand = action.watched_from().filter(|_| action.is_closed_by_hand());
                let is_open = action.state == ActionState::Unverifiable && action.matches.is_none();
                unproven = action.watched_from().filter(|_| is_open);
                perhaps_at = None;
            }
            ActionKind::RevokeSessions => {
                // A plan may end several things one by one: it has revoked where each of them is proven, and none was left
                // unsent that belongs to the same side of its disabling.
                let of_plan = || all.iter().filter(|part| part.pid == action.pid);
                let is_left = |part: &ActionView| {
                    let between = part.order.min(action.order)..part.order.max(action.order);
                    let mut disablings =
                        of_plan().filter(|one| one.kind == ActionKind::DisableAccount);
                    part.confirmed.is_some()
                        && part.sent.is_none()
                        && !disablings.any(|one| between.contains(&one.order))
                };
                let parts: Vec<_> = of_plan()
                    .filter(|part| part.kind == action.kind)
                    .filter(|part| part.sent_n > disabled_n || is_left(part))
                    .collect();
                let whole = proven && parts.iter().all(|part| part.state == ActionState::Verified);
                // Sent after the disabling, but what was read back is of before it: the effect of an earlier request.
                let is_older = parts.iter().any(|part| {
                    let times = part.effect_at.zip(disabled_at);
                    times.is_some_and(|(ended, disabled)| ended < disabled)
                });
                revoked_after |= whole && !is_older;
                revoked = revoked.max(at.filter(|_| whole));
                let ended = at.filter(|_| whole).zip(others_since);
                revoked_since |= ended.is_some_and(|((_, ended), disabled)| ended >= disabled);
            }
            // A new password keeps nobody out who has a session or another way in, and neither does one way in less. What
            // the provider is told of the risk is a word: what follows from it is for its own rules.
            ActionKind::ResetPassword
            | ActionKind::ExpirePassword
            | ActionKind::RemoveItem
            | ActionKind::ConfirmCompromised
            | ActionKind::DismissRisk => {}
            ActionKind::EnableAccount if proven => {
                (disabled, revoked, perhaps_at) = (None, None, None);
                (by_others, by_hand, late_at) = (false, None, None);
                (pending, unproven) = (None, None);
            }
            ActionKind::EnableAccount => {
                if action.may_have_had_effect() {
                    perhaps_at = disabled.take().map(|(_, since)| since).or(perhaps_at);
                    // Where others disabled it and we may have enabled it, nothing of it is left to us.
                    (late_at, by_others) = (None, false);
                }
            }
        }
    }
    // What was closed by hand, or is disabled by nobody knows whom, proves nothing, and may hold all the same.
    let proof = disabled.max(revoked).map(|(_, since)| since);
    let open = by_hand.or(late_at).or(unproven).or(perhaps_at);
    // A revocation of before it is no time of a disabling that may hold: what was read in between says nothing of it.
    let may_hold = late_at.max(unproven).filter(|_| disabled.is_none());
    let Some(since) = proof.max(may_hold).or(open).or(pending) else {
        return Standing::Free;
    };
    let mut missing: Vec<Safe> = Vec::new();
    match (disabled, revoked) {
        (None, _) if perhaps_at.is_some() => missing.push(PERHAPS_ENABLED.into()),
        (None, revoked) if by_others => {
            missing.push(BY_OTHERS.into());
            let unended = match revoked {
                None => Some(NOT_REVOKED),
                Some(_) => (!revoked_since).then_some(NOT_REVOKED_SINCE),
            };
            missing.extend(unended.map(Safe::from));
        }
        (None, _) if by_hand.is_some() => missing.push(BY_HAND.into()),
        (None, revoked) if pending.is_some() => {
            missing.push(PERHAPS_DISABLED.into());
            missing.extend(revoked.is_none().then(|| Safe::from(NOT_REVOKED)));
        }
        (None, revoked) if unproven.is_some() => {
            missing.push(UNPROVEN.into());
            missing.extend(revoked.is_none().then(|| Safe::from(NOT_REVOKED)));
        }
        (None, _) => missing.push(NOT_DISABLED.into()),
        (Some(_), None) => missing.push(NOT_REVOKED.into()),
        (Some((disabled, _)), Some((revoked, _))) if revoked < disabled || !revoked_after => {
            missing.push(NOT_REVOKED_SINCE.into());
        }
        _ => {}
    }
    if let Some(seen) = ledger.holds().successes(account, since).next() {
        missing.push(safe!(
            "success after containment at {}",
            clock_word(seen.at)
        ));
    } else if success_since(since) {
        missing.push("activity since".into());
    }
    if missing.is_empty() {
        Standing::Contained { since }
    } else {
        Standing::Partly { missing, since }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed, OutcomeState};
    use crate::domain::containment::samples::{
        account, aid, at, confirmed, entry, intent, outcome, pid, planned, proven,
    };

    const D: ActionKind = ActionKind::DisableAccount;
    const R: ActionKind = ActionKind::RevokeSessions;
    const E: ActionKind = ActionKind::EnableAccount;
    const P: ActionKind = ActionKind::ResetPassword;

    fn judged(acts: &[(ActionKind, i64)], active_since: bool) -> Standing {
        let mut ledger = Ledger::default();
        for ((kind, second), number) in acts.iter().zip(1u32..) {
            proven(
                &mut ledger,
                number.into(),
                *kind,
                u64::from(number) * 10,
                *second,
            );
        }
        standing(&ledger, &account().id, |_| active_since)
    }

    #[test]
    fn a_removal_neither_contains_nor_ends_a_containment() {
        const X: ActionKind = ActionKind::RemoveItem;
        assert_eq!(judged(&[(X, 0), (X, 1)], false), Standing::Free);
        let without = judged(&[(D, 0), (R, 1)], false);
        assert_eq!(judged(&[(D, 0), (R, 1), (X, 2)], false), without);
        assert_eq!(judged(&[(X, 0), (D, 1)], true), judged(&[(D, 1)], true));
    }

    #[test]
    fn a_word_on_the_risk_neither_contains_nor_ends_a_containment() {
        for kind in [ActionKind::ConfirmCompromised, ActionKind::DismissRisk] {
            assert_eq!(judged(&[(kind, 0), (kind, 1)], false), Standing::Free);
            let partly = judged(&[(R, 0), (kind, 1)], false);
            assert_eq!(partly, judged(&[(R, 0)], false));
            let whole = judged(&[(D, 0), (R, 1)], false);
            assert_eq!(judged(&[(D, 0), (R, 1), (kind, 2)], false), whole);
        }
    }

    #[rstest]
    #[case(&[], false, "not contained")]
    #[case(&[], true, "not contained")]
    #[case(&[(E, 0)], false, "not contained")]
    #[case(&[(R, 0)], false, "partly contained: no disabling from here holds")]
    #[case(&[(R, 0)], true, "partly contained: no disabling from here holds, activity since")]
    #[case(&[(D, 0)], false, "partly contained: sessions not revoked")]
    #[case(&[(P, 0)], false, "not contained")]
    #[case(&[(R, 0), (P, 5), (R, 9)], false, "partly contained: no disabling from here holds")]
    #[case(&[(R, 0), (D, 5)], false, "partly contained: sessions not revoked since it was disabled")]
    #[case(&[(D, 0), (R, 5)], false, "contained")]
    #[case(&[(D, 5), (R, 5)], false, "contained")]
    // A revoke of before, or of the same second.
    #[case(&[(R, 5), (D, 5)], false, "partly contained: sessions not revoked since it was disabled")]
    #[case(&[(R, 9), (D, 5)], false, "partly contained: sessions not revoked since it was disabled")]
    #[case(&[(D, 0), (R, 5)], true, "partly contained: activity since")]
    #[case(&[(R, 0), (D, 5), (R, 9)], false, "contained")]
    #[case(&[(R, 0), (D, 5), (R, 9), (E, 20)], false, "not contained")]
    #[case(&[(D, 0), (R, 5), (E, 20), (D, 30)], false, "partly contained: sessions not revoked")]
    #[case(&[(D, 0), (R, 5), (E, 20), (D, 30), (R, 31)], false, "contained")]
    // A clock set back does not put the undo before the disable.
    #[case(&[(D, 100), (R, 105), (E, 20)], false, "not contained")]
    fn one_rule_says_how_an_account_stands(
        #[case] acts: &[(ActionKind, i64)],
        #[case] active: bool,
        #[case] word: &str,
    ) {
        assert_eq!(judged(acts, active).word().as_str(), word);
    }

    fn accepted() -> Body {
        Body::ActionAck {
            aid: aid(1),
            attempt: 1,
            status: 200,
            request_id: None,
            server_date: Some(at(0)),
        }
    }

    fn unknown() -> Body {
        Body::ActionUnknown {
            aid: aid(1),
            attempt: 1,
            reason: "reset".into(),
        }
    }

    fn refused(number: u128) -> Body {
        Body::ActionRejected {
            aid: aid(number),
            attempt: 1,
            status: 403,
            reason: "no".into(),
        }
    }

    fn enabling(state: Option<OutcomeState>) -> Vec<Body> {
        let sent = [planned(3, 0, E), confirmed(3, false), intent(3, Some(9))];
        let word = state.map(|state| outcome(3, state));
        sent.into_iter().chain(word).collect()
    }

    fn again() -> Vec<Body> {
        let sent = [planned(3, 0, D), confirmed(3, false), intent(3, Some(9))];
        sent.into_iter().chain([refused(3)]).collect()
    }

    const PERHAPS: &str = "partly contained: perhaps disabled";
    const NONE_HOLDS: &str = "partly contained: no disabling from here holds";

    /// A disabling that was sent, what is on record of it since, and a proven revocation.
    #[rstest]
    #[case::requested(vec![], PERHAPS, None)]
    #[case::accepted(vec![accepted()], PERHAPS, None)]
    #[case::unknown(vec![unknown()], PERHAPS, None)]
    #[case::refused_and_being_read_back(vec![refused(1)], PERHAPS, None)]
    #[case::refused_and_over(
        vec![refused(1), outcome(1, OutcomeState::Rejected)], NONE_HOLDS, Some(false)
    )]
    #[case::refuted(vec![accepted(), outcome(1, OutcomeState::NotEffective)], NONE_HOLDS, Some(false))]
    #[case::refused_once_more(again(), PERHAPS, None)]
    #[case::being_enabled(enabling(None), PERHAPS, None)]
    #[case::perhaps_enabled(enabling(Some(OutcomeState::Unverifiable)), PERHAPS, None)]
    #[case::enabled(enabling(Some(OutcomeState::Verified)), "not contained", Some(false))]
    fn nobody_knows_whether_a_disabling_on_its_way_holds(
        #[case] since: Vec<Body>,
        #[case] word: &str,
        #[case] disabled: Option<bool>,
    ) {
        let mut ledger = Ledger::default();
        let first = [
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, Some(0)),
            planned(2, 1, R),
            confirmed(2, false),
            intent(2, Some(5)),
            outcome(2, OutcomeState::Verified),
        ];
        for (body, n) in first.into_iter().chain(since).zip(1..) {
            ledger.apply(&entry(n, 9, body));
        }
        let stands = standing(&ledger, &account().id, |_| false);
        assert_eq!(stands.word().as_str(), word);
        assert_eq!(stands.is_disabled(), disabled);
    }

    /// Two things that are ended, the disabling, and both again, of which so many are sent and proven.
    #[rstest]
    #[case::one_of_two(1, "not contained")]
    #[case::both(2, "partly contained: no disabling from here holds")]
    #[case::and_disabled(3, "partly contained: sessions not revoked since it was disabled")]
    #[case::and_one_again(4, "partly contained: sessions not revoked since it was disabled")]
    #[case::and_both_again(5, "contained")]
    fn what_was_left_unsent_is_not_revoked(#[case] sent: usize, #[case] word: &str) {
        let mut ledger = Ledger::default();
        let kinds = [R, R, D, R, R];
        let mut bodies = Vec::new();
        for (kind, number) in kinds.into_iter().zip(1u32..) {
            bodies.push(planned(number.into(), number, kind));
            bodies.push(confirmed(number.into(), false));
        }
        for number in (1u32..).take(sent) {
            let second = i64::from(number) * 10;
            bodies.push(intent(number.into(), Some(second)));
            bodies.push(Body::ActionAck {
                aid: aid(number.into()),
                attempt: 1,
                status: 200,
                request_id: None,
                server_date: Some(at(second)),
            });
            bodies.push(outcome(number.into(), OutcomeState::Verified));
        }
        for number in (1u32..=5).skip(sent) {
            bodies.push(outcome(number.into(), OutcomeState::Abandoned));
        }
        for (body, n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, 90, body));
        }
        let stands = standing(&ledger, &account().id, |_| false);
        assert_eq!(stands.word().as_str(), word);
    }

    #[test]
    fn the_time_is_that_of_the_last_containing_act() {
        assert_eq!(
            judged(&[(R, 0), (D, 5), (R, 9)], false).since(),
            Some(at(9))
        );
        assert_eq!(judged(&[(R, 0)], false).since(), Some(at(0)));
        assert_eq!(judged(&[], false).since(), None);
    }

    #[test]
    fn what_happened_in_the_second_of_the_containment_but_before_it_is_not_after_it() {
        let mut ledger = Ledger::default();
        for (number, kind) in [(1, D), (2, R)] {
            let began = at(5) + chrono::TimeDelta::milliseconds(if kind == D { 400 } else { 600 });
            let bodies = [
                planned(number, 0, kind),
                confirmed(number, false),
                intent(number, Some(5)),
                Body::ActionAck {
                    aid: aid(number),
                    attempt: 1,
                    status: 200,
                    request_id: None,
                    server_date: Some(at(5)),
                },
                Body::ActionObserve(Observed {
                    aid: aid(number),
                    evidence: "read".into(),
                    matches: Some(true),
                    reads: 1,
                    used: None,
                    effect_at: Some(began),
                }),
                outcome(number, OutcomeState::Verified),
            ];
            let n = u64::try_from(number).unwrap_or_default() * 10;
            for (body, n) in bodies.into_iter().zip(n..) {
                ledger.apply(&entry(n, 5, body));
            }
        }
        let began = at(5) + chrono::TimeDelta::milliseconds(600);
        let stands = standing(&ledger, &account().id, |since| since < began);
        assert_eq!(stands, Standing::Contained { since: began });
    }

    /// A plan that disables and then revokes, sent and answered by the provider's clock in second 43; each with the time of
    /// its effect in milliseconds as it was read back.
    fn with_effects(acts: &[(ActionKind, Option<i64>)], answered: bool) -> Standing {
        let mut ledger = Ledger::default();
        for ((kind, effect), number) in acts.iter().zip(1u32..) {
            let (n, number) = (u64::from(number) * 10, u128::from(number));
            let answer = Body::ActionAck {
                aid: aid(number),
                attempt: 1,
                status: 200,
                request_id: None,
                server_date: Some(at(43)),
            };
            let read = Body::ActionObserve(Observed {
                aid: aid(number),
                evidence: "read".into(),
                matches: Some(true),
                reads: 1,
                used: None,
                effect_at: effect.map(|ms| at(0) + chrono::TimeDelta::milliseconds(ms)),
            });
            let sent = [
                planned(number, 0, *kind),
                confirmed(number, false),
                intent(number, Some(43)),
            ];
            let word = [read, outcome(number, OutcomeState::Verified)];
            let answer = (answered && *kind == D).then_some(answer);
            for (body, n) in sent.into_iter().chain(answer).chain(word).zip(n..) {
                ledger.apply(&entry(n, 43, body));
            }
        }
        standing(&ledger, &account().id, |_| false)
    }

    #[rstest]
    #[case::after_it(Some(43_959), true, Some(44_200), true)]
    #[case::at_once(Some(43_959), true, Some(43_959), true)]
    #[case::before_it(Some(43_959), true, Some(42_638), false)]
    #[case::before_it_in_one_second(Some(43_959), true, Some(43_958), false)]
    #[case::after_the_second_of_the_disabling(None, true, Some(44_000), true)]
    #[case::within_it(None, true, Some(43_022), false)]
    #[case::at_its_end(None, true, Some(43_999), false)]
    #[case::before_that_second(None, true, Some(42_999), false)]
    #[case::the_second_of_a_send_without_an_answer(None, false, Some(43_500), false)]
    #[case::after_a_send_without_an_answer(None, false, Some(44_000), true)]
    #[case::the_revocation_in_whole_seconds(Some(43_959), true, None, true)]
    #[case::both_in_whole_seconds(None, true, None, true)]
    // Without its answer the time that was read back is none of the request, but still one of a disabling.
    #[case::disabled_without_an_answer(Some(43_959), false, Some(43_500), false)]
    #[case::disabled_once_more_by_others(Some(49_000), true, Some(44_200), false)]
    fn what_ended_the_sessions_before_it_was_disabled_does_not_count(
        #[case] disabled: Option<i64>,
        #[case] answered: bool,
        #[case] revoked: Option<i64>,
        #[case] contained: bool,
    ) {
        let word = with_effects(&[(D, disabled), (R, revoked)], answered).word();
        let expected = if contained {
            "contained"
        } else {
            "partly contained: sessions not revoked since it was disabled"
        };
        assert_eq!(word.as_str(), expected);
    }

    #[test]
    fn each_part_of_a_revocation_is_of_after_the_disabling() {
        for (first, last, word) in [
            (44_200, 44_300, "contained"),
            (
                42_638,
                44_300,
                "partly contained: sessions not revoked since it was disabled",
            ),
        ] {
            let acts = [(D, Some(43_959)), (R, Some(first)), (R, Some(last))];
            assert_eq!(with_effects(&acts, true).word().as_str(), word);
        }
    }

    #[test]
    fn a_revocation_sent_first_needs_no_time_of_after_the_disabling() {
        let acts = [(R, Some(43_100)), (D, Some(43_500)), (R, Some(43_900))];
        assert_eq!(with_effects(&acts, true).word().as_str(), "contained");
    }

    /// Acts one after another, each a plan of its own with its own outcome.
    fn judged_by(acts: &[(ActionKind, OutcomeState)]) -> Standing {
        judged_in(acts, |number| number)
    }

    fn judged_in(acts: &[(ActionKind, OutcomeState)], plan: impl Fn(u128) -> u128) -> Standing {
        let mut ledger = Ledger::default();
        for ((kind, state), number) in acts.iter().zip(1u32..) {
            let (n, second) = (u64::from(number) * 10, i64::from(number) * 10);
            let number = u128::from(number);
            let mut own = planned(number, 0, *kind);
            if let Body::ActionPlan { pid: of, .. } = &mut own {
                *of = pid(plan(number));
            }
            let bodies = [
                own,
                confirmed(number, false),
                intent(number, Some(second)),
                outcome(number, *state),
            ];
            for (body, n) in bodies.into_iter().zip(n..) {
                ledger.apply(&entry(n, second, body));
            }
        }
        standing(&ledger, &account().id, |_| false)
    }

    #[test]
    fn a_plan_that_ends_several_things_has_revoked_when_each_is_proven() {
        use OutcomeState::{NotEffective, Unverifiable, Verified};
        let partly = "partly contained: sessions not revoked";
        for (acts, word) in [
            ([(D, Verified), (R, Verified), (R, Verified)], "contained"),
            ([(D, Verified), (R, Unverifiable), (R, Verified)], partly),
            ([(D, Verified), (R, Verified), (R, NotEffective)], partly),
            // What was sent before the disabling does not count for it.
            (
                [(R, NotEffective), (D, Verified), (R, Verified)],
                "contained",
            ),
        ] {
            assert_eq!(judged_in(&acts, |_| 1).word().as_str(), word, "{acts:?}");
        }
        let apart = [(D, Verified), (R, Unverifiable), (R, Verified)];
        assert_eq!(judged_by(&apart).word().as_str(), "contained");
    }

    #[rstest]
    #[case(OutcomeState::Verified, "not contained")]
    #[case(
        OutcomeState::Unverifiable,
        "partly contained: account perhaps enabled again"
    )]
    #[case(
        OutcomeState::Abandoned,
        "partly contained: account perhaps enabled again"
    )]
    #[case(OutcomeState::NotEffective, "contained")]
    #[case(OutcomeState::Rejected, "contained")]
    #[case(OutcomeState::NotSent, "contained")]
    fn an_enabling_that_may_have_happened_ends_containment(
        #[case] state: OutcomeState,
        #[case] word: &str,
    ) {
        let proven = OutcomeState::Verified;
        let standing = judged_by(&[(D, proven), (R, proven), (E, state)]);
        assert_eq!(standing.word().as_str(), word);
    }

    #[rstest]
    #[case(OutcomeState::Drifted, "no disabling from here holds")]
    #[case(OutcomeState::NotEffective, "no disabling from here holds")]
    #[case(
        OutcomeState::Unverifiable,
        "whether our disabling took effect is not known"
    )]
    fn a_second_disable_voids_the_proof_of_the_first(
        #[case] second: OutcomeState,
        #[case] missing: &str,
    ) {
        // Others enabled it in between, or the second would not have been sent.
        let proven = OutcomeState::Verified;
        let standing = judged_by(&[(D, proven), (D, second), (R, proven)]);
        let word = format!("partly contained: {missing}");
        assert_eq!(standing.word().as_str(), word);
    }

    /// What was accepted and could not be read may hold: nobody is told that nothing does.
    #[rstest]
    #[case::alone(&[], "partly contained: whether our disabling took effect is not known, sessions not revoked")]
    #[case::then_revoked(
        &[(R, OutcomeState::Verified)],
        "partly contained: whether our disabling took effect is not known"
    )]
    #[case::then_refuted(&[(D, OutcomeState::NotEffective)], "not contained")]
    #[case::then_enabled(&[(E, OutcomeState::Verified)], "not contained")]
    #[case::then_proven(&[(D, OutcomeState::Verified)], "partly contained: sessions not revoked")]
    fn what_became_of_a_disabling_that_was_never_read_is_not_known(
        #[case] then: &[(ActionKind, OutcomeState)],
        #[case] word: &str,
    ) {
        let mut acts = vec![(D, OutcomeState::Unverifiable)];
        acts.extend(then);
        let mut standing = judged_by(&acts);
        assert_eq!(standing.word().as_str(), word);
        assert_eq!(standing.is_unproven(), word.contains("not known"));
        if !standing.is_unproven() {
            return;
        }
        assert_eq!(standing.is_disabled(), None);
        // Once it reads as enabled that is known.
        let active = Account {
            status: AccountStatus::Active,
            server_date: Some(at(900)),
            ..account()
        };
        standing.reconsider(&active, at(900));
        assert_eq!(standing.is_disabled(), Some(false));
    }

    #[test]
    fn a_disabling_closed_by_hand_is_said_until_its_word_is_known() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, R, 10, 0);
        let closed = Body::ActionResolve {
            aid: aid(2),
            how: "closed by a person".to_owned(),
            reason: "not ours".into(),
        };
        let bodies = [
            planned(2, 0, D),
            confirmed(2, false),
            intent(2, Some(5)),
            closed,
        ];
        for (body, n) in bodies.into_iter().zip(20..) {
            ledger.apply(&entry(n, 10, body));
        }
        let says = |ledger: &Ledger| standing(ledger, &account().id, |_| false).word();
        assert_eq!(
            says(&ledger).as_str(),
            "partly contained: its disabling was closed by hand, not proven"
        );
        let mut enabled = ledger.clone();
        proven(&mut enabled, 3, E, 30, 20);
        proven(&mut enabled, 4, R, 40, 30);
        ledger.apply(&entry(30, 11, outcome(2, OutcomeState::NotEffective)));
        for ledger in [ledger, enabled] {
            assert_eq!(
                says(&ledger).as_str(),
                "partly contained: no disabling from here holds"
            );
        }
    }

    #[test]
    fn a_disabling_closed_by_hand_is_listed_also_where_nothing_else_was_done() {
        let mut ledger = Ledger::default();
        let closed = Body::ActionResolve {
            aid: aid(1),
            how: "closed by a person".to_owned(),
            reason: "not ours".into(),
        };
        let bodies = [
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, Some(5)),
            closed.clone(),
        ];
        for (body, n) in bodies.into_iter().zip(10..) {
            ledger.apply(&entry(n, 10, body));
        }
        let stands = |ledger: &Ledger| standing(ledger, &account().id, |_| false);
        let by_hand = stands(&ledger);
        let word = "partly contained: its disabling was closed by hand, not proven";
        assert_eq!(by_hand.word().as_str(), word);
        assert!(by_hand.is_by_hand());
        assert_eq!(by_hand.since(), Some(at(5)));
        let mut enabled = ledger.clone();
        proven(&mut enabled, 2, E, 30, 20);
        let mut refuted = ledger.clone();
        refuted.apply(&entry(30, 11, outcome(1, OutcomeState::NotEffective)));
        // One that never left is nobody's to be listed.
        let mut unsent = Ledger::default();
        for (body, n) in [planned(1, 0, D), confirmed(1, false), closed]
            .into_iter()
            .zip(10..)
        {
            unsent.apply(&entry(n, 10, body));
        }
        for ledger in [enabled, refuted, unsent] {
            assert_eq!(stands(&ledger), Standing::Free);
        }
        ledger.apply(&entry(30, 11, outcome(1, OutcomeState::Verified)));
        let known = stands(&ledger);
        let word = "partly contained: sessions not revoked";
        assert_eq!(known.word().as_str(), word);
        assert!(!known.is_by_hand());
    }

    /// Two disablings; the second was refused, and what was read all the same is given.
    fn with_a_late_second(first_at: i64, looked: Option<i64>, matches: Option<bool>) -> Standing {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, first_at);
        proven(&mut ledger, 2, R, 20, first_at + 1);
        let bodies = [
            planned(3, 0, D),
            confirmed(3, false),
            intent(3, looked),
            Body::ActionObserve(Observed {
                aid: aid(3),
                evidence: "status SUSPENDED".into(),
                matches,
                reads: 1,
                used: None,
                effect_at: None,
            }),
            outcome(3, OutcomeState::Rejected),
        ];
        for (body, n) in bodies.into_iter().zip(30..) {
            ledger.apply(&entry(n, 40, body));
        }
        standing(&ledger, &account().id, |_| false)
    }

    #[rstest]
    // The first took effect after the second had found the account active.
    #[case(5, Some(5), Some(true), "contained")]
    #[case(5, Some(4), Some(true), "contained")]
    // Found active after the first: others enabled it, and others disabled it.
    #[case(
        5,
        Some(6),
        Some(true),
        "partly contained: disabled, but not provably by an action of ours, sessions not revoked since it was disabled"
    )]
    #[case(
        5,
        None,
        Some(true),
        "partly contained: disabled, but not provably by an action of ours, sessions not revoked since it was disabled"
    )]
    #[case(
        5,
        Some(4),
        Some(false),
        "partly contained: no disabling from here holds"
    )]
    #[case(5, Some(4), None, "partly contained: no disabling from here holds")]
    fn a_late_second_disable_leaves_the_first_its_proof(
        #[case] first_at: i64,
        #[case] looked: Option<i64>,
        #[case] matches: Option<bool>,
        #[case] word: &str,
    ) {
        let standing = with_a_late_second(first_at, looked, matches);
        assert_eq!(standing.word().as_str(), word);
    }

    /// In a log that was edited a record may not be readable: what follows it says that it was sent.
    #[rstest]
    #[case::whole(&[0, 1, 2, 3])]
    #[case::the_send_is_spoilt(&[0, 1, 3])]
    #[case::the_confirmation_is_spoilt(&[0, 2, 3])]
    #[case::both_are_spoilt(&[0, 3])]
    fn an_act_counts_by_what_can_still_be_read(#[case] there: &[usize]) {
        let bodies = [
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, Some(0)),
            accepted(),
        ];
        let mut ledger = Ledger::default();
        for (body, n) in bodies
            .iter()
            .zip(1u64..)
            .zip(0usize..)
            .filter_map(|(one, place)| there.contains(&place).then_some(one))
        {
            ledger.apply(&entry(n, 0, body.clone()));
        }
        let judge = |ledger: &Ledger| standing(ledger, &account().id, |_| false);
        assert_eq!(ledger.unfinished().count(), 1);
        assert_eq!(judge(&ledger).is_disabled(), None);
        ledger.apply(&entry(5, 0, outcome(1, OutcomeState::Verified)));
        let says = "partly contained: sessions not revoked";
        assert_eq!(judge(&ledger).word().as_str(), says);
        assert_eq!(ledger.unfinished().count(), 0);
    }

    #[test]
    fn a_disabling_that_is_on_its_way_may_disable_with_nothing_else_proven() {
        let mut ledger = Ledger::default();
        for (body, n) in [planned(1, 0, D), confirmed(1, false), intent(1, Some(0))]
            .into_iter()
            .zip(1..)
        {
            ledger.apply(&entry(n, 0, body));
        }
        let judge = |ledger: &Ledger| standing(ledger, &account().id, |_| false);
        let says = "partly contained: perhaps disabled, sessions not revoked";
        assert_eq!(judge(&ledger).word().as_str(), says);
        assert_eq!(judge(&ledger).is_disabled(), None);
        assert!(judge(&ledger).is_pending() && !judge(&ledger).is_unproven());
        ledger.apply(&entry(4, 0, outcome(1, OutcomeState::NotEffective)));
        assert_eq!(judge(&ledger), Standing::Free);
        assert!(!judge(&ledger).is_pending());
    }

    /// It was read for the plan of the disabling, after its sessions were ended.
    #[rstest]
    #[case::of_before(15, None)]
    #[case::of_after(25, Some(false))]
    fn what_was_read_before_a_disabling_says_nothing_of_it(
        #[case] read: i64,
        #[case] is_disabled: Option<bool>,
    ) {
        let unread = (D, OutcomeState::Unverifiable);
        let mut standing = judged_by(&[(R, OutcomeState::Verified), unread]);
        let active = Account {
            status: AccountStatus::Active,
            server_date: Some(at(read)),
            ..account()
        };
        standing.reconsider(&active, at(read));
        assert_eq!(standing.is_disabled(), is_disabled);
    }

    #[rstest]
    #[case(OutcomeState::NotEffective)]
    #[case(OutcomeState::Rejected)]
    #[case(OutcomeState::NotSent)]
    #[case(OutcomeState::Drifted)]
    #[case(OutcomeState::Abandoned)]
    fn what_is_not_proven_contains_nothing(#[case] state: OutcomeState) {
        let mut ledger = Ledger::default();
        for (kind, number) in [(D, 1), (R, 2)] {
            let bodies = [
                planned(number, 0, kind),
                confirmed(number, false),
                intent(number, Some(0)),
                outcome(number, state),
            ];
            for body in bodies {
                ledger.apply(&entry(1, 0, body));
            }
        }
        assert_eq!(standing(&ledger, &account().id, |_| false), Standing::Free);
    }

    #[test]
    fn a_dry_run_contains_nothing() {
        let mut ledger = Ledger::default();
        for body in [
            planned(1, 0, D),
            confirmed(1, true),
            outcome(1, OutcomeState::Verified),
        ] {
            ledger.apply(&entry(1, 0, body));
        }
        assert_eq!(standing(&ledger, &account().id, |_| false), Standing::Free);
    }

    #[rstest]
    #[case(
        AccountStatus::Active,
        Some(10),
        "partly contained: the account is ACTIVE again"
    )]
    #[case(AccountStatus::Disabled, Some(10), "contained")]
    // Read before the act, or nobody knows when: no word against the proof.
    #[case(AccountStatus::Active, Some(5), "contained")]
    #[case(AccountStatus::Active, None, "contained")]
    fn contained_is_taken_back_when_the_provider_says_active(
        #[case] status: AccountStatus,
        #[case] read: Option<i64>,
        #[case] word: &str,
    ) {
        let mut judged = judged(&[(D, 0), (R, 5)], false);
        let mut account = account();
        account.status = status;
        account.server_date = read.map(at);
        judged.reconsider(&account, at(100));
        assert_eq!(judged.word().as_str(), word);
        assert_eq!(judged.is_active_again(), word != "contained");
    }

    /// Disabled by nobody knows whom in second 10; ACTIVE is read, by the provider's clock and by ours.
    #[rstest]
    #[case::alone(false, Some(20), 20, "not contained")]
    #[case::after_a_revocation(
        true,
        Some(20),
        20,
        "partly contained: no disabling from here holds"
    )]
    #[case::read_before_by_their_clock(
        false,
        Some(9),
        20,
        "partly contained: disabled, but not provably by an action of ours, sessions not revoked"
    )]
    #[case::read_before_by_ours(
        false,
        Some(20),
        9,
        "partly contained: disabled, but not provably by an action of ours, sessions not revoked"
    )]
    fn what_others_disabled_stands_until_it_reads_active(
        #[case] revoked: bool,
        #[case] read: Option<i64>,
        #[case] looked: i64,
        #[case] word: &str,
    ) {
        let mut judged = late(revoked);
        let mut account = account();
        account.status = AccountStatus::Active;
        account.server_date = read.map(at);
        judged.reconsider(&account, at(looked));
        assert_eq!(judged.word().as_str(), word);
    }

    /// Sessions ended in a second; a disabling sent in second 10 without an answer, whose effect began in another one.
    #[rstest]
    #[case::of_before(5, Some(85), true)]
    #[case::between_the_request_and_its_effect(20, Some(85), true)]
    #[case::of_after(90, Some(85), false)]
    #[case::disabled_before_both(5, Some(3), false)]
    #[case::untimed_and_of_before(5, None, true)]
    #[case::untimed_and_of_after(20, None, false)]
    fn what_was_revoked_before_others_disabled_it_is_not_enough(
        #[case] revoked: i64,
        #[case] began: Option<i64>,
        #[case] is_missing: bool,
    ) {
        let mut ledger = Ledger::default();
        let read = Observed {
            aid: aid(1),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 2,
            used: None,
            effect_at: began.map(at),
        };
        let bodies = [
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, Some(10)),
            Body::ActionObserve(read),
            outcome(1, OutcomeState::Unverifiable),
        ];
        if revoked < 10 {
            proven(&mut ledger, 2, R, 10, revoked);
        }
        for (body, n) in bodies.into_iter().zip(20..) {
            ledger.apply(&entry(n, 10, body));
        }
        if revoked >= 10 {
            proven(&mut ledger, 2, R, 30, revoked);
        }
        let word = standing(&ledger, &account().id, |_| false).word();
        let others = "partly contained: disabled, but not provably by an action of ours";
        let since = ", sessions not revoked since it was disabled";
        let expected = format!("{others}{}", if is_missing { since } else { "" });
        assert_eq!(word.as_str(), expected);
    }

    fn late(revoked: bool) -> Standing {
        let mut ledger = Ledger::default();
        if revoked {
            proven(&mut ledger, 2, R, 1, 0);
        }
        let read = Observed {
            aid: aid(1),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 2,
            used: None,
            effect_at: None,
        };
        let bodies = [
            planned(1, 0, D),
            confirmed(1, false),
            intent(1, Some(10)),
            Body::ActionObserve(read),
            outcome(1, OutcomeState::Rejected),
        ];
        for (body, n) in bodies.into_iter().zip(20..) {
            ledger.apply(&entry(n, 10, body));
        }
        standing(&ledger, &account().id, |_| false)
    }

    #[test]
    fn what_others_disabled_is_listed_as_long_as_it_is_watched() {
        let mut alone = late(false);
        alone.lapse(at(10) + LISTED - TimeDelta::seconds(1));
        assert_ne!(alone, Standing::Free);
        alone.lapse(at(10) + LISTED);
        assert_eq!(alone, Standing::Free);
        // What was proven beside it stays.
        let mut revoked = late(true);
        revoked.lapse(at(10) + LISTED);
        assert_ne!(revoked, Standing::Free);
    }

    #[test]
    fn acts_on_another_account_say_nothing() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 0);
        proven(&mut ledger, 2, R, 20, 1);
        let other = AccountId::new(account().id.connection, "00uabc");
        assert_eq!(standing(&ledger, &other, |_| false), Standing::Free);
    }
}
