//! What comments of cases tell of containments: the words that consoles of any host left there, read back.
//!
//! A comment can be written by anybody, so what is read here informs and decides nothing. What must not live here:
//! composing comments (`note`, `hold`), anything that an action depends on.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::hold::{PERHAPS_UNTIL, UNTIL};
use super::kind::ActionKind;
use super::standing::NOT_DISABLED;
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
    /// When a later comment said otherwise, of what may have been before.
    pub otherwise: Option<DateTime<Utc>>,
    /// The log whose host speaks, as its anchor names it.
    log: Option<Untrusted>,
    /// What the word rests on.
    ground: Ground,
}

/// What the word of a comment rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    /// A reading of about then, or a record that says that others undid it.
    Reading,
    /// A record of acts of which none disables or enables.
    Aside,
    /// A record with a disabling or an enabling that was sent then.
    Turn(DateTime<Utc>),
}

impl Told {
    /// Gives which word counts of two about one account, in whatever order they are read; where the earlier one counts and the
    /// later makes it doubtful, that is noted there.
    ///
    /// A case system may take a comment long after what it tells of, and a log knows of no other host. So a record that
    /// disables and enables nothing takes no disabling from another host's word, and one of what was sent before that word
    /// was written makes it doubtful.
    pub fn of_two<C>(one: (C, Self), other: (C, Self)) -> (C, Self) {
        let (earlier, later) = if one.1.at < other.1.at {
            (one, other)
        } else {
            (other, one)
        };
        let (before, after) = (&earlier.1, &later.1);
        let is_other = before.log.is_some() && after.log.is_some() && before.log != after.log;
        if !is_other || !before.is_disabled() || after.is_disabled() {
            return later;
        }
        match after.ground {
            Ground::Aside => earlier,
            Ground::Turn(sent) if sent < before.at => {
                let otherwise = Some(after.at);
                let (case, told) = earlier;
                (case, Self { otherwise, ..told })
            }
            Ground::Turn(_) | Ground::Reading => later,
        }
    }

    fn is_disabled(&self) -> bool {
        match &self.word {
            Word::Contained => true,
            Word::Free => false,
            // Behind it stands what else is missing, before it that a log is in doubt.
            Word::Partly(missing) => ![NOT_DISABLED, NOT_DISABLED_ONCE]
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
    after("quell:").filter(|id| !id.contains(' '))?;
    let (login, account) = after("Account: ")?.rsplit_once(" (id ")?;
    let account = account.strip_suffix(')')?;
    let word = after("Account is ")?.strip_suffix('.')?;
    let word = match word {
        "contained" => Word::Contained,
        "not contained" => Word::Free,
        partly => Word::Partly(Untrusted::new(partly.strip_prefix("partly contained: ")?)),
    };
    Some(Told {
        login: plain(login),
        account: plain(account),
        word,
        until: after(UNTIL)
            .or_else(|| after(PERHAPS_UNTIL))
            .map_or(Until::Unsaid, until),
        at: comment.at,
        otherwise: None,
        log: after("audit ")
            .and_then(|anchor| anchor.split_once(" n="))
            .map(|(log, _)| Untrusted::new(log)),
        ground: ground(comment.message.raw()),
    })
}

fn ground(text: &str) -> Ground {
    let acts = || {
        text.lines()
            .map(str::trim)
            .filter(|line| line.starts_with("- ") && line.contains(": **"))
    };
    if acts().next().is_none() || acts().any(|line| line.contains(": **undone by others**")) {
        return Ground::Reading;
    }
    let turns = acts().filter(|line| {
        let kinds = [ActionKind::DisableAccount, ActionKind::EnableAccount];
        kinds.iter().any(|kind| {
            let rest = line
                .strip_prefix("- ")
                .and_then(|act| act.strip_prefix(kind.word()));
            rest.is_some_and(|rest| rest.starts_with(": **"))
        })
    });
    let sent = |line: &str| {
        let (_, rest) = line.split_once(", sent ")?;
        time(rest.get(..20)?)
    };
    match turns.map(sent).max() {
        None => Ground::Aside,
        // One of which no time is told was never sent, and may be told of like a reading.
        Some(None) => Ground::Reading,
        Some(Some(at)) => Ground::Turn(at),
    }
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
    use crate::domain::containment::hold::{Hold, drift_comment, success_comment};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::{ActionView, Ledger};
    use crate::domain::containment::note::{Anchor, compose, not_read};
    use crate::domain::containment::recovery_watch::{over_comment, seen_comment};
    use crate::domain::containment::samples::{
        account, aid, at, case, connection, entry, pid, proven,
    };
    use crate::domain::containment::standing::{Standing, standing};

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
        // The line on a look that failed is before it.
        let text = not_read(&text, &connection(), at(5));
        let first = "The account could not be read at okta right before this; \
                     it read as disabled at 2027-01-15 08:00:05Z.\n\n**Containment record**\n";
        assert!(text.starts_with(first), "{text}");
        assert_eq!(read(&comment(&text)), Some(told));
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
    }

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
            let told = read(&comment(&text)).map(|told| told.word);
            assert_eq!(told, Some(Word::Contained), "{text}");
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
