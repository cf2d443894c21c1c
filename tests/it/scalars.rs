//! Every Unicode scalar value through the rule, through the widgets, to the bytes of a terminal.

use quell::domain::text::{Context, Safe, show};
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders, Paragraph, Row, Table, Wrap};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::wire::{caret, filter, first_drift, first_forbidden, is_forbidden, render};

/// Scalar values in one frame.
const ROWS: u16 = 100;
/// Cells for one text; the longest is 39: three escapes of 10 with their words around.
const COLUMNS: u16 = 42;

/// In a debug build only every 61st value is drawn (a prime, so that no block of a power of two is left
/// out); a release build draws all of them.
const STRIDE: usize = if cfg!(debug_assertions) { 61 } else { 1 };

/// Tells whether a text is as wide as its characters together.
fn is_additive(text: &str) -> bool {
    text.width()
        == text
            .chars()
            .filter_map(UnicodeWidthChar::width)
            .sum::<usize>()
}

fn scalars(stride: usize) -> impl Iterator<Item = char> {
    ('\0'..=char::MAX).step_by(stride)
}

fn shown(text: &str) -> Safe {
    show(text.as_bytes(), Context::Field)
}

/// The value alone, inside a word, and after a base.
fn sample(c: char) -> Safe {
    Safe::concat([
        shown(&c.to_string()),
        Safe::fixed("|"),
        shown(&format!("ab{c}cd")),
        Safe::fixed("|"),
        shown(&format!("e{c}")),
    ])
}

/// Draws a batch of texts in a paragraph, a wrapped paragraph, table cells and block titles.
fn check(batch: &[Safe]) -> Result<(), String> {
    let (buffer, bytes) = render(COLUMNS * 4, ROWS, |frame| {
        let lines = || {
            batch
                .iter()
                .map(|text| Line::from(text.as_str()))
                .collect::<Text>()
        };
        let column = |at: u16| Rect::new(at * COLUMNS, 0, COLUMNS, ROWS);
        frame.render_widget(Paragraph::new(lines()), column(0));
        let wrapped = Paragraph::new(lines()).wrap(Wrap { trim: false });
        frame.render_widget(wrapped, column(1));
        let rows = batch.iter().map(|text| Row::new([text.as_str()]));
        let table = Table::new(rows, [Constraint::Length(COLUMNS)]);
        frame.render_widget(table, column(2));
        for (row, text) in (0..ROWS).zip(batch) {
            let block = Block::new().borders(Borders::TOP).title(text.as_str());
            frame.render_widget(block, Rect::new(3 * COLUMNS, row, COLUMNS, 1));
        }
    });
    let first = batch.first().map(Safe::as_str).unwrap_or_default();
    if let Some(bad) = first_forbidden(&bytes, false) {
        return Err(format!("{bad} in the batch from {first:?}"));
    }
    let (passed, dropped) = filter(&bytes);
    if dropped > 0 || passed != bytes {
        return Err(format!("the filter dropped {dropped} after {first:?}"));
    }
    match first_drift(&buffer, &bytes) {
        Some(drift) => Err(format!("{drift} in the batch from {first:?}")),
        None => Ok(()),
    }
}

/// Tells whether the value is there: as itself, or as an escape that names it.
fn is_visible(c: char, text: &Safe) -> bool {
    let code = u32::from(c);
    let name = match code {
        0..=0x1F | 0x7F => format!("^{}", caret(code)),
        0x80..=0x9F => format!("<{code:02X}>"),
        _ => format!("<U+{code:04X}>"),
    };
    let mut parts = text.segments();
    if is_forbidden(c) {
        return parts.any(|part| part == (true, name.as_str()));
    }
    parts.any(|(is_escape, part)| {
        if is_escape {
            part == name
        } else {
            part.contains(c)
        }
    })
}

#[test]
fn every_scalar_value_is_drawn_or_named_and_nothing_else_reaches_the_terminal() {
    let all: Vec<char> = scalars(STRIDE).collect();
    let results: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let halves = all.chunks(all.len().div_ceil(2));
        let workers: Vec<_> = halves
            .map(|half| {
                scope.spawn(move || {
                    half.chunks(usize::from(ROWS)).try_for_each(|values| {
                        let batch: Vec<Safe> = values.iter().copied().map(sample).collect();
                        check(&batch)
                    })
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("no check panics"))
            .collect()
    });
    for result in results {
        assert_eq!(result, Ok(()));
    }
}

#[test]
fn every_scalar_value_is_visible_in_each_place() {
    for c in scalars(STRIDE.min(7)) {
        for text in [c.to_string(), format!("ab{c}cd"), format!("e{c}")] {
            let safe = shown(&text);
            assert!(is_visible(c, &safe), "U+{:04X}: {safe}", u32::from(c));
            let bad = safe.as_str().chars().find(|c| is_forbidden(*c));
            assert_eq!(bad, None, "U+{:04X}: {safe}", u32::from(c));
        }
    }
}

/// No character takes the width of a neighbour away, but in scripts with ligatures between letters, which
/// a terminal draws letter by letter.
#[test]
fn widths_add_up() {
    let bases = [
        'e', '<', '1', '漢', '👍', '\u{25CC}', '\u{915}', '\u{1780}', '\u{AC00}',
    ];
    for c in scalars(STRIDE.min(7)) {
        for base in bases {
            let safe = shown(&format!("{base}{c}{base}"));
            assert!(
                is_additive(safe.as_str()),
                "U+{:04X} on {base}: {safe}",
                u32::from(c)
            );
            assert_eq!(safe.width(), safe.as_str().width());
        }
    }
}
