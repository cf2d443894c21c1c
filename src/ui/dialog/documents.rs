//! Reports for the case: choosing the phase, writing, the preview before the post.
//!
//! What must not live here: what the texts say, what the keys do.

use ratatui::layout::Rect;
use ratatui_textarea::TextArea;

use super::choosing::list;
use super::writing::draw_lines;
use super::{heading, open_box, open_sheet};
use crate::app::model::Model;
use crate::app::report::rows;
use crate::domain::containment::hold::near_word;
use crate::domain::freshness::time_word;
use crate::domain::report::documents::Written;
use crate::domain::report::{TEXT_MAX, Target};
use crate::domain::text::Safe;
use crate::safe;
use crate::ui::paint::{Canvas, Words};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

/// Widest box for text: longer lines tire.
const MOST: u16 = 110;

/// Cells of the column with the names of the phases.
const NAME: usize = 24;

/// Draws the phases with what is documented of them.
pub(super) fn choose(canvas: &mut Canvas<'_>, model: &Model, room: Rect, cursor: usize) {
    let rows = rows(model)
        .into_iter()
        .map(|row| {
            let words = Words::empty().column(Role::Strong, &row.subject.title(), NAME);
            let words = match row.latest {
                Some(one) => said(words, one, model),
                None => words.gap(Role::Dim, "not documented"),
            };
            match row.open {
                0 => words,
                open => words.gap(Role::Dim, safe!("{} open", open)),
            }
        })
        .collect();
    list(canvas, room, heading("Document which phase?"), rows, cursor);
}

fn said(words: Words, one: &Written, model: &Model) -> Words {
    let at = near_word(one.at, model.now.utc);
    let gone = |id| model.open.as_ref().and_then(|open| open.comments.gone(id));
    match &one.comment {
        Some(comment) if gone(comment).is_some() => {
            words.gap(Role::StateRefuted, safe!("comment of {} deleted", at))
        }
        Some(comment) => words
            .gap(Role::StateProven, safe!("documented {}", at))
            .gap(Role::Dim, safe!("comment {}", comment.field())),
        None => words.gap(
            Role::StateUnknown,
            safe!("written {}, not read in the case yet", at),
        ),
    }
}

/// Says that a text is being opened.
pub(super) fn opening(canvas: &mut Canvas<'_>, room: Rect, of: &Target) {
    let size = (50.min(room.width), 3);
    let inside = open_box(
        canvas,
        room,
        size,
        heading(of.subject.title()),
        Words::empty(),
    );
    canvas.row(inside, 0, Words::new(Role::Dim, "opening the text"));
}

/// Draws the text; gives where the cursor stands.
pub(super) fn writing(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    of: &Target,
    text: &TextArea<'static>,
) -> Option<(u16, u16)> {
    let length: usize = text
        .lines()
        .iter()
        .map(|line| line.chars().count() + 1)
        .sum();
    let known = match model.ledger.documents().latest(of) {
        Some(one) if one.comment.is_some() => Words::new(
            Role::LevelWarning,
            safe!(
                "documented {}: this will be another comment",
                time_word(one.at)
            ),
        ),
        Some(_) => Words::new(
            Role::LevelWarning,
            "one is on its way: this will be another",
        ),
        None if length > TEXT_MAX - 1_000 => Words::new(
            Role::LevelWarning,
            safe!("{} of {} characters", length, TEXT_MAX),
        ),
        None => Words::empty(),
    };
    let size = (MOST.min(room.width), room.height);
    let inside = open_box(canvas, room, size, heading(of.subject.title()), known);
    let field = Rect {
        height: inside.height.saturating_sub(1),
        ..inside
    };
    let hint = Words::new(Role::Key, "Ctrl-s")
        .add(Role::Dim, " shows it before the post")
        .gap(Role::Key, "Esc")
        .add(Role::Dim, " leaves, the draft is kept")
        .gap(Role::Key, "#")
        .add(Role::Dim, " heading")
        .gap(Role::Key, "-")
        .add(Role::Dim, " item")
        .whole_keys(usize::from(inside.width));
    canvas.row(inside, inside.height.saturating_sub(1), hint);
    let cursor = text.cursor();
    let (row, column) = (cursor.0, cursor.1);
    draw_lines(canvas, field, text.lines(), (row, column))
}

/// Draws the comment as it will be posted.
pub(super) fn preview(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    of: &Target,
    (shown, empty, missing): (&Safe, usize, &[Safe]),
    scroll: usize,
) {
    let mut sheet = Sheet::new(super::inner_width(room, MOST));
    if !missing.is_empty() {
        let line = "known now, and not in this text (emptied and left, it is composed anew):";
        sheet.text(0, Role::LevelWarning, &line.into());
        for line in missing {
            sheet.text(2, Role::LevelWarning, line);
        }
        sheet.gap();
    }
    if empty > 0 {
        let line = safe!(
            "headings with nothing below them: {}; they are posted so",
            empty
        );
        sheet.text(0, Role::LevelWarning, &line);
        sheet.gap();
    }
    sheet.text(0, Role::Text, shown);
    let marks = "then two lines of marks: quell:ID finds it again, audit ... anchors the log";
    sheet.text(0, Role::Dim, &marks.into());
    let title = safe!(
        "{}: this is posted to case {}",
        of.subject.title(),
        words::case_name(model, &of.case)
    );
    open_sheet(canvas, room, heading(title), &sheet, MOST, scroll);
}
