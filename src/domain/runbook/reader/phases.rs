//! The phases of a runbook with their steps, by the layout that it has.
//!
//! What must not live here: which layout it has, and how a list item becomes a step.

use std::collections::{HashMap, HashSet};

use super::blocks::{Block, Code};
use super::flat::flat;
use super::layout::{
    Layout, headings_are_steps, is_phase, is_picture, is_tagged, is_task_section, layout_of,
    mostly_headings,
};
use super::marks::Toolbox;
use super::names::{self, Numbering};
use super::notice;
use super::sections::{Section, below};
use super::sources::has_clear_list;
use super::steps::{Steps, apply};
use super::tables;
use super::{conditions, fences, limits};
use crate::domain::phase::{PhaseName, phase_of_name};
use crate::domain::runbook::{Notice, PhaseDigest, PhaseSection, Step};
use crate::domain::text::Untrusted;

pub(super) fn phases(
    sections: &[Section],
    tools: &Toolbox,
    notices: &mut Vec<Notice>,
) -> Vec<PhaseSection> {
    let layout = layout_of(sections);
    let mut steps = Steps {
        tools,
        phase: PhaseDigest::of(""),
        seen: HashMap::new(),
        made: 0,
        full: false,
        by_headings: mostly_headings(sections, layout),
        notices,
    };
    let mut phases = Vec::new();
    match layout {
        Layout::ShortList => short_list(sections, &mut steps, &mut phases),
        Layout::Flat => flat(sections, &mut steps, &mut phases),
        Layout::Numbered | Layout::Named => {
            let mut inside = None;
            for (i, section) in sections.iter().enumerate() {
                if inside.is_some_and(|level| section.level <= level) {
                    inside = None;
                }
                if is_phase(sections, i, layout) {
                    phases.extend(phase(sections, i, layout, &mut steps));
                    inside.get_or_insert(section.level);
                } else if i > 0 && is_task_section(sections, i, layout) {
                    phases.extend(tasks(sections, i, &mut steps));
                } else if inside.is_none() && !section.aside {
                    outside(section, &mut steps);
                }
            }
        }
    }
    if layout != Layout::ShortList {
        fenced(sections, &mut steps, &mut phases);
    }
    phases.sort_by_key(|phase| phase.line);
    phases
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
    let mut own: Vec<usize> = below(sections, i)
        .take_while(|j| !is_phase(sections, *j, layout))
        .collect();
    own.retain(|j| sections.get(*j).is_some_and(|s| !s.aside));
    if section.blocks.is_empty() && own.is_empty() && repeats_number(sections, i, layout) {
        let text = format!(
            "'{}' is empty, and the next heading has the same number",
            section.name
        );
        notice(steps.notices, section.line, text);
        return None;
    }
    steps.phase = PhaseDigest::of(&section.name);
    let clear = std::iter::once(i)
        .chain(own.iter().copied())
        .filter_map(|j| sections.get(j))
        .any(|s| has_clear_list(&s.blocks));
    let mut found = if nested && !clear {
        Vec::new()
    } else {
        steps_of_phase(sections, i, &own, clear, steps)
    };
    if let Some(heading) = &section.heading {
        apply(
            &mut found,
            None,
            limits::time_limit_of(&heading.text).as_ref(),
        );
    }
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

/// Tells whether the next section is a phase with the same number, as in `Part 4 - A & B` above `Part 4 - A`.
fn repeats_number(sections: &[Section], i: usize, layout: Layout) -> bool {
    let number = |i: usize| {
        let text = &sections.get(i)?.heading.as_ref()?.text;
        let words: Vec<&str> = text.split_whitespace().take(2).collect();
        (words.len() == 2).then(|| words.join(" ").to_lowercase())
    };
    let begins = |longer: &str, shorter: &str| {
        longer.trim_end_matches(char::is_alphabetic)
            == shorter.trim_end_matches(char::is_alphabetic)
    };
    is_phase(sections, i + 1, layout)
        && number(i).zip(number(i + 1)).is_some_and(|(first, second)| {
            first == second || begins(&second, &first) && first.len() < second.len()
        })
}

fn steps_of_phase(
    sections: &[Section],
    i: usize,
    own: &[usize],
    clear: bool,
    steps: &mut Steps<'_>,
) -> Vec<Step> {
    let own_list = own.iter().copied().find(|j| {
        sections
            .get(*j)
            .is_some_and(|s| names::is_short_list(&s.name) && has_clear_list(&s.blocks))
    });
    if let Some(section) = own_list.and_then(|j| sections.get(j)) {
        let text = "the own checklist of the phase is read as its steps";
        notice(steps.notices, section.line, text);
        return steps.of_checklist(&section.blocks);
    }
    let direct = sections
        .get(i)
        .map(|s| s.blocks.as_slice())
        .unwrap_or_default();
    let listless = !direct.iter().any(|block| matches!(block, Block::List(_)));
    let as_steps = (!has_clear_list(direct))
        .then(|| headings_are_steps(sections, own, steps.by_headings && listless))
        .flatten();
    let mut found = match as_steps {
        Some(_) => Vec::new(),
        None => steps.of_section(direct, clear),
    };
    found.extend(steps_of_sections(sections, own, as_steps, clear, steps));
    found
}

/// Reads sections in their order: as steps of their own on the given level, else by their lists.
pub(super) fn steps_of_sections(
    sections: &[Section],
    own: &[usize],
    as_steps: Option<u8>,
    clear: bool,
    steps: &mut Steps<'_>,
) -> Vec<Step> {
    let mut found = Vec::new();
    let mut read: HashSet<usize> = HashSet::new();
    let all: HashSet<usize> = own.iter().copied().collect();
    for j in own.iter().copied() {
        let Some(section) = sections.get(j).filter(|_| !read.contains(&j)) else {
            continue;
        };
        if is_picture(section) && below(sections, j).next().is_none() {
            continue;
        }
        let numbered = section.numbering == Numbering::Step;
        let is_step = numbered || as_steps == Some(section.level);
        if is_step && steps.is_full(section.line) {
            break;
        }
        let mut new = match &section.heading {
            Some(heading) if is_step => {
                let inner: Vec<usize> = below(sections, j)
                    .filter(|inner| all.contains(inner) && !is_numbered(sections, *inner))
                    .collect();
                read.extend(&inner);
                let parts: Vec<&Section> = inner
                    .iter()
                    .filter_map(|inner| sections.get(*inner))
                    .collect();
                let end = parts.last().map_or(section.end, |last| last.end);
                vec![steps.of_heading(heading, &section.name, &section.blocks, &parts, end)]
            }
            _ => {
                let new = steps.of_section(&section.blocks, clear);
                if new.is_empty()
                    && !section.blocks.is_empty()
                    && section.heading.is_some()
                    && !unsaid(section)
                    && below(sections, j).next().is_none()
                {
                    let text = format!("'{}' has no list and is not read as steps", section.name);
                    notice(steps.notices, section.line, text);
                }
                new
            }
        };
        if let Some(heading) = &section.heading {
            let condition = conditions::condition_of_heading(&section.name);
            apply(
                &mut new,
                condition.as_deref(),
                limits::time_limit_of(&heading.text).as_ref(),
            );
        }
        found.extend(new);
    }
    found
}

pub(super) fn is_numbered(sections: &[Section], i: usize) -> bool {
    sections
        .get(i)
        .is_some_and(|s| s.numbering == Numbering::Step)
}

/// Tells whether a section gets a notice of another kind: a table, or a list that was left out.
fn unsaid(section: &Section) -> bool {
    section
        .blocks
        .iter()
        .any(|block| matches!(block, Block::Table(_) | Block::List(_) | Block::Html { .. }))
}

/// Says which lists of a section that belongs to no phase are not read.
pub(super) fn outside(section: &Section, steps: &mut Steps<'_>) {
    for block in &section.blocks {
        if let Block::List(list) = block {
            let items = list.items.len();
            let text = format!(
                "list of {items} items stands outside of the phases and is not read as steps"
            );
            notice(steps.notices, list.line, text);
        }
    }
}

/// A section outside the phases that holds tasks.
fn tasks(sections: &[Section], i: usize, steps: &mut Steps<'_>) -> Option<PhaseSection> {
    let section = sections.get(i)?;
    steps.phase = PhaseDigest::of(&section.name);
    let found = steps.of_section(&section.blocks, true);
    unread(section, steps.notices);
    (!found.is_empty()).then(|| named(section, found))
}

/// Reads the phases that stand in code blocks with their lists as plain text.
fn fenced(sections: &[Section], steps: &mut Steps<'_>, phases: &mut Vec<PhaseSection>) {
    for code in codes(sections) {
        for listing in fences::listings(code) {
            let Some((line, name)) = &listing.phase else {
                continue;
            };
            steps.phase = PhaseDigest::of(name);
            let found = steps.of_listing(listing);
            let text = format!("phase '{name}' stands inside a code block, read as steps");
            notice(steps.notices, code.line, text);
            phases.push(phase_section(
                Some(Untrusted::new(name.clone())),
                phase_of_name(name),
                *line,
                found,
            ));
        }
    }
}

fn codes(sections: &[Section]) -> impl Iterator<Item = &Code> {
    let blocks = sections.iter().flat_map(|section| &section.blocks);
    blocks.filter_map(|block| match block {
        Block::Code(code) => Some(code),
        _ => None,
    })
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
    let numbered = (1..sections.len()).any(|i| is_phase(sections, i, Layout::Numbered));
    let mut done = HashSet::new();
    for i in (1..sections.len()).filter(is_list) {
        for j in std::iter::once(i).chain(below(sections, i)) {
            let Some(section) = sections.get(j).filter(|s| !s.aside && done.insert(j)) else {
                continue;
            };
            steps.phase = PhaseDigest::of(&section.name);
            let found = steps.of_checklist(&section.blocks);
            unread(section, steps.notices);
            if j == i && numbered {
                let text =
                    "the own checklist is the short list; the steps of the phases are its detail";
                notice(steps.notices, section.line, text);
            }
            let tagged = section
                .blocks
                .iter()
                .any(|block| matches!(block, Block::List(list) if is_tagged(list)));
            if !found.is_empty() {
                phases.extend(by_tags(named(section, found), tagged));
            }
        }
    }
}

/// Splits a list whose every step begins with the name of a phase in brackets into these phases.
pub(super) fn by_tags(section: PhaseSection, tagged: bool) -> Vec<PhaseSection> {
    let tag = |step: &Step| {
        step.role
            .clone()
            .filter(|role| tagged || phase_of_name(role.raw()).is_some())
    };
    if !section.steps.iter().all(|step| tag(step).is_some()) {
        return vec![section];
    }
    let mut phases: Vec<PhaseSection> = Vec::new();
    let mut places: HashMap<Option<Untrusted>, usize> = HashMap::new();
    for mut step in section.steps {
        let name = step.role.take();
        let place = *places.entry(name.clone()).or_insert(phases.len());
        if let Some(phase) = phases.get_mut(place) {
            phase.steps.push(step);
            continue;
        }
        let of_name = name.as_ref().and_then(|name| phase_of_name(name.raw()));
        phases.push(phase_section(name, of_name, step.line, vec![step]));
    }
    phases
}

/// Says what of a section was not read: tables, HTML, texts that say TODO.
pub(super) fn unread(section: &Section, notices: &mut Vec<Notice>) {
    for block in &section.blocks {
        match block {
            Block::Table(table) if tables::columns(table).is_none() => {
                notice(notices, table.line, "table is not read as steps");
            }
            Block::Html { line } => {
                notice(notices, *line, "list or table in HTML is not read as steps");
            }
            Block::Paragraph(inline) if inline.text.trim_start().starts_with("TODO") => {
                notice(notices, inline.lines.start, "the text says TODO");
            }
            _ => {}
        }
    }
}

/// Says where a list stands inside a code block that gave no steps, in any section.
pub(super) fn fenced_lists(
    sections: &[Section],
    phases: &[PhaseSection],
    notices: &mut Vec<Notice>,
) {
    let read: HashSet<u32> = notices
        .iter()
        .filter(|notice| notice.text.raw().contains("inside a code block"))
        .map(|notice| notice.line)
        .collect();
    let steps = phases.iter().flat_map(|phase| &phase.steps);
    let mut lines: Vec<(u32, u32)> = steps
        .map(|step| (step.lines.start, step.lines.end))
        .collect();
    lines.sort_unstable();
    let inside = |line: u32| {
        let after = lines.partition_point(|(start, _)| *start <= line);
        after
            .checked_sub(1)
            .and_then(|i| lines.get(i))
            .is_some_and(|(_, end)| line < *end)
    };
    for code in codes(sections).filter(|code| fences::holds_list(code)) {
        if !read.contains(&code.line) && !inside(code.line) {
            notice(
                notices,
                code.line,
                "list inside a code block is not read as steps",
            );
        }
    }
}
