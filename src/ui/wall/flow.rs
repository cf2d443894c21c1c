//! Lists in columns, and columns in pages: a list that does not fit goes on on the next page under its own title.

use ratatui::layout::Rect;

use crate::domain::text::Safe;
use crate::safe;
use crate::ui::paint::{Canvas, Words};
use crate::ui::theme::Role;

/// Most rows of one list; what is more is counted.
const ROWS_MAX: usize = 60;

/// Blank cells between two columns.
const GAP: u16 = 3;

/// A list with its title.
pub(super) struct Section {
    /// What it is a list of.
    pub(super) title: Safe,
    /// What stands beside the title.
    pub(super) facts: Words,
    /// One line each.
    pub(super) rows: Vec<Words>,
    /// What is said when there is none.
    pub(super) none: Safe,
}

/// One line of a page.
#[derive(Clone)]
enum Line {
    Title(Safe, Words),
    Row(Words),
    Blank,
}

/// Draws the page that `choose` gives of the number of pages there are; gives that number.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    columns: &[Vec<Section>],
    area: Rect,
    choose: impl FnOnce(usize) -> usize,
) -> usize {
    let Ok(count) = u16::try_from(columns.len().max(1)) else {
        return 1;
    };
    let width = area.width.saturating_sub(GAP * (count - 1)) / count;
    let paged: Vec<Vec<Vec<Line>>> = columns
        .iter()
        .map(|sections| pages(sections, usize::from(area.height)))
        .collect();
    let most = paged.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let chosen = choose(most);
    for (place, pages) in (0u16..).zip(&paged) {
        let column = Rect {
            x: area.x + place * (width + GAP),
            width,
            ..area
        };
        // A column with fewer pages shows them again rather than nothing.
        let Some(lines) = pages.get(chosen % pages.len().max(1)) else {
            continue;
        };
        for (row, line) in (0u16..area.height).zip(lines) {
            match line {
                Line::Title(title, facts) => {
                    let left = Words::new(Role::Title, title.clone());
                    canvas.rule(
                        Rect {
                            y: column.y + row,
                            height: 1,
                            ..column
                        },
                        "─",
                        "-",
                        Role::Border,
                    );
                    let left = left.add(Role::Text, " ");
                    let facts = if facts.is_empty() {
                        facts.clone()
                    } else {
                        Words::new(Role::Text, " ").chain(facts.clone())
                    };
                    canvas.ends(column, row, left, facts);
                }
                Line::Row(words) => {
                    canvas.row(column, row, words.clone());
                }
                Line::Blank => {}
            }
        }
    }
    most
}

/// Cuts the lists of a column into pages of so many lines.
fn pages(sections: &[Section], height: usize) -> Vec<Vec<Line>> {
    let mut pages: Vec<Vec<Line>> = vec![Vec::new()];
    for section in sections {
        let mut rows: Vec<Words> = section.rows.iter().take(ROWS_MAX).cloned().collect();
        if section.rows.len() > ROWS_MAX {
            let more = section.rows.len() - ROWS_MAX;
            rows.push(Words::new(Role::Dim, safe!("and {} more", more)));
        }
        if rows.is_empty() {
            rows.push(Words::new(Role::Dim, section.none.clone()));
        }
        let mut rest = rows.as_slice();
        let mut first = true;
        while !rest.is_empty() {
            let page = pages.last().map_or(0, Vec::len);
            let used = if page == 0 { 0 } else { page + 1 };
            let room = height.saturating_sub(used);
            // A title stands above two rows at least, or above all there are; a list that a page can hold is not cut.
            let whole = 1 + rest.len();
            if used > 0 && (room < whole.min(3) || (room < whole && whole <= height)) {
                pages.push(Vec::new());
                continue;
            }
            let Some(page) = pages.last_mut() else { break };
            if used > 0 {
                page.push(Line::Blank);
            }
            let room = height.saturating_sub(page.len() + 1).max(1);
            let (here, later) = rest.split_at(room.min(rest.len()));
            let title = if first {
                section.title.clone()
            } else {
                safe!("{}, continued", section.title)
            };
            page.push(Line::Title(title, section.facts.clone()));
            page.extend(here.iter().cloned().map(Line::Row));
            rest = later;
            first = false;
        }
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(rows: usize) -> Section {
        Section {
            title: "list".into(),
            facts: Words::empty(),
            rows: (0..rows).map(|_| Words::new(Role::Text, "x")).collect(),
            none: "none".into(),
        }
    }

    fn shape(sections: &[Section], height: usize) -> Vec<usize> {
        pages(sections, height).iter().map(Vec::len).collect()
    }

    #[test]
    fn every_row_is_on_a_page_and_no_page_is_too_long() {
        assert_eq!(shape(&[section(3), section(0)], 10), [7]);
        assert_eq!(shape(&[section(3), section(3)], 8), [4, 4]);
        assert_eq!(shape(&[section(12)], 8), [8, 6]);
        assert_eq!(shape(&[section(5), section(12)], 10), [10, 10, 2]);
        assert_eq!(shape(&[section(1)], 1), [2]);
        let many = shape(&[section(1_000)], 20);
        assert!(many.len() <= 4, "{many:?}");
        for height in 2..40 {
            for rows in 0..80 {
                let pages = pages(&[section(rows), section(7), section(0)], height);
                assert!(pages.iter().all(|page| page.len() <= height.max(2)));
                let shown = pages.iter().flatten();
                let shown = shown.filter(|line| matches!(line, Line::Row(_))).count();
                let more = usize::from(rows > ROWS_MAX || rows == 0);
                assert_eq!(shown, rows.min(ROWS_MAX) + more + 7 + 1);
            }
        }
    }
}
