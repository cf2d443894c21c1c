//! A text as a tree of blocks with source lines: headings, paragraphs, lists, tables, fences.
//!
//! What must not live here: the Markdown parser, and what a block means for a runbook.

use std::cell::OnceCell;
use std::ops::Range;

use super::fences::Listing;
use super::tables::Columns;

/// One block of the text.
#[derive(Clone, Debug)]
pub(super) enum Block {
    Heading {
        level: u8,
        text: Inline,
    },
    Paragraph(Inline),
    List(List),
    Quote(Vec<Self>),
    Code(Code),
    Table(Table),
    /// HTML with list items, boxes or a table, which is not read.
    Html {
        line: u32,
    },
    FrontMatter(String),
    /// The end of phases that stand in a list or a table: from this line on nothing belongs to the last of them, but
    /// to the heading of this level above them.
    Apart {
        level: u8,
        line: u32,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Code {
    pub line: u32,
    /// The line of its first words.
    pub first: u32,
    pub language: String,
    pub text: String,
    /// The lists in it, once they were looked for.
    pub listings: OnceCell<Vec<Listing>>,
}

/// A table; in its cells `<br>` and `<li>` are line feeds and an HTML check box is `☐`.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub line: u32,
    pub header: Vec<Inline>,
    pub rows: Vec<Row>,
    /// Where its steps stand, once that was found out.
    pub columns: OnceCell<Option<Columns>>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub line: u32,
    pub cells: Vec<Inline>,
}

#[derive(Clone, Debug)]
pub(super) struct List {
    pub ordered: bool,
    pub line: u32,
    pub items: Vec<Item>,
    /// Whether one of the items is a task.
    pub tasks: bool,
    pub known: Known,
}

/// What the items of a list were found to be, so that a long one is looked through once.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub labels: OnceCell<bool>,
    pub orders: OnceCell<bool>,
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub task: bool,
    pub lines: Range<u32>,
    pub blocks: Vec<Block>,
}

/// The words of a paragraph without markup, with what the markup said.
#[derive(Clone, Debug, Default)]
pub(super) struct Inline {
    /// Soft breaks are spaces, hard breaks line feeds.
    pub text: String,
    pub lines: Range<u32>,
    /// The lines on which the text after each line feed begins.
    pub breaks: Vec<u32>,
    /// The bold words it begins with.
    pub lead: Option<String>,
    /// What follows the bold words.
    pub rest: String,
    /// Whether it begins with bold words in brackets: `[**PHASE**]`.
    pub bold_tag: bool,
    /// Whether what stands around it makes it the name of a phase, or a heading where its number says so.
    pub phase: bool,
    /// Code spans with their lines.
    pub codes: Vec<(String, u32)>,
    /// Addresses of links with their lines.
    pub links: Vec<(String, u32)>,
}

impl Inline {
    /// Tells whether every word is bold.
    pub fn is_all_bold(&self) -> bool {
        self.lead.is_some() && self.rest.trim().is_empty()
    }
}

/// What was read, and the first line on which nesting was cut.
pub(super) struct Blocks {
    pub blocks: Vec<Block>,
    pub too_deep: Option<u32>,
}
