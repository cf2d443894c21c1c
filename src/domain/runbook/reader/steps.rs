//! Blocks of a phase into steps: lists and their items, headings with prose.
//!
//! What must not live here: which sections are phases.

use std::collections::{HashMap, HashSet};

use super::blocks::{Block, Inline, Item, List};
use super::marks::{self, FileKind, Toolbox};
use super::names;
use crate::domain::runbook::{Notice, Step, StepKey, ToolCall};
use crate::domain::text::Untrusted;

/// Makes the steps of one runbook; holds what is needed across phases.
pub(super) struct Steps<'a> {
    pub tools: &'a Toolbox,
    pub phase: String,
    pub seen: HashMap<StepKey, u32>,
    pub notices: &'a mut Vec<Notice>,
}

/// The words of one step before they are read for marks.
struct Words<'a> {
    /// The first paragraph, which gives the label.
    first: &'a Inline,
    /// All own words, without sub-steps.
    all: String,
    /// Own words and fences: what the key is made of.
    exact: String,
    codes: Vec<&'a str>,
    links: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn of(first: &'a Inline) -> Self {
        Self {
            first,
            all: String::new(),
            exact: String::new(),
            codes: Vec::new(),
            links: Vec::new(),
        }
    }

    fn add(&mut self, inline: &'a Inline, own: &str) {
        if !self.all.is_empty() {
            self.all.push(' ');
        }
        self.all.push_str(own.trim());
        self.exact.push_str(own);
        self.exact.push('\n');
        self.codes
            .extend(inline.codes.iter().map(|(code, _)| code.as_str()));
        self.links
            .extend(inline.links.iter().map(|(link, _)| link.as_str()));
    }

    fn add_code(&mut self, code: &'a str) {
        self.exact.push_str(code);
        self.codes.extend(code.lines().map(str::trim));
    }
}

impl Steps<'_> {
    /// Reads the lists among the blocks of one section: task lists win, then numbered ones, then bullets.
    pub fn of_section(&mut self, blocks: &[Block]) -> Vec<Step> {
        let lists: Vec<&List> = blocks
            .iter()
            .filter_map(|block| match block {
                Block::List(list) => Some(list),
                _ => None,
            })
            .collect();
        let rank = |list: &List| match (has_steps(list), is_task_list(list), list.ordered) {
            (true, _, _) => 0,
            (_, true, _) => 1,
            (_, _, true) => 2,
            _ => 3,
        };
        let Some(best) = lists.iter().map(|list| rank(list)).min() else {
            return Vec::new();
        };
        let mut steps = Vec::new();
        for list in lists {
            if rank(list) == best {
                self.list(list, &mut steps);
            } else {
                let items = list.items.len();
                let text = format!(
                    "list of {items} items is not read as steps: the section has a clearer one"
                );
                self.notice(list.line, text);
            }
        }
        steps
    }

    /// Reads a heading with the blocks below it as one step, its lists as sub-steps.
    pub fn of_heading(
        &mut self,
        heading: &Inline,
        label: &str,
        blocks: &[Block],
        end: u32,
    ) -> Step {
        let mut words = Words::of(heading);
        words.add(heading, &heading.text);
        let mut substeps = Vec::new();
        self.body(blocks, None, &mut words, &mut substeps);
        let mut step = self.step(&words, heading.lines.start, end, substeps);
        step.label = Untrusted::new(names::cut_at_word(label));
        step
    }

    fn list(&mut self, list: &List, steps: &mut Vec<Step>) {
        for item in &list.items {
            let lead = item_lead(item);
            if lead.as_deref().is_some_and(names::is_aside_label) {
                continue;
            }
            if lead.as_deref().is_some_and(names::is_step_label) {
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
                Block::Code { language, text, .. } if !language.contains("mermaid") => {
                    words.add_code(text);
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
            let aside = match item.blocks.as_slice() {
                [Block::Paragraph(inline)] if marks::whole_aside(&inline.text).is_some() => {
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
        let plain = Inline {
            text: text.to_owned(),
            lines: line..line.saturating_add(1),
            ..Inline::default()
        };
        let mut words = Words::of(&plain);
        words.add(&plain, text);
        let last = end.unwrap_or(line + 1).min(line + 1);
        (!text.trim().is_empty()).then(|| self.step(&words, line, last.max(line + 1), Vec::new()))
    }

    fn step(&mut self, words: &Words<'_>, line: u32, end: u32, substeps: Vec<Step>) -> Step {
        let first = words.first.text.trim();
        let (role, first) = match marks::role_of(first) {
            Some((role, rest)) => (Some(Untrusted::new(role)), rest),
            None => (None, first),
        };
        let lead = words.first.lead.as_deref().unwrap_or_default().trim();
        let by_lead = role.is_none() && leads(lead, &words.first.rest);
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
            substeps,
            gate: marks::is_gate(&words.all),
            optional: marks::is_optional(first, lead),
            condition: marks::condition_of(&words.all, after).map(Untrusted::new),
            tools: self.tools_of(words),
            runbooks: runbooks_of(words),
            time_limit: marks::time_limit_of(&words.all),
            role,
        }
    }

    fn tools_of(&self, words: &Words<'_>) -> Vec<ToolCall> {
        let mut seen = HashSet::new();
        let calls = words.codes.iter().filter_map(|code| self.tools.call(code));
        calls.filter(|call| seen.insert(call.clone())).collect()
    }

    fn key(&mut self, exact: &str) -> StepKey {
        let key = StepKey::of(&self.phase, exact, 1);
        let count = self.seen.entry(key.clone()).or_insert(0);
        *count = count.saturating_add(1);
        if *count > 1 {
            return StepKey::of(&self.phase, exact, *count);
        }
        key
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

/// Splits `Monitor for: a. this b. that` on hard breaks into the words and the lettered sub-steps with their line offset.
fn split_lettered(text: &str) -> (String, Vec<(usize, String)>) {
    let mut own = String::new();
    let mut lettered: Vec<(usize, String)> = Vec::new();
    for (offset, line) in text.split('\n').enumerate() {
        match letter_of(line.trim()) {
            Some(rest) => lettered.push((offset, rest.to_owned())),
            None if lettered.is_empty() => {
                if !own.is_empty() {
                    own.push(' ');
                }
                own.push_str(line.trim());
            }
            None => {
                if let Some((_, last)) = lettered.last_mut() {
                    last.push(' ');
                    last.push_str(line.trim());
                }
            }
        }
    }
    (own, lettered)
}

/// `a. Unusual login` gives its words.
fn letter_of(line: &str) -> Option<&str> {
    let (mark, rest) = line.split_once(' ')?;
    let letter = mark.strip_suffix(['.', ')'])?;
    let single = letter.chars().count() == 1 && letter.chars().all(|c| c.is_ascii_lowercase());
    single.then_some(rest)
}

fn as_paragraph(block: &Block) -> Option<&Inline> {
    match block {
        Block::Paragraph(inline) => Some(inline),
        _ => None,
    }
}

fn item_lead(item: &Item) -> Option<String> {
    let first = item.blocks.iter().find_map(as_paragraph)?;
    let before_colon = first.text.split(':').next().unwrap_or_default();
    Some(
        first
            .lead
            .clone()
            .unwrap_or_else(|| before_colon.to_owned()),
    )
}

fn nested_lists(item: &Item) -> impl Iterator<Item = &List> {
    item.blocks.iter().filter_map(|block| match block {
        Block::List(list) => Some(list),
        _ => None,
    })
}

/// Tells whether a list has an item that labels the steps below it.
fn has_steps(list: &List) -> bool {
    list.items.iter().any(|item| {
        item_lead(item).as_deref().is_some_and(names::is_step_label)
            && nested_lists(item).next().is_some()
    })
}

/// Tells whether the items of a list are task items.
pub(super) fn is_task_list(list: &List) -> bool {
    list.items.iter().any(|item| item.task)
}

/// Tells whether the blocks hold a numbered list, a task list or a list of labels.
pub(super) fn has_clear_list(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::List(list) => list.ordered || is_task_list(list) || has_steps(list),
        _ => false,
    })
}
