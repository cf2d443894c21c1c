//! Rows of a table into steps.
//!
//! What must not live here: which tables hold steps.

use super::blocks::{Inline, Row, Table};
use super::names;
use super::steps::Steps;
use super::tables::{self, Columns};
use super::words::Words;
use crate::domain::runbook::Step;

impl Steps<'_> {
    /// Reads the rows of a table; those below a row that is only a name are the sub-steps of it.
    pub(super) fn of_table(&mut self, table: &Table, columns: Columns, steps: &mut Vec<Step>) {
        let mut group: Option<(&Row, &Inline, Vec<Step>)> = None;
        for found in tables::rows(table, columns) {
            if self.is_full(found.row.line) {
                break;
            }
            if found.group {
                let before = group.replace((found.row, found.cell, Vec::new()));
                steps.extend(self.group(before));
                continue;
            }
            let new = self.row(found.row, found.cell, columns.action);
            match &mut group {
                Some((_, _, below)) => below.extend(new),
                None => steps.extend(new),
            }
        }
        steps.extend(self.group(group));
    }

    fn group(&mut self, group: Option<(&Row, &Inline, Vec<Step>)>) -> Option<Step> {
        let (row, cell, below) = group.filter(|(_, _, below)| !below.is_empty())?;
        let end = below.last().map_or(row.line, |step| step.lines.end);
        let name = Inline {
            text: names::without_numbering(&cell.text).1,
            lines: cell.lines.clone(),
            ..Inline::default()
        };
        let mut words = Words::of(&name);
        words.add(&name, &name.text);
        Some(self.step(&words, row.line, end, below))
    }

    /// Reads a row of a table: the cell with the action, its further tasks and those of the other cells below it.
    fn row(&mut self, row: &Row, cell: &Inline, action: usize) -> Vec<Step> {
        let end = row.line.saturating_add(1);
        let worded = |task: &&str| names::strip_box(task).chars().any(char::is_alphanumeric);
        let tasks: Vec<&str> = cell
            .text
            .lines()
            .filter(|line| names::has_box(line))
            .filter(worded)
            .collect();
        if tasks.len() > 1 {
            return tasks
                .iter()
                .map(|task| self.plain(names::strip_box(task), row.line, end))
                .collect();
        }
        let mut words = Words::of(cell);
        words.add(cell, names::strip_box(&cell.text));
        let mut substeps = Vec::new();
        for (_, other) in row.cells.iter().enumerate().filter(|(i, _)| *i != action) {
            let own: Vec<&str> = other
                .text
                .lines()
                .filter(|line| !names::has_box(line))
                .collect();
            let boxed = other.text.lines().filter(|line| names::has_box(line));
            for task in boxed.filter(worded) {
                substeps.push(self.plain(names::strip_box(task), row.line, end));
            }
            words.add(other, &own.join(" "));
        }
        vec![self.step(&words, row.line, end, substeps)]
    }
}
