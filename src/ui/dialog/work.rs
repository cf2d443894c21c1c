//! Dialogs of the work on cases: closing, a question, snoozing, other cases, the case in full.
//!
//! What must not live here: what the answers do.

use ratatui::layout::Rect;

use super::choosing::list;
use super::writing::draw_lines;
use super::{heading, open_box, open_sheet};
use crate::app::model::Model;
use crate::app::model::closing::CloseDialog;
use crate::app::model::layer::{Question, SNOOZES};
use crate::app::related;
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::domain::verdict::Verdict;
use crate::safe;
use crate::ui::details;
use crate::ui::layout::{below, first_row};
use crate::ui::paint::{Canvas, Words, wrap};
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 78;

/// Draws the closing of cases; gives where the cursor stands.
pub(super) fn close(
    canvas: &mut Canvas<'_>,
    room: Rect,
    dialog: &CloseDialog,
) -> Option<(u16, u16)> {
    let names = dialog.cases.iter().map(|(_, name)| name.clone());
    let title = safe!("Close {}", Safe::join(names, &Safe::fixed(", ")).fit(40));
    let inside = open_box(
        canvas,
        room,
        (MOST.min(room.width), 18.min(room.height)),
        heading(title),
        Words::empty(),
    );
    let mut line = 0;
    for verdict in Verdict::ALL {
        let chosen = dialog.verdict == Some(verdict);
        let row = words::gutter(canvas, chosen, true)
            .add(words::lead_role(chosen, true, Role::Text), verdict.word());
        canvas.row(inside, line, row);
        line += 1;
    }
    line += 1;
    // A row each for the comment, its heading and what was said stays free.
    let most = usize::from(inside.height.saturating_sub(line + 3));
    for words in left_open(dialog).into_iter().take(most) {
        canvas.row(inside, line, words);
        line += 1;
    }
    canvas.row(
        inside,
        line,
        Words::new(Role::Dim, "Comment, kept in the closed case:"),
    );
    line += 1;
    let field = Rect {
        height: inside.height.saturating_sub(line + 2).max(1),
        ..below(inside, line)
    };
    let cursor = dialog.area.cursor();
    let at = draw_lines(canvas, field, dialog.area.lines(), (cursor.0, cursor.1));
    let last = inside.height.saturating_sub(1);
    let said = match (&dialog.said, dialog.esc) {
        (_, true) => {
            let leaves: &'static str = if dialog.back.is_some() {
                "Esc once more leaves; the text is kept in this console"
            } else {
                "Esc once more leaves; the text is lost"
            };
            Words::new(Role::LevelWarning, leaves)
        }
        (Some(said), _) => Words::new(Role::LevelWarning, said.clone()),
        (None, _) => Words::new(Role::Key, "Up Down")
            .add(Role::Dim, " verdict")
            .gap(Role::Key, "Ctrl-s")
            .add(Role::Dim, " closes")
            .gap(Role::Key, "Esc")
            .add(Role::Dim, " leaves"),
    };
    canvas.row(inside, last, said);
    at
}

/// Says what would stay contained, go on or stay open; the accounts first.
fn left_open(dialog: &CloseDialog) -> Vec<Words> {
    let stays = dialog.stays.iter().cloned();
    let mut lines: Vec<Words> = stays
        .map(|line| Words::new(Role::LevelWarning, line))
        .collect();
    if let Some(Err(fault)) = dialog.open.values().find(|tasks| tasks.is_err()) {
        lines.push(Words::new(
            Role::LevelError,
            safe!("the tasks cannot be read: {}", fault.what),
        ));
    } else if !dialog.is_read() {
        lines.push(Words::new(Role::Dim, "reading the tasks"));
    }
    let tasks = dialog.open_tasks();
    if !tasks.is_empty() {
        let titles = tasks.iter().take(3).map(|(_, title)| title.field());
        let more = if tasks.len() > 3 { ", ..." } else { "" };
        lines.push(Words::new(
            Role::LevelWarning,
            safe!(
                "{} tasks stay open: {}{}",
                tasks.len(),
                Safe::join(titles, &Safe::fixed(", ")),
                more
            ),
        ));
    }
    if dialog.steps > 0 {
        lines.push(Words::new(
            Role::LevelWarning,
            safe!("{} mandatory steps of the list are open", dialog.steps),
        ));
    }
    if lines.is_empty() {
        lines.push(Words::new(Role::StateProven, "no task stays open"));
    }
    if !dialog.not_counted.is_empty() {
        let names = dialog.not_counted.iter().cloned();
        let names = Safe::join(names, &Safe::fixed(", "));
        lines.push(Words::new(
            Role::Dim,
            safe!("steps of the list were not looked at for {}", names),
        ));
    }
    lines
}

/// Draws a question.
pub(super) fn ask(canvas: &mut Canvas<'_>, room: Rect, question: &Question) {
    let width = MOST.min(room.width);
    let lines = wrap(&question.text, usize::from(width.saturating_sub(4)));
    let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX);
    let inside = open_box(
        canvas,
        room,
        (width, height),
        heading(question.title),
        Words::empty(),
    );
    canvas.wrapped(inside, Role::Text, &lines);
    canvas.row(
        inside,
        height.saturating_sub(3),
        Words::new(Role::Key, "y")
            .add(Role::Text, " does it")
            .gap(Role::Key, "any other key")
            .add(Role::Text, " changes nothing"),
    );
}

/// Draws for how long cases are not shown.
pub(super) fn snooze(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    (count, cursor): (usize, usize),
) {
    let rows = SNOOZES
        .iter()
        .map(|(minutes, word)| {
            let until = model.now.utc + chrono::TimeDelta::minutes(*minutes);
            Words::new(Role::Strong, safe!("{:<14}", *word)).add(Role::Dim, time_word(until))
        })
        .collect();
    let title = if count == 1 {
        heading("Do not show the case for how long?")
    } else {
        heading(safe!("Do not show {} cases for how long?", count))
    };
    list(canvas, room, title, rows, cursor);
}

/// Draws the other cases of the user and of what was seen.
pub(super) fn related(canvas: &mut Canvas<'_>, model: &Model, room: Rect, cursor: usize) {
    let rows = related::rows(model);
    let note = related::unknown(model);
    let width = 100.min(room.width);
    let under = wrap(&note, usize::from(width.saturating_sub(4)));
    let size = rows.len().max(1) + under.len() + 3;
    let height = u16::try_from(size).unwrap_or(u16::MAX).min(room.height);
    let facts = Words::new(Role::Dim, safe!("{} cases", rows.len()));
    let inside = open_box(canvas, room, (width, height), heading("Other cases"), facts);
    let below_list = u16::try_from(under.len()).unwrap_or(0) + 1;
    let area = Rect {
        height: inside.height.saturating_sub(below_list),
        ..inside
    };
    if rows.is_empty() {
        canvas.row(area, 0, Words::new(Role::Dim, "no other case is known"));
    }
    let first = first_row(cursor, rows.len(), usize::from(area.height));
    for (line, (index, row)) in (0..area.height).zip(rows.iter().enumerate().skip(first)) {
        let lead = words::lead_role(index == cursor, true, Role::Text);
        let role = if row.is_open { Role::Strong } else { Role::Dim };
        let left = words::gutter(canvas, index == cursor, true)
            .add(lead, safe!("{:>6}", row.name))
            .gap(role, safe!("{:<11}", row.status.fit(11)))
            .gap(Role::Text, row.title.clone());
        canvas.ends(area, line, left, Words::new(Role::Dim, row.why.fit(40)));
    }
    canvas.wrapped(below(inside, area.height + 1), Role::Dim, &under);
}

/// Draws the case in full.
pub(super) fn card(canvas: &mut Canvas<'_>, model: &Model, room: Rect, scroll: usize) {
    let most = 100.min(room.width);
    let (title, sheet) = details::case(model, most.saturating_sub(4));
    open_sheet(canvas, room, heading(title), &sheet, most, scroll);
}
