//! What the handover says of accounts that are contained, or were and are watched.
//!
//! What must not live here: the wording of the texts around it (`domain::report`).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::app::model::contained::{self, Contained};
use crate::app::model::{Found, Load, Model, OpenCase, Watch};
use crate::domain::account::Account;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Worth};
use crate::domain::containment::recovery_watch::{Over, RecoveryWatch};
use crate::domain::containment::standing::Standing;
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::time_word;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// The way back from a mark as compromised.
const MARKED: &str = "keys c and d plan to dismiss the risk";

/// What follows from a reset, at any provider: some make a new password, others a link to choose one.
const RESET: &str = "the old password does not work any more; the user needs the new one, or the link to choose one, \
                     and where nobody has it another reset makes one";

/// What follows from an expired password.
const EXPIRED: &str = "the user must choose a new password at the first sign-in after that";

/// Says what holds an account, and how the last look at it went where it is watched.
pub(super) fn holds(model: &Model, row: &Contained<'_>) -> Option<Safe> {
    let line = match (stands(model, row)?, reads_otherwise(model, row)) {
        (line, None) => line,
        (line, Some(read)) => safe!("{}, but {}", line, read),
    };
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

/// Says how the open case shows an account that is held by the log, where it was read as letting its holder in later than
/// it was last read as held: nobody recorded yet that it was undone.
fn reads_otherwise(model: &Model, row: &Contained<'_>) -> Option<Safe> {
    let Load::Ready(Found::One(account), read) = &model.open.as_ref()?.account else {
        return None;
    };
    let is_it = account.id == *row.account && reads_free(account, read.utc, row.act()?);
    is_it.then(|| {
        safe!(
            "read as {} at {}",
            account.vendor_status.field(),
            time_word(read.utc)
        )
    })
}

/// Says how an account that is held by the log was read since, where it was read otherwise or not at all.
fn read_since(model: &Model, row: &Contained<'_>) -> Option<Safe> {
    let is_shown = model.open.as_ref().and_then(OpenCase::the_account);
    let is_shown = is_shown.is_some_and(|account| account.id == *row.account);
    let unread = model.unread(row.account).filter(|_| !is_shown);
    reads_otherwise(model, row).or_else(|| unread.map(Safe::from))
}

/// Tells whether an account was read at a time as letting its holder in, later than a disabling was last read as done.
fn reads_free(account: &Account, read: DateTime<Utc>, disabling: &ActionView) -> bool {
    let held = disabling.agreed.max(disabling.ended).max(disabling.sent);
    !account.status.bars() && Some(read) > held
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
        "{}: {}, its watch is over since {}, owner {}: {}{}",
        watch.login.ident(),
        watch.enabled(),
        time_word(over.at),
        watch.owner.field(),
        over.text.line(),
        seen.unwrap_or_default()
    )
}

/// Says that a case is not shown for a while.
pub(super) fn silenced(model: &Model, row: &Contained<'_>) -> Option<Safe> {
    let stays = row.not_held().is_none();
    let hold = row.hold.filter(|hold| hold.until.is_none() && stays)?;
    let reason = hold.reason.as_ref().map(Untrusted::line);
    let line = safe!(
        "{} stays contained until somebody decides{}",
        hold.login.ident(),
        reason.map_or(Safe::default(), |why| safe!(": {}", why))
    );
    Some(match reads_otherwise(model, row) {
        None => line,
        Some(read) => safe!("it was decided that {}; it was {} since", line, read),
    })
}

/// Lists, of each account that was acted on for a case, what of ours stands there or may, and the way back from it.
pub(super) fn ways_back(model: &Model, rows: &[Contained<'_>], id: &CaseId) -> Vec<Safe> {
    let held: BTreeSet<&AccountId> = rows.iter().map(|row| row.account).collect();
    let acted_on: BTreeSet<&AccountId> = super::actions(model, id)
        .filter(|act| !act.dry_run)
        .map(|act| &act.account)
        .filter(|account| !held.contains(account))
        .collect();
    let of_held = rows.iter().flat_map(|row| {
        let rest = stands_beside(model, row.account);
        let more = !rest.is_empty();
        let perhaps_more = more || model.log_gap().is_some();
        let first = way_back(row, read_since(model, row), (more, perhaps_more));
        first.into_iter().chain(rest)
    });
    let of_others = acted_on.into_iter().flat_map(|account| {
        let rest = stands_beside(model, account);
        let first = in_doubt(&contained::row(model, account));
        first.into_iter().chain(rest)
    });
    of_held.chain(of_others).collect()
}

/// Says how an account is enabled again, or that it need not be; `otherwise` is how it was read since it was held, `more`
/// whether more of ours stands there, or may by a log that is not whole.
fn way_back(
    row: &Contained<'_>,
    otherwise: Option<Safe>,
    (more, perhaps_more): (bool, bool),
) -> Option<Safe> {
    let act = row.act()?;
    let login = act.login.ident();
    let may_hold = row.is_disabled() || row.reads_disabled() || row.standing.is_by_hand();
    let line = if let Some(read) = otherwise.filter(|_| may_hold) {
        safe!(
            "{}: disabled by this log, but {}; where it is disabled, key u plans to enable the account again, and the user \
             signs in anew",
            login,
            read
        )
    } else if row.is_disabled() {
        let word: &'static str = if row.is_in_doubt() {
            "was disabled and may still be"
        } else {
            "is disabled"
        };
        let sessions: &'static str = if matches!(row.standing, Standing::Contained { .. }) {
            "the sessions stay revoked"
        } else {
            "sessions that were not revoked may work again"
        };
        safe!(
            "{} {}: key u plans to enable the account again; {}, the user signs in anew",
            login,
            word,
            sessions
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
    } else if let Some(doubt) = in_doubt(row) {
        doubt
    } else {
        let nothing: &'static str = if perhaps_more {
            ""
        } else {
            ", nothing else has to be undone"
        };
        safe!(
            "{}: {}, {}; the user signs in anew{}",
            login,
            act.what(),
            act.word(),
            nothing
        )
    };
    let follows: &'static str = if more {
        "; what else was changed there follows"
    } else {
        ""
    };
    Some(safe!("{}{}", line, follows))
}

/// Says that a disabling which nobody could prove may hold an account, if so.
fn in_doubt(row: &Contained<'_>) -> Option<Safe> {
    let act = row.act().filter(|act| {
        let is_known = act.stands_as_disabled();
        act.kind == ActionKind::DisableAccount && act.may_have_had_effect() && !is_known
    })?;
    Some(safe!(
        "{}: whether it is disabled is not known: {}, {}, sent {}; where it is, it is enabled again from its case, and \
         the user signs in anew",
        act.login.ident(),
        act.what(),
        act.word(),
        time_word(act.sent?)
    ))
}

/// Lists what of ours stands at an account beside a disabling, or may: a mark, another password, what was removed.
///
/// Of every case: the account is one, and an enabling takes none of it back.
fn stands_beside(model: &Model, account: &AccountId) -> Vec<Safe> {
    let all = model.ledger.on(account);
    let mut acts: Vec<&ActionView> = all.filter(|act| act.may_have_had_effect()).collect();
    acts.sort_by_key(|act| (act.sent_n, act.order));
    let kinds = [
        (ActionKind::ConfirmCompromised, MARKED),
        (ActionKind::ResetPassword, RESET),
        (ActionKind::ExpirePassword, EXPIRED),
    ];
    let each = kinds.into_iter().flat_map(|(kind, way)| {
        let standing = since_proven(&acts, kind);
        standing.filter_map(move |act| match model.worth(&act.aid) {
            Worth::Changed(at) if kind == ActionKind::ResetPassword => changed_since(act, at),
            _ => stands_with(act, way),
        })
    });
    each.chain(removed(&acts)).collect()
}

/// Lists the acts of a kind that stand or may: the last proven one, where nothing proven took it back, and those after it.
fn since_proven<'a>(
    acts: &[&'a ActionView],
    kind: ActionKind,
) -> impl Iterator<Item = &'a ActionView> {
    let decides = |act: &&ActionView| {
        let is_of_it = act.kind == kind || Some(act.kind) == kind.undo();
        is_of_it && act.state == ActionState::Verified
    };
    let from = acts.iter().rposition(decides).unwrap_or_default();
    let all: Vec<&ActionView> = acts.iter().skip(from).copied().collect();
    all.into_iter().filter(move |act| act.kind == kind)
}

/// Says how an act stands and what follows from it; of one that is not proven, that this is so only where it took effect.
fn stands_with(act: &ActionView, way: &'static str) -> Option<Safe> {
    let perhaps: &'static str = if act.state == ActionState::Verified {
        ""
    } else {
        "where it took effect, "
    };
    Some(safe!(
        "{}: {}, {}, sent {}; {}{}",
        act.login.ident(),
        act.what(),
        act.word(),
        time_word(act.sent?),
        perhaps,
        way
    ))
}

/// Says of a reset that another password was set since.
fn changed_since(act: &ActionView, at: DateTime<Utc>) -> Option<Safe> {
    Some(safe!(
        "{}: {}, {}, sent {}; the password was changed since, {}, by the user or others: what that made opens nothing",
        act.login.ident(),
        act.what(),
        act.word(),
        time_word(act.sent?),
        time_word(at)
    ))
}

/// Says what was taken away: one by its name, of many how many there are.
fn removed(acts: &[&ActionView]) -> Option<Safe> {
    let removals = acts.iter().filter(|act| act.kind == ActionKind::RemoveItem);
    let last = removals.clone().next_back()?;
    match removals.count() {
        1 => stands_with(last, "nothing from here brings it back"),
        many => Some(safe!(
            "{}: {} removals that took effect or may have, the last one sent {}; nothing from here brings back what they took",
            last.login.ident(),
            many,
            time_word(last.sent?)
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use rstest::rstest;

    use super::*;
    use crate::app::keymap::Keymap;
    use crate::app::model::{OwnLog, Start};
    use crate::config::parse::parse;
    use crate::config::sample::SAMPLE;
    use crate::domain::account::AccountStatus;
    use crate::domain::audit::{Body, Observed, OutcomeState, WatchSeen};
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::remnant::RemnantKind;
    use crate::domain::containment::samples::{
        account, aid, at, case, confirmed, entry, intent, outcome, planned, proven,
    };
    use crate::domain::containment::standing::standing;
    use crate::domain::fault::Fault;
    use crate::domain::freshness::Moment;
    use crate::domain::runbook::choice::Runbooks;

    #[rstest]
    #[case::enabled(AccountStatus::Active, 60, true)]
    #[case::reset(AccountStatus::Other("RECOVERY".into()), 60, true)]
    #[case::as_it_was_read_before(AccountStatus::Active, 5, false)]
    #[case::disabled(AccountStatus::Disabled, 60, false)]
    #[case::at_its_end(AccountStatus::Other("DEPROVISIONED".into()), 60, false)]
    fn what_is_read_as_enabled_later_is_not_called_disabled(
        #[case] status: AccountStatus,
        #[case] read: i64,
        #[case] expected: bool,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 10, 5);
        let of = account();
        let standing = standing(&ledger, &of.id, |_| false);
        let row = Contained {
            account: &of.id,
            standing: &standing,
            acts: ledger.on(&of.id).collect(),
            hold: None,
        };
        let act = row.act().expect("it is disabled");
        let shown = Account {
            status,
            ..of.clone()
        };
        assert_eq!(reads_free(&shown, at(read), act), expected);
        let otherwise = expected.then(|| "read as ACTIVE at 08:01Z".into());
        let said = way_back(&row, otherwise, (false, false)).unwrap_or_default();
        let says = if expected {
            "mara.lind@acme.example: disabled by this log, but read as ACTIVE at 08:01Z; where it is disabled, key u plans"
        } else {
            "mara.lind@acme.example is disabled: key u plans"
        };
        assert!(said.as_str().starts_with(says), "{said}");
    }

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
            is_read: true,
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
            is_read: true,
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
        let said = way_back(&row, None, (false, false)).unwrap_or_default();
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
        let said = way_back(&row, None, (false, false)).unwrap_or_default();
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
        let said = way_back(&row, None, (false, false)).unwrap_or_default();
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

    /// A model of the log alone.
    fn model(ledger: Ledger) -> Model {
        let parsed = parse(SAMPLE, "quell.toml", &[]);
        let parsed = parsed.unwrap_or_else(|faults| panic!("{faults:#?}"));
        let mut model = Model::new(Start {
            settings: Arc::new(parsed.settings),
            keymap: Arc::new(Keymap::default()),
            runbooks: Arc::new(Runbooks::default()),
            escalation: None,
            os_user: "jo".into(),
            own_log: OwnLog::default(),
            now: Moment {
                utc: at(100),
                boot: Duration::from_secs(1_000),
            },
            size: (120, 40),
        });
        model.ledger = ledger;
        model.judge();
        model
    }

    #[test]
    fn over_a_log_that_is_broken_what_has_no_send_on_record_is_not_called_unsent() {
        let mut ledger = Ledger::default();
        ledger.apply(&entry(1, 0, planned(1, 0, ActionKind::DisableAccount)));
        ledger.apply(&entry(2, 0, confirmed(1, false)));
        let mut model = model(ledger);
        let said = |model: &Model| {
            let id = case();
            let mut all = super::super::actions(model, &id);
            let act = all.next().expect("it was confirmed");
            super::super::stands(model, act).to_string()
        };
        assert!(
            said(&model).ends_with(": confirmed, not sent"),
            "{}",
            said(&model)
        );
        model.audit_broken = Some(Fault::new("edited"));
        let says = ": confirmed, no send on record";
        assert!(said(&model).ends_with(says), "{}", said(&model));
    }

    /// The ways back of the case after these actions, sent one after another: each with its last word.
    fn ways(acts: &[(ActionKind, Option<OutcomeState>)]) -> Vec<String> {
        let mut ledger = Ledger::default();
        for ((kind, word), number) in acts.iter().zip(1u32..) {
            let of = u128::from(number);
            let bodies = [
                planned(of, 0, *kind),
                confirmed(of, false),
                intent(of, None),
            ];
            let last = word.map(|word| outcome(of, word));
            for (body, n) in bodies.into_iter().chain(last).zip(u64::from(number) * 10..) {
                ledger.apply(&entry(n, 10, body));
            }
        }
        let model = model(ledger);
        let (id, held) = (case(), contained::of_cases(&model, &[case()]));
        let all = ways_back(&model, &held, &id);
        all.iter().map(ToString::to_string).collect()
    }

    const DISABLE: ActionKind = ActionKind::DisableAccount;
    const ENABLE: ActionKind = ActionKind::EnableAccount;
    const REVOKE: ActionKind = ActionKind::RevokeSessions;
    const NEW: ActionKind = ActionKind::ResetPassword;
    const EXPIRE: ActionKind = ActionKind::ExpirePassword;
    const MARK: ActionKind = ActionKind::ConfirmCompromised;
    const DISMISS: ActionKind = ActionKind::DismissRisk;
    const REMOVE: ActionKind = ActionKind::RemoveItem;
    const PROVEN: Option<OutcomeState> = Some(OutcomeState::Verified);
    const REFUTED: Option<OutcomeState> = Some(OutcomeState::NotEffective);
    const UNPROVEN: Option<OutcomeState> = Some(OutcomeState::Unverifiable);
    const UNDONE: Option<OutcomeState> = Some(OutcomeState::Drifted);

    #[rstest]
    #[case::nothing(&[], &[])]
    #[case::marked(
        &[(MARK, PROVEN)],
        &["mark as compromised, proven, sent 2027-01-15 08:00:10Z; keys c and d plan to dismiss the risk"]
    )]
    #[case::marked_perhaps(
        &[(MARK, None)],
        &["mark as compromised, requested, sent 2027-01-15 08:00:10Z; where it took effect, keys c and d plan to dismiss the risk"]
    )]
    #[case::mark_refuted(&[(MARK, REFUTED)], &[])]
    #[case::mark_dismissed(&[(MARK, PROVEN), (DISMISS, PROVEN)], &[])]
    #[case::mark_dismissed_perhaps(
        &[(MARK, PROVEN), (DISMISS, UNPROVEN)],
        &["mark as compromised, proven, sent "]
    )]
    #[case::marked_anew(
        &[(MARK, PROVEN), (DISMISS, PROVEN), (MARK, UNPROVEN)],
        &["mark as compromised, cannot be proven, sent "]
    )]
    #[case::marked_twice(&[(MARK, UNPROVEN), (MARK, PROVEN)], &["mark as compromised, proven, sent "])]
    #[case::reset(
        &[(NEW, PROVEN)],
        &["reset password, proven, sent 2027-01-15 08:00:10Z; the old password does not work any more; the user needs the \
           new one, or the link to choose one, and where nobody has it another reset makes one"]
    )]
    #[case::reset_perhaps(
        &[(NEW, PROVEN), (NEW, None)],
        &["reset password, proven, sent ", "reset password, requested, sent "]
    )]
    #[case::expired(
        &[(EXPIRE, PROVEN)],
        &["expire password, proven, sent 2027-01-15 08:00:10Z; the user must choose a new password at the first sign-in \
           after that"]
    )]
    #[case::removed(
        &[(REMOVE, PROVEN)],
        &["remove what was left, proven, sent 2027-01-15 08:00:10Z; nothing from here brings it back"]
    )]
    #[case::many_removed(
        &[(REMOVE, PROVEN), (REMOVE, UNPROVEN), (REMOVE, REFUTED)],
        &["2 removals that took effect or may have, the last one sent 2027-01-15 08:00:10Z; nothing from here brings back \
           what they took"]
    )]
    #[case::disabled_perhaps(
        &[(DISABLE, None)],
        &["whether it is disabled is not known: disable account, requested, sent 2027-01-15 08:00:10Z; where it is, it is \
           enabled again from its case, and the user signs in anew"]
    )]
    #[case::disabled_perhaps_and_revoked(
        &[(DISABLE, UNPROVEN), (REVOKE, PROVEN)],
        &["whether it is disabled is not known: disable account, cannot be proven, sent "]
    )]
    #[case::disabling_refuted(&[(DISABLE, REFUTED)], &[])]
    #[case::enabled(&[(DISABLE, PROVEN), (ENABLE, PROVEN)], &[])]
    // An enabling takes no mark back.
    #[case::enabled_and_marked(
        &[(MARK, PROVEN), (DISABLE, PROVEN), (ENABLE, PROVEN)],
        &["mark as compromised, proven, sent "]
    )]
    #[case::undone(
        &[(DISABLE, UNDONE), (REVOKE, PROVEN)],
        &["disable account, undone by others; the user signs in anew, nothing else has to be undone"]
    )]
    #[case::undone_and_more(
        &[(DISABLE, UNDONE), (REVOKE, PROVEN), (MARK, PROVEN), (NEW, PROVEN)],
        &[
            "disable account, undone by others; the user signs in anew; what else was changed there follows",
            "mark as compromised, proven, sent ",
            "reset password, proven, sent ",
        ]
    )]
    fn whatever_stands_of_ours_has_its_way_back(
        #[case] acts: &[(ActionKind, Option<OutcomeState>)],
        #[case] says: &[&str],
    ) {
        let said = ways(acts);
        assert_eq!(said.len(), says.len(), "{said:#?}");
        for (line, says) in said.iter().zip(says) {
            let says = format!("mara.lind@acme.example: {says}");
            assert!(line.starts_with(&says), "{line}");
        }
    }

    #[test]
    fn an_account_that_is_disabled_and_marked_has_both_ways_back() {
        let said = ways(&[(DISABLE, PROVEN), (REVOKE, PROVEN), (MARK, PROVEN)]);
        let first = "mara.lind@acme.example: disabled by this log, but the account is not read yet; where it is disabled, \
                     key u plans to enable the account again, and the user signs in anew; what else was changed there follows";
        assert_eq!(said.first().map(String::as_str), Some(first));
        assert_eq!(said.len(), 2, "{said:#?}");
    }

    #[test]
    fn over_a_log_that_is_not_whole_nothing_else_is_denied() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, DISABLE, 10, 5);
        proven(&mut ledger, 2, REVOKE, 20, 6);
        ledger.apply(&entry(30, 70, outcome(1, OutcomeState::Drifted)));
        let mut model = model(ledger);
        model.audit_broken = Some(Fault::new("edited"));
        let held = contained::of_cases(&model, &[case()]);
        let all = ways_back(&model, &held, &case());
        let says =
            "mara.lind@acme.example: disable account, undone by others; the user signs in anew";
        assert_eq!(all.iter().map(Safe::as_str).collect::<Vec<_>>(), [says]);
    }

    #[test]
    fn a_dry_run_has_no_way_back() {
        let mut ledger = Ledger::default();
        let bodies = [planned(1, 0, MARK), confirmed(1, true), intent(1, None)];
        for (body, n) in bodies.into_iter().zip(10..) {
            ledger.apply(&entry(n, 10, body));
        }
        assert!(ways_back(&model(ledger), &[], &case()).is_empty());
    }
}
