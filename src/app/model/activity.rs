//! The activity pane's state: events, findings, own actions on one list, and where the cursor stands.

pub mod asking;
mod rows;
mod view;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::app::message::SearchEnd;
use crate::domain::containment::ledger::ActionView;
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::domain::ids::ActionId;
use crate::domain::likelihood::{Proposal, proposal};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::Activity;
use crate::domain::timeline::annotation::Annotations;
use crate::domain::timeline::finding::{
    Context, Finding, FindingKey, Tuning, detect, success_after,
};
use crate::domain::timeline::summary::Summary;

pub use rows::{Deed, DeedKind, ListRow, SourceSeen};
pub use view::{Span, View};

/// Up to so many events every page is looked at.
const LOOK_ALWAYS: usize = 4_096;

/// Up to where events were looked at for what is odd.
#[derive(Clone, Debug, Default)]
struct Looked {
    /// How many events there were when the rules last ran.
    real: usize,
    /// To how many events the rows of the findings belong.
    len: usize,
    first: Option<Untrusted>,
    last: Option<Untrusted>,
    contained_since: Option<DateTime<Utc>>,
}

impl Looked {
    fn at(activity: &Activity, contained_since: Option<DateTime<Utc>>) -> Self {
        let len = activity.len();
        Self {
            real: len,
            len,
            first: id(activity, 0),
            last: id(activity, len.saturating_sub(1)),
            contained_since,
        }
    }

    /// Tells by how much the rows moved, where all that is new came before or after them.
    fn shift(&self, activity: &Activity) -> Option<usize> {
        let more = activity.len().checked_sub(self.len)?;
        let known = self.first.is_some() && self.last.is_some();
        [0, more].into_iter().find(|shift| {
            known
                && id(activity, *shift) == self.first
                && id(activity, shift + self.len.saturating_sub(1)) == self.last
        })
    }
}

fn id(activity: &Activity, row: usize) -> Option<Untrusted> {
    activity.row(row).and_then(|row| row.id()).cloned()
}

/// The activity pane.
#[derive(Clone, Debug, Default)]
pub struct ActivityPane {
    /// Number of the search it shows.
    pub search: u64,
    /// Window in hours.
    pub window_hours: u32,
    /// Since when it is loading; `None` when it is not.
    pub loading: Option<Moment>,
    /// The events.
    pub activity: Activity,
    /// What is odd.
    pub findings: Vec<Finding>,
    /// Those of them that somebody said mean nothing, with the reason.
    pub dismissed: BTreeMap<FindingKey, Untrusted>,
    /// Up to where the events were looked at.
    looked: Looked,
    /// How the first load ended.
    pub ended: Option<SearchEnd>,
    /// When the SIEM last answered about this user.
    pub heard: Option<Moment>,
    /// Why it last failed to answer.
    pub fault: Option<Fault>,
    /// Since when events were asked for.
    pub since: Option<DateTime<Utc>>,
    /// Every name of the account it is about.
    pub names: Vec<Untrusted>,
    /// The activity in numbers.
    pub summary: Summary,
    /// What people said of its events.
    pub said: Annotations,
    /// What was done in the case beside actions, in the order of time.
    pub deeds: Vec<Deed>,
    /// Sources of the SIEM, as they were when they were last looked at.
    pub sources: Vec<SourceSeen>,
    /// Those of them that have been silent for too long.
    pub unheard: Vec<SourceSeen>,
    /// Since when an older slice is being loaded.
    pub slicing: Option<Moment>,
    /// How many older slices were loaded.
    pub slices: u32,
    /// The question about other users that is open: its number, and the heading of its answer.
    pub asked: Option<(u64, Safe)>,
    /// What is looked at.
    pub view: View,
    /// Where Esc leads back to.
    trail: Vec<view::Place>,
    /// The events that pass the filter; `None` without one.
    hits: Option<Vec<usize>>,
    /// Our actions: when, which of its plan, its id.
    own: Vec<(DateTime<Utc>, u32, ActionId)>,
    /// What the cursor stands on.
    held: Option<view::Held>,
    /// Rows of the list, oldest first.
    pub rows: Vec<ListRow>,
    /// Row under the cursor.
    pub cursor: usize,
    /// Whether the cursor stays on the last row as rows come.
    pub at_end: bool,
}

impl ActivityPane {
    /// Starts a new search.
    pub fn begin(search: u64, window_hours: u32, now: Moment) -> Self {
        Self {
            search,
            window_hours,
            loading: Some(now),
            since: now
                .utc
                .checked_sub_signed(Duration::hours(i64::from(window_hours))),
            at_end: true,
            ..Self::default()
        }
    }

    /// Takes what was found in more events than are shown.
    pub fn told(&mut self, findings: Vec<Finding>) {
        self.findings = findings;
        self.looked = Looked::at(&self.activity, None);
    }

    /// Tells whether the account had a success after a time.
    pub fn success_after(&self, since: DateTime<Utc>) -> bool {
        success_after(&self.activity, since).is_some()
    }

    /// Finds anew what is odd and lays the rows out anew; the cursor stays on its row.
    pub fn refresh(
        &mut self,
        tuning: &Tuning,
        own: &[&ActionView],
        contained_since: Option<DateTime<Utc>>,
    ) {
        self.look(tuning, contained_since);
        self.own = own
            .iter()
            .filter_map(|action| Some((action.sent?, action.order, action.aid.clone())))
            .collect();
        self.own.sort();
        self.lay_out_again();
    }

    /// Lays the rows out for what is looked at now.
    fn lay_out_again(&mut self) {
        let filter = &self.view.filter;
        self.hits = (!filter.is_empty()).then(|| self.activity.select(filter, self.known()));
        self.rows = self.lay_out();
        let last = self.rows.len().saturating_sub(1);
        let found = self.find_held();
        self.cursor = match found {
            _ if self.at_end => last,
            Some((row, _)) => row.min(last),
            // What it stood on is later than everything that is seen.
            None if self.held.is_some() => last,
            None => self.cursor.min(last),
        };
        // What is only hidden for now, as while a filter is typed, is found again when it comes back.
        let is_hidden = self.held.is_some() && found.is_none_or(|(_, same)| !same);
        if self.at_end || !is_hidden {
            self.hold();
        }
    }

    /// Tells whether an event passes the filter.
    pub fn is_hit(&self, index: usize) -> bool {
        let hits = self.hits.as_ref();
        hits.is_none_or(|hits| hits.binary_search(&index).is_ok())
    }

    /// Gives how many events are looked at.
    pub fn hits(&self) -> usize {
        self.hits.as_ref().map_or(self.activity.len(), Vec::len)
    }

    /// Looks for what is odd. While pages still come, only after a good part more has come: looking after every page
    /// would take the square of the number of events.
    fn look(&mut self, tuning: &Tuning, contained_since: Option<DateTime<Utc>>) {
        let len = self.activity.len();
        let same = self.looked.contained_since == contained_since;
        if same && self.looked.len == len && len > 0 {
            return;
        }
        let few = len > LOOK_ALWAYS && len - self.looked.real.min(len) < self.looked.real / 4;
        if same
            && few
            && (self.loading.is_some() || self.slicing.is_some())
            && let Some(shift) = self.looked.shift(&self.activity)
        {
            for finding in &mut self.findings {
                finding.row += shift;
                finding.evidence.iter_mut().for_each(|row| *row += shift);
            }
            self.looked = Looked {
                real: self.looked.real,
                ..Looked::at(&self.activity, contained_since)
            };
            return;
        }
        let context = Context {
            subject: None,
            contained_since,
        };
        self.findings = detect(&self.activity, tuning, &context);
        self.summary = Summary::of(&self.activity, &self.names);
        self.looked = Looked::at(&self.activity, contained_since);
    }

    /// Gives why a finding was dismissed, if it was.
    pub fn dismissal(&self, finding: &Finding) -> Option<&Untrusted> {
        if self.dismissed.is_empty() {
            return None;
        }
        self.dismissed.get(&finding.key(&self.activity))
    }

    /// Gives the findings that count.
    pub fn standing_findings(&self) -> impl Iterator<Item = &Finding> {
        let counts = |finding: &&Finding| self.dismissal(finding).is_none();
        self.findings.iter().filter(counts)
    }

    /// Proposes how likely a compromise is; `None` before there are events.
    pub fn proposal(&self) -> Option<Proposal> {
        (!self.activity.is_empty()).then(|| proposal(self.standing_findings()))
    }

    /// Moves the cursor to a row, as far as there are rows.
    pub fn move_to(&mut self, row: usize) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = row.min(last);
        self.at_end = self.cursor == last;
        self.hold();
    }

    /// Moves to the next finding, or the one before.
    pub fn seek_finding(&mut self, forward: bool) {
        let is_finding = |row: &ListRow| matches!(row, ListRow::Finding(_));
        let found = if forward {
            self.rows
                .iter()
                .enumerate()
                .skip(self.cursor + 1)
                .find(|(_, r)| is_finding(r))
        } else {
            self.rows
                .iter()
                .enumerate()
                .take(self.cursor)
                .rev()
                .find(|(_, r)| is_finding(r))
        }
        .or_else(|| {
            // Past the last one it starts over, so that one key always leads to a finding.
            let mut all = self.rows.iter().enumerate().filter(|(_, r)| is_finding(r));
            if forward { all.next() } else { all.next_back() }
        })
        .map(|(index, _)| index);
        if let Some(index) = found {
            self.move_to(index);
        }
    }
}
