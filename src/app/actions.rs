//! What can be done to the account of the open case, and why not: one list for the pane and the actions layer.

use super::command::Command;
use super::model::{Found, Load, Model};
use crate::config::settings::Mode;
use crate::domain::account::AccountStatus;
use crate::domain::case::Subject;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::risk;
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::clock_word;
use crate::domain::likelihood::{Likelihood, Policy, policy};
use crate::domain::text::Safe;
use crate::safe;

/// One thing that can be decided about the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// Revoke, disable, revoke again.
    Contain,
    /// Revoke the sessions.
    Revoke,
    /// Disable the account.
    Disable,
    /// Revoke, reset the password, revoke again.
    Reset,
    /// Ask for a new password at the next sign-in.
    Expire,
    /// Watch and do nothing else.
    Monitor,
    /// Do nothing.
    Nothing,
    /// Enable the account again.
    Enable,
    /// Tell the provider that somebody else has the account.
    Compromised,
    /// Tell the provider that there is no risk.
    Dismiss,
}

impl Choice {
    /// Lists them in the order they are shown.
    pub const ALL: [Self; 10] = [
        Self::Contain,
        Self::Revoke,
        Self::Disable,
        Self::Reset,
        Self::Expire,
        Self::Monitor,
        Self::Nothing,
        Self::Enable,
        Self::Compromised,
        Self::Dismiss,
    ];

    /// Gives the kinds of action it asks for, in order; none for a decision that touches nothing.
    pub fn kinds(self) -> &'static [ActionKind] {
        match self {
            Self::Contain => &[ActionKind::RevokeSessions, ActionKind::DisableAccount],
            Self::Revoke => &[ActionKind::RevokeSessions],
            Self::Disable => &[ActionKind::DisableAccount],
            Self::Enable => &[ActionKind::EnableAccount],
            Self::Reset => &[ActionKind::RevokeSessions, ActionKind::ResetPassword],
            Self::Expire => &[ActionKind::ExpirePassword],
            Self::Compromised => &[ActionKind::ConfirmCompromised],
            Self::Dismiss => &[ActionKind::DismissRisk],
            Self::Monitor | Self::Nothing => &[],
        }
    }

    /// Gives the words shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Contain => "contain: revoke + disable",
            Self::Revoke => "revoke sessions",
            Self::Disable => "disable account",
            Self::Reset => "reset password + revoke",
            Self::Expire => "expire password",
            Self::Monitor => "monitor only",
            Self::Nothing => "no action",
            Self::Enable => "enable account (undo)",
            Self::Compromised => "mark as compromised",
            Self::Dismiss => "dismiss the risk",
        }
    }

    /// Gives the command that plans it from the actions layer.
    pub fn command(self) -> Command {
        match self {
            Self::Contain => Command::ContainBoth,
            Self::Revoke => Command::ContainRevoke,
            Self::Disable => Command::ContainDisable,
            Self::Reset => Command::ContainReset,
            Self::Expire => Command::ContainExpire,
            Self::Monitor => Command::ContainMonitor,
            Self::Nothing => Command::ContainNothing,
            Self::Enable => Command::Undo,
            Self::Compromised => Command::ContainCompromised,
            Self::Dismiss => Command::ContainDismiss,
        }
    }
}

/// How a choice stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can be planned; with the state of the last time, if there was one, and its word with its time.
    Ready(Option<(ActionState, Safe)>),
    /// It cannot, and why.
    No(Safe),
}

/// Lists the choices with their readiness.
pub fn rows(model: &Model) -> Vec<(Choice, Readiness)> {
    Choice::ALL
        .into_iter()
        .map(|choice| (choice, readiness(model, choice)))
        .collect()
}

/// Lists the choices that the pane shows: what is said of the risk stands there only where it can be said, or was.
///
/// Many a provider keeps no risk; why it is not offered stands in the list of all.
pub fn pane_rows(model: &Model) -> Vec<(Choice, Readiness)> {
    let is_shown = |(choice, readiness): &(Choice, Readiness)| {
        let of_risk = choice.kinds().iter().any(|kind| kind.is_of_risk());
        let can = matches!(readiness, Readiness::Ready(_));
        !of_risk || can || last_word(model, *choice).is_some()
    };
    rows(model).into_iter().filter(is_shown).collect()
}

/// Gives the choice under the cursor of the pane; the last one where the list became shorter under it.
pub fn under_cursor(model: &Model) -> Option<Choice> {
    let rows = pane_rows(model);
    let place = model.actions_cursor.min(rows.len().saturating_sub(1));
    rows.get(place).map(|(choice, _)| *choice)
}

/// Gives the choice to offer first, by its place in [`Choice::ALL`], and why.
///
/// The likelihood that a person decided counts, else the proposed one; a risky sign-in is answered by policy as long as
/// nobody decided. `None` where there is nothing to go by.
pub fn offered_first(model: &Model) -> Option<(usize, Safe)> {
    let open = model.open.as_ref()?;
    let decided = model.likelihood_in(open).map(|(value, _)| value);
    let policy = policy(open.activity.standing_findings());
    let (choice, why) = match (decided, policy) {
        (Some(value), _) => (first_for(value), safe!("likelihood {}", value.word())),
        (None, Some(policy)) => {
            let choice = match policy {
                Policy::RevokeSessions => Choice::Revoke,
                Policy::ResetPassword => Choice::Reset,
            };
            (choice, policy.reason())
        }
        (None, None) => {
            // That nothing was found is no reason to do nothing: only a person decides that.
            let value = open.activity.proposal()?.value;
            if value == Likelihood::Low {
                return None;
            }
            (first_for(value), safe!("proposed {}", value.word()))
        }
    };
    let place = Choice::ALL.iter().position(|one| *one == choice)?;
    Some((place, why))
}

fn first_for(value: Likelihood) -> Choice {
    match value {
        Likelihood::Low => Choice::Monitor,
        Likelihood::Medium => Choice::Revoke,
        Likelihood::High | Likelihood::Confirmed => Choice::Contain,
    }
}

/// Judges one choice.
pub fn readiness(model: &Model, choice: Choice) -> Readiness {
    match refusal(model, choice) {
        Some(reason) => Readiness::No(reason),
        None => Readiness::Ready(last_word(model, choice)),
    }
}

/// Says why nothing can be judged in the open case: it is about several users, and none of them is chosen.
pub fn nobody_chosen(model: &Model) -> Option<Safe> {
    let open = model.open.as_ref().filter(|open| open.user.is_none())?;
    let names = model.users_of(&open.id)?;
    Some(if open.file.ready().is_none() {
        "the case is not read yet".into()
    } else {
        safe!("{} users, choose one with U", names.len())
    })
}

/// Says by what a judgement is kept in the open case where it is about several users and the account of the chosen one
/// is not known.
pub fn kept_by_name(model: &Model) -> Option<Safe> {
    let open = model.open.as_ref()?;
    let user = open.user.as_ref()?;
    let is_by_name = open.the_account().is_none() && model.users_of(&open.id).is_some();
    is_by_name.then(|| {
        safe!(
            "the account is not known: kept for {} by this name",
            user.field()
        )
    })
}

fn refusal(model: &Model, choice: Choice) -> Option<Safe> {
    let Some(open) = &model.open else {
        return Some("no case is open".into());
    };
    if let Some(fault) = &model.audit_fault {
        return Some(safe!("the audit log cannot be written: {}", fault.what));
    }
    if choice.kinds().is_empty() {
        return nobody_chosen(model);
    }
    if model.mode() == Mode::ReadOnly {
        return Some("READ ONLY".into());
    }
    if open.user.is_none() {
        return Some(match &open.subject {
            Subject::Several(names) => safe!("{} users, choose one with U", names.len()),
            _ if open.file.ready().is_none() => "the case is not read yet".into(),
            _ => "the case names no user".into(),
        });
    }
    let account = match &open.account {
        Load::Ready(Found::One(account), _) => account,
        Load::Ready(Found::Nobody, _) => return Some("no such account".into()),
        Load::Ready(Found::Several(all), _) => {
            return Some(safe!("ambiguous: {} accounts", all.len()));
        }
        Load::Failed(fault, _) => return Some(fault.what.clone()),
        Load::Idle | Load::Loading(_) => return Some("looking up the account".into()),
    };
    for kind in choice.kinds() {
        match model.offers.iter().find(|offer| offer.kind == *kind) {
            None => return Some("provider not asked yet".into()),
            Some(offer) => {
                if let Err(reason) = &offer.facts {
                    return Some(reason.clone());
                }
            }
        }
        if let Some(open) = model
            .ledger
            .on(&account.id)
            .find(|a| a.kind == *kind && a.is_unfinished())
        {
            let word = match open.state {
                ActionState::Rejected => safe!("{}, being read back", open.word()),
                state => state.word().into(),
            };
            // Of a choice with several parts it may be of another plan.
            let is_part = choice.kinds().len() > 1;
            return Some(if is_part {
                safe!("{}: {}", kind.word(), word)
            } else {
                word
            });
        }
    }
    let mut kinds = choice.kinds().iter();
    if let Some(reason) = kinds.find_map(|kind| risk::refusal(*kind, account)) {
        return Some(reason);
    }
    let active = account.status == AccountStatus::Active;
    match choice {
        Choice::Contain | Choice::Disable if !active => {
            Some(safe!("status is {}", account.status.word()))
        }
        Choice::Reset | Choice::Expire if matches!(account.status, AccountStatus::Other(_)) => {
            Some(safe!("status is {}", account.status.word()))
        }
        Choice::Enable if account.status != AccountStatus::Disabled => {
            Some(safe!("status is {}", account.status.word()))
        }
        _ => None,
    }
}

/// Gives the word of the latest action of this choice's kind on the account, with its time.
pub fn last_word(model: &Model, choice: Choice) -> Option<(ActionState, Safe)> {
    let account = &model.open.as_ref()?.the_account()?.id;
    let kind = match (choice, choice.kinds()) {
        // What it is about; the sessions have a line of their own.
        (Choice::Reset, _) => &ActionKind::ResetPassword,
        (_, [kind]) => kind,
        _ => return None,
    };
    let action = model
        .ledger
        .on(account)
        .rfind(|action| action.kind == *kind)?;
    let at = action.ended.or(action.sent);
    let word = at.map_or(Safe::from(action.word()), |at| {
        safe!("{} {}", action.word(), clock_word(at))
    });
    Some((action.state, word))
}
