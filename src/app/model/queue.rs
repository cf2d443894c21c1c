//! The case queue: rows in their rank, a filter, and a cursor that stays on its case whatever a poll brings.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::case::{Case, Subject};
use crate::domain::ids::CaseId;

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
        cases.sort_by(|a, b| {
            (
                !a.status.is_open(),
                std::cmp::Reverse(a.severity),
                std::cmp::Reverse(a.created),
                &a.id,
            )
                .cmp(&(
                    !b.status.is_open(),
                    std::cmp::Reverse(b.severity),
                    std::cmp::Reverse(b.created),
                    &b.id,
                ))
        });
        self.changes.retain(|id, _| ids.contains(id));
        self.subjects.retain(|id, _| ids.contains(id));
        self.cases = cases;
        self.heard = true;
        self.refilter(old_place);
    }

    fn refilter(&mut self, old_place: Option<usize>) {
        let words: Vec<String> = self
            .filter
            .split_whitespace()
            .map(str::to_lowercase)
            .collect();
        self.shown = (0..self.cases.len())
            .filter(|index| self.matches(*index, &words))
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

    fn matches(&self, index: usize, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        let case = &self.cases[index];
        let mut text = format!(
            "#{} {} {} {}",
            case.number.unwrap_or_default(),
            case.title.raw(),
            case.severity.word(),
            case.status.word(),
        );
        for more in case.assignee.iter().chain(&case.tags) {
            text.push(' ');
            text.push_str(more.raw());
        }
        match self.subjects.get(&case.id) {
            Some(Subject::User(user)) => {
                text.push(' ');
                text.push_str(user.raw());
            }
            Some(Subject::Several(users)) => {
                for user in users {
                    text.push(' ');
                    text.push_str(user.raw());
                }
            }
            Some(Subject::NoUser) | None => {}
        }
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
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
        self.filter = filter;
        self.refilter(place);
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::containment::samples;
    use crate::domain::severity::{CaseStatus, Severity};

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
