//! Phases that do not look like headings: items of a list, rows of a table, plain lines, and what stands among phases
//! in the same form.
//!
//! They become headings before the text is cut into sections. What must not live here: cutting it, and steps.

use std::cell::OnceCell;

use super::blocks::{Block, Inline, Item, List, Row, Table};
use super::limits;
use super::names::{self, Numbering};
use super::sections::{PHASE_WORDS, begins_with_phase, is_bold_heading, only_names_phases};
use super::sources::{has_orders, has_tasks, items_are_orders};
use super::tables;

/// Least phases beside which a section of another name is one too.
const LEAST_SIBLINGS: usize = 3;

/// Least headings with times that are the phases of a text.
const LEAST_BOXES: usize = 2;

/// Words of headings that order something of a response beside the phases.
const OF_RESPONSE: &[&str] = &[
    "immediate",
    "initial",
    "response",
    "action",
    "actions",
    "escalation",
    "escalate",
    "notification",
    "notify",
    "notifications",
    "closure",
    "closing",
    "close",
    "documentation",
    "document",
    "follow",
    "verification",
    "verify",
    "validation",
    "validate",
    "monitoring",
    "monitor",
    "hunting",
    "scoping",
    "assessment",
    "reporting",
    "prevent",
    "prevention",
    "evidence",
];

/// Makes headings of what names phases in another form.
pub(super) fn reshaped(mut blocks: Vec<Block>) -> Vec<Block> {
    among_headings(&mut blocks);
    among_bold(&mut blocks);
    plain_lines(&mut blocks);
    let headed = || blocks.iter().filter(|block| names_phase(block)).count();
    if !blocks.iter().any(holds_phases) || headed() >= 2 {
        return blocks;
    }
    let mut out = Vec::with_capacity(blocks.len());
    let mut level = 0_u8;
    for block in blocks {
        match block {
            Block::Heading { level: own, text } => {
                level = own;
                out.push(Block::Heading { level, text });
            }
            Block::List(list) if is_list_of_phases(&list) => {
                let end = list.items.last().map_or(list.line, |item| item.lines.end);
                list.items
                    .into_iter()
                    .for_each(|item| phase_of_item(item, level, &mut out));
                out.push(Block::Apart { level, line: end });
            }
            Block::Table(table) if phase_rows(&table).is_some() => {
                let last = table.rows.last().map_or(table.line, |row| row.line);
                phases_of_table(table, level, &mut out);
                let line = last.saturating_add(1);
                out.push(Block::Apart { level, line });
            }
            other => out.push(other),
        }
    }
    out
}

fn names_phase(block: &Block) -> bool {
    match block {
        Block::Heading { text, .. } => {
            let (numbering, name) = names::without_numbering(&text.text);
            text.phase || numbering == Numbering::Phase || is_short_phase(&name)
        }
        Block::Paragraph(text) => {
            let named = || {
                let (numbering, name) = names::without_numbering(&text.text);
                numbering == Numbering::Phase || is_short_phase(&name)
            };
            (text.phase || text.is_all_bold()) && is_bold_heading(text) && named()
        }
        _ => false,
    }
}

fn is_short_phase(name: &str) -> bool {
    name.split_whitespace().count() <= PHASE_WORDS && begins_with_phase(name)
}

/// Marks headings that stand beside three phases or more on the same level and order something: those with a number
/// where the phases have numbers, and those with words of a response.
fn among_headings(blocks: &mut [Block]) {
    let headings: Vec<Named> = blocks
        .iter()
        .enumerate()
        .filter_map(|(at, block)| match block {
            Block::Heading { level, text } => {
                let (numbering, name) = names::without_numbering(&text.text);
                Some(Named {
                    at,
                    level: usize::from(*level),
                    numbering,
                    phase: is_short_phase(&name),
                    name,
                })
            }
            _ => None,
        })
        .collect();
    let mut marked = Vec::new();
    for group in siblings(&headings) {
        // *First 15 minutes*, *First hour*, *Next 24 hours*.
        let boxes = || {
            group
                .iter()
                .filter(|one| limits::begins_with_time(&one.name))
        };
        if boxes().count() >= LEAST_BOXES {
            marked.extend(boxes().map(|one| one.at));
        }
        let phases = || group.iter().filter(|heading| heading.phase);
        if phases().count() < LEAST_SIBLINGS
            || phases().any(|phase| phase.numbering == Numbering::Phase)
        {
            continue;
        }
        let counted = phases().all(|phase| phase.numbering == Numbering::Ordinal);
        let first = phases().next().map_or(0, |phase| phase.at);
        for heading in group.iter().filter(|heading| !heading.phase) {
            let fits = speaks_of_response(&heading.name)
                || counted && heading.at > first && heading.numbering == Numbering::Ordinal;
            let own = blocks.get(heading.at + 1..).unwrap_or_default();
            let is_heading = |block: &Block| matches!(block, Block::Heading { .. });
            let end = own.iter().position(is_heading).unwrap_or(own.len());
            let own = own.get(..end).unwrap_or_default();
            if fits && is_free(&heading.name) && (has_tasks(own) || has_orders(own)) {
                marked.push(heading.at);
            }
        }
    }
    for at in marked {
        if let Some(Block::Heading { text, .. }) = blocks.get_mut(at) {
            text.phase = true;
        }
    }
}

/// A heading of the text.
struct Named {
    /// Its place among the blocks.
    at: usize,
    level: usize,
    numbering: Numbering,
    phase: bool,
    name: String,
}

/// Gathers the headings that stand on one level below the same heading, where there are enough of them.
fn siblings(headings: &[Named]) -> Vec<Vec<&Named>> {
    let mut open: Vec<Vec<&Named>> = vec![Vec::new(); 8];
    let mut groups: Vec<Vec<&Named>> = Vec::new();
    for heading in headings {
        for deeper in open.iter_mut().skip(heading.level + 1) {
            groups.push(std::mem::take(deeper));
        }
        if let Some(group) = open.get_mut(heading.level) {
            group.push(heading);
        }
    }
    groups.append(&mut open);
    groups.retain(|group| group.len() >= LEAST_BOXES);
    groups
}

fn speaks_of_response(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(|word| {
        OF_RESPONSE
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word))
    })
}

/// Tells whether a name says nothing of its own about what stands below it.
fn is_free(name: &str) -> bool {
    name.split_whitespace().count() <= PHASE_WORDS
        && !(names::is_boilerplate(name) || names::is_short_list(name) || names::lists_phases(name))
}

/// Marks bold lines that stand above a list among two bold phases or more, under the same heading.
fn among_bold(blocks: &mut [Block]) {
    let mut from = 0;
    while from < blocks.len() {
        let rest = blocks.get(from..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|block| matches!(block, Block::Heading { .. }));
        let to = from + length.unwrap_or(rest.len());
        let run = blocks.get_mut(from..to).unwrap_or_default();
        let phases = run
            .iter()
            .filter(|block| matches!(block, Block::Paragraph(_)) && names_phase(block))
            .count();
        let mut place = 0;
        while phases >= 2 && place + 1 < run.len() {
            let listed = matches!(run.get(place + 1), Some(Block::List(list)) if list.ordered || items_are_orders(list));
            if let Some(Block::Paragraph(text)) = run.get_mut(place)
                && listed
                && text.is_all_bold()
                && is_free(names::without_numbering(&text.text).1.as_str())
            {
                text.phase = true;
            }
            place += 1;
        }
        from = to + 1;
    }
}

/// Marks plain lines right above what is to be done: `Phase 2: Containment`, and `Containment` where there are two
/// lines or more that only name phases.
fn plain_lines(blocks: &mut [Block]) {
    let mut named = Vec::new();
    for at in 0..blocks.len() {
        let listed = matches!(blocks.get(at + 1), Some(Block::List(_) | Block::Table(_)));
        if let Some(Block::Paragraph(text)) = blocks.get_mut(at)
            && listed
            && !text.text.contains('\n')
            && !text.text.trim_end().ends_with(['.', '!', '?', ','])
            && text.lines.end.saturating_sub(text.lines.start) == 1
        {
            let (numbering, name) = names::without_numbering(&text.text);
            if only_names_phases(&name) {
                named.push(at);
            }
            text.phase |=
                numbering == Numbering::Phase && name.split_whitespace().count() <= PHASE_WORDS;
        }
    }
    for at in named.iter().filter(|_| named.len() >= 2) {
        if let Some(Block::Paragraph(text)) = blocks.get_mut(*at) {
            text.phase = true;
        }
    }
}

fn holds_phases(block: &Block) -> bool {
    match block {
        Block::List(list) => is_list_of_phases(list),
        Block::Table(table) => phase_rows(table).is_some(),
        _ => false,
    }
}

/// Tells whether the items of a list are phases: all have names, most of them those of phases, with steps below.
fn is_list_of_phases(list: &List) -> bool {
    // Nobody has more phases than that, and a long list must not be looked at for nothing.
    if !(2..=16).contains(&list.items.len()) {
        return false;
    }
    let (mut phases, mut parted) = (0_usize, 0_usize);
    for item in &list.items {
        let Some(name) = item_name(item) else {
            return false;
        };
        if only_names_phases(&name) {
            phases += 1;
            parted += usize::from(
                item.blocks
                    .iter()
                    .any(|block| matches!(block, Block::List(_))),
            );
        }
    }
    phases >= 2 && phases * 2 > list.items.len() && parted >= 2 && parted * 2 > phases
}

/// Gives the name of an item that has one: its bold words, else its first paragraph when that is short and no sentence.
fn item_name(item: &Item) -> Option<String> {
    let Some(Block::Paragraph(text)) = item.blocks.first() else {
        return None;
    };
    let words = match &text.lead {
        Some(lead) => lead.trim(),
        None => text.text.trim(),
    };
    let (_, name) = names::without_numbering(words.trim_end_matches(':'));
    let count = name.split_whitespace().count();
    let short = (1..=PHASE_WORDS).contains(&count) && !words.ends_with(['.', '!', '?']);
    (short && !words.contains('\n')).then_some(name)
}

fn heading_of(words: &str, text: &Inline, level: u8) -> Block {
    let text = Inline {
        text: words.trim().trim_end_matches(':').to_owned(),
        lines: text.lines.clone(),
        phase: true,
        ..Inline::default()
    };
    Block::Heading {
        level: level.saturating_add(1),
        text,
    }
}

fn phase_of_item(item: Item, level: u8, out: &mut Vec<Block>) {
    let mut blocks = item.blocks.into_iter();
    if let Some(Block::Paragraph(mut text)) = blocks.next() {
        match text.lead.take() {
            Some(lead) => {
                out.push(heading_of(&lead, &text, level));
                let rest = std::mem::take(&mut text.rest);
                rest.trim_start_matches([':', ' ', '-', '\u{2013}', '\u{2014}'])
                    .clone_into(&mut text.text);
                if !text.text.trim().is_empty() {
                    out.push(Block::Paragraph(text));
                }
            }
            None => out.push(heading_of(&text.text, &text, level)),
        }
    }
    out.extend(blocks);
}

/// Where the phases of a table of steps stand: in a column of their own, or in rows of one cell.
#[derive(Clone, Copy)]
enum PhaseRows {
    Column(usize),
    Groups,
}

fn phase_rows(table: &Table) -> Option<PhaseRows> {
    tables::columns(table)?;
    let header = |cell: &Inline| {
        let name = cell.text.trim();
        ["phase", "stage", "phases"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    let column = table.header.iter().position(header).filter(|column| {
        let cells = || table.rows.iter().filter_map(|row| row.cells.get(*column));
        let named = cells()
            .filter(|cell| only_names_phases(&name_of(cell)))
            .count();
        named >= 2 && named * 2 > cells().filter(|cell| !cell.text.trim().is_empty()).count()
    });
    if let Some(column) = column {
        return Some(PhaseRows::Column(column));
    }
    let groups = table.rows.iter().filter_map(tables::group_name);
    let phases = groups
        .filter(|cell| only_names_phases(&name_of(cell)))
        .count();
    (phases >= 2).then_some(PhaseRows::Groups)
}

fn name_of(cell: &Inline) -> String {
    names::without_numbering(cell.text.trim()).1
}

/// Cuts a table into one for each phase.
fn phases_of_table(table: Table, level: u8, out: &mut Vec<Block>) {
    let Some(kind) = phase_rows(&table) else {
        return;
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut now = String::new();
    let close = |rows: &mut Vec<Row>, out: &mut Vec<Block>| {
        if !rows.is_empty() {
            out.push(Block::Table(Table {
                line: rows.first().map_or(table.line, |row| row.line),
                header: table.header.clone(),
                rows: std::mem::take(rows),
                columns: OnceCell::new(),
            }));
        }
    };
    for row in table.rows {
        let name = match kind {
            PhaseRows::Column(column) => row.cells.get(column),
            PhaseRows::Groups => {
                tables::group_name(&row).filter(|cell| only_names_phases(&name_of(cell)))
            }
        };
        let begins = name.filter(|cell| {
            let words = cell.text.trim();
            !words.is_empty() && words != now
        });
        if let Some(cell) = begins {
            close(&mut rows, out);
            cell.text.trim().clone_into(&mut now);
            out.push(heading_of(&cell.text, cell, level));
        }
        if matches!(kind, PhaseRows::Column(_)) || name.is_none() {
            rows.push(row);
        }
    }
    close(&mut rows, out);
}
