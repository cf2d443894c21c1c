//! What is said before a report that is posted long after it was confirmed.
//!
//! What must not live here: posting, what a report says.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::freshness::time_word;
use crate::domain::report::documents::Written;
use crate::domain::text::Safe;
use crate::safe;

/// Posted so long after it was confirmed a report says so.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// Says of a report that is posted late when it was confirmed, and how the accounts of its case, and those it names, were
/// disabled or enabled since; `None` where it is posted at once and nothing was done.
pub fn late(written: &Written, ledger: &Ledger, now: DateTime<Utc>) -> Option<Safe> {
    let since = since(written, ledger);
    // A clock that was set back says nothing of the age.
    let is_fresh = (now - written.at).abs() <= LATE;
    if is_fresh && since.is_empty() {
        return None;
    }
    let line = safe!(
        "Confirmed {}, posted {}.",
        time_word(written.at),
        time_word(now)
    );
    if since.is_empty() {
        return Some(line);
    }
    let since = Safe::join(since, &Safe::fixed("; "));
    Some(safe!("{} Since then {}.", line, since))
}

/// Lists what disabled or enabled an account of the case since, or one that the report names, or may have, by whatever
/// case, in the order of the log.
fn since(written: &Written, ledger: &Ledger) -> Vec<Safe> {
    let outbox = ledger.outbox();
    let home = outbox.home_of(&written.target.case);
    let of_case = ledger
        .actions()
        .filter(|act| outbox.home_of(&act.case) == home);
    let accounts: Vec<_> = of_case.map(|act| &act.account).collect();
    // What it says of an account may rest on acts for another case.
    let text = written.text.raw().to_lowercase();
    let names = |act: &ActionView| {
        let id = format!("(id {} at {})", act.account.shown(), act.account.connection);
        [id, act.login.raw().to_owned()]
            .iter()
            .any(|name| text.contains(&name.to_lowercase()))
    };
    let mut acts: Vec<&ActionView> = ledger
        .actions()
        .filter(|act| accounts.contains(&&act.account) || names(act))
        .filter(|act| decides(act) && is_since(written, act))
        .collect();
    acts.sort_by_key(|act| (act.sent.is_none(), act.sent_n, act.order));
    acts.into_iter().map(word).collect()
}

/// Tells whether it changed whether somebody gets in, or may have.
fn decides(act: &ActionView) -> bool {
    let is_of_it = matches!(
        act.kind,
        ActionKind::DisableAccount | ActionKind::EnableAccount
    );
    is_of_it && !act.dry_run && (act.is_unfinished() || act.may_have_had_effect())
}

/// Tells whether it was confirmed, was sent or got its last word after the report.
fn is_since(written: &Written, act: &ActionView) -> bool {
    let mut times = [act.confirmed, act.ended].into_iter().flatten();
    act.sent_n > written.n || times.any(|at| at > written.at)
}

fn word(act: &ActionView) -> Safe {
    let at = act.ended.or(act.sent).or(act.confirmed);
    safe!(
        "{} of {}: {} {}",
        act.what(),
        act.login.ident(),
        act.word(),
        at.map(time_word).unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::samples::{
        aid, at, case, confirmed, entry, intent, outcome, planned, proven,
    };
    use crate::domain::ids::{CaseId, RecordId};
    use crate::domain::report::documents::records;
    use crate::domain::report::{Subject, Target};

    const D: ActionKind = ActionKind::DisableAccount;
    const E: ActionKind = ActionKind::EnableAccount;

    /// A handover of second 50 after a disabling, and what follows from second 100 on.
    fn handed_over(then: Vec<Body>) -> (Ledger, Written) {
        handed_over_for(case(), "it stays contained", then)
    }

    fn handed_over_for(case: CaseId, text: &str, then: Vec<Body>) -> (Ledger, Written) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 0);
        let target = Target {
            case,
            subject: Subject::handover(),
        };
        let rid = RecordId::from_parts(at(50), 1);
        let written = records(&rid, &target, &"jo".into(), &text.into());
        for (body, n) in written.into_iter().zip(20..) {
            ledger.apply(&entry(n, 50, body));
        }
        for (body, n) in then.into_iter().zip(30..) {
            ledger.apply(&entry(n, 100, body));
        }
        let written = ledger.documents().pending();
        let written = written.into_iter().next().expect("it waits");
        (ledger, written)
    }

    fn sent(number: u128, kind: ActionKind, then: Option<OutcomeState>) -> Vec<Body> {
        let mut all = vec![
            planned(number, 0, kind),
            confirmed(number, false),
            intent(number, Some(100)),
        ];
        all.extend(then.map(|then| outcome(number, then)));
        all
    }

    /// The same for another case.
    fn elsewhere(mut all: Vec<Body>) -> Vec<Body> {
        for body in &mut all {
            if let Body::ActionPlan { case: of, .. } = body {
                *of = CaseId::new(of.connection.clone(), "~4001");
            }
        }
        all
    }

    #[rstest]
    #[case::by_name("Account: Mara.Lind@acme.example, contained", true)]
    #[case::by_id("Account: m (id 00uAbC at okta), read as SUSPENDED", true)]
    #[case::of_another("Account: j (id 00uAbCd at okta), read as SUSPENDED", false)]
    fn a_report_of_a_case_without_acts_says_what_was_done_since_to_whom_it_names(
        #[case] text: &str,
        #[case] says: bool,
    ) {
        let other = CaseId::new(case().connection, "~4002");
        let then = sent(2, E, Some(OutcomeState::Verified));
        let (ledger, written) = handed_over_for(other, text, then);
        let line = late(&written, &ledger, at(3_600)).expect("it is late");
        let since = "Since then enable account of mara.lind@acme.example: proven";
        assert_eq!(line.as_str().contains(since), says, "{line}");
    }

    #[rstest]
    #[case::nothing(vec![], "")]
    #[case::enabled(
        sent(2, E, Some(OutcomeState::Verified)),
        " Since then enable account of X: proven T."
    )]
    #[case::enabled_for_another_case(
        elsewhere(sent(2, E, Some(OutcomeState::Verified))),
        " Since then enable account of X: proven T."
    )]
    #[case::being_enabled(sent(2, E, None), " Since then enable account of X: requested T.")]
    #[case::not_enabled(sent(2, E, Some(OutcomeState::NotEffective)), "")]
    #[case::undone_by_others(
        vec![outcome(1, OutcomeState::Drifted)],
        " Since then disable account of X: undone by others T."
    )]
    #[case::enabled_and_contained_again(
        [sent(2, E, Some(OutcomeState::Verified)), sent(3, D, Some(OutcomeState::Verified))].concat(),
        " Since then enable account of X: proven T; disable account of X: proven T."
    )]
    #[case::signed_out(sent(2, ActionKind::RevokeSessions, Some(OutcomeState::Verified)), "")]
    fn a_report_that_is_posted_late_says_what_was_done_since(
        #[case] then: Vec<Body>,
        #[case] says: &str,
    ) {
        let (ledger, written) = handed_over(then);
        let at_once = late(&written, &ledger, at(110));
        assert_eq!(at_once.is_some(), !says.is_empty(), "{at_once:?}");
        let says = says
            .replace('X', "mara.lind@acme.example")
            .replace('T', "2027-01-15 08:01:40Z");
        let line = late(&written, &ledger, at(3_600)).expect("it is late");
        let first = "Confirmed 2027-01-15 08:00:50Z, posted 2027-01-15 09:00:00Z.";
        assert_eq!(line.as_str(), format!("{first}{says}"));
    }

    #[test]
    fn what_was_sent_later_by_a_clock_that_was_set_back_is_later() {
        let (mut ledger, written) = handed_over(Vec::new());
        let enabling = sent(2, E, Some(OutcomeState::Verified));
        for (body, n) in enabling.into_iter().zip(30..) {
            ledger.apply(&entry(n, 10, body));
        }
        let act = ledger.get(&aid(2)).expect("it is there");
        assert!(is_since(&written, act));
        let (ledger, written) = handed_over(Vec::new());
        assert!(
            late(&written, &ledger, at(-3_600)).is_some(),
            "nobody knows when"
        );
    }
}
