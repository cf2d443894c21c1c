//! A reason or a note that is being written.

use ratatui::layout::Rect;
use ratatui_textarea::TextArea;

use super::{heading, open_box};
use crate::app::model::Purpose;
use crate::domain::text::Untrusted;
use crate::safe;
use crate::ui::layout::{below, first_row};
use crate::ui::paint::{Canvas, Words, wrap};
use crate::ui::theme::Role;

/// Most lines of what it is about.
const ABOUT_MAX: usize = 6;

/// Draws the text; gives where the cursor stands.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    room: Rect,
    purpose: &Purpose,
    text: &TextArea<'static>,
    esc: bool,
) -> Option<(u16, u16)> {
    let about = purpose.about();
    let lines = u16::try_from(about.len().min(ABOUT_MAX + 1)).unwrap_or(0);
    // What it is about and what is typed must not run together.
    let above = lines + u16::from(lines > 0);
    let height = above + if purpose.many_lines() { 14 } else { 6 };
    let size = (78.min(room.width), height.min(room.height));
    let inside = open_box(canvas, room, size, heading(purpose.title()), Words::empty());
    for (row, text) in (0..lines).zip(&about) {
        let more = about.len() - ABOUT_MAX.min(about.len());
        let words = if usize::from(row) == ABOUT_MAX {
            Words::new(Role::Dim, safe!("and {} more", more))
        } else {
            let mark = if matches!(purpose, Purpose::Waive(_)) {
                "[w] "
            } else {
                ""
            };
            Words::new(Role::StateUnknown, mark).add(Role::Dim, text.field())
        };
        canvas.row(inside, row, words);
    }
    if lines > 0 {
        let rule = Rect {
            y: inside.y.saturating_add(lines).min(inside.bottom()),
            height: 1.min(inside.height.saturating_sub(lines)),
            ..inside
        };
        canvas.rule(rule, "─", "-", Role::Border);
    }
    let inside = below(inside, above);
    let field = Rect {
        height: inside.height.saturating_sub(1),
        ..inside
    };
    let hint = if esc && matches!(purpose, Purpose::Note(_)) {
        Words::new(Role::LevelWarning, "Esc once more leaves the note")
    } else if esc {
        Words::new(Role::LevelWarning, "Esc once more leaves; the text is lost")
    } else if purpose.many_lines() {
        Words::new(Role::Key, "Ctrl-s")
            .add(Role::Dim, " posts it")
            .gap(Role::Key, "Esc Esc")
            .add(Role::Dim, " leaves")
    } else {
        Words::new(Role::Key, "Enter")
            .add(Role::Dim, " is done")
            .gap(Role::Key, "Esc Esc")
            .add(Role::Dim, " leaves")
    };
    canvas.row(inside, inside.height.saturating_sub(1), hint);
    let cursor = text.cursor();
    let (row, column) = (cursor.0, cursor.1);
    draw_lines(canvas, field, text.lines(), (row, column))
}

/// Draws the lines, broken at the width, so that the line with the cursor is seen.
pub(super) fn draw_lines(
    canvas: &mut Canvas<'_>,
    area: Rect,
    lines: &[String],
    (row, column): (usize, usize),
) -> Option<(u16, u16)> {
    let width = usize::from(area.width.saturating_sub(1)).max(1);
    let mut shown = Vec::new();
    let mut cursor = (0, 0);
    for (index, line) in lines.iter().enumerate() {
        if index == row {
            let before: String = line.chars().take(column).collect();
            let parts = wrap(&safe!("{}.", Untrusted::new(before).line()), width);
            let last = parts.last().map_or(0, crate::ui::paint::Wrapped::width);
            cursor = (
                shown.len() + parts.len().saturating_sub(1),
                last.saturating_sub(1),
            );
        }
        shown.extend(wrap(&Untrusted::new(line.as_str()).line(), width));
    }
    let first = first_row(cursor.0, shown.len(), usize::from(area.height));
    let seen = shown.get(first..).unwrap_or_default();
    canvas.wrapped(area, Role::Strong, seen);
    let x = area.x.checked_add(u16::try_from(cursor.1).ok()?)?;
    let y = area
        .y
        .checked_add(u16::try_from(cursor.0.checked_sub(first)?).ok()?)?;
    Some((x, y)).filter(|(x, y)| *x < area.right() && *y < area.bottom())
}
