//! Short words that several panes share: ages, owners, states, lanes.
//!
//! What must not live here: layout.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::paint::{Canvas, Words};
use super::theme::Role;
use crate::app::command::{COMMANDS, Command, Context, spec_of};
use crate::app::message::Level;
use crate::app::model::{Model, Pane};
use crate::domain::account::{Account, RiskState};
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::Moment;
use crate::domain::ids::CaseId;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::lane::Lane;
use crate::safe;

/// Gives the name of a pane.
pub(super) fn pane(pane: Pane) -> &'static str {
    match pane {
        Pane::Cases => "Cases",
        Pane::Activity => "Activity",
        Pane::Checklist => "Checklist",
        Pane::Actions => "Actions",
    }
}

/// Names a case as people do: by its number where it is known, else by its id.
pub(super) fn case_name(model: &Model, id: &CaseId) -> Safe {
    match model.queue.case(id).and_then(|case| case.number) {
        Some(number) => safe!("#{}", number),
        None => id.shown(),
    }
}

/// Writes an age in minutes and more, so that it changes once a minute at most: `<1m`, `12m`, `3h`, `2d`.
pub(super) fn minutes(age: Duration) -> Safe {
    match age.as_secs() {
        0..60 => "<1m".into(),
        s @ 60..3_600 => safe!("{}m", s / 60),
        s @ 3_600..172_800 => safe!("{}h", s / 3_600),
        s => safe!("{}d", s / 86_400),
    }
}

/// Says that the log has nothing of a thing; while it may have, why that is not known.
pub(super) fn nothing_in_log(model: &Model, role: Role, text: impl Into<Safe>) -> Words {
    let Some(why) = model.log_gap() else {
        return Words::new(role, text);
    };
    let role = match model.log_unread {
        Some(_) => Role::Dim,
        None => Role::LevelWarning,
    };
    Words::new(role, why)
}

/// Writes how long ago a time was.
pub(super) fn ago(model: &Model, at: DateTime<Utc>) -> Safe {
    ago_between(at, model.now.utc)
}

/// Writes how long before another a time was.
pub(super) fn ago_between(at: DateTime<Utc>, now: DateTime<Utc>) -> Safe {
    minutes((now - at).to_std().unwrap_or_default())
}

/// Writes how long ago a time was that may be missing.
pub(super) fn ago_word(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Safe {
    at.map_or_else(Safe::default, |at| safe!("{} ago", ago_between(at, now)))
}

/// Writes for how long something has been going on, once it is worth a word: nothing in the first ten seconds.
pub(super) fn since(model: &Model, since: Moment) -> Safe {
    match model.age(since).as_secs() {
        0..10 => Safe::default(),
        s @ 10..60 => safe!(" for {}0s", s / 10),
        s => safe!(" for {}m", s / 60),
    }
}

/// Gives the owner as shown: `you` for the operator.
pub(super) fn owner(model: &Model, owner: &Untrusted) -> Safe {
    if is_operator(model, owner) {
        "you".into()
    } else {
        owner.field()
    }
}

/// Tells whether a login is the operator's own.
pub(super) fn is_operator(model: &Model, login: &Untrusted) -> bool {
    !model.operator.shared && model.operator.login.as_ref() == Some(login)
}

/// Gives a login in few cells: whole where it fits, else without its domain (`mara.lind@…`), else cut.
///
/// Only for lists; where an identity is decided on, it is shown whole.
pub(super) fn login(login: &Untrusted, width: usize) -> Safe {
    let whole = login.field();
    if whole.width() <= width {
        return whole;
    }
    match login.raw().split_once('@') {
        Some((local, _)) if !local.is_empty() => {
            let short = safe!("{}@…", Untrusted::new(local).field());
            if short.width() <= width {
                short
            } else {
                short.fit(width)
            }
        }
        _ => whole.fit(width),
    }
}

/// Gives a lane in at most nine cells.
pub(super) fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Exfiltration => "exfil",
        Lane::FailThenSuccess => "fail>ok",
        Lane::OauthGrant => "OAuth",
        other => other.word(),
    }
}

/// Gives the role of an action's state.
pub(super) fn state_role(state: ActionState) -> Role {
    match state {
        ActionState::Verified => Role::StateProven,
        ActionState::NotEffective | ActionState::Drifted | ActionState::Rejected => {
            Role::StateRefuted
        }
        ActionState::Unknown | ActionState::Unverifiable => Role::StateUnknown,
        ActionState::Planned
        | ActionState::Awaiting
        | ActionState::Confirmed
        | ActionState::Intent
        | ActionState::Acked => Role::StatePending,
        ActionState::Denied => Role::StateRefuted,
        ActionState::NotSent
        | ActionState::DryRun
        | ActionState::Abandoned
        | ActionState::Expired => Role::Dim,
    }
}

/// Gives the role of what is known of an account's risk.
pub(super) fn risk_role(account: &Account) -> Role {
    match account.risk.as_ref().map(|risk| risk.state) {
        Some(RiskState::AtRisk | RiskState::Compromised) => Role::LevelWarning,
        _ => Role::Dim,
    }
}

/// Gives the role of a message.
pub(super) fn level_role(level: Level) -> Role {
    match level {
        Level::Info => Role::LevelInfo,
        Level::Warning => Role::LevelWarning,
        Level::Error => Role::LevelError,
        Level::Alarm => Role::LevelAlarm,
    }
}

/// Gives the first key of a command of the table, as bound now; nothing when none is bound.
pub(super) fn key_of(model: &Model, command: Command, context: Context) -> Safe {
    spec_of(command, context).map_or_else(Safe::default, |spec| key_of_id(model, spec.id))
}

/// Gives the first key of a command by its id.
pub(super) fn key_of_id(model: &Model, id: &str) -> Safe {
    model
        .keymap
        .keys_of(id)
        .first()
        .map_or_else(Safe::default, |chord| {
            Untrusted::new(chord.to_string()).field()
        })
}

/// Gives all keys of a command by its id.
pub(super) fn keys_of_id(model: &Model, id: &str) -> Safe {
    let keys = model
        .keymap
        .keys_of(id)
        .iter()
        .map(|chord| Untrusted::new(chord.to_string()).field());
    Safe::join(keys, &Safe::fixed(" "))
}

/// Lists `key word` pairs for the commands of a context that have a short word.
pub(super) fn hints(model: &Model, context: Context) -> Words {
    let mut words = Words::empty();
    let listed = COMMANDS
        .iter()
        // The key of the messages stands beside the last one of them.
        .filter(|spec| spec.context == context && spec.command != Command::Messages)
        .filter(|spec| !spec.short.is_empty())
        .filter(|spec| model.lacking_case(spec.command).is_none());
    for spec in listed {
        let key = key_of_id(model, spec.id);
        if !key.is_empty() {
            words = words
                .gap(Role::Key, key)
                .add(Role::Dim, safe!(" {}", spec.short));
        }
    }
    words
}

/// Gives the sign in front of the row under the cursor, and its role.
///
/// It looks the same whichever pane has the keys: that is said by the titles alone, so that a change of focus is cheap.
pub(super) fn gutter(canvas: &Canvas<'_>, is_cursor: bool, _focused: bool) -> Words {
    if is_cursor {
        Words::new(Role::Key, canvas.sign("▌", ">"))
    } else {
        Words::new(Role::Text, " ")
    }
}

/// Gives the role for the leading cells of a row under the cursor, else its own.
pub(super) fn lead_role(is_cursor: bool, _focused: bool, own: Role) -> Role {
    if is_cursor { Role::CursorFocused } else { own }
}

/// Lists the first few `key word` pairs of a context in one role: a change of context then costs few bytes.
pub(super) fn plain_hints(model: &Model, context: Context, most: usize) -> Words {
    let listed = COMMANDS
        .iter()
        .filter(|spec| spec.context == context && !spec.short.is_empty())
        .map(|spec| (key_of_id(model, spec.id), spec.short))
        .filter(|(key, _)| !key.is_empty())
        .take(most)
        .map(|(key, short)| safe!("{} {}", key, short));
    Words::new(Role::Dim, Safe::join(listed, &Safe::fixed("  ")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("mara.lind", 12, "mara.lind")]
    #[case("mara.lind@acme.example", 30, "mara.lind@acme.example")]
    #[case("mara.lind@acme.example", 12, "mara.lind@…")]
    #[case("mara.lind@acme.example", 6, "mara.…")]
    #[case("@acme.example", 6, "@acme…")]
    #[case("a@b@acme.example", 8, "a@…")]
    fn a_login_in_few_cells(#[case] raw: &str, #[case] width: usize, #[case] expected: &str) {
        assert_eq!(login(&Untrusted::new(raw), width).as_str(), expected);
    }

    #[rstest]
    #[case(0, "<1m")]
    #[case(59, "<1m")]
    #[case(60, "1m")]
    #[case(3_599, "59m")]
    #[case(3_600, "1h")]
    #[case(172_800, "2d")]
    fn ages_change_once_a_minute(#[case] seconds: u64, #[case] expected: &str) {
        assert_eq!(minutes(Duration::from_secs(seconds)).as_str(), expected);
    }
}
