//! The one way text gets into the frame: pieces of (role, safe text), put into cells one by one.
//!
//! Escapes inside a text are drawn in the escape style whatever the role; nothing here takes a `&str` from a
//! caller, so nothing that was not made safe can be drawn. What must not live here: what is drawn where.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::theme::{Role, Theme};
use crate::domain::text::Safe;
use crate::domain::text::scalar::{self, Class};

/// A line of text in pieces, each with its role.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Vec<(Role, Safe)>);

impl Words {
    /// Starts a line with one piece.
    pub(super) fn new(role: Role, text: impl Into<Safe>) -> Self {
        Self(vec![(role, text.into())])
    }

    /// Starts an empty line.
    pub(super) fn empty() -> Self {
        Self::default()
    }

    /// Adds a piece.
    #[must_use]
    pub(super) fn add(mut self, role: Role, text: impl Into<Safe>) -> Self {
        self.push(role, text);
        self
    }

    /// Adds a piece behind two blanks, or none before the first.
    #[must_use]
    pub(super) fn gap(mut self, role: Role, text: impl Into<Safe>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            if !self.0.is_empty() {
                self.push(Role::Text, "  ");
            }
            self.push(role, text);
        }
        self
    }

    /// Adds a piece.
    pub(super) fn push(&mut self, role: Role, text: impl Into<Safe>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((role, text));
        }
    }

    /// Adds another line behind this one.
    #[must_use]
    pub(super) fn chain(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Adds a piece filled up, or cut, to exactly so many cells.
    #[must_use]
    pub(super) fn column(self, role: Role, text: &Safe, width: usize) -> Self {
        let text = text.fit(width);
        let free = width.saturating_sub(text.width());
        self.add(role, text).add(Role::Text, blanks(free))
    }

    /// Adds a piece right-aligned in, or cut to, exactly so many cells.
    #[must_use]
    pub(super) fn column_right(self, role: Role, text: &Safe, width: usize) -> Self {
        let text = text.fit(width);
        let free = width.saturating_sub(text.width());
        self.add(Role::Text, blanks(free)).add(role, text)
    }

    /// Gives the width in cells.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }

    /// Tells whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves out pieces at the end until the rest takes at most so many cells.
    #[must_use]
    pub(super) fn whole(mut self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let is_blank = |text: &Safe| text.as_str().trim().is_empty();
        while self.width() + 1 > width {
            if self.0.pop().is_none() {
                return self;
            }
            while self.0.last().is_some_and(|(_, text)| is_blank(text)) {
                self.0.pop();
            }
        }
        if self.0.iter().all(|(_, text)| is_blank(text)) {
            // Nothing is left to stand between blanks.
            return Self::empty();
        }
        self.add(Role::Text, " ")
    }

    /// Leaves out keys at the end, each with its word, until the rest takes at most so many cells.
    #[must_use]
    pub(super) fn whole_keys(self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut rest = self.whole(width);
        let leads = |(role, text): &(Role, Safe)| {
            matches!(role, Role::Key | Role::Border) || text.as_str().trim().is_empty()
        };
        while rest.0.last().is_some_and(leads) {
            rest.0.pop();
        }
        rest
    }

    /// Cuts to at most so many cells; what was cut off is marked.
    #[must_use]
    pub(super) fn fit(self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut free = width;
        let mut short = Self::empty();
        for (role, text) in self.0 {
            let need = text.width();
            if need < free {
                free -= need;
                short.push(role, text);
            } else {
                short.push(role, cut_mark(&text, free));
                break;
            }
        }
        short
    }
}

/// Cuts a piece that something follows: it always ends with the mark, as far as there is room for one.
fn cut_mark(text: &Safe, free: usize) -> Safe {
    // What follows takes at least a cell, so the piece is cut even where it alone would fit.
    Safe::concat([text.clone(), Safe::fixed(" ")]).fit(free)
}

/// Gives so many blanks.
pub(super) fn blanks(count: usize) -> Safe {
    repeated(" ", count)
}

/// Repeats a text.
pub(super) fn repeated(text: &'static str, count: usize) -> Safe {
    Safe::concat(std::iter::repeat_n(Safe::fixed(text), count))
}

/// One base with the marks on it, and how many cells it takes.
struct Units<'a>(&'a str);

impl<'a> Iterator for Units<'a> {
    type Item = (&'a str, u16);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.0.chars().next()?;
        let mut cells = scalar::class(first).cells();
        let mut end = first.len_utf8();
        for c in self.0.chars().skip(1) {
            match scalar::class(c) {
                class @ (Class::Mark | Class::SpacingMark) => {
                    cells += class.cells();
                    end += c.len_utf8();
                }
                _ => break,
            }
        }
        let (unit, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some((unit, u16::try_from(cells).unwrap_or(u16::MAX)))
    }
}

/// A line of wrapped text: parts, and whether each is an escape.
#[derive(Clone, Debug, Default)]
pub(super) struct Wrapped(Vec<(bool, String)>);

impl Wrapped {
    /// Gives the width in cells.
    pub(super) fn width(&self) -> usize {
        self.0
            .iter()
            .flat_map(|(_, part)| Units(part))
            .map(|(_, cells)| usize::from(cells))
            .sum()
    }
}

/// Breaks a text into lines of at most so many cells, at blanks where there are any.
pub(super) fn wrap(text: &Safe, width: usize) -> Vec<Wrapped> {
    let width = width.max(1);
    text.lines()
        .flat_map(|line| wrap_line(&line, width))
        .collect()
}

/// A unit that is being laid out.
struct Glyph<'a> {
    escape: bool,
    text: &'a str,
    cells: usize,
}

/// Tells whether the word that begins at a glyph fits into a line of its own.
fn word_fits(glyphs: &[Glyph<'_>], first: usize, width: usize) -> bool {
    let word = glyphs
        .iter()
        .skip(first)
        .take_while(|glyph| glyph.text != " ");
    word.map(|glyph| glyph.cells).sum::<usize>() <= width
}

fn wrap_line(line: &Safe, width: usize) -> Vec<Wrapped> {
    let glyphs: Vec<Glyph<'_>> = line
        .segments()
        .flat_map(|(escape, part)| {
            Units(part).map(move |(text, cells)| Glyph {
                escape,
                text,
                cells: usize::from(cells),
            })
        })
        .collect();
    let mut lines = Vec::new();
    let mut start = 0;
    while start < glyphs.len() {
        let mut used = 0;
        let mut end = start;
        let mut blank = None;
        while let Some(glyph) = glyphs.get(end) {
            if used + glyph.cells > width {
                break;
            }
            if glyph.text == " " && end > start {
                blank = Some(end);
            }
            used += glyph.cells;
            end += 1;
        }
        let (stop, next) = if end >= glyphs.len() {
            (end, end)
        } else if glyphs.get(end).is_some_and(|glyph| glyph.text == " ") {
            (end, end + 1)
        } else {
            match blank {
                Some(blank) if word_fits(&glyphs, blank + 1, width) => (blank, blank + 1),
                // A word that must be cut anyway begins where there is room.
                _ => (end.max(start + 1), end.max(start + 1)),
            }
        };
        lines.push(collect(glyphs.get(start..stop).unwrap_or_default()));
        start = next;
    }
    if lines.is_empty() {
        lines.push(Wrapped::default());
    }
    lines
}

fn collect(glyphs: &[Glyph<'_>]) -> Wrapped {
    let mut parts: Vec<(bool, String)> = Vec::new();
    for glyph in glyphs {
        match parts.last_mut() {
            Some((escape, text)) if *escape == glyph.escape => text.push_str(glyph.text),
            _ => parts.push((glyph.escape, glyph.text.to_owned())),
        }
    }
    Wrapped(parts)
}

/// The buffer, the theme, and nothing else.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
}

impl<'a> Canvas<'a> {
    /// Makes a canvas.
    pub(super) fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
    }

    /// Chooses between a sign and its ASCII form.
    pub(super) fn sign(&self, sign: &'static str, ascii: &'static str) -> Safe {
        Safe::fixed(if self.theme.is_ascii() { ascii } else { sign })
    }

    /// Tells whether only ASCII may be drawn.
    pub(super) fn is_ascii(&self) -> bool {
        self.theme.is_ascii()
    }

    /// Makes every cell of an area blank.
    pub(super) fn clear(&mut self, area: Rect) {
        let style = self.theme.style(Role::Text);
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// Draws a line into a row of an area, cut to its width; gives the column behind it.
    pub(super) fn row(&mut self, area: Rect, row: u16, words: Words) -> u16 {
        self.row_from(area, 0, row, words)
    }

    /// Draws a line into a row of an area from a column on.
    pub(super) fn row_from(&mut self, area: Rect, column: u16, row: u16, words: Words) -> u16 {
        let Some(y) = area.y.checked_add(row).filter(|y| *y < area.bottom()) else {
            return area.x;
        };
        let mut x = area.x.saturating_add(column);
        let end = area.right();
        for (role, text) in words.fit(usize::from(end.saturating_sub(x))).0 {
            let style = self.theme.style(role);
            for (escape, part) in text.segments() {
                let style = if escape {
                    self.theme.style(Role::Escape)
                } else {
                    style
                };
                x = self.put(x, y, end, part, style);
            }
        }
        x
    }

    /// Draws a line whose right part keeps its place while the left one is cut.
    pub(super) fn ends(&mut self, area: Rect, row: u16, left: Words, right: Words) {
        let width = usize::from(area.width);
        let right = right.fit(width);
        let room = width.saturating_sub(right.width());
        let left = if right.is_empty() {
            left
        } else {
            left.fit(room.saturating_sub(1))
        };
        self.row(area, row, left);
        let column = u16::try_from(room).unwrap_or(0);
        self.row_from(area, column, row, right);
    }

    /// Draws wrapped text from the top of an area down, as far as there is room.
    ///
    /// Where there is not, the last line ends with the mark of what was cut off.
    pub(super) fn wrapped(&mut self, area: Rect, role: Role, lines: &[Wrapped]) {
        for (row, line) in (0u16..area.height).zip(lines) {
            let mut x = area.x;
            for (escape, part) in &line.0 {
                let style = self.theme.style(if *escape { Role::Escape } else { role });
                x = self.put(x, area.y.saturating_add(row), area.right(), part, style);
            }
            let is_last = row + 1 == area.height && lines.len() > usize::from(area.height);
            if is_last {
                let style = self.theme.style(Role::Dim);
                let x = x.min(area.right().saturating_sub(1));
                self.put(x, area.y.saturating_add(row), area.right(), "…", style);
            }
        }
    }

    /// Draws a text from top to bottom of an area, wrapped; gives the rows it took.
    pub(super) fn text(&mut self, area: Rect, role: Role, text: &Safe) -> u16 {
        let lines = wrap(text, usize::from(area.width));
        self.wrapped(area, role, &lines);
        u16::try_from(lines.len())
            .unwrap_or(u16::MAX)
            .min(area.height)
    }

    /// Draws a straight line of one sign.
    pub(super) fn rule(&mut self, area: Rect, sign: &'static str, ascii: &'static str, role: Role) {
        let style = self.theme.style(role);
        let sign = self.sign(sign, ascii);
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_symbol(sign.as_str()).set_style(style);
                }
            }
        }
    }

    fn put(&mut self, x: u16, y: u16, end: u16, part: &str, style: Style) -> u16 {
        let mut x = x;
        for (unit, cells) in Units(part) {
            let Some(after) = x.checked_add(cells).filter(|after| *after <= end) else {
                break;
            };
            if let Some(cell) = self.buffer.cell_mut((x, y)) {
                cell.reset();
                if !self.theme.is_ascii() || unit.is_ascii() {
                    cell.set_symbol(unit).set_style(style);
                } else if unit == "…" {
                    cell.set_symbol("~").set_style(style);
                } else {
                    // Where nothing but ASCII can be drawn, it is at least seen that something else stands there.
                    cell.set_symbol("?")
                        .set_style(self.theme.style(Role::Escape));
                }
            }
            for x in x + 1..after {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
            x = after;
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::domain::text::Untrusted;
    use crate::ui::theme::Colors;

    fn theme() -> Theme {
        Theme::choose(None, true, Colors::True).unwrap_or_else(|e| panic!("{e:?}"))
    }

    fn drawn(width: u16, words: Words) -> String {
        let area = Rect::new(0, 0, width, 1);
        let mut buffer = Buffer::empty(area);
        let theme = theme();
        Canvas::new(&mut buffer, &theme).row(area, 0, words);
        buffer
            .content()
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect()
    }

    #[rstest]
    #[case(10, "abcdef    ")]
    #[case(6, "abcdef")]
    #[case(5, "abcd…")]
    #[case(4, "abc…")]
    #[case(3, "ab…")]
    #[case(1, "…")]
    #[case(0, "")]
    fn a_line_in_pieces_is_cut_once(#[case] width: u16, #[case] expected: &str) {
        let words = Words::new(Role::Text, "abc").add(Role::Dim, "def");
        assert_eq!(drawn(width, words), expected);
    }

    #[test]
    fn escapes_have_their_own_style() {
        let area = Rect::new(0, 0, 20, 1);
        let mut buffer = Buffer::empty(area);
        let theme = theme();
        let text = Untrusted::new("a\u{202e}<U+202E>").field();
        Canvas::new(&mut buffer, &theme).row(area, 0, Words::new(Role::Text, text));
        let reversed: Vec<bool> = (0..17)
            .map(|x| {
                buffer[(x, 0)]
                    .modifier
                    .contains(ratatui::style::Modifier::REVERSED)
            })
            .collect();
        let expected: Vec<bool> = (0..17).map(|x| (1..9).contains(&x)).collect();
        assert_eq!(reversed, expected);
    }

    #[rstest]
    #[case("one two three", 7, &["one two", "three"])]
    #[case("one two three", 8, &["one two", "three"])]
    #[case("abcdefgh", 3, &["abc", "def", "gh"])]
    #[case("a\n\nb", 5, &["a", "", "b"])]
    #[case("", 5, &[""])]
    fn text_breaks_at_blanks(
        #[case] text: &'static str,
        #[case] width: usize,
        #[case] expected: &[&str],
    ) {
        let lines: Vec<String> = wrap(&Safe::fixed(text), width)
            .into_iter()
            .map(|line| line.0.into_iter().map(|(_, part)| part).collect())
            .collect();
        assert_eq!(lines, expected);
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_but_blanks_and_line_feeds(text in ".{0,80}", width in 1usize..30) {
            let safe = Untrusted::new(text).block();
            let strip = |text: &str| text.replace([' ', '\n'], "");
            let lines: String = wrap(&safe, width)
                .into_iter()
                .flat_map(|line| line.0.into_iter().map(|(_, part)| part))
                .collect();
            prop_assert_eq!(strip(&lines), strip(safe.as_str()));
        }

        #[test]
        fn a_line_is_never_wider_than_it_may_be(text in ".{0,40}", width in 0usize..30) {
            let safe = Untrusted::new(text).field();
            let words = Words::new(Role::Text, safe.clone()).add(Role::Dim, safe);
            prop_assert!(words.fit(width).width() <= width);
        }
    }
}
