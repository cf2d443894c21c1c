//! Tables whose rows are steps: with boxes to tick, or with a column of actions that are numbered or ticked off.
//!
//! What must not live here: how a row becomes a step.

use super::blocks::{Inline, Row, Table};
use super::{names, verbs};

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
    "action required",
    "action to take",
    "incident response procedure",
    "response procedure",
    "response action",
    "response actions",
    "response step",
    "recommended action",
    "recommended actions",
    "description of action",
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
    "completed?",
    "date completed",
    "time completed",
    "completed by",
    "action taken",
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
    *table.columns.get_or_init(|| find_columns(table))
}

fn find_columns(table: &Table) -> Option<Columns> {
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
    let groups: Vec<bool> = table
        .rows
        .iter()
        .map(|row| group_name(row).is_some())
        .collect();
    let numbers = (0..width).find(|i| is_numbers(table, *i, &groups));
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
    // A number and one more column: what the other cells order is done in this order.
    let ordered = || {
        let action = other.filter(|_| counted && width == 2)?;
        let orders = cells(table, action).filter(|text| verbs::is_order(text));
        (orders.count() * 2 > table.rows.len()).then_some(action)
    };
    let action = named.filter(|_| counted || ticked).or_else(ordered)?;
    Some(Columns {
        action,
        boxes: false,
    })
}

/// The rows that have words in the column of the steps, and those that name the rows below them.
pub(super) fn rows(table: &Table, columns: Columns) -> impl Iterator<Item = TableRow<'_>> {
    table.rows.iter().filter_map(move |row| {
        let name = group_name(row).filter(|_| columns.action > 0);
        let cell = name.or_else(|| row.cells.get(columns.action))?;
        let words = names::strip_box(&cell.text);
        words
            .chars()
            .any(char::is_alphanumeric)
            .then_some(TableRow {
                row,
                cell,
                group: name.is_some(),
            })
    })
}

/// A row of a table whose rows are steps.
pub(super) struct TableRow<'a> {
    pub row: &'a Row,
    /// The cell with the step, or with the name of the rows below it.
    pub cell: &'a Inline,
    /// Whether it only names the rows below it.
    pub group: bool,
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

/// A column of numbers (`1`, `1.2`, `1a.`), apart from rows that are nothing but a name for those below them.
fn is_numbers(table: &Table, column: usize, groups: &[bool]) -> bool {
    let number = |text: &str| {
        let bare = text.trim_end_matches(['.', ')']);
        let digits = bare.strip_suffix(|c: char| c.is_ascii_lowercase());
        let digits = digits.unwrap_or(bare);
        !digits.is_empty()
            && digits.len() <= 6
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    let mut cells = cells(table, column)
        .zip(groups)
        .filter(|(_, group)| !**group)
        .map(|(text, _)| text)
        .peekable();
    cells.peek().is_some() && cells.all(number)
}

/// Gives the only cell of a row that has words, when it is the first one and the row has three cells or more: it names
/// the rows below it.
pub(super) fn group_name(row: &Row) -> Option<&Inline> {
    let (first, others) = row.cells.split_first()?;
    let worded = |text: &str| text.chars().any(char::is_alphabetic);
    let alone = others.len() >= 2 && others.iter().all(|cell| cell.text.trim().is_empty());
    (alone && worded(&first.text)).then_some(first)
}

fn cells(table: &Table, column: usize) -> impl Iterator<Item = &str> {
    table
        .rows
        .iter()
        .map(move |row| row.cells.get(column).map_or("", |cell| cell.text.trim()))
}
