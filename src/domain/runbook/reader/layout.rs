//! Which sections of a runbook are its phases, or its own short list, and which headings are steps.
//!
//! What must not live here: reading the steps.

use super::blocks::{Block, Item, List};
use super::names::{self, Numbering};
use super::sections::{PHASE_WORDS, Section, below, only_names_phases, section_lists};
use super::sources::{has_clear_list, has_tasks};
use super::verbs;
use crate::domain::phase::{PhaseName, phase_of_name};

/// How the phases of a runbook are told apart from its other sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A short list of its own, beside the long text.
    ShortList,
    /// Headings with `Phase 2:`, `Part 4 -`, `(P)`.
    Numbered,
    /// Headings that are names of phases.
    Named,
    /// One list.
    Flat,
}

/// Least items of a short list that stands for the whole response.
const SHORTEST: usize = 2;

pub(super) fn layout_of(sections: &[Section]) -> Layout {
    let count = |layout| {
        (1..sections.len())
            .filter(|i| is_phase(sections, *i, layout))
            .count()
    };
    if count(Layout::ShortList) > 0 && !has_phases_beside_short_list(sections) {
        Layout::ShortList
    } else if count(Layout::Numbered) > 0 {
        Layout::Numbered
    } else {
        let workflow = (1..sections.len()).any(|i| is_workflow(sections, i));
        let named = || {
            (1..sections.len())
                .filter(|i| is_phase(sections, *i, Layout::Named))
                .filter_map(|i| sections.get(i))
        };
        let by_place = |section: &Section| section.heading.as_ref().is_some_and(|text| text.phase);
        // *Communications lead* alone is one of several roles and makes no phases.
        let of_model = named().any(|section| {
            by_place(section)
                || phase_of_name(&section.name).is_some_and(|name| name != PhaseName::Own)
        });
        // *Identify the app* alone is one of several things to do.
        let sentence = named().all(|section| {
            !by_place(section)
                && verbs::is_order(&section.name)
                && !only_names_phases(&section.name)
        });
        match count(Layout::Named) {
            _ if !of_model => Layout::Flat,
            1 if workflow || sentence => Layout::Flat,
            _ => Layout::Named,
        }
    }
}

/// Tells whether a text with a short list also has two numbered phases or more with lists of their own: then the
/// phases are the runbook, and the short list counts for its own section only.
fn has_phases_beside_short_list(sections: &[Section]) -> bool {
    let mut inside = None;
    let mut found = 0_usize;
    for (i, section) in sections.iter().enumerate() {
        if inside.is_some_and(|level| section.level <= level) {
            inside = None;
        }
        if is_phase(sections, i, Layout::ShortList) {
            inside.get_or_insert(section.level);
        }
        let phase = inside.is_none() && is_phase(sections, i, Layout::Numbered);
        let listed = || {
            std::iter::once(i)
                .chain(below(sections, i))
                .filter_map(|j| sections.get(j))
                .any(|section| has_clear_list(&section.blocks))
        };
        found += usize::from(phase && listed());
    }
    found >= 2
}

pub(super) fn is_phase(sections: &[Section], i: usize, layout: Layout) -> bool {
    let Some(section) = sections
        .get(i)
        .filter(|section| section.heading.is_some() && !section.aside)
    else {
        return false;
    };
    match layout {
        Layout::ShortList => !section.inside_phase && is_short_list(sections, i),
        Layout::Numbered => section.numbering == Numbering::Phase,
        Layout::Named => {
            if !section.phase_like {
                return false;
            }
            // Inside a phase a longer name is more likely a step (*Restore a quarantined message*).
            let most = match (section.inside_phase, section.bold) {
                (true, true) => 1,
                (true, false) => 3,
                (false, _) => PHASE_WORDS,
            };
            let short = section.name.split_whitespace().count() <= most;
            let numbered = matches!(section.numbering, Numbering::Step) && section.inside_phase;
            // The first heading is the title: it names no phase when everything stands below it.
            let title = i == 1 && below(sections, i).count() + 2 >= sections.len();
            short && !title && !numbered
        }
        Layout::Flat => false,
    }
}

/// Tells whether a section is a short list of the whole response: by its name, or because every item of it begins
/// with a phase in bold brackets.
fn is_short_list(sections: &[Section], i: usize) -> bool {
    let Some(section) = sections.get(i) else {
        return false;
    };
    let items = |j: usize| {
        sections.get(j).map_or(0, |s| {
            lists(&s.blocks).map(|list| list.items.len()).sum::<usize>()
        })
    };
    let named = || {
        names::is_short_list(&section.name)
            && section_lists(sections, i) > 0
            && items(i) + below(sections, i).map(items).sum::<usize>() >= SHORTEST
    };
    named() || lists(&section.blocks).any(is_tagged)
}

/// Tells whether every item of a list begins with bold words in brackets: `[**CONTAINMENT**] Close it`.
pub(super) fn is_tagged(list: &List) -> bool {
    let tagged = |item: &Item| match item.blocks.first() {
        Some(Block::Paragraph(inline)) => inline.bold_tag,
        _ => false,
    };
    list.items.len() >= SHORTEST && list.items.iter().all(tagged)
}

pub(super) fn is_workflow(sections: &[Section], i: usize) -> bool {
    sections.get(i).is_some_and(|s| names::is_workflow(&s.name)) && section_lists(sections, i) > 0
}

/// Tells whether the headings on the highest level of a part are its steps: most of them are orders or numbered, and
/// few of them have lists that are surely steps. Questions (*New one found?*) count neither way.
///
/// `alike` says that they are in most other parts of the text: then they are here too, unless there are such lists.
pub(super) fn headings_are_steps(sections: &[Section], own: &[usize], alike: bool) -> Option<u8> {
    let own = || own.iter().filter_map(|j| sections.get(*j));
    let level = own().map(|section| section.level).min()?;
    let (mut all, mut orders, mut listed) = (0_usize, 0_usize, 0_usize);
    let mut counted = false;
    for section in own() {
        if section.level == level {
            let order = is_order(section);
            let neither = !order && (section.name.ends_with('?') || is_picture(section));
            all += usize::from(!neither);
            orders += usize::from(order);
            counted = false;
        }
        if !counted && has_clear_list(&section.blocks) {
            listed += 1;
            counted = true;
        }
    }
    (orders * 2 > all && listed * 2 <= all || alike && listed == 0).then_some(level)
}

/// Tells whether the headings are the steps in most phases that have headings and no clear lists of their own.
pub(super) fn mostly_headings(sections: &[Section], layout: Layout) -> bool {
    let (mut parted, mut found) = (0_usize, 0_usize);
    for i in (1..sections.len()).filter(|i| is_phase(sections, *i, layout)) {
        let own: Vec<usize> = below(sections, i)
            .take_while(|j| !is_phase(sections, *j, layout))
            .filter(|j| sections.get(*j).is_some_and(|s| !s.aside))
            .collect();
        let direct = sections.get(i).is_some_and(|s| has_clear_list(&s.blocks));
        if !own.is_empty() && !direct {
            parted += 1;
            found += usize::from(headings_are_steps(sections, &own, false).is_some());
        }
    }
    found >= 2 && found * 2 > parted
}

/// Tells whether a section is nothing but a picture of the way through the others.
pub(super) fn is_picture(section: &Section) -> bool {
    let drawn =
        |block: &Block| matches!(block, Block::Code(code) if code.language.contains("mermaid"));
    names::is_diagram(&section.name) && section.blocks.iter().all(drawn)
}

fn is_order(section: &Section) -> bool {
    matches!(section.numbering, Numbering::Ordinal | Numbering::Step)
        || verbs::is_order(&section.name)
}

/// Tells whether a section that is no phase holds tasks, so that it is one of its own kind.
pub(super) fn is_task_section(sections: &[Section], i: usize, layout: Layout) -> bool {
    sections.get(i).is_some_and(|section| {
        section.heading.is_some()
            && !section.aside
            && !section.inside_phase
            && !is_phase(sections, i, layout)
            && has_tasks(&section.blocks)
    })
}

fn lists(blocks: &[Block]) -> impl Iterator<Item = &List> {
    blocks.iter().filter_map(|block| match block {
        Block::List(list) => Some(list),
        _ => None,
    })
}
