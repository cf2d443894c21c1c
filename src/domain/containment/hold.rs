//! What follows a containment, folded from records: until when it holds and who answers for it, what the watch saw
//! after it, which of that the case was told.
//!
//! What must not live here: reading sources, asking the analyst.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::kind::ActionKind;
use super::ledger::ActionView;
use super::note::Anchor;
use super::recovery_watch;
use super::standing::Standing;
use super::state::ActionState;
use crate::domain::audit::{Body, Entry, HoldSet, WatchCursor, WatchSuccess};
use crate::domain::freshness::{clock_word, time_word};
use crate::domain::ids::{AccountId, ActionId, CaseId, ConnectionName, RecordId};
use crate::domain::text::{Safe, Untrusted, sink};
use crate::safe;

/// Most successes kept of one account; what comes later changes no word.
pub const SUCCESSES_MAX: usize = 50;

/// Successes named in a comment.
const NAMED: usize = 5;

/// Before the end in a comment, where the account is contained, and where nobody knows whether it is.
pub(super) const UNTIL: &str = "Contained until ";
pub(super) const PERHAPS_UNTIL: &str = "As far as it is contained: until ";

/// What the markers of the comments begin with that tell of a containment that was undone, and of a success after it.
pub(super) const DRIFT: &str = "quell:drift-";
pub(super) const UNDONE: &str = "quell:undone-";
const SUCCESS: &str = "quell:success-";

/// Before the time of that in such a comment.
pub(super) const SEEN: &str = "(seen ";
pub(super) const PROVEN: &str = ", proven ";

/// Said instead of how an account stands, where this log says only that nothing from here contains it.
const FREE_HERE: &str = "By the log of this host nothing from here contains it.";

/// How long a containment holds where nobody says otherwise, and when its end is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldTimes {
    /// From the confirmation to the end.
    pub length: Duration,
    /// From the reminder to the end; also before the end of a watch over an account that was enabled again.
    pub reminder: Duration,
    /// How long an account is watched once it is enabled again; zero is not at all.
    pub recovery: Duration,
}

impl Default for HoldTimes {
    fn default() -> Self {
        Self {
            length: Duration::from_secs(24 * 3_600),
            reminder: Duration::from_secs(30 * 60),
            recovery: Duration::from_secs(72 * 3_600),
        }
    }
}

/// Until when a containment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The case it was decided for.
    pub case: CaseId,
    /// The account's login.
    pub login: Untrusted,
    /// Who answers for it.
    pub owner: Untrusted,
    /// Until when; `None` is until somebody decides.
    pub until: Option<DateTime<Utc>>,
    /// Why, where a reason was asked for.
    pub reason: Option<Untrusted>,
    /// When that was decided.
    pub set: DateTime<Utc>,
}

/// How near an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Far away, or there is none.
    Running,
    /// Near enough to be reminded of.
    Soon,
    /// Over; nothing was undone by itself.
    Ended,
}

impl Hold {
    /// Judges how near the end is.
    pub fn stage(&self, now: DateTime<Utc>, reminder: Duration) -> Stage {
        let reminder = TimeDelta::from_std(reminder).unwrap_or_default();
        match self.until {
            Some(until) if until <= now => Stage::Ended,
            Some(until) if until - now <= reminder => Stage::Soon,
            _ => Stage::Running,
        }
    }

    /// Gives the words of the end: `until 14:20Z`, with the date where that is another day.
    pub fn word(&self, now: DateTime<Utc>) -> Safe {
        until_word(self.until, now)
    }

    /// Gives the sentence for the case, of an account that stands so; `None` where it is known not to be disabled: nothing
    /// of it holds until any time.
    pub fn sentence(&self, standing: &Standing) -> Option<String> {
        let start = match standing.is_disabled() {
            Some(true) => UNTIL,
            Some(false) => return None,
            None => PERHAPS_UNTIL,
        };
        let until = match self.until {
            None => "somebody decides".into(),
            Some(until) => time_word(until),
        };
        let owner = sink::markdown(&self.owner.field());
        Some(format!(
            "{start}{until}, owner {owner}. Nothing is undone by itself."
        ))
    }
}

/// Says until when something holds: `until 14:20Z`, `until somebody decides`.
pub fn until_word(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Safe {
    until.map_or_else(
        || "until somebody decides".into(),
        |until| safe!("until {}", near_word(until, now)),
    )
}

/// Writes a time as `14:20Z`, or with its day where that is not today: the end of a day's hold is at this hour tomorrow.
pub fn near_word(at: DateTime<Utc>, now: DateTime<Utc>) -> Safe {
    if at.date_naive() == now.date_naive() {
        return clock_word(at);
    }
    let day = Untrusted::new(at.format("%b %-d").to_string());
    safe!("{} {}", day.field(), clock_word(at))
}

/// One success of a contained account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// Where it was seen.
    pub connection: ConnectionName,
    /// Id of the event there.
    pub event: Untrusted,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What was done.
    pub action: Untrusted,
    /// From which address.
    pub address: Option<Untrusted>,
}

/// An end with the numbers of its records: a changed one is of the same containment.
#[derive(Clone, Debug)]
struct End {
    first: u64,
    last: u64,
    hold: Hold,
}

/// What the records say about the time after containments.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    ends: BTreeMap<AccountId, End>,
    /// Oldest first.
    successes: BTreeMap<AccountId, Vec<Success>>,
    cursors: BTreeMap<(AccountId, ConnectionName), DateTime<Utc>>,
    /// Comments on their way, by their markers.
    writes: HashMap<RecordId, String>,
    written: BTreeSet<String>,
}

impl Holds {
    /// Folds one record; those that say nothing about the time after a containment change nothing.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            Body::HoldSet(HoldSet {
                case,
                account,
                login,
                owner,
                until,
                how,
                reason,
            }) => {
                let hold = Hold {
                    case: case.clone(),
                    login: login.clone(),
                    owner: owner.clone(),
                    until: *until,
                    reason: reason.clone(),
                    set: entry.ts,
                };
                let same = self.ends.get(account).filter(|_| how != "confirmed");
                let end = End {
                    first: same.map_or(entry.n, |end| end.first),
                    last: entry.n,
                    hold,
                };
                self.ends.insert(account.clone(), end);
            }
            Body::WatchSuccess(WatchSuccess {
                account,
                connection,
                event,
                at,
                action,
                address,
                ..
            }) => {
                let seen = Success {
                    connection: connection.clone(),
                    event: event.clone(),
                    at: *at,
                    action: action.clone(),
                    address: address.clone(),
                };
                let all = self.successes.entry(account.clone()).or_default();
                let place = all.partition_point(|one| one.at <= seen.at);
                all.insert(place, seen);
            }
            Body::WatchCursor(WatchCursor {
                account,
                connection,
                upto,
            }) => {
                let key = (account.clone(), connection.clone());
                self.cursors.insert(key, *upto);
            }
            Body::RecordIntent { rid, marker, .. } if is_told(marker) => {
                self.writes.insert(rid.clone(), marker.clone());
            }
            Body::RecordDone { rid, .. } => self.written.extend(self.writes.remove(rid)),
            Body::RecordFailed { rid, .. } => {
                self.writes.remove(rid);
            }
            _ => {}
        }
    }

    /// Follows an action that has its final word: a proven enabling takes a containment back, and its end is forgotten.
    ///
    /// One that was confirmed after the enabling was sent is another containment, and its end stays.
    pub(super) fn follow(&mut self, action: &ActionView) {
        let is_older = |end: &End| end.first <= action.sent_n;
        if action.kind == ActionKind::EnableAccount
            && action.state == ActionState::Verified
            && self.ends.get(&action.account).is_some_and(is_older)
        {
            self.ends.remove(&action.account);
        }
    }

    /// Gives until when the containment of an account holds; `None` when nobody ever said.
    pub fn hold(&self, account: &AccountId) -> Option<&Hold> {
        self.ends.get(account).map(|end| &end.hold)
    }

    /// Gives the same where a record after this number says so.
    pub fn hold_since(&self, account: &AccountId, n: u64) -> Option<&Hold> {
        let end = self.ends.get(account).filter(|end| end.last > n);
        end.map(|end| &end.hold)
    }

    /// Gives what an account succeeded in after a time, oldest first.
    pub fn successes(
        &self,
        account: &AccountId,
        since: DateTime<Utc>,
    ) -> impl DoubleEndedIterator<Item = &Success> {
        let all = self.successes.get(account).map_or(&[][..], Vec::as_slice);
        all.iter().filter(move |one| one.at > since)
    }

    /// Tells whether an event is on record, wherever it was seen.
    pub fn knows(&self, account: &AccountId, event: &Untrusted) -> bool {
        self.successes
            .get(account)
            .is_some_and(|all| all.iter().any(|one| one.event == *event))
    }

    /// Gives the time of the newest event that was read from a source for an account.
    pub fn cursor(&self, account: &AccountId, source: &ConnectionName) -> Option<DateTime<Utc>> {
        self.cursors
            .get(&(account.clone(), source.clone()))
            .copied()
    }

    /// Tells whether the comment with this marker is in the case.
    pub fn is_told(&self, marker: &str) -> bool {
        self.written.contains(marker)
    }
}

/// Gives the marker of the comment that an action was undone by others.
pub fn drift_marker(aid: &ActionId) -> String {
    format!("{DRIFT}{aid}")
}

/// Gives the marker of the comment that an account succeeded after the containment an action stands for.
pub fn success_marker(aid: &ActionId) -> String {
    format!("{SUCCESS}{aid}")
}

/// Gives the marker of the comment that another case undid the containment an action stands for.
pub fn undone_marker(aid: &ActionId) -> String {
    format!("{UNDONE}{aid}")
}

/// Tells whether a marker is that of a comment of the watches.
pub(super) fn is_told(marker: &str) -> bool {
    let kinds = [DRIFT, UNDONE, SUCCESS];
    kinds.iter().any(|kind| marker.starts_with(kind)) || recovery_watch::is_told(marker)
}

/// Said of an action that was undone, where the log is in doubt: an enabling of ours may be missing in it.
pub const BY_WHOM: &str = "by whom is not known: the log is BROKEN or cut";

/// Said of an action that was undone, where an enabling of ours may have done that.
pub(super) const PERHAPS_HERE: &str = "perhaps by an enabling from here";

/// Tells whether it was others who undid an action, by what was recorded of that.
pub fn is_by_others(action: &ActionView) -> bool {
    let is_open = |evidence: &Untrusted| {
        let line = evidence.line();
        [BY_WHOM, PERHAPS_HERE]
            .iter()
            .any(|word| line.as_str().contains(word))
    };
    !action.evidence.as_ref().is_some_and(is_open)
}

/// The word of an action that others undid, by what was recorded of that.
pub(super) const BY_OTHERS: &str = "undone by others";

impl ActionView {
    /// Gives the word for how it stands: that of its state, and by others only where nothing else is perhaps so.
    pub fn word(&self) -> &'static str {
        if self.state == ActionState::Drifted && is_by_others(self) {
            BY_OTHERS
        } else {
            self.state.word()
        }
    }
}

/// Composes the comment that somebody else undid an action, or, where the log was in doubt then, that somebody did.
pub fn drift_comment(action: &ActionView, standing: &Safe, anchor: &Anchor) -> String {
    let evidence = action
        .evidence
        .as_ref()
        .map(Untrusted::line)
        .unwrap_or_default();
    let seen = action.ended.map_or_else(Safe::default, time_word);
    let others = if is_by_others(action) {
        " by others"
    } else {
        ""
    };
    let what = format!(
        "**Containment undone{others}**\n\n{}\n\n{} held, as it was read back, and does not any more: {} {SEEN}{seen}).",
        account_line(action),
        action.kind.word(),
        sink::markdown(&evidence),
    );
    signed(
        &what,
        &account_is(standing),
        &drift_marker(&action.aid),
        anchor,
    )
}

/// Composes the comment that an action was undone by an enabling for another case, which is given in words.
pub fn undone_comment(
    action: &ActionView,
    (by, other): (&ActionView, &Safe),
    standing: &Safe,
    anchor: &Anchor,
) -> String {
    let who = by.operator.as_ref().unwrap_or(&by.user);
    let proven = by.ended.map_or_else(Safe::default, time_word);
    let what = format!(
        "**Enabled again from another case**\n\n{}\n\n{} for case {}, confirmed by {}{PROVEN}{proven}: it undoes what was done for this case too.",
        account_line(action),
        by.kind.word(),
        sink::markdown(other),
        sink::markdown(&who.ident()),
    );
    signed(
        &what,
        &account_is(standing),
        &undone_marker(&action.aid),
        anchor,
    )
}

/// Composes the comment that an account succeeded in something after its containment.
pub fn success_comment(
    action: &ActionView,
    seen: &[&Success],
    standing: &Standing,
    anchor: &Anchor,
) -> String {
    let mut lines = vec![
        "**Success after containment**\n".to_owned(),
        account_line(action),
        String::new(),
    ];
    lines.extend(seen.iter().take(NAMED).map(|one| {
        let address = one.address.as_ref().map(Untrusted::field);
        let from = address.map_or_else(String::new, |address| {
            format!(" from {}", sink::markdown(&address))
        });
        format!(
            "- {}: {}{from} (event {} at {})",
            time_word(one.at),
            sink::markdown(&one.action.field()),
            sink::markdown(&one.event.field()),
            one.connection,
        )
    }));
    if seen.len() > NAMED {
        lines.push(format!("- and {} more", seen.len() - NAMED));
    }
    let what = lines.join("\n");
    signed(
        &what,
        &by_this_log(standing),
        &success_marker(&action.aid),
        anchor,
    )
}

fn account_line(action: &ActionView) -> String {
    account_named(&action.login, &action.account)
}

/// Writes the line of a comment that names an account, as `told` reads it.
pub(super) fn account_named(login: &Untrusted, account: &AccountId) -> String {
    format!(
        "Account: {} (id {} at {})",
        sink::markdown(&login.ident()),
        sink::markdown(&account.shown()),
        account.connection,
    )
}

/// Says how an account stands, as `told` reads it.
fn account_is(standing: &Safe) -> String {
    format!("Account is {standing}.")
}

/// Says how an account stands in a comment without an act on it. That nothing contains it is the word of this log alone:
/// another host may have contained it, and walls would take that back by it.
pub(super) fn by_this_log(standing: &Standing) -> String {
    match standing {
        Standing::Free => FREE_HERE.to_owned(),
        known => account_is(&known.word()),
    }
}

/// Ends a comment of the watch: how the account stands, the marker, the head of the log.
pub(super) fn signed(what: &str, stands: &str, marker: &str, anchor: &Anchor) -> String {
    format!("{what}\n\n{stands}\n\n{marker}\n{anchor}\n")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::OutcomeState;
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{
        account, aid, at, case, confirmed, entry, intent, outcome, planned, proven,
    };
    use crate::domain::containment::standing::standing;

    fn hold(until: Option<i64>) -> Body {
        Body::HoldSet(HoldSet {
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            until: until.map(at),
            how: "confirmed".to_owned(),
            reason: None,
        })
    }

    /// Whatever is missing, an end stands only over what may hold.
    #[rstest]
    #[case::contained(&[], None, Some("Contained until "))]
    #[case::sessions(&["sessions not revoked"], Some(true), Some("Contained until "))]
    #[case::by_others(
        &["disabled, but not provably by an action of ours"],
        Some(true),
        Some("Contained until ")
    )]
    #[case::not_disabled(&["no disabling from here holds"], Some(false), None)]
    #[case::not_disabled_and_more(
        &["no disabling from here holds", "activity since"],
        Some(false),
        None
    )]
    #[case::active_again(&["the account is ACTIVE again"], Some(false), None)]
    #[case::by_hand(
        &["its disabling was closed by hand, not proven"],
        None,
        Some("As far as it is contained: until ")
    )]
    #[case::perhaps_enabled(
        &["account perhaps enabled again"],
        None,
        Some("As far as it is contained: until ")
    )]
    fn an_end_is_told_only_of_what_may_hold(
        #[case] missing: &[&'static str],
        #[case] disabled: Option<bool>,
        #[case] start: Option<&str>,
    ) {
        let since = at(0);
        let standing = if missing.is_empty() {
            Standing::Contained { since }
        } else {
            let missing = missing.iter().copied().map(Safe::fixed).collect();
            let standing = Standing::Partly { missing, since };
            assert_eq!(standing.is_disabled(), disabled);
            standing
        };
        let end = |until: Option<i64>| {
            let hold = Hold {
                case: case(),
                login: account().login,
                owner: "jo".into(),
                until: until.map(at),
                reason: None,
                set: at(0),
            };
            hold.sentence(&standing)
        };
        for (until, word) in [
            (Some(7_200), "2027-01-15 10:00:00Z"),
            (None, "somebody decides"),
        ] {
            let said =
                start.map(|start| format!("{start}{word}, owner jo. Nothing is undone by itself."));
            assert_eq!(end(until), said);
        }
    }

    fn success(event: &str, second: i64) -> Body {
        Body::WatchSuccess(WatchSuccess {
            case: case(),
            account: account().id,
            connection: account().id.connection,
            event: event.into(),
            at: at(second),
            action: "user.session.start".into(),
            address: Some("203.0.113.9".into()),
        })
    }

    fn contained() -> Ledger {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 10, 0);
        proven(&mut ledger, 2, ActionKind::RevokeSessions, 20, 5);
        ledger
    }

    #[rstest]
    #[case(None, 0, Stage::Running, "until somebody decides")]
    #[case(Some(7_200), 0, Stage::Running, "until 10:00Z")]
    #[case(Some(7_200), 5_400, Stage::Soon, "until 10:00Z")]
    #[case(Some(7_200), 7_199, Stage::Soon, "until 10:00Z")]
    #[case(Some(7_200), 7_200, Stage::Ended, "until 10:00Z")]
    #[case(Some(86_400), 0, Stage::Running, "until Jan 16 08:00Z")]
    #[case(Some(86_400), 59, Stage::Running, "until Jan 16 08:00Z")]
    fn an_end_comes_nearer(
        #[case] until: Option<i64>,
        #[case] now: i64,
        #[case] stage: Stage,
        #[case] word: &str,
    ) {
        let mut ledger = contained();
        ledger.apply(&entry(30, 0, hold(until)));
        let hold = ledger.holds().hold(&account().id).expect("it was set");
        assert_eq!(hold.stage(at(now), Duration::from_secs(1_800)), stage);
        assert_eq!(hold.word(at(now)).as_str(), word);
    }

    #[test]
    fn an_end_is_one_of_after_a_record_where_a_later_one_said_it() {
        let mut ledger = contained();
        ledger.apply(&entry(30, 0, hold(Some(60))));
        let until = |ledger: &Ledger, n: u64| {
            let hold = ledger.holds().hold_since(&account().id, n);
            hold.map(|hold| hold.until)
        };
        assert_eq!(until(&ledger, 29), Some(Some(at(60))));
        assert_eq!(until(&ledger, 30), None, "its own");
        ledger.apply(&entry(31, 0, hold(None)));
        assert_eq!(until(&ledger, 30), Some(None));
    }

    #[test]
    fn an_end_is_forgotten_with_its_containment() {
        let mut ledger = contained();
        ledger.apply(&entry(30, 0, hold(Some(60))));
        proven(&mut ledger, 3, ActionKind::EnableAccount, 40, 20);
        assert_eq!(ledger.holds().hold(&account().id), None);
    }

    #[rstest]
    #[case::before_the_enabling(&[(30, "confirmed")], false)]
    #[case::after_it(&[(43, "confirmed")], true)]
    #[case::contained_anew(&[(30, "confirmed"), (43, "confirmed")], true)]
    #[case::only_changed_since(&[(30, "confirmed"), (43, "changed")], false)]
    #[case::contained_anew_and_changed(&[(30, "confirmed"), (43, "confirmed"), (44, "kept")], true)]
    fn an_enabling_that_is_proven_late_leaves_the_end_of_a_newer_containment(
        #[case] ends: &[(u64, &str)],
        #[case] stays: bool,
    ) {
        let mut ledger = contained();
        let said = |n: u64, how: &str| {
            let mut body = hold(Some(i64::try_from(n).expect("it is small")));
            if let Body::HoldSet(set) = &mut body {
                how.clone_into(&mut set.how);
            }
            entry(n, 0, body)
        };
        let enabling = [
            planned(3, 0, ActionKind::EnableAccount),
            confirmed(3, false),
            intent(3, Some(20)),
        ];
        let mut all: Vec<_> = (40..)
            .zip(enabling)
            .map(|(n, body)| entry(n, 20, body))
            .chain(ends.iter().map(|(n, how)| said(*n, how)))
            .collect();
        all.sort_by_key(|entry| entry.n);
        all.push(entry(50, 30, outcome(3, OutcomeState::Verified)));
        for entry in &all {
            ledger.apply(entry);
        }
        let last = ends
            .last()
            .map(|(n, _)| i64::try_from(*n).expect("it is small"));
        let found = ledger
            .holds()
            .hold(&account().id)
            .and_then(|hold| hold.until);
        assert_eq!(found, last.filter(|_| stays).map(at));
    }

    #[test]
    fn only_a_success_after_the_containment_takes_the_word_back() {
        let mut ledger = contained();
        ledger.apply(&entry(30, 9, success("before", 4)));
        let word = |ledger: &Ledger| standing(ledger, &account().id, |_| false).word();
        assert_eq!(word(&ledger).as_str(), "contained");
        ledger.apply(&entry(31, 70, success("after", 65)));
        assert_eq!(
            word(&ledger).as_str(),
            "partly contained: success after containment at 08:01Z"
        );
        assert!(ledger.holds().knows(&account().id, &"after".into()));
        // Contained anew, it counts no more.
        proven(&mut ledger, 3, ActionKind::DisableAccount, 40, 100);
        proven(&mut ledger, 4, ActionKind::RevokeSessions, 50, 105);
        assert_eq!(word(&ledger).as_str(), "contained");
    }

    #[test]
    fn a_comment_counts_once_it_is_found_in_the_case() {
        let mut holds = Holds::default();
        let marker = drift_marker(&aid(1));
        let rid = RecordId::from_parts(at(0), 1);
        let intent = Body::RecordIntent {
            rid: rid.clone(),
            kind: "comment".to_owned(),
            case: case(),
            marker: marker.clone(),
            sha256: String::new(),
            phase: None,
        };
        holds.apply(&entry(1, 0, intent.clone()));
        assert!(!holds.is_told(&marker));
        let failed = Body::RecordFailed {
            rid: rid.clone(),
            reason: "500".into(),
            taken: None,
        };
        holds.apply(&entry(2, 0, failed));
        let done = Body::RecordDone {
            rid,
            id: "~1".into(),
        };
        holds.apply(&entry(3, 0, done.clone()));
        assert!(!holds.is_told(&marker), "that one failed");
        holds.apply(&entry(4, 0, intent));
        holds.apply(&entry(5, 0, done));
        assert!(holds.is_told(&marker));
    }

    #[test]
    fn only_the_comments_of_the_watch_are_counted_as_told() {
        let told = |marker: &str| {
            let mut holds = Holds::default();
            let rid = RecordId::from_parts(at(0), 1);
            let intent = Body::RecordIntent {
                rid: rid.clone(),
                kind: "comment".to_owned(),
                case: case(),
                marker: marker.to_owned(),
                sha256: String::new(),
                phase: None,
            };
            let id = "~1".into();
            holds.apply(&entry(1, 0, intent));
            holds.apply(&entry(2, 0, Body::RecordDone { rid, id }));
            holds.is_told(marker)
        };
        assert!(told(&drift_marker(&aid(1))) && told(&success_marker(&aid(1))));
        assert!(!told("quell:01J") && !told("drift-1"));
        // Other versions look for these words in the cases.
        assert_eq!(drift_marker(&aid(1)), format!("quell:drift-{}", aid(1)));
        assert_eq!(success_marker(&aid(1)), format!("quell:success-{}", aid(1)));
    }

    #[test]
    fn a_source_is_read_on_from_where_it_was_left_account_by_account() {
        let cursor = |connection: &ConnectionName, upto| {
            Body::WatchCursor(WatchCursor {
                account: account().id,
                connection: connection.clone(),
                upto: at(upto),
            })
        };
        let (here, siem) = (account().id.connection, ConnectionName::parse("siem"));
        let siem = siem.unwrap_or_else(|error| panic!("{error}"));
        let mut holds = Holds::default();
        for (n, upto) in [(1, 60), (2, 90)] {
            holds.apply(&entry(n, 0, cursor(&here, upto)));
        }
        assert_eq!(holds.cursor(&account().id, &here), Some(at(90)));
        assert_eq!(holds.cursor(&account().id, &siem), None);
        let other = AccountId::new(here.clone(), "00uOther");
        assert_eq!(holds.cursor(&other, &here), None);
    }

    #[test]
    fn successes_stand_in_the_order_of_their_times_and_those_of_one_time_in_that_of_the_log() {
        let mut ledger = contained();
        for (n, (event, second)) in
            (30..).zip([("c", 80), ("a", 60), ("d", 80), ("b", 70), ("e", 5)])
        {
            ledger.apply(&entry(n, 0, success(event, second)));
        }
        let id = account().id;
        let events = |since: i64| -> Vec<String> {
            let seen = ledger.holds().successes(&id, at(since));
            seen.map(|one| one.event.raw().to_owned()).collect()
        };
        assert_eq!(events(0), ["e", "a", "b", "c", "d"]);
        // What happened at that time was no success after it.
        assert_eq!(events(5), ["a", "b", "c", "d"]);
        assert_eq!(events(60), ["b", "c", "d"]);
        assert_eq!(events(80), Vec::<String>::new());
        let knows = |account: &AccountId, event: &str| ledger.holds().knows(account, &event.into());
        assert!(knows(&id, "a") && !knows(&id, "f"));
        assert!(!knows(
            &AccountId::new(account().id.connection, "00uOther"),
            "a"
        ));
    }

    #[test]
    fn a_comment_names_five_successes_and_counts_the_others() {
        for (many, more) in [
            (1, None),
            (5, None),
            (6, Some("- and 1 more")),
            (9, Some("- and 4 more")),
        ] {
            let mut ledger = contained();
            for one in 0..many {
                ledger.apply(&entry(30 + one, 0, success(&format!("e{one}"), 60)));
            }
            let action = ledger.get(&aid(1)).expect("it was planned");
            let seen: Vec<&Success> = ledger.holds().successes(&account().id, at(5)).collect();
            let anchor = Anchor {
                log: "L".to_owned(),
                n: 1,
                h: "h".to_owned(),
                at: at(0),
            };
            let comment = success_comment(action, &seen, &Standing::Free, &anchor);
            let counted = comment.lines().find(|line| line.starts_with("- and "));
            assert_eq!(counted, more);
            let named = comment.lines().filter(|line| line.contains("(event e"));
            assert_eq!(named.count(), seen.len().min(5));
        }
    }

    #[test]
    fn text_of_attackers_stays_text_in_the_comment() {
        let mut ledger = contained();
        ledger.apply(&entry(30, 0, success("](http://x) **e**\u{202e}", 60)));
        let action = ledger.get(&aid(1)).expect("it was planned");
        let seen: Vec<&Success> = ledger.holds().successes(&account().id, at(5)).collect();
        let anchor = Anchor {
            log: "L".to_owned(),
            n: 1,
            h: "h".to_owned(),
            at: at(0),
        };
        let comment = success_comment(action, &seen, &Standing::Free, &anchor);
        assert!(!comment.contains(" **e**") && !comment.contains('\u{202e}'));
        assert!(comment.contains(&success_marker(&aid(1))) && comment.contains("203"));
        let comment = drift_comment(action, &"x".into(), &anchor);
        assert!(comment.contains(&drift_marker(&aid(1))));
        let mut enabling = action.clone();
        (enabling.operator, enabling.kind) = (Some("**jo**".into()), ActionKind::EnableAccount);
        let by = (&enabling, &"#7".into());
        let comment = undone_comment(action, by, &"not contained".into(), &anchor);
        assert!(comment.contains(&undone_marker(&aid(1))) && !comment.contains("**jo**"));
        assert!(comment.contains("enable account for case \\#7, confirmed by "));
        assert!(comment.contains("\nAccount is not contained.\n"));
        let comment = drift_comment(action, &"x".into(), &anchor);
        // True of a proven one and of one that only read so.
        let says = "disable account held, as it was read back, and does not any more: ";
        assert!(comment.contains(says), "{comment}");
    }

    #[test]
    fn over_a_log_in_doubt_nobody_is_said_to_be_others() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 0);
        for (evidence, is_others) in [
            ("status ACTIVE now, by no act", true),
            (BY_WHOM, false),
            (PERHAPS_HERE, false),
        ] {
            let mut action = ledger.get(&aid(1)).expect("it is there").clone();
            action.evidence = Some(evidence.into());
            let anchor = Anchor {
                log: "log".to_owned(),
                n: 1,
                h: "h".to_owned(),
                at: at(0),
            };
            let comment = drift_comment(&action, &"x".into(), &anchor);
            assert_eq!(comment.contains(" by others"), is_others, "{comment}");
            assert!(comment.contains(evidence), "{comment}");
            assert_eq!(action.word(), "proven");
            action.state = ActionState::Drifted;
            let word = if is_others { BY_OTHERS } else { "undone" };
            assert_eq!(action.word(), word);
        }
    }
}
