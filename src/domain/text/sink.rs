//! Encodings for places that read more into a text than its letters: spreadsheets, case comments, titles.
//!
//! All of them take [`Safe`], so that controls and hidden characters are gone before the encoding starts.
//! What must not live here: writing to those places.

use super::Safe;

/// Encodes one cell of a CSV file (RFC 4180), guarded against being run as a formula.
///
/// A cell whose first character a spreadsheet takes as the start of a formula gets a `'` in front.
pub fn csv_cell(text: &Safe) -> String {
    let text = text.as_str();
    let is_formula = text.starts_with(['\t', '\r'])
        || text
            .trim_start()
            .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let guard = if is_formula { "'" } else { "" };
    if is_formula || text.contains([',', ';', '"', '\n', '\r', '\t']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
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
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '@' | '!' | '$' => {
                out.extend(['\\', c]);
            }
            // `http:`, `mailto:`, but not 12:30 or "user: x".
            ':' if !next.is_whitespace() && !(before.is_ascii_digit() && next.is_ascii_digit()) => {
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
