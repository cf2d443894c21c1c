//! Everything that is contained, or was and is watched, as rows: one place for the list, the status line and the reminders.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Found, Held, Load, Model};
use crate::domain::account::{Account, AccountStatus};
use crate::domain::containment::hold::{Hold, is_by_others};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::recovery_watch::RecoveryWatch;
use crate::domain::containment::standing::Standing;
use crate::domain::containment::state::ActionState;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::Safe;

/// How an account stands of which nothing was proven.
static FREE: Standing = Standing::Free;

/// One account that is contained, wholly or partly.
#[derive(Clone, Debug)]
pub struct Contained<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// How it stands.
    pub standing: &'a Standing,
    /// What was done to it since it was last enabled here, oldest first; never empty in a list.
    pub acts: Vec<&'a ActionView>,
    /// Until when.
    pub hold: Option<&'a Hold>,
}

impl Contained<'_> {
    /// Gives the act that stands for it: the latest disabling, else the latest act.
    pub fn act(&self) -> Option<&ActionView> {
        let disabling = |act: &&&ActionView| act.kind == ActionKind::DisableAccount;
        let found = self.acts.iter().rev().find(disabling);
        found.or(self.acts.last()).copied()
    }

    /// Gives what a decision about it is about.
    pub fn held(&self) -> Option<Held> {
        self.act().map(|act| Held {
            case: act.case.clone(),
            account: self.account.clone(),
            login: act.login.clone(),
        })
    }

    /// Says why nobody watches it: only what was proven to be disabled, or read so to the end, is watched, until it is
    /// enabled from here.
    pub fn unwatched(&self) -> Safe {
        let is_open = self.act().is_some_and(|act| {
            let is_open = act.is_unfinished() || act.is_closed_unread();
            act.kind == ActionKind::DisableAccount && is_open
        });
        let mut enablings = self.acts.iter().filter(|act| is_enabling(act));
        if is_open {
            "not watched: not read back yet".into()
        } else if enablings.any(|act| act.is_unfinished()) {
            "not watched: being enabled".into()
        } else {
            "not watched".into()
        }
    }

    /// Tells whether the account was proven disabled from here, and neither others nor a proven enabling undid that.
    ///
    /// One more disabling that nobody could prove takes that back as little as it ends the watch. An enabling that nobody
    /// could prove ends the watch, for the account is watched as enabled then; it leaves something to undo all the same.
    pub fn is_disabled(&self) -> bool {
        let mut acts = self.acts.iter().rev();
        let last = acts.find(|act| act.is_proven_disabling());
        last.is_some_and(|act| act.state == ActionState::Verified)
    }

    /// Tells whether the account read as disabled to the end of the last disabling, which nobody could prove to be ours: it
    /// is disabled, by others or by a copy of our request.
    pub fn reads_disabled(&self) -> bool {
        let mut acts = self.acts.iter().rev();
        let last = acts.find(|act| match act.kind {
            ActionKind::DisableAccount => true,
            ActionKind::EnableAccount => act.may_have_had_effect(),
            _ => false,
        });
        let Some(last) = last.filter(|act| act.is_late_disabling()) else {
            return false;
        };
        // Where it came too late for a proven one it goes by that.
        let proven = acts.find(|act| act.is_proven_disabling());
        !self.is_disabled() && proven.is_none_or(|proven| !last.came_too_late_for(proven))
    }

    /// Tells whether it is disabled by an act from here, or may be: there is something to undo.
    pub fn is_held(&self) -> bool {
        let is_disabled = self.is_disabled() && !self.reads_enabled_since();
        // Nobody read to the end what became of one that was closed by hand.
        is_disabled || self.reads_disabled() || self.is_open()
    }

    /// Tells whether nobody knows what became of its disabling: closed by hand, or never read.
    pub fn is_open(&self) -> bool {
        self.standing.is_by_hand() || self.standing.is_unproven()
    }

    /// Tells whether nothing of it stands any more, or an enabling that may have had its effect was sent after the last
    /// disabling.
    pub fn is_enabled_since(&self) -> bool {
        let later = self.acts.iter().rev();
        let mut later = later.take_while(|act| act.kind != ActionKind::DisableAccount);
        self.acts.is_empty() || later.any(|act| is_enabling(act) && act.may_have_had_effect())
    }

    /// Tells whether an enabling that was sent after the last disabling reads as done, proven to be ours or not.
    fn reads_enabled_since(&self) -> bool {
        let later = self.acts.iter().rev();
        let mut later = later.take_while(|act| act.kind != ActionKind::DisableAccount);
        later.any(|act| is_enabling(act) && act.matches == Some(true) && act.may_have_had_effect())
    }

    /// Tells whether a look at the account, of this time by our clock, found it enabled at least so long after the act that
    /// stands for it: longer than any provider goes on showing an account as it was before.
    pub fn is_found_enabled(
        &self,
        account: &Account,
        looked: DateTime<Utc>,
        patience: TimeDelta,
    ) -> bool {
        let since = self.act().and_then(|act| match account.server_date {
            Some(read) => act.effective_at().map(|began| read - began),
            None => act.sent.map(|sent| looked - sent),
        });
        let is_late = since.is_some_and(|since| since >= patience);
        account.id == *self.account && account.status == AccountStatus::Active && is_late
    }

    /// Says that the last proven disabling was taken back other than from here, and whether others did that, unless the
    /// account reads as disabled since.
    pub fn undone(&self) -> Option<&'static str> {
        let mut acts = self.acts.iter().rev();
        let last = acts.find(|act| act.is_proven_disabling())?;
        if last.state != ActionState::Drifted || self.reads_disabled() {
            return None;
        }
        Some(if is_by_others(last) {
            "others enabled it"
        } else {
            "it was enabled, by whom is not known"
        })
    }

    /// Says why there is nothing left to extend or to undo at an end, if so: nothing from here holds the account any more.
    pub fn not_held(&self) -> Option<&'static str> {
        let mut acts = self.acts.iter();
        let is_disabling = |act: &&ActionView| act.kind == ActionKind::DisableAccount;
        if self.is_held() || acts.any(|act| is_disabling(act) && act.is_unfinished()) {
            None
        } else {
            self.undone().or(Some("it is not disabled by this log"))
        }
    }

    /// Says why no other end is decided for it, if so: it is enabled from here, or about to be, or nothing from here holds it
    /// as far as it was read.
    pub fn undecidable(&self, ledger: &Ledger) -> Option<&'static str> {
        let is_under_way = |act: &ActionView| {
            let last = self.act();
            let is_later = act.sent.is_none() || last.is_none_or(|last| act.sent_n > last.sent_n);
            is_enabling(act) && act.is_unfinished() && is_later
        };
        if ledger.on(self.account).any(is_under_way) {
            return Some("enabling it is under way");
        }
        if self.is_enabled_since() {
            return Some("it was enabled from here");
        }
        let is_broken = self.act().is_some_and(|act| ledger.is_broken_promise(act));
        let broken = is_broken.then_some("it does not read as disabled");
        self.not_held().or(broken)
    }

    /// Tells whether something that was sent after the last proven disabling may have changed that: one more disabling, for
    /// which the account was found enabled and which does not read as done, or an enabling.
    pub fn is_in_doubt(&self) -> bool {
        let later = self.acts.iter().rev();
        let mut later = later.take_while(|act| !act.is_proven_disabling());
        later.any(|act| match act.kind {
            ActionKind::DisableAccount => act.matches != Some(true),
            ActionKind::EnableAccount => act.may_have_had_effect(),
            _ => false,
        })
    }
}

fn is_enabling(act: &ActionView) -> bool {
    act.kind == ActionKind::EnableAccount
}

/// Gives the row of one account, also where it is not contained.
pub fn row<'a>(model: &'a Model, account: &'a AccountId) -> Contained<'a> {
    let standing = model.standings.get(account).unwrap_or(&FREE);
    on_record(&model.ledger, account, standing)
}

/// Gives the row of one account by what is on record, with how it stands.
pub fn on_record<'a>(
    ledger: &'a Ledger,
    account: &'a AccountId,
    standing: &'a Standing,
) -> Contained<'a> {
    let mut acts: Vec<&ActionView> = ledger
        .on(account)
        .filter(|act| act.may_have_left())
        .collect();
    acts.sort_by_key(|act| (act.sent_n, act.order));
    let enabled = acts
        .iter()
        .rposition(|act| is_enabling(act) && act.state == ActionState::Verified);
    acts.drain(..enabled.map_or(0, |at| at + 1));
    Contained {
        account,
        standing,
        acts,
        hold: ledger.holds().hold(account),
    }
}

/// Tells whether the open case shows the account of a row enabled, read at least so long after the act that stands for it.
pub fn reads_enabled(model: &Model, row: &Contained<'_>, patience: TimeDelta) -> bool {
    model.open.as_ref().is_some_and(|open| {
        let Load::Ready(Found::One(account), looked) = &open.account else {
            return false;
        };
        row.is_found_enabled(account, looked.utc, patience)
    })
}

/// Lists everything contained, the newest first.
pub fn rows(model: &Model) -> Vec<Contained<'_>> {
    let mut rows: Vec<Contained<'_>> = model
        .standings
        .keys()
        .map(|account| row(model, account))
        .filter(|row| !row.acts.is_empty())
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.standing.since()));
    rows
}

/// Lists what is contained from one of these cases, the newest first.
pub fn of_cases<'a>(model: &'a Model, cases: &[CaseId]) -> Vec<Contained<'a>> {
    let outbox = model.ledger.outbox();
    let is_of = |case: &CaseId| cases.contains(case) || cases.contains(outbox.home_of(case));
    let of_one = |row: &Contained<'_>| row.acts.iter().any(|act| is_of(&act.case));
    rows(model).into_iter().filter(of_one).collect()
}

/// Lists the accounts that were enabled again and are watched, or whose watch ended a short time ago; the newest first.
pub fn recovering(model: &Model) -> Vec<&RecoveryWatch> {
    let standing = model.standings.keys();
    let listed: BTreeSet<&AccountId> = standing.collect();
    let recoveries = model.ledger.recoveries();
    let mut rows: Vec<&RecoveryWatch> = recoveries
        .all()
        .chain(recoveries.quiet())
        .filter(|watch| {
            let is_latest = recoveries.of(&watch.account) == Some(watch);
            // A watch that ended says nothing of an account that is contained again.
            let is_past = watch.over.is_some() && listed.contains(&watch.account);
            is_latest && !is_past && watch.is_listed(model.now.utc)
        })
        .collect();
    rows.sort_by_key(|watch| std::cmp::Reverse(watch.since));
    rows
}

/// Counts the rows of the list: what is contained, then what was enabled again and is watched.
pub fn count(model: &Model) -> usize {
    rows(model).len() + recovering(model).len()
}

/// Gives what a decision about a watch is about.
pub fn watched(watch: &RecoveryWatch) -> Held {
    Held {
        case: watch.case.clone(),
        account: watch.account.clone(),
        login: watch.login.clone(),
    }
}

/// Gives the ends to choose from; a watch has one.
pub fn ends(watch: bool) -> &'static [End] {
    match (watch, ENDS.split_last()) {
        (true, Some((_, ends))) => ends,
        _ => &ENDS,
    }
}

/// An end that a containment can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// So long from now.
    After(Duration),
    /// Until somebody decides: never by itself, only chosen.
    Open,
}

const HOUR: u64 = 3_600;

/// The ends to choose from; that without an end is the last.
pub const ENDS: [End; 6] = [
    End::After(Duration::from_secs(4 * HOUR)),
    End::After(Duration::from_secs(12 * HOUR)),
    End::After(Duration::from_secs(24 * HOUR)),
    End::After(Duration::from_secs(72 * HOUR)),
    End::After(Duration::from_secs(168 * HOUR)),
    End::Open,
];

impl End {
    /// Gives the words shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::After(length) => match length.as_secs() / HOUR {
                4 => "4 hours from now",
                12 => "12 hours from now",
                24 => "24 hours from now",
                72 => "3 days from now",
                _ => "7 days from now",
            },
            Self::Open => "until somebody decides",
        }
    }

    /// Gives the time it means.
    pub fn until(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::After(length) => {
                now.checked_add_signed(TimeDelta::from_std(length).unwrap_or_default())
            }
            Self::Open => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Observed, OutcomeState};
    use crate::domain::containment::samples::{
        account, aid, at, confirmed, entry, intent, outcome, planned, proven,
    };
    use crate::domain::containment::standing::standing as judge;

    const D: ActionKind = ActionKind::DisableAccount;
    const E: ActionKind = ActionKind::EnableAccount;

    fn row<'a>(
        ledger: &'a Ledger,
        account: &'a AccountId,
        standing: &'a Standing,
    ) -> Contained<'a> {
        let mut acts: Vec<&ActionView> = ledger.on(account).collect();
        acts.sort_by_key(|act| (act.sent_n, act.order));
        Contained {
            account,
            standing,
            acts,
            hold: None,
        }
    }

    /// Says of a row whether it is disabled, whether that is in doubt, and why nobody would watch it.
    fn said(ledger: &Ledger) -> (bool, bool, String) {
        let (account, standing) = (account().id, Standing::Free);
        let row = row(ledger, &account, &standing);
        let unwatched = row.unwatched().as_str().to_owned();
        (row.is_disabled(), row.is_in_doubt(), unwatched)
    }

    fn reads_disabled(ledger: &Ledger) -> bool {
        let (account, standing) = (account().id, Standing::Free);
        row(ledger, &account, &standing).reads_disabled()
    }

    fn read(matches: Option<bool>) -> Body {
        Body::ActionObserve(Observed {
            aid: aid(2),
            evidence: "status".into(),
            matches,
            reads: 1,
            used: None,
            effect_at: None,
        })
    }

    fn closed() -> Body {
        Body::ActionResolve {
            aid: aid(2),
            how: "closed".to_owned(),
            reason: "asked by phone".into(),
        }
    }

    const NOT: &str = "not watched";
    const OPEN: &str = "not watched: not read back yet";
    const ENABLED: &str = "not watched: being enabled";

    #[rstest]
    // The first one took effect after the second one had found the account active.
    #[case::refused_and_reads_disabled(D, Some(true), Some(outcome(2, OutcomeState::Rejected)), (true, false, NOT))]
    #[case::refused_and_reads_otherwise(D, Some(false), Some(outcome(2, OutcomeState::Rejected)), (true, true, NOT))]
    #[case::refuted(D, Some(false), Some(outcome(2, OutcomeState::NotEffective)), (true, true, NOT))]
    #[case::on_its_way(D, None, None, (true, true, OPEN))]
    #[case::closed_by_hand(D, None, Some(closed()), (true, true, OPEN))]
    #[case::proven_too(D, Some(true), Some(outcome(2, OutcomeState::Verified)), (true, false, NOT))]
    #[case::undone_by_others(D, Some(false), Some(outcome(2, OutcomeState::Drifted)), (false, false, NOT))]
    #[case::being_enabled(E, None, None, (true, true, ENABLED))]
    #[case::perhaps_enabled(E, None, Some(outcome(2, OutcomeState::Unverifiable)), (true, true, NOT))]
    #[case::perhaps_enabled_and_closed(E, None, Some(closed()), (true, true, NOT))]
    #[case::not_enabled(E, Some(false), Some(outcome(2, OutcomeState::NotEffective)), (true, false, NOT))]
    fn an_account_is_disabled_by_its_last_proven_disabling(
        #[case] kind: ActionKind,
        #[case] matches: Option<bool>,
        #[case] last: Option<Body>,
        #[case] expected: (bool, bool, &str),
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 0);
        let sent = [
            planned(2, 0, kind),
            confirmed(2, false),
            intent(2, Some(5)),
            read(matches),
        ];
        for (body, n) in sent.into_iter().chain(last).zip(20..) {
            ledger.apply(&entry(n, 60, body));
        }
        let (is_disabled, is_in_doubt, unwatched) = said(&ledger);
        assert_eq!((is_disabled, is_in_doubt, unwatched.as_str()), expected);
    }

    #[rstest]
    #[case::refused(Some(true), OutcomeState::Rejected, true)]
    #[case::not_provable(Some(true), OutcomeState::Unverifiable, true)]
    #[case::reads_otherwise(Some(false), OutcomeState::Rejected, false)]
    #[case::unreadable(None, OutcomeState::Unverifiable, false)]
    #[case::proven(Some(true), OutcomeState::Verified, false)]
    fn what_was_not_proven_and_reads_disabled_is_said_to_be_so(
        #[case] matches: Option<bool>,
        #[case] word: OutcomeState,
        #[case] reads: bool,
    ) {
        let mut ledger = Ledger::default();
        let sent = [
            planned(2, 0, D),
            confirmed(2, false),
            intent(2, Some(5)),
            read(matches),
            outcome(2, word),
        ];
        for (body, n) in sent.into_iter().zip(20..) {
            ledger.apply(&entry(n, 60, body));
        }
        assert_eq!(reads_disabled(&ledger), reads);
        if !reads {
            return;
        }
        assert!(!said(&ledger).0, "there is no proof of it");
        let mut undone = ledger.clone();
        undone.apply(&entry(30, 70, outcome(2, OutcomeState::Drifted)));
        assert!(!reads_disabled(&undone));
        // An enabling that may have worked leaves nothing to say of it.
        let enabling = [planned(3, 0, E), confirmed(3, false), intent(3, Some(70))];
        for (body, n) in enabling.into_iter().zip(40..) {
            ledger.apply(&entry(n, 70, body));
        }
        assert!(!reads_disabled(&ledger));
    }

    #[test]
    fn what_others_undid_of_a_proven_one_reads_disabled_by_no_one_that_came_too_late() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 5);
        let sent = [
            planned(2, 0, D),
            confirmed(2, false),
            intent(2, Some(5)),
            read(Some(true)),
            outcome(2, OutcomeState::Rejected),
        ];
        for (body, n) in sent.into_iter().zip(20..) {
            ledger.apply(&entry(n, 60, body));
        }
        assert!(said(&ledger).0);
        ledger.apply(&entry(30, 70, outcome(1, OutcomeState::Drifted)));
        assert!(!said(&ledger).0);
        assert!(!reads_disabled(&ledger));
    }

    #[rstest]
    #[case::proven(D, outcome(2, OutcomeState::Verified), true)]
    #[case::closed_by_hand(D, closed(), true)]
    #[case::undone_by_others(D, outcome(2, OutcomeState::Drifted), false)]
    #[case::refuted(D, outcome(2, OutcomeState::NotEffective), false)]
    #[case::only_signed_out(ActionKind::RevokeSessions, outcome(2, OutcomeState::Verified), false)]
    fn what_is_or_may_be_disabled_from_here_leaves_something_to_undo(
        #[case] kind: ActionKind,
        #[case] word: Body,
        #[case] is_held: bool,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::RevokeSessions, 10, 0);
        let sent = [
            planned(2, 0, kind),
            confirmed(2, false),
            intent(2, Some(5)),
            word,
        ];
        for (body, n) in sent.into_iter().zip(20..) {
            ledger.apply(&entry(n, 60, body));
        }
        let account = account().id;
        let standing = judge(&ledger, &account, |_| false);
        assert_ne!(standing, Standing::Free, "it is in the list all the same");
        assert_eq!(row(&ledger, &account, &standing).is_held(), is_held);
    }

    /// The account was disabled in second 0 by both clocks.
    #[rstest]
    #[case::long_after(AccountStatus::Active, Some(240), 0, true)]
    #[case::too_soon(AccountStatus::Active, Some(239), 900, false)]
    #[case::of_before(AccountStatus::Active, Some(-5), 900, false)]
    #[case::still_disabled(AccountStatus::Disabled, Some(900), 900, false)]
    #[case::by_our_clock(AccountStatus::Active, None, 240, true)]
    #[case::too_soon_by_our_clock(AccountStatus::Active, None, 239, false)]
    fn a_look_long_after_a_disabling_tells_that_it_holds_no_more(
        #[case] status: AccountStatus,
        #[case] read: Option<i64>,
        #[case] looked: i64,
        #[case] is_found: bool,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 0);
        let seen = Account {
            status,
            server_date: read.map(at),
            ..account()
        };
        let (id, standing) = (account().id, Standing::Free);
        let row = row(&ledger, &id, &standing);
        let patience = TimeDelta::minutes(4);
        assert_eq!(row.is_found_enabled(&seen, at(looked), patience), is_found);
        let mut other = seen;
        other.id = AccountId::new(other.id.connection.clone(), "00u-other");
        assert!(!row.is_found_enabled(&other, at(looked), patience));
    }

    #[test]
    fn what_others_undid_is_told_from_what_was_never_proven() {
        let undone = |ledger: &Ledger| {
            let (account, standing) = (account().id, Standing::Free);
            row(ledger, &account, &standing).undone()
        };
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::RevokeSessions, 10, 0);
        assert_eq!(undone(&ledger), None, "never disabled");
        proven(&mut ledger, 2, D, 20, 5);
        assert_eq!(undone(&ledger), None, "disabled");
        ledger.apply(&entry(30, 70, outcome(2, OutcomeState::Drifted)));
        assert_eq!(undone(&ledger), Some("others enabled it"));
        proven(&mut ledger, 3, D, 40, 80);
        assert_eq!(undone(&ledger), None, "disabled again");
    }

    #[rstest]
    #[case::by_no_act("status ACTIVE now, by no act on record here", "others enabled it")]
    #[case::over_a_log_in_doubt(
        "status ACTIVE now, by whom is not known: the log is BROKEN or cut",
        "it was enabled, by whom is not known"
    )]
    #[case::perhaps_from_here(
        "status ACTIVE now, perhaps by an enabling from here that was never proven",
        "it was enabled, by whom is not known"
    )]
    fn nobody_is_said_to_be_others_where_that_is_not_known(
        #[case] evidence: &str,
        #[case] says: &str,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, D, 10, 0);
        let mut lost = outcome(1, OutcomeState::Drifted);
        if let Body::ActionOutcome { evidence: told, .. } = &mut lost {
            *told = evidence.into();
        }
        ledger.apply(&entry(20, 70, lost));
        let (account, standing) = (account().id, Standing::Free);
        assert_eq!(row(&ledger, &account, &standing).not_held(), Some(says));
    }

    #[test]
    fn what_was_never_proven_is_not_disabled() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::RevokeSessions, 10, 0);
        assert_eq!(said(&ledger), (false, false, NOT.to_owned()));
        let sent = [planned(2, 0, D), confirmed(2, false), intent(2, Some(5))];
        for (body, n) in sent.into_iter().zip(20..) {
            ledger.apply(&entry(n, 60, body));
        }
        assert_eq!(said(&ledger), (false, true, OPEN.to_owned()));
    }
}
