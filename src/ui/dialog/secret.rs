//! A new password or link, shown this once: for whom, how its action stands, and where it must not go.
//!
//! What must not live here: keeping it (`app`), what it is worth (`domain`).

use chrono::{DateTime, Utc};
use ratatui::layout::Rect;

use super::{heading, inner_width, open_sheet};
use crate::app::message::Handed;
use crate::app::model::Model;
use crate::domain::containment::ledger::Worth;
use crate::domain::freshness::{clock_word, second_word};
use crate::domain::one_time::OneTimeKind;
use crate::domain::text::Safe;
use crate::safe;
use crate::ui::paint::Canvas;
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 84;

const HAND_OVER: &str = "Hand it over by voice or in person, to somebody you know it is: never by \
                         mail or chat, where the attacker may read.";
const GONE: &str = "It is in no log, no case and no file; closed, it is gone.";

/// Says what is to be known before it is handed over; `None` where it is proven that it opens the account.
fn doubt(worth: Worth, kind: OneTimeKind, is_over: bool) -> Option<Safe> {
    let what = match kind {
        OneTimeKind::Password => "the account's password",
        OneTimeKind::Link => "a link that works",
    };
    let again: Safe = match (is_over, kind) {
        (true, OneTimeKind::Password) => "Reset it again.".into(),
        // It waits for the link to be used, and is reset from there at the provider alone.
        (true, OneTimeKind::Link) => {
            "Reset it again at the provider (from here it must be ACTIVE).".into()
        }
        (false, _) => safe!("Once it is read back, {}.", kind.again()),
    };
    Some(match worth {
        Worth::Proven => return None,
        Worth::Accepted => "Not proven yet: the reset is being read back.".into(),
        Worth::Unanswered => safe!(
            "No answer to the reset came: this may not be {}. {}",
            what,
            again
        ),
        Worth::Unproven => safe!(
            "It cannot be proven that this is {} now: another reset may have replaced it. {}",
            what,
            again
        ),
        Worth::PerhapsReplaced => safe!(
            "A later reset may have replaced it: this may not be {} any more. Once that one is read back, {}.",
            what,
            kind.again()
        ),
        Worth::Replaced => safe!(
            "A later reset replaced it: this is not {} any more. Do not hand it over.",
            what
        ),
        Worth::Changed(at) => safe!(
            "The password was changed since, {}, by the user or others: this does not open the account any more.",
            clock_word(at)
        ),
        Worth::Void => safe!(
            "The reset was refused or had no effect: this may not be {}. Do not hand it over.",
            what
        ),
    })
}

/// Says what it is good for, where it may be good for anything; `read` is when that was read, `None` while it is read,
/// `barred` why nobody signs in at all.
fn use_of_it(
    worth: Worth,
    kind: OneTimeKind,
    (read, barred): (Option<DateTime<Utc>>, Option<Safe>),
) -> Option<Safe> {
    let is_useless = match worth {
        Worth::Void | Worth::Replaced | Worth::Changed(_) => true,
        Worth::Unanswered | Worth::Unproven | Worth::PerhapsReplaced => {
            kind == OneTimeKind::Password
        }
        Worth::Proven | Worth::Accepted => false,
    };
    if is_useless {
        return None;
    }
    if let Some(barred) = barred {
        return Some(safe!(
            "{}: this opens nothing until it is enabled again.",
            barred
        ));
    }
    Some(match (worth, kind) {
        (_, OneTimeKind::Link) => "Whoever opens it first chooses the new password.".into(),
        (Worth::Accepted, OneTimeKind::Password) => {
            "Proven, it works for one sign-in, which asks for another password.".into()
        }
        (_, OneTimeKind::Password) => match read {
            Some(at) => safe!(
                "As read at {}, it works for one sign-in, which asks for another password.",
                second_word(at)
            ),
            None => "Reading whether it still works.".into(),
        },
    })
}

/// Draws it.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, room: Rect, handed: &Handed) {
    let mut sheet = Sheet::new(inner_width(room, MOST));
    sheet.fact("for", Role::Strong, &handed.login.ident());
    if let Some(escaped) = handed.login.ident_escaped() {
        sheet.fact("", Role::Text, &escaped);
    }
    let action = model.ledger.get(&handed.aid);
    if let Some(action) = action {
        let role = words::state_role(action.state);
        sheet.fact("reset is", role, &action.word().into());
    }
    let kind = handed.secret.kind();
    let worth = model.worth(&handed.aid);
    let is_good = worth.is_good();
    let is_over = action.is_some_and(|action| action.ended.is_some());
    if let Some(doubt) = doubt(worth, kind, is_over) {
        let role = if is_good {
            Role::LevelWarning
        } else {
            Role::LevelAlarm
        };
        sheet.gap();
        sheet.text(0, role, &doubt);
    }
    sheet.gap();
    sheet.text(0, Role::Strong, &handed.secret.shown());
    sheet.gap();
    let known = (model.worth_read(&handed.aid), model.barred(&handed.aid));
    if let Some(use_of_it) = use_of_it(worth, kind, known) {
        sheet.text(0, Role::Text, &use_of_it);
    }
    let text = if is_good {
        safe!("{} {}", HAND_OVER, GONE)
    } else {
        GONE.into()
    };
    sheet.text(0, Role::LevelWarning, &text);
    let title = heading(safe!("The {}, this once", kind.word()));
    open_sheet(canvas, room, title, &sheet, MOST, 0);
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;

    fn minutes(count: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(count)
    }

    fn changed() -> Worth {
        Worth::Changed(minutes(187))
    }

    const P: OneTimeKind = OneTimeKind::Password;
    const L: OneTimeKind = OneTimeKind::Link;

    #[rstest]
    #[case(
        Worth::Accepted,
        P,
        false,
        "Not proven yet: the reset is being read back."
    )]
    #[case(
        Worth::Unanswered,
        P,
        false,
        "No answer to the reset came: this may not be the account's password. Once it is read back, reset it again."
    )]
    #[case(
        Worth::Unanswered,
        P,
        true,
        "No answer to the reset came: this may not be the account's password. Reset it again."
    )]
    #[case(
        Worth::Unproven,
        P,
        true,
        "It cannot be proven that this is the account's password now: another reset may have replaced it. Reset it again."
    )]
    #[case(
        Worth::Unproven,
        L,
        true,
        "It cannot be proven that this is a link that works now: another reset may have replaced it. Reset it again at the provider (from here it must be ACTIVE)."
    )]
    #[case(
        Worth::Void,
        P,
        true,
        "The reset was refused or had no effect: this may not be the account's password. Do not hand it over."
    )]
    #[case(
        Worth::PerhapsReplaced,
        P,
        true,
        "A later reset may have replaced it: this may not be the account's password any more. Once that one is read back, reset it again."
    )]
    #[case(
        Worth::Unanswered,
        L,
        false,
        "No answer to the reset came: this may not be a link that works. Once it is read back, reset it again at the provider (from here it must be ACTIVE)."
    )]
    #[case(
        Worth::Replaced,
        L,
        true,
        "A later reset replaced it: this is not a link that works any more. Do not hand it over."
    )]
    #[case(
        changed(),
        P,
        true,
        "The password was changed since, 03:07Z, by the user or others: this does not open the account any more."
    )]
    fn what_is_not_proven_is_said_first(
        #[case] worth: Worth,
        #[case] kind: OneTimeKind,
        #[case] is_over: bool,
        #[case] says: &str,
    ) {
        let said = doubt(worth, kind, is_over).expect("there is doubt");
        assert_eq!(said.as_str(), says);
    }

    #[rstest]
    #[case(
        Worth::Proven,
        P,
        Some("As read at 03:07:00Z, it works for one sign-in, which")
    )]
    #[case(Worth::Accepted, P, Some("Proven, it works for one sign-in"))]
    #[case(Worth::Unanswered, P, None)]
    #[case(Worth::Unproven, P, None)]
    #[case(Worth::Void, P, None)]
    #[case(Worth::Proven, L, Some("Whoever opens it first"))]
    // Whether it works nobody knows: where it does, the attacker may use it as well.
    #[case(Worth::Unproven, L, Some("Whoever opens it first"))]
    #[case(Worth::Void, L, None)]
    #[case(Worth::PerhapsReplaced, P, None)]
    #[case(Worth::PerhapsReplaced, L, Some("Whoever opens it first"))]
    #[case(Worth::Replaced, P, None)]
    #[case(Worth::Replaced, L, None)]
    #[case(changed(), P, None)]
    #[case(changed(), L, None)]
    fn only_what_is_proven_works(
        #[case] worth: Worth,
        #[case] kind: OneTimeKind,
        #[case] says: Option<&str>,
    ) {
        let said = use_of_it(worth, kind, (Some(minutes(187)), None));
        let starts = |(said, says): (&Safe, &str)| said.as_str().starts_with(says);
        assert_eq!(said.is_some(), says.is_some());
        assert!(said.as_ref().zip(says).is_none_or(starts), "{said:?}");
        assert_eq!(doubt(worth, kind, true).is_none(), worth == Worth::Proven);
    }

    #[test]
    fn nothing_is_said_to_work_before_that_was_read() {
        let said = use_of_it(Worth::Proven, P, (None, None));
        let said = said.as_ref().map(Safe::as_str);
        assert_eq!(said, Some("Reading whether it still works."));
    }

    #[rstest]
    #[case(Worth::Proven, P, true)]
    #[case(Worth::Accepted, P, true)]
    #[case(Worth::Proven, L, true)]
    #[case(Worth::Void, P, false)]
    #[case(Worth::Unproven, P, false)]
    fn nothing_works_at_an_account_that_nobody_can_sign_in_to(
        #[case] worth: Worth,
        #[case] kind: OneTimeKind,
        #[case] is_said: bool,
    ) {
        let barred = Safe::fixed("By the log the account is disabled");
        let said = use_of_it(worth, kind, (Some(minutes(187)), Some(barred)));
        let said = said.as_ref().map(Safe::as_str);
        let words =
            "By the log the account is disabled: this opens nothing until it is enabled again.";
        assert_eq!(said, is_said.then_some(words));
    }
}
