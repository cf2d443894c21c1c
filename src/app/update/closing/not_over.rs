//! What is not over in cases that are to be closed: accounts that are contained, acts that may still change one, and that
//! the chosen account is disabled by others.
//!
//! What must not live here: what a key does with it (`closing`), the rows of everything contained (`model::contained`).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::app::model::contained::{self, Contained};
use crate::app::model::{Found, Load, Model, OpenCase};
use crate::app::update::hold::LONG_AGO;
use crate::app::update::list::key_of;
use crate::domain::account::AccountStatus;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::standing::Standing;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::{AccountId, ActionId, CaseId};
use crate::domain::text::Safe;
use crate::safe;

/// Most accounts or acts that are named in one line.
const NAMED_MAX: usize = 3;

/// What is not over in some cases.
pub(super) struct NotOver<'a> {
    /// What is disabled from here, or may be.
    held: Vec<Contained<'a>>,
    /// What was contained, and leaves nothing to undo.
    undone: Vec<Contained<'a>>,
    /// Acts that are under way or wait for a second person; those that disable or enable first.
    acts: Vec<&'a ActionView>,
    /// That the chosen account is disabled by others, where that matters.
    elsewhere: Option<Safe>,
    /// What the watches over accounts that were enabled again have seen.
    seen: Option<Safe>,
    /// Why there may be more than is listed here, if so.
    gap: Option<Safe>,
}

/// Why cases are not closed as false positives.
pub(super) struct Refusal {
    /// Why, as short as the line of the dialog.
    pub short: Safe,
    /// Why, in full.
    pub why: Safe,
    /// What can be done about it.
    pub hint: Safe,
}

impl<'a> NotOver<'a> {
    /// Looks at everything that was done for these cases; for a false positive at the chosen account too, whatever case it was
    /// contained from.
    pub(super) fn of(model: &'a Model, cases: &[CaseId], is_false_positive: bool) -> Self {
        let rows = contained::of_cases(model, cases).into_iter();
        // A disabling that is on its way stands among the acts.
        let rows = rows.filter(|row| !row.standing.is_pending() || is_held(model, row));
        let (mut held, undone): (Vec<_>, Vec<_>) = rows.partition(|row| is_held(model, row));
        let chosen = chosen(model).filter(|_| is_false_positive);
        let is_new = |row: &Contained<'_>| held.iter().all(|known| known.account != row.account);
        let chosen = chosen.filter(is_new);
        held.extend(chosen);
        Self {
            held,
            undone,
            acts: acts(&model.ledger, &model.going, cases),
            elsewhere: elsewhere(model).filter(|_| is_false_positive),
            seen: seen(&model.ledger, cases),
            gap: model.log_gap(),
        }
    }

    /// Says what stays as it is, a line for each sort.
    pub(super) fn lines(&self) -> Vec<Safe> {
        let held = named(self.held.iter().filter_map(|row| {
            let login = row.act()?.login.field();
            let is_partly = matches!(row.standing, Standing::Partly { .. });
            let word: &'static str = if is_partly { " (partly)" } else { "" };
            Some(safe!("{}{}", login, word))
        }));
        let acts = named(self.acts.iter().map(|act| {
            let state = state(act);
            safe!("{} of {} ({})", act.what(), act.login.field(), state.word())
        }));
        let held = held.map(|who| safe!("still contained: {}", who));
        let acts = acts.map(|what| safe!("not over: {}", what));
        let all = held.into_iter().chain(acts);
        let all = all.chain(self.elsewhere.clone()).chain(self.seen.clone());
        all.chain(self.gap.clone()).collect()
    }

    /// Gives the disablings and enablings that the lines are about; one that comes later is not among them, whatever else is
    /// said of its account.
    pub(super) fn known(
        &self,
        ledger: &Ledger,
        cases: &[CaseId],
        now: DateTime<Utc>,
    ) -> Vec<ActionId> {
        let rows = self.held.iter().chain(&self.undone);
        let is_said = |account: &AccountId| rows.clone().any(|row| row.account == account);
        let stand = cases.iter().flat_map(|case| ledger.open_of(case, now));
        // What is said to be undone may still stand on record, closed by hand.
        let held = stand.filter(|act| is_said(&act.account));
        let acts = self.acts.iter().filter(|act| decides(act));
        let acts = acts.map(|act| act.aid.clone());
        held.map(|act| act.aid.clone()).chain(acts).collect()
    }

    /// Says what was contained and leaves nothing to undo.
    pub(super) fn undone(&self) -> Option<Safe> {
        named(self.undone.iter().filter_map(|row| {
            let login = row.act()?.login.field();
            Some(safe!("{}: {}", login, row.standing.word()))
        }))
    }

    /// Says which act may still disable or enable an account, if one may.
    pub(super) fn running(&self, model: &Model) -> Option<Refusal> {
        let act = self.acts.iter().find(|act| decides(act))?;
        let short = safe!("{} of {} is not over", act.what(), act.login.field());
        let state = state(act);
        let hint = if state == ActionState::Awaiting {
            let key = key_of(model, "approvals");
            safe!(
                "an answer ends it, or that nobody answers in time; {} shows who is asked",
                key
            )
        } else {
            let key = key_of(model, "unfinished");
            safe!(
                "{} shows what is unfinished: read it back, or close it there",
                key
            )
        };
        Some(Refusal {
            why: safe!("{}: {}", short, state.word()),
            short,
            hint,
        })
    }

    /// Says which account is contained, if one is.
    pub(super) fn contained(&self, model: &Model) -> Option<Refusal> {
        let chosen = model.open.as_ref().and_then(OpenCase::the_account);
        let chosen = chosen.map(|account| &account.id);
        let row = self.held.first()?;
        let login = row.act()?.login.field();
        let (short, why) = if chosen == Some(row.account) {
            let key = key_of(model, "false-positive");
            (
                safe!("{} is contained; Esc, then {} undoes it", login, key),
                safe!("{} is contained: {} undoes that first", login, key),
            )
        } else {
            (
                safe!("{} is still contained", login),
                safe!(
                    "{} is still contained from this case: choose it with {}, then {}",
                    login,
                    key_of(model, "user"),
                    key_of(model, "false-positive")
                ),
            )
        };
        let hint = safe!("{} lists what is contained", key_of(model, "contained"));
        Some(Refusal { short, why, hint })
    }
}

/// Gives the row of the chosen account, where there is something to undo.
pub(super) fn chosen(model: &Model) -> Option<Contained<'_>> {
    let account = model.open.as_ref()?.the_account()?;
    held(model, &account.id)
}

/// Gives the row of an account, where there is something to undo.
pub(super) fn held<'a>(model: &'a Model, account: &'a AccountId) -> Option<Contained<'a>> {
    let row = contained::row(model, account);
    is_held(model, &row).then_some(row)
}

/// Tells whether there is something to undo. Where the account reads enabled, and long enough since it was disabled, others
/// undid it or it never was, whatever the records prove.
fn is_held(model: &Model, row: &Contained<'_>) -> bool {
    row.is_held() && !contained::reads_enabled(model, row, LONG_AGO)
}

/// Lists the acts of these cases that were confirmed and have no final word, also where nothing of that is on record yet, and
/// those that wait for a second person; what disables or enables an account first.
fn acts<'a>(
    ledger: &'a Ledger,
    going: &BTreeSet<ActionId>,
    cases: &[CaseId],
) -> Vec<&'a ActionView> {
    let is_open = |act: &ActionView| act.is_to_come() || going.contains(&act.aid);
    let all = ledger.actions();
    let mut open: Vec<&ActionView> = all
        .filter(|act| cases.contains(&act.case) && !act.dry_run && is_open(act))
        .collect();
    open.sort_by_key(|act| !decides(act));
    open
}

/// Tells whether it changes that an account is disabled. A revocation or a new password leaves nothing that an undo could
/// take back.
fn decides(act: &ActionView) -> bool {
    matches!(
        act.kind,
        ActionKind::DisableAccount | ActionKind::EnableAccount
    )
}

/// Gives where an act stands; one of which only the plan is on record was confirmed a moment ago.
fn state(act: &ActionView) -> ActionState {
    match act.state {
        ActionState::Planned => ActionState::Confirmed,
        state => state,
    }
}

/// Says that the chosen account reads disabled, where nothing on record here did that.
fn elsewhere(model: &Model) -> Option<Safe> {
    let open = model.open.as_ref()?;
    let Load::Ready(Found::One(account), looked) = &open.account else {
        return None;
    };
    // What was read before an enabling from here had its last word is of before it.
    let is_of_before = |act: &ActionView| {
        let ended = act.ended.is_some_and(|ended| ended >= looked.utc);
        act.kind == ActionKind::EnableAccount && ended
    };
    let is_disabled = account.status == AccountStatus::Disabled;
    let is_ours = contained::row(model, &account.id).is_held();
    let is_old = model.ledger.on(&account.id).any(is_of_before);
    // What a log that was edited or cut does not have may have been done all the same.
    let by: &'static str = match model.log_gap() {
        Some(_) => "by whom is not known",
        None => "not from here",
    };
    (is_disabled && !is_ours && !is_old).then(|| {
        safe!(
            "{} is disabled at the provider, {}",
            account.login.field(),
            by
        )
    })
}

/// Says what was seen of the accounts of these cases since they were enabled again, while that is watched.
fn seen(ledger: &Ledger, cases: &[CaseId]) -> Option<Safe> {
    let running = ledger.recoveries().running();
    let of_them = running.filter(|watch| {
        let home = ledger.outbox().home_of(&watch.case);
        let of_one = |case: &CaseId| watch.case == *case || home == case;
        cases.iter().any(of_one) && !watch.seen.is_empty()
    });
    named(of_them.map(|watch| safe!("{} {}", watch.login.field(), watch.word())))
}

/// Joins names, at most some of them; `None` where there are none.
fn named(all: impl Iterator<Item = Safe>) -> Option<Safe> {
    let mut all: Vec<Safe> = all.collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    all.truncate(NAMED_MAX);
    if all.is_empty() {
        return None;
    }
    let text = Safe::join(all, &Safe::fixed(", "));
    Some(if more > 0 {
        safe!("{} and {} more", text, more)
    } else {
        text
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::samples::{
        aid, ask, at, case, confirmed, connection, entry, intent, outcome, pid, planned,
    };

    const D: ActionKind = ActionKind::DisableAccount;
    const R: ActionKind = ActionKind::RevokeSessions;

    fn folded(bodies: impl IntoIterator<Item = Body>) -> Ledger {
        let mut ledger = Ledger::default();
        for (body, n) in bodies.into_iter().zip(1..) {
            ledger.apply(&entry(n, 0, body));
        }
        ledger
    }

    fn asked() -> Body {
        Body::ApprovalRequested {
            pid: pid(1),
            aids: vec![aid(1)],
            ask: ask(),
            reasons: Vec::new(),
            requester: "~u1".into(),
            requester_login: "jo".into(),
            expires: at(900),
        }
    }

    fn unknown() -> Body {
        Body::ActionUnknown {
            aid: aid(1),
            attempt: 1,
            reason: "no answer".into(),
        }
    }

    #[rstest]
    #[case::only_planned(vec![], false)]
    #[case::confirmed(vec![confirmed(1, false)], true)]
    #[case::dry(vec![confirmed(1, true), intent(1, None)], false)]
    #[case::requested(vec![confirmed(1, false), intent(1, None)], true)]
    #[case::unknown(vec![confirmed(1, false), intent(1, None), unknown()], true)]
    #[case::waits_for_somebody(vec![asked()], true)]
    #[case::nobody_answered(vec![asked(), outcome(1, OutcomeState::Expired)], false)]
    #[case::proven(
        vec![confirmed(1, false), intent(1, None), outcome(1, OutcomeState::Verified)], false
    )]
    fn an_act_is_not_over_until_its_final_word(#[case] then: Vec<Body>, #[case] is_open: bool) {
        let ledger = folded([planned(1, 0, D)].into_iter().chain(then));
        let found = |cases: &[CaseId]| acts(&ledger, &BTreeSet::new(), cases).len();
        assert_eq!(found(&[case()]), usize::from(is_open));
        // Cases that are closed together are looked at together, and no other is.
        let other = CaseId::new(connection(), "~5");
        assert_eq!(found(&[other.clone(), case()]), usize::from(is_open));
        assert_eq!(found(&[other]), 0);
    }

    #[test]
    fn what_was_confirmed_a_moment_ago_counts_before_it_is_on_record() {
        let ledger = folded([planned(1, 0, D)]);
        let going = BTreeSet::from([aid(1)]);
        let found = acts(&ledger, &going, &[case()]);
        let words: Vec<_> = found.iter().map(|act| state(act).word()).collect();
        assert_eq!(words, ["confirmed"]);
    }

    #[test]
    fn what_disables_comes_before_what_only_ends_sessions() {
        let plans = [planned(1, 0, R), planned(2, 1, D), planned(3, 2, R)];
        let confirmed = (1..=3).map(|number| confirmed(number, false));
        let ledger = folded(plans.into_iter().chain(confirmed));
        let found = acts(&ledger, &BTreeSet::new(), &[case()]);
        let order: Vec<_> = found.iter().map(|act| act.aid.clone()).collect();
        assert_eq!(order, [aid(2), aid(1), aid(3)]);
        assert_eq!(found.iter().filter(|act| decides(act)).count(), 1);
    }

    #[test]
    fn of_many_names_three_are_said() {
        let names = |count: usize| {
            let all = ["a", "b", "c", "d", "e"].into_iter().take(count);
            named(all.map(Safe::fixed)).map(|names| names.to_string())
        };
        assert_eq!(names(0), None);
        assert_eq!(names(1).as_deref(), Some("a"));
        assert_eq!(names(3).as_deref(), Some("a, b, c"));
        assert_eq!(names(5).as_deref(), Some("a, b, c and 2 more"));
    }
}
