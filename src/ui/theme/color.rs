//! Colours as themes name them, and the nearest ones where a terminal has fewer.

use ratatui::style::Color;

use super::Colors;

const NAMED: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("gray", Color::Gray),
    ("dark-gray", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// Reads a name of the sixteen, or `#rrggbb`.
pub(super) fn parse_color(word: &str, colors: Colors) -> Option<Color> {
    if let Some((_, color)) = NAMED.iter().find(|(name, _)| *name == word) {
        return Some(*color);
    }
    let digits = word.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = value.to_be_bytes();
    Some(match colors {
        Colors::True => Color::Rgb(r, g, b),
        Colors::Indexed => Color::Indexed(nearest_indexed([r, g, b])),
        Colors::Ansi16 => nearest_named([r, g, b]),
    })
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.into_iter()
        .zip(b)
        .map(|(x, y)| u32::from(x.abs_diff(y)).pow(2))
        .sum()
}

/// The six steps of the colour cube of the 256-colour palette (xterm).
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Gives the red, green and blue of a colour of the 256-colour palette, from 16 up.
fn indexed_rgb(index: u8) -> [u8; 3] {
    if index >= 232 {
        let level = 8 + (index - 232) * 10;
        return [level; 3];
    }
    let place = usize::from(index.saturating_sub(16));
    [place / 36, place / 6 % 6, place % 6].map(|step| CUBE[step.min(5)])
}

fn nearest_indexed(rgb: [u8; 3]) -> u8 {
    (16..=255)
        .min_by_key(|index| distance(rgb, indexed_rgb(*index)))
        .unwrap_or(16)
}

/// Red, green and blue of the sixteen as xterm has them; a terminal may have others.
const VALUES: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

fn nearest_named(rgb: [u8; 3]) -> Color {
    NAMED
        .iter()
        .zip(VALUES)
        .min_by_key(|(_, value)| distance(rgb, *value))
        .map_or(Color::Reset, |((_, color), _)| *color)
}

/// Gives the red, green and blue of a colour, as xterm has it; of the terminal's own, nothing.
pub(super) fn rgb(color: Color) -> Option<[u8; 3]> {
    match color {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index) => Some(indexed_rgb(index)),
        named => NAMED
            .iter()
            .zip(VALUES)
            .find(|((_, known), _)| *known == named)
            .map(|(_, value)| value),
    }
}
