//! Events of one user in columns, so that a hundred thousand of them stay small and fast to scan.
//!
//! Repeated text is stored once and named by a number; times are milliseconds since 1970 in UTC.

mod arrivals;
mod matching;
mod row;
mod symbols;
mod texts;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use self::texts::Texts;
use super::event::{Act, Category, Geo, Kind, Set, Signal};
pub use super::event::{Event, Outcome};
use super::lane::Lane;
use crate::domain::case::RecordFault;
use crate::domain::text::{Excerpt, Untrusted};
pub use arrivals::{Arrivals, Double};
pub use matching::Known;
pub use row::Row;
pub(super) use symbols::Symbols;

/// Names a repeated text inside one [`Activity`]; 0 is "nothing".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Sym(u32);

/// The fields of an event that are text, each one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Column {
    Id,
    Action,
    UserId,
    UserName,
    UserEmail,
    TargetId,
    TargetName,
    TargetEmail,
    Ip,
    Place,
    City,
    Country,
    CountryIso,
    Organization,
    Agent,
    Device,
    Session,
    Provider,
    Object,
    Reason,
}

/// How many columns of text there are.
const COLUMNS: usize = Column::Reason as usize + 1;

/// What of an event is not text.
#[derive(Clone, Copy, Debug)]
struct Fixed {
    /// Milliseconds since 1970; of an event without a time 0.
    at: i64,
    ingested: Option<i64>,
    untimed: bool,
    lane: Lane,
    act: Option<Act>,
    outcome: Outcome,
    category: Set<Category>,
    kind: Set<Kind>,
    signals: Set<Signal>,
    point: Option<(f32, f32)>,
    by_database: bool,
    system: Option<u32>,
    line: u32,
    source: &'static str,
}

/// The events of one user, oldest first, without doubles.
///
/// The columns only ever grow at their ends, in the order of arrival; what is oldest is said by `order` alone, so that a
/// page that comes late moves numbers and no text.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Places in the columns, oldest event first.
    order: Vec<u32>,
    fixed: Vec<Fixed>,
    cells: [Vec<Sym>; COLUMNS],
    raw: Vec<Excerpt>,
    texts: Texts,
    /// The place in words of a city and a country.
    places: HashMap<[Sym; 3], Sym>,
    seen: HashSet<Sym>,
    /// Records that could not be read.
    pub faults: Vec<RecordFault>,
}

impl Activity {
    /// Gives the number of events.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Tells whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Gives one row.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        let slot = *self.order.get(index)? as usize;
        Some(Row {
            activity: self,
            index,
            slot,
        })
    }

    /// Gives all rows, oldest first; events without a time come before all others.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        self.order.iter().enumerate().map(|(index, slot)| Row {
            activity: self,
            index,
            slot: *slot as usize,
        })
    }

    /// Finds the first row at or after a time.
    pub fn first_at_or_after(&self, at: DateTime<Utc>) -> usize {
        self.order.partition_point(|slot| {
            let row = &self.fixed[*slot as usize];
            row.untimed || row.at < at.timestamp_millis()
        })
    }

    /// Leaves rows out; gives for every row as it was its new index, where it is still there.
    pub fn retain(&mut self, keep: impl Fn(Row<'_>) -> bool) -> Vec<Option<usize>> {
        let kept: Vec<bool> = self.rows().map(keep).collect();
        let mut next = 0;
        let moved = kept.iter().map(|kept| {
            let index = next;
            next += usize::from(*kept);
            kept.then_some(index)
        });
        let moved = moved.collect();
        let mut kept = kept.into_iter();
        self.order.retain(|_| kept.next() == Some(true));
        moved
    }

    /// Adds a page of events: doubles (same `event.id`) are dropped, order is kept by time.
    ///
    /// Adding the same page twice, or two pages in either order, gives the same rows. Returns how many were new.
    pub fn merge(&mut self, page: impl IntoIterator<Item = Event>) -> usize {
        let before = self.fixed.len();
        for mut event in page {
            let id = self.texts.intern(std::mem::take(&mut event.id));
            if id != Sym::default() && !self.seen.insert(id) {
                continue;
            }
            self.push(id, event);
        }
        self.place(before);
        self.fixed.len() - before
    }

    /// Adds events of a file, whose doubles were told apart before: two records may carry one id there.
    pub fn extend(&mut self, events: impl IntoIterator<Item = Event>) {
        let before = self.fixed.len();
        for mut event in events {
            let id = self.texts.intern(std::mem::take(&mut event.id));
            self.push(id, event);
        }
        self.place(before);
    }

    fn push(&mut self, id: Sym, event: Event) {
        self.fixed.push(Fixed {
            at: event.at.timestamp_millis(),
            ingested: event.ingested.map(|at| at.timestamp_millis()),
            untimed: event.untimed,
            lane: event.lane,
            act: event.act,
            outcome: event.outcome,
            category: event.category,
            kind: event.kind,
            signals: event.signals,
            point: event.geo.point,
            by_database: event.geo.by_database,
            system: event.network.number,
            line: event.line,
            source: event.source,
        });
        let texts = &mut self.texts;
        let mut get =
            |text: Option<Untrusted>| text.map_or(Sym::default(), |text| texts.intern(text));
        let place = [
            get(event.geo.city),
            get(event.geo.country),
            get(event.geo.country_iso),
        ];
        let [city, country, country_iso] = place;
        let mut row = [
            id,
            get(Some(event.action)),
            get(event.user.id),
            get(event.user.name),
            get(event.user.email),
            get(event.target.id),
            get(event.target.name),
            get(event.target.email),
            get(event.ip),
            Sym::default(),
            city,
            country,
            country_iso,
            get(event.network.organization),
            get(event.agent),
            get(event.device),
            get(event.session),
            get(event.provider),
            get(event.object),
            get(event.reason),
        ];
        row[Column::Place as usize] = self.place_of(place);
        for (column, sym) in self.cells.iter_mut().zip(row) {
            column.push(sym);
        }
        self.raw.push(event.raw);
    }

    /// Gives the place in words, which is made once for each pair of city and country.
    fn place_of(&mut self, parts: [Sym; 3]) -> Sym {
        if let Some(known) = self.places.get(&parts) {
            return *known;
        }
        let [city, country, country_iso] = parts.map(|sym| self.texts.get(sym).cloned());
        let geo = Geo {
            city,
            country,
            country_iso,
            ..Geo::default()
        };
        let sym = self.texts.intern(geo.place().unwrap_or_default());
        self.places.insert(parts, sym);
        sym
    }

    /// Puts the rows from `first` on into the order of time, then of ids, so that the order of pages does not matter.
    fn place(&mut self, first: usize) {
        let ids = &self.cells[Column::Id as usize];
        let key = |slot: u32| {
            let slot = slot as usize;
            let fixed = &self.fixed[slot];
            (
                !fixed.untimed,
                fixed.at,
                self.texts.get(ids[slot]),
                fixed.line,
            )
        };
        let slot = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        let mut new: Vec<u32> = (slot(first)..slot(self.fixed.len())).collect();
        if !new.is_sorted_by(|a, b| key(*a) <= key(*b)) {
            new.sort_by(|a, b| key(*a).cmp(&key(*b)));
        }
        let Some(earliest) = new.first() else { return };
        // Only what is not older than the first new one has to move.
        let kept = self
            .order
            .partition_point(|slot| key(*slot) <= key(*earliest));
        let moved = self.order.split_off(kept);
        self.order.reserve(moved.len() + new.len());
        let mut new = new.into_iter().peekable();
        for old in moved {
            while let Some(before) = new.next_if(|new| key(*new) < key(old)) {
                self.order.push(before);
            }
            self.order.push(old);
        }
        self.order.extend(new);
    }

    fn text(&self, sym: Sym) -> Option<&Untrusted> {
        self.texts.get(sym)
    }
}
