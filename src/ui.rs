//! Draws the model: `draw(&Model, &Theme, &mut Frame)` and nothing else leaves this room.
//!
//! Pure: the model in, cells out; drawing changes nothing and reads no clock. Text reaches a cell only through
//! `paint`, which takes [`Safe`](crate::domain::text::Safe) alone. What must not live here: decisions, io.

mod actions;
mod activity;
mod cases;
mod checklist;
mod details;
mod dialog;
mod keys;
pub mod layout;
mod paint;
mod sheet;
mod status;
pub mod theme;
pub mod wall;
mod words;

use ratatui::Frame;
use ratatui::layout::Rect;

use self::layout::Screen;
use self::paint::{Canvas, Words};
use self::theme::{Role, Theme};
use crate::app::model::{Model, Pane};
use crate::safe;

/// Draws the whole screen.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    let cursor = {
        let mut canvas = Canvas::new(frame.buffer_mut(), theme);
        canvas.clear(area);
        if let Some(screen) = layout::screen((area.width, area.height), model.focus, model.zoom) {
            draw_screen(&mut canvas, model, &screen);
            dialog::draw(&mut canvas, model, area, &screen)
        } else {
            let (width, height) = layout::LEAST;
            let text = safe!(
                "quell needs {}x{}, this is {}x{}",
                width,
                height,
                area.width,
                area.height
            );
            canvas.row(area, 0, Words::new(Role::Strong, text));
            None
        }
    };
    if let Some(position) = cursor.filter(|position| area.contains((*position).into())) {
        frame.set_cursor_position(position);
    }
}

fn draw_screen(canvas: &mut Canvas<'_>, model: &Model, screen: &Screen) {
    status::draw(canvas, model, screen.status);
    for rule in &screen.rules {
        canvas.rule(*rule, "│", "|", Role::Border);
    }
    let last = screen.panes.len().saturating_sub(1);
    for (place, (pane, area)) in screen.panes.iter().enumerate() {
        // Exported logs have no other panes behind this one.
        let tabs: &[Pane] = if place == last && model.exported.is_none() {
            &screen.tabs
        } else {
            &[]
        };
        draw_pane(canvas, model, *pane, *area, tabs);
    }
    for (beside, area) in &screen.beside {
        details::draw(canvas, model, *beside, *area);
    }
    for rule in &screen.rules {
        let top = Rect { height: 1, ..*rule };
        canvas.rule(top, "┬", "+", Role::Border);
    }
    keys::draw(canvas, model, screen);
}

fn draw_pane(canvas: &mut Canvas<'_>, model: &Model, pane: Pane, area: Rect, tabs: &[Pane]) {
    let head = Rect { height: 1, ..area };
    canvas.rule(head, "─", "-", Role::Border);
    let facts = match pane {
        Pane::Cases => cases::facts(model),
        Pane::Activity => activity::facts(model),
        Pane::Checklist => checklist::facts(model),
        Pane::Actions => actions::facts(model),
    };
    let mut left = title(model, pane, Role::Title);
    for tab in tabs {
        left = left.chain(title(model, *tab, Role::Dim));
    }
    let facts = if facts.is_empty() {
        facts
    } else {
        Words::new(Role::Text, " ")
            .chain(facts)
            .add(Role::Text, " ")
    };
    let head = layout::narrowed(head, 1, 1);
    let room = usize::from(head.width).saturating_sub(left.width() + 2);
    canvas.ends(head, 0, left, facts.whole(room));
    let body = layout::below(area, 1);
    match pane {
        Pane::Cases => cases::draw(canvas, model, body),
        Pane::Activity => activity::draw(canvas, model, body),
        Pane::Checklist => checklist::draw(canvas, model, body),
        Pane::Actions => actions::draw(canvas, model, body),
    }
}

/// Gives the title of a pane with its number; the one that gets the keys looks different.
fn title(model: &Model, pane: Pane, role: Role) -> Words {
    let number = Pane::ALL
        .iter()
        .position(|other| *other == pane)
        .map_or(0, |place| place + 1);
    let role = if model.focus == pane {
        Role::TitleFocused
    } else {
        role
    };
    Words::new(role, safe!(" {} {} ", number, words::pane(pane)))
}
