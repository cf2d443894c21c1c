//! The dialog of the second person: what is asked, the account as their own console reads it, and their answer.
//!
//! The rules of the keys are those of the confirmation: the login is typed, `Enter` never answers, paste is refused.
//! A denial needs no name: it must never be the harder answer.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::approval::{Answer, Request, Say};
use super::confirm::{DEAD_TIME, DialogKey, PRESS_ALONE};
use super::plan::PreparedCall;
use super::typed::Typed;
use crate::domain::account::Account;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::Safe;

/// A request as this console found it, with what it read by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The case.
    pub case: CaseId,
    /// The request in it.
    pub request: Request,
    /// The account, read here and now.
    pub account: Account,
    /// The requests that the kinds are at this console's own connection.
    pub calls: Vec<PreparedCall>,
    /// Why it cannot be approved from here; a denial always can.
    pub refusals: Vec<Safe>,
}

/// Where the focus of the dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// On *cancel*: where it starts.
    Cancel,
    /// On *approve*.
    Approve,
    /// On *deny*.
    Deny,
}

/// An answer a person gave; nothing else can be posted as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    case: CaseId,
    account: AccountId,
    answer: Answer,
    expires: DateTime<Utc>,
}

impl Given {
    /// Gives the case.
    pub fn case(&self) -> &CaseId {
        &self.case
    }

    /// Gives the account as this console read it.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Gives the answer.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Gives until when the request may be answered, by the case system's clock.
    pub fn expires(&self) -> DateTime<Utc> {
        self.expires
    }
}

/// What a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The dialog stays, with a line to show, if any.
    Stay(Option<Safe>),
    /// Nothing was answered.
    Cancelled,
    /// Answered: this is the only way to get one.
    Answered(Box<Given>),
}

/// The dialog's state while it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    asked: Asked,
    /// When it was first on the screen.
    drawn: Option<Duration>,
    typed: Typed,
    focus: Focus,
}

impl Consent {
    /// Opens the dialog; no key counts before [`Self::drawn`] says that it can be read.
    pub fn open(asked: Asked) -> Self {
        Self {
            asked,
            drawn: None,
            typed: Typed::default(),
            focus: Focus::Cancel,
        }
    }

    /// Notes that it is on the screen since a boot time; only the first time counts. Tells whether it was the first.
    pub fn drawn(&mut self, boot: Duration) -> bool {
        let first = self.drawn.is_none();
        self.drawn.get_or_insert(boot);
        first
    }

    /// Tells whether it was on the screen yet.
    pub fn was_drawn(&self) -> bool {
        self.drawn.is_some()
    }

    /// Gives what is asked.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Gives what was typed so far, without controls.
    pub fn typed(&self) -> &str {
        self.typed.as_str()
    }

    /// Gives the focus.
    pub fn focus(&self) -> Focus {
        self.focus
    }

    /// Gives what has to be typed: the login this console read, or the immutable id when it is not plain ASCII.
    pub fn wanted(&self) -> &str {
        let login = self.asked.account.login.raw();
        if !login.is_empty() && login.chars().all(|c| c.is_ascii_graphic()) {
            login
        } else {
            self.asked.account.id.raw()
        }
    }

    /// Tells whether what was typed is what has to be typed.
    pub fn matches(&self) -> bool {
        self.typed.is(self.wanted())
    }

    /// Takes a key at a boot time.
    pub fn key(&mut self, key: DialogKey, boot: Duration) -> Step {
        if self
            .drawn
            .is_none_or(|drawn| boot.saturating_sub(drawn) < DEAD_TIME)
        {
            return Step::Stay(Some(
                "too early: read first, keys count after half a second".into(),
            ));
        }
        match key {
            DialogKey::Esc => Step::Cancelled,
            DialogKey::Paste => Step::Stay(Some("paste is refused: type the name".into())),
            DialogKey::Tab => {
                self.focus = match self.focus {
                    Focus::Cancel => Focus::Approve,
                    Focus::Approve => Focus::Deny,
                    Focus::Deny => Focus::Cancel,
                };
                Step::Stay(None)
            }
            DialogKey::Enter => Step::Stay(Some("Enter never answers: Tab, then y".into())),
            DialogKey::Char(c) | DialogKey::First(c) | DialogKey::Together(c) => {
                let together = matches!(key, DialogKey::Together(_));
                let alone = matches!(key, DialogKey::Char(_));
                match (self.focus, c) {
                    (Focus::Cancel, _) => {
                        let wanted = self.wanted().to_owned();
                        Step::Stay(self.typed.push(c, together, &wanted))
                    }
                    (Focus::Approve | Focus::Deny, 'y') if !alone => {
                        Step::Stay(Some(PRESS_ALONE.into()))
                    }
                    (Focus::Approve, 'y') => self.approve(),
                    (Focus::Deny, 'y') => self.answered(Say::Deny),
                    _ => Step::Stay(Some("y answers, Tab goes on, Esc leaves".into())),
                }
            }
            DialogKey::Backspace => {
                self.typed.pop();
                Step::Stay(None)
            }
            DialogKey::Other => Step::Stay(None),
        }
    }

    fn approve(&self) -> Step {
        if !self.asked.refusals.is_empty() {
            return Step::Stay(Some("it cannot be approved from here".into()));
        }
        if !self.matches() {
            return Step::Stay(Some("the typed name is not the target's".into()));
        }
        self.answered(Say::Approve)
    }

    fn answered(&self, say: Say) -> Step {
        Step::Answered(Box::new(Given {
            case: self.asked.case.clone(),
            account: self.asked.account.id.clone(),
            answer: Answer {
                say,
                request: self.asked.request.comment.clone(),
                ask: self.asked.request.ask.clone(),
            },
            expires: self.asked.request.expires(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples;

    const LOGIN: &str = "mara.lind@acme.example";
    const OPENED: Duration = Duration::from_secs(1_000);

    fn open(refusal: Option<&'static str>) -> Consent {
        let mut asked = samples::asked();
        asked.refusals.extend(refusal.map(Safe::from));
        shown(asked)
    }

    fn shown(asked: Asked) -> Consent {
        let mut dialog = Consent::open(asked);
        assert!(dialog.drawn(OPENED));
        dialog
    }

    #[test]
    fn no_key_counts_before_the_dialog_was_on_the_screen() {
        let mut dialog = Consent::open(samples::asked());
        let late = OPENED + Duration::from_secs(60);
        assert!(!dialog.was_drawn());
        for key in [DialogKey::Char('m'), DialogKey::Esc, DialogKey::Tab] {
            assert!(matches!(dialog.key(key, late), Step::Stay(Some(_))));
        }
        assert_eq!((dialog.typed(), dialog.focus()), ("", Focus::Cancel));
        assert!(dialog.drawn(late) && dialog.was_drawn());
        // Drawing it again does not begin anew.
        assert!(!dialog.drawn(late + DEAD_TIME));
        assert_eq!(
            dialog.key(DialogKey::Esc, late + DEAD_TIME),
            Step::Cancelled
        );
    }

    fn later() -> Duration {
        OPENED + DEAD_TIME
    }

    fn press(dialog: &mut Consent, text: &str, tabs: usize) -> Step {
        for c in text.chars() {
            assert_eq!(dialog.key(DialogKey::Char(c), later()), Step::Stay(None));
        }
        for _ in 0..tabs {
            assert_eq!(dialog.key(DialogKey::Tab, later()), Step::Stay(None));
        }
        dialog.key(DialogKey::Char('y'), later())
    }

    fn said(step: &Step) -> Option<Say> {
        match step {
            Step::Answered(given) => Some(given.answer().say),
            _ => None,
        }
    }

    #[rstest]
    #[case::the_name(LOGIN, 1, None, Some(Say::Approve))]
    #[case::no_name("", 1, None, None)]
    #[case::another("mara.lind@acme.exampl", 1, None, None)]
    #[case::another_case("MARA.LIND@acme.example", 1, None, None)]
    #[case::refused(LOGIN, 1, Some("asked by yourself"), None)]
    #[case::a_denial_needs_no_name("", 2, None, Some(Say::Deny))]
    #[case::a_denial_is_never_refused("", 2, Some("asked by yourself"), Some(Say::Deny))]
    #[case::on_cancel_a_letter(LOGIN, 0, None, None)]
    #[case::around(LOGIN, 3, None, None)]
    fn what_answers(
        #[case] typed: &str,
        #[case] tabs: usize,
        #[case] refusal: Option<&'static str>,
        #[case] expected: Option<Say>,
    ) {
        assert_eq!(said(&press(&mut open(refusal), typed, tabs)), expected);
    }

    #[test]
    fn the_answer_is_about_what_was_shown() {
        let Step::Answered(given) = press(&mut open(None), LOGIN, 1) else {
            panic!("not answered")
        };
        let asked = samples::asked();
        assert_eq!(given.case(), &asked.case);
        assert_eq!(given.account(), &asked.account.id);
        assert_eq!(given.answer().ask, asked.request.ask);
        assert_eq!(given.answer().request, asked.request.comment);
        assert_eq!(given.expires(), asked.request.expires());
    }

    #[test]
    fn early_keys_enter_paste_and_others_answer_nothing() {
        let mut dialog = open(None);
        let early = later().saturating_sub(Duration::from_nanos(1));
        assert!(matches!(
            dialog.key(DialogKey::Esc, early),
            Step::Stay(Some(_))
        ));
        dialog.key(DialogKey::Tab, early);
        assert_eq!(dialog.focus(), Focus::Cancel);
        for key in [DialogKey::Enter, DialogKey::Paste] {
            assert!(matches!(dialog.key(key, later()), Step::Stay(Some(_))));
        }
        assert_eq!(dialog.key(DialogKey::Other, later()), Step::Stay(None));
        dialog.key(DialogKey::Char('a'), later());
        dialog.key(DialogKey::Char('\u{1b}'), later());
        dialog.key(DialogKey::Char('b'), later());
        assert_eq!(dialog.typed(), "ab");
        dialog.key(DialogKey::Backspace, later());
        assert_eq!(dialog.typed(), "a");
        dialog.key(DialogKey::Tab, later());
        assert!(matches!(
            dialog.key(DialogKey::Char('x'), later()),
            Step::Stay(Some(_))
        ));
        assert_eq!(dialog.typed(), "a");
        assert_eq!(dialog.key(DialogKey::Esc, later()), Step::Cancelled);
    }

    #[test]
    fn a_name_that_comes_all_at_once_is_refused() {
        let mut dialog = open(None);
        dialog.key(DialogKey::Char('m'), later());
        let mut last = Step::Stay(None);
        for c in LOGIN.chars().skip(1) {
            last = dialog.key(DialogKey::Together(c), later());
        }
        assert!(matches!(last, Step::Stay(Some(_))));
        assert_eq!(dialog.typed(), "");
        dialog.key(DialogKey::Tab, later());
        let step = dialog.key(DialogKey::Char('y'), later());
        assert!(matches!(step, Step::Stay(Some(_))));
        // A denial needs no name, but a `y` that came by itself.
        dialog.key(DialogKey::Tab, later());
        for key in [DialogKey::Together('y'), DialogKey::First('y')] {
            let step = dialog.key(key, later());
            assert_eq!(step, Step::Stay(Some(PRESS_ALONE.into())));
        }
        let step = dialog.key(DialogKey::Char('y'), later());
        assert!(matches!(step, Step::Answered(_)));
    }

    #[rstest]
    #[case("mara.lind@acme.example", "mara.lind@acme.example")]
    #[case("m\u{430}ra.lind@acme.example", "00uAbC")]
    #[case("", "00uAbC")]
    fn a_login_that_cannot_be_trusted_to_the_eye_is_typed_by_its_id(
        #[case] login: &str,
        #[case] wanted: &str,
    ) {
        let mut asked = samples::asked();
        asked.account.login = login.into();
        assert_eq!(shown(asked).wanted(), wanted);
    }

    #[test]
    fn an_account_without_any_name_is_not_approved_by_typing_nothing() {
        let mut asked = samples::asked();
        asked.account.login = "".into();
        asked.account.id.id = String::new();
        let mut dialog = shown(asked);
        assert!(!dialog.matches());
        assert_eq!(said(&press(&mut dialog, "", 1)), None);
    }

    proptest! {
        #[test]
        fn no_keys_approve_without_the_login(keys in prop::collection::vec(
            prop_oneof![
                4 => any::<char>().prop_map(DialogKey::Char),
                1 => any::<char>().prop_map(DialogKey::Together),
                1 => any::<char>().prop_map(DialogKey::First),
                2 => Just(DialogKey::Char('y')),
                3 => Just(DialogKey::Tab),
                1 => Just(DialogKey::Enter),
                1 => Just(DialogKey::Paste),
            ], 0..100)) {
            let mut dialog = open(None);
            for key in keys {
                prop_assert_ne!(said(&dialog.key(key, later())), Some(Say::Approve));
            }
        }
    }
}
