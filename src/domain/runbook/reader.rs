//! Reads a runbook from Markdown: which sections are phases, inputs, tools; the rest is in the files below.
//!
//! Layouts that are read: phases as headings or bold paragraphs, steps as numbered lists, task lists, bullets under
//! a label, headings and bold paragraphs; an own short checklist; one flat list. Nothing is invented where there is
//! nothing, and what was not understood is a notice with its line. What must not live here: io, other files.

mod blocks;
mod marks;
mod names;
mod steps;

use std::collections::{HashMap, HashSet};

use self::blocks::{Block, Blocks, Inline, Item, read_blocks};
use self::marks::{FileKind, Toolbox};
use self::names::Numbering;
use self::steps::{Steps, has_clear_list};
use super::{Input, Link, Notice, PhaseSection, Runbook, Step};
use crate::domain::phase::{PhaseName, phase_of_name};
use crate::domain::text::Untrusted;

/// Longer texts are read up to here, with a notice.
const LONGEST: usize = 4 * 1024 * 1024;

/// Most notices of one runbook; the last one says how many more there were.
const MOST_NOTICES: usize = 200;

/// Most words in the name of a phase that has no number.
const PHASE_WORDS: usize = 6;

/// A heading or a bold paragraph, with the blocks up to the next one.
struct Section {
    /// 0 for what stands before the first heading.
    level: u8,
    heading: Option<Inline>,
    numbering: Numbering,
    name: String,
    line: u32,
    end: u32,
    /// Boilerplate, or below boilerplate: never steps.
    aside: bool,
    /// A section above it begins like a phase.
    inside_phase: bool,
    blocks: Vec<Block>,
}

/// Reads a runbook; every text is one, and what was not understood is a notice.
///
/// Texts above 4 MiB are read up to there. `file_name` is the title when the text gives none.
pub fn parse_runbook(text: &str, file_name: &str) -> Runbook {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut notices = Vec::new();
    let read = shortened(text, &mut notices);
    let Blocks { blocks, too_deep } = read_blocks(read);
    if let Some(line) = too_deep {
        notice(
            &mut notices,
            line,
            "nested too deep; read as text of what is around it",
        );
    }
    let last = u32::try_from(read.lines().count()).unwrap_or(u32::MAX);
    let mut front_title = None;
    let sections = split(blocks, last.saturating_add(1), &mut front_title);
    let tools = toolbox(&sections);
    let phases = phases(&sections, &tools, &mut notices);
    fenced_lists(&sections, &mut notices);
    let (linked_runbooks, linked_documents) = links(&sections);
    if phases.iter().all(|phase| phase.steps.is_empty()) {
        notice(&mut notices, 1, "no steps found");
    }
    Runbook {
        file: Untrusted::new(file_name),
        title: title(&sections, front_title, file_name),
        inputs: inputs(&sections),
        phases,
        linked_runbooks,
        linked_documents,
        notices: sorted(notices),
        source: read.to_owned(),
    }
}

fn shortened<'a>(text: &'a str, notices: &mut Vec<Notice>) -> &'a str {
    if text.len() <= LONGEST {
        return text;
    }
    let read = (0..4)
        .find_map(|back| text.get(..LONGEST.saturating_sub(back)))
        .unwrap_or_default();
    let line = u32::try_from(read.lines().count()).unwrap_or(u32::MAX);
    notice(notices, line, "longer than 4 MiB; the rest is not read");
    read
}

fn notice(notices: &mut Vec<Notice>, line: u32, text: impl Into<String>) {
    let text = Untrusted::new(text.into());
    notices.push(Notice { line, text });
}

fn sorted(mut notices: Vec<Notice>) -> Vec<Notice> {
    notices.sort_by_key(|notice| notice.line);
    let more = notices.len().saturating_sub(MOST_NOTICES);
    if more > 0 {
        notices.truncate(MOST_NOTICES);
        let line = notices.last().map_or(1, |notice| notice.line);
        notice(
            &mut notices,
            line,
            format!("{more} more notices are not listed"),
        );
    }
    notices
}

/// Cuts the blocks into sections at headings and at bold paragraphs that name a phase, a step or boilerplate.
fn split(blocks: Vec<Block>, end: u32, front_title: &mut Option<String>) -> Vec<Section> {
    let mut sections = vec![Section {
        level: 0,
        heading: None,
        numbering: Numbering::None,
        name: String::new(),
        line: 1,
        end,
        aside: false,
        inside_phase: false,
        blocks: Vec::new(),
    }];
    let mut real_level = 0;
    let mut aside_level = None;
    let mut phase_level = None;
    for block in blocks {
        let (level, heading) = match block {
            Block::FrontMatter(text) => {
                *front_title = front_matter_title(&text);
                continue;
            }
            Block::Heading { level, text } => {
                real_level = level;
                (level, text)
            }
            Block::Paragraph(text) if is_bold_heading(&text) => {
                (real_level.saturating_add(1), text)
            }
            other => {
                if let Some(section) = sections.last_mut() {
                    section.blocks.push(other);
                }
                continue;
            }
        };
        let (numbering, name) = names::without_numbering(&heading.text);
        let line = heading.lines.start;
        if let Some(section) = sections.last_mut() {
            section.end = line;
        }
        if aside_level.is_some_and(|aside| level <= aside) {
            aside_level = None;
        }
        if phase_level.is_some_and(|phase| level <= phase) {
            phase_level = None;
        }
        let inside_phase = phase_level.is_some();
        if !inside_phase && begins_with_phase(&name) {
            phase_level = Some(level);
        }
        let titled = sections.len() > 1;
        let lists_phases = names::lists_phases(&name);
        if aside_level.is_none() && titled && names::is_boilerplate(&name) {
            aside_level = Some(level);
        }
        sections.push(Section {
            level,
            heading: Some(heading),
            numbering,
            name,
            line,
            end,
            aside: aside_level.is_some() || (titled && lists_phases),
            inside_phase,
            blocks: Vec::new(),
        });
    }
    sections
}

fn front_matter_title(text: &str) -> Option<String> {
    let value = |line: &str| {
        let (key, value) = line.split_once(':')?;
        let value = value.trim().trim_matches(['"', '\'']).trim();
        (matches!(key, "title" | "name") && !value.is_empty()).then(|| value.to_owned())
    };
    text.lines().find_map(value)
}

/// A paragraph of nothing but bold words is a heading when it names a phase, a step or boilerplate.
fn is_bold_heading(text: &Inline) -> bool {
    let words = text.text.trim();
    if !text.is_all_bold() || words.ends_with(['.', '!', '?']) {
        return false;
    }
    let (numbering, name) = names::without_numbering(words);
    let short = name.split_whitespace().count() <= PHASE_WORDS;
    numbering != Numbering::None
        || names::is_boilerplate(&name)
        || (short && begins_with_phase(&name))
}

fn begins_with_phase(name: &str) -> bool {
    let first = name.split_whitespace().next().unwrap_or_default();
    phase_of_name(first).is_some()
        || name.to_lowercase().starts_with("post") && phase_of_name(name).is_some()
        || matches!(phase_of_name(name), Some(PhaseName::Feedback))
}

fn title(sections: &[Section], front: Option<String>, file_name: &str) -> Untrusted {
    let first = sections.get(1).filter(|section| is_title(section));
    let top = sections
        .iter()
        .find(|section| section.level == 1 && is_title(section));
    let heading = top.or(first).and_then(|section| section.heading.as_ref());
    match (heading, front) {
        (Some(heading), _) => Untrusted::new(heading.text.trim()),
        (None, Some(front)) => Untrusted::new(front),
        (None, None) => Untrusted::new(file_name),
    }
}

/// A heading that names a part of a runbook is not the name of the whole.
fn is_title(section: &Section) -> bool {
    let part = names::is_boilerplate(&section.name)
        || names::is_short_list(&section.name)
        || names::is_workflow(&section.name)
        || section.numbering == Numbering::Phase;
    section.heading.is_some() && !part
}

/// How the phases of a runbook are told apart from its other sections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Headings with `Phase 2:`, `Part 4 -`, `(P)`.
    Numbered,
    /// A short list of its own.
    ShortList,
    /// Headings that are names of phases.
    Named,
    /// One list.
    Flat,
}

fn phases(sections: &[Section], tools: &Toolbox, notices: &mut Vec<Notice>) -> Vec<PhaseSection> {
    let layout = layout_of(sections);
    let mut steps = Steps {
        tools,
        phase: String::new(),
        seen: HashMap::new(),
        notices,
    };
    let mut phases = Vec::new();
    match layout {
        Layout::ShortList => short_list(sections, &mut steps, &mut phases),
        Layout::Flat => flat(sections, &mut steps, &mut phases),
        Layout::Numbered | Layout::Named => {
            for (i, section) in sections.iter().enumerate() {
                if is_phase(sections, i, layout) {
                    phases.extend(phase(sections, i, layout, &mut steps));
                } else if i > 0 && names::is_short_list(&section.name) {
                    steps.notices.push(Notice {
                        line: section.line,
                        text: Untrusted::new(
                            "own checklist beside the phases is not read as steps",
                        ),
                    });
                }
            }
        }
    }
    phases
}

fn layout_of(sections: &[Section]) -> Layout {
    let any = |layout| (1..sections.len()).any(|i| is_phase(sections, i, layout));
    if any(Layout::Numbered) {
        Layout::Numbered
    } else if (1..sections.len()).any(|i| is_phase(sections, i, Layout::ShortList)) {
        Layout::ShortList
    } else if any(Layout::Named) {
        Layout::Named
    } else {
        Layout::Flat
    }
}

fn is_phase(sections: &[Section], i: usize, layout: Layout) -> bool {
    let Some(section) = sections
        .get(i)
        .filter(|section| section.heading.is_some() && !section.aside)
    else {
        return false;
    };
    match layout {
        Layout::Numbered => section.numbering == Numbering::Phase,
        Layout::ShortList => names::is_short_list(&section.name) && section_lists(sections, i) > 0,
        Layout::Named => {
            // Inside a phase a longer name is more likely a step (*Restore a quarantined message*).
            let most = if section.inside_phase { 3 } else { PHASE_WORDS };
            let short = section.name.split_whitespace().count() <= most;
            // The first heading is the title: it names no phase when everything stands below it.
            let title = i == 1 && below(sections, i).count() + 2 >= sections.len();
            short && !title && begins_with_phase(&section.name)
        }
        Layout::Flat => false,
    }
}

/// Goes through the sections below one, by their index.
fn below(sections: &[Section], i: usize) -> impl Iterator<Item = usize> {
    let level = sections.get(i).map_or(0, |section| section.level);
    (i + 1..sections.len()).take_while(move |j| sections.get(*j).is_some_and(|s| s.level > level))
}

fn section_lists(sections: &[Section], i: usize) -> usize {
    let lists = |section: &Section| {
        section
            .blocks
            .iter()
            .filter(|b| matches!(b, Block::List(_)))
            .count()
    };
    let own = sections.get(i).map_or(0, lists);
    own + below(sections, i)
        .filter_map(|j| sections.get(j))
        .map(lists)
        .sum::<usize>()
}

/// Makes one phase of a section and what is below it, up to phases nested in it.
fn phase(
    sections: &[Section],
    i: usize,
    layout: Layout,
    steps: &mut Steps<'_>,
) -> Option<PhaseSection> {
    let section = sections.get(i)?;
    let nested = below(sections, i).any(|j| is_phase(sections, j, layout));
    let mut own = Vec::new();
    for j in below(sections, i) {
        if is_phase(sections, j, layout) {
            break;
        }
        own.push(j);
    }
    own.retain(|j| sections.get(*j).is_some_and(|s| !s.aside));
    steps.phase.clone_from(&section.name);
    let clear = std::iter::once(i)
        .chain(own.iter().copied())
        .filter_map(|j| sections.get(j))
        .any(|s| has_clear_list(&s.blocks));
    let found = if nested && !clear {
        Vec::new()
    } else {
        steps_of_phase(sections, i, &own, clear, steps)
    };
    for section in std::iter::once(i)
        .chain(own.iter().copied())
        .filter_map(|j| sections.get(j))
    {
        unread(section, steps.notices);
    }
    if found.is_empty() {
        if nested {
            return None;
        }
        let text = format!("phase '{}' has no steps", section.name);
        notice(steps.notices, section.line, text);
    }
    Some(named(section, found))
}

fn steps_of_phase(
    sections: &[Section],
    i: usize,
    own: &[usize],
    clear: bool,
    steps: &mut Steps<'_>,
) -> Vec<Step> {
    let mut found = sections
        .get(i)
        .map(|s| steps.of_section(&s.blocks))
        .unwrap_or_default();
    let headings_are_steps = !clear && found.is_empty();
    let outermost = own
        .iter()
        .filter_map(|j| sections.get(*j))
        .map(|s| s.level)
        .min();
    for section in own.iter().filter_map(|j| sections.get(*j)) {
        let numbered = section.numbering == Numbering::Step;
        let as_step = headings_are_steps && Some(section.level) == outermost;
        match &section.heading {
            Some(heading) if numbered || as_step => {
                found.push(steps.of_heading(heading, &section.name, &section.blocks, section.end));
            }
            _ => found.extend(steps.of_section(&section.blocks)),
        }
    }
    found
}

fn named(section: &Section, steps: Vec<Step>) -> PhaseSection {
    let name = Untrusted::new(section.name.clone());
    phase_section(
        Some(name),
        phase_of_name(&section.name),
        section.line,
        steps,
    )
}

fn phase_section(
    name: Option<Untrusted>,
    of_name: Option<PhaseName>,
    line: u32,
    steps: Vec<Step>,
) -> PhaseSection {
    let picerl = match of_name {
        Some(PhaseName::Picerl(phase)) => Some(phase),
        _ => None,
    };
    let feedback = of_name == Some(PhaseName::Feedback);
    PhaseSection {
        name,
        picerl,
        feedback,
        line,
        steps,
    }
}

/// Reads an own checklist: its sub-headings are the phases, or it is the only one.
fn short_list(sections: &[Section], steps: &mut Steps<'_>, phases: &mut Vec<PhaseSection>) {
    let is_list = |i: &usize| is_phase(sections, *i, Layout::ShortList);
    for i in (1..sections.len()).filter(is_list) {
        for section in std::iter::once(i)
            .chain(below(sections, i))
            .filter_map(|j| sections.get(j))
        {
            steps.phase.clone_from(&section.name);
            let found = steps.of_section(&section.blocks);
            if !found.is_empty() {
                phases.extend(by_tags(named(section, found)));
            }
        }
    }
}

/// Splits a list whose every step begins with the name of a phase in brackets into these phases.
fn by_tags(section: PhaseSection) -> Vec<PhaseSection> {
    let tag = |step: &Step| {
        step.role
            .clone()
            .filter(|role| phase_of_name(role.raw()).is_some())
    };
    if !section.steps.iter().all(|step| tag(step).is_some()) {
        return vec![section];
    }
    let mut phases: Vec<PhaseSection> = Vec::new();
    for mut step in section.steps {
        let name = step.role.take();
        if let Some(phase) = phases.iter_mut().find(|phase| phase.name == name) {
            phase.steps.push(step);
            continue;
        }
        let of_name = name.as_ref().and_then(|name| phase_of_name(name.raw()));
        phases.push(phase_section(name, of_name, step.line, vec![step]));
    }
    phases
}

/// Reads a runbook without phases: the workflow section, else every list that is not boilerplate.
fn flat(sections: &[Section], steps: &mut Steps<'_>, phases: &mut Vec<PhaseSection>) {
    let is_workflow = |i: &usize| {
        sections
            .get(*i)
            .is_some_and(|s| names::is_workflow(&s.name))
            && section_lists(sections, *i) > 0
    };
    let workflows: Vec<usize> = (1..sections.len()).filter(is_workflow).collect();
    let chosen: Vec<usize> = match workflows.first() {
        Some(_) => workflows
            .iter()
            .flat_map(|i| std::iter::once(*i).chain(below(sections, *i)))
            .collect(),
        None => (0..sections.len()).collect(),
    };
    let mut found = Vec::new();
    let mut line = None;
    let mut done = HashSet::new();
    for j in chosen {
        let Some(section) = sections.get(j) else {
            continue;
        };
        if section.aside || !done.insert(j) {
            continue;
        }
        let numbered = section.numbering == Numbering::Step;
        match &section.heading {
            Some(heading) if numbered => {
                found.push(steps.of_heading(heading, &section.name, &section.blocks, section.end));
            }
            _ if has_clear_list(&section.blocks) => found.extend(steps.of_section(&section.blocks)),
            _ => {}
        }
        if !found.is_empty() {
            line.get_or_insert(section.line);
        }
        unread(section, steps.notices);
    }
    if let Some(line) = line {
        phases.extend(by_tags(PhaseSection {
            name: None,
            picerl: None,
            feedback: false,
            line,
            steps: found,
        }));
    }
}

/// Says what of a phase was not read: tables, texts that say TODO.
fn unread(section: &Section, notices: &mut Vec<Notice>) {
    for block in &section.blocks {
        match block {
            Block::Table { line, boxes: true } => {
                notice(
                    notices,
                    *line,
                    "table with check boxes is not read as steps",
                );
            }
            Block::Table { line, boxes: false } => {
                notice(notices, *line, "table is not read as steps");
            }
            Block::Paragraph(inline) if inline.text.trim_start().starts_with("TODO") => {
                notice(notices, inline.lines.start, "the text says TODO");
            }
            _ => {}
        }
    }
}

/// Says where a list stands inside a code block, in any section: it may be steps, and is not read.
fn fenced_lists(sections: &[Section], notices: &mut Vec<Notice>) {
    for block in sections.iter().flat_map(|section| &section.blocks) {
        match block {
            Block::Code {
                line,
                language,
                text,
            } if !language.contains("mermaid") && holds_list(text) => {
                notice(
                    notices,
                    *line,
                    "list inside a code block is not read as steps",
                );
            }
            _ => {}
        }
    }
}

fn holds_list(code: &str) -> bool {
    let item = |line: &&str| {
        let mark = line.split_whitespace().next().unwrap_or_default();
        let numbered = mark
            .strip_suffix(['.', ')'])
            .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
        numbered || matches!(mark, "-" | "*") && line.split_whitespace().nth(1).is_some()
    };
    code.lines().filter(item).count() >= 2
}

fn items(section: &Section) -> impl Iterator<Item = (&Item, &Inline)> {
    section.blocks.iter().flat_map(|block| {
        let items = match block {
            Block::List(list) => list.items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(|item| {
            let first = item.blocks.iter().find_map(|block| match block {
                Block::Paragraph(inline) => Some(inline),
                _ => None,
            });
            first.map(|first| (item, first))
        })
    })
}

fn inputs(sections: &[Section]) -> Vec<Input> {
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

fn toolbox(sections: &[Section]) -> Toolbox {
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
fn links(sections: &[Section]) -> (Vec<Link>, Vec<Link>) {
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

#[cfg(test)]
mod tests;
