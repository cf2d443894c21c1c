//! What a single Unicode scalar value may do on a screen: be drawn, combine, or only be named.
//!
//! What must not live here: rules that need the neighbours of a character.

use std::sync::OnceLock;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_width::UnicodeWidthChar;

/// What one scalar value may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Drawn as itself in one cell.
    Narrow,
    /// Drawn as itself in two cells.
    Wide,
    /// Combines with the character before and takes no cell of its own.
    Mark,
    /// Combines with the character before and takes one cell of its own.
    SpacingMark,
    /// A control: caret notation below U+0080, `<9B>` from U+0080 on.
    Control,
    /// Never drawn as itself, only named as `<U+XXXX>`.
    Named,
}

impl Class {
    /// Gives the number of cells a character of this class takes when it is drawn as itself.
    pub fn cells(self) -> usize {
        match self {
            Self::Narrow | Self::SpacingMark => 1,
            Self::Wide => 2,
            Self::Mark | Self::Control | Self::Named => 0,
        }
    }
}

/// Tells whether a scalar value may reach the terminal as itself.
pub fn may_be_drawn(c: char) -> bool {
    !matches!(class(c), Class::Control | Class::Named)
}

const BLOCK: usize = 256;
const BLOCKS: usize = 0x11_0000 / BLOCK;

/// Classes by block of 256 scalar values, each block worked out at its first use.
///
/// A look-up in the property tables costs some 50 ns a character; with this table mixed text runs at the
/// speed the screens need, and the start of the program does not pay for scripts nobody sends.
static TABLE: [OnceLock<Box<[Class; BLOCK]>>; BLOCKS] = [const { OnceLock::new() }; BLOCKS];

/// Gives the class of a scalar value.
pub fn class(c: char) -> Class {
    let code = c as usize;
    let Some(block) = TABLE.get(code / BLOCK) else {
        return Class::Named;
    };
    let classes = block.get_or_init(|| {
        let first = code - code % BLOCK;
        Box::new(std::array::from_fn(|at| {
            u32::try_from(first + at)
                .ok()
                .and_then(char::from_u32)
                .map_or(Class::Named, work_out)
        }))
    });
    classes.get(code % BLOCK).copied().unwrap_or(Class::Named)
}

fn work_out(c: char) -> Class {
    use GeneralCategory as G;
    if c == ' ' {
        return Class::Narrow;
    }
    let category = c.general_category();
    let is_mark = match category {
        G::Control => return Class::Control,
        G::Format
        | G::LineSeparator
        | G::ParagraphSeparator
        | G::PrivateUse
        | G::Unassigned
        | G::Surrogate
        | G::SpaceSeparator => return Class::Named,
        G::NonspacingMark | G::EnclosingMark | G::SpacingMark => true,
        _ => false,
    };
    // U+FFFD stands for something lost, and some emulators swallow it, which shifts the line.
    if is_invisible(c) || is_sequence_part(c) || c == char::REPLACEMENT_CHARACTER {
        return Class::Named;
    }
    match (c.width(), is_mark) {
        (Some(0), true) => Class::Mark,
        (Some(1), true) => Class::SpacingMark,
        (Some(1), false) => Class::Narrow,
        (Some(2), false) => Class::Wide,
        _ => Class::Named,
    }
}

/// Tells whether a reader sees nothing at all of a character.
pub(super) fn is_hidden(c: char) -> bool {
    use GeneralCategory as G;
    matches!(c.general_category(), G::Control | G::Format) || is_invisible(c)
}

/// Characters with an innocent category that draw nothing.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{34F}'                       // combining grapheme joiner
        | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul fillers
        | '\u{17B4}' | '\u{17B5}'       // Khmer inherent vowels
        | '\u{180B}'..='\u{180F}'       // Mongolian variation selectors
        | '\u{2800}'                    // blank Braille pattern
        | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' // variation selectors
        | '\u{13441}' | '\u{13442}'     // Egyptian hieroglyph blanks
        | '\u{16FE4}'                   // Khitan small script filler
        | '\u{1D159}'                   // musical symbol null notehead
    )
}

/// Characters that change the look or the width of a neighbour, so that a sequence of them takes another
/// number of cells than its parts: named, so that the sequence falls apart into visible parts.
fn is_sequence_part(c: char) -> bool {
    matches!(c,
        '\u{20E3}'                      // combining enclosing keycap
        | '\u{1F1E6}'..='\u{1F1FF}'     // regional indicators (flags)
        | '\u{1F3FB}'..='\u{1F3FF}'     // emoji skin tones
        | '\u{17D2}'                    // Khmer coeng, takes the width of the next letter away
        | '\u{16D63}' | '\u{16D67}'..='\u{16D6A}' // Kirat Rai vowels that merge with one another
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case('a', Class::Narrow)]
    #[case(' ', Class::Narrow)]
    #[case('é', Class::Narrow)]
    #[case('漢', Class::Wide)]
    #[case('\u{301}', Class::Mark)]
    #[case('\u{93E}', Class::SpacingMark)]
    #[case('\u{1B}', Class::Control)]
    #[case('\u{9B}', Class::Control)]
    #[case('\u{202E}', Class::Named)]
    #[case('\u{200D}', Class::Named)]
    #[case('\u{A0}', Class::Named)]
    #[case('\u{3000}', Class::Named)]
    #[case('\u{E0041}', Class::Named)]
    #[case('\u{FE0F}', Class::Named)]
    #[case('\u{2028}', Class::Named)]
    #[case('\u{E000}', Class::Named)]
    #[case('\u{10FFFF}', Class::Named)]
    #[case('\u{17D8}', Class::Named)]
    #[case('\u{1161}', Class::Named)]
    fn classes(#[case] c: char, #[case] expected: Class) {
        assert_eq!(class(c), expected, "U+{:04X}", u32::from(c));
    }
}
