//! What a runbook declares beside its steps: inputs, tools, files that it names.
//!
//! What must not live here: phases and steps.

use std::collections::HashSet;

use super::blocks::{Block, Inline, Item, Table};
use super::marks::{self, FileKind, Toolbox};
use super::sections::{Section, begins_with_phase, items};
use super::{names, tables};
use crate::domain::phase::{PhaseName, phase_of_name};
use crate::domain::runbook::{Input, Link, PhaseSection};
use crate::domain::text::Untrusted;

/// Reads the inputs that the text declares: items and table rows of the sections of that name.
pub(super) fn inputs(sections: &[Section]) -> Vec<Input> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut seen = HashSet::new();
    for section in sections.iter().filter(|s| names::is_inputs(&s.name)) {
        let optional = section.name.to_lowercase().starts_with("optional");
        for block in &section.blocks {
            match block {
                Block::List(list) => {
                    for item in &list.items {
                        listed(item, optional, &mut inputs);
                    }
                }
                Block::Table(table) => inputs.extend(tabled(table, optional)),
                _ => {}
            }
        }
    }
    inputs.retain(|input| seen.insert(input.name.clone()));
    inputs
}

fn listed(item: &Item, optional: bool, inputs: &mut Vec<Input>) {
    let Some(inline) = item.blocks.iter().find_map(|block| match block {
        Block::Paragraph(inline) => Some(inline),
        _ => None,
    }) else {
        return;
    };
    let text = inline.text.trim();
    let lower = text.to_lowercase();
    let optional = optional || lower.contains("(optional") || lower.starts_with("optional");
    let mut found = marks::input_names(&inline.text, &inline.codes).into_iter();
    let bare = || names::bare_input(text).map(str::to_owned);
    let first = match found.next() {
        Some(first) => Some(first),
        None if inline.codes.is_empty() => bare(),
        None => None,
    };
    let label = lower.trim_matches(|c: char| !c.is_alphanumeric());
    if ["required", "optional", "required inputs", "optional inputs"].contains(&label) {
        for block in &item.blocks {
            if let Block::List(list) = block {
                for item in &list.items {
                    listed(item, optional, inputs);
                }
            }
        }
        return;
    }
    // What the steps find out is no input.
    let derived = label.starts_with("derived") && text.starts_with('(');
    let Some(name) = first.filter(|_| !derived).map(Untrusted::new) else {
        return;
    };
    let described = text.split_once(": ").or_else(|| text.split_once(" - "));
    inputs.push(Input {
        name,
        alternatives: found.map(Untrusted::new).collect(),
        optional,
        default: marks::default_of(text).map(Untrusted::new),
        description: Untrusted::new(described.map_or("", |(_, words)| words)),
        line: inline.lines.start,
    });
}

/// Reads a table of inputs: a row each, with the columns that say whether it is required and its default.
fn tabled(table: &Table, optional: bool) -> impl Iterator<Item = Input> {
    let column = |names: &[&str]| {
        table
            .header
            .iter()
            .position(|cell| names.contains(&cell.text.trim().to_lowercase().as_str()))
    };
    let default = column(&["default", "default value"]);
    let required = column(&["required", "required?", "mandatory"]);
    let may = column(&["optional", "optional?"]);
    let description = column(&["description", "meaning", "purpose", "notes"]);
    table.rows.iter().filter_map(move |row| {
        let words = |at: Option<usize>| {
            let cell = at.and_then(|at| row.cells.get(at));
            cell.map_or("", |cell| cell.text.trim())
        };
        let first = row.cells.first()?;
        let mut found = marks::input_names(&first.text, &first.codes).into_iter();
        let name = found
            .next()
            .or_else(|| names::input_name(first.text.trim()).map(str::to_owned))?;
        let says = |at, word: &str| words(at).to_lowercase().starts_with(word);
        let default = words(default).trim_matches(['-', '\u{2014}', '`', '"', ' ']);
        Some(Input {
            name: Untrusted::new(name),
            alternatives: found.map(Untrusted::new).collect(),
            optional: optional
                || says(required, "no")
                || says(required, "opt")
                || says(may, "y")
                || first.text.to_lowercase().contains("(optional"),
            default: (!default.is_empty()).then(|| Untrusted::new(default)),
            description: Untrusted::new(words(description)),
            line: row.line,
        })
    })
}

pub(super) fn toolbox(sections: &[Section]) -> Toolbox {
    let mut tools = Toolbox::default();
    for (_, inline) in sections
        .iter()
        .filter(|s| names::is_tools(&s.name))
        .flat_map(items)
    {
        tools.declare(&inline.text, &inline.codes);
    }
    for section in sections {
        declare_split(&section.blocks, &mut tools);
    }
    tools
}

/// Finds servers and tools that stand in two items of a list: `Server: x` and then `Tool: y`.
fn declare_split(blocks: &[Block], tools: &mut Toolbox) {
    for block in blocks {
        let Block::List(list) = block else {
            continue;
        };
        let mut server = None;
        for item in &list.items {
            if let Some(Block::Paragraph(inline)) = item.blocks.first()
                && let [(code, _)] = inline.codes.as_slice()
            {
                let label = inline.text.split(':').next().unwrap_or_default();
                match label.trim().to_lowercase().as_str() {
                    "server" | "mcp server" | "tool server" => server = Some(code.clone()),
                    "tool" | "tool name" | "mcp tool" | "function" => {
                        if let Some(server) = &server {
                            tools.declare_call(server, code);
                        }
                    }
                    _ => {}
                }
            }
            declare_split(&item.blocks, tools);
        }
    }
}

/// The files that the text names, each once, and where it names itself.
pub(super) struct Links {
    /// Those to follow.
    pub runbooks: Vec<Link>,
    /// Those to read.
    pub documents: Vec<Link>,
    /// The lines on which it names itself.
    pub itself: Vec<u32>,
}

/// Collects the files that the text names.
pub(super) fn links(sections: &[Section], file_name: &str) -> Links {
    let mut found = Found {
        file_name,
        links: Links {
            runbooks: Vec::new(),
            documents: Vec::new(),
            itself: Vec::new(),
        },
        seen: HashSet::new(),
    };
    for section in sections {
        let background = is_background(&section.name);
        if let Some(heading) = &section.heading {
            found.inline(heading, background);
        }
        found.blocks(&section.blocks, background);
    }
    found.links
}

/// Tells whether a path as written leads to the file it stands in.
pub(super) fn is_itself(path: &str, file_name: &str) -> bool {
    let path = path.split('#').next().unwrap_or_default().trim();
    path.strip_prefix("./").unwrap_or(path) == file_name
}

/// Gives the steps of a phase the runbooks that a table at the top lists for the phase, when it lists as many.
pub(super) fn link_steps(sections: &[Section], phases: &mut [PhaseSection]) {
    let tables: Vec<&Table> = sections
        .iter()
        .take(2)
        .flat_map(|section| &section.blocks)
        .filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
        .collect();
    if tables.is_empty() {
        return;
    }
    let mut places: Vec<(PhaseName, usize)> = Vec::new();
    for (place, phase) in phases.iter().enumerate() {
        if let Some(of_name) = phase.name.as_ref().and_then(|n| phase_of_name(n.raw()))
            && !places.iter().any(|(known, _)| *known == of_name)
        {
            places.push((of_name, place));
        }
    }
    for table in tables {
        for row in &table.rows {
            let [name, cell, ..] = row.cells.as_slice() else {
                continue;
            };
            let paths: Vec<&str> = cell
                .links
                .iter()
                .map(|(path, _)| path.as_str())
                .filter(|path| marks::file_kind(path, true) == Some(FileKind::Runbook))
                .collect();
            let Some(of_name) = phase_of_name(&name.text) else {
                continue;
            };
            let place = places.iter().find(|(known, _)| *known == of_name);
            let Some(phase) = place.and_then(|(_, place)| phases.get_mut(*place)) else {
                continue;
            };
            if phase.steps.len() == paths.len() {
                for (step, path) in phase.steps.iter_mut().zip(paths) {
                    let path = Untrusted::new(path);
                    if !step.runbooks.contains(&path) {
                        step.runbooks.push(path);
                    }
                }
            }
        }
    }
}

fn is_background(name: &str) -> bool {
    let lower = name.to_lowercase();
    [
        "reference",
        "resource",
        "additional",
        "see also",
        "further reading",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

struct Found<'a> {
    file_name: &'a str,
    links: Links,
    seen: HashSet<String>,
}

impl Found<'_> {
    fn blocks(&mut self, blocks: &[Block], background: bool) {
        for block in blocks {
            match block {
                Block::Paragraph(inline) => self.inline(inline, background),
                Block::List(list) => {
                    for item in &list.items {
                        self.blocks(&item.blocks, background);
                    }
                }
                Block::Quote(inner) => self.blocks(inner, background),
                Block::Table(table) => self.table(table, background),
                _ => {}
            }
        }
    }

    /// Links of a row that says something about the text are background, unless the row is of a phase or a step.
    fn table(&mut self, table: &Table, background: bool) {
        let steps = tables::columns(table).is_some();
        for row in &table.rows {
            let phase = || {
                let first = row.cells.first();
                first.is_some_and(|cell| begins_with_phase(cell.text.trim()))
            };
            let background = background || !(steps || phase());
            for cell in &row.cells {
                self.inline(cell, background);
            }
        }
    }

    fn inline(&mut self, inline: &Inline, background: bool) {
        let codes = inline.codes.iter().map(|found| (found, false));
        for ((path, line), link) in codes.chain(inline.links.iter().map(|found| (found, true))) {
            let Some(kind) = marks::file_kind(path, link) else {
                continue;
            };
            if is_itself(path, self.file_name) {
                self.links.itself.push(*line);
                continue;
            }
            if !self.seen.insert(path.clone()) {
                continue;
            }
            let list = match kind {
                FileKind::Runbook if !background => &mut self.links.runbooks,
                _ => &mut self.links.documents,
            };
            list.push(Link {
                path: Untrusted::new(path.clone()),
                line: *line,
            });
        }
    }
}
