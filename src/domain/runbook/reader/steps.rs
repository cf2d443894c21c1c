//! Blocks of a phase into steps: lists and their items, headings with prose.
//!
//! What must not live here: which sections are phases.

use std::collections::{HashMap, HashSet};

use super::blocks::{Block, Inline, Item, List};
use super::fences::{self, Listing};
use super::marks::{self, FileKind, Toolbox};
use super::sections::Section;
use super::sources::{
    Source, announces_contents, as_paragraph, bold_orders, has_steps, is_task_list, item_lead,
    items_are_orders, nested_lists, orders, sources,
};
use super::words::{Words, split_lettered};
use super::{conditions, limits, names};
use crate::domain::runbook::{Notice, PhaseDigest, Step, StepKey, TimeLimit, ToolCall};
use crate::domain::text::Untrusted;

/// Most steps of one runbook, sub-steps counted: more than anybody follows, and what a list may cost is bounded.
const MOST_STEPS: usize = 20_000;

/// Makes the steps of one runbook; holds what is needed across phases.
pub(super) struct Steps<'a> {
    pub tools: &'a Toolbox,
    /// The phase that is being read.
    pub phase: PhaseDigest,
    pub seen: HashMap<StepKey, u32>,
    /// How many steps were made, and whether it was said that there are too many.
    pub made: usize,
    pub full: bool,
    /// Whether headings are the steps in most of its phases.
    pub by_headings: bool,
    pub notices: &'a mut Vec<Notice>,
}

impl Steps<'_> {
    /// Reads the lists among the blocks of one section: labelled lists win, then tasks and tables with boxes, then
    /// numbered lists, then bullets, then lists inside code blocks.
    ///
    /// `clear` says that the phase has lists that are surely steps: then bullets below a sentence that only announces
    /// them are not.
    pub fn of_section(&mut self, blocks: &[Block], clear: bool) -> Vec<Step> {
        let sources = sources(blocks);
        if sources.is_empty() {
            return self.of_bold_orders(blocks);
        }
        self.of_sources(&sources, clear)
    }

    /// Reads paragraphs that begin with bold orders (**Isolate the host.** Use ...), where there are two or more.
    fn of_bold_orders(&mut self, blocks: &[Block]) -> Vec<Step> {
        let orders = bold_orders(blocks);
        let mut steps = Vec::new();
        for (place, at) in orders.iter().enumerate() {
            let end = orders.get(place + 1).copied().unwrap_or(blocks.len());
            let own = blocks.get(*at..end).unwrap_or_default();
            let Some(first) = own.first().and_then(as_paragraph) else {
                continue;
            };
            if self.is_full(first.lines.start) {
                break;
            }
            let mut words = Words::of(first);
            let mut substeps = Vec::new();
            self.body(own, None, &mut words, &mut substeps);
            let last = own.iter().filter_map(as_paragraph).next_back();
            let end = last.map_or(first.lines.end, |last| last.lines.end);
            steps.push(self.step(&words, first.lines.start, end, substeps));
        }
        steps
    }

    /// Reads the lists of an own checklist: what stands above a list takes nothing from it.
    pub fn of_checklist(&mut self, blocks: &[Block]) -> Vec<Step> {
        let mut sources = sources(blocks);
        for source in &mut sources {
            if let Source::List(_, lead) = source {
                *lead = None;
            }
        }
        self.of_sources(&sources, false)
    }

    fn of_sources(&mut self, sources: &[Source<'_>], clear: bool) -> Vec<Step> {
        let Some(best) = sources.iter().map(Source::rank).min() else {
            return Vec::new();
        };
        let mut steps = Vec::new();
        for source in sources {
            if source.rank() == best {
                self.of_source(source, clear, &mut steps);
            } else if let Source::List(list, _) = source {
                let items = list.items.len();
                let text = format!(
                    "list of {items} items is not read as steps: the section has a clearer one"
                );
                self.notice(list.line, text);
            }
        }
        steps
    }

    fn of_source(&mut self, source: &Source<'_>, clear: bool, steps: &mut Vec<Step>) {
        match source {
            Source::List(list, lead) => self.of_list(list, *lead, clear, steps),
            Source::Table(table, columns) => self.of_table(table, *columns, steps),
            Source::Fence(code) => {
                self.notice(code.line, "list inside a code block, read as steps");
                for listing in fences::listings(code) {
                    steps.extend(self.of_listing(listing));
                }
            }
        }
    }

    /// Reads the items of a list inside a code block.
    pub fn of_listing(&mut self, listing: &Listing) -> Vec<Step> {
        let mut left = listing.items.iter();
        let mut steps = Vec::new();
        while let Some(item) = left.next().filter(|item| !self.is_full(item.line)) {
            steps.push(self.plain(&item.text, item.line, item.line.saturating_add(1)));
        }
        steps
    }

    /// Tells whether there are as many steps as there may be, and says so once.
    pub(super) fn is_full(&mut self, line: u32) -> bool {
        let full = self.made >= MOST_STEPS;
        if full && !self.full {
            self.full = true;
            let text = format!("more than {MOST_STEPS} steps; the rest is not read");
            self.notice(line, text);
        }
        full
    }

    fn of_list(&mut self, list: &List, lead: Option<&Inline>, clear: bool, steps: &mut Vec<Step>) {
        let plain = !is_task_list(list) && !has_steps(list);
        let from = steps.len();
        match lead.filter(|_| plain) {
            Some(lead) if announces_contents(&lead.text) => {
                let text = format!(
                    "list of {} items says what the text above it is made of, and is not read as steps",
                    list.items.len()
                );
                self.notice(list.line, text);
            }
            Some(lead)
                if !list.ordered
                    && !lead.is_all_bold()
                    && orders(&lead.text)
                    && !items_are_orders(list) =>
            {
                let mut words = Words::of(lead);
                words.add(lead, &lead.text);
                let mut substeps = Vec::new();
                self.list(list, &mut substeps);
                let end = list
                    .items
                    .last()
                    .map_or(lead.lines.end, |item| item.lines.end);
                steps.push(self.step(&words, lead.lines.start, end, substeps));
            }
            Some(_) if !list.ordered && clear && !items_are_orders(list) => {
                let text = format!(
                    "list of {} items is announced, not ordered, and is not read as steps",
                    list.items.len()
                );
                self.notice(list.line, text);
            }
            _ => self.list(list, steps),
        }
        if let Some(condition) = lead.and_then(|lead| conditions::condition_of_heading(&lead.text))
        {
            apply(
                steps.get_mut(from..).unwrap_or_default(),
                Some(&condition),
                None,
            );
        }
    }

    pub(super) fn plain(&mut self, text: &str, line: u32, end: u32) -> Step {
        let inline = Inline {
            text: text.to_owned(),
            lines: line..end,
            ..Inline::default()
        };
        let mut words = Words::of(&inline);
        words.add(&inline, text);
        self.step(&words, line, end, Vec::new())
    }

    /// Reads a heading with the blocks below it and the parts below those as one step, its lists as sub-steps.
    pub fn of_heading(
        &mut self,
        heading: &Inline,
        label: &str,
        blocks: &[Block],
        parts: &[&Section],
        end: u32,
    ) -> Step {
        let mut words = Words::of(heading);
        words.add(heading, &heading.text);
        let mut substeps = Vec::new();
        self.body(blocks, None, &mut words, &mut substeps);
        for part in parts {
            if let Some(heading) = &part.heading {
                words.add(heading, &heading.text);
            }
            self.body(&part.blocks, None, &mut words, &mut substeps);
        }
        let mut step = self.step(&words, heading.lines.start, end, substeps);
        let label = names::cut_at_word(label);
        if !label.trim().is_empty() {
            step.label = Untrusted::new(label);
        }
        step
    }

    fn list(&mut self, list: &List, steps: &mut Vec<Step>) {
        for item in &list.items {
            if self.is_full(item.lines.start) {
                return;
            }
            let lead = item_lead(item);
            if lead.is_some_and(names::is_aside_label) {
                continue;
            }
            if lead.is_some_and(names::is_step_label) {
                for nested in nested_lists(item) {
                    self.list(nested, steps);
                }
                continue;
            }
            steps.extend(self.item(item));
        }
    }

    fn item(&mut self, item: &Item) -> Vec<Step> {
        let Some(first) = item.blocks.iter().find_map(as_paragraph) else {
            if !item.blocks.is_empty() {
                self.notice(
                    item.lines.start,
                    "list item without words is not read as a step",
                );
            }
            return Vec::new();
        };
        let mut words = Words::of(first);
        let mut substeps = Vec::new();
        self.body(
            &item.blocks,
            Some(item.lines.end),
            &mut words,
            &mut substeps,
        );
        if words.all.trim().is_empty() {
            // Nothing but lettered steps.
            return substeps;
        }
        if substeps.is_empty()
            && names::strip_box(&words.all)
                .trim()
                .trim_end_matches(['.', ':'])
                == "TODO"
        {
            self.notice(item.lines.start, "the text says TODO");
            return Vec::new();
        }
        vec![self.step(&words, item.lines.start, item.lines.end, substeps)]
    }

    /// Sorts the blocks of a step into its own words and its sub-steps.
    fn body<'b>(
        &mut self,
        blocks: &'b [Block],
        end: Option<u32>,
        words: &mut Words<'b>,
        substeps: &mut Vec<Step>,
    ) {
        for block in blocks {
            match block {
                Block::Paragraph(inline) => {
                    let (own, lettered) = split_lettered(&inline.text);
                    words.add(inline, &own);
                    for (offset, text) in lettered {
                        substeps.extend(self.lettered(inline, &text, offset, end));
                    }
                }
                Block::List(list) => self.list_within(list, substeps, words),
                Block::Code(code) if !code.language.contains("mermaid") => {
                    words.add_code(&code.text);
                }
                Block::Quote(inner) => {
                    for inline in inner.iter().filter_map(as_paragraph) {
                        words.add(inline, &inline.text);
                    }
                }
                _ => {}
            }
        }
    }

    fn list_within<'b>(&mut self, list: &'b List, substeps: &mut Vec<Step>, words: &mut Words<'b>) {
        for item in &list.items {
            if self.is_full(item.lines.start) {
                return;
            }
            let aside = match item.blocks.as_slice() {
                [Block::Paragraph(inline)] if conditions::whole_aside(&inline.text).is_some() => {
                    Some(inline)
                }
                _ => None,
            };
            match aside {
                Some(inline) => words.add(inline, &inline.text),
                None => substeps.extend(self.item(item)),
            }
        }
    }

    fn lettered(
        &mut self,
        inline: &Inline,
        text: &str,
        offset: usize,
        end: Option<u32>,
    ) -> Option<Step> {
        let line = match offset.checked_sub(1) {
            Some(fed) => inline
                .breaks
                .get(fed)
                .copied()
                .unwrap_or(inline.lines.start),
            None => inline.lines.start,
        };
        let last = end.unwrap_or(line + 1).min(line + 1);
        (!text.trim().is_empty() && !self.is_full(line))
            .then(|| self.plain(text, line, last.max(line + 1)))
    }

    pub(super) fn step(
        &mut self,
        words: &Words<'_>,
        line: u32,
        end: u32,
        substeps: Vec<Step>,
    ) -> Step {
        self.made += 1;
        let first = names::strip_box(words.first.text.trim());
        let (role, first) = match marks::role_of(first) {
            Some((role, rest)) => (Some(Untrusted::new(role)), rest),
            None => (None, first),
        };
        let lead = words.first.lead.as_deref().unwrap_or_default().trim();
        let by_lead = role.is_none() && leads(lead, &words.first.rest) && !names::is_call_out(lead);
        let label = if by_lead {
            names::cut_at_word(lead.trim_end_matches([':', '.', ' ', '-', '–', '—']))
        } else {
            let own = split_lettered(first).0;
            names::label_of(without_aside(&own))
        };
        let label = if label.trim().is_empty() {
            names::cut_at_word(words.all.trim())
        } else {
            label
        };
        let after = if by_lead {
            words.first.rest.as_str()
        } else {
            first
        };
        Step {
            key: self.key(&words.exact),
            label: Untrusted::new(label),
            text: Untrusted::new(words.all.trim()),
            line,
            lines: line..end.max(line.saturating_add(1)),
            // Who works through a step works through what is below it.
            gate: marks::is_gate(&words.all) || substeps.iter().any(|step| step.gate),
            substeps,
            optional: marks::is_optional(first, lead),
            condition: conditions::condition_of(
                if by_lead { lead } else { "" },
                after,
                words.aside,
            )
            .map(Untrusted::new),
            tools: self.tools_of(words),
            runbooks: runbooks_of(words),
            time_limit: limits::time_limit_of(&words.all),
            role,
        }
    }

    fn tools_of(&self, words: &Words<'_>) -> Vec<ToolCall> {
        let mut seen = HashSet::new();
        let calls = words.codes.iter().filter_map(|code| self.tools.call(code));
        calls.filter(|call| seen.insert(call.clone())).collect()
    }

    fn key(&mut self, exact: &str) -> StepKey {
        let key = self.phase.first(exact);
        let count = self.seen.entry(key.clone()).or_insert(0);
        *count = count.saturating_add(1);
        key.repeated(*count)
    }

    fn notice(&mut self, line: u32, text: impl Into<String>) {
        let text = Untrusted::new(text.into());
        self.notices.push(Notice { line, text });
    }
}

fn runbooks_of(words: &Words<'_>) -> Vec<Untrusted> {
    let mut seen = HashSet::new();
    let codes = words.codes.iter().map(|code| (code, false));
    let links = words.links.iter().map(|link| (link, true));
    codes
        .chain(links)
        .filter(|(path, link)| marks::file_kind(path, *link) == Some(FileKind::Runbook))
        .filter(|(path, _)| seen.insert(**path))
        .map(|(path, _)| Untrusted::new(*path))
        .collect()
}

/// Tells whether bold words are the name of the step and not only stressed words of its sentence.
fn leads(lead: &str, rest: &str) -> bool {
    let ends = lead.ends_with([':', '.']);
    let apart = rest
        .trim_start()
        .starts_with([':', '.', '-', '–', '—', '('])
        || rest.trim().is_empty();
    !lead.is_empty() && (ends || apart || lead.split_whitespace().count() >= 3)
}

/// Takes `(Optional)` and the like off the beginning of a text, unless nothing else is there.
fn without_aside(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((_, rest)) if rest.contains(char::is_alphanumeric) => {
            rest.trim_start_matches([':', ' '])
        }
        _ => text,
    }
}

/// Gives steps the condition and the time limit of the heading above them, where they have none.
pub(super) fn apply(steps: &mut [Step], condition: Option<&str>, limit: Option<&TimeLimit>) {
    for step in steps {
        if step.condition.is_none() {
            step.condition = condition.map(Untrusted::new);
        }
        if step.time_limit.is_none() {
            step.time_limit = limit.cloned();
        }
    }
}
