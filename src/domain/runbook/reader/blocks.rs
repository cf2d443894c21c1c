//! Markdown into a tree of blocks with source lines: headings, paragraphs, lists, fences.
//!
//! What lives here: everything that knows the Markdown parser. What must not: what a block means for a runbook.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::lines::Lines;

/// Lists and quotes nested deeper than this are read as text of their parent.
const DEEPEST: usize = 24;

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
    Code {
        line: u32,
        language: String,
        text: String,
    },
    Table {
        line: u32,
        boxes: bool,
    },
    FrontMatter(String),
}

#[derive(Clone, Debug)]
pub(super) struct List {
    pub ordered: bool,
    pub line: u32,
    pub items: Vec<Item>,
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

enum Frame {
    Blocks(Vec<Block>),
    Quote(Vec<Block>),
    List(List),
    Item(Item),
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
    code: Option<(u32, String, String)>,
    front: Option<String>,
    table: Option<(u32, String)>,
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
                if let Some(inline) = &mut self.inline
                    && self.table.is_none()
                {
                    inline.codes.push((code.to_string(), line));
                }
            }
            Event::SoftBreak => self.words(" ", range),
            Event::HardBreak => self.line_feed(range),
            Event::InlineHtml(html) if html.to_lowercase().starts_with("<br") => {
                self.line_feed(range);
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
                    }),
                    line,
                );
            }
            Tag::Item => {
                let line = lines.start;
                let item = Item {
                    task: false,
                    lines,
                    blocks: Vec::new(),
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
                self.code = Some((lines.start, language, String::new()));
            }
            Tag::MetadataBlock(_) => self.front = Some(String::new()),
            Tag::Table(_) => {
                self.close_inline();
                self.table = Some((lines.start, String::new()));
            }
            Tag::Strong => {
                self.strong += 1;
                if let Some(inline) = &mut self.inline
                    && inline.text.trim().is_empty()
                {
                    self.in_lead = true;
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
                if let Some((line, language, text)) = self.code.take() {
                    self.push(Block::Code {
                        line,
                        language,
                        text,
                    });
                }
            }
            TagEnd::MetadataBlock(_) => {
                if let Some(text) = self.front.take() {
                    self.push(Block::FrontMatter(text));
                }
            }
            TagEnd::Table => {
                if let Some((line, text)) = self.table.take() {
                    let boxes = text.contains(['☐', '☑', '□', '✅']) || text.contains("[ ]");
                    self.push(Block::Table { line, boxes });
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
        if let Some((_, _, code)) = &mut self.code {
            code.push_str(words);
        } else if let Some(front) = &mut self.front {
            front.push_str(words);
        } else if let Some((_, table)) = &mut self.table {
            table.push_str(words);
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

    fn line_feed(&mut self, range: &Range<usize>) {
        self.words("\n", range);
        let line = self.lines.at(range.end);
        if let Some(inline) = &mut self.inline
            && inline.text.ends_with('\n')
        {
            inline.breaks.push(line);
        }
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
                Some(Frame::List(list)) => list.items.push(item),
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
