//! A screen drawn into memory, and an eye on the bytes a terminal would get for it.

use std::io::Write;
use std::num::NonZero;

use quell::terminal::egress::{Allowed, Egress};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Frame, TerminalOptions, Viewport};
use unicode_properties::{GeneralCategory as G, UnicodeGeneralCategory};
use unicode_width::UnicodeWidthChar;

/// Draws one frame, and gives its cells and the bytes a terminal gets for it, before any filter.
pub fn render(width: u16, height: u16, draw: impl FnOnce(&mut Frame)) -> (Buffer, Vec<u8>) {
    let mut bytes = Vec::new();
    let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
    let buffer = Terminal::with_options(
        CrosstermBackend::new(&mut bytes),
        TerminalOptions { viewport },
    )
    .and_then(|mut terminal| terminal.draw(draw).map(|frame| frame.buffer.clone()))
    .expect("drawing into memory works");
    (buffer, bytes)
}

/// Sends bytes through the egress filter; gives what came out and how much was dropped.
pub fn filter(bytes: &[u8]) -> (Vec<u8>, u64) {
    let mut egress = Egress::new(Vec::new(), Allowed::default());
    egress.write_all(bytes).expect("writing into memory works");
    let dropped = egress.violations();
    (egress.into_inner(), dropped)
}

/// Gives the letter of the caret notation of a control character.
pub fn caret(control: u32) -> char {
    char::from_u32(control ^ 0x40).expect("below U+0080 all are characters")
}

/// Tells whether a character must not reach a terminal as itself; worked out anew, not by the crate.
pub fn is_forbidden(c: char) -> bool {
    if c == ' ' {
        return false;
    }
    let category = c.general_category();
    let is_mark = matches!(
        category,
        G::NonspacingMark | G::SpacingMark | G::EnclosingMark
    );
    matches!(
        category,
        G::Control
            | G::Format
            | G::LineSeparator
            | G::ParagraphSeparator
            | G::PrivateUse
            | G::Unassigned
            | G::SpaceSeparator
    ) || matches!(
        u32::from(c),
        0x34F | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
    ) || matches!(u32::from(c), 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFFA0 | 0xE0000..=0xE0FFF)
        || (!is_mark && !matches!(c.width(), Some(1 | 2)))
}

/// Looks for the first thing in bytes for a terminal that does not draw; `newlines` says whether CR and
/// LF count as drawing.
///
/// Works on the whole text, unlike the filter, which works byte by byte.
pub fn first_forbidden(bytes: &[u8], newlines: bool) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Some(format!("no UTF-8: {error}")),
    };
    let is_bad = |c: char| is_forbidden(c) && !(newlines && matches!(c, '\r' | '\n'));
    let mut parts = text.split('\x1b');
    let bad_in = |text: &str| {
        text.chars()
            .find(|c| is_bad(*c))
            .map(|c| format!("U+{:04X}", u32::from(c)))
    };
    if let Some(bad) = bad_in(parts.next().unwrap_or_default()) {
        return Some(bad);
    }
    parts.find_map(|part| {
        let end = part.find(|c: char| c.is_ascii_alphabetic() || c == '@');
        let Some((sequence, text)) = end.and_then(|end| part.split_at_checked(end + 1)) else {
            return Some(format!("ESC {part:?}"));
        };
        if is_drawing(sequence) {
            bad_in(text)
        } else {
            Some(format!("ESC {sequence:?}"))
        }
    })
}

fn is_drawing(sequence: &str) -> bool {
    let Some(body) = sequence.strip_prefix('[') else {
        return false;
    };
    if let Some(modes) = body
        .strip_prefix('?')
        .and_then(|body| body.strip_suffix(['h', 'l']))
    {
        let known = ["25", "1000", "1002", "1006", "1049", "2004", "2026"];
        return modes.split(';').all(|mode| known.contains(&mode));
    }
    body == "?2026$p"
        || body
            .trim_start_matches(|c: char| c.is_ascii_digit() || ";:".contains(c))
            .chars()
            .eq(body.chars().last())
            && body.ends_with(|c| "mHABCDGJKdrSTXbLMP@".contains(c))
}

/// Replays bytes in a terminal emulator and tells where its grid differs from the cells drawn.
pub fn first_drift(buffer: &Buffer, bytes: &[u8]) -> Option<String> {
    let area = buffer.area;
    let side = |cells| NonZero::new(cells).expect("a screen has cells");
    let mut emulator = vt100::Parser::new(side(area.height), side(area.width), 0);
    emulator.process(bytes);
    for row in 0..area.height {
        let mut column = 0;
        while column < area.width {
            let cell = buffer.cell((column, row))?;
            // One cell of the buffer may hold several characters; each takes its own place on a terminal.
            let mut places: Vec<(u16, String)> = Vec::new();
            for c in cell.symbol().chars() {
                match (c.width().unwrap_or(0), places.last_mut()) {
                    (0, Some((_, text))) => text.push(c),
                    (width, _) => places.push((u16::try_from(width).ok()?, c.to_string())),
                }
            }
            for (width, expected) in places {
                let found = emulator
                    .screen()
                    .cell(row, column)
                    .map_or_else(String::new, |cell| cell.contents().to_owned());
                if found.trim_end_matches(' ') != expected.trim_end_matches(' ') {
                    return Some(format!(
                        "row {row} column {column}: {expected:?} drawn, {found:?} there"
                    ));
                }
                column += width.max(1);
            }
        }
    }
    None
}
