//! Markdown into blocks: everything that knows the Markdown parser.
//!
//! What must not live here: what a block means for a runbook.

use std::cell::OnceCell;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::blocks::{Block, Blocks, Code, Inline, Item, Known, List, Row, Table};
use super::lines::Lines;

/// Lists and quotes nested deeper than this are read as text of their parent.
const DEEPEST: usize = 24;

/// Bytes of a block of HTML in which its heading must end.
const LONGEST_HEADING: usize = 1024;

enum Frame {
    Blocks(Vec<Block>),
    Quote(Vec<Block>),
    List(List),
    Item(Item),
}

/// A block of HTML that is being read.
struct Html {
    line: u32,
    /// Whether it has list items, boxes or a table.
    found: bool,
    text: String,
}

struct Builder<'a> {
    text: &'a str,
    lines: Lines,
    frames: Vec<Frame>,
    inline: Option<Inline>,
    heading: Option<u8>,
    strong: usize,
    in_lead: bool,
    image: usize,
    code: Option<Code>,
    front: Option<String>,
    table: Option<Table>,
    html: Option<Html>,
    skipped: usize,
    too_deep: Option<u32>,
}

/// Reads Markdown into blocks; any text is Markdown.
pub(super) fn read_blocks(text: &str) -> Blocks {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut builder = Builder {
        text,
        lines: Lines::of(text),
        frames: vec![Frame::Blocks(Vec::new())],
        inline: None,
        heading: None,
        strong: 0,
        in_lead: false,
        image: 0,
        code: None,
        front: None,
        table: None,
        html: None,
        skipped: 0,
        too_deep: None,
    };
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        builder.take(event, &range);
    }
    builder.close_inline();
    while builder.frames.len() > 1 {
        builder.close_frame();
    }
    let blocks = match builder.frames.pop() {
        Some(Frame::Blocks(blocks) | Frame::Quote(blocks)) => blocks,
        _ => Vec::new(),
    };
    Blocks {
        blocks,
        too_deep: builder.too_deep,
    }
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, range: &Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.words(&text, range),
            Event::Code(code) => {
                let line = self.lines.at(range.start);
                self.words(&code, range);
                if let Some(inline) = &mut self.inline {
                    inline.codes.push((code.to_string(), line));
                }
            }
            Event::SoftBreak if self.letter_follows(range.end) => self.line_feed(range),
            Event::SoftBreak => self.words(" ", range),
            Event::HardBreak => self.line_feed(range),
            Event::InlineHtml(html) => self.tag(&html.to_lowercase(), range),
            Event::Html(html) => {
                let lower = html.to_lowercase();
                if let Some(block) = &mut self.html {
                    block.found |= ["<li", "<table", "checkbox"]
                        .iter()
                        .any(|tag| lower.contains(tag));
                    if block.text.len() < LONGEST_HEADING {
                        block.text.push_str(&html);
                    }
                }
            }
            Event::TaskListMarker(_) => {
                if self.skipped == 0
                    && let Some(Frame::Item(item)) = self.frames.last_mut()
                {
                    item.task = true;
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: &Range<usize>) {
        let lines = self.line_range(range);
        match tag {
            Tag::Paragraph => self.open_inline(lines),
            Tag::Heading { level, .. } => {
                self.open_inline(lines);
                self.heading = Some(level as u8);
            }
            Tag::List(start) => {
                let ordered = start.is_some();
                let items = Vec::new();
                let line = lines.start;
                self.open_frame(
                    Frame::List(List {
                        ordered,
                        line,
                        items,
                        tasks: false,
                        known: Known::default(),
                    }),
                    line,
                );
            }
            Tag::Item => {
                let line = lines.start;
                let item = Item {
                    task: false,
                    lines,
                    // Most items are one paragraph; room for four would cost more than reading them.
                    blocks: Vec::with_capacity(1),
                };
                self.open_frame(Frame::Item(item), line);
            }
            Tag::BlockQuote(_) => self.open_frame(Frame::Quote(Vec::new()), lines.start),
            Tag::CodeBlock(kind) => {
                self.close_inline();
                let language = match kind {
                    pulldown_cmark::CodeBlockKind::Fenced(info) => info.to_string(),
                    pulldown_cmark::CodeBlockKind::Indented => String::new(),
                };
                self.code = Some(Code {
                    line: lines.start,
                    first: 0,
                    language,
                    text: String::new(),
                    listings: OnceCell::new(),
                });
            }
            Tag::MetadataBlock(_) => self.front = Some(String::new()),
            Tag::HtmlBlock => {
                self.html = Some(Html {
                    line: lines.start,
                    found: false,
                    text: String::new(),
                });
            }
            Tag::Table(_) if self.skipped == 0 => {
                self.close_inline();
                self.table = Some(Table {
                    line: lines.start,
                    ..Table::default()
                });
            }
            Tag::TableRow => {
                let line = lines.start;
                let cells = Vec::new();
                if let Some(table) = &mut self.table {
                    table.rows.push(Row { line, cells });
                }
            }
            Tag::TableCell if self.table.is_some() => {
                self.inline = Some(Inline {
                    lines,
                    ..Inline::default()
                });
                self.strong = 0;
                self.in_lead = false;
            }
            Tag::Strong => {
                self.strong += 1;
                if let Some(inline) = &mut self.inline {
                    self.in_lead |= inline.text.trim().is_empty();
                    inline.bold_tag |= inline.text.trim() == "[";
                }
            }
            Tag::Image { .. } => self.image += 1,
            Tag::Link { dest_url, .. } => {
                let line = lines.start;
                self.ensure_inline(lines);
                if let Some(inline) = &mut self.inline {
                    inline.links.push((dest_url.to_string(), line));
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) => self.close_inline(),
            TagEnd::List(_) | TagEnd::Item | TagEnd::BlockQuote(_) => {
                self.close_inline();
                if self.skipped > 0 {
                    self.skipped -= 1;
                } else {
                    self.close_frame();
                }
            }
            TagEnd::CodeBlock => {
                if let Some(code) = self.code.take() {
                    self.push(Block::Code(code));
                }
            }
            TagEnd::MetadataBlock(_) => {
                if let Some(text) = self.front.take() {
                    self.push(Block::FrontMatter(text));
                }
            }
            TagEnd::HtmlBlock => {
                if let Some(html) = self.html.take() {
                    self.html_block(&html);
                }
            }
            TagEnd::TableCell => {
                if let Some(table) = &mut self.table {
                    let cell = self.inline.take().unwrap_or_default();
                    match table.rows.last_mut() {
                        Some(row) => row.cells.push(cell),
                        None => table.header.push(cell),
                    }
                }
            }
            TagEnd::Table => {
                if let Some(mut table) = self.table.take() {
                    if table.header.iter().any(|cell| cell.text.contains('☐')) {
                        let line = table.line;
                        let cells = table.header.clone();
                        table.rows.insert(0, Row { line, cells });
                    }
                    self.push(Block::Table(table));
                }
            }
            TagEnd::Strong => {
                self.strong = self.strong.saturating_sub(1);
                if self.strong == 0 {
                    self.in_lead = false;
                }
            }
            TagEnd::Image => self.image = self.image.saturating_sub(1),
            _ => {}
        }
    }

    fn words(&mut self, words: &str, range: &Range<usize>) {
        if let Some(code) = &mut self.code {
            if code.text.is_empty() {
                code.first = self.lines.at(range.start);
            }
            code.text.push_str(words);
        } else if let Some(front) = &mut self.front {
            front.push_str(words);
        } else if self.image == 0 {
            let lines = self.line_range(range);
            self.ensure_inline(lines);
            let in_lead = self.in_lead || (self.strong > 0 && self.lead_may_start());
            if let Some(inline) = &mut self.inline {
                inline.text.push_str(words);
                if in_lead {
                    inline.lead.get_or_insert_default().push_str(words);
                } else if inline.lead.is_some() {
                    inline.rest.push_str(words);
                }
            }
            self.in_lead = in_lead;
        }
    }

    /// A block of HTML is a heading when it begins with one, and else said where it holds something.
    fn html_block(&mut self, html: &Html) {
        if let Some((level, words)) = heading_of_html(&html.text) {
            let line = html.line;
            let text = Inline {
                text: words,
                lines: line..line.saturating_add(1),
                ..Inline::default()
            };
            self.push(Block::Heading { level, text });
        }
        if html.found {
            self.push(Block::Html { line: html.line });
        }
    }

    fn tag(&mut self, html: &str, range: &Range<usize>) {
        if html.starts_with("<br") || (self.table.is_some() && html.starts_with("<li")) {
            self.line_feed(range);
        } else if html.starts_with("<input") && html.contains("checkbox") {
            self.words("☐ ", range);
        }
    }

    fn line_feed(&mut self, range: &Range<usize>) {
        self.words("\n", range);
        let line = self.lines.at(range.end);
        if let Some(inline) = &mut self.inline
            && inline.text.ends_with('\n')
        {
            inline.breaks.push(line);
        }
    }

    /// Tells whether the next line begins like a lettered step: `b. Odd addresses`, `c) odd times`.
    fn letter_follows(&self, offset: usize) -> bool {
        let rest = self.text.get(offset..).unwrap_or_default();
        let mut next = rest.trim_start_matches([' ', '\t']).chars();
        next.next().is_some_and(|c| c.is_ascii_lowercase())
            && matches!(next.next(), Some('.' | ')'))
            && next.next() == Some(' ')
    }

    fn lead_may_start(&self) -> bool {
        self.inline
            .as_ref()
            .is_some_and(|inline| inline.text.trim().is_empty())
    }

    /// Words directly in an item of a tight list have no paragraph of their own.
    fn ensure_inline(&mut self, lines: Range<u32>) {
        match &mut self.inline {
            Some(inline) => inline.lines.end = inline.lines.end.max(lines.end),
            None => {
                self.inline = Some(Inline {
                    lines,
                    ..Inline::default()
                });
            }
        }
    }

    fn open_inline(&mut self, lines: Range<u32>) {
        if self.skipped == 0 {
            self.close_inline();
        }
        self.strong = 0;
        self.in_lead = false;
        self.ensure_inline(lines);
    }

    fn close_inline(&mut self) {
        if self.skipped > 0 {
            self.words_apart();
            return;
        }
        self.in_lead = false;
        let heading = self.heading.take();
        let Some(text) = self.inline.take() else {
            return;
        };
        if text.text.trim().is_empty() {
            return;
        }
        match heading {
            Some(level) => self.push(Block::Heading { level, text }),
            None => self.push(Block::Paragraph(text)),
        }
    }

    /// Keeps words of blocks that are nested too deep from running together.
    fn words_apart(&mut self) {
        if let Some(inline) = &mut self.inline {
            inline.text.push(' ');
        }
    }

    fn open_frame(&mut self, frame: Frame, line: u32) {
        if self.frames.len() > DEEPEST || self.skipped > 0 {
            self.skipped += 1;
            self.too_deep.get_or_insert(line);
            return;
        }
        self.close_inline();
        self.frames.push(frame);
    }

    fn close_frame(&mut self) {
        if self.frames.len() < 2 {
            return;
        }
        match self.frames.pop() {
            Some(Frame::List(list)) => self.push(Block::List(list)),
            Some(Frame::Quote(blocks)) => self.push(Block::Quote(blocks)),
            Some(Frame::Item(item)) => match self.frames.last_mut() {
                Some(Frame::List(list)) => {
                    list.tasks |= item.task;
                    list.items.push(item);
                }
                _ => item.blocks.into_iter().for_each(|block| self.push(block)),
            },
            Some(Frame::Blocks(blocks)) => blocks.into_iter().for_each(|block| self.push(block)),
            None => {}
        }
    }

    fn push(&mut self, block: Block) {
        match self.frames.last_mut() {
            Some(Frame::Blocks(blocks) | Frame::Quote(blocks)) => blocks.push(block),
            Some(Frame::Item(item)) => item.blocks.push(block),
            Some(Frame::List(_)) | None => {}
        }
    }

    /// Lines of a byte range without the white space at its end, end exclusive.
    fn line_range(&self, range: &Range<usize>) -> Range<u32> {
        let start = self.lines.at(range.start);
        let length = self
            .text
            .get(range.clone())
            .map_or(0, |text| text.trim_end().len());
        let last = self.lines.at(range.start + length.saturating_sub(1));
        start..last.max(start).saturating_add(1)
    }
}

/// Reads `<h1 align="center">Name</h1>` as its level and its words.
fn heading_of_html(html: &str) -> Option<(u8, String)> {
    let mut rest = html.trim_start();
    // It may be wrapped: `<div align="center"><h1>`.
    let wrapper = |text: &'_ str| {
        ["<div", "<center", "<p"].iter().any(|tag| {
            let after = text.strip_prefix(tag);
            after.is_some_and(|after| after.starts_with(['>', ' ', '\n']))
        })
    };
    while wrapper(rest) {
        rest = rest.split_once('>')?.1.trim_start();
    }
    let after = rest
        .strip_prefix("<h")
        .or_else(|| rest.strip_prefix("<H"))?;
    let level = u8::try_from(after.chars().next()?.to_digit(10)?).ok()?;
    let (attributes, inner) = after.get(1..)?.split_once('>')?;
    let own = attributes.is_empty() || attributes.starts_with(char::is_whitespace);
    let (inner, _) = inner
        .split_once("</h")
        .or_else(|| inner.split_once("</H"))?;
    let mut words = String::new();
    let mut inside = false;
    for c in inner.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => words.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> = words.split_whitespace().collect();
    ((1..=6).contains(&level) && own && !words.is_empty()).then(|| (level, words.join(" ")))
}
