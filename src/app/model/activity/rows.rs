//! The rows of the list of events: events, findings and what was said under them, days, silences, own deeds.
//!
//! What must not live here: what is odd, and what is drawn of a row.

use std::iter::Peekable;
use std::vec::IntoIter;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::ActivityPane;
use crate::domain::ids::ActionId;
use crate::domain::text::{Safe, Untrusted};

/// Silence at least this long gets a row of its own.
const SILENCE: Duration = Duration::hours(6);

/// One row of the event list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListRow {
    /// A new day begins (UTC).
    Day(NaiveDate),
    /// An event, by its index.
    Event(usize),
    /// A finding, by its index, under its deciding event.
    Finding(usize),
    /// What was said of the event with this index, under it.
    Said(usize),
    /// Nothing happened for so long.
    Silence(Duration),
    /// An action of ours.
    Own(ActionId),
    /// Something else that was done or typed in here; ticks that follow each other are one row.
    Deeds {
        /// Index of the first.
        first: usize,
        /// How many.
        count: usize,
    },
    /// The SIEM has more than were loaded.
    Truncated(usize),
    /// A source of the SIEM that has been silent for too long, by its index: of nobody there is anything.
    Unheard(usize),
}

/// What kind of thing was done here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeedKind {
    /// A step of a checklist.
    Tick,
    /// A decision, a judgement, a comment that went into the case.
    Decision,
    /// An event that was typed in, by its key.
    Manual(Untrusted),
}

/// Something that was done in the case beside actions on the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: the OS user, or `quell` where evidence did it.
    pub by: Untrusted,
    /// What kind.
    pub kind: DeedKind,
    /// What.
    pub what: Safe,
}

/// A source of the SIEM and when its newest record is from, whoever it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSeen {
    /// Its name there.
    pub name: Untrusted,
    /// When its newest record is from; `None` where there is none.
    pub at: Option<DateTime<Utc>>,
}

/// The rows as they grow.
struct Laying<'a> {
    rows: Vec<ListRow>,
    day: Option<NaiveDate>,
    deeds: &'a [Deed],
    own: Peekable<IntoIter<(DateTime<Utc>, ListRow)>>,
}

impl Laying<'_> {
    fn push(&mut self, at: DateTime<Utc>, row: ListRow) {
        if self.day != Some(at.date_naive()) {
            self.day = Some(at.date_naive());
            self.rows.push(ListRow::Day(at.date_naive()));
        }
        match (self.rows.last_mut(), row) {
            // Ticks that follow each other are one row.
            (Some(ListRow::Deeds { first, count }), ListRow::Deeds { first: next, .. })
                if *first + *count == next && are_ticks(self.deeds, [*first, next]) =>
            {
                *count += 1;
            }
            (_, row) => self.rows.push(row),
        }
    }

    /// Puts the own deeds before a time into their places.
    fn own_before(&mut self, until: Option<DateTime<Utc>>) {
        while let Some((at, row)) = self
            .own
            .next_if(|(at, _)| until.is_none_or(|until| *at < until))
        {
            self.push(at, row);
        }
    }
}

/// Tells whether two deeds are both ticks.
fn are_ticks(deeds: &[Deed], both: [usize; 2]) -> bool {
    both.into_iter().all(|index| {
        let deed = deeds.get(index);
        deed.is_some_and(|deed| deed.kind == DeedKind::Tick)
    })
}

impl ActivityPane {
    /// Lays the rows out for what is looked at.
    pub(super) fn lay_out(&self) -> Vec<ListRow> {
        let span = self.view.span;
        let seen = |at: DateTime<Utc>| span.is_none_or(|span| span.contains(at));
        let is_filtered = !self.view.filter.is_empty();
        let mut laying = Laying {
            rows: Vec::with_capacity(self.hits.as_ref().map_or(self.activity.len(), Vec::len) + 16),
            day: None,
            deeds: &self.deeds,
            own: self.own_rows(is_filtered, seen).into_iter().peekable(),
        };
        let is_cut = self.ended.is_some_and(|end| end.truncated);
        if is_cut {
            laying.rows.push(ListRow::Truncated(self.activity.len()));
        }
        // Under a filter the others are not silent, they are only not shown.
        let silences = !is_filtered && span.is_none() && !self.activity.is_empty();
        let mut before = (self.ended.is_some() && !is_cut)
            .then_some(())
            .and(self.since);
        let mut findings = self.findings.iter().enumerate().peekable();
        let rows: &mut dyn Iterator<Item = usize> = match &self.hits {
            Some(hits) => &mut hits.iter().copied(),
            None => &mut (0..self.activity.len()),
        };
        for row in rows.filter_map(|index| self.activity.row(index)) {
            if span.is_some() && (row.untimed() || !seen(row.at())) {
                continue;
            }
            let silent = before.map(|before| row.at() - before);
            laying.own_before(Some(row.at()));
            if let Some(gap) = silent.filter(|gap| silences && !row.untimed() && *gap >= SILENCE) {
                laying.rows.push(ListRow::Silence(gap));
            }
            laying.push(row.at(), ListRow::Event(row.index()));
            // What people said stands next to its event, also where many findings follow.
            if !self.said.is_empty() && self.said.of(&row.key()).is_some() {
                laying.rows.push(ListRow::Said(row.index()));
            }
            while findings.next_if(|(_, f)| f.row < row.index()).is_some() {}
            while let Some((index, _)) = findings.next_if(|(_, f)| f.row == row.index()) {
                laying.rows.push(ListRow::Finding(index));
            }
            if !row.untimed() {
                before = Some(row.at());
            }
        }
        laying.own_before(None);
        let until_now = before.zip(self.heard).map(|(before, now)| now.utc - before);
        if let Some(gap) = until_now.filter(|gap| silences && *gap >= SILENCE) {
            laying.rows.push(ListRow::Silence(gap));
        }
        let mut rows = laying.rows;
        if !is_filtered && span.is_none() {
            rows.extend((0..self.unheard.len()).map(ListRow::Unheard));
        }
        rows
    }

    /// Gives actions and deeds of ours in the order of time; they are no events, so a filter leaves them out.
    fn own_rows(
        &self,
        is_filtered: bool,
        seen: impl Fn(DateTime<Utc>) -> bool,
    ) -> Vec<(DateTime<Utc>, ListRow)> {
        if is_filtered {
            return Vec::new();
        }
        let actions = self
            .own
            .iter()
            .map(|(at, order, aid)| (*at, *order as usize, ListRow::Own(aid.clone())));
        let deeds = self.deeds.iter().zip(0..).map(|(deed, first)| {
            let row = ListRow::Deeds { first, count: 1 };
            (deed.at, first, row)
        });
        let mut all: Vec<(DateTime<Utc>, usize, ListRow)> =
            actions.chain(deeds).filter(|(at, ..)| seen(*at)).collect();
        all.sort_by_key(|(at, order, _)| (*at, *order));
        all.into_iter().map(|(at, _, row)| (at, row)).collect()
    }
}
