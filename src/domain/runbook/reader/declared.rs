//! What a runbook declares beside its steps: inputs, tools, files that it names.
//!
//! What must not live here: phases and steps.

use std::collections::HashSet;

use super::blocks::{Block, Inline};
use super::marks::{self, FileKind, Toolbox};
use super::names;
use super::sections::{Section, items};
use crate::domain::runbook::{Input, Link};
use crate::domain::text::Untrusted;

pub(super) fn inputs(sections: &[Section]) -> Vec<Input> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut seen = HashSet::new();
    for (_, inline) in sections
        .iter()
        .filter(|s| names::is_inputs(&s.name))
        .flat_map(items)
    {
        let mut found = marks::input_names(&inline.text, &inline.codes).into_iter();
        let Some(name) = found.next().map(Untrusted::new) else {
            continue;
        };
        if !seen.insert(name.clone()) {
            continue;
        }
        let text = inline.text.trim();
        let described = text.split_once(": ").or_else(|| text.split_once(" - "));
        inputs.push(Input {
            name,
            alternatives: found.map(Untrusted::new).collect(),
            optional: text.to_lowercase().contains("(optional"),
            default: marks::default_of(text).map(Untrusted::new),
            description: Untrusted::new(described.map_or("", |(_, words)| words)),
            line: inline.lines.start,
        });
    }
    inputs
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
    tools
}

/// Collects the files that the text names, each once: those to follow and those to read.
pub(super) fn links(sections: &[Section]) -> (Vec<Link>, Vec<Link>) {
    let mut found = Found::default();
    for section in sections {
        let background = is_background(&section.name);
        if let Some(heading) = &section.heading {
            found.inline(heading, background);
        }
        found.blocks(&section.blocks, background);
    }
    (found.runbooks, found.documents)
}

fn is_background(name: &str) -> bool {
    let lower = name.to_lowercase();
    ["reference", "resource", "additional", "see also"]
        .iter()
        .any(|word| lower.starts_with(word))
}

#[derive(Default)]
struct Found {
    runbooks: Vec<Link>,
    documents: Vec<Link>,
    seen: HashSet<String>,
}

impl Found {
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
                _ => {}
            }
        }
    }

    fn inline(&mut self, inline: &Inline, background: bool) {
        let codes = inline.codes.iter().map(|found| (found, false));
        for ((path, line), link) in codes.chain(inline.links.iter().map(|found| (found, true))) {
            let Some(kind) = marks::file_kind(path, link) else {
                continue;
            };
            if !self.seen.insert(path.clone()) {
                continue;
            }
            let list = match kind {
                FileKind::Runbook if !background => &mut self.runbooks,
                _ => &mut self.documents,
            };
            list.push(Link {
                path: Untrusted::new(path.clone()),
                line: *line,
            });
        }
    }
}
