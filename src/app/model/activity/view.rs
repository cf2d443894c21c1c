//! What of the activity is looked at: a filter, a part of the window, and the way back to what was looked at before.
//!
//! What must not live here: how the rows are laid out.

use chrono::{DateTime, Duration, Utc};

use super::{ActivityPane, ListRow};
use crate::domain::ids::ActionId;
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::Known;
use crate::domain::timeline::filter::Filter;
use crate::domain::timeline::finding::FindingKey;

/// The narrowest part of a window.
const NARROWEST: Duration = Duration::minutes(2);

/// Most steps back that are kept.
const TRAIL_MAX: usize = 50;

/// A part of the window: from, inclusive, until, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From.
    pub from: DateTime<Utc>,
    /// Until.
    pub until: DateTime<Utc>,
}

impl Span {
    /// Makes the span of so long before and after a time.
    pub fn around(at: DateTime<Utc>, each: Duration) -> Self {
        Self {
            // An event may be dated at the end of time.
            from: at.checked_sub_signed(each).unwrap_or(at),
            until: at.checked_add_signed(each).unwrap_or(at),
        }
    }

    /// Tells whether a time lies in it.
    pub fn contains(self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.until
    }

    /// Gives how long it is.
    pub fn length(self) -> Duration {
        self.until - self.from
    }
}

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Which events.
    pub filter: Filter,
    /// Which part of the window; `None` is all of it.
    pub span: Option<Span>,
}

impl View {
    /// Tells whether it is everything.
    pub fn is_whole(&self) -> bool {
        self.filter.is_empty() && self.span.is_none()
    }
}

/// What the cursor stands on, as it is found again when rows come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    what: What,
    at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Event(Untrusted),
    Said(Untrusted),
    Finding(FindingKey),
    Own(ActionId),
    Other(ListRow),
}

/// A place to come back to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    view: View,
    held: Option<Held>,
    at_end: bool,
}

impl ActivityPane {
    /// Gives the time of a row of the list, where it has one.
    pub fn time_of(&self, row: &ListRow) -> Option<DateTime<Utc>> {
        match row {
            ListRow::Event(index) | ListRow::Said(index) => Some(self.activity.row(*index)?.at()),
            ListRow::Finding(index) => Some(self.findings.get(*index)?.at),
            ListRow::Deeds { first, .. } => Some(self.deeds.get(*first)?.at),
            ListRow::Own(aid) => {
                let own = self.own.iter().find(|(_, _, own)| own == aid)?;
                Some(own.0)
            }
            ListRow::Day(_) | ListRow::Silence(_) | ListRow::Truncated(_) | ListRow::Unheard(_) => {
                None
            }
        }
    }

    /// Gives the time of the row under the cursor.
    pub fn cursor_time(&self) -> Option<DateTime<Utc>> {
        self.time_of(self.rows.get(self.cursor)?)
    }

    /// Gives the index of the event under the cursor, or of the one that a finding or a note belongs to.
    pub fn cursor_event(&self) -> Option<usize> {
        match self.rows.get(self.cursor)? {
            ListRow::Event(index) | ListRow::Said(index) => Some(*index),
            ListRow::Finding(index) => Some(self.findings.get(*index)?.row),
            _ => None,
        }
    }

    /// Takes note of what the cursor stands on.
    pub(super) fn hold(&mut self) {
        self.held = self.rows.get(self.cursor).map(|row| Held {
            what: self.what(row),
            at: self.time_of(row),
        });
    }

    fn what(&self, row: &ListRow) -> What {
        let key = |index: usize| {
            let row = self.activity.row(index);
            row.map(|row| row.key()).unwrap_or_default()
        };
        match row {
            ListRow::Event(index) => What::Event(key(*index)),
            ListRow::Said(index) => What::Said(key(*index)),
            ListRow::Finding(index) => match self.findings.get(*index) {
                Some(finding) => What::Finding(finding.key(&self.activity)),
                None => What::Other(row.clone()),
            },
            ListRow::Own(aid) => What::Own(aid.clone()),
            other => What::Other(other.clone()),
        }
    }

    /// Finds what the cursor stood on, else the first row that is not earlier; and tells whether it is the same.
    pub(super) fn find_held(&self) -> Option<(usize, bool)> {
        let held = self.held.as_ref()?;
        let same = |row: &ListRow| match (&held.what, row) {
            (What::Event(key), ListRow::Event(index)) | (What::Said(key), ListRow::Said(index)) => {
                let row = self.activity.row(*index);
                row.is_some_and(|row| match row.id() {
                    Some(id) => id == key,
                    None => row.key() == *key,
                })
            }
            (What::Finding(key), ListRow::Finding(index)) => {
                let finding = self.findings.get(*index);
                finding.is_some_and(|finding| finding.key(&self.activity) == *key)
            }
            (What::Own(aid), ListRow::Own(other)) => aid == other,
            (What::Other(own), other) => own == other,
            _ => false,
        };
        let found = self.rows.iter().position(same);
        found.map(|row| (row, true)).or_else(|| {
            let at = held.at?;
            let later = |row: &ListRow| self.time_of(row).is_some_and(|time| time >= at);
            Some((self.rows.iter().position(later)?, false))
        })
    }

    /// Gives the filter and what it may look at.
    pub fn known(&self) -> Known<'_> {
        Known {
            findings: &self.findings,
            said: Some(&self.said),
            names: &self.names,
        }
    }

    /// Looks at something else; the cursor stays on its event where that is still seen.
    pub fn look_at(&mut self, view: View) {
        self.view = view;
        self.at_end = false;
        self.lay_out_again();
    }

    /// Looks at something else, and can come back.
    pub fn go_to(&mut self, view: View) {
        let place = Place {
            view: self.view.clone(),
            held: self.held.clone(),
            at_end: self.at_end,
        };
        if self.trail.len() == TRAIL_MAX {
            self.trail.remove(0);
        }
        self.trail.push(place);
        self.look_at(view);
    }

    /// Comes back to the same event; without a way back it shows everything. `false` where there is nothing to leave.
    pub fn come_back(&mut self) -> bool {
        if let Some(place) = self.trail.pop() {
            self.view = place.view;
            self.held = place.held;
            self.at_end = place.at_end;
            self.lay_out_again();
            return true;
        }
        let narrowed = !self.view.is_whole();
        if narrowed {
            self.look_at(View::default());
        }
        narrowed
    }

    /// Gives the whole window, up to the last answer of the SIEM.
    pub fn window(&self, now: DateTime<Utc>) -> Span {
        Span {
            from: now - Duration::hours(i64::from(self.window_hours.max(1))),
            until: now,
        }
    }

    /// Gives the part of the window that half as much, or twice as much, of is seen around the cursor.
    pub fn zoomed(&self, closer: bool, now: DateTime<Utc>) -> Option<Span> {
        let window = self.window(now);
        let span = self.view.span.unwrap_or(window);
        let length = if closer {
            (span.length() / 2).max(NARROWEST)
        } else {
            span.length() * 2
        };
        if length >= window.length() {
            return None;
        }
        let middle = self.cursor_time().unwrap_or(span.from + span.length() / 2);
        // Inside of the window: an event at its edge is not in the middle.
        let from = middle.checked_sub_signed(length / 2).unwrap_or(middle);
        let from = from.clamp(window.from, window.until - length + NARROWEST / 2);
        Some(Span {
            from,
            until: from + length,
        })
    }
}
