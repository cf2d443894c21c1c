//! Texts kept once each and named by a number.
//!
//! What must not live here: which text belongs to which column.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;

use super::Sym;
use crate::domain::text::Untrusted;

/// Texts by number; number 0 is "nothing".
///
/// The table beside them holds numbers only, so that no text is kept twice. Its hashes are keyed by chance: whoever
/// writes the texts cannot choose them so that they collide.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    all: Vec<Untrusted>,
    places: HashTable<u32>,
    keys: RandomState,
}

impl Texts {
    /// Gives the number of a text, which is new where the text is.
    pub(super) fn intern(&mut self, text: Untrusted) -> Sym {
        if text.is_empty() {
            return Sym::default();
        }
        if self.all.is_empty() {
            self.all.push(Untrusted::default());
        }
        let (all, keys) = (&self.all, &self.keys);
        let of = |place: &u32| all.get(*place as usize);
        let hash = keys.hash_one(text.raw());
        let found = self.places.find(hash, |place| of(place) == Some(&text));
        if let Some(place) = found {
            return Sym(*place);
        }
        let Ok(place) = u32::try_from(all.len()) else {
            return Sym::default();
        };
        let again = |place: &u32| keys.hash_one(of(place).map_or("", Untrusted::raw));
        self.places.insert_unique(hash, place, again);
        self.all.push(text);
        Sym(place)
    }

    /// Gives the text of a number.
    pub(super) fn get(&self, sym: Sym) -> Option<&Untrusted> {
        (sym != Sym::default())
            .then(|| self.all.get(sym.0 as usize))
            .flatten()
    }

    /// Gives all texts by their numbers, the empty one first.
    pub(super) fn into_all(self) -> impl Iterator<Item = Untrusted> {
        self.all.into_iter()
    }

    /// Gives how many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_number_and_nothing_has_none() {
        let mut texts = Texts::default();
        let names: Vec<String> = (0..2_000).map(|number| format!("user{number}")).collect();
        let first: Vec<Sym> = names
            .iter()
            .map(|n| texts.intern(n.as_str().into()))
            .collect();
        let again: Vec<Sym> = names
            .iter()
            .map(|n| texts.intern(n.as_str().into()))
            .collect();
        assert_eq!(first, again);
        assert_eq!(texts.len(), 2_001);
        assert_eq!(texts.get(first[7]), Some(&"user7".into()));
        assert_eq!(texts.intern(Untrusted::default()), Sym::default());
        assert_eq!(texts.get(Sym::default()), None);
    }
}
