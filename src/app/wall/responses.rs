//! What is done to accounts, from two sources: this host's audit log, and what consoles of any host wrote into cases.
//!
//! The log is evidence and goes first; a comment can be written by anybody and is shown as what it is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::audit::Entry;
use crate::domain::case::Comment;
use crate::domain::containment::approval::{self, TTL};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::recovery_watch::RecoveryWatch;
use crate::domain::containment::standing::{Standing, standing};
use crate::domain::containment::state::ActionState;
use crate::domain::containment::told::{self, Told, Until, Word, Words};
use crate::domain::ids::{AccountId, CaseId, PlanId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Most accounts and requests kept of what comments tell; the oldest go first.
const TOLD_MAX: usize = 500;

/// One action that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// For which case.
    pub case: CaseId,
    /// The target's login.
    pub login: Untrusted,
    /// What is done.
    pub what: Safe,
    /// Where it stands.
    pub state: ActionState,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// What was read back last, in words.
    pub evidence: Option<Untrusted>,
    /// Whether it is known from a comment only.
    pub told: bool,
}

/// One account that is contained, wholly or partly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contained {
    /// For which case.
    pub case: CaseId,
    /// The account's login.
    pub login: Untrusted,
    /// What is missing; `None` when nothing is.
    pub missing: Option<Safe>,
    /// Until when; unsaid where nobody said.
    pub until: Until,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether it is known from a comment only.
    pub told: bool,
    /// When its case said otherwise, later than this host's log said anything of it.
    pub otherwise: Option<DateTime<Utc>>,
}

/// A request for a second person that stands in a case.
#[derive(Clone, Debug)]
struct Request {
    case: CaseId,
    login: Untrusted,
    what: Safe,
    at: DateTime<Utc>,
}

/// Everything known of responses.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    ledger: Ledger,
    /// By account as a comment names it: `00u1 at okta`.
    told: BTreeMap<String, Words<CaseId>>,
    requests: BTreeMap<PlanId, Request>,
    /// Plans that were answered or documented: their requests are over.
    over: BTreeMap<PlanId, DateTime<Utc>>,
    here: Vec<(AccountId, Here)>,
}

/// How an account stands by this host's log.
#[derive(Clone, Debug)]
struct Here {
    /// `None` when it is free.
    row: Option<Contained>,
    /// Whether nothing from here disables it.
    is_free: bool,
    /// When the row is shown no longer, though nothing more was recorded.
    lapses: Option<DateTime<Utc>>,
    /// When the last act ended by which this log knows that it is enabled.
    last: Option<DateTime<Utc>>,
    /// When the log said something of it last: an act that was sent or ended, an end that was set, a success.
    said: Option<DateTime<Utc>>,
}

impl Here {
    fn row(&self, now: DateTime<Utc>) -> Option<&Contained> {
        let is_shown = self.lapses.is_none_or(|at| now < at);
        self.row.as_ref().filter(|_| is_shown)
    }

    /// Tells whether this log knows more of it than its case tells. Of an account that it never disabled it does not.
    fn knows_more_than(&self, told: &Told, now: DateTime<Utc>) -> bool {
        let is_its = self.row(now).is_some() && !(self.is_free && told.is_disabled());
        is_its || self.last >= Some(told.stood)
    }

    /// Gives the row, with what its case tells of the same account beside it.
    fn beside(&self, told: Option<&Told>, now: DateTime<Utc>) -> Option<Contained> {
        let row = self.row(now)?;
        let differs = |told: &&Told| match &told.word {
            Word::Free => true,
            Word::Contained => row.missing.is_some(),
            Word::Partly(_) => row.missing.is_none(),
        };
        let is_later = |at: &DateTime<Utc>| self.said < Some(*at);
        let doubt = told.and_then(|told| told.otherwise).filter(is_later);
        let other = told.filter(differs).map(|told| told.stood);
        let other = other.filter(is_later);
        Some(Contained {
            otherwise: doubt.max(other),
            ..row.clone()
        })
    }
}

impl Responses {
    /// Folds records of this host's log.
    pub(super) fn recorded(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.ledger.apply(entry);
        }
        self.judge();
    }

    /// Starts from records that were folded already.
    pub fn of(ledger: Ledger) -> Self {
        let mut responses = Self {
            ledger,
            ..Self::default()
        };
        responses.judge();
        responses
    }

    /// Judges every account of the log anew.
    fn judge(&mut self) {
        let mut accounts: Vec<&AccountId> = Vec::new();
        for action in self.ledger.actions() {
            if !accounts.contains(&&action.account) {
                accounts.push(&action.account);
            }
        }
        let here = accounts.into_iter();
        self.here = here
            .filter_map(|account| Some((account.clone(), here_of(&self.ledger, account)?)))
            .collect();
    }

    /// Takes what comments tell, oldest first.
    ///
    /// One whose time lies ahead counts from now on, when it is first read: it hides nothing that is said later.
    pub(super) fn told(&mut self, comments: Vec<(CaseId, Comment)>, now: DateTime<Utc>) {
        for (case, mut comment) in comments {
            let read = told::read(&comment).map(|told| told.by(now));
            comment.at = comment.at.min(now);
            let text = comment.message.raw();
            if let Some(ask) = approval::request_in(text) {
                let request = Request {
                    case: case.clone(),
                    login: ask.login.clone(),
                    what: ask.what(),
                    at: comment.at,
                };
                self.requests.insert(ask.plan, request);
            }
            if let Some(answer) = approval::answer_in(text) {
                self.over.insert(answer.ask.plan, comment.at);
            }
            for plan in text.lines().filter_map(|line| line.strip_prefix("quell:")) {
                if let Ok(plan) = PlanId::parse(plan.trim()) {
                    self.over.insert(plan, comment.at);
                }
            }
            if let Some(told) = read {
                let key = told.account.raw().to_owned();
                self.told.entry(key).or_default().take(case, told);
            }
        }
        shorten(&mut self.told, Words::at);
        shorten(&mut self.requests, |request| Some(request.at));
        shorten(&mut self.over, |at| Some(*at));
    }

    /// Lists what is under way, the oldest first.
    pub fn running(&self, now: DateTime<Utc>) -> Vec<Running> {
        let here = self.ledger.actions().filter(|action| action.is_to_come());
        let mut rows: Vec<Running> = here.map(running_here).collect();
        let asked = self.requests.iter().filter(|(plan, request)| {
            !self.over.contains_key(*plan)
                && now - request.at < TTL
                && self.ledger.plan(plan).is_empty()
        });
        rows.extend(asked.map(|(_, request)| Running {
            case: request.case.clone(),
            login: request.login.clone(),
            what: request.what.clone(),
            state: ActionState::Awaiting,
            since: Some(request.at),
            evidence: None,
            told: true,
        }));
        rows
    }

    /// Lists what was enabled again and is watched, by this host's log alone.
    pub fn watched(&self) -> impl Iterator<Item = &RecoveryWatch> {
        self.ledger.recoveries().running()
    }

    /// Lists what is contained, the newest first.
    pub fn contained(&self, now: DateTime<Utc>) -> Vec<Contained> {
        let here = self.here.iter();
        let mut rows: Vec<Contained> = here
            .filter_map(|(account, here)| {
                let told = self.told.get(&named(account));
                let told = told.and_then(Words::counts).map(|(_, told)| told);
                let is_shown = |told: &Told| here.knows_more_than(told, now);
                told.as_ref()
                    .is_none_or(is_shown)
                    .then(|| here.beside(told.as_ref(), now))?
            })
            .collect();
        for (key, words) in &self.told {
            let Some((case, told)) = words.counts() else {
                continue;
            };
            let known = self.here.iter();
            let known = known
                .filter(|(account, _)| named(account) == *key)
                .find(|(_, here)| here.knows_more_than(&told, now));
            if known.is_some() {
                continue;
            }
            let missing = match told.word {
                Word::Free => continue,
                Word::Contained => None,
                Word::Partly(missing) => Some(missing.line()),
            };
            rows.push(Contained {
                case,
                login: told.login,
                missing,
                until: told.until,
                since: told.at,
                told: true,
                otherwise: told.otherwise,
            });
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.since));
        rows
    }
}

/// Names an account as comments do.
fn named(account: &AccountId) -> String {
    format!("{} at {}", account.shown(), account.connection)
}

fn here_of(ledger: &Ledger, account: &AccountId) -> Option<Here> {
    let acts: Vec<&ActionView> = ledger
        .on(account)
        .filter(|act| act.may_have_left())
        .collect();
    let act = acts.last()?;
    let turns = acts.iter().filter(|act| turns(act));
    let last = turns.filter_map(|act| act.ended).max();
    let hold = ledger.holds().hold(account);
    let seen = ledger.holds().successes(account, DateTime::UNIX_EPOCH);
    let said = acts
        .iter()
        .filter_map(|act| act.ended.max(act.sent))
        .chain(hold.map(|hold| hold.set))
        .chain(seen.map(|seen| seen.at))
        .max();
    let stands = standing(ledger, account, |_| false);
    let (lapses, is_free) = (stands.lapses_at(), stands.is_disabled() == Some(false));
    let missing = match stands {
        Standing::Free => {
            return Some(Here {
                row: None,
                is_free,
                lapses,
                last,
                said,
            });
        }
        Standing::Contained { since } => (None, since),
        Standing::Partly { missing, since } => {
            let missing = Safe::join(missing, &Safe::fixed(", "));
            (Some(missing), since)
        }
    };
    // What does not hold has no end.
    let until = hold.filter(|_| !is_free).map_or(Until::Unsaid, |hold| {
        hold.until.map_or(Until::Open, Until::At)
    });
    let row = Contained {
        case: act.case.clone(),
        login: act.login.clone(),
        missing: missing.0,
        until,
        since: missing.1,
        told: false,
        otherwise: None,
    };
    Some(Here {
        row: Some(row),
        is_free,
        lapses,
        last,
        said,
    })
}

/// Tells whether an account is known to be enabled by an act: of another one nothing is known of what other hosts did.
fn turns(act: &ActionView) -> bool {
    match act.kind {
        ActionKind::EnableAccount => act.reads_enabled(),
        ActionKind::DisableAccount => {
            matches!(act.state, ActionState::Drifted | ActionState::NotEffective)
        }
        _ => false,
    }
}

fn running_here(action: &ActionView) -> Running {
    let tries = if action.attempt > 1 {
        safe!(" (attempt {})", action.attempt)
    } else {
        Safe::default()
    };
    Running {
        case: action.case.clone(),
        login: action.login.clone(),
        what: safe!("{}{}", action.what(), tries),
        state: action.state,
        since: action.sent.or(action.confirmed),
        evidence: action.evidence.clone(),
        told: false,
    }
}

/// Forgets the oldest of too many.
fn shorten<K: Ord + Clone, V>(all: &mut BTreeMap<K, V>, at: impl Fn(&V) -> Option<DateTime<Utc>>) {
    while all.len() > TOLD_MAX {
        let oldest = all.iter().min_by_key(|(_, value)| at(value));
        let Some(key) = oldest.map(|(key, _)| key.clone()) else {
            return;
        };
        all.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, HoldSet, Observed, OutcomeState};
    use crate::domain::containment::samples::{
        account, aid, at, case, confirmed, entry, intent, outcome, planned, proven,
    };

    fn hold_set() -> Body {
        Body::HoldSet(HoldSet {
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            until: Some(at(86_400)),
            how: "changed".to_owned(),
            reason: None,
        })
    }

    fn says(word: &str, seconds: i64) -> (CaseId, Comment) {
        says_of("00u9", word, seconds)
    }

    fn says_of(id: &str, word: &str, seconds: i64) -> (CaseId, Comment) {
        let text = format!("Account: x (id {id} at okta)\nAccount is {word}.\n\nquell:01PLAN");
        let comment = Comment {
            id: "~c".into(),
            author: "jo@acme.example".into(),
            at: at(seconds),
            message: text.into(),
            edited: false,
        };
        (case(), comment)
    }

    #[test]
    fn a_comment_of_the_future_hides_nothing_that_is_said_later() {
        let mut responses = Responses::default();
        let shown = |responses: &Responses| responses.contained(at(100)).len();
        responses.told(vec![says("contained", 3_600)], at(0));
        assert_eq!(shown(&responses), 1, "it is shown");
        responses.told(vec![says("not contained", 30)], at(31));
        assert_eq!(shown(&responses), 0);
        responses.told(vec![says("contained", 60)], at(61));
        assert_eq!(shown(&responses), 1);
        responses.told(vec![says("not contained", 40)], at(90));
        assert_eq!(shown(&responses), 1, "found late is not said late");
    }

    #[test]
    fn of_two_comments_of_the_future_the_later_goes() {
        let mut responses = Responses::default();
        let both = vec![says("contained", 3_600), says("not contained", 3_610)];
        responses.told(both, at(0));
        assert!(responses.contained(at(100)).is_empty());
    }

    /// Gives the row of the account that this host contained at second ten, and when its case said otherwise.
    fn doubted(responses: &Responses) -> (bool, Option<DateTime<Utc>>) {
        let rows = responses.contained(at(100));
        let [row] = rows.as_slice() else {
            panic!("one row: {rows:?}")
        };
        assert!(!row.told, "{row:?}");
        (row.missing.is_none(), row.otherwise)
    }

    #[rstest]
    #[case::enabled_elsewhere("not contained", 50, true)]
    #[case::less_than_the_log_says("partly contained: sessions not revoked", 50, true)]
    #[case::the_same("contained", 50, false)]
    #[case::older_than_the_log("not contained", 9, false)]
    fn a_later_word_of_the_case_that_differs_takes_the_certainty_away(
        #[case] word: &str,
        #[case] seconds: i64,
        #[case] differs: bool,
    ) {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 5);
        proven(&mut ledger, 2, ActionKind::RevokeSessions, 10, 10);
        let mut responses = Responses::of(ledger);
        assert_eq!(doubted(&responses), (true, None));
        responses.told(vec![says_of("00uAbC", word, seconds)], at(60));
        assert_eq!(
            doubted(&responses),
            (true, differs.then_some(at(50))),
            "{word}"
        );
        // What the log says after that goes again.
        responses.recorded(&[entry(30, 70, hold_set())]);
        assert_eq!(doubted(&responses), (true, None), "{word}");
    }

    /// Gives a record of a log about acts, as `note` writes it.
    fn record(log: &str, acts: &str, word: &str, seconds: i64) -> (CaseId, Comment) {
        let (case, mut comment) = says(word, seconds);
        let text = comment.message.raw().to_owned();
        comment.message = format!("{acts}\n{text}\naudit {log} n=1 h=ab12\n").into();
        (case, comment)
    }

    /// What another host writes when it contained the account, sent at second 38 and told at second 50.
    fn theirs() -> (CaseId, Comment) {
        let acts = "- disable account: **proven**, sent 2027-01-15 08:00:38Z, after 2 s [action B]";
        record("01B", acts, "contained", 50)
    }

    /// What the one row says, if there is one: whether nothing is missing, and the second when its case said otherwise.
    fn shown(responses: &Responses) -> Option<(bool, Option<i64>)> {
        let rows = responses.contained(at(100));
        let row = rows.first()?;
        let otherwise = row.otherwise.map(|at_all| (at_all - at(0)).num_seconds());
        Some((row.missing.is_none(), otherwise))
    }

    const ENABLED_BEFORE: &str =
        "- enable account: **proven**, sent 2027-01-15 08:00:30Z, after 2 s [action A]";
    const REVOKED: &str =
        "- revoke sessions: **proven**, sent 2027-01-15 08:00:55Z, after 2 s [action A]";
    const NONE_HOLDS: &str = "partly contained: no disabling from here holds";

    #[rstest]
    #[case::enabled_since(
        "- enable account: **proven**, sent 2027-01-15 08:01:05Z, after 2 s [action A]",
        "not contained",
        None
    )]
    #[case::enabled_about_then(
        "- enable account: **proven**, sent 2027-01-15 08:00:59Z, after 2 s [action A]",
        "not contained",
        Some((true, Some(90)))
    )]
    #[case::enabled_before_and_told_late(ENABLED_BEFORE, "not contained", Some((true, Some(90))))]
    #[case::undone_by_others_perhaps_before(
        "- disable account: **undone by others**, sent 2027-01-15 08:00:20Z, after 2 s [action A]",
        NONE_HOLDS,
        Some((true, Some(90)))
    )]
    #[case::undone_by_others_since(
        "- disable account: **undone by others**, sent 2027-01-15 08:01:05Z, after 2 s [action A]",
        NONE_HOLDS,
        Some((false, None))
    )]
    #[case::never_sent(
        "- disable account: **abandoned**, not sent (the plan is stale: status changed) [action A]",
        NONE_HOLDS,
        Some((true, None))
    )]
    #[case::sessions_only(REVOKED, NONE_HOLDS, Some((true, None)))]
    #[case::sessions_only_over_a_log_in_doubt(
        REVOKED,
        "partly contained: not certain, the log is BROKEN or cut; no disabling from here holds",
        Some((true, None))
    )]
    #[case::no_record("", "not contained", None)]
    fn a_log_takes_no_disabling_from_another_hosts_word_by_what_was_before_it(
        #[case] acts: &str,
        #[case] word: &str,
        #[case] says: Option<(bool, Option<i64>)>,
    ) {
        let mut responses = Responses::default();
        responses.told(vec![theirs(), record("01A", acts, word, 90)], at(100));
        assert_eq!(shown(&responses), says);
        let mut late = Responses::default();
        late.told(vec![record("01A", acts, word, 90)], at(100));
        late.told(vec![theirs()], at(100));
        assert_eq!(shown(&late), says, "found late");
        // The same log knows what it did.
        let own = record("01B", acts, "not contained", 95);
        responses.told(vec![own], at(100));
        assert!(responses.contained(at(100)).is_empty());
    }

    /// This host did something else to an account that another host contained before; its record says nothing of that.
    #[rstest]
    #[case::removed(ActionKind::RemoveItem, OutcomeState::Verified, true)]
    #[case::signed_out(ActionKind::RevokeSessions, OutcomeState::Verified, true)]
    #[case::enabling_refused(ActionKind::EnableAccount, OutcomeState::Rejected, true)]
    #[case::enabling_without_effect(ActionKind::EnableAccount, OutcomeState::NotEffective, true)]
    #[case::enabling_closed_by_hand(ActionKind::EnableAccount, OutcomeState::Abandoned, true)]
    #[case::enabled(ActionKind::EnableAccount, OutcomeState::Verified, false)]
    fn what_this_host_did_hides_no_word_of_another_but_by_what_it_knows(
        #[case] kind: ActionKind,
        #[case] state: OutcomeState,
        #[case] is_shown: bool,
    ) {
        let mut ledger = Ledger::default();
        let bodies = [
            planned(1, 0, kind),
            confirmed(1, false),
            intent(1, Some(70)),
            outcome(1, state),
        ];
        for (body, n) in bodies.into_iter().zip(20..) {
            ledger.apply(&entry(n, 70, body));
        }
        let mut responses = Responses::of(ledger);
        let of_this = |(case, mut comment): (CaseId, Comment)| {
            comment.message = comment.message.raw().replace("00u9", "00uAbC").into();
            (case, comment)
        };
        responses.told(vec![of_this(theirs())], at(100));
        let rows = responses.contained(at(100));
        let word = rows.iter().find(|row| row.missing.is_none());
        assert_eq!(word.is_some(), is_shown, "{rows:?}");
    }

    #[test]
    fn a_doubted_word_of_the_case_doubts_the_row_of_this_hosts_log_too() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 38);
        proven(&mut ledger, 2, ActionKind::RevokeSessions, 10, 39);
        let mut responses = Responses::of(ledger);
        let of_this = |(case, mut comment): (CaseId, Comment)| {
            comment.message = comment.message.raw().replace("00u9", "00uAbC").into();
            (case, comment)
        };
        responses.told(vec![of_this(theirs())], at(100));
        assert_eq!(doubted(&responses), (true, None));
        let late = of_this(record("01A", ENABLED_BEFORE, "not contained", 90));
        responses.told(vec![late], at(100));
        assert_eq!(doubted(&responses), (true, Some(at(90))));
    }

    #[test]
    fn a_word_of_more_than_the_log_knows_is_told_beside_it_too() {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 5);
        let mut responses = Responses::of(ledger);
        responses.told(vec![says_of("00uAbC", "contained", 50)], at(60));
        assert_eq!(doubted(&responses), (false, Some(at(50))));
    }

    #[test]
    fn what_others_disabled_is_shown_as_long_as_the_consoles_list_it() {
        let read = Observed {
            aid: aid(1),
            evidence: "status SUSPENDED".into(),
            matches: Some(true),
            reads: 2,
            used: None,
            effect_at: None,
        };
        let bodies = [
            planned(1, 0, ActionKind::DisableAccount),
            confirmed(1, false),
            intent(1, Some(10)),
            Body::ActionObserve(read),
            outcome(1, OutcomeState::Rejected),
        ];
        let mut ledger = Ledger::default();
        for (body, n) in bodies.into_iter().zip(20..) {
            ledger.apply(&entry(n, 10, body));
        }
        let responses = Responses::of(ledger);
        let rows = responses.contained(at(10));
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0].missing.is_some());
        let week = at(10) + TimeDelta::days(7);
        let shown = |now| responses.contained(now).len();
        assert_eq!(shown(week - TimeDelta::seconds(1)), 1);
        assert_eq!(shown(week), 0);
    }
}
