//! Events of files on their way into an [`Activity`]: in columns already, in the order of arrival, doubles and all.
//!
//! Several threads each gather a part; parts are put together by their distinct texts, not by their cells.

use super::{Activity, Column, Sym};
use crate::domain::timeline::event::Event;

/// Events in the order of arrival; two of them may carry one id.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Activity);

/// An event with the id of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Double {
    /// Its line.
    pub line: u32,
    /// The line of the first with the id.
    pub first: u32,
    /// How many events arrived before it, and before the first: they may be of two files.
    pub places: [usize; 2],
    /// Whether both are the same record, so that this one was left out.
    pub same: bool,
}

impl Arrivals {
    /// Tells whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.0.fixed.is_empty()
    }

    /// Counts the events.
    pub fn len(&self) -> usize {
        self.0.fixed.len()
    }

    /// Adds one event.
    pub fn push(&mut self, mut event: Event) {
        let id = self.0.texts.intern(std::mem::take(&mut event.id));
        self.0.push(id, event);
    }

    /// Adds all events of another part, after those that are there.
    pub fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let other = other.0;
        let texts = &mut self.0.texts;
        let new: Vec<Sym> = other
            .texts
            .into_all()
            .map(|text| texts.intern(text))
            .collect();
        let moved = |sym: Sym| new.get(sym.number()).copied().unwrap_or_default();
        self.0.fixed.extend(other.fixed);
        for (own, others) in self.0.cells.iter_mut().zip(other.cells) {
            own.extend(others.into_iter().map(moved));
        }
        self.0.raw.extend(other.raw);
        let places = other.places.into_iter();
        self.0
            .places
            .extend(places.map(|(parts, place)| (parts.map(moved), moved(place))));
    }

    /// Puts the events into the order of time; of records that stand there twice only the first is kept.
    pub fn settled(self) -> (Activity, Vec<Double>) {
        let mut activity = self.0;
        let (doubles, left_out) = activity.doubles();
        activity.place(0);
        if !left_out.is_empty() {
            activity
                .order
                .retain(|slot| left_out.binary_search(slot).is_err());
        }
        (activity, doubles)
    }
}

impl Activity {
    /// Finds events with the id of an earlier one; gives apart the places of those that are the same record.
    fn doubles(&self) -> (Vec<Double>, Vec<u32>) {
        let [ids, actions] =
            [Column::Id, Column::Action].map(|column| &self.cells[column as usize]);
        let mut first_of: Vec<Option<u32>> = vec![None; self.texts.len()];
        let (mut doubles, mut left_out) = (Vec::new(), Vec::new());
        for (slot, id) in (0_u32..).zip(ids) {
            let Some(first) = first_of.get_mut(id.number()).filter(|_| !id.is_none()) else {
                continue;
            };
            let Some(first) = *first else {
                *first = Some(slot);
                continue;
            };
            let [own, first] = [slot, first].map(|slot| slot as usize);
            let same = actions[own] == actions[first] && self.raw[own] == self.raw[first];
            if same {
                left_out.push(slot);
            }
            doubles.push(Double {
                line: self.fixed[own].line,
                first: self.fixed[first].line,
                places: [own, first],
                same,
            });
        }
        (doubles, left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::Untrusted;
    use crate::domain::timeline::event::{Geo, Party};
    use proptest::prelude::*;

    fn event(number: u32) -> Event {
        let name = |kind: &str, of: u32| Untrusted::new(format!("{kind}{}", number % of));
        Event {
            id: Untrusted::new(format!("e{number}")),
            at: chrono::DateTime::from_timestamp(i64::from(number * 7919 % 5_000), 0)
                .unwrap_or_default(),
            action: name("action", 3),
            user: Party {
                id: Some(name("u", 5)),
                ..Party::default()
            },
            geo: Geo {
                city: number.is_multiple_of(2).then(|| name("city", 4)),
                country: Some(name("country", 2)),
                ..Geo::default()
            },
            raw: format!("record {number}").into(),
            line: number,
            ..Event::default()
        }
    }

    fn told(activity: &Activity) -> Vec<String> {
        let row = |row: super::super::Row<'_>| {
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?} {}",
                row.at(),
                row.id(),
                row.action(),
                row.user(),
                row.place(),
                row.raw(),
                row.line()
            )
        };
        activity.rows().map(row).collect()
    }

    proptest! {
        /// In how many parts the events come does not matter.
        #[test]
        fn parts_make_the_same_as_the_whole(numbers in prop::collection::vec(0_u32..40, 0..60), cut in 0_usize..60) {
            let mut whole = Arrivals::default();
            for number in &numbers {
                whole.push(event(*number));
            }
            let (one, two) = numbers.split_at(cut.min(numbers.len()));
            let mut parts = Arrivals::default();
            for part in [one, two, &[]] {
                let mut own = Arrivals::default();
                for number in part {
                    own.push(event(*number));
                }
                parts.append(own);
            }
            let ((whole, doubles), (parts, others)) = (whole.settled(), parts.settled());
            prop_assert_eq!(told(&whole), told(&parts));
            prop_assert_eq!(&doubles, &others);
            let distinct: std::collections::BTreeSet<u32> = numbers.iter().copied().collect();
            prop_assert_eq!(whole.len(), distinct.len());
            prop_assert_eq!(doubles.len(), numbers.len() - distinct.len());
        }
    }

    #[test]
    fn doubles_are_left_out_and_shared_ids_kept() {
        let mut arrivals = Arrivals::default();
        let other = Event {
            line: 3,
            raw: "another".into(),
            ..event(1)
        };
        for one in [
            event(1),
            Event {
                line: 2,
                ..event(1)
            },
            other,
        ] {
            arrivals.push(one);
        }
        let (activity, doubles) = arrivals.settled();
        let lines: Vec<u32> = activity.rows().map(|row| row.line()).collect();
        assert_eq!(lines, [1, 3]);
        let double = |line, place, same| Double {
            line,
            first: 1,
            places: [place, 0],
            same,
        };
        assert_eq!(doubles, [double(2, 1, true), double(3, 2, false)]);
    }
}
