//! Encodings for places that read more into a text than its letters: spreadsheets, case comments, titles.
//!
//! All of them take [`Safe`], so that controls and hidden characters are gone before the encoding starts.
//! What must not live here: writing to those places.

use super::Safe;

/// Encodes one cell of a CSV file (RFC 4180), guarded against being run as a formula.
///
/// What a spreadsheet takes as the start of a formula gets a `'` in front: at the start of the cell, and behind what some take
/// for the end of one, whatever quotes stand around it.
pub fn csv_cell(text: &Safe) -> String {
    let text = text.as_str();
    let is_formula = text.starts_with(['\t', '\r']) || begins_formula(text);
    let guard = if is_formula { "'" } else { "" };
    let text = guarded(text);
    if is_formula || text.contains([',', ';', '"', '\n', '\r', '\t']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn begins_formula(text: &str) -> bool {
    // A quote before it is taken away by whoever splits there.
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | ';'));
    text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// Puts a `'` behind each separator that a formula would begin after.
fn guarded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    for (at, c) in text.char_indices() {
        out.push(c);
        let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
        if matches!(c, ';' | '\t' | '\n') && begins_formula(rest) {
            out.push('\'');
        }
    }
    out
}

/// Encodes text for a comment that is read as Markdown, so that it shows as it is: no links, no images, no
/// HTML, no lists, no code.
pub fn markdown(text: &Safe) -> String {
    let mut out = String::with_capacity(text.as_str().len() + 16);
    let mut lines = text.as_str().split('\n').peekable();
    while let Some(line) = lines.next() {
        markdown_line(line, &mut out);
        if let Some(next) = lines.peek() {
            // A hard break between two lines of one paragraph; blank lines part paragraphs.
            let joins = !line.trim().is_empty() && !next.trim().is_empty();
            out.push_str(if joins { "\\\n" } else { "\n" });
        }
    }
    out
}

fn markdown_line(line: &str, out: &mut String) {
    let body = line.trim_end_matches(' ');
    let mut before = '\n';
    let mut is_indent = true;
    // Blanks and digits keep the start of a line: "  - x", "12. x", "3) x".
    let mut is_start = true;
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or('\n');
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Four blanks would start code.
            ' ' if is_indent => out.push_str("&#32;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '@' | '!' | '$' | '^' | '{'
            | '}' => {
                out.extend(['\\', c]);
            }
            // `http:`, `mailto:`, but not 12:30 or "user: x".
            ':' if is_start && !before.is_ascii_digit() => out.push_str("\\:"),
            ':' if !(next.is_whitespace() || before.is_ascii_digit() && next.is_ascii_digit()) => {
                out.push_str("\\:");
            }
            // `www.x`, `evil.example`, but not 10.0.0.1; at a line start `1.` is a list.
            '.' if next.is_alphabetic() || is_start => out.push_str("\\."),
            '-' | '+' | '=' | ')' if is_start => out.extend(['\\', c]),
            _ => out.push(c),
        }
        is_indent = is_indent && c == ' ';
        is_start = is_start && (c == ' ' || c.is_ascii_digit());
        before = c;
    }
    // Two blanks at the end would be a break.
    if !body.is_empty() {
        for _ in body.len()..line.len() {
            out.push_str("&#32;");
        }
    }
}

/// Encodes a window title: letters, digits, blank and `._-` of ASCII; anything else becomes `_`.
///
/// At most 80 characters.
pub fn window_title(text: &Safe) -> String {
    text.as_str()
        .chars()
        .take(80)
        .map(|c| if is_title_char(c) { c } else { '_' })
        .collect()
}

/// Tells whether a character may stand in a window title.
pub fn is_title_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
    use rstest::rstest;

    use super::super::Untrusted;
    use super::*;

    #[rstest]
    #[case("plain", "plain")]
    #[case("a,b", "\"a,b\"")]
    #[case("say \"x\"", "\"say \"\"x\"\"\"")]
    #[case("=1+1", "\"'=1+1\"")]
    #[case("+1", "\"'+1\"")]
    #[case("-1", "\"'-1\"")]
    #[case("@x", "\"'@x\"")]
    #[case("  =1", "\"'  =1\"")]
    #[case("＝1", "\"'＝1\"")]
    #[case("a=b", "a=b")]
    #[case("x;=cmd|'/c calc'!A0;y", "\"x;'=cmd|'/c calc'!A0;y\"")]
    #[case("x; \"=1", "\"x;' \"\"=1\"")]
    #[case("x;y", "\"x;y\"")]
    fn csv_cells(#[case] raw: &str, #[case] expected: &str) {
        assert_eq!(csv_cell(&Untrusted::new(raw).line()), expected);
    }

    #[rstest]
    #[case("https://evil.example/x", "https\\://evil\\.example/x")]
    #[case("www.evil.example", "www\\.evil\\.example")]
    #[case("at 12:30 from 10.0.0.1", "at 12:30 from 10.0.0.1")]
    #[case("<img src=x>", "&lt;img src=x&gt;")]
    #[case("- item", "\\- item")]
    #[case("12. item", "12\\. item")]
    #[case("    code", "&#32;&#32;&#32;&#32;code")]
    #[case("one\ntwo\n\nthree", "one\\\ntwo\n\nthree")]
    fn comments(#[case] raw: &str, #[case] expected: &str) {
        assert_eq!(markdown(&Untrusted::new(raw).block()), expected);
    }

    #[rstest]
    #[case("quell - CASE_7", "quell - CASE_7")]
    #[case("a;b\u{7}", "a_b_G")]
    fn titles(#[case] raw: &str, #[case] expected: &str) {
        assert_eq!(window_title(&Untrusted::new(raw).line()), expected);
    }

    /// Reads a comment back; `None` where it holds more than paragraphs of text.
    fn read_back(markdown: &str) -> Option<String> {
        let mut text = String::new();
        // Typographic quotes change letters on purpose.
        let options = Options::all().difference(Options::ENABLE_SMART_PUNCTUATION);
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(part) => text.push_str(&part),
                Event::SoftBreak | Event::HardBreak => text.push('\n'),
                Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
                _ => return None,
            }
        }
        Some(text)
    }

    proptest! {
        #[test]
        fn a_comment_is_nothing_but_its_text(
            raw in r"[ \-+=*_`#>|~\[\]()!<&;:.@$^{}\\/'wht0-9a-z\n]{0,60}"
        ) {
            let safe = Untrusted::new(raw).block();
            let comment = markdown(&safe);
            let text = read_back(&comment);
            prop_assert!(text.is_some(), "{comment:?}");
            // The renderer drops blanks at line ends only where they stand alone.
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&text.unwrap_or_default()), letters(safe.as_str()));
        }
    }
}
