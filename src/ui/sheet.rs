//! A column of lines that is longer than its window: dialogs, records, help.
//!
//! What must not live here: what stands in the lines.

use ratatui::layout::Rect;

use super::layout::narrowed;
use super::paint::{Canvas, Words, Wrapped, wrap};
use super::theme::Role;
use crate::domain::text::Safe;

/// One line of a sheet.
#[derive(Clone, Debug)]
enum Line {
    /// Pieces; the right ones keep their place.
    Ends(Words, Words),
    /// A part of a wrapped text, behind a label or as many blanks.
    Wrapped(Words, u16, Role, Wrapped),
}

/// Lines for a window of a known width.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    width: u16,
    lines: Vec<Line>,
}

/// Cells of the labels in front of facts.
const LABEL: u16 = 12;

impl Sheet {
    /// Starts a sheet.
    pub(super) fn new(width: u16) -> Self {
        Self {
            width,
            lines: Vec::new(),
        }
    }

    /// Gives the width it is made for.
    pub(super) fn width(&self) -> u16 {
        self.width
    }

    /// Gives the number of lines.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Adds a line.
    pub(super) fn line(&mut self, words: Words) {
        self.lines.push(Line::Ends(words, Words::empty()));
    }

    /// Adds a line with two ends.
    pub(super) fn ends(&mut self, left: Words, right: Words) {
        self.lines.push(Line::Ends(left, right));
    }

    /// Adds an empty line, unless there is one already.
    pub(super) fn gap(&mut self) {
        let is_empty =
            |line: &Line| matches!(line, Line::Ends(a, b) if a.is_empty() && b.is_empty());
        if self.lines.last().is_some_and(|line| !is_empty(line)) {
            self.line(Words::empty());
        }
    }

    /// Adds a heading.
    pub(super) fn heading(&mut self, text: impl Into<Safe>) {
        self.line(Words::new(Role::Title, text));
    }

    /// Adds a text, wrapped, so many cells in.
    pub(super) fn text(&mut self, indent: u16, role: Role, text: &Safe) {
        self.labelled(Words::empty(), indent, role, text);
    }

    /// Adds a fact: a label, then the text, wrapped beside it.
    pub(super) fn fact(&mut self, label: &'static str, role: Role, text: &Safe) {
        self.labelled(Words::new(Role::Dim, label), LABEL, role, text);
    }

    /// Adds a text, wrapped, beside a label of its own.
    pub(super) fn labelled(&mut self, label: Words, indent: u16, role: Role, text: &Safe) {
        let room = usize::from(self.width.saturating_sub(indent));
        let mut label = Some(label);
        for line in wrap(text, room) {
            let label = label.take().unwrap_or_default();
            self.lines.push(Line::Wrapped(label, indent, role, line));
        }
    }

    /// Draws the lines from one on; gives how many could not be drawn below.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, first: usize) -> usize {
        let shown = self.lines.iter().skip(first);
        for (row, line) in (0..area.height).zip(shown) {
            match line {
                Line::Ends(left, right) => canvas.ends(area, row, left.clone(), right.clone()),
                Line::Wrapped(label, indent, role, text) => {
                    let row_area = Rect {
                        y: area.y + row,
                        height: 1,
                        ..area
                    };
                    let label_area = Rect {
                        width: (*indent).min(area.width),
                        ..row_area
                    };
                    canvas.row(label_area, 0, label.clone());
                    canvas.wrapped(
                        narrowed(row_area, *indent, 0),
                        *role,
                        std::slice::from_ref(text),
                    );
                }
            }
        }
        self.lines
            .len()
            .saturating_sub(first)
            .saturating_sub(usize::from(area.height))
    }
}
