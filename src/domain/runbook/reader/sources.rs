//! What of a section steps can be read from: lists, tables, code blocks, and which of them is the surest.
//!
//! What must not live here: making the steps.

use super::blocks::{Block, Code, Inline, Item, List, Table};
use super::tables::{self, Columns};
use super::{fences, names, verbs};

pub(super) fn as_paragraph(block: &Block) -> Option<&Inline> {
    match block {
        Block::Paragraph(inline) => Some(inline),
        _ => None,
    }
}

/// Gives the bold words an item begins with, else what stands before its first colon.
pub(super) fn item_lead(item: &Item) -> Option<&str> {
    let first = item.blocks.iter().find_map(as_paragraph)?;
    let before_colon = || first.text.split(':').next().unwrap_or_default();
    Some(first.lead.as_deref().unwrap_or_else(before_colon))
}

pub(super) fn nested_lists(item: &Item) -> impl Iterator<Item = &List> {
    item.blocks.iter().filter_map(|block| match block {
        Block::List(list) => Some(list),
        _ => None,
    })
}

/// Tells whether a list has an item that labels the steps below it.
pub(super) fn has_steps(list: &List) -> bool {
    let labels = |item: &Item| {
        nested_lists(item).next().is_some() && item_lead(item).is_some_and(names::is_step_label)
    };
    *list
        .known
        .labels
        .get_or_init(|| list.items.iter().any(labels))
}

/// Tells whether the items of a list are task items.
pub(super) fn is_task_list(list: &List) -> bool {
    list.tasks
}

/// Tells whether the blocks hold a numbered list, a task list, a list of labels or a table of steps.
pub(super) fn has_clear_list(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::List(list) => list.ordered || is_task_list(list) || has_steps(list),
        Block::Table(table) => tables::columns(table).is_some(),
        _ => false,
    })
}

/// Tells whether the blocks hold a list whose items are orders.
pub(super) fn has_orders(blocks: &[Block]) -> bool {
    blocks
        .iter()
        .any(|block| matches!(block, Block::List(list) if items_are_orders(list)))
}

/// Tells whether the blocks hold a task list or a table with boxes.
pub(super) fn has_tasks(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::List(list) => is_task_list(list),
        Block::Table(table) => tables::columns(table).is_some_and(|columns| columns.boxes),
        _ => false,
    })
}

/// Finds the paragraphs that begin with a bold name set apart from what follows, where there are two or more and most of
/// the names are orders.
pub(super) fn bold_orders(blocks: &[Block]) -> Vec<usize> {
    let lead = |block: &Block| {
        let inline = as_paragraph(block)?;
        let lead = inline.lead.as_deref()?;
        let rest = inline.rest.trim_start();
        let apart = lead.trim_end().ends_with(['.', ':'])
            || rest.is_empty()
            || rest.starts_with([':', '-', '\u{2013}', '\u{2014}']);
        let name = lead.trim_end_matches(['.', ':', ' ']);
        (apart && !names::is_call_out(name)).then(|| verbs::is_order(name))
    };
    let leads: Vec<(usize, bool)> = blocks
        .iter()
        .enumerate()
        .filter_map(|(at, block)| lead(block).map(|order| (at, order)))
        .collect();
    let orders = leads.iter().filter(|(_, order)| *order).count();
    if leads.len() < 2 || orders * 2 <= leads.len() {
        return Vec::new();
    }
    leads.into_iter().map(|(at, _)| at).collect()
}

/// Something of a section that steps can be read from.
pub(super) enum Source<'a> {
    /// A list, and the paragraph above it when that ends with a colon.
    List(&'a List, Option<&'a Inline>),
    Table(&'a Table, Columns),
    Fence(&'a Code),
}

impl Source<'_> {
    /// The lower, the surer.
    pub fn rank(&self) -> u8 {
        match self {
            Self::List(list, _) if has_steps(list) => 0,
            Self::List(list, _) if is_task_list(list) => 1,
            Self::Table(_, columns) if columns.boxes => 1,
            Self::Table(..) => 2,
            Self::List(list, _) if list.ordered => 2,
            Self::List(..) => 3,
            Self::Fence(_) => 4,
        }
    }
}

pub(super) fn sources(blocks: &[Block]) -> Vec<Source<'_>> {
    let mut found = Vec::new();
    let mut lead = None;
    for block in blocks {
        match block {
            Block::List(list) => found.push(Source::List(list, lead)),
            Block::Table(table) => {
                found.extend(tables::columns(table).map(|columns| Source::Table(table, columns)));
            }
            Block::Code(code) if fences::holds_list(code) => found.push(Source::Fence(code)),
            _ => {}
        }
        lead = as_paragraph(block).filter(|inline| inline.text.trim_end().ends_with(':'));
    }
    found
}

/// Tells whether a paragraph above a list orders something: its first or its last sentence begins with a verb.
pub(super) fn orders(text: &str) -> bool {
    let last = text.trim().rsplit(['.', '!', '?', '\n']).next();
    verbs::is_order(text) || last.is_some_and(verbs::is_order)
}

/// Tells whether most of the items of a list begin with a verb.
pub(super) fn items_are_orders(list: &List) -> bool {
    let order = |item: &&Item| {
        let first = item.blocks.iter().find_map(as_paragraph);
        first.is_some_and(|inline| verbs::is_order(names::strip_box(&inline.text)))
    };
    *list
        .known
        .orders
        .get_or_init(|| list.items.iter().filter(order).count() * 2 > list.items.len())
}

/// Tells whether a paragraph says that the list below it is what something consists of.
pub(super) fn announces_contents(text: &str) -> bool {
    let last = text
        .trim_end()
        .trim_end_matches(':')
        .split_whitespace()
        .next_back();
    last.is_some_and(|word| ["include", "includes", "contain", "contains"].contains(&word))
}
