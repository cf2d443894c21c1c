//! Big numbers, drawn from a font of three by five dots.

use ratatui::layout::Rect;

use crate::domain::text::Safe;
use crate::ui::paint::{Canvas, Words};
use crate::ui::theme::Role;

/// Dots of a figure: five rows of three, the first bit is the left one.
const FONT: [(char, [u8; 5]); 11] = [
    ('0', [0b111, 0b101, 0b101, 0b101, 0b111]),
    ('1', [0b010, 0b110, 0b010, 0b010, 0b111]),
    ('2', [0b111, 0b001, 0b111, 0b100, 0b111]),
    ('3', [0b111, 0b001, 0b111, 0b001, 0b111]),
    ('4', [0b101, 0b101, 0b111, 0b001, 0b001]),
    ('5', [0b111, 0b100, 0b111, 0b001, 0b111]),
    ('6', [0b111, 0b100, 0b111, 0b101, 0b111]),
    ('7', [0b111, 0b001, 0b010, 0b010, 0b010]),
    ('8', [0b111, 0b101, 0b111, 0b101, 0b111]),
    ('9', [0b111, 0b101, 0b111, 0b001, 0b111]),
    ('?', [0b111, 0b001, 0b010, 0b000, 0b010]),
];

/// How big the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// A dot is eight cells wide and four high.
    Giant,
    /// A dot is four cells wide and two high.
    Huge,
    /// A dot is two cells wide and one high.
    Big,
    /// Two dots share a cell, one above the other.
    Half,
    /// A dot is a cell.
    Dots,
    /// As they are in the text.
    Plain,
}

impl Size {
    /// Gives the biggest size in which all numbers fit into columns so wide.
    pub(super) fn fitting(numbers: &[Safe], width: u16, height: u16, ascii: bool) -> Self {
        let longest = numbers.iter().map(|text| text.as_str().len()).max();
        let longest = longest.unwrap_or(1);
        let fits = |size: Self| longest * size.step() <= usize::from(width);
        let small = if ascii { Self::Dots } else { Self::Half };
        let sizes = [
            (Self::Giant, 80),
            (Self::Huge, 55),
            (Self::Big, 34),
            (small, 20),
        ];
        sizes
            .into_iter()
            .find(|(size, least)| height >= *least && fits(*size))
            .map_or(Self::Plain, |(size, _)| size)
    }

    /// Gives the cells from one figure to the next.
    fn step(self) -> usize {
        match self {
            Self::Giant => 28,
            Self::Huge => 14,
            Self::Big => 8,
            Self::Half | Self::Dots => 4,
            Self::Plain => 1,
        }
    }

    /// Gives the rows a number takes.
    pub(super) fn rows(self) -> u16 {
        match self {
            Self::Giant => 20,
            Self::Huge => 10,
            Self::Big | Self::Dots => 5,
            Self::Half => 3,
            Self::Plain => 1,
        }
    }

    /// Draws a number into the left upper corner of an area.
    pub(super) fn draw(self, canvas: &mut Canvas<'_>, area: Rect, role: Role, number: &Safe) {
        if self == Self::Plain {
            canvas.row(area, 0, Words::new(role, number.clone()));
            return;
        }
        for row in 0..self.rows() {
            let figures = number.as_str().chars();
            let line = Safe::join(
                figures.map(|figure| self.line(canvas, figure, usize::from(row))),
                &Safe::fixed(match self {
                    Self::Giant => "    ",
                    Self::Huge | Self::Big => "  ",
                    Self::Half | Self::Dots | Self::Plain => " ",
                }),
            );
            canvas.row(area, row, Words::new(role, line));
        }
    }

    /// Gives one row of a figure.
    fn line(self, canvas: &Canvas<'_>, figure: char, row: usize) -> Safe {
        let dots = FONT
            .iter()
            .find(|(known, _)| *known == figure)
            .map_or([0; 5], |(_, dots)| *dots);
        let at = |row: usize, bit: u8| dots.get(row).is_some_and(|dots| (dots >> bit) & 1 == 1);
        Safe::concat([2, 1, 0].map(|bit| match self {
            Self::Giant if at(row / 4, bit) => canvas.sign("████████", "########"),
            Self::Giant => Safe::fixed("        "),
            Self::Huge if at(row / 2, bit) => canvas.sign("████", "####"),
            Self::Huge => Safe::fixed("    "),
            Self::Big if at(row, bit) => canvas.sign("██", "##"),
            Self::Big => Safe::fixed("  "),
            Self::Half => Safe::fixed(match (at(row * 2, bit), at(row * 2 + 1, bit)) {
                (true, true) => "█",
                (true, false) => "▀",
                (false, true) => "▄",
                (false, false) => " ",
            }),
            Self::Dots if at(row, bit) => canvas.sign("█", "#"),
            Self::Dots | Self::Plain => Safe::fixed(" "),
        }))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("7", 13, 24, false, Size::Half)]
    #[case("7", 13, 24, true, Size::Dots)]
    #[case("1234", 13, 24, false, Size::Plain)]
    #[case("12", 23, 40, false, Size::Big)]
    #[case("1234", 23, 40, false, Size::Half)]
    #[case("12", 58, 90, false, Size::Giant)]
    #[case("12", 38, 60, false, Size::Huge)]
    #[case("123", 58, 90, false, Size::Huge)]
    #[case("7", 13, 15, false, Size::Plain)]
    fn numbers_are_as_big_as_there_is_room(
        #[case] number: &'static str,
        #[case] width: u16,
        #[case] height: u16,
        #[case] ascii: bool,
        #[case] expected: Size,
    ) {
        let numbers = [Safe::fixed(number), Safe::fixed("0")];
        assert_eq!(Size::fitting(&numbers, width, height, ascii), expected);
    }
}
