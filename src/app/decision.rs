//! What somebody decides of the time after a response: until when an account stays contained, or is watched.
//!
//! The records may have moved on since the dialog was opened: the console asks whether it still fits, and the log asks
//! once more before it is written, and before its case is told. What must not live here: the words of the decision for the
//! case, the rows of the list.

use super::model::contained;
use crate::domain::audit::{Body, HoldSet, RecoverySaid, RecoveryWord, WatchUntil};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::outbox::Basis;
use crate::domain::containment::standing::{Standing, standing};
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::time_word;
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// What to do where nothing was decided.
pub const HINT: &str = "the list of what is contained says how it stands now";

/// Why nothing is decided of a watch that does not run any more.
pub const OVER: &str = "its watch is over already";

/// A decision that its case is told of.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The record of it.
    pub record: Body,
    /// Whether the comment calls the account contained.
    pub says_contained: bool,
}

/// Says that nothing was decided for an account, and why.
pub fn nothing(login: &Untrusted, why: &Safe) -> Safe {
    safe!("nothing was decided for {}: {}", login.field(), why)
}

impl Decision {
    /// Says that nothing is decided, and why, where it does not fit what is on record.
    pub fn refusal(&self, ledger: &Ledger) -> Option<Safe> {
        let (login, why) = match &self.record {
            Body::HoldSet(set) => (&set.login, self.not_held(ledger, set)?),
            Body::Recovery(RecoverySaid {
                account,
                word: RecoveryWord::Until(word),
                ..
            }) => (&word.login, not_watched(ledger, account, word)?.into()),
            _ => return None,
        };
        Some(nothing(login, &why))
    }

    /// Says why an account does not stay contained, if so, or is contained less than is said of it.
    fn not_held(&self, ledger: &Ledger, set: &HoldSet) -> Option<Safe> {
        let stands = standing(ledger, &set.account, |_| false);
        let row = contained::on_record(ledger, &set.account, &stands);
        if let Some(why) = row.undecidable(ledger) {
            return Some(why.into());
        }
        let is_less = self.says_contained && !matches!(stands, Standing::Contained { .. });
        is_less.then(|| safe!("it is {}", stands.word()))
    }
}

/// Says what ended what was decided since that was recorded; `None` where it holds as far as the log knows.
pub fn since(decided: &Basis, ledger: &Ledger) -> Option<Safe> {
    let why = match &decided.record {
        Body::HoldSet(set) => {
            if let Some(why) = enabled_since(ledger, &set.account, decided.n) {
                return Some(why);
            }
            let stands = standing(ledger, &set.account, |_| false);
            let row = contained::on_record(ledger, &set.account, &stands);
            let Some(why) = row.undecidable(ledger) else {
                return decided_anew(ledger, &set.account, decided.n);
            };
            if let Some(undone) = row.undone() {
                return Some(safe!("{}: this does not hold any more", undone));
            }
            why
        }
        // That it was ended stays true.
        Body::Recovery(RecoverySaid {
            account,
            word: RecoveryWord::Until(word),
            ..
        }) if word.how != "ended" => {
            let Some(why) = not_watched(ledger, account, word) else {
                return watched_otherwise(ledger, account, word);
            };
            why
        }
        _ => return None,
    };
    Some(safe!(
        "the log says of the account: {}. This may not hold any more",
        why
    ))
}

/// Says until when an account stays contained by a decision after a record, if so: its note may be in the case already.
fn decided_anew(ledger: &Ledger, account: &AccountId, n: u64) -> Option<Safe> {
    let hold = ledger.holds().hold_since(account, n)?;
    let until = hold
        .until
        .map_or_else(|| "somebody decides".into(), time_word);
    let set = time_word(hold.set);
    Some(safe!("it was decided anew at {}: until {}", set, until))
}

/// Says how a watch ended, or that it has another end, since its end was decided, if so.
fn watched_otherwise(ledger: &Ledger, account: &AccountId, word: &WatchUntil) -> Option<Safe> {
    let watch = ledger.recoveries().of(account)?;
    if let Some(over) = &watch.over {
        return Some(safe!("its watch ended at {}", time_word(over.at)));
    }
    if watch.until == word.until {
        return None;
    }
    let until = time_word(watch.until);
    Some(safe!("its end was decided anew: watched until {}", until))
}

/// Says what is on record of enabling an account after a record, if it may have been enabled.
fn enabled_since(ledger: &Ledger, account: &AccountId, n: u64) -> Option<Safe> {
    let is_later = |act: &&ActionView| {
        let is_later = act.sent.is_none() || act.sent_n > n;
        act.kind == ActionKind::EnableAccount && is_later
    };
    let enablings: Vec<&ActionView> = ledger.on(account).filter(is_later).collect();
    let all = || enablings.iter().rev();
    if let Some(act) = all().find(|act| act.state == ActionState::Verified) {
        let proven = act.ended.map(|at| safe!(" (proven {})", time_word(at)));
        let mut later = ledger.on(account).filter(|later| later.sent_n > act.sent_n);
        let again: &'static str = if later.any(ActionView::still_disables) {
            " and disabled again after that"
        } else {
            ""
        };
        return Some(safe!(
            "the account was enabled again{}{}: this does not hold any more",
            proven.unwrap_or_default(),
            again
        ));
    }
    let under_way = "enabling the account is under way: this may not hold any more";
    let unproven = "enabling the account was sent and nobody could prove what came of it: this may not hold any more";
    if all().any(|act| act.is_unfinished()) {
        Some(under_way.into())
    } else {
        let is_open = all().any(|act| act.may_have_had_effect());
        is_open.then(|| unproven.into())
    }
}

/// Says why the watch over an account that was enabled again has no other end, if so. One that ran to its end in the
/// meantime goes on with a later one.
fn not_watched(ledger: &Ledger, account: &AccountId, word: &WatchUntil) -> Option<&'static str> {
    let enabled = ledger.get(&word.aid).map_or(0, |act| act.sent_n);
    let is_later = |act: &ActionView| {
        let is_later = act.sent.is_none() || act.sent_n > enabled;
        act.kind == ActionKind::DisableAccount && is_later
    };
    let mut later = ledger.on(account).filter(|act| is_later(act));
    if later.any(ActionView::is_unfinished) {
        return Some("disabling it is under way");
    }
    let watch = ledger.recoveries().of(account);
    let Some(watch) = watch.filter(|watch| watch.aid == word.aid) else {
        let mut later = ledger.on(account).filter(|act| is_later(act));
        let is_again = later.any(ActionView::still_disables);
        return Some(if is_again {
            "it was contained again"
        } else {
            OVER
        });
    };
    (word.how == "ended" && watch.over.is_some()).then_some(OVER)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Observed, OutcomeState, WatchOver, WatchSuccess};
    use crate::domain::containment::samples::{
        account, aid, at, case, confirmed, entry, intent, outcome, planned, proven,
    };

    const D: ActionKind = ActionKind::DisableAccount;
    const R: ActionKind = ActionKind::RevokeSessions;
    const E: ActionKind = ActionKind::EnableAccount;

    /// Contained by 1 and 2, and then what follows, from record 30 on.
    fn held(then: Vec<Body>) -> Ledger {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 0);
        proven(&mut ledger, 2, R, 20, 5);
        for (body, n) in then.into_iter().zip(30..) {
            ledger.apply(&entry(n, 100, body));
        }
        ledger
    }

    fn stays(says_contained: bool) -> Decision {
        let record = Body::HoldSet(HoldSet {
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            until: None,
            how: "changed".to_owned(),
            reason: None,
        });
        Decision {
            record,
            says_contained,
        }
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

    fn reads(number: u128, matches: bool) -> Body {
        Body::ActionObserve(Observed {
            aid: aid(number),
            evidence: "status".into(),
            matches: Some(matches),
            reads: 1,
            used: None,
            effect_at: None,
        })
    }

    /// Read as disabled, and then otherwise.
    fn read_enabled() -> Vec<Body> {
        vec![reads(1, true), reads(1, false)]
    }

    fn closed(number: u128) -> Body {
        Body::ActionResolve {
            aid: aid(number),
            how: "closed by a person".to_owned(),
            reason: "asked by phone".into(),
        }
    }

    fn success() -> Body {
        Body::WatchSuccess(WatchSuccess {
            case: case(),
            account: account().id,
            connection: account().id.connection,
            event: "e".into(),
            at: at(65),
            action: "user.session.start".into(),
            address: None,
        })
    }

    const UNDER_WAY: Option<&str> = Some("enabling it is under way");
    const ENABLED: Option<&str> = Some("it was enabled from here");

    #[rstest]
    #[case::nothing(vec![], None)]
    #[case::only_planned(vec![planned(3, 0, E)], None)]
    #[case::confirmed(vec![planned(3, 0, E), confirmed(3, false)], UNDER_WAY)]
    #[case::in_a_dry_run(vec![planned(3, 0, E), confirmed(3, true)], None)]
    #[case::sent(sent(3, E, None), UNDER_WAY)]
    #[case::proven(sent(3, E, Some(OutcomeState::Verified)), ENABLED)]
    #[case::not_proven(sent(3, E, Some(OutcomeState::Unverifiable)), ENABLED)]
    #[case::closed([sent(3, E, None), vec![closed(3)]].concat(), ENABLED)]
    #[case::without_effect(sent(3, E, Some(OutcomeState::NotEffective)), None)]
    #[case::undone_by_others(vec![outcome(1, OutcomeState::Drifted)], Some("others enabled it"))]
    #[case::reads_otherwise(read_enabled(), Some("it does not read as disabled"))]
    #[case::contained_anew(
        [
            sent(3, E, Some(OutcomeState::Verified)),
            sent(4, D, Some(OutcomeState::Verified)),
        ]
        .concat(),
        None
    )]
    #[case::enabled_and_disabled_without_a_word_yet(
        [sent(3, E, Some(OutcomeState::Verified)), sent(4, D, None)].concat(),
        None
    )]
    fn an_account_that_nothing_from_here_holds_gets_no_other_end(
        #[case] then: Vec<Body>,
        #[case] why: Option<&str>,
    ) {
        let refusal = stays(false).refusal(&held(then));
        let line = why.map(|why| format!("nothing was decided for mara.lind@acme.example: {why}"));
        assert_eq!(refusal.map(|line| line.to_string()), line);
    }

    #[test]
    fn nobody_is_told_that_an_account_is_contained_that_acted_since() {
        let ledger = held(vec![success()]);
        assert_eq!(stays(false).refusal(&ledger), None);
        let refusal = stays(true).refusal(&ledger).expect("it is refused");
        assert_eq!(
            refusal.as_str(),
            "nothing was decided for mara.lind@acme.example: it is partly contained: \
             success after containment at 08:01Z"
        );
        assert_eq!(stays(true).refusal(&held(Vec::new())), None);
    }

    /// Proven by the records of `entry` at that time.
    const PROVEN: &str = "the account was enabled again (proven 2027-01-15 08:01:40Z)";

    #[rstest]
    #[case::nothing(vec![], None)]
    #[case::only_planned(vec![planned(3, 0, E)], None)]
    #[case::confirmed(
        vec![planned(3, 0, E), confirmed(3, false)],
        Some("enabling the account is under way: this may not hold any more".to_owned())
    )]
    #[case::sent(
        sent(3, E, None),
        Some("enabling the account is under way: this may not hold any more".to_owned())
    )]
    #[case::proven(
        sent(3, E, Some(OutcomeState::Verified)),
        Some(format!("{PROVEN}: this does not hold any more"))
    )]
    #[case::not_proven(
        sent(3, E, Some(OutcomeState::Unverifiable)),
        Some(
            "enabling the account was sent and nobody could prove what came of it: \
             this may not hold any more"
                .to_owned()
        )
    )]
    #[case::without_effect(sent(3, E, Some(OutcomeState::NotEffective)), None)]
    #[case::undone_by_others(
        vec![outcome(1, OutcomeState::Drifted)],
        Some("others enabled it: this does not hold any more".to_owned())
    )]
    #[case::reads_otherwise(
        read_enabled(),
        Some(
            "the log says of the account: it does not read as disabled. \
             This may not hold any more"
                .to_owned()
        )
    )]
    // Its end is another one.
    #[case::contained_anew(
        [
            sent(3, E, Some(OutcomeState::Verified)),
            sent(4, D, Some(OutcomeState::Verified)),
        ]
        .concat(),
        Some(format!("{PROVEN} and disabled again after that: this does not hold any more"))
    )]
    fn a_case_that_is_told_late_hears_that_a_decision_does_not_hold_any_more(
        #[case] then: Vec<Body>,
        #[case] expected: Option<String>,
    ) {
        let decided = Basis {
            n: 29,
            record: stays(true).record,
        };
        let ended = since(&decided, &held(then)).map(|line| line.to_string());
        assert_eq!(ended, expected);
    }

    fn until(second: Option<i64>) -> Body {
        let mut record = stays(true).record;
        if let Body::HoldSet(set) = &mut record {
            set.until = second.map(at);
        }
        record
    }

    #[rstest]
    #[case::another_end(
        vec![until(Some(7_200))],
        Some("it was decided anew at 2027-01-15 08:01:40Z: until 2027-01-15 10:00:00Z")
    )]
    #[case::without_an_end(
        vec![until(Some(7_200)), until(None)],
        Some("it was decided anew at 2027-01-15 08:01:40Z: until somebody decides")
    )]
    #[case::and_undone_by_others(
        vec![until(None), outcome(1, OutcomeState::Drifted)],
        Some("others enabled it: this does not hold any more")
    )]
    fn a_case_that_is_told_late_hears_that_it_was_decided_anew(
        #[case] then: Vec<Body>,
        #[case] expected: Option<&str>,
    ) {
        let record = until(Some(3_600));
        let decided = Basis {
            n: 30,
            record: record.clone(),
        };
        let alone = held(vec![record.clone()]);
        assert_eq!(since(&decided, &alone), None);
        let ledger = held([vec![record], then].concat());
        let ended = since(&decided, &ledger);
        assert_eq!(ended.as_ref().map(Safe::as_str), expected);
    }

    #[test]
    fn an_enabling_of_before_a_decision_ended_nothing_of_it() {
        let ledger = held(
            [
                sent(3, E, Some(OutcomeState::Verified)),
                sent(4, D, Some(OutcomeState::Verified)),
            ]
            .concat(),
        );
        let decided = Basis {
            n: 40,
            record: stays(true).record,
        };
        assert_eq!(since(&decided, &ledger), None);
    }

    fn watched(how: &str) -> Decision {
        let word = WatchUntil {
            aid: aid(3),
            login: account().login,
            owner: "jo".into(),
            until: at(9_000),
            how: how.to_owned(),
            reason: None,
            looked: None,
        };
        let record = Body::Recovery(RecoverySaid {
            case: case(),
            account: account().id,
            word: RecoveryWord::Until(word),
        });
        Decision {
            record,
            says_contained: false,
        }
    }

    fn ended() -> Vec<Body> {
        vec![watched("ended").record]
    }

    fn watched_until(second: i64) -> Body {
        let mut record = watched("changed").record;
        if let Body::Recovery(RecoverySaid {
            word: RecoveryWord::Until(word),
            ..
        }) = &mut record
        {
            word.until = at(second);
        }
        record
    }

    /// Enabled by 3 and watched until another end, which is recorded, and then what follows.
    #[rstest]
    #[case::nothing(vec![], None)]
    #[case::another_end(
        vec![watched_until(12_600)],
        Some("its end was decided anew: watched until 2027-01-15 11:30:00Z")
    )]
    #[case::ended_by_somebody(ended(), Some("its watch ended at 2027-01-15 08:01:40Z"))]
    #[case::ran_to_its_end(vec![ran_out()], Some("its watch ended at 2027-01-15 08:01:40Z"))]
    #[case::ended_and_gone_on(
        [ended(), vec![watched_until(12_600)]].concat(),
        Some("its end was decided anew: watched until 2027-01-15 11:30:00Z")
    )]
    fn a_case_that_is_told_late_hears_how_a_watch_went_on(
        #[case] then: Vec<Body>,
        #[case] expected: Option<&str>,
    ) {
        let first = vec![watched("confirmed").record];
        let enabling = sent(3, E, Some(OutcomeState::Verified));
        let record = watched_until(10_800);
        let ledger = held([first, enabling, vec![record.clone()], then].concat());
        let ended = since(&Basis { n: 35, record }, &ledger);
        assert_eq!(ended.as_ref().map(Safe::as_str), expected);
    }

    fn ran_out() -> Body {
        Body::Recovery(RecoverySaid {
            case: case(),
            account: account().id,
            word: RecoveryWord::Over(WatchOver {
                aid: aid(3),
                text: "2 h, nothing seen".into(),
                well: true,
            }),
        })
    }

    const DISABLING: Option<&str> = Some("disabling it is under way");
    const AGAIN: Option<&str> = Some("it was contained again");

    /// Enabled by 3 and watched, and then what follows.
    #[rstest]
    #[case::nothing(vec![], None, None)]
    #[case::only_planned(vec![planned(4, 0, D)], None, None)]
    #[case::being_disabled(sent(4, D, None), DISABLING, DISABLING)]
    #[case::confirmed(vec![planned(4, 0, D), confirmed(4, false)], DISABLING, DISABLING)]
    #[case::disabled(sent(4, D, Some(OutcomeState::Verified)), AGAIN, AGAIN)]
    #[case::without_effect(sent(4, D, Some(OutcomeState::NotEffective)), None, None)]
    #[case::not_known(sent(4, D, Some(OutcomeState::Unverifiable)), None, None)]
    #[case::enabled_anew(
        [sent(4, D, Some(OutcomeState::Verified)), sent(5, E, Some(OutcomeState::Verified))].concat(),
        AGAIN,
        AGAIN
    )]
    // It goes on with another end.
    #[case::ended_by_somebody(ended(), None, Some(OVER))]
    fn a_watch_over_what_was_contained_again_gets_no_other_end(
        #[case] then: Vec<Body>,
        #[case] changed: Option<&str>,
        #[case] ended: Option<&str>,
    ) {
        let first = watched("confirmed").record;
        let enabling = sent(3, E, Some(OutcomeState::Verified));
        let ledger = held([vec![first], enabling, then].concat());
        let record = watched("changed").record;
        // Once it is on record it holds no more over a watch that ended.
        let late = since(&Basis { n: 29, record }, &ledger);
        assert_eq!(late.is_some(), changed.or(ended).is_some(), "{late:?}");
        for (how, why) in [("changed", changed), ("ended", ended)] {
            let refusal = watched(how).refusal(&ledger);
            let line =
                why.map(|why| format!("nothing was decided for mara.lind@acme.example: {why}"));
            assert_eq!(refusal.map(|line| line.to_string()), line, "{how}");
        }
    }
}
