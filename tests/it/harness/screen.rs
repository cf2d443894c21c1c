//! Frames as text: drawn by the program's own renderer, or read from a terminal emulator.

use std::fmt::Write as _;

use quell::app::model::Model;
use quell::ui::theme::{Colors, Theme};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use sha2::{Digest as _, Sha256};

/// Gives a theme by its name, for a terminal with all colours.
pub fn theme(name: &str) -> Theme {
    Theme::choose(Some(name), name == "no-color", Colors::True).expect("a theme")
}

/// Draws one frame.
pub fn drawn(model: &Model, theme: &Theme, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| quell::ui::draw(model, theme, frame))
        .expect("a frame");
    terminal.backend().buffer().clone()
}

/// Draws the model as the dark theme does and gives the text alone.
pub fn text(model: &Model, size: (u16, u16)) -> String {
    let mut text = picture(&drawn(model, &theme("dark"), size));
    text.truncate(text.rfind("styles ").unwrap_or(text.len()));
    text
}

/// Writes the rows as text, and a hash of all styles as the last line.
pub fn picture(buffer: &Buffer) -> String {
    let mut out = String::new();
    let mut styles = Sha256::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            styles.update(format!("{:?}", cell.style()));
            if skip > 0 {
                skip -= 1;
                continue;
            }
            row.push_str(cell.symbol());
            skip = ratatui::text::Span::raw(cell.symbol())
                .width()
                .saturating_sub(1);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    end(out, styles)
}

/// Writes what an emulator shows as [`picture`] writes a frame.
pub fn emulated(screen: &vt100::Screen) -> String {
    let (height, width) = screen.size();
    part(screen, (0, 0), (width.get(), height.get()))
}

/// Writes the dialog that an emulator shows, without what lies around it.
pub fn emulated_box(screen: &vt100::Screen) -> String {
    let (height, width) = screen.size();
    let find = |sign: &str| {
        let cells = (0..height.get()).flat_map(|y| (0..width.get()).map(move |x| (x, y)));
        let mut found =
            cells.filter(|(x, y)| screen.cell(*y, *x).is_some_and(|c| c.contents() == sign));
        found.next().expect("a dialog is open")
    };
    let (from, to) = (find("┌"), find("┘"));
    part(screen, from, (to.0 + 1, to.1 + 1))
}

fn part(screen: &vt100::Screen, from: (u16, u16), to: (u16, u16)) -> String {
    let mut out = String::new();
    let mut styles = Sha256::new();
    for y in from.1..to.1 {
        let row = screen.contents_between(y, from.0, y, to.0);
        // Who did what last depends on the hour the servers were started at, and so do the words and their styles.
        if let Some((before, _)) = row.split_once("last event") {
            out.push_str(before.trim_end());
            out.push_str(" last event, by the hour\n");
            continue;
        }
        out.push_str(row.trim_end());
        out.push('\n');
        for cell in (from.0..to.0).filter_map(|x| screen.cell(y, x)) {
            let ground = (cell.bgcolor(), cell.underline(), cell.inverse());
            styles.update(format!("{ground:?}"));
            // The pen of a blank is not seen, and is whatever took the fewest bytes.
            if !cell.contents().trim().is_empty() {
                styles.update(format!("{:?}{}{}", cell.fgcolor(), cell.bold(), cell.dim()));
            }
        }
    }
    end(out, styles)
}

fn end(mut out: String, styles: Sha256) -> String {
    let hash: String = styles
        .finalize()
        .iter()
        .take(6)
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
    let _ = writeln!(out, "styles {hash}");
    out
}

/// Replaces what no two runs share, letter by letter, so that the layout stays: ids drawn at random become `U`, ports
/// `#`, the number of readings that a busy machine had time for `n`. The line of the styles is left as it is.
pub fn masked(picture: &str) -> String {
    each_line(picture, |line| {
        masked_reads(&masked_ports(&masked_ids(line)))
    })
}

fn masked_reads(line: &str) -> String {
    match line.split_once(" reads agree") {
        Some((before, after)) => {
            let kept = before.trim_end_matches(|c: char| c.is_ascii_digit());
            let digits = "n".repeat(before.len() - kept.len());
            format!("{kept}{digits} reads agree{after}")
        }
        None => line.to_owned(),
    }
}

/// Replaces also what depends on the time of the run: digits of times, dates, ages and waits become `9`.
pub fn masked_times(picture: &str) -> String {
    each_line(&masked(picture), |line| {
        let chars: Vec<char> = line.chars().collect();
        let near = |at: usize, signs: &str| chars.get(at).is_some_and(|c| signs.contains(*c));
        let mut out = chars.clone();
        let mut at = 0;
        while at < chars.len() {
            let long = chars[at..]
                .iter()
                .take_while(|c| c.is_ascii_digit())
                .count();
            let after = at + long;
            let unit = near(after, "smhdZ") || (near(after, " ") && near(after + 1, "s"));
            let part = near(after, ":-") || (at > 0 && near(at - 1, ":-"));
            let alone = at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '.');
            if long > 0 && alone && (unit || part) {
                out[at..after].fill('9');
            }
            at = after.max(at + 1);
        }
        out.into_iter().collect()
    })
}

fn each_line(picture: &str, mask: impl Fn(&str) -> String) -> String {
    picture.lines().fold(String::new(), |mut out, line| {
        let line = if line.starts_with("styles ") {
            line.to_owned()
        } else {
            mask(line)
        };
        let _ = writeln!(out, "{line}");
        out
    })
}

/// Masks ULIDs, whole or cut (words of Crockford's letters that begin with this century's `01`), and hashes.
fn masked_ids(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        let word = chars[at..]
            .iter()
            .take_while(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
            .count();
        let is_id = word >= 12 && chars[at] == '0' && chars[at + 1] == '1';
        let hex = chars[at..]
            .iter()
            .take_while(|c| matches!(c, '0'..='9' | 'a'..='f'))
            .count();
        let long = word.max(hex).max(1);
        if hex >= 40 {
            out.extend(std::iter::repeat_n('h', hex));
        } else if is_id {
            out.extend(std::iter::repeat_n('U', word));
        } else {
            out.extend(&chars[at..at + long]);
        }
        at += long;
    }
    out
}

fn masked_ports(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("127.0.0.1:") {
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        out.push_str(before);
        out.push_str("127.0.0.1:");
        out.extend(std::iter::repeat_n('#', digits));
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out + rest
}

#[test]
fn masks_keep_the_layout() {
    let line = "│ action 01KK34GT200000000000000001  127.0.0.1:43210/x  4m ago, 2026-03-07 03:12:40Z, 6 s │ #4812";
    let expected = "│ action UUUUUUUUUUUUUUUUUUUUUUUUUU  127.0.0.1:#####/x  9m ago, 9999-99-99 99:99:99Z, 9 s │ #4812";
    assert_eq!(masked_times(line).trim_end(), expected);
}
