//! What is being asked of the activity: the line of a filter, a value to look for, a text for an event.
//!
//! What must not live here: what follows from the answers (`update::activity`).

use chrono::{DateTime, Duration, Utc};

use super::View;
use crate::domain::audit::Saying;
use crate::domain::ids::{AccountId, CaseId};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::filter::{FilterError, Term};

/// The filter that is being typed.
#[derive(Clone, Debug, Default)]
pub struct FilterLine {
    /// What was typed.
    pub line: String,
    /// What was looked at before.
    pub before: View,
    /// Whether Esc was pressed once.
    pub esc: bool,
    /// Why the line is no filter; what was looked at last stays.
    pub fault: Option<FilterError>,
    /// What Tab goes through, with the line it began with as the first.
    pub options: Vec<String>,
    /// Which of them stands in the line.
    pub option: usize,
}

/// What can be looked at from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pivot {
    /// The events of the user with the same value.
    Same(Term),
    /// Everything so long before and after it.
    Around(Duration),
    /// What other users did from the same address or device.
    Across(Trace),
}

/// What leads from one user to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// The source address.
    Address(Untrusted),
    /// The device.
    Device(Untrusted),
}

impl Trace {
    /// Gives the value.
    pub fn value(&self) -> &Untrusted {
        match self {
            Self::Address(value) | Self::Device(value) => value,
        }
    }

    /// Gives the word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Device(_) => "device",
        }
    }
}

/// One row of the list of pivots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PivotRow {
    /// What it looks at.
    pub pivot: Pivot,
    /// What it is called.
    pub label: &'static str,
    /// The value.
    pub value: Safe,
    /// How many events of the user there are; `None` where that is not known before it is asked.
    pub count: Option<usize>,
}

/// An event something is said of: what it is must not change while a dialog is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// The case.
    pub case: CaseId,
    /// The account, when it was resolved.
    pub account: Option<AccountId>,
    /// The event's key.
    pub key: Untrusted,
    /// When it happened.
    pub at: Option<DateTime<Utc>>,
}

/// What a text is written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventText {
    /// A tag or a note on an event.
    Of(EventRef, Saying),
    /// An event that no log has: time and text.
    Manual(CaseId, Option<AccountId>),
    /// The length of the window.
    Window,
}

impl EventText {
    /// Gives the heading of the dialog.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Of(_, Saying::Tag) => "Tag of the event (the same again takes it off)",
            Self::Of(..) => "Note on the event",
            Self::Manual(..) => "Event by hand: 10:30 what happened (UTC; no time: now)",
            Self::Window => "Window: 36h, 10d, at most 30d",
        }
    }
}
