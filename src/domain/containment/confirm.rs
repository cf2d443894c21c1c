//! The confirmation: the only maker of a [`ConfirmedAction`], built to survive tired hands.
//!
//! The login is typed, `Tab` moves to *contain*, `y` confirms. `Enter` never confirms, paste is refused, and so is
//! every key of the first 500 ms after the dialog was drawn.

use std::time::Duration;

use super::kind::ActionKind;
use super::plan::{Plan, PreparedCall};
use crate::domain::account::Account;
use crate::domain::ids::{ActionId, CaseId, PlanId};
use crate::domain::text::Safe;

/// Keys are refused for this long after the dialog was opened.
pub const DEAD_TIME: Duration = Duration::from_millis(500);

/// Most letters of the typed name that are kept.
const TYPED_MAX: usize = 256;

/// One action a person confirmed; nothing else can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedAction {
    aid: ActionId,
    kind: ActionKind,
    call: PreparedCall,
    order: u32,
}

impl ConfirmedAction {
    /// Gives its id.
    pub fn aid(&self) -> &ActionId {
        &self.aid
    }

    /// Gives what it does.
    pub fn kind(&self) -> ActionKind {
        self.kind
    }

    /// Gives the request that was shown and confirmed.
    pub fn call(&self) -> &PreparedCall {
        &self.call
    }

    /// Gives its place in the plan, from 0.
    pub fn order(&self) -> u32 {
        self.order
    }
}

/// A plan a person confirmed, with its actions in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedPlan {
    plan: Plan,
    actions: Vec<ConfirmedAction>,
}

impl ConfirmedPlan {
    /// Gives the plan's id.
    pub fn pid(&self) -> &PlanId {
        &self.plan.pid
    }

    /// Gives the case.
    pub fn case(&self) -> &CaseId {
        &self.plan.case
    }

    /// Gives the account as it was when the plan was made.
    pub fn account(&self) -> &Account {
        &self.plan.account
    }

    /// Gives the plan's hash.
    pub fn hash(&self) -> &str {
        &self.plan.hash
    }

    /// Tells whether the send gate only records.
    pub fn dry_run(&self) -> bool {
        self.plan.dry_run
    }

    /// Gives the plan itself.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Gives the actions in the order they are sent.
    pub fn actions(&self) -> &[ConfirmedAction] {
        &self.actions
    }
}

/// Where the focus of the dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// On *cancel*: where it starts.
    Cancel,
    /// On *contain*.
    Contain,
}

/// A key as far as the dialog knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogKey {
    /// A letter.
    Char(char),
    /// Takes the last letter back.
    Backspace,
    /// Moves between *cancel* and *contain*.
    Tab,
    /// Never confirms.
    Enter,
    /// Leaves.
    Esc,
    /// Text from the clipboard.
    Paste,
    /// Anything else.
    Other,
}

/// What a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The dialog stays, with a line to show, if any.
    Stay(Option<Safe>),
    /// Nothing will be done.
    Cancelled,
    /// Confirmed: this is the only way to get one.
    Confirmed(Box<ConfirmedPlan>),
}

/// The dialog's state while it is open; the plan in it cannot change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    plan: Plan,
    opened: Duration,
    typed: String,
    focus: Focus,
}

impl Confirmation {
    /// Opens the dialog for a plan at a boot time.
    pub fn open(plan: Plan, boot: Duration) -> Self {
        Self {
            plan,
            opened: boot,
            typed: String::new(),
            focus: Focus::Cancel,
        }
    }

    /// Gives the plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Gives what was typed so far; it holds only what keys can type, without controls.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Gives the focus.
    pub fn focus(&self) -> Focus {
        self.focus
    }

    /// Gives what has to be typed: the login, or the immutable id when the login is not plain ASCII.
    pub fn wanted(&self) -> &str {
        let login = self.plan.account.login.raw();
        let plain = !login.is_empty() && login.chars().all(|c| c.is_ascii_graphic());
        if plain {
            login
        } else {
            self.plan.account.id.raw()
        }
    }

    /// Tells whether what was typed is what has to be typed.
    pub fn matches(&self) -> bool {
        self.typed == self.wanted()
    }

    /// Takes a key at a boot time.
    pub fn key(&mut self, key: DialogKey, boot: Duration) -> Step {
        if boot.saturating_sub(self.opened) < DEAD_TIME {
            return Step::Stay(Some(
                "too early: read first, keys count after half a second".into(),
            ));
        }
        match key {
            DialogKey::Esc => Step::Cancelled,
            DialogKey::Paste => Step::Stay(Some("paste is refused: type the name".into())),
            DialogKey::Tab => {
                self.focus = match self.focus {
                    Focus::Cancel => Focus::Contain,
                    Focus::Contain => Focus::Cancel,
                };
                Step::Stay(None)
            }
            DialogKey::Enter if self.focus == Focus::Cancel && self.typed.is_empty() => {
                Step::Cancelled
            }
            DialogKey::Enter => Step::Stay(Some("Enter never confirms: Tab, then y".into())),
            DialogKey::Char('y') if self.focus == Focus::Contain => self.confirm(boot),
            DialogKey::Char(_) if self.focus == Focus::Contain => {
                Step::Stay(Some("y confirms, Tab goes back, Esc cancels".into()))
            }
            DialogKey::Char(c) => {
                if !c.is_control() && self.typed.chars().count() < TYPED_MAX {
                    self.typed.push(c);
                }
                Step::Stay(None)
            }
            DialogKey::Backspace => {
                self.typed.pop();
                Step::Stay(None)
            }
            DialogKey::Other => Step::Stay(None),
        }
    }

    fn confirm(&mut self, boot: Duration) -> Step {
        if self.plan.refused() {
            return Step::Stay(Some("a guard refuses this plan".into()));
        }
        if self.plan.expired(boot) {
            return Step::Stay(Some(
                "the plan is older than 5 minutes: make it again".into(),
            ));
        }
        if !self.matches() {
            return Step::Stay(Some("the typed name is not the target's".into()));
        }
        let actions = self
            .plan
            .steps
            .iter()
            .zip(0u32..)
            .map(|(step, order)| ConfirmedAction {
                aid: step.aid.clone(),
                kind: step.kind,
                call: step.call.clone(),
                order,
            })
            .collect();
        Step::Confirmed(Box::new(ConfirmedPlan {
            plan: self.plan.clone(),
            actions,
        }))
    }
}
