//! The case queue: rows in their rank, a filter, and a cursor that stays on its case whatever a poll brings.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::filter::{Filter, Known};
use crate::domain::case::{Case, Subject};
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::severity::Severity;
use crate::domain::text::Untrusted;

/// What the rows are ordered by; open cases come before closed ones in every order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The worst first, of the same the newest.
    #[default]
    Severity,
    /// What must be claimed soonest first; then what has an owner or no deadline.
    Deadline,
    /// The oldest first.
    Age,
    /// What changed last first.
    Changed,
}

impl Order {
    /// Gives the order after this one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Severity => Self::Deadline,
            Self::Deadline => Self::Age,
            Self::Age => Self::Changed,
            Self::Changed => Self::Severity,
        }
    }

    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Severity => "by severity",
            Self::Deadline => "by deadline",
            Self::Age => "oldest first",
            Self::Changed => "last changed first",
        }
    }
}

/// Whether a row is new or changed since the analyst last stood on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    New,
    /// Something about it changed.
    Changed,
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    cases: Vec<Case>,
    shown: Vec<usize>,
    cursor: Option<CaseId>,
    filter: String,
    parsed: Filter,
    order: Order,
    sla: BTreeMap<Severity, TimeDelta>,
    snoozed: BTreeSet<CaseId>,
    marked: BTreeSet<CaseId>,
    me: Option<Untrusted>,
    /// What was changed from here since the last list came.
    changed: BTreeSet<CaseId>,
    /// Marks of rows.
    pub changes: BTreeMap<CaseId, Change>,
    /// Whom each case is about, as far as it is known.
    pub subjects: BTreeMap<CaseId, Subject>,
    /// Whether the vendor has more cases than were asked for.
    pub truncated: bool,
    /// Whether any answer has come yet.
    pub heard: bool,
}

impl Queue {
    /// Takes what a poll brought: ranks it, marks what is new or changed, keeps the cursor on its case.
    pub fn take(&mut self, mut cases: Vec<Case>) {
        let old_place = self.cursor_index();
        // A case that the answer holds twice is one row, or the cursor could not pass it.
        let mut ids = HashSet::with_capacity(cases.len());
        cases.retain(|case| ids.insert(case.id.clone()));
        let known: HashMap<&CaseId, &Case> =
            self.cases.iter().map(|case| (&case.id, case)).collect();
        for case in &cases {
            match known.get(&case.id).copied() {
                None if self.heard => {
                    self.changes.insert(case.id.clone(), Change::New);
                }
                Some(old) if old != case => {
                    self.changes
                        .entry(case.id.clone())
                        .or_insert(Change::Changed);
                }
                _ => {}
            }
        }
        self.changes.retain(|id, _| ids.contains(id));
        self.subjects.retain(|id, _| ids.contains(id));
        self.marked.retain(|id| ids.contains(id));
        self.cases = cases;
        self.heard = true;
        self.rank();
        self.refilter(old_place);
    }

    /// Puts what was read right after a change from here in place of what a list says that was asked for before it.
    pub fn correct(&mut self, source: &ConnectionName, cases: &mut [Case]) {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let (ours, others): (BTreeSet<CaseId>, BTreeSet<CaseId>) =
            changed.partition(|id| id.connection == *source);
        // The list of one case system says nothing of another's.
        self.changed = others;
        for id in ours {
            let Some(known) = self.case(&id) else {
                continue;
            };
            let listed = cases.iter_mut().find(|case| case.id == id);
            // Once: a list that is asked for from now on is believed whatever its times.
            if let Some(listed) = listed.filter(|listed| listed.updated < known.updated) {
                *listed = known.clone();
            }
        }
    }

    /// Takes one case as it was just read, without waiting for the next poll; nothing where it is not in the queue.
    pub fn replace(&mut self, case: Case) {
        let old_place = self.cursor_index();
        if let Some(known) = self.cases.iter_mut().find(|known| known.id == case.id) {
            self.changed.insert(case.id.clone());
            *known = case;
            self.rank();
            self.refilter(old_place);
        }
    }

    fn rank(&mut self) {
        let (order, sla) = (self.order, &self.sla);
        let mut cases = std::mem::take(&mut self.cases);
        cases.sort_by_cached_key(|case| {
            let open = !case.status.is_open();
            let worst = Reverse(case.severity);
            // Numbers of seconds, the smaller the sooner.
            let first = match order {
                Order::Severity => 0,
                Order::Deadline => deadline_of(sla, case).map_or(i64::MAX, |at| at.timestamp()),
                Order::Age => case.created.timestamp(),
                Order::Changed => -case.updated.unwrap_or(case.created).timestamp(),
            };
            (open, first, worst, Reverse(case.created), case.id.clone())
        });
        self.cases = cases;
    }

    fn refilter(&mut self, old_place: Option<usize>) {
        self.shown = (0..self.cases.len())
            .filter(|index| self.matches(*index))
            .collect();
        if self.cursor_index().is_none() {
            let place = old_place
                .unwrap_or(0)
                .min(self.shown.len().saturating_sub(1));
            self.cursor = self
                .shown
                .get(place)
                .map(|index| self.cases[*index].id.clone());
        }
    }

    fn matches(&self, index: usize) -> bool {
        let case = &self.cases[index];
        let snoozed = self.snoozed.contains(&case.id);
        if snoozed && !self.parsed.wants_snoozed() {
            return false;
        }
        let known = Known {
            subject: self.subjects.get(&case.id),
            me: self.me.as_ref(),
            snoozed,
            marked: self.marked.contains(&case.id),
        };
        self.parsed.passes(case, known)
    }

    /// Gives until when a case wants an owner; `None` once it has one, is closed, or no deadline is configured.
    pub fn deadline(&self, case: &Case) -> Option<DateTime<Utc>> {
        deadline_of(&self.sla, case)
    }

    /// Sets the deadlines by severity.
    pub fn set_sla(&mut self, sla: BTreeMap<Severity, TimeDelta>) {
        self.sla = sla;
    }

    /// Sets whose console it is, for `owner:me`.
    pub fn set_operator(&mut self, me: Option<Untrusted>) {
        let place = self.cursor_index();
        self.me = me;
        self.refilter(place);
    }

    /// Gives the order of the rows.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Sets the order of the rows; the cursor stays on its case.
    pub fn set_order(&mut self, order: Order) {
        let place = self.cursor_index();
        self.order = order;
        self.rank();
        self.refilter(place);
    }

    /// Sets which cases are not shown for a while.
    pub fn set_snoozed(&mut self, snoozed: BTreeSet<CaseId>) {
        if snoozed != self.snoozed {
            let place = self.cursor_index();
            self.snoozed = snoozed;
            self.refilter(place);
        }
    }

    /// Counts the open cases that are not shown for a while.
    pub fn snoozed_count(&self) -> usize {
        let hidden = |case: &&Case| case.status.is_open() && self.snoozed.contains(&case.id);
        self.cases.iter().filter(hidden).count()
    }

    /// Tells whether a case is not shown for a while.
    pub fn is_snoozed(&self, id: &CaseId) -> bool {
        self.snoozed.contains(id)
    }

    /// Marks the case under the cursor or takes its mark away, and goes one row on.
    pub fn mark(&mut self) {
        let (Some(place), Some(id)) = (self.cursor_index(), self.cursor.clone()) else {
            return;
        };
        if !self.marked.remove(&id) {
            self.marked.insert(id);
        }
        self.move_to(place + 1);
    }

    /// Takes all marks away; tells whether there were any.
    pub fn unmark(&mut self) -> bool {
        let place = self.cursor_index();
        let any = !self.marked.is_empty();
        self.marked.clear();
        self.refilter(place);
        any
    }

    /// Tells whether a case is marked.
    pub fn is_marked(&self, id: &CaseId) -> bool {
        self.marked.contains(id)
    }

    /// Lists the marked cases in their rank.
    pub fn marked(&self) -> Vec<&Case> {
        let marked = |case: &&Case| self.marked.contains(&case.id);
        self.cases.iter().filter(marked).collect()
    }

    /// Gives a case by its id.
    pub fn case(&self, id: &CaseId) -> Option<&Case> {
        self.cases.iter().find(|case| case.id == *id)
    }

    /// Gives all cases in their rank.
    pub fn all(&self) -> &[Case] {
        &self.cases
    }

    /// Gives the number of rows the filter lets through.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Tells whether the filter lets nothing through.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Gives the row at a place among those shown.
    pub fn row(&self, place: usize) -> Option<&Case> {
        self.shown
            .get(place)
            .and_then(|index| self.cases.get(*index))
    }

    /// Gives the number of open cases.
    pub fn open_count(&self) -> usize {
        self.cases
            .iter()
            .filter(|case| case.status.is_open())
            .count()
    }

    /// Gives the place of the cursor among the rows shown.
    pub fn cursor_index(&self) -> Option<usize> {
        let cursor = self.cursor.as_ref()?;
        self.shown
            .iter()
            .position(|index| self.cases[*index].id == *cursor)
    }

    /// Gives the case under the cursor.
    pub fn selected(&self) -> Option<&Case> {
        self.row(self.cursor_index()?)
    }

    /// Moves the cursor to a place, as far as there are rows.
    pub fn move_to(&mut self, place: usize) {
        let place = place.min(self.shown.len().saturating_sub(1));
        if let Some(id) = self.row(place).map(|case| case.id.clone()) {
            self.changes.remove(&id);
            self.cursor = Some(id);
        }
    }

    /// Gives the filter as typed.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Sets the filter.
    pub fn set_filter(&mut self, filter: String) {
        let place = self.cursor_index();
        self.parsed = Filter::parse(&filter);
        self.filter = filter;
        self.refilter(place);
    }

    /// Gives the word of the filter that means nothing, if there is one.
    pub fn wrong_word(&self) -> Option<&str> {
        self.parsed.wrong.as_deref()
    }
}

fn deadline_of(sla: &BTreeMap<Severity, TimeDelta>, case: &Case) -> Option<DateTime<Utc>> {
    if case.assignee.is_some() || !case.status.is_open() {
        return None;
    }
    case.created.checked_add_signed(*sla.get(&case.severity)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::containment::samples;
    use crate::domain::severity::CaseStatus;

    fn case(number: u8, severity: Severity, title: u8) -> Case {
        Case {
            id: CaseId::new(samples::connection(), format!("~{number}")),
            number: Some(u64::from(number)),
            title: format!("title {title}").into(),
            description: "".into(),
            severity,
            status: CaseStatus::New,
            vendor_status: "New".into(),
            assignee: None,
            created: DateTime::UNIX_EPOCH + TimeDelta::minutes(i64::from(number)),
            updated: None,
            tags: Vec::new(),
            fields: Vec::new(),
        }
    }

    #[test]
    fn a_list_from_before_a_change_of_ours_takes_nothing_back_once() {
        let at = |minute| Some(DateTime::UNIX_EPOCH + TimeDelta::minutes(minute));
        let owned = |owner: &str, minute| Case {
            assignee: Some(owner.into()),
            updated: at(minute),
            ..case(1, Severity::High, 1)
        };
        let mut queue = Queue::default();
        queue.take(vec![case(1, Severity::High, 1)]);
        queue.replace(owned("kim", 9));

        let (source, other) = (
            samples::connection(),
            ConnectionName::parse("other").expect("a name"),
        );
        let mut late = [owned("devi", 8)];
        queue.correct(&other, &mut []);
        queue.correct(&source, &mut late);
        assert_eq!(late, [owned("kim", 9)]);
        // What is asked for afterwards is believed, also by a case system whose clock was put back.
        let mut next = [owned("devi", 8)];
        queue.correct(&source, &mut next);
        assert_eq!(next, [owned("devi", 8)]);

        queue.replace(owned("kim", 9));
        let mut newer = [owned("devi", 10)];
        queue.correct(&source, &mut newer);
        assert_eq!(newer, [owned("devi", 10)]);
    }

    fn ids(queue: &Queue) -> Vec<String> {
        (0..queue.len())
            .filter_map(|place| Some(queue.row(place)?.id.raw().to_owned()))
            .collect()
    }

    #[test]
    fn a_case_sent_twice_is_one_row_that_the_cursor_passes() {
        let mut queue = Queue::default();
        let (a, b) = (case(1, Severity::High, 0), case(2, Severity::Low, 0));
        queue.take(vec![a.clone(), a, b]);
        assert_eq!(ids(&queue), ["~1", "~2"]);
        queue.move_to(1);
        assert_eq!(queue.cursor_index(), Some(1));
    }

    #[test]
    fn new_and_changed_rows_are_marked_until_they_are_stood_on() {
        let mut queue = Queue::default();
        queue.take(vec![case(1, Severity::High, 0)]);
        assert!(queue.changes.is_empty(), "the first answer is not news");
        queue.take(vec![case(1, Severity::High, 1), case(2, Severity::Low, 0)]);
        let marks: Vec<Change> = queue.changes.values().copied().collect();
        assert_eq!(marks, [Change::Changed, Change::New]);
        queue.move_to(1);
        assert_eq!(queue.changes.len(), 1);
        queue.take(Vec::new());
        assert!(queue.changes.is_empty() && queue.is_empty() && queue.selected().is_none());
    }

    #[test]
    fn every_order_keeps_the_cursor_and_puts_its_own_first() {
        let mut queue = Queue::default();
        queue.set_sla(BTreeMap::from([(Severity::Low, TimeDelta::minutes(5))]));
        let mut changed = case(3, Severity::High, 0);
        changed.updated = Some(DateTime::UNIX_EPOCH + TimeDelta::days(1));
        changed.assignee = Some("jo".into());
        queue.take(vec![
            case(1, Severity::Low, 0),
            case(2, Severity::Critical, 0),
            changed,
        ]);
        queue.move_to(1);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push((queue.order().word(), ids(&queue).join(" ")));
            assert_eq!(queue.selected().map(|case| case.id.raw()), Some("~3"));
            queue.set_order(queue.order().next());
        }
        let expected = [
            ("by severity", "~2 ~3 ~1".to_owned()),
            ("by deadline", "~1 ~2 ~3".to_owned()),
            ("oldest first", "~1 ~2 ~3".to_owned()),
            ("last changed first", "~3 ~2 ~1".to_owned()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn snoozed_cases_are_counted_and_asked_for_by_name() {
        let mut queue = Queue::default();
        queue.take(vec![case(1, Severity::High, 0), case(2, Severity::Low, 0)]);
        queue.set_snoozed(BTreeSet::from([CaseId::new(samples::connection(), "~1")]));
        assert_eq!(
            (ids(&queue), queue.snoozed_count()),
            (vec!["~2".to_owned()], 1)
        );
        queue.set_filter("is:snoozed".to_owned());
        assert_eq!(ids(&queue), ["~1"]);
    }

    #[test]
    fn marks_end_with_their_case() {
        let mut queue = Queue::default();
        queue.take(vec![case(1, Severity::High, 0), case(2, Severity::Low, 0)]);
        queue.mark();
        queue.mark();
        assert_eq!(queue.marked().len(), 2);
        queue.take(vec![case(1, Severity::High, 0)]);
        assert_eq!(queue.marked().len(), 1);
        assert!(queue.unmark() && !queue.unmark());
    }

    #[test]
    fn ten_thousand_cases_at_once_are_ten_thousand_rows() {
        let mut queue = Queue::default();
        queue.take(vec![case(1, Severity::High, 0)]);
        let all = (0..10_000u32).map(|number| {
            let mut one = case(0, Severity::Critical, 0);
            one.id = CaseId::new(samples::connection(), format!("~{number}"));
            one
        });
        queue.take(all.collect());
        assert_eq!(queue.len(), 10_000);
        assert_eq!(queue.selected().map(|case| case.id.raw()), Some("~1"));
        queue.move_to(9_999);
        assert_eq!(queue.cursor_index(), Some(9_999));
    }

    fn severities() -> impl Strategy<Value = Severity> {
        prop::sample::select(vec![Severity::Low, Severity::High, Severity::Critical])
    }

    fn polls() -> impl Strategy<Value = Vec<Case>> {
        prop::collection::vec((0u8..8, severities(), 0u8..3), 0..12).prop_map(|rows| {
            let all = rows.into_iter();
            all.map(|(number, severity, title)| case(number, severity, title))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_cursor_stays_on_its_case(first in polls(), then in polls(), place in 0usize..12) {
            let mut queue = Queue::default();
            queue.take(first);
            queue.move_to(place);
            let before = queue.selected().map(|case| case.id.clone());
            queue.take(then);
            let after = queue.selected().map(|case| case.id.clone());
            match before {
                Some(before) if queue.all().iter().any(|case| case.id == before) => {
                    prop_assert_eq!(after, Some(before));
                }
                _ => prop_assert_eq!(after.is_some(), !queue.is_empty()),
            }
        }

        #[test]
        fn every_row_can_be_reached_and_stands_once(cases in polls()) {
            let mut queue = Queue::default();
            queue.take(cases.clone());
            let rows = ids(&queue);
            let distinct: HashSet<&String> = rows.iter().collect();
            prop_assert_eq!(distinct.len(), rows.len());
            for place in 0..rows.len() {
                queue.move_to(place);
                prop_assert_eq!(queue.cursor_index(), Some(place));
            }
            // The same answer again changes nothing and is no news.
            let before = (ids(&queue), queue.changes.clone());
            queue.take(cases);
            prop_assert_eq!((ids(&queue), queue.changes.clone()), before);
        }
    }
}
