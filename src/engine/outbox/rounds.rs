//! When what failed is tried again: less and less often.
//!
//! What must not live here: what is tried.

use std::collections::HashMap;
use std::hash::Hash;

use super::ROUNDS_MAX;

/// After how many rounds each thing is tried: every round at first, half as often after each try that came to nothing.
pub(in crate::engine) struct Rounds<K>(HashMap<K, u32>);

impl<K> Default for Rounds<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Rounds<K> {
    /// Tells whether a thing is tried in a round.
    pub(in crate::engine) fn is_due(&self, key: &K, round: u32) -> bool {
        let every = self.0.get(key).copied().unwrap_or(1);
        round.is_multiple_of(every)
    }

    /// Notes a try that came to nothing.
    pub(in crate::engine) fn put_off(&mut self, key: K) {
        let every = self.0.entry(key).or_insert(1);
        *every = (*every * 2).min(ROUNDS_MAX);
    }

    /// Forgets what is not to be tried any more.
    pub(in crate::engine) fn keep(&mut self, is_open: impl Fn(&K) -> bool) {
        self.0.retain(|key, _| is_open(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_to_nothing_is_tried_less_and_less_often() {
        let mut rounds = Rounds::default();
        let due = |rounds: &Rounds<char>, key| -> Vec<u32> {
            (0..=100)
                .filter(|round| rounds.is_due(&key, *round))
                .collect()
        };
        assert_eq!(due(&rounds, 'a').len(), 101);
        for (tries, every) in [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 32)] {
            rounds.put_off('a');
            let all = due(&rounds, 'a');
            let expected: Vec<u32> = (0..=100).step_by(every).collect();
            assert_eq!(all, expected, "after {tries} tries");
        }
        assert_eq!(due(&rounds, 'b').len(), 101, "another one");
        rounds.keep(|key| *key == 'a');
        assert_eq!(due(&rounds, 'a').len(), 4);
        rounds.keep(|key| *key == 'b');
        assert_eq!(due(&rounds, 'a').len(), 101, "forgotten");
    }
}
