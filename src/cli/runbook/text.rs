//! The long text to be read: wrapped for the terminal, with the marks of the short list in the margin.
//!
//! What must not live here: what a step is.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write};

use crate::domain::runbook::{Runbook, Step};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Columns of the margin.
const MARGIN: usize = 6;
/// Columns where the output is no terminal.
const COLUMNS: usize = 100;

/// Prints the text of a runbook.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn print(runbook: &Runbook, out: &mut dyn Write) -> io::Result<()> {
    let marks = marks(runbook);
    if !marks.is_empty() {
        let legend = "In the margin: the number of the step in the short list, ! a gate, ? a condition, ~ optional";
        writeln!(out, "{legend}\n")?;
    }
    let width = columns().saturating_sub(MARGIN).max(20);
    for block in blocks(runbook.source(), &marks) {
        let mut mark = marks.get(&block.line).map_or("", String::as_str);
        for line in block.lines(width) {
            if line.is_empty() && mark.is_empty() {
                writeln!(out)?;
            } else {
                writeln!(out, "{mark:>4}  {line}")?;
            }
            mark = "";
        }
    }
    Ok(())
}

fn columns() -> usize {
    let size = io::stdout()
        .is_terminal()
        .then(crossterm::terminal::size)
        .and_then(Result::ok);
    size.map_or(COLUMNS, |(columns, _)| usize::from(columns).clamp(40, 120))
}

/// Gives the mark of each line that a step of the short list begins on.
fn marks(runbook: &Runbook) -> BTreeMap<u32, String> {
    let mut marks = BTreeMap::new();
    for phase in &runbook.phases {
        for (number, step) in (1..).zip(&phase.steps) {
            marks.entry(step.line).or_insert_with(|| mark(number, step));
        }
    }
    marks
}

fn mark(number: usize, step: &Step) -> String {
    let sign = match step {
        Step { gate: true, .. } => "!",
        Step {
            condition: Some(_), ..
        } => "?",
        Step { optional: true, .. } => "~",
        _ => "",
    };
    format!("{number}{sign}")
}

/// Lines of the source that are laid out together.
struct Block {
    /// The line it begins on, from 1.
    line: u32,
    /// Cells in front of its words.
    indent: usize,
    /// Cells in front of the words of its further lines.
    hanging: usize,
    /// Whether its lines stay as they are: code, tables, headings.
    fixed: bool,
    text: String,
}

impl Block {
    fn lines(&self, width: usize) -> Vec<Safe> {
        if self.fixed {
            return vec![Untrusted::new(self.text.as_str()).block()];
        }
        let hanging = self.hanging.min(width / 2);
        let mut out = Vec::new();
        for part in wrapped(&self.text, width.saturating_sub(hanging).max(10)) {
            let indent = if out.is_empty() {
                self.indent.min(hanging)
            } else {
                hanging
            };
            out.push(safe!(
                "{}{}",
                Untrusted::new(" ".repeat(indent)).line(),
                part
            ));
        }
        if out.is_empty() {
            out.push(Safe::default());
        }
        out
    }
}

/// Joins the lines of each paragraph; a line that a step begins on begins a block.
fn blocks(source: &str, marks: &BTreeMap<u32, String>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut front = source.starts_with("---");
    let mut open = false;
    for (line, raw) in (1..).zip(source.lines()) {
        let text = raw.trim();
        let indent = raw.chars().take_while(|c| *c == ' ').count();
        let edge = ["```", "~~~"]
            .into_iter()
            .find(|edge| text.starts_with(edge));
        let inside = fence.is_some() || edge.is_some() || front;
        front = front && (line == 1 || text != "---");
        match (fence, edge) {
            (None, edge) => fence = edge,
            (Some(mark), Some(edge)) if mark == edge => fence = None,
            _ => {}
        }
        let fixed = inside || text.is_empty() || text.starts_with(['#', '|', '<']);
        let marker = marker(text);
        let joins =
            open && !fixed && marker == 0 && !text.starts_with('>') && !marks.contains_key(&line);
        if joins && let Some(last) = blocks.last_mut() {
            last.text.push(' ');
            last.text.push_str(text);
        } else {
            blocks.push(Block {
                line,
                indent,
                hanging: indent + marker,
                fixed,
                text: if fixed { raw.trim_end() } else { text }.to_owned(),
            });
        }
        // Two blanks or a backslash at the end are a break.
        open = !fixed && !raw.ends_with("  ") && !raw.ends_with('\\');
    }
    blocks
}

/// Counts the cells of the marker of a list item: `1. `, `- `; 0 when the line begins none.
fn marker(text: &str) -> usize {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let rest = text.get(digits..).unwrap_or_default();
    let bullet = digits == 0 && rest.starts_with(['-', '*', '+']);
    let number = (1..10).contains(&digits) && rest.starts_with(['.', ')']);
    let blanks = rest.chars().skip(1).take_while(|c| *c == ' ').count();
    if (bullet || number) && blanks > 0 {
        digits + 1 + blanks
    } else {
        0
    }
}

/// Breaks a text at its blanks into lines of so many cells; a longer word keeps a line for itself.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<Safe> {
    let mut lines: Vec<Safe> = Vec::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let word = Untrusted::new(word).line();
        let cells = word.width();
        match lines.last_mut() {
            Some(line) if used + 1 + cells <= width => {
                line.push(&" ".into());
                line.push(&word);
                used += 1 + cells;
            }
            _ => {
                lines.push(word);
                used = cells;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runbook::parse_runbook;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        print(&parse_runbook(text, "t.md"), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paragraphs_are_joined_and_steps_have_their_number() {
        let text = "# T\n\nfirst line\nsecond line\n\n## Contain\n\n1. **Ask** somebody\n   who knows.\n   Gate: yes.\n\
                    2. Do it (if asked).\n\n```sh\n  as it is\n```\n";
        let expected = "\
In the margin: the number of the step in the short list, ! a gate, ? a condition, ~ optional

      # T

      first line second line

      ## Contain

  1!  1. **Ask** somebody who knows. Gate: yes.
  2?  2. Do it (if asked).

      ```sh
        as it is
      ```
";
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn long_lines_hang_below_their_words_and_nothing_steers_the_terminal() {
        let text = format!(
            "# T\n\n- {}\n\n\u{1b}[2J red \u{202e}\n",
            "word ".repeat(30)
        );
        let out = shown(&text);
        assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
        assert!(out.contains("\n        word word"), "{out}");
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out}");
    }

    #[test]
    fn a_word_longer_than_the_line_stays_whole() {
        let lines = wrapped(&format!("a {} b", "x".repeat(50)), 20);
        let lines: Vec<&str> = lines.iter().map(Safe::as_str).collect();
        assert_eq!(lines, ["a", &"x".repeat(50), "b"]);
    }
}
