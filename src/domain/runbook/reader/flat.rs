//! The steps of a runbook without phases.
//!
//! What must not live here: which layout a text has.

use std::collections::HashSet;

use super::layout::{headings_are_steps, is_workflow};
use super::names::{self, Numbering};
use super::phases::{by_tags, is_numbered, outside, steps_of_sections, unread};
use super::sections::{Section, below};
use super::sources::{has_clear_list, has_orders};
use super::steps::Steps;
use crate::domain::runbook::PhaseSection;

/// Reads a runbook without phases: the workflow section, else every list that is not boilerplate.
pub(super) fn flat(sections: &[Section], steps: &mut Steps<'_>, phases: &mut Vec<PhaseSection>) {
    let workflows: Vec<usize> = (1..sections.len())
        .filter(|i| is_workflow(sections, *i))
        .collect();
    let mut chosen: Vec<usize> = match workflows.first() {
        Some(_) => workflows
            .iter()
            .flat_map(|i| std::iter::once(*i).chain(below(sections, *i)))
            .collect(),
        None => without_appendices(sections),
    };
    let mut done = HashSet::new();
    chosen.retain(|j| done.insert(*j) && sections.get(*j).is_some_and(|s| !s.aside));
    let parts: Vec<usize> = chosen
        .iter()
        .copied()
        .filter(|j| is_part(sections, *j))
        .collect();
    // Where steps are numbered as such, other headings beside them are none.
    let numbered = |j: &&usize| is_numbered(sections, **j);
    let as_steps = match chosen.iter().filter(numbered).count() {
        0 | 1 => headings_are_steps(sections, &parts, false),
        _ => None,
    };
    let surely = |j: &usize| {
        sections.get(*j).is_some_and(|s| {
            let ordered = || workflows.is_empty() && has_orders(&s.blocks);
            as_steps.is_some()
                || s.numbering == Numbering::Step
                || has_clear_list(&s.blocks)
                || ordered()
        })
    };
    for (j, section) in sections.iter().enumerate().filter(|(_, s)| !s.aside) {
        if done.contains(&j) {
            unread(section, steps.notices);
        } else if has_clear_list(&section.blocks) {
            outside(section, steps);
        }
    }
    let line = chosen
        .iter()
        .find(|j| surely(j))
        .and_then(|j| sections.get(*j))
        .map(|s| s.line);
    chosen.retain(surely);
    let found = steps_of_sections(sections, &chosen, as_steps, true, steps);
    if let Some(line) = line.filter(|_| !found.is_empty()) {
        let phase = PhaseSection {
            name: None,
            picerl: None,
            feedback: false,
            line,
            steps: found,
        };
        phases.extend(by_tags(phase, false));
    }
}

/// A section of the text itself: neither what stands above all headings nor the title with everything below it.
fn is_part(sections: &[Section], i: usize) -> bool {
    let title = i == 1 && below(sections, i).count() + 2 >= sections.len() && sections.len() > 2;
    i > 0 && !title
}

/// All sections but those of an appendix and below one.
fn without_appendices(sections: &[Section]) -> Vec<usize> {
    let mut appendix: Option<u8> = None;
    let mut kept = Vec::new();
    for (i, section) in sections.iter().enumerate() {
        if appendix.is_some_and(|level| section.level <= level) {
            appendix = None;
        }
        if appendix.is_none() && i > 1 && names::is_appendix(&section.name) {
            appendix = Some(section.level);
        }
        if appendix.is_none() {
            kept.push(i);
        }
    }
    kept
}
