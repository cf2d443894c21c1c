//! The activity pane's state: events, findings, own actions on one list, and where the cursor stands.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::app::message::SearchEnd;
use crate::domain::containment::ledger::ActionView;
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::domain::ids::ActionId;
use crate::domain::likelihood::{Proposal, proposal};
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::Activity;
use crate::domain::timeline::finding::{
    Context, Finding, FindingKey, Tuning, detect, success_after,
};

/// Silence at least this long inside a burst gets a row of its own.
const SILENCE: Duration = Duration::hours(6);

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

/// One row of the event list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListRow {
    /// A new day begins (UTC).
    Day(NaiveDate),
    /// An event, by its index.
    Event(usize),
    /// A finding, by its index, under its deciding event.
    Finding(usize),
    /// Nothing happened for so long.
    Silence(Duration),
    /// An action of ours.
    Own(ActionId),
    /// The SIEM has more than were loaded.
    Truncated(usize),
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
        let anchor = self.rows.get(self.cursor).cloned();
        self.look(tuning, contained_since);
        self.rows = self.lay_out(own);
        let last = self.rows.len().saturating_sub(1);
        self.cursor = if self.at_end {
            last
        } else {
            anchor
                .and_then(|anchor| self.rows.iter().position(|row| *row == anchor))
                .unwrap_or(self.cursor)
                .min(last)
        };
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
            && self.loading.is_some()
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

    fn lay_out(&self, own: &[&ActionView]) -> Vec<ListRow> {
        let mut rows = Vec::with_capacity(self.activity.len() + 16);
        if self.ended.is_some_and(|end| end.truncated) {
            rows.push(ListRow::Truncated(self.activity.len()));
        }
        let mut own: Vec<(DateTime<Utc>, u32, &ActionId)> = own
            .iter()
            .filter_map(|action| Some((action.sent?, action.order, &action.aid)))
            .collect();
        own.sort();
        let mut own = own.into_iter().map(|(at, _, aid)| (at, aid)).peekable();
        let mut findings = self.findings.iter().enumerate().peekable();
        let mut before: Option<DateTime<Utc>> = None;
        let mut day: Option<NaiveDate> = None;
        let mut mark = |rows: &mut Vec<ListRow>, at: DateTime<Utc>| {
            if day != Some(at.date_naive()) {
                day = Some(at.date_naive());
                rows.push(ListRow::Day(at.date_naive()));
            }
        };
        for row in self.activity.rows() {
            while let Some((at, aid)) = own.next_if(|(at, _)| *at < row.at()) {
                mark(&mut rows, at);
                rows.push(ListRow::Own(aid.clone()));
            }
            if let Some(gap) = before
                .map(|before| row.at() - before)
                .filter(|gap| *gap >= SILENCE)
            {
                rows.push(ListRow::Silence(gap));
            }
            mark(&mut rows, row.at());
            rows.push(ListRow::Event(row.index()));
            while let Some((index, _)) = findings.next_if(|(_, f)| f.row == row.index()) {
                rows.push(ListRow::Finding(index));
            }
            before = Some(row.at());
        }
        for (at, aid) in own {
            mark(&mut rows, at);
            rows.push(ListRow::Own(aid.clone()));
        }
        rows
    }

    /// Moves the cursor to a row, as far as there are rows.
    pub fn move_to(&mut self, row: usize) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = row.min(last);
        self.at_end = self.cursor == last;
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
