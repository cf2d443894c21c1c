//! The list of what can be looked at from an event.
//!
//! What must not live here: what the choice does.

use ratatui::layout::Rect;

use super::{choosing, heading};
use crate::app::model::activity::asking::PivotRow;
use crate::domain::text::Safe;
use crate::safe;
use crate::ui::paint::{Canvas, Words};
use crate::ui::theme::Role;

/// Cells of a value.
const VALUE: usize = 40;

/// Draws the rows.
pub(super) fn draw(canvas: &mut Canvas<'_>, room: Rect, rows: &[PivotRow], cursor: usize) {
    let rows = rows
        .iter()
        .map(|row| {
            let count = match row.count {
                Some(1) => "1 event".into(),
                Some(count) => safe!("{} events", count),
                None => Safe::fixed("asks the SIEM"),
            };
            Words::empty()
                .column(Role::Dim, &row.label.into(), 12)
                .column(Role::Text, &row.value, VALUE)
                .add(Role::Text, " ")
                .add(Role::Dim, count)
        })
        .collect();
    choosing::list(
        canvas,
        room,
        heading("Look from this event at"),
        rows,
        cursor,
    );
}
