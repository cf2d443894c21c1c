//! Events of one user in columns, so that a hundred thousand of them stay small and fast to scan.
//!
//! Repeated text is stored once and named by a number; times are milliseconds since 1970 in UTC.

mod matching;
mod symbols;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::event::{Act, Category, Kind, Network, Party, Set, Signal};
pub use super::event::{Event, Outcome};
use super::lane::Lane;
use crate::domain::case::RecordFault;
use crate::domain::text::Untrusted;
pub use matching::Known;
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
    system: Option<u32>,
    line: u32,
    source: &'static str,
}

/// One row, borrowed from the columns.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    activity: &'a Activity,
    index: usize,
}

/// The events of one user, oldest first, without doubles.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    fixed: Vec<Fixed>,
    columns: [Vec<Sym>; COLUMNS],
    raw: Vec<Untrusted>,
    texts: Vec<Untrusted>,
    known: HashMap<Untrusted, Sym>,
    seen: HashSet<Sym>,
    /// Records that could not be read.
    pub faults: Vec<RecordFault>,
}

impl Activity {
    /// Gives the number of events.
    pub fn len(&self) -> usize {
        self.fixed.len()
    }

    /// Tells whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.fixed.is_empty()
    }

    /// Gives one row.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        (index < self.len()).then_some(Row {
            activity: self,
            index,
        })
    }

    /// Gives all rows, oldest first; events without a time come before all others.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        (0..self.len()).map(|index| Row {
            activity: self,
            index,
        })
    }

    /// Finds the first row at or after a time.
    pub fn first_at_or_after(&self, at: DateTime<Utc>) -> usize {
        self.fixed
            .partition_point(|row| row.untimed || row.at < at.timestamp_millis())
    }

    /// Adds a page of events: doubles (same `event.id`) are dropped, order is kept by time.
    ///
    /// Adding the same page twice, or two pages in either order, gives the same rows. Returns how many were new.
    pub fn merge(&mut self, page: impl IntoIterator<Item = Event>) -> usize {
        let before = self.len();
        for event in page {
            let id = self.intern(Some(&event.id));
            if id != Sym::default() && !self.seen.insert(id) {
                continue;
            }
            self.push(id, event);
        }
        if self.len() > before {
            self.sort();
        }
        self.len() - before
    }

    /// Adds events of a file, whose doubles were told apart before: two records may carry one id there.
    pub fn extend(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            let id = self.intern(Some(&event.id));
            self.push(id, event);
        }
        self.sort();
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
            system: event.network.number,
            line: event.line,
            source: event.source,
        });
        let place = event.geo.place();
        let texts: [Option<&Untrusted>; COLUMNS] = [
            None,
            Some(&event.action),
            event.user.id.as_ref(),
            event.user.name.as_ref(),
            event.user.email.as_ref(),
            event.target.id.as_ref(),
            event.target.name.as_ref(),
            event.target.email.as_ref(),
            event.ip.as_ref(),
            place.as_ref(),
            event.geo.city.as_ref(),
            event.geo.country.as_ref(),
            event.geo.country_iso.as_ref(),
            event.network.organization.as_ref(),
            event.agent.as_ref(),
            event.device.as_ref(),
            event.session.as_ref(),
            event.provider.as_ref(),
            event.object.as_ref(),
            event.reason.as_ref(),
        ];
        let syms = texts.map(|text| self.intern(text));
        for (column, sym) in self.columns.iter_mut().zip(syms) {
            column.push(sym);
        }
        if let Some(own) = self.columns[Column::Id as usize].last_mut() {
            *own = id;
        }
        self.raw.push(event.raw);
    }

    /// Sorts by time, then by id, so that the order does not depend on the order of pages.
    fn sort(&mut self) {
        let ids = &self.columns[Column::Id as usize];
        let key = |i: usize| {
            let fixed = &self.fixed[i];
            (
                !fixed.untimed,
                fixed.at,
                self.texts.get(ids[i].0 as usize),
                fixed.line,
            )
        };
        if (1..self.len()).all(|i| key(i - 1) <= key(i)) {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|a, b| key(*a).cmp(&key(*b)));
        take(&mut self.fixed, &order);
        for column in &mut self.columns {
            take(column, &order);
        }
        take(&mut self.raw, &order);
    }

    fn intern(&mut self, text: Option<&Untrusted>) -> Sym {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Sym::default();
        };
        if self.texts.is_empty() {
            self.texts.push(Untrusted::default());
        }
        if let Some(sym) = self.known.get(text) {
            return *sym;
        }
        let sym = u32::try_from(self.texts.len()).map_or(Sym::default(), Sym);
        self.texts.push(text.clone());
        self.known.insert(text.clone(), sym);
        sym
    }

    fn text(&self, sym: Sym) -> Option<&Untrusted> {
        (sym != Sym::default())
            .then(|| self.texts.get(sym.0 as usize))
            .flatten()
    }
}

fn take<T: Clone>(column: &mut Vec<T>, order: &[usize]) {
    *column = order.iter().map(|i| column[*i].clone()).collect();
}

impl<'a> Row<'a> {
    fn fixed(&self) -> &'a Fixed {
        &self.activity.fixed[self.index]
    }

    fn text(&self, column: Column) -> Option<&'a Untrusted> {
        self.activity
            .text(self.activity.columns[column as usize][self.index])
    }

    /// Gives the place of the row among all rows.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Gives the time of the event; 1970 where it has none ([`Row::untimed`]).
    pub fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.fixed().at).unwrap_or_default()
    }

    /// Tells whether the event has no time.
    pub fn untimed(&self) -> bool {
        self.fixed().untimed
    }

    /// Gives when the SIEM had it.
    pub fn ingested(&self) -> Option<DateTime<Utc>> {
        self.fixed()
            .ingested
            .and_then(DateTime::from_timestamp_millis)
    }

    /// Gives the lane.
    pub fn lane(&self) -> Lane {
        self.fixed().lane
    }

    /// Gives what was done, in one word for every vendor.
    pub fn act(&self) -> Option<Act> {
        self.fixed().act
    }

    /// Gives the outcome.
    pub fn outcome(&self) -> Outcome {
        self.fixed().outcome
    }

    /// Gives `event.category`.
    pub fn category(&self) -> Set<Category> {
        self.fixed().category
    }

    /// Gives `event.type`.
    pub fn kind(&self) -> Set<Kind> {
        self.fixed().kind
    }

    /// Gives what else is known of source and way.
    pub fn signals(&self) -> Set<Signal> {
        self.fixed().signals
    }

    /// Gives latitude and longitude of the source, degrees.
    pub fn point(&self) -> Option<(f32, f32)> {
        self.fixed().point
    }

    /// Gives the line of the record in its file, from 1; 0 where there is no file.
    pub fn line(&self) -> u32 {
        self.fixed().line
    }

    /// Gives the key of the decoder that read it from a file; empty where there is no file.
    pub fn source(&self) -> &'static str {
        self.fixed().source
    }

    /// Gives `event.action`.
    pub fn action(&self) -> Option<&'a Untrusted> {
        self.text(Column::Action)
    }

    /// Gives `source.ip`, or `source.address` where it is no IP address.
    pub fn ip(&self) -> Option<&'a Untrusted> {
        self.text(Column::Ip)
    }

    /// Gives the place of the source in words.
    pub fn place(&self) -> Option<&'a Untrusted> {
        self.text(Column::Place)
    }

    /// Gives `source.geo.city_name`.
    pub fn city(&self) -> Option<&'a Untrusted> {
        self.text(Column::City)
    }

    /// Gives `source.geo.country_name` only.
    pub fn country_name(&self) -> Option<&'a Untrusted> {
        self.text(Column::Country)
    }

    /// Gives `source.geo.country_name`, else the code.
    pub fn country(&self) -> Option<&'a Untrusted> {
        self.text(Column::Country).or_else(|| self.country_iso())
    }

    /// Gives `source.geo.country_iso_code`.
    pub fn country_iso(&self) -> Option<&'a Untrusted> {
        self.text(Column::CountryIso)
    }

    /// Gives the autonomous system of the source.
    pub fn network(&self) -> Network {
        Network {
            number: self.fixed().system,
            organization: self.text(Column::Organization).cloned(),
        }
    }

    /// Gives `user_agent.original`.
    pub fn agent(&self) -> Option<&'a Untrusted> {
        self.text(Column::Agent)
    }

    /// Gives `device.id`.
    pub fn device(&self) -> Option<&'a Untrusted> {
        self.text(Column::Device)
    }

    /// Gives the session.
    pub fn session(&self) -> Option<&'a Untrusted> {
        self.text(Column::Session)
    }

    /// Gives `event.provider`.
    pub fn provider(&self) -> Option<&'a Untrusted> {
        self.text(Column::Provider)
    }

    /// Gives what it was done to.
    pub fn object(&self) -> Option<&'a Untrusted> {
        self.text(Column::Object)
    }

    /// Gives the reason or message.
    pub fn reason(&self) -> Option<&'a Untrusted> {
        self.text(Column::Reason)
    }

    /// Gives `user.name` of the actor.
    pub fn user_name(&self) -> Option<&'a Untrusted> {
        self.text(Column::UserName)
    }

    /// Gives who acted.
    pub fn user(&self) -> Party {
        Party {
            id: self.text(Column::UserId).cloned(),
            name: self.text(Column::UserName).cloned(),
            email: self.text(Column::UserEmail).cloned(),
        }
    }

    /// Gives whose account it was done to.
    pub fn target(&self) -> Party {
        Party {
            id: self.text(Column::TargetId).cloned(),
            name: self.text(Column::TargetName).cloned(),
            email: self.text(Column::TargetEmail).cloned(),
        }
    }

    /// Gives `event.id`.
    pub fn id(&self) -> Option<&'a Untrusted> {
        self.text(Column::Id)
    }

    /// Gives the record as it came.
    pub fn raw(&self) -> &'a Untrusted {
        &self.activity.raw[self.index]
    }
}
