//! How well text can be read on its background (WCAG 2.2, contrast ratio), and how well it has to be.

use ratatui::style::{Color, Modifier, Style};

use super::{Role, color};

/// What stands for the terminal's own text and background, of which nobody knows: those of xterm on black.
const OWN: ([u8; 3], [u8; 3]) = ([229, 229, 229], [0, 0, 0]);

/// Gives the least ratio a role must have.
pub fn least(role: Role) -> f64 {
    match role {
        // Rules carry no words; dim text is text.
        Role::Border => 1.5,
        Role::Dim => 3.0,
        _ => 4.5,
    }
}

/// Gives red, green and blue of a colour; nothing for the terminal's own.
pub fn rgb(color: Option<Color>) -> Option<[u8; 3]> {
    color.and_then(color::rgb)
}

/// Gives the linear light of one part of a colour (IEC 61966-2-1).
pub fn linear(part: u8) -> f64 {
    let part = f64::from(part) / 255.0;
    if part <= 0.04045 {
        part / 12.92
    } else {
        ((part + 0.055) / 1.055).powf(2.4)
    }
}

fn luminance([r, g, b]: [u8; 3]) -> f64 {
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// Gives the contrast ratio of a look, 1 to 21.
pub fn ratio(style: Style) -> f64 {
    let mut pair = (
        rgb(style.fg).unwrap_or(OWN.0),
        rgb(style.bg).unwrap_or(OWN.1),
    );
    if style.add_modifier.contains(Modifier::REVERSED) {
        pair = (pair.1, pair.0);
    }
    let (a, b) = (luminance(pair.0), luminance(pair.1));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
