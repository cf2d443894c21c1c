//! What comments of cases tell of containments: the words that consoles of any host left there, read back.
//!
//! A comment can be written by anybody, so what is read here informs and decides nothing. What must not live here:
//! composing comments (`note`, `hold`), anything that an action depends on.

mod words;

use chrono::{DateTime, NaiveDateTime, Utc};

pub use self::words::Words;

use super::hold::{BY_OTHERS, DRIFT, PERHAPS_UNTIL, PROVEN, SEEN, UNDONE, UNTIL, is_told};
use super::kind::ActionKind;
use super::note::{AT, NOT_CONFIRMED, READ};
use super::standing::{ACTIVE_AGAIN, NOT_DISABLED, PERHAPS_DISABLED};
use super::state::ActionState;
use crate::domain::case::Comment;
use crate::domain::text::Untrusted;

/// How comments of earlier builds say that no disabling from there holds.
const NOT_DISABLED_ONCE: &str = "not disabled from here";

/// How an account stands by the word of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `Account is contained.`
    Contained,
    /// `Account is partly contained: ...`, with what is missing.
    Partly(Untrusted),
    /// `Account is not contained.`
    Free,
}

/// Until when it is to hold by the word of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The comment does not say.
    Unsaid,
    /// Until somebody decides.
    Open,
    /// Until a time.
    At(DateTime<Utc>),
}

/// What one comment tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The account's login.
    pub login: Untrusted,
    /// The account's immutable id and its connection, as written: `00u1 at okta`.
    pub account: Untrusted,
    /// How it stands.
    pub word: Word,
    /// Until when.
    pub until: Until,
    /// When the comment was written, by the case system's clock.
    pub at: DateTime<Utc>,
    /// When its host composed it, by that host's clock; else when it was written.
    pub stood: DateTime<Utc>,
    /// When a comment said otherwise, of what may have been before: this one itself, where the account did not read so.
    pub otherwise: Option<DateTime<Utc>>,
    /// The log whose host speaks, as its anchor names it.
    log: Option<Untrusted>,
    /// The number of that log's last record then.
    n: u64,
    /// From when on it is known whether the account is disabled, at least; `None` where the comment is of something else.
    of: Option<DateTime<Utc>>,
}

impl Told {
    /// Lets nothing of it lie ahead of now: a wrong clock hides nothing that is said later.
    #[must_use]
    pub fn by(mut self, now: DateTime<Utc>) -> Self {
        self.at = self.at.min(now);
        self.stood = self.stood.min(now);
        self.of = self.of.map(|of| of.min(now));
        self.otherwise = self.otherwise.map(|at| at.min(now));
        self
    }

    /// Tells whether the account is disabled by its word.
    pub fn is_disabled(&self) -> bool {
        match &self.word {
            Word::Contained => true,
            Word::Free => false,
            // Behind it stands what else is missing, before it that a log is in doubt.
            Word::Partly(missing) => ![
                NOT_DISABLED,
                NOT_DISABLED_ONCE,
                PERHAPS_DISABLED,
                ACTIVE_AGAIN,
            ]
            .iter()
            .any(|said| missing.raw().contains(said)),
        }
    }
}

/// Reads a comment that bears our mark and says how an account stands; any other is `None`.
///
/// The account stands in `Account: LOGIN (id ID at CONNECTION)`, the word in `Account is WORD.`, as
/// [`note`](super::note) and [`hold`](super::hold) write them.
pub fn read(comment: &Comment) -> Option<Told> {
    let lines = || comment.message.raw().lines().map(str::trim);
    let after = |start: &str| lines().find_map(|line| line.strip_prefix(start));
    // The mark is a line of its own; a sentence that quotes it is no record.
    let mark = lines().find(|line| line.starts_with("quell:"));
    let mark = mark.filter(|mark| !mark.contains(' '))?;
    let (login, account) = after("Account: ")?.rsplit_once(" (id ")?;
    let account = account.strip_suffix(')')?;
    let word = after("Account is ")?.strip_suffix('.')?;
    let word = match word {
        "contained" => Word::Contained,
        "not contained" => Word::Free,
        partly => Word::Partly(Untrusted::new(partly.strip_prefix("partly contained: ")?)),
    };
    let anchor = after("audit ").and_then(|anchor| anchor.split_once(" n="));
    let stood = anchor.and_then(|(_, rest)| iso(rest.split_once(AT)?.1));
    let stood = stood.unwrap_or(comment.at);
    let mut told = Told {
        login: plain(login),
        account: plain(account),
        word,
        until: after(UNTIL)
            .or_else(|| after(PERHAPS_UNTIL))
            .map_or(Until::Unsaid, until),
        at: comment.at,
        stood,
        otherwise: after(NOT_CONFIRMED).map(|_| stood),
        log: anchor.map(|(log, _)| Untrusted::new(log)),
        n: anchor.map_or(0, |(_, rest)| number(rest)),
        of: None,
    };
    told.of = known(mark, comment.message.raw(), &told);
    Some(told)
}

/// Gives as of when a comment of ours knows whether the account is disabled.
fn known(mark: &str, text: &str, told: &Told) -> Option<DateTime<Utc>> {
    let lines = || text.lines().map(str::trim);
    let within = |start: &str| lines().find_map(|line| time(line.rsplit_once(start)?.1.get(..20)?));
    if mark.starts_with(DRIFT) {
        return within(SEEN);
    }
    if mark.starts_with(UNDONE) {
        return within(PROVEN);
    }
    if is_told(mark) {
        // The other comments of the watches tell what a log knows, with no look at the account.
        return None;
    }
    if told.is_disabled() {
        // Its account was read right before it, or it says when that was.
        return Some(within(READ).unwrap_or(told.stood));
    }
    let acts: Vec<&str> = lines()
        .filter(|line| line.starts_with("- ") && line.contains(": **"))
        .collect();
    if acts.is_empty() {
        // No record of ours.
        return Some(told.stood);
    }
    let sent = |line: &str| time(line.split_once(", sent ")?.1.get(..20)?);
    let turns = acts
        .into_iter()
        .filter(|line| is_turn(line, told.word == Word::Free));
    turns.filter_map(sent).max()
}

/// Tells whether an act says that the account is enabled: an enabling that may have had an effect, or a disabling that was
/// undone or did nothing. Of a refused enabling nothing is said but where the account reads so.
fn is_turn(line: &str, is_free: bool) -> bool {
    use ActionState as S;
    let word = |kind: ActionKind| {
        let rest = line.strip_prefix("- ")?.strip_prefix(kind.word())?;
        Some(rest.strip_prefix(": **")?.split_once("**")?.0)
    };
    let is_one = |word: &str, states: &[S]| states.iter().any(|one| one.word() == word);
    if let Some(word) = word(ActionKind::EnableAccount) {
        let is_failed = is_one(word, &[S::NotEffective, S::NotSent, S::Abandoned]);
        return !is_failed && (is_free || !is_one(word, &[S::Rejected]));
    }
    word(ActionKind::DisableAccount)
        .is_some_and(|word| word == BY_OTHERS || is_one(word, &[S::Drifted, S::NotEffective]))
}

fn number(text: &str) -> u64 {
    let digits = text.split(' ').next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}

fn iso(text: &str) -> Option<DateTime<Utc>> {
    let at = NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%dT%H:%M:%SZ").ok()?;
    Some(at.and_utc())
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%SZ").ok()?;
    Some(at.and_utc())
}

fn until(text: &str) -> Until {
    let end = text.split_once(", owner ").map_or(text, |(end, _)| end);
    if end == "somebody decides" {
        return Until::Open;
    }
    time(end).map_or(Until::Unsaid, Until::At)
}

/// Takes the escapes of Markdown away again (see [`sink::markdown`](crate::domain::text::sink::markdown)).
fn plain(text: &str) -> Untrusted {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next)) if next.is_ascii_punctuation() => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    let named = [("&#32;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    Untrusted::new(named.iter().fold(out, |text, (code, sign)| {
        if text.contains(code) {
            text.replace(code, sign)
        } else {
            text
        }
    }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{
        Body, RecoverySaid, RecoveryWord, WatchOver, WatchSeen, WatchUntil,
    };
    use crate::domain::containment::hold::{Hold, drift_comment, success_comment, undone_comment};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::{ActionView, Ledger};
    use crate::domain::containment::note::{Anchor, compose, not_confirmed, not_read};
    use crate::domain::containment::recovery_watch::{over_comment, seen_comment};
    use crate::domain::containment::samples::{
        account, aid, at, case, connection, entry, pid, proven,
    };
    use crate::domain::containment::standing::{Standing, standing};
    use crate::domain::freshness::time_word;

    fn comment(text: &str) -> Comment {
        Comment {
            id: "~1".into(),
            author: "jo@acme.example".into(),
            at: at(0),
            edited: false,
            message: Untrusted::new(text),
        }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        proven(&mut ledger, 1, ActionKind::DisableAccount, 1, 0);
        proven(&mut ledger, 2, ActionKind::RevokeSessions, 10, 5);
        ledger
    }

    fn anchor() -> Anchor {
        Anchor {
            log: "01LOG".to_owned(),
            n: 41,
            h: "ab12".to_owned(),
            at: at(7),
        }
    }

    #[test]
    fn what_a_console_writes_is_read_back() {
        let ledger = ledger();
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let word = standing(&ledger, &account().id, |_| false);
        assert!(matches!(word, Standing::Contained { .. }));
        let hold = Hold {
            case: case(),
            login: "x".into(),
            owner: "jo".into(),
            until: Some(at(86_400)),
            reason: None,
            set: at(0),
        };
        let text = compose(
            &pid(1),
            &actions,
            &"jo".into(),
            &word,
            Some(&hold),
            &anchor(),
        );
        let told = read(&comment(&text)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(told.word, Word::Contained);
        assert_eq!(told.until, Until::At(at(86_400)));
        assert_eq!(told.login.raw(), actions[0].login.ident().as_str());
        let id = actions[0].account.shown();
        assert_eq!(told.account.raw(), format!("{id} at okta"));
        // By the clock of its host, whatever that of the case system says.
        assert_eq!((told.at, told.of), (at(0), Some(at(7))));
        // The line on a look that failed is before it.
        let text = not_read(&text, &connection(), at(5));
        let first = "The account could not be read at okta right before this; \
                     it read as disabled at 2027-01-15 08:00:05Z.\n\n**Containment record**\n";
        assert!(text.starts_with(first), "{text}");
        let of = Some(at(5));
        assert_eq!(read(&comment(&text)), Some(Told { of, ..told }));
    }

    #[test]
    fn what_did_not_read_as_disabled_is_doubted_by_its_own_comment() {
        let ledger = ledger();
        let actions: Vec<&ActionView> = ledger.actions().collect();
        let word = standing(&ledger, &account().id, |_| false);
        let text = compose(&pid(1), &actions, &"jo".into(), &word, None, &anchor());
        let told = read(&comment(&text)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(told.otherwise, None);
        let text = not_confirmed(&text, &connection(), at(5));
        let told = read(&comment(&text)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((told.otherwise, told.of), (Some(at(7)), Some(at(5))));
        assert_eq!(told.word, Word::Contained);
    }

    #[rstest]
    #[case::contained("Contained until ")]
    #[case::perhaps("As far as it is contained: until ")]
    fn an_end_is_read_back_however_certain_it_is(#[case] start: &str) {
        let text = format!(
            "Account: x (id 1 at okta)\nAccount is partly contained: y.\n{start}somebody decides, owner jo.\nquell:1"
        );
        let told = read(&comment(&text)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(told.until, Until::Open);
    }

    #[test]
    fn an_undoing_takes_the_word_back() {
        let ledger = ledger();
        let action = ledger.actions().next().unwrap_or_else(|| panic!("one"));
        let text = drift_comment(action, &"not contained".into(), &anchor());
        let told = read(&comment(&text)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(told.word, Word::Free);
        // Of when it was seen, whenever that is told.
        assert!(action.ended.is_some() && told.of == action.ended, "{text}");
        let by = (action, &"#7".into());
        let text = undone_comment(action, by, &"not contained".into(), &anchor());
        let told = read(&comment(&text)).unwrap_or_else(|| panic!("{text}"));
        assert!(told.of == action.ended, "{text}");
    }

    /// Two acts of one record and the word of the account: as of which second it knows that the account is enabled.
    #[rstest]
    #[case::proven(
        "- enable account: **proven**, sent T1, after 2 s",
        "not contained",
        Some(1)
    )]
    #[case::not_known(
        "- enable account: **unknown: may have happened**, sent T1",
        "not contained",
        Some(1)
    )]
    #[case::refused(
        "- enable account: **rejected**, sent T1 (read back: status SUSPENDED)",
        NONE,
        None
    )]
    #[case::refused_and_enabled(
        "- enable account: **rejected**, sent T1 (status ACTIVE)",
        "not contained",
        Some(1)
    )]
    #[case::without_effect(
        "- enable account: **refuted**, sent T1 (status SUSPENDED)",
        "not contained",
        None
    )]
    #[case::given_up("- enable account: **abandoned**, not sent", NONE, None)]
    #[case::a_refused_disabling("- disable account: **rejected**, sent T1", NONE, None)]
    #[case::a_disabling_without_effect(
        "- disable account: **refuted**, sent T1 (status ACTIVE)",
        NONE,
        Some(1)
    )]
    #[case::undone("- disable account: **undone by others**, sent T1", NONE, Some(1))]
    #[case::undone_by_whoever("- disable account: **undone**, sent T1", NONE, Some(1))]
    #[case::the_later_of_two(
        "- disable account: **undone by others**, sent T1\n- enable account: **proven**, sent T2",
        "not contained",
        Some(2)
    )]
    #[case::no_act_at_all("- a line of no act", NONE, Some(0))]
    #[case::another_act("- revoke sessions: **proven**, sent T1", NONE, None)]
    fn an_act_says_as_of_when_the_account_is_enabled(
        #[case] acts: &str,
        #[case] word: &str,
        #[case] expected: Option<i64>,
    ) {
        let acts = acts.replace("T1", time_word(at(1)).as_str());
        let acts = acts.replace("T2", time_word(at(2)).as_str());
        let text = format!("Account: x (id 1 at okta)\n{acts}\nAccount is {word}.\nquell:1");
        let told = read(&comment(&text)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(told.of, expected.map(at), "{text}");
    }

    const NONE: &str = "partly contained: no disabling from here holds";

    /// The account was enabled again, and the watch saw something of it.
    fn watched() -> Ledger {
        let mut ledger = ledger();
        let said = |word| {
            Body::Recovery(RecoverySaid {
                case: case(),
                account: account().id,
                word,
            })
        };
        let until = said(RecoveryWord::Until(WatchUntil {
            aid: aid(3),
            login: account().login,
            owner: "jo".into(),
            until: at(3_600),
            how: "confirmed".to_owned(),
            reason: None,
            looked: None,
        }));
        ledger.apply(&entry(30, 19, until));
        proven(&mut ledger, 3, ActionKind::EnableAccount, 40, 20);
        let seen = said(RecoveryWord::Seen(WatchSeen {
            aid: aid(3),
            thing: "status".to_owned(),
            source: "okta".to_owned(),
            key: "k".into(),
            at: at(50),
            text: "status SUSPENDED now".into(),
            address: None,
        }));
        ledger.apply(&entry(50, 60, seen));
        let over = said(RecoveryWord::Over(WatchOver {
            aid: aid(3),
            text: "59 min".into(),
            well: false,
        }));
        ledger.apply(&entry(51, 3_700, over));
        ledger
    }

    /// Another host may have contained it: its word stays on every wall.
    #[test]
    fn a_watch_that_knows_of_no_containment_takes_no_word_back() {
        let ledger = watched();
        let watch = ledger.recoveries().of(&account().id).expect("it is there");
        let over = watch.over.as_ref().expect("it is over");
        let action = ledger.get(&aid(1)).expect("it is on record");
        let all = |stands: &Standing| {
            [
                seen_comment(watch, stands, &anchor()),
                over_comment(watch, over, stands, &anchor()),
                success_comment(action, &[], stands, &anchor()),
            ]
        };
        let free = standing(&ledger, &account().id, |_| false);
        assert_eq!(free, Standing::Free);
        for text in all(&free) {
            assert_eq!(read(&comment(&text)), None, "{text}");
            let says = "\nBy the log of this host nothing from here contains it.\n";
            assert!(text.contains(says), "{text}");
        }
        for text in all(&Standing::Contained { since: at(0) }) {
            let told = read(&comment(&text)).expect("it says how the account stands");
            assert_eq!((told.word, told.of), (Word::Contained, None), "{text}");
        }
    }

    #[rstest]
    #[case("Account is contained.")]
    #[case("quell:01\nAccount is contained.")]
    #[case("quell:01\nAccount: x (id 1 at okta)\nAccount is fine.")]
    #[case("as quell:01 said\nAccount: x (id 1 at okta)\nAccount is contained.")]
    #[case("quell: see above\nAccount: x (id 1 at okta)\nAccount is contained.")]
    fn other_comments_tell_nothing(#[case] text: &str) {
        assert_eq!(read(&comment(text)), None);
    }

    #[test]
    fn escapes_of_markdown_are_taken_away() {
        assert_eq!(plain(r"a\_b\.c\@d &lt;x&gt; \q").raw(), r"a_b.c@d <x> \q");
    }
}
