//! Dialogs about runbooks: choosing one, its inputs, a gate.
//!
//! What must not live here: what the answers do.

use ratatui::layout::Rect;

use super::{heading, open_box, open_sheet};
use crate::app::checklist;
use crate::app::model::Model;
use crate::app::model::list::{GateAsk, RunbookRow};
use crate::domain::runbook::filled::{Filled, Origin};
use crate::safe;
use crate::ui::layout::{below, first_row};
use crate::ui::paint::{Canvas, Words, wrap};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 90;

/// Draws the runbooks to choose from; two lines each where a reason stands beside them.
pub(super) fn choose(
    canvas: &mut Canvas<'_>,
    room: Rect,
    rows: &[RunbookRow],
    cursor: usize,
    nested: bool,
) {
    let height = u16::try_from(rows.len() + 4).unwrap_or(u16::MAX);
    let title = if nested {
        "Which list?"
    } else {
        "Runbook of the case"
    };
    let facts = Words::new(Role::Dim, safe!("{} runbooks", rows.len()));
    let size = (MOST.min(room.width), height.min(room.height));
    let inside = open_box(canvas, room, size, heading(title), facts);
    let list = Rect {
        height: inside.height.saturating_sub(2),
        ..inside
    };
    let first = first_row(cursor, rows.len(), usize::from(list.height));
    for (line, (index, row)) in (0..list.height).zip(rows.iter().enumerate().skip(first)) {
        let lead = words::lead_role(index == cursor, true, Role::Text);
        let left = words::gutter(canvas, index == cursor, true)
            .add(lead, row.title.field())
            .gap(Role::Dim, row.path.field());
        let role = if row.why.as_str().starts_with("now") {
            Role::StateProven
        } else {
            Role::Dim
        };
        canvas.ends(list, line, left, Words::new(role, row.why.fit(40)));
    }
    if let Some(row) = rows.get(cursor) {
        let under = below(inside, inside.height.saturating_sub(1));
        canvas.row(under, 0, Words::new(Role::Dim, row.why.clone()));
    }
}

/// Draws the inputs with where each value comes from.
pub(super) fn inputs(canvas: &mut Canvas<'_>, model: &Model, room: Rect, cursor: usize) {
    let inputs = checklist::inputs(model);
    let size = (
        MOST.min(room.width),
        u16::try_from(inputs.len() + 6)
            .unwrap_or(u16::MAX)
            .min(room.height),
    );
    let missing = inputs.iter().filter(|input| input.is_missing()).count();
    let facts = match missing {
        0 => Words::empty(),
        count => Words::new(Role::LevelWarning, safe!("{} missing", count)),
    };
    let inside = open_box(canvas, room, size, heading("Inputs of the runbook"), facts);
    let list = Rect {
        height: inside.height.saturating_sub(4),
        ..inside
    };
    if inputs.is_empty() {
        canvas.row(
            inside,
            0,
            Words::new(Role::Dim, "the runbook declares none"),
        );
    }
    let first = first_row(cursor, inputs.len(), usize::from(list.height));
    for (line, (index, input)) in (0..list.height).zip(inputs.iter().enumerate().skip(first)) {
        let lead = words::lead_role(index == cursor, true, Role::Dim);
        let name = input.name.field();
        let left = words::gutter(canvas, index == cursor, true)
            .column(lead, &name, 20)
            .add(Role::Text, " ")
            .add(Role::Strong, input.value.field());
        canvas.ends(list, line, left, origin(input));
    }
    let under = below(inside, inside.height.saturating_sub(3));
    if let Some(input) = inputs.get(cursor) {
        let lines = wrap(&input.description.line(), usize::from(under.width));
        canvas.wrapped(
            under,
            Role::Dim,
            lines.get(..2.min(lines.len())).unwrap_or_default(),
        );
    }
    let hint =
        Words::new(Role::Key, "Enter").add(Role::Dim, " types another value in; it is recorded");
    canvas.row(below(under, 2), 0, hint);
}

fn origin(input: &Filled) -> Words {
    match input.origin {
        Origin::Missing if input.optional => Words::new(Role::Dim, "optional"),
        Origin::Missing => Words::new(Role::LevelWarning, "missing"),
        other => Words::new(Role::Dim, other.word()),
    }
}

/// Draws a gate with its words.
pub(super) fn gate(canvas: &mut Canvas<'_>, room: Rect, gate: &GateAsk) {
    let width = 78.min(room.width);
    let mut sheet = Sheet::new(width.saturating_sub(4));
    sheet.line(Words::new(Role::Strong, gate.step.label.field()));
    sheet.text(0, Role::Text, &gate.words);
    sheet.gap();
    if let Some(before) = &gate.before {
        let text = safe!("Waits for it: {}", before.line());
        sheet.text(0, Role::Dim, &text);
        sheet.gap();
    }
    sheet.line(
        Words::new(Role::Key, "y")
            .add(Role::Text, " yes, go on")
            .gap(Role::Key, "n")
            .add(Role::Text, " no, what follows waits")
            .gap(Role::Key, "Esc")
            .add(Role::Text, " no answer"),
    );
    let height = u16::try_from(sheet.len() + 2).unwrap_or(u16::MAX);
    // The answer must be seen: a text too long for the screen is scrolled to its end.
    let hidden = usize::from(height.saturating_sub(room.height));
    open_sheet(canvas, room, heading("A gate asks"), &sheet, width, hidden);
}
