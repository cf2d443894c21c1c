//! Tables whose rows are steps: with boxes to tick, or with a column of actions that are numbered or ticked off.
//!
//! What must not live here: how a row becomes a step.

use super::blocks::{Inline, Row, Table};
use super::names;

/// Headers of the column that holds the steps.
const ACTIONS: &[&str] = &[
    "action",
    "actions",
    "action item",
    "action items",
    "task",
    "tasks",
    "step",
    "steps",
    "activity",
    "item",
    "check",
    "checklist",
    "procedure",
    "what to do",
    "question",
];

/// Headers of a column that numbers the rows.
const NUMBERS: &[&str] = &["#", "no", "no.", "nr", "number", "step", "step #", "id"];

/// Headers of a column in which the rows are ticked off.
const DONE: &[&str] = &[
    "done",
    "done?",
    "status",
    "complete",
    "completed",
    "check",
    "\u{2713}",
    "\u{2714}",
    "\u{2705}",
    "\u{2610}",
    "[ ]",
    "x",
    "",
];

/// Where the steps of a table stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// The column whose words are the step.
    pub action: usize,
    /// Whether the rows carry boxes.
    pub boxes: bool,
}

/// Finds out whether the rows of a table are steps, and which column holds them.
pub(super) fn columns(table: &Table) -> Option<Columns> {
    let width = table.header.len();
    let header = |i: usize| {
        table
            .header
            .get(i)
            .map(|cell| cell.text.trim().to_lowercase())
            .unwrap_or_default()
    };
    let is = |names: &'static [&str]| move |i: &usize| names.contains(&header(*i).as_str());
    let boxed = (0..width).find(|i| is_boxes(table, *i));
    let tasks = (0..width).find(|i| holds_tasks(table, *i));
    let numbers = (0..width).find(|i| is_numbers(table, *i));
    let named = (0..width)
        .filter(|i| Some(*i) != numbers && Some(*i) != boxed)
        .find(is(ACTIONS));
    if let Some(action) = tasks {
        return Some(Columns {
            action,
            boxes: true,
        });
    }
    let other = (0..width).find(|i| Some(*i) != numbers && Some(*i) != boxed);
    if boxed.is_some() {
        let action = named.or(other)?;
        return Some(Columns {
            action,
            boxes: true,
        });
    }
    let counted = numbers.is_some() && (0..width).any(|i| is(NUMBERS)(&i));
    let ticked = named.is_some_and(|action| (0..width).any(|i| i != action && is(DONE)(&i)));
    let action = named.filter(|_| counted || ticked)?;
    Some(Columns {
        action,
        boxes: false,
    })
}

/// The rows that have words in the column of the steps.
pub(super) fn rows(table: &Table, columns: Columns) -> impl Iterator<Item = (&Row, &Inline)> {
    table.rows.iter().filter_map(move |row| {
        let cell = row.cells.get(columns.action)?;
        let words = names::strip_box(&cell.text);
        words
            .chars()
            .any(char::is_alphanumeric)
            .then_some((row, cell))
    })
}

/// A column of nothing but boxes, at least one of them.
fn is_boxes(table: &Table, column: usize) -> bool {
    let mut any = false;
    let all = cells(table, column).all(|text| {
        any |= !text.is_empty();
        text.is_empty() || (names::has_box(text) && names::strip_box(text).is_empty())
    });
    all && any
}

/// A column in which at least half of the cells begin with a box and go on with words.
fn holds_tasks(table: &Table, column: usize) -> bool {
    let tasks = cells(table, column)
        .filter(|text| names::has_box(text) && !names::strip_box(text).is_empty())
        .count();
    tasks > 0 && tasks * 2 >= table.rows.len()
}

fn is_numbers(table: &Table, column: usize) -> bool {
    let number = |text: &str| {
        let bare = text.trim_end_matches(['.', ')']);
        !bare.is_empty() && bare.len() <= 6 && bare.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    !table.rows.is_empty() && cells(table, column).all(number)
}

fn cells(table: &Table, column: usize) -> impl Iterator<Item = &str> {
    table
        .rows
        .iter()
        .map(move |row| row.cells.get(column).map_or("", |cell| cell.text.trim()))
}
