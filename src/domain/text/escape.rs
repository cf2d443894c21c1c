//! The rule that turns bytes into visible text.
//!
//! What must not live here: badges of identities, own wording, encodings of a sink.

use super::scalar::{self, Class};
use super::{Context, Options, Safe};

/// Combining marks that may stand on one base; the rest is counted.
const MARKS_PER_BASE: usize = 4;
/// Stands under a combining mark that has no base of its own.
const DOTTED_CIRCLE: char = '\u{25CC}';

/// What a cap counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Cells,
    Bytes,
}

/// How much of a text is shown, and whether it may have several lines.
#[derive(Clone, Copy)]
struct Shape {
    measure: Measure,
    cap: usize,
    lines: bool,
}

impl Shape {
    fn of(context: Context) -> Self {
        let (measure, cap, lines) = match context {
            Context::Field => (Measure::Cells, 256, false),
            Context::Line => (Measure::Cells, 4096, false),
            Context::Block => (Measure::Bytes, 64 * 1024, true),
            Context::Ident => (Measure::Cells, usize::MAX, false),
        };
        Self {
            measure,
            cap,
            lines,
        }
    }
}

/// Applies the rule, without the badges of an identity.
pub(super) fn escape(raw: &[u8], context: Context, options: Options) -> Safe {
    run(raw, Shape::of(context), options)
}

/// Applies the rule to text of our own: several lines, no cap.
///
/// Own text has no business holding controls; going through the same rule makes that a fact.
pub(super) fn own(text: &str) -> Safe {
    if text.bytes().all(|byte| is_plain(byte) || byte == b'\n') {
        return Safe::plain(text.to_owned());
    }
    let shape = Shape {
        measure: Measure::Bytes,
        cap: usize::MAX,
        lines: true,
    };
    run(text.as_bytes(), shape, Options::default())
}

fn run(raw: &[u8], shape: Shape, options: Options) -> Safe {
    let mut writer = Writer::new(raw.len(), shape, options);
    for chunk in raw.utf8_chunks() {
        writer.text(chunk.valid());
        for byte in chunk.invalid() {
            writer.escape(format_args!("<x{byte:02X}>"));
        }
        if writer.is_full() {
            break;
        }
    }
    writer.finish(raw)
}

fn is_plain(byte: u8) -> bool {
    (0x20..=0x7E).contains(&byte)
}

/// A place where the output may be cut.
#[derive(Clone, Copy, Default)]
struct CutPoint {
    bytes: usize,
    escapes: usize,
    consumed: usize,
}

struct Writer {
    out: Safe,
    shape: Shape,
    options: Options,
    /// Cost up to which the tail still fits behind the text.
    limit: usize,
    cost: usize,
    consumed: usize,
    cut: CutPoint,
    /// Marks on the present base; `None` where there is no base for a mark to stand on.
    marks: Option<usize>,
    surplus_marks: usize,
}

impl Writer {
    fn new(input: usize, shape: Shape, options: Options) -> Self {
        let digits = input.checked_ilog10().unwrap_or(0) as usize + 1;
        // "…(+" and ")" take four cells, six bytes; "...(+" and ")" take six of both.
        let tail = 6 + digits;
        Self {
            out: Safe::plain(String::with_capacity(input.min(shape.cap).min(64 * 1024))),
            shape,
            options,
            limit: shape.cap.saturating_sub(tail),
            cost: 0,
            consumed: 0,
            cut: CutPoint::default(),
            marks: None,
            surplus_marks: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.cost > self.shape.cap
    }

    fn text(&mut self, mut rest: &str) {
        while !rest.is_empty() && !self.is_full() {
            let plain = rest.bytes().take_while(|byte| is_plain(*byte)).count();
            if plain > 0 {
                let (run, after) = rest.split_at(plain);
                self.ascii(run);
                rest = after;
                continue;
            }
            let mut chars = rest.chars();
            if let Some(c) = chars.next() {
                self.scalar(c);
            }
            rest = chars.as_str();
        }
    }

    /// Adds printable ASCII, whole where it fits.
    fn ascii(&mut self, run: &str) {
        if run.len() > 1 && self.cost.saturating_add(run.len()) <= self.limit {
            // The last character may get a combining mark, so a cut must be possible before it.
            let (most, last) = run.split_at(run.len() - 1);
            self.close_base();
            self.out.push_plain(most);
            self.cost += most.len();
            self.consumed += most.len();
            self.ascii(last);
            return;
        }
        for c in run.chars() {
            if self.is_full() {
                return;
            }
            self.base(c, 1);
        }
    }

    fn scalar(&mut self, c: char) {
        match c {
            '\n' if self.shape.lines => {
                self.base('\n', 0);
                self.marks = None;
            }
            '\t' if self.shape.lines => {
                self.close_base();
                self.out.push_plain("    ");
                self.cost += 4;
                self.consumed += 1;
                self.marks = None;
            }
            '\0'..='\u{1F}' | '\u{7F}' => {
                let letter = char::from((c as u8) ^ 0x40);
                self.escape(format_args!("^{letter}"));
            }
            '\u{80}'..='\u{9F}' => self.escape(format_args!("<{:02X}>", u32::from(c))),
            _ if self.options.ascii_only => self.name(c),
            _ => match scalar::class(c) {
                Class::Control | Class::Named => self.name(c),
                class @ (Class::Mark | Class::SpacingMark) => self.mark(c, class.cells()),
                class @ (Class::Narrow | Class::Wide) => self.base(c, class.cells()),
            },
        }
    }

    fn name(&mut self, c: char) {
        self.escape(format_args!("<U+{:04X}>", u32::from(c)));
    }

    fn base(&mut self, c: char, cells: usize) {
        self.close_base();
        self.out.push_char(c);
        self.charge(c.len_utf8(), cells);
        self.consumed += 1;
        // A mark on a blank would be trimmed away together with it.
        self.marks = (c != ' ').then_some(0);
    }

    fn mark(&mut self, c: char, cells: usize) {
        let marks = if let Some(marks) = self.marks {
            marks
        } else {
            self.close_base();
            self.out.push_char(DOTTED_CIRCLE);
            self.charge(DOTTED_CIRCLE.len_utf8(), 1);
            0
        };
        self.consumed += 1;
        self.marks = Some(marks + 1);
        if marks < MARKS_PER_BASE {
            self.out.push_char(c);
            self.charge(c.len_utf8(), cells);
        } else {
            self.surplus_marks += 1;
        }
    }

    fn escape(&mut self, text: std::fmt::Arguments<'_>) {
        self.close_base();
        let length = self.out.push_escape_args(text);
        self.charge(length, length);
        self.consumed += 1;
        self.marks = None;
    }

    /// Ends the present base: writes how many marks were too many, and notes that a cut is possible here.
    fn close_base(&mut self) {
        if self.surplus_marks > 0 {
            let length = self
                .out
                .push_escape_args(format_args!("<+{}>", self.surplus_marks));
            self.charge(length, length);
            self.surplus_marks = 0;
        }
        if self.cost <= self.limit {
            self.cut = CutPoint {
                bytes: self.out.as_str().len(),
                escapes: self.out.escapes(),
                consumed: self.consumed,
            };
        }
    }

    fn charge(&mut self, bytes: usize, cells: usize) {
        self.cost += match self.shape.measure {
            Measure::Cells => cells,
            Measure::Bytes => bytes,
        };
    }

    fn finish(mut self, raw: &[u8]) -> Safe {
        self.close_base();
        if self.is_full() {
            let all: usize = raw
                .utf8_chunks()
                .map(|chunk| chunk.valid().chars().count() + chunk.invalid().len())
                .sum();
            let hidden = all - self.cut.consumed;
            let dots = if self.options.ascii_only {
                "..."
            } else {
                "…"
            };
            self.out.truncate(self.cut.bytes, self.cut.escapes);
            self.out.push_escape_args(format_args!("{dots}(+{hidden})"));
        }
        self.out
    }
}
