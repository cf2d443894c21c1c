//! Dialogs that are read: help, a record, the message log.

use ratatui::layout::Rect;

use super::{heading, inner_width, open_sheet};
use crate::app::command::{COMMANDS, Context};
use crate::app::model::Model;
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::safe;
use crate::ui::paint::{Canvas, Words};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

/// Widest box for text: longer lines tire.
const MOST: u16 = 110;

/// Draws the keys of a context and those that hold everywhere.
pub(super) fn help(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    context: Context,
    scroll: usize,
) {
    let mut sheet = Sheet::new(inner_width(room, 80));
    let mut contexts = vec![context];
    if context.is_pane() {
        contexts.push(Context::Everywhere);
    }
    contexts.extend([
        Context::Preview,
        Context::Contain,
        Context::Left,
        Context::Unfinished,
        Context::Contained,
        Context::Reading,
    ]);
    for context in contexts {
        sheet.gap();
        sheet.heading(context.word());
        for spec in COMMANDS.iter().filter(|spec| spec.context == context) {
            let keys = words::keys_of_id(model, spec.id);
            let (role, keys) = if keys.is_empty() {
                (Role::Dim, "no key".into())
            } else {
                (Role::Key, keys)
            };
            let label = Words::new(role, safe!("{:>16}", keys));
            sheet.labelled(label, 18, Role::Text, &spec.doc.into());
        }
    }
    open_sheet(canvas, room, heading("Keys"), &sheet, 80, scroll);
}

/// Draws a text in full.
pub(super) fn text(canvas: &mut Canvas<'_>, room: Rect, title: &Safe, text: &Safe, scroll: usize) {
    let mut sheet = Sheet::new(inner_width(room, MOST));
    sheet.text(0, Role::Text, text);
    open_sheet(canvas, room, heading(title.clone()), &sheet, MOST, scroll);
}

/// Draws the message log, newest first.
pub(super) fn messages(canvas: &mut Canvas<'_>, model: &Model, room: Rect, scroll: usize) {
    let mut sheet = Sheet::new(inner_width(room, MOST));
    if model.log.is_empty() {
        sheet.line(Words::new(Role::Dim, "nothing was said yet"));
    }
    for line in model.log.iter().rev() {
        let label = Words::new(Role::Dim, time_word(line.at));
        sheet.labelled(label, 22, words::level_role(line.level), &line.text);
        if let Some(hint) = &line.hint {
            sheet.text(22, Role::Dim, hint);
        }
    }
    open_sheet(
        canvas,
        room,
        heading("Messages, newest first"),
        &sheet,
        MOST,
        scroll,
    );
}
