//! Which sections are the phases, by which layout, and which of their lists and headings are the steps.
//!
//! What must not live here: how a list item becomes a step.

use std::collections::{HashMap, HashSet};

use super::blocks::Block;
use super::marks::Toolbox;
use super::names::{self, Numbering};
use super::notice;
use super::sections::{PHASE_WORDS, Section, begins_with_phase, below, section_lists};
use super::steps::{Steps, has_clear_list};
use crate::domain::phase::{PhaseName, phase_of_name};
use crate::domain::runbook::{Notice, PhaseSection, Step};
use crate::domain::text::Untrusted;

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

pub(super) fn phases(
    sections: &[Section],
    tools: &Toolbox,
    notices: &mut Vec<Notice>,
) -> Vec<PhaseSection> {
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
pub(super) fn fenced_lists(sections: &[Section], notices: &mut Vec<Notice>) {
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
