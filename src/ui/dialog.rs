//! The dialogs: each is a box over the panes; only the top one is drawn.
//!
//! What must not live here: what their keys do.

mod approval;
mod choosing;
mod confirm;
mod contained;
mod documents;
mod escalation;
mod left;
mod pivot;
mod reading;
mod response;
mod runbooks;
mod secret;
mod work;
mod writing;

use ratatui::layout::Rect;

pub(super) use self::confirm::verb as confirm_verb;
pub(super) use self::response::sheet as response_sheet;

use super::layout::{Screen, below, middle, narrowed};
use super::paint::{Canvas, Words};
use super::sheet::Sheet;
use super::theme::Role;
use crate::app::model::{Layer, Model, Purpose};
use crate::app::report;
use crate::domain::text::Safe;
use crate::safe;

/// Draws the top layer; gives where the terminal's cursor belongs, if something is being typed.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    area: Rect,
    screen: &Screen,
) -> Option<(u16, u16)> {
    let layer = model.layers.last()?;
    let room = Rect {
        y: area.y + 1,
        height: screen.keys.y.saturating_sub(area.y + 1),
        ..area
    };
    match layer {
        Layer::Confirm {
            confirmation,
            said,
            scroll,
        } => {
            return confirm::draw(canvas, model, room, (confirmation, said.as_ref(), *scroll));
        }
        Layer::Approve {
            consent,
            said,
            scroll,
        } => {
            return approval::draw(canvas, model, room, (consent, said.as_ref(), *scroll));
        }
        Layer::Approvals { cursor } => approval::list(canvas, model, room, *cursor),
        Layer::ReadingRequest { .. } => approval::reading(canvas, room),
        Layer::Writing {
            purpose: Purpose::Document(of),
            area,
            ..
        } => return documents::writing(canvas, model, room, of, area),
        Layer::Documents { cursor } => documents::choose(canvas, model, room, *cursor),
        Layer::OpeningDraft { of } => documents::opening(canvas, room, of),
        Layer::Preview {
            of,
            text,
            shown,
            empty,
            scroll,
            ..
        } => {
            let missing = report::missing(model, of, text.raw());
            documents::preview(canvas, model, room, of, (shown, *empty, &missing), *scroll);
        }
        Layer::Writing { purpose, area, esc } => {
            return writing::draw(canvas, room, purpose, area, *esc);
        }
        Layer::Search { typed, cursor } => {
            return Some(choosing::search(canvas, model, room, typed, *cursor));
        }
        // They are drawn by their panes.
        Layer::Filter { .. } | Layer::EventFilter(_) => {}
        Layer::Pivot { rows, cursor } => pivot::draw(canvas, room, rows, *cursor),
        Layer::Help { context, scroll } => reading::help(canvas, model, room, *context, *scroll),
        Layer::Reading {
            title,
            text,
            scroll,
        } => reading::text(canvas, room, title, text, *scroll),
        Layer::Messages { scroll } => reading::messages(canvas, model, room, *scroll),
        Layer::Response { scroll } => response::draw(canvas, model, room, *scroll),
        Layer::Escalation { scroll } => escalation::draw(canvas, model, room, *scroll),
        Layer::Contain { cursor } => choosing::contain(canvas, model, room, *cursor),
        Layer::Left { cursor } => left::draw(canvas, model, room, *cursor),
        Layer::Likelihood { cursor } => choosing::likelihood(canvas, model, room, *cursor),
        Layer::ChooseUser { names, cursor } => choosing::user(canvas, room, names, *cursor),
        Layer::Runbooks {
            rows,
            cursor,
            nested,
        } => {
            runbooks::choose(canvas, room, rows, *cursor, *nested);
        }
        Layer::Inputs { cursor } => runbooks::inputs(canvas, model, room, *cursor),
        Layer::Gate(gate) => runbooks::gate(canvas, room, gate),
        Layer::Planning { kinds, items, of } => {
            choosing::planning(canvas, room, (kinds, items.len()), of);
        }
        Layer::Unfinished { cursor, aid } => {
            response::unfinished(canvas, model, room, (*cursor, aid.as_ref()));
        }
        Layer::Contained { cursor } => contained::draw(canvas, model, room, *cursor),
        Layer::HoldEnd { of, watch, cursor } => {
            choosing::hold_end(canvas, model, room, (of, *watch), *cursor);
        }
        Layer::Close(dialog) => return work::close(canvas, room, dialog),
        Layer::Ask(question) => work::ask(canvas, room, question),
        Layer::Snooze { cases, cursor } => {
            work::snooze(canvas, model, room, (cases.len(), *cursor));
        }
        Layer::Card { scroll } => work::card(canvas, model, room, *scroll),
        Layer::Related { cursor } => work::related(canvas, model, room, *cursor),
        Layer::Secret(handed) => secret::draw(canvas, model, room, handed),
        Layer::QuitAnyway => choosing::quit(canvas, model, room),
        Layer::Rearm { typed } => choosing::rearm(canvas, typed, room),
    }
    None
}

/// Draws an empty box with a heading in the middle of the room; gives its inside.
fn open_box(
    canvas: &mut Canvas<'_>,
    room: Rect,
    size: (u16, u16),
    title: Words,
    facts: Words,
) -> Rect {
    let area = middle(room, size.0, size.1);
    if area.width < 4 || area.height < 3 {
        canvas.clear(area);
        return area;
    }
    canvas.clear(area);
    let edge = |y: u16| Rect {
        y,
        height: 1,
        ..area
    };
    let upright = |x: u16| Rect {
        x,
        width: 1,
        ..area
    };
    canvas.rule(edge(area.y), "─", "-", Role::DialogBorder);
    canvas.rule(edge(area.bottom() - 1), "─", "-", Role::DialogBorder);
    canvas.rule(upright(area.x), "│", "|", Role::DialogBorder);
    canvas.rule(upright(area.right() - 1), "│", "|", Role::DialogBorder);
    let corners = [
        (area.x, area.y, "┌"),
        (area.right() - 1, area.y, "┐"),
        (area.x, area.bottom() - 1, "└"),
        (area.right() - 1, area.bottom() - 1, "┘"),
    ];
    for (x, y, sign) in corners {
        canvas.rule(Rect::new(x, y, 1, 1), sign, "+", Role::DialogBorder);
    }
    let title = Words::new(Role::Text, " ")
        .chain(title)
        .add(Role::Text, " ");
    let facts = if facts.is_empty() {
        facts
    } else {
        Words::new(Role::Text, " ")
            .chain(facts)
            .add(Role::Text, " ")
    };
    canvas.ends(narrowed(edge(area.y), 2, 2), 0, title, facts);
    let inside = below(narrowed(area, 2, 2), 1);
    Rect {
        height: inside.height.saturating_sub(1),
        ..inside
    }
}

fn heading(text: impl Into<Safe>) -> Words {
    Words::new(Role::DialogTitle, text)
}

/// Gives the width inside a box that is so wide at most.
fn inner_width(room: Rect, most: u16) -> u16 {
    room.width.min(most).saturating_sub(4)
}

/// Draws a sheet in a box that is as high as it needs, from a line on; says how much is below.
fn open_sheet(
    canvas: &mut Canvas<'_>,
    room: Rect,
    title: Words,
    sheet: &Sheet,
    most: u16,
    scroll: usize,
) {
    let height = u16::try_from(sheet.len() + 2).unwrap_or(u16::MAX);
    let height = height.min(room.height);
    let seen = usize::from(height.saturating_sub(2));
    let first = scroll.min(sheet.len().saturating_sub(seen));
    let facts = if sheet.len() > seen {
        let last = (first + seen).min(sheet.len());
        Words::new(
            Role::Dim,
            safe!("{} to {} of {}", first + 1, last, sheet.len()),
        )
    } else {
        Words::empty()
    };
    let inside = open_box(canvas, room, (room.width.min(most), height), title, facts);
    sheet.draw(canvas, inside, first);
}
