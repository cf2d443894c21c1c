//! A failure as it is shown: what was tried on what, and what can be done.

use super::text::Safe;

/// One failure, ready to be shown; the hint stands on its own line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was tried on what and why it failed: one lower-case fragment.
    pub what: Safe,
    /// What can be done about it.
    pub hint: Option<Safe>,
}

impl Fault {
    /// Makes a fault without a hint.
    pub fn new(what: impl Into<Safe>) -> Self {
        Self {
            what: what.into(),
            hint: None,
        }
    }

    /// Adds the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Safe>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
