//! From the typed text to the comment: three signs mean something, everything else is escaped.
//!
//! `# ` at the start of a line is a heading, `- ` an item, `- ` after blanks an item below it. Whatever else Markdown
//! would read is shown as it is. What must not live here: what a text says.

use crate::domain::text::{Safe, Untrusted, sink};

/// What one line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Blank,
    Heading(&'a str),
    Item { below: bool, text: &'a str },
    Plain(&'a str),
}

fn line_of(raw: &str) -> Line<'_> {
    let bare = raw.trim();
    if bare.is_empty() {
        return Line::Blank;
    }
    if let Some(text) = raw.strip_prefix("# ").map(str::trim)
        && !text.is_empty()
    {
        return Line::Heading(text);
    }
    if let Some(text) = bare.strip_prefix("- ").map(str::trim)
        && !text.is_empty()
    {
        let below = raw.starts_with(' ');
        return Line::Item { below, text };
    }
    Line::Plain(raw.trim_end())
}

/// Lays a text out as Markdown.
pub fn markdown(text: &Untrusted) -> String {
    let mut out = String::new();
    let mut before = Line::Blank;
    for raw in text.raw().lines() {
        let line = line_of(raw);
        let after_item = matches!(before, Line::Item { .. });
        let gap = match (before, line) {
            (_, Line::Blank) => {
                before = Line::Blank;
                continue;
            }
            _ if out.is_empty() => "",
            // A hard break between two lines of one paragraph.
            (Line::Plain(_), Line::Plain(_)) => "\\\n",
            (Line::Item { .. }, Line::Item { .. }) => "\n",
            _ => "\n\n",
        };
        out.push_str(gap);
        match line {
            Line::Blank => {}
            Line::Heading(text) => {
                out.push_str("**");
                out.push_str(&escaped(text));
                out.push_str("**");
            }
            Line::Item { below, text } => {
                out.push_str(if below && after_item { "  - " } else { "- " });
                out.push_str(&escaped(text));
            }
            Line::Plain(text) => out.push_str(&escaped(text)),
        }
        before = line;
    }
    out
}

fn escaped(text: &str) -> String {
    // A block has the widest cap: a long line is kept whole.
    sink::markdown(&Untrusted::new(text).block())
}

/// Gives the comment as it is posted, but for the marks that find it again and anchor the log.
pub fn comment(text: &Untrusted, by: &Safe) -> String {
    format!("{}\n\nby {}", markdown(text), sink::markdown(by))
}

/// Counts headings that nothing was written under.
pub fn unanswered(text: &str) -> usize {
    let mut lines = text
        .lines()
        .map(line_of)
        .filter(|line| *line != Line::Blank);
    let mut empty = 0;
    let mut open = false;
    for line in &mut lines {
        let is_heading = matches!(line, Line::Heading(_));
        empty += usize::from(open && is_heading);
        open = is_heading;
    }
    empty + usize::from(open)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "# What\nplain\nmore\n- one\n  - below\nafter",
        "**What**\n\nplain\\\nmore\n\n- one\n  - below\n\nafter"
    )]
    #[case("a\n\n\n\nb", "a\n\nb")]
    #[case("  - alone", "- alone")]
    #[case("#no\n##  no", "\\#no\\\n\\#\\#  no")]
    #[case("- ", "\\-")]
    #[case("- [x](http://e.example)", "- \\[x\\](http\\://e\\.example)")]
    #[case("* _a_ `b` <i>", "\\* \\_a\\_ \\`b\\` &lt;i&gt;")]
    fn only_headings_and_items_mean_something(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(markdown(&text.into()), expected);
    }

    #[rstest]
    #[case("# A\n\n# B\nx\n# C\n", 2)]
    #[case("# A\nx", 0)]
    #[case("", 0)]
    fn empty_questions_are_counted(#[case] text: &str, #[case] count: usize) {
        assert_eq!(unanswered(text), count);
    }

    /// The text of a Markdown document as a reader sees it, and the tags in it that are not ours.
    fn read(markdown: &str) -> (String, Vec<String>) {
        let (mut text, mut foreign) = (String::new(), Vec::new());
        for event in Parser::new_ext(markdown, Options::all()) {
            match event {
                Event::Text(part) => text.push_str(&part),
                Event::SoftBreak | Event::HardBreak => text.push('\n'),
                Event::Start(Tag::Paragraph | Tag::Strong | Tag::List(None) | Tag::Item)
                | Event::End(
                    TagEnd::Paragraph | TagEnd::Strong | TagEnd::List(false) | TagEnd::Item,
                ) => {
                    text.push('\n');
                }
                other => foreign.push(format!("{other:?}")),
            }
        }
        (text, foreign)
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_text(text in "([-# ]{0,4}[ -~\u{e9}\u{202e}]{0,20}\n){0,8}") {
            let laid = markdown(&text.as_str().into());
            let (shown, foreign) = read(&laid);
            prop_assert!(foreign.is_empty(), "{foreign:?} in {laid:?}");
            let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
            let typed = Untrusted::new(text.as_str()).block();
            prop_assert_eq!(letters(&shown), letters(typed.as_str()));
        }
    }
}
