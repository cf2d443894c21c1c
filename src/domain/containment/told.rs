//! What comments of cases tell of containments: the words that consoles of any host left there, read back.
//!
//! A comment can be written by anybody, so what is read here informs and decides nothing. What must not live here:
//! composing comments (`note`, `hold`), anything that an action depends on.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::hold::{PERHAPS_UNTIL, UNTIL};
use crate::domain::case::Comment;
use crate::domain::text::Untrusted;

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
    })
}

fn until(text: &str) -> Until {
    let end = text.split_once(", owner ").map_or(text, |(end, _)| end);
    if end == "somebody decides" {
        return Until::Open;
    }
    NaiveDateTime::parse_from_str(end, "%Y-%m-%d %H:%M:%SZ")
        .map_or(Until::Unsaid, |at| Until::At(at.and_utc()))
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
    use crate::domain::containment::hold::{Hold, drift_comment};
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::ledger::{ActionView, Ledger};
    use crate::domain::containment::note::{Anchor, compose};
    use crate::domain::containment::samples::{account, at, case, pid, proven};
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
