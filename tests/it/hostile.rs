//! Hostile text through the rule, to each place that text goes to: nothing hidden passes, nothing vanishes.

use std::fs;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use quell::domain::text::{Context, Options, Safe, Untrusted, look_alike, show, show_with, sink};
use quell::terminal::egress::{Allowed, Egress};
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders, Paragraph, Row, Table, Wrap};
use unicode_width::UnicodeWidthChar;

use crate::harness::shared;
use crate::wire::{caret, filter, first_drift, first_forbidden, is_forbidden, render};

const CONTEXTS: [Context; 4] = [
    Context::Field,
    Context::Line,
    Context::Block,
    Context::Ident,
];

/// Reads the hostile strings beside the project.
pub(crate) fn corpus(test: &str) -> Option<Vec<Vec<u8>>> {
    let root = shared(test)?.join("corpus/hostile");
    let mut all = Vec::new();
    let payloads: serde_json::Value =
        serde_json::from_str(&read(&root.join("terminal-injection/payloads.json"))).ok()?;
    for payload in payloads.get("payloads")?.as_array()? {
        all.push(payload.get("string")?.as_str()?.as_bytes().to_vec());
    }
    let naughty: Vec<String> = serde_json::from_str(&read(&root.join("blns/blns.json"))).ok()?;
    all.extend(naughty.into_iter().map(String::into_bytes));
    for folder in ["Bash", "JavaScript", "Python"] {
        for file in files(&root.join("trojan-source").join(folder)) {
            all.extend(file.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
            all.push(file);
        }
    }
    all.extend(files(&root.join("xterm.js-escape-sequences")));
    for line in read(&root.join("unicode/emoji-zwj-sequences.txt")).lines() {
        all.extend(decoded(line.split(';').next().unwrap_or_default()));
    }
    for line in read(&root.join("unicode/GraphemeBreakTest.txt")).lines() {
        all.extend(decoded(line.split('#').next().unwrap_or_default()));
    }
    for (source, _) in confusables(&root) {
        all.push(format!("a{source}b").into_bytes());
    }
    assert!(all.len() >= 600, "only {} hostile strings", all.len());
    Some(all)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("listing {}: {error}", folder.display()))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect()
}

/// Reads hexadecimal code points, with the marks of a break test between them.
fn decoded(codes: &str) -> Option<Vec<u8>> {
    let text: String = codes
        .split(|c: char| !c.is_ascii_hexdigit())
        .filter(|code| code.len() >= 4)
        .filter_map(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?))
        .collect();
    (!text.is_empty()).then(|| text.into_bytes())
}

/// Reads which character is confusable with which text.
fn confusables(root: &Path) -> Vec<(String, String)> {
    read(&root.join("unicode/confusables-ascii-subset.txt"))
        .lines()
        .filter(|line| !line.trim_start_matches('\u{FEFF}').starts_with('#'))
        .filter_map(|line| {
            let mut columns = line.split(';');
            let mut text = || {
                columns
                    .next()?
                    .split_whitespace()
                    .map(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?))
                    .collect::<Option<String>>()
                    .filter(|text| !text.is_empty())
            };
            Some((text()?, text()?))
        })
        .collect()
}

/// What the input was, as far as the output tells: each unit of input in order.
#[derive(Debug, PartialEq)]
enum Unit {
    Char(char),
    Byte(u8),
}

fn units(raw: &[u8]) -> Vec<Unit> {
    raw.utf8_chunks()
        .flat_map(|chunk| {
            let chars = chunk.valid().chars().map(Unit::Char);
            let bytes = chunk.invalid().iter().copied().map(Unit::Byte);
            chars.chain(bytes).collect::<Vec<_>>()
        })
        .collect()
}

fn name(unit: &Unit) -> String {
    match unit {
        Unit::Byte(byte) => format!("<x{byte:02X}>"),
        Unit::Char(c) => match u32::from(*c) {
            code @ (0..=0x1F | 0x7F) => format!("^{}", caret(code)),
            code @ 0x80..=0x9F => format!("<{code:02X}>"),
            code => format!("<U+{code:04X}>"),
        },
    }
}

/// Walks input and output side by side: each unit is there as itself, as its name, or counted.
fn accounted(raw: &[u8], safe: &Safe, context: Context) -> Result<(), String> {
    let input = units(raw);
    let mut at = 0;
    for (is_escape, part) in safe.segments() {
        if is_escape {
            if let Some(count) = part
                .strip_prefix("<+")
                .and_then(|part| part.strip_suffix('>'))
            {
                let count: usize = count.parse().map_err(|error| format!("{part}: {error}"))?;
                // Up to the count, marks that were too many; those drawn were passed already.
                at += count;
                continue;
            }
            let tail = part.trim_start_matches(['…', '.']);
            if let Some(count) = tail
                .strip_prefix("(+")
                .and_then(|part| part.strip_suffix(')'))
            {
                let count: usize = count.parse().map_err(|error| format!("{part}: {error}"))?;
                at += count;
                continue;
            }
            if part.starts_with(" [") {
                continue;
            }
            match input.get(at) {
                Some(unit) if name(unit) == part => at += 1,
                other => return Err(format!("{part} for {other:?} at {at}")),
            }
            continue;
        }
        let mut chars = part.chars();
        while let Some(c) = chars.next() {
            match input.get(at) {
                Some(Unit::Char(expected)) if *expected == c => at += 1,
                Some(Unit::Char('\t')) if context == Context::Block && c == ' ' => {
                    if chars.by_ref().take(3).collect::<String>() != "   " {
                        return Err(format!("a short tabulator at {at}"));
                    }
                    at += 1;
                }
                // A base put under a mark without one.
                Some(Unit::Char(_)) if c == '\u{25CC}' => {}
                other => return Err(format!("{c:?} for {other:?} at {at}")),
            }
        }
    }
    if at == input.len() {
        Ok(())
    } else {
        Err(format!("{at} of {} accounted for", input.len()))
    }
}

#[test]
fn nothing_hidden_passes_and_nothing_vanishes() {
    let Some(corpus) = corpus("nothing_hidden_passes_and_nothing_vanishes") else {
        return;
    };
    for raw in &corpus {
        for context in CONTEXTS {
            for ascii_only in [false, true] {
                let safe = show_with(raw, context, Options { ascii_only });
                let bad = safe
                    .as_str()
                    .chars()
                    .find(|c| is_forbidden(*c) && !(context == Context::Block && *c == '\n'));
                assert_eq!(
                    bad,
                    None,
                    "{context:?} {:?}",
                    raw.escape_ascii().to_string()
                );
                assert!(!ascii_only || safe.as_str().is_ascii());
                let accounted = accounted(raw, &safe, context);
                assert_eq!(accounted, Ok(()), "{context:?} {}", raw.escape_ascii());
            }
        }
    }
}

#[test]
fn every_sink_gets_visible_text_only() {
    let Some(corpus) = corpus("every_sink_gets_visible_text_only") else {
        return;
    };
    for raw in &corpus {
        let text = Untrusted::new(String::from_utf8_lossy(raw));
        let (line, block) = (text.line(), text.block());
        let json = serde_json::to_string(&line).expect("a string is JSON");
        for sunk in [
            sink::csv_cell(&line),
            sink::markdown(&line),
            sink::window_title(&line),
            format!("{text:?}"),
            format!("{line:>20}"),
            json,
            line.fit(40).to_string(),
            quell::safe!("user {:<20} was here", &line).to_string(),
        ] {
            assert_eq!(sunk.chars().find(|c| is_forbidden(*c)), None, "{sunk:?}");
        }
        for sunk in [sink::csv_cell(&block), sink::markdown(&block)] {
            let bad = sunk.chars().find(|c| is_forbidden(*c) && *c != '\n');
            assert_eq!(bad, None, "{sunk:?}");
        }
        assert!(!sink::markdown(&block).contains(['<', '>']));
        let cell = sink::csv_cell(&line);
        let first = cell.chars().find(|c| *c != '"' && *c != ' ').unwrap_or('x');
        assert!(!"=+-@".contains(first), "{cell}");
    }
}

#[test]
fn the_grid_of_a_terminal_is_the_grid_that_was_drawn() {
    let Some(corpus) = corpus("the_grid_of_a_terminal_is_the_grid_that_was_drawn") else {
        return;
    };
    for batch in corpus.chunks(40) {
        let fields: Vec<Safe> = batch.iter().map(|raw| show(raw, Context::Field)).collect();
        let blocks: Vec<Safe> = batch
            .iter()
            .flat_map(|raw| {
                show(raw, Context::Block)
                    .lines()
                    .take(3)
                    .collect::<Vec<_>>()
            })
            .collect();
        let (buffer, bytes) = render(160, 120, |frame| {
            let lines = |all: &'_ [Safe]| -> Vec<String> {
                all.iter().map(|safe| safe.as_str().to_owned()).collect()
            };
            let text = |all: &[Safe]| lines(all).into_iter().map(Line::from).collect::<Text>();
            frame.render_widget(Paragraph::new(text(&fields)), Rect::new(0, 0, 40, 120));
            let wrapped = Paragraph::new(text(&blocks)).wrap(Wrap { trim: true });
            frame.render_widget(wrapped, Rect::new(40, 0, 40, 120));
            let rows = fields
                .iter()
                .map(|safe| Row::new([safe.as_str(), safe.as_str()]));
            let table = Table::new(rows, [Constraint::Length(9), Constraint::Fill(1)]);
            frame.render_widget(table, Rect::new(80, 0, 40, 120));
            for (row, safe) in (0..120).zip(&fields) {
                let block = Block::new().borders(Borders::TOP).title(safe.as_str());
                frame.render_widget(block, Rect::new(120, row, 40, 1));
            }
        });
        let first = fields.first().map(Safe::as_str).unwrap_or_default();
        assert_eq!(first_forbidden(&bytes, false), None, "from {first:?}");
        assert_eq!(filter(&bytes).1, 0, "from {first:?}");
        assert_eq!(first_drift(&buffer, &bytes), None, "from {first:?}");
    }
}

#[test]
fn a_payload_split_over_two_fields_stays_text() {
    let Some(corpus) = corpus("a_payload_split_over_two_fields_stays_text") else {
        return;
    };
    for raw in corpus.iter().filter(|raw| raw.len() <= 80) {
        for at in 0..=raw.len() {
            let (before, after) = raw.split_at(at);
            let both = Safe::concat([show(before, Context::Field), show(after, Context::Field)]);
            assert_eq!(
                filter(both.as_str().as_bytes()).1,
                0,
                "{}",
                raw.escape_ascii()
            );
        }
    }
}

#[test]
fn raw_payloads_never_get_past_the_filter() {
    let Some(corpus) = corpus("raw_payloads_never_get_past_the_filter") else {
        return;
    };
    let mut dropped = 0;
    for raw in &corpus {
        let (passed, violations) = filter(raw);
        assert_eq!(
            first_forbidden(&passed, true),
            None,
            "{}",
            raw.escape_ascii()
        );
        dropped += violations;
    }
    assert!(dropped > 1_000, "only {dropped} violations seen");
}

#[test]
fn confusable_letters_make_look_alikes() {
    let Some(root) = shared("confusable_letters_make_look_alikes") else {
        return;
    };
    let pairs = confusables(&root.join("corpus/hostile"));
    let letters: Vec<_> = pairs
        .iter()
        .filter(|(source, _)| source.chars().all(|c| !is_forbidden(c)))
        .collect();
    assert!(letters.len() > 500, "only {} pairs", letters.len());
    let missed: Vec<_> = letters
        .iter()
        .filter(|(source, target)| {
            let fake = Untrusted::new(format!("user{source}name"));
            let real = Untrusted::new(format!("user{target}name"));
            !look_alike(&fake, &real)
        })
        .collect();
    assert!(missed.is_empty(), "{} missed: {missed:?}", missed.len());
}

/// The doc tests of `Safe` hold the same ground on every run; this one also pins what the compiler says.
#[test]
#[ignore = "builds all dependencies once more, some minutes"]
fn the_types_keep_raw_text_off_the_screen() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}

/// Bytes that look like terminal output more often than random ones do.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..8),
        "[ -~]{0,12}".prop_map(String::into_bytes),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        "\x1b\\[[?>=]?[0-9;:]{0,8}[ $]?[@-~]".prop_map(String::into_bytes),
        "\x1b[\\]PX^_][ -~]{0,12}(\x07|\x1b\\\\)?".prop_map(String::into_bytes),
        "\x1b\\[\\?(25|1049|2026|1003)[hl]".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_filter_lets_only_drawing_through(
        bytes in stream(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let (whole, dropped) = filter(&bytes);
        prop_assert_eq!(first_forbidden(&whole, true), None);
        // What passed, passes again unchanged.
        prop_assert_eq!(filter(&whole), (whole.clone(), 0));
        // How the writes are split makes no difference.
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.sort_unstable();
        ends.push(bytes.len());
        let mut split = Egress::new(Vec::new(), Allowed::default());
        let mut start = 0;
        for end in ends {
            split.write_all(bytes.get(start..end).unwrap_or_default())?;
            start = end;
        }
        prop_assert_eq!(split.violations(), dropped);
        prop_assert_eq!(split.into_inner(), whole);
    }

    #[test]
    fn anything_is_accounted_for(raw in stream(), ascii_only in any::<bool>()) {
        for context in CONTEXTS {
            let safe = show_with(&raw, context, Options { ascii_only });
            prop_assert_eq!(accounted(&raw, &safe, context), Ok(()));
            let width: usize = safe
                .lines()
                .map(|line| line.as_str().chars().filter_map(UnicodeWidthChar::width).sum())
                .max()
                .unwrap_or(0);
            prop_assert_eq!(width, safe.width());
        }
    }
}
