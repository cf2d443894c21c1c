//! The four panes.
//!
//! What must not live here: what is in them, and how they are laid out (`ui`).

use crate::app::command::Context;

/// One of the four panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The queue.
    Cases,
    /// The activity of the user.
    Activity,
    /// The short list.
    Checklist,
    /// What can be done.
    Actions,
}

impl Pane {
    /// Lists the panes in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Cases, Self::Activity, Self::Checklist, Self::Actions];

    /// Gives the context its keys are looked up in.
    pub fn context(self) -> Context {
        match self {
            Self::Cases => Context::Cases,
            Self::Activity => Context::Activity,
            Self::Checklist => Context::Checklist,
            Self::Actions => Context::Actions,
        }
    }
}
