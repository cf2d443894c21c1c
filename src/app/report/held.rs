//! What the handover says of accounts that are contained, or were and are watched.
//!
//! What must not live here: the wording of the texts around it (`domain::report`).

use crate::app::model::contained::Contained;
use crate::app::model::{Model, Watch};
use crate::domain::containment::recovery_watch::{Over, RecoveryWatch};
use crate::domain::freshness::time_word;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Says what holds an account, and how the last look at it went where it is watched.
pub(super) fn holds(model: &Model, row: &Contained<'_>) -> Option<Safe> {
    let line = stands(model, row)?;
    let is_watched = row.not_held().is_none() && model.watches(row.account);
    Some(if is_watched {
        safe!("{}, {}", line, looked(model.watch(row.account)))
    } else {
        line
    })
}

/// Says the same without how the last look went: that is another one with each look.
fn stands(model: &Model, row: &Contained<'_>) -> Option<Safe> {
    let login = &row.act()?.login;
    let until = match row.hold {
        Some(hold) => safe!(
            "{}, owner {}",
            hold.until
                .map_or("until somebody decides".into(), |at| safe!(
                    "until {}",
                    time_word(at)
                )),
            hold.owner.field()
        ),
        None => "no end was set".into(),
    };
    if let Some(why) = row.not_held() {
        return Some(safe!("{}: {}; {}", login.ident(), row.standing.word(), why));
    }
    let line = safe!(
        "{}: {}, {}",
        login.ident(),
        row.standing.since_word(time_word),
        until
    );
    Some(if model.watches(row.account) {
        line
    } else {
        safe!("{}, {}", line, row.unwatched())
    })
}

/// Says how the last look at an account went.
fn looked(watch: Option<&Watch>) -> Safe {
    match watch {
        None => "not watched yet".into(),
        Some(watch) => match &watch.fault {
            None => safe!(
                "watched last {}",
                watch.looked.map(time_word).unwrap_or_default()
            ),
            Some(fault) => safe!("the watch fails: {}", fault.what),
        },
    }
}

/// Says which accounts of a case were enabled again and are watched, what was seen, and how the last look went; and which
/// were watched until a short time ago, to the end of the watch or not.
pub(super) fn watched(model: &Model, id: &CaseId) -> Vec<Safe> {
    let word = watches(model, id).map(|watch| {
        let line = follows(model, watch);
        if watch.over.is_some() {
            return line;
        }
        let look = model.recovery_watch(&watch.account);
        safe!("{}, {}", line, looked(look))
    });
    word.collect()
}

/// Lists what is said of the accounts of a case without how the last look at each went.
pub(super) fn lasting(model: &Model, rows: &[Contained<'_>], id: &CaseId) -> Vec<Safe> {
    let held = rows.iter().filter_map(|row| stands(model, row));
    let watched = watches(model, id).map(|watch| follows(model, watch));
    held.chain(watched).collect()
}

/// Lists the watches over accounts that were enabled for a case, or were acted on for it and enabled for another.
fn watches<'a>(model: &'a Model, id: &'a CaseId) -> impl Iterator<Item = &'a RecoveryWatch> {
    let recoveries = model.ledger.recoveries();
    let outbox = model.ledger.outbox();
    let is_of = move |case: &CaseId| case == id || outbox.home_of(case) == id;
    let is_acted_on = move |account: &AccountId| {
        let mut acts = model.ledger.on(account);
        acts.any(|act| is_of(&act.case))
    };
    let all = recoveries.all().chain(recoveries.quiet());
    // Every watch ever is there, and few are listed: that is cheap to tell.
    all.filter(move |watch| {
        watch.is_listed(model.now.utc) && (is_of(&watch.case) || is_acted_on(&watch.account))
    })
}

fn follows(model: &Model, watch: &RecoveryWatch) -> Safe {
    if let Some(over) = &watch.over {
        return was_watched(watch, over);
    }
    let look = model.recovery_watch(&watch.account);
    safe!(
        "{}: {}, watched until {}, owner {}",
        watch.login.ident(),
        watch.word_once(look.is_some()),
        time_word(watch.until),
        watch.owner.field()
    )
}

fn was_watched(watch: &RecoveryWatch, over: &Over) -> Safe {
    // One that ran to its end says itself what was read.
    let seen = if watch.seen.is_empty() {
        over.early.then(|| safe!("; {}", watch.nothing_word()))
    } else {
        Some(safe!("; {}", watch.word()))
    };
    safe!(
        "{}: enabled again, its watch is over since {}, owner {}: {}{}",
        watch.login.ident(),
        time_word(over.at),
        watch.owner.field(),
        over.text.line(),
        seen.unwrap_or_default()
    )
}

/// Says that a case is not shown for a while.
pub(super) fn silenced(row: &Contained<'_>) -> Option<Safe> {
    let stays = row.not_held().is_none();
    let hold = row.hold.filter(|hold| hold.until.is_none() && stays)?;
    let reason = hold.reason.as_ref().map(Untrusted::line);
    Some(safe!(
        "{} stays contained until somebody decides{}",
        hold.login.ident(),
        reason.map_or(Safe::default(), |why| safe!(": {}", why))
    ))
}

pub(super) fn way_back(row: &Contained<'_>) -> Option<Safe> {
    let act = row.act()?;
    let login = act.login.ident();
    Some(if row.is_disabled() {
        let word: &'static str = if row.is_in_doubt() {
            "was disabled and may still be"
        } else {
            "is disabled"
        };
        safe!(
            "{} {}: key u plans to enable the account again; the sessions stay revoked, the user signs in anew",
            login,
            word
        )
    } else if row.reads_disabled() {
        safe!(
            "{} is disabled, but not provably by an action of ours: it is enabled again from its case, the user signs in anew",
            login
        )
    } else if row.standing.is_by_hand() {
        safe!(
            "{}: whether it is disabled is not known, for its disabling was closed by hand; where it is, key u plans to \
             enable the account again, and the user signs in anew",
            login
        )
    } else {
        safe!(
            "{}: {}, {}; the user signs in anew, nothing else has to be undone",
            login,
            act.what(),
            act.state.word()
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use std::time::Duration;

    use chrono::DateTime;
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed, OutcomeState, WatchSeen};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::remnant::RemnantKind;
    use crate::domain::containment::samples::{
        account, aid, at, case, confirmed, entry, intent, outcome, planned, proven,
    };
    use crate::domain::containment::standing::standing;
    use crate::domain::fault::Fault;
    use crate::domain::freshness::Moment;

    #[test]
    fn of_a_watch_that_is_over_it_is_said_how_it_ended_and_what_was_seen() {
        let over = Over {
            text: "ended before its time by kim: the user called".into(),
            well: false,
            early: true,
            at: at(7_200),
            looked: None,
        };
        let mut watch = RecoveryWatch {
            aid: aid(3),
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            since: at(0),
            until: at(9_000),
            seen: Vec::new(),
            missed: BTreeMap::new(),
            there: BTreeMap::new(),
            over: Some(over.clone()),
            reopened: 0,
        };
        let ended = "mara.lind@acme.example: enabled again, its watch is over since 2027-01-15 10:00:00Z, \
             owner jo: ended before its time by kim: the user called";
        let unlisted =
            format!("{ended}; nothing seen in what was read; not read: what is left at okta");
        assert_eq!(was_watched(&watch, &over).as_str(), unlisted);
        watch.there.insert(RemnantKind::MfaMethod, BTreeSet::new());
        let nothing = format!("{ended}; nothing seen as far as it was read");
        assert_eq!(was_watched(&watch, &over).as_str(), nothing);
        watch.over = Some(Over {
            looked: Some(at(7_080)),
            ..over.clone()
        });
        let nothing = format!("{ended}; nothing seen, looked last 09:58Z");
        assert_eq!(was_watched(&watch, &over).as_str(), nothing);
        watch.missed.insert("elastic".to_owned(), "403".into());
        let unread = format!("{ended}; nothing seen in what was read; not read: elastic");
        assert_eq!(was_watched(&watch, &over).as_str(), unread);
        watch.seen.push(WatchSeen {
            aid: aid(3),
            thing: "password".to_owned(),
            source: "okta".to_owned(),
            key: "k".into(),
            at: at(60),
            text: "password changed by others".into(),
            address: None,
        });
        let seen = format!("{ended}; SEEN SINCE: password changed by others");
        assert_eq!(was_watched(&watch, &over).as_str(), seen);
    }

    #[test]
    fn of_a_watch_that_ran_to_its_end_only_its_summary_is_said() {
        let over = Over {
            text: "72 h, 1 source (okta), nothing seen".into(),
            well: true,
            early: false,
            at: at(7_200),
            looked: None,
        };
        let watch = RecoveryWatch {
            aid: aid(3),
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            since: at(0),
            until: at(7_200),
            seen: Vec::new(),
            missed: BTreeMap::new(),
            there: BTreeMap::new(),
            over: Some(over.clone()),
            reopened: 0,
        };
        assert_eq!(
            was_watched(&watch, &over).as_str(),
            "mara.lind@acme.example: enabled again, its watch is over since 2027-01-15 10:00:00Z, \
             owner jo: 72 h, 1 source (okta), nothing seen"
        );
    }

    /// A proven disabling, and a second one: refused though it reads so, not provable, or undone by others.
    #[rstest]
    #[case::late(
        Some(true),
        OutcomeState::Rejected,
        "is disabled: key u plans to enable"
    )]
    #[case::not_known(
        None,
        OutcomeState::Unverifiable,
        "was disabled and may still be: key u"
    )]
    #[case::undone(
        Some(false),
        OutcomeState::Drifted,
        ": disable account, undone by others; the user signs in anew, nothing else"
    )]
    fn the_way_back_goes_by_the_last_proven_disabling(
        #[case] matches: Option<bool>,
        #[case] word: OutcomeState,
        #[case] says: &str,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 10, 5);
        proven(&mut ledger, 2, ActionKind::RevokeSessions, 20, 6);
        let read = Observed {
            aid: aid(3),
            evidence: "status".into(),
            matches,
            reads: 1,
            used: None,
            effect_at: None,
        };
        let second = [
            planned(3, 0, ActionKind::DisableAccount),
            confirmed(3, false),
            intent(3, Some(4)),
            Body::ActionObserve(read),
            outcome(3, word),
        ];
        for (body, n) in second.into_iter().zip(30..) {
            ledger.apply(&entry(n, 40, body));
        }
        let account = account().id;
        let row = Contained {
            account: &account,
            standing: &standing(&ledger, &account, |_| false),
            acts: ledger.on(&account).collect(),
            hold: None,
        };
        let said = way_back(&row).unwrap_or_default();
        assert!(said.as_str().contains(says), "{said}");
    }

    #[test]
    fn what_reads_disabled_without_a_proof_is_not_said_to_need_nothing() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::RevokeSessions, 10, 5);
        let read = Observed {
            aid: aid(2),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 1,
            used: None,
            effect_at: None,
        };
        let refused = [
            planned(2, 0, ActionKind::DisableAccount),
            confirmed(2, false),
            intent(2, Some(6)),
            Body::ActionObserve(read),
            outcome(2, OutcomeState::Rejected),
        ];
        for (body, n) in refused.into_iter().zip(20..) {
            ledger.apply(&entry(n, 40, body));
        }
        let account = account().id;
        let row = Contained {
            account: &account,
            standing: &standing(&ledger, &account, |_| false),
            acts: ledger.on(&account).collect(),
            hold: None,
        };
        let said = way_back(&row).unwrap_or_default();
        let says = "mara.lind@acme.example is disabled, but not provably by an action of ours: it is enabled again";
        assert!(said.as_str().starts_with(says), "{said}");
    }

    #[test]
    fn of_a_disabling_that_was_closed_by_hand_it_is_not_said_that_nothing_has_to_be_undone() {
        let mut ledger = Ledger::default();
        let closed = Body::ActionResolve {
            aid: aid(1),
            how: "closed by a person".to_owned(),
            reason: "not ours".into(),
        };
        let bodies = [
            planned(1, 0, ActionKind::DisableAccount),
            confirmed(1, false),
            intent(1, Some(5)),
            closed,
        ];
        for (body, n) in bodies.into_iter().zip(10..) {
            ledger.apply(&entry(n, 10, body));
        }
        let account = account().id;
        let row = Contained {
            account: &account,
            standing: &standing(&ledger, &account, |_| false),
            acts: ledger.on(&account).collect(),
            hold: None,
        };
        let said = way_back(&row).unwrap_or_default();
        let says = "mara.lind@acme.example: whether it is disabled is not known, for its disabling was closed by hand; \
                    where it is, key u plans to enable the account again";
        assert!(said.as_str().starts_with(says), "{said}");
    }

    #[test]
    fn the_last_look_at_an_account_is_said_with_its_failure() {
        assert_eq!(looked(None).as_str(), "not watched yet");
        let utc = DateTime::UNIX_EPOCH;
        let mut watch = Watch {
            looked: Some(utc),
            good: Moment {
                utc,
                boot: Duration::ZERO,
            },
            fault: None,
        };
        assert_eq!(
            looked(Some(&watch)).as_str(),
            "watched last 1970-01-01 00:00:00Z"
        );
        watch.fault = Some(Fault::new("403"));
        assert_eq!(looked(Some(&watch)).as_str(), "the watch fails: 403");
    }
}
