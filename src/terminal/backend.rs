//! Cells to bytes, as few as will do: only the attributes that change, the shortest way to the next cell, runs of
//! equal cells as one, and one write a frame.
//!
//! What must not live here: what the cells say, raw mode.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

use super::features::Features;

/// A run shorter than this is cheaper written out.
const RUN_LEAST: usize = 7;

/// A frame shorter than this reaches the terminal in one piece anyway: two more sequences would only cost the line.
const WHOLE_LEAST: usize = 512;

/// Where the size of the terminal comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeSource {
    /// The terminal is asked (`TIOCGWINSZ`).
    Terminal,
    /// The terminal at standard output is asked: a wall may stand on another one than it was started from.
    Output,
    /// It is known: columns and rows.
    Fixed(u16, u16),
}

/// Gives the size of a terminal that knows its own; one that does not (a serial line, a bare pseudo-terminal) says 0
/// and counts as 80x24.
pub fn known_size((width, height): (u16, u16)) -> (u16, u16) {
    if width == 0 || height == 0 {
        (80, 24)
    } else {
        (width, height)
    }
}

/// How the next character will look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Pen {
    const PLAIN: Self = Self {
        fg: Color::Reset,
        bg: Color::Reset,
        modifier: Modifier::empty(),
    };
}

/// A backend of ratatui that writes little.
#[derive(Debug)]
pub struct LeanBackend<W: Write> {
    out: W,
    size: SizeSource,
    features: Features,
    synchronized: bool,
    bytes: Vec<u8>,
    pen: Option<Pen>,
    at: Option<(u16, u16)>,
    cursor: Option<bool>,
    width: u16,
    written: u64,
}

impl<W: Write> LeanBackend<W> {
    /// Makes a backend over a writer, which is the egress filter.
    pub fn new(out: W, size: SizeSource, features: Features) -> Self {
        Self {
            out,
            size,
            features,
            synchronized: false,
            bytes: Vec::with_capacity(16 * 1024),
            pen: None,
            at: None,
            cursor: None,
            width: 0,
            written: 0,
        }
    }

    /// Wraps each long frame into a synchronized update (mode 2026), once the terminal said that it knows it.
    pub fn set_synchronized(&mut self, synchronized: bool) {
        self.synchronized = synchronized;
    }

    /// Forgets what the terminal shows, so that the next frame sets everything anew.
    pub fn forget(&mut self) {
        self.pen = None;
        self.at = None;
        self.cursor = None;
    }

    /// Gives how many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Gives the writer.
    pub fn writer(&self) -> &W {
        &self.out
    }

    fn move_to(&mut self, x: u16, y: u16) {
        if self.at == Some((x, y)) {
            return;
        }
        let (column, row) = (x + 1, y + 1);
        let mut best = if column == 1 && row == 1 {
            "\x1b[H".to_owned()
        } else if column == 1 {
            format!("\x1b[{row}H")
        } else {
            format!("\x1b[{row};{column}H")
        };
        if let Some((from_x, from_y)) = self.at {
            let mut shorter = |way: String| {
                if way.len() < best.len() {
                    best = way;
                }
            };
            if from_y == y {
                shorter(steps(
                    x.abs_diff(from_x),
                    if x > from_x { 'C' } else { 'D' },
                ));
                shorter(format!("\x1b[{column}G"));
            }
            if from_x == x {
                shorter(steps(
                    y.abs_diff(from_y),
                    if y > from_y { 'B' } else { 'A' },
                ));
                shorter(format!("\x1b[{row}d"));
            }
        }
        self.bytes.extend_from_slice(best.as_bytes());
        self.at = Some((x, y));
    }

    /// Changes the pen to what a cell needs; what a blank does not show is left as it is.
    fn set_pen(&mut self, cell: &Cell, blank: bool) {
        const SEEN_ON_BLANKS: Modifier = Modifier::UNDERLINED
            .union(Modifier::REVERSED)
            .union(Modifier::CROSSED_OUT);
        let mut wanted = Pen {
            fg: cell.fg,
            bg: cell.bg,
            modifier: cell.modifier,
        };
        if let Some(pen) = self.pen
            && blank
            && !cell.modifier.intersects(SEEN_ON_BLANKS)
            && !pen.modifier.intersects(SEEN_ON_BLANKS)
        {
            wanted.fg = pen.fg;
            wanted.modifier = pen.modifier;
        }
        if self.pen == Some(wanted) {
            return;
        }
        let fresh = codes(None, wanted);
        let best = match self.pen {
            None => fresh,
            Some(pen) => {
                let change = codes(Some(pen), wanted);
                if fresh.len() < change.len() {
                    fresh
                } else {
                    change
                }
            }
        };
        self.bytes.extend_from_slice(b"\x1b[");
        self.bytes.extend_from_slice(best.as_bytes());
        self.bytes.push(b'm');
        self.pen = Some(wanted);
    }

    /// Writes a run of equal cells.
    fn run(&mut self, x: u16, y: u16, cell: &Cell, count: u16) {
        self.move_to(x, y);
        let symbol = cell.symbol();
        let blank = symbol == " ";
        self.set_pen(cell, blank);
        let after = x.saturating_add(count);
        let long = usize::from(count) >= RUN_LEAST;
        let plain = self.pen.is_some_and(|pen| {
            pen.modifier
                .intersection(Modifier::REVERSED | Modifier::UNDERLINED)
                .is_empty()
        });
        if long && blank && plain && self.features.erase {
            // Erasing leaves the cursor where it is.
            if after >= self.width {
                self.bytes.extend_from_slice(b"\x1b[K");
            } else {
                self.bytes
                    .extend_from_slice(format!("\x1b[{count}X").as_bytes());
            }
            return;
        }
        // tmux up to 3.3 repeats the last ASCII letter, whatever stood between: only ASCII may be repeated.
        if long && self.features.repeat && symbol.is_ascii() && symbol.len() == 1 {
            self.bytes.extend_from_slice(symbol.as_bytes());
            self.bytes
                .extend_from_slice(format!("\x1b[{}b", count - 1).as_bytes());
        } else {
            for _ in 0..count {
                self.bytes.extend_from_slice(symbol.as_bytes());
            }
        }
        self.advance(after, y);
    }

    /// Notes where the cursor is; in the last column no two terminals agree.
    fn advance(&mut self, x: u16, y: u16) {
        self.at = (x < self.width).then_some((x, y));
    }
}

fn steps(count: u16, letter: char) -> String {
    match count {
        1 => format!("\x1b[{letter}"),
        _ => format!("\x1b[{count}{letter}"),
    }
}

/// Gives the bytes that make text look so, whatever it looked like before.
pub fn pen(style: ratatui::style::Style) -> String {
    let pen = Pen {
        fg: style.fg.unwrap_or(Color::Reset),
        bg: style.bg.unwrap_or(Color::Reset),
        modifier: style.add_modifier,
    };
    format!("\x1b[{}m", codes(None, pen))
}

/// Gives the parameters that turn one pen into another; from nothing, a reset comes first.
fn codes(from: Option<Pen>, to: Pen) -> String {
    let mut all: Vec<String> = Vec::new();
    if from.is_none() {
        if to == Pen::PLAIN {
            return String::new();
        }
        all.push("0".to_owned());
    }
    let start = from.unwrap_or(Pen::PLAIN);
    let removed = start.modifier - to.modifier;
    let mut added = to.modifier - start.modifier;
    if removed.intersects(Modifier::BOLD | Modifier::DIM) {
        all.push("22".to_owned());
        // One code takes both away.
        added |= to.modifier & (Modifier::BOLD | Modifier::DIM);
    }
    let offs = [
        (Modifier::ITALIC, "23"),
        (Modifier::UNDERLINED, "24"),
        (Modifier::REVERSED, "27"),
        (Modifier::CROSSED_OUT, "29"),
    ];
    let ons = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
        (Modifier::CROSSED_OUT, "9"),
    ];
    for (set, table) in [(removed, &offs[..]), (added, &ons[..])] {
        for (modifier, code) in table {
            if set.contains(*modifier) {
                all.push((*code).to_owned());
            }
        }
    }
    if start.fg != to.fg {
        all.push(color(to.fg, 30));
    }
    if start.bg != to.bg {
        all.push(color(to.bg, 40));
    }
    all.join(";")
}

/// Gives the parameters of a colour; `base` is 30 for the foreground and 40 for the background.
fn color(color: Color, base: u8) -> String {
    let plain = |index: u8| (base + index).to_string();
    let bright = |index: u8| (base + 60 + index).to_string();
    match color {
        Color::Reset => plain(9),
        Color::Black => plain(0),
        Color::Red => plain(1),
        Color::Green => plain(2),
        Color::Yellow => plain(3),
        Color::Blue => plain(4),
        Color::Magenta => plain(5),
        Color::Cyan => plain(6),
        Color::Gray => plain(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
    }
}

impl<W: Write> Backend for LeanBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.width = self.size()?.width;
        let mut content = content.peekable();
        while let Some((x, y, cell)) = content.next() {
            let symbol = cell.symbol();
            let width = match symbol.len() {
                1 => 1,
                _ => ratatui::text::Span::raw(symbol).width(),
            };
            if width != 1 {
                self.move_to(x, y);
                self.set_pen(cell, false);
                self.bytes.extend_from_slice(cell.symbol().as_bytes());
                let cells = u16::try_from(width).unwrap_or(1);
                self.advance(x.saturating_add(cells), y);
                continue;
            }
            let mut count: u16 = 1;
            while content
                .next_if(|(next_x, next_y, next)| {
                    *next_y == y && *next_x == x.saturating_add(count) && *next == cell
                })
                .is_some()
            {
                count += 1;
            }
            self.run(x, y, cell, count);
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor != Some(false) {
            self.bytes.extend_from_slice(b"\x1b[?25l");
            self.cursor = Some(false);
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor != Some(true) {
            self.bytes.extend_from_slice(b"\x1b[?25h");
            self.cursor = Some(true);
        }
        Ok(())
    }

    /// Gives where the cursor was put last; the terminal is never asked.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.at.map_or(Position::ORIGIN, Position::from))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        self.move_to(x, y);
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.bytes.extend_from_slice(b"\x1b[m\x1b[2J");
        self.pen = Some(Pen::PLAIN);
        Ok(())
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        let code: &[u8] = match clear_type {
            ClearType::All => return self.clear(),
            ClearType::AfterCursor => b"\x1b[J",
            ClearType::BeforeCursor => b"\x1b[1J",
            ClearType::CurrentLine => b"\x1b[2K",
            ClearType::UntilNewLine => b"\x1b[K",
        };
        self.bytes.extend_from_slice(code);
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        Ok(match self.size {
            SizeSource::Terminal => known_size(crossterm::terminal::size()?).into(),
            SizeSource::Output => {
                let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout())?;
                known_size((size.ws_col, size.ws_row)).into()
            }
            SizeSource::Fixed(width, height) => Size { width, height },
        })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size()?,
            pixels: Size::ZERO,
        })
    }

    /// Writes the frame at once; nothing at all where nothing changed.
    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        if self.synchronized && self.bytes.len() >= WHOLE_LEAST {
            let mut frame = b"\x1b[?2026h".to_vec();
            frame.append(&mut self.bytes);
            frame.extend_from_slice(b"\x1b[?2026l");
            self.bytes = frame;
        }
        self.written += self.bytes.len() as u64;
        let sent = self
            .out
            .write_all(&self.bytes)
            .and_then(|()| self.out.flush());
        self.bytes.clear();
        sent
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::Terminal;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;
    use crate::terminal::egress::{Allowed, Egress};

    type Screen = Terminal<LeanBackend<Egress<Vec<u8>>>>;

    fn terminal(width: u16, height: u16, features: Features) -> io::Result<Screen> {
        let egress = Egress::new(Vec::new(), Allowed::default());
        Terminal::new(LeanBackend::new(
            egress,
            SizeSource::Fixed(width, height),
            features,
        ))
    }

    fn draw(terminal: &mut Screen, buffer: &Buffer) -> io::Result<u64> {
        let before = terminal.backend().written();
        terminal.draw(|frame| frame.buffer_mut().clone_from(buffer))?;
        Ok(terminal.backend().written() - before)
    }

    const EVERYTHING: Features = Features {
        asked: false,
        erase: true,
        repeat: true,
    };

    #[test]
    fn an_equal_frame_writes_nothing() -> io::Result<()> {
        let mut terminal = terminal(20, 3, EVERYTHING)?;
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
        buffer.set_string(3, 1, "hello", Style::new().fg(Color::Red));
        assert!(draw(&mut terminal, &buffer)? > 0);
        assert_eq!(draw(&mut terminal, &buffer)?, 0);
        Ok(())
    }

    #[test]
    fn one_changed_cell_costs_a_move_and_a_letter() -> io::Result<()> {
        let mut terminal = terminal(120, 40, EVERYTHING)?;
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        draw(&mut terminal, &buffer)?;
        buffer.set_string(100, 30, "x", Style::new());
        let bytes = draw(&mut terminal, &buffer)?;
        // The pen, the place, the letter.
        assert!(bytes <= 13, "{bytes}");
        Ok(())
    }

    #[test]
    fn only_what_changes_of_the_pen_is_written() {
        let red = Pen {
            fg: Color::Red,
            ..Pen::PLAIN
        };
        let bold_red = Pen {
            modifier: Modifier::BOLD,
            ..red
        };
        let dim = Pen {
            modifier: Modifier::DIM,
            ..Pen::PLAIN
        };
        assert_eq!(codes(Some(red), bold_red), "1");
        assert_eq!(codes(Some(bold_red), red), "22");
        assert_eq!(codes(Some(bold_red), dim), "22;2;39");
        assert_eq!(codes(None, Pen::PLAIN), "");
        assert_eq!(codes(None, red), "0;31");
    }

    /// What an emulator shows after the bytes, cell by cell: text, and whether it is bold or reversed.
    fn shown(
        bytes: &[u8],
        width: u16,
        height: u16,
    ) -> Vec<(String, bool, bool, vt100::Color, vt100::Color)> {
        let size =
            |cells: u16| std::num::NonZeroU16::new(cells).unwrap_or(std::num::NonZeroU16::MIN);
        let mut parser = vt100::Parser::new(size(height), size(width), 0);
        parser.process(bytes);
        let screen = parser.screen();
        let mut cells = Vec::new();
        for y in 0..height {
            for x in 0..width {
                cells.push(screen.cell(y, x).map_or_else(Default::default, |cell| {
                    let text = if cell.has_contents() {
                        cell.contents()
                    } else {
                        " "
                    };
                    (
                        text.to_owned(),
                        cell.bold(),
                        cell.inverse(),
                        cell.fgcolor(),
                        cell.bgcolor(),
                    )
                }));
            }
        }
        cells
    }

    fn letter() -> impl Strategy<Value = (u16, u16, char, u8, bool)> {
        (
            0u16..24,
            0u16..6,
            prop::sample::select(vec!['a', 'b', ' ', '─', 'é']),
            0u8..3,
            any::<bool>(),
        )
    }

    proptest! {
        /// Whatever frames follow one another, the emulator shows the last one.
        #[test]
        fn an_emulator_shows_what_was_drawn(
            frames in prop::collection::vec(prop::collection::vec(letter(), 0..40), 1..5),
            erase: bool,
        ) {
            let features = Features { erase, ..Features::default() };
            let mut terminal = terminal(24, 6, features).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 6));
            for frame in &frames {
                buffer = Buffer::empty(Rect::new(0, 0, 24, 6));
                for (x, y, c, color, bold) in frame {
                    if let Some(cell) = buffer.cell_mut((*x, *y)) {
                        let mut style = match color {
                            0 => Style::new(),
                            1 => Style::new().fg(Color::Red).bg(Color::Blue),
                            _ => Style::new().fg(Color::Rgb(1, 2, 3)),
                        };
                        if *bold {
                            style = style.add_modifier(Modifier::BOLD);
                        }
                        cell.set_char(*c).set_style(style);
                    }
                }
                draw(&mut terminal, &buffer).map_err(|e| TestCaseError::fail(e.to_string()))?;
            }
            let bytes = terminal.backend().writer().get_ref().clone();
            let cells = shown(&bytes, 24, 6);
            for (cell, (text, bold, _, fg, bg)) in buffer.content().iter().zip(cells) {
                prop_assert_eq!(cell.symbol(), text);
                let blue = cell.bg == Color::Blue;
                prop_assert_eq!(bg == vt100::Color::Idx(4), blue);
                if cell.symbol() != " " {
                    prop_assert_eq!(cell.modifier.contains(Modifier::BOLD), bold);
                    let expected = match cell.fg {
                        Color::Red => vt100::Color::Idx(1),
                        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
                        _ => vt100::Color::Default,
                    };
                    prop_assert_eq!(fg, expected);
                }
            }
        }
    }

    #[test]
    fn a_long_frame_is_one_synchronized_update() -> io::Result<()> {
        let mut terminal = terminal(100, 10, EVERYTHING)?;
        terminal.backend_mut().set_synchronized(true);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 10));
        for y in 0..10 {
            buffer.set_string(0, y, "0123456789".repeat(9), Style::new());
        }
        draw(&mut terminal, &buffer)?;
        draw(&mut terminal, &buffer)?;
        let all = |terminal: &Screen| {
            String::from_utf8_lossy(terminal.backend().writer().get_ref()).into_owned()
        };
        let text = all(&terminal);
        assert_eq!(text.matches("\x1b[?2026h").count(), 1);
        assert!(text.ends_with("\x1b[?2026l"), "{text:?}");
        // A few letters are there at once anyway.
        buffer.set_string(3, 1, "hello", Style::new());
        draw(&mut terminal, &buffer)?;
        assert!(all(&terminal).ends_with("hello"));
        Ok(())
    }

    #[test]
    fn runs_are_repeated_where_the_terminal_can() -> io::Result<()> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 1));
        buffer.set_string(0, 0, "-".repeat(90), Style::new());
        let mut can = terminal(100, 1, EVERYTHING)?;
        let mut cannot = terminal(100, 1, Features::default())?;
        let (short, long) = (draw(&mut can, &buffer)?, draw(&mut cannot, &buffer)?);
        assert!(short < 30 && long >= 90, "{short} {long}");
        buffer.set_string(0, 0, "─".repeat(90), Style::new());
        assert!(draw(&mut can, &buffer)? > 270, "no line is repeated");
        assert_eq!(can.backend().writer().violations(), 0);
        Ok(())
    }
}
