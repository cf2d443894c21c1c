//! The name that is typed to confirm: typed by a hand, letter by letter.
//!
//! A terminal that brackets pasted text says that it is pasted. One that does not sends it as keys, and then only time
//! tells: a paste comes in one piece. So does what was typed while a line stood still, which is why less than the whole
//! name at once is taken: whoever types over a line that lags and is refused once gets through by typing a part, waiting
//! until it appears, and typing the rest. Nobody is asked to type slowly, and a name that is short enough to be typed in
//! the time of an ordinary hiccup is always taken.

use crate::domain::text::Safe;

/// Most letters that are kept.
const MOST: usize = 256;

/// Letters from which on a name that came all at once counts as pasted: a quick hand needs most of a second for them.
const AT_ONCE: usize = 8;

/// What was typed so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    text: String,
    /// Whether a letter behind the first came by itself.
    by_hand: bool,
}

impl Typed {
    /// Gives the letters; no controls are among them.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether it is what has to be typed. A provider that gives an account no name at all cannot be confirmed by
    /// typing nothing.
    pub(super) fn is(&self, wanted: &str) -> bool {
        !self.text.is_empty() && self.text == wanted
    }

    /// Takes a letter; `together` tells that it came in one piece with the key before it. Gives what to say when that made
    /// the whole name of it, which is forgotten then.
    pub(super) fn push(&mut self, letter: char, together: bool, wanted: &str) -> Option<Safe> {
        if letter.is_control() || self.text.chars().count() >= MOST {
            return None;
        }
        self.by_hand = !self.text.is_empty() && (self.by_hand || !together);
        self.text.push(letter);
        let at_once = !self.by_hand && self.text.chars().count() >= AT_ONCE;
        (at_once && self.is(wanted)).then(|| {
            self.text.clear();
            "it came all at once, as a paste does, and is refused: type it, a part at a time where the line lags".into()
        })
    }

    /// Takes the last letter back.
    pub(super) fn pop(&mut self) {
        self.text.pop();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "mara.lind@acme.example";

    /// Types pieces that each came at once; gives what was refused.
    fn pieces(typed: &mut Typed, pieces: &[&str], wanted: &str) -> usize {
        let mut refused = 0;
        for piece in pieces {
            for (place, letter) in piece.chars().enumerate() {
                refused += usize::from(typed.push(letter, place > 0, wanted).is_some());
            }
        }
        refused
    }

    #[test]
    fn a_whole_name_at_once_is_refused_and_two_parts_are_not() {
        let mut typed = Typed::default();
        assert_eq!(pieces(&mut typed, &[NAME], NAME), 1);
        assert_eq!(typed.as_str(), "");
        // Again, in two parts, at whatever place; and after something else was taken back.
        for cut in 1..NAME.len() {
            let mut typed = Typed::default();
            let (first, rest) = NAME.split_at(cut);
            assert_eq!(pieces(&mut typed, &[first, rest], NAME), 0, "{cut}");
            assert!(typed.is(NAME));
        }
        typed.push('x', false, NAME);
        typed.pop();
        assert_eq!(pieces(&mut typed, &[NAME], NAME), 1);
    }

    #[test]
    fn a_paste_with_more_around_it_confirms_nothing() {
        for (pasted, left) in [
            ("mara.lind@acme.example\n", ""),
            ("mara.lind@acme.examplex", "x"),
            (" mara.lind@acme.example", " mara.lind@acme.example"),
        ] {
            let mut typed = Typed::default();
            pieces(&mut typed, &[pasted], NAME);
            assert_eq!(typed.as_str(), left);
            assert!(!typed.is(NAME));
        }
    }

    #[test]
    fn short_names_are_typed_at_once() {
        for (name, refused) in [("abcdefg", 0), ("abcdefgh", 1)] {
            let mut typed = Typed::default();
            assert_eq!(pieces(&mut typed, &[name], name), refused);
            assert_eq!(typed.is(name), refused == 0);
        }
        assert!(!Typed::default().is(""));
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let (mut typed, wanted) = (Typed::default(), "x".repeat(MOST));
        for _ in 0..MOST + 5 {
            assert_eq!(typed.push('x', false, &wanted), None);
        }
        assert!(typed.is(&wanted));
    }

    proptest! {
        /// However a line bunches what a hand types, every name gets through in two goes at most: the second time a part
        /// of it is waited for.
        #[test]
        fn a_line_that_lags_keeps_nobody_from_confirming(cuts in prop::collection::vec(any::<bool>(), NAME.len())) {
            let mut typed = Typed::default();
            let mut refused = 0;
            for (letter, together) in NAME.chars().zip(&cuts) {
                refused += usize::from(typed.push(letter, *together, NAME).is_some());
            }
            prop_assert_eq!(refused == 1, cuts.iter().skip(1).all(|together| *together));
            if refused == 1 {
                prop_assert_eq!(pieces(&mut typed, &["mara", ".lind@acme.example"], NAME), 0);
            }
            prop_assert!(typed.is(NAME));
        }
    }
}
