//! Events of one user in columns, so that a hundred thousand of them stay small and fast to scan.
//!
//! Repeated text is stored once and named by a number; times are milliseconds since 1970 in UTC.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::lane::Lane;
use crate::domain::case::RecordFault;
use crate::domain::text::Untrusted;

/// How an event ended (ECS `event.outcome`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// It worked.
    Success,
    /// It did not.
    Failure,
    /// Not said.
    #[default]
    Unknown,
}

impl Outcome {
    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "ok",
            Self::Failure => "FAIL",
            Self::Unknown => "-",
        }
    }
}

/// One event as a connector hands it over, with ECS names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `event.id`: identity across pages and polls.
    pub id: Untrusted,
    /// `@timestamp`.
    pub at: DateTime<Utc>,
    /// `event.ingested`, when the SIEM had it.
    pub ingested: Option<DateTime<Utc>>,
    /// Lane it belongs to.
    pub lane: Lane,
    /// `event.action`.
    pub action: Untrusted,
    /// `event.outcome`.
    pub outcome: Outcome,
    /// `user.id` of the actor.
    pub user_id: Option<Untrusted>,
    /// `user.name` of the actor.
    pub user_name: Option<Untrusted>,
    /// `source.ip`.
    pub ip: Option<Untrusted>,
    /// City and country of the source, as the SIEM has them.
    pub place: Option<Untrusted>,
    /// `user_agent.original`.
    pub agent: Option<Untrusted>,
    /// `event.provider`.
    pub provider: Option<Untrusted>,
    /// What it was done to: a file, a host, an application, a factor.
    pub object: Option<Untrusted>,
    /// `event.reason` or `message`.
    pub reason: Option<Untrusted>,
    /// The record as it came, for `Enter`.
    pub raw: Untrusted,
}

/// Names a repeated text inside one [`Activity`]; 0 is "nothing".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Sym(u32);

/// One row, borrowed from the columns.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    activity: &'a Activity,
    index: usize,
}

/// The events of one user, oldest first, without doubles.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    at: Vec<i64>,
    lane: Vec<Lane>,
    outcome: Vec<Outcome>,
    action: Vec<Sym>,
    ip: Vec<Sym>,
    place: Vec<Sym>,
    agent: Vec<Sym>,
    provider: Vec<Sym>,
    object: Vec<Sym>,
    reason: Vec<Sym>,
    user_name: Vec<Sym>,
    id: Vec<Sym>,
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
        self.at.len()
    }

    /// Tells whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Gives one row.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        (index < self.len()).then_some(Row {
            activity: self,
            index,
        })
    }

    /// Gives all rows, oldest first.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        (0..self.len()).map(|index| Row {
            activity: self,
            index,
        })
    }

    /// Finds the first row at or after a time.
    pub fn first_at_or_after(&self, at: DateTime<Utc>) -> usize {
        self.at.partition_point(|ms| *ms < at.timestamp_millis())
    }

    /// Adds a page of events: doubles (same `event.id`) are dropped, order is kept by time.
    ///
    /// Adding the same page twice, or two pages in either order, gives the same rows. Returns how many were new.
    pub fn merge(&mut self, page: impl IntoIterator<Item = Event>) -> usize {
        let before = self.len();
        let mut sorted = true;
        for event in page {
            let id = self.intern(Some(&event.id));
            if id != Sym::default() && !self.seen.insert(id) {
                continue;
            }
            let ms = event.at.timestamp_millis();
            sorted &= self.at.last().is_none_or(|last| *last <= ms);
            self.push(ms, id, event);
        }
        if !sorted || self.len() > before {
            self.sort();
        }
        self.len() - before
    }

    fn push(&mut self, ms: i64, id: Sym, event: Event) {
        self.at.push(ms);
        self.lane.push(event.lane);
        self.outcome.push(event.outcome);
        self.id.push(id);
        let action = self.intern(Some(&event.action));
        self.action.push(action);
        let ip = self.intern(event.ip.as_ref());
        self.ip.push(ip);
        let place = self.intern(event.place.as_ref());
        self.place.push(place);
        let agent = self.intern(event.agent.as_ref());
        self.agent.push(agent);
        let provider = self.intern(event.provider.as_ref());
        self.provider.push(provider);
        let object = self.intern(event.object.as_ref());
        self.object.push(object);
        let reason = self.intern(event.reason.as_ref());
        self.reason.push(reason);
        let user_name = self.intern(event.user_name.as_ref());
        self.user_name.push(user_name);
        self.raw.push(event.raw);
    }

    /// Sorts by time, then by id, so that the order does not depend on the order of pages.
    fn sort(&mut self) {
        let key = |i: usize| (self.at[i], self.texts.get(self.id[i].0 as usize));
        if (1..self.len()).all(|i| key(i - 1) <= key(i)) {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|a, b| key(*a).cmp(&key(*b)));
        take(&mut self.at, &order);
        take(&mut self.lane, &order);
        take(&mut self.outcome, &order);
        for column in [
            &mut self.action,
            &mut self.ip,
            &mut self.place,
            &mut self.agent,
            &mut self.provider,
            &mut self.object,
            &mut self.reason,
            &mut self.user_name,
            &mut self.id,
        ] {
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
    /// Gives the place of the row among all rows.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Gives the time of the event.
    pub fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.activity.at[self.index]).unwrap_or_default()
    }

    /// Gives the lane.
    pub fn lane(&self) -> Lane {
        self.activity.lane[self.index]
    }

    /// Gives the outcome.
    pub fn outcome(&self) -> Outcome {
        self.activity.outcome[self.index]
    }

    /// Gives `event.action`.
    pub fn action(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.action[self.index])
    }

    /// Gives `source.ip`.
    pub fn ip(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.ip[self.index])
    }

    /// Gives the place of the source.
    pub fn place(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.place[self.index])
    }

    /// Gives `user_agent.original`.
    pub fn agent(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.agent[self.index])
    }

    /// Gives `event.provider`.
    pub fn provider(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.provider[self.index])
    }

    /// Gives what it was done to.
    pub fn object(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.object[self.index])
    }

    /// Gives the reason or message.
    pub fn reason(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.reason[self.index])
    }

    /// Gives `user.name` of the actor.
    pub fn user_name(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.user_name[self.index])
    }

    /// Gives `event.id`.
    pub fn id(&self) -> Option<&'a Untrusted> {
        self.activity.text(self.activity.id[self.index])
    }

    /// Gives the record as it came.
    pub fn raw(&self) -> &'a Untrusted {
        &self.activity.raw[self.index]
    }
}
